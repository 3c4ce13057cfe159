/* A SIP user agent whose peer, registrar and network are in the hands of the input: it decides what is answered and asked,
 * with whose tags and which Call-ID, what is lost, doubled, damaged and made up, what comes over a stream and in which
 * pieces, how time goes on, when the host refuses to send, what its media say, and what the owner does when it is told.
 *
 * What must hold: each call is told to have ended exactly once, and its media are closed; the limits hold; when nobody
 * answers any more and everything is hung up all is over in time; nothing is left armed or open. */
#include "core/base/cursor.h"
#include "proto/sip/agent.h"
#include "proto/sip/print.h"
#include "tests/unit/support_io.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#define MOST_STEPS 300
#define CALLS 3
#define TEXT_BYTES 4096

enum then { THEN_NOTHING, THEN_HANG_UP, THEN_CALL, THEN_ANSWER, THEN_FREE, THEN_COUNT };

struct world {
    struct fake_io *host, *far;
    struct endpoint own, peer_at;
    struct sip_agent *agent;
    struct sip_agent_options options;
    struct sip_call *calls[CALLS]; /* those that there are; NULL: fewer */
    unsigned opened, closed, began, ended;
    bool later, refuse, bad;
    enum then then;
    unsigned calls_made;
    char *sent; /* the last request that the agent sent, whole */
    struct io_tcp *stream;
};

/* ---- media */

static void *
media_open(void *owner, struct sip_call *call, void *wish)
{
    struct world *world = owner;

    (void)wish;
    world->opened++;
    if (sip_call_is_ours(call))
        world->began++;
    return world;
}

static enum sip_media_step
media_offer(void *media, GString *out)
{
    struct world *world = media;

    if (world->later)
        return SIP_MEDIA_LATER;
    if (world->refuse)
        return SIP_MEDIA_REFUSED;
    g_string_append(out, "v=0\r\n");
    return SIP_MEDIA_READY;
}

static enum sip_media_step
media_answer(void *media, struct span offer, GString *out)
{
    (void)offer;
    return media_offer(media, out);
}

static bool
media_take(void *media, struct span answer, bool early)
{
    (void)early;
    return !((struct world *)media)->bad && answer.length > 0;
}

static void
media_withdraw(void *media)
{
    (void)media;
}

static void
media_hold(void *media, bool held)
{
    (void)media, (void)held;
}

static void
media_close(void *media)
{
    ((struct world *)media)->closed++;
}

static const struct sip_media_policy policy = { media_open,     media_offer, media_answer, media_take,
                                                media_withdraw, media_hold,  media_close };

/* ---- the owner */

static void
add_call(struct world *world, struct sip_call *call)
{
    for (int i = 0; i < CALLS; i++) {
        if (!world->calls[i]) {
            world->calls[i] = call;
            return;
        }
    }
    g_assert_not_reached(); /* there are more than may be */
}

static void
remove_call(struct world *world, const struct sip_call *call)
{
    for (int i = 0; i < CALLS; i++) {
        if (world->calls[i] == call)
            world->calls[i] = NULL;
    }
}

static void open_agent(struct world *world);

static void
dial(struct world *world)
{
    struct sip_call *call = NULL;

    if (world->agent && world->calls_made++ < 50)
        call = sip_agent_call(world->agent, world->calls_made % 4 ? "bob" : "sip:bob@192.0.2.2;transport=tcp", NULL);
    if (call)
        add_call(world, call);
}

static void
on_told(void *owner, struct sip_agent *agent, const struct sip_agent_news *news)
{
    struct world *world = owner;

    g_assert_true(agent == world->agent);
    g_assert_cmpuint(sip_agent_calls(agent), <=, CALLS);
    if (news->event == SIP_CALL_OFFERED) {
        world->began++;
        add_call(world, news->call);
    }
    if (news->event == SIP_CALL_ENDED) {
        g_assert_cmpint(sip_call_state(news->call), ==, SIP_CALL_OVER);
        world->ended++;
        remove_call(world, news->call);
    }
    if (world->then == THEN_HANG_UP && news->call && news->event != SIP_CALL_ENDED)
        sip_call_hangup(news->call);
    else if (world->then == THEN_CALL)
        dial(world);
    else if (world->then == THEN_ANSWER && news->event == SIP_CALL_OFFERED)
        sip_call_answer(news->call);
    if (world->then != THEN_FREE)
        return;
    world->then = THEN_NOTHING;
    world->agent = NULL;
    memset(world->calls, 0, sizeof world->calls);
    sip_agent_free(agent);
    world->began = world->ended; /* the others were not to be told */
    g_assert_cmpuint(world->opened, ==, world->closed);
    open_agent(world);
}

