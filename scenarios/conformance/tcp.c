/* RFC 5382: TCP. */
#include "scenarios/conformance/tcp.h"

#define US inside(1, 5000)
#define THEM outside(1, 1000)
#define BOX ((struct endpoint){ address_ipv4(0xcb007101), 40001 }) /* 203.0.113.1, a port that nobody has */
#define NO_DATA ((struct span){ NULL, 0 })

enum {
    SYN = LETTER_SYN,
    SYN_ACK = LETTER_SYN | LETTER_ACK,
    ACK = LETTER_ACK,
    FIN = LETTER_FIN | LETTER_ACK,
    RST = LETTER_RST | LETTER_ACK
};

#define STANDING (124 * TIME_MIN) /* 2 h 4 min */

/* ---- segments */

const struct seen *
send_segment(struct trial *trial, enum stand_side side, unsigned flags, struct endpoint from, struct endpoint to,
             struct span data)
{
    uint32_t own = side == INSIDE ? 1000 : 2000, other = side == INSIDE ? 2000 : 1000;
    struct form form = {
        .from = from,
        .to = to,
        .protocol = PROTOCOL_TCP,
        .flags = (uint8_t)flags,
        .sequence = own + !(flags & LETTER_SYN),
        .acknowledged = flags & LETTER_ACK ? other + 1 : 0,
        .data = data,
    };

    stand_put(trial->stand, side, &form);
    return seen_on(trial, side == INSIDE ? OUTSIDE : INSIDE, PROTOCOL_TCP);
}

bool
passes(struct trial *trial, enum stand_side side, unsigned flags, struct endpoint from, struct endpoint to)
{
    return send_segment(trial, side, flags, from, to, NO_DATA) != NULL;
}

struct endpoint
connect_out(struct trial *trial, struct endpoint from, struct endpoint to)
{
    struct endpoint external = send_out(trial, PROTOCOL_TCP, from, to);

    if (!is_none(external) && passes(trial, OUTSIDE, SYN_ACK, to, external) && passes(trial, INSIDE, ACK, from, to))
        return external;
    return (struct endpoint){ ADDRESS_NONE, 0 };
}

/* ---- section 4.1 */

static enum outcome
probe_mapping(struct trial *trial)
{
    struct endpoint seen[3];
    enum dependence dependence = find_mapping(trial, PROTOCOL_TCP, US, seen);

    return verdict(trial, dependence == ON_NOTHING, "%s left as %s towards %s, as %s towards %s, as %s towards %s",
                   say(trial, US), say(trial, seen[0]), say(trial, outside(1, 1000)), say(trial, seen[1]),
                   say(trial, outside(1, 2000)), say(trial, seen[2]), say(trial, outside(2, 1000)));
}

/* ---- section 4.2 */

struct step {
    enum stand_side side;
    unsigned flags;
    const char *name;
};

/* Segments between us and `them`, one after another; the name of the first that doesn't pass, or NULL. */
static const char *
converse(struct trial *trial, struct endpoint them, struct endpoint external, const struct step *steps, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct step *step = &steps[i];
        const struct seen *seen = step->side == INSIDE
                                      ? send_segment(trial, INSIDE, step->flags, US, them, NO_DATA)
                                      : send_segment(trial, OUTSIDE, step->flags, them, external, NO_DATA);

        if (!seen || seen->form.flags != step->flags)
            return step->name;
        if (!endpoint_equal(step->side == INSIDE ? seen->form.from : seen->form.to,
                            step->side == INSIDE ? external : US))
            return step->name;
    }
    return NULL;
}

static const struct step usual_steps[] = {
    { INSIDE, SYN, "the SYN" },
    { OUTSIDE, SYN_ACK, "the SYN-ACK" },
    { INSIDE, ACK, "the ACK" },
    { OUTSIDE, ACK, "a segment in" },
    { INSIDE, ACK, "a segment out" },
    { INSIDE, FIN, "our FIN" },
    { OUTSIDE, ACK, "the ACK of our FIN" },
    { OUTSIDE, ACK, "a segment in, half closed" },
    { OUTSIDE, FIN, "their FIN" },
    { INSIDE, ACK, "the ACK of their FIN" },
};
static const struct step answering_steps[] = {
    { OUTSIDE, SYN, "a SYN in" },   { INSIDE, SYN_ACK, "the SYN-ACK out" },
    { OUTSIDE, ACK, "the ACK in" }, { INSIDE, ACK, "a segment out" },
    { INSIDE, FIN, "our FIN" },     { OUTSIDE, FIN, "their FIN" },
};

