/* Addresses that people write, whether they may be had, and the next free one. */
#include "scenarios/lab/parts.h"

/* The addresses that are given where none is written (RFC 5737): hosts on an internet from TEST-NET-2 up, boxes from
 * TEST-NET-3 up. */
#define FIRST_HOST 0xc6336401u /* 198.51.100.1 */
#define FIRST_BOX 0xcb007101u  /* 203.0.113.1 */
#define LAST_AUTOMATIC 0xdfffffffu

/* A pool is at most this large: each of its addresses is a route, or a member of its segment. */
#define POOL_MAX 65536

#define WORD_TEXT 80

/* --- reading -------------------------------------------------------------------------------------------------- */

/* Cuts the next word off `*at`; false at the end. A longer one is cut short, and is no address either way. */
static bool
next_word(const char **at, char word[WORD_TEXT])
{
    size_t begin = strspn(*at, " ,\t\n"), length = strcspn(*at + begin, " ,\t\n");
    size_t kept = MIN(length, WORD_TEXT - 1);

    memcpy(word, *at + begin, kept);
    word[kept] = '\0';
    *at += begin + length;
    return length > 0;
}

static struct address
last_of(struct lab_addresses run)
{
    return address_add(run.first, run.count - 1);
}

static bool
runs_overlap(struct lab_addresses a, struct lab_addresses b)
{
    return address_compare(a.first, last_of(b)) <= 0 && address_compare(b.first, last_of(a)) <= 0;
}

const char *
lab_format_run(struct lab_addresses run, char text[LAB_RUN_TEXT])
{
    address_format(run.first, text);
    if (run.count > 1) {
        size_t length = strlen(text);

        text[length++] = '-';
        address_format(last_of(run), text + length);
    }
    return text;
}

const char *
lab_format_prefix(struct prefix prefix, char text[LAB_PREFIX_TEXT])
{
    size_t length;

    address_format(prefix.address, text);
    length = strlen(text);
    g_snprintf(text + length, (gulong)(LAB_PREFIX_TEXT - length), "/%u", prefix.length);
    return text;
}

/* What a network is, apart from the host bits of what was written. */
static struct prefix
network_of(struct prefix prefix)
{
    return (struct prefix){ address_network(prefix.address, prefix.length), prefix.length };
}

/* How many addresses of a network its hosts can have: all but its own and the broadcast address, which IPv4 networks of
 * two addresses or one don't have (RFC 3021). `*first` is the first of them. */
static uint64_t
host_addresses(struct prefix network, struct address *first)
{
    unsigned host_bits = family_bits(address_family(network.address)) - network.length;
    uint64_t size = host_bits >= 64 ? UINT64_MAX : UINT64_C(1) << host_bits;

    if (host_bits <= 1) {
        *first = network.address;
        return size;
    }
    *first = address_add(network.address, 1);
    return address_is_ipv4(network.address) ? size - 2 : size - 1;
}

static bool
read_pool(const char *word, struct prefix prefix, struct lab_addresses *run, GError **error)
{
    struct prefix network = network_of(prefix);
    char text[ADDRESS_TEXT], whole[LAB_PREFIX_TEXT];

    run->count = host_addresses(network, &run->first);
    if (run->count == 1)
        return true;
    if (!address_equal(network.address, prefix.address))
        return lab_fail(error, LAB_ERROR_ADDRESS,
                        "'%s' is neither an address nor a pool: write %s for the one, %s for the other", word,
                        address_format(prefix.address, text), lab_format_prefix(network, whole));
    if (run->count > POOL_MAX)
        return lab_fail(error, LAB_ERROR_ADDRESS, "the pool '%s' is too large: accepted are up to %d addresses", word,
                        POOL_MAX);
    return true;
}

static bool
read_word(const char *word, struct lab_addresses *run, GError **error)
{
    struct prefix prefix;

    run->count = 1;
    if (address_parse(word, &run->first))
        return true;
    if (prefix_parse(word, &prefix))
        return read_pool(word, prefix, run, error);
    return lab_fail(error, LAB_ERROR_ADDRESS,
                    "'%s' is not an address; accepted: an address (198.51.100.1), several, or a pool (203.0.113.0/28)",
                    word);
}

