/* Theory of operation.
 *
 * Whatever comes, by a datagram or over a connection, ends in `take_message`, which decodes, counts, and hands on or
 * refuses. Connections stand in the order of their making; each knows its number and is found by that, or by its peer.
 * A connection that has ended is taken off the list and freed before anybody is told of it.
 *
 * The owner may free the carrier in any callback. `call_begin` and `call_end` surround each: while one is under way, what
 * is freed keeps its memory until the outermost returns. */
#include "proto/sip/carrier.h"

#include "core/base/journal.h"
#include "proto/sip/connection.h"
#include "proto/sip/kinds.h"
#include "proto/sip/print.h"
#include "proto/stun/answer.h"

#define SPARE (10 * TIME_S) /* a connection silent for that long may be ended to make room for another */
#define ADDRESSES_MOST 64
#define REPLY_BYTES 8192 /* to a malformed request: more header than that is not echoed */

struct link {
    struct sip_carrier *carrier;
    struct sip_connection *connection;
    uint32_t number;
    struct endpoint peer, local;
};

struct sip_carrier {
    struct io *io;
    struct sip_carrier_options options;
    const struct sip_carrier_events *events;
    void *owner;
    struct io_udp *udp; /* NULL: no UDP */
    struct io_tcp *listener;
    struct endpoint local;
    GPtrArray *links; /* struct link */
    uint32_t numbers;
    struct stun_client *stun;
    struct sip_flow kept; /* over UDP */
    int64_t keep;
    bool has_mapped;
    struct endpoint mapped;
    struct io_timer keep_timer;
    struct stun_transaction *asking;
    struct io_watch watch;
    struct sip_carrier_counters counters;
    unsigned depth;
    bool freed;
};

static void
call_begin(struct sip_carrier *carrier)
{
    carrier->depth++;
}

/* False: the carrier is gone. */
static bool
call_end(struct sip_carrier *carrier)
{
    bool freed = carrier->freed;

    if (--carrier->depth == 0 && freed) {
        g_ptr_array_unref(carrier->links);
        g_free(carrier);
    }
    return !freed;
}

static void
note(struct sip_carrier *carrier, const struct sip_flow *flow, bool came, struct record record)
{
    struct io *io = carrier->io;
    struct endpoint from = came ? flow->peer : flow->local, to = came ? flow->local : flow->peer;

    record.before = (struct flow){ from.address, to.address, from.port, to.port,
                                   sip_flow_is_stream(flow) ? PROTOCOL_TCP : PROTOCOL_UDP };
    io->ops->note(io, &record);
}

/* ---- in */

static struct sip_flow
flow_of_link(const struct link *link)
{
    return (struct sip_flow){ SIP_TCP, link->local, link->peer, link->number };
}

/* Section 8.2: a request that could not be understood wholly is answered by the headers that could. */
static bool
refuse(struct sip_carrier *carrier, const struct sip_arrival *arrival, enum sip_fault fault)
{
    const struct sip_message *message = arrival->message;
    struct sip_reply reply = { .status = sip_fault_status(fault), .source = arrival->flow.peer };
    uint8_t buffer[REPLY_BYTES];
    struct writer out = writer_over(buffer, sizeof buffer);
    struct sip_via via;
    struct sip_values values;
    struct span value;
    struct sip_flow first, second;

    if (reply.status < 400 || !message->request || message->method_id == SIP_ACK || !sip_message_answerable(message))
        return false;
    values = sip_values_of(message, SIP_HEADER_VIA);
    if (!sip_values_next(&values, &value) || !sip_via_decode(value, &via))
        return false;
    sip_put_reply(&out, message, &reply);
    sip_put_end(&out, NULL, span_of(NULL, 0));
    if (writer_failed(&out))
        return false;
    sip_flow_of_reply(&via, &arrival->flow, &first, &second);
    return sip_carrier_send(carrier, &first, writer_span(&out)) == IO_OK;
}

