# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# The disk at 00:06.0, from block FIRST on, and the interface at 00:07.0 are under load while the
# daemon is killed and started again: lab=killed,SECONDS,FIRST.
# shellcheck source=tests/xen/guest/killed-lib.sh
. /lab/killed-lib.sh

mkdir -p /tmp
load_net
check "the interface is up" set_up "$(net_device 00:07.0)" 7
check "the peer answers" within 30 answers 10.0.7.1
under_load "$1" "$2" 00:06.0
sleep 2
