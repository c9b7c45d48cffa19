# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# The main job, for demo.sh: as hvm-msix and hvm-grants, but the disk is a file of
# the host, here /dev/vdb, so that the host can look at it afterwards.
# tier: demo
make_tap t0 7
serve_dhcp t0 7
serve_peer
create guest hvm disk
serve guest --domain guest --blk bdf=00:06.0,path=/dev/vdb --net bdf=00:07.0,tap=t0
start guest
finish guest
exited guest 0
check_pci_function guest 00:06.0
