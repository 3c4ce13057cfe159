#include "scenarios/runner/lua/parameter.h"

#include "core/base/words.h"
#include "scenarios/runner/lua/arguments.h"
#include "scenarios/runner/lua/value.h"

void
scenario_parameter_free(gpointer data)
{
    struct scenario_parameter *parameter = data;

    g_free(parameter->name);
    g_free(parameter->help);
    value_free(parameter->fallback);
    value_free(parameter->value);
    if (parameter->accepted)
        g_ptr_array_unref(parameter->accepted);
    g_free(parameter);
}

static struct scenario_parameter *
find_parameter(const struct script *script, const char *name, size_t length)
{
    const GPtrArray *parameters = script->scenario.parameters;

    for (guint i = 0; i < parameters->len; i++) {
        struct scenario_parameter *parameter = parameters->pdata[i];

        if (strlen(parameter->name) == length && memcmp(parameter->name, name, length) == 0)
            return parameter;
    }
    return NULL;
}

/* The text of the last --set for `name`; NULL when there is none. */
static const char *
find_setting(const struct script *script, const char *name)
{
    size_t length = strlen(name);
    const char *found = NULL;

    for (const char *const *set = script->options.set; set && *set; set++) {
        if (strncmp(*set, name, length) == 0 && (*set)[length] == '=')
            found = *set + length + 1;
    }
    return found;
}

/* --- reading a setting ------------------------------------------------------------------------------------------ */

static bool
read_boolean(const char *text, struct value *value)
{
    static const char *const words[] = { "false", "true", NULL };
    int found = words_find(words, text);

    value->type = VALUE_BOOLEAN;
    value->boolean = found == 1;
    return found >= 0;
}

static bool
read_number(const char *text, struct value *value)
{
    gint64 integer;
    char *end;

    if (g_ascii_string_to_signed(text, 10, G_MININT64, G_MAXINT64, &integer, NULL)) {
        value->type = VALUE_INTEGER;
        value->integer = integer;
        value->number = (double)integer;
        return true;
    }
    value->type = VALUE_NUMBER;
    value->number = g_ascii_strtod(text, &end);
    return end != text && *end == '\0' && (g_ascii_isdigit(text[0]) || strchr("+-.", text[0]));
}

/* `text` as a value of the type that `like` has; NULL when it is none. */
static struct value *
value_read(const char *text, const struct value *like)
{
    struct value *value;

    if (like->type == VALUE_TEXT)
        return value_text(text, strlen(text));
    value = g_new0(struct value, 1);
    if (like->type == VALUE_BOOLEAN ? read_boolean(text, value) : read_number(text, value))
        return value;
    value_free(value);
    return NULL;
}

static bool
is_accepted(const struct scenario_parameter *parameter, const struct value *value)
{
    for (guint i = 0; parameter->accepted && i < parameter->accepted->len; i++) {
        if (value_equal(parameter->accepted->pdata[i], value))
            return true;
    }
    return !parameter->accepted;
}

/* "'restrictd' is not a value of nat_a; accepted: ..." */
static char *
complaint_about_value(const struct scenario_parameter *parameter, const char *text)
{
    GPtrArray *words = g_ptr_array_new_with_free_func(g_free);
    char *what = g_strdup_printf("a value of %s", parameter->name);

    for (guint i = 0; i < parameter->accepted->len; i++) {
        GString *word = g_string_new(NULL);

        value_say(parameter->accepted->pdata[i], word);
        g_ptr_array_add(words, g_string_free(word, FALSE));
    }
    g_ptr_array_add(words, NULL);
    char *complaint = words_complaint((const char *const *)words->pdata, text, what);
    g_ptr_array_unref(words);
    g_free(what);
    return complaint;
}

/* Sets what the parameter is in this run. False, with script->usage set, when --set says something that it can't be. */
static bool
choose_value(struct script *script, struct scenario_parameter *parameter)
{
    const char *text = find_setting(script, parameter->name);

    if (!text)
        return true;
    struct value *value = value_read(text, parameter->fallback);
    if (!value) {
        g_set_error(&script->usage, SCENARIO_ERROR, 0, "--set %s=%s: '%s' is no %s; accepted: %s", parameter->name,
                    text, text, parameter->fallback->type == VALUE_BOOLEAN ? "boolean" : "number",
                    parameter->fallback->type == VALUE_BOOLEAN ? "true or false" : "a number such as 5 or 0.25");
        return false;
    }
    if (!is_accepted(parameter, value)) {
        g_autofree char *complaint = complaint_about_value(parameter, text);

        value_free(value);
        g_set_error(&script->usage, SCENARIO_ERROR, 0, "--set %s=%s: %s", parameter->name, text, complaint);
        return false;
    }
    value_free(parameter->value);
    parameter->value = value;
    return true;
}

