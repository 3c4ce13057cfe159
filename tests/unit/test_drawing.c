/* The topology as a tree, in the order of a ladder's columns, as boxes of characters, and as a picture. */
#include <string.h>

#include "scenarios/runner/cli/topology.h"
#include "tests/unit/support.h"

/* S, two homes and one more inside of the second. */
static struct lab *
make_lab(void)
{
    struct lab *lab = lab_new(1);
    struct lab_network *internet = lab_internet(lab, "internet", NULL, NULL, NULL);
    struct lab_network *first, *second, *inner;

    lab_host(internet, "S", "198.51.100.1", NULL, NULL);
    first = lab_router(internet, "r1", "203.0.113.1", "10.0.0.0/24", NULL, NULL, NULL);
    second = lab_router(internet, "r2", "203.0.113.2", "10.1.0.0/24", NULL, NULL, NULL);
    lab_host(first, "A", "10.0.0.2", NULL, NULL);
    inner = lab_router(second, "r3", "10.1.0.3", "10.2.0.0/24", NULL, NULL, NULL);
    lab_host(second, "B", "10.1.0.4", NULL, NULL);
    lab_host(inner, "C", "10.2.0.5", NULL, NULL);
    return lab;
}

static const char *
name_of(const struct lab *lab, uint32_t number)
{
    for (guint i = 0; i < lab->nodes->len; i++) {
        const struct lab_node *node = lab->nodes->pdata[i];

        if (node->node->number == number)
            return node->node->name;
    }
    return "internet";
}

static void
test_across(void)
{
    g_autoptr(lab) lab = make_lab();
    g_autoptr(topology) topology = topology_new(lab);
    g_autoptr(GArray) numbers = g_array_new(FALSE, FALSE, sizeof(uint32_t));
    g_autoptr(GString) order = g_string_new(NULL);

    topology_across(topology, numbers);
    for (guint i = 0; i < numbers->len; i++)
        g_string_append_printf(order, "%s ", name_of(lab, g_array_index(numbers, uint32_t, i)));
    CHECK_ROW_TEXT("hosts outside, boxes around the internet", order->str, "A r1 S internet r2 r3 C B ");
}

static void
test_text(void)
{
    g_autoptr(lab) lab = make_lab();
    g_autoptr(topology) topology = topology_new(lab);
    g_autoptr(GString) out = g_string_new(NULL);

    CHECK(topology_text(topology, 80, false, out));
    CHECK_ROW_TEXT("boxes in boxes", out->str,
                   "internet\n"
                   "--------+------------------+-----------------------------+------------------\n"
                   "+-------+------+  +--------+--------+  +-----------------+-----------------+\n"
                   "|      S       |  |   203.0.113.1   |  |            203.0.113.2            |\n"
                   "| 198.51.100.1 |  |       r1        |  |                r2                 |\n"
                   "+--------------+  |     router      |  |              router               |\n"
                   "                  +-----------------+  +-----------------------------------+\n"
                   "                  | inside 10.0.0.1 |  | inside 10.1.0.1                   |\n"
                   "                  | -------+------- |  | ---------+-----------------+----- |\n"
                   "                  |  +-----+----+   |  | +--------+--------+  +-----+----+ |\n"
                   "                  |  |    A     |   |  | |    10.1.0.3     |  |    B     | |\n"
                   "                  |  | 10.0.0.2 |   |  | |       r3        |  | 10.1.0.4 | |\n"
                   "                  |  +----------+   |  | |     router      |  +----------+ |\n"
                   "                  +-----------------+  | +-----------------+               |\n"
                   "                                       | | inside 10.2.0.1 |               |\n"
                   "                                       | | -------+------- |               |\n"
                   "                                       | |  +-----+----+   |               |\n"
                   "                                       | |  |    C     |   |               |\n"
                   "                                       | |  | 10.2.0.5 |   |               |\n"
                   "                                       | |  +----------+   |               |\n"
                   "                                       | +-----------------+               |\n"
                   "                                       +-----------------------------------+\n");
    g_string_truncate(out, 0);
    CHECK_ROW("no room", !topology_text(topology, 60, false, out) && out->len == 0);
}

static void
test_empty(void)
{
    g_autoptr(lab) lab = lab_new(1);
    g_autoptr(topology) topology = topology_new(lab);
    g_autoptr(GString) text = g_string_new(NULL), picture = g_string_new(NULL);

    CHECK(!topology_text(topology, 80, true, text) && text->len == 0);
    topology_svg(topology, "nothing", picture);
    CHECK(g_str_has_prefix(picture->str, "<svg ") && g_str_has_suffix(picture->str, "</svg>\n"));
}

/* What is too many or too deep is counted, and takes no time. */
static void
test_many(void)
{
    g_autoptr(lab) lab = lab_new(1);
    struct lab_network *network = lab_internet(lab, "internet", NULL, NULL, NULL);
    g_autoptr(GString) text = g_string_new(NULL), picture = g_string_new(NULL);

    for (int i = 0; i < 2000; i++) {
        g_autofree char *name = g_strdup_printf("h%d", i);

        lab_host(network, name, NULL, NULL, NULL);
    }
    for (int i = 0; i < 40; i++) {
        g_autofree char *name = g_strdup_printf("r%d", i), *lan = g_strdup_printf("10.%d.0.0/24", i);

        network = lab_router(network, name, NULL, lan, NULL, NULL, NULL);
    }
    g_autoptr(topology) topology = topology_new(lab);
    CHECK(!topology_text(topology, 200, true, text));
    topology_svg(topology, "many", picture);
    CHECK(strstr(picture->str, "and 1989 more") && picture->len < 20000);
}

void
suite_drawing(void)
{
    UNIT_SUITE("drawing", NULL, NULL, { "from left to right", test_across }, { "as text", test_text },
               { "nothing", test_empty }, { "too many", test_many });
}
