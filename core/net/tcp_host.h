/* What the parts of a host's TCP share: for tcp_socket.c, tcp_host.c and tcp_demux.c only. */
#ifndef CORE_NET_TCP_HOST_H
#define CORE_NET_TCP_HOST_H

#include "core/base/hash.h"
#include "core/net/stack_private.h"
#include "core/net/tcp_socket.h"

struct tcp_listener;

/* A local endpoint that sockets use: one for each endpoint, whoever uses it. `owned` counts sockets that somebody
 * holds, `lingering` connections whose owner has gone. */
struct tcp_binding {
    struct endpoint local; /* no address: all of the host's */
    struct tcp_listener *listener;
    uint32_t owned, lingering;
    uint32_t place;
    bool share;
};

/* What a listener and a connection have in common. */
struct tcp_socket {
    struct io_tcp io; /* first: an io_tcp is its socket */
    struct tcp_host *host;
    struct tcp_binding *binding;
    struct endpoint local;
};

struct tcp_connection {
    struct tcp_socket socket; /* first */
    struct tcp_machine machine;
    struct endpoint peer;
    struct event timer, tell; /* a deadline of the machine's; news that came before there was an owner */
    uint32_t place;           /* among the host's connections, from 1 */
    bool indexed;             /* segments find it: as long as it is not closed */
    bool busy;                /* counted in world->busy */
    bool *gone;               /* while its owner is told: set when he closes it */
    struct tcp_listener *listener; /* until it is accepted: it is on one of its lists, */
    bool queued;              /* that of those who are ready */
    struct tcp_connection *next, *previous; /* on the listener's list */
    uint8_t change_count;
    uint8_t changes[4];       /* states left since they were last journalled */
};

struct tcp_queue {
    struct tcp_connection *first, *last;
    uint32_t count;
};

struct tcp_listener {
    struct tcp_socket socket; /* first */
    struct tcp_queue half_open, ready;
};

/* Objects by number, from 1; numbers are used again. */
struct tcp_places {
    GPtrArray *objects;
    GArray *spare; /* guint */
};

struct tcp_host {
    struct stack *stack;
    const struct tcp_settings *settings;
    uint64_t secret; /* of initial sequence numbers (RFC 6528) */
    struct tcp_places connections, bindings;
    struct hash_index pairs, ports; /* both endpoints -> connection; local port -> binding */
};

/* tcp_demux.c: who has which endpoints */

void tcp_places_init(struct tcp_places *places);
void tcp_places_clear(struct tcp_places *places);
uint32_t tcp_places_add(struct tcp_places *places, void *object);
void tcp_places_remove(struct tcp_places *places, uint32_t place);

struct tcp_connection *tcp_find(const struct tcp_host *host, struct endpoint local, struct endpoint peer);
void tcp_index(struct tcp_connection *connection);
void tcp_unindex(struct tcp_connection *connection);

/* The listener for a segment to `local`: one of that address goes before one of any. */
struct tcp_listener *tcp_find_listener(const struct tcp_host *host, struct endpoint local);

/* Takes `local`, whose port may be 0 for a free one, for one more owner; NULL and IO_IN_USE or IO_FULL. */
struct tcp_binding *tcp_bind(struct tcp_host *host, struct endpoint local, bool share, bool listens,
                             enum io_result *why);
/* One owner more, one that becomes a lingerer, one less of either kind. */
void tcp_binding_join(struct tcp_binding *binding);
void tcp_binding_orphan(struct tcp_binding *binding);
void tcp_binding_leave(struct tcp_host *host, struct tcp_binding *binding, bool owned);

/* tcp_host.c: the way of segments and time */

static inline struct node *
tcp_node(const struct tcp_host *host)
{
    return host->stack->node;
}

static inline int64_t
tcp_now(const struct tcp_host *host)
{
    return host->stack->node->world->now;
}

/* A connection with a place and a binding that has been joined for it; its machine is not born yet. */
struct tcp_connection *tcp_connection_new(struct tcp_host *host, struct tcp_binding *binding, struct endpoint local,
                                          struct endpoint peer);
/* Silent. */
void tcp_connection_free(struct tcp_connection *connection);

/* What a connection between these endpoints is born with, its MSS for the way out `hop`. */
struct tcp_birth tcp_birth_of(const struct tcp_host *host, struct endpoint local, struct endpoint peer,
                              const struct hop *hop);

/* After anything has happened to the machine: journals changes of its state, sends what it wants to send, sets its
 * timer. False: it was the end of a connection without an owner, and the connection is freed. Calls nobody back. */
bool tcp_settle(struct tcp_connection *connection);

/* Its news reach the owner at the next turn. */
void tcp_tell_later(struct tcp_connection *connection);

static inline void
tcp_queue_push(struct tcp_queue *queue, struct tcp_connection *connection)
{
    connection->next = NULL;
    connection->previous = queue->last;
    if (queue->last)
        queue->last->next = connection;
    else
        queue->first = connection;
    queue->last = connection;
    queue->count++;
}

static inline void
tcp_queue_remove(struct tcp_queue *queue, struct tcp_connection *connection)
{
    if (connection->previous)
        connection->previous->next = connection->next;
    else
        queue->first = connection->next;
    if (connection->next)
        connection->next->previous = connection->previous;
    else
        queue->last = connection->previous;
    connection->next = connection->previous = NULL;
    queue->count--;
}

#endif
