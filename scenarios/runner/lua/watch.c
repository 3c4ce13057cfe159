#include "scenarios/runner/lua/watch.h"

#include <stdlib.h>

#include "core/base/words.h"
#include "core/net/net.h"
#include "scenarios/lab/kinds.h"
#include "scenarios/runner/lua/endpoint.h"
#include "scenarios/runner/lua/node_words.h"

enum { RECORD_BYTES = 1200 }; /* about what one takes in Lua */

/* What a record must be like. Of `from` and `to` port 0 is any. */
struct filter {
    bool has_packet, has_node, has_reason, has_protocol, has_size, has_ttl, has_from, has_to;
    packet_name packet;
    uint32_t node;
    unsigned reason, size, ttl;
    uint8_t protocol;
    struct endpoint from, to;
    char *action, *text;
};

struct watch {
    struct filter filter;
    const struct names *names;
    int list, function; /* references; LUA_NOREF: no function */
};

struct pending {
    struct watch *watch;
    struct record record;
};

struct call {
    struct watch *watch;
    lua_Integer index; /* in the list */
};

/* --- comparing -------------------------------------------------------------------------------------------------- */

static bool
end_matches(struct endpoint wanted, struct endpoint end)
{
    return address_equal(wanted.address, end.address) && (wanted.port == 0 || wanted.port == end.port);
}

static bool
text_matches(const struct watch *watch, const struct record *record)
{
    GString *text = g_string_new(NULL);

    record->kind->say(record, watch->names, text);
    bool found = strstr(text->str, watch->filter.text);
    g_string_free(text, TRUE);
    return found;
}

static bool
matches(const struct watch *watch, const struct record *record)
{
    const struct filter *filter = &watch->filter;

    return (!filter->has_packet || record->packet == filter->packet) &&
           (!filter->has_node || record->node == filter->node) &&
           (!filter->has_reason || record->reason == filter->reason) &&
           (!filter->has_protocol || record->before.protocol == filter->protocol) &&
           (!filter->has_size || record->size == filter->size) && (!filter->has_ttl || record->ttl == filter->ttl) &&
           (!filter->action || strcmp(record->kind->action, filter->action) == 0) &&
           (!filter->has_from || end_matches(filter->from, flow_source(&record->before))) &&
           (!filter->has_to || end_matches(filter->to, flow_destination(&record->before))) &&
           (!filter->text || text_matches(watch, record));
}

static void
on_record(void *user, const struct record *record)
{
    struct script *script = user;
    struct watches *watches = script->watches;

    for (guint i = 0; i < watches->all->len; i++) {
        struct pending pending = { watches->all->pdata[i], *record };

        if (!matches(pending.watch, record))
            continue;
        g_array_append_val(watches->pending, pending);
        script->world->touched = true;
    }
}

/* --- telling ---------------------------------------------------------------------------------------------------- */

static void
set_end(lua_State *L, const char *name, const struct record *record, struct endpoint end)
{
    if (address_is_none(end.address))
        return;
    if (record->before.protocol == PROTOCOL_UDP || record->before.protocol == PROTOCOL_TCP)
        endpoint_push(L, end);
    else
        arg_push_address(L, end.address);
    lua_setfield(L, -2, name);
}

static void
set_text(lua_State *L, const char *name, const char *text)
{
    lua_pushstring(L, text);
    lua_setfield(L, -2, name);
}

static void
set_integer(lua_State *L, const char *name, lua_Integer value)
{
    lua_pushinteger(L, value);
    lua_setfield(L, -2, name);
}

/* What only a kind knows goes into the same table, groups into tables of their own. */
struct table_fields {
    struct fields fields;
    lua_State *L;
};

static lua_State *
state_of(struct fields *fields)
{
    return ((struct table_fields *)(void *)fields)->L;
}

static void
field_number(struct fields *fields, const char *name, int64_t value)
{
    set_integer(state_of(fields), name, value);
}

