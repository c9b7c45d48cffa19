# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# fio's verified load by grants on Arm, on a disk of nbdkit's.
# machine: arm64
# tier: full
# limit: 200
serve_nbd a nbdkit -f -U a.sock memory 32M
TOOLS=fio VCPUS=2 create a arm linux lab=fio,20
serve_arm_bridge a
serve a --domain a --blk bdf=00:06.0,nbd=unix:a.sock,memory=grants
start a
finish a
exited a 0
