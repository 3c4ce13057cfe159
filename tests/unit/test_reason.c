/* The name tables of core/base: drop reasons, io results; and how the journal says packets and flows. */
#include "core/base/reason.h"

#include "core/base/io.h"
#include "core/base/journal.h"
#include "tests/unit/support.h"

static bool
all_words(const char *const *words, size_t count)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

    for (size_t i = 0; i < count; i++) {
        if (!CHECK_ROW(words[i] ? words[i] : "(a hole in the table)", unit_is_word(words[i])))
            return false;
        CHECK_ROW(words[i], g_hash_table_add(seen, (gpointer)words[i])); /* false: it was there */
    }
    return g_hash_table_size(seen) == count;
}

/* A sentence goes on after "dropped: ": it begins small or with a name in capitals, and has no full stop. */
static bool
is_sentence(const char *sentence)
{
    size_t length = strlen(sentence);

    return length > 0 && sentence[length - 1] != '.' && !g_ascii_isspace(sentence[0]) &&
           !g_ascii_isspace(sentence[length - 1]) &&
           (g_ascii_islower(sentence[0]) || g_ascii_isupper(sentence[1]) || g_str_has_prefix(sentence, "a"));
}

static bool
is_source(const char *source)
{
    static const char one[] = "RFC [1-9][0-9]*( section [0-9]+(\\.[0-9]+)*| REQ-[0-9]+[a-z]?)?";
    g_autofree char *several = g_strdup_printf("^%s(, %s)*$", one, one);

    return source[0] == '\0' || g_regex_match_simple(several, source, 0, 0);
}

static void
test_drop_reasons(void)
{
    const char *words[DROP_REASON_COUNT];

    for (int i = 0; i < DROP_REASON_COUNT; i++) {
        words[i] = drop_reason_word(i);
        CHECK_ROW(words[i], is_sentence(drop_reason_sentence(i)));
        CHECK_ROW(words[i], is_source(drop_reason_source(i)));
    }
    CHECK(all_words(words, DROP_REASON_COUNT));
}

