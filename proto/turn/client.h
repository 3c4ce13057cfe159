/* A TURN client: one allocation at one server, and the relay that it gives (RFC 8656; RFC 6062 for TCP to peers).
 *
 *     client = turn_client_new(io, &options, &events, owner);
 *     ... `told` hears TURN_CLIENT_ALLOCATED: peers may now send to news->relayed, if they are permitted
 *     turn_client_permit(client, peer.address, on_permitted, owner);
 *     relay = turn_client_relay(client);            a socket like any other
 *     relay->ops->send(relay, &datagram);           the server sends it on, from news->relayed
 *     turn_client_release(client);                  the server is asked to end it; `told` hears TURN_CLIENT_RELEASED
 *     turn_client_free(client);                     silent
 *
 * The way to the server is a UDP socket of its own, or one that it shares with its owner, or a TCP connection. The
 * owner of a shared socket offers what arrives there to `turn_client_datagram` and `turn_client_icmp`, which say
 * whether it was the client's: so an ICE agent relays over the socket of its host candidate.
 *
 * What the server has granted is kept alive until the client is freed, by idle timers: the allocation is refreshed 60
 * s before it ends (half of its lifetime before, if that is shorter), a permission, which lives 300 s, after 240 s,
 * and a channel, which lives 600 s, after 540 s. A refresh that fails for a reason that may pass is tried again 5 s
 * later, as long as there is something to refresh. Busy timers, which keep a simulated run going, there are only
 * while the server owes an answer. A nonce that has expired is no matter in any request (section 5, RFC 8489 section
 * 9.2.4).
 *
 * A call answers at once or through one later callback, and no callback runs inside a call. Callbacks come last: in
 * one the owner may free the client, or begin something else.
 *
 * One relayed address: who wants both families (ADDITIONAL-ADDRESS-FAMILY) has two clients. Left out: mobility (RFC
 * 8016), and TLS and DTLS to the server. */
#ifndef PROTO_TURN_CLIENT_H
#define PROTO_TURN_CLIENT_H

#include "core/base/io.h"
#include "proto/stun/client.h"

struct turn_client;
typedef struct turn_client turn_client;

/* clang-format off */
/* Why there is no allocation, permission, channel or connection.   word         sentence */
#define TURN_CLIENT_FAILURES(X) \
    X(NONE,        "none",            "there is one") \
    X(SOCKET,      "socket",          "the own host would not open a socket for it") \
    X(TIMEOUT,     "timeout",         "the server did not answer in time") \
    X(UNREACHABLE, "unreachable",     "the server cannot be reached") \
    X(CONNECTION,  "connection-lost", "the connection to the server has ended") \
    X(INTEGRITY,   "integrity",       "answers came, but none was protected as it has to be") \
    X(REJECTED,    "rejected",        "the server refused") \
    X(MALFORMED,   "malformed",       "the server's answer makes no sense") \
    X(GONE,        "gone",            "the server does not know the allocation any more") \
    X(EXPIRED,     "expired",         "it could not be refreshed in time") \
    X(OUT_OF_STEP, "out-of-step",     "the server has other channels than the client believes") \
    X(RELEASED,    "released",        "the allocation has been released")

enum turn_client_why {
#define X(name, word, sentence) TURN_CLIENT_WHY_##name,
    TURN_CLIENT_FAILURES(X)
#undef X
    TURN_CLIENT_WHY_COUNT
};
/* clang-format on */

const char *turn_client_why_word(enum turn_client_why why);
const char *turn_client_why_sentence(enum turn_client_why why);

struct turn_client_failure {
    enum turn_client_why why;
    unsigned code;     /* of REJECTED: 486, ... */
    enum io_result io; /* of SOCKET, UNREACHABLE and CONNECTION */
    int64_t again_at;  /* before this time the server should not be asked for an allocation again (section 7.4); or 0 */
};

enum turn_client_event {
    TURN_CLIENT_ALLOCATED, /* there is a relayed address: the first, or, with `persist`, another one */
    TURN_CLIENT_FAILED,    /* there will be none: nothing is tried any more */
    TURN_CLIENT_LOST, /* there is none any more. With `persist` another one is asked for, else nothing more is done */
    TURN_CLIENT_RELEASED,  /* after `turn_client_release`; `failure` when the server has not confirmed it */
    TURN_CLIENT_PEER_LOST, /* a permission or channel that was granted could not be kept: `peer` (port 0: permission) */
    TURN_CLIENT_ATTEMPT,   /* RFC 6062: `peer` has connected to the relayed address; see `turn_client_accept` */
};

