/* The client transaction: RFC 8489 sections 6.2.1, 6.3.3 and 6.3.4, against a scripted network and a real server. */
#include "tests/unit/support.h"

#include "proto/stun/client.h"
#include "proto/stun/fingerprint.h"
#include "proto/stun/kinds.h"
#include "proto/stun/server.h"
#include "tests/unit/support_io.h"

/* What `done` was told, and what it does: the world of one test. */
struct told {
    unsigned calls;
    enum stun_outcome outcome;
    bool has_message, has_mapped, has_xor_mapped;
    struct endpoint mapped, xor_mapped;
    unsigned code, unknown;
    enum io_result io;
    uint8_t icmp_type, icmp_code;
    int64_t at, elapsed, rtt;
    unsigned requests;
    void (*then)(struct stun_transaction *transaction);
};

static struct fake_io *host, *far;
static struct stun_client *client;
static struct stun_server *server;
static struct io_udp *udp;
static struct endpoint own, server_at;
static struct told told;
static unsigned strangers; /* datagrams that were not the client's */
static bool icmp_ours;

static void
on_datagram(void *owner, struct io_udp *from, const struct io_datagram *datagram)
{
    (void)owner;
    if (!client || !stun_client_datagram(client, from, datagram))
        strangers++;
}

static void
on_icmp(void *owner, struct io_udp *from, const struct io_icmp *icmp)
{
    (void)owner;
    icmp_ours = stun_client_icmp(client, from, icmp);
}

static const struct io_udp_events events = { on_datagram, on_icmp };

static void
on_done(void *owner, struct stun_transaction *transaction, const struct stun_result *result)
{
    struct told *into = owner;

    into->calls++;
    into->outcome = result->outcome;
    into->has_message = result->message != NULL && result->datagram != NULL;
    into->has_mapped = result->has_mapped;
    into->has_xor_mapped = result->has_xor_mapped;
    into->mapped = result->mapped;
    into->xor_mapped = result->xor_mapped;
    into->code = result->error.code;
    into->unknown = result->unknown.count;
    into->io = result->io;
    into->icmp_type = result->icmp.type;
    into->icmp_code = result->icmp.code;
    into->at = host->now;
    into->elapsed = result->elapsed;
    into->rtt = result->rtt;
    into->requests = result->requests;
    if (into->then)
        into->then(transaction);
}

static struct stun_request
request_of(struct told *into)
{
    return (struct stun_request){ .udp = udp, .server = server_at, .done = on_done, .owner = into };
}

static struct stun_transaction *
ask(void)
{
    struct stun_request request = request_of(&told);

    return stun_client_binding(client, &request);
}

static void
set_up(void)
{
    struct stun_server_options options = STUN_SERVER_DEFAULTS;
    enum io_result why;

    host = fake_io_new("10.0.0.2");
    far = fake_io_new("198.51.100.1");
    told = (struct told){ 0 };
    strangers = 0;
    icmp_ours = false;
    CHECK(endpoint_parse("10.0.0.2:5000", &own));
    CHECK(endpoint_parse("198.51.100.1:3478", &server_at));
    udp = host->io.ops->udp(&host->io, &own, &events, NULL, &why);
    client = stun_client_new(&host->io, "punchlab");
    server = stun_server_new(&far->io, &options, &why);
    CHECK(udp && client && server);
}

static void
tear_down(void)
{
    stun_client_free(client);
    stun_server_free(server);
    udp->ops->close(udp);
    CHECK(fake_io_free(host));
    CHECK(fake_io_free(far));
}

