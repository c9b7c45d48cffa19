# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# What scenarios are written with. All of it runs in dom0, under busybox's sh.
# A guest is made paused (create), gets its disks (serve), and goes (start);
# "finish" waits for its end and judges what it said. See README.md.

# shellcheck source=tests/xen/dom0/disk.sh
. /share/dom0/disk.sh
# shellcheck source=tests/xen/dom0/arm.sh
. /share/dom0/arm.sh
# shellcheck source=tests/xen/dom0/net.sh
. /share/dom0/net.sh
# shellcheck source=tests/xen/dom0/nbd.sh
. /share/dom0/nbd.sh
# shellcheck source=tests/xen/dom0/service.sh
. /share/dom0/service.sh
# shellcheck source=tests/xen/dom0/plug.sh
. /share/dom0/plug.sh

export PATH=/share/bin:$PATH
server=/share/bin/xenvirtiod
lab=/tmp/lab
consoles=/var/log/xen/console
patience=240 # seconds that anything may take: a hang, even on a busy machine
kills=0      # of daemons, so far

seconds() {
	cut -d. -f1 /proc/uptime
}

# say TEXT: into the log and, as progress, on the machine's console.
say() {
	echo "[$(cut -d' ' -f1 /proc/uptime)] $*"
	echo "LAB $*" > /dev/console
}

# fail TEXT: ends the scenario.
fail() {
	echo "FAILED: $*"
	exit 1
}

# within SECONDS COMMAND...: try until it succeeds; on a busy host for longer.
within() {
	local end
	end=$(($(seconds) + $1 * ${slack:-1}))
	shift
	until "$@"; do
		[ "$(seconds)" -lt $end ] || return 1
		sleep 0.2
	done
}

# load_modules block|net|netback: of dom0's kernel what only some scenarios need, where it is no part of it.
load_modules() {
	local modules=/share/backends/${lab_kernel:-none}
	[ -e "$modules/$1" ] || return 0
	while read -r module; do
		grep -q "^$(basename "$module" .ko | tr - _) " /proc/modules || insmod "$modules/$module"
	done < "$modules/$1"
}

# --- disks -------------------------------------------------------------------

# boot_disk FILE cloud|grants [WORDS]: a disk that boots this kernel, with WORDS
# added to its command line.
boot_disk() {
	cp "/share/disks/$2.img" "$1" || fail "no disk $2"
	disk_words "$1" "$3" || fail "cannot edit $1"
}

# check_root_of FILE: after the guest, from outside.
check_root_of() {
	check_disk "$1" > "$1-check.log" 2>&1 || fail "$1: $(tail -n 1 "$1-check.log")"
	say "$1: $(tail -n 1 "$1-check.log")"
}

# blank_disk FILE MIB
blank_disk() {
	truncate -s "$2M" "$1"
}

# large_blocks: the machine's disk of 4096-byte blocks, with a file system at disk/.
large_blocks() {
	mkfs.ext4 -q /dev/vdb > /dev/null || fail "no file system on /dev/vdb"
	mkdir disk
	mount -t ext4 /dev/vdb disk || fail "cannot mount /dev/vdb"
}

# takes_up FILE MIB: so much of its file system, within 1 MiB.
takes_up() {
	local kib
	sync "$1"
	kib=$(du -k "$1" | cut -f1)
	[ "$kib" -ge $(($2 * 1024 - 1024)) ] && [ "$kib" -le $(($2 * 1024 + 1024)) ]
}

# takes_more FILE MIB
takes_more() {
	[ "$(du -k "$1" | cut -f1)" -gt $(($2 * 1024)) ]
}

# --- guests ------------------------------------------------------------------

# create NAME hvm|pvh|arm disk|network|KERNEL [WORDS]: a paused guest. "disk", "network": the
# firmware boots what will be served; else kernel and initrd come from here, with WORDS on the
# command line. KERNEL is cloud or grants on x86, linux on Arm. VCPUS, MEMORY (MiB), ON_REBOOT, ON_CRASH
# and MORE (of xl's) may be set, and TOOLS=fio or TOOLS=ethtool; for an Arm guest FUNCTIONS, see arm.sh.
create() {
	guest_config "$@" > "$lab/$1.cfg" || fail "no configuration of $1"
	xl create -q -p "$lab/$1.cfg" || fail "xl create $1"
	[ "$2" != pvh ] || serve_bridge "$1"
	echo "$1 is created, paused"
}

