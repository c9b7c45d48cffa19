# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# The same in an HVM guest with Debian's kernel, foreign maps and pirqs.
# tier: full
# limit: 600
boot_disk a.img cloud 'root= lab=killed,20'
VCPUS=2 create a hvm disk
serve a --domain a --blk bdf=00:06.0,path=a.img
start a
mark a load
for _ in 1 2 3; do
	sleep 2
	kill_with_access_open a
	serve_again a --domain a --blk bdf=00:06.0,path=a.img
done
wait_gone a
expect_not a 'GUEST: FAIL|Kernel panic'
expect a 'LOAD config: .* 0 errors, 0 wrong'
expect a 'GUEST: end'
exited a 0
