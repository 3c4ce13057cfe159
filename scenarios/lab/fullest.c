/* What fills a world. */
#include <inttypes.h>

#include "scenarios/lab/parts.h"

/* --- packets -------------------------------------------------------------------------------------------------- */

static uint64_t
count(const struct packet_list *list)
{
    uint64_t number = 0;

    for (const struct packet *packet = list->first; packet; packet = packet->next)
        number++;
    return number;
}

static void
look_at(const struct wire *wire, const struct wire **fullest, uint64_t *most)
{
    uint64_t number = count(&wire->under_way);

    if (number > *most) {
        *most = number;
        *fullest = wire;
    }
}

static void
say_packets(const struct world *world, GString *out)
{
    const GPtrArray *ports = world->net->ports_by_interface;
    const struct wire *fullest = NULL;
    uint64_t most = 0;

    for (guint i = 0; i < ports->len; i++) {
        const struct port *port = ports->pdata[i];
        const struct link *link = port ? port_link(port) : NULL;

        if (link && link->near == port) {
            look_at(&link->up, &fullest, &most);
            look_at(&link->down, &fullest, &most);
        }
    }
    g_string_append_printf(out, "%" PRIu64 " packets are under way", world->packets_alive);
    if (!fullest)
        return;
    const struct link *link = fullest->link;
    const char *near = link->near->node->name;
    const char *far = link->far ? link->far->node->name : segment_name(link->segment);
    bool up = fullest == &link->up;
    g_string_append_printf(out, ", %" PRIu64 " of them from %s to %s", most, up ? near : far, up ? far : near);
}

/* --- mappings ------------------------------------------------------------------------------------------------- */

static void
count_mapping(void *user, const struct nat_mapping_view *mapping)
{
    uint64_t *number = user;

    (void)mapping;
    ++*number;
}

static void
say_mappings(const struct lab *lab, GString *out)
{
    const char *fullest = "";
    uint64_t all = 0, most = 0;

    for (guint i = 0; i < lab->nodes->len; i++) {
        const struct node *node = ((const struct lab_node *)lab->nodes->pdata[i])->node;
        uint64_t number = 0;

        if (!nat_of(node))
            continue;
        nat_each_mapping(nat_of(node), count_mapping, &number);
        all += number;
        if (number > most) {
            most = number;
            fullest = node->name;
        }
    }
    g_string_append_printf(out, "there are %" PRIu64 " mappings, %" PRIu64 " of them of %s", all, most, fullest);
}

/* --- which ---------------------------------------------------------------------------------------------------- */

void
lab_say_fullest(const struct lab *lab, GString *out)
{
    const struct memory *memory = &lab->world->memory;
    enum memory_kind most = MEMORY_PACKETS;

    for (enum memory_kind kind = 0; kind < MEMORY_KINDS; kind++) {
        if (memory->of[kind] > memory->of[most])
            most = kind;
    }
    switch (most) {
    case MEMORY_PACKETS:
        say_packets(lab->world, out);
        break;
    case MEMORY_MAPPINGS:
        say_mappings(lab, out);
        break;
    case MEMORY_NODES:
        g_string_append_printf(out, "there are %u nodes, with their links and addresses", lab->nodes->len);
        break;
    case MEMORY_STREAMS:
        g_string_append(out, "TCP connections hold what is to be sent or read");
        break;
    case MEMORY_LINKS:
        g_string_append(out, "links hold lists of faults, or of what waits for the line");
        break;
    case MEMORY_MESSAGES:
        g_string_append(out, "signalling servers and channels hold messages that nobody reads");
        break;
    case MEMORY_KINDS:
        break;
    }
}
