# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2154 # memory is the scenario's
#
# The driver unbound and bound 20 times under traffic both ways: resets, with frames in
# flight and others coming, and every ring's grants given back in time. dom0 does not flood:
# a tap drops what is too much, answers as well.
mac=02:16:3e:00:00:07
make_tap t0 7
ip neigh replace 10.0.7.2 lladdr $mac dev t0 nud permanent
serve_peer
create_by "$memory" a lab=net-rebind 00:07.0
serve a --domain a --net "bdf=00:07.0,tap=t0,mac=$mac,memory=$memory"
start a
mark a begin
helper pings busybox ping -i 0.005 -s 1400 10.0.7.2
mark a last
end_helper pings
finish a
exited a 0
