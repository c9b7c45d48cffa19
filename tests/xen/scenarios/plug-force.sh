# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A disk under fio's load and a network function under a flood are taken from a PVH guest by
# force. The image is free at once; their places and the tap when the guest has let go.
# tier: full
# limit: 600
blank_disk a.img 16
blank_disk b.img 32
make_tap t8 8
serve_peer
TOOLS=fio create a pvh cloud lab=plug-force
serve a --domain a --blk bdf=00:06.0,path=a.img --blk bdf=00:07.0,path=b.img --net bdf=00:08.0,tap=t8
start a

mark a 'loaded disk'
taken b.img
detach a 00:07.0 --force
freed b.img
mark a 'loaded network'
taken_tap t8
detach a 00:08.0 --force
alive a

mark a 'ready remove'
serves a 00:06.0 00:07.0 00:08.0 || fail "a serves $(served a)"
! xenvirtioctl attach --name a blk bdf=00:07.0,path=b.img || fail "00:07.0 is taken twice"
tell a go
mark a 'ready attach'
within 10 serves a 00:06.0 || fail "the places stay taken"
freed_tap t8
make_tap t8 8
attach a blk bdf=00:07.0,path=b.img
attach a net bdf=00:08.0,tap=t8
tell a go
tolerate 'I/O error'
finish a
exited a 0
