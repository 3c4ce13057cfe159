/* HTTP from both sides. The first byte says which: bytes of the input go as a stream to a server, whose handler answers
 * at once, later or never; or to a client as what a server says; or whole to the decoder of heads.
 *
 * What must hold: what the decoder takes can be written and read again with the same fields; each request gets at most
 * one answer, in order; each call ends once; nothing is left open. */
#include "core/base/cursor.h"
#include "proto/http/client.h"
#include "proto/http/server.h"
#include "tests/unit/support_io.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#define MOST_STEPS 300
#define PORT 80

struct world {
    struct fake_io *host, *far;
    struct endpoint server_at;
    struct http_server *server;
    struct http_client *client;
    struct io_tcp *stream; /* the raw end; NULL: closed */
    struct http_exchange *held;
    uint8_t how;
    unsigned calls, ended;
    uint64_t requests, answers;
};

/* --- heads ------------------------------------------------------------------------------------------------------- */

static char *
text_of(struct span span)
{
    return g_strndup(span.length ? (const char *)span.bytes : "", span.length);
}

/* A head that was understood is the same after writing and reading. */
static void
check_head(const struct http_head *head, enum http_role role)
{
    static uint8_t bytes[65536];
    struct writer writer = writer_over(bytes, sizeof bytes);
    struct http_head again;

    if (role == HTTP_REQUEST) {
        g_autofree char *method = text_of(head->method);

        http_put_request_line(&writer, method, head->target);
    } else {
        http_put_status_line(&writer, head->status);
    }
    for (unsigned i = 0; i < head->count; i++) {
        g_autofree char *name = text_of(head->fields[i].name);

        http_put_field(&writer, name, head->fields[i].value);
    }
    http_put_end(&writer);
    g_assert_false(writer_failed(&writer));
    g_assert_cmpint(http_head_decode(writer_span(&writer), role, &again), ==, HTTP_FAULT_NONE);
    g_assert_cmpuint(again.count, ==, head->count);
    g_assert_cmpuint(again.status, ==, head->status);
    for (unsigned i = 0; i < head->count; i++)
        g_assert_true(span_equal(again.fields[i].value, head->fields[i].value));
}

static void
heads(struct span text)
{
    struct http_head head;
    enum http_framing framing;
    uint64_t length;

    if (http_head_decode(text, HTTP_REQUEST, &head) == HTTP_FAULT_NONE) {
        check_head(&head, HTTP_REQUEST);
        (void)http_request_check(&head);
        (void)http_request_framing(&head, &framing, &length);
    }
    if (http_head_decode(text, HTTP_RESPONSE, &head) == HTTP_FAULT_NONE) {
        check_head(&head, HTTP_RESPONSE);
        (void)http_response_framing(&head, false, &framing, &length);
    }
}

/* --- the server -------------------------------------------------------------------------------------------------- */

static void
carry(struct world *world)
{
    do {
        fake_io_advance(world->host, 0);
        fake_io_advance(world->far, 0);
    } while (fake_io_carry_streams(world->host, world->far));
}

static void
answer(struct world *world, struct http_exchange *exchange)
{
    struct http_request request = http_exchange_request(exchange);

    world->answers++;
    http_exchange_respond(exchange, &(struct http_response){ .status = world->how & 8 ? 204 : 200,
                                                             .type = world->how & 16 ? "text/plain" : NULL,
                                                             .body = request.body,
                                                             .close = world->how & 32 });
}

static void
on_gone(void *owner, struct http_exchange *exchange)
{
    struct world *world = owner;

    g_assert_true(world->held == exchange);
    world->held = NULL;
    world->answers++;
}

static void
on_request(void *owner, struct http_exchange *exchange)
{
    struct world *world = owner;

    g_assert_null(world->held); /* one connection, so one at a time */
    world->requests++;
    if (world->how & 4) {
        world->held = exchange;
        http_exchange_on_gone(exchange, on_gone, world);
    } else {
        answer(world, exchange);
    }
}

static void
on_raw(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    struct world *world = owner;
    enum io_result why;
    uint8_t bytes[256];

    (void)result;
    while (ready == IO_READABLE && tcp->ops->read(tcp, bytes, sizeof bytes, &why) > 0)
        ;
    if (ready == IO_FAILED) {
        tcp->ops->close(tcp, true);
        world->stream = NULL;
    }
}

static void
write_some(struct world *world, struct reader *input)
{
    struct span data = reader_span(input, MIN((size_t)reader_u8(input), reader_left(input)));
    enum io_result why;

    if (world->stream && data.length)
        (void)world->stream->ops->write(world->stream, data.bytes, data.length, &why);
    carry(world);
}

static void
close_raw(struct world *world, bool reset)
{
    if (world->stream)
        world->stream->ops->close(world->stream, reset);
    world->stream = NULL;
    carry(world);
}

