#include "tests/unit/support_io_conformance.h"

#include "core/base/journal.h"

static struct io_pair *pair;
static bool in_call; /* a call on the seam is under way: no callback may come */

void
io_conformance_begin(struct io_pair *own)
{
    pair = own;
    in_call = false;
}

void
io_conformance_end(void)
{
    pair = NULL;
}

struct io_pair *
io_conformance_pair(void)
{
    return pair;
}

/* Every call goes through one of these. */
#define CALL(expression) (in_call = true, expression, in_call = false)
#define CALL_RESULT(result, expression) (in_call = true, (result) = (expression), in_call = false)

static void
enter_callback(void)
{
    CHECK_ROW("no callback runs inside a call", !in_call);
}

static void
pass(unsigned ms)
{
    pair->run(pair, ms);
}

/* Lets everything that is under way arrive. */
static void
settle(void)
{
    if (pair->settle)
        pair->settle(pair);
    else
        pass(300);
}

static int64_t
now(void)
{
    return pair->a->ops->now(pair->a);
}

static bool
can(enum io_capability what)
{
    return (pair->can & what) != 0;
}

/* --- clock and dice --------------------------------------------------------------------------------------------- */

static void
test_clock(void)
{
    int64_t first = now(), second;

    CHECK(now() >= first);
    pass(5);
    second = now();
    CHECK(second >= first + 5 * TIME_MS);
    if (can(IO_CAN_TELL_TIME)) {
        CHECK_ROW_INT("exact", second, first + 5 * TIME_MS);
        CHECK_ROW_INT("one clock", pair->b->ops->now(pair->b), second);
    }
}

static void
test_random(void)
{
    uint8_t one[64] = { 0 }, two[64] = { 0 }, other[64] = { 0 }, guard[3] = { 1, 2, 3 };
    unsigned changed = 0;

    CALL(pair->a->ops->random(pair->a, one, sizeof one));
    CALL(pair->a->ops->random(pair->a, two, sizeof two));
    CALL(pair->b->ops->random(pair->b, other, sizeof other));
    CALL(pair->a->ops->random(pair->a, guard + 1, 1));
    CALL(pair->a->ops->random(pair->a, guard + 1, 0));
    CHECK(memcmp(one, two, sizeof one) != 0);
    CHECK(memcmp(one, other, sizeof one) != 0);
    CHECK(guard[0] == 1 && guard[2] == 3);
    for (size_t i = 0; i < sizeof one; i++)
        changed += one[i] != 0 || two[i] != 0 || other[i] != 0;
    CHECK_ROW_UINT("every byte is drawn", changed, sizeof one); /* fails once in 2^18 for true dice */
}

/* Small draws, as IDs and nonces are, and a large one: no word comes twice, whatever is kept in stock. */
static void
test_random_stock(void)
{
    enum { DRAWS = 400, LARGE = 512 };
    uint64_t words[DRAWS + LARGE] = { 0 };
    g_autoptr(GHashTable) seen = g_hash_table_new(g_int64_hash, g_int64_equal);

    for (unsigned i = 0; i < DRAWS; i++)
        CALL(pair->a->ops->random(pair->a, &words[i], sizeof words[i]));
    CALL(pair->a->ops->random(pair->a, &words[DRAWS], LARGE * sizeof words[0]));
    for (unsigned i = 0; i < DRAWS + LARGE; i++)
        g_hash_table_add(seen, &words[i]);
    CHECK_ROW_UINT("all differ", g_hash_table_size(seen), DRAWS + LARGE);
}

/* --- timers ----------------------------------------------------------------------------------------------------- */

struct alarm {
    struct io_timer timer;
    struct io *io;
    unsigned fired;
    int64_t at; /* when it fired last */
    void (*then)(struct alarm *alarm);
    struct alarm *other;
    GString *log;
    char name;
};

static void
alarm_fire(void *owner, struct io_timer *timer)
{
    struct alarm *alarm = owner;

    enter_callback();
    CHECK(timer == &alarm->timer);
    alarm->fired++;
    alarm->at = alarm->io->ops->now(alarm->io);
    if (alarm->log)
        g_string_append_c(alarm->log, alarm->name);
    if (alarm->then)
        alarm->then(alarm);
}

static void
alarm_init(struct alarm *alarm, struct io *io)
{
    *alarm = (struct alarm){ .timer = { .fire = alarm_fire, .owner = alarm }, .io = io };
}

static void
arm(struct alarm *alarm, int64_t at)
{
    CALL(alarm->io->ops->arm(alarm->io, &alarm->timer, at, true));
}

static void
disarm(struct alarm *alarm)
{
    CALL(alarm->io->ops->disarm(alarm->io, &alarm->timer));
}

