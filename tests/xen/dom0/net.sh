# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2154 # lab is lib.sh's
#
# dom0's side of a guest's network: taps, each a network of its own with two hosts, and
# what runs on them. A tap with the number 7 has the addresses 10.0.7.1 and fd00:7::1, the
# guest behind it 10.0.7.2 and fd00:7::2. Sourced by lib.sh.

# busybox's comes first, and knows nothing of queues.
ip() {
	/usr/bin/ip "$@"
}

# make_tap NAME NUMBER [QUEUES]: an interface for a daemon to open, up, with addresses.
make_tap() {
	load_modules net
	ip tuntap add dev "$1" mode tap vnet_hdr ${3:+multi_queue} || fail "no tap $1"
	ip addr add "10.0.$2.1/24" dev "$1"
	ip -6 addr add "fd00:$2::1/64" dev "$1" nodad
	ip link set "$1" up || fail "$1 does not come up"
}

# remove_tap NAME: also from under its user.
remove_tap() {
	ip link del "$1" || fail "$1 cannot be removed"
}

# make_vlan TAP ID NUMBER: a network with a tag on a tap: TAP.ID, with addresses.
make_vlan() {
	ip link add link "$1" name "$1.$2" type vlan id "$2" || fail "no VLAN $2 on $1"
	ip addr add "10.0.$3.1/24" dev "$1.$2"
	ip -6 addr add "fd00:$3::1/64" dev "$1.$2" nodad
	ip link set "$1.$2" up
}

# make_bridge NAME NUMBER: with the addresses that a tap with the number would have.
make_bridge() {
	load_modules net
	ip link add "$1" type bridge || fail "no bridge $1"
	ip addr add "10.0.$2.1/24" dev "$1"
	ip -6 addr add "fd00:$2::1/64" dev "$1" nodad
	ip link set "$1" up
}

# make_macvtap NAME NUMBER: on a cable whose other end, NAME-far, has the addresses.
make_macvtap() {
	load_modules net
	ip link add "$1-far" type veth peer name "$1-near" || fail "no cable for $1"
	ip addr add "10.0.$2.1/24" dev "$1-far"
	ip -6 addr add "fd00:$2::1/64" dev "$1-far" nodad
	ip link set "$1-far" up
	ip link set "$1-near" up
	ip link add link "$1-near" name "$1" type macvtap mode bridge || fail "no macvtap $1"
	ip link set "$1" up
}

# make_uplink NAME: as if dom0 had a network with 192.0.2.1 as its gateway.
make_uplink() {
	load_modules net
	ip link add "$1" type bridge || fail "no bridge $1"
	ip addr add 192.0.2.2/24 dev "$1"
	ip link set "$1" up
	ip route add default via 192.0.2.1 dev "$1"
}

# set_carrier NAME 0|1: as if its cable was pulled, or put in again.
set_carrier() {
	echo "$2" > "/sys/class/net/$1/carrier" || fail "the carrier of $1 cannot be set to $2"
	say "$1 has carrier $2"
}

# --- what runs on them --------------------------------------------------------

# helper NAME COMMAND...: a program that runs until the scenario ends, or until end_helper;
# its output is in $lab/helpers/NAME.log.
helper() {
	local name
	name=helpers/$1
	shift
	mkdir -p "$lab/helpers"
	: > "$lab/$name.log"
	spawn "$name" "$@"
}

kill_helper() {
	kill -KILL "$(pid_of "helpers/$1")"
	within 10 ended "helpers/$1" || fail "$1 does not end"
}

end_helper() {
	kill "$(pid_of "helpers/$1")"
	within 10 ended "helpers/$1" || fail "$1 does not end"
}

# serve_dhcp TAP NUMBER [FILE]: FILE is what to boot from.
serve_dhcp() {
	cat > "$lab/$1-dhcp.conf" <<-END
		interface $1
		start 10.0.$2.2
		end 10.0.$2.2
		option subnet 255.255.255.0
		${3:+boot_file $3}
		lease_file $lab/$1-dhcp.leases
		pidfile $lab/$1-dhcp.udhcpd
	END
	: > "$lab/$1-dhcp.leases"
	helper "$1-dhcp" busybox udhcpd -f "$lab/$1-dhcp.conf"
}

# serve_boot TAP NUMBER KERNEL WORDS: all that a guest needs to boot from this network with
# iPXE: its address, and by HTTP a script, kernel and initrd.
serve_boot() {
	local www
	www=$lab/www
	mkdir -p "$www"
	ln -s "/share/boot/$3-vmlinuz" "$www/vmlinuz"
	ln -s "/share/boot/$3-initrd" "$www/initrd"
	cat > "$www/script" <<-END
		#!ipxe
		kernel vmlinuz console=hvc0 quiet panic=1 $4
		initrd initrd
		boot
	END
	serve_dhcp "$1" "$2" "http://10.0.$2.1/script"
	helper "$1-http" busybox httpd -f -vv -p "10.0.$2.1:80" -h "$www"
}

# serve_peer: what guests' "net" speaks with, on all taps.
serve_peer() {
	helper peer /share/bin/net serve
	within 10 grep -q ready "$lab/helpers/peer.log" || fail "no peer: $(cat "$lab/helpers/peer.log")"
}

# serve_passt NAME [OPTIONS]: passt as an ordinary user; its socket is $lab/passt/NAME.
serve_passt() {
	local name
	name=$1
	shift
	mkdir -p "$lab/passt"
	chown 1000:1000 "$lab/passt"
	# shellcheck disable=SC2016 # the words are that shell's
	helper "$name" capsh --gid=1000 --uid=1000 -- -c 'exec passt "$@"' passt \
		--foreground --stderr --socket "$lab/passt/$name" "$@"
	within 10 test -S "$lab/passt/$name" || fail "no passt: $(cat "$lab/helpers/$name.log")"
}

# capture FILE TAP ... end_capture FILE: what goes through the tap in between, by kinds of
# frames (see capture.c).
capture() {
	helper "$1" /share/bin/capture "$2"
	within 10 grep -q ready "$lab/helpers/$1.log" || fail "no capture: $(cat "$lab/helpers/$1.log")"
}

end_capture() {
	end_helper "$1"
	sed "s/^/$1: /" "$lab/helpers/$1.log"
	expect_frames "$1" '^0 frames were missed'
}

# expect_frames FILE PATTERN / expect_no_frames FILE PATTERN, of a capture that has ended
expect_frames() {
	grep -Eq -e "$2" "$lab/helpers/$1.log" || fail "$1: no frames of the kind: $2"
}

expect_no_frames() {
	! grep -E -m 1 -e "$2" "$lab/helpers/$1.log" || fail "$1: frames of the kind: $2"
}

# captured GUEST TAP WORD: what goes through the tap while the guest does what it calls by this
# word, with no wrong checksum.
captured() {
	mark "$1" "ready $3"
	capture "$3" "$2"
	tell "$1" go
	mark "$1" "done $3"
	end_capture "$3"
	expect_no_frames "$3" WRONG
}

# --- afterwards --------------------------------------------------------------

# end_net: helpers end, their logs are for everybody, interfaces go.
end_net() {
	local file
	for file in "$lab"/helpers/*.pid; do
		[ ! -e "$file" ] || [ -e "${file%.pid}.status" ] || kill "$(cat "$file")"
	done
	cp "$lab"/helpers/*.log "$lab/" 2> /dev/null
	for file in /sys/class/net/*; do
		[ "$(basename "$file")" = lo ] || ip link del "$(basename "$file")" 2> /dev/null
	done
	true
}
