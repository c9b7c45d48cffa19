# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# One host bridge in dom0, a disk from one domain and a network from another, both under load
# at the same time. FLASK enforces that these domains may do no more than serve.
# machine: arm64
# xen: xsm=flask flask=permissive
# tier: full
# limit: 200
create_backend disk
create_backend net
FUNCTIONS="bdf=00:06.0,backend=$(xl domid disk) bdf=00:07.0,backend=$(xl domid net)" \
	create a arm linux lab=net-and-disk,6
enforce
serve_arm_bridge a "expect=00:06.0@$(xl domid disk),expect=00:07.0@$(xl domid net)"

# serve_in NAME PREPARATION ARGUMENTS
serve_in() {
	start "$1"
	mark "$1" backend
	tell "$1" "$2"
	tell "$1" "xenvirtiod --domain $(xl domid a) --own-domid $(xl domid "$1") $3 &"
	wait_said "$1" 'ready: domain'
}

serve_in disk 'truncate -s 16M /tmp/a.img' '--blk bdf=00:06.0,path=/tmp/a.img,memory=grants'
serve_in net '. /lab/net-lib.sh; make_tap t0 7; net serve &' '--net bdf=00:07.0,tap=t0,memory=grants'
start a
finish a
exited a-bridge 0
tell disk exit
tell net exit
finish disk
finish net