static void
test_timer(void)
{
    struct alarm alarm;
    int64_t begin = now();

    alarm_init(&alarm, pair->a);
    disarm(&alarm); /* never armed: to no effect */
    arm(&alarm, begin + 20 * TIME_MS);
    CHECK_ROW_INT("tells when", alarm.timer.at, begin + 20 * TIME_MS);
    pass(10);
    if (can(IO_CAN_TELL_TIME))
        CHECK_ROW_UINT("not before", alarm.fired, 0);
    pass(15);
    CHECK_ROW_UINT("fired", alarm.fired, 1);
    CHECK(alarm.at >= begin + 20 * TIME_MS);
    if (can(IO_CAN_TELL_TIME))
        CHECK_ROW_INT("to the nanosecond", alarm.at, begin + 20 * TIME_MS);
    pass(50);
    CHECK_ROW_UINT("once", alarm.fired, 1);
    disarm(&alarm); /* fired already */
    arm(&alarm, now() + TIME_MS);
    pass(10);
    CHECK_ROW_UINT("used again", alarm.fired, 2);
}

static void
test_timer_past(void)
{
    static const struct {
        const char *name;
        int64_t ago;
    } rows[] = { { "now", 0 }, { "just past", 1 }, { "long past", TIME_S }, { "before time began", INT64_MAX / 2 } };

    pass(2);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct alarm alarm;

        alarm_init(&alarm, pair->a);
        arm(&alarm, now() - rows[i].ago);
        CHECK_ROW_UINT(rows[i].name, alarm.fired, 0); /* never in the call */
        pass(1);
        CHECK_ROW_UINT(rows[i].name, alarm.fired, 1);
        disarm(&alarm);
    }
}

static void
test_timer_moved(void)
{
    struct alarm later, sooner, dropped;
    int64_t begin = now();

    alarm_init(&later, pair->a);
    alarm_init(&sooner, pair->a);
    alarm_init(&dropped, pair->a);
    arm(&later, begin + 10 * TIME_MS);
    arm(&sooner, begin + 1000 * TIME_MS);
    arm(&dropped, begin + 10 * TIME_MS);
    arm(&later, begin + 60 * TIME_MS);
    arm(&sooner, begin + 20 * TIME_MS);
    disarm(&dropped);
    disarm(&dropped);
    pass(40);
    CHECK_ROW_UINT("moved to sooner", sooner.fired, 1);
    if (can(IO_CAN_TELL_TIME))
        CHECK_ROW_UINT("moved to later", later.fired, 0);
    pass(40);
    CHECK_ROW_UINT("moved to later", later.fired, 1);
    CHECK(later.at >= begin + 60 * TIME_MS);
    CHECK_ROW_UINT("disarmed", dropped.fired, 0);
}

/* In order of time, and of arming within one instant: an alarm that is moved counts as armed then. */
static void
test_timer_order(void)
{
    struct alarm alarms[6];
    g_autoptr(GString) log = g_string_new(NULL);
    static const int64_t at_ms[6] = { 30, 10, 20, 10, 20, 10 };
    int64_t begin = now();

    for (int i = 0; i < 6; i++) {
        alarm_init(&alarms[i], pair->a);
        alarms[i].log = log;
        alarms[i].name = (char)('a' + i);
        arm(&alarms[i], begin + at_ms[i] * TIME_MS);
    }
    arm(&alarms[1], begin + 10 * TIME_MS);
    pass(100);
    CHECK_ROW_TEXT("order", log->str, "dfbcea");
}

static void
rearm_thrice(struct alarm *alarm)
{
    if (alarm->fired < 4)
        arm(alarm, alarm->at + 5 * TIME_MS);
}

static void
disarm_other(struct alarm *alarm)
{
    disarm(alarm->other);
}

static void
move_other(struct alarm *alarm)
{
    arm(alarm->other, alarm->at + 20 * TIME_MS);
}

static void
free_own(struct alarm *alarm)
{
    g_free(alarm);
}

static void
test_timer_in_fire(void)
{
    struct alarm again, stopper, stopped, mover, moved, *freed = g_new(struct alarm, 1);
    int64_t begin = now();

    alarm_init(&again, pair->a);
    again.then = rearm_thrice;
    arm(&again, begin + 5 * TIME_MS);
    alarm_init(&stopper, pair->a);
    alarm_init(&stopped, pair->a);
    stopper.then = disarm_other;
    stopper.other = &stopped;
    arm(&stopper, begin + 10 * TIME_MS);
    arm(&stopped, begin + 10 * TIME_MS); /* due at the same instant */
    alarm_init(&mover, pair->a);
    alarm_init(&moved, pair->a);
    mover.then = move_other;
    mover.other = &moved;
    arm(&mover, begin + 10 * TIME_MS);
    arm(&moved, begin + 10 * TIME_MS);
    alarm_init(freed, pair->a);
    freed->then = free_own;
    arm(freed, begin + 10 * TIME_MS);
    pass(100);
    CHECK_ROW_UINT("armed again in its own fire", again.fired, 4);
    CHECK_ROW_UINT("disarmed by another", stopped.fired, 0);
    CHECK_ROW_UINT("moved by another", moved.fired, 1);
    CHECK(moved.at >= begin + 30 * TIME_MS);
}

