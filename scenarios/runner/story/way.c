#include "scenarios/runner/story/way.h"

#include <string.h>

static void
clear_decision(void *decision)
{
    g_free(((struct way_decision *)decision)->text);
}

static void
station_free(void *user)
{
    struct way_station *station = user;

    g_free(station->name);
    g_array_unref(station->decisions);
    g_ptr_array_unref(station->changes);
    g_free(station);
}

static void
effect_free(void *user)
{
    struct way_effect *effect = user;

    g_free(effect->packet);
    g_free(effect->text);
    g_free(effect->node);
    g_free(effect->fate);
    g_free(effect);
}

static bool
is_action(const struct record *record, const char *action)
{
    return strcmp(record->kind->action, action) == 0;
}

static char *
name_text(packet_name packet, const struct names *names)
{
    GString *out = g_string_new(NULL);

    packet_name_say(packet, names, out);
    return g_string_free(out, FALSE);
}

static char *
sentence(const struct record *record, const struct names *names)
{
    GString *out = g_string_new(NULL);

    record->kind->say(record, names, out);
    return g_string_free(out, FALSE);
}

/* ---- stations */

/* The station that this record belongs to: the last one, unless the packet has gone elsewhere or time has passed. */
static struct way_station *
station_for(struct way *way, const struct record *record, const struct names *names)
{
    GPtrArray *stations = way->stations;
    struct way_station *last = stations->len ? stations->pdata[stations->len - 1] : NULL;

    if (last && last->node == record->node && last->at == record->at)
        return last;
    struct way_station *station = g_new0(struct way_station, 1);
    *station = (struct way_station){
        .node = record->node,
        .name = g_strdup(names->node(names, record->node)),
        .at = record->at,
        .travelled = last ? record->at - last->at : 0,
        .decisions = g_array_new(FALSE, FALSE, sizeof(struct way_decision)),
        .changes = g_ptr_array_new_with_free_func((GDestroyNotify)payload_change_free),
    };
    g_array_set_clear_func(station->decisions, clear_decision);
    g_ptr_array_add(stations, station);
    return station;
}

static void
add_change(struct way_station *station, const char *what, struct endpoint before, struct endpoint after)
{
    struct payload_change *change;
    char text[ENDPOINT_TEXT];

    if (endpoint_equal(before, after))
        return;
    change = g_new(struct payload_change, 1);
    change->what = g_strdup(what);
    change->before = g_strdup(before.port ? endpoint_format(before, text) : address_format(before.address, text));
    change->after = g_strdup(after.port ? endpoint_format(after, text) : address_format(after.address, text));
    g_ptr_array_add(station->changes, change);
}

static void
add_decision(struct way *way, const struct record *record, const struct names *names)
{
    struct way_station *station = station_for(way, record, names);
    struct way_decision decision = {
        .text = sentence(record, names),
        .source = record->kind->source,
        .dropped = record->verdict == VERDICT_DROP,
    };

    if (decision.dropped && !*decision.source)
        decision.source = drop_reason_source(record->reason);
    g_array_append_val(station->decisions, decision);
    if (is_action(record, "translated")) {
        add_change(station, "source", flow_source(&record->before), flow_source(&record->after));
        add_change(station, "destination", flow_destination(&record->before), flow_destination(&record->after));
    }
}

static void
note_end(struct way *way, const struct record *record, const struct names *names)
{
    bool dropped = record->verdict == VERDICT_DROP;

    if (!dropped && !is_action(record, "delivered"))
        return;
    way->end = dropped ? WAY_DROPPED : WAY_DELIVERED;
    g_free(way->ended_at);
    way->ended_at = g_strdup(names->node(names, record->node));
    way->reason = dropped ? drop_reason_word(record->reason) : NULL;
    way->reason_sentence = dropped ? drop_reason_sentence(record->reason) : NULL;
    way->reason_source = dropped ? drop_reason_source(record->reason) : NULL;
}

/* ---- effects */

/* What the story tells of how a packet ended. */
static char *
fate_of(const struct story *story, packet_name packet)
{
    const struct names *names = story->names;
    GString *fate = g_string_new(NULL);

    for (size_t i = 0; i < story->record_count; i++) {
        const struct record *record = story->records[i];
        const char *node = names->node(names, record->node);

        if (record->packet != packet)
            continue;
        if (record->verdict == VERDICT_DROP)
            g_string_printf(fate, "%s drops it: %s", node, drop_reason_word(record->reason));
        else if (is_action(record, "delivered"))
            g_string_printf(fate, "it reaches %s", node);
    }
    return g_string_free(fate, FALSE);
}

static void
add_effect(struct way *way, const struct story *story, const struct record *record)
{
    struct way_effect *effect = g_new(struct way_effect, 1);

    *effect = (struct way_effect){
        .packet = record->packet ? name_text(record->packet, story->names) : g_strdup(""),
        .text = sentence(record, story->names),
        .node = g_strdup(story->names->node(story->names, record->node)),
        .at = record->at,
        .fate = record->packet ? fate_of(story, record->packet) : g_strdup(""),
    };
    g_ptr_array_add(way->effects, effect);
}

/* ---- the whole */

struct way *
way_new(const struct story *story, packet_name packet)
{
    struct way *way = g_new0(struct way, 1);

    way->packet = name_text(packet, story->names);
    way->what = g_strdup("");
    way->cause = g_strdup("");
    way->ended_at = g_strdup("");
    way->stations = g_ptr_array_new_with_free_func(station_free);
    way->effects = g_ptr_array_new_with_free_func(effect_free);
    for (size_t i = 0; i < story->record_count; i++) {
        const struct record *record = story->records[i];

        if (record->packet == packet) {
            add_decision(way, record, story->names);
            note_end(way, record, story->names);
        } else if (record->cause == packet && (!record->packet || is_action(record, "sent"))) {
            add_effect(way, story, record);
        }
        if (record->packet == packet && record->cause && is_action(record, "sent")) {
            g_free(way->cause);
            way->cause = name_text(record->cause, story->names);
        }
    }
    return way;
}

void
way_free(struct way *way)
{
    g_ptr_array_unref(way->stations);
    g_ptr_array_unref(way->effects);
    g_free(way->packet);
    g_free(way->what);
    g_free(way->cause);
    g_free(way->ended_at);
    g_free(way);
}
