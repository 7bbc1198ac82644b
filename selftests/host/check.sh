#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# "make check": build everything, run all suites on all kernels and a few of them
# on the kernels' variants with other IOMMUs, one virtual machine per group and
# another after each one that dies.  Prints KTAP and, as the last line, "N
# passed, N failed, N skipped".
#
#   check.sh [-T SUITE] [-K GROUP]
#
# GROUP is a kernel or KERNEL-MACHINE, see kernels.conf.  Counted are the tests of
# the suites, and one more per suite and group: that the kernel's log is clean.  Whatever makes a suite's result untrustworthy (no
# plan, fewer tests than planned, death, time-out) counts as a failed test.
. "$(dirname "$0")/lib.sh"

only_suite='' only_group=''
while getopts T:K: option; do
	case $option in
	T) only_suite=$OPTARG ;;
	K) only_group=$OPTARG ;;
	*) die "usage: check.sh [-T SUITE] [-K GROUP]" ;;
	esac
done

passed=0 failed=0 skipped=0
logs=$build/log/check
boot_limit=180	# seconds until the first suite begins
grace=90	# seconds that cleaning up behind a suite may take

# --- one suite's result ---------------------------------------------------

# tally FILE STATUS - add up a suite's output; succeeds if the suite passed
tally() {
	local words bad=0
	while read -r -a words; do
		if [ "${words[0]}" = counts ]; then
			passed=$((passed + words[1]))
			failed=$((failed + words[2]))
			skipped=$((skipped + words[3]))
			bad=$((bad + words[2]))
		else
			echo "$indent    # ${words[*]:1}"
			bad=$((bad + 1000))
		fi
	done < <(awk -v "status=$2" -f "$host_dir/parse.awk" "$1")
	[ "$bad" -lt 1000 ] || failed=$((failed + 1))
	[ "$bad" -eq 0 ]
}

# verdict WORDS... - the next result line of the current level
verdict() {
	local status=$1
	shift
	number=$((number + 1))
	if [ "$status" -eq 0 ]; then
		echo "${indent}ok $number $*"
	else
		echo "${indent}not ok $number $*"
	fi
}

# The kernel's log reaches its file a little later than the marks reach us.
wait_for_mark() {
	local left=50
	until grep -q "@@end $1 " "$vm/console.log" || [ $((left -= 1)) -eq 0 ]; do
		sleep 0.2
	done
}

# judge_log SUITE - the first suite of a VM answers for the boot as well
judge_log() {
	local from="@@begin $1" bad
	[ "$1" != "$first" ] || from=''
	if bad=$(awk -v "from=$from" -v "to=@@end $1" -f "$host_dir/klog.awk" "$vm/console.log"); then
		passed=$((passed + 1))
		verdict 0 "$1: kernel log is clean"
	else
		failed=$((failed + 1))
		printf '%s\n' "$bad" | sed "s|^|$indent# |"
		echo "$indent# whole log: $vm/console.log"
		verdict 1 "$1: kernel log is clean"
	fi
}

finish() {
	local suite=$1 status=$2
	case $status in
	died | hung) echo "$indent# log: $vm/console.log" ;;
	*) wait_for_mark "$suite" ;;
	esac
	if tally "$vm/$suite.tap" "$status"; then
		verdict 0 "$suite"
	else
		verdict 1 "$suite"
	fi
	judge_log "$suite"
}

# --- one virtual machine ----------------------------------------------------

stop_vm() {
	local pid
	pid=$(cat "$vm/pid" 2>/dev/null) && kill "$pid" 2>/dev/null
	wait "$runner" || true
}

# next_line - into $line; fails with how=died at the end, how=hung at the deadline
next_line() {
	local left=$((deadline - SECONDS)) status=0
	[ "$left" -gt 0 ] || left=1
	IFS= read -r -t "$left" line <&"$stream" || status=$?
	[ "$status" -ne 0 ] || return 0
	how=died
	[ "$status" -le 128 ] || how=hung
	return 1
}

# follow - read what the VM prints; sets done_suites, and fails if it ended
# while a suite ran
follow() {
	local line how=died mark
	suite=''
	deadline=$((SECONDS + boot_limit))
	while next_line; do
		read -r -a mark <<<"$line" || true
		case ${mark[0]-} in
		@@begin)
			suite=${mark[1]}
			first=${first:-$suite}
			: >"$vm/$suite.tap"
			echo "$indent    # Subtest: $suite"
			deadline=$((SECONDS + limit + grace))
			;;
		@@end)
			finish "$suite" "${mark[2]}"
			done_suites+=("$suite")
			suite=''
			deadline=$((SECONDS + grace))
			;;
		*)
			[ -n "$suite" ] || continue
			printf '%s\n' "$line" >>"$vm/$suite.tap"
			[ -z "$line" ] || printf '%s    %s\n' "$indent" "$line"
			;;
		esac
	done
	stop_vm
	[ -z "$suite" ] || { finish "$suite" "$how"; done_suites+=("$suite"); }
}

start_vm() {
	vm=$logs/$group/vm$((vms += 1))
	first='' done_suites=()
	exec {stream}< <(exec "$host_dir/run.sh" -k "$kernel" -M "$machine" -D -t 0 -o "$vm" -- \
		sh /opt/vfio-mig/host/suites "$patience" "$@" 2>"$logs/$group/run.log")
	runner=$!
}

