/* An ICE agent fed with authenticated but senseless checks: whoever knows the password may say what it likes, from
 * where it likes, in any order, and the engine around the machine may fail in any way.
 *
 * What must hold: everything stays bounded; a pair that the session calls selected is valid and there; the deadline
 * never stands still; orders can be written; a message that was ordered and comes back is recognized. */
#include "core/base/cursor.h"
#include "core/base/random.h"
#include "proto/ice/kinds.h"
#include "proto/ice/session.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#define MOST_STEPS 600
#define MOST_ORDERS 64 /* at one instant: each ends a transaction or begins one, and Ta lies between new ones */
#define SENT 16
#define PEER_PWD "peerpasswordpeerpassword"

struct world {
    struct ice_session *session;
    struct random_stream dice;
    struct stun_key *own_key, *peer_key;
    int64_t now;
    size_t sent;
    struct ice_order orders[SENT]; /* the last ones, which the input answers */
    uint64_t events;
};

static void
draw(void *owner, void *bytes, size_t length)
{
    struct world *world = owner;

    random_fill(&world->dice, bytes, length);
}

/* Every event can be said. */
static void
on_event(void *owner, const struct ice_session *session, const struct ice_event *event)
{
    struct world *world = owner;
    struct record record;

    (void)session;
    ice_event_record(event, &record);
    if (world->events++ % 16 == 0) {
        g_autoptr(GString) text = g_string_new(NULL);

        record.kind->say(&record, NULL, text);
        g_assert_cmpuint(text->len, >, 0);
    }
}

/* One of 64 endpoints: a few addresses of both families, some of them the agent's own. */
static struct endpoint
endpoint_of(uint8_t byte)
{
    struct endpoint endpoint = { address_ipv4(0x0a000002 + (byte & 7)), (uint16_t)(5000 + (byte >> 3 & 3)) };

    if (byte & 32)
        endpoint.address = (struct address){ UINT64_C(0x20010db800000000), (byte & 7) + 1u };
    return endpoint;
}

static struct ice_candidate
read_candidate(struct reader *input)
{
    uint8_t how = reader_u8(input), where = reader_u8(input), more = reader_u8(input);
    struct ice_candidate candidate = { .type = (enum ice_type)(how & 3),
                                       .transport = (enum ice_transport)(how >> 6),
                                       .stream = how >> 2 & 3,
                                       .component = how >> 4 & 3,
                                       .local_preference = (uint16_t)(where * 256 + more),
                                       .priority = more ? (uint32_t)more << 23 | where : 0,
                                       .endpoint = endpoint_of(where),
                                       .base = endpoint_of(more) };

    g_snprintf(candidate.foundation, sizeof candidate.foundation, "%u", more & 7u);
    return candidate;
}

static void
set_remote(struct world *world, uint8_t how)
{
    struct ice_remote remote = { .ufrag = span_of_text("peer"),
                                 .pwd = span_of_text(PEER_PWD),
                                 .lite = how % 8 == 7,
                                 .ice2 = how & 8,
                                 .trickle = how & 16,
                                 .ta = how & 32 ? 100 * TIME_MS : 0 };

    (void)ice_session_set_remote(world->session, &remote);
}

static void
renew_key(struct world *world)
{
    stun_key_free(world->own_key);
    world->own_key = stun_key_new_short_term(span_of_text(ice_session_pwd(world->session)));
}

/* A proven check. */
static void
send_request(struct world *world, struct reader *input)
{
    uint8_t how = reader_u8(input), base = reader_u8(input), source = reader_u8(input);
    struct ice_check check = { .priority = 1u + reader_u16(input) * 32000u,
                               .tiebreaker = how & 4 ? UINT64_MAX : how,
                               .controlling = how & 1,
                               .use_candidate = how & 2 };
    struct ice_arrival arrival = { base & 15, endpoint_of(source) };
    uint8_t buffer[ICE_MESSAGE_BYTES];
    struct ice_reply reply;
    struct span bytes;

    memcpy(check.id.bytes, &how, 1);
    bytes = ice_check_write(&check, span_of_text(ice_session_ufrag(world->session)), span_of_text("peer"),
                            world->own_key, buffer, sizeof buffer);
    g_assert_cmpint(ice_session_datagram(world->session, world->now, &arrival, bytes, &reply), ==, ICE_INPUT_TAKEN);
    g_assert_cmpuint(reply.length, >, 0);
}

/* A proven answer to something that was sent, from where it went to, or from elsewhere. */
static void
send_response(struct world *world, struct reader *input)
{
    uint8_t which = reader_u8(input), how = reader_u8(input), mapped = reader_u8(input);
    const struct ice_order *order = &world->orders[which % SENT];
    struct ice_arrival arrival = { order->base, order->to };
    struct stun_header header = { .class = STUN_REQUEST, .method = STUN_BINDING, .cookie = STUN_COOKIE };
    static const uint16_t codes[] = { 0, 0, 0, 487, 403, 400, 401, 500 };
    struct ice_proof proof = { .code = codes[how & 7], .seal = { world->peer_key, how & 64 } };
    struct ice_reply reply;
    uint8_t buffer[ICE_MESSAGE_BYTES];
    struct span bytes;

    if (how & 16)
        arrival.base ^= 1;
    if (how & 32)
        arrival.source.port ^= 1;
    header.id = order->check.id;
    bytes = ice_answer_write(&header, &proof, how & 8 ? order->from : endpoint_of(mapped), buffer, sizeof buffer);
    (void)ice_session_datagram(world->session, world->now, &arrival, bytes, &reply);
    g_assert_cmpuint(reply.length, ==, 0);
}

