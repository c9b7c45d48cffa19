# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A disk whose store forgets what was not flushed, at each mark.
disk=/dev/$(block_device 00:06.0)

fails() {
	! "$@"
}

check "4 MiB are written" dd if=/dev/zero of="$disk" bs=64k count=64 oflag=direct
mark unflushed
sleep 8
check "a flush fails, since they may be lost" fails sync "$disk"
check "only one" sync "$disk"
check "they are written again" load fill "$disk" 0 1024
check "and flushed" sync "$disk"
mark flushed
sleep 8
check "what was flushed is there" load check "$disk" 0 1024 8
check "and a flush does not fail" sync "$disk"
