/* Theory of operation
 *
 * The states are RFC 9293's (section 3.3.2), without LISTEN, which keeps nothing:
 *
 *   SYN-SENT      our SYN is under way. rcv_nxt is not known. A SYN that acknowledges ours leads to ESTABLISHED, one
 *                 that does not (simultaneous open) to SYN-RECEIVED.
 *   SYN-RECEIVED  both SYNs are sent; the peer's is acknowledged by ours. Its acknowledgement of ours leads on.
 *   ESTABLISHED   data flows both ways.
 *   FIN-WAIT-1    we have closed: a FIN follows the data that was written. It need not have been sent yet.
 *   FIN-WAIT-2    our FIN is acknowledged; the peer may go on sending.
 *   CLOSE-WAIT    the peer's FIN has come; we may go on sending.
 *   CLOSING       both have closed, the peer's FIN came before the acknowledgement of ours.
 *   LAST-ACK      both have closed, the peer first; our FIN is not acknowledged.
 *   TIME-WAIT     both have closed and all is acknowledged: answers the peer's FIN again for twice the MSL.
 *   CLOSED        the end: nothing is sent but perhaps one last RST.
 *
 * Segments move it on (tcp_receive.c), deadlines and the user do (here); tcp_set_state is the only place where the
 * state changes. Nothing is sent where it is decided: flags are set (syn_due, ack_due, ...), and tcp_send.c makes
 * segments of them, and of data, when it is asked. What acknowledgements say about the network is in tcp_loss.c.
 *
 * A user who goes away (release) leaves an orphan that delivers what was written. What its peer still sends is
 * nobody's: such an orphan resets the connection (RFC 9293 section 3.6.1), but only when its own data and FIN are
 * acknowledged, so that nothing that was taken from the user is lost. Until then it leaves the peer's data
 * unacknowledged. */
#include "core/net/tcp_private.h"

#define TIMEOUTS_LEAST 6 /* before giving up: an acknowledgement may get lost more than once, too */
#define LEFT_ENOUGH 10u /* segments that may still come before the peer is told of more room */
#define SEND_BUFFER_LEAST 65536 /* what is taken from a writer before the congestion window says that more is of use */

const struct tcp_settings tcp_settings_default = {
    .send_buffer = 1 << 20,
    .receive_buffer = 1 << 20,
    .rto_minimum = TIME_S,
    .ack_delay = 40 * TIME_MS,
    .time_wait = 4 * TIME_MIN, /* the MSL is two minutes (RFC 9293 section 3.4.2) */
    .fin_wait = TIME_MIN,
    .give_up = 100 * TIME_S,
    .give_up_syn = 180 * TIME_S,
    .keep_alive_idle = 120 * TIME_MIN,
    .keep_alive_interval = 75 * TIME_S,
    .keep_alive_probes = 9,
    .timestamps = true,
    .sack = true,
    .scaling = true,
};

static const char *const state_names[] = {
    "CLOSED",     "LISTEN",     "SYN-SENT", "SYN-RECEIVED", "ESTABLISHED", "FIN-WAIT-1",
    "FIN-WAIT-2", "CLOSE-WAIT", "CLOSING",  "LAST-ACK",     "TIME-WAIT",
};

G_STATIC_ASSERT(G_N_ELEMENTS(state_names) == TCP_TIME_WAIT + 1);

const char *
tcp_state_name(enum tcp_state state)
{
    g_assert((unsigned)state < G_N_ELEMENTS(state_names));
    return state_names[state];
}

/* --- states ------------------------------------------------------------------------------------------------------ */

void
tcp_set_state(struct tcp_machine *machine, enum tcp_state state)
{
    enum tcp_state from = machine->state;

    machine->state = (uint8_t)state;
    if (machine->changed)
        machine->changed(machine, from);
}

static void
stop_timers(struct tcp_machine *machine)
{
    machine->retransmit_at = machine->ack_at = machine->linger_at = machine->keep_alive_at = TIME_NEVER;
    machine->persisting = false;
}

void
tcp_end(struct tcp_machine *machine, enum io_result failure)
{
    machine->failure = (uint8_t)failure;
    if (failure != IO_OK)
        machine->news |= TCP_NEWS_FAILED;
    machine->syn_due = machine->ack_due = machine->rtx_due = machine->probe_due = machine->keep_alive_due = false;
    stop_timers(machine);
    tcp_ring_clear(&machine->out);
    tcp_ranges_clear(&machine->sacked);
    tcp_ranges_clear(&machine->behind);
    if (machine->released || machine->in.used == 0)
        tcp_ring_clear(&machine->in); /* else it may still be read */
    tcp_set_state(machine, TCP_CLOSED);
}

