/* What a proxy does in text: RFC 3261 sections 16.4 to 16.7; flow tokens (RFC 5626 section 5); the server's side of digest
 * authentication (section 22). */
#include "tests/unit/support.h"

#include "proto/sip/auth.h"
#include "proto/sip/route.h"

#define CHECK_SPAN(row, got, expected) CHECK_ROW_BYTES(row, got, span_of_text(expected))

static bool
is_self(void *owner, const struct sip_uri *uri)
{
    (void)owner;
    return span_equal(uri->at.host, span_of_text("me"));
}

static const struct sip_self self = { is_self, NULL };

static struct sip_message *
message_of(const char *start, const char *lines)
{
    static struct sip_message message;
    static char *text;

    g_free(text);
    text =
        g_strdup_printf("%s\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: <sip:a@x>;tag=1\r\nTo: <sip:b@x>\r\n"
                        "Call-ID: 1\r\nCSeq: 1 INVITE\r\n%s\r\nbody",
                        start, lines);
    CHECK_ROW_INT(lines, sip_message_decode(span_of_text(text), &message), SIP_FAULT_NONE);
    return &message;
}

/* --- ways ---------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name, *uri, *routes, *path;
    const char *left_uri, *left, *hop; /* Route values joined by '|'; hop NULL: refused */
    const char *token;
} way_rows[] = {
    { "no Route", "sip:b@x", "", "", "sip:b@x", "", "sip:b@x", "" },
    { "ours is taken out", "sip:b@x", "Route: <sip:t@me;lr>\r\n", "", "sip:b@x", "", "sip:b@x", "t" },
    { "ours and another", "sip:b@x", "Route: <sip:t@me;lr>, <sip:p;lr>\r\n", "", "sip:b@x", "<sip:p;lr>", "sip:p;lr",
      "t" },
    { "another's first", "sip:b@x", "Route: <sip:p;lr>\r\nRoute: <sip:me;lr>\r\n", "", "sip:b@x",
      "<sip:p;lr>|<sip:me;lr>", "sip:p;lr", "" },
    { "only the first of ours", "sip:b@x", "Route: <sip:t@me;lr>,<sip:u@me;lr>\r\n", "", "sip:b@x", "<sip:u@me;lr>",
      "sip:u@me;lr", "t" },
    { "both of ours that are of one dialog (RFC 5658)", "sip:b@x",
      "Route: <sip:t@me;transport=tcp;lr>,<sip:t@me;lr>,<sip:p;lr>\r\n", "", "sip:b@x", "<sip:p;lr>", "sip:p;lr", "t" },
    { "without a token they are two", "sip:b@x", "Route: <sip:me;lr>,<sip:me;lr>\r\n", "", "sip:b@x", "<sip:me;lr>",
      "sip:me;lr", "" },
    { "a strict router was before us (16.4)", "sip:t@me;lr", "Route: <sip:p;lr>, <sip:b@x>\r\n", "", "sip:b@x",
      "<sip:p;lr>", "sip:p;lr", "t" },
    { "and nothing else is in the Route", "sip:t@me;lr", "Route: <sip:b@x>\r\n", "", "sip:b@x", "", "sip:b@x", "t" },
    { "our own URI without Route", "sip:t@me;lr", "", "", "sip:t@me;lr", "", "sip:t@me;lr", "" },
    { "a strict router comes next (16.6 item 6)", "sip:b@x", "Route: <sip:p>, <sip:q;lr>\r\n", "", "sip:p",
      "<sip:q;lr>|sip:b@x", "sip:p", "" },
    { "a path in front (RFC 3327)", "sip:b@x", "", "<sip:p;lr>, <sip:q;lr>", "sip:b@x", "<sip:p;lr>|<sip:q;lr>",
      "sip:p;lr", "" },
    { "a path by ourselves", "sip:b@x", "", "<sip:t@me;lr;ob>", "sip:b@x", "", "sip:b@x", "t" },
    { "commas in a Route", "sip:b@x", "", "<sip:p,1@h;lr>;x=\"y\",<sip:q;lr>", "sip:b@x",
      "<sip:p,1@h;lr>;x=\"y\"|<sip:q;lr>", "sip:p,1@h;lr", "" },
    { "malformed", "sip:b@x", "Route: sip:p;lr\r\n", "", "", "", NULL, "" },
    { "another scheme", "sip:b@x", "Route: <tel:1>\r\n", "", "", "", NULL, "" },
};

