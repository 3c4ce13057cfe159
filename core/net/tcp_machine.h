/* One TCP connection (RFC 9293), without a network: the machine.
 *
 * It takes what happened (a segment, a deadline, a call of the user) and `now`, and changes itself. What it then wants
 * is asked of it, in this order:
 *
 *     while (tcp_machine_next(machine, now, &segment))   segments to send; they borrow from the machine
 *         ... put ports on it, send it
 *     tcp_machine_deadline(machine)                      when tcp_machine_wake wants to be called
 *     machine->news                                      what the user is to be told; whoever tells takes the bits away
 *
 * It knows no io, no node, no addresses and draws nothing: what is random at birth is handed in. LISTEN is no machine
 * but a question (tcp_listen_answer), as is what a segment for no connection gets (tcp_closed_answer).
 *
 * Built: RFC 9293 (states, half-close, Nagle, silly window avoidance, zero-window probes, keep-alives), RFC 5961
 * (challenge ACKs), RFC 6298 (retransmission timer), RFC 5681, 6582 and 3042 (NewReno, limited transmit), RFC 2018 and
 * 6675 (SACK), RFC 7323 (window scaling, timestamps, PAWS). Not built: urgent data (delivered in line), ECN. */
#ifndef CORE_NET_TCP_MACHINE_H
#define CORE_NET_TCP_MACHINE_H

#include "core/base/io.h"
#include "core/net/tcp_ranges.h"
#include "core/net/tcp_ring.h"
#include "core/net/tcp_rto.h"

enum tcp_state {
    TCP_CLOSED,
    TCP_LISTEN,
    TCP_SYN_SENT,
    TCP_SYN_RECEIVED,
    TCP_ESTABLISHED,
    TCP_FIN_WAIT_1,
    TCP_FIN_WAIT_2,
    TCP_CLOSE_WAIT,
    TCP_CLOSING,
    TCP_LAST_ACK,
    TCP_TIME_WAIT,
};

/* "SYN-SENT": the RFC's spelling. */
const char *tcp_state_name(enum tcp_state state);

/* What a host's connections have in common. Borrowed by each machine. */
struct tcp_settings {
    uint32_t send_buffer, receive_buffer; /* the most bytes kept either way, per connection */
    int64_t rto_minimum;                  /* RFC 6298 section 2.4 */
    int64_t ack_delay;                    /* RFC 9293 section 3.8.6.3: below half a second */
    int64_t time_wait;                    /* twice the MSL (RFC 9293 section 3.4.1) */
    int64_t fin_wait;                     /* how long a closed socket waits for its peer's FIN; 0: for ever */
    int64_t give_up, give_up_syn;         /* R2 (RFC 9293 section 3.8.3); not before six timeouts */
    int64_t keep_alive_idle, keep_alive_interval; /* section 3.8.4 */
    uint8_t keep_alive_probes;            /* unanswered ones that end a connection */
    bool timestamps, sack, scaling;       /* offered and accepted */
};

extern const struct tcp_settings tcp_settings_default;

enum tcp_news {
    TCP_NEWS_CONNECTED = 1 << 0,
    TCP_NEWS_READABLE = 1 << 1, /* data, or the peer's FIN */
    TCP_NEWS_WRITABLE = 1 << 2,
    TCP_NEWS_FAILED = 1 << 3,   /* `failure` says how */
};

/* How the sender stands to loss. */
enum tcp_loss {
    TCP_LOSS_NONE,
    TCP_LOSS_RECOVERY, /* fast recovery: RFC 6582, or RFC 6675 where there is SACK */
    TCP_LOSS_TIMEOUT,  /* the timer ran out: everything in flight then is sent again, slowly at first */
};

/* Sequence numbers have the names of RFC 9293 section 3.3.1. What is in flight lies in snd_una .. snd_nxt; of that
 * rtx_nxt .. rtx_end is known or believed to be lost and not sent again yet, except what `sacked` holds. Data that the
 * user has written ends at snd_una (or ISS + 1) + out.used; a FIN takes the number behind it. */
