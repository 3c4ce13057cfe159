/* RFC 7857: updates to RFC 4787, RFC 5382 and RFC 5508. Its demands have sections instead of numbers. */
#include "scenarios/conformance/tcp.h"

#define US inside(1, 5000)
#define THEM outside(1, 1000)

enum { SYN = LETTER_SYN, ACK = LETTER_ACK, FIN = LETTER_FIN | LETTER_ACK, RST = LETTER_RST | LETTER_ACK };

#define STANDING (124 * TIME_MIN)

/* ---- section 2: connections */

static struct endpoint
begin_half_closed(struct trial *trial)
{
    struct endpoint external = connect_out(trial, US, THEM);

    (void)passes(trial, INSIDE, FIN, US, THEM);
    return external;
}

static struct endpoint
begin_half_closed_by_them(struct trial *trial)
{
    struct endpoint external = connect_out(trial, US, THEM);

    (void)passes(trial, OUTSIDE, FIN, THEM, external);
    return external;
}

static enum outcome
probe_half_closed(struct trial *trial)
{
    int64_t ours = find_lifetime(trial, &(struct life){ begin_half_closed, connection_is_alive, NULL });
    int64_t theirs = find_lifetime(trial, &(struct life){ begin_half_closed_by_them, connection_is_alive, NULL });

    return verdict(trial, MIN(ours, theirs) >= STANDING,
                   "after a FIN of %s alone its connection lived for %s, after one of %s alone for %s", say(trial, US),
                   say_time(trial, ours), say(trial, THEM), say_time(trial, theirs));
}

static enum outcome
probe_opening_timer(struct trial *trial)
{
    int64_t lifetime = find_opening_lifetime(trial);

    return verdict(trial, lifetime >= 4 * TIME_MIN, "a SYN-ACK for a SYN of %s got in for %s", say(trial, US),
                   say_time(trial, lifetime));
}

static enum outcome
probe_reset(struct trial *trial)
{
    struct endpoint external = connect_out(trial, US, THEM);
    bool in = passes(trial, OUTSIDE, RST, THEM, external), out;

    trial_renew(trial, NULL);
    (void)connect_out(trial, US, THEM);
    out = passes(trial, INSIDE, RST, US, THEM);
    return verdict(trial, in && out, "of the connection of %s to %s a RST from outside %s, one from inside %s",
                   say(trial, US), say(trial, THEM), in ? "passed" : "did not pass", out ? "did" : "did not");
}

static struct endpoint
begin_reset(struct trial *trial)
{
    struct endpoint external = connect_out(trial, US, THEM);

    (void)passes(trial, OUTSIDE, RST, THEM, external);
    return external;
}

static enum outcome
probe_reset_timer(struct trial *trial)
{
    int64_t lifetime = find_lifetime(trial, &(struct life){ begin_reset, connection_is_alive, NULL });

    return verdict(trial, lifetime >= 4 * TIME_MIN && lifetime < find_standing_lifetime(trial),
                   "after a RST from %s, segments from there got in for %s", say(trial, THEM),
                   say_time(trial, lifetime));
}

static enum outcome
probe_reset_traffic(struct trial *trial)
{
    struct endpoint external = begin_reset(trial);
    bool passed, alive;

    stand_wait(trial->stand, 3 * TIME_MIN);
    passed = passes(trial, INSIDE, ACK, US, THEM) && connection_is_alive(trial, external);
    stand_wait(trial->stand, 30 * TIME_MIN);
    alive = connection_is_alive(trial, external);
    return verdict(trial, passed && alive, "3min after a RST segments passed both ways: %s; 30min later %s",
                   passed ? "yes" : "no", alive ? "the connection lived" : "it was gone");
}

/* ---- sections 3 and 4: ports and addresses */

static enum outcome
probe_overlapping(struct trial *trial)
{
    struct endpoint one = send_out(trial, PROTOCOL_UDP, US, THEM), seen[3];
    struct endpoint other = send_out(trial, PROTOCOL_UDP, inside(2, 5000), outside(2, 2000));
    bool used = endpoint_equal(one, other), shared;

    if (!used)
        return not_applicable(trial, "no use is made of it: %s towards %s and %s towards %s left as %s and %s",
                              say(trial, US), say(trial, THEM), say(trial, inside(2, 5000)),
                              say(trial, outside(2, 2000)), say(trial, one), say(trial, other));
    shared = gets_in(trial, PROTOCOL_UDP, THEM, one, US) &&
             gets_in(trial, PROTOCOL_UDP, outside(2, 2000), one, inside(2, 5000)) &&
             find_mapping(trial, PROTOCOL_UDP, inside(3, 5000), seen) != ON_NOTHING;
    return verdict(trial, shared, "%s and %s both left as %s, towards %s and %s; answers %s", say(trial, US),
                   say(trial, inside(2, 5000)), say(trial, one), say(trial, THEM), say(trial, outside(2, 2000)),
                   shared ? "got to whom they were for" : "can't be told apart");
}