/* Busy timers are counted while they are armed; idle ones never. */
static void
test_timer_busy(void)
{
    struct alarm one, two;
    uint64_t before;

    if (!pair->busy)
        return;
    before = pair->busy(pair);
    alarm_init(&one, pair->a);
    alarm_init(&two, pair->b);
    CALL(one.io->ops->arm(one.io, &one.timer, now() + 10 * TIME_MS, true));
    CALL(two.io->ops->arm(two.io, &two.timer, now() + 10 * TIME_MS, false));
    CHECK_ROW_UINT("one busy, one idle", pair->busy(pair) - before, 1);
    CALL(two.io->ops->arm(two.io, &two.timer, now() + 10 * TIME_MS, true));
    CHECK_ROW_UINT("idle becomes busy", pair->busy(pair) - before, 2);
    CALL(one.io->ops->arm(one.io, &one.timer, now() + 20 * TIME_MS, true));
    CHECK_ROW_UINT("moved", pair->busy(pair) - before, 2);
    CALL(one.io->ops->arm(one.io, &one.timer, now() + 20 * TIME_MS, false));
    CHECK_ROW_UINT("busy becomes idle", pair->busy(pair) - before, 1);
    pass(15);
    CHECK_ROW_UINT("fired", pair->busy(pair) - before, 0);
    disarm(&two);
    arm(&one, now() + TIME_MS);
    disarm(&one);
    CHECK_ROW_UINT("disarmed", pair->busy(pair) - before, 0);
    CHECK_ROW_UINT("idle ones fire too", one.fired + two.fired, 1);
}

/* --- datagrams -------------------------------------------------------------------------------------------------- */

struct sock {
    struct io *io;
    struct io_udp *udp;
    GPtrArray *texts; /* char *, in order of arrival */
    GArray *headers;  /* struct io_datagram, without data */
    GArray *errors;   /* struct io_icmp */
    void (*then)(struct sock *sock, const struct io_datagram *datagram);
    void (*then_error)(struct sock *sock);
    struct sock *other;
};

static void
sock_datagram(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    struct sock *sock = owner;

    enter_callback();
    CHECK(udp == sock->udp);
    g_ptr_array_add(sock->texts, g_strndup((const char *)datagram->data.bytes, datagram->data.length));
    g_array_append_vals(sock->headers, datagram, 1);
    if (sock->then)
        sock->then(sock, datagram);
}

static void
sock_icmp(void *owner, struct io_udp *udp, const struct io_icmp *icmp)
{
    struct sock *sock = owner;

    enter_callback();
    CHECK(udp == sock->udp);
    g_array_append_vals(sock->errors, icmp, 1);
    if (sock->then_error)
        sock->then_error(sock);
}

static enum io_result
sock_open(struct sock *sock, struct io *io, struct address address, uint16_t port)
{
    static const struct io_udp_events events = { sock_datagram, sock_icmp };
    struct endpoint local = { address, port };
    enum io_result why = IO_OK;

    if (!sock->texts) {
        sock->texts = g_ptr_array_new_with_free_func(g_free);
        sock->headers = g_array_new(FALSE, FALSE, sizeof(struct io_datagram));
        sock->errors = g_array_new(FALSE, FALSE, sizeof(struct io_icmp));
    }
    sock->io = io;
    CALL_RESULT(sock->udp, io->ops->udp(io, &local, &events, sock, &why));
    CHECK(sock->udp || why != IO_OK); /* a failure has a reason */
    return sock->udp ? IO_OK : why;
}

static void
sock_close(struct sock *sock)
{
    struct io_udp *udp = sock->udp;

    sock->udp = NULL;
    if (udp)
        CALL(udp->ops->close(udp));
}

static void
sock_end(struct sock *sock)
{
    sock_close(sock);
    if (!sock->texts)
        return;
    g_ptr_array_free(sock->texts, TRUE);
    g_array_free(sock->headers, TRUE);
    g_array_free(sock->errors, TRUE);
    sock->texts = NULL;
}

static struct endpoint
sock_local(const struct sock *sock)
{
    return sock->udp->ops->local(sock->udp);
}

/* Where others reach this socket: its address may be any. */
static struct endpoint
sock_at(const struct sock *sock)
{
    return (struct endpoint){ sock->io == pair->a ? pair->a_address : pair->b_address, sock_local(sock).port };
}

/* Sends `text` from a buffer that is overwritten at once: what is handed over is borrowed for the call only. */
static enum io_result
sock_send(struct sock *sock, struct endpoint peer, const char *text)
{
    size_t length = strlen(text);
    g_autofree char *buffer = g_strdup(text);
    struct io_datagram datagram = IO_DATAGRAM_TO(peer, span_of(buffer, length));
    enum io_result result;

    CALL_RESULT(result, sock->udp->ops->send(sock->udp, &datagram));
    memset(buffer, '#', length);
    return result;
}

static unsigned
sock_got(const struct sock *sock)
{
    return sock->texts->len;
}

static const char *
sock_text(const struct sock *sock, unsigned n)
{
    return n < sock->texts->len ? sock->texts->pdata[n] : NULL;
}

static const struct io_datagram *
sock_header(const struct sock *sock, unsigned n)
{
    return &g_array_index(sock->headers, struct io_datagram, n);
}

/* Two sockets on ports of their own, of any address. */
static bool
open_both(struct sock *a, struct sock *b)
{
    *a = *b = (struct sock){ 0 };
    return CHECK(sock_open(a, pair->a, ADDRESS_NONE, 0) == IO_OK) &&
           CHECK(sock_open(b, pair->b, ADDRESS_NONE, 0) == IO_OK);
}

