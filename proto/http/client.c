/* Theory of operation.
 *
 * A call is WAITING, with its timeout armed, or with its alarm at this very instant when the end is known already
 * (`lost`): the owner must hear of that in a turn of its own. It has a link, or none when it is lost.
 * A link is a connection: connecting or busy with its call, or kept idle without one until its alarm. It reads only
 * what its call waits for; anything that comes while it is idle ends it.
 * `finish` alone ends a call. After it neither call, link nor client may be touched. */
#include "proto/http/client.h"

#include "proto/http/lex.h"
#include "proto/http/output.h"

#define READ_BYTES 4096
#define ADDRESSES 64 /* of the host; with more of them none is missed */

struct link {
    struct link *next, *previous;
    struct http_client *client;
    struct io_tcp *tcp;
    struct endpoint server, local; /* as asked for */
    struct io_timer alarm;
    struct http_reader reader;
    struct http_output output;
    struct http_call *call;
    bool connected, reused;
};

struct http_call {
    struct http_call *next, *previous;
    struct http_client *client;
    struct link *link;
    struct io_timer alarm;
    GBytes *message;
    struct endpoint server, local;
    bool to_head, repeatable, idle, ended;
    bool is_lost;
    struct http_result lost;
    int64_t began;
    http_done *done;
    void *owner;
};

struct http_client {
    struct io *io;
    struct io_watch watch;
    struct http_limits limits;
    char *agent;
    struct http_call *calls;
    struct link *links;
};

static const struct {
    const char *word, *sentence;
} outcomes[] = {
#define X(name, word, sentence) { word, sentence },
    HTTP_OUTCOMES(X)
#undef X
};

G_STATIC_ASSERT(G_N_ELEMENTS(outcomes) == HTTP_OUTCOME_COUNT);

const char *
http_outcome_word(enum http_outcome outcome)
{
    return outcomes[outcome].word;
}

const char *
http_outcome_sentence(enum http_outcome outcome)
{
    return outcomes[outcome].sentence;
}

static int64_t
now_of(const struct http_client *client)
{
    return client->io->ops->now(client->io);
}

/* --- the request ------------------------------------------------------------------------------------------------- */

static GBytes *
message_of(const struct http_client *client, const struct http_ask *ask)
{
    uint8_t head[HTTP_HEAD_BYTES];
    struct writer writer = writer_over(head, sizeof head);
    char host[ENDPOINT_TEXT];
    bool carries = ask->body.length > 0 || strcmp(ask->method, "POST") == 0 || strcmp(ask->method, "PUT") == 0;

    http_put_request_line(&writer, ask->method, span_of_text(ask->target));
    http_put_field(&writer, "Host", span_of_text(ask->host ? ask->host : endpoint_format(ask->server, host)));
    if (client->agent)
        http_put_field(&writer, "User-Agent", span_of_text(client->agent));
    if (ask->type)
        http_put_field(&writer, "Content-Type", span_of_text(ask->type));
    if (carries)
        http_put_number(&writer, "Content-Length", ask->body.length);
    for (const struct http_pair *field = ask->fields; field && field->name; field++)
        http_put_field(&writer, field->name, span_of_text(field->value));
    http_put_end(&writer);
    if (writer_failed(&writer))
        return NULL;

    GByteArray *bytes = g_byte_array_new();

    g_byte_array_append(bytes, head, (guint)writer_length(&writer));
    if (ask->body.length)
        g_byte_array_append(bytes, ask->body.bytes, (guint)ask->body.length);
    return g_byte_array_free_to_bytes(bytes);
}

/* RFC 9110 section 9.2.2. */
static bool
is_idempotent(const char *method)
{
    static const char *const methods[] = { "GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", NULL };

    return g_strv_contains(methods, method);
}

/* --- links ------------------------------------------------------------------------------------------------------- */

