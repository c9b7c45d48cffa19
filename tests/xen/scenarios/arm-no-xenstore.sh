# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2154 # bridge is arm.sh's
#
# Daemons start and serve while xenstored stands still, as it would where there is none:
# the domain is given by its number.
# machine: arm64
# tier: full
blank_disk a.img 16
create a arm linux lab=device,level,2
domid=$(xl domid a)
kill -STOP "$(cat /run/xenstored.pid)"
# shellcheck disable=SC2154 # arm.sh's
serve a-bridge --domain "$domid" --name a-bridge --bridge "$bridge"
serve a --domain "$domid" --blk bdf=00:06.0,path=a.img
kill -CONT "$(cat /run/xenstored.pid)"
start a
finish a
exited a 0
