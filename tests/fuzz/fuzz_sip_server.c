/* A SIP server in the hands of the input: it decides what user agents send (requests and responses of a few parts, what the
 * server has said turned into an answer, or bytes of its own), over UDP and over streams in pieces, when the host refuses
 * to send, what ICMP says, and how time goes on.
 *
 * What must hold: counters add up, bindings and transactions stay within their limits, and nothing is left armed, open or
 * leaked at the end. */
#include <glib.h>

#include "core/base/cursor.h"
#include "proto/sip/exchange.h"
#include "proto/sip/print.h"
#include "tests/unit/support_io.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#define MOST_STEPS 300
#define LINES 3
#define HEARD 8
#define BINDINGS 12
#define TRANSACTIONS 40

struct world {
    struct fake_io *host, *far;
    struct sip_exchange *server;
    struct endpoint at;
    struct io_tcp *lines[LINES];
    char *heard[HEARD]; /* what the server has said lately */
    unsigned next;
    char route[400]; /* its last Record-Route or Path */
};

static const char *const peers[] = { "198.51.100.2:5060", "198.51.100.2:40000", "198.51.100.3:5060",
                                     "203.0.113.9:5060" };

static struct endpoint
endpoint_of(const char *text)
{
    struct endpoint endpoint;

    g_assert_true(endpoint_parse(text, &endpoint));
    return endpoint;
}

static const char *
choose(struct reader *input, const char *const *texts, size_t count)
{
    return texts[reader_u8(input) % count];
}

#define CHOOSE(...)                                                                                                    \
    choose(input, (const char *const[]){ __VA_ARGS__ }, G_N_ELEMENTS(((const char *const[]){ __VA_ARGS__ })))

/* --- what is sent to it ------------------------------------------------------------------------------------------- */

static void
put_options(struct world *world, struct reader *input, GString *out)
{
    for (uint8_t what = reader_u8(input); what & 7 && !reader_failed(input); what = reader_u8(input)) {
        switch (what & 7) {
        case 1:
            g_string_append_printf(out, "Contact: %s\r\n",
                                   CHOOSE("<sip:a@10.0.0.2>", "*", "<sip:a@10.0.0.3:5062>;q=0.3;expires=70",
                                          "<sip:a@10.0.0.2>;expires=0", "<sip:a@198.51.100.3;transport=tcp>",
                                          "<sip:a@10.0.0.2>;+sip.instance=\"<urn:1>\";reg-id=1",
                                          "<sip:a@10.0.0.2>;+sip.instance=\"<urn:1>\";reg-id=2",
                                          "<sip:a@192.0.2.1>, <sip:b@example.org>", "<sip:a@"));
            break;
        case 2:
            g_string_append_printf(out, "Route: %s\r\n",
                                   CHOOSE(world->route, "<sip:192.0.2.1;lr>", "<sip:203.0.113.9;lr>",
                                          "<sip:203.0.113.9>", "<sip:x@example.org;lr>"));
            break;
        case 3:
            g_string_append(out, CHOOSE("Expires: 0\r\n", "Expires: 60\r\n", "Supported: path, outbound\r\n",
                                        "Require: x\r\n", "Proxy-Require: y\r\n", "Path: <sip:203.0.113.9;lr;ob>\r\n"));
            break;
        case 4:
            g_string_append_printf(out, "Via: SIP/2.0/UDP %s;branch=z9hG4bK9\r\n",
                                   CHOOSE("192.0.2.1", "198.51.100.3", "x"));
            break;
        case 5:
            g_string_append(out, CHOOSE("Proxy-Authorization: Digest username=\"a\",realm=\"example.org\",nonce=\"1\","
                                        "uri=\"sip:b\",response=\"2\"\r\n",
                                        "Authorization: Digest realm=\"example.org\"\r\n"));
            break;
        default:
            break;
        }
    }
}

