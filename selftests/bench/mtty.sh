#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# mtty.c on an mdev of the kernel's mtty sample.  Exit status 4: it has none.
HERE=$(dirname "$0")
UUID=7b1d6e9c-5a0f-4c61-9a55-6d7474790002
TYPE=/sys/devices/virtual/mtty/mtty/mdev_supported_types/mtty-1

modprobe -q mtty
if [ ! -e "$TYPE" ]; then
	echo "# mtty: this kernel has no mtty sample" >&2
	exit 4
fi
echo "$UUID" >"$TYPE/create" || exit
"$HERE/mtty" "$UUID"
status=$?
echo 1 >"/sys/bus/mdev/devices/$UUID/remove"
exit $status