/* --- the word --------------------------------------------------------------------------------------------------- */

static void
check_plain(lua_State *L, int index, const char *name)
{
    int type = lua_type(L, index);

    if (type != LUA_TBOOLEAN && type != LUA_TNUMBER && type != LUA_TSTRING)
        complain_value(L, name, index, "a boolean, a number or a text");
}

static void
check_values(lua_State *L, int index)
{
    lua_Integer count;

    if (lua_isnoneornil(L, index))
        return;
    arg_table(L, index, "the accepted values");
    count = (lua_Integer)lua_rawlen(L, index);
    if (count == 0)
        complain(L, "the list of accepted values is empty");
    for (lua_Integer i = 1; i <= count; i++) {
        lua_rawgeti(L, index, i);
        check_plain(L, lua_gettop(L), "an accepted value");
        if (lua_type(L, -1) != lua_type(L, 2)) {
            const char *accepted = complain_say(L, -1);

            complain(L, "the accepted value %s is of another type than the default %s", accepted, complain_say(L, 2));
        }
        lua_pop(L, 1);
    }
}

static struct scenario_parameter *
read_parameter(lua_State *L)
{
    struct scenario_parameter *parameter = g_new0(struct scenario_parameter, 1);

    parameter->name = g_strdup(lua_tostring(L, 1));
    parameter->help = g_strdup(lua_isnil(L, 3) ? "" : lua_tostring(L, 3));
    parameter->fallback = value_from(L, 2);
    parameter->value = value_from(L, 2);
    if (lua_isnil(L, 4))
        return parameter;
    parameter->accepted = g_ptr_array_new_with_free_func((GDestroyNotify)value_free);
    for (lua_Integer i = 1, count = (lua_Integer)lua_rawlen(L, 4); i <= count; i++) {
        lua_rawgeti(L, 4, i);
        g_ptr_array_add(parameter->accepted, value_from(L, -1));
        lua_pop(L, 1);
    }
    return parameter;
}

int
parameter_word(struct script *script, lua_State *L)
{
    const char *name = arg_text(L, 1, "the name");

    if (script->top_done)
        complain(L, "parameters are read at the top level, at time 0 only");
    check_plain(L, 2, "the default");
    if (!lua_isnoneornil(L, 3))
        (void)arg_text(L, 3, "the help");
    check_values(L, 4);
    arg_no_more(L, 4);
    lua_settop(L, 4);
    if (find_parameter(script, name, strlen(name)))
        complain(L, "there is a parameter '%s' already", name);
    if (name[0] == '\0' || strchr(name, '='))
        complain(L, "'%s' cannot be the name of a parameter", name);
    limits_hold_bytes(L, 512);

    struct scenario_parameter *parameter = read_parameter(L);
    g_ptr_array_add(script->scenario.parameters, parameter);
    if (!is_accepted(parameter, parameter->fallback)) {
        GString *text = g_string_new(NULL);

        value_say(parameter->fallback, text);
        char *complaint = complaint_about_value(parameter, text->str);
        g_string_free(text, TRUE);
        complain_take(L, complaint);
    }
    if (!choose_value(script, parameter))
        return luaL_error(L, "a parameter is wrong");
    value_push(L, parameter->value);
    return 1;
}

/* --- unknown names ---------------------------------------------------------------------------------------------- */

static void
complain_about_name(const struct script *script, const char *name, GError **error)
{
    const GPtrArray *parameters = script->scenario.parameters;
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    for (guint i = 0; i < parameters->len; i++)
        g_ptr_array_add(names, ((const struct scenario_parameter *)parameters->pdata[i])->name);
    g_ptr_array_add(names, NULL);
    if (parameters->len == 0) {
        g_set_error(error, SCENARIO_ERROR, 0, "--set %s: this scenario has no parameters", name);
        return;
    }
    g_autofree char *complaint =
        words_complaint((const char *const *)names->pdata, name, "a parameter of this scenario");
    g_set_error(error, SCENARIO_ERROR, 0, "--set: %s", complaint);
}

bool
parameters_all_known(const struct script *script, GError **error)
{
    for (const char *const *set = script->options.set; set && *set; set++) {
        const char *equals = strchr(*set, '=');
        size_t length = equals ? (size_t)(equals - *set) : strlen(*set);
        g_autofree char *name = g_strndup(*set, length);

        if (!equals) {
            g_set_error(error, SCENARIO_ERROR, 0, "--set %s: it is not of the form name=value", name);
            return false;
        }
        if (!find_parameter(script, name, length)) {
            complain_about_name(script, name, error);
            return false;
        }
    }
    return true;
}