/* The whole way with a server that answers. */
static void
test_answered(void)
{
    ask();
    CHECK_ROW_INT("on its way at once", (int64_t)fake_io_waiting(host), 1);
    CHECK(fake_io_busy(host));
    CHECK(fake_io_carry(host, far) == 1);
    fake_io_advance(host, 40 * TIME_MS);
    CHECK_ROW_INT("not called inside the call", told.calls, 0);
    CHECK(fake_io_carry(far, host) == 1);
    CHECK_ROW_INT("calls", told.calls, 1);
    CHECK_ROW_TEXT("outcome", stun_outcome_word(told.outcome), "answered");
    CHECK(told.has_message && told.has_mapped && told.has_xor_mapped);
    CHECK(endpoint_equal(told.xor_mapped, own) && endpoint_equal(told.mapped, own));
    CHECK_ROW_INT("elapsed", told.elapsed, 40 * TIME_MS);
    CHECK_ROW_INT("rtt", told.rtt, 40 * TIME_MS);
    CHECK_ROW_INT("requests", told.requests, 1);
    CHECK_ROW_INT("outstanding", (int64_t)stun_client_outstanding(client), 0);
    CHECK(!fake_io_busy(host));
    fake_io_advance(host, TIME_MIN);
    CHECK_ROW_INT("silence after", (int64_t)fake_io_waiting(host), 0);
    CHECK_ROW_INT("calls", told.calls, 1);
}

/* All requests lost: the schedule of section 6.2.1 to the nanosecond, and the same bytes each time. */
static void
test_schedule(void)
{
    static const int64_t at_ms[] = { 0, 500, 1500, 3500, 7500, 15500, 31500 };
    const struct fake_datagram *first = NULL, *sent;

    ask();
    fake_io_advance(host, 39500 * TIME_MS - 1);
    CHECK_ROW_INT("not yet", told.calls, 0);
    for (size_t i = 0; i < G_N_ELEMENTS(at_ms); i++) {
        g_autofree char *name = g_strdup_printf("request %zu", i + 1);

        sent = fake_io_take(host);
        if (!CHECK_ROW(name, sent != NULL))
            return;
        first = first ? first : sent;
        CHECK_ROW_INT(name, sent->at, at_ms[i] * TIME_MS);
        CHECK_ROW(name, endpoint_equal(sent->peer, server_at) && endpoint_equal(sent->local, own));
        CHECK_ROW_BYTES(name, sent->data, first->data);
    }
    CHECK(!fake_io_take(host));
    fake_io_advance(host, 1);
    CHECK_ROW_INT("calls", told.calls, 1);
    CHECK_ROW_TEXT("outcome", stun_outcome_word(told.outcome), "timeout");
    CHECK_ROW_INT("at", told.at, 39500 * TIME_MS);
    CHECK_ROW_INT("elapsed", told.elapsed, 39500 * TIME_MS);
    CHECK_ROW_INT("requests", told.requests, 7);
    CHECK(!told.has_message && told.rtt == -1);
}

static void
test_request_bytes(void)
{
    struct stun_message message;
    struct stun_value value;

    ask();

    const struct fake_datagram *sent = fake_io_take(host);

    if (!CHECK(sent && stun_message_decode(sent->data, &message) == STUN_FAULT_NONE))
        return;
    CHECK(message.header.class == STUN_REQUEST && message.header.method == STUN_BINDING);
    CHECK_ROW_INT("attributes", message.count, 2);
    CHECK(stun_message_get(&message, STUN_SOFTWARE, &value) == STUN_PRESENT);
    CHECK_ROW_BYTES("SOFTWARE", value.bytes, span_of_text("punchlab"));
    CHECK_ROW_INT("FINGERPRINT", stun_fingerprint_check(&message), STUN_CHECK_RIGHT);
}

/* The first `lost` requests get lost: answered all the same, but Karn forbids a sample. */
static void
test_lost(void)
{
    for (unsigned lost = 0; lost < 7; lost++) {
        g_autofree char *name = g_strdup_printf("%u lost", lost);

        told = (struct told){ 0 };
        ask();
        for (unsigned i = 0; i < lost; i++) {
            CHECK_ROW(name, fake_io_take(host) != NULL);
            fake_io_advance(host, fake_io_next(host) - host->now);
        }
        CHECK_ROW_INT(name, (int64_t)fake_io_carry(host, far), 1);
        fake_io_advance(host, 30 * TIME_MS);
        CHECK_ROW_INT(name, (int64_t)fake_io_carry(far, host), 1);
        CHECK_ROW_INT(name, told.calls, 1);
        CHECK_ROW_INT(name, told.outcome, STUN_OUTCOME_ANSWERED);
        CHECK_ROW_INT(name, told.requests, lost + 1);
        CHECK_ROW_INT(name, told.rtt, lost ? -1 : 30 * TIME_MS);
        CHECK_ROW_INT(name, told.elapsed, (500 * ((1 << lost) - 1) + 30) * TIME_MS);
    }
}

