#include "scenarios/runner/lua/socket.h"

#include <stddef.h>

#include "core/net/icmp.h"
#include "core/net/net.h"
#include "scenarios/runner/lua/endpoint.h"

enum { SOCKET_BYTES = 1024, SEND_STEPS = 200 };

#define WAITING_BYTES_MAX ((size_t)4 << 20) /* of one socket: when they are reached its receive buffer is full */
#define PACKETS_ALIVE_MAX 1000000           /* under way in the world, as far as scripts may send more */

struct arrival {
    struct arrival *next;
    bool is_error;
    struct io_icmp icmp;
    struct io_datagram datagram; /* its data follows */
    int64_t at;
    uint8_t bytes[];
};

/* --- what arrives ------------------------------------------------------------------------------------------------- */

/* As in Linux, what comes while there is any room is taken whole. */
static void
set_waiting_bytes(struct socket_handle *socket, size_t bytes)
{
    socket->waiting_bytes = bytes;
    if (socket->udp)
        socket->udp->full = bytes >= WAITING_BYTES_MAX;
}

static void
append(struct socket_handle *socket, struct arrival *arrival)
{
    if (socket->last)
        socket->last->next = arrival;
    else
        socket->first = arrival;
    socket->last = arrival;
    set_waiting_bytes(socket, socket->waiting_bytes + sizeof *arrival + arrival->datagram.data.length);
    socket->script->world->touched = true;
    task_wake_all(&socket->readers);
}

static void
on_datagram(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    struct socket_handle *socket = owner;
    size_t length = datagram->data.length;

    if (socket->stun.client && stun_client_datagram(socket->stun.client, udp, datagram))
        return;
    if (!socket->udp) /* a relay that is being released */
        return;
    if (socket->guest && socket->guest->datagram(socket->guest, udp, datagram))
        return;
    struct arrival *arrival = g_malloc(sizeof *arrival + length);
    *arrival = (struct arrival){ .datagram = *datagram, .at = socket->script->world->now };
    if (length > 0)
        memcpy(arrival->bytes, datagram->data.bytes, length);
    append(socket, arrival);
}

static void
on_icmp(void *owner, struct io_udp *udp, const struct io_icmp *icmp)
{
    struct socket_handle *socket = owner;

    if (socket->stun.client && stun_client_icmp(socket->stun.client, udp, icmp))
        return;
    if (!socket->errors || !socket->udp || socket->udp->full)
        return;
    struct arrival *arrival = g_malloc0(sizeof *arrival);
    arrival->is_error = true;
    arrival->icmp = *icmp;
    arrival->at = socket->script->world->now;
    append(socket, arrival);
}

static const struct io_udp_events events = { on_datagram, on_icmp };

static void
drop_first(struct socket_handle *socket)
{
    struct arrival *arrival = socket->first;

    socket->first = arrival->next;
    if (!socket->first)
        socket->last = NULL;
    set_waiting_bytes(socket, socket->waiting_bytes - sizeof *arrival - arrival->datagram.data.length);
    g_free(arrival);
}

/* --- failures and names ------------------------------------------------------------------------------------------- */

int
push_io_failure(lua_State *L, enum io_result result)
{
    switch (result) {
    case IO_NO_ADDRESS:
        complain(L, "the local address is none of this host's");
    case IO_FULL:
        complain(L, "no port is free, or there are too many sockets on this host");
    default:
        return arg_push_failure(L, io_result_word(result));
    }
}

const char *
icmp_reason_word(const struct io_icmp *icmp)
{
    switch (icmp_meaning(icmp)) {
    case ICMP_MEANS_TIME_EXCEEDED:
        return "ttl-exceeded";
    case ICMP_MEANS_REFUSED:
        return "refused";
    case ICMP_MEANS_TOO_BIG:
        return "too-big";
    default:
        return "unreachable";
    }
}

void
push_icmp_detail(lua_State *L, const struct io_icmp *icmp)
{
    lua_createtable(L, 0, 5);
    arg_push_address(L, icmp->from);
    lua_setfield(L, -2, "from");
    endpoint_push(L, icmp->peer);
    lua_setfield(L, -2, "to");
    lua_pushinteger(L, icmp->type);
    lua_setfield(L, -2, "type");
    lua_pushinteger(L, icmp->code);
    lua_setfield(L, -2, "code");
    if (icmp_meaning(icmp) == ICMP_MEANS_TOO_BIG) {
        lua_pushinteger(L, address_is_ipv4(icmp->peer.address) ? icmp->info & 0xffff : icmp->info);
        lua_setfield(L, -2, "mtu");
    }
}

void
push_packet_name(lua_State *L, uint64_t packet)
{
    const struct node *maker = net_node(script_of(L)->world, PACKET_MAKER(packet));

    lua_pushfstring(L, "%s.%I", maker ? maker->name : "lab", (lua_Integer)PACKET_ORDINAL(packet));
}

