/* The streams of the io seam, over every implementation. */
#include "tests/unit/support_io_conformance.h"

#define NOTHING ((enum io_result)-1)

static bool in_call;

#define CALL(expression) (in_call = true, expression, in_call = false)
#define CALL_RESULT(result, expression) (in_call = true, (result) = (expression), in_call = false)

static void
settle(void)
{
    struct io_pair *pair = io_conformance_pair();

    if (pair->settle)
        pair->settle(pair);
    else
        pair->run(pair, 300);
}

/* One end. What it is told, it writes down; what it can read, it reads unless it is slow. */
struct end {
    struct io *io;
    struct io_tcp *tcp;
    struct end *accepts; /* of a listener: who takes the next connection; NULL: nobody */
    GString *events;     /* A, C, R, W, F */
    GString *heard;
    enum io_result failure;
    bool slow, closed_by_peer;
    void (*then)(struct end *end, enum io_ready ready);
};

static void on_ready(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result);

static void
end_init(struct end *end, struct io *io)
{
    *end = (struct end){ .io = io, .events = g_string_new(NULL), .heard = g_string_new(NULL), .failure = NOTHING };
}

static void
end_close(struct end *end, bool reset)
{
    struct io_tcp *tcp = end->tcp;

    end->tcp = NULL;
    if (tcp)
        CALL(tcp->ops->close(tcp, reset));
}

static void
end_clear(struct end *end)
{
    end_close(end, true);
    g_string_free(end->events, TRUE);
    g_string_free(end->heard, TRUE);
}

/* Reads up to `most` bytes or until there are none. */
static void
end_read(struct end *end, size_t most)
{
    enum io_result why = IO_OK;
    char bytes[1000];
    ssize_t got;

    while (end->tcp && most > 0) {
        CALL_RESULT(got, end->tcp->ops->read(end->tcp, bytes, MIN(sizeof bytes, most), &why));
        if (got == 0)
            end->closed_by_peer = true;
        if (got < 0 && why != IO_AGAIN)
            end->failure = why;
        if (got <= 0)
            return;
        g_string_append_len(end->heard, bytes, got);
        most -= (size_t)got;
    }
}

static void
on_ready(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    struct end *end = owner;

    CHECK_ROW("no callback runs inside a call", !in_call);
    CHECK_ROW("nothing comes after close", end->tcp == tcp);
    CHECK((ready == IO_FAILED) == (result != IO_OK));
    g_string_append_c(end->events, "ACRWF"[ready]);
    if (ready == IO_ACCEPT && end->accepts)
        CALL_RESULT(end->accepts->tcp, tcp->ops->accept(tcp, on_ready, end->accepts));
    if (ready == IO_READABLE && !end->slow)
        end_read(end, SIZE_MAX);
    if (ready == IO_FAILED)
        end->failure = result;
    if (end->then)
        end->then(end, ready);
}

static ssize_t
end_write(struct end *end, const char *text, enum io_result *why)
{
    g_autofree char *copy = g_strdup(text);
    ssize_t taken;

    CALL_RESULT(taken, end->tcp->ops->write(end->tcp, copy, strlen(copy), why));
    memset(copy, '#', strlen(text)); /* borrowed for the call only */
    return taken;
}

static void
end_say(struct end *end, const char *text)
{
    enum io_result why = IO_OK;

    CHECK_ROW_INT(text, end_write(end, text, &why), (int64_t)strlen(text));
}

/* A listener at B, a connection to it from A, and B's end of that. */
struct line {
    struct end listener, a, b;
};

static void
line_begin(struct line *line)
{
    struct io_pair *pair = io_conformance_pair();

    in_call = false;
    end_init(&line->listener, pair->b);
    end_init(&line->a, pair->a);
    end_init(&line->b, pair->b);
    line->listener.accepts = &line->b;
}