/* An answer, built by hand from the request that waits: `spoil` says how it is not what it should be. */
enum spoil {
    GOOD,
    WRONG_ID,
    WRONG_METHOD,
    WRONG_CLASS,
    WRONG_SOURCE,
    CUT,
    WRONG_FINGERPRINT,
    NO_ADDRESS,
    ONLY_MAPPED,
    BAD_ADDRESS,
    BAD_MAPPED,
    UNKNOWN_REQUIRED,
    UNKNOWN_OPTIONAL,
    UNKNOWN_IN_ERROR,
    ERROR_420,
    ERROR_WITHOUT_CODE,
    GARBAGE,
};

static void
put_answer(struct stun_builder *builder, enum spoil spoil)
{
    if (spoil == ERROR_420 || spoil == UNKNOWN_IN_ERROR)
        stun_put_error(builder, STUN_CODE_UNKNOWN_ATTRIBUTE);
    else if (spoil == BAD_ADDRESS)
        stun_builder_raw(builder, STUN_XOR_MAPPED_ADDRESS, span_of_text("abcdefgh"));
    else if (spoil != NO_ADDRESS && spoil != ONLY_MAPPED && spoil != ERROR_WITHOUT_CODE)
        stun_put_endpoint(builder, STUN_XOR_MAPPED_ADDRESS, own);
    if (spoil == ONLY_MAPPED)
        stun_put_endpoint(builder, STUN_MAPPED_ADDRESS, own);
    if (spoil == BAD_MAPPED)
        stun_builder_raw(builder, STUN_MAPPED_ADDRESS, span_of_text("ab"));
    if (spoil == UNKNOWN_REQUIRED || spoil == UNKNOWN_IN_ERROR)
        stun_builder_raw(builder, 0x7abc, span_of_text("x"));
    if (spoil == UNKNOWN_OPTIONAL)
        stun_builder_raw(builder, 0xffff, span_of_text("x"));
    if (spoil == WRONG_FINGERPRINT)
        stun_builder_raw(builder, STUN_FINGERPRINT, span_of_text("abcd"));
}

static enum stun_class
class_of(enum spoil spoil)
{
    if (spoil == WRONG_CLASS)
        return STUN_REQUEST;
    return spoil == ERROR_420 || spoil == ERROR_WITHOUT_CODE || spoil == UNKNOWN_IN_ERROR ? STUN_ERROR : STUN_SUCCESS;
}

static void
answer(struct stun_id id, enum spoil spoil)
{
    struct stun_header header = { class_of(spoil), spoil == WRONG_METHOD ? STUN_ALLOCATE : STUN_BINDING, STUN_COOKIE,
                                  id };
    struct endpoint from = server_at;
    struct stun_builder builder;
    uint8_t buffer[128];

    if (spoil == WRONG_ID)
        header.id.bytes[STUN_ID_BYTES - 1] ^= 1;
    if (spoil == WRONG_SOURCE)
        from.port++;
    stun_builder_begin(&builder, buffer, sizeof buffer, &header);
    put_answer(&builder, spoil);

    struct span bytes = stun_builder_finish(&builder);

    if (spoil == GARBAGE)
        bytes = span_of_text("hello");
    if (spoil == CUT) /* a well-formed header, and an attribute beyond the end */
        buffer[STUN_HEADER_BYTES + 3] = 0x44;
    CHECK(fake_io_deliver(host, own, from, bytes));
}

