/* A session's life, its roles and its generations. The theory of operation is in session.h. */
#include "proto/ice/session_private.h"

void *
session_grow(void *array, size_t *room, size_t count, size_t size)
{
    if (count < *room)
        return array;
    *room = MAX(*room * 2, 8);
    return g_realloc_n(array, *room, size);
}

uint64_t
session_draw(struct ice_session *session)
{
    uint8_t bytes[8];

    session->options.random(session->options.owner, bytes, sizeof bytes);

    struct reader reader = reader_over(span_of(bytes, sizeof bytes));

    return reader_u64(&reader);
}

void
session_tell(const struct ice_session *session, struct ice_event *event)
{
    if (session->options.event)
        session->options.event(session->options.owner, session, event);
}

/* ---- life */

/* `count` ice-chars of six random bits each (RFC 8445 section 5.3). */
static void
draw_ice_chars(struct ice_session *session, char *text, size_t count)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint8_t bytes[PWD_CHARS];

    G_STATIC_ASSERT(sizeof alphabet - 1 == 64);
    session->options.random(session->options.owner, bytes, count);
    for (size_t i = 0; i < count; i++)
        text[i] = alphabet[bytes[i] & 63];
    text[count] = '\0';
}

void
session_clear_credentials(struct generation *credentials)
{
    stun_key_free(credentials->key);
    stun_key_free(credentials->remote_key);
    *credentials = (struct generation){ .key = NULL };
}

static void
draw_credentials(struct ice_session *session)
{
    struct generation *credentials = &session->credentials;

    session_clear_credentials(credentials);
    credentials->number = session->generation;
    draw_ice_chars(session, credentials->ufrag, UFRAG_CHARS);
    draw_ice_chars(session, credentials->pwd, PWD_CHARS);
    credentials->key = stun_key_new_short_term(span_of_text(credentials->pwd));
}

static void
set_idle(struct ice_session *session)
{
    session->state = ICE_IDLE;
    for (unsigned i = 0; i < session->options.streams; i++)
        session->checklists[i] = (struct checklist){ .state = ICE_IDLE, .release = TIME_NEVER };
}

/* What a generation begins with. */
static void
begin_generation(struct ice_session *session)
{
    draw_credentials(session);
    session->started = session->impatient = session->ended_local = session->ended_remote = false;
    set_idle(session);
    session->patience = TIME_NEVER;
    session->early_count = 0;
    session->turn = session->options.streams - 1; /* the first turn is the first checklist's */
    for (unsigned i = 0; i < session->options.streams * session->options.components; i++) {
        session->components[i].first_valid = TIME_NEVER;
        session->components[i].early.used = false;
    }
}

void
ice_session_options_fit(struct ice_session_options *options)
{
    unsigned count = options->streams * options->components;

    options->pairs_most = MAX(options->pairs_most, (uint16_t)MIN(10 * count, 1000));
    options->locals_most = MAX(options->locals_most, (uint16_t)MIN(8 * count, 4096));
    options->remotes_most = MAX(options->remotes_most, (uint16_t)MIN(8 * count, 4096));
}

struct ice_session *
ice_session_new(const struct ice_session_options *options)
{
    struct ice_session *session = g_new0(struct ice_session, 1);

    g_assert(options->random);
    g_assert(options->streams >= 1 && options->streams <= ICE_STREAMS_MOST);
    g_assert(options->components >= 1 && options->components <= ICE_COMPONENT_MOST);
    session->options = *options;
    session->options.ta = MAX(options->ta, ICE_TA_LEAST);
    session->options.rto_most = MAX(options->rto_most, ICE_RTO_LEAST);
    session->options.keepalive = MAX(options->keepalive, ICE_TR);
    session->ta = session->options.ta;
    session->controlling = options->controlling;
    session->components = g_new0(struct component, (size_t)options->streams * options->components);
    session->tiebreaker = session_draw(session);
    session->last_check = INT64_MIN / 2;
    begin_generation(session);
    return session;
}

void
ice_session_free(struct ice_session *session)
{
    if (!session)
        return;
    session_clear_credentials(&session->credentials);
    session_clear_credentials(&session->old);
    g_free(session->components);
    g_free(session->locals);
    g_free(session->remotes);
    g_free(session->pairs);
    g_free(session->transactions);
    g_free(session);
}

