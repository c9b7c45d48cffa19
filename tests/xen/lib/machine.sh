# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# One boot of the emulated machine: Xen and dom0 as build.sh laid them out, the
# scenarios of its list played in dom0. Sourced by run.sh and demo.sh.

machine=
trap '[ -z "$machine" ] || kill "$machine" 2> /dev/null' EXIT

# qemu WORK [ARGUMENT...]: software emulation of one CPU, slow, but the same
# everywhere. Xen needs +npt for HVM and PVH guests, and a PV dom0 does not survive
# newer CPU models. QEMU's threads race for the emulated CPU's pending interrupts
# (nested SVM changes them without a lock): now and then one is lost, and without
# another the machine sleeps for ever. Hence all threads on one real CPU, and a
# knock every second.
# With COUNT=1 an instruction takes one nanosecond of the machine's time, so that
# times there are numbers of instructions.
qemu() {
	local dir=$1/machine xen_options dom0_options count=()
	[ ! "${COUNT:-}" ] || count=(-icount shift=0)
	xen_options='console=com1 com1=115200,8n1 dom0_mem=1024M,max:1024M'
	xen_options+=' loglvl=warning guest_loglvl=all spec-ctrl=no'
	dom0_options='console=hvc0 root=/dev/vda ro init=/init panic=1 quiet mitigations=off'
	exec taskset -c "$(first_cpu)" qemu-system-x86_64 \
		-accel tcg,thread=single -cpu qemu64,+svm,+npt -smp 1 -m 2048 \
		-nodefaults -no-user-config -no-reboot -display none \
		-serial stdio -monitor "pipe:$1/monitor" \
		-kernel "$dir/xen" -append "$xen_options" \
		-initrd "$dir/vmlinuz $dom0_options,$dir/initrd" \
		-drive "file=$dir/dom0.img,format=raw,if=virtio,snapshot=on" \
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

# fell_silent WORK STATUS: after a read from the console that failed, ends a machine
# that is still there; the log gets the state of its processor.
fell_silent() {
	if [ "$2" -gt 128 ]; then
		printf 'info registers\ninfo lapic\n' > "$1/monitor.in"
		timeout 3 cat "$1/monitor.out" > "$1/out/hung.$SECONDS"
		kill "$machine"
	fi
	false
}

# list_scenarios WORK NAME...: what the next boot plays, each with its time limit.
list_scenarios() {
	local name
	for name in "${@:2}"; do
		echo "$name $(limit_of "$name")"
	done > "$1/share/scenarios/order"
}

# header NAME KEY: a "# key: value" line at the top of a scenario.
header() {
	sed -n "s/^# $2: //p" "tests/xen/scenarios/$1.sh"
}

limit_of() {
	local limit
	limit=$(header "$1" limit)
	echo "${limit:-300}"
}

# boot WORK [QEMU ARGUMENT...]: prints dom0's progress, each line with the seconds
# since the beginning. Fails if the machine dies or falls silent for longer than
# the scenario being played may take.
boot() {
	local console line began=$SECONDS patience=240 slack=1 ended=
	[ -p "$1/monitor.in" ] || mkfifo "$1/monitor.in" "$1/monitor.out"
	exec {console}< <(qemu "$@")
	machine=$!
	while read -r -t "$patience" -u "$console" line || fell_silent "$1" $?; do
		line=${line//$'\r'/}
		echo "$line" >> "$1/out/console"
		case $line in
		*"LAB up "*) slack=$((1 + (SECONDS - began) / 15)) ;;
		*"LAB start "*) patience=$(($(limit_of "${line##* }") * slack + 60)) ;;
		*"LAB end"*) ended=yes ;;
		esac
		case $line in
		*"LAB "*) printf '%4d s  %s\n' $((SECONDS - began)) "${line#*LAB }" ;;
		esac
	done
	machine=
	exec {console}<&-
	[ "$ended" ]
}
