#include "scenarios/runner/cli/copies.h"

#include <string.h>

#include "core/base/cursor.h"
#include "scenarios/runner/story/decode.h"
#include "scenarios/runner/story/payload.h"

enum { COPIES_MAX = 4096 }; /* a packet that runs in circles has no more than its TTL, but links may duplicate it */

/* A port that is looked at. */
struct watch {
    struct capture capture;
    struct capture *next; /* who looked before; NULL: nobody */
    struct copies *copies;
};

struct copy {
    uint32_t node;
    enum capture_direction direction;
    int64_t at;
    GBytes *bytes;
};

struct copies {
    char *maker;
    guint64 ordinal;
    const struct names *names;
    GPtrArray *watches; /* struct watch * */
    GArray *copies;     /* struct copy, in order of time */
};

static void
clear_copy(void *copy)
{
    g_bytes_unref(((struct copy *)copy)->bytes);
}

struct copies *
copies_new(const char *packet, const struct names *names)
{
    struct copies *copies = g_new0(struct copies, 1);
    const char *dot = strrchr(packet, '.');

    copies->names = names;
    copies->maker = g_strndup(packet, dot ? (gsize)(dot - packet) : 0);
    copies->ordinal = dot ? g_ascii_strtoull(dot + 1, NULL, 10) : 0;
    copies->watches = g_ptr_array_new_with_free_func(g_free);
    copies->copies = g_array_new(FALSE, FALSE, sizeof(struct copy));
    g_array_set_clear_func(copies->copies, clear_copy);
    return copies;
}

void
copies_free(struct copies *copies)
{
    g_ptr_array_unref(copies->watches);
    g_array_unref(copies->copies);
    g_free(copies->maker);
    g_free(copies);
}

static bool
is_wanted(const struct copies *copies, packet_name packet)
{
    return PACKET_ORDINAL(packet) == copies->ordinal && copies->copies->len < COPIES_MAX &&
           strcmp(copies->names->node(copies->names, PACKET_MAKER(packet)), copies->maker) == 0;
}

static void
take_packet(struct capture *capture, uint32_t interface, uint32_t node, enum capture_direction direction, int64_t at,
            packet_name packet, struct span bytes)
{
    struct watch *watch = (struct watch *)capture;

    if (is_wanted(watch->copies, packet)) {
        struct copy copy = { node, direction, at, g_bytes_new(bytes.bytes, bytes.length) };

        g_array_append_val(watch->copies->copies, copy);
    }
    if (watch->next)
        watch->next->packet(watch->next, interface, node, direction, at, packet, bytes);
}

void
copies_watch(struct copies *copies, struct port *port)
{
    if (port->capture && port->capture->packet == take_packet)
        return;
    struct watch *watch = g_new(struct watch, 1);

    *watch = (struct watch){ { take_packet }, port->capture, copies };
    port->capture = &watch->capture;
    g_ptr_array_add(copies->watches, watch);
}

/* ---- what differs */

/* What of a packet is compared. */
struct content {
    struct flow flow; /* protocol and ports */
    unsigned ttl;
    struct span data; /* behind the transport header; of fragments and other protocols behind the IP header */
};

/* Extension headers are passed over, as many as a node here reads. */
static uint8_t
skip_extensions(struct reader *reader, uint8_t next, bool *fragment)
{
    for (int i = 0; i < 8 && (next == 0 || next == 43 || next == 44 || next == 60); i++) {
        uint8_t following = reader_u8(reader), length = reader_u8(reader);

        *fragment = *fragment || next == 44;
        reader_skip(reader, next == 44 ? 6 : (size_t)length * 8 + 6);
        next = following;
    }
    return next;
}

static void
read_transport(struct reader *reader, struct flow *flow)
{
    if (flow->protocol != PROTOCOL_UDP && flow->protocol != PROTOCOL_TCP)
        return;
    flow->source_port = reader_u16(reader);
    flow->destination_port = reader_u16(reader);
    if (flow->protocol == PROTOCOL_UDP) {
        reader_skip(reader, 4);
    } else {
        reader_skip(reader, 8);
        size_t header = (size_t)(reader_u8(reader) >> 4) * 4;
        reader_skip(reader, header > 13 ? header - 13 : 0);
    }
}

