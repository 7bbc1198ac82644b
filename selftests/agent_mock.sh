#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# vfio-agent mock: functions are made as they were asked for and go when they
# are told to, whoever has them open; what cannot be is refused with the reason.
. "$(dirname "$0")/agent-lib.sh"

SYS=/sys/bus/pci/devices

plan 67

# Without the module, whoever asks is told what to do.
if grep -q '^mock_vfio_pci ' /proc/modules; then
	skip "no module: says how to load it" "it is loaded"
else
	agent show mock show
	[ $? -eq 1 ] && says show.err "make insmod" && says show.json '"errno":2'
	ok $? "no module: says how to load it"
fi
load_modules

# mock VERB ARGUMENT...: output in mock.json and mock.err
mock()
{
	agent mock mock "$@"
}

# gone WHICH ADDRESS: neither the module nor the PCI core knows it any more
gone()
{
	! vfio-agent mock show "$1" >/dev/null 2>&1 && [ ! -e "$SYS/$2" ]
}

# until_gone WHICH ADDRESS: it goes by itself, soon
until_gone()
{
	left=200
	until gone "$1" "$2"; do
		left=$((left - 1))
		[ $left -gt 0 ] || return 1
		sleep 0.05
	done
}

count() { vfio-agent mock show | wc -l; }

# --- what is asked for is what comes ------------------------------------------

mock show
[ $? -eq 0 ] && says mock.json "\"address\":\"$A\"" && says mock.json "\"address\":\"$B\"" &&
	says mock.json '^\[{.*}\]$'
ok $? "show: the functions that the module was loaded with"
[ "$(count)" -eq 2 ] && vfio-agent mock show | grep -q "^name .* address $A "
ok $? "show: one line each, for people"

bdf=$(vfio-agent mock add)
[ -e "$SYS/$bdf" ] && [ "$(echo "$bdf" | wc -w)" -eq 1 ] && mock show "$bdf" &&
	[ "$(field mock.json address)" = "$bdf" ] && says mock.json '"profile":"default"' &&
	says mock.json '"name":"fn-'
ok $? "add: prints the address; name, place and all else have defaults"
name=$(field mock.json name)
mock show "$name"
[ $? -eq 0 ] && [ "$(field mock.json address)" = "$bdf" ]
ok $? "show: by the name that it was given"
vfio-agent device list | grep -q "$bdf .*driver mock_vfio_pci"
ok $? "add: it is bound to its driver when the command returns"
vfio-agent mock del "$bdf" >"$TMP/silent" 2>&1
[ $? -eq 0 ] && [ ! -s "$TMP/silent" ] && gone "$name" "$bdf"
ok $? "del: by address, silently; it is gone when the command returns"

# made "WORDS" JSON: a function of these properties says so itself
made()
{
	# shellcheck disable=SC2086 # words they are
	mock add probe $1 && bdf=$(field mock.json address) && says mock.json "$2" &&
		mock show probe && says mock.json "$2"
}

# in_sysfs "WORDS" JSON FILE TEXT: and so does the PCI core
in_sysfs()
{
	made "$1" "$2" && [ "$(cat "$SYS/$bdf/$3")" = "$4" ]
	ok $? "add $1: the PCI core sees it"
	vfio-agent mock del probe
}

# in_info "WORDS" JSON TEXT...: and so does VFIO
in_info()
{
	words=$1
	good=0
	made "$1" "$2" && agent info device info "$bdf" || good=1
	shift 2
	for text in "$@"; do
		says info.json "$text" || good=1
	done
	ok $good "add $words: VFIO sees it"
	vfio-agent mock del probe
}

made "profile tiny" '"profile":"tiny"' && [ "$(field mock.json memory)" = 4096 ]
ok $? "add profile tiny: what is not given comes from the profile"
vfio-agent mock del probe
made "slot 33 number 5" '"slot":33,"number":5' && [ "${bdf#*:}" = 02:01.5 ] && [ -e "$SYS/$bdf" ]
ok $? "add slot 33 number 5: the second bus, device 1, function 5"
vfio-agent mock del probe
in_sysfs "vendor 1af4" '"vendor":"0x1af4"' vendor 0x1af4
in_sysfs "device 0x1041" '"device":"0x1041"' device 0x1041
in_sysfs "vendor 1af4 subvendor 8086" '"subvendor":"0x8086"' subsystem_vendor 0x8086
in_sysfs "subdevice beef" '"subdevice":"0xbeef"' subsystem_device 0xbeef
made "vendor 1af4 device 1041" '"subvendor":"0x1af4","subdevice":"0x1041"' &&
	[ "$(cat "$SYS/$bdf/subsystem_vendor")" = 0x1af4 ]
ok $? "add vendor 1af4 device 1041: the subsystem is called the same"
vfio-agent mock del probe
in_sysfs "class 20000" '"class":"0x020000"' class 0x020000
in_sysfs "revision 7f" '"revision":"0x7f"' revision 0x7f
made "vendor 1af4 device 1041 class 20000 revision 7f" '"revision":"0x7f"' &&
	lspci -n -s "$bdf" | grep -q "0200: 1af4:1041 (rev 7f)"
