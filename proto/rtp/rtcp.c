#include "proto/rtp/rtcp.h"

#include "core/base/time.h"

static const struct {
    const char *word, *sentence;
} faults[] = {
#define X(name, word, sentence) { word, sentence },
    RTCP_FAULTS(X)
#undef X
};

G_STATIC_ASSERT(G_N_ELEMENTS(faults) == RTCP_FAULT_COUNT);

const char *
rtcp_fault_word(enum rtcp_fault fault)
{
    g_assert((unsigned)fault < RTCP_FAULT_COUNT);
    return faults[fault].word;
}

const char *
rtcp_fault_sentence(enum rtcp_fault fault)
{
    g_assert((unsigned)fault < RTCP_FAULT_COUNT);
    return faults[fault].sentence;
}

static const struct {
    const char *word, *name;
} types[] = {
    [RTCP_SR - RTCP_SR] = { "SR", "sender report" },
    [RTCP_RR - RTCP_SR] = { "RR", "receiver report" },
    [RTCP_SDES - RTCP_SR] = { "SDES", "source description" },
    [RTCP_BYE - RTCP_SR] = { "BYE", "goodbye" },
    [RTCP_APP - RTCP_SR] = { "APP", "application packet" },
    [RTCP_TRANSPORT_FEEDBACK - RTCP_SR] = { "RTPFB", "transport feedback" },
    [RTCP_PAYLOAD_FEEDBACK - RTCP_SR] = { "PSFB", "payload feedback" },
    [RTCP_XR - RTCP_SR] = { "XR", "extended report" },
};

const char *
rtcp_type_word(unsigned type)
{
    return type - RTCP_SR < G_N_ELEMENTS(types) ? types[type - RTCP_SR].word : NULL;
}

const char *
rtcp_type_name(unsigned type)
{
    return type - RTCP_SR < G_N_ELEMENTS(types) ? types[type - RTCP_SR].name : NULL;
}

static const char *const items[] = { NULL, "cname", "name", "email", "phone", "loc", "tool", "note", "priv" };

G_STATIC_ASSERT(G_N_ELEMENTS(items) == RTCP_PRIV + 1);

const char *
rtcp_item_word(unsigned item)
{
    return item < G_N_ELEMENTS(items) ? items[item] : NULL;
}

/* --- the chain --------------------------------------------------------------------------------------------------- */

enum { BIT_PADDING = 0x20, SENDER_BYTES = 20 };

struct head {
    bool padded;
    uint8_t version, count, type;
    size_t length; /* of what follows the first word */
};

/* False when not even a header is there. */
static bool
read_head(struct reader *reader, struct head *head)
{
    uint8_t first = reader_u8(reader);

    head->version = first >> 6;
    head->padded = first & BIT_PADDING;
    head->count = first & 0x1f;
    head->type = reader_u8(reader);
    head->length = 4 * (size_t)reader_u16(reader);
    return !reader_failed(reader);
}

/* Takes the padding off the end of a body: whole words, the last byte counting them (section 6.4.1). */
static bool
take_padding(struct rtcp_packet *packet)
{
    if (packet->body.length == 0)
        return false;
    packet->padding = packet->body.bytes[packet->body.length - 1];
    if (packet->padding == 0 || packet->padding % 4 != 0 || packet->padding > packet->body.length)
        return false;
    packet->body.length -= packet->padding;
    return true;
}

bool
rtcp_next(struct rtcp_reader *reader, struct rtcp_packet *packet)
{
    struct head head;

    if (reader_left(&reader->left) == 0 || !read_head(&reader->left, &head))
        return false;
    *packet = (struct rtcp_packet){ .type = head.type, .count = head.count };
    packet->body = reader_span(&reader->left, head.length);
    if (reader_failed(&reader->left))
        return false;
    return !head.padded || take_padding(packet);
}

/* --- the check of the whole -------------------------------------------------------------------------------------- */

static size_t
sender_part(const struct rtcp_packet *packet)
{
    return packet->type == RTCP_SR ? SENDER_BYTES : 0;
}

