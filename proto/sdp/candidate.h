/* One candidate, as a line of SDP has it (RFC 8839 section 5.1, RFC 6544 section 4.5 for TCP), or as it trickles alone:
 *
 *     candidate:1 1 UDP 1694498815 192.0.2.3 45664 typ srflx raddr 203.0.113.141 rport 8998
 *
 * What is parsed borrows from the text. The agent ignores what it has no use for: other transports and types, names as
 * addresses, families it doesn't have. "typ" and what follows are told apart whatever their case. */
#ifndef PROTO_SDP_CANDIDATE_H
#define PROTO_SDP_CANDIDATE_H

#include "proto/sdp/fields.h"

#define SDP_MOST_FOUNDATION 32
#define SDP_MOST_COMPONENT 256
#define SDP_MOST_PRIORITY INT32_MAX
/* Where a port has no meaning, as in active TCP candidates and hidden related addresses: the discard port. */
#define SDP_PORT_NONE 9

enum sdp_transport { SDP_TRANSPORT_UDP, SDP_TRANSPORT_TCP, SDP_TRANSPORT_OTHER };
enum sdp_candidate_type { SDP_HOST, SDP_SRFLX, SDP_PRFLX, SDP_RELAY, SDP_TYPE_OTHER };
enum sdp_tcptype { SDP_TCPTYPE_NONE, SDP_TCP_ACTIVE, SDP_TCP_PASSIVE, SDP_TCP_SO };

/* `transport_text` and `type_text` are as written; a printer needs them for OTHER only. `related` has no host when the
 * line has no raddr. It should be there for all types but host; that it is missing is no fault, because it is for
 * diagnosis only. `port_text` and `related_port_text` are where the ports stand.
 * `extensions` are "name value name value..." after the tcptype; one that stands among them instead is passed over by
 * sdp_extension_next. */
struct sdp_candidate {
    struct span foundation;
    uint16_t component;
    enum sdp_transport transport;
    struct span transport_text;
    uint32_t priority;
    struct sdp_host host;
    uint16_t port;
    struct span port_text;
    enum sdp_candidate_type type;
    struct span type_text;
    struct sdp_host related;
    bool has_related_port;
    uint16_t related_port;
    struct span related_port_text;
    enum sdp_tcptype tcptype;
    struct span extensions;
};

/* Takes "candidate:...", with "a=" before it or not, with a line's end or not: what a user or a signalling channel
 * hands over. The error is filled on a fault only, and may be NULL; its line is 0, and its column counts from the
 * beginning of what was handed over. */
enum sdp_fault sdp_candidate_parse(struct span line, struct sdp_candidate *candidate,
                                   struct sdp_error *error) G_GNUC_WARN_UNUSED_RESULT;

/* Takes what follows "candidate:". On a fault `*at` is where in it. */
enum sdp_fault sdp_candidate_parse_value(struct span value, struct sdp_candidate *candidate,
                                         size_t *at) G_GNUC_WARN_UNUSED_RESULT;

/* Appends "candidate:...", without "a=" and the line's end. */
void sdp_put_candidate(GString *out, const struct sdp_candidate *candidate);

/* Takes the next extension, which isn't tcptype, off `*extensions`; false at the end. A value may be empty. */
bool sdp_extension_next(struct span *extensions, struct span *name, struct span *value);
/* The value of an extension ("ufrag", "generation"); false when it isn't there. */
bool sdp_candidate_extension(const struct sdp_candidate *candidate, const char *name, struct span *value);

const char *sdp_transport_word(enum sdp_transport transport);      /* "UDP", "TCP", NULL */
const char *sdp_candidate_type_word(enum sdp_candidate_type type); /* "host", "srflx", "prflx", "relay", NULL */
const char *sdp_tcptype_word(enum sdp_tcptype tcptype);            /* NULL, "active", "passive", "so" */

#endif
