/* The topology as a tree of text. */
#include "scenarios/lab/parts.h"

/* What is drawn below a network; made for the drawing. */
struct drawing {
    GString *out;
    GString *indent;
    GHashTable *members; /* struct lab_network * -> GPtrArray of its struct lab_interface *, in order of making */
    GHashTable *nones;   /* struct lab_node * -> the struct lab_network * of type none that it stands for */
};

/* --- links ---------------------------------------------------------------------------------------------------- */

static void add_part(GString *out, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void
add_part(GString *out, const char *format, ...)
{
    va_list arguments;

    if (out->len > 0)
        g_string_append(out, ", ");
    va_start(arguments, format);
    g_string_append_vprintf(out, format, arguments);
    va_end(arguments);
}

static void
add_share(GString *out, const char *what, chance share)
{
    add_part(out, "%s %.3g%%", what, share == CHANCE_ALWAYS ? 100.0 : share / 42949672.96);
}

/* 10000000 is "10Mbit/s". */
static void
add_rate(GString *out, uint64_t rate)
{
    static const char *const units[] = { "bit/s", "kbit/s", "Mbit/s", "Gbit/s" };
    unsigned unit = 0;

    for (; unit + 1 < G_N_ELEMENTS(units) && rate % 1000 == 0; unit++)
        rate /= 1000;
    add_part(out, "%" G_GUINT64_FORMAT "%s", rate, units[unit]);
}

/* The options that are not those of `usual`. */
static void
say_options(GString *out, const struct link_options *options, const struct link_options *usual)
{
    char text[DURATION_TEXT];

    if (options->delay != usual->delay)
        add_part(out, "%s", duration_format(options->delay, text));
    if (options->jitter != usual->jitter)
        add_part(out, "jitter %s", duration_format(options->jitter, text));
    if (options->loss != usual->loss)
        add_share(out, "loss", options->loss);
    if (options->duplicate != usual->duplicate)
        add_share(out, "duplicate", options->duplicate);
    if (options->reorder != usual->reorder)
        add_share(out, "reorder", options->reorder);
    if (options->rate != usual->rate && options->rate == 0)
        add_part(out, "no rate limit");
    else if (options->rate != usual->rate)
        add_rate(out, options->rate);
    if (options->queue != usual->queue)
        add_part(out, "queue %" G_GUINT64_FORMAT, options->queue);
    if (options->mtu != usual->mtu)
        add_part(out, "MTU %u", options->mtu);
    if (options->fault_count > 0 && options->faults != usual->faults)
        add_part(out, options->fault_count == 1 ? "%u fault" : "%u faults", options->fault_count);
    if (options->off != usual->off)
        add_part(out, options->off ? "off" : "on");
}

/* Appends nothing when the link is the usual one. */
static void
say_link(GString *out, const struct lab_link *link, const struct lab_link *usual, const char *before, const char *after)
{
    g_autoptr(GString) up = g_string_new(NULL), down = g_string_new(NULL);

    say_options(up, &link->up, &usual->up);
    say_options(down, &link->down, &usual->down);
    if (up->len == 0 && down->len == 0)
        return;
    g_string_append(out, before);
    if (g_string_equal(up, down))
        g_string_append(out, up->str);
    else
        g_string_append_printf(out, "%s%s%s%s%s", up->len ? "up " : "", up->str, up->len && down->len ? "; " : "",
                               down->len ? "down " : "", down->str);
    g_string_append(out, after);
}

/* --- lines ---------------------------------------------------------------------------------------------------- */

/* Puts two blanks before what was appended behind `before`, if anything was. */
static void
set_apart(GString *out, size_t before)
{
    if (out->len > before)
        g_string_insert(out, (gssize)before, "  ");
}

static void
say_addresses(GString *out, const struct lab_interface *interface)
{
    size_t before = out->len;

    lab_say_addresses(interface, out);
    set_apart(out, before);
}

static void
say_prefixes(GString *out, const struct lab_network *network)
{
    size_t before = out->len;

    lab_say_prefixes(network, out);
    set_apart(out, before);
}

static void
say_kind(GString *out, const struct lab_node *node)
{
    static const char *const words[] = { "host", "router", "NAT", "firewall" };

    if (node->kind != LAB_HOST)
        g_string_append_printf(out, "  (%s%s%s)", words[node->kind], node->box->type ? ": " : "",
                               node->box->type ? node->box->type : "");
}

static void
draw_line(struct drawing *drawing, const struct lab_interface *interface, bool last)
{
    const struct lab_node *node = interface->owner;
    const struct lab_network *none = g_hash_table_lookup(drawing->nones, node);
    struct lab_link link = lab_interface_link(interface);

    g_string_append_printf(drawing->out, "%s%s%s", drawing->indent->str, last ? "└── " : "├── ", node->node->name);
    say_addresses(drawing->out, interface);
    if (interface == &node->first)
        say_kind(drawing->out, node);
    else
        g_string_append_printf(drawing->out, "  (also on %s%s)", node->first.network->name,
                               interface->port->inside ? "; the gateway here" : "");
    if (none && interface->network == none->stands_for)
        g_string_append_printf(drawing->out, "  (for %s, of type none)", none->name);
    say_link(drawing->out, &link, interface->network->links, "  [", "]");
    g_string_append_c(drawing->out, '\n');
}

static void draw_members(struct drawing *drawing, const struct lab_network *network);

/* A box's insides below it. A second one gets a line of its own, the first as well when there is more to say of it. */
static void
draw_insides(struct drawing *drawing, const struct lab_node *box)
{
    for (const struct lab_network *inside = box->box->insides; inside; inside = inside->next) {
        size_t indent = drawing->indent->len;

        if (inside != box->box->insides || inside->links != &lab_link_default) {
            bool last = !inside->next;

            g_string_append_printf(drawing->out, "%s%s%s", drawing->indent->str, last ? "└── " : "├── ",
                                   inside == box->box->insides ? "lan" : inside->name);
            say_prefixes(drawing->out, inside);
            say_link(drawing->out, inside->links, &lab_link_default, "  (links: ", ")");
            g_string_append_c(drawing->out, '\n');
            g_string_append(drawing->indent, last ? "    " : "│   ");
        }
        draw_members(drawing, inside);
        g_string_truncate(drawing->indent, indent);
    }
}

static void
draw_members(struct drawing *drawing, const struct lab_network *network)
{
    GPtrArray *members = g_hash_table_lookup(drawing->members, network);
    size_t indent = drawing->indent->len;

    for (guint i = 0; members && i < members->len; i++) {
        const struct lab_interface *interface = members->pdata[i];
        bool last = i + 1 == members->len;
        bool first_inside_follows = network->box && network->next && network == network->box->box->insides;

        draw_line(drawing, interface, last && !first_inside_follows);
        if (!interface->owner->box || interface != &interface->owner->first)
            continue;
        g_string_append(drawing->indent, last && !first_inside_follows ? "    " : "│   ");
        draw_insides(drawing, interface->owner);
        g_string_truncate(drawing->indent, indent);
    }
}

/* --- the whole ------------------------------------------------------------------------------------------------ */

static void
collect(struct drawing *drawing, const struct lab *lab)
{
    for (guint i = 0; i < lab->nodes->len; i++) {
        struct lab_node *node = lab->nodes->pdata[i];

        for (struct lab_interface *interface = &node->first; interface; interface = interface->next) {
            GPtrArray *members = g_hash_table_lookup(drawing->members, interface->network);

            if (!interface_is_attached(interface))
                continue;
            if (!members) {
                members = g_ptr_array_new();
                g_hash_table_insert(drawing->members, interface->network, members);
            }
            g_ptr_array_add(members, interface);
        }
    }
    for (guint i = 0; i < lab->networks->len; i++) {
        struct lab_network *network = lab->networks->pdata[i];

        if (network->none_host)
            g_hash_table_insert(drawing->nones, network->none_host, network);
    }
}

static void
draw_root(struct drawing *drawing, const struct lab_network *network)
{
    g_string_append(drawing->out, network->name);
    say_prefixes(drawing->out, network);
    say_link(drawing->out, network->links, &lab_link_default, "  (links: ", ")");
    g_string_append_c(drawing->out, '\n');
    draw_members(drawing, network);
}

void
lab_draw(const struct lab *lab, GString *out)
{
    g_autoptr(GString) indent = g_string_new(NULL);
    g_autoptr(GHashTable) members = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)g_ptr_array_unref);
    g_autoptr(GHashTable) nones = g_hash_table_new(NULL, NULL);
    struct drawing drawing = { .out = out, .indent = indent, .members = members, .nones = nones };

    collect(&drawing, lab);
    for (guint i = 0; i < lab->networks->len; i++) {
        const struct lab_network *network = lab->networks->pdata[i];

        if (!network->box && !network->stands_for)
            draw_root(&drawing, network);
    }
}
