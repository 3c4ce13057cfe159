/* The STUN codec and the server's whole answer, beside what the machine needs to touch the same bytes once. */
#include <glib.h>

#include "proto/stun/answer.h"
#include "proto/stun/fingerprint.h"
#include "tests/bench/bench.h"

#define MESSAGES 1000000
#define KEYED 100000

static const struct stun_header header = { STUN_SUCCESS, STUN_BINDING, STUN_COOKIE, { { 1, 2, 3, 4, 5, 6, 7, 8 } } };

struct work {
    uint8_t request[128], response[128], buffer[STUN_ANSWER_BYTES];
    struct span request_bytes, response_bytes;
    struct endpoint mapped;
    struct stun_key *key;
};

static struct span
build_response(const struct work *work, uint8_t *buffer, size_t capacity)
{
    struct stun_builder builder;

    stun_builder_begin(&builder, buffer, capacity, &header);
    stun_put_endpoint(&builder, STUN_XOR_MAPPED_ADDRESS, work->mapped);
    stun_put_endpoint(&builder, STUN_MAPPED_ADDRESS, work->mapped);
    stun_put_text(&builder, STUN_SOFTWARE, span_of_text("punchlab"));
    return stun_builder_finish(&builder);
}

static double
encoded(void *context)
{
    struct work *work = context;
    double begun = bench_clock();

    for (int i = 0; i < MESSAGES; i++) {
        work->mapped.port = (uint16_t)i;
        bench_keep(build_response(work, work->buffer, sizeof work->buffer).length);
    }
    return MESSAGES / (bench_clock() - begun) / 1e6;
}

static double
decoded(void *context)
{
    struct work *work = context;
    double begun = bench_clock();

    for (int i = 0; i < MESSAGES; i++) {
        struct stun_message message;
        struct stun_value value;

        bench_keep(stun_message_decode(work->response_bytes, &message));
        bench_keep(stun_message_get(&message, STUN_XOR_MAPPED_ADDRESS, &value));
    }
    return MESSAGES / (bench_clock() - begun) / 1e6;
}

static double
answered(void *context)
{
    struct work *work = context;
    struct stun_rules rules = { .software = span_of_text("punchlab"), .mapped_address = true,
                                .understood = STUN_SET_BASE };
    struct stun_arrival arrival = { .source = work->mapped };
    double begun = bench_clock();

    for (int i = 0; i < MESSAGES; i++) {
        struct stun_answer answer =
            stun_answer(&rules, work->request_bytes, &arrival, work->buffer, sizeof work->buffer);

        bench_keep(answer.message.length);
    }
    return MESSAGES / (bench_clock() - begun) / 1e6;
}

static double
verified(void *context)
{
    struct work *work = context;
    struct stun_builder builder;
    struct stun_message message;

    stun_builder_begin(&builder, work->buffer, sizeof work->buffer, &header);
    stun_put_endpoint(&builder, STUN_XOR_MAPPED_ADDRESS, work->mapped);
    stun_put_integrity(&builder, work->key);

    struct span bytes = stun_builder_finish(&builder);
    double begun = bench_clock();

    for (int i = 0; i < KEYED; i++) {
        bench_keep(stun_message_decode(bytes, &message));
        bench_keep(stun_integrity_check(&message, work->key));
    }
    return KEYED / (bench_clock() - begun) / 1e6;
}

/* A plain copy of the response: the least that writing or reading it takes. */
static double
copied(void *context)
{
    struct work *work = context;
    double begun = bench_clock();

    for (int i = 0; i < MESSAGES; i++) {
        memcpy(work->buffer, work->response_bytes.bytes, work->response_bytes.length);
        bench_keep(work->buffer[i & 31]);
    }
    return MESSAGES / (bench_clock() - begun) / 1e6;
}

/* SHA-1 of as many bytes as an HMAC hashes beside its key. */
static double
hashed(void *context)
{
    struct work *work = context;
    double begun = bench_clock();

    for (int i = 0; i < KEYED; i++) {
        GChecksum *checksum = g_checksum_new(G_CHECKSUM_SHA1);
        uint8_t digest[20];
        gsize length = sizeof digest;

        g_checksum_update(checksum, work->response_bytes.bytes, 32);
        g_checksum_get_digest(checksum, digest, &length);
        g_checksum_free(checksum);
        bench_keep(digest[0]);
    }
    return KEYED / (bench_clock() - begun) / 1e6;
}

void
bench_stun(struct bench *bench)
{
    struct work work = { .mapped = { address_ipv4(0xcb007101), 40000 } };
    struct stun_header request = header;
    struct stun_builder builder;

    request.class = STUN_REQUEST;
    stun_builder_begin(&builder, work.request, sizeof work.request, &request);
    stun_put_text(&builder, STUN_SOFTWARE, span_of_text("punchlab"));
    stun_put_fingerprint(&builder);
    work.request_bytes = stun_builder_finish(&builder);
    work.response_bytes = build_response(&work, work.response, sizeof work.response);
    work.key = stun_key_new_short_term(span_of_text("VOkJxbRl1RmTxUk/WvJxBt"));

    bench_compare(bench, "STUN responses encoded", "M/s", BENCH_MORE, 0, encoded, copied, &work);
    bench_compare(bench, "STUN responses decoded", "M/s", BENCH_MORE, 0, decoded, copied, &work);
    bench_compare(bench, "STUN requests answered, with FINGERPRINT", "M/s", BENCH_MORE, 0, answered, copied, &work);
    bench_compare(bench, "STUN messages verified, HMAC-SHA1", "M/s", BENCH_MORE, 0, verified, hashed, &work);
    stun_key_free(work.key);
}