static const struct {
    const char *name;
    enum spoil spoil;
    bool stranger, goes_on; /* whether it is somebody else's; whether the transaction waits on */
    enum stun_outcome outcome;
} answers[] = {
    { "good", GOOD, false, false, STUN_OUTCOME_ANSWERED },
    { "wrong transaction ID", WRONG_ID, true, true, 0 },
    { "wrong method", WRONG_METHOD, true, true, 0 },
    { "a request", WRONG_CLASS, true, true, 0 },
    { "wrong source", WRONG_SOURCE, true, true, 0 },
    { "not STUN", GARBAGE, true, true, 0 },
    { "attribute cut", CUT, false, true, 0 },
    { "wrong FINGERPRINT", WRONG_FINGERPRINT, false, true, 0 },
    { "no address", NO_ADDRESS, false, false, STUN_OUTCOME_MALFORMED },
    { "MAPPED-ADDRESS only", ONLY_MAPPED, false, false, STUN_OUTCOME_ANSWERED },
    { "malformed XOR-MAPPED-ADDRESS", BAD_ADDRESS, false, false, STUN_OUTCOME_MALFORMED },
    { "malformed MAPPED-ADDRESS", BAD_MAPPED, false, false, STUN_OUTCOME_MALFORMED },
    { "unknown, to be understood", UNKNOWN_REQUIRED, false, false, STUN_OUTCOME_NOT_UNDERSTOOD },
    { "unknown in an error response", UNKNOWN_IN_ERROR, false, false, STUN_OUTCOME_NOT_UNDERSTOOD },
    { "unknown, optional", UNKNOWN_OPTIONAL, false, false, STUN_OUTCOME_ANSWERED },
    { "error response", ERROR_420, false, false, STUN_OUTCOME_REJECTED },
    { "error response without code", ERROR_WITHOUT_CODE, false, false, STUN_OUTCOME_MALFORMED },
};

static void
test_answers(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(answers); i++) {
        const char *name = answers[i].name;

        told = (struct told){ 0 };
        strangers = 0;

        struct stun_transaction *transaction = ask();
        struct stun_id id = stun_transaction_id(transaction);

        answer(id, answers[i].spoil);
        CHECK_ROW_INT(name, strangers, answers[i].stranger);
        CHECK_ROW_INT(name, told.calls, !answers[i].goes_on);
        CHECK_ROW_INT(name, (int64_t)stun_client_outstanding(client), answers[i].goes_on);
        if (answers[i].goes_on) { /* as if it had not come: the right one is taken still */
            answer(id, GOOD);
            CHECK_ROW_INT(name, told.calls, 1);
            CHECK_ROW_INT(name, told.outcome, STUN_OUTCOME_ANSWERED);
            continue;
        }
        CHECK_ROW_TEXT(name, stun_outcome_word(told.outcome), stun_outcome_word(answers[i].outcome));
        CHECK_ROW_INT(name, told.code, answers[i].outcome == STUN_OUTCOME_REJECTED ? 420 : 0);
        CHECK_ROW_INT(name, told.unknown, answers[i].outcome == STUN_OUTCOME_NOT_UNDERSTOOD);
    }
}

/* Answers that something on the way has changed are ignored (section 7), and the end says so; a lost answer says nothing. */
static void
test_spoilt_answers(void)
{
    struct stun_id id = stun_transaction_id(ask());

    answer(id, WRONG_FINGERPRINT);
    answer(id, WRONG_FINGERPRINT);
    CHECK_ROW_UINT("each is told of", fake_io_noted(host, &stun_kind_ignored), 2);
    fake_io_advance(host, 39500 * TIME_MS - 1);
    CHECK_ROW_INT("not before its time", told.calls, 0);
    fake_io_advance(host, 1);
    CHECK_ROW_INT("calls", told.calls, 1);
    CHECK_ROW_TEXT("outcome", stun_outcome_word(told.outcome), "fingerprint");
    CHECK(!told.has_message && told.rtt == -1);
}

/* The second of two answers, and one that comes when all is over, are nobody's. */
static void
test_late_answers(void)
{
    struct stun_id id = stun_transaction_id(ask());

    answer(id, GOOD);
    answer(id, GOOD);
    CHECK_ROW_INT("calls", told.calls, 1);
    CHECK_ROW_INT("the duplicate", strangers, 1);

    id = stun_transaction_id(ask());
    fake_io_advance(host, 39500 * TIME_MS);
    CHECK_ROW_INT("calls", told.calls, 2);
    answer(id, GOOD);
    CHECK_ROW_INT("calls", told.calls, 2);
    CHECK_ROW_INT("too late", strangers, 2);
}

