/* Wires. A packet that enters is captured once the queue has taken it, given its arrival, and forgotten until then: its
 * own event brings it to the other end. */
#include "core/net/link.h"

#include "core/net/node.h"
#include "core/net/segment.h"

const struct link_options link_defaults = { .delay = TIME_MS / 10, .mtu = 1500 };

/* A packet that found the line busy: it waits until the line begins to send it. */
struct waiting {
    int64_t until;
    uint32_t bytes;
};

/* Only an impaired wire draws, and only it pays for the streams. They are never drawn from, see dice_of. */
struct wire_extra {
    struct link_options options;
    struct link_fault *faults;
    int64_t line_free; /* when the line has sent what it was given */
    struct random_stream loss, jitter, duplicate, reorder;
    GArray *waiting;        /* struct waiting, in order; NULL: none ever waited. Lost packets wait too */
    guint waiting_first;    /* those before it wait no more */
    guint waiting_room;     /* how many of them count in the world's memory: the list never shrinks */
    uint64_t waiting_bytes;
};

const char *
wire_name(const struct wire *wire, char *text, size_t size)
{
    const struct link *link = wire->link;
    const char *far = link->far ? link->far->node->name : link->segment ? segment_name(link->segment) : "?";

    g_snprintf(text, (gulong)size, "%s-%s %s", link->near->node->name, far, wire == &link->up ? "up" : "down");
    return text;
}

static struct wire_extra *
make_extra(struct wire *wire)
{
    struct wire_extra *extra = g_new0(struct wire_extra, 1);
    g_autofree char *name = NULL;
    const struct link *link = wire->link;
    const char *far = link->far ? link->far->node->name : link->segment ? segment_name(link->segment) : "?";
    uint64_t seed = link->world->seed;

    name = g_strdup_printf("link %s-%s %s %u", link->near->node->name, far, wire == &link->up ? "up" : "down",
                           link->near->number);
    extra->loss = random_stream_of(seed, name, "loss");
    extra->jitter = random_stream_of(seed, name, "jitter");
    extra->duplicate = random_stream_of(seed, name, "duplicate");
    extra->reorder = random_stream_of(seed, name, "reorder");
    return extra;
}

/* The node from which a wire leads. */
static struct node *
wire_from(const struct wire *wire)
{
    const struct link *link = wire->link;

    return wire == &link->down && link->far ? link->far->node : link->near->node;
}

static void
lose(struct wire *wire, struct packet *packet, struct node *node, enum drop_reason reason)
{
    struct world *world = wire->link->world;

    if (world->journal) {
        struct record record = packet_record(packet, &link_dropped_kind, node);

        record.verdict = VERDICT_DROP;
        record.reason = (uint8_t)reason;
        record.subject[0] = wire->link->near->interface;
        record.subject[1] = wire == &wire->link->down;
        journal_take(world->journal, &record);
    }
    packet_end(world, node, packet, reason);
}

/* Takes those that the line has begun to send off the list of those that wait. */
static void
forget_sent(struct wire_extra *extra, int64_t now)
{
    GArray *list = extra->waiting;

    while (list && extra->waiting_first < list->len) {
        const struct waiting *waiting = &g_array_index(list, struct waiting, extra->waiting_first);

        if (waiting->until > now)
            break;
        extra->waiting_bytes -= waiting->bytes;
        extra->waiting_first++;
    }
    if (extra->waiting_first > 0 && extra->waiting_first >= list->len / 2) { /* each is moved once at most, on average */
        g_array_remove_range(list, 0, extra->waiting_first);
        extra->waiting_first = 0;
    }
}

void
wire_clear(struct wire *wire)
{
    struct packet *packet;

    while ((packet = packet_list_pop(&wire->under_way))) {
        world_cancel(wire->link->world, &packet->event);
        lose(wire, packet, wire_from(wire), DROP_LINK_DOWN);
    }
    /* what has ended keeps nobody waiting */
    wire->latest = 0;
    if (wire->extra) {
        wire->extra->line_free = 0;
        forget_sent(wire->extra, TIME_NEVER);
    }
}

