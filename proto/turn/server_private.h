/* What the files of the TURN server share:
 *
 *   server.c           its life, sockets, time
 *   server_arrivals.c  what comes from clients is sorted
 *   server_requests.c  requests and their answers; Allocate in server_allocate.c, both with server_work.h
 *   server_ports.c     relayed addresses: which port, and the sockets there
 *   server_peers.c     whether a peer may be talked to, and how its address is written inside and outside of a 1:1 NAT
 *   server_relay.c     data: from clients to peers, and back
 *   server_budget.c    how much of it an allocation may have
 *   server_tcp.c       RFC 6062: connections with peers; server_pipe.c moves their bytes
 */
#ifndef PROTO_TURN_SERVER_PRIVATE_H
#define PROTO_TURN_SERVER_PRIVATE_H

#include "core/base/journal.h"
#include "proto/stun/answer.h"
#include "proto/stun/connections.h"
#include "proto/stun/secret.h"
#include "proto/turn/channel_data.h"
#include "proto/turn/kinds.h"
#include "proto/turn/request.h"
#include "proto/turn/server.h"

#define TURN_FIRST_CODE 300
#define TURN_CODES 400
/* A datagram with the longest header that is put before it. */
#define TURN_BUFFER_BYTES (65536 + 64)

/* Addresses of the host that are known as its own; no peer is at one. */
#define TURN_HOST_ADDRESSES 64

enum { TURN_FAMILIES = 2 }; /* relays of a place: IPv4, IPv6 */

/* Where clients come to. */
struct turn_place {
    struct turn_server *server;
    struct io_udp *udp;
    struct turn_relay_address relay[TURN_FAMILIES];
};

struct turn_server {
    struct io *io;
    struct turn_server_options options; /* its pointers are the server's own, or not to be used any more */
    struct prefix *allow, *deny;
    char *software;
    struct stun_users *own_users; /* an empty table where the owner gave none */
    struct stun_secret *secret;
    struct stun_auth *auth;
    struct stun_rules binding;
    size_t listens;
    struct turn_place places[TURN_SERVER_MAX_LISTEN];
    struct stun_connections *connections; /* NULL: not over TCP */
    struct turn_allocations *table;
    GHashTable *pipes; /* connections of RFC 6062 by their IDs */
    struct io_watch watch;
    struct io_address addresses[TURN_HOST_ADDRESSES]; /* the host's: asking it may cost system calls */
    size_t address_count;
    struct io_timer timer;
    int64_t armed; /* for when; TIME_NEVER: not at all */
    bool mapped; /* some relay address has another one outside */
    bool draining;
    struct endpoint alternate; /* none, or where clients are sent */
    struct turn_server_counters counters;
    uint64_t drops[DROP_REASON_COUNT], refusals[TURN_CODES];
    uint8_t buffer[TURN_BUFFER_BYTES]; /* what is being sent on */
};

/* How something of a client came. */
struct turn_arrival {
    struct turn_server *server;
    const struct turn_place *place;
    struct io_udp *via; /* the socket or the connection */
    const struct io_datagram *datagram;
    struct turn_tuple tuple;
    int64_t now;
};

/* --- server.c */

/* An allocation ends: its sockets and connections are closed, and it is forgotten. */
void turn_server_end(struct turn_server *server, struct turn_allocation *allocation, enum turn_why why);

/* Takes away what has run out, and sets the timer for what runs out next. */
void turn_server_sweep(struct turn_server *server, int64_t now);
void turn_server_arm(struct turn_server *server);

/* Counts and journals what ends here; `before` as it came, `allocation` may be NULL. */
void turn_server_drop(struct turn_server *server, const struct flow *before, uint64_t packet,
                      const struct turn_allocation *allocation, enum drop_reason reason);
struct flow turn_flow_of_client(const struct turn_tuple *tuple);
static inline bool
turn_server_listening(struct turn_server *server)
{
    return server->io->ops->listening(server->io);
}
/* The same for what happens to datagrams. */
static inline bool
turn_server_tells_data(struct turn_server *server)
{
    return !server->options.data_untold && turn_server_listening(server);
}
static inline unsigned
turn_last_channel(const struct turn_server *server)
{
    return server->options.old_channels ? TURN_CHANNEL_OLD_LAST : TURN_CHANNEL_LAST;
}
/* A record of `kind` about an allocation, with its client's flow; to be filled and noted where somebody listens. */
struct record turn_record_of(const struct record_kind *kind, const struct turn_allocation *allocation);

