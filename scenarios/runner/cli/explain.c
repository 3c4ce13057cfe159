#include "scenarios/runner/cli/explain.h"

#include <inttypes.h>
#include <string.h>

#include "core/base/words.h"
#include "core/trace/recorder.h"
#include "scenarios/runner/cli/copies.h"
#include "scenarios/runner/cli/ladder_text.h"
#include "scenarios/runner/cli/timeline.h"
#include "scenarios/runner/cli/topology.h"
#include "scenarios/runner/cli/way_text.h"
#include "scenarios/runner/story/ladder_svg.h"

G_DEFINE_QUARK(punchlab-explain-error, explain_error)

struct explain {
    const struct scenario *scenario; /* NULL until explain_begin */
    struct recorder *recorder;
    GArray *notes; /* struct story_remark, their texts owned */
    char *packet;           /* whose way is to be told; NULL: everything */
    struct copies *copies;  /* of that packet; from explain_begin on */
};

static void
clear_note(void *note)
{
    g_free((char *)((struct story_remark *)note)->text);
}

struct explain *
explain_new(const char *packet)
{
    struct explain *explain = g_new0(struct explain, 1);

    explain->packet = packet && *packet ? g_strdup(packet) : NULL;
    explain->notes = g_array_new(FALSE, FALSE, sizeof(struct story_remark));
    g_array_set_clear_func(explain->notes, clear_note);
    return explain;
}

void
explain_free(struct explain *explain)
{
    g_array_unref(explain->notes);
    g_clear_pointer(&explain->copies, copies_free);
    g_free(explain->packet);
    g_free(explain);
}

void
explain_interface(struct explain *explain, const struct lab_interface *interface)
{
    g_autofree char *label = g_strdup_printf("%s-%s", interface->owner->node->name, interface->label);

    if (!interface->port)
        return;
    recorder_label(explain->recorder, interface->port->interface, label);
    if (explain->copies)
        copies_watch(explain->copies, interface->port);
}

void
explain_begin(struct explain *explain, struct scenario *scenario)
{
    explain->scenario = scenario;
    explain->recorder = world_recorder(scenario->lab->world);
    recorder_keep(explain->recorder, true);
    if (explain->packet)
        explain->copies = copies_new(explain->packet, recorder_names(explain->recorder));
    for (guint i = 0; i < scenario->lab->nodes->len; i++) {
        const struct lab_node *node = scenario->lab->nodes->pdata[i];

        for (const struct lab_interface *interface = &node->first; interface; interface = interface->next)
            explain_interface(explain, interface);
    }
}

void
explain_note(struct explain *explain, int64_t at, const char *text)
{
    struct story_remark note = {
        .at = at,
        .before = explain->recorder ? recorder_count(explain->recorder) : 0,
        .text = g_strdup(text),
        .sort = STORY_REMARK_NOTE,
    };

    g_array_append_val(explain->notes, note);
}

/* ---- one packet */

static void
complain_node(const struct lab *lab, const char *packet, const char *node, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    for (guint i = 0; i < lab->nodes->len; i++)
        g_ptr_array_add(names, (char *)((const struct lab_node *)lab->nodes->pdata[i])->node->name);
    g_ptr_array_add(names, NULL);
    g_autofree char *complaint = words_complaint((const char *const *)names->pdata, node, "a node of this scenario");
    g_set_error(error, EXPLAIN_ERROR, 0, "--explain: there is no packet '%s': %s", packet, complaint);
}

/* A node by its name; the router of an internet is one too. */
static const struct node *
find_node(const struct lab *lab, const char *name)
{
    const struct lab_node *found = lab_find(lab, name);

    for (guint i = 0; !found && i < lab->networks->len; i++) {
        const struct lab_network *network = lab->networks->pdata[i];

        if (network->router && strcmp(network->router->name, name) == 0)
            return network->router;
    }
    return found ? found->node : NULL;
}

/* "A.3" as the packet's name. */
static bool
find_packet(const struct lab *lab, const char *text, packet_name *packet, GError **error)
{
    const char *dot = strrchr(text, '.');
    g_autofree char *name = g_strndup(text, dot ? (gsize)(dot - text) : strlen(text));
    const struct node *node = find_node(lab, name);
    guint64 ordinal = 0;

    if (!dot || !g_ascii_string_to_unsigned(dot + 1, 10, 1, G_MAXINT32, &ordinal, NULL)) {
        g_set_error(error, EXPLAIN_ERROR, 0, "--explain: '%s' is not a packet's name; accepted: who made it and its "
                    "number there, as in A.3", text);
        return false;
    }
    if (!node) {
        complain_node(lab, text, name, error);
        return false;
    }
    if (ordinal > node->made) {
        g_set_error(error, EXPLAIN_ERROR, 0, "--explain: there is no packet '%s': %s made %" PRIu64, text, name,
                    node->made);
        return false;
    }
    *packet = PACKET_NAME(node->number, ordinal);
    return true;
}

