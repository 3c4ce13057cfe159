#include "scenarios/runner/cli/serve_drain.h"

#include <stdio.h>

#define LOOK_MS 50
/* `timeout` and supervisors signal a process and then its group, which is no second thought of theirs. */
#define SAME_SIGNAL_US (200 * G_TIME_SPAN_MILLISECOND)

struct draining {
    const struct serve_draining *how;
    GMainLoop *loop;
    int64_t begun; /* of the monotonic clock, microseconds */
    guint look;    /* 0: not draining */
};

static gboolean
on_look(gpointer data)
{
    struct draining *draining = data;
    int64_t passed = (g_get_monotonic_time() - draining->begun) * TIME_US;

    if (draining->how->left(draining->how->owner) > 0 && passed < draining->how->patience)
        return G_SOURCE_CONTINUE;
    draining->look = 0;
    g_main_loop_quit(draining->loop);
    return G_SOURCE_REMOVE;
}

static bool
on_terminate(void *owner)
{
    struct draining *draining = owner;
    const struct serve_draining *how = draining->how;
    unsigned left = how->left(how->owner);
    char patience[DURATION_TEXT];

    if (draining->look)
        return g_get_monotonic_time() - draining->begun > SAME_SIGNAL_US;
    if (left == 0 || how->patience == 0)
        return true;
    how->begin(how->owner);
    printf("draining: %u %s are left, for at most %s\n", left, how->what, duration_format(how->patience, patience));
    fflush(stdout);
    draining->begun = g_get_monotonic_time();
    draining->look = g_timeout_add(LOOK_MS, on_look, draining);
    return false;
}

void
serve_until_drained(struct serving *serving, const struct serve_draining *how)
{
    struct draining draining = { .how = how, .loop = serving->loop };

    serving_on_terminate(serving, on_terminate, &draining);
    serving_run(serving);
    if (draining.look)
        g_source_remove(draining.look);
}
