/* Servers for scripts: a handle for each service of a host, whatever it serves. */
#ifndef SCENARIOS_RUNNER_LUA_SERVER_H
#define SCENARIOS_RUNNER_LUA_SERVER_H

#include "scenarios/lab/services.h"
#include "scenarios/runner/lua/handle.h"

struct server_handle {
    struct handle handle;
    struct service *service; /* the world's, which outlives the script */
    const char *host;
};

/* :wait :stop :counters, and .own .port: what every server has. */
extern const struct word server_words[];
extern const char *const server_fields[];
void server_field(struct script *script, lua_State *L, struct handle *self, const char *name);
void server_say(lua_State *L, const struct handle *self);

/* A server that has no words of its own. */
extern const struct type server_type;

/* Whether a handle is some server's, and where its clients find it. */
bool server_handle_is(const struct handle *handle);
struct endpoint server_handle_endpoint(const struct handle *handle);

/* A new handle on top of the stack, without a service yet: the caller starts one at once, and says so or gives it
 * up. */
struct server_handle *server_new(lua_State *L, const struct type *type, const char *host);
/* For `return`: the handle, or nil and the reason when there is no `service`. */
int server_push(lua_State *L, struct server_handle *server, struct service *service, enum io_result why);

#endif
