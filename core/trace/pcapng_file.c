/* What is seen within one instant waits here as a list of items, copies and sentences in the order in which they came;
 * their bytes stand in one array behind each other. A copy's comment is put together when it is written: when time has
 * moved on, when the list is full (its older half goes then), or at the end. */
#include "core/trace/pcapng_file.h"

#include "core/base/cursor.h"
#include "core/base/time.h"
#include "core/trace/out_file.h"
#include "core/trace/pcap_file.h"

enum { BUFFER = 1024 * 1024 };

enum block { BLOCK_SECTION = 0x0a0d0d0a, BLOCK_INTERFACE = 1, BLOCK_PACKET = 6 };
enum option { OPTION_END = 0, OPTION_COMMENT = 1, SECTION_USERAPPL = 4, INTERFACE_NAME = 2, INTERFACE_TSRESOL = 9,
              PACKET_FLAGS_OPTION = 2 };

enum what { COPY_IN, COPY_OUT, SENTENCE };

struct item {
    enum what what;
    uint32_t node, interface;
    packet_name packet;
    size_t offset, length; /* in `bytes` */
};

struct pcapng_file {
    struct out_file out;
    const struct names *names;
    uint32_t interfaces;
    int64_t at; /* the instant of all items */
    unsigned count;
    struct item items[PCAPNG_WINDOW];
    GByteArray *bytes;
    GByteArray *block; /* being written */
    GString *comment;
};

/* ---- blocks */

static size_t
padded(size_t length)
{
    return (length + 3) & ~(size_t)3;
}

static void
option_write(struct writer *writer, enum option code, struct span value)
{
    writer_u16(writer, (uint16_t)code);
    writer_u16(writer, (uint16_t)value.length);
    writer_span_put(writer, value);
    writer_zeros(writer, padded(value.length) - value.length);
}

/* Begins a block with room for `body` bytes; its length stands there already, because what is written fills it. */
static struct writer
block_begin(struct pcapng_file *file, enum block type, size_t body)
{
    struct writer writer;

    g_byte_array_set_size(file->block, (guint)(body + 12));
    writer = writer_over(file->block->data, body + 12);
    writer_u32(&writer, type);
    writer_u32(&writer, (uint32_t)(body + 12));
    return writer;
}

static void
block_end(struct pcapng_file *file, struct writer *writer)
{
    writer_u32(writer, (uint32_t)(writer_length(writer) + 4));
    g_assert(!writer_failed(writer) && writer_left(writer) == 0);
    fwrite(writer->start, 1, writer_length(writer), file->out.stream);
}

static size_t
option_size(size_t length)
{
    return 4 + padded(length);
}

static void
section_write(struct pcapng_file *file)
{
    struct span program = span_of_text("punchlab");
    struct writer writer = block_begin(file, BLOCK_SECTION, 16 + option_size(program.length) + option_size(0));

    writer_u32(&writer, 0x1a2b3c4d); /* the byte order */
    writer_u16(&writer, 1);          /* version 1.0 */
    writer_u16(&writer, 0);
    writer_u64(&writer, UINT64_MAX); /* the section's length is not told */
    option_write(&writer, SECTION_USERAPPL, program);
    option_write(&writer, OPTION_END, span_of(NULL, 0));
    block_end(file, &writer);
}

static void
interface_write(struct pcapng_file *file, struct span name)
{
    size_t options = option_size(name.length) + option_size(1) + option_size(0);
    struct writer writer = block_begin(file, BLOCK_INTERFACE, 8 + options);
    uint8_t nanoseconds = 9; /* 10 to the power of -9 seconds */

    writer_u16(&writer, TRACE_LINK_TYPE);
    writer_u16(&writer, 0);
    writer_u32(&writer, TRACE_SNAPSHOT);
    option_write(&writer, INTERFACE_NAME, name);
    option_write(&writer, INTERFACE_TSRESOL, span_of(&nanoseconds, 1));
    option_write(&writer, OPTION_END, span_of(NULL, 0));
    block_end(file, &writer);
}

static void
packet_write(struct pcapng_file *file, const struct item *copy)
{
    struct span bytes = span_of(file->bytes->data + copy->offset, copy->length);
    struct span comment = span_of(file->comment->str, file->comment->len);
    size_t options = option_size(4) + option_size(comment.length) + option_size(0);
    struct writer writer = block_begin(file, BLOCK_PACKET, 20 + padded(bytes.length) + options);

    writer_u32(&writer, copy->interface);
    writer_u64(&writer, (uint64_t)(TRACE_EPOCH_S * TIME_S + file->at));
    writer_u32(&writer, (uint32_t)bytes.length);
    writer_u32(&writer, (uint32_t)bytes.length);
    writer_span_put(&writer, bytes);
    writer_zeros(&writer, padded(bytes.length) - bytes.length);
    writer_u16(&writer, PACKET_FLAGS_OPTION);
    writer_u16(&writer, 4);
    writer_u32(&writer, copy->what == COPY_IN ? 1 : 2); /* inbound, outbound */
    option_write(&writer, OPTION_COMMENT, comment);
    option_write(&writer, OPTION_END, span_of(NULL, 0));
    block_end(file, &writer);
}

/* ---- comments */

/* The node is named before its first sentence. */
static void
sentence_add(struct pcapng_file *file, const struct item *sentence, bool first)
{
    GString *comment = file->comment;

    if (first) {
        g_string_append(comment, " | ");
        g_string_append(comment, file->names->node(file->names, sentence->node));
    }
    g_string_append(comment, first ? ": " : "; ");
    g_string_append_len(comment, (const char *)file->bytes->data + sentence->offset, (gssize)sentence->length);
}

