/* The location service: RFC 3261 section 10.3, RFC 3327, RFC 5626 section 6. */
#include "tests/unit/support.h"

#include "proto/sip/locations.h"

static struct sip_locations *locations;
static GString *told;

static void
on_changed(void *owner, const struct sip_binding *binding, enum sip_binding_change change)
{
    static const char marks[] = "+=-xf"; /* made, refreshed, removed, expired, flow ended */

    (void)owner;
    g_string_append_printf(told, "%c%s ", marks[change], binding->contact);
}

static void
set_up(void)
{
    struct sip_locations_options options = SIP_LOCATIONS_DEFAULTS;

    options.per_user = 3;
    options.total = 5;
    options.changed = on_changed;
    told = g_string_new(NULL);
    locations = sip_locations_new(&options);
}

static void
tear_down(void)
{
    sip_locations_free(locations);
    g_string_free(told, TRUE);
}

/* A REGISTER of `lines`, which have "CSeq: N" of their own. */
static enum sip_registering
register_by(const char *user, const char *call_id, unsigned cseq, const char *lines, uint32_t connection, int64_t now)
{
    g_autofree char *text =
        g_strdup_printf("REGISTER sip:x.example SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bK1\r\n"
                        "From: <sip:a@x.example>;tag=1\r\nTo: <sip:a@x.example>\r\nCall-ID: %s\r\nCSeq: %u REGISTER\r\n"
                        "%s\r\n",
                        call_id, cseq, lines);
    struct sip_message *message = g_new(struct sip_message, 1);
    struct sip_registration what = { .user = user, .request = message, .now = now };
    enum sip_registering result;
    bool outbound;

    CHECK_ROW_INT(lines, sip_message_decode(span_of_text(text), message), SIP_FAULT_NONE);
    what.flow = (struct sip_flow){ .protocol = connection ? SIP_TCP : SIP_UDP,
                                   .peer = { address_ipv4(0xc0000202), 5060 },
                                   .connection = connection };
    result = sip_locations_register(locations, &what, &outbound);
    g_free(message);
    return result;
}

/* "contact|contact", as they are found. */
static const char *
found(const char *user)
{
    static char text[400];
    unsigned count;
    const struct sip_binding *const *bindings = sip_locations_find(locations, user, &count);

    text[0] = 0;
    for (unsigned i = 0; i < count; i++) {
        g_strlcat(text, i ? "|" : "", sizeof text);
        g_strlcat(text, bindings[i]->contact, sizeof text);
    }
    return text;
}

/* --- one request -------------------------------------------------------------------------------------------------- */

#define OUTBOUND "Supported: path, outbound\r\n"
#define INSTANCE ";+sip.instance=\"<urn:uuid:1>\""

