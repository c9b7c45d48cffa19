# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# Two instances of an HVM guest's attach a disk each at the same time, and detach them: only one
# of them can speak by ACPI, so they take turns.
# tier: full
# limit: 600
rounds=3
blank_disk a.img 16
create a hvm cloud lab=plug-two,$rounds
serve a1 --domain a --name a1 --blk bdf=00:06.0,path=a.img
serve a2 --domain a --name a2 --blk bdf=00:09.0,null=1M
start a
for round in $(seq $rounds); do
	blank_disk b.img 4
	blank_disk c.img 4
	mark a "ready $round attach"
	begin_attach a1 blk bdf=00:07.0,path=b.img
	begin_attach a2 blk bdf=00:0a.0,path=c.img
	end_attach a1
	told a1 acpi
	end_attach a2
	told a2 acpi
	mark a "ready $round detach"
	begin_detach a1 00:07.0
	begin_detach a2 00:0a.0
	end_detach 00:07.0
	end_detach 00:0a.0
	freed b.img
	freed c.img
done
finish a
exited a1 0
exited a2 0