static GString *
make_request(struct world *world, struct reader *input)
{
    GString *out = g_string_new(NULL);
    const char *method = CHOOSE("REGISTER", "INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "MESSAGE", "NEW");
    const char *uri = CHOOSE("sip:example.org", "sip:b@example.org", "sip:a@example.org", "sip:192.0.2.1",
                             "sip:x@203.0.113.9", "sip:a@10.0.0.2", "sip:x@far.example");
    const char *from = CHOOSE("a@example.org", "b@example.org", "x@far.example");
    const char *to =
        CHOOSE("<sip:b@example.org>", "<sip:a@example.org>", "<sip:b@example.org>;tag=t", "<sip:y@far.example>");
    unsigned branch = reader_u8(input) % 4, cseq = reader_u8(input) % 8;

    g_string_printf(out,
                    "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.2;%sbranch=z9hG4bK%u\r\nMax-Forwards: %u\r\n"
                    "From: <sip:%s>;tag=f\r\nTo: %s\r\nCall-ID: %u\r\nCSeq: %u %s\r\n",
                    method, uri, branch & 1 ? "rport;" : "", branch, reader_u8(input) % 4 ? 70u : 0u, from, to, branch,
                    cseq, method);
    put_options(world, input, out);
    g_string_append(out, "Content-Length: 0\r\n\r\n");
    return out;
}

/* Something that the server has said, a request, as a response to it. */
static GString *
make_answer(struct world *world, struct reader *input)
{
    static struct sip_message message;
    const char *text = world->heard[reader_u8(input) % HEARD];
    static const uint16_t statuses[] = { 100, 180, 200, 302, 401, 404, 430, 486, 487, 503, 603, 200 };
    uint8_t room[4096];
    struct writer out = writer_over(room, sizeof room);
    struct sip_reply reply = { .status = statuses[reader_u8(input) % G_N_ELEMENTS(statuses)],
                               .tag = span_of_text(CHOOSE("t", "u")),
                               .source = world->at,
                               .record = true };

    if (!text || sip_message_decode(span_of_text(text), &message) != SIP_FAULT_NONE || !message.request)
        return NULL;
    sip_put_reply(&out, &message, &reply);
    sip_put_header_text(&out, SIP_HEADER_WWW_AUTHENTICATE, "Digest realm=\"r\"");
    sip_put_end(&out, NULL, span_of(NULL, 0));
    return writer_failed(&out) ? NULL : g_string_new_len((const char *)room, (gssize)writer_length(&out));
}

static GString *
make_text(struct world *world, struct reader *input)
{
    uint8_t kind = reader_u8(input) % 8;
    struct span bytes;

    if (kind < 4)
        return make_request(world, input);
    if (kind < 6)
        return make_answer(world, input);
    if (kind == 6 && world->heard[0])
        return g_string_new(world->heard[reader_u8(input) % HEARD]);
    bytes = reader_span(input, MIN(reader_u8(input), reader_left(input)));
    return g_string_new_len((const char *)bytes.bytes, (gssize)bytes.length);
}

/* --- what it says -------------------------------------------------------------------------------------------------- */

static void
learn_route(struct world *world, const char *text)
{
    static const char *const names[] = { "\r\nRecord-Route: ", "\r\nPath: " };

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        const char *at = strstr(text, names[i]);

        if (at) {
            at += strlen(names[i]);
            g_strlcpy(world->route, at, MIN(sizeof world->route, strcspn(at, "\r") + 1));
        }
    }
}

static void
hear(struct world *world, struct span data)
{
    char **seat = &world->heard[world->next++ % HEARD];

    g_free(*seat);
    *seat = g_strndup((const char *)data.bytes, data.length);
    learn_route(world, *seat);
}

static void
look(struct world *world)
{
    const struct fake_datagram *sent;

    while ((sent = fake_io_take(world->host)))
        if (sent->data.length && sent->data.bytes[0] > 3)
            hear(world, sent->data);
}

/* --- streams --------------------------------------------------------------------------------------------------------- */

static void
on_line(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    struct world *world = owner;
    char bytes[2000];
    enum io_result why;
    ssize_t got;

    (void)result;
    if (ready != IO_READABLE)
        return;
    while ((got = tcp->ops->read(tcp, bytes, sizeof bytes, &why)) > 0)
        hear(world, span_of(bytes, (size_t)got));
}

static void
close_line(struct io_tcp **line, bool reset)
{
    if (*line)
        (*line)->ops->close(*line, reset);
    *line = NULL;
}

static void
use_line(struct world *world, struct reader *input)
{
    uint8_t what = reader_u8(input);
    struct io_tcp **line = &world->lines[what % LINES];
    GString *text;
    enum io_result why;

    if (!*line) {
        struct endpoint local = { world->far->address, 0 };

        *line = world->far->io.ops->connect(&world->far->io, &local, &world->at, false, on_line, world, &why);
    } else if (what & 64) {
        close_line(line, what & 128);
    } else if ((text = make_text(world, input))) {
        uint8_t most = what & 32 ? 0 : reader_u8(input);
        size_t part = what & 32 ? text->len : MIN(text->len, most);

        (void)(*line)->ops->write(*line, text->str, part, &why);
        g_string_free(text, TRUE);
    }
    (void)fake_io_carry_streams(world->far, world->host);
}

