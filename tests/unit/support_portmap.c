#include "tests/unit/support_portmap.h"

static struct fake_box *
box_of(struct portmap_control *control)
{
    return (struct fake_box *)control; /* the first member */
}

static struct fake_mapping *
at(const struct fake_box *box, guint index)
{
    return &g_array_index(box->mappings, struct fake_mapping, index);
}

static struct fake_mapping *
by_external(const struct fake_box *box, uint8_t protocol, uint16_t port)
{
    for (guint i = 0; i < box->mappings->len; i++) {
        if (at(box, i)->protocol == protocol && at(box, i)->external.port == port)
            return at(box, i);
    }
    return NULL;
}

static struct fake_mapping *
wished(const struct fake_box *box, const struct portmap_wish *wish)
{
    for (guint i = 0; i < box->mappings->len; i++) {
        struct fake_mapping *mapping = at(box, i);

        if (mapping->protocol == wish->protocol && endpoint_equal(mapping->internal, wish->internal) &&
            (!wish->by_external || mapping->external.port == wish->external.port))
            return mapping;
    }
    return NULL;
}

static bool
is_free(const struct fake_box *box, uint8_t protocol, uint16_t port)
{
    return port != 0 && port != box->taken && !by_external(box, protocol, port);
}

static enum portmap_result
new_mapping(struct fake_box *box, const struct portmap_wish *wish)
{
    struct fake_mapping mapping = { .protocol = wish->protocol,
                                    .internal = wish->internal,
                                    .external = { box->external, wish->external.port } };
    bool suits = address_is_unspecified(wish->external.address) || address_equal(wish->external.address, box->external);

    if (!suits || !is_free(box, wish->protocol, wish->external.port)) {
        if (wish->exact)
            return PORTMAP_TAKEN;
        while (!is_free(box, wish->protocol, box->next))
            box->next++;
        mapping.external.port = box->next++;
    }
    g_array_append_val(box->mappings, mapping);
    return PORTMAP_OK;
}

static enum portmap_result
map(struct portmap_control *control, const struct portmap_wish *wish, struct portmap_grant *grant)
{
    struct fake_box *box = box_of(control);
    struct fake_mapping *mapping = wished(box, wish);
    enum portmap_result result = PORTMAP_OK;

    if (box->say != PORTMAP_OK)
        return box->say;
    if (address_is_none(box->external))
        return PORTMAP_NO_NETWORK;
    if (wish->protocol != PROTOCOL_UDP && wish->protocol != PROTOCOL_TCP)
        return PORTMAP_NO_PROTOCOL;
    if (mapping && wish->exact && wish->external.port != mapping->external.port)
        return PORTMAP_TAKEN;
    if (!mapping)
        result = new_mapping(box, wish);
    if (result != PORTMAP_OK)
        return result;
    if (!mapping)
        mapping = at(box, box->mappings->len - 1);
    mapping->via = wish->via;
    mapping->lifetime = wish->lifetime;
    *grant = (struct portmap_grant){ mapping->external, wish->lifetime };
    box->maps++;
    return PORTMAP_OK;
}

static void
unmap(struct portmap_control *control, uint8_t protocol, struct endpoint internal, struct endpoint external)
{
    struct fake_box *box = box_of(control);

    for (guint i = box->mappings->len; i-- > 0;) {
        const struct fake_mapping *mapping = at(box, i);

        if (mapping->protocol == protocol && endpoint_equal(mapping->internal, internal) &&
            endpoint_equal(mapping->external, external)) {
            g_array_remove_index(box->mappings, i);
            box->unmaps++;
        }
    }
}

static struct address
external_address(struct portmap_control *control, struct address internal)
{
    (void)internal;
    return box_of(control)->external;
}

static const struct portmap_control_ops ops = { .map = map, .unmap = unmap, .external_address = external_address };

void
fake_box_open(struct fake_box *box, const char *external)
{
    *box = (struct fake_box){ .control = { &ops }, .next = 40000 };
    if (external && !address_parse(external, &box->external))
        g_error("not an address: %s", external);
    box->mappings = g_array_new(FALSE, FALSE, sizeof(struct fake_mapping));
}

void
fake_box_close(struct fake_box *box)
{
    g_clear_pointer(&box->mappings, g_array_unref);
}

void
fake_box_forget(struct fake_box *box)
{
    g_array_set_size(box->mappings, 0);
}

const struct fake_mapping *
fake_box_find(const struct fake_box *box, uint8_t protocol, const char *internal)
{
    struct endpoint wanted;

    if (!endpoint_parse(internal, &wanted))
        g_error("not an endpoint: %s", internal);
    for (guint i = 0; i < box->mappings->len; i++) {
        if (at(box, i)->protocol == protocol && endpoint_equal(at(box, i)->internal, wanted))
            return at(box, i);
    }
    return NULL;
}