static bool
line_listen(struct line *line, bool share)
{
    struct io *io = line->listener.io;
    struct endpoint any = { ADDRESS_NONE, 0 };
    enum io_result why = IO_OK;

    CALL_RESULT(line->listener.tcp, io->ops->listen(io, &any, share, on_ready, &line->listener, &why));
    return CHECK_ROW_TEXT("listen", io_result_word(why), "ok") && CHECK(line->listener.tcp != NULL);
}

static struct endpoint
line_at(const struct line *line)
{
    return (struct endpoint){ io_conformance_pair()->b_address, line->listener.tcp->ops->local(line->listener.tcp).port };
}

static enum io_result
connect_end(struct end *end, struct endpoint local, struct endpoint peer, bool share)
{
    enum io_result why = IO_OK;

    CALL_RESULT(end->tcp, end->io->ops->connect(end->io, &local, &peer, share, on_ready, end, &why));
    return why;
}

static bool
line_open(struct line *line)
{
    line_begin(line);
    if (!line_listen(line, false))
        return false;
    CHECK_ROW_TEXT("connect", io_result_word(connect_end(&line->a, (struct endpoint){ 0 }, line_at(line), false)), "ok");
    CHECK_ROW_TEXT("not in the call", line->a.events->str, "");
    settle();
    return CHECK_ROW_TEXT("connected", line->a.events->str, "C") && CHECK(line->b.tcp != NULL);
}

static void
line_end(struct line *line)
{
    end_clear(&line->a);
    end_clear(&line->b);
    end_clear(&line->listener);
    settle();
}

static void
test_talk(void)
{
    struct line line;

    if (line_open(&line)) {
        struct endpoint a = line.a.tcp->ops->local(line.a.tcp), b = line_at(&line);

        CHECK(address_equal(a.address, io_conformance_pair()->a_address) && a.port != 0);
        CHECK_ROW("who called", endpoint_equal(line.b.tcp->ops->peer(line.b.tcp), a));
        CHECK_ROW("who answered", endpoint_equal(line.a.tcp->ops->peer(line.a.tcp), b));
        CHECK_ROW("where it was called", endpoint_equal(line.b.tcp->ops->local(line.b.tcp), b));
        end_say(&line.a, "hello");
        CHECK_ROW_TEXT("not in the call", line.b.heard->str, "");
        settle();
        CHECK_ROW_TEXT("there", line.b.heard->str, "hello");
        end_say(&line.b, "and back");
        settle();
        CHECK_ROW_TEXT("back", line.a.heard->str, "and back");
        CHECK_ROW("nobody else waits",
                  line.listener.tcp->ops->accept(line.listener.tcp, on_ready, &line.listener) == NULL);
    }
    line_end(&line);
}

static void
say_when_writable(struct end *end, enum io_ready ready)
{
    if (ready == IO_WRITABLE)
        end_say(end, "early");
}

/* Before the connection stands a write is either taken, to go when it does, or refused, and then IO_WRITABLE says when to
 * try again (io.h). */
static void
test_early_write(void)
{
    struct line line;
    enum io_result why = IO_OK;
    ssize_t taken;

    line_begin(&line);
    if (line_listen(&line, false)) {
        connect_end(&line.a, (struct endpoint){ 0 }, line_at(&line), false);
        taken = end_write(&line.a, "early", &why);
        if (taken < 0) {
            CHECK_ROW_TEXT("not yet", io_result_word(why), "again");
            line.a.then = say_when_writable;
        }
        settle();
        CHECK_ROW_TEXT("there", line.b.heard->str, "early");
    }
    line_end(&line);
}

/* One side says that it has no more; the other still has (RFC 9293 section 3.6). */
static void
test_half_close(void)
{
    struct line line;

    if (line_open(&line)) {
        end_say(&line.a, "last words");
        CALL(line.a.tcp->ops->shutdown(line.a.tcp));
        settle();
        CHECK_ROW_TEXT("all of it", line.b.heard->str, "last words");
        CHECK_ROW("then the end", line.b.closed_by_peer);
        CHECK_ROW("not of the other way", !line.a.closed_by_peer);
        end_say(&line.b, "an answer");
        end_close(&line.b, false);
        settle();
        CHECK_ROW_TEXT("what was taken is delivered", line.a.heard->str, "an answer");
        CHECK(line.a.closed_by_peer);
        CHECK_ROW("no failure", line.a.failure == NOTHING);
    }
    line_end(&line);
}

