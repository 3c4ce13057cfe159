/* What transactions.c (the table, and what comes in), clients.c and servers.c share. */
#ifndef PROTO_SIP_TRANSACTIONS_PRIVATE_H
#define PROTO_SIP_TRANSACTIONS_PRIVATE_H

#include "proto/sip/kinds.h"
#include "proto/sip/print.h"
#include "proto/sip/transactions.h"

/* What clients and servers have in common. All of a table stand in one list, in the order of their making. */
struct sip_entry {
    struct sip_transactions *table;
    struct sip_entry *next, *previous;
    bool client;
    struct sip_machine machine;
    struct io_timer timer;
    enum sip_method method;
    GBytes *key;
    struct sip_flow flow;
    GByteArray *text; /* a client's request, a server's response: what is sent again; NULL: none yet */
    unsigned sent;
    bool failing; /* could not be sent: told when the timer, which is armed for now, fires */
    bool ending;  /* the machine has ended; likewise */
};

struct sip_client {
    struct sip_entry entry;                 /* first */
    const struct sip_client_events *events; /* NULL: forgotten */
    void *owner;
    char branch[SIP_BRANCH_BYTES];
    struct endpoint sent_by;
    GByteArray *bare; /* of a request that may fall back to UDP: without the Via; else NULL */
    struct sip_flow datagram_flow;
    GByteArray *ack;        /* of a refusal; or of a 2xx, when `accepted_tag` is set: that of its To */
    struct sip_flow ack_flow;
    GBytes *accepted_tag;
    bool cancel_wanted, cancelled;
};

struct sip_server {
    struct sip_entry entry;                 /* first */
    const struct sip_server_events *events; /* NULL: nobody wants to hear */
    void *owner;
    uint8_t *bytes; /* the request's */
    struct sip_message request;
    struct sip_flow came, second;
    bool on_second;
    GBytes *merged; /* NULL: not among those */
    unsigned status;
    char tag[SIP_TAG_BYTES];
    bool old; /* of RFC 2543: matched without a branch */
};

struct sip_transactions {
    struct io *io;
    struct sip_transactions_options options;
    char agent[64];
    const struct sip_transactions_events *events;
    void *owner;
    struct sip_carrier *carrier;
    GHashTable *clients, *servers, *merged; /* GBytes -> entry, borrowed from the entry */
    struct sip_entry *first, *last;
    unsigned client_count, server_count;
    struct sip_transactions_counters counters;
    unsigned depth;
    bool freed;
};

/* Around everything that comes from outside. False: the table is gone. */
void sip_table_begin(struct sip_transactions *table);
bool sip_table_end(struct sip_transactions *table);

/* Into the list and the index; `key` is taken over. */
void sip_entry_add(struct sip_entry *entry, GBytes *key);
/* Out of both; frees what both kinds have. */
void sip_entry_remove(struct sip_entry *entry);
void sip_entry_arm(struct sip_entry *entry);
void sip_entry_note(const struct sip_entry *entry, const struct record_kind *kind, unsigned status,
                    enum sip_outcome outcome);

/* Keys: the branch and the method of a client; of a server the branch, the sent-by and the method, which for ACK and
 * (when it looks for its INVITE) CANCEL is INVITE; or, without the cookie, what section 17.2.3 lists. */
GBytes *sip_client_key(struct span branch, struct span method);
GBytes *sip_server_key(const struct sip_message *request, const struct sip_via *via, struct span method, bool *old);
GBytes *sip_merged_key(const struct sip_message *request);
struct span sip_tag_of(const struct sip_message *message, enum sip_header_name name);
bool sip_top_via(const struct sip_message *message, struct sip_via *via);

/* clients.c */
void sip_client_take(struct sip_client *client, const struct sip_arrival *arrival);
void sip_client_fire(struct sip_client *client);
void sip_client_failed(struct sip_client *client, enum io_result why);
void sip_client_free(struct sip_client *client);
/* The request with a Via of ours on top; NULL when it has no start line. */
GByteArray *sip_request_with_via(struct sip_transactions *table, const struct sip_flow *flow, struct span request,
                                 struct span branch, struct endpoint *sent_by);

/* servers.c */
struct sip_server *sip_server_new(struct sip_transactions *table, const struct sip_arrival *arrival,
                                  const struct sip_via *via, GBytes *key, bool old);
void sip_server_again(struct sip_server *server);
void sip_server_ack(struct sip_server *server, const struct sip_arrival *arrival);
void sip_server_fire(struct sip_server *server);
void sip_server_failed(struct sip_server *server);
void sip_server_free(struct sip_server *server);
/* A response without a body in a block of its own. */
GByteArray *sip_plain_reply(struct sip_transactions *table, const struct sip_message *request, struct endpoint source,
                            unsigned status, const char *tag, struct span more);

#endif
