# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# The daemon killed while the guest's driver is unbound and bound, again and again: in the
# middle of resets and of what comes after them.
# tier: full
# limit: 600
blank_disk a.img 16
VCPUS=2 serve=supervise create a pvh grants lab=rebind,0
supervise a --domain a --blk bdf=00:06.0,path=a.img
start a
kill_until a 'bound, turn 20' 800 a
tolerate 'I/O error'
finish a
exited a 0
went_on a
