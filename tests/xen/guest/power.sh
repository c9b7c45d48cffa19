# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# Writes to the disk at 00:06.0, which dom0 looks at: first without a flush, which then follows,
# then without a write cache.
disk=/dev/$(block_device 00:06.0)
cache=/sys/block/${disk#/dev/}/queue/write_cache

# write_all WORD: 1 MiB that repeats it.
write_all() {
	yes "$1" | head -c 1048576 > /tmp/data
	dd if=/tmp/data of="$disk" bs=64k oflag=direct conv=notrunc 2> /dev/null
}

# ready WORD: dom0 looks, and says when it is done.
ready() {
	mark "ready $1"
	read -r _
}

mkdir -p /tmp
check "the disk has a write cache" grep -q 'write back' "$cache"
check "it is written" write_all written
ready written
check "and flushed" dd if=/dev/null of="$disk" conv=notrunc,fsync
ready flushed
echo 'write through' > "/sys/block/${disk#/dev/}/cache_type"
check "the disk has none any more" grep -q 'write through' "$cache"
check "it is written" write_all through
ready through
