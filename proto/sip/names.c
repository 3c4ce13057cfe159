/* The words of SIP: methods, header fields, statuses and faults. */
#include <glib.h>

#include "proto/sip/lex.h"
#include "proto/sip/message.h"

/* --- faults ------------------------------------------------------------------------------------------------------ */

static const struct {
    const char *word, *sentence;
    unsigned status;
} faults[] = {
#define X(name, word, status, sentence) { word, sentence, status },
    SIP_FAULTS(X)
#undef X
};

G_STATIC_ASSERT(G_N_ELEMENTS(faults) == SIP_FAULT_COUNT);

const char *
sip_fault_word(enum sip_fault fault)
{
    return faults[fault].word;
}

const char *
sip_fault_sentence(enum sip_fault fault)
{
    return faults[fault].sentence;
}

unsigned
sip_fault_status(enum sip_fault fault)
{
    return faults[fault].status;
}

/* --- methods ----------------------------------------------------------------------------------------------------- */

static const char *const methods[] = { "",
#define X(name) #name,
                                       SIP_METHODS(X)
#undef X
};

G_STATIC_ASSERT(G_N_ELEMENTS(methods) == SIP_METHOD_COUNT);

const char *
sip_method_word(enum sip_method method)
{
    return methods[method];
}

enum sip_method
sip_method_of(struct span word)
{
    for (enum sip_method i = SIP_METHOD_OTHER + 1; i < SIP_METHOD_COUNT; i++)
        if (word.length && word.bytes[0] == (uint8_t)methods[i][0] && sip_text_is(word, methods[i]))
            return i;
    return SIP_METHOD_OTHER;
}

/* --- header fields ----------------------------------------------------------------------------------------------- */

static const struct {
    const char *word;
    uint8_t length;
    char compact;
    bool list;
} headers[] = { { "", 0, 0, false },
#define X(id, name, compact, list) { name, sizeof name - 1, compact, list },
                SIP_HEADER_NAMES(X)
#undef X
};

G_STATIC_ASSERT(G_N_ELEMENTS(headers) == SIP_HEADER_COUNT);

/* Those of one length, so that few are compared; each row ends with SIP_HEADER_OTHER. A test walks all names. */
#define LONGEST 19
static const uint8_t of_length[LONGEST + 1][8] = {
    [2] = { SIP_HEADER_TO },
    [3] = { SIP_HEADER_VIA },
    [4] = { SIP_HEADER_FROM, SIP_HEADER_CSEQ, SIP_HEADER_PATH, SIP_HEADER_DATE },
    [5] = { SIP_HEADER_ROUTE, SIP_HEADER_ALLOW, SIP_HEADER_EVENT },
    [6] = { SIP_HEADER_ACCEPT, SIP_HEADER_SERVER },
    [7] = { SIP_HEADER_CONTACT, SIP_HEADER_CALL_ID, SIP_HEADER_EXPIRES, SIP_HEADER_REQUIRE, SIP_HEADER_WARNING,
            SIP_HEADER_SUBJECT },
    [8] = { SIP_HEADER_REFER_TO },
    [9] = { SIP_HEADER_SUPPORTED, SIP_HEADER_TIMESTAMP },
    [10] = { SIP_HEADER_USER_AGENT, SIP_HEADER_FLOW_TIMER },
    [11] = { SIP_HEADER_MIN_EXPIRES, SIP_HEADER_UNSUPPORTED, SIP_HEADER_RETRY_AFTER },
    [12] = { SIP_HEADER_MAX_FORWARDS, SIP_HEADER_CONTENT_TYPE, SIP_HEADER_RECORD_ROUTE },
    [13] = { SIP_HEADER_AUTHORIZATION, SIP_HEADER_SERVICE_ROUTE, SIP_HEADER_PROXY_REQUIRE },
    [14] = { SIP_HEADER_CONTENT_LENGTH },
    [16] = { SIP_HEADER_CONTENT_ENCODING, SIP_HEADER_WWW_AUTHENTICATE },
    [18] = { SIP_HEADER_PROXY_AUTHENTICATE },
    [19] = { SIP_HEADER_PROXY_AUTHORIZATION, SIP_HEADER_CONTENT_DISPOSITION },
};

