# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# The daemon killed under load, with an access of a vCPU open, and started again.
# The new process answers it: no vCPU stays blocked, and the guest lives although
# its disk does not. Rebooted, it has its disk again.
# tier: smoke
# limit: 600
blank_disk a.img 16
VCPUS=2 create a pvh grants lab=killed,20
serve a --domain a --blk bdf=00:06.0,path=a.img
start a
mark a load
for _ in 1 2 3; do
	sleep 2
	kill_with_access_open a
	serve_again a --domain a --blk bdf=00:06.0,path=a.img
done
wait_gone a
expect_not a 'GUEST: FAIL|Kernel panic'
expect a 'LOAD config: .* 0 errors, 0 wrong'
expect a 'GUEST: end'
exited a 0

create a pvh grants lab=device,msi,2
serve_again a --domain a --blk bdf=00:06.0,path=a.img
start a
finish a
exited a 0
