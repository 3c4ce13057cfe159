#include "core/net/tcp_kinds.h"

#include "core/base/cursor.h"

/* --- states ------------------------------------------------------------------------------------------------------ */

static enum tcp_state
state_before(const struct record *record)
{
    return (enum tcp_state)(record->detail >> 8 & 0xff);
}

static enum tcp_state
state_after(const struct record *record)
{
    return (enum tcp_state)(record->detail & 0xff);
}

/* What the change means, for who does not know the states by heart. */
static const char *
meaning(const struct record *record)
{
    if (record->rule != IO_OK)
        return "it failed";
    switch (state_after(record)) {
    case TCP_SYN_SENT:
        return "it asks for a connection";
    case TCP_SYN_RECEIVED:
        return state_before(record) == TCP_SYN_SENT ? "both sides ask at once" : "it is asked for a connection";
    case TCP_ESTABLISHED:
        return "the connection stands";
    case TCP_FIN_WAIT_1:
        return "it has no more to send";
    case TCP_FIN_WAIT_2:
        return "the peer knows that no more will come";
    case TCP_CLOSE_WAIT:
        return "the peer has no more to send";
    case TCP_CLOSING:
    case TCP_LAST_ACK:
        return "both sides have no more to send";
    case TCP_TIME_WAIT:
        return "all is said; it stays to answer late packets";
    default:
        return "it is over";
    }
}

static void
say_state(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    g_string_append(out, "TCP connection ");
    flow_say(&record->before, out);
    g_string_append_printf(out, " goes from %s to %s: %s", tcp_state_name(state_before(record)),
                           tcp_state_name(state_after(record)), meaning(record));
    if (record->rule != IO_OK)
        g_string_append_printf(out, " (%s)", io_result_word((enum io_result)record->rule));
}

static void
state_fields(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    fields_text(out, "state_before", tcp_state_name(state_before(record)));
    fields_text(out, "state", tcp_state_name(state_after(record)));
    if (record->rule != IO_OK)
        fields_text(out, "result", io_result_word((enum io_result)record->rule));
}

const struct record_kind tcp_state_kind = { "tcp-state", "tcp-state", "RFC 9293 section 3.3.2", say_state,
                                             state_fields };

/* --- retransmissions --------------------------------------------------------------------------------------------- */

static const struct {
    const char *word, *sentence;
} agains[] = {
    [TCP_AGAIN_TIMEOUT] = { "timeout", "no acknowledgement came in time" },
    [TCP_AGAIN_DUPLICATES] = { "duplicates", "what the peer acknowledges shows that it is missing" },
    [TCP_AGAIN_SMALLER] = { "refused", "it was too big for the path, or for the peer's window" },
};

G_STATIC_ASSERT(G_N_ELEMENTS(agains) == TCP_AGAIN_SMALLER + 1);

static void
say_retransmitted(const struct record *record, const struct names *names, GString *out)
{
    uint32_t first = record->subject[0], count = record->subject[1];

    (void)names;
    g_string_append(out, "TCP connection ");
    flow_say(&record->before, out);
    if (count > 0)
        g_string_append_printf(out, " sends bytes %u to %u again", first, first + count - 1);
    else
        g_string_append_printf(out, " sends its %s again", first == 0 ? "SYN" : "FIN");
    g_string_append_printf(out, ": %s", agains[record->rule].sentence);
}

static void
retransmitted_fields(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    fields_number(out, "first", record->subject[0]);
    fields_number(out, "bytes", record->subject[1]);
    fields_text(out, "why", agains[record->rule].word);
}

const struct record_kind tcp_retransmitted_kind = { "tcp-retransmission", "tcp-retransmitted",
                                                     "RFC 9293 section 3.8.1", say_retransmitted,
                                                     retransmitted_fields };

/* --- what a segment carries -------------------------------------------------------------------------------------- */

void
tcp_note_content(struct span segment, struct record *record)
{
    struct reader reader = reader_over(segment);

    reader_skip(&reader, 12);

    size_t header = (size_t)(reader_u8(&reader) >> 4) * 4;
    uint8_t flags = reader_u8(&reader);

    if (reader_failed(&reader) || header < TCP_HEADER || header > segment.length)
        return;
    record->rule = flags & (TCP_FIN | TCP_SYN | TCP_RST | TCP_ACK);
    record->detail = (int64_t)(segment.length - header);
    if (record->detail > 0)
        record->rule |= TCP_CONTENT_DATA;
}

/* What the segment is for. That nearly all carry an acknowledgement goes without saying. */
static const char *
purpose(unsigned rule)
{
    if (rule & TCP_RST)
        return "RST";
    if (rule & TCP_SYN)
        return rule & TCP_ACK ? "SYN-ACK" : "SYN";
    if (rule & TCP_FIN)
        return rule & TCP_CONTENT_DATA ? "data and FIN" : "FIN";
    if (rule & TCP_CONTENT_DATA)
        return "data";
    return rule & TCP_ACK ? "ACK" : NULL;
}

bool
tcp_say_content(const struct record *record, GString *out)
{
    const char *what = purpose(record->rule);

    if (what)
        g_string_append_printf(out, " %s", what);
    return record->rule & TCP_CONTENT_DATA;
}

void
tcp_content_fields(const struct record *record, struct fields *out)
{
    static const struct {
        unsigned bit;
        const char *name;
    } flags[] = { { TCP_SYN, "SYN" }, { TCP_FIN, "FIN" }, { TCP_RST, "RST" }, { TCP_ACK, "ACK" } };
    char text[4 * 4] = "";

    for (size_t i = 0; i < G_N_ELEMENTS(flags); i++)
        if (record->rule & flags[i].bit) {
            if (text[0])
                g_strlcat(text, " ", sizeof text);
            g_strlcat(text, flags[i].name, sizeof text);
        }
    fields_text(out, "flags", text);
    fields_number(out, "data", record->detail);
}
