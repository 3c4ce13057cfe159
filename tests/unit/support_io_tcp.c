/* A stream has two halves, one at each host, which know each other once the connection stands. A half whose owner has
 * closed it is an orphan: it delivers what it was given, and goes when both sides have ended. */
#include "tests/unit/support_io_tcp.h"

struct fake_tcp {
    struct io_tcp tcp;
    struct fake_io *fake;
    struct endpoint local, peer;
    struct fake_tcp *other, *listener; /* listener: not accepted yet */
    GByteArray *in, *out;
    bool listens, connecting, broken; /* broken: nothing goes on any more */
    bool orphan, shut, sent_end, got_end, wants_room;
    bool prompt;
};

static struct fake_tcp *
half_of(struct io_tcp *tcp)
{
    return (struct fake_tcp *)tcp;
}

static struct fake_io *
fake_of(struct io *io)
{
    return (struct fake_io *)io;
}

static struct fake_tcp *
half_new(struct fake_io *fake)
{
    struct fake_tcp *half = g_new0(struct fake_tcp, 1);

    half->fake = fake;
    half->in = g_byte_array_new();
    half->out = g_byte_array_new();
    g_ptr_array_add(fake->streams, half);
    return half;
}

static void
half_free(struct fake_tcp *half)
{
    if (half->other)
        half->other->other = NULL;
    g_ptr_array_remove(half->fake->streams, half);
    g_byte_array_unref(half->in);
    g_byte_array_unref(half->out);
    g_free(half);
}

static bool
is_there(const struct fake_io *fake, const struct fake_tcp *half)
{
    return g_ptr_array_find(fake->streams, half, NULL);
}

/* Tells the owner, who may free anything. */
static void
tell(struct fake_tcp *half, enum io_ready ready, enum io_result result)
{
    if (!half->orphan && half->tcp.ready)
        half->tcp.ready(half->tcp.owner, &half->tcp, ready, result);
}

/* --- what owners call -------------------------------------------------------------------------------------------- */

static ssize_t
fake_read(struct io_tcp *tcp, void *bytes, size_t length, enum io_result *why)
{
    struct fake_tcp *half = half_of(tcp);
    size_t got = MIN(length, half->in->len);

    if (got > 0) {
        memcpy(bytes, half->in->data, got);
        g_byte_array_remove_range(half->in, 0, (guint)got);
        return (ssize_t)got;
    }
    if (half->broken)
        *why = IO_RESET;
    else if (half->got_end)
        return 0;
    else
        *why = IO_AGAIN;
    return -1;
}

static ssize_t
fake_write(struct io_tcp *tcp, const void *bytes, size_t length, enum io_result *why)
{
    struct fake_tcp *half = half_of(tcp);
    size_t taken = MIN(length, half->fake->window - MIN(half->fake->window, half->out->len));

    if (half->broken || half->shut) {
        *why = half->broken ? IO_RESET : IO_CLOSED;
        return -1;
    }
    half->wants_room |= taken < length;
    if (taken == 0 || half->connecting) {
        half->wants_room = true;
        *why = IO_AGAIN;
        return -1;
    }
    g_byte_array_append(half->out, bytes, (guint)taken);
    return (ssize_t)taken;
}

static const struct io_tcp_ops stream_ops;

static struct io_tcp *
fake_accept(struct io_tcp *tcp, io_tcp_ready *ready, void *owner)
{
    struct fake_tcp *listener = half_of(tcp);

    for (guint i = 0; i < listener->fake->streams->len; i++) {
        struct fake_tcp *half = g_ptr_array_index(listener->fake->streams, i);

        if (half->listener == listener) {
            half->listener = NULL;
            half->tcp = (struct io_tcp){ &stream_ops, ready, owner };
            return &half->tcp;
        }
    }
    return NULL;
}

static struct endpoint
fake_local(const struct io_tcp *tcp)
{
    return ((const struct fake_tcp *)tcp)->local;
}

static struct endpoint
fake_peer(const struct io_tcp *tcp)
{
    return ((const struct fake_tcp *)tcp)->peer;
}

