// SPDX-License-Identifier: GPL-2.0-or-later
/* migrate: send a device away */
#include "session.h"

int cmd_migrate(const struct options *o)
{
	static const struct session_kind kind = {
		.command = "migrate",
	};

	return session_run(&kind, o);
}
