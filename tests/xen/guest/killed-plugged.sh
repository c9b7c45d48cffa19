# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A disk and an interface have come to the running guest, and are under load, with the disk that
# was there from the start, while the daemon is killed and started again; then they go and
# come again while it is killed: lab=killed-plugged,HOW,SECONDS,ROUNDS. HOW is as for plug.sh.
# shellcheck source=tests/xen/guest/killed-lib.sh
. /lab/killed-lib.sh
# shellcheck source=tests/xen/guest/plug-lib.sh
. /lab/plug-lib.sh
places "$1"

mkdir -p /tmp
load_net
stty -echo
wait_go attach
check "they come" come
check "the network" use_net $net 7
load mixed "/dev/$(block_device 00:06.0)" "$2" 8 0 2048 &
first=$!
under_load "$2" 0 $disk
check "the disk that was there" wait $first
for n in $(seq "$3"); do
	wait_go "$n detach"
	check "they go, round $n" go
	wait_go "$n attach"
	check "they come, round $n" come
	check "the disk, round $n" use_disk $disk 1024
	check "the network, round $n" use_net $net 7
done
wait_go end
check "they go" go
