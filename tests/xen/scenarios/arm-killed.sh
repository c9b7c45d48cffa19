# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2154 # bridge is arm.sh's
#
# The daemon and the bridge killed while vCPUs touch them, and started again: no vCPU
# stays blocked. The guest re-created has its disk again.
# machine: arm64
# tier: full
# limit: 200
blank_disk a.img 16
VCPUS=2 create a arm linux lab=killed,20
serve_arm_bridge a
serve a --domain a --blk bdf=00:06.0,path=a.img
start a
mark a load
for _ in 1 2; do
	sleep 2
	kill_with_access_open a
	serve_again a --domain a --blk bdf=00:06.0,path=a.img
	kill -KILL "$(pid_of a-bridge)"
	exited a-bridge 137
	# shellcheck disable=SC2154 # arm.sh's
	serve_again a-bridge --domain a --name a-bridge --bridge "$bridge"
done
wait_gone a
expect_not a 'GUEST: FAIL|Kernel panic'
expect a 'LOAD config: .* 0 errors, 0 wrong'
expect a 'GUEST: end'
exited a 0
exited a-bridge 0

create a arm linux lab=device,level,2
serve_arm_bridge a
serve_again a --domain a --blk bdf=00:06.0,path=a.img
start a
finish a
exited a 0
