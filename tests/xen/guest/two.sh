# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# Two disks, of 16 and 24 MiB, under load at the same time: lab=two,CHIP,SECONDS.
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
