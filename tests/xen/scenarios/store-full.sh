# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# The image on a file system that runs full, and has room again later: the guest
# sees I/O errors, the daemon and what was written before live on.
# tier: smoke
mkdir small
mount -t tmpfs -o size=12m tmpfs small
blank_disk small/a.img 16
dd if=/dev/zero of=small/ballast bs=1M count=6 2> /dev/null
create a pvh cloud lab=full
serve a --domain a --blk bdf=00:06.0,path=small/a.img
start a
mark a full
alive a
rm small/ballast
mount -o remount,size=32m small
tolerate 'I/O error'
finish a
expect a 'I/O error'
exited a 0