void
tcp_establish(struct tcp_machine *machine, int64_t now)
{
    machine->syn_due = false;
    machine->retransmit_at = TIME_NEVER;
    machine->progress_at = machine->heard_at = now;
    machine->timeouts = 0;
    machine->news |= TCP_NEWS_CONNECTED;
    if (machine->syn_losses > 0 && machine->rto.srtt == 0)
        tcp_rto_after_syn_loss(&machine->rto);
    tcp_congestion_start(machine);
    tcp_set_state(machine, TCP_ESTABLISHED);
    if (machine->keep_alive)
        machine->keep_alive_at = now + machine->settings->keep_alive_idle;
    if (machine->fin_wanted)
        tcp_set_state(machine, TCP_FIN_WAIT_1);
}

void
tcp_enter_time_wait(struct tcp_machine *machine, int64_t now)
{
    stop_timers(machine);
    machine->linger_at = now + machine->settings->time_wait;
    tcp_ring_clear(&machine->out);
    tcp_ranges_clear(&machine->sacked);
    tcp_ranges_clear(&machine->behind);
    if (machine->in.used == 0)
        tcp_ring_clear(&machine->in);
    if (machine->state != TCP_TIME_WAIT)
        tcp_set_state(machine, TCP_TIME_WAIT);
}

void
tcp_wait_for_fin(struct tcp_machine *machine, int64_t now)
{
    if (!machine->released)
        return;
    if (machine->data_lost)
        tcp_machine_abort(machine);
    else if (machine->settings->fin_wait > 0)
        machine->linger_at = now + machine->settings->fin_wait;
}

/* --- birth and death --------------------------------------------------------------------------------------------- */

/* The shift that lets the whole buffer be announced (RFC 7323 section 2.2). */
static uint8_t
shift_for(uint32_t buffer)
{
    uint8_t shift = 0;

    while (shift < TCP_SCALE_MAX && (uint32_t)UINT16_MAX << shift < buffer)
        shift++;
    return shift;
}

static void
begin(struct tcp_machine *machine, const struct tcp_settings *settings, const struct tcp_birth *birth, int64_t now)
{
    machine->settings = settings;
    machine->iss = machine->snd_una = birth->iss;
    machine->snd_nxt = birth->iss + 1;
    machine->rtx_nxt = machine->rtx_end = machine->recover = birth->iss + 1;
    machine->timestamp_offset = birth->timestamp_offset;
    machine->local_mss = birth->mss;
    machine->usual_mss = birth->ipv6 ? TCP_MSS_DEFAULT_IPV6 : TCP_MSS_DEFAULT;
    machine->mss = MIN(birth->mss, machine->usual_mss);
    machine->timestamps = settings->timestamps;
    machine->sack = settings->sack;
    machine->rcv_shift = settings->scaling ? shift_for(settings->receive_buffer) : 0;
    machine->nagle = true;
    machine->want_read = true;
    machine->syn_due = true;
    tcp_rto_init(&machine->rto, settings->rto_minimum);
    machine->timed_at = TIME_NEVER;
    machine->progress_at = machine->heard_at = now;
    stop_timers(machine);
}

void
tcp_machine_connect(struct tcp_machine *machine, const struct tcp_settings *settings, const struct tcp_birth *birth,
                    int64_t now)
{
    begin(machine, settings, birth, now);
    tcp_set_state(machine, TCP_SYN_SENT);
}

void
tcp_machine_clear(struct tcp_machine *machine)
{
    tcp_ring_clear(&machine->in);
    tcp_ring_clear(&machine->out);
    tcp_ranges_clear(&machine->sacked);
    tcp_ranges_clear(&machine->behind);
}

/* What the peer's SYN says: where its sequence space begins and which options both have (RFC 9293 section 3.7.1, RFC
 * 7323 sections 2.2 and 3.2, RFC 2018 section 2). */
