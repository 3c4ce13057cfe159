/* Theory of operation.
 *
 * A client is in one of five phases (client_private.h). `begin` enters ALLOCATING: a socket to the server, and an
 * Allocate transaction. What it ends with goes to the machine of attempts (client_attempt.h), which says whether to
 * ask again, from the same socket or another, to pause, or to give up. In HOLDING client_keep.c refreshes. The ways
 * out of HOLDING are `turn_client_lose`, when the server has no allocation any more, and `turn_client_leave`, when it
 * is to end it.
 *
 * What is found out inside a call of the owner's (no socket to be had, nothing to release) is told by the timer
 * `soon`. In every call of the owner's it may free the client: what is torn down then is torn down at once, and the
 * memory goes when the last call has returned (`calls`). */
#include "proto/turn/client_private.h"

#include "proto/stun/response.h"

static const struct {
    const char *word, *sentence;
} failures[] = {
#define X(name, word, sentence) { word, sentence },
    TURN_CLIENT_FAILURES(X)
#undef X
};

G_STATIC_ASSERT(G_N_ELEMENTS(failures) == TURN_CLIENT_WHY_COUNT);

const char *
turn_client_why_word(enum turn_client_why why)
{
    return failures[why].word;
}

const char *
turn_client_why_sentence(enum turn_client_why why)
{
    return failures[why].sentence;
}

int64_t
turn_client_now(const struct turn_client *client)
{
    return client->io->ops->now(client->io);
}

const struct turn_client_counters *
turn_client_counters(const struct turn_client *client)
{
    return &client->counters;
}

struct io_udp *
turn_client_relay(struct turn_client *client)
{
    return &client->relay;
}

/* --- calls of the owner ------------------------------------------------------------------------------------------ */

void
turn_client_hold(struct turn_client *client)
{
    client->calls++;
}

bool
turn_client_let_go(struct turn_client *client)
{
    bool alive = !client->freed;

    if (--client->calls == 0 && client->freed)
        g_free(client);
    return alive;
}

bool
turn_client_tell(struct turn_client *client, const struct turn_client_news *news)
{
    struct turn_client_news told = *news;

    told.server = client->attempt.server;
    told.protocol = client->attempt.protocol;
    turn_client_hold(client);
    client->events->told(client->owner, client, &told);
    return turn_client_let_go(client);
}

/* --- endings ----------------------------------------------------------------------------------------------------- */

static void begin(struct turn_client *client);

static void
arm_soon(struct turn_client *client)
{
    client->io->ops->arm(client->io, &client->soon, turn_client_now(client), true);
}

/* Nothing goes on any more. Tells those who wait, and then `news`. */
static void
end_all(struct turn_client *client, const struct turn_client_news *news)
{
    struct turn_client_news told = *news;
    struct turn_client_failure failure = told.failure;

    if (told.event == TURN_CLIENT_RELEASED)
        failure = (struct turn_client_failure){ .why = TURN_CLIENT_WHY_RELEASED };
    turn_client_cancel_all(client);
    turn_client_close_leg(client);
    client->io->ops->disarm(client->io, &client->alarm);
    client->io->ops->disarm(client->io, &client->soon);
    client->phase = PHASE_OVER;
    if (turn_client_refuse_all(client, &failure) && turn_client_refuse_links(client, &failure))
        turn_client_tell(client, &told);
}

static void
pause_for(struct turn_client *client, int64_t until)
{
    turn_client_close_leg(client);
    client->phase = PHASE_PAUSING;
    client->io->ops->arm(client->io, &client->alarm, until, false);
}

/* Another allocation in place of the one that is gone; but no more than one in a minute, for a server that grants
 * what it forgets at once. */
static void
begin_anew(struct turn_client *client)
{
    int64_t now = turn_client_now(client), from = time_add(client->allocated_at, TURN_CLIENT_PAUSE);

    client->io->ops->disarm(client->io, &client->alarm);
    turn_client_peers_renew(&client->peers, now);
    for (guint i = 0; i < client->peers.permissions->len; i++)
        turn_client_drop_held(client, g_ptr_array_index(client->peers.permissions, i));
    turn_client_close_leg(client); /* another port: on this one the server may still have what we have lost */
    turn_client_attempt_begin(&client->attempt, &client->options);
    if (now < from)
        pause_for(client, from);
    else
        begin(client);
}

