/* Requests: who asks (RFC 8489 section 9.2.4), what is not understood, then each method's own checks in the order of its
 * section. A request changes something only after its last check. Allocate is in server_allocate.c. */
#include "proto/stun/fingerprint.h"
#include "proto/turn/server_work.h"

/* --- answers ----------------------------------------------------------------------------------------------------- */

void
turn_work_begin(struct turn_work *work, enum stun_class class)
{
    struct stun_header header = stun_header_respond(&work->message->header, class);

    stun_builder_begin(&work->builder, work->buffer, sizeof work->buffer, &header);
}

struct span
turn_complete(struct turn_server *server, struct stun_builder *builder, const struct stun_seal *seal, bool fingerprint)
{
    if (*server->software)
        stun_put_text(builder, STUN_SOFTWARE, span_of_text(server->software));
    stun_seal_put(seal, builder);
    if (fingerprint)
        stun_put_fingerprint(builder);
    return stun_builder_finish(builder);
}

/* From where the request arrived to where it came from; over TCP by its connection. */
static void
send_answer(struct turn_work *work)
{
    const struct turn_arrival *arrival = work->arrival;
    bool fingerprint = stun_message_find(work->message, STUN_FINGERPRINT) != NULL;
    struct span message = turn_complete(work->server, &work->builder, &work->proof.seal, fingerprint);
    struct io_datagram datagram = IO_DATAGRAM_TO(arrival->tuple.client, message);

    g_assert(message.length > 0); /* every answer fits */
    if (arrival->tuple.protocol == PROTOCOL_UDP)
        datagram.local = arrival->tuple.server;
    if (arrival->via->ops->send(arrival->via, &datagram) != IO_OK)
        work->server->counters.unsent++;
}

void
turn_work_succeed(struct turn_work *work)
{
    work->server->counters.successes++;
    send_answer(work);
}

void
turn_count_refusal(struct turn_server *server, const struct turn_tuple *tuple, uint64_t packet, uint16_t method,
                   unsigned code)
{
    server->counters.errors++;
    server->refusals[code - TURN_FIRST_CODE]++;
    if (!turn_server_listening(server))
        return;

    struct record record = { .kind = &turn_kind_refused, .packet = packet, .verdict = VERDICT_MINE, .rule = method,
                             .before = turn_flow_of_client(tuple), .detail = code };

    server->io->ops->note(server->io, &record);
}

void
turn_work_refuse(struct turn_work *work, unsigned code)
{
    const struct turn_arrival *arrival = work->arrival;

    turn_count_refusal(work->server, &arrival->tuple, arrival->datagram->packet, work->message->header.method, code);
    turn_work_begin(work, STUN_ERROR);
    stun_put_error(&work->builder, code);
    if (work->proof.verdict == STUN_AUTH_REFUSE)
        stun_auth_put_challenge(work->server->auth, &work->builder, &work->proof, arrival->tuple.client, arrival->now);
    if (code == STUN_CODE_UNKNOWN_ATTRIBUTE)
        stun_put_unknown(&work->builder, &work->unknown);
    if (code == STUN_CODE_TRY_ALTERNATE)
        stun_put_endpoint(&work->builder, STUN_ALTERNATE_SERVER, work->server->alternate);
    send_answer(work);
}

void
turn_work_note(struct turn_work *work, const struct record_kind *kind, const struct turn_allocation *allocation,
               struct endpoint peer, uint32_t subject, int64_t detail)
{
    struct turn_server *server = work->server;

    if (!turn_server_listening(server))
        return;

    struct record record = turn_record_of(kind, allocation);

    record.packet = work->arrival->datagram->packet;
    record.subject[1] = subject;
    record.detail = detail;
    record.after.destination = peer.address;
    record.after.destination_port = peer.port;
    server->io->ops->note(server->io, &record);
}

struct span
turn_work_user(const struct turn_work *work)
{
    struct span name = work->proof.user ? stun_user_name(work->proof.user) : span_of(NULL, 0);

    return work->server->secret ? stun_secret_owner(name) : name;
}

