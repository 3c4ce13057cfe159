/* The SIP server as a whole: RFC 3261 sections 10 and 16, RFC 3581, RFC 5626, RFC 3327. User agents are played by hand:
 * what they say is text, what the server says to each is kept. */
#include "tests/unit/support.h"

#include "proto/sip/exchange.h"
#include "proto/sip/exchange_kinds.h"
#include "tests/unit/support_io.h"

#define SERVER "192.0.2.1:5060"
#define ALICE "198.51.100.2:40000" /* outside of a NAT that alice is behind */
#define BOB "198.51.100.3:5060"
#define BOB2 "198.51.100.4:5060"
#define FAR "203.0.113.9:5060"

static struct fake_io *io;
static struct sip_exchange *exchange;
static GPtrArray *heard; /* texts "PEER\nMESSAGE", the oldest first */
static unsigned numbers; /* for branches */

static struct endpoint
at(const char *text)
{
    struct endpoint endpoint = { ADDRESS_NONE, 0 };

    CHECK_ROW(text, endpoint_parse(text, &endpoint));
    return endpoint;
}

static void
start(const struct sip_exchange_options *options)
{
    enum io_result why = IO_OK;

    exchange = sip_exchange_new(&io->io, options, &why);
    CU_ASSERT_PTR_NOT_NULL_FATAL(exchange);
}

static struct sip_exchange_options
options_of(bool auth)
{
    static const struct sip_exchange_user users[] = { { "alice", "secret" }, { "bob", "word" } };
    struct sip_exchange_options options = SIP_EXCHANGE_DEFAULTS;

    options.domain = "example.org";
    options.auth = auth;
    options.users = users;
    options.user_count = G_N_ELEMENTS(users);
    return options;
}

static void
set_up(void)
{
    struct sip_exchange_options options = options_of(false);

    io = fake_io_new("192.0.2.1");
    heard = g_ptr_array_new_with_free_func(g_free);
    numbers = 0;
    start(&options);
}

static void
tear_down(void)
{
    sip_exchange_free(exchange);
    CHECK(fake_io_free(io));
    g_ptr_array_unref(heard);
}

static void
restart(const struct sip_exchange_options *options)
{
    sip_exchange_free(exchange);
    start(options);
}

/* --- talking --------------------------------------------------------------------------------------------------------- */

static void
listen_up(void)
{
    const struct fake_datagram *sent;
    char peer[ENDPOINT_TEXT];

    while ((sent = fake_io_take(io)))
        g_ptr_array_add(heard, g_strdup_printf("%s\n%.*s", endpoint_format(sent->peer, peer), (int)sent->data.length,
                                               (const char *)sent->data.bytes));
}

static void
say(const char *from, const char *text)
{
    g_ptr_array_set_size(heard, 0);
    CHECK_ROW(text, fake_io_deliver(io, at(SERVER), at(from), span_of_text(text)));
    fake_io_advance(io, 0);
    listen_up();
}

static void
pass(int64_t duration)
{
    g_ptr_array_set_size(heard, 0);
    fake_io_advance(io, duration);
    listen_up();
}

/* What was said to a peer that begins so; NULL when nothing was. */
static const char *
heard_by(const char *peer, const char *begins)
{
    g_autofree char *prefix = g_strdup_printf("%s\n%s", peer, begins);

    for (guint i = 0; i < heard->len; i++)
        if (g_str_has_prefix(heard->pdata[i], prefix))
            return strchr(heard->pdata[i], '\n') + 1;
    return NULL;
}

#define HEARS(row, peer, begins) CHECK_ROW(row, heard_by(peer, begins) != NULL)

/* All lines of a header field, joined by '|'; in a static room. */
static const char *
field(const char *message, const char *name)
{
    static char room[8][2000];
    static unsigned next;
    char *out = room[next++ % 8];
    g_auto(GStrv) lines = g_strsplit(message ? message : "", "\r\n", -1);
    size_t length = strlen(name);

    out[0] = 0;
    for (char **line = lines; *line && **line; line++)
        if (g_str_has_prefix(*line, name) && (*line)[length] == ':') {
            g_strlcat(out, *out ? "|" : "", 2000);
            g_strlcat(out, *line + length + 2, 2000);
        }
    return out;
}

/* A request. `more`: lines with line ends. */
static char *
request(const char *method, const char *uri, const char *from, const char *to, const char *more)
{
    numbers++;
    return g_strdup_printf("%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.2:5060;rport;branch=z9hG4bK-%u\r\n"
                           "Max-Forwards: 70\r\nFrom: %s\r\nTo: %s\r\nCall-ID: call-1\r\nCSeq: %u %s\r\n%s"
                           "Content-Length: 0\r\n\r\n",
                           method, uri, numbers, from, to, numbers, method, more);
}

static void
ask(const char *peer, const char *method, const char *uri, const char *from, const char *to, const char *more)
{
    g_autofree char *text = request(method, uri, from, to, more);

    say(peer, text);
}

