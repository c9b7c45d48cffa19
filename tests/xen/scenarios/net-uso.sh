# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# Segmentation of UDP, which tap interfaces know from Linux 6.2 on: both ways a program's
# many packets are one frame.
# tier: full
# dom0-kernel: 6.12-amd64
make_tap t0 7
serve_peer
TOOLS=ethtool create a pvh grants lab=net-uso
serve a --domain a --net bdf=00:07.0,tap=t0
start a

captured a t0 segments
for way in 'from guest' 'to guest'; do
	expect_frames segments "^$way: udp4, gso udp 1400, checksum partial"
	expect_frames segments "^$way: udp6, gso udp 1400, checksum partial"
done
captured a t0 no-segments
expect_no_frames no-segments '^from guest: udp[46], gso'
expect_frames no-segments '^from guest: udp4.* to 1442 bytes'
finish a
exited a 0
