#include "proto/stun/answer.h"

#include "proto/stun/fingerprint.h"

static struct stun_answer
drop(enum drop_reason reason, enum stun_fault fault)
{
    return (struct stun_answer){ .reply = STUN_REPLY_DROP, .reason = reason, .fault = fault };
}

/* SOFTWARE, and FINGERPRINT where the request had one; a client of RFC 3489 gets neither: it knows no padding, and its
 * messages have no cookie for a FINGERPRINT to stand by. */
static struct span
complete(struct stun_builder *builder, const struct stun_rules *rules, const struct stun_message *request)
{
    if (!stun_header_is_classic(&request->header)) {
        if (rules->software.length)
            stun_put_text(builder, STUN_SOFTWARE, rules->software);
        if (stun_message_find(request, STUN_FINGERPRINT))
            stun_put_fingerprint(builder);
    }
    return stun_builder_finish(builder);
}

/* 420 and what was not understood (section 6.3.1). */
static struct span
refuse_unknown(const struct stun_rules *rules, const struct stun_message *request, const struct stun_types *unknown,
               struct stun_builder *builder)
{
    stun_put_error(builder, STUN_CODE_UNKNOWN_ATTRIBUTE);
    stun_put_unknown(builder, unknown);
    return complete(builder, rules, request);
}

/* The address the request came from (section 6.3.1.1). Without a cookie there is nothing to XOR with that both sides
 * agree on: RFC 3489 has MAPPED-ADDRESS only (RFC 8489 section 11). */
static struct span
serve_binding(const struct stun_rules *rules, const struct stun_message *request, struct endpoint source,
              struct stun_builder *builder)
{
    bool classic = stun_header_is_classic(&request->header);

    if (!classic)
        stun_put_endpoint(builder, STUN_XOR_MAPPED_ADDRESS, source);
    if (classic || rules->mapped_address)
        stun_put_endpoint(builder, STUN_MAPPED_ADDRESS, source);
    return complete(builder, rules, request);
}

/* The checks of section 6.3 on a whole datagram; NONE when the message is a request or an indication that we serve. */
static enum drop_reason
admit(struct span datagram, struct stun_message *message, enum stun_fault *fault)
{
    *fault = stun_message_decode_classic(datagram, message);
    if (*fault != STUN_FAULT_NONE)
        return DROP_MALFORMED_STUN;
    if (message->header.method != STUN_BINDING)
        return DROP_UNEXPECTED_STUN;
    if (message->header.class == STUN_SUCCESS || message->header.class == STUN_ERROR)
        return DROP_UNEXPECTED_STUN;
    if (stun_header_is_classic(&message->header)) {
        if (message->header.class == STUN_REQUEST)
            return DROP_NONE;
        *fault = STUN_FAULT_COOKIE; /* RFC 3489 has no indications */
        return DROP_MALFORMED_STUN;
    }
    if (stun_fingerprint_check(message) == STUN_CHECK_WRONG) {
        *fault = STUN_FAULT_FINGERPRINT;
        return DROP_MALFORMED_STUN;
    }
    return DROP_NONE;
}

struct stun_answer
stun_answer(const struct stun_rules *rules, struct span request, struct endpoint source, void *buffer, size_t capacity)
{
    struct stun_message message;
    enum stun_fault fault;
    enum drop_reason reason = admit(request, &message, &fault);

    if (reason != DROP_NONE)
        return drop(reason, fault);

    struct stun_types unknown;
    bool understood = !stun_message_unknown(&message, rules->understood, &unknown);

    if (message.header.class == STUN_INDICATION) /* not understood: dropped; understood: it asks for nothing */
        return understood ? (struct stun_answer){ .reply = STUN_REPLY_NONE, .method = message.header.method }
                          : drop(DROP_UNEXPECTED_STUN, STUN_FAULT_NONE);

    struct stun_answer answer = { .reply = understood ? STUN_REPLY_SUCCESS : STUN_REPLY_ERROR,
                                  .method = message.header.method,
                                  .code = understood ? 0 : STUN_CODE_UNKNOWN_ATTRIBUTE,
                                  .classic = stun_header_is_classic(&message.header) };
    struct stun_header header = stun_header_respond(&message.header, understood ? STUN_SUCCESS : STUN_ERROR);
    struct stun_builder builder;

    stun_builder_begin(&builder, buffer, capacity, &header);
    answer.message = understood ? serve_binding(rules, &message, source, &builder)
                                : refuse_unknown(rules, &message, &unknown, &builder);
    g_assert(answer.message.length > 0); /* STUN_ANSWER_BYTES has room for the longest */
    return answer;
}
