/* core/live on loopback: the conformance suite of the seam, and what it has of its own. No privileges, no other network. */
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/live/live.h"
#include "core/live/log.h"
#include "core/live/sockaddr.h"
#include "core/live/timers.h"
#include "tests/unit/support_io_conformance.h"

struct machine {
    struct io_pair pair; /* first: a pair is its machine */
    GMainContext *context;
    struct live *a, *b;
};

static struct machine machine;

static struct address
address_of(const char *text)
{
    struct address address = ADDRESS_NONE;

    CHECK_ROW(text, address_parse(text, &address));
    return address;
}

static gboolean
stay(gpointer unused)
{
    (void)unused;
    return G_SOURCE_CONTINUE;
}

/* Lets at least `ms` pass, and then all that is due. */
static void
run_for(GMainContext *context, int64_t ms)
{
    int64_t end = g_get_monotonic_time() + ms * 1000;
    GSource *alarm = g_timeout_source_new((guint)ms);

    g_source_set_callback(alarm, stay, NULL, NULL); /* only to wake the iteration */
    g_source_attach(alarm, context);
    while (g_get_monotonic_time() < end)
        g_main_context_iteration(context, TRUE);
    g_source_destroy(alarm);
    g_source_unref(alarm);
    while (g_main_context_iteration(context, FALSE))
        ;
}

static void
run(struct io_pair *pair, unsigned ms)
{
    run_for(((struct machine *)pair)->context, ms);
}

/* Loopback delivers inside the sending call; what the kernel does later on a busy machine gets a few milliseconds. */
static void
settle(struct io_pair *pair)
{
    GMainContext *context = ((struct machine *)pair)->context;
    int quiet = 0;

    while (quiet < 4) {
        bool any = false;

        while (g_main_context_iteration(context, FALSE))
            any = true;
        quiet = any ? 0 : quiet + 1;
        g_usleep(500);
    }
}

static void
change(struct io_pair *pair, bool add)
{
    struct address addresses[] = { pair->a_address, address_of("127.0.0.77") };

    live_use_addresses(((struct machine *)pair)->a, addresses, add ? 2 : 1);
}

static struct live *
new_host(GMainContext *context, struct address address)
{
    struct live *live = live_new(context, NULL);

    live_use_addresses(live, &address, 1);
    return live;
}

/* Two hosts of one machine: each uses an address of its own. */
static void
set_up_between(const char *a, const char *b)
{
    machine = (struct machine){ .context = g_main_context_new() };
    machine.a = new_host(machine.context, address_of(a));
    machine.b = new_host(machine.context, address_of(b));
    machine.pair = (struct io_pair){
        .a = live_io(machine.a),
        .b = live_io(machine.b),
        .a_address = address_of(a),
        .b_address = address_of(b),
        .no_address = address_of("198.51.100.1"),
        .can = IO_CAN_STREAM | IO_CAN_MARK | IO_CAN_KEEP_ORDER,
        .run = run,
        .settle = settle,
        .change = change,
    };
    io_conformance_begin(&machine.pair);
}

static void
set_up(void)
{
    set_up_between("127.0.0.1", "127.0.0.2");
}

static void
tear_down(void)
{
    io_conformance_end();
    live_free(machine.a);
    live_free(machine.b);
    g_main_context_unref(machine.context);
}

/* --- timers ----------------------------------------------------------------------------------------------------- */

#define TIMERS 500

