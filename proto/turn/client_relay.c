/* Datagrams to and from peers (RFC 8656 sections 11 and 12). Nothing here takes memory but what waits for a
 * permission. */
#include "proto/turn/client_private.h"

#include "core/base/cursor.h"

/* The largest ChannelData, and a Send indication with as much as STUN's length field can say. */
#define MESSAGE_BYTES (STUN_HEADER_BYTES + 65536)

static struct turn_client *
client_of(const struct io_udp *udp)
{
    return (struct turn_client *)udp; /* its first member */
}

/* --- to peers ---------------------------------------------------------------------------------------------------- */

/* `message` goes to the server, marked as `datagram` is. */
static enum io_result
send_message(struct turn_client *client, struct io_datagram *datagram, struct span message)
{
    struct io_datagram leg = IO_DATAGRAM_TO(client->attempt.server, message);
    enum io_result result;

    if (client->options.udp)
        leg.local = client->options.local;
    leg.local.port = 0;
    leg.dscp = datagram->dscp;
    leg.ecn = datagram->ecn;
    result = client->leg->ops->send(client->leg, &leg);
    client->sent_at = turn_client_now(client);
    datagram->packet = leg.packet;
    client->counters.sent_bytes += result == IO_OK ? datagram->data.length : 0;
    return result;
}

static enum io_result
send_channel_data(struct turn_client *client, struct io_datagram *datagram, uint16_t number)
{
    uint8_t bytes[MESSAGE_BYTES];
    struct span message = turn_channel_data_write(number, datagram->data, bytes, sizeof bytes);
    enum io_result result;

    if (message.length == 0)
        return IO_TOO_BIG;
    result = send_message(client, datagram, message);
    client->counters.sent_channel += result == IO_OK;
    return result;
}

/* Section 11.1. */
static enum io_result
send_indication(struct turn_client *client, struct io_datagram *datagram)
{
    struct stun_header header = { STUN_INDICATION, STUN_SEND, STUN_COOKIE, { { 0 } } };
    uint8_t bytes[MESSAGE_BYTES];
    struct stun_builder builder;
    struct span message;
    enum io_result result;

    client->io->ops->random(client->io, header.id.bytes, STUN_ID_BYTES);
    stun_builder_begin(&builder, bytes, sizeof bytes, &header);
    stun_put_endpoint(&builder, STUN_XOR_PEER_ADDRESS, datagram->peer);
    if (datagram->dont_fragment == 1)
        stun_put_flag(&builder, STUN_DONT_FRAGMENT);
    stun_builder_raw(&builder, STUN_DATA_ATTRIBUTE, datagram->data);
    message = stun_builder_finish(&builder);
    if (message.length == 0)
        return IO_TOO_BIG;
    result = send_message(client, datagram, message);
    client->counters.sent_indication += result == IO_OK;
    return result;
}

/* Nobody answers it, and so it needs no timer (RFC 8445 section 11). */
void
turn_client_send_keepalive(struct turn_client *client)
{
    struct stun_header header = { STUN_INDICATION, STUN_BINDING, STUN_COOKIE, { { 0 } } };
    struct io_datagram nothing = IO_DATAGRAM_TO(client->attempt.server, span_of(NULL, 0));
    uint8_t bytes[STUN_HEADER_BYTES];
    struct stun_builder builder;

    client->io->ops->random(client->io, header.id.bytes, STUN_ID_BYTES);
    stun_builder_begin(&builder, bytes, sizeof bytes, &header);
    client->counters.keepalives += send_message(client, &nothing, stun_builder_finish(&builder)) == IO_OK;
}

/* Keeps a datagram until its permission is granted; the request goes out when none is under way. */
static enum io_result
hold(struct turn_client *client, const struct io_datagram *datagram)
{
    struct turn_client_permission *permission;

    if (!client->options.auto_permit)
        return IO_NO_ROUTE;
    if (datagram->data.length > UINT16_MAX - 64) /* no indication has room for it */
        return IO_TOO_BIG;
    permission = turn_client_permission_want(&client->peers, datagram->peer.address, turn_client_now(client));
    if (permission->held == TURN_CLIENT_HELD)
        return IO_FULL;
    permission->datagrams[permission->held++] = (struct turn_client_held){
        datagram->peer,          g_bytes_new(datagram->data.bytes, datagram->data.length),
        datagram->dscp,          datagram->ecn,
        datagram->dont_fragment,
    };
    client->counters.held++;
    turn_client_ask_for_due(client);
    return IO_OK;
}

void
turn_client_send_held(struct turn_client *client, struct turn_client_permission *permission)
{
    for (unsigned i = 0; i < permission->held; i++) {
        struct turn_client_held *held = &permission->datagrams[i];
        gsize length;
        const void *bytes = g_bytes_get_data(held->data, &length);
        struct io_datagram datagram = IO_DATAGRAM_TO(held->peer, span_of(bytes, length));

        datagram.dscp = held->dscp;
        datagram.ecn = held->ecn;
        datagram.dont_fragment = held->dont_fragment;
        client->counters.unsent += send_indication(client, &datagram) != IO_OK;
        g_bytes_unref(held->data);
    }
    permission->held = 0;
}

