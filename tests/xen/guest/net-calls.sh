# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# As lab=net-bench; then once more, for dom0 to count system calls.
# shellcheck source=tests/xen/guest/net-bench.sh
. /lab/net-bench.sh

# counted WORDS COMMAND...: a load that dom0 begins, and is told the end of; it says when it
# has its counts.
counted() {
	words=$1
	shift
	wait_go "$words"
	said=$("$@")
	status=$?
	mark "counted $words"
	read -r _
	check "$words, counted: $said" [ $status = 0 ]
}

stty -echo
for interface in "$@"; do
	use "$interface"
	loads counted "$title"
done
