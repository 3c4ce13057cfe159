/* A small reader of its own takes all.pcapng apart: each block, its two lengths, its options. */
#include "core/base/cursor.h"
#include "core/base/time.h"
#include "core/trace/pcapng_file.h"
#include "tests/unit/support.h"
#include "tests/unit/support_trace.h"

static char *folder, *path;

static void
set_up(void)
{
    folder = unit_folder_new();
    path = g_build_filename(folder, "all.pcapng", NULL);
}

static void
tear_down(void)
{
    g_free(path);
    unit_folder_remove(folder);
}

/* ---- reading */

struct copy {
    uint32_t interface, flags;
    uint64_t at;
    char *data, *comment;
};

struct trace {
    GPtrArray *names; /* of interfaces */
    GPtrArray *copies;
    unsigned sections;
};

static void
copy_free(void *object)
{
    struct copy *copy = object;

    g_free(copy->data);
    g_free(copy->comment);
    g_free(copy);
}

static void
trace_free(struct trace *trace)
{
    g_ptr_array_unref(trace->names);
    g_ptr_array_unref(trace->copies);
}

static char *
text_of(struct span span)
{
    return g_strndup((const char *)span.bytes, span.length);
}

/* The next option; false at opt_endofopt, which must be the last thing in the block. */
static bool
next_option(struct reader *body, uint16_t *code, struct span *value)
{
    uint16_t length;

    *code = reader_u16(body);
    length = reader_u16(body);
    *value = reader_span(body, length);
    for (unsigned i = length; i % 4 != 0; i++)
        CHECK_ROW_INT("padding", reader_u8(body), 0);
    if (*code == 0) {
        CHECK_ROW_INT("opt_endofopt is empty", length, 0);
        CHECK_ROW_INT("opt_endofopt is last", (int64_t)reader_left(body), 0);
    }
    return *code != 0 && !reader_failed(body);
}

static void
read_section(struct trace *trace, struct reader *body)
{
    struct span value;
    uint16_t code;
    bool named = false;

    CHECK_ROW_UINT("byte-order magic", reader_u32(body), 0x1a2b3c4d);
    CHECK_ROW_INT("major version", reader_u16(body), 1);
    CHECK_ROW_INT("minor version", reader_u16(body), 0);
    CHECK_ROW_UINT("length not told", reader_u64(body), UINT64_MAX);
    while (next_option(body, &code, &value)) {
        CHECK_ROW_INT("nothing but shb_userappl", code, 4);
        CHECK_ROW_BYTES("shb_userappl", value, span_of_text("punchlab"));
        named = true;
    }
    CHECK(named);
    trace->sections++;
}

static void
read_interface(struct trace *trace, struct reader *body)
{
    struct span value;
    uint16_t code;
    int resolution = 6;

    CHECK_ROW_INT("link type", reader_u16(body), 101);
    reader_skip(body, 2);
    CHECK_ROW("snapshot length", reader_u32(body) >= 65575);
    while (next_option(body, &code, &value)) {
        if (code == 2)
            g_ptr_array_add(trace->names, text_of(value));
        else if (code == 9 && value.length == 1)
            resolution = value.bytes[0];
        else
            CHECK_ROW("an option of no use", false);
    }
    CHECK_ROW_INT("if_tsresol", resolution, 9);
}

static void
read_packet(struct trace *trace, struct reader *body)
{
    struct copy *copy = g_new0(struct copy, 1);
    uint32_t captured, original;
    struct span value;
    uint16_t code;

    copy->interface = reader_u32(body);
    copy->at = reader_u64(body);
    captured = reader_u32(body);
    original = reader_u32(body);
    CHECK_ROW_INT("nothing cut off", captured, original);
    CHECK_ROW("interface declared before", copy->interface < trace->names->len);
    copy->data = text_of(reader_span(body, captured));
    reader_skip(body, (4 - captured % 4) % 4);
    while (next_option(body, &code, &value)) {
        if (code == 1 && !copy->comment)
            copy->comment = text_of(value);
        else if (code == 2 && value.length == 4)
            copy->flags = (uint32_t)value.bytes[2] << 8 | value.bytes[3];
        else
            CHECK_ROW("an option of no use", false);
    }
    g_ptr_array_add(trace->copies, copy);
}

