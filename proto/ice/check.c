#include "proto/ice/check.h"

#include "proto/stun/fingerprint.h"

#define UNDERSTOOD (STUN_SET_BASE | STUN_SET_ICE)

static struct stun_header
binding(enum stun_class class, const struct stun_id *id)
{
    return (struct stun_header){ .class = class, .method = STUN_BINDING, .cookie = STUN_COOKIE, .id = *id };
}

/* "receiver:sender". Both are ice-chars, so there is one colon. */
static void
put_username(struct stun_builder *builder, struct span receiver, struct span sender)
{
    stun_builder_open(builder, STUN_USERNAME);
    writer_span_put(&builder->writer, receiver);
    writer_u8(&builder->writer, ':');
    writer_span_put(&builder->writer, sender);
    stun_builder_close(builder);
}

struct span
ice_check_write(const struct ice_check *check, struct span receiver, struct span sender, const struct stun_key *key,
                void *buffer, size_t capacity)
{
    struct stun_header header = binding(STUN_REQUEST, &check->id);
    struct stun_builder builder;

    stun_builder_begin(&builder, buffer, capacity, &header);
    put_username(&builder, receiver, sender);
    stun_put_number(&builder, STUN_PRIORITY, check->priority);
    stun_put_number(&builder, check->controlling ? STUN_ICE_CONTROLLING : STUN_ICE_CONTROLLED, check->tiebreaker);
    if (check->use_candidate)
        stun_put_flag(&builder, STUN_USE_CANDIDATE);
    stun_put_integrity(&builder, key);
    stun_put_fingerprint(&builder);
    return stun_builder_finish(&builder);
}

/* The first part of a USERNAME; an empty span when there is no colon. */
static struct span
receiver_of(struct span username)
{
    const uint8_t *colon = username.length ? memchr(username.bytes, ':', username.length) : NULL;

    return colon ? span_of(username.bytes, (size_t)(colon - username.bytes)) : span_of(NULL, 0);
}

struct span
ice_check_receiver(const struct stun_message *message)
{
    const struct stun_attribute *username = stun_message_find(message, STUN_USERNAME);

    return username ? receiver_of(stun_message_value(message, username)) : span_of(NULL, 0);
}

/* RFC 8489 section 9.1.3, in its order. */
static uint16_t
authenticate(const struct stun_message *message, struct span ufrag, const struct stun_key *key, struct stun_seal *seal)
{
    bool sha256 = stun_message_find(message, STUN_MESSAGE_INTEGRITY_SHA256);
    struct span receiver = ice_check_receiver(message);
    enum stun_check integrity;

    if ((!sha256 && !stun_message_find(message, STUN_MESSAGE_INTEGRITY)) || !stun_message_find(message, STUN_USERNAME))
        return STUN_CODE_BAD_REQUEST;
    if (!span_equal(receiver, ufrag))
        return STUN_CODE_UNAUTHENTICATED;
    integrity = sha256 ? stun_integrity_sha256_check(message, key) : stun_integrity_check(message, key);
    if (integrity != STUN_CHECK_RIGHT)
        return STUN_CODE_UNAUTHENTICATED;
    *seal = (struct stun_seal){ .key = key, .sha256 = sha256 };
    return 0;
}

/* Reads a number that may be absent. False when it is malformed. */
static bool
read_number(const struct stun_message *message, uint16_t type, bool *present, uint64_t *number)
{
    struct stun_value value;
    enum stun_found found = stun_message_get(message, type, &value);

    *present = found == STUN_PRESENT;
    if (*present)
        *number = value.number;
    return found != STUN_MALFORMED;
}

/* What the attributes of ICE say (RFC 8445 section 7.1). A request without a role is taken (section 7.3.1.1). */
static bool
read_attributes(const struct stun_message *message, struct ice_check *check)
{
    bool has_priority, controlling, controlled;
    uint64_t priority = 0, tiebreaker = 0;

    if (!read_number(message, STUN_PRIORITY, &has_priority, &priority) ||
        !read_number(message, STUN_ICE_CONTROLLING, &controlling, &tiebreaker) ||
        !read_number(message, STUN_ICE_CONTROLLED, &controlled, &tiebreaker))
        return false;
    if (!has_priority || priority == 0 || priority > INT32_MAX || (controlling && controlled))
        return false;
    *check = (struct ice_check){ .id = message->header.id,
                                 .priority = (uint32_t)priority,
                                 .tiebreaker = tiebreaker,
                                 .controlling = controlling,
                                 .has_role = controlling || controlled,
                                 .use_candidate = stun_message_find(message, STUN_USE_CANDIDATE) };
    return true;
}

void
ice_check_read(const struct stun_message *message, struct span ufrag, const struct stun_key *key,
               struct ice_proof *proof)
{
    proof->seal = (struct stun_seal){ .key = NULL };
    proof->code = 0;
    proof->unknown.count = 0;
    proof->drop = stun_fingerprint_check(message) != STUN_CHECK_RIGHT;
    if (proof->drop)
        return;
    proof->code = authenticate(message, ufrag, key, &proof->seal);
    if (proof->code)
        return;
    if (stun_message_unknown(message, UNDERSTOOD, &proof->unknown))
        proof->code = STUN_CODE_UNKNOWN_ATTRIBUTE;
    else if (!read_attributes(message, &proof->check))
        proof->code = STUN_CODE_BAD_REQUEST;
}

struct span
ice_answer_write(const struct stun_header *request, const struct ice_proof *proof, struct endpoint mapped, void *buffer,
                 size_t capacity)
{
    struct stun_header header = stun_header_respond(request, proof->code ? STUN_ERROR : STUN_SUCCESS);
    struct stun_builder builder;

    stun_builder_begin(&builder, buffer, capacity, &header);
    if (proof->code)
        stun_put_error(&builder, proof->code);
    else
        stun_put_endpoint(&builder, STUN_XOR_MAPPED_ADDRESS, mapped);
    if (proof->code == STUN_CODE_UNKNOWN_ATTRIBUTE)
        stun_put_unknown(&builder, &proof->unknown);
    if (proof->seal.key)
        stun_seal_put(&proof->seal, &builder);
    stun_put_fingerprint(&builder);
    return stun_builder_finish(&builder);
}

struct ice_answer
ice_answer_read(const struct stun_message *message, const struct stun_key *key)
{
    struct ice_answer answer = { .kind = ICE_ANSWER_UNPROVEN };
    struct stun_types unknown;
    struct stun_value value;

    if (stun_fingerprint_check(message) != STUN_CHECK_RIGHT || stun_integrity_check(message, key) != STUN_CHECK_RIGHT)
        return answer;

    answer.kind = ICE_ANSWER_MALFORMED;
    if (stun_message_unknown(message, UNDERSTOOD, &unknown))
        return answer;
    if (message->header.class == STUN_SUCCESS) {
        if (stun_message_get(message, STUN_XOR_MAPPED_ADDRESS, &value) == STUN_PRESENT) {
            answer.kind = ICE_ANSWER_SUCCESS;
            answer.mapped = value.endpoint;
        }
    } else if (stun_message_get(message, STUN_ERROR_CODE, &value) == STUN_PRESENT) {
        answer.kind = ICE_ANSWER_ERROR;
        answer.code = value.error.code;
    }
    return answer;
}

struct span
ice_keepalive_write(const struct stun_id *id, void *buffer, size_t capacity)
{
    struct stun_header header = binding(STUN_INDICATION, id);
    struct stun_builder builder;

    stun_builder_begin(&builder, buffer, capacity, &header);
    stun_put_fingerprint(&builder);
    return stun_builder_finish(&builder);
}