static void
field_time(struct fields *fields, const char *name, int64_t value)
{
    arg_push_seconds(state_of(fields), value);
    lua_setfield(state_of(fields), -2, name);
}

static void
field_flag(struct fields *fields, const char *name, bool value)
{
    lua_pushboolean(state_of(fields), value);
    lua_setfield(state_of(fields), -2, name);
}

static void
field_bytes(struct fields *fields, const char *name, struct span value)
{
    lua_pushlstring(state_of(fields), (const char *)value.bytes, value.length);
    lua_setfield(state_of(fields), -2, name);
}

/* Texts that are endpoints: as `from` and `to` are. */
static void
field_text(struct fields *fields, const char *name, struct span value)
{
    static const char *const endpoints[] = { "internal", "external", "first_peer", "mapped", NULL };
    char text[ENDPOINT_TEXT] = "";
    struct endpoint endpoint;

    if (value.length < sizeof text && words_find(endpoints, name) >= 0) {
        memcpy(text, value.bytes, value.length);
        if (endpoint_parse(text, &endpoint)) {
            endpoint_push(state_of(fields), endpoint);
            lua_setfield(state_of(fields), -2, name);
            return;
        }
    }
    field_bytes(fields, name, value);
}

static void
field_open(struct fields *fields, const char *name)
{
    lua_State *L = state_of(fields);

    luaL_checkstack(L, 4, NULL);
    lua_newtable(L);
    lua_pushvalue(L, -1);
    lua_setfield(L, -3, name);
}

static void
field_close(struct fields *fields)
{
    lua_pop(state_of(fields), 1);
}

static void
push_text(lua_State *L, const struct record *record, const struct names *names)
{
    GString *text = g_string_new(NULL);

    record->kind->say(record, names, text);
    lua_pushlstring(L, text->str, text->len); /* fails only where the run ends anyway */
    g_string_free(text, TRUE);
}

static void
push_record(lua_State *L, const struct record *record, const struct names *names)
{
    struct table_fields fields = {
        { .number = field_number,
          .flag = field_flag,
          .text = field_text,
          .bytes = field_bytes,
          .open = field_open,
          .close = field_close,
          .time = field_time },
        L,
    };

    lua_createtable(L, 0, 12);
    if (record->kind->fields)
        record->kind->fields(record, names, &fields.fields);
    if (record->packet) {
        GString *name = g_string_new(NULL);
        packet_name_say(record->packet, names, name);
        lua_pushlstring(L, name->str, name->len);
        g_string_free(name, TRUE);
        lua_setfield(L, -2, "packet");
    }
    set_text(L, "node", names->node(names, record->node));
    set_text(L, "action", record->kind->action);
    set_text(L, "kind", record->kind->name);
    if (record->reason != DROP_NONE)
        set_text(L, "reason", drop_reason_word((enum drop_reason)record->reason));
    if (protocol_name(record->before.protocol))
        set_text(L, "protocol", protocol_name(record->before.protocol));
    if (record->size > 0) {
        set_integer(L, "size", record->size);
        set_integer(L, "ttl", record->ttl);
    }
    set_end(L, "from", record, flow_source(&record->before));
    set_end(L, "to", record, flow_destination(&record->before));
    push_text(L, record, names);
    lua_setfield(L, -2, "text");
    arg_push_seconds(L, record->at);
    lua_setfield(L, -2, "at");
}

void
watch_flush_pending(struct script *script, lua_State *L)
{
    struct watches *watches = script->watches;

    luaL_checkstack(L, 12, NULL);
    while (watches->taken < watches->pending->len) {
        struct pending pending = g_array_index(watches->pending, struct pending, watches->taken);

        watches->taken++;
        limits_spend(L, RECORD_BYTES / 16);
        lua_rawgeti(L, LUA_REGISTRYINDEX, pending.watch->list);
        push_record(L, &pending.record, pending.watch->names);
        lua_Integer index = (lua_Integer)lua_rawlen(L, -2) + 1;
        lua_rawseti(L, -2, index);
        lua_pop(L, 1);
        if (pending.watch->function != LUA_NOREF) {
            struct call call = { pending.watch, index };
            g_array_append_val(watches->calls, call);
        }
    }
    g_array_set_size(watches->pending, 0);
    watches->taken = 0;
}

