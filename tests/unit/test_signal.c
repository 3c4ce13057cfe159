/* Signalling without connections: what a request says, and the mailboxes (proto/http/signal.h, signal_desk.h). */
#include "tests/unit/support.h"

#include "proto/http/signal_desk.h"

#define NAME64 "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

/* --- requests ---------------------------------------------------------------------------------------------------- */

static const struct {
    const char *line; /* method and target */
    const char *fields;
    enum signal_reason reason;
    const char *name, *from, *type;
    struct signal_id id;
    int64_t wait;
} requests[] = {
    { "POST /peers/B/from/A", "", 0, "B", "A", "text/plain", { 0, 0 }, 0 },
    { "POST /peers/B.x/from/A-_9?id=f-1", "Content-Type: application/sdp\r\n", 0, "B.x", "A-_9", "application/sdp",
      { 15, 1 }, 0 },
    { "POST /peers/" NAME64 "/from/A", "", 0, NAME64, "A", "text/plain", { 0, 0 }, 0 },
    { "GET /peers/B/messages", "", 0, "B", NULL, NULL, { 0, 0 }, 30 },
    { "GET /peers/B/messages?wait=0&after=123456789abcdef-1234567890123456789", "", 0, "B", NULL, NULL,
      { 0x123456789abcdef, 1234567890123456789 }, 0 },
    { "GET http://h:8080/peers/B/messages?wait=60", "", 0, "B", NULL, NULL, { 0, 0 }, 60 }, /* RFC 9112 3.2.2 */
    { "GET /", "", SIGNAL_REASON_NO_SUCH, NULL, NULL, NULL, { 0, 0 }, 0 },
    { "GET *", "", SIGNAL_REASON_NO_SUCH, NULL, NULL, NULL, { 0, 0 }, 0 },
    { "GET http://h", "", SIGNAL_REASON_NO_SUCH, NULL, NULL, NULL, { 0, 0 }, 0 },
    { "GET peers/B/messages", "", SIGNAL_REASON_NO_SUCH, NULL, NULL, NULL, { 0, 0 }, 0 },
    { "GET /peers/B", "", SIGNAL_REASON_NO_SUCH, NULL, NULL, NULL, { 0, 0 }, 0 },
    { "GET /peers/B/messages/", "", SIGNAL_REASON_NO_SUCH, NULL, NULL, NULL, { 0, 0 }, 0 },
    { "POST /peers/B/from", "", SIGNAL_REASON_NO_SUCH, NULL, NULL, NULL, { 0, 0 }, 0 },
    { "POST /peer/B/from/A", "", SIGNAL_REASON_NO_SUCH, NULL, NULL, NULL, { 0, 0 }, 0 },
    { "PUT /peers/B/from/A", "", SIGNAL_REASON_METHOD, NULL, NULL, NULL, { 0, 0 }, 0 },
    { "GET /peers/B/from/A", "", SIGNAL_REASON_METHOD, NULL, NULL, NULL, { 0, 0 }, 0 },
    { "HEAD /peers/B/messages", "", SIGNAL_REASON_METHOD, NULL, NULL, NULL, { 0, 0 }, 0 },
    { "GET /peers//messages", "", SIGNAL_REASON_NAME, NULL, NULL, NULL, { 0, 0 }, 0 },
    { "GET /peers/../messages", "", SIGNAL_REASON_NAME, NULL, NULL, NULL, { 0, 0 }, 0 },
    { "GET /peers/a%41/messages", "", SIGNAL_REASON_NAME, NULL, NULL, NULL, { 0, 0 }, 0 },
    { "GET /peers/" NAME64 "x/messages", "", SIGNAL_REASON_NAME, NULL, NULL, NULL, { 0, 0 }, 0 },
    { "POST /peers/B/from/", "", SIGNAL_REASON_NAME, NULL, NULL, NULL, { 0, 0 }, 0 },
    { "POST /peers/B/from/A/C", "", SIGNAL_REASON_NAME, NULL, NULL, NULL, { 0, 0 }, 0 },
    { "POST /peers/B/from/A?id=", "", SIGNAL_REASON_ID, NULL, NULL, NULL, { 0, 0 }, 0 },
    { "POST /peers/B/from/A?id=f", "", SIGNAL_REASON_ID, NULL, NULL, NULL, { 0, 0 }, 0 },
    { "POST /peers/B/from/A?id=f-0", "", SIGNAL_REASON_ID, NULL, NULL, NULL, { 0, 0 }, 0 },
    { "POST /peers/B/from/A?id=g-1", "", SIGNAL_REASON_ID, NULL, NULL, NULL, { 0, 0 }, 0 },
    { "POST /peers/B/from/A?id=1-+1", "", SIGNAL_REASON_ID, NULL, NULL, NULL, { 0, 0 }, 0 },
    { "POST /peers/B/from/A?id=1234567890abcdef-1", "", SIGNAL_REASON_ID, NULL, NULL, NULL, { 0, 0 }, 0 },
    { "POST /peers/B/from/A?id=1-12345678901234567890", "", SIGNAL_REASON_ID, NULL, NULL, NULL, { 0, 0 }, 0 },
    { "POST /peers/B/from/A?after=1-1", "", SIGNAL_REASON_QUERY, NULL, NULL, NULL, { 0, 0 }, 0 },
    { "POST /peers/B/from/A?wait=1", "", SIGNAL_REASON_QUERY, NULL, NULL, NULL, { 0, 0 }, 0 },
    { "POST /peers/B/from/A?id=1-1&id=1-1", "", SIGNAL_REASON_QUERY, NULL, NULL, NULL, { 0, 0 }, 0 },
    { "GET /peers/B/messages?wait=61", "", SIGNAL_REASON_QUERY, NULL, NULL, NULL, { 0, 0 }, 0 },
    { "GET /peers/B/messages?wait=-1", "", SIGNAL_REASON_QUERY, NULL, NULL, NULL, { 0, 0 }, 0 },
    { "GET /peers/B/messages?&wait=1", "", SIGNAL_REASON_QUERY, NULL, NULL, NULL, { 0, 0 }, 0 },
    { "POST /peers/B/from/A", "Content-Type: a/b\r\nContent-Type: c/d\r\n", SIGNAL_REASON_TYPE, NULL, NULL, NULL,
      { 0, 0 }, 0 },
    { "POST /peers/B/from/A", "Content-Type: " NAME64 NAME64 "\r\n", SIGNAL_REASON_TYPE, NULL, NULL, NULL, { 0, 0 },
      0 },
};

