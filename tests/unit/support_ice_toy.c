#include "tests/unit/support.h"
#include "tests/unit/support_ice.h"

#define TOY_FLYING 512
#define TOY_MAPPINGS 64
#define TOY_HOSTS 4 /* components */

struct toy_mapping {
    struct endpoint internal, to, external; /* `to` none: for every destination */
    size_t permitted;
    struct endpoint peers[TOY_MAPPINGS];
};

struct toy_end {
    struct toy *toy;
    unsigned index;
    struct ice_session *session;
    struct random_stream dice;
    struct endpoint host[TOY_HOSTS], relay[TOY_HOSTS];
    int host_number[TOY_HOSTS], relay_number[TOY_HOSTS];
    struct toy_mapping mappings[TOY_MAPPINGS]; /* of the NAT; a relay's permissions stand in one of its own */
    size_t mapped;
    size_t pending; /* candidates still to be trickled to the other */
};

struct toy_packet {
    int64_t at;
    uint64_t order;
    struct endpoint from, to;
    size_t length;
    uint8_t bytes[ICE_MESSAGE_BYTES];
};

struct toy {
    struct toy_options options;
    struct toy_end ends[2];
    struct random_stream dice;
    int64_t now, trickle_at[2];
    bool cut;
    unsigned sent;
    uint64_t order;
    size_t flying, logged;
    struct toy_packet packets[TOY_FLYING];
    struct toy_sent log[TOY_LOG];
};

struct toy_options
toy_defaults(void)
{
    struct toy_options options = { .delay = 20 * TIME_MS,
                                   .seed = 1,
                                   .ice = { ICE_SESSION_DEFAULTS, ICE_SESSION_DEFAULTS } };

    options.ice[1].controlling = false;
    return options;
}

static void
toy_random(void *owner, void *bytes, size_t length)
{
    struct toy_end *end = owner;

    random_fill(&end->dice, bytes, length);
}

/* The mapping that a packet leaves by, made when it is not there. */
static struct toy_mapping *
map(struct toy_end *end, struct endpoint internal, struct endpoint to, bool symmetric)
{
    struct toy_mapping *mapping;

    for (size_t i = 0; i < end->mapped; i++)
        if (endpoint_equal(end->mappings[i].internal, internal) &&
            (!symmetric || endpoint_equal(end->mappings[i].to, to)))
            return &end->mappings[i];
    if (end->mapped == TOY_MAPPINGS)
        g_error("the toy NAT is full");
    mapping = &end->mappings[end->mapped];
    *mapping =
        (struct toy_mapping){ .internal = internal, .to = symmetric ? to : (struct endpoint){ ADDRESS_NONE, 0 } };
    mapping->external.address = address_ipv4(0xcb007101 + end->index);
    mapping->external.port = (uint16_t)(40000 + end->mapped);
    end->mapped++;
    return mapping;
}

static void
permit(struct toy_mapping *mapping, struct endpoint peer)
{
    for (size_t i = 0; i < mapping->permitted; i++)
        if (endpoint_equal(mapping->peers[i], peer))
            return;
    if (mapping->permitted < TOY_MAPPINGS)
        mapping->peers[mapping->permitted++] = peer;
}

static bool
is_relay(const struct toy_end *end, struct endpoint endpoint)
{
    for (size_t i = 0; i < TOY_HOSTS; i++)
        if (endpoint_equal(end->relay[i], endpoint))
            return true;
    return false;
}

static bool
is_private_path(const struct toy *toy, struct endpoint to)
{
    return toy->options.same_lan && address_is_private(to.address);
}

/* What the sender's side makes of the source; false: it does not leave. */
static bool
leave(struct toy_end *end, struct endpoint *from, struct endpoint to)
{
    enum toy_nat nat = end->toy->options.nat[end->index];
    struct toy_mapping *mapping;

    if (is_relay(end, *from)) {
        permit(map(end, *from, to, false), (struct endpoint){ to.address, 0 });
        return true;
    }
    if (nat == TOY_OPEN || is_private_path(end->toy, to))
        return true;
    if (nat == TOY_BLOCKED)
        return false;
    mapping = map(end, *from, to, nat == TOY_SYMMETRIC);
    permit(mapping, to);
    *from = mapping->external;
    return true;
}

