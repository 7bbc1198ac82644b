#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The IOMMU that real devices are behind, and the mock's own one beside it: each
# is there, and the coming and going of the mock's leaves real devices alone.
# $TEST_MACHINE says which real one it has to be; the test host sets it.
. "$(dirname "$0")/lib/ktap.sh"

OUT=${RESULTS:-/results}
IOMMUS=/sys/class/iommu
DRIVER=/sys/bus/pci/drivers/mock_vfio_pci
UNSAFE='/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts
	/sys/module/iommufd/parameters/allow_unsafe_interrupts'

# same FILE FILE: and if not, what differs
same()
{
	diff "$1" "$2" >"$TMP/diff" && return
	sed 's/^/# /' "$TMP/diff"
	return 1
}

# Names of IOMMUs as a pattern, by machine; a virtio one is called like its PCI
# function.  Nothing is a machine of that name.
pattern()
{
	case $TEST_MACHINE in
	intel) echo 'dmar[0-9]+' ;;
	amd) echo 'ivhd[0-9]+' ;;
	virtio) echo '0000:..:..\..' ;;
	none) echo 'no such name' ;;
	*) bail "TEST_MACHINE is $TEST_MACHINE" ;;
	esac
}

# iommus: what is registered, the mock's own one left out
iommus()
{
	(cd $IOMMUS && ls) 2>/dev/null | grep -vx mock_vfio_pci
}

# The machine's IOMMUs, at least one of them and no others.
machine_iommus()
{
	iommus >"$TMP/iommus"
	sed 's/^/# registered: /' "$TMP/iommus"
	[ "$TEST_MACHINE" = none ] && [ ! -s "$TMP/iommus" ] && return
	[ -s "$TMP/iommus" ] && ! grep -qvxE "$(pattern)" "$TMP/iommus"
}

group_of()
{
	basename "$(readlink "/sys/bus/pci/devices/$1/iommu_group")" 2>/dev/null
}

# real_functions: every PCI function that is no mock, its group, the group's type
real_functions()
{
	(cd /sys/bus/pci/devices && ls) | while read -r bdf; do
		[ "$(cat "/sys/bus/pci/devices/$bdf/vendor")" != 0x4d4f ] || continue
		group=$(group_of "$bdf")
		echo "$bdf ${group:--} $(cat "/sys/kernel/iommu_groups/$group/type" 2>/dev/null)"
	done
}

# The shared folder's device does DMA behind the IOMMU, and so in a domain of its
# kind; with no IOMMU it has no group.
share_is_behind()
{
	bdf=$(basename "$(dirname "$(readlink -f /sys/bus/virtio/drivers/9pnet_virtio/virtio*)")")
	if [ "$TEST_MACHINE" = none ]; then
		! real_functions | grep -q ' [0-9]'
	else
		real_functions | grep "^$bdf [0-9]* DMA"
	fi >"$TMP/share" || return
	sed 's/^/# shared folder: /' "$TMP/share"
}

# What is written to the host and read back has been through the IOMMU.
share_works()
{
	dd if=/dev/urandom of="$TMP/data" bs=64k count=4 2>/dev/null &&
		cp "$TMP/data" "$OUT/data" && cmp "$TMP/data" "$OUT/data"
	status=$?
	rm -f "$OUT/data"
	return $status
}

# QEMU's device for those who learn to write drivers: nobody drives it.
take_edu()
{
	for dir in /sys/bus/pci/devices/*; do
		[ "$(cat "$dir/vendor" "$dir/device" | tr -d '\n')" = 0x12340x11e8 ] &&
			EDU=$(basename "$dir")
	done
	[ -n "$EDU" ] || return
	modprobe -q vfio-pci
	echo vfio-pci >"/sys/bus/pci/devices/$EDU/driver_override"
	echo "$EDU" >/sys/bus/pci/drivers_probe
}

release_edu()
{
	[ -n "$EDU" ] || return
	echo "$EDU" >/sys/bus/pci/drivers/vfio-pci/unbind
	echo >"/sys/bus/pci/devices/$EDU/driver_override"
} 2>/dev/null

# A real function that vfio-pci has is opened, its IOMMU's domain and all.  Not
# every machine remaps interrupts, and DMA alone is meant here.  Without an IOMMU
# vfio-pci does not take it.
opens_edu()
{
	if [ "$TEST_MACHINE" = none ]; then
		[ -n "$EDU" ] && [ ! -e "/sys/bus/pci/drivers/vfio-pci/$EDU" ]
		return
	fi
	[ "$(real_functions | grep -c " $(group_of "$EDU") ")" -eq 1 ] &&
		vfio-agent device info "$EDU" >"$TMP/info" && grep -q 'region bar0' "$TMP/info"
}

# unsafe VALUE: of the parameters there are
unsafe()
{
	for parameter in $UNSAFE; do
		[ ! -e "$parameter" ] || echo "$1" >"$parameter"
	done
}

# Two mock functions, each alone in a group that no real one is in.
mock_groups()
{
	for bdf in "$DRIVER"/*:*:*.*; do
		group_of "$(basename "$bdf")"
	done | sort -u >"$TMP/mock"
	real_functions | cut -d ' ' -f 2 | sort -u >"$TMP/real"
	[ "$(wc -l <"$TMP/mock")" -eq 2 ] && ! grep -qxFf "$TMP/mock" "$TMP/real"
}

if [ -z "$TEST_MACHINE" ] || [ -e /sys/module/mock_vfio_pci ]; then
	skip_all "not in the test host, or the modules are loaded"
fi

case $TEST_MACHINE in
none) behind="no real function is behind one" opens="VFIO refuses a real function" ;;
*) behind="a real function does its DMA behind it" opens="VFIO can use it" ;;
esac

plan 10
machine_iommus
ok $? "the IOMMU of this machine is there: $TEST_MACHINE"
share_is_behind
ok $? "$behind"
unsafe 1
take_edu
opens_edu
ok $? "$opens"
real_functions >"$TMP/before"

insmod "$MODULES/vfio_mig.ko" && insmod "$MODULES/mock_vfio_pci.ko" functions=2 &&
	[ -e "$IOMMUS/mock_vfio_pci" ] && iommus | same "$TMP/iommus" -
ok $? "the mock's IOMMU is listed beside it"
real_functions | same "$TMP/before" -
ok $? "real functions are in the groups they were in"
mock_groups
ok $? "mock functions are in groups of their own"
opens_edu
ok $? "$opens beside the mock's"
share_works
ok $? "a driver of the kernel does its DMA beside the mock's"

rmmod mock_vfio_pci && rmmod vfio_mig &&
	[ ! -e "$IOMMUS/mock_vfio_pci" ] && iommus | same "$TMP/iommus" -
ok $? "the mock's IOMMU goes away alone"
real_functions | same "$TMP/before" - && opens_edu && share_works
ok $? "real functions work on"

release_edu
unsafe 0
rm -rf "$TMP"
exit $FAILED
