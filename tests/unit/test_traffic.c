/* Traffic and sinks: how many, when, what is in them, and who is told. */
#include "core/base/cursor.h"
#include "core/net/net.h"
#include "scenarios/lab/lab.h"
#include "scenarios/lab/traffic.h"
#include "tests/unit/support.h"

static struct lab *the_lab;
static struct node *from, *to; /* 0.2 ms apart */

static void
set_up(void)
{
    struct lab_network *internet;

    the_lab = lab_new(1);
    internet = lab_internet(the_lab, "internet", NULL, NULL, NULL);
    from = lab_host(internet, "A", "198.51.100.1", NULL, NULL);
    to = lab_host(internet, "B", "198.51.100.2", NULL, NULL);
    g_assert(from && to);
}

static void
tear_down(void)
{
    CHECK(net_balanced(the_lab->world));
    CHECK_ROW_UINT(NULL, the_lab->world->busy, 0);
    lab_free(the_lab);
}

static struct traffic_options
options_to(const char *address, uint64_t packets, uint32_t size, int64_t interval)
{
    struct traffic_options options = { .packets = packets, .size = size, .interval = interval };

    options.to.port = 9;
    g_assert(address_parse(address, &options.to.address));
    return options;
}

#define HOP2 (TIME_MS / 5) /* from A to B */

static const struct {
    const char *name;
    uint64_t packets;
    uint32_t size;
    int64_t interval;
    uint64_t arrived, bytes;
    int64_t first_at, last_at;
} rows[] = {
    { "one", 1, 100, TIME_S, 1, 100, HOP2, HOP2 },
    { "three", 3, 4, 10 * TIME_MS, 3, 12, HOP2, HOP2 + 20 * TIME_MS },
    { "too small a size becomes 4", 2, 0, TIME_MS, 2, 8, HOP2, HOP2 + TIME_MS },
    { "no interval becomes 1 ns", 5, 8, 0, 5, 40, HOP2, HOP2 + 4 },
    { "a burst", 2000, 1000, TIME_US, 2000, 2000000, HOP2, HOP2 + 1999 * TIME_US },
    { "in fragments", 2, 5000, TIME_MS, 2, 10000, HOP2, HOP2 + TIME_MS },
    { "the largest", 1, 65507, TIME_MS, 1, 65507, HOP2, HOP2 },
};

static void
test_counts(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct traffic_options options = options_to("198.51.100.2", rows[i].packets, rows[i].size, rows[i].interval);
        int64_t begun = the_lab->world->now;
        struct traffic traffic = { 0 };
        struct sink sink;

        CHECK_ROW(rows[i].name, sink_open(&sink, to, 9) == IO_OK);
        CHECK_ROW(rows[i].name, traffic_start(&traffic, from, &options) == IO_OK);
        CHECK_ROW(rows[i].name, !traffic.done && !world_quiet(the_lab->world)); /* it keeps a run going */
        CHECK_ROW_UINT(rows[i].name, traffic.sent, 0);                          /* the next turn, not this call */
        world_run(the_lab->world, begun + 10 * TIME_S);
        CHECK_ROW(rows[i].name, traffic.done && world_quiet(the_lab->world));
        CHECK_ROW_UINT(rows[i].name, traffic.sent, rows[i].packets);
        CHECK_ROW_UINT(rows[i].name, traffic.failed, 0);
        CHECK_ROW_UINT(rows[i].name, sink.packets, rows[i].arrived);
        CHECK_ROW_UINT(rows[i].name, sink.bytes, rows[i].bytes);
        CHECK_ROW_INT(rows[i].name, sink.first_at - begun, rows[i].first_at);
        CHECK_ROW_INT(rows[i].name, sink.last_at - begun, rows[i].last_at);
        sink_close(&sink);
        sink_close(&sink);
    }
}

struct reader_of_numbers {
    uint32_t next;
    uint16_t from_port;
    bool good;
};

static void
read_number(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    struct reader_of_numbers *numbers = owner;
    struct reader reader = reader_over(datagram->data);

    (void)udp;
    numbers->good &= reader_u32(&reader) == numbers->next++;
    while (reader_left(&reader) > 0)
        numbers->good &= reader_u8(&reader) == 0;
    numbers->good &= datagram->data.length == 40;
    numbers->from_port = datagram->peer.port;
}

static const struct io_udp_events number_events = { read_number, NULL };

static void
test_numbers(void)
{
    struct traffic_options options = options_to("198.51.100.2", 300, 40, TIME_MS);
    struct reader_of_numbers numbers = { .good = true };
    struct traffic traffic = { 0 };
    enum io_result why;
    struct io *io = node_io(to);
    struct io_udp *socket = io->ops->udp(io, &(struct endpoint){ .port = 9 }, &number_events, &numbers, &why);

    options.from_port = 4321;
    CHECK(traffic_start(&traffic, from, &options) == IO_OK);
    world_run(the_lab->world, TIME_S);
    CHECK_ROW_UINT(NULL, numbers.next, 300);
    CHECK(numbers.good);
    CHECK_ROW_UINT(NULL, numbers.from_port, 4321);
    socket->ops->close(socket);
}

