#include "proto/stun/answer.h"

#include "proto/stun/fingerprint.h"

/* One request being answered. */
struct work {
    const struct stun_rules *rules;
    const struct stun_arrival *arrival;
    struct stun_message message;
    struct stun_proof proof; /* ACCEPT without user where nobody asks for one */
    void *buffer;
    size_t capacity;
    struct stun_builder builder;
};

static struct stun_answer
drop(enum drop_reason reason, enum stun_fault fault)
{
    return (struct stun_answer){ .reply = STUN_REPLY_DROP, .reason = reason, .fault = fault };
}

static bool
is_classic(const struct work *work)
{
    return stun_header_is_classic(&work->message.header);
}

/* --- building --------------------------------------------------------------------------------------------------- */

static void
begin(struct work *work, enum stun_class class)
{
    struct stun_header header = stun_header_respond(&work->message.header, class);

    stun_builder_begin(&work->builder, work->buffer, work->capacity, &header);
}

/* SOFTWARE, integrity where the request had proven itself, and FINGERPRINT where it had one; a client of RFC 3489 gets
 * no SOFTWARE and FINGERPRINT: it knows no padding, and its messages have no cookie for a FINGERPRINT to stand by. */
static struct span
complete(struct work *work)
{
    const struct stun_rules *rules = work->rules;

    if (!is_classic(work) && rules->software.length)
        stun_put_text(&work->builder, STUN_SOFTWARE, rules->software);
    stun_seal_put(&work->proof.seal, &work->builder);
    if (!is_classic(work) && (rules->demand_fingerprint || stun_message_find(&work->message, STUN_FINGERPRINT)))
        stun_put_fingerprint(&work->builder);
    return stun_builder_finish(&work->builder);
}

static struct stun_answer
answer_of(struct work *work, enum stun_reply reply, unsigned code)
{
    struct stun_answer answer = { .reply = reply,
                                  .message = complete(work),
                                  .method = work->message.header.method,
                                  .code = (uint16_t)code,
                                  .classic = is_classic(work) };

    g_assert(answer.message.length > 0 || reply == STUN_REPLY_SUCCESS); /* every error fits */
    return answer;
}

static struct stun_answer
refuse(struct work *work, enum stun_code code)
{
    begin(work, STUN_ERROR);
    stun_put_error(&work->builder, code);
    return answer_of(work, STUN_REPLY_ERROR, code);
}

/* --- who asks, and for what ------------------------------------------------------------------------------------- */

static struct stun_answer
refuse_unproven(struct work *work)
{
    begin(work, STUN_ERROR);
    stun_put_error(&work->builder, work->proof.code);
    stun_auth_put_challenge(work->rules->auth, &work->builder, &work->proof, work->arrival->source, work->arrival->now);
    return answer_of(work, STUN_REPLY_ERROR, work->proof.code);
}

/* 420 and what was not understood (section 6.3.1), of which a request with very many attributes may have more. */
static struct stun_answer
refuse_unknown(struct work *work, const struct stun_types *unknown)
{
    if (unknown->count == 0)
        return refuse(work, STUN_CODE_BAD_REQUEST);
    begin(work, STUN_ERROR);
    stun_put_error(&work->builder, STUN_CODE_UNKNOWN_ATTRIBUTE);
    stun_put_unknown(&work->builder, unknown);
    return answer_of(work, STUN_REPLY_ERROR, STUN_CODE_UNKNOWN_ATTRIBUTE);
}

/* Whether there is a server of the request's own family, without which there must be no 300 (section 10). */
static bool
leads_elsewhere(const struct work *work)
{
    enum family own = address_family(work->arrival->source.address);

    for (size_t i = 0; i < work->rules->alternates; i++)
        if (address_family(work->rules->alternate[i].address) == own)
            return true;
    return false;
}

/* Section 10: the one of the request's own family first. Section 14.8: not to those who have not proven themselves,
 * since it could not be protected. */
static struct stun_answer
send_elsewhere(struct work *work)
{
    const struct stun_rules *rules = work->rules;
    enum family own = address_family(work->arrival->source.address);

    if (!work->proof.seal.key)
        return refuse(work, STUN_CODE_BAD_REQUEST);
    begin(work, STUN_ERROR);
    stun_put_error(&work->builder, STUN_CODE_TRY_ALTERNATE);
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < rules->alternates; i++)
            if ((address_family(rules->alternate[i].address) == own) == (pass == 0))
                stun_put_endpoint(&work->builder, STUN_ALTERNATE_SERVER, rules->alternate[i]);
    return answer_of(work, STUN_REPLY_ERROR, STUN_CODE_TRY_ALTERNATE);
}

/* --- Binding ---------------------------------------------------------------------------------------------------- */

/* What the request asks for beyond its address (RFC 5780 section 6.1). False when that can't be. */
static bool
read_wishes(const struct stun_message *message, unsigned *change, uint16_t *port, bool *padding)
{
    struct stun_value value;
    enum stun_found found_change = stun_message_get(message, STUN_CHANGE_REQUEST, &value);

    *change = found_change == STUN_PRESENT ? value.number & (STUN_CHANGE_ADDRESS | STUN_CHANGE_PORT) : 0;

    enum stun_found found_port = stun_message_get(message, STUN_RESPONSE_PORT, &value);

    *port = found_port == STUN_PRESENT ? (uint16_t)value.number : 0;
    *padding = stun_message_find(message, STUN_PADDING) != NULL;
    return found_change != STUN_MALFORMED && found_port != STUN_MALFORMED && !(*padding && found_port == STUN_PRESENT);
}

