#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2154 # the variables are udhcpc's
#
# udhcpc runs it when it has an address, or none any more.
case $1 in
bound | renew) ip addr add "$ip/$mask" dev "$interface" ;;
deconfig) ip -4 addr flush dev "$interface" ;;
esac
