/* ICE agents over TCP behind NATs: relayed candidates (RFC 6544 section 5.2, RFC 6062), and reflexive ones other than
 * for simultaneous open. */
#include "core/net/stack.h"
#include "tests/unit/support_agent.h"

static struct ice_agent_options
over_tcp(bool stun, bool turn)
{
    struct ice_agent_options options = agents_options(stun, turn);

    options.no_udp = options.tcp = true;
    options.turn[0].transport = TURN_CLIENT_TCP;
    return options;
}

static unsigned
count_candidates(const struct end *at, enum ice_type type, enum ice_transport transport)
{
    const struct ice_session *session = ice_agent_session(at->agent);
    unsigned count = 0;

    for (size_t i = 0; i < ice_session_locals(session); i++) {
        const struct ice_candidate *candidate = ice_session_local(session, (unsigned)i);

        count += candidate->type == type && candidate->transport == transport;
    }
    return count;
}

static bool
goes_by_relay(const struct end *at)
{
    return at->path[0].own_type == ICE_RELAY || at->path[0].peer_type == ICE_RELAY;
}

/* Long and many, so that some share a segment and others are cut in two (RFC 4571). */
static void
check_stream(const char *row)
{
    unsigned before = end_b.heard[0], said = 0;

    for (unsigned i = 0; i < 100; i++)
        said += end_say(&end_a, 1, "a longer one, so that some of them share a segment, and others are cut in two");
    run_for(5 * TIME_S);
    CHECK_ROW_INT(row, said, 100);
    CHECK_ROW_INT(row, end_b.heard[0] - before, 100);
}

/* An allocation gives a passive and an active candidate; the host's own active one is seen by the server, too. */
static void
test_gathering(void)
{
    struct ice_agent_options options = over_tcp(true, true);
    static const struct {
        enum ice_type type;
        enum ice_transport transport;
        unsigned normal, relay_only;
    } rows[] = { { ICE_HOST, ICE_TCP_ACTIVE, 1, 0 },  { ICE_HOST, ICE_TCP_PASSIVE, 1, 0 },
                 { ICE_SRFLX, ICE_TCP_ACTIVE, 1, 0 }, { ICE_SRFLX, ICE_TCP_PASSIVE, 1, 0 },
                 { ICE_RELAY, ICE_TCP_ACTIVE, 1, 1 }, { ICE_RELAY, ICE_TCP_PASSIVE, 1, 1 },
                 { ICE_RELAY, ICE_UDP, 0, 0 } };

    for (int relay_only = 0; relay_only < 2; relay_only++) {
        agents_again();
        agents_world("port-restricted-cone", NULL);
        agents_servers(true, true);
        options.relay_only = relay_only;
        end_open(&end_a, "A", &options);
        ice_agent_gather(end_a.agent);
        run_for(2 * TIME_S);
        CHECK_ROW_INT("gathered", end_a.gathered, 1);
        CHECK_ROW_INT("one allocation", turn_server_allocations(agents_turn()), 1);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
            g_autofree char *row = g_strdup_printf("%s %s%s", ice_type_word(rows[i].type),
                                                   ice_transport_word(rows[i].transport), relay_only ? ", hidden" : "");

            CHECK_ROW_INT(row, count_candidates(&end_a, rows[i].type, rows[i].transport),
                          relay_only ? rows[i].relay_only : rows[i].normal);
        }
    }
}

/* Where nobody can be called a relay is, from either side, or from the other relay. Who has none must know its address
 * outside, for the relay to let it in. */