static void
test_datagram(void)
{
    struct sock a, b;

    if (open_both(&a, &b)) {
        CHECK(sock_local(&a).port != 0 && sock_local(&b).port != 0);
        CHECK(address_is_unspecified(sock_local(&a).address));
        CHECK(sock_send(&a, sock_at(&b), "hello") == IO_OK);
        CHECK_ROW_UINT("not in the call", sock_got(&b), 0);
        settle();
        CHECK_ROW_TEXT("arrived", sock_text(&b, 0), "hello");
        if (sock_got(&b) == 1) {
            const struct io_datagram *header = sock_header(&b, 0);

            CHECK_ROW("peer", endpoint_equal(header->peer, sock_at(&a)));
            CHECK_ROW("local", endpoint_equal(header->local, sock_at(&b)));
            CHECK(sock_send(&b, header->peer, "and back") == IO_OK);
        }
        CHECK(sock_send(&b, sock_at(&a), "") == IO_OK);
        settle();
        CHECK_ROW_UINT("both", sock_got(&a), 2);
        CHECK_ROW_TEXT("back", sock_text(&a, 0), "and back");
        CHECK_ROW_TEXT("empty", sock_text(&a, 1), "");
        CHECK_ROW_UINT("no more", sock_got(&b), 1);
    }
    sock_end(&a);
    sock_end(&b);
}

/* To itself, to another socket of the same host: later, like all else. */
static void
test_datagram_to_self(void)
{
    struct sock a = { 0 }, other = { 0 };

    CHECK(sock_open(&a, pair->a, pair->a_address, 0) == IO_OK);
    CHECK(sock_open(&other, pair->a, ADDRESS_NONE, 0) == IO_OK);
    if (a.udp && other.udp) {
        CHECK_ROW("local", endpoint_equal(sock_local(&a), sock_at(&a)));
        CHECK(sock_send(&a, sock_at(&a), "to myself") == IO_OK);
        CHECK(sock_send(&a, sock_at(&other), "to my neighbour") == IO_OK);
        CHECK_ROW_UINT("not in the call", sock_got(&a) + sock_got(&other), 0);
        settle();
        CHECK_ROW_TEXT("to myself", sock_text(&a, 0), "to myself");
        CHECK_ROW_TEXT("to my neighbour", sock_text(&other, 0), "to my neighbour");
        if (sock_got(&other) == 1)
            CHECK(endpoint_equal(sock_header(&other, 0)->peer, sock_at(&a)));
    }
    sock_end(&a);
    sock_end(&other);
}

static void
test_datagram_order(void)
{
    struct sock a, b;
    unsigned wrong = 0;

    if (open_both(&a, &b) && can(IO_CAN_KEEP_ORDER)) {
        for (unsigned i = 0; i < 50; i++) {
            g_autofree char *text = g_strdup_printf("%u", i);

            CHECK(sock_send(&a, sock_at(&b), text) == IO_OK);
        }
        settle();
        CHECK_ROW_UINT("all", sock_got(&b), 50);
        for (unsigned i = 0; i < sock_got(&b); i++)
            wrong += strtoul(sock_text(&b, i), NULL, 10) != i;
        CHECK_ROW_UINT("in order", wrong, 0);
    }
    sock_end(&a);
    sock_end(&b);
}

/* --- what it says ----------------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    int16_t ttl, dscp, ecn, df; /* IO_UNSET: the host's default */
} marks[] = {
    { "defaults", IO_UNSET, IO_UNSET, IO_UNSET, IO_UNSET },
    { "TTL", 42, IO_UNSET, IO_UNSET, IO_UNSET },
    { "DSCP", IO_UNSET, 46, IO_UNSET, IO_UNSET },
    { "ECN", IO_UNSET, IO_UNSET, 2, IO_UNSET },
    { "DF", IO_UNSET, IO_UNSET, IO_UNSET, 1 },
    { "no DF", IO_UNSET, IO_UNSET, IO_UNSET, 0 },
    { "defaults again", IO_UNSET, IO_UNSET, IO_UNSET, IO_UNSET }, /* nothing sticks to the socket */
};

/* As asked for; where nothing was asked any sensible default; or the machine can't tell. */
static void
check_mark(const char *row, const char *what, int16_t sent, int16_t got, int16_t most)
{
    g_autofree char *name = g_strdup_printf("%s: %s", row, what);

    if (!can(most == 1 ? IO_CAN_TELL_DF : IO_CAN_MARK))
        CHECK_ROW(name, got == IO_UNSET || (got >= 0 && got <= most));
    else if (sent == IO_UNSET)
        CHECK_ROW(name, got >= 0 && got <= most);
    else
        CHECK_ROW_INT(name, got, sent);
}

