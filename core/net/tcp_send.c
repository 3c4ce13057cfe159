/* What a connection wants to send: asked for segment by segment until there is none.
 *
 * In this order: a reset; the SYN; a probe of a closed window; what is lost; new data and the FIN; a keep-alive; an
 * ACK that nothing else has carried. */
#include "core/net/tcp_private.h"

#define SACK_BESIDE_TIMESTAMP 3

/* --- the receiver's part of each segment ------------------------------------------------------------------------- */

static uint32_t
free_space(const struct tcp_machine *machine)
{
    uint32_t limit = machine->settings->receive_buffer;

    return limit > machine->in.used ? limit - machine->in.used : 0;
}

uint32_t
tcp_window_to_offer(const struct tcp_machine *machine)
{
    uint32_t limit = machine->settings->receive_buffer, left = machine->rcv_adv - machine->rcv_nxt;
    uint32_t space = free_space(machine);

    /* Never less than was offered before (RFC 9293 section 3.8.6), and not a silly little more (section 3.8.6.2.2). */
    if (space < left + MIN(limit / 2, machine->local_mss))
        return left;
    return space;
}

/* In units of the window scale. Rounded up, so that nothing is taken back, unless that were more than there is room
 * for: then the field shows a little less than was offered before (RFC 7323 section 2.4), which is still accepted. */
static uint16_t
window_field(struct tcp_machine *machine)
{
    uint32_t offer = tcp_window_to_offer(machine), unit = UINT32_C(1) << machine->rcv_shift;
    uint32_t field = (offer + unit - 1) >> machine->rcv_shift;

    if (field << machine->rcv_shift > free_space(machine))
        field = offer >> machine->rcv_shift;
    field = MIN(field, UINT16_MAX);
    machine->rcv_adv = seq_max(machine->rcv_adv, machine->rcv_nxt + (field << machine->rcv_shift));
    return (uint16_t)field;
}

/* RFC 2018 section 4: the block that grew last leads, the others follow from the highest down. */
static void
fill_sack(const struct tcp_machine *machine, struct tcp_segment *segment)
{
    const struct tcp_ranges *behind = &machine->behind;
    unsigned most = machine->timestamps ? SACK_BESIDE_TIMESTAMP : TCP_SACK_MAX;
    uint32_t first = behind->count;

    for (uint32_t i = 0; i < behind->count; i++)
        if (seq_up_to(behind->runs[i].left, machine->latest_left) &&
            seq_before(machine->latest_left, behind->runs[i].right))
            first = i;
    if (first < behind->count)
        segment->sack[segment->sack_count++] = behind->runs[first];
    for (uint32_t i = behind->count; i > 0 && segment->sack_count < most; i--)
        if (i - 1 != first)
            segment->sack[segment->sack_count++] = behind->runs[i - 1];
}

/* A segment at `seq` with what every one carries; it acknowledges all that has come. */
static void
fill(struct tcp_machine *machine, struct tcp_segment *segment, uint32_t seq, uint8_t flags, int64_t now)
{
    *segment = (struct tcp_segment){ .seq = seq, .ack = machine->rcv_nxt, .flags = flags | TCP_ACK,
                                     .scale = TCP_NO_SCALE };
    if (machine->timestamps) {
        segment->has_timestamp = true;
        segment->timestamp = tcp_timestamp(machine, now);
        segment->echo = machine->ts_recent;
    }
    if (machine->sack && machine->behind.count > 0)
        fill_sack(machine, segment);
    if (!(flags & TCP_SYN))
        segment->window = window_field(machine);
    machine->ack_due = false;
    machine->ack_at = TIME_NEVER;
    machine->unacknowledged = 0;
    machine->last_ack = machine->rcv_nxt;
}

static void
send_reset(struct tcp_machine *machine, struct tcp_segment *segment)
{
    machine->reset_due = false;
    *segment = (struct tcp_segment){ .seq = machine->reset_seq, .flags = TCP_RST, .scale = TCP_NO_SCALE };
}

/* --- timers ------------------------------------------------------------------------------------------------------ */

/* Begins the timer of what has just been sent, unless it runs. */
static void
start_timer(struct tcp_machine *machine, int64_t now)
{
    if (machine->retransmit_at != TIME_NEVER && !machine->persisting)
        return;
    machine->persisting = false;
    machine->retransmit_at = now + tcp_rto_value(&machine->rto);
}

void
tcp_restart_timer(struct tcp_machine *machine, int64_t now)
{
    machine->persisting = false;
    machine->retransmit_at = tcp_flight(machine) > 0 ? now + tcp_rto_value(&machine->rto) : TIME_NEVER;
}

