# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# Load with verified data on 16 MiB of a disk until somebody ends the guest, which can be
# told from its marks how far it has come.
disk=/dev/$(block_device 00:06.0)
turn=0
while true; do
	turn=$((turn + 1))
	mark "turn-$turn"
	check "load, turn $turn" load mixed "$disk" 5 32 0 4096
done
