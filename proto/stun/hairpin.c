/* Hairpinning (RFC 5780 section 4.5): two fresh sockets send to each other's mapped endpoint, a dozen times each, so that
 * what is heard by neither was not lost: of 24 packets one arrives unless nearly all are lost inside. What arrives is known
 * by its transaction ID.
 *
 * First the server tells what the two are mapped to, and after a silence once more: where it says something else, it had
 * not told the truth, or the NAT began anew meanwhile, and the silence proves nothing. Each sends there, which opens its own filter for the other where both
 * use the mapping that the server saw: where the mapping is endpoint-independent, or where nothing is filtered. Elsewhere
 * the two have other mappings for each other than for the server, which nobody outside sees. So further pairs go by what
 * is foretold of their ports, where these are (classify.h):
 *
 *   preserved   each sends to the other's own port; neither has sent anything before, or the server would have its port
 *   sequential  a look, which is a fresh socket that asks the server, gets port p: the next two mappings are p + step and
 *               p + 2 step. One socket sends to the former, the other to the latter. Whichever got which, what is sent
 *               arrives at the other or at its own sender, from whom the filter lets it in
 *
 * A silence proves something only where the ports were foretold rightly; another look afterwards shows it: ports are still
 * preserved, or are further by none or by both of the two mappings. `foretold` counts these pairs. */
#include "proto/stun/discovery_private.h"

#define ROUNDS 12
#define BETWEEN (200 * TIME_MS)

static void begin_pair(struct stun_discovery *discovery);
static void ask_next(struct stun_discovery *discovery);
static void look(struct stun_discovery *discovery);

static void
close_ends(struct stun_discovery *discovery)
{
    for (int i = 0; i < 2; i++) {
        discovery_close(discovery->hairpin.ends[i]);
        discovery->hairpin.ends[i] = NULL;
    }
}

static void
end(struct stun_discovery *discovery)
{
    close_ends(discovery);
    discovery_close(discovery->hairpin.looker);
    discovery->hairpin.looker = NULL;
    discovery_next(discovery);
}

static bool
open_ends(struct stun_discovery *discovery)
{
    struct hairpin *hairpin = &discovery->hairpin;

    for (int i = 0; i < 2; i++) {
        hairpin->ends[i] = discovery_open(discovery);
        discovery->io->ops->random(discovery->io, hairpin->ids[i].bytes, STUN_ID_BYTES);
    }
    return hairpin->ends[0] && hairpin->ends[1];
}

/* --- a pair sends ------------------------------------------------------------------------------------------------ */

static void
send_across(struct stun_discovery *discovery, int from)
{
    struct hairpin *hairpin = &discovery->hairpin;
    struct stun_header header = { STUN_REQUEST, STUN_BINDING, STUN_COOKIE, hairpin->ids[from] };
    struct io_udp *udp = hairpin->ends[from]->udp;
    struct stun_builder builder;
    uint8_t buffer[STUN_HEADER_BYTES];

    stun_builder_begin(&builder, buffer, sizeof buffer, &header);

    struct io_datagram datagram = IO_DATAGRAM_TO(hairpin->mapped[!from], stun_builder_finish(&builder));

    (void)udp->ops->send(udp, &datagram); /* what the host will not send does not come back */
}

static void
begin_rounds(struct stun_discovery *discovery)
{
    discovery->hairpin.listening = true;
    discovery->hairpin.rounds = 0;
    discovery_hairpin_round(discovery);
}

/* All rounds are over, or something was heard. */
static void
end_rounds(struct stun_discovery *discovery)
{
    struct hairpin *hairpin = &discovery->hairpin;

    hairpin->listening = false;
    if (discovery->evidence.hairpin.heard)
        end(discovery);
    else if (hairpin->pairs == 0)
        ask_next(discovery);
    else
        look(discovery);
}

void
discovery_hairpin_round(struct stun_discovery *discovery)
{
    struct hairpin *hairpin = &discovery->hairpin;
    struct io *io = discovery->io;
    int64_t wait = BETWEEN;

    if (hairpin->rounds == ROUNDS || discovery->evidence.hairpin.heard) {
        end_rounds(discovery);
        return;
    }
    hairpin->rounds++;
    send_across(discovery, 0);
    send_across(discovery, 1);
    if (hairpin->rounds == ROUNDS) /* what turns round takes no longer than to the server and back */
        wait = MAX(wait, discovery->round_trip);
    io->ops->arm(io, &discovery->alarm, io->ops->now(io) + wait, true);
}

void
discovery_hairpin_heard(struct asker *asker, const struct io_datagram *datagram)
{
    struct stun_discovery *discovery = asker->discovery;
    struct hairpin *hairpin = &discovery->hairpin;
    struct stun_hairpin_sight *sight = &discovery->evidence.hairpin;
    struct stun_header header;

    if (!hairpin->listening || sight->heard || (asker != hairpin->ends[0] && asker != hairpin->ends[1]) ||
        !stun_header_peek(datagram->data, &header))
        return;
    for (int from = 0; from < 2; from++) {
        if (!stun_id_equal(&header.id, &hairpin->ids[from]))
            continue;
        sight->heard = true;
        sight->from = datagram->peer;
        sight->local = hairpin->ends[from]->local;
        sight->mapped = hairpin->mapped[from];
    }
}

