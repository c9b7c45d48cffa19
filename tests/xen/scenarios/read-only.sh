# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A read-only disk: the guest reads it, cannot write it, and the image is as before.
# tier: full
mkfs.ext4 -q a.img 16M
sum=$(sha256sum a.img)
chmod 444 a.img
create a pvh grants lab=readonly
serve a --domain a --blk bdf=00:06.0,path=a.img,readonly=on
start a
tolerate 'I/O error'
finish a
exited a 0
[ "$(sha256sum a.img)" = "$sum" ] || fail "the image has changed"