/* At the last nanosecond an answer counts; the order within one instant is the order of events. */
static void
test_last_moment(void)
{
    struct stun_id id = stun_transaction_id(ask());

    fake_io_advance(host, 39500 * TIME_MS - 1);
    answer(id, GOOD);
    CHECK_ROW_INT("calls", told.calls, 1);
    CHECK_ROW_INT("outcome", told.outcome, STUN_OUTCOME_ANSWERED);
}

static void
test_any_source(void)
{
    struct stun_request request = request_of(&told);

    request.any_source = true;
    answer(stun_transaction_id(stun_client_binding(client, &request)), WRONG_SOURCE);
    CHECK_ROW_INT("calls", told.calls, 1);
    CHECK_ROW_INT("outcome", told.outcome, STUN_OUTCOME_ANSWERED);
}

static void
test_understood(void)
{
    struct stun_request request = request_of(&told);
    struct stun_header header = { STUN_SUCCESS, STUN_BINDING, STUN_COOKIE, { { 0 } } };

    for (unsigned ice = 0; ice < 2; ice++) {
        struct stun_builder builder;
        uint8_t buffer[64];

        request.understood = ice ? STUN_SET_BASE | STUN_SET_ICE : STUN_SET_BASE;
        header.id = stun_transaction_id(stun_client_binding(client, &request));
        stun_builder_begin(&builder, buffer, sizeof buffer, &header);
        stun_put_endpoint(&builder, STUN_XOR_MAPPED_ADDRESS, own);
        stun_put_number(&builder, STUN_PRIORITY, 1);
        CHECK(fake_io_deliver(host, own, server_at, stun_builder_finish(&builder)));
        CHECK_ROW_INT("outcome", told.outcome, ice ? STUN_OUTCOME_ANSWERED : STUN_OUTCOME_NOT_UNDERSTOOD);
    }
}

/* Another method, with attributes of the owner's; its success response need not have an address. */
static void
test_other_method(void)
{
    struct stun_request request = request_of(&told);

    request.local = own;

    struct stun_transaction *transaction = stun_transaction_new(client, STUN_REFRESH, &request);
    struct stun_header header = { STUN_SUCCESS, STUN_REFRESH, STUN_COOKIE, stun_transaction_id(transaction) };
    struct stun_message message;
    struct stun_builder builder;
    uint8_t buffer[64];

    CHECK_ROW_INT("nothing before the start", (int64_t)fake_io_waiting(host), 0);
    stun_put_text(stun_transaction_builder(transaction), STUN_USERNAME, span_of_text("alice"));
    stun_transaction_start(transaction);

    const struct fake_datagram *sent = fake_io_take(host);

    CHECK(sent && stun_message_decode(sent->data, &message) == STUN_FAULT_NONE);
    CHECK_ROW_INT("method", message.header.method, STUN_REFRESH);
    CHECK(endpoint_equal(sent->as_sent.local, own));
    CHECK(message.count == 1 && stun_message_find(&message, STUN_USERNAME));
    stun_builder_begin(&builder, buffer, sizeof buffer, &header);
    CHECK(fake_io_deliver(host, own, server_at, stun_builder_finish(&builder)));
    CHECK_ROW_INT("calls", told.calls, 1);
    CHECK_ROW_INT("outcome", told.outcome, STUN_OUTCOME_ANSWERED);
    CHECK(!told.has_mapped && !told.has_xor_mapped);
}

