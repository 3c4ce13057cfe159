/* Credentials at the client, in conversations with a real server, and with one that somebody on the way speaks for:
 * RFC 8489 sections 6.3.4, 9.1.4, 9.2.3, 9.2.5 and 10. */
#include "tests/unit/support.h"

#include "proto/stun/client.h"
#include "proto/stun/fingerprint.h"
#include "proto/stun/kinds.h"
#include "proto/stun/server.h"
#include "tests/unit/support_io.h"

static struct fake_io *host, *far;
static struct stun_client *client;
static struct stun_users *users;
static struct stun_server *server, *second;
static struct stun_credentials *credentials;
static struct io_udp *udp;
static struct endpoint own, server_at, second_at;

static struct {
    unsigned calls, code, requests;
    bool proven;
    enum stun_outcome outcome;
    struct endpoint server, mapped;
    int64_t elapsed;
} told;

static void
on_datagram(void *owner, struct io_udp *from, const struct io_datagram *datagram)
{
    (void)owner;
    CHECK(stun_client_datagram(client, from, datagram));
}

static const struct io_udp_events events = { on_datagram, NULL };

static void
on_done(void *owner, struct stun_transaction *transaction, const struct stun_result *result)
{
    (void)owner, (void)transaction;
    told.calls++;
    told.outcome = result->outcome;
    told.code = result->error.code;
    told.proven = result->proven;
    told.requests = result->requests;
    told.server = result->server;
    told.mapped = result->xor_mapped;
    told.elapsed = result->elapsed;
}

static void
set_up(void)
{
    enum io_result why;

    host = fake_io_new("10.0.0.2");
    far = fake_io_new("198.51.100.1");
    CHECK(endpoint_parse("10.0.0.2:5000", &own));
    CHECK(endpoint_parse("198.51.100.1:3478", &server_at));
    CHECK(endpoint_parse("198.51.100.1:3479", &second_at));
    udp = host->io.ops->udp(&host->io, &own, &events, NULL, &why);
    client = stun_client_new(&host->io, "punchlab");
    users = stun_users_new("example.org");
    CHECK(stun_users_add(users, span_of_text("alice"), span_of_text("secret")));
    server = second = NULL;
    credentials = NULL;
    memset(&told, 0, sizeof told);
}

static void
tear_down(void)
{
    stun_client_free(client);
    stun_server_free(server);
    stun_server_free(second);
    stun_credentials_free(credentials);
    stun_users_free(users);
    udp->ops->close(udp);
    CHECK(fake_io_free(host));
    CHECK(fake_io_free(far));
}

static struct stun_server *
serve(enum stun_mechanism mechanism, unsigned algorithms, struct endpoint listen, const struct endpoint *alternate)
{
    struct stun_auth_options auth = {
        .mechanism = mechanism, .users = users, .algorithms = algorithms, .anonymity = algorithms != 0
    };
    struct stun_server_options options = { .listens = 1, .listen = { listen }, .auth = &auth };
    enum io_result why;
    struct stun_server *made;

    if (alternate) {
        options.alternates = 1;
        options.alternate[0] = *alternate;
    }
    made = stun_server_new(&far->io, &options, &why);
    CHECK(made != NULL);
    return made;
}

static void
long_term(const char *password)
{
    stun_credentials_free(credentials);
    credentials = stun_credentials_new_long_term(span_of_text("alice"), span_of_text(password));
}

static struct stun_request
request_of(void)
{
    return (struct stun_request){ .udp = udp, .server = server_at, .credentials = credentials, .done = on_done };
}

static void
ask(void)
{
    struct stun_request request = request_of();

    stun_client_binding(client, &request);
}

/* To and fro until nobody has anything to say. */
static void
carry(void)
{
    while (fake_io_carry(host, far) + fake_io_carry(far, host) > 0)
        ;
}

