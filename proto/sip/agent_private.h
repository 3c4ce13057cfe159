/* What agent.c (life, what comes in), agent_register.c, agent_call.c (calls of ours), agent_answer.c (calls that come, and
 * changes that the peer wants) and agent_change.c (changes of ours) share. */
#ifndef PROTO_SIP_AGENT_PRIVATE_H
#define PROTO_SIP_AGENT_PRIVATE_H

#include "proto/sip/agent.h"
#include "proto/sip/dialog.h"
#include "proto/sip/inquiry.h"

#define SIP_ALLOWED "INVITE, ACK, CANCEL, BYE, OPTIONS"

enum sip_register_phase {
    SIP_REGISTER_IDLE,
    SIP_REGISTER_ASKING,
    SIP_REGISTER_STANDING, /* the timer is for the refresh */
    SIP_REGISTER_PAUSING,  /* it came to nothing; the timer is for the next try */
    SIP_REGISTER_LEAVING,
};

struct sip_registration {
    enum sip_register_phase phase;
    struct sip_inquiry inquiry;
    struct io_timer timer;
    char *call_id, *tag;
    uint32_t cseq;
    struct endpoint contact;   /* that the last request had */
    struct endpoint previous;  /* bound once, and to be removed along with it; none */
    bool bound;                /* `contact` was taken by the registrar */
    bool leave, again;         /* when the request under way is over */
    int64_t asked, granted;    /* expires */
    unsigned failures, briefs; /* in a row; 423s to one request */
    bool has_flow;
    struct sip_flow flow; /* of the registration that stands */
    struct endpoint mapped, told_contact, told_mapped;
};

struct sip_agent {
    struct io *io;
    struct sip_agent_options options;
    char *user, *domain, *display, *instance, *aor; /* "sip:alice@example.com" */
    const struct sip_media_policy *policy;
    void *policy_owner;
    sip_agent_told *told;
    void *owner;
    struct sip_transactions *table;
    struct sip_credentials *credentials;
    struct endpoint contact; /* set by the owner, or learned; none: the own */
    struct sip_registration registration;
    struct io_watch watch;
    struct sip_call *first, *last;
    unsigned call_count;
    struct sip_agent_counters counters;
    unsigned depth;
    bool freed;
};

/* Of a 2xx that we have sent. */
struct sip_acceptance {
    GByteArray *text; /* NULL: no ACK is awaited */
    struct io_timer timer;
    int64_t interval, until;
    uint32_t cseq;
    bool initial;
};

struct sip_call {
    struct sip_agent *agent;
    struct sip_call *next, *previous;
    enum sip_call_state state;
    bool ours;
    char *peer, *call_id, *tag; /* `tag`: ours */
    uint32_t cseq;              /* of our INVITE, the last one */
    struct sip_dialog *dialog;  /* NULL until the peer's tag is known */
    struct sip_inquiry invite, bye;
    GString *offer;            /* of ours that goes with the INVITE; NULL: none */
    bool offered;              /* ours, and there is no final answer to it */
    bool early_taken;          /* an answer came in a provisional response */
    GByteArray *late_offer;    /* the peer's, in a 2xx, that the ACK will answer; NULL: none */
    struct sip_server *server; /* the peer's INVITE, until it is over; NULL: none */
    bool answering;            /* the owner has said yes; the media may not be ready */
    bool progressing;          /* a 183 is wanted as soon as they are */
    bool server_offers;        /* that INVITE had no offer: the 2xx has ours */
    struct sip_acceptance acceptance;
    struct io_timer ring, retry, over;
    bool changing, hangup_wanted;
    enum sip_why why;
    unsigned status;
    void *media, *data;
};

/* agent.c */
bool sip_agent_tell(struct sip_agent *agent, struct sip_agent_news news); /* false: the agent is gone */
bool sip_agent_tell_call(struct sip_call *call, enum sip_agent_event event, unsigned status);
void sip_agent_begin(struct sip_agent *agent);
bool sip_agent_end(struct sip_agent *agent);
struct sip_call *sip_call_new(struct sip_agent *agent, bool ours, const char *peer, const char *call_id);
void sip_call_free(struct sip_call *call);
/* It is over, and will be told by a timer of this instant. */
void sip_call_end(struct sip_call *call, enum sip_why why, unsigned status);
/* Contact with its name; `flow`: the way that the message takes. */
void sip_agent_put_contact(struct sip_agent *agent, const struct sip_flow *flow, struct writer *out);
struct endpoint sip_agent_contact_on(struct sip_agent *agent, const struct sip_flow *flow);
void sip_agent_contact_say(struct sip_agent *agent, struct endpoint at, enum sip_transport protocol, GString *out);
/* Allow, Supported, User-Agent. */
void sip_agent_put_abilities(struct sip_agent *agent, struct writer *out);
void sip_agent_put_from(struct sip_agent *agent, const char *tag, struct writer *out);
bool sip_agent_way_out(struct sip_agent *agent, struct span uri, struct sip_flow *flow);
int64_t sip_agent_now(const struct sip_agent *agent);
void sip_agent_arm(struct sip_agent *agent, struct io_timer *timer, int64_t wait, bool busy);
uint32_t sip_agent_random(struct sip_agent *agent);

/* agent_register.c */
void sip_registration_open(struct sip_agent *agent);
void sip_registration_close(struct sip_agent *agent);
void sip_registration_lapsed(struct sip_agent *agent, const struct sip_flow *flow, const struct endpoint *mapped);
void sip_registration_failed(struct sip_agent *agent, const struct sip_flow *flow);
void sip_registration_moved(struct sip_agent *agent);

/* agent_call.c */
void sip_call_open_exchanges(struct sip_call *call);
/* INVITE as soon as there is an offer. */
void sip_call_prepare(struct sip_call *call);
void sip_call_prepare_ack(struct sip_call *call);
void sip_call_acknowledge(struct sip_call *call, struct span body);
struct span sip_description_of(const struct sip_message *message);
void sip_call_send_bye(struct sip_call *call, enum sip_why why, unsigned status);

/* agent_answer.c */
void sip_answer_offered(struct sip_agent *agent, struct sip_server *server, const struct sip_arrival *arrival);
void sip_answer_request(struct sip_call *call, struct sip_server *server, const struct sip_arrival *arrival);
void sip_answer_cancel(struct sip_call *call);
void sip_answer_ack(struct sip_call *call, const struct sip_arrival *arrival);
void sip_answer_open(struct sip_call *call);
/* The media may be ready now. */
void sip_answer_prepare(struct sip_call *call);
void sip_answer_close(struct sip_call *call);

/* agent_change.c */
void sip_change_open(struct sip_call *call);
void sip_change_prepare(struct sip_call *call);
void sip_change_response(struct sip_call *call, const struct sip_arrival *arrival);
void sip_change_ended(struct sip_call *call, enum sip_outcome outcome);
void sip_change_close(struct sip_call *call);

#endif
