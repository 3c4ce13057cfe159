/* Streams that ALGs read: the machine of positions against a slow one, and segments of all kinds through a box.
 *
 * The ALG here takes lines for messages, and in each doubles every 'g', drops every 's', and puts "xyz" for 'm'. */
#include "core/base/random.h"
#include "core/net/ip.h"
#include "nat/alg/connections.h"
#include "tests/unit/support.h"
#include "tests/unit/support_nat.h"

enum { STREAM_MAX = 1500, NET_MAX = 24, SIDES = 2 };
enum { CLIENT, SERVER }; /* inside, outside */

static void
edit_letters(struct alg_message *message)
{
    for (size_t at = 0; at < message->data.length; at++) {
        uint8_t letter = message->data.bytes[at];

        if (letter == 'g')
            alg_replace(message, at, 1, span_of("gg", 2));
        else if (letter == 's')
            alg_replace(message, at, 1, span_of(NULL, 0));
        else if (letter == 'm')
            alg_replace(message, at, 1, span_of("xyz", 3));
        else if (letter == 'i')
            alg_replace(message, at, 0, span_of("ii", 2));
        else if (letter == 'Q')
            alg_stop(message);
    }
}

static size_t
frame_line(const struct alg_seat *seat, struct span so_far, bool from_opener)
{
    const uint8_t *end = memchr(so_far.bytes, '\n', so_far.length);

    (void)seat, (void)from_opener;
    if (so_far.bytes[0] == '!')
        return ALG_FRAME_NONE;
    if (so_far.bytes[0] == '#')
        return so_far.length < 2 ? ALG_FRAME_MORE : (size_t)ALG_MESSAGE_MAX + 100;
    return end ? (size_t)(end - so_far.bytes) + 1 : ALG_FRAME_MORE;
}

static const struct alg toy = { .name = "toy", .over = ALG_OVER_TCP, .port = 21, .segments_quirk = 1,
                                .read = edit_letters, .frame = frame_line };
static const struct alg *const toys[] = { &toy };

/* What bytes become, one by one; `at[i]`: where byte i begins for the receiver. */
static size_t
edit_slowly(const uint8_t *bytes, size_t length, uint8_t *out, uint32_t *at)
{
    size_t used = 0;

    for (size_t i = 0; i < length; i++) {
        const char *with = bytes[i] == 'g' ? "gg" : bytes[i] == 's' ? "" : bytes[i] == 'm' ? "xyz" : bytes[i] == 'i' ? "iii" : NULL;

        if (at)
            at[i] = (uint32_t)used;
        if (with) {
            memcpy(out + used, with, strlen(with));
            used += strlen(with);
        } else {
            out[used++] = bytes[i];
        }
    }
    if (at)
        at[length] = (uint32_t)used;
    return used;
}

/* ---- two ends and a box */

struct frame {
    uint8_t bytes[2048];
    size_t length;
};

/* One end: what it sends, and what it has received of the other's. */
struct end {
    struct endpoint own;
    uint32_t isn;
    uint8_t data[STREAM_MAX], wanted[3 * STREAM_MAX], got[3 * STREAM_MAX];
    bool has[3 * STREAM_MAX];
    uint32_t at[STREAM_MAX + 1];
    size_t length, wanted_length; /* of its own stream, and what that is to become */
    uint32_t una, nxt;            /* from 0 */
    uint32_t received;            /* of the other's stream, without a gap */
    bool fin, got_fin, acked_fin;
    uint32_t got_end;             /* where the other's FIN stands */
    uint16_t window;
};

static struct pair {
    struct nat_bench bench;
    struct capture captures[SIDES];
    struct end ends[SIDES];
    struct endpoint external;
    GQueue left[SIDES]; /* struct frame *, towards that side */
    bool bad, open;
} pair;

static void
take_left(unsigned to, enum capture_direction direction, struct span bytes)
{
    struct frame *frame;

    if (direction != CAPTURE_OUT)
        return;
    g_autofree char *text = wire_text(bytes);

    if (strstr(text, "BAD")) {
        pair.bad = true;
        CHECK_ROW_TEXT("what leaves is right", text, "");
    }
    frame = g_new(struct frame, 1);
    frame->length = MIN(bytes.length, sizeof frame->bytes);
    memcpy(frame->bytes, bytes.bytes, frame->length);
    g_queue_push_tail(&pair.left[to], frame);
}

