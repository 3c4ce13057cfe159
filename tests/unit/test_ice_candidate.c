/* Candidates: RFC 8445 section 5.1, RFC 6544 section 4.2, RFC 8421 section 4. */
#include "proto/ice/candidate.h"
#include "proto/ice/event.h"
#include "tests/unit/support.h"

static void
test_priorities(void)
{
    static const struct {
        const char *name;
        enum ice_type type;
        unsigned component;
        uint32_t priority;
    } rows[] = {
        { "host, component 1", ICE_HOST, 1, 2130706431 },   { "host, component 2", ICE_HOST, 2, 2130706430 },
        { "prflx, component 1", ICE_PRFLX, 1, 1862270975 }, { "prflx, component 2", ICE_PRFLX, 2, 1862270974 },
        { "srflx, component 1", ICE_SRFLX, 1, 1694498815 }, { "srflx, component 2", ICE_SRFLX, 2, 1694498814 },
        { "relay, component 1", ICE_RELAY, 1, 16777215 },   { "relay, component 2", ICE_RELAY, 2, 16777214 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct ice_candidate candidate = { .type = rows[i].type,
                                           .component = (uint16_t)rows[i].component,
                                           .local_preference = 65535 };

        CHECK_ROW_INT(rows[i].name, ice_candidate_priority(&candidate), rows[i].priority);
        CHECK_ROW_INT(rows[i].name, ice_candidate_prflx_priority(&candidate), 1862270976 - rows[i].component);
    }
    CHECK_ROW_INT(NULL, ice_priority(0, 0, 256), 0);
    CHECK_ROW_INT(NULL, ice_priority(126, 65535, 1), 2130706431);
}

/* RFC 6544 section 4.2, component 1, one address. */
static void
test_tcp_priorities(void)
{
    static const struct {
        const char *name;
        enum ice_type type;
        enum ice_transport transport;
        uint32_t priority;
    } rows[] = {
        { "host active", ICE_HOST, ICE_TCP_ACTIVE, 2128609279 },
        { "host passive", ICE_HOST, ICE_TCP_PASSIVE, 2124414975 },
        { "host so", ICE_HOST, ICE_TCP_SO, 2120220671 },
        { "srflx so", ICE_SRFLX, ICE_TCP_SO, 1692401663 },
        { "srflx active", ICE_SRFLX, ICE_TCP_ACTIVE, 1688207359 },
        { "srflx passive", ICE_SRFLX, ICE_TCP_PASSIVE, 1684013055 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        unsigned preference = ice_tcp_local_preference(rows[i].type, rows[i].transport, ice_tcp_other_preference(0));

        CHECK_ROW_INT(rows[i].name, ice_priority(ice_type_preference(rows[i].type), preference, 1), rows[i].priority);
    }
    CHECK_ROW_INT(NULL, ice_tcp_local_preference(ICE_HOST, ICE_TCP_ACTIVE, 100000) & 0x1fff, ICE_TCP_OTHER_MOST);
}

/* RFC 8445 section 6.1.2.3. */
static void
test_pair_priorities(void)
{
    static const struct {
        const char *name;
        uint32_t controlling, controlled;
        uint64_t priority;
    } rows[] = {
        { "host, srflx", 2130706431, 1694498815, UINT64_C(7277816997797167103) },
        { "srflx, host", 1694498815, 2130706431, UINT64_C(7277816997797167102) },
        { "host, host", 2130706431, 2130706431, UINT64_C(9151314442783293438) },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        CHECK_ROW(rows[i].name, ice_pair_priority(rows[i].controlling, rows[i].controlled) == rows[i].priority);
}

static struct address
address(const char *text)
{
    struct address parsed;

    g_assert(address_parse(text, &parsed));
    return parsed;
}

static struct ice_candidate
gathered(enum ice_type type, const char *base, uint16_t port, const char *server)
{
    return (struct ice_candidate){ .type = type,
                                   .component = 1,
                                   .endpoint = { address("203.0.113.1"), port },
                                   .base = { address(base), port },
                                   .server = { server ? address(server) : ADDRESS_NONE, 3478 } };
}

/* Section 5.1.1.3: ports do not matter. */
static void
test_foundations(void)
{
    struct ice_candidate first = gathered(ICE_SRFLX, "10.0.0.2", 5000, "192.0.2.1");
    struct {
        const char *name;
        struct ice_candidate other;
        bool same;
    } rows[] = {
        { "another port", gathered(ICE_SRFLX, "10.0.0.2", 6000, "192.0.2.1"), true },
        { "another base", gathered(ICE_SRFLX, "10.0.0.3", 5000, "192.0.2.1"), false },
        { "another server", gathered(ICE_SRFLX, "10.0.0.2", 5000, "192.0.2.2"), false },
        { "another type", gathered(ICE_RELAY, "10.0.0.2", 5000, "192.0.2.1"), false },
        { "another component and stream", gathered(ICE_SRFLX, "10.0.0.2", 5000, "192.0.2.1"), true },
        { "another transport", gathered(ICE_SRFLX, "10.0.0.2", 5000, "192.0.2.1"), false },
    };

    rows[4].other.component = 2;
    rows[4].other.stream = 1;
    rows[5].other.transport = ICE_TCP_ACTIVE;
    ice_foundation_assign(&first, NULL, 0);
    CHECK_ROW_TEXT(NULL, first.foundation, "1");
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        CHECK_ROW(rows[i].name, ice_same_foundation(&first, &rows[i].other) == rows[i].same);
        ice_foundation_assign(&rows[i].other, &first, 1);
        CHECK_ROW_TEXT(rows[i].name, rows[i].other.foundation, rows[i].same ? "1" : "2");
    }
}

/* Section 5.1.3: the same transport address with another base is kept. */
static void
test_redundancy(void)
{
    struct ice_candidate a = gathered(ICE_SRFLX, "10.0.0.2", 5000, "192.0.2.1"), b = a;

    CHECK(ice_is_redundant(&a, &b));
    b.type = ICE_HOST;
    CHECK(ice_is_redundant(&a, &b));
    b.base.port++;
    CHECK(!ice_is_redundant(&a, &b));
    b = a;
    b.endpoint.port++;
    CHECK(!ice_is_redundant(&a, &b));
    b = a;
    b.component = 2;
    CHECK(!ice_is_redundant(&a, &b));
    b = a;
    b.transport = ICE_TCP_PASSIVE;
    CHECK(!ice_is_redundant(&a, &b));
}

/* RFC 8421 section 4: "6" and "4" are addresses in the order that the host lists them, a prime marks an unreliable
 * one. */
static void
test_families(void)
{
    static const struct {
        const char *name, *listed, *order;
    } rows[] = {
        { "the RFC's example: two of each and a bad IPv6", "464666'", "646466'" },
        { "two IPv4, six IPv6: a head start of four", "44666666", "66646664" },
        { "one of each", "46", "64" },
        { "IPv4 alone", "444", "444" },
        { "IPv6 alone", "66", "66" },
        { "more IPv4 than IPv6: IPv6 first all the same", "4446", "6444" },
        { "unreliable ones last, ordered among themselves", "4'6'46", "646'4'" },
        { "none", "", "" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct ice_address addresses[ICE_ADDRESSES_MOST];
        uint16_t order[ICE_ADDRESSES_MOST];
        size_t count = 0;
        g_autoptr(GString) text = g_string_new(NULL);

        for (const char *at = rows[i].listed; *at; at++) {
            if (*at == '\'')
                addresses[count - 1].unreliable = true;
            else
                addresses[count++] = (struct ice_address){ address(*at == '4' ? "10.0.0.2" : "2001:db8::2"), false };
        }
        CHECK_ROW_INT(rows[i].name, ice_address_order(addresses, count, order), count);
        for (size_t k = 0; k < count; k++) {
            const struct ice_address *one = &addresses[order[k]];

            g_string_append_printf(text, "%c%s", address_is_ipv4(one->address) ? '4' : '6', one->unreliable ? "'" : "");
        }
        CHECK_ROW_TEXT(rows[i].name, text->str, rows[i].order);
    }
    CHECK_ROW_INT(NULL, ice_local_preference(0), 65535);
    for (size_t rank = 1; rank < ICE_ADDRESSES_MOST; rank++) {
        CHECK(ice_local_preference(rank) < ice_local_preference(rank - 1));
        CHECK(ice_tcp_other_preference(rank) < ice_tcp_other_preference(rank - 1));
    }
}

static void
test_ice_chars(void)
{
    static const struct {
        const char *text;
        bool fits;
    } rows[] = {
        { "8hhY", true },  { "abc+/9Z", true },  { "abc", false },       { "", false },     { "abcd:", false },
        { "ab d", false }, { "abcdefgh", true }, { "abcdefghi", false }, { "~1ab", false },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        CHECK_ROW(rows[i].text, ice_is_ice_chars(span_of_text(rows[i].text), 4, 8) == rows[i].fits);
}

static void
test_words(void)
{
    for (int i = 0; i < ICE_WHY_COUNT; i++) {
        CHECK_ROW(ice_why_word((enum ice_why)i), unit_is_word(ice_why_word((enum ice_why)i)));
        for (int k = 0; k < i; k++)
            CHECK_ROW(ice_why_word((enum ice_why)i),
                      strcmp(ice_why_word((enum ice_why)i), ice_why_word((enum ice_why)k)) != 0);
    }
    for (int i = 0; i < ICE_PAIR_STATES; i++)
        CHECK(unit_is_word(ice_pair_state_word((enum ice_pair_state)i)));
    for (int i = 0; i < ICE_STATES; i++)
        CHECK(unit_is_word(ice_state_word((enum ice_state)i)));
    for (int i = 0; i < ICE_TYPES; i++)
        CHECK(unit_is_word(ice_type_word((enum ice_type)i)));
    for (int i = 0; i < ICE_TRANSPORTS; i++)
        CHECK(unit_is_word(ice_transport_word((enum ice_transport)i)));
}

void
suite_ice_candidate(void)
{
    UNIT_SUITE("ice_candidate", NULL, NULL, { "priorities", test_priorities },
               { "TCP priorities", test_tcp_priorities }, { "pair priorities", test_pair_priorities },
               { "foundations", test_foundations }, { "redundancy", test_redundancy },
               { "order of families", test_families }, { "ice-chars", test_ice_chars }, { "words", test_words });
}
