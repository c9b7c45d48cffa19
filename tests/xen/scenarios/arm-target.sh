# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2154 # bridge is arm.sh's
#
# A backend domain without FLASK: it serves the one guest that is its target, by grants and
# by frames, and no other.
# machine: arm64
# xen: xsm=dummy
# tier: full
# limit: 200
LABEL='' create_backend be
domid=$(xl domid be)
FUNCTIONS="bdf=00:06.0,backend=$domid bdf=00:07.0,backend=$domid,memory=foreign" \
	create a arm linux lab=two,level,10
FUNCTIONS="bdf=00:06.0,backend=$domid" create b arm linux lab=device,level,1
guest=$(xl domid a)
start_backend be
refused be a 'Xen refuses.* target'
set_target be a || fail "a does not become the target"
tell be 'truncate -s 16M /tmp/a.img; truncate -s 24M /tmp/b.img'
serve_from be a --bridge "$bridge" \
	--blk bdf=00:06.0,path=/tmp/a.img,serial=first,memory=grants \
	--blk bdf=00:07.0,path=/tmp/b.img,serial=second,memory=foreign

set_target be b && fail "b becomes the target, too"
refused be b 'Xen refuses.* target'
start a
finish a
wait_said be "domain $guest is gone"
set_target be b && fail "b becomes the target after a"
tell be exit
finish be