static enum io_result
may_send(const struct turn_client *client, const struct io_datagram *datagram)
{
    if (client->relay_closed || client->phase == PHASE_RELEASING || client->phase == PHASE_OVER)
        return IO_CLOSED;
    if (client->options.protocol == PROTOCOL_TCP)
        return IO_UNSUPPORTED;
    if (client->phase != PHASE_HOLDING)
        return IO_AGAIN;
    if (datagram->dont_fragment == 1 && !client->granted.dont_fragment)
        return IO_UNSUPPORTED;
    return address_family(datagram->peer.address) == address_family(client->granted.relayed.address) ? IO_OK
                                                                                                     : IO_NO_ROUTE;
}

static enum io_result
relay_send(struct io_udp *udp, struct io_datagram *datagram)
{
    struct turn_client *client = client_of(udp);
    enum io_result may = may_send(client, datagram);
    const struct turn_client_channel *channel;
    const struct turn_client_permission *permission;
    int64_t now;

    datagram->packet = 0;
    if (may != IO_OK)
        return may;
    now = turn_client_now(client);
    channel = turn_client_channel_find(&client->peers, datagram->peer);
    if (channel && datagram->dont_fragment != 1 && turn_client_lease_holds(&channel->lease, now))
        return send_channel_data(client, datagram, channel->number);
    permission = turn_client_permission_find(&client->peers, datagram->peer.address);
    if (permission && turn_client_lease_holds(&permission->lease, now))
        return send_indication(client, datagram);
    return client->options.send_unpermitted ? send_indication(client, datagram) : hold(client, datagram);
}

static enum io_result
relay_join(struct io_udp *udp, const struct address *group, int interface)
{
    (void)udp, (void)group, (void)interface;
    return IO_UNSUPPORTED;
}

static struct endpoint
relay_local(const struct io_udp *udp)
{
    const struct turn_client *client = client_of(udp);

    return client->phase == PHASE_HOLDING ? client->granted.relayed : (struct endpoint){ ADDRESS_NONE, 0 };
}

static void
relay_close(struct io_udp *udp)
{
    struct turn_client *client = client_of(udp);

    client->relay_closed = true;
    turn_client_release(client);
}

const struct io_udp_ops turn_client_relay_ops = { relay_send, relay_join, relay_local, relay_close };

/* --- from peers -------------------------------------------------------------------------------------------------- */

static void
drop(struct turn_client *client, uint64_t *counter, enum drop_reason reason, struct endpoint peer,
     const struct io_datagram *leg)
{
    (*counter)++;
    turn_client_note_drop(client, reason, peer, leg->packet);
}

/* What a peer has sent, from the relay's socket. */
static void
deliver(struct turn_client *client, const struct io_datagram *leg, struct endpoint peer, struct span data,
        uint64_t *counter)
{
    const struct io_udp_events *events = client->relay.events;
    struct io_datagram datagram = IO_DATAGRAM_TO(peer, data);

    if (client->relay.full || client->relay_closed || !events || !events->datagram) {
        drop(client, &client->counters.full, DROP_SOCKET_FULL, peer, leg);
        return;
    }
    (*counter)++;
    client->counters.received_bytes += data.length;
    datagram.local = client->granted.relayed;
    datagram.dscp = leg->dscp;
    datagram.ecn = leg->ecn;
    datagram.packet = leg->packet;
    turn_client_hold(client);
    events->datagram(client->relay.owner, &client->relay, &datagram);
    turn_client_let_go(client);
}

/* Section 12.6. */
static void
take_channel_data(struct turn_client *client, const struct io_datagram *leg)
{
    static const struct endpoint nobody;
    const struct turn_client_channel *channel;
    struct turn_channel_data message;

    if (!turn_channel_data_read(leg->data, &message)) {
        drop(client, &client->counters.malformed, DROP_MALFORMED_CHANNEL, nobody, leg);
        return;
    }
    channel = turn_client_channel_at(&client->peers, message.channel);
    if (client->phase != PHASE_HOLDING || !channel || !turn_client_channel_is_open(channel, turn_client_now(client))) {
        drop(client, &client->counters.unbound, DROP_NO_CHANNEL, nobody, leg);
        return;
    }
    deliver(client, leg, channel->peer, message.data, &client->counters.received_channel);
}

/* Section 11.4: the client believes there is a permission. From the request on: the answer may be overtaken. */
static bool
is_permitted(const struct turn_client *client, struct address peer)
{
    const struct turn_client_permission *permission = turn_client_permission_find(&client->peers, peer);

    return client->phase == PHASE_HOLDING && permission &&
           (permission->lease.transaction || turn_client_lease_holds(&permission->lease, turn_client_now(client)));
}