static const struct {
    const char *name;
    bool ipv6;
    uint8_t type, code;
    bool hard;
    enum io_result io;
} icmps[] = {
    { "network unreachable", false, 3, 0, false, 0 },
    { "host unreachable", false, 3, 1, false, 0 },
    { "protocol unreachable", false, 3, 2, true, IO_UNREACHABLE },
    { "port unreachable", false, 3, 3, true, IO_REFUSED },
    { "fragmentation needed", false, 3, 4, false, 0 },
    { "source route failed", false, 3, 5, false, 0 },
    { "host prohibited", false, 3, 10, true, IO_UNREACHABLE },
    { "communication prohibited", false, 3, 13, true, IO_UNREACHABLE },
    { "TTL exceeded", false, 11, 0, false, 0 },
    { "ICMPv6 no route", true, 1, 0, false, 0 },
    { "ICMPv6 prohibited", true, 1, 1, true, IO_UNREACHABLE },
    { "ICMPv6 address unreachable", true, 1, 3, false, 0 },
    { "ICMPv6 port unreachable", true, 1, 4, true, IO_REFUSED },
    { "ICMPv6 packet too big", true, 2, 0, false, 0 },
};

static void
test_icmp(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(icmps); i++) {
        const char *name = icmps[i].name;

        told = (struct told){ 0 };
        if (icmps[i].ipv6)
            CHECK(endpoint_parse("[2001:db8::1]:3478", &server_at));

        struct stun_transaction *transaction = ask();

        fake_io_advance(host, 10 * TIME_MS);
        CHECK_ROW(name, fake_io_deliver_icmp(host, own, server_at, icmps[i].type, icmps[i].code));
        CHECK_ROW(name, icmp_ours);
        CHECK_ROW_INT("not inside the call", told.calls, 0);
        fake_io_advance(host, 0);
        CHECK_ROW_INT(name, told.calls, icmps[i].hard);
        if (!icmps[i].hard) {
            stun_transaction_cancel(transaction);
            continue;
        }
        CHECK_ROW_TEXT(name, stun_outcome_word(told.outcome), "unreachable");
        CHECK_ROW_INT(name, told.io, icmps[i].io);
        CHECK_ROW_INT(name, told.icmp_type, icmps[i].type);
        CHECK_ROW_INT(name, told.icmp_code, icmps[i].code);
        CHECK_ROW_INT(name, told.elapsed, 10 * TIME_MS);
    }
}

/* About another server: not ours. */
static void
test_icmp_of_others(void)
{
    struct endpoint other = server_at;

    ask();
    other.port++;
    CHECK(fake_io_deliver_icmp(host, own, other, 3, 3));
    CHECK(!icmp_ours);
    fake_io_advance(host, 0);
    CHECK_ROW_INT("calls", told.calls, 0);
}

static void
test_host_refuses(void)
{
    static const struct {
        const char *name;
        enum io_result result;
        bool ends;
    } cases[] = {
        { "no route", IO_UNREACHABLE, true },
        { "too big", IO_TOO_BIG, true },
        { "no room now", IO_FULL, false },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        told = (struct told){ 0 };
        host->send_result = cases[i].result;
        ask();
        CHECK_ROW_INT("not inside the call", told.calls, 0);
        fake_io_advance(host, 0);
        CHECK_ROW_INT(cases[i].name, told.calls, cases[i].ends);
        host->send_result = IO_OK;
        if (!cases[i].ends) {
            fake_io_advance(host, 500 * TIME_MS);
            CHECK_ROW_INT(cases[i].name, (int64_t)fake_io_waiting(host), 1);
            continue;
        }
        CHECK_ROW_INT(cases[i].name, told.outcome, STUN_OUTCOME_UNREACHABLE);
        CHECK_ROW_INT(cases[i].name, told.io, cases[i].result);
        CHECK_ROW_INT(cases[i].name, told.icmp_type, 0);
    }
}

/* An owner who puts more into a request than there is room for hears of it like of any other end. */
static void
test_too_long(void)
{
    struct stun_request request = request_of(&told);
    struct stun_transaction *transaction = stun_transaction_new(client, STUN_BINDING, &request);
    uint8_t zeros[STUN_REQUEST_BYTES] = { 0 };

    stun_builder_raw(stun_transaction_builder(transaction), 0x8abc, span_of(zeros, sizeof zeros));
    stun_transaction_start(transaction);
    CHECK_ROW_INT("not inside the call", told.calls, 0);
    fake_io_advance(host, 0);
    CHECK_ROW_INT("calls", told.calls, 1);
    CHECK_ROW_INT("io", told.io, IO_TOO_BIG);
    CHECK_ROW_INT("sent", (int64_t)fake_io_waiting(host), 0);
}