static void
check_told(const char *name, enum stun_outcome outcome, unsigned code, unsigned requests)
{
    CHECK_ROW_UINT(name, told.calls, 1);
    CHECK_ROW_TEXT(name, stun_outcome_word(told.outcome), stun_outcome_word(outcome));
    CHECK_ROW_UINT(name, told.code, code);
    CHECK_ROW_UINT(name, told.requests, requests);
    memset(&told, 0, sizeof told);
}

/* --- the long-term mechanism ------------------------------------------------------------------------------------ */

static void
test_long_term(void)
{
    static const struct {
        const char *name;
        unsigned algorithms;
    } rows[] = {
        { "SHA-256 before MD5", STUN_ALGORITHMS_ALL },
        { "MD5 offered alone", 1u << STUN_ALGORITHM_MD5 },
        { "nothing offered: RFC 5389", 0 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        server = serve(STUN_MECHANISM_LONG_TERM, rows[i].algorithms, server_at, NULL);
        long_term("secret");
        ask();
        carry();
        CHECK_ROW(rows[i].name, endpoint_equal(told.mapped, own));
        check_told(rows[i].name, STUN_OUTCOME_ANSWERED, 0, 2); /* without credentials first */
        ask();
        carry();
        CHECK_ROW("integrity protects it", told.proven);
        check_told("the second needs no challenge", STUN_OUTCOME_ANSWERED, 0, 1);
        fake_io_advance(host, STUN_NONCE_LIFETIME + 2 * TIME_S);
        fake_io_advance(far, STUN_NONCE_LIFETIME + 2 * TIME_S);
        ask();
        carry();
        check_told("a stale nonce", STUN_OUTCOME_ANSWERED, 0, 2);
        long_term("guess");
        ask();
        carry();
        CHECK_ROW("nothing protects that", !told.proven);
        check_told("a wrong password is tried once", STUN_OUTCOME_REJECTED, 401, 2);
        stun_server_free(server);
        server = NULL;
    }
    CHECK_ROW_UINT("each is journalled", fake_io_noted(host, &stun_kind_repeated), 3 * 3);
}

/* Section 9.2.3.2: what stands in a request after the challenge. */
static void
test_attributes(void)
{
    static const struct {
        const char *name;
        unsigned algorithms;
        uint16_t has[9], hasnt[5]; /* end with 0 */
    } rows[] = {
        { "with algorithms",
          STUN_ALGORITHMS_ALL,
          { STUN_USERHASH, STUN_REALM, STUN_NONCE, STUN_PASSWORD_ALGORITHMS, STUN_PASSWORD_ALGORITHM,
            STUN_MESSAGE_INTEGRITY_SHA256, STUN_FINGERPRINT, STUN_SOFTWARE },
          { STUN_USERNAME, STUN_MESSAGE_INTEGRITY } },
        { "without",
          0,
          { STUN_USERNAME, STUN_REALM, STUN_NONCE, STUN_MESSAGE_INTEGRITY, STUN_FINGERPRINT, STUN_SOFTWARE },
          { STUN_USERHASH, STUN_PASSWORD_ALGORITHMS, STUN_PASSWORD_ALGORITHM, STUN_MESSAGE_INTEGRITY_SHA256 } },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        const struct fake_datagram *sent;
        struct stun_message message;
        struct stun_id first;

        server = serve(STUN_MECHANISM_LONG_TERM, rows[i].algorithms, server_at, NULL);
        long_term("secret");
        ask();
        sent = fake_io_take(host);
        CHECK(stun_message_decode(sent->data, &message) == STUN_FAULT_NONE);
        first = message.header.id;
        CHECK_ROW_UINT("SOFTWARE and FINGERPRINT only", message.count, 2);
        fake_io_deliver(far, server_at, own, sent->data);
        fake_io_carry(far, host);
        sent = fake_io_take(host);
        if (CHECK(sent && stun_message_decode(sent->data, &message) == STUN_FAULT_NONE)) {
            CHECK_ROW("another transaction ID", !stun_id_equal(&first, &message.header.id));
            for (size_t n = 0; rows[i].has[n]; n++)
                CHECK_ROW(stun_attribute_info(rows[i].has[n])->name, stun_message_find(&message, rows[i].has[n]));
            for (size_t n = 0; rows[i].hasnt[n]; n++)
                CHECK_ROW(stun_attribute_info(rows[i].hasnt[n])->name, !stun_message_find(&message, rows[i].hasnt[n]));
        }
        stun_client_free(client);
        client = stun_client_new(&host->io, "punchlab");
        stun_server_free(server);
        server = NULL;
    }
}

/* A 401 with a list of MD5 before SHA-256, its nonce saying that there is one ("obMatJos2" and the first of 24 bits in base 64). */
static struct span
challenge(void *buffer, size_t capacity)
{
    struct stun_header header = { STUN_ERROR, STUN_ALLOCATE, STUN_COOKIE, { { 1 } } };
    struct stun_algorithms list = { 2, { { STUN_ALGORITHM_MD5, { NULL, 0 } }, { STUN_ALGORITHM_SHA256, { NULL, 0 } } } };
    struct stun_builder builder;

    stun_builder_begin(&builder, buffer, capacity, &header);
    stun_put_error(&builder, STUN_CODE_UNAUTHENTICATED);
    stun_put_text(&builder, STUN_REALM, span_of_text("example.org"));
    stun_put_text(&builder, STUN_NONCE, span_of_text("obMatJos2gAAAnonce"));
    stun_put_algorithms(&builder, &list);
    return stun_builder_finish(&builder);
}

/* RFC 8489 section 9.2.3.2 takes the first that it knows, RFC 8656 section 6 the better one. */
static void
test_preference(void)
{
    for (unsigned prefers = 0; prefers < 2; prefers++) {
        struct stun_header header = { STUN_REQUEST, STUN_ALLOCATE, STUN_COOKIE, { { 2 } } };
        uint8_t asked[256], sent[512];
        struct stun_message message;
        struct stun_builder builder;
        struct stun_value value;

        long_term("secret");
        if (prefers)
            stun_credentials_prefer_sha256(credentials);
        CHECK(stun_message_decode(challenge(asked, sizeof asked), &message) == STUN_FAULT_NONE);
        CHECK(stun_credentials_judge(credentials, 0, &message) == STUN_TRY_AGAIN);
        stun_builder_begin(&builder, sent, sizeof sent, &header);
        stun_credentials_put(credentials, &builder);
        CHECK(stun_message_decode(stun_builder_finish(&builder), &message) == STUN_FAULT_NONE);
        CHECK(stun_message_get(&message, STUN_PASSWORD_ALGORITHM, &value) == STUN_PRESENT);
        CHECK_ROW_UINT(prefers ? "TURN" : "STUN", value.algorithm.number,
                       prefers ? STUN_ALGORITHM_SHA256 : STUN_ALGORITHM_MD5);
    }
}

/* --- somebody on the way ---------------------------------------------------------------------------------------- */

/* The oldest answer on its way, as it would be without attribute `type` (0: all stay), or under another class; with the
 * FINGERPRINT that it should have then. */
static void
deliver_without(uint16_t type, bool strip_integrity)
{
    const struct fake_datagram *sent = fake_io_take(far);
    struct stun_message message;
    struct stun_builder builder;
    uint8_t buffer[STUN_ANSWER_BYTES];

    if (!CHECK(sent && stun_message_decode(sent->data, &message) == STUN_FAULT_NONE))
        return;
    stun_builder_begin(&builder, buffer, sizeof buffer, &message.header);
    for (size_t i = 0; i < message.count; i++) {
        uint16_t own_type = message.attributes[i].type;
        bool integrity = own_type == STUN_MESSAGE_INTEGRITY || own_type == STUN_MESSAGE_INTEGRITY_SHA256;

        if (own_type != type && own_type != STUN_FINGERPRINT && !(integrity && strip_integrity))
            stun_builder_raw(&builder, own_type, stun_message_value(&message, &message.attributes[i]));
    }
    stun_put_fingerprint(&builder);
    fake_io_deliver(host, own, server_at, stun_builder_finish(&builder));
}

/* Every request's answer is spoilt; the transaction ends as its schedule says, and tells what it was (section 9.1.4). */
static void
spoil_all(uint16_t type, bool strip_integrity)
{
    for (int i = 0; i < 40 && told.calls == 0; i++) {
        while (fake_io_carry(host, far) > 0)
            deliver_without(type, strip_integrity);
        fake_io_advance(host, TIME_S);
    }
}

static void
test_bid_down(void)
{
    server = serve(STUN_MECHANISM_LONG_TERM, STUN_ALGORITHMS_ALL, server_at, NULL);
    long_term("secret");
    ask();
    spoil_all(STUN_PASSWORD_ALGORITHMS, false);
    CHECK_ROW_INT("not before its time", told.elapsed, 39500 * TIME_MS);
    check_told("the list is taken away", STUN_OUTCOME_VIOLATED, 0, 7);
}

static void
test_unprotected(void)
{
    server = serve(STUN_MECHANISM_LONG_TERM, STUN_ALGORITHMS_ALL, server_at, NULL);
    long_term("secret");
    ask();
    carry();
    check_told("learned", STUN_OUTCOME_ANSWERED, 0, 2);
    ask();
    spoil_all(0, true);
    check_told("no integrity", STUN_OUTCOME_VIOLATED, 0, 7);
    ask();
    spoil_all(STUN_XOR_MAPPED_ADDRESS, false);
    check_told("changed", STUN_OUTCOME_VIOLATED, 0, 7);
    CHECK_ROW_UINT("each that was ignored is told of", fake_io_noted(host, &stun_kind_ignored), 14);
    ask();
    fake_io_carry(host, far);
    deliver_without(STUN_SOFTWARE, true);
    CHECK_ROW_UINT("the one that is spoilt is not there", told.calls, 0);
    fake_io_advance(host, 500 * TIME_MS);
    carry();
    check_told("the next one is", STUN_OUTCOME_ANSWERED, 0, 2);
}

/* Section 9.2.5: errors of 401 and 438 may come without integrity. A 400 may not, and no response may have a nonce that
 * promises a list of algorithms without the list, not even to a request that had no credentials. */
static void
test_before_challenge(void)
{
    static const struct {
        const char *name;
        enum stun_class class;
        unsigned code;
        const char *nonce;
        enum stun_trust trust;
    } rows[] = {
        { "success", STUN_SUCCESS, 0, NULL, STUN_TRUST },
        { "success, a nonce", STUN_SUCCESS, 0, "obMatJos2AAAAnonce", STUN_TRUST },
        { "success, a nonce that promises algorithms", STUN_SUCCESS, 0, "obMatJos2gAAAnonce", STUN_DISTRUST },
        { "error 400", STUN_ERROR, 400, NULL, STUN_DISTRUST },
        { "error 420", STUN_ERROR, 420, NULL, STUN_TRUST },
        { "error 420, a nonce that promises algorithms", STUN_ERROR, 420, "obMatJos2gAAAnonce", STUN_DISTRUST },
        { "error 401, no realm", STUN_ERROR, 401, "obMatJos2AAAAnonce", STUN_DISTRUST },
    };

    long_term("secret");
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct stun_header header = { rows[i].class, STUN_BINDING, STUN_COOKIE, { { 1 } } };
        struct stun_message message;
        struct stun_builder builder;
        uint8_t buffer[256];

        stun_builder_begin(&builder, buffer, sizeof buffer, &header);
        if (rows[i].code)
            stun_put_error(&builder, rows[i].code);
        if (rows[i].nonce)
            stun_put_text(&builder, STUN_NONCE, span_of_text(rows[i].nonce));
        CHECK_ROW(rows[i].name, stun_message_decode(stun_builder_finish(&builder), &message) == STUN_FAULT_NONE);
        CHECK_ROW_INT(rows[i].name, stun_credentials_judge(credentials, 0, &message), rows[i].trust);
    }
}

