# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# error=stop: the file system of the image runs full. The guest waits and sees no error;
# when there is room, SIGHUP lets it go on.
# tier: full
mkdir small
mount -t tmpfs -o size=12m tmpfs small
blank_disk small/a.img 16
create a pvh cloud lab=blk-stop
serve a --domain a --blk bdf=00:06.0,path=small/a.img,error=stop
start a
mark a filling
within 60 grep -q 'stopped, since it failed: No space left' a.log || fail "it does not stop"
sleep 3
expect_not a 'MARK full'
kill -HUP "$(pid_of a)"
sleep 2
expect_not a 'MARK full'
mount -o remount,size=32m small
kill -HUP "$(pid_of a)"
mark a full
finish a
exited a 0
