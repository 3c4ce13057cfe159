#include "tests/unit/support_turn_client.h"

#include "proto/stun/integrity.h"
#include "tests/unit/support.h"

struct turn_world turn;

static void
on_told(void *owner, struct turn_client *client, const struct turn_client_news *news)
{
    (void)owner, (void)client;
    g_array_append_val(turn.news, *news);
    if (turn.then)
        turn.then(news);
}

static void
on_relayed(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    struct turn_got got = { .peer = datagram->peer };

    (void)owner;
    CHECK(endpoint_equal(datagram->local, udp->ops->local(udp)));
    memcpy(got.text, datagram->data.bytes, MIN(datagram->data.length, sizeof got.text - 1));
    g_array_append_val(turn.got, got);
}

static void
on_icmp(void *owner, struct io_udp *udp, const struct io_icmp *icmp)
{
    (void)owner, (void)udp;
    g_array_append_val(turn.icmp, *icmp);
}

static const struct turn_client_events events = { on_told, { on_relayed, on_icmp } };

static struct endpoint
endpoint_of(const char *text)
{
    struct endpoint endpoint = { ADDRESS_NONE, 0 };

    CHECK(endpoint_parse(text, &endpoint));
    return endpoint;
}

void
turn_set_up(void)
{
    turn = (struct turn_world){ .host = fake_io_new("10.0.0.2"),
                                .own = endpoint_of("10.0.0.2:49152"),
                                .server = endpoint_of("198.51.100.1:3478"),
                                .relayed = endpoint_of("198.51.100.1:50000"),
                                .mapped = endpoint_of("203.0.113.1:40000"),
                                .peer = endpoint_of("192.0.2.9:7000"),
                                .other = endpoint_of("192.0.2.10:7000"),
                                .nonce = "first",
                                .news = g_array_new(FALSE, FALSE, sizeof(struct turn_client_news)),
                                .got = g_array_new(FALSE, FALSE, sizeof(struct turn_got)),
                                .icmp = g_array_new(FALSE, FALSE, sizeof(struct io_icmp)) };
}

void
turn_tear_down(void)
{
    turn_client_free(turn.client);
    CHECK(fake_io_free(turn.host));
    g_array_unref(turn.news);
    g_array_unref(turn.got);
    g_array_unref(turn.icmp);
    stun_key_free(turn.key);
}

void
turn_start(const struct turn_client_options *options)
{
    struct turn_client_options used = *options;

    if (address_is_none(used.server.address))
        used.server = turn.server;
    turn.client = turn_client_new(&turn.host->io, &used, &events, NULL);
    turn.relay = turn_client_relay(turn.client);
}

void
turn_login(const char *password)
{
    stun_key_free(turn.key);
    turn.key = stun_key_new_long_term(STUN_ALGORITHM_MD5, span_of_text("alice"), span_of_text(TURN_REALM),
                                      span_of_text(password));
}

const struct turn_client_news *
turn_told(void)
{
    static const struct turn_client_news none = { .event = (enum turn_client_event)-1 };

    return turn.news->len ? &g_array_index(turn.news, struct turn_client_news, turn.news->len - 1) : &none;
}

/* --- what the client asks ---------------------------------------------------------------------------------------- */

bool
turn_asked(enum stun_method method)
{
    const struct fake_datagram *sent = fake_io_take(turn.host);

    if (!sent || sent->data.length > sizeof turn.request_bytes)
        return false;
    memcpy(turn.request_bytes, sent->data.bytes, sent->data.length);
    turn.at = sent->at;
    turn.from = sent->local;
    turn.to = sent->peer;
    return stun_message_decode(span_of(turn.request_bytes, sent->data.length), &turn.request) == STUN_FAULT_NONE &&
           turn.request.header.method == method;
}

bool
turn_has(uint16_t type)
{
    return stun_message_find(&turn.request, type) != NULL;
}

uint64_t
turn_number(uint16_t type)
{
    struct stun_value value;

    return stun_message_get(&turn.request, type, &value) == STUN_PRESENT ? value.number : UINT64_MAX;
}

struct endpoint
turn_endpoint(uint16_t type)
{
    struct stun_value value = { .endpoint = { ADDRESS_NONE, 0 } };

    return stun_message_get(&turn.request, type, &value) == STUN_PRESENT ? value.endpoint : value.endpoint;
}

/* --- what the server answers ------------------------------------------------------------------------------------- */

