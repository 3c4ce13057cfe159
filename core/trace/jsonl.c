#include "core/trace/jsonl.h"

#include "core/trace/json.h"
#include "core/trace/out_file.h"
#include "core/trace/record.h"

enum { BUFFER = 256 * 1024 };

struct jsonl_file {
    struct out_file out;
    GString *line;
};

struct jsonl_file *
jsonl_file_open(const char *path, GError **error)
{
    struct out_file out;
    struct jsonl_file *file;

    if (!out_file_open(&out, path, BUFFER, error))
        return NULL;
    file = g_new(struct jsonl_file, 1);
    *file = (struct jsonl_file){ out, g_string_sized_new(1024) };
    return file;
}

void
jsonl_file_record(struct jsonl_file *file, const struct record *record, const struct names *names, const GString *said)
{
    struct json json = json_over(file->line, false);
    struct json_fields sink = json_fields_over(&json);

    g_string_truncate(file->line, 0);
    json_open_object(&json, NULL);
    record_fields(record, names, said, &sink.fields);
    json_close_object(&json);
    g_string_append_c(file->line, '\n');
    fwrite(file->line->str, 1, file->line->len, file->out.stream);
}

bool
jsonl_file_close(struct jsonl_file *file, GError **error)
{
    bool good = out_file_close(&file->out, error);

    g_string_free(file->line, TRUE);
    g_free(file);
    return good;
}

bool
jsonl_file_failed(const struct jsonl_file *file)
{
    return out_file_failed(&file->out);
}
