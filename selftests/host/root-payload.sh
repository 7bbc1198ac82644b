#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What is under test, as /opt/vfio-mig of the virtual machine: agent, modules of
# one kernel, selftests, with the libraries they are linked to.  What has not
# been built is left out.
#
#   root-payload.sh KERNEL FILE
. "$(dirname "$0")/lib.sh"

kernel=$1 file=$2
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
opt=$stage/opt/vfio-mig
mkdir -p "$opt"/{bin,modules,selftests/bench,selftests/kernel-vfio,selftests/lib,host}

put() {
	local where=$1 what
	shift
	for what in "$@"; do
		[ ! -f "$what" ] || cp -p "$what" "$opt/$where/"
	done
}

# Shared libraries of every program in the payload.
put_libraries() {
	local lib
	find "$opt" -type f -perm -u+x -exec ldd {} \; 2>/dev/null |
	sed -n 's|^[^/]*\(/[^ :]*\.so[^ :]*\) (.*|\1|p' | sort -u |
	while read -r lib; do
		install -D "$lib" "$stage$lib"
	done
}

put bin "$build/vfio-agent"
put modules "$build/kmod-$kernel"/kmod/*/*.ko
put selftests "$build"/selftests/* "$top"/selftests/*.sh "$top/selftests/settings"
put selftests/lib "$top"/selftests/lib/*.sh
put selftests/bench "$build"/selftests/bench/* "$top"/selftests/bench/*.sh
put selftests/kernel-vfio "$build"/kernel-vfio/out/*_test
put host "$host_dir"/vm/*
install -m 755 "$host_dir/vm/init" "$stage/init"
put_libraries
"$host_dir/pack.sh" "$stage" "$file"
