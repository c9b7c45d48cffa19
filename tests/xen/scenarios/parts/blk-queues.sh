# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2154 # memory is the scenario's
#
# fio's verified load on two vCPUs, each with a queue of its own of the disk's four.
blank_disk a.img 32
VCPUS=2 TOOLS=fio create_by "$memory" a lab=blk-queues 00:06.0
serve a --domain a --workers 2 --blk "bdf=00:06.0,path=a.img,queues=4,memory=$memory"
start a
finish a
exited a 0
