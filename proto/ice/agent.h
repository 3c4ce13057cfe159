/* The ICE agent: an engine around the machine of session.h, with sockets, servers and a description of itself.
 *
 *     options = ICE_AGENT_DEFAULTS;                     servers, addresses, policy; options.session: the machine's
 *     agent = ice_agent_new(io, &options, told, owner);
 *     ice_agent_gather(agent);                          ... `told` hears ICE_AGENT_GATHERED
 *     ice_agent_description(agent, text);               SDP, for the peer
 *     ice_agent_take_description(agent, text, &error);  the peer's
 *                                                       ... `told` hears ICE_AGENT_SELECTED, ICE_AGENT_STATE
 *     udp = ice_agent_component(agent, 0, 1);           a socket like any other, whose far end is the peer
 *     udp->ops->send(udp, &datagram);
 *     ice_agent_close(agent);                           farewell to the servers; `told` hears ICE_AGENT_CLOSED
 *     ice_agent_free(agent);                            silent
 *
 * With trickle (RFC 8838) the description may be sent before gathering has ended, empty even, and each candidate
 * follows by ICE_AGENT_CANDIDATE; the peer's are handed in by `ice_agent_take_candidate`. Without, ask for it when
 * gathering has ended. Checks begin when the peer's description has been taken and the own has been asked for, which
 * counts as sent; without trickle, not before gathering has ended.
 *
 * What it does:
 *  - Gathering (RFC 8445 section 5.1): a UDP socket on each address of the host, for each component of each stream: a
 *    host candidate. Each STUN server tells it a server-reflexive one, each TURN server a relayed one and, if it is
 *    reached by UDP, another server-reflexive one. One transaction begins every Ta. A server that is silent is waited
 *    for until `gather_most`. Bindings are kept alive until a pair is selected, allocations by their client.
 *  - Over TCP (RFC 6544), if it is asked for: active and passive candidates of each address, and simultaneous-open
 *    ones. STUN servers are asked over TCP from the ports that listen and tell server-reflexive ones, and what address
 *    active ones have outside. A TURN server that is reached over TCP gives an allocation for TCP (RFC 6062), which makes
 *    a relayed active and a relayed passive candidate; each address that the peer has signalled gets a permission there.
 *    Messages and data are framed as RFC 4571 has it. A connection lives as long as it is of use.
 *  - Checks, nomination, consent, keepalives: the machine's. A check from a relayed candidate has its permission asked
 *    for first and follows the grant; the selected pair gets a channel. A hard ICMP error fails a pair's check.
 *  - Data goes along ice_session_path: a valid pair before one is selected, the selected one then. What arrives at a
 *    candidate from a candidate of the peer and is no STUN (RFC 7983: first byte 0 to 3, and the cookie) is data;
 *    whoever carries DTLS and RTP over it tells them apart by the first byte.
 *  - Three seconds after a stream's last selection sockets and allocations that nothing selected uses are closed.
 *  - It watches the host's addresses. One that goes takes its candidates along; one that comes is gathered on, if this
 *    generation still takes candidates. Else, or when a selected pair is gone, ICE_AGENT_NETWORK says that a restart
 *    would help: `ice_agent_restart`, then a new description, as from the beginning. Data goes on meanwhile where it
 *    can.
 *
 * A call answers at once, and no callback runs inside a call. Callbacks come last: in one the owner may call anything,
 * and free the agent. From the heap comes nothing for a datagram over UDP. */
#ifndef PROTO_ICE_AGENT_H
#define PROTO_ICE_AGENT_H

#include "core/base/io.h"
#include "proto/ice/session.h"
#include "proto/turn/client.h"

struct ice_agent;
typedef struct ice_agent ice_agent;

#define ICE_AGENT_SERVERS_MOST 8
#define ICE_AGENT_ADDRESSES_MOST 16
#define ICE_AGENT_CONNECTIONS_MOST 64 /* over TCP, at a time */
#define ICE_AGENT_GATHER_MOST (8 * TIME_S)

struct ice_agent_turn {
    struct endpoint server; /* port 0: 3478 */
    enum turn_client_transport transport;
    const char *username, *password; /* NULL: none */
};