static void
fake_prompt(struct io_tcp *tcp, bool on)
{
    half_of(tcp)->prompt = on;
}

static void
fake_shutdown(struct io_tcp *tcp)
{
    half_of(tcp)->shut = true;
}

static void
fake_close(struct io_tcp *tcp, bool reset)
{
    struct fake_tcp *half = half_of(tcp);
    struct fake_tcp *other = half->other;

    if (half->listens) {
        for (guint i = half->fake->streams->len; i-- > 0;) {
            struct fake_tcp *waiting = g_ptr_array_index(half->fake->streams, i);

            if (waiting->listener == half) {
                waiting->listener = NULL;
                fake_close(&waiting->tcp, true);
            }
        }
        half_free(half);
    } else if (reset || half->broken || !other) {
        if (other)
            other->broken = other->wants_room = true; /* told when streams are carried */
        half_free(half);
    } else {
        half->orphan = half->shut = true;
    }
}

static const struct io_tcp_ops stream_ops = {
    fake_read, fake_write, fake_accept, fake_local, fake_peer, fake_prompt, fake_shutdown, fake_close,
};

static bool
taken(const struct fake_io *fake, uint16_t port)
{
    for (guint i = 0; i < fake->streams->len; i++) {
        const struct fake_tcp *half = g_ptr_array_index(fake->streams, i);

        if (half->listens && half->local.port == port)
            return true;
    }
    return false;
}

static bool
bind_half(struct fake_tcp *half, const struct endpoint *local, bool beside_listener, enum io_result *why)
{
    struct fake_io *fake = half->fake;

    if (!address_is_unspecified(local->address) && !address_equal(local->address, fake->address))
        *why = IO_NO_ADDRESS;
    else if (local->port && !beside_listener && taken(fake, local->port))
        *why = IO_IN_USE;
    else
        *why = IO_OK;
    half->local = (struct endpoint){ fake->address, local->port ? local->port : fake->next_port++ };
    if (*why != IO_OK)
        half_free(half);
    return *why == IO_OK;
}

struct io_tcp *
fake_io_listen(struct io *io, const struct endpoint *local, bool share, io_tcp_ready *ready, void *owner,
               enum io_result *why)
{
    struct fake_tcp *half = half_new(fake_of(io));

    (void)share;
    if (!bind_half(half, local, false, why))
        return NULL;
    half->listens = true;
    half->tcp = (struct io_tcp){ &stream_ops, ready, owner };
    return &half->tcp;
}

static void
hear_nothing(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    (void)owner, (void)tcp, (void)ready, (void)result;
}

void
fake_io_take_ports(struct fake_io *fake, struct io_tcp **taken, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct endpoint local = { fake->address, (uint16_t)(fake->next_port + i) };
        enum io_result why;

        taken[i] = fake_io_listen(&fake->io, &local, false, hear_nothing, NULL, &why);
    }
}

struct io_tcp *
fake_io_connect(struct io *io, const struct endpoint *local, const struct endpoint *peer, bool share,
                io_tcp_ready *ready, void *owner, enum io_result *why)
{
    struct fake_tcp *half;

    if (fake_of(io)->send_result != IO_OK) {
        *why = fake_of(io)->send_result;
        return NULL;
    }
    half = half_new(fake_of(io));
    if (!bind_half(half, local, share, why))
        return NULL;
    half->connecting = true;
    half->peer = *peer;
    half->tcp = (struct io_tcp){ &stream_ops, ready, owner };
    return &half->tcp;
}

/* --- what the test calls ----------------------------------------------------------------------------------------- */

static void
fail(struct fake_tcp *half, enum io_result why)
{
    half->broken = true;
    half->wants_room = half->connecting = false;
    if (half->other)
        half->other->broken = half->other->wants_room = true;
    if (half->other)
        half->other->other = NULL;
    half->other = NULL;
    if (half->orphan)
        half_free(half);
    else
        tell(half, IO_FAILED, why);
}