static enum outcome
probe_sequences(struct trial *trial)
{
    struct endpoint external = send_out(trial, PROTOCOL_TCP, US, THEM), caller = outside(1, 3000);
    const char *lost = converse(trial, THEM, external, usual_steps, G_N_ELEMENTS(usual_steps));
    bool answers;

    if (lost)
        return verdict(trial, false, "of a connection of %s to %s %s did not pass", say(trial, US), say(trial, THEM),
                       lost);
    trial_renew(trial, NULL);
    external = connect_out(trial, US, THEM);
    answers = passes(trial, OUTSIDE, SYN, caller, external);
    lost = answers ? converse(trial, caller, external, answering_steps, G_N_ELEMENTS(answering_steps)) : NULL;
    if (lost)
        return verdict(trial, false, "of a connection of %s to %s %s did not pass", say(trial, caller),
                       say(trial, external), lost);
    return verdict(trial, true, "a connection of %s to %s opened, ran and closed%s", say(trial, US), say(trial, THEM),
                   answers ? "; so did one from outside" : "; none is let in from outside");
}

static enum outcome
probe_simultaneous_open(struct trial *trial)
{
    static const struct step steps[] = {
        { INSIDE, SYN, "our SYN" },         { OUTSIDE, SYN, "their SYN" },
        { INSIDE, SYN_ACK, "our SYN-ACK" }, { OUTSIDE, SYN_ACK, "their SYN-ACK" },
        { OUTSIDE, ACK, "a segment in" },   { INSIDE, ACK, "a segment out" },
    };
    struct endpoint external = send_out(trial, PROTOCOL_TCP, US, THEM);
    const char *lost = converse(trial, THEM, external, steps, G_N_ELEMENTS(steps));

    return verdict(trial, !lost, "%s and %s opened at once: %s%s", say(trial, US), say(trial, THEM),
                   lost ? lost : "SYN, SYN, SYN-ACK and SYN-ACK passed", lost ? " did not pass" : "");
}

/* ---- section 4.3 */

static enum outcome
probe_filter(struct trial *trial)
{
    enum dependence filter = find_filter(trial, PROTOCOL_TCP);

    return verdict(trial, filter != ON_ADDRESS_AND_PORT,
                   "filtering is %s: %s had sent a SYN to %s, one from %s %s, from %s %s", dependence_words[filter],
                   say(trial, US), say(trial, THEM), say(trial, outside(1, 3000)),
                   filter == ON_ADDRESS_AND_PORT ? "did not get in" : "got in", say(trial, outside(3, 3000)),
                   filter == ON_NOTHING ? "got in too" : "did not");
}

/* What the sender of a SYN that nobody asked for hears until `duration` has passed: the first packet, or NULL. */
static const struct seen *
hear(struct trial *trial, int64_t duration, int64_t step, int64_t *at)
{
    const struct seen *seen = stand_seen(trial->stand, OUTSIDE, 0);

    for (*at = 0; !seen && *at < duration; *at += step) {
        stand_wait(trial->stand, step);
        seen = stand_seen(trial->stand, OUTSIDE, 0);
    }
    return seen;
}

static const char *
say_answer(const struct seen *seen)
{
    if (!seen)
        return "nothing";
    if (seen->form.protocol == PROTOCOL_TCP)
        return seen->form.flags & LETTER_RST ? "a RST" : "a segment";
    return seen->form.type == 3 && seen->form.code == 3 ? "ICMP 3/3" : "another ICMP error";
}

static enum outcome
probe_silence(struct trial *trial)
{
    const struct seen *seen;
    int64_t at;

    (void)passes(trial, OUTSIDE, SYN, THEM, BOX);
    seen = hear(trial, 6 * TIME_S, TIME_MS, &at);
    return verdict(trial, !seen || at >= 6 * TIME_S, "a SYN of %s to %s, which is nobody's, was answered by %s%s%s",
                   say(trial, THEM), say(trial, BOX), say_answer(seen), seen ? " after " : " in 6s",
                   seen ? say_time(trial, at) : "");
}