static void
test_marks(void)
{
    struct sock a, b;
    struct io_datagram first = { 0 };

    for (unsigned i = 0; open_both(&a, &b) && i < G_N_ELEMENTS(marks); i++) {
        struct io_datagram datagram = IO_DATAGRAM_TO(sock_at(&b), span_of_text("marked"));
        const struct io_datagram *header;
        enum io_result result;

        datagram.ttl = marks[i].ttl;
        datagram.dscp = marks[i].dscp;
        datagram.ecn = marks[i].ecn;
        datagram.dont_fragment = marks[i].df;
        CALL_RESULT(result, a.udp->ops->send(a.udp, &datagram));
        CHECK_ROW(marks[i].name, result == IO_OK);
        settle();
        if (CHECK_ROW(marks[i].name, sock_got(&b) == 1)) {
            header = sock_header(&b, 0);
            check_mark(marks[i].name, "TTL", marks[i].ttl, header->ttl, 255);
            check_mark(marks[i].name, "DSCP", marks[i].dscp, header->dscp, 63);
            check_mark(marks[i].name, "ECN", marks[i].ecn, header->ecn, 3);
            check_mark(marks[i].name, "DF", marks[i].df, header->dont_fragment, 1);
            if (i == 0)
                first = *header;
            else if (marks[i].ttl == IO_UNSET) /* the default is one */
                CHECK_ROW_INT(marks[i].name, header->ttl, first.ttl);
        }
        sock_end(&a);
        sock_end(&b);
    }
    sock_end(&a);
    sock_end(&b);
}

/* A `local` address asked for stands in the packet; one that is not the host's is refused. */
static void
test_local(void)
{
    struct sock a, b;

    if (open_both(&a, &b)) {
        struct io_datagram datagram = IO_DATAGRAM_TO(sock_at(&b), span_of_text("from here"));
        enum io_result result;

        datagram.local.address = pair->a_address;
        CALL_RESULT(result, a.udp->ops->send(a.udp, &datagram));
        CHECK_ROW_TEXT("own", io_result_word(result), "ok");
        datagram.local.address = pair->no_address;
        CALL_RESULT(result, a.udp->ops->send(a.udp, &datagram));
        CHECK_ROW_TEXT("not own", io_result_word(result), "no-address");
        settle();
        CHECK_ROW_UINT("one arrived", sock_got(&b), 1);
        CHECK_ROW_UINT("one answer, never two", a.errors->len, 0);
        if (sock_got(&b) == 1)
            CHECK(endpoint_equal(sock_header(&b, 0)->peer, sock_at(&a)));
    }
    sock_end(&a);
    sock_end(&b);
}

static void
test_too_big(void)
{
    g_autofree uint8_t *bytes = g_malloc0(70000);
    size_t most = address_is_ipv4(pair->b_address) ? 65507 : 65527;
    struct sock a, b;

    if (open_both(&a, &b)) {
        struct io_datagram datagram = IO_DATAGRAM_TO(sock_at(&b), span_of(bytes, most + 1));
        enum io_result result;

        CALL_RESULT(result, a.udp->ops->send(a.udp, &datagram)); /* one byte more than IP can carry */
        CHECK_ROW_TEXT("one more", io_result_word(result), "too-big");
        datagram.data.length = 70000;
        CALL_RESULT(result, a.udp->ops->send(a.udp, &datagram));
        CHECK_ROW_TEXT("70000", io_result_word(result), "too-big");
        datagram.data.length = most;
        CALL_RESULT(result, a.udp->ops->send(a.udp, &datagram));
        CHECK_ROW_TEXT("as many as can be", io_result_word(result), "ok");
        settle();
        CHECK_ROW_UINT("one answer, never two", a.errors->len, 0);
        if (can(IO_CAN_KEEP_ORDER))
            CHECK_ROW_UINT("the one that fits", sock_got(&b), 1);
    }
    sock_end(&a);
    sock_end(&b);
}

static const struct record *noted;

static void
hear_note(struct io *io, struct record *record)
{
    CHECK(io == pair->a);
    noted = record;
}

/* What a datagram tells is noted when it goes, and not when it is refused. */
static void
test_told(void)
{
    g_autofree uint8_t *bytes = g_malloc0(70000);
    const struct io_ops *ops = pair->a->ops;
    struct io_ops hearing = *ops;
    struct record record = { .at = 0 };
    struct sock a, b;

    hearing.note = hear_note;
    pair->a->ops = &hearing;
    if (open_both(&a, &b)) {
        struct io_datagram datagram = IO_DATAGRAM_TO(sock_at(&b), span_of(bytes, 70000));
        enum io_result result;

        noted = NULL;
        datagram.told = &record;
        CALL_RESULT(result, a.udp->ops->send(a.udp, &datagram));
        CHECK_ROW_TEXT("refused", io_result_word(result), "too-big");
        CHECK_ROW("not told", noted == NULL);
        datagram.data.length = 10;
        CALL_RESULT(result, a.udp->ops->send(a.udp, &datagram));
        CHECK_ROW_TEXT("sent", io_result_word(result), "ok");
        CHECK_ROW("told", noted == &record);
        noted = NULL;
        datagram.told = NULL;
        CALL_RESULT(result, a.udp->ops->send(a.udp, &datagram));
        CHECK_ROW("nothing to tell", noted == NULL);
        settle();
    }
    pair->a->ops = ops;
    sock_end(&a);
    sock_end(&b);
}

/* --- opening and closing ---------------------------------------------------------------------------------------- */

