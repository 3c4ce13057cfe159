/* What acknowledgements, their absence and their holes say about the network: round trips, the congestion window, and
 * which octets are to be sent again.
 *
 * Theory. In TCP_LOSS_NONE the window grows (RFC 5681 section 3.1). Three duplicate acknowledgements, or as much
 * evidence from SACK, begin TCP_LOSS_RECOVERY, which ends when all that was in flight then (`recover`) is
 * acknowledged. The timer begins TCP_LOSS_TIMEOUT, which ends likewise.
 *
 * All three share one picture: the octets rtx_nxt .. rtx_end, without those in `sacked`, are lost and wait to be sent
 * again; they are not in the network, all others in flight are. The sender (tcp_send.c) serves that region first and
 * moves rtx_nxt along. So
 *
 *   timeout              the region is everything in flight;
 *   recovery with SACK   its end follows the evidence (RFC 6675's IsLost, which holds up to an edge);
 *   recovery without     it is one segment at SND.UNA, again after each partial acknowledgement (RFC 6582), and the
 *                        window is inflated by what duplicates say has left the network. */
#include "core/net/tcp_private.h"

#define DUPLICATE_THRESHOLD 3
#define WINDOW_MOST (UINT32_C(1) << 30)

/* --- the congestion window --------------------------------------------------------------------------------------- */

/* RFC 5681 section 3.1, equation (1). */
static uint32_t
initial_window(const struct tcp_machine *machine)
{
    uint32_t size = tcp_payload(machine);

    return size * (size > 2190 ? 2 : size > 1095 ? 3 : 4);
}

void
tcp_congestion_start(struct tcp_machine *machine)
{
    machine->cwnd = machine->syn_losses > 0 ? tcp_payload(machine) : initial_window(machine);
    machine->ssthresh = WINDOW_MOST;
    machine->rtx_nxt = machine->rtx_end = machine->snd_una;
    machine->recover = machine->snd_una - 1;
}

void
tcp_congestion_restart(struct tcp_machine *machine)
{
    machine->cwnd = MIN(machine->cwnd, initial_window(machine));
}

/* RFC 5681 section 3.1: by at most a segment an acknowledgement in slow start, by a segment a window beyond. A window
 * that was not in use says nothing about what the network carries. */
static void
grow_window(struct tcp_machine *machine, uint32_t acked, uint32_t flight)
{
    uint32_t size = tcp_payload(machine);

    if (machine->cwnd < machine->ssthresh) {
        if (flight >= machine->cwnd / 2)
            machine->cwnd += MIN(acked, size);
    } else if (flight + size > machine->cwnd) {
        machine->acked_bytes += acked;
        if (machine->acked_bytes >= machine->cwnd) {
            machine->acked_bytes -= machine->cwnd;
            machine->cwnd += size;
        }
    }
    machine->cwnd = MIN(machine->cwnd, WINDOW_MOST);
}

static uint32_t
half_of_flight(const struct tcp_machine *machine)
{
    return MAX(tcp_flight(machine) / 2, 2 * tcp_payload(machine));
}

/* --- what is lost ------------------------------------------------------------------------------------------------ */

static void
lose_nothing(struct tcp_machine *machine)
{
    machine->rtx_nxt = machine->rtx_end = machine->snd_una;
}

static void
lose_everything(struct tcp_machine *machine)
{
    machine->rtx_nxt = machine->snd_una;
    machine->rtx_end = machine->snd_nxt;
    machine->rtx_due = true;
    machine->timed_at = TIME_NEVER; /* Karn: no sample from what is sent twice */
}

static void
lose_first_segment(struct tcp_machine *machine)
{
    machine->rtx_nxt = machine->snd_una;
    machine->rtx_end = seq_min(machine->snd_una + tcp_payload(machine), machine->snd_nxt);
    machine->rtx_due = true;
    machine->timed_at = TIME_NEVER;
}

/* Up to where RFC 6675's IsLost holds: below this, at least three runs or more than two segments are known to have
 * arrived. */
static uint32_t
lost_edge(const struct tcp_machine *machine)
{
    const struct tcp_ranges *sacked = &machine->sacked;
    uint32_t octets = 0;

    for (uint32_t i = sacked->count; i > 0; i--) {
        const struct tcp_block *run = &sacked->runs[i - 1];

        octets += run->right - run->left;
        if (sacked->count - i + 1 >= DUPLICATE_THRESHOLD ||
            octets > (DUPLICATE_THRESHOLD - 1) * tcp_payload(machine))
            return run->left;
    }
    return machine->snd_una;
}

