# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2034,SC2154 # server and lab are lib.sh's
#
# A later version takes a guest over under verified load, and the first one takes it back, again
# and again: the guest does not notice. One that keeps what outlives the process in another way
# says so; then the guest waits for its disk, and has it when it is started anew.
# tier: full
# limit: 600
# servers: later relaid
mkdir bin
server=$lab/bin/xenvirtiod
PATH=$lab/bin:$PATH

# use -later|-relaid|'': the version that is started from here on.
use() {
	ln -sf "/share/bin/xenvirtiod$1" "$server"
}

# is_current INSTANCE: this version serves it. is_through NAME INSTANCE: or the guest is at its end.
is_current() {
	[ "$(version "$1")" = "$(version_of "$server")" ]
}

is_through() {
	is_current "$2" || said "$1" 'MARK calm'
}

# replace INSTANCE VERSION: the process leaves all to the next one, before the guest's last word.
replace() {
	use "$2"
	! said_with_relay a 'MARK calm' || return 0
	kill -USR1 "$(pid_of "$1")"
	within 20 is_through a "$1" || fail "$1: xenvirtiod$2 does not serve"
	! is_current "$1" || kills=$((kills + 1))
	say "$1: version $(version "$1"), upgrade $kills"
}

use ''
blank_disk a.img 16
make_tap t0 7 2
serve_peer
VCPUS=2 serve=supervise create_by grants a "lab=killed,$((60 * ${slack:-1})),0" 00:06.0 00:07.0
supervise a --domain a --workers 2 --blk bdf=00:06.0,path=a.img,queues=2,memory=grants \
	--net bdf=00:07.0,tap=t0,queues=2,memory=grants
start a
mark a load
kills=0
until said a 'MARK calm'; do
	replace a -later
	replace a ''
	replace a-bridge -later
	replace a-bridge ''
done
finish a
exited a 0
exited a-bridge 0
say_stalls a
went_on a
[ $kills -ge 2 ] || fail "only $kills upgrades"

blank_disk b.img 16
configure b "blk bdf=00:06.0,path=$lab/b.img" 'bridge give-up=60'
ON_REBOOT=restart guest_file b pvh cloud lab=stay,00:06.0
run_guest b
booted b 1
goes_on b
use -relaid
kill -USR1 "$(daemons)"
within 20 grep -q "another version's, and of no use" run-b.log || fail "nothing is said"
sleep 10
before=$(turns b)
sleep 10
! more_turns b "$before" || fail "the guest goes on"
xl sysrq b h
wait_said b 'sysrq: HELP'
say "b waits for its disk, and nothing else does"
xl destroy b
exited run-b 0
nothing_is_left
run_guest b
booted b 2
goes_on b
kill -TERM "$(pid_of run-b)"
exited run-b 0
nothing_is_left
expect_not b 'GUEST: FAIL'
cat run-b.log
