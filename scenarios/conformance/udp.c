/* RFC 4787: UDP. */
#include "scenarios/conformance/trial.h"

#define US inside(1, 5000)
#define THEM outside(1, 1000)

/* ---- section 4.1 */

static enum outcome
probe_mapping(struct trial *trial)
{
    struct endpoint seen[3];
    enum dependence dependence = find_mapping(trial, PROTOCOL_UDP, US, seen);

    return verdict(trial, dependence == ON_NOTHING, "%s left as %s towards %s, as %s towards %s, as %s towards %s",
                   say(trial, US), say(trial, seen[0]), say(trial, outside(1, 1000)), say(trial, seen[1]),
                   say(trial, outside(1, 2000)), say(trial, seen[2]), say(trial, outside(2, 1000)));
}

static enum outcome
probe_pooling(struct trial *trial)
{
    struct address first = ADDRESS_NONE;

    trial_renew(trial, &(struct stand_layout){ .addresses = 4 });
    for (unsigned i = 0; i < 8; i++) {
        struct endpoint external = send_out(trial, PROTOCOL_UDP, inside(1, (uint16_t)(5000 + i)), outside(1 + i, 1000));

        (void)send_out(trial, PROTOCOL_UDP, inside(2 + i, 7000), THEM); /* others come in between */
        if (i == 0)
            first = external.address;
        else if (!address_equal(external.address, first))
            return verdict(trial, false, "with 4 external addresses %s left from %s, and %s from %s", say(trial, US),
                           say_address(trial, first), say(trial, inside(1, (uint16_t)(5000 + i))),
                           say_address(trial, external.address));
    }
    return verdict(trial, true, "with 4 external addresses all of 8 ports of %s left from %s",
                   say_address(trial, US.address), say_address(trial, first));
}

/* ---- section 4.2 */

static enum outcome
probe_overloading(struct trial *trial)
{
    struct endpoint one = send_out(trial, PROTOCOL_UDP, US, THEM);
    struct endpoint other = send_out(trial, PROTOCOL_UDP, inside(2, 5000), THEM);

    return verdict(trial, !is_none(other) && !endpoint_equal(one, other), "towards %s %s left as %s and %s as %s",
                   say(trial, THEM), say(trial, US), say(trial, one), say(trial, inside(2, 5000)), say(trial, other));
}

static enum outcome
probe_port_range(struct trial *trial)
{
    static const uint16_t low[] = { 500, 123, 1023 }, high[] = { 1024, 5000, 60000 };

    for (unsigned i = 0; i < G_N_ELEMENTS(low); i++) {
        struct endpoint below = send_out(trial, PROTOCOL_UDP, inside(1, low[i]), THEM);
        struct endpoint above = send_out(trial, PROTOCOL_UDP, inside(1, high[i]), THEM);

        if (below.port > 1023 || is_none(below))
            return verdict(trial, false, "%s left as %s", say(trial, inside(1, low[i])), say(trial, below));
        if (above.port < 1024)
            return verdict(trial, false, "%s left as %s", say(trial, inside(1, high[i])), say(trial, above));
    }
    return verdict(trial, true,
                   "ports 123, 500 and 1023 left from ports below 1024, ports 1024, 5000 and 60000 from above");
}

/* Hosts that use the same port: all but one can't keep theirs. */
static enum outcome
probe_parity(struct trial *trial)
{
    static const uint16_t ports[] = { 5000, 7000, 12001, 30003 };

    for (unsigned host = 1; host <= 4; host++) {
        for (unsigned i = 0; i < G_N_ELEMENTS(ports); i++) {
            struct endpoint external = send_out(trial, PROTOCOL_UDP, inside(host, ports[i]), THEM);

            if (is_none(external) || (external.port ^ ports[i]) & 1)
                return verdict(trial, false, "%s left as %s", say(trial, inside(host, ports[i])), say(trial, external));
        }
    }
    return verdict(trial, true,
                   "ports 5000, 7000, 12001 and 30003 of 4 hosts left from even ports where they are even, "
                   "and from odd ones where odd");
}

/* ---- section 4.3 */

static struct endpoint
begin_flow(struct trial *trial)
{
    return send_out(trial, PROTOCOL_UDP, US, THEM);
}

static bool
flow_is_alive(struct trial *trial, struct endpoint external)
{
    return gets_in(trial, PROTOCOL_UDP, THEM, external, US);
}

