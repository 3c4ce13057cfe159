/* What has changed in a packet's data between two copies of it: told as a student would ask for it.
 *
 * Text (SIP, SDP, HTTP) is compared line by line; what a decoder takes (decode.h: STUN, ChannelData, RTP, ...) by its
 * fields; anything else byte by byte. */
#ifndef SCENARIOS_RUNNER_STORY_PAYLOAD_H
#define SCENARIOS_RUNNER_STORY_PAYLOAD_H

#include <glib.h>

#include "core/base/address.h"

/* One thing that is not as it was. An empty `before` or `after`: it was not there. */
struct payload_change {
    char *what, *before, *after;
};

void payload_change_free(struct payload_change *change);

enum { PAYLOAD_CHANGES_MAX = 64 }; /* told of one packet: the last one then says that there are more */

/* Appends struct payload_change * for whatever differs; nothing when the two are the same. `flow` is the packet's: protocol
 * and ports say more of the data than its bytes do. */
void payload_changes(const struct flow *flow, struct span before, struct span after, GPtrArray *changes);

#endif
