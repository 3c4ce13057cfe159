/* What a segment does to a connection: RFC 9293 section 3.10.7.3 (SYN-SENT) and 3.10.7.4 (all others), step by step in
 * the order given there, with the checks of RFC 5961 and RFC 7323 in their places. */
#include "core/net/tcp_private.h"

#define CHALLENGES_MOST 10           /* RFC 5961 section 7: at most so many ACKs ... */
#define CHALLENGE_SPAN (5 * TIME_S)  /* ... in so long a time */
#define PAWS_EXPIRY (24 * 24 * 60 * TIME_MIN) /* RFC 7323 section 5.5: an older timestamp says nothing */

/* A segment on its way through the checks: cut to the window as it goes. */
struct arrival {
    const struct tcp_segment *segment;
    uint32_t seq;
    struct span data;
    bool fin;
    enum drop_reason refused; /* the segment was good for its acknowledgement only */
};

static uint32_t
arrival_length(const struct arrival *arrival)
{
    return (uint32_t)arrival->data.length + arrival->fin;
}

static void
reset_peer(struct tcp_machine *machine, uint32_t seq)
{
    machine->reset_due = true;
    machine->reset_seq = seq;
}

/* An ACK that anyone can provoke: bounded, which also ends the storm of two sides that disagree. */
static void
challenge(struct tcp_machine *machine, int64_t now)
{
    if (machine->challenges == 0 || now - machine->challenge_since >= CHALLENGE_SPAN) {
        machine->challenge_since = now;
        machine->challenges = 0;
    }
    if (machine->challenges == CHALLENGES_MOST)
        return;
    machine->challenges++;
    machine->ack_due = true;
}

/* --- SYN-SENT ---------------------------------------------------------------------------------------------------- */

static enum drop_reason
receive_in_syn_sent(struct tcp_machine *machine, const struct tcp_segment *segment, int64_t now)
{
    bool acknowledges = segment->flags & TCP_ACK;

    if (acknowledges && segment->ack != machine->snd_nxt) {
        if (!(segment->flags & TCP_RST))
            reset_peer(machine, segment->ack);
        return DROP_BAD_ACKNOWLEDGEMENT;
    }
    if (segment->flags & TCP_RST) {
        if (!acknowledges)
            return DROP_BAD_ACKNOWLEDGEMENT;
        tcp_end(machine, IO_REFUSED);
        return DROP_NONE;
    }
    if (!(segment->flags & TCP_SYN))
        return DROP_BAD_SEQUENCE;
    /* Data or a FIN on the SYN are left unacknowledged, so that they come again. */
    tcp_meet_syn(machine, segment, now);
    return DROP_NONE;
}

/* --- first: the sequence number ---------------------------------------------------------------------------------- */

/* RFC 7323 section 5.3, R1. A RST is let through. */
static bool
passes_paws(const struct tcp_machine *machine, const struct tcp_segment *segment, int64_t now)
{
    if (!machine->timestamps || (segment->flags & TCP_RST))
        return true;
    if (!segment->has_timestamp)
        return false;
    return !seq_before(segment->timestamp, machine->ts_recent) || now - machine->ts_recent_at > PAWS_EXPIRY;
}

/* RFC 7323 section 4.3: the timestamp to echo is that of the segment which our last acknowledgement waited for. */
static void
take_timestamp(struct tcp_machine *machine, const struct tcp_segment *segment, int64_t now)
{
    if (!machine->timestamps || !segment->has_timestamp || seq_before(machine->last_ack, segment->seq) ||
        seq_before(segment->timestamp, machine->ts_recent))
        return;
    machine->ts_recent = segment->timestamp;
    machine->ts_recent_at = now;
}

/* The four cases of section 3.4. */
static bool
is_acceptable(const struct tcp_machine *machine, const struct arrival *arrival)
{
    uint32_t window = machine->rcv_adv - machine->rcv_nxt, length = arrival_length(arrival);
    bool begins_inside = arrival->seq - machine->rcv_nxt < window;

    if (length == 0)
        return window == 0 ? arrival->seq == machine->rcv_nxt : begins_inside;
    return window > 0 && (begins_inside || arrival->seq + length - 1 - machine->rcv_nxt < window);
}

