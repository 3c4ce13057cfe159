/* Writing SIP messages, in this order, into the caller's buffer: a start line, header fields, the end with the body.
 * The writer has failed when it doesn't fit, and when a value would be taken for something else (a line end in it).
 *
 *     struct writer out = writer_over(buffer, sizeof buffer);
 *     sip_put_request_line(&out, "BYE", uri);
 *     sip_put_header(&out, SIP_HEADER_TO, to);
 *     sip_put_end(&out, "application/sdp", body);      // Content-Type, Content-Length, the empty line and the body */
#ifndef PROTO_SIP_PRINT_H
#define PROTO_SIP_PRINT_H

#include <glib.h>

#include "proto/sip/headers.h"

void sip_put_request_line(struct writer *out, struct span method, struct span uri);
void sip_put_status_line(struct writer *out, unsigned status, struct span phrase); /* an empty phrase: the usual one */
void sip_put_header(struct writer *out, enum sip_header_name name, struct span value);
void sip_put_header_text(struct writer *out, enum sip_header_name name, const char *value);
void sip_put_other(struct writer *out, struct span name, struct span value);
void sip_put_number(struct writer *out, enum sip_header_name name, uint32_t value);
/* A header whose value is put together; formats into the writer's own room. */
void sip_put_format(struct writer *out, enum sip_header_name name, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* Via: SIP/2.0/UDP host:port;rport;branch=z9hG4bK... */
void sip_put_via(struct writer *out, enum sip_transport transport, struct endpoint sent_by, struct span branch,
                 bool rport);
/* All lines of that name as they stand in `from`. */
void sip_copy_headers(struct writer *out, const struct sip_message *from, enum sip_header_name name);
/* All Via lines of a request, the topmost value with `received` and `rport` filled in from `source` as section 18.2.1
 * and RFC 3581 section 4 say; as it stands where it cannot be read. What a server does first with a request. */
void sip_copy_vias(struct writer *out, const struct sip_message *request, struct endpoint source);
/* With an empty body there is no Content-Type; Content-Length stands always. */
void sip_put_end(struct writer *out, const char *type, struct span body);

/* An address as it stands in SIP: IPv6 in brackets; with the port unless it is 0. */
void sip_put_host(struct writer *out, struct endpoint at);

/* The head of a response as section 8.2.6.2 has it: status line; Via (as sip_copy_vias does), From, To (with `tag` when
 * the request's has none and `tag` isn't empty), Call-ID, CSeq; Record-Route too when `record` (section 12.1.1).
 * Timestamp is echoed in a 100. Of a request that lacks some of them, those that it has. */
struct sip_reply {
    unsigned status;
    struct span phrase; /* empty: the usual one */
    struct span tag;
    struct endpoint source; /* whence the request came */
    bool record;
};
void sip_put_reply(struct writer *out, const struct sip_message *request, const struct sip_reply *reply);

#endif
