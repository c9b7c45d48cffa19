# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2154 # memory is the scenario's
#
# Two pairs of queues, two vCPUs: both pairs are used, and frames of a flow stay in
# order. The guest turns one pair off and on again.
make_tap t0 7 2
serve_peer
VCPUS=2 TOOLS=ethtool create_by "$memory" a lab=net-queues 00:07.0
serve a --domain a --net "bdf=00:07.0,tap=t0,queues=2,memory=$memory"
start a
finish a
exited a 0
