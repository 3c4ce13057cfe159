#include "scenarios/runner/story/captures.h"

#include "core/base/cursor.h"
#include "core/base/time.h"
#include "core/trace/pcap_file.h"

G_DEFINE_QUARK(punchlab-captures-error, captures_error)

enum { BLOCK_SECTION = 0x0a0d0d0a, BLOCK_INTERFACE = 1, BLOCK_PACKET = 6, BYTE_ORDER_BIG = 0x1a2b3c4d };
enum { OPTION_COMMENT = 1, OPTION_NAME = 2, OPTION_FLAGS = 2, OPTION_TSRESOL = 9 };

struct walk {
    const struct captures_reader *to;
    uint32_t interfaces;
    bool stopped;
};

static size_t
padding(size_t length)
{
    return (4 - length % 4) % 4;
}

/* The next option; false at the end of them. */
static bool
option_next(struct reader *options, uint16_t *code, struct span *value)
{
    uint16_t length;

    if (reader_left(options) < 4)
        return false;
    *code = reader_u16(options);
    length = reader_u16(options);
    if (*code == 0)
        return false;
    *value = reader_span(options, length);
    reader_skip(options, MIN(padding(length), reader_left(options)));
    return !reader_failed(options);
}

static const char *
take_interface(struct walk *walk, struct reader *body)
{
    struct span name = { NULL, 0 }, value;
    uint16_t link = reader_u16(body), code;
    bool nanoseconds = false;

    reader_skip(body, 6);
    while (option_next(body, &code, &value)) {
        if (code == OPTION_NAME)
            name = value;
        else if (code == OPTION_TSRESOL)
            nanoseconds = value.length == 1 && value.bytes[0] == 9;
    }
    if (reader_failed(body))
        return "an interface is cut short";
    if (link != TRACE_LINK_TYPE || !nanoseconds)
        return "an interface is none of punchlab's: raw IP, in nanoseconds";
    if (walk->interfaces == CAPTURES_INTERFACES)
        return "it has too many interfaces";
    walk->interfaces++;
    walk->to->interface(walk->to->user, name);
    return NULL;
}

static const char *
take_packet(struct walk *walk, struct reader *body)
{
    struct captured captured = { .interface = reader_u32(body) };
    uint64_t time = (uint64_t)reader_u32(body) << 32;
    uint64_t begin = (uint64_t)(TRACE_EPOCH_S * TIME_S);
    struct span value;
    uint32_t length;
    uint16_t code;

    time |= reader_u32(body);
    length = reader_u32(body);
    reader_skip(body, 4);
    captured.bytes = reader_span(body, length);
    reader_skip(body, padding(length));
    if (reader_failed(body))
        return "a packet is cut short";
    if (captured.interface >= walk->interfaces)
        return "a packet has an interface that is not there";
    if (time < begin || time - begin > INT64_MAX)
        return "a packet is older than the world";
    while (option_next(body, &code, &value)) {
        if (code == OPTION_COMMENT)
            captured.comment = value;
        else if (code == OPTION_FLAGS && value.length == 4)
            captured.out = (value.bytes[3] & 3) == 2;
    }
    captured.at = (int64_t)(time - begin);
    walk->stopped = !walk->to->packet(walk->to->user, &captured);
    return NULL;
}

/* Blocks that are not known are passed over, as the format wants it. */
static const char *
take_block(struct walk *walk, uint32_t type, struct reader *body, bool first)
{
    if (first != (type == BLOCK_SECTION))
        return "it does not have exactly one section";
    if (type == BLOCK_SECTION)
        return reader_u32(body) == BYTE_ORDER_BIG ? NULL : "it is none of punchlab's: their bytes are big-endian";
    if (type == BLOCK_INTERFACE)
        return take_interface(walk, body);
    return type == BLOCK_PACKET ? take_packet(walk, body) : NULL;
}

bool
captures_read_bytes(struct span bytes, const struct captures_reader *to, GError **error)
{
    struct reader file = reader_over(bytes);
    struct walk walk = { .to = to };
    const char *wrong = bytes.length ? NULL : "it is empty";

    while (!wrong && !walk.stopped && reader_left(&file) > 0) {
        size_t at = bytes.length - reader_left(&file);
        uint32_t type = reader_u32(&file), length = reader_u32(&file);
        struct reader body = { .failed = true };

        if (length >= 12 && length % 4 == 0)
            body = reader_cut(&file, length - 12);
        reader_skip(&file, 4);
        wrong = reader_failed(&file) || body.failed ? "a block is cut short" : take_block(&walk, type, &body, at == 0);
        if (wrong)
            g_set_error(error, CAPTURES_ERROR, 0, "malformed at byte %zu: %s", at, wrong);
    }
    if (wrong && bytes.length == 0)
        g_set_error(error, CAPTURES_ERROR, 0, "%s", wrong);
    return !wrong;
}

bool
captures_read(const char *path, const struct captures_reader *reader, GError **error)
{
    GMappedFile *file = g_mapped_file_new(path, FALSE, error);
    bool good;

    if (!file)
        return false;
    good = captures_read_bytes(span_of(g_mapped_file_get_contents(file), g_mapped_file_get_length(file)), reader,
                               error);
    if (!good)
        g_prefix_error(error, "%s: ", path);
    g_mapped_file_unref(file);
    return good;
}