/* Cuts off what lies outside the window. */
static void
trim(const struct tcp_machine *machine, struct arrival *arrival)
{
    uint32_t end;

    if (seq_before(arrival->seq, machine->rcv_nxt)) {
        uint32_t known = machine->rcv_nxt - arrival->seq;

        arrival->data.bytes += known;
        arrival->data.length -= known;
        arrival->seq = machine->rcv_nxt;
    }
    end = arrival->seq + (uint32_t)arrival->data.length;
    if (seq_before(machine->rcv_adv, end)) {
        arrival->data.length -= end - machine->rcv_adv;
        arrival->fin = false;
    }
}

static void take_acknowledgement(struct tcp_machine *machine, const struct arrival *arrival, int64_t now);

/* RFC 9293 appendix A.2: with both windows closed, or filled to their ends, each side's acknowledgements lie outside of
 * the other's, and neither window would ever be seen to open. So those that lie no further outside than a probe reaches
 * are taken for what they acknowledge, though they are answered like the rest. */
static void
take_near_miss(struct tcp_machine *machine, const struct arrival *arrival, int64_t now)
{
    const struct tcp_segment *segment = arrival->segment;

    if (!(segment->flags & TCP_ACK) || !tcp_is_synchronized(machine) ||
        seq_before(arrival->seq, machine->rcv_nxt - machine->local_mss) ||
        seq_before(machine->rcv_adv + 1, arrival->seq))
        return;
    if (seq_before(machine->snd_nxt, segment->ack) || seq_before(segment->ack, machine->snd_una))
        return;
    machine->heard_at = now;
    take_acknowledgement(machine, arrival, now);
}

/* A segment outside the window says where the peer thinks we are, so it is told where we are. Without anything in it,
 * it may be the answer to such an answer. */
static enum drop_reason
refuse(struct tcp_machine *machine, const struct arrival *arrival, int64_t now)
{
    uint32_t length = arrival_length(arrival), end = arrival->seq + length;
    bool known = length > 0 ? seq_up_to(end, machine->rcv_nxt) : seq_before(end, machine->rcv_nxt);

    if (arrival->segment->flags & TCP_RST)
        return DROP_BAD_SEQUENCE;
    if (length > 0)
        machine->ack_due = true;
    else
        take_near_miss(machine, arrival, now);
    if (machine->state == TCP_CLOSED)
        return DROP_BAD_SEQUENCE;
    if (length == 0)
        challenge(machine, now);
    if (machine->state == TCP_TIME_WAIT && arrival->fin && known)
        tcp_enter_time_wait(machine, now); /* the peer's FIN again: two MSL from now */
    return known ? DROP_ALREADY_RECEIVED : DROP_BAD_SEQUENCE;
}

static enum drop_reason
check_sequence(struct tcp_machine *machine, struct arrival *arrival, int64_t now)
{
    bool closed_window = machine->rcv_adv == machine->rcv_nxt;

    if (!passes_paws(machine, arrival->segment, now)) {
        challenge(machine, now);
        return DROP_OLD_TIMESTAMP;
    }
    if (closed_window && arrival->seq == machine->rcv_nxt && arrival_length(arrival) > 0) {
        /* section 3.10.7.4: even then valid ACKs and RSTs are taken; the rest is a probe of the window */
        arrival->data.length = 0;
        arrival->fin = false;
        arrival->refused = DROP_SOCKET_FULL;
        machine->ack_due = true;
        return DROP_NONE;
    }
    if (!is_acceptable(machine, arrival))
        return refuse(machine, arrival, now);
    trim(machine, arrival);
    return DROP_NONE;
}

/* --- second and fourth: RST, SYN --------------------------------------------------------------------------------- */

/* RFC 5961 section 3.2: only the exact number resets. */
static enum drop_reason
receive_reset(struct tcp_machine *machine, const struct tcp_segment *segment, int64_t now)
{
    if (segment->seq != machine->rcv_nxt) {
        challenge(machine, now);
        return DROP_CHALLENGED;
    }
    switch ((enum tcp_state)machine->state) {
    case TCP_SYN_RECEIVED:
        tcp_end(machine, machine->passive ? IO_OK : IO_REFUSED);
        break;
    case TCP_CLOSING:
    case TCP_LAST_ACK:
    case TCP_TIME_WAIT:
        tcp_end(machine, machine->out.used > 0 ? IO_RESET : IO_OK);
        break;
    default:
        tcp_end(machine, IO_RESET);
    }
    return DROP_NONE;
}

