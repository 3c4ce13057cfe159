/* report.json: the members of the contract, in its order, from a scenario put together by hand. */
#include <json-glib/json-glib.h>

#include "core/base/time.h"
#include "nat/presets.h"
#include "scenarios/lab/traffic.h"
#include "scenarios/runner/cli/report.h"
#include "scenarios/runner/cli/summary.h"
#include "tests/unit/support.h"

static struct value *
value_new(enum value_type type)
{
    struct value *value = g_new0(struct value, 1);

    value->type = type;
    return value;
}

static struct value *
text_value(const char *bytes, size_t length)
{
    struct value *value = value_new(VALUE_TEXT);

    value->text = g_bytes_new(bytes, length);
    return value;
}

/* ---- a scenario */

/* Everything here belongs to the test and lives as long as it; lists hold what the tests put in. */
struct made {
    struct scenario scenario;
};

static struct made
made_new(void)
{
    struct made made = { 0 };

    made.scenario.lab = lab_new(1);
    made.scenario.title = (char *)"A \"title\"";
    made.scenario.parameters = g_ptr_array_new_with_free_func(g_free);
    made.scenario.results = g_ptr_array_new_with_free_func(g_free);
    made.scenario.expectations = g_ptr_array_new_with_free_func(g_free);
    made.scenario.notes = g_ptr_array_new_with_free_func(g_free);
    made.scenario.waiting = g_ptr_array_new_with_free_func(g_free);
    return made;
}

static void
made_free(struct made *made)
{
    g_ptr_array_unref(made->scenario.parameters);
    g_ptr_array_unref(made->scenario.results);
    g_ptr_array_unref(made->scenario.expectations);
    g_ptr_array_unref(made->scenario.notes);
    g_ptr_array_unref(made->scenario.waiting);
    lab_free(made->scenario.lab);
}

static void
add_result(struct made *made, const char *name, struct value *value)
{
    struct scenario_result *result = g_new0(struct scenario_result, 1);

    result->name = (char *)name;
    result->value = value;
    g_ptr_array_add(made->scenario.results, result);
}

static void
free_results(struct made *made)
{
    for (guint i = 0; i < made->scenario.results->len; i++)
        value_free(((struct scenario_result *)made->scenario.results->pdata[i])->value);
}

static void
add_expectation(struct made *made, const char *text, bool ok, int64_t at, int line)
{
    struct scenario_expectation *expectation = g_new0(struct scenario_expectation, 1);

    *expectation = (struct scenario_expectation){ (char *)text, ok, at, line };
    g_ptr_array_add(made->scenario.expectations, expectation);
}

static char *
report_of(const struct made *made, const struct trace_file *files, size_t count)
{
    struct report_about about = { .name = "topic/name", .seed = 7, .files = files, .file_count = count };
    GString *out = g_string_new(NULL);

    report_json(&made->scenario, &about, out);
    return g_string_free(out, FALSE);
}

/* ---- tests */

static void
test_empty(void)
{
    struct made made = made_new();
    g_autofree char *report = report_of(&made, NULL, 0);

    CHECK_ROW_TEXT("nothing happened", report,
                   "{\n  \"format\": 1,\n  \"scenario\": \"topic/name\",\n  \"title\": \"A \\\"title\\\"\",\n"
                   "  \"seed\": 7,\n  \"params\": {},\n  \"results\": {},\n  \"expectations\": [],\n  \"notes\": [],\n"
                   "  \"ended\": \"done\",\n  \"waiting\": [],\n  \"error\": null,\n  \"virtual_seconds\": 0,\n"
                   "  \"packets\": {\n    \"sent\": 0,\n    \"delivered\": 0,\n    \"dropped\": {},\n"
                   "    \"under_way\": 0\n  },\n  \"nats\": {},\n  \"files\": [],\n  \"about\": null,\n"
                   "  \"topology\": {\n    \"networks\": [],\n    \"nodes\": [],\n    \"changes\": [],\n"
                   "    \"left_out\": 0\n  }\n}\n");
    made_free(&made);
}

static JsonObject *
parse(JsonParser *parser, const char *report)
{
    g_autoptr(GError) error = NULL;

    if (!json_parser_load_from_data(parser, report, -1, &error))
        g_error("not JSON: %s\n%s", error->message, report);
    return json_node_get_object(json_parser_get_root(parser));
}

static void
check_members(const char *row, JsonObject *object, const char *expected)
{
    g_autoptr(GList) members = json_object_get_members(object);
    g_autoptr(GString) all = g_string_new(NULL);

    for (GList *at = members; at; at = at->next)
        g_string_append_printf(all, "%s%s", at == members ? "" : " ", (const char *)at->data);
    CHECK_ROW_TEXT(row, all->str, expected);
}

