# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# The root file system is on the virtio disk at 00:06.0, and nothing is at 00:07.0.
check "the root file system is on vda" grep -q '^/dev/root / ext4\|^/dev/vda / ext4' /proc/mounts
check "a file made by the host has its checksum" sha256sum -c /data/host.sha256
check "nothing is at 00:07.0" [ ! -e "$(device 00:07.0)" ]
dmesg | grep -E 'not ready|ready after|giving up'