struct turn_client_news {
    enum turn_client_event event;
    struct endpoint server;  /* the one that relays, after all redirections */
    uint8_t protocol;        /* by which it is reached: PROTOCOL_UDP or PROTOCOL_TCP */
    struct endpoint relayed; /* of ALLOCATED: XOR-RELAYED-ADDRESS */
    struct endpoint mapped;  /* of ALLOCATED: XOR-MAPPED-ADDRESS, the client as the server sees it */
    uint32_t lifetime;       /* of ALLOCATED, seconds */
    bool even_port;          /* of ALLOCATED: it was granted with EVEN-PORT or the token that was asked for */
    bool dont_fragment;      /* of ALLOCATED: datagrams can be sent with DF set */
    bool has_token;          /* of ALLOCATED: the next higher port is reserved under `token` */
    uint64_t token;          /* RESERVATION-TOKEN, for another client within 30 s */
    struct endpoint peer;    /* of PEER_LOST and ATTEMPT */
    uint32_t connection;     /* of ATTEMPT: CONNECTION-ID */
    struct turn_client_failure failure;
};

struct turn_client_events {
    void (*told)(void *owner, struct turn_client *client, const struct turn_client_news *news);
    /* The relay's, to begin with: like any socket's they may be changed later, with `owner`, in struct io_udp. */
    struct io_udp_events relay;
};

enum turn_client_transport {
    TURN_CLIENT_UDP,
    TURN_CLIENT_TCP,
    /* UDP; and TCP when that is unreachable or gets no answer, for 7.5 s unless `timer` says otherwise. */
    TURN_CLIENT_UDP_THEN_TCP,
};

enum turn_client_port {
    TURN_CLIENT_ANY_PORT,
    TURN_CLIENT_EVEN_PORT,      /* EVEN-PORT */
    TURN_CLIENT_EVEN_PORT_PAIR, /* and the next higher port reserved */
};

#define TURN_CLIENT_KEEPALIVE (15 * TIME_S) /* as Tr of RFC 8445 section 11 */

/* Copied, with its texts. All zero but for `server` it is a simple client of an open server. */
struct turn_client_options {
    struct endpoint server; /* port 0: 3478 */
    enum turn_client_transport transport;
    struct io_udp *udp; /* shared, borrowed, and open as long as the client; NULL: one of its own, when it needs one */
    struct endpoint local;           /* where an own socket is bound, and the source on a shared one; none: by route */
    const char *username, *password; /* long-term credentials; NULL: none */
    const char *software;            /* SOFTWARE of Allocate requests; NULL: none */
    enum family family;              /* of the relayed address; FAMILY_NONE: not asked for, which means IPv4 */
    uint8_t protocol; /* to peers: 0 or PROTOCOL_UDP; PROTOCOL_TCP (RFC 6062), with TURN_CLIENT_TCP only */
    enum turn_client_port port;
    bool has_token; /* asks for the port that was reserved under `token`, and then for no family or even port */
    uint64_t token;
    bool dont_fragment; /* asks whether the server can set DF; where it can't, the allocation is made without */
    /* 508 to EVEN-PORT or a token ends in failure; else the client asks for any port, at once (section 7.4). */
    bool insist;
    uint32_t lifetime; /* seconds to ask for; 0: the server's default, 600 */
    bool auto_permit;      /* sending to a peer without permission asks for one */
    bool send_unpermitted; /* it is sent all the same, for the server to drop: for laboratories */
    /* Goes on after a loss, and after a failure that may pass, as soon as section 7.4 lets it: after a minute, two when
     * three ports were taken (437). Permissions and channels are asked for again then. */
    bool persist;
    /* Over UDP, when nothing has gone to the server for so long, a Binding indication goes: a NAT on the way may forget in
     * less time than what is refreshed lasts. 0: none, for who keeps his socket's mapping alive himself. */
    int64_t keepalive;
    struct stun_timer_options timer; /* of requests over UDP; rto 0: STUN_TIMER_DEFAULTS */
};

/* Begins at once. `io` and `events` are borrowed and outlive the client. A failure that is known at once is told in the
 * next turn. Options that contradict each other (RFC 8656 section 7.1, RFC 6062 section 4.1) are a mistake of the
 * caller's: see `turn_client_options_fault`. */
struct turn_client *turn_client_new(struct io *io, const struct turn_client_options *options,
                                    const struct turn_client_events *events, void *owner);