static enum outcome
probe_pooling(struct trial *trial)
{
    struct endpoint udp, tcp, icmp;

    trial_renew(trial, &(struct stand_layout){ .addresses = 4 });
    udp = send_out(trial, PROTOCOL_UDP, US, THEM);
    (void)send_out(trial, PROTOCOL_UDP, inside(2, 5000), THEM);
    tcp = send_out(trial, PROTOCOL_TCP, US, THEM);
    (void)send_out(trial, PROTOCOL_UDP, inside(3, 5000), THEM);
    icmp = send_out(trial, PROTOCOL_ICMP, US, THEM);
    return verdict(trial, address_equal(udp.address, tcp.address) && address_equal(udp.address, icmp.address),
                   "with 4 external addresses %s left from %s by UDP, from %s by TCP, from %s by ICMP",
                   say_address(trial, US.address), say_address(trial, udp.address), say_address(trial, tcp.address),
                   say_address(trial, icmp.address));
}

/* ---- sections 5 to 7: mappings and filters of a protocol */

static enum outcome
probe_mapping_of_protocol(struct trial *trial)
{
    struct endpoint external = send_out(trial, PROTOCOL_UDP, US, THEM);
    bool came = passes(trial, OUTSIDE, SYN, THEM, external);

    return verdict(trial, !came, "%s had sent UDP to %s: a SYN from there to %s %s", say(trial, US), say(trial, THEM),
                   say(trial, external), came ? "got in" : "did not get in");
}

static enum outcome
probe_filter_of_protocol(struct trial *trial)
{
    struct endpoint stranger = outside(3, 3000), external;
    bool came;

    if (find_filter(trial, PROTOCOL_TCP) == ON_NOTHING)
        return not_applicable(trial, "filtering of TCP is endpoint-independent");
    trial_renew(trial, NULL);
    external = connect_out(trial, US, THEM);
    (void)send_out(trial, PROTOCOL_UDP, US, stranger);
    came = passes(trial, OUTSIDE, SYN, stranger, external);
    return verdict(trial, !came, "%s had sent UDP to %s: a SYN from there to %s, its external endpoint of TCP, %s",
                   say(trial, US), say(trial, stranger), say(trial, external), came ? "got in" : "did not get in");
}

static struct endpoint
begin_flow(struct trial *trial)
{
    return send_out(trial, PROTOCOL_UDP, US, THEM);
}

static bool
flow_is_alive(struct trial *trial, struct endpoint external)
{
    return gets_in(trial, PROTOCOL_UDP, THEM, external, US);
}

static void
touch_inbound(struct trial *trial, struct endpoint external)
{
    (void)flow_is_alive(trial, external);
}

/* A packet in, and the host refuses it. */
static void
touch_by_refusal(struct trial *trial, struct endpoint external)
{
    struct error error = { .type = 3,
                           .code = 3,
                           .protocol = PROTOCOL_UDP,
                           .from = US.address,
                           .to = THEM.address,
                           .quoted_from = THEM,
                           .quoted_to = US };

    (void)flow_is_alive(trial, external);
    (void)send_error(trial, INSIDE, &error);
}

static enum outcome
probe_refusal_refresh(struct trial *trial)
{
    struct life life = { begin_flow, flow_is_alive, touch_inbound };
    int64_t lifetime = find_lifetime(trial, &life);
    bool kept;

    if (lifetime == TIME_NEVER || touch_keeps(trial, &life, lifetime))
        return not_applicable(trial, "packets in refresh a mapping by themselves");
    life.touch = touch_by_refusal;
    kept = touch_keeps(trial, &life, lifetime);
    return verdict(trial, !kept, "a packet in at %s, which %s refused with ICMP 3/3, %s its mapping beyond %s",
                   say_time(trial, lifetime / 4 * 3), say(trial, US), kept ? "kept" : "did not keep",
                   say_time(trial, lifetime));
}

/* ---- sections 9 and 10: what can be guessed, and what collides */

