/* The TCP of a host around its connections: segments in and out, time, and who is told. */
#include "core/net/tcp_host.h"

#include "core/net/icmp.h"
#include "core/net/ipv6.h"
#include "core/net/tcp_kinds.h"

#define HALF_OPEN_MOST 128 /* of a listener: one more recycles the oldest (RFC 4987 section 3.3) */
#define READY_MOST 128     /* connections that wait to be accepted */
#define LOOPBACK_MTU 1500  /* to the node itself: as on any link */

/* --- out --------------------------------------------------------------------------------------------------------- */

/* Sends one segment. One that cannot leave now is lost like any other. */
static void
send_segment(struct tcp_host *host, struct endpoint local, struct endpoint peer, struct tcp_segment *segment)
{
    struct node *node = tcp_node(host);
    size_t length = tcp_segment_header(segment) + segment->data.length + segment->more.length;
    struct packet *packet;
    struct hop hop;

    if (node_plan(node, peer.address, &local.address, &hop) != IO_OK)
        return;
    segment->source_port = local.port;
    segment->destination_port = peer.port;
    packet = packet_new(node->world, length);
    if (!tcp_segment_write(segment, local.address, peer.address, packet->data, length))
        g_assert_not_reached();
    ip_build(packet, &(struct ip_template){
                         .source = local.address,
                         .destination = peer.address,
                         .protocol = PROTOCOL_TCP,
                         .ttl = IP_TTL_DEFAULT,
                         .dont_fragment = true, /* RFC 1191: the path's MTU is found out */
                         .identification = host->stack->identification++,
                     });
    node_send_by(node, packet, &hop, NULL);
}

/* --- the journal ------------------------------------------------------------------------------------------------- */

/* The machine changes while it handles a segment that has not been journalled as delivered, so changes are kept for a
 * moment. */
static void
keep_change(struct tcp_machine *machine, enum tcp_state from)
{
    struct tcp_connection *connection = (struct tcp_connection *)((char *)machine -
                                                                  offsetof(struct tcp_connection, machine));

    connection->socket.host->stack->node->world->touched = true;
    if (connection->change_count < G_N_ELEMENTS(connection->changes))
        connection->changes[connection->change_count++] = (uint8_t)from;
}

static void
journal_changes(struct tcp_connection *connection)
{
    struct node *node = tcp_node(connection->socket.host);
    const struct tcp_machine *machine = &connection->machine;
    unsigned count = connection->change_count;

    connection->change_count = 0;
    for (unsigned i = 0; node->world->journal && i < count; i++) {
        enum tcp_state to = i + 1 < count ? connection->changes[i + 1] : machine->state;
        struct record record = {
            .at = node->world->now,
            .cause = node->world->handling,
            .kind = &tcp_state_kind,
            .node = node->number,
            .before = { connection->socket.local.address, connection->peer.address, connection->socket.local.port,
                        connection->peer.port, PROTOCOL_TCP },
            .detail = TCP_STATE_DETAIL(connection->changes[i], to),
            .rule = to == TCP_CLOSED ? machine->failure : IO_OK,
        };

        journal_take(node->world->journal, &record);
    }
}

/* `segment` is about to go, the `machine` having been at `snd_nxt` before: what lies below has been sent. */
static void
journal_again(const struct tcp_connection *connection, const struct tcp_segment *segment, uint32_t snd_nxt)
{
    static const enum tcp_again reasons[] = {
        [TCP_LOSS_NONE] = TCP_AGAIN_SMALLER,
        [TCP_LOSS_RECOVERY] = TCP_AGAIN_DUPLICATES,
        [TCP_LOSS_TIMEOUT] = TCP_AGAIN_TIMEOUT,
    };
    struct node *node = tcp_node(connection->socket.host);
    const struct tcp_machine *machine = &connection->machine;
    bool syn = segment->flags & TCP_SYN;

    if (tcp_segment_length(segment) == 0 || machine->persisting ||
        (syn ? machine->syn_losses == 0 : !seq_before(segment->seq, snd_nxt)))
        return;
    struct record record = {
        .at = node->world->now,
        .cause = node->world->handling,
        .kind = &tcp_retransmitted_kind,
        .node = node->number,
        .before = { connection->socket.local.address, connection->peer.address, connection->socket.local.port,
                    connection->peer.port, PROTOCOL_TCP },
        .subject = { segment->seq - machine->iss, (uint32_t)(segment->data.length + segment->more.length) },
        .rule = syn ? TCP_AGAIN_TIMEOUT : reasons[machine->loss],
    };

    journal_take(node->world->journal, &record);
}

