# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# fio's verified load by foreign maps while the guest gives half of its memory to Xen and
# gets other pages back, again and again: no page from before is used.
# tier: full
# limit: 600
memory_is() {
	xl list "$1" | awk -v wanted="$2" 'NR == 2 { exit $3 < wanted - 4 || $3 > wanted + 4 }'
}

came_to() {
	said "$1" 'GUEST: end' || memory_is "$1" "$2"
}

# balloon NAME MIB, while it runs
balloon() {
	xl mem-set "$1" "$2" || said "$1" 'GUEST: end' || fail "xl mem-set $1 $2"
	within 90 came_to "$1" "$2" || fail "$1 does not come to $2 MiB"
	say "$1 has $2 MiB"
}

blank_disk a.img 32
MEMORY=256 TOOLS=fio create a pvh cloud lab=fio,60
serve a --domain a --blk bdf=00:06.0,path=a.img
start a
wait_said a 'GUEST: up'
turns=0
until said a 'GUEST: end'; do
	balloon a 128
	balloon a 256
	turns=$((turns + 1))
done
[ "$turns" -ge 3 ] || fail "only $turns times to less memory and back"
finish a
exited a 0
