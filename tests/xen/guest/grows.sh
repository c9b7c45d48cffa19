# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A disk of MIB that becomes MIB larger, TURNS times: lab=grows,TURNS,MIB. Each new part is
# written and read back, while the first one is under load all the time.
# shellcheck source=tests/xen/guest/net-lib.sh
. /lab/net-lib.sh

disk=/dev/$(block_device 00:06.0)
size=/sys/block/${disk#/dev/}/size
part=$(($2 * 256)) # blocks

has_parts() {
	[ "$(cat "$size")" = $(($1 * part * 8)) ]
}

use_part() {
	{ load fill "$disk" $(($1 * part)) $part && load check "$disk" $(($1 * part)) $part 8; } > /tmp/part
}

mkdir -p /tmp
begin_silence 'new size|detected capacity'
load mixed "$disk" 3600 16 0 $part > /tmp/load &
for turn in $(seq "$1"); do
	mark "turn $turn"
	check "turn $turn: the disk has $((turn * $2 + $2)) MiB" within 30 has_parts $((turn + 1))
	check "turn $turn: they can be used" use_part "$turn"
done
killall load
check "the load on the first part saw nothing of it" wait $!
cat /tmp/load
end_silence