static void
link_free(struct link *link, bool reset)
{
    struct http_client *client = link->client;

    client->io->ops->disarm(client->io, &link->alarm);
    if (link->previous)
        link->previous->next = link->next;
    else
        client->links = link->next;
    if (link->next)
        link->next->previous = link->previous;
    if (link->call)
        link->call->link = NULL;
    link->tcp->ops->close(link->tcp, reset);
    http_reader_close(&link->reader);
    http_output_close(&link->output);
    g_free(link);
}

static void
on_link_alarm(void *owner, struct io_timer *timer)
{
    (void)timer;
    link_free(owner, false);
}

static void on_stream(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result);

static struct link *
link_new(struct http_client *client, const struct http_call *call, enum io_result *why)
{
    struct link *link = g_new0(struct link, 1);

    link->tcp = client->io->ops->connect(client->io, &call->local, &call->server, false, on_stream, link, why);
    if (!link->tcp) {
        g_free(link);
        return NULL;
    }
    link->tcp->ops->prompt(link->tcp, true);
    link->client = client;
    link->server = call->server;
    link->local = call->local;
    link->alarm = (struct io_timer){ .fire = on_link_alarm, .owner = link };
    http_reader_open(&link->reader, HTTP_RESPONSE, &client->limits);
    http_output_open(&link->output);
    link->next = client->links;
    if (client->links)
        client->links->previous = link;
    client->links = link;
    return link;
}

/* Whether its address is no longer the host's: nothing will come there any more. */
static bool
is_stranded(const struct link *link)
{
    struct io_address addresses[ADDRESSES];
    struct io *io = link->client->io;
    struct address from = link->tcp->ops->local(link->tcp).address;
    size_t count = io->ops->addresses(io, addresses, G_N_ELEMENTS(addresses));

    if (address_is_none(from) || address_is_loopback(from) || count > G_N_ELEMENTS(addresses))
        return false;
    for (size_t i = 0; i < count; i++)
        if (address_equal(addresses[i].address, from))
            return false;
    return true;
}

static struct link *
idle_link(struct http_client *client, const struct http_call *call)
{
    for (struct link *link = client->links; link; link = link->next) {
        if (!link->call && endpoint_equal(link->server, call->server) && endpoint_equal(link->local, call->local) &&
            !is_stranded(link))
            return link;
    }
    return NULL;
}

size_t
http_client_idle(const struct http_client *client)
{
    size_t count = 0;

    for (const struct link *link = client->links; link; link = link->next)
        count += !link->call;
    return count;
}

/* --- calls ------------------------------------------------------------------------------------------------------- */

/* The end is known, and the owner hears of it in the next turn. */
static void
lose(struct http_call *call, enum http_outcome outcome, enum io_result io)
{
    struct http_client *client = call->client;

    call->is_lost = true;
    call->lost = (struct http_result){ .outcome = outcome, .io = io };
    client->io->ops->arm(client->io, &call->alarm, now_of(client), true);
}

/* Gives the call a link, an idle one if `reuse`, and sends the request on it. */
static void
start(struct http_call *call, bool reuse)
{
    struct http_client *client = call->client;
    struct link *link = reuse ? idle_link(client, call) : NULL;
    enum io_result why = IO_OK;
    gsize length;
    const void *bytes = g_bytes_get_data(call->message, &length);

    if (link) {
        client->io->ops->disarm(client->io, &link->alarm);
        link->reused = true;
        http_reader_next(&link->reader);
    } else {
        link = link_new(client, call, &why);
    }
    if (!link) {
        lose(call, HTTP_OUTCOME_UNREACHABLE, why);
        return;
    }
    call->link = link;
    link->call = call;
    link->reader.to_head = call->to_head;
    http_output_put(&link->output, span_of(bytes, length));
    if (link->connected)
        (void)http_output_flush(&link->output, link->tcp); /* a failure shows in the next event */
}

