# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# On a root file system of the virtio disk: reboots once.
mount -o remount,rw /
if [ ! -e /data/guest ]; then
	seq 1 50000 > /data/guest
	cp /data/host /data/copy
	sync
	mount -o remount,ro /
	say "reboots"
	reboot -f
fi
check "what was written before the reboot is there" cmp /data/host /data/copy
mount -o remount,ro /