/* --- the short-term mechanism ----------------------------------------------------------------------------------- */

static void
test_short_term(void)
{
    const struct fake_datagram *sent;
    struct stun_message message;

    server = serve(STUN_MECHANISM_SHORT_TERM, 0, server_at, NULL);
    credentials = stun_credentials_new_short_term(span_of_text("alice"), span_of_text("secret"));
    ask();
    carry();
    check_told("right", STUN_OUTCOME_ANSWERED, 0, 1);
    ask();
    sent = fake_io_take(host);
    if (CHECK(sent && stun_message_decode(sent->data, &message) == STUN_FAULT_NONE)) { /* section 9.1.5 */
        CHECK_ROW("what the server used", stun_message_find(&message, STUN_MESSAGE_INTEGRITY_SHA256));
        CHECK_ROW("and no more", !stun_message_find(&message, STUN_MESSAGE_INTEGRITY));
    }
    fake_io_advance(host, 500 * TIME_MS);
    carry();
    check_told("again", STUN_OUTCOME_ANSWERED, 0, 2);
    stun_credentials_free(credentials);
    credentials = stun_credentials_new_short_term(span_of_text("alice"), span_of_text("guess"));
    ask();
    for (int i = 0; i < 40; i++) {
        carry();
        fake_io_advance(host, TIME_S);
    }
    check_told("a 401 can't be protected, so it is not believed", STUN_OUTCOME_VIOLATED, 0, 7);
}

