/* RFC 5508: ICMP queries, and errors about packets of any protocol. */
#include <string.h>

#include "scenarios/conformance/trial.h"

#define US inside(1, 5000)
#define THEM outside(1, 1000)
#define QUERIER inside(1, 77) /* the port is the identifier */
#define ANSWERER outside(1, 0)

/* ---- section 3: queries */

static enum outcome
probe_query(struct trial *trial)
{
    struct endpoint external = send_out(trial, PROTOCOL_ICMP, QUERIER, ANSWERER);
    bool answered = gets_in(trial, PROTOCOL_ICMP, ANSWERER, external, QUERIER);

    return verdict(trial, answered, "an echo request of %s left as %s, identifier %u; the reply %s",
                   say_address(trial, QUERIER.address), say_address(trial, external.address), external.port,
                   answered ? "got to it" : "did not get in");
}

static enum outcome
probe_query_mapping(struct trial *trial)
{
    struct endpoint one = send_out(trial, PROTOCOL_ICMP, QUERIER, ANSWERER);
    struct endpoint other = send_out(trial, PROTOCOL_ICMP, QUERIER, outside(2, 0));

    return verdict(trial, endpoint_equal(one, other),
                   "echo requests of %s with identifier %u left as %u towards %s, and as %u towards %s",
                   say_address(trial, QUERIER.address), QUERIER.port, one.port, say_address(trial, ANSWERER.address),
                   other.port, say_address(trial, outside(2, 0).address));
}

static struct endpoint
begin_query(struct trial *trial)
{
    return send_out(trial, PROTOCOL_ICMP, QUERIER, ANSWERER);
}

static bool
query_is_alive(struct trial *trial, struct endpoint external)
{
    return gets_in(trial, PROTOCOL_ICMP, ANSWERER, external, QUERIER);
}

static struct error
error_about_query(struct endpoint external)
{
    return (struct error){ .type = 3,
                           .code = 1,
                           .protocol = PROTOCOL_ICMP,
                           .from = outside(77, 0).address,
                           .to = external.address,
                           .quoted_from = external,
                           .quoted_to = ANSWERER };
}

static void
touch_by_error(struct trial *trial, struct endpoint external)
{
    struct error error = error_about_query(external);

    (void)send_error(trial, OUTSIDE, &error);
}

static enum outcome
probe_query_timer(struct trial *trial)
{
    struct life life = { begin_query, query_is_alive, NULL };
    int64_t lifetime = find_lifetime(trial, &life);

    return verdict(trial, lifetime >= TIME_MIN, "replies to an echo request of %s got in for %s",
                   say_address(trial, QUERIER.address), say_time(trial, lifetime));
}

static enum outcome
probe_query_error(struct trial *trial)
{
    struct life life = { begin_query, query_is_alive, touch_by_error };
    int64_t lifetime = find_lifetime(trial, &life);
    struct endpoint external;

    trial_renew(trial, NULL);
    external = begin_query(trial);
    touch_by_error(trial, external);
    if (!query_is_alive(trial, external))
        return verdict(trial, false, "after an ICMP error 3/1 about it the query of %s was over",
                       say_address(trial, QUERIER.address));
    if (lifetime < TIME_NEVER && touch_keeps(trial, &life, lifetime))
        return verdict(trial, false, "an ICMP error 3/1 about it at %s kept a query beyond %s",
                       say_time(trial, lifetime / 4 * 3), say_time(trial, lifetime));
    return verdict(trial, true, "an ICMP error 3/1 about it neither ended the query of %s nor kept it beyond %s",
                   say_address(trial, QUERIER.address), say_time(trial, lifetime));
}

/* ---- section 4.1: which errors are good */

static struct error
error_about_flow(struct endpoint external)
{
    return (struct error){ .type = 3,
                           .code = 3,
                           .protocol = PROTOCOL_UDP,
                           .from = THEM.address,
                           .to = external.address,
                           .quoted_from = external,
                           .quoted_to = THEM };
}

/* An error about a flow of ours, spoilt, must not get in. */
static enum outcome
probe_spoilt(struct trial *trial, uint8_t wrong, uint8_t quote_wrong, const char *what)
{
    struct error error = error_about_flow(send_out(trial, PROTOCOL_UDP, US, THEM));
    bool came;

    error.wrong = wrong;
    error.quote_wrong = quote_wrong;
    (void)send_error(trial, OUTSIDE, &error);
    came = stand_seen(trial->stand, INSIDE, 0) != NULL;
    return verdict(trial, !came, "an ICMP error about %s, %s, %s", say(trial, US), what,
                   came ? "got in" : "did not get in");
}

