# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# Kernels of our own from Debian's source packages. Sourced by their recipes.

# unpack_kernel PACKAGE: into src. Of big folders only the Kconfig files are needed.
unpack_kernel() {
	mkdir src
	dpkg-deb --fsys-tarfile "$1"_*.deb | tar -xO "./usr/src/$1.tar.xz" | xz -dc |
		tar -x -C src --strip-components=1 \
			--exclude='*/Documentation/*/*' --exclude='*/sound/*.[ch]' \
			--exclude='*/drivers/gpu/*.[ch]' --exclude='*/drivers/media/*.[ch]' \
			--exclude='*/drivers/net/ethernet/*.[ch]' --exclude='*/drivers/net/wireless/*.[ch]' \
			--exclude='*/arch/*/boot/dts/*'
}

# check_config FILE: all of it took effect in obj. kconfig drops silently what it cannot have.
check_config() {
	grep '^CONFIG' "$1" | sed 's/=/ /' | while read -r option value; do
		grep -qx "$option=${value#n}" obj/.config || [ "$value" = n ] || echo "not on: $option"
		! grep -q "^$option=" obj/.config || [ "$value" != n ] || echo "not off: $option"
	done > config.bad
	cat config.bad
	[ ! -s config.bad ]
}
