#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Build our modules for a kernel of the test host, in a copy of kmod/ and uapi/
# under build/ because kbuild writes beside the sources.  Prints warnings and
# errors only.
#
#   modules.sh KERNEL [MAKE-ARGUMENT...]
#
# With KDIR in the environment it builds for that kernel instead; KERNEL then only
# names the copy.
. "$(dirname "$0")/lib.sh"

kernel=$1
shift
kdir=${KDIR:-$("$host_dir/kernel.sh" "$kernel")/build}
[ -e "$kdir/Makefile" ] || die "no kernel headers in $kdir"
copy=$build/kmod-$kernel

# rsync keeps the time stamps and leaves built files alone: make sees only
# what has changed.
copy_sources() {
	rsync -a --delete --exclude='*.o' --exclude='*.ko' --exclude='*.mod*' \
		--exclude='.*' --exclude='Module.symvers' --exclude='modules.order' \
		"$top/kmod" "$top/uapi" "$copy/"
}

# In the test host's kernels a warning is an error; what another kernel's
# headers or compiler warn of is not ours to forbid.
strict=W=1e
[ -z "${KDIR-}" ] || strict=''

mkdir -p "$copy"
exec 9>"$copy/lock"
flock 9
copy_sources
export CCACHE_DIR=$cache/ccache
# Type information for BPF would take pahole, and nothing here uses it.
# shellcheck disable=SC2086
make -s -C "$kdir" M="$copy/kmod" CONFIG_DEBUG_INFO_BTF_MODULES= $strict "$@" modules
