# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A qcow2 image by QEMU's NBD server, which ends twice under fio's verified load, and comes
# back: asked to, and killed. Writes are stable when they are done, so nothing is lost, and
# the guest sees nothing but that it takes longer.
# tier: full
# limit: 600
qemu-img create -q -f qcow2 a.qcow2 32M
serve_qcow2 a
TOOLS=fio create a pvh grants lab=fio,100
serve a --domain a --blk bdf=00:06.0,nbd=unix:a.sock,cache=writethrough
start a

# lose_under_load SIGNAL
lose_under_load() {
	sleep 25
	lose_nbd a "$1"
	sleep 3
	serve_qcow2 a
	say "a: it is back"
}

wait_said a 'GUEST: up'
lose_under_load TERM
lose_under_load KILL
expect_not a 'GUEST: end'
finish a
exited a 0
[ "$(grep -c 'connected again' a.log)" = 2 ] || fail "it was not lost under load"
grep 'may be lost' a.log && fail "stable writes were counted"
end_helper a
qemu-img check -q a.qcow2 || fail "the image is damaged"
