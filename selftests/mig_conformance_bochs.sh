#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# mig_conformance on a real PCI function behind the machine's IOMMU: QEMU's
# bochs-display, with our driver.
. "$(dirname "$0")/lib/ktap.sh"

# displays: what has bochs-display's ids, VGA adapters of QEMU among them
displays()
{
	for dir in /sys/bus/pci/devices/*; do
		[ "$(cat "$dir/vendor")-$(cat "$dir/device")" != 0x1234-0x1111 ] ||
			basename "$dir"
	done
}

give_back()
{
	[ ! -e "/sys/bus/pci/drivers/bochs_vfio_pci/$1" ] ||
		echo "$1" >/sys/bus/pci/drivers/bochs_vfio_pci/unbind
	echo >"/sys/bus/pci/devices/$1/driver_override"
}

# take BDF: away from whatever driver has it
take()
{
	[ ! -e "/sys/bus/pci/devices/$1/driver" ] ||
		echo "$1" >"/sys/bus/pci/devices/$1/driver/unbind"
	echo bochs_vfio_pci >"/sys/bus/pci/devices/$1/driver_override"
	echo "$1" >/sys/bus/pci/drivers_probe
	[ -e "/sys/bus/pci/drivers/bochs_vfio_pci/$1" ] || ! give_back "$1"
}

# take_one: into BDF, the first that the driver takes
take_one()
{
	for BDF in $(displays); do
		! take "$BDF" || return 0
	done
	return 1
}

check()
{
	"$HERE/mig_conformance" -s -d "$BDF" -b "$1" >"$TMP/out" 2>&1
	status=$?
	sed 's/^/    /' "$TMP/out"
	if [ $status -eq 4 ]; then
		skip "bochs-display by $1" "this kernel has no iommufd"
		return
	fi
	[ $status -eq 0 ] && grep -q '^ok 1 ' "$TMP/out"
	ok $? "bochs-display by $1"
}

[ -n "$(displays)" ] || skip_all "this machine has no bochs-display"
insmod "$MODULES/vfio_mig.ko" && insmod "$MODULES/bochs_vfio_pci.ko" ||
	bail "cannot load the modules"
take_one || bail "bochs_vfio_pci takes no device"
plan 2
check legacy
check iommufd
give_back "$BDF"
rmmod bochs_vfio_pci && rmmod vfio_mig || FAILED=1
rm -rf "$TMP"
exit $FAILED
