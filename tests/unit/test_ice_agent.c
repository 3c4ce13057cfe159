/* ICE agents over simulated NATs: which path they find, when, and that data goes by it. */
#include "tests/unit/support_agent.h"

static void
check_path(const char *row, const struct end *at, enum ice_type own, enum ice_type peer)
{
    CHECK_ROW_TEXT(row, ice_type_word(at->path[0].own_type), ice_type_word(own));
    CHECK_ROW_TEXT(row, ice_type_word(at->path[0].peer_type), ice_type_word(peer));
}

/* The path from A, by the types of both candidates as A sees them: the own one is what the valid pair has, reflexive
 * where a NAT changed the address. Where both mappings depend on the destination, or one does and the other filters by
 * port, only a relay leads through (RFC 8445 section 2): the controlled side's, whose pair has the larger G (section
 * 6.1.2.3). `within`: after the exchange of descriptions. Waiting: 200 ms after a first valid pair for better ones, 2 s
 * for a relayed one. */
static void
test_pairs_of_nats(void)
{
    static const struct {
        const char *name, *nat_a, *nat_b;
        bool turn;
        enum ice_type own, peer;
        int64_t within;
    } rows[] = {
        { "nobody between", NULL, NULL, false, ICE_HOST, ICE_HOST, 100 * TIME_MS },
        { "one full cone", "full-cone", NULL, false, ICE_SRFLX, ICE_HOST, 100 * TIME_MS },
        { "two port-restricted", "port-restricted-cone", "port-restricted-cone", false, ICE_SRFLX, ICE_SRFLX,
          400 * TIME_MS },
        { "symmetric and full cone", "symmetric", "full-cone", false, ICE_PRFLX, ICE_SRFLX, 400 * TIME_MS },
        { "full cone and symmetric", "full-cone", "symmetric", false, ICE_SRFLX, ICE_PRFLX, 400 * TIME_MS },
        { "symmetric and restricted", "symmetric", "restricted-cone", false, ICE_PRFLX, ICE_SRFLX, 900 * TIME_MS },
        { "two port-restricted, and a relay not needed", "port-restricted-cone", "port-restricted-cone", true,
          ICE_SRFLX, ICE_SRFLX, 600 * TIME_MS },
        { "symmetric and port-restricted", "symmetric", "port-restricted-cone", true, ICE_PRFLX, ICE_RELAY,
          4 * TIME_S },
        { "two symmetric", "symmetric", "symmetric", true, ICE_PRFLX, ICE_RELAY, 4 * TIME_S },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct ice_agent_options options = agents_options(true, rows[i].turn);
        int64_t began;

        if (i > 0) {
            agents_again();
        }
        agents_world(rows[i].nat_a, rows[i].nat_b);
        agents_servers(true, rows[i].turn);
        ends_connect(&end_a, &end_b, &options, 8 * TIME_S);
        began = MAX(end_a.gathered_at, end_b.gathered_at);
        ends_check(rows[i].name, &end_a, &end_b, 1);
        check_path(rows[i].name, &end_a, rows[i].own, rows[i].peer);
        CHECK_ROW(rows[i].name, end_a.completed_at - began <= rows[i].within);
        CHECK_ROW(rows[i].name, end_b.completed_at - began <= rows[i].within);
        ends_show(rows[i].name);
    }
}

/* RFC 8445 section 2: without a relay there is no way; it has failed when patience ends (RFC 8863 section 4), not
 * before. */
static void
test_no_way(void)
{
    struct ice_agent_options options = agents_options(true, false);

    agents_world("symmetric", "symmetric");
    agents_servers(true, false);
    ends_connect(&end_a, &end_b, &options, 60 * TIME_S);
    CHECK_ROW_TEXT("A", ice_state_word(end_a.state), "failed");
    CHECK_ROW_TEXT("B", ice_state_word(end_b.state), "failed");
    CHECK_ROW_TEXT("why", ice_why_word(end_a.why), "exhausted");
    CHECK(end_a.failed_at - end_a.gathered_at >= ICE_PATIENCE &&
          end_a.failed_at - end_a.gathered_at < ICE_PATIENCE + TIME_S);
    CHECK(!end_say(&end_a, 1, "into nowhere"));
}

