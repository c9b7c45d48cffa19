# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2154 # lab is lib.sh's
#
# The daemon's instructions per request with an NBD server behind it, which are counted, too:
# by foreign maps and by grants.
# tier: bench
# limit: 900
# shellcheck source=tests/xen/dom0/bench.sh
. /share/dom0/bench.sh

backend() {
	create "$1" pvh $kernel "mitigations=off lab=bench,00:06.0"
	serve "$1" --domain "$1" --workers 0 --blk bdf=00:06.0,nbd=unix:ram.sock
}

ram_disk
serve_nbd ram qemu-nbd -t -e 4 -f raw --cache=writeback -k "$lab/ram.sock" /dev/ram0
kernel=cloud
bench nbd-foreign
kernel=grants
bench nbd-grants