static void
check_span(const char *row, struct span got, const char *expected)
{
    CHECK_ROW_BYTES(row, got, expected ? span_of_text(expected) : span_of(NULL, 0));
}

static void
test_requests(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(requests); i++) {
        const char *row = requests[i].line;
        g_autofree char *text = g_strdup_printf("%s HTTP/1.1\r\nHost: h\r\n%s\r\n", row, requests[i].fields);
        struct http_head head;
        struct signal_request request = { 0 };

        CHECK_ROW(row, http_head_decode(span_of_text(text), HTTP_REQUEST, &head) == HTTP_FAULT_NONE);
        enum signal_reason reason = signal_request_read(&head, &request);
        CHECK_ROW_TEXT(row, signal_reason_word(reason), signal_reason_word(requests[i].reason));
        if (requests[i].reason != SIGNAL_REASON_NONE || reason != SIGNAL_REASON_NONE)
            continue;
        check_span(row, request.name, requests[i].name);
        check_span(row, request.from, requests[i].from);
        check_span(row, request.type, requests[i].type);
        CHECK_ROW_INT(row, (int64_t)request.id.session, (int64_t)requests[i].id.session);
        CHECK_ROW_INT(row, (int64_t)request.id.number, (int64_t)requests[i].id.number);
        if (request.method == SIGNAL_GET)
            CHECK_ROW_INT(row, request.wait, requests[i].wait * TIME_S);
    }
}

