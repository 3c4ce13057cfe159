#include "tests/unit/support_io.h"

#include <inttypes.h>

#include "tests/unit/support_io_tcp.h"

#define UDP_MOST 65507 /* bytes behind the headers of IPv4, which say how long they are with them */

#define SEAT_ARMED 0
#define SEAT_ORDER 1
#define SEAT_BUSY 2
#define FIRST_PORT 49152
#define MOST_FIRINGS 1000000 /* in one advance: more is an engine that arms itself for ever */

struct fake_udp {
    struct io_udp udp;
    struct fake_io *fake;
    struct endpoint bound;
    struct address group; /* joined; none */
};

static struct fake_io *
fake_of(struct io *io)
{
    return (struct fake_io *)io; /* `io` is the first member */
}

/* Time. */

static int64_t
io_now(struct io *io)
{
    return fake_of(io)->now;
}

static void
io_disarm(struct io *io, struct io_timer *timer)
{
    if (timer->seat[SEAT_ARMED])
        g_ptr_array_remove(fake_of(io)->timers, timer);
    timer->seat[SEAT_ARMED] = 0;
}

static void
io_arm(struct io *io, struct io_timer *timer, int64_t at, bool busy)
{
    struct fake_io *fake = fake_of(io);

    io_disarm(io, timer);
    timer->at = MAX(at, fake->now);
    timer->seat[SEAT_ARMED] = 1;
    timer->seat[SEAT_ORDER] = ++fake->armings;
    timer->seat[SEAT_BUSY] = busy;
    g_ptr_array_add(fake->timers, timer);
}

static struct io_timer *
first_timer(const struct fake_io *fake)
{
    struct io_timer *first = NULL;

    for (guint i = 0; i < fake->timers->len; i++) {
        struct io_timer *timer = g_ptr_array_index(fake->timers, i);
        bool earlier = first && (timer->at < first->at ||
                                 (timer->at == first->at && timer->seat[SEAT_ORDER] < first->seat[SEAT_ORDER]));

        if (!first || earlier)
            first = timer;
    }
    return first;
}

int64_t
fake_io_next(const struct fake_io *fake)
{
    const struct io_timer *first = first_timer(fake);

    return first ? first->at : TIME_NEVER;
}

bool
fake_io_busy(const struct fake_io *fake)
{
    for (guint i = 0; i < fake->timers->len; i++) {
        const struct io_timer *timer = g_ptr_array_index(fake->timers, i);

        if (timer->seat[SEAT_BUSY])
            return true;
    }
    return false;
}

void
fake_io_advance(struct fake_io *fake, int64_t duration)
{
    int64_t until = time_add(fake->now, duration);
    struct io_timer *timer;
    unsigned firings = 0;

    while ((timer = first_timer(fake)) && timer->at <= until) {
        if (++firings > MOST_FIRINGS)
            g_error("a timer is armed for ever at %" PRId64 " ns", fake->now);
        fake->now = timer->at;
        io_disarm(&fake->io, timer);
        timer->fire(timer->owner, timer);
    }
    fake->now = until;
}

/* Chance. */

static void
io_random(struct io *io, void *bytes, size_t length)
{
    random_fill(&fake_of(io)->random, bytes, length);
}

/* Addresses. */

static size_t
io_addresses(struct io *io, struct io_address *addresses, size_t max)
{
    struct fake_io *fake = fake_of(io);

    if (max > 0)
        addresses[0] = (struct io_address){ .address = fake->address,
                                            .prefix_length = address_is_ipv4(fake->address) ? 24 : 64,
                                            .interface = 1 };
    return 1;
}

static enum io_result
io_source(struct io *io, const struct address *peer, struct address *local)
{
    struct fake_io *fake = fake_of(io);

    if (address_is_ipv4(*peer) != address_is_ipv4(fake->address))
        return IO_UNREACHABLE;
    *local = fake->address;
    return IO_OK;
}

static void
io_watch(struct io *io, struct io_watch *watch)
{
    watch->next = fake_of(io)->watches;
    fake_of(io)->watches = watch;
}

static void
io_unwatch(struct io *io, struct io_watch *watch)
{
    for (struct io_watch **at = &fake_of(io)->watches; *at; at = &(*at)->next) {
        if (*at == watch) {
            *at = watch->next;
            return;
        }
    }
}

