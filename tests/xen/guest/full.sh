# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A disk whose store has room for 6 of its 16 MiB, and for all of it later.
disk=/dev/$(block_device 00:06.0)

has_errors() {
	! "$@"
}

check "the first 4 MiB are written" load fill "$disk" 0 1024
check "the rest gives errors" has_errors load fill "$disk" 1024 3072
check "the first 4 MiB read back" load check "$disk" 0 1024 8
mark full
within_10_s() {
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		"$@" && return
		sleep 1
	done
	false
}
check "all of it is written when there is room" within_10_s load fill "$disk" 0 4096
check "and reads back" load check "$disk" 0 4096 8
