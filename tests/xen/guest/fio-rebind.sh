# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# fio on the first 32 MiB of the disk, our load on the next 16, and the virtio driver
# unbound and bound under both every few seconds: lab=fio-rebind,SECONDS. Errors are what
# they should see, but no wrong data. fio cannot tell: to it a disk that is gone has read
# all it was asked for. So it writes the same again and again, and what is on the disk
# has to be that, whenever it was stopped.
virtio=$(basename "$(device 00:06.0)"/virtio*)
driver=/sys/bus/virtio/drivers/virtio_blk
mkdir -p /tmp

# run_fio OPTION
run_fio() {
	DISK=/dev/$(block_device 00:06.0) SEED=1 fio "$1" /lab/verify.fio > /tmp/fio.log 2>&1
}

# What dom0 looks at, it looks at without load.
idle() {
	mark "idle-$1"
	sleep 4
}

rebind() {
	seconds=$((1 + turn % 4))
	run_fio --eta=never &
	load -e mixed "/dev/$(block_device 00:06.0)" $((seconds + 1)) 16 8192 4096 > /tmp/load.log &
	load=$!
	sleep $seconds
	echo "$virtio" > $driver/unbind || return
	wait $load
	result=$?
	wait
	echo "$virtio" > $driver/bind && [ $result = 0 ]
}

idle before
check "fio without interruption" run_fio --eta=never
turn=0
end=$(($(cut -d. -f1 /proc/uptime) + $1))
while [ "$(cut -d. -f1 /proc/uptime)" -lt "$end" ]; do
	turn=$((turn + 1))
	check "unbound and bound, turn $turn" rebind
done
check "what fio has written is on the disk" run_fio --verify_only
check "all grants have come back" sh -c "! dmesg | grep 'g\.e\.'"
idle after
