#include "nat/sessions.h"

#include "nat/array.h"

static inline uint32_t
hash_remote(uint32_t slot, const struct endpoint *remote)
{
    return (uint32_t)mix64(endpoint_hash(*remote) + slot);
}

static inline uint32_t
hash_address(uint32_t slot, struct address address)
{
    return (uint32_t)mix64(address_hash(address) + slot);
}

static inline uint32_t
hash_ends(const struct endpoint *internal, const struct endpoint *remote)
{
    return (uint32_t)mix64(endpoint_hash(*internal) + mix64(endpoint_hash(*remote)));
}

/* ---- finding */

uint32_t
session_find(const struct mapping_table *table, uint32_t slot, const struct endpoint *remote)
{
    const struct hash_index *index;
    uint32_t hash = hash_remote(slot, remote), i, number;

    if (!table->sessions)
        return 0;
    index = &table->sessions->by_remote;
    for (i = hash_index_first(index, hash); (number = hash_index_value(index, i));
         i = hash_index_next(index, i, hash)) {
        const struct session *session = session_at(table, number);

        if (session->mapping == slot && session->remote_port == remote->port &&
            address_equal(session->remote_address, remote->address))
            break;
    }
    return number;
}

uint32_t
session_find_ends(const struct mapping_table *table, const struct endpoint *internal, const struct endpoint *remote)
{
    const struct hash_index *index;
    uint32_t hash = hash_ends(internal, remote), i, number;

    if (!table->sessions)
        return 0;
    index = &table->sessions->by_ends;
    for (i = hash_index_first(index, hash); (number = hash_index_value(index, i));
         i = hash_index_next(index, i, hash)) {
        const struct session *session = session_at(table, number);

        if (endpoint_equal(session_remote(session), *remote) &&
            endpoint_equal(mapping_internal(mapping_at(table, session->mapping)), *internal))
            break;
    }
    return number;
}

static uint32_t
find_alike(const struct mapping_table *table, uint32_t slot, struct address address)
{
    const struct hash_index *index = &table->sessions->by_address;
    uint32_t hash = hash_address(slot, address), i, number;

    for (i = hash_index_first(index, hash); (number = hash_index_value(index, i));
         i = hash_index_next(index, i, hash)) {
        const struct session *session = session_at(table, number);

        if (session->mapping == slot && address_equal(session->remote_address, address))
            break;
    }
    return number;
}

enum peer_known
session_known(const struct mapping_table *table, uint32_t slot, const struct endpoint *remote)
{
    uint32_t number = session_find(table, slot, remote);

    if (!number)
        return PEER_UNKNOWN;
    return session_at(table, number)->flags & SESSION_SENT ? PEER_SENT_TO : PEER_ADMITTED;
}

bool
session_address_sent_to(const struct mapping_table *table, uint32_t slot, struct address address)
{
    return table->sessions && find_alike(table, slot, address);
}

/* ---- beginning */

bool
session_room(const struct mapping_table *table, enum nat_tcp_side opener)
{
    const struct sessions *sessions = table->sessions;

    if (!sessions)
        return true;
    return sessions->count < NAT_MAPPINGS_MAX && (opener == NAT_TCP_INSIDE || sessions->unsent < NAT_ADMITTED_MAX);
}

static uint32_t
take_number(struct sessions *sessions)
{
    uint32_t number = sessions->free;

    if (number) {
        sessions->free = sessions->list[number - 1].next;
        return number;
    }
    if (sessions->slots == sessions->capacity) {
        sessions->capacity = array_room(sessions->capacity);
        sessions->list = g_renew(struct session, sessions->list, sessions->capacity);
    }
    return ++sessions->slots;
}

/* At the end of its mapping's. */
static void
append(struct mapping_table *table, uint32_t number)
{
    struct session *session = session_at(table, number);
    struct mapping *mapping = mapping_at(table, session->mapping);

    session->previous = mapping->further_last;
    session->next = 0;
    if (mapping->further_last)
        session_at(table, mapping->further_last)->next = number;
    else
        mapping->further_first = number;
    mapping->further_last = number;
    mapping->peer_count++;
}

uint32_t
session_make(struct mapping_table *table, uint32_t slot, const struct endpoint *remote, enum nat_tcp_side opener,
             int64_t deadline)
{
    struct sessions *sessions = table->sessions;
    uint32_t number;

    if (!sessions)
        sessions = table->sessions = g_new0(struct sessions, 1);
    number = take_number(sessions);
    *session_at(table, number) = (struct session){
        .remote_address = remote->address,
        .remote_port = remote->port,
        .mapping = slot,
        .ordinal = ++sessions->made,
        .tcp = nat_tcp_begin(opener),
        .flags = opener == NAT_TCP_INSIDE ? SESSION_INVITED : 0,
        .deadline = deadline,
    };
    sessions->count++;
    sessions->unsent++;
    append(table, number);
    deadlines_add(&sessions->deadlines, (struct deadline){ deadline, number, sessions->made });
    hash_index_insert(&sessions->by_remote, hash_remote(slot, remote), number);
    session_prefer(table, number);
    return number;
}

/* Into the ring of those that were sent to and have its mapping and remote address. */
void
session_sent(struct mapping_table *table, uint32_t number)
{
    struct session *session = session_at(table, number), *other;
    uint32_t alike;

    if (session->flags & SESSION_SENT)
        return;
    session->flags |= SESSION_SENT;
    table->sessions->unsent--;
    alike = find_alike(table, session->mapping, session->remote_address);
    if (!alike) {
        session->ring_next = session->ring_previous = number;
        hash_index_insert(&table->sessions->by_address, hash_address(session->mapping, session->remote_address),
                          number);
        return;
    }
    other = session_at(table, alike);
    session->ring_previous = alike;
    session->ring_next = other->ring_next;
    session_at(table, session->ring_next)->ring_previous = number;
    other->ring_next = number;
}