static enum outcome
probe_identification(struct trial *trial)
{
    enum { COUNT = 8 };
    uint16_t seen[COUNT];

    for (unsigned i = 0; i < COUNT; i++) {
        struct form form = {
            .from = inside(1 + i, 5000), .to = THEM, .protocol = PROTOCOL_UDP, .identification = 0x1234
        };
        const struct seen *left;

        stand_put(trial->stand, INSIDE, &form);
        left = seen_on(trial, OUTSIDE, PROTOCOL_UDP);
        seen[i] = left ? left->form.identification : 0;
        for (unsigned j = 0; j < i; j++)
            if (seen[j] == seen[i])
                return verdict(trial, false,
                               "packets of %s and %s to %s, both with identification %u, both left with %u",
                               say_address(trial, inside(1 + j, 0).address), say_address(trial, form.from.address),
                               say(trial, THEM), form.identification, seen[i]);
    }
    return verdict(trial, true,
                   "packets of %u hosts to %s, all with identification %u, left with as many different ones", COUNT,
                   say(trial, THEM), 0x1234);
}

/* ---- section 12 */

static enum outcome
probe_hairpin_query(struct trial *trial)
{
    struct endpoint querier = inside(1, 77);
    struct endpoint external = { send_out(trial, PROTOCOL_UDP, US, THEM).address, 0 };
    const struct seen *seen = send_back(trial, PROTOCOL_ICMP, querier, external);
    bool answered = seen && address_equal(seen->form.to.address, querier.address) && seen->form.type == 0;

    return verdict(trial, answered, "an echo request of %s to %s, its own external address, %s",
                   say_address(trial, querier.address), say_address(trial, external.address),
                   answered ? "was answered" : "was not answered");
}

/* ---- the table */

#define NOT_SEEN "what can be configured is not to be seen from outside"

static const struct requirement rows[] = {
    { "2", "2", LEVEL_SHOULD, "a connection that one side has closed lives on as one that stands", NEEDS_TCP,
      probe_half_closed, NULL },
    { "2.1", "2.1", LEVEL_SHOULD, "one that is partially open lives for at least 4 minutes by default", NEEDS_TCP,
      probe_opening_timer, NULL },
    { "2.1 separate", "2.1", LEVEL_SHOULD, "its time can be set apart from that of one that closes", NEEDS_TCP, NULL,
      NOT_SEEN },
    { "2.2", "2.2", LEVEL_MUST, "a RST that belongs to a connection is translated", NEEDS_TCP, probe_reset, NULL },
    { "2.2 kept", "2.2", LEVEL_SHOULD, "the connection is kept for 4 minutes then, and goes when nothing comes",
      NEEDS_TCP, probe_reset_timer, NULL },
    { "2.2 traffic", "2.2", LEVEL_SHOULD, "traffic in that time keeps it", NEEDS_TCP, probe_reset_traffic, NULL },
    { "3", "3", LEVEL_MAY, "hosts whose destinations differ may share an external port of an endpoint-dependent NAT",
      NEEDS_UDP, probe_overlapping, NULL },
    { "4", "4", LEVEL_SHOULD, "pooling is paired across protocols", NEEDS_UDP | NEEDS_TCP | NEEDS_ICMP, probe_pooling,
      NULL },
    { "5", "5", LEVEL_SHOULD, "mappings of UDP and TCP are independent of each other", NEEDS_UDP | NEEDS_TCP,
      probe_mapping_of_protocol, NULL },
    { "6", "6", LEVEL_SHOULD, "filters of UDP and TCP are independent of each other", NEEDS_UDP | NEEDS_TCP,
      probe_filter_of_protocol, NULL },
    { "7", "7", LEVEL_SHOULD, "whether packets in refresh a mapping can be set", NEEDS_UDP, NULL, NOT_SEEN },
    { "7.1", "7.1", LEVEL_SHOULD, "an ICMP error in answer to a packet in does not refresh a mapping", NEEDS_UDP,
      probe_refusal_refresh, NULL },
    { "8", "8", LEVEL_MAY, "parity of ports may be given up", NEEDS_UDP, NULL,
      "whether it is or not, it is as allowed" },
    { "9", "9", LEVEL_SHOULD, "an external port that differs from the internal one is hard to guess", NEEDS_UDP,
      find_random_ports, NULL },
    { "10", "10", LEVEL_SHOULD, "IP identifications of hosts behind the box don't collide", NEEDS_UDP,
      probe_identification, NULL },
    { "11", "11", LEVEL_MAY, "the mapping of a query may go with its last session", NEEDS_ICMP, NULL,
      "whether it does or not, it is as allowed" },
    { "12", "12", LEVEL_MUST, "queries to the box's own external address come back", NEEDS_UDP | NEEDS_ICMP,
      probe_hairpin_query, NULL },
    { .number = NULL },
};

const struct requirement_table update_requirements = { 7857, "updates", false, rows };
