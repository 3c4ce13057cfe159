/* What an ICE agent says of itself and takes from its peer (RFC 8839, RFC 8840), and the story it tells. */
#include "tests/unit/support_agent.h"

#define HEAD "v=0\r\no=- 1 1 IN IP4 203.0.113.9\r\ns=-\r\nt=0 0\r\n"
#define MEDIUM "m=application 5000 udp octet-stream\r\nc=IN IP4 203.0.113.9\r\n"
#define ICE "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\n"
#define GOOD "a=candidate:1 1 UDP 2130706431 203.0.113.9 5000 typ host\r\n"

static void
test_faults(void)
{
    static const struct {
        const char *name, *text;
        enum ice_agent_fault fault;
        const char *says;
    } rows[] = {
        { "no SDP", "hello", ICE_AGENT_FAULT_MALFORMED, "line 1" },
        { "no ICE", HEAD MEDIUM, ICE_AGENT_FAULT_NO_ICE, "no ICE" },
        { "password too short", HEAD MEDIUM "a=ice-ufrag:abcd\r\na=ice-pwd:short\r\n", ICE_AGENT_FAULT_MALFORMED,
          "line 8" },
        { "a candidate that is none", HEAD MEDIUM ICE GOOD "a=candidate:1 1 UDP x 203.0.113.9 5000 typ host\r\n",
          ICE_AGENT_FAULT_MALFORMED, "line 10" },
        { "two media", HEAD MEDIUM ICE GOOD MEDIUM ICE GOOD, ICE_AGENT_FAULT_STREAMS, "media" },
        { "rewritten default", HEAD MEDIUM ICE "a=candidate:1 1 UDP 2130706431 10.9.9.9 5000 typ host\r\n",
          ICE_AGENT_FAULT_MISMATCH, "rewritten" },
        { "the peer saw a mismatch", HEAD MEDIUM ICE GOOD "a=ice-mismatch\r\n", ICE_AGENT_FAULT_MISMATCH, "rewritten" },
    };
    struct ice_agent_options options = agents_options(false, false);
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GError) own = NULL;

    agents_world(NULL, NULL);
    end_open(&end_a, "A", &options);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;

        CHECK_ROW(rows[i].name, !ice_agent_take_description(end_a.agent, span_of_text(rows[i].text), &error));
        CHECK_ROW(rows[i].name, g_error_matches(error, ICE_AGENT_ERROR, (int)rows[i].fault));
        CHECK_ROW(error ? error->message : rows[i].name, error && strstr(error->message, rows[i].says));
    }
    run_for(1);
    CHECK(end_a.state == ICE_FAILED && end_a.failed == 1 && end_a.why == ICE_WHY_MISMATCH);
    CHECK(ice_session_state(ice_agent_session(end_a.agent)) == ICE_FAILED);
    CHECK(!ice_agent_take_candidate(end_a.agent, 0, span_of_text("candidate:1 1 UDP"), NULL));
    CHECK(!ice_agent_take_candidate(end_a.agent, 1, span_of_text("end-of-candidates"), NULL));
    ice_agent_description(end_a.agent, text);
    CHECK(strstr(text->str, "\r\na=ice-mismatch\r\n") != NULL);
    CHECK(ice_agent_take_description(end_a.agent, span_of_text(HEAD MEDIUM ICE GOOD), NULL));
    CHECK(ice_session_state(ice_agent_session(end_a.agent)) == ICE_IDLE);
    g_string_truncate(text, 0);
    ice_agent_description(end_a.agent, text);
    CHECK(!strstr(text->str, "ice-mismatch"));
    CHECK(!ice_agent_take_description(end_a.agent, span_of_text(text->str), &own));
    CHECK(g_error_matches(own, ICE_AGENT_ERROR, ICE_AGENT_FAULT_OWN));
    g_string_truncate(text, 0);
    ice_agent_transcript(end_a.agent, text);
    CHECK(strstr(text->str, " s  the peer's description was not taken: its default address is none of its candidates"));
    CHECK(strstr(text->str, " s  the peer's description was not taken: it is this agent's own description\n"));
    ice_agent_close(end_a.agent);
    CHECK(!ice_agent_take_description(end_a.agent, span_of_text(HEAD MEDIUM ICE GOOD), NULL));
    CHECK(!ice_agent_take_candidate(end_a.agent, 0, span_of_text("end-of-candidates"), NULL));
}

