#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Build the kernel that looks over our shoulder: base.config and debug.config
# on top of allnoconfig.
#
#   make-debug.sh PACKAGE VERSION SUITE DIR
#
# Leaves in DIR: vmlinuz, release, config, lib/modules/, build/ (for make -C).
. "$(dirname "$0")/lib.sh"

package=$1 version=$2 suite=$3 dir=$4
tree=$dir/build
log=$cache/log/make-debug.log
configs=("$host_dir/base.config" "$host_dir/debug.config")

export CCACHE_DIR=$cache/ccache CCACHE_MAXSIZE=2G
compiler=gcc
! command -v ccache >/dev/null || compiler="ccache gcc"
mk=(make -s -C "$tree" "CC=$compiler" "KBUILD_BUILD_USER=test"
	"KBUILD_BUILD_HOST=host")

unpack() {
	mkdir -p "$tree"
	"$host_dir/source.sh" tar "$package" "$version" "$suite" |
	tar -x -C "$tree" --strip-components=1 \
		--exclude="$package/arch/*/boot/dts" \
		--exclude="$package/drivers/gpu/drm/amd/include" \
		--exclude="$package/tools/perf" --exclude="$package/tools/testing"
}

# Kconfig drops in silence what lacks a dependency: say what got lost.
check_config() {
	local line lost=""
	while read -r line; do
		case $line in
		CONFIG_*=n) grep -q "^${line%=n}=" "$tree/.config" && lost+=" $line" ;;
		CONFIG_*) grep -qxF "$line" "$tree/.config" || lost+=" $line" ;;
		esac
	done < <(cat "${configs[@]}")
	[ -z "$lost" ] || die "the kernel's configuration lost:$lost"
}

configure() {
	cat "${configs[@]}" >"$dir/requested.config"
	run_logged "$log" "${mk[@]}" KCONFIG_ALLCONFIG="$dir/requested.config" allnoconfig
	check_config
}

# Keep what building a module takes; drop what only building a kernel takes.
prune() {
	find "$tree" -path "$tree/scripts" -prune -o -path "$tree/tools" -prune -o \
		-type f \( -name '*.[coSa]' -o -name '*.ko' -o -name '*.cmd' \
		-o -name '*.dts*' -o -name '*.mod' -o -name 'vmlinux*' \
		-o -name 'bzImage' \) -exec rm -f {} +
}

unpack
say CONFIG "$package"
configure
say BUILD "kernel $version with debug options ($log)"
run_logged "$log" "${mk[@]}" -j"$(nproc)" bzImage modules
"${mk[@]}" kernelrelease >"$dir/release"
cp "$tree/arch/x86/boot/bzImage" "$dir/vmlinuz"
cp "$tree/.config" "$dir/config"
run_logged "$log" "${mk[@]}" INSTALL_MOD_PATH="$dir" modules_install
rm -f "$dir/lib/modules/$(cat "$dir/release")/"{build,source}
prune
