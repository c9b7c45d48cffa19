# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2154 # lab and patience are lib.sh's
#
# Devices that come to a running guest and leave it, with what they serve: sourced by lib.sh.

# attach INSTANCE blk|net OPTIONS
attach() {
	xenvirtioctl attach --name "$@" > "$lab/attach-$1.log" 2>&1 ||
		fail "xenvirtioctl attach $*: $(cat "$lab/attach-$1.log")"
	say "$1: attached: $3"
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

# plug_round N GUEST INSTANCE [OPTION]: with the guest's check plug.sh, whose round N this is.
plug_round() {
	mark "$2" "ready $1 attach"
	make_tap t8 8
	attach "$3" blk "bdf=00:07.0,path=b.img${4:+,$4}"
	attach "$3" net "bdf=00:08.0,tap=t8${4:+,$4}"
	serves "$3" 00:06.0 00:07.0 00:08.0 || fail "$3 serves $(served "$3")"
	taken b.img
	taken_tap t8
	tell "$2" go
	mark "$2" "ready $1 detach"
	begin_detach "$3" 00:07.0
	begin_detach "$3" 00:08.0
	tell "$2" go
	end_detach 00:07.0
	end_detach 00:08.0
	serves "$3" 00:06.0 || fail "$3 serves $(served "$3")"
	freed b.img
	freed_tap t8
	mark "$2" "ready $1 gone"
	tell "$2" go
	say "round $1 is over"
}
