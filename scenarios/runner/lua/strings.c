/* string.find, match, gmatch, gsub, rep and format: as Lua's manual describes them, with every step counted. */
#include <lauxlib.h>
#include <limits.h>

#include "scenarios/runner/lua/limits.h"
#include "scenarios/runner/lua/pattern.h"
#include "scenarios/runner/lua/sandbox.h"

enum { STEPS_A_CONVERSION = 20, STEPS_A_FLOAT = 200 }; /* of string.format */

static struct span
check_span(lua_State *L, int index)
{
    size_t length;
    const char *text = luaL_checklstring(L, index, &length);

    return span_of(text, length);
}

/* Where a search begins, from the optional argument at `index`: from 0; beyond the end when there is nothing to
 * find. */
static size_t
check_start(lua_State *L, int index, size_t length)
{
    lua_Integer start = luaL_optinteger(L, index, 1);

    if (start > 0)
        return (size_t)start - 1;
    if (start == 0 || (uint64_t)-start > length)
        return 0;
    return length - (size_t)-start;
}

/* Raises what a match has to complain about; true when it matched. */
static bool
check_result(lua_State *L, const struct pattern_match *match, enum pattern_result result)
{
    if (result == PATTERN_MALFORMED)
        luaL_error(L, "%s", match->complaint);
    if (result == PATTERN_EXHAUSTED)
        limits_meet(L, *match->steps > 0 ? LIMIT_INTERRUPTED : LIMIT_STEPS);
    return result == PATTERN_MATCHED;
}

static void
push_capture(lua_State *L, const struct pattern_match *match, unsigned index)
{
    const char *subject = (const char *)match->subject.bytes;

    if (index >= match->capture_count) {
        if (index != 0)
            luaL_error(L, "invalid capture index %%%d", (int)index + 1);
        lua_pushlstring(L, subject + match->begin, match->end - match->begin);
        return;
    }
    const struct pattern_capture *capture = &match->captures[index];
    if (capture->length == PATTERN_POSITION)
        lua_pushinteger(L, (lua_Integer)capture->begin + 1);
    else
        lua_pushlstring(L, subject + capture->begin, (size_t)capture->length);
}

/* All captures; the whole match when there are none and `whole` asks for it. */
static int
push_captures(lua_State *L, const struct pattern_match *match, bool whole)
{
    unsigned count = match->capture_count == 0 && whole ? 1 : match->capture_count;

    luaL_checkstack(L, (int)count, "too many captures");
    for (unsigned i = 0; i < count; i++)
        push_capture(L, match, i);
    return (int)count;
}

static bool
go_on(struct pattern_match *match)
{
    struct limits *limits = match->user;

    limits_ask_later(limits);
    match->ask_at = limits->ask_at;
    return !limits_interrupted(limits);
}

static struct pattern_match
match_new(lua_State *L, struct span subject, struct span pattern)
{
    struct limits *limits = limits_of(L);

    limits_spend(L, 10);
    return (struct pattern_match){
        .subject = subject, .pattern = pattern, .steps = &limits->steps, .go_on = go_on, .ask_at = limits->ask_at,
        .user = limits,
    };
}

static int
find_plain(lua_State *L, struct span subject, struct span pattern, size_t from)
{
    limits_spend(L, (subject.length - from) / 16 + pattern.length / 16);
    const uint8_t *found = pattern.length == 0
                               ? subject.bytes + from
                               : memmem(subject.bytes + from, subject.length - from, pattern.bytes, pattern.length);
    if (!found) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushinteger(L, found - subject.bytes + 1);
    lua_pushinteger(L, found - subject.bytes + (lua_Integer)pattern.length);
    return 2;
}

static int
find_or_match(lua_State *L, bool find)
{
    struct span subject = check_span(L, 1), pattern = check_span(L, 2);
    size_t from = check_start(L, 3, subject.length);
    struct pattern_match match = match_new(L, subject, pattern);

    if (from > subject.length) {
        lua_pushnil(L);
        return 1;
    }
    if (find && (lua_toboolean(L, 4) || pattern_is_plain(pattern)))
        return find_plain(L, subject, pattern, from);
    if (!check_result(L, &match, pattern_search(&match, from))) {
        lua_pushnil(L);
        return 1;
    }
    if (!find)
        return push_captures(L, &match, true);
    lua_pushinteger(L, (lua_Integer)match.begin + 1);
    lua_pushinteger(L, (lua_Integer)match.end);
    return 2 + push_captures(L, &match, false);
}

static int
string_find(lua_State *L)
{
    return find_or_match(L, true);
}

static int
string_match(lua_State *L)
{
    return find_or_match(L, false);
}

