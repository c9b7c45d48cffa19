# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# The daemon's instructions per request, by foreign maps.
# tier: bench
# limit: 600
# shellcheck source=tests/xen/dom0/bench.sh
. /share/dom0/bench.sh

backend() {
	create "$1" pvh cloud "mitigations=off lab=bench,00:06.0"
	serve "$1" --domain "$1" --workers $workers --blk bdf=00:06.0,path=/dev/ram0,cache=writeback
}

ram_disk
for workers in 0 1; do
	bench foreign-workers-$workers
done
