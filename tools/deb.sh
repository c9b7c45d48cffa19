#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# deb.sh OUT VERSION: builds the Debian packages in OUT, from a copy of the tree, and once more in
# another folder: the bits have to be the same. Then lintian looks at them: warnings are errors.
set -eu
cd "$(dirname "$0")/.."
mkdir -p "$1"
out=$(cd "$1" && pwd)

# build FOLDER: in it, the packages beside the copy.
build() {
	mkdir -p "$1/tree"
	tar -c --exclude=./build --exclude=./.git . | tar -x -C "$1/tree"
	(cd "$1/tree" && dpkg-buildpackage -us -uc -b) > "$1/log" 2>&1 ||
		{ tail -n 30 "$1/log" >&2; exit 1; }
	rm -r "$1/tree"
}

[ "$(dpkg-parsechangelog -S Version)" = "$2" ] ||
	{ echo "debian/changelog is not for version $2" >&2; exit 1; }
rm -rf "${out:?}"/*
build "$out"
build "$out/once-more"
for deb in "$out"/*.deb; do
	cmp "$deb" "$out/once-more/$(basename "$deb")"
done
lintian --allow-root --fail-on error,warning "$out"/*.changes
ls "$out"/*.deb