/* --- a connection's life ----------------------------------------------------------------------------------------- */

static void timer_fired(struct event *event);
static void news_due(struct event *event);

struct tcp_connection *
tcp_connection_new(struct tcp_host *host, struct tcp_binding *binding, struct endpoint local, struct endpoint peer)
{
    struct tcp_connection *connection = g_new0(struct tcp_connection, 1);
    struct memory *memory = &tcp_node(host)->world->memory;

    memory_take(memory, MEMORY_STREAMS, sizeof *connection);
    connection->socket.host = host;
    connection->socket.binding = binding;
    connection->socket.local = local;
    connection->peer = peer;
    connection->machine.changed = keep_change;
    connection->machine.in.memory = connection->machine.out.memory = memory;
    connection->timer.fire = timer_fired;
    connection->tell.fire = news_due;
    connection->place = tcp_places_add(&host->connections, connection);
    tcp_index(connection);
    return connection;
}

void
tcp_connection_free(struct tcp_connection *connection)
{
    struct tcp_host *host = connection->socket.host;
    struct world *world = tcp_node(host)->world;

    world_cancel(world, &connection->timer);
    world_cancel(world, &connection->tell);
    world->busy -= connection->busy;
    tcp_unindex(connection);
    tcp_places_remove(&host->connections, connection->place);
    tcp_binding_leave(host, connection->socket.binding, !connection->machine.released);
    tcp_machine_clear(&connection->machine);
    memory_give(&world->memory, MEMORY_STREAMS, sizeof *connection);
    g_free(connection);
}

/* F of RFC 6528 section 3: hidden from who does not know the secret, as far as a simulated world needs it. */
static uint64_t
secret_hash(const struct tcp_host *host, struct endpoint local, struct endpoint peer)
{
    return mix64(mix64(host->secret + endpoint_hash(local)) + endpoint_hash(peer));
}

struct tcp_birth
tcp_birth_of(const struct tcp_host *host, struct endpoint local, struct endpoint peer, const struct hop *hop)
{
    uint64_t hash = secret_hash(host, local, peer);
    uint32_t mtu = hop->port ? stack_path_mtu(host->stack, hop, peer.address) : LOOPBACK_MTU;
    uint32_t headers = ip_header_size(peer.address) + TCP_HEADER;

    return (struct tcp_birth){
        .iss = (uint32_t)hash + (uint32_t)(tcp_now(host) / (4 * TIME_US)), /* M: a clock of four microseconds */
        .timestamp_offset = (uint32_t)(hash >> 32),
        .mss = (uint16_t)CLAMP(mtu - headers, TCP_MSS_MIN, UINT16_MAX - headers),
        .ipv6 = !address_is_ipv4(peer.address),
    };
}

/* An event that is pending at an earlier time stays: it finds nothing to do and sets itself anew. So acknowledgements,
 * which move deadlines away, cost nothing here. */
static void
set_timer(struct tcp_connection *connection)
{
    struct world *world = tcp_node(connection->socket.host)->world;
    int64_t deadline = tcp_machine_deadline(&connection->machine);
    bool busy = tcp_machine_busy(&connection->machine, world->now);

    world->busy += busy;
    world->busy -= connection->busy;
    connection->busy = busy;
    if (deadline != TIME_NEVER && !(event_pending(&connection->timer) && connection->timer.at <= deadline))
        world_schedule(world, &connection->timer, deadline);
}

