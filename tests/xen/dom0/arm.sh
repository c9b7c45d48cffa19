# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2154 # lab is lib.sh's
#
# What only Arm guests need: a device tree with the PCI host bridge, and backend domains.
# Sourced by lib.sh.

# The PCI functions of the next guest, a word each: bdf=00:06.0,backend=DOMID, and with
# ",memory=foreign" no grants. None: a guest without PCI.
: "${FUNCTIONS=bdf=00:06.0,backend=0}"

# The ports of the next guest, in the same way. None: it has none.
: "${PORTS=}"

# The bridge's windows. There is room for the buses behind three ports.
bridge='ecam=0x10000000,size=4M,mem=0x23000000:16M'

# describe_ports grants|foreign: PORTS, of which only the places are given, for an Arm guest.
describe_ports() {
	# shellcheck disable=SC2086 # a word per port
	[ -z "$PORTS" ] || printf "bdf=%s,backend=0,memory=$1 " $PORTS
}

# arm_config NAME: xl's lines for its device tree.
arm_config() {
	[ "$FUNCTIONS" ] || return 0
	# shellcheck disable=SC2046,SC2086 # two words per function
	/share/bin/xenvirtioctl dt $(printf -- '--function %s ' $FUNCTIONS) \
		${PORTS:+$(printf -- '--port %s ' $PORTS)} --output "$lab/$1.dtb"
}

# serve_arm_bridge NAME [WHAT]: the host bridge, from a daemon of its own; WHAT it expects.
serve_arm_bridge() {
	${serve:-serve} "$1-bridge" --domain "$1" --name "$1-bridge" --bridge "$bridge${2+,$2}"
}

# --- backend domains ---------------------------------------------------------

# FLASK's type for the next backend domain. None: the default, and all there is without FLASK.
: "${LABEL=virtio_be_t}"

# create_backend NAME [WORDS]: a paused domain that may serve guests: the daemon is in its
# initrd, and it runs what "tell" says. For the hypercalls of guests' servers its kernel
# must let them through.
create_backend() {
	FUNCTIONS='' TOOLS=backend MORE=${LABEL:+seclabel=\"system_u:system_r:$LABEL\"} \
		create "$1" arm linux "lab=backend xen_privcmd.unrestricted=1 $2"
}

# set_target NAME GUEST: for Xen the backend domain becomes the guest's device model.
set_target() {
	/share/bin/set-target "$(xl domid "$1")" "$(xl domid "$2")"
}

# tell NAME COMMAND: a line of shell for a backend domain, through its console.
tell() {
	echo "$2" > "$(xenstore-read "/local/domain/$(xl domid "$1")/console/tty")"
	say "$1 is told: $2"
}

# start_backend NAME: until it listens.
start_backend() {
	start "$1"
	mark "$1" backend
}

# serve_from NAME GUEST ARGUMENTS...: a daemon in the backend domain NAME, ready. It has to be
# this domain's first for GUEST.
serve_from() {
	local backend guest
	backend=$1
	guest=$(xl domid "$2")
	shift 2
	tell "$backend" "xenvirtiod --domain $guest --own-domid $(xl domid "$backend") $* &"
	wait_said "$backend" "ready: domain $guest,"
}

# refused NAME GUEST PATTERN: the daemon in the backend domain NAME must not serve GUEST; it
# ends at once, with one line that says so.
refused() {
	tries=$((${tries:-0} + 1))
	tell "$1" "try $tries xenvirtiod --domain $(xl domid "$2") --blk bdf=00:06.0,null=1M"
	wait_said "$1" "try $tries:"
	expect "$1" "try $tries: status 1, 1 line: .*$3"
}

# enforce: from here on FLASK refuses what the policy does not allow. Not before guests
# are made: Xen 4.17's refuses the vuart.
enforce() {
	xl setenforce 1 || fail "FLASK does not enforce"
	: > "$lab/enforced"
}

# relax: the policy is as it was at boot.
relax() {
	xl setenforce 0
	flask-set-bool virtio_be_foreign 0
}
