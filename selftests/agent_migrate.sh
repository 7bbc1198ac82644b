#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Two agents move a working mock function over every transport, with either way
# to open a device, and survive each other's death.
# shellcheck disable=SC2034 # SENT is read by source_runs of agent-lib.sh
. "$(dirname "$0")/agent-lib.sh"

plan 23
load_modules

move "unix:$TMP/sock" "unix:$TMP/sock"
moved
ok $? "migrates over a UNIX socket, no gap, equal fingerprints"
[ ! -e "$TMP/sock" ]
ok $? "removes its listening socket"
[ "$(field source.json downtime_ns)" -gt 0 ]
ok $? "tells the downtime"

move tcp:127.0.0.1:7421 tcp:127.0.0.1:7421
moved
ok $? "migrates over TCP"
move 'tcp:[::1]:7422' 'tcp:[::1]:7422'
if says source.err "Address family\|Cannot assign\|unreachable\|ddress"; then
	skip "migrates over TCP, IPv6" "no IPv6 here"
else
	moved
	ok $? "migrates over TCP, IPv6"
fi

mkfifo "$TMP/fifo"
move "file:$TMP/fifo" "file:$TMP/fifo"
moved
ok $? "migrates through a named pipe, without a return path"

rm -f "$TMP/ram"
agent dest receive "$B" fd:9 --ram "$RAM" --workload "$GOON" \
	--fingerprint "$TMP/b.fp" 9<"$TMP/fifo" &
receiver=$!
agent source migrate "$A" fd:8 --ram "$RAM" --workload "$WORK" \
	--fingerprint "$TMP/a.fp" 8>"$TMP/fifo"
SENT=$?
wait $receiver
RECEIVED=$?
moved
ok $? "migrates over inherited descriptors"

move "unix:$TMP/sock" "unix:$TMP/sock"
moved && says source.json '"to":"PRE_COPY"' &&
	says source.json '"from":"PRE_COPY_P2P","to":"STOP_COPY"' &&
	[ "$(field source.json pre_copy)" -gt 1000000 ]
ok $? "sends what there is while the device runs"
move "unix:$TMP/sock" "unix:$TMP/sock" --pre-copy off
moved && ! says source.json PRE_COPY && [ "$(field source.json pre_copy)" = 0 ]
ok $? "stops the device first if it is told to"

# A file lies between them: the ticks in between are on nobody's account.
rm -f "$TMP/ram"
agent source migrate "$A" "file:$TMP/stream,offset=64K" --ram "$RAM" \
	--workload "$WORK" --fingerprint "$TMP/a.fp"
SENT=$?
[ "$(dd if="$TMP/stream" bs=64k count=1 2>/dev/null | tr -d '\0' | wc -c)" = 0 ]
ok $? "leaves the bytes before the offset alone"
agent dest receive "$B" "file:$TMP/stream,offset=64K" --ram "$RAM" \
	--workload "$GOON" --fingerprint "$TMP/b.fp"
RECEIVED=$?
moved
ok $? "migrates by way of a file"

move "unix:$TMP/sock" "unix:$TMP/sock" --backend legacy
moved && [ "$(field source.json backend)" = legacy ]
ok $? "migrates with group and container"
if [ -e /dev/iommu ] && [ -d /dev/vfio/devices ]; then
	move "unix:$TMP/sock" "unix:$TMP/sock" --backend iommufd
	moved && [ "$(field source.json backend)" = iommufd ]
	ok $? "migrates with character device and iommufd"
else
	skip "migrates with character device and iommufd" "no iommufd here"
fi

RAM="4M,path=$TMP/ram,iova=0x100000000"
move "unix:$TMP/sock" "unix:$TMP/sock"
moved
ok $? "migrates with guest RAM above 4 GiB"
RAM="4M,path=$TMP/ram"

# The other side dies or never comes.
agent source migrate "$A" "unix:$TMP/nobody" --connect-timeout 1 --ram "$RAM" \
	--workload "$WORK"