/* What is written is read again, and looks as the header says. */
static void
test_targets(void)
{
    static const struct {
        struct signal_request request;
        const char *method, *target;
    } rows[] = {
        { { .method = SIGNAL_POST }, "POST", "/peers/B/from/A" },
        { { .method = SIGNAL_POST, .has_id = true, .id = { 0xabc, 7 } }, "POST", "/peers/B/from/A?id=abc-7" },
        { { .method = SIGNAL_GET, .wait = 5 * TIME_S }, "GET", "/peers/B/messages?wait=5" },
        { { .method = SIGNAL_GET, .has_id = true, .id = { SIGNAL_SESSION_MASK, 1 } }, "GET",
          "/peers/B/messages?after=fffffffffffffff-1&wait=0" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct signal_request request = rows[i].request, again;
        struct http_head head = { .method = span_of_text(rows[i].method) };
        uint8_t bytes[200];
        struct writer writer = writer_over(bytes, sizeof bytes);

        request.name = span_of_text("B");
        request.from = request.method == SIGNAL_POST ? span_of_text("A") : span_of(NULL, 0);
        signal_put_target(&writer, &request);
        head.target = writer_span(&writer);
        CHECK_ROW_BYTES(rows[i].target, head.target, span_of_text(rows[i].target));
        CHECK_ROW(rows[i].target, signal_request_read(&head, &again) == SIGNAL_REASON_NONE);
        CHECK_ROW(rows[i].target, again.has_id == request.has_id && again.id.session == request.id.session &&
                                      again.id.number == request.id.number);
        CHECK_ROW(rows[i].target, span_equal(again.name, request.name) && span_equal(again.from, request.from));
    }
}

static void
test_reasons(void)
{
    for (enum signal_reason reason = 0; reason < SIGNAL_REASON_COUNT; reason++) {
        const char *word = signal_reason_word(reason);
        g_autofree char *line = g_strdup_printf("%s: %s\n", word, signal_reason_sentence(reason));

        CHECK_ROW(word, unit_is_word(word));
        CHECK_ROW(word, *http_status_phrase(signal_reason_status(reason)));
        CHECK_ROW_INT(word, signal_reason_read(span_of_text(line)), reason);
    }
    CHECK(signal_reason_read(span_of_text("<html>")) == SIGNAL_REASON_NONE);
    CHECK(signal_reason_read(span_of(NULL, 0)) == SIGNAL_REASON_NONE);
}

/* --- mailboxes --------------------------------------------------------------------------------------------------- */

/* A talk with a desk, in steps between semicolons; at the start there is one peer, B, whose session is b.
 *
 *   put FROM ID TEXT = WORD    ID "-": none. WORD: taken, again, or the reason
 *   get AFTER = WORD           AFTER "-": none. WORD: the text, nothing, or the reason */
static void
talk(const char *row, struct signal_limits limits, const char *script)
{
    g_autoptr(signal_desk) desk = signal_desk_new(&limits);
    struct signal_peer *peer = signal_desk_add(desk, span_of_text("B"), 0xb, 0);
    g_auto(GStrv) steps = g_strsplit(script, "; ", -1);

    for (char **step = steps; *step; step++) {
        g_auto(GStrv) words = g_strsplit(*step, " ", -1);
        bool puts = strcmp(words[0], "put") == 0;
        const char *id = words[puts ? 2 : 1], *expected = words[puts ? 5 : 3];
        struct signal_request request = { .from = span_of_text(puts ? words[1] : ""), .type = span_of_text("a/b") };
        const struct signal_message *message = NULL;
        enum signal_reason reason;
        g_autofree char *got = NULL;
        bool again = false;

        request.has_id = *id != '-';
        CHECK_ROW(*step, !request.has_id || signal_id_read(span_of_text(id), &request.id));
        reason = puts ? signal_desk_put(desk, peer, &request, span_of_text(words[3]), &again)
                      : signal_desk_next(desk, peer, &request, &message);
        if (reason != SIGNAL_REASON_NONE)
            got = g_strdup(signal_reason_word(reason));
        else if (puts)
            got = g_strdup(again ? "again" : "taken");
        else
            got = message ? g_strndup((const char *)message->text.bytes, message->text.length) : g_strdup("nothing");
        if (strcmp(got, expected) != 0)
            CHECK_ROW_TEXT(row, *step, got);
        else
            CHECK_ROW_TEXT(row, got, expected);
    }
}

static void
test_desk(void)
{
    static const struct {
        const char *name, *script;
    } rows[] = {
        { "in order", "put A 1-1 x = taken; put C 1-1 y = taken; put A 1-2 z = taken; get - = x; get b-1 = y; "
                      "get b-2 = z; get b-3 = nothing" },
        { "an answer was lost: it comes again", "put A 1-1 x = taken; put A 1-2 y = taken; get - = x; get - = x; "
                                                "get b-1 = y; get b-1 = y; get b-2 = nothing; get b-2 = nothing" },
        { "a POST came twice", "put A 1-1 x = taken; put A 1-1 x = again; get - = x; put A 1-1 x = again; "
                               "get b-1 = nothing; put A 1-1 x = again" },
        { "an early one comes late", "put A 1-5 x = taken; put A 1-4 y = again; get - = x; get b-1 = nothing" },
        { "each session counts anew", "put A 1-1 x = taken; put A 2-1 y = taken; put A 1-1 x = again; "
                                      "put A 2-1 y = again; get - = x; get b-1 = y" },
        { "as does each sender", "put A 1-1 x = taken; put C 1-1 y = taken; put C 1-1 y = again" },
        { "without an ID each is one", "put A - x = taken; put A - x = taken; get - = x; get b-1 = x; get b-2 = nothing" },
        { "an ID of another mailbox says nothing", "put A - x = taken; get c-1 = x; get c-9 = x; get b-1 = nothing" },
        { "nor is one acknowledged that nobody saw", "get b-1 = id; put A - x = taken; get b-1 = id; get - = x; "
                                                     "put A - y = taken; get b-2 = id; get b-1 = y" },
        { "out of date", "put A - x = taken; put A - y = taken; get - = x; get b-1 = y; get b-2 = nothing; "
                         "get b-1 = superseded; get b-2 = nothing" },
        { "several at once", "put A - x = taken; put A - y = taken; get - = x; get b-1 = y; put A - z = taken; "
                             "get b-2 = z; get b-3 = nothing" },
        { "full, then not", "put A 1-1 a = taken; put A 1-2 b = taken; put A 1-3 c = taken; put A 1-4 d = mailbox-full; "
                            "put A 1-3 c = again; get - = a; put A 1-4 d = mailbox-full; get b-1 = b; "
                            "put A 1-4 d = taken; get b-3 = id; get b-2 = c; get b-3 = d" },
    };
    struct signal_limits limits = SIGNAL_LIMITS_DEFAULT;

    limits.messages = 3;
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        talk(rows[i].name, limits, rows[i].script);
    limits.bytes = 3 * sizeof(struct signal_message);
    talk("too many bytes", limits,
         "put A 1-1 0123456789 = taken; put A 1-2 0123456789 = taken; put A 1-3 0123456789 = store-full; "
         "get - = 0123456789; get b-1 = 0123456789; put A 1-3 0123456789 = taken");
}

/* Of the senders that a peer remembers the one silent longest goes first. */
static void
test_senders(void)
{
    struct signal_limits limits = SIGNAL_LIMITS_DEFAULT;

    limits.messages = 1000;

    g_autoptr(signal_desk) desk = signal_desk_new(&limits);
    struct signal_peer *peer = signal_desk_add(desk, span_of_text("B"), 1, 0);
    struct signal_request request = { .from = span_of_text("A"), .type = span_of_text("a/b"), .has_id = true };
    bool again;

    for (unsigned session = 1; session <= SIGNAL_SENDERS; session++) {
        request.id = (struct signal_id){ session, 1 };
        CHECK(signal_desk_put(desk, peer, &request, span_of_text("x"), &again) == SIGNAL_REASON_NONE && !again);
    }
    request.id = (struct signal_id){ 1, 2 }; /* the first is heard again, so the second is silent longest */
    CHECK(signal_desk_put(desk, peer, &request, span_of_text("x"), &again) == SIGNAL_REASON_NONE && !again);
    request.id = (struct signal_id){ 1000, 1 };
    CHECK(signal_desk_put(desk, peer, &request, span_of_text("x"), &again) == SIGNAL_REASON_NONE && !again);
    request.id = (struct signal_id){ 1, 2 };
    CHECK(signal_desk_put(desk, peer, &request, span_of_text("x"), &again) == SIGNAL_REASON_NONE && again);
    request.id = (struct signal_id){ 2, 1 };
    CHECK(signal_desk_put(desk, peer, &request, span_of_text("x"), &again) == SIGNAL_REASON_NONE && !again);
}

static void
test_long(void)
{
    struct signal_limits limits = SIGNAL_LIMITS_DEFAULT;
    g_autoptr(signal_desk) desk = signal_desk_new(&limits);
    struct signal_peer *peer = signal_desk_add(desk, span_of_text("B"), 1, 0);
    struct signal_request request = { .from = span_of_text("A"), .type = span_of_text("a/b") };
    const struct signal_message *message;
    g_autofree uint8_t *text = g_malloc0(SIGNAL_TEXT_MAX + 1);
    bool again;

    CHECK(signal_desk_put(desk, peer, &request, span_of(text, SIGNAL_TEXT_MAX + 1), &again) ==
          SIGNAL_REASON_TOO_LONG);
    CHECK(signal_desk_put(desk, peer, &request, span_of(text, SIGNAL_TEXT_MAX), &again) == SIGNAL_REASON_NONE);
    CHECK(signal_desk_put(desk, peer, &request, span_of(NULL, 0), &again) == SIGNAL_REASON_NONE);
    CHECK(signal_desk_bytes(desk) == SIGNAL_TEXT_MAX + 2 * sizeof *message);
    CHECK(signal_desk_next(desk, peer, &request, &message) == SIGNAL_REASON_NONE);
    CHECK_ROW_UINT("length", message->text.length, SIGNAL_TEXT_MAX);
}

static void
test_expiry(void)
{
    struct signal_limits limits = SIGNAL_LIMITS_DEFAULT;

    limits.peers = 2;

    g_autoptr(signal_desk) desk = signal_desk_new(&limits);
    struct signal_peer *b, *c;
    struct signal_request request = { .from = span_of_text("A"), .type = span_of_text("a/b") };
    int64_t next;
    bool again;

    b = signal_desk_add(desk, span_of_text("B"), 1, 0);
    c = signal_desk_add(desk, span_of_text("C"), 1, TIME_S);
    CHECK(signal_desk_add(desk, span_of_text("D"), 1, TIME_S) == NULL);
    CHECK(signal_desk_put(desk, c, &request, span_of_text("x"), &again) == SIGNAL_REASON_NONE);
    signal_desk_touch(desk, b, 2 * TIME_S);
    CHECK_ROW_UINT("too early", signal_desk_expire(desk, limits.expiry + TIME_S - 1, &next), 0);
    CHECK_ROW_INT("to the nanosecond", next, limits.expiry + TIME_S);
    b->reader = &limits;
    CHECK_ROW_UINT("C goes", signal_desk_expire(desk, limits.expiry + 2 * TIME_S, &next), 1);
    CHECK(signal_desk_find(desk, span_of_text("C")) == NULL);
    CHECK_ROW_UINT("with what waits for it", signal_desk_bytes(desk), 0);
    CHECK(signal_desk_find(desk, span_of_text("B")) == b); /* who waits is there */
    CHECK_ROW_INT("and looked at later", next, 2 * limits.expiry + 2 * TIME_S);
    b->reader = NULL;
    CHECK_ROW_UINT("B goes", signal_desk_expire(desk, next, &next), 1);
    CHECK(next == TIME_NEVER && signal_desk_peers(desk) == 0);
}

void
suite_signal(void)
{
    UNIT_SUITE("signal", NULL, NULL, { "requests", test_requests }, { "targets", test_targets },
               { "reasons", test_reasons }, { "mailboxes", test_desk }, { "senders", test_senders },
               { "long messages", test_long }, { "expiry", test_expiry });
}