static void
test_ways(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(way_rows); i++) {
        const char *name = way_rows[i].name;
        g_autofree char *start = g_strdup_printf("INVITE %s SIP/2.0", way_rows[i].uri);
        GString *left = g_string_new(NULL);
        struct sip_way way;
        struct sip_uri hop;
        bool sound = sip_way_begin(&way, message_of(start, way_rows[i].routes), &self) &&
                     sip_way_push(&way, span_of_text(way_rows[i].path), &self) && sip_way_next(&way, &hop);

        CHECK_ROW(name, sound == (way_rows[i].hop != NULL));
        if (sound && way_rows[i].hop) {
            for (unsigned k = 0; k < way.count; k++)
                g_string_append_printf(left, "%s%.*s", k ? "|" : "", (int)way.routes[k].length,
                                       (const char *)way.routes[k].bytes);
            CHECK_SPAN(name, way.uri, way_rows[i].left_uri);
            CHECK_ROW_TEXT(name, left->str, way_rows[i].left);
            CHECK_SPAN(name, hop.text, way_rows[i].hop);
            CHECK_SPAN(name, way.token, way_rows[i].token);
        }
        g_string_free(left, TRUE);
    }
}

static void
test_too_many_routes(void)
{
    GString *lines = g_string_new(NULL);
    struct sip_way way;

    for (unsigned i = 1; i <= SIP_ROUTES_MOST + 1; i++) {
        g_string_append(lines, "Route: <sip:p;lr>\r\n");
        CHECK(sip_way_begin(&way, message_of("INVITE sip:b@x SIP/2.0", lines->str), &self) == (i <= SIP_ROUTES_MOST));
        if (i == SIP_ROUTES_MOST)
            CHECK(!sip_way_push(&way, span_of_text("<sip:q;lr>"), &self));
    }
    g_string_free(lines, TRUE);
}

/* --- messages ------------------------------------------------------------------------------------------------------- */

static void
test_forwarded(void)
{
    static const char expected[] = "INVITE sip:b@10.0.0.3 SIP/2.0\r\n"
                                   "Record-Route: <sip:t@me;lr>\r\n"
                                   "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1;received=192.0.2.7\r\n"
                                   "v: SIP/2.0/UDP far\r\n"
                                   "Route: <sip:p;lr>\r\n"
                                   "Max-Forwards: 6\r\n"
                                   "From: <sip:a@x>;tag=1\r\nTo: <sip:b@x>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n"
                                   "Record-Route: <sip:q;lr>\r\n"
                                   "Proxy-Authorization: Digest realm=\"other\", nonce=\"1\"\r\n"
                                   "X-Unknown: ;;,,\r\n"
                                   "Content-Length: 4\r\n\r\nbody";
    struct sip_message *request = message_of(
        "INVITE sip:b@x SIP/2.0", "Max-Forwards: 7\r\nRoute: <sip:me;lr>, <sip:p;lr>\r\nv: SIP/2.0/UDP far\r\n"
                                  "Record-Route: <sip:q;lr>\r\n"
                                  "Proxy-Authorization: Digest realm=\"x\", nonce=\"1\"\r\n"
                                  "Proxy-Authorization: Digest realm=\"other\", nonce=\"1\"\r\n"
                                  "X-Unknown: ;;,,\r\n");
    struct sip_forwarding forwarding = { .request = request,
                                         .source = { address_ipv4(0xc0000207), 5060 },
                                         .record_route = span_of_text("<sip:t@me;lr>"),
                                         .hops = sip_hops_of(request) - 1,
                                         .realm = "x" };
    struct sip_way way;
    char room[1000];
    struct writer out = writer_over(room, sizeof room);

    CHECK(sip_way_begin(&way, request, &self));
    way.uri = span_of_text("sip:b@10.0.0.3");
    forwarding.way = &way;
    sip_put_forwarded(&out, &forwarding);
    CHECK_ROW_BYTES("forwarded", writer_span(&out), span_of_text(expected));
    CHECK(!writer_failed(&out) && writer_length(&out) <= sip_forwarded_room(&forwarding));
}

