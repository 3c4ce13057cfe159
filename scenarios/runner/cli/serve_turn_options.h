/* The options of `punchlab serve turn`, as its server has them. */
#ifndef SCENARIOS_RUNNER_CLI_SERVE_TURN_OPTIONS_H
#define SCENARIOS_RUNNER_CLI_SERVE_TURN_OPTIONS_H

#include "proto/turn/server.h"
#include "scenarios/runner/cli/serve.h"

/* `server` borrows from the rest, and from what was given. */
typedef struct turn_choice {
    struct turn_server_options server;
    struct stun_users *users;
    GArray *allow, *deny; /* struct prefix */
    int64_t drain;        /* nanoseconds */
} turn_choice;

/* False with an error; to be cleared either way. `choice` is zeroed. What only the clock knows (unix_time_at_zero) is
 * left open. */
bool turn_choice_read(struct turn_choice *choice, const struct serve_options *given, GError **error);
void turn_choice_clear(struct turn_choice *choice);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(turn_choice, turn_choice_clear)

#endif
