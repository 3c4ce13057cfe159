/* Single header values of SIP, decoded on demand: Via, addresses (From, To, Contact, Route, ...), CSeq, numbers,
 * challenges and credentials. Pure; spans borrow from the value, so that an ALG knows where each part stands. Folds
 * count as blanks wherever blanks may stand. False: the value is malformed, and the struct undefined. */
#ifndef PROTO_SIP_HEADERS_H
#define PROTO_SIP_HEADERS_H

#include "proto/sip/message.h"
#include "proto/sip/uri.h"

#define SIP_BRANCH_COOKIE "z9hG4bK" /* RFC 3261 section 8.1.1.7 */

/* One Via value (sections 20.42 and 18.2, RFC 3581). */
struct sip_via {
    struct span text;
    enum sip_transport transport;
    struct span transport_text;
    struct sip_host sent_by;
    struct sip_parameters parameters;
    struct span branch;        /* empty: of RFC 2543 */
    bool has_rport;            /* the parameter is there */
    uint16_t rport;            /* 0: without a value */
    struct span rport_text;    /* of its value, empty without one; where one goes: at the end of the parameter's name */
    struct span received_text; /* empty without one */
    struct address received;   /* none without one, or when it is a name */
    struct span maddr;
    unsigned ttl;
};
bool sip_via_decode(struct span value, struct sip_via *via);

/* A value with an address: From, To, Contact, Route, Record-Route, Path, Refer-To. Either "name" <uri>;parameters or
 * uri;parameters, where what follows the ';' is the header's (section 20.10). `star` is Contact's "*". */
struct sip_name_addr {
    struct span text;
    bool star;
    struct span display; /* with its quotes, if any */
    bool brackets;
    struct sip_uri uri;
    struct sip_parameters parameters;
    struct span tag; /* empty without one */
};
bool sip_name_addr_decode(struct span value, struct sip_name_addr *address);

bool sip_cseq_decode(struct span value, uint32_t *number, struct span *method); /* number < 2^31 (section 8.1.1.5) */
/* Digits and nothing else, up to `most`: Content-Length, Max-Forwards, Expires, Flow-Timer. */
bool sip_number_decode(struct span value, uint32_t most, uint32_t *number);
/* "expires" of one Contact: the parameter, else the message's Expires, else `otherwise`. What is malformed counts as
 * 3600 (section 20.19). */
uint32_t sip_contact_expires(const struct sip_message *message, const struct sip_name_addr *contact,
                             uint32_t otherwise);
/* "application/sdp" of a Content-Type, without its parameters, compared in any case. */
bool sip_content_is(const struct sip_message *message, const char *type);

/* One challenge or one set of credentials (section 20.7 and 20.44, RFC 7616 section 3.3 and 3.4): "Digest a=b, c=d". */
struct sip_digest_fields {
    struct span realm, nonce, opaque, algorithm, qop, uri, username, response, cnonce, nc; /* unquoted */
    bool stale;
};
bool sip_digest_decode(struct span value, struct sip_digest_fields *fields); /* false as well for another scheme */

#endif