static void
read_block(struct trace *trace, struct reader *file)
{
    uint32_t type = reader_u32(file), length = reader_u32(file);
    struct reader body = reader_cut(file, length >= 12 ? length - 12 : 0);

    CHECK_ROW_INT("lengths are multiples of four", length % 4, 0);
    CHECK_ROW_INT("the length stands at both ends", reader_u32(file), length);
    if (type == 0x0a0d0d0a)
        read_section(trace, &body);
    else if (type == 1)
        read_interface(trace, &body);
    else if (type == 6)
        read_packet(trace, &body);
    else
        CHECK_ROW("block type", false);
    CHECK(!reader_failed(&body) && reader_left(&body) == 0);
}

static struct trace
read_trace(void)
{
    g_autoptr(GBytes) bytes = trace_read(folder, "all.pcapng");
    struct reader file = reader_over(unit_span(bytes));
    struct trace trace = { g_ptr_array_new_with_free_func(g_free), g_ptr_array_new_with_free_func(copy_free), 0 };

    while (reader_left(&file) > 0)
        read_block(&trace, &file);
    CHECK(!reader_failed(&file));
    CHECK_ROW_INT("sections", trace.sections, 1);
    return trace;
}

static const struct copy *
copy_at(const struct trace *trace, size_t index)
{
    static const struct copy none = { .data = "", .comment = "missing" };

    return index < trace->copies->len ? trace->copies->pdata[index] : &none;
}

/* ---- comments */

/* i, o: the packet passes in or out at a node; r: a record about it there. Packets are A's, by ordinal; times count on
 * from the row before. A record says "said N", N being its place among the steps from 0. */
struct step {
    char what;
    uint64_t packet;
    uint32_t node;
    int64_t after;
};

static const struct {
    const char *name;
    struct step steps[10];
    const char *comments[6]; /* of the copies in order */
} rows[] = {
    { "a copy about which nothing is said", { { 'i', 1, 2, 0 } }, { "A.1" } },
    { "sent: the record comes before the copy", { { 'r', 1, 1, 0 }, { 'o', 1, 1, 0 } }, { "A.1 | A: said 0" } },
    { "delivered", { { 'i', 1, 1, 0 }, { 'r', 1, 1, 0 } }, { "A.1 | A: said 1" } },
    { "translated: both copies say so", { { 'i', 1, 2, 0 }, { 'r', 1, 2, 0 }, { 'r', 1, 2, 0 }, { 'o', 1, 2, 0 } },
      { "A.1 | natA: said 1; said 2", "A.1 | natA: said 1; said 2" } },
    { "lost on the link behind the NAT",
      { { 'i', 1, 2, 0 }, { 'r', 1, 2, 0 }, { 'o', 1, 2, 0 }, { 'r', 1, 2, 0 } },
      { "A.1 | natA: said 1; said 3", "A.1 | natA: said 1; said 3" } },
    { "an ICMP error leaves before the drop is told",
      { { 'i', 1, 2, 0 }, { 'r', 2, 2, 0 }, { 'o', 2, 2, 0 }, { 'r', 1, 2, 0 } },
      { "A.1 | natA: said 3", "A.2 | natA: said 1" } },
    { "an answer sent while the question is handled",
      { { 'i', 1, 1, 0 }, { 'r', 1, 1, 0 }, { 'r', 2, 1, 0 }, { 'o', 2, 1, 0 } },
      { "A.1 | A: said 1", "A.2 | A: said 2" } },
    { "at another node", { { 'r', 1, 1, 0 }, { 'o', 1, 1, 0 }, { 'i', 1, 2, 0 }, { 'r', 1, 2, 0 } },
      { "A.1 | A: said 0", "A.1 | natA: said 3" } },
    { "at another time", { { 'i', 1, 2, 0 }, { 'r', 1, 2, 0 }, { 'o', 1, 2, 1 } }, { "A.1 | natA: said 1", "A.1" } },
    { "dropped later, when the link goes off", { { 'o', 1, 1, 0 }, { 'r', 1, 1, 5 } }, { "A.1" } },
    { "a duplicate comes at the same instant",
      { { 'i', 1, 1, 0 }, { 'r', 1, 1, 0 }, { 'i', 1, 1, 0 }, { 'r', 1, 1, 0 } },
      { "A.1 | A: said 1", "A.1 | A: said 3" } },
    { "two fragments leave, the second is lost",
      { { 'i', 1, 2, 0 }, { 'r', 1, 2, 0 }, { 'o', 1, 2, 0 }, { 'o', 1, 2, 0 }, { 'r', 1, 2, 0 } },
      { "A.1 | natA: said 1; said 4", "A.1 | natA: said 1", "A.1 | natA: said 1; said 4" } },
    { "two fragments leave, the first is lost",
      { { 'r', 1, 2, 0 }, { 'o', 1, 2, 0 }, { 'r', 1, 2, 0 }, { 'o', 1, 2, 0 } },
      { "A.1 | natA: said 0; said 2", "A.1 | natA: said 0" } },
    { "about no packet", { { 'i', 1, 2, 0 }, { 'r', 0, 2, 0 } }, { "A.1" } },
    { "a node whose name is no UTF-8", { { 'i', 1, 3, 0 }, { 'r', 1, 3, 0 } }, { "A.1 | \xef\xbf\xbd: said 1" } },
};

