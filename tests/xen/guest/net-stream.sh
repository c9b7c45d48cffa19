# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A stream to the guest, as fast as dom0 can, which looks at every byte: lab=net-stream,MIB.
# shellcheck source=tests/xen/guest/net-lib.sh
. /lab/net-lib.sh

load_net
check "the interface is up" set_up "$(net_device 00:07.0)" 7
check "the peer answers" within 10 answers 10.0.7.1
for address in 10.0.7.1 fd00:7::1; do
	check "a stream from $address" net receive "$address" "$1"
done
mark streamed
stty -echo
wait_go end
