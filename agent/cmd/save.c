// SPDX-License-Identifier: GPL-2.0-or-later
/* save: write a device's state as a stream and let it go on */
#include "session.h"

int cmd_save(const struct options *o)
{
	static const struct session_kind kind = {
		.command = "save",
		.snapshot = true,
		.uri = "-",
	};

	return session_run(&kind, o);
}