/* Options that make no sense are told in a sentence. */
static void
test_options(void)
{
    struct ice_agent_options good = agents_options(true, true), bad;

    CHECK_ROW_TEXT("good", ice_agent_options_fault(&good), NULL);
    bad = good;
    bad.session.streams = 33;
    CHECK_ROW("streams", ice_agent_options_fault(&bad) != NULL);
    bad = good;
    bad.session.components = 0;
    CHECK_ROW("components", ice_agent_options_fault(&bad) != NULL);
    bad = good;
    bad.relay_only = true;
    bad.turn_count = 0;
    CHECK_ROW("relay only, and no TURN server", ice_agent_options_fault(&bad) != NULL);
    bad.turn_count = 1;
    bad.session.lite = true;
    CHECK_ROW("relay only, and lite", ice_agent_options_fault(&bad) != NULL);
    bad = good;
    bad.turn[0].password = NULL;
    CHECK_ROW("half a credential", ice_agent_options_fault(&bad) != NULL);
    bad = good;
    bad.no_udp = true;
    CHECK_ROW("neither UDP nor TCP", ice_agent_options_fault(&bad) != NULL);
    bad.tcp = true;
    CHECK_ROW("TCP", ice_agent_options_fault(&bad) == NULL);
}

/* RFC 8839 section 5 and RFC 8840: the lines that must be there, exactly; the version moves with the text only. */
static void
test_description(void)
{
    struct ice_agent_options options = agents_options(true, false);
    g_autoptr(GString) first = g_string_new(NULL), text = g_string_new(NULL), expected = g_string_new(NULL);
    unsigned port;

    options.session.trickle = true;
    options.session.ta = 20 * TIME_MS;
    agents_world("full-cone", NULL);
    agents_servers(true, false);
    end_open(&end_a, "A", &options);
    ice_agent_description(end_a.agent, first);
    CHECK(strstr(first->str, "m=application 9 udp octet-stream\r\nc=IN IP4 0.0.0.0\r\n") != NULL);
    CHECK(!strstr(first->str, "end-of-candidates") && !strstr(first->str, "a=candidate"));
    ice_agent_gather(end_a.agent);
    run_for(TIME_S);
    ice_agent_description(end_a.agent, text);
    port = ice_session_local(ice_agent_session(end_a.agent), 0)->endpoint.port;
    g_string_printf(expected,
                    "s=-\r\nt=0 0\r\na=ice-options:ice2 trickle\r\na=ice-pacing:20\r\n"
                    "m=application %u udp octet-stream\r\nc=IN IP4 203.0.113.1\r\na=mid:0\r\n"
                    "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\n"
                    "a=candidate:1 1 UDP 2130706431 10.0.0.2 %u typ host\r\n"
                    "a=candidate:2 1 UDP 1694498815 203.0.113.1 %u typ srflx raddr 10.0.0.2 rport %u\r\n"
                    "a=end-of-candidates\r\n",
                    port, ice_session_ufrag(ice_agent_session(end_a.agent)),
                    ice_session_pwd(ice_agent_session(end_a.agent)), port, port, port);
    CHECK_ROW_TEXT("body", strstr(text->str, "s=-"), expected->str);
    CHECK(strstr(first->str, " 1 IN IP4 ") && strstr(text->str, " 2 IN IP4 203.0.113.1\r\n"));
    g_string_assign(first, text->str);
    g_string_truncate(text, 0);
    ice_agent_description(end_a.agent, text);
    CHECK_ROW_TEXT("again", text->str, first->str);
}

/* RFC 8838: candidates of another generation are passed over, as are those after the end, told in the description or
 * alone; names and transports that we have no use for are no fault. */
static void
test_trickled(void)
{
    static const struct {
        const char *name, *line;
        bool taken;
        unsigned remotes;
    } rows[] = {
        { "one", "candidate:2 1 UDP 100 203.0.113.9 5001 typ host", true, 2 },
        { "with a=, a line's end and the right ufrag",
          "a=candidate:2 1 udp 99 203.0.113.9 5002 typ host generation 0 ufrag abcd\r\n", true, 3 },
        { "of another generation", "candidate:2 1 UDP 98 203.0.113.9 5003 typ host ufrag efgh", true, 3 },
        { "the same again", "candidate:2 1 UDP 100 203.0.113.9 5001 typ host", true, 3 },
        { "a name", "candidate:2 1 UDP 97 b.local 5004 typ host", true, 3 },
        { "another transport", "candidate:2 1 SCTP 97 203.0.113.9 5004 typ host", true, 3 },
        { "another component", "candidate:2 2 UDP 97 203.0.113.9 5004 typ host", true, 3 },
        { "an active TCP one with port 0", "candidate:3 1 TCP 96 203.0.113.9 0 typ host tcptype active", true, 4 },
        { "no candidate", "candidate:2 1 UDP 100 203.0.113.9", false, 4 },
        { "no line", "", false, 4 },
        { "the end", "a=end-of-candidates", true, 4 },
        { "after the end", "candidate:4 1 UDP 95 203.0.113.9 5005 typ host", true, 4 },
    };
    struct ice_agent_options options = agents_options(false, false);

    options.session.trickle = true;
    agents_world(NULL, NULL);
    end_open(&end_a, "A", &options);
    CHECK(ice_agent_take_description(end_a.agent, span_of_text(HEAD "a=ice-options:ice2 trickle\r\n" MEDIUM ICE GOOD),
                                     NULL));
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;

        CHECK_ROW(rows[i].name,
                  ice_agent_take_candidate(end_a.agent, 0, span_of_text(rows[i].line), &error) == rows[i].taken);
        CHECK_ROW(rows[i].name, rows[i].taken == !error);
        CHECK_ROW_INT(rows[i].name, (int64_t)ice_session_remotes(ice_agent_session(end_a.agent)), rows[i].remotes);
    }
    agents_again();
    agents_world(NULL, NULL);
    end_open(&end_a, "A", &options);
    CHECK(ice_agent_take_description(
        end_a.agent, span_of_text(HEAD "a=ice-options:ice2 trickle\r\n" MEDIUM ICE GOOD "a=end-of-candidates\r\n"),
        NULL));
    CHECK(ice_agent_take_candidate(end_a.agent, 0, span_of_text(rows[0].line), NULL));
    CHECK_ROW_INT("ended by the description", (int64_t)ice_session_remotes(ice_agent_session(end_a.agent)), 1);
}

