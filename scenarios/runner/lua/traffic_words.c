/* host:traffic and host:sink: packets sent and counted by C code. */
#include <stddef.h>

#include "scenarios/lab/traffic.h"
#include "scenarios/runner/lua/node_words.h"
#include "scenarios/runner/lua/open.h"
#include "scenarios/runner/lua/service_words.h"
#include "scenarios/runner/lua/socket.h"

enum { TRAFFIC_BYTES = 2048, PAYLOAD_DEFAULT = 172, PAYLOAD_MAX = 65507 };

#define INTERVAL_DEFAULT (20 * TIME_MS) /* with the payload: a G.711 call */

static void
set_count(lua_State *L, const char *name, uint64_t value)
{
    lua_pushinteger(L, (lua_Integer)value);
    lua_setfield(L, -2, name);
}

/* --- traffic ---------------------------------------------------------------------------------------------------- */

struct traffic_handle {
    struct handle handle;
    struct script *script;
    struct open_thing open;
    struct traffic traffic;
    struct waits waiting;
    const char *host;
    int line; /* of the script, that started it */
    bool ended;
};

static const struct type traffic_type;

static void
end_traffic(struct traffic_handle *self)
{
    struct script *script = self->script;

    if (self->ended)
        return;
    self->ended = true;
    open_remove(script, &self->open);
    tasks_leave(script);
    script->world->touched = true;
    task_wake_all(&self->waiting);
    handle_drop(script->L, self);
}

static void
on_finished(void *owner, struct traffic *traffic)
{
    (void)traffic;
    end_traffic(owner);
}

static struct traffic_handle *
traffic_of_open(const struct open_thing *thing)
{
    return (struct traffic_handle *)(void *)((char *)thing - offsetof(struct traffic_handle, open));
}

static void
stop_at_end(struct open_thing *thing)
{
    traffic_stop(&traffic_of_open(thing)->traffic);
}

int
traffic_line_of_busiest(const struct script *script)
{
    const struct traffic_handle *busiest = NULL;

    for (const struct open_thing *thing = script->open; thing; thing = thing->next) {
        const struct traffic_handle *one = thing->close == stop_at_end ? traffic_of_open(thing) : NULL;

        if (one && (!busiest || one->traffic.sent > busiest->traffic.sent))
            busiest = one;
    }
    return busiest ? busiest->line : 0;
}

static void
read_traffic_options(lua_State *L, struct traffic_options *options)
{
    static const char *const keys[] = { "to", "packets", "size", "interval", "from_port", NULL };

    arg_table(L, 2, "the options");
    arg_no_more(L, 2);
    options_check(L, 2, keys, NULL);
    if (!options_get(L, 2, "to"))
        complain(L, "to is missing; accepted: an endpoint, its text 'ip:port' or a server");
    options->to = arg_endpoint(L, -1, "to", 0);
    if (options_get(L, 2, "packets"))
        options->packets = (uint64_t)arg_integer(L, -1, "packets", 1, INT64_C(1) << 50);
    if (options_get(L, 2, "size"))
        options->size = (uint32_t)arg_integer(L, -1, "size", 4, PAYLOAD_MAX);
    if (options_get(L, 2, "interval")) {
        options->interval = arg_duration(L, -1, "interval");
        if (options->interval == 0)
            complain_value(L, "interval", -1, "a duration above 0");
    }
    if (options_get(L, 2, "from_port"))
        options->from_port = (uint16_t)arg_integer(L, -1, "from_port", 1, 65535);
}

int
service_word_traffic(struct script *script, lua_State *L)
{
    struct lab_node *host = lab_handle_self(L)->node;
    struct traffic_options options = { .size = PAYLOAD_DEFAULT, .interval = INTERVAL_DEFAULT };

    read_traffic_options(L, &options);
    if (script->turn == TURN_END)
        complain(L, "the run is over: nothing would be sent any more");
    limits_hold_bytes(L, TRAFFIC_BYTES);
    struct traffic_handle *made = handle_new(L, &traffic_type, sizeof *made);
    handle_keep(L, -1, made);
    made->script = script;
    made->host = host->node->name;
    made->line = limits_line(L, script->file);
    made->traffic.finished = on_finished;
    made->traffic.owner = made;
    enum io_result result = traffic_start(&made->traffic, host->node, &options);
    if (result != IO_OK) {
        handle_drop(L, made);
        limits_let_go_bytes(&script->limits, TRAFFIC_BYTES);
        return push_io_failure(L, result);
    }
    open_add(script, &made->open, stop_at_end);
    tasks_enter(script);
    return 1;
}

static int
traffic_go_on(lua_State *L, int status, lua_KContext context)
{
    struct traffic_handle *self = lua_touserdata(L, 1);

    (void)status;
    (void)context;
    if (self->ended) {
        lua_pushboolean(L, 1);
        return 1;
    }
    if (task_timed_out(L))
        return arg_push_failure(L, "timeout");
    return task_park(L, &self->waiting, "wait", &self->handle, traffic_go_on);
}

