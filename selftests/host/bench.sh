#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# "make bench": run what is in selftests/bench/ in one virtual machine, several
# times, and print a table of the medians.  A bench prints, among other things,
# lines "bench NAME RATIO TEXT", with TEXT what RATIO is a ratio of.  Only ratios
# are kept: times would be those of an emulator.
#
#   bench.sh [-K KERNEL] [-B BENCH] [-n RUNS]
#
# A program that a script of the same name runs is not run by itself.  Without
# KERNEL each bench runs on the distribution's, but those that need what it lacks
# run on the debug kernel: its checks cost time, of which ratios show little as
# long as both sides pay it.
. "$(dirname "$0")/lib.sh"

kernel='' only='' runs=5
while getopts K:B:n: option; do
	case $option in
	K) kernel=$OPTARG ;;
	B) only=$OPTARG ;;
	n) runs=$OPTARG ;;
	*) die "usage: bench.sh [-K KERNEL] [-B BENCH] [-n RUNS]" ;;
	esac
done
[[ $runs =~ ^[1-9][0-9]{0,2}$ ]] || die "not a number of runs: $runs"

debug_benches="dirty mtty.sh"

log=$build/log/bench
table=$build/bench.txt
limit=$((1200 * runs))

# The benches: scripts, and programs that have none.
list() {
	local file name
	for file in "$top"/selftests/bench/*.{c,sh}; do
		[ -e "$file" ] || continue
		name=$(basename "$file" .c)
		[ "${name%.sh}" = "$name" ] && [ -e "${file%.c}.sh" ] || echo "$name"
	done
}

# selected - all, or the one that was asked for, with or without its ".sh"
selected() {
	[ -n "$only" ] || { list; return; }
	list | grep -x -e "$only" -e "$only\.sh" ||
		die "no bench $only; there are:" "$(list | tr '\n' ' ')"
}

# on_kernel KERNEL - of the names on the input, those that run there
on_kernel() {
	local bench where
	while read -r bench; do
		where=debian
		[[ " $debug_benches " != *" $bench "* ]] || where=debug
		[ "${kernel:-$where}" != "$1" ] || echo "$bench"
	done
}

# run_on KERNEL BENCH... - adds to the output
run_on() {
	local on=$1
	shift
	"$host_dir/modules.sh" "$on" >&2
	say BENCH "$* on $on, runs: $runs (log: $log/output)"
	"$host_dir/run.sh" -k "$on" -D -t "$limit" -o "$log" -- \
		sh /opt/vfio-mig/host/benches "$runs" "$@" >>"$log/output"
}

# tabulate FILE - the median of each bench and text, lowest and highest
tabulate() {
	tr -d '\r' <"$1" | sed -n 's/^bench //p' | sort -k1,1 -k3 -k2,2g |
	awk '
	function flush() {
		if (!n) return;
		median = n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2;
		printf "%-12s %9.3f %9.3f %9.3f %5d  %s\n", name, median, v[1], v[n], n, text;
	}
	BEGIN { printf "%-12s %9s %9s %9s %5s  %s\n", "bench", "median", "lowest", "highest", "runs", "ratio of" }
	$2 !~ /^[0-9]+(\.[0-9]+)?$/ || NF < 3 { print "not a result: bench " $0 >"/dev/stderr"; bad = 1; next }
	{
		key = $0; sub(/^[^ ]+ +[^ ]+ +/, "", key);
		if ($1 != name || key != text) { flush(); n = 0; name = $1; text = key; }
		v[++n] = $2;
	}
	END { flush(); exit bad }'
}

# complain FILE - of benches that did not work; fails if there are any
complain() {
	local line status=0
	while read -r line; do
		note "bench.sh: ${line#@@}; output: $1"
		[[ $line != @@failed* ]] || status=1
	done < <(tr -d '\r' <"$1" | grep -E '^@@(skipped|failed) ' | sort -u)
	return "$status"
}

mapfile -t benches < <(selected)
[ "${#benches[@]}" -gt 0 ] || exit 1
make -s -C "$top" selftests >&2
mkdir -p "$log"
: >"$log/output"
status=0
for each in ${kernel:-$kernels}; do
	mapfile -t here < <(printf '%s\n' "${benches[@]}" | on_kernel "$each")
	[ "${#here[@]}" -eq 0 ] || run_on "$each" "${here[@]}" || status=$?
done
tabulate "$log/output" >"$table" || status=1
complain "$log/output" || status=1
cat "$table"
exit "$status"