bool
lab_read_runs(const char *text, struct lab_addresses runs[LAB_RUNS_MAX], unsigned *count, GError **error)
{
    const char *at = text;
    char word[WORD_TEXT];

    for (*count = 0; next_word(&at, word); ++*count) {
        char shown[LAB_RUN_TEXT];

        if (*count == LAB_RUNS_MAX)
            return lab_fail(error, LAB_ERROR_ADDRESS, "more than %d addresses and pools are too many for one interface",
                            LAB_RUNS_MAX);
        if (!read_word(word, &runs[*count], error))
            return false;
        for (unsigned i = 0; i < *count; i++) {
            if (runs_overlap(runs[i], runs[*count]))
                return lab_fail(error, LAB_ERROR_ADDRESS, "'%s' is written twice (there is %s already)", word,
                                lab_format_run(runs[i], shown));
        }
    }
    return *count > 0 || lab_fail(error, LAB_ERROR_ADDRESS, "'%s' holds no address", text);
}

bool
lab_parse_addresses(const char *text, GArray **runs, GError **error)
{
    struct lab_addresses read[LAB_RUNS_MAX];
    unsigned count;

    if (!lab_read_runs(text, read, &count, error))
        return false;
    *runs = g_array_new(FALSE, FALSE, sizeof *read);
    g_array_append_vals(*runs, read, count);
    return true;
}

/* --- what may be had ------------------------------------------------------------------------------------------ */

/* Why no node can have this address; NULL when one can. */
static const char *
unusable(struct address address)
{
    if (address_is_unspecified(address) || (address_is_ipv4(address) && address_to_ipv4(address) >> 24 == 0))
        return "means 'this host' and is no address of one";
    if (address_is_loopback(address))
        return "is a loopback address";
    if (address_is_multicast(address))
        return "is a multicast address";
    if (address_is_ipv4(address) && address_to_ipv4(address) >> 28 == 0xf)
        return address_is_broadcast(address) ? "is the broadcast address" : "is reserved (RFC 1112 section 4)";
    return NULL;
}

/* Whether a node on the LAN can have the address, whoever has it now. */
static bool
fits_lan(const struct lab_network *lan, struct address address, GError **error)
{
    struct prefix prefix = lan->prefixes[0];
    char text[ADDRESS_TEXT], whole[LAB_PREFIX_TEXT];
    struct address first;
    uint64_t hosts = host_addresses(prefix, &first);

    if (!prefix_contains(prefix, address))
        return lab_fail(error, LAB_ERROR_ADDRESS, "%s is not in %s, the prefix of '%s'", address_format(address, text),
                        lab_format_prefix(prefix, whole), lan->name);
    if (address_compare(address, first) < 0)
        return lab_fail(error, LAB_ERROR_ADDRESS, "%s is the address of the network %s itself",
                        address_format(address, text), lab_format_prefix(prefix, whole));
    if (address_compare(address, address_add(first, hosts - 1)) > 0)
        return lab_fail(error, LAB_ERROR_ADDRESS, "%s is the broadcast address of %s", address_format(address, text),
                        lab_format_prefix(prefix, whole));
    return true;
}

const struct node *
lab_owner_of(const struct lab_network *network, struct address address)
{
    struct port *member;
    struct hop hop;

    if (network->kind == LAB_LAN) {
        member = segment_member(network->segment, address);
        return member ? member->node : NULL;
    }
    if (node_owns(network->router, address))
        return network->router;
    if (!node_route(network->router, address, &hop))
        return NULL;
    return port_peer(hop.port) ? port_peer(hop.port)->node : network->router;
}

bool
lab_check_usable(struct address address, GError **error)
{
    const char *why = unusable(address);
    char text[ADDRESS_TEXT];

    if (!address_is_ipv4(address))
        return lab_fail(error, LAB_ERROR_UNSUPPORTED, "%s: IPv6 comes with a later version; give an IPv4 address",
                        address_format(address, text));
    return !why || lab_fail(error, LAB_ERROR_ADDRESS, "%s %s", address_format(address, text), why);
}