static void
touch_outbound(struct trial *trial, struct endpoint external)
{
    (void)external;
    (void)send_out(trial, PROTOCOL_UDP, US, THEM);
}

static void
touch_inbound(struct trial *trial, struct endpoint external)
{
    (void)gets_in(trial, PROTOCOL_UDP, THEM, external, US);
}

static const struct life flow_life = { begin_flow, flow_is_alive, NULL };

static int64_t
find_flow_lifetime(struct trial *trial)
{
    return find_lifetime(trial, &flow_life);
}

static enum outcome
probe_timer(struct trial *trial)
{
    int64_t lifetime = find_flow_lifetime(trial);

    return verdict(trial, lifetime >= 2 * TIME_MIN, "the mapping of %s, idle, lived for %s", say(trial, US),
                   say_time(trial, lifetime));
}

static enum outcome
probe_default_timer(struct trial *trial)
{
    int64_t lifetime = find_flow_lifetime(trial);

    return verdict(trial, lifetime >= 5 * TIME_MIN, "the mapping of %s, idle, lived for %s", say(trial, US),
                   say_time(trial, lifetime));
}

static struct endpoint
begin_name_query(struct trial *trial)
{
    return send_out(trial, PROTOCOL_UDP, US, outside(1, 53));
}

static bool
name_query_is_alive(struct trial *trial, struct endpoint external)
{
    return gets_in(trial, PROTOCOL_UDP, outside(1, 53), external, US);
}

static enum outcome
probe_port_timer(struct trial *trial)
{
    static const struct life life = { begin_name_query, name_query_is_alive, NULL };
    int64_t usual = find_flow_lifetime(trial), names = find_lifetime(trial, &life);

    if (names >= usual)
        return not_applicable(trial,
                              "no use is made of it: a mapping towards port 53 lived for %s, as towards port 1000",
                              say_time(trial, names));
    return verdict(trial, true, "a mapping towards port 53 lived for %s, towards port 1000 for %s",
                   say_time(trial, names), say_time(trial, usual));
}

static enum outcome
probe_refresh(struct trial *trial)
{
    struct life life = { begin_flow, flow_is_alive, touch_outbound };
    int64_t lifetime = find_flow_lifetime(trial);

    if (lifetime == TIME_NEVER)
        return not_applicable(trial, "an idle mapping lived for more than 48h: there is nothing to refresh");
    return verdict(trial, touch_keeps(trial, &life, lifetime),
                   "%s sent again at %s: at %s its mapping, which idle lives for %s, was %s", say(trial, US),
                   say_time(trial, lifetime / 4 * 3), say_time(trial, lifetime / 4 * 6), say_time(trial, lifetime),
                   touch_keeps(trial, &life, lifetime) ? "there" : "gone");
}

static enum outcome
probe_inbound_refresh(struct trial *trial)
{
    struct life life = { begin_flow, flow_is_alive, touch_inbound };
    int64_t lifetime = find_flow_lifetime(trial);

    if (lifetime == TIME_NEVER)
        return not_applicable(trial, "an idle mapping lived for more than 48h: there is nothing to refresh");
    if (!touch_keeps(trial, &life, lifetime))
        return not_applicable(trial, "no use is made of it: a packet in at %s did not keep the mapping alive beyond %s",
                              say_time(trial, lifetime / 4 * 3), say_time(trial, lifetime));
    return verdict(trial, true, "a packet in at %s kept the mapping alive beyond %s", say_time(trial, lifetime / 4 * 3),
                   say_time(trial, lifetime));
}

/* ---- section 5 */

static enum outcome
probe_filter(struct trial *trial)
{
    enum dependence filter = find_filter(trial, PROTOCOL_UDP);

    return verdict(trial, filter != ON_ADDRESS_AND_PORT,
                   "filtering is %s: %s had sent to %s, packets from %s %s, from %s %s", dependence_words[filter],
                   say(trial, US), say(trial, THEM), say(trial, outside(1, 3000)),
                   filter == ON_ADDRESS_AND_PORT ? "did not get in" : "got in", say(trial, outside(3, 3000)),
                   filter == ON_NOTHING ? "got in too" : "did not");
}

/* ---- section 6 */

