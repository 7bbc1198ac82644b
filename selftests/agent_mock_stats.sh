#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# vfio-agent mock stats and mock monitor: what functions have done is printed as
# the kernel counts it, what happens to them as it happens, and both end as they
# were asked to.
. "$(dirname "$0")/agent-lib.sh"

plan 24
load_modules

# stats ARGUMENT...: output in stats.json and stats.err
stats()
{
	agent stats mock stats "$@"
}

# zero FUNCTION: whatever it has done before
zero()
{
	vfio-agent mock stats "$1" --zero >/dev/null
}

# saved FUNCTION: takes its state, in JSON of the agent
saved()
{
	agent save save "$1" "file:$TMP/state" --pre-copy off
}

# --- stats ----------------------------------------------------------------------

zero "$A" && zero "$B" && saved "$A"
ok $? "stats --zero: begins anew"
stats "$A"
[ $? -eq 0 ] && says stats.json "\"address\":\"$A\"" && [ "$(field stats.json sessions)" = 1 ] &&
	[ "$(field stats.json sessions_open)" = 0 ] && [ "$(field stats.json state)" = RUNNING ] &&
	[ "$(field stats.json bytes_written)" = 0 ]
ok $? "stats: one function, by its address"
says stats.json '{"from":"STOP","to":"STOP_COPY","taken":1,"failed":0,"ns":[0-9]*,"max_ns":[0-9]*}'
ok $? "stats: an arc that was taken"
! says stats.json '"to":"RESUMING"' && says stats.json '"vectors":\[\]'
ok $? "stats: nothing that was not"
called=$(vfio-agent -j mock show "$A" >"$TMP/a.json"; field a.json name)
vfio-agent mock stats "$called" >"$TMP/text" && grep -q "^name: $called\$" "$TMP/text" &&
	grep -q "^sessions: 1\$" "$TMP/text" &&
	grep -q "^  from STOP  to STOP_COPY  taken 1  failed 0  together [0-9.]* ms" "$TMP/text"
ok $? "stats: for people, by its name"
stats
[ $? -eq 0 ] && says stats.json "^\[{.*\"address\":\"$A\".*\"address\":\"$B\".*}\]\$"
ok $? "stats: all functions"
[ "$(vfio-agent mock stats | grep -c '^address: ')" -eq 2 ]
ok $? "stats: all functions, for people"
stats "$A" --zero
[ $? -eq 0 ] && [ "$(field stats.json sessions)" = 1 ] && stats "$A" &&
	[ "$(field stats.json sessions)" = 0 ] && says stats.json '"arcs":\[\]'
ok $? "stats --zero: says what there was, then there is nothing"
stats --zero && stats && ! says stats.json '"bus_resets":[1-9]'
ok $? "stats --zero: all functions"
stats nobody
[ $? -eq 1 ] && says stats.err "nobody: .*no such function; see vfio-agent mock show" &&
	says stats.json '"errno":2'
ok $? "stats: of nobody: says that there is none"
"$HERE/as_nobody" vfio-agent mock stats "$A" >"$TMP/text" 2>"$TMP/stats.err" && grep -q "^sessions: " "$TMP/text"
ok $? "an unprivileged user may look"
"$HERE/as_nobody" vfio-agent mock stats "$A" --zero >/dev/null 2>"$TMP/stats.err"
[ $? -eq 1 ] && says stats.err "CAP_NET_ADMIN"
ok $? "an unprivileged user sets nothing to zero"
vfio-agent mock show --zero 2>"$TMP/stats.err"
[ $? -eq 2 ] && says stats.err "does not take"
ok $? "--zero is for stats only"

# --- monitor --------------------------------------------------------------------

# listen ARGUMENT...: in the background, until it says that it listens
listen()
{
	rm -f "$TMP/monitor.json"
	vfio-agent -j mock monitor "$@" >"$TMP/monitor.json" 2>"$TMP/monitor.err" &
	listener=$!
	until [ -s "$TMP/monitor.json" ] || ! kill -0 $listener; do sleep 0.05; done 2>/dev/null
}

