/* Addresses that people write, whether they may be had, and the next free one. */
#include "scenarios/lab/parts.h"

/* The addresses that are given where none is written: on an internet hosts from TEST-NET-2 up, boxes from TEST-NET-3 up
 * (RFC 5737), and in IPv6 from where their digits are these (RFC 3849). */
#define FIRST_HOST 0xc6336401u /* 198.51.100.1 */
#define FIRST_BOX 0xcb007101u  /* 203.0.113.1 */
#define LAST_AUTOMATIC 0xdfffffffu
#define FIRST_HOST_IPV6 ((struct address){ UINT64_C(0x20010db801980051), UINT64_C(0x0100000000000001) })
#define FIRST_BOX_IPV6 ((struct address){ UINT64_C(0x20010db802030000), UINT64_C(0x0113000000000001) })

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
 * two addresses or one don't have (RFC 3021); IPv6 has no broadcast, and its networks of two have both (RFC 6164).
 * `*first` is the first of them. */
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

const struct prefix *
lab_prefix(const struct lab_network *network, enum family family)
{
    const struct prefix *prefix = &network->prefixes[family == FAMILY_IPV6];

    return prefix_is_none(*prefix) ? NULL : prefix;
}

uint8_t
lab_prefix_length(const struct lab_network *network, struct address address)
{
    const struct prefix *prefix = lab_prefix(network, address_family(address));

    return prefix ? prefix->length : (uint8_t)family_bits(address_family(address));
}

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
    if (!address_is_ipv4(address) && address_is_link_local(address))
        return "is a link-local address, which no node here has or needs";
    if (address_is_ipv4(address) && address_to_ipv4(address) >> 28 == 0xf)
        return address_is_broadcast(address) ? "is the broadcast address" : "is reserved (RFC 1112 section 4)";
    return NULL;
}

/* Whether `address`, which is in `prefix`, is the broadcast address there; IPv6 has none. */
static bool
is_its_broadcast(struct prefix prefix, struct address address)
{
    struct address first;
    uint64_t hosts = host_addresses(prefix, &first);

    return address_is_ipv4(address) && address_compare(address, address_add(first, hosts - 1)) > 0;
}