/* --- elsewhere, and later --------------------------------------------------------------------------------------- */

static void
ask_following(void)
{
    struct stun_request request = request_of();

    request.follow = true;
    stun_client_binding(client, &request);
}

/* Section 10. */
static void
test_alternate(void)
{
    server = serve(STUN_MECHANISM_LONG_TERM, STUN_ALGORITHMS_ALL, server_at, &second_at);
    second = serve(STUN_MECHANISM_LONG_TERM, STUN_ALGORITHMS_ALL, second_at, NULL);
    long_term("secret");
    ask();
    carry();
    check_told("not asked to follow", STUN_OUTCOME_REJECTED, 300, 2);
    ask_following();
    carry();
    CHECK(endpoint_equal(told.server, second_at));
    check_told("followed, and its nonce is no good there", STUN_OUTCOME_ANSWERED, 0, 3);
    stun_server_free(second);
    second = serve(STUN_MECHANISM_LONG_TERM, STUN_ALGORITHMS_ALL, second_at, &server_at);
    fake_io_advance(host, 6 * TIME_MIN);
    ask_following();
    carry();
    check_told("sent back: not within five minutes", STUN_OUTCOME_REJECTED, 300, 4);
}

/* Section 14.8: who has not proven himself is sent nowhere, and follows nobody. */
static void
test_alternate_unproven(void)
{
    server = serve(STUN_MECHANISM_NONE, 0, server_at, &second_at);
    ask_following();
    carry();
    check_told("the server", STUN_OUTCOME_REJECTED, 400, 1);
}