struct tcp_machine {
    const struct tcp_settings *settings;
    void (*changed)(struct tcp_machine *machine, enum tcp_state from); /* told of each change of state; may be NULL */
    uint8_t state;   /* enum tcp_state */
    uint8_t loss;    /* enum tcp_loss */
    uint8_t news;    /* enum tcp_news */
    uint8_t failure; /* enum io_result: why the connection is gone; IO_OK: it isn't, or it ended well */
    uint8_t soft_error; /* enum io_result: what ICMP said meanwhile; told when the connection gives up */
    uint8_t snd_shift, rcv_shift;
    bool passive;        /* opened by a peer's SYN that met a listener */
    bool released;       /* the user has gone: what comes in is nobody's */
    bool timestamps, sack, peer_scales; /* agreed on; the peer's SYN had a window scale */
    bool nagle, keep_alive; /* the user may switch these at any time */

    /* what is to be sent as soon as it is asked for */
    bool syn_due, ack_due, reset_due, rtx_due, probe_due, keep_alive_due;
    uint32_t reset_seq;  /* of the reset that is due */

    /* the sender */
    bool syn_sent, fin_wanted, fin_sent, want_write;
    bool persisting;     /* the peer's window is closed, or too small to be worth it: retransmit_at is a probe's */
    uint32_t iss, snd_una, snd_nxt;
    uint32_t snd_wnd, snd_wl1, snd_wl2, max_wnd;
    uint32_t rtx_nxt, rtx_end;
    struct tcp_ring out;
    struct tcp_ranges sacked;
    uint16_t mss;        /* what a segment to the peer may carry, data and options (RFC 6691) */
    uint16_t local_mss;  /* what we announced */
    uint16_t usual_mss;  /* what a peer takes that announces none (RFC 9293 section 3.7.1) */

    /* congestion */
    uint32_t cwnd, ssthresh, recover, acked_bytes;
    uint32_t duplicate_acks;
    bool partial_seen;   /* in this recovery: RFC 6582's "first partial ACK" */
    struct tcp_rto rto;
    uint32_t timed_seq;  /* the acknowledgement that ends the sample under way */
    int64_t timed_at;    /* TIME_NEVER: none is */
    int64_t progress_at; /* when the peer last acknowledged something new, or something was first sent into silence */
    int64_t sent_at;     /* the last data */
    int64_t heard_at;    /* the last segment that was acceptable */
    uint32_t resent_stamp; /* our timestamp when data was last sent again */
    uint32_t retransmissions; /* segments that were sent again; probes are not counted */
    uint8_t syn_losses;  /* SYNs that the timer sent again */
    uint8_t timeouts;    /* since the last progress */
    uint8_t probes;      /* of the closed window or of a silent peer, since it opened or spoke */

    /* the receiver */
    bool want_read, peer_fin, peer_fin_known;
    bool data_lost;      /* what the peer sent after the user had gone, or that he had not read */
    uint32_t irs, rcv_nxt, rcv_adv, last_ack, peer_fin_at;
    uint32_t latest_left; /* of the run behind a gap that grew last: it leads the SACK option (RFC 2018 section 4) */
    struct tcp_ring in;
    struct tcp_ranges behind;
    uint8_t unacknowledged; /* segments since the last ACK */
    uint32_t timestamp_offset, ts_recent;
    int64_t ts_recent_at;

    /* deadlines; TIME_NEVER: none */
    int64_t retransmit_at, ack_at, linger_at, keep_alive_at;
    int64_t challenge_since;
    uint8_t challenges;
};

/* What a connection is born with: an initial sequence number (RFC 6528), the offset of its timestamp clock, and the
 * largest segment that the way out carries, IP and TCP header taken off. */
struct tcp_birth {
    uint32_t iss, timestamp_offset;
    uint16_t mss;
    bool ipv6; /* which decides what a peer takes that says nothing */
};

