/* host:stun_server. */
#include "scenarios/runner/lua/service_words.h"

#include "scenarios/runner/lua/node_words.h"
#include "scenarios/runner/lua/server.h"
#include "scenarios/runner/lua/stun_words.h"
#include "scenarios/runner/lua/users.h"

/* A second address, with a port or without: the server is at the host's first address of that family then. */
static void
read_alternate(lua_State *L, const struct node *node, struct stun_server_options *options)
{
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";

    if (!address_parse(text, &options->second.address))
        options->second = arg_endpoint(L, -1, "alternate", 0);
    if (address_is_none(options->listen[0].address))
        options->listen[0].address = node_address(node, address_family(options->second.address));
    if (address_is_none(options->listen[0].address) ||
        address_equal(options->listen[0].address, options->second.address))
        complain_value(L, "alternate", -1, "another address of the host");
}

/* How users prove who they are, and where they are sent, which needs some: 300 must be protected (RFC 8489 section 14.8). */
static struct stun_auth_options
read_auth(lua_State *L, int table, const char **realm)
{
    static const char *const of_users[] = { "realm", "mechanism", "redirect" };
    struct stun_auth_options auth = { .mechanism = STUN_MECHANISM_LONG_TERM, .algorithms = STUN_ALGORITHMS_ALL };
    bool anybody = options_get(L, table, "users");

    for (size_t i = 0; i < G_N_ELEMENTS(of_users) && !anybody; i++)
        if (options_get(L, table, of_users[i]))
            complain(L, "%s needs users", of_users[i]);
    if (options_get(L, table, "mechanism"))
        auth.mechanism = stun_words_mechanism(L);
    if (options_get(L, table, "realm"))
        *realm = realm_option(L);
    return auth;
}

int
service_word_stun_server(struct script *script, lua_State *L)
{
    static const char *const keys[] = { "port", "ip", "software", "mapped_address", "tcp", "alternate", "ignore_change",
                                        "users", "realm", "mechanism", "redirect", NULL };
    struct lab_node *host = lab_handle_self(L)->node;
    struct stun_server_options options = STUN_SERVER_DEFAULTS;
    enum io_result why = IO_OK;

    (void)script;
    arg_no_more(L, 2);
    options_check(L, 2, keys, NULL);
    if (options_get(L, 2, "port"))
        options.listen[0].port = (uint16_t)arg_integer(L, -1, "port", 1, 65535);
    if (options_get(L, 2, "ip"))
        options.listen[0].address = arg_address(L, -1, "ip");
    if (options_get(L, 2, "software"))
        options.software = arg_text(L, -1, "software");
    if (options_get(L, 2, "mapped_address"))
        options.mapped_address = arg_boolean(L, -1, "mapped_address");
    if (options_get(L, 2, "tcp"))
        options.tcp = arg_boolean(L, -1, "tcp");

    if (options_get(L, 2, "alternate"))
        read_alternate(L, host->node, &options);
    if (options_get(L, 2, "ignore_change"))
        options.ignore_change = arg_boolean(L, -1, "ignore_change");

    const char *realm = host->node->name;
    struct stun_auth_options auth = read_auth(L, 2, &realm);
    if (options_get(L, 2, "redirect"))
        options.alternate[options.alternates++] = arg_endpoint(L, -1, "redirect", STUN_PORT);
    int passwords = users_option(L, 2) ? lua_gettop(L) : 0;
    struct stun_users *users = NULL;

    struct server_handle *server = server_new(L, &server_type, host->node->name);
    luaL_checkstack(L, 4, NULL);
    if (passwords) {
        auth.users = users = users_make(L, passwords, realm);
        options.auth = &auth;
    }
    struct service *service = service_start_stun(host->node, &options, &why);
    if (service)
        service_take_users(service, users);
    else
        stun_users_free(users);
    if (!service && why == IO_TOO_BIG)
        complain(L, "software is longer than 127 characters");
    return server_push(L, server, service, why);
}
