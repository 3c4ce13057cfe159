#include "proto/http/signal.h"

#include <glib.h>
#include <inttypes.h>
#include <stdio.h>

#include "proto/http/lex.h"

static const struct {
    const char *word;
    unsigned status;
    const char *sentence;
} reasons[] = {
#define X(name, word, status, sentence) { word, status, sentence },
    SIGNAL_REASONS(X)
#undef X
};

G_STATIC_ASSERT(G_N_ELEMENTS(reasons) == SIGNAL_REASON_COUNT);

const char *
signal_reason_word(enum signal_reason reason)
{
    return reasons[reason].word;
}

const char *
signal_reason_sentence(enum signal_reason reason)
{
    return reasons[reason].sentence;
}

unsigned
signal_reason_status(enum signal_reason reason)
{
    return reasons[reason].status;
}

enum signal_reason
signal_reason_read(struct span body)
{
    struct span word = http_cut(&body, ':');

    for (enum signal_reason reason = SIGNAL_REASON_NONE + 1; reason < SIGNAL_REASON_COUNT; reason++)
        if (http_span_is(word, reasons[reason].word))
            return reason;
    return SIGNAL_REASON_NONE;
}

/* They are among the unreserved characters of RFC 3986 section 2.3, so that a name stands in a path as it is, and no
 * segment of dots can be taken for a step upwards (section 5.2.4). */
bool
signal_is_name(struct span text)
{
    if (text.length < 1 || text.length > SIGNAL_NAME_MAX || text.bytes[0] == '.')
        return false;
    for (size_t i = 0; i < text.length; i++)
        if (!g_ascii_isalnum(text.bytes[i]) && text.bytes[i] != '-' && text.bytes[i] != '_' && text.bytes[i] != '.')
            return false;
    return true;
}

/* --- IDs --------------------------------------------------------------------------------------------------------- */

bool
signal_id_read(struct span text, struct signal_id *id)
{
    struct span session = http_cut(&text, '-');
    struct signal_id read;

    if (!http_hexadecimal(session, &read.session) || !http_decimal(text, &read.number) || read.number == 0)
        return false;
    *id = read;
    return true;
}

void
signal_put_id(struct writer *writer, struct signal_id id)
{
    char text[40];

    snprintf(text, sizeof text, "%" PRIx64 "-%" PRIu64, id.session & SIGNAL_SESSION_MASK, id.number);
    writer_span_put(writer, span_of_text(text));
}

/* --- requests ---------------------------------------------------------------------------------------------------- */

/* RFC 9112 section 3.2.2: a server takes the absolute form too. */
static struct span
path_of(struct span target)
{
    static const char scheme[] = "http://";

    if (!http_span_starts_nocase(target, scheme))
        return target;
    target = span_of(target.bytes + sizeof scheme - 1, target.length - (sizeof scheme - 1));

    const uint8_t *slash = target.length ? memchr(target.bytes, '/', target.length) : NULL;

    return slash ? span_of(slash, target.length - (size_t)(slash - target.bytes)) : span_of(NULL, 0);
}

/* "/peers/NAME/messages" or "/peers/NAME/from/NAME". */
static enum signal_reason
read_path(struct span path, struct signal_request *request)
{
    struct span before = http_cut(&path, '/'), peers = http_cut(&path, '/');
    struct span name = http_cut(&path, '/'), what = http_cut(&path, '/');
    bool messages = http_span_is(what, "messages") && !path.bytes;
    bool from = http_span_is(what, "from") && path.bytes;

    if (before.length > 0 || !http_span_is(peers, "peers") || (!messages && !from))
        return SIGNAL_REASON_NO_SUCH;
    if (!signal_is_name(name) || (from && !signal_is_name(path)))
        return SIGNAL_REASON_NAME;
    request->name = name;
    request->from = path;
    request->method = from ? SIGNAL_POST : SIGNAL_GET;
    return SIGNAL_REASON_NONE;
}

static enum signal_reason
read_parameter(struct span parameter, struct signal_request *request)
{
    struct span key = http_cut(&parameter, '=');
    bool posts = request->method == SIGNAL_POST;
    uint64_t seconds;

    if (http_span_is(key, posts ? "id" : "after") && !request->has_id) {
        request->has_id = true;
        return signal_id_read(parameter, &request->id) ? SIGNAL_REASON_NONE : SIGNAL_REASON_ID;
    }
    if (posts || !http_span_is(key, "wait") || !http_decimal(parameter, &seconds) ||
        seconds > SIGNAL_WAIT_MAX / TIME_S)
        return SIGNAL_REASON_QUERY;
    request->wait = (int64_t)seconds * TIME_S;
    return SIGNAL_REASON_NONE;
}

static enum signal_reason
read_type(const struct http_head *head, struct signal_request *request)
{
    request->type = span_of_text(SIGNAL_TYPE_DEFAULT);
    if (!http_head_find(head, "content-type", 0))
        return SIGNAL_REASON_NONE;
    if (!http_head_get(head, "content-type", &request->type) || request->type.length > SIGNAL_TYPE_MAX)
        return SIGNAL_REASON_TYPE;
    return SIGNAL_REASON_NONE;
}

enum signal_reason
signal_request_read(const struct http_head *head, struct signal_request *out)
{
    struct signal_request request = { .wait = SIGNAL_WAIT_DEFAULT };
    struct span query = path_of(head->target);
    struct span path = http_cut(&query, '?');
    enum signal_reason reason = read_path(path, &request);

    if (reason == SIGNAL_REASON_NONE && !http_span_is(head->method, request.method == SIGNAL_POST ? "POST" : "GET"))
        reason = SIGNAL_REASON_METHOD;
    while (reason == SIGNAL_REASON_NONE && query.length > 0)
        reason = read_parameter(http_cut(&query, '&'), &request);
    if (reason == SIGNAL_REASON_NONE && request.method == SIGNAL_POST)
        reason = read_type(head, &request);
    if (reason == SIGNAL_REASON_NONE || reason == SIGNAL_REASON_METHOD)
        *out = request;
    return reason;
}

void
signal_put_target(struct writer *writer, const struct signal_request *request)
{
    bool posts = request->method == SIGNAL_POST;
    char wait[32];

    writer_span_put(writer, span_of_text("/peers/"));
    writer_span_put(writer, request->name);
    writer_span_put(writer, span_of_text(posts ? "/from/" : "/messages?"));
    writer_span_put(writer, request->from);
    if (request->has_id) {
        writer_span_put(writer, span_of_text(posts ? "?id=" : "after="));
        signal_put_id(writer, request->id);
        writer_span_put(writer, span_of_text(posts ? "" : "&"));
    }
    if (posts)
        return;
    snprintf(wait, sizeof wait, "wait=%" PRIi64, request->wait / TIME_S);
    writer_span_put(writer, span_of_text(wait));
}