/* In SYN-RECEIVED the peer's SYN comes again: because ours got lost, or as that SYN which acknowledges ours when both
 * sides have opened at once. The latter is cut to its acknowledgement; of the former our SYN is sent again. */
static bool
is_own_syn_again(const struct tcp_machine *machine, const struct tcp_segment *segment)
{
    return machine->state == TCP_SYN_RECEIVED && segment->seq == machine->irs && (segment->flags & TCP_SYN) &&
           !(segment->flags & TCP_RST);
}

/* RFC 5961 section 4.2: a SYN in a synchronized state is challenged whatever its number. In SYN-RECEIVED after a
 * passive open, section 3.10.7.4 goes back to LISTEN, which here means that this machine ends. */
static enum drop_reason
receive_syn(struct tcp_machine *machine, const struct arrival *arrival, int64_t now)
{
    if (machine->state == TCP_SYN_RECEIVED && machine->passive && is_acceptable(machine, arrival)) {
        tcp_end(machine, IO_OK);
        return DROP_BAD_SEQUENCE;
    }
    challenge(machine, now);
    return DROP_CHALLENGED;
}

/* --- fifth: ACK -------------------------------------------------------------------------------------------------- */

static void
take_window(struct tcp_machine *machine, const struct tcp_segment *segment, int64_t now)
{
    uint32_t window = (uint32_t)segment->window << machine->snd_shift, before = machine->snd_wnd;

    if (!seq_before(machine->snd_wl1, segment->seq) &&
        (machine->snd_wl1 != segment->seq || seq_before(segment->ack, machine->snd_wl2)))
        return; /* an older segment */
    machine->snd_wnd = window;
    machine->max_wnd = MAX(machine->max_wnd, window);
    machine->snd_wl1 = segment->seq;
    machine->snd_wl2 = segment->ack;
    if (machine->persisting && window > before && window > 0) {
        machine->persisting = false;
        machine->probes = 0;
        machine->retransmit_at = TIME_NEVER;
        if (tcp_flight(machine) > 0)
            tcp_loss_resend(machine); /* a probe that was refused */
        machine->progress_at = now;
    }
}

/* Takes what is acknowledged out of the buffer: not the FIN, which stands behind it. */
static void
forget_acknowledged(struct tcp_machine *machine, uint32_t acked)
{
    tcp_ring_take(&machine->out, NULL, MIN(acked, machine->out.used));
}

/* Our FIN is acknowledged: step "fifth" for the states that wait for it. */
static void
fin_acknowledged(struct tcp_machine *machine, int64_t now)
{
    switch ((enum tcp_state)machine->state) {
    case TCP_FIN_WAIT_1:
        tcp_set_state(machine, TCP_FIN_WAIT_2);
        tcp_wait_for_fin(machine, now);
        break;
    case TCP_CLOSING:
        tcp_enter_time_wait(machine, now);
        break;
    case TCP_LAST_ACK:
        tcp_end(machine, IO_OK);
        break;
    default:
        break;
    }
}

static bool
is_duplicate(const struct tcp_machine *machine, const struct arrival *arrival)
{
    const struct tcp_segment *segment = arrival->segment;

    return segment->ack == machine->snd_una && tcp_flight(machine) > 0 && segment->data.length == 0 &&
           !(segment->flags & (TCP_FIN | TCP_SYN)) &&
           (uint32_t)segment->window << machine->snd_shift == machine->snd_wnd;
}

static void
take_acknowledgement(struct tcp_machine *machine, const struct arrival *arrival, int64_t now)
{
    const struct tcp_segment *segment = arrival->segment;
    uint32_t acked = segment->ack - machine->snd_una, flight = tcp_flight(machine);

    if (seq_before(machine->snd_una, segment->ack)) {
        machine->snd_una = segment->ack;
        forget_acknowledged(machine, acked);
        take_window(machine, segment, now);
        tcp_loss_acked(machine, segment, acked, flight, now);
        tcp_wake_writer(machine);
        if (tcp_fin_acknowledged(machine))
            fin_acknowledged(machine, now);
        return;
    }
    if (segment->ack != machine->snd_una)
        return; /* an old one */
    if (is_duplicate(machine, arrival) && !machine->persisting)
        tcp_loss_duplicate(machine, segment, now);
    else if (machine->sack && segment->sack_count > 0)
        tcp_loss_take_sack(machine, segment);
    take_window(machine, segment, now);
}

