/* A telephone in a lab: a SIP user agent (proto/sip/agent.h) whose calls carry RTP (proto/rtp/session.h).
 *
 * What the phone says of itself is its *contact*, and that is all in which its kinds differ:
 *  - local: its own addresses in Contact and SDP, private or not;
 *  - stun: what a STUN server sees of the SIP socket, and of each call's RTP and RTCP sockets, asked from those very
 *    sockets. Via stays local and has `rport`;
 *  - ice: Contact as with stun when there is a server, and the call's media are an ICE agent's (RFC 8839). With a peer
 *    without ICE, or when something on the way has rewritten the addresses and not the candidates, they fall back to plain
 *    RTP on the same sockets.
 *
 * A phone rings (180) with each call that comes, and waits for phone_call_answer or _reject, unless it answers by itself.
 * Calls belong to the phone and stay good until it is freed, ended or not, with what their media had measured; who has no
 * more use for one that is over gives it back (phone_call_free).
 *
 * Nothing is told from inside a call of the owner's; in `told` the owner may do anything but free the phone. */
#ifndef SCENARIOS_LAB_PHONE_H
#define SCENARIOS_LAB_PHONE_H

#include "core/net/node.h"
#include "proto/ice/agent.h"
#include "proto/rtp/session.h"
#include "proto/sip/agent.h"
#include "scenarios/lab/lab.h"

struct phone;
struct phone_call;

enum phone_contact { PHONE_LOCAL, PHONE_STUN, PHONE_ICE };

/* Of one call. */
struct phone_media_options {
    uint16_t port;                  /* of RTP; RTCP has the next; 0: any even one */
    struct rtp_session_options rtp; /* codec, interval, report, latch, playout, duration, ...; no sockets, no peer */
};
#define PHONE_MEDIA_DEFAULTS ((struct phone_media_options){ .rtp = RTP_SESSION_DEFAULTS })

struct phone_options {
    struct sip_agent_options agent; /* `names` is the lab's: hosts are found by their names */
    enum phone_contact contact;
    struct endpoint stun;         /* port 0: none */
    struct ice_agent_options ice; /* its servers (copied); the rest is the phone's */
    struct phone_media_options media;
    int64_t answer_after; /* a call that comes is answered after it has rung for so long; TIME_NEVER: when told */
};
#define PHONE_DEFAULTS                                                                                                 \
    ((struct phone_options){ .agent = SIP_AGENT_DEFAULTS,                                                              \
                             .ice = ICE_AGENT_DEFAULTS,                                                                \
                             .media = PHONE_MEDIA_DEFAULTS,                                                            \
                             .answer_after = TIME_NEVER })

/* What is told: as the agent's news, with the phone's call. */
struct phone_news {
    enum sip_agent_event event;
    struct phone_call *call;
    enum sip_why why;
    unsigned status;
};
typedef void phone_told(void *owner, struct phone *phone, const struct phone_news *news);

/* NULL and `*why` when its sockets can't be opened. `lab` is where names are looked up. */
struct phone *phone_new(const struct lab *lab, struct node *node, const struct phone_options *options, phone_told *told,
                        void *owner, enum io_result *why);
/* Silent: the far ends hear nothing. */
void phone_free(struct phone *phone);

/* SIP_AGENT_REGISTERED or _REGISTER_FAILED is told; the latter as well when the STUN server doesn't answer. */
void phone_register(struct phone *phone);
void phone_unregister(struct phone *phone);

/* NULL: it is no URI, or there are too many calls. `media` NULL: the phone's. */
struct phone_call *phone_dial(struct phone *phone, const char *uri, const struct phone_media_options *media);

struct sip_agent *phone_agent(struct phone *phone);
/* "sip:alice@example.com" */
const char *phone_uri(const struct phone *phone);
struct endpoint phone_local(const struct phone *phone);  /* its SIP socket */
struct endpoint phone_contact(struct phone *phone);      /* what stands in its Contact */
struct endpoint phone_mapped(const struct phone *phone); /* as the registrar sees it; none before */

/* --- calls */

void phone_call_answer(struct phone_call *call);
void phone_call_progress(struct phone_call *call); /* 183: early media */
void phone_call_reject(struct phone_call *call, unsigned status);
void phone_call_hangup(struct phone_call *call);
/* False: there is no session to change, or a change is under way. SIP_CALL_CHANGED tells what came of it. To renew is to
 * find out all addresses anew (by STUN, or a restart of ICE), and to offer them; it happens by itself when the host has
 * moved, unless ICE has fallen back to plain RTP. */
bool phone_call_hold(struct phone_call *call, bool held);
bool phone_call_renew(struct phone_call *call);

/* Of one that is over. Not from inside `told` about this call. */
void phone_call_free(struct phone_call *call);
bool phone_call_is_over(const struct phone_call *call);
enum sip_call_state phone_call_state(const struct phone_call *call); /* SIP_CALL_OVER when it is */
enum sip_why phone_call_why(const struct phone_call *call);          /* of one that is over */
unsigned phone_call_status(const struct phone_call *call);           /* of the response that ended it, or 0 */
bool phone_call_is_ours(const struct phone_call *call);
bool phone_call_is_held(const struct phone_call *call);     /* by us */
const char *phone_call_peer(const struct phone_call *call); /* the other side's URI */
const char *phone_call_id(const struct phone_call *call);
void phone_call_set_data(struct phone_call *call, void *data);
void *phone_call_data(const struct phone_call *call);

/* The media, as they are now, or were at the call's end. */
struct phone_media {
    const char *way; /* "local", "stun", "ice", or "plain": ICE that has fallen back */
    struct endpoint own,
        peer; /* where media comes to, as the description said it, and where it is sent; none: not yet */
    enum rtp_direction direction;
    struct rtp_stats stats;
    bool has_pair; /* of ICE: a pair is selected */
    struct ice_candidate pair_own, pair_peer;
    int64_t pair_rtt;      /* -1: not known */
    const char *ice_state; /* of ICE: "running", "completed", "failed"; NULL */
};
void phone_call_media(const struct phone_call *call, struct phone_media *media);

#endif