static void
take_syn(struct tcp_machine *machine, const struct tcp_segment *syn, int64_t now)
{
    const struct tcp_settings *settings = machine->settings;
    uint16_t peer_mss = syn->mss ? MAX(syn->mss, TCP_MSS_MIN) : machine->usual_mss;

    machine->irs = syn->seq;
    machine->rcv_nxt = machine->last_ack = syn->seq + 1;
    machine->rcv_adv = machine->rcv_nxt + MIN(settings->receive_buffer, UINT16_MAX);
    machine->mss = MIN(machine->local_mss, peer_mss);
    machine->sack = settings->sack && syn->sack_permitted;
    machine->timestamps = settings->timestamps && syn->has_timestamp;
    machine->ts_recent = syn->timestamp;
    machine->ts_recent_at = now;
    machine->peer_scales = settings->scaling && syn->scale != TCP_NO_SCALE;
    machine->snd_shift = machine->peer_scales ? syn->scale : 0;
    if (!machine->peer_scales)
        machine->rcv_shift = 0;
    machine->snd_wnd = machine->max_wnd = syn->window; /* never scaled in a SYN */
    machine->snd_wl1 = syn->seq;
    machine->snd_wl2 = syn->flags & TCP_ACK ? syn->ack : machine->iss;
    machine->heard_at = now;
}

void
tcp_machine_answer(struct tcp_machine *machine, const struct tcp_settings *settings, const struct tcp_birth *birth,
                   const struct tcp_segment *syn, int64_t now)
{
    begin(machine, settings, birth, now);
    machine->passive = true;
    machine->state = TCP_LISTEN; /* what it comes from */
    take_syn(machine, syn, now);
    tcp_set_state(machine, TCP_SYN_RECEIVED);
}

void
tcp_meet_syn(struct tcp_machine *machine, const struct tcp_segment *syn, int64_t now)
{
    take_syn(machine, syn, now);
    if (syn->flags & TCP_ACK) {
        machine->snd_una = syn->ack;
        if (machine->timed_at != TIME_NEVER)
            tcp_rto_sample(&machine->rto, now - machine->timed_at);
        machine->timed_at = TIME_NEVER;
        machine->ack_due = true;
        tcp_establish(machine, now);
    } else {
        machine->syn_due = true;
        machine->retransmit_at = TIME_NEVER;
        tcp_set_state(machine, TCP_SYN_RECEIVED);
    }
}

/* --- deadlines --------------------------------------------------------------------------------------------------- */

int64_t
tcp_machine_deadline(const struct tcp_machine *machine)
{
    return MIN(MIN(machine->retransmit_at, machine->ack_at), MIN(machine->linger_at, machine->keep_alive_at));
}

bool
tcp_machine_busy(const struct tcp_machine *machine, int64_t now)
{
    switch ((enum tcp_state)machine->state) {
    case TCP_CLOSED:
    case TCP_LISTEN:
    case TCP_TIME_WAIT:
        return false;
    case TCP_SYN_SENT:
    case TCP_SYN_RECEIVED:
        return true;
    default:
        if (machine->ack_at != TIME_NEVER)
            return true;
        if (machine->persisting)
            return now - machine->progress_at < machine->settings->give_up;
        return tcp_flight(machine) > 0 || (!machine->fin_sent && (machine->out.used > 0 || machine->fin_wanted));
    }
}

static enum io_result
why_given_up(const struct tcp_machine *machine)
{
    return machine->soft_error != IO_OK ? machine->soft_error : IO_TIMEOUT;
}

static void
retransmission_timeout(struct tcp_machine *machine, int64_t now)
{
    bool synchronized = tcp_is_synchronized(machine);
    int64_t limit = synchronized ? machine->settings->give_up : machine->settings->give_up_syn;

    machine->retransmit_at = TIME_NEVER;
    if (now - machine->progress_at >= limit && machine->timeouts >= TIMEOUTS_LEAST) {
        tcp_end(machine, why_given_up(machine));
        return;
    }
    if (machine->timeouts < UINT8_MAX)
        machine->timeouts++;
    if (synchronized) {
        tcp_loss_timeout(machine);
    } else {
        machine->syn_due = true;
        machine->syn_losses++;
        machine->timed_at = TIME_NEVER;
    }
    tcp_rto_back_off(&machine->rto);
}

/* The peer's window is closed. It is asked for ever, as long as it answers (RFC 9293 section 3.8.6.1); the last answer
 * may be as old as R2 and the longest pause between two questions. */
static void
probe_window(struct tcp_machine *machine, int64_t now)
{
    machine->retransmit_at = TIME_NEVER;
    if (now - machine->heard_at >= machine->settings->give_up + TCP_RTO_MAX) {
        tcp_end(machine, why_given_up(machine));
        return;
    }
    machine->probe_due = true;
    if (machine->probes < UINT8_MAX)
        machine->probes++;
}