/* A response to what was heard: its Via, Record-Route, From, To (with a tag) and so on come back. */
static char *
response(const char *to, unsigned status, const char *tag, const char *more)
{
    GString *out = g_string_new(NULL);
    g_auto(GStrv) lines = g_strsplit(to ? to : "", "\r\n", -1);

    g_string_printf(out, "SIP/2.0 %u Because\r\n", status);
    for (char **line = lines; *line && **line; line++) {
        bool tags = g_str_has_prefix(*line, "To:") && *tag && !strstr(*line, "tag=");

        if (g_str_has_prefix(*line, "To:") || g_str_has_prefix(*line, "Via:") ||
            g_str_has_prefix(*line, "Record-Route:") || g_str_has_prefix(*line, "From:") ||
            g_str_has_prefix(*line, "Call-ID:") || g_str_has_prefix(*line, "CSeq:"))
            g_string_append_printf(out, "%s%s%s\r\n", *line, tags ? ";tag=" : "", tags ? tag : "");
    }
    g_string_append_printf(out, "%sContent-Length: 0\r\n\r\n", more);
    return g_string_free(out, FALSE);
}

static void
answer(const char *peer, const char *to, unsigned status, const char *tag, const char *more)
{
    g_autofree char *text = response(to, status, tag, more);

    say(peer, text);
}

static void
bind_user(const char *peer, const char *user, const char *contact)
{
    g_autofree char *of = g_strdup_printf("<sip:%s@example.org>", user);
    g_autofree char *from = g_strdup_printf("%s;tag=r", of);
    g_autofree char *line = g_strdup_printf("Contact: %s\r\n", contact);

    ask(peer, "REGISTER", "sip:example.org", from, of, line);
    HEARS(contact, peer, "SIP/2.0 200");
}

/* An INVITE of alice to bob; what bob heard, good until the next word. */
static char *
invite(const char *bob)
{
    ask(ALICE, "INVITE", "sip:bob@example.org", "<sip:alice@example.org>;tag=a", "<sip:bob@example.org>",
        "Contact: <sip:alice@10.0.0.2>\r\n");
    return g_strdup(heard_by(bob, "INVITE"));
}

static const struct sip_exchange_counters *
counters(void)
{
    return sip_exchange_counters(exchange);
}

/* --- registering ------------------------------------------------------------------------------------------------------ */

static void
test_register(void)
{
    const char *ok;

    bind_user(BOB, "bob", "<sip:bob@10.0.0.3:5060>;q=0.5;expires=100");
    ok = heard_by(BOB, "SIP/2.0 200");
    CHECK_ROW_TEXT("bindings", field(ok, "Contact"), "<sip:bob@10.0.0.3:5060>;q=0.5;expires=100");
    pass(40 * TIME_S);
    ask(BOB, "REGISTER", "sip:example.org", "<sip:bob@example.org>;tag=r", "<sip:bob@example.org>", "");
    CHECK_ROW_TEXT("a query", field(heard_by(BOB, "SIP/2.0 200"), "Contact"),
                   "<sip:bob@10.0.0.3:5060>;q=0.5;expires=60");
    pass(61 * TIME_S);
    CHECK(counters()->bound == 1 && counters()->expired == 1 &&
          sip_locations_count(sip_exchange_locations(exchange)) == 0);
    CHECK_ROW_INT("told", (int64_t)fake_io_noted(io, &sip_kind_bound), 1);
    CHECK_ROW_INT("told", (int64_t)fake_io_noted(io, &sip_kind_unbound), 1);
}

static const struct {
    const char *name, *uri, *to, *more, *status, *field, *value;
} register_rows[] = {
    { "another's name for the domain", "sip:192.0.2.1", "<sip:bob@EXAMPLE.org:5060>", "", "SIP/2.0 200", NULL, NULL },
    { "unknown user", "sip:example.org", "<sip:carol@example.org>", "", "SIP/2.0 404", NULL, NULL },
    { "another domain's user", "sip:example.org", "<sip:bob@example.net>", "", "SIP/2.0 404", NULL, NULL },
    { "no user", "sip:example.org", "<sip:example.org>", "", "SIP/2.0 404", NULL, NULL },
    { "brief", "sip:example.org", "<sip:bob@example.org>", "Contact: <sip:b@h>;expires=5\r\n", "SIP/2.0 423",
      "Min-Expires", "60" },
    { "extensions", "sip:example.org", "<sip:bob@example.org>", "Require: path, gruu, x\r\n", "SIP/2.0 420",
      "Unsupported", "gruu|x" },
    { "known extensions", "sip:example.org", "<sip:bob@example.org>", "Require: path\r\n", "SIP/2.0 200", "Supported",
      "path, outbound" },
    { "by flow", "sip:example.org", "<sip:bob@example.org>",
      "Supported: outbound\r\nContact: <sip:b@h>;+sip.instance=\"<urn:1>\";reg-id=1\r\n", "SIP/2.0 200", "Require",
      "outbound" },
    { "a path", "sip:example.org", "<sip:bob@example.org>", "Path: <sip:p;lr>\r\nContact: <sip:b@h>\r\n", "SIP/2.0 200",
      "Path", "<sip:p;lr>" },
    { "malformed", "sip:example.org", "<sip:bob@example.org>", "Contact: <sip:b@h\r\n", "SIP/2.0 400", NULL, NULL },
};