static void
test_ports(void)
{
    struct sock one = { 0 }, two = { 0 }, three = { 0 };
    uint16_t port;

    CHECK(sock_open(&one, pair->a, ADDRESS_NONE, 0) == IO_OK);
    CHECK(sock_open(&two, pair->a, ADDRESS_NONE, 0) == IO_OK);
    port = sock_local(&one).port;
    CHECK(port != sock_local(&two).port);
    CHECK_ROW_TEXT("the same port", io_result_word(sock_open(&three, pair->a, ADDRESS_NONE, port)), "in-use");
    CHECK_ROW_TEXT("of one address", io_result_word(sock_open(&three, pair->a, pair->a_address, port)), "in-use");
    CHECK_ROW_TEXT("not this host's", io_result_word(sock_open(&three, pair->a, pair->no_address, 0)), "no-address");
    CHECK_ROW_TEXT("not this host's", io_result_word(sock_open(&three, pair->a, pair->no_address, port)), "no-address");
    sock_close(&one);
    CHECK_ROW_TEXT("free again", io_result_word(sock_open(&three, pair->a, ADDRESS_NONE, port)), "ok");
    if (three.udp)
        CHECK_ROW_UINT("the port asked for", sock_local(&three).port, port);
    sock_close(&three);
    CHECK_ROW_TEXT("the unspecified address is any", io_result_word(sock_open(&three, pair->a, address_ipv4(0), port)),
                   "ok");
    sock_end(&one);
    sock_end(&two);
    sock_end(&three);
}

/* Datagrams on their way to a socket that is closed meanwhile; a new one on the same port is another socket. */
static void
test_close(void)
{
    struct sock a, b;
    uint16_t port;

    if (open_both(&a, &b)) {
        struct endpoint to = sock_at(&b);

        port = to.port;
        CHECK(sock_send(&a, to, "too late") == IO_OK);
        CHECK(sock_send(&b, to, "too late as well") == IO_OK);
        sock_close(&b);
        settle();
        CHECK_ROW_UINT("nothing after close", sock_got(&b), 0);
        CHECK(sock_open(&b, pair->b, ADDRESS_NONE, port) == IO_OK);
        CHECK(sock_send(&a, to, "again") == IO_OK);
        settle();
        CHECK_ROW_UINT("one", sock_got(&b), 1);
        CHECK_ROW_TEXT("again", sock_text(&b, 0), "again");
    }
    sock_end(&a);
    sock_end(&b);
}

static void
close_own(struct sock *sock, const struct io_datagram *datagram)
{
    (void)datagram;
    sock_close(sock);
}

static void
close_other(struct sock *sock, const struct io_datagram *datagram)
{
    (void)datagram;
    sock_close(sock->other);
}

static void
free_owner(struct sock *sock, const struct io_datagram *datagram)
{
    (void)datagram;
    sock_end(sock);
    g_free(sock);
}

static void
reply(struct sock *sock, const struct io_datagram *datagram)
{
    g_autofree char *text = g_strndup((const char *)datagram->data.bytes, datagram->data.length);

    if (datagram->data.length < 5) {
        g_autofree char *longer = g_strconcat(text, "x", NULL);

        CHECK(sock_send(sock, datagram->peer, longer) == IO_OK);
    }
}

/* In a callback anything may be closed and freed, and sent. */
static void
test_in_callback(void)
{
    struct sock a, b, c = { 0 }, *freed = g_new0(struct sock, 1);

    CHECK(sock_open(freed, pair->b, ADDRESS_NONE, 0) == IO_OK);
    CHECK(sock_open(&c, pair->b, ADDRESS_NONE, 0) == IO_OK);
    if (open_both(&a, &b) && c.udp && freed->udp) {
        freed->then = free_owner;
        CHECK(sock_send(&a, sock_at(freed), "one") == IO_OK);
        CHECK(sock_send(&a, sock_at(freed), "two") == IO_OK);
        settle();
        a.then = b.then = reply;
        CHECK(sock_send(&a, sock_at(&b), "x") == IO_OK);
        settle();
        CHECK_ROW_UINT("to and fro", sock_got(&a) + sock_got(&b), 5);
        b.then = close_other;
        b.other = &c;
        CHECK(sock_send(&a, sock_at(&b), "close c") == IO_OK);
        settle();
        CHECK(c.udp == NULL);
        b.then = close_own;
        CHECK(sock_send(&a, sock_at(&b), "close yourself") == IO_OK);
        CHECK(sock_send(&a, sock_at(&b), "unheard") == IO_OK);
        settle();
        CHECK_ROW_UINT("nothing after close", sock_got(&b), 3 + 2);
    }
    sock_end(&a);
    sock_end(&b);
    sock_end(&c);
}

/* --- ICMP ------------------------------------------------------------------------------------------------------- */

static void
close_on_error(struct sock *sock)
{
    sock_close(sock);
}

