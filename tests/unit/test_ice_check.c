/* The messages of checks: RFC 8445 sections 7.1 and 7.3, RFC 8489 section 9.1.3, the vectors of RFC 5769. */
#include "proto/ice/check.h"
#include "proto/stun/fingerprint.h"
#include "tests/unit/stun_vectors.h"
#include "tests/unit/support.h"

#define UFRAG "evtj"
#define PEER "h6vY"
#define PWD STUN_VECTOR_PASSWORD

static struct stun_key *key, *wrong;
static const struct endpoint source = { { 0, UINT64_C(0xffffc0000207) }, 7000 }; /* 192.0.2.7 */

static void
set_up(void)
{
    key = stun_key_new_short_term(span_of_text(PWD));
    wrong = stun_key_new_short_term(span_of_text("anotherpasswordanother"));
}

static void
tear_down(void)
{
    stun_key_free(key);
    stun_key_free(wrong);
}

static struct ice_proof
prove(struct span bytes)
{
    struct stun_message message;
    struct ice_proof proof = { .drop = true };

    if (CHECK_ROW_INT(NULL, stun_message_decode(bytes, &message), STUN_FAULT_NONE))
        ice_check_read(&message, span_of_text(UFRAG), key, &proof);
    return proof;
}

/* RFC 5769 section 2.1 is a check. */
static void
test_vector(void)
{
    g_autoptr(GBytes) bytes = unit_hex(STUN_V1);
    struct ice_proof proof = prove(unit_span(bytes));

    CHECK(!proof.drop);
    CHECK_ROW_INT(NULL, proof.code, 0);
    CHECK_ROW_INT(NULL, proof.check.priority, 0x6e0001ff);
    CHECK(proof.check.tiebreaker == UINT64_C(0x932ff9b151263b36));
    CHECK(proof.check.has_role && !proof.check.controlling && !proof.check.use_candidate);
    CHECK(proof.seal.key == key && !proof.seal.sha256);
}

/* RFC 5769 sections 2.2 and 2.3 are answers to checks. */
static void
test_answer_vectors(void)
{
    static const struct {
        const char *name, *hex, *mapped;
    } rows[] = {
        { "IPv4", STUN_V2, "192.0.2.1:32853" },
        { "IPv6", STUN_V3, "[2001:db8:1234:5678:11:2233:4455:6677]:32853" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GBytes) bytes = unit_hex(rows[i].hex);
        struct span span = unit_span(bytes);
        struct stun_message message;
        char text[ENDPOINT_TEXT];

        CHECK_ROW_INT(rows[i].name, stun_message_decode(span, &message), STUN_FAULT_NONE);

        struct ice_answer answer = ice_answer_read(&message, key);

        CHECK_ROW_INT(rows[i].name, answer.kind, ICE_ANSWER_SUCCESS);
        CHECK_ROW_TEXT(rows[i].name, endpoint_format(answer.mapped, text), rows[i].mapped);
        CHECK_ROW_INT(rows[i].name, ice_answer_read(&message, wrong).kind, ICE_ANSWER_UNPROVEN);
    }
}

static const struct ice_check checks[] = {
    { .id = { { 1 } }, .priority = 1, .tiebreaker = 0, .controlling = true, .has_role = true },
    { .id = { { 2 } }, .priority = INT32_MAX, .tiebreaker = UINT64_MAX, .has_role = true },
    { .id = { { 3 } }, .priority = 77, .tiebreaker = 5, .controlling = true, .has_role = true, .use_candidate = true },
};

static void
test_round_trip(void)
{
    uint8_t buffer[ICE_MESSAGE_BYTES];

    for (size_t i = 0; i < G_N_ELEMENTS(checks); i++) {
        struct span bytes =
            ice_check_write(&checks[i], span_of_text(UFRAG), span_of_text(PEER), key, buffer, sizeof buffer);
        struct ice_proof proof = prove(bytes);

        CHECK_ROW_INT(NULL, proof.code, 0);
        CHECK(!proof.drop && stun_id_equal(&proof.check.id, &checks[i].id));
        CHECK_ROW_INT(NULL, proof.check.priority, checks[i].priority);
        CHECK(proof.check.tiebreaker == checks[i].tiebreaker);
        CHECK_ROW_INT(NULL, proof.check.controlling, checks[i].controlling);
        CHECK_ROW_INT(NULL, proof.check.use_candidate, checks[i].use_candidate);
        for (size_t room = 0; room < bytes.length; room++)
            CHECK_ROW_INT(
                NULL, ice_check_write(&checks[i], span_of_text(UFRAG), span_of_text(PEER), key, buffer, room).length,
                0);
    }
}