/* Against the obvious model: the earliest of all that are there, the first armed among equals. */
static void
test_timers(void)
{
    g_autofree struct io_timer *timers = g_new0(struct io_timer, TIMERS);
    g_autofree int64_t *order = g_new0(int64_t, TIMERS); /* 0: not there */
    struct live_timers heap = { 0 };
    g_autoptr(GRand) dice = g_rand_new_with_seed(7);
    int64_t armed = 0;
    unsigned wrong = 0;

    for (int step = 0; step < 20000; step++) {
        int i = g_rand_int_range(dice, 0, TIMERS), first = -1;

        switch (g_rand_int_range(dice, 0, 4)) {
        case 0:
        case 1:
            live_timers_put(&heap, &timers[i], g_rand_int_range(dice, 0, 50), timers[i].at);
            live_timers_put(&heap, &timers[i], timers[i].at, timers[i].at);
            order[i] = ++armed;
            continue;
        case 2:
            live_timers_remove(&heap, &timers[i]);
            order[i] = 0;
            continue;
        }
        for (int k = 0; k < TIMERS; k++)
            if (order[k] && (first < 0 || timers[k].at < timers[first].at ||
                             (timers[k].at == timers[first].at && order[k] < order[first])))
                first = k;
        wrong += live_timers_next(&heap) != (first < 0 ? TIME_NEVER : timers[first].at);
        wrong += live_timers_pop(&heap, 50) != (first < 0 ? NULL : &timers[first]);
        if (first >= 0)
            order[first] = 0;
    }
    CHECK_ROW_UINT("like the model", wrong, 0);
    CHECK(live_timers_count(&heap) > 0);
    CHECK_ROW("none is due yet", live_timers_pop(&heap, -1) == NULL);
    live_timers_clear(&heap);
}

/* --- batches ---------------------------------------------------------------------------------------------------- */

struct echo {
    struct io_udp *udp;
    unsigned heard;
    uint64_t sum;
};

static void
on_echo(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    struct echo *echo = owner;
    struct io_datagram answer = IO_DATAGRAM_TO(datagram->peer, datagram->data);

    answer.local = datagram->local;
    echo->heard++;
    CHECK(udp->ops->send(udp, &answer) == IO_OK);
}

static void
on_answer(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    struct echo *echo = owner;

    (void)udp;
    echo->heard++;
    if (datagram->data.length == 1)
        echo->sum += datagram->data.bytes[0];
}

static struct io_udp *
open_udp(struct io *io, struct address address, const struct io_udp_events *events, void *owner)
{
    struct endpoint local = { address, 0 };
    enum io_result why = IO_OK;
    struct io_udp *udp = io->ops->udp(io, &local, events, owner, &why);

    CHECK_ROW_TEXT("open", io_result_word(why), "ok");
    return udp;
}

/* What waits is read by the batch, and answered by the batch. */
static void
test_batches(void)
{
    static const struct io_udp_events echoes = { on_echo, NULL }, answers = { on_answer, NULL };
    struct echo a = { 0 }, b = { 0 };

    a.udp = open_udp(machine.pair.a, ADDRESS_NONE, &answers, &a);
    b.udp = open_udp(machine.pair.b, ADDRESS_NONE, &echoes, &b);
    for (unsigned i = 0; i < 100; i++) {
        uint8_t byte = (uint8_t)i;
        struct io_datagram datagram =
            IO_DATAGRAM_TO(((struct endpoint){ machine.pair.b_address, b.udp->ops->local(b.udp).port }), span_of(&byte, 1));

        CHECK(a.udp->ops->send(a.udp, &datagram) == IO_OK);
    }
    settle(&machine.pair);
    CHECK_ROW_UINT("asked", b.heard, 100);
    CHECK_ROW_UINT("answered", a.heard, 100);
    CHECK_ROW_UINT("each once", a.sum, 99 * 100 / 2);
    CHECK_ROW_UINT("received", live_counters(machine.b)->received, 100);
    CHECK_ROW_UINT("sent", live_counters(machine.b)->sent, 100);
    CHECK_ROW("read in batches", live_counters(machine.b)->batches_received < 20);
    CHECK_ROW("sent in batches", live_counters(machine.b)->batches_sent < 20);
    CHECK_ROW_UINT("unsent", live_counters(machine.b)->unsent, 0);
    a.udp->ops->close(a.udp);
    b.udp->ops->close(b.udp);
}

/* --- datagrams of one size, which the kernel may be given as one -------------------------------------------------- */

