/* Theory of operation.
 *
 * Bytes that have come stand in `in` from `head` on; `pump` hands out what is whole and reads again, until there is no
 * more. One timer serves four deadlines (connecting, the rest of a message, silence, ping and pong): `arm` sets it to the
 * nearest, `on_timer` looks which has come. The owner may free the connection in each callback; it is then closed at once,
 * and its memory goes when `pump` returns. */
#include "proto/sip/connection.h"

#include <glib.h>

#include "proto/sip/carrier.h"

#define READ_BYTES 8192
#define KEPT_BYTES 16384 /* what a buffer may occupy that is empty; there may be a thousand */

struct sip_connection {
    struct io *io;
    struct io_tcp *tcp;
    struct sip_connection_options options;
    const struct sip_connection_events *events;
    void *owner;
    struct io_timer timer;
    GByteArray *in, *out; /* come and not handed out; sent and not taken by TCP */
    size_t head, scanned;
    bool connected, ended, pumping, freed, finished; /* finished: the peer's FIN has come */
    int64_t connecting_since, active, partial_since; /* partial_since: TIME_NEVER without a part of a message */
    int64_t keep, ping_at, pong_until;               /* keep 0: no pings; the others TIME_NEVER when they aren't due */
};

static int64_t
now_of(const struct sip_connection *connection)
{
    return connection->io->ops->now(connection->io);
}

int64_t
sip_keep_interval(struct io *io, int64_t interval)
{
    uint32_t draw;

    io->ops->random(io, &draw, sizeof draw);
    return interval / 5 * 4 + (int64_t)((uint64_t)(interval / 5) / 1000 * (draw % 1001));
}

/* ---- time */

static void
arm(struct sip_connection *connection)
{
    struct io *io = connection->io;
    int64_t at;

    if (connection->ended)
        return;
    if (!connection->connected) {
        io->ops->arm(io, &connection->timer,
                     time_add(connection->connecting_since, connection->options.connect_timeout), true);
        return;
    }
    at = time_add(connection->active, connection->options.idle_timeout);
    at = MIN(at, MIN(connection->ping_at, connection->pong_until));
    if (connection->partial_since != TIME_NEVER)
        at = MIN(at, time_add(connection->partial_since, connection->options.message_timeout));
    io->ops->arm(io, &connection->timer, at, false);
}

static void
end(struct sip_connection *connection, enum sip_connection_end how, enum io_result why)
{
    if (connection->ended || connection->freed)
        return;
    connection->ended = true;
    connection->io->ops->disarm(connection->io, &connection->timer);
    connection->events->ended(connection->owner, connection, how, why);
}

/* ---- out */

static void
flush(struct sip_connection *connection)
{
    enum io_result why;
    ssize_t taken;

    if (!connection->connected || connection->out->len == 0)
        return;
    taken = connection->tcp->ops->write(connection->tcp, connection->out->data, connection->out->len, &why);
    if (taken > 0)
        g_byte_array_remove_range(connection->out, 0, (guint)taken);
}

enum io_result
sip_connection_send(struct sip_connection *connection, struct span message)
{
    if (connection->ended || connection->freed)
        return IO_CLOSED;
    if (connection->out->len + message.length > connection->options.backlog_most)
        return IO_FULL;
    g_byte_array_append(connection->out, message.bytes, (guint)message.length);
    connection->active = now_of(connection);
    flush(connection);
    arm(connection);
    return IO_OK;
}

static void
send_ping(struct sip_connection *connection, int64_t now)
{
    connection->ping_at = time_add(now, sip_keep_interval(connection->io, connection->keep));
    connection->pong_until = MIN(connection->pong_until, time_add(now, SIP_PONG_TIME));
    (void)sip_connection_send(connection, span_of_text("\r\n\r\n"));
}

