#include "scenarios/runner/lua/users.h"

#include <string.h>

#include "scenarios/runner/lua/arguments.h"
#include "scenarios/runner/lua/limits.h"
#include "scenarios/runner/lua/stun_words.h"

enum {
    REALM_MOST = 127,
    USER_BYTES = 4608, /* what a user takes: three keys, each with what SHA-1 and SHA-256 have made of it */
};

static struct span
bytes_at(lua_State *L, int index)
{
    size_t length;
    const char *bytes = lua_tolstring(L, index, &length);

    return span_of(bytes, length);
}

bool
users_option(lua_State *L, int table)
{
    size_t count = 0;

    if (!options_get(L, table, "users"))
        return false;
    if (!lua_istable(L, -1))
        complain_value(L, "users", -1, "a table of passwords by name: {alice = 'secret'}");
    lua_pushnil(L);
    while (lua_next(L, -2) != 0) {
        if (lua_type(L, -2) != LUA_TSTRING || lua_type(L, -1) != LUA_TSTRING)
            complain(L, "users has something else than passwords by name; accepted: {alice = 'secret'}");
        if (!stun_user_name_fits(bytes_at(L, -2)))
            complain(L, "a user's name has 1 to %d bytes, and no control characters", STUN_USER_BYTES);
        if (lua_rawlen(L, -1) == 0 || lua_rawlen(L, -1) > STUN_USER_BYTES)
            complain(L, "a user's password has 1 to %d bytes", STUN_USER_BYTES);
        count++;
        lua_pop(L, 1);
    }
    limits_hold_bytes(L, count * USER_BYTES);
    return true;
}

struct stun_users *
users_make(lua_State *L, int index, const char *realm)
{
    struct stun_users *users = stun_users_new(realm);

    lua_pushnil(L);
    while (lua_next(L, index) != 0) {
        bool added = stun_users_add(users, bytes_at(L, -2), bytes_at(L, -1));

        g_assert(added); /* a name stands in a table once */
        lua_pop(L, 1);
    }
    return users;
}

const char *
realm_option(lua_State *L)
{
    const char *realm = arg_text(L, -1, "realm");

    if (strlen(realm) == 0 || strlen(realm) > REALM_MOST)
        complain(L, "realm has %I bytes; accepted: 1 to %d", (lua_Integer)strlen(realm), REALM_MOST);
    return realm;
}
