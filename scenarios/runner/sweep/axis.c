#include "scenarios/runner/sweep/axis.h"

#include <string.h>

#include "core/base/words.h"

G_DEFINE_QUARK(punchlab-axis-error, axis_error)

static const char *const nats[] = { "none",      "full-cone", "restricted-cone", "port-restricted-cone",
                                    "symmetric", NULL };

void
axis_free(struct axis *axis)
{
    g_free(axis->name);
    g_ptr_array_unref(axis->values);
    g_free(axis);
}

struct axis *
axis_of_one(const char *name, const char *value)
{
    struct axis *axis = g_new0(struct axis, 1);

    axis->name = g_strdup(name);
    axis->values = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(axis->values, g_strdup(value));
    return axis;
}

const struct scenario_parameter *
axis_parameter(const GPtrArray *parameters, const char *name)
{
    for (guint i = 0; i < parameters->len; i++) {
        const struct scenario_parameter *parameter = parameters->pdata[i];

        if (strcmp(parameter->name, name) == 0)
            return parameter;
    }
    return NULL;
}

static void
complain_name(const char *option, const char *name, const GPtrArray *parameters, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    for (guint i = 0; i < parameters->len; i++)
        g_ptr_array_add(names, ((const struct scenario_parameter *)parameters->pdata[i])->name);
    g_ptr_array_add(names, NULL);
    if (parameters->len == 0) {
        g_set_error(error, AXIS_ERROR, 0, "%s: the scenario has no parameters, so none called '%s'", option, name);
        return;
    }
    g_autofree char *complaint =
        words_complaint((const char *const *)names->pdata, name, "a parameter of this scenario");
    g_set_error(error, AXIS_ERROR, 0, "%s: %s", option, complaint);
}

static char *
say(const struct value *value)
{
    GString *text = g_string_new(NULL);

    value_say(value, text);
    return g_string_free(text, FALSE);
}

static void
add_words(GPtrArray *values, const char *const *words)
{
    for (; *words; words++)
        g_ptr_array_add(values, g_strdup(*words));
}

/* The values that go without saying. */
static bool
add_usual(struct axis *axis, const char *option, const struct scenario_parameter *parameter, GError **error)
{
    static const char *const booleans[] = { "false", "true", NULL };
    g_autofree char *fallback = say(parameter->fallback);

    if (parameter->accepted) {
        for (guint i = 0; i < parameter->accepted->len; i++)
            g_ptr_array_add(axis->values, say(parameter->accepted->pdata[i]));
    } else if (words_find(nats, fallback) >= 0) {
        add_words(axis->values, nats);
    } else if (parameter->fallback->type == VALUE_BOOLEAN) {
        add_words(axis->values, booleans);
    } else {
        g_set_error(error, AXIS_ERROR, 0, "%s: say which values '%s' shall take: %s %s=%s,...", option, axis->name,
                    option, axis->name, fallback);
        return false;
    }
    return true;
}

/* Whether the parameter takes this value as far as its {values} say; the run itself judges types. */
static bool
check_value(const char *option, const struct scenario_parameter *parameter, const char *word, GError **error)
{
    g_autoptr(GPtrArray) accepted = g_ptr_array_new_with_free_func(g_free);

    if (!parameter->accepted)
        return true;
    for (guint i = 0; i < parameter->accepted->len; i++)
        g_ptr_array_add(accepted, say(parameter->accepted->pdata[i]));
    g_ptr_array_add(accepted, NULL);
    if (words_find((const char *const *)accepted->pdata, word) >= 0)
        return true;

    g_autofree char *what = g_strdup_printf("a value of '%s'", parameter->name);
    g_autofree char *complaint = words_complaint((const char *const *)accepted->pdata, word, what);
    g_set_error(error, AXIS_ERROR, 0, "%s: %s", option, complaint);
    return false;
}

static bool
add_given(struct axis *axis, const char *option, const struct scenario_parameter *parameter, const char *list,
          GError **error)
{
    g_auto(GStrv) words = g_strsplit(list, ",", -1);

    for (char **word = words; *word; word++) {
        if (**word == '\0') {
            g_set_error(error, AXIS_ERROR, 0, "%s: a value of '%s' is missing in '%s'", option, axis->name, list);
            return false;
        }
        if (!check_value(option, parameter, *word, error))
            return false;
        g_ptr_array_add(axis->values, g_strdup(*word));
    }
    if (axis->values->len > 0)
        return true;
    g_set_error(error, AXIS_ERROR, 0, "%s: '%s=' needs values: %s %s=v1,v2", option, axis->name, option, axis->name);
    return false;
}

struct axis *
axis_parse(const char *option, const char *text, const GPtrArray *parameters, GError **error)
{
    const char *equals = strchr(text, '=');
    g_autoptr(axis) axis = g_new0(struct axis, 1);

    axis->name = g_strndup(text, equals ? (gsize)(equals - text) : strlen(text));
    axis->values = g_ptr_array_new_with_free_func(g_free);

    const struct scenario_parameter *parameter = axis_parameter(parameters, axis->name);
    if (!parameter) {
        complain_name(option, axis->name, parameters, error);
        return NULL;
    }
    if (!(equals ? add_given(axis, option, parameter, equals + 1, error) : add_usual(axis, option, parameter, error)))
        return NULL;
    return g_steal_pointer(&axis);
}