bool
tcp_settle(struct tcp_connection *connection)
{
    struct tcp_host *host = connection->socket.host;
    uint32_t sent = connection->machine.snd_nxt;
    struct tcp_segment segment;

    if (connection->change_count > 0)
        journal_changes(connection);
    while (tcp_machine_next(&connection->machine, tcp_now(host), &segment)) {
        if (tcp_node(host)->world->journal)
            journal_again(connection, &segment, sent);
        sent = connection->machine.snd_nxt;
        send_segment(host, connection->socket.local, connection->peer, &segment);
    }
    set_timer(connection);
    if (G_LIKELY(connection->machine.state != TCP_CLOSED))
        return true;
    tcp_unindex(connection);
    if (!connection->machine.released)
        return true;
    tcp_connection_free(connection);
    return false;
}

/* --- telling ----------------------------------------------------------------------------------------------------- */

static void
tell_owner(struct tcp_connection *connection)
{
    static const enum io_ready words[] = { IO_CONNECTED, IO_READABLE, IO_WRITABLE, IO_FAILED }; /* by bit of tcp_news */
    struct tcp_machine *machine = &connection->machine;
    struct io_tcp *io = &connection->socket.io;
    bool gone = false;

    connection->gone = &gone;
    for (unsigned i = 0; i < G_N_ELEMENTS(words); i++) {
        unsigned bit = 1u << i;

        if (!(machine->news & bit))
            continue;
        machine->news &= (uint8_t)~bit;
        io->ready(io->owner, io, words[i], bit == TCP_NEWS_FAILED ? machine->failure : IO_OK);
        if (gone)
            return;
    }
    connection->gone = NULL;
}

/* News of a connection that nobody has accepted: it stands, and the listener's owner hears of it; or it is gone. */
static void
tell_listener(struct tcp_connection *connection)
{
    struct tcp_listener *listener = connection->listener;
    struct io_tcp *io = &listener->socket.io;

    if (connection->machine.state == TCP_CLOSED) {
        tcp_queue_remove(connection->queued ? &listener->ready : &listener->half_open, connection);
        tcp_connection_free(connection);
        return;
    }
    if (!(connection->machine.news & TCP_NEWS_CONNECTED))
        return;
    connection->machine.news &= (uint8_t)~TCP_NEWS_CONNECTED;
    tcp_queue_remove(&listener->half_open, connection);
    tcp_queue_push(&listener->ready, connection);
    connection->queued = true;
    io->ready(io->owner, io, IO_ACCEPT, IO_OK);
}

/* Something has happened to a connection from outside: sends, then tells, last of all. */
static void
happened(struct tcp_connection *connection)
{
    if (!tcp_settle(connection))
        return;
    if (connection->listener)
        tell_listener(connection);
    else if (connection->machine.news && !connection->machine.released)
        tell_owner(connection);
}

void
tcp_tell_later(struct tcp_connection *connection)
{
    struct world *world = tcp_node(connection->socket.host)->world;

    world_schedule(world, &connection->tell, world->now);
}

static void
news_due(struct event *event)
{
    tell_owner((struct tcp_connection *)((char *)event - offsetof(struct tcp_connection, tell)));
}

static void
timer_fired(struct event *event)
{
    struct tcp_connection *connection = (struct tcp_connection *)((char *)event -
                                                                  offsetof(struct tcp_connection, timer));

    tcp_machine_wake(&connection->machine, tcp_now(connection->socket.host));
    happened(connection);
}

/* --- in ---------------------------------------------------------------------------------------------------------- */

static void
receive_on_connection(struct tcp_connection *connection, struct packet *packet, const struct tcp_segment *segment)
{
    struct tcp_host *host = connection->socket.host;
    enum drop_reason reason = tcp_machine_receive(&connection->machine, segment, tcp_now(host));

    if (reason == DROP_NONE) {
        stack_note_delivered(host->stack, packet);
        packet_deliver(tcp_node(host)->world, packet);
    } else {
        packet_drop(tcp_node(host), packet, reason);
    }
    happened(connection);
}

/* The segment gets a RST, if it may have one, and ends. */
static void
refuse(struct tcp_host *host, struct packet *packet, struct tcp_segment *reply, enum drop_reason reason)
{
    struct endpoint local = flow_destination(&packet->flow), peer = flow_source(&packet->flow);

    packet_drop(tcp_node(host), packet, reason);
    if (reply)
        send_segment(host, local, peer, reply);
}

/* A SYN that may open a connection. `floor` is where sequence numbers of an earlier one between the same endpoints
 * ended; NULL: there was none. */