static void
play_step(struct pcapng_file *file, const struct step *step, size_t index, int64_t at)
{
    struct record record = trace_record(step->node, step->packet, at, (int64_t)index);
    g_autoptr(GString) said = g_string_new(NULL);
    char bytes[] = "as it was";

    if (step->what == 'r') {
        trace_kind.say(&record, &trace_names, said);
        pcapng_file_record(file, &record, said);
    } else {
        pcapng_file_packet(file, 0, step->node, step->what == 'i' ? CAPTURE_IN : CAPTURE_OUT, at, record.packet,
                           span_of(bytes, strlen(bytes)));
        memset(bytes, 'X', strlen(bytes)); /* as a NAT rewrites a packet in place */
    }
}

static void
test_comments(void)
{
    for (size_t row = 0; row < G_N_ELEMENTS(rows); row++) {
        struct pcapng_file *file = pcapng_file_open(path, &trace_names, NULL);
        struct trace trace;
        int64_t at = 0;
        size_t copies = 0;

        pcapng_file_interface(file, "A-natA");
        for (size_t i = 0; i < G_N_ELEMENTS(rows[row].steps) && rows[row].steps[i].what; i++) {
            at += rows[row].steps[i].after;
            play_step(file, &rows[row].steps[i], i, at);
        }
        CHECK_ROW(rows[row].name, pcapng_file_close(file, NULL));
        trace = read_trace();
        for (; rows[row].comments[copies]; copies++) {
            CHECK_ROW_TEXT(rows[row].name, copy_at(&trace, copies)->comment, rows[row].comments[copies]);
            CHECK_ROW_TEXT(rows[row].name, copy_at(&trace, copies)->data, "as it was");
        }
        CHECK_ROW_INT(rows[row].name, (int64_t)trace.copies->len, (int64_t)copies);
        trace_free(&trace);
    }
}

/* More happens in one instant than the window holds: no copy is lost, and each keeps what was said next to it, before
 * it (a packet that is sent) or behind it (one that arrives), wherever the window is cut. */
static void
check_crowded_instant(unsigned shift, bool sent)
{
    enum { PACKETS = 10 * PCAPNG_WINDOW + 3 };
    struct pcapng_file *file = pcapng_file_open(path, &trace_names, NULL);
    struct trace trace;

    pcapng_file_interface(file, "A-natA");
    for (unsigned i = 0; i < shift; i++)
        play_step(file, &(struct step){ 'r', PACKETS + 1, 2, 0 }, 0, 5);
    for (uint64_t i = 1; i <= PACKETS; i++) {
        play_step(file, &(struct step){ sent ? 'r' : 'i', i, 2, 0 }, i, 5);
        play_step(file, &(struct step){ sent ? 'o' : 'r', i, 2, 0 }, i, 5);
    }
    CHECK(pcapng_file_close(file, NULL));
    trace = read_trace();
    CHECK_ROW_INT("copies", trace.copies->len, PACKETS);
    for (guint i = 0; i < trace.copies->len; i++) {
        g_autofree char *expected = g_strdup_printf("A.%u | natA: said %u", i + 1, i + 1);

        CHECK_ROW_TEXT("comment", copy_at(&trace, i)->comment, expected);
        CHECK_ROW_TEXT("data", copy_at(&trace, i)->data, "as it was");
    }
    trace_free(&trace);
}

static void
test_crowded_instant(void)
{
    for (unsigned shift = 0; shift < 3; shift++) {
        check_crowded_instant(shift, false);
        check_crowded_instant(shift, true);
    }
}

/* ---- the rest of a block */

