#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# mig_conformance on the kernel's own sample of a migratable device, mtty, which
# we did not write.  It breaks some rules; these are known, and explained in
# Documentation/conformance.rst.  One more that it breaks is a failure, and so is
# one less: then either mtty has been repaired or a rule sees nothing any more.
. "$(dirname "$0")/lib/ktap.sh"

UUID=7b1d6e9c-5a0f-4c61-9a55-6d7474790001
TYPE=/sys/devices/virtual/mtty/mtty/mdev_supported_types/mtty-1
MDEV=/sys/bus/mdev/devices/$UUID

known_failures()
{
	cat <<-END
	DMA_LOGGING_REPORT without START fails
	a device closed in PRE_COPY is RUNNING when opened
	a device closed in PRE_COPY_P2P is RUNNING when opened
	a device closed in RESUMING is RUNNING when opened
	a device closed in STOP_COPY is RUNNING when opened
	a load of which a write failed is refused
	a second DMA_LOGGING_START is refused
	END
}

known_deviations()
{
	cat <<-END
	a device closed in RUNNING_P2P is RUNNING when opened
	a device closed in STOP is RUNNING when opened
	poll in PRE_COPY tells whether there is data
	the end of the data in PRE_COPY is ENOMSG
	the end of the data in PRE_COPY_P2P is ENOMSG
	END
}

# conformance OPTION...: into $TMP/out, and as a subtest to the output
conformance()
{
	"$HERE/mig_conformance" -d "$UUID" "$@" >"$TMP/out" 2>&1
	STATUS=$?
	sed 's/^/    /' "$TMP/out"
}

failures()
{
	sed -n 's/^not ok [0-9]* //p' "$TMP/out" | sort
}

deviations()
{
	sed -n 's/^# deviation: \([^:]*\):.*/\1/p' "$TMP/out" | sort -u
}

# are WHAT FOUND KNOWN: the same names, or the result says which are not
are()
{
	"$2" >"$TMP/found"
	"$3" | sort >"$TMP/known"
	grep -vxFf "$TMP/known" "$TMP/found" | sed "s/^/# $1, not known: /"
	grep -vxFf "$TMP/found" "$TMP/known" | sed "s/^/# $1, but not now: /"
	cmp -s "$TMP/found" "$TMP/known"
}

check_backend()
{
	conformance -b "$1"
	if [ "$STATUS" -eq 4 ]; then
		skip "$1: rules" "this kernel has no iommufd"
		skip "$1: deviations" "this kernel has no iommufd"
		return
	fi
	grep -q '^# Totals' "$TMP/out" && are "it fails" failures known_failures
	ok $? "$1: mtty breaks the rules that it is known to break"
	grep -q '^# Totals' "$TMP/out" && are "it deviates" deviations known_deviations
	ok $? "$1: mtty deviates where it is known to"
}

known_of_both()
{
	known_failures
	known_deviations
}

if [ ! -e /sys/module/mtty ]; then
	LOADED=mtty
	modprobe -q mtty
fi
if [ ! -e "$TYPE" ]; then
	skip_all "this kernel has no mtty sample (CONFIG_SAMPLE_VFIO_MDEV_MTTY)"
fi

plan 5
echo "$UUID" >"$TYPE/create" || bail "no mdev can be made"
check_backend legacy
check_backend iommufd
conformance -s
are "strict, it fails" failures known_of_both && [ "$STATUS" -eq 1 ]
ok $? "with -s, deviations are failures"

echo 1 >"$MDEV/remove"
[ -z "$LOADED" ] || rmmod $LOADED || FAILED=1
rm -rf "$TMP"
exit $FAILED
