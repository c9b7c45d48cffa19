# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154 # shared with lib/machine.sh
#
# The x86 machine in emulation. Sourced by lib/machine.sh.

# What its guests boot, for build.sh.
guest_kernels=(cloud grants)

# qemu WORK [ARGUMENT...]: software emulation of one CPU, slow, but the same
# everywhere. Xen needs +npt for HVM and PVH guests, and a PV dom0 does not survive
# newer CPU models. QEMU's threads race for the emulated CPU's pending interrupts
# (nested SVM changes them without a lock): now and then one is lost, and without
# another the machine sleeps for ever. Hence all threads on one real CPU, and a
# knock every second.
# With COUNT=1 an instruction takes one nanosecond of the machine's time, so that
# times there are numbers of instructions.
# dom0's second disk, /dev/vdb, has blocks of 4096 bytes and is blank at each boot.
qemu() {
	local dir=$1/machine kernel=${dom0_kernel:-amd64} xen_options dom0_options count=()
	[ ! "${COUNT:-}" ] || count=(-icount shift=0)
	xen_options='console=com1 com1=115200,8n1 dom0_mem=1024M,max:1024M'
	xen_options+=" loglvl=warning guest_loglvl=all spec-ctrl=no $xen_words"
	dom0_options="console=hvc0 root=/dev/vda ro init=/init panic=1 quiet mitigations=off"
	dom0_options+=" lab_kernel=$kernel $dom0_words"
	exec taskset -c "$(first_cpu)" qemu-system-x86_64 \
		-accel tcg,thread=single -cpu qemu64,+svm,+npt -smp 1 -m 2048 \
		-nodefaults -no-user-config -no-reboot -display none \
		-serial stdio -monitor "pipe:$1/monitor" \
		-kernel "$dir/xen" -append "$xen_options" \
		-initrd "$dir/$kernel/vmlinuz $dom0_options,$dir/$kernel/initrd" \
		-drive "file=$dir/dom0.img,format=raw,if=virtio,snapshot=on" \
		-drive "file=$dir/blocks.img,format=raw,if=none,id=blocks,snapshot=on,discard=unmap" \
		-device virtio-blk-pci,drive=blocks,logical_block_size=4096,physical_block_size=4096,addr=1e \
		-virtfs "local,path=$1/share,mount_tag=share,security_model=none,readonly=on" \
		-virtfs "local,path=$1/out,mount_tag=out,security_model=none" \
		"${count[@]}" "${@:2}" < <(knock) 2>&1
}

first_cpu() {
	taskset -cp $BASHPID | sed 's/.*: //; s/[-,].*//'
}

# A character for dom0's console, which nobody reads there: it interrupts. Not where
# dom0's instructions count.
knock() {
	while [ ! "${COUNT:-}" ] && sleep 1 && echo; do :; done 2> /dev/null
}

# What a hung machine is asked.
post_mortem='info registers
info lapic'
