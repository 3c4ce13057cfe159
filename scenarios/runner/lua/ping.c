/* host:ping(ip, {ttl=, size=, timeout=}): one echo request, and the seconds until its reply.
 *
 * The echo is no part of the task: a task that is stopped leaves it behind, until the end of the run. */
#include <stddef.h>

#include "core/net/icmp.h"
#include "scenarios/runner/lua/node_words.h"
#include "scenarios/runner/lua/open.h"
#include "scenarios/runner/lua/service_words.h"
#include "scenarios/runner/lua/socket.h"

enum { SIZE_DEFAULT = 56, SIZE_MAX_ECHO = 65527, PING_BYTES = 512 };

#define TIMEOUT_DEFAULT (2 * TIME_S)

struct ping {
    struct script *script;
    struct open_thing open;
    struct echo echo;
    int64_t sent_at, came_at;
    bool answered, failed;
    struct io_icmp icmp;
    struct waits waiting;
};

static void
tell(struct ping *ping)
{
    ping->came_at = ping->script->world->now;
    ping->script->world->touched = true;
    task_wake_all(&ping->waiting);
}

static void
on_reply(void *owner, struct echo *echo, struct address from, uint16_t sequence, struct span data, uint8_t ttl)
{
    struct ping *ping = owner;

    (void)echo;
    (void)from;
    (void)sequence;
    (void)data;
    (void)ttl;
    if (ping->answered || ping->failed)
        return;
    ping->answered = true;
    tell(ping);
}

static void
on_error(void *owner, struct echo *echo, const struct io_icmp *icmp, uint16_t sequence)
{
    struct ping *ping = owner;

    (void)echo;
    (void)sequence;
    if (ping->answered || ping->failed)
        return;
    ping->failed = true;
    ping->icmp = *icmp;
    tell(ping);
}

static const struct echo_events events = { on_reply, on_error };

static void
close_ping(struct open_thing *thing)
{
    struct ping *ping = (struct ping *)(void *)((char *)thing - offsetof(struct ping, open));

    echo_close(&ping->echo);
    g_free(ping);
}

static int
ping_go_on(lua_State *L, int status, lua_KContext context)
{
    struct ping *ping = lua_touserdata(L, -1);
    int results = 1;

    (void)status;
    (void)context;
    if (ping->answered) {
        arg_push_seconds(L, ping->came_at - ping->sent_at);
    } else if (ping->failed) {
        arg_push_failure(L, icmp_reason_word(&ping->icmp));
        push_icmp_detail(L, &ping->icmp);
        results = 3;
    } else if (task_timed_out(L)) {
        results = arg_push_failure(L, "timeout");
    } else {
        return task_park(L, &ping->waiting, "ping", lua_touserdata(L, 1), ping_go_on);
    }
    open_remove(ping->script, &ping->open);
    close_ping(&ping->open);
    return results;
}

int
service_word_ping(struct script *script, lua_State *L)
{
    static const char *const keys[] = { "ttl", "size", "timeout", NULL };
    struct lab_node *host = lab_handle_self(L)->node;
    struct address to = arg_address(L, 2, "the address");
    int16_t ttl = IO_UNSET;
    size_t size = SIZE_DEFAULT;
    int64_t timeout = TIMEOUT_DEFAULT;

    arg_no_more(L, 3);
    options_check(L, 3, keys, NULL);
    if (options_get(L, 3, "ttl"))
        ttl = (int16_t)arg_integer(L, -1, "ttl", 1, 255);
    if (options_get(L, 3, "size"))
        size = (size_t)arg_integer(L, -1, "size", 0, SIZE_MAX_ECHO);
    if (options_get(L, 3, "timeout"))
        timeout = arg_duration(L, -1, "timeout");
    task_check_may_wait(L);
    limits_spend(L, PING_BYTES + size / 4);
    luaL_checkstack(L, 8, NULL);
    uint8_t *data = lua_newuserdatauv(L, size + 1, 0);
    memset(data, 0, size + 1);

    struct ping *ping = g_new0(struct ping, 1);
    ping->script = script;
    ping->sent_at = script->world->now;
    echo_open(&ping->echo, host->node, &events, ping);
    enum io_result result = echo_send(&ping->echo, to, 1, span_of(data, size), ttl, NULL);
    if (result != IO_OK) {
        echo_close(&ping->echo);
        g_free(ping);
        return push_io_failure(L, result);
    }
    open_add(script, &ping->open, close_ping);
    task_set_deadline(L, timeout);
    lua_pushlightuserdata(L, ping);
    return ping_go_on(L, LUA_OK, 0);
}
