# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# lab=filesystems,TYPE...: one on each disk, from 00:06.0 on.

# work DIRECTORY: files are copied, renamed, changed, read and removed; a third is left.
work() {
	mkdir -p "$1"
	for n in $(seq 1 24); do
		head -c $((n * 20000)) /dev/urandom > "$1/new"
		cp "$1/new" "$1/copy" && cmp "$1/new" "$1/copy" || return
		mv "$1/new" "$1/$n"
		echo "$n" >> "$1/$n"
		[ $((n % 3)) = 0 ] || rm "$1/$n"
		[ $((n % 8)) != 0 ] || sync
	done
	rm "$1/copy"
	(cd "$1" && sha256sum -- * > ../sums-"$(basename "$1")")
}

# three_at_once DIRECTORY
three_at_once() {
	for name in a b c; do
		work "$1/$name" &
	done
	wait
	for name in a b c; do
		(cd "$1/$name" && [ "$(sha256sum -c ../sums-$name | grep -c OK)" = 8 ]) || return
	done
}

# sums DIRECTORY: what was written is there after it was mounted again.
sums() {
	for name in a b c; do
		(cd "$1/$name" && sha256sum -c -s ../sums-$name) || return
	done
}

function=6
for type in "$@"; do
	disk=/dev/$(block_device 00:0$function.0)
	directory=/mnt/$type
	mkdir -p "$directory"
	check "$type can be mounted" mount -t "$type" "$disk" "$directory"
	check "$type is used by three at once" three_at_once "$directory"
	check "$type gives back what is free" fstrim "$directory"
	check "$type can be unmounted" umount "$directory"
	check "$type can be mounted again" mount -t "$type" "$disk" "$directory"
	check "$type has what was written" sums "$directory"
	check "$type can be unmounted again" umount "$directory"
	function=$((function + 1))
done
