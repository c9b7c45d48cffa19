#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# bench.sh: dom0's instructions per request, of the daemon and of others, as tables.
# Counted by software emulation, hence the same everywhere; see README.md.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=build/xen/x86/out

# table PROGRAM LOG...
table() {
	awk -f tests/xen/bench-samples.awk -f tests/xen/"$1" "${@:2}"
}

COUNT=1 tests/xen/run.sh bench

cat <<'END'

Thousand instructions per request: dom0's, (the guest's), dom0's in multiples of xen-blkback's.
cold: nothing was in dom0's page cache; 1, 2: all was, twice the same.
END
table bench.awk "$out"/bench-blkback/*.bench.log "$out"/bench-qemu/*.bench.log \
	"$out"/bench-grants/*.bench.log "$out"/bench-foreign/*.bench.log

cat <<'END'

Thousand instructions per MiB, packet or round trip: dom0's with the peer, (the guest's).
END
table bench-net.awk "$out"/bench-net-*/*.bench.log
