/* A SIP message (RFC 3261 section 7): its start line, its header fields, its body. Pure: bytes in, struct out; spans
 * borrow from the bytes, so that where a value stands is known to whoever wants to put another there (an ALG).
 *
 * The decoder takes what section 25's grammar allows and the wire is known to bring: compact names (section 7.3.3),
 * folded lines, blanks before a colon, line ends before the start line, header fields that it does not know, in any
 * order. Single values are decoded by headers.h, and only when somebody asks, except for those few without which no
 * answer can be given. What is refused has a fault, and a fault has the status that tells the peer so; whether an answer
 * can be made at all sip_message_answerable says.
 *
 * On streams a message's length is said by Content-Length: framing.h finds it. */
#ifndef PROTO_SIP_MESSAGE_H
#define PROTO_SIP_MESSAGE_H

#include "core/base/cursor.h"

#define SIP_PORT 5060
enum {
    SIP_HEADERS_MAX = 128,   /* in one message: more is a fault */
    SIP_MESSAGE_MAX = 65535, /* bytes, on any transport */
    SIP_DATAGRAM_MAX = 1300, /* a request longer than this goes over a stream (RFC 3261 section 18.1.1) */
};

/* clang-format off */
/* Methods that something here acts on; any other is SIP_METHOD_OTHER, and passed on as it is. */
#define SIP_METHODS(X) \
    X(REGISTER) X(INVITE) X(ACK) X(CANCEL) X(BYE) X(OPTIONS) X(INFO) X(UPDATE) X(PRACK) X(MESSAGE) X(SUBSCRIBE) \
    X(NOTIFY) X(REFER)

enum sip_method {
    SIP_METHOD_OTHER,
#define X(name) SIP_##name,
    SIP_METHODS(X)
#undef X
    SIP_METHOD_COUNT
};

/* Header fields that something here reads.  name, compact form (RFC 3261 section 20; 0: none), whether a value that
 * has commas is a list of values (section 7.3.1) */
#define SIP_HEADER_NAMES(X) \
    X(VIA,                 "Via",                 'v', true) \
    X(FROM,                "From",                'f', false) \
    X(TO,                  "To",                  't', false) \
    X(CALL_ID,             "Call-ID",             'i', false) \
    X(CSEQ,                "CSeq",                0,   false) \
    X(MAX_FORWARDS,        "Max-Forwards",        0,   false) \
    X(CONTACT,             "Contact",             'm', true) \
    X(ROUTE,               "Route",               0,   true) \
    X(RECORD_ROUTE,        "Record-Route",        0,   true) \
    X(PATH,                "Path",                0,   true) \
    X(SERVICE_ROUTE,       "Service-Route",       0,   true) \
    X(EXPIRES,             "Expires",             0,   false) \
    X(MIN_EXPIRES,         "Min-Expires",         0,   false) \
    X(CONTENT_LENGTH,      "Content-Length",      'l', false) \
    X(CONTENT_TYPE,        "Content-Type",        'c', false) \
    X(CONTENT_ENCODING,    "Content-Encoding",    'e', true) \
    X(CONTENT_DISPOSITION, "Content-Disposition", 0,   false) \
    X(SUPPORTED,           "Supported",           'k', true) \
    X(REQUIRE,             "Require",             0,   true) \
    X(PROXY_REQUIRE,       "Proxy-Require",       0,   true) \
    X(UNSUPPORTED,         "Unsupported",         0,   true) \
    X(ALLOW,               "Allow",               0,   true) \
    X(ACCEPT,              "Accept",              0,   true) \
    X(WWW_AUTHENTICATE,    "WWW-Authenticate",    0,   false) \
    X(AUTHORIZATION,       "Authorization",       0,   false) \
    X(PROXY_AUTHENTICATE,  "Proxy-Authenticate",  0,   false) \
    X(PROXY_AUTHORIZATION, "Proxy-Authorization", 0,   false) \
    X(FLOW_TIMER,          "Flow-Timer",          0,   false) \
    X(RETRY_AFTER,         "Retry-After",         0,   false) \
    X(WARNING,             "Warning",             0,   true) \
    X(USER_AGENT,          "User-Agent",          0,   false) \
    X(SERVER,              "Server",              0,   false) \
    X(DATE,                "Date",                0,   false) \
    X(SUBJECT,             "Subject",             's', false) \
    X(TIMESTAMP,           "Timestamp",           0,   false) \
    X(REFER_TO,            "Refer-To",            'r', false) \
    X(EVENT,               "Event",               'o', false)

enum sip_header_name {
    SIP_HEADER_OTHER,
#define X(id, name, compact, list) SIP_HEADER_##id,
    SIP_HEADER_NAMES(X)
#undef X
    SIP_HEADER_COUNT
};