void
sip_connection_keep(struct sip_connection *connection, int64_t interval)
{
    connection->keep = interval;
    connection->ping_at = TIME_NEVER;
    if (interval > 0)
        connection->ping_at = time_add(now_of(connection), sip_keep_interval(connection->io, interval));
    else
        connection->pong_until = TIME_NEVER;
    arm(connection);
}

static void
on_timer(void *owner, struct io_timer *timer)
{
    struct sip_connection *connection = owner;
    const struct sip_connection_options *options = &connection->options;
    int64_t now = now_of(connection);

    (void)timer;
    if (!connection->connected) {
        end(connection, SIP_CONNECTION_SILENT, IO_TIMEOUT);
        return;
    }
    if (now >= connection->pong_until) {
        end(connection, SIP_CONNECTION_LAPSED, IO_TIMEOUT);
        return;
    }
    if (now >= time_add(connection->active, options->idle_timeout) ||
        (connection->partial_since != TIME_NEVER &&
         now >= time_add(connection->partial_since, options->message_timeout))) {
        end(connection, SIP_CONNECTION_SILENT, IO_TIMEOUT);
        return;
    }
    if (now >= connection->ping_at)
        send_ping(connection, now);
    arm(connection);
}

/* ---- in */

static struct span
pending(const struct sip_connection *connection)
{
    size_t left = connection->in->len - connection->head;

    return left ? span_of(connection->in->data + connection->head, left) : span_of(NULL, 0);
}

static void
take_off(struct sip_connection *connection, size_t length)
{
    connection->head += length;
    connection->scanned = 0;
    connection->partial_since = TIME_NEVER;
}

/* A ping is answered at once. */
static void
take_line_ends(struct sip_connection *connection, bool pong)
{
    if (pong)
        connection->pong_until = TIME_NEVER;
    else
        (void)sip_connection_send(connection, span_of_text("\r\n"));
    connection->events->ping(connection->owner, connection, pong);
}

static void
break_off(struct sip_connection *connection)
{
    connection->events->message(connection->owner, connection, pending(connection), true);
    end(connection, SIP_CONNECTION_BROKEN, IO_OK);
}

/* Reads once; false when there is nothing now. */
static bool
fill(struct sip_connection *connection)
{
    enum io_result why = IO_OK;
    guint old;
    ssize_t got;

    if (connection->finished)
        return false;
    if (connection->head > 0) {
        g_byte_array_remove_range(connection->in, 0, (guint)connection->head);
        connection->head = 0;
    }
    old = connection->in->len;
    g_byte_array_set_size(connection->in, old + READ_BYTES);
    got = connection->tcp->ops->read(connection->tcp, connection->in->data + old, READ_BYTES, &why);
    g_byte_array_set_size(connection->in, old + (guint)MAX(got, 0));
    if (got > 0) {
        connection->active = now_of(connection);
        if (connection->partial_since == TIME_NEVER)
            connection->partial_since = connection->active;
    } else if (got == 0) {
        connection->finished = true; /* a CRLF at the very end may have waited for another */
        return true;
    } else if (why != IO_AGAIN) {
        end(connection, SIP_CONNECTION_CLOSED, why);
    }
    return got > 0;
}

/* One message, or one read. False when nothing more is to be had now. While answers wait that the peer doesn't take,
 * nothing is read. */
static bool
step(struct sip_connection *connection)
{
    struct span bytes = pending(connection);
    size_t length = 0;

    if (connection->freed || connection->ended || connection->out->len > connection->options.backlog_most / 2)
        return false;
    switch (bytes.length > 0 ? sip_frame_first(bytes, connection->finished, &connection->scanned, &length)
                             : SIP_FRAME_MORE) {
    case SIP_FRAME_PING:
    case SIP_FRAME_PONG:
        take_off(connection, length);
        take_line_ends(connection, length == 2);
        return true;
    case SIP_FRAME_MESSAGE:
        take_off(connection, length);
        connection->events->message(connection->owner, connection, span_of(bytes.bytes, length), false);
        return true;
    case SIP_FRAME_BROKEN:
        break_off(connection);
        return false;
    default:
        break;
    }
    /* A line end may be half of a ping; when a pong is due it is that. */
    if (connection->pong_until != TIME_NEVER && span_equal(bytes, span_of_text("\r\n"))) {
        take_off(connection, bytes.length);
        take_line_ends(connection, true);
        return true;
    }
    if (bytes.length > connection->options.message_most) {
        break_off(connection);
        return false;
    }
    if (connection->finished) {
        end(connection, SIP_CONNECTION_CLOSED, IO_CLOSED);
        return false;
    }
    return fill(connection);
}

