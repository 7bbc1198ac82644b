# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh disable=SC2034
# KTAP for suites that are shell scripts, and a scratch folder of theirs.

HERE=$(dirname "$0")
MODULES=${MODULES:-/opt/vfio-mig/modules}
TMP=$(mktemp -d /dev/shm/suite.XXXXXX)
COUNT=0
FAILED=0

plan()
{
	echo "TAP version 13"
	echo "1..$1"
}

# What a suite has to say about a failure; it may bring its own.
explain()
{
	:
}

# ok STATUS NAME...: a test's result
ok()
{
	status=$1
	shift
	COUNT=$((COUNT + 1))
	if [ "$status" -eq 0 ]; then
		echo "ok $COUNT $*"
	else
		FAILED=1
		echo "not ok $COUNT $*"
		explain
	fi
}

# skip NAME REASON
skip()
{
	COUNT=$((COUNT + 1))
	echo "ok $COUNT $1 # SKIP $2"
}

# skip_all REASON
skip_all()
{
	rm -rf "$TMP"
	echo "TAP version 13"
	echo "1..0 # SKIP $*"
	exit 4
}

bail()
{
	rm -rf "$TMP"
	echo "Bail out! $*"
	exit 1
}
