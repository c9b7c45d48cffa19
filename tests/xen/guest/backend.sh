# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A backend domain: runs each line that comes from its console, in turn, until it is
# told to exit.
mount -t xenfs xenfs /proc/xen
mkdir -p /run /tmp
stty -echo

# try WORD COMMAND...: how it ends and what it says, in one line.
try() {
	word=$1
	shift
	"$@" > /tmp/said 2>&1
	say "try $word: status $?, $(wc -l < /tmp/said) line: $(cat /tmp/said)"
}

mark backend
while read -r line && [ "$line" != exit ]; do
	eval "$line"
done
