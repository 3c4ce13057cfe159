#include "scenarios/runner/cli/ice_servers.h"

#include "proto/stun/message.h"
#include "scenarios/runner/cli/addresses.h"

GQuark
ice_servers_error_quark(void)
{
    return g_quark_from_static_string("ice-servers");
}

static bool
check_count(const char *what, const GPtrArray *texts, GError **error)
{
    if (!texts || texts->len <= ICE_AGENT_SERVERS_MOST)
        return true;
    g_set_error(error, ICE_SERVERS_ERROR, 0, "%s: %u are too many; accepted: up to %d", what, texts->len,
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
read_turn(const char *text, struct ice_agent_turn *turn, GError **error)
{
    static const enum turn_client_transport transports[] = { [TURN_URI_ANY] = TURN_CLIENT_UDP_THEN_TCP,
                                                             [TURN_URI_UDP] = TURN_CLIENT_UDP,
                                                             [TURN_URI_TCP] = TURN_CLIENT_TCP };
    enum turn_uri_transport transport;

    if (!addresses_turn(text, &turn->server, &transport, error))
        return false;
    turn->transport = transports[transport];
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
    if (!check_count("--stun", stun, error) || !check_count("--turn", turn, error) || !check_users(turn, users, error))
        return false;
    options->stun_count = stun ? stun->len : 0;
    options->turn_count = turn ? turn->len : 0;
    for (guint i = 0; i < options->stun_count; i++)
        if (!addresses_server(stun->pdata[i], STUN_PORT, &options->stun[i], error))
            return false;
    for (guint i = 0; i < options->turn_count; i++) {
        options->turn[i] = (struct ice_agent_turn){ .username = NULL };
        if (!read_turn(turn->pdata[i], &options->turn[i], error))
            return false;
        if (users && !read_user(users->pdata[users->len == 1 ? 0 : i], names, &options->turn[i], error))
            return false;
    }
    return true;
}