static void
to_client(struct capture *capture, uint32_t interface, uint32_t node, enum capture_direction direction, int64_t at,
          packet_name packet, struct span bytes)
{
    (void)capture, (void)interface, (void)node, (void)at, (void)packet;
    take_left(CLIENT, direction, bytes);
}

static void
to_server(struct capture *capture, uint32_t interface, uint32_t node, enum capture_direction direction, int64_t at,
          packet_name packet, struct span bytes)
{
    (void)capture, (void)interface, (void)node, (void)at, (void)packet;
    take_left(SERVER, direction, bytes);
}

static void
drop_left(void)
{
    for (unsigned side = 0; side < SIDES; side++)
        g_queue_clear_full(&pair.left[side], g_free);
}

static void
put_raw(unsigned from, const uint8_t *bytes, size_t length)
{
    nat_bench_bytes(&pair.bench, from == CLIENT ? NAT_INSIDE : NAT_OUTSIDE, span_of(bytes, length));
}

/* Writes a segment of an end as it stands on the wire before the box. */
static size_t
write_frame(unsigned from, const struct tcp_segment *tcp, uint8_t *bytes)
{
    struct endpoint source = pair.ends[from].own, to = from == CLIENT ? pair.ends[SERVER].own : pair.external;
    struct tcp_segment segment = *tcp;
    size_t length;
    struct writer writer = writer_over(bytes, 20);
    bool written;

    segment.source_port = source.port;
    segment.destination_port = to.port;
    length = tcp_segment_header(&segment) + segment.data.length;
    written = tcp_segment_write(&segment, source.address, to.address, bytes + 20, length);
    g_assert(written);
    writer_u16(&writer, 0x4500);
    writer_u16(&writer, (uint16_t)(20 + length));
    writer_u32(&writer, 0x4000);
    writer_u16(&writer, 0x4006);
    writer_u16(&writer, 0);
    writer_u32(&writer, address_to_ipv4(source.address));
    writer_u32(&writer, address_to_ipv4(to.address));
    writer_patch_u16(&writer, 10, checksum_of(span_of(bytes, 20)));
    return 20 + length;
}

static void
put(unsigned from, const struct tcp_segment *tcp)
{
    uint8_t bytes[2048];

    put_raw(from, bytes, write_frame(from, tcp, bytes));
}

static struct tcp_segment
segment_of(const struct frame *frame)
{
    struct tcp_segment tcp;
    enum drop_reason reason = tcp_segment_read(span_of(frame->bytes + 20, frame->length - 20), &tcp);

    g_assert(reason == DROP_NONE);
    return tcp;
}

static void
open_pair(unsigned quirks, uint8_t scale)
{
    struct tcp_segment syn = { .flags = TCP_SYN, .window = 60000, .scale = scale, .mss = 1460 };

    nat_bench_open(&pair.bench, "full-cone", NULL);
    alg_fit_with(pair.bench.box, toys, &quirks, 1);
    pair.captures[CLIENT] = (struct capture){ to_client };
    pair.captures[SERVER] = (struct capture){ to_server };
    pair.bench.ports[NAT_INSIDE]->capture = &pair.captures[CLIENT];
    pair.bench.ports[NAT_OUTSIDE]->capture = &pair.captures[SERVER];
    pair.open = true;
    pair.bad = false;
    memset(pair.ends, 0, sizeof pair.ends);
    pair.ends[CLIENT].own = nat_endpoint("10.0.0.2:5000");
    pair.ends[SERVER].own = nat_endpoint("198.51.100.1:21");
    pair.ends[CLIENT].isn = 0xfffffff0;
    pair.ends[SERVER].isn = 0x7ffffff8;
    pair.ends[CLIENT].window = pair.ends[SERVER].window = 60000;
    pair.external = nat_endpoint("203.0.113.1:5000");
    syn.seq = pair.ends[CLIENT].isn;
    put(CLIENT, &syn);
    syn.flags |= TCP_ACK;
    syn.seq = pair.ends[SERVER].isn;
    syn.ack = pair.ends[CLIENT].isn + 1;
    put(SERVER, &syn);
    syn = (struct tcp_segment){ .seq = pair.ends[CLIENT].isn + 1, .ack = pair.ends[SERVER].isn + 1, .flags = TCP_ACK,
                                .window = 60000, .scale = TCP_NO_SCALE };
    put(CLIENT, &syn);
    drop_left();
}

