# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2034,SC2154 # MEMORY is lib.sh's, bridge arm.sh's
#
# One backend domain serves two guests while FLASK enforces its policy: one by grants, the
# other by frames, which the policy has a switch for. That one is destroyed, and has a
# successor, while the other works. A domain without the label serves none.
# machine: arm64
# xen: xsm=flask flask=permissive
# tier: full
# limit: 200

# Half of a backend's memory is for its files: the daemon's libraries take 50 MiB, images the rest.
MEMORY=256 create_backend be
LABEL='' create_backend other
MEMORY=128
function=bdf=00:06.0,backend=$(xl domid be)
FUNCTIONS=$function create a arm linux lab=device,level,30
FUNCTIONS=$function,memory=foreign create b arm linux lab=device,level,10
FUNCTIONS=$function,memory=foreign create c arm linux lab=device,level,10
enforce

start_backend other
refused other a "by FLASK's policy"
tell other exit
finish other

start_backend be
tell be 'xenvirtiod --domain a --blk bdf=00:06.0,null=1M'
wait_said be 'domain "a": cannot look for it in xenstore'
tell be 'truncate -s 16M /tmp/a.img /tmp/b.img /tmp/c.img'
serve_from be a --bridge "$bridge" --blk bdf=00:06.0,path=/tmp/a.img,memory=grants
serve_from be b --bridge "$bridge" --blk bdf=00:06.0,path=/tmp/b.img,memory=foreign
serve_from be c --bridge "$bridge" --blk bdf=00:06.0,path=/tmp/c.img,memory=foreign
start a
start b
wait_said be "domain $(xl domid b): cannot map its memory"
xl destroy b
flask-set-bool virtio_be_foreign 1 || fail "the policy has no such switch"
start c
wait_said c 'ok and read back'
running a || fail "a ended before b had its successor"
finish a
finish c
tell be exit
finish be
