/* What a proxy does to a message (RFC 3261 section 16.4 to 16.7), in text: which way a request goes by its Route, and the
 * message as it goes on, forwarded or returned. Pure. */
#ifndef PROTO_SIP_ROUTE_H
#define PROTO_SIP_ROUTE_H

#include "proto/sip/print.h"
#include "proto/sip/token.h"

enum { SIP_ROUTES_MOST = 32 /* values of Route in one request */ };

/* Who knows which URIs name this server, in Route and Request-URI. */
struct sip_self {
    bool (*is)(void *owner, const struct sip_uri *uri);
    void *owner;
};

/* Where a request goes: the Request-URI that it will have, and the Route that is left. Spans borrow from the request, and
 * from what was put in front. */
struct sip_way {
    struct span uri;
    struct span routes[SIP_ROUTES_MOST]; /* Route values */
    unsigned count;
    struct span token; /* user part of the Route that was ours; empty without one */
    bool was_ours;     /* there was one */
};

/* Section 16.4: a strict router before us has put our own Route into the Request-URI: the last Route is the Request-URI
 * then; and the first Route is taken out when it is ours. False: a Route is malformed, or there are too many. */
bool sip_way_begin(struct sip_way *way, const struct sip_message *request, const struct sip_self *self);
/* Puts Route values in front: the Path of a binding (RFC 3327 section 5.2). False when they are malformed or too many. */
bool sip_way_push(struct sip_way *way, struct span path, const struct sip_self *self);
/* Section 16.6 item 6 and 7: what the next hop is, by its URI. When it is a strict router (its URI has no "lr"), the
 * Request-URI goes to the end of the Route and its URI takes that place. False when it is malformed. */
bool sip_way_next(struct sip_way *way, struct sip_uri *hop);

/* A request as it goes on (section 16.6): new Request-URI, the topmost Via with what the client didn't know of itself,
 * Max-Forwards less one, the Route that is left. Our own Via comes later, from the transaction. */
struct sip_forwarding {
    const struct sip_message *request;
    struct endpoint source;
    const struct sip_way *way;
    unsigned hops;            /* Max-Forwards as it shall be */
    struct span record_route; /* a value to put on top; empty: none */
    struct span path;         /* the same for Path */
    const char *realm;        /* whose Proxy-Authorization is for us alone, and is taken out; NULL: none */
};
void sip_put_forwarded(struct writer *out, const struct sip_forwarding *forwarding);
/* Room that is enough for it. */
size_t sip_forwarded_room(const struct sip_forwarding *forwarding);

/* Max-Forwards of a request: 70 where there is none (section 16.6 item 3). */
unsigned sip_hops_of(const struct sip_message *request);

/* A response as it goes back (section 16.7 item 3): without its topmost Via. False when no other Via is left: it was for
 * us. */
bool sip_put_returned(struct writer *out, const struct sip_message *response);

#endif