static void
leave(struct http_call *call)
{
    struct http_client *client = call->client;

    client->io->ops->disarm(client->io, &call->alarm);
    if (call->previous)
        call->previous->next = call->next;
    else
        client->calls = call->next;
    if (call->next)
        call->next->previous = call->previous;
    call->ended = true;
}

static void
call_free(struct http_call *call)
{
    g_clear_pointer(&call->message, g_bytes_unref);
    g_free(call);
}

void
http_call_cancel(struct http_call *call)
{
    if (call->ended)
        return;
    if (call->link)
        link_free(call->link, true);
    leave(call);
    call_free(call);
}

static void
finish(struct http_call *call, struct http_result *result)
{
    result->elapsed = now_of(call->client) - call->began;
    if (call->link)
        link_free(call->link, true);
    leave(call);
    call->done(call->owner, call, result);
    call_free(call);
}

/* The response is whole. It is taken out of the link, which may be used again or be freed before the owner has read
 * it. */
static void
finish_answered(struct link *link, bool keep)
{
    struct http_call *call = link->call;
    struct http_client *client = link->client;
    struct http_reader reader = link->reader;
    struct http_result result = { .outcome = HTTP_OUTCOME_ANSWERED,
                                  .head = &reader.head,
                                  .body = http_reader_body(&reader),
                                  .local = link->tcp->ops->local(link->tcp) };

    http_reader_open(&link->reader, HTTP_RESPONSE, &client->limits);
    call->link = NULL;
    link->call = NULL;
    if (keep && http_client_idle(client) <= HTTP_CLIENT_IDLE)
        client->io->ops->arm(client->io, &link->alarm, time_add(now_of(client), HTTP_CLIENT_IDLE_TIME), false);
    else
        link_free(link, false);
    finish(call, &result);
    http_reader_close(&reader);
}

static void
on_call_alarm(void *owner, struct io_timer *timer)
{
    struct http_call *call = owner;
    struct http_result result = { .outcome = HTTP_OUTCOME_TIMEOUT };

    (void)timer;
    finish(call, call->is_lost ? &call->lost : &result);
}

struct http_call *
http_client_ask(struct http_client *client, const struct http_ask *ask)
{
    struct http_call *call = g_new0(struct http_call, 1);

    call->client = client;
    call->server = ask->server;
    call->local = ask->local;
    call->done = ask->done;
    call->owner = ask->owner;
    call->to_head = strcmp(ask->method, "HEAD") == 0;
    call->repeatable = ask->repeatable || is_idempotent(ask->method);
    call->alarm = (struct io_timer){ .fire = on_call_alarm, .owner = call };
    call->began = now_of(client);
    call->next = client->calls;
    if (client->calls)
        client->calls->previous = call;
    client->calls = call;
    client->io->ops->arm(client->io, &call->alarm,
                         time_add(call->began, ask->timeout ? ask->timeout : HTTP_CLIENT_TIMEOUT), !ask->idle);
    call->message = message_of(client, ask);
    if (call->message)
        start(call, true);
    else
        lose(call, HTTP_OUTCOME_UNSENDABLE, IO_OK);
    return call;
}

size_t
http_client_outstanding(const struct http_client *client)
{
    size_t count = 0;

    for (const struct http_call *call = client->calls; call; call = call->next)
        count++;
    return count;
}

/* --- what the stream says ---------------------------------------------------------------------------------------- */

/* The stream has ended or failed before the response was whole. */
static void
broken(struct link *link, enum io_result why)
{
    struct http_call *call = link->call;
    bool stale = link->reused && !link->reader.started;
    bool connected = link->connected;
    enum http_fault fault = link->reader.state == HTTP_BROKEN ? link->reader.fault : HTTP_FAULT_NONE;

    link_free(link, true);
    if (!call)
        return;
    if (stale && call->repeatable)
        start(call, false);
    else if (fault != HTTP_FAULT_NONE && fault != HTTP_FAULT_CUT)
        finish(call, &(struct http_result){ .outcome = HTTP_OUTCOME_MALFORMED, .fault = fault });
    else
        finish(call, &(struct http_result){ .outcome = connected ? HTTP_OUTCOME_CLOSED : HTTP_OUTCOME_UNREACHABLE,
                                            .io = why });
}

