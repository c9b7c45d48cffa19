# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2154 # triplet is the recipe's
#
# Trees of Debian packages, unpacked and not configured. Sourced by recipes.

# unpack_packages PACKAGE...: with all that they depend on, into the new folder root, where dpkg
# takes them for installed. apt resolves and downloads them as for a system on which nothing is.
unpack_packages() {
	mkdir -p debs/partial root/usr/bin root/usr/sbin root/usr/lib root/usr/lib64
	: > status
	apt-get -qy --no-install-recommends --download-only -o Debug::NoLocking=1 \
		-o APT::Sandbox::User=root -o Dir::State::status="$PWD/status" \
		-o Dir::Cache::archives="$PWD/debs" install "$@"
	for dir in bin sbin lib lib64; do
		ln -s "usr/$dir" "root/$dir"
	done
	mkdir -p root/var/lib/dpkg/info root/var/lib/dpkg/updates
	for deb in debs/*.deb; do
		dpkg-deb --fsys-tarfile "$deb" | tar -x -C root --keep-directory-symlink --no-same-owner
		: > "root/var/lib/dpkg/info/$(listed "$deb").list"
		dpkg-deb -f "$deb" | sed 's/^Package: .*/&\nStatus: install ok installed/'
		echo
	done > root/var/lib/dpkg/status
	rm -rf debs status
}

# listed DEB: what dpkg calls its package, with the architecture if there may be several.
listed() {
	# shellcheck disable=SC2016 # dpkg-deb fills these in
	case $(dpkg-deb -f "$1" Multi-Arch) in
	same) dpkg-deb -W --showformat '${Package}:${Architecture}' "$1" ;;
	*) dpkg-deb -W --showformat '${Package}' "$1" ;;
	esac
}

# unpack_only PACKAGE...: these alone, into root, with all libraries in root/lib.
unpack_only() {
	for deb in "$@"; do
		download "$deb"
		dpkg -x "$deb"_*.deb root
	done
	cp -r root/usr/lib root/
}

# archive DIR: to go behind an initrd.
archive() {
	(cd "$1" && find . | cpio -o -H newc --quiet | gzip -1)
}

# --- what programs are linked with: $triplet is the architecture's -------------------

# triplet ARCH
triplet() {
	case $1 in
	amd64) echo x86_64-linux-gnu ;;
	arm64) echo aarch64-linux-gnu ;;
	esac
}

# needed PROGRAM: its libraries' names.
needed() {
	"$triplet-objdump" -p "$1" | sed -n 's/^ *NEEDED *//p'
}

# loader PROGRAM: an absolute path.
loader() {
	"$triplet-readelf" -l "$1" | sed -n 's/.*program interpreter: \(.*\)]/\1/p'
}