/* RFC 9293 section 3.8.4. Only a silent connection is asked; one with data in flight finds out by itself. */
static void
keep_alive(struct tcp_machine *machine, int64_t now)
{
    const struct tcp_settings *settings = machine->settings;

    if (tcp_flight(machine) > 0 || machine->persisting) {
        machine->keep_alive_at = now + settings->keep_alive_idle;
    } else if (now - machine->heard_at < settings->keep_alive_idle) {
        machine->keep_alive_at = machine->heard_at + settings->keep_alive_idle;
    } else if (machine->probes >= settings->keep_alive_probes) {
        tcp_end(machine, why_given_up(machine));
    } else {
        machine->probes++;
        machine->keep_alive_due = true;
        machine->keep_alive_at = now + settings->keep_alive_interval;
    }
}

void
tcp_machine_wake(struct tcp_machine *machine, int64_t now)
{
    if (machine->linger_at <= now) { /* TIME-WAIT, or an orphan's FIN-WAIT-2, is over */
        tcp_end(machine, IO_OK);
        return;
    }
    if (machine->ack_at <= now) {
        machine->ack_at = TIME_NEVER;
        machine->ack_due = true;
    }
    if (machine->retransmit_at <= now) {
        if (machine->persisting)
            probe_window(machine, now);
        else
            retransmission_timeout(machine, now);
    }
    if (machine->keep_alive_at <= now)
        keep_alive(machine, now);
}

/* --- the user ---------------------------------------------------------------------------------------------------- */

/* Our share of silly window avoidance (RFC 9293 section 3.8.6.2.2): the window that reading has opened is told when it
 * is half of the buffer, or, where little was left, two segments. A delayed acknowledgement that is on its way brings it
 * too, and is soon enough while some segments fit: so the first data of a connection, whose SYN could offer no more than
 * 64 KiB, is not acknowledged by itself. */
static void
offer_window(struct tcp_machine *machine)
{
    uint32_t limit = machine->settings->receive_buffer, left = machine->rcv_adv - machine->rcv_nxt;
    uint32_t offer = tcp_window_to_offer(machine);

    if (machine->state != TCP_ESTABLISHED && machine->state != TCP_FIN_WAIT_1 && machine->state != TCP_FIN_WAIT_2)
        return;
    if (machine->ack_at != TIME_NEVER && left >= LEFT_ENOUGH * machine->local_mss)
        return;
    if (offer - left >= limit / 2 || (left < limit / 4 && offer - left >= MIN(2u * machine->local_mss, limit / 2)))
        machine->ack_due = true;
}

ssize_t
tcp_machine_read(struct tcp_machine *machine, void *bytes, size_t length, enum io_result *why)
{
    uint32_t take = (uint32_t)MIN(length, machine->in.used);

    *why = IO_OK;
    if (take > 0) {
        tcp_ring_take(&machine->in, bytes, take);
        machine->want_read = machine->in.used == 0;
        offer_window(machine);
        return take;
    }
    machine->want_read = true;
    if (machine->failure == IO_OK && (machine->peer_fin || length == 0))
        return 0;
    *why = machine->failure != IO_OK ? machine->failure : machine->state == TCP_CLOSED ? IO_CLOSED : IO_AGAIN;
    return -1;
}

/* How much of what is written is kept: what the congestion window lets out in a round trip, and as much again. */
static uint32_t
send_limit(const struct tcp_machine *machine)
{
    return MIN(machine->settings->send_buffer, MAX(2 * machine->cwnd, SEND_BUFFER_LEAST));
}

void
tcp_wake_writer(struct tcp_machine *machine)
{
    if (!machine->want_write || machine->out.used > send_limit(machine) / 2)
        return;
    machine->want_write = false;
    machine->news |= TCP_NEWS_WRITABLE;
}

ssize_t
tcp_machine_write(struct tcp_machine *machine, const void *bytes, size_t length, enum io_result *why)
{
    uint32_t limit = send_limit(machine), room = limit > machine->out.used ? limit - machine->out.used : 0;
    uint32_t take = (uint32_t)MIN(length, room);

    *why = IO_OK;
    if (machine->failure != IO_OK || machine->fin_wanted || machine->state == TCP_CLOSED) {
        *why = machine->failure != IO_OK ? machine->failure : IO_CLOSED;
        return -1;
    }
    if (take < length)
        machine->want_write = true;
    if (take == 0 && length > 0) {
        *why = IO_AGAIN;
        return -1;
    }
    tcp_ring_append(&machine->out, bytes, take);
    return take;
}

