/* Addresses and prefixes as text, and what has become of interfaces during a run. */
#include "scenarios/lab/parts.h"

/* --- texts ---------------------------------------------------------------------------------------------------- */

/* All ranges of a node that stand on `port`, or on any for NULL. */
static void
say_ranges(const struct node *node, const struct port *port, GString *out)
{
    const char *before = "";

    for (uint32_t i = 0; i < node->local_count; i++) {
        const struct local_range *range = &node->locals[i];
        char text[LAB_RUN_TEXT];

        if (port && range->port != port)
            continue;
        g_string_append_printf(out, "%s%s", before,
                               lab_format_run((struct lab_addresses){ range->first, range->count }, text));
        before = ", ";
    }
}

void
lab_say_addresses(const struct lab_interface *interface, GString *out)
{
    if (interface->port)
        say_ranges(interface->owner->node, interface->port, out);
}

void
lab_say_router_addresses(const struct lab_network *internet, GString *out)
{
    if (internet->router)
        say_ranges(internet->router, NULL, out);
}

void
lab_say_prefixes(const struct lab_network *network, GString *out)
{
    const char *before = "";
    char text[LAB_PREFIX_TEXT];

    EACH_FAMILY(family)
    {
        const struct prefix *prefix = lab_prefix(network, family);

        if (!prefix)
            continue;
        g_string_append_printf(out, "%s%s", before, lab_format_prefix(*prefix, text));
        before = ", ";
    }
}

char *
lab_addresses_text(const struct lab_interface *interface)
{
    GString *text = g_string_new(NULL);

    lab_say_addresses(interface, text);
    return g_string_free(text, FALSE);
}

/* --- changes -------------------------------------------------------------------------------------------------- */

static void
clear_change(void *change)
{
    g_free(((struct lab_change *)change)->before);
    g_free(((struct lab_change *)change)->after);
}

GArray *
lab_changes_new(void)
{
    GArray *changes = g_array_new(FALSE, FALSE, sizeof(struct lab_change));

    g_array_set_clear_func(changes, clear_change);
    return changes;
}

void
lab_take_change(const struct lab_interface *interface, int what, char *before, char *after)
{
    struct lab *lab = lab_of(interface->owner);
    struct lab_change change = { .at = lab->world->now, .interface = interface, .what = what, before, after };

    if (lab->changes->len < LAB_CHANGES && (what != LAB_ATTACHED || change.at > 0))
        g_array_append_val(lab->changes, change);
    else
        clear_change(&change);
}