static void
tear_down(void)
{
    drop_left();
    if (pair.open) {
        nat_bench_until(&pair.bench, pair.bench.world->now + 6 * TIME_S);
        drop_left();
        nat_bench_close(&pair.bench);
        drop_left();
    }
    pair.open = false;
}

static struct alg_streams *
streams(void)
{
    return ((struct alg_box *)nat_reader(pair.bench.nat))->streams;
}

/* ---- conversations in words */

/* A segment of `from`: bytes at a position from 0, with flags beside ACK. */
static void
say(unsigned from, uint32_t at, const char *text, uint8_t flags)
{
    struct end *end = &pair.ends[from], *other = &pair.ends[!from];
    struct tcp_segment tcp = { .seq = end->isn + 1 + at, .ack = other->isn + 1 + end->received, .window = end->window,
                               .flags = TCP_ACK | flags, .scale = TCP_NO_SCALE, .data = span_of_text(text) };

    put(from, &tcp);
}

/* What has come to a side: "at:bytes" of each segment, "at:F" behind of a FIN, "at" of a bare one, and "/ack". */
static char *
heard(unsigned to)
{
    GString *out = g_string_new(NULL);
    struct frame *frame;

    while ((frame = g_queue_pop_head(&pair.left[to]))) {
        struct tcp_segment tcp = segment_of(frame);

        g_string_append_printf(out, "%s%d", out->len ? " " : "", (int)(tcp.seq - pair.ends[!to].isn - 1));
        if (tcp.data.length > 0)
            g_string_append_printf(out, ":%.*s", (int)tcp.data.length, (const char *)tcp.data.bytes);
        if (tcp.flags & TCP_FIN)
            g_string_append(out, "F");
        if (tcp.flags & TCP_RST)
            g_string_append(out, "R");
        if (tcp.flags & TCP_URG)
            g_string_append_printf(out, "U%u", tcp.urgent);
        if (tcp.ack != pair.ends[to].isn + 1 && tcp.flags & TCP_ACK)
            g_string_append_printf(out, "/%d", (int)(tcp.ack - pair.ends[to].isn - 1));
        for (unsigned i = 0; i < tcp.sack_count; i++)
            g_string_append_printf(out, "[%d-%d]", (int)(tcp.sack[i].left - pair.ends[to].isn - 1),
                                   (int)(tcp.sack[i].right - pair.ends[to].isn - 1));
        if (tcp.window != 60000)
            g_string_append_printf(out, "w%u", tcp.window);
        g_free(frame);
    }
    for (char *at = out->str; *at; at++)
        if (*at == '\n')
            *at = '$';
    return g_string_free(out, FALSE);
}

static void
check_heard(const char *name, unsigned to, const char *expected)
{
    g_autofree char *told = heard(to);

    CHECK_ROW_TEXT(name, told, expected);
}

static void
test_whole(void)
{
    open_pair(0, TCP_NO_SCALE);
    say(CLIENT, 0, "abg\n", 0);
    check_heard("longer", SERVER, "0:abgg$");
    say(CLIENT, 4, "s\nx\n", 0);
    check_heard("shorter, and two in one", SERVER, "5:$x$");
    say(SERVER, 0, "m\n", 0);
    check_heard("the other way", CLIENT, "0:xyz$");
    pair.ends[SERVER].received = 8;
    say(SERVER, 2, "", 0);
    check_heard("acknowledged, all", CLIENT, "4/8");
    say(CLIENT, 8, "q\n", TCP_FIN);
    check_heard("with FIN", SERVER, "8:q$Fw59998");
    CHECK_ROW_UINT("acknowledged edits are forgotten", streams()->stores.live, 1);
    CHECK_ROW_UINT("nothing is gathered", streams()->gathered.live, 0);
}

static void
test_pieces(void)
{
    open_pair(0, TCP_NO_SCALE);
    say(CLIENT, 0, "ag", 0);
    check_heard("held", SERVER, "");
    say(CLIENT, 2, "bm", 0);
    check_heard("held", SERVER, "");
    say(CLIENT, 4, "c\nde", 0);
    check_heard("complete, but for the next one's beginning", SERVER, "0:agg 3:bxyz 7:c$");
    say(CLIENT, 8, "\n", 0);
    check_heard("the next", SERVER, "9:de 11:$");
    say(CLIENT, 1, "gbmc\nde\n", 0);
    check_heard("again, with other boundaries", SERVER, "1:ggbxyzc$de$");
    say(CLIENT, 3, "m", 0);
    check_heard("again, one byte", SERVER, "4:xyz");
    pair.ends[SERVER].received = 5;
    say(SERVER, 0, "", 0);
    check_heard("in the midst of an edit", CLIENT, "0/3w59999");
    pair.ends[SERVER].received = 7;
    say(SERVER, 0, "", 0);
    check_heard("at its end", CLIENT, "0/4");
    say(CLIENT, 0, "agb", 0);
    check_heard("what was acknowledged comes again", SERVER, "11");
    say(CLIENT, 2, "bmc\n", 0);
    check_heard("and more", SERVER, "7:c$");
}