/* Several at once, answered out of order. */
static void
test_several(void)
{
    struct told each[5] = { { 0 } };
    struct stun_id ids[5];

    for (size_t i = 0; i < G_N_ELEMENTS(each); i++) {
        struct stun_request request = request_of(&each[i]);

        ids[i] = stun_transaction_id(stun_client_binding(client, &request));
        for (size_t n = 0; n < i; n++)
            CHECK(!stun_id_equal(&ids[i], &ids[n]));
        fake_io_advance(host, 10 * TIME_MS);
    }
    CHECK_ROW_INT("outstanding", (int64_t)stun_client_outstanding(client), 5);
    for (size_t i = G_N_ELEMENTS(each); i-- > 1;) {
        answer(ids[i], GOOD);
        CHECK_ROW_INT("its own", each[i].calls, 1);
        CHECK_ROW_INT("the one before", each[i - 1].calls, 0);
        CHECK_ROW_INT("elapsed", each[i].elapsed, (int64_t)(5 - i) * 10 * TIME_MS);
    }
    fake_io_advance(host, TIME_MIN);
    CHECK_ROW_INT("the one without answer", each[0].outcome, STUN_OUTCOME_TIMEOUT);
}

static void
then_free(struct stun_transaction *transaction)
{
    (void)transaction;
    g_clear_pointer(&client, stun_client_free);
}

static void
then_cancel_itself(struct stun_transaction *transaction)
{
    stun_transaction_cancel(transaction);
}

static void
then_ask_again(struct stun_transaction *transaction)
{
    (void)transaction;
    if (told.calls < 3)
        ask();
}