static const struct {
    const char *name, *data;
    enum capture_direction direction;
    int64_t at;
    uint32_t interface, flags;
} copies[] = {
    { "four bytes", "abcd", CAPTURE_OUT, 0, 0, 2 },
    { "five", "abcde", CAPTURE_IN, 1, 0, 1 },
    { "six", "abcdef", CAPTURE_OUT, TIME_S - 1, 1, 2 },
    { "seven", "abcdefg", CAPTURE_IN, TIME_S, 0, 1 },
    { "none", "", CAPTURE_IN, 3 * TIME_S, 2, 1 },
    { "the time overflows 32 bits of nanoseconds", "a", CAPTURE_IN, 5000 * TIME_S + 7, 2, 1 },
};

static void
check_copy(const struct copy *copy, size_t i)
{
    CHECK_ROW_INT(copies[i].name, copy->interface, copies[i].interface);
    CHECK_ROW_INT(copies[i].name, copy->flags, copies[i].flags);
    CHECK_ROW_UINT(copies[i].name, copy->at, (uint64_t)(INT64_C(1767225600) * TIME_S + copies[i].at));
    CHECK_ROW_TEXT(copies[i].name, copy->data, copies[i].data);
}

/* The third interface is declared when packets have been written. */
static void
test_blocks(void)
{
    struct pcapng_file *file = pcapng_file_open(path, &trace_names, NULL);
    struct trace trace;

    CHECK_ROW_INT("numbers count from 0", pcapng_file_interface(file, "A-natA"), 0);
    CHECK_ROW_INT("second", pcapng_file_interface(file, "natA-internet"), 1);
    for (size_t i = 0; i < G_N_ELEMENTS(copies); i++) {
        if (i == 3)
            CHECK_ROW_INT("late", pcapng_file_interface(file, "\xff"), 2);
        pcapng_file_packet(file, copies[i].interface, 1, copies[i].direction, copies[i].at, PACKET_NAME(1, i + 1),
                           span_of_text(copies[i].data));
    }
    CHECK(pcapng_file_close(file, NULL));

    trace = read_trace();
    CHECK_ROW_INT("interfaces", trace.names->len, 3);
    CHECK_ROW_TEXT("first", trace.names->pdata[0], "A-natA");
    CHECK_ROW_TEXT("second", trace.names->pdata[1], "natA-internet");
    CHECK_ROW_TEXT("no UTF-8", trace.names->pdata[2], "\xef\xbf\xbd");
    CHECK_ROW_INT("copies", trace.copies->len, G_N_ELEMENTS(copies));
    for (size_t i = 0; i < G_N_ELEMENTS(copies); i++)
        check_copy(copy_at(&trace, i), i);
    trace_free(&trace);
}

/* Longer than an option may be: cut at a character, and said to be. */
static void
test_long_comment(void)
{
    for (unsigned shift = 0; shift < 3; shift++) {
        struct pcapng_file *file = pcapng_file_open(path, &trace_names, NULL);
        struct record record = trace_record(2, 1, 0, 0);
        g_autoptr(GString) said = g_string_new(NULL);
        struct trace trace;

        for (unsigned i = 0; i < shift; i++)
            g_string_append_c(said, 'x');
        for (int i = 0; i < 30000; i++)
            g_string_append(said, "\xe2\x86\x92");
        pcapng_file_interface(file, "A-natA");
        pcapng_file_packet(file, 0, 2, CAPTURE_IN, 0, record.packet, span_of_text("abcd"));
        pcapng_file_record(file, &record, said);
        CHECK(pcapng_file_close(file, NULL));
        trace = read_trace();
        CHECK(strlen(copy_at(&trace, 0)->comment) <= PCAPNG_COMMENT);
        CHECK(strlen(copy_at(&trace, 0)->comment) >= PCAPNG_COMMENT - 6);
        CHECK(g_str_has_suffix(copy_at(&trace, 0)->comment, "\xe2\x86\x92..."));
        CHECK(g_utf8_validate(copy_at(&trace, 0)->comment, -1, NULL));
        CHECK(!strstr(copy_at(&trace, 0)->comment, "\xef\xbf\xbd"));
        trace_free(&trace);
    }
}

static void
test_disk_full(void)
{
    struct pcapng_file *file = pcapng_file_open("/dev/full", &trace_names, NULL);
    g_autoptr(GError) error = NULL;

    CHECK(!pcapng_file_close(file, &error));
    CHECK(g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOSPC));
}

void
suite_trace_pcapng(void)
{
    UNIT_SUITE("trace pcapng", set_up, tear_down, { "comments", test_comments },
               { "crowded instant", test_crowded_instant }, { "blocks", test_blocks },
               { "long comment", test_long_comment }, { "disk full", test_disk_full });
}