static bool
description_is_whole(const struct rtcp_packet *packet)
{
    struct rtcp_sdes sdes;
    struct rtcp_chunk chunk;
    unsigned chunks = 0;

    rtcp_sdes_begin(&sdes, packet);
    while (chunks < packet->count && rtcp_sdes_chunk(&sdes, &chunk))
        chunks++;
    return chunks == packet->count;
}

static bool
goodbye_is_whole(const struct rtcp_packet *packet)
{
    struct reader reader = reader_over(packet->body);

    reader_skip(&reader, 4 * (size_t)packet->count);
    if (reader_left(&reader) > 0)
        reader_skip(&reader, reader_u8(&reader));
    return !reader_failed(&reader);
}

static enum rtcp_fault
check_contents(const struct rtcp_packet *packet)
{
    switch (packet->type) {
    case RTCP_SR:
    case RTCP_RR:
        return packet->body.length < 4 + sender_part(packet) + packet->count * (size_t)RTCP_BLOCK_BYTES
                   ? RTCP_FAULT_REPORT
                   : RTCP_FAULT_NONE;
    case RTCP_SDES:
        return description_is_whole(packet) ? RTCP_FAULT_NONE : RTCP_FAULT_DESCRIPTION;
    case RTCP_BYE:
        return goodbye_is_whole(packet) ? RTCP_FAULT_NONE : RTCP_FAULT_GOODBYE;
    case RTCP_APP:
        return packet->body.length < 8 ? RTCP_FAULT_APPLICATION : RTCP_FAULT_NONE;
    default:
        return RTCP_FAULT_NONE;
    }
}

/* One packet of the chain. Padding may stand in the last only, and not in the first (appendix A.2). */
static enum rtcp_fault
check_packet(struct reader *reader, bool first)
{
    struct rtcp_packet packet = { 0 };
    struct head head;

    if (!read_head(reader, &head))
        return first ? RTCP_FAULT_SHORT : RTCP_FAULT_LENGTH;
    if (head.version != 2)
        return RTCP_FAULT_VERSION;
    if (first && head.type != RTCP_SR && head.type != RTCP_RR)
        return RTCP_FAULT_FIRST;
    packet = (struct rtcp_packet){ .type = head.type, .count = head.count };
    packet.body = reader_span(reader, head.length);
    if (reader_failed(reader))
        return RTCP_FAULT_LENGTH;
    if (head.padded && (first || reader_left(reader) > 0 || !take_padding(&packet)))
        return RTCP_FAULT_PADDING;
    return check_contents(&packet);
}

enum rtcp_fault
rtcp_begin(struct rtcp_reader *reader, struct span datagram)
{
    struct reader walk = reader_over(datagram);
    bool first = true;

    reader->left = reader_over(span_of(NULL, 0));
    do {
        enum rtcp_fault fault = check_packet(&walk, first);

        if (fault != RTCP_FAULT_NONE)
            return fault;
        first = false;
    } while (reader_left(&walk) > 0);
    reader->left = reader_over(datagram);
    return RTCP_FAULT_NONE;
}

/* --- SR and RR --------------------------------------------------------------------------------------------------- */

bool
rtcp_report_sender(const struct rtcp_packet *packet, struct rtcp_sender *sender)
{
    struct reader reader = reader_over(packet->body);

    if (packet->type != RTCP_SR)
        return false;
    reader_skip(&reader, 4);
    sender->ntp = reader_u64(&reader);
    sender->timestamp = reader_u32(&reader);
    sender->packets = reader_u32(&reader);
    sender->octets = reader_u32(&reader);
    return !reader_failed(&reader);
}

uint32_t
rtcp_report_ssrc(const struct rtcp_packet *packet)
{
    struct reader reader = reader_over(packet->body);

    return reader_u32(&reader);
}

/* 24 bits with sign. */
static int32_t
signed24(uint32_t value)
{
    return value & 0x800000 ? (int32_t)value - 0x1000000 : (int32_t)value;
}