# create_by grants|foreign NAME WORDS BDF...: on either machine, a paused guest that lets the
# daemon have its memory in this way, for functions at these places, and behind PORTS at others.
# x86: by grants with GRANT_KERNEL, if that is set.
create_by() {
	local memory name words kernel=${GRANT_KERNEL:-grants}
	memory=$1
	name=$2
	words=$3
	shift 3
	if [ "$(uname -m)" = aarch64 ]; then
		FUNCTIONS=$(printf "bdf=%s,backend=0,memory=$memory " "$@") \
			PORTS=$(describe_ports "$memory") create "$name" arm linux "$words"
		serve_arm_bridge "$name"
	else
		[ "$memory" = grants ] || kernel=cloud
		create "$name" pvh "$kernel" "$words"
	fi
}

# part NAME grants|foreign: what several scenarios have in common, which may use $memory.
part() {
	memory=$2
	# shellcheck source=/dev/null # any of the parts
	. "/share/scenarios/parts/$1.sh"
}

guest_config() {
	cat <<-END
		name='$1'
		vcpus=${VCPUS:-1}
		memory=${MEMORY:-192}
		on_poweroff='destroy'
		on_reboot='${ON_REBOOT:-destroy}'
		on_crash='${ON_CRASH:-destroy}'
		${MORE:-}
	END
	case $3 in
	disk) echo "boot='c'" ;;
	network) echo "boot='n'" ;;
	*) kernel_config "$2" "$3" "$4" ;;
	esac
	case $2 in
	arm) arm_config "$1" ;;
	hvm) hvm_config ;;
	pvh) echo "type='pvh'" ;;
	esac
}

hvm_config() {
	cat <<-END
		type='hvm'
		device_model_version='qemu-xen'
		vga='none'
		vnc=0
		sdl=0
		usb=0
	END
}

kernel_config() {
	local file words=''
	case $1 in
	arm) file=Image ;;
	hvm) file=vmlinuz ;;
	pvh) file=vmlinux words=pci=lastbus=1 ;;
	esac
	cat <<-END
		kernel='/share/boot/$2-$file'
		ramdisk='/share/boot/$2${TOOLS:+-$TOOLS}-initrd'
		cmdline='console=hvc0 quiet panic=1 $words $3'
	END
}

start() {
	xl unpause "$1" || fail "xl unpause $1"
	say "$1 runs"
}

running() {
	xl domid "$1" > /dev/null 2>&1
}

gone() {
	! running "$1"
}

# --- servers -----------------------------------------------------------------

# random_below N
random_below() {
	echo $(($(od -A n -N 2 -t u2 /dev/urandom) % $1))
}

# pause_below MS: for a random time.
pause_below() {
	sleep "$(random_below "$1" | awk '{ print $1 / 1000 }')"
}

# kill_process INSTANCE: SIGKILL. Fails if there is none, or it has had that already.
kill_process() {
	local killed='' pid=''
	read -r pid < "$lab/$1.pid"
	read -r killed 2> /dev/null < "$lab/$1.killed"
	[ "$pid" ] && [ "$pid" != "$killed" ] && kill -KILL "$pid" || return
	echo "$pid" > "$lab/$1.killed"
	grep -c ready "$lab/$1.log" > "$lab/$1.lives"
}

# served_again INSTANCE: since it was killed last.
served_again() {
	local lives=0
	read -r lives 2> /dev/null < "$lab/$1.lives"
	within 20 ready_or_ended "$1" "$lives" || fail "$1 does not get ready any more"
}

# kill_somehow INSTANCE: SIGKILL, at any moment, at times when it certainly has an access of a
# vCPU to answer, if the guest reads configuration space all the time.
kill_somehow() {
	if [ "$(random_below 4)" = 0 ]; then
		kill -STOP "$(pid_of "$1")" && pause_below 500
	fi
	kill_process "$1"
}

# kill_until NAME PATTERN MS INSTANCE...: again and again, one after another, with random pauses
# below MS, until the guest says this. The instances are supervised. $kills is how often; the guest
# is told when that was enough. Every fifth time they come to serve first: Linux spins while it waits
# for some answers, which must not last for 20 seconds.
kill_until() {
	local end instance ms name pattern turn=0
	name=$1
	pattern=$2
	ms=$3
	shift 3
	kills=0
	end=$(($(seconds) + ${long:-$patience} * ${slack:-1}))
	while true; do
		turn=$((turn + 1))
		for instance in "$@"; do
			[ $((turn % 5)) != 0 ] || served_again "$instance"
			pause_below "$ms"
			! said_with_relay "$name" "$pattern" || return 0
			kill_somehow "$instance" && one_more_kill "$name"
		done
		[ "$(seconds)" -lt $end ] || fail "$name does not come to $pattern, after $kills kills"
	done
}