/* --- Refresh (section 8.2) --------------------------------------------------------------------------------------- */

static void
answer_refresh(struct turn_work *work, int64_t lifetime)
{
    turn_work_begin(work, STUN_SUCCESS);
    stun_put_number(&work->builder, STUN_LIFETIME, (uint64_t)(lifetime / TIME_S));
    turn_work_succeed(work);
}

static void
delete(struct turn_work *work, struct turn_allocation *allocation, struct turn_relay *relay)
{
    unsigned left = (allocation->relays[0].socket != NULL) + (allocation->relays[1].socket != NULL);

    if (!relay || left == 1) {
        turn_server_end(work->server, allocation, TURN_WHY_DELETED);
    } else {
        turn_relay_close(allocation->protocol, relay->socket);
        turn_allocation_drop_relay(work->server->table, allocation, (unsigned)(relay - allocation->relays));
    }
    answer_refresh(work, 0);
}

/* A family asks for one of two relays to be refreshed or deleted. */
static void
serve_refresh(struct turn_work *work, struct turn_allocation *allocation)
{
    const struct turn_arrival *arrival = work->arrival;
    struct turn_relay *relay = NULL;
    enum family family;
    uint64_t seconds;
    bool asked;
    int64_t lifetime;
    unsigned code = turn_lifetime_read(work->message, &asked, &seconds) ? turn_family_read(work->message, &family)
                                                                        : STUN_CODE_BAD_REQUEST;

    if (code == 0 && family != FAMILY_NONE && !(relay = turn_allocation_relay(allocation, family)))
        code = STUN_CODE_PEER_FAMILY_MISMATCH;
    if (code) {
        turn_work_refuse(work, code);
        return;
    }
    if (asked && seconds == 0) {
        delete(work, allocation, relay);
        return;
    }
    lifetime = turn_lifetime(asked, seconds, work->server->options.lifetime_most);
    turn_allocation_refresh(work->server->table, allocation, family, arrival->now, lifetime);
    work->server->counters.refreshed++;
    turn_work_note(work, &turn_kind_refreshed, allocation, (struct endpoint){ ADDRESS_NONE, 0 }, 0, lifetime);
    answer_refresh(work, lifetime);
}

/* --- CreatePermission (section 10.2) ----------------------------------------------------------------------------- */

static unsigned
read_peers(const struct stun_message *message, struct endpoint peers[STUN_MAX_ATTRIBUTES], size_t *count)
{
    const struct stun_attribute *attribute = stun_message_find(message, STUN_XOR_PEER_ADDRESS);
    struct stun_value value;

    for (*count = 0; attribute; attribute = stun_message_find_next(message, attribute)) {
        if (!stun_attribute_read(message, attribute, &value))
            return STUN_CODE_BAD_REQUEST;
        peers[(*count)++] = value.endpoint;
    }
    return *count > 0 ? 0 : STUN_CODE_BAD_REQUEST;
}

/* All of them, or none. */
static unsigned
judge_peers(struct turn_work *work, struct turn_allocation *allocation, const struct endpoint *peers, size_t count)
{
    uint32_t more = 0;

    for (size_t i = 0; i < count; i++)
        if (!turn_allocation_relay(allocation, address_family(peers[i].address)))
            return STUN_CODE_PEER_FAMILY_MISMATCH;
    for (size_t i = 0; i < count; i++)
        if (!turn_may_permit(work->server, peers[i].address))
            return STUN_CODE_FORBIDDEN;
    for (size_t i = 0; i < count; i++)
        more += !turn_permission_find(work->server->table, allocation, peers[i].address, work->arrival->now);
    return more == 0 || turn_permission_fits(allocation, more) ? 0 : STUN_CODE_INSUFFICIENT_CAPACITY;
}

static void
permit(struct turn_work *work, struct turn_allocation *allocation, struct address peer)
{
    bool made = false;

    if (!turn_permission_install(work->server->table, allocation, peer, work->arrival->now, &made) || !made)
        return;
    work->server->counters.permissions++;
    turn_work_note(work, &turn_kind_permitted, allocation, (struct endpoint){ peer, 0 }, 0, 0);
}

