# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# fio's jobs, and which queues had a part in them.
name=$(block_device 00:06.0)

# by_each_queue: both have had interrupts.
by_each_queue() {
	virtio=$(basename "$(device 00:06.0)"/virtio*)
	grep "$virtio-req" /proc/interrupts | sed 's/^/interrupts: /'
	[ "$(grep "$virtio-req" /proc/interrupts | awk '$2 + $3 > 100' | wc -l)" = 2 ]
}

check "there are two hardware queues" [ "$(find "/sys/block/$name/mq" -mindepth 1 -maxdepth 1 | wc -l)" = 2 ]
check "fio has written and verified" fio_jobs "/dev/$name" 1
check "each has done its part" by_each_queue
