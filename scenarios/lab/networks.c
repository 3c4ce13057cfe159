/* Networks: internets, and LANs without a box. The insides of boxes are in boxes.c. */
#include "scenarios/lab/parts.h"

#define DUMMY_ADDRESS "192.0.0.8"    /* RFC 7600 section 4.8 */
#define DUMMY_ADDRESS_IPV6 "3fff::8" /* RFC 9637: documentation */

/* "internet", or "internet-2", ... */
static char *
free_name(const struct lab *lab)
{
    char *name = g_strdup("internet");

    for (unsigned n = 2; !lab_check_name(lab, name, NULL); n++) {
        g_free(name);
        name = g_strdup_printf("internet-%u", n);
    }
    return name;
}

/* Those that are written take the place of those that stand in `addresses`. */
static bool
read_router_addresses(const char *text, struct address addresses[2], GError **error)
{
    struct lab_addresses runs[LAB_RUNS_MAX];
    unsigned count, seen[2] = { 0, 0 };

    if (!lab_read_runs(text, runs, &count, error))
        return false;
    for (unsigned i = 0; i < count; i++) {
        unsigned ipv6 = !address_is_ipv4(runs[i].first);

        if (!lab_check_usable(runs[i].first, error))
            return false;
        if (runs[i].count > 1 || ++seen[ipv6] > 1)
            return lab_fail(error, LAB_ERROR_ADDRESS, "'%s': the router of an internet has one address of each family",
                            text);
        addresses[ipv6] = runs[i].first;
    }
    return true;
}

/* Its links are point to point and unnumbered, so its address sits on a segment where nobody else is: what routers call
 * a loopback interface. */
static struct node *
make_router(struct lab *lab, const char *name, const struct address addresses[2])
{
    struct node *router = node_new(lab->world, name);
    struct port *loopback = node_sit(router, segment_new(lab->world, name));

    for (unsigned i = 0; i < 2; i++) {
        bool added = node_add_address(router, loopback, addresses[i], 1,
                                      (uint8_t)family_bits(address_family(addresses[i])));

        g_assert(added);
    }
    router->forwards = true;
    return router;
}

struct lab_network *
lab_internet(struct lab *lab, const char *name, const char *address, const struct lab_link *links, GError **error)
{
    g_autofree char *chosen = name ? g_strdup(name) : free_name(lab);
    struct lab_network *internet;
    struct address own[2];

    if (!lab_check_name(lab, chosen, error))
        return NULL;
    if (!read_router_addresses(DUMMY_ADDRESS " " DUMMY_ADDRESS_IPV6, own, error) ||
        (address && !read_router_addresses(address, own, error))) {
        g_prefix_error(error, "internet '%s': ", chosen);
        return NULL;
    }
    internet = lab_add_network(lab, chosen, LAB_INTERNET, true);
    internet->router = make_router(lab, internet->name, own);
    internet->links = lab_keep_link(lab, links);
    return internet;
}

void
lab_set_links(struct lab_network *network, const struct lab_link *links)
{
    network->links = lab_keep_link(network->lab, links);
}

/* No box, so no address of one is to be written. */
static bool
read_lan(const char *prefixes, struct inside *inside, GError **error)
{
    if (!lab_read_inside(prefixes, inside, error))
        return false;
    for (unsigned i = 0; i < G_N_ELEMENTS(inside->own); i++) {
        char text[LAB_PREFIX_TEXT], own[ADDRESS_TEXT];

        if (inside->own_written[i])
            return lab_fail(error, LAB_ERROR_PREFIX, "there is no box to have %s; write %s",
                            address_format(inside->own[i], own), lab_format_prefix(inside->prefixes[i], text));
    }
    return true;
}

struct lab_network *
lab_lan(struct lab *lab, const char *name, const char *prefixes, const struct lab_link *links, GError **error)
{
    struct lab_network *lan;
    struct inside inside;

    if (!lab_check_name(lab, name, error))
        return NULL;
    if (!read_lan(prefixes ? prefixes : LAB_DEFAULT_LAN, &inside, error)) {
        g_prefix_error(error, "network '%s': ", name);
        return NULL;
    }
    lan = lab_add_network(lab, name, LAB_LAN, true);
    lan->segment = segment_new(lab->world, name);
    memcpy(lan->prefixes, inside.prefixes, sizeof inside.prefixes);
    lan->links = lab_keep_link(lab, links);
    return lan;
}