/* What was trickled may overtake the description, its end too (RFC 8838 section 13 has the end be of what was sent before
 * it, and the description was): the candidates that stand in the description count. */
static void
test_early_end(void)
{
    struct ice_agent_options options = agents_options(false, false);

    options.session.trickle = true;
    agents_world(NULL, NULL);
    end_open(&end_a, "A", &options);
    CHECK(ice_agent_take_candidate(end_a.agent, 0, span_of_text("candidate:2 1 UDP 100 203.0.113.9 5001 typ host"),
                                   NULL));
    CHECK(ice_agent_take_candidate(end_a.agent, 0, span_of_text("end-of-candidates"), NULL));
    CHECK(ice_agent_take_description(end_a.agent, span_of_text(HEAD "a=ice-options:ice2 trickle\r\n" MEDIUM ICE GOOD),
                                     NULL));
    CHECK_ROW_INT("both", (int64_t)ice_session_remotes(ice_agent_session(end_a.agent)), 2);
    CHECK(
        ice_agent_take_candidate(end_a.agent, 0, span_of_text("candidate:3 1 UDP 99 203.0.113.9 5002 typ host"), NULL));
    CHECK_ROW_INT("ended", (int64_t)ice_session_remotes(ice_agent_session(end_a.agent)), 2);
}

/* The story names what happened and why, and its size is bounded. */
static void
test_transcript(void)
{
    struct ice_agent_options options = agents_options(true, false);
    g_autoptr(GString) text = g_string_new(NULL);
    static const char *const says[] = {
        "this agent is controlling; ICE is Completed\n",
        ", from the server 198.51.100.1:3478: it was gathered\n",
        ": the peer has signalled it\n",
        "In-Progress -> Waiting, because the peer's check came by this way (RFC 8445 section 7.3.1.4); the own check "
        "that "
        "went before it has opened the NAT on this side, if it was not open\n",
        "check with USE-CANDIDATE, because it is to be nominated (RFC 8445 section 8.1.1)\n",
        "goes by pair ",
        "because those of higher priority have had their time (RFC 8445 section 8.1.1)\n",
    };

    agents_world("port-restricted-cone", "port-restricted-cone");
    agents_servers(true, false);
    ends_connect(&end_a, &end_b, &options, 5 * TIME_S);
    ice_agent_transcript(end_a.agent, text);
    for (size_t i = 0; i < G_N_ELEMENTS(says); i++)
        CHECK_ROW(says[i], strstr(text->str, says[i]) != NULL);
    agents_again();
    options.transcript = 5;
    agents_world("port-restricted-cone", "port-restricted-cone");
    agents_servers(true, false);
    ends_connect(&end_a, &end_b, &options, 5 * TIME_S);
    g_string_truncate(text, 0);
    ice_agent_transcript(end_a.agent, text);
    CHECK(strstr(text->str, "goes by pair ") != NULL);
    CHECK(strstr(text->str, " more events were not kept\n") != NULL);
}