static void
open_agent(struct world *world)
{
    enum io_result why;

    world->agent = sip_agent_new(&world->host->io, &world->options, &policy, world, on_told, world, &why);
    g_assert_nonnull(world->agent);
}

/* ---- the peer */

static const char *const methods[] = { "INVITE", "BYE",  "CANCEL", "ACK",      "OPTIONS",
                                       "UPDATE", "INFO", "PRACK",  "REGISTER", "FROB" };
static const unsigned statuses[] = { 100, 180, 183, 200, 200, 202, 302, 400, 401, 407,
                                     408, 423, 481, 486, 487, 491, 500, 503, 600, 603 };
static const char *const extras[] = {
    "",
    "Contact: <sip:bob@192.0.2.2>\r\n",
    "Contact: <sip:bob@192.0.2.2;transport=tcp>\r\n",
    "Record-Route: <sip:192.0.2.2;lr>\r\n",
    "Record-Route: <sip:192.0.2.2>, <sip:nobody.example;lr>\r\n",
    "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\n",
    "Proxy-Authenticate: Digest realm=\"r\", nonce=\"m\", algorithm=SHA-256, stale=true\r\n",
    "Min-Expires: 4000\r\n",
    "Require: 100rel\r\n",
    "Contact: *\r\n",
    "Expires: 0\r\n",
    "Flow-Timer: 1\r\n",
    "Contact: <sip:alice@192.0.2.1:5060>;expires=7\r\n",
};

static void
keep_sent(struct world *world, struct span data)
{
    if (data.length > 8 && data.length < TEXT_BYTES && memcmp(data.bytes, "SIP/2.0", 7) != 0) {
        g_free(world->sent);
        world->sent = g_strndup((const char *)data.bytes, data.length);
    }
}

static void
deliver(struct world *world, struct span text)
{
    fake_io_deliver(world->host, world->own, world->peer_at, text);
}

static void
put_body(struct writer *out, uint8_t how)
{
    sip_put_end(out, how & 1 ? "text/plain" : "application/sdp", how & 2 ? span_of_text("v=0\r\n") : span_of(NULL, 0));
}

/* Answers what the agent asked last. */
static void
answer(struct world *world, struct reader *input)
{
    uint8_t status = reader_u8(input), how = reader_u8(input);
    char buffer[TEXT_BYTES], tag[2] = { (char)('a' + how % 3), '\0' };
    struct writer out = writer_over(buffer, sizeof buffer);
    struct sip_reply reply = { .status = statuses[status % G_N_ELEMENTS(statuses)], .record = true };
    struct sip_message request;

    if (!world->sent || sip_message_decode(span_of_text(world->sent), &request) != SIP_FAULT_NONE)
        return;
    reply.source = world->own;
    if (how & 128)
        reply.source.port++;
    reply.tag = how & 64 ? span_of(NULL, 0) : span_of_text(tag);
    sip_put_reply(&out, &request, &reply);
    writer_span_put(&out, span_of_text(extras[reader_u8(input) % G_N_ELEMENTS(extras)]));
    put_body(&out, how >> 2);
    if (!writer_failed(&out))
        deliver(world, writer_span(&out));
}

static struct span
tag_of(const struct sip_message *message, enum sip_header_name name)
{
    struct sip_name_addr address;

    return sip_name_addr_decode(sip_message_value(message, name), &address) ? address.tag : span_of(NULL, 0);
}

/* A request of the peer's: of the dialog in which the agent sent something last, or of a new one. */
static void
request(struct world *world, struct reader *input)
{
    const char *method = methods[reader_u8(input) % G_N_ELEMENTS(methods)];
    uint8_t how = reader_u8(input), number = reader_u8(input);
    char buffer[TEXT_BYTES];
    struct writer out = writer_over(buffer, sizeof buffer);
    struct sip_message last;
    struct span own_tag = span_of(NULL, 0), call_id = span_of_text("call");
    bool inside = how & 1 && world->sent && sip_message_decode(span_of_text(world->sent), &last) == SIP_FAULT_NONE;

    if (inside) {
        own_tag = tag_of(&last, SIP_HEADER_FROM);
        call_id = sip_message_value(&last, SIP_HEADER_CALL_ID);
    }
    sip_put_request_line(&out, span_of_text(method), span_of_text("sip:alice@192.0.2.1"));
    sip_put_format(&out, SIP_HEADER_VIA, "SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK%u%s", number % 5,
                   how & 2 ? ";rport" : "");
    sip_put_format(&out, SIP_HEADER_FROM, "<sip:bob@e.com>;tag=%c", 'a' + number % 3);
    sip_put_format(&out, SIP_HEADER_TO, "<sip:alice@e.com>%s%.*s", own_tag.length ? ";tag=" : "", (int)own_tag.length,
                   own_tag.length ? (const char *)own_tag.bytes : "");
    sip_put_header(&out, SIP_HEADER_CALL_ID, call_id);
    sip_put_format(&out, SIP_HEADER_CSEQ, "%u %s", number / 4, method);
    writer_span_put(&out, span_of_text(extras[reader_u8(input) % G_N_ELEMENTS(extras)]));
    put_body(&out, how >> 2);
    if (!writer_failed(&out))
        deliver(world, writer_span(&out));
}

