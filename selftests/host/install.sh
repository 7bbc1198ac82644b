#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# "make install": agent, headers, man pages and, if the headers of the running
# kernel (or KDIR) are there, the modules.
#
#   install.sh        with DESTDIR, PREFIX and KDIR in the environment
. "$(dirname "$0")/lib.sh"

prefix=${DESTDIR-}${PREFIX:-/usr/local}
kdir=${KDIR:-/lib/modules/$(uname -r)/build}

install_modules() {
	local release where
	if [ ! -e "$kdir/Makefile" ]; then
		note "no kernel headers in $kdir: modules not installed"
		return
	fi
	release=$(make -s -C "$kdir" kernelrelease)
	where=${DESTDIR-}/lib/modules/$release
	KDIR=$kdir "$host_dir/modules.sh" host
	install -D -m 644 -t "$where/updates" "$build"/kmod-host/kmod/*/*.ko
	[ -n "${DESTDIR-}" ] || depmod "$release"
	say INSTALL "$where/updates"
}

install_man_pages() {
	local page name section
	command -v rst2man >/dev/null ||
		{ note "no rst2man (python3-docutils): man pages not installed"; return; }
	for page in "$top"/Documentation/man/*.rst; do
		[ -e "$page" ] || continue
		name=$(basename "$page" .rst)
		section=${name##*.}
		case $section in [1-9]) ;; *) section=1 name=$name.1 ;; esac
		install -d "$prefix/share/man/man$section"
		rst2man "$page" "$prefix/share/man/man$section/$name"
	done
	say INSTALL "$prefix/share/man"
}

install -D -t "$prefix/bin" "$build/vfio-agent"
say INSTALL "$prefix/bin/vfio-agent"
install -D -m 644 -t "$prefix/include/linux" "$top"/uapi/linux/*.h
install -D -m 644 -t "$prefix/include/vfio_mig" "$top"/kmod/include/*.h
say INSTALL "$prefix/include"
install_man_pages
install_modules
