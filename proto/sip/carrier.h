/* Carrying SIP's messages (the transport layer, RFC 3261 section 18): a UDP socket and a TCP listener on one port,
 * connections out and in, and whole messages to and from them. transactions.h stands on it, and is what a user agent,
 * registrar or proxy talks to.
 *
 *  - A message that came is decoded and handed to `message`. A malformed request is answered with its fault's status
 *    where it can be (section 8.2, 18.3), and never when it is an ACK; what else is malformed is dropped under
 *    DROP_MALFORMED_SIP, counted by its fault and journalled. On a stream nothing can be understood after bytes that
 *    cannot begin a message, or after a message without Content-Length (section 18.3): the connection ends.
 *  - Connections are used again, in both directions (RFC 5626 section 3.1; section 18): what goes to a peer to which there
 *    is one goes over it. Requests that come over one are answered over it (struct sip_flow).
 *    One whose own address is not the host's any more has failed.
 *  - CRLFCRLF on a stream is a ping and is answered by CRLF (RFC 5626 section 3.5.1). `sip_carrier_keep` sends pings
 *    of our own: a flow without a pong within 10 s is dead. Over UDP it asks the peer by STUN instead (section 3.5.2):
 *    no answer, or another mapped address than before, is a failure of the flow.
 *  - STUN and SIP share the UDP socket (section 8): Binding requests are answered when the options say so, answers go to
 *    the transport's STUN client, which the owner may use for transactions of its own (sip_carrier_stun).
 *
 * What peers can make grow has limits: connections, the bytes of a message, the bytes that wait to be sent, and the time
 * that a connection may be silent. */
#ifndef PROTO_SIP_CARRIER_H
#define PROTO_SIP_CARRIER_H

#include <glib.h>

#include "core/base/io.h"
#include "proto/sip/flow.h"
#include "proto/stun/client.h"

#define SIP_PONG_TIME (10 * TIME_S)     /* RFC 5626 section 4.4.1 */
#define SIP_KEEP_STREAM (120 * TIME_S)  /* between pings, at most (section 4.4.1) */
#define SIP_KEEP_DATAGRAM (29 * TIME_S) /* between Binding requests, at most (section 4.4.2) */

struct sip_carrier;
typedef struct sip_carrier sip_carrier;

/* A message that came, borrowed for the call. */
struct sip_arrival {
    const struct sip_message *message;
    struct sip_flow flow; /* `local`: where it came to; `peer`: where it came from */
    uint64_t packet;      /* of a datagram in a simulated world; else 0 */
};

struct sip_carrier_events {
    void (*message)(void *owner, const struct sip_arrival *arrival);
    /* The flow is of no more use: its connection ended or was never made (`why`: IO_REFUSED, IO_TIMEOUT, IO_CLOSED, ...),
     * or an ICMP error said that nobody is there (IO_REFUSED). `connection` is 0 for UDP. */
    void (*failed)(void *owner, const struct sip_flow *flow, enum io_result why);
    /* A flow that is kept: nobody answers any more, or, over UDP, `mapped` is not what it was before. NULL: not
     * interested. */
    void (*lapsed)(void *owner, const struct sip_flow *flow, const struct endpoint *mapped);
};

struct sip_carrier_options {
    struct endpoint local; /* no address: all of the host's; port 0: any free one */
    bool udp, tcp;         /* at least one; the TCP listener has the UDP socket's port (section 18.2.1) */
    /* A socket that is open already, and shared with others; UDP is spoken on it then. Its owner hands in what comes
     * (sip_carrier_datagram, sip_carrier_icmp), and closes it after the transport. */
    struct io_udp *shared;
    bool answer_binding;  /* answers STUN's Binding requests */
    size_t message_most;  /* bytes */
    size_t backlog_most;  /* bytes that wait to be sent on a connection */
    unsigned connections; /* at a time; one more is turned away when none has been silent for `spare` */
    int64_t connect_timeout;
    int64_t idle_timeout;    /* a connection on which nothing came or went ends */
    int64_t message_timeout; /* the rest of a message that has begun must have come by then */
};

