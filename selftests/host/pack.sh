#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Pack a directory as an initramfs archive.  Archives may be concatenated.
#
#   pack.sh DIR FILE
. "$(dirname "$0")/lib.sh"

cd "$1"
find . -mindepth 1 -print0 | sort -z |
	cpio --quiet -0 -o -H newc --owner=+0:+0 >"$2"
