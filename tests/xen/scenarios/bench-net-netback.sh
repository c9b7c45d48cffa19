# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# xen-netback's instructions per MiB, packet and round trip.
# tier: bench-net
# limit: 600
# shellcheck source=tests/xen/dom0/bench.sh
. /share/dom0/bench.sh

backend() {
	MORE="vif=['script=/share/dom0/vif']" create "$1" pvh grants lab=net-bench,netback@eth0@7
}

load_modules netback
serve_peer
bench netback