struct ice_agent_options {
    /* Streams, components, role, trickle, lite, Ta, patience, ...: ICE_SESSION_DEFAULTS. `random`, `event` and `owner`
     * are the agent's and are overwritten; `pacer` is shared with gathering. */
    struct ice_session_options session;
    size_t stun_count, turn_count;
    struct endpoint stun[ICE_AGENT_SERVERS_MOST];       /* port 0: 3478 */
    struct ice_agent_turn turn[ICE_AGENT_SERVERS_MOST]; /* copied, with their texts */
    bool relay_only;  /* the policy that hides the own addresses: relayed candidates alone, no related addresses */
    bool no_udp;      /* no UDP candidates, and so no relays for UDP */
    bool tcp, tcp_so; /* active and passive TCP candidates, relayed ones too; simultaneous-open ones */
    bool no_ipv4, no_ipv6;
    bool loopback;    /* on loopback addresses too, against RFC 8445 section 5.1.1.1: to try things out on one host */
    int64_t gather_most;    /* gathering ends then, with what there is */
    bool restart_on_change; /* ICE_AGENT_NETWORK has been followed by a restart already: a description is due */
    unsigned transcript;    /* entries that are kept for ice_agent_transcript; 0: none */
    bool hides_ice2;        /* descriptions don't say ice2, as if by an agent of RFC 5245: its peer will update its offer */
    const char *media;      /* of m=: "application", with "udp octet-stream" behind. NULL: that */
    /* Whether to gather there; NULL: everywhere. Multicast, site-local and IPv4-compatible addresses are never
     * gathered on, link-local IPv6 only where there is no other IPv6 (RFC 8445 section 5.1.1.1). */
    bool (*use_address)(void *owner, const struct io_address *address);
};

#define ICE_AGENT_DEFAULTS                                                                                             \
    ((struct ice_agent_options){ .session = ICE_SESSION_DEFAULTS, .gather_most = ICE_AGENT_GATHER_MOST })

enum ice_agent_event {
    ICE_AGENT_CANDIDATE,    /* `candidate` of the own: to be trickled */
    ICE_AGENT_GATHERED,     /* there will be no more in this generation */
    ICE_AGENT_STATE,        /* `state`, `why`: of all checklists together */
    ICE_AGENT_SELECTED,     /* `stream` and `component` go by `path` from now on, `elapsed` after the start */
    ICE_AGENT_CONSENT_LOST, /* `stream` and `component` have no path any more, `why`: only a restart mends that */
    ICE_AGENT_NETWORK,      /* the host's addresses have changed, and this generation can't make up for it */
    ICE_AGENT_RESTARTED,    /* the peer's description was of a restart: the own is to be sent anew. The next that is told
                             * is of the new generation */
    ICE_AGENT_AGREED,       /* the pairs that the peer's last description says are selected (a=remote-candidates) are those
                             * of this side too: `state` COMPLETED; or one of them can't be: FAILED. The answer is due */
    ICE_AGENT_CLOSED,       /* after `ice_agent_close`: the servers know */
};

struct ice_agent_news {
    enum ice_agent_event event;
    struct ice_candidate candidate;
    enum ice_state state;
    enum ice_why why;
    unsigned stream, component;
    struct ice_path path;
    int64_t elapsed;
};

typedef void ice_agent_told(void *owner, struct ice_agent *agent, const struct ice_agent_news *news);

/* `io` is borrowed and outlives the agent, as does a pacer; the options are copied. It does nothing yet. */
struct ice_agent *ice_agent_new(struct io *io, const struct ice_agent_options *options, ice_agent_told *told,
                                void *owner);
void ice_agent_free(struct ice_agent *agent);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ice_agent, ice_agent_free)

/* What is wrong with options, as a sentence for people; NULL when nothing is. */
const char *ice_agent_options_fault(const struct ice_agent_options *options);

/* Begins; once in a generation. */
void ice_agent_gather(struct ice_agent *agent);
bool ice_agent_has_gathered(const struct ice_agent *agent);

/* Ends connections, tells TURN servers that their allocations are not needed any more, and does nothing else from then
 * on. */
void ice_agent_close(struct ice_agent *agent);

/* A new generation (RFC 8445 section 9), and gathering begins anew: on the sockets that there are and on new addresses.
 * To be followed by the exchange of descriptions. */
void ice_agent_restart(struct ice_agent *agent);

/* The machine, to look at. */
const struct ice_session *ice_agent_session(const struct ice_agent *agent);

/* The data of one component. `peer` of what is sent is not looked at; of what is received `peer` is where it came from
 * and `local` the base it came to. The receiver sets `events` and `owner`. `send` says IO_AGAIN while there is no path,
 * and IO_CLOSED after `ice_agent_close`. `close` only silences it. */