static void
test_refused(void)
{
    struct line line;

    line_begin(&line);
    if (line_listen(&line, false)) {
        struct endpoint nobody = line_at(&line);
        enum io_result why;

        end_close(&line.listener, false);
        why = connect_end(&line.a, (struct endpoint){ 0 }, nobody, false);
        settle();
        if (line.a.tcp) { /* told later */
            CHECK_ROW_TEXT("told once", line.a.events->str, "F");
            why = line.a.failure;
        } else {
            CHECK_ROW_TEXT("told in the call, not later", line.a.events->str, "");
        }
        CHECK_ROW_TEXT("refused", io_result_word(why), "refused");
    }
    line_end(&line);
}

static void
test_reset(void)
{
    struct line line;
    enum io_result why = IO_OK;
    char byte;

    if (line_open(&line)) {
        end_close(&line.b, true);
        settle();
        CHECK_ROW_TEXT("reset", io_result_word(line.a.failure == NOTHING ? IO_OK : line.a.failure), "reset");
        CHECK_ROW_INT("reads no more", line.a.tcp->ops->read(line.a.tcp, &byte, 1, &why), -1);
        CHECK(why != IO_AGAIN);
    }
    line_end(&line);
}

/* A reader who does not read slows the writer, who is told when it may go on; nothing is lost. */
static void
test_slow_reader(void)
{
    struct line line;
    g_autofree char *block = g_strnfill(10000, 'x');
    enum io_result why = IO_OK;
    size_t written = 0;
    ssize_t taken;

    if (line_open(&line)) {
        line.b.slow = true;
        while ((taken = end_write(&line.a, block, &why)) > 0 && written < (64 << 20)) {
            written += (size_t)taken;
            settle();
        }
        CHECK_ROW_INT("full", taken, -1);
        CHECK_ROW_TEXT("full", io_result_word(why), "again");
        line.b.slow = false;
        for (int i = 0; i < 500 && line.b.heard->len < written; i++) {
            end_read(&line.b, SIZE_MAX);
            settle();
        }
        CHECK_ROW_UINT("all of it", line.b.heard->len, written);
        CHECK_ROW("told that there is room", strchr(line.a.events->str, 'W') != NULL);
    }
    line_end(&line);
}

static void
close_when_told(struct end *end, enum io_ready ready)
{
    if (ready == IO_READABLE || ready == IO_CONNECTED)
        end_close(end, false);
}

static void
test_close_in_callback(void)
{
    struct line line;

    line_begin(&line);
    line.a.then = close_when_told;
    if (line_listen(&line, false)) {
        connect_end(&line.a, (struct endpoint){ 0 }, line_at(&line), false);
        settle();
        CHECK_ROW_TEXT("closed when connected", line.a.events->str, "C");
        CHECK_ROW("the other hears of it", line.b.closed_by_peer || line.b.failure != NOTHING);
    }
    line_end(&line);
    if (line_open(&line)) {
        line.b.then = close_when_told;
        end_say(&line.a, "x");
        settle();
        CHECK_ROW_TEXT("closed when readable", line.b.events->str, "R");
        CHECK_ROW("the other hears of it", line.a.closed_by_peer || line.a.failure != NOTHING);
    }
    line_end(&line);
}

