# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2154 # lab is lib.sh's
#
# Guests created paused, what serves them started by "xenvirtioctl start", then unpaused: an HVM
# guest that boots from the disk, and a PVH guest with two instances, one of them its host bridge.
# tier: full
# limit: 600
boot_disk a.img cloud 'lab=disk,pirq.*msi'
configure a "blk bdf=00:06.0,path=$lab/a.img"
guest_file a hvm disk
xl create -q -p a.cfg || fail "xl create a"
xenvirtioctl start a || fail "xenvirtioctl start a"
xenvirtioctl start a 2>&1 | grep 'serves already' || fail "what serves was started again"
start a
finish a
check_root_of a.img
nothing_is_left

blank_disk b.img 16
configure disk 'domain=b' "blk bdf=00:06.0,path=$lab/b.img"
configure host 'domain=b' 'bridge give-up=60'
guest_file b pvh cloud lab=device,msi,10
xl create -q -p b.cfg || fail "xl create b"
xenvirtioctl start b || fail "xenvirtioctl start b"
start b
finish b
nothing_is_left

! xenvirtioctl start c 2> c.log || fail "a guest that nothing serves was served"
grep -q '/etc/xenvirtiod: no \*.conf has domain=c' c.log || fail "$(cat c.log)"
