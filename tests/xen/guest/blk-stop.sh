# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A disk whose store has no room for all of it, and then has: writes take long, no more.
disk=/dev/$(block_device 00:06.0)

mark filling
check "all of it is written" load fill "$disk" 0 4096
mark full
check "and reads back" load check "$disk" 0 4096 8