static void
lost(struct turn_client *client, const struct turn_client_news *news)
{
    struct turn_client_failure failure = news->failure;

    turn_client_note_failure(client, &turn_client_kind_lost, &failure);
    if (!client->options.persist) {
        end_all(client, news);
        return;
    }
    turn_client_cancel_all(client);
    begin_anew(client);
    if (turn_client_refuse_links(client, &failure))
        turn_client_tell(client, news);
}

void
turn_client_lose(struct turn_client *client, struct turn_client_failure failure)
{
    struct turn_client_news news = { .event = TURN_CLIENT_LOST, .failure = failure };

    lost(client, &news);
}

/* The server has ended the allocation, or will not answer. */
static void
left(struct turn_client *client)
{
    struct turn_client_news news = client->ending;

    if (news.event == TURN_CLIENT_LOST) {
        lost(client, &news);
        return;
    }
    turn_client_note_failure(client,
                             news.event == TURN_CLIENT_FAILED ? &turn_client_kind_failed : &turn_client_kind_released,
                             &news.failure);
    end_all(client, &news);
}

/* 437 says that there is none: what was asked for (section 8). Only the owner's release tells how it went. */
static void
on_left(void *owner, struct stun_transaction *transaction, const struct stun_result *result)
{
    struct turn_client *client = owner;
    struct turn_client_failure failure = turn_client_failure_of(result);
    bool none = failure.why == TURN_CLIENT_WHY_REJECTED && failure.code == STUN_CODE_ALLOCATION_MISMATCH;

    (void)transaction;
    client->allocation.transaction = NULL;
    if (client->ending.event == TURN_CLIENT_RELEASED && !none)
        client->ending.failure = failure;
    left(client);
}

void
turn_client_leave(struct turn_client *client, enum turn_client_event event, struct turn_client_failure failure)
{
    bool something = client->leg && (client->phase == PHASE_ALLOCATING || client->phase == PHASE_HOLDING);
    struct stun_transaction *transaction;

    turn_client_cancel_all(client);
    client->io->ops->disarm(client->io, &client->alarm);
    client->ending = (struct turn_client_news){ .event = event, .failure = failure };
    client->phase = PHASE_RELEASING;
    if (!something) {
        arm_soon(client);
        return;
    }
    client->io->ops->disarm(client->io, &client->soon);
    transaction = turn_client_ask(client, STUN_REFRESH, on_left, client);
    stun_put_number(stun_transaction_builder(transaction), STUN_LIFETIME, 0);
    turn_client_lease_ask(&client->allocation, transaction);
    stun_transaction_start(transaction);
}

void
turn_client_release(struct turn_client *client)
{
    static const struct turn_client_failure none = { .why = TURN_CLIENT_WHY_NONE };

    if (client->phase != PHASE_RELEASING)
        turn_client_leave(client, TURN_CLIENT_RELEASED, none);
    else
        client->ending = (struct turn_client_news){ .event = TURN_CLIENT_RELEASED, .failure = none };
}

/* --- the allocation ---------------------------------------------------------------------------------------------- */

struct turn_client_failure
turn_client_failure_of(const struct stun_result *result)
{
    static const enum turn_client_why whys[] = {
        [STUN_OUTCOME_ANSWERED] = TURN_CLIENT_WHY_NONE,       [STUN_OUTCOME_REJECTED] = TURN_CLIENT_WHY_REJECTED,
        [STUN_OUTCOME_TIMEOUT] = TURN_CLIENT_WHY_TIMEOUT,     [STUN_OUTCOME_UNREACHABLE] = TURN_CLIENT_WHY_UNREACHABLE,
        [STUN_OUTCOME_VIOLATED] = TURN_CLIENT_WHY_INTEGRITY,  [STUN_OUTCOME_LOST] = TURN_CLIENT_WHY_CONNECTION,
        [STUN_OUTCOME_MALFORMED] = TURN_CLIENT_WHY_MALFORMED, [STUN_OUTCOME_NOT_UNDERSTOOD] = TURN_CLIENT_WHY_MALFORMED,
    };

    G_STATIC_ASSERT(G_N_ELEMENTS(whys) == STUN_OUTCOME_COUNT);
    return (struct turn_client_failure){ .why = whys[result->outcome],
                                         .code = result->outcome == STUN_OUTCOME_REJECTED ? result->error.code : 0,
                                         .io = result->io };
}

