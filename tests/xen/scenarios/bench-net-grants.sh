# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# The daemon's instructions and system calls per MiB, packet and round trip by grants.
# tier: bench-net
# limit: 1800
# shellcheck source=tests/xen/dom0/bench.sh
. /share/dom0/bench.sh

backend() {
	boot_disk "$1.img" grants \
		"root= lab=net-calls,grants-workers-1@00:07.0@7,grants-workers-0@00:08.0@8"
	create "$1" hvm disk
	serve_workers grants "$1"
}

count() {
	count_loads "$1" grants-workers-1 "$(pid_of grants-workers-1)"
	count_loads "$1" grants-workers-0 "$(pid_of grants-workers-0)"
}

make_tap t7 7
make_tap t8 8
serve_peer
bench grants count
