# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A PVH guest with eight devices, and xenvirtioctl beside it: what it says agrees with what
# the guest counts itself, and what it does reaches the guest, under load.
# tier: full

# ctl SUBCOMMAND [WORDS...]: with the instance a; its output is in ctl-SUBCOMMAND.log.
ctl() {
	local subcommand
	subcommand=$1
	shift
	xenvirtioctl "$subcommand" --name a "$@" > "ctl-$subcommand.log" 2>&1 ||
		fail "xenvirtioctl $subcommand $*: $(cat "ctl-$subcommand.log")"
	say "xenvirtioctl $subcommand $*"
}

# tells SUBCOMMAND PATTERN: the last one's output has such a line.
tells() {
	grep -Eq -e "$2" "ctl-$1.log" || fail "xenvirtioctl $1 does not say: $2"
}

# figure BDF KEY: of the last stats.
figure() {
	awk -v subject="$1" -v key="$2" '$1 == subject && $2 == key { print $3 }' ctl-stats.log
}

# agree BDF WORD KEY...: these figures and what the guest has said after COUNTED WORD, in the
# same order, within 2 %.
agree() {
	local bdf counted key ours
	bdf=$1
	counted=$(console a | tr -d '\r' | sed -n "s/^COUNTED $2 //p")
	shift 2
	for key in "$@"; do
		ours=$(figure "$bdf" "$key")
		say "$bdf $key: $ours, by the guest ${counted%% *}"
		echo "${counted%% *} $ours" | awk '{ off = $1 > $2 ? $1 - $2 : $2 - $1 }
			END { exit !(NF == 2 && $1 > 0 && off * 50 <= $1) }' || fail "$bdf: $key does not agree"
		counted=${counted#* }
	done
}

# still BDF KEY...: none of these figures rises.
still() {
	local bdf before
	bdf=$1
	shift
	ctl stats
	before=$(for key in "$@"; do figure "$bdf" "$key"; done)
	sleep 2
	ctl stats
	[ "$before" = "$(for key in "$@"; do figure "$bdf" "$key"; done)" ] ||
		fail "$bdf is paused, and goes on"
}

blank_disk a.img 32
make_tap t0 7
serve_peer
create a pvh cloud lab=ctl,32768
set --
for device in 8 9 a b c d; do
	set -- "$@" --blk "bdf=00:0$device.0,null=8M"
done
serve a --domain a --blk bdf=00:06.0,path=a.img --net bdf=00:07.0,tap=t0 "$@"
start a

mark a 'ready counted'
ctl stats
agree 00:06.0 disk reads read-bytes writes written-bytes
agree 00:07.0 net rx-frames rx-bytes tx-frames tx-bytes
for device in 8 9 a b c d; do
	[ "$(figure "00:0$device.0" read-bytes)" -ge 1048576 ] || fail "00:0$device.0 was not read"
done
xenvirtioctl list > ctl-list.log || fail "xenvirtioctl list"
tells list '^a-bridge '
tells list '^a .* 00:06.0\(blk, running\) 00:07.0\(net, running\) .* 00:0d.0\(blk, running\)$'
ctl show 00:07.0
tells show '^link +up$'
ctl metrics
tells metrics '^xenvirtiod_writes_total\{instance="a",bdf="00:06.0",type="blk"\} [1-9]'
tells metrics '^xenvirtiod_tx_frames_total\{instance="a",bdf="00:07.0",type="net"\} [1-9]'
tell a go

mark a 'ready size'
truncate -s 128M a.img
ctl resize 00:06.0
mark a 'ready down'
ctl link 00:07.0 down
mark a 'ready up'
ctl link 00:07.0 up

mark a loaded
ctl top --iterations 1
tells top '^a +00:06.0 +blk +[1-9]'
ctl pause 00:06.0
ctl pause 00:07.0
sleep 1
still 00:06.0 reads writes
still 00:07.0 rx-frames tx-frames
tells stats '^00:06.0 state paused$'
ctl resume 00:06.0
ctl resume 00:07.0
finish a
exited a 0
