#include "tests/unit/support_turn.h"

#include "proto/stun/fingerprint.h"
#include "proto/turn/channel_data.h"
#include "tests/unit/support.h"

struct fake_io *turn_host;
struct turn_server *turn_under_test;
static struct stun_users *users;
static uint32_t next_id;

struct endpoint
turn_at(const char *text)
{
    struct endpoint endpoint = { ADDRESS_NONE, 0 };

    CHECK_ROW(text, endpoint_parse(text, &endpoint));
    return endpoint;
}

struct turn_server_options
turn_bench_options(void)
{
    struct turn_server_options options = TURN_SERVER_DEFAULTS;

    options.listen[0].at = turn_at(TURN_SERVER_AT);
    return options;
}

void
turn_bench_open(struct turn_server_options *options)
{
    enum io_result why;

    users = stun_users_new(TURN_REALM);
    CHECK(stun_users_add(users, span_of_text("alice"), span_of_text("secret")));
    CHECK(stun_users_add(users, span_of_text("bob"), span_of_text("hidden")));
    turn_host = fake_io_new("198.51.100.1");
    options->users = users;
    turn_under_test = turn_server_new(&turn_host->io, options, &why);
    CHECK(turn_under_test != NULL);
}

void
turn_bench_close(void)
{
    turn_server_free(turn_under_test);
    CHECK(fake_io_free(turn_host));
    stun_users_free(users);
}

struct turn_speaker
turn_speaker_new(const char *at, const char *user, const char *password)
{
    struct turn_speaker speaker = { .at = turn_at(at),
                                    .credentials = stun_credentials_new_long_term(span_of_text(user),
                                                                                  span_of_text(password)) };
    struct turn_ask ask;

    turn_ask_begin(&ask, &speaker, STUN_ALLOCATE);
    CHECK_ROW_INT("challenged", turn_ask_send(&ask), STUN_CODE_UNAUTHENTICATED);
    return speaker;
}

void
turn_speaker_clear(struct turn_speaker *speaker)
{
    stun_credentials_free(speaker->credentials);
}

void
turn_ask_begin(struct turn_ask *ask, struct turn_speaker *speaker, uint16_t method)
{
    struct writer id;

    ask->speaker = speaker;
    ask->header = (struct stun_header){ .class = STUN_REQUEST, .method = method, .cookie = STUN_COOKIE };
    id = writer_over(ask->header.id.bytes, STUN_ID_BYTES);
    writer_u64(&id, 0x7475726e);
    writer_u32(&id, ++next_id);
    stun_builder_begin(&ask->builder, ask->buffer, sizeof ask->buffer, &ask->header);
}

struct span
turn_ask_seal(struct turn_ask *ask)
{
    ask->sent = stun_credentials_put(ask->speaker->credentials, &ask->builder);
    stun_put_fingerprint(&ask->builder);
    CHECK_ROW("request built", !stun_builder_failed(&ask->builder));
    return stun_builder_finish(&ask->builder);
}

int
turn_ask_judge(struct turn_ask *ask, struct span answer)
{
    struct stun_value error;
    enum stun_trust trust;

    if (answer.length > sizeof ask->answer_bytes)
        return -1;
    memcpy(ask->answer_bytes, answer.bytes, answer.length);
    if (stun_message_decode(span_of(ask->answer_bytes, answer.length), &ask->answer) != STUN_FAULT_NONE)
        return -1;
    CHECK_ROW_INT("fingerprint", stun_fingerprint_check(&ask->answer), STUN_CHECK_RIGHT);
    CHECK(stun_id_equal(&ask->answer.header.id, &ask->header.id));
    trust = stun_credentials_judge(ask->speaker->credentials, ask->sent, &ask->answer);
    if (ask->answer.header.class == STUN_SUCCESS)
        return trust == STUN_TRUST ? 0 : -2;
    return stun_message_get(&ask->answer, STUN_ERROR_CODE, &error) == STUN_PRESENT ? error.error.code : -2;
}

/* Delivers it, and takes what comes back. */
static int
exchange(struct turn_ask *ask, struct span request)
{
    const struct fake_datagram *datagram;

    CHECK(fake_io_deliver(turn_host, turn_at(TURN_SERVER_AT), ask->speaker->at, request));
    datagram = fake_io_take(turn_host);
    if (!datagram || !endpoint_equal(datagram->peer, ask->speaker->at))
        return -1;
    return turn_ask_judge(ask, datagram->data);
}

int
turn_ask_send(struct turn_ask *ask)
{
    return exchange(ask, turn_ask_seal(ask));
}

int
turn_ask_repeat(struct turn_ask *ask)
{
    return exchange(ask, stun_builder_finish(&ask->builder));
}

