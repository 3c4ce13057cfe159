/* --user and --realm on the command line of servers: who may use them (RFC 8489 section 9.2). */
#ifndef SCENARIOS_RUNNER_CLI_USERS_H
#define SCENARIOS_RUNNER_CLI_USERS_H

#include <glib.h>

#include "proto/stun/users.h"

#define USERS_ERROR (users_error_quark())
GQuark users_error_quark(void);

#define USERS_REALM "punchlab" /* unless another one is given */

/* `given`: texts "NAME:PASSWORD", of which the first colon parts the two; NULL: none were given, and `*users` is NULL
 * then. `realm` NULL: USERS_REALM. False with an error, which tells no password. */
bool users_read(const GPtrArray *given, const char *realm, struct stun_users **users, GError **error);

/* Whether it can be one: text of 1 to 127 characters (RFC 8489 section 14.9). */
bool users_check_realm(const char *realm, GError **error);

#endif