/* --- opening and closing ------------------------------------------------------------------------------------------ */

static struct endpoint
own_endpoint(const struct socket_handle *socket)
{
    struct endpoint own = socket->own;

    if (address_is_unspecified(own.address))
        own.address = node_address(socket->host->node, FAMILY_NONE);
    return own;
}

void
socket_begin(struct socket_handle *socket, struct script *script, struct lab_node *host, bool errors)
{
    socket->script = script;
    socket->host = host;
    socket->io = node_io(host->node);
    socket->errors = errors;
}

void
socket_hear(struct socket_handle *socket, struct io_udp *udp)
{
    udp->events = &events;
    udp->owner = socket;
}

void
socket_take(struct socket_handle *socket, struct io_udp *udp)
{
    socket->udp = udp;
    socket_hear(socket, udp);
}

void
socket_end(struct socket_handle *socket)
{
    struct socket_guest *guest = socket->guest;

    socket->guest = NULL;
    if (guest)
        guest->ended(guest);
    stun_words_end(&socket->stun);
    socket->udp = NULL;
    while (socket->first)
        drop_first(socket);
}

static void
close_socket(struct socket_handle *socket)
{
    struct io_udp *udp = socket->udp;

    if (!udp)
        return;
    socket_end(socket);
    udp->ops->close(udp);
}

static void
close_at_end(struct open_thing *thing)
{
    close_socket((struct socket_handle *)(void *)((char *)thing - offsetof(struct socket_handle, open)));
}

int
socket_word_udp(struct script *script, lua_State *L)
{
    static const char *const keys[] = { "ip", "errors", NULL };
    struct lab_node *host = lab_handle_self(L)->node;
    struct io *io = node_io(host->node);
    struct endpoint local = { ADDRESS_NONE, 0 };
    enum io_result why = IO_OK;
    bool errors = false;

    arg_no_more(L, 3);
    lua_settop(L, 3);
    if (!lua_isnil(L, 2))
        local.port = (uint16_t)arg_integer(L, 2, "the port", 0, 65535);
    options_check(L, 3, keys, NULL);
    if (options_get(L, 3, "ip"))
        local.address = arg_address(L, -1, "ip");
    if (options_get(L, 3, "errors"))
        errors = arg_boolean(L, -1, "errors");

    limits_hold_bytes(L, SOCKET_BYTES);
    struct socket_handle *socket = handle_new(L, &socket_type, sizeof *socket);
    handle_keep(L, -1, socket);
    socket->udp = io->ops->udp(io, &local, &events, socket, &why);
    if (!socket->udp) {
        handle_drop(L, socket);
        limits_let_go_bytes(&script->limits, SOCKET_BYTES);
        return push_io_failure(L, why);
    }
    socket_begin(socket, script, host, errors);
    socket->own = socket->udp->ops->local(socket->udp);
    open_add(script, &socket->open, close_at_end);
    return 1;
}

static struct socket_handle *
self_socket(lua_State *L)
{
    return lua_touserdata(L, 1);
}

static int
socket_close(struct script *script, lua_State *L)
{
    struct socket_handle *socket = self_socket(L);

    if (!socket->udp)
        return 0;
    open_remove(script, &socket->open);
    close_socket(socket);
    limits_let_go_bytes(&script->limits, SOCKET_BYTES);
    script->world->touched = true;
    task_wake_all(&socket->readers);
    handle_drop(L, socket);
    return 0;
}

void
socket_check_room(lua_State *L)
{
    const struct script *script = script_of(L);

    if (script->world->packets_alive > PACKETS_ALIVE_MAX && !script->options.unsafe)
        limits_meet(L, LIMIT_MEMORY);
}

/* --- sending and receiving ---------------------------------------------------------------------------------------- */

static void
read_send_options(lua_State *L, int index, struct io_datagram *datagram)
{
    static const char *const keys[] = { "ttl", "df", "dscp", NULL };

    if (!options_check(L, index, keys, NULL))
        return;
    if (options_get(L, index, "ttl"))
        datagram->ttl = (int16_t)arg_integer(L, -1, "ttl", 1, 255);
    if (options_get(L, index, "df"))
        datagram->dont_fragment = arg_boolean(L, -1, "df");
    if (options_get(L, index, "dscp"))
        datagram->dscp = (int16_t)arg_integer(L, -1, "dscp", 0, 63);
}

enum io_result
socket_try(lua_State *L, struct io_udp *udp, struct io_datagram *datagram)
{
    limits_spend(L, SEND_STEPS + datagram->data.length / 4);
    socket_check_room(L);
    return udp->ops->send(udp, datagram);
}

int
socket_push_sent(lua_State *L, const struct io_datagram *datagram)
{
    if (datagram->packet) /* a relay may keep what is sent until it is let through: then there is no packet yet */
        push_packet_name(L, datagram->packet);
    else
        lua_pushboolean(L, true);
    return 1;
}