static enum outcome
probe_answer(struct trial *trial)
{
    const struct seen *seen;
    int64_t at;

    (void)passes(trial, OUTSIDE, SYN, THEM, BOX);
    seen = hear(trial, 30 * TIME_S, 10 * TIME_MS, &at);
    return verdict(trial, seen && form_is_error(&seen->form) && seen->form.type == 3 && seen->form.code == 3,
                   "a SYN of %s to %s, which is nobody's, was answered by %s%s%s", say(trial, THEM), say(trial, BOX),
                   say_answer(seen), seen ? " after " : " in 30s", seen ? say_time(trial, at) : "");
}

/* A SYN comes in, and the host it was for sends one to where it came from. */
static enum outcome
probe_crossing(struct trial *trial)
{
    struct endpoint caller = outside(3, 3000), external = connect_out(trial, US, THEM), own;
    const struct seen *seen;
    int64_t at;

    if (passes(trial, OUTSIDE, SYN, caller, external))
        return not_applicable(trial, "a SYN of %s to %s got in: nothing has to be held", say(trial, caller),
                              say(trial, external));
    stand_wait(trial->stand, 3 * TIME_S);
    own = send_out(trial, PROTOCOL_TCP, US, caller);
    if (!endpoint_equal(own, external))
        return not_applicable(trial, "%s left as %s towards %s, which had sent a SYN to %s: that is no connection",
                              say(trial, US), say(trial, own), say(trial, caller), say(trial, external));
    stand_wait(trial->stand, 0);
    seen = hear(trial, 30 * TIME_S, 10 * TIME_MS, &at);
    return verdict(trial, !seen, "a SYN of %s to %s met one of %s 3s later, and was answered by %s", say(trial, caller),
                   say(trial, external), say(trial, US), say_answer(seen));
}

/* ---- section 5 */

bool
connection_is_alive(struct trial *trial, struct endpoint external)
{
    const struct seen *seen = send_segment(trial, OUTSIDE, ACK, THEM, external, NO_DATA);

    return seen && endpoint_equal(seen->form.to, US);
}

static struct endpoint
begin_standing(struct trial *trial)
{
    return connect_out(trial, US, THEM);
}

static struct endpoint
begin_opening(struct trial *trial)
{
    return send_out(trial, PROTOCOL_TCP, US, THEM);
}

static bool
opening_is_alive(struct trial *trial, struct endpoint external)
{
    const struct seen *seen = send_segment(trial, OUTSIDE, SYN_ACK, THEM, external, NO_DATA);

    return seen && endpoint_equal(seen->form.to, US);
}

static struct endpoint
begin_closing(struct trial *trial)
{
    struct endpoint external = connect_out(trial, US, THEM);

    (void)passes(trial, INSIDE, FIN, US, THEM);
    (void)passes(trial, OUTSIDE, FIN, THEM, external);
    return external;
}

int64_t
find_standing_lifetime(struct trial *trial)
{
    return find_lifetime(trial, &(struct life){ begin_standing, connection_is_alive, NULL });
}

int64_t
find_opening_lifetime(struct trial *trial)
{
    return find_lifetime(trial, &(struct life){ begin_opening, opening_is_alive, NULL });
}

static enum outcome
probe_standing_timer(struct trial *trial)
{
    int64_t lifetime = find_standing_lifetime(trial);

    return verdict(trial, lifetime >= STANDING, "a connection of %s that stands lived for %s without traffic",
                   say(trial, US), say_time(trial, lifetime));
}

static enum outcome
probe_opening_timer(struct trial *trial)
{
    int64_t lifetime = find_opening_lifetime(trial);

    return verdict(trial, lifetime >= 4 * TIME_MIN, "a SYN-ACK for a SYN of %s got in for %s", say(trial, US),
                   say_time(trial, lifetime));
}

static enum outcome
probe_closing_timer(struct trial *trial)
{
    int64_t lifetime = find_lifetime(trial, &(struct life){ begin_closing, connection_is_alive, NULL });

    return verdict(trial, lifetime >= 4 * TIME_MIN, "after both FINs segments to %s got in for %s", say(trial, US),
                   say_time(trial, lifetime));
}

