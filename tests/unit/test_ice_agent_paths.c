/* ICE agents under faults, with both families, several streams, and what the journal hears of them. */
#include "tests/unit/support_agent.h"

#include "nat/presets.h"
#include "proto/ice/kinds.h"
#include "proto/stun/kinds.h"
#include "tests/unit/support_net.h"

/* ---- systematic faults: the first packets of the checks between two port-restricted NATs, at A's NAT */

#define FIRST_PACKETS 12
#define SEEDS 100

static unsigned faulty_runs;

enum fault { LOST, LATE, TWICE, FAULTS };

static struct link_fault
fault_of(enum fault how, unsigned packet)
{
    return (struct link_fault){
        .packet = packet, .lose = how == LOST, .duplicate = how == TWICE, .delay = how == LATE ? 300 * TIME_MS : 0
    };
}

/* A session with faults on the wire of A's NAT, outgoing and incoming; it connects, over the direct way. */
static void
run_with(const struct link_fault *up, unsigned ups, const struct link_fault *down, unsigned downs, const char *row)
{
    struct ice_agent_options options = agents_options(true, false);
    struct lab_link link = lab_link_default;

    faulty_runs++;
    agents_again();
    link.up.fault_count = ups;
    link.up.faults = up;
    link.down.fault_count = downs;
    link.down.faults = down;
    agents_world("port-restricted-cone", "port-restricted-cone");
    agents_servers(true, false);
    lab_interface_set_link(&lab_find(test_lab, "natA")->first, &link);
    ends_connect(&end_a, &end_b, &options, 8 * TIME_S);
    CHECK_ROW_TEXT(row, ice_state_word(end_a.state), "completed");
    CHECK_ROW_TEXT(row, ice_state_word(end_b.state), "completed");
    CHECK_ROW(row, end_a.path[0].own_type == ICE_SRFLX && end_a.path[0].peer_type == ICE_SRFLX);
}

static void
test_single_faults(void)
{
    faulty_runs = 0;
    for (unsigned i = 1; i <= FIRST_PACKETS; i++)
        for (int how = 0; how < FAULTS; how++) {
            g_autofree char *row = g_strdup_printf("packet %u, fault %d", i, how);
            struct link_fault fault = fault_of((enum fault)how, i);

            run_with(&fault, 1, NULL, 0, row);
            run_with(NULL, 0, &fault, 1, row);
        }
    CHECK_ROW_INT("runs", faulty_runs, 2 * FAULTS * FIRST_PACKETS);
    printf("systematic faults, two agents, one fault: %u runs\n", faulty_runs);
}

/* Two outgoing packets, two incoming ones, and one of each. */
static void
run_pair(unsigned first, unsigned second, int how)
{
    g_autofree char *row =
        g_strdup_printf("packets %u and %u, faults %d and %d", first, second, how / FAULTS, how % FAULTS);
    struct link_fault faults[] = { fault_of((enum fault)(how / FAULTS), first),
                                   fault_of((enum fault)(how % FAULTS), second) };

    if (first < second) {
        run_with(faults, 2, NULL, 0, row);
        run_with(NULL, 0, faults, 2, row);
    }
    run_with(&faults[0], 1, &faults[1], 1, row);
}

static void
test_double_faults(void)
{
    faulty_runs = 0;
    for (unsigned i = 1; i <= FIRST_PACKETS; i++)
        for (unsigned k = 1; k <= FIRST_PACKETS; k++)
            for (int how = 0; how < FAULTS * FAULTS; how++)
                run_pair(i, k, how);
    CHECK_ROW_INT("runs", faulty_runs, 2484);
    printf("systematic faults, two agents, two faults: %u runs\n", faulty_runs);
}

/* ---- a bad network: each link loses a packet in ten and delays the others by up to 50 ms more */

/* Of four crossings each round trip that a check makes, one in three fails. Every pair of NATs connects under every
 * seed, by a relay where it must be; directly where it can be, but for those, one in ten at most, whose direct checks
 * were all lost in the 2 s that they have once a relayed pair is valid. */
