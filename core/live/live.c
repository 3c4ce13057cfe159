/* Theory of operation.
 *
 * The GLib source polls one descriptor, that of the epoll set; every socket, the timerfd and the netlink socket are in
 * that set. A turn is one dispatch of the source: at most EVENTS events are taken from the kernel and their files
 * called; timers are one of them. The timerfd is set at the beginning of a poll only, so that arming costs no system
 * call.
 *
 * Within a turn callbacks may close anything. A closed file has no descriptor (-1), so events that were taken before
 * are passed over, and its memory goes at the end of the turn. A timer that is armed within a turn for a time that has
 * come is due one nanosecond after the turn's beginning, that is in the next one: two engines that wake each other for
 * ever can't keep sockets from being heard. */
#include "core/live/live_private.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define EVENTS 64

struct source {
    GSource source; /* first */
    struct live *live;
    gpointer tag; /* of the epoll set among what GLib polls */
};

static int64_t
monotonic(void)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    return at.tv_sec * TIME_S + at.tv_nsec;
}

int64_t
live_now(const struct live *live)
{
    return monotonic() - live->born;
}

/* --- files ------------------------------------------------------------------------------------------------------ */

bool
live_file_open(struct live *live, struct live_file *file, int fd, uint32_t events)
{
    struct epoll_event event = { .events = events, .data.ptr = file };

    if (epoll_ctl(live->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        return false;
    file->fd = fd;
    live->open++;
    return true;
}

void
live_file_close(struct live *live, struct live_file *file)
{
    close(file->fd); /* leaves the epoll set too */
    file->fd = -1;
    live->open--;
}

void
live_bury(struct live *live, void *object)
{
    if (live->turning)
        g_ptr_array_add(live->graves, object);
    else
        g_free(object);
}

/* --- time ------------------------------------------------------------------------------------------------------- */

static int64_t
io_now(struct io *io)
{
    return live_now(live_of(io));
}

static void
io_arm(struct io *io, struct io_timer *timer, int64_t at, bool busy)
{
    struct live *live = live_of(io);
    int64_t next_turn = live->turning ? live->turn + 1 : at;

    (void)busy; /* the machine's main loop runs on whatever is armed */
    live_timers_put(&live->timers, timer, at, MAX(at, next_turn));
}

static void
io_disarm(struct io *io, struct io_timer *timer)
{
    live_timers_remove(&live_of(io)->timers, timer);
}

static void
set_clock(struct live *live)
{
    int64_t next = live_timers_next(&live->timers), at;
    struct itimerspec spec = { 0 };

    if (next == live->clock_at)
        return;
    if (next != TIME_NEVER) {
        at = MAX(time_add(MAX(next, 0), live->born), 1); /* 0 would switch it off */
        spec.it_value = (struct timespec){ .tv_sec = at / TIME_S, .tv_nsec = at % TIME_S };
    }
    timerfd_settime(live->clock.fd, TFD_TIMER_ABSTIME, &spec, NULL);
    live->clock_at = next;
}

static void
on_clock(struct live_file *file, uint32_t events)
{
    struct live *live = (struct live *)((char *)file - offsetof(struct live, clock));
    struct io_timer *timer;
    uint64_t times;

    (void)events;
    if (read(file->fd, &times, sizeof times) < 0)
        return; /* it has been set to a later time since */
    live->clock_at = TIME_NEVER;
    while ((timer = live_timers_pop(&live->timers, live->turn)))
        timer->fire(timer->owner, timer);
}

/* --- the source ------------------------------------------------------------------------------------------------- */

static gboolean
source_prepare(GSource *source, gint *timeout)
{
    set_clock(((struct source *)source)->live);
    *timeout = -1;
    return FALSE;
}

static gboolean
source_check(GSource *source)
{
    return g_source_query_unix_fd(source, ((struct source *)source)->tag) != 0;
}

static void
end_turn(struct live *live)
{
    live_udp_flush(live);
    live->turning = false;
    for (guint i = 0; i < live->graves->len; i++)
        g_free(live->graves->pdata[i]);
    g_ptr_array_set_size(live->graves, 0);
}

static gboolean
source_dispatch(GSource *source, GSourceFunc unused, gpointer nothing)
{
    struct live *live = ((struct source *)source)->live;
    struct epoll_event events[EVENTS];
    int count = epoll_wait(live->epoll, events, EVENTS, 0);

    (void)unused, (void)nothing;
    g_assert(!live->turning);
    live->turning = true;
    live->turn = live_now(live);
    for (int i = 0; i < count; i++) {
        struct live_file *file = events[i].data.ptr;

        if (file->fd >= 0)
            file->ready(file, events[i].events);
    }
    end_turn(live);
    return G_SOURCE_CONTINUE;
}

/* GLib takes a pointer to what is not const, and changes nothing. */
static GSourceFuncs source_functions = {
    .prepare = source_prepare,
    .check = source_check,
    .dispatch = source_dispatch,
};

/* --- dice and journal ------------------------------------------------------------------------------------------- */

static void
throw_dice(uint8_t *at, size_t length)
{
    while (length > 0) {
        ssize_t got = getrandom(at, length, 0);

        g_assert(got >= 0 || errno == EINTR); /* the kernel has had its entropy since boot */
        if (got > 0) {
            at += got;
            length -= (size_t)got;
        }
    }
}

/* A few bytes, as a transaction ID has, don't cost a system call each. Nothing is handed out twice, or kept. */
static void
io_random(struct io *io, void *bytes, size_t length)
{
    struct live *live = live_of(io);

    if (length > sizeof live->dice) {
        throw_dice(bytes, length);
        return;
    }
    if (length > live->dice_left) {
        throw_dice(live->dice, sizeof live->dice);
        live->dice_left = sizeof live->dice;
    }
    live->dice_left -= length;
    memcpy(bytes, live->dice + live->dice_left, length);
    explicit_bzero(live->dice + live->dice_left, length);
}

static void
io_note(struct io *io, struct record *record)
{
    struct live *live = live_of(io);

    record->at = live_now(live);
    record->node = 0;
    if (live->journal)
        journal_take(live->journal, record);
}

static bool
io_listening(struct io *io)
{
    return live_of(io)->journal != NULL;
}

static const struct io_ops ops = {
    .now = io_now,
    .random = io_random,
    .arm = io_arm,
    .disarm = io_disarm,
    .addresses = live_addresses,
    .source = live_source,
    .watch = live_watch,
    .unwatch = live_unwatch,
    .udp = live_udp_open,
    .listen = live_listen,
    .connect = live_connect,
    .note = io_note,
    .listening = io_listening,
};

/* --- life ------------------------------------------------------------------------------------------------------- */

static bool
open_set(struct live *live)
{
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = &live->clock };

    live->epoll = epoll_create1(EPOLL_CLOEXEC);
    live->clock = (struct live_file){ timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC), on_clock };
    return live->epoll >= 0 && live->clock.fd >= 0 &&
           epoll_ctl(live->epoll, EPOLL_CTL_ADD, live->clock.fd, &event) == 0;
}