/* Out of order, lost, doubled. */
static void
test_order(void)
{
    open_pair(0, TCP_NO_SCALE);
    say(CLIENT, 4, "x\n", 0);
    check_heard("behind a gap: the receiver is to ask", SERVER, "-1");
    say(CLIENT, 2, "g\n", 0);
    check_heard("there is another gap", SERVER, "-1");
    say(CLIENT, 2, "g\n", 0);
    check_heard("doubled", SERVER, "");
    say(CLIENT, 0, "g\n", 0);
    check_heard("all in order", SERVER, "0:gg$ 3:gg$ 6:x$");
    say(CLIENT, 6, "a", 0);
    say(CLIENT, 6, "ab\n", 0);
    check_heard("again, and more", SERVER, "8:a 9:b$");
    say(CLIENT, 8, "\ncd\n", 0);
    check_heard("half known", SERVER, "10:$ 11:cd$");
}

/* Nothing is held for good. */
static void
test_given_up(void)
{
    open_pair(0, TCP_NO_SCALE);
    say(CLIENT, 0, "g", 0);
    nat_bench_until(&pair.bench, TIME_S);
    check_heard("held", SERVER, "");
    say(CLIENT, 0, "g", 0);
    check_heard("sent again: it goes on", SERVER, "0:g");
    say(CLIENT, 1, "g\ng\n", 0);
    check_heard("so does the rest, and the next is read", SERVER, "1:g$gg$");
    say(CLIENT, 5, "g", 0);
    nat_bench_until(&pair.bench, 7 * TIME_S);
    check_heard("after a time", SERVER, "6:g");
    CHECK_ROW_UINT("nothing is held", streams()->held, 0);
    g_autofree char *because = nat_bench_sentence(&pair.bench, "alg-passed");
    CHECK_ROW_TEXT("it is told", because, "data: passes as it is, because its sender waits for an acknowledgement with the "
                                         "message unfinished");
    say(CLIENT, 6, "g", TCP_FIN);
    check_heard("ended", SERVER, "7:gF");
}

static void
test_window(void)
{
    open_pair(0, TCP_NO_SCALE);
    pair.ends[SERVER].window = 5;
    say(SERVER, 0, "", 0);
    check_heard("it takes five bytes", CLIENT, "0w5");
    say(CLIENT, 0, "g\ng", 0);
    check_heard("one is left", SERVER, "0:gg$");
    pair.ends[SERVER].received = 0;
    say(SERVER, 0, "", 0);
    check_heard("what has grown counts", CLIENT, "0w4");
    pair.ends[SERVER].received = 3;
    pair.ends[SERVER].window = 0;
    say(SERVER, 0, "", 0);
    check_heard("full", CLIENT, "0/2w0");
    say(CLIENT, 3, "a", 0);
    check_heard("a probe", SERVER, "2");
    say(CLIENT, 1, "", 0);
    pair.ends[SERVER].window = 2;
    say(SERVER, 0, "", 0);
    drop_left();
    say(CLIENT, 2, "ga", 0);
    check_heard("all that there is room for", SERVER, "3:g 4:a");
}

/* Numbers that come back. */
static void
test_sack(void)
{
    struct tcp_segment tcp = { .ack = pair.ends[CLIENT].isn, .flags = TCP_ACK, .window = 60000, .scale = TCP_NO_SCALE };

    open_pair(0, TCP_NO_SCALE);
    say(CLIENT, 0, "abgd\n", 0);
    say(CLIENT, 5, "mn\n", 0);
    say(CLIENT, 8, "op\n", 0);
    drop_left();
    tcp.seq = pair.ends[SERVER].isn + 1;
    tcp.ack = pair.ends[CLIENT].isn + 1 + 1;
    tcp.sack_count = 3;
    tcp.sack[0] = (struct tcp_block){ tcp.ack + 2, tcp.ack + 6 };   /* from the midst of gg to the midst of xyz */
    tcp.sack[1] = (struct tcp_block){ tcp.ack + 6, tcp.ack + 7 };   /* in the midst of xyz */
    tcp.sack[2] = (struct tcp_block){ tcp.ack + 8, tcp.ack + 12 };
    put(SERVER, &tcp);
    check_heard("blocks", CLIENT, "0/1[3-5][6-10]w59997");
}