# kill_fast NAME INSTANCE SECONDS: ten times a second, whether it serves or not, as far as the
# machine can. In between it may serve for a moment: Linux complains of an interface that does not
# send for 5 seconds, which are few starts of an emulated machine's.
kill_fast() {
	local began end pause
	began=$(seconds)
	end=$((began + $3))
	kills=0
	while [ "$(seconds)" -lt "$end" ]; do
		pause=$(($(seconds) + 2))
		while [ "$(seconds)" -lt "$pause" ]; do
			kill_process "$2" && one_more_kill "$1"
			sleep 0.1
		done
		wait_ready "$2" "$(grep -c ready "$lab/$2.log")"
		sleep 0.3
	done
	say "$2: $kills kills in $(($(seconds) - began)) s"
}

one_more_kill() {
	kills=$((kills + 1))
	[ $((kills % 100)) != 0 ] || say "$kills kills"
	[ "$kills" != "${enough:-}" ] || tell "$1" enough
}

# say_stalls NAME: how long the guest's operations took while there were kills, and when all was
# calm, and the times in which nothing was done.
say_stalls() {
	console "$1" | tr -d '\r' | grep -E '^(killed|calm): ' | while read -r line; do
		say "$1: $line"
	done
}

# went_on INSTANCE: those that came after a killed one lost nothing of it.
went_on() {
	[ "$kills" -ge "${enough:-1}" ] || fail "only $kills kills"
	say "$1: $kills kills, $(grep -c ', adopted' "$lab/$1.log") starts that came to their end"
	! grep -E 'it is reset|of no use|is served neither' "$lab/$1.log" || fail "$1 has lost something"
	grep -E 'another process|cannot' "$lab/$1.log" # its predecessor was not gone yet
	true
}

# supervise INSTANCE ARGUMENTS...: a daemon, ready; it is started again at once if it was killed, or
# fails, while the guest is there.
supervise() {
	local instance
	instance=$1
	shift
	: > "$lab/$instance.log"
	rm -f "$lab/$instance.pid" "$lab/$instance.killed" "$lab/$instance.status"
	say "$instance: xenvirtiod $*"
	{
		while true; do
			"$server" "$@" >> "$lab/$instance.log" 2>&1 &
			echo $! > "$lab/$instance.pid"
			wait $!
			status=$?
			[ $status != 0 ] || break
			running "${instance%-bridge}" || break
		done
		echo "$status" > "$lab/$instance.status"
	} &
	within 5 test -s "$lab/$instance.pid" || fail "$instance was not started"
	wait_ready "$instance" 0
}

# spawn INSTANCE COMMAND...: in the background; its output in $lab/INSTANCE.log,
# its pid and, at the end, its exit status beside it.
spawn() {
	local instance
	instance=$1
	shift
	rm -f "$lab/$instance.pid" "$lab/$instance.status"
	{
		"$@" >> "$lab/$instance.log" 2>&1 &
		echo $! > "$lab/$instance.pid"
		wait $!
		echo $? > "$lab/$instance.status"
	} &
	within 5 test -s "$lab/$instance.pid" || fail "$instance was not started"
}

# serve INSTANCE ARGUMENTS...: a daemon, ready when this returns.
serve() {
	: > "$lab/$1.log"
	serve_again "$@"
}

# The same for an instance that ran before: its log goes on.
serve_again() {
	local before instance
	before=$(grep -c ready "$lab/$1.log")
	instance=$1
	shift
	say "$instance: xenvirtiod $*"
	spawn "$instance" "$server" "$@"
	wait_ready "$instance" "$before"
}

# ready_or_ended INSTANCE LINES: it has said "ready" more often than that, or died.
ready_or_ended() {
	ended "$1" || [ "$(grep -c ready "$lab/$1.log")" -gt "$2" ]
}

wait_ready() {
	within 20 ready_or_ended "$@" || fail "$1 does not get ready"
	! ended "$1" || fail "$1: $(tail -n 1 "$lab/$1.log")"
}

# A PVH guest has no host bridge but ours.
serve_bridge() {
	${serve:-serve} "$1-bridge" --domain "$1" --name "$1-bridge" --bridge give-up=60
}

# bring INSTANCE FILE.img: what it waits for, made before as FILE.new, is there; "there"
# is when the daemon saw it.
bring() {
	mv "${2%.img}.new" "$2"
	within 5 grep -q ' is there: ' "$lab/$1.log" || fail "$1 does not see $2"
	there=$(cut -d' ' -f1 /proc/uptime)
	say "$1: $2 is there"
}

pid_of() {
	cat "$lab/$1.pid"
}

ended() {
	[ -e "$lab/$1.status" ]
}

# exited INSTANCE STATUS: it has ended, or does so within ten seconds, like that.
exited() {
	within 10 ended "$1" || fail "$1 does not end"
	[ "$(cat "$lab/$1.status")" = "$2" ] || fail "$1 ended with status $(cat "$lab/$1.status")"
}

alive() {
	ended "$1" && fail "$1 died with status $(cat "$lab/$1.status"): $(tail -n 1 "$lab/$1.log")"
	echo "$1 is alive"
}

