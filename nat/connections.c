/* What is TCP's in a packet's way through a NAT. way.c asks here.
 *
 * A SYN begins a connection, out or in where the filter admits it; all else goes on with one. What belongs to no
 * connection is not followed:
 *
 *   out   without a mapping it is dropped as `no-session`: RFC 5382 leaves the choice, and the state machine of RFC 7857
 *         knows no way in but a SYN. Where another connection has made a mapping, it passes (RFC 6146 section 3.5.2.2,
 *         state CLOSED) and makes nothing live longer.
 *   in    where the filter admits it, it passes in the same manner. */
#include "core/base/cursor.h"
#include "nat/box.h"
#include "nat/shares.h"

uint8_t
nat_tcp_flags(const struct packet *packet)
{
    struct reader reader = reader_over(packet_transport(packet));

    reader_skip(&reader, 13);
    return reader_u8(&reader);
}

/* ---- state */

static int64_t
lifetime(const struct nat *nat, enum nat_tcp_state state)
{
    switch (nat_tcp_timer_of(state)) {
    case NAT_TCP_OPENING:
        return nat->options->tcp_opening;
    case NAT_TCP_CLOSING:
        return nat->options->tcp_closing;
    default:
        return nat->options->tcp.timeout;
    }
}

static void
refresh(struct nat *nat, uint32_t number)
{
    enum nat_tcp_state state = session_at(nat->table, number)->tcp.state;

    if (session_refresh(nat->table, number, time_add(nat_world(nat)->now, lifetime(nat, state))))
        nat_arm(nat);
}

static struct record
session_record(const struct nat *nat, uint32_t number, const struct record_kind *kind)
{
    const struct session *session = session_at(nat->table, number);
    const struct mapping *mapping = mapping_at(nat->table, session->mapping);

    return (struct record){
        .at = nat_world(nat)->now,
        .kind = kind,
        .node = nat->box.node->number,
        .subject = { mapping->number, session->ordinal },
        .before = { mapping->internal_address, session->remote_address, mapping->internal_port, session->remote_port,
                    PROTOCOL_TCP },
        .after = { mapping->external_address, session->remote_address, mapping->external_port, session->remote_port,
                   PROTOCOL_TCP },
        .detail = session->deadline,
    };
}

static void
journal_session(struct nat *nat, uint32_t number, const struct record_kind *kind, const struct packet *packet,
                uint16_t rule)
{
    struct record record = session_record(nat, number, kind);

    record.packet = packet->name;
    record.cause = packet->cause;
    record.size = (uint16_t)MIN(packet->length, UINT16_MAX);
    record.ttl = packet->ttl;
    record.rule = rule;
    journal_take(nat_world(nat)->journal, &record);
}

/* The only place where a connection changes its state. */
static void
change_state(struct nat *nat, uint32_t number, struct nat_tcp next, const struct packet *packet,
             enum nat_tcp_side side)
{
    struct session *session = session_at(nat->table, number);
    enum nat_tcp_state from = session->tcp.state;

    session->tcp = next;
    refresh(nat, number);
    if (nat_world(nat)->journal)
        journal_session(nat, number, &nat_connection_state_kind, packet,
                        nat_tcp_rule(from, next.state, nat_tcp_flags(packet), side));
}

static bool
counts_as_traffic(const struct nat *nat, enum nat_tcp_side side)
{
    return nat->options->tcp.refresh == NAT_REFRESH_BOTH ||
           (nat->options->tcp.refresh == NAT_REFRESH_OUTBOUND) == (side == NAT_TCP_INSIDE);
}

/* A segment of a connection that is followed. */
static void
go_on(struct nat *nat, uint32_t number, const struct packet *packet, enum nat_tcp_side side)
{
    uint8_t flags = nat_tcp_flags(packet);
    struct nat_tcp tcp = session_at(nat->table, number)->tcp, next = nat_tcp_next(tcp, flags, side);

    if (next.state != tcp.state)
        change_state(nat, number, next, packet, side);
    else if (nat_tcp_refreshes(flags) && counts_as_traffic(nat, side))
        refresh(nat, number);
}

/* A SYN begins one. */
static uint32_t
begin(struct nat *nat, uint32_t slot, const struct endpoint *remote, const struct packet *packet,
      enum nat_tcp_side side)
{
    struct world *world = nat_world(nat);
    enum nat_tcp_state state = nat_tcp_begin(side).state;
    uint32_t number =
        session_make(nat->table, slot, remote, side, time_add(world->now, lifetime(nat, state)));

    nat->counts.connections++;
    world->touched = true;
    nat_arm(nat);
    if (world->journal)
        journal_session(nat, number, &nat_connection_new_kind, packet, nat_tcp_rule(state, state, TCP_SYN, side));
    return number;
}

