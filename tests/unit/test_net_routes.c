#include "core/net/routes.h"

#include "core/base/random.h"
#include "tests/unit/support.h"
#include "tests/unit/support_net.h"

/* Ports are only compared here. */
static struct port ports[4];

static unsigned
port_number(const struct route *route)
{
    return route ? (unsigned)(route->port - ports) : 99;
}

static const struct {
    const char *prefix;
    unsigned port;
} table[] = {
    { "0.0.0.0/0", 0 },
    { "10.0.0.0/8", 1 },
    { "10.1.0.0/16", 2 },
    { "10.1.2.0/24", 3 },
    { "10.1.2.3/32", 1 },
    { "192.0.2.129/25", 2 },
    /* host bits are cleared */ { "::/0", 3 },
    { "2001:db8::/32", 1 },
    { "2001:db8:1::/48", 2 },
    { "2001:db8:1::1/128", 3 },
    { "::/96", 2 },
};

static const struct {
    const char *address, *prefix; /* the route that leads there; NULL: none */
} finds[] = {
    { "10.1.2.3", "10.1.2.3/32" },
    { "10.1.2.4", "10.1.2.0/24" },
    { "10.1.3.4", "10.1.0.0/16" },
    { "10.2.3.4", "10.0.0.0/8" },
    { "10.255.255.255", "10.0.0.0/8" },
    { "11.0.0.0", "0.0.0.0/0" },
    { "192.0.2.128", "192.0.2.128/25" },
    { "192.0.2.127", "0.0.0.0/0" },
    { "255.255.255.255", "0.0.0.0/0" },
    { "0.0.0.0", "0.0.0.0/0" }, /* and not ::/96 or ::/0: another family */
    { "2001:db8:1::1", "2001:db8:1::1/128" },
    { "2001:db8:1::2", "2001:db8:1::/48" },
    { "2001:db8:2::", "2001:db8::/32" },
    { "2001:db9::", "::/0" },
    { "::1", "::/96" },
};

static struct routes *
full_table(void)
{
    struct routes *routes = routes_new();

    for (size_t i = 0; i < G_N_ELEMENTS(table); i++)
        routes_set(routes, &(struct route){ .prefix = net_prefix(table[i].prefix),
                                            .port = &ports[table[i].port],
                                            .gateway = net_address("192.0.2.254") });
    return routes;
}

static void
test_longest_prefix(void)
{
    struct routes *routes = full_table();

    for (size_t i = 0; i < G_N_ELEMENTS(finds); i++) {
        const struct route *route = routes_find(routes, net_address(finds[i].address));
        struct prefix prefix = net_prefix(finds[i].prefix);

        if (!CHECK_ROW(finds[i].address, route != NULL))
            continue;
        CHECK_ROW(finds[i].address, address_equal(route->prefix.address, prefix.address));
        CHECK_ROW_UINT(finds[i].address, route->prefix.length, prefix.length);
        CHECK_ROW(finds[i].address, address_equal(route->gateway, net_address("192.0.2.254")));
    }
    routes_free(routes);
}

static void
test_set_and_remove(void)
{
    struct routes *routes = full_table();
    struct address inside = net_address("10.1.2.9");

    CHECK_ROW_UINT("there", port_number(routes_find(routes, inside)), 3);
    routes_set(routes, &(struct route){ .prefix = net_prefix("10.1.2.77/24"), .port = &ports[0] });
    CHECK_ROW_UINT("replaced", port_number(routes_find(routes, inside)), 0);
    routes_remove(routes, net_prefix("10.1.2.88/24"));
    CHECK_ROW_UINT("removed: the next shorter", port_number(routes_find(routes, inside)), 2);
    routes_remove(routes, net_prefix("10.1.2.0/24"));
    routes_remove(routes, net_prefix("10.1.2.0/23"));
    CHECK_ROW_UINT("removed again", port_number(routes_find(routes, inside)), 2);
    routes_remove_port(routes, &ports[2]);
    CHECK_ROW_UINT("port removed", port_number(routes_find(routes, inside)), 1);
    CHECK_ROW_UINT("others stay", port_number(routes_find(routes, net_address("2001:db8:1::1"))), 3);
    routes_remove(routes, net_prefix("0.0.0.0/0"));
    CHECK(routes_find(routes, net_address("11.0.0.0")) == NULL);
    CHECK(routes_find(routes, net_address("2001:db9::")) != NULL);
    for (unsigned i = 0; i < 4; i++)
        routes_remove_port(routes, &ports[i]);
    for (size_t i = 0; i < G_N_ELEMENTS(finds); i++)
        CHECK_ROW(finds[i].address, routes_find(routes, net_address(finds[i].address)) == NULL);
    routes_free(routes);
    routes_free(NULL);
}

