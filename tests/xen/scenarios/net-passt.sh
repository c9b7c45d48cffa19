# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2154 # lab is lib.sh's
#
# A guest's network by passt, which is an ordinary user's process: its address by DHCP, TCP
# and UDP to and from a server on dom0's loopback, connections from dom0 to a server in the
# guest, and passt killed under traffic, twice: the link goes down, and comes up with the
# next one.
# tier: full
make_uplink up0
serve_peer
serve_passt first --tcp-ports 5001:5000
create a pvh grants lab=net-passt
serve a --domain a --net "bdf=00:07.0,passt=$lab/passt/first"
start a

mark a "ready serving"
/share/bin/net -p 5001 send 127.0.0.1 2 || fail "no TCP to the guest"
/share/bin/net -p 5001 receive 127.0.0.1 2 || fail "no TCP from the guest"
tell a go

for turn in once again; do
	mark a "ready $turn"
	kill_helper first
	tell a go
	mark a "down $turn"
	alive a
	serve_passt first --tcp-ports 5001:5000
	mark a "done $turn"
done
finish a
exited a 0