static void
test_loss(void)
{
    static const char *const nats[] = { "full-cone", "port-restricted-cone", "symmetric" };
    unsigned runs = 0, relayed = 0, may_be_direct = 0;

    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        for (size_t i = 0; i < G_N_ELEMENTS(nats) * G_N_ELEMENTS(nats); i++) {
            const char *nat_a = nats[i / G_N_ELEMENTS(nats)], *nat_b = nats[i % G_N_ELEMENTS(nats)];
            g_autofree char *row = g_strdup_printf("%s to %s, seed %u", nat_a, nat_b, (unsigned)seed);
            struct ice_agent_options options = agents_options(true, true);
            struct lab_link link = lab_link_default;
            bool relay_only = g_str_equal(nat_a, "symmetric") ? i % G_N_ELEMENTS(nats) > 0
                                                              : g_str_equal(nat_b, "symmetric") && i / 3 == 1;

            agents_again();
            lab_free(test_lab);
            test_lab = lab_new(seed);
            link.up.loss = link.down.loss = chance_of(0.1);
            link.up.jitter = link.down.jitter = 50 * TIME_MS;
            link.up.delay = link.down.delay = 5 * TIME_MS;
            agents_world(nat_a, nat_b);
            agents_servers(true, true);
            lab_interface_set_link(&lab_find(test_lab, "natA")->first, &link);
            lab_interface_set_link(&lab_find(test_lab, "natB")->first, &link);
            ends_connect(&end_a, &end_b, &options, 0);
            while ((end_a.state != ICE_COMPLETED || end_b.state != ICE_COMPLETED) &&
                   world_step(test_lab->world, ICE_PATIENCE))
                ;
            CHECK_ROW_TEXT(row, ice_state_word(end_a.state), "completed");
            CHECK_ROW_TEXT(row, ice_state_word(end_b.state), "completed");
            runs++;
            may_be_direct += !relay_only;
            relayed += !relay_only && (end_a.path[0].own_type == ICE_RELAY || end_a.path[0].peer_type == ICE_RELAY);
            CHECK_ROW(row, !relay_only || end_a.path[0].own_type == ICE_RELAY || end_a.path[0].peer_type == ICE_RELAY);
        }
    }
    CHECK_ROW_INT("runs", runs, 9 * SEEDS);
    CHECK_ROW("direct where that can be", relayed * 10 <= may_be_direct);
}

/* ---- both families (RFC 8421) */

/* IPv6 is preferred; where nothing of it comes through, IPv4 carries, 200 ms after its pair was found valid. */
static void
test_dual_stack(void)
{
    for (int works = 1; works >= 0; works--) {
        const char *row = works ? "both families" : "IPv6 broken";
        struct ice_agent_options options = agents_options(false, false);
        struct lab_network *internet;

        agents_again();
        internet = make_internet();
        make_host(internet, "A", "203.0.113.1, 2001:db8:a::1");
        if (works)
            make_host(internet, "B", "203.0.113.2, 2001:db8:b::1");
        else
            make_host(internet, "B", "203.0.113.2");
        if (!works) /* IPv6 on a wire that leads nowhere */
            make_attached("B", lab_lan(test_lab, "lan", "2001:db8:c::/64", NULL, NULL), "2001:db8:c::2", false);
        ends_connect(&end_a, &end_b, &options, 5 * TIME_S);
        ends_check(row, &end_a, &end_b, 1);
        CHECK_ROW(row, address_is_ipv4(end_a.path[0].to.address) == !works);
        CHECK_ROW(row, end_a.completed_at - end_a.gathered_at <= 400 * TIME_MS);
    }
}

/* ---- streams */

