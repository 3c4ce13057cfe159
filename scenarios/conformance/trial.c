#include "scenarios/conformance/trial.h"

#include <stdlib.h>

#include "core/base/cursor.h"

#define LIFETIME_LIMIT (48 * 60 * TIME_MIN)

const char *const dependence_words[] = { "endpoint-independent", "address-dependent", "address-and-port-dependent",
                                         NULL };

void
trial_renew(struct trial *trial, const struct stand_layout *layout)
{
    static const struct stand_layout plain = { .addresses = 1 };

    stand_free(trial->stand);
    trial->stand = stand_new(trial->subject->options, layout ? layout : &plain);
}

/* ---- packets */

static const uint8_t some_data[8] = "punchlab";

static struct form
usual_form(uint8_t protocol, struct endpoint from, struct endpoint to)
{
    struct form form = { .from = from, .to = to, .protocol = protocol, .data = span_of(some_data, sizeof some_data) };

    if (protocol == PROTOCOL_TCP) {
        form.flags = LETTER_SYN;
        form.sequence = 1000;
        form.data.length = 0;
    }
    return form;
}

const struct seen *
seen_on(const struct trial *trial, enum stand_side side, uint8_t protocol)
{
    const struct seen *seen;

    for (unsigned n = 0; (seen = stand_seen(trial->stand, side, n)); n++)
        if (seen->form.protocol == protocol && !form_is_error(&seen->form) && !seen->form.wrong)
            return seen;
    return NULL;
}

const struct seen *
error_on(const struct trial *trial, enum stand_side side)
{
    const struct seen *seen;

    for (unsigned n = 0; (seen = stand_seen(trial->stand, side, n)); n++)
        if (form_is_error(&seen->form) && seen->quote.protocol && !seen->form.wrong)
            return seen;
    return NULL;
}

struct endpoint
send_out(struct trial *trial, uint8_t protocol, struct endpoint from, struct endpoint to)
{
    struct form form = usual_form(protocol, from, to);
    const struct seen *seen;

    form.type = 8;
    stand_put(trial->stand, INSIDE, &form);
    seen = seen_on(trial, OUTSIDE, protocol);
    return seen ? seen->form.from : (struct endpoint){ ADDRESS_NONE, 0 };
}

struct endpoint
send_in(struct trial *trial, uint8_t protocol, struct endpoint from, struct endpoint to)
{
    struct form form = usual_form(protocol, from, to);
    const struct seen *seen;

    stand_put(trial->stand, OUTSIDE, &form);
    seen = seen_on(trial, INSIDE, protocol);
    return seen ? seen->form.to : (struct endpoint){ ADDRESS_NONE, 0 };
}

bool
gets_in(struct trial *trial, uint8_t protocol, struct endpoint from, struct endpoint to, struct endpoint internal)
{
    return endpoint_equal(send_in(trial, protocol, from, to), internal);
}

const struct seen *
send_back(struct trial *trial, uint8_t protocol, struct endpoint from, struct endpoint to)
{
    struct form form = usual_form(protocol, from, to);

    form.type = 8;
    stand_put(trial->stand, INSIDE, &form);
    return seen_on(trial, INSIDE, protocol);
}

/* The quote is a header and eight bytes (RFC 792), or more where something follows it: RFC 4884 then wants 128. */
static size_t
write_quote(uint8_t *bytes, const struct error *error)
{
    struct form form = usual_form(error->protocol, error->quoted_from, error->quoted_to);
    struct writer writer;
    size_t length;

    form.options = error->quote_options;
    form.wrong = error->quote_wrong;
    form.type = 8;
    form.flags = error->flags ? error->flags : LETTER_SYN;
    length = form_write(bytes, &form);
    if (error->behind.length == 0)
        return 28 + (size_t)form.options;
    writer = writer_over(bytes + length, FORM_MAX - length);
    writer_zeros(&writer, 128 - length);
    writer_span_put(&writer, error->behind);
    return length + writer_length(&writer);
}

const struct seen *
send_error(struct trial *trial, enum stand_side side, const struct error *error)
{
    uint8_t quote[FORM_MAX];
    size_t length = write_quote(quote, error);
    struct form form = {
        .from = { error->from, 0 },
        .to = { error->to, 0 },
        .protocol = PROTOCOL_ICMP,
        .type = error->type,
        .code = error->code,
        .wrong = error->wrong,
        .word = error->behind.length ? 128 / 4 << 16 : 0,
        .data = span_of(quote, length),
    };

    stand_put(trial->stand, side, &form);
    return error_on(trial, side == INSIDE ? OUTSIDE : INSIDE);
}

/* ---- behaviour */

enum dependence
find_mapping(struct trial *trial, uint8_t protocol, struct endpoint from, struct endpoint seen[3])
{
    seen[0] = send_out(trial, protocol, from, outside(1, 1000));
    seen[1] = send_out(trial, protocol, from, outside(1, 2000));
    seen[2] = send_out(trial, protocol, from, outside(2, 1000));
    if (!endpoint_equal(seen[0], seen[1]))
        return ON_ADDRESS_AND_PORT;
    return endpoint_equal(seen[0], seen[2]) ? ON_NOTHING : ON_ADDRESS;
}

static bool
lets_in(struct trial *trial, uint8_t protocol, struct endpoint who)
{
    struct endpoint external;

    trial_renew(trial, NULL);
    external = send_out(trial, protocol, inside(1, 5000), outside(1, 1000));
    return gets_in(trial, protocol, who, external, inside(1, 5000));
}

enum dependence
find_filter(struct trial *trial, uint8_t protocol)
{
    if (lets_in(trial, protocol, outside(3, 3000)))
        return ON_NOTHING;
    return lets_in(trial, protocol, outside(1, 3000)) ? ON_ADDRESS : ON_ADDRESS_AND_PORT;
}

