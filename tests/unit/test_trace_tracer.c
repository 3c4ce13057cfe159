#include <json-glib/json-glib.h>
#include <pcap/pcap.h>
#include <unistd.h>

#include "core/base/cursor.h"
#include "core/net/segment.h"
#include "core/trace/recorder.h"
#include "core/trace/tracer.h"
#include "tests/unit/support.h"
#include "tests/unit/support_trace.h"

static char *folder;
static struct world *lab;
static struct node *node;
static struct segment *lan;

static void
set_up(void)
{
    folder = unit_folder_new();
    lab = world_new(1);
    node = node_new(lab, "A");
    lan = segment_new(lab, "lan");
}

static void
tear_down(void)
{
    world_free(lab);
    unit_folder_remove(folder);
}

static void
pass(struct port *port, enum capture_direction direction, int64_t at, uint64_t ordinal)
{
    static const char bytes[] = "a packet";

    port->capture->packet(port->capture, port->capture_number, port->node->number, direction, at,
                          PACKET_NAME(port->node->number, ordinal), span_of_text(bytes));
}

static void
decide(int64_t at, uint64_t ordinal)
{
    struct record record = trace_record(node->number, ordinal, at, 7);

    journal_take(lab->journal, &record);
}

/* The packets in all.pcapng, as libpcap does not read it; -1 when it is not whole. */
static int
packets_in_all(void)
{
    g_autoptr(GBytes) bytes = trace_read(folder, "all.pcapng");
    struct reader file = reader_over(unit_span(bytes));
    int count = 0;

    while (reader_left(&file) > 0) {
        uint32_t type = reader_u32(&file), length = reader_u32(&file);

        reader_skip(&file, length >= 12 ? length - 12 : SIZE_MAX);
        count += type == 6;
        if (reader_u32(&file) != length || reader_failed(&file))
            return -1;
    }
    return count;
}

/* The packets in a pcap file; -1 when it is not whole. */
static int
packets_in(const char *name)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    char why[PCAP_ERRBUF_SIZE];
    pcap_t *pcap = pcap_open_offline(path, why);
    struct pcap_pkthdr *header;
    const u_char *bytes;
    int count = 0, status;

    if (!pcap)
        return -1;
    while ((status = pcap_next_ex(pcap, &header, &bytes)) == 1)
        count++;
    pcap_close(pcap);
    return status == PCAP_ERROR_BREAK ? count : -1;
}

static void
check_file(const struct trace_file *file, const char *path, const char *owner, const char *network, uint64_t packets)
{
    CHECK_ROW_TEXT(path, file->path, path);
    CHECK_ROW_TEXT(path, file->node, owner);
    CHECK_ROW_TEXT(path, file->network, network);
    CHECK_ROW_INT(path, (int64_t)file->packets, (int64_t)packets);
    CHECK_ROW_INT(path, owner ? packets_in(path) : packets_in_all(), (int64_t)packets);
}

/* ---- */

static void
test_a_run(void)
{
    struct port *first = node_sit(node, lan), *second = node_sit(node, lan);
    g_autoptr(tracer) tracer = tracer_open(lab, folder, TRACER_ALL, NULL);
    const struct trace_file *files;
    g_autoptr(GBytes) journal = NULL;
    size_t count;

    CHECK(tracer_add(tracer, first, "A", "natA", NULL));
    CHECK(tracer_add(tracer, second, "A", "internet", NULL));
    CHECK_ROW_TEXT("label", recorder_names(world_recorder(lab))->interface(recorder_names(world_recorder(lab)),
                                                                            second->interface), "A-internet");
    decide(0, 1);
    pass(first, CAPTURE_OUT, 0, 1);
    pass(second, CAPTURE_IN, 1, 2);
    pass(second, CAPTURE_OUT, 2, 3);
    CHECK(tracer_close(tracer, NULL));

    files = tracer_files(tracer, &count);
    CHECK_ROW_INT("files", (int64_t)count, 3);
    if (count == 3) {
        check_file(&files[0], "A-natA.pcap", "A", "natA", 1);
        check_file(&files[1], "A-internet.pcap", "A", "internet", 2);
        check_file(&files[2], "all.pcapng", NULL, NULL, 3);
    }
    journal = trace_read(folder, "journal.jsonl");
    CHECK(g_strstr_len(g_bytes_get_data(journal, NULL), (gssize)g_bytes_get_size(journal), "\"text\":\"said 7\"}\n"));
    CHECK(!first->capture && !second->capture && !lab->journal);
    CHECK(tracer_close(tracer, NULL));
}