static enum outcome
probe_bad_checksum(struct trial *trial)
{
    return probe_spoilt(trial, WRONG_TRANSPORT, 0, "with a wrong ICMP checksum");
}

static enum outcome
probe_bad_quoted_checksum(struct trial *trial)
{
    return probe_spoilt(trial, 0, WRONG_IP, "with a wrong header checksum in the quoted packet");
}

/* An error about a flow of ours, unusual, must get in and be understood. */
static enum outcome
probe_unusual(struct trial *trial, struct error error, const char *what)
{
    const struct seen *seen = send_error(trial, OUTSIDE, &error);

    return verdict(trial, seen && endpoint_equal(seen->quote.from, US), "an ICMP error about %s, %s, %s%s",
                   say(trial, US), what, seen ? "got in and quoted " : "did not get in",
                   seen ? say(trial, seen->quote.from) : "");
}

static enum outcome
probe_quoted_options(struct trial *trial)
{
    struct error error = error_about_flow(send_out(trial, PROTOCOL_UDP, US, THEM));

    error.quote_options = 8;
    return probe_unusual(trial, error, "with IP options in the quoted packet");
}

static enum outcome
probe_quoted_transport_checksum(struct trial *trial)
{
    struct error error = error_about_flow(send_out(trial, PROTOCOL_UDP, US, THEM));

    error.quote_wrong = WRONG_TRANSPORT;
    return probe_unusual(trial, error, "with a wrong UDP checksum in the quoted packet");
}

/* An extension structure with one object of 8 bytes (RFC 4884 section 7). */
static enum outcome
probe_extensions(struct trial *trial)
{
    static const uint8_t extension[] = { 0x20, 0, 0, 0, 0, 8, 1, 1, 0xde, 0xad, 0xbe, 0xef };
    struct error error = error_about_flow(send_out(trial, PROTOCOL_UDP, US, THEM));
    enum outcome outcome;
    const struct seen *seen;

    error.type = 11;
    error.code = 0;
    error.behind = span_of(extension, sizeof extension);
    outcome = probe_unusual(trial, error, "with extensions behind the quoted packet");
    seen = error_on(trial, INSIDE);
    if (!seen || memcmp(seen->bytes + seen->length - sizeof extension, extension, sizeof extension) == 0)
        return outcome;
    return verdict(trial, false, ", but these were changed");
}

/* ---- section 4.2: errors from both sides */

static enum outcome
probe_stray_from_outside(struct trial *trial)
{
    struct endpoint external = send_out(trial, PROTOCOL_UDP, US, THEM);
    struct error error;
    bool came;

    external.port ^= 0x2000;
    error = error_about_flow(external);
    (void)send_error(trial, OUTSIDE, &error);
    came = stand_seen(trial->stand, INSIDE, 0) != NULL;
    return verdict(trial, !came, "an ICMP error about %s, which is nobody's, %s", say(trial, external),
                   came ? "got in" : "did not get in");
}

/* One that got in from a router on the way; NULL, with the verdict, when none did. */
static const struct seen *
take_error_in(struct trial *trial, struct endpoint *external)
{
    struct error error;

    *external = send_out(trial, PROTOCOL_UDP, US, THEM);
    error = error_about_flow(*external);
    error.from = outside(77, 0).address;
    error.code = 10;
    return send_error(trial, OUTSIDE, &error);
}

static enum outcome
probe_quote_in(struct trial *trial)
{
    struct endpoint external;
    const struct seen *seen = take_error_in(trial, &external);

    if (!seen)
        return verdict(trial, false, "an ICMP error about %s did not get in", say(trial, external));
    return verdict(trial, endpoint_equal(seen->quote.from, US) && !seen->quote.wrong,
                   "an ICMP error about %s came in about %s%s", say(trial, external), say(trial, seen->quote.from),
                   seen->quote.wrong ? ", with a wrong header checksum there" : "");
}

static enum outcome
probe_kind_in(struct trial *trial)
{
    struct endpoint external;
    const struct seen *seen = take_error_in(trial, &external);

    if (!seen)
        return verdict(trial, false, "an ICMP error about %s did not get in", say(trial, external));
    return verdict(trial, seen->form.type == 3 && seen->form.code == 10, "an ICMP error 3/10 came in as %u/%u",
                   seen->form.type, seen->form.code);
}

