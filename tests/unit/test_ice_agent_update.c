/* Offers after the selection: RFC 8839 sections 4.4 and 5.2. */
#include "tests/unit/support_agent.h"

static GString *text;

static void
begin(void)
{
    agents_begin();
    text = g_string_new(NULL);
}

static void
end(void)
{
    g_string_free(text, TRUE);
    agents_end();
}

static const char *
describe(struct end *at)
{
    g_string_truncate(text, 0);
    ice_agent_description(at->agent, text);
    return text->str;
}

static unsigned
count_of(const char *description, const char *word)
{
    unsigned count = 0;

    for (const char *at = description; (at = strstr(at, word)); at++)
        count++;
    return count;
}

static bool
has_line(const char *description, const char *format, ...)
{
    va_list list;
    g_autofree char *line = NULL;

    va_start(list, format);
    line = g_strdup_vprintf(format, list);
    va_end(list);
    return strstr(description, line) != NULL;
}

static const char *
text_of(struct address address, char buffer[ENDPOINT_TEXT])
{
    char *colon;

    endpoint_format((struct endpoint){ address, 1 }, buffer);
    colon = strrchr(buffer, ':');
    *colon = '\0';
    return buffer;
}

/* What the controlling agent says names both ends of what it has selected, and nothing else; the answer its own end. Both
 * are taken, and nothing changes by that. */
