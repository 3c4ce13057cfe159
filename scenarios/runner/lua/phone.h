/* Telephones for scripts: host:sip{}, and their calls. */
#ifndef SCENARIOS_RUNNER_LUA_PHONE_H
#define SCENARIOS_RUNNER_LUA_PHONE_H

#include "scenarios/lab/phone.h"
#include "scenarios/runner/lua/node_words.h"
#include "scenarios/runner/lua/open.h"

struct call_note;

enum phone_register_outcome { PHONE_NOT_ASKED, PHONE_REGISTERED, PHONE_REFUSED, PHONE_UNREGISTERED };

struct phone_handle {
    struct handle handle;
    struct script *script;
    struct lab_node *host;
    struct open_thing open;
    struct phone *phone;                 /* NULL: stopped, or the run is over */
    struct waits waiting;                /* for the registration, and for calls that come */
    struct call_note *first, *last;      /* all calls, in their order */
    enum phone_register_outcome outcome; /* since it was asked for last */
    enum sip_why why;                    /* of REFUSED */
    unsigned status;
    char uri[128];
    struct sip_agent_counters counters; /* of one that is stopped */
};

/* What is remembered of a call, whether the script has a handle of it or not. */
struct call_note {
    struct phone_handle *phone;
    struct call_note *next, *previous;
    struct phone_call *call;
    struct call_handle *handle; /* NULL: the script has none */
    bool waits_to_be_taken;     /* it came, and no accept has taken it */
    bool changed;               /* of a change of ours: it is over, with this status */
    unsigned change_status;
};

struct call_handle {
    struct handle handle;
    struct phone_handle *phone;
    struct call_note *note; /* NULL: the phone is gone */
    struct waits waiting;
    struct phone_media media; /* as they were then */
    char uri[128];
    bool ours;
};

extern const struct type phone_type, call_type;

/* host:sip{} */
int phone_word_sip(struct script *script, lua_State *L);

/* Reads the options at index 2; texts stay on the stack (phone_options.c). */
void phone_options_read(lua_State *L, struct script *script, struct phone_options *options);
/* The table of media options on top of the stack, called `name`. */
void phone_media_read(lua_State *L, struct script *script, struct phone_media_options *media);

/* Pushes the handle of a call (call_words.c). */
void call_push(lua_State *L, struct call_note *note);
/* nil, reason, {code=, text=}: for `return`. */
int call_push_failure(lua_State *L, enum sip_why why, unsigned status);

#endif
