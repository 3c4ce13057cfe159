/* The transactions of an element of SIP (RFC 3261 section 17), over a carrier of its own: what a user agent, a
 * registrar or a proxy (the *user* here, the RFC's TU) talks to.
 *
 *     table = sip_transactions_new(io, &options, &events, owner, &why);
 *
 * A *client* transaction sends a request and hears its responses:
 *
 *     struct sip_ask ask = { .request = text without a Via of ours, .to = flow, .events = &mine, .owner = me };
 *     client = sip_client_new(table, &ask);             `mine.response`, once or more; `mine.ended`, once
 *
 * A *server* transaction is made for each request that no transaction has seen; the user answers it, now or later:
 *
 *     events.request(owner, server, arrival)            sip_server_respond(server, 180, text); ... 200 ...
 *
 * so that a proxy holds, for one server, as many clients as it has branches. What goes past the machines goes to the
 * user as well: the ACK of a 2xx (events.ack), a response that no client has, such as a late 2xx (events.response).
 *
 * A transaction is the table's. It lives until its `ended` returns, or until the user lets go of it (`_forget`): then it
 * goes on by itself, so that retransmissions are still taken, and says nothing any more. No callback comes from inside
 * `sip_client_new`, `sip_server_respond` or any other call here: what fails at once is told by a timer of this instant.
 * In a callback the user may do anything, and free the table too.
 *
 * What the table does by itself:
 *  - retransmissions and timers; a 100 to an INVITE after 200 ms, to others after 3.5 s (RFC 4320 section 4.1); the ACK
 *    to a final response that is no 2xx;
 *  - the topmost Via of a request: its transport, sent-by, `rport` (RFC 3581) and a new branch; over streams as well;
 *  - a request of more than 1300 bytes goes over TCP instead of UDP (section 18.1.1), if the carrier has TCP and the
 *    flow has no `local` port (one that has is to be used as it is: RFC 5626); when there is no connection to be had,
 *    it goes over UDP after all;
 *  - a CANCEL to an INVITE that is there is handed to events.cancel together with it; to one that is not there it is
 *    answered with 481;
 *  - a request that has come by another way before (section 8.2.2.2) is answered with 482, if the options say so;
 *  - over the limit of transactions, a request is answered with 503, without one.
 *
 * Matching is by branch (sections 17.1.3, 17.2.3); a request without the magic cookie is matched as RFC 2543 has it. */
#ifndef PROTO_SIP_TRANSACTIONS_H
#define PROTO_SIP_TRANSACTIONS_H

#include "proto/sip/carrier.h"
#include "proto/sip/transaction.h"

#define SIP_BRANCH_BYTES 48 /* room for one of ours, with its NUL */

struct sip_transactions;
struct sip_client;
struct sip_server;
typedef struct sip_transactions sip_transactions;

/* clang-format off */
/* How a transaction ended.  word            sentence, after "it ended: " */
#define SIP_OUTCOMES(X) \
    X(DONE,             "done",         "the final response has gone or come") \
    X(TIMEOUT,          "timeout",      "nobody answered in time") \
    X(UNREACHABLE,      "unreachable",  "it could not be sent, or nobody is there")

enum sip_outcome {
#define X(name, word, sentence) SIP_OUTCOME_##name,
    SIP_OUTCOMES(X)
#undef X
    SIP_OUTCOME_COUNT
};
/* clang-format on */
const char *sip_outcome_word(enum sip_outcome outcome);
const char *sip_outcome_sentence(enum sip_outcome outcome);

struct sip_transactions_events {
    /* A request of a new transaction; never ACK or CANCEL. */
    void (*request)(void *owner, struct sip_server *server, const struct sip_arrival *arrival);
    /* A CANCEL, of a transaction of its own, which the user answers (200, section 9.2); and the INVITE server
     * transaction that it is about, whatever its state, which may have been forgotten. */
    void (*cancel)(void *owner, struct sip_server *cancel, struct sip_server *invite,
                   const struct sip_arrival *arrival);
    /* An ACK that belongs to no transaction: that of a 2xx (section 13.3.1.4), or a stray one. */
    void (*ack)(void *owner, const struct sip_arrival *arrival);
    /* A response that belongs to no transaction (section 16.7, item 1). */
    void (*response)(void *owner, const struct sip_arrival *arrival);
    /* As in sip_carrier_events; the transactions of that flow have been told before. NULL: not interested. */
    void (*failed)(void *owner, const struct sip_flow *flow, enum io_result why);
    void (*lapsed)(void *owner, const struct sip_flow *flow, const struct endpoint *mapped);
};

struct sip_transactions_options {
    struct sip_carrier_options carrier;
    struct sip_timers timers;
    bool refuse_merged;        /* 482: a user agent's duty, a proxy forwards them */
    bool no_rport;             /* requests have no `rport` in their Via */
    unsigned clients, servers; /* at a time, those that are done and take retransmissions included */
    const char *agent; /* Server, in the responses that are made here; copied, fewer than 64 bytes; NULL: none */
};
#define SIP_TRANSACTIONS_DEFAULTS                                                                                      \
    ((struct sip_transactions_options){                                                                                \
        .carrier = SIP_CARRIER_DEFAULTS, .timers = SIP_TIMERS_DEFAULTS, .clients = 20000, .servers = 20000 })

struct sip_transactions_counters {
    uint64_t requests_sent, responses_sent; /* without retransmissions */
    uint64_t requests, responses;           /* that came and were new */
    uint64_t again_sent, again;             /* retransmissions sent, and received */
    uint64_t timeouts, unreachable;
    uint64_t acks_again; /* ACKs of a 2xx that came again */
    uint64_t stray;      /* ACKs and responses without a transaction */
    uint64_t merged, over_limit;
    uint64_t fallbacks; /* requests too long for UDP that went over it all the same */
};

