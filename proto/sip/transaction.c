/* Theory of operation.
 *
 * Two times drive a machine. `resend` is A, E or G of the RFC's table, or the moment at which a server's INVITE gets its
 * 100; `end` is whichever of B, D, F, H, I, J, K, L and M belongs to the state. `enter` alone changes the state, and sets
 * what `end` means in it; over a stream D, I, J and K are 0, and the machine ends at once. */
#include "proto/sip/transaction.h"

#include <glib.h>

static const char *const state_words[] = { "trying", "proceeding", "accepted", "completed", "confirmed", "ended" };
G_STATIC_ASSERT(G_N_ELEMENTS(state_words) == SIP_STATE_COUNT);

const char *
sip_state_word(enum sip_state state)
{
    return state_words[state];
}

/* `times` times T1, stopping at TIME_NEVER. */
static int64_t
times_t1(const struct sip_machine *machine, int64_t times)
{
    return machine->timers.t1 > TIME_NEVER / times ? TIME_NEVER : machine->timers.t1 * times;
}

static bool
is_client(const struct sip_machine *machine)
{
    return machine->kind == SIP_INVITE_CLIENT || machine->kind == SIP_OTHER_CLIENT;
}

/* D, at least 32 s; I; J; K: how long retransmissions may still come over UDP. */
static int64_t
linger(const struct sip_machine *machine)
{
    if (machine->reliable)
        return 0;
    switch (machine->kind) {
    case SIP_INVITE_CLIENT:
        return MAX(times_t1(machine, 64), 32 * TIME_S);
    case SIP_OTHER_SERVER:
        return times_t1(machine, 64);
    default:
        return machine->timers.t4;
    }
}

static unsigned
end(struct sip_machine *machine)
{
    machine->state = SIP_STATE_ENDED;
    machine->resend = machine->end = TIME_NEVER;
    return SIP_STEP_END;
}

/* Into a state that a final response, or its ACK, leads to. Returns SIP_STEP_END where it is over at once. */
static unsigned
enter(struct sip_machine *machine, enum sip_state state, int64_t now)
{
    int64_t stay;

    machine->state = state;
    machine->resend = TIME_NEVER;
    if (state == SIP_STATE_ACCEPTED) /* L and M, RFC 6026 section 7.1: over streams too */
        stay = times_t1(machine, 64);
    else if (machine->kind == SIP_INVITE_SERVER && state == SIP_STATE_COMPLETED)
        stay = times_t1(machine, 64); /* H */
    else
        stay = linger(machine);
    machine->end = time_add(now, stay);
    return stay == 0 ? end(machine) : 0;
}

/* How long it takes until the other side's timer E stands at T2: a request that is no INVITE has a 100 then, and not
 * before (RFC 4320 section 4.1). */
static int64_t
e_is_t2(const struct sip_timers *timers)
{
    int64_t passed = 0;

    for (int64_t interval = timers->t1; interval > 0 && interval < timers->t2; interval *= 2)
        passed += interval;
    return MAX(passed, timers->trying);
}

unsigned
sip_machine_start(struct sip_machine *machine, enum sip_machine_kind kind, const struct sip_timers *timers,
                  bool reliable, int64_t now)
{
    *machine = (struct sip_machine){ .kind = kind,
                                     .timers = *timers,
                                     .reliable = reliable,
                                     .interval = timers->t1,
                                     .resend = TIME_NEVER,
                                     .end = TIME_NEVER };
    if (is_client(machine)) {
        machine->end = time_add(now, times_t1(machine, 64));
        if (!reliable)
            machine->resend = time_add(now, timers->t1);
        return SIP_STEP_SEND;
    }
    if (kind == SIP_INVITE_SERVER)
        machine->state = SIP_STATE_PROCEEDING;
    if (timers->trying > 0)
        machine->resend = time_add(now, kind == SIP_INVITE_SERVER ? timers->trying : e_is_t2(timers));
    return SIP_STEP_TELL;
}

/* ---- clients */

static unsigned
take_provisional(struct sip_machine *machine)
{
    if (machine->state == SIP_STATE_TRYING && machine->kind == SIP_INVITE_CLIENT) {
        machine->resend = TIME_NEVER;
        machine->end = TIME_NEVER; /* B is for a request that nobody has heard */
    }
    machine->state = SIP_STATE_PROCEEDING;
    return SIP_STEP_TELL;
}

static unsigned
take_invite_final(struct sip_machine *machine, unsigned status, int64_t now)
{
    if (status < 300)
        return SIP_STEP_TELL | enter(machine, SIP_STATE_ACCEPTED, now);
    return SIP_STEP_ACK | SIP_STEP_TELL | enter(machine, SIP_STATE_COMPLETED, now);
}

unsigned
sip_machine_response(struct sip_machine *machine, unsigned status, int64_t now)
{
    bool invite = machine->kind == SIP_INVITE_CLIENT;

    switch (machine->state) {
    case SIP_STATE_TRYING:
    case SIP_STATE_PROCEEDING:
        if (status < 200)
            return take_provisional(machine);
        if (invite)
            return take_invite_final(machine, status, now);
        return SIP_STEP_TELL | enter(machine, SIP_STATE_COMPLETED, now);
    case SIP_STATE_ACCEPTED: /* another 2xx, or the same again: the user's (RFC 6026 section 7.2) */
        return status >= 200 && status < 300 ? SIP_STEP_TELL : 0;
    case SIP_STATE_COMPLETED: /* its ACK has been lost */
        return invite && status >= 300 ? SIP_STEP_ACK : 0;
    default:
        return 0;
    }
}