# retry - may a VM that ran nothing be tried once more?  An emulated kernel dies
# now and then while it boots: it patches its own code under another CPU's feet.
# Ours was not loaded then, and the log must say so.
retry() {
	[ "$1" -le 1 ] && ! grep -q 'vfio_mig\|mock_vfio_pci\|bochs_vfio_pci' "$vm/console.log" || return 1
	echo "$indent# the virtual machine died while it booted, once more; log: $vm/console.log"
}

# Nothing ran: the rest cannot be expected to.
fail_all() {
	local suite
	for suite in "$@"; do
		failed=$((failed + 1))
		echo "$indent# the virtual machine did not come up; log: $vm/console.log"
		sed "s|^|$indent# |" "$logs/$group/run.log"
		verdict 1 "$suite"
		failed=$((failed + 1))
		verdict 1 "$suite: kernel log is clean"
	done
}

# --- one group: a kernel on a machine -----------------------------------------

run_group() {
	local group=$1 vms=0 boots=0 number=0 indent='    ' kernel machine
	local patience limit
	local before=$failed
	shift
	kernel=$(kernel_of "$group") machine=$(machine_of "$group")
	patience=${kernel}_patience
	patience=${!patience}
	limit=$(($(suite_timeout) * patience))
	rm -rf "${logs:?}/$group"
	mkdir -p "$logs/$group"
	echo "    KTAP version 1"
	echo "    # Subtest: $group"
	echo "    1..$(($# * 2))"
	while [ $# -gt 0 ]; do
		start_vm "$@"
		follow
		exec {stream}<&-
		if [ "${#done_suites[@]}" -eq 0 ]; then
			retry $((boots += 1)) && continue
			fail_all "$@"
			break
		fi
		boots=0
		shift "${#done_suites[@]}"
	done
	[ "$failed" -eq "$before" ]
}

suite_timeout() {
	local seconds
	seconds=$(sed -n 's/^timeout=//p' "$top/selftests/settings" 2>/dev/null) || true
	echo "${seconds:-45}"
}

kernel_of() { echo "${1%%-*}"; }

machine_of() {
	case $1 in
	*-*) echo "${1#*-}" ;;
	*) echo "${machines%% *}" ;;
	esac
}

# is_group NAME - any kernel on any machine, whether run by default or not
is_group() {
	[[ " $kernels " == *" $(kernel_of "$1") "* && " $machines " == *" $(machine_of "$1") "* ]]
}

# full_names SUITE... - as files: a script may be called without its ".sh"
full_names() {
	local suite
	for suite in "$@"; do
		tr ' ' '\n' <<<"$all_suites" | grep -x -e "$suite" -e "$suite\.sh" ||
			die "no suite $suite; there are: build $all_suites"
	done
}

# suites_of GROUP - all in the order of selftests/Makefile, or a variant's few
suites_of() {
	local few=${1//-/_}_suites
	case $1 in
	*-*) full_names ${!few-$variant_suites} ;;
	*) full_names $all_suites ;;
	esac
}

# selection GROUP - the suites to run there.  One that was asked for by name runs
# where it belongs, and in a group that was asked for in any case.
selection() {
	local suite
	case $only_suite in
	'') suites_of "$1" ;;
	build) ;;
	*)
		suite=$(full_names "$only_suite")
		[ -n "$only_group" ] || [[ " $(suites_of "$1" | tr '\n' ' ') " == *" $suite "* ]] || return 0
		echo "$suite"
		;;
	esac
}

run_build_suite() {
	local indent='' status=0 out=$logs/build.tap
	"$host_dir/build_suite.sh" "$@" </dev/null >"$out" 2>&1 || status=$?
	echo "    # Subtest: build"
	sed 's/^/    /' "$out"
	tally "$out" "$status"
}

# However this script ends, the counts are the last line.
summary() {
	local status=$?
	[ "$status" -eq 0 ] || [ "$failed" -gt 0 ] || failed=1
	echo "$passed passed, $failed failed, $skipped skipped"
}

# --- all ------------------------------------------------------------------------

trap summary EXIT
all_suites=$(make -s -C "$top/selftests" list)
[ -n "$all_suites" ] || die "there is no suite to run"
if [ -n "$only_group" ]; then
	is_group "$only_group" ||
		die "no group $only_group; there are: $kernels, each also with -MACHINE: $machines"
	wanted=$only_group
fi
groups=() selected=()
for group in ${wanted-$kernels $variants}; do
	kernel=$(kernel_of "$group")
	case " ${selected[*]-} " in
	*" $kernel "*) ;;
	*) selected+=("$kernel") ;;
	esac
	suites=$(selection "$group")
	[ -z "$suites" ] || groups+=("$group")
done
mkdir -p "$logs"
for kernel in "${selected[@]}"; do
	"$host_dir/kernel.sh" "$kernel" >/dev/null
done

case $only_suite in
'') groups=(build "${groups[@]}") ;;
build) groups=(build) ;;
*) "$host_dir/build_suite.sh" -q "${selected[@]}" >&2 || die "the build failed" ;;
esac

echo "KTAP version 1"
echo "1..${#groups[@]}"
total=0
for group in "${groups[@]}"; do
	status=0
	if [ "$group" = build ]; then
		run_build_suite "${selected[@]}" || status=1
	else
		mapfile -t suites < <(selection "$group")
		run_group "$group" "${suites[@]}" || status=1
	fi
	indent='' number=$total
	verdict "$status" "$group"
	total=$number
done

[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
