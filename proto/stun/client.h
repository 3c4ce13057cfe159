/* STUN client transactions (RFC 8489 sections 6.2.1, 6.2.2 and 6.3.3).
 *
 * The client opens no socket. Its owner has one or several, possibly shared with other protocols, and offers every
 * datagram and ICMP error to the input functions, which say whether it belonged to a transaction:
 *
 *     static void
 *     on_datagram(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
 *     {
 *         if (stun_client_datagram(client, udp, datagram))
 *             return;
 *         ...
 *     }
 *
 * A transaction is begun with `stun_client_binding`, or by hand: `stun_transaction_new`, attributes put into its
 * builder, `stun_transaction_start`. It ends in exactly one of two ways: its `done` is called, from a timer or an
 * input function and never inside the call that started it, or it is cancelled, silently. The transaction is the
 * client's. It lives through `done` (where cancelling it does nothing) and is gone when that returns. In `done` the
 * owner may free the client, cancel others and start new ones.
 *
 * Where the server asks for credentials, redirects, or has a fault of its own, the transaction goes on under a new
 * transaction ID, if its request allows that: with the same attributes, to the owner it is one.
 *
 * Each transaction begins with the timeout of its request: the client does not remember round trips to a server for the
 * next one, as section 6.2.1 would have it, so that what happens depends on nothing but the request.
 *
 * A socket must outlive the transactions on it: cancel them, or free the client, before closing. An owner should have
 * no more than 10 outstanding to one server (section 6.2); that is for its pacing to see to.
 *
 * Over TCP the socket is one whose datagrams are the messages on a connection (stream.h), the timer STUN_TIMER_STREAM,
 * and the owner says when the connection has ended (stun_client_lost). What a server asks for goes on over the same
 * connection, but a redirection needs another one, which is the owner's to open: with `follow` the transaction ends as
 * REJECTED, and `result->alternate` says where its owner may begin anew, with the same credentials. */
#ifndef PROTO_STUN_CLIENT_H
#define PROTO_STUN_CLIENT_H

#include "core/base/io.h"
#include "proto/stun/credentials.h"
#include "proto/stun/timer.h"

/* The largest request: what fits IPv6's least MTU, 1280, behind IP and UDP headers (section 6.1). */
#define STUN_REQUEST_BYTES 1232

struct stun_client;
struct stun_transaction;
typedef struct stun_client stun_client;

/* clang-format off */
/* How a transaction ended.  word                 sentence, after "the transaction ended: " */
#define STUN_OUTCOMES(X) \
    X(ANSWERED,         "answered",            "a success response came") \
    X(REJECTED,         "rejected",            "an error response came") \
    X(TIMEOUT,          "timeout",             "no answer came in time") \
    X(UNREACHABLE,      "unreachable",         "an ICMP error or the own host said that the server cannot be reached") \
    X(VIOLATED,         "integrity",           "answers came, but none was protected as it has to be") \
    X(SPOILT,           "fingerprint",         "answers came, but something on the way had changed them: FINGERPRINT was wrong") \
    X(LOST,             "connection-lost",     "the connection that it went over has ended") \
    X(MALFORMED,        "malformed",           "an attribute of the response is malformed or missing") \
    X(NOT_UNDERSTOOD,   "unknown-attribute",   "the response demands that an unknown attribute be understood")

enum stun_outcome {
#define X(name, word, sentence) STUN_OUTCOME_##name,
    STUN_OUTCOMES(X)
#undef X
    STUN_OUTCOME_COUNT
};
/* clang-format on */

const char *stun_outcome_word(enum stun_outcome outcome);
const char *stun_outcome_sentence(enum stun_outcome outcome);

/* Everything is borrowed for the call. */
struct stun_result {
    enum stun_outcome outcome;
    const struct stun_message *message; /* the response; NULL for TIMEOUT, VIOLATED, SPOILT, UNREACHABLE, LOST */
    const struct io_datagram *datagram; /* what it came in; NULL as above */
    struct io_udp *udp;                 /* where it came in; NULL as above */
    bool proven;                        /* of a response: integrity protects it (section 14.8: only such a one redirects) */
    struct endpoint server;             /* the one asked last, after all redirections */
    bool has_mapped, has_xor_mapped;    /* of ANSWERED: which of the two the response has */
    struct endpoint mapped, xor_mapped; /* MAPPED-ADDRESS, XOR-MAPPED-ADDRESS */
    struct stun_error error;            /* of REJECTED */
    bool has_alternate;                 /* of REJECTED over TCP, by 300: to be followed, over a new connection, */
    struct endpoint alternate;          /* to there */
    struct stun_types unknown;          /* of NOT_UNDERSTOOD */
    enum io_result io;                  /* of UNREACHABLE: IO_REFUSED (port unreachable), IO_UNREACHABLE, ...; of LOST:
                                           IO_CLOSED, IO_RESET, ... */
    struct io_icmp icmp;                /* of UNREACHABLE: the error; type 0 when the own host refused to send */
    int64_t elapsed;                    /* since the first request, nanoseconds */
    int64_t rtt;                        /* of the last try when it sent one request; -1 after a retransmission (Karn) */
    unsigned requests;                  /* sent in all */
};