static void
server_step(struct world *world, struct reader *input)
{
    uint8_t what = reader_u8(input);

    switch (what & 7) {
    case 0:
        world->how = reader_u8(input);
        world->far->window = 1 + (world->how & 3) * 400;
        break;
    case 1:
        if (world->held) {
            struct http_exchange *held = world->held;

            world->held = NULL;
            answer(world, held);
            carry(world);
        }
        break;
    case 2:
        fake_io_advance(world->far, what * TIME_S / 8);
        carry(world);
        break;
    case 3:
        close_raw(world, what & 8);
        break;
    default:
        write_some(world, input);
    }
}

static void
serve(struct world *world, struct reader *input)
{
    struct http_server_options options = HTTP_SERVER_DEFAULTS;
    struct endpoint any = { ADDRESS_NONE, 0 };
    enum io_result why;

    options.listen = &world->server_at;
    options.listens = 1;
    options.limits = (struct http_limits){ 512, 256 };
    options.handler = on_request;
    options.owner = world;
    world->server = http_server_new(&world->far->io, &options, &why);
    world->stream = world->host->io.ops->connect(&world->host->io, &any, &world->server_at, false, on_raw, world, &why);
    carry(world);
    for (int steps = 0; steps < MOST_STEPS && reader_left(input) > 0; steps++)
        server_step(world, input);
    close_raw(world, true);
    g_assert_null(world->held);
    g_assert_cmpuint(world->requests, ==, http_server_counters(world->server)->requests);
    g_assert_cmpuint(world->requests, ==, world->answers);
    http_server_free(world->server);
}

/* --- the client -------------------------------------------------------------------------------------------------- */

static void
on_done(void *owner, struct http_call *call, const struct http_result *result)
{
    struct world *world = owner;

    (void)call;
    g_assert_cmpint(result->outcome, <, HTTP_OUTCOME_COUNT);
    g_assert_true((result->outcome == HTTP_OUTCOME_ANSWERED) == (result->head != NULL));
    world->ended++;
}

static void
ask(struct world *world, uint8_t how)
{
    static const char *const methods[] = { "GET", "HEAD", "POST", "DELETE" };
    struct http_ask asked = { .server = world->server_at,
                              .method = methods[how & 3],
                              .target = "/",
                              .body = span_of_text(how & 4 ? "body" : ""),
                              .timeout = TIME_S,
                              .repeatable = how & 8,
                              .done = on_done,
                              .owner = world };

    world->calls++;
    http_client_ask(world->client, &asked);
    carry(world);
}

static void
on_listener(void *owner, struct io_tcp *listener, enum io_ready ready, enum io_result result)
{
    struct world *world = owner;
    struct io_tcp *stream = listener->ops->accept(listener, on_raw, world);

    (void)ready, (void)result;
    if (world->stream) /* the older one is given up */
        world->stream->ops->close(world->stream, true);
    world->stream = stream;
}

static void
client_step(struct world *world, struct reader *input)
{
    uint8_t what = reader_u8(input);

    switch (what & 7) {
    case 0:
        ask(world, reader_u8(input));
        break;
    case 1:
        fake_io_advance(world->host, what * TIME_S / 16);
        carry(world);
        break;
    case 2:
        close_raw(world, what & 8);
        break;
    default:
        write_some(world, input);
    }
}

static void
consult(struct world *world, struct reader *input)
{
    struct io_tcp *listener;
    enum io_result why;

    world->client = http_client_new(&world->host->io, &(struct http_limits){ 512, 256 }, NULL);
    listener = world->far->io.ops->listen(&world->far->io, &world->server_at, false, on_listener, world, &why);
    ask(world, 0);
    for (int steps = 0; steps < MOST_STEPS && reader_left(input) > 0; steps++)
        client_step(world, input);
    fake_io_advance(world->host, 3 * TIME_S);
    g_assert_cmpuint(world->calls, ==, world->ended);
    g_assert_cmpuint(http_client_outstanding(world->client), ==, 0);
    close_raw(world, true);
    http_client_free(world->client);
    carry(world);
    close_raw(world, true);
    listener->ops->close(listener, true);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct reader input = reader_over(span_of(bytes, length));
    struct world world = { 0 };
    uint8_t what = reader_u8(&input);

    if (what % 3 == 0) {
        heads(reader_rest(&input));
        return 0;
    }
    world.host = fake_io_new("10.0.0.2");
    world.far = fake_io_new("198.51.100.1");
    world.server_at = (struct endpoint){ world.far->address, PORT };
    if (what % 3 == 1)
        serve(&world, &input);
    else
        consult(&world, &input);
    g_assert_true(fake_io_free(world.host));
    g_assert_true(fake_io_free(world.far));
    return 0;
}
