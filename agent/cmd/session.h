/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What save, load, migrate and receive have in common. */
#ifndef SESSION_H
#define SESSION_H

#include "options.h"

/**
 * struct session_kind - one of the four commands
 * @command: its name
 * @receiving: the stream comes in
 * @snapshot: the source goes on running
 * @uri: where to, if the user does not say
 */
struct session_kind {
	const char *command;
	bool receiving;
	bool snapshot;
	const char *uri;
};

int session_run(const struct session_kind *kind, const struct options *o);

#endif
