#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Does the cache keep what is used and drop what is not?  In a cache of its own.
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export XDG_CACHE_HOME=$dir
. "$(dirname "$0")/lib.sh"

n=0 failed=0
check() {
	n=$((n + 1))
	if "${@:2}"; then
		echo "ok $n $1"
	else
		echo "not ok $n $1"
		failed=1
	fi
}

kept() { [ -e "$cache/$1/file" ]; }
gone() { [ ! -e "$cache/$1" ]; }
make_entry() { touch "$1/file"; }

# entry NAME DAYS - last used so many days ago
entry() {
	cache_entry "$1" make_entry >/dev/null
	touch -d "-$2 days" "$cache/$1/file" "$cache/$1"
}

echo "KTAP version 1"
echo "1..7"
entry kernel/debian-old 70
entry kernel/debian-new 50
entry kernel/debug-used 70
entry root/base-old 70
entry source/busy 70
entry other/old 70
mkdir -p "$cache/kernel/debug-died.tmp" && touch -d '-70 days' "$cache/kernel/debug-died.tmp"
cache_entry kernel/debug-used false >/dev/null
exec {busy}>"$cache/lock/source-busy"
flock "$busy"
cache_evict 2>/dev/null

check "a kernel of long ago is dropped" gone kernel/debian-old
check "a root of long ago is dropped" gone root/base-old
check "what a run left half made is dropped" gone kernel/debug-died.tmp
check "a kernel used lately stays" kept kernel/debian-new
check "an old kernel that is used again stays" kept kernel/debug-used
check "what is being made stays" kept source/busy
check "other things stay" kept other/old
exit "$failed"
