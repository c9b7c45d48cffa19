# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=dash
#
# A disk comes to 00:07.0 and another to 00:0a.0, at the same time, and both go again:
# lab=plug-two,ROUNDS.
# shellcheck source=tests/xen/guest/plug-lib.sh
. /lab/plug-lib.sh

both() {
	"$1" 00:07.0 && "$1" 00:0a.0
}

load_disk 00:06.0
for n in $(seq "$1"); do
	mark "ready $n attach"
	check "both come, round $n" within 60 both disk_is_at
	check "one works, round $n" use_disk 00:07.0 256
	check "the other works, round $n" use_disk 00:0a.0 256
	mark "ready $n detach"
	check "both go, round $n" within 60 both nothing_is_at
done
end_load
