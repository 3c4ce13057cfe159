/* The mechanism: which ALGs a box has, and how they read datagrams. */
#include "nat/alg/connections.h"
#include "nat/alg/sip.h"

const struct alg *const alg_registry[] = { &alg_rewrite_addresses, &alg_ftp, &alg_sip, NULL };

/* ---- messages */

void
alg_message_begin(struct alg_message *message)
{
    message->count = message->opened_count = 0;
    message->used = 0;
    message->given_up = message->overfull = message->stopped = false;
}

void
alg_replace(struct alg_message *message, size_t at, size_t count, struct span bytes)
{
    const struct packet_change *last = message->count > 0 ? &message->changes[message->count - 1] : NULL;
    uint8_t *copy = message->bytes + message->used;

    g_assert(at <= message->data.length && count <= message->data.length - at);
    g_assert(!last || at >= last->at + last->count);
    if (message->count == ALG_CHANGES_MAX || bytes.length > ALG_BYTES_MAX - message->used)
        message->overfull = true;
    if (message->overfull)
        return;
    if (bytes.length > 0)
        memcpy(copy, bytes.bytes, bytes.length);
    message->used += bytes.length;
    message->changes[message->count++] =
        (struct packet_change){ (uint32_t)at, (uint32_t)count, span_of(copy, bytes.length) };
}

void
alg_give_up(struct alg_message *message)
{
    message->given_up = true;
}

void
alg_stop(struct alg_message *message)
{
    message->stopped = true;
}

/* ---- datagrams */

/* Makes the changes that a message of a datagram asks for. False when it passes as it is. */
static bool
change(struct packet *packet, const struct alg_message *message)
{
    const struct node *node = message->seat->node;

    if (message->given_up || (message->count == 0 && !message->overfull))
        return false;
    if (message->overfull)
        alg_journal_passed(node, packet, ALG_PASSED_CHANGES, 0);
    else if (packet_change_data(packet, message->changes, message->count))
        return true;
    else
        alg_journal_passed(node, packet, ALG_PASSED_ROOM, 0);
    return false;
}

static void
read_datagram(struct alg_seat *seat, struct packet *packet, const struct nat_translation *way)
{
    const struct alg *alg = seat->alg;
    struct alg_message message;
    bool changed;

    if (!alg_looks_at(alg, ALG_OVER_UDP, packet->flow.source_port, packet->flow.destination_port))
        return;
    message.seat = seat;
    message.packet = packet;
    message.way = *way;
    message.remote = way->inbound ? flow_source(&packet->flow) : flow_destination(&packet->flow);
    message.data = packet_udp_data(packet);
    message.is_stream = message.from_opener = false;
    message.memory = NULL;
    alg_message_begin(&message);
    alg->read(&message);
    changed = change(packet, &message);
    if (changed)
        alg_journal_changed(&message);
    else if (message.given_up || message.count > 0 || message.overfull)
        alg_take_back(&message);
    if (alg->done)
        alg->done(&message, changed);
}

static enum verdict
read_packet(struct nat_reader *reader, struct packet *packet, const struct nat_translation *way)
{
    struct alg_box *box = (struct alg_box *)reader;

    if (packet->flow.protocol == PROTOCOL_TCP)
        return box->streams || box->reads_streams ? alg_read_segment(box, packet, way) : VERDICT_PASS;
    if (packet->flow.protocol != PROTOCOL_UDP)
        return VERDICT_PASS;
    for (unsigned i = 0; i < box->count; i++)
        read_datagram(box->seats[i], packet, way);
    return VERDICT_PASS;
}

static void
forget(struct nat_reader *reader)
{
    struct alg_box *box = (struct alg_box *)reader;

    alg_forget_connections(box);
    for (unsigned i = 0; i < box->count; i++)
        if (box->seats[i]->alg->forget)
            box->seats[i]->alg->forget(box->seats[i]);
}

static void
tell_closed(struct nat_reader *reader, const struct nat_pinhole_view *pinhole)
{
    alg_tell_closed((const struct alg_box *)reader, pinhole);
}

/* ---- seats */

/* What the journal knows an ALG by; that of a test's own, which is not among them, has the last place. */
static unsigned
index_of(const struct alg *alg)
{
    unsigned index = 0;

    while (alg_registry[index] && alg_registry[index] != alg)
        index++;
    return alg_registry[index] ? index : NAT_ALGS_MAX;
}

static struct alg_seat *
seat_new(struct alg_box *box, const struct alg *alg, unsigned quirks)
{
    struct alg_seat *seat = g_new(struct alg_seat, 1);

    *seat = (struct alg_seat){ alg, box, box->node, box->nat, quirks, index_of(alg), NULL };
    seat->state = alg->state_bytes > 0 ? g_malloc0(alg->state_bytes) : NULL;
    if (alg->begin)
        alg->begin(seat);
    return seat;
}