/* Where the answer will come from. */
static struct endpoint
origin_of(const struct stun_arrival *arrival, unsigned change)
{
    struct endpoint origin = arrival->local;

    if (change & STUN_CHANGE_ADDRESS)
        origin.address = arrival->other->address;
    if (change & STUN_CHANGE_PORT)
        origin.port = arrival->other->port;
    return origin;
}

/* The same in the words of RFC 5780 and of RFC 3489. */
static void
put_places(struct work *work, unsigned change)
{
    bool classic = is_classic(work);

    stun_put_endpoint(&work->builder, classic ? STUN_SOURCE_ADDRESS : STUN_RESPONSE_ORIGIN,
                      origin_of(work->arrival, change));
    stun_put_endpoint(&work->builder, classic ? STUN_CHANGED_ADDRESS : STUN_OTHER_ADDRESS, *work->arrival->other);
}

static void
put_padding(struct stun_builder *builder)
{
    static const uint8_t zeros[STUN_PADDING_BYTES];

    stun_builder_raw(builder, STUN_PADDING, span_of(zeros, sizeof zeros));
}

/* The address the request came from (section 6.3.1.1). Without a cookie there is nothing to XOR with that both sides
 * agree on: RFC 3489 has MAPPED-ADDRESS only (RFC 8489 section 11). */
static struct stun_answer
serve_binding(struct work *work)
{
    bool discovers = work->arrival->other != NULL, padding;
    struct endpoint source = work->arrival->source;
    struct stun_answer answer;
    unsigned change;
    uint16_t port;

    if (!read_wishes(&work->message, &change, &port, &padding))
        return refuse(work, STUN_CODE_BAD_REQUEST);
    if (work->rules->ignore_change)
        change = 0;
    begin(work, STUN_SUCCESS);
    if (!is_classic(work))
        stun_put_endpoint(&work->builder, STUN_XOR_MAPPED_ADDRESS, source);
    if (is_classic(work) || work->rules->mapped_address || discovers)
        stun_put_endpoint(&work->builder, STUN_MAPPED_ADDRESS, source);
    if (discovers)
        put_places(work, change);
    if (padding)
        put_padding(&work->builder);
    answer = answer_of(work, STUN_REPLY_SUCCESS, 0);
    if (answer.message.length == 0)
        return refuse(work, STUN_CODE_SERVER_ERROR);
    answer.change = change;
    answer.port = port;
    return answer;
}

/* --- a datagram ------------------------------------------------------------------------------------------------- */

/* The checks of section 6.3 on a whole datagram; NONE when the message is a request or an indication that we serve, or
 * one of which only TOO_MANY attributes keep us. */
static enum drop_reason
admit(struct span datagram, struct stun_message *message, bool demand_fingerprint, enum stun_fault *fault)
{
    *fault = stun_message_decode_classic(datagram, message);
    if (*fault != STUN_FAULT_NONE && *fault != STUN_FAULT_TOO_MANY)
        return DROP_MALFORMED_STUN;
    if (message->header.method != STUN_BINDING)
        return DROP_UNEXPECTED_STUN;
    if (message->header.class == STUN_SUCCESS || message->header.class == STUN_ERROR)
        return DROP_UNEXPECTED_STUN;
    if (stun_header_is_classic(&message->header)) {
        if (message->header.class == STUN_REQUEST && !demand_fingerprint)
            return DROP_NONE;
        *fault = STUN_FAULT_COOKIE; /* RFC 3489 has no indications, and no FINGERPRINT */
        return DROP_MALFORMED_STUN;
    }

    enum stun_check check = stun_fingerprint_check(message);

    if (check == STUN_CHECK_WRONG || (check == STUN_CHECK_ABSENT && demand_fingerprint)) {
        *fault = STUN_FAULT_FINGERPRINT;
        return DROP_MALFORMED_STUN;
    }
    return DROP_NONE;
}

/* Of a server with a second address, both generations' attributes that ask for it. */
static unsigned
understood(const struct work *work)
{
    return work->rules->understood | (work->arrival->other ? STUN_SET_DISCOVERY : 0);
}

static struct stun_answer
serve(struct work *work)
{
    struct stun_types unknown;
    bool indication = work->message.header.class == STUN_INDICATION;

    if (work->rules->auth)
        work->proof =
            stun_auth_check(work->rules->auth, &work->message, work->arrival->source, work->arrival->now);
    if (work->proof.verdict == STUN_AUTH_DROP)
        return drop(DROP_UNEXPECTED_STUN, STUN_FAULT_NONE);
    if (work->proof.verdict == STUN_AUTH_REFUSE)
        return refuse_unproven(work);
    if (stun_message_unknown(&work->message, understood(work), &unknown) || work->message.unread)
        return indication ? drop(DROP_UNEXPECTED_STUN, STUN_FAULT_NONE) : refuse_unknown(work, &unknown);
    if (indication) /* it asks for nothing */
        return (struct stun_answer){ .reply = STUN_REPLY_NONE, .method = work->message.header.method };
    return leads_elsewhere(work) ? send_elsewhere(work) : serve_binding(work);
}

struct stun_answer
stun_answer(const struct stun_rules *rules, struct span request, const struct stun_arrival *arrival, void *buffer,
            size_t capacity)
{
    struct work work; /* its message is large: no more is cleared than has to be */
    enum stun_fault fault;
    enum drop_reason reason = admit(request, &work.message, rules->demand_fingerprint, &fault);

    if (reason != DROP_NONE)
        return drop(reason, fault);
    work.rules = rules;
    work.arrival = arrival;
    work.proof = (struct stun_proof){ .verdict = STUN_AUTH_ACCEPT };
    work.buffer = buffer;
    work.capacity = capacity;
    return serve(&work);
}