/* The answers of the agent's have the To tag of a dialog that the peer began: it goes on in that. */
static void
answer_in_dialog(struct world *world, struct span data, struct reader *input)
{
    struct sip_message response;
    char buffer[TEXT_BYTES];
    struct writer out = writer_over(buffer, sizeof buffer);
    const char *method = methods[reader_u8(input) % G_N_ELEMENTS(methods)];
    uint8_t number = reader_u8(input);

    if (sip_message_decode(data, &response) != SIP_FAULT_NONE || response.request)
        return;
    sip_put_request_line(&out, span_of_text(method), span_of_text("sip:alice@192.0.2.1"));
    sip_put_format(&out, SIP_HEADER_VIA, "SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKd%u", number % 7);
    sip_copy_headers(&out, &response, SIP_HEADER_FROM);
    sip_copy_headers(&out, &response, SIP_HEADER_TO);
    sip_copy_headers(&out, &response, SIP_HEADER_CALL_ID);
    sip_put_format(&out, SIP_HEADER_CSEQ, "%u %s", response.cseq + (number & 16 ? 1 : 0), method);
    put_body(&out, number >> 5);
    if (!writer_failed(&out))
        deliver(world, writer_span(&out));
}

/* What the agent sent comes back to it, changed in a byte and perhaps cut. */
static void
reflect(struct world *world, struct span data, struct reader *input)
{
    uint8_t at = reader_u8(input), with = reader_u8(input), cut = reader_u8(input);
    g_autofree uint8_t *copy = g_memdup2(data.bytes, data.length);

    if (data.length == 0)
        return;
    copy[at % data.length] ^= with;
    deliver(world, span_of(copy, data.length - cut % data.length));
}

/* ---- a stream to the agent */

static void
on_stream(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    uint8_t bytes[256];
    enum io_result why;

    (void)owner, (void)result;
    while (ready == IO_READABLE && tcp->ops->read(tcp, bytes, sizeof bytes, &why) > 0)
        ;
}

static void
carry(struct world *world)
{
    for (int i = 0; i < 20 && fake_io_carry_streams(world->host, world->far); i++) {
        fake_io_advance(world->host, 0);
        fake_io_advance(world->far, 0);
    }
}

static void
write_stream(struct world *world, struct span bytes)
{
    struct endpoint any = { ADDRESS_NONE, 0 };
    enum io_result why;

    if (!world->stream)
        world->stream = world->far->io.ops->connect(&world->far->io, &any, &world->own, false, on_stream, NULL, &why);
    carry(world);
    if (world->stream)
        (void)world->stream->ops->write(world->stream, bytes.bytes, bytes.length, &why);
    carry(world);
}

static void
close_stream(struct world *world)
{
    if (world->stream)
        world->stream->ops->close(world->stream, false);
    world->stream = NULL;
    carry(world);
}

/* ---- steps */

static void
advance(struct world *world, int64_t duration)
{
    fake_io_advance(world->host, duration);
    fake_io_advance(world->far, duration);
    carry(world);
}

/* Taken off, looked at, and lost, or something is made of it. */
static void
take_sent(struct world *world, uint8_t what, struct reader *input)
{
    const struct fake_datagram *datagram = fake_io_take(world->host);

    if (!datagram)
        return;
    keep_sent(world, datagram->data);
    if (what & 16)
        reflect(world, datagram->data, input);
    else if (what & 32)
        answer_in_dialog(world, datagram->data, input);
}