/* The sizes of what is sent within one turn, to one peer and the other; and what came there, in order. */
static const struct {
    const char *name;
    unsigned sizes[12];
} bursts[] = {
    { "one size", { 100, 100, 100, 100, 100, 100 } },
    { "the last is shorter", { 100, 100, 100, 40 } },
    { "a shorter one amid", { 100, 100, 40, 100, 100 } },
    { "a longer one amid", { 100, 100, 140, 100 } },
    { "growing", { 10, 20, 30, 40, 50 } },
    { "shrinking", { 50, 40, 30, 20, 10 } },
    { "the largest that wait", { 1500, 1500, 1500, 1500, 1500, 1500, 1500, 1500 } },
    { "larger ones between", { 100, 1501, 100, 100, 9000, 100 } },
    { "one alone", { 100 } },
};

struct hearer {
    struct io_udp *udp;
    GString *heard;
};

static void
on_heard(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    struct hearer *hearer = owner;

    (void)udp;
    g_string_append_printf(hearer->heard, " %zu:%02x", datagram->data.length,
                           datagram->data.length ? datagram->data.bytes[datagram->data.length - 1] : 0);
}

struct burst {
    const unsigned *sizes;
    struct endpoint to[2];
    bool alternate, empty;
    struct io_timer timer;
    struct io_udp *udp;
    GString *wanted[2];
};

static void
send_one(struct burst *burst, unsigned which, unsigned size, unsigned n)
{
    static uint8_t bytes[65536];
    struct io_datagram datagram = IO_DATAGRAM_TO(burst->to[which], span_of(bytes, size));

    memset(bytes, (int)(16 * which + n), size);
    CHECK(burst->udp->ops->send(burst->udp, &datagram) == IO_OK);
    g_string_append_printf(burst->wanted[which], " %u:%02x", size, size ? 16 * which + n : 0);
}

static void
send_burst(void *owner, struct io_timer *timer)
{
    struct burst *burst = owner;

    (void)timer;
    for (unsigned i = 0; burst->sizes[i]; i++) {
        send_one(burst, 0, burst->sizes[i], i);
        if (burst->empty)
            send_one(burst, 0, 0, i);
        if (burst->alternate)
            send_one(burst, 1, burst->sizes[i], i);
    }
}

/* Each comes alone, as it was, in order; whatever the kernel has made of them on the way. Twice: the first time the ways
 * are new, and each goes out at once. */
static void
check_burst(const char *name, const unsigned *sizes, bool alternate, bool empty)
{
    static const struct io_udp_events hears = { on_heard, NULL };
    struct hearer hearers[2] = { { NULL, g_string_new(NULL) }, { NULL, g_string_new(NULL) } };
    struct burst burst = { .sizes = sizes, .alternate = alternate, .empty = empty, .timer = { .fire = send_burst },
                           .wanted = { g_string_new(NULL), g_string_new(NULL) } };
    struct io *io = machine.pair.a;

    burst.timer.owner = &burst;
    burst.udp = open_udp(io, machine.pair.a_address, &hears, &hearers[0]);
    for (int i = 0; i < 2; i++) {
        hearers[i].udp = open_udp(machine.pair.b, machine.pair.b_address, &hears, &hearers[i]);
        burst.to[i] = hearers[i].udp->ops->local(hearers[i].udp);
    }
    for (int round = 0; round < 2; round++) {
        io->ops->arm(io, &burst.timer, io->ops->now(io), true);
        settle(&machine.pair);
    }
    for (int i = 0; i < 2; i++) {
        CHECK_ROW_TEXT(name, hearers[i].heard->str, burst.wanted[i]->str);
        hearers[i].udp->ops->close(hearers[i].udp);
        g_string_free(hearers[i].heard, TRUE);
        g_string_free(burst.wanted[i], TRUE);
    }
    burst.udp->ops->close(burst.udp);
}