static void
test_paths(void)
{
    static const struct {
        const char *name, *nat_a, *nat_b;
        bool relay_only, turn_a, turn_b;
    } rows[] = {
        { "two NATs", "port-restricted-cone", "port-restricted-cone", false, true, true },
        { "two symmetric NATs", "symmetric", "symmetric", false, true, true },
        { "UDP blocked on both sides", "udp-blocked", "udp-blocked", false, true, true },
        { "only A has a relay", "udp-blocked", "port-restricted-cone", false, true, false },
        { "only B has a relay", "symmetric", "udp-blocked", false, false, true },
        { "relays alone", "port-restricted-cone", "port-restricted-cone", true, true, true },
        { "relays alone, on public hosts", NULL, NULL, true, true, true },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct ice_agent_options options = over_tcp(!rows[i].turn_a, rows[i].turn_a);
        struct ice_agent_options controlled = over_tcp(!rows[i].turn_b, rows[i].turn_b);

        agents_again();
        agents_world(rows[i].nat_a, rows[i].nat_b);
        agents_servers(true, true);
        options.relay_only = controlled.relay_only = rows[i].relay_only;
        controlled.session.controlling = false;
        end_open(&end_a, "A", &options);
        end_open(&end_b, "B", &controlled);
        ice_agent_gather(end_a.agent);
        ice_agent_gather(end_b.agent);
        run_for(9 * TIME_S);
        CHECK_ROW(rows[i].name, end_a.gathered == 1 && end_b.gathered == 1);
        CHECK_ROW(rows[i].name, end_describe(&end_a, &end_b) && end_describe(&end_b, &end_a));
        run_for(10 * TIME_S);
        ends_show(rows[i].name);
        ends_check(rows[i].name, &end_a, &end_b, 1);
        CHECK_ROW(rows[i].name, goes_by_relay(&end_a) || goes_by_relay(&end_b));
        CHECK_ROW(rows[i].name, end_a.path[0].transport != ICE_UDP && end_b.path[0].transport != ICE_UDP);
        CHECK_ROW(rows[i].name, turn_server_counters(agents_turn())->joined >= 1);
        CHECK_ROW_INT(rows[i].name, (int64_t)turn_server_counters(agents_turn())->bytes_to_peers, 0);
        check_stream(rows[i].name);
    }
}

/* A relay that is not needed is given back three seconds after the selection, one that is when the agent is closed; with
 * consent meanwhile (RFC 7675), which goes over the relay too. */
static void
test_life(void)
{
    struct ice_agent_options options = over_tcp(false, true);

    agents_world("port-restricted-cone", "port-restricted-cone");
    agents_servers(false, true);
    ends_connect(&end_a, &end_b, &options, TIME_S);
    CHECK_ROW_INT("two", turn_server_allocations(agents_turn()), 2);
    run_for(20 * TIME_MIN);
    ends_check("20 minutes later", &end_a, &end_b, 1);
    CHECK_ROW_INT("one is left", turn_server_allocations(agents_turn()), 1);
    CHECK(end_a.lost == 0 && end_b.lost == 0);
    ice_agent_close(end_a.agent);
    ice_agent_close(end_b.agent);
    run_for(TIME_S);
    CHECK(end_a.closed == 1 && end_b.closed == 1);
    CHECK_ROW_INT("none is left", turn_server_allocations(agents_turn()), 0);
}

/* Allocations that stand serve the next generation. */
static void
test_restart(void)
{
    struct ice_agent_options options = over_tcp(false, true);

    agents_world("port-restricted-cone", "port-restricted-cone");
    agents_servers(false, true);
    ends_connect(&end_a, &end_b, &options, 5 * TIME_S);
    ends_check("before", &end_a, &end_b, 1);
    for (int i = 0; i < 2; i++) {
        ice_agent_restart(end_a.agent);
        run_for(TIME_S);
        CHECK(end_describe(&end_a, &end_b));
        run_for(TIME_S);
        CHECK(end_describe(&end_b, &end_a));
        run_for(10 * TIME_S);
        ends_check("restarted", &end_a, &end_b, 1);
        CHECK_ROW("over a relay", goes_by_relay(&end_a) || goes_by_relay(&end_b));
        check_stream("restarted");
    }
    CHECK_ROW_INT("selections", end_a.selected, 3);
}

/* The server goes: so do its connections, its candidates and the path. */
static void
test_lost_server(void)
{
    struct ice_agent_options options = over_tcp(false, true);

    agents_world("port-restricted-cone", "port-restricted-cone");
    agents_servers(false, true);
    ends_connect(&end_a, &end_b, &options, 5 * TIME_S);
    ends_check("before", &end_a, &end_b, 1);
    agents_stop_turn();
    run_for(TIME_S);
    CHECK(end_a.lost == 1 && end_b.lost == 1);
    CHECK(end_a.state == ICE_FAILED && end_b.state == ICE_FAILED);
    CHECK(!end_say(&end_a, 1, "nowhere"));
}

/* Who refuses or does not answer is no end of gathering. */
static void
test_no_allocation(void)
{
    static const struct {
        const char *name;
        const char *password;
        bool server;
    } rows[] = { { "wrong password", "wrong", true }, { "nobody there", "secret", false } };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct ice_agent_options options = over_tcp(false, true);

        agents_again();
        agents_world("port-restricted-cone", NULL);
        agents_servers(false, rows[i].server);
        options.turn[0].password = rows[i].password;
        ends_connect(&end_a, &end_b, &options, 5 * TIME_S);
        ends_check(rows[i].name, &end_a, &end_b, 1); /* B can be called */
        CHECK_ROW(rows[i].name, ice_agent_counters(end_a.agent)->silent == 1 && !goes_by_relay(&end_a));
    }
}

