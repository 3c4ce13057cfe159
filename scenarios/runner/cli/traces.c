#include "scenarios/runner/cli/traces.h"

#include <string.h>

#include "core/base/words.h"

G_DEFINE_QUARK(punchlab-traces-error, traces_error)

struct traces {
    struct tracer *tracer;
    const GPtrArray *nodes; /* names; NULL: all */
    GError *error;          /* the first of those that came up during the run */
    GHashTable *numbers;    /* struct end: itself, of each interface that is traced */
};

/* One end of an interface: its own, or on an internet the router's. */
struct end {
    const struct lab_interface *interface;
    bool far;
    uint32_t number; /* the tracer's */
};

static guint
end_hash(gconstpointer end)
{
    const struct end *key = end;

    return g_direct_hash(key->interface) ^ key->far;
}

static gboolean
end_equal(gconstpointer a, gconstpointer b)
{
    const struct end *left = a, *right = b;

    return left->interface == right->interface && left->far == right->far;
}

static const char *
name_of(const struct lab_node *node)
{
    return node->node->name;
}

static bool
is_wanted(const struct traces *traces, const char *name)
{
    for (guint i = 0; traces->nodes && i < traces->nodes->len; i++) {
        if (strcmp(traces->nodes->pdata[i], name) == 0)
            return true;
    }
    return !traces->nodes;
}

static bool
add_port(struct traces *traces, struct port *port, const struct lab_interface *interface, bool far, GError **error)
{
    const char *own = name_of(interface->owner), *network = interface->network->name;
    const char *node = far ? network : own;
    struct end *end;

    if (!port || port->capture || !is_wanted(traces, node))
        return true;
    if (!tracer_add(traces->tracer, port, node, far ? own : interface->label, error))
        return false;
    end = g_new(struct end, 1);
    *end = (struct end){ interface, far, port->capture_number };
    g_hash_table_add(traces->numbers, end);
    return true;
}

/* An interface, and on an internet the router's end of its link too: what the link loses is seen at one of them only. */
static bool
add(struct traces *traces, const struct lab_interface *interface, GError **error)
{
    struct port *port = interface->port;

    if (!add_port(traces, port, interface, false, error))
        return false;
    return !port || interface->network->kind != LAB_INTERNET ||
           add_port(traces, port_peer(port), interface, true, error);
}

static bool
add_all(struct traces *traces, const struct lab *lab, GError **error)
{
    for (guint i = 0; i < lab->nodes->len; i++) {
        const struct lab_node *node = lab->nodes->pdata[i];

        for (const struct lab_interface *interface = &node->first; interface; interface = interface->next) {
            if (!add(traces, interface, error))
                return false;
        }
    }
    return true;
}

/* An internet is a router, whose interfaces can be traced as well. */
static bool
is_internet(const struct lab *lab, const char *name)
{
    for (guint i = 0; i < lab->networks->len; i++) {
        const struct lab_network *network = lab->networks->pdata[i];

        if (network->kind == LAB_INTERNET && strcmp(network->name, name) == 0)
            return true;
    }
    return false;
}

static void
complain(const struct lab *lab, const char *name, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    for (guint i = 0; i < lab->nodes->len; i++)
        g_ptr_array_add(names, (char *)name_of(lab->nodes->pdata[i]));
    for (guint i = 0; i < lab->networks->len; i++) {
        const struct lab_network *network = lab->networks->pdata[i];

        if (network->kind == LAB_INTERNET)
            g_ptr_array_add(names, (char *)network->name);
    }
    g_ptr_array_add(names, NULL);
    g_autofree char *complaint = words_complaint((const char *const *)names->pdata, name, "a node of this scenario");
    g_set_error(error, TRACES_ERROR, 0, "--trace: %s", complaint);
}

struct traces *
traces_open(struct scenario *scenario, const char *folder, const GPtrArray *nodes, GError **error)
{
    const struct lab *lab = scenario->lab;
    g_autoptr(traces) traces = g_new0(struct traces, 1);

    for (guint i = 0; nodes && i < nodes->len; i++) {
        if (!lab_find(lab, nodes->pdata[i]) && !is_internet(lab, nodes->pdata[i])) {
            complain(lab, nodes->pdata[i], error);
            return NULL;
        }
    }
    traces->numbers = g_hash_table_new_full(end_hash, end_equal, g_free, NULL);
    traces->nodes = !nodes && scenario->captures_asked ? scenario->capture_nodes : nodes;
    traces->tracer = tracer_open(lab->world, folder, traces->nodes ? TRACER_ALL | TRACER_EVERY_INTERFACE : TRACER_ALL,
                                 error);
    if (!traces->tracer || !add_all(traces, lab, error))
        return NULL;
    return g_steal_pointer(&traces);
}

void
traces_add(struct traces *traces, const struct lab_interface *interface)
{
    add(traces, interface, traces->error ? NULL : &traces->error);
}

bool
traces_failed(const struct traces *traces)
{
    return traces->error || tracer_failed(traces->tracer);
}

bool
traces_close(struct traces *traces, GError **error)
{
    bool closed = tracer_close(traces->tracer, traces->error ? NULL : &traces->error);

    if (closed && !traces->error)
        return true;
    g_propagate_error(error, g_steal_pointer(&traces->error));
    return false;
}

const struct trace_file *
traces_files(const struct traces *traces, size_t *count)
{
    return tracer_files(traces->tracer, count);
}

bool
traces_find(const struct traces *traces, const struct lab_interface *interface, bool far, struct trace_interface *found)
{
    struct end key = { .interface = interface, .far = far };
    const struct end *end = g_hash_table_lookup(traces->numbers, &key);

    if (end)
        *found = tracer_interface(traces->tracer, end->number);
    return end != NULL;
}

void
traces_free(struct traces *traces)
{
    g_clear_pointer(&traces->tracer, tracer_free);
    g_clear_pointer(&traces->numbers, g_hash_table_unref);
    g_clear_error(&traces->error);
    g_free(traces);
}
