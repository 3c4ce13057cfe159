/* How agents find each other over signalling channels (scenarios/lab/rendezvous.h), from C: what crosses, comes late, comes
 * out of order, or comes from somebody who means no good. A is 198.51.100.2, B 198.51.100.3, nothing between them. */
#include "scenarios/lab/rendezvous.h"

#include "core/net/stack.h"
#include "tests/unit/support_lab.h"

#define DESCRIPTION "application/sdp"
#define FRAGMENT "application/trickle-ice-sdpfrag"

/* One side. Its rendezvous may be left out: then the test plays its part, with `heard`, what came over the channel. */
struct side {
    struct ice_agent *agent;
    struct signal_channel *channel;
    struct rendezvous *rendezvous;
    struct signal_listener listener;
    GString *heard; /* the last description */
    unsigned descriptions, fragments;
    unsigned selected, restarted;
    GString *failure;
};

static struct service *service;
static struct side a, b;

static void
on_told(void *owner, struct ice_agent *agent, const struct ice_agent_news *news)
{
    struct side *side = owner;

    (void)agent;
    side->selected += news->event == ICE_AGENT_SELECTED;
    side->restarted += news->event == ICE_AGENT_RESTARTED;
    if (side->rendezvous)
        rendezvous_news(side->rendezvous, news);
}

static void
on_failed(void *owner, const char *why, const struct signal_result *signal)
{
    struct side *side = owner;

    (void)signal;
    g_string_append(side->failure, why);
}

static void
on_message(void *owner, const struct signal_text *message)
{
    struct side *side = owner;

    if (!span_equal(message->type, span_of_text(DESCRIPTION))) {
        side->fragments++;
        return;
    }
    side->descriptions++;
    g_string_truncate(side->heard, 0);
    g_string_append_len(side->heard, (const char *)message->text.bytes, (gssize)message->text.length);
}

static void
side_begin(struct side *side, const char *name, bool controlling, bool trickle)
{
    struct ice_agent_options options = ICE_AGENT_DEFAULTS;

    options.session.controlling = controlling;
    options.session.trickle = trickle;
    side->agent = ice_agent_new(node_io(node_called(name)), &options, on_told, side);
    side->channel = signal_channel_open(node_called(name), service_endpoint(service), name);
    ice_agent_gather(side->agent);
}

static void
side_meets(struct side *side, const char *peer, bool offers, bool trickle)
{
    side->rendezvous = rendezvous_new(&(struct rendezvous_options){ .agent = side->agent,
                                                                    .channel = side->channel,
                                                                    .peer = peer,
                                                                    .offers = offers,
                                                                    .trickle = trickle,
                                                                    .failed = on_failed,
                                                                    .owner = side });
}

/* The test plays this side. */
static void
side_listens(struct side *side, const char *peer)
{
    side->listener = (struct signal_listener){ .from = peer, .message = on_message, .owner = side };
    signal_channel_listen(side->channel, &side->listener);
}

static void
begin(void)
{
    enum io_result why = IO_OK;

    test_lab_begin();

    struct lab_network *internet = make_internet();

    service = service_start_signal(make_host(internet, "S", "198.51.100.1"),
                                   (struct endpoint){ ADDRESS_NONE, SIGNAL_PORT }, NULL, &why);
    make_host(internet, "A", "198.51.100.2");
    make_host(internet, "B", "198.51.100.3");
    a = (struct side){ .heard = g_string_new(NULL), .failure = g_string_new(NULL) };
    b = (struct side){ .heard = g_string_new(NULL), .failure = g_string_new(NULL) };
}

static void
side_end(struct side *side)
{
    rendezvous_free(side->rendezvous);
    if (side->listener.message)
        signal_channel_unlisten(side->channel, &side->listener);
    ice_agent_free(side->agent);
    signal_channel_close(side->channel);
    g_string_free(side->heard, TRUE);
    g_string_free(side->failure, TRUE);
}

static void
end(void)
{
    side_end(&a);
    side_end(&b);
    service_stop(service);
    run_for(TIME_S);
    test_lab_end();
}

static void
on_sent(void *owner, const struct signal_result *result)
{
    (void)owner, (void)result;
}

static void
say(struct side *side, const char *to, const char *type, const char *text)
{
    struct signal_text letter = { span_of_text(to), span_of_text(type), span_of_text(text) };

    CHECK(signal_channel_send(side->channel, &letter, on_sent, NULL) != NULL);
}

