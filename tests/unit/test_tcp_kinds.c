/* What the journal says of TCP: segments in words, and what is sent again. */
#include "core/net/tcp_kinds.h"

#include "core/net/net.h"
#include "core/net/stack.h"
#include "tests/unit/support.h"
#include "tests/unit/support_net.h"

static const char *
name_anything(const struct names *names, uint32_t number)
{
    (void)names, (void)number;
    return "A";
}

static const struct names names = { name_anything, name_anything };

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

/* --- segments ---------------------------------------------------------------------------------------------------- */

/* A header of `words` times four bytes with these flags, `data` bytes behind it, cut to `cut` bytes unless 0. */
static const struct {
    const char *name;
    uint8_t words, flags, data, cut;
    const char *sentence, *fields;
} rows[] = {
    { "SYN", 10, TCP_SYN, 0, 0, "(TCP SYN, 60 bytes)", "flags=SYN data=0 " },
    { "SYN with data", 5, TCP_SYN, 3, 0, "(TCP SYN, 3 of 43 bytes)", "flags=SYN data=3 " },
    { "SYN-ACK", 5, TCP_SYN | TCP_ACK, 0, 0, "(TCP SYN-ACK, 40 bytes)", "flags=SYN ACK data=0 " },
    { "ACK", 8, TCP_ACK, 0, 0, "(TCP ACK, 52 bytes)", "flags=ACK data=0 " },
    { "data", 8, TCP_ACK, 100, 0, "(TCP data, 100 of 152 bytes)", "flags=ACK data=100 " },
    { "PSH says nothing", 8, TCP_ACK | TCP_PSH, 100, 0, "(TCP data, 100 of 152 bytes)", "flags=ACK data=100 " },
    { "FIN", 8, TCP_FIN | TCP_ACK, 0, 0, "(TCP FIN, 52 bytes)", "flags=FIN ACK data=0 " },
    { "FIN on data", 8, TCP_FIN | TCP_ACK, 9, 0, "(TCP data and FIN, 9 of 61 bytes)", "flags=FIN ACK data=9 " },
    { "RST", 5, TCP_RST, 0, 0, "(TCP RST, 40 bytes)", "flags=RST data=0 " },
    { "RST with ACK", 5, TCP_RST | TCP_ACK, 0, 0, "(TCP RST, 40 bytes)", "flags=RST ACK data=0 " },
    { "nothing", 5, 0, 0, 0, "(TCP, 40 bytes)", "flags= data=0 " },
    { "cut within the header", 5, TCP_SYN, 0, 13, "(TCP, 33 bytes)", "flags= data=0 " },
    { "a header shorter than there is", 4, TCP_SYN, 0, 0, "(TCP, 36 bytes)", "flags= data=0 " },
    { "a header longer than the segment", 15, TCP_SYN, 0, 59, "(TCP, 79 bytes)", "flags= data=0 " },
};

static void
test_content(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        uint8_t bytes[200] = { [12] = (uint8_t)(rows[i].words << 4), [13] = rows[i].flags };
        size_t length = rows[i].cut ? rows[i].cut : rows[i].words * 4u + rows[i].data;
        g_autofree uint8_t *exact = unit_exact(span_of(bytes, length));
        struct record record = { .packet = PACKET_NAME(1, 3), .kind = &packet_delivered_kind,
                                 .before = { .protocol = PROTOCOL_TCP }, .size = (uint16_t)(20 + length) };
        struct sink sink = { .fields = { .number = sink_number, .text = sink_text }, .out = g_string_new(NULL) };
        g_autoptr(GString) said = g_string_new(NULL);

        tcp_note_content(span_of(exact, length), &record);
        record.kind->say(&record, &names, said);
        CHECK_ROW(said->str, g_str_has_suffix(said->str, rows[i].sentence));
        record.kind->fields(&record, &names, &sink.fields);
        CHECK_ROW_TEXT(rows[i].name, sink.out->str, rows[i].fields);
        g_string_free(sink.out, TRUE);
    }
}

/* --- retransmissions --------------------------------------------------------------------------------------------- */

static const struct {
    const char *name, *sentence, *fields;
    struct record record;
} again[] = {
    { "SYN", "its SYN again: no acknowledgement came in time", "first=0 bytes=0 why=timeout ",
      { .rule = TCP_AGAIN_TIMEOUT } },
    { "FIN", "its FIN again: no acknowledgement came in time", "first=11 bytes=0 why=timeout ",
      { .subject = { 11, 0 }, .rule = TCP_AGAIN_TIMEOUT } },
    { "data", "bytes 1 to 1448 again: what the peer acknowledges shows that it is missing",
      "first=1 bytes=1448 why=duplicates ", { .subject = { 1, 1448 }, .rule = TCP_AGAIN_DUPLICATES } },
    { "smaller", "bytes 101 to 101 again: it was too big for the path, or for the peer's window",
      "first=101 bytes=1 why=refused ", { .subject = { 101, 1 }, .rule = TCP_AGAIN_SMALLER } },
};

