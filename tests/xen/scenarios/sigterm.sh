# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# The daemon told to end while its guest uses the disk: it answers what is open and
# withdraws, so no vCPU waits for it and nothing keeps the domain afterwards. The
# guest is destroyed then: powering off, Linux waits for a reset of the absent device.
# tier: smoke
blank_disk a.img 16
VCPUS=2 create a pvh grants lab=withdrawn,12
serve a --domain a --blk bdf=00:06.0,path=a.img
start a
mark a load
sleep 2
kill -TERM "$(pid_of a)"
exited a 0
wait_said a 'GUEST: end'
expect_not a 'GUEST: FAIL|Kernel panic'