/* RFC 9293 section 3.8.6.1: first after one retransmission timeout, then ever more slowly. */
static int64_t
probe_interval(const struct tcp_machine *machine)
{
    int64_t interval = machine->rto.base;

    for (unsigned i = 0; i < machine->probes && interval < TCP_RTO_MAX; i++)
        interval *= 2;
    return MIN(interval, TCP_RTO_MAX);
}

/* Nothing is in flight whose acknowledgement would bring a window, so somebody has to ask. Small windows that silly
 * window avoidance leaves unused end in the same way. */
static void
start_probing(struct tcp_machine *machine, int64_t now)
{
    if (machine->retransmit_at != TIME_NEVER || tcp_flight(machine) > 0)
        return;
    machine->persisting = true;
    machine->probes = 0;
    machine->progress_at = machine->heard_at = now;
    machine->retransmit_at = now + probe_interval(machine);
}

/* --- SYN --------------------------------------------------------------------------------------------------------- */

/* In SYN-SENT every option is offered, in SYN-RECEIVED those that the peer's SYN had. */
static void
send_syn(struct tcp_machine *machine, int64_t now, struct tcp_segment *segment)
{
    const struct tcp_settings *settings = machine->settings;
    bool answer = machine->state == TCP_SYN_RECEIVED;

    fill(machine, segment, machine->iss, TCP_SYN, now);
    if (!answer) {
        segment->flags = TCP_SYN;
        segment->ack = 0;
        segment->echo = 0;
    }
    segment->window = (uint16_t)MIN(settings->receive_buffer, UINT16_MAX);
    segment->mss = machine->local_mss;
    segment->sack_permitted = machine->sack;
    if (settings->scaling && (!answer || machine->peer_scales))
        segment->scale = machine->rcv_shift;
    machine->syn_due = false;
    machine->timed_at = machine->syn_sent ? TIME_NEVER : now; /* Karn */
    machine->retransmissions += machine->syn_losses > 0;
    machine->syn_sent = true;
    start_timer(machine, now);
}

/* --- data -------------------------------------------------------------------------------------------------------- */

/* The octets from `from` on, with the FIN when they reach past the data's end. */
static void
send_octets(struct tcp_machine *machine, int64_t now, uint32_t from, uint32_t length, struct tcp_segment *segment)
{
    uint32_t start = tcp_data_start(machine), end = tcp_data_end(machine);
    bool fin = seq_before(end, from + length);
    uint32_t octets = length - fin;

    fill(machine, segment, from, 0, now);
    if (fin) {
        segment->flags |= TCP_FIN;
        machine->fin_sent = true;
    }
    if (octets > 0 && from + octets == end)
        segment->flags |= TCP_PSH;
    tcp_ring_look(&machine->out, from - start, octets, &segment->data, &segment->more);
    machine->snd_nxt = seq_max(machine->snd_nxt, from + length);
    machine->sent_at = now;
}

/* What fits beside the SACK blocks that an ACK must carry now. */
static uint32_t
payload_now(const struct tcp_machine *machine)
{
    uint32_t blocks = MIN(machine->behind.count, machine->timestamps ? SACK_BESIDE_TIMESTAMP : TCP_SACK_MAX);

    return tcp_payload(machine) - (machine->sack && blocks > 0 ? 4 + 8 * blocks : 0);
}

/* The octets of the sequence space, data and FIN, that the user has given us to send and that were not sent. */
static uint32_t
unsent(const struct tcp_machine *machine)
{
    if (machine->fin_sent)
        return 0;
    return tcp_data_end(machine) - machine->snd_nxt + machine->fin_wanted;
}

/* How far the peer's window reaches beyond `from`. */
static uint32_t
usable_window(const struct tcp_machine *machine, uint32_t from)
{
    uint32_t edge = machine->snd_una + machine->snd_wnd;

    return seq_before(from, edge) ? edge - from : 0;
}

/* RFC 9293 section 3.8.6.1: one octet at least, whatever the window; the same one until it is taken. */
static bool
send_probe(struct tcp_machine *machine, int64_t now, struct tcp_segment *segment)
{
    uint32_t length = tcp_flight(machine);

    machine->probe_due = false;
    if (length == 0)
        length = MIN(unsent(machine), MAX(usable_window(machine, machine->snd_nxt), 1));
    if (length == 0)
        return false;
    length = MIN(length, payload_now(machine));
    machine->timed_at = TIME_NEVER;
    send_octets(machine, now, machine->snd_una, length, segment);
    machine->rtx_nxt = machine->rtx_end = machine->snd_una;
    machine->retransmit_at = now + probe_interval(machine);
    return true;
}