static void
say_own(struct side *side, const char *to)
{
    g_autoptr(GString) text = g_string_new(NULL);

    ice_agent_description(side->agent, text);
    say(side, to, DESCRIPTION, text->str);
}

static void
take_heard(struct side *side)
{
    CHECK(ice_agent_take_description(side->agent, span_of(side->heard->str, side->heard->len), NULL));
}

/* Both use the same pair, of the same generation. */
static void
check_joined(const char *row)
{
    struct ice_path of_a, of_b;
    const struct ice_session *at_a = ice_agent_session(a.agent), *at_b = ice_agent_session(b.agent);
    bool both = ice_session_path(at_a, 0, 1, &of_a) && ice_session_path(at_b, 0, 1, &of_b);

    CHECK_ROW_UINT(row, ice_session_state(at_a), ICE_COMPLETED);
    CHECK_ROW_UINT(row, ice_session_state(at_b), ICE_COMPLETED);
    CHECK_ROW(row, both && endpoint_equal(of_a.from, of_b.to) && endpoint_equal(of_a.to, of_b.from));
    CHECK_ROW_TEXT(row, a.failure->str, "");
    CHECK_ROW_TEXT(row, b.failure->str, "");
}

static void
restart(struct side *side)
{
    ice_agent_restart(side->agent);
    rendezvous_restart(side->rendezvous);
}

static unsigned
generation(const struct side *side)
{
    return ice_session_generation(ice_agent_session(side->agent));
}

/* --- the beginning ------------------------------------------------------------------------------------------------ */