void
wire_set(struct wire *wire, const struct link_options *options)
{
    struct memory *memory = &wire->link->world->memory;
    struct wire_extra *extra = wire->extra;
    struct link_fault *faults = NULL;

    if (!extra)
        extra = wire->extra = make_extra(wire);
    if (options->fault_count > 0)
        faults = g_memdup2(options->faults, options->fault_count * sizeof *faults);
    memory_give(memory, MEMORY_LINKS, extra->options.fault_count * sizeof *faults);
    memory_take(memory, MEMORY_LINKS, options->fault_count * sizeof *faults);
    g_free(extra->faults);
    extra->faults = faults;
    extra->options = *options;
    extra->options.faults = faults;
    wire->options = &extra->options;
    if (options->off)
        wire_clear(wire);
    wire->link->world->touched = true;
}

void
wire_free(struct wire *wire)
{
    if (!wire->extra)
        return;
    memory_give(&wire->link->world->memory, MEMORY_LINKS,
                wire->extra->options.fault_count * sizeof(struct link_fault) +
                    wire->extra->waiting_room * sizeof(struct waiting));
    if (wire->extra->waiting)
        g_array_free(wire->extra->waiting, TRUE);
    g_free(wire->extra->faults);
    g_free(wire->extra);
    wire->extra = NULL;
    wire->options = &link_defaults;
}

static void
wire_arrive(struct event *event)
{
    struct packet *packet = (struct packet *)event; /* its first member */
    struct wire *wire = packet->wire;

    packet_list_remove(&wire->under_way, packet);
    packet->wire = NULL;
    if (wire->to)
        port_receive(wire->to, packet);
    else
        segment_forward(wire->link->segment, packet, wire->link->near);
}

static void
put_under_way(struct wire *wire, struct packet *packet, int64_t arrival)
{
    packet->wire = wire;
    packet->event.fire = wire_arrive;
    packet_list_push(&wire->under_way, packet);
    world_schedule(wire->link->world, &packet->event, arrival);
}

/* What one packet of the fault list is to suffer; NULL for most. */
static const struct link_fault *
find_fault(const struct link_options *options, uint64_t ordinal)
{
    uint32_t low = 0, high = options->fault_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (options->faults[middle].packet < ordinal)
            low = middle + 1;
        else
            high = middle;
    }
    return low < options->fault_count && options->faults[low].packet == ordinal ? &options->faults[low] : NULL;
}

/* How long `bytes` occupy the line: rounded up to the nanosecond. */
static int64_t
line_time(uint64_t bytes, uint64_t rate)
{
    unsigned __int128 time = ((unsigned __int128)bytes * 8 * TIME_S + rate - 1) / rate;

    return time > (unsigned __int128)(TIME_NEVER / 4) ? TIME_NEVER / 4 : (int64_t)time;
}

/* Whether the bytes that wait for the line leave room for `packet`. What is being sent does not wait. */
static bool
queue_has_room(const struct wire *wire, const struct packet *packet, int64_t now)
{
    const struct link_options *options = wire->options;

    if (options->rate == 0 || options->queue == 0 || wire->extra->line_free <= now)
        return true;
    forget_sent(wire->extra, now);
    return wire->extra->waiting_bytes + packet->length <= options->queue;
}

/* Gives a packet to the line: when it will have been sent. */
static int64_t
enter_line(struct wire *wire, const struct packet *packet, int64_t now)
{
    struct wire_extra *extra = wire->extra;
    struct waiting waiting = { MAX(extra->line_free, now), packet->length };

    if (waiting.until > now) {
        if (!extra->waiting)
            extra->waiting = g_array_new(FALSE, FALSE, sizeof waiting);
        forget_sent(extra, now);
        g_array_append_val(extra->waiting, waiting);
        if (G_UNLIKELY(extra->waiting->len > extra->waiting_room)) {
            guint room = extra->waiting->len * 2;

            memory_take(&wire->link->world->memory, MEMORY_LINKS, (room - extra->waiting_room) * sizeof waiting);
            extra->waiting_room = room;
        }
        extra->waiting_bytes += waiting.bytes;
    }
    extra->line_free = time_add(waiting.until, line_time(packet->length, wire->options->rate));
    return extra->line_free;
}

/* The dice that the newest packet throws for one purpose, or its copy. They begin at a place of the stream that is its
 * own, so what became of others, and what else is switched on, moves nothing. */