struct sip_transactions *sip_transactions_new(struct io *io, const struct sip_transactions_options *options,
                                              const struct sip_transactions_events *events, void *owner,
                                              enum io_result *why);
/* Silent: nobody is told, nothing is sent. */
void sip_transactions_free(struct sip_transactions *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(sip_transactions, sip_transactions_free)

struct sip_carrier *sip_transactions_carrier(struct sip_transactions *table);
const struct sip_transactions_counters *sip_transactions_counters(const struct sip_transactions *table);
/* Clients and servers that there are, ended ones that still take retransmissions included. */
unsigned sip_transactions_count(const struct sip_transactions *table);

/* ---- clients */

struct sip_client_events {
    /* Each provisional response (a retransmitted one too), and the final one. Of an INVITE: every 2xx, retransmitted and
     * from other branches of a fork, but for those that are acknowledged already (sip_client_acknowledge). */
    void (*response)(void *owner, struct sip_client *client, const struct sip_arrival *arrival);
    /* DONE: some time after the final response; nothing has to be done any more. */
    void (*ended)(void *owner, struct sip_client *client, enum sip_outcome outcome);
};

struct sip_ask {
    struct span request; /* whole, but for the Via of ours, which is put on top; copied */
    struct sip_flow to;  /* the next hop */
    const struct sip_client_events *events;
    void *owner;
};

/* Sends it. NULL when there are too many transactions, or the request is none. */
struct sip_client *sip_client_new(struct sip_transactions *table, const struct sip_ask *ask);
void sip_client_forget(struct sip_client *client);

/* Sends a CANCEL for an INVITE: at once, or when the first provisional response has come (section 9.1), if by then no
 * final response is there. It may be called more than once. The INVITE's own final response, usually 487, comes as
 * ever; without one the transaction ends in TIMEOUT 64*T1 after the CANCEL. */
void sip_client_cancel(struct sip_client *client);

/* The ACK of a 2xx, whole but for the Via of ours (section 13.2.2.4): sent now, and again by itself each time when that
 * 2xx comes again, one with the same To tag, also after the client was forgotten. One at a time: those for other branches
 * of a fork the user sends with sip_transactions_send_request. */
enum io_result sip_client_acknowledge(struct sip_client *client, const struct sip_flow *to, struct span ack);

enum sip_state sip_client_state(const struct sip_client *client);
/* The request as it was sent, with its Via; the flow that it took. Good as long as the transaction, until a request that
 * was too long falls back to UDP. */
struct span sip_client_request(const struct sip_client *client);
struct sip_flow sip_client_flow(const struct sip_client *client);
struct span sip_client_branch(const struct sip_client *client);

/* ---- servers */

struct sip_server_events {
    /* DONE: the response has been taken (or was a 2xx to an INVITE, whose ACK is the user's business). TIMEOUT: no ACK
     * for a final response. UNREACHABLE: it could not be sent. */
    void (*ended)(void *owner, struct sip_server *server, enum sip_outcome outcome);
};

/* A user who wants to hear of its end says so in events.request; a server without an owner may be answered all the same,
 * and is gone some time after its final response. One that is never answered stays. */
void sip_server_own(struct sip_server *server, const struct sip_server_events *events, void *owner);
void sip_server_forget(struct sip_server *server);
void *sip_server_owner(const struct sip_server *server);

/* The request, decoded, as it came; good as long as the transaction. And the flow by which it came. */
const struct sip_message *sip_server_request(const struct sip_server *server);
struct sip_flow sip_server_flow(const struct sip_server *server);
enum sip_state sip_server_state(const struct sip_server *server);

/* Answers. `response` is a whole message of this status (print.h: sip_put_reply), and is copied. A response after a
 * final one is passed over, but for a 2xx to an INVITE, sent as often as it is handed in. */
void sip_server_respond(struct sip_server *server, unsigned status, struct span response);

/* The same for plain ones: the head of sip_put_reply, with a To tag of its own when the request has none and `status`
 * isn't 100, `Server`, and `more`: header lines with their line ends, or an empty span. */
void sip_server_refuse(struct sip_server *server, unsigned status, struct span more);

/* Of any request but INVITE: no final response will come, because whoever sent it has given up by now (RFC 4320 section
 * 4.2). What of it still comes again is absorbed. */
void sip_server_abandon(struct sip_server *server);

/* ---- without a transaction */

/* Sends a request with a Via of ours on top: the ACK of a 2xx. `branch` empty: a new one. */
enum io_result sip_transactions_send_request(struct sip_transactions *table, struct sip_flow *to, struct span request,
                                             struct span branch);
/* Sends a response as it is: one that a proxy forwards by the Via below its own (flow.h: sip_flow_of_via). */
enum io_result sip_transactions_send_response(struct sip_transactions *table, struct sip_flow *to,
                                              struct span response);
/* Answers a request that has no transaction. */
void sip_transactions_refuse(struct sip_transactions *table, const struct sip_arrival *arrival, unsigned status);

/* Whether a Via is one that this table has put on a request: its sent-by is ours. */
bool sip_transactions_is_own(struct sip_transactions *table, const struct sip_via *via);
/* A branch, a tag: random, fit for a parameter's value. `text` gets a NUL; returns it. */
const char *sip_transactions_branch(struct sip_transactions *table, char text[SIP_BRANCH_BYTES]);
#define SIP_TAG_BYTES 17
const char *sip_transactions_tag(struct sip_transactions *table, char text[SIP_TAG_BYTES]);

#endif