static void
attach(struct live *live)
{
    struct source *source = (struct source *)g_source_new(&source_functions, sizeof(struct source));

    source->live = live;
    source->tag = g_source_add_unix_fd(&source->source, live->epoll, G_IO_IN);
    /* Else GLib takes the descriptor out for every dispatch, and wakes itself up to put it in again: three system
     * calls. */
    g_source_set_can_recurse(&source->source, TRUE);
    live->source = &source->source;
    g_source_attach(live->source, live->context);
}

struct live *
live_new(GMainContext *context, GError **error)
{
    struct live *live = g_new0(struct live, 1);

    live->io.ops = &ops;
    live->clock_at = TIME_NEVER;
    live->routes.fd = -1;
    live->born = monotonic();
    live->graves = g_ptr_array_new();
    live->pending = g_ptr_array_new();
    live->spare_batches = g_ptr_array_new_with_free_func(g_free);
    if (!open_set(live)) {
        g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errno), "no descriptors for the event loop: %s",
                    g_strerror(errno));
        live_free(live);
        return NULL;
    }
    live->context = g_main_context_ref(context ? context : g_main_context_default());
    attach(live);
    return live;
}

void
live_free(struct live *live)
{
    if (!live)
        return;
    g_assert(!live->turning && live->open == 0 && live_timers_count(&live->timers) == 0);
    if (live->source) {
        g_source_destroy(live->source);
        g_source_unref(live->source);
        g_main_context_unref(live->context);
    }
    if (live->clock.fd >= 0)
        close(live->clock.fd);
    if (live->epoll >= 0)
        close(live->epoll);
    live_timers_clear(&live->timers);
    live_udp_free_buffers(live);
    g_ptr_array_free(live->graves, TRUE);
    g_ptr_array_free(live->pending, TRUE);
    g_free(live->addresses);
    g_free(live);
}

struct io *
live_io(struct live *live)
{
    return &live->io;
}

void
live_set_journal(struct live *live, struct journal *journal)
{
    live->journal = journal;
}

const struct live_counters *
live_counters(const struct live *live)
{
    return &live->counters;
}