/* RFC 1122 section 4.1.3.3: an ICMP error reaches the socket that caused it. */
static void
test_refused(void)
{
    struct sock a, b, other = { 0 };

    CHECK(sock_open(&other, pair->a, ADDRESS_NONE, 0) == IO_OK);
    if (open_both(&a, &b)) {
        struct endpoint nobody = sock_at(&b);

        sock_close(&b);
        CHECK(sock_send(&a, nobody, "anybody?") == IO_OK);
        CHECK_ROW_UINT("not in the call", a.errors->len, 0);
        settle();
        if (CHECK_ROW_UINT("told once", a.errors->len, 1)) {
            const struct io_icmp *icmp = &g_array_index(a.errors, struct io_icmp, 0);

            CHECK_ROW("peer", endpoint_equal(icmp->peer, nobody));
            CHECK_ROW_UINT("local port", icmp->local.port, sock_local(&a).port);
            CHECK_ROW("from", address_equal(icmp->from, pair->b_address));
            CHECK_ROW_UINT("destination unreachable", icmp->type, address_is_ipv4(nobody.address) ? 3 : 1);
            CHECK_ROW_UINT("port", icmp->code, address_is_ipv4(nobody.address) ? 3 : 4);
        }
        CHECK_ROW_UINT("nobody else", other.errors->len, 0);
        /* the socket goes on */
        CHECK(sock_open(&b, pair->b, ADDRESS_NONE, nobody.port) == IO_OK);
        CHECK(sock_send(&a, nobody, "now") == IO_OK);
        settle();
        CHECK_ROW_TEXT("now", sock_text(&b, 0), "now");
        /* and may be closed when it is told */
        sock_close(&b);
        a.then_error = close_on_error;
        CHECK(sock_send(&a, nobody, "one") == IO_OK);
        settle();
        CHECK_ROW_UINT("told", a.errors->len, 2);
    }
    sock_end(&a);
    sock_end(&b);
    sock_end(&other);
}

/* Who doesn't want errors says so with NULL, and lives. */
static void
test_refused_unheard(void)
{
    static const struct io_udp_events deaf = { sock_datagram, NULL };
    struct sock a, b;
    struct io_udp *udp;
    enum io_result why = IO_OK, result;

    if (open_both(&a, &b)) {
        struct io_datagram datagram = IO_DATAGRAM_TO(sock_at(&b), span_of_text("anybody?"));

        sock_close(&b);
        CALL_RESULT(udp, pair->a->ops->udp(pair->a, &(struct endpoint){ ADDRESS_NONE, 0 }, &deaf, &a, &why));
        if (CHECK(udp != NULL)) {
            CALL_RESULT(result, udp->ops->send(udp, &datagram));
            CHECK(result == IO_OK);
            settle();
            CALL(udp->ops->close(udp));
        }
        CHECK_ROW_UINT("nobody else either", a.errors->len, 0);
    }
    sock_end(&a);
    sock_end(&b);
}

/* --- groups ----------------------------------------------------------------------------------------------------- */

static void
test_join(void)
{
    struct sock a, b;
    enum io_result result;

    if (open_both(&a, &b)) {
        CALL_RESULT(result, b.udp->ops->join(b.udp, &pair->a_address, 0));
        CHECK_ROW("no group", result != IO_OK);
        if (can(IO_CAN_MULTICAST)) {
            struct endpoint to = { pair->group, sock_local(&b).port };

            CHECK(sock_send(&a, to, "before") == IO_OK);
            settle();
            CHECK_ROW_UINT("not joined", sock_got(&b), 0);
            CALL_RESULT(result, b.udp->ops->join(b.udp, &pair->group, 0));
            CHECK_ROW_TEXT("join", io_result_word(result), "ok");
            CHECK(sock_send(&a, to, "after") == IO_OK);
            settle();
            CHECK_ROW_TEXT("joined", sock_text(&b, 0), "after");
            if (sock_got(&b) == 1)
                CHECK(address_equal(sock_header(&b, 0)->local.address, pair->group));
        }
    }
    sock_end(&a);
    sock_end(&b);
}

/* --- addresses -------------------------------------------------------------------------------------------------- */

static bool
lists(struct io *io, struct address address)
{
    struct io_address found[32];
    size_t count = io->ops->addresses(io, found, G_N_ELEMENTS(found));

    for (size_t i = 0; i < MIN(count, G_N_ELEMENTS(found)); i++)
        if (address_equal(found[i].address, address))
            return true;
    return false;
}

static void
test_addresses(void)
{
    struct io_address few[2] = { { .prefix_length = 77 }, { .prefix_length = 77 } };
    size_t count;

    CHECK(lists(pair->a, pair->a_address));
    CHECK(lists(pair->b, pair->b_address));
    CHECK(!lists(pair->a, pair->b_address));
    CHECK(!lists(pair->a, pair->no_address));
    CALL_RESULT(count, pair->a->ops->addresses(pair->a, NULL, 0));
    CHECK_ROW("how many there are, whatever fits", count >= 1);
    CHECK_ROW_UINT("the same", pair->a->ops->addresses(pair->a, few, 1), count);
    CHECK_ROW_UINT("no more than fits", few[1].prefix_length, 77);
    CHECK(few[0].prefix_length <= family_bits(address_family(few[0].address)));
    CHECK(few[0].interface >= 0);
}