static void
test_strict_forwarded(void)
{
    struct sip_message *request = message_of("INVITE sip:b@x SIP/2.0", "Route: <sip:p>\r\n");
    struct sip_forwarding forwarding = { .request = request, .source = { address_ipv4(0xc0000201), 5060 }, .hops = 70 };
    struct sip_way way;
    struct sip_uri hop;
    char room[1000];
    struct writer out = writer_over(room, sizeof room);

    CHECK(sip_way_begin(&way, request, &self) && sip_way_next(&way, &hop));
    forwarding.way = &way;
    sip_put_forwarded(&out, &forwarding);
    CHECK(!writer_failed(&out));
    CHECK_ROW("Request-URI", g_str_has_prefix(room, "INVITE sip:p SIP/2.0\r\n"));
    CHECK_ROW("Route", g_strstr_len(room, (gssize)writer_length(&out), "Route: <sip:b@x>\r\n"));
    CHECK_ROW_INT("70 where there is none", sip_hops_of(request), 70);
}

static const struct {
    const char *name, *vias, *left; /* left NULL: it was for us */
} returned_rows[] = {
    { "two lines", "Via: SIP/2.0/UDP me;branch=1\r\nVia: SIP/2.0/UDP b\r\n", "Via: SIP/2.0/UDP b\r\n" },
    { "one line", "v: SIP/2.0/UDP me;branch=1 ,\r\n SIP/2.0/UDP b, SIP/2.0/UDP c\r\nv: SIP/2.0/UDP d\r\n",
      "Via: SIP/2.0/UDP b, SIP/2.0/UDP c\r\nv: SIP/2.0/UDP d\r\n" },
    { "ours alone", "Via: SIP/2.0/UDP me;branch=1\r\n", NULL },
};

static void
test_returned(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(returned_rows); i++) {
        g_autofree char *text =
            g_strdup_printf("SIP/2.0 180 Ring\r\n%sFrom: <sip:a@x>\r\nTo: <sip:b@x>\r\nCall-ID: 1\r\n"
                            "CSeq: 1 INVITE\r\n\r\nbody",
                            returned_rows[i].vias);
        g_autofree char *expected = g_strdup_printf("SIP/2.0 180 Ring\r\n%sFrom: <sip:a@x>\r\nTo: <sip:b@x>\r\n"
                                                    "Call-ID: 1\r\nCSeq: 1 INVITE\r\nContent-Length: 4\r\n\r\nbody",
                                                    returned_rows[i].left ? returned_rows[i].left : "");
        struct sip_message message;
        char room[500];
        struct writer out = writer_over(room, sizeof room);
        bool back;

        CHECK_ROW_INT(returned_rows[i].name, sip_message_decode(span_of_text(text), &message), SIP_FAULT_NONE);
        back = sip_put_returned(&out, &message);
        CHECK_ROW(returned_rows[i].name, back == (returned_rows[i].left != NULL));
        if (back)
            CHECK_ROW_BYTES(returned_rows[i].name, writer_span(&out), span_of_text(expected));
    }
}

/* --- tokens ---------------------------------------------------------------------------------------------------------- */

static const uint8_t secret[SIP_SECRET_BYTES] = { 1, 2, 3 };

static struct sip_flow
flow_of(enum sip_transport protocol, const char *local, const char *peer, uint32_t connection)
{
    struct sip_flow flow = { .protocol = protocol, .connection = connection };

    CHECK_ROW(local, endpoint_parse(local, &flow.local));
    CHECK_ROW(peer, endpoint_parse(peer, &flow.peer));
    return flow;
}

static void
test_tokens(void)
{
    struct sip_token tokens[] = {
        { 7, flow_of(SIP_UDP, "192.0.2.1:5060", "198.51.100.9:1234", 0),
          flow_of(SIP_TCP, "192.0.2.1:5060", "203.0.113.4:65535", 4000000000) },
        { UINT32_MAX, flow_of(SIP_TCP, "[2001:db8::1]:5060", "[2001:db8:1:2:3:4:5:6]:1", 1),
          flow_of(SIP_UDP, "[2001:db8::1]:5060", "[2001:db8::2]:2", 0) },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(tokens); i++) {
        char text[SIP_TOKEN_TEXT], uri_text[SIP_TOKEN_TEXT + 20];
        uint8_t other[SIP_SECRET_BYTES] = { 9 };
        struct sip_token back;
        struct sip_uri uri;
        size_t length;

        sip_token_write(&tokens[i], secret, text);
        length = strlen(text);
        CHECK(sip_token_read(span_of(text, length), secret, &back));
        CHECK(back.caller == tokens[i].caller && sip_flow_equal(&back.to_caller, &tokens[i].to_caller) &&
              sip_flow_equal(&back.to_callee, &tokens[i].to_callee));
        CHECK(endpoint_equal(back.to_caller.local, tokens[i].to_caller.local));
        CHECK(!sip_token_read(span_of(text, length), other, &back));
        for (size_t cut = 0; cut < length; cut++)
            CHECK(!sip_token_read(span_of(text, cut), secret, &back));
        for (size_t at = 0; at < length; at++) {
            char before = text[at];

            text[at] = before == 'A' ? 'B' : 'A';
            CHECK(!sip_token_read(span_of(text, length), secret, &back) ||
                  at + 1 == length); /* bits that are padding */
            text[at] = before;
        }
        g_snprintf(uri_text, sizeof uri_text, "sip:%s@example.org", text);
        CHECK_ROW(uri_text, sip_uri_decode(span_of_text(uri_text), &uri) && uri.user.length == length);
    }
}

