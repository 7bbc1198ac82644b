#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The suite that runs on this machine: builds everything, takes no warning, and
# tests the test host's own judgement.  With -q it only builds what the virtual
# machines need, and says nothing unless that fails.
#
#   build_suite.sh [-q] KERNEL...
. "$(dirname "$0")/lib.sh"

quiet=''
[ "${1-}" != -q ] || { quiet=1; shift; }
logs=$build/log/build
steps=()
failed=0
mkdir -p "$logs"

# step NAME COMMAND... - remembered, to be run when all are known
step() { steps+=("$(printf '%q ' "$@")"); }

run_step() {
	local number=$1 name=$2 log=$logs/$1.log
	local status=0
	shift 2
	"$@" >"$log" 2>&1 || status=$?
	case $status in
	0) [ -n "$quiet" ] || echo "ok $number $name"; return ;;
	4) echo "ok $number $name # SKIP $(cat "$log")"; return ;;
	esac
	failed=1
	echo "not ok $number $name"
	tail -n 40 "$log" | sed 's/^/# /'
}

run_steps() {
	local number=0 words
	[ -n "$quiet" ] || printf 'KTAP version 1\n1..%d\n' "${#steps[@]}"
	for words in "${steps[@]}"; do
		number=$((number + 1))
		eval "run_step $number $words"
	done
}

build_agent() { make -s -C "$top" agent; }

build_selftests() { make -s -C "$top" selftests; }

# Sparse's remarks on our files; it has its own on the kernel's headers.  A
# kernel that finds this sparse too old builds on without it.
run_sparse() {
	local log=$logs/sparse-$1.log ours='(kmod|uapi|vfio_mig|mock_vfio_pci|bochs_vfio_pci)[^ ]*'
	"$host_dir/modules.sh" "$1" C=2 >"$log" 2>&1 || { cat "$log"; return 1; }
	! grep -q 'sparse is not available' "$log" ||
		{ echo "this sparse is too old for it"; return 4; }
	! grep -E "^$ours:[0-9]+:[0-9]+: (warning|error):|/$ours:[0-9:]+ (warning|error):" "$log"
}

run_shellcheck() (
	command -v shellcheck >/dev/null || { echo "shellcheck is not installed"; exit 4; }
	cd "$top"
	shellcheck -S warning .ci/run selftests/*.sh selftests/lib/*.sh selftests/bench/*.sh \
		selftests/host/*.sh selftests/host/vm/*
)

# The kernel's own script, from the sources that the selftests need anyway.
run_kernel_doc() (
	cd "$top"
	script=$("$host_dir/source.sh")/scripts/kernel-doc
	[ -x "$script" ] || { echo "these kernel sources have no kernel-doc"; exit 4; }
	said=$("$script" -none kmod/include/*.h kmod/*/*.[ch] uapi/linux/*.h 2>&1) || true
	echo "$said"
	[ -z "$said" ]
)

# Documentation that docutils cannot read without a remark is not documentation.
run_docutils() (
	cd "$top"
	for page in Documentation/*.rst; do
		rst2html --halt=2 "$page" /dev/null || exit 1
	done
	for page in Documentation/man/*.rst; do
		rst2man --halt=2 "$page" /dev/null || exit 1
	done
)

step "agent builds without a warning" build_agent
for kernel in "$@"; do
	step "modules build for $kernel without a warning" "$host_dir/modules.sh" "$kernel"
done
step "selftests build without a warning" build_selftests
step "the kernel's vfio selftests build with our driver" "$host_dir/kernel_vfio.sh"
if [ -z "$quiet" ]; then
	! make -s -n -C "$top/agent" "O=$build" test >/dev/null 2>&1 ||
		step "agent's unit tests" make -s -C "$top/agent" "O=$build" test
	for kernel in "$@"; do
		step "sparse has nothing to say on $kernel" run_sparse "$kernel"
	done
	step "kernel-doc has nothing to say" run_kernel_doc
	step "netlink spec and generated files agree" "$host_dir/ynl.sh" --check
	step "documentation is readable" run_docutils
	step "results are judged as they should" "$host_dir/test_parse.sh"
	step "the cache drops what is old, and nothing else" "$host_dir/test_cache.sh"
	step "shellcheck has nothing to say" run_shellcheck
fi
run_steps
exit "$failed"
