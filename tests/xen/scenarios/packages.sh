# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2154 # lab is lib.sh's
#
# The packages of "make deb" in dom0: installed, upgraded and removed, while an instance serves a
# guest, which is not disturbed by any of it, nor by a restart with the new program.
# tier: full
# limit: 600
# servers: later
# dom0: lab_systemd
dpkg=/usr/bin/dpkg

# installed VERSION
installed() {
	# shellcheck disable=SC2016 # dpkg-query fills these in
	$dpkg-query -W -f '${db:Status-Status} ${Version}' xenvirtiod 2> /dev/null | grep -q "^installed $1"
}

# begin BOOT: the guest, served by what is installed.
begin() {
	xl create -q -p a.cfg || fail "xl create a"
	systemctl start xenvirtiod@a || { show_unit a; fail "systemctl start"; }
	pid=$(shown a MainPID)
	[ "$(readlink "/proc/$pid/exe")" = /usr/sbin/xenvirtiod ] || fail "another program serves"
	start a
	booted a "$1"
}

# undisturbed STEP VERSION: the same process serves, of this version, and the guest goes on.
undisturbed() {
	[ "$(shown a MainPID)" = "$pid" ] || fail "$1: another process serves"
	[ "$(version a)" = "$2" ] || fail "$1: version $(version a) serves"
	goes_on a
	say "after $1: process $pid serves, version $2"
}

[ -e /share/debs/new.deb ] || fail "there are no packages: make deb"
mount -o remount,rw /
$dpkg -i /share/debs/old.deb || fail "not to be installed"
installed '[0-9.]*$' || fail "is not installed"
[ "$(command -v xenvirtiod)" ] || fail "there is no xenvirtiod"
/usr/sbin/xenvirtioctl --version
old=$(version_of /usr/sbin/xenvirtiod)

mkdir -p /run/disks
blank_disk /run/disks/a.img 16
configure a "blk bdf=00:06.0,path=/run/disks/a.img" 'bridge give-up=60'
guest_file a pvh cloud lab=stay,00:06.0
begin 1
undisturbed start "$old"
$dpkg -i /share/debs/new.deb || fail "no upgrade"
installed '.*+later$' || fail "is not upgraded"
new=$(version_of /usr/sbin/xenvirtiod)
[ "$new" = "$old+later" ] || fail "the new program is version $new"
undisturbed upgrade "$old"
restart_unnoticed a
pid=$(shown a MainPID)
[ "$(readlink "/proc/$pid/exe")" = /usr/sbin/xenvirtiod ] || fail "the old program serves"
undisturbed "restart with the new program" "$new"
xl destroy a
within 10 is_shown a ActiveState inactive || fail "a: $(shown a ActiveState)"

begin 2
$dpkg -r xenvirtiod || fail "not to be removed"
[ ! -e /usr/sbin/xenvirtiod ] || fail "/usr/sbin/xenvirtiod is left"
undisturbed removal "$new"
xl shutdown a || fail "xl shutdown a"
wait_gone a
nothing_is_left
end_instances
$dpkg -P xenvirtiod
[ -z "$(find /usr /lib/systemd /etc -name '*xenvirtio*' ! -path /etc/xenvirtiod)" ] ||
	fail "left: $(find /usr /lib/systemd /etc -name '*xenvirtio*')"
rm -r /run/disks
mkdir -p /etc/xenvirtiod
expect_not a 'GUEST: FAIL'