#define SIP_CARRIER_DEFAULTS                                                                                           \
    ((struct sip_carrier_options){ .local = { .port = SIP_PORT },                                                      \
                                   .udp = true,                                                                        \
                                   .tcp = true,                                                                        \
                                   .answer_binding = true,                                                             \
                                   .message_most = SIP_MESSAGE_MAX,                                                    \
                                   .backlog_most = 262144,                                                             \
                                   .connections = 1000,                                                                \
                                   .connect_timeout = 10 * TIME_S,                                                     \
                                   .idle_timeout = 15 * TIME_MIN,                                                      \
                                   .message_timeout = 30 * TIME_S })

struct sip_carrier_counters {
    uint64_t received; /* messages; = handed on + malformed */
    uint64_t sent;
    uint64_t unsent; /* that the host would not send, or for which there was no room */
    uint64_t malformed;
    uint64_t faults[SIP_FAULT_COUNT];     /* of malformed */
    uint64_t refused;                     /* of malformed: requests that got a status */
    uint64_t pings, pongs;                /* received */
    uint64_t bindings;                    /* Binding requests answered */
    uint64_t accepted, connected;         /* connections */
    uint64_t turned_away, broken, silent; /* over the limit; ended for what came on them; for what did not come */
};

/* `io` is borrowed and outlives the transport; the options are copied. NULL and `*why` when a socket can't be opened;
 * none is left open then. */
struct sip_carrier *sip_carrier_new(struct io *io, const struct sip_carrier_options *options,
                                    const struct sip_carrier_events *events, void *owner, enum io_result *why);
/* Closes all, silently. */
void sip_carrier_free(struct sip_carrier *carrier);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(sip_carrier, sip_carrier_free)

/* Sends a whole message. A flow that has no connection yet gets one: `flow` tells afterwards which, and which local end
 * was chosen. IO_OK says nothing of arriving: over a stream a failure comes as `failed`. */
enum io_result sip_carrier_send(struct sip_carrier *carrier, struct sip_flow *flow, struct span message);

/* What a Via of a message along this flow has as sent-by: the listening port at the address from which the peer is
 * reached. False without a route. */
bool sip_carrier_sent_by(struct sip_carrier *carrier, const struct sip_flow *flow, struct endpoint *sent_by);

/* Keeps the flow alive: something is sent after a random 80 to 100 % of `interval`, again and again, 0 ends it. Over
 * UDP for one flow at a time (a user agent's to its proxy). False when the flow's connection is gone. */
bool sip_carrier_keep(struct sip_carrier *carrier, const struct sip_flow *flow, int64_t interval);

/* Whether the transport speaks that protocol, and where: with the port that was chosen if it was asked for as 0. */
bool sip_carrier_speaks(const struct sip_carrier *carrier, enum sip_transport protocol);
struct endpoint sip_carrier_local(const struct sip_carrier *carrier);

/* For Binding transactions from SIP's own socket; NULL without UDP. */
struct stun_client *sip_carrier_stun(struct sip_carrier *carrier);
struct io_udp *sip_carrier_udp(struct sip_carrier *carrier);

/* What came on a shared socket; true: it was SIP's, or an answer to its STUN. */
bool sip_carrier_datagram(struct sip_carrier *carrier, const struct io_datagram *datagram);
bool sip_carrier_icmp(struct sip_carrier *carrier, const struct io_icmp *icmp);

/* Whether the flow can be sent along: UDP, or its connection stands or is being made. */
bool sip_carrier_has(const struct sip_carrier *carrier, const struct sip_flow *flow);
void sip_carrier_close(struct sip_carrier *carrier, uint32_t connection);

const struct sip_carrier_counters *sip_carrier_counters(const struct sip_carrier *carrier);
unsigned sip_carrier_connections(const struct sip_carrier *carrier);

#endif
