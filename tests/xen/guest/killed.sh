# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# The disk at 00:06.0, from block FIRST on, and the interface at 00:07.0 are under load while the
# daemon is killed and started again: lab=killed,SECONDS,FIRST, or until dom0 says that it is
# enough. Then for a while without that: what this machine does to them.
# shellcheck source=tests/xen/guest/killed-lib.sh
. /lab/killed-lib.sh

# until_told: that it is enough.
until_told() {
	read -r _ < /dev/console
	touch /tmp/enough
	killall load
}

mkdir -p /tmp
load_net
check "the interface is up" set_up "$(net_device 00:07.0)" 7
check "the peer answers" within 30 answers 10.0.7.1
until_told &
under_load "$1" "$2" 00:06.0
sleep 2
rm -f /tmp/enough
load_all calm 5 "$2" 00:06.0
