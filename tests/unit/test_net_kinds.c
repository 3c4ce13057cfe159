#include "core/net/net.h"
#include "tests/unit/support.h"
#include "tests/unit/support_net.h"

static const char *
name_node(const struct names *names, uint32_t node)
{
    static const char *const words[] = { "?", "A", "router", "B" };

    (void)names;
    return words[node < G_N_ELEMENTS(words) ? node : 0];
}

static const char *
name_interface(const struct names *names, uint32_t interface)
{
    (void)names;
    return interface == 1 ? "A-internet" : "?";
}

static const struct names names = { name_node, name_interface };

/* `source` and `destination` as "address:port" or an address alone; NULL: a packet that could not be read. */
static const struct {
    const char *name;
    const struct record_kind *kind;
    const char *source, *destination;
    uint8_t protocol;
    unsigned cause; /* the ordinal of a packet of B's */
    enum drop_reason reason;
    uint32_t subject[2];
    int64_t detail;
    const char *sentence;
} rows[] = {
    { "sent", &packet_sent_kind, "192.0.2.1:5000", "198.51.100.1:7", PROTOCOL_UDP, 0, 0, { 0 }, 0,
      "sends A.3 from 192.0.2.1:5000 to 198.51.100.1:7 (UDP, 43 bytes)" },
    { "sent TCP", &packet_sent_kind, "192.0.2.1:5000", "198.51.100.1:80", PROTOCOL_TCP, 0, 0, { 0 }, 0,
      "sends A.3 from 192.0.2.1:5000 to 198.51.100.1:80 (TCP, 43 bytes)" },
    { "received TCP", &packet_delivered_kind, "192.0.2.1:5000", "198.51.100.1:80", PROTOCOL_TCP, 0, 0, { 0 }, 0,
      "receives A.3 from 192.0.2.1:5000 (TCP, 43 bytes)" },
    { "sent ping", &packet_sent_kind, "192.0.2.1:77", "198.51.100.1", PROTOCOL_ICMP, 0, 0, { 0 }, 8 << 8,
      "sends A.3 from 192.0.2.1:77 to 198.51.100.1 (ICMP echo request, 43 bytes)" },
    { "sent error", &packet_sent_kind, "192.0.2.254", "192.0.2.1", PROTOCOL_ICMP, 9, 0, { 0 }, 11 << 8,
      "sends A.3 from 192.0.2.254 to 192.0.2.1 (ICMP time exceeded in transit about B.9, 43 bytes)" },
    { "sent error about nothing known", &packet_sent_kind, "192.0.2.254", "192.0.2.1", PROTOCOL_ICMP, 0, 0, { 0 },
      3 << 8 | 4, "sends A.3 from 192.0.2.254 to 192.0.2.1 (ICMP fragmentation needed and DF set, 43 bytes)" },
    { "a reply has a cause, but is about nothing", &packet_sent_kind, "192.0.2.1", "198.51.100.1:77", PROTOCOL_ICMP, 9,
      0, { 0 }, 0, "sends A.3 from 192.0.2.1 to 198.51.100.1:77 (ICMP echo reply, 43 bytes)" },
    { "another protocol", &packet_sent_kind, "192.0.2.1", "198.51.100.1", 132, 0, 0, { 0 }, 0,
      "sends A.3 from 192.0.2.1 to 198.51.100.1 (protocol 132, 43 bytes)" },
    { "delivered", &packet_delivered_kind, "192.0.2.1:5000", "198.51.100.1:7", PROTOCOL_UDP, 0, 0, { 0 }, 0,
      "receives A.3 from 192.0.2.1:5000 (UDP, 43 bytes)" },
    { "dropped", &packet_dropped_kind, "192.0.2.1:5000", "198.51.100.1:7", PROTOCOL_UDP, 0, DROP_NO_ROUTE, { 0 }, 0,
      "drops A.3 (192.0.2.1:5000 -> 198.51.100.1:7): no route leads to its destination" },
    { "dropped unread", &packet_dropped_kind, NULL, NULL, 0, 0, DROP_BAD_HEADER, { 0 }, 0,
      "drops A.3: its IP header is malformed" },
    { "lost", &link_dropped_kind, "192.0.2.1:5000", "198.51.100.1:7", PROTOCOL_UDP, 0, DROP_LINK_LOSS, { 1, 0 }, 0,
      "the link of A-internet (up) drops A.3 (192.0.2.1:5000 -> 198.51.100.1:7): the link lost it" },
    { "lost downwards", &link_dropped_kind, "192.0.2.1:5000", "198.51.100.1:7", PROTOCOL_UDP, 0, DROP_QUEUE_FULL,
      { 1, 1 }, 0,
      "the link of A-internet (down) drops A.3 (192.0.2.1:5000 -> 198.51.100.1:7): "
      "the link's queue is full (drop-tail)" },
    { "duplicated", &link_duplicated_kind, "192.0.2.1:5000", "198.51.100.1:7", PROTOCOL_UDP, 0, 0, { 1, 0 }, 0,
      "the link of A-internet (up) duplicates A.3 (192.0.2.1:5000 -> 198.51.100.1:7)" },
    { "cut", &fragments_kind, "192.0.2.1:5000", "198.51.100.1:7", PROTOCOL_UDP, 0, 0, { 0 }, 1280,
      "cuts A.3 (43 bytes) into fragments, because the link carries at most 1280" },
};

