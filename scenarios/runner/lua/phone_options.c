/* The options of host:sip. */
#include "scenarios/runner/lua/agent.h"
#include "scenarios/runner/lua/arguments.h"
#include "scenarios/runner/lua/phone.h"
#include "scenarios/runner/lua/rtp_words.h"
#include "scenarios/runner/lua/server.h"

static const char *const contacts[] = { "local", "stun", "ice", NULL };
static const char *const transports[] = { "udp", "tcp", NULL };

static unsigned
word_of(lua_State *L, const char *name, const char *const *accepted)
{
    const char *word = arg_text(L, lua_gettop(L), name);

    for (unsigned i = 0; accepted[i]; i++)
        if (strcmp(word, accepted[i]) == 0)
            return i;
    complain_word(L, name, word, accepted);
}

static int64_t
read_positive(lua_State *L, const char *name)
{
    int64_t duration = arg_duration(L, lua_gettop(L), name);

    if (duration == 0)
        complain_value(L, name, lua_gettop(L), "a duration above 0");
    return duration;
}

void
phone_media_read(lua_State *L, struct script *script, struct phone_media_options *media)
{
    static const char *const keys[] = { "port", RTP_MEDIA_KEYS, NULL };
    int value = lua_gettop(L);

    luaL_checkstack(L, 24, NULL);
    arg_table(L, value, "media");
    options_check_in(L, value, "media", keys);
    if (options_get(L, value, "port"))
        media->port = (uint16_t)arg_integer(L, -1, "port", 1, 65534);
    rtp_read_media(L, value, &media->rtp);
    media->rtp.changed = &script->world->touched;
    if (rtp_session_options_fault(&media->rtp))
        complain(L, "%s", rtp_session_options_fault(&media->rtp));
}

/* A server's handle may say which domain it serves: the text stays on the stack. */
static const char *
domain_of_registrar(lua_State *L, struct script *script)
{
    struct handle *handle;
    int value;

    if (!options_get(L, 2, "registrar"))
        return NULL;
    value = lua_gettop(L);
    handle = handle_at(L, value);
    if (!handle || !server_handle_is(handle))
        return NULL;
    for (const char *const *field = handle->type->fields; field && *field; field++) {
        if (strcmp(*field, "domain") != 0)
            continue;
        handle->type->field(script, L, handle, "domain");
        return lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    }
    return NULL;
}

/* Without a domain of its own a phone belongs to the registrar's, else to that of its host's address. */
static void
read_identity(lua_State *L, struct script *script, struct phone_options *options)
{
    struct sip_agent_options *agent = &options->agent;
    char address[ADDRESS_TEXT];
    struct lab_node *host = lab_handle_self(L)->node;

    if (!options_get(L, 2, "user"))
        complain(L, "user is missing: host:sip{user = 'alice', registrar = server}");
    agent->user = arg_text(L, lua_gettop(L), "user");
    if (options_get(L, 2, "password"))
        agent->password = arg_text(L, lua_gettop(L), "password");
    if (options_get(L, 2, "display"))
        agent->display = arg_text(L, lua_gettop(L), "display");
    if (options_get(L, 2, "registrar"))
        agent->registrar = arg_endpoint(L, lua_gettop(L), "registrar", SIP_PORT);
    if (options_get(L, 2, "domain"))
        agent->domain = arg_text(L, lua_gettop(L), "domain");
    else
        agent->domain = domain_of_registrar(L, script);
    if (!agent->domain) {
        struct address own = agent->registrar.port ? agent->registrar.address : node_address(host->node, FAMILY_NONE);

        address_format(own, address);
        lua_pushfstring(L, address_is_ipv4(own) ? "%s" : "[%s]", address);
        agent->domain = lua_tostring(L, -1);
    }
}

static void
read_ways(lua_State *L, struct phone_options *options)
{
    struct sip_agent_options *agent = &options->agent;

    if (options_get(L, 2, "port"))
        agent->transactions.carrier.local.port = (uint16_t)arg_integer(L, -1, "port", 0, 65535);
    if (options_get(L, 2, "transport"))
        agent->protocol = word_of(L, "transport", transports) == 1 ? SIP_TCP : SIP_UDP;
    if (options_get(L, 2, "contact"))
        options->contact = (enum phone_contact)word_of(L, "contact", contacts);
    if (options_get(L, 2, "stun")) {
        options->stun = arg_endpoint(L, lua_gettop(L), "stun", STUN_PORT);
        options->ice.stun[options->ice.stun_count++] = options->stun;
    }
    if (options_get(L, 2, "turn"))
        agent_read_turn(L, &options->ice);
    if (options->contact == PHONE_STUN && options->stun.port == 0)
        complain(L, "contact is 'stun', and stun, the server to ask, is missing");
    if (options->ice.turn_count > 0 && options->contact != PHONE_ICE)
        complain(L, "turn belongs to contact = 'ice'");
    if (options_get(L, 2, "ice2"))
        options->ice.hides_ice2 = !arg_boolean(L, -1, "ice2");
    if (options_get(L, 2, "rport"))
        agent->transactions.no_rport = !arg_boolean(L, -1, "rport");
    if (options_get(L, 2, "learn"))
        agent->learn = arg_boolean(L, -1, "learn");
    if (options_get(L, 2, "outbound"))
        agent->outbound = arg_boolean(L, -1, "outbound");
    if (options_get(L, 2, "keepalive"))
        agent->keep = read_positive(L, "keepalive");
}

/* true: at once; a duration: after it has rung for so long; false: when the script accepts it. */
static int64_t
read_auto_answer(lua_State *L)
{
    if (lua_isboolean(L, -1))
        return lua_toboolean(L, -1) ? 0 : TIME_NEVER;
    return arg_duration(L, lua_gettop(L), "auto_answer");
}

void
phone_options_read(lua_State *L, struct script *script, struct phone_options *options)
{
    static const char *const keys[] = { "user",      "password",   "display", "registrar",   "domain", "port",
                                        "transport", "contact",    "stun",    "turn",        "rport",  "learn",
                                        "outbound",  "keepalive",  "expires", "auto_answer", "media",  "calls",
                                        "ring",      "late_offer", "ice2",    NULL };
    struct sip_agent_options *agent = &options->agent;

    luaL_checkstack(L, 64 + 6 * ICE_AGENT_SERVERS_MOST, NULL);
    arg_table(L, 2, "the options");
    options_check(L, 2, keys, NULL);
    read_identity(L, script, options);
    read_ways(L, options);
    if (options_get(L, 2, "expires"))
        agent->expires = arg_duration(L, -1, "expires");
    if (options_get(L, 2, "auto_answer"))
        options->answer_after = read_auto_answer(L);
    if (options_get(L, 2, "calls"))
        agent->calls = (unsigned)arg_integer(L, -1, "calls", 1, 1000);
    if (options_get(L, 2, "ring"))
        agent->ring_timeout = read_positive(L, "ring");
    if (options_get(L, 2, "late_offer"))
        agent->late_offer = arg_boolean(L, -1, "late_offer");
    options->media.rtp.changed = &script->world->touched;
    if (options_get(L, 2, "media"))
        phone_media_read(L, script, &options->media);
    if (sip_agent_options_fault(agent))
        complain(L, "%s", sip_agent_options_fault(agent));
}
