/* ICE agents later: restarts, consent, addresses that come and go, what is closed and when. */
#include "tests/unit/support_agent.h"

/* RFC 8445 section 9: A restarts, B sees other credentials and restarts too; data goes on all the time, by the old pair
 * until there is a new one; a description of before is refused. */
static void
restart_with(const char *nat, bool turn)
{
    struct ice_agent_options options = agents_options(true, turn);
    g_autoptr(GString) before = g_string_new(NULL);
    g_autoptr(GError) error = NULL;

    agents_world(nat, nat);
    agents_servers(true, turn);
    ends_connect(&end_a, &end_b, &options, 8 * TIME_S);
    ends_check(nat, &end_a, &end_b, 1);
    ice_agent_description(end_b.agent, before);
    ice_agent_restart(end_a.agent);
    CHECK(end_say(&end_a, 1, "meanwhile"));
    run_for(TIME_S);
    CHECK_ROW_TEXT("meanwhile", end_b.last[0], "meanwhile");
    CHECK(end_a.gathered == 2);
    CHECK(!ice_agent_take_description(end_a.agent, span_of_text(before->str), &error));
    CHECK(g_error_matches(error, ICE_AGENT_ERROR, ICE_AGENT_FAULT_STALE));
    end_describe(&end_a, &end_b);
    run_for(TIME_S);
    CHECK(end_b.restarted == 1 && end_b.gathered == 2);
    CHECK(end_say(&end_b, 1, "still"));
    run_for(TIME_S);
    CHECK_ROW_TEXT("still", end_a.last[0], "still");
    end_describe(&end_b, &end_a);
    run_for(5 * TIME_S);
    CHECK(end_a.selected == 2 && end_b.selected == 2);
    ends_check(nat, &end_a, &end_b, 1);
    CHECK(ice_session_generation(ice_agent_session(end_a.agent)) == 1);
    CHECK(ice_session_generation(ice_agent_session(end_b.agent)) == 1);
}

static void
test_restart(void)
{
    restart_with("port-restricted-cone", false);
    agents_again();
    restart_with("symmetric", true);
}

/* An owner who begins anew with a restart hears of it before what is gathered for it; without servers that is at once. */
static void
test_restart_is_told_first(void)
{
    struct ice_agent_options options = agents_options(false, false);
    unsigned before;

    agents_world(NULL, NULL);
    ends_connect(&end_a, &end_b, &options, 5 * TIME_S);
    before = end_b.lines->len + end_b.gathered;
    ice_agent_restart(end_a.agent);
    end_describe(&end_a, &end_b);
    run_for(TIME_S);
    CHECK_ROW_UINT("restarted", end_b.restarted, 1);
    CHECK_ROW_UINT("before", end_b.told_before, before);
    CHECK_ROW_UINT("after", end_b.lines->len + end_b.gathered, before + 2);
}

/* Both restart at the same time: the descriptions cross, and are of one generation. */
static void
test_restarts_cross(void)
{
    struct ice_agent_options options = agents_options(true, false);

    agents_world("port-restricted-cone", "port-restricted-cone");
    agents_servers(true, false);
    ends_connect(&end_a, &end_b, &options, 2 * TIME_S); /* before anything is released */
    ice_agent_restart(end_a.agent);
    ice_agent_restart(end_b.agent);
    run_for(TIME_S);
    end_describe(&end_a, &end_b);
    end_describe(&end_b, &end_a);
    run_for(8 * TIME_S);
    CHECK(end_a.restarted == 0 && end_b.restarted == 0);
    CHECK(end_a.selected == 2 && end_b.selected == 2);
    ends_check("after", &end_a, &end_b, 1);
}

/* RFC 7675 section 5.1: 30 s after the last answer nothing is sent any more; a hole of 20 s is survived. */
static void
test_consent(void)
{
    struct ice_agent_options options = agents_options(true, false);
    struct lab_link open = lab_link_default, shut = lab_link_default;
    struct lab_interface *link;
    int64_t cut;

    shut.up.off = shut.down.off = true;
    agents_world("port-restricted-cone", "port-restricted-cone");
    agents_servers(true, false);
    ends_connect(&end_a, &end_b, &options, 5 * TIME_S);
    link = &lab_find(test_lab, "natB")->first;
    lab_interface_set_link(link, &shut);
    run_for(20 * TIME_S);
    lab_interface_set_link(link, &open);
    run_for(20 * TIME_S);
    ends_check("after a hole", &end_a, &end_b, 1);
    CHECK(end_a.lost == 0 && end_b.lost == 0);
    lab_interface_set_link(link, &shut);
    cut = test_lab->world->now;
    run_for(60 * TIME_S);
    CHECK(end_a.lost == 1 && end_b.lost == 1);
    CHECK_ROW_TEXT("why", ice_why_word(end_a.why), "consent-expired");
    CHECK(end_a.lost_at - cut <= 30 * TIME_S && end_a.lost_at - cut >= 24 * TIME_S);
    CHECK(!end_say(&end_a, 1, "into nowhere"));
}

