#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# "make demo": Debian's kernel in a virtual machine, both modules, and a
# migration from one mock function to the other, told by selftests/demo.sh.
. "$(dirname "$0")/lib.sh"

kernel=debian
make -s -C "$top" agent
say MODULES "for $kernel"
"$host_dir/modules.sh" "$kernel"
say BOOT "$kernel (log: build/log/demo/console.log)"
exec "$host_dir/run.sh" -k "$kernel" -t 180 -o "$build/log/demo" -- \
	/opt/vfio-mig/selftests/demo.sh
