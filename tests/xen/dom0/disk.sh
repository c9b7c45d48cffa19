# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# A guest's boot disk looked at from outside, in dom0 and on the host.

# disk_words IMAGE WORDS: adds WORDS to the command line that it boots with.
disk_words() {
	disk_config=$(mktemp)
	mcopy -n -o -i "$1@@1M" ::syslinux.cfg "$disk_config"
	sed -i "s|^ APPEND.*|& $2|" "$disk_config"
	mcopy -o -i "$1@@1M" "$disk_config" ::syslinux.cfg
	rm -f "$disk_config"
}

# check_disk IMAGE: its root file system is clean and holds what guests write. The
# last line printed says the result.
check_disk() {
	disk_root="$1?offset=33554432"
	disk_files=$(mktemp -d)
	e2fsck -fn "$disk_root" || { echo "the file system is not clean"; return 1; }
	for disk_file in host copy guest; do
		debugfs -R "dump /data/$disk_file $disk_files/$disk_file" "$disk_root"
	done
	seq 1 50000 | cmp - "$disk_files/guest" || { echo "/data/guest has other content"; return 1; }
	cmp "$disk_files/host" "$disk_files/copy" || { echo "/data/copy has other content"; return 1; }
	rm -rf "$disk_files"
	echo "the file system is clean, the files are as the guest wrote them"
}
