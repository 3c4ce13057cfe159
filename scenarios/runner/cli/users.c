#include "scenarios/runner/cli/users.h"

#include <string.h>

#define MOST_CHARACTERS 127 /* of a realm (RFC 8489 section 14.9) */

GQuark
users_error_quark(void)
{
    return g_quark_from_static_string("users");
}

bool
users_check_realm(const char *realm, GError **error)
{
    if (*realm && g_utf8_validate(realm, -1, NULL) && g_utf8_strlen(realm, -1) <= MOST_CHARACTERS)
        return true;
    g_set_error(error, USERS_ERROR, 0, "--realm: '%s' is no realm; accepted: text of 1 to %d characters", realm,
                MOST_CHARACTERS);
    return false;
}

static bool
add_user(struct stun_users *users, const char *text, GError **error)
{
    const char *colon = strchr(text, ':'), *end = colon ? colon : text + strlen(text);
    struct span name = span_of(text, (size_t)(end - text));
    g_autofree char *said = g_strndup(text, name.length);

    if (!colon || colon[1] == '\0')
        g_set_error(error, USERS_ERROR, 0, "--user: '%s' has no password; accepted: NAME:PASSWORD", said);
    else if (!g_utf8_validate(text, -1, NULL))
        g_set_error_literal(error, USERS_ERROR, 0, "--user: not UTF-8; accepted: NAME:PASSWORD");
    else if (stun_users_find(users, name))
        g_set_error(error, USERS_ERROR, 0, "--user: '%s' is there twice", said);
    else if (!stun_users_add(users, name, span_of_text(colon + 1)))
        g_set_error(error, USERS_ERROR, 0,
                    "--user: a name of %zu bytes; accepted: 1 to 508 bytes, without control characters", name.length);
    else
        return true;
    return false;
}

bool
users_read(const GPtrArray *given, const char *realm, struct stun_users **users, GError **error)
{
    g_autoptr(stun_users) table = NULL;

    *users = NULL;
    if (!given && realm)
        g_set_error_literal(error, USERS_ERROR, 0, "--realm needs a --user NAME:PASSWORD");
    if (!given)
        return !realm;
    if (!realm)
        realm = USERS_REALM;
    if (!users_check_realm(realm, error))
        return false;
    table = stun_users_new(realm);
    for (guint i = 0; i < given->len; i++)
        if (!add_user(table, given->pdata[i], error))
            return false;
    *users = g_steal_pointer(&table);
    return true;
}