/* Section 10: a redirection names a server of the client's own family, so where there is none nobody is redirected. */
static void
test_alternate_family(void)
{
    struct endpoint six;

    CHECK(endpoint_parse("[2001:db8::1]:3478", &six));
    server = serve(STUN_MECHANISM_LONG_TERM, STUN_ALGORITHMS_ALL, server_at, &six);
    long_term("secret");
    ask();
    carry();
    check_told("served here", STUN_OUTCOME_ANSWERED, 0, 2);
}

static void
deliver_error(enum stun_code code)
{
    const struct fake_datagram *sent = fake_io_take(host);
    struct stun_message message;
    struct stun_builder builder;
    uint8_t buffer[128];

    if (!CHECK(sent && stun_message_decode(sent->data, &message) == STUN_FAULT_NONE))
        return;

    struct stun_header header = stun_header_respond(&message.header, STUN_ERROR);

    stun_builder_begin(&builder, buffer, sizeof buffer, &header);
    stun_put_error(&builder, code);
    if (code == STUN_CODE_TRY_ALTERNATE)
        stun_put_endpoint(&builder, STUN_ALTERNATE_SERVER, second_at);
    fake_io_deliver(host, own, server_at, stun_builder_finish(&builder));
}

static void
test_alternate_forged(void)
{
    long_term("secret");
    ask_following();
    deliver_error(STUN_CODE_TRY_ALTERNATE);
    CHECK_ROW("nothing goes there", fake_io_take(host) == NULL);
    check_told("a redirection without integrity", STUN_OUTCOME_REJECTED, 300, 1);
}