void
fake_io_changed(struct fake_io *fake)
{
    for (struct io_watch *watch = fake->watches, *next; watch; watch = next) {
        next = watch->next;
        watch->changed(watch->owner);
    }
}

/* Datagrams. */

static bool
owns(const struct fake_io *fake, struct address address)
{
    return address_equal(address, fake->address) ||
           (!address_is_none(fake->second) && address_equal(address, fake->second));
}

static struct fake_udp *
socket_at(const struct fake_io *fake, struct endpoint local)
{
    for (guint i = 0; i < fake->sockets->len; i++) {
        struct fake_udp *socket = g_ptr_array_index(fake->sockets, i);
        bool any = address_is_unspecified(socket->bound.address);

        if (socket->bound.port == local.port && (any || address_equal(socket->bound.address, local.address)))
            return socket;
    }
    return NULL;
}

static struct fake_datagram *
keep(struct fake_io *fake, const struct fake_udp *socket, const struct io_datagram *datagram)
{
    struct fake_datagram *kept = g_new0(struct fake_datagram, 1);

    kept->at = fake->now;
    kept->as_sent = *datagram;
    kept->peer = datagram->peer;
    kept->local = socket->bound;
    if (!address_is_unspecified(datagram->local.address))
        kept->local.address = datagram->local.address;
    if (address_is_unspecified(kept->local.address))
        kept->local.address = fake->address;
    kept->data = span_of(g_memdup2(datagram->data.bytes, datagram->data.length), datagram->data.length);
    return kept;
}

static void
fake_datagram_free(void *data)
{
    struct fake_datagram *datagram = data;

    g_free((void *)datagram->data.bytes);
    g_free(datagram);
}

static enum io_result
udp_send(struct io_udp *udp, struct io_datagram *datagram)
{
    struct fake_udp *socket = (struct fake_udp *)udp;
    struct fake_io *fake = socket->fake;

    if (fake->send_result != IO_OK)
        return fake->send_result;
    if (datagram->data.length > fake->datagram_most)
        return IO_TOO_BIG;
    if (datagram->told)
        fake->io.ops->note(&fake->io, datagram->told);
    datagram->packet = PACKET_NAME(1, ++fake->packets);
    g_ptr_array_add(fake->sent, keep(fake, socket, datagram));
    return IO_OK;
}

static enum io_result
udp_join(struct io_udp *udp, const struct address *group, int interface)
{
    (void)interface;
    ((struct fake_udp *)udp)->group = *group;
    return IO_OK;
}

static struct endpoint
udp_local(const struct io_udp *udp)
{
    return ((const struct fake_udp *)udp)->bound;
}

static void
udp_close(struct io_udp *udp)
{
    struct fake_udp *socket = (struct fake_udp *)udp;

    g_ptr_array_remove(socket->fake->sockets, socket);
    g_free(socket);
}

static const struct io_udp_ops udp_ops = { udp_send, udp_join, udp_local, udp_close };

static struct io_udp *
io_udp(struct io *io, const struct endpoint *local, const struct io_udp_events *events, void *owner,
       enum io_result *why)
{
    struct fake_io *fake = fake_of(io);
    struct endpoint bound = *local;

    if (!address_is_unspecified(bound.address) && !owns(fake, bound.address)) {
        *why = IO_NO_ADDRESS;
        return NULL;
    }
    if (bound.port == 0)
        bound.port = fake->next_port++;
    if (socket_at(fake, address_is_unspecified(bound.address) ? (struct endpoint){ fake->address, bound.port } : bound)) {
        *why = IO_IN_USE;
        return NULL;
    }

    struct fake_udp *socket = g_new0(struct fake_udp, 1);

    *socket = (struct fake_udp){ { .ops = &udp_ops, .events = events, .owner = owner }, fake, bound, ADDRESS_NONE };
    g_ptr_array_add(fake->sockets, socket);
    return &socket->udp;
}

const struct fake_datagram *
fake_io_take(struct fake_io *fake)
{
    return fake->taken < fake->sent->len ? g_ptr_array_index(fake->sent, fake->taken++) : NULL;
}

size_t
fake_io_waiting(const struct fake_io *fake)
{
    return fake->sent->len - fake->taken;
}

static struct fake_udp *
member_at(const struct fake_io *fake, struct endpoint group)
{
    for (guint i = 0; i < fake->sockets->len; i++) {
        struct fake_udp *socket = g_ptr_array_index(fake->sockets, i);

        if (socket->bound.port == group.port && address_equal(socket->group, group.address))
            return socket;
    }
    return NULL;
}

