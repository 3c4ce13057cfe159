/* A STUN message: its header, and the list of its attributes (RFC 8489 section 5).
 *
 * Decoding is pure. The message borrows the datagram: it and every span taken from it are good as long as the
 * datagram's bytes are, and those stay untouched. Values are decoded one by one and on demand (attributes.h);
 * integrity and fingerprint are checked by whoever has a use for that (integrity.h, fingerprint.h). */
#ifndef PROTO_STUN_MESSAGE_H
#define PROTO_STUN_MESSAGE_H

#include <glib.h>

#include "core/base/span.h"
#include "proto/stun/registry.h"

#define STUN_COOKIE UINT32_C(0x2112A442)
#define STUN_HEADER_BYTES 20
#define STUN_ATTRIBUTE_BYTES 4 /* type and length, before each value */
#define STUN_ID_BYTES 12
#define STUN_PORT 3478 /* section 8.1, UDP and TCP */

/* More than a message in use has; a list without end would be a peer's way to make us work. Integrity and FINGERPRINT
 * have places of their own behind these. */
#define STUN_MAX_ATTRIBUTES 64
#define STUN_LAST_ATTRIBUTES 3

struct stun_id {
    uint8_t bytes[STUN_ID_BYTES];
};

/* `cookie` is what stands in the cookie's place. In RFC 3489 the transaction ID has 128 bits, of which those are the
 * first 32, so a responder that echoes both members serves both generations. */
struct stun_header {
    enum stun_class class;
    uint16_t method; /* 12 bits; enum stun_method, or one we don't know */
    uint32_t cookie;
    struct stun_id id;
};

/* Where an attribute stands. The value is `length` bytes; padding follows. */
struct stun_attribute {
    uint16_t type, length;
    uint32_t offset; /* of its type field, from the first byte of the message */
};

/* `attributes` has those that count, in their order: section 9 has a receiver ignore what follows MESSAGE-INTEGRITY,
 * except MESSAGE-INTEGRITY-SHA256 and FINGERPRINT, and what follows MESSAGE-INTEGRITY-SHA256, except FINGERPRINT.
 * `ignored` counts those, and comprehension-optional ones for which there was no room; `unread` those without room that
 * must be understood: the decoder calls such a message TOO_MANY, and all else in it stands. */
struct stun_message {
    struct span bytes;
    struct stun_header header;
    uint16_t count, ignored, unread;
    struct stun_attribute attributes[STUN_MAX_ATTRIBUTES + STUN_LAST_ATTRIBUTES];
};

/* clang-format off */
/* What is wrong with bytes as a STUN message.    word                 sentence */
#define STUN_FAULTS(X) \
    X(NONE,                 "none",                 "nothing is wrong with it") \
    X(SHORT,                "short",                "it is shorter than a STUN header") \
    X(FIRST_BITS,           "first-bits",           "its first two bits are not zero") \
    X(LENGTH_UNALIGNED,     "length-unaligned",     "its length field is not a multiple of four") \
    X(LENGTH,               "length",               "its length field does not match the datagram") \
    X(TOO_LONG,             "too-long",             "it is longer than this implementation takes from a stream") \
    X(COOKIE,               "cookie",               "the magic cookie is not in its place") \
    X(ATTRIBUTE_CUT,        "attribute-cut",        "an attribute runs over the end of the message") \
    X(TOO_MANY,             "too-many-attributes",  "it has more attributes that must be understood than are read") \
    X(FINGERPRINT_NOT_LAST, "fingerprint-not-last", "an attribute follows FINGERPRINT") \
    X(FINGERPRINT,          "fingerprint",          "its FINGERPRINT is wrong")

enum stun_fault {
#define X(name, word, sentence) STUN_FAULT_##name,
    STUN_FAULTS(X)
#undef X
    STUN_FAULT_COUNT
};
/* clang-format on */

const char *stun_fault_word(enum stun_fault fault);
const char *stun_fault_sentence(enum stun_fault fault); /* after "it was refused: " */

/* Reads a whole datagram as a message and makes the checks of section 6.3 that need no more than its bytes: first bits,
 * length, cookie, the chain of attributes. On a fault `message` holds nothing to rely on. */
enum stun_fault stun_message_decode(struct span datagram, struct stun_message *message) G_GNUC_WARN_UNUSED_RESULT;

/* The same, but a message without the magic cookie is taken too: a client of RFC 3489 (section 11). */
enum stun_fault stun_message_decode_classic(struct span datagram,
                                            struct stun_message *message) G_GNUC_WARN_UNUSED_RESULT;

/* The header alone, of a datagram that passes its checks, cookie included; the attributes may still be malformed. */
bool stun_header_peek(struct span datagram, struct stun_header *header);

/* Whether a datagram on a shared port is STUN: first byte 0 to 3 (RFC 7983 section 7), cookie, and a length that fits.
 * It may still be malformed. */
bool stun_looks_like_message(struct span datagram);

/* The first attribute of this type, which is the one that counts (section 14); NULL when there is none. */
const struct stun_attribute *stun_message_find(const struct stun_message *message, uint16_t type);
/* The next of the same type after `attribute`, where a message may have several; NULL at the end. */
const struct stun_attribute *stun_message_find_next(const struct stun_message *message,
                                                    const struct stun_attribute *attribute);
/* The bytes of its value, without padding. */
struct span stun_message_value(const struct stun_message *message, const struct stun_attribute *attribute);

/* A list of attribute types, as UNKNOWN-ATTRIBUTES carries it. */
struct stun_types {
    uint16_t count;
    uint16_t types[STUN_MAX_ATTRIBUTES];
};

/* Collects the comprehension-required attributes that an agent which knows `sets` (enum stun_set, or-ed) does not
 * understand, each once (section 6.3). True when there are any. */
bool stun_message_unknown(const struct stun_message *message, unsigned sets, struct stun_types *unknown);

static inline bool
stun_header_is_classic(const struct stun_header *header)
{
    return header->cookie != STUN_COOKIE;
}

static inline bool
stun_id_equal(const struct stun_id *a, const struct stun_id *b)
{
    return memcmp(a->bytes, b->bytes, STUN_ID_BYTES) == 0;
}

/* The header of a response to `request`: its method, cookie and transaction ID. */
struct stun_header stun_header_respond(const struct stun_header *request, enum stun_class class);

/* The type field: the method's bits with C1 and C0 between them (section 5, figure 3). */
uint16_t stun_type_encode(enum stun_class class, uint16_t method);
void stun_type_decode(uint16_t type, enum stun_class *class, uint16_t *method);

/* Which attributes may still follow: what the decoder ignores by, and what keeps the builder from writing such. */
enum stun_order { STUN_ORDER_ANY, STUN_ORDER_INTEGRITY, STUN_ORDER_SHA256, STUN_ORDER_FINGERPRINT };

/* Whether an attribute of `type` counts here; if so, `order` moves on. */
bool stun_order_admit(enum stun_order *order, uint16_t type);

/* Bytes of padding after a value of `length` bytes. */
static inline size_t
stun_padding(size_t length)
{
    return -length & 3;
}

#endif
