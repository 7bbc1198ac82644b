#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Packages of a Debian suite that this machine does not use, without touching
# the machine's own sources: a private apt root per suite in the cache, on the
# mirror that the machine's apt already uses.
#
#   apt.sh versions SUITE PACKAGE       versions on offer, oldest first
#   apt.sh depends SUITE PACKAGE        direct dependencies, one a line
#   apt.sh fetch SUITE PACKAGE[=VER]..  download; prints the .deb's paths
. "$(dirname "$0")/lib.sh"

keyring=/usr/share/keyrings/debian-archive-keyring.gpg

mirror() {
	apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
	awk '$1 ~ /^(bookworm|stable|oldstable)$/ && $2 == "main" { print $3; exit }'
}

write_config() {
	local root=$1 suite=$2 uri
	uri=$(mirror)
	[ -n "$uri" ] || die "apt has no source for Debian 12 (bookworm) main"
	[ -r "$keyring" ] || die "$keyring is missing: install debian-archive-keyring"
	mkdir -p "$root/state/lists/partial" "$root/cache/archives/partial"
	: >"$root/status"
	echo "deb [signed-by=$keyring arch=$arch] $uri $suite main" >"$root/sources.list"
	cat >"$root/apt.conf" <<-END
		Dir::State "$root/state";
		Dir::State::status "$root/status";
		Dir::Cache "$root/cache";
		Dir::Etc::sourcelist "$root/sources.list";
		Dir::Etc::sourceparts "-";
		APT::Architecture "$arch";
		APT::Sandbox::User "root";
		APT::Get::List-Cleanup "false";
		Acquire::Languages "none";
		Acquire::Check-Valid-Until "false";
		Acquire::Retries "3";
	END
}

# The lists of a suite, at most a day old.
update() {
	local root=$1 suite=$2
	[ -z "$(find "$root/updated" -mtime -1 2>/dev/null)" ] || return 0
	say APT "$suite"
	write_config "$root" "$suite"
	retry 3 apt-get -c "$root/apt.conf" -qq -o APT::Update::Error-Mode=any update >&2 ||
		die "apt-get update failed for $suite"
	touch "$root/updated"
}

versions() {
	{ apt-cache -c "$1/apt.conf" show "$2" 2>/dev/null || true; } |
	sed -n 's/^Version: //p' | sort -Vu
}

depends() {
	apt-cache -c "$1/apt.conf" show --no-all-versions "$2" |
	sed -n 's/^Depends: //p' | tr ',' '\n' | sed 's/^ *//; s/ .*//'
}

fetch() {
	local root=$1 spec file
	shift
	mkdir -p "$cache/debs"
	cd "$cache/debs"
	for spec in "$@"; do
		file=$(retry 3 apt-get -c "$root/apt.conf" -qq --print-uris download "$spec" |
			awk '{ print $2; exit }')
		[ -n "$file" ] || die "$spec is not there (any more?); \"make cache-refresh\" looks for newer ones"
		if [ ! -e "$file" ]; then
			say FETCH "$file"
			retry 3 apt-get -c "$root/apt.conf" -qq download "$spec" >&2
		fi
		echo "$cache/debs/$file"
	done
}

verb=$1 suite=$2
root=$cache/apt/$suite
shift 2
mkdir -p "$cache/lock"
exec 9>"$cache/lock/apt-$suite"
flock 9
update "$root" "$suite"
case $verb in
versions | depends | fetch) "$verb" "$root" "$@" ;;
*) die "no such verb: $verb" ;;
esac
