/* Theory of operation: see enum portmap_phase. How a transaction ends decides what comes next:
 *   granted                         HOLDING, until the renewal
 *   unheard, and the mapping lives  HOLDING, until half of what is left, and when 4 s are left until the end
 *   refused, or failed otherwise    OVER: a gateway that refuses a renewal has no such mapping any more
 *   released                        OVER
 * The owner is told last. */
#include "proto/portmap/client_private.h"

#include "proto/portmap/kinds.h"
#include "proto/portmap/leases.h"
#include "proto/portmap/nat_pmp.h"

#define RENEWAL_LEAST (4 * TIME_S) /* RFC 6887 section 11.2.1 */
#define RECREATE_WITHIN 5000       /* milliseconds: RFC 6886 section 3.7 */

static const struct {
    const char *word, *sentence;
} failures[] = {
#define X(name, word, sentence) { word, sentence },
    PORTMAP_FAILURES(X)
#undef X
};

G_STATIC_ASSERT(G_N_ELEMENTS(failures) == PORTMAP_FAILURE_COUNT);

const char *
portmap_failure_word(enum portmap_failure failure)
{
    return failures[failure].word;
}

const char *
portmap_failure_sentence(enum portmap_failure failure)
{
    return failures[failure].sentence;
}

int64_t
portmap_client_now(const struct portmap_client *client)
{
    return client->io->ops->now(client->io);
}

uint32_t
portmap_client_dice(struct portmap_client *client)
{
    uint8_t bytes[4];
    struct reader reader;

    client->io->ops->random(client->io, bytes, sizeof bytes);
    reader = reader_over(span_of(bytes, sizeof bytes));
    return reader_u32(&reader);
}

void
portmap_client_arm(struct portmap_client *client, int64_t at, bool busy)
{
    client->io->ops->arm(client->io, &client->alarm, at, busy);
}

void
portmap_client_note(struct portmap_client *client, const struct record_kind *kind, uint64_t packet, unsigned code,
                    unsigned number)
{
    struct record record = { .kind = kind,
                             .packet = packet,
                             .rule = (uint16_t)client->via,
                             .before = { client->internal.address, client->server.address, client->internal.port,
                                         client->server.port, PROTOCOL_UDP },
                             .subject = { code, number } };

    if (!client->io->ops->listening(client->io))
        return;
    if (kind == &portmap_kind_granted) {
        record.after = (struct flow){ client->internal.address, client->external.address, client->internal.port,
                                      client->external.port, client->request.protocol };
        record.detail = client->lifetime;
    }
    client->io->ops->note(client->io, &record);
}

/* --- transactions ------------------------------------------------------------------------------------------------ */

static void
begin(struct portmap_client *client, uint32_t lifetime)
{
    client->phase = PHASE_ASKING;
    client->recreating = false;
    client->asked = lifetime;
    client->way->begin(client);
}

static void
tell(struct portmap_client *client, const struct portmap_news *news)
{
    client->request.told(client->request.owner, client, news);
}

/* When to ask again for a mapping that has `left` to live: between 1/2 and 5/8 of it from now. */
static int64_t
renewal(struct portmap_client *client, int64_t left)
{
    return left / 2 + (int64_t)(portmap_client_dice(client) % 1000) * (left / 8000);
}

static void
hold(struct portmap_client *client)
{
    int64_t now = portmap_client_now(client), left = client->expires - now;

    client->phase = PHASE_HOLDING;
    if (client->expires == TIME_NEVER)
        client->io->ops->disarm(client->io, &client->alarm);
    else
        portmap_client_arm(client, left > RENEWAL_LEAST ? now + renewal(client, left) : client->expires, false);
}

static void
end(struct portmap_client *client)
{
    client->phase = PHASE_OVER;
    client->holds = false;
    client->io->ops->disarm(client->io, &client->alarm);
    client->way->stop(client);
}

void
portmap_way_granted(struct portmap_client *client, struct endpoint external, uint32_t lifetime)
{
    struct portmap_news news = { .event = client->releasing ? PORTMAP_RELEASED : PORTMAP_GRANTED, .via = client->via };

    if (client->releasing) {
        client->lifetime = 0;
        portmap_client_note(client, &portmap_kind_granted, 0, 0, 0);
        end(client);
        tell(client, &news);
        return;
    }
    news.changed = !client->holds || !endpoint_equal(client->external, external);
    news.external = client->external = external;
    news.lifetime = client->lifetime = lifetime;
    client->holds = true;
    client->expires = portmap_lifetime_end(lifetime, portmap_client_now(client));
    portmap_client_note(client, &portmap_kind_granted, 0, 0, 0);
    hold(client);
    tell(client, &news);
}