static uint32_t
hash_of_ends(const struct mapping_table *table, const struct session *session)
{
    struct endpoint internal = mapping_internal(mapping_at(table, session->mapping));
    struct endpoint remote = session_remote(session);

    return hash_ends(&internal, &remote);
}

static void
prefer_no_more(struct mapping_table *table, uint32_t number)
{
    struct session *session = session_at(table, number);

    hash_index_remove(&table->sessions->by_ends, hash_of_ends(table, session), number);
    session->flags &= (uint8_t)~SESSION_PREFERRED;
}

void
session_prefer(struct mapping_table *table, uint32_t number)
{
    struct session *session = session_at(table, number);
    struct endpoint internal, remote = session_remote(session);
    uint32_t other;

    if (session->flags & SESSION_PREFERRED)
        return;
    internal = mapping_internal(mapping_at(table, session->mapping));
    other = session_find_ends(table, &internal, &remote);
    if (other)
        prefer_no_more(table, other);
    hash_index_insert(&table->sessions->by_ends, hash_ends(&internal, &remote), number);
    session->flags |= SESSION_PREFERRED;
}

/* ---- time */

bool
session_refresh(struct mapping_table *table, uint32_t number, int64_t deadline)
{
    struct session *session = session_at(table, number);
    bool earlier = deadline < session->deadline;

    session->deadline = deadline;
    if (earlier)
        deadlines_hasten(&table->sessions->deadlines, number, deadline);
    return earlier;
}

uint32_t
session_due(struct mapping_table *table, int64_t now)
{
    struct deadlines *deadlines = table->sessions ? &table->sessions->deadlines : NULL;

    while (deadlines && deadlines->count > 0 && deadlines->heap[0].at <= now) {
        const struct session *session = session_at(table, deadlines->heap[0].slot);

        if (session->deadline == deadlines->heap[0].at)
            return deadlines->heap[0].slot;
        deadlines_put_off(deadlines, session->deadline);
    }
    return 0;
}

int64_t
session_wake(const struct mapping_table *table)
{
    return table->sessions ? deadlines_wake(&table->sessions->deadlines) : TIME_NEVER;
}

/* ---- walking */

void
session_list(const struct mapping_table *table, uint32_t slot, struct endpoint *remotes, uint32_t max)
{
    uint32_t number = mapping_at(table, slot)->further_first;

    for (uint32_t i = 0; number && i < max; i++, number = session_at(table, number)->next)
        remotes[i] = session_remote(session_at(table, number));
}

int64_t
session_last_deadline(const struct mapping_table *table, uint32_t slot)
{
    int64_t last = 0;

    for (uint32_t number = mapping_at(table, slot)->further_first; number; number = session_at(table, number)->next)
        last = MAX(last, session_at(table, number)->deadline);
    return last;
}

/* ---- ending */

static void
leave_ring(struct mapping_table *table, uint32_t number)
{
    struct session *session = session_at(table, number);
    struct hash_index *index = &table->sessions->by_address;
    uint32_t hash = hash_address(session->mapping, session->remote_address);

    if (hash_index_remove(index, hash, number) && session->ring_next != number)
        hash_index_insert(index, hash, session->ring_next);
    session_at(table, session->ring_next)->ring_previous = session->ring_previous;
    session_at(table, session->ring_previous)->ring_next = session->ring_next;
}

static void
leave_mapping(struct mapping_table *table, uint32_t number)
{
    struct session *session = session_at(table, number);
    struct mapping *mapping = mapping_at(table, session->mapping);

    if (session->previous)
        session_at(table, session->previous)->next = session->next;
    else
        mapping->further_first = session->next;
    if (session->next)
        session_at(table, session->next)->previous = session->previous;
    else
        mapping->further_last = session->previous;
    mapping->peer_count--;
}

void
session_end(struct mapping_table *table, uint32_t number)
{
    struct session *session = session_at(table, number);
    struct sessions *sessions = table->sessions;
    struct endpoint remote = session_remote(session);

    if (session->flags & SESSION_SENT)
        leave_ring(table, number);
    else
        sessions->unsent--;
    if (session->flags & SESSION_PREFERRED)
        prefer_no_more(table, number);
    hash_index_remove(&sessions->by_remote, hash_remote(session->mapping, &remote), number);
    deadlines_remove(&sessions->deadlines, number);
    leave_mapping(table, number);
    sessions->count--;
    session->ordinal = 0;
    session->next = sessions->free;
    sessions->free = number;
}

void
sessions_drop(struct mapping_table *table, uint32_t slot)
{
    uint32_t number;

    while ((number = mapping_at(table, slot)->further_first))
        session_end(table, number);
}

void
sessions_free(struct sessions *sessions)
{
    if (!sessions)
        return;
    hash_index_clear(&sessions->by_remote);
    hash_index_clear(&sessions->by_address);
    hash_index_clear(&sessions->by_ends);
    deadlines_clear(&sessions->deadlines);
    g_free(sessions->list);
    g_free(sessions);
}

size_t
sessions_bytes(const struct sessions *sessions)
{
    if (!sessions)
        return 0;
    return sizeof *sessions + sessions->capacity * sizeof *sessions->list + deadlines_bytes(&sessions->deadlines) +
           hash_index_bytes(&sessions->by_remote) + hash_index_bytes(&sessions->by_address) +
           hash_index_bytes(&sessions->by_ends);
}
