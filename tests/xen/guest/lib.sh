# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# What the guests' checks are written with, under busybox's sh.

say() {
	echo "GUEST: $*"
}

# check TEXT COMMAND...
check() {
	text=$1
	shift
	if "$@"; then
		say "ok $text"
	else
		say "FAIL $text"
	fi
}

# The words of dom0's script: it waits for them.
mark() {
	echo "MARK $*"
}

# kernel_messages: without those of a slow machine, and those that match $expected.
kernel_messages() {
	dmesg | grep -Ev "random: |clocksource|hrtimer|$expected"
}

# begin_silence PATTERN ... end_silence: the kernel says nothing but what matches in between.
begin_silence() {
	expected=$1
	kernel_messages > /tmp/before
}

end_silence() {
	kernel_messages > /tmp/after
	check "the kernel has said nothing" cmp -s /tmp/before /tmp/after
	diff /tmp/before /tmp/after | sed 's/^/kernel: /'
}

# between WORDS COMMAND...: a load between two marks, with a rest before and behind, in which
# what the marks cause comes to its end.
between() {
	words=$1
	shift
	mark "begin $words"
	sleep 0.5
	said=$("$@")
	status=$?
	sleep 0.5
	mark "done $words"
	check "$words: $said" [ $status = 0 ]
	sleep 0.5
}

device() {
	echo "/sys/bus/pci/devices/0000:$1"
}

# block_device BDF: vda, vdb ... by the place of its function.
block_device() {
	basename "$(device "$1")"/virtio*/block/*
}

# is_virtio_blk BDF: a modern virtio block function with its driver.
is_virtio_blk() {
	[ "$(cat "$(device "$1")/vendor") $(cat "$(device "$1")/device")" = "0x1af4 0x1042" ] &&
		[ "$(basename "$(readlink "$(device "$1")/driver")")" = virtio-pci ] &&
		[ "$(basename "$(readlink "$(device "$1")"/virtio*/driver)")" = virtio_blk ]
}

# interrupts_by BDF KIND: this device has had interrupts, and all of this kind
# (a pattern of the chip's name in /proc/interrupts).
interrupts_by() {
	virtio=$(basename "$(device "$1")"/virtio*)
	grep "$virtio" /proc/interrupts | sed 's/^/interrupts: /'
	[ "$(grep "$virtio" /proc/interrupts | awk '{ n += $2 + $3 } END { print (n > 0) }')" = 1 ] &&
		! grep "$virtio" /proc/interrupts | grep -Eqiv -e "$2"
}

# print_config BDF: for lspci in dom0.
print_config() {
	hexdump -v -e '"%02_ax:" 16/1 " %02x" "\n"' "$(device "$1")/config" | sed "s/^/PCI $1 /"
}

# xen_capability BDF LENGTH: where what follows the header of its capability with Xen's vendor
# id is in config space (xenvirtiod-pci(7)); LENGTH is the capability's, two hex digits.
xen_capability() {
	hexdump -v -e '1/1 "%02x"' "$(device "$1")/config" | awk -v pattern="${2}0953580100" '
		{ at = index(substr($0, 129), pattern) }
		at % 2 { print 64 + (at - 1) / 2 + 6 }'
}

# word_at BDF OFFSET: 32 bits of config space.
word_at() {
	hexdump -s "$2" -n 4 -e '1/4 "%u"' "$(device "$1")/config"
}

# own_backend BDF: in which domain it says that its backend is.
own_backend() {
	word_at "$1" "$(xen_capability "$1" 0c)"
}

# backend_of NUMBER: what the host bridge says of the function with this number.
backend_of() {
	register=$(xen_capability 00:00.0 10)
	printf '%b' "\\x$(printf %02x "$1")\\0\\0\\0" |
		dd of="$(device 00:00.0)/config" bs=4 seek=$((register / 4)) conv=notrunc 2> /dev/null
	word_at 00:00.0 $((register + 4))
}

# fio_jobs DISK SEED [OPTION]: verify.fio's, and what fio has to say if they fail.
fio_jobs() {
	mkdir -p /tmp
	DISK=$1 SEED=$2 fio ${3:+"$3"} /lab/verify.fio > /tmp/fio.log 2>&1 && return
	cat /tmp/fio.log
	false
}