static void
put_peer(struct turn_ask *ask, const char *peer)
{
    if (peer)
        stun_put_endpoint(&ask->builder, STUN_XOR_PEER_ADDRESS, turn_at(peer));
}

int
turn_speaker_allocate(struct turn_speaker *speaker)
{
    struct turn_ask ask;
    struct stun_value relayed;
    int code;

    turn_ask_begin(&ask, speaker, STUN_ALLOCATE);
    stun_put_number(&ask.builder, STUN_REQUESTED_TRANSPORT, PROTOCOL_UDP);
    code = turn_ask_send(&ask);
    if (code == 0 && stun_message_get(&ask.answer, STUN_XOR_RELAYED_ADDRESS, &relayed) == STUN_PRESENT)
        speaker->relayed = relayed.endpoint;
    return code;
}

int
turn_speaker_refresh(struct turn_speaker *speaker, uint32_t lifetime)
{
    struct turn_ask ask;

    turn_ask_begin(&ask, speaker, STUN_REFRESH);
    stun_put_number(&ask.builder, STUN_LIFETIME, lifetime);
    return turn_ask_send(&ask);
}

int
turn_speaker_permit(struct turn_speaker *speaker, const char *peer)
{
    struct turn_ask ask;

    turn_ask_begin(&ask, speaker, STUN_CREATE_PERMISSION);
    put_peer(&ask, peer);
    return turn_ask_send(&ask);
}

int
turn_speaker_bind(struct turn_speaker *speaker, unsigned number, const char *peer)
{
    struct turn_ask ask;

    turn_ask_begin(&ask, speaker, STUN_CHANNEL_BIND);
    stun_put_number(&ask.builder, STUN_CHANNEL_NUMBER, number);
    put_peer(&ask, peer);
    return turn_ask_send(&ask);
}

void
turn_send_data(struct turn_speaker *speaker, const char *peer, const char *data)
{
    struct stun_header header = { .class = STUN_INDICATION, .method = STUN_SEND, .cookie = STUN_COOKIE };
    struct stun_builder builder;
    uint8_t buffer[2048];

    stun_builder_begin(&builder, buffer, sizeof buffer, &header);
    stun_put_endpoint(&builder, STUN_XOR_PEER_ADDRESS, turn_at(peer));
    stun_put_text(&builder, STUN_DATA_ATTRIBUTE, span_of_text(data));
    CHECK(fake_io_deliver(turn_host, turn_at(TURN_SERVER_AT), speaker->at, stun_builder_finish(&builder)));
}

void
turn_send_channel(struct turn_speaker *speaker, unsigned number, const char *data)
{
    uint8_t buffer[2048];
    struct span message = turn_channel_data_write((uint16_t)number, span_of_text(data), buffer, sizeof buffer);

    CHECK(fake_io_deliver(turn_host, turn_at(TURN_SERVER_AT), speaker->at, message));
}

bool
turn_peer_says(struct turn_speaker *speaker, const char *peer, const char *data)
{
    return fake_io_deliver(turn_host, speaker->relayed, turn_at(peer), span_of_text(data));
}

bool
turn_sent(const char *from, const char *to, const char *data)
{
    const struct fake_datagram *datagram = fake_io_take(turn_host);

    return datagram && (!from || endpoint_equal(datagram->local, turn_at(from))) &&
           endpoint_equal(datagram->peer, turn_at(to)) && span_equal(datagram->data, span_of_text(data));
}

bool
turn_sent_data(struct turn_speaker *speaker, const char *peer, const char *data)
{
    const struct fake_datagram *datagram = fake_io_take(turn_host);
    struct stun_message message;
    struct stun_value from, bytes;

    return datagram && endpoint_equal(datagram->peer, speaker->at) &&
           stun_message_decode(datagram->data, &message) == STUN_FAULT_NONE && message.header.method == STUN_DATA &&
           message.header.class == STUN_INDICATION &&
           stun_message_get(&message, STUN_XOR_PEER_ADDRESS, &from) == STUN_PRESENT &&
           stun_message_get(&message, STUN_DATA_ATTRIBUTE, &bytes) == STUN_PRESENT &&
           endpoint_equal(from.endpoint, turn_at(peer)) && span_equal(bytes.bytes, span_of_text(data));
}

bool
turn_sent_channel(struct turn_speaker *speaker, unsigned channel, const char *data)
{
    const struct fake_datagram *datagram = fake_io_take(turn_host);
    struct turn_channel_data message;

    return datagram && endpoint_equal(datagram->peer, speaker->at) &&
           endpoint_equal(datagram->local, turn_at(TURN_SERVER_AT)) &&
           turn_channel_data_read(datagram->data, &message) && message.channel == channel &&
           span_equal(message.data, span_of_text(data)) && datagram->data.length == 4 + strlen(data);
}

bool
turn_silent(void)
{
    return fake_io_waiting(turn_host) == 0;
}
