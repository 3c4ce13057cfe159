#include <pcap/pcap.h>

#include "core/base/time.h"
#include "core/trace/pcap_file.h"
#include "tests/unit/support.h"
#include "tests/unit/support_trace.h"

static char *folder, *path;

static void
set_up(void)
{
    folder = unit_folder_new();
    path = g_build_filename(folder, "A-natA.pcap", NULL);
}

static void
tear_down(void)
{
    g_free(path);
    unit_folder_remove(folder);
}

static const struct {
    const char *name;
    int64_t at;
    size_t length;
    int64_t seconds, nanoseconds; /* after the epoch */
} rows[] = {
    { "the beginning", 0, 20, 0, 0 },
    { "one nanosecond", 1, 28, 0, 1 },
    { "just before a second", TIME_S - 1, 1500, 0, 999999999 },
    { "a second", TIME_S, 21, 1, 0 },
    { "an empty packet", TIME_S, 0, 1, 0 },
    { "the largest IPv6 packet", 24 * 60 * TIME_MIN + 123456789, 65575, 86400, 123456789 },
};

static uint8_t
byte_of(size_t row, size_t index)
{
    return (uint8_t)(row * 31 + index * 7);
}

static void
write_rows(void)
{
    struct pcap_file *file = pcap_file_open(path, 4096, NULL);
    g_autofree uint8_t *bytes = g_malloc(65575);

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (size_t j = 0; j < rows[i].length; j++)
            bytes[j] = byte_of(i, j);
        pcap_file_packet(file, rows[i].at, span_of(bytes, rows[i].length));
    }
    CHECK(pcap_file_close(file, NULL));
}

static void
check_row(size_t i, const struct pcap_pkthdr *header, const uint8_t *bytes)
{
    size_t same = 0;

    CHECK_ROW_INT(rows[i].name, header->ts.tv_sec, 1767225600 + rows[i].seconds);
    CHECK_ROW_INT(rows[i].name, header->ts.tv_usec, rows[i].nanoseconds);
    CHECK_ROW_INT(rows[i].name, header->caplen, (int64_t)rows[i].length);
    CHECK_ROW_INT(rows[i].name, header->len, (int64_t)rows[i].length);
    while (same < header->caplen && bytes[same] == byte_of(i, same))
        same++;
    CHECK_ROW_INT(rows[i].name, (int64_t)same, (int64_t)rows[i].length);
}

static void
test_read_back(void)
{
    char why[PCAP_ERRBUF_SIZE];
    struct pcap_pkthdr *header;
    const u_char *bytes;
    pcap_t *pcap;
    size_t i = 0;

    write_rows();
    pcap = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, why);
    CHECK_ROW(why, pcap != NULL);
    if (!pcap)
        return;
    CHECK_ROW_INT("link type", pcap_datalink(pcap), DLT_RAW);
    for (; pcap_next_ex(pcap, &header, &bytes) == 1 && i < G_N_ELEMENTS(rows); i++)
        check_row(i, header, bytes);
    CHECK_ROW_INT("packets", (int64_t)i, G_N_ELEMENTS(rows));
    pcap_close(pcap);
}

/* The nanosecond magic and the link type that stand in the file itself, in this machine's byte order. */
static void
test_header(void)
{
    static const uint32_t magic = 0xa1b23c4d, link_type = 101;
    struct pcap_file *file = pcap_file_open(path, 4096, NULL);
    g_autoptr(GBytes) bytes = NULL;
    struct span span;

    CHECK(pcap_file_close(file, NULL));
    bytes = trace_read(folder, "A-natA.pcap");
    span = unit_span(bytes);
    CHECK_ROW_INT("a file without packets is its header", (int64_t)span.length, 24);
    if (span.length != 24)
        return;
    CHECK_ROW_BYTES("magic", span_of(span.bytes, 4), span_of(&magic, 4));
    CHECK_ROW_BYTES("link type", span_of(span.bytes + 20, 4), span_of(&link_type, 4));
}

static void
test_cannot_open(void)
{
    g_autofree char *nowhere = g_build_filename(folder, "missing", "A.pcap", NULL);
    g_autoptr(GError) error = NULL;

    CHECK(pcap_file_open(nowhere, 4096, &error) == NULL);
    CHECK(g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOENT));
    CHECK(error && strstr(error->message, nowhere));
}

/* A full disk is told, whether it filled up at the end or long before. */
static const struct { const char *name; int packets; } full_rows[] = { { "at the end", 1 }, { "long before", 1000 } };

static void
test_disk_full(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(full_rows); i++) {
        struct pcap_file *file = pcap_file_open("/dev/full", 4096, NULL);
        g_autoptr(GError) error = NULL;

        for (int packet = 0; packet < full_rows[i].packets; packet++)
            pcap_file_packet(file, packet, span_of_text("0123456789"));
        CHECK_ROW(full_rows[i].name, !pcap_file_close(file, &error));
        CHECK_ROW(full_rows[i].name, error && strstr(error->message, "/dev/full"));
    }
}

void
suite_trace_pcap(void)
{
    UNIT_SUITE("trace pcap", set_up, tear_down, { "read back", test_read_back }, { "header", test_header },
               { "cannot open", test_cannot_open }, { "disk full", test_disk_full });
}