/* ---- sections 6 and 7 */

static enum outcome
probe_alg(struct trial *trial)
{
    static const uint16_t ports[] = { 5060, 80, 1720, 1000 };
    static const char text[] = "REGISTER sip:b@198.51.100.1 SIP/2.0\r\nVia: SIP/2.0/TCP 10.0.0.2:5000\r\n"
                               "Contact: <sip:a@10.0.0.2:5000>\r\nContent-Length: 0\r\n\r\n\x0a\x00\x00\x02\x13\x88";
    struct span data = span_of(text, sizeof text - 1);

    for (unsigned i = 0; i < G_N_ELEMENTS(ports); i++) {
        struct endpoint them = outside(1, ports[i]);
        const struct seen *seen;

        (void)connect_out(trial, US, them);
        seen = send_segment(trial, INSIDE, ACK, US, them, data);
        if (!seen || !span_equal(seen->form.data, data))
            return verdict(trial, false, "data of %s to %s, with its address in it, %s", say(trial, US),
                           say(trial, them), seen ? "was changed" : "did not leave");
    }
    return verdict(trial, true,
                   "data of %s with its address in it left unchanged towards ports 5060, 80, 1720 and 1000",
                   say(trial, US));
}

static enum outcome
probe_overloading(struct trial *trial)
{
    struct endpoint one = send_out(trial, PROTOCOL_TCP, US, THEM);
    struct endpoint other = send_out(trial, PROTOCOL_TCP, inside(2, 5000), THEM);

    return verdict(trial, !is_none(other) && !endpoint_equal(one, other), "towards %s %s left as %s and %s as %s",
                   say(trial, THEM), say(trial, US), say(trial, one), say(trial, inside(2, 5000)), say(trial, other));
}

/* Two hosts, each of which sends a SYN to the other's external endpoint: what the second gets. */
static const struct seen *
hairpin(struct trial *trial, struct endpoint external[2])
{
    external[0] = connect_out(trial, US, THEM);
    external[1] = connect_out(trial, inside(2, 6000), THEM);
    (void)send_back(trial, PROTOCOL_TCP, inside(2, 6000), external[0]);
    return send_back(trial, PROTOCOL_TCP, US, external[1]);
}

static enum outcome
probe_hairpin(struct trial *trial)
{
    struct endpoint external[2];
    const struct seen *seen = hairpin(trial, external);
    bool met = seen && endpoint_equal(seen->form.to, inside(2, 6000));

    return verdict(trial, met, "%s sent a SYN to %s, the external endpoint of %s, which got %s", say(trial, US),
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
                   "the SYN of %s to %s came to %s from %s", say(trial, US), say(trial, external[1]),
                   say(trial, seen->form.to), say(trial, seen->form.from));
}

static struct error
error_about_connection(struct endpoint external, unsigned type, unsigned code)
{
    return (struct error){ .type = (uint8_t)type,
                           .code = (uint8_t)code,
                           .protocol = PROTOCOL_TCP,
                           .from = outside(77, 0).address,
                           .to = external.address,
                           .quoted_from = external,
                           .quoted_to = THEM,
                           .flags = ACK };
}

static enum outcome
probe_icmp(struct trial *trial)
{
    for (unsigned code = 0; code < 5; code++) {
        const struct seen *seen;
        struct error error;

        trial_renew(trial, NULL);
        error = error_about_connection(connect_out(trial, US, THEM), 3, code);
        seen = send_error(trial, OUTSIDE, &error);
        if (!seen || !endpoint_equal(seen->quote.from, US))
            return verdict(trial, false, "an ICMP error 3/%u about the connection of %s %s", code, say(trial, US),
                           seen ? "came in untranslated" : "did not get in");
    }
    return verdict(trial, true, "ICMP errors 3/0 to 3/4 about the connection of %s got to it", say(trial, US));
}