/* What the longest ufrags need has room. */
static void
test_longest(void)
{
    uint8_t buffer[ICE_MESSAGE_BYTES];
    char ufrag[ICE_UFRAG_MOST];

    memset(ufrag, 'a', sizeof ufrag);
    /* 513 bytes of USERNAME are more than RFC 8489 section 14.3 lets a sender use, but what the two sides have
     * chosen. */
    CHECK(ice_check_write(&checks[2], span_of(ufrag, sizeof ufrag), span_of(ufrag, sizeof ufrag), key, buffer,
                          sizeof buffer)
              .length > 0);
}

/* A request by hand: what a letter of `with` adds, in this order. U: USERNAME, V: for another agent, N: without a
 * colon, P: PRIORITY, Z: of 0, S: of 2 bytes, C: ICE-CONTROLLING, D: ICE-CONTROLLED, X: an unknown attribute that must
 * be understood, Y: one that need not be, M: integrity, W: by another key, 2: SHA-256, F: FINGERPRINT. */
static struct span
make(const char *with, void *buffer, size_t capacity)
{
    struct stun_header header = { .class = STUN_REQUEST, .method = STUN_BINDING, .cookie = STUN_COOKIE };
    struct stun_builder builder;

    stun_builder_begin(&builder, buffer, capacity, &header);
    for (; *with; with++) {
        switch (*with) {
        case 'U':
            stun_put_text(&builder, STUN_USERNAME, span_of_text(UFRAG ":" PEER));
            break;
        case 'V':
            stun_put_text(&builder, STUN_USERNAME, span_of_text("evtjx:" PEER));
            break;
        case 'N':
            stun_put_text(&builder, STUN_USERNAME, span_of_text(UFRAG));
            break;
        case 'P':
            stun_put_number(&builder, STUN_PRIORITY, 100);
            break;
        case 'Z':
            stun_put_number(&builder, STUN_PRIORITY, 0);
            break;
        case 'S':
            stun_builder_raw(&builder, STUN_PRIORITY, span_of("\0\1", 2));
            break;
        case 'C':
            stun_put_number(&builder, STUN_ICE_CONTROLLING, 1);
            break;
        case 'D':
            stun_put_number(&builder, STUN_ICE_CONTROLLED, 1);
            break;
        case 'X':
            stun_builder_raw(&builder, 0x7ffe, span_of("abcd", 4));
            break;
        case 'Y':
            stun_builder_raw(&builder, 0xfffe, span_of("abcd", 4));
            break;
        case 'M':
            stun_put_integrity(&builder, key);
            break;
        case 'W':
            stun_put_integrity(&builder, wrong);
            break;
        case '2':
            stun_put_integrity_sha256(&builder, key);
            break;
        default:
            stun_put_fingerprint(&builder);
            break;
        }
    }
    return stun_builder_finish(&builder);
}

static const struct {
    const char *name, *with;
    int code; /* -1: dropped */
    bool sealed;
} refusals[] = {
    { "right", "UPCMF", 0, true },
    { "no role, as before RFC 5245", "UPMF", 0, true },
    { "an unknown attribute that need not be understood", "UPCYMF", 0, true },
    { "with SHA-256", "UPC2F", 0, true },
    { "without FINGERPRINT", "UPCM", -1, false },
    { "without integrity", "UPCF", 400, false },
    { "without USERNAME", "PCMF", 400, false },
    { "USERNAME for another agent", "VPCMF", 401, false },
    { "USERNAME without a colon", "NPCMF", 401, false },
    { "integrity by another key", "UPCWF", 401, false },
    { "an unknown attribute that must be understood", "UPCXMF", 420, true },
    { "authentication goes before unknown attributes", "UPCXWF", 401, false },
    { "without PRIORITY", "UCMF", 400, true },
    { "PRIORITY 0", "UZCMF", 400, true },
    { "PRIORITY of two bytes", "USCMF", 400, true },
    { "both roles", "UPCDMF", 400, true },
};

