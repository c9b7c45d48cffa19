# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2154 # memory and the others are the scenario's
#
# A disk and a network function are attached to a running HVM guest and detached again, and the guest
# does nothing for it but use another disk all the time. If the scenario has "events", what Xen and
# QEMU have to tell it by ACPI still comes to it afterwards.
case $memory in
grants) kernel=grants ;;
foreign) kernel=cloud ;;
esac
blank_disk a.img 16
blank_disk b.img 8
serve_peer
MORE=maxvcpus=$((vcpus + 1)) VCPUS=$vcpus \
	create a hvm "$kernel" "modules=acpi lab=plug,acpi,$rounds${events:+,events}"
serve a --domain a --blk "bdf=00:06.0,path=a.img,memory=$memory"
start a
for round in $(seq "$rounds"); do
	plug_round "$round" a acpi "memory=$memory"
done
if [ "${events-}" ]; then
	mark a 'ready power'
	xl trigger a power || fail "xl trigger"
	mark a 'ready processor'
	xl vcpu-set --ignore-host a $((vcpus + 1)) || fail "xl vcpu-set"
fi
finish a
exited a 0