static void
test_register_rows(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(register_rows); i++) {
        const char *name = register_rows[i].name;

        ask(BOB, "REGISTER", register_rows[i].uri, "<sip:bob@example.org>;tag=r", register_rows[i].to,
            register_rows[i].more);
        HEARS(name, BOB, register_rows[i].status);
        if (register_rows[i].field)
            CHECK_ROW_TEXT(name, field(heard_by(BOB, "SIP/2.0"), register_rows[i].field), register_rows[i].value);
    }
}

/* --- proof ------------------------------------------------------------------------------------------------------------- */

/* The value of Authorization for a challenge. */
static char *
prove(const char *challenge, const char *user, const char *password, const char *method)
{
    struct sip_digest_fields fields;
    struct sip_digest_input input = { .user = span_of_text(user),
                                      .password = span_of_text(password),
                                      .method = span_of_text(method),
                                      .uri = span_of_text("sip:example.org"),
                                      .nc = span_of_text("00000001"),
                                      .cnonce = span_of_text("c"),
                                      .qop = span_of_text("auth") };
    char digits[SIP_DIGEST_HEX];

    CHECK_ROW(challenge, sip_digest_decode(span_of_text(challenge), &fields));
    input.realm = fields.realm;
    input.nonce = fields.nonce;
    sip_digest_response(&input, digits);
    return g_strdup_printf(
        "Digest username=\"%s\", realm=\"%.*s\", nonce=\"%.*s\", uri=\"sip:example.org\", nc=00000001, "
        "cnonce=\"c\", qop=auth, response=\"%s\"",
        user, (int)fields.realm.length, (const char *)fields.realm.bytes, (int)fields.nonce.length,
        (const char *)fields.nonce.bytes, digits);
}

static void
test_register_auth(void)
{
    struct sip_exchange_options options = options_of(true);
    static const struct {
        const char *name, *user, *password, *to, *status;
        enum sip_refusal refusal;
    } rows[] = {
        { "right", "bob", "word", "<sip:bob@example.org>", "SIP/2.0 200", SIP_REFUSAL_NONE },
        { "wrong", "bob", "guess", "<sip:bob@example.org>", "SIP/2.0 401", SIP_REFUSAL_WRONG },
        { "somebody else", "alice", "secret", "<sip:bob@example.org>", "SIP/2.0 403", SIP_REFUSAL_IDENTITY },
    };

    restart(&options);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        uint64_t before = counters()->refused[rows[i].refusal];

        ask(BOB, "REGISTER", "sip:example.org", "<sip:bob@example.org>;tag=r", rows[i].to, "");
        HEARS(rows[i].name, BOB, "SIP/2.0 401");

        g_autofree char *proof =
            prove(field(heard_by(BOB, "SIP/2.0 401"), "WWW-Authenticate"), rows[i].user, rows[i].password, "REGISTER");
        g_autofree char *line = g_strdup_printf("Authorization: %s\r\n", proof);

        ask(BOB, "REGISTER", "sip:example.org", "<sip:bob@example.org>;tag=r", rows[i].to, line);
        HEARS(rows[i].name, BOB, rows[i].status);
        if (rows[i].refusal)
            CHECK_ROW_INT(rows[i].name, counters()->refused[rows[i].refusal], before + 1);
    }
}

static void
test_stale(void)
{
    struct sip_exchange_options options = options_of(true);

    restart(&options);
    ask(BOB, "REGISTER", "sip:example.org", "<sip:bob@example.org>;tag=r", "<sip:bob@example.org>", "");

    g_autofree char *proof = prove(field(heard_by(BOB, "SIP/2.0 401"), "WWW-Authenticate"), "bob", "word", "REGISTER");
    g_autofree char *line = g_strdup_printf("Authorization: %s\r\n", proof);

    pass(options.nonce_lifetime);
    ask(BOB, "REGISTER", "sip:example.org", "<sip:bob@example.org>;tag=r", "<sip:bob@example.org>", line);
    CHECK(strstr(field(heard_by(BOB, "SIP/2.0 401"), "WWW-Authenticate"), "stale=true"));
}

/* RFC 8760 section 2.4: the preferred algorithm first, each in a field of its own. */
static void
test_sha256(void)
{
    struct sip_exchange_options options = options_of(true);
    const char *text, *second;

    options.sha256 = true;
    restart(&options);
    ask(BOB, "REGISTER", "sip:example.org", "<sip:bob@example.org>;tag=r", "<sip:bob@example.org>", "");
    text = heard_by(BOB, "SIP/2.0 401");
    CHECK(strstr(field(text, "WWW-Authenticate"), "algorithm=SHA-256"));
    second = text ? strstr(strstr(text, "WWW-Authenticate") + 1, "WWW-Authenticate") : NULL;
    CHECK(second && strstr(field(second, "WWW-Authenticate"), "algorithm=MD5"));
}