static void
take_fault(struct sip_carrier *carrier, const struct sip_arrival *arrival, enum sip_fault fault)
{
    struct record record = { .rule = (uint16_t)fault, .packet = arrival->packet };

    carrier->counters.malformed++;
    carrier->counters.faults[fault]++;
    if (refuse(carrier, arrival, fault)) {
        carrier->counters.refused++;
        record.kind = &sip_kind_refused;
        record.detail = sip_fault_status(fault);
    } else {
        record.kind = &sip_kind_dropped;
        record.verdict = VERDICT_DROP;
        record.reason = DROP_MALFORMED_SIP;
    }
    note(carrier, &arrival->flow, true, record);
}

/* `unless`: what is wrong with it though it decodes. False: the carrier is gone. */
static bool
take_message(struct sip_carrier *carrier, const struct sip_flow *flow, struct span bytes, uint64_t packet,
             enum sip_fault unless)
{
    struct sip_message message;
    struct sip_arrival arrival = { .message = &message, .flow = *flow, .packet = packet };
    enum sip_fault fault = sip_message_decode(bytes, &message);

    if (fault == SIP_FAULT_EMPTY) { /* a keep-alive that wants no answer over UDP */
        carrier->counters.pings++;
        return true;
    }
    carrier->counters.received++;
    if (fault == SIP_FAULT_NONE)
        fault = unless;
    if (fault == SIP_FAULT_NONE && bytes.length > carrier->options.message_most)
        fault = SIP_FAULT_TOO_LONG;
    call_begin(carrier);
    if (fault != SIP_FAULT_NONE)
        take_fault(carrier, &arrival, fault);
    else
        carrier->events->message(carrier->owner, &arrival);
    return call_end(carrier);
}

static void
answer_binding(struct sip_carrier *carrier, const struct io_datagram *request)
{
    struct stun_rules rules = { .mapped_address = true };
    struct stun_arrival arrival = { .source = request->peer, .local = request->local };
    uint8_t buffer[STUN_ANSWER_BYTES];
    struct stun_answer answer = stun_answer(&rules, request->data, &arrival, buffer, sizeof buffer);
    struct io_datagram back;

    if (answer.reply != STUN_REPLY_SUCCESS && answer.reply != STUN_REPLY_ERROR)
        return;
    back = IO_DATAGRAM_TO(request->peer, answer.message);
    back.local = request->local;
    carrier->counters.bindings++;
    (void)carrier->udp->ops->send(carrier->udp, &back);
}

/* STUN's first two bits are 0 (RFC 5626 section 8, RFC 8489 section 5). True: it was a message to or from here. */
static bool
take_stun(struct sip_carrier *carrier, const struct io_datagram *datagram)
{
    bool taken;

    call_begin(carrier);
    taken = carrier->stun && stun_client_datagram(carrier->stun, carrier->udp, datagram);
    if (!call_end(carrier) || taken)
        return true;
    if (!carrier->options.answer_binding)
        return false;
    answer_binding(carrier, datagram);
    return true;
}

static bool
may_be_stun(struct span bytes)
{
    return bytes.length > 0 && bytes.bytes[0] < 4;
}

bool
sip_carrier_datagram(struct sip_carrier *carrier, const struct io_datagram *datagram)
{
    struct sip_flow flow = { SIP_UDP, datagram->local, datagram->peer, 0 };

    if (may_be_stun(datagram->data))
        return take_stun(carrier, datagram);
    if (!sip_may_be(datagram->data))
        return false;
    (void)take_message(carrier, &flow, datagram->data, datagram->packet, SIP_FAULT_NONE);
    return true;
}

static void
on_datagram(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    struct sip_carrier *carrier = owner;
    struct sip_flow flow = { SIP_UDP, datagram->local, datagram->peer, 0 };
    bool stun = may_be_stun(datagram->data);

    (void)udp;
    if (sip_carrier_datagram(carrier, datagram) || datagram->data.length == 0)
        return;
    if (!stun) {
        (void)take_message(carrier, &flow, datagram->data, datagram->packet, SIP_FAULT_NONE);
        return;
    }
    note(carrier, &flow, true,
         (struct record){ .kind = &sip_kind_dropped,
                          .packet = datagram->packet,
                          .verdict = VERDICT_DROP,
                          .reason = DROP_UNEXPECTED_STUN });
}