static void
open_passively(struct tcp_listener *listener, struct packet *packet, const struct tcp_segment *syn,
               const uint32_t *floor)
{
    struct tcp_host *host = listener->socket.host;
    struct endpoint local = flow_destination(&packet->flow), peer = flow_source(&packet->flow);
    struct tcp_connection *connection;
    struct tcp_birth birth;
    struct hop hop;

    if (listener->ready.count >= READY_MOST) {
        packet_drop(tcp_node(host), packet, DROP_LISTEN_QUEUE_FULL);
        return;
    }
    if (node_plan(tcp_node(host), peer.address, &local.address, &hop) != IO_OK) {
        packet_drop(tcp_node(host), packet, DROP_NO_ROUTE);
        return;
    }
    if (listener->half_open.count >= HALF_OPEN_MOST) {
        struct tcp_connection *oldest = listener->half_open.first;

        tcp_queue_remove(&listener->half_open, oldest);
        tcp_connection_free(oldest);
    }
    birth = tcp_birth_of(host, local, peer, &hop);
    if (floor && seq_up_to(birth.iss, *floor))
        birth.iss = *floor + 1;
    tcp_binding_join(listener->socket.binding);
    connection = tcp_connection_new(host, listener->socket.binding, local, peer);
    connection->listener = listener;
    tcp_queue_push(&listener->half_open, connection);
    tcp_machine_answer(&connection->machine, host->settings, &birth, syn, tcp_now(host));
    stack_note_delivered(host->stack, packet);
    packet_deliver(tcp_node(host)->world, packet);
    happened(connection);
}

static void
receive_without_connection(struct tcp_host *host, struct packet *packet, const struct tcp_segment *segment,
                           const uint32_t *floor)
{
    struct tcp_listener *listener = tcp_find_listener(host, flow_destination(&packet->flow));
    struct tcp_segment reply;

    if (!listener) {
        refuse(host, packet, tcp_closed_answer(segment, &reply) ? &reply : NULL, DROP_NO_CONNECTION);
        return;
    }
    switch (tcp_listen_answer(segment, &reply)) {
    case TCP_LISTEN_OPEN:
        open_passively(listener, packet, segment, floor);
        return;
    case TCP_LISTEN_RESET:
        refuse(host, packet, &reply, DROP_NO_CONNECTION);
        return;
    case TCP_LISTEN_IGNORE:
        packet_drop(tcp_node(host), packet, DROP_NO_CONNECTION);
        return;
    }
}

/* RFC 9293 section 3.10.7.4, RFC 6191: a SYN that is certain to be newer than the connection in TIME-WAIT opens
 * another. */
static bool
reopens(const struct tcp_connection *connection, const struct tcp_segment *segment)
{
    const struct tcp_machine *machine = &connection->machine;

    if (machine->state != TCP_TIME_WAIT || (segment->flags & (TCP_SYN | TCP_ACK | TCP_RST)) != TCP_SYN ||
        !tcp_find_listener(connection->socket.host, connection->socket.local))
        return false;
    if (machine->timestamps && segment->has_timestamp && segment->timestamp != machine->ts_recent)
        return seq_before(machine->ts_recent, segment->timestamp);
    return seq_before(machine->rcv_nxt, segment->seq);
}

void
tcp_receive(struct tcp_host *host, struct packet *packet)
{
    struct tcp_connection *connection;
    struct tcp_segment segment;
    enum drop_reason reason = tcp_segment_read(packet_transport(packet), &segment);

    if (reason != DROP_NONE) {
        packet_drop(tcp_node(host), packet, reason);
        return;
    }
    if (address_is_for_all(packet->flow.destination)) { /* RFC 9293 MUST-57 */
        packet_drop(tcp_node(host), packet, DROP_NO_CONNECTION);
        return;
    }
    connection = tcp_find(host, flow_destination(&packet->flow), flow_source(&packet->flow));
    if (connection && reopens(connection, &segment)) {
        uint32_t floor = connection->machine.snd_nxt;

        tcp_machine_expire(&connection->machine);
        tcp_settle(connection);
        receive_without_connection(host, packet, &segment, &floor);
        return;
    }
    if (G_LIKELY(connection))
        receive_on_connection(connection, packet, &segment);
    else
        receive_without_connection(host, packet, &segment, NULL);
}