static bool
admits(const struct toy_mapping *mapping, struct endpoint peer)
{
    for (size_t i = 0; i < mapping->permitted; i++)
        if (address_equal(mapping->peers[i].address, peer.address) &&
            (mapping->peers[i].port == 0 || mapping->peers[i].port == peer.port))
            return true;
    return false;
}

/* The number of the local candidate at which a packet arrives; -1: nowhere at this end. */
static int
arrive(const struct toy_end *end, struct endpoint from, struct endpoint to)
{
    enum toy_nat nat = end->toy->options.nat[end->index];
    struct endpoint inner = to;

    for (size_t i = 0; i < TOY_HOSTS; i++)
        for (size_t m = 0; m < end->mapped; m++)
            if (endpoint_equal(end->relay[i], to) && endpoint_equal(end->mappings[m].internal, to) &&
                admits(&end->mappings[m], from))
                return end->relay_number[i];
    if (nat != TOY_OPEN && !is_private_path(end->toy, to)) {
        inner = (struct endpoint){ ADDRESS_NONE, 0 };
        for (size_t m = 0; m < end->mapped; m++)
            if (endpoint_equal(end->mappings[m].external, to) && !is_relay(end, end->mappings[m].internal) &&
                admits(&end->mappings[m], from))
                inner = end->mappings[m].internal;
    }
    for (size_t i = 0; i < TOY_HOSTS; i++)
        if (end->host[i].port && endpoint_equal(end->host[i], inner))
            return end->host_number[i];
    return -1;
}

static void
fly(struct toy *toy, struct endpoint from, struct endpoint to, struct span bytes, int64_t delay)
{
    struct toy_packet *packet = &toy->packets[toy->flying];

    if (toy->flying == TOY_FLYING)
        g_error("more packets than the toy network carries");
    toy->flying++;
    *packet = (struct toy_packet){
        .at = toy->now + delay, .order = ++toy->order, .from = from, .to = to, .length = bytes.length
    };
    memcpy(packet->bytes, bytes.bytes, bytes.length);
}

static void
send_packet(struct toy *toy, unsigned end, struct endpoint from, struct endpoint to, struct span bytes)
{
    const struct toy_fault *fault = NULL;
    int64_t delay = toy->options.delay;
    bool lost = toy->cut;

    toy->sent++;
    for (size_t i = 0; i < G_N_ELEMENTS(toy->options.faults); i++)
        if (toy->options.faults[i].packet == toy->sent)
            fault = &toy->options.faults[i];
    if (toy->options.jitter)
        delay += (int64_t)random_below(&toy->dice, (uint64_t)toy->options.jitter);
    if (toy->options.loss_percent)
        lost |= random_below(&toy->dice, 100) < toy->options.loss_percent;
    if (!leave(&toy->ends[end], &from, to) || lost || (fault && fault->lose))
        return;
    if (fault)
        delay += fault->delay;
    fly(toy, from, to, bytes, delay);
    if (fault && fault->twice)
        fly(toy, from, to, bytes, delay);
}

static void
note_sent(struct toy *toy, struct toy_sent sent)
{
    if (toy->logged < TOY_LOG)
        toy->log[toy->logged++] = sent;
}

static void
carry_out(struct toy *toy, unsigned end)
{
    uint8_t buffer[ICE_MESSAGE_BYTES];
    struct ice_order order;

    while (ice_session_next(toy->ends[end].session, toy->now, &order)) {
        struct span bytes = ice_session_write(toy->ends[end].session, &order, buffer, sizeof buffer);

        if (bytes.length == 0)
            g_error("an order that can't be written");
        note_sent(toy, (struct toy_sent){ toy->now, end, order.type, order.from, order.to, order.check.use_candidate,
                                          order.count });
        send_packet(toy, end, order.from, order.to, bytes);
    }
}

