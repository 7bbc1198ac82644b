#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Damaged streams: every kind of byte changed, cut at every border, too long.
# Each is refused with its place and the reason, and the destination's device is
# reset and RUNNING.
# shellcheck disable=SC2034 # SENT is read by source_runs of agent-lib.sh
. "$(dirname "$0")/agent-lib.sh"

plan 13
load_modules

# A stream with a guest's work in it.
agent source save "$A" "file:$TMP/stream" --ram "$RAM" --workload "$WORK"
[ $? -eq 0 ] && [ "$(field source.json proved)" = true ] &&
	[ "$(field source.json state)" = RUNNING ]
ok $? "saves to a file, and the source goes on without a gap"
agent dest load "$B" "file:$TMP/stream"
[ $? -eq 0 ] && [ "$(field dest.json state)" = RUNNING ]
ok $? "loads from a file"
vfio-agent -j save "$A" 2>"$TMP/source.err" |
	vfio-agent -j load "$B" >"$TMP/dest.json" 2>"$TMP/dest.err"
[ "$(field dest.json result)" = "done" ] && says source.err '"result":"done"'
ok $? "saves and loads through a pipe"
cp "$TMP/stream" "$TMP/again"
agent dest load "$B" - <"$TMP/again"
ok $? "loads from standard input"

"$HERE/stream_damage" list "$TMP/stream" >"$TMP/fields" && [ -s "$TMP/fields" ]
ok $? "the test knows the stream's structure"

# refused NAME: the damaged stream in $TMP/bad; complaints go to $TMP/wrong
refused()
{
	agent dest load "$B" - <"$TMP/bad"
	RECEIVED=$?
	{ [ $RECEIVED -eq 1 ] || [ $RECEIVED -eq 3 ]; } && dest_reset &&
		says dest.err "stream offset [0-9]" && return
	echo "# $1: exit $RECEIVED, $(cat "$TMP/dest.err")"
	echo "$1" >>"$TMP/wrong"
}

verdict()
{
	[ ! -s "$TMP/wrong" ]
	ok $? "$1"
	: >"$TMP/wrong"
}

# What the guest may have written is not checked by anyone, and must not be:
# pin levels 0 and 1, the MSI-X table, pending bits.
: >"$TMP/wrong"
while read -r offset length name; do
	case $name in
	pci-msix | pci-pba | state-*) continue ;;
	pci-intx | vmdesc) bit=7 ;;
	*) bit=0 ;;
	esac
	[ "$name" = data ] && length=1
	"$HERE/stream_damage" flip "$TMP/stream" $((offset + length - 1)) $bit >"$TMP/bad"
	[ "$name" = pci-config ] &&
		"$HERE/stream_damage" flip "$TMP/stream" "$offset" 0 >"$TMP/bad"
	refused "last byte of $name at $offset"
done <"$TMP/fields"
verdict "a changed byte in each field of the container and the records is refused"

grep ' state-' "$TMP/fields" >"$TMP/state-fields"
[ -s "$TMP/state-fields" ]
ok $? "the device state has fields to damage"
while read -r offset length name; do
	"$HERE/stream_damage" flip "$TMP/stream" $((offset + length / 2)) 4 >"$TMP/bad"
	refused "middle of $name at $offset"
done <"$TMP/state-fields"
verdict "a changed byte in each field of the device state is refused by the device"

while read -r offset length name; do
	case $name in state-*) continue ;; esac
	head -c "$offset" "$TMP/stream" >"$TMP/bad"
	refused "cut before $name at $offset"
	says dest.err "stream ends" || echo "$name" >>"$TMP/wrong"
done <"$TMP/fields"
verdict "a stream that is cut at a border is refused, as ending there"

{ cat "$TMP/stream"; printf x; } >"$TMP/bad"
refused "one byte too long"
says dest.err "data after the end"
ok $? "a stream that is too long is refused"

{ cat "$TMP/stream"; sleep 1; printf x; } |
	vfio-agent -j load "$B" >"$TMP/dest.json" 2>"$TMP/dest.err"
[ "$(field dest.json result)" = failed ] && says dest.err "data after the end" &&
	[ "$(field dest.json device_was_reset)" = true ]
ok $? "a stream that goes on later is refused"

# After all this, the destination works as ever.
agent dest load "$B" "file:$TMP/stream"
ok $? "the good stream still loads"

# A live source hears of it and goes on.
agent dest receive "$B" "unix:$TMP/sock" --idstr 0000:00:0c.0/vfio &
receiver=$!
agent source migrate "$A" "unix:$TMP/sock" --ram "$RAM" --workload "$WORK"
SENT=$?
wait $receiver
source_runs && says source.err "return path"
ok $? "a live source is told of the refusal and goes on without a gap"

done_testing
