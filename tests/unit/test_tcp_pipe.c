/* Two machines against each other over a pipe that loses, reorders, duplicates and spoils: whatever it does, each side
 * gets exactly what the other wrote, in both directions, and both come to an end. A hundred seeds, each with other
 * options, buffers, sizes, readers and writers. */
#include "core/base/random.h"
#include "core/net/tcp_machine.h"
#include "tests/unit/support.h"

#define PACKETS_MOST 4096

struct pipe_packet {
    int64_t at;
    uint64_t order;
    int to;
    struct tcp_segment segment;
    uint8_t *bytes;
};

struct pipe_end {
    struct tcp_machine machine;
    struct tcp_settings settings;
    GChecksum *wrote, *got;
    uint32_t to_write, written, received;
    uint32_t read_most; /* bytes it takes at a time */
    bool closed, eof;
    int64_t read_at;    /* a slow reader's next look */
};

struct pipe {
    struct random_stream dice;
    struct pipe_end ends[2];
    struct pipe_packet packets[PACKETS_MOST];
    uint32_t count;
    uint64_t order;
    int64_t now;
    int64_t delay, jitter;
    chance loss, duplicate;
    uint64_t sent, lost;
};

static void
carry(struct pipe *pipe, int to, const struct tcp_segment *segment)
{
    struct pipe_packet *packet = &pipe->packets[pipe->count++];
    size_t length = segment->data.length + segment->more.length;

    g_assert(pipe->count <= PACKETS_MOST);
    *packet = (struct pipe_packet){ .at = pipe->now + pipe->delay, .order = pipe->order++, .to = to,
                                    .segment = *segment };
    if (pipe->jitter)
        packet->at += (int64_t)random_below(&pipe->dice, (uint64_t)pipe->jitter);
    packet->bytes = g_malloc(length + 1);
    if (length > 0) {
        memcpy(packet->bytes, segment->data.bytes, segment->data.length);
        if (segment->more.length > 0)
            memcpy(packet->bytes + segment->data.length, segment->more.bytes, segment->more.length);
    }
    packet->segment.data = span_of(packet->bytes, length);
    packet->segment.more = span_of(NULL, 0);
}

static void
pump(struct pipe *pipe, int side)
{
    struct pipe_end *end = &pipe->ends[side];
    struct tcp_segment segment;

    while (tcp_machine_next(&end->machine, pipe->now, &segment)) {
        pipe->sent++;
        if (random_chance(&pipe->dice, pipe->loss)) {
            pipe->lost++;
            continue;
        }
        carry(pipe, 1 - side, &segment);
        if (random_chance(&pipe->dice, pipe->duplicate))
            carry(pipe, 1 - side, &segment);
    }
}

static void
use(struct pipe *pipe, int side)
{
    struct pipe_end *end = &pipe->ends[side];
    uint8_t bytes[8192];
    enum io_result why;
    ssize_t count = 1;

    while (end->written < end->to_write && count > 0) {
        size_t length = 1 + (size_t)random_below(&pipe->dice, sizeof bytes);

        length = MIN(length, end->to_write - end->written);
        random_fill(&pipe->dice, bytes, length);
        count = tcp_machine_write(&end->machine, bytes, length, &why);
        if (count > 0) {
            g_checksum_update(end->wrote, bytes, count);
            end->written += (uint32_t)count;
        }
    }
    if (end->written == end->to_write && !end->closed) {
        end->closed = true;
        tcp_machine_shutdown(&end->machine, pipe->now);
    }
    count = 1;
    while (pipe->now >= end->read_at && count > 0) {
        count = tcp_machine_read(&end->machine, bytes, MIN(sizeof bytes, end->read_most), &why);
        if (count > 0) {
            g_checksum_update(end->got, bytes, count);
            end->received += (uint32_t)count;
            if (end->read_most < sizeof bytes)
                end->read_at = pipe->now + (int64_t)random_below(&pipe->dice, 3 * TIME_MS);
        } else if (count == 0) {
            end->eof = true;
        }
    }
    pump(pipe, side);
}

