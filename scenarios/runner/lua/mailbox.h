/* Mailboxes: values from task to task, first in, first out. */
#ifndef SCENARIOS_RUNNER_LUA_MAILBOX_H
#define SCENARIOS_RUNNER_LUA_MAILBOX_H

#include "scenarios/runner/lua/handle.h"

int mailbox_word_new(struct script *script, lua_State *L); /* lab.mailbox() */

#endif
