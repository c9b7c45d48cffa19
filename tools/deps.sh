#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# deps.sh LIST...: install the packages named in the lists that are missing.
# As root or with a sudo that asks nothing they are installed; otherwise the one
# command to run is printed and the exit status is 1.
set -eu

wanted() {
	sed 's/#.*//' "$@" | tr -d ' \t' | grep . | sort -u
}

# dpkg-query complains of every package it has never heard of: those are missing.
installed() {
	# shellcheck disable=SC2046 # one word per package
	dpkg-query -W -f '${db:Status-Status} ${Package}\n' $(wanted "$@") 2>/dev/null |
		sed -n 's/^installed //p'
}

missing() {
	{ wanted "$@"; installed "$@" | sort -u; installed "$@" | sort -u; } | sort | uniq -u
}

apt() {
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@"
}

packages=$(missing "$@" | tr '\n' ' ')
packages=${packages% }
[ -n "$packages" ] || exit 0

if [ "$(id -u)" -eq 0 ]; then
	sudo=
elif sudo -n true 2>/dev/null; then
	sudo='sudo -n'
else
	echo "Packages are missing. Install them, or say NODEPS=1 to go on without:" >&2
	echo "apt-get install --no-install-recommends $packages" >&2
	exit 1
fi

echo "installing: $packages"
ls /var/lib/apt/lists/*_Packages* >/dev/null 2>&1 || apt update
# shellcheck disable=SC2086 # one word per package
apt install -y --no-install-recommends $packages || {
	# Lists that are too old name files that are gone.
	apt update
	apt install -y --no-install-recommends $packages
}