/* A relay is reached by TCP where UDP does not leave the network: after the last of three requests, 3.5 s. */
static void
test_udp_blocked(void)
{
    struct ice_agent_options options = agents_options(true, true);

    options.turn[0].transport = TURN_CLIENT_UDP_THEN_TCP;
    agents_world("udp-blocked", NULL);
    agents_servers(true, true);
    ends_connect(&end_a, &end_b, &options, 8 * TIME_S);
    ends_check("UDP blocked", &end_a, &end_b, 1);
    check_path("UDP blocked", &end_a, ICE_RELAY, ICE_HOST);
    CHECK(end_a.gathered_at <= options.gather_most);
    CHECK(ice_agent_counters(end_a.agent)->silent == 1);
}

/* TURN over TCP from the start, from both sides of two symmetric NATs, and over IPv6 (RFC 8656 section 7.1: what is not
 * asked for is IPv4). */
static void
test_turn_ways(void)
{
    static const struct {
        const char *name, *server;
        enum turn_client_transport transport;
    } rows[] = {
        { "TCP", AGENT_TURN, TURN_CLIENT_TCP },
        { "UDP", AGENT_TURN, TURN_CLIENT_UDP },
        { "UDP over IPv6", "[2001:db8:1::2]:3478", TURN_CLIENT_UDP },
        { "TCP over IPv6", "[2001:db8:1::2]:3478", TURN_CLIENT_TCP },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct ice_agent_options options = agents_options(false, true);
        struct lab_network *internet;

        agents_again();
        internet = make_internet();
        make_host(internet, "T", "198.51.100.2, 2001:db8:1::2");
        make_host(internet, "A", "203.0.113.1, 2001:db8:a::1");
        make_host(internet, "B", "203.0.113.2, 2001:db8:b::1");
        agents_servers(false, true);
        CHECK(endpoint_parse(rows[i].server, &options.turn[0].server));
        options.turn[0].transport = rows[i].transport;
        options.relay_only = true;
        ends_connect(&end_a, &end_b, &options, 8 * TIME_S);
        ends_check(rows[i].name, &end_a, &end_b, 1);
        check_path(rows[i].name, &end_a, ICE_RELAY, ICE_RELAY);
        CHECK_ROW(rows[i].name, address_is_ipv4(end_a.path[0].to.address) == (rows[i].server[0] != '['));
    }
}

/* Relayed candidates alone, and no own address in the description (RFC 8839 section 5.1: 0.0.0.0 and 9). */
static void
test_relay_only(void)
{
    struct ice_agent_options options = agents_options(true, true);
    g_autoptr(GString) text = g_string_new(NULL);

    options.relay_only = true;
    agents_world("port-restricted-cone", "port-restricted-cone");
    agents_servers(true, true);
    ends_connect(&end_a, &end_b, &options, 8 * TIME_S);
    ends_check("relay only", &end_a, &end_b, 1);
    check_path("relay only", &end_a, ICE_RELAY, ICE_RELAY);
    ice_agent_description(end_a.agent, text);
    CHECK(strstr(text->str, "typ relay raddr 0.0.0.0 rport 9\r\n") != NULL);
    CHECK(!strstr(text->str, "typ host") && !strstr(text->str, "typ srflx") && !strstr(text->str, "10.0.0.2"));
}

/* RFC 8445 section 5.1.1.2: a server that refuses an allocation still tells the mapped address. */
static void
test_refused_allocation(void)
{
    struct ice_agent_options options = agents_options(false, true);

    options.turn[0].password = "wrong";
    agents_world("port-restricted-cone", "port-restricted-cone");
    agents_servers(false, true);
    ends_connect(&end_a, &end_b, &options, 8 * TIME_S);
    ends_check("refused allocation", &end_a, &end_b, 1);
    check_path("refused allocation", &end_a, ICE_SRFLX, ICE_SRFLX);
}

static void
test_two_components(void)
{
    struct ice_agent_options options = agents_options(true, true);
    g_autoptr(GString) text = g_string_new(NULL);

    options.session.components = 2;
    agents_world("port-restricted-cone", "symmetric");
    agents_servers(true, true);
    ends_connect(&end_a, &end_b, &options, 8 * TIME_S);
    ends_check("two components", &end_a, &end_b, 2);
    CHECK(end_a.selected == 2 && end_b.selected == 2);
    CHECK(!endpoint_equal(end_a.path[0].from, end_a.path[1].from) &&
          !endpoint_equal(end_a.path[0].to, end_a.path[1].to));
    ice_agent_description(end_a.agent, text);
    CHECK(strstr(text->str, "\r\na=rtcp:") != NULL);
    ends_show("two components");
}