/* --- pairs whose ports are foretold ------------------------------------------------------------------------------ */

static struct endpoint
further(struct endpoint from, int by)
{
    return (struct endpoint){ from.address, (uint16_t)(from.port + by) };
}

/* Where the two will be mapped to, after a look that was mapped to `seen`. */
static void
foretell(struct hairpin *hairpin, struct endpoint seen)
{
    for (int i = 0; i < 2; i++)
        hairpin->mapped[i] = hairpin->step ? further(seen, hairpin->step * (i + 1))
                                           : (struct endpoint){ seen.address, hairpin->ends[i]->local.port };
}

static bool
was_foretold(const struct hairpin *hairpin, struct endpoint now)
{
    if (hairpin->step == 0)
        return now.port == hairpin->looker->local.port && address_equal(now.address, hairpin->seen.address);
    return endpoint_equal(now, further(hairpin->seen, hairpin->step)) ||
           endpoint_equal(now, further(hairpin->seen, 3 * hairpin->step));
}

static void
on_look(void *owner, struct stun_transaction *transaction, const struct stun_result *result)
{
    struct stun_discovery *discovery = owner;
    struct hairpin *hairpin = &discovery->hairpin;

    (void)transaction;
    if (result->outcome != STUN_OUTCOME_ANSWERED) {
        end(discovery);
        return;
    }
    if (hairpin->ends[0]) { /* afterwards */
        discovery->evidence.hairpin.foretold += was_foretold(hairpin, discovery_mapped(result));
        begin_pair(discovery);
        return;
    }
    hairpin->seen = discovery_mapped(result);
    if (!open_ends(discovery)) {
        end(discovery);
        return;
    }
    foretell(hairpin, hairpin->seen);
    begin_rounds(discovery);
}

static void
look(struct stun_discovery *discovery)
{
    struct hairpin *hairpin = &discovery->hairpin;
    struct stun_request request;

    discovery_close(hairpin->looker);
    hairpin->looker = discovery_open(discovery);
    if (!hairpin->looker) {
        end(discovery);
        return;
    }
    request = discovery_request(discovery, hairpin->looker, on_look, discovery);
    stun_transaction_start(stun_transaction_new(discovery->client, STUN_BINDING, &request));
}

/* The next pair, where one can tell more. */
static void
begin_pair(struct stun_discovery *discovery)
{
    struct hairpin *hairpin = &discovery->hairpin;
    struct stun_findings findings;

    close_ends(discovery);
    stun_classify(&discovery->evidence, &findings);
    if (findings.hairpin.value >= 0 || discovery->evidence.hairpin.unsteady || hairpin->pairs == STUN_HAIRPIN_PAIRS ||
        (findings.ports.value != STUN_PORTS_PRESERVE && findings.ports.value != STUN_PORTS_SEQUENTIAL)) {
        end(discovery);
        return;
    }
    hairpin->pairs++;
    hairpin->step = findings.step;
    look(discovery);
}

/* --- the pair that is told by the server ------------------------------------------------------------------------- */

/* After the rounds: whether what the server had said of this end still holds. */
static void
again(struct stun_discovery *discovery, const struct stun_result *result)
{
    const struct hairpin *hairpin = &discovery->hairpin;

    if (result->outcome != STUN_OUTCOME_ANSWERED || endpoint_equal(hairpin->mapped[0], hairpin->mapped[1]) ||
        !endpoint_equal(discovery_mapped(result), hairpin->mapped[hairpin->asked % 2]))
        discovery->evidence.hairpin.unsteady = true;
}

/* The next end is asked, or, when both have been, what follows on that. */
static void
begin_or_ask(struct stun_discovery *discovery)
{
    if (discovery->hairpin.asked == 2) {
        discovery->evidence.hairpin.tried = true;
        begin_rounds(discovery);
    } else if (discovery->hairpin.asked == 4) {
        begin_pair(discovery);
    } else {
        ask_next(discovery);
    }
}

static void
on_mapped(void *owner, struct stun_transaction *transaction, const struct stun_result *result)
{
    struct stun_discovery *discovery = owner;
    struct hairpin *hairpin = &discovery->hairpin;

    (void)transaction;
    if (hairpin->asked >= 2) {
        again(discovery, result);
    } else if (result->outcome != STUN_OUTCOME_ANSWERED) {
        end(discovery);
        return;
    } else {
        hairpin->mapped[hairpin->asked] = discovery_mapped(result);
    }
    hairpin->asked++;
    begin_or_ask(discovery);
}

static void
ask_next(struct stun_discovery *discovery)
{
    struct hairpin *hairpin = &discovery->hairpin;
    struct stun_request request = discovery_request(discovery, hairpin->ends[hairpin->asked % 2], on_mapped, discovery);

    stun_transaction_start(stun_transaction_new(discovery->client, STUN_BINDING, &request));
}

void
discovery_hairpin(struct stun_discovery *discovery)
{
    if (open_ends(discovery))
        ask_next(discovery);
    else
        end(discovery);
}
