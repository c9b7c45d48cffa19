# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# Exactly N reads of 4 KiB at depths 1 and 32, with time for dom0 to begin and end
# its counting: lab=costs,N.
disk=/dev/$(block_device 00:06.0)
for depth in 1 32; do
	mark "ready-$depth"
	sleep 4
	check "$1 reads at depth $depth" load read "$disk" 4096 "$depth" "$1"
	mark "done-$depth"
	sleep 4
done