/* The acknowledgement of our SYN in SYN-RECEIVED. */
static enum drop_reason
complete_handshake(struct tcp_machine *machine, const struct tcp_segment *segment, int64_t now)
{
    if (segment->ack != machine->snd_nxt) {
        reset_peer(machine, segment->ack);
        return DROP_BAD_ACKNOWLEDGEMENT;
    }
    machine->snd_una = segment->ack;
    if (machine->timed_at != TIME_NEVER)
        tcp_rto_sample(&machine->rto, now - machine->timed_at);
    machine->timed_at = TIME_NEVER;
    machine->snd_wnd = (uint32_t)segment->window << (segment->flags & TCP_SYN ? 0 : machine->snd_shift);
    machine->max_wnd = MAX(machine->max_wnd, machine->snd_wnd);
    machine->snd_wl1 = segment->seq;
    machine->snd_wl2 = segment->ack;
    tcp_establish(machine, now);
    return DROP_NONE;
}

/* RFC 5961 section 5.2: what lies further back than the largest window is as wrong as what lies ahead. */
static enum drop_reason
receive_ack(struct tcp_machine *machine, const struct arrival *arrival, int64_t now)
{
    const struct tcp_segment *segment = arrival->segment;

    if (!(segment->flags & TCP_ACK))
        return DROP_BAD_ACKNOWLEDGEMENT;
    if (machine->state == TCP_SYN_RECEIVED)
        return complete_handshake(machine, segment, now);
    if (seq_before(machine->snd_nxt, segment->ack) || seq_before(segment->ack, machine->snd_una - machine->max_wnd)) {
        challenge(machine, now);
        return DROP_BAD_ACKNOWLEDGEMENT;
    }
    take_acknowledgement(machine, arrival, now);
    return DROP_NONE;
}

/* --- seventh and eighth: data, FIN ------------------------------------------------------------------------------- */

/* Data in order: at least every second segment is acknowledged at once (RFC 9293 section 3.8.6.3), one that fills a gap
 * too (RFC 5681 section 4.2). */
static void
take_in_order(struct tcp_machine *machine, struct span data, int64_t now)
{
    bool fills_gap = machine->behind.count > 0;

    tcp_ring_place(&machine->in, machine->in.used, data);
    tcp_ring_extend(&machine->in, (uint32_t)data.length);
    machine->rcv_nxt += (uint32_t)data.length;
    if (fills_gap && seq_up_to(machine->behind.runs[0].left, machine->rcv_nxt)) {
        uint32_t right = machine->behind.runs[0].right;

        if (seq_before(machine->rcv_nxt, right)) {
            tcp_ring_extend(&machine->in, right - machine->rcv_nxt);
            machine->rcv_nxt = right;
        }
        tcp_ranges_cut(&machine->behind, machine->rcv_nxt);
    }
    if (machine->want_read) {
        machine->want_read = false;
        machine->news |= TCP_NEWS_READABLE;
    }
    if (fills_gap || ++machine->unacknowledged >= 2 || machine->settings->ack_delay == 0)
        machine->ack_due = true;
    else if (machine->ack_at == TIME_NEVER)
        machine->ack_at = now + machine->settings->ack_delay;
}

static enum drop_reason
take_behind_gap(struct tcp_machine *machine, const struct arrival *arrival)
{
    uint32_t left = arrival->seq, right = left + (uint32_t)arrival->data.length;
    bool grown;

    machine->ack_due = true; /* RFC 5681 section 4.2: so that the sender notices */
    if (!tcp_ranges_add(&machine->behind, left, right, &grown))
        return DROP_SOCKET_FULL;
    machine->latest_left = left;
    if (!grown)
        return DROP_ALREADY_RECEIVED;
    tcp_ring_place(&machine->in, machine->in.used + (left - machine->rcv_nxt), arrival->data);
    return DROP_NONE;
}

