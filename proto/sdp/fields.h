/* The values of the lines that have a grammar of their own (RFC 8866 section 5): o=, c=, m=, b=, t=, r=, z=.
 *
 * A parser takes the value after "x=", borrows from it and leaves it untouched. On a fault `*at` is the offset in the
 * value of the field at fault, and the result holds nothing to rely on. A `put` appends the whole line with its CRLF,
 * but sdp_put_host and sdp_put_network, whose results are parts of lines. */
#ifndef PROTO_SDP_FIELDS_H
#define PROTO_SDP_FIELDS_H

#include "core/base/address.h"
#include "proto/sdp/fault.h"

/* OTHER: of a network that is not the Internet ("ATM NSAP ..."), kept as text. */
enum sdp_host_kind { SDP_HOST_NONE, SDP_HOST_IPV4, SDP_HOST_IPV6, SDP_HOST_NAME, SDP_HOST_OTHER };

/* An address as it stands in a description. `text` is where it stands, empty in one that we made; the printer writes
 * `address` for the first two kinds and `text` for the others. An IPv4-mapped address is of kind IPv6, though
 * `address` counts as IPv4. */
struct sdp_host {
    enum sdp_host_kind kind;
    struct span text;
    struct address address;
};

struct sdp_host sdp_host_of(struct address address);
/* An IPv4 or IPv6 address, or a name of letters, digits, '-', '_' and '.' whose last label is no number, so that
 * "300.1.2.3" is no name. */
bool sdp_host_parse(struct span text, struct sdp_host *host);
void sdp_put_host(GString *out, const struct sdp_host *host);
bool sdp_host_equal(const struct sdp_host *a, const struct sdp_host *b);
/* A name below ".local", which hides an address from the peer and needs multicast DNS. */
bool sdp_host_is_mdns(const struct sdp_host *host);

/* "IN IP4 192.0.2.1". With IN and IP4 or IP6 the host is an address of that family or a name. */
struct sdp_network {
    struct span network, type;
    struct sdp_host host;
};

struct sdp_network sdp_network_of(struct address address);

/* o= (section 5.2). Identifier and version fit 63 bits (RFC 3264 section 5); one more is read, for those who put an
 * NTP timestamp there. */
struct sdp_origin {
    struct span user;
    uint64_t session_id, version;
    struct sdp_network at;
};

enum sdp_fault sdp_origin_parse(struct span value, struct sdp_origin *origin, size_t *at) G_GNUC_WARN_UNUSED_RESULT;
void sdp_put_origin(GString *out, const struct sdp_origin *origin);

/* c= (section 5.7). A unicast address has neither TTL nor count (`count` is 1); a multicast IPv4 address must have a
 * TTL, an IPv6 one has none. */
struct sdp_connection {
    struct sdp_network to;
    bool has_ttl;
    uint8_t ttl;
    uint32_t count;
};

struct sdp_connection sdp_connection_of(struct address address);
enum sdp_fault sdp_connection_parse(struct span value, struct sdp_connection *connection,
                                    size_t *at) G_GNUC_WARN_UNUSED_RESULT;
void sdp_put_connection(GString *out, const struct sdp_connection *connection);

/* m= (section 5.14). "49170/2" is port 49170 and count 2; `port_text` is where "49170" stands. `formats` has one or
 * more, to be taken one by one. */
struct sdp_media_line {
    struct span media, port_text, protocol, formats;
    uint16_t port;
    uint32_t count;
};

enum sdp_fault sdp_media_line_parse(struct span value, struct sdp_media_line *line,
                                    size_t *at) G_GNUC_WARN_UNUSED_RESULT;
void sdp_put_media_line(GString *out, const struct sdp_media_line *line);
/* Takes the next format off `*formats`; false at the end. */
bool sdp_format_next(struct span *formats, struct span *format);
/* Whether the formats are payload types of RTP: the protocol has "RTP" between its slashes. */
bool sdp_media_line_is_rtp(const struct sdp_media_line *line);

/* b= (section 5.8), in kilobits for the types of that section; RS and RR (RFC 3556) are in bits. */
struct sdp_bandwidth {
    struct span type;
    uint64_t value;
};

enum sdp_fault sdp_bandwidth_parse(struct span value, struct sdp_bandwidth *bandwidth,
                                   size_t *at) G_GNUC_WARN_UNUSED_RESULT;
void sdp_put_bandwidth(GString *out, const struct sdp_bandwidth *bandwidth);

/* t= (section 5.9): seconds since 1900, or 0 for no bound. */
struct sdp_times {
    uint64_t start, stop;
};

enum sdp_fault sdp_times_parse(struct span value, struct sdp_times *times, size_t *at) G_GNUC_WARN_UNUSED_RESULT;
void sdp_put_times(GString *out, const struct sdp_times *times);

/* r= and z= (sections 5.10, 5.11): nobody here repeats, so that they are looked at and not read. */
enum sdp_fault sdp_repeat_check(struct span value, size_t *at) G_GNUC_WARN_UNUSED_RESULT;
enum sdp_fault sdp_zone_check(struct span value, size_t *at) G_GNUC_WARN_UNUSED_RESULT;

/* "x=value" for the lines that are text; a=name or a=name:value, without ':' when `value` is NULL. */
void sdp_put_text(GString *out, char type, struct span value);
void sdp_put_attribute(GString *out, const char *name, const char *value);

/* The field "network type address" of o= and a=rtcp. */
struct sdp_lex;
enum sdp_fault sdp_network_take(struct sdp_lex *lex, struct sdp_network *network) G_GNUC_WARN_UNUSED_RESULT;
void sdp_put_network(GString *out, const struct sdp_network *network);

#endif