static void
test_values(void)
{
    struct made made = made_new();
    g_autoptr(JsonParser) parser = json_parser_new();
    struct value *list = value_new(VALUE_LIST);

    list->list = g_ptr_array_new_with_free_func((GDestroyNotify)value_free);
    g_ptr_array_add(list->list, text_value("a", 1));
    g_ptr_array_add(list->list, value_new(VALUE_BOOLEAN));
    add_result(&made, "zebra", value_new(VALUE_BOOLEAN));
    add_result(&made, "apple", value_new(VALUE_INTEGER));
    add_result(&made, "middle", value_new(VALUE_NUMBER));
    add_result(&made, "bytes", text_value("a\xff\0b", 4));
    add_result(&made, "list", list);
    ((struct scenario_result *)made.scenario.results->pdata[1])->value->integer = INT64_MIN;
    ((struct scenario_result *)made.scenario.results->pdata[2])->value->number = 0.1;

    g_autofree char *report = report_of(&made, NULL, 0);
    JsonObject *results = json_object_get_object_member(parse(parser, report), "results");
    check_members("order of setting", results, "zebra apple middle bytes list");
    CHECK_ROW("a boolean", !json_object_get_boolean_member(results, "zebra"));
    CHECK_ROW_INT("an integer", json_object_get_int_member(results, "apple"), INT64_MIN);
    CHECK_ROW("a number", json_object_get_double_member(results, "middle") == 0.1);
    CHECK_ROW("bytes", strstr(report, "\"a\\ufffd\\u0000b\"") != NULL);
    CHECK_ROW_INT("a list", json_array_get_length(json_object_get_array_member(results, "list")), 2);
    free_results(&made);
    made_free(&made);
}

static void
test_story_of_a_run(void)
{
    static const struct trace_file files[] = { { "A-natA.pcap", "A", "natA", 3 }, { "all.pcapng", NULL, NULL, 9 } };
    struct made made = made_new();
    g_autoptr(JsonParser) parser = json_parser_new();
    struct scenario_note *note = g_new0(struct scenario_note, 1);
    struct scenario_waiting *waiting = g_new0(struct scenario_waiting, 1);

    *note = (struct scenario_note){ (char *)"hello", 1500, (char *)"main" };
    *waiting = (struct scenario_waiting){ (char *)"A", 12, (char *)"sock:recv" };
    g_ptr_array_add(made.scenario.notes, note);
    g_ptr_array_add(made.scenario.waiting, waiting);
    add_expectation(&made, "it works", false, 2500, 33);
    made.scenario.ended = SCENARIO_FAILED;
    made.scenario.error_message = (char *)"broken";
    made.scenario.error_file = (char *)"x.lua";
    made.scenario.error_line = 4;
    world_run(made.scenario.lab->world, 1500 * TIME_MS);

    g_autofree char *report = report_of(&made, files, G_N_ELEMENTS(files));
    JsonObject *root = parse(parser, report);
    check_members("the contract's members", root,
                  "format scenario title seed params results expectations notes ended waiting error virtual_seconds "
                  "packets nats files about topology");
    JsonObject *expectation =
        json_array_get_object_element(json_object_get_array_member(root, "expectations"), 0);
    check_members("an expectation", expectation, "text ok at line");
    CHECK_ROW_INT("at", (int64_t)(json_object_get_double_member(expectation, "at") * 1e9 + 0.5), 2500);
    check_members("a note", json_array_get_object_element(json_object_get_array_member(root, "notes"), 0), "at text");
    check_members("who waits", json_array_get_object_element(json_object_get_array_member(root, "waiting"), 0),
                  "task line on");
    check_members("the error", json_object_get_object_member(root, "error"), "message file line");
    CHECK_ROW_TEXT("the end", json_object_get_string_member(root, "ended"), "error");
    CHECK_ROW("seconds", json_object_get_double_member(root, "virtual_seconds") == 1.5);
    JsonArray *captures = json_object_get_array_member(root, "files");
    check_members("a file", json_array_get_object_element(captures, 0), "path node network packets");
    CHECK_ROW("all interfaces have no node", json_object_get_null_member(json_array_get_object_element(captures, 1),
                                                                         "node"));
    made_free(&made);
}

