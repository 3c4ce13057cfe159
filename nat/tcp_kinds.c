/* The NAT's words about TCP. */
#include "core/base/time.h"
#include "nat/box.h"

/* rule: the state after in bits 0-3, the state before in bits 4-7, the flag in bits 8-9, the side in bit 10. */
enum cause { CAUSE_OTHER, CAUSE_SYN, CAUSE_FIN, CAUSE_RST };

uint16_t
nat_tcp_rule(enum nat_tcp_state from, enum nat_tcp_state to, uint8_t flags, enum nat_tcp_side side)
{
    enum cause cause = flags & TCP_RST   ? CAUSE_RST
                       : flags & TCP_SYN ? CAUSE_SYN
                       : flags & TCP_FIN ? CAUSE_FIN
                                         : CAUSE_OTHER;

    return (uint16_t)(to | from << 4 | cause << 8 | side << 10);
}

static enum nat_tcp_state
state_after(const struct record *record)
{
    return record->rule & 15;
}

static enum nat_tcp_state
state_before(const struct record *record)
{
    return record->rule >> 4 & 15;
}

static bool
from_inside(const struct record *record)
{
    return !(record->rule >> 10 & 1);
}

static const char *
cause_word(const struct record *record)
{
    static const char *const words[] = { "segment", "SYN", "FIN", "RST" };

    return words[record->rule >> 8 & 3];
}

/* ---- connections */

static void
say_ends(const struct record *record, GString *out)
{
    char text[ENDPOINT_TEXT];

    g_string_append_printf(out, "connection %u, of %s", record->subject[1],
                           endpoint_format(flow_source(&record->before), text));
    g_string_append_printf(out, " with %s", endpoint_format(flow_destination(&record->before), text));
}

static void
say_lifetime(const struct record *record, GString *out)
{
    char text[DURATION_TEXT];

    g_string_append_printf(out, "; it is forgotten after %s without traffic",
                           duration_format(record->detail - record->at, text));
}

static void
fields_connection(const struct record *record, struct fields *out)
{
    fields_number(out, "mapping", record->subject[0]);
    fields_number(out, "connection", record->subject[1]);
    fields_endpoint(out, "internal", flow_source(&record->before));
    fields_endpoint(out, "external", flow_source(&record->after));
    fields_endpoint(out, "remote", flow_destination(&record->before));
    fields_text(out, "state", nat_tcp_state_word(state_after(record)));
}

static void
say_new(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    g_string_append(out, "new ");
    say_ends(record, out);
    g_string_append_printf(out, " (mapping %u): %s, because a SYN has come from %s", record->subject[0],
                           nat_tcp_state_word(state_after(record)), from_inside(record) ? "inside" : "outside");
    say_lifetime(record, out);
}

static void
fields_new(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    fields_connection(record, out);
    fields_time(out, "expires", record->detail);
}

const struct record_kind nat_connection_new_kind = {
    "nat-connection-new", "connection-new", "RFC 7857 section 2", say_new, fields_new,
};

static bool
begins_anew(enum nat_tcp_state state)
{
    return state == NAT_TCP_INIT_INSIDE || state == NAT_TCP_INIT_OUTSIDE;
}

static const char *
meaning(const struct record *record)
{
    enum nat_tcp_state after = state_after(record);

    if (begins_anew(after))
        return "the old connection is over, a new one has its ports";
    if (state_before(record) == NAT_TCP_TRANS)
        return "it goes on, whatever the RST said";
    switch (after) {
    case NAT_TCP_ESTABLISHED:
        return "both sides have sent one now";
    case NAT_TCP_FIN_INSIDE:
    case NAT_TCP_FIN_OUTSIDE:
        return "this side has no more to send, the other may go on";
    case NAT_TCP_FINS:
        return "neither side has more to send";
    default:
        return "it is over if nothing follows";
    }
}

static void
say_state(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    say_ends(record, out);
    g_string_append_printf(out, ", goes from %s to %s, because a %s has come from %s: %s",
                           nat_tcp_state_word(state_before(record)), nat_tcp_state_word(state_after(record)),
                           cause_word(record), from_inside(record) ? "inside" : "outside", meaning(record));
    say_lifetime(record, out);
}

static void
fields_state(const struct record *record, const struct names *names, struct fields *out)
{
    fields_new(record, names, out);
    fields_text(out, "state_before", nat_tcp_state_word(state_before(record)));
    fields_text(out, "flag", cause_word(record));
    out->flag(out, "from_inside", from_inside(record));
}

