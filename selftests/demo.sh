#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The demo inside the test host: load both modules, work with mock function A,
# migrate it to B while it works, and prove that B is A.
MODULES=${MODULES:-/opt/vfio-mig/modules}
OUT=${RESULTS:-/results}
[ -d "$OUT" ] && [ -w "$OUT" ] || OUT=/tmp
MEMORY=/dev/shm/demo-guest-ram
RAM=4M,path=$MEMORY
SOCKET=/dev/shm/demo.sock

die()
{
	echo "demo: $*" >&2
	for log in source dest; do
		[ -s "$OUT/$log.err" ] && sed "s/^/  $log: /" "$OUT/$log.err" >&2
	done
	exit 1
}

# field FILE KEY: the number or word of "KEY": in one line of JSON
field()
{
	sed -n "s/.*\"$2\":\"\{0,1\}\([^,\"}]*\).*/\1/p" "$1"
}

# states FILE: the transitions, one after the other
states()
{
	sed -n 's/.*"transitions":\[\([^]]*\)\].*/\1/p' "$1" |
		sed 's/{"from":"\([A-Z_0-9]*\)","to":"\([A-Z_0-9]*\)"[^}]*}/\1 \2\n/g' |
		awk '{ sub(/^,/, "") } NF { if (!n++) printf "%s", $1; printf " > %s", $2 } END { print "" }'
}

ms()
{
	awk -v ns="$1" 'BEGIN { printf "%.1f ms", ns / 1e6 }'
}

insmod "$MODULES/vfio_mig.ko" || die "cannot load vfio_mig"
insmod "$MODULES/mock_vfio_pci.ko" functions=2 || die "cannot load mock_vfio_pci"

# shellcheck disable=SC2046 # one word for each function
set -- $(for d in /sys/bus/pci/drivers/mock_vfio_pci/*:*:*.*; do
		 [ -e "$d" ] && basename "$d"
	 done)
[ $# -ge 2 ] || die "two mock functions expected, there are $#"
A=$1
B=$2

echo "Two software PCI functions, bound to their VFIO driver:"
lspci -nn | grep -e "^$A" -e "^$B" | sed 's/^/  /'
vfio-agent device list | sed 's/^/  /'
echo

rm -f "$MEMORY" "$SOCKET" "$OUT/a.json" "$OUT/b.json"
vfio-agent -j receive "$B" "unix:$SOCKET" --ram "$RAM" \
	--workload continue,ticks=200 --fingerprint "$OUT/b.json" \
	>"$OUT/dest.json" 2>"$OUT/dest.err" &
receiver=$!
vfio-agent -j migrate "$A" "unix:$SOCKET" --ram "$RAM" \
	--workload traffic,seed=42,ticks=200 --fingerprint "$OUT/a.json" \
	>"$OUT/source.json" 2>"$OUT/source.err"
sent=$?
wait $receiver
received=$?
[ $sent -eq 0 ] || die "the source failed (exit $sent)"
[ $received -eq 0 ] || die "the destination failed (exit $received)"

echo "$A migrated to $B over a UNIX socket"
echo "  source:      $(states "$OUT/source.json")"
echo "  destination: $(states "$OUT/dest.json")"
echo "  bytes:       $(field "$OUT/source.json" total) in QEMU's format," \
	"$(field "$OUT/source.json" device_state) of them device state," \
	"of which $(field "$OUT/source.json" pre_copy) while A ran"
paused=$(field "$OUT/source.json" paused_at_ns)
resumed=$(field "$OUT/dest.json" resumed_at_ns)
[ -n "$paused" ] && [ -n "$resumed" ] || die "no times in the reports"
# A takes its fingerprint when all is sent, so only B's is in the way.
proof=$(field "$OUT/dest.json" proof_ns)
downtime=$((resumed - paused - proof))
[ $downtime -gt 0 ] || die "a downtime of $downtime ns cannot be"
echo "  downtime:    $(ms $downtime) from the end of RUNNING at A to RUNNING at B," \
	"without $(ms $proof) for B's proof below"

[ -s "$OUT/a.json" ] || die "the source left no fingerprint"
cmp "$OUT/a.json" "$OUT/b.json" || die "B is not equal to A"
crc=$(field "$OUT/a.json" crc32)
[ -n "$crc" ] || die "the fingerprint has no digest of device memory"
echo "  B equals A:  device memory (CRC-32 $crc), registers, PCI config space, MSI-X table"

last=$(field "$OUT/source.json" last_tick)
base=$(field "$OUT/dest.json" last_tick_before)
first=$(field "$OUT/dest.json" first_tick)
end=$(field "$OUT/dest.json" last_tick)
irqs=$(field "$OUT/dest.json" interrupts)
[ "$(field "$OUT/dest.json" proved)" = true ] || die "the destination proved nothing"
[ "$base" = "$last" ] && [ "$first" = $((last + 1)) ] ||
	die "A's last tick is $last, B's first one $first"
[ "$irqs" = $((end - base)) ] || die "$irqs interrupts for $((end - base)) ticks"
[ "$(field "$OUT/source.json" interrupts)" = "$last" ] ||
	die "A had other than $last interrupts"
echo "  sequence:    A did 1..$last, B did $first..$end, no gap;" \
	"every tick by DMA in guest RAM, in device memory and as an interrupt"

rm -f "$MEMORY"
rmmod mock_vfio_pci && rmmod vfio_mig || die "cannot unload the modules"
echo "modules unloaded"
