/* A run read back from its folder, and folders that anybody may have written. */
#include "core/base/time.h"
#include "core/trace/pcapng_file.h"
#include "scenarios/runner/story/captures.h"
#include "scenarios/runner/story/page.h"
#include "tests/unit/support.h"
#include "tests/unit/support_trace.h"

static char *folder;

#define REPORT "{\"format\":1,\"scenario\":\"x\",\"title\":\"</script>\",\"packets\":{\"sent\":3},\"files\":[]," \
               "\"topology\":{\"networks\":[],\"nodes\":[],\"changes\":[]}}"
#define LINE(at, node, packet) "{\"at\":" at ",\"node\":\"" node "\",\"kind\":\"packet-sent\",\"action\":\"sent\"," \
                               "\"packet\":\"" packet "\",\"from\":\"10.0.0.2:5000\",\"text\":\"sends " packet \
                               " from 10.0.0.2:5000\"}\n"

static void
set_up(void)
{
    folder = unit_folder_new();
}

static void
tear_down(void)
{
    unit_folder_remove(folder);
}

static const struct finished_window all = { 0, INT64_MAX, FINISHED_PACKETS };

/* Three packets of node A at its one interface, the second twice, with other bytes at the second time. */
static void
write_captures(void)
{
    g_autofree char *path = g_build_filename(folder, "all.pcapng", NULL);
    struct pcapng_file *file = pcapng_file_open(path, &trace_names, NULL);
    uint8_t packet[20] = { 0x45, 0, 0, 20, 0, 0, 0, 0, 64, 99, 0, 0, 10, 0, 0, 2, 10, 0, 0, 3 };

    pcapng_file_interface(file, "A-natA");
    for (unsigned i = 1; i <= 3; i++)
        pcapng_file_packet(file, 0, 1, CAPTURE_OUT, i * TIME_MS, PACKET_NAME(1, i), span_of(packet, sizeof(packet)));
    packet[8]--;
    pcapng_file_packet(file, 0, 1, CAPTURE_IN, 9 * TIME_MS, PACKET_NAME(1, 2), span_of(packet, sizeof(packet)));
    CHECK(pcapng_file_close(file, NULL));
}

static void
write_run(void)
{
    trace_write(folder, "report.json", REPORT);
    trace_write(folder, "journal.jsonl", LINE("0.001", "A", "A.1") LINE("0.002", "A", "A.2") LINE("0.003", "A", "A.3"));
    write_captures();
}

static void
test_loads(void)
{
    g_autoptr(GError) error = NULL;

    write_run();
    g_autoptr(finished_run) run = finished_run_load(folder, &all, &error);
    g_assert_no_error(error);
    CHECK_ROW_INT("records", run->records->len, 3);
    CHECK_ROW_INT("packets", run->packets->len, 3);
    CHECK_ROW_TEXT("a packet", run->packets->pdata[1], "A.2");
    CHECK_ROW_TEXT("an interface", run->interfaces->pdata[0], "A-natA");
    CHECK_ROW_INT("copies", run->copies->len, 4);
    const struct finished_copy *last = &g_array_index(run->copies, struct finished_copy, 3);
    CHECK_ROW_INT("at", last->at, 9 * TIME_MS);
    CHECK_ROW_INT("of which packet", last->packet, 1);
    CHECK_ROW("came in", !last->out);
    CHECK_ROW_INT("bytes", (int64_t)last->bytes.length, 20);
    CHECK_ROW("all of it", run->to == INT64_MAX);
}

static void
test_windows(void)
{
    static const struct { const char *name; struct finished_window window; guint records, packets, copies; int64_t to; } rows[] = {
        { "two packets", { 0, INT64_MAX, 2 }, 2, 2, 2, 3 * TIME_MS },
        { "from the second on", { 2 * TIME_MS, INT64_MAX, 9 }, 2, 2, 3, INT64_MAX },
        { "until the third", { 0, 3 * TIME_MS, 9 }, 2, 2, 2, 3 * TIME_MS },
        { "one instant", { 2 * TIME_MS, 2 * TIME_MS + 1, 9 }, 1, 1, 1, 2 * TIME_MS + 1 },
        { "after the end", { TIME_S, INT64_MAX, 9 }, 0, 0, 0, INT64_MAX },
    };

    write_run();
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(finished_run) run = finished_run_load(folder, &rows[i].window, NULL);

        if (!CHECK_ROW(rows[i].name, run != NULL))
            continue;
        CHECK_ROW_INT(rows[i].name, run->records->len, rows[i].records);
        CHECK_ROW_INT(rows[i].name, run->packets->len, rows[i].packets);
        CHECK_ROW_INT(rows[i].name, run->copies->len, rows[i].copies);
        CHECK_ROW_INT(rows[i].name, run->to, rows[i].to);
    }
}