/* Section 18.13: 16 bits that mean nothing, type, code, and 32 bits of data. */
static void
deliver_icmp(struct turn_client *client, struct endpoint peer, uint64_t value)
{
    const struct io_udp_events *events = client->relay.events;
    struct io_icmp icmp = { .local = client->granted.relayed,
                            .peer = peer,
                            .type = (uint8_t)(value >> 40),
                            .code = (uint8_t)(value >> 32),
                            .info = (uint32_t)value };

    client->counters.received_icmp++;
    if (client->relay_closed || !events || !events->icmp)
        return;
    turn_client_hold(client);
    events->icmp(client->relay.owner, &client->relay, &icmp);
    turn_client_let_go(client);
}

/* RFC 6062 section 4.4. */
static void
take_attempt(struct turn_client *client, const struct io_datagram *leg, const struct stun_message *message,
             struct endpoint peer)
{
    struct turn_client_news news = { .event = TURN_CLIENT_ATTEMPT, .peer = peer };
    struct stun_value id;

    if (stun_message_get(message, STUN_CONNECTION_ID, &id) != STUN_PRESENT) {
        drop(client, &client->counters.malformed, DROP_MALFORMED_STUN, peer, leg);
        return;
    }
    news.connection = (uint32_t)id.number;
    turn_client_tell(client, &news);
}

/* Section 11.4: DATA, or ICMP in its place. */
static void
take_data(struct turn_client *client, const struct io_datagram *leg, const struct stun_message *message,
          struct endpoint peer)
{
    struct stun_value data, icmp;
    enum stun_found found = stun_message_get(message, STUN_DATA_ATTRIBUTE, &data);

    if (found == STUN_PRESENT)
        deliver(client, leg, peer, data.bytes, &client->counters.received_indication);
    else if (stun_message_get(message, STUN_ICMP, &icmp) == STUN_PRESENT)
        deliver_icmp(client, peer, icmp.number);
    else
        drop(client, &client->counters.malformed, DROP_MALFORMED_STUN, peer, leg);
}

static void
take_indication(struct turn_client *client, const struct io_datagram *leg)
{
    bool tcp = client->options.protocol == PROTOCOL_TCP;
    struct stun_message message;
    struct stun_types unknown;
    struct stun_value peer = { .endpoint = { ADDRESS_NONE, 0 } };

    if (stun_message_decode(leg->data, &message) != STUN_FAULT_NONE ||
        stun_message_unknown(&message, STUN_SET_BASE | STUN_SET_TURN | STUN_SET_TURN_TCP, &unknown) ||
        stun_message_get(&message, STUN_XOR_PEER_ADDRESS, &peer) != STUN_PRESENT) {
        drop(client, &client->counters.malformed, DROP_MALFORMED_STUN, (struct endpoint){ ADDRESS_NONE, 0 }, leg);
        return;
    }
    if (!is_permitted(client, peer.endpoint.address))
        drop(client, &client->counters.unpermitted, DROP_NO_PERMISSION, peer.endpoint, leg);
    else if (tcp != (message.header.method == STUN_CONNECTION_ATTEMPT))
        drop(client, &client->counters.unexpected, DROP_UNEXPECTED_STUN, peer.endpoint, leg);
    else if (tcp)
        take_attempt(client, leg, &message, peer.endpoint);
    else
        take_data(client, leg, &message, peer.endpoint);
}

bool
turn_client_datagram(struct turn_client *client, struct io_udp *udp, const struct io_datagram *datagram)
{
    struct stun_header header;

    if (udp != client->leg || !endpoint_equal(datagram->peer, client->attempt.server))
        return false;
    if (turn_looks_like_channel_data(datagram->data)) {
        take_channel_data(client, datagram);
        return true;
    }
    if (stun_client_datagram(client->stun, udp, datagram))
        return true;
    if (!stun_header_peek(datagram->data, &header) || header.class != STUN_INDICATION ||
        (header.method != STUN_DATA && header.method != STUN_CONNECTION_ATTEMPT))
        return false;
    take_indication(client, datagram);
    return true;
}

void
turn_client_own_datagram(struct turn_client *client, struct io_udp *udp, const struct io_datagram *datagram)
{
    struct stun_header header;

    if (turn_client_datagram(client, udp, datagram))
        return;
    if (stun_header_peek(datagram->data, &header))
        drop(client, &client->counters.unexpected, DROP_UNEXPECTED_STUN, datagram->peer, datagram);
    else
        drop(client, &client->counters.malformed, DROP_MALFORMED_STUN, datagram->peer, datagram);
}

bool
turn_client_icmp(struct turn_client *client, struct io_udp *udp, const struct io_icmp *icmp)
{
    if (udp != client->leg || !endpoint_equal(icmp->peer, client->attempt.server))
        return false;
    (void)stun_client_icmp(client->stun, udp, icmp);
    return true;
}