static const struct {
    const char *name, *lines;
    enum sip_registering result;
    const char *bound; /* afterwards */
} rows[] = {
    { "none is a query", "", SIP_REGISTERING_DONE, "" },
    { "one", "Contact: <sip:a@10.0.0.2>\r\n", SIP_REGISTERING_DONE, "sip:a@10.0.0.2" },
    { "two in a line", "m: <sip:a@h1>;q=0.5, sip:a@h2\r\n", SIP_REGISTERING_DONE, "sip:a@h2|sip:a@h1" },
    { "by preference", "m: <sip:a@h1>;q=0.1, <sip:a@h2>;q=0.25, <sip:a@h3>;q=0\r\n", SIP_REGISTERING_DONE,
      "sip:a@h2|sip:a@h1|sip:a@h3" },
    { "the latest first of equals", "m: <sip:a@h1>, <sip:a@h2>\r\n", SIP_REGISTERING_DONE, "sip:a@h2|sip:a@h1" },
    { "removing what is not there", "Contact: <sip:a@h1>;expires=0\r\n", SIP_REGISTERING_DONE, "" },
    { "malformed: all or nothing", "Contact: <sip:a@h1>, <sip:a@h2\r\n", SIP_REGISTERING_CONTACT, "" },
    { "another scheme", "Contact: <tel:+1>\r\n", SIP_REGISTERING_CONTACT, "" },
    { "q of 2", "Contact: <sip:a@h1>;q=2\r\n", SIP_REGISTERING_CONTACT, "" },
    { "q of four digits", "Contact: <sip:a@h1>;q=0.1234\r\n", SIP_REGISTERING_CONTACT, "" },
    { "q of no number", "Contact: <sip:a@h1>;q=x\r\n", SIP_REGISTERING_CONTACT, "" },
    { "twice the same (19.1.4)", "Contact: <sip:a@h1>, <sip:a@H1;x=y>\r\n", SIP_REGISTERING_TWICE, "" },
    { "more than a user may have", "m: <sip:a@h1>, <sip:a@h2>, <sip:a@h3>, <sip:a@h4>\r\n", SIP_REGISTERING_MANY, "" },
    { "brief", "Contact: <sip:a@h1>;expires=59\r\n", SIP_REGISTERING_BRIEF, "" },
    { "one of two is brief", "Contact: <sip:a@h1>, <sip:a@h2>;expires=1\r\n", SIP_REGISTERING_BRIEF, "" },
    { "just long enough", "Contact: <sip:a@h1>;expires=60\r\n", SIP_REGISTERING_DONE, "sip:a@h1" },
    { "star with another (10.2.2)", "Contact: *, <sip:a@h1>\r\nExpires: 0\r\n", SIP_REGISTERING_STAR, "" },
    { "another with star", "Contact: <sip:a@h1>\r\nContact: *\r\nExpires: 0\r\n", SIP_REGISTERING_STAR, "" },
    { "star without Expires", "Contact: *\r\n", SIP_REGISTERING_STAR, "" },
    { "star with another Expires", "Contact: *\r\nExpires: 60\r\n", SIP_REGISTERING_STAR, "" },
    { "star with nothing there", "Contact: *\r\nExpires: 0\r\n", SIP_REGISTERING_DONE, "" },
    { "Path malformed", "Contact: <sip:a@h1>\r\nPath: sip:p\r\n", SIP_REGISTERING_PATH, "" },
    { "flow", "Contact: <sip:a@h1>" INSTANCE ";reg-id=1\r\n" OUTBOUND, SIP_REGISTERING_DONE, "sip:a@h1" },
    { "two flows in one", "Contact: <sip:a@h1>" INSTANCE ";reg-id=1, <sip:a@h2>" INSTANCE ";reg-id=2\r\n" OUTBOUND,
      SIP_REGISTERING_FLOWS, "" },
    { "one flow, one removed",
      "Contact: <sip:a@h1>" INSTANCE ";reg-id=1, <sip:a@h2>" INSTANCE ";reg-id=2;expires=0\r\n" OUTBOUND,
      SIP_REGISTERING_DONE, "sip:a@h1" },
    { "flow through a proxy without", "Via: SIP/2.0/UDP p\r\nContact: <sip:a@h1>" INSTANCE ";reg-id=1\r\n" OUTBOUND,
      SIP_REGISTERING_FIRST_HOP, "" },
    { "flow through a proxy with Path alone",
      "Via: SIP/2.0/UDP p\r\nPath: <sip:p;lr>\r\nContact: <sip:a@h1>" INSTANCE ";reg-id=1\r\n" OUTBOUND,
      SIP_REGISTERING_FIRST_HOP, "" },
    { "flow through a proxy that keeps it",
      "Via: SIP/2.0/UDP p\r\nPath: <sip:q;lr>, <sip:t@p;lr;ob>\r\nContact: <sip:a@h1>" INSTANCE
      ";reg-id=1\r\n" OUTBOUND,
      SIP_REGISTERING_DONE, "sip:a@h1" },
    { "reg-id alone is a parameter", "Via: SIP/2.0/UDP p\r\nContact: <sip:a@h1>;reg-id=1\r\n" OUTBOUND,
      SIP_REGISTERING_DONE, "sip:a@h1" },
    { "who can't do it can't", "Via: SIP/2.0/UDP p\r\nContact: <sip:a@h1>" INSTANCE ";reg-id=1\r\n",
      SIP_REGISTERING_DONE, "sip:a@h1" },
};

