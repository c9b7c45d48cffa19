# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2154 # lab is lib.sh's
#
# NBD servers, which may be lost and come back. Sourced by lib.sh.

listens() {
	netstat -xl | grep -q "LISTENING.*$1"
}

# serve_nbd NAME COMMAND...: a server that listens on $lab/NAME.sock when this returns.
serve_nbd() {
	rm -f "$lab/$1.sock"
	helper "$@"
	within 10 listens "$1.sock" || fail "no NBD server: $(cat "$lab/helpers/$1.log")"
}

# serve_qcow2 NAME: NAME.qcow2, for up to four connections.
serve_qcow2() {
	serve_nbd "$1" qemu-nbd -t -e 4 -f qcow2 -k "$lab/$1.sock" "$lab/$1.qcow2"
}

# lose_nbd NAME SIGNAL: the server ends by it.
lose_nbd() {
	kill "-$2" "$(pid_of "helpers/$1")"
	within 10 ended "helpers/$1" || fail "the NBD server of $1 does not end"
	say "$1: the NBD server is gone, SIG$2"
}
