/* How two ICE agents find each other over signalling channels: the usual dance.
 *
 * The offerer sends its description when it may: with trickle at once, else when it has gathered. The other side answers
 * with its own, likewise. Each begins its checks when the signalling server has taken its own description and it has the
 * peer's. With trickle each candidate follows its description in a fragment (RFC 8840), and so does their end. A restart
 * goes the same way: whoever restarts offers anew, and the other side answers. Both may offer at once, or restart at once:
 * what crosses on the way is taken for the answer. Who restarts again before there was an answer waits for it, and offers
 * then (RFC 3264 section 4).
 *
 * It sits between an agent and a channel, both borrowed: their owner passes the agent's news on, and frees the rendezvous
 * before either. Descriptions have the media type application/sdp, fragments application/trickle-ice-sdpfrag. */
#ifndef SCENARIOS_LAB_RENDEZVOUS_H
#define SCENARIOS_LAB_RENDEZVOUS_H

#include "proto/ice/agent.h"
#include "scenarios/lab/signalling.h"

struct rendezvous;

/* It has failed, for good. `why`: a sentence; `signal`: of a letter that was not taken or a channel that was lost, else
 * NULL. Both are borrowed for the call. */
typedef void rendezvous_failed(void *owner, const char *why, const struct signal_result *signal);

struct rendezvous_options {
    struct ice_agent *agent; /* that gathers, or has gathered */
    struct signal_channel *channel;
    const char *peer; /* copied */
    bool offers;      /* the one who begins: the controlling agent as a rule */
    bool trickle;
    rendezvous_failed *failed;
    void *owner;
};

struct rendezvous *rendezvous_new(const struct rendezvous_options *options);
/* Silent. */
void rendezvous_free(struct rendezvous *rendezvous);

/* Everything that the agent tells its owner. */
void rendezvous_news(struct rendezvous *rendezvous, const struct ice_agent_news *news);
/* The owner has restarted the agent: a new offer is due. */
void rendezvous_restart(struct rendezvous *rendezvous);

#endif
