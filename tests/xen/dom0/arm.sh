# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash disable=SC2154 # lab is lib.sh's
#
# What only Arm guests need: a device tree with the PCI host bridge, and backend domains.
# Sourced by lib.sh.

# The PCI functions of the next guest, a word each: bdf=00:06.0,backend=DOMID, and with
# ",memory=foreign" no grants. None: a guest without PCI.
: "${FUNCTIONS=bdf=00:06.0,backend=0}"

# The bridge's windows, for the daemon's --bridge, which adds what it expects.
# shellcheck disable=SC2034 # scenarios use it
bridge='ecam=0x10000000,size=1M,mem=0x23000000:16M'

# arm_config NAME: xl's lines for its device tree. vuart is there for what comes with it:
# xl 4.17 gives a guest no SPIs otherwise.
arm_config() {
	[ "$FUNCTIONS" ] || return 0
	# shellcheck disable=SC2086 # one word per function
	device_tree $FUNCTIONS > "$lab/$1.dts"
	dtc -q -I dts -O dtb -o "$lab/$1.dtb" "$lab/$1.dts" || return
	cat <<-END
		device_tree='$lab/$1.dtb'
		vuart='sbsa_uart'
	END
}

# device_tree FUNCTION...: the partial device tree of a guest. 65000 is its interrupt controller.
device_tree() {
	cat <<-END
		/dts-v1/;
		/ {
			#address-cells = <2>;
			#size-cells = <2>;
			passthrough {
				compatible = "simple-bus";
				ranges;
				#address-cells = <2>;
				#size-cells = <2>;
				grants: xen-grant-dma {
					compatible = "xen,grant-dma";
					#iommu-cells = <1>;
				};
				pcie@10000000 {
					compatible = "pci-host-ecam-generic";
					device_type = "pci";
					reg = <0x0 0x10000000 0x0 0x100000>;
					bus-range = <0 0>;
					#address-cells = <3>;
					#size-cells = <2>;
					ranges = <0x02000000 0x0 0x23000000 0x0 0x23000000 0x0 0x1000000>;
					#interrupt-cells = <1>;
					interrupt-map-mask = <0xf800 0 0 7>;
					interrupt-map = $(interrupt_map);
					$(iommu_map "$@")
					dma-coherent;
				};
			};
		};
	END
}

# INTA of device N is SPI N, level high.
interrupt_map() {
	seq 1 31 | while read -r n; do
		echo "<$((n << 11)) 0 0 1 65000 0 $n 4>"
	done | paste -s -d ,
}

iommu_map() {
	local function
	for function in "$@"; do
		case $function in
		*memory=foreign*) ;;
		*) iommu_map_entry "$function" ;;
		esac
	done | paste -s -d , | sed '/./!d; s/.*/iommu-map = &;/'
}

# bdf=BB:DD.F,backend=DOMID: requester id, target, backend, one id.
iommu_map_entry() {
	echo "$1" | tr '=,:.' ' ' | {
		read -r _ bus device function _ backend _
		echo "<$((0x$bus << 8 | 0x$device << 3 | function)) &grants $backend 1>"
	}
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
}