void
sip_machine_cancelled(struct sip_machine *machine, int64_t now)
{
    if (machine->state == SIP_STATE_PROCEEDING)
        machine->end = time_add(now, times_t1(machine, 64));
}

/* ---- servers */

unsigned
sip_machine_request(struct sip_machine *machine, int64_t now)
{
    (void)now;
    switch (machine->state) {
    case SIP_STATE_PROCEEDING: /* the last provisional one, which the caller knows whether there is */
    case SIP_STATE_COMPLETED:
        return SIP_STEP_SEND;
    default: /* of an accepted INVITE it is the user who sends the 2xx again (RFC 6026 section 7.1) */
        return 0;
    }
}

unsigned
sip_machine_ack(struct sip_machine *machine, int64_t now)
{
    if (machine->kind != SIP_INVITE_SERVER)
        return 0;
    if (machine->state == SIP_STATE_COMPLETED)
        return enter(machine, SIP_STATE_CONFIRMED, now);
    return machine->state == SIP_STATE_ACCEPTED ? SIP_STEP_TELL : 0;
}

/* A challenge is sent once, lest whoever forges a source has eleven sent to it for one INVITE (section 26.3.2.4): who
 * has not got it asks again, as long as nobody has told it to wait. */
static bool
is_lone_challenge(const struct sip_machine *machine, unsigned status)
{
    return (status == 401 || status == 407) && machine->resend != TIME_NEVER;
}

static unsigned
answer_final(struct sip_machine *machine, unsigned status, int64_t now)
{
    bool once = machine->reliable || is_lone_challenge(machine, status);
    unsigned steps = SIP_STEP_SEND;

    if (machine->kind == SIP_INVITE_SERVER && status < 300)
        return steps | enter(machine, SIP_STATE_ACCEPTED, now);
    steps |= enter(machine, SIP_STATE_COMPLETED, now);
    if (machine->kind == SIP_INVITE_SERVER && !once) {
        machine->interval = machine->timers.t1;
        machine->resend = time_add(now, machine->interval);
    }
    return steps;
}

unsigned
sip_machine_answer(struct sip_machine *machine, unsigned status, int64_t now)
{
    switch (machine->state) {
    case SIP_STATE_TRYING:
    case SIP_STATE_PROCEEDING:
        if (status >= 200)
            return answer_final(machine, status, now);
        machine->state = SIP_STATE_PROCEEDING;
        machine->resend = TIME_NEVER;
        return SIP_STEP_SEND;
    case SIP_STATE_ACCEPTED:
        return status >= 200 && status < 300 ? SIP_STEP_SEND : 0;
    default:
        return 0;
    }
}

/* ---- both */

unsigned
sip_machine_failed(struct sip_machine *machine)
{
    switch (machine->state) {
    case SIP_STATE_ENDED:
        return 0;
    case SIP_STATE_ACCEPTED: /* RFC 6026 section 8.4 and 8.5: the user sees to its 2xx and ACKs */
    case SIP_STATE_CONFIRMED:
        return 0;
    case SIP_STATE_COMPLETED:
        if (is_client(machine)) /* the final response has been told; the rest is politeness */
            return end(machine);
        return SIP_STEP_FAILED | end(machine);
    default:
        return SIP_STEP_FAILED | end(machine);
    }
}

static unsigned
fire_end(struct sip_machine *machine)
{
    bool waits = machine->state == SIP_STATE_TRYING || machine->state == SIP_STATE_PROCEEDING ||
                 (machine->kind == SIP_INVITE_SERVER && machine->state == SIP_STATE_COMPLETED);

    return (waits ? SIP_STEP_TIMEOUT : 0) | end(machine);
}

/* A and G double without a bound and up to T2; E goes up to T2, and is T2 once somebody has answered. */
static int64_t
next_interval(const struct sip_machine *machine)
{
    int64_t twice = machine->interval > TIME_NEVER / 2 ? TIME_NEVER : machine->interval * 2;

    if (machine->kind == SIP_INVITE_CLIENT)
        return twice;
    if (machine->kind == SIP_OTHER_CLIENT && machine->state == SIP_STATE_PROCEEDING)
        return machine->timers.t2;
    return MIN(twice, machine->timers.t2);
}

unsigned
sip_machine_fire(struct sip_machine *machine, int64_t now)
{
    if (now >= machine->end)
        return fire_end(machine);
    if (now < machine->resend)
        return 0;
    if (!is_client(machine) && machine->state <= SIP_STATE_PROCEEDING) {
        machine->state = SIP_STATE_PROCEEDING;
        machine->resend = TIME_NEVER;
        return SIP_STEP_TRYING;
    }
    machine->interval = next_interval(machine);
    machine->resend = time_add(now, machine->interval);
    return SIP_STEP_SEND;
}

int64_t
sip_machine_deadline(const struct sip_machine *machine)
{
    return MIN(machine->resend, machine->end);
}

bool
sip_machine_is_busy(const struct sip_machine *machine)
{
    switch (machine->state) {
    case SIP_STATE_TRYING:
    case SIP_STATE_PROCEEDING:
        return is_client(machine) || machine->resend != TIME_NEVER;
    case SIP_STATE_COMPLETED:
        return machine->kind == SIP_INVITE_SERVER;
    default:
        return false;
    }
}
