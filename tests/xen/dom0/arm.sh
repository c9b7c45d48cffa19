# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2154 # lab is lib.sh's
#
# What only Arm guests need: a device tree with the PCI host bridge, and backend domains.
# Sourced by lib.sh.

# The PCI functions of the next guest, a word each: bdf=00:06.0,backend=DOMID, and with
# ",memory=foreign" no grants. None: a guest without PCI.
: "${FUNCTIONS=bdf=00:06.0,backend=0}"

# The bridge's windows.
bridge='ecam=0x10000000,size=1M,mem=0x23000000:16M'

# arm_config NAME: xl's lines for its device tree.
arm_config() {
	[ "$FUNCTIONS" ] || return 0
	# shellcheck disable=SC2046,SC2086 # two words per function
	/share/bin/xenvirtioctl dt $(printf -- '--function %s ' $FUNCTIONS) --output "$lab/$1.dtb"
}

# serve_arm_bridge NAME [WHAT]: the host bridge, from a daemon of its own; WHAT it expects.
serve_arm_bridge() {
	serve "$1-bridge" --domain "$1" --name "$1-bridge" --bridge "$bridge${2+,$2}"
}

# --- backend domains ---------------------------------------------------------

# create_backend NAME [WORDS]: a paused domain that may serve guests: the daemon is in its
# initrd, and it runs what "tell" says. For the hypercalls of several guests' servers
# its kernel must let them through.
create_backend() {
	FUNCTIONS='' TOOLS=backend MORE="seclabel='system_u:system_r:virtio_be_t'" \
		create "$1" arm linux "lab=backend xen_privcmd.unrestricted=1 $2"
}

# tell NAME COMMAND: a line of shell for a backend domain, through its console.
tell() {
	echo "$2" > "$(xenstore-read "/local/domain/$(xl domid "$1")/console/tty")"
	say "$1 is told: $2"
}

# enforce: from here on FLASK refuses what the policy does not allow. Not before guests
# are made: Xen 4.17's refuses the vuart.
enforce() {
	xl setenforce 1 || fail "FLASK does not enforce"
	: > "$lab/enforced"
}