static void
seat_free(struct alg_seat *seat)
{
    if (seat->alg->end)
        seat->alg->end(seat);
    g_free(seat->state);
    g_free(seat);
}

/* ---- boxes */

static void
free_box(struct nat_reader *reader)
{
    struct alg_box *box = (struct alg_box *)reader;

    if (box->streams)
        alg_streams_free(box->streams);
    for (unsigned i = 0; i < box->count; i++)
        seat_free(box->seats[i]);
    g_free(box);
}

static struct alg_box *
box_of(struct node *node, struct nat *nat)
{
    struct nat_reader *reader = nat_reader(nat);
    struct alg_box *box = (struct alg_box *)reader;

    if (reader && reader->read == read_packet)
        return box;
    box = g_new0(struct alg_box, 1);
    box->reader = (struct nat_reader){ read_packet, forget, tell_closed, free_box };
    box->node = node;
    box->nat = nat;
    nat_take_reader(nat, &box->reader);
    return box;
}

/* The seat that a box has for an ALG, taken out of its list; NULL when it has none. */
static struct alg_seat *
take_seat(struct alg_box *box, const struct alg *alg)
{
    for (unsigned i = 0; i < box->count; i++) {
        struct alg_seat *seat = box->seats[i];

        if (!seat || seat->alg != alg)
            continue;
        box->seats[i] = NULL;
        return seat;
    }
    return NULL;
}

static struct alg_seat *
keep_seat(struct alg_seat *seat, unsigned quirks)
{
    unsigned before = seat->quirks;

    seat->quirks = quirks;
    if (quirks != before && seat->alg->changed)
        seat->alg->changed(seat);
    return seat;
}

void
alg_fit_with(struct node *node, const struct alg *const *with, const unsigned *quirks, unsigned count)
{
    struct nat *nat = nat_of(node);
    struct alg_seat *seats[NAT_ALGS_MAX];
    struct alg_box *box;

    g_assert(count <= NAT_ALGS_MAX);
    if (!nat || (count == 0 && !nat_reader(nat)))
        return;
    box = box_of(node, nat);
    for (unsigned i = 0; i < count; i++) {
        struct alg_seat *seat = take_seat(box, with[i]);

        seats[i] = seat ? keep_seat(seat, quirks ? quirks[i] : 0) : seat_new(box, with[i], quirks ? quirks[i] : 0);
    }
    for (unsigned i = 0; i < box->count; i++) {
        if (!box->seats[i])
            continue;
        alg_leave_connections(box, box->seats[i]);
        seat_free(box->seats[i]);
    }
    memcpy(box->seats, seats, count * sizeof *seats);
    box->count = count;
    box->reads_streams = false;
    for (unsigned i = 0; i < count; i++)
        box->reads_streams |= (with[i]->over & ALG_OVER_TCP) != 0;
    if (count == 0 && (!box->streams || box->streams->count == 0)) /* connections that were changed are followed on */
        nat_take_reader(nat, NULL);
}

void
alg_fit(struct node *node)
{
    const struct alg *with[NAT_ALGS_MAX];
    unsigned quirks[NAT_ALGS_MAX], bits, count = 0;
    const struct nat *nat = nat_of(node);

    if (!nat)
        return;
    bits = nat_options(nat)->algs;
    if (nat_options(nat)->quirks & 1 << NAT_QUIRK_REWRITES_PAYLOAD)
        bits |= NAT_ALG_REWRITE_ADDRESSES;
    for (unsigned i = 0; alg_registry[i]; i++) {
        if (!(bits & 1u << i))
            continue;
        quirks[count] = nat_options(nat)->alg_quirks[i];
        with[count++] = alg_registry[i];
    }
    alg_fit_with(node, with, quirks, count);
}

/* ---- timers */

static void
fire(struct event *event)
{
    struct alg_timer *timer = (struct alg_timer *)event;

    timer->fire(timer);
}

void
alg_timer_init(struct alg_timer *timer, struct alg_seat *seat, void (*at)(struct alg_timer *timer))
{
    *timer = (struct alg_timer){ .event = { .fire = fire }, .seat = seat, .fire = at };
}

void
alg_timer_set(struct alg_timer *timer, int64_t at)
{
    world_schedule(timer->seat->node->world, &timer->event, at);
}

void
alg_timer_cancel(struct alg_timer *timer)
{
    world_cancel(timer->seat->node->world, &timer->event);
}