static void
test_growth(void)
{
    g_autofree char *line = g_strnfill(600, 'a');
    g_autofree char *first = NULL;

    open_pair(0, TCP_NO_SCALE);
    line[0] = 'm';
    line[599] = '\n';
    say(CLIENT, 0, line, TCP_PSH);
    first = g_strdup_printf("0:xyz%.*s 600:a$", 597, line + 1);
    first[strlen(first) - 1] = '$';
    check_heard("cut in two", SERVER, first);
    say(CLIENT, 600, "iiiii\n", 0);
    check_heard("a short one is not", SERVER, "602:iiiiiiiiiiiiiii$");
}

static void
test_ends(void)
{
    open_pair(0, TCP_NO_SCALE);
    say(CLIENT, 0, "g", 0);
    say(CLIENT, 1, "", TCP_FIN);
    check_heard("in the midst of a message", SERVER, "0:g 1F");
    say(CLIENT, 0, "g", TCP_FIN);
    check_heard("again", SERVER, "0:gF");
    tear_down();

    open_pair(0, TCP_NO_SCALE);
    say(CLIENT, 0, "g\ng", 0);
    drop_left();
    say(CLIENT, 3, "", TCP_RST);
    check_heard("reset", SERVER, "3:g 4R");
    say(CLIENT, 0, "g\n", 0);
    check_heard("what was changed is still changed", SERVER, "0:gg$");
}

static void
test_alive(void)
{
    open_pair(0, TCP_NO_SCALE);
    say(CLIENT, 0, "g\n", 0);
    drop_left();
    say(CLIENT, 1, "", 0);
    check_heard("keep-alive", SERVER, "2");
    say(CLIENT, 1, "?", 0);
    check_heard("with a byte", SERVER, "2:?");
    say(CLIENT, 2, "g", 0);
    drop_left();
    pair.ends[CLIENT].received = 5;
    say(CLIENT, 3, "", 0);
    check_heard("an acknowledgement shows no gap", SERVER, "3/5");
    pair.ends[CLIENT].received = 7;
    say(CLIENT, 3, "a", 0);
    check_heard("that of a held segment goes on at once", SERVER, "3/7");
}

static void
test_blind(void)
{
    open_pair(0, TCP_NO_SCALE);
    say(CLIENT, 0, "g\n", 0);
    say(CLIENT, 2, "gQ\ng\n", 0);
    check_heard("up to where it stops", SERVER, "0:gg$ 3:ggQ$g$");
    say(CLIENT, 7, "g\n", 0);
    check_heard("and no further", SERVER, "9:g$");
    say(SERVER, 0, "g\n", 0);
    check_heard("nor the other way", CLIENT, "0:g$w59998");
    say(CLIENT, 2, "gQ\ng\n", 0);
    check_heard("again", SERVER, "3:ggQ$g$");
    tear_down();

    open_pair(0, TCP_NO_SCALE);
    say(CLIENT, 0, "!g\n", 0);
    check_heard("not its protocol", SERVER, "0:!g$");
    tear_down();

    open_pair(0, TCP_NO_SCALE);
    say(CLIENT, 0, "#", 0);
    say(CLIENT, 1, "g\n", 0);
    check_heard("too long", SERVER, "0:# 1:g$");
    say(CLIENT, 3, "g\n", 0);
    check_heard("too long", SERVER, "3:g$");
}

static void
test_middle(void)
{
    open_pair(0, TCP_NO_SCALE);
    alg_forget_connections((struct alg_box *)nat_reader(pair.bench.nat));
    say(CLIENT, 0, "g\n", 0);
    say(CLIENT, 2, "g\n", 0);
    check_heard("as it is", SERVER, "0:g$ 2:g$");
    CHECK_ROW_INT("told once", nat_bench_records(&pair.bench, "alg-passed"), 1);
}

