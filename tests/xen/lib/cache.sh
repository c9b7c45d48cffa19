# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
#
# Slow artefacts are made once by a recipe and kept outside the tree. A recipe is
# a program: "RECIPE key" prints what the artefact depends on, "RECIPE make DIR"
# makes it in the existing folder DIR. Sourced by build.sh and by the recipes, with
# xen_tests, the folder of all this.

: "${xen_tests:?}"
cache=${XENVIRTIOD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/xenvirtiod}

progress() {
	echo "$(date +%T) $*" >&2
}

# apt_for ARCH: from here on apt-get, apt-cache and the functions below see Debian's
# packages of this architecture.
apt_for() {
	[ "$1" = "$(dpkg --print-architecture)" ] || apt_lists "$1"
}

# apt_lists ARCH: the same, and source packages, from lists of their own, a week old at
# most. The host's set-up of dpkg and apt stays as it is.
apt_lists() {
	apt_dir=$cache/apt-$1
	export APT_CONFIG="$apt_dir/apt.conf"
	mkdir -p "$apt_dir/lists/partial" "$apt_dir/cache/archives/partial"
	(
		flock 9
		[ "$(find "$apt_dir/updated" -mtime -7 2> /dev/null)" ] || update_lists "$1" >&2
	) 9> "$apt_dir/lock"
}

update_lists() {
	debian_sources > "$apt_dir/sources.list"
	cat > "$APT_CONFIG" <<-END
		#clear APT::Architectures;
		APT::Architecture "$1";
		APT::Architectures { "$1"; };
		APT::Sandbox::User "root";
		Dir::Etc::sourcelist "$apt_dir/sources.list";
		Dir::Etc::sourceparts "-";
		Dir::State::Lists "$apt_dir/lists";
		Dir::State::status "/dev/null";
		Dir::Cache "$apt_dir/cache";
	END
	apt-get -qq update
	touch "$apt_dir/updated"
}

# Debian's among the sources that the host has, for packages and for their sources.
debian_sources() {
	# shellcheck disable=SC2016 # apt fills these in
	APT_CONFIG='' apt-get indextargets --format '$(ORIGIN) $(REPO_URI) $(RELEASE) $(COMPONENT)' \
		'Created-By: Packages' | sort -u | sed -n 's/^Debian \(.*\)/deb \1\ndeb-src \1/p'
}

# packages FILE...: the names in package lists.
packages() {
	sed 's/#.*//' "$@" | grep .
}

# versions PACKAGE...: name and version of each package that apt would install.
versions() {
	apt-cache show --no-all-versions "$@" | sed -n 's/^\(Package\|Version\): //p'
}

# download PACKAGE: its .deb into the current directory.
download() {
	apt-get -q -o APT::Sandbox::User=root download "$1"
}

# cached RECIPE [ARG]: the artefact's folder, made now if it is not there.
cached() {
	cached_key=$("$xen_tests/recipes/$1" key ${2+"$2"} | sha256sum | cut -c1-12)
	cached_dir=$cache/$1${2+-$2}-$cached_key
	(
		flock 9
		[ -e "$cached_dir" ] || make_artefact "$@"
	) 9> "$cached_dir.lock"
	touch "$cached_dir"
	echo "$cached_dir"
}

make_artefact() {
	progress "making $1${2+ $2}, once (log: $cached_dir.log)"
	rm -rf "$cached_dir.new"
	mkdir "$cached_dir.new"
	if ! "$xen_tests/recipes/$1" make "$cached_dir.new" ${2+"$2"} > "$cached_dir.log" 2>&1; then
		tail -n 20 "$cached_dir.log" >&2
		exit 1
	fi
	mv "$cached_dir.new" "$cached_dir"
}

# open_cache: makes it, or removes what nobody has used for a month.
open_cache() {
	mkdir -p "$cache"
	find "$cache" -mindepth 1 -maxdepth 1 -mtime +30 -exec rm -rf {} +
}
