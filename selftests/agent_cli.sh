#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# The agent's command line: devices, usage errors, wrong kinds of devices.
. "$(dirname "$0")/agent-lib.sh"

plan 34
load_modules

vfio-agent device list >"$TMP/list" && grep -q "$A.*4d4f:0001\|$A" "$TMP/list" &&
	grep -q "driver mock_vfio_pci" "$TMP/list"
ok $? "device list names the mock functions and their driver"
agent list device list
[ $? -eq 0 ] && says list.json "\"device\":\"$A\""
ok $? "device list in JSON"
agent info device info "$A"
[ $? -eq 0 ] && says info.json '"stop_copy":true' && says info.json '"p2p":true' &&
	says info.json '"region":"bar2"' && says info.json '"type":"msix","vectors":16'
ok $? "device info: regions, interrupts, migration features"
agent info device info "/sys/bus/pci/devices/$A"
ok $? "a device by its sysfs path"
cdev=$(ls -d /sys/bus/pci/devices/"$A"/vfio-dev/vfio* 2>/dev/null)
agent info device info "/dev/vfio/devices/$(basename "$cdev")"
[ $? -eq 0 ] && says info.json "\"device\":\"$A\""
ok $? "a device by its character device's name"
agent state device state "$A"
[ $? -eq 0 ] && [ "$(field state.json state)" = RUNNING ]
ok $? "device state"
agent reset device reset "$A"
[ $? -eq 0 ] && [ "$(field reset.json state)" = RUNNING ]
ok $? "device reset"

# A device that is in use is listed as such and refused to others.
group=$(basename "$(readlink "/sys/bus/pci/devices/$A/iommu_group")")
exec 9<>"/dev/vfio/$group"
vfio-agent device list | grep "$A" | grep -q "in use yes"
ok $? "a device in use is listed as such"
agent info device info "$A" --backend legacy
[ $? -eq 1 ] && says info.err "another process"
ok $? "a device in use is refused, with the reason"
exec 9<&-

# usage NAME ARGUMENT...: exit 2 and a hint
usage()
{
	name=$1
	shift
	vfio-agent "$@" >"$TMP/usage.json" 2>"$TMP/usage.err" </dev/null
	[ $? -eq 2 ] && says usage.err "vfio-agent: .*--help"
	ok $? "usage error: $name"
}

usage "no command"
usage "unknown command" bogus
usage "unknown object command" device bogus
usage "no device" device info
usage "no URI" migrate "$A"
usage "too many words" device state "$A" "$B"
usage "unknown option" device list --bogus
usage "option of another command" device list --ram 1M
usage "unknown back end" device info "$A" --backend bogus
usage "timeout of 0" migrate "$A" fd:9 --timeout 0
usage "workload without RAM" migrate "$A" fd:9 --workload traffic
usage "workload of the other side" receive "$A" fd:9 --ram 1M --workload traffic
usage "unknown workload" migrate "$A" fd:9 --ram 1M --workload bogus
usage "bad workload key" migrate "$A" fd:9 --ram 1M --workload traffic,x=1
usage "bad workload value" migrate "$A" fd:9 --ram 1M --workload traffic,period=1

# kind CODE TEXT ARGUMENT...: that exit code, TEXT on standard error and in JSON
kind()
{
	code=$1
	text=$2
	shift 2
	agent kind "$@" </dev/null
	[ $? -eq "$code" ] && says kind.err "$text" && says kind.json '"error":{'
	ok $? "exit $code: $text"
}

kind 1 "no such device" device info f0f0:00:00.0
kind 1 "no VFIO driver" device info 0000:00:00.0
kind 1 "expected" migrate "$A" bogus:x
kind 1 "no open descriptor" device state fd:77
kind 1 "not a VFIO device" device state fd:0
terminal=
for tty in /dev/tty /dev/ttyS1 /dev/ttyS0; do
	(: >"$tty") 2>/dev/null && terminal=$tty && break
done
if [ -n "$terminal" ]; then
	vfio-agent save "$A" 2>"$TMP/tty.err" >"$terminal"
	[ $? -eq 1 ] && says tty.err "not for a terminal"
	ok $? "a stream is not written to a terminal"
else
	skip "a stream is not written to a terminal" "no terminal"
fi

# A VMM keeps the device open and hands it over by number.
agent_fd()
{
	name=$1
	device=$2
	shift 2
	"$HERE/with_device" "$device" vfio-agent -j "$@" >"$TMP/$name.json" 2>"$TMP/$name.err"
}

agent_fd info "$A" device info fd:10
[ $? -eq 0 ] && says info.json '"backend":"fd"' && says info.json '"region":"bar2"'
ok $? "device info of a descriptor that was handed in"
agent_fd source "$A" save fd:10 "file:$TMP/stream" &&
	agent_fd dest "$B" load fd:10 "file:$TMP/stream"
[ $? -eq 0 ] && [ "$(field dest.json state)" = RUNNING ]
ok $? "save and load through descriptors that were handed in"
agent_fd source "$A" save fd:10 "file:$TMP/stream" --ram 1M
[ $? -eq 1 ] && says source.err "its owner"
ok $? "guest RAM for a descriptor that was handed in is its owner's business"

# A workload wants a mock function; what is none says so.
agent kind migrate "$A" "unix:$TMP/nobody" --ram 64K --workload traffic
[ $? -eq 1 ] && says kind.err "needs guest RAM of 256 KiB"
ok $? "a workload with too little guest RAM is refused"

done_testing