static int
traffic_wait(struct script *script, lua_State *L)
{
    const struct traffic_handle *self = lua_touserdata(L, 1);
    int64_t timeout = arg_timeout(L, 2);

    (void)script;
    if (!self->ended && timeout == 0)
        return arg_push_failure(L, "timeout");
    if (!self->ended)
        task_check_may_wait(L);
    task_set_deadline(L, timeout);
    return traffic_go_on(L, LUA_OK, 0);
}

static int
traffic_word_stop(struct script *script, lua_State *L)
{
    struct traffic_handle *self = lua_touserdata(L, 1);

    (void)script;
    traffic_stop(&self->traffic);
    end_traffic(self);
    return 0;
}

static int
traffic_counters(struct script *script, lua_State *L)
{
    const struct traffic_handle *self = lua_touserdata(L, 1);

    (void)script;
    lua_createtable(L, 0, 2);
    set_count(L, "sent", self->traffic.sent);
    set_count(L, "failed", self->traffic.failed);
    return 1;
}

static void
traffic_say(lua_State *L, const struct handle *self)
{
    lua_pushfstring(L, "traffic of %s", ((const struct traffic_handle *)(const void *)self)->host);
}

static const struct word traffic_words[] = {
    { "wait", traffic_wait },
    { "stop", traffic_word_stop },
    { "counters", traffic_counters },
    { NULL, NULL },
};

static const struct type traffic_type = { .name = "traffic", .words = { traffic_words }, .say = traffic_say };

/* --- sink ------------------------------------------------------------------------------------------------------- */

struct sink_handle {
    struct handle handle;
    struct open_thing open;
    struct sink sink;
    const char *host;
    uint16_t port;
};

static const struct type sink_type;

static void
close_sink_at_end(struct open_thing *thing)
{
    sink_close(&((struct sink_handle *)(void *)((char *)thing - offsetof(struct sink_handle, open)))->sink);
}

int
service_word_sink(struct script *script, lua_State *L)
{
    struct lab_node *host = lab_handle_self(L)->node;
    uint16_t port = (uint16_t)arg_integer(L, 2, "the port", 1, 65535);

    arg_no_more(L, 2);
    limits_hold_bytes(L, TRAFFIC_BYTES);
    struct sink_handle *made = handle_new(L, &sink_type, sizeof *made);
    handle_keep(L, -1, made);
    made->host = host->node->name;
    made->port = port;
    enum io_result result = sink_open(&made->sink, host->node, port);
    if (result != IO_OK) {
        handle_drop(L, made);
        limits_let_go_bytes(&script->limits, TRAFFIC_BYTES);
        return push_io_failure(L, result);
    }
    open_add(script, &made->open, close_sink_at_end);
    return 1;
}

static int
sink_word_stop(struct script *script, lua_State *L)
{
    struct sink_handle *self = lua_touserdata(L, 1);

    if (!open_is(&self->open))
        return 0;
    open_remove(script, &self->open);
    sink_close(&self->sink);
    handle_drop(L, self);
    return 0;
}

static int
sink_counters(struct script *script, lua_State *L)
{
    const struct sink_handle *self = lua_touserdata(L, 1);

    (void)script;
    lua_createtable(L, 0, 4);
    set_count(L, "packets", self->sink.packets);
    set_count(L, "bytes", self->sink.bytes);
    if (self->sink.packets > 0) {
        arg_push_seconds(L, self->sink.first_at);
        lua_setfield(L, -2, "first_at");
        arg_push_seconds(L, self->sink.last_at);
        lua_setfield(L, -2, "last_at");
    }
    return 1;
}

static void
sink_field(struct script *script, lua_State *L, struct handle *self, const char *name)
{
    const struct sink_handle *sink = (const struct sink_handle *)(const void *)self;

    (void)script;
    if (strcmp(name, "packets") == 0)
        lua_pushinteger(L, (lua_Integer)sink->sink.packets);
    else if (strcmp(name, "bytes") == 0)
        lua_pushinteger(L, (lua_Integer)sink->sink.bytes);
    else
        lua_pushinteger(L, sink->port);
}

static void
sink_say(lua_State *L, const struct handle *self)
{
    const struct sink_handle *sink = (const struct sink_handle *)(const void *)self;

    lua_pushfstring(L, "sink %d of %s", (int)sink->port, sink->host);
}

static const struct word sink_words[] = { { "stop", sink_word_stop }, { "counters", sink_counters }, { NULL, NULL } };
static const char *const sink_fields[] = { "packets", "bytes", "port", NULL };

static const struct type sink_type = {
    .name = "sink",
    .words = { sink_words },
    .fields = sink_fields,
    .field = sink_field,
    .say = sink_say,
};