static void
test_meeting(void)
{
    static const struct {
        const char *name;
        bool a_offers, b_offers, a_trickles, b_trickles;
        int64_t b_late;
    } rows[] = {
        { "one offers, the other answers", true, false, false, false, 0 },
        { "the controlled one offers", false, true, false, false, 0 },
        { "glare: both offer", true, true, false, false, 0 },
        { "the peer comes late", true, false, false, false, 20 * TIME_S },
        { "glare, and one is late", true, true, false, false, 20 * TIME_S },
        { "with trickle", true, false, true, true, 0 },
        { "glare with trickle", true, true, true, true, 0 },
        { "with trickle, and the peer comes late", true, false, true, true, 20 * TIME_S },
        { "half trickle (RFC 8838 section 3)", true, false, false, true, 0 },
        { "the other half", true, false, true, false, 0 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (i > 0) {
            end();
            begin();
        }
        side_begin(&a, "A", true, rows[i].a_trickles);
        side_meets(&a, "B", rows[i].a_offers, rows[i].a_trickles);
        run_for(rows[i].b_late);
        side_begin(&b, "B", false, rows[i].b_trickles);
        side_meets(&b, "A", rows[i].b_offers, rows[i].b_trickles);
        run_for(10 * TIME_S);
        check_joined(rows[i].name);
        CHECK_ROW_UINT(rows[i].name, generation(&a) + generation(&b), 0);
    }
}

/* Nobody checks before the server has the own description: the peer could not prove itself. */
static void
test_order(void)
{
    side_begin(&a, "A", true, false);
    side_meets(&a, "B", true, false);
    side_begin(&b, "B", false, false);
    side_listens(&b, "A");
    run_for(2 * TIME_S);
    CHECK_ROW_UINT("B has the offer", b.descriptions, 1);
    CHECK_ROW_UINT("and A waits", ice_session_state(ice_agent_session(a.agent)), ICE_IDLE);
    run_for(30 * TIME_S);
    say_own(&b, "A");
    take_heard(&b);
    run_for(2 * TIME_S);
    check_joined("an answer after half a minute");
    CHECK_ROW_UINT("A has said no more", b.descriptions, 1);
    say_own(&b, "A");
    run_for(2 * TIME_S);
    check_joined("the same answer once more changes nothing");
    CHECK_ROW_UINT("and A says nothing to that", b.descriptions, 1);
}

/* --- what fails --------------------------------------------------------------------------------------------------- */

static void
test_failing(void)
{
    side_begin(&a, "A", true, false);
    signal_channel_close(a.channel);
    side_meets(&a, "B", true, false);
    run_for(TIME_S);
    CHECK_ROW_TEXT("a closed channel", a.failure->str,
                   "the signalling channel is closed, or too much is under way on it");
    rendezvous_free(g_steal_pointer(&a.rendezvous));
    g_string_truncate(a.failure, 0);

    side_begin(&b, "B", false, false);
    side_meets(&b, "A", true, false);
    service_stop(service);
    run_for(2 * 60 * TIME_S);
    CHECK_ROW_TEXT("a server that is gone is told of once", b.failure->str,
                   "the signalling server is not to be reached");
}

static void
test_closed_meanwhile(void)
{
    side_begin(&a, "A", true, false);
    side_meets(&a, "B", true, false);
    run_for(TIME_MS);
    signal_channel_close(a.channel);
    rendezvous_free(g_steal_pointer(&a.rendezvous));
    run_for(TIME_S);
    CHECK_ROW_TEXT("closed with a letter under way", a.failure->str, "");
    side_begin(&b, "B", false, false);
    side_meets(&b, "A", true, false);
    run_for(TIME_MS);
    rendezvous_free(g_steal_pointer(&b.rendezvous));
    run_for(2 * TIME_S);
    CHECK_ROW_TEXT("freed with a letter under way", b.failure->str, "");
}

static void
test_no_description(void)
{
    side_begin(&a, "A", true, false);
    side_meets(&a, "B", true, false);
    side_begin(&b, "B", false, false);
    side_listens(&b, "A");
    run_for(2 * TIME_S);
    say(&b, "A", DESCRIPTION, "v=0\r\nnonsense\r\n");
    run_for(2 * TIME_S);
    CHECK_ROW("what is no description fails", g_str_has_prefix(a.failure->str, "it is no session description: line 2"));
    say_own(&b, "A");
    take_heard(&b);
    run_for(2 * TIME_S);
    CHECK_ROW_UINT("one that comes later is taken all the same", a.selected, 1);
}

/* --- fragments (RFC 8840 section 9) ------------------------------------------------------------------------------- */

static void
say_fragment(unsigned stream, const char *line)
{
    g_autofree char *text = g_strdup_printf("m=application 9 udp octet-stream\r\na=mid:%u\r\na=%s\r\n", stream, line);

    say(&b, "A", FRAGMENT, text);
}

/* B trickles by the test's hand: fragments before the description, twice, and such as nobody would send. */
static void
test_fragments(void)
{
    static const char *const hostile[] = {
        "",
        "\r\n",
        "m=",
        "a=candidate:",
        "m=application 9 udp octet-stream\r\na=mid:99999999999\r\na=candidate:1 1 UDP 5 192.0.2.1 5 typ host\r\n",
        "m=application 9 udp octet-stream\r\na=mid:31\r\na=candidate:1 1 UDP 5 192.0.2.1 5 typ host\r\n",
        "m=application 9 udp octet-stream\r\na=candidate:1 1 UDP 5 192.0.2.1 5 typ host ufrag nobody\r\n",
        "m=application 9 udp octet-stream\r\na=candidate:1 1 UDP 5 192.0.2.1\r\n",
        "a=end-of-candidates\r\n",
        "\xff\xfe\x00",
    };
    g_autoptr(GString) line = g_string_new(NULL);
    const struct ice_session *session;

    side_begin(&a, "A", true, true);
    side_meets(&a, "B", true, true);
    side_begin(&b, "B", false, true);
    side_listens(&b, "A");
    run_for(TIME_S);
    session = ice_agent_session(a.agent);
    for (size_t i = 0; i < G_N_ELEMENTS(hostile); i++)
        say(&b, "A", FRAGMENT, hostile[i]);
    run_for(5 * TIME_S);
    CHECK_ROW_TEXT("senseless fragments are passed over", a.failure->str, "");
    ice_agent_candidate_say(b.agent, ice_session_local(ice_agent_session(b.agent), 0), line);
    say_fragment(0, line->str);
    say_fragment(0, line->str);
    run_for(TIME_S);
    say_own(&b, "A");
    take_heard(&b);
    run_for(5 * TIME_S);
    check_joined("a candidate before its description, and twice");
    CHECK_ROW_UINT("B's own is the only one: what came before its description was of none",
                   ice_session_remotes(session), 1);
    for (unsigned i = 0; i < 40; i++) {
        say_fragment(0, "end-of-candidates");
        run_for(100 * TIME_MS);
    }
    check_joined("and no end of ends");
}

/* --- restarts ----------------------------------------------------------------------------------------------------- */

static void
meet(bool trickle)
{
    side_begin(&a, "A", true, trickle);
    side_meets(&a, "B", true, trickle);
    side_begin(&b, "B", false, trickle);
    side_meets(&b, "A", false, trickle);
}

/* Each restarts so often, with such pauses between; the second some time after the first. In the end both are joined, and
 * neither restarts any more. */
static void
test_restarts(void)
{
    static const struct {
        const char *name;
        unsigned of_a, of_b;
        int64_t pause, offset;
    } rows[] = {
        { "A", 1, 0, 0, 0 },
        { "B", 0, 1, 0, 0 },
        { "both at once", 1, 1, 0, 0 },
        { "both, while A's is under way", 1, 1, 0, 20 * TIME_MS },
        { "both, while B's answer is under way", 1, 1, 0, 60 * TIME_MS },
        { "A twice at once", 2, 0, 0, 0 },
        { "B twice at once", 0, 2, 0, 0 },
        { "A twice, in the middle of the answer", 2, 0, 60 * TIME_MS, 0 },
        { "A thrice at once", 3, 0, 0, 0 },
        { "both twice at once", 2, 2, 0, 0 },
        { "both twice, and they cross", 2, 2, 30 * TIME_MS, 10 * TIME_MS },
        { "A once and B twice", 1, 2, 0, 0 },
        { "A twice and B once", 2, 1, 10 * TIME_MS, 70 * TIME_MS },
        { "both five times", 5, 5, 25 * TIME_MS, 5 * TIME_MS },
        { "both five times, slowly", 5, 5, 200 * TIME_MS, 90 * TIME_MS },
    };

    for (size_t i = 0; i < 2 * G_N_ELEMENTS(rows); i++) {
        size_t row = i / 2;
        unsigned before;

        if (i > 0) {
            end();
            begin();
        }
        meet(i % 2);
        run_for(5 * TIME_S);
        for (unsigned n = 0; n < MAX(rows[row].of_a, rows[row].of_b); n++) {
            if (n < rows[row].of_a)
                restart(&a);
            run_for(rows[row].offset);
            if (n < rows[row].of_b)
                restart(&b);
            run_for(rows[row].pause);
        }
        run_for(20 * TIME_S);
        check_joined(rows[row].name);
        before = generation(&a) + generation(&b);
        run_for(20 * TIME_S);
        CHECK_ROW_UINT(rows[row].name, generation(&a) + generation(&b), before);
        CHECK_ROW(rows[row].name, before <= 2 * (rows[row].of_a + rows[row].of_b));
    }
}

/* Restarts before the first description was answered, and while the answer is due. */
static void
test_early_restarts(void)
{
    side_begin(&a, "A", true, false);
    side_meets(&a, "B", true, false);
    restart(&a);
    run_for(2 * TIME_S);
    restart(&a);
    run_for(2 * TIME_S);
    side_begin(&b, "B", false, false);
    side_meets(&b, "A", false, false);
    run_for(10 * TIME_S);
    check_joined("before anybody answered");

    ice_agent_restart(a.agent);
    rendezvous_restart(a.rendezvous);
    for (unsigned i = 0; i < 400 && generation(&b) < 2; i++)
        run_for(TIME_MS);
    restart(&b);
    run_for(10 * TIME_S);
    check_joined("the one who is to answer restarts");
}

/* A peer that keeps to no order: a description a letter, each of a restart, faster than they can be answered. */
static void
test_restless_peer(void)
{
    side_begin(&a, "A", true, false);
    side_meets(&a, "B", true, false);
    side_begin(&b, "B", false, false);
    side_listens(&b, "A");
    run_for(2 * TIME_S);
    for (unsigned i = 0; i < 20; i++) {
        ice_agent_restart(b.agent);
        say_own(&b, "A");
    }
    run_for(30 * TIME_S);
    CHECK_ROW("each is answered at most once", b.descriptions <= 21);
    take_heard(&b);
    run_for(10 * TIME_S);
    check_joined("the last answer is to the last description");
}

void
suite_rendezvous(void)
{
    UNIT_SUITE("rendezvous", begin, end, { "meeting", test_meeting }, { "order", test_order },
               { "failing", test_failing }, { "closed meanwhile", test_closed_meanwhile },
               { "no description", test_no_description }, { "fragments", test_fragments },
               { "restarts", test_restarts }, { "early restarts", test_early_restarts },
               { "a restless peer", test_restless_peer });
}