/* The packet's name, then who decided and what: as the header of the pcapng writer promises. */
static void
test_comment(void)
{
    struct port *port = node_sit(node, lan);
    g_autoptr(tracer) tracer = tracer_open(lab, folder, TRACER_PCAPNG, NULL);
    g_autoptr(GBytes) bytes = NULL;
    static const char comment[] = "A.1 | A: said 7";

    CHECK(tracer_add(tracer, port, "A", "natA", NULL));
    pass(port, CAPTURE_IN, 0, 1);
    decide(0, 1);
    CHECK(tracer_close(tracer, NULL));
    bytes = trace_read(folder, "all.pcapng");
    CHECK(memmem(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), comment, strlen(comment)) != NULL);
    CHECK(!trace_exists(folder, "A-natA.pcap") && !trace_exists(folder, "journal.jsonl"));
}

/* Without comments and journal nobody listens, and decisions cost nothing. */
static void
test_pcap_alone(void)
{
    struct port *port = node_sit(node, lan);
    g_autoptr(tracer) tracer = tracer_open(lab, folder, TRACER_PCAP, NULL);

    CHECK(tracer_add(tracer, port, "A", "natA", NULL));
    CHECK(!lab->journal);
    pass(port, CAPTURE_IN, 0, 1);
    CHECK(tracer_close(tracer, NULL));
    CHECK_ROW_INT("packets", packets_in("A-natA.pcap"), 1);
    CHECK(!trace_exists(folder, "all.pcapng"));
}

static const struct { const char *name, *node, *network, *path; } names[] = {
    { "plain", "A", "natA", "A-natA.pcap" },
    { "again", "A", "natA", "A-natA-2.pcap" },
    { "and again", "A", "natA", "A-natA-3.pcap" },
    { "another case", "a", "NATA", "a-NATA-4.pcap" },
    { "the suffix is taken", "A", "natA-2", "A-natA-2-2.pcap" },
    { "the hyphen elsewhere", "A-natA", "2", "A-natA-2-3.pcap" },
    { "made safe", "a/b", "c d", "a_b-c_d.pcap" },
    { "made safe to the same", "a_b", "c_d", "a_b-c_d-2.pcap" },
    { "no way out", "..", "..", "_.-_..pcap" },
};

static void
test_names(void)
{
    g_autoptr(tracer) tracer = tracer_open(lab, folder, TRACER_ALL, NULL);
    const struct trace_file *files;
    size_t count;

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
        CHECK_ROW(names[i].name, tracer_add(tracer, node_sit(node, lan), names[i].node, names[i].network, NULL));
    CHECK(tracer_close(tracer, NULL));
    files = tracer_files(tracer, &count);
    CHECK_ROW_INT("count", (int64_t)count, G_N_ELEMENTS(names) + 1);
    for (size_t i = 0; i + 1 < count; i++)
        check_file(&files[i], names[i].path, names[i].node, names[i].network, 0);
}

static const struct {
    const char *name;
    unsigned parts;
    int interfaces, files;
    bool pcaps;
} many[] = {
    { "as many as are written", TRACER_ALL, 256, 257, true },
    { "one more", TRACER_ALL, 257, 1, false },
    { "many more", TRACER_ALL, 300, 1, false },
    { "asked for", TRACER_ALL | TRACER_EVERY_INTERFACE, 257, 258, true },
    { "nothing else shows them", TRACER_PCAP, 257, 257, true },
};

static void
test_many_interfaces(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(many); i++) {
        g_autoptr(tracer) tracer = tracer_open(lab, folder, many[i].parts, NULL);
        const struct trace_file *files;
        struct port *last = NULL;
        size_t count;

        for (int j = 0; j < many[i].interfaces; j++) {
            g_autofree char *name = g_strdup_printf("h%d", j);

            last = node_sit(node, lan);
            CHECK_ROW(many[i].name, tracer_add(tracer, last, name, "lan", NULL));
        }
        pass(last, CAPTURE_IN, 0, 1);
        CHECK_ROW(many[i].name, tracer_close(tracer, NULL));
        files = tracer_files(tracer, &count);
        CHECK_ROW_INT(many[i].name, (int64_t)count, many[i].files);
        CHECK_ROW_INT(many[i].name, (int64_t)files[count - 1].packets, 1);
        CHECK_ROW_INT(many[i].name, trace_exists(folder, "h0-lan.pcap"), many[i].pcaps);
        g_clear_pointer(&tracer, tracer_free);
        unit_folder_remove(folder);
        folder = unit_folder_new();
    }
}

