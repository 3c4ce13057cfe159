#include "core/live/log.h"

#include <inttypes.h>

#include "core/base/time.h"

struct live_log {
    struct journal journal; /* first */
    struct names names;
    unsigned per_second, burst;
    live_log_line *line;
    void *owner;
    int64_t filled;  /* when the bucket was last filled up to now */
    int64_t credit;  /* nanoseconds of it: a line costs TIME_S / per_second */
    uint64_t held;   /* records held back since the last line */
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

static void
tell_held(struct live_log *log, int64_t at)
{
    if (log->held == 0)
        return;
    begin_line(log, at);
    g_string_append_printf(log->text, "(%" PRIu64 " more %s not told)", log->held,
                           log->held == 1 ? "record was" : "records were");
    log->held = 0;
    log->line(log->owner, log->text->str);
}

static void
fill(struct live_log *log, int64_t now)
{
    int64_t most = log->burst * (TIME_S / log->per_second);

    log->credit = MIN(most, log->credit + (now - log->filled));
    log->filled = now;
}

static void
take(struct journal *journal, const struct record *record)
{
    struct live_log *log = (struct live_log *)journal;
    int64_t cost = TIME_S / log->per_second;

    fill(log, record->at);
    log->last = record->at;
    if (log->credit < cost) {
        log->held++;
        return;
    }
    log->credit -= cost;
    tell_held(log, record->at);
    begin_line(log, record->at);
    record->kind->say(record, &log->names, log->text);
    log->line(log->owner, log->text->str);
}

struct live_log *
live_log_new(unsigned per_second, unsigned burst, live_log_line *line, void *owner)
{
    struct live_log *log = g_new0(struct live_log, 1);

    g_assert(per_second > 0 && burst > 0);
    log->journal.take = take;
    log->names = (struct names){ node_name, interface_name };
    log->per_second = per_second;
    log->burst = burst;
    log->credit = burst * (TIME_S / per_second);
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
    g_free(log);
}

struct journal *
live_log_journal(struct live_log *log)
{
    return &log->journal;
}