static void
test_invite_auth(void)
{
    struct sip_exchange_options options = options_of(true);

    restart(&options);
    ask(ALICE, "INVITE", "sip:bob@example.org", "<sip:alice@example.org>;tag=a", "<sip:bob@example.org>", "");
    HEARS("challenged", ALICE, "SIP/2.0 407");

    g_autofree char *proof =
        prove(field(heard_by(ALICE, "SIP/2.0 407"), "Proxy-Authenticate"), "alice", "secret", "INVITE");
    g_autofree char *line = g_strdup_printf("Proxy-Authorization: %s\r\n", proof);

    ask(ALICE, "INVITE", "sip:bob@example.org", "<sip:alice@example.org>;tag=a", "<sip:bob@example.org>", line);
    HEARS("known, but not there", ALICE, "SIP/2.0 480");
    ask(ALICE, "INVITE", "sip:bob@example.org", "<sip:bob@example.org>;tag=a", "<sip:bob@example.org>", line);
    HEARS("the same proof once more", ALICE, "SIP/2.0 407");

    g_autofree char *another =
        prove(field(heard_by(ALICE, "SIP/2.0 407"), "Proxy-Authenticate"), "alice", "secret", "INVITE");
    g_autofree char *fresh = g_strdup_printf("Proxy-Authorization: %s\r\n", another);

    ask(ALICE, "INVITE", "sip:bob@example.org", "<sip:bob@example.org>;tag=a", "<sip:bob@example.org>", fresh);
    HEARS("as somebody else", ALICE, "SIP/2.0 403");
    ask(FAR, "INVITE", "sip:bob@example.org", "<sip:x@far.example>;tag=a", "<sip:bob@example.org>", "");
    HEARS("from elsewhere", FAR, "SIP/2.0 480");
    ask(FAR, "INVITE", "sip:y@203.0.113.7", "<sip:x@far.example>;tag=a", "<sip:y@203.0.113.7>", "");
    HEARS("no relay", FAR, "SIP/2.0 403");
    ask(FAR, "BYE", "sip:y@203.0.113.7", "<sip:x@far.example>;tag=a", "<sip:y@203.0.113.7>;tag=b", "");
    HEARS("nor for what says that it is within a dialog", FAR, "SIP/2.0 403");
    ask(FAR, "BYE", "sip:y@203.0.113.7", "<sip:x@far.example>;tag=a", "<sip:y@203.0.113.7>;tag=b",
        "Route: <sip:192.0.2.1;lr>\r\n");
    HEARS("or has a Route", FAR, "SIP/2.0 403");
    ask(FAR, "ACK", "sip:y@203.0.113.7", "<sip:x@far.example>;tag=a", "<sip:y@203.0.113.7>;tag=b",
        "Route: <sip:192.0.2.1;lr>\r\n");
    CHECK(heard->len == 0 && counters()->acks_dropped == 1);
}

/* --- a call ------------------------------------------------------------------------------------------------------------ */

/* Along the flows, whatever the Contacts say, and back by Via. */
static void
test_call(void)
{
    bind_user(BOB, "bob", "<sip:bob@10.0.0.3:5060>");

    g_autofree char *invited = invite(BOB);

    CHECK_ROW("Request-URI", g_str_has_prefix(invited, "INVITE sip:bob@10.0.0.3:5060 SIP/2.0\r\n"));
    CHECK_ROW_TEXT("Max-Forwards", field(invited, "Max-Forwards"), "69");
    CHECK_ROW("Via", strstr(field(invited, "Via"), "|SIP/2.0/UDP 10.0.0.2:5060;rport=40000;branch=z9hG4bK-2;"
                                                   "received=198.51.100.2"));
    CHECK_ROW("Record-Route", g_str_has_prefix(field(invited, "Record-Route"), "<sip:") &&
                                  g_str_has_suffix(field(invited, "Record-Route"), "@192.0.2.1:5060;lr>"));

    answer(BOB, invited, 180, "b", "");
    HEARS("ringing", ALICE, "SIP/2.0 180");
    CHECK(!strchr(field(heard_by(ALICE, "SIP/2.0 180"), "Via"), '|'));
    answer(BOB, invited, 200, "b", "Contact: <sip:bob@10.0.0.3:5060>\r\n");
    HEARS("answered", ALICE, "SIP/2.0 200");

    g_autofree char *route = g_strdup_printf("Route: %s\r\n", field(heard_by(ALICE, "SIP/2.0 200"), "Record-Route"));

    ask(ALICE, "ACK", "sip:bob@10.0.0.3:5060", "<sip:alice@example.org>;tag=a", "<sip:bob@example.org>;tag=b", route);
    HEARS("acknowledged", BOB, "ACK sip:bob@10.0.0.3:5060");
    CHECK_ROW_TEXT("without our Route", field(heard_by(BOB, "ACK"), "Route"), "");
    ask(BOB, "BYE", "sip:alice@10.0.0.2", "<sip:bob@example.org>;tag=b", "<sip:alice@example.org>;tag=a", route);
    HEARS("hung up by the callee, through alice's NAT", ALICE, "BYE sip:alice@10.0.0.2");

    g_autofree char *bye = g_strdup(heard_by(ALICE, "BYE"));

    answer(ALICE, bye, 200, "", "");
    HEARS("and answered", BOB, "SIP/2.0 200");
    CHECK(counters()->answered == 1 && counters()->acks == 1 && counters()->forwarded == 2 && counters()->failed == 0);
    CHECK_ROW_INT("told", (int64_t)fake_io_noted(io, &sip_kind_forwarded), 2);
    CHECK_ROW_INT("told", (int64_t)fake_io_noted(io, &sip_kind_returned), 2);
    CHECK(sip_exchange_pending(exchange) == 0);
    pass(TIME_MIN);
    CHECK(sip_transactions_count(sip_exchange_transactions(exchange)) == 0);
}

