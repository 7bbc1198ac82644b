// SPDX-License-Identifier: GPL-2.0-or-later
/* receive: take a device over */
#include "session.h"

int cmd_receive(const struct options *o)
{
	static const struct session_kind kind = {
		.command = "receive",
		.receiving = true,
	};

	return session_run(&kind, o);
}
