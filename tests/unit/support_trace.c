#include "tests/unit/support_trace.h"

#include <inttypes.h>

#include "tests/unit/support.h"

static const char *
name_node(const struct names *names, uint32_t node)
{
    static const char *const nodes[] = { "lab", "A", "natA", "\xff" };

    (void)names;
    return node < G_N_ELEMENTS(nodes) ? nodes[node] : "?";
}

static const char *
name_interface(const struct names *names, uint32_t interface)
{
    (void)names;
    return interface == 1 ? "A-natA" : "?";
}

const struct names trace_names = { name_node, name_interface };

static void
say(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    g_string_append_printf(out, "said %" PRIi64, record->detail);
}

static void
tell(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    fields_number(out, "detail", record->detail);
    out->bytes(out, "cookie", span_of("\x21\x12\xa4\x42", 4));
}

const struct record_kind trace_kind = { "made-up", "translated", "RFC 4787 section 4.1", say, tell };

struct record
trace_record(uint32_t node, uint64_t ordinal, int64_t at, int64_t detail)
{
    return (struct record){ .at = at, .packet = ordinal ? PACKET_NAME(1, ordinal) : 0, .kind = &trace_kind,
                            .node = node, .detail = detail };
}

GBytes *
trace_read(const char *folder, const char *name)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    g_autoptr(GError) error = NULL;
    gsize length = 0;
    char *text = NULL;

    if (!g_file_get_contents(path, &text, &length, &error))
        CHECK_ROW(error->message, false);
    return g_bytes_new_take(text, length);
}

bool
trace_exists(const char *folder, const char *name)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);

    return g_file_test(path, G_FILE_TEST_EXISTS);
}

void
trace_write(const char *folder, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);

    CHECK_ROW(name, g_file_set_contents(path, text, -1, NULL));
}