static void
test_source(void)
{
    struct address local = ADDRESS_NONE;
    enum io_result result;

    CALL_RESULT(result, pair->a->ops->source(pair->a, &pair->b_address, &local));
    CHECK_ROW_TEXT("to the peer", io_result_word(result), "ok");
    CHECK(address_equal(local, pair->a_address));
    CALL_RESULT(result, pair->a->ops->source(pair->a, &pair->a_address, &local));
    CHECK_ROW_TEXT("to itself", io_result_word(result), "ok");
    CHECK(lists(pair->a, local));
}

struct watcher {
    struct io_watch watch;
    unsigned told;
    struct watcher *drops; /* unwatched when this one is told */
};

static void
watch_changed(void *owner)
{
    struct watcher *watcher = owner;

    enter_callback();
    watcher->told++;
    if (watcher->drops) {
        CALL(pair->a->ops->unwatch(pair->a, &watcher->drops->watch));
        memset(&watcher->drops->watch, 0xee, sizeof watcher->drops->watch); /* it may be freed now */
        watcher->drops = NULL;
    }
}

static void
watch(struct watcher *watcher)
{
    *watcher = (struct watcher){ .watch = { .changed = watch_changed, .owner = watcher } };
    CALL(pair->a->ops->watch(pair->a, &watcher->watch));
}

static void
test_watch(void)
{
    struct watcher one, two, three;

    if (!pair->change)
        return;
    watch(&one);
    watch(&two);
    watch(&three);
    pass(20);
    CHECK_ROW_UINT("nothing changed", one.told + two.told + three.told, 0);
    CALL(pair->a->ops->unwatch(pair->a, &two.watch));
    CALL(pair->change(pair, true));
    CHECK_ROW_UINT("not in the call", one.told + three.told, 0);
    pass(50);
    CHECK(one.told >= 1 && three.told >= 1);
    CHECK_ROW_UINT("unwatched", two.told, 0);
    one.told = three.told = 0;
    one.drops = &three; /* another one, which is due too */
    CALL(pair->change(pair, false));
    pass(50);
    CHECK(one.told >= 1);
    CHECK_ROW_UINT("unwatched by the first", three.told, 0);
    watch(&two);
    one.told = 0;
    one.drops = &one;
    CALL(pair->change(pair, true));
    pass(50);
    CHECK_ROW_UINT("unwatched itself", one.told, 1);
    CHECK(two.told >= 1);
    CALL(pair->a->ops->unwatch(pair->a, &two.watch));
    CALL(pair->change(pair, false));
    pass(50);
    CHECK_ROW_UINT("nobody", one.told, 1);
}

/* --- streams and notes ------------------------------------------------------------------------------------------ */

static void
stream_ready(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    (void)owner, (void)tcp, (void)ready, (void)result;
    CHECK_ROW("one answer, never two", false);
}

static void
test_no_streams(void)
{
    struct endpoint local = { ADDRESS_NONE, 0 }, peer = { pair->b_address, 80 };
    enum io_result why = IO_OK;
    struct io_tcp *tcp;

    if (can(IO_CAN_STREAM))
        return;
    CALL_RESULT(tcp, pair->a->ops->listen(pair->a, &local, false, stream_ready, NULL, &why));
    CHECK(tcp == NULL);
    CHECK_ROW_TEXT("listen", io_result_word(why), "unsupported");
    why = IO_OK;
    CALL_RESULT(tcp, pair->a->ops->connect(pair->a, &local, &peer, false, stream_ready, NULL, &why));
    CHECK(tcp == NULL);
    CHECK_ROW_TEXT("connect", io_result_word(why), "unsupported");
    pass(50);
}

static void
say_nothing(const struct record *record, const struct names *names, GString *out)
{
    (void)record, (void)names;
    g_string_append(out, "notes");
}

static void
test_note(void)
{
    static const struct record_kind kind = { "conformance", "noted", "", say_nothing, NULL };
    struct record record = { .kind = &kind, .at = -7 };

    CALL(pair->a->ops->note(pair->a, &record));
    if (pair->a->ops->listening(pair->a))
        CHECK(record.at >= 0 && record.at <= now());
}

const struct unit_test io_conformance_tests[] = {
    { "clock", test_clock },
    { "random", test_random },
    { "random, much of it", test_random_stock },
    { "timer", test_timer },
    { "timer in the past", test_timer_past },
    { "timer moved", test_timer_moved },
    { "timer order", test_timer_order },
    { "timer in its fire", test_timer_in_fire },
    { "timer busy and idle", test_timer_busy },
    { "datagram", test_datagram },
    { "datagram to itself", test_datagram_to_self },
    { "datagram order", test_datagram_order },
    { "marks", test_marks },
    { "local address", test_local },
    { "too big", test_too_big },
    { "told", test_told },
    { "ports", test_ports },
    { "close", test_close },
    { "in a callback", test_in_callback },
    { "refused", test_refused },
    { "refused, unheard", test_refused_unheard },
    { "join", test_join },
    { "addresses", test_addresses },
    { "source", test_source },
    { "watch", test_watch },
    { "no streams", test_no_streams },
    { "note", test_note },
};

const size_t io_conformance_test_count = G_N_ELEMENTS(io_conformance_tests);
