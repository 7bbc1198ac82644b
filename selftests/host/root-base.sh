#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The part of the virtual machine's root that no change of ours touches: busybox
# and lspci of this machine, with the libraries they need.  Prints the path of
# a cpio archive in the cache.
. "$(dirname "$0")/lib.sh"

packages="busybox-static pciutils libc6"

# copy_binary FILE ROOT - with its shared libraries, each at its own path
copy_binary() {
	local lib
	{ echo "$1"; ldd "$1" | grep -o '/[^ ]*'; } |
	while read -r lib; do
		install -D "$lib" "$2$lib"
	done
}

make_root() {
	local root=$1/root applet
	mkdir -p "$root"/{bin,dev,etc,proc,sys,tmp,run,root,results,usr/bin,opt}
	ln -s bin "$root/sbin"
	install "$(command -v busybox)" "$root/bin/busybox"
	for applet in $(busybox --list | grep -vx busybox); do
		ln -sf busybox "$root/bin/$applet"
	done
	copy_binary "$(command -v lspci)" "$root"
	rm -f "$root/bin/lspci"
	install -D -m 644 /usr/share/misc/pci.ids "$root/usr/share/misc/pci.ids"
	echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
	echo 'root:x:0:' >"$root/etc/group"
	"$host_dir/pack.sh" "$root" "$1/base.cpio"
	rm -rf "$root"
}

[ "${1-}" != make ] || { make_root "$2"; exit; }

# shellcheck disable=SC2086
key=$({ cat "$0" "$host_dir/pack.sh"; dpkg-query -W $packages; } | recipe_hash)
echo "$(cache_entry "root/base-$key" "$0" make)/base.cpio"