static struct random_stream
dice_of(const struct wire *wire, const struct random_stream *purpose, bool copy)
{
    return (struct random_stream){ purpose->key, wire->packets << 8 | (uint64_t)copy << 7 };
}

static bool
throw(const struct wire *wire, const struct random_stream *purpose, chance threshold)
{
    struct random_stream dice = dice_of(wire, purpose, false);

    return random_chance(&dice, threshold);
}

/* The delay of one packet: the wire's, its share of jitter, and what the fault list adds. Also tells whether it must keep
 * the order. */
static int64_t
draw_delay(struct wire *wire, const struct link_fault *fault, bool copy, bool *keep_order)
{
    const struct link_options *options = wire->options;
    struct random_stream reorder = dice_of(wire, &wire->extra->reorder, copy);
    struct random_stream jitter = dice_of(wire, &wire->extra->jitter, copy);
    int64_t delay = options->delay;
    bool reordered = random_chance(&reorder, options->reorder);

    *keep_order = !reordered;
    if (options->jitter > 0)
        delay = time_add(delay, (int64_t)random_below(&jitter, (uint64_t)options->jitter + 1));
    else if (reordered)
        delay = time_add(delay, 1 + (int64_t)random_below(&reorder, (uint64_t)MAX(delay, TIME_MS)));
    if (fault && fault->delay > 0) {
        delay = time_add(delay, fault->delay);
        *keep_order = false;
    }
    return delay;
}

static void
settle(struct wire *wire, struct packet *packet, const struct link_fault *fault, bool copy, int64_t sent)
{
    bool keep_order;
    int64_t arrival = time_add(sent, draw_delay(wire, fault, copy, &keep_order));

    if (keep_order) {
        arrival = MAX(arrival, wire->latest);
        wire->latest = arrival;
    }
    put_under_way(wire, packet, arrival);
}

static void
duplicate(struct wire *wire, const struct packet *packet, struct node *from, int64_t sent)
{
    struct world *world = wire->link->world;
    struct packet *copy = packet_copy(world, packet);

    if (world->journal) {
        struct record record = packet_record(packet, &link_duplicated_kind, from);

        record.subject[0] = wire->link->near->interface;
        record.subject[1] = wire == &wire->link->down;
        journal_take(world->journal, &record);
    }
    settle(wire, copy, NULL, true, sent);
}

/* The part of wire_enter for wires that are told more than a delay. */
static void
enter_impaired(struct wire *wire, struct packet *packet, struct node *from, const struct port *capture)
{
    const struct link_options *options = wire->options;
    struct wire_extra *extra = wire->extra;
    struct world *world = wire->link->world;
    const struct link_fault *fault;
    int64_t sent = world->now;

    if (options->off) {
        lose(wire, packet, from, DROP_LINK_DOWN);
        return;
    }
    if (!queue_has_room(wire, packet, world->now)) {
        lose(wire, packet, from, DROP_QUEUE_FULL);
        return;
    }
    port_capture(capture, packet, CAPTURE_OUT);
    wire->packets++;
    wire->bytes += packet->length;
    if (options->rate > 0)
        sent = enter_line(wire, packet, world->now);

    fault = find_fault(options, wire->packets);
    if (fault && fault->lose) {
        lose(wire, packet, from, DROP_LINK_FAULT);
        return;
    }
    if (throw(wire, &extra->loss, options->loss)) {
        lose(wire, packet, from, DROP_LINK_LOSS);
        return;
    }
    settle(wire, packet, fault, false, sent);
    if (throw(wire, &extra->duplicate, options->duplicate) || (fault && fault->duplicate))
        duplicate(wire, packet, from, sent);
}

void
wire_enter(struct wire *wire, struct packet *packet, struct node *from, const struct port *capture)
{
    int64_t arrival;

    if (G_UNLIKELY(wire->extra)) {
        enter_impaired(wire, packet, from, capture);
        return;
    }
    port_capture(capture, packet, CAPTURE_OUT);
    wire->packets++;
    wire->bytes += packet->length;
    arrival = MAX(time_add(wire->link->world->now, wire->options->delay), wire->latest);
    wire->latest = arrival;
    put_under_way(wire, packet, arrival);
}
