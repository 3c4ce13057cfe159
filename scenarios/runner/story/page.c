#include "scenarios/runner/story/page.h"

#include <stdio.h>
#include <unistd.h>

#include "core/trace/out_file.h"

/* JSON within markup: '<' could begin a tag or a comment, and two line ends of Unicode's are none of JSON's. All of them
 * stand in strings only. */
static void
append_escaped(const char *json, GString *out)
{
    for (const char *at = json; *at; at++) {
        if (*at == '<') {
            g_string_append(out, "\\u003c");
        } else if (strncmp(at, "\xe2\x80\xa8", 3) == 0 || strncmp(at, "\xe2\x80\xa9", 3) == 0) {
            g_string_append(out, at[2] == '\xa8' ? "\\u2028" : "\\u2029");
            at += 2;
        } else {
            g_string_append_c(out, *at);
        }
    }
}

/* "sha256-...", as a policy names an inline script or style. */
static char *
hash_of(const char *text)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    guint8 digest[32];
    gsize length = sizeof(digest);

    g_checksum_update(sum, (const guchar *)text, (gssize)strlen(text));
    g_checksum_get_digest(sum, digest, &length);
    g_autofree char *base64 = g_base64_encode(digest, length);
    return g_strconcat("sha256-", base64, NULL);
}

/* What stands in the place of "{{NAME}}" in the frame. False when there is no such place. */
static bool
append_place(const struct finished_run *run, const char *name, gsize length, GString *out)
{
    if (length == 5 && strncmp(name, "style", length) == 0) {
        g_string_append(out, page_file_css);
    } else if (length == 6 && strncmp(name, "script", length) == 0) {
        g_string_append(out, page_file_js);
    } else if (length == 10 && strncmp(name, "style-hash", length) == 0) {
        g_autofree char *hash = hash_of(page_file_css);

        g_string_append(out, hash);
    } else if (length == 11 && strncmp(name, "script-hash", length) == 0) {
        g_autofree char *hash = hash_of(page_file_js);

        g_string_append(out, hash);
    } else if (length == 4 && strncmp(name, "data", length) == 0) {
        g_autoptr(GString) data = g_string_new(NULL);

        page_data(run, data);
        append_escaped(data->str, out);
    } else {
        return false;
    }
    return true;
}

void
page_html(const struct finished_run *run, GString *out)
{
    const char *at = page_file_html, *open;

    while ((open = strstr(at, "{{"))) {
        const char *close = strstr(open, "}}");

        g_assert(close);
        g_string_append_len(out, at, open - at);
        if (!append_place(run, open + 2, (gsize)(close - open) - 2, out))
            g_assert_not_reached();
        at = close + 2;
    }
    g_string_append(out, at);
}

bool
page_write(const char *folder, const struct finished_window *window, GError **error)
{
    g_autofree char *path = g_build_filename(folder, "report.html", NULL);
    g_autoptr(finished_run) run = finished_run_load(folder, window, error);
    g_autoptr(GString) page = g_string_new(NULL);
    struct out_file file;

    if (!run)
        return false;
    page_html(run, page);
    if (!out_file_open(&file, path, 64 * 1024, error))
        return false;
    fwrite(page->str, 1, page->len, file.stream);
    if (out_file_close(&file, error))
        return true;
    unlink(path); /* half of it is worse than none */
    return false;
}
