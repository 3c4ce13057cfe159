/* Signalling from both sides. The first byte says which: requests made of the input, and raw bytes of it, go to a server
 * on three connections; or a client talks to a server that says what stands in the input; or its letters go to a real
 * server while the input breaks connections.
 *
 * What must hold: mailboxes stay within their limits; each letter and each wait ends, once; over a real server each
 * message comes once, in order; nothing is left open. */
#include <stdio.h>

#include "core/base/cursor.h"
#include "proto/http/signal_client.h"
#include "proto/http/signal_server.h"
#include "tests/unit/support_io.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#define MOST_STEPS 200
#define STREAMS 3

struct world {
    struct fake_io *host, *far;
    struct endpoint server_at;
    struct signal_server *server;
    struct signal_client *client;
    struct io_tcp *streams[STREAMS], *listener;
    unsigned accepted;
    struct signal_limits limits;
    unsigned letters, ended; /* that were sent, that ended */
    unsigned heard;          /* messages, which say their own number */
    bool strict;             /* the server is a real one */
};

static void
carry(struct world *world)
{
    do {
        fake_io_advance(world->host, 0);
        fake_io_advance(world->far, 0);
    } while (fake_io_carry_streams(world->host, world->far));
}

static void
pass(struct world *world, int64_t duration)
{
    while (duration > 0) {
        int64_t next = MIN(fake_io_next(world->host), fake_io_next(world->far));
        int64_t part = CLAMP(next - world->host->now, 1, duration);

        fake_io_advance(world->host, part);
        fake_io_advance(world->far, part);
        duration -= part;
        carry(world);
    }
}

/* --- streams by hand --------------------------------------------------------------------------------------------- */

static void
on_raw(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    struct world *world = owner;
    uint8_t bytes[512];
    enum io_result why;

    (void)result;
    while (ready == IO_READABLE && tcp->ops->read(tcp, bytes, sizeof bytes, &why) > 0)
        ;
    for (int i = 0; ready == IO_FAILED && i < STREAMS; i++)
        if (world->streams[i] == tcp) {
            tcp->ops->close(tcp, true);
            world->streams[i] = NULL;
        }
}

static void
close_raw(struct world *world, unsigned which)
{
    if (world->streams[which])
        world->streams[which]->ops->close(world->streams[which], false);
    world->streams[which] = NULL;
    carry(world);
}

static void
write_raw(struct world *world, unsigned which, struct span data)
{
    enum io_result why;

    if (world->streams[which] && data.length > 0)
        (void)world->streams[which]->ops->write(world->streams[which], data.bytes, data.length, &why);
    carry(world);
}

/* --- the server -------------------------------------------------------------------------------------------------- */

static void
on_stored(void *owner, size_t bytes)
{
    const struct world *world = owner;

    g_assert_cmpuint(bytes, <=, world->limits.bytes);
}

static void
serve(struct world *world)
{
    struct signal_server_options options = SIGNAL_SERVER_DEFAULTS;
    enum io_result why;

    options.listen = &world->server_at;
    options.limits = world->limits;
    options.stored = on_stored;
    options.owner = world;
    world->server = signal_server_new(&world->far->io, &options, &why);
    g_assert_nonnull(world->server);
}

/* A request that is well formed more often than not, of few names and IDs, so that they meet. */
static void
write_request(struct world *world, unsigned which, struct reader *input)
{
    uint8_t what = reader_u8(input), who = reader_u8(input), number = reader_u8(input);
    struct span body = reader_span(input, MIN((size_t)(what >> 4), reader_left(input)));
    g_autofree char *id = what & 2 ? g_strdup_printf("%x-%u", number >> 4, number & 15) : NULL;
    g_autoptr(GString) text = g_string_new(NULL);

    if (what & 1)
        g_string_printf(text, "POST /peers/%c/from/%c%s%s HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n",
                        'A' + who % 5, 'A' + who / 5 % 5, id ? "?id=" : "", id ? id : "", body.length);
    else
        g_string_printf(text, "GET /peers/%c/messages?wait=%d%s%s HTTP/1.1\r\nHost: h\r\n\r\n", 'A' + who % 5,
                        what & 4 ? 10 : 0, id ? "&after=" : "", id ? id : "");
    if (what & 1 && body.length)
        g_string_append_len(text, (const char *)body.bytes, (gssize)body.length);
    write_raw(world, which, span_of(text->str, text->len));
}

static void
attack(struct world *world, struct reader *input)
{
    struct endpoint any = { ADDRESS_NONE, 0 };
    enum io_result why;

    world->limits = (struct signal_limits){ .peers = 3, .messages = 4, .bytes = 2048, .expiry = TIME_MIN };
    serve(world);
    for (int steps = 0; steps < MOST_STEPS && reader_left(input) > 0; steps++) {
        uint8_t what = reader_u8(input);
        unsigned which = (what >> 4) % STREAMS;

        if (!world->streams[which])
            world->streams[which] =
                world->host->io.ops->connect(&world->host->io, &any, &world->server_at, false, on_raw, world, &why);
        carry(world);
        if ((what & 7) == 0)
            close_raw(world, which);
        else if ((what & 7) == 1)
            pass(world, what * TIME_S / 8);
        else if ((what & 7) == 2)
            write_raw(world, which, reader_span(input, MIN((size_t)reader_u8(input), reader_left(input))));
        else
            write_request(world, which, input);
        g_assert_cmpuint(signal_server_peers(world->server), <=, world->limits.peers);
    }
    for (unsigned i = 0; i < STREAMS; i++)
        close_raw(world, i);
    pass(world, 3 * TIME_MIN);
    g_assert_cmpuint(signal_server_peers(world->server), ==, 0);
}

