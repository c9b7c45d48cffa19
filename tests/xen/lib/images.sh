# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# Small images, made anew for each run: initrds, and disks that boot. No loop
# device and no mount, so nothing here needs root. Sourced by build.sh.

busybox=/bin/busybox

# initrd OUT INIT MODULES [TREE]: PID 1, busybox, modules, and what is in TREE.
initrd() {
	initrd_root=$(mktemp -d)
	mkdir "$initrd_root/bin"
	cp "$busybox" "$initrd_root/bin/"
	[ -z "${4-}" ] || cp -r "$4/." "$initrd_root/"
	install -m 755 "$2" "$initrd_root/init"
	[ ! -d "$3" ] || cp -r "$3" "$initrd_root/modules"
	(cd "$initrd_root" && find . | cpio -o -H newc --quiet | gzip -1) > "$1"
	rm -rf "$initrd_root"
}

# join_initrds INITRD...: as one. libxc unpacks only the first of several gzip streams.
join_initrds() {
	gzip -dc "$@" | gzip -1
}

# root_tree DIR TREE: a root file system for guests, with a file to verify.
root_tree() {
	mkdir -p "$1/bin" "$1/proc" "$1/sys" "$1/dev" "$1/data"
	cp -r "$2/." "$1/"
	cp "$busybox" "$1/bin/"
	for applet in $(busybox --list | grep -vx busybox); do
		ln -sf busybox "$1/bin/$applet"
	done
	head -c 4M /dev/urandom > "$1/data/host"
	(cd "$1/data" && sha256sum host | sed 's| host| /data/host|' > host.sha256)
}

# le32 NUMBER: as four bytes.
le32() {
	printf '%b' "$(printf '\\0%o\\0%o\\0%o\\0%o' $(($1 & 255)) $(($1 >> 8 & 255)) \
		$(($1 >> 16 & 255)) $(($1 >> 24 & 255)))"
}

# partition FLAG TYPE START SECTORS: one entry of the table in the boot sector.
partition() {
	printf '%b\376\377\377%b\376\377\377' "$1" "$2"
	le32 "$3"
	le32 "$4"
}

# root_disk OUT TREE: nothing but the root file system, 16 MiB of ext4.
root_disk() {
	disk_root=$(mktemp -d)
	root_tree "$disk_root" "$2"
	mke2fs -q -t ext4 -d "$disk_root" "$1" 16M
	rm -rf "$disk_root"
}

# boot_disk OUT KERNEL INITRD TREE: a FAT partition with syslinux, kernel and
# initrd from 1 to 32 MiB, and behind it the root file system, 16 MiB of ext4.
boot_disk() {
	truncate -s 48M "$1"
	boot_sector "$1"
	fat_partition "$@"
	disk_root=$(mktemp -d)
	root_tree "$disk_root" "$4"
	mke2fs -q -t ext4 -d "$disk_root" -E offset=33554432 "$1" 16M
	rm -rf "$disk_root"
}

boot_sector() {
	{
		head -c 440 /usr/lib/syslinux/mbr/mbr.bin
		printf '\0\0\0\0\0\0'
		partition '\0200' '\0016' 2048 63488
		partition '\0000' '\0203' 65536 32768
		head -c 32 /dev/zero
		printf '\125\252'
	} | dd of="$1" conv=notrunc status=none
}

fat_partition() {
	mformat -i "$1@@1M" -T 63488 -h 16 -s 63 -H 2048 ::
	syslinux --offset 1048576 --install "$1"
	mcopy -i "$1@@1M" "$2" ::vmlinuz
	mcopy -i "$1@@1M" "$3" ::initrd
	mcopy -i "$1@@1M" - ::syslinux.cfg <<-END
		DEFAULT linux
		PROMPT 0
		TIMEOUT 0
		LABEL linux
		 LINUX vmlinuz
		 INITRD initrd
		 APPEND root=/dev/vda2 console=hvc0 quiet panic=1 mitigations=off
	END
}