static bool
check_address(const struct lab_network *network, struct address address, const struct node *own, GError **error)
{
    const struct node *owner;
    char text[ADDRESS_TEXT];

    if (!lab_check_usable(address, error))
        return false;
    if (network->kind == LAB_LAN && !fits_lan(network, address, error))
        return false;

    owner = lab_owner_of(network, address);
    if (owner && owner != own)
        return lab_fail(error, LAB_ERROR_ADDRESS,
                        node_owns(owner, address) ? "%s is taken by '%s'" : "%s is inside of '%s'",
                        address_format(address, text), owner->name);
    return true;
}

bool
lab_check_runs(const struct lab_network *network, const struct lab_addresses *runs, unsigned count,
               const struct node *own, GError **error)
{
    for (unsigned i = 0; i < count; i++) {
        for (uint64_t n = 0; n < runs[i].count; n++) {
            if (!check_address(network, address_add(runs[i].first, n), own, error))
                return false;
        }
    }
    return true;
}

bool
lab_check_elsewhere(const struct node *node, const struct port *but, const struct lab_addresses *runs, unsigned count,
                    GError **error)
{
    for (uint32_t i = 0; node && i < node->local_count; i++) {
        struct lab_addresses has = { node->locals[i].first, node->locals[i].count };
        char text[LAB_RUN_TEXT];

        if (node->locals[i].port == but)
            continue;
        for (unsigned n = 0; n < count; n++) {
            if (runs_overlap(has, runs[n]))
                return lab_fail(error, LAB_ERROR_ADDRESS, "'%s' has %s already, on another interface", node->name,
                                lab_format_run(has, text));
        }
    }
    return true;
}

/* --- the next free one ---------------------------------------------------------------------------------------- */

/* From `*from` up to `last`, and on success one further. On an internet, addresses that end in 0 or 255 are left out:
 * they would do, but look as if they didn't. */
static bool
search_free(const struct lab_network *network, struct address *from, uint32_t last, struct address *found)
{
    for (uint64_t value = address_to_ipv4(*from); value <= last; value++) {
        struct address address = address_ipv4((uint32_t)value);
        bool odd = network->kind == LAB_INTERNET && ((value & 0xff) == 0 || (value & 0xff) == 0xff);

        if (odd || lab_owner_of(network, address))
            continue;
        *found = address;
        *from = address_add(address, 1);
        return true;
    }
    return false;
}

static bool
next_free(struct lab_network *network, bool box, struct address *found, GError **error)
{
    char text[LAB_PREFIX_TEXT];
    struct address first;
    uint32_t last;

    if (network->kind == LAB_INTERNET) {
        struct address *from = box ? &network->next_box : &network->next_host;

        if (address_is_none(*from))
            *from = address_ipv4(box ? FIRST_BOX : FIRST_HOST);
        return search_free(network, from, LAST_AUTOMATIC, found) ||
               lab_fail(error, LAB_ERROR_ADDRESS, "'%s' has no free address left", network->name);
    }
    last = (uint32_t)(host_addresses(network->prefixes[0], &first) - 1 + address_to_ipv4(first));
    if (address_is_none(network->next_host))
        network->next_host = first;
    if (search_free(network, &network->next_host, last, found))
        return true;
    network->next_host = first; /* once more, for those that were given back */
    return search_free(network, &network->next_host, last, found) ||
           lab_fail(error, LAB_ERROR_ADDRESS, "'%s' has no free address left in %s", network->name,
                    lab_format_prefix(network->prefixes[0], text));
}

/* --- places --------------------------------------------------------------------------------------------------- */