static void
test_two_streams(void)
{
    struct ice_agent_options options = agents_options(true, true);
    g_autoptr(GString) text = g_string_new(NULL);

    options.session.streams = 2;
    agents_world("port-restricted-cone", "port-restricted-cone");
    agents_servers(true, true);
    ends_connect(&end_a, &end_b, &options, 8 * TIME_S);
    ends_check("two streams", &end_a, &end_b, 1);
    CHECK(end_a.selected == 2 && end_b.selected == 2);
    ice_agent_description(end_a.agent, text);
    CHECK(strstr(text->str, "\r\na=mid:0\r\n") && strstr(text->str, "\r\na=mid:1\r\n"));
}

/* ---- the journal */

/* A record of a check names the packet that it leaves in, and what a packet brought about names that one. */
static void
test_journal(void)
{
    struct ice_agent_options options = agents_options(true, false);
    struct net_journal journal;
    unsigned checks = 0;

    agents_world("port-restricted-cone", "port-restricted-cone");
    agents_servers(true, false);
    net_journal_start(&journal, test_lab->world);
    ends_connect(&end_a, &end_b, &options, 5 * TIME_S);
    for (guint i = 0; i < journal.records->len; i++) {
        const struct record *record = &g_array_index(journal.records, struct record, i);

        if (record->kind != &ice_kind_check)
            continue;
        checks++;
        CHECK_ROW("a check has a packet", record->packet != 0);
    }
    CHECK_ROW_INT("checks", checks,
                  (int64_t)(ice_session_counters(ice_agent_session(end_a.agent))->checks +
                            ice_session_counters(ice_agent_session(end_b.agent))->checks +
                            ice_session_counters(ice_agent_session(end_a.agent))->rechecks +
                            ice_session_counters(ice_agent_session(end_b.agent))->rechecks));
    CHECK(net_journal_count(&journal, &ice_kind_selected, DROP_NONE) == 2);
    CHECK(net_journal_last(&journal, &ice_kind_valid)->packet != 0);
    net_journal_end(&journal);
}

/* ---- pacing and filters */

/* RFC 8445 section 14.2: all agents of a host together begin no more than one transaction in 5 ms, gathering and checks
 * alike, and each by itself one in Ta. */
static void
test_pacing(void)
{
    struct ice_agent_options options = agents_options(true, false);
    struct ice_pacer pacer = { 0 };
    struct end more[3] = { { NULL } };
    struct net_journal journal;
    int64_t last = -TIME_S;
    unsigned begun = 0;

    agents_world("port-restricted-cone", "port-restricted-cone");
    agents_servers(true, false);
    options.session.pacer = &pacer;
    net_journal_start(&journal, test_lab->world);
    for (size_t i = 0; i < G_N_ELEMENTS(more); i++) {
        end_open(&more[i], "A", &options);
        ice_agent_gather(more[i].agent);
    }
    options.session.pacer = NULL;
    end_open(&end_b, "B", &options);
    ice_agent_gather(end_b.agent);
    run_for(TIME_S);
    for (size_t i = 0; i < G_N_ELEMENTS(more); i++) {
        CHECK(more[i].gathered == 1);
        end_describe(&end_b, &more[i]);
        end_describe(&more[i], &end_b); /* each a restart of B's: only that they check matters */
    }
    run_for(TIME_S);
    for (guint i = 0; i < journal.records->len; i++) {
        const struct record *record = &g_array_index(journal.records, struct record, i);

        if (record->node != node_called("A")->number ||
            !(record->kind == &stun_kind_started || (record->kind == &ice_kind_check && record->detail == 1)))
            continue;
        CHECK_ROW("5 ms apart", record->at - last >= ICE_TA_LEAST);
        last = record->at;
        begun++;
    }
    CHECK(begun >= 6);
    net_journal_end(&journal);
    for (size_t i = 0; i < G_N_ELEMENTS(more); i++)
        end_close(&more[i]);
}

static bool
is_not_10_2(void *owner, const struct io_address *address)
{
    (void)owner;
    return !address_equal(address->address, read_address("10.2.0.2"));
}

