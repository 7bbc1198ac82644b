# SPDX-License-Identifier: GPL-2.0-or-later
# Judge what one suite printed.  Prints "counts PASSED FAILED SKIPPED" and, for
# whatever makes the run as a whole untrustworthy, "problem TEXT".
#
#   awk -v status=EXIT-STATUS -f parse.awk FILE
#
# Only lines at the left margin are tests; indented ones belong to one of those.

function problem(text) { print "problem " text; }

{ sub(/\r$/, ""); }

/^1\.\.[0-9]+/ {
	if (planned)
		problem("a second plan: " $0);
	planned = 1;
	plan = substr($1, 4) + 0;
	if (plan == 0 && toupper($0) ~ /# *SKIP/)
		all_skipped = 1;
}

/^(not )?ok( |$)/ {
	seen++;
	number = $1 == "not" ? $3 : $2;
	if (number ~ /^[0-9]+$/ && number + 0 != seen)
		problem("test " seen " is numbered " number);
	if ($1 == "not")
		failed++;
	else if (toupper($0) ~ /# *SKIP/)
		skipped++;
	else
		passed++;
}

/^Bail out!/ { problem($0); }

END {
	if (!planned)
		problem("no plan");
	else if (all_skipped)
		skipped++;
	else if (plan == 0)
		problem("the plan is to run no test");
	else if (seen != plan)
		problem("planned " plan " tests, saw " seen + 0);

	if (status == 124)
		problem("ran out of time");
	else if (status == "stuck")
		problem("left modules behind that cannot be unloaded");
	else if (status == "died")
		problem("the virtual machine died");
	else if (status == "hung")
		problem("the virtual machine hung");
	else if (status == 4 && !passed && !failed)
		;	# kselftest: all was skipped
	else if (status != 0 && !failed)
		problem("exit status " status);

	print "counts", passed + 0, failed + 0, skipped + 0;
}