/* --- authentication -------------------------------------------------------------------------------------------------- */

static struct sip_auth *auth;

/* The nonce of the challenge that this client gets now. */
static char *
nonce_of(struct address client, int64_t now)
{
    g_autoptr(GString) challenge = g_string_new(NULL);
    struct sip_digest_fields fields;

    sip_auth_challenge(auth, "F", client, now, false, challenge);
    CHECK(g_str_has_prefix(challenge->str, "F: ") && g_str_has_suffix(challenge->str, "\r\n"));
    CHECK(sip_digest_decode(span_of(challenge->str + 3, challenge->len - 5), &fields));
    CHECK_SPAN("realm", fields.realm, "x");
    CHECK_SPAN("qop", fields.qop, "auth");
    CHECK(!fields.stale);
    return g_strndup((const char *)fields.nonce.bytes, fields.nonce.length);
}

static const char *nc = "00000001", *qop = "auth"; /* of what `check` says */

static enum sip_verdict
check(const char *user, const char *password, const char *realm, const char *nonce, struct address client, int64_t now)
{
    struct sip_digest_input input = { .user = span_of_text(user),
                                      .realm = span_of_text(realm),
                                      .password = span_of_text(password),
                                      .method = span_of_text("INVITE"),
                                      .uri = span_of_text("sip:x"),
                                      .nonce = span_of_text(nonce),
                                      .nc = span_of_text(nc),
                                      .cnonce = span_of_text("c"),
                                      .qop = span_of_text(qop) };
    char response[SIP_DIGEST_HEX];
    g_autofree char *lines = NULL;
    const char *proven;
    enum sip_verdict verdict;

    sip_digest_response(&input, response);
    lines = g_strdup_printf(
        "Authorization: Digest realm=\"decoy\", username=\"x\"\r\n"
        "Authorization: Digest username=\"%s\", realm=\"%s\", nonce=\"%s\", uri=\"sip:x\"%s%s, response=\"%s\"\r\n",
        user, realm, nonce, qop[0] ? ", cnonce=\"c\", qop=auth, nc=" : "", qop[0] ? nc : "", response);
    verdict =
        sip_auth_check(auth, message_of("INVITE sip:x SIP/2.0", lines), SIP_HEADER_AUTHORIZATION, client, now, &proven);
    CHECK((verdict == SIP_PROVEN) == (proven != NULL));
    return verdict;
}

