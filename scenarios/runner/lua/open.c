#include "scenarios/runner/lua/open.h"

#include "scenarios/runner/lua/script.h"

void
open_add(struct script *script, struct open_thing *thing, void (*close)(struct open_thing *thing))
{
    thing->close = close;
    thing->previous = NULL;
    thing->next = script->open;
    if (thing->next)
        thing->next->previous = thing;
    script->open = thing;
}

void
open_remove(struct script *script, struct open_thing *thing)
{
    if (!thing->close)
        return;
    if (thing->previous)
        thing->previous->next = thing->next;
    else
        script->open = thing->next;
    if (thing->next)
        thing->next->previous = thing->previous;
    thing->close = NULL;
}

void
open_close_all(struct script *script)
{
    while (script->open) {
        struct open_thing *thing = script->open;
        void (*close)(struct open_thing * thing) = thing->close;

        open_remove(script, thing);
        close(thing);
    }
}