static const char story[] =
    "this agent is controlling; ICE is Completed\n"
    "own candidates\n"
    "     0.000 s  host 10.0.0.2:64052, component 1, priority 2130706431: it was gathered\n"
    "     0.000 s  server-reflexive 203.0.113.1:64052, component 1, priority 1694498815, base 10.0.0.2:64052, "
    "from the server 198.51.100.1:3478: it was gathered\n"
    "the peer's candidates\n"
    "     0.000 s  host 10.1.0.2:64518, component 1, priority 2130706431: the peer has signalled it\n"
    "     0.000 s  server-reflexive 203.0.113.2:64518, component 1, priority 1694498815: the peer has signalled "
    "it\n"
    "pair 1: server-reflexive 203.0.113.1:64052 -> host 10.1.0.2:64518 (stream 1, component 1)\n"
    "     0.000 s  left out, because a pair with the same base and the same remote candidate has higher priority "
    "(RFC 8445 section 6.1.2.4)\n"
    "pair 2: server-reflexive 203.0.113.1:64052 -> server-reflexive 203.0.113.2:64518 (stream 1, component 1)\n"
    "     0.000 s  left out, because a pair with the same base and the same remote candidate has higher priority "
    "(RFC 8445 section 6.1.2.4)\n"
    "pair 3: host 10.0.0.2:64052 -> host 10.1.0.2:64518 (stream 1, component 1)\n"
    "     0.000 s  new: Frozen, because its two candidates fit (RFC 8445 section 6.1.2.2)\n"
    "     0.000 s  Frozen -> Waiting, because it is the first of its foundation (RFC 8445 section 6.1.2.6)\n"
    "     0.000 s  Waiting -> In-Progress, because of those that wait it has the highest priority (RFC 8445 "
    "section 6.1.4.2)\n"
    "     0.000 s  check, because of those that wait it has the highest priority (RFC 8445 section 6.1.4.2)\n"
    "     0.252 s  In-Progress -> out of the checklist, because another pair of its component is nominated (RFC "
    "8445 section 8.1.2)\n"
    "pair 4: host 10.0.0.2:64052 -> server-reflexive 203.0.113.2:64518 (stream 1, component 1)\n"
    "     0.000 s  new: Frozen, because its two candidates fit (RFC 8445 section 6.1.2.2)\n"
    "     0.000 s  Frozen -> Waiting, because it is the first of its foundation (RFC 8445 section 6.1.2.6)\n"
    "     0.050 s  Waiting -> In-Progress, because of those that wait it has the highest priority (RFC 8445 "
    "section 6.1.4.2)\n"
    "     0.050 s  check, because of those that wait it has the highest priority (RFC 8445 section 6.1.4.2)\n"
    "     0.051 s  In-Progress -> Waiting, because the peer's check came by this way (RFC 8445 section 7.3.1.4); "
    "the own check that went before it has opened the NAT on this side, if it was not open\n"
    "     0.051 s  Waiting -> Succeeded, because its check was answered (RFC 8445 section 7.2.5.3)\n"
    "     0.251 s  check with USE-CANDIDATE, because it is to be nominated (RFC 8445 section 8.1.1)\n"
    "pair 5: server-reflexive 203.0.113.1:64052 -> server-reflexive 203.0.113.2:64518 (stream 1, component 1)\n"
    "     0.051 s  Frozen -> Succeeded, because another pair's check has gone this way (RFC 8445 section "
    "7.2.5.3.2)\n"
    "     0.051 s  valid after a round trip of 800us; the peer saw 203.0.113.1:64052\n"
    "     0.252 s  nominated, because the check that nominated it was answered (RFC 8445 section 7.2.5.3.4)\n"
    "outcome\n"
    "     0.000 s  ICE is Running, 0s after the start, because both sides' credentials are known (RFC 8445 "
    "section 6.1.2.6)\n"
    "     0.252 s  stream 1, component 1 goes by pair 5: server-reflexive 203.0.113.1:64052 -> server-reflexive "
    "203.0.113.2:64518, because those of higher priority have had their time (RFC 8445 section 8.1.1)\n"
    "     0.252 s  the checklist of stream 1 is Completed, because each component has a nominated pair (RFC 8445 "
    "section 8.1.2)\n"
    "     0.252 s  ICE is Completed, 251.6ms after the start, because each component has a nominated pair (RFC "
    "8445 section 8.1.2)\n";

/* The whole story of the controlling agent, between two NATs that filter by address and port. */
static void
test_story(void)
{
    struct ice_agent_options options = agents_options(true, false);
    g_autoptr(GString) text = g_string_new(NULL);

    agents_world("port-restricted-cone", "port-restricted-cone");
    agents_servers(true, false);
    ends_connect(&end_a, &end_b, &options, TIME_S);
    ice_agent_transcript(end_a.agent, text);
    CHECK_ROW_TEXT("story", text->str, story);
}

void
suite_ice_agent_sdp(void)
{
    UNIT_SUITE("ICE agent SDP", agents_begin, agents_end, { "faults", test_faults }, { "options", test_options },
               { "description", test_description }, { "trickled", test_trickled }, { "early end", test_early_end },
               { "transcript", test_transcript }, { "story", test_story });
}