static void
send_garbage(struct world *world, struct reader *input)
{
    struct ice_arrival arrival = { reader_u8(input) & 15, endpoint_of(reader_u8(input)) };
    size_t length = reader_u8(input);
    struct ice_reply reply;

    (void)ice_session_datagram(world->session, world->now, &arrival,
                               reader_span(input, MIN(length, reader_left(input))), &reply);
}

static void
take_orders(struct world *world)
{
    uint8_t buffer[ICE_MESSAGE_BYTES];
    struct ice_order order;

    for (unsigned i = 0; ice_session_next(world->session, world->now, &order); i++) {
        g_assert_cmpuint(i, <, MOST_ORDERS * 8);
        g_assert_cmpuint(ice_session_write(world->session, &order, buffer, sizeof buffer).length, >, 0);
        world->orders[world->sent++ % SENT] = order;
    }
    g_assert_cmpint(ice_session_deadline(world->session), >, world->now);
}

static void
check_invariants(const struct world *world)
{
    const struct ice_session *session = world->session;
    size_t listed = 0;

    for (size_t i = 0; i < ice_session_pairs(session); i++) {
        const struct ice_pair *pair = ice_session_pair(session, i);

        g_assert_cmpint(pair->state, <, ICE_PAIR_STATES);
        if (pair->state == ICE_PAIR_GONE)
            continue;
        listed += pair->listed;
        g_assert_true(!pair->selected || (pair->valid && pair->nominated && pair->state == ICE_PAIR_SUCCEEDED));
        g_assert_true(!pair->valid || pair->state == ICE_PAIR_SUCCEEDED);
        g_assert_true(pair->state == ICE_PAIR_IN_PROGRESS || pair->nominating || !pair->transaction);
        g_assert_true(pair->state != ICE_PAIR_IN_PROGRESS || pair->transaction);
    }
    g_assert_cmpuint(listed, <=, 12);
    g_assert_cmpuint(ice_session_locals(session), <=, 16);
    g_assert_cmpuint(ice_session_remotes(session), <=, 16);
    for (unsigned stream = 0; stream < ice_session_streams(session); stream++) {
        /* The peer may have fewer components: then the first ones count (RFC 8445 section 6.1.2.2). */
        bool completed = ice_session_checklist(session, stream) == ICE_COMPLETED, missing = false;

        for (unsigned component = 1; component <= ice_session_components(session); component++) {
            const struct ice_pair *pair = ice_session_selected(session, stream, component);

            g_assert_true(!pair || pair->selected);
            g_assert_true(!completed || pair || component > 1);
            g_assert_true(!completed || !pair || !missing);
            missing |= pair == NULL;
        }
    }
}

static void
step(struct world *world, struct reader *input)
{
    static const enum ice_why whys[] = { ICE_WHY_ICMP, ICE_WHY_UNSENT, ICE_WHY_PERMISSION, ICE_WHY_CONNECTION };
    uint8_t what = reader_u8(input);
    struct ice_candidate candidate;

    switch (what % 16) {
    case 0:
    case 1:
        candidate = read_candidate(input);
        (void)ice_session_add_local(world->session, &candidate, world->now);
        break;
    case 2:
    case 3:
        candidate = read_candidate(input);
        (void)ice_session_add_remote(world->session, &candidate, world->now);
        break;
    case 4:
        set_remote(world, reader_u8(input));
        ice_session_start(world->session, world->now);
        break;
    case 5:
        if (what & 64)
            ice_session_end_local(world->session, world->now);
        else
            ice_session_end_remote(world->session, world->now);
        break;
    case 6:
    case 7:
        send_request(world, input);
        break;
    case 8:
    case 9:
    case 10:
        send_response(world, input);
        break;
    case 11:
        send_garbage(world, input);
        break;
    case 12:
        ice_session_broken(world->session, world->now, what >> 4, endpoint_of(reader_u8(input)),
                           whys[reader_u8(input) & 3]);
        break;
    case 13:
        if (what & 64)
            ice_session_remove_local(world->session, world->now, reader_u8(input) & 15);
        else if (what & 128)
            ice_session_sent(world->session, world->now, 0, 1);
        else
            ice_session_restart(world->session, world->now);
        renew_key(world);
        break;
    case 14:
        world->now += reader_u16(input) * TIME_MS;
        break;
    default:
        world->now = MIN(ice_session_deadline(world->session), world->now + TIME_MIN);
        break;
    }
}

static void
open_world(struct world *world, uint8_t how)
{
    struct ice_session_options options = ICE_SESSION_DEFAULTS;

    options.streams = how & 1 ? 2 : 1;
    options.components = how & 2 ? 2 : 1;
    options.controlling = how & 4;
    options.lite = how % 32 == 31;
    options.trickle = how & 8;
    options.aggressive = how & 32;
    options.consent = !(how & 64);
    options.pairs_most = 12;
    options.locals_most = options.remotes_most = 16;
    options.random = draw;
    options.event = on_event;
    options.owner = world;
    world->dice = random_stream_of(how, "fuzz", "ice");
    world->session = ice_session_new(&options);
    world->peer_key = stun_key_new_short_term(span_of_text(PEER_PWD));
    renew_key(world);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct world world = { 0 };
    struct reader input = reader_over(span_of(bytes, length));

    open_world(&world, length ? bytes[length - 1] : 0);
    for (int steps = 0; steps < MOST_STEPS && reader_left(&input) > 0; steps++) {
        step(&world, &input);
        take_orders(&world);
        check_invariants(&world);
    }
    ice_session_free(world.session);
    stun_key_free(world.own_key);
    stun_key_free(world.peer_key);
    return 0;
}