static void
free_it(void *owner, struct traffic *traffic)
{
    unsigned *told = owner;

    ++*told;
    CHECK(traffic->done);
    g_free(traffic);
}

static void
test_tells_its_end(void)
{
    struct traffic_options options = options_to("198.51.100.2", 2, 40, TIME_MS);
    struct traffic *traffic = g_new0(struct traffic, 1);
    unsigned told = 0;

    traffic->finished = free_it;
    traffic->owner = &told;
    CHECK(traffic_start(traffic, from, &options) == IO_OK);
    CHECK_ROW_UINT(NULL, told, 0);
    world_run(the_lab->world, TIME_MS - 1);
    CHECK_ROW_UINT(NULL, told, 0);
    world_run(the_lab->world, TIME_S);
    CHECK_ROW_UINT(NULL, told, 1);
}

static void
never(void *owner, struct traffic *traffic)
{
    (void)traffic;
    ++*(unsigned *)owner;
}

static void
test_stops(void)
{
    struct traffic_options options = options_to("198.51.100.2", 0, 40, TIME_MS);
    unsigned told = 0;
    struct traffic traffic = { .finished = never, .owner = &told };
    struct sink sink;

    options.from_port = 4321;
    CHECK(sink_open(&sink, to, 9) == IO_OK);
    CHECK(traffic_start(&traffic, from, &options) == IO_OK);
    world_run(the_lab->world, 100 * TIME_MS); /* at 0, 1, ... 100 ms */
    CHECK_ROW_UINT(NULL, traffic.sent, 101);
    traffic_stop(&traffic);
    traffic_stop(&traffic);
    CHECK(traffic.done);
    world_run(the_lab->world, TIME_S);
    CHECK_ROW_UINT(NULL, sink.packets, 101);
    CHECK_ROW_UINT(NULL, told, 0);
    sink_close(&sink);

    traffic = (struct traffic){ 0 };
    CHECK(traffic_start(&traffic, from, &options) == IO_OK); /* its port is free again */
    traffic_stop(&traffic);
}

static void
test_failures(void)
{
    struct traffic_options options = options_to("198.51.100.2", 1, 40, TIME_MS);
    struct traffic one = { 0 }, other = { 0 };
    struct sink sink, second;

    CHECK(sink_open(&sink, to, 9) == IO_OK);
    CHECK(sink_open(&second, to, 9) == IO_IN_USE);
    sink_close(&second);
    sink_close(&sink);

    options.from_port = 4321;
    CHECK(traffic_start(&one, from, &options) == IO_OK);
    CHECK(traffic_start(&other, from, &options) == IO_IN_USE);
    CHECK(other.done);
    traffic_stop(&other);
    world_run(the_lab->world, TIME_S);

    /* Too large for a datagram, and no way out: counted, and it ends all the same. */
    options = options_to("198.51.100.2", 3, 65508, TIME_MS);
    one = (struct traffic){ 0 };
    CHECK(traffic_start(&one, from, &options) == IO_OK);
    world_run(the_lab->world, 2 * TIME_S);
    CHECK(one.done && one.sent == 0 && one.failed == 3);
    lab_detach(&lab_find(the_lab, "A")->first);
    options.size = 40;
    one = (struct traffic){ 0 };
    CHECK(traffic_start(&one, from, &options) == IO_OK);
    world_run(the_lab->world, 3 * TIME_S);
    CHECK(one.done && one.sent == 0 && one.failed == 3);
}

/* A script that waits for a sink is to look again after each arrival. */
static void
test_touches_the_world(void)
{
    struct traffic_options options = options_to("198.51.100.2", 1, 40, TIME_MS);
    struct traffic traffic = { 0 };
    struct sink sink;

    CHECK(sink_open(&sink, to, 9) == IO_OK);
    CHECK(traffic_start(&traffic, from, &options) == IO_OK);
    world_run(the_lab->world, HOP2 - 1);
    the_lab->world->touched = false;
    world_run(the_lab->world, HOP2);
    CHECK_ROW_UINT(NULL, sink.packets, 1);
    CHECK(the_lab->world->touched);
    sink_close(&sink);
}

void
suite_traffic(void)
{
    UNIT_SUITE("traffic", set_up, tear_down, { "counts, sizes and times", test_counts }, { "numbers", test_numbers },
               { "tells its end", test_tells_its_end }, { "stops", test_stops }, { "fails", test_failures },
               { "touches the world", test_touches_the_world });
}
