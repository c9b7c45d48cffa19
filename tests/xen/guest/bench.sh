# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# Loads between marks, for dom0 to read its CPU time at: lab=bench,DISK, where DISK is
# a PCI function or a device. First with nothing of the disk in dom0's page cache, which a
# backend may use or not, then twice with all of it.
case $1 in
*:*) disk=/dev/$(block_device "$1") ;;
*) disk=/dev/$1 ;;
esac

# batch NAME RUN ORDER SIZE DEPTH COUNT
batch() {
	between "$1 $2" load batch "$3" "$disk" "$4" "$5" "$6"
}

# loads RUN
loads() {
	batch nothing "$1" random 4096 1 0
	batch 4K-1 "$1" random 4096 1 2000
	[ "$1" != cold ] || { mark drop; sleep 1; }
	batch 4K-32 "$1" random 4096 32 8000
	[ "$1" != cold ] || { mark drop; sleep 1; }
	batch 128K-4 "$1" sequential 131072 4 500
}

sleep 1
mark drop
sleep 1
loads cold
check "the whole disk" load batch sequential "$disk" 131072 4 512
loads 1
loads 2
mark end