static bool
lives_for(struct trial *trial, const struct life *life, int64_t duration)
{
    struct endpoint what;

    trial_renew(trial, NULL);
    what = life->begin(trial);
    if (is_none(what))
        return false;
    stand_wait(trial->stand, duration);
    return life->is_alive(trial, what);
}

int64_t
find_lifetime(struct trial *trial, const struct life *life)
{
    int64_t alive = 0, dead = LIFETIME_LIMIT;

    if (!lives_for(trial, life, 0))
        return 0;
    if (lives_for(trial, life, LIFETIME_LIMIT))
        return TIME_NEVER;
    while (dead - alive > TIME_MS) {
        int64_t middle = (alive + (dead - alive) / 2) / TIME_MS * TIME_MS;

        *(lives_for(trial, life, middle) ? &alive : &dead) = middle;
    }
    return dead;
}

bool
touch_keeps(struct trial *trial, const struct life *life, int64_t lifetime)
{
    int64_t quarter = lifetime / 4;
    struct endpoint what;

    trial_renew(trial, NULL);
    what = life->begin(trial);
    stand_wait(trial->stand, 3 * quarter);
    if (life->touch)
        life->touch(trial, what);
    stand_wait(trial->stand, 3 * quarter);
    return life->is_alive(trial, what);
}

unsigned
fill(struct trial *trial, struct endpoint *last, bool *used)
{
    enum { HOSTS = 4, FIRST = 1024 };
    unsigned count = 0;

    for (unsigned host = 1; host <= HOSTS; host++) {
        for (unsigned port = FIRST; port <= UINT16_MAX; port++) {
            struct endpoint external;

            *last = inside(host, (uint16_t)port);
            external = send_out(trial, PROTOCOL_UDP, *last, outside(1, 1000));
            if (is_none(external))
                return count;
            if (used)
                used[external.port] = true;
            count++;
        }
    }
    return 0;
}

static void
ask_for_more(struct trial *trial, struct fullness *fullness, struct endpoint external)
{
    for (unsigned i = 0; i < 50; i++)
        fullness->others_get_one |= !is_none(send_out(trial, PROTOCOL_UDP, inside(100 + i, 5000), outside(1, 1000)));
    fullness->first_alive = gets_in(trial, PROTOCOL_UDP, outside(1, 1000), external, fullness->first);
}

const struct fullness *
find_fullness(struct trial *trial)
{
    struct fullness *fullness = &trial->fullness;
    const struct seen *seen;
    struct endpoint external;

    if (trial->fullness_known)
        return fullness;
    *fullness = (struct fullness){ .first = inside(1, 1024) };
    external = send_out(trial, PROTOCOL_UDP, fullness->first, outside(1, 1000));
    fullness->count = fill(trial, &fullness->last, NULL);
    fullness->passed = stand_seen(trial->stand, OUTSIDE, 0) != NULL;
    seen = error_on(trial, INSIDE);
    if (seen) {
        fullness->answered = true;
        fullness->type = seen->form.type;
        fullness->code = seen->form.code;
    }
    ask_for_more(trial, fullness, external);
    trial->fullness_known = true;
    return fullness;
}

/* ---- verdicts */

enum outcome
verdict(struct trial *trial, bool met, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_string_append_vprintf(trial->evidence, format, arguments);
    va_end(arguments);
    return met ? OUTCOME_MET : OUTCOME_NOT_MET;
}

enum outcome
not_applicable(struct trial *trial, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_string_append_vprintf(trial->evidence, format, arguments);
    va_end(arguments);
    return OUTCOME_NOT_APPLICABLE;
}

const char *
say(struct trial *trial, struct endpoint endpoint)
{
    char text[ENDPOINT_TEXT];

    return is_none(endpoint) ? "nothing" : g_string_chunk_insert(trial->words, endpoint_format(endpoint, text));
}

const char *
say_address(struct trial *trial, struct address address)
{
    char text[ADDRESS_TEXT];

    return address_is_none(address) ? "nothing" : g_string_chunk_insert(trial->words, address_format(address, text));
}

const char *
say_time(struct trial *trial, int64_t duration)
{
    char text[DURATION_TEXT];

    if (duration == TIME_NEVER)
        return "more than 48h";
    return g_string_chunk_insert(trial->words, duration_format(duration, text));
}

/* ---- what can be guessed */

enum { CLASHES = 17 };

/* Whether external ports that follow each other are often close, or equally far apart. */
static bool
can_be_guessed(const uint16_t *ports, unsigned count)
{
    unsigned close = 0, alike = 0;

    for (unsigned i = 1; i < count; i++) {
        int step = ports[i] - ports[i - 1];

        close += abs(step) <= 2 * CLASHES;
        alike += i > 1 && step == ports[i - 1] - ports[i - 2];
    }
    return close > count / 2 || alike > count / 2;
}

enum outcome
find_random_ports(struct trial *trial)
{
    uint16_t ports[CLASHES];
    unsigned count = 0;

    for (unsigned host = 1; host <= CLASHES; host++) {
        struct endpoint external = send_out(trial, PROTOCOL_UDP, inside(host, 5000), outside(1, 1000));

        if (!is_none(external) && external.port != 5000)
            ports[count++] = external.port;
    }
    if (count < 4)
        return not_applicable(trial, "port 5000 of %u hosts was not changed", (unsigned)CLASHES);
    return verdict(trial, !can_be_guessed(ports, count),
                   "port 5000 of %u hosts towards %s, where it was changed, left as %u, %u, %u, %u, ...", CLASHES,
                   say(trial, outside(1, 1000)), ports[0], ports[1], ports[2], ports[3]);
}
