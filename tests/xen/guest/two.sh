# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# Two disks, of 16 and 24 MiB, under load at the same time: lab=two,CHIP,SECONDS. With two
# domains' numbers behind them: which these disks come from, as config space says.
first=$(block_device 00:06.0)
second=$(block_device 00:07.0)
check "00:06.0 is $first, serial first" [ "$(cat "/sys/block/$first/serial")" = first ]
check "00:07.0 is $second, serial second" [ "$(cat "/sys/block/$second/serial")" = second ]
check "$first has 16 MiB" [ "$(blockdev --getsize64 "/dev/$first")" = 16777216 ]
check "$second has 24 MiB" [ "$(blockdev --getsize64 "/dev/$second")" = 25165824 ]

load mixed "/dev/$first" "$2" 16 0 4096 &
one=$!
load mixed "/dev/$second" "$2" 16 0 6144 &
two=$!
check "$first under load, $2 s" wait $one
check "$second under load, $2 s" wait $two
check "interrupts of $first" interrupts_by 00:06.0 "$1"
check "interrupts of $second" interrupts_by 00:07.0 "$1"
[ $# -gt 2 ] || return 0

check "00:06.0 says that it comes from domain $3" [ "$(own_backend 00:06.0)" = "$3" ]
check "00:07.0 says that it comes from domain $4" [ "$(own_backend 00:07.0)" = "$4" ]
check "the bridge says so of 00:06.0" [ "$(backend_of 0x30)" = "$3" ]
check "the bridge says so of 00:07.0" [ "$(backend_of 0x38)" = "$4" ]
check "and of no other function" [ "$(backend_of 0x40)" = 4294967295 ]
