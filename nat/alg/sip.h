/* The SIP ALG (RFC 3261, and what RFC 8839 section 8 asks of those who rewrite descriptions).
 *
 * Of a message that an inside host sends, its own addresses become the external ones: the topmost Via, Contact, Route
 * and Record-Route, and in the description of the media c=, m=, o=, a=rtcp and such candidates as are the default
 * destination; of one that comes in, the external ones become the inside's again: Request-URI, Via with received and
 * rport, Contact, Route. What names anybody else is left alone, so is what STUN has put right already. Ports that are named
 * are opened: for media and for requests as long as the dialog lives, for a registration as long as it was granted.
 *
 * Its faults are the quirks: those of real boxes. */
#ifndef NAT_ALG_SIP_H
#define NAT_ALG_SIP_H

#include "core/base/journal.h"

extern const struct alg alg_sip;

/* In the order of nat_alg_quirk_words. */
enum sip_alg_quirk {
    SIP_QUIRK_CONTENT_LENGTH,  /* does not mend Content-Length */
    SIP_QUIRK_PRIVATE_CONTACT, /* leaves Contact as it is */
    SIP_QUIRK_FIRST_LINE,      /* rewrites the start line and nothing else */
    SIP_QUIRK_SEGMENTS,        /* takes each TCP segment for a message, and mends no sequence numbers */
    SIP_QUIRK_REGISTER,        /* takes any private Contact of a REGISTER for the sender's, and leaves its port */
    SIP_QUIRK_SHORT_PINHOLE,   /* closes pinholes 60 s after the message that opened them, whatever happens */
    SIP_QUIRK_PUBLIC_ADDRESS,  /* takes its own outside address in a description for the sender's inside one */
    SIP_QUIRK_COUNT,
};

/* Where something was rewritten. */
enum sip_alg_place {
    SIP_PLACE_REQUEST_URI,
    SIP_PLACE_VIA,
    SIP_PLACE_CONTACT,
    SIP_PLACE_ROUTE,
    SIP_PLACE_RECORD_ROUTE,
    SIP_PLACE_PATH,
    SIP_PLACE_CONTENT_LENGTH,
    SIP_PLACE_ORIGIN,
    SIP_PLACE_CONNECTION,
    SIP_PLACE_MEDIA,
    SIP_PLACE_RTCP,
    SIP_PLACE_CANDIDATE,
    SIP_PLACE_COUNT,
};
extern const char *const sip_alg_place_words[];

/* `rule`: bits of the places; `subject[0]`: the status of a response, or 0; `subject[1]`: enum sip_method;
 * `after.source` and `.destination`: the address that was there and the one that is now; `detail`: how much longer the
 * message became. */
extern const struct record_kind alg_sip_kind;

/* A message that is no well-formed SIP, on SIP's port: it passes as it is. `rule`: enum sip_fault. */
extern const struct record_kind alg_sip_foreign_kind;

/* The media of a message can't be had: it passes as it is. `rule`: enum alg_opened. */
extern const struct record_kind alg_sip_refused_kind;

#endif