/* What is wrong with a message.  word              status  sentence */
#define SIP_FAULTS(X) \
    X(NONE,               "none",                 200, "nothing is wrong with it") \
    X(EMPTY,              "empty",                0,   "there is nothing but line ends: a keep-alive") \
    X(NOT_SIP,            "not-sip",              0,   "it does not begin as a SIP message does") \
    X(START_LINE,         "start-line",           400, "its start line is malformed") \
    X(VERSION,            "version",              505, "it is of another version than SIP/2.0") \
    X(HEADER,             "header",               400, "a header field is malformed") \
    X(TOO_MANY_HEADERS,   "too-many-headers",     400, "it has too many header fields") \
    X(UNFINISHED,         "unfinished",           400, "its header has no end") \
    X(MISSING,            "missing",              400, "a header field that each message needs is missing") \
    X(REPEATED,           "repeated",             400, "a header field that has one value stands there twice") \
    X(VIA,                "via",                  400, "its topmost Via is malformed") \
    X(CSEQ,               "cseq",                 400, "its CSeq is malformed, or of another method") \
    X(CALL_ID,            "call-id",              400, "its Call-ID is malformed") \
    X(FROM_TO,            "from-to",              400, "its From or To is malformed") \
    X(MAX_FORWARDS,       "max-forwards",         400, "its Max-Forwards is malformed") \
    X(REQUEST_URI,        "request-uri",          400, "its Request-URI is malformed") \
    X(SCHEME,             "scheme",               416, "its Request-URI is of another scheme than SIP's") \
    X(CONTENT_LENGTH,     "content-length",       400, "its Content-Length is malformed") \
    X(CUT,                "cut",                  400, "it is shorter than its Content-Length says") \
    X(TOO_LONG,           "too-long",             513, "it is longer than the limit")

enum sip_fault {
#define X(name, word, status, sentence) SIP_FAULT_##name,
    SIP_FAULTS(X)
#undef X
    SIP_FAULT_COUNT
};
/* clang-format on */

const char *sip_fault_word(enum sip_fault fault);
const char *sip_fault_sentence(enum sip_fault fault);
unsigned sip_fault_status(enum sip_fault fault); /* 0: no answer is owed */

const char *sip_method_word(enum sip_method method); /* "" for SIP_METHOD_OTHER */
enum sip_method sip_method_of(struct span word);     /* methods are case-sensitive (section 7.1) */

const char *sip_header_word(enum sip_header_name name);
enum sip_header_name sip_header_of(struct span word); /* long or compact, in any case */
bool sip_header_is_list(enum sip_header_name name);

/* "Not Found"; "" for a status that has no phrase here. */
const char *sip_status_phrase(unsigned status);

/* `value` has no blanks at its ends, but all its folds in it. `line`: from the name to the line end, that included. */
struct sip_header {
    enum sip_header_name id;
    struct span name, value, line;
};

struct sip_message {
    struct span text; /* from the start line to the end of the body */
    bool request;
    struct span method; /* of a request; `method_id` of a response is its CSeq's */
    struct span uri;
    unsigned status; /* of a response: 100 to 699 */
    struct span phrase;
    enum sip_method method_id;
    uint32_t cseq;
    struct span cseq_method;
    unsigned count;
    struct sip_header headers[SIP_HEADERS_MAX];
    struct span head; /* from the start line to the empty line, that included */
    struct span body; /* cut to Content-Length, where one is said */
};

/* Decodes a datagram, or a message that framing.h cut out of a stream. With a fault other than SIP_FAULT_NONE the
 * message holds what was understood up to there, so that a request can be answered.
 *
 * Looks at the grammar of the start line and of all header lines, and demands (section 8.1.1) one From, To, Call-ID,
 * CSeq, and a Via; where they stand Content-Length and Max-Forwards, once and well-formed; a topmost Via, From, To and
 * CSeq that decode, and the CSeq's method being the request's. The Request-URI comes last, its scheme last of all. Bytes
 * after the body are left out (section 18.3). */
enum sip_fault sip_message_decode(struct span bytes, struct sip_message *message);

/* Whether a request can be answered, whatever is wrong with it: it has a Via, and isn't an ACK, which is never answered.
 * The answer repeats those of From, To, Call-ID and CSeq that came (RFC 4475 section 3.3.1 wants a 400 even without
 * them), and goes whence the request came when the Via cannot be read. */
bool sip_message_answerable(const struct sip_message *message);

/* Whether bytes may be SIP at all: their first may begin a method, or is a line end. STUN's first is 0 or 1 (RFC 5626 section 8),
 * RTP's has its highest bit set (RFC 7983). */
bool sip_may_be(struct span bytes);

/* The first header field of that name at or after `from`; NULL without one. */
const struct sip_header *sip_message_find(const struct sip_message *message, enum sip_header_name name, unsigned from);
/* The value of the first one; an empty span without one. */
struct span sip_message_value(const struct sip_message *message, enum sip_header_name name);

/* Walks the single values of a header field that may stand in several lines and hold several values a line, in their
 * order: commas part values only outside of quoted strings and of angle brackets.
 *
 *     struct sip_values walk = sip_values_of(message, SIP_HEADER_VIA);
 *     while (sip_values_next(&walk, &value)) ... */
struct sip_values {
    const struct sip_message *message;
    enum sip_header_name name;
    unsigned header;  /* the next to look at */
    struct span left; /* of the one before */
    unsigned line;    /* the header field in which the last value stood */
};
struct sip_values sip_values_of(const struct sip_message *message, enum sip_header_name name);
bool sip_values_next(struct sip_values *walk, struct span *value);

/* Whether `token` is one of the values (option tags: case-insensitive). */
bool sip_message_lists(const struct sip_message *message, enum sip_header_name name, const char *token);

/* Where in the text something stands that the message lent. */
static inline size_t
sip_message_offset(const struct sip_message *message, struct span part)
{
    return (size_t)(part.bytes - message->text.bytes);
}

#endif
