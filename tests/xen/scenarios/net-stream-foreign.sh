# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A stream to a guest is read into the guest's own buffers, and every byte is right.
# tier: full
make_tap t0 7
serve_peer
create a pvh cloud lab=net-stream,32
serve a --domain a --net bdf=00:07.0,tap=t0
start a
mark a streamed
frames=$(xenvirtioctl stats --name a | awk '$2 == "rx-direct" { print $3 }')
say "$frames frames were read into the guest's buffers"
[ "$frames" -gt 500 ] || fail "most were copied"
mark a 'ready end'
tell a go
finish a
exited a 0
