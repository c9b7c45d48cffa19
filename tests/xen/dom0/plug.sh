# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2154 # lab and patience are lib.sh's
#
# Devices that come to a running guest and leave it, with what they serve: sourced by lib.sh.

# attach INSTANCE blk|net OPTIONS
attach() {
	begin_attach "$@"
	end_attach "$1"
}

# begin_attach INSTANCE blk|net OPTIONS ... end_attach INSTANCE: by ACPI it waits for the guest
# in between. What it says then is in attach-INSTANCE.log.
begin_attach() {
	: > "$lab/attach-$1.log"
	spawn "attach-$1" xenvirtioctl attach --name "$@"
	say "$1: is told to attach $2 $3"
}

end_attach() {
	within "$patience" ended "attach-$1" || fail "xenvirtioctl attach does not end"
	sed "s/^/attach: /" "$lab/attach-$1.log"
	exited "attach-$1" 0
}

# told INSTANCE rescan|acpi|port: what the last attach has left to the guest.
told() {
	case $2 in
	rescan) grep -q 'echo 1 > /sys/bus/pci/rescan' "$lab/attach-$1.log" ;;
	acpi | port) [ ! -s "$lab/attach-$1.log" ] ;;
	esac || fail "the guest should come to know by $2"
}

# detach INSTANCE BDF [--force]
detach() {
	begin_detach "$@"
	end_detach "$2"
}

# begin_detach INSTANCE BDF [--force] ... end_detach BDF: it waits for the guest in between.
begin_detach() {
	spawn "detach-$2" xenvirtioctl detach --name "$1" ${3:+"$3"} "$2"
	say "$1: is told to detach $2${3:+ by force}"
}

end_detach() {
	within "$patience" ended "detach-$1" || fail "xenvirtioctl detach $1 does not end"
	exited "detach-$1" 0
	sed "s/^/detach $1: /" "$lab/detach-$1.log"
}

# keep INSTANCE BDF: who has asked to detach what is in a slot gives it up within Linux's 5 s.
keep() {
	begin_detach "$1" "$2"
	sleep 1
	kill "$(pid_of "detach-$2")"
	within 5 grep -q "$2 .*: stays" "$lab/$1.log" || fail "$2 does not stay"
	sleep 8
}

# served INSTANCE: the places of its devices.
served() {
	xenvirtioctl list | sed -n "s/^$1 //p" | grep -o '0[0-9a-f]:[01][0-9a-f]\.0' | xargs
}

# serves INSTANCE BDF...: these devices, and no others.
serves() {
	local instance
	instance=$1
	shift
	[ "$(served "$instance")" = "$*" ]
}

# is_free IMAGE: another process may have it, locked.
is_free() {
	qemu-io -f raw -c quit "$1" > "$lab/qemu-io.log" 2>&1
}

# taken IMAGE / freed IMAGE: while a device serves it, and afterwards.
taken() {
	! is_free "$1" || fail "$1 can be opened twice"
}

freed() {
	is_free "$1" || fail "$1 is still taken: $(cat "$lab/qemu-io.log")"
}

# taken_tap NAME / freed_tap NAME: the same for a tap. A free one goes.
taken_tap() {
	! ip tuntap del dev "$1" mode tap 2> /dev/null || fail "$1 can be opened twice"
}

freed_tap() {
	ip tuntap del dev "$1" mode tap || fail "$1 is still taken"
}

# plug_round N INSTANCE rescan|acpi|port [OPTION]: what the guest a's check plug.sh is to see as its
# round N. The devices are this instance's, with the same OPTION.
plug_round() {
	local key=bdf disk=00:07.0 net=00:08.0
	[ "$3" != port ] || key=port disk=00:1c.0 net=00:1d.0
	mark a "ready $1 attach"
	make_tap t8 8
	attach "$2" blk "$key=$disk,path=b.img${4:+,$4}"
	told "$2" "$3"
	attach "$2" net "$key=$net,tap=t8${4:+,$4}"
	told "$2" "$3"
	serves "$2" 00:06.0 $disk $net || fail "$2 serves $(served "$2")"
	taken b.img
	taken_tap t8
	[ "$3 $1" != 'port 1' ] || keep "$2" $disk
	tell a go
	mark a "ready $1 detach"
	begin_detach "$2" $disk
	begin_detach "$2" $net
	tell a go
	end_detach $disk
	end_detach $net
	serves "$2" 00:06.0 || fail "$2 serves $(served "$2")"
	freed b.img
	freed_tap t8
	mark a "ready $1 gone"
	tell a go
	say "round $1 is over"
}

# --- in spite of kills --------------------------------------------------------

# attach_anyhow INSTANCE BDF blk|net OPTIONS / detach_anyhow INSTANCE BDF: again and again, while the
# instance, which is supervised, is killed, until it is done.
attach_anyhow() {
	until serves_too "$1" "$2"; do
		try_and_kill "$1" 800 xenvirtioctl attach --name "$1" "$3" "$4"
	done
}

detach_anyhow() {
	while serves_too "$1" "$2"; do
		try_and_kill "$1" 3000 xenvirtioctl detach --name "$1" "$2"
	done
}

# serves_too INSTANCE BDF: this one among others.
serves_too() {
	served "$1" | grep -qw "$2"
}

# try_and_kill INSTANCE MS COMMAND...: three times out of four at a random moment. $kills counts.
try_and_kill() {
	local before instance ms
	instance=$1
	ms=$2
	before=$(grep -c ready "$lab/$instance.log")
	shift 2
	spawn "try-$instance" "$@"
	if [ "$(random_below 4)" != 0 ]; then
		pause_below "$ms"
		kill_somehow "$instance"
		kills=$((kills + 1))
		wait_ready "$instance" "$before"
	fi
	within "$patience" ended "try-$instance" || fail "$* does not end"
	sed -n '$s/^/said: /p' "$lab/try-$instance.log"
}