/* An active OPEN: to SYN-SENT. The machine is zeroed before, `changed` may be set. */
void tcp_machine_connect(struct tcp_machine *machine, const struct tcp_settings *settings,
                         const struct tcp_birth *birth, int64_t now);
/* A SYN has met a listener: to SYN-RECEIVED. */
void tcp_machine_answer(struct tcp_machine *machine, const struct tcp_settings *settings, const struct tcp_birth *birth,
                        const struct tcp_segment *syn, int64_t now);
/* Gives the buffers back; silent. */
void tcp_machine_clear(struct tcp_machine *machine);

/* A segment has arrived (RFC 9293 section 3.10.7.3 and .4). DROP_NONE: it got where it was going; otherwise why it was
 * of no use, though it may have caused an answer. Not in CLOSED. */
enum drop_reason tcp_machine_receive(struct tcp_machine *machine, const struct tcp_segment *segment, int64_t now)
    G_GNUC_WARN_UNUSED_RESULT;

/* Time has come to what tcp_machine_deadline said, or past it, or not yet: that does nothing. */
void tcp_machine_wake(struct tcp_machine *machine, int64_t now);

/* The next segment to be sent now, without ports; false when there is none. */
bool tcp_machine_next(struct tcp_machine *machine, int64_t now, struct tcp_segment *segment);

/* When the machine wants to be woken; TIME_NEVER: only by what happens. */
int64_t tcp_machine_deadline(const struct tcp_machine *machine);
/* Whether what it waits for keeps a run going: a handshake or data unacknowledged, though a closed window only for as
 * long as R2. TIME-WAIT, keep-alives and waiting for a peer's FIN are idle. */
bool tcp_machine_busy(const struct tcp_machine *machine, int64_t now);

/* The user's calls. Read and write as in struct io_tcp_ops. */
ssize_t tcp_machine_read(struct tcp_machine *machine, void *bytes, size_t length, enum io_result *why);
ssize_t tcp_machine_write(struct tcp_machine *machine, const void *bytes, size_t length, enum io_result *why);
/* CLOSE of RFC 9293 section 3.10.4: no more will be written; reading goes on. */
void tcp_machine_shutdown(struct tcp_machine *machine, int64_t now);
/* The user goes: what was written is still delivered. */
void tcp_machine_release(struct tcp_machine *machine, int64_t now);
/* ABORT (section 3.10.5): a RST where the peer knows of the connection, and the end. */
void tcp_machine_abort(struct tcp_machine *machine);
/* The end at once, without a word: for who knows that TIME-WAIT need not last. */
void tcp_machine_expire(struct tcp_machine *machine);
void tcp_machine_set_keep_alive(struct tcp_machine *machine, bool on, int64_t now);

/* Whether `seq` is in flight: an ICMP error that quotes anything else is old or forged (RFC 5927 section 4.1). The two
 * below are for errors that have passed. */
bool tcp_machine_sent(const struct tcp_machine *machine, uint32_t seq);
/* A router or the peer's host says that it cannot be reached. While the connection opens, a hard error ends it (RFC
 * 5461 section 4.1 says that hosts take "unreachable" so); else it is remembered for the day the connection gives up
 * (RFC 9293 section 3.9.2.2). */
void tcp_machine_unreachable(struct tcp_machine *machine, enum io_result result, bool hard);
/* A link carries `mss` bytes behind the TCP header at most (RFC 1191). */
void tcp_machine_too_big(struct tcp_machine *machine, uint16_t mss);

/* What a segment gets that belongs to no connection (section 3.10.7.1): true when `*reply` is to be sent. */
bool tcp_closed_answer(const struct tcp_segment *segment, struct tcp_segment *reply);

enum tcp_listen_verdict { TCP_LISTEN_IGNORE, TCP_LISTEN_RESET, TCP_LISTEN_OPEN };
/* What it gets from a listener (section 3.10.7.2); `*reply` is filled for TCP_LISTEN_RESET. */
enum tcp_listen_verdict tcp_listen_answer(const struct tcp_segment *segment, struct tcp_segment *reply);

#endif
