# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A disk comes to 00:07.0 and a network function to 00:08.0, and both go again, while the disk at
# 00:06.0 is under load: lab=plug,HOW,ROUNDS. HOW is "rescan", where the guest has to look
# for them and to let go of them, or "acpi", where it does nothing; or "port", the same for what
# is behind two ports. With another word, "events", dom0 presses the power button
# afterwards, and adds a processor, of which QEMU tells by another bit of the same register.
# shellcheck source=tests/xen/guest/plug-lib.sh
. /lab/plug-lib.sh
places "$1"

round() {
	wait_go "$1 attach"
	check "they come, round $1" come
	check "the disk, round $1" use_disk $disk 1024
	check "the network, round $1" use_net $net 8
	net flood 10.0.8.1 1000 600 > /dev/null 2>&1 &
	flood=$! # with frames on their way until the last moment
	wait_go "$1 detach"
	check "they go, round $1" go
	kill $flood 2> /dev/null
	wait_go "$1 gone"
	check "nothing is there, round $1" stay_away
}

# counted EVENT: how often it has come by ACPI.
counted() {
	awk '{ print $1 }' "/sys/firmware/acpi/interrupts/$1"
}

more_than() {
	[ "$(counted "$1")" -gt "$2" ]
}

# event WORD EVENT
event() {
	before=$(counted "$2")
	mark "ready $1"
	check "ACPI has brought $1" within 60 more_than "$2" "$before"
}

load_net
stty -echo
load_disk 00:06.0
for n in $(seq "$2"); do
	round "$n"
done
if [ "${3-}" ]; then
	event power ff_pwr_btn
	event processor gpe02
fi
end_load