static void
test_selected(void)
{
    static const struct {
        const char *name, *nat_a, *nat_b, *type;
        unsigned components;
    } rows[] = {
        { "hosts", NULL, NULL, " typ host", 1 },
        { "two NATs", "port-restricted-cone", "port-restricted-cone", " typ srflx", 1 },
        { "learned from a check", "symmetric", "full-cone", " typ prflx", 1 },
        { "two components", "full-cone", "full-cone", " typ srflx", 2 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        const char *row = rows[i].name;
        struct ice_agent_options options = agents_options(true, true);
        char own[ENDPOINT_TEXT], peer[ENDPOINT_TEXT];
        const char *said;

        agents_again();
        options.session.components = rows[i].components;
        agents_world(rows[i].nat_a, rows[i].nat_b);
        agents_servers(true, true);
        ends_connect(&end_a, &end_b, &options, 9 * TIME_S);
        ends_check(row, &end_a, &end_b, rows[i].components);

        const struct ice_session *session = ice_agent_session(end_a.agent);
        const struct ice_pair *pair = ice_session_selected(session, 0, 1);
        struct endpoint local = ice_session_local(session, pair->local)->endpoint;
        struct endpoint remote = ice_session_remote(session, pair->remote)->endpoint;

        said = describe(&end_a);
        CHECK_ROW(row, has_line(said, "m=application %u udp octet-stream\r\nc=IN IP4 %s\r\n", local.port,
                                text_of(local.address, own)));
        CHECK_ROW(row, has_line(said, "a=remote-candidates:1 %s %u", text_of(remote.address, peer), remote.port));
        CHECK_ROW_INT(row, count_of(said, "a=candidate:"), rows[i].components);
        CHECK_ROW_INT(row, count_of(said, rows[i].type), rows[i].components);
        CHECK_ROW(row, ice_agent_take_description(end_b.agent, span_of_text(said), NULL));
        run_for(1);
        CHECK_ROW(row, end_b.agreed == 1 && end_b.disagreed == 0 && !ice_agent_is_agreeing(end_b.agent));
        said = describe(&end_b);
        CHECK_ROW_INT(row, count_of(said, "a=candidate:"), rows[i].components);
        CHECK_ROW(row, !strstr(said, "remote-candidates"));
        CHECK_ROW(row, has_line(said, "m=application %u udp octet-stream\r\nc=IN IP4 %s\r\n", remote.port,
                                text_of(remote.address, peer)));
        CHECK_ROW(row, ice_agent_take_description(end_a.agent, span_of_text(said), NULL));
        ends_check(row, &end_a, &end_b, rows[i].components);
        CHECK_ROW(row, end_a.restarted == 0 && end_b.restarted == 0 && end_a.selected == rows[i].components);
    }
}

/* B's host candidate, as a line at the end of A's description. */
static GString *
naming(const char *description, struct endpoint named)
{
    char at[ENDPOINT_TEXT];
    GString *offer = g_string_new(description);

    g_string_append_printf(offer, "a=remote-candidates:1 %s %u\r\n", text_of(named.address, at), named.port);
    return offer;
}

/* An offer that overtakes the checks waits for them. */
static void
test_early(void)
{
    struct ice_agent_options options = agents_options(false, false);
    g_autoptr(GString) offer = NULL;

    agents_world(NULL, NULL);
    ends_connect(&end_a, &end_b, &options, 0);
    offer = naming(describe(&end_a), ice_session_local(ice_agent_session(end_b.agent), 0)->endpoint);
    CHECK(ice_agent_take_description(end_b.agent, span_of(offer->str, offer->len), NULL));
    run_for(1);
    CHECK(end_b.agreed == 0 && end_b.disagreed == 0 && ice_agent_is_agreeing(end_b.agent));
    run_for(2 * TIME_S);
    CHECK(end_b.agreed == 1 && end_b.disagreed == 0);
    ends_check("early", &end_a, &end_b, 1);
}

/* One that names what can't be is answered as if it named nothing, and a restart mends that. */
static void
test_lost(void)
{
    struct ice_agent_options options = agents_options(false, false);
    g_autoptr(GString) offer = NULL;
    struct endpoint nowhere;

    agents_world(NULL, NULL);
    ends_connect(&end_a, &end_b, &options, 5 * TIME_S);
    CHECK(endpoint_parse("192.0.2.99:5", &nowhere));
    g_string_assign(text, describe(&end_a));
    g_string_truncate(text, (gsize)(strstr(text->str, "a=remote-candidates") - text->str));
    offer = naming(text->str, nowhere);
    CHECK(ice_agent_take_description(end_b.agent, span_of(offer->str, offer->len), NULL));
    run_for(1);
    CHECK(end_b.agreed == 0 && end_b.disagreed == 1);
    ends_check("goes on meanwhile", &end_a, &end_b, 1);
    CHECK(ice_agent_take_description(end_a.agent, span_of_text(describe(&end_b)), NULL));
    run_for(1);
    CHECK(end_a.agreed == 0 && end_a.disagreed == 0);
    ice_agent_restart(end_b.agent);
    run_for(TIME_S);
    CHECK(end_describe(&end_b, &end_a));
    run_for(TIME_S);
    CHECK(end_describe(&end_a, &end_b));
    run_for(5 * TIME_S);
    ends_check("restarted", &end_a, &end_b, 1);
}

/* The controlling agent's word counts; a line that is none is refused, with its number. */
static void
test_not_for_us(void)
{
    struct ice_agent_options options = agents_options(false, false);
    g_autoptr(GString) offer = NULL;
    g_autoptr(GError) error = NULL;
    struct endpoint nowhere;

    agents_world(NULL, NULL);
    ends_connect(&end_a, &end_b, &options, 5 * TIME_S);
    CHECK(endpoint_parse("192.0.2.99:5", &nowhere));
    offer = naming(describe(&end_b), nowhere);
    CHECK(ice_agent_take_description(end_a.agent, span_of(offer->str, offer->len), NULL));
    run_for(1);
    CHECK(end_a.agreed == 0 && end_a.disagreed == 0);
    g_string_assign(offer, describe(&end_b));
    g_string_append(offer, "a=remote-candidates:1 192.0.2.1\r\n");
    CHECK(!ice_agent_take_description(end_a.agent, span_of(offer->str, offer->len), &error));
    CHECK_ROW(error ? error->message : "no error",
              error && strstr(error->message, "line 1") && strstr(error->message, "remote-candidates"));
    ends_check("unmoved", &end_a, &end_b, 1);
}

/* Takes `word` out of a description. */
static char *
without(const char *description, const char *word)
{
    g_auto(GStrv) parts = g_strsplit(description, word, -1);

    return g_strjoinv("", parts);
}

/* A peer of RFC 5245 waits for it when the defaults were others. */
static void
test_due(void)
{
    static const struct {
        const char *name;
        bool turn, ice2, due;
    } rows[] = {
        { "RFC 8445 needs none", true, true, false },
        { "a default that was the relay", true, false, true },
        { "the default was right", false, false, false },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct ice_agent_options options = agents_options(false, rows[i].turn), controlled;
        g_autofree char *of_b = NULL;

        agents_again();
        agents_world(NULL, NULL);
        agents_servers(false, true);
        controlled = options;
        controlled.session.controlling = false;
        end_open(&end_a, "A", &options);
        end_open(&end_b, "B", &controlled);
        ice_agent_gather(end_a.agent);
        ice_agent_gather(end_b.agent);
        run_for(TIME_S);
        CHECK(end_describe(&end_a, &end_b));
        of_b = without(describe(&end_b), rows[i].ice2 ? "no such word" : "a=ice-options:ice2\r\n");
        CHECK(ice_agent_take_description(end_a.agent, span_of_text(of_b), NULL));
        CHECK_ROW(rows[i].name, !ice_agent_owes_offer(end_a.agent));
        run_for(5 * TIME_S);
        ends_check(rows[i].name, &end_a, &end_b, 1);
        CHECK_ROW(rows[i].name, ice_agent_owes_offer(end_a.agent) == rows[i].due);
        CHECK_ROW(rows[i].name, !ice_agent_owes_offer(end_b.agent));
        (void)describe(&end_a);
        CHECK_ROW(rows[i].name, !ice_agent_owes_offer(end_a.agent));
    }
}

/* c= and m= of a stream that goes over TCP say nothing, and so it is told as before. */
static void
test_tcp(void)
{
    struct ice_agent_options options = agents_options(false, false);
    const char *said;

    options.no_udp = options.tcp = true;
    agents_world(NULL, NULL);
    ends_connect(&end_a, &end_b, &options, 5 * TIME_S);
    said = describe(&end_a);
    CHECK(strstr(said, "m=application 9 udp octet-stream\r\nc=IN IP4 0.0.0.0\r\n") != NULL);
    CHECK(count_of(said, "a=candidate:") >= 1 && !strstr(said, "remote-candidates"));
    CHECK(ice_agent_take_description(end_b.agent, span_of_text(said), NULL));
    ends_check("TCP", &end_a, &end_b, 1);
}

void
suite_ice_agent_update(void)
{
    UNIT_SUITE("ICE agent updates", begin, end, { "selected", test_selected }, { "early", test_early },
               { "lost", test_lost }, { "not for us", test_not_for_us }, { "due", test_due }, { "TCP", test_tcp });
}