bool
sip_carrier_icmp(struct sip_carrier *carrier, const struct io_icmp *icmp)
{
    struct sip_flow flow = { SIP_UDP, icmp->local, icmp->peer, 0 };

    call_begin(carrier);
    if (carrier->stun)
        (void)stun_client_icmp(carrier->stun, carrier->udp, icmp);
    if (!carrier->freed && stun_icmp_is_hard(icmp))
        carrier->events->failed(carrier->owner, &flow, IO_REFUSED);
    return call_end(carrier);
}

static void
on_icmp(void *owner, struct io_udp *udp, const struct io_icmp *icmp)
{
    (void)udp;
    (void)sip_carrier_icmp(owner, icmp);
}

static const struct io_udp_events udp_events = { .datagram = on_datagram, .icmp = on_icmp };

/* ---- connections */

static void
unlink_connection(struct sip_carrier *carrier, struct link *link, bool reset)
{
    g_ptr_array_remove(carrier->links, link);
    if (reset)
        sip_connection_abort(link->connection);
    else
        sip_connection_free(link->connection);
    g_free(link);
}

static void
on_message(void *owner, struct sip_connection *connection, struct span bytes, bool broken)
{
    struct link *link = owner;
    struct sip_flow flow = flow_of_link(link);

    (void)connection;
    (void)take_message(link->carrier, &flow, bytes, 0, broken ? SIP_FAULT_CONTENT_LENGTH : SIP_FAULT_NONE);
}

static void
on_ping(void *owner, struct sip_connection *connection, bool pong)
{
    struct link *link = owner;

    (void)connection;
    if (pong)
        link->carrier->counters.pongs++;
    else
        link->carrier->counters.pings++;
}

static void
on_ended(void *owner, struct sip_connection *connection, enum sip_connection_end how, enum io_result why)
{
    struct link *link = owner;
    struct sip_carrier *carrier = link->carrier;
    struct sip_flow flow = flow_of_link(link);

    (void)connection;
    carrier->counters.broken += how == SIP_CONNECTION_BROKEN;
    carrier->counters.silent += how == SIP_CONNECTION_SILENT || how == SIP_CONNECTION_LAPSED;
    note(carrier, &flow, false,
         (struct record){ .kind = &sip_kind_connection_ended, .rule = (uint16_t)how, .detail = why });
    unlink_connection(carrier, link, false);
    call_begin(carrier);
    if (how == SIP_CONNECTION_LAPSED && carrier->events->lapsed)
        carrier->events->lapsed(carrier->owner, &flow, NULL);
    if (!carrier->freed)
        carrier->events->failed(carrier->owner, &flow, how == SIP_CONNECTION_BROKEN ? IO_CLOSED : why);
    (void)call_end(carrier);
}

/* The first connection whose own end is at none of the host's addresses any more. */
static struct link *
find_stranded(struct sip_carrier *carrier)
{
    struct io_address addresses[ADDRESSES_MOST];
    size_t count = carrier->io->ops->addresses(carrier->io, addresses, ADDRESSES_MOST);

    for (guint i = 0; i < carrier->links->len && count <= ADDRESSES_MOST; i++) {
        struct link *link = g_ptr_array_index(carrier->links, i);
        size_t k = 0;

        while (k < count && !address_equal(addresses[k].address, link->local.address))
            k++;
        if (k == count)
            return link;
    }
    return NULL;
}

/* The host has moved: what went by an address that is gone leads nowhere, and nobody would say so for minutes. */
static void
on_changed(void *owner)
{
    struct sip_carrier *carrier = owner;
    struct link *link;
    bool alive = true;

    while (alive && (link = find_stranded(carrier))) {
        struct sip_flow flow = flow_of_link(link);

        note(carrier, &flow, false,
             (struct record){
                 .kind = &sip_kind_connection_ended, .rule = SIP_CONNECTION_CLOSED, .detail = IO_NO_ADDRESS });
        unlink_connection(carrier, link, true);
        call_begin(carrier);
        carrier->events->failed(carrier->owner, &flow, IO_NO_ADDRESS);
        alive = call_end(carrier);
    }
}

