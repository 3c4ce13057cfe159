/* host:stun_server. */
#include "scenarios/runner/lua/service_words.h"

#include "scenarios/runner/lua/node_words.h"
#include "scenarios/runner/lua/server.h"

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

int
service_word_stun_server(struct script *script, lua_State *L)
{
    static const char *const keys[] = { "port", "ip", "software", "mapped_address", "tcp", "alternate", "ignore_change",
                                        NULL };
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

    struct server_handle *server = server_new(L, &server_type, host->node->name);
    struct service *service = service_start_stun(host->node, &options, &why);
    if (!service && why == IO_TOO_BIG)
        complain(L, "software is longer than 127 characters");
    return server_push(L, server, service, why);
}
