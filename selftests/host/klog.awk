# SPDX-License-Identifier: GPL-2.0-or-later
# Print what of a kernel's log is a complaint, and what followed it; exit status
# 1 if there is any.
#
#   awk -v from=MARK -v to=MARK -f klog.awk FILE     empty: start, end of the file

BEGIN {
	inside = from == "";
	bad = "WARNING:|BUG:|BUG |KASAN:|UBSAN:|KCSAN:|Oops|general protection" \
	    "|INFO: possible|possible (circular|recursive|irq)" \
	    "|inconsistent lock state|suspicious RCU|bad unlock balance" \
	    "|INFO: task .* blocked|INFO: rcu|soft lockup|hard LOCKUP" \
	    "|DEBUG_LOCKS|refcount_t:|ODEBUG|sleeping function called" \
	    "|scheduling while atomic|list_(add|del) corruption" \
	    "|kmemleak: [0-9]+ new|unreferenced object|Call Trace" \
	    "|Kernel panic|segfault at|trap .* in [a-z]";
	keep = 25;
}

# The marks are the last word of a line, behind the time.
function is_mark(mark) {
	return mark != "" && substr($0, length($0) - length(mark) + 1) == mark;
}

{ sub(/\r$/, ""); }
is_mark(from) { inside = 1; next; }
inside && to != "" && index($0, to " ") { exit; }
!inside { next; }
$0 ~ bad { found++; left = keep; }
left > 0 && shown < 200 { print; left--; shown++; }
END { exit found > 0; }