static void
test_rows(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        tear_down();
        set_up();
        CHECK_ROW_TEXT(rows[i].name, sip_registering_word(register_by("a", "c1", 1, rows[i].lines, 0, 0)),
                       sip_registering_word(rows[i].result));
        CHECK_ROW_TEXT(rows[i].name, found("a"), rows[i].bound);
    }
}

/* --- one after another --------------------------------------------------------------------------------------------- */

static const struct step {
    const char *call_id;
    unsigned cseq;
    const char *lines;
    enum sip_registering result;
    const char *told;
} order_steps[] = {
    { "c1", 5, "Contact: <sip:a@h1>\r\n", SIP_REGISTERING_DONE, "+sip:a@h1 " },
    { "c1", 6, "Contact: <sip:a@H1>\r\n", SIP_REGISTERING_DONE, "=sip:a@H1 " },
    { "c1", 6, "Contact: <sip:a@h1>\r\n", SIP_REGISTERING_OLD, "" },
    { "c1", 3, "Contact: <sip:a@h1>;expires=0\r\n", SIP_REGISTERING_OLD, "" },
    { "c1", 6, "Contact: <sip:a@h9>, <sip:a@h1>\r\n", SIP_REGISTERING_OLD, "" }, /* nor is h9 bound */
    { "c2", 1, "Contact: <sip:a@h1>\r\n", SIP_REGISTERING_DONE, "=sip:a@h1 " },  /* rebooted */
    { "c2", 1, "Contact: *\r\nExpires: 0\r\n", SIP_REGISTERING_OLD, "" },
    { "c2", 2, "Contact: <sip:a@h2>\r\n", SIP_REGISTERING_DONE, "+sip:a@h2 " },
    { "c2", 3, "Contact: <sip:a@h1>;expires=0\r\n", SIP_REGISTERING_DONE, "-sip:a@h1 " },
    { "c2", 4, "Contact: <sip:a@h1>, <sip:a@h3>\r\n", SIP_REGISTERING_DONE, "+sip:a@h1 +sip:a@h3 " },
    { "c2", 5, "Contact: <sip:a@h4>\r\n", SIP_REGISTERING_MANY, "" },
    { "c2", 6, "Contact: <sip:a@h4>, <sip:a@h3>;expires=0\r\n", SIP_REGISTERING_DONE, "+sip:a@h4 -sip:a@h3 " },
    { "c2", 7, "", SIP_REGISTERING_DONE, "" },
    { "c3", 1, "Contact: *\r\nExpires: 0\r\n", SIP_REGISTERING_DONE, "-sip:a@h2 -sip:a@h1 -sip:a@h4 " },
};

static void
check_steps(const struct step *steps, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        g_autofree char *name = g_strdup_printf("step %zu: %s", i + 1, steps[i].lines);

        g_string_truncate(told, 0);
        CHECK_ROW_TEXT(name,
                       sip_registering_word(register_by("a", steps[i].call_id, steps[i].cseq, steps[i].lines, 0, 0)),
                       sip_registering_word(steps[i].result));
        CHECK_ROW_TEXT(name, told->str, steps[i].told);
    }
}

static void
test_order(void)
{
    check_steps(order_steps, G_N_ELEMENTS(order_steps));
    CHECK(sip_locations_count(locations) == 0 && sip_locations_deadline(locations) == TIME_NEVER);
}

static const struct step flow_steps[] = {
    { "c1", 1, "Contact: <sip:a@h1>" INSTANCE ";reg-id=1\r\n" OUTBOUND, SIP_REGISTERING_DONE, "+sip:a@h1 " },
    { "c2", 1, "Contact: <sip:a@h2>" INSTANCE ";reg-id=1\r\n" OUTBOUND, SIP_REGISTERING_DONE, "=sip:a@h2 " },
    { "c2", 2, "Contact: <sip:a@h2>" INSTANCE ";reg-id=2\r\n" OUTBOUND, SIP_REGISTERING_DONE, "+sip:a@h2 " },
    { "c2", 3, "Contact: <sip:a@h2>\r\n", SIP_REGISTERING_DONE, "+sip:a@h2 " }, /* by its URI: another binding */
    { "c2", 4, "Contact: <sip:a@h5>" INSTANCE ";reg-id=1;expires=0\r\n" OUTBOUND, SIP_REGISTERING_DONE, "-sip:a@h2 " },
};

