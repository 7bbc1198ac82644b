#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Make the C files of the netlink family from its spec, with the kernel's own
# tool from the sources that the selftests need anyway.
#
#   ynl.sh            write them
#   ynl.sh --check    fail, and show the difference, if they are not as they
#                     would be written
. "$(dirname "$0")/lib.sh"

name=mock_vfio_pci
spec=uapi/netlink/$name.yaml
# "MODE PART FILE", as the tool's options have it
files="uapi header uapi/linux/${name}_nl.h
kernel header kmod/$name/netlink-gen.h
kernel source kmod/$name/netlink-gen.c"

case ${1-} in
'' | --check) ;;
*) die "usage: ynl.sh [--check]" ;;
esac

sources=$("$host_dir/source.sh")
tool=$sources/tools/net/ynl/pyynl/ynl_gen_c.py
[ -e "$tool" ] || die "these kernel sources have no ynl"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The tool names the spec by its place below the folder that has MAINTAINERS,
# and looks for the schema two folders above the spec.
make_tree() {
	local specs=$work/tree/Documentation/netlink/specs
	mkdir -p "$specs"
	touch "$work/tree/MAINTAINERS"
	cp "$sources"/Documentation/netlink/*.yaml "$specs/.."
	cp "$top/$spec" "$specs/"
}

generate() {
	local mode=$1 part=$2 file=$3
	mkdir -p "$(dirname "$work/$file")"
	# Where something is not as it expects, it may look for that for ever.
	PYTHONDONTWRITEBYTECODE=1 timeout 60 python3 "$tool" --mode "$mode" "--$part" \
		--spec "$work/tree/Documentation/netlink/specs/$name.yaml" \
		-o "$work/$file" </dev/null
	[ -s "$work/$file" ] || die "nothing was made for $file"
	sed -i -e "s|Documentation/netlink/specs/$name.yaml|$spec|" \
		-e "s|tools/net/ynl/ynl-regen.sh|selftests/host/ynl.sh|" "$work/$file"
}

status=0
make_tree
while read -r mode part file; do
	generate "$mode" "$part" "$file"
	if [ "${1-}" = --check ]; then
		diff -u --label "$file" --label "$file, from $spec" \
			"$top/$file" "$work/$file" || status=1
	elif ! cmp -s "$work/$file" "$top/$file"; then
		cp "$work/$file" "$top/$file"
		say YNL "$file"
	fi
done <<<"$files"
[ "$status" -eq 0 ] || note "ynl.sh: run selftests/host/ynl.sh"
exit "$status"