/* The path of before a restart that comes to nothing ends too, and the story says so. */
static void
test_old_path_ends(void)
{
    struct ice_agent_options options = agents_options(true, false);
    struct lab_link shut = lab_link_default;
    g_autoptr(GString) text = g_string_new(NULL);

    shut.up.off = shut.down.off = true;
    options.transcript = 1000;
    agents_world("port-restricted-cone", "port-restricted-cone");
    agents_servers(true, false);
    ends_connect(&end_a, &end_b, &options, 5 * TIME_S);
    ice_agent_restart(end_a.agent);
    lab_interface_set_link(&lab_find(test_lab, "natB")->first, &shut);
    run_for(60 * TIME_S);
    CHECK(end_a.lost == 1);
    ice_agent_transcript(end_a.agent, text);
    CHECK_ROW(text->str, strstr(text->str, ", of before the restart, because the peer has not answered") != NULL);
    CHECK_ROW("no line without words", !strstr(text->str, " s  \n"));
}

/* The network of A's selected pair goes, another comes: NETWORK is told once it has settled, and a restart mends it. */
static void
test_addresses(void)
{
    struct ice_agent_options options = agents_options(true, false);
    struct lab_interface *old;

    agents_world("port-restricted-cone", "port-restricted-cone");
    agents_servers(true, false);
    make_nat(net_called("internet"), "natC", "203.0.113.3", "full-cone", "10.2.0.0/24");
    ends_connect(&end_a, &end_b, &options, 5 * TIME_S);
    ends_check("before", &end_a, &end_b, 1);
    old = &lab_find(test_lab, "A")->first;
    make_attached("A", net_called("natC"), "10.2.0.2", true);
    lab_detach(old);
    run_for(TIME_S);
    CHECK(end_a.network == 1);
    CHECK(end_a.lost == 1);
    CHECK_ROW_TEXT("why", ice_why_word(end_a.why), "removed");
    ice_agent_restart(end_a.agent);
    run_for(TIME_S);
    end_describe(&end_a, &end_b);
    run_for(TIME_S);
    end_describe(&end_b, &end_a);
    run_for(5 * TIME_S);
    ends_check("after", &end_a, &end_b, 1);
    CHECK(address_equal(end_a.path[0].from.address, read_address("203.0.113.3")) ||
          address_equal(end_a.path[0].from.address, read_address("10.2.0.2")));
}

/* Section 8.3.1: three seconds after completion what is not used is closed, allocations with a word to their server. */
static void
test_release(void)
{
    struct ice_agent_options options = agents_options(true, true);

    agents_world("port-restricted-cone", "port-restricted-cone");
    agents_servers(true, true);
    ends_connect(&end_a, &end_b, &options, 2 * TIME_S);
    CHECK_ROW_INT("held", turn_server_allocations(agents_turn()), 2);
    run_for(4 * TIME_S);
    CHECK_ROW_INT("released", turn_server_allocations(agents_turn()), 0);
    ends_check("after the release", &end_a, &end_b, 1);
}

/* What only keeps alive does not keep a simulated run going: an agent that waits for its peer, and two that are
 * done. */
static void
test_rest(void)
{
    struct ice_agent_options options = agents_options(true, true);

    agents_world("symmetric", "port-restricted-cone");
    agents_servers(true, true);
    ends_connect(&end_a, &end_b, &options, 0);
    CHECK(!world_quiet(test_lab->world));
    run_for(4 * TIME_S);
    CHECK(end_a.state == ICE_COMPLETED && end_b.state == ICE_COMPLETED);
    CHECK(world_quiet(test_lab->world));
    agents_again();
    agents_world("symmetric", NULL);
    agents_servers(true, true);
    end_open(&end_a, "A", &options);
    ice_agent_gather(end_a.agent);
    CHECK(!world_quiet(test_lab->world));
    run_for(TIME_S);
    CHECK(end_a.gathered == 1 && world_quiet(test_lab->world));
}

/* A relayed path is closed with a farewell. */
static void
test_close(void)
{
    struct ice_agent_options options = agents_options(true, true);

    agents_world("symmetric", "symmetric");
    agents_servers(true, true);
    ends_connect(&end_a, &end_b, &options, 8 * TIME_S);
    ends_check("before", &end_a, &end_b, 1);
    CHECK_ROW_INT("in use", turn_server_allocations(agents_turn()), 1);
    CHECK_ROW_INT("a channel to the selected peer", (int64_t)turn_server_counters(agents_turn())->channels, 1);
    ice_agent_close(end_a.agent);
    CHECK(end_a.closed == 0);
    ice_agent_close(end_b.agent);
    run_for(TIME_S);
    CHECK(end_a.closed == 1 && end_b.closed == 1);
    CHECK_ROW_INT("ended", turn_server_allocations(agents_turn()), 0);
    CHECK(!end_say(&end_a, 1, "gone"));
}

