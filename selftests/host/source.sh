#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Debian's linux-source package: which one, and parts of it.
#
#   source.sh newest              print "PACKAGE VERSION SUITE" of the newest one
#                                 of the first series that a suite has
#   source.sh tar PACKAGE VERSION SUITE    the source as a tar stream
#   source.sh                     print a directory with the few parts of it
#                                 that selftests are built with
. "$(dirname "$0")/lib.sh"

offers() {
	local suite version
	for suite in $debug_suites; do
		for version in $("$host_dir/apt.sh" versions "$suite" "$1"); do
			echo "$1 $version $suite"
		done
	done
}

newest() {
	local series found
	for series in $debug_series; do
		found=$(offers "linux-source-$series" | sort -V -k2,2 | tail -n 1)
		[ -z "$found" ] || { echo "$found"; return; }
	done
	die "none of the series $debug_series is in $debug_suites: see kernels.conf"
}

source_tar() {
	local deb=$cache/debs/$1_$2_all.deb
	[ -e "$deb" ] || "$host_dir/apt.sh" fetch "$3" "$1=$2" >/dev/null
	dpkg-deb --fsys-tarfile "$deb" | tar -xO "./usr/src/$1.tar.xz" | xz -dc -T2
}

# For cache_entry: what selftests need, unpacked into the last argument, and the
# headers that the kernel gives to user space, made from it in usr/include.
parts() {
	source_tar "$1" "$2" "$3" | tar -x -C "$4" --strip-components=1 --wildcards \
		--no-wildcards-match-slash \
		"$1/tools/testing/selftests/*.h" \
		"$1/tools/testing/selftests/*.mk" \
		"$1/tools/testing/selftests/vfio" \
		"$1/tools/include" "$1/tools/arch/x86/include" \
		"$1/tools/net/ynl" "$1/Documentation/netlink" \
		"$1/tools/lib/python" "$1/tools/docs" \
		"$1/Makefile" "$1/scripts" "$1/usr/include" \
		"$1/arch/x86/Makefile*" "$1/arch/x86/entry/syscalls" \
		"$1/arch/x86/include/uapi" "$1/arch/x86/include/asm/Kbuild" \
		"$1/include/uapi" "$1/include/asm-generic" \
		"$1/include/linux/pci_ids.h" \
		"$1/drivers/dma/*/*.h" "$1/drivers/net/ethernet/intel/igb/*.h"
	make -s -C "$4" ARCH=x86 headers
}

case ${1-} in
newest) newest ;;
tar) source_tar "$2" "$3" "$4" ;;
parts) parts "$2" "$3" "$4" "$5" ;;
'')
	read -r package version suite < <(resolved source newest)
	cache_entry "source/$version-$(recipe_hash "$0")" \
		"$0" parts "$package" "$version" "$suite"
	;;
*) die "no such verb: $1" ;;
esac
