# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A disk whose cache is switched by sysfs while fio verifies what it writes.
disk=/dev/$(block_device 00:06.0)
type=/sys/block/${disk#/dev/}/cache_type

# switch TEXT
switch() {
	echo "$1" > "$type" && [ "$(cat "$type")" = "$1" ]
}

check "writes go back at first" [ "$(cat "$type")" = 'write back' ]
fio_jobs "$disk" 1 &
fio=$!
sleep 2
check "the cache can be switched off" switch 'write through'
sleep 2
check "and on again" switch 'write back'
check "all that was written is verified" wait $fio
