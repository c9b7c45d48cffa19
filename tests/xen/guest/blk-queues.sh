# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# fio's jobs, for as long as lab=blk-queues,SECONDS says, and which queues had a part in it.
name=$(block_device 00:06.0)

# by_each_queue: both have had interrupts.
by_each_queue() {
	virtio=$(basename "$(device 00:06.0)"/virtio*)
	grep "$virtio-req" /proc/interrupts | sed 's/^/interrupts: /'
	[ "$(grep "$virtio-req" /proc/interrupts | awk '$2 + $3 > 100' | wc -l)" = 2 ]
}

check "there are two hardware queues" [ "$(find "/sys/block/$name/mq" -mindepth 1 -maxdepth 1 | wc -l)" = 2 ]
# shellcheck source=tests/xen/guest/fio.sh
. /lab/fio.sh
check "each has done its part" by_each_queue