void
portmap_way_failed(struct portmap_client *client, enum portmap_failure failure, unsigned code, enum io_result io)
{
    struct portmap_news news = {
        .event = PORTMAP_FAILED, .via = client->via, .failure = failure, .code = code, .io = io
    };

    portmap_client_note(client, &portmap_kind_failed, 0, code, failure);
    if (client->holds && !client->releasing && failure != PORTMAP_FAILURE_REJECTED &&
        portmap_client_now(client) < client->expires) {
        hold(client);
        return;
    }
    end(client);
    tell(client, &news);
}

void
portmap_way_lose(struct portmap_client *client, enum portmap_failure failure, enum io_result io)
{
    client->is_lost = true;
    client->lost = (struct portmap_news){ .failure = failure, .io = io };
    portmap_client_arm(client, portmap_client_now(client), true);
}

void
portmap_client_lost_state(struct portmap_client *client)
{
    int64_t wait = (int64_t)(portmap_client_dice(client) % RECREATE_WITHIN) * TIME_MS;

    if (client->recreating)
        return;
    portmap_client_note(client, &portmap_kind_lost, 0, 0, 0);
    client->recreating = client->phase == PHASE_HOLDING;
    if (client->recreating)
        portmap_client_arm(client, portmap_client_now(client) + wait, true);
}

static void
on_alarm(void *owner, struct io_timer *timer)
{
    struct portmap_client *client = owner;

    (void)timer;
    if (client->is_lost && client->lost.failure == PORTMAP_FAILURE_NONE) { /* released before there was anything */
        portmap_way_granted(client, client->external, 0);
    } else if (client->is_lost) {
        client->is_lost = false;
        portmap_way_failed(client, client->lost.failure, 0, client->lost.io);
    } else if (client->phase == PHASE_ASKING) {
        client->way->fire(client);
    } else if (portmap_client_now(client) >= client->expires) {
        portmap_way_failed(client, PORTMAP_FAILURE_EXPIRED, 0, IO_OK);
    } else {
        begin(client, client->request.lifetime);
    }
}

/* --- life -------------------------------------------------------------------------------------------------------- */

/* The internal endpoint is what the gateway is asked to map, so it has to be known. */
static enum io_result
find_internal(struct portmap_client *client)
{
    static const struct address upnp_group = { 0, ADDRESS_MAPPED_TAG << 32 | 0xeffffffa };
    struct address toward = client->request.gateway.address;

    client->internal = (struct endpoint){ client->request.local, client->request.port };
    if (!address_is_unspecified(client->internal.address))
        return IO_OK;
    if (address_is_unspecified(toward))
        toward = upnp_group;
    return client->io->ops->source(client->io, &toward, &client->internal.address);
}

struct portmap_client *
portmap_client_new(struct io *io, const struct portmap_request *request)
{
    struct portmap_client *client = g_new0(struct portmap_client, 1);
    enum io_result result;

    client->io = io;
    client->request = *request;
    client->description = g_strdup(request->description ? request->description : "punchlab");
    client->via = request->via;
    client->way = request->via == PORTMAP_UPNP ? &portmap_way_upnp : &portmap_way_udp;
    client->alarm = (struct io_timer){ .fire = on_alarm, .owner = client };
    if (client->request.lifetime == 0)
        client->request.lifetime = NAT_PMP_LIFETIME;
    if (client->request.gateway.port == 0 && request->via != PORTMAP_UPNP)
        client->request.gateway.port = PCP_PORT;
    client->server = client->request.gateway;
    io->ops->random(io, client->nonce, sizeof client->nonce);
    result = find_internal(client);
    if (result == IO_OK)
        begin(client, client->request.lifetime);
    else
        portmap_way_lose(client, PORTMAP_FAILURE_UNREACHABLE, result);
    return client;
}

void
portmap_client_release(struct portmap_client *client)
{
    if (client->phase == PHASE_OVER || client->releasing)
        return;
    client->way->interrupt(client);
    client->releasing = true;
    client->is_lost = false;
    client->phase = PHASE_ASKING;
    if (client->via == PORTMAP_UPNP && !client->holds) /* it would be ended by its external port */
        portmap_way_lose(client, PORTMAP_FAILURE_NONE, IO_OK);
    else
        begin(client, 0);
}

void
portmap_client_free(struct portmap_client *client)
{
    if (!client)
        return;
    client->io->ops->disarm(client->io, &client->alarm);
    client->way->stop(client);
    g_free(client->description);
    g_free(client);
}

struct endpoint
portmap_client_internal(const struct portmap_client *client)
{
    return client->internal;
}

bool
portmap_client_holds(const struct portmap_client *client)
{
    return client->holds;
}

struct endpoint
portmap_client_external(const struct portmap_client *client)
{
    return client->external;
}