static void
test_bursts(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(bursts); i++) {
        check_burst(bursts[i].name, bursts[i].sizes, false, false);
        check_burst(bursts[i].name, bursts[i].sizes, true, false);
        check_burst(bursts[i].name, bursts[i].sizes, false, true);
    }
    CHECK_ROW_UINT("unsent", live_counters(machine.a)->unsent, 0);
}

/* Many peers in turns: all but the first to each wait for the batch. */
static void
test_many_peers(void)
{
    static const unsigned sizes[] = { 100, 90, 80, 70, 60, 50, 40, 30, 20, 10, 0 };
    uint64_t before = live_counters(machine.a)->batches_sent;

    check_burst("two peers in turns", sizes, true, false);
    CHECK_ROW_UINT("as one batch", live_counters(machine.a)->batches_sent - before, 2);
}

/* Who closes in a callback what it has just sent through has sent. */
static void
on_last(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    struct echo *echo = owner;

    on_echo(owner, udp, datagram);
    udp->ops->close(udp);
    echo->udp = NULL;
}

static void
test_closed_with_batch(void)
{
    static const struct io_udp_events last = { on_last, NULL }, answers = { on_answer, NULL };
    struct echo a = { 0 }, b = { 0 };
    struct io_datagram datagram = { 0 };

    a.udp = open_udp(machine.pair.a, ADDRESS_NONE, &answers, &a);
    b.udp = open_udp(machine.pair.b, ADDRESS_NONE, &last, &b);
    datagram = IO_DATAGRAM_TO(((struct endpoint){ machine.pair.b_address, b.udp->ops->local(b.udp).port }),
                              span_of_text("x"));
    for (int i = 0; i < 3; i++)
        CHECK(a.udp->ops->send(a.udp, &datagram) == IO_OK);
    settle(&machine.pair);
    CHECK_ROW_UINT("heard one", b.heard, 1);
    CHECK_ROW_UINT("answered", a.heard, 1);
    a.udp->ops->close(a.udp);
}

/* --- datagrams that come as one ----------------------------------------------------------------------------------- */

/* Of a program of its own, as one message of `length` bytes that is cut into datagrams of `size`. */
static void
send_joined(struct endpoint to, size_t length, uint16_t size)
{
    static uint8_t bytes[4096];
    union live_sockaddr name;
    _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof size)] = { 0 };
    struct iovec data = { bytes, length };
    struct msghdr header = { .msg_name = &name, .msg_namelen = live_sockaddr_write(&name, AF_INET, to, 0),
                             .msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    for (size_t i = 0; i < length; i++)
        bytes[i] = (uint8_t)(i / size);
    *CMSG_FIRSTHDR(&header) =
        (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof size), .cmsg_level = IPPROTO_UDP, .cmsg_type = UDP_SEGMENT };
    memcpy(CMSG_DATA(CMSG_FIRSTHDR(&header)), &size, sizeof size);
    CHECK_ROW_UINT("taken by the kernel", (uint64_t)sendmsg(fd, &header, 0), length);
    close(fd);
}

/* Has enough after so many. */
struct glutton {
    struct hearer hearer; /* first */
    unsigned before_full, before_close;
    unsigned heard;
};

static void
on_gulp(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    struct glutton *glutton = owner;

    on_heard(owner, udp, datagram);
    glutton->heard++;
    udp->full = glutton->heard == glutton->before_full;
    if (glutton->heard == glutton->before_close)
        udp->ops->close(udp);
}