/* ---- the timeline */

static int
compare_remarks(gconstpointer a, gconstpointer b)
{
    const struct story_remark *left = a, *right = b;

    return (left->before > right->before) - (left->before < right->before);
}

/* The notes and the expectations, each where it was said. Texts are borrowed. */
static GArray *
remarks_of(const struct explain *explain, const struct story *story)
{
    const GPtrArray *expectations = explain->scenario->expectations;
    GArray *remarks = g_array_new(FALSE, FALSE, sizeof(struct story_remark));

    g_array_append_vals(remarks, explain->notes->data, explain->notes->len);
    for (guint i = 0; i < expectations->len; i++) {
        const struct scenario_expectation *expectation = expectations->pdata[i];
        struct story_remark remark = {
            .at = expectation->at,
            .before = story_place(story, expectation->at),
            .text = expectation->text,
            .sort = expectation->ok ? STORY_REMARK_HELD : STORY_REMARK_FAILED,
        };

        g_array_append_val(remarks, remark);
    }
    g_array_sort(remarks, compare_remarks); /* keeps the order of equals */
    return remarks;
}

/* The nodes as they stand in the picture, from left to right. */
static GArray *
across(const struct lab *lab)
{
    g_autoptr(topology) topology = topology_new(lab);
    GArray *numbers = g_array_new(FALSE, FALSE, sizeof(uint32_t));

    topology_across(topology, numbers);
    return numbers;
}

static int64_t
last_of(const struct story *story)
{
    return story->record_count ? story->records[story->record_count - 1]->at : 0;
}

static void
print_way(const struct explain *explain, const struct story *story, packet_name packet,
          const struct terminal *terminal, unsigned width, GString *out)
{
    g_autoptr(way) way = way_new(story, packet);
    g_autoptr(GString) what = g_string_new(NULL);

    if (copies_summary(explain->copies, what)) {
        g_free(way->what);
        way->what = g_strdup(what->str);
    }
    for (guint i = 0; i < way->stations->len; i++) {
        const struct way_station *station = way->stations->pdata[i];

        copies_changes(explain->copies, station->node, station->at, station->changes);
    }
    way_text(way, last_of(story), terminal, width, out);
}

static void
print_all(const struct explain *explain, const struct story *story, const struct terminal *terminal, unsigned width,
          GString *out)
{
    g_autoptr(GArray) numbers = across(explain->scenario->lab);
    struct ladder_order order = { (const uint32_t *)(void *)numbers->data, numbers->len };

    ladder_text(story, &order, terminal, width, out);
}

struct story
explain_story(const struct explain *explain, GPtrArray *records)
{
    for (size_t i = 0; i < recorder_count(explain->recorder); i++)
        g_ptr_array_add(records, (void *)recorder_at(explain->recorder, i));
    return (struct story){
        .records = (const struct record *const *)records->pdata,
        .record_count = records->len,
        .names = recorder_names(explain->recorder),
    };
}

bool
explain_print(const struct explain *explain, const struct terminal *terminal, unsigned width, GString *out,
              GError **error)
{
    g_autoptr(GPtrArray) records = g_ptr_array_new();
    packet_name packet = 0;

    if (explain->packet && !find_packet(explain->scenario->lab, explain->packet, &packet, error))
        return false;
    struct story story = explain_story(explain, records);
    g_autoptr(GArray) remarks = remarks_of(explain, &story);
    story.remarks = (const struct story_remark *)(void *)remarks->data;
    story.remark_count = remarks->len;
    if (packet)
        print_way(explain, &story, packet, terminal, width, out);
    else
        print_all(explain, &story, terminal, width, out);
    return true;
}

void
explain_svg(const struct explain *explain, const char *title, GString *out)
{
    g_autoptr(GPtrArray) records = g_ptr_array_new();
    struct story story = explain_story(explain, records);
    g_autoptr(GArray) remarks = remarks_of(explain, &story), numbers = across(explain->scenario->lab);
    struct ladder_order order = { (const uint32_t *)(void *)numbers->data, numbers->len };

    story.remarks = (const struct story_remark *)(void *)remarks->data;
    story.remark_count = remarks->len;
    g_autoptr(ladder) ladder = ladder_new(&story, &order, LADDER_SVG_COLUMNS);
    ladder_svg(ladder, title, timeline_time, out);
}
