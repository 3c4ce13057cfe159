/* What a script has opened in the world (sockets, traffic, a ping under way) and the end of the run must close,
 * before the lab goes. Embedded in the handle that it belongs to. */
#ifndef SCENARIOS_RUNNER_LUA_OPEN_H
#define SCENARIOS_RUNNER_LUA_OPEN_H

#include <stdbool.h>

struct script;

struct open_thing {
    struct open_thing *next, *previous;
    void (*close)(struct open_thing *thing); /* silently; NULL: it is not in the list */
};

/* `close` is called once: by open_close_all, unless the thing is removed before. */
void open_add(struct script *script, struct open_thing *thing, void (*close)(struct open_thing *thing));
void open_remove(struct script *script, struct open_thing *thing);
/* The newest first. */
void open_close_all(struct script *script);

static inline bool
open_is(const struct open_thing *thing)
{
    return thing->close;
}

#endif
