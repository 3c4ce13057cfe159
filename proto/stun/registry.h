/* The code points of STUN: methods, classes, attribute types and error codes, with their names (RFC 8489 section 18).
 *
 * One table says of every attribute how its value is laid out and how long it may be, so that one decoder and one
 * encoder (attributes.h) serve them all. An attribute that is not in the table is kept as bytes. Another RFC's
 * attributes are added by a row here; `set` then says which RFC an agent must speak to understand them. */
#ifndef PROTO_STUN_REGISTRY_H
#define PROTO_STUN_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* C1 and C0 of the type field, as a number (section 5). */
enum stun_class { STUN_REQUEST, STUN_INDICATION, STUN_SUCCESS, STUN_ERROR };

/* Methods (RFC 8489 section 18.2, RFC 8656 section 17, RFC 6062 section 6.1). */
enum stun_method {
    STUN_BINDING = 0x001,
    STUN_SHARED_SECRET = 0x002, /* RFC 3489 only */
    STUN_ALLOCATE = 0x003,
    STUN_REFRESH = 0x004,
    STUN_SEND = 0x006,
    STUN_DATA = 0x007,
    STUN_CREATE_PERMISSION = 0x008,
    STUN_CHANNEL_BIND = 0x009,
    STUN_CONNECT = 0x00A, /* and the next two: RFC 6062 section 6.1 */
    STUN_CONNECTION_BIND = 0x00B,
    STUN_CONNECTION_ATTEMPT = 0x00C,
};

/* How an attribute's value is laid out. */
enum stun_format {
    STUN_FORMAT_RAW,          /* bytes that mean nothing to us */
    STUN_FORMAT_WORDS,        /* bytes, a whole number of 32-bit words: HMACs and hashes */
    STUN_FORMAT_TEXT,         /* UTF-8, limited in bytes */
    STUN_FORMAT_PHRASE,       /* UTF-8, when sent also fewer than 128 characters */
    STUN_FORMAT_ENDPOINT,     /* family, port, address (section 14.1) */
    STUN_FORMAT_XOR_ENDPOINT, /* the same under the cookie and the transaction ID (section 14.2) */
    STUN_FORMAT_ERROR,        /* code and reason phrase (section 14.8) */
    STUN_FORMAT_TYPES,        /* a list of attribute types (section 14.13) */
    STUN_FORMAT_ALGORITHM,    /* number and parameters (section 14.12) */
    STUN_FORMAT_ALGORITHMS,   /* a list of those (section 14.11) */
    STUN_FORMAT_U32,
    STUN_FORMAT_U64,
    STUN_FORMAT_PORT,  /* 16 bits, and 16 that mean nothing (RFC 5780 section 7.5) */
    STUN_FORMAT_BYTE,  /* 8 bits, and 24 that mean nothing (RFC 8656 sections 18.6 and 18.8) */
    STUN_FORMAT_OCTET, /* 8 bits alone (RFC 8656 section 18.7) */
    STUN_FORMAT_FAMILY_ERROR, /* an address family, code and reason phrase (RFC 8656 section 18.12) */
    STUN_FORMAT_EMPTY, /* its presence is all it says */
};

/* Who knows an attribute: bits to be or-ed into what an agent understands. */
enum stun_set {
    STUN_SET_BASE = 1,
    STUN_SET_ICE = 2,
    STUN_SET_DISCOVERY = 4, /* RFC 5780 */
    STUN_SET_CLASSIC = 8,   /* RFC 3489 */
    STUN_SET_TURN = 16,     /* RFC 8656 */
    STUN_SET_TURN_TCP = 32, /* RFC 6062 */
};

/* clang-format off */
/* Sorted by type. `least` and `most` bound the length that is accepted, `sent` the length that we send ourselves: a
 * receiver takes 763 bytes of text where a sender may use 509 (sections 14.3, 14.8 to 14.10, 14.14).
 *
 *    name                      type    name on paper               field                       format         set   least most  sent  source */