static const struct sip_connection_events connection_events = {
    .message = on_message,
    .ping = on_ping,
    .ended = on_ended,
};

static struct link *
link_new(struct sip_carrier *carrier, struct io_tcp *tcp, bool connected, struct endpoint peer)
{
    struct link *link = g_new0(struct link, 1);
    struct sip_connection_options options = { .message_most = carrier->options.message_most,
                                              .backlog_most = carrier->options.backlog_most,
                                              .connect_timeout = carrier->options.connect_timeout,
                                              .idle_timeout = carrier->options.idle_timeout,
                                              .message_timeout = carrier->options.message_timeout };

    link->carrier = carrier;
    link->number = ++carrier->numbers;
    link->peer = peer;
    link->connection = sip_connection_take(carrier->io, tcp, connected, &options, &connection_events, link);
    link->local = sip_connection_local(link->connection);
    g_ptr_array_add(carrier->links, link);
    return link;
}

/* Of the connections that have been silent for SPARE, the one that has been so for longest goes. */
static bool
make_room(struct sip_carrier *carrier)
{
    int64_t now = carrier->io->ops->now(carrier->io);
    struct link *oldest = NULL;

    if (carrier->links->len < carrier->options.connections)
        return true;
    for (guint i = 0; i < carrier->links->len; i++) {
        struct link *link = g_ptr_array_index(carrier->links, i);

        if (!oldest || sip_connection_active(link->connection) < sip_connection_active(oldest->connection))
            oldest = link;
    }
    if (!oldest || now - sip_connection_active(oldest->connection) < SPARE)
        return false;
    unlink_connection(carrier, oldest, false);
    return true;
}

static void
ignore(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    (void)owner, (void)tcp, (void)ready, (void)result;
}

static void
on_accept(void *owner, struct io_tcp *listener, enum io_ready ready, enum io_result result)
{
    struct sip_carrier *carrier = owner;
    struct io_tcp *tcp;

    (void)ready, (void)result;
    while ((tcp = listener->ops->accept(listener, ignore, NULL))) {
        if (!make_room(carrier)) {
            carrier->counters.turned_away++;
            tcp->ops->close(tcp, true);
            continue;
        }
        carrier->counters.accepted++;
        link_new(carrier, tcp, true, tcp->ops->peer(tcp));
    }
}

static struct link *
find_link(const struct sip_carrier *carrier, const struct sip_flow *flow)
{
    for (guint i = carrier->links->len; i > 0; i--) {
        struct link *link = g_ptr_array_index(carrier->links, i - 1);

        if (flow->connection ? link->number == flow->connection : endpoint_equal(link->peer, flow->peer))
            return link;
    }
    return NULL;
}

static struct link *
connect_to(struct sip_carrier *carrier, const struct sip_flow *flow, enum io_result *why)
{
    struct io *io = carrier->io;
    struct endpoint local = { flow->local.address, 0 };
    struct io_tcp *tcp;

    if (!make_room(carrier)) {
        *why = IO_FULL;
        return NULL;
    }
    if (address_is_none(local.address))
        local.address = carrier->options.local.address;
    tcp = io->ops->connect(io, &local, &flow->peer, false, ignore, NULL, why);
    if (!tcp)
        return NULL;
    carrier->counters.connected++;
    return link_new(carrier, tcp, false, flow->peer);
}

/* ---- out */

static enum io_result
send_stream(struct sip_carrier *carrier, struct sip_flow *flow, struct span message)
{
    enum io_result why = IO_CLOSED;
    struct link *link = find_link(carrier, flow);

    if (!link && flow->connection)
        return IO_CLOSED;
    if (!link)
        link = connect_to(carrier, flow, &why);
    if (!link)
        return why;
    flow->connection = link->number;
    flow->local = link->local;
    return sip_connection_send(link->connection, message);
}

static enum io_result
send_datagram(struct sip_carrier *carrier, struct sip_flow *flow, struct span message)
{
    struct io_datagram datagram = IO_DATAGRAM_TO(flow->peer, message);

    if (!carrier->udp)
        return IO_UNSUPPORTED;
    datagram.local = flow->local;
    return carrier->udp->ops->send(carrier->udp, &datagram);
}