/* The owner frees the agent where it hears data, directly and through a relay. */
static void
test_free_in_callback(void)
{
    const char *nats[] = { "port-restricted-cone", "symmetric" };

    for (size_t i = 0; i < G_N_ELEMENTS(nats); i++) {
        struct ice_agent_options options = agents_options(true, true);

        if (i > 0) {
            agents_again();
        }
        agents_world(nats[i], nats[i]);
        agents_servers(true, true);
        ends_connect(&end_a, &end_b, &options, 8 * TIME_S);
        ends_check(nats[i], &end_a, &end_b, 1);
        end_a.free_when_heard = end_b.free_when_heard = true;
        CHECK(end_say(&end_a, 1, "goodbye") && end_say(&end_b, 1, "goodbye"));
        run_for(TIME_S);
        CHECK(!end_a.agent && !end_b.agent);
    }
}

/* A server that is silent holds gathering up for `gather_most` and no longer. */
static void
test_silent_server(void)
{
    struct ice_agent_options options = agents_options(true, true);

    options.gather_most = 3 * TIME_S;
    options.stun[0].address = options.turn[0].server.address = read_address("198.51.100.77"); /* no such host */
    agents_world("full-cone", NULL);
    end_open(&end_a, "A", &options);
    ice_agent_gather(end_a.agent);
    run_for(3 * TIME_S - 1);
    CHECK(end_a.gathered == 0);
    run_for(1);
    CHECK(end_a.gathered == 1);
    CHECK_ROW_INT("silent", (int64_t)ice_agent_counters(end_a.agent)->silent, 2);
}

/* Data from who is no candidate of the peer is dropped, and so is STUN that is nobody's. */
static void
test_strangers(void)
{
    struct ice_agent_options options = agents_options(false, false);
    struct listener stranger;
    char to[ENDPOINT_TEXT];

    agents_world(NULL, NULL);
    ends_connect(&end_a, &end_b, &options, TIME_S);
    ends_check("before", &end_a, &end_b, 1);
    listen_at(&stranger, "S", 0);
    (void)say_to(&stranger, address_format(end_a.path[0].from.address, to), end_a.path[0].from.port);
    run_for(TIME_S);
    CHECK_ROW_INT("heard", end_a.heard[0], 1);
    CHECK_ROW_INT("strangers", (int64_t)ice_agent_counters(end_a.agent)->strangers, 1);
    stranger.socket->ops->close(stranger.socket);
}

/* RFC 8656 section 9: the server gives no permission for private addresses, and the pair fails at once. */
static void
test_permission(void)
{
    struct ice_agent_options options = agents_options(true, true);
    g_autoptr(GString) text = g_string_new(NULL);

    agents_world("symmetric", "symmetric");
    agents_servers(true, true);
    ends_connect(&end_a, &end_b, &options, 8 * TIME_S);
    ends_check("without that pair", &end_a, &end_b, 1);
    ice_agent_transcript(end_a.agent, text);
    CHECK(strstr(text->str, "In-Progress -> Failed, because the TURN server gives no permission for it") != NULL);
}

/* RFC 8445 section 7.2.5.2.2: port unreachable ends a check; it is told within a round trip. */
static void
test_icmp(void)
{
    struct ice_agent_options options = agents_options(false, false);
    g_autoptr(GString) text = g_string_new(NULL);

    agents_world(NULL, NULL);
    end_open(&end_a, "A", &options);
    ice_agent_gather(end_a.agent);
    ice_agent_description(end_a.agent, text);
    CHECK(ice_agent_take_description(
        end_a.agent,
        span_of_text("v=0\r\no=- 1 1 IN IP4 203.0.113.2\r\ns=-\r\nt=0 0\r\na=ice-options:ice2\r\n"
                     "m=application 9999 udp octet-stream\r\nc=IN IP4 203.0.113.2\r\na=ice-ufrag:abcd\r\n"
                     "a=ice-pwd:abcdefghijklmnopqrstuv\r\na=candidate:1 1 UDP 1 203.0.113.2 9999 typ host\r\n"),
        NULL));
    run_for(10 * TIME_MS);
    g_string_truncate(text, 0);
    ice_agent_transcript(end_a.agent, text);
    CHECK(strstr(text->str, "In-Progress -> Failed, because an ICMP error says that there is no way") != NULL);
}

/* A NAT that shows every server another port: candidates of their own, with priorities of their own (RFC 8445 section
 * 5.1.2), asked for 50 ms apart (section 14.2) and ready after the last answer. */