static enum outcome
probe_destination_in(struct trial *trial)
{
    struct endpoint external;
    const struct seen *seen = take_error_in(trial, &external);

    if (!seen)
        return verdict(trial, false, "an ICMP error about %s did not get in", say(trial, external));
    return verdict(trial,
                   address_equal(seen->form.to.address, US.address) &&
                       address_equal(seen->form.from.address, outside(77, 0).address),
                   "an ICMP error from %s to %s came in from %s to %s", say_address(trial, outside(77, 0).address),
                   say_address(trial, external.address), say_address(trial, seen->form.from.address),
                   say_address(trial, seen->form.to.address));
}

static enum outcome
probe_stray_from_inside(struct trial *trial)
{
    struct error error = { .type = 3,
                           .code = 3,
                           .protocol = PROTOCOL_UDP,
                           .from = US.address,
                           .to = THEM.address,
                           .quoted_from = THEM,
                           .quoted_to = US };
    bool left;

    (void)send_error(trial, INSIDE, &error);
    left = stand_seen(trial->stand, OUTSIDE, 0) != NULL;
    return verdict(trial, !left, "an ICMP error of %s about a packet from %s that had never come %s",
                   say_address(trial, US.address), say(trial, THEM), left ? "left" : "did not leave");
}

/* One that a router inside sends about an answer to us. */
static const struct seen *
take_error_out(struct trial *trial, struct endpoint *external)
{
    struct error error = { .type = 3,
                           .code = 10,
                           .protocol = PROTOCOL_UDP,
                           .from = inside(9, 0).address,
                           .to = THEM.address,
                           .quoted_from = THEM,
                           .quoted_to = US };

    *external = send_out(trial, PROTOCOL_UDP, US, THEM);
    (void)send_in(trial, PROTOCOL_UDP, THEM, *external);
    return send_error(trial, INSIDE, &error);
}

static enum outcome
probe_quote_out(struct trial *trial)
{
    struct endpoint external;
    const struct seen *seen = take_error_out(trial, &external);

    if (!seen)
        return verdict(trial, false, "an ICMP error about a packet to %s did not leave", say(trial, US));
    return verdict(trial, endpoint_equal(seen->quote.to, external) && !seen->quote.wrong,
                   "an ICMP error about a packet to %s left about one to %s%s", say(trial, US),
                   say(trial, seen->quote.to), seen->quote.wrong ? ", with a wrong header checksum there" : "");
}

static enum outcome
probe_kind_out(struct trial *trial)
{
    struct endpoint external;
    const struct seen *seen = take_error_out(trial, &external);

    if (!seen)
        return verdict(trial, false, "an ICMP error about a packet to %s did not leave", say(trial, US));
    return verdict(trial, seen->form.type == 3 && seen->form.code == 10, "an ICMP error 3/10 left as %u/%u",
                   seen->form.type, seen->form.code);
}

static enum outcome
probe_source_out(struct trial *trial)
{
    struct endpoint external;
    const struct seen *seen = take_error_out(trial, &external);

    if (!seen)
        return verdict(trial, false, "an ICMP error about a packet to %s did not leave", say(trial, US));
    return verdict(trial, stand_is_external(trial->stand, seen->form.from.address), "an ICMP error of %s left as %s",
                   say_address(trial, inside(9, 0).address), say_address(trial, seen->form.from.address));
}

/* ---- section 5: hairpin */

/* An error of one host about what another sent to its external endpoint; NULL when it doesn't come back. */
static const struct seen *
take_error_back(struct trial *trial, struct endpoint *other_external, struct endpoint *about)
{
    struct endpoint other = inside(2, 6000), external = send_out(trial, PROTOCOL_UDP, US, THEM);
    struct error error = { .type = 3, .code = 3, .protocol = PROTOCOL_UDP, .from = other.address, .quoted_to = other };
    const struct seen *seen;

    *other_external = send_out(trial, PROTOCOL_UDP, other, THEM);
    (void)send_back(trial, PROTOCOL_UDP, other, external); /* lets the other's packets in */
    seen = send_back(trial, PROTOCOL_UDP, US, *other_external);
    *about = seen ? seen->form.from : external;
    error.quoted_from = *about;
    error.to = about->address;
    (void)send_error(trial, INSIDE, &error);
    return error_on(trial, INSIDE);
}

