# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# nbdkit over TCP, which comes after the guest: two queues, each with a connection of its
# own, and foreign maps.
# tier: smoke
connections() {
	netstat -tn | awk '$4 ~ /:10809$/ && $6 == "ESTABLISHED"' | wc -l
}

two_connections() {
	[ "$(connections)" = 2 ]
}

VCPUS=2 create a pvh cloud lab=wait,online,device,msi,10
serve a --domain a --workers 2 --blk bdf=00:06.0,nbd=nbd://127.0.0.1,queues=2,wait=online
start a
mark a empty
helper kit nbdkit -f -i 127.0.0.1 memory 16M
within 20 grep -q ' is there: ' a.log || fail "a does not see it"
wait_said a 'ok and read back'
within 20 two_connections || fail "$(connections) connections"
finish a
exited a 0
