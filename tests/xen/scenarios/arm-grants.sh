# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# An Arm guest's disk by grants, with a host bridge from a daemon of its own: config
# space in the ECAM window, the backend from the device tree, interrupts by SPI.
# machine: arm64
# tier: smoke
blank_disk a.img 16
VCPUS=2 create a arm linux lab=device,level,10
serve_arm_bridge a expect=00:06.0
serve a --domain a --blk bdf=00:06.0,path=a.img,memory=grants
start a
finish a
exited a 0
exited a-bridge 0
