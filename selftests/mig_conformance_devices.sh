#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# mig_conformance on mock functions with each set of migration flags, by both
# back ends, and its options.
. "$(dirname "$0")/agent-lib.sh"

# conformance OPTION...: into $TMP/out
conformance()
{
	"$HERE/mig_conformance" "$@" >"$TMP/out" 2>"$TMP/conformance.err"
}

# says_ok OPTION...: all rules are kept, and there are some
says_ok()
{
	conformance "$@"
	status=$?
	sed 's/^/    /' "$TMP/out"
	[ $status -eq 0 ] && grep -q '^ok 1 ' "$TMP/out"
}

# check FLAGS RULES DEVICE BACKEND
check()
{
	name="flags $1 by $4"
	if [ "$4" = iommufd ] && [ ! -e /dev/iommu ]; then
		skip "$name" "this kernel has no iommufd"
		return
	fi
	says_ok -s -d "$3" -b "$4" && grep -q "flags $1, " "$TMP/out" &&
		[ "$(grep -c -e "$2" "$TMP/out")" -gt 0 ]
	ok $? "$name"
}

# older_than_7_2: where most drivers never return from a blocked request
older_than_7_2()
{
	[ "$(printf '%s\n7.2\n' "$(uname -r)" | sort -V | head -n 1)" != 7.2 ]
}

# strange OPTION...: on a function whose driver seems not to be built on vfio_mig
strange()
{
	unshare -m sh -c 'mount -t tmpfs none /sys/module/vfio_mig/holders && exec "$@"' \
		sh "$HERE/mig_conformance" -d "$A" -t "STOP_COPY -> PRE_COPY*" "$@" \
		>"$TMP/out" 2>"$TMP/conformance.err"
}

plan 18
load_modules

# Flags, a profile that has them, and a rule that only these flags have.
for set in '1 stop-copy-only STOP.->.RUNNING_P2P.is.refused' \
	   '3 no-precopy RUNNING_P2P.->.PRE_COPY_P2P.is.refused' \
	   '5 no-p2p PRE_COPY.->.PRE_COPY_P2P.is.refused' \
	   '7 tiny PRE_COPY.->.PRE_COPY_P2P.opens.no.data_fd'; do
	# shellcheck disable=SC2086
	set -- $set
	device=$(vfio-agent mock add profile "$2")
	check "$1" "$3" "$device" legacy
	check "$1" "$3" "$device" iommufd
	vfio-agent mock del "$device"
done

conformance -l && grep -qx "an empty stream is refused" "$TMP/out"
ok $? "-l lists rules"
says_ok -d "/sys/bus/pci/devices/$B" -t "an empty stream is refused" &&
	[ "$(grep -c '^ok' "$TMP/out")" -eq 1 ]
ok $? "a path in sysfs, and -t for one rule"
says_ok -t "RUNNING -> *" && [ "$(grep -c '^ok' "$TMP/out")" -eq 9 ]
ok $? "-t with a pattern"
conformance -t "no such rule"
[ $? -eq 4 ] && grep -q "^1..0 # SKIP" "$TMP/out"
ok $? "-t for no rule has nothing to test"
conformance -d 0000:ff:1f.7
[ $? -eq 1 ] && grep -q "^Bail out!" "$TMP/out"
ok $? "a device that is not there is an error"
device=$(vfio-agent mock add profile non-migratable)
conformance -d "$device"
[ $? -eq 4 ] && grep -q "^1..0 # SKIP .*no migration" "$TMP/out"
ok $? "a device without migration has nothing to test"
vfio-agent mock del "$device"
if older_than_7_2; then skipped=2; else skipped=0; fi
strange && [ "$(grep -c '^ok .* # SKIP' "$TMP/out")" -eq $skipped ]
ok $? "a driver that may not return is not asked for what is blocked"
strange --blocked && [ "$(grep -c '^ok [0-9]* STOP_COPY.*is refused$' "$TMP/out")" -eq 2 ]
ok $? "but with --blocked"
conformance -b wrong
[ $? -eq 1 ] && grep -q "^Usage:" "$TMP/conformance.err"
ok $? "a back end that is not there is an error"
conformance -h && grep -q -- "--blocked" "$TMP/out"
ok $? "-h explains the options"

done_testing