/* Both believe that they control: the one with the larger tiebreaker goes on (RFC 8445 section 7.3.1.1). */
static void
test_role_conflict(void)
{
    struct ice_agent_options options = agents_options(true, false);
    bool roles[] = { true, false };

    for (size_t i = 0; i < G_N_ELEMENTS(roles); i++) {
        if (i > 0) {
            agents_again();
        }
        options.session.controlling = roles[i];
        agents_world("port-restricted-cone", "full-cone");
        agents_servers(true, false);
        end_open(&end_a, "A", &options);
        end_open(&end_b, "B", &options);
        ice_agent_gather(end_a.agent);
        ice_agent_gather(end_b.agent);
        run_for(TIME_S);
        end_describe(&end_a, &end_b);
        end_describe(&end_b, &end_a);
        run_for(5 * TIME_S);
        ends_check(roles[i] ? "both controlling" : "both controlled", &end_a, &end_b, 1);
        CHECK(ice_session_is_controlling(ice_agent_session(end_a.agent)) !=
              ice_session_is_controlling(ice_agent_session(end_b.agent)));
        CHECK(ice_session_counters(ice_agent_session(end_a.agent))->conflicts +
                  ice_session_counters(ice_agent_session(end_b.agent))->conflicts >
              0);
    }
}

/* RFC 5245 section 8.1.1.2: every check nominates, and the highest pair stays selected in the end. */
static void
test_aggressive(void)
{
    struct ice_agent_options options = agents_options(true, true);

    options.session.aggressive = true;
    agents_world("port-restricted-cone", "full-cone");
    agents_servers(true, true);
    ends_connect(&end_a, &end_b, &options, 8 * TIME_S);
    ends_check("aggressive", &end_a, &end_b, 1);
    check_path("aggressive", &end_a, ICE_SRFLX, ICE_SRFLX);
}

/* RFC 8838: descriptions without a candidate, and each candidate as it comes; then backwards, B's checks before A knows
 * where they come from, and the end of candidates last. */
static void
test_trickle(void)
{
    bool orders[] = { false, true };

    for (size_t i = 0; i < G_N_ELEMENTS(orders); i++) {
        const char *row = orders[i] ? "backwards and late" : "in order";
        struct ice_agent_options options = agents_options(true, true), controlled;

        if (i > 0) {
            agents_again();
        }
        options.session.trickle = true;
        controlled = options;
        controlled.session.controlling = false;
        agents_world("port-restricted-cone", "full-cone");
        agents_servers(true, true);
        end_open(&end_a, "A", &options);
        end_open(&end_b, "B", &controlled);
        end_describe(&end_a, &end_b);
        end_describe(&end_b, &end_a);
        ice_agent_gather(end_a.agent);
        ice_agent_gather(end_b.agent);
        run_for(orders[i] ? TIME_S : 0);
        end_trickle(&end_a, &end_b, orders[i]);
        run_for(orders[i] ? TIME_S : 0);
        end_trickle(&end_b, &end_a, orders[i]);
        run_for(TIME_S);
        end_trickle(&end_a, &end_b, orders[i]);
        end_trickle(&end_b, &end_a, orders[i]);
        CHECK(ice_agent_take_candidate(end_a.agent, 0, span_of_text("a=end-of-candidates\r\n"), NULL));
        CHECK(ice_agent_take_candidate(end_b.agent, 0, span_of_text("end-of-candidates"), NULL));
        run_for(4 * TIME_S);
        CHECK_ROW(row, end_a.gathered == 1 && end_b.gathered == 1);
        ends_check(row, &end_a, &end_b, 1);
        CHECK_ROW(row, end_a.path[0].own_type != ICE_RELAY && end_a.path[0].peer_type != ICE_RELAY);
        ends_show(row);
    }
}