static void
free_memory(struct sip_connection *connection)
{
    g_byte_array_free(connection->in, TRUE);
    g_byte_array_free(connection->out, TRUE);
    g_free(connection);
}

static void
pump(struct sip_connection *connection)
{
    connection->pumping = true;
    while (step(connection))
        ;
    connection->pumping = false;
    if (connection->freed) {
        free_memory(connection);
        return;
    }
    if (pending(connection).length == 0) {
        connection->partial_since = TIME_NEVER;
        connection->head = 0;
        if (connection->in->len > KEPT_BYTES) {
            g_byte_array_free(connection->in, TRUE);
            connection->in = g_byte_array_new();
        } else {
            g_byte_array_set_size(connection->in, 0);
        }
    } else if (connection->partial_since == TIME_NEVER) {
        connection->partial_since = now_of(connection);
    }
    arm(connection);
}

static void
on_ready(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    struct sip_connection *connection = owner;

    (void)tcp;
    if (connection->ended)
        return;
    if (ready == IO_FAILED) {
        end(connection, SIP_CONNECTION_CLOSED, result);
        return;
    }
    if (ready == IO_CONNECTED) {
        connection->connected = true;
        connection->active = now_of(connection);
    }
    flush(connection);
    pump(connection);
}

/* ---- life */

struct sip_connection *
sip_connection_take(struct io *io, struct io_tcp *tcp, bool connected, const struct sip_connection_options *options,
                    const struct sip_connection_events *events, void *owner)
{
    struct sip_connection *connection = g_new0(struct sip_connection, 1);
    int64_t now = io->ops->now(io);

    connection->io = io;
    connection->tcp = tcp;
    connection->options = *options;
    connection->events = events;
    connection->owner = owner;
    connection->timer = (struct io_timer){ .fire = on_timer, .owner = connection };
    connection->in = g_byte_array_new();
    connection->out = g_byte_array_new();
    connection->connected = connected;
    connection->connecting_since = connection->active = now;
    connection->partial_since = connection->ping_at = connection->pong_until = TIME_NEVER;
    tcp->ready = on_ready;
    tcp->owner = connection;
    tcp->ops->prompt(tcp, true); /* the end of a message longer than a segment is not to wait for an acknowledgement */
    arm(connection);
    return connection;
}

static void
let_go(struct sip_connection *connection, bool reset)
{
    connection->io->ops->disarm(connection->io, &connection->timer);
    connection->tcp->ops->close(connection->tcp, reset);
    connection->freed = true;
    if (!connection->pumping)
        free_memory(connection);
}

void
sip_connection_free(struct sip_connection *connection)
{
    let_go(connection, false);
}

void
sip_connection_abort(struct sip_connection *connection)
{
    let_go(connection, true);
}

bool
sip_connection_is_up(const struct sip_connection *connection)
{
    return connection->connected && !connection->ended;
}

int64_t
sip_connection_active(const struct sip_connection *connection)
{
    return connection->active;
}

struct endpoint
sip_connection_local(const struct sip_connection *connection)
{
    return connection->tcp->ops->local(connection->tcp);
}

struct endpoint
sip_connection_peer(const struct sip_connection *connection)
{
    return connection->tcp->ops->peer(connection->tcp);
}