static void
test_refusals(void)
{
    uint8_t buffer[ICE_MESSAGE_BYTES], out[ICE_MESSAGE_BYTES];

    for (size_t i = 0; i < G_N_ELEMENTS(refusals); i++) {
        struct span bytes = make(refusals[i].with, buffer, sizeof buffer);
        struct ice_proof proof = prove(bytes);
        struct stun_message request, answer;
        struct ice_answer read;

        CHECK_ROW_INT(refusals[i].name, proof.drop, refusals[i].code < 0);
        if (proof.drop)
            continue;
        CHECK_ROW_INT(refusals[i].name, proof.code, refusals[i].code);
        CHECK_ROW_INT(refusals[i].name, proof.seal.key != NULL, refusals[i].sealed);

        g_assert(stun_message_decode(bytes, &request) == STUN_FAULT_NONE);
        bytes = ice_answer_write(&request.header, &proof, source, out, sizeof out);
        CHECK_ROW_INT(refusals[i].name, stun_message_decode(bytes, &answer), STUN_FAULT_NONE);
        CHECK_ROW_INT(refusals[i].name, stun_fingerprint_check(&answer), STUN_CHECK_RIGHT);
        CHECK_ROW_INT(refusals[i].name, answer.header.class, refusals[i].code ? STUN_ERROR : STUN_SUCCESS);
        CHECK_ROW_INT(refusals[i].name, stun_message_find(&answer, STUN_UNKNOWN_ATTRIBUTES) != NULL,
                      refusals[i].code == 420);
        CHECK_ROW(refusals[i].name, !stun_message_find(&answer, STUN_USERNAME));
        if (proof.seal.sha256) {
            CHECK_ROW_INT(refusals[i].name, stun_integrity_sha256_check(&answer, key), STUN_CHECK_RIGHT);
            continue;
        }
        read = ice_answer_read(&answer, key);
        CHECK_ROW_INT(refusals[i].name, read.kind,
                      !refusals[i].sealed ? ICE_ANSWER_UNPROVEN
                      : refusals[i].code  ? ICE_ANSWER_ERROR
                                          : ICE_ANSWER_SUCCESS);
        if (read.kind == ICE_ANSWER_ERROR)
            CHECK_ROW_INT(refusals[i].name, read.code, refusals[i].code);
        if (read.kind == ICE_ANSWER_SUCCESS)
            CHECK_ROW(refusals[i].name, endpoint_equal(read.mapped, source));
    }
}

/* Each flipped bit of a check is seen: it is malformed, dropped, or refused. */
static void
test_damage(void)
{
    uint8_t buffer[ICE_MESSAGE_BYTES];
    struct span bytes = make("UPCMF", buffer, sizeof buffer);

    for (size_t i = 0; i < bytes.length; i++) {
        struct stun_message message;
        struct ice_proof proof;

        buffer[i] ^= 0x10;
        if (stun_message_decode(bytes, &message) == STUN_FAULT_NONE) {
            ice_check_read(&message, span_of_text(UFRAG), key, &proof);
            CHECK(proof.drop || proof.code);
        }
        buffer[i] ^= 0x10;
    }
}

static void
test_receiver(void)
{
    static const struct {
        const char *with, *receiver;
    } rows[] = { { "UF", UFRAG }, { "VF", "evtjx" }, { "NF", "" }, { "PF", "" } };
    uint8_t buffer[ICE_MESSAGE_BYTES];

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct stun_message message;

        g_assert(stun_message_decode(make(rows[i].with, buffer, sizeof buffer), &message) == STUN_FAULT_NONE);
        CHECK_ROW(rows[i].with, span_equal(ice_check_receiver(&message), span_of_text(rows[i].receiver)));
    }
}

/* RFC 8445 section 11: no authentication, and FINGERPRINT alone. */
static void
test_keepalive(void)
{
    uint8_t buffer[ICE_MESSAGE_BYTES];
    struct stun_id id = { { 9 } };
    struct span bytes = ice_keepalive_write(&id, buffer, sizeof buffer);
    struct stun_message message;

    CHECK_ROW_INT(NULL, bytes.length, 28);
    CHECK_ROW_INT(NULL, stun_message_decode(bytes, &message), STUN_FAULT_NONE);
    CHECK_ROW_INT(NULL, message.header.class, STUN_INDICATION);
    CHECK_ROW_INT(NULL, message.count, 1);
    CHECK_ROW_INT(NULL, stun_fingerprint_check(&message), STUN_CHECK_RIGHT);
}

void
suite_ice_check(void)
{
    UNIT_SUITE("ice_check", set_up, tear_down, { "RFC 5769 request", test_vector },
               { "RFC 5769 responses", test_answer_vectors }, { "round trip", test_round_trip },
               { "longest ufrags", test_longest }, { "refusals", test_refusals }, { "damage", test_damage },
               { "receiver", test_receiver }, { "keepalive", test_keepalive });
}