ok $? "add: lspci sees ids, class and revision"
vfio-agent mock del probe
in_info "memory 64K" '"memory":65536,"bar":65536' '"region":"bar2","size":65536'
in_info "memory 1M bar 64K" '"memory":1048576,"bar":65536' '"region":"bar2","size":65536'
in_info "msi 4" '"msi":4' '"type":"msi","vectors":4'
in_info "msix 100" '"msix":100' '"type":"msix","vectors":100'
in_info "intx on msix 0" '"msix":0,"intx":true' '"type":"intx","vectors":1'
made "intx off" '"intx":false' && agent info device info "$bdf" && ! says info.json '"type":"intx"'
ok $? "add intx off: VFIO sees it"
vfio-agent mock del probe
in_info "migration none" '"migration":"none"' '"supported":false'
in_info "migration stop-copy" '"migration":"stop-copy"' '"stop_copy":true' '"p2p":false' \
	'"pre_copy":false'
in_info "migration stop-copy,p2p,pre-copy" '"migration":"stop-copy,p2p,pre-copy"' \
	'"p2p":true' '"pre_copy":true'
made "vfs 4" '"vfs":4'
ok $? "add vfs 4: the function says so"
vfio-agent mock del probe
made "dirty-log off" '"dirty-log":false'
ok $? "add dirty-log off: the function says so"
vfio-agent mock del probe

# What show prints, add takes.
made "vendor 1af4 class 20000 memory 2M bar 4K msi 8 msix 3 intx off migration stop-copy,pre-copy dirty-log off" \
	'"migration":"stop-copy,pre-copy"'
properties() { vfio-agent mock show "$1" | sed 's/.*  vendor/vendor/'; }
# shellcheck disable=SC2046
vfio-agent mock add again $(properties probe) >/dev/null &&
	[ "$(properties again)" = "$(properties probe)" ] && properties again | grep -q "memory 2M"
ok $? "add takes the words that show prints"
vfio-agent mock del probe && vfio-agent mock del again
ok $? "del: by name"

# --- names ------------------------------------------------------------------------

first=$(vfio-agent mock add blue profile tiny)
mock add blue
[ $? -eq 1 ] && says mock.err "function of this name" && says mock.err "--if-missing" &&
	says mock.json '"errno":17'
ok $? "a name is unique; says what to do about it"
second=$(vfio-agent mock add blue memory 64K --if-missing)
[ $? -eq 0 ] && [ -n "$first" ] && [ "$first" = "$second" ]
ok $? "--if-missing: the one that exists is as good"
second=$(vfio-agent mock add --if-missing green profile tiny)
[ $? -eq 0 ] && [ -e "$SYS/$second" ] && [ "$first" != "$second" ]
ok $? "--if-missing: what does not exist is made"
mock add blue memory 64K --replace
[ $? -eq 0 ] && says mock.json '"memory":65536' && mock show blue &&
	says mock.json '"memory":65536' && [ "$(count)" -eq 4 ]
ok $? "--replace: what exists is made anew"
mock add red --replace
[ $? -eq 0 ] && [ "$(count)" -eq 5 ]
ok $? "--replace: what does not exist is made"
vfio-agent mock add blue --replace --if-missing 2>"$TMP/both.err"
[ $? -eq 2 ] && vfio-agent mock add --replace 2>"$TMP/nameless.err"
[ $? -eq 2 ] && says both.err "not both" && says nameless.err "NAME"
ok $? "--replace and --if-missing need a name and exclude each other"
vfio-agent mock del red && vfio-agent mock del green && vfio-agent mock del blue &&
	[ "$(count)" -eq 2 ]
ok $? "and all of them go"

# --- what cannot be -----------------------------------------------------------------

# refused CODE TEXT WORD...: by the kernel (1) or before (2), and nothing was made
refused()
{
	code=$1
	text=$2
	shift 2
	mock "$@"
	[ $? -eq "$code" ] && says mock.err "$text" && [ "$(count)" -eq 2 ]
	ok $? "refused: $*: $text"
}

refused 1 "memory: must be a power of two" add memory 12K
refused 1 "memory: must be a power of two" add memory 32G
refused 1 "bar: must be a power of two" add memory 4K bar 8K
refused 1 "msi: must be 0 or a power of two" add msi 3
refused 1 "msix: integer out of range; from 0 to 2048" add msix 2049
refused 1 "slot: integer out of range; from 0 to 255" add slot 256
refused 1 "number: integer out of range; from 0 to 7" add number 8
refused 1 "vfs: integer out of range; from 0 to 128" add vfs 129
refused 1 "migration: anything else needs stop-copy" add migration p2p
refused 1 "profile: no such profile" add profile bogus
slot=$(vfio-agent -j mock show "$A" >"$TMP/a.json"; field a.json slot)
number=$(field a.json number)
refused 1 "number: there is a function at this place" add slot "$slot" number "$number"
refused 1 "nobody: .*no such function; see vfio-agent mock show" del nobody
refused 1 "f0f0:00:00.0: .*no such function" show f0f0:00:00.0
refused 2 "memry: no such property; there are .*memory" add x memry 4K

