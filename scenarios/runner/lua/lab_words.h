/* `require "punchlab"`: the words of `lab`. */
#ifndef SCENARIOS_RUNNER_LUA_LAB_WORDS_H
#define SCENARIOS_RUNNER_LUA_LAB_WORDS_H

#include "scenarios/runner/lua/script.h"

/* Sets the globals `require` and `print`. */
void lab_words_open(lua_State *L);

/* What a script reports (report_words.c). */
int report_word_note(struct script *script, lua_State *L);
int report_word_result(struct script *script, lua_State *L);
int report_word_expect(struct script *script, lua_State *L);
/* A copy of a text of the script's in which each NUL is written as \0: what is told of it ends with none. */
char *text_without_nul(const char *text, size_t length);
int report_word_print(lua_State *L);
/* Pushes lab.results: reads what lab.result has set; an assignment is a lab.result. */
void report_push_results(lua_State *L);

void scenario_result_free(gpointer result);
void scenario_expectation_free(gpointer expectation);
void scenario_note_free(gpointer note);
void scenario_waiting_free(gpointer waiting);

#endif