static bool
same_packet(const struct item *a, const struct item *b)
{
    return a->packet == b->packet && a->node == b->node;
}

/* Where the story of a copy begins: its own place if it arrives; else behind the packet's arrival, or the start. */
static unsigned
story_begin(const struct pcapng_file *file, unsigned copy)
{
    const struct item *items = file->items;

    if (items[copy].what == COPY_IN)
        return copy;
    for (unsigned i = copy; i > 0; i--)
        if (items[i - 1].what == COPY_IN && same_packet(&items[i - 1], &items[copy]))
            return i;
    return 0;
}

static void
sentences_gather(struct pcapng_file *file, unsigned copy)
{
    const struct item *items = file->items;
    bool mine = true, first = true;

    for (unsigned i = story_begin(file, copy); i < file->count; i++) {
        if (!same_packet(&items[i], &items[copy]))
            continue;
        if (items[i].what == SENTENCE) {
            if (mine) {
                sentence_add(file, &items[i], first);
                first = false;
            }
        } else if (i > copy && items[i].what == COPY_IN) {
            return;
        } else if (items[copy].what == COPY_OUT) {
            mine = i == copy; /* what follows another departing copy is about that one */
        }
    }
}

/* Text in pcapng is UTF-8; names that scripts give need not be. */
static void
comment_finish(GString *comment)
{
    gsize length = PCAPNG_COMMENT - 3;

    if (!g_utf8_validate(comment->str, (gssize)comment->len, NULL)) {
        g_autofree char *valid = g_utf8_make_valid(comment->str, (gssize)comment->len);

        g_string_assign(comment, valid);
    }
    if (comment->len <= PCAPNG_COMMENT)
        return;
    while ((comment->str[length] & 0xc0) == 0x80) /* never within a character */
        length--;
    g_string_truncate(comment, length);
    g_string_append(comment, "...");
}

static void
comment_make(struct pcapng_file *file, unsigned copy)
{
    g_string_truncate(file->comment, 0);
    packet_name_say(file->items[copy].packet, file->names, file->comment);
    sentences_gather(file, copy);
    comment_finish(file->comment);
}

/* ---- the window */

/* Writes the copies among the first `count` items and forgets these items. */
static void
let_go(struct pcapng_file *file, unsigned count)
{
    size_t bytes = count < file->count ? file->items[count].offset : file->bytes->len;

    for (unsigned i = 0; i < count; i++) {
        if (file->items[i].what == SENTENCE)
            continue;
        comment_make(file, i);
        packet_write(file, &file->items[i]);
    }
    file->count -= count;
    memmove(file->items, file->items + count, file->count * sizeof(file->items[0]));
    for (unsigned i = 0; i < file->count; i++)
        file->items[i].offset -= bytes;
    if (bytes > 0)
        g_byte_array_remove_range(file->bytes, 0, (guint)bytes);
}

/* Where a full window is cut: at its middle, or before it where one packet's words and copies would be torn apart. */
static unsigned
window_cut(const struct pcapng_file *file)
{
    for (unsigned cut = PCAPNG_WINDOW / 2; cut > 0; cut--)
        if (!same_packet(&file->items[cut - 1], &file->items[cut]))
            return cut;
    return PCAPNG_WINDOW / 2;
}

static void
add(struct pcapng_file *file, int64_t at, struct item item, struct span bytes)
{
    if (at != file->at)
        let_go(file, file->count);
    else if (file->count == PCAPNG_WINDOW)
        let_go(file, window_cut(file));
    file->at = at;
    item.offset = file->bytes->len;
    item.length = bytes.length;
    if (bytes.length > 0)
        g_byte_array_append(file->bytes, bytes.bytes, (guint)bytes.length);
    file->items[file->count++] = item;
}

void
pcapng_file_packet(struct pcapng_file *file, uint32_t interface, uint32_t node, enum capture_direction direction,
                   int64_t at, packet_name packet, struct span bytes)
{
    enum what what = direction == CAPTURE_IN ? COPY_IN : COPY_OUT;

    g_assert(interface < file->interfaces);
    add(file, at, (struct item){ .what = what, .node = node, .interface = interface, .packet = packet }, bytes);
}

void
pcapng_file_record(struct pcapng_file *file, const struct record *record, const GString *said)
{
    struct item item = { .what = SENTENCE, .node = record->node, .packet = record->packet };

    if (record->packet != 0)
        add(file, record->at, item, span_of(said->str, said->len));
}

/* ---- life */

struct pcapng_file *
pcapng_file_open(const char *path, const struct names *names, GError **error)
{
    struct pcapng_file *file = g_new0(struct pcapng_file, 1);

    if (!out_file_open(&file->out, path, BUFFER, error)) {
        g_free(file);
        return NULL;
    }
    file->names = names;
    file->bytes = g_byte_array_new();
    file->block = g_byte_array_new();
    file->comment = g_string_new(NULL);
    section_write(file);
    return file;
}

uint32_t
pcapng_file_interface(struct pcapng_file *file, const char *name)
{
    g_autofree char *valid = g_utf8_make_valid(name, -1);
    size_t length = strlen(valid);

    interface_write(file, span_of(valid, MIN(length, PCAPNG_COMMENT)));
    return file->interfaces++;
}

bool
pcapng_file_close(struct pcapng_file *file, GError **error)
{
    bool good;

    let_go(file, file->count);
    good = out_file_close(&file->out, error);
    g_byte_array_unref(file->bytes);
    g_byte_array_unref(file->block);
    g_string_free(file->comment, TRUE);
    g_free(file);
    return good;
}

bool
pcapng_file_failed(const struct pcapng_file *file)
{
    return out_file_failed(&file->out);
}