void
tcp_machine_shutdown(struct tcp_machine *machine, int64_t now)
{
    (void)now;
    if (machine->fin_wanted || machine->state == TCP_CLOSED)
        return;
    machine->fin_wanted = true;
    machine->want_write = false;
    if (machine->state == TCP_ESTABLISHED)
        tcp_set_state(machine, TCP_FIN_WAIT_1);
    else if (machine->state == TCP_CLOSE_WAIT)
        tcp_set_state(machine, TCP_LAST_ACK);
}

void
tcp_machine_release(struct tcp_machine *machine, int64_t now)
{
    machine->released = true;
    machine->news = 0;
    if (machine->in.used > 0)
        machine->data_lost = true;
    tcp_ring_clear(&machine->in);
    tcp_ranges_clear(&machine->behind);
    if (machine->state == TCP_SYN_SENT) { /* section 3.10.4: the TCB goes */
        tcp_end(machine, IO_OK);
        return;
    }
    tcp_machine_shutdown(machine, now);
    if (machine->state == TCP_FIN_WAIT_2)
        tcp_wait_for_fin(machine, now);
}

void
tcp_machine_abort(struct tcp_machine *machine)
{
    switch ((enum tcp_state)machine->state) {
    case TCP_SYN_RECEIVED:
    case TCP_ESTABLISHED:
    case TCP_FIN_WAIT_1:
    case TCP_FIN_WAIT_2:
    case TCP_CLOSE_WAIT:
        machine->reset_due = true;
        machine->reset_seq = tcp_send_sequence(machine);
        break;
    case TCP_CLOSED:
        return;
    default: /* section 3.10.5: the peer knows nothing of it, or has closed too */
        break;
    }
    tcp_end(machine, IO_OK);
}

void
tcp_machine_expire(struct tcp_machine *machine)
{
    tcp_end(machine, IO_OK);
}

void
tcp_machine_set_keep_alive(struct tcp_machine *machine, bool on, int64_t now)
{
    machine->keep_alive = on;
    if (!on)
        machine->keep_alive_at = TIME_NEVER;
    else if (tcp_is_synchronized(machine) && machine->state != TCP_TIME_WAIT)
        machine->keep_alive_at = now + machine->settings->keep_alive_idle;
}

/* --- ICMP -------------------------------------------------------------------------------------------------------- */

bool
tcp_machine_sent(const struct tcp_machine *machine, uint32_t seq)
{
    return machine->state != TCP_CLOSED && seq - machine->snd_una < machine->snd_nxt - machine->snd_una;
}

void
tcp_machine_unreachable(struct tcp_machine *machine, enum io_result result, bool hard)
{
    if (hard && (machine->state == TCP_SYN_SENT || (machine->state == TCP_SYN_RECEIVED && !machine->passive)))
        tcp_end(machine, result);
    else
        machine->soft_error = (uint8_t)result;
}

void
tcp_machine_too_big(struct tcp_machine *machine, uint16_t mss)
{
    mss = MAX(mss, TCP_MSS_MIN);
    if (mss >= machine->mss)
        return; /* known already: each packet that was under way brings one of these */
    machine->mss = mss;
    if (tcp_is_synchronized(machine))
        tcp_loss_resend(machine); /* RFC 1191 section 6.5: no sign of congestion */
}

/* --- without a connection ---------------------------------------------------------------------------------------- */

bool
tcp_closed_answer(const struct tcp_segment *segment, struct tcp_segment *reply)
{
    if (segment->flags & TCP_RST)
        return false;
    *reply = (struct tcp_segment){ .flags = TCP_RST, .scale = TCP_NO_SCALE };
    if (segment->flags & TCP_ACK) {
        reply->seq = segment->ack;
    } else {
        reply->flags |= TCP_ACK;
        reply->ack = segment->seq + tcp_segment_length(segment);
    }
    return true;
}

enum tcp_listen_verdict
tcp_listen_answer(const struct tcp_segment *segment, struct tcp_segment *reply)
{
    if (segment->flags & TCP_RST)
        return TCP_LISTEN_IGNORE;
    if (segment->flags & TCP_ACK)
        return tcp_closed_answer(segment, reply) ? TCP_LISTEN_RESET : TCP_LISTEN_IGNORE;
    /* One that opens and closes at once is no SYN of a host: only scanners send it. */
    return (segment->flags & (TCP_SYN | TCP_FIN)) == TCP_SYN ? TCP_LISTEN_OPEN : TCP_LISTEN_IGNORE;
}