bool
watch_call(struct script *script)
{
    struct watches *watches = script->watches;
    lua_State *L = script->L;

    watch_flush(script, L);
    if (!watches || watches->called == watches->calls->len)
        return false;
    struct call call = g_array_index(watches->calls, struct call, watches->called);
    watches->called++;
    if (watches->called == watches->calls->len) {
        g_array_set_size(watches->calls, 0);
        watches->called = 0;
    }
    lua_rawgeti(L, LUA_REGISTRYINDEX, call.watch->function);
    lua_rawgeti(L, LUA_REGISTRYINDEX, call.watch->list);
    lua_rawgeti(L, -1, call.index);
    lua_remove(L, -2);
    script_call(script, TURN_CALLBACK, 1);
    return true;
}

/* --- the word --------------------------------------------------------------------------------------------------- */

static packet_name
read_packet(lua_State *L, int index)
{
    const char *text = arg_text(L, index, "packet"), *dot = strrchr(text, '.');
    guint64 ordinal;

    if (!dot || dot == text || !g_ascii_string_to_unsigned(dot + 1, 10, 1, INT64_MAX, &ordinal, NULL))
        complain_value(L, "packet", index, "a packet's name such as 'A.3', as send returns it");
    lua_pushlstring(L, text, (size_t)(dot - text));
    const struct node *maker = arg_decider(L, -1, "the maker of packet");
    lua_pop(L, 1);
    return PACKET_NAME(maker->number, ordinal);
}

static unsigned
read_reason(lua_State *L, int index)
{
    const char *words[DROP_REASON_COUNT + 1], *word = arg_text(L, index, "reason");

    for (unsigned i = 1; i < DROP_REASON_COUNT; i++)
        words[i - 1] = drop_reason_word((enum drop_reason)i);
    words[DROP_REASON_COUNT - 1] = NULL;
    int found = words_find(words, word);
    if (found < 0)
        complain_word(L, "reason", word, words);
    return (unsigned)found + 1;
}

static void
check_action(lua_State *L, int index)
{
    const char *word = arg_text(L, index, "action"), **actions = lab_record_actions();
    bool found = words_find(actions, word) >= 0;

    if (!found) {
        char *complaint = complaint_about_word("action", word, actions);

        g_free(actions);
        complain_take(L, complaint);
    }
    g_free(actions);
}

static uint8_t
read_protocol(lua_State *L, int index)
{
    static const char *const words[] = { "udp", "icmp", "tcp", "icmpv6", NULL };
    static const uint8_t numbers[] = { PROTOCOL_UDP, PROTOCOL_ICMP, PROTOCOL_TCP, PROTOCOL_ICMPV6 };
    const char *word = arg_text(L, index, "protocol");
    int found = words_find(words, word);

    if (found < 0)
        complain_word(L, "protocol", word, words);
    return numbers[found];
}

/* An endpoint, or all of an address. */
static struct endpoint
read_end(lua_State *L, int index, const char *name)
{
    struct handle *handle = handle_at(L, index);
    struct endpoint end = { ADDRESS_NONE, 0 };

    if (handle && node_handle_is(handle))
        end.address = node_handle_address(handle);
    else if (lua_type(L, index) != LUA_TSTRING || !address_parse(lua_tostring(L, index), &end.address))
        end = arg_endpoint(L, index, name, 0);
    return end;
}

