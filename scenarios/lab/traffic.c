#include "scenarios/lab/traffic.h"

#include <glib.h>

#include "core/base/cursor.h"

/* --- traffic -------------------------------------------------------------------------------------------------- */

/* What comes back to a source is nobody's. */
static void
ignore_datagram(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    (void)owner;
    (void)udp;
    (void)datagram;
}

static const struct io_udp_events source_events = { ignore_datagram, NULL };

static void
send_one(struct traffic *traffic)
{
    struct writer number = writer_over(traffic->payload, 4);
    struct io_datagram datagram;

    writer_u32(&number, (uint32_t)(traffic->sent + traffic->failed));
    datagram = IO_DATAGRAM_TO(traffic->options.to, span_of(traffic->payload, traffic->options.size));
    if (traffic->socket->ops->send(traffic->socket, &datagram) == IO_OK)
        traffic->sent++;
    else
        traffic->failed++;
    io_node(traffic->io)->world->touched = true;
}

static void
turn(void *owner, struct io_timer *timer)
{
    struct traffic *traffic = owner;

    send_one(traffic);
    if (traffic->options.packets == 0 || traffic->sent + traffic->failed < traffic->options.packets) {
        traffic->io->ops->arm(traffic->io, timer, time_add(timer->at, traffic->options.interval), true);
        return;
    }
    traffic_stop(traffic);
    if (traffic->finished)
        traffic->finished(traffic->owner, traffic);
}

enum io_result
traffic_start(struct traffic *traffic, struct node *host, const struct traffic_options *options)
{
    struct io *io = node_io(host);
    struct endpoint local = { .port = options->from_port };
    enum io_result why = IO_OK;
    struct io_udp *socket = io->ops->udp(io, &local, &source_events, traffic, &why);

    *traffic = (struct traffic){
        .io = io, .socket = socket, .options = *options, .finished = traffic->finished, .owner = traffic->owner
    };
    traffic->options.size = MAX(options->size, 4);
    traffic->options.interval = MAX(options->interval, 1);
    if (!socket) {
        traffic->done = true;
        return why;
    }
    traffic->payload = g_malloc0(traffic->options.size);
    traffic->timer.fire = turn;
    traffic->timer.owner = traffic;
    io->ops->arm(io, &traffic->timer, io->ops->now(io), true);
    return IO_OK;
}

void
traffic_stop(struct traffic *traffic)
{
    if (traffic->done || !traffic->io)
        return;
    traffic->done = true;
    traffic->io->ops->disarm(traffic->io, &traffic->timer);
    traffic->socket->ops->close(traffic->socket);
    traffic->socket = NULL;
    g_clear_pointer(&traffic->payload, g_free);
    io_node(traffic->io)->world->touched = true;
}

/* --- sink ----------------------------------------------------------------------------------------------------- */

static void
take_datagram(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    struct sink *sink = owner;
    struct world *world = io_node(sink->io)->world;

    (void)udp;
    if (sink->packets == 0)
        sink->first_at = world->now;
    sink->last_at = world->now;
    sink->packets++;
    sink->bytes += datagram->data.length;
    world->touched = true;
}

static const struct io_udp_events sink_events = { take_datagram, NULL };

enum io_result
sink_open(struct sink *sink, struct node *host, uint16_t port)
{
    struct io *io = node_io(host);
    enum io_result why = IO_OK;

    *sink = (struct sink){ .io = io };
    sink->socket = io->ops->udp(io, &(struct endpoint){ .port = port }, &sink_events, sink, &why);
    return why;
}

void
sink_close(struct sink *sink)
{
    if (!sink->socket)
        return;
    sink->socket->ops->close(sink->socket);
    sink->socket = NULL;
}