/* RFC 8445 section 5.2 and 6.1.1: a lite agent gathers host candidates only, sends no check, and is controlled. */
static void
test_lite(void)
{
    struct ice_agent_options options = agents_options(true, false), lite = options;

    lite.session.lite = true;
    lite.session.controlling = true;
    options.session.controlling = false;
    agents_world("symmetric", NULL);
    agents_servers(true, false);
    end_open(&end_a, "A", &options);
    end_open(&end_b, "B", &lite);
    ice_agent_gather(end_a.agent);
    ice_agent_gather(end_b.agent);
    run_for(TIME_S);
    end_describe(&end_b, &end_a);
    end_describe(&end_a, &end_b);
    run_for(5 * TIME_S);
    ends_check("lite", &end_a, &end_b, 1);
    CHECK(ice_session_counters(ice_agent_session(end_b.agent))->checks == 0);
    CHECK(ice_session_is_controlling(ice_agent_session(end_a.agent)));
    CHECK(ice_agent_counters(end_b.agent)->gathered == 0);
}

/* RFC 6544: no UDP at all. The active side connects to the passive one; data is framed (RFC 4571). */
static void
test_tcp(void)
{
    struct ice_agent_options options = agents_options(false, false);

    options.no_udp = options.tcp = true;
    agents_world("port-restricted-cone", NULL);
    ends_connect(&end_a, &end_b, &options, 5 * TIME_S);
    ends_show("TCP");
    ends_check("TCP", &end_a, &end_b, 1);
    CHECK_ROW_TEXT("A", ice_transport_word(end_a.path[0].transport), "tcp-active");
    CHECK_ROW_TEXT("B", ice_transport_word(end_b.path[0].transport), "tcp-passive");
    for (unsigned i = 0; i < 100; i++)
        CHECK(
            end_say(&end_a, 1, "a longer one, so that some of them share a segment, and others are cut in two by it"));
    run_for(5 * TIME_S);
    CHECK_ROW_INT("all came", end_b.heard[0], 101);
}

/* Both listen and connect at the same time from the same ports. */
static void
test_tcp_so(void)
{
    struct ice_agent_options options = agents_options(false, false);

    options.no_udp = options.tcp_so = true;
    agents_world(NULL, NULL);
    ends_connect(&end_a, &end_b, &options, 5 * TIME_S);
    ends_check("simultaneous open", &end_a, &end_b, 1);
    CHECK_ROW_TEXT("A", ice_transport_word(end_a.path[0].transport), "tcp-so");
}

/* RFC 6544 section 5.2: behind NATs, the port of a simultaneous-open candidate is known from a connection to a STUN
 * server over TCP; both open at once from there. */
static void
test_tcp_nats(void)
{
    struct ice_agent_options options = agents_options(true, false);

    options.no_udp = options.tcp_so = true;
    agents_world("port-restricted-cone", "port-restricted-cone");
    agents_servers(true, false);
    ends_connect(&end_a, &end_b, &options, 20 * TIME_S);
    ends_show("TCP through NATs");
    ends_check("TCP through NATs", &end_a, &end_b, 1);
    check_path("TCP through NATs", &end_a, ICE_SRFLX, ICE_SRFLX);
    CHECK_ROW_TEXT("A", ice_transport_word(end_a.path[0].transport), "tcp-so");
    ice_agent_restart(end_a.agent); /* with the connection to the server that there is */
    run_for(TIME_S);
    CHECK(end_a.gathered == 2 && ice_agent_counters(end_a.agent)->silent == 0);
    end_describe(&end_a, &end_b);
    run_for(TIME_S);
    end_describe(&end_b, &end_a);
    run_for(20 * TIME_S);
    CHECK(end_a.selected == 2 && end_b.selected == 2);
    ends_check("TCP through NATs, restarted", &end_a, &end_b, 1);
    check_path("TCP through NATs, restarted", &end_a, ICE_SRFLX, ICE_SRFLX);
}

void
suite_ice_agent(void)
{
    UNIT_SUITE("ICE agent", agents_begin, agents_end, { "pairs of NATs", test_pairs_of_nats },
               { "no way", test_no_way }, { "UDP blocked", test_udp_blocked }, { "ways to TURN", test_turn_ways },
               { "relay only", test_relay_only }, { "refused allocation", test_refused_allocation },
               { "two components", test_two_components }, { "role conflict", test_role_conflict },
               { "aggressive", test_aggressive }, { "trickle", test_trickle }, { "lite", test_lite },
               { "TCP", test_tcp }, { "TCP, simultaneous open", test_tcp_so }, { "TCP through NATs", test_tcp_nats });
}
