#include "scenarios/runner/cli/report.h"

#include <unistd.h>

#include "core/trace/out_file.h"

/* ---- values */

void
report_value(struct json *json, const char *name, const struct value *value)
{
    gsize length;
    const void *bytes;

    switch (value->type) {
    case VALUE_BOOLEAN:
        json_flag(json, name, value->boolean);
        break;
    case VALUE_INTEGER:
        json_integer(json, name, value->integer);
        break;
    case VALUE_NUMBER:
        json_number(json, name, value->number);
        break;
    case VALUE_TEXT:
        bytes = g_bytes_get_data(value->text, &length);
        json_text(json, name, span_of(bytes, length));
        break;
    case VALUE_LIST:
        json_open_array(json, name);
        for (guint i = 0; i < value->list->len; i++)
            report_value(json, NULL, value->list->pdata[i]);
        json_close_array(json);
        break;
    }
}

static void
write_parameters(struct json *json, const GPtrArray *parameters)
{
    json_open_object(json, "params");
    for (guint i = 0; i < parameters->len; i++) {
        const struct scenario_parameter *parameter = parameters->pdata[i];

        report_value(json, parameter->name, parameter->value);
    }
    json_close_object(json);
}

static void
write_results(struct json *json, const GPtrArray *results)
{
    json_open_object(json, "results");
    for (guint i = 0; i < results->len; i++) {
        const struct scenario_result *result = results->pdata[i];

        report_value(json, result->name, result->value);
    }
    json_close_object(json);
}

/* ---- what was said and how it ended */

static void
write_expectations(struct json *json, const GPtrArray *expectations)
{
    json_open_array(json, "expectations");
    for (guint i = 0; i < expectations->len; i++) {
        const struct scenario_expectation *expectation = expectations->pdata[i];

        json_open_object(json, NULL);
        json_string(json, "text", expectation->text);
        json_flag(json, "ok", expectation->ok);
        json_time(json, "at", expectation->at);
        json_integer(json, "line", expectation->line);
        json_close_object(json);
    }
    json_close_array(json);
}

static void
write_notes(struct json *json, const GPtrArray *notes)
{
    json_open_array(json, "notes");
    for (guint i = 0; i < notes->len; i++) {
        const struct scenario_note *note = notes->pdata[i];

        json_open_object(json, NULL);
        json_time(json, "at", note->at);
        json_string(json, "text", note->text);
        json_close_object(json);
    }
    json_close_array(json);
}

static void
write_end(struct json *json, const struct scenario *scenario)
{
    json_string(json, "ended", scenario_end_words[scenario->ended]);
    json_open_array(json, "waiting");
    for (guint i = 0; i < scenario->waiting->len; i++) {
        const struct scenario_waiting *waiting = scenario->waiting->pdata[i];

        json_open_object(json, NULL);
        json_string(json, "task", waiting->task);
        json_integer(json, "line", waiting->line);
        json_string(json, "on", waiting->on);
        json_close_object(json);
    }
    json_close_array(json);

    if (scenario->ended != SCENARIO_FAILED) {
        json_null(json, "error");
        return;
    }
    json_open_object(json, "error");
    json_string(json, "message", scenario->error_message);
    if (scenario->error_file)
        json_string(json, "file", scenario->error_file);
    else
        json_null(json, "file");
    json_integer(json, "line", scenario->error_line);
    json_close_object(json);
}

/* ---- the world */

static void
write_packets(struct json *json, const struct world *world)
{
    json_open_object(json, "packets");
    json_integer(json, "sent", (int64_t)world->counts.sent);
    json_integer(json, "delivered", (int64_t)world->counts.delivered);
    json_open_object(json, "dropped");
    for (int reason = 0; reason < DROP_REASON_COUNT; reason++) {
        if (world->counts.dropped[reason])
            json_integer(json, drop_reason_word(reason), (int64_t)world->counts.dropped[reason]);
    }
    json_close_object(json);
    json_integer(json, "under_way", (int64_t)world->packets_alive);
    json_close_object(json);
}

