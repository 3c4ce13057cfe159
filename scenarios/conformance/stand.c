#include "scenarios/conformance/stand.h"

#include <string.h>

#include "core/net/net.h"
#include "core/net/node.h"
#include "core/net/segment.h"
#include "nat/alg/alg.h"
#include "nat/services/port_control.h"

#define BOX_INSIDE address_ipv4(0x0a000001)  /* 10.0.0.1 */
#define BOX_OUTSIDE address_ipv4(0xcb007101) /* 203.0.113.1 */
#define BOX_APART address_ipv4(0xc0000201)   /* 192.0.2.1 */
enum { HOSTS = 250 };

struct view {
    struct capture capture; /* first */
    struct stand *stand;
    enum stand_side side;
};

struct stand {
    struct view views[2]; /* by side */
    struct world *world;
    struct node *box, *sinks[2];
    struct port *ports[2]; /* the box's */
    GPtrArray *seen;
};

static void
take_packet(struct capture *capture, uint32_t interface, uint32_t node, enum capture_direction direction, int64_t at,
            packet_name packet, struct span bytes)
{
    struct view *view = (struct view *)capture;
    struct seen *seen;

    (void)interface, (void)node, (void)at, (void)packet;
    if (direction != CAPTURE_OUT)
        return;
    seen = g_malloc(sizeof *seen + bytes.length);
    seen->side = view->side;
    seen->length = bytes.length;
    seen->quote = (struct form){ .protocol = 0 };
    memcpy(seen->bytes, bytes.bytes, bytes.length);
    if (form_read(span_of(seen->bytes, bytes.length), false, &seen->form)) {
        if (form_is_error(&seen->form))
            (void)form_read(seen->form.data, true, &seen->quote);
        g_ptr_array_add(view->stand->seen, seen);
    } else {
        g_free(seen); /* not IPv4: nothing that was put in */
    }
}

static void
connect_outside(struct stand *stand, const struct stand_layout *layout)
{
    struct link_options options = link_defaults;

    if (layout->mtu)
        options.mtu = layout->mtu;
    stand->ports[OUTSIDE] = node_connect(stand->box, stand->sinks[OUTSIDE], &options, &options);
    node_add_address(stand->box, stand->ports[OUTSIDE], BOX_OUTSIDE, MAX(layout->addresses, 1), 32);
    if (layout->apart)
        node_add_address(stand->box, stand->ports[OUTSIDE], BOX_APART, layout->apart, 32);
    node_set_default(stand->box, stand->ports[OUTSIDE], ADDRESS_NONE);
}

static void
connect_inside(struct stand *stand)
{
    struct segment *lan = segment_new(stand->world, "lan");

    stand->ports[INSIDE] = node_sit(stand->box, lan);
    stand->ports[INSIDE]->inside = true;
    node_add_address(stand->box, stand->ports[INSIDE], BOX_INSIDE, 1, 24);
    node_add_address(stand->sinks[INSIDE], node_join(stand->sinks[INSIDE], lan, NULL, NULL), address_add(BOX_INSIDE, 1),
                     HOSTS, 24);
}

/* The servers that the box's options ask for. Its ports are free, as it is new. */
static void
control_port(struct stand *stand, struct nat *nat, unsigned kinds)
{
    enum io_result why;

    if (kinds)
        (void)port_control_new(stand->box, nat, kinds, &why);
}

struct stand *
stand_new(const struct nat_options *options, const struct stand_layout *layout)
{
    struct stand *stand = g_new0(struct stand, 1);

    stand->seen = g_ptr_array_new_with_free_func(g_free);
    stand->world = world_new(1);
    stand->box = node_new(stand->world, "box");
    stand->sinks[INSIDE] = node_new(stand->world, "inside");
    stand->sinks[OUTSIDE] = node_new(stand->world, "outside");
    connect_outside(stand, layout);
    connect_inside(stand);
    for (int side = 0; side < 2; side++) {
        stand->views[side] = (struct view){ { take_packet }, stand, (enum stand_side)side };
        stand->ports[side]->capture = &stand->views[side].capture;
        stand->sinks[side]->down = true; /* takes everything in silence */
    }
    control_port(stand, nat_new(stand->box, options), options->port_control);
    alg_fit(stand->box);
    return stand;
}

void
stand_free(struct stand *stand)
{
    if (!stand)
        return;
    world_free(stand->world);
    g_ptr_array_unref(stand->seen);
    g_free(stand);
}

void
stand_put_bytes(struct stand *stand, enum stand_side side, struct span bytes)
{
    struct packet *packet = packet_new(stand->world, bytes.length);

    memcpy(packet->data, bytes.bytes, bytes.length);
    packet->name = node_name_packet(stand->sinks[side]);
    g_ptr_array_set_size(stand->seen, 0);
    port_receive(stand->ports[side], packet);
    world_run(stand->world, stand->world->now); /* what the box sends to itself comes in an event of its own */
}

void
stand_put(struct stand *stand, enum stand_side side, const struct form *form)
{
    uint8_t bytes[FORM_MAX];

    stand_put_bytes(stand, side, span_of(bytes, form_write(bytes, form)));
}

void
stand_wait(struct stand *stand, int64_t duration)
{
    g_ptr_array_set_size(stand->seen, 0);
    world_run(stand->world, time_add(stand->world->now, duration));
}

const struct seen *
stand_seen(const struct stand *stand, enum stand_side side, unsigned n)
{
    for (guint i = 0; i < stand->seen->len; i++) {
        const struct seen *seen = stand->seen->pdata[i];

        if (seen->side == side && n-- == 0)
            return seen;
    }
    return NULL;
}

bool
stand_is_external(const struct stand *stand, struct address address)
{
    const struct local_range *local = node_local(stand->box, address);

    return local && local->port == stand->ports[OUTSIDE];
}
