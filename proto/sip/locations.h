/* The location service of a registrar (RFC 3261 section 10.3, items 6 to 8): which contacts a user is bound to, until
 * when, and along which flow each was registered. A machine: it knows no io, and time is handed in.
 *
 * A REGISTER is looked at as a whole first and carried out then, all of it or nothing. A *binding* is a Contact's URI
 * (compared as section 19.1.4 has it) under a user; or, when the user agent registers by flow (RFC 5626 section 6: its
 * Contact has "+sip.instance" and "reg-id", it supports "outbound"), its instance and reg-id, so that a new flow takes
 * the place of an old one whatever its URI. Beside the Contact there are kept the flow, so that a request can go back
 * the way that the REGISTER came, through whatever NAT that was; and the Path (RFC 3327).
 *
 * What a user agent can make grow is bounded: bindings of one user and of all, contacts of one request, text of one
 * binding. Times are nanoseconds, expiries of the protocol seconds. */
#ifndef PROTO_SIP_LOCATIONS_H
#define PROTO_SIP_LOCATIONS_H

#include <glib.h>

#include "core/base/time.h"
#include "proto/sip/flow.h"

enum {
    SIP_USER_BYTES = 128,    /* a user's name with its NUL */
    SIP_CONTACTS_MOST = 16,  /* in one REGISTER */
    SIP_BINDING_TEXT = 2048, /* bytes of one binding: its Contact, Path, Call-ID */
};

struct sip_locations;
typedef struct sip_locations sip_locations;

/* To be read only. `contact` is the URI; `parameters` are those of the header field but for expires, from the first ';'
 * on; `path` is what stands in a Route, or "". */
struct sip_binding {
    const char *user, *contact, *parameters, *path, *call_id;
    uint32_t cseq;
    struct sip_flow flow;
    const char *instance; /* "" but for one that is registered by flow */
    uint32_t reg_id;
    unsigned q; /* thousandths; 1000 when the Contact doesn't say (section 16.6, 20.10) */
    int64_t until;
    uint64_t number; /* of its last update: a larger one is later */
};

static inline bool
sip_binding_is_outbound(const struct sip_binding *binding)
{
    return binding->instance[0] != 0;
}

enum sip_binding_change {
    SIP_BINDING_MADE,
    SIP_BINDING_REFRESHED,
    SIP_BINDING_REMOVED,
    SIP_BINDING_EXPIRED,
    SIP_BINDING_FLOW_ENDED
};

/* Called after the change, for one that is going away while it is still there. It must not use the table. */
typedef void sip_binding_changed(void *owner, const struct sip_binding *binding, enum sip_binding_change change);

struct sip_locations_options {
    uint32_t expires;             /* seconds, when nobody says */
    uint32_t expires_least;       /* fewer are refused with 423, but only below an hour (section 10.3 item 7) */
    uint32_t expires_most;        /* more are granted as this */
    unsigned per_user, total;     /* bindings */
    sip_binding_changed *changed; /* NULL: nobody */
    void *owner;
};
#define SIP_LOCATIONS_DEFAULTS                                                                                         \
    ((struct sip_locations_options){                                                                                   \
        .expires = 3600, .expires_least = 60, .expires_most = 7200, .per_user = 10, .total = 20000 })

struct sip_locations *sip_locations_new(const struct sip_locations_options *options);
/* Silent. */
void sip_locations_free(struct sip_locations *locations);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(sip_locations, sip_locations_free)

/* clang-format off */
/* What becomes of a REGISTER.  word            status  sentence */
#define SIP_REGISTERINGS(X) \
    X(DONE,       "done",              200, "it is carried out") \
    X(CONTACT,    "contact",           400, "a Contact of it is malformed, or too long") \
    X(STAR,       "star",              400, "'Contact: *' stands alone, and with 'Expires: 0'") \
    X(TWICE,      "twice",             400, "two of its Contacts are one binding") \
    X(FLOWS,      "flows",             400, "it registers more than one flow (RFC 5626 section 6)") \
    X(PATH,       "path",              400, "a Path of it is malformed") \
    X(MANY,       "many",              403, "it has more Contacts than a user may have") \
    X(BRIEF,      "brief",             423, "it asks for less time than is granted at least") \
    X(FIRST_HOP,  "first-hop",         439, "it registers a flow through a proxy that keeps none (RFC 5626 section 6)") \
    X(OLD,        "old",               500, "its CSeq is not higher than that of the binding's last REGISTER") \
    X(FULL,       "full",              503, "there are as many bindings as there may be")

enum sip_registering {
#define X(name, word, status, sentence) SIP_REGISTERING_##name,
    SIP_REGISTERINGS(X)
#undef X
    SIP_REGISTERING_COUNT
};
/* clang-format on */
const char *sip_registering_word(enum sip_registering what);
const char *sip_registering_sentence(enum sip_registering what);
unsigned sip_registering_status(enum sip_registering what);

struct sip_registration {
    const char *user;
    const struct sip_message *request;
    struct sip_flow flow; /* by which it came */
    int64_t now;
};

/* Carries a REGISTER out. `*outbound` says whether flows were registered: the answer requires "outbound" then. Without
 * a Contact nothing changes. */
enum sip_registering sip_locations_register(struct sip_locations *locations, const struct sip_registration *what,
                                            bool *outbound);

/* Ends what is over by `now`; to be called before anything is looked up, and when sip_locations_deadline comes. */
void sip_locations_expire(struct sip_locations *locations, int64_t now);
int64_t sip_locations_deadline(const struct sip_locations *locations); /* TIME_NEVER */

/* A connection has ended: what was registered by flow along it cannot be reached any more (RFC 5626 section 4.2). Other
 * bindings stay; their Contact may take a new connection. */
void sip_locations_flow_ended(struct sip_locations *locations, uint32_t connection);
/* One binding, for the same reason: an edge proxy or user agent has said so with 430, or nothing. */
void sip_locations_forget(struct sip_locations *locations, const struct sip_binding *binding);

/* The bindings of a user: by preference (q), the latest first of equals. NULL and 0 without any. Good until the table is
 * used again. */
const struct sip_binding *const *sip_locations_find(const struct sip_locations *locations, const char *user,
                                                    unsigned *count);
unsigned sip_locations_count(const struct sip_locations *locations);
/* Walks all, users in alphabetical order: NULL to begin with, NULL at the end. */
const struct sip_binding *sip_locations_next(const struct sip_locations *locations, const struct sip_binding *after);

/* Seconds left, rounded up: what a Contact of the answer says. */
uint32_t sip_binding_seconds(const struct sip_binding *binding, int64_t now);

/* The user that a URI names, its escapes undone. False when it names none, one that is too long, or one with control
 * characters in it. */
bool sip_user_of(const struct sip_uri *uri, char user[SIP_USER_BYTES]);

#endif