static enum outcome
probe_icmp_survival(struct trial *trial)
{
    static const uint8_t kinds[][2] = { { 3, 0 }, { 3, 1 },  { 3, 2 },  { 3, 3 },
                                        { 3, 4 }, { 3, 13 }, { 11, 0 }, { 12, 0 } };

    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
        struct endpoint external;
        struct error error;

        trial_renew(trial, NULL);
        external = connect_out(trial, US, THEM);
        error = error_about_connection(external, kinds[i][0], kinds[i][1]);
        (void)send_error(trial, OUTSIDE, &error);
        if (!connection_is_alive(trial, external))
            return verdict(trial, false, "an ICMP error %u/%u about it ended the connection of %s", kinds[i][0],
                           kinds[i][1], say(trial, US));
    }
    return verdict(trial, true, "the connection of %s outlived ICMP errors of types 3, 11 and 12", say(trial, US));
}

/* ---- the table */

#define NOT_SEEN "what can be configured is not to be seen from outside"

static const struct requirement rows[] = {
    { "REQ-1", "4.1", LEVEL_MUST, "mapping is endpoint-independent", NEEDS_TCP, probe_mapping, NULL },
    { "REQ-2", "4.2", LEVEL_MUST, "every valid sequence of segments passes", NEEDS_TCP, probe_sequences, NULL },
    { "REQ-2a", "4.2", LEVEL_MUST, "simultaneous open works", NEEDS_TCP, probe_simultaneous_open, NULL },
    { "REQ-3", "4.3", LEVEL_SHOULD, "filtering is endpoint-independent or, for strictness, address-dependent",
      NEEDS_TCP, probe_filter, NULL },
    { "REQ-3a", "4.3", LEVEL_MAY, "filtering may be configurable", NEEDS_TCP, NULL, NOT_SEEN },
    { "REQ-3b", "4.3", LEVEL_MAY, "filtering of TCP may differ from that of UDP", NEEDS_TCP, NULL,
      "whether it does or not, it is as allowed" },
    { "REQ-4", "4.3", LEVEL_MUST, "a SYN that nobody asked for is not answered for 6 seconds", NEEDS_TCP, probe_silence,
      NULL },
    { "REQ-4 crossing", "4.3", LEVEL_MUST, "nor at all when a SYN of the same connection goes out meanwhile", NEEDS_TCP,
      probe_crossing, NULL },
    { "REQ-4 answer", "4.3", LEVEL_SHOULD, "else it is answered with ICMP 3/3 then", NEEDS_TCP, probe_answer, NULL },
    { "REQ-4a", "4.3", LEVEL_MUST, "it is dropped silently where policy forbids an answer", NEEDS_TCP, NULL,
      "what the policy is, is not to be seen from outside" },
    { "REQ-5", "5", LEVEL_MUST, "a connection that stands lives for at least 2 hours and 4 minutes without traffic",
      NEEDS_TCP, probe_standing_timer, NULL },
    { "REQ-5 opening", "5", LEVEL_MUST, "one that is partially open for at least 4 minutes", NEEDS_TCP,
      probe_opening_timer, NULL },
    { "REQ-5 closing", "5", LEVEL_MUST, "one that both sides have closed for at least 4 minutes", NEEDS_TCP,
      probe_closing_timer, NULL },
    { "REQ-5a", "5", LEVEL_MAY, "these times may be configurable", NEEDS_TCP, NULL, NOT_SEEN },
    { "REQ-6", "6", LEVEL_SHOULD, "ALGs for TCP, but that for FTP, are off by default", NEEDS_TCP, probe_alg, NULL },
    { "REQ-7", "7.1", LEVEL_MUST, "ports are not overloaded", NEEDS_TCP, probe_overloading, NULL },
    { "REQ-8", "7.2", LEVEL_MUST, "connections to an external endpoint of the box's own hairpin", NEEDS_TCP,
      probe_hairpin, NULL },
    { "REQ-8a", "7.2", LEVEL_MUST, "they come from the external endpoint of who begins them", NEEDS_TCP,
      probe_hairpin_source, NULL },
    { "REQ-9", "7.3", LEVEL_SHOULD, "ICMP Destination Unreachable gets through, translated", NEEDS_TCP, probe_icmp,
      NULL },
    { "REQ-10", "7.3", LEVEL_MUST, "no ICMP message ends a connection", NEEDS_TCP, probe_icmp_survival, NULL },
    { .number = NULL },
};

const struct requirement_table tcp_requirements = { 5382, "TCP", false, rows };