/* Another SYN of this connection may be held, as one that nobody had asked for. */
static void
note_syn(struct nat *nat, const struct packet *packet, uint32_t slot, const struct endpoint *remote)
{
    struct endpoint external = mapping_external(mapping_at(nat->table, slot));

    if (nat->syns && nat_tcp_flags(packet) & TCP_SYN)
        nat_syns_crossed(nat, &external, remote);
}

/* ---- out */

uint32_t
nat_tcp_find_way(const struct nat *nat, const struct mapping_key *key, uint16_t *rule)
{
    uint32_t number = session_find_ends(nat->table, &key->internal, &key->remote);
    const struct session *session;

    if (!number)
        return 0;
    session = session_at(nat->table, number);
    if (mapping_at(nat->table, session->mapping)->open)
        *rule = NAT_RULE_OPEN;
    else if (nat_world(nat)->journal && mapping_find(nat->table, key) == session->mapping)
        *rule = NAT_RULE_DEPENDENCE + key->dependence;
    else
        *rule = session->flags & SESSION_INVITED ? NAT_RULE_KEPT : NAT_RULE_AFFINITY;
    return session->mapping;
}

/* The mapping for a SYN, and the session. */
static enum drop_reason
open_way(struct nat *nat, const struct mapping_key *key, const struct packet *packet, const struct port *out,
         struct way *way)
{
    enum drop_reason reason;

    if (nat->table && !session_room(nat->table, NAT_TCP_INSIDE))
        return DROP_MAPPING_LIMIT;
    if (!way->slot) {
        way->rule = NAT_RULE_DEPENDENCE + key->dependence;
        reason = nat_make_mapping(nat, key, packet, out, &way->slot);
        if (reason != DROP_NONE)
            return reason;
        if (mapping_at(nat->table, way->slot)->open)
            way->rule = NAT_RULE_OPEN;
    }
    way->session = begin(nat, way->slot, &key->remote, packet, NAT_TCP_INSIDE);
    return DROP_NONE;
}

enum drop_reason
nat_tcp_take_way(struct nat *nat, const struct packet *packet, const struct mapping_key *key, const struct port *out,
                 struct way *way)
{
    enum drop_reason reason;

    way->session = way->slot ? session_find(nat->table, way->slot, &key->remote) : 0;
    way->opens = false;
    if (!way->session && !nat_tcp_opens(nat_tcp_flags(packet)))
        return way->slot ? DROP_NONE : DROP_NO_SESSION;
    if (nat_world(nat)->journal)
        way->opens = !way->slot || !nat_admits(nat, way->slot, &key->remote);
    if (G_UNLIKELY(nat->pinholes) && way->slot)
        nat_pinholes_outbound(nat, way->slot, &key->remote);
    if (way->session)
        go_on(nat, way->session, packet, NAT_TCP_INSIDE);
    else if ((reason = open_way(nat, key, packet, out, way)) != DROP_NONE)
        return reason;
    session_sent(nat->table, way->session);
    if (G_UNLIKELY(mapping_at(nat->table, way->slot)->shared))
        shares_note(nat->table, way->slot, &key->remote);
    note_syn(nat, packet, way->slot, &key->remote);
    return DROP_NONE;
}

/* ---- in */

enum drop_reason
nat_tcp_accept(struct nat *nat, const struct packet *packet, uint32_t slot, const struct endpoint *remote,
               uint32_t *session)
{
    *session = session_find(nat->table, slot, remote);
    if (!*session && !nat_tcp_opens(nat_tcp_flags(packet)))
        return DROP_NONE;
    if (!*session && !session_room(nat->table, NAT_TCP_OUTSIDE))
        return DROP_MAPPING_LIMIT;
    if (*session)
        go_on(nat, *session, packet, NAT_TCP_OUTSIDE);
    else
        *session = begin(nat, slot, remote, packet, NAT_TCP_OUTSIDE);
    session_prefer(nat->table, *session); /* of several mappings the last that admitted wins */
    note_syn(nat, packet, slot, remote);
    return DROP_NONE;
}

/* ---- the end */

void
nat_tcp_expire(struct nat *nat, uint32_t number)
{
    struct world *world = nat_world(nat);
    const struct session *session = session_at(nat->table, number);
    uint32_t slot = session->mapping;

    if (world->journal) {
        struct record record = session_record(nat, number, &nat_connection_expired_kind);

        record.rule = nat_tcp_rule(session->tcp.state, session->tcp.state, 0, NAT_TCP_INSIDE);
        record.detail = nat->timeouts_changed ? 0 : lifetime(nat, session->tcp.state);
        journal_take(world->journal, &record);
    }
    session_end(nat->table, number);
    world->touched = true;
    if (mapping_at(nat->table, slot)->peer_count == 0 && !mapping_at(nat->table, slot)->fixed &&
        !mapping_at(nat->table, slot)->pinholes)
        nat_expire_mapping(nat, slot);
}