static void
follow_evidence(struct tcp_machine *machine)
{
    machine->rtx_end = seq_max(machine->rtx_end, lost_edge(machine));
    machine->rtx_nxt = seq_max(machine->rtx_nxt, machine->snd_una);
    machine->rtx_end = seq_max(machine->rtx_end, machine->rtx_nxt);
}

void
tcp_loss_look_further(struct tcp_machine *machine)
{
    const struct tcp_ranges *sacked = &machine->sacked;

    if (machine->loss != TCP_LOSS_RECOVERY || !machine->sack || sacked->count == 0)
        return;
    machine->rtx_end = seq_max(machine->rtx_end, sacked->runs[sacked->count - 1].left);
}

uint32_t
tcp_loss_pipe(const struct tcp_machine *machine)
{
    const struct tcp_ranges *sacked = &machine->sacked;
    uint32_t lost = tcp_ranges_missing(sacked, machine->rtx_nxt, machine->rtx_end);

    if (sacked->count == 0)
        return tcp_flight(machine) - lost;
    return tcp_ranges_missing(sacked, machine->snd_una, machine->snd_nxt) - lost;
}

bool
tcp_loss_take_sack(struct tcp_machine *machine, const struct tcp_segment *segment)
{
    bool news = false;

    for (unsigned i = 0; i < segment->sack_count; i++) {
        uint32_t left = segment->sack[i].left, right = segment->sack[i].right;
        bool grown;

        /* Blocks below SND.UNA tell of duplicates (RFC 2883) or are old, blocks above SND.NXT are lies. */
        if (!seq_before(left, right) || seq_before(left, machine->snd_una) || seq_before(machine->snd_nxt, right))
            continue;
        if (tcp_ranges_add(&machine->sacked, left, right, &grown) && grown)
            news = true;
    }
    return news;
}

/* --- recovery ---------------------------------------------------------------------------------------------------- */

static void
enter_recovery(struct tcp_machine *machine)
{
    machine->loss = TCP_LOSS_RECOVERY;
    machine->recover = machine->snd_nxt;
    machine->partial_seen = false;
    machine->ssthresh = half_of_flight(machine);
    machine->cwnd = machine->ssthresh + (machine->sack ? 0 : DUPLICATE_THRESHOLD * tcp_payload(machine));
    lose_first_segment(machine);
    if (machine->sack)
        follow_evidence(machine);
}

/* RFC 6582 section 3.2, step 3, "full acknowledgements", option 1; RFC 6675 leaves the window at ssthresh. */
static void
leave_recovery(struct tcp_machine *machine)
{
    uint32_t size = tcp_payload(machine);

    machine->cwnd = machine->sack ? machine->ssthresh
                                  : MIN(machine->ssthresh, MAX(tcp_flight(machine), size) + size);
    machine->loss = TCP_LOSS_NONE;
    lose_nothing(machine);
}

/* RFC 6582 section 3.2, step 3, "partial acknowledgements": the next segment is lost too. */
static void
take_partial(struct tcp_machine *machine, uint32_t acked)
{
    uint32_t size = tcp_payload(machine);

    machine->cwnd -= MIN(acked, machine->cwnd);
    if (acked >= size)
        machine->cwnd += size;
    machine->cwnd = MAX(machine->cwnd, size);
    lose_first_segment(machine);
}

static void
take_sample(struct tcp_machine *machine, const struct tcp_segment *segment, int64_t now)
{
    if (machine->timed_at != TIME_NEVER) {
        if (!seq_up_to(machine->timed_seq, machine->snd_una))
            return;
        tcp_rto_sample(&machine->rto, now - machine->timed_at);
        machine->timed_at = TIME_NEVER;
    } else if (machine->rto.backoff > 0 && machine->timestamps && segment->has_timestamp) {
        /* A timestamp tells which of several copies is acknowledged, so Karn's rule need not hold (RFC 7323 section
         * 4.1). An echo from before the last copy is of one whose acknowledgement got lost: it says only how long we
         * have waited. */
        uint32_t elapsed = tcp_timestamp(machine, now) - segment->echo;

        if (!seq_before(segment->echo, machine->resent_stamp) && elapsed <= TCP_RTO_MAX / TIME_MS)
            tcp_rto_sample(&machine->rto, elapsed * TIME_MS);
    }
}

