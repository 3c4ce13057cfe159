#include "scenarios/lab/exchanges.h"

#include "core/net/stack.h"

static void
sip_free(void *server)
{
    sip_exchange_free(server);
}

static struct endpoint
sip_local(const void *server)
{
    return sip_exchange_local(server);
}

static uint64_t
refused(const struct sip_exchange_counters *counters)
{
    uint64_t sum = 0;

    for (enum sip_refusal i = SIP_REFUSAL_NONE; i < SIP_REFUSAL_COUNT; i++)
        sum += counters->refused[i];
    return sum;
}

static size_t
sip_counters(const void *server, struct service_counter *rows)
{
    struct sip_exchange *exchange = (void *)server;
    const struct sip_exchange_counters *counters = sip_exchange_counters(exchange);
    struct sip_transactions *transactions = sip_exchange_transactions(exchange);
    const struct sip_carrier_counters *carrier = sip_carrier_counters(sip_transactions_carrier(transactions));
    const struct service_counter all[] = {
        { "bindings", sip_locations_count(sip_exchange_locations(exchange)) },
        { "requests", counters->requests },
        { "registrations", counters->registers },
        { "forwarded", counters->forwarded },
        { "branches", counters->branches },
        { "refused", refused(counters) },
        { "responses", counters->responses },
        { "acks", counters->acks },
        { "cancels", counters->cancels },
        { "answered", counters->answered },
        { "failed", counters->failed },
        { "dropped", counters->strays + counters->acks_dropped },
        { "bound", counters->bound },
        { "refreshed", counters->refreshed },
        { "unbound", counters->unbound },
        { "expired", counters->expired },
        { "flows_ended", counters->flows_ended },
        { "received", carrier->received },
        { "sent", carrier->sent },
        { "malformed", carrier->malformed },
        { "retransmissions", sip_transactions_counters(transactions)->again_sent },
        { "connections", carrier->accepted + carrier->connected },
        { "turned_away", carrier->turned_away },
        { "keepalives", carrier->pings + carrier->bindings },
    };

    G_STATIC_ASSERT(G_N_ELEMENTS(all) <= SERVICE_COUNTERS_MOST);
    memcpy(rows, all, sizeof all);
    return G_N_ELEMENTS(all);
}

static const struct service_kind sip_kind = { sip_free, sip_local, sip_counters };

struct service *
service_start_sip(struct node *node, const struct sip_exchange_options *options, enum io_result *why)
{
    struct sip_exchange *server = sip_exchange_new(node_io(node), options, why);

    return server ? service_take(node, &sip_kind, server) : NULL;
}