static bool
deliver(struct fake_io *fake, struct endpoint local, struct endpoint peer, struct span data, packet_name packet)
{
    bool multicast = address_is_multicast(local.address);
    struct fake_udp *socket = multicast ? member_at(fake, local) : socket_at(fake, local);
    g_autofree uint8_t *exact = g_malloc(MAX(data.length, 1));

    if (!socket)
        return false;
    if (data.length)
        memcpy(exact, data.bytes, data.length);

    struct io_datagram datagram = IO_DATAGRAM_TO(peer, span_of(exact, data.length));

    datagram.local = local;
    datagram.packet = packet;
    socket->udp.events->datagram(socket->udp.owner, &socket->udp, &datagram);
    return true;
}

bool
fake_io_deliver(struct fake_io *fake, struct endpoint local, struct endpoint peer, struct span data)
{
    return deliver(fake, local, peer, data, 0);
}

bool
fake_io_deliver_icmp(struct fake_io *fake, struct endpoint local, struct endpoint peer, uint8_t type, uint8_t code)
{
    struct fake_udp *socket = socket_at(fake, local);
    struct io_icmp icmp = { .local = local, .peer = peer, .from = peer.address, .type = type, .code = code };

    if (!socket || !socket->udp.events->icmp)
        return false;
    socket->udp.events->icmp(socket->udp.owner, &socket->udp, &icmp);
    return true;
}

size_t
fake_io_carry(struct fake_io *from, struct fake_io *to)
{
    const struct fake_datagram *datagram;
    size_t arrived = 0;

    while ((datagram = fake_io_take(from)))
        arrived += (owns(to, datagram->peer.address) || address_is_multicast(datagram->peer.address)) &&
                   deliver(to, datagram->peer, datagram->local, datagram->data, datagram->as_sent.packet);
    return arrived;
}

/* The journal. */

static void
io_note(struct io *io, struct record *record)
{
    struct fake_io *fake = fake_of(io);

    record->at = fake->now;
    if (fake->listening)
        g_array_append_val(fake->notes, *record);
}

static bool
io_listening(struct io *io)
{
    return fake_of(io)->listening;
}

size_t
fake_io_noted(const struct fake_io *fake, const struct record_kind *kind)
{
    size_t count = 0;

    for (guint i = 0; i < fake->notes->len; i++)
        count += g_array_index(fake->notes, struct record, i).kind == kind;
    return count;
}

static const struct io_ops io_ops = {
    .now = io_now,
    .random = io_random,
    .arm = io_arm,
    .disarm = io_disarm,
    .addresses = io_addresses,
    .source = io_source,
    .watch = io_watch,
    .unwatch = io_unwatch,
    .udp = io_udp,
    .listen = fake_io_listen,
    .connect = fake_io_connect,
    .note = io_note,
    .listening = io_listening,
};

struct fake_io *
fake_io_new(const char *address)
{
    struct fake_io *fake = g_new0(struct fake_io, 1);

    if (!address_parse(address, &fake->address))
        g_error("not an address: %s", address);
    fake->io.ops = &io_ops;
    fake->listening = true;
    fake->next_port = FIRST_PORT;
    fake->window = fake->piece = 65536;
    fake->datagram_most = UDP_MOST;
    fake->streams = g_ptr_array_new();
    fake->notes = g_array_new(FALSE, FALSE, sizeof(struct record));
    fake->timers = g_ptr_array_new();
    fake->sockets = g_ptr_array_new();
    fake->sent = g_ptr_array_new_with_free_func(fake_datagram_free);
    fake->random = random_stream_of(1, address, "fake io");
    return fake;
}

bool
fake_io_free(struct fake_io *fake)
{
    bool clean = fake->timers->len == 0 && fake->sockets->len == 0 && !fake->watches &&
                 fake_io_streams(fake) == 0;

    for (guint i = 0; i < fake->sockets->len; i++)
        g_free(g_ptr_array_index(fake->sockets, i));
    fake_io_free_streams(fake);
    g_array_unref(fake->notes);
    g_ptr_array_unref(fake->timers);
    g_ptr_array_unref(fake->sockets);
    g_ptr_array_unref(fake->sent);
    g_free(fake);
    return clean;
}
