/* An ICE agent in the hands of the input: what the peer signals, checks, answers and sends, over UDP, TCP and through a
 * TURN server, what ICMP says, when the host refuses to send, how addresses come and go, and when the owner frees it.
 *
 * What must hold: paths lead out of sockets that are there, nothing is told after the end, and nothing is left armed,
 * open, watched or leaked. */
#include "core/base/cursor.h"
#include "proto/ice/agent.h"
#include "proto/turn/server.h"
#include "tests/unit/support_io.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#define MOST_STEPS 300
#define SENT 16
#define PEER_PWD "peerpasswordpeerpassword"

struct world {
    struct fake_io *host, *far;
    struct turn_server *turn;
    struct ice_agent *agent;
    struct stun_key *peer_key;
    struct io_tcp *listener;
    bool free_next, restart_next, closed, over;
    size_t sent;
    struct sent {
        struct endpoint local, peer;
        uint8_t bytes[ICE_MESSAGE_BYTES];
        size_t length;
    } last[SENT];
};

/* ---- the owner */

static void
end_agent(struct world *world)
{
    ice_agent_free(world->agent);
    world->agent = NULL;
    world->over = true;
}

static void
described(struct world *world)
{
    g_autoptr(GString) text = g_string_new(NULL);

    ice_agent_description(world->agent, text);
    g_assert_true(g_str_has_prefix(text->str, "v=0\r\n"));
}

static void
told(void *owner, struct ice_agent *agent, const struct ice_agent_news *news)
{
    struct world *world = owner;
    g_autoptr(GString) text = g_string_new(NULL);

    g_assert_true(agent == world->agent && !world->over);
    if (news->event == ICE_AGENT_CANDIDATE) {
        ice_agent_candidate_say(agent, &news->candidate, text);
        g_assert_true(g_str_has_prefix(text->str, "candidate:"));
    }
    if (world->free_next) {
        end_agent(world);
        return;
    }
    if (world->restart_next) {
        world->restart_next = false;
        ice_agent_restart(agent);
    }
    if (news->event == ICE_AGENT_NETWORK || news->event == ICE_AGENT_RESTARTED)
        described(world);
}

static void
on_data(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    struct world *world = owner;

    (void)udp;
    g_assert_false(world->over);
    g_assert_false(stun_looks_like_message(datagram->data));
    if (world->free_next)
        end_agent(world);
}

static const struct io_udp_events data_events = { on_data, NULL };

/* ---- the peer */

/* One of a few, of which some answer to nothing, and one is the peer's TCP listener. */
static struct endpoint
endpoint_of(uint8_t byte)
{
    static const uint32_t addresses[] = { 0xc6336401, 0xcb007109, 0x0a000002, 0xc0000201 };

    return (struct endpoint){ address_ipv4(addresses[byte & 3]), (uint16_t)(7000 + (byte >> 2 & 3)) };
}

/* Where the agent listens: the endpoint of one of its candidates. */
static struct endpoint
local_of(const struct world *world, uint8_t byte)
{
    const struct ice_session *session = ice_agent_session(world->agent);
    size_t count = ice_session_locals(session);

    return count ? ice_session_local(session, byte % (unsigned)count)->base : endpoint_of(byte);
}

/* At a socket of the agent's, or at its relayed address, from where the server takes it on. */
static void
deliver(struct world *world, struct endpoint to, struct endpoint from, struct span bytes)
{
    if (!fake_io_deliver(world->host, to, from, bytes))
        (void)fake_io_deliver(world->far, to, from, bytes);
}

/* What the peer says it has selected: of ours, or anything. */
static void
name_selected(const struct world *world, uint8_t how, GString *text)
{
    struct endpoint at = how & 16 ? endpoint_of(how) : local_of(world, how >> 4);
    char address[ADDRESS_TEXT];

    g_string_append_printf(text, "a=remote-candidates:%u %s %u\r\n", 1 + (how >> 5 & 1),
                           address_format(at.address, address), at.port);
}

static void
describe_peer(struct world *world, struct reader *input)
{
    uint8_t how = reader_u8(input), count = reader_u8(input) & 7;
    g_autoptr(GString) text = g_string_new("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n");

    g_string_append_printf(text, "a=ice-options:%s\r\n%s",
                           how & 1   ? "ice2 trickle"
                           : how & 2 ? "ice2"
                                     : "rtp+ecn",
                           how % 32 == 31 ? "a=ice-lite\r\n" : "");
    g_string_append_printf(text,
                           "m=application 9 udp octet-stream\r\nc=IN IP4 0.0.0.0\r\na=ice-ufrag:peer%d\r\n"
                           "a=ice-pwd:" PEER_PWD "\r\n",
                           how >> 6);
    for (unsigned i = 0; i < count; i++) {
        static const char *const types[] = { "host", "srflx raddr 0.0.0.0 rport 9", "prflx", "relay" };
        static const char *const tcp[] = { "active", "passive", "so", "passive" };
        uint8_t what = reader_u8(input);
        struct endpoint at = endpoint_of(reader_u8(input));
        char address[ADDRESS_TEXT];

        g_string_append_printf(text, "a=candidate:%u %u %s %u %s %u typ %s", what & 3, 1 + (what >> 2 & 1),
                               what & 8 ? "TCP" : "UDP", 1000u + what, address_format(at.address, address), at.port,
                               types[what >> 4 & 3]);
        if (what & 8)
            g_string_append_printf(text, " tcptype %s", tcp[what >> 6]);
        g_string_append(text, "\r\n");
    }
    if (how & 4)
        g_string_append(text, "a=end-of-candidates\r\n");
    if (how & 8)
        name_selected(world, how, text);
    (void)ice_agent_take_description(world->agent, span_of_text(text->str), NULL);
}