static void
test_mapping_storm(void)
{
    struct ice_agent_options options = agents_options(true, true);
    const struct ice_session *session;
    unsigned reflexive = 0;

    options.stun[1] = options.turn[0].server; /* which answers Binding too */
    options.stun_count = 2;
    agents_world("symmetric", NULL);
    agents_servers(true, true);
    end_open(&end_a, "A", &options);
    ice_agent_gather(end_a.agent);
    run_for(99 * TIME_MS);
    CHECK(end_a.gathered == 0);
    run_for(10 * TIME_MS);
    CHECK(end_a.gathered == 1);
    session = ice_agent_session(end_a.agent);
    CHECK_ROW_INT("candidates", (int64_t)ice_session_locals(session), 4); /* host, two reflexive, relay */
    for (unsigned i = 0; i < ice_session_locals(session); i++) {
        reflexive += ice_session_local(session, i)->type == ICE_SRFLX;
        for (unsigned k = 0; k < i; k++)
            CHECK(ice_session_local(session, i)->priority != ice_session_local(session, k)->priority);
    }
    CHECK_ROW_INT("reflexive", reflexive, 2);
}

/* With the option the agent restarts by itself, and the owner has but to send the description. */
static void
test_restart_on_change(void)
{
    struct ice_agent_options options = agents_options(true, false);
    struct lab_interface *old;
    unsigned before;

    options.restart_on_change = true;
    agents_world("port-restricted-cone", "port-restricted-cone");
    agents_servers(true, false);
    make_nat(net_called("internet"), "natC", "203.0.113.3", "full-cone", "10.2.0.0/24");
    ends_connect(&end_a, &end_b, &options, 5 * TIME_S);
    before = end_a.lines->len + end_a.gathered;
    old = &lab_find(test_lab, "A")->first;
    lab_detach(old);
    make_attached("A", net_called("natC"), "10.2.0.2", true);
    run_for(TIME_S);
    CHECK(end_a.network == 1 && end_a.gathered == 2 && end_a.told_before == before);
    end_describe(&end_a, &end_b);
    run_for(TIME_S);
    CHECK(end_b.restarted == 1);
    end_describe(&end_b, &end_a);
    run_for(5 * TIME_S);
    ends_check("after", &end_a, &end_b, 1);
}

/* An address that comes while gathering is under way is gathered on (RFC 8445 section 5.1.1), with no restart. */
static void
test_address_while_gathering(void)
{
    struct ice_agent_options options = agents_options(true, true);

    options.session.trickle = true;
    agents_world("full-cone", NULL);
    make_nat(net_called("internet"), "natC", "203.0.113.3", "full-cone", "10.2.0.0/24");
    options.stun[0].address = read_address("198.51.100.77"); /* silent, so that gathering lasts */
    end_open(&end_a, "A", &options);
    ice_agent_gather(end_a.agent);
    run_for(TIME_S);
    make_attached("A", net_called("natC"), "10.2.0.2", false);
    run_for(TIME_S);
    CHECK_ROW_INT("hosts", end_a.lines->len, 2);
    CHECK(strstr(end_a.lines->pdata[1], " 10.2.0.2 ") != NULL);
    CHECK(end_a.network == 0 && end_a.gathered == 0);
}

static void
test_options(void)
{
    struct ice_agent_options good = ICE_AGENT_DEFAULTS, bad[5];

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        bad[i] = good;
    bad[0].session.ta = ICE_TA_LEAST - 1; /* RFC 8445 section 14.2 */
    bad[1].session.rto_most = ICE_RTO_LEAST - 1; /* section 14.3 */
    bad[2].no_udp = true;
    bad[3].relay_only = true;
    bad[4].session.components = 0;
    CHECK(!ice_agent_options_fault(&good));
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
        CHECK(ice_agent_options_fault(&bad[i]) != NULL);
    good.session.ta = ICE_TA_LEAST;
    good.session.rto_most = ICE_RTO_LEAST;
    CHECK(!ice_agent_options_fault(&good));
}

void
suite_ice_agent_life(void)
{
    UNIT_SUITE("ICE agent life", agents_begin, agents_end, { "options", test_options },
               { "restart", test_restart },
               { "restart is told first", test_restart_is_told_first },
               { "restarts that cross", test_restarts_cross }, { "consent", test_consent },
               { "old path ends", test_old_path_ends },
               { "addresses change", test_addresses }, { "release", test_release }, { "rest", test_rest },
               { "close", test_close }, { "freed in a callback", test_free_in_callback },
               { "silent server", test_silent_server }, { "strangers", test_strangers },
               { "permission", test_permission }, { "ICMP", test_icmp }, { "mapping storm", test_mapping_storm },
               { "restart on change", test_restart_on_change },
               { "address while gathering", test_address_while_gathering });
}
