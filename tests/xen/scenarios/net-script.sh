# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2154 # lab and server are lib.sh's
#
# Xen's vif-bridge puts the daemon's tap into a bridge, and takes it out at the end. Which
# bridge is said by the option, or by the vif's node in xenstore where the tap has the name
# that libxl would give it.
# tier: full
mac=02:16:3e:00:00:07
script=/etc/xen/scripts/vif-bridge

in_bridge() {
	[ -e "/sys/class/net/b7/brif/$1" ]
}

# tried TAP BRIDGE: the device is opened and closed again.
tried() {
	"$server" --domain a --check --net "bdf=00:07.0,tap=$1,script=$script,bridge=$2" > "$lab/$1.log" 2>&1
}

make_bridge b7 7
serve_dhcp b7 7
serve_peer
ip tuntap add dev t0 mode tap vnet_hdr || fail "no tap"
create a pvh grants lab=net-basic,msi,$mac,2
serve a --domain a --net bdf=00:07.0,tap=t0,mac=$mac,script=$script,bridge=b7
in_bridge t0 || fail "the tap is in no bridge"
start a
finish a
exited a 0
! in_bridge t0 || fail "the tap is in the bridge still"

! tried t1 b8 || fail "no bridge is no error"
grep -q "$script ended with status 1" "$lab/t1.log" || fail "t1: $(cat "$lab/t1.log")"
! tried vif7.0-emu b8 || fail "no bridge is no error"
xenstore-write /local/domain/0/backend/vif/7/0/bridge b7
tried vif7.0-emu b8 || fail "the node in xenstore: $(cat "$lab/vif7.0-emu.log")"
xenstore-rm /local/domain/0/backend/vif
cat /var/log/xen/xen-hotplug.log