static int
first_packet(const struct pipe *pipe)
{
    int first = -1;

    for (uint32_t i = 0; i < pipe->count; i++)
        if (first < 0 || pipe->packets[i].at < pipe->packets[first].at ||
            (pipe->packets[i].at == pipe->packets[first].at && pipe->packets[i].order < pipe->packets[first].order))
            first = (int)i;
    return first;
}

/* What happens next: a packet arrives, a deadline comes, or a slow reader looks again. False: nothing ever will. */
static bool
step(struct pipe *pipe)
{
    int first = first_packet(pipe), side = 0;
    int64_t next = first >= 0 ? pipe->packets[first].at : TIME_NEVER;
    bool packet = true;

    for (int i = 0; i < 2; i++) {
        struct pipe_end *end = &pipe->ends[i];
        int64_t deadline = end->machine.state == TCP_LISTEN ? TIME_NEVER : tcp_machine_deadline(&end->machine);

        if (end->machine.state != TCP_LISTEN && end->read_at > pipe->now && !end->eof)
            deadline = MIN(deadline, end->read_at);
        if (deadline < next) {
            next = deadline;
            side = i;
            packet = false;
        }
    }
    if (next == TIME_NEVER)
        return false;
    pipe->now = MAX(pipe->now, next);
    if (packet) {
        struct pipe_packet arrived = pipe->packets[first];
        struct tcp_machine *machine = &pipe->ends[arrived.to].machine;
        enum drop_reason reason;

        side = arrived.to;
        pipe->packets[first] = pipe->packets[--pipe->count];
        if (machine->state == TCP_LISTEN) {
            struct tcp_segment reply;
            struct tcp_birth birth = { .iss = (uint32_t)0 - (uint32_t)random_below(&pipe->dice, 50000), .mss = 1400 };

            if (tcp_listen_answer(&arrived.segment, &reply) == TCP_LISTEN_OPEN)
                tcp_machine_answer(machine, &pipe->ends[side].settings, &birth, &arrived.segment, pipe->now);
        } else if (machine->state != TCP_CLOSED) {
            reason = tcp_machine_receive(machine, &arrived.segment, pipe->now);
            (void)reason;
        }
        g_free(arrived.bytes);
    } else {
        tcp_machine_wake(&pipe->ends[side].machine, pipe->now);
    }
    if (pipe->ends[side].machine.state != TCP_LISTEN)
        use(pipe, side);
    return true;
}

static void
pipe_start(struct pipe *pipe, uint64_t seed, bool both_active)
{
    struct tcp_birth birth;

    pipe->dice = random_stream_of(seed, "pipe", "test");
    for (int i = 0; i < 2; i++) {
        struct pipe_end *end = &pipe->ends[i];

        end->settings = tcp_settings_default;
        end->settings.sack = random_below(&pipe->dice, 2);
        end->settings.timestamps = random_below(&pipe->dice, 2);
        end->settings.scaling = random_below(&pipe->dice, 2);
        end->settings.receive_buffer = 3000 + (uint32_t)random_below(&pipe->dice, 300000);
        end->settings.give_up = 1000 * TIME_S; /* this is about loss, not about dead peers */
        end->to_write = (uint32_t)random_below(&pipe->dice, 300000);
        end->read_most = random_below(&pipe->dice, 3) ? 8192 : 100 + (uint32_t)random_below(&pipe->dice, 3000);
        end->wrote = g_checksum_new(G_CHECKSUM_SHA256);
        end->got = g_checksum_new(G_CHECKSUM_SHA256);
        end->machine.state = TCP_LISTEN;
    }
    pipe->delay = 1 + (int64_t)random_below(&pipe->dice, 30 * TIME_MS);
    pipe->jitter = (int64_t)random_below(&pipe->dice, 2) * (int64_t)random_below(&pipe->dice, 20 * TIME_MS);
    for (int i = 0; i <= both_active; i++) {
        birth = (struct tcp_birth){ .iss = (uint32_t)0 - (uint32_t)random_below(&pipe->dice, 50000), .mss = 1460 };
        pipe->ends[i].machine.state = TCP_CLOSED;
        tcp_machine_connect(&pipe->ends[i].machine, &pipe->ends[i].settings, &birth, 0);
        pipe->ends[i].machine.nagle = random_below(&pipe->dice, 2);
    }
    for (int i = 0; i <= both_active; i++)
        use(pipe, i);
}

