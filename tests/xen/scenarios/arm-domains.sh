# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# One host bridge in dom0, two disks from two other domains, both under load at the
# same time. FLASK enforces that these domains may do no more than serve.
# machine: arm64
# xen: xsm=flask flask=permissive
# tier: smoke
# limit: 200
create_backend one
create_backend two
FUNCTIONS="bdf=00:06.0,backend=$(xl domid one) bdf=00:07.0,backend=$(xl domid two)" \
	create a arm linux lab=two,level,10
enforce
serve_arm_bridge a "expect=00:06.0@$(xl domid one),expect=00:07.0@$(xl domid two)"

# serve_from NAME DISK MIB BDF SERIAL
serve_from() {
	start "$1"
	mark "$1" backend
	tell "$1" "truncate -s $3M /tmp/$2 && xenvirtiod --domain $(xl domid a) --own-domid $(xl domid "$1") \
--blk bdf=$4,path=/tmp/$2,serial=$5,memory=grants"
	wait_said "$1" 'ready: domain'
}

serve_from one a.img 16 00:06.0 first
serve_from two b.img 24 00:07.0 second
start a
finish a
exited a-bridge 0
tell one exit
tell two exit
finish one
finish two