static void
test_flows(void)
{
    check_steps(flow_steps, G_N_ELEMENTS(flow_steps));
}

static void
test_flow_ended(void)
{
    CHECK(register_by("a", "c1", 1, "Contact: <sip:a@h1>" INSTANCE ";reg-id=1\r\n" OUTBOUND, 7, 0) == 0);
    CHECK(register_by("a", "c1", 2, "Contact: <sip:a@h2>\r\n", 7, 0) == 0);
    CHECK(register_by("b", "c2", 1, "Contact: <sip:b@h3>" INSTANCE ";reg-id=1\r\n" OUTBOUND, 8, 0) == 0);
    g_string_truncate(told, 0);
    sip_locations_flow_ended(locations, 7);
    CHECK_ROW_TEXT("those by flow", told->str, "fsip:a@h1 ");
    CHECK_ROW_TEXT("left", found("a"), "sip:a@h2");
    CHECK_ROW_TEXT("another's", found("b"), "sip:b@h3");
    sip_locations_forget(locations, sip_locations_next(locations, NULL));
    CHECK_ROW_TEXT("forgotten", found("a"), "");
}

/* --- time ---------------------------------------------------------------------------------------------------------- */

static void
test_expiry(void)
{
    unsigned count;

    CHECK(register_by("a", "c1", 1, "Contact: <sip:a@h1>;expires=60, <sip:a@h2>;expires=90\r\n", 0, 0) == 0);
    CHECK(register_by("b", "c2", 1, "Contact: <sip:b@h3>\r\nExpires: 100000\r\n", 0, TIME_S) == 0);
    CHECK_ROW_INT("deadline", sip_locations_deadline(locations), 60 * TIME_S);
    CHECK_ROW_INT("seconds are rounded up",
                  sip_binding_seconds(sip_locations_find(locations, "a", &count)[1], 30 * TIME_S + 1), 30);
    sip_locations_expire(locations, 60 * TIME_S - 1);
    CHECK_ROW_TEXT("a nanosecond before", found("a"), "sip:a@h2|sip:a@h1");
    sip_locations_expire(locations, 60 * TIME_S);
    CHECK_ROW_TEXT("at its time", found("a"), "sip:a@h2");
    CHECK(register_by("a", "c1", 2, "Contact: <sip:a@h2>;expires=60\r\n", 0, 80 * TIME_S) == 0);
    CHECK_ROW_INT("refreshed", sip_locations_deadline(locations), 140 * TIME_S);
    sip_locations_expire(locations, 140 * TIME_S);
    CHECK_ROW_INT("granted as the most", sip_locations_deadline(locations), (7200 + 1) * TIME_S);
    sip_locations_expire(locations, TIME_NEVER);
    CHECK(sip_locations_count(locations) == 0);
}

/* An hour is never too brief (section 10.3 item 7). */
static void
test_an_hour(void)
{
    struct sip_locations_options options = SIP_LOCATIONS_DEFAULTS;

    options.expires_least = options.expires_most = 7200;
    sip_locations_free(locations);
    locations = sip_locations_new(&options);
    CHECK(register_by("a", "c1", 1, "Contact: <sip:a@h1>;expires=3599\r\n", 0, 0) == SIP_REGISTERING_BRIEF);
    CHECK(register_by("a", "c1", 2, "Contact: <sip:a@h1>;expires=3600\r\n", 0, 0) == SIP_REGISTERING_DONE);
}

/* --- what is kept -------------------------------------------------------------------------------------------------- */

static void
test_kept(void)
{
    const struct sip_binding *binding;

    CHECK(register_by("a", "c1", 1,
                      "Contact: \"A\" <sip:a@h1>;expires=60;q=0.7 ;x=\"y;expires=1\"\r\nPath: <sip:p;lr>,<sip:q;lr>\r\n"
                      "Path: <sip:r;lr>\r\n",
                      9, 0) == 0);
    binding = sip_locations_next(locations, NULL);
    CHECK_ROW_TEXT("contact", binding->contact, "sip:a@h1");
    CHECK_ROW_TEXT("parameters", binding->parameters, ";q=0.7 ;x=\"y;expires=1\"");
    CHECK_ROW_TEXT("path", binding->path, "<sip:p;lr>, <sip:q;lr>, <sip:r;lr>");
    CHECK(binding->q == 700 && binding->cseq == 1 && binding->flow.connection == 9);
    CHECK(!sip_binding_is_outbound(binding));
}