static void
pipe_end(struct pipe *pipe)
{
    for (int i = 0; i < 2; i++) {
        tcp_machine_clear(&pipe->ends[i].machine);
        g_checksum_free(pipe->ends[i].wrote);
        g_checksum_free(pipe->ends[i].got);
    }
    for (uint32_t i = 0; i < pipe->count; i++)
        g_free(pipe->packets[i].bytes);
}

static void
check_intact(const char *row, struct pipe *pipe)
{
    for (int i = 0; i < 2; i++) {
        struct pipe_end *from = &pipe->ends[i], *to = &pipe->ends[1 - i];

        CHECK_ROW_UINT(row, to->received, from->to_write);
        CHECK_ROW_TEXT(row, g_checksum_get_string(to->got), g_checksum_get_string(from->wrote));
        CHECK_ROW(row, to->eof);
        CHECK_ROW_TEXT(row, tcp_state_name(from->machine.state), "CLOSED");
        CHECK_ROW_TEXT(row, io_result_word(from->machine.failure), "ok");
        CHECK_ROW_INT(row, tcp_machine_deadline(&from->machine), TIME_NEVER);
    }
}

/* Bounded: a machine that sends without end would be found out here. */
static void
run_pipe(const char *kind, uint64_t seed, bool both_active, chance loss, chance duplicate)
{
    g_autofree char *row = g_strdup_printf("%s, seed %" PRIu64, kind, seed);
    struct pipe *pipe = g_new0(struct pipe, 1);
    unsigned steps = 0;

    pipe->loss = loss;
    pipe->duplicate = duplicate;
    pipe_start(pipe, seed, both_active);
    while (steps < 1000000 && step(pipe))
        steps++;
    CHECK_ROW(row, steps < 1000000);
    check_intact(row, pipe);
    pipe_end(pipe);
    g_free(pipe);
}

static void
test_clean(void)
{
    for (uint64_t seed = 0; seed < 20; seed++)
        run_pipe("clean", seed, false, 0, 0);
}

static void
test_lossy(void)
{
    for (uint64_t seed = 0; seed < 100; seed++)
        run_pipe("5 % lost, 2 % doubled", seed, false, chance_of(0.05), chance_of(0.02));
}

static void
test_terrible(void)
{
    for (uint64_t seed = 0; seed < 20; seed++)
        run_pipe("20 % lost, 20 % doubled", seed, false, chance_of(0.2), chance_of(0.2));
}

/* RFC 9293 figure 7, with the SYNs as likely to be lost as all else. */
static void
test_simultaneous(void)
{
    for (uint64_t seed = 0; seed < 50; seed++)
        run_pipe("both open at once", seed, true, chance_of(0.05), chance_of(0.05));
}

/* Without loss nothing is sent twice, and the sender is not asked for more than it has. */
static void
test_nothing_twice(void)
{
    for (uint64_t seed = 100; seed < 110; seed++) {
        struct pipe *pipe = g_new0(struct pipe, 1);
        uint32_t octets;

        pipe_start(pipe, seed, false);
        for (int i = 0; i < 2; i++) {
            pipe->ends[i].read_most = 8192;
            pipe->ends[i].settings.receive_buffer = 1 << 20;
        }
        pipe->jitter = 0;
        pipe->ends[1].to_write = 0;
        octets = pipe->ends[0].to_write;
        while (step(pipe))
            ;
        check_intact("nothing twice", pipe);
        CHECK(pipe->sent < 30 + octets / 1300 * 2);
        pipe_end(pipe);
        g_free(pipe);
    }
}

void
suite_tcp_pipe(void)
{
    UNIT_SUITE("tcp pipe", NULL, NULL, { "clean", test_clean }, { "lossy", test_lossy }, { "terrible", test_terrible },
               { "simultaneous open", test_simultaneous }, { "nothing twice", test_nothing_twice });
}