static struct endpoint
end_of(const char *text)
{
    struct endpoint end = { ADDRESS_NONE, 0 };

    if (text && !endpoint_parse(text, &end))
        end.address = net_address(text);
    return end;
}

static void
test_sentences(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct endpoint source = end_of(rows[i].source), destination = end_of(rows[i].destination);
        struct record record = { .packet = PACKET_NAME(1, 3),
                                 .cause = rows[i].cause ? PACKET_NAME(3, rows[i].cause) : 0,
                                 .kind = rows[i].kind,
                                 .reason = (uint8_t)rows[i].reason,
                                 .before = { source.address, destination.address, source.port, destination.port,
                                             rows[i].protocol },
                                 .subject = { rows[i].subject[0], rows[i].subject[1] },
                                 .detail = rows[i].detail,
                                 .size = 43 };
        g_autoptr(GString) out = g_string_new(NULL);

        record.kind->say(&record, &names, out);
        CHECK_ROW_TEXT(rows[i].name, out->str, rows[i].sentence);
    }
}

/* A sink that writes "name=value " for each field. */
struct sink {
    struct fields fields;
    GString *out;
};

static void
sink_number(struct fields *fields, const char *name, int64_t value)
{
    g_string_append_printf(((struct sink *)fields)->out, "%s=%" PRId64 " ", name, value);
}

static void
sink_text(struct fields *fields, const char *name, struct span value)
{
    g_string_append_printf(((struct sink *)fields)->out, "%s=%.*s ", name, (int)value.length,
                           (const char *)value.bytes);
}

static void
test_fields(void)
{
    static const struct {
        const char *name;
        const struct record_kind *kind;
        struct record record;
        const char *text;
    } kinds[] = {
        { "lost", &link_dropped_kind, { .subject = { 1, 0 } }, "link=A-internet direction=up " },
        { "duplicated", &link_duplicated_kind, { .subject = { 1, 1 } }, "link=A-internet direction=down " },
        { "cut", &fragments_kind, { .detail = 576 }, "mtu=576 " },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        struct sink sink = { .fields = { .number = sink_number, .text = sink_text }, .out = g_string_new(NULL) };

        kinds[i].kind->fields(&kinds[i].record, &names, &sink.fields);
        CHECK_ROW_TEXT(kinds[i].name, sink.out->str, kinds[i].text);
        g_string_free(sink.out, TRUE);
    }
}

/* One word for programs each, unique; an action that watchers filter by. */
static void
test_words(void)
{
    static const struct record_kind *const kinds[] = { &packet_sent_kind,  &packet_delivered_kind, &packet_dropped_kind,
                                                       &link_dropped_kind, &link_duplicated_kind,  &fragments_kind };

    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        CHECK_ROW(kinds[i]->name, unit_is_word(kinds[i]->name) && unit_is_word(kinds[i]->action));
        for (size_t n = 0; n < i; n++)
            CHECK_ROW(kinds[i]->name, strcmp(kinds[i]->name, kinds[n]->name) != 0);
    }
}

void
suite_net_kinds(void)
{
    UNIT_SUITE("net kinds", NULL, NULL, { "sentences", test_sentences }, { "fields", test_fields },
               { "words", test_words });
}
