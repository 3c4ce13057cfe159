#include "scenarios/runner/cli/serve_turn_options.h"

#include <string.h>

#include "scenarios/runner/cli/addresses.h"
#include "scenarios/runner/cli/users.h"

#define DRAIN_DEFAULT (10 * TIME_S)

static bool
complain(GError **error, const char *what, const char *text, const char *accepted)
{
    g_set_error(error, ARGUMENTS_ERROR, 0, "%s: '%s' is not taken; accepted: %s", what, text, accepted);
    return false;
}

/* --- where ------------------------------------------------------------------------------------------------------ */

/* "ADDR" or "ADDR/EXTERNAL", of one family. */
static bool
parse_relay(const char *text, struct turn_relay_address *relay)
{
    const char *slash = strchr(text, '/');
    g_autofree char *inside = slash ? g_strndup(text, (gsize)(slash - text)) : g_strdup(text);

    *relay = (struct turn_relay_address){ ADDRESS_NONE, ADDRESS_NONE };
    if (!address_parse(inside, &relay->address) || address_is_unspecified(relay->address))
        return false;
    return !slash || (address_parse(slash + 1, &relay->external) && !address_is_unspecified(relay->external) &&
                      address_family(relay->external) == address_family(relay->address));
}

static bool
read_relays(const GPtrArray *texts, struct turn_listen *listen, GError **error)
{
    for (guint i = 0; texts && i < texts->len; i++) {
        struct turn_relay_address relay, *seat;

        if (!parse_relay(texts->pdata[i], &relay))
            return complain(error, "--relay", texts->pdata[i],
                            "an address, or ADDR/EXTERNAL of one family: 10.0.0.2/198.51.100.1");
        seat = address_is_ipv4(relay.address) ? &listen->ipv4 : &listen->ipv6;
        if (!address_is_none(seat->address))
            return complain(error, "--relay", texts->pdata[i], "one of each family");
        *seat = relay;
    }
    return true;
}

static bool
read_places(struct turn_choice *choice, const struct serve_options *given, GError **error)
{
    struct endpoint at[TURN_SERVER_MAX_LISTEN] = { choice->server.listen[0].at };
    struct turn_listen relays = { .at = { ADDRESS_NONE, 0 } };

    choice->server.listens = serve_addresses(given, STUN_PORT, at, TURN_SERVER_MAX_LISTEN, error);
    if (choice->server.listens == 0 || !read_relays(given->relay, &relays, error))
        return false;
    for (size_t i = 0; i < choice->server.listens; i++) {
        choice->server.listen[i] = relays;
        choice->server.listen[i].at = at[i];
    }
    return true;
}

/* --- who -------------------------------------------------------------------------------------------------------- */

static bool
read_users(struct turn_choice *choice, const struct serve_options *given, GError **error)
{
    const char *realm = given->realm ? given->realm : USERS_REALM;
    bool asked = given->users || given->secret;

    if (asked == given->open) {
        g_set_error_literal(error, ARGUMENTS_ERROR, 0,
                            asked ? "--open is for everybody, --user and --secret are not: give one or the other"
                                  : "who may use the relay? accepted: --user NAME:PASSWORD, --secret TEXT, or --open "
                                    "for everybody");
        return false;
    }
    if (given->secret && !*given->secret)
        return complain(error, "--secret", "", "a text that nobody guesses");
    if (!users_read(given->users, given->users ? realm : NULL, &choice->users, error) ||
        !users_check_realm(realm, error))
        return false;
    choice->server.users = choice->users;
    choice->server.realm = realm;
    choice->server.secret = given->secret ? span_of_text(given->secret) : span_of("", 0);
    return true;
}

static bool
read_prefixes(const char *what, const GPtrArray *texts, GArray **prefixes, GError **error)
{
    *prefixes = g_array_new(FALSE, FALSE, sizeof(struct prefix));
    for (guint i = 0; texts && i < texts->len; i++) {
        struct prefix prefix;

        if (!prefix_parse(texts->pdata[i], &prefix))
            return complain(error, what, texts->pdata[i], "a prefix: 10.0.0.0/8, 198.51.100.1/32 or 2001:db8::/32");
        g_array_append_val(*prefixes, prefix);
    }
    return true;
}

