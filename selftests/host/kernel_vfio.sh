#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The kernel's own VFIO selftests, out of tree: a copy of their sources with our
# driver added, built in build/kernel-vfio/out.  Nothing of it is in this tree.
#
#   kernel_vfio.sh              build
#   kernel_vfio.sh run BDF...   run them on devices of this machine
. "$(dirname "$0")/lib.sh"

work=$build/kernel-vfio
driver=$top/selftests/kernel-vfio/mock.c
suite=tools/testing/selftests/vfio
copied="tools usr scripts/subarch.include include/linux drivers"

# before FILE LINE TEXT - TEXT before the one line of FILE that is LINE; the
# kernel's sources change, and a guess would build tests without our driver
before() {
	local found
	found=$(grep -cFx -e "$2" "$1") || true
	[ "$found" -eq 1 ] ||
		die "$1 looks different from what is known: $found times '$2'"
	awk -v "line=$2" -v "text=$3" '$0 == line { print text } { print }' "$1" >"$1.new"
	mv "$1.new" "$1"
}

# What a new driver of the kernel's library changes besides its own file.
add_driver() {
	mkdir -p "$1/lib/drivers/mock"
	before "$1/lib/libvfio.mk" 'LIBVFIO_OUTPUT := $(OUTPUT)/libvfio' \
		'LIBVFIO_C += drivers/mock/mock.c'
	before "$1/lib/vfio_pci_driver.c" \
		'static struct vfio_pci_driver_ops *driver_ops[] = {' \
		'extern struct vfio_pci_driver_ops mock_ops;'
	before "$1/lib/vfio_pci_driver.c" '	&nv_falcon_ops,' '	&mock_ops,'
}

# A machine that is emulated, and busy with others, may need longer for a test.
allow_time() {
	before "$1/tools/testing/selftests/kselftest_harness.h" \
		'#define TEST_TIMEOUT_DEFAULT 30' '#define TEST_TIMEOUT_DEFAULT 120'
	sed -i '/^#define TEST_TIMEOUT_DEFAULT 30$/d' \
		"$1/tools/testing/selftests/kselftest_harness.h"
}

# The copy stays as it is until the sources or this script change.
copy_sources() {
	local source=$1 key
	key="$source $(recipe_hash "$0")"
	[ "$(cat "$work/copied" 2>/dev/null)" != "$key" ] || return 0
	[ -d "$source/$suite" ] || die "these kernel sources have no $suite"
	rm -rf "$work"
	mkdir -p "$work/src" "$work/out"
	# shellcheck disable=SC2086
	(cd "$source" && cp -a --parents $copied "$work/src")
	add_driver "$work/src/$suite"
	allow_time "$work/src"
	echo "$key" >"$work/copied"
}

programs() { find "$work/out" -maxdepth 1 -type f -perm -u+x -name '*_test'; }

check_programs() {
	local program
	[ -n "$(programs)" ] || die "the kernel's $suite built no program"
	for program in $(programs); do
		nm "$program" | grep ' mock_ops$' >/dev/null ||
			die "our driver is not in $program"
	done
}

build_all() {
	local source copy=$work/src/$suite/lib/drivers/mock/mock.c
	source=$("$host_dir/source.sh")
	copy_sources "$source"
	cmp -s "$driver" "$copy" || cp "$driver" "$copy"
	run_logged "$work/build.log" make -C "$work/src/$suite" OUTPUT="$work/out" \
		EXTRA_CFLAGS="-I$top/uapi"
	check_programs
}

case ${1-} in
'') build_all ;;
run)
	shift
	[ $# -gt 0 ] || die "which devices?"
	build_all
	KERNEL_VFIO=$work/out BDF=$* "$top/selftests/kernel_vfio.sh"
	;;
*) die "no such verb: $1" ;;
esac
