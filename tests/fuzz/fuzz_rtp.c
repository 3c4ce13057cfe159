/* RTP and RTCP, any bytes; and a session with the network in the hands of the input: it decides what comes and from
 * where, what is made up, how time goes on, when the host refuses to send, what a re-INVITE changes and what the owner
 * does when he is told.
 *
 * What must hold: what was read is written and read again alike, and can be told; each packet is received or lost,
 * never both; figures stay in their bounds; nothing is left armed or open. The first byte says which. */
#include "core/base/cursor.h"
#include "proto/rtp/describe.h"
#include "proto/rtp/session.h"
#include "tests/unit/support_io.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#define MOST_STEPS 300

/* --- a sink that looks at all it is told ------------------------------------------------------------------------- */

static unsigned depth;

static void
on_number(struct fields *fields, const char *name, int64_t value)
{
    (void)fields, (void)value;
    g_assert_true(*name);
}

static void
on_flag(struct fields *fields, const char *name, bool value)
{
    (void)fields, (void)value;
    g_assert_true(*name);
}

static void
on_bytes(struct fields *fields, const char *name, struct span value)
{
    (void)fields;
    g_assert_true(*name);
    for (size_t i = 0; i < value.length; i++)
        depth += value.bytes[i] & 0; /* read: a sanitizer sees the first one beyond */
}

static void
on_open(struct fields *fields, const char *name)
{
    (void)fields;
    g_assert_true(*name);
    depth++;
}

static void
on_close(struct fields *fields)
{
    (void)fields;
    depth--;
}

static struct fields looking = { on_number, on_number, on_flag, on_bytes, on_bytes, on_open, on_close };

/* --- codecs ------------------------------------------------------------------------------------------------------ */

static void
check_packet(struct span bytes)
{
    g_autofree uint8_t *buffer = g_malloc(bytes.length + 1);
    struct writer writer = writer_over(buffer, bytes.length);
    g_autoptr(GString) text = g_string_new(NULL);
    struct rtp_packet packet, again;

    if (rtp_packet_decode(bytes, &packet) != RTP_FAULT_NONE)
        return;
    rtp_packet_encode(&writer, &packet);
    g_assert_false(writer_failed(&writer));
    g_assert_cmpuint(writer_length(&writer), ==, bytes.length);
    g_assert_cmpmem(buffer, bytes.length - packet.padding, bytes.bytes, bytes.length - packet.padding);
    g_assert_cmpint(rtp_packet_decode(writer_span(&writer), &again), ==, RTP_FAULT_NONE);
    g_assert_true(span_equal(packet.payload, again.payload));
    rtp_packet_say(&packet, text);
    rtp_packet_fields(&packet, &looking);
}

static void
check_report(const struct rtcp_packet *packet)
{
    struct rtcp_block blocks[RTCP_COUNT_MOST], block;
    struct rtcp_sender sender;
    uint8_t buffer[4 + 24 + RTCP_COUNT_MOST * RTCP_BLOCK_BYTES];
    struct writer writer = writer_over(buffer, sizeof buffer);
    bool sends = rtcp_report_sender(packet, &sender);
    size_t extension = rtcp_report_extension(packet).length;

    for (unsigned i = 0; i < packet->count; i++) {
        g_assert_true(rtcp_report_block(packet, i, &blocks[i]));
        g_assert_true(blocks[i].lost >= -0x800000 && blocks[i].lost <= 0x7fffff);
        g_assert_cmpint(rtcp_round_trip(&blocks[i], INT64_C(1) << 50), >=, -1);
    }
    g_assert_false(rtcp_report_block(packet, packet->count, &block));
    rtcp_write_report(&writer, rtcp_report_ssrc(packet), sends ? &sender : NULL, blocks, packet->count);
    g_assert_false(writer_failed(&writer));
    g_assert_cmpmem(buffer + 4, writer_length(&writer) - 4, packet->body.bytes, packet->body.length - extension);
}

static void
check_rtcp(struct span bytes)
{
    struct rtcp_reader reader, again;
    struct rtcp_packet packet;
    g_autoptr(GString) text = g_string_new(NULL);
    size_t all = 0;

    if (rtcp_begin(&reader, bytes) != RTCP_FAULT_NONE) {
        g_assert_false(rtcp_next(&reader, &packet));
        return;
    }
    again = reader;
    for (; rtcp_next(&reader, &packet); all += 4 + packet.body.length + packet.padding)
        if (packet.type == RTCP_SR || packet.type == RTCP_RR)
            check_report(&packet);
    g_assert_cmpuint(all, ==, bytes.length);
    reader = again;
    rtcp_say(&reader, text);
    rtcp_fields(&again, &looking);
    g_assert_cmpuint(depth, ==, 0);
}

/* --- a session --------------------------------------------------------------------------------------------------- */

struct play {
    struct fake_io *fake;
    struct rtp_session *session;
    struct reader input;
    bool free_when_told;
};

static struct endpoint
far_end(uint8_t which)
{
    return (struct endpoint){ address_ipv4(0xc6336401 + (which & 3)), (uint16_t)(6000 + (which >> 2 & 3)) };
}

static void
on_told(void *owner, struct rtp_session *session, const struct rtp_news *news)
{
    struct play *play = owner;

    g_assert_true(session == play->session);
    g_assert_cmpint(news->event, <=, RTP_DONE);
    if (play->free_when_told)
        g_clear_pointer(&play->session, rtp_session_free);
}