#define STUN_ATTRIBUTES(X) \
    X(MAPPED_ADDRESS,           0x0001, "MAPPED-ADDRESS",           "mapped_address",           ENDPOINT,      BASE,  8,    20,  20,  "RFC 8489 section 14.1") \
    X(RESPONSE_ADDRESS,         0x0002, "RESPONSE-ADDRESS",         "response_address",         ENDPOINT,      CLASSIC, 8,  20,  20,  "RFC 3489 section 11.2.2") \
    X(CHANGE_REQUEST,           0x0003, "CHANGE-REQUEST",           "change_request",           U32,           DISCOVERY, 4, 4,   4,  "RFC 5780 section 7.2") \
    X(SOURCE_ADDRESS,           0x0004, "SOURCE-ADDRESS",           "source_address",           ENDPOINT,      CLASSIC, 8,  20,  20,  "RFC 3489 section 11.2.5") \
    X(CHANGED_ADDRESS,          0x0005, "CHANGED-ADDRESS",          "changed_address",          ENDPOINT,      CLASSIC, 8,  20,  20,  "RFC 3489 section 11.2.3") \
    X(USERNAME,                 0x0006, "USERNAME",                 "username",                 TEXT,          BASE,  0,   763, 508,  "RFC 8489 section 14.3") \
    X(MESSAGE_INTEGRITY,        0x0008, "MESSAGE-INTEGRITY",        "message_integrity",        WORDS,         BASE, 20,    20,  20,  "RFC 8489 section 14.5") \
    X(ERROR_CODE,               0x0009, "ERROR-CODE",               "error_code",               ERROR,         BASE,  4,   767, 513,  "RFC 8489 section 14.8") \
    X(UNKNOWN_ATTRIBUTES,       0x000A, "UNKNOWN-ATTRIBUTES",       "unknown_attributes",       TYPES,         BASE,  0,   128, 128,  "RFC 8489 section 14.13") \
    X(CHANNEL_NUMBER,           0x000C, "CHANNEL-NUMBER",           "channel_number",           PORT,          TURN,  4,     4,   4,  "RFC 8656 section 18.1") \
    X(LIFETIME,                 0x000D, "LIFETIME",                 "lifetime",                 U32,           TURN,  4,     4,   4,  "RFC 8656 section 18.2") \
    X(XOR_PEER_ADDRESS,         0x0012, "XOR-PEER-ADDRESS",         "xor_peer_address",         XOR_ENDPOINT,  TURN,  8,    20,  20,  "RFC 8656 section 18.3") \
    X(DATA_ATTRIBUTE,           0x0013, "DATA",                     "data",                     RAW,           TURN,  0, 65532, 65532, "RFC 8656 section 18.4") \
    X(REALM,                    0x0014, "REALM",                    "realm",                    PHRASE,        BASE,  0,   763, 509,  "RFC 8489 section 14.9") \
    X(NONCE,                    0x0015, "NONCE",                    "nonce",                    PHRASE,        BASE,  0,   763, 509,  "RFC 8489 section 14.10") \
    X(XOR_RELAYED_ADDRESS,      0x0016, "XOR-RELAYED-ADDRESS",      "xor_relayed_address",      XOR_ENDPOINT,  TURN,  8,    20,  20,  "RFC 8656 section 18.5") \
    X(REQUESTED_ADDRESS_FAMILY, 0x0017, "REQUESTED-ADDRESS-FAMILY", "requested_address_family", BYTE,          TURN,  4,     4,   4,  "RFC 8656 section 18.6") \
    X(EVEN_PORT,                0x0018, "EVEN-PORT",                "even_port",                OCTET,         TURN,  1,     1,   1,  "RFC 8656 section 18.7") \
    X(REQUESTED_TRANSPORT,      0x0019, "REQUESTED-TRANSPORT",      "requested_transport",      BYTE,          TURN,  4,     4,   4,  "RFC 8656 section 18.8") \
    X(DONT_FRAGMENT,            0x001A, "DONT-FRAGMENT",            "dont_fragment",            EMPTY,         TURN,  0,     0,   0,  "RFC 8656 section 18.9") \
    X(MESSAGE_INTEGRITY_SHA256, 0x001C, "MESSAGE-INTEGRITY-SHA256", "message_integrity_sha256", WORDS,         BASE, 16,    32,  32,  "RFC 8489 section 14.6") \
    X(PASSWORD_ALGORITHM,       0x001D, "PASSWORD-ALGORITHM",       "password_algorithm",       ALGORITHM,     BASE,  4, 65532, 65532, "RFC 8489 section 14.12") \
    X(USERHASH,                 0x001E, "USERHASH",                 "userhash",                 WORDS,         BASE, 32,    32,  32,  "RFC 8489 section 14.4") \
    X(XOR_MAPPED_ADDRESS,       0x0020, "XOR-MAPPED-ADDRESS",       "xor_mapped_address",       XOR_ENDPOINT,  BASE,  8,    20,  20,  "RFC 8489 section 14.2") \
    X(RESERVATION_TOKEN,        0x0022, "RESERVATION-TOKEN",        "reservation_token",        U64,           TURN,  8,     8,   8,  "RFC 8656 section 18.10") \
    X(PRIORITY,                 0x0024, "PRIORITY",                 "priority",                 U32,           ICE,   4,     4,   4,  "RFC 8445 section 7.1.1") \
    X(USE_CANDIDATE,            0x0025, "USE-CANDIDATE",            "use_candidate",            EMPTY,         ICE,   0,     0,   0,  "RFC 8445 section 7.1.2") \
    X(PADDING,                  0x0026, "PADDING",                  "padding",                  RAW,           DISCOVERY, 0, 65532, 65532, "RFC 5780 section 7.6") \
    X(RESPONSE_PORT,            0x0027, "RESPONSE-PORT",            "response_port",            PORT,          DISCOVERY, 4, 4,   4,  "RFC 5780 section 7.5") \
    X(CONNECTION_ID,            0x002A, "CONNECTION-ID",            "connection_id",            U32,           TURN_TCP, 4,  4,   4,  "RFC 6062 section 6.2.1") \
    X(ADDITIONAL_ADDRESS_FAMILY, 0x8000, "ADDITIONAL-ADDRESS-FAMILY", "additional_address_family", BYTE,       TURN,  4,     4,   4,  "RFC 8656 section 18.11") \
    X(ADDRESS_ERROR_CODE,       0x8001, "ADDRESS-ERROR-CODE",       "address_error_code",       FAMILY_ERROR,  TURN,  4,   767, 513,  "RFC 8656 section 18.12") \
    X(PASSWORD_ALGORITHMS,      0x8002, "PASSWORD-ALGORITHMS",      "password_algorithms",      ALGORITHMS,    BASE,  0, 65532, 65532, "RFC 8489 section 14.11") \
    X(ALTERNATE_DOMAIN,         0x8003, "ALTERNATE-DOMAIN",         "alternate_domain",         TEXT,          BASE,  1,   255, 255,  "RFC 8489 section 14.16") \
    X(ICMP,                     0x8004, "ICMP",                     "icmp",                     U64,           TURN,  8,     8,   8,  "RFC 8656 section 18.13") \
    X(SOFTWARE,                 0x8022, "SOFTWARE",                 "software",                 PHRASE,        BASE,  0,   763, 509,  "RFC 8489 section 14.14") \
    X(ALTERNATE_SERVER,         0x8023, "ALTERNATE-SERVER",         "alternate_server",         ENDPOINT,      BASE,  8,    20,  20,  "RFC 8489 section 14.15") \
    X(FINGERPRINT,              0x8028, "FINGERPRINT",              "fingerprint",              U32,           BASE,  4,     4,   4,  "RFC 8489 section 14.7") \
    X(ICE_CONTROLLED,           0x8029, "ICE-CONTROLLED",           "ice_controlled",           U64,           ICE,   8,     8,   8,  "RFC 8445 section 7.1.3") \
    X(ICE_CONTROLLING,          0x802A, "ICE-CONTROLLING",          "ice_controlling",          U64,           ICE,   8,     8,   8,  "RFC 8445 section 7.1.3") \
    X(RESPONSE_ORIGIN,          0x802B, "RESPONSE-ORIGIN",          "response_origin",          ENDPOINT,      DISCOVERY, 8, 20, 20,  "RFC 5780 section 7.3") \
    X(OTHER_ADDRESS,            0x802C, "OTHER-ADDRESS",            "other_address",            ENDPOINT,      DISCOVERY, 8, 20, 20,  "RFC 5780 section 7.4")
