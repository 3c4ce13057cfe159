/* What can be wrong with a session description, and where: "line 4, column 10: c= has an address that ...".
 *
 * Lines and columns count from 1, as editors do; a column counts bytes. 0: the fault is not of one line, or not of one
 * place in it. */
#ifndef PROTO_SDP_FAULT_H
#define PROTO_SDP_FAULT_H

#include <glib.h>

#include "core/base/span.h"

/* clang-format off */
/* The sentence follows the line's name: "a=candidate has ..."; where a whole text is at fault, "the description".
 *    name                word                      sentence */
#define SDP_FAULTS(X) \
    X(NONE,               "none",                   "has nothing wrong with it") \
    /* the text and its lines, RFC 8866 sections 5 and 9 */ \
    X(TOO_LONG,           "too-long",               "is longer than 65535 bytes") \
    X(TOO_MANY_LINES,     "too-many-lines",         "has more than 1024 lines") \
    X(TOO_MANY_MEDIA,     "too-many-media",         "is one medium more than the 64 that are read") \
    X(BYTE,               "byte",                   "has a NUL or a carriage return in it") \
    X(FORM,               "form",                   "is not a line: a lower-case letter, '=' and a value, without blanks between them") \
    X(UNKNOWN_TYPE,       "unknown-type",           "is not a line that session descriptions have here") \
    X(ORDER,              "order",                  "is out of order, or there twice; the order is v o s i u e p c b t (r z) k a, and m i c b k a for each medium") \
    X(MISSING,            "missing",                "is missing") \
    X(NO_CONNECTION,      "no-connection",          "has no address: neither it nor the session has a c= line") \
    X(EMPTY,              "empty",                  "has no value") \
    X(VERSION,            "version",                "is not 0") \
    X(ORIGIN,             "origin",                 "is not 'user session-id version nettype addrtype address'") \
    X(NUMBER,             "number",                 "has a number that is none, or too large") \
    X(NETWORK,            "network",                "has a network or address type that is not a token; usual: IN IP4, IN IP6") \
    X(ADDRESS,            "address",                "has an address that is none of its type, nor a host name") \
    X(MULTICAST,          "multicast",              "has '/' after an address that takes none, or a multicast address without its TTL or with numbers out of range") \
    X(BANDWIDTH,          "bandwidth",              "is not 'type:kilobits'") \
    X(TIME,               "time",                   "is not 'start stop', two numbers") \
    X(REPEAT,             "repeat",                 "is not 'interval duration offset...' in numbers with d, h, m or s") \
    X(ZONE,               "zone",                   "is not pairs of a time and an offset") \
    X(MEDIA,              "media",                  "is not 'media port protocol format...'") \
    X(PORT,               "port",                   "has a port that is not a number from 0 to 65535") \
    X(PORT_COUNT,         "port-count",             "has a number of ports that is 0 or leads beyond port 65535") \
    X(ATTRIBUTE,          "attribute",              "has a name that is not a token, or trailing bytes") \
    /* attributes, by whoever asks for one */ \
    X(RTPMAP,             "rtpmap",                 "is not 'payload-type encoding/clock[/channels]', payload types being 0 to 127") \
    X(RTCP,               "rtcp",                   "is not 'port [nettype addrtype address]' (RFC 3605)") \
    X(FOUNDATION,         "foundation",             "has a foundation that is not 1 to 32 letters, digits, '+' or '/'") \
    X(COMPONENT,          "component",              "has a component that is not a number from 1 to 256") \
    X(TRANSPORT,          "transport",              "has a transport that is not a token; known: UDP, TCP") \
    X(PRIORITY,           "priority",               "has a priority that is not a number from 1 to 2147483647") \
    X(TYPE,               "type",                   "has no 'typ' with host, srflx, prflx, relay or another token after its port") \
    X(RELATED,            "related",                "has a raddr that is no address, or an rport that is no port") \
    X(EXTENSION,          "extension",              "has an extension that is not a name and a value") \
    X(TCPTYPE,            "tcptype",                "has no tcptype of active, passive or so, which TCP candidates need (RFC 6544)") \
    X(PREFIX,             "prefix",                 "does not begin with 'candidate:'") \
    X(UFRAG,              "ufrag",                  "is not 4 to 256 letters, digits, '+' or '/'") \
    X(PWD,                "pwd",                    "is not 22 to 256 letters, digits, '+' or '/'") \
    X(CREDENTIALS,        "credentials",            "stands alone: ice-ufrag and ice-pwd come together") \
    X(OPTIONS,            "options",                "is not tags of letters, digits, '+', '/' or '-' with one blank between them") \
    X(PACING,             "pacing",                 "is not a number of milliseconds of up to ten digits") \
    X(REMOTE_CANDIDATES,  "remote-candidates",      "is not 'component address port', once or more") \
    X(MID,                "mid",                    "is not a token") \
    X(NO_MID,             "no-mid",                 "has no a=mid, which says whose candidates follow (RFC 8840)") \
    /* offers and answers, RFC 3264 */ \
    X(ANSWER_COUNT,       "answer-count",           "has not as many m= lines as the offer") \
    X(ANSWER_MEDIA,       "answer-media",           "is another kind of media than in the offer") \
    X(ANSWER_PROTOCOL,    "answer-protocol",        "has another protocol than in the offer") \
    X(ANSWER_REVIVED,     "answer-revived",         "has a port although the offer has none there") \
    X(ANSWER_FORMATS,     "answer-formats",         "has no format of the offer") \
    X(ANSWER_DIRECTION,   "answer-direction",       "has a direction that the offer does not allow") \
    X(ANSWER_TIME,        "answer-time",            "is not the offer's") \
    X(UPDATE_ORIGIN,      "update-origin",          "differs from the one before in more than its version") \
    X(UPDATE_VERSION,     "update-version",         "has a version that is not one more than before, or the same for the same text") \
    X(UPDATE_REMOVED,     "update-removed",         "has fewer m= lines than before; a stream ends with port 0") \
    X(UPDATE_MEDIA,       "update-media",           "turns a stream in use into another kind of media")

enum sdp_fault {
#define X(name, word, sentence) SDP_FAULT_##name,
    SDP_FAULTS(X)
#undef X
    SDP_FAULT_COUNT
};
/* clang-format on */

/* `type` is the line's letter and `attribute` its name when that is known ("candidate"); 0 and NULL otherwise. */
struct sdp_error {
    enum sdp_fault fault;
    uint32_t line, column;
    char type;
    const char *attribute; /* static */
};

const char *sdp_fault_word(enum sdp_fault fault);
const char *sdp_fault_sentence(enum sdp_fault fault);

/* Appends "line 4, column 10: c= has an address that ...". */
void sdp_error_say(const struct sdp_error *error, GString *out);

#endif
