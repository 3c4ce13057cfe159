/* A request of a user agent's that is asked until its answer is one to act on: when it is challenged it is asked again
 * with credentials (RFC 3261 section 22.2), as a new transaction. For agent.c and its kin. */
#ifndef PROTO_SIP_INQUIRY_H
#define PROTO_SIP_INQUIRY_H

#include "proto/sip/credentials.h"
#include "proto/sip/transactions.h"

struct sip_inquiry;

struct sip_inquiry_events {
    /* Writes the whole request but for the Via, each time anew, with a new CSeq and sip_inquiry_credentials; and says where
     * it goes. False: nowhere, or it can't be written. */
    bool (*write)(void *owner, struct sip_inquiry *inquiry, struct writer *out, struct sip_flow *to);
    /* Each response but those that are answered here. After a final one, but a 2xx to an INVITE, the inquiry is over, and
     * may be begun anew. */
    void (*response)(void *owner, struct sip_inquiry *inquiry, const struct sip_arrival *arrival);
    /* It is over without a final response; or, DONE, an INVITE gets no more 2xx. */
    void (*ended)(void *owner, struct sip_inquiry *inquiry, enum sip_outcome outcome);
};

/* Embedded in its owner. Members are read-only for others. */
struct sip_inquiry {
    struct io *io;
    struct sip_transactions *table;
    struct sip_credentials *credentials;
    const struct sip_inquiry_events *events;
    void *owner;
    struct sip_client *client; /* NULL: no transaction is under way, or heard any more */
    struct io_timer failure;   /* armed for now when the request could not be sent */
    bool failing, given_up;
    unsigned tries;
    uint64_t *challenged; /* counts up with each challenge that is answered; NULL: nobody counts */
    struct sip_flow flow; /* of the last request */
};

void sip_inquiry_open(struct sip_inquiry *inquiry, struct io *io, struct sip_transactions *table,
                       struct sip_credentials *credentials, const struct sip_inquiry_events *events, void *owner);
/* Nothing more is heard of what is under way. */
void sip_inquiry_close(struct sip_inquiry *inquiry);

/* Begins. Nothing is under way. */
void sip_inquiry_ask(struct sip_inquiry *inquiry);
/* Of an INVITE: CANCEL, and no credentials for a challenge that comes all the same. */
void sip_inquiry_cancel(struct sip_inquiry *inquiry);
bool sip_inquiry_is_asking(const struct sip_inquiry *inquiry);
/* The headers that answer challenges. */
void sip_inquiry_credentials(struct sip_inquiry *inquiry, struct writer *out, const char *method, const char *uri);

#endif