bool
rtcp_report_block(const struct rtcp_packet *packet, unsigned index, struct rtcp_block *block)
{
    struct reader reader = reader_over(packet->body);
    uint32_t losses;

    if ((packet->type != RTCP_SR && packet->type != RTCP_RR) || index >= packet->count)
        return false;
    reader_skip(&reader, 4 + sender_part(packet) + index * (size_t)RTCP_BLOCK_BYTES);
    block->ssrc = reader_u32(&reader);
    losses = reader_u32(&reader);
    block->fraction = (uint8_t)(losses >> 24);
    block->lost = signed24(losses & 0xffffff);
    block->highest = reader_u32(&reader);
    block->jitter = reader_u32(&reader);
    block->last_sr = reader_u32(&reader);
    block->delay = reader_u32(&reader);
    return !reader_failed(&reader);
}

struct span
rtcp_report_extension(const struct rtcp_packet *packet)
{
    struct reader reader = reader_over(packet->body);

    reader_skip(&reader, 4 + sender_part(packet) + packet->count * (size_t)RTCP_BLOCK_BYTES);
    return reader_rest(&reader);
}

static void
write_head(struct writer *out, unsigned count, enum rtcp_type type)
{
    writer_u8(out, (uint8_t)(2 << 6 | count));
    writer_u8(out, (uint8_t)type);
    writer_u16(out, 0);
}

/* The length of the packet that began at `start`, in words less one. */
static void
write_length(struct writer *out, size_t start)
{
    if (!writer_failed(out))
        writer_patch_u16(out, start + 2, (uint16_t)((writer_length(out) - start) / 4 - 1));
}

void
rtcp_write_report(struct writer *out, uint32_t ssrc, const struct rtcp_sender *sender, const struct rtcp_block *blocks,
                  unsigned count)
{
    size_t start = writer_length(out);

    if (count > RTCP_COUNT_MOST) {
        out->failed = true;
        return;
    }
    write_head(out, count, sender ? RTCP_SR : RTCP_RR);
    writer_u32(out, ssrc);
    if (sender) {
        writer_u64(out, sender->ntp);
        writer_u32(out, sender->timestamp);
        writer_u32(out, sender->packets);
        writer_u32(out, sender->octets);
    }
    for (unsigned i = 0; i < count; i++) {
        writer_u32(out, blocks[i].ssrc);
        writer_u32(out, (uint32_t)blocks[i].fraction << 24 | ((uint32_t)blocks[i].lost & 0xffffff));
        writer_u32(out, blocks[i].highest);
        writer_u32(out, blocks[i].jitter);
        writer_u32(out, blocks[i].last_sr);
        writer_u32(out, blocks[i].delay);
    }
    write_length(out, start);
}

/* --- SDES -------------------------------------------------------------------------------------------------------- */

void
rtcp_sdes_begin(struct rtcp_sdes *sdes, const struct rtcp_packet *packet)
{
    sdes->left = reader_over(packet->body);
}

/* Steps over the items of a chunk to the zeros that end it on a word (section 6.5). The body is whole words, so what is
 * left tells where words begin. */
static bool
skip_items(struct reader *left)
{
    for (;;) {
        if (reader_u8(left) == RTCP_END) {
            reader_skip(left, reader_left(left) % 4);
            return !reader_failed(left);
        }
        reader_skip(left, reader_u8(left));
    }
}

bool
rtcp_sdes_chunk(struct rtcp_sdes *sdes, struct rtcp_chunk *chunk)
{
    const uint8_t *from;

    if (reader_left(&sdes->left) == 0)
        return false;
    chunk->ssrc = reader_u32(&sdes->left);
    from = sdes->left.at;
    if (!skip_items(&sdes->left))
        return false;
    chunk->items = reader_over(span_of(from, (size_t)(sdes->left.at - from)));
    return true;
}

bool
rtcp_chunk_item(struct rtcp_chunk *chunk, uint8_t *type, struct span *text)
{
    if (reader_left(&chunk->items) == 0 || (*type = reader_u8(&chunk->items)) == RTCP_END)
        return false;
    *text = reader_span(&chunk->items, reader_u8(&chunk->items));
    return !reader_failed(&chunk->items);
}