/* Two hosts, each of which sends to the other's external endpoint: what the second gets of it. */
static const struct seen *
hairpin(struct trial *trial, struct endpoint external[2])
{
    external[0] = send_out(trial, PROTOCOL_UDP, US, THEM);
    external[1] = send_out(trial, PROTOCOL_UDP, inside(2, 6000), THEM);
    (void)send_back(trial, PROTOCOL_UDP, inside(2, 6000), external[0]);
    return send_back(trial, PROTOCOL_UDP, US, external[1]);
}

static enum outcome
probe_hairpin(struct trial *trial)
{
    struct endpoint external[2];
    const struct seen *seen = hairpin(trial, external);
    bool met = seen && endpoint_equal(seen->form.to, inside(2, 6000));

    return verdict(trial, met, "%s sent to %s, the external endpoint of %s, which got %s", say(trial, US),
                   say(trial, external[1]), say(trial, inside(2, 6000)), met ? "it" : "nothing");
}

static enum outcome
probe_hairpin_source(struct trial *trial)
{
    struct endpoint external[2];
    const struct seen *seen = hairpin(trial, external);

    if (!seen)
        return verdict(trial, false, "nothing came back from %s, the external endpoint of %s", say(trial, external[1]),
                       say(trial, inside(2, 6000)));
    return verdict(trial, stand_is_external(trial->stand, seen->form.from.address),
                   "what %s sent to %s came to %s from %s", say(trial, US), say(trial, external[1]),
                   say(trial, seen->form.to), say(trial, seen->form.from));
}

/* ---- section 7 */

/* Data with the sender's address in it, as text and as bytes, must leave as it came. */
static enum outcome
probe_alg(struct trial *trial)
{
    static const uint16_t ports[] = { 5060, 69, 3478, 1000 };
    static const char text[] = "INVITE sip:b@198.51.100.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.2:5000\r\n"
                               "Contact: <sip:a@10.0.0.2:5000>\r\nContent-Length: 0\r\n\r\n\x0a\x00\x00\x02\x13\x88";

    for (unsigned i = 0; i < G_N_ELEMENTS(ports); i++) {
        struct form form = {
            .from = US, .to = outside(1, ports[i]), .protocol = PROTOCOL_UDP, .data = span_of(text, sizeof text - 1)
        };
        const struct seen *seen;

        stand_put(trial->stand, INSIDE, &form);
        seen = seen_on(trial, OUTSIDE, PROTOCOL_UDP);
        if (!seen || !span_equal(seen->form.data, form.data))
            return verdict(trial, false, "data of %s to %s, with its address in it, %s", say(trial, US),
                           say(trial, form.to), seen ? "was changed" : "did not leave");
    }
    return verdict(trial, true,
                   "data of %s with its address in it left unchanged towards ports 5060, 69, 3478 and 1000",
                   say(trial, US));
}

/* ---- section 8 */

/* A host whose port another has already maps like that one. */
static bool
clash_changes_mapping(struct trial *trial, enum dependence usual)
{
    for (unsigned host = 2; host <= 4; host++) {
        struct endpoint seen[3];
        enum dependence now = find_mapping(trial, PROTOCOL_UDP, inside(host, 5000), seen);

        if (now == usual)
            continue;
        g_string_append_printf(
            trial->evidence, "mapping was %s for %s, and %s for %s, whose port was taken: it left as %s, %s and %s",
            dependence_words[usual], say(trial, US), dependence_words[now], say(trial, inside(host, 5000)),
            say(trial, seen[0]), say(trial, seen[1]), say(trial, seen[2]));
        return true;
    }
    return false;
}

static bool
load_changes_mapping(struct trial *trial, enum dependence usual)
{
    struct endpoint seen[3];
    enum dependence now;

    for (unsigned i = 0; i < 500; i++)
        (void)send_out(trial, PROTOCOL_UDP, inside(5 + i % 50, (uint16_t)(20000 + i)), THEM);
    now = find_mapping(trial, PROTOCOL_UDP, inside(60, 9000), seen);
    if (now == usual)
        return false;
    g_string_append_printf(trial->evidence, "mapping was %s, and %s behind 500 mappings", dependence_words[usual],
                           dependence_words[now]);
    return true;
}

