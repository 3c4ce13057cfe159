/* Messages in a stream (RFC 3261 sections 7.5 and 18.3): the header ends at an empty line, Content-Length says how long
 * the body is. Line ends between messages are keep-alives (RFC 5626 section 3.5.1): two are a ping, one is a pong.
 * Pure: looks at what has come so far. */
#ifndef PROTO_SIP_FRAMING_H
#define PROTO_SIP_FRAMING_H

#include "proto/sip/message.h"

enum sip_frame {
    SIP_FRAME_MORE,    /* not whole yet */
    SIP_FRAME_PING,    /* CRLFCRLF: answer with CRLF */
    SIP_FRAME_PONG,    /* CRLF */
    SIP_FRAME_MESSAGE, /* whole */
    SIP_FRAME_BROKEN, /* nothing here can be understood any more: no Content-Length, a malformed one, or too long; or cut
                          short, when no more will come */
};

/* `*length`: bytes to take off the front (PING, PONG, MESSAGE). `whole`: it is known that no more will come. A single
 * CRLF at the very end of what has come is MORE unless `whole`, because another may follow. After some bytes of a
 * message have been looked at, `*scanned` saves looking at them again (its value means something here only); begin with
 * 0 for each message. */
enum sip_frame sip_frame_first(struct span bytes, bool whole, size_t *scanned, size_t *length);

#endif