static void
test_limits(void)
{
    GString *contact = g_string_new("Contact: <sip:");

    for (unsigned i = 0; i < SIP_BINDING_TEXT; i++)
        g_string_append_c(contact, 'x');
    g_string_append(contact, "@h1>\r\n");
    CHECK(register_by("a", "c1", 1, contact->str, 0, 0) == SIP_REGISTERING_CONTACT);
    g_string_free(contact, TRUE);

    CHECK(register_by("a", "c1", 1, "m: <sip:a@h1>, <sip:a@h2>, <sip:a@h3>\r\n", 0, 0) == SIP_REGISTERING_DONE);
    CHECK(register_by("b", "c1", 1, "m: <sip:b@h1>, <sip:b@h2>\r\n", 0, 0) == SIP_REGISTERING_DONE);
    CHECK(register_by("c", "c1", 1, "m: <sip:c@h1>\r\n", 0, 0) == SIP_REGISTERING_FULL);
    CHECK(register_by("b", "c1", 2, "m: <sip:b@h1>\r\n", 0, 0) == SIP_REGISTERING_DONE); /* what is there may stay */
    CHECK(sip_locations_count(locations) == 5);
}

static void
test_walk(void)
{
    GString *walked = g_string_new(NULL);

    CHECK(register_by("carol", "c1", 1, "m: <sip:c@h1>\r\n", 0, 0) == 0);
    CHECK(register_by("alice", "c1", 1, "m: <sip:a@h1>;q=0.1, <sip:a@h2>\r\n", 0, 0) == 0);
    CHECK(register_by("bob", "c1", 1, "m: <sip:b@h1>\r\n", 0, 0) == 0);
    for (const struct sip_binding *at = NULL; (at = sip_locations_next(locations, at));)
        g_string_append_printf(walked, "%s ", at->contact);
    CHECK_ROW_TEXT("in order", walked->str, "sip:a@h2 sip:a@h1 sip:b@h1 sip:c@h1 ");
    g_string_free(walked, TRUE);
}

static const struct {
    const char *uri, *user; /* NULL: none */
} user_rows[] = {
    { "sip:alice@x", "alice" }, { "sip:%61lice@x", "alice" }, { "sips:alice;x=y:pw@x", "alice;x=y" },
    { "sip:x", NULL },          { "sip:@x", NULL },           { "tel:+1", NULL },
    { "sip:a%00b@x", NULL },    { "sip:a%0ab@x", NULL },      { "sip:a%20b@x", "a b" },
};

static void
test_users(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(user_rows); i++) {
        struct sip_uri uri;
        char user[SIP_USER_BYTES];
        bool named;

        CHECK_ROW(user_rows[i].uri, sip_uri_decode(span_of_text(user_rows[i].uri), &uri));
        named = sip_user_of(&uri, user);
        CHECK_ROW(user_rows[i].uri, named == (user_rows[i].user != NULL));
        if (named)
            CHECK_ROW_TEXT(user_rows[i].uri, user, user_rows[i].user);
    }
}

static void
test_words(void)
{
    for (enum sip_registering i = SIP_REGISTERING_DONE; i < SIP_REGISTERING_COUNT; i++)
        CHECK_ROW(sip_registering_word(i), unit_is_word(sip_registering_word(i)) && *sip_registering_sentence(i) &&
                                               *sip_status_phrase(sip_registering_status(i)));
}

void
suite_sip_locations(void)
{
    UNIT_SUITE("sip_locations", set_up, tear_down, { "one request", test_rows }, { "one after another", test_order },
               { "flows", test_flows }, { "a flow ends", test_flow_ended }, { "expiry", test_expiry },
               { "an hour", test_an_hour }, { "what is kept", test_kept }, { "limits", test_limits },
               { "walk", test_walk }, { "users", test_users }, { "words", test_words });
}
