#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Does check.sh see what went wrong?  Good and bad samples for parse.awk and
# klog.awk.
. "$(dirname "$0")/lib.sh"
shopt -s lastpipe

n=0
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

result() {
	n=$((n + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $n $1"
	else
		echo "not ok $n $1"
		echo "# wanted: ${2//$'\n'/ / }"
		echo "# got:    ${3//$'\n'/ / }"
		failed=1
	fi
}

# parses NAME STATUS WANTED - with the suite's output on stdin
parses() {
	result "$1" "$3" "$(awk -v "status=$2" -f "$host_dir/parse.awk")"
}

# log NAME clean|dirty LINE... - a suite's part of the kernel's log
log() {
	local name=$1 want=$2 got=clean
	shift 2
	{
		echo '[    1.000000] WARNING: before the suite began'
		echo '[    1.100000] @@begin a'
		printf '%s\n' "$@"
		echo '[    3.000000] @@end a 0'
		echo '[    3.100000] WARNING: after it ended'
	} >"$dir/log"
	awk -v 'from=@@begin a' -v 'to=@@end a' -f "$host_dir/klog.awk" "$dir/log" >/dev/null ||
		got=dirty
	result "$name" "$want" "$got"
}

failed=0
echo "KTAP version 1"
echo "1..29"

printf 'TAP version 13\n1..2\nok 1 a\nok 2 b\n' |
	parses "all passed" 0 "counts 2 0 0"
printf 'KTAP version 1\r\n1..1\r\nok 1 a\r\n' |
	parses "lines from a serial port" 0 "counts 1 0 0"
printf '1..3\nok 1 a\nnot ok 2 b\nok 3 c # SKIP no iommufd\n' |
	parses "passed, failed and skipped" 1 "counts 1 1 1"
printf '1..2\nok 1 a\n    ok 1 x\n    not ok 2 y\nok 2 b\n' |
	parses "nested results belong to their parent" 0 "counts 2 0 0"
printf '1..0 # SKIP no device\n' |
	parses "a suite that skips itself" 4 "counts 0 0 1"
printf '1..3\nok 1 a\nok 2 b\n' |
	parses "fewer tests than planned" 0 $'problem planned 3 tests, saw 2\ncounts 2 0 0'
printf '1..1\nok 1 a\nok 2 b\n' |
	parses "more tests than planned" 0 $'problem planned 1 tests, saw 2\ncounts 2 0 0'
printf 'ok 1 a\nok 2 b\n' |
	parses "no plan" 0 $'problem no plan\ncounts 2 0 0'
printf '1..0\n' |
	parses "an empty plan" 0 $'problem the plan is to run no test\ncounts 0 0 0'
printf '' |
	parses "no output at all" 0 $'problem no plan\ncounts 0 0 0'
printf '1..2\nok 1 a\nok 3 c\n' |
	parses "a test went missing" 0 $'problem test 2 is numbered 3\ncounts 2 0 0'
printf '1..2\nok 1 a\nBail out! no module\n' |
	parses "bail out" 1 $'problem Bail out! no module\nproblem planned 2 tests, saw 1\nproblem exit status 1\ncounts 1 0 0'
printf '1..1\nok 1 a\n' |
	parses "passed, but exits with an error" 139 $'problem exit status 139\ncounts 1 0 0'
printf '1..1\nok 1 a\n' |
	parses "out of time" 124 $'problem ran out of time\ncounts 1 0 0'
printf '1..2\nok 1 a\n' |
	parses "death in mid-suite" died $'problem planned 2 tests, saw 1\nproblem the virtual machine died\ncounts 1 0 0'
printf '1..1\nok 1 a\n' |
	parses "a hang behind the last test" hung $'problem the virtual machine hung\ncounts 1 0 0'
printf '1..1\nok 1 a\n' |
	parses "modules that cannot be unloaded" stuck $'problem left modules behind that cannot be unloaded\ncounts 1 0 0'
printf '1..1\nok 1 a # XFAIL known\n' |
	parses "an expected failure" 0 "counts 1 0 0"
printf 'okay then\n1..1\nnot okay\nok 1\n' |
	parses "other words that begin with ok" 0 "counts 1 0 0"

log "nothing in the log" clean '[    2.0] vfio_mig: loaded'
log "taint messages are no complaint" clean \
	'[    2.0] vfio_mig: loading out-of-tree module taints kernel.'
log "the start of kmemleak is no complaint" clean \
	'[    2.0] kmemleak: Kernel memory leak detector initialized'
log "WARNING" dirty '[    2.0] WARNING: CPU: 0 PID: 1 at kernel/x.c:1 f+0x1/0x2'
log "BUG" dirty '[    2.0] kernel BUG at mm/slub.c:1!'
log "KASAN" dirty '[    2.0] BUG: KASAN: slab-use-after-free in f+0x1/0x2'
log "UBSAN" dirty '[    2.0] UBSAN: shift-out-of-bounds in x.c:1:2'
log "lockdep" dirty '[    2.0] WARNING: possible circular locking dependency detected'
log "suspicious RCU" dirty '[    2.0] WARNING: suspicious RCU usage'
log "kmemleak" dirty '[    2.0] kmemleak: 1 new suspected memory leaks (see /sys/kernel/debug/kmemleak)'
exit "$failed"