/* Whether a node on the LAN can have the address, whoever has it now. */
static bool
fits_lan(const struct lab_network *lan, struct address address, GError **error)
{
    const struct prefix *own = lab_prefix(lan, address_family(address));
    struct prefix prefix = own ? *own : *lab_prefix(lan, address_is_ipv4(address) ? FAMILY_IPV6 : FAMILY_IPV4);
    char text[ADDRESS_TEXT], whole[LAB_PREFIX_TEXT];
    struct address first;

    if (!prefix_contains(prefix, address))
        return lab_fail(error, LAB_ERROR_ADDRESS, "%s is not in %s, the prefix of '%s'", address_format(address, text),
                        lab_format_prefix(prefix, whole), lan->name);
    host_addresses(prefix, &first);
    if (address_compare(address, first) < 0)
        return lab_fail(error, LAB_ERROR_ADDRESS, "%s is the address of the network %s itself",
                        address_format(address, text), lab_format_prefix(prefix, whole));
    if (is_its_broadcast(prefix, address))
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
        lab_pay(network->lab, 4 * runs[i].count);
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

/* From `*from` up to `last`, and on success one further. On an internet, IPv4 addresses that end in 0 or 255 are left
 * out: they would do, but look as if they didn't. */
static bool
search_free(const struct lab_network *network, struct address *from, struct address last, struct address *found)
{
    for (struct address address = *from; address_compare(address, last) <= 0; address = address_add(address, 1)) {
        bool odd = network->kind == LAB_INTERNET && address_is_ipv4(address) &&
                   ((address.low & 0xff) == 0 || (address.low & 0xff) == 0xff);

        if (odd || lab_owner_of(network, address))
            continue;
        lab_pay(network->lab, address.low - from->low);
        *found = address;
        *from = address_add(address, 1);
        return true;
    }
    lab_pay(network->lab, last.low - from->low);
    return false;
}

static bool
next_free_on_internet(struct lab_network *internet, enum family family, bool box, struct address *found,
                      GError **error)
{
    bool ipv6 = family == FAMILY_IPV6;
    struct address *from = box ? &internet->next_box[ipv6] : &internet->next_host[ipv6];
    struct address last = address_ipv4(LAST_AUTOMATIC);

    if (address_is_none(*from) && ipv6)
        *from = box ? FIRST_BOX_IPV6 : FIRST_HOST_IPV6;
    else if (address_is_none(*from))
        *from = address_ipv4(box ? FIRST_BOX : FIRST_HOST);
    if (ipv6)
        last = (struct address){ from->high, UINT64_MAX - 1 };
    return search_free(internet, from, last, found) ||
           lab_fail(error, LAB_ERROR_ADDRESS, "'%s' has no free address left", internet->name);
}

/* Of an IPv6 prefix as many as fit into 64 bits: nobody has ever come that far. */
static bool
next_free_on_lan(struct lab_network *lan, struct prefix prefix, struct address *found, GError **error)
{
    struct address *from = &lan->next_host[!address_is_ipv4(prefix.address)];
    struct address first, last;
    uint64_t hosts = host_addresses(prefix, &first);
    char text[LAB_PREFIX_TEXT];

    last = address_add(first, hosts - 1);
    if (address_is_none(*from))
        *from = first;
    if (search_free(lan, from, last, found))
        return true;
    *from = first; /* once more, for those that were given back */
    return search_free(lan, from, last, found) ||
           lab_fail(error, LAB_ERROR_ADDRESS, "'%s' has no free address left in %s", lan->name,
                    lab_format_prefix(prefix, text));
}

static bool
next_free(struct lab_network *network, enum family family, bool box, struct address *found, GError **error)
{
    const struct prefix *prefix = lab_prefix(network, family);

    return prefix ? next_free_on_lan(network, *prefix, found, error)
                  : next_free_on_internet(network, family, box, found, error);
}

/* One address of each family that there is on a LAN; on an internet there is IPv4, and IPv6 for who asks. */
static bool
choose_addresses(struct place *place, bool box, bool ipv6, GError **error)
{
    place->count = 0;
    EACH_FAMILY(family)
    {
        bool wanted = place->network->kind == LAB_LAN ? lab_prefix(place->network, family) != NULL
                                                      : ipv6 || family == FAMILY_IPV4;

        if (!wanted)
            continue;
        place->runs[place->count].count = 1;
        if (!next_free(place->network, family, box, &place->runs[place->count].first, error))
            return false;
        place->count++;
    }
    return true;
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
           bool box, bool ipv6, const struct node *node, GError **error)
{
    place->network = network;
    place->none = NULL;
    place->link = link ? link : network->links;
    if (network->stands_for && !enter_none(place, network, &addresses, box, error))
        return false;
    if (!addresses)
        return choose_addresses(place, box, ipv6, error);
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

    interface->port = network->kind == LAB_INTERNET
                          ? node_connect(node, network->router, &place->link->up, &place->link->down)
                          : node_join(node, network->segment, &place->link->up, &place->link->down);
    for (unsigned i = 0; i < place->count; i++) {
        struct lab_addresses run = place->runs[i];
        bool added = node_add_address(node, interface->port, run.first, run.count,
                                      lab_prefix_length(network, run.first));

        g_assert(added); /* place_find has looked */
    }
    if (place->none)
        place->none->none_host = interface->owner;
    lab_learn(interface);
    lab_tell_interface(interface);
}

/* --- insides -------------------------------------------------------------------------------------------------- */

/* What is wrong with an address that is first or last in a network to be; NULL when nothing is. */
static const char *
unusable_end(struct prefix prefix)
{
    struct address first;
    uint64_t hosts = host_addresses(prefix, &first);

    return unusable(first) ? unusable(first) : unusable(address_add(first, hosts - 1));
}

static bool
read_inside_word(const char *word, struct inside *inside, GError **error)
{
    unsigned longest, ipv6;
    struct address first;
    struct prefix written, prefix;

    if (!prefix_parse(word, &written))
        return lab_fail(error, LAB_ERROR_PREFIX,
                        "'%s' is not a prefix; accepted: one such as 10.0.0.0/24, 10.0.0.254/24 or 2001:db8:1::/64",
                        word);
    ipv6 = !address_is_ipv4(written.address);
    longest = family_bits(address_family(written.address)) - 1;
    if (written.length < 1 || written.length > longest)
        return lab_fail(error, LAB_ERROR_PREFIX, "'%s' is no prefix for a network; accepted: lengths 1 to %u", word,
                        longest);
    if (!prefix_is_none(inside->prefixes[ipv6]))
        return lab_fail(error, LAB_ERROR_PREFIX, "'%s' is a second %s prefix; make a further network for it", word,
                        ipv6 ? "IPv6" : "IPv4");

    prefix = network_of(written);
    host_addresses(prefix, &first);
    inside->prefixes[ipv6] = prefix;
    inside->own_written[ipv6] = !address_equal(written.address, prefix.address);
    inside->own[ipv6] = inside->own_written[ipv6] ? written.address : first;
    if (unusable_end(prefix))
        return lab_fail(error, LAB_ERROR_PREFIX, "'%s' is no prefix for a network: its address %s", word,
                        unusable_end(prefix));
    if (is_its_broadcast(prefix, inside->own[ipv6]))
        return lab_fail(error, LAB_ERROR_PREFIX, "'%s' would give the box the broadcast address of its inside", word);
    return true;
}

bool
lab_read_inside(const char *text, struct inside *inside, GError **error)
{
    const char *at = text;
    char word[WORD_TEXT];
    unsigned count = 0;

    *inside = (struct inside){ .own = { ADDRESS_NONE, ADDRESS_NONE } };
    for (; next_word(&at, word); count++) {
        if (!read_inside_word(word, inside, error))
            return false;
    }
    return count > 0 || lab_fail(error, LAB_ERROR_PREFIX, "'%s' holds no prefix", text);
}
