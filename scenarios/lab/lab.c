#include <stdarg.h>

#include "core/net/net.h"
#include "scenarios/lab/parts.h"

const struct lab_link lab_link_default = {
    .up = { .delay = TIME_MS / 10, .mtu = 1500 },
    .down = { .delay = TIME_MS / 10, .mtu = 1500 },
};

GQuark
lab_error_quark(void)
{
    return g_quark_from_static_string("lab-error-quark");
}

struct lab *
lab_new(uint64_t seed)
{
    struct lab *lab = g_new0(struct lab, 1);
    struct lab_parts *parts = g_new0(struct lab_parts, 1);

    lab->world = world_new(seed);
    lab->networks = g_ptr_array_new();
    lab->nodes = g_ptr_array_new();
    lab->parts = parts;
    lab->changes = lab_changes_new();
    slab_init(&parts->nodes, sizeof(struct lab_node));
    slab_init(&parts->interfaces, sizeof(struct lab_interface));
    slab_init(&parts->networks, sizeof(struct lab_network));
    slab_init(&parts->boxes, sizeof(struct lab_box));
    parts->texts = g_string_chunk_new(1024);
    parts->links = g_ptr_array_new();
    parts->routes = g_array_new(FALSE, FALSE, sizeof(struct lab_route));
    parts->reboots = g_ptr_array_new_with_free_func(g_free);
    return lab;
}

static void
free_link(struct lab_link *link)
{
    g_free((struct link_fault *)link->up.faults);
    g_free((struct link_fault *)link->down.faults);
    g_free(link);
}

void
lab_free(struct lab *lab)
{
    struct lab_parts *parts;

    if (!lab)
        return;
    parts = lab->parts;
    lab_cancel_reboots(lab);
    world_free(lab->world);
    g_ptr_array_unref(lab->networks);
    g_ptr_array_unref(lab->nodes);
    slab_clear(&parts->nodes);
    slab_clear(&parts->interfaces);
    slab_clear(&parts->networks);
    slab_clear(&parts->boxes);
    if (parts->labels)
        g_hash_table_unref(parts->labels);
    hash_index_clear(&parts->nodes_by_name);
    hash_index_clear(&parts->networks_by_name);
    g_string_chunk_free(parts->texts);
    for (guint i = 0; i < parts->links->len; i++)
        free_link(parts->links->pdata[i]);
    g_ptr_array_unref(parts->links);
    g_array_unref(parts->routes);
    g_ptr_array_unref(parts->reboots);
    g_array_unref(lab->changes);
    g_free(parts);
    g_free(lab);
}

bool
lab_fail(GError **error, enum lab_error code, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    if (error)
        *error = g_error_new_valist(LAB_ERROR, code, format, arguments);
    va_end(arguments);
    return false;
}

/* --- names ---------------------------------------------------------------------------------------------------- */

static uint32_t
name_hash(const char *name)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

    for (; *name; name++)
        hash = (hash ^ (uint8_t)*name) * UINT64_C(0x100000001b3);
    return (uint32_t)mix64(hash);
}

struct lab_node *
lab_find(const struct lab *lab, const char *name)
{
    const struct hash_index *index = &lab->parts->nodes_by_name;
    uint32_t hash = name_hash(name), number, i;

    for (i = hash_index_first(index, hash); (number = hash_index_value(index, i));
         i = hash_index_next(index, i, hash)) {
        struct lab_node *node = lab->nodes->pdata[number - 1];

        if (strcmp(node->node->name, name) == 0)
            return node;
    }
    return NULL;
}

static struct lab_network *
find_network(const struct lab *lab, const char *name)
{
    const struct hash_index *index = &lab->parts->networks_by_name;
    uint32_t hash = name_hash(name), number, i;

    for (i = hash_index_first(index, hash); (number = hash_index_value(index, i));
         i = hash_index_next(index, i, hash)) {
        struct lab_network *network = lab->networks->pdata[number - 1];

        if (strcmp(network->name, name) == 0)
            return network;
    }
    return NULL;
}

/* Text that can stand in a line of a report: UTF-8 without control characters. */
static bool
is_text(const char *name)
{
    bool ascii = true;

    for (const char *at = name; *at; at++) {
        if ((uint8_t)*at < 0x20 || *at == 0x7f)
            return false;
        ascii &= (uint8_t)*at < 0x80;
    }
    if (ascii)
        return true;
    if (!g_utf8_validate(name, -1, NULL))
        return false;
    for (; *name; name = g_utf8_next_char(name)) {
        if (g_unichar_iscntrl(g_utf8_get_char(name)))
            return false;
    }
    return true;
}

