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
	create a arm linux "lab=two,level,10,$(xl domid one),$(xl domid two)"
enforce
serve_arm_bridge a "expect=00:06.0@$(xl domid one),expect=00:07.0@$(xl domid two)"

start_backend one
start_backend two
tell one 'truncate -s 16M /tmp/a.img'
tell two 'truncate -s 24M /tmp/b.img'
serve_from one a --blk bdf=00:06.0,path=/tmp/a.img,serial=first,memory=grants
serve_from two a --blk bdf=00:07.0,path=/tmp/b.img,serial=second,memory=grants
start a
finish a
exited a-bridge 0
tell one exit
tell two exit
finish one
finish two