# events: what was printed, a word each
events()
{
	sed -n 's/.*"event":"\([^"]*\)".*/\1/p' "$TMP/monitor.json" | tr '\n' ' '
}

listen count 2
vfio-agent mock add guest profile tiny >/dev/null && vfio-agent mock del guest
wait $listener
[ $? -eq 0 ] && [ "$(events)" = "listening function-added function-removed " ] &&
	says monitor.json '"name":"guest"'
ok $? "monitor count 2: ends after two events"

listen count 7
saved "$A"
wait $listener
[ $? -eq 0 ] && [ "$(events | wc -w)" -eq 8 ] && says monitor.json '"from":"STOP","to":"STOP_COPY"' &&
	says monitor.json '"event":"session-ended".*"session":"save","bytes":[1-9]' &&
	[ "$(sed -n 's/.*"seq":\([0-9]*\).*/\1/p' "$TMP/monitor.json" |
		awk 'NR > 1 && $1 != last + 1 { gaps++ } { last = $1 } END { print gaps + 0 }')" -eq 0 ]
ok $? "monitor: a save, all numbers in a row"

listen wait 1
wait $listener
[ $? -eq 0 ] && [ "$(events)" = "listening " ]
ok $? "monitor wait 1: ends after a second"
listen count 1 wait 1
wait $listener
[ $? -eq 1 ]
ok $? "monitor count 1 wait 1: fails if there was none"

listen
kill -TERM $listener
wait $listener
[ $? -eq 0 ]
ok $? "monitor: SIGTERM ends it"
listen
kill -INT $listener
wait $listener
[ $? -eq 0 ]
ok $? "monitor: SIGINT ends it"

# Nothing happens; it has to notice by itself.
mkfifo "$TMP/pipe"
vfio-agent mock monitor >"$TMP/pipe" 2>"$TMP/monitor.err" &
listener=$!
read -r line <"$TMP/pipe"
wait $listener
[ $? -eq 0 ] && [ "$line" = listening ] && [ ! -s "$TMP/monitor.err" ]
ok $? "monitor: ends when nobody reads it any more"

rm -f "$TMP/text"
vfio-agent mock monitor count 1 >"$TMP/text" 2>"$TMP/monitor.err" &
listener=$!
until [ -s "$TMP/text" ]; do sleep 0.05; done
vfio-agent device reset "$A" >/dev/null
wait $listener
grep -q "^[0-9]*\.[0-9]\{6\}  [a-z-]*  seq [0-9]*  name $called  address $A" "$TMP/text"
ok $? "monitor: a line an event for people"

# A buffer for very few, and a reader that does not read.
default=$(cat /proc/sys/net/core/rmem_default)
echo 2304 >/proc/sys/net/core/rmem_default
listen
echo "$default" >/proc/sys/net/core/rmem_default
kill -STOP $listener
saved "$A" && saved "$A" && saved "$A"
kill -CONT $listener
until says monitor.json '"event":"lost"}'; do sleep 0.05; done
vfio-agent device reset "$A" >/dev/null
until says monitor.json '"event":"device-reset"'; do sleep 0.05; done
kill -TERM $listener
wait $listener
[ $? -eq 0 ] && says monitor.json '"event":"lost","events":[1-9]'
ok $? "monitor: says that events were lost, and how many"

"$HERE/as_nobody" vfio-agent mock monitor wait 1 >"$TMP/text" 2>"$TMP/monitor.err" &&
	grep -q "^listening" "$TMP/text"
ok $? "an unprivileged user may listen"

vfio-agent mock monitor count 0 2>"$TMP/monitor.err"
[ $? -eq 2 ] && vfio-agent mock monitor count 2>"$TMP/monitor.err"
[ $? -eq 2 ] && vfio-agent mock monitor everything 2>"$TMP/monitor.err"
[ $? -eq 2 ] && says monitor.err "count EVENTS or wait SECONDS"
ok $? "monitor: other words are refused"

done_testing
