/* Nodes, networks and interfaces for scripts. A box is a node and a network at once: one handle for both. */
#ifndef SCENARIOS_RUNNER_LUA_NODE_WORDS_H
#define SCENARIOS_RUNNER_LUA_NODE_WORDS_H

#include "scenarios/lab/lab.h"
#include "scenarios/runner/lua/arguments.h"
#include "scenarios/runner/lua/script.h"

struct lab_handle {
    struct handle handle;
    struct lab_node *node;       /* NULL: a bare network, or a box of type none */
    struct lab_network *network; /* NULL: a host */
    struct endpoint only;        /* of a box of type none: its address */
    unsigned spawned;            /* tasks of this host so far, for their names */
};

struct interface_handle {
    struct handle handle;
    struct lab_interface *interface;
};

extern const struct type host_type, nat_type, firewall_type, router_type, network_type, interface_type;
extern const struct word node_words[], network_words[], box_words[], host_words[];

/* The handle of a new host: its only one, since nothing gives a host again. */
void lab_handle_new_host(lua_State *L, struct lab_node *node);
/* The handle of a network or box; made when there is none yet. */
void lab_handle_push_network(lua_State *L, struct lab_network *network);

/* The handle a word was called on. */
static inline struct lab_handle *
lab_handle_self(lua_State *L)
{
    return lua_touserdata(L, 1);
}

/* A host or a box (also one of type none). */
bool node_handle_is(const struct handle *handle);
/* Its first address; none when it has none. */
struct address node_handle_address(const struct handle *handle);
const char *node_handle_name(const struct handle *handle);

/* A network or a box at `index`. */
struct lab_network *arg_network(lua_State *L, int index, const char *name);
/* A node by its handle or name. */
struct lab_node *arg_node(lua_State *L, int index, const char *name);

/* The same, or an internet: whoever makes packets and writes records. */
const struct node *arg_decider(lua_State *L, int index, const char *name);

/* lab.internet and lab.network (network_words.c). */
int network_word_internet(struct script *script, lua_State *L);
int network_word_network(struct script *script, lua_State *L);

/* The table of what an interface counted, pushed. */
void interface_push_counters(lua_State *L, const struct port *port);

#endif