static void
test_ports(void)
{
    struct line line, other;
    enum io_result why = IO_OK;

    line_begin(&other);
    line_begin(&line);
    if (line_listen(&line, false)) {
        struct endpoint taken = { ADDRESS_NONE, line_at(&line).port };
        struct endpoint elsewhere = { io_conformance_pair()->no_address, 0 };

        CALL_RESULT(other.listener.tcp,
                    other.listener.io->ops->listen(other.listener.io, &taken, false, on_ready, &other.listener, &why));
        CHECK_ROW("taken", other.listener.tcp == NULL);
        CHECK_ROW_TEXT("taken", io_result_word(why), "in-use");
        CALL_RESULT(other.listener.tcp,
                    other.listener.io->ops->listen(other.listener.io, &elsewhere, false, on_ready, &other.listener, &why));
        CHECK_ROW_TEXT("not this host's", io_result_word(why), "no-address");
    }
    line_end(&line);
    line_end(&other);
}

/* One local port for a listener and connections to several peers: what TCP hole punching stands on. */
static void
test_share(void)
{
    struct io_pair *pair = io_conformance_pair();
    struct line one, two;
    struct end listener;
    struct endpoint any = { ADDRESS_NONE, 0 }, local;
    enum io_result why = IO_OK;

    line_begin(&one);
    line_begin(&two);
    end_init(&listener, pair->a);
    if (line_listen(&one, false) && line_listen(&two, false)) {
        CALL_RESULT(listener.tcp, pair->a->ops->listen(pair->a, &any, true, on_ready, &listener, &why));
        local = (struct endpoint){ ADDRESS_NONE, listener.tcp ? listener.tcp->ops->local(listener.tcp).port : 0 };
        CHECK_ROW_TEXT("first", io_result_word(connect_end(&one.a, local, line_at(&one), true)), "ok");
        CHECK_ROW_TEXT("second", io_result_word(connect_end(&two.a, local, line_at(&two), true)), "ok");
        settle();
        CHECK_ROW_TEXT("first", one.a.events->str, "C");
        CHECK_ROW_TEXT("second", two.a.events->str, "C");
        if (one.b.tcp && two.b.tcp) {
            CHECK_ROW_UINT("one port", one.b.tcp->ops->peer(one.b.tcp).port, local.port);
            CHECK_ROW_UINT("one port", two.b.tcp->ops->peer(two.b.tcp).port, local.port);
        }
    }
    end_clear(&listener);
    line_end(&one);
    line_end(&two);
}

/* Nagle's algorithm would keep the second piece until the first is acknowledged, which a receiver puts off for 40 ms at
 * least while it has nothing to say (RFC 9293 section 3.8.6.3). */
static void
test_prompt(void)
{
    struct io_pair *pair = io_conformance_pair();
    struct line line;

    if (line_open(&line)) {
        CALL(line.listener.tcp->ops->prompt(line.listener.tcp, true));
        CALL(line.a.tcp->ops->prompt(line.a.tcp, true));
        for (unsigned i = 0; i < 3; i++) {
            end_say(&line.a, "one ");
            end_say(&line.a, "two ");
            pair->run(pair, 20);
        }
        CHECK_ROW_TEXT("all at once", line.b.heard->str, "one two one two one two ");
        CALL(line.a.tcp->ops->prompt(line.a.tcp, false));
        end_say(&line.a, "three ");
        end_say(&line.a, "four");
        settle();
        CHECK_ROW_TEXT("in the end", line.b.heard->str, "one two one two one two three four");
        CALL(line.b.tcp->ops->close(line.b.tcp, true));
        line.b.tcp = NULL;
        settle();
        CALL(line.a.tcp->ops->prompt(line.a.tcp, true)); /* one that has failed */
    }
    line_end(&line);
}

const struct unit_test io_stream_tests[] = {
    { "talk", test_talk },
    { "early write", test_early_write },
    { "half close", test_half_close },
    { "refused", test_refused },
    { "reset", test_reset },
    { "slow reader", test_slow_reader },
    { "close in a callback", test_close_in_callback },
    { "ports", test_ports },
    { "share a port", test_share },
    { "prompt", test_prompt },
};

const size_t io_stream_test_count = G_N_ELEMENTS(io_stream_tests);