/* --- ICMP -------------------------------------------------------------------------------------------------------- */

/* The MTU that a "fragmentation needed" tells; a router that tells none leaves it to be guessed (RFC 1191 section
 * 7). */
static uint32_t
told_mtu(const struct io_icmp *icmp, const struct tcp_machine *machine)
{
    static const uint16_t plateaus[] = { 32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68 };
    uint32_t now = machine->mss + IPV4_HEADER + TCP_HEADER;

    if ((icmp->info & 0xffff) != 0)
        return MAX(icmp->info & 0xffff, 68);
    for (size_t i = 0; i < G_N_ELEMENTS(plateaus); i++)
        if (plateaus[i] < now)
            return plateaus[i];
    return 68;
}

/* A link on the way carries less. An ICMPv6 error that tells of less than 1280 bytes is not believed (RFC 8201 section
 * 4). */
static void
take_too_big(struct tcp_machine *machine, const struct io_icmp *icmp)
{
    bool ipv4 = address_is_ipv4(icmp->peer.address);
    uint32_t mtu = ipv4 ? told_mtu(icmp, machine) : icmp->info;

    if (ipv4 || mtu >= IPV6_MTU_MIN)
        tcp_machine_too_big(machine,
                            (uint16_t)MIN(mtu - ip_header_size(icmp->peer.address) - TCP_HEADER, UINT16_MAX));
}

static void
take_error(struct tcp_connection *connection, const struct io_icmp *icmp)
{
    struct tcp_machine *machine = &connection->machine;

    switch (icmp_meaning(icmp)) {
    case ICMP_MEANS_TOO_BIG:
        take_too_big(machine, icmp);
        return;
    case ICMP_MEANS_REFUSED:
        tcp_machine_unreachable(machine, IO_REFUSED, true);
        return;
    case ICMP_MEANS_UNREACHABLE:
        tcp_machine_unreachable(machine, IO_UNREACHABLE, true);
        return;
    case ICMP_MEANS_TIME_EXCEEDED:
        tcp_machine_unreachable(machine, IO_UNREACHABLE, false);
        return;
    case ICMP_MEANS_OTHER:
        return;
    }
}

bool
tcp_error(struct tcp_host *host, const struct packet *packet, const struct io_icmp *icmp, uint32_t seq)
{
    struct tcp_connection *connection = tcp_find(host, icmp->local, icmp->peer);

    if (!connection || !tcp_machine_sent(&connection->machine, seq))
        return false;
    stack_note_delivered(host->stack, packet);
    take_error(connection, icmp);
    happened(connection);
    return true;
}

/* --- the host's life --------------------------------------------------------------------------------------------- */

struct tcp_host *
tcp_host_new(struct stack *stack)
{
    struct tcp_host *host = g_new0(struct tcp_host, 1);
    const struct node *node = stack->node;
    struct random_stream stream = random_stream_of(node->world->seed, node->name, "tcp");

    host->stack = stack;
    host->settings = &tcp_settings_default;
    host->secret = random_u64(&stream);
    tcp_places_init(&host->connections);
    tcp_places_init(&host->bindings);
    return host;
}

void
tcp_host_use(struct tcp_host *host, const struct tcp_settings *settings)
{
    host->settings = settings;
}

uint32_t
tcp_connection_count(const struct tcp_host *host)
{
    return host->connections.objects->len - host->connections.spare->len;
}

void
tcp_host_free(struct tcp_host *host)
{
    if (!host)
        return;
    for (guint i = 0; i < host->connections.objects->len; i++)
        if (host->connections.objects->pdata[i])
            tcp_connection_free(host->connections.objects->pdata[i]);
    for (guint i = 0; i < host->bindings.objects->len; i++) {
        struct tcp_binding *binding = host->bindings.objects->pdata[i];

        if (binding) { /* only listeners are left */
            g_free(binding->listener);
            g_free(binding);
        }
    }
    hash_index_clear(&host->pairs);
    hash_index_clear(&host->ports);
    tcp_places_clear(&host->connections);
    tcp_places_clear(&host->bindings);
    g_free(host);
}
