#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lint.sh CFLAGS...: every static check, all of them even when one fails.
# The flags are those the code is compiled with: language, defines, include paths.
# shellcheck disable=SC2317 # the checks are called by name
set -u

cd "$(dirname "$0")/.." || exit

# A tree that is not a checkout (a tarball) has no build products but build/.
files() {
	find . \( -name .git -o -path ./build \) -prune -o -type f "$@" -printf '%P\n' | sort
}

sources() {
	files \( -path './src/*' -o -path './tests/*' \) -name "$1"
}

scripts() {
	{
		files -name '*.sh'
		files -name '*.bash'
		files | xargs grep -lE '^#!/(usr/)?bin/(env )?(ba)?sh'
	} | sort -u
}

# The licence is named on the first line, or the second after #!. Plain data has no comments.
check_spdx() {
	files ! -name COPYING ! -path './debian/*' ! -name '*.md' ! -name '*.config' ! -name '*.patch' ! -path './tests/fuzz/*/*' |
		while read -r file; do
			head -n 2 "$file" | grep -q 'SPDX-License-Identifier: GPL-2.0-or-later' ||
				echo "$file: no SPDX line"
		done | { ! grep .; }
}

check_floors() {
	tools/check-floors.sh
}

check_format() {
	sources '*.[ch]' | xargs -r clang-format --dry-run -Werror
}

# cppcheck sees no library headers: what it does not know it must not report. It takes
# mmap(MAP_FIXED) for a leak; clang's analyzer and LeakSanitizer look for the true ones.
# For readdir() it proposes readdir_r(), which glibc has deprecated.
check_cppcheck() {
	sources '*.c' | xargs -r cppcheck -q -j "$jobs" --error-exitcode=1 --inline-suppr \
		--std=c11 --platform=unix64 --library=posix,gnu --enable=warning,portability \
		--suppress=missingInclude --suppress=unknownMacro \
		--suppress=leakReturnValNotUsed --suppress=memleak --suppress=readdirCalled \
		-D__GNUC__=12 -D_GNU_SOURCE -Isrc -Itests
}

# Its standard error only counts the warnings it did not show.
check_tidy() {
	sources '*.c' | grep -v '^tests/xen/' |
		xargs -r -P "$jobs" -I{} clang-tidy --quiet {} -- "$@" 2>/dev/null
}

check_shell() {
	scripts | xargs -r shellcheck -x -P SCRIPTDIR
}

check_man() {
	files -path './man/*.[1-8]' | xargs -r mandoc -T lint -W warning
}

# The unit has no mistakes, and an exposure of 2.0 at most.
check_unit() {
	unit_dir=$(mktemp -d)
	unit=$unit_dir/xenvirtiod@.service
	sed "s|@sbindir@|$unit_dir|" systemd/xenvirtiod@.service.in > "$unit"
	install -m 755 /dev/null "$unit_dir/xenvirtiod"
	systemd-analyze verify --man=no "$unit" &&
		systemd-analyze security --offline=true --threshold=20 --no-pager "$unit" > "$unit_dir/log"
	unit_status=$?
	[ "$unit_status" = 0 ] || grep -s '✗\|→' "$unit_dir/log"
	rm -r "$unit_dir"
	return "$unit_status"
}

run() {
	name=$1
	shift
	begin=$(date +%s)
	if "$@"; then
		printf 'ok    %-12s %3d s\n' "$name" $(($(date +%s) - begin))
	else
		printf 'FAIL  %s\n' "$name"
		failed=1
	fi
}

jobs=$(nproc)
failed=0
run floors check_floors
run spdx check_spdx
run format check_format
run shellcheck check_shell
run man check_man
run unit check_unit
run cppcheck check_cppcheck
run clang-tidy check_tidy "$@"
exit $failed
