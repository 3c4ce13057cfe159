#include <json-glib/json-glib.h>

#include "core/trace/json.h"
#include "core/trace/jsonl.h"
#include "core/trace/record.h"
#include "tests/unit/support.h"
#include "tests/unit/support_trace.h"

static char *folder;

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

static void
say_nothing_new(const struct record *record, const struct names *names, GString *out)
{
    (void)record;
    g_string_append_printf(out, "%s \"lost\" it", names->interface(names, 1));
}

static const struct record_kind bare_kind = { "bare", "dropped", "", say_nothing_new, NULL };

static struct flow
flow(uint8_t protocol, const char *source, uint16_t source_port, const char *destination, uint16_t destination_port)
{
    struct flow flow = { .source_port = source_port, .destination_port = destination_port, .protocol = protocol };

    g_assert(address_parse(source, &flow.source) && address_parse(destination, &flow.destination));
    return flow;
}

/* The record as the line it becomes. */
static char *
line_of(const struct record *record, const GString *said)
{
    GString *out = g_string_new(NULL);
    struct json json = json_over(out, false);
    struct json_fields sink = json_fields_over(&json);

    json_open_object(&json, NULL);
    record_fields(record, &trace_names, said, &sink.fields);
    json_close_object(&json);
    return g_string_free(out, FALSE);
}

static void
test_all_fields(void)
{
    struct record record = trace_record(2, 3, 1000000001, 7);
    g_autofree char *line = NULL;

    record.cause = PACKET_NAME(2, 9);
    record.before = flow(PROTOCOL_UDP, "10.0.0.2", 5000, "198.51.100.1", 3478);
    record.after = flow(PROTOCOL_UDP, "203.0.113.1", 40000, "198.51.100.1", 3478);
    record.size = 48;
    record.ttl = 64;
    record.verdict = VERDICT_PASS;
    record.rule = 4; /* a number of the kind's own: means nothing to others */
    line = line_of(&record, NULL);
    CHECK_ROW_TEXT("translated", line,
                   "{\"at\":1.000000001,\"node\":\"natA\",\"kind\":\"made-up\",\"action\":\"translated\","
                   "\"packet\":\"A.3\",\"cause\":\"natA.9\",\"protocol\":\"udp\",\"from\":\"10.0.0.2:5000\","
                   "\"to\":\"198.51.100.1:3478\",\"after_from\":\"203.0.113.1:40000\",\"size\":48,\"ttl\":64,"
                   "\"verdict\":\"pass\",\"source\":\"RFC 4787 section 4.1\",\"detail\":7,"
                   "\"cookie\":\"2112a442\",\"text\":\"said 7\"}");
}

static void
test_few_fields(void)
{
    struct record record = { .at = 0, .kind = &bare_kind, .node = 1 };
    g_autofree char *line = line_of(&record, NULL);

    CHECK_ROW_TEXT("what does not apply is left out", line,
                   "{\"at\":0,\"node\":\"A\",\"kind\":\"bare\",\"action\":\"dropped\","
                   "\"text\":\"A-natA \\\"lost\\\" it\"}");
}

static void
test_sentence_given(void)
{
    struct record record = { .kind = &bare_kind, .node = 3 };
    g_autoptr(GString) said = g_string_new("said already");
    g_autofree char *line = line_of(&record, said);

    CHECK_ROW_TEXT("given", line,
                   "{\"at\":0,\"node\":\"\\ufffd\",\"kind\":\"bare\",\"action\":\"dropped\","
                   "\"text\":\"said already\"}");
}

static const struct {
    const char *name;
    uint8_t verdict, reason;
    const struct record_kind *kind;
    const char *word, *reason_word, *source;
} decisions[] = {
    { "passed", VERDICT_PASS, DROP_NONE, &trace_kind, "pass", NULL, "RFC 4787 section 4.1" },
    { "for the box itself", VERDICT_MINE, DROP_NONE, &trace_kind, "mine", NULL, "RFC 4787 section 4.1" },
    { "held", VERDICT_HELD, DROP_NONE, &bare_kind, "held", NULL, NULL },
    { "no verdict", VERDICT_NONE, DROP_NONE, &bare_kind, NULL, NULL, NULL },
    { "the reason's source goes first", VERDICT_DROP, DROP_FILTERED, &trace_kind, "drop", "filtered",
      "RFC 4787 section 5" },
    { "a reason of the lab's own", VERDICT_DROP, DROP_LINK_LOSS, &trace_kind, "drop", "link-loss",
      "RFC 4787 section 4.1" },
    { "no source at all", VERDICT_DROP, DROP_LINK_LOSS, &bare_kind, "drop", "link-loss", NULL },
};

static JsonObject *
parsed(JsonParser *parser, const char *line)
{
    if (!json_parser_load_from_data(parser, line, -1, NULL))
        g_error("not JSON: %s", line);
    return json_node_get_object(json_parser_get_root(parser));
}

static const char *
member(JsonObject *object, const char *name)
{
    return json_object_get_string_member_with_default(object, name, NULL);
}

