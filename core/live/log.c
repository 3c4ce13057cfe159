#include "core/live/log.h"

#include <inttypes.h>

#include "core/base/time.h"

#define NEVER_WRITTEN (-TIME_S)

struct live_log {
    struct journal journal; /* first */
    struct names names;
    unsigned per_second;
    live_log_line *line;
    void *owner;
    int64_t *written; /* when the last `per_second` lines were, in a ring */
    unsigned next;    /* the oldest of them */
    uint64_t held;    /* records held back since the last line */
    int64_t last;
    GString *text;
};

static const char *
node_name(const struct names *names, uint32_t node)
{
    (void)names, (void)node;
    return "live";
}

static const char *
interface_name(const struct names *names, uint32_t interface)
{
    (void)names, (void)interface;
    return "?";
}

static void
begin_line(struct live_log *log, int64_t at)
{
    g_string_printf(log->text, "%" PRId64 ".%06" PRId64 " ", at / TIME_S, at % TIME_S / 1000);
}

/* Writes what stands in `text`, whose time is that of the line. */
static void
write_line(struct live_log *log, int64_t at)
{
    log->written[log->next] = at;
    log->next = (log->next + 1) % log->per_second;
    log->line(log->owner, log->text->str);
}

static void
tell_held(struct live_log *log, int64_t at)
{
    if (log->held == 0)
        return;
    begin_line(log, at);
    g_string_append_printf(log->text, "(%" PRIu64 " more %s not told)", log->held,
                           log->held == 1 ? "record was" : "records were");
    log->held = 0;
    write_line(log, at);
}

/* Whether `lines` more keep the second that ends now within its bounds: the last of them takes the place of one that
 * must be a second old. */
static bool
has_room(const struct live_log *log, unsigned lines, int64_t now)
{
    int64_t then = log->written[(log->next + lines - 1) % log->per_second];

    return now - then >= TIME_S;
}

static void
take(struct journal *journal, const struct record *record)
{
    struct live_log *log = (struct live_log *)journal;

    log->last = record->at;
    if (!has_room(log, log->held ? 2 : 1, record->at)) {
        log->held++;
        return;
    }
    tell_held(log, record->at);
    begin_line(log, record->at);
    record->kind->say(record, &log->names, log->text);
    write_line(log, record->at);
}

struct live_log *
live_log_new(unsigned per_second, live_log_line *line, void *owner)
{
    struct live_log *log = g_new0(struct live_log, 1);

    g_assert(per_second >= 2);
    log->journal.take = take;
    log->names = (struct names){ node_name, interface_name };
    log->per_second = per_second;
    log->written = g_new(int64_t, per_second);
    for (unsigned i = 0; i < per_second; i++)
        log->written[i] = NEVER_WRITTEN;
    log->line = line;
    log->owner = owner;
    log->text = g_string_new(NULL);
    return log;
}

void
live_log_free(struct live_log *log)
{
    if (!log)
        return;
    tell_held(log, log->last);
    g_string_free(log->text, TRUE);
    g_free(log->written);
    g_free(log);
}

struct journal *
live_log_journal(struct live_log *log)
{
    return &log->journal;
}