void
turn_begin(enum stun_class class)
{
    struct stun_header header = stun_header_respond(&turn.request.header, class);

    stun_builder_begin(&turn.answer, turn.answer_bytes, sizeof turn.answer_bytes, &header);
}

static void
deliver_message(struct span message)
{
    if (turn.deliver)
        turn.deliver(message);
    else
        CHECK(fake_io_deliver(turn.host, turn.from, turn.to, message));
}

static void
deliver(void)
{
    struct span message = stun_builder_finish(&turn.answer);

    CHECK(message.length > 0);
    deliver_message(message);
}

void
turn_send(void)
{
    if (turn.key)
        stun_put_integrity(&turn.answer, turn.key);
    deliver();
}

void
turn_grant(void)
{
    turn_begin(STUN_SUCCESS);
    turn_send();
}

void
client_allocate(uint32_t lifetime)
{
    turn_begin(STUN_SUCCESS);
    stun_put_endpoint(&turn.answer, STUN_XOR_RELAYED_ADDRESS, turn.relayed);
    stun_put_number(&turn.answer, STUN_LIFETIME, lifetime);
    stun_put_endpoint(&turn.answer, STUN_XOR_MAPPED_ADDRESS, turn.mapped);
    turn_send();
}

void
client_refresh(uint32_t lifetime)
{
    turn_begin(STUN_SUCCESS);
    stun_put_number(&turn.answer, STUN_LIFETIME, lifetime);
    turn_send();
}

void
turn_refuse(enum stun_code code)
{
    turn_begin(STUN_ERROR);
    stun_put_error(&turn.answer, code);
    turn_send();
}

void
turn_challenge(enum stun_code code, const char *nonce)
{
    turn.nonce = nonce;
    turn_begin(STUN_ERROR);
    stun_put_error(&turn.answer, code);
    stun_put_text(&turn.answer, STUN_REALM, span_of_text(TURN_REALM));
    stun_put_text(&turn.answer, STUN_NONCE, span_of_text(nonce));
    deliver();
}

/* --- whole ways -------------------------------------------------------------------------------------------------- */

void
turn_hold(const struct turn_client_options *options)
{
    turn_start(options);
    CHECK(turn_asked(STUN_ALLOCATE));
    client_allocate(600);
    CHECK_ROW_INT("an allocation", turn_told()->event, TURN_CLIENT_ALLOCATED);
}

void
client_permit(struct endpoint peer)
{
    CHECK_ROW_INT("permit", turn_client_permit(turn.client, peer.address, turn_on_done, NULL), IO_AGAIN);
    CHECK(turn_asked(STUN_CREATE_PERMISSION));
    turn_grant();
}

uint16_t
client_bind(struct endpoint peer)
{
    uint16_t number;

    CHECK_ROW_INT("channel", turn_client_channel(turn.client, peer, turn_on_done, NULL), IO_AGAIN);
    CHECK(turn_asked(STUN_CHANNEL_BIND));
    number = (uint16_t)turn_number(STUN_CHANNEL_NUMBER);
    turn_grant();
    return number;
}

void
turn_data(struct endpoint peer, const char *text, uint64_t icmp)
{
    struct stun_header header = { STUN_INDICATION, STUN_DATA, STUN_COOKIE, { { 7 } } };

    stun_builder_begin(&turn.answer, turn.answer_bytes, sizeof turn.answer_bytes, &header);
    stun_put_endpoint(&turn.answer, STUN_XOR_PEER_ADDRESS, peer);
    if (icmp)
        stun_put_number(&turn.answer, STUN_ICMP, icmp);
    else
        stun_builder_raw(&turn.answer, STUN_DATA_ATTRIBUTE, span_of_text(text));
    deliver();
}

void
turn_channel(uint16_t number, const char *text)
{
    uint8_t bytes[128];

    deliver_message(turn_channel_data_write(number, span_of_text(text), bytes, sizeof bytes));
}

enum io_result
turn_write(struct endpoint peer, const char *text)
{
    struct io_datagram datagram = IO_DATAGRAM_TO(peer, span_of_text(text));

    return turn.relay->ops->send(turn.relay, &datagram);
}

void
turn_on_done(void *owner, struct turn_client *client, struct endpoint peer, const struct turn_client_failure *failure)
{
    (void)owner, (void)client;
    turn.dones++;
    turn.done_peer = peer;
    turn.failure = failure ? *failure : (struct turn_client_failure){ .why = TURN_CLIENT_WHY_NONE };
}
