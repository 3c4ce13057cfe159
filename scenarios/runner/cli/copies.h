/* The copies of one packet: its bytes at every interface that it passes, kept while a scenario runs so that what each
 * node changed in it can be told.
 *
 * It looks on beside whoever captures at an interface already (the traces), and hands everything on to him. */
#ifndef SCENARIOS_RUNNER_CLI_COPIES_H
#define SCENARIOS_RUNNER_CLI_COPIES_H

#include "core/net/node.h"

struct copies;

/* Of the packet called `packet`, "A.3", by the names of `names`, which outlive this. */
struct copies *copies_new(const char *packet, const struct names *names);
void copies_free(struct copies *copies);

/* Looks on at `port` from now on; nothing when it does already. The port must not be captured by anybody else later. */
void copies_watch(struct copies *copies, struct port *port);

/* Appends struct payload_change * (story/payload.h): what is different in the copy that left `node` after the one that came in there
 * at time `at`, but for addresses and ports, which the journal tells: the TTL, the data. */
void copies_changes(const struct copies *copies, uint32_t node, int64_t at, GPtrArray *changes);

/* Appends in one line what it is ("Binding request"), as its first copy tells; false when there is none. */
bool copies_summary(const struct copies *copies, GString *out);

#endif