static void
test_again_words(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(again); i++) {
        struct record record = again[i].record;
        struct sink sink = { .fields = { .number = sink_number, .text = sink_text }, .out = g_string_new(NULL) };
        g_autoptr(GString) said = g_string_new(NULL);

        record.before.protocol = PROTOCOL_TCP;
        tcp_retransmitted_kind.say(&record, &names, said);
        CHECK_ROW(said->str, g_str_has_prefix(said->str, "TCP connection "));
        CHECK_ROW(said->str, g_str_has_suffix(said->str, again[i].sentence));
        tcp_retransmitted_kind.fields(&record, &names, &sink.fields);
        CHECK_ROW_TEXT(again[i].name, sink.out->str, again[i].fields);
        g_string_free(sink.out, TRUE);
    }
}

/* --- in a world -------------------------------------------------------------------------------------------------- */

static struct net_trio trio;

static void
set_up(void)
{
    net_trio_start(&trio);
}

static void
tear_down(void)
{
    net_trio_end(&trio);
}

static void
accept_one(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    struct io_tcp **accepted = owner;

    (void)result;
    if (ready == IO_ACCEPT)
        *accepted = tcp->ops->accept(tcp, accept_one, owner);
}

/* The faults say which of A's packets is lost (its SYN, its ACK, its data from the third on, its FIN); the records, which
 * are sent again and why. */
static void
test_journal(void)
{
    static const struct {
        const char *name;
        uint64_t lost[3]; /* 0: no more */
        const char *again;
    } cases[] = {
        { "nothing is lost", { 0 }, "" },
        { "the SYN", { 1 }, "0+0 timeout 1000; " },
        { "the SYN twice", { 1, 2 }, "0+0 timeout 1000; 0+0 timeout 3000; " },
        { "the first data", { 3 }, "1+1448 duplicates 130; " },
        { "the last data, with the FIN", { 9 }, "8689+1312 timeout 1170; " },
    };
    struct endpoint any = { ADDRESS_NONE, 0 }, there = net_endpoint("198.51.100.1:80");
    struct io *a = node_io(trio.a), *b = node_io(trio.b);
    static const uint8_t data[10000];

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct link_fault faults[3];
        struct link_options options = trio.link;
        g_autoptr(GString) got = g_string_new(NULL);
        struct io_tcp *listener, *accepted = NULL, *client;
        int64_t begun = trio.world->now;
        uint64_t passed = port_link(trio.a_port)->up.packets;
        enum io_result why;

        for (; options.fault_count < G_N_ELEMENTS(faults) && cases[i].lost[options.fault_count];
             options.fault_count++)
            faults[options.fault_count] = (struct link_fault){ .packet = passed + cases[i].lost[options.fault_count],
                                                               .lose = true };
        options.faults = faults;
        wire_set(&port_link(trio.a_port)->up, &options);
        net_journal_clear(&trio.journal);
        listener = b->ops->listen(b, &there, true, accept_one, &accepted, &why);
        client = a->ops->connect(a, &any, &there, true, accept_one, NULL, &why);
        net_run(trio.world, 50 * TIME_MS);
        if (cases[i].lost[0] == 1)
            net_run(trio.world, 10 * TIME_S);
        CHECK(client->ops->write(client, data, sizeof data, &why) == sizeof data);
        client->ops->close(client, false);
        net_run(trio.world, 10 * TIME_S);
        for (guint n = 0; n < trio.journal.records->len; n++) {
            const struct record *record = &g_array_index(trio.journal.records, struct record, n);

            if (record->kind == &tcp_retransmitted_kind)
                g_string_append_printf(got, "%u+%u %s %" PRId64 "; ", record->subject[0], record->subject[1],
                                       record->rule == TCP_AGAIN_TIMEOUT ? "timeout" : "duplicates",
                                       (record->at - begun) / TIME_MS);
        }
        CHECK_ROW_TEXT(cases[i].name, got->str, cases[i].again);
        accepted->ops->close(accepted, true);
        listener->ops->close(listener, false);
        net_run(trio.world, TIME_S);
    }
}

void
suite_tcp_kinds(void)
{
    UNIT_SUITE("tcp kinds", set_up, tear_down, { "content", test_content }, { "again", test_again_words },
               { "journal", test_journal });
}