/* The ALG is switched off, and on; what was changed is followed on. */
static void
test_switched(void)
{
    open_pair(0, TCP_NO_SCALE);
    say(CLIENT, 0, "g\ng", 0);
    drop_left();
    alg_fit_with(pair.bench.box, toys, NULL, 0);
    check_heard("what was held goes on", SERVER, "3:g");
    say(CLIENT, 3, "g\n", 0);
    check_heard("off", SERVER, "4:g$");
    alg_fit_with(pair.bench.box, toys, NULL, 1);
    say(CLIENT, 5, "g\n", 0);
    check_heard("on, but not for this connection", SERVER, "6:g$");
}

/* A box that takes each segment for a message, and leaves the numbers alone. */
static void
test_naive(void)
{
    open_pair(1, TCP_NO_SCALE);
    say(CLIENT, 0, "g\n", 0);
    check_heard("changed", SERVER, "0:gg$");
    say(CLIENT, 2, "a\n", 0);
    check_heard("where the receiver has something already", SERVER, "2:a$");
}

static void
test_urgent(void)
{
    struct tcp_segment tcp = { .flags = TCP_ACK | TCP_URG, .window = 60000, .scale = TCP_NO_SCALE, .urgent = 3,
                               .data = span_of_text("gab\n") };

    open_pair(0, TCP_NO_SCALE);
    tcp.seq = pair.ends[CLIENT].isn + 1;
    tcp.ack = pair.ends[SERVER].isn + 1;
    put(CLIENT, &tcp);
    check_heard("the pointer moves", SERVER, "0:ggab$U4");
}

/* ---- anything at random, against the plain edited stream */

/* Segments that are under way before the box. */
struct road {
    struct frame frames[NET_MAX];
    unsigned from[NET_MAX], count;
};

static void
enter_net(struct road *net, unsigned from, const struct tcp_segment *tcp)
{
    if (net->count == NET_MAX)
        return; /* lost */
    net->frames[net->count].length = write_frame(from, tcp, net->frames[net->count].bytes);
    net->from[net->count++] = from;
}

static void
send_some(struct road *net, unsigned from, uint32_t at, uint32_t length)
{
    struct end *end = &pair.ends[from], *other = &pair.ends[!from];
    struct tcp_segment tcp = { .seq = end->isn + 1 + at, .ack = other->isn + 1 + end->received + end->got_fin,
                               .window = end->window, .flags = TCP_ACK, .scale = TCP_NO_SCALE };

    length = MIN(length, (uint32_t)end->length - at);
    tcp.data = span_of(end->data + at, length);
    if (at + length == end->length && end->fin)
        tcp.flags |= TCP_FIN;
    end->nxt = MAX(end->nxt, at + length);
    enter_net(net, from, &tcp);
}

/* A segment comes out of the box: what it brings must be what is wanted there. */
static bool
receive(unsigned to, const struct frame *frame)
{
    struct end *end = &pair.ends[to], *other = &pair.ends[!to];
    struct tcp_segment tcp = segment_of(frame);
    uint32_t at = tcp.seq - other->isn - 1, acked = tcp.ack - end->isn - 1;

    for (size_t i = 0; i < tcp.data.length; i++) {
        if (at + i >= other->wanted_length || tcp.data.bytes[i] != other->wanted[at + i])
            return false;
        end->has[at + i] = true;
    }
    while (end->received < other->wanted_length && end->has[end->received])
        end->received++;
    if (tcp.flags & TCP_FIN && at + tcp.data.length != other->wanted_length)
        return false;
    if (tcp.flags & TCP_FIN && end->received == other->wanted_length)
        end->got_fin = true;
    if ((int32_t)acked < 0 || acked > end->length + 1 || (acked > end->length && !end->fin))
        return false;
    if (acked > end->length) {
        end->acked_fin = true;
        acked = (uint32_t)end->length;
    }
    if (end->at[acked] > other->received) /* nothing is acknowledged that has not arrived */
        return false;
    end->una = MAX(end->una, acked);
    return true;
}

static bool
deliver_all(struct random_stream *random, unsigned loss)
{
    for (unsigned to = 0; to < SIDES; to++) {
        struct frame *frame;

        while ((frame = g_queue_pop_head(&pair.left[to]))) {
            bool good = random_below(random, 100) < loss || receive(to, frame);

            g_free(frame);
            if (!good)
                return false;
        }
    }
    return !pair.bad;
}

