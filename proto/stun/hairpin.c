/* Hairpinning (RFC 5780 section 4.5): two fresh sockets learn what they are mapped to, and each sends to the other's mapped
 * endpoint, some times: the first of one opens the filter for the other, where the mapping lets it. What arrives is known by
 * its transaction ID. */
#include "proto/stun/discovery_private.h"

#define ROUNDS 12
#define BETWEEN (200 * TIME_MS)

static void ask_next(struct stun_discovery *discovery);

static void
end(struct stun_discovery *discovery)
{
    discovery->hairpin.listening = false;
    for (int i = 0; i < 2; i++) {
        discovery_close(discovery->hairpin.ends[i]);
        discovery->hairpin.ends[i] = NULL;
    }
    discovery_next(discovery);
}

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

void
discovery_hairpin_round(struct stun_discovery *discovery)
{
    struct hairpin *hairpin = &discovery->hairpin;
    struct io *io = discovery->io;

    if (hairpin->rounds == ROUNDS || discovery->evidence.hairpin.heard) {
        end(discovery);
        return;
    }
    hairpin->rounds++;
    send_across(discovery, 0);
    send_across(discovery, 1);
    io->ops->arm(io, &discovery->alarm, io->ops->now(io) + BETWEEN, true);
}

void
discovery_hairpin_heard(struct asker *asker, const struct io_datagram *datagram)
{
    struct stun_discovery *discovery = asker->discovery;
    struct hairpin *hairpin = &discovery->hairpin;
    struct stun_hairpin_sight *sight = &discovery->evidence.hairpin;
    struct stun_header header;
    int from = asker == hairpin->ends[0];

    if (!hairpin->listening || sight->heard || (asker != hairpin->ends[0] && asker != hairpin->ends[1]) ||
        !stun_header_peek(datagram->data, &header) || !stun_id_equal(&header.id, &hairpin->ids[from]))
        return;
    sight->heard = true;
    sight->from = datagram->peer;
    sight->local = hairpin->ends[from]->local;
    sight->mapped = hairpin->mapped[from];
}

static void
on_mapped(void *owner, struct stun_transaction *transaction, const struct stun_result *result)
{
    struct stun_discovery *discovery = owner;
    struct hairpin *hairpin = &discovery->hairpin;

    (void)transaction;
    if (result->outcome != STUN_OUTCOME_ANSWERED) {
        end(discovery);
        return;
    }
    hairpin->mapped[hairpin->asked++] = discovery_mapped(result);
    ask_next(discovery);
}

static void
ask_next(struct stun_discovery *discovery)
{
    struct hairpin *hairpin = &discovery->hairpin;
    struct stun_request request;

    if (hairpin->asked == 2) {
        discovery->evidence.hairpin.tried = true;
        hairpin->listening = true;
        discovery_hairpin_round(discovery);
        return;
    }
    request = discovery_request(discovery, hairpin->ends[hairpin->asked], on_mapped, discovery);
    stun_transaction_start(stun_transaction_new(discovery->client, STUN_BINDING, &request));
}

void
discovery_hairpin(struct stun_discovery *discovery)
{
    struct hairpin *hairpin = &discovery->hairpin;

    for (int i = 0; i < 2; i++) {
        hairpin->ends[i] = discovery_open(discovery);
        discovery->io->ops->random(discovery->io, hairpin->ids[i].bytes, STUN_ID_BYTES);
    }
    if (hairpin->ends[0] && hairpin->ends[1])
        ask_next(discovery);
    else
        end(discovery);
}