/* A host behind a NAT sends to one on the internet that listens, and to one that is not there. */
static void
send_some(struct lab *lab, struct traffic *heard, struct traffic *lost, struct sink *sink)
{
    g_autoptr(GError) error = NULL;
    struct lab_network *internet = lab_internet(lab, "internet", NULL, NULL, &error);
    struct node *server = lab_host(internet, "S", "198.51.100.1", NULL, &error);
    const struct nat_preset *preset = nat_preset_find("symmetric");
    struct lab_network *home = lab_nat(internet, "natA", "203.0.113.1", &preset->options, preset->name, NULL, NULL,
                                       NULL, &error);
    struct node *a = lab_host(home, "A", "10.0.0.2", NULL, &error);
    struct traffic_options options = { .packets = 3, .size = 10, .interval = TIME_MS, .from_port = 5000 };

    g_assert_no_error(error);
    CHECK(sink_open(sink, server, 7000) == IO_OK);
    endpoint_parse("198.51.100.1:7000", &options.to);
    CHECK(traffic_start(heard, a, &options) == IO_OK);
    endpoint_parse("198.51.100.1:7001", &options.to);
    options.from_port = 5001;
    CHECK(traffic_start(lost, a, &options) == IO_OK);
}

static int64_t
sum_of(JsonObject *counts)
{
    g_autoptr(GList) members = json_object_get_members(counts);
    int64_t sum = 0;

    for (GList *at = members; at; at = at->next)
        sum += json_object_get_int_member(counts, at->data);
    return sum;
}

static void
test_packets(void)
{
    struct made made = made_new();
    g_autoptr(JsonParser) parser = json_parser_new();
    struct traffic heard = { 0 }, lost = { 0 };
    struct sink sink = { 0 };

    send_some(made.scenario.lab, &heard, &lost, &sink);
    for (int64_t at = 0; at <= 10 * TIME_MS; at += 50 * TIME_US) {
        world_run(made.scenario.lab->world, at);
        g_autofree char *report = report_of(&made, NULL, 0);
        JsonObject *packets = json_object_get_object_member(parse(parser, report), "packets");

        CHECK_ROW_INT("sent = delivered + dropped + under_way", json_object_get_int_member(packets, "sent"),
                      json_object_get_int_member(packets, "delivered") +
                          json_object_get_int_member(packets, "under_way") +
                          sum_of(json_object_get_object_member(packets, "dropped")));
    }
    g_autofree char *report = report_of(&made, NULL, 0);
    JsonObject *root = parse(parser, report);
    JsonObject *packets = json_object_get_object_member(root, "packets");
    check_members("packets", packets, "sent delivered dropped under_way");
    JsonObject *reasons = json_object_get_object_member(packets, "dropped");
    CHECK_ROW_INT("a reason", json_object_get_int_member(reasons, "port-unreachable"), 3);
    CHECK_ROW("reasons that did not occur are left out", !json_object_has_member(reasons, "filtered"));

    JsonObject *box = json_object_get_object_member(json_object_get_object_member(root, "nats"), "natA");
    check_members("a NAT", box, "mappings counters");
    JsonArray *mappings = json_object_get_array_member(box, "mappings");
    CHECK_ROW_INT("symmetric: one mapping each", json_array_get_length(mappings), 2);
    JsonObject *mapping = json_array_get_object_element(mappings, 0);
    check_members("a mapping", mapping, "protocol internal external peers expires");
    CHECK_ROW_TEXT("protocol", json_object_get_string_member(mapping, "protocol"), "udp");
    CHECK_ROW_TEXT("internal", json_object_get_string_member(mapping, "internal"), "10.0.0.2:5000");
    CHECK_ROW_TEXT("peer", json_array_get_string_element(json_object_get_array_member(mapping, "peers"), 0),
                   "198.51.100.1:7000");
    sink_close(&sink);
    made_free(&made);
}

static JsonObject *
element(JsonObject *object, const char *list, guint at)
{
    return json_array_get_object_element(json_object_get_array_member(object, list), at);
}

static const char *
text_element(JsonObject *object, const char *list, guint at)
{
    return json_array_get_string_element(json_object_get_array_member(object, list), at);
}