static void
note_again(const struct turn_client *client, const struct turn_client_failure *failure, enum turn_client_again again,
           int64_t pause)
{
    if (!turn_client_listened(client))
        return;

    struct record record = turn_client_record(client, &turn_client_kind_again);

    record.rule = (uint16_t)failure->why;
    record.subject[0] = failure->code;
    record.subject[1] = again;
    record.detail = pause;
    turn_client_note(client, &record);
}

static enum turn_client_again
how_again(const struct turn_client_attempt *before, const struct turn_client_attempt *after)
{
    if (after->protocol != before->protocol)
        return TURN_CLIENT_AGAIN_TCP;
    if (after->redirections != before->redirections)
        return TURN_CLIENT_AGAIN_ELSEWHERE;
    if (after->ports != before->ports)
        return TURN_CLIENT_AGAIN_PORT;
    return after->plain != before->plain ? TURN_CLIENT_AGAIN_PLAIN : TURN_CLIENT_AGAIN_NO_FRAGMENT;
}

static void
give_up(struct turn_client *client, struct turn_client_failure failure, int64_t pause)
{
    struct turn_client_news news = { .event = TURN_CLIENT_FAILED, .failure = failure };

    news.failure.again_at = pause ? time_add(turn_client_now(client), pause) : 0;
    turn_client_note_failure(client, &turn_client_kind_failed, &failure);
    end_all(client, &news);
}

/* An attempt has ended without an allocation. */
static void
go_on(struct turn_client *client, const struct turn_client_answer *answer)
{
    struct turn_client_attempt before = client->attempt;
    bool may_move = client->leg_is_ours && client->options.local.port == 0;
    int64_t pause;
    enum turn_client_step step =
        turn_client_attempt_judge(&client->attempt, &client->options, may_move, answer, &pause);

    if (step == TURN_CLIENT_STEP_END || (step == TURN_CLIENT_STEP_PAUSE && !client->options.persist)) {
        give_up(client, answer->failure, pause);
        return;
    }
    note_again(client, &answer->failure,
               step == TURN_CLIENT_STEP_PAUSE ? TURN_CLIENT_AGAIN_LATER : how_again(&before, &client->attempt), pause);
    if (step == TURN_CLIENT_STEP_PAUSE) {
        pause_for(client, time_add(turn_client_now(client), pause));
        return;
    }
    if (step == TURN_CLIENT_STEP_OTHER)
        turn_client_close_leg(client);
    begin(client);
}

/* What an error response says beyond its code. */
static struct turn_client_answer
answer_of(const struct turn_client *client, const struct stun_result *result)
{
    struct turn_client_answer answer = { .failure = turn_client_failure_of(result) };
    struct stun_value unknown;

    if (answer.failure.code == STUN_CODE_TRY_ALTERNATE && result->proven)
        answer.has_alternate = stun_response_alternate(result->message, client->attempt.server, &answer.alternate);
    if (answer.failure.code == STUN_CODE_UNKNOWN_ATTRIBUTE &&
        stun_message_get(result->message, STUN_UNKNOWN_ATTRIBUTES, &unknown) == STUN_PRESENT)
        for (unsigned i = 0; i < unknown.types.count; i++)
            answer.no_fragment |= unknown.types.types[i] == STUN_DONT_FRAGMENT;
    return answer;
}

/* What the server has granted. False when it makes no sense: it says no address, one of a family that was not asked for
 * (section 7.3), or no lifetime. */