"$HERE/as_nobody" vfio-agent -j mock show >"$TMP/mock.json" 2>"$TMP/mock.err"
[ $? -eq 0 ] && says mock.json "\"address\":\"$A\""
ok $? "an unprivileged user may look"
"$HERE/as_nobody" vfio-agent mock add >"$TMP/mock.json" 2>"$TMP/mock.err"
[ $? -eq 1 ] && says mock.err "not permitted; .*CAP_NET_ADMIN" && [ "$(count)" -eq 2 ]
ok $? "an unprivileged user makes nothing"
"$HERE/as_nobody" vfio-agent mock del "$A" surprise >"$TMP/mock.json" 2>"$TMP/mock.err"
[ $? -eq 1 ] && says mock.err "CAP_NET_ADMIN" && mock show "$A"
ok $? "an unprivileged user removes nothing"

# --- functions that are in use --------------------------------------------------------

# hold ADDRESS: have it open, in the background, until release
hold()
{
	rm -f "$TMP/held" "$TMP/release"
	"$HERE/with_device" "$1" sh -c "
		: >$TMP/held
		until [ -e $TMP/release ]; do sleep 0.05; done" 2>"$TMP/hold.err" &
	holder=$!
	until [ -e "$TMP/held" ] || ! kill -0 $holder; do sleep 0.05; done 2>/dev/null
}

# answer ADDRESS: what the device itself has as its ids
answer()
{
	od -An -tx1 -N4 "$SYS/$1/config" | tr -d ' '
}

release()
{
	: >"$TMP/release"
	wait $holder
}

bdf=$(vfio-agent mock add busy)
hold "$bdf"
mock del busy no-wait
[ $? -eq 0 ] && [ "$(field mock.json gone)" = false ] && [ "$(answer "$bdf")" = 4f4d0100 ]
ok $? "del no-wait: returns while it is open and in order"
release && until_gone busy "$bdf"
ok $? "and the function goes when it is closed"

bdf=$(vfio-agent mock add busy)
hold "$bdf"
mock del busy wait 1
[ $? -eq 1 ] && says mock.err "still in use after 1000 ms" && says mock.json '"errno":110'
ok $? "del wait 1: gives up after a second, and says why"
release && until_gone busy "$bdf"
ok $? "and the function goes when it is closed"

bdf=$(vfio-agent mock add busy)
hold "$bdf"
vfio-agent mock del busy 2>"$TMP/mock.err" &
remover=$!
sleep 0.5
kill -0 $remover && release && wait $remover && gone busy "$bdf"
ok $? "del: waits for its user"

bdf=$(vfio-agent mock add busy)
hold "$bdf"
vfio-agent mock del busy 2>"$TMP/mock.err" &
remover=$!
sleep 0.5
kill -TERM $remover
wait $remover
[ $? -eq 5 ] && says mock.err "removal is pending"
ok $? "del: a signal ends the wait"
release && until_gone busy "$bdf"
ok $? "and the function goes when it is closed"

bdf=$(vfio-agent mock add busy)
hold "$bdf"
mock del busy surprise no-wait
[ $? -eq 0 ] && [ "$(field mock.json gone)" = false ] && [ "$(answer "$bdf")" = ffffffff ]
ok $? "del surprise: nothing answers any more while it is open"
release && until_gone busy "$bdf"
ok $? "and the function goes when it is closed"
bdf=$(vfio-agent mock add busy)
vfio-agent mock del "$bdf" surprise && gone busy "$bdf"
ok $? "del surprise: at once if nobody has it open"

# --- many ----------------------------------------------------------------------------------

# shuffled N: 1 to N in any order
shuffled()
{
	awk -v n="$1" -v seed="$$" 'BEGIN {
		srand(seed)
		for (i = 1; i <= n; i++)
			print rand(), i
	}' | sort -n | cut -d ' ' -f 2
}

profile_of()
{
	case $(($1 % 4)) in
	0) echo tiny ;;
	1) echo nic-like ;;
	2) echo non-migratable ;;
	3) echo default ;;
	esac
}

# Others come and go while A's guest is at work and moves to B.
(move "unix:$TMP/m" "unix:$TMP/m" && moved && echo yes >"$TMP/moved") &
mover=$!
good=0
for i in $(shuffled 20); do
	vfio-agent mock add "many-$i" profile "$(profile_of "$i")" >>"$TMP/many" || good=1
done
[ $good -eq 0 ] && [ "$(sort -u "$TMP/many" | wc -l)" -eq 20 ] && [ "$(count)" -eq 22 ]
ok $? "20 functions are made in any order, each in its place"
for i in $(shuffled 20); do
	vfio-agent mock del "many-$i" || good=1
done
for bdf in $(cat "$TMP/many"); do
	[ ! -e "$SYS/$bdf" ] || good=1
done
[ $good -eq 0 ] && [ "$(count)" -eq 2 ]
ok $? "and removed in another, while a device is at work"
wait $mover
[ -e "$TMP/moved" ]
ok $? "which loses nothing"

done_testing