typedef void stun_done(void *owner, struct stun_transaction *transaction, const struct stun_result *result);

struct stun_request {
    struct io_udp *udp;
    struct endpoint server;
    struct endpoint local;           /* of a socket on several addresses; none: by route */
    struct stun_timer_options timer; /* rto 0: STUN_TIMER_DEFAULTS */
    uint8_t protocol;                /* PROTOCOL_TCP over a stream; 0: PROTOCOL_UDP. For the journal */
    unsigned understood;             /* enum stun_set, or-ed; 0: RFC 8489's own */
    size_t capacity;                 /* bytes that the request may have; 0: STUN_REQUEST_BYTES */
    bool dont_fragment;              /* requests go out with DF set; else as the host does it */
    bool any_source;                 /* the answer may come from elsewhere (RFC 5780, ICE), see `result->datagram` */
    bool any_socket;                 /* and may come to another socket (RFC 5780 section 4.6), see `result->udp` */
    bool fingerprint;                /* the request ends in FINGERPRINT */
    bool demand_fingerprint;         /* a response without one has not come (section 7: the usage decides) */
    bool follow;                     /* goes on at an ALTERNATE-SERVER, over TCP the owner does; only with credentials
                                        (section 14.8) */
    bool persist;                    /* asks up to four times more after an error of 500 to 599 (section 6.3.4) */
    struct stun_credentials *credentials; /* borrowed; NULL: none */
    stun_done *done;
    void *owner;
};

/* `io` is borrowed and outlives the client. `software` goes into SOFTWARE of Binding requests; NULL: none. */
struct stun_client *stun_client_new(struct io *io, const char *software);
/* Cancels what is under way. */
void stun_client_free(struct stun_client *client);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(stun_client, stun_client_free)

/* Starts a Binding transaction: SOFTWARE, then credentials if there are any, then FINGERPRINT. */
struct stun_transaction *stun_client_binding(struct stun_client *client, const struct stun_request *request);

/* Draws a transaction ID. The transaction does nothing until it is started; `request` is copied. */
struct stun_transaction *stun_transaction_new(struct stun_client *client, enum stun_method method,
                                              const struct stun_request *request);
/* Holds the header already; the owner adds attributes, until the start. What proves the request, and FINGERPRINT, is
 * added then. */
struct stun_builder *stun_transaction_builder(struct stun_transaction *transaction);
/* Sends the request. A message that could not be built, or that the host will not send, ends in UNREACHABLE. */
void stun_transaction_start(struct stun_transaction *transaction);
void stun_transaction_cancel(struct stun_transaction *transaction);

/* Of the client, from 1, in the order of starting: what journal records call it. */
unsigned stun_transaction_number(const struct stun_transaction *transaction);
struct stun_id stun_transaction_id(const struct stun_transaction *transaction);

/* True when the datagram was a response to a transaction that is under way. Its transaction ID, socket and (but for
 * `any_source`) its sender must match. One that is malformed, whose FINGERPRINT is wrong, or that is not protected as
 * it has to be, is ignored: the transaction goes on as if it had not come. Of the last two the journal tells, and the
 * outcome, if nothing better comes. */
bool stun_client_datagram(struct stun_client *client, struct io_udp *udp, const struct io_datagram *datagram);

/* True when the error was about the server of a transaction on this socket. A hard error ends those transactions, in
 * calls of `done` that follow at this same instant; a soft one leaves them to their timers. */
bool stun_client_icmp(struct stun_client *client, struct io_udp *udp, const struct io_icmp *icmp);

/* The connection under this socket has ended, by `why` (IO_CLOSED: the server has closed it): all transactions on it
 * end in LOST (section 6.2.2), in calls of `done` that follow at this same instant. */
void stun_client_lost(struct stun_client *client, struct io_udp *udp, enum io_result why);

/* Whether an ICMP error says for good that there is no way: protocol or port unreachable (RFC 1122 section 4.2.3.9),
 * and administratively prohibited, which the RFC did not know yet. Unreachable networks and hosts may come back. */
bool stun_icmp_is_hard(const struct io_icmp *icmp);

/* Transactions begun and not ended. */
size_t stun_client_outstanding(const struct stun_client *client);

#endif
