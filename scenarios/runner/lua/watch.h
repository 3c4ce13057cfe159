/* lab.watch: lists that grow with the journal.
 *
 * A record comes while somebody decides something, in the midst of the world, where no Lua may run. It is compared
 * with the filters there and copied. It is in the list as soon as the script looks: the copies are taken over when a
 * word that caused them returns, and after the event. The watch's function is called with each record after the
 * event, or after the task that caused it has run, in order. */
#ifndef SCENARIOS_RUNNER_LUA_WATCH_H
#define SCENARIOS_RUNNER_LUA_WATCH_H

#include "scenarios/runner/lua/script.h"

struct watches {
    GPtrArray *all;     /* struct watch * */
    GArray *pending;    /* copies of records that are in no list yet, */
    guint taken;        /* but for the first of them */
    GArray *calls;      /* of functions, to be made, */
    guint called;       /* but for the first of them */
};

/* lab.watch(filter, f). */
int watch_word(struct script *script, lua_State *L);

/* Puts what is pending into its lists; may raise. */
void watch_flush_pending(struct script *script, lua_State *L);

static inline void
watch_flush(struct script *script, lua_State *L)
{
    if (script->watches && script->watches->taken < script->watches->pending->len)
        watch_flush_pending(script, L);
}

static inline bool
watch_is_due(const struct script *script)
{
    const struct watches *watches = script->watches;

    return watches && (watches->taken < watches->pending->len || watches->called < watches->calls->len);
}

/* Makes the next call of a watch's function; false when none is due. */
bool watch_call(struct script *script);

void watch_free_all(struct script *script);

#endif
