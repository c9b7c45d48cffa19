# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A PVH guest with its root file system on the virtio disk, without QEMU, with Debian's kernel.
# tier: smoke
part pvh-root foreign
