/* Handles: what a script holds of the things in the lab.
 *
 * A handle is a Lua userdata that begins with `struct handle`. Its type has words (`host:udp()`), fields (`host.name`)
 * and a text. What a handle stands for either lives as long as the lab (nodes, networks, interfaces), or lives in the
 * userdata itself and is told there to have ended (sockets, tasks), so a handle never dangles. A handle that is kept
 * (handle_keep) is found again by the object it stands for, so that `==` holds and it can be a key of a table. */
#ifndef SCENARIOS_RUNNER_LUA_HANDLE_H
#define SCENARIOS_RUNNER_LUA_HANDLE_H

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

struct script;
struct handle;

/* The handle is at index 1, the arguments from 2 on (from 1 for the words of `lab`). Arguments are checked first, and
 * nothing is owned across a call that may raise: a Lua error is a longjmp. */
typedef int word_call(struct script *script, lua_State *L);

struct word {
    const char *name;
    word_call *call;
};

#define HANDLE_WORD_LISTS 4

/* A constant beside the words. */
struct type {
    const char *name;                             /* "host", with which messages begin: "host:udp: ..." */
    const struct word *words[HANDLE_WORD_LISTS];  /* lists that end with a NULL name */
    const char *const *fields;                    /* ends with NULL */
    /* Pushes the value of a field of that name. */
    void (*field)(struct script *script, lua_State *L, struct handle *self, const char *name);
    /* Pushes the text for tostring; NULL: the type's name. */
    void (*say)(lua_State *L, const struct handle *self);
    bool is_value;   /* a value rather than a thing: ordered by content */
    bool is_table;   /* `lab`: no handles, its words are called with a dot */
    int user_values; /* of each handle */
};

struct handle {
    const struct type *type;
    uint64_t ordinal; /* of creation, from 1: the order of keys in pairs */
};

/* Pushes a new handle with `size` bytes for the struct that begins with it, all zero behind the head. */
void *handle_new(lua_State *L, const struct type *type, size_t size);

/* The handle at `index`, or NULL when it is something else. */
struct handle *handle_at(lua_State *L, int index);
/* The same, when it is of this type. */
void *handle_of(lua_State *L, int index, const struct type *type);
/* Whether words of this list are among the type's: "is it a network?". */
bool type_has(const struct type *type, const struct word *words);

/* Keeps the handle at `index` alive and findable by `object` until it is dropped. */
void handle_keep(lua_State *L, int index, const void *object);
void handle_drop(lua_State *L, const void *object);
/* Pushes the handle kept for `object`; false and nothing pushed when there is none. */
bool handle_push(lua_State *L, const void *object);

/* A total order of handles: things by creation, then values by content. */
int handle_compare(const struct handle *a, const struct handle *b);

/* Pushes a function for a word that is called with a dot: one of `lab`. */
void word_push(lua_State *L, const struct type *type, const struct word *word);

/* Opens the registry's part; once for each state. */
void handle_open(lua_State *L);

#endif
