# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2154 # lab and patience are lib.sh's
#
# Instances by their configuration files, as their administrator has them: sourced by lib.sh.

instances=/etc/xenvirtiod

# configure INSTANCE LINE...: its configuration file.
configure() {
	local instance
	instance=$1
	shift
	grep -q " $instances " /proc/mounts || mount -t tmpfs tmpfs $instances
	printf '%s\n' "$@" > "$instances/$instance.conf"
}

# guest_file NAME ...: what create has, but nothing is created: $lab/NAME.cfg.
guest_file() {
	guest_config "$@" > "$lab/$1.cfg" || fail "no configuration of $1"
}

# run_guest NAME: "xenvirtioctl run" as "run-NAME" until it ends.
run_guest() {
	spawn "run-$1" xenvirtioctl run "$lab/$1.cfg"
}

# version INSTANCE / version_of PROGRAM: of the process that serves it, of the one that would.
version() {
	xenvirtioctl stats --name "$1" 2> /dev/null | awk '$2 == "version" { print $3 }'
}

version_of() {
	"$1" --version | sed 's/.* //'
}

domid_of() {
	xl domid "$1" 2> /dev/null
}

# booted NAME N: the guest has come up N times.
booted() {
	wait_said "$1" "MARK boot-$2 "
	say "$1: boot $2, domain $(domid_of "$1")"
}

# goes_on NAME: the guest begins another turn of its load, after the one that it is in.
goes_on() {
	within "$patience" more_turns "$1" $(($(turns "$1") + 1)) || fail "$1 does not go on"
	say "$1 goes on"
}

# turns NAME / more_turns NAME N: that it has begun.
turns() {
	console "$1" | grep -c 'MARK boot-'
}

more_turns() {
	[ "$(turns "$1")" -gt "$2" ]
}

# nothing_is_left: no domain, no process, no file of any instance.
nothing_is_left() {
	within 15 no_domains || fail "a domain stays: $(domains)"
	within 15 no_files || fail "left in /run/xenvirtiod: $(ls /run/xenvirtiod)"
	within 5 no_daemon || fail "a daemon stays: $(daemons)"
}

no_files() {
	[ -z "$(ls /run/xenvirtiod 2> /dev/null)" ]
}

no_daemon() {
	[ -z "$(daemons)" ]
}

# daemons: their process ids.
daemons() {
	local comm
	for comm in /proc/[0-9]*/comm; do
		[ "$(cat "$comm" 2> /dev/null)" != xenvirtiod ] || basename "$(dirname "$comm")"
	done
}

# --- with systemd, where the kernel's command line says lab_systemd -------------------

# shown INSTANCE PROPERTY: of its unit.
shown() {
	systemctl show --value -p "$2" "xenvirtiod@$1"
}

# is_shown INSTANCE PROPERTY VALUE
is_shown() {
	[ "$(shown "$1" "$2")" = "$3" ]
}

# restart_unnoticed INSTANCE: by another process, while the guest goes on.
restart_unnoticed() {
	local before
	before=$(shown "$1" MainPID)
	systemctl restart "xenvirtiod@$1" || { show_unit "$1"; fail "systemctl restart $1"; }
	[ "$(shown "$1" MainPID)" != "$before" ] || fail "$1: the same process serves"
	is_shown "$1" SubState running || fail "$1: $(shown "$1" SubState)"
	goes_on "$1"
	say "$1: restarted, process $(shown "$1" MainPID)"
}

show_unit() {
	systemctl --no-pager status "xenvirtiod@$1"
	journalctl --no-pager -u "xenvirtiod@$1" | tail -n 30
}

end_instances() {
	umount $instances 2> /dev/null
	true
}
