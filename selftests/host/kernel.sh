#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Print the directory of a kernel of the test host; fetch or build it first if
# the cache lacks it.
#
#   kernel.sh debian|debug
. "$(dirname "$0")/lib.sh"

newest_debian() {
	local image version
	image=$("$host_dir/apt.sh" depends "$debian_suite" "$debian_package" |
		grep '^linux-image-[0-9]' | head -n 1)
	version=$("$host_dir/apt.sh" versions "$debian_suite" "$image" | tail -n 1)
	echo "$image $version"
}

debian() {
	local image version
	read -r image version < <(resolved debian newest_debian)
	cache_entry "kernel/debian-$version-$(recipe_hash "$host_dir/make-debian.sh")" \
		"$host_dir/make-debian.sh" "$image" "$version"
}

debug() {
	local hash package version suite
	hash=$({
		cat "$host_dir"/{base.config,debug.config,make-debug.sh}
		gcc -dumpfullversion
	} | recipe_hash)
	read -r package version suite < <(resolved source "$host_dir/source.sh" newest)
	cache_entry "kernel/debug-$version-$hash" \
		"$host_dir/make-debug.sh" "$package" "$version" "$suite"
}

case ${1-} in
debian | debug) "$1" ;;
*) die "no such kernel: ${1-} (there are: $kernels)" ;;
esac
