/* The signalling server and client of proto/http on real sockets, over loopback. */
#include "core/live/live.h"
#include "proto/http/signal_client.h"
#include "proto/http/signal_server.h"
#include "tests/unit/support.h"

#define MESSAGES 20
#define PATIENCE (20 * G_USEC_PER_SEC)

struct party {
    struct signal_client *client;
    unsigned heard, sent;
    bool in_order, lost;
};

static void
on_message(void *owner, const struct signal_text *message)
{
    struct party *party = owner;

    party->in_order &= message->text.length > 0 && message->text.bytes[0] == (uint8_t)party->heard;
    party->heard++;
    signal_client_receive(party->client);
}

static void
on_lost(void *owner, const struct signal_result *result)
{
    struct party *party = owner;

    (void)result;
    party->lost = true;
}

static void
on_sent(void *owner, const struct signal_result *result)
{
    struct party *party = owner;

    party->sent += result->outcome == SIGNAL_OUTCOME_DONE;
}

static void
join(struct party *party, struct live *live, struct endpoint server, const char *name)
{
    *party = (struct party){ .in_order = true };
    party->client = signal_client_new(live_io(live), &(struct signal_client_options){ .server = server,
                                                                                      .name = span_of_text(name),
                                                                                      .wait = TIME_S,
                                                                                      .message = on_message,
                                                                                      .lost = on_lost,
                                                                                      .owner = party });
    signal_client_receive(party->client);
}

/* Each writes to the other, texts from nothing to as long as they may be, the first byte its number. */
static void
write_all(struct party *party, const char *to)
{
    g_autofree uint8_t *text = g_malloc0(SIGNAL_TEXT_MAX);

    for (unsigned i = 0; i < MESSAGES; i++) {
        struct signal_text letter = { span_of_text(to), span_of_text("application/octet-stream"),
                                      span_of(text, 1 + i * (SIGNAL_TEXT_MAX - 1) / (MESSAGES - 1)) };

        text[0] = (uint8_t)i;
        CHECK(signal_client_send(party->client, &letter, on_sent, party) != NULL);
    }
}

static void
test_talk(void)
{
    GMainContext *context = g_main_context_new();
    struct live *live = live_new(context, NULL);
    struct signal_server_options options = SIGNAL_SERVER_DEFAULTS;
    struct endpoint listen = { ADDRESS_NONE, 0 };
    struct party parties[2];
    enum io_result why = IO_OK;
    int64_t end = g_get_monotonic_time() + PATIENCE;

    CHECK(live && address_parse("127.0.0.1", &listen.address));
    options.listen = &listen;

    struct signal_server *server = signal_server_new(live_io(live), &options, &why);

    CHECK(server != NULL);
    for (int i = 0; i < 2; i++)
        join(&parties[i], live, signal_server_local(server, 0), i ? "B" : "A");
    for (int i = 0; i < 2; i++)
        write_all(&parties[i], i ? "A" : "B");
    while ((parties[0].heard < MESSAGES || parties[1].heard < MESSAGES || parties[0].sent < MESSAGES ||
            parties[1].sent < MESSAGES) &&
           g_get_monotonic_time() < end)
        if (!g_main_context_iteration(context, FALSE))
            g_usleep(500);
    for (int i = 0; i < 2; i++) {
        CHECK_ROW_UINT("heard", parties[i].heard, MESSAGES);
        CHECK_ROW_UINT("sent", parties[i].sent, MESSAGES);
        CHECK(parties[i].in_order && !parties[i].lost);
        CHECK_ROW_UINT("none again", signal_client_counters(parties[i].client)->retries, 0);
        CHECK(address_equal(signal_client_local(parties[i].client).address, listen.address));
        signal_client_free(parties[i].client);
    }
    CHECK_ROW_UINT("taken", signal_server_counters(server)->taken, 2 * MESSAGES);
    signal_server_free(server);
    live_free(live);
    g_main_context_unref(context);
}

void
suite_signal_live(void)
{
    UNIT_SUITE("signal live", NULL, NULL, { "both talk", test_talk });
}