SENT=$?
source_runs && says source.err "cannot connect"
ok $? "nobody listens: exit 1, the source runs"
agent dest receive "$B" "unix:$TMP/nobody" --connect-timeout 1
[ $? -eq 1 ] && says dest.err "nobody connected" && [ ! -e "$TMP/nobody" ]
ok $? "nobody connects: exit 1"

# A peer that takes everything and says nothing.
(nc -h 2>&1 | grep -q -e -l) && has_nc=1
if [ -n "$has_nc" ]; then
	sleep 30 | nc -l -p 7431 >/dev/null &
	mute=$!
	agent source migrate "$A" tcp:127.0.0.1:7431 --timeout 2 --ram "$RAM" \
		--workload "$WORK"
	SENT=$?
	kill $mute 2>/dev/null
	source_runs && says source.err "silent for 2 seconds"
	ok $? "a silent peer: exit 1 after the timeout, the source runs"
else
	skip "a silent peer: exit 1 after the timeout, the source runs" "no nc"
fi

# The destination refuses.
agent dest receive "$B" "unix:$TMP/sock" --machine other &
receiver=$!
agent source migrate "$A" "unix:$TMP/sock" --ram "$RAM" --workload "$WORK"
SENT=$?
wait $receiver
RECEIVED=$?
source_runs && [ $RECEIVED -eq 3 ] && dest_reset &&
	says dest.err 'machine "pc-q35-10.2", "other" expected'
ok $? "another machine is refused with exit 3, the source runs"

agent dest receive "$B" "unix:$TMP/sock" --idstr 0000:00:05.0/vfio &
receiver=$!
agent source migrate "$A" "unix:$TMP/sock" --ram "$RAM" --workload "$WORK"
SENT=$?
wait $receiver
RECEIVED=$?
source_runs && [ $RECEIVED -eq 3 ] && says dest.err '0000:00:04.0/vfio'
ok $? "another section name is refused by name, the source runs"

# Cancelled while it waits for the peer, and in the middle of the stream.
rm -f "$TMP/ram"
vfio-agent -j migrate "$A" "unix:$TMP/nobody" --connect-timeout 60 --ram "$RAM" \
	--workload "$WORK" >"$TMP/source.json" 2>"$TMP/source.err" &
sender=$!
sleep 2
kill -TERM $sender
wait $sender
SENT=$?
source_runs 5 && says source.err cancelled
ok $? "SIGTERM before the stream: exit 5, the source runs"

# A reader that takes the begin and no more: the source is stuck in STOP_COPY.
exec 9<>"$TMP/fifo"
vfio-agent -j migrate "$A" "file:$TMP/fifo" --ram "$RAM" --workload "$WORK" \
	--pre-copy off >"$TMP/source.json" 2>"$TMP/source.err" &
sender=$!
head -c 64 <&9 >"$TMP/begin"
sleep 2
kill -TERM $sender
wait $sender
SENT=$?
exec 9<&-
source_runs 5 && says source.json '"to":"STOP_COPY"'
ok $? "SIGTERM in the middle of the stream: exit 5, the source runs"

# A destination that dies in the middle.
(head -c 300000 >/dev/null; sleep 1) <"$TMP/fifo" &
reader=$!
agent source migrate "$A" "file:$TMP/fifo" --ram "$RAM" --workload "$WORK"
SENT=$?
wait $reader
source_runs && says source.err "Broken pipe"
ok $? "the reader goes away in the middle: exit 1, the source runs"

vfio-agent receive "$B" "unix:$TMP/sock" >/dev/null 2>&1 &
receiver=$!
until [ -S "$TMP/sock" ]; do sleep 0.1; done
kill -STOP $receiver
agent source migrate "$A" "unix:$TMP/sock" --ram "$RAM" --workload "$WORK" \
	--pre-copy off &
sender=$!
sleep 3
kill -KILL $receiver
wait $sender
SENT=$?
source_runs && says source.json '"to":"STOP_COPY"'
ok $? "the destination is killed in the middle: exit 1, the source runs"
rm -f "$TMP/sock"

done_testing