/* --- the client -------------------------------------------------------------------------------------------------- */

static void
on_message(void *owner, const struct signal_text *message)
{
    struct world *world = owner;
    char expected[20];

    world->heard++;
    snprintf(expected, sizeof expected, "%u", world->heard);
    if (world->strict)
        g_assert_true(span_equal(message->text, span_of_text(expected)));
    signal_client_receive(world->client);
}

static void
on_lost(void *owner, const struct signal_result *result)
{
    struct world *world = owner;

    g_assert_cmpint(result->outcome, !=, SIGNAL_OUTCOME_DONE);
    if (world->strict)
        signal_client_receive(world->client);
}

static void
on_ended(void *owner, const struct signal_result *result)
{
    struct world *world = owner;

    g_assert_cmpint(result->outcome, <, SIGNAL_OUTCOME_COUNT);
    g_assert_cmpuint(result->attempts, <=, SIGNAL_ATTEMPTS);
    world->ended++;
}

static void
send_one(struct world *world)
{
    char text[20];

    snprintf(text, sizeof text, "%u", world->letters + 1);
    if (signal_client_send(world->client,
                           &(struct signal_text){ span_of_text("A"), span_of_text("a/b"), span_of_text(text) },
                           on_ended, world))
        world->letters++;
    carry(world);
}

static void
on_listener(void *owner, struct io_tcp *listener, enum io_ready ready, enum io_result result)
{
    struct world *world = owner;
    unsigned which = world->accepted++ % STREAMS;
    struct io_tcp *stream = listener->ops->accept(listener, on_raw, world);

    (void)ready, (void)result;
    if (world->streams[which]) /* the oldest is given up */
        world->streams[which]->ops->close(world->streams[which], true);
    world->streams[which] = stream;
}

static void
join(struct world *world)
{
    struct signal_client_options options = { .server = world->server_at,
                                             .name = span_of_text("A"),
                                             .wait = 10 * TIME_S,
                                             .message = on_message,
                                             .lost = on_lost,
                                             .owner = world };

    world->client = signal_client_new(&world->host->io, &options);
    signal_client_receive(world->client);
    carry(world);
}

static void
consult(struct world *world, struct reader *input)
{
    enum io_result why;

    world->listener =
        world->far->io.ops->listen(&world->far->io, &world->server_at, false, on_listener, world, &why);
    join(world);
    for (int steps = 0; steps < MOST_STEPS && reader_left(input) > 0; steps++) {
        uint8_t what = reader_u8(input);
        unsigned which = (what >> 4) % STREAMS;

        if ((what & 7) == 0)
            send_one(world);
        else if ((what & 7) == 1)
            pass(world, what * TIME_S / 8);
        else if ((what & 7) == 2)
            close_raw(world, which);
        else if ((what & 7) == 3)
            signal_client_receive(world->client);
        else if ((what & 7) == 4)
            write_raw(world, which, span_of_text("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nMessage-From: B\r\n"
                                                 "Message-Id: 1-1\r\n\r\nx"));
        else if ((what & 7) == 5)
            write_raw(world, which, span_of_text("HTTP/1.1 204 No Content\r\n\r\n"));
        else
            write_raw(world, which, reader_span(input, MIN((size_t)reader_u8(input), reader_left(input))));
    }
}

/* No letter is given up in this one: it has a second between two breaks. */
static void
talk(struct world *world, struct reader *input)
{
    world->strict = true;
    world->limits = SIGNAL_LIMITS_DEFAULT;
    serve(world);
    join(world);
    for (int steps = 0; steps < MOST_STEPS && reader_left(input) > 0; steps++) {
        uint8_t what = reader_u8(input);

        world->far->window = what & 8 ? 16 : 65536;
        world->host->piece = what & 16 ? 7 : 65536;
        if ((what & 3) == 0) {
            fake_io_break_streams(world->host);
            fake_io_break_streams(world->far);
            pass(world, TIME_S);
        } else if ((what & 3) == 1) {
            pass(world, what * TIME_S / 8);
        } else {
            send_one(world);
        }
    }
    pass(world, TIME_MIN);
    g_assert_cmpuint(world->ended, ==, world->letters);
    g_assert_cmpuint(world->heard, ==, world->letters);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct reader input = reader_over(span_of(bytes, length));
    struct world world = { 0 };
    uint8_t what = reader_u8(&input);

    world.host = fake_io_new("10.0.0.2");
    world.far = fake_io_new("198.51.100.1");
    world.server_at = (struct endpoint){ world.far->address, SIGNAL_PORT };
    if (what % 3 == 0)
        attack(&world, &input);
    else if (what % 3 == 1)
        consult(&world, &input);
    else
        talk(&world, &input);
    pass(&world, 10 * TIME_MIN);
    for (unsigned i = 0; i < SIGNAL_LETTERS && world.ended < world.letters; i++)
        pass(&world, TIME_MIN); /* one after the other, each is given up within a minute */
    g_assert_cmpuint(world.ended, ==, world.letters);
    g_clear_pointer(&world.client, signal_client_free);
    for (unsigned i = 0; i < STREAMS; i++)
        close_raw(&world, i);
    if (world.listener)
        world.listener->ops->close(world.listener, true);
    g_clear_pointer(&world.server, signal_server_free);
    carry(&world);
    g_assert_true(fake_io_free(world.host));
    g_assert_true(fake_io_free(world.far));
    return 0;
}