/* A host goes from inside a NAT to the internet, and the NAT comes back with another address. */
static void
test_topology(void)
{
    static const struct { const char *what, *node, *interface; } rows[] = {
        { "attached", "A", "internet" }, { "removed", "A", "natA" }, { "readdressed", "natA", "internet" },
    };
    struct made made = made_new();
    g_autoptr(JsonParser) parser = json_parser_new();
    g_autoptr(GError) error = NULL;
    struct lab *lab = made.scenario.lab;
    struct lab_network *internet = lab_internet(lab, "internet", NULL, NULL, &error);
    struct lab_network *home = lab_nat(internet, "natA", "203.0.113.1", &nat_preset_find("symmetric")->options,
                                       "symmetric", NULL, NULL, NULL, &error);
    struct lab_node *a;

    lab_host(home, "A", "10.0.0.2", NULL, &error);
    a = lab_find(lab, "A");
    world_run(lab->world, TIME_S);
    CHECK(lab_attach(a, internet, "198.51.100.7", NULL, true, &error) != NULL);
    lab_detach(&a->first);
    CHECK(lab_reboot(home->box, 0, "203.0.113.9", &error));
    g_assert_no_error(error);

    g_autofree char *report = report_of(&made, NULL, 0);
    JsonObject *topology = json_object_get_object_member(parse(parser, report), "topology");
    check_members("the topology", topology, "networks nodes changes left_out");
    check_members("an internet", element(topology, "networks", 0), "name kind prefixes");
    check_members("an inside", element(topology, "networks", 1), "name kind prefixes box");
    CHECK_ROW_TEXT("a prefix", text_element(element(topology, "networks", 1), "prefixes", 0), "10.0.0.0/24");
    JsonObject *box = element(topology, "nodes", 1), *host = element(topology, "nodes", 2);
    check_members("a NAT", box, "name kind type behaviour interfaces");
    CHECK_ROW_TEXT("mapping", json_object_get_string_member(json_object_get_object_member(box, "behaviour"), "mapping"),
                   "address-and-port-dependent");
    CHECK_ROW_TEXT("its address at the end", text_element(element(box, "interfaces", 0), "addresses", 0),
                   "203.0.113.9");
    CHECK_ROW("its inside", json_object_get_boolean_member(element(box, "interfaces", 1), "inside"));
    check_members("a host", host, "name kind interfaces");
    CHECK_ROW_TEXT("an address that is gone", text_element(element(host, "interfaces", 0), "addresses", 0), "10.0.0.2");
    CHECK_ROW_TEXT("one that has come", text_element(element(host, "interfaces", 1), "addresses", 0), "198.51.100.7");
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        JsonObject *change = element(topology, "changes", i);

        CHECK_ROW_TEXT(rows[i].what, json_object_get_string_member(change, "what"), rows[i].what);
        CHECK_ROW_TEXT(rows[i].what, json_object_get_string_member(change, "node"), rows[i].node);
        CHECK_ROW_TEXT(rows[i].what, json_object_get_string_member(change, "interface"), rows[i].interface);
        CHECK_ROW(rows[i].what, json_object_get_double_member(change, "at") == 1.0);
    }
    CHECK_ROW_TEXT("before", text_element(element(topology, "changes", 2), "before", 0), "203.0.113.1");
    CHECK_ROW_TEXT("after", text_element(element(topology, "changes", 2), "after", 0), "203.0.113.9");
    made_free(&made);
}

static void
test_summary(void)
{
    struct made made = made_new();
    struct report_about about = { .name = "topic/name", .seed = 7 };
    struct terminal plain = { 0 }, coloured = { .interactive = true, .colour = true, .unicode = true, .columns = 80 };
    g_autoptr(GString) out = g_string_new(NULL), lively = g_string_new(NULL);

    add_result(&made, "connected", value_new(VALUE_BOOLEAN));
    add_result(&made, "escape", text_value("a\033[2Jb", 6));
    add_expectation(&made, "first", true, 0, 3);
    add_expectation(&made, "second", false, 40200 * TIME_US, 9);
    summary_heading(&made.scenario, &about, &plain, out);
    summary_print(&made.scenario, &about, "out/x", &plain, out);
    CHECK_ROW_TEXT("plain", out->str,
                   "A \"title\"\n  topic/name, seed 7\n"
                   "\nResults\n  connected  false\n  escape     a\\x1b[2Jb\n"
                   "\nExpectations\n  ok    first\n  FAIL  second (line 9, at 40.200 ms)\n"
                   "\nPackets: 0 sent = 0 delivered + 0 dropped + 0 under way\n"
                   "Time:    0.000 ms of virtual time; everything was done\n"
                   "Files:   out/x/: report.json\n");
    g_string_truncate(out, 0);
    made.scenario.title = NULL;
    summary_heading(&made.scenario, &about, &plain, out);
    CHECK_ROW_TEXT("without a title", out->str, "topic/name\n  seed 7\n");
    summary_print(&made.scenario, &about, "out/x", &coloured, lively);
    CHECK_ROW("signs", strstr(lively->str, "✓ ") && strstr(lively->str, "✗ "));
    CHECK_ROW("colours", strstr(lively->str, "\033[31m") != NULL);
    CHECK_ROW("what a script says cannot steer the terminal", !strstr(lively->str, "\033[2J"));
    free_results(&made);
    made_free(&made);
}

void
suite_report(void)
{
    UNIT_SUITE("report", NULL, NULL, { "empty", test_empty }, { "values", test_values }, { "topology", test_topology },
               { "members", test_story_of_a_run }, { "packets", test_packets }, { "summary", test_summary });
}
