#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The KUnit tests of vfio_mig, on kernels with KUnit.  Each of their results,
# which they write to the kernel's log, is one here.
. "$(dirname "$0")/lib/ktap.sh"

MARK="vfio_mig_kunit.sh: $$ begins"

unload()
{
	for module in vfio_mig_kunit vfio_mig; do
		! grep -q "^$module " /proc/modules || rmmod $module
	done
}

# The log from the mark on, without times.
results()
{
	dmesg | sed 's/^\[[^]]*\] //' | sed "1,/^$MARK\$/d"
}

# "ok 1 test_page_size" below "# Subtest: SUITE" is one result.
flatten()
{
	awk '
	/^    # Subtest: / { suite = $3; suites++; }
	/^    1\.\.[0-9]+/ { planned += substr($1, 4); }
	/^    (not )?ok / {
		count++;
		bad += $1 == "not";
		line = $0;
		sub(/^ *(not )?ok [0-9]+ /, "", line);
		print ($1 == "not" ? "not " : "") "ok " count " " suite ": " line;
		next;
	}
	/^ok / || /^not ok / { next; }
	{ sub(/^ */, ""); sub(/^(# )?/, "# "); print; }
	END {
		complete = suites && count == planned;
		print (complete ? "" : "not ") "ok " count + 1 " all tests have ended";
		print "1.." count + 1;
		exit bad || !complete;
	}'
}

has_kunit()
{
	[ -e /sys/module/kunit ] ||
		find "/lib/modules/$(uname -r)/" -name 'kunit.ko*' | grep -q .
}

has_kunit || skip_all "this kernel has no KUnit"
echo "TAP version 13"
trap 'unload; rm -rf "$TMP"' EXIT
# It may be built so that tests do not run unless they are asked for.
modprobe kunit enable=1 autorun=1 || bail "cannot load kunit"
grep -q '^vfio_mig ' /proc/modules || insmod "$MODULES/vfio_mig.ko" ||
	bail "cannot load vfio_mig"
echo "$MARK" >/dev/kmsg
insmod "$MODULES/vfio_mig_kunit.ko" || bail "cannot load the tests"
results | flatten
