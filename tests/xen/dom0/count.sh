# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# Exact counts of a process's system calls, by kind, without slowing it: dom0's
# kernel counts in its trace events' histograms.

tracing=/sys/kernel/tracing
calls=$tracing/events/raw_syscalls/sys_enter
ioctls=$tracing/events/syscalls/sys_enter_ioctl

count_begin() {
	[ -d $calls ] || mount -t tracefs tracefs $tracing
	echo 'hist:keys=common_pid,id.syscall:size=4096' > $calls/trigger
	echo 'hist:keys=common_pid,cmd:size=4096' > $ioctls/trigger
}

count_end() {
	cat $calls/hist > calls.hist
	cat $ioctls/hist > ioctls.hist
	echo '!hist:keys=common_pid,id.syscall:size=4096' > $calls/trigger
	echo '!hist:keys=common_pid,cmd:size=4096' > $ioctls/trigger
}

# of_process PID HISTOGRAM: "KIND COUNT" for each kind of call, of all its threads.
of_process() {
	tr '{},:' '    ' < "$2" | awk -v threads="$(cd "/proc/$1/task" && echo *)" '
		BEGIN { n = split(threads, list); for (i = 1; i <= n; i++) mine[list[i]] = 1 }
		$1 == "common_pid" && mine[$2] { count[$4] += $NF }
		END { for (kind in count) print kind, count[kind] }'
}

# An ioctl is known by its type and number: the two low bytes.
name_ioctls() {
	while read -r command count; do
		case $((command >> 8 & 255)).$((command & 255)) in
		69.4) echo "evtchn notify $count" ;;
		69.*) echo "evtchn other $count" ;;
		71.0) echo "grant map $count" ;;
		71.1) echo "grant unmap $count" ;;
		71.8) echo "grant copy $count" ;;
		71.*) echo "grant other $count" ;;
		80.5) echo "device model $count" ;;
		80.*) echo "privcmd other $count" ;;
		*) echo "ioctl $command $count" ;;
		esac
	done
}

# counts PID REQUESTS TITLE: the table of what was counted, per request.
counts() {
	echo "COSTS $3, $2 requests"
	{
		of_process "$1" calls.hist | sed 's/^sys_//'
		of_process "$1" ioctls.hist | name_ioctls | sed 's/^/ioctl: /'
	} | sort | awk -v n="$2" '
		{ count = $NF; $NF = ""; if (!/^ioctl:/) all += count }
		{ printf "COSTS   %-28s %8d %8.3f\n", $0, count, count / n }
		END { printf "COSTS   %-28s %8d %8.3f\n", "all system calls", all, all / n }'
}
