/* Behaviour discovery with the network in the hands of the input: what is lost, doubled, damaged, made up, and how time
 * goes on.
 *
 * What must hold: it ends, once, unless it is freed before; nothing is left armed or open; what it found has a word or a
 * reason; every piece of evidence has a sentence. */
#include "core/base/cursor.h"
#include "proto/stun/discovery.h"
#include "proto/stun/server.h"
#include "tests/unit/support_io.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#define MOST_STEPS 2000

struct world {
    struct fake_io *host, *far;
    struct stun_server *server;
    struct stun_discovery *discovery; /* NULL: over */
    unsigned calls;
};

static void
check_finding(const struct stun_finding *finding, int most)
{
    g_assert_cmpint(finding->value, >=, -1);
    g_assert_cmpint(finding->value, <=, most);
    g_assert_true((finding->value < 0) == (finding->why != NULL));
}

static void
on_done(void *owner, struct stun_discovery *discovery, const struct stun_evidence *evidence,
        const struct stun_findings *findings)
{
    struct world *world = owner;
    g_autoptr(GString) text = g_string_new(NULL);

    g_assert_true(discovery == world->discovery);
    world->calls++;
    check_finding(&findings->mapping, STUN_NO_TRANSLATION);
    check_finding(&findings->filtering, STUN_ADDRESS_AND_PORT_DEPENDENT);
    check_finding(&findings->ports, STUN_PORTS_RANDOM);
    check_finding(&findings->hairpin, STUN_HAIRPIN_EXTERNAL_SOURCE);
    check_finding(&findings->lifetime, 0);
    check_finding(&findings->fragments, STUN_FRAGMENTS_DROPPED);
    check_finding(&findings->alg, STUN_ALG_REWRITES);
    check_finding(&findings->class, STUN_CLASS_SYMMETRIC);
    check_finding(&findings->walk, STUN_CLASS_SYMMETRIC);
    for (unsigned i = 0; i < stun_evidence_count(evidence); i++)
        stun_evidence_say(evidence, i, text);
    stun_discovery_free(discovery); /* in its own callback */
    world->discovery = NULL;
}

static void
advance(struct world *world, int64_t duration)
{
    fake_io_advance(world->host, duration);
    fake_io_advance(world->far, duration);
}

/* The oldest datagram on its way, a byte of it changed, perhaps twice, perhaps from somewhere else. */
static void
deliver_damaged(struct fake_io *from, struct fake_io *to, struct reader *input)
{
    const struct fake_datagram *datagram = fake_io_take(from);
    uint8_t at = reader_u8(input), with = reader_u8(input), how = reader_u8(input);

    if (!datagram)
        return;

    g_autofree uint8_t *copy = g_memdup2(datagram->data.bytes, datagram->data.length);
    struct endpoint source = datagram->local;

    if (datagram->data.length > 0)
        copy[at % datagram->data.length] ^= with;
    source.port ^= how >> 4;
    for (int i = 0; i <= (how & 1); i++)
        fake_io_deliver(to, datagram->peer, source, span_of(copy, datagram->data.length));
}

static void
step(struct world *world, struct reader *input)
{
    static const enum io_result results[] = { IO_OK, IO_OK, IO_FULL, IO_UNREACHABLE };
    uint8_t what = reader_u8(input);

    switch (what & 7) {
    case 0:
    case 1:
        fake_io_carry(world->host, world->far);
        fake_io_carry(world->far, world->host);
        break;
    case 2:
        advance(world, (int64_t)(what >> 3) * 100 * TIME_MS);
        break;
    case 3:
        advance(world, (int64_t)(what >> 3) * TIME_MIN);
        break;
    case 4:
        (void)fake_io_take(what & 8 ? world->host : world->far);
        break;
    case 5:
        deliver_damaged(what & 8 ? world->host : world->far, what & 8 ? world->far : world->host, input);
        break;
    case 6:
        if (fake_io_waiting(world->host)) {
            const struct fake_datagram *lost = fake_io_take(world->host);

            fake_io_deliver_icmp(world->host, lost->local, lost->peer, 3, what >> 3);
        }
        break;
    case 7:
        world->host->send_result = results[what >> 3 & 3];
        break;
    }
}

static void
open_world(struct world *world, uint8_t how)
{
    struct stun_server_options options = STUN_SERVER_DEFAULTS;
    struct stun_discovery_options wanted = { .lifetime_most = how & 1 ? 2 * TIME_MIN : 0, .no_padding = how & 2 };
    enum io_result why;

    world->host = fake_io_new("10.0.0.2");
    world->far = fake_io_new("198.51.100.1");
    world->far->second = address_ipv4(0xc6336402);
    options.listen[0].address = world->far->address;
    if (how & 4)
        options.second.address = world->far->second;
    options.ignore_change = how & 8;
    world->server = stun_server_new(&world->far->io, &options, &why);
    wanted.server = (struct endpoint){ world->far->address, STUN_PORT };
    world->discovery = stun_discovery_start(&world->host->io, &wanted, on_done, world, &why);
    g_assert_nonnull(world->discovery);
}

/* Alone, or with a network that works again, it comes to its end. */
static void
close_world(struct world *world, uint8_t how)
{
    world->host->send_result = IO_OK;
    for (int i = 0; i < 20000 && world->discovery && !(how & 16); i++) {
        if (how & 32) {
            fake_io_carry(world->host, world->far);
            fake_io_carry(world->far, world->host);
        }
        advance(world, fake_io_next(world->host) == TIME_NEVER ? 0 : MAX(fake_io_next(world->host) - world->host->now, 0));
    }
    g_assert_true(how & 16 || world->calls == 1);
    stun_discovery_free(world->discovery);
    stun_server_free(world->server);
    g_assert_true(fake_io_free(world->host));
    g_assert_true(fake_io_free(world->far));
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct world world = { 0 };
    struct reader input = reader_over(span_of(bytes, length));
    uint8_t how = reader_u8(&input);

    open_world(&world, how);
    for (int steps = 0; steps < MOST_STEPS && reader_left(&input) > 0; steps++)
        step(&world, &input);
    close_world(&world, how);
    return 0;
}