bool
ice_session_set_remote(struct ice_session *session, const struct ice_remote *remote)
{
    struct generation *credentials = &session->credentials;

    if (credentials->remote_key || !ice_is_ice_chars(remote->ufrag, ICE_UFRAG_LEAST, ICE_UFRAG_MOST) ||
        !ice_is_ice_chars(remote->pwd, ICE_PWD_LEAST, ICE_PWD_MOST))
        return false;
    memcpy(credentials->remote_ufrag, remote->ufrag.bytes, remote->ufrag.length);
    credentials->remote_ufrag[remote->ufrag.length] = '\0';
    credentials->remote_key = stun_key_new_short_term(remote->pwd);
    session->lite_peer = remote->lite;
    session->aggressive_peer = !remote->ice2;
    session->ta = MAX(session->options.ta, remote->ta);
    session->trickling_peer = remote->trickle;
    if (!session->started)
        set_idle(session);
    return true;
}

void
ice_session_mismatch(struct ice_session *session, int64_t now)
{
    if (session->started || session->state != ICE_IDLE)
        return;
    session->started_at = now;
    for (unsigned i = 0; i < session->options.streams; i++)
        session_set_checklist(session, now, i, ICE_FAILED, ICE_WHY_MISMATCH);
}

/* ---- roles (section 6.1.1) */

void
session_switch_role(struct ice_session *session, int64_t now, bool controlling, enum ice_why why)
{
    struct ice_event event = { .type = ICE_EVENT_ROLE, .why = why, .at = now, .controlling = controlling };

    session->controlling = controlling;
    for (size_t i = 0; i < session->pair_count; i++) {
        struct ice_pair *pair = &session->pairs[i];

        if (pair->state == ICE_PAIR_GONE)
            continue;
        pair->priority = session_pair_priority(session, pair);
        pair->use_later = false;
        session_stop_nominating(session, pair);
    }
    session_tell(session, &event);
}

/* The full one of two controls, whatever was agreed. */
static void
settle_roles(struct ice_session *session, int64_t now)
{
    bool lite = session->options.lite;

    if (lite != session->lite_peer && session->controlling == lite)
        session_switch_role(session, now, !lite, ICE_WHY_PEER_LITE);
}

/* ---- the start */

void
ice_session_start(struct ice_session *session, int64_t now)
{
    g_assert(session->credentials.remote_key);
    if (session->started)
        return;
    settle_roles(session, now);
    session->started = true;
    session->started_at = now;
    session->patience = time_add(now, session->options.patience);
    session->ended_local |= !session->options.trickle;
    session->ended_remote |= !session->trickling_peer;

    struct ice_event event = { .type = ICE_EVENT_SESSION, .why = ICE_WHY_STARTED, .at = now, .state = ICE_RUNNING };

    session->state = ICE_RUNNING;
    session_tell(session, &event);
    for (unsigned i = 0; i < session->options.streams; i++)
        session->checklists[i].state = ICE_RUNNING;
    if (session->options.lite && session->lite_peer)
        session_select_lite(session, now);
    else if (!session->options.lite)
        session_form(session, now);
    session_replay(session, now);
    session_settle(session, now);
}

/* ---- restart (section 9) */

/* The selected pairs stay in use under the credentials that they were found with. A generation that selected nothing
 * leaves those of the one before in their place. */
static void
keep_routes(struct ice_session *session)
{
    unsigned count = session->options.streams * session->options.components;
    bool any = false;

    for (unsigned i = 0; i < count; i++)
        any |= session->components[i].route.used;
    if (!any)
        return;
    for (unsigned i = 0; i < count; i++) {
        session->components[i].old = session->components[i].route;
        session->components[i].route.used = false;
    }
    session_clear_credentials(&session->old);
    session->old = session->credentials;
    session->credentials = (struct generation){ .key = NULL };
}

static void
drop_pairs(struct ice_session *session, int64_t now)
{
    size_t kept = 0;

    for (size_t i = 0; i < session->pair_count; i++)
        if (session->pairs[i].state != ICE_PAIR_GONE)
            session_move(session, now, &session->pairs[i], ICE_PAIR_GONE, ICE_WHY_RESTART, 0);
    session->pair_count = 0;
    for (size_t i = 0; i < session->transaction_count; i++)
        if (session->transactions[i].kind == TRANSACTION_CONSENT)
            session->transactions[kept++] = session->transactions[i];
    session->transaction_count = kept;
}

void
ice_session_restart(struct ice_session *session, int64_t now)
{
    keep_routes(session);
    drop_pairs(session, now);
    for (size_t i = 0; i < session->local_count; i++)
        session->locals[i].gone |= session->locals[i].candidate.type == ICE_PRFLX;
    session->remote_count = 0;
    session->generation++;
    begin_generation(session);

    struct ice_event event = {
        .type = ICE_EVENT_RESTARTED, .why = ICE_WHY_RESTART, .at = now, .count = session->generation
    };

    session_tell(session, &event);
}
