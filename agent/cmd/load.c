// SPDX-License-Identifier: GPL-2.0-or-later
/* load: give a device the state in a stream */
#include "session.h"

int cmd_load(const struct options *o)
{
	static const struct session_kind kind = {
		.command = "load",
		.receiving = true,
		.uri = "-",
	};

	return session_run(&kind, o);
}
