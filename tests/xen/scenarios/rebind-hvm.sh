# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# The same in an HVM guest with foreign maps and pirqs, on the disk it booted from,
# behind its partitions.
# tier: full
boot_disk a.img cloud 'root= lab=rebind,12288'
truncate -s 64M a.img
create a hvm disk
serve a --domain a --blk bdf=00:06.0,path=a.img
start a
tolerate 'I/O error'
finish a
exited a 0