/* Each is handed over alone; whoever closes or is full amid them gets no more of them. */
static void
test_joined(void)
{
    static const struct io_udp_events gulps = { on_gulp, NULL };
    static const struct {
        const char *name;
        size_t length;
        uint16_t size;
        unsigned before_full, before_close;
        const char *heard;
    } rows[] = {
        { "one size", 400, 100, 0, 0, " 100:00 100:01 100:02 100:03" },
        { "the last is shorter", 301, 100, 0, 0, " 100:00 100:01 100:02 1:03" },
        { "of a byte each", 3, 1, 0, 0, " 1:00 1:01 1:02" },
        { "nothing to cut", 100, 100, 0, 0, " 100:00" },
        { "full after two", 400, 100, 2, 0, " 100:00 100:01" },
        { "closed after one", 400, 100, 0, 1, " 100:00" },
        { "closed after the last", 200, 100, 0, 2, " 100:00 100:01" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct glutton glutton = { { NULL, g_string_new(NULL) }, rows[i].before_full, rows[i].before_close, 0 };
        uint64_t calls = live_counters(machine.b)->batches_received;

        glutton.hearer.udp = open_udp(machine.pair.b, machine.pair.b_address, &gulps, &glutton);
        send_joined(glutton.hearer.udp->ops->local(glutton.hearer.udp), rows[i].length, rows[i].size);
        settle(&machine.pair);
        CHECK_ROW_TEXT(rows[i].name, glutton.hearer.heard->str, rows[i].heard);
        CHECK_ROW_UINT(rows[i].name, live_counters(machine.b)->batches_received - calls, 1);
        if (rows[i].before_close == 0)
            glutton.hearer.udp->ops->close(glutton.hearer.udp);
        g_string_free(glutton.hearer.heard, TRUE);
    }
}

/* A socket whose owner can take no more drops what comes. */
static void
test_full(void)
{
    static const struct io_udp_events answers = { on_answer, NULL };
    struct echo a = { 0 };
    struct io_datagram datagram;

    a.udp = open_udp(machine.pair.a, machine.pair.a_address, &answers, &a);
    datagram = IO_DATAGRAM_TO(a.udp->ops->local(a.udp), span_of_text("x"));
    a.udp->full = true;
    CHECK(a.udp->ops->send(a.udp, &datagram) == IO_OK);
    settle(&machine.pair);
    CHECK_ROW_UINT("dropped", a.heard, 0);
    a.udp->full = false;
    CHECK(a.udp->ops->send(a.udp, &datagram) == IO_OK);
    settle(&machine.pair);
    CHECK_ROW_UINT("heard", a.heard, 1);
    a.udp->ops->close(a.udp);
}

/* A group on the loopback interface, which must be named: no route leads to groups there. */
static void
test_group(void)
{
    static const struct io_udp_events answers = { on_answer, NULL };
    struct address group = address_of("239.255.0.77"), other = address_of("239.255.0.78");
    struct echo a = { 0 };
    struct io_datagram datagram;

    a.udp = open_udp(machine.pair.a, ADDRESS_NONE, &answers, &a);
    CHECK_ROW_TEXT("join", io_result_word(a.udp->ops->join(a.udp, &group, 1)), "ok");
    CHECK_ROW_TEXT("join again", io_result_word(a.udp->ops->join(a.udp, &group, 1)), "ok");
    datagram = IO_DATAGRAM_TO(((struct endpoint){ group, a.udp->ops->local(a.udp).port }), span_of_text("x"));
    datagram.interface = 1;
    CHECK_ROW_TEXT("send", io_result_word(a.udp->ops->send(a.udp, &datagram)), "ok");
    datagram.peer.address = other;
    CHECK_ROW_TEXT("send", io_result_word(a.udp->ops->send(a.udp, &datagram)), "ok");
    settle(&machine.pair);
    CHECK_ROW_UINT("the group joined", a.heard, 1);
    a.udp->ops->close(a.udp);
}

/* --- the machine ------------------------------------------------------------------------------------------------ */

/* A host without a list of its own has the machine's addresses, and loopback among them. */
static void
test_whole_machine(void)
{
    g_autoptr(live) live = live_new(machine.context, NULL);
    struct io *io = live_io(live);
    struct io_address all[64];
    size_t count = io->ops->addresses(io, all, G_N_ELEMENTS(all)), loopback = 0;
    struct address local, to = address_of("127.0.0.1");

    for (size_t i = 0; i < MIN(count, G_N_ELEMENTS(all)); i++)
        if (address_equal(all[i].address, to)) {
            loopback++;
            CHECK_ROW_UINT("prefix", all[i].prefix_length, 8);
            CHECK_ROW("interface", all[i].interface > 0);
        }
    CHECK_ROW_UINT("loopback", loopback, 1);
    CHECK_ROW_TEXT("source", io_result_word(io->ops->source(io, &to, &local)), "ok");
    CHECK(address_equal(local, to));
}

static void
changed(void *owner)
{
    ++*(unsigned *)owner;
}

/* Watching opens a netlink socket, unwatching closes it: live_free would find it open. */
static void
test_watch_machine(void)
{
    g_autoptr(live) live = live_new(machine.context, NULL);
    struct io *io = live_io(live);
    unsigned told = 0;
    struct io_watch watch = { .changed = changed, .owner = &told };

    io->ops->watch(io, &watch);
    settle(&machine.pair);
    CHECK_ROW_UINT("nothing changed", told, 0);
    io->ops->unwatch(io, &watch);
    io->ops->unwatch(io, &watch);
}

static void
accept_all(void *owner, struct io_tcp *listener, enum io_ready ready, enum io_result result)
{
    unsigned *accepted = owner;
    struct io_tcp *tcp;

    (void)ready, (void)result;
    while ((tcp = listener->ops->accept(listener, accept_all, owner))) {
        ++*accepted;
        tcp->ops->close(tcp, true);
    }
}

/* From now on no descriptor can be had; what held before. */
static struct rlimit
use_up_descriptors(void)
{
    struct rlimit before, none;
    int next = dup(STDOUT_FILENO);

    close(next);
    getrlimit(RLIMIT_NOFILE, &before);
    none = (struct rlimit){ .rlim_cur = (rlim_t)next, .rlim_max = before.rlim_max };
    setrlimit(RLIMIT_NOFILE, &none);
    return before;
}

/* A connection that came while the machine had no descriptors is accepted when it has some again, though nobody else
 * comes. */
static void
test_no_descriptors(void)
{
    g_autoptr(live) live = live_new(machine.context, NULL);
    struct io *io = live_io(live);
    struct endpoint at = { address_of("127.0.0.1"), 0 }, any = { ADDRESS_NONE, 0 };
    unsigned accepted = 0, unused = 0;
    enum io_result why;
    struct io_tcp *listener = io->ops->listen(io, &at, false, accept_all, &accepted, &why), *client;
    struct rlimit before;

    at = listener->ops->local(listener);
    client = io->ops->connect(io, &any, &at, false, accept_all, &unused, &why);
    CHECK(client != NULL);
    before = use_up_descriptors();
    settle(&machine.pair);
    CHECK_ROW_UINT("there is none", accepted, 0);
    setrlimit(RLIMIT_NOFILE, &before);
    run(&machine.pair, 500);
    CHECK_ROW_UINT("there are some", accepted, 1);
    client->ops->close(client, true);
    listener->ops->close(listener, false);
}

/* A socket of any address hears both families. */
static void
test_both_families(void)
{
    static const struct io_udp_events answers = { on_answer, NULL };
    g_autoptr(live) live = live_new(machine.context, NULL);
    struct echo any = { 0 }, six = { 0 };
    struct io *io = live_io(live);
    struct endpoint local = { address_of("::1"), 0 };
    enum io_result why;
    struct io_datagram datagram;

    six.udp = io->ops->udp(io, &local, &answers, &six, &why);
    if (!six.udp) { /* this machine has no IPv6 */
        CHECK(why == IO_NO_ADDRESS || why == IO_NO_ROUTE);
        return;
    }
    any.udp = open_udp(io, ADDRESS_NONE, &answers, &any);
    datagram = IO_DATAGRAM_TO(((struct endpoint){ local.address, any.udp->ops->local(any.udp).port }), span_of_text("6"));
    CHECK(six.udp->ops->send(six.udp, &datagram) == IO_OK);
    datagram.peer.address = address_of("127.0.0.1");
    CHECK_ROW("no IPv4 from an IPv6 address", six.udp->ops->send(six.udp, &datagram) != IO_OK);
    CHECK(any.udp->ops->send(any.udp, &datagram) == IO_OK);
    settle(&machine.pair);
    CHECK_ROW_UINT("both", any.heard, 2);
    any.udp->ops->close(any.udp);
    six.udp->ops->close(six.udp);
}

/* A link-local address of the machine; none where no interface has one. */
static struct address
find_link_local(struct io *io)
{
    struct io_address all[64];
    size_t count = io->ops->addresses(io, all, G_N_ELEMENTS(all));

    for (size_t i = 0; i < MIN(count, G_N_ELEMENTS(all)); i++)
        if (!address_is_ipv4(all[i].address) && address_is_link_local(all[i].address))
            return all[i].address;
    return ADDRESS_NONE;
}

static void
on_stream(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    (void)tcp;
    (void)result;
    *(unsigned *)owner += ready == IO_CONNECTED;
}

/* Such an address means something on its link only (RFC 4007 section 6): the host knows which, its caller need not. */
static void
test_link_local(void)
{
    static const struct io_udp_events echoes = { on_echo, NULL }, answers = { on_answer, NULL };
    g_autoptr(live) live = live_new(machine.context, NULL);
    struct io *io = live_io(live);
    struct endpoint own = { find_link_local(io), 0 }, to;
    struct echo one = { 0 }, other = { 0 };
    struct io_tcp *listener, *stream;
    struct io_datagram datagram;
    enum io_result why = IO_OK;
    unsigned connected = 0;

    if (address_is_none(own.address))
        return;
    one.udp = open_udp(io, own.address, &echoes, &one);
    other.udp = open_udp(io, own.address, &answers, &other);
    if (one.udp && other.udp) {
        datagram = IO_DATAGRAM_TO(one.udp->ops->local(one.udp), span_of_text("6"));
        CHECK(other.udp->ops->send(other.udp, &datagram) == IO_OK);
        settle(&machine.pair);
        CHECK_ROW_UINT("there and back", one.heard + other.heard, 2);
        one.udp->ops->close(one.udp);
        other.udp->ops->close(other.udp);
    }
    listener = io->ops->listen(io, &own, false, on_stream, &connected, &why);
    CHECK_ROW_TEXT("listen", io_result_word(why), "ok");
    if (!listener)
        return;
    to = listener->ops->local(listener);
    stream = io->ops->connect(io, &own, &to, false, on_stream, &connected, &why);
    CHECK_ROW_TEXT("connect", io_result_word(why), "ok");
    settle(&machine.pair);
    CHECK_ROW_UINT("connected", connected, 1);
    if (stream)
        stream->ops->close(stream, true);
    listener->ops->close(listener, true);
}

/* --- log lines -------------------------------------------------------------------------------------------------- */

static void
say_number(const struct record *record, const struct names *names, GString *out)
{
    g_string_append_printf(out, "%s %d", names->node(names, record->node), (int)record->detail);
}

static const struct record_kind numbered = { "numbered", "noted", "", say_number, NULL };

static void
keep_line(void *owner, const char *line)
{
    g_ptr_array_add(owner, g_strdup(line));
}

static void
log_at(struct live_log *log, int64_t at, int number)
{
    struct record record = { .kind = &numbered, .at = at, .detail = number };

    journal_take(live_log_journal(log), &record);
}

/* Three in any second, with the line that counts what was held back. */
static void
test_log(void)
{
    static const char *const expected[] = { "1.000000 live 0",
                                            "1.000000 live 1",
                                            "1.000000 live 2",
                                            "2.000000 (8 more records were not told)",
                                            "2.000000 live 11",
                                            "2.500000 live 12",
                                            "3.000000 (1 more record was not told)",
                                            "3.000000 live 14",
                                            "3.600000 live 15",
                                            "3.600000 (1 more record was not told)" };
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
    struct live_log *log = live_log_new(3, keep_line, lines);

    for (int i = 0; i < 10; i++)
        log_at(log, TIME_S, i);
    log_at(log, TIME_S + 999 * TIME_MS, 10);
    log_at(log, 2 * TIME_S, 11);
    log_at(log, 2 * TIME_S + 500 * TIME_MS, 12);
    log_at(log, 2 * TIME_S + 900 * TIME_MS, 13);
    log_at(log, 3 * TIME_S, 14);
    log_at(log, 3 * TIME_S + 600 * TIME_MS, 15);
    log_at(log, 3 * TIME_S + 600 * TIME_MS, 16);
    live_log_free(log);
    CHECK_ROW_UINT("lines", lines->len, G_N_ELEMENTS(expected));
    for (guint i = 0; i < MIN(lines->len, G_N_ELEMENTS(expected)); i++)
        CHECK_ROW_TEXT(expected[i], lines->pdata[i], expected[i]);
}

static void
test_journal(void)
{
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
    struct live_log *log = live_log_new(10, keep_line, lines);
    struct record record = { .kind = &numbered, .detail = 3 };
    struct io *io = machine.pair.a;

    CHECK(!io->ops->listening(io));
    io->ops->note(io, &record);
    live_set_journal(machine.a, live_log_journal(log));
    CHECK(io->ops->listening(io));
    io->ops->note(io, &record);
    CHECK_ROW_UINT("one", lines->len, 1);
    CHECK(g_str_has_suffix(lines->len ? lines->pdata[0] : "", " live 3"));
    live_set_journal(machine.a, NULL);
    live_log_free(log);
}

/* How many of this process's TCP sockets have Nagle's algorithm off. */
static unsigned
prompt_sockets(void)
{
    unsigned count = 0;

    for (int fd = 0; fd < 256; fd++) {
        int on = 0;
        socklen_t length = sizeof on;

        if (getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &length) == 0)
            count += on != 0;
    }
    return count;
}