/* Ports that go during a run leave a complete file behind and nothing that dangles. */
static void
test_port_goes(void)
{
    struct port *first = node_sit(node, lan), *second;
    g_autoptr(tracer) tracer = tracer_open(lab, folder, TRACER_ALL, NULL);

    CHECK(tracer_add(tracer, first, "A", "natA", NULL));
    pass(first, CAPTURE_OUT, 0, 1);
    node_remove_port(node, first);
    second = node_sit(node, lan);
    CHECK(!second->capture);
    CHECK(tracer_add(tracer, second, "A", "natA", NULL));
    pass(second, CAPTURE_OUT, 1, 2);
    pass(second, CAPTURE_OUT, 2, 3);
    CHECK(tracer_close(tracer, NULL));
    CHECK(!second->capture);
    CHECK_ROW_INT("first", packets_in("A-natA.pcap"), 1);
    CHECK_ROW_INT("second", packets_in("A-natA-2.pcap"), 2);
}

static void
test_unwritable(void)
{
    g_autofree char *below = g_build_filename(folder, "file", "out", NULL);
    g_autofree char *in_the_way = g_build_filename(folder, "journal.jsonl", "x", NULL);
    g_autoptr(GError) error = NULL;

    trace_write(folder, "file", "mine");
    CHECK(!tracer_open(lab, below, TRACER_ALL, &error));
    CHECK(error && strstr(error->message, below));
    g_clear_error(&error);

    g_mkdir_with_parents(in_the_way, 0777);
    CHECK(!tracer_open(lab, folder, TRACER_ALL, &error));
    CHECK(error && strstr(error->message, "journal.jsonl"));
    CHECK(!lab->journal);
}

static void
test_interface_unwritable(void)
{
    g_autofree char *in_the_way = g_build_filename(folder, "A-natA.pcap", NULL);
    struct port *port = node_sit(node, lan);
    g_autoptr(tracer) tracer = tracer_open(lab, folder, TRACER_ALL, NULL);
    g_autoptr(GError) error = NULL;

    g_mkdir_with_parents(in_the_way, 0777);
    CHECK(!tracer_add(tracer, port, "A", "natA", &error));
    CHECK(error && strstr(error->message, "A-natA.pcap"));
    CHECK(!port->capture);
    CHECK(tracer_close(tracer, NULL));
}

/* The disk is full for one file of three: that is told, and the others are whole. */
static void
test_full_disk(void)
{
    g_autofree char *full = g_build_filename(folder, "A-natA.pcap", NULL);
    struct port *first = node_sit(node, lan), *second = node_sit(node, lan);
    g_autoptr(tracer) tracer = tracer_open(lab, folder, TRACER_ALL, NULL);
    g_autoptr(GError) error = NULL;

    CHECK(symlink("/dev/full", full) == 0);
    CHECK(tracer_add(tracer, first, "A", "natA", NULL));
    CHECK(tracer_add(tracer, second, "A", "natB", NULL));
    pass(first, CAPTURE_IN, 0, 1);
    pass(second, CAPTURE_IN, 0, 1);
    CHECK(!tracer_close(tracer, &error));
    CHECK(error && strstr(error->message, "A-natA.pcap"));
    CHECK_ROW_INT("second", packets_in("A-natB.pcap"), 1);
    CHECK_ROW_INT("all", packets_in_all(), 2);
}

/* Whoever forgets to close, because of an error for instance, still leaves files that can be read. */
static void
test_freed_unclosed(void)
{
    struct port *port = node_sit(node, lan);
    struct tracer *tracer = tracer_open(lab, folder, TRACER_ALL, NULL);

    CHECK(tracer_add(tracer, port, "A", "natA", NULL));
    pass(port, CAPTURE_IN, 0, 1);
    tracer_free(tracer);
    CHECK(!port->capture && !lab->journal);
    CHECK_ROW_INT("pcap", packets_in("A-natA.pcap"), 1);
    CHECK_ROW_INT("pcapng", packets_in_all(), 1);
}

void
suite_trace_tracer(void)
{
    UNIT_SUITE("trace tracer", set_up, tear_down, { "a run", test_a_run }, { "comment", test_comment },
               { "pcap alone", test_pcap_alone }, { "names", test_names },
               { "many interfaces", test_many_interfaces }, { "port goes", test_port_goes },
               { "unwritable", test_unwritable }, { "interface unwritable", test_interface_unwritable },
               { "full disk", test_full_disk }, { "freed unclosed", test_freed_unclosed });
}