/* A packet in that isn't let in. */
static bool
stranger_changes_mapping(struct trial *trial, enum dependence usual)
{
    struct endpoint external, stranger = outside(3, 3000), now;

    trial_renew(trial, NULL);
    external = send_out(trial, PROTOCOL_UDP, US, THEM);
    (void)send_in(trial, PROTOCOL_UDP, stranger, external);
    if (!gets_in(trial, PROTOCOL_UDP, THEM, external, US)) {
        g_string_append_printf(trial->evidence, "after a packet from %s, %s could not send to %s any more",
                               say(trial, stranger), say(trial, THEM), say(trial, external));
        return true;
    }
    now = send_out(trial, PROTOCOL_UDP, US, stranger);
    if (usual != ON_NOTHING || endpoint_equal(now, external))
        return false;
    g_string_append_printf(trial->evidence, "%s left as %s, but as %s towards %s, which had sent a packet before",
                           say(trial, US), say(trial, external), say(trial, now), say(trial, stranger));
    return true;
}

static enum outcome
probe_determinism(struct trial *trial)
{
    struct endpoint seen[3];
    enum dependence usual = find_mapping(trial, PROTOCOL_UDP, US, seen);

    if (clash_changes_mapping(trial, usual) || load_changes_mapping(trial, usual) ||
        stranger_changes_mapping(trial, usual))
        return OUTCOME_NOT_MET;
    return verdict(trial, true,
                   "mapping stayed %s for hosts whose port was taken, behind 500 mappings and after a packet "
                   "from a stranger",
                   dependence_words[usual]);
}

/* ---- section 9 */

static struct error
error_about_flow(struct endpoint external, unsigned type, unsigned code)
{
    return (struct error){
        .type = (uint8_t)type,
        .code = (uint8_t)code,
        .protocol = PROTOCOL_UDP,
        .from = THEM.address,
        .to = external.address,
        .quoted_from = external,
        .quoted_to = THEM,
    };
}

static enum outcome
probe_icmp_survival(struct trial *trial)
{
    static const uint8_t kinds[][2] = { { 3, 0 },  { 3, 1 },  { 3, 2 }, { 3, 3 },  { 3, 4 },
                                        { 3, 10 }, { 3, 13 }, { 4, 0 }, { 11, 0 }, { 12, 0 } };

    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
        struct endpoint external;
        struct error error;

        trial_renew(trial, NULL);
        external = send_out(trial, PROTOCOL_UDP, US, THEM);
        error = error_about_flow(external, kinds[i][0], kinds[i][1]);
        (void)send_error(trial, OUTSIDE, &error);
        if (!gets_in(trial, PROTOCOL_UDP, THEM, external, US))
            return verdict(trial, false, "an ICMP error %u/%u about it ended the mapping of %s", kinds[i][0],
                           kinds[i][1], say(trial, US));
    }
    return verdict(trial, true, "the mapping of %s outlived ICMP errors of types 3, 4, 11 and 12", say(trial, US));
}

static enum outcome
probe_icmp_source(struct trial *trial)
{
    struct endpoint external = send_out(trial, PROTOCOL_UDP, US, THEM);
    struct error error = error_about_flow(external, 3, 1);
    const struct seen *seen;

    error.from = outside(77, 0).address;
    seen = send_error(trial, OUTSIDE, &error);
    return verdict(trial, seen != NULL, "an ICMP error 3/1 about %s from %s, to whom it had sent nothing, %s",
                   say(trial, US), say_address(trial, error.from), seen ? "got in" : "did not get in");
}

static enum outcome
probe_icmp_unreachable(struct trial *trial)
{
    for (uint8_t code = 0; code < 4; code++) {
        struct endpoint external = send_out(trial, PROTOCOL_UDP, US, THEM);
        struct error error = error_about_flow(external, 3, code);
        const struct seen *seen = send_error(trial, OUTSIDE, &error);

        if (!seen || !endpoint_equal(seen->quote.from, US))
            return verdict(trial, false, "an ICMP error 3/%u from %s about %s %s", code, say_address(trial, error.from),
                           say(trial, US), seen ? "came in untranslated" : "did not get in");
    }
    return verdict(trial, true, "ICMP errors 3/0 to 3/3 from %s about %s got to it", say_address(trial, THEM.address),
                   say(trial, US));
}

/* ---- sections 10 and 11 */

enum { BIG = 1200, SMALL_MTU = 1000, PIECE = 400 };

static struct form
big_form(struct endpoint from, struct endpoint to)
{
    static uint8_t const data[BIG] = { 1, 2, 3 };

    return (struct form){ .from = from, .to = to, .protocol = PROTOCOL_UDP, .data = span_of(data, BIG) };
}