struct span
rtcp_sdes_cname(const struct rtcp_packet *packet, uint32_t ssrc)
{
    struct rtcp_sdes sdes;
    struct rtcp_chunk chunk;
    struct span text;
    uint8_t type;

    rtcp_sdes_begin(&sdes, packet);
    while (rtcp_sdes_chunk(&sdes, &chunk))
        while (chunk.ssrc == ssrc && rtcp_chunk_item(&chunk, &type, &text))
            if (type == RTCP_CNAME)
                return text;
    return span_of(NULL, 0);
}

void
rtcp_write_cname(struct writer *out, uint32_t ssrc, struct span cname)
{
    size_t start = writer_length(out), length = MIN(cname.length, RTCP_ITEM_MOST);

    write_head(out, 1, RTCP_SDES);
    writer_u32(out, ssrc);
    writer_u8(out, RTCP_CNAME);
    writer_u8(out, (uint8_t)length);
    writer_span_put(out, span_of(cname.bytes, length));
    writer_zeros(out, 4 - (2 + length) % 4); /* one at least: it ends the list */
    write_length(out, start);
}

/* --- BYE and APP ------------------------------------------------------------------------------------------------- */

bool
rtcp_bye_source(const struct rtcp_packet *packet, unsigned index, uint32_t *ssrc)
{
    struct reader reader = reader_over(packet->body);

    if (packet->type != RTCP_BYE || index >= packet->count)
        return false;
    reader_skip(&reader, 4 * (size_t)index);
    *ssrc = reader_u32(&reader);
    return !reader_failed(&reader);
}

struct span
rtcp_bye_reason(const struct rtcp_packet *packet)
{
    struct reader reader = reader_over(packet->body);

    reader_skip(&reader, 4 * (size_t)packet->count);
    if (reader_left(&reader) == 0)
        return span_of(NULL, 0);
    return reader_span(&reader, reader_u8(&reader));
}

void
rtcp_write_bye(struct writer *out, uint32_t ssrc, struct span reason)
{
    size_t start = writer_length(out), length = MIN(reason.length, RTCP_ITEM_MOST);

    write_head(out, 1, RTCP_BYE);
    writer_u32(out, ssrc);
    if (length > 0) {
        writer_u8(out, (uint8_t)length);
        writer_span_put(out, span_of(reason.bytes, length));
        writer_zeros(out, (3 - length % 4) % 4);
    }
    write_length(out, start);
}

void
rtcp_app_read(const struct rtcp_packet *packet, struct rtcp_app *app)
{
    struct reader reader = reader_over(packet->body);

    *app = (struct rtcp_app){ .ssrc = reader_u32(&reader) };
    for (size_t i = 0; i < sizeof app->name; i++)
        app->name[i] = reader_u8(&reader);
    app->data = reader_rest(&reader);
}

void
rtcp_write_app(struct writer *out, unsigned subtype, const struct rtcp_app *app)
{
    size_t start = writer_length(out);

    if (subtype > RTCP_COUNT_MOST || app->data.length % 4 != 0) {
        out->failed = true;
        return;
    }
    write_head(out, subtype, RTCP_APP);
    writer_u32(out, app->ssrc);
    writer_span_put(out, span_of(app->name, sizeof app->name));
    writer_span_put(out, app->data);
    write_length(out, start);
}

/* --- NTP times --------------------------------------------------------------------------------------------------- */

/* Seconds from 1900 to 2026, as the traces' epoch. */
#define NTP_EPOCH_S (UINT64_C(2208988800) + UINT64_C(1767225600))

uint64_t
rtcp_ntp_of(int64_t now)
{
    uint64_t at = (uint64_t)MAX(now, 0), seconds = at / TIME_S, rest = at % TIME_S;

    return (NTP_EPOCH_S + seconds) << 32 | (rest << 32) / TIME_S;
}

int64_t
rtcp_round_trip(const struct rtcp_block *block, int64_t now)
{
    uint32_t passed = rtcp_ntp_middle(rtcp_ntp_of(now)) - block->last_sr;

    if (block->last_sr == 0 || passed > INT32_MAX || block->delay > passed)
        return -1;
    return (int64_t)(passed - block->delay) * TIME_S / 65536;
}