static enum outcome
probe_hairpin(struct trial *trial)
{
    struct endpoint external, about;
    const struct seen *seen = take_error_back(trial, &external, &about);

    if (address_equal(about.address, US.address))
        return not_applicable(trial, "what %s sent to %s came from %s itself: errors about it don't pass the box",
                              say(trial, US), say(trial, external), say(trial, US));
    if (!seen)
        return verdict(trial, false, "an ICMP error about what %s sent to %s did not come back", say(trial, US),
                       say(trial, external));
    return verdict(trial, endpoint_equal(seen->quote.from, US) && endpoint_equal(seen->quote.to, external),
                   "an ICMP error about what %s sent to %s came back about a packet of %s to %s", say(trial, US),
                   say(trial, external), say(trial, seen->quote.from), say(trial, seen->quote.to));
}

static enum outcome
probe_hairpin_destination(struct trial *trial)
{
    struct endpoint external, about;
    const struct seen *seen = take_error_back(trial, &external, &about);

    if (address_equal(about.address, US.address))
        return not_applicable(trial, "what %s sent to %s came from %s itself: errors about it don't pass the box",
                              say(trial, US), say(trial, external), say(trial, US));
    if (!seen)
        return verdict(trial, false, "an ICMP error about what %s sent to %s did not come back", say(trial, US),
                       say(trial, external));
    return verdict(trial, address_equal(seen->form.to.address, US.address), "an ICMP error of %s to %s came to %s",
                   say_address(trial, inside(2, 0).address), say_address(trial, about.address),
                   say_address(trial, seen->form.to.address));
}

/* ---- sections 6 and 7 */

static enum outcome
probe_exhaustion(struct trial *trial)
{
    const struct fullness *fullness = find_fullness(trial);

    if (fullness->count == 0)
        return not_applicable(trial, "no end of mappings was reached");
    if (!fullness->answered)
        return verdict(trial, false, "behind %u mappings %s got none, and was told nothing", fullness->count,
                       say(trial, fullness->last));
    return verdict(trial, fullness->type == 3 && fullness->code == 13,
                   "behind %u mappings %s got none, and was told ICMP %u/%u", fullness->count,
                   say(trial, fullness->last), fullness->type, fullness->code);
}

static enum outcome
probe_types(struct trial *trial)
{
    static const uint8_t kinds[][2] = { { 3, 1 }, { 3, 3 }, { 11, 0 } };
    struct endpoint query = send_out(trial, PROTOCOL_ICMP, QUERIER, ANSWERER);

    if (!gets_in(trial, PROTOCOL_ICMP, ANSWERER, query, QUERIER))
        return verdict(trial, false, "the reply to an echo request of %s did not get in",
                       say_address(trial, QUERIER.address));
    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
        struct error error;

        trial_renew(trial, NULL);
        error = error_about_flow(send_out(trial, PROTOCOL_UDP, US, THEM));
        error.type = kinds[i][0];
        error.code = kinds[i][1];
        if (!send_error(trial, OUTSIDE, &error))
            return verdict(trial, false, "an ICMP error %u/%u about %s did not get in", error.type, error.code,
                           say(trial, US));
    }
    return verdict(trial, true, "echo with its reply, and ICMP errors 3/1, 3/3 and 11/0 about %s got through",
                   say(trial, US));
}

static enum outcome
probe_ttl(struct trial *trial)
{
    struct form form = { .from = US, .to = THEM, .protocol = PROTOCOL_UDP, .ttl = 1 };
    const struct seen *seen, *left;

    stand_put(trial->stand, INSIDE, &form);
    seen = error_on(trial, INSIDE);
    left = stand_seen(trial->stand, OUTSIDE, 0);
    return verdict(trial, seen && seen->form.type == 11 && !left, "a packet of %s with a TTL of 1 %s, and %s",
                   say(trial, US), left ? "left" : "did not leave", seen ? "ICMP 11/0 came back" : "nothing came back");
}

/* ---- the table */

#define NOT_SEEN "what can be configured is not to be seen from outside"

