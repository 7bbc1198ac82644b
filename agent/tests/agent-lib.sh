# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# What the agent's selftests share: the modules, two mock functions A and
# B, and a source and a destination that run side by side; with KTAP.

. "$(dirname "$0")/lib/ktap.sh"

explain()
{
	for log in "$TMP"/*.err; do
		[ -s "$log" ] && sed "s|^|# $(basename "$log" .err): |" "$log"
	done
}

done_testing()
{
	rm -rf "$TMP"
	rmmod mock_vfio_pci && rmmod vfio_mig || FAILED=1
	exit $FAILED
}

load_modules()
{
	grep -q '^vfio_mig ' /proc/modules || insmod "$MODULES/vfio_mig.ko"
	grep -q '^mock_vfio_pci ' /proc/modules ||
		insmod "$MODULES/mock_vfio_pci.ko" functions=2
	set -- $(cd /sys/bus/pci/drivers/mock_vfio_pci && ls -d *:*:*.*)
	A=$1
	B=$2
	[ -n "$B" ] || bail "two mock functions expected"
}

# says LOG TEXT: the log has TEXT in it
says()
{
	grep -q -e "$2" "$TMP/$1"
}

# field LOG KEY: a value in one line of JSON
field()
{
	sed -n "s/.*\"$2\":\"\{0,1\}\([^,\"}]*\).*/\1/p" "$TMP/$1"
}

# agent NAME ARGUMENT...: run it, its output in NAME.json and NAME.err
agent()
{
	name=$1
	shift
	vfio-agent -j "$@" >"$TMP/$name.json" 2>"$TMP/$name.err"
}

# Runs a source and a destination; their exit codes are in SENT and RECEIVED.
#   move FROM-URI TO-URI [OPTION]...
RAM="4M,path=$TMP/ram"
WORK=traffic,ticks=40
GOON=continue,ticks=40
move()
{
	from=$1
	to=$2
	shift 2
	rm -f "$TMP/ram" "$TMP/a.fp" "$TMP/b.fp"
	agent dest receive "$B" "$to" --ram "$RAM" --workload "$GOON" \
		--fingerprint "$TMP/b.fp" --timeout 20 "$@" &
	receiver=$!
	agent source migrate "$A" "$from" --ram "$RAM" --workload "$WORK" \
		--fingerprint "$TMP/a.fp" --timeout 20 "$@"
	SENT=$?
	wait $receiver
	RECEIVED=$?
}

# After a move: everything arrived and goes on without a gap.
moved()
{
	[ "$SENT" -eq 0 ] && [ "$RECEIVED" -eq 0 ] &&
		[ -s "$TMP/a.fp" ] && cmp -s "$TMP/a.fp" "$TMP/b.fp" &&
		[ "$(field dest.json proved)" = true ] &&
		[ "$(field source.json state)" = STOP ] &&
		[ "$(field dest.json state)" = RUNNING ] &&
		[ "$(field dest.json first_tick)" = \
			$(($(field source.json last_tick) + 1)) ]
}

# The source after a failure: it runs, with its guest's work unharmed.
source_runs()
{
	[ "$SENT" -eq "${1:-1}" ] && [ "$(field source.json state)" = RUNNING ] &&
		[ "$(field source.json proved)" = true ]
}

# The destination after a failure: reset and RUNNING.
dest_reset()
{
	[ "$RECEIVED" -ne 0 ] && [ "$(field dest.json state)" = RUNNING ] &&
		[ "$(field dest.json device_was_reset)" = true ]
}