static void
deliver(struct toy *toy, size_t index)
{
    struct toy_packet packet = toy->packets[index];
    struct ice_reply reply;

    toy->packets[index] = toy->packets[--toy->flying];
    for (unsigned end = 0; end < 2; end++) {
        int base = arrive(&toy->ends[end], packet.from, packet.to);

        if (base < 0)
            continue;
        (void)ice_session_datagram(toy->ends[end].session, toy->now,
                                   &(struct ice_arrival){ (uint16_t)base, packet.from },
                                   span_of(packet.bytes, packet.length), &reply);
        if (reply.length) {
            struct endpoint from = ice_session_local(toy->ends[end].session, (unsigned)base)->endpoint;

            note_sent(toy, (struct toy_sent){ toy->now, end, ICE_ORDER_NONE, from, packet.from, false, 0 });
            send_packet(toy, end, from, packet.from, span_of(reply.bytes, reply.length));
        }
        carry_out(toy, end);
        return;
    }
}

/* ---- signalling */

static int
gather(struct toy_end *end, struct ice_candidate candidate, unsigned component)
{
    candidate.component = (uint16_t)component;
    return ice_session_add_local(end->session, &candidate, end->toy->now);
}

static void
gather_component(struct toy_end *end, unsigned component)
{
    const struct toy_options *options = &end->toy->options;
    enum toy_nat nat = options->nat[end->index];
    size_t i = component - 1;
    struct endpoint server = { address_ipv4(0xc0000201), 3478 };
    struct ice_candidate candidate = { .type = ICE_HOST, .local_preference = UINT16_MAX };

    end->host[i].address = nat == TOY_OPEN && !options->same_lan ? address_ipv4(0xc6336401 + end->index)
                                                                 : address_ipv4(0x0a000002 + end->index * 256);
    end->host[i].port = (uint16_t)(5000 + component);
    candidate.endpoint = candidate.base = end->host[i];
    end->host_number[i] = gather(end, candidate, component);
    if ((nat == TOY_CONE || nat == TOY_SYMMETRIC) && !options->no_srflx[end->index]) {
        struct toy_mapping *mapping = map(end, end->host[i], server, nat == TOY_SYMMETRIC);

        permit(mapping, server);
        candidate.type = ICE_SRFLX;
        candidate.endpoint = mapping->external;
        candidate.server = server;
        (void)gather(end, candidate, component);
    }
    if (options->relay[end->index]) {
        end->relay[i] = (struct endpoint){ address_ipv4(0xc0000210 + end->index), (uint16_t)(50000 + component) };
        candidate.type = ICE_RELAY;
        candidate.endpoint = candidate.base = end->relay[i];
        candidate.server = server;
        end->relay_number[i] = gather(end, candidate, component);
    }
}

/* The next candidate of `from` that its peer does not have; false: that was all. */
static bool
signal_next(struct toy *toy, unsigned from)
{
    const struct ice_session *session = toy->ends[from].session;
    struct toy_end *to = &toy->ends[!from];

    while (to->pending < ice_session_locals(session)) {
        const struct ice_candidate *candidate = ice_session_local(session, (unsigned)to->pending++);

        if (candidate->type == ICE_PRFLX)
            continue;
        (void)ice_session_add_remote(to->session, candidate, toy->now);
        return true;
    }
    ice_session_end_remote(to->session, toy->now);
    return false;
}

void
toy_signal(struct toy *toy)
{
    for (unsigned end = 0; end < 2; end++)
        for (unsigned component = 1; component <= toy->options.ice[end].components; component++)
            gather_component(&toy->ends[end], component);
    for (unsigned end = 0; end < 2; end++) {
        const struct ice_session *peer = toy->ends[!end].session;
        struct ice_remote remote = { .ufrag = span_of_text(ice_session_ufrag(peer)),
                                     .pwd = span_of_text(ice_session_pwd(peer)),
                                     .lite = toy->options.ice[!end].lite,
                                     .ice2 = !toy->options.aggressive_words[!end],
                                     .trickle = toy->options.trickle };

        toy->ends[end].pending = 0;
        if (!ice_session_set_remote(toy->ends[end].session, &remote))
            g_error("credentials are refused");
    }
    for (unsigned end = 0; end < 2; end++) {
        toy->trickle_at[end] = toy->options.trickle ? toy->now + (end ? 100 : 20) * TIME_MS : TIME_NEVER;
        while (!toy->options.trickle && signal_next(toy, !end))
            ;
        ice_session_end_local(toy->ends[end].session, toy->now);
        ice_session_start(toy->ends[end].session, toy->now);
    }
    carry_out(toy, 0);
    carry_out(toy, 1);
}