static void
read_filter(lua_State *L, int index, struct filter *filter)
{
    static const char *const keys[] = {
        "packet", "node", "action", "reason", "protocol", "size", "ttl", "from", "to", "text", NULL,
    };

    arg_table(L, index, "the filter");
    options_check(L, index, keys, NULL);
    if ((filter->has_packet = options_get(L, index, "packet")))
        filter->packet = read_packet(L, -1);
    if ((filter->has_node = options_get(L, index, "node")))
        filter->node = arg_decider(L, -1, "node")->number;
    if ((filter->has_reason = options_get(L, index, "reason")))
        filter->reason = read_reason(L, -1);
    if ((filter->has_protocol = options_get(L, index, "protocol")))
        filter->protocol = read_protocol(L, -1);
    if ((filter->has_size = options_get(L, index, "size")))
        filter->size = (unsigned)arg_integer(L, -1, "size", 0, 65535);
    if ((filter->has_ttl = options_get(L, index, "ttl")))
        filter->ttl = (unsigned)arg_integer(L, -1, "ttl", 0, 255);
    if ((filter->has_from = options_get(L, index, "from")))
        filter->from = read_end(L, -1, "from");
    if ((filter->has_to = options_get(L, index, "to")))
        filter->to = read_end(L, -1, "to");
    if (options_get(L, index, "action"))
        check_action(L, -1);
    if (options_get(L, index, "text"))
        (void)arg_text(L, -1, "text");
}

static struct watches *
watches_of(struct script *script)
{
    if (!script->watches) {
        script->watches = g_new0(struct watches, 1);
        script->watches->all = g_ptr_array_new();
        script->watches->pending = g_array_new(FALSE, FALSE, sizeof(struct pending));
        script->watches->calls = g_array_new(FALSE, FALSE, sizeof(struct call));
        recorder_listen(script->scenario.recorder, on_record, script);
    }
    return script->watches;
}

/* The text of a field of the filter, copied; NULL when it is not given. */
static char *
copy_field(lua_State *L, int index, const char *name)
{
    if (!options_get(L, index, name))
        return NULL;
    char *copy = g_strdup(lua_tostring(L, -1));
    lua_pop(L, 1);
    return copy;
}

int
watch_word(struct script *script, lua_State *L)
{
    struct filter filter = { .has_packet = false };
    int function = LUA_NOREF;

    arg_no_more(L, 2);
    lua_settop(L, 2);
    luaL_checkstack(L, 20, NULL);
    read_filter(L, 1, &filter);
    if (!lua_isnil(L, 2))
        arg_function(L, 2, "the function");
    limits_hold_bytes(L, sizeof(struct watch));
    lua_settop(L, 2);
    if (!lua_isnil(L, 2)) {
        lua_pushvalue(L, 2);
        function = luaL_ref(L, LUA_REGISTRYINDEX);
    }
    lua_newtable(L);
    lua_pushvalue(L, -1);
    int list = luaL_ref(L, LUA_REGISTRYINDEX);

    struct watch *watch = g_new0(struct watch, 1);
    watch->filter = filter;
    watch->filter.action = copy_field(L, 1, "action");
    watch->filter.text = copy_field(L, 1, "text");
    watch->names = recorder_names(script->scenario.recorder);
    watch->list = list;
    watch->function = function;
    g_ptr_array_add(watches_of(script)->all, watch);
    lua_settop(L, 3);
    return 1;
}

void
watch_free_all(struct script *script)
{
    struct watches *watches = script->watches;

    if (!watches)
        return;
    recorder_unlisten(script->scenario.recorder, on_record, script);
    for (guint i = 0; i < watches->all->len; i++) {
        struct watch *watch = watches->all->pdata[i];

        g_free(watch->filter.action);
        g_free(watch->filter.text);
        g_free(watch);
    }
    g_ptr_array_unref(watches->all);
    g_array_unref(watches->pending);
    g_array_unref(watches->calls);
    g_clear_pointer(&script->watches, g_free);
}
