/* The mailboxes of a signalling server (proto/http/signal.h): a machine that knows of no connection. Times go in, and
 * what happened comes out. The desk owns its peers and their messages. */
#ifndef PROTO_HTTP_SIGNAL_DESK_H
#define PROTO_HTTP_SIGNAL_DESK_H

#include <glib.h>

#include "proto/http/signal.h"

struct signal_desk;
typedef struct signal_desk signal_desk;

struct signal_limits {
    unsigned peers;    /* that are remembered at one time */
    unsigned messages; /* that wait for one peer */
    size_t bytes;      /* of all messages that wait, texts, names and types */
    int64_t expiry;    /* how long a peer is remembered that nobody asks for or writes to */
};

#define SIGNAL_LIMITS_DEFAULT                                                                                          \
    ((struct signal_limits){ .peers = 1024, .messages = 64, .bytes = (size_t)64 << 20, .expiry = 5 * TIME_MIN })

/* How many senders (each session is one) a peer remembers the last numbers of; the one silent longest is forgotten
 * first. */
#define SIGNAL_SENDERS 64

struct signal_message {
    struct signal_message *next;
    uint64_t number;
    struct span text;
    char from[SIGNAL_NAME_MAX + 1], type[SIGNAL_TYPE_MAX + 1];
    uint8_t bytes[];
};

struct signal_peer {
    char name[SIGNAL_NAME_MAX + 1];
    uint64_t session; /* of its mailbox */
    void *reader;     /* the owner's: who waits for its next message. While it is set the peer is not forgotten */
    /* The rest is the desk's. */
    GList place;
    int64_t touched;
    uint64_t last, handed, acknowledged; /* message numbers: given, shown to a reader, said to have come */
    struct signal_message *first, *end;
    unsigned waiting;
    GArray *senders;
};

struct signal_desk *signal_desk_new(const struct signal_limits *limits);
void signal_desk_free(struct signal_desk *desk);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(signal_desk, signal_desk_free)

struct signal_peer *signal_desk_find(struct signal_desk *desk, struct span name);
/* A new peer, whose mailbox has that session, drawn at random. NULL when there are too many. */
struct signal_peer *signal_desk_add(struct signal_desk *desk, struct span name, uint64_t session, int64_t now);
/* It is there, now. */
void signal_desk_touch(struct signal_desk *desk, struct signal_peer *peer, int64_t now);

/* A message for `peer`; `repeated` when it was there before. */
enum signal_reason signal_desk_put(struct signal_desk *desk, struct signal_peer *peer,
                                   const struct signal_request *request, struct span text, bool *repeated);

/* What a GET gets: drops what `request` acknowledges and gives the oldest message that is left, or NULL. It is good
 * until the desk's next call. */
enum signal_reason signal_desk_next(struct signal_desk *desk, struct signal_peer *peer,
                                    const struct signal_request *request, const struct signal_message **message);
/* The same without a request: for a reader that has waited. */
const struct signal_message *signal_desk_first(struct signal_peer *peer);

/* Forgets who has been silent for too long; how many. `*next`: when to ask again, TIME_NEVER for an empty desk. */
unsigned signal_desk_expire(struct signal_desk *desk, int64_t now, int64_t *next);

size_t signal_desk_bytes(const struct signal_desk *desk);
unsigned signal_desk_peers(const struct signal_desk *desk);

#endif
