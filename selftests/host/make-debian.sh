#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Unpack Debian's own kernel, with what it takes to build modules for it.
#
#   make-debian.sh IMAGE-PACKAGE VERSION DIR
#
# Leaves in DIR: vmlinuz, release, lib/modules/, build -> what make -C wants.
. "$(dirname "$0")/lib.sh"

image=$1 version=$2 dir=$3
release=${image#linux-image-}
abi=${release%-"$arch"}

mapfile -t debs < <("$host_dir/apt.sh" fetch "$debian_suite" \
	"$image=$version" \
	"linux-headers-$release" "linux-headers-$abi-common" "linux-kbuild-$abi")
[ "${#debs[@]}" -eq 4 ] || die "could not fetch all packages of $release"
for deb in "${debs[@]}"; do
	dpkg-deb -x "$deb" "$dir"
done

# The headers' Makefile includes its other half by absolute path.
headers=usr/src/linux-headers-$release
sed -i "s|^include /usr/src/|include \$(dir \$(lastword \$(MAKEFILE_LIST)))../|" \
	"$dir/$headers/Makefile"
grep -q '^include \$(dir' "$dir/$headers/Makefile" ||
	die "the headers' Makefile is not the one this script knows"

ln -s "$headers" "$dir/build"
mv "$dir/boot/vmlinuz-$release" "$dir/vmlinuz"
[ -d "$dir/lib" ] || ln -s usr/lib "$dir/lib"
echo "$release" >"$dir/release"
depmod -b "$dir" "$release"
rm -f "${debs[@]}"