const char *
sip_header_word(enum sip_header_name name)
{
    return headers[name].word;
}

bool
sip_header_is_list(enum sip_header_name name)
{
    return headers[name].list;
}

static enum sip_header_name
of_letter(char letter)
{
    for (enum sip_header_name i = SIP_HEADER_OTHER + 1; i < SIP_HEADER_COUNT; i++)
        if (headers[i].compact == letter)
            return i;
    return SIP_HEADER_OTHER;
}

enum sip_header_name
sip_header_of(struct span word)
{
    if (word.length == 1 && g_ascii_isalpha(word.bytes[0]))
        return of_letter((char)sip_lower(word.bytes[0]));
    if (word.length > LONGEST)
        return SIP_HEADER_OTHER;
    for (const uint8_t *id = of_length[word.length]; *id; id++)
        if (sip_text_equal_nocase(word, span_of(headers[*id].word, headers[*id].length)))
            return *id;
    return SIP_HEADER_OTHER;
}

/* --- statuses, RFC 3261 section 21 and others --------------------------------------------------------------------- */

static const struct {
    uint16_t status;
    const char *phrase;
} statuses[] = {
    { 100, "Trying" },
    { 180, "Ringing" },
    { 181, "Call Is Being Forwarded" },
    { 182, "Queued" },
    { 183, "Session Progress" },
    { 200, "OK" },
    { 202, "Accepted" },
    { 300, "Multiple Choices" },
    { 301, "Moved Permanently" },
    { 302, "Moved Temporarily" },
    { 305, "Use Proxy" },
    { 380, "Alternative Service" },
    { 400, "Bad Request" },
    { 401, "Unauthorized" },
    { 402, "Payment Required" },
    { 403, "Forbidden" },
    { 404, "Not Found" },
    { 405, "Method Not Allowed" },
    { 406, "Not Acceptable" },
    { 407, "Proxy Authentication Required" },
    { 408, "Request Timeout" },
    { 410, "Gone" },
    { 413, "Request Entity Too Large" },
    { 414, "Request-URI Too Long" },
    { 415, "Unsupported Media Type" },
    { 416, "Unsupported URI Scheme" },
    { 420, "Bad Extension" },
    { 421, "Extension Required" },
    { 423, "Interval Too Brief" },
    { 430, "Flow Failed" },
    { 439, "First Hop Lacks Outbound Support" },
    { 440, "Max-Breadth Exceeded" },
    { 480, "Temporarily Unavailable" },
    { 481, "Call/Transaction Does Not Exist" },
    { 482, "Loop Detected" },
    { 483, "Too Many Hops" },
    { 484, "Address Incomplete" },
    { 485, "Ambiguous" },
    { 486, "Busy Here" },
    { 487, "Request Terminated" },
    { 488, "Not Acceptable Here" },
    { 489, "Bad Event" },
    { 491, "Request Pending" },
    { 493, "Undecipherable" },
    { 500, "Server Internal Error" },
    { 501, "Not Implemented" },
    { 502, "Bad Gateway" },
    { 503, "Service Unavailable" },
    { 504, "Server Time-out" },
    { 505, "Version Not Supported" },
    { 513, "Message Too Large" },
    { 600, "Busy Everywhere" },
    { 603, "Decline" },
    { 604, "Does Not Exist Anywhere" },
    { 606, "Not Acceptable" },
};

const char *
sip_status_phrase(unsigned status)
{
    for (size_t i = 0; i < G_N_ELEMENTS(statuses); i++)
        if (statuses[i].status == status)
            return statuses[i].phrase;
    return "";
}