static void
fill(struct random_stream *random, struct end *end)
{
    static const char letters[] = "abcgsmi\n\nxyz\n";

    end->length = 1 + random_below(random, STREAM_MAX - 1);
    for (size_t i = 0; i + 1 < end->length; i++)
        end->data[i] = (uint8_t)letters[random_below(random, sizeof letters - 1)];
    end->data[end->length - 1] = '\n';
    end->wanted_length = edit_slowly(end->data, end->length, end->wanted, end->at);
}

static bool
step(struct road *net, struct random_stream *random)
{
    unsigned from = (unsigned)random_below(random, 2);
    struct end *end = &pair.ends[from];
    uint32_t some = 1 + (uint32_t)random_below(random, random_below(random, 4) ? 8 : 60), at;

    switch (random_below(random, 8)) {
    case 0:
    case 1:
        if (end->nxt - end->una < 200)
            send_some(net, from, end->nxt, some);
        return true;
    case 2:
        send_some(net, from, end->una, some * 4);
        return true;
    case 3:
        at = end->una + (uint32_t)random_below(random, end->nxt - end->una + 1);
        send_some(net, from, at, MIN(some, end->nxt - at));
        return true;
    case 4:
        send_some(net, from, end->nxt, 0);
        return true;
    default:
        if (net->count == 0)
            return true;
        at = (uint32_t)random_below(random, random_below(random, 3) ? 1 : net->count);
        if (random_below(random, 8) > 0)
            put_raw(net->from[at], net->frames[at].bytes, net->frames[at].length);
        if (random_below(random, 8) == 0)
            return deliver_all(random, 10); /* it stays: doubled */
        net->count--;
        memmove(&net->frames[at], &net->frames[at + 1], (net->count - at) * sizeof *net->frames);
        memmove(&net->from[at], &net->from[at + 1], (net->count - at) * sizeof *net->from);
        return deliver_all(random, 10);
    }
}

/* Whatever was lost is sent again, until both have everything. */
static bool
finish(struct road *net, struct random_stream *random)
{
    for (unsigned round = 0; round < 200; round++) {
        for (unsigned from = 0; from < SIDES; from++) {
            net->count = 0;
            send_some(net, from, pair.ends[from].una, 1000);
            put_raw(from, net->frames[0].bytes, net->frames[0].length);
            if (!deliver_all(random, 0))
                return false;
        }
        if (pair.ends[0].acked_fin && pair.ends[1].acked_fin)
            return true;
    }
    return false;
}

static void
test_random(void)
{
    struct road *net = g_new0(struct road, 1);

    for (uint64_t seed = 0; seed < 400; seed++) {
        struct random_stream random = random_stream_of(seed, "alg", "stream");
        g_autofree char *name = g_strdup_printf("seed %d", (int)seed);
        bool good = true;

        open_pair(0, TCP_NO_SCALE);
        net->count = 0;
        fill(&random, &pair.ends[CLIENT]);
        fill(&random, &pair.ends[SERVER]);
        for (unsigned i = 0; i < 600 && good; i++)
            good = step(net, &random);
        pair.ends[CLIENT].fin = pair.ends[SERVER].fin = true;
        good = good && finish(net, &random);
        CHECK_ROW(name, good);
        CHECK_ROW_UINT(name, streams()->held, 0);
        CHECK_ROW_UINT(name, streams()->stores.live, 0);
        CHECK_ROW_UINT(name, streams()->gathered.live, 0);
        CHECK_ROW_INT(name, nat_bench_records(&pair.bench, "alg-passed"), 0);
        tear_down();
        if (!good)
            break;
    }
    g_free(net);
}

/* ---- the same where messages are given up: windows are small, time goes on. Each line comes as it was, or as changed. */

static bool
is_line(const uint8_t *was, size_t length, const uint8_t *is, size_t got)
{
    uint8_t edited[3 * STREAM_MAX];
    size_t changed = edit_slowly(was, length, edited, NULL);

    return (got == length && memcmp(was, is, got) == 0) || (got == changed && memcmp(edited, is, got) == 0);
}

static bool
are_lines(const struct end *from, const struct end *to)
{
    size_t was = 0, is = 0;

    while (was < from->length) {
        const uint8_t *end = memchr(from->data + was, '\n', from->length - was);
        const uint8_t *got = memchr(to->got + is, '\n', to->received - is);
        size_t length = (size_t)(end - from->data) + 1 - was, taken;

        if (!got)
            return false;
        taken = (size_t)(got - to->got) + 1 - is;
        if (!is_line(from->data + was, length, to->got + is, taken))
            return false;
        was += length;
        is += taken;
    }
    return is == to->received;
}