/* --- one step --------------------------------------------------------------------------------------------------------- */

static void
send_datagram(struct world *world, struct reader *input)
{
    struct endpoint from = endpoint_of(peers[reader_u8(input) % G_N_ELEMENTS(peers)]);
    GString *text = make_text(world, input);

    if (!text)
        return;
    fake_io_deliver(world->host, world->at, from, span_of(text->str, text->len));
    g_string_free(text, TRUE);
}

static void
step(struct world *world, struct reader *input)
{
    static const int64_t whiles[] = { TIME_MS, 100 * TIME_MS, 500 * TIME_MS, 5 * TIME_S, 33 * TIME_S, 4 * TIME_MIN };
    uint8_t what = reader_u8(input);

    switch (what % 8) {
    case 0:
    case 1:
    case 2:
    case 3:
        send_datagram(world, input);
        break;
    case 4:
        use_line(world, input);
        break;
    case 5:
        fake_io_advance(world->host, whiles[(what >> 3) % G_N_ELEMENTS(whiles)]);
        break;
    case 6:
        fake_io_deliver_icmp(world->host, world->at, endpoint_of(peers[(what >> 3) % G_N_ELEMENTS(peers)]), 3, 3);
        break;
    case 7:
        world->host->send_result = what & 128 ? IO_OK : what & 64 ? IO_FULL : IO_NO_ROUTE;
        if ((what & 0xf8) == 0x38)
            sip_exchange_drain(world->server);
        break;
    }
    fake_io_advance(world->host, 0);
    look(world);
    (void)fake_io_carry_streams(world->far, world->host);
}

static void
check(struct world *world)
{
    const struct sip_exchange_counters *counters = sip_exchange_counters(world->server);
    uint64_t sum = counters->registers + counters->forwarded + counters->local, registering = 0;

    for (enum sip_refusal i = SIP_REFUSAL_NONE; i < SIP_REFUSAL_COUNT; i++)
        sum += counters->refused[i];
    for (enum sip_registering i = SIP_REGISTERING_DONE; i < SIP_REGISTERING_COUNT; i++)
        registering += counters->registering[i];
    g_assert(counters->requests == sum && counters->registers == registering);
    g_assert(sip_locations_count(sip_exchange_locations(world->server)) <= BINDINGS);
    g_assert(sip_transactions_count(sip_exchange_transactions(world->server)) <= 2 * TRANSACTIONS);
    g_assert(counters->bound - counters->unbound - counters->expired - counters->flows_ended ==
             sip_locations_count(sip_exchange_locations(world->server)));
}

static bool
open_world(struct world *world, uint8_t how)
{
    static const struct sip_exchange_user users[] = { { "a", "p" }, { "b", "q" } };
    struct sip_exchange_options options = SIP_EXCHANGE_DEFAULTS;
    enum io_result why;

    options.domain = "example.org";
    options.users = users;
    options.user_count = how & 1 ? G_N_ELEMENTS(users) : 0;
    options.auth = (how & 3) == 3;
    options.flows = !(how & 4);
    options.record_route = !(how & 8);
    options.bindings = BINDINGS;
    options.per_user = 4;
    options.transactions = TRANSACTIONS;
    options.connections = 2;
    world->host = fake_io_new("192.0.2.1");
    world->far = fake_io_new("198.51.100.3");
    world->at = endpoint_of("192.0.2.1:5060");
    g_strlcpy(world->route, "<sip:a@192.0.2.1;lr>", sizeof world->route);
    world->server = sip_exchange_new(&world->host->io, &options, &why);
    return world->server != NULL;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct reader input = reader_over(span_of(bytes, length));
    struct world world = { .next = 0 };

    g_assert_true(open_world(&world, reader_u8(&input)));
    for (unsigned i = 0; i < MOST_STEPS && reader_left(&input) > 0; i++) {
        step(&world, &input);
        check(&world);
    }
    sip_exchange_free(world.server);
    for (size_t i = 0; i < LINES; i++)
        close_line(&world.lines[i], true);
    g_assert_true(fake_io_free(world.host));
    g_assert_true(fake_io_free(world.far));
    for (size_t i = 0; i < HEARD; i++)
        g_free(world.heard[i]);
    return 0;
}
