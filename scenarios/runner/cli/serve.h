/* What the servers of `punchlab serve` have in common. Each is a function that runs one until a signal comes. */
#ifndef SCENARIOS_RUNNER_CLI_SERVE_H
#define SCENARIOS_RUNNER_CLI_SERVE_H

#include "core/base/io.h"
#include "core/live/live.h"
#include "core/live/log.h"
#include "scenarios/runner/cli/command.h"

struct serve_options {
    bool help, quiet, open, old_channels, no_record_route;
    GPtrArray *listen, *alternate, *users, *relay, *allow, *deny;
    const char *realm, *secret, *quota, *total_quota, *bandwidth, *ports, *max_lifetime, *drain;
    const char *domain, *min_expires, *max_expires;
};

/* None is called with options that are another one's. */
int serve_stun(const struct command *command, const struct serve_options *given);
int serve_turn(const struct command *command, const struct serve_options *given);
int serve_signal(const struct command *command, const struct serve_options *given);
int serve_sip(const struct command *command, const struct serve_options *given);

/* Where to listen: --listen, up to `most` of them, or else what stands in `listen[0]`. How many, 0 with an error. */
size_t serve_addresses(const struct serve_options *given, uint16_t port, struct endpoint *listen, size_t most,
                       GError **error);
/* Says on standard output where it listens, so that whoever started it can wait for that. `what`: "UDP, TCP". */
void serve_print_place(struct endpoint at, const char *what);
/* What the words of the seam mean for an address on the command line. */
const char *serve_why_not(enum io_result why);

/* The real machine, with a log on standard error (none with --quiet) and a loop that a signal ends. All three are there
 * before a server says that it listens: whoever waits for that may signal then. */
typedef struct serving {
    struct live *live;
    struct live_log *log;
    GMainLoop *loop;
    struct serving_signals *signals;
} serving;

bool serving_begin(struct serving *serving, const struct serve_options *given, GError **error);
/* What SIGTERM does instead of ending the loop: `terminate` says whether to end it now. It is asked at each SIGTERM while
 * serving_run runs, and may end the loop later. */
void serving_on_terminate(struct serving *serving, bool (*terminate)(void *owner), void *owner);
/* Prints all that the server has said, then returns at SIGINT or SIGTERM. */
void serving_run(struct serving *serving);
/* After the server is gone. */
void serving_end(struct serving *serving);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(serving, serving_end)

#endif
