/* One line of a message's header (RFC 3261 section 7.3.1), folds included: what the decoder and the framing share, so
 * that both find the same Content-Length. */
#ifndef PROTO_SIP_LINE_H
#define PROTO_SIP_LINE_H

#include "proto/sip/message.h"

enum sip_line {
    SIP_LINE_HEADER,
    SIP_LINE_END,        /* the empty line */
    SIP_LINE_MALFORMED,  /* no name or no colon, a CR or LF that is no line end; the reader stands after its LF */
    SIP_LINE_UNFINISHED, /* the bytes end in it */
};

/* Takes the next line off. `header->id` is not set. */
enum sip_line sip_line_next(struct reader *reader, struct sip_header *header);

/* Takes the start line off, without its CRLF. */
enum sip_line sip_line_start(struct reader *reader, struct span *line);

#endif
