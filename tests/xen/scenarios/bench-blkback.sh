# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# The same of xen-blkback in dom0's kernel, for comparison.
# tier: bench
# limit: 600
# shellcheck source=tests/xen/dom0/bench.sh
. /share/dom0/bench.sh

backend() {
	MORE="disk=['vdev=xvda,access=rw,script=/share/dom0/ram-disk,target=/dev/ram0']" \
		create "$1" pvh grants lab=bench,xvda
}

ram_disk
load_modules block
bench blkback