/* Keeps what comes, which is always the same at the same place. */
static bool
take_any(unsigned to)
{
    struct end *end = &pair.ends[to], *other = &pair.ends[!to];
    struct frame *frame;
    bool good = true;

    while ((frame = g_queue_pop_head(&pair.left[to]))) {
        struct tcp_segment tcp = segment_of(frame);
        uint32_t at = tcp.seq - other->isn - 1, acked = tcp.ack - end->isn - 1;

        for (size_t i = 0; i < tcp.data.length; i++) {
            good = good && at + i < sizeof end->got && (!end->has[at + i] || end->got[at + i] == tcp.data.bytes[i]);
            if (!good)
                break;
            end->has[at + i] = true;
            end->got[at + i] = tcp.data.bytes[i];
        }
        while (end->received < sizeof end->got && end->has[end->received])
            end->received++;
        good = good && (int32_t)(acked - end->nxt) <= 0;
        if (good && (int32_t)(acked - end->una) > 0)
            end->una = acked;
        g_free(frame);
    }
    return good && !pair.bad;
}

static bool
play_slowly(struct random_stream *random)
{
    struct road *net = g_new0(struct road, 1);
    bool good = true;

    for (unsigned i = 0; i < 20000 && good; i++) {
        unsigned from = (unsigned)random_below(random, 2);
        struct end *end = &pair.ends[from];
        uint32_t left = end->window > end->nxt - end->una ? end->window - (end->nxt - end->una) : 0;

        if (pair.ends[0].una == pair.ends[0].length && pair.ends[1].una == pair.ends[1].length)
            break;
        if (random_below(random, 6) == 0)
            nat_bench_until(&pair.bench, pair.bench.world->now + (int64_t)random_below(random, 400) * TIME_MS);
        net->count = 0;
        if (random_below(random, 3) == 0)
            send_some(net, from, end->una, 1 + (uint32_t)random_below(random, 20));
        else
            send_some(net, from, end->nxt, MIN(left, (uint32_t)random_below(random, 12)));
        if (random_below(random, 6) > 0)
            put_raw(from, net->frames[0].bytes, net->frames[0].length);
        good = take_any(CLIENT) && take_any(SERVER);
    }
    g_free(net);
    return good;
}

static void
test_given_up_at_random(void)
{
    unsigned passed = 0, stored = 0;

    for (uint64_t seed = 0; seed < 60; seed++) {
        struct random_stream random = random_stream_of(seed, "alg", "given up");
        g_autofree char *name = g_strdup_printf("seed %d", (int)seed);

        open_pair(0, TCP_NO_SCALE);
        fill(&random, &pair.ends[CLIENT]);
        fill(&random, &pair.ends[SERVER]);
        pair.ends[CLIENT].window = pair.ends[SERVER].window = (uint16_t)(20 + random_below(&random, 60));
        CHECK_ROW(name, play_slowly(&random));
        CHECK_ROW_UINT(name, pair.ends[CLIENT].una, pair.ends[CLIENT].length);
        CHECK_ROW_UINT(name, pair.ends[SERVER].una, pair.ends[SERVER].length);
        CHECK_ROW(name, are_lines(&pair.ends[CLIENT], &pair.ends[SERVER]));
        CHECK_ROW(name, are_lines(&pair.ends[SERVER], &pair.ends[CLIENT]));
        passed += nat_bench_records(&pair.bench, "alg-passed");
        stored += pair.ends[CLIENT].received != pair.ends[SERVER].length;
        tear_down();
    }
    CHECK_ROW("some are given up, and some are not", passed > 100 && stored > 10);
}

void
suite_nat_alg_stream(void)
{
    UNIT_SUITE("nat: ALG, streams", NULL, tear_down, { "whole messages", test_whole }, { "pieces", test_pieces },
               { "order", test_order }, { "given up", test_given_up }, { "window", test_window }, { "SACK", test_sack },
               { "growth", test_growth }, { "ends", test_ends }, { "keep-alive, acknowledgements", test_alive },
               { "blind", test_blind }, { "from the middle", test_middle }, { "switched", test_switched },
               { "naive", test_naive }, { "urgent", test_urgent }, { "random", test_random },
               { "given up at random", test_given_up_at_random });
}
