# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# The daemon's instructions per request, by grants: copied, without indirect
# descriptors, and mapped instead.
# tier: bench
# limit: 1200
# shellcheck source=tests/xen/dom0/bench.sh
. /share/dom0/bench.sh

backend() {
	create "$1" pvh grants lab=bench,00:06.0
	serve "$1" --domain "$1" --workers $workers --blk "bdf=00:06.0,path=/dev/ram0,cache=writeback$options"
}

ram_disk
options=
for workers in 0 1; do
	bench grants-workers-$workers
done
workers=0
options=,indirect=off
bench grants-direct
options=,map-from=4K
bench grants-mapped
