#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Map and unmap: a mock function behind the mock's IOMMU against a real one
# behind the machine's, in the same kernel.  QEMU's edu device is the real one,
# handed to vfio-pci; map.c does the rest.  Exit status 4: cannot be done here.
HERE=$(dirname "$0")

skip()
{
	echo "# map: $*" >&2
	exit 4
}

# function_of VENDOR DEVICE: the first PCI function with these IDs
function_of()
{
	for dir in /sys/bus/pci/devices/*; do
		[ "$(cat "$dir/vendor")-$(cat "$dir/device")" = "$1-$2" ] || continue
		basename "$dir"
		return
	done
	return 1
}

[ -x "$HERE/map" ] || skip "the program is not built"
mock=$(cd /sys/bus/pci/drivers/mock_vfio_pci && ls -d -- *:*:*.* | head -n 1)
[ -n "$mock" ] || skip "no mock function"
edu=$(function_of 0x1234 0x11e8) || skip "no edu device"
modprobe -q vfio-pci
echo vfio-pci >"/sys/bus/pci/devices/$edu/driver_override"
echo "$edu" >/sys/bus/pci/drivers_probe
[ -e "/sys/bus/pci/drivers/vfio-pci/$edu" ] || skip "vfio-pci does not take $edu"

"$HERE/map" "$mock" "$edu"
status=$?
echo "$edu" >/sys/bus/pci/drivers/vfio-pci/unbind
echo >"/sys/bus/pci/devices/$edu/driver_override"
exit $status