/* Inside of a box of type none one host stands on the outer network, with what was meant for the box. */
static bool
enter_none(struct place *place, struct lab_network *none, const char **addresses, bool box, GError **error)
{
    if (box)
        return lab_fail(error, LAB_ERROR_PLACE,
                        "'%s' is of type none: no box is there, so no other can be inside; one host can", none->name);
    if (none->none_host)
        return lab_fail(error, LAB_ERROR_PLACE,
                        "'%s' is of type none: no box is there, so only one host can be inside, and '%s' is",
                        none->name, none->none_host->node->name);
    place->none = none;
    place->network = none->stands_for;
    *addresses = none->none_addresses;
    return true;
}

bool
place_find(struct place *place, struct lab_network *network, const char *addresses, const struct lab_link *link,
           bool box, const struct node *node, GError **error)
{
    place->network = network;
    place->none = NULL;
    place->link = link ? link : network->links;
    if (network->stands_for && !enter_none(place, network, &addresses, box, error))
        return false;
    if (!addresses) {
        place->count = 1;
        place->runs[0].count = 1;
        return next_free(place->network, box, &place->runs[0].first, error);
    }
    if (!lab_read_runs(addresses, place->runs, &place->count, error) ||
        !lab_check_runs(place->network, place->runs, place->count, NULL, error))
        return false;
    return lab_check_elsewhere(node, NULL, place->runs, place->count, error);
}

void
place_take(const struct place *place, struct lab_interface *interface)
{
    struct lab_network *network = place->network;
    struct node *node = interface->owner->node;
    uint8_t length = network->kind == LAB_INTERNET ? 32 : network->prefixes[0].length;

    interface->port = network->kind == LAB_INTERNET
                          ? node_connect(node, network->router, &place->link->up, &place->link->down)
                          : node_join(node, network->segment, &place->link->up, &place->link->down);
    for (unsigned i = 0; i < place->count; i++) {
        bool added = node_add_address(node, interface->port, place->runs[i].first, place->runs[i].count, length);

        g_assert(added); /* place_find has looked */
    }
    if (place->none)
        place->none->none_host = interface->owner;
    lab_learn(interface);
    lab_tell_interface(interface);
}

/* --- insides -------------------------------------------------------------------------------------------------- */

static bool
read_inside_word(const char *word, struct inside *inside, GError **error)
{
    struct address first;
    uint64_t hosts;
    struct prefix written;

    if (!prefix_parse(word, &written))
        return lab_fail(error, LAB_ERROR_PREFIX,
                        "'%s' is not a prefix; accepted: one such as 10.0.0.0/24, or 10.0.0.254/24", word);
    if (!address_is_ipv4(written.address))
        return lab_fail(error, LAB_ERROR_UNSUPPORTED, "'%s': IPv6 comes with a later version; give an IPv4 prefix",
                        word);
    if (written.length < 1 || written.length > 31)
        return lab_fail(error, LAB_ERROR_PREFIX, "'%s' is no prefix for a network; accepted: lengths 1 to 31", word);

    inside->prefix = network_of(written);
    hosts = host_addresses(inside->prefix, &first);
    inside->own = address_equal(written.address, inside->prefix.address) ? first : written.address;
    if (unusable(first) || unusable(address_add(first, hosts - 1)))
        return lab_fail(error, LAB_ERROR_PREFIX, "'%s' is no prefix for a network: its address %s", word,
                        unusable(first) ? unusable(first) : unusable(address_add(first, hosts - 1)));
    if (address_compare(inside->own, address_add(first, hosts - 1)) > 0)
        return lab_fail(error, LAB_ERROR_PREFIX, "'%s' would give the box the broadcast address of its inside", word);
    return true;
}

bool
lab_read_inside(const char *text, struct inside *inside, GError **error)
{
    const char *at = text;
    char word[WORD_TEXT];
    unsigned count = 0;

    for (; next_word(&at, word); count++) {
        if (!read_inside_word(word, inside, error))
            return false;
        if (count == 1)
            return lab_fail(error, LAB_ERROR_PREFIX,
                            "'%s' holds more than one IPv4 prefix; make a further network for it", text);
    }
    return count > 0 || lab_fail(error, LAB_ERROR_PREFIX, "'%s' holds no prefix", text);
}