static void
write_mapping(void *user, const struct nat_mapping_view *mapping)
{
    struct json *json = user;
    char text[ENDPOINT_TEXT];
    const char *protocol = protocol_name(mapping->protocol);

    json_open_object(json, NULL);
    json_string(json, "protocol", protocol ? protocol : "other");
    json_string(json, "internal", endpoint_format(mapping->internal, text));
    json_string(json, "external", endpoint_format(mapping->external, text));
    json_open_array(json, "peers");
    for (uint32_t i = 0; i < mapping->peer_count; i++)
        json_string(json, NULL, endpoint_format(mapping->peers[i], text));
    json_close_array(json);
    json_time(json, "expires", mapping->expires);
    json_close_object(json);
}

static void
write_counters(struct json *json, const struct nat_counts *counts)
{
    json_open_object(json, "counters");
    json_integer(json, "outbound", (int64_t)counts->outbound);
    json_integer(json, "inbound", (int64_t)counts->inbound);
    json_integer(json, "hairpinned", (int64_t)counts->hairpinned);
    json_integer(json, "icmp_errors", (int64_t)counts->icmp_errors);
    json_integer(json, "refused", (int64_t)counts->refused);
    json_integer(json, "made", (int64_t)counts->made);
    json_integer(json, "expired", (int64_t)counts->expired);
    json_integer(json, "forgotten", (int64_t)counts->forgotten);
    json_integer(json, "removed", (int64_t)counts->removed);
    json_integer(json, "destroyed", (int64_t)counts->destroyed);
    json_integer(json, "connections", (int64_t)counts->connections);
    json_integer(json, "held", (int64_t)counts->held);
    json_close_object(json);
}

static void
write_nats(struct json *json, const struct lab *lab)
{
    json_open_object(json, "nats");
    for (guint i = 0; i < lab->nodes->len; i++) {
        const struct lab_node *box = lab->nodes->pdata[i];
        struct nat *nat = nat_of(box->node);

        if (!nat)
            continue;
        const struct nat_counts counts = nat_counts(nat);
        json_open_object(json, box->node->name);
        json_open_array(json, "mappings");
        nat_each_mapping(nat, write_mapping, json);
        json_close_array(json);
        write_counters(json, &counts);
        json_close_object(json);
    }
    json_close_object(json);
}

static void
write_files(struct json *json, const struct trace_file *files, size_t count)
{
    json_open_array(json, "files");
    for (size_t i = 0; i < count; i++) {
        json_open_object(json, NULL);
        json_string(json, "path", files[i].path);
        json_string(json, "node", files[i].node);
        json_string(json, "network", files[i].network);
        json_integer(json, "packets", (int64_t)files[i].packets);
        json_close_object(json);
    }
    json_close_array(json);
}

void
report_json(const struct scenario *scenario, const struct report_about *about, GString *out)
{
    const struct world *world = scenario->lab->world;
    struct json json = json_over(out, true);

    json_open_object(&json, NULL);
    json_integer(&json, "format", 1);
    json_string(&json, "scenario", about->name);
    json_string(&json, "title", scenario->title ? scenario->title : scenario->name);
    json_integer(&json, "seed", (int64_t)about->seed);
    write_parameters(&json, scenario->parameters);
    write_results(&json, scenario->results);
    write_expectations(&json, scenario->expectations);
    write_notes(&json, scenario->notes);
    write_end(&json, scenario);
    json_number(&json, "virtual_seconds", (double)world->now / 1e9);
    write_packets(&json, world);
    write_nats(&json, scenario->lab);
    write_files(&json, about->files, about->file_count);
    json_string(&json, "about", scenario->about);
    report_topology(&json, scenario->lab, about->traces);
    json_close_object(&json);
    g_string_append_c(out, '\n');
}

bool
report_write(const char *folder, const GString *text, GError **error)
{
    g_autofree char *path = g_build_filename(folder, "report.json", NULL);
    struct out_file file;

    if (!out_file_open(&file, path, 16 * 1024, error))
        return false;
    fwrite(text->str, 1, text->len, file.stream);
    if (out_file_close(&file, error))
        return true;
    unlink(path); /* half of it is worse than none */
    return false;
}