void
tcp_loss_acked(struct tcp_machine *machine, const struct tcp_segment *segment, uint32_t acked, uint32_t flight,
               int64_t now)
{
    bool first_partial = false;

    take_sample(machine, segment, now);
    machine->progress_at = now;
    machine->timeouts = 0;
    machine->soft_error = IO_OK;
    machine->duplicate_acks = 0;
    tcp_ranges_cut(&machine->sacked, machine->snd_una);
    if (machine->sack && segment->sack_count > 0)
        tcp_loss_take_sack(machine, segment);
    machine->rtx_nxt = seq_max(machine->rtx_nxt, machine->snd_una);
    machine->rtx_end = seq_max(machine->rtx_end, machine->rtx_nxt);
    switch ((enum tcp_loss)machine->loss) {
    case TCP_LOSS_NONE:
        grow_window(machine, acked, flight);
        if (seq_before(machine->recover, machine->snd_una)) /* never left so far behind that numbers wrap */
            machine->recover = machine->snd_una - 1;
        break;
    case TCP_LOSS_TIMEOUT:
        grow_window(machine, acked, flight);
        if (seq_up_to(machine->recover, machine->snd_una))
            machine->loss = TCP_LOSS_NONE;
        break;
    case TCP_LOSS_RECOVERY:
        if (seq_up_to(machine->recover, machine->snd_una)) {
            leave_recovery(machine);
        } else if (machine->sack) {
            follow_evidence(machine);
        } else {
            first_partial = !machine->partial_seen;
            machine->partial_seen = true;
            take_partial(machine, acked);
        }
        break;
    }
    /* RFC 6298 step 5.3; in fast recovery without SACK only the first partial one (RFC 6582: "impatient"). */
    if (machine->loss != TCP_LOSS_RECOVERY || machine->sack || first_partial || tcp_flight(machine) == 0)
        tcp_restart_timer(machine, now);
}

/* RFC 6582 section 3.2, step 2: duplicates of an acknowledgement that does not go beyond the last recovery or timeout
 * are echoes of what was sent twice then. With SACK such echoes bring no new blocks. */
static bool
means_loss(const struct tcp_machine *machine)
{
    if (machine->sack)
        return machine->duplicate_acks >= DUPLICATE_THRESHOLD || seq_before(machine->snd_una, lost_edge(machine));
    return machine->duplicate_acks == DUPLICATE_THRESHOLD && seq_before(machine->recover, machine->snd_una);
}

void
tcp_loss_duplicate(struct tcp_machine *machine, const struct tcp_segment *segment, int64_t now)
{
    (void)now;
    if (machine->sack && !tcp_loss_take_sack(machine, segment))
        return; /* RFC 6675 section 2: a duplicate is one that brings news */
    switch ((enum tcp_loss)machine->loss) {
    case TCP_LOSS_NONE:
        machine->duplicate_acks++;
        if (means_loss(machine))
            enter_recovery(machine);
        break;
    case TCP_LOSS_RECOVERY:
        if (machine->sack)
            follow_evidence(machine);
        else
            machine->cwnd = MIN(machine->cwnd + tcp_payload(machine), WINDOW_MOST);
        break;
    case TCP_LOSS_TIMEOUT:
        break;
    }
}

/* RFC 5681 section 3.1, equation (4), and RFC 6298 steps 5.4 to 5.6. A second timeout of the same data does not halve
 * again. What SACK has told is kept (RFC 6675 section 5.1) unless the peer shows that it has thrown it away: what it
 * holds begins just where it waits. */
void
tcp_loss_timeout(struct tcp_machine *machine)
{
    if (machine->rto.backoff == 0)
        machine->ssthresh = half_of_flight(machine);
    machine->cwnd = tcp_payload(machine);
    machine->acked_bytes = 0;
    machine->duplicate_acks = 0;
    machine->loss = TCP_LOSS_TIMEOUT;
    machine->recover = machine->snd_nxt;
    if (machine->sacked.count > 0 && machine->sacked.runs[0].left == machine->snd_una)
        machine->sacked.count = 0;
    lose_everything(machine);
}

void
tcp_loss_resend(struct tcp_machine *machine)
{
    machine->recover = machine->snd_nxt;
    lose_everything(machine);
}
