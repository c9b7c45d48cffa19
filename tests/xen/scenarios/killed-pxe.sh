# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# An HVM guest boots from the network while the daemon is killed: while SeaBIOS reads iPXE from the
# function, and while iPXE fetches kernel and initrd by it.
# tier: full
# limit: 600
ipxe=/usr/lib/ipxe/qemu/pxe-virtio.rom
make_tap t0 7
serve_boot t0 7 cloud "lab=net-pxe,pirq.*msi,$(sha256sum < $ipxe | cut -d' ' -f1)"
create a hvm network
supervise a --domain a --net bdf=00:07.0,tap=t0,rom=$ipxe
start a
kill_until a 'GUEST: up' 2000 a
finish a
exited a 0
went_on a
