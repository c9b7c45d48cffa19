# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# fio's jobs again and again, with other data each time, for as long as lab=fio,SECONDS
# says, at least once. Each run verifies what it wrote; then all is read once more,
# with nothing in the guest's caches.
disk=/dev/$(block_device 00:06.0)
end=$(($(cut -d. -f1 /proc/uptime) + $1))

# fio_verify SEED [OPTION]
fio_verify() {
	fio_jobs "$disk" "$@" && return
	failed=yes
	false
}

turn=0
failed=
until [ "$failed" ] || { [ $turn -gt 0 ] && [ "$(cut -d. -f1 /proc/uptime)" -ge "$end" ]; }; do
	turn=$((turn + 1))
	check "fio, run $turn: written and verified" fio_verify $turn
	check "fio, run $turn: verified again" fio_verify $turn --verify_only
	mark "run-$turn"
done