static enum outcome
probe_too_big(struct trial *trial)
{
    struct form form = big_form(US, THEM);
    const struct seen *seen;

    form.dont_fragment = true;
    trial_renew(trial, &(struct stand_layout){ .mtu = SMALL_MTU });
    stand_put(trial->stand, INSIDE, &form);
    seen = error_on(trial, INSIDE);
    if (!seen)
        return verdict(trial, false, "%s sent %u bytes with DF into a link of %u, and heard nothing", say(trial, US),
                       BIG + 28, SMALL_MTU);
    return verdict(trial, seen->form.type == 3 && seen->form.code == 4 && endpoint_equal(seen->quote.from, US),
                   "%s sent %u bytes with DF into a link of %u, and heard ICMP %u/%u with an MTU of %u about %s",
                   say(trial, US), BIG + 28, SMALL_MTU, seen->form.type, seen->form.code, seen->form.word & 0xffff,
                   say(trial, seen->quote.from));
}

static enum outcome
probe_fragmenting(struct trial *trial)
{
    struct form form = big_form(US, THEM);
    const struct seen *seen;
    size_t next = 0;
    unsigned count;

    trial_renew(trial, &(struct stand_layout){ .mtu = SMALL_MTU });
    stand_put(trial->stand, INSIDE, &form);
    for (count = 0; (seen = stand_seen(trial->stand, OUTSIDE, count)); count++) {
        if (seen->form.offset != next)
            break;
        next += seen->form.data.length + (count == 0 && !seen->form.more_fragments ? 8 : 0);
    }
    return verdict(trial, next == BIG + 8 && !seen, "%u bytes of %s without DF left a link of %u in %u fragments%s",
                   BIG + 28, say(trial, US), SMALL_MTU, count, seen ? ", out of order" : ", in order");
}

/* Whether a datagram from outside in three pieces gets in whole. */
static bool
takes_pieces(struct trial *trial, const unsigned order[3])
{
    struct endpoint external = send_out(trial, PROTOCOL_UDP, US, THEM);
    struct form form = big_form(THEM, external);
    uint8_t whole[FORM_MAX], piece[FORM_MAX];
    size_t length = form_write(whole, &form), got = 0;
    const struct seen *seen;

    for (unsigned i = 0; i < 3; i++) {
        size_t size = order[i] < 2 ? PIECE : BIG;

        stand_put_bytes(trial->stand, OUTSIDE, span_of(piece, form_cut(piece, whole, length, order[i] * PIECE, size)));
        for (unsigned n = 0; (seen = stand_seen(trial->stand, INSIDE, n)); n++)
            if (address_equal(seen->form.to.address, US.address))
                got += seen->length - 20;
    }
    return got == BIG + 8;
}

static enum outcome
probe_fragments(struct trial *trial)
{
    static const struct {
        const char *name;
        unsigned order[3];
    } rows[] = {
        { "in order", { 0, 1, 2 } },
        { "the last one first", { 2, 0, 1 } },
        { "in reverse", { 2, 1, 0 } },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        trial_renew(trial, NULL);
        if (!takes_pieces(trial, rows[i].order))
            return verdict(trial, false, "a datagram in three fragments, %s, did not get to %s", rows[i].name,
                           say(trial, US));
    }
    return verdict(trial, true,
                   "a datagram in three fragments got to %s in order, with the last one first and in reverse",
                   say(trial, US));
}

static enum outcome
probe_fragment_flood(struct trial *trial)
{
    enum { FLOOD = 5000 };
    struct endpoint external = send_out(trial, PROTOCOL_UDP, US, THEM);
    struct form form = big_form(outside(9, 9000), external);
    uint8_t whole[FORM_MAX], piece[FORM_MAX];
    bool out, in;

    for (unsigned i = 0; i < FLOOD; i++) {
        size_t length;

        form.identification = (uint16_t)i;
        length = form_write(whole, &form);
        stand_put_bytes(trial->stand, OUTSIDE, span_of(piece, form_cut(piece, whole, length, 0, PIECE)));
    }
    out = endpoint_equal(send_out(trial, PROTOCOL_UDP, US, THEM), external);
    in = gets_in(trial, PROTOCOL_UDP, THEM, external, US);
    return verdict(trial, out && in, "behind %u first fragments of which nothing followed, packets of %s %s", FLOOD,
                   say(trial, US), out && in ? "got out, and answers in" : "or answers were lost");
}

/* ---- the table */

