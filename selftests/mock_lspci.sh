#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# A mock function as lspci shows it to root: what is in its configuration space
# has to make sense to a program that knows PCI and nothing of us.
. "$(dirname "$0")/agent-lib.sh"

# shows NAME TEXT: lspci prints a line that begins with TEXT, after white space
shows()
{
	grep -q "^[[:space:]]*$2" "$TMP/lspci"
	ok $? "$1"
}

# hides NAME TEXT: lspci prints TEXT nowhere
hides()
{
	! grep -F -e "$2" "$TMP/lspci" >"$TMP/lspci.err"
	ok $? "$1"
	rm -f "$TMP/lspci.err"
}

plan 26
load_modules

lspci -D -n -d 4d4f:0001 >"$TMP/list" && grep -q "^$A 0880: 4d4f:0001" "$TMP/list" &&
	grep -q "^$B 0880: 4d4f:0001" "$TMP/list"
ok $? "lspci lists the functions"

lspci -D -vvv -nn -s "$A" >"$TMP/lspci" 2>"$TMP/complaints.err"
[ $? -eq 0 ] && [ ! -s "$TMP/complaints.err" ]
ok $? "lspci has no complaint"
shows "class, vendor and device" "$A System peripheral \[0880\]: Device \[4d4f:0001\]"
shows "subsystem" "Subsystem: Device \[4d4f:0001\]"
shows "a list of capabilities, no error pending" \
	"Status: Cap+ .* >TAbort- <TAbort- <MAbort- >SERR- <PERR- INTx-"
shows "interrupt pin" "Interrupt: pin A routed to IRQ [1-9]"
group=$(basename "$(readlink "/sys/bus/pci/devices/$A/iommu_group")")
shows "IOMMU group" "IOMMU group: $group\$"
for region in 0,4K 2,1M 4,4K; do
	shows "region ${region%,*} of ${region#*,}" \
		"Region ${region%,*}: Memory at [0-9a-f]* (64-bit, non-prefetchable) .*\[size=${region#*,}\]"
done
[ "$(grep -c 'Region [0-9]' "$TMP/lspci")" -eq 3 ]
ok $? "no other region"

shows "power management" "Capabilities: \[40\] Power Management version 3"
shows "no soft reset in D3hot" "Status: D[03] NoSoftRst+"
shows "MSI" "Capabilities: \[50\] MSI: Enable- Count=1/32 Maskable+ 64bit+"
shows "MSI-X" "Capabilities: \[70\] MSI-X: Enable- Count=16 Masked-"
shows "MSI-X table" "Vector table: BAR=4 offset=00000000"
shows "MSI-X pending bits" "PBA: BAR=4 offset=00000800"
shows "PCI Express" "Capabilities: \[80\] Express (v2) Endpoint"
shows "function level reset" ".*FLReset+"
shows "vendor specific extended capability" \
	"Capabilities: \[100 v1\] Vendor Specific Information: ID=0001 Rev=1 Len=010"
[ "$(grep -c 'Capabilities:' "$TMP/lspci")" -eq 5 ]
ok $? "no other capability"
shows "driver in use" "Kernel driver in use: mock_vfio_pci"

hides "nothing is denied to root" "access denied"
hides "nothing is impossible" "!!!"
hides "no chain of capabilities is broken" "<chain "
hides "nothing is unknown" "nknown"

done_testing