const struct record_kind nat_connection_state_kind = {
    "nat-connection-state", "connection-state", "RFC 7857 section 2", say_state, fields_state,
};

static const char *
reason_of_expiry(enum nat_tcp_state state)
{
    switch (state) {
    case NAT_TCP_INIT_INSIDE:
        return "nobody outside has answered its SYN";
    case NAT_TCP_INIT_OUTSIDE:
        return "nobody inside has answered its SYN";
    case NAT_TCP_FINS:
        return "both sides have closed it";
    case NAT_TCP_TRANS:
        return "nothing has followed the RST";
    default:
        return "it was idle";
    }
}

static void
say_expired(const struct record *record, const struct names *names, GString *out)
{
    char text[DURATION_TEXT];

    (void)names;
    say_ends(record, out);
    g_string_append_printf(out, ", is forgotten in state %s: %s", nat_tcp_state_word(state_after(record)),
                           reason_of_expiry(state_after(record)));
    if (record->detail)
        g_string_append_printf(out, ", and %s have passed without traffic", duration_format(record->detail, text));
}

static void
fields_expired(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    fields_connection(record, out);
}

const struct record_kind nat_connection_expired_kind = {
    "nat-connection-expired", "connection-expired", "RFC 5382 REQ-5", say_expired, fields_expired,
};

/* ---- held SYNs */

static void
say_syn(const struct record *record, GString *out)
{
    char text[ENDPOINT_TEXT];

    g_string_append_printf(out, "SYN from %s", endpoint_format(flow_source(&record->before), text));
    g_string_append_printf(out, " to %s", endpoint_format(flow_destination(&record->before), text));
}

static const char *
fault_words(const struct record *record)
{
    switch (record->rule & NAT_RULE_MASK) {
    case NAT_SYN_UNMAPPED:
        return "leads to no mapping";
    case NAT_SYN_FILTERED:
        return "the filter does not admit";
    default:
        return "a rule forbids";
    }
}

/* What one gets that nobody inside wants, with the verb. */
static const char *
answer_words(const struct record *record)
{
    switch (record->rule >> NAT_RULE_EXTRA_SHIFT) {
    case NAT_REFUSE_ICMP:
        return "an ICMP error answers it";
    case NAT_REFUSE_RESET:
        return "a RST answers it";
    default:
        return "nothing answers it";
    }
}

static void
say_held(const struct record *record, const struct names *names, GString *out)
{
    char text[DURATION_TEXT];

    (void)names;
    g_string_append(out, record->rule & NAT_RULE_HAIRPIN ? "hairpin, inbound " : "inbound ");
    say_syn(record, out);
    g_string_append_printf(out, ", which %s, is held for %s: unless a SYN of the same connection passes by then, %s",
                           fault_words(record), duration_format(record->detail, text), answer_words(record));
}

static void
fields_held(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    if (record->subject[0])
        fields_number(out, "mapping", record->subject[0]);
    fields_time(out, "until", time_add(record->at, record->detail));
    if (record->rule & NAT_RULE_HAIRPIN)
        out->flag(out, "hairpin", true);
}

const struct record_kind nat_syn_held_kind = {
    "nat-syn-held", "held", "RFC 5382 REQ-4", say_held, fields_held,
};

static void
say_ended(const struct record *record, const struct names *names, GString *out)
{
    bool refused = record->reason != DROP_SYN_CROSSED && record->reason != DROP_NODE_DOWN;
    char text[DURATION_TEXT];

    (void)names;
    g_string_append(out, record->rule & NAT_RULE_HAIRPIN ? "hairpin, held " : "held ");
    say_syn(record, out);
    g_string_append_printf(out, ": dropped after %s, because %s", duration_format(record->detail, text),
                           drop_reason_sentence(record->reason));
    g_string_append_printf(out, "%s; %s", refused ? " and no SYN of the same connection has passed" : "",
                           refused ? answer_words(record) : "nothing answers it");
}

static void
fields_ended(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    fields_time(out, "held", record->detail);
    if (record->rule & NAT_RULE_HAIRPIN)
        out->flag(out, "hairpin", true);
}

const struct record_kind nat_syn_ended_kind = {
    "nat-syn-ended", "dropped", "RFC 5382 REQ-4", say_ended, fields_ended,
};
