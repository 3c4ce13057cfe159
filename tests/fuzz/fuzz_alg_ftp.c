/* The ALG ftp in a box, and a control connection through it. The input decides what both ends say, how it is cut into
 * segments, which are lost, doubled, late or sent again with other boundaries, what is acknowledged, and how time goes on.
 *
 * Whatever comes: every packet is accounted for, what leaves has right checksums and always the same bytes at the same
 * place, nothing is acknowledged that was not sent, and each line arrives as it was, but for the one place that the ALG
 * understands. */
#include <glib.h>

#include "nat/alg/ftp_text.h"
#include "tests/fuzz/support_alg.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

enum { STEPS = 300 };

static const char *const lines[] = {
    "PORT 10,0,0,2,19,137\r\n", "PORT 10,0,0,3,19,137\r\n", "EPRT |1|10.0.0.2|5001|\r\n", "EPSV\r\n",
    "227 ok (10,0,0,2,19,137)\r\n", "229 ok (|||5001|)\r\n", "AUTH TLS\r\n", "234 ok\r\n", "502 no\r\n",
    "\xff\xf4\xff\xf2PORT 10,0,0,2,19,138\r\n",
};

/* ---- the ends */

/* What an end says: lines that mean something, and others. */
static void
fill(struct alg_end *end, struct reader *reader)
{
    unsigned count = reader_u8(reader) % 40;

    while (count-- > 0 && reader_left(reader) > 0) {
        uint8_t kind = reader_u8(reader);
        struct span line = span_of_text(lines[kind % G_N_ELEMENTS(lines)]);

        if (kind >= 200)
            line = reader_span(reader, MIN(reader_left(reader), kind - 199u));
        if (!alg_end_add(end, line))
            return;
    }
}

/* ---- what must hold in the end */

/* A line as it was, or with another text in the place that the ALG understands. */
static bool
is_like(struct span was, struct span is, unsigned from)
{
    struct ftp_place place = ftp_find(was, from == CLIENT);
    size_t behind = was.length - place.at - place.count;

    if (span_equal(was, is))
        return true;
    return from == CLIENT && place.form != FTP_NOTHING && is.length >= place.at + behind &&
           memcmp(was.bytes, is.bytes, place.at) == 0 &&
           memcmp(was.bytes + place.at + place.count, is.bytes + is.length - behind, behind) == 0;
}

static struct span
next_line(struct span *rest)
{
    const uint8_t *end = rest->length ? memchr(rest->bytes, '\n', rest->length) : NULL;
    size_t length = end ? (size_t)(end - rest->bytes) + 1 : rest->length;
    struct span line = span_of(rest->bytes, length);

    *rest = span_of(rest->bytes + length, rest->length - length);
    return line;
}

static void
compare(const struct alg_bench *bench, unsigned from)
{
    const struct alg_end *end = &bench->ends[from], *other = &bench->ends[!from];
    struct span was = span_of(end->data, end->length), is = span_of(other->got, other->received);

    while (is.length > 0) {
        struct span before = next_line(&was), after = next_line(&is);

        if (is.length > 0 || (after.length > 0 && after.bytes[after.length - 1] == '\n'))
            g_assert(is_like(before, after, from));
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct reader reader = reader_over(span_of(bytes, length));
    struct alg_bench *bench = g_new0(struct alg_bench, 1);

    alg_bench_open(bench, reader_u8(&reader), NAT_ALG_FTP, 0, 21);
    alg_bench_shake_hands(bench, reader_u8(&reader));
    fill(&bench->ends[CLIENT], &reader);
    fill(&bench->ends[SERVER], &reader);
    for (unsigned i = 0; i < STEPS && reader_left(&reader) > 0; i++)
        alg_bench_step(bench, &reader);
    world_run(bench->world, bench->world->now + 6 * TIME_S); /* what is held is let go */
    compare(bench, CLIENT);
    compare(bench, SERVER);
    alg_bench_close(bench);
    g_free(bench);
    return 0;
}
