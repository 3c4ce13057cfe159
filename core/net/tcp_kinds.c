#include "core/net/tcp_kinds.h"

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
    fields_text(out, "from", tcp_state_name(state_before(record)));
    fields_text(out, "to", tcp_state_name(state_after(record)));
    if (record->rule != IO_OK)
        fields_text(out, "result", io_result_word((enum io_result)record->rule));
}

const struct record_kind tcp_state_kind = { "tcp-state", "tcp-state", "RFC 9293 section 3.3.2", say_state,
                                             state_fields };
