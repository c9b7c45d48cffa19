# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# fio with the driver unbound and bound under it, for both kinds of memory:
# afterwards the daemon holds as much of the guest as before.
# tier: full
# limit: 600

# held INSTANCE: how many mappings of grants it has, and of frames, without those of 2 MiB:
# windows stay, as many as there were different places to copy from and to.
held() {
	awk '$6 == "/dev/xen/gntdev" { print "grants" }
		$6 == "/dev/xen/privcmd" { print "frames", $1 }' "/proc/$(pid_of "$1")/maps" |
		while read -r kind range; do
			[ "$kind" = frames ] && [ $((0x${range#*-} - 0x${range%-*})) = 2097152 ] || echo "$kind"
		done | sort | uniq -c | tr -s ' \n' ' '
}

# churn KERNEL HELD
churn() {
	blank_disk "$1.img" 48
	TOOLS=fio create "$1" pvh "$1" lab=fio-rebind,45
	serve "$1" --domain "$1" --blk "bdf=00:06.0,path=$1.img"
	start "$1"
	mark "$1" idle-before
	before=$(held "$1")
	mark "$1" idle-after
	after=$(held "$1")
	say "$1: mappings before: $before, after: $after"
	[ "$before" = "$after" ] || fail "$1: other mappings than before"
	echo "$before" | grep -q "$2" || fail "$1: $before mappings, where are those of the rings?"
	finish "$1"
	exited "$1" 0
}

tolerate 'I/O error'
churn grants '1 grants'
churn cloud '4 frames'
