# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# The driver unbound and bound 20 times under I/O: resets, with requests in flight
# until the last moment, and every ring's grants given back in time.
# tier: smoke
blank_disk a.img 16
create a pvh grants lab=rebind,0
serve a --domain a --blk bdf=00:06.0,path=a.img
start a
tolerate 'I/O error'
finish a
exited a 0
