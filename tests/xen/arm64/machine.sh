# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154 # shared with lib/machine.sh
#
# The arm64 machine in emulation. Sourced by lib/machine.sh.

# What its guests boot, for build.sh.
guest_kernels=(linux)

# qemu WORK [ARGUMENT...]: Xen as the kernel; dom0's kernel and initrd are put into memory,
# where Xen is told to find them. With Xen's default scheduler a guest and dom0 now and
# then wait for each other for ever on a busy host, with the older one they do not.
qemu() {
	local dir=$1/machine xen_options dom0_options
	xen_options='console=dtuart sync_console sched=credit dom0_mem=768M dom0_max_vcpus=1'
	xen_options+=" loglvl=warning guest_loglvl=all $xen_words"
	dom0_options="console=hvc0 root=/dev/vda ro init=/init panic=1 quiet $dom0_words"
	exec qemu-system-aarch64 \
		-machine virt,virtualization=on,gic-version=3 -cpu cortex-a57 -smp 2 -m 2048 \
		-nodefaults -no-user-config -no-reboot -display none \
		-serial stdio -monitor "pipe:$1/monitor" \
		-kernel "$dir/xen" -append "$xen_options" \
		-device "guest-loader,addr=0x49000000,kernel=$dir/Image,bootargs=${dom0_options//,/,,}" \
		-device "guest-loader,addr=0x4c000000,initrd=$dir/initrd" \
		-drive "file=$dir/dom0.img,format=raw,if=none,id=root,snapshot=on" \
		-device virtio-blk-device,drive=root \
		-fsdev "local,id=share,path=$1/share,security_model=none,readonly=on" \
		-device virtio-9p-device,fsdev=share,mount_tag=share \
		-fsdev "local,id=out,path=$1/out,security_model=none" \
		-device virtio-9p-device,fsdev=out,mount_tag=out \
		"${@:2}" < /dev/null 2>&1
}

# What a hung machine is asked.
post_mortem='info registers -a'