/* Upvalues: subject, pattern, where to go on, where the last match ended (an empty one may not begin there again). */
static int
gmatch_next(lua_State *L)
{
    struct span subject = check_span(L, lua_upvalueindex(1)), pattern = check_span(L, lua_upvalueindex(2));
    size_t from = (size_t)lua_tointeger(L, lua_upvalueindex(3));
    lua_Integer last = lua_tointeger(L, lua_upvalueindex(4));
    struct pattern_match match = match_new(L, subject, pattern);

    for (; from <= subject.length; from++) {
        if (!check_result(L, &match, pattern_match_at(&match, from)) || (lua_Integer)match.end == last)
            continue;
        lua_pushinteger(L, (lua_Integer)match.end);
        lua_copy(L, -1, lua_upvalueindex(3));
        lua_replace(L, lua_upvalueindex(4));
        return push_captures(L, &match, true);
    }
    return 0;
}

static int
string_gmatch(lua_State *L)
{
    struct span subject = check_span(L, 1);

    (void)check_span(L, 2);
    size_t from = check_start(L, 3, subject.length);
    lua_settop(L, 2);
    lua_pushinteger(L, (lua_Integer)(from > subject.length ? subject.length + 1 : from));
    lua_pushinteger(L, -1);
    lua_pushcclosure(L, gmatch_next, 4);
    return 1;
}

/* The replacement text with its %0 to %9 filled in. */
static void
add_template(lua_State *L, luaL_Buffer *out, const struct pattern_match *match)
{
    struct span text = check_span(L, 3);

    limits_spend(L, text.length / 16);
    for (size_t i = 0; i < text.length; i++) {
        uint8_t c = text.bytes[i];

        if (c != '%') {
            luaL_addchar(out, c);
            continue;
        }
        c = ++i < text.length ? text.bytes[i] : 0;
        if (c == '%') {
            luaL_addchar(out, '%');
        } else if (c == '0') {
            luaL_addlstring(out, (const char *)match->subject.bytes + match->begin, match->end - match->begin);
        } else if (c >= '1' && c <= '9') {
            push_capture(L, match, c - '1');
            luaL_tolstring(L, -1, NULL); /* a position becomes text */
            lua_remove(L, -2);
            luaL_addvalue(out);
        } else {
            luaL_error(L, "invalid use of '%%' in replacement string");
        }
    }
}

/* What stands for one match; false when it stays as it is. */
static bool
add_replacement(lua_State *L, luaL_Buffer *out, const struct pattern_match *match, int type)
{
    if (type == LUA_TSTRING || type == LUA_TNUMBER) {
        add_template(L, out, match);
        return true;
    }
    if (type == LUA_TFUNCTION) {
        lua_pushvalue(L, 3);
        lua_call(L, push_captures(L, match, true), 1);
    } else {
        push_capture(L, match, 0);
        lua_gettable(L, 3);
    }
    if (!lua_toboolean(L, -1)) {
        lua_pop(L, 1);
        luaL_addlstring(out, (const char *)match->subject.bytes + match->begin, match->end - match->begin);
        return false;
    }
    if (!lua_isstring(L, -1))
        luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
    luaL_addvalue(out);
    return true;
}

static int
string_gsub(lua_State *L)
{
    struct span subject = check_span(L, 1), pattern = check_span(L, 2);
    int type = lua_type(L, 3);
    lua_Integer most = luaL_optinteger(L, 4, (lua_Integer)subject.length + 1), count = 0;
    bool anchored = pattern.length > 0 && pattern.bytes[0] == '^';
    size_t from = 0, last = SIZE_MAX;

    luaL_argexpected(L, type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TFUNCTION || type == LUA_TTABLE, 3,
                     "string/function/table");
    struct pattern_match match =
        match_new(L, subject, anchored ? span_of(pattern.bytes + 1, pattern.length - 1) : pattern);

    luaL_Buffer out;
    luaL_buffinit(L, &out);
    while (count < most) {
        if (check_result(L, &match, pattern_match_at(&match, from)) && match.end != last) {
            count++;
            add_replacement(L, &out, &match, type);
            from = last = match.end;
        } else if (from < subject.length) {
            luaL_addchar(&out, subject.bytes[from++]);
        } else {
            break;
        }
        if (anchored)
            break;
    }
    if (from < subject.length)
        luaL_addlstring(&out, (const char *)subject.bytes + from, subject.length - from);
    luaL_pushresult(&out);
    lua_pushinteger(L, count);
    return 2;
}