/* Section 6.3.4: at most four times more. */
static void
test_server_error(void)
{
    struct stun_request request = request_of();

    stun_client_binding(client, &request);
    deliver_error(STUN_CODE_SERVER_ERROR);
    check_told("not asked to persist", STUN_OUTCOME_REJECTED, 500, 1);
    request.persist = true;
    stun_client_binding(client, &request);
    for (int i = 0; i < 5; i++) {
        CHECK_ROW_UINT("still at it", told.calls, 0);
        deliver_error(STUN_CODE_SERVER_ERROR);
        CHECK_ROW("not at once", fake_io_waiting(host) == 0);
        fake_io_advance(host, (500 << i) * TIME_MS);
    }
    check_told("four times more", STUN_OUTCOME_REJECTED, 500, 5);
    server = serve(STUN_MECHANISM_NONE, 0, server_at, NULL);
    stun_client_binding(client, &request);
    deliver_error(STUN_CODE_SERVER_ERROR);
    fake_io_advance(host, 500 * TIME_MS);
    carry();
    check_told("it recovers", STUN_OUTCOME_ANSWERED, 0, 2);
    request.protocol = PROTOCOL_TCP;
    request.timer = STUN_TIMER_STREAM;
    stun_client_binding(client, &request);
    deliver_error(STUN_CODE_SERVER_ERROR);
    fake_io_advance(host, 500 * TIME_MS);
    carry();
    check_told("as soon over a stream, which has no retransmissions", STUN_OUTCOME_ANSWERED, 0, 2);
}

/* A server that always finds the nonce stale. */
static void
test_endless(void)
{
    unsigned asked = 0;

    server = serve(STUN_MECHANISM_LONG_TERM, STUN_ALGORITHMS_ALL, server_at, NULL);
    long_term("secret");
    ask();
    while (fake_io_carry(host, far) > 0 && asked++ < 100) {
        fake_io_advance(far, 2 * STUN_NONCE_LIFETIME);
        fake_io_carry(far, host);
    }
    check_told("comes to an end", STUN_OUTCOME_REJECTED, 438, 9);
}

/* Section 7. */
static void
test_demand_fingerprint(void)
{
    struct stun_server_options options = { .listens = 1, .listen = { server_at }, .demand_fingerprint = true };
    struct stun_request request = request_of();
    enum io_result why;

    server = stun_server_new(&far->io, &options, &why);
    stun_transaction_start(stun_transaction_new(client, STUN_BINDING, &request));
    carry();
    CHECK_ROW_UINT("the server drops what has none", stun_server_counters(server)->malformed, 1);
    stun_client_free(client);
    client = stun_client_new(&host->io, NULL);
    request.demand_fingerprint = true;
    stun_client_binding(client, &request);
    deliver_error(STUN_CODE_BAD_REQUEST);
    CHECK_ROW_UINT("and so does the client", told.calls, 0);
    fake_io_advance(host, 500 * TIME_MS);
    carry();
    check_told("the next one has it", STUN_OUTCOME_ANSWERED, 0, 2);
}

void
suite_stun_credentials(void)
{
    UNIT_SUITE("stun credentials", set_up, tear_down, { "long-term", test_long_term },
               { "attributes of a request", test_attributes }, { "which algorithm", test_preference },
               { "bid down", test_bid_down }, { "unprotected", test_unprotected },
               { "before the challenge", test_before_challenge }, { "short-term", test_short_term },
               { "another server", test_alternate }, { "another server, unproven", test_alternate_unproven },
               { "another server, another family", test_alternate_family },
               { "another server, forged", test_alternate_forged }, { "server error", test_server_error },
               { "endless", test_endless }, { "FINGERPRINT demanded", test_demand_fingerprint });
}
