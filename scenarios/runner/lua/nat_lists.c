#include "scenarios/runner/lua/nat_lists.h"

#include "core/base/words.h"

/* ---- lists */

/* The list on top of the stack; it must be one, with at most `most` things. */
static lua_Integer
list_length(lua_State *L, const char *name, const char *accepted, lua_Integer most)
{
    if (!lua_istable(L, -1))
        complain_value(L, name, -1, accepted);
    lua_Integer count = (lua_Integer)lua_rawlen(L, -1);

    lua_pushnil(L);
    if (lua_next(L, -2) != 0) {
        lua_pop(L, 2);
        if (count == 0)
            complain(L, "%s is a list: accepted: %s", name, accepted);
    }
    if (count > most)
        complain(L, "%s has %I; at most %I are accepted", name, count, most);
    return count;
}

/* ---- forwarding rules */

static const char *const forward_keys[] = { "protocol", "port", "address", "to", "from", NULL };
static const char *const forward_protocols[] = { "udp", "tcp", NULL };

static void
read_protocol(lua_State *L, int table, struct nat_forward *forward, const char *name)
{
    if (!options_get(L, table, "protocol"))
        return;
    const char *what = lua_pushfstring(L, "protocol in %s", name), *word = arg_text(L, lua_gettop(L) - 1, what);
    int index = words_find(forward_protocols, word);

    if (index < 0)
        complain_word(L, what, word, forward_protocols);
    forward->protocol = index == 0 ? PROTOCOL_UDP : PROTOCOL_TCP;
    lua_pop(L, 2);
}

/* A port, or {low, high}. */
static void
read_ports(lua_State *L, int table, struct nat_forward *forward, const char *name)
{
    if (!options_get(L, table, "port"))
        return;
    const char *what = lua_pushfstring(L, "port in %s", name);

    if (lua_istable(L, -2)) {
        lua_rawgeti(L, -2, 1);
        lua_rawgeti(L, -3, 2);
        forward->port_low = (uint16_t)arg_integer(L, lua_gettop(L) - 1, what, 1, 65535);
        forward->port_high = (uint16_t)arg_integer(L, lua_gettop(L), what, forward->port_low, 65535);
        lua_pop(L, 2);
    } else {
        forward->port_low = forward->port_high = (uint16_t)arg_integer(L, lua_gettop(L) - 1, what, 1, 65535);
    }
    lua_pop(L, 2);
}

/* Where it leads: an endpoint; a host or its address, to the same port. */
static void
read_target(lua_State *L, int table, struct nat_forward *forward, const char *name)
{
    if (!options_get(L, table, "to"))
        complain(L, "%s has no 'to'; accepted: an endpoint, a host or its address inside", name);
    const char *what = lua_pushfstring(L, "to in %s", name);
    int at = lua_gettop(L) - 1;

    if (forward->port_low)
        forward->to = arg_endpoint(L, at, what, forward->port_low);
    else
        forward->to.address = arg_address(L, at, what);
    if (!address_is_ipv4(forward->to.address))
        complain(L, "%s: translation is between IPv4 addresses", what);
    if ((uint32_t)forward->to.port + (forward->port_high - forward->port_low) > UINT16_MAX)
        complain(L, "%s: there are not so many ports from %d on", what, (int)forward->to.port);
    lua_pop(L, 2);
}

/* A prefix, an address or a host. */
static struct prefix
read_prefix(lua_State *L, int index, const char *what)
{
    struct prefix prefix;
    struct address address;
    const char *text = lua_type(L, index) == LUA_TSTRING ? lua_tostring(L, index) : NULL;

    if (text && prefix_parse(text, &prefix))
        return prefix;
    if (text ? !address_parse(text, &address) : !handle_at(L, index))
        complain_value(L, what, index, "a prefix such as '198.51.100.0/24', an address, a host or an endpoint");
    prefix.address = arg_address(L, index, what);
    prefix.length = (uint8_t)family_bits(address_family(prefix.address));
    return prefix;
}

static void
read_ends(lua_State *L, int table, struct nat_forward *forward, const char *name)
{
    if (options_get(L, table, "address")) {
        const char *what = lua_pushfstring(L, "address in %s", name);

        forward->external = arg_address(L, lua_gettop(L) - 1, what);
        lua_pop(L, 2);
    }
    if (options_get(L, table, "from")) {
        const char *what = lua_pushfstring(L, "from in %s", name);

        forward->from = read_prefix(L, lua_gettop(L) - 1, what);
        lua_pop(L, 2);
    }
}

struct nat_forward
nat_list_forward(lua_State *L, int index, const struct node *node, const char *name)
{
    struct nat_forward forward = { .protocol = 0 };

    if (!lua_istable(L, index))
        complain_value(L, name, index, "{protocol=, port=, address=, to=, from=}");
    options_check_in(L, index, name, forward_keys);
    read_protocol(L, index, &forward, name);
    read_ports(L, index, &forward, name);
    read_ends(L, index, &forward, name);
    read_target(L, index, &forward, name);
    if (!forward.port_low && address_is_none(forward.external))
        complain(L, "%s has neither a port nor an address: which external endpoint is to be forwarded?", name);
    if (!forward.port_low && forward.protocol)
        complain(L, "%s forwards a whole address, and so all protocols", name);
    if (node)
        nat_list_check_forwards(L, &(struct nat_options){ .forwards = &forward, .forward_count = 1 }, node);
    return forward;
}