static int
string_rep(lua_State *L)
{
    struct span text = check_span(L, 1), separator = { NULL, 0 };
    lua_Integer count = luaL_checkinteger(L, 2);

    if (!lua_isnoneornil(L, 3))
        separator = check_span(L, 3);
    if (count <= 0) {
        lua_pushliteral(L, "");
        return 1;
    }
    size_t each = text.length + separator.length;
    if (each > 0 && (uint64_t)count > SIZE_MAX / 2 / each)
        limits_expect_bytes(L, SIZE_MAX);
    size_t total = (size_t)count * each - separator.length;
    limits_expect_bytes(L, total);

    luaL_Buffer out;
    char *bytes = luaL_buffinitsize(L, &out, total);
    if (each > 0) {
        memcpy(bytes, text.bytes, text.length);
        if (total > text.length && separator.length > 0)
            memcpy(bytes + text.length, separator.bytes, separator.length);
        for (size_t filled = each; filled < total; filled *= 2) /* what is there once more, each time */
            memcpy(bytes + filled, bytes, filled < total - filled ? filled : total - filled);
    }
    luaL_pushresultsize(&out, total);
    return 1;
}

static int
string_byte(lua_State *L)
{
    struct span text = check_span(L, 1);
    lua_Integer first = luaL_optinteger(L, 2, 1), last = luaL_optinteger(L, 3, first),
                length = (lua_Integer)text.length;

    first = first > 0 ? first : first == 0 || first < -length ? 1 : length + first + 1;
    last = last > length ? length : last >= 0 ? last : last < -length ? 0 : length + last + 1;
    if (first > last)
        return 0;
    luaL_argcheck(L, last - first < INT_MAX, 3, "string slice too long");
    luaL_checkstack(L, (int)(last - first + 1), "string slice too long");
    limits_spend(L, (uint64_t)(last - first) / 4);
    for (lua_Integer i = first; i <= last; i++)
        lua_pushinteger(L, text.bytes[i - 1]);
    return (int)(last - first + 1);
}

/* For the functions of utf8, which go through their whole text (upvalues: the original, its name). */
static int
walk_text(lua_State *L)
{
    limits_spend(L, lua_type(L, 1) == LUA_TSTRING ? lua_rawlen(L, 1) / 2 : (size_t)lua_gettop(L));
    return sandbox_call_original(L, lua_tostring(L, lua_upvalueindex(2)), lua_gettop(L));
}

/* Behind the flags, width and precision of a conversion: its letter. */
static const char *
conversion_letter(const char *at)
{
    return at + strspn(at, "-+ #0123456789.");
}

/* Turns the argument of each %s into text that shows no address, and refuses %p; the rest is Lua's own (upvalue 1). */
static int
string_format(lua_State *L)
{
    size_t length, total = 0;
    const char *format = luaL_checklstring(L, 1, &length), *end = format + length;
    int argument = 1, top = lua_gettop(L);

    for (const char *at = format; (at = memchr(at, '%', (size_t)(end - at))); at++) {
        if (*++at == '%')
            continue;
        at = conversion_letter(at);
        limits_spend(L, at < end && strchr("aAeEfFgG", *at) ? STEPS_A_FLOAT : STEPS_A_CONVERSION);
        if (++argument > top || at >= end)
            break;
        if (*at == 'p')
            luaL_error(L, "string.format: '%%p' shows an address: not in a scenario");
        if (*at == 's') {
            sandbox_tostring(L, argument, &length);
            lua_replace(L, argument);
            total += length;
        } else if (lua_type(L, argument) == LUA_TNUMBER && lua_tonumber(L, argument) != lua_tonumber(L, argument)) {
            lua_pushnumber(L, (lua_Number)__builtin_nan("")); /* without a sign, which machines set as they like */
            lua_replace(L, argument);
        }
    }
    limits_expect_bytes(L, total + (size_t)(end - format));
    return sandbox_call_original(L, "format", top);
}

void
sandbox_open_strings(lua_State *L)
{
    static const luaL_Reg replaced[] = {
        { "find", string_find }, { "match", string_match }, { "gmatch", string_gmatch },
        { "gsub", string_gsub }, { "rep", string_rep },     { "byte", string_byte },
        { NULL, NULL },
    };
    static const char *const walking[] = { "len", "codepoint", "offset", "char" };

    lua_getglobal(L, "string");
    luaL_setfuncs(L, replaced, 0);
    lua_getfield(L, -1, "format");
    lua_pushcclosure(L, string_format, 1);
    lua_setfield(L, -2, "format");
    lua_pushnil(L);
    lua_setfield(L, -2, "dump");
    lua_pop(L, 1);

    lua_getglobal(L, "utf8");
    for (size_t i = 0; i < sizeof walking / sizeof *walking; i++) {
        lua_getfield(L, -1, walking[i]);
        lua_pushstring(L, walking[i]);
        lua_pushcclosure(L, walk_text, 2);
        lua_setfield(L, -2, walking[i]);
    }
    lua_pop(L, 1);
}