/* Hands what was read to the reader, over interim responses (RFC 9110 section 15.2); what is left over. */
static struct span
feed(struct link *link, struct span bytes)
{
    struct http_reader *reader = &link->reader;

    while (bytes.length > 0 && reader->state < HTTP_READ) {
        size_t taken = http_reader_take(reader, bytes);

        bytes = span_of(bytes.bytes + taken, bytes.length - taken);
        if (reader->state == HTTP_READ && reader->head.status < 200) {
            http_reader_next(reader);
            reader->to_head = link->call->to_head;
        }
    }
    return bytes;
}

/* Reads until there is nothing more or the call has ended. */
static void
read_response(struct link *link)
{
    struct http_reader *reader = &link->reader;

    for (;;) {
        uint8_t bytes[READ_BYTES];
        enum io_result why = IO_OK;
        ssize_t got = link->tcp->ops->read(link->tcp, bytes, sizeof bytes, &why);
        struct span left = { NULL, 0 };

        if (got < 0 && why == IO_AGAIN)
            return;
        if (got > 0 && link->call)
            left = feed(link, span_of(bytes, (size_t)got));
        else if (got == 0 && link->call)
            http_reader_end(reader);
        if (got < 0 || !link->call || reader->state == HTTP_BROKEN) {
            broken(link, got < 0 ? why : IO_CLOSED);
            return;
        }
        if (reader->state == HTTP_READ) {
            bool keep =
                got > 0 && left.length == 0 && http_head_keeps(&reader->head) && !http_output_waits(&link->output);

            finish_answered(link, keep);
            return;
        }
    }
}

static void
on_stream(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    struct link *link = owner;

    (void)tcp;
    if (ready == IO_FAILED) {
        broken(link, result);
        return;
    }
    if (ready == IO_CONNECTED)
        link->connected = true;
    if (link->connected && http_output_waits(&link->output))
        (void)http_output_flush(&link->output, link->tcp); /* a failure shows in the read */
    if (ready == IO_READABLE || ready == IO_CONNECTED)
        read_response(link);
}

/* --- another network --------------------------------------------------------------------------------------------- */

/* Whether a connection made now would leave from another address. What the owner has chosen stays. */
static bool
has_moved(const struct link *link)
{
    struct io *io = link->client->io;
    struct endpoint from = link->tcp->ops->local(link->tcp);
    struct address local;

    return address_is_none(link->local.address) && !address_is_none(from.address) &&
           io->ops->source(io, &link->server.address, &local) == IO_OK && !address_equal(local, from.address);
}

/* Nobody would say that such a connection is dead: its packets go out in vain until a timeout. */
static void
on_changed(void *owner)
{
    struct http_client *client = owner;

    for (struct link *link = client->links, *next; link; link = next) {
        struct http_call *call = link->call;

        next = link->next;
        if (!has_moved(link) || (call && !call->repeatable))
            continue;
        link_free(link, true);
        if (call)
            start(call, false);
    }
}

/* --- life -------------------------------------------------------------------------------------------------------- */

struct http_client *
http_client_new(struct io *io, const struct http_limits *limits, const char *agent)
{
    struct http_client *client = g_new0(struct http_client, 1);

    client->io = io;
    client->limits = *limits;
    client->agent = g_strdup(agent);
    client->watch = (struct io_watch){ .changed = on_changed, .owner = client };
    io->ops->watch(io, &client->watch);
    return client;
}

void
http_client_free(struct http_client *client)
{
    if (!client)
        return;
    client->io->ops->unwatch(client->io, &client->watch);
    while (client->calls)
        http_call_cancel(client->calls);
    while (client->links)
        link_free(client->links, false);
    g_free(client->agent);
    g_free(client);
}
