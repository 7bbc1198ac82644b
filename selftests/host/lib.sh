# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Sourced by every script here: where things are, messages, and the cache.
# Nothing in here installs, builds or boots anything.

set -euo pipefail
shopt -s inherit_errexit
umask 022
export LC_ALL=C

host_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$host_dir/../.." && pwd)
# shellcheck disable=SC2034 # for the scripts that source this
build=${O:-$top/build}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/vfio-mig
# shellcheck disable=SC2034
arch=amd64

# shellcheck source=selftests/host/kernels.conf
. "$host_dir/kernels.conf"

say() { printf '  %-8s%s\n' "$1" "$2" >&2; }
note() { printf '%s\n' "$*" >&2; }
die() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }

# run_logged LOG COMMAND... - quiet when it works, the log's tail when it does not
run_logged() {
	local log=$1 status=0
	shift
	mkdir -p "$(dirname "$log")"
	"$@" >"$log" 2>&1 || status=$?
	[ "$status" -eq 0 ] && return
	tail -n 30 "$log" >&2
	note "$(basename "$0"): failed: $* (whole log: $log)"
	return "$status"
}

# retry N COMMAND... - for mirrors that stumble
retry() {
	local left=$1
	shift
	until "$@"; do
		left=$((left - 1))
		[ "$left" -gt 0 ] || return 1
		sleep 3
	done
}

# recipe_hash FILE... - short hash of what determines a cache entry
recipe_hash() { cat "$@" | sha256sum | cut -c1-12; }

# cache_entry NAME MAKER ARG... - print the path of cache entry NAME.  When it
# is missing, MAKER ARG... DIR makes it in DIR, which gets its final name only
# when MAKER has succeeded.  A lock keeps two runs from making it twice.  An
# entry's time is when it was last asked for, see cache_evict.
cache_entry() {
	local entry=$cache/$1
	local lock=$cache/lock/${1//\//-}
	shift
	if [ ! -e "$entry" ]; then
		mkdir -p "$cache/lock" "$(dirname "$entry")"
		(
			flock 9
			[ ! -e "$entry" ] || exit 0
			rm -rf "$entry.tmp"
			mkdir "$entry.tmp"
			"$@" "$entry.tmp" >&2 || { rm -rf "$entry.tmp"; exit 1; }
			mv "$entry.tmp" "$entry"
		) 9>"$lock" || die "cannot make ${entry#"$cache"/}"
	fi
	touch -c "$entry" 2>/dev/null || true
	printf '%s\n' "$entry"
}

# cache_evict - remove kernels, roots and sources that nobody asked for in
# $cache_days days, and leftovers of that age.  Called behind a run: what that
# run used, and what others use now, is younger.  The lock keeps those from
# being made that are being removed.
cache_evict() {
	local entry name
	for entry in "$cache"/{kernel,root,source}/*; do
		[ -n "$(find "$entry" -maxdepth 0 -mtime "+$cache_days" 2>/dev/null)" ] || continue
		name=${entry#"$cache"/}
		(
			flock -n 9 || exit 0
			[ -n "$(find "$entry" -maxdepth 0 -mtime "+$cache_days")" ] || exit 0
			mv "$entry" "$entry.old"
			say CACHE "drop $name"
			rm -rf "$entry.old"
		) 9>"$cache/lock/${name//\//-}" || note "cannot drop $name"
	done
}

# resolved NAME COMMAND... - COMMAND's output, remembered under NAME, so that
# what is cached needs no network.  "make cache-refresh" forgets it.
resolved() {
	local file=$cache/resolved/$1 found
	shift
	if [ ! -s "$file" ]; then
		mkdir -p "$cache/resolved"
		found=$("$@")
		[ -n "$found" ] || die "found nothing for $(basename "$file")"
		echo "$found" >"$file.$$"
		mv "$file.$$" "$file"
	fi
	cat "$file"
}