static bool
read_content(struct span packet, struct content *content)
{
    struct reader reader = reader_over(packet);
    uint8_t first = reader_u8(&reader), protocol;
    bool fragment = false;

    if (first >> 4 == 4) {
        reader_skip(&reader, 5);
        fragment = (reader_u16(&reader) & 0x1fff) != 0;
        content->ttl = reader_u8(&reader);
        protocol = reader_u8(&reader);
        reader_skip(&reader, 10 + (size_t)(MAX(first & 15, 5) - 5) * 4);
    } else {
        reader_skip(&reader, 5);
        protocol = reader_u8(&reader);
        content->ttl = reader_u8(&reader);
        reader_skip(&reader, 32);
        protocol = skip_extensions(&reader, protocol, &fragment);
    }
    content->flow = (struct flow){ .protocol = protocol };
    if (!fragment)
        read_transport(&reader, &content->flow);
    content->data = reader_rest(&reader);
    return !reader_failed(&reader);
}

static const struct copy *
find_copy(const struct copies *copies, guint from, uint32_t node, enum capture_direction direction, int64_t at,
          guint *place)
{
    for (guint i = from; i < copies->copies->len; i++) {
        const struct copy *copy = &g_array_index(copies->copies, struct copy, i);

        if (copy->node == node && copy->direction == direction && (at < 0 || copy->at == at)) {
            *place = i;
            return copy;
        }
    }
    return NULL;
}

static struct span
span_of_bytes(GBytes *bytes)
{
    gsize length;
    const void *data = g_bytes_get_data(bytes, &length);

    return span_of(data, length);
}

void
copies_changes(const struct copies *copies, uint32_t node, int64_t at, GPtrArray *changes)
{
    guint place = 0;
    const struct copy *in = find_copy(copies, 0, node, CAPTURE_IN, at, &place);
    const struct copy *out = in ? find_copy(copies, place + 1, node, CAPTURE_OUT, -1, &place) : NULL;
    struct content before, after;

    if (!out || !read_content(span_of_bytes(in->bytes), &before) || !read_content(span_of_bytes(out->bytes), &after))
        return;
    if (before.ttl != after.ttl) {
        struct payload_change *change = g_new(struct payload_change, 1);

        *change = (struct payload_change){ g_strdup("TTL"), g_strdup_printf("%u", before.ttl),
                                           g_strdup_printf("%u", after.ttl) };
        g_ptr_array_add(changes, change);
    }
    payload_changes(&before.flow, before.data, after.data, changes);
}

/* ---- what it is */

static void
drop_number(struct fields *fields, const char *name, int64_t value)
{
    (void)fields, (void)name, (void)value;
}

static void
drop_flag(struct fields *fields, const char *name, bool value)
{
    (void)fields, (void)name, (void)value;
}

static void
drop_span(struct fields *fields, const char *name, struct span value)
{
    (void)fields, (void)name, (void)value;
}

static void
drop_open(struct fields *fields, const char *name)
{
    (void)fields, (void)name;
}

static void
drop_close(struct fields *fields)
{
    (void)fields;
}

bool
copies_summary(const struct copies *copies, GString *out)
{
    g_autoptr(GString) summary = g_string_new(NULL);
    struct fields nowhere = {
        .number = drop_number, .time = drop_number, .flag = drop_flag, .text = drop_span, .bytes = drop_span,
        .open = drop_open, .close = drop_close,
    };
    struct decoding decoding = { .out = &nowhere, .summary = summary };

    if (copies->copies->len == 0)
        return false;
    decode_packet(&decoding, span_of_bytes(g_array_index(copies->copies, struct copy, 0).bytes));
    g_string_append(out, summary->str);
    return summary->len > 0;
}