/* What an owner may do in `done`, for each way in which a transaction ends. */
static void
test_in_done(void)
{
    static const struct {
        const char *name;
        void (*then)(struct stun_transaction *);
        unsigned calls, left;
    } cases[] = {
        { "frees the client", then_free, 1, 0 },
        { "cancels what has ended", then_cancel_itself, 1, 1 },
        { "asks again", then_ask_again, 1, 2 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        for (int way = 0; way < 3; way++) {
            struct told other = { 0 };
            struct stun_request request = request_of(&other);

            request.timer = (struct stun_timer_options){ TIME_MIN, 7, 16, 0 };
            told = (struct told){ .then = cases[i].then };
            stun_client_binding(client, &request);

            struct stun_id id = stun_transaction_id(ask());

            if (way == 0)
                answer(id, GOOD);
            else if (way == 1)
                CHECK(fake_io_deliver_icmp(host, own, server_at, 3, 3));
            fake_io_advance(host, way == 2 ? 39500 * TIME_MS : 0);

            bool both = way == 1 && client; /* the ICMP error was about the other's server too */

            CHECK_ROW_INT(cases[i].name, told.calls, cases[i].calls);
            CHECK_ROW_INT(cases[i].name, other.calls, way == 1);
            if (client)
                CHECK_ROW_INT(cases[i].name, (int64_t)stun_client_outstanding(client), cases[i].left - both);
            stun_client_free(client);
            CHECK_ROW(cases[i].name, !fake_io_busy(host));
            client = stun_client_new(&host->io, NULL);
        }
    }
}

static void
test_cancel(void)
{
    struct told other = { 0 };
    struct stun_request request = request_of(&other);
    struct stun_transaction *first = ask();
    struct stun_id id = stun_transaction_id(first);

    stun_transaction_new(client, STUN_BINDING, &request); /* never started: the client's to free */
    stun_client_binding(client, &request);
    stun_transaction_cancel(first);
    while (fake_io_take(host))
        continue;
    answer(id, GOOD);
    CHECK_ROW_INT("nobody's", strangers, 1);
    stun_client_free(client);
    client = NULL;
    fake_io_advance(host, TIME_MIN);
    CHECK_ROW_INT("silent on the wire", (int64_t)fake_io_waiting(host), 0);
    CHECK_ROW_INT("silent to the owner", told.calls + other.calls, 0);
}

static void
test_other_socket(void)
{
    enum io_result why;
    struct endpoint second_at = own;
    struct stun_id id = stun_transaction_id(ask());

    second_at.port++;

    struct io_udp *second = host->io.ops->udp(&host->io, &second_at, &events, NULL, &why);
    struct stun_header header = { STUN_SUCCESS, STUN_BINDING, STUN_COOKIE, id };
    struct stun_builder builder;
    uint8_t buffer[64];

    stun_builder_begin(&builder, buffer, sizeof buffer, &header);
    stun_put_endpoint(&builder, STUN_XOR_MAPPED_ADDRESS, own);
    CHECK(fake_io_deliver(host, second_at, server_at, stun_builder_finish(&builder)));
    CHECK_ROW_INT("another socket's", strangers, 1);
    CHECK(fake_io_deliver_icmp(host, second_at, server_at, 3, 3));
    CHECK(!icmp_ours);
    fake_io_advance(host, 0);
    CHECK_ROW_INT("calls", told.calls, 0);
    second->ops->close(second);
}

static void
check_said(const char *name, guint index, const char *text)
{
    g_autoptr(GString) said = g_string_new(NULL);

    if (!CHECK_ROW(name, index < host->notes->len))
        return;

    const struct record *record = &g_array_index(host->notes, struct record, index);

    record->kind->say(record, NULL, said);
    CHECK_ROW_TEXT(name, said->str, text);
}

static void
test_journal(void)
{
    ask();
    fake_io_take(host);
    fake_io_advance(host, 500 * TIME_MS);
    fake_io_carry(host, far);
    fake_io_advance(host, 43 * TIME_MS);
    fake_io_carry(far, host);
    check_said("started", 0, "STUN transaction 1: Binding request to 198.51.100.1:3478");
    check_said("retransmitted", 1, "STUN transaction 1: no answer yet, request 2 of 7 to 198.51.100.1:3478");
    check_said("answered", 2,
               "STUN transaction 1: 198.51.100.1:3478 answered after 543ms: it sees this socket as 10.0.0.2:5000");
    CHECK_ROW_INT("records", host->notes->len, 3);
    CHECK(g_array_index(host->notes, struct record, 0).packet != 0);
    CHECK(g_array_index(host->notes, struct record, 1).packet != g_array_index(host->notes, struct record, 0).packet);

    g_array_set_size(host->notes, 0);
    ask();
    fake_io_advance(host, TIME_MIN);
    check_said("timeout", 7,
               "STUN transaction 2 with 198.51.100.1:3478 failed: no answer came in time (7 requests in 39.5s)");

    g_array_set_size(host->notes, 0);
    answer(stun_transaction_id(ask()), ERROR_420);
    check_said("rejected", 1,
               "STUN transaction 3 with 198.51.100.1:3478 failed: an error response came, 420 Unknown Attribute");

    g_array_set_size(host->notes, 0);
    host->listening = false;
    ask();
    fake_io_advance(host, TIME_MIN);
    CHECK_ROW_INT("nobody listens", host->notes->len, 0);
}

static void
test_words(void)
{
    for (int outcome = 0; outcome < STUN_OUTCOME_COUNT; outcome++) {
        CHECK_ROW(stun_outcome_word(outcome), unit_is_word(stun_outcome_word(outcome)));
        CHECK_ROW(stun_outcome_word(outcome), strlen(stun_outcome_sentence(outcome)) > 0);
    }
}

void
suite_stun_client(void)
{
    UNIT_SUITE("stun client", set_up, tear_down, { "answered", test_answered }, { "schedule", test_schedule },
               { "request", test_request_bytes }, { "lost requests", test_lost }, { "answers", test_answers },
               { "spoilt answers", test_spoilt_answers },
               { "late answers", test_late_answers }, { "last moment", test_last_moment },
               { "any source", test_any_source }, { "understood", test_understood },
               { "other method", test_other_method }, { "ICMP", test_icmp }, { "ICMP of others", test_icmp_of_others },
               { "host refuses", test_host_refuses }, { "too long", test_too_long }, { "several", test_several },
               { "inside done", test_in_done }, { "cancel", test_cancel }, { "other socket", test_other_socket },
               { "journal", test_journal }, { "words", test_words });
}
