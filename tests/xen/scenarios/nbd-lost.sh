# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# An NBD server is killed with writes in it that the guest has not flushed yet: so one flush
# fails, and the guest writes again. Then it is killed with nothing in it, and nothing fails.
# tier: full
qemu-img create -q -f qcow2 a.qcow2 16M
serve_qcow2 a
create a pvh cloud lab=nbd-lost
serve a --domain a --blk "bdf=00:06.0,nbd=nbd+unix:///?socket=a.sock"
start a
for word in unflushed flushed; do
	mark a $word
	lose_nbd a KILL
	sleep 1
	serve_qcow2 a
done
tolerate 'I/O error'
finish a
exited a 0
[ "$(grep -c 'may be lost' a.log)" = 1 ] || fail "not exactly one loss"
