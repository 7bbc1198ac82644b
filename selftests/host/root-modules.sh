#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The modules of a kernel that the virtual machine needs, unpacked, with all they
# depend on.  Prints the path of a cpio archive in the cache.
#
#   root-modules.sh KERNEL-DIR
. "$(dirname "$0")/lib.sh"

# Files of the modules named by $vm_modules and of what they depend on.
closure() {
	local module
	for module in $vm_modules; do
		modprobe -d "$1" -S "$2" -D "$module" 2>/dev/null || true
	done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | sort -u
}

unpack_module() {
	case $1 in
	*.xz) xz -dc "$1" >"$2/$(basename "$1" .xz)" ;;
	*.zst) zstd -qdc "$1" >"$2/$(basename "$1" .zst)" ;;
	*) cp "$1" "$2" ;;
	esac
}

make_modules() {
	local kernel=$1 dir=$2 release file
	release=$(cat "$kernel/release")
	local modules=$dir/root/lib/modules/$release
	mkdir -p "$modules"
	for file in $(closure "$kernel" "$release"); do
		unpack_module "$file" "$modules"
	done
	cp "$kernel/lib/modules/$release"/modules.{order,builtin,builtin.modinfo} "$modules"
	depmod -b "$dir/root" "$release"
	"$host_dir/pack.sh" "$dir/root" "$dir/modules.cpio"
	rm -rf "$dir/root"
}

[ "$1" != make ] || { make_modules "$2" "$3"; exit; }

key=$({ cat "$0" "$host_dir/pack.sh"; echo "$vm_modules"; } | recipe_hash)
echo "$(cache_entry "root/modules-$(basename "$1")-$key" "$0" make "$1")/modules.cpio"