/* Who asks with a NAT's new port is still the caller: a token tells the ends by tag. */
static void
test_rebound(void)
{
    bind_user(BOB, "bob", "<sip:bob@10.0.0.3:5060>");

    g_autofree char *invited = invite(BOB);

    answer(BOB, invited, 200, "b", "");

    g_autofree char *route = g_strdup_printf("Route: %s\r\n", field(heard_by(ALICE, "SIP/2.0 200"), "Record-Route"));

    ask("198.51.100.2:40001", "BYE", "sip:bob@10.0.0.3:5060", "<sip:alice@example.org>;tag=a",
        "<sip:bob@example.org>;tag=b", route);
    HEARS("from another port", BOB, "BYE sip:bob@10.0.0.3:5060");
}

static void
test_by_contact(void)
{
    struct sip_exchange_options options = options_of(false);

    options.flows = options.record_route = false;
    restart(&options);
    bind_user(BOB, "bob", "<sip:bob@203.0.113.5:5070>");

    g_autofree char *invited = invite("203.0.113.5:5070");

    CHECK_ROW("to the Contact", invited != NULL);
    CHECK_ROW_TEXT("no Record-Route", field(invited, "Record-Route"), "");
}

/* --- forking ------------------------------------------------------------------------------------------------------------ */

static void
bind_two(void)
{
    bind_user(BOB, "bob", "<sip:bob@10.0.0.3>");
    bind_user(BOB2, "bob", "<sip:bob@10.0.0.4>");
}

static void
test_fork(void)
{
    bind_two();

    g_autofree char *one = invite(BOB), *other = g_strdup(heard_by(BOB2, "INVITE"));

    CHECK(one && other && strcmp(field(one, "Via"), field(other, "Via")) != 0);
    answer(BOB, one, 180, "b1", "");
    answer(BOB2, other, 180, "b2", "");
    HEARS("both ring", ALICE, "SIP/2.0 180");
    answer(BOB2, other, 200, "b2", "");
    HEARS("one answers", ALICE, "SIP/2.0 200");
    HEARS("the other one is cancelled", BOB, "CANCEL");
    answer(BOB, one, 487, "b1", "");
    HEARS("and acknowledged", BOB, "ACK");
    CHECK(!heard_by(ALICE, "SIP/2.0 487") && counters()->answered == 1 && counters()->branches == 2);
    answer(BOB, one, 200, "b1", "");
    CHECK(!heard_by(ALICE, "SIP/2.0 200")); /* it had had its final response */
}

static const struct {
    const char *name;
    unsigned one, other, best; /* 0: no answer at all */
} best_rows[] = {
    { "the lowest class", 500, 404, 404 }, { "3xx before 4xx", 486, 302, 302 }, { "6xx before all", 302, 603, 603 },
    { "what to do first", 404, 401, 401 }, { "415 before 404", 404, 415, 415 }, { "503 is our secret", 503, 503, 500 },
    { "404 before 503", 503, 404, 404 },   { "busy and nobody", 486, 0, 408 },  { "nobody at all", 0, 0, 408 },
};

static void
test_best(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(best_rows); i++) {
        g_autofree char *status = g_strdup_printf("SIP/2.0 %u", best_rows[i].best);

        tear_down();
        set_up();
        bind_two();

        g_autofree char *one = invite(BOB), *other = g_strdup(heard_by(BOB2, "INVITE"));

        if (best_rows[i].one)
            answer(BOB, one, best_rows[i].one, "b1", "");
        if (best_rows[i].other)
            answer(BOB2, other, best_rows[i].other, "b2", "");
        if (!best_rows[i].one || !best_rows[i].other)
            pass(40 * TIME_S);
        if (best_rows[i].one == 486 && !best_rows[i].other)
            HEARS(best_rows[i].name, ALICE, "SIP/2.0 4");
        else
            HEARS(best_rows[i].name, ALICE, status);
        CHECK_ROW_INT(best_rows[i].name, counters()->failed, 1);
    }
}