static bool
read_peers(struct turn_choice *choice, const struct serve_options *given, GError **error)
{
    if (!read_prefixes("--allow", given->allow, &choice->allow, error) ||
        !read_prefixes("--deny", given->deny, &choice->deny, error))
        return false;
    choice->server.peers = (struct turn_policy){ .allow = (const struct prefix *)choice->allow->data,
                                                 .allows = choice->allow->len,
                                                 .deny = (const struct prefix *)choice->deny->data,
                                                 .denies = choice->deny->len };
    return true;
}

/* --- how much --------------------------------------------------------------------------------------------------- */

/* `*number` stays where nothing is given; none is not taken. */
static bool
read_count(const char *what, const char *text, unsigned *number, GError **error)
{
    uint64_t value;

    if (!text)
        return true;
    if (!arguments_number(what, text, &value, error))
        return false;
    if (value < 1 || value > INT32_MAX)
        return complain(error, what, text, "a whole number from 1 to 2147483647");
    *number = (unsigned)value;
    return true;
}

static bool
read_bandwidth(const char *text, uint64_t *bytes_per_second, GError **error)
{
    uint64_t bits;

    if (!text)
        return true;
    if (!arguments_rate("--bandwidth", text, &bits, error))
        return false;
    *bytes_per_second = MAX(bits / 8, 1);
    return true;
}

static bool
read_ports(const char *text, struct turn_server_options *server, GError **error)
{
    const char *dash = text ? strchr(text, '-') : NULL;
    g_autofree char *low = dash ? g_strndup(text, (gsize)(dash - text)) : NULL;
    guint64 first, last;

    if (!text)
        return true;
    if (!dash || !g_ascii_string_to_unsigned(low, 10, TURN_PORT_LEAST, UINT16_MAX, &first, NULL) ||
        !g_ascii_string_to_unsigned(dash + 1, 10, first, UINT16_MAX, &last, NULL))
        return complain(error, "--ports", text, "LOW-HIGH, from 1024 to 65535");
    server->port_first = (uint16_t)first;
    server->port_last = (uint16_t)last;
    return true;
}

static bool
read_time(const char *what, const char *text, int64_t *time, GError **error)
{
    return !text || arguments_duration(what, text, time, error);
}

static bool
read_limits(struct turn_choice *choice, const struct serve_options *given, GError **error)
{
    struct turn_server_options *server = &choice->server;

    if (!read_count("--quota", given->quota, &server->per_user, error) ||
        !read_count("--total-quota", given->total_quota, &server->total, error) ||
        !read_bandwidth(given->bandwidth, &server->bytes_per_second, error) ||
        !read_ports(given->ports, server, error) ||
        !read_time("--max-lifetime", given->max_lifetime, &server->lifetime_most, error) ||
        !read_time("--drain", given->drain, &choice->drain, error))
        return false;
    /* Section 7.2: never less than the default lifetime. */
    if (server->lifetime_most < TURN_LIFETIME || server->lifetime_most > UINT32_MAX * TIME_S)
        return complain(error, "--max-lifetime", given->max_lifetime, "from 10min to 136 years");
    return true;
}

bool
turn_choice_read(struct turn_choice *choice, const struct serve_options *given, GError **error)
{
    choice->server = TURN_SERVER_DEFAULTS;
    choice->server.old_channels = given->old_channels;
    choice->server.data_untold = true;
    choice->drain = DRAIN_DEFAULT;
    return read_users(choice, given, error) && read_places(choice, given, error) && read_peers(choice, given, error) &&
           read_limits(choice, given, error);
}

void
turn_choice_clear(struct turn_choice *choice)
{
    g_clear_pointer(&choice->users, stun_users_free);
    g_clear_pointer(&choice->allow, g_array_unref);
    g_clear_pointer(&choice->deny, g_array_unref);
}