static bool
read_grant(const struct turn_client *client, const struct stun_result *result, struct turn_client_news *news)
{
    bool special = client->options.has_token || client->options.port != TURN_CLIENT_ANY_PORT;
    enum family family = client->options.family;
    struct stun_value relayed, token;

    *news = (struct turn_client_news){ .event = TURN_CLIENT_ALLOCATED, .mapped = result->xor_mapped };
    turn_client_read_lifetime(result->message, &news->lifetime);
    if (stun_message_get(result->message, STUN_XOR_RELAYED_ADDRESS, &relayed) != STUN_PRESENT || news->lifetime == 0)
        return false;
    if (family != FAMILY_NONE && address_family(relayed.endpoint.address) != family)
        return false;
    news->relayed = relayed.endpoint;
    news->even_port = special && !client->attempt.plain;
    news->dont_fragment = client->options.dont_fragment && !client->attempt.no_fragment;
    news->has_token = stun_message_get(result->message, STUN_RESERVATION_TOKEN, &token) == STUN_PRESENT;
    news->token = news->has_token ? token.number : 0;
    return true;
}

static void
note_allocated(const struct turn_client *client)
{
    if (!turn_client_listened(client))
        return;

    struct record record = turn_client_record(client, &turn_client_kind_allocated);

    record.after.destination = client->granted.mapped.address;
    record.after.destination_port = client->granted.mapped.port;
    record.detail = (int64_t)client->granted.lifetime * TIME_S;
    turn_client_note(client, &record);
}

static void
on_allocated(void *owner, struct stun_transaction *transaction, const struct stun_result *result)
{
    struct turn_client *client = owner;
    struct turn_client_news news;
    int64_t now = turn_client_now(client);

    (void)transaction;
    client->allocation.transaction = NULL;
    if (result->outcome != STUN_OUTCOME_ANSWERED) {
        struct turn_client_answer answer = answer_of(client, result);

        go_on(client, &answer);
        return;
    }
    if (!read_grant(client, result, &news)) {
        turn_client_leave(client, TURN_CLIENT_FAILED, (struct turn_client_failure){ .why = TURN_CLIENT_WHY_MALFORMED });
        return;
    }
    client->granted = news;
    client->phase = PHASE_HOLDING;
    client->allocated_at = now;
    client->allocation.kept = true;
    turn_client_lease_grant(&client->allocation, now, (int64_t)news.lifetime * TIME_S,
                            turn_client_refresh_after(news.lifetime));
    note_allocated(client);
    turn_client_keep(client);
    turn_client_tell(client, &news);
}

static void
put_allocate(const struct turn_client *client, struct stun_builder *builder)
{
    const struct turn_client_options *options = &client->options;
    bool plain = client->attempt.plain;

    if (client->software)
        stun_put_text(builder, STUN_SOFTWARE, span_of_text(client->software));
    stun_put_number(builder, STUN_REQUESTED_TRANSPORT, options->protocol);
    if (options->lifetime)
        stun_put_number(builder, STUN_LIFETIME, options->lifetime);
    if (options->family != FAMILY_NONE)
        stun_put_number(builder, STUN_REQUESTED_ADDRESS_FAMILY, stun_family_number(options->family));
    if (options->port != TURN_CLIENT_ANY_PORT && !plain)
        stun_put_number(builder, STUN_EVEN_PORT, options->port == TURN_CLIENT_EVEN_PORT_PAIR ? 0x80 : 0);
    if (options->has_token && !plain)
        stun_put_number(builder, STUN_RESERVATION_TOKEN, options->token);
    if (options->dont_fragment && !client->attempt.no_fragment)
        stun_put_flag(builder, STUN_DONT_FRAGMENT);
}

static void
begin(struct turn_client *client)
{
    enum io_result why = IO_OK;
    struct stun_transaction *transaction;

    client->phase = PHASE_ALLOCATING;
    if (!turn_client_open_leg(client, &why)) {
        client->not_begun = (struct turn_client_failure){ .why = TURN_CLIENT_WHY_SOCKET, .io = why };
        arm_soon(client);
        return;
    }
    transaction = turn_client_ask(client, STUN_ALLOCATE, on_allocated, client);
    put_allocate(client, stun_transaction_builder(transaction));
    turn_client_lease_ask(&client->allocation, transaction);
    stun_transaction_start(transaction);
}

