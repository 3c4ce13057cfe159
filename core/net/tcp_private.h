/* What the parts of the machine share: for tcp_machine.c, tcp_receive.c, tcp_loss.c and tcp_send.c only. */
#ifndef CORE_NET_TCP_PRIVATE_H
#define CORE_NET_TCP_PRIVATE_H

#include "core/net/tcp_machine.h"

#define TCP_TIMESTAMP_SPACE 12

/* tcp_machine.c */

/* The only place where the state changes. */
void tcp_set_state(struct tcp_machine *machine, enum tcp_state state);
/* The connection is gone, at once: to CLOSED. IO_OK: it ended well. */
void tcp_end(struct tcp_machine *machine, enum io_result failure);
/* A SYN has come in SYN-SENT: to ESTABLISHED when it acknowledges ours, else to SYN-RECEIVED (RFC 9293 3.10.7.3). */
void tcp_meet_syn(struct tcp_machine *machine, const struct tcp_segment *syn, int64_t now);
/* The handshake is through: to ESTABLISHED, and on where the user has closed already. */
void tcp_establish(struct tcp_machine *machine, int64_t now);
void tcp_enter_time_wait(struct tcp_machine *machine, int64_t now);
/* The user has gone and our FIN was acknowledged: how long to wait for the peer's. */
void tcp_wait_for_fin(struct tcp_machine *machine, int64_t now);
void tcp_wake_writer(struct tcp_machine *machine);

static inline bool
tcp_is_synchronized(const struct tcp_machine *machine)
{
    return machine->state >= TCP_ESTABLISHED;
}

/* Where data begins that is not acknowledged: the ring's head. */
static inline uint32_t
tcp_data_start(const struct tcp_machine *machine)
{
    return tcp_is_synchronized(machine) ? machine->snd_una : machine->iss + 1;
}

/* Where what the user has written ends, and his FIN stands. Only while the FIN is not acknowledged. */
static inline uint32_t
tcp_data_end(const struct tcp_machine *machine)
{
    return tcp_data_start(machine) + machine->out.used;
}

/* FlightSize (RFC 5681): octets sent and not acknowledged. */
static inline uint32_t
tcp_flight(const struct tcp_machine *machine)
{
    return machine->snd_nxt - machine->snd_una;
}

/* The largest payload of a segment without SACK blocks: Eff.snd.MSS of RFC 9293 section 3.7.1. */
static inline uint32_t
tcp_payload(const struct tcp_machine *machine)
{
    return machine->mss - (machine->timestamps ? TCP_TIMESTAMP_SPACE : 0);
}

static inline uint32_t
tcp_timestamp(const struct tcp_machine *machine, int64_t now)
{
    return (uint32_t)(now / TIME_MS) + machine->timestamp_offset;
}

/* SEQ of a segment without data. The octet that a probe of a closed window carries is not reckoned as sent: it has most
 * likely been refused, and then a peer takes an acknowledgement or a RST from exactly where it waits only (RFC 9293
 * section 3.10.7.4). */
static inline uint32_t
tcp_send_sequence(const struct tcp_machine *machine)
{
    return machine->persisting && machine->snd_wnd == 0 ? machine->snd_una : machine->snd_nxt;
}

static inline bool
tcp_fin_acknowledged(const struct tcp_machine *machine)
{
    return machine->fin_sent && machine->snd_una == machine->snd_nxt;
}

/* tcp_loss.c: what acknowledgements and silence say about the network */

void tcp_congestion_start(struct tcp_machine *machine);
/* SND.UNA has moved by `acked` octets; `flight` is what was in flight before. */
void tcp_loss_acked(struct tcp_machine *machine, const struct tcp_segment *segment, uint32_t acked, uint32_t flight,
                    int64_t now);
/* An acknowledgement that moved nothing and is a duplicate (RFC 5681 section 2), or brings blocks of SACK. */
void tcp_loss_duplicate(struct tcp_machine *machine, const struct tcp_segment *segment, int64_t now);
/* Takes in the segment's SACK option; true when it told something new. */
bool tcp_loss_take_sack(struct tcp_machine *machine, const struct tcp_segment *segment);
/* The retransmission timer ran out. */
void tcp_loss_timeout(struct tcp_machine *machine);
/* Everything in flight is to be sent again: it was too big for the path, or the peer's window refused it. */
void tcp_loss_resend(struct tcp_machine *machine);
/* Octets that are believed to be in the network: RFC 6675's pipe. */
uint32_t tcp_loss_pipe(const struct tcp_machine *machine);
/* Nothing is known to be lost and there is nothing new: RFC 6675 section 4, NextSeg rule 3. */
void tcp_loss_look_further(struct tcp_machine *machine);
/* A pause of more than one timeout (RFC 5681 section 4.1). */
void tcp_congestion_restart(struct tcp_machine *machine);

/* tcp_send.c */

/* The window to announce, as octets from RCV.NXT on. */
uint32_t tcp_window_to_offer(const struct tcp_machine *machine);
/* Begins it anew, or stops it when nothing is in flight. */
void tcp_restart_timer(struct tcp_machine *machine, int64_t now);

#endif