static const struct requirement rows[] = {
    { "REQ-1", "3.1", LEVEL_MUST, "queries from inside get out, and their replies in", NEEDS_ICMP, probe_query, NULL },
    { "REQ-1a", "3.1", LEVEL_SHOULD, "the mapping of a query's identifier is the same towards all hosts", NEEDS_ICMP,
      probe_query_mapping, NULL },
    { "REQ-2", "3.2", LEVEL_MUST, "an idle query session lives for at least 60 seconds", NEEDS_ICMP, probe_query_timer,
      NULL },
    { "REQ-2 configurable", "3.2", LEVEL_SHOULD, "that time is configurable", NEEDS_ICMP, NULL, NOT_SEEN },
    { "REQ-3", "4.1", LEVEL_SHOULD, "an error with a wrong checksum is dropped", NEEDS_UDP, probe_bad_checksum, NULL },
    { "REQ-3a", "4.1", LEVEL_SHOULD, "one that quotes a header with a wrong checksum is dropped", NEEDS_UDP,
      probe_bad_quoted_checksum, NULL },
    { "REQ-3b", "4.1", LEVEL_MUST, "IP options in the quoted packet are skipped", NEEDS_UDP, probe_quoted_options,
      NULL },
    { "REQ-3c", "4.1", LEVEL_SHOULD, "the quoted transport checksum is not validated", NEEDS_UDP,
      probe_quoted_transport_checksum, NULL },
    { "REQ-3d", "4.1", LEVEL_MUST, "extensions behind the quoted packet change nothing (RFC 4884)", NEEDS_UDP,
      probe_extensions, NULL },
    { "REQ-4", "4.2.1", LEVEL_SHOULD, "an error from outside about no mapping is dropped", NEEDS_UDP,
      probe_stray_from_outside, NULL },
    { "REQ-4a", "4.2.1", LEVEL_MUST, "from outside: the quoted source becomes internal again", NEEDS_UDP,
      probe_quote_in, NULL },
    { "REQ-4b", "4.2.1", LEVEL_MUST, "from outside: type and code stay", NEEDS_UDP, probe_kind_in, NULL },
    { "REQ-4c", "4.2.1", LEVEL_MUST, "from outside: it goes to that internal host, its source stays", NEEDS_UDP,
      probe_destination_in, NULL },
    { "REQ-5", "4.2.2", LEVEL_SHOULD, "an error from inside about no mapping is dropped", NEEDS_UDP,
      probe_stray_from_inside, NULL },
    { "REQ-5a", "4.2.2", LEVEL_MUST, "from inside: the quoted destination becomes external again", NEEDS_UDP,
      probe_quote_out, NULL },
    { "REQ-5b", "4.2.2", LEVEL_MUST, "from inside: type and code stay", NEEDS_UDP, probe_kind_out, NULL },
    { "REQ-5c", "4.2.2", LEVEL_MUST, "from inside: it comes from an external address", NEEDS_UDP, probe_source_out,
      NULL },
    { "REQ-6", "4.3", LEVEL_MUST, "an error about a query neither refreshes nor ends it", NEEDS_ICMP, probe_query_error,
      NULL },
    { "REQ-7", "5", LEVEL_MUST, "errors about hairpinned packets hairpin", NEEDS_UDP, probe_hairpin, NULL },
    { "REQ-7 queries", "5", LEVEL_MUST, "queries hairpin through a Basic NAT", NEEDS_ICMP, NULL,
      "the box is no Basic NAT: hosts share its external addresses" },
    { "REQ-7a", "5", LEVEL_MUST, "a hairpinned error goes to the internal source of what it quotes", NEEDS_UDP,
      probe_hairpin_destination, NULL },
    { "REQ-8", "6", LEVEL_SHOULD, "who can't get a mapping is told ICMP 3/13", NEEDS_UDP, probe_exhaustion, NULL },
    { "REQ-9", "7", LEVEL_MAY, "the errors that the box makes may be switched off for an interface", 0, NULL,
      NOT_SEEN },
    { "REQ-10", "7", LEVEL_MUST, "Destination Unreachable, Time Exceeded and echo get through", NEEDS_UDP | NEEDS_ICMP,
      probe_types, NULL },
    { "REQ-11", "8", LEVEL_MAY, "other ICMP may be dropped", 0, NULL, "whether it passes or not, it is as allowed" },
    { "7.2", "7.2", LEVEL_MUST, "what has no TTL left is answered with Time Exceeded", NEEDS_UDP, probe_ttl, NULL },
    { .number = NULL },
};

const struct requirement_table icmp_requirements = { 5508, "ICMP", false, rows };
