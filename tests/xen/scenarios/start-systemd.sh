# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2154 # lab is lib.sh's
#
# Instances as units of systemd's, which is dom0's PID 1 here: started by the device-model wrapper
# and by "xenvirtioctl run", started again when they were killed or hang, or when they are to be,
# under verified load that notices nothing; not when their configuration is wrong; and gone with
# their guest.
# tier: full
# limit: 900
# dom0: lab_systemd
cp /share/units/* /run/systemd/system/
systemctl daemon-reload

# restarted INSTANCE TIMES: so often since the unit was started.
restarted() {
	within 30 is_shown "$1" NRestarts "$2" || fail "$1: $(shown "$1" NRestarts) restarts"
	within 20 serving "$1" 2 || fail "$1: $(shown "$1" SubState), $(shown "$1" StatusText)"
}

# serving INSTANCE DEVICES: it runs, and says so of the guest's domain now.
serving() {
	is_shown "$1" SubState running &&
		is_shown "$1" StatusText "serves domain $(domid_of "$1"), $2 devices"
}

export ON_REBOOT=restart ON_CRASH=restart
mkdir -p /run/disks
boot_disk /run/disks/boot.img cloud 'root= lab=stay,00:07.0'
blank_disk /run/disks/a.img 16
configure a 'blk bdf=00:06.0,path=/run/disks/boot.img' 'blk bdf=00:07.0,path=/run/disks/a.img'
MORE="device_model_override='/share/bin/device-model'" guest_file a hvm disk
xl create -q a.cfg || { show_unit a; fail "xl create a"; }
booted a 1
serving a 2 || fail "a: $(shown a StatusText)"
systemctl reload xenvirtiod@a || fail "systemctl reload"
goes_on a

for _ in 1 2 3 4 5; do
	restart_unnoticed a
done
kill -USR1 "$(shown a MainPID)"
restarted a 1
goes_on a
systemctl restart xenvirtiod@a || fail "systemctl restart"
kill -KILL "$(shown a MainPID)"
restarted a 1
kill -STOP "$(shown a MainPID)"
restarted a 2
goes_on a
said a 'MARK boot-2' && fail "a has booted again"
xl reboot a || fail "xl reboot a"
booted a 2
serving a 2 || fail "a: $(shown a StatusText)"
xl shutdown a || fail "xl shutdown a"
wait_gone a
within 10 is_shown a ActiveState inactive || fail "a: $(shown a ActiveState)"
is_shown a Result success || fail "a: $(shown a Result)"
nothing_is_left

blank_disk /run/disks/b.img 16
configure b "blk bdf=00:06.0,path=/run/disks/b.img" 'bridge give-up=60'
guest_file b pvh cloud lab=stay,00:06.0
run_guest b
booted b 1
restart_unnoticed b
said b 'MARK boot-2' && fail "b has booted again"
xl reboot b || fail "xl reboot b"
booted b 2
kill -TERM "$(pid_of run-b)"
exited run-b 0
nothing_is_left
is_shown b Result success || fail "b: $(shown b Result)"

configure c 'blk bdf=wrong'
! systemctl start xenvirtiod@c || fail "a wrong configuration is no failure"
is_shown c ExecMainStatus 2 || fail "c: status $(shown c ExecMainStatus)"
is_shown c NRestarts 0 || fail "c: $(shown c NRestarts) restarts"
rm -r /run/disks
for unit in /share/units/*; do
	rm "/run/systemd/system/$(basename "$unit")" # they would hide an installed one
done
systemctl daemon-reload
expect_not a 'GUEST: FAIL'
expect_not b 'GUEST: FAIL'