#define NOT_SEEN "what can be configured is not to be seen from outside"

static const struct requirement rows[] = {
    { "REQ-1", "4.1", LEVEL_MUST, "mapping is endpoint-independent", NEEDS_UDP, probe_mapping, NULL },
    { "REQ-2", "4.1", LEVEL_SHOULD, "pooling is paired", NEEDS_UDP, probe_pooling, NULL },
    { "REQ-3", "4.2.1", LEVEL_MUST, "ports are not overloaded", NEEDS_UDP, probe_overloading, NULL },
    { "REQ-3a", "4.2.1", LEVEL_SHOULD, "ports up to 1023 stay there, and others above", NEEDS_UDP, probe_port_range,
      NULL },
    { "REQ-4", "4.2.2", LEVEL_SHOULD, "even ports stay even and odd ones odd", NEEDS_UDP, probe_parity, NULL },
    { "REQ-5", "4.3", LEVEL_MUST, "an idle mapping lives for at least 2 minutes", NEEDS_UDP, probe_timer, NULL },
    { "REQ-5a", "4.3", LEVEL_MAY, "it may live shorter towards ports up to 1023", NEEDS_UDP, probe_port_timer, NULL },
    { "REQ-5b", "4.3", LEVEL_MAY, "its time may be configurable", NEEDS_UDP, NULL, NOT_SEEN },
    { "REQ-5c", "4.3", LEVEL_SHOULD, "its time is 5 minutes or more by default", NEEDS_UDP, probe_default_timer, NULL },
    { "REQ-6", "4.3", LEVEL_MUST, "packets out refresh a mapping", NEEDS_UDP, probe_refresh, NULL },
    { "REQ-6a", "4.3", LEVEL_MAY, "packets in may refresh it too", NEEDS_UDP, probe_inbound_refresh, NULL },
    { "REQ-7", "4.4", LEVEL_MUST,
      "networks inside and outside with the same addresses are kept apart when the outside is dynamic", NEEDS_UDP, NULL,
      "the outside of the box is not dynamic here" },
    { "REQ-8", "5", LEVEL_SHOULD, "filtering is endpoint-independent or, for strictness, address-dependent", NEEDS_UDP,
      probe_filter, NULL },
    { "REQ-8a", "5", LEVEL_MAY, "filtering may be configurable", NEEDS_UDP, NULL, NOT_SEEN },
    { "REQ-9", "6", LEVEL_MUST, "packets to an external endpoint of the box's own hairpin", NEEDS_UDP, probe_hairpin,
      NULL },
    { "REQ-9a", "6", LEVEL_MUST, "they come from the external endpoint of their sender", NEEDS_UDP,
      probe_hairpin_source, NULL },
    { "REQ-10", "7", LEVEL_SHOULD, "ALGs for UDP are off by default", NEEDS_UDP, probe_alg, NULL },
    { "REQ-10a", "7", LEVEL_SHOULD, "each ALG can be switched by itself", NEEDS_UDP, NULL, NOT_SEEN },
    { "REQ-11", "8", LEVEL_MUST, "mapping and filtering never change", NEEDS_UDP, probe_determinism, NULL },
    { "REQ-12", "9", LEVEL_MUST, "no ICMP message ends a mapping", NEEDS_UDP, probe_icmp_survival, NULL },
    { "REQ-12a", "9", LEVEL_SHOULD, "ICMP messages are not filtered by their source", NEEDS_UDP, probe_icmp_source,
      NULL },
    { "REQ-12b", "9", LEVEL_SHOULD, "ICMP Destination Unreachable gets through", NEEDS_UDP, probe_icmp_unreachable,
      NULL },
    { "REQ-13", "10", LEVEL_MUST, "what is too big and has DF is answered with ICMP 3/4", NEEDS_UDP, probe_too_big,
      NULL },
    { "REQ-13a", "10", LEVEL_MUST, "without DF it is cut into fragments, in order", NEEDS_UDP, probe_fragmenting,
      NULL },
    { "REQ-14", "11", LEVEL_MUST, "fragments are taken in order and out of order", NEEDS_UDP, probe_fragments, NULL },
    { "REQ-14a", "11", LEVEL_MUST, "a flood of fragments doesn't stop other traffic", NEEDS_UDP, probe_fragment_flood,
      NULL },
    { .number = NULL },
};

const struct requirement_table udp_requirements = { 4787, "UDP", false, rows };