/* Says nothing to anybody. The server keeps the allocation until it expires. */
void turn_client_free(struct turn_client *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(turn_client, turn_client_free)

/* What is wrong with options, as a sentence for people; NULL when nothing is. */
const char *turn_client_options_fault(const struct turn_client_options *options);

/* Asks the server to end the allocation (Refresh with lifetime 0, section 8); nothing is kept alive any more. Before
 * TURN_CLIENT_RELEASED those are told who wait for a permission, a channel or a connection. */
void turn_client_release(struct turn_client *client);

/* The relay: a socket at the relayed address. It is there as long as the client is; its `local` is none while there
 * is no allocation.
 *
 * `send` goes by ChannelData where a channel is bound to the peer, else by a Send indication; with `dont_fragment`
 * set always by an indication, since ChannelData cannot say so. DSCP and ECN are given to the packet to the server,
 * which may copy them (section 14); a TTL does not cross a relay. It answers
 *   IO_OK           also when the datagram is kept because its permission is being asked for: it follows the grant, or
 *                   ends with the refusal. Up to TURN_CLIENT_HELD are kept for an address.
 *   IO_AGAIN        there is no allocation yet
 *   IO_CLOSED       there is none any more, or the relay is closed
 *   IO_FULL         more would have to be kept
 *   IO_NO_ROUTE     the peer has no permission, and `auto_permit` is off: the server would drop it (section 9); or it
 *                   is of the other family (443)
 *   IO_UNSUPPORTED  DF is asked for, and the server was not asked, or can't; or the allocation is for TCP
 *   IO_TOO_BIG, ..  what the socket to the server says
 * What peers send comes with the peer's address. ICMP errors that the server relays (section 11.5) come with the
 * peer's address, and without that of the router. `close` is turn_client_release, and silences the relay's events. */
struct io_udp *turn_client_relay(struct turn_client *client);

#define TURN_CLIENT_HELD 4

/* `failure` NULL: it is granted. */
typedef void turn_client_done(void *owner, struct turn_client *client, struct endpoint peer,
                              const struct turn_client_failure *failure);

/* Admits what an address sends, and has it kept admitted. A permission is for an address, whatever the ports (section
 * 9).
 *   IO_OK           it is so already, and `done` is not called
 *   IO_AGAIN        `done` will be called, with port 0. Before the allocation stands, that waits for it
 *   IO_NO_ROUTE     the address is of the other family than the relayed one
 *   IO_CLOSED       there is no allocation any more
 * `done` may be NULL. */
enum io_result turn_client_permit(struct turn_client *client, struct address peer, turn_client_done *done, void *owner);

/* Binds a channel to an endpoint, and so permits its address. Answers as above, and IO_FULL when all 4096 numbers are
 * bound, or were so less than 300 s ago (section 12). What comes on the channel is taken from now on (section 12.2). */
enum io_result turn_client_channel(struct turn_client *client, struct endpoint peer, turn_client_done *done,
                                   void *owner);

/* Keeps permission and channels of an address alive no longer: they run out. */
void turn_client_forget(struct turn_client *client, struct address peer);

/* TCP to peers (RFC 6062). `tcp` is a connection to the peer, and the receiver's: it sets `ready` and `owner` of struct
 * io_tcp, and reads at once, because bytes may have come already. NULL with a `failure`: REJECTED with 446 for a peer
 * that has a connection, 447 for one that could not be reached; CONNECTION when the data connection failed. */
typedef void turn_client_connected(void *owner, struct turn_client *client, struct endpoint peer, struct io_tcp *tcp,
                                   const struct turn_client_failure *failure);

/* Has the server connect to a peer. IO_AGAIN: `done` will be called; IO_CLOSED, IO_NO_ROUTE as above; IO_UNSUPPORTED:
 * the allocation is for UDP. Unlike permissions it does not wait for an allocation: IO_FULL before there is one. */
enum io_result turn_client_connect(struct turn_client *client, struct endpoint peer, turn_client_connected *done,
                                   void *owner);
/* Takes the connection of a TURN_CLIENT_ATTEMPT, within the 30 s that the server waits. Answers as above. Who refuses
 * one does nothing. */
enum io_result turn_client_accept(struct turn_client *client, struct endpoint peer, uint32_t connection,
                                  turn_client_connected *done, void *owner);

/* For a shared socket. True when the datagram was the client's: an answer to it, or ChannelData or an indication of
 * TURN from its server. */
bool turn_client_datagram(struct turn_client *client, struct io_udp *udp, const struct io_datagram *datagram);
/* True when the error was about the server. */
bool turn_client_icmp(struct turn_client *client, struct io_udp *udp, const struct io_icmp *icmp);

/* Datagrams and their bytes of data, to and from peers, by the way they went. */
struct turn_client_counters {
    uint64_t sent_channel, sent_indication, sent_bytes;
    uint64_t received_channel, received_indication, received_bytes;
    uint64_t received_icmp;
    uint64_t keepalives;  /* Binding indications to the server */
    uint64_t held;        /* sent datagrams that waited for a permission */
    uint64_t unsent;      /* of those: dropped, because it was refused or the allocation ended */
    uint64_t malformed;   /* from the server: no well-formed indication or ChannelData */
    uint64_t unexpected;  /* from the server: well-formed, and answers nothing. On a shared socket they are not ours */
    uint64_t unpermitted; /* from a peer without permission (section 11.4) */
    uint64_t unbound;     /* on a channel that is not bound (section 12.6) */
    uint64_t full;        /* dropped because the relay's owner took no more */
};

const struct turn_client_counters *turn_client_counters(const struct turn_client *client);

#endif