void
nat_list_forwards(lua_State *L, struct nat_options *options)
{
    lua_Integer count = list_length(L, "forward", "a list of {protocol=, port=, address=, to=, from=}", NAT_FORWARDS_MAX);
    int list = lua_gettop(L);
    struct nat_forward *forwards = lua_newuserdatauv(L, ((size_t)count + 1) * sizeof *forwards, 0);

    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, list, i);
        int rule = lua_gettop(L);
        forwards[i - 1] = nat_list_forward(L, rule, NULL, lua_pushfstring(L, "forward[%I]", i));
        lua_settop(L, rule - 1);
    }
    options->forwards = forwards;
    options->forward_count = (uint32_t)count;
    lua_remove(L, list);
}

void
nat_list_check_forwards(lua_State *L, const struct nat_options *options, const struct node *node)
{
    for (uint32_t i = 0; i < options->forward_count; i++) {
        struct address external = options->forwards[i].external;
        const struct local_range *local = node_local(node, external);
        char text[ADDRESS_TEXT];

        if (!address_is_none(external) && (!local || local->port->inside))
            complain(L, "forward: %s is none of %s's outside addresses", address_format(external, text), node->name);
    }
}

void
nat_list_check_targets(lua_State *L, const struct nat_options *options, struct node *node)
{
    for (uint32_t i = 0; i < options->forward_count; i++) {
        struct address to = options->forwards[i].to.address;
        char text[ADDRESS_TEXT];
        struct hop way;

        if (!node_route(node, to, &way) || !way.port || !way.port->inside)
            complain(L, "forward: %s is not inside of %s", address_format(to, text), node->name);
    }
}

/* ---- timeouts by port */

struct port_timeouts {
    struct nat_port_timeout *list;
    uint32_t count;
};

/* In the order of ports: a table has none. */
static void
insert(struct port_timeouts *timeouts, struct nat_port_timeout timeout)
{
    uint32_t at = timeouts->count++;

    for (; at > 0 && timeouts->list[at - 1].port > timeout.port; at--)
        timeouts->list[at] = timeouts->list[at - 1];
    timeouts->list[at] = timeout;
}

void
nat_list_port_timeouts(lua_State *L, struct nat_options *options)
{
    static const char accepted[] = "a table of durations by port such as {[53]='20s'}";
    int table = lua_gettop(L);

    if (!lua_istable(L, table))
        complain_value(L, "port_timeout", table, accepted);
    struct port_timeouts timeouts = {
        .list = lua_newuserdatauv(L, NAT_PORT_TIMEOUTS_MAX * sizeof(struct nat_port_timeout), 0),
    };
    lua_pushnil(L);
    while (lua_next(L, table) != 0) {
        if (timeouts.count == NAT_PORT_TIMEOUTS_MAX)
            complain(L, "port_timeout has more than %d ports", NAT_PORT_TIMEOUTS_MAX);
        if (!lua_isinteger(L, -2))
            complain(L, "port_timeout has the key %s; accepted: %s", complain_say(L, -2), accepted);
        struct nat_port_timeout timeout = { .port = (uint16_t)arg_integer(L, lua_gettop(L) - 1, "a port in port_timeout",
                                                                          1, 65535) };

        timeout.timeout = arg_duration(L, lua_gettop(L), "a timeout in port_timeout");
        if (timeout.timeout <= 0)
            complain(L, "port_timeout[%d] is 0; a mapping has to live for a while", (int)timeout.port);
        insert(&timeouts, timeout);
        lua_pop(L, 1);
    }
    options->port_timeouts = timeouts.list;
    options->port_timeout_count = timeouts.count;
    lua_remove(L, table);
}

/* ---- exempt destinations */

void
nat_list_exempt(lua_State *L, struct nat_options *options)
{
    lua_Integer count = list_length(L, "exempt", "a list of prefixes such as {'198.51.100.0/24'}", NAT_EXEMPT_MAX);
    int list = lua_gettop(L);
    struct prefix *exempt = lua_newuserdatauv(L, ((size_t)count + 1) * sizeof *exempt, 0);

    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, list, i);
        const char *what = lua_pushfstring(L, "exempt[%I]", i);
        exempt[i - 1] = read_prefix(L, lua_gettop(L) - 1, what);
        lua_pop(L, 2);
    }
    options->exempt = exempt;
    options->exempt_count = (uint32_t)count;
    lua_remove(L, list);
}

/* ---- names */

void
nat_list_push_names(lua_State *L, const char *name)
{
    int list = lua_gettop(L);
    lua_Integer count = list_length(L, name, "a list of names", 64);

    if (count == 0) {
        lua_pushliteral(L, "{}");
        return;
    }
    lua_pushliteral(L, "");
    for (lua_Integer i = 1; i <= count; i++) {
        if (i > 1)
            lua_pushliteral(L, ",");
        if (lua_rawgeti(L, list, i) != LUA_TSTRING)
            complain_value(L, lua_pushfstring(L, "%s[%I]", name, i), -2, "a name");
        lua_concat(L, i > 1 ? 3 : 2);
    }
}