static void
ignore(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    (void)owner, (void)tcp, (void)ready, (void)result;
}

static void
test_prompt(void)
{
    struct io *io = machine.pair.a;
    struct endpoint at = { address_of("127.0.0.1"), 0 }, any = { ADDRESS_NONE, 0 };
    enum io_result why;
    struct io_tcp *listener = io->ops->listen(io, &at, false, ignore, NULL, &why), *tcp;

    at = listener->ops->local(listener);
    tcp = io->ops->connect(io, &any, &at, false, ignore, NULL, &why);
    CHECK_ROW_UINT("at first", prompt_sockets(), 0);
    tcp->ops->prompt(tcp, true);
    listener->ops->prompt(listener, true);
    CHECK_ROW_UINT("on", prompt_sockets(), 1);
    tcp->ops->prompt(tcp, false);
    CHECK_ROW_UINT("off", prompt_sockets(), 0);
    tcp->ops->close(tcp, true);
    listener->ops->close(listener, true);
}

void
suite_live(void)
{
    unit_suite_add("io of the real machine", set_up, tear_down, io_conformance_tests, io_conformance_test_count);
    unit_suite_add("streams of the real machine", set_up, tear_down, io_stream_tests, io_stream_test_count);
    UNIT_SUITE("live", set_up, tear_down, { "timers", test_timers }, { "batches", test_batches }, { "bursts", test_bursts },
               { "many peers", test_many_peers },
               { "closed with a batch", test_closed_with_batch }, { "joined", test_joined }, { "full", test_full }, { "group", test_group },
               { "the whole machine", test_whole_machine }, { "watch the machine", test_watch_machine },
               { "both families", test_both_families },
               { "link-local", test_link_local }, { "no descriptors", test_no_descriptors },
               { "prompt", test_prompt },
               { "log lines", test_log }, { "journal", test_journal });
}