static void
test_challenges(void)
{
    bind_two();

    g_autofree char *one = invite(BOB), *other = g_strdup(heard_by(BOB2, "INVITE"));

    answer(BOB, one, 401, "b1", "WWW-Authenticate: Digest realm=\"one\"\r\n");
    answer(BOB2, other, 407, "b2", "Proxy-Authenticate: Digest realm=\"two\"\r\n");

    const char *merged = heard_by(ALICE, "SIP/2.0 40");

    CHECK_ROW_TEXT("of the one", field(merged, "WWW-Authenticate"), "Digest realm=\"one\"");
    CHECK_ROW_TEXT("and the other", field(merged, "Proxy-Authenticate"), "Digest realm=\"two\"");
}

/* RFC 4320: what isn't an INVITE has a 100 after 3.5 s, and no 408 ever. */
static void
test_no_408(void)
{
    bind_user(BOB, "bob", "<sip:bob@10.0.0.3>");
    ask(ALICE, "MESSAGE", "sip:bob@example.org", "<sip:alice@example.org>;tag=a", "<sip:bob@example.org>", "");
    HEARS("forwarded", BOB, "MESSAGE");
    pass(3499 * TIME_MS);
    CHECK(!heard_by(ALICE, "SIP/2.0"));
    pass(2 * TIME_MS);
    HEARS("somebody has it", ALICE, "SIP/2.0 100");
    pass(40 * TIME_S);
    CHECK(!heard_by(ALICE, "SIP/2.0"));
    CHECK(sip_exchange_pending(exchange) == 0 && counters()->responses == 0);
    numbers--;
    ask(ALICE, "MESSAGE", "sip:bob@example.org", "<sip:alice@example.org>;tag=a", "<sip:bob@example.org>", "");
    CHECK_ROW_INT("the same once more is absorbed", heard->len, 0);
    pass(40 * TIME_S);
    CHECK(sip_transactions_count(sip_exchange_transactions(exchange)) == 0);
}

/* --- cancelling --------------------------------------------------------------------------------------------------------- */

static void
test_cancel(void)
{
    bind_two();

    g_autofree char *one = invite(BOB), *other = g_strdup(heard_by(BOB2, "INVITE"));

    answer(BOB, one, 180, "b1", "");
    numbers--; /* a CANCEL has the branch and the number of its INVITE */
    ask(ALICE, "CANCEL", "sip:bob@example.org", "<sip:alice@example.org>;tag=a", "<sip:bob@example.org>", "");
    HEARS("the CANCEL itself", ALICE, "SIP/2.0 200");
    HEARS("who rings is cancelled", BOB, "CANCEL");
    CHECK(!heard_by(BOB2, "CANCEL")); /* not before it has said something: section 9.1 */
    answer(BOB2, other, 100, "", "");
    HEARS("then it is, too", BOB2, "CANCEL");
    answer(BOB, one, 487, "b1", "");
    CHECK(!heard_by(ALICE, "SIP/2.0 487"));
    answer(BOB2, other, 487, "b2", "");
    HEARS("when both have given up", ALICE, "SIP/2.0 487");
    CHECK(counters()->cancels == 1);
}

/* Section 16.8: it may ring for a little more than three minutes. */
static void
test_timer_c(void)
{
    bind_user(BOB, "bob", "<sip:bob@10.0.0.3>");

    g_autofree char *invited = invite(BOB);

    answer(BOB, invited, 180, "b", "");
    pass(100 * TIME_S);
    answer(BOB, invited, 180, "b", "");
    pass(189 * TIME_S);
    CHECK(!heard_by(BOB, "CANCEL"));
    pass(2 * TIME_S);
    HEARS("given up", BOB, "CANCEL");
    pass(33 * TIME_S);
    HEARS("and nobody has said anything", ALICE, "SIP/2.0 408");
}

/* --- refused ------------------------------------------------------------------------------------------------------------- */

