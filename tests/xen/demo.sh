#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The demo: real Xen, in software emulation, and a guest that boots from a disk of
# xenvirtiod's, works on it and powers off; then the host looks at the disk.
# With GRANTS=1 the guest's kernel is one that does all virtio through grants.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/xen/lib/machine.sh
. tests/xen/lib/machine.sh
use_machine x86
# shellcheck source=tests/xen/dom0/disk.sh
. tests/xen/dom0/disk.sh
work=$PWD/build/xen/demo
if [ "${GRANTS:-}" ]; then
	kernel=grants
else
	kernel=cloud
fi

# What the guest said, from its console: the rest of the lines with this beginning.
guest_said() {
	sed -n "s/\r//; s/^$1//p" "$work/out/demo/guest-guest.log" 2> /dev/null
}

memory() {
	if grep -qs 'Using dom0 as backend' "$work/out/demo/guest-guest.log"; then
		echo grants
	else
		echo 'foreign maps'
	fi
}

all_is_right() {
	grep -qs '^pass' "$work/out/demo/verdict" && [ "$disk_is_right" ] &&
		{ [ "$kernel" = cloud ] || [ "$(memory)" = grants ]; }
}

summary() {
	cat <<-END

		xenvirtiod demo: $1 after $SECONDS s
		  $(sed -n 's/.*LAB up //p' "$work/out/console" | head -n 1)
		  guest: $(guest_said 'GUEST: up after [0-9.]* s: ')
		  guest's memory: by $(memory)
		$(guest_said 'GUEST: \(ok\|FAIL\)' | sed 's/^/  guest:/')
		  host: $(tail -n 1 "$work/out/disk-check")
		Logs are in $work/out.
	END
}

tests/xen/build.sh x86 "$work" "$kernel"
cp "$work/share/disks/$kernel.img" "$work/disk.img"
disk_words "$work/disk.img" 'lab=demo,pirq.*msi modules=net'
list_scenarios "$work" demo
echo "booting Xen and dom0; the guest's disk is $work/disk.img"
boot "$work" -drive "file=$work/disk.img,format=raw,if=virtio" || echo "the emulated machine died or hung"
disk_is_right=
if check_disk "$work/disk.img" > "$work/out/disk-check" 2>&1; then
	disk_is_right=yes
fi
if all_is_right; then
	summary passed
else
	summary FAILED
	exit 1
fi