static void
test_filters(void)
{
    static const struct {
        const char *name;
        bool no_ipv4, no_ipv6, filter;
        unsigned hosts;
    } rows[] = {
        { "all", false, false, false, 3 },    { "no IPv4", true, false, false, 1 },
        { "no IPv6", false, true, false, 2 }, { "one left out", false, false, true, 2 },
        { "none", true, true, false, 0 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct ice_agent_options options = agents_options(false, false);
        struct lab_network *internet;

        agents_again();
        internet = make_internet();
        make_host(internet, "A", "203.0.113.1, 2001:db8:a::1");
        make_nat(internet, "natC", "203.0.113.3", "full-cone", "10.2.0.0/24");
        make_attached("A", net_called("natC"), "10.2.0.2", false);
        options.no_ipv4 = rows[i].no_ipv4;
        options.no_ipv6 = rows[i].no_ipv6;
        options.use_address = rows[i].filter ? is_not_10_2 : NULL;
        end_open(&end_a, "A", &options);
        ice_agent_gather(end_a.agent);
        run_for(1);
        CHECK_ROW(rows[i].name, end_a.gathered == 1);
        CHECK_ROW_INT(rows[i].name, (int64_t)ice_session_locals(ice_agent_session(end_a.agent)), rows[i].hosts);
    }
}

static bool
is_last_of_twenty(void *owner, const struct io_address *address)
{
    (void)owner;
    return address_equal(address->address, read_address("203.0.113.20"));
}

/* A host with more addresses than are gathered on: those that are wanted are found wherever they stand, and else so many
 * as there is room for. */
static void
test_many_addresses(void)
{
    g_autoptr(GString) addresses = g_string_new("203.0.113.1");

    for (int i = 2; i <= 20; i++)
        g_string_append_printf(addresses, ", 203.0.113.%d", i);
    for (int wanted = 0; wanted < 2; wanted++) {
        struct ice_agent_options options = agents_options(false, false);

        agents_again();
        make_host(make_internet(), "A", addresses->str);
        options.use_address = wanted ? is_last_of_twenty : NULL;
        end_open(&end_a, "A", &options);
        ice_agent_gather(end_a.agent);
        run_for(1);
        CHECK_ROW_INT(wanted ? "the last" : "all", (int64_t)ice_session_locals(ice_agent_session(end_a.agent)),
                      wanted ? 1 : ICE_AGENT_ADDRESSES_MOST);
    }
}

/* ---- what a NAT forgets */

/* Section 5.1.1.4: the description is handed over ten minutes after gathering, and the NATs forget after 30 s. */
static void
test_late_exchange(void)
{
    struct ice_agent_options options = agents_options(true, true);

    agents_world("port-restricted-cone", "port-restricted-cone");
    agents_servers(true, true);
    for (int i = 0; i < 2; i++) {
        struct lab_node *box = lab_find(test_lab, i ? "natB" : "natA");
        struct nat_options nat = nat_preset_find("port-restricted-cone")->options;

        nat.udp.timeout = 30 * TIME_S;
        nat.udp.ports = NAT_PORTS_RANDOM; /* so that a mapping that is made anew is another one */
        CHECK(lab_set_nat_options(box, &nat, NULL));
    }
    end_open(&end_a, "A", &options);
    options.session.controlling = false;
    end_open(&end_b, "B", &options);
    ice_agent_gather(end_a.agent);
    ice_agent_gather(end_b.agent);
    run_for(10 * TIME_MIN);
    CHECK(end_describe(&end_a, &end_b) && end_describe(&end_b, &end_a));
    run_for(5 * TIME_S);
    ends_check("late", &end_a, &end_b, 1);
    CHECK(end_a.path[0].own_type == ICE_SRFLX && end_a.path[0].peer_type == ICE_SRFLX);
}

void
suite_ice_agent_paths(void)
{
    UNIT_SUITE("ICE agent paths", agents_begin, agents_end, { "single faults", test_single_faults },
               { "double faults", test_double_faults }, { "loss", test_loss }, { "both families", test_dual_stack },
               { "two streams", test_two_streams }, { "journal", test_journal }, { "pacing", test_pacing },
               { "filters", test_filters },
               { "many addresses", test_many_addresses }, { "late exchange", test_late_exchange });
}