static void
send_request(struct world *world, struct reader *input)
{
    uint8_t how = reader_u8(input), to = reader_u8(input), from = reader_u8(input), buffer[ICE_MESSAGE_BYTES];
    struct ice_check check = { .id.bytes = { how },
                               .priority = 1u + reader_u8(input),
                               .tiebreaker = how & 4 ? UINT64_MAX : 0,
                               .controlling = how & 1,
                               .use_candidate = how & 2 };
    const struct ice_session *session = ice_agent_session(world->agent);
    struct stun_key *key = stun_key_new_short_term(span_of_text(ice_session_pwd(session)));
    struct span bytes = ice_check_write(&check, span_of_text(ice_session_ufrag(session)), span_of_text("peer0"), key,
                                        buffer, sizeof buffer);

    stun_key_free(key);
    deliver(world, local_of(world, to), endpoint_of(from), bytes);
}

/* An answer to something that the agent has sent by itself. */
static void
send_response(struct world *world, struct reader *input)
{
    static const uint16_t codes[] = { 0, 0, 0, 0, 0, 487, 403, 500 };
    uint8_t which = reader_u8(input), how = reader_u8(input), buffer[ICE_MESSAGE_BYTES];
    const struct sent *sent = &world->last[which % SENT];
    struct ice_proof proof = { .code = codes[how & 7], .seal = { world->peer_key, false } };
    struct stun_header header;
    struct span bytes;

    if (!stun_header_peek(span_of(sent->bytes, sent->length), &header) || header.class != STUN_REQUEST)
        return;
    bytes = ice_answer_write(&header, &proof, how & 8 ? endpoint_of(how >> 4) : sent->local, buffer, sizeof buffer);
    deliver(world, sent->local, sent->peer, bytes);
}

/* ---- the world between */

static void
keep_sent(struct world *world)
{
    const struct fake_datagram *sent;

    while ((sent = fake_io_take(world->host))) {
        struct sent *slot = &world->last[world->sent++ % SENT];

        slot->local = sent->local;
        slot->peer = sent->peer;
        slot->length = MIN(sent->data.length, sizeof slot->bytes);
        memcpy(slot->bytes, sent->data.bytes, slot->length);
        (void)fake_io_deliver(world->far, sent->peer, sent->local, sent->data); /* the TURN server's */
    }
    while ((sent = fake_io_take(world->far)))
        (void)fake_io_deliver(world->host, sent->peer, sent->local, sent->data);
}

static void
on_peer_stream(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    (void)owner, (void)result;
    if (ready == IO_READABLE) {
        uint8_t bytes[256];
        enum io_result why;
        ssize_t got;

        while ((got = tcp->ops->read(tcp, bytes, sizeof bytes, &why)) > 0) /* an echo: it has frames in it */
            (void)tcp->ops->write(tcp, bytes, (size_t)got, &why);
        if (got == 0 || why != IO_AGAIN)
            tcp->ops->close(tcp, true);
    } else if (ready == IO_FAILED) {
        tcp->ops->close(tcp, true);
    }
}

static void
on_accept(void *owner, struct io_tcp *listener, enum io_ready ready, enum io_result result)
{
    (void)result;
    if (ready == IO_ACCEPT)
        (void)listener->ops->accept(listener, on_peer_stream, owner);
}

/* The peer connects to a passive candidate, or to where none is. */
static void
connect_peer(struct world *world, uint8_t to)
{
    struct endpoint local = { ADDRESS_NONE, 0 }, peer = local_of(world, to);
    enum io_result why;

    if (fake_io_streams(world->far) < 16)
        (void)world->far->io.ops->connect(&world->far->io, &local, &peer, false, on_peer_stream, world, &why);
}

static void
change_address(struct world *world, uint8_t which)
{
    world->host->address = address_ipv4(0x0a000002 + (which & 1));
    fake_io_changed(world->host);
}

