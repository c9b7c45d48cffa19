#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# sysroot.sh ARCH: prints the folder with Debian's libraries for this architecture, for
# "gcc --sysroot"; makes it if it is not in the cache.
set -eu
xen_tests=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/xen/lib/cache.sh
. "$xen_tests/lib/cache.sh"
open_cache
cached sysroot "$1"
