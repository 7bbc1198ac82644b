#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Install what a purpose needs and this Debian 12 lacks.  Says what to install
# instead where it cannot: not root, or another system.
#
#   deps.sh build|demo|check
. "$(dirname "$0")/lib.sh"

for_build="gcc libc6-dev libmnl-dev make"
for_demo="$for_build bc binutils busybox-static cpio debian-archive-keyring
	gcc-12 kmod libelf1 pciutils qemu-system-x86 rsync seabios xz-utils"
# shellcheck disable=SC2034
for_check="$for_demo bison ccache flex libelf-dev libssl-dev lz4 perl python3
	python3-docutils python3-jsonschema python3-yaml sparse uuid-dev zstd"

# is_debian_12 - the only system whose packages these names are known to fit
is_debian_12() (
	# shellcheck source=/dev/null
	. /etc/os-release 2>/dev/null && [ "${ID-}-${VERSION_ID-}" = debian-12 ]
)

missing() {
	local package
	for package in "$@"; do
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null |
			grep -q '^install ok installed' || echo "$package"
	done
}

install_packages() {
	export DEBIAN_FRONTEND=noninteractive
	say APT "install $*"
	# A source of something else may be out of reach: installing will tell.
	run_logged "$cache/log/deps.log" retry 2 apt-get -q update ||
		note "deps.sh: apt-get update failed, trying with the lists there are"
	run_logged "$cache/log/deps.log" retry 3 \
		apt-get -q -y --no-install-recommends install "$@"
}

purpose=for_${1?which purpose: build, demo or check}
[ -n "${!purpose-}" ] || die "no such purpose: $1"
# shellcheck disable=SC2086
set -- ${!purpose}
is_debian_12 || die "not Debian 12; needed are what it calls:" "$@"
mapfile -t lacking < <(missing "$@")
[ "${#lacking[@]}" -gt 0 ] || exit 0
[ "$(id -u)" -eq 0 ] || die "not root; please install:" "${lacking[@]}"
install_packages "${lacking[@]}"
