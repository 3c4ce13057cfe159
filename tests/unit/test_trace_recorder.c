#include "core/net/node.h"
#include "core/trace/recorder.h"
#include "tests/unit/support.h"
#include "tests/unit/support_trace.h"

static struct world *lab;
static struct recorder *recorder;

static void
set_up(void)
{
    lab = world_new(1);
    recorder = world_recorder(lab);
}

static void
tear_down(void)
{
    world_free(lab);
}

static void
tell(int64_t detail)
{
    struct record record = trace_record(1, 1, detail, detail);

    if (lab->journal)
        journal_take(lab->journal, &record);
}

static void
listen(void *user, const struct record *record)
{
    g_string_append_printf(user, "%d ", (int)record->detail);
}

static void
test_installed_only_while_wanted(void)
{
    g_autoptr(GString) heard = g_string_new(NULL);

    CHECK(world_recorder(lab) == recorder);
    CHECK(!lab->journal);
    recorder_listen(recorder, listen, heard);
    CHECK(lab->journal != NULL);
    recorder_keep(recorder, true);
    recorder_unlisten(recorder, listen, heard);
    CHECK(lab->journal != NULL);
    recorder_keep(recorder, false);
    CHECK(!lab->journal);
    recorder_unlisten(recorder, listen, heard);
    CHECK(!lab->journal);
}

static void
test_keeps_in_order(void)
{
    recorder_keep(recorder, true);
    for (int64_t i = 0; i < 2000; i++)
        tell(i);
    recorder_keep(recorder, false);
    tell(2000);
    CHECK_ROW_INT("count", (int64_t)recorder_count(recorder), 2000);
    for (size_t i = 0; i < recorder_count(recorder); i++)
        if (recorder_at(recorder, i)->detail != (int64_t)i)
            CHECK_ROW_INT("place", recorder_at(recorder, i)->detail, (int64_t)i);
}

static void
test_keeps_nothing_for_listeners(void)
{
    g_autoptr(GString) one = g_string_new(NULL), two = g_string_new(NULL);

    recorder_listen(recorder, listen, one);
    tell(1);
    recorder_listen(recorder, listen, two);
    tell(2);
    recorder_unlisten(recorder, listen, one);
    tell(3);
    recorder_unlisten(recorder, listen, two);
    tell(4);
    CHECK_ROW_TEXT("first", one->str, "1 2 ");
    CHECK_ROW_TEXT("second", two->str, "2 3 ");
    CHECK_ROW_INT("kept", (int64_t)recorder_count(recorder), 0);
}

static void
hear_once(void *user, const struct record *record)
{
    listen(user, record);
    recorder_unlisten(recorder, hear_once, user);
    recorder_listen(recorder, listen, user);
}

/* Who leaves hears no more, who comes hears from the next record on, and those behind lose nothing by it. */
static void
test_changes_while_told(void)
{
    g_autoptr(GString) changing = g_string_new(NULL), behind = g_string_new(NULL);

    recorder_listen(recorder, hear_once, changing);
    recorder_listen(recorder, listen, behind);
    tell(1);
    CHECK_ROW_TEXT("changing", changing->str, "1 ");
    CHECK_ROW_TEXT("behind", behind->str, "1 ");
    tell(2);
    tell(3);
    CHECK_ROW_TEXT("changing", changing->str, "1 2 3 ");
    CHECK_ROW_TEXT("behind", behind->str, "1 2 3 ");
    recorder_unlisten(recorder, listen, changing);
    recorder_unlisten(recorder, listen, behind);
    CHECK(!lab->journal);
}

static void
leave(void *user, const struct record *record)
{
    listen(user, record);
    recorder_unlisten(recorder, leave, user);
}

static void
test_last_one_leaves_while_told(void)
{
    g_autoptr(GString) heard = g_string_new(NULL);

    recorder_listen(recorder, leave, heard);
    tell(1);
    CHECK(!lab->journal);
    CHECK_ROW_TEXT("heard", heard->str, "1 ");
}

static void
test_names(void)
{
    const struct names *names = recorder_names(recorder);
    struct node *node;

    CHECK_ROW_TEXT("no node yet", names->node(names, 1), "?");
    node = node_new(lab, "natA");
    CHECK_ROW_TEXT("node", names->node(names, node->number), "natA");
    CHECK_ROW_TEXT("experimenter", names->node(names, 0), "lab");
    CHECK_ROW_TEXT("unknown node", names->node(names, 99), "?");

    CHECK_ROW_TEXT("unknown interface", names->interface(names, 7), "?");
    recorder_label(recorder, 7, "natA-internet");
    recorder_label(recorder, 3, "A-natA");
    recorder_label(recorder, 3, "A-natA-2");
    CHECK_ROW_TEXT("labelled", names->interface(names, 7), "natA-internet");
    CHECK_ROW_TEXT("labelled anew", names->interface(names, 3), "A-natA-2");
    CHECK_ROW_TEXT("between", names->interface(names, 5), "?");
}

void
suite_trace_recorder(void)
{
    UNIT_SUITE("trace recorder", set_up, tear_down,
               { "installed only while wanted", test_installed_only_while_wanted },
               { "keeps in order", test_keeps_in_order },
               { "keeps nothing for listeners", test_keeps_nothing_for_listeners },
               { "changes while told", test_changes_while_told },
               { "last one leaves while told", test_last_one_leaves_while_told }, { "names", test_names });
}
