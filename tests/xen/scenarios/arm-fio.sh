# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# fio's verified load by grants on Arm.
# machine: arm64
# tier: full
# limit: 200
blank_disk a.img 32
TOOLS=fio VCPUS=2 create a arm linux lab=fio,30
serve_arm_bridge a
serve a --domain a --blk bdf=00:06.0,path=a.img,memory=grants
start a
finish a
exited a 0
