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

# between WORDS ORDER SIZE DEPTH COUNT: a load, with a rest before and behind, in which
# what the marks cause comes to its end.
between() {
	mark "begin $1"
	sleep 0.5
	said=$(load batch "$2" "$disk" "$3" "$4" "$5")
	status=$?
	sleep 0.5
	mark "done $1"
	check "$1: $said" [ $status = 0 ]
	sleep 0.5
}

# loads RUN
loads() {
	between "nothing $1" random 4096 1 0
	between "4K-1 $1" random 4096 1 2000
	[ "$1" != cold ] || { mark drop; sleep 1; }
	between "4K-32 $1" random 4096 32 8000
	[ "$1" != cold ] || { mark drop; sleep 1; }
	between "128K-4 $1" sequential 131072 4 500
}

sleep 1
mark drop
sleep 1
loads cold
check "the whole disk" load batch sequential "$disk" 131072 4 512
loads 1
loads 2
mark end