/* Those that the design names; scripts compare with them. */
static void
test_promised_words(void)
{
    static const struct {
        enum drop_reason reason;
        const char *word;
    } rows[] = {
        { DROP_NONE, "none" },
        { DROP_FILTERED, "filtered" },
        { DROP_NO_MAPPING, "no-mapping" },
        { DROP_TTL_EXCEEDED, "ttl-exceeded" },
        { DROP_QUEUE_FULL, "queue-full" },
        { DROP_LINK_LOSS, "link-loss" },
        { DROP_NO_ROUTE, "no-route" },
        { DROP_PORT_UNREACHABLE, "port-unreachable" },
        { DROP_UNEXPECTED_STUN, "unexpected-stun" }, /* the last of the table */
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        CHECK_ROW_TEXT(rows[i].word, drop_reason_word(rows[i].reason), rows[i].word);
    CHECK(DROP_NONE == 0);
    CHECK(strcmp(drop_reason_sentence(DROP_LINK_LOSS), "the link lost it") == 0);
    CHECK(strcmp(drop_reason_source(DROP_NO_MAPPING), "RFC 4787 section 5") == 0);
}

static void
test_io_results(void)
{
    const char *words[IO_UNSUPPORTED + 1];

    for (int i = 0; i <= IO_UNSUPPORTED; i++)
        words[i] = io_result_word(i);
    CHECK(all_words(words, G_N_ELEMENTS(words)));
    CHECK_ROW_TEXT("success", words[IO_OK], "ok");
    CHECK_ROW_TEXT("port taken", words[IO_IN_USE], "in-use");
    CHECK_ROW_TEXT("address of another", words[IO_NO_ADDRESS], "no-address");
    CHECK_ROW_TEXT("no route", words[IO_NO_ROUTE], "no-route");
    CHECK_ROW_TEXT("unreachable", words[IO_UNREACHABLE], "unreachable");
    CHECK_ROW_TEXT("no room", words[IO_FULL], "full");
    CHECK_ROW_TEXT("not yet", words[IO_AGAIN], "again");
    CHECK_ROW_TEXT("no such sockets", words[IO_UNSUPPORTED], "unsupported");
    CHECK_ROW_TEXT("too big", words[IO_TOO_BIG], "too-big");
    CHECK_ROW_TEXT("refused", words[IO_REFUSED], "refused");
    CHECK_ROW_TEXT("reset", words[IO_RESET], "reset");
    CHECK_ROW_TEXT("timeout", words[IO_TIMEOUT], "timeout");
    CHECK_ROW_TEXT("closed", words[IO_CLOSED], "closed");
}

static const char *
node_name(const struct names *names, uint32_t node)
{
    (void)names;
    return node == 3 ? "natA" : node == 0xffffff ? "last" : "?";
}

static void
test_packet_names(void)
{
    static const struct names names = { .node = node_name };
    static const struct {
        packet_name packet;
        const char *text;
    } rows[] = {
        { 0, "-" },
        { PACKET_NAME(3, 1), "natA.1" },
        { PACKET_NAME(3, 4000000000), "natA.4000000000" },
        { PACKET_NAME(0xffffff, (UINT64_C(1) << 40) - 1), "last.1099511627775" },
        { PACKET_NAME(9, 2), "?.2" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GString) out = g_string_new("<");

        packet_name_say(rows[i].packet, &names, out);
        CHECK_ROW_TEXT(rows[i].text, out->str + 1, rows[i].text);
        CHECK_ROW(rows[i].text, out->str[0] == '<'); /* appends */
    }
}

static void
test_flows(void)
{
    static const struct {
        const char *source, *destination;
        uint16_t source_port, destination_port;
        uint8_t protocol;
        const char *text;
    } rows[] = {
        { "10.0.0.2", "198.51.100.1", 5000, 3478, PROTOCOL_UDP, "10.0.0.2:5000 -> 198.51.100.1:3478" },
        { "2001:db8::1", "2001:db8::2", 1, 65535, PROTOCOL_TCP, "[2001:db8::1]:1 -> [2001:db8::2]:65535" },
        { "10.0.0.2", "198.51.100.1", 0, 0, PROTOCOL_ICMP, "10.0.0.2 -> 198.51.100.1" },
        { "2001:db8::1", "2001:db8::2", 0, 0, PROTOCOL_UDP, "2001:db8::1 -> 2001:db8::2" },  /* a later fragment */
        { "10.0.0.2", "198.51.100.1", 77, 0, PROTOCOL_ICMP, "10.0.0.2:77 -> 198.51.100.1" }, /* an echo request */
        { "198.51.100.1", "10.0.0.2", 0, 77, PROTOCOL_ICMP, "198.51.100.1 -> 10.0.0.2:77" }, /* its reply */
        { "10.0.0.2", "198.51.100.1", 0, 9, PROTOCOL_UDP, "10.0.0.2:0 -> 198.51.100.1:9" },  /* RFC 768 allows it */
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GString) out = g_string_new("<");
        struct flow flow = { .source_port = rows[i].source_port,
                             .destination_port = rows[i].destination_port,
                             .protocol = rows[i].protocol };

        CHECK_ROW(rows[i].text, address_parse(rows[i].source, &flow.source));
        CHECK_ROW(rows[i].text, address_parse(rows[i].destination, &flow.destination));
        flow_say(&flow, out);
        CHECK_ROW_TEXT(rows[i].text, out->str + 1, rows[i].text);
        CHECK_ROW(rows[i].text, out->str[0] == '<');
    }
}

void
suite_reason(void)
{
    UNIT_SUITE("reason", NULL, NULL, { "drop reasons", test_drop_reasons }, { "promised words", test_promised_words },
               { "io results", test_io_results }, { "packet names", test_packet_names }, { "flows", test_flows });
}