int
socket_send(lua_State *L, struct io_udp *udp, struct io_datagram *datagram)
{
    enum io_result result = socket_try(L, udp, datagram);

    if (result == IO_FULL) /* of a relay, which keeps no more until a permission is there */
        return arg_push_failure(L, io_result_word(result));
    return result == IO_OK ? socket_push_sent(L, datagram) : push_io_failure(L, result);
}

int
socket_word_send(struct script *script, lua_State *L)
{
    struct socket_handle *socket = self_socket(L);
    struct endpoint to = arg_endpoint(L, 2, "the endpoint", 0);
    size_t length;

    (void)script;
    if (lua_type(L, 3) != LUA_TSTRING && lua_type(L, 3) != LUA_TNUMBER)
        complain_value(L, "the data", 3, "a text");
    if (to.port == 0)
        complain(L, "the endpoint has port 0");
    arg_no_more(L, 4);
    const char *data = lua_tolstring(L, 3, &length);
    struct io_datagram datagram = IO_DATAGRAM_TO(to, span_of(data, length));
    read_send_options(L, 4, &datagram);
    if (!socket->udp)
        return arg_push_failure(L, "closed");
    return socket_send(L, socket->udp, &datagram);
}

static void
set_known(lua_State *L, const char *name, int16_t value)
{
    if (value == IO_UNSET)
        return;
    lua_pushinteger(L, value);
    lua_setfield(L, -2, name);
}

/* data, from, info. What is taken goes last: a push may raise. */
static int
push_arrival(lua_State *L, struct socket_handle *socket)
{
    const struct arrival *arrival = socket->first;
    const struct io_datagram *datagram = &arrival->datagram;

    luaL_checkstack(L, 8, NULL);
    if (arrival->is_error) {
        arg_push_failure(L, icmp_reason_word(&arrival->icmp));
        push_icmp_detail(L, &arrival->icmp);
        drop_first(socket);
        return 3;
    }
    lua_pushlstring(L, (const char *)arrival->bytes, datagram->data.length);
    endpoint_push(L, datagram->peer);
    lua_createtable(L, 0, 7);
    set_known(L, "ttl", datagram->ttl);
    set_known(L, "dscp", datagram->dscp);
    set_known(L, "ecn", datagram->ecn);
    if (datagram->dont_fragment != IO_UNSET) {
        lua_pushboolean(L, datagram->dont_fragment);
        lua_setfield(L, -2, "df");
    }
    endpoint_push(L, datagram->local);
    lua_setfield(L, -2, "to");
    push_packet_name(L, datagram->packet);
    lua_setfield(L, -2, "packet");
    arg_push_seconds(L, arrival->at);
    lua_setfield(L, -2, "at");
    drop_first(socket);
    return 3;
}

static int
recv_go_on(lua_State *L, int status, lua_KContext context)
{
    struct socket_handle *socket = self_socket(L);

    (void)status;
    (void)context;
    if (socket->first)
        return push_arrival(L, socket);
    if (!socket->udp)
        return arg_push_failure(L, "closed");
    if (task_timed_out(L))
        return arg_push_failure(L, "timeout");
    return task_park(L, &socket->readers, "recv", &socket->handle, recv_go_on);
}

int
socket_word_recv(struct script *script, lua_State *L)
{
    struct socket_handle *socket = self_socket(L);
    int64_t timeout = arg_timeout(L, 2);

    (void)script;
    arg_no_more(L, 2);
    if (!socket->first && socket->udp) {
        if (timeout == 0)
            return arg_push_failure(L, "timeout");
        task_check_may_wait(L);
    }
    task_set_deadline(L, timeout);
    return recv_go_on(L, LUA_OK, 0);
}

static void
socket_field(struct script *script, lua_State *L, struct handle *self, const char *name)
{
    const struct socket_handle *socket = (const struct socket_handle *)(const void *)self;

    (void)script;
    if (strcmp(name, "own") == 0)
        endpoint_push(L, own_endpoint(socket));
    else
        lua_pushinteger(L, socket->own.port);
}

static void
socket_say(lua_State *L, const struct handle *self)
{
    const struct socket_handle *socket = (const struct socket_handle *)(const void *)self;
    char text[ENDPOINT_TEXT];

    lua_pushfstring(L, "socket %s of %s", endpoint_format(own_endpoint(socket), text), socket->host->node->name);
}

static const struct word socket_words[] = {
    { "send", socket_word_send }, { "recv", socket_word_recv }, { "stun", socket_word_stun },
    { "close", socket_close }, { NULL, NULL },
};
static const char *const socket_fields[] = { "own", "port", NULL };

const struct type socket_type = {
    .name = "socket",
    .words = { socket_words },
    .fields = socket_fields,
    .field = socket_field,
    .say = socket_say,
};