struct toy *
toy_new(const struct toy_options *options)
{
    struct toy *toy = g_new0(struct toy, 1);

    toy->options = *options;
    toy->dice = random_stream_of(options->seed, "toy", "network");
    for (unsigned end = 0; end < 2; end++) {
        toy->ends[end].toy = toy;
        toy->ends[end].index = end;
        toy->ends[end].dice = random_stream_of(options->seed, end ? "B" : "A", "ice");
        toy->options.ice[end].random = toy_random;
        toy->options.ice[end].owner = &toy->ends[end];
        toy->options.ice[end].trickle |= options->trickle;
        toy->ends[end].session = ice_session_new(&toy->options.ice[end]);
    }
    toy_signal(toy);
    return toy;
}

void
toy_free(struct toy *toy)
{
    if (!toy)
        return;
    ice_session_free(toy->ends[0].session);
    ice_session_free(toy->ends[1].session);
    g_free(toy);
}

/* ---- time */

static size_t
next_packet(const struct toy *toy)
{
    size_t next = 0;

    for (size_t i = 1; i < toy->flying; i++) {
        const struct toy_packet *a = &toy->packets[i], *b = &toy->packets[next];

        if (a->at < b->at || (a->at == b->at && a->order < b->order))
            next = i;
    }
    return next;
}

/* The next thing happens, if it does so by `limit`. */
static bool
step(struct toy *toy, int64_t limit)
{
    size_t packet = next_packet(toy);
    int64_t at = toy->flying ? toy->packets[packet].at : TIME_NEVER;
    bool is_packet = true;
    unsigned whose = 0;

    for (unsigned end = 0; end < 2; end++) {
        int64_t deadline = MIN(ice_session_deadline(toy->ends[end].session), toy->trickle_at[end]);

        if (deadline < at) {
            at = deadline;
            is_packet = false;
            whose = end;
        }
    }
    if (at > limit)
        return false;
    toy->now = MAX(at, toy->now);
    if (is_packet) {
        deliver(toy, packet);
        return true;
    }
    if (toy->trickle_at[whose] <= toy->now)
        toy->trickle_at[whose] = signal_next(toy, !whose) ? toy->now + 20 * TIME_MS : TIME_NEVER;
    carry_out(toy, whose);
    return true;
}

bool
toy_run(struct toy *toy, enum ice_state state, int64_t limit)
{
    for (unsigned steps = 0; steps < 200000; steps++) {
        if (ice_session_state(toy->ends[0].session) == state && ice_session_state(toy->ends[1].session) == state)
            return true;
        if (!step(toy, limit))
            return false;
    }
    g_error("the toy network spins");
}

void
toy_run_until(struct toy *toy, int64_t at)
{
    for (unsigned steps = 0; steps < 200000; steps++)
        if (!step(toy, at)) {
            toy->now = MAX(toy->now, at);
            return;
        }
    g_error("the toy network spins");
}

int64_t
toy_now(const struct toy *toy)
{
    return toy->now;
}

struct ice_session *
toy_session(struct toy *toy, unsigned end)
{
    return toy->ends[end].session;
}

void
toy_cut(struct toy *toy, bool off)
{
    toy->cut = off;
}

const struct toy_sent *
toy_log(const struct toy *toy, size_t *count)
{
    *count = toy->logged;
    return toy->log;
}

const char *
toy_own_type(struct toy *toy, unsigned end)
{
    struct ice_path path;

    return ice_session_path(toy->ends[end].session, 0, 1, &path) && path.selected ? ice_type_word(path.own_type)
                                                                                  : "none";
}

bool
toy_agrees(struct toy *toy)
{
    for (unsigned component = 1; component <= toy->options.ice[0].components; component++) {
        struct ice_path a, b;
        struct endpoint from;

        if (!ice_session_path(toy->ends[0].session, 0, component, &a) ||
            !ice_session_path(toy->ends[1].session, 0, component, &b) || !a.selected || !b.selected)
            return false;
        from = a.from;
        if (!leave(&toy->ends[0], &from, a.to) || !endpoint_equal(from, b.to) ||
            arrive(&toy->ends[1], from, a.to) != b.base)
            return false;
    }
    return true;
}