/* More packets in one instant than the window has room for: it is not empty. */
static void
test_crowded_instant(void)
{
    const struct finished_window two = { 0, INT64_MAX, 2 };

    trace_write(folder, "report.json", REPORT);
    trace_write(folder, "journal.jsonl", LINE("0", "A", "A.1") LINE("0", "A", "A.2") LINE("0", "A", "A.3"));
    g_autoptr(finished_run) run = finished_run_load(folder, &two, NULL);
    CHECK_ROW_INT("packets", run ? run->packets->len : 0, 2);
}

/* What stood when the window began is told; what is over is not asked. */
static void
test_carried(void)
{
    const struct finished_window later = { TIME_S, INT64_MAX, 9 };

    trace_write(folder, "report.json", REPORT);
    trace_write(folder, "journal.jsonl",
                "{\"at\":0,\"node\":\"n\",\"kind\":\"nat-mapping-new\",\"action\":\"mapping-new\",\"mapping\":1,\"text\":\"\"}\n"
                "{\"at\":0,\"node\":\"n\",\"kind\":\"nat-outbound\",\"action\":\"translated\",\"opens\":true,\"text\":\"\"}\n"
                "{\"at\":0,\"node\":\"n\",\"kind\":\"nat-outbound\",\"action\":\"translated\",\"opens\":false,\"text\":\"\"}\n"
                LINE("2", "A", "A.9"));
    g_autoptr(finished_run) run = finished_run_load(folder, &later, NULL);
    CHECK_ROW_INT("records", run->records->len, 3);
    CHECK_ROW_INT("from before", run->carried, 2);
    CHECK_ROW_INT("packets", run->packets->len, 1);
}

static char *
deep(void)
{
    GString *text = g_string_new(NULL);

    for (unsigned i = 0; i < 200000; i++)
        g_string_append_c(text, '[');
    return g_string_free(text, FALSE);
}