static void
test_auth(void)
{
    struct address client = address_ipv4(0xc0000207), other = address_ipv4(0xc0000208);
    int64_t now = 1000 * TIME_S;
    const char *proven;

    auth = sip_auth_new("x", secret, 60 * TIME_S, false);
    CHECK(sip_auth_add_user(auth, "alice", "secret") && !sip_auth_add_user(auth, "alice", "again"));
    CHECK(!sip_auth_add_user(auth, "", "x") && !sip_auth_add_user(auth, "a\"b", "x"));

    g_autofree char *nonce = nonce_of(client, now);
    static const char zeros[] = "000000000000000000000000000000000000000000000000";

    CHECK_ROW_INT("right", check("alice", "secret", "x", nonce, client, now), SIP_PROVEN);
    CHECK_ROW_INT("wrong password", check("alice", "guess", "x", nonce, client, now), SIP_WRONG);
    CHECK_ROW_INT("unknown user", check("bob", "secret", "x", nonce, client, now), SIP_WRONG);
    CHECK_ROW_INT("another realm", check("alice", "secret", "y", nonce, client, now), SIP_NOT_PROVEN);
    CHECK_ROW_INT("from elsewhere", check("alice", "secret", "x", nonce, other, now), SIP_STALE);
    CHECK_ROW_INT("a nonce of his own", check("alice", "secret", "x", zeros, client, now), SIP_STALE);
    CHECK_ROW_INT("a short one", check("alice", "secret", "x", "abc", client, now), SIP_STALE);
    nc = "00000002";
    CHECK_ROW_INT("at its end", check("alice", "secret", "x", nonce, client, now + 60 * TIME_S - 1), SIP_PROVEN);
    nc = "00000003";
    CHECK_ROW_INT("after it", check("alice", "secret", "x", nonce, client, now + 60 * TIME_S), SIP_STALE);
    CHECK_ROW_INT("of the future", check("alice", "secret", "x", nonce, client, now - TIME_S), SIP_STALE);
    CHECK_ROW_INT(
        "nothing",
        sip_auth_check(auth, message_of("INVITE sip:x SIP/2.0", ""), SIP_HEADER_AUTHORIZATION, client, now, &proven),
        SIP_NOT_PROVEN);
    CHECK_ROW_INT("malformed",
                  sip_auth_check(auth, message_of("INVITE sip:x SIP/2.0", "Authorization: Digest\r\n"),
                                 SIP_HEADER_AUTHORIZATION, client, now, &proven),
                  SIP_NOT_PROVEN);
    sip_auth_free(auth);
}

/* RFC 7616 section 3.4.5: a count that has been used is a replay. Each challenge has a nonce of its own. */
static void
test_nonce_counts(void)
{
    static const struct {
        const char *name, *nc;
        bool other; /* nonce */
        enum sip_verdict verdict;
    } rows[] = {
        { "the first", "00000001", false, SIP_PROVEN },   { "the same again", "00000001", false, SIP_STALE },
        { "it may leap", "0000000a", false, SIP_PROVEN }, { "and not go back", "00000009", false, SIP_STALE },
        { "nought", "00000000", true, SIP_STALE },        { "another nonce's", "00000001", true, SIP_PROVEN },
        { "the last", "FFFFFFFF", false, SIP_PROVEN },    { "no more", "00000001", false, SIP_STALE },
    };
    struct address client = address_ipv4(0xc0000207);
    const int64_t now = 1000 * TIME_S;

    auth = sip_auth_new("x", secret, 60 * TIME_S, false);
    CHECK(sip_auth_add_user(auth, "alice", "secret"));

    g_autofree char *nonce = nonce_of(client, now), *other = nonce_of(client, now), *old = nonce_of(client, now);

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        nc = rows[i].nc;
        CHECK_ROW_INT(rows[i].name, check("alice", "secret", "x", rows[i].other ? other : nonce, client, now),
                      rows[i].verdict);
    }
    nc = "00000005";
    CHECK_ROW_INT("a guess uses nothing up", check("alice", "guess", "x", other, client, now), SIP_WRONG);
    nc = "00000002";
    CHECK_ROW_INT("so this is good", check("alice", "secret", "x", other, client, now), SIP_PROVEN);
    qop = "";
    CHECK_ROW_INT("without qop it serves once", check("alice", "secret", "x", old, client, now), SIP_PROVEN);
    CHECK_ROW_INT("and not twice", check("alice", "secret", "x", old, client, now), SIP_STALE);
    qop = "auth";

    g_autofree char *forgotten = nonce_of(client, now);

    for (int i = 0; i < SIP_NONCES - 1; i++)
        g_free(nonce_of(client, now));
    nc = "00000001";
    CHECK_ROW_INT("just remembered", check("alice", "secret", "x", forgotten, client, now), SIP_PROVEN);
    g_free(nonce_of(client, now));
    nc = "00000002";
    CHECK_ROW_INT("forgotten", check("alice", "secret", "x", forgotten, client, now), SIP_STALE);
    nc = "00000001";
    sip_auth_free(auth);
}

void
suite_sip_proxy(void)
{
    UNIT_SUITE("sip_proxy", NULL, NULL, { "ways", test_ways }, { "too many Routes", test_too_many_routes },
               { "a request goes on", test_forwarded }, { "to a strict router", test_strict_forwarded },
               { "a response goes back", test_returned }, { "tokens", test_tokens }, { "authentication", test_auth },
               { "nonce counts", test_nonce_counts });
}
