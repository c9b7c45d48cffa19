# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A disk at 00:07.0 and a network function at 00:08.0 are taken by force while they are used: the
# driver and its users see errors, and the guest and the disk at 00:06.0 go on. When the guest
# has let go of them, the disk comes again.
# shellcheck source=tests/xen/guest/plug-lib.sh
. /lab/plug-lib.sh

# fails COMMAND...
fails() {
	! "$@"
}

load_net
stty -echo
load_disk 00:06.0
disk=$(block_device 00:07.0)
nic=$(net_device 00:08.0)
check "the network" use_net 00:08.0 8
fails fio_jobs "/dev/$disk" 1 > /tmp/said.log &
fio=$!
sleep 2
mark "loaded disk"
check "fio fails" wait $fio
check "by errors" grep -q 'Input/output error' /tmp/fio.log
check "the disk is still there" disk_is_at 00:07.0
check "but nothing is read" fails dd "if=/dev/$disk" of=/dev/null bs=4096 count=1 iflag=direct

net flood 10.0.8.1 1000 600 > /dev/null 2>&1 &
flood=$!
mark "loaded network"
check "the link is down" within 60 carrier_is "$nic" 0
kill $flood
check "nobody answers" fails answers 10.0.8.1
wait_go remove
check "the disk goes" remove 00:07.0
check "the network goes" remove 00:08.0
wait_go attach
check "they come again" rescan
check "the disk" within 60 disk_is_at 00:07.0
check "the disk works" use_disk 00:07.0 1024
check "the network works" use_net 00:08.0 8
end_load
