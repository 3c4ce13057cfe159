/* How the descriptions of two `punchlab ice` get to each other: over standard input and output, by hand or through a pipe,
 * or through a signalling server (`punchlab serve signal`).
 *
 * On standard streams a description ends with an empty line (or with the input); trickled candidates follow, one a line,
 * "a=candidate:..." and at last "a=end-of-candidates" (RFC 8838 section 13), and all other lines are passed over.
 *
 * Through a server a description is a message of type application/sdp, and trickled candidates are
 * application/trickle-ice-sdpfrag (RFC 8840 section 9). An answer's type names the ufrag of the offer that it answers,
 * as a parameter: `application/sdp; offer="8hhY"`, so that an answer to an earlier run, still in the mailbox, is known
 * as such. An answer without it, of a peer of another make, is taken. */
#ifndef SCENARIOS_RUNNER_CLI_ICE_EXCHANGE_H
#define SCENARIOS_RUNNER_CLI_ICE_EXCHANGE_H

#include <glib.h>

#include "core/base/io.h"
#include "proto/ice/session.h"

struct ice_exchange;
typedef struct ice_exchange ice_exchange;

/* None is called inside a call. Spans and texts are good for the call. */
struct ice_exchange_events {
    void (*description)(void *owner, struct span text);
    /* "candidate:..." or "end-of-candidates", perhaps with "a=". `ufrag`: of the peer's generation; empty: not said. */
    void (*candidate)(void *owner, struct span ufrag, struct span line);
    /* Nothing more can come or go; `why` is a sentence. */
    void (*failed)(void *owner, const char *why);
};

struct ice_exchange_ops {
    void (*description)(struct ice_exchange *exchange, const char *text, bool offers, const char *ufrag);
    void (*candidate)(struct ice_exchange *exchange, const struct ice_session *session, const char *line);
    bool (*is_sending)(const struct ice_exchange *exchange);
    void (*free)(struct ice_exchange *exchange);
};

struct ice_exchange {
    const struct ice_exchange_ops *ops;
    const struct ice_exchange_events *events;
    void *owner;
};

/* Reads standard input from the main loop's next turn on. */
struct ice_exchange *ice_exchange_stdio(const struct ice_exchange_events *events, void *owner);

/* `url`: "http://HOST[:PORT]", or HOST[:PORT] with port 8080 unless it is written. `own` and `peer` are names of
 * signal.h. NULL with an error. */
struct ice_exchange *ice_exchange_signal(struct io *io, const char *url, const char *own, const char *peer,
                                         const struct ice_exchange_events *events, void *owner, GError **error);

/* Sends the own description, an offer or an answer. `ufrag`: that of the offer. */
static inline void
ice_exchange_description(struct ice_exchange *exchange, const char *text, bool offers, const char *ufrag)
{
    exchange->ops->description(exchange, text, offers, ufrag);
}

/* Sends a candidate of the session's present generation, "candidate:...", or "end-of-candidates". */
static inline void
ice_exchange_candidate(struct ice_exchange *exchange, const struct ice_session *session, const char *line)
{
    exchange->ops->candidate(exchange, session, line);
}

/* Whether something that was sent has not arrived yet. */
static inline bool
ice_exchange_is_sending(const struct ice_exchange *exchange)
{
    return exchange->ops->is_sending(exchange);
}

/* Silent. */
static inline void
ice_exchange_free(struct ice_exchange *exchange)
{
    exchange->ops->free(exchange);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ice_exchange, ice_exchange_free)

#endif