static void
test_refused(void)
{
    static const struct {
        const char *name, *method, *uri, *more, *status;
    } rows[] = {
        { "unknown", "INVITE", "sip:carol@example.org", "", "SIP/2.0 404" },
        { "not there", "INVITE", "sip:bob@example.org", "", "SIP/2.0 480" },
        { "TLS all the way", "INVITE", "sips:bob@example.org", "", "SIP/2.0 416" },
        { "an extension", "INVITE", "sip:bob@example.org", "Proxy-Require: x\r\n", "SIP/2.0 420" },
        { "Route malformed", "INVITE", "sip:bob@example.org", "Route: sip:a\r\n", "SIP/2.0 400" },
        { "nobody knows the host", "INVITE", "sip:bob@far.example", "", "SIP/2.0 500" },
        { "OPTIONS of the server", "OPTIONS", "sip:example.org", "", "SIP/2.0 200" },
        { "which has to know what is required", "OPTIONS", "sip:example.org", "Require: x\r\n", "SIP/2.0 420" },
        { "nothing else", "MESSAGE", "sip:192.0.2.1:5060", "", "SIP/2.0 405" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        ask(ALICE, rows[i].method, rows[i].uri, "<sip:alice@example.org>;tag=a", "<sip:x@example.org>", rows[i].more);
        HEARS(rows[i].name, ALICE, rows[i].status);
    }
    say(ALICE,
        "INVITE sip:bob@example.org SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.2;rport;branch=z9hG4bKq\r\nMax-Forwards: 0\r\n"
        "From: <sip:alice@example.org>;tag=a\r\nTo: <sip:b@x>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n");
    HEARS("hops", ALICE, "SIP/2.0 483");
    say(ALICE, "INVITE tel:+1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.2;rport;branch=z9hG4bKr\r\n"
               "From: <sip:alice@example.org>;tag=a\r\nTo: <sip:b@x>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n");
    HEARS("scheme", ALICE, "SIP/2.0 416");
}

static void
test_loop(void)
{
    struct sip_exchange_options options = options_of(false);

    options.flows = false;
    restart(&options);
    bind_user(BOB, "bob", "<sip:bob@203.0.113.5>");

    g_autofree char *invited = invite("203.0.113.5:5060");
    g_autofree char *again = NULL;
    const char *line_end = strchr(invited, '\n');

    /* Somebody there sends it back as it was. */
    again = g_strconcat("INVITE sip:bob@example.org SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.5;branch=z9hG4bKspiral",
                        line_end - 1, NULL);
    say("203.0.113.5:5060", again);
    HEARS("a loop", "203.0.113.5:5060", "SIP/2.0 482");
    CHECK(counters()->refused[SIP_REFUSAL_LOOP] == 1);
}

static void
test_draining(void)
{
    bind_user(BOB, "bob", "<sip:bob@10.0.0.3>");

    g_autofree char *invited = invite(BOB);

    CHECK(sip_exchange_pending(exchange) == 1);
    sip_exchange_drain(exchange);
    g_autofree char *refused = invite(BOB);

    CHECK(!refused);
    HEARS("nothing new", ALICE, "SIP/2.0 503");
    answer(BOB, invited, 200, "b", "");
    HEARS("what is under way goes on", ALICE, "SIP/2.0 200");
    CHECK(sip_exchange_pending(exchange) == 0);
}

/* --- flows ---------------------------------------------------------------------------------------------------------------- */

#define FLOW(n) ";+sip.instance=\"<urn:1>\";reg-id=" #n

static void
bind_flow(const char *peer, const char *parameters)
{
    g_autofree char *line = g_strdup_printf("Supported: outbound\r\nContact: <sip:bob@10.0.0.3>%s\r\n", parameters);

    ask(peer, "REGISTER", "sip:example.org", "<sip:bob@example.org>;tag=r", "<sip:bob@example.org>", line);
    HEARS(parameters, peer, "SIP/2.0 200");
}

/* RFC 5626 section 7: one flow of an agent at a time, and the next when that is dead. */
static void
test_next_flow(void)
{
    bind_flow(BOB, FLOW(1));
    bind_flow(BOB2, FLOW(2));

    g_autofree char *latest = invite(BOB2);

    CHECK(latest && !heard_by(BOB, "INVITE"));
    answer(BOB2, latest, 430, "x", "");
    HEARS("the other flow", BOB, "INVITE");

    g_autofree char *next = g_strdup(heard_by(BOB, "INVITE"));

    CHECK(!heard_by(ALICE, "SIP/2.0 4") && counters()->flows_ended == 1);
    answer(BOB, next, 430, "x", "");
    HEARS("and no other is left", ALICE, "SIP/2.0 430");
    CHECK(sip_locations_count(sip_exchange_locations(exchange)) == 0);
}

/* A flow that is found dead when somebody has answered already is not made up for: nobody else is to ring. */
static void
test_no_next_flow(void)
{
    bind_user(FAR, "bob", "<sip:bob@10.0.0.4>");
    bind_flow(BOB, FLOW(1));
    bind_flow(BOB2, FLOW(2));

    g_autofree char *flow = invite(BOB2), *other = g_strdup(heard_by(FAR, "INVITE"));

    answer(BOB2, flow, 180, "b", "");
    answer(FAR, other, 200, "f", "");
    HEARS("given up", BOB2, "CANCEL");
    answer(BOB2, flow, 430, "b", "");
    CHECK_ROW("nobody rings", !heard_by(BOB, "INVITE"));
}

/* RFC 3327: whoever registered through a proxy is called through it. */
static void
test_path(void)
{
    ask(BOB, "REGISTER", "sip:example.org", "<sip:bob@example.org>;tag=r", "<sip:bob@example.org>",
        "Path: <sip:token@203.0.113.9;lr>\r\nContact: <sip:bob@10.0.0.3>\r\n");

    g_autofree char *invited = invite(FAR);

    CHECK_ROW("through the proxy", invited && g_str_has_prefix(invited, "INVITE sip:bob@10.0.0.3 SIP/2.0\r\n"));
    CHECK_ROW_TEXT("by a Route", field(invited, "Route"), "<sip:token@203.0.113.9;lr>");
}

/* RFC 5626 section 5: as an edge proxy it puts its token into Path, and follows it later. */
static void
test_edge(void)
{
    ask(ALICE, "REGISTER", "sip:203.0.113.9", "<sip:alice@example.org>;tag=r", "<sip:alice@203.0.113.9>",
        "Supported: path, outbound\r\nContact: <sip:alice@10.0.0.2>\r\n");
    HEARS("forwarded", FAR, "REGISTER sip:203.0.113.9");

    g_autofree char *path = g_strdup(field(heard_by(FAR, "REGISTER"), "Path"));
    g_autofree char *route = g_strdup_printf("Route: %s\r\n", path);

    CHECK(g_str_has_suffix(path, "@192.0.2.1:5060;lr;ob>"));
    ask(FAR, "INVITE", "sip:alice@10.0.0.2", "<sip:x@far.example>;tag=a", "<sip:alice@203.0.113.9>", route);
    HEARS("through alice's NAT", ALICE, "INVITE sip:alice@10.0.0.2");
    path[6] = path[6] == 'A' ? 'B' : 'A';
    g_autofree char *forged = g_strdup_printf("Route: %s\r\n", path);
    ask(FAR, "INVITE", "sip:alice@10.0.0.2", "<sip:x@far.example>;tag=a", "<sip:alice@203.0.113.9>", forged);
    HEARS("a token that nobody has made", FAR, "SIP/2.0 403");
}

/* Keep-alives: STUN and CRLF on SIP's port. */
static void
test_keep_alives(void)
{
    static const char binding[] = "\0\1\0\0\x21\x12\xa4\x42"
                                  "abcdefghijkl";
    const struct fake_datagram *sent;

    CHECK(fake_io_deliver(io, at(SERVER), at(ALICE), span_of(binding, 20)));
    sent = fake_io_take(io);
    CHECK(sent && sent->data.length > 20 && sent->data.bytes[0] == 1 && sent->data.bytes[1] == 1);
    say(ALICE, "\r\n\r\n");
    CHECK(counters()->requests == 0);
}

/* RFC 6026 section 7.2: a response that comes when nobody waits any more goes nowhere. */
static void
test_late(void)
{
    bind_user(BOB, "bob", "<sip:bob@10.0.0.3>");

    g_autofree char *invited = invite(BOB);

    answer(BOB, invited, 200, "b", "");
    pass(2 * TIME_MIN);
    CHECK(sip_transactions_count(sip_exchange_transactions(exchange)) == 0);
    answer(BOB, invited, 200, "b", "");
    CHECK_ROW_INT("by no Via", heard->len, 0);
    CHECK_ROW_INT("strays", counters()->strays, 1);
    say(BOB, "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 203.0.113.77;branch=z9hG4bKx\r\nVia: SIP/2.0/UDP 198.51.100.2\r\n"
             "From: <sip:a@b>\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n\r\n");
    CHECK_ROW_INT("nobody hears", heard->len, 0);
    CHECK_ROW_INT("strays", sip_transactions_counters(sip_exchange_transactions(exchange))->stray, 2);
}

/* Freed in the middle of calls, nothing is left: tear_down looks. */
static void
test_freed(void)
{
    bind_two();

    g_autofree char *invited = invite(BOB);

    answer(BOB, invited, 180, "b1", "");
}

static void
test_options(void)
{
    struct sip_exchange_options options = options_of(false);
    static const struct sip_exchange_user twice[] = { { "alice", "a" }, { "alice", "b" } };
    enum io_result why;

    options.domain = "a\"b";
    CHECK(!sip_exchange_new(&io->io, &options, &why) && why == IO_TOO_BIG);
    options = options_of(false);
    options.users = twice;
    CHECK(!sip_exchange_new(&io->io, &options, &why) && why == IO_TOO_BIG);
    options = options_of(false);
    CHECK(!sip_exchange_new(&io->io, &options, &why) && why == IO_IN_USE);
    for (enum sip_refusal i = SIP_REFUSAL_NONE; i < SIP_REFUSAL_COUNT; i++)
        CHECK_ROW(sip_refusal_word(i), unit_is_word(sip_refusal_word(i)) && *sip_refusal_sentence(i) &&
                                           *sip_status_phrase(sip_refusal_status(i)));
}

void
suite_sip_server(void)
{
    UNIT_SUITE("sip_server", set_up, tear_down, { "register", test_register }, { "registering", test_register_rows },
               { "registering with proof", test_register_auth }, { "a stale nonce", test_stale }, { "SHA-256", test_sha256 },
               { "calling with proof", test_invite_auth }, { "a call", test_call }, { "a rebound port", test_rebound },
               { "by Contact", test_by_contact }, { "forking", test_fork }, { "the best response", test_best }, { "no 408", test_no_408 },
               { "no next flow", test_no_next_flow },
               { "challenges of several", test_challenges }, { "cancelling", test_cancel }, { "Timer C", test_timer_c },
               { "refused", test_refused }, { "loops", test_loop }, { "draining", test_draining },
               { "the next flow", test_next_flow }, { "Path", test_path }, { "as an edge proxy", test_edge },
               { "keep-alives", test_keep_alives }, { "late responses", test_late }, { "freed", test_freed },
               { "options", test_options });
}
