#include "scenarios/runner/cli/ice_servers.h"

#include "proto/stun/message.h"
#include "scenarios/runner/cli/addresses.h"

GQuark
ice_servers_error_quark(void)
{
    return g_quark_from_static_string("ice-servers");
}

static bool
has_room(const char *what, size_t there, const struct places *more, GError **error)
{
    if (there + more->count <= ICE_AGENT_SERVERS_MOST)
        return true;
    g_set_error(error, ICE_SERVERS_ERROR, 0, "%s: too many servers; accepted: up to %d addresses, of each family", what,
                ICE_AGENT_SERVERS_MOST);
    return false;
}

static bool
read_user(const char *text, GStringChunk *names, struct ice_agent_turn *turn, GError **error)
{
    const char *colon = strchr(text, ':');

    if (!colon || colon == text || colon[1] == '\0') {
        g_set_error(error, ICE_SERVERS_ERROR, 0, "--user: '%.*s' has no %s; accepted: NAME:PASSWORD",
                    (int)(colon ? colon - text : (ptrdiff_t)strlen(text)), text, colon == text ? "name" : "password");
        return false;
    }
    turn->username = g_string_chunk_insert_len(names, text, colon - text);
    turn->password = g_string_chunk_insert(names, colon + 1);
    return true;
}

static bool
add_stun(const char *text, struct ice_agent_options *options, GError **error)
{
    struct places places;

    if (!addresses_stun(text, STUN_PORT, &places, error) || !has_room("--stun", options->stun_count, &places, error))
        return false;
    for (size_t i = 0; i < places.count; i++)
        options->stun[options->stun_count++] = places.at[i];
    return true;
}

/* `turn` has the user already. */
static bool
add_turn(const char *text, struct ice_agent_turn turn, struct ice_agent_options *options, GError **error)
{
    static const enum turn_client_transport transports[] = { [TURN_URI_ANY] = TURN_CLIENT_UDP_THEN_TCP,
                                                             [TURN_URI_UDP] = TURN_CLIENT_UDP,
                                                             [TURN_URI_TCP] = TURN_CLIENT_TCP };
    enum turn_uri_transport transport;
    struct places places;

    if (!addresses_turn(text, &places, &transport, error) || !has_room("--turn", options->turn_count, &places, error))
        return false;
    turn.transport = transports[transport];
    for (size_t i = 0; i < places.count; i++) {
        turn.server = places.at[i];
        options->turn[options->turn_count++] = turn;
    }
    return true;
}

static bool
check_users(const GPtrArray *turn, const GPtrArray *users, GError **error)
{
    guint servers = turn ? turn->len : 0;

    if (!users || (servers > 0 && (users->len == 1 || users->len == servers)))
        return true;
    if (servers == 0)
        g_set_error_literal(error, ICE_SERVERS_ERROR, 0, "--user needs a --turn URI, whose user it is");
    else
        g_set_error(error, ICE_SERVERS_ERROR, 0, "--user: %u users for %u TURN servers; accepted: one for all, or one for each",
                    users->len, servers);
    return false;
}

bool
ice_servers_read(const GPtrArray *stun, const GPtrArray *turn, const GPtrArray *users, GStringChunk *names,
                 struct ice_agent_options *options, GError **error)
{
    options->stun_count = options->turn_count = 0;
    if (!check_users(turn, users, error))
        return false;
    for (guint i = 0; stun && i < stun->len; i++)
        if (!add_stun(stun->pdata[i], options, error))
            return false;
    for (guint i = 0; turn && i < turn->len; i++) {
        struct ice_agent_turn server = { .username = NULL };

        if (users && !read_user(users->pdata[users->len == 1 ? 0 : i], names, &server, error))
            return false;
        if (!add_turn(turn->pdata[i], server, options, error))
            return false;
    }
    return true;
}