static void
meet(struct fake_tcp *half, struct fake_io *there)
{
    for (guint i = 0; i < there->streams->len; i++) {
        struct fake_tcp *listener = g_ptr_array_index(there->streams, i);

        if (!listener->listens || listener->local.port != half->peer.port)
            continue;

        struct fake_tcp *other = half_new(there);

        other->tcp.ops = &stream_ops;
        other->listener = listener;
        other->local = half->peer;
        other->peer = half->local;
        other->other = half;
        half->other = other;
        half->connecting = false; /* who has tried to write already is owed IO_WRITABLE */
        tell(listener, IO_ACCEPT, IO_OK);
        if (is_there(half->fake, half))
            tell(half, IO_CONNECTED, IO_OK);
        return;
    }
    fail(half, IO_REFUSED);
}

/* Some of what `half` has written arrives. */
static bool
move(struct fake_tcp *half)
{
    struct fake_io *there = half->other->fake;
    struct fake_tcp *other = half->other;
    size_t room = there->window - MIN(there->window, other->in->len);
    size_t moving = MIN(MIN(room, there->piece), half->out->len);

    if (moving > 0) {
        g_byte_array_append(other->in, half->out->data, (guint)moving);
        g_byte_array_remove_range(half->out, 0, (guint)moving);
        if (other->orphan) /* nobody will read it: a reset */
            fail(half, IO_RESET);
        else if (!other->listener)
            tell(other, IO_READABLE, IO_OK);
        return true;
    }
    if (half->shut && !half->sent_end && half->out->len == 0) {
        half->sent_end = other->got_end = true;
        if (!other->listener)
            tell(other, IO_READABLE, IO_OK);
        return true;
    }
    return false;
}

/* One step of one half; whether there was one. It may be gone afterwards. */
static bool
step(struct fake_tcp *half, struct fake_io *there)
{
    struct fake_io *fake = half->fake;

    if (half->listens || (half->broken && !half->wants_room))
        return false;
    if (half->broken) { /* the other side has reset it */
        fail(half, IO_RESET);
        return true;
    }
    if (half->connecting) {
        if (!address_equal(half->peer.address, there->address))
            return false;
        meet(half, there);
        return true;
    }
    if (half->other && half->other->fake == there && move(half))
        return true;
    if (is_there(fake, half) && half->orphan && half->sent_end && (!half->other || half->got_end)) {
        half_free(half);
        return true;
    }
    if (half->wants_room && !half->orphan && half->out->len < fake->window) {
        half->wants_room = false;
        tell(half, IO_WRITABLE, IO_OK);
        return true;
    }
    return false;
}

static bool
step_all(struct fake_io *fake, struct fake_io *there)
{
    g_autoptr(GPtrArray) halves = g_ptr_array_copy(fake->streams, NULL, NULL);
    bool moved = false;

    for (guint i = 0; i < halves->len; i++) {
        if (is_there(fake, g_ptr_array_index(halves, i)))
            moved |= step(g_ptr_array_index(halves, i), there);
    }
    return moved;
}

bool
fake_io_carry_streams(struct fake_io *a, struct fake_io *b)
{
    bool moved = false, again;

    do {
        again = step_all(a, b);
        again |= step_all(b, a);
        moved |= again;
    } while (again);
    return moved;
}

void
fake_io_break_streams(struct fake_io *fake)
{
    g_autoptr(GPtrArray) halves = g_ptr_array_copy(fake->streams, NULL, NULL);

    for (guint i = 0; i < halves->len; i++) {
        struct fake_tcp *half = g_ptr_array_index(halves, i);

        if (is_there(fake, half) && !half->listens && !half->broken)
            fail(half, IO_RESET);
    }
}

size_t
fake_io_streams(const struct fake_io *fake)
{
    size_t count = 0;

    for (guint i = 0; i < fake->streams->len; i++)
        count += !((const struct fake_tcp *)g_ptr_array_index(fake->streams, i))->orphan;
    return count;
}

void
fake_io_free_streams(struct fake_io *fake)
{
    while (fake->streams->len > 0)
        half_free(g_ptr_array_index(fake->streams, 0));
    g_ptr_array_unref(fake->streams);
}