enum io_result
sip_carrier_send(struct sip_carrier *carrier, struct sip_flow *flow, struct span message)
{
    enum io_result result;

    if (message.length > carrier->options.message_most)
        result = IO_TOO_BIG;
    else if (flow->protocol == SIP_UDP)
        result = send_datagram(carrier, flow, message);
    else if (flow->protocol == SIP_TCP)
        result = send_stream(carrier, flow, message);
    else
        result = IO_UNSUPPORTED;
    if (result == IO_OK)
        carrier->counters.sent++;
    else
        carrier->counters.unsent++;
    return result;
}

bool
sip_carrier_sent_by(struct sip_carrier *carrier, const struct sip_flow *flow, struct endpoint *sent_by)
{
    *sent_by = (struct endpoint){ flow->local.address, carrier->local.port };
    if (address_is_unspecified(sent_by->address))
        sent_by->address = carrier->local.address;
    if (!address_is_unspecified(sent_by->address))
        return true;
    return carrier->io->ops->source(carrier->io, &flow->peer.address, &sent_by->address) == IO_OK;
}

/* ---- keep-alive over UDP: RFC 5626 section 4.4.2 */

static void
end_keeping(struct sip_carrier *carrier)
{
    if (carrier->asking)
        stun_transaction_cancel(carrier->asking);
    carrier->asking = NULL;
    carrier->keep = 0;
    carrier->has_mapped = false;
    carrier->io->ops->disarm(carrier->io, &carrier->keep_timer);
}

static void
arm_keeping(struct sip_carrier *carrier)
{
    struct io *io = carrier->io;

    io->ops->arm(io, &carrier->keep_timer, time_add(io->ops->now(io), sip_keep_interval(io, carrier->keep)), false);
}

static void
lapse(struct sip_carrier *carrier, const struct endpoint *mapped)
{
    struct sip_flow flow = carrier->kept;
    struct record record = { .kind = &sip_kind_flow_lapsed };

    if (mapped)
        record.after = (struct flow){ mapped->address, flow.peer.address, mapped->port, flow.peer.port, PROTOCOL_UDP };
    note(carrier, &flow, false, record);
    end_keeping(carrier);
    call_begin(carrier);
    if (carrier->events->lapsed)
        carrier->events->lapsed(carrier->owner, &flow, mapped);
    (void)call_end(carrier);
}

static void
on_binding(void *owner, struct stun_transaction *transaction, const struct stun_result *result)
{
    struct sip_carrier *carrier = owner;
    struct endpoint mapped = result->has_xor_mapped ? result->xor_mapped : result->mapped;

    (void)transaction;
    carrier->asking = NULL;
    if (result->outcome == STUN_OUTCOME_ANSWERED && carrier->has_mapped && !endpoint_equal(mapped, carrier->mapped)) {
        lapse(carrier, &mapped);
    } else if (result->outcome == STUN_OUTCOME_ANSWERED) {
        carrier->has_mapped = true;
        carrier->mapped = mapped;
        arm_keeping(carrier);
    } else {
        lapse(carrier, NULL);
    }
}

static void
on_keep(void *owner, struct io_timer *timer)
{
    struct sip_carrier *carrier = owner;
    struct stun_request request = { .udp = carrier->udp,
                                    .server = carrier->kept.peer,
                                    .local = carrier->kept.local,
                                    .done = on_binding,
                                    .owner = carrier };

    (void)timer;
    carrier->asking = stun_client_binding(sip_carrier_stun(carrier), &request);
}

bool
sip_carrier_keep(struct sip_carrier *carrier, const struct sip_flow *flow, int64_t interval)
{
    struct link *link;

    if (sip_flow_is_stream(flow)) {
        link = find_link(carrier, flow);
        if (link)
            sip_connection_keep(link->connection, interval);
        return link != NULL;
    }
    if (!carrier->udp)
        return false;
    if (carrier->keep == interval && sip_flow_equal(&carrier->kept, flow))
        return true;
    end_keeping(carrier);
    carrier->kept = *flow;
    carrier->keep = interval;
    if (interval > 0)
        on_keep(carrier, &carrier->keep_timer); /* the first answer says what the mapping is */
    return true;
}

