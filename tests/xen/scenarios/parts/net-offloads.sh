# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2154 # memory is the scenario's
#
# Each offload on and off, big frames, a VLAN: what goes through the tap has the right
# checksums and segments of the right size.
make_tap t0 7
ip link set t0 mtu 9000
make_vlan t0 5 8
serve_peer
TOOLS=ethtool create_by "$memory" a lab=net-offloads 00:07.0
serve a --domain a --net "bdf=00:07.0,tap=t0,mtu=9000,memory=$memory"
start a

# step WORD: what the guest does by this name has frames of all kinds.
step() {
	captured a t0 "$1"
	for frames in 'from guest: tcp4' 'from guest: tcp6' 'to guest: tcp4' 'to guest: tcp6' \
		'from guest: udp4' 'from guest: udp6' 'to guest: udp4' 'to guest: udp6'; do
		expect_frames "$1" "^$frames"
	done
}

# large FILE DIRECTION TCP4 TCP6: segments of these sizes are left to who gets the frame.
large() {
	expect_frames "$1" "^$2 guest: tcp4, gso tcp4 $3, checksum partial"
	expect_frames "$1" "^$2 guest: tcp6, gso tcp6 $4, checksum partial"
}

# small FILE DIRECTION BYTES: frames no longer than that, and as long.
small() {
	expect_no_frames "$1" "^$2 guest: .*gso"
	expect_frames "$1" "^$2 guest: tcp4.* to $3 bytes"
	expect_frames "$1" "^$2 guest: tcp6.* to $3 bytes"
}

step all
large all from 1448 1428
large all to 1448 1428
expect_frames all '^from guest: udp4, checksum partial'

step no-tso
small no-tso from 1514
expect_frames no-tso '^from guest: tcp4, checksum partial'
large no-tso to 1448 1428

step no-tx-checksum
small no-tx-checksum from 1514
expect_no_frames no-tx-checksum '^from guest: .*partial'
large no-tx-checksum to 1448 1428

step no-big-receive
large no-big-receive from 1448 1428
small no-big-receive to 1514

step all-again
large all-again from 1448 1428
large all-again to 1448 1428

step jumbo
large jumbo from 8948 8928
expect_frames jumbo '^from guest: udp4.* to 8942 bytes'
expect_frames jumbo '^to guest: udp4.* to 8942 bytes'

step jumbo-no-tso
small jumbo-no-tso from 9014

step vlan
expect_frames vlan '^from guest: tcp4.*, vlan 5'
expect_frames vlan '^to guest: tcp6.*, vlan 5'
expect_no_frames vlan '^(from|to) guest: (tcp|udp)[46](, gso [^,]*)?, checksum'

finish a
exited a 0