static void
test_decisions(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(decisions); i++) {
        struct record record = { .kind = decisions[i].kind, .verdict = decisions[i].verdict,
                                 .reason = decisions[i].reason };
        g_autoptr(JsonParser) parser = json_parser_new();
        g_autofree char *line = line_of(&record, NULL);
        JsonObject *object = parsed(parser, line);

        CHECK_ROW_TEXT(decisions[i].name, member(object, "verdict"), decisions[i].word);
        CHECK_ROW_TEXT(decisions[i].name, member(object, "reason"), decisions[i].reason_word);
        CHECK_ROW_TEXT(decisions[i].name, member(object, "source"), decisions[i].source);
    }
}

/* An ICMP query has its identifier as the port of the end that asked (core/base/address.h). */
static const struct {
    const char *name;
    uint8_t protocol;
    const char *source;
    uint16_t source_port;
    const char *destination;
    uint16_t destination_port;
    const char *word, *from, *to;
} ends[] = {
    { "UDP", 17, "10.0.0.2", 5000, "198.51.100.1", 3478, "udp", "10.0.0.2:5000", "198.51.100.1:3478" },
    { "UDP to port 0", 17, "10.0.0.2", 5000, "198.51.100.1", 0, "udp", "10.0.0.2:5000", "198.51.100.1:0" },
    { "echo request", 1, "10.0.0.2", 7, "198.51.100.1", 0, "icmp", "10.0.0.2:7", "198.51.100.1" },
    { "echo reply", 1, "198.51.100.1", 0, "10.0.0.2", 7, "icmp", "198.51.100.1", "10.0.0.2:7" },
    { "ICMP error", 1, "198.51.100.1", 0, "10.0.0.2", 0, "icmp", "198.51.100.1", "10.0.0.2" },
    { "later fragment", 17, "10.0.0.2", 0, "198.51.100.1", 0, "udp", "10.0.0.2", "198.51.100.1" },
    { "IPv6", 17, "2001:db8::1", 5000, "2001:db8::2", 53, "udp", "[2001:db8::1]:5000", "[2001:db8::2]:53" },
    { "a protocol without a word", 253, "10.0.0.2", 0, "10.0.0.3", 0, "253", "10.0.0.2", "10.0.0.3" },
};

static void
test_ends(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(ends); i++) {
        struct record record = trace_record(1, 1, 0, 0);
        g_autoptr(JsonParser) parser = json_parser_new();
        g_autofree char *line = NULL;
        JsonObject *object;

        record.before = flow(ends[i].protocol, ends[i].source, ends[i].source_port, ends[i].destination,
                             ends[i].destination_port);
        record.after = record.before;
        line = line_of(&record, NULL);
        object = parsed(parser, line);
        CHECK_ROW_TEXT(ends[i].name, member(object, "protocol"), ends[i].word);
        CHECK_ROW_TEXT(ends[i].name, member(object, "from"), ends[i].from);
        CHECK_ROW_TEXT(ends[i].name, member(object, "to"), ends[i].to);
        CHECK_ROW_TEXT(ends[i].name, member(object, "after_from"), NULL);
        CHECK_ROW_TEXT(ends[i].name, member(object, "after_to"), NULL);
    }
}

/* Each line is an object of its own; the file ends with a line end. */
static void
test_file(void)
{
    g_autofree char *path = g_build_filename(folder, "journal.jsonl", NULL);
    struct jsonl_file *file = jsonl_file_open(path, NULL);
    g_autoptr(GBytes) bytes = NULL;
    g_auto(GStrv) lines = NULL;

    for (int64_t i = 0; i < 3; i++) {
        struct record record = trace_record(1, (uint64_t)i + 1, i * 10, i);

        jsonl_file_record(file, &record, &trace_names, NULL);
    }
    CHECK(jsonl_file_close(file, NULL));

    bytes = trace_read(folder, "journal.jsonl");
    lines = g_strsplit(g_bytes_get_data(bytes, NULL), "\n", -1);
    CHECK_ROW_INT("lines", (int64_t)g_strv_length(lines), 4);
    CHECK_ROW_TEXT("after the last line end", lines[3], "");
    for (int64_t i = 0; i < 3; i++) {
        g_autoptr(JsonParser) parser = json_parser_new();

        CHECK_ROW_INT("at", (int64_t)(json_object_get_double_member(parsed(parser, lines[i]), "at") * 1e9 + 0.5), i * 10);
    }
}

static void
test_disk_full(void)
{
    struct jsonl_file *file = jsonl_file_open("/dev/full", NULL);
    struct record record = trace_record(1, 1, 0, 0);
    g_autoptr(GError) error = NULL;

    jsonl_file_record(file, &record, &trace_names, NULL);
    CHECK(!jsonl_file_close(file, &error));
    CHECK(g_error_matches(error, G_FILE_ERROR, G_FILE_ERROR_NOSPC));
}

void
suite_trace_record(void)
{
    UNIT_SUITE("trace record", set_up, tear_down, { "all fields", test_all_fields },
               { "few fields", test_few_fields }, { "sentence given", test_sentence_given },
               { "decisions", test_decisions }, { "ends", test_ends }, { "file", test_file },
               { "disk full", test_disk_full });
}