struct io_udp *ice_agent_component(struct ice_agent *agent, unsigned stream, unsigned component);

/* ---- signalling (RFC 8839, RFC 8840): agent_sdp.c */

/* clang-format off */
/* Why a description was not taken.  sentence */
#define ICE_AGENT_FAULTS(X) \
    X(MALFORMED,   "it is no session description") \
    X(NO_ICE,      "it lacks ICE's ufrag and password: the peer has no ICE") \
    X(STREAMS,     "it has another number of media") \
    X(MISMATCH,    "its default address is none of its candidates: something on the way has rewritten it") \
    X(CREDENTIALS, "its media have different ufrags, which this agent has no use for") \
    X(STALE,       "it is of before the restart") \
    X(OWN,         "it is this agent's own description") \
    X(CANDIDATE,   "it is no candidate") \
    X(CLOSED,      "the agent is closed")

enum ice_agent_fault {
#define X(name, sentence) ICE_AGENT_FAULT_##name,
    ICE_AGENT_FAULTS(X)
#undef X
    ICE_AGENT_FAULT_COUNT
};
/* clang-format on */

#define ICE_AGENT_ERROR (ice_agent_error_quark())
GQuark ice_agent_error_quark(void);

/* Appends the own description: an m= line for each stream, with the candidates that are known by now and, when
 * gathering has ended, a=end-of-candidates. Default destinations (c=, m=, a=rtcp) are the candidates that most likely
 * work: relayed, else server-reflexive, else host; 0.0.0.0 and port 9 while there is none. Of a stream that is Completed
 * over UDP (RFC 8839 section 4.4) it tells the selected candidates and no others, and the controlling agent's has
 * a=remote-candidates. */
void ice_agent_description(struct ice_agent *agent, GString *out);

/* Takes the peer's. Candidates that no use can be made of are passed over. In a stream that is in use, other
 * credentials are a restart of the peer's: this agent restarts too, and ICE_AGENT_RESTARTED follows. The same once more
 * brings what candidates are new in it. False, with an error of ICE_AGENT_ERROR that quotes the line, and nothing has
 * changed. After MISMATCH the own description says a=ice-mismatch, and ICE_AGENT_STATE tells that an agent that has not
 * begun to check has failed. One with a=remote-candidates, from the controlling agent,
 * may come before the pairs that it names are known here: it should be answered after ICE_AGENT_AGREED, and if that says
 * FAILED, a restart is due. */
bool ice_agent_take_description(struct ice_agent *agent, struct span text, GError **error);

/* Whether the peer waits for a description that tells what was selected (RFC 8839 section 4.4): it does not speak RFC 8445
 * (ice2), and the default destinations that were exchanged are others. An agent of RFC 8445 needs none. */
bool ice_agent_owes_offer(const struct ice_agent *agent);
/* Whether ICE_AGENT_AGREED is to come. */
bool ice_agent_is_agreeing(const struct ice_agent *agent);

/* Appends "candidate:..." with the ufrag that says of which generation it is (RFC 8838 section 4.1). */
void ice_agent_candidate_say(const struct ice_agent *agent, const struct ice_candidate *candidate, GString *out);

/* Takes one that was trickled, or "end-of-candidates", for a stream; with or without "a=". One with the ufrag of
 * another generation is passed over. It may come before the description. False, with an error, for what is no
 * candidate. */
bool ice_agent_take_candidate(struct ice_agent *agent, unsigned stream, struct span line, GError **error);

/* ---- what happened: transcript.h */

/* Appends the story so far, for people: each candidate with its origin, each pair's states over time with why it moved,
 * and why the chosen pair won. */
void ice_agent_transcript(const struct ice_agent *agent, GString *out);

/* Of the engine; the machine has its own (ice_session_counters). */
struct ice_agent_counters {
    uint64_t sent, received;   /* datagrams of data */
    uint64_t strangers;        /* data dropped: from no candidate of the peer */
    uint64_t unheard;          /* data dropped: nobody listens, or takes no more */
    uint64_t unexpected;       /* STUN dropped that was nobody's */
    uint64_t unsent;           /* what a socket, relay or connection would not send */
    uint64_t connections;      /* over TCP, of either side's making */
    uint64_t gathered, silent; /* servers' answers; servers that gave none, or a refusal */
};
const struct ice_agent_counters *ice_agent_counters(const struct ice_agent *agent);

#endif