/* Freed in whatever state it is, with what waits for its server. */
static void
test_freed(void)
{
    for (int64_t at = 0; at < 12; at++) {
        struct ice_agent_options options = over_tcp(true, true);

        agents_again();
        agents_world("symmetric", "symmetric");
        agents_servers(true, true);
        ends_connect(&end_a, &end_b, &options, at * 200 * TIME_US);
        if (at % 2)
            ice_agent_close(end_a.agent);
        else
            end_close(&end_a);
        run_for(45 * TIME_S);
        CHECK_ROW("and the other one notices", end_b.state != ICE_COMPLETED || end_b.lost == 1);
    }
}

/* RFC 6544 section 5.2: the port that a listener has outside, which a NAT that filters nothing lets anyone in by. */
static void
test_passive_reflexive(void)
{
    struct ice_agent_options options = over_tcp(true, false);

    agents_world("port-restricted-cone", "full-cone");
    agents_servers(true, false);
    ends_connect(&end_a, &end_b, &options, 5 * TIME_S);
    ends_show("passive reflexive");
    ends_check("passive reflexive", &end_a, &end_b, 1);
    CHECK_ROW_TEXT("A", ice_type_word(end_a.path[0].own_type), "srflx");
    CHECK_ROW_TEXT("A's peer", ice_type_word(end_a.path[0].peer_type), "srflx");
    CHECK_ROW_TEXT("A", ice_transport_word(end_a.path[0].transport), "tcp-active");
    check_stream("passive reflexive");
}

static void
on_stranger(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    (void)owner, (void)tcp, (void)ready, (void)result;
}

static struct endpoint
listener_of(const struct end *at)
{
    const struct ice_session *session = ice_agent_session(at->agent);

    for (size_t i = 0; i < ice_session_locals(session); i++)
        if (ice_session_local(session, (unsigned)i)->transport == ICE_TCP_PASSIVE)
            return ice_session_local(session, (unsigned)i)->endpoint;
    return (struct endpoint){ ADDRESS_NONE, 0 };
}

/* Who connects and says nothing does not keep the peer out, nor takes the place of one who is connected. */
static void
test_strangers(void)
{
    struct ice_agent_options options = over_tcp(false, false);
    struct io_tcp *strangers[2 * ICE_AGENT_CONNECTIONS_MOST];
    struct endpoint any = { address_ipv4(0), 0 }, at;
    struct io *io;
    enum io_result why;

    agents_world("port-restricted-cone", NULL);
    end_open(&end_a, "A", &options);
    options.session.controlling = false;
    end_open(&end_b, "B", &options);
    ice_agent_gather(end_a.agent);
    ice_agent_gather(end_b.agent);
    run_for(TIME_MS);
    io = node_io(node_called("S"));
    at = listener_of(&end_b);
    for (size_t i = 0; i < G_N_ELEMENTS(strangers); i++) {
        if (i == G_N_ELEMENTS(strangers) / 2) {
            CHECK(end_describe(&end_a, &end_b) && end_describe(&end_b, &end_a));
            run_for(2 * TIME_S);
        }
        strangers[i] = io->ops->connect(io, &any, &at, false, on_stranger, NULL, &why);
        CHECK(strangers[i] != NULL);
        run_for(TIME_MS);
    }
    run_for(5 * TIME_S);
    ends_check("strangers", &end_a, &end_b, 1);
    CHECK(ice_agent_counters(end_b.agent)->connections > ICE_AGENT_CONNECTIONS_MOST);
    for (size_t i = 0; i < G_N_ELEMENTS(strangers); i++)
        if (strangers[i])
            strangers[i]->ops->close(strangers[i], true);
    check_stream("strangers");
}

void
suite_ice_agent_tcp(void)
{
    UNIT_SUITE("ICE agent over TCP", agents_begin, agents_end, { "gathering", test_gathering }, { "paths", test_paths },
               { "life", test_life }, { "restart", test_restart }, { "lost server", test_lost_server },
               { "no allocation", test_no_allocation }, { "freed", test_freed },
               { "passive reflexive", test_passive_reflexive }, { "strangers", test_strangers });
}
