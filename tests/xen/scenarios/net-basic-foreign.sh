# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# The same by foreign maps, with Debian's kernel.
# tier: full
make_tap t0 7
serve_dhcp t0 7
serve_peer
create a pvh cloud lab=net-basic,msi,02:16:3e:00:00:07,4
serve a --domain a --net bdf=00:07.0,tap=t0,mac=02:16:3e:00:00:07
start a
finish a
exited a 0