# --- what guests say ---------------------------------------------------------

console() {
	cat "$consoles/guest-$1.log" 2>/dev/null
}

said() {
	console "$1" | grep -Eq -e "$2"
}

# expect NAME PATTERN / expect_not NAME PATTERN, of all the guest has said
expect() {
	said "$1" "$2" || fail "$1 did not say: $2"
}

expect_not() {
	said "$1" "$2" && fail "$1 said: $(console "$1" | grep -E -m 1 -e "$2")"
	true
}

# relay NAME: the guest's own progress, as far as it is new.
relay() {
	local count seen
	seen=$(cat "$lab/$1.seen" 2>/dev/null || echo 0)
	count=$(console "$1" | wc -l)
	[ "$count" -gt "$seen" ] || return 0
	console "$1" | sed -n "$((seen + 1)),${count}p" | tr -d '\r' | grep '^GUEST: ' | while read -r _ line; do
		say "$1: $line"
	done
	echo "$count" > "$lab/$1.seen"
}

said_with_relay() {
	relay "$1"
	said "$@"
}

gone_with_relay() {
	relay "$1"
	gone "$1"
}

# wait_said NAME PATTERN: until the guest says this.
wait_said() {
	within $patience said_with_relay "$@" || fail "$1 does not come to $2"
}

# mark NAME WORD: until it says "MARK WORD".
mark() {
	wait_said "$1" "MARK $2"
}

# say_found NAME: until it says "MARK found AGO s" of what was brought, and how long after,
# to a few tenths of a second.
say_found() {
	local now
	within $patience said "$1" 'MARK found' || fail "$1 does not find it"
	now=$(cut -d' ' -f1 /proc/uptime)
	say "$1 found it $(console "$1" | awk -v "now=$now" -v "there=$there" \
		'/MARK found/ { printf "%.1f", now - $3 - there }') s after it was there"
}

# wait_gone NAME: until the guest is no more.
wait_gone() {
	within $patience gone_with_relay "$1" || fail "$1 still runs after $patience s"
	relay "$1"
}

# What no guest's kernel may say. Scenarios that provoke some of it tolerate it.
bad_words='in use by backend domain|I/O error|blocked for more|soft lockup|Call Trace|Kernel panic'

tolerate() {
	bad_words=$(echo "$bad_words" | sed "s#$1|##")
}

# finish NAME: waits until the guest has powered itself off; it must have come to
# its end, with every check passed and without bad words.
finish() {
	wait_gone "$1"
	expect_not "$1" 'GUEST: FAIL'
	expect_not "$1" "$bad_words"
	expect "$1" 'GUEST: end'
}

# check_pci_function NAME BDF [ID]: what lspci makes of the configuration space that the
# guest printed has all that a modern virtio function has. ID: if it is no disk.
check_pci_function() {
	local pattern
	{
		echo "$2 device"
		console "$1" | tr -d '\r' | sed -n "s/^PCI $2 //p"
	} > "$lab/$1.config"
	lspci -F "$lab/$1.config" -nn -vvv > "$lab/$1-lspci.log"
	for pattern in "${3:-1af4:1042}" 'BusMaster\+' 'Region .*64-bit' 'MSI-X: Enable\+' \
		'VirtIO: CommonCfg' 'VirtIO: Notify' 'VirtIO: ISR' 'VirtIO: DeviceCfg'; do
		grep -Eq -e "$pattern" "$lab/$1-lspci.log" || fail "lspci does not show $pattern"
	done
}

# --- afterwards --------------------------------------------------------------

domains() {
	xl list | sed 1,2d
}

no_domains() {
	[ -z "$(domains)" ]
}

all_ended() {
	local pid
	for pid in "$lab"/*.pid; do
		[ -e "$pid" ] && [ ! -e "${pid%.pid}.status" ] && return 1
	done
	true
}

# clean_up OUT: logs to OUT, ends what is left. Daemons end with their domain, and neither they
# nor a domain that somebody still holds on to may stay.
clean_up() {
	local file problem=''
	for domain in $(domains | awk '{ print $2 }'); do
		xl destroy "$domain"
	done
	end_net
	end_instances
	within 15 all_ended || problem="a server outlives its domain"
	for file in "$lab"/*.pid; do
		[ -e "$file" ] && [ ! -e "${file%.pid}.status" ] && kill -9 "$(cat "$file")"
	done
	within 10 no_domains || problem="a domain that does not go away"
	cp "$lab"/*.log "$lab"/*.cfg "$1" 2>/dev/null
	[ ! -e "$lab/enforced" ] || relax
	umount "$lab"/* 2>/dev/null
	rm -rf "$lab"
	[ ! "$problem" ] || { echo "$problem"; return 1; }
}
