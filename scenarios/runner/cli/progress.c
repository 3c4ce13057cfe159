#include "scenarios/runner/cli/progress.h"

#include <inttypes.h>

#include "core/base/time.h"

enum {
    BAR_MOST = 30, BAR_LEAST = 8, /* characters */
    LINES = 20,                   /* at most, where there is no terminal */
    WIDTH_MOST = 78,
};
#define SILENT_FOR (2 * TIME_S)        /* from the beginning */
#define BAR_EACH (100 * TIME_MS)       /* between two drawings */

struct progress {
    GMutex lock;
    const char *what;
    struct terminal terminal;
    int64_t begun, shown; /* wall clock */
    size_t step;          /* of LINES, the one that was told last */
    size_t most;          /* done: threads overtake each other on their way here */
    bool drawn;
};

static int64_t
wall_clock(void)
{
    return g_get_monotonic_time() * 1000;
}

struct progress *
progress_new(const char *what)
{
    struct progress *progress = g_new0(struct progress, 1);

    g_mutex_init(&progress->lock);
    progress->what = what;
    progress->terminal = terminal_of(stderr);
    progress->begun = wall_clock();
    return progress;
}

void
progress_hide(struct progress *progress)
{
    g_mutex_lock(&progress->lock);
    if (progress->drawn)
        fputs("\r\033[K", stderr);
    progress->drawn = false;
    g_mutex_unlock(&progress->lock);
}

void
progress_free(struct progress *progress)
{
    progress_hide(progress);
    g_mutex_clear(&progress->lock);
    g_free(progress);
}

/* ---- what it says */

static void
say_left(int64_t left, GString *out)
{
    int64_t seconds = (left + TIME_S - 1) / TIME_S;

    if (seconds < 100)
        g_string_append_printf(out, ", %" PRId64 " s left", seconds);
    else if (seconds < 6000)
        g_string_append_printf(out, ", %" PRId64 " min left", (seconds + 59) / 60);
    else
        g_string_append_printf(out, ", %" PRId64 " h left", (seconds + 3599) / 3600);
}

/* As long as what is left takes at the pace so far; 128 bits, because a day of nanoseconds times a million is more than
 * 64. */
static int64_t
time_left(size_t done, size_t total, int64_t elapsed)
{
    __extension__ unsigned __int128 left = (unsigned __int128)elapsed * (total - done) / done;

    return left > INT64_MAX / 2 ? INT64_MAX / 2 : (int64_t)left;
}

static void
say_bar(size_t done, size_t total, size_t room, bool unicode, GString *out)
{
    __extension__ size_t full = (size_t)((unsigned __int128)done * room / total);

    g_string_append_c(out, '[');
    for (size_t i = 0; i < room; i++)
        g_string_append(out, i < full ? unicode ? "\xe2\x96\x88" : "#" : unicode ? "\xc2\xb7" : ".");
    g_string_append(out, "] ");
}

void
progress_say(const char *what, size_t done, size_t total, int64_t elapsed, unsigned width, bool unicode, GString *out)
{
    g_autoptr(GString) words = g_string_new(NULL);
    size_t used;

    total = MAX(total, 1);
    done = MIN(done, total);
    g_string_append_printf(words, "%3d%%  %zu of %zu %s", (int)((double)done * 100 / (double)total), done, total, what);
    if (done > 0 && done < total)
        say_left(time_left(done, total, elapsed), words);
    used = words->len + 4;
    if (width >= used + BAR_LEAST)
        say_bar(done, total, MIN(width - used, BAR_MOST), unicode, out);
    g_string_append(out, words->str);
}

/* ---- showing it */

static void
draw_bar(struct progress *progress, size_t done, size_t total, int64_t now)
{
    g_autoptr(GString) line = g_string_new(NULL);

    if (now - progress->shown < BAR_EACH)
        return;
    progress->shown = now;
    progress->drawn = true;
    progress_say(progress->what, done, total, now - progress->begun, MIN(progress->terminal.columns - 1, WIDTH_MOST),
                 progress->terminal.unicode, line);
    fprintf(stderr, "\r%s\033[K", line->str);
    fflush(stderr);
}

static void
print_step(struct progress *progress, size_t done, size_t total, int64_t now)
{
    size_t step = (size_t)((double)done * LINES / (double)MAX(total, 1));
    g_autoptr(GString) line = g_string_new(NULL);

    if (step == progress->step || done == total)
        return;
    progress->step = step;
    progress_say(progress->what, done, total, now - progress->begun, 0, false, line);
    fprintf(stderr, "%s\n", line->str);
}

void
progress_show(void *user, size_t done, size_t total)
{
    struct progress *progress = user;

    g_mutex_lock(&progress->lock);
    int64_t now = wall_clock();
    if (done > progress->most && now - progress->begun >= SILENT_FOR) {
        progress->most = done;
        if (progress->terminal.interactive)
            draw_bar(progress, done, total, now);
        else
            print_step(progress, done, total, now);
    }
    g_mutex_unlock(&progress->lock);
}