/* clang-format on */

enum stun_attribute_type {
#define X(name, type, ...) STUN_##name = type,
    STUN_ATTRIBUTES(X)
#undef X
};

struct stun_attribute_info {
    uint16_t type;
    const char *name;  /* "XOR-MAPPED-ADDRESS" */
    const char *field; /* "xor_mapped_address" */
    enum stun_format format;
    enum stun_set set;
    uint16_t least, most, sent; /* bytes of the value, without padding */
    const char *source;         /* "RFC 8489 section 14.2" */
};

/* The row of `type`; NULL for an attribute that the table does not have. */
const struct stun_attribute_info *stun_attribute_info(uint16_t type);
/* The table itself, for those who walk it. */
const struct stun_attribute_info *stun_attribute_table(size_t *count);

/* Whether an agent that does not understand this attribute must refuse the message (section 14). */
static inline bool
stun_comprehension_required(uint16_t type)
{
    return type < 0x8000;
}

/* The flags of CHANGE-REQUEST (RFC 5780 section 7.2). */
enum stun_change { STUN_CHANGE_PORT = 2, STUN_CHANGE_ADDRESS = 4 };

/* Error codes (RFC 8489 section 14.8, RFC 8656 section 19, RFC 6062 section 6.3, RFC 8445 section 7.3.1.1). */
enum stun_code {
    STUN_CODE_TRY_ALTERNATE = 300,
    STUN_CODE_BAD_REQUEST = 400,
    STUN_CODE_UNAUTHENTICATED = 401,
    STUN_CODE_FORBIDDEN = 403,
    STUN_CODE_UNKNOWN_ATTRIBUTE = 420,
    STUN_CODE_ALLOCATION_MISMATCH = 437,
    STUN_CODE_STALE_NONCE = 438,
    STUN_CODE_FAMILY_UNSUPPORTED = 440,
    STUN_CODE_WRONG_CREDENTIALS = 441,
    STUN_CODE_TRANSPORT_UNSUPPORTED = 442,
    STUN_CODE_PEER_FAMILY_MISMATCH = 443,
    STUN_CODE_CONNECTION_EXISTS = 446,  /* RFC 6062 section 6.3 */
    STUN_CODE_CONNECTION_FAILED = 447,
    STUN_CODE_QUOTA_REACHED = 486,
    STUN_CODE_ROLE_CONFLICT = 487,
    STUN_CODE_SERVER_ERROR = 500,
    STUN_CODE_INSUFFICIENT_CAPACITY = 508,
};

/* Password algorithms (section 18.5). */
enum stun_password_algorithm { STUN_ALGORITHM_MD5 = 1, STUN_ALGORITHM_SHA256 = 2 };

/* "Binding"; NULL for a method that is not known. */
const char *stun_method_name(uint16_t method);
/* "request", "indication", "success response", "error response" */
const char *stun_class_name(enum stun_class class);
/* "Unknown Attribute": what the RFC recommends as reason phrase; "" for a code that is not known. */
const char *stun_code_phrase(unsigned code);

#endif