static void
test_refused(void)
{
    g_autofree char *nested = deep();
    const struct { const char *name, *report, *journal, *says; } rows[] = {
        { "no report", NULL, LINE("0", "A", "A.1"), "report.json" },
        { "no JSON", "{", "", "report.json: " },
        { "a list", "[]", "", "it is no object" },
        { "another format", "{\"format\":2,\"topology\":{}}", "", "no report of format 1" },
        { "a text as format", "{\"format\":\"1\",\"topology\":{}}", "", "no report of format 1" },
        { "an older run", "{\"format\":1}", "", "it has no topology" },
        { "a report of brackets", nested, "", "nested too deep" },
        { "no journal", REPORT, NULL, "--no-trace" },
        { "a line of brackets", REPORT, nested, "line 1: it is nested too deep" },
        { "half a line", REPORT, LINE("0", "A", "A.1") "{\"at\":0,", "line 2: " },
        { "no time", REPORT, "{\"node\":\"A\",\"kind\":\"x\",\"action\":\"x\",\"text\":\"\"}\n", "line 1: it is no record" },
        { "a time before the world", REPORT, LINE("-1", "A", "A.1"), "it is no record" },
        { "a time beyond all times", REPORT, LINE("1e300", "A", "A.1"), "it is no record" },
        { "a node that is a number", REPORT, "{\"at\":0,\"node\":1,\"kind\":\"x\",\"action\":\"x\",\"text\":\"\"}\n", "no record" },
        { "no UTF-8", REPORT, "{\"at\":0,\"node\":\"\xff\"}\n", "it is not UTF-8" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *own = unit_folder_new();
        g_autoptr(GError) error = NULL;

        if (rows[i].report)
            trace_write(own, "report.json", rows[i].report);
        if (rows[i].journal)
            trace_write(own, "journal.jsonl", rows[i].journal);
        struct finished_run *run = finished_run_load(own, &all, &error);
        CHECK_ROW(rows[i].name, !run && error);
        if (error && !CHECK_ROW(rows[i].name, strstr(error->message, rows[i].says) != NULL))
            printf("    %s\n", error->message);
        unit_folder_remove(g_steal_pointer(&own));
    }
}

/* ---- captures */

static void
ignore_interface(void *user, struct span name)
{
    (void)name;
    ++*(unsigned *)user;
}

static bool
ignore_packet(void *user, const struct captured *captured)
{
    (void)user;
    (void)captured;
    return true;
}

static void
test_captures_cut(void)
{
    unsigned interfaces = 0;
    const struct captures_reader reader = { ignore_interface, ignore_packet, &interfaces };

    write_run();
    g_autoptr(GBytes) file = trace_read(folder, "all.pcapng");
    struct span whole = unit_span(file);
    unsigned good = 0;
    for (size_t length = 0; length <= whole.length; length++) {
        g_autofree uint8_t *cut = unit_exact(span_of(whole.bytes, length));
        g_autoptr(GError) error = NULL;

        bool whole_blocks = captures_read_bytes(span_of(cut, length), &reader, &error);
        CHECK_ROW("good, or an error", whole_blocks == !error);
        good += whole_blocks;
    }
    CHECK_ROW_INT("good only where a block ends", good, 6);
    for (size_t at = 0; at < whole.length; at++) {
        g_autofree uint8_t *changed = unit_exact(whole);
        g_autoptr(GError) error = NULL;

        changed[at] ^= 0xff;
        bool taken = captures_read_bytes(span_of(changed, whole.length), &reader, &error);
        CHECK_ROW("good, or an error", taken == !error);
    }
}

/* ---- the page */

static void
test_page(void)
{
    g_autoptr(GString) html = g_string_new(NULL);

    write_run();
    trace_write(folder, "journal.jsonl", LINE("0.001", "A", "A.1")
                "{\"at\":0.002,\"node\":\"</script>\",\"kind\":\"x\",\"action\":\"x\",\"text\":\"<!-- \xe2\x80\xa8 </SCRIPT>\"}\n");
    g_autoptr(finished_run) run = finished_run_load(folder, &all, NULL);
    page_html(run, html);
    const char *begin = strstr(html->str, "id=\"data\">");
    const char *end = begin ? strstr(begin, "</script>") : NULL;
    if (!CHECK_ROW("the data has a place", begin && end))
        return;
    g_autofree char *json = g_strndup(begin + 10, (gsize)(end - begin) - 10);
    CHECK_ROW("nothing of the data is markup", !strchr(json, '<') && !strstr(json, "\xe2\x80\xa8"));
    g_autoptr(JsonParser) parser = json_parser_new();
    CHECK_ROW("and it is JSON", json_parser_load_from_data(parser, json, -1, NULL));
    CHECK_ROW("the program comes behind it", strstr(end, "'use strict'") != NULL);
    CHECK_ROW("no place is left", !strstr(html->str, "{{s"));
    CHECK_ROW("a sentence keeps its own values once", strstr(json, "sends \\u0001D from \\u0001E") != NULL);
}

/* The second packet's bytes change on the way: one value of its form. */
static void
test_forms(void)
{
    g_autoptr(GString) data = g_string_new(NULL);
    g_autoptr(JsonParser) parser = json_parser_new();

    write_run();
    g_autoptr(finished_run) run = finished_run_load(folder, &all, NULL);
    page_data(run, data);
    CHECK(json_parser_load_from_data(parser, data->str, -1, NULL));
    JsonObject *page = json_node_get_object(json_parser_get_root(parser));
    JsonArray *forms = json_object_get_array_member(page, "forms"), *values = json_object_get_array_member(page, "values");
    CHECK_ROW_INT("three packets and a change", json_array_get_length(forms), 4);
    JsonArray *changed = json_array_get_array_element(forms, 3);
    CHECK_ROW_INT("as the second form, counted from 0", json_array_get_int_element(changed, 0), -1 - 1);
    CHECK_ROW_INT("one value", json_array_get_length(changed), 3);
    CHECK_ROW_INT("the TTL", json_array_get_int_element(values, (guint)json_array_get_int_element(changed, 2)), 63);
    JsonArray *copies = json_object_get_array_member(page, "copies");
    CHECK_ROW_INT("four copies", json_array_get_length(copies), 20);
    CHECK_ROW_INT("of the changed form", json_array_get_int_element(copies, 19), 3);
}

static void
test_writes(void)
{
    g_autoptr(GError) error = NULL;

    write_run();
    CHECK(page_write(folder, &all, &error));
    CHECK(trace_exists(folder, "report.html"));
    g_autoptr(GBytes) first = trace_read(folder, "report.html");
    CHECK(page_write(folder, &all, &error));
    g_autoptr(GBytes) second = trace_read(folder, "report.html");
    CHECK_ROW("the same bytes each time", g_bytes_equal(first, second));
    trace_write(folder, "journal.jsonl", "{");
    CHECK(!page_write(folder, &all, &error) && error);
}

void
suite_finished(void)
{
    UNIT_SUITE("finished", set_up, tear_down, { "loads", test_loads }, { "windows", test_windows },
               { "a crowded instant", test_crowded_instant }, { "carried", test_carried }, { "refused", test_refused },
               { "captures cut", test_captures_cut }, { "page", test_page }, { "forms", test_forms }, { "writes", test_writes });
}
