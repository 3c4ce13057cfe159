#include "scenarios/runner/lua/mailbox.h"

#include "scenarios/runner/lua/arguments.h"
#include "scenarios/runner/lua/script.h"

struct mailbox {
    struct handle handle;
    lua_Integer first, count; /* in the list that is its user value */
    struct waits takers;
};

static const struct type mailbox_type;

int
mailbox_word_new(struct script *script, lua_State *L)
{
    (void)script;
    arg_no_more(L, 0);
    struct mailbox *mailbox = handle_new(L, &mailbox_type, sizeof *mailbox);
    mailbox->first = 1;
    lua_newtable(L);
    lua_setiuservalue(L, -2, 1);
    return 1;
}

static int
mailbox_put(struct script *script, lua_State *L)
{
    struct mailbox *mailbox = lua_touserdata(L, 1);

    if (lua_isnoneornil(L, 2))
        complain_value(L, "the value", 2, "anything but nil");
    arg_no_more(L, 2);
    lua_getiuservalue(L, 1, 1);
    lua_pushvalue(L, 2);
    lua_rawseti(L, -2, mailbox->first + mailbox->count);
    mailbox->count++;
    script->world->touched = true;
    task_wake_all(&mailbox->takers);
    return 0;
}

static int
take_go_on(lua_State *L, int status, lua_KContext context)
{
    struct mailbox *mailbox = lua_touserdata(L, 1);

    (void)status;
    (void)context;
    if (mailbox->count > 0) {
        lua_getiuservalue(L, 1, 1);
        lua_rawgeti(L, -1, mailbox->first);
        lua_pushnil(L);
        lua_rawseti(L, -3, mailbox->first);
        mailbox->first++;
        mailbox->count--;
        return 1;
    }
    if (task_timed_out(L))
        return arg_push_failure(L, "timeout");
    return task_park(L, &mailbox->takers, "take", &mailbox->handle, take_go_on);
}

static int
mailbox_take(struct script *script, lua_State *L)
{
    const struct mailbox *mailbox = lua_touserdata(L, 1);
    int64_t timeout = arg_timeout(L, 2);

    (void)script;
    arg_no_more(L, 2);
    if (mailbox->count == 0 && timeout == 0)
        return arg_push_failure(L, "timeout");
    if (mailbox->count == 0)
        task_check_may_wait(L);
    task_set_deadline(L, timeout);
    return take_go_on(L, LUA_OK, 0);
}

static const struct word mailbox_words[] = { { "put", mailbox_put }, { "take", mailbox_take }, { NULL, NULL } };

static const struct type mailbox_type = { .name = "mailbox", .words = { mailbox_words }, .user_values = 1 };