static void
serve_create_permission(struct turn_work *work, struct turn_allocation *allocation)
{
    struct endpoint peers[STUN_MAX_ATTRIBUTES];
    size_t count;
    unsigned code = read_peers(work->message, peers, &count);

    if (code == 0)
        code = judge_peers(work, allocation, peers, count);
    if (code) {
        turn_work_refuse(work, code);
        return;
    }
    for (size_t i = 0; i < count; i++)
        permit(work, allocation, peers[i].address);
    turn_work_begin(work, STUN_SUCCESS);
    turn_work_succeed(work);
}

/* --- ChannelBind (section 12.2) ---------------------------------------------------------------------------------- */

static unsigned
judge_bind(struct turn_work *work, struct turn_allocation *allocation, uint16_t number, struct endpoint peer)
{
    struct turn_server *server = work->server;
    int64_t now = work->arrival->now;
    enum turn_bind bind = turn_channel_judge(server->table, allocation, number, peer, now);

    if (number < TURN_CHANNEL_FIRST || number > turn_last_channel(server) || bind == TURN_BIND_CONFLICT)
        return STUN_CODE_BAD_REQUEST;
    if (!turn_allocation_relay(allocation, address_family(peer.address)))
        return STUN_CODE_PEER_FAMILY_MISMATCH;
    if (allocation->protocol != PROTOCOL_UDP || !turn_may_reach(server, peer, PROTOCOL_UDP, now))
        return STUN_CODE_FORBIDDEN;
    if (bind == TURN_BIND_FULL || (!turn_permission_find(server->table, allocation, peer.address, now) &&
                                   !turn_permission_fits(allocation, 1)))
        return STUN_CODE_INSUFFICIENT_CAPACITY;
    return 0;
}

static void
serve_channel_bind(struct turn_work *work, struct turn_allocation *allocation)
{
    struct turn_server *server = work->server;
    struct stun_value number, peer;
    unsigned code = STUN_CODE_BAD_REQUEST;

    if (stun_message_get(work->message, STUN_CHANNEL_NUMBER, &number) == STUN_PRESENT &&
        stun_message_get(work->message, STUN_XOR_PEER_ADDRESS, &peer) == STUN_PRESENT)
        code = judge_bind(work, allocation, (uint16_t)number.number, peer.endpoint);
    if (code) {
        turn_work_refuse(work, code);
        return;
    }
    permit(work, allocation, peer.endpoint.address);
    if (!turn_channel_of_client(server->table, &allocation->tuple, (uint16_t)number.number, work->arrival->now)) {
        server->counters.channels++;
        turn_work_note(work, &turn_kind_bound, allocation, peer.endpoint, (uint32_t)number.number, 0);
    }
    turn_channel_bind(server->table, allocation, (uint16_t)number.number, peer.endpoint, work->arrival->now);
    turn_work_begin(work, STUN_SUCCESS);
    turn_work_succeed(work);
}

/* --- RFC 6062 ---------------------------------------------------------------------------------------------------- */

static void
serve_connect(struct turn_work *work, struct turn_allocation *allocation)
{
    unsigned code = turn_connect(work->arrival, allocation, work->message, &work->proof);

    if (code)
        turn_work_refuse(work, code);
}

/* Section 5.4. It comes on a connection of its own, which has no allocation and will have none. */
static void
serve_connection_bind(struct turn_work *work)
{
    const struct turn_arrival *arrival = work->arrival;
    struct turn_server *server = work->server;
    struct turn_pipe *pipe = NULL;
    struct stun_value id;

    if (arrival->tuple.protocol == PROTOCOL_TCP &&
        stun_message_get(work->message, STUN_CONNECTION_ID, &id) == STUN_PRESENT &&
        !turn_allocation_find(server->table, &arrival->tuple, arrival->now))
        pipe = turn_pipe_find(server, (uint32_t)id.number);
    if (!pipe) {
        turn_work_refuse(work, STUN_CODE_BAD_REQUEST);
        return;
    }
    if (!span_equal(turn_allocation_user(turn_pipe_allocation(pipe)), turn_work_user(work))) {
        turn_work_refuse(work, STUN_CODE_WRONG_CREDENTIALS);
        return;
    }
    turn_work_begin(work, STUN_SUCCESS);
    turn_work_succeed(work);
    turn_pipe_join(pipe, arrival);
}

