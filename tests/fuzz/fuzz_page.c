/* What the page of a run reads: all.pcapng, and the packets in it. The first byte says whether the rest is a file or one
 * packet.
 *
 * What must hold: a file is read or refused with an error; every group of fields that is opened is closed; a packet's
 * forms are valid JSON, and the same bytes are the same form. */
#include "core/trace/json.h"
#include "scenarios/runner/story/captures.h"
#include "scenarios/runner/story/decode.h"
#include "scenarios/runner/story/forms.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

struct reading {
    struct forms *forms;
    guint interfaces, packets;
};

static void
take_interface(void *user, struct span name)
{
    (void)name;
    ((struct reading *)user)->interfaces++;
}

static bool
take_packet(void *user, const struct captured *captured)
{
    struct reading *reading = user;

    g_assert_cmpuint(captured->interface, <, reading->interfaces);
    g_assert_cmpint(captured->at, >=, 0);
    guint form = forms_of(reading->forms, reading->packets % 3, captured->bytes);
    g_assert_cmpuint(form, ==, forms_of(reading->forms, reading->packets % 3, captured->bytes));
    return ++reading->packets < 1000;
}

static void
read_file(struct span file)
{
    struct pool *pool = pool_new();
    struct reading reading = { .forms = forms_new(pool) };
    const struct captures_reader reader = { take_interface, take_packet, &reading };
    g_autoptr(GString) json = g_string_new(NULL);
    g_autoptr(JsonParser) parser = json_parser_new();
    g_autoptr(GError) error = NULL;
    bool good = captures_read_bytes(file, &reader, &error);

    g_assert(good == !error);
    forms_json(reading.forms, json);
    g_assert(json_parser_load_from_data(parser, json->str, -1, NULL));
    g_string_truncate(json, 0);
    pool_values_json(pool, json);
    g_assert(json_parser_load_from_data(parser, json->str, -1, NULL));
    forms_free(reading.forms);
    pool_free(pool);
}

static void
read_packet(struct span packet)
{
    g_autoptr(GString) text = g_string_new(NULL), summary = g_string_new(NULL);
    struct json json = json_over(text, false);
    struct json_fields sink = json_fields_over(&json);
    struct decoding decoding = { .out = &sink.fields, .summary = summary };

    json_open_object(&json, NULL);
    decode_packet(&decoding, packet);
    g_assert_cmpuint(json.depth, ==, 1);
    g_assert_nonnull(decoding.protocol);
    g_assert_cmpuint(decoding.depth, ==, 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    if (length == 0)
        return 0;
    if (bytes[0] & 1)
        read_file(span_of(bytes + 1, length - 1));
    else
        read_packet(span_of(bytes + 1, length - 1));
    return 0;
}
