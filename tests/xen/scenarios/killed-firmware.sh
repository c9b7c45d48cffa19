# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2154 # kills is lib.sh's
#
# HVM guests boot from the disk while the daemon is killed: while SeaBIOS looks for it and reads,
# while the boot loader has it read kernel and initrd, and while Linux takes it over.
# tier: full
# limit: 900
for guest in a b c; do
	boot_disk a.img cloud 'lab=disk,pirq.*msi loglevel=7'
	create $guest hvm disk
	supervise $guest --domain $guest --blk bdf=00:06.0,path=a.img
	start $guest
	kill_until $guest 'Linux version' 700 $guest
	say "$guest: $kills kills while firmware and boot loader read"
	kill_until $guest 'GUEST: up' 700 $guest
	finish $guest
	exited $guest 0
	went_on $guest
	check_root_of a.img
done