static void
check_invariants(const struct world *world)
{
    const struct ice_session *session = ice_agent_session(world->agent);
    g_autoptr(GString) text = g_string_new(NULL);
    struct ice_path path;

    for (unsigned i = 1; i <= ice_session_components(session); i++) {
        struct io_udp *udp = ice_agent_component(world->agent, 0, i);
        struct io_datagram datagram = IO_DATAGRAM_TO(((struct endpoint){ ADDRESS_NONE, 0 }), span_of_text("data"));
        enum io_result result = udp->ops->send(udp, &datagram);

        if (world->closed)
            g_assert_cmpint(result, ==, IO_CLOSED);
        else if (ice_session_path(session, 0, i, &path) && path.transport == ICE_UDP)
            g_assert_cmpint(result, !=, IO_CLOSED);
    }
    if (world->sent % 8 == 0)
        ice_agent_transcript(world->agent, text);
}

static void
close_agent(struct world *world)
{
    world->closed = true;
    ice_agent_close(world->agent);
}

static void
step(struct world *world, struct reader *input)
{
    uint8_t what = reader_u8(input), more;

    switch (what & 15) {
    case 0:
        ice_agent_gather(world->agent);
        break;
    case 1:
        described(world);
        break;
    case 2:
        describe_peer(world, input);
        break;
    case 3:
        more = reader_u8(input);
        (void)ice_agent_take_candidate(world->agent, what >> 7, reader_span(input, MIN(more, reader_left(input))),
                                       NULL);
        break;
    case 4:
    case 5:
        send_request(world, input);
        break;
    case 6:
    case 7:
        send_response(world, input);
        break;
    case 8:
        more = reader_u8(input);
        deliver(world, local_of(world, what >> 4), endpoint_of(more),
                reader_span(input, MIN(more, reader_left(input))));
        break;
    case 9:
        more = reader_u8(input);
        (void)fake_io_deliver_icmp(world->host, local_of(world, what >> 4), endpoint_of(more), 3, more >> 4);
        break;
    case 10:
        fake_io_advance(world->host, (int64_t)reader_u16(input) * TIME_MS);
        break;
    case 11:
        fake_io_advance(world->host, CLAMP(fake_io_next(world->host) - world->host->now, 0, TIME_MIN));
        break;
    case 12:
        change_address(world, what >> 4);
        break;
    case 13:
        if (what & 128)
            connect_peer(world, what >> 4);
        else if (what & 64)
            fake_io_break_streams(world->far);
        (void)fake_io_carry_streams(world->host, world->far);
        break;
    case 14:
        world->host->send_result = what & 128 ? IO_NO_ROUTE : what & 64 ? IO_FULL : IO_OK;
        break;
    default:
        if (what & 128)
            ice_agent_restart(world->agent);
        else if ((what & 112) == 0)
            close_agent(world);
        else if ((what & 112) == 16)
            world->free_next = true;
        else if (what & 32)
            world->restart_next = true;
        break;
    }
}

static void
open_world(struct world *world, uint8_t how)
{
    struct ice_agent_options options = ICE_AGENT_DEFAULTS;
    struct turn_server_options turn = TURN_SERVER_DEFAULTS;
    struct endpoint listen = { address_ipv4(0xc6336401), 7000 };
    enum io_result why;

    world->host = fake_io_new("10.0.0.2");
    world->far = fake_io_new("198.51.100.1");
    turn.realm = NULL;
    world->turn = turn_server_new(&world->far->io, &turn, &why);
    world->listener = world->far->io.ops->listen(&world->far->io, &listen, false, on_accept, world, &why);
    world->peer_key = stun_key_new_short_term(span_of_text(PEER_PWD));
    options.session.controlling = how & 1;
    options.session.trickle = how & 2;
    options.session.components = how & 4 ? 2 : 1;
    options.session.lite = how % 64 == 63;
    options.session.locals_most = options.session.remotes_most = 16;
    options.tcp = options.tcp_so = how & 8;
    options.no_udp = (how & 24) == 24;
    options.restart_on_change = how & 32;
    options.transcript = 50;
    options.stun_count = options.turn_count = how & 64 ? 1 : 0;
    options.stun[0] = options.turn[0].server = (struct endpoint){ address_ipv4(0xc6336401), STUN_PORT };
    options.turn[0].transport = how & 128 ? TURN_CLIENT_UDP_THEN_TCP : TURN_CLIENT_UDP;
    world->agent = ice_agent_new(&world->host->io, &options, told, world);
    for (unsigned i = 1; i <= options.session.components; i++) {
        ice_agent_component(world->agent, 0, i)->events = &data_events;
        ice_agent_component(world->agent, 0, i)->owner = world;
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct world world = { .over = false };
    struct reader input = reader_over(span_of(bytes, length));

    open_world(&world, reader_u8(&input));
    for (int steps = 0; steps < MOST_STEPS && reader_left(&input) > 0 && world.agent; steps++) {
        step(&world, &input);
        keep_sent(&world);
        if (world.agent)
            check_invariants(&world);
    }
    end_agent(&world);
    g_assert_true(fake_io_free(world.host));
    fake_io_break_streams(world.far);
    world.listener->ops->close(world.listener, true);
    turn_server_free(world.turn);
    (void)fake_io_free(world.far);
    stun_key_free(world.peer_key);
    return 0;
}
