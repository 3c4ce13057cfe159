#include "scenarios/runner/cli/pictures.h"

#include <unistd.h>

#include "core/base/words.h"
#include "core/trace/out_file.h"
#include "scenarios/runner/cli/arguments.h"
#include "scenarios/runner/cli/topology.h"

static const char *const words[] = { "ladder", "topology", NULL };

bool
pictures_parse(const GPtrArray *texts, unsigned *pictures, GError **error)
{
    for (guint i = 0; texts && i < texts->len; i++) {
        g_auto(GStrv) parts = g_strsplit(texts->pdata[i], ",", -1);

        for (char **part = parts; *part; part++) {
            int found = words_find(words, *part);

            if (found < 0) {
                g_set_error(error, ARGUMENTS_ERROR, 0, "--svg: '%s' is not a picture; accepted: ladder or topology",
                            *part);
                return false;
            }
            *pictures |= 1u << found;
        }
    }
    return true;
}

static bool
write_file(const char *folder, const char *name, const GString *text, GError **error)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);
    struct out_file file;

    if (!out_file_open(&file, path, 64 * 1024, error))
        return false;
    fwrite(text->str, 1, text->len, file.stream);
    if (out_file_close(&file, error))
        return true;
    unlink(path); /* half of it is worse than none */
    return false;
}

static bool
write_ladder(const struct explain *explain, const char *title, const char *folder, GError **error)
{
    g_autoptr(GString) out = g_string_new(NULL);

    explain_svg(explain, title, out);
    return write_file(folder, "ladder.svg", out, error);
}

static bool
write_topology(const struct scenario *scenario, const char *title, const char *folder, GError **error)
{
    g_autoptr(GString) out = g_string_new(NULL);
    g_autoptr(topology) topology = topology_new(scenario->lab);

    topology_svg(topology, title, out);
    return write_file(folder, "topology.svg", out, error);
}

bool
pictures_write(unsigned pictures, const struct explain *explain, const struct scenario *scenario, const char *name,
               const char *folder, GError **error)
{
    const char *title = scenario->title ? scenario->title : name;

    if (pictures & PICTURE_LADDER && !write_ladder(explain, title, folder, error))
        return false;
    return !(pictures & PICTURE_TOPOLOGY) || write_topology(scenario, title, folder, error);
}