/* A message on an allocation's leg to its client; DSCP, ECN and DF as in `marks`, which may be NULL. `told` is noted if it
 * goes; NULL: nothing. */
enum io_result turn_send_to_client(const struct turn_allocation *allocation, struct span message,
                                   const struct io_datagram *marks, struct record *told);

/* --- server_arrivals.c */

/* Of the sockets that clients come to, whose owner is the place. */
extern const struct io_udp_events turn_place_events;
/* Lets clients come over TCP, at the places that there are. */
bool turn_open_streams(struct turn_server *server, enum io_result *why);

/* --- server_requests.c */

/* A well-formed request of one of the methods of TURN. */
void turn_serve_request(const struct turn_arrival *arrival, const struct stun_message *message);
/* SOFTWARE, integrity, FINGERPRINT. */
struct span turn_complete(struct turn_server *server, struct stun_builder *builder, const struct stun_seal *seal,
                          bool fingerprint);
void turn_count_refusal(struct turn_server *server, const struct turn_tuple *tuple, uint64_t packet, uint16_t method,
                        unsigned code);

/* --- server_ports.c */

struct turn_opened {
    struct endpoint relayed; /* as clients are told */
    void *socket;            /* struct io_udp or, of a TCP allocation, struct io_tcp; NULL: none */
};

/* A port of `family` at `place`, random (RFC 6056). With `even` an even one; where `next` is given, the one after it too.
 * False when there is none. */
bool turn_open_relay(struct turn_server *server, const struct turn_place *place, enum family family, uint8_t protocol,
                     bool even, struct turn_opened *opened, struct turn_opened *next);
/* Who hears of it: a relay, or nobody yet. */
void turn_relay_attach(uint8_t protocol, void *socket, struct turn_relay *relay);
void turn_relay_close(uint8_t protocol, void *socket);

/* --- server_peers.c */

/* Whether a permission for this address may be had. */
bool turn_may_permit(const struct turn_server *server, struct address peer);
/* Whether a channel or a connection to this peer may be had. */
bool turn_may_reach(const struct turn_server *server, struct endpoint peer, uint8_t protocol, int64_t now);
/* Whether a datagram to a peer with a permission or a channel may go: the short form of the above. */
bool turn_may_send(const struct turn_server *server, struct endpoint peer, int64_t now);
/* A peer's address to send to, and one that was received from, through our own 1:1 NAT. */
struct endpoint turn_inward(const struct turn_server *server, struct endpoint peer);
struct endpoint turn_outward(const struct turn_server *server, struct endpoint source);

/* --- server_relay.c */

/* A Send indication; ChannelData. */
void turn_relay_send(const struct turn_arrival *arrival, const struct stun_message *message);
void turn_relay_channel_data(const struct turn_arrival *arrival);
/* Of the sockets at relayed addresses, whose owner is the relay. */
extern const struct io_udp_events turn_relay_events;

/* --- server_budget.c */

/* Takes a datagram's bytes off what the allocation may relay now; false when that is less. */
bool turn_budget_spend(struct turn_allocation *allocation, size_t bytes, int64_t now);
/* How many bytes of a stream, `most` at most, may be read now; 0: none before `*when`. */
size_t turn_budget_allows(struct turn_allocation *allocation, size_t most, int64_t now, int64_t *when);
/* Takes off what a stream has brought, though it be more than there is. */
void turn_budget_take(struct turn_allocation *allocation, size_t bytes, int64_t now);

/* --- server_tcp.c */

/* What is to be answered to a Connect: 0 when an answer will follow. */
unsigned turn_connect(const struct turn_arrival *arrival, struct turn_allocation *allocation,
                      const struct stun_message *message, const struct stun_proof *proof);

/* A waiting connection; NULL when there is none of this ID. */
struct turn_pipe;
struct turn_pipe *turn_pipe_find(const struct turn_server *server, uint32_t id);
struct turn_allocation *turn_pipe_allocation(const struct turn_pipe *pipe);
/* The client's connection becomes the other end of it; its answer has been sent. */
void turn_pipe_join(struct turn_pipe *pipe, const struct turn_arrival *arrival);
/* All of an allocation's. */
void turn_pipes_close(struct turn_allocation *allocation);
/* Hears of connections of peers; the owner is the relay. */
void turn_relay_accept(void *owner, struct io_tcp *listener, enum io_ready ready, enum io_result result);

#endif
