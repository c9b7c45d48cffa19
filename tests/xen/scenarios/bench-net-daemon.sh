# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# The same of the daemon, by foreign maps and by grants.
# tier: bench
# limit: 1200
# shellcheck source=tests/xen/dom0/bench.sh
. /share/dom0/bench.sh

backend() {
	create "$1" pvh $kernel 'mitigations=off lab=net-bench,00:07.0'
	serve "$1" --domain "$1" --workers $workers --net bdf=00:07.0,tap=t0
}

make_tap t0 7
serve_peer
for workers in 0 1; do
	kernel=cloud
	bench foreign-workers-$workers
	kernel=grants
	bench grants-workers-$workers
done