static void
deliver(struct play *play, uint8_t which, struct span data)
{
    struct endpoint local = { play->fake->address, which & 0x80 ? 6001 : 6000 };

    (void)fake_io_deliver(play->fake, local, far_end(which), data);
}

/* A packet that is well formed: its source, number, time and length are the input's. */
static void
deliver_packet(struct play *play)
{
    static const uint8_t payload[255];
    uint8_t which = reader_u8(&play->input), buffer[300];
    struct writer writer = writer_over(buffer, sizeof buffer);
    struct rtp_packet packet = { .ssrc = which & 0x10 ? rtp_session_ssrc(play->session) : which & 7u };

    packet.sequence = reader_u16(&play->input);
    packet.timestamp = reader_u32(&play->input);
    packet.payload = span_of(payload, reader_u8(&play->input));
    rtp_packet_encode(&writer, &packet);
    deliver(play, which & 0x6f, writer_span(&writer));
}

static void
deliver_report(struct play *play)
{
    uint8_t which = reader_u8(&play->input), buffer[600];
    struct writer writer = writer_over(buffer, sizeof buffer);
    struct rtcp_block block = { .ssrc = rtp_session_ssrc(play->session), .fraction = reader_u8(&play->input) };
    struct rtcp_sender sender = { .ntp = rtcp_ntp_of(play->fake->now), .packets = 1 };

    block.lost = (int32_t)(reader_u16(&play->input)) - 32768;
    block.last_sr = rtcp_ntp_middle(sender.ntp) - reader_u16(&play->input);
    block.delay = reader_u16(&play->input);
    block.jitter = reader_u32(&play->input);
    rtcp_write_report(&writer, which & 7u, which & 0x10 ? &sender : NULL, &block, which & 0x20 ? 1 : 0);
    if (which & 0x40)
        rtcp_write_bye(&writer, which & 7u, span_of_text("bye"));
    deliver(play, which, writer_span(&writer));
}

static void
check_stats(const struct play *play)
{
    struct rtp_stats stats;

    rtp_session_stats(play->session, &stats);
    g_assert_cmpuint(stats.received.packets + stats.received.lost, ==, stats.received.expected);
    g_assert_cmpuint(stats.received.late, <=, stats.received.packets + 2);
    g_assert_cmpint(stats.received.jitter, >=, 0);
    g_assert_cmpint(stats.received.jitter, <=, stats.received.jitter_most);
    g_assert_true(stats.received.rating >= 0 && stats.received.rating <= RTP_R_MOST);
    g_assert_true(stats.received.mos >= RTP_MOS_LEAST && stats.received.mos <= RTP_MOS_MOST);
    g_assert_cmpint(stats.peer.round_trip, >=, -1);
    g_assert_true((stats.received.packets == 0) == (strcmp(stats.received.quality, "no audio") == 0) ||
                  stats.received.late > 0);
}

static void
step(struct play *play)
{
    uint8_t what = reader_u8(&play->input);

    switch (what & 15) {
    case 0:
        rtp_session_start(play->session);
        break;
    case 1:
        rtp_session_stop(play->session);
        break;
    case 2:
        fake_io_advance(play->fake, reader_u16(&play->input) * TIME_MS / 4);
        break;
    case 3:
        rtp_session_set_peer(play->session, what & 16 ? (struct endpoint){ 0 } : far_end(what >> 4),
                             what & 32 ? far_end(what >> 5) : (struct endpoint){ 0 });
        break;
    case 4:
        rtp_session_set_direction(play->session, (enum rtp_direction)(what >> 4 & 3));
        break;
    case 5:
        play->fake->send_result = what & 16 ? IO_NO_ROUTE : IO_OK;
        break;
    case 6:
        play->free_when_told = what & 16;
        break;
    case 7:
        deliver(play, what, reader_span(&play->input, MIN(reader_u8(&play->input), reader_left(&play->input))));
        break;
    case 8:
        (void)fake_io_deliver_icmp(play->fake, (struct endpoint){ play->fake->address, 6000 }, far_end(what), 3, 3);
        break;
    case 9:
    case 10:
        deliver_report(play);
        break;
    default:
        deliver_packet(play);
    }
}

static void
play_session(struct reader input)
{
    struct play play = { .fake = fake_io_new("192.0.2.1"), .input = input };
    struct rtp_session_options options = RTP_SESSION_DEFAULTS;
    uint8_t how = reader_u8(&play.input);
    enum io_result why;

    options.local.port = 6000;
    options.peer = far_end(how);
    options.rtcp_way = (enum rtp_rtcp_way)(how % 3);
    options.latch = (enum rtp_latch)(how / 3 % 3);
    options.duration = how & 64 ? 3 * TIME_S : TIME_NEVER;
    options.keepalive = how & 128 ? TIME_S : 0;
    play.session = rtp_session_new(&play.fake->io, &options, on_told, &play, &why);
    for (int i = 0; i < MOST_STEPS && play.session && reader_left(&play.input) > 0; i++) {
        step(&play);
        if (play.session)
            check_stats(&play);
    }
    if (play.session)
        rtp_session_free(play.session);
    g_assert_true(fake_io_free(play.fake));
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct reader input = reader_over(span_of(bytes, length));

    switch (reader_u8(&input) % 4) {
    case 0:
        check_packet(reader_rest(&input));
        break;
    case 1:
        check_rtcp(reader_rest(&input));
        break;
    default:
        play_session(input);
    }
    return 0;
}
