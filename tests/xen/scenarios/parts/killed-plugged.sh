# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2034,SC2086,SC2154 # PORTS is arm.sh's, load and others the scenario's
#
# A disk and an interface that were attached to the running guest are under verified load for $load
# seconds while the daemon is killed; then they are detached and attached $rounds times, and it is
# killed at any moment of that. How the guest learns of them is as for plug_round.
key=bdf disk=00:07.0 net=00:08.0 ports=''
[ "$how" != port ] || {
	key=port disk=00:1c.0 net=00:1d.0
	PORTS="$disk $net" ports="--port bdf=$disk --port bdf=$net"
}
disk_options="$key=$disk,path=b.img,queues=2,memory=$memory"
net_options="$key=$net,tap=t0,queues=2,memory=$memory"
words="lab=killed-plugged,$how,$load,$rounds"

blank_disk a.img 16
blank_disk b.img 16
make_tap t0 7 2
serve_peer
if [ "$how" = acpi ]; then
	VCPUS=2 create a hvm cloud "modules=acpi $words"
else
	VCPUS=2 serve=supervise create_by "$memory" a "$words" 00:06.0 00:07.0 00:08.0
fi
supervise a --domain a --workers 2 --blk "bdf=00:06.0,path=a.img,memory=$memory" $ports
start a
mark a 'ready attach'
attach a blk "$disk_options"
told a "$how"
attach a net "$net_options"
told a "$how"
tell a go
kill_until a 'MARK calm' 1500 a
within 30 serves a 00:06.0 $disk $net || fail "a serves $(served a)"
taken b.img
for round in $(seq "$rounds"); do
	mark a "ready $round detach"
	tell a go
	detach_anyhow a $disk
	detach_anyhow a $net
	freed b.img
	mark a "ready $round attach"
	attach_anyhow a $disk blk "$disk_options"
	attach_anyhow a $net net "$net_options"
	tell a go
	say "round $round is over, after $kills kills"
done
mark a 'ready end'
begin_detach a $disk
begin_detach a $net
tell a go
end_detach $disk
end_detach $net
serves a 00:06.0 || fail "a serves $(served a)"
freed b.img
finish a
exited a 0
say_stalls a
went_on a