/* --- any --------------------------------------------------------------------------------------------------------- */

/* Section 5: of methods that need an allocation, 437 and 441. */
static void
serve_owner(struct turn_work *work)
{
    struct turn_allocation *allocation =
        turn_allocation_find(work->server->table, &work->arrival->tuple, work->arrival->now);

    if (!allocation) {
        turn_work_refuse(work, STUN_CODE_ALLOCATION_MISMATCH);
        return;
    }
    if (!span_equal(turn_allocation_user(allocation), turn_work_user(work))) {
        turn_work_refuse(work, STUN_CODE_WRONG_CREDENTIALS);
        return;
    }
    switch (work->message->header.method) {
    case STUN_REFRESH:
        serve_refresh(work, allocation);
        break;
    case STUN_CREATE_PERMISSION:
        serve_create_permission(work, allocation);
        break;
    case STUN_CHANNEL_BIND:
        serve_channel_bind(work, allocation);
        break;
    default:
        serve_connect(work, allocation);
        break;
    }
}

/* Where the client of a ConnectionBind has its control connection, if that is at the same address: none otherwise. */
static struct endpoint
control_of(const struct turn_work *work)
{
    struct endpoint here = work->arrival->tuple.client, control = { ADDRESS_NONE, 0 };
    struct turn_pipe *pipe = NULL;
    struct stun_value id;

    if (stun_message_get(work->message, STUN_CONNECTION_ID, &id) == STUN_PRESENT)
        pipe = turn_pipe_find(work->server, (uint32_t)id.number);
    if (pipe)
        control = turn_pipe_allocation(pipe)->tuple.client;
    return address_equal(control.address, here.address) ? control : (struct endpoint){ ADDRESS_NONE, 0 };
}

/* A nonce is good where it was given out. A ConnectionBind comes on a connection of its own, and clients there use the nonce
 * of the control connection it belongs to (turnutils_uclient does, and knows no other): that one is good for it, too. */
static struct stun_proof
prove(const struct turn_work *work)
{
    const struct turn_arrival *arrival = work->arrival;
    struct stun_auth *auth = work->server->auth;
    struct stun_proof proof = stun_auth_check(auth, work->message, arrival->tuple.client, arrival->now);
    struct endpoint control;

    if (proof.verdict != STUN_AUTH_REFUSE || proof.code != STUN_CODE_STALE_NONCE ||
        work->message->header.method != STUN_CONNECTION_BIND)
        return proof;
    control = control_of(work);
    return control.port ? stun_auth_check(auth, work->message, control, arrival->now) : proof;
}

void
turn_serve_request(const struct turn_arrival *arrival, const struct stun_message *message)
{
    struct turn_server *server = arrival->server;
    unsigned understood = STUN_SET_BASE | STUN_SET_TURN | (server->options.tcp_allocations ? STUN_SET_TURN_TCP : 0);
    struct turn_work work; /* it is large: no more is cleared than has to be */

    work.arrival = arrival;
    work.server = server;
    work.message = message;
    work.proof = (struct stun_proof){ .verdict = STUN_AUTH_ACCEPT };
    server->counters.requests++;
    if (server->auth)
        work.proof = prove(&work);
    if (work.proof.verdict == STUN_AUTH_REFUSE)
        turn_work_refuse(&work, work.proof.code);
    else if (stun_message_unknown(message, understood, &work.unknown))
        turn_work_refuse(&work, STUN_CODE_UNKNOWN_ATTRIBUTE);
    else if (message->unread)
        turn_work_refuse(&work, STUN_CODE_BAD_REQUEST);
    else if (message->header.method == STUN_ALLOCATE)
        turn_serve_allocate(&work);
    else if (message->header.method == STUN_CONNECTION_BIND)
        serve_connection_bind(&work);
    else
        serve_owner(&work);
}