/* --- against a list that is searched from end to end ------------------------------------------------------------ */

static struct address
any_address(struct random_stream *dice)
{
    uint64_t bits = random_u64(dice);

    if (bits & 1) /* few different bits, so that prefixes meet */
        return address_ipv4((uint32_t)(0x0a000000 | (bits >> 8 & 0x00030303)));
    return (struct address){ UINT64_C(0x20010db800000000) | (bits >> 8 & 0x00030003), bits >> 40 & 3 };
}

static struct prefix
any_prefix(struct random_stream *dice)
{
    struct address address = any_address(dice);
    unsigned bits = family_bits(address_family(address));

    return (struct prefix){ address, (uint8_t)(bits - random_below(dice, 4) * random_below(dice, bits / 3 + 1)) };
}

static bool
same_prefix(struct prefix a, struct prefix b)
{
    return a.length == b.length && address_family(a.address) == address_family(b.address) &&
           address_equal(address_network(a.address, a.length), address_network(b.address, b.length));
}

static guint
model_place(const GArray *model, struct prefix prefix)
{
    guint i = 0;

    while (i < model->len && !same_prefix(g_array_index(model, struct route, i).prefix, prefix))
        i++;
    return i;
}

static const struct route *
model_find(const GArray *model, struct address address)
{
    const struct route *best = NULL;

    for (guint i = 0; i < model->len; i++) {
        const struct route *route = &g_array_index(model, struct route, i);

        if (prefix_contains(route->prefix, address) && (!best || route->prefix.length > best->prefix.length))
            best = route;
    }
    return best;
}

static void
change_both(struct routes *routes, GArray *model, struct random_stream *dice)
{
    struct route route = { .prefix = any_prefix(dice), .port = &ports[random_below(dice, 4)] };
    guint place = model_place(model, route.prefix);
    uint64_t what = random_below(dice, 100);

    if (what < 60) {
        routes_set(routes, &route);
        if (place < model->len)
            g_array_index(model, struct route, place) = route;
        else
            g_array_append_val(model, route);
    } else if (what < 99) {
        routes_remove(routes, route.prefix);
        if (place < model->len)
            g_array_remove_index(model, place);
    } else {
        routes_remove_port(routes, route.port);
        for (guint i = model->len; i > 0; i--)
            if (g_array_index(model, struct route, i - 1).port == route.port)
                g_array_remove_index(model, i - 1);
    }
}

static void
test_model(void)
{
    struct random_stream dice = random_stream_of(1, "routes", "model");
    g_autoptr(GArray) model = g_array_new(FALSE, FALSE, sizeof(struct route));
    struct routes *routes = routes_new();

    for (unsigned n = 0; n < 4000; n++) {
        change_both(routes, model, &dice);
        for (unsigned i = 0; i < 5; i++) {
            struct address address = any_address(&dice);
            const struct route *found = routes_find(routes, address), *expected = model_find(model, address);
            char text[ADDRESS_TEXT];

            CHECK_ROW_UINT(address_format(address, text), port_number(found), port_number(expected));
            if (found && expected)
                CHECK_ROW_UINT(text, found->prefix.length, expected->prefix.length);
        }
    }
    routes_free(routes);
}

void
suite_net_routes(void)
{
    UNIT_SUITE("routes", NULL, NULL, { "the longest prefix", test_longest_prefix },
               { "set and removed", test_set_and_remove }, { "against a list", test_model });
}
