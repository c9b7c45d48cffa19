# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# An HVM guest without a disk boots from the network: SeaBIOS runs iPXE from the function's
# ROM, which fetches kernel and initrd through the same function. QEMU has no interface.
# The ROM is for virtio's old device id, as QEMU's is; the guest sees Debian's, byte for byte.
# tier: full
ipxe=/usr/lib/ipxe/qemu/pxe-virtio.rom

# byte_at OFFSET: of iPXE's ROM.
byte_at() {
	hexdump -s "$1" -n 1 -e '1/1 "%u"' $ipxe
}

# set_byte OFFSET VALUE: of a copy.
set_byte() {
	printf '%b' "\\x$(printf %02x "$2")" | dd of=old.rom bs=1 seek="$1" conv=notrunc 2> /dev/null
}

# From 1041 to 1000, and byte 6 so that the sum stays 0.
cp $ipxe old.rom
[ "$(byte_at 34)" = 65 ] || fail "$ipxe is not for 1af4:1041"
set_byte 34 0
set_byte 6 $((($(byte_at 6) + 65) & 255))

make_tap t0 7
serve_boot t0 7 cloud "lab=net-pxe,pirq.*msi,$(sha256sum < $ipxe | cut -d' ' -f1)"
create a hvm network
serve a --domain a --net bdf=00:07.0,tap=t0,rom=old.rom
start a
finish a
exited a 0