/* Nobody reads any more: see the theory in tcp_machine.c. */
static enum drop_reason
refuse_orphan_data(struct tcp_machine *machine)
{
    machine->data_lost = true;
    if (machine->state == TCP_FIN_WAIT_2)
        tcp_machine_abort(machine);
    return DROP_SOCKET_CLOSED;
}

static enum drop_reason
receive_data(struct tcp_machine *machine, struct arrival *arrival, int64_t now)
{
    if (arrival->data.length == 0)
        return DROP_NONE;
    if (machine->state != TCP_ESTABLISHED && machine->state != TCP_FIN_WAIT_1 && machine->state != TCP_FIN_WAIT_2)
        return DROP_BAD_SEQUENCE; /* behind the peer's own FIN */
    if (machine->released)
        return refuse_orphan_data(machine);
    if (arrival->seq != machine->rcv_nxt)
        return take_behind_gap(machine, arrival);
    take_in_order(machine, arrival->data, now);
    return DROP_NONE;
}

/* The peer's FIN has come in its turn. */
static void
fin_received(struct tcp_machine *machine, int64_t now)
{
    machine->rcv_nxt++;
    machine->rcv_adv = seq_max(machine->rcv_adv, machine->rcv_nxt);
    machine->peer_fin = true;
    machine->ack_due = true;
    if (!machine->released)
        machine->news |= TCP_NEWS_READABLE;
    switch ((enum tcp_state)machine->state) {
    case TCP_ESTABLISHED:
        tcp_set_state(machine, TCP_CLOSE_WAIT);
        break;
    case TCP_FIN_WAIT_1: /* its acknowledgement of our FIN would have led to FIN-WAIT-2 before */
        tcp_set_state(machine, TCP_CLOSING);
        break;
    case TCP_FIN_WAIT_2:
        tcp_enter_time_wait(machine, now);
        break;
    default:
        break;
    }
}

static void
receive_fin(struct tcp_machine *machine, const struct arrival *arrival, int64_t now)
{
    if (arrival->fin && !machine->peer_fin) {
        machine->peer_fin_known = true;
        machine->peer_fin_at = arrival->seq + (uint32_t)arrival->data.length;
        if (machine->peer_fin_at != machine->rcv_nxt)
            machine->ack_due = true;
    }
    if (machine->peer_fin_known && !machine->peer_fin && machine->peer_fin_at == machine->rcv_nxt)
        fin_received(machine, now);
}

/* --- all of it --------------------------------------------------------------------------------------------------- */

enum drop_reason
tcp_machine_receive(struct tcp_machine *machine, const struct tcp_segment *segment, int64_t now)
{
    struct arrival arrival = {
        .segment = segment, .seq = segment->seq, .data = segment->data, .fin = segment->flags & TCP_FIN,
    };
    enum drop_reason reason;
    bool syn = segment->flags & TCP_SYN;

    g_assert(machine->state != TCP_CLOSED);
    if (machine->state == TCP_SYN_SENT)
        return receive_in_syn_sent(machine, segment, now);
    if (syn && is_own_syn_again(machine, segment)) {
        if (!(segment->flags & TCP_ACK)) {
            machine->syn_due = true;
            return DROP_ALREADY_RECEIVED;
        }
        arrival.seq++;
        syn = false;
    }
    if (syn && !(segment->flags & TCP_RST))
        return receive_syn(machine, &arrival, now);
    reason = check_sequence(machine, &arrival, now);
    if (reason != DROP_NONE)
        return reason;
    if (segment->flags & TCP_RST)
        return receive_reset(machine, segment, now);
    reason = receive_ack(machine, &arrival, now);
    if (reason != DROP_NONE || machine->state == TCP_CLOSED)
        return reason;
    machine->heard_at = now;
    if (!machine->persisting)
        machine->probes = 0;
    take_timestamp(machine, segment, now);
    reason = receive_data(machine, &arrival, now);
    if (machine->state == TCP_CLOSED)
        return reason;
    if (reason == DROP_NONE)
        receive_fin(machine, &arrival, now);
    return arrival.refused != DROP_NONE ? arrival.refused : reason;
}