/* --- timers ------------------------------------------------------------------------------------------------------ */

static void
on_alarm(void *owner, struct io_timer *timer)
{
    struct turn_client *client = owner;

    (void)timer;
    if (client->phase == PHASE_HOLDING) {
        turn_client_keep(client);
        return;
    }
    turn_client_attempt_begin(&client->attempt, &client->options);
    begin(client);
}

static void
on_soon(void *owner, struct io_timer *timer)
{
    struct turn_client *client = owner;
    struct turn_client_answer answer = { .failure = client->not_begun };

    (void)timer;
    if (client->phase == PHASE_RELEASING)
        left(client);
    else
        go_on(client, &answer);
}

/* --- life -------------------------------------------------------------------------------------------------------- */

const char *
turn_client_options_fault(const struct turn_client_options *options)
{
    bool tcp = options->protocol == PROTOCOL_TCP;

    if (address_is_none(options->server.address))
        return "a TURN client needs the address of a server";
    if (!options->username != !options->password)
        return "a username and a password go together";
    if (options->has_token && (options->port != TURN_CLIENT_ANY_PORT || options->family != FAMILY_NONE))
        return "with a reservation token neither an even port nor a family can be asked for (RFC 8656 section 7.1)";
    if (options->protocol != 0 && options->protocol != PROTOCOL_UDP && !tcp)
        return "the protocol to peers is UDP or TCP";
    if (tcp && options->transport != TURN_CLIENT_TCP)
        return "an allocation for TCP needs TCP to the server (RFC 6062 section 4.1)";
    if (tcp && (options->port != TURN_CLIENT_ANY_PORT || options->has_token || options->dont_fragment))
        return "an allocation for TCP has no even port, token or DF (RFC 6062 section 4.1)";
    return NULL;
}

static void
copy_options(struct turn_client *client, const struct turn_client_options *options)
{
    client->options = *options;
    client->software = g_strdup(options->software);
    client->options.username = client->options.password = client->options.software = NULL;
    if (client->options.protocol == 0)
        client->options.protocol = PROTOCOL_UDP;
    if (!options->username)
        return;
    client->credentials =
        stun_credentials_new_long_term(span_of_text(options->username), span_of_text(options->password));
    stun_credentials_prefer_sha256(client->credentials);
}

struct turn_client *
turn_client_new(struct io *io, const struct turn_client_options *options, const struct turn_client_events *events,
                void *owner)
{
    struct turn_client *client = g_new0(struct turn_client, 1);

    g_assert(!turn_client_options_fault(options));
    copy_options(client, options);
    client->relay = (struct io_udp){ .ops = &turn_client_relay_ops, .events = &events->relay, .owner = owner };
    client->io = io;
    client->events = events;
    client->owner = owner;
    client->stun = stun_client_new(io, NULL);
    client->allocation = (struct turn_client_lease){ .client = client, .due = TIME_NEVER };
    client->alarm = (struct io_timer){ .fire = on_alarm, .owner = client };
    client->soon = (struct io_timer){ .fire = on_soon, .owner = client };
    client->links = g_ptr_array_new_with_free_func(turn_client_link_free);
    turn_client_peers_open(&client->peers, client);
    turn_client_attempt_begin(&client->attempt, options);
    begin(client);
    return client;
}

void
turn_client_free(struct turn_client *client)
{
    if (!client || client->freed)
        return;
    client->io->ops->disarm(client->io, &client->alarm);
    client->io->ops->disarm(client->io, &client->soon);
    g_ptr_array_unref(client->links);
    stun_client_free(client->stun);
    turn_client_close_leg(client);
    turn_client_peers_close(&client->peers);
    stun_credentials_free(client->credentials);
    g_free(client->software);
    client->freed = true;
    if (client->calls == 0)
        g_free(client);
}