bool
lab_check_name(const struct lab *lab, const char *name, GError **error)
{
    g_autofree char *readable = NULL;

    if (!name || !*name)
        return lab_fail(error, LAB_ERROR_NAME, "the name is empty; any other text without control characters will do");
    if (!is_text(name)) {
        readable = g_strescape(name, NULL);
        return lab_fail(error, LAB_ERROR_NAME, "the name '%s' is not a text without control characters", readable);
    }
    if (lab_find(lab, name))
        return lab_fail(error, LAB_ERROR_NAME, "the name '%s' is taken by another node", name);
    if (find_network(lab, name))
        return lab_fail(error, LAB_ERROR_NAME, "the name '%s' is taken by a network", name);
    return true;
}

/* Nodes are numbered by the world in the order in which they are made, so lab->nodes is sorted. */
struct lab_node *
lab_node_of(const struct lab *lab, const struct node *node)
{
    guint low = 0, high = lab->nodes->len;

    while (low < high) {
        guint middle = low + (high - low) / 2;
        struct lab_node *there = lab->nodes->pdata[middle];

        if (there->node == node)
            return there;
        if (there->node->number < node->number)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* --- what the lab keeps --------------------------------------------------------------------------------------- */

struct lab_node *
lab_add_node(struct lab *lab, struct node *node, enum lab_node_kind kind)
{
    struct lab_node *added = slab_take(&lab->parts->nodes);

    memset(added, 0, sizeof *added);
    added->node = node;
    added->kind = kind;
    if (kind != LAB_HOST) {
        added->box = slab_take(&lab->parts->boxes);
        memset(added->box, 0, sizeof *added->box);
    }
    g_ptr_array_add(lab->nodes, added);
    hash_index_insert(&lab->parts->nodes_by_name, name_hash(node->name), lab->nodes->len);
    return added;
}

struct lab_network *
lab_add_network(struct lab *lab, const char *name, enum lab_network_kind kind, bool named)
{
    struct lab_network *added = slab_take(&lab->parts->networks);

    memset(added, 0, sizeof *added);
    added->lab = lab;
    added->kind = kind;
    added->name = named ? g_string_chunk_insert(lab->parts->texts, name) : name;
    added->links = &lab_link_default;
    g_ptr_array_add(lab->networks, added);
    if (named)
        hash_index_insert(&lab->parts->networks_by_name, name_hash(name), lab->networks->len);
    return added;
}

static bool
faults_equal(const struct link_options *a, const struct link_options *b)
{
    if (a->fault_count != b->fault_count)
        return false;
    for (uint32_t i = 0; i < a->fault_count; i++) {
        const struct link_fault *one = &a->faults[i], *other = &b->faults[i];

        if (one->packet != other->packet || one->lose != other->lose || one->duplicate != other->duplicate ||
            one->delay != other->delay)
            return false;
    }
    return true;
}

bool
lab_link_options_equal(const struct link_options *a, const struct link_options *b)
{
    return a->delay == b->delay && a->jitter == b->jitter && a->loss == b->loss && a->duplicate == b->duplicate &&
           a->reorder == b->reorder && a->rate == b->rate && a->queue == b->queue && a->mtu == b->mtu &&
           a->off == b->off && faults_equal(a, b);
}

bool
lab_link_equal(const struct lab_link *a, const struct lab_link *b)
{
    return lab_link_options_equal(&a->up, &b->up) && lab_link_options_equal(&a->down, &b->down);
}

static const struct link_fault *
copy_faults(const struct link_options *options)
{
    return options->fault_count ? g_memdup2(options->faults, options->fault_count * sizeof *options->faults) : NULL;
}

/* Networks made in a row mostly have the same links, so only the last few are compared. */
const struct lab_link *
lab_keep_link(struct lab *lab, const struct lab_link *link)
{
    GPtrArray *links = lab->parts->links;
    struct lab_link *kept;

    if (!link || lab_link_equal(link, &lab_link_default))
        return &lab_link_default;
    for (guint i = links->len; i > 0 && i + 8 > links->len; i--) {
        if (lab_link_equal(links->pdata[i - 1], link))
            return links->pdata[i - 1];
    }
    kept = g_memdup2(link, sizeof *link);
    kept->up.faults = copy_faults(&link->up);
    kept->down.faults = copy_faults(&link->down);
    memory_take(&lab->world->memory, MEMORY_LINKS,
                ((uint64_t)link->up.fault_count + link->down.fault_count) * sizeof(struct link_fault));
    g_ptr_array_add(links, kept);
    return kept;
}
