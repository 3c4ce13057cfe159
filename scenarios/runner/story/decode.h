/* A packet's bytes as named fields, layer by layer, through the decoders that the engines use.
 *
 * One registry says who decodes what a UDP datagram or a TCP segment carries: a decoder looks at the bytes, and at the
 * ports where these say more, and either takes the data or leaves it alone. The first one that takes it wins; what nobody
 * takes is data. Who writes a further codec adds a row there (decode.c) and nothing else: page, timeline and whoever
 * else shows packets have it then.
 *
 * Bytes come from files that anybody may have written: nothing here trusts them, recursion (a packet that an ICMP error
 * quotes, data in a relay's message) is bounded, and so is what one packet can make of itself. */
#ifndef SCENARIOS_RUNNER_STORY_DECODE_H
#define SCENARIOS_RUNNER_STORY_DECODE_H

#include <glib.h>

#include "core/base/cursor.h"
#include "core/base/fields.h"

enum {
    DECODE_DEPTH = 4,     /* packets or messages within each other */
    DECODE_TEXT = 8192,   /* bytes of a message of text that are told */
    DECODE_DATA = 512,    /* of text that nobody knows: thousands of packets may be full of it */
    DECODE_BYTES = 256,   /* of what is not text */
};

/* What is being decoded. A decoder fills it outside in; the innermost has the last word. */
struct decoding {
    struct fields *out;
    const char *protocol; /* what colours go by: "udp", "tcp", "icmp", "stun", "ice", "turn", "http", "rtp", ... */
    GString *summary;     /* one line: "Binding request" */
    struct flow flow;     /* of the packet, or of the one that is quoted */
    bool stream;          /* the data is of TCP: it may begin anywhere in a message */
    unsigned depth;
};

struct decoder {
    const char *name; /* for people: "STUN" */
    /* False, and nothing told, when the data is none of its own. */
    bool (*take)(struct decoding *decoding, struct span data);
};

/* In the order in which they are asked; ends with NULL names. */
extern const struct decoder decoders[];

/* Tells a packet from its IP header on. `summary` is emptied first. */
void decode_packet(struct decoding *decoding, struct span packet);
/* What a datagram, a segment or a relayed message carries. */
void decode_data(struct decoding *decoding, struct span data);

/* ---- for decoders */

/* Replaces the summary. */
void decode_say(struct decoding *decoding, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* Whether all of it is text that a person can read: UTF-8, no control characters but line ends and tabs. */
bool decode_is_text(struct span data);
/* Tells a text with line ends, or bytes; at most so much of them as is told, and then "length" too. */
void decode_tell(struct decoding *decoding, const char *name, struct span data);

/* ---- the decoders, by file */

/* decode_network.c */
void decode_ip(struct decoding *decoding, struct reader *packet);
/* decode_relay.c, decode_text.c, decode_media.c */
bool decode_channel_data(struct decoding *decoding, struct span data);
bool decode_stun(struct decoding *decoding, struct span data);
bool decode_framed(struct decoding *decoding, struct span data);
bool decode_sip(struct decoding *decoding, struct span data); /* decode_sip.c */
bool decode_http(struct decoding *decoding, struct span data);
bool decode_sdp(struct decoding *decoding, struct span data);
bool decode_portmap(struct decoding *decoding, struct span data);
bool decode_media(struct decoding *decoding, struct span data);

#endif