static void
act(struct world *world, uint8_t what)
{
    struct sip_call *call = world->calls[what % CALLS];

    switch (what % 13) {
    case 0:
        sip_agent_register(world->agent);
        return;
    case 1:
        sip_agent_unregister(world->agent);
        return;
    case 2:
        dial(world);
        return;
    default:
        break;
    }
    if (!call)
        return;
    switch (what % 13) {
    case 3:
        sip_call_hangup(call);
        break;
    case 4:
        (void)sip_call_hold(call, what & 64);
        break;
    case 5:
        (void)sip_call_renew(call);
        break;
    case 6:
        sip_call_answer(call);
        break;
    case 7:
        sip_call_ring(call);
        break;
    case 8:
        sip_call_progress(call);
        break;
    case 9:
        sip_call_reject(call, 300 + what);
        break;
    case 10:
        sip_call_media_ready(call, what & 64);
        break;
    default:
        break;
    }
}

static void
step(struct world *world, struct reader *input)
{
    static const enum io_result results[] = { IO_OK, IO_OK, IO_NO_ROUTE, IO_FULL, IO_TOO_BIG };
    uint8_t what = reader_u8(input);
    struct span raw;

    switch (what % 13) {
    case 0:
    case 1:
        act(world, reader_u8(input));
        break;
    case 2:
        advance(world, reader_u8(input) * 100 * TIME_MS);
        break;
    case 3:
        advance(world, reader_u16(input) * TIME_S / 16);
        break;
    case 4:
        take_sent(world, what, input);
        break;
    case 5:
    case 6:
        answer(world, input);
        break;
    case 7:
        request(world, input);
        break;
    case 8:
        raw = reader_span(input, MIN(reader_u8(input), reader_left(input)));
        if (what & 64)
            write_stream(world, raw);
        else
            deliver(world, raw);
        break;
    case 9:
        if (world->sent && what & 64)
            write_stream(world, span_of_text(world->sent));
        else
            close_stream(world);
        break;
    case 10:
        world->host->send_result = results[reader_u8(input) % G_N_ELEMENTS(results)];
        break;
    case 11:
        world->then = (enum then)(reader_u8(input) % THEN_COUNT);
        world->later = what & 64;
        world->refuse = what & 128;
        world->bad = what & 32;
        break;
    case 12:
        if (what & 64)
            fake_io_changed(world->host);
        else
            fake_io_deliver_icmp(world->host, world->own, world->peer_at, 3, reader_u8(input));
        break;
    }
}

static void
open_world(struct world *world, uint8_t how)
{
    *world = (struct world){ .host = fake_io_new("192.0.2.1"), .far = fake_io_new("192.0.2.2") };
    world->own = (struct endpoint){ world->host->address, SIP_PORT };
    world->peer_at = (struct endpoint){ world->far->address, SIP_PORT };
    world->options = SIP_AGENT_DEFAULTS;
    world->options.user = "alice";
    world->options.domain = "e.com";
    world->options.password = how & 1 ? "secret" : NULL;
    world->options.registrar = world->peer_at;
    world->options.protocol = how & 2 ? SIP_TCP : SIP_UDP;
    world->options.expires = 60 * TIME_S;
    world->options.outbound = how & 4;
    world->options.learn = how & 8;
    world->options.late_offer = how & 16;
    world->options.calls = CALLS;
    open_agent(world);
}

/* Nobody answers any more, everything is hung up: all of it is over in time. */
static void
wind_up(struct world *world)
{
    world->then = THEN_HANG_UP;
    world->later = world->refuse = false;
    world->host->send_result = IO_OK;
    close_stream(world);
    sip_agent_unregister(world->agent);
    for (int i = 0; i < 40; i++) {
        for (int k = 0; k < CALLS; k++) {
            if (world->calls[k])
                sip_call_media_ready(world->calls[k], false);
            if (world->calls[k])
                sip_call_hangup(world->calls[k]);
        }
        advance(world, 20 * TIME_S);
        while (fake_io_take(world->host))
            ;
    }
}

static void
close_world(struct world *world)
{
    wind_up(world);
    g_assert_cmpuint(sip_agent_calls(world->agent), ==, 0);
    g_assert_cmpuint(world->began, ==, world->ended);
    g_assert_cmpuint(world->opened, ==, world->closed);
    g_assert_cmpuint(sip_transactions_count(sip_agent_transactions(world->agent)), ==, 0);
    sip_agent_free(world->agent);
    carry(world);
    g_free(world->sent);
    g_assert_true(fake_io_free(world->host));
    g_assert_true(fake_io_free(world->far));
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct world world;
    struct reader input = reader_over(span_of(bytes, length));

    open_world(&world, length ? bytes[length - 1] : 0);
    for (int steps = 0; steps < MOST_STEPS && reader_left(&input) > 0; steps++)
        step(&world, &input);
    close_world(&world);
    return 0;
}
