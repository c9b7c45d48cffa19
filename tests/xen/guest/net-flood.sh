# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# As many frames as two vCPUs can send, while the link goes down and comes up, and reads of
# the function's configuration space are answered, for so long: lab=net-flood,SECONDS.
# shellcheck source=tests/xen/guest/net-lib.sh
. /lab/net-lib.sh

load_net
mkdir -p /tmp
nic=$(net_device 00:07.0)
check "the interface is up" set_up "$nic" 7
check "the peer answers" within 10 answers 10.0.7.1
floods=''
for size in 8 64 1400 16000; do
	net flood 10.0.7.1 $size 3600 &
	floods="$floods $!"
done
mark flood
load config "$(device 00:07.0)/config" "$1" > /tmp/config.log &
config=$!
check "the link goes down in time" within 60 carrier_is "$nic" 0
mark down
check "the link comes up in time" within 60 carrier_is "$nic" 1
mark up
wait $config
# shellcheck disable=SC2086 # one word for each
kill $floods
cat /tmp/config.log
check "configuration space has not changed" grep -q ' 0 errors, 0 wrong' /tmp/config.log
check "the peer answers afterwards" within 10 answers 10.0.7.1
mark again
net flood 10.0.7.1 64 3600 &
sleep 2
mark last
sleep 30