/* ---- what there is */

bool
sip_carrier_speaks(const struct sip_carrier *carrier, enum sip_transport protocol)
{
    return protocol == SIP_UDP ? carrier->udp != NULL : protocol == SIP_TCP && carrier->options.tcp;
}

struct endpoint
sip_carrier_local(const struct sip_carrier *carrier)
{
    return carrier->local;
}

struct stun_client *
sip_carrier_stun(struct sip_carrier *carrier)
{
    if (!carrier->stun && carrier->udp)
        carrier->stun = stun_client_new(carrier->io, NULL);
    return carrier->stun;
}

struct io_udp *
sip_carrier_udp(struct sip_carrier *carrier)
{
    return carrier->udp;
}

bool
sip_carrier_has(const struct sip_carrier *carrier, const struct sip_flow *flow)
{
    return sip_flow_is_stream(flow) ? find_link(carrier, flow) != NULL : carrier->udp != NULL;
}

void
sip_carrier_close(struct sip_carrier *carrier, uint32_t connection)
{
    struct sip_flow flow = { .protocol = SIP_TCP, .connection = connection };
    struct link *link = connection ? find_link(carrier, &flow) : NULL;

    if (link)
        unlink_connection(carrier, link, false);
}

const struct sip_carrier_counters *
sip_carrier_counters(const struct sip_carrier *carrier)
{
    return &carrier->counters;
}

unsigned
sip_carrier_connections(const struct sip_carrier *carrier)
{
    return carrier->links->len;
}

/* ---- life */

static bool
open_sockets(struct sip_carrier *carrier, enum io_result *why)
{
    struct io *io = carrier->io;

    carrier->local = carrier->options.local;
    if (carrier->options.shared) {
        carrier->udp = carrier->options.shared;
        carrier->local = carrier->udp->ops->local(carrier->udp);
    } else if (carrier->options.udp) {
        carrier->udp = io->ops->udp(io, &carrier->local, &udp_events, carrier, why);
        if (!carrier->udp)
            return false;
        carrier->local = carrier->udp->ops->local(carrier->udp);
    }
    if (!carrier->options.tcp)
        return true;
    carrier->listener = io->ops->listen(io, &carrier->local, true, on_accept, carrier, why);
    if (carrier->listener)
        carrier->local = carrier->listener->ops->local(carrier->listener);
    return carrier->listener != NULL;
}

struct sip_carrier *
sip_carrier_new(struct io *io, const struct sip_carrier_options *options, const struct sip_carrier_events *events,
                void *owner, enum io_result *why)
{
    struct sip_carrier *carrier = g_new0(struct sip_carrier, 1);

    g_assert(options->udp || options->tcp || options->shared);
    carrier->io = io;
    carrier->options = *options;
    carrier->events = events;
    carrier->owner = owner;
    carrier->links = g_ptr_array_new();
    carrier->keep_timer = (struct io_timer){ .fire = on_keep, .owner = carrier };
    *why = IO_OK;
    if (!open_sockets(carrier, why)) {
        sip_carrier_free(carrier);
        return NULL;
    }
    carrier->watch = (struct io_watch){ .changed = on_changed, .owner = carrier };
    io->ops->watch(io, &carrier->watch);
    return carrier;
}

void
sip_carrier_free(struct sip_carrier *carrier)
{
    if (!carrier || carrier->freed)
        return;
    if (carrier->watch.changed)
        carrier->io->ops->unwatch(carrier->io, &carrier->watch);
    end_keeping(carrier);
    if (carrier->stun)
        stun_client_free(carrier->stun);
    carrier->stun = NULL;
    while (carrier->links->len > 0)
        unlink_connection(carrier, g_ptr_array_index(carrier->links, carrier->links->len - 1), false);
    if (carrier->listener)
        carrier->listener->ops->close(carrier->listener, false);
    if (carrier->udp && !carrier->options.shared)
        carrier->udp->ops->close(carrier->udp);
    carrier->udp = NULL;
    carrier->listener = NULL;
    carrier->freed = true;
    call_begin(carrier);
    (void)call_end(carrier);
}