/* The next piece of what is lost. Small pieces at the end of what was sent take new data along. */
static bool
send_lost(struct tcp_machine *machine, int64_t now, struct tcp_segment *segment)
{
    uint32_t most = payload_now(machine), end, length;
    uint32_t from = tcp_ranges_gap(&machine->sacked, machine->rtx_nxt, machine->rtx_end, &end);

    if (!seq_before(from, machine->rtx_end)) {
        machine->rtx_nxt = machine->rtx_end;
        return false;
    }
    length = MIN(end - from, most);
    if (!machine->rtx_due && tcp_loss_pipe(machine) + length > machine->cwnd)
        return false;
    if (from + length == machine->snd_nxt) {
        uint32_t more = MIN(most - length, unsent(machine)), usable = usable_window(machine, machine->snd_nxt);

        length += MIN(more, usable);
    }
    if (machine->rtx_due)
        machine->retransmit_at = TIME_NEVER; /* RFC 6298 section 5: not again within one timeout of its last sending */
    machine->rtx_due = false;
    machine->timed_at = TIME_NEVER;
    machine->resent_stamp = tcp_timestamp(machine, now);
    machine->retransmissions++;
    send_octets(machine, now, from, length, segment);
    machine->rtx_nxt = from + length;
    machine->rtx_end = seq_max(machine->rtx_end, machine->rtx_nxt);
    start_timer(machine, now);
    return true;
}

/* RFC 9293 section 3.8.6.2.1, with Nagle's rule in brackets there. A FIN says that no more will follow to fill up what
 * is small. */
static bool
worth_sending(const struct tcp_machine *machine, uint32_t length, uint32_t most, uint32_t left)
{
    bool may_be_small = !machine->nagle || tcp_flight(machine) == 0;

    if (length == 0)
        return false;
    if (length == most)
        return true;
    if (length == left && (may_be_small || machine->fin_wanted))
        return true;
    return may_be_small && length >= machine->max_wnd / 2;
}

static bool
send_new(struct tcp_machine *machine, int64_t now, struct tcp_segment *segment)
{
    uint32_t left = unsent(machine), most, length, window;
    bool first = tcp_flight(machine) == 0;

    if (left == 0)
        return false;
    if (first && machine->cwnd > 0 && now - machine->sent_at > tcp_rto_value(&machine->rto))
        tcp_congestion_restart(machine);
    most = payload_now(machine);
    length = MIN(MIN(left, most), usable_window(machine, machine->snd_nxt));
    if (!worth_sending(machine, length, most, left))
        return false;
    window = machine->cwnd;
    if (machine->loss == TCP_LOSS_NONE && !machine->sack) /* RFC 3042; with SACK the pipe says the same */
        window += MIN(machine->duplicate_acks, 2) * most;
    if (!first && tcp_loss_pipe(machine) + length > window)
        return false;
    if (first)
        machine->progress_at = now;
    send_octets(machine, now, machine->snd_nxt, length, segment);
    if (machine->timed_at == TIME_NEVER) {
        machine->timed_at = now;
        machine->timed_seq = machine->snd_nxt;
    }
    start_timer(machine, now);
    return true;
}

static bool
send_data(struct tcp_machine *machine, int64_t now, struct tcp_segment *segment)
{
    switch ((enum tcp_state)machine->state) {
    case TCP_ESTABLISHED:
    case TCP_CLOSE_WAIT:
    case TCP_FIN_WAIT_1:
    case TCP_CLOSING:
    case TCP_LAST_ACK:
        break;
    default:
        return false;
    }
    if (machine->probe_due)
        return send_probe(machine, now, segment);
    if (machine->persisting && tcp_flight(machine) > 0)
        return false;
    if (seq_before(machine->rtx_nxt, machine->rtx_end) && send_lost(machine, now, segment))
        return true;
    if (seq_before(machine->rtx_nxt, machine->rtx_end))
        return false; /* the congestion window is full */
    if (send_new(machine, now, segment))
        return true;
    tcp_loss_look_further(machine);
    if (seq_before(machine->rtx_nxt, machine->rtx_end) && send_lost(machine, now, segment))
        return true;
    if (unsent(machine) > 0)
        start_probing(machine, now);
    return false;
}

/* RFC 9293 section 3.8.4: one before what the peer waits for, so that it must answer. */
static void
send_keep_alive(struct tcp_machine *machine, int64_t now, struct tcp_segment *segment)
{
    machine->keep_alive_due = false;
    fill(machine, segment, machine->snd_una - 1, 0, now);
}

bool
tcp_machine_next(struct tcp_machine *machine, int64_t now, struct tcp_segment *segment)
{
    if (machine->reset_due) {
        send_reset(machine, segment);
        return true;
    }
    if (machine->state == TCP_CLOSED)
        return false;
    if (machine->syn_due) {
        send_syn(machine, now, segment);
        return true;
    }
    if (send_data(machine, now, segment))
        return true;
    if (machine->keep_alive_due) {
        send_keep_alive(machine, now, segment);
        return true;
    }
    if (machine->ack_due && machine->state != TCP_SYN_SENT) {
        fill(machine, segment, tcp_send_sequence(machine), 0, now);
        return true;
    }
    return false;
}
