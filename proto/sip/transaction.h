/* The four transaction machines of SIP (RFC 3261 section 17, with RFC 6026's corrections of the INVITE machines). Pure:
 * what happened and `now` go in, what to do comes out. transactions.h puts io and messages around them.
 *
 *     INVITE client    TRYING -1xx-> PROCEEDING -2xx-> ACCEPTED (M) -> ENDED       TRYING: Calling in the RFC
 *                          \_____________\__300-699__> COMPLETED (D) -> ENDED
 *     other client     TRYING -1xx-> PROCEEDING -200-699-> COMPLETED (K) -> ENDED
 *     INVITE server    PROCEEDING -2xx-> ACCEPTED (L) -> ENDED
 *                          \__300-699-> COMPLETED (G, H) -ACK-> CONFIRMED (I) -> ENDED
 *     other server     TRYING -1xx-> PROCEEDING -200-699-> COMPLETED (J) -> ENDED
 *
 * What to do is a set of steps, to be carried out in the order in which they stand in enum sip_step. */
#ifndef PROTO_SIP_TRANSACTION_H
#define PROTO_SIP_TRANSACTION_H

#include "core/base/time.h"

enum sip_machine_kind { SIP_INVITE_CLIENT, SIP_OTHER_CLIENT, SIP_INVITE_SERVER, SIP_OTHER_SERVER };

enum sip_state {
    SIP_STATE_TRYING,
    SIP_STATE_PROCEEDING,
    SIP_STATE_ACCEPTED, /* RFC 6026 */
    SIP_STATE_COMPLETED,
    SIP_STATE_CONFIRMED,
    SIP_STATE_ENDED,
    SIP_STATE_COUNT
};
const char *sip_state_word(enum sip_state state); /* "proceeding" */

/* Section 17.1.1.1 and Table 4. */
struct sip_timers {
    int64_t t1;     /* an estimate of the round trip */
    int64_t t2;     /* the longest wait between retransmissions, but for INVITE requests */
    int64_t t4;     /* how long a message stays in the network */
    int64_t trying; /* an INVITE that its user has not answered by then gets a 100 (section 17.2.1); 0: never.
                     * Other requests get theirs when timer E stands at T2 (RFC 4320 section 4.1) */
};
#define SIP_TIMERS_DEFAULTS                                                                                            \
    ((struct sip_timers){ .t1 = 500 * TIME_MS, .t2 = 4 * TIME_S, .t4 = 5 * TIME_S, .trying = 200 * TIME_MS })

enum sip_step {
    SIP_STEP_SEND = 1,     /* the request; or the response that is answered with now */
    SIP_STEP_TRYING = 2,   /* a 100 is made and sent, and is the response from now on */
    SIP_STEP_ACK = 4,      /* the ACK of a final response other than 2xx */
    SIP_STEP_TELL = 8,     /* the message is news to the transaction's user */
    SIP_STEP_TIMEOUT = 16, /* nobody has answered: B or F; no ACK came: H */
    SIP_STEP_FAILED = 32,  /* the transport could not send */
    SIP_STEP_END = 64,     /* the transaction is over */
};

/* A plain value; members are read-only for others. */
struct sip_machine {
    enum sip_machine_kind kind;
    enum sip_state state;
    struct sip_timers timers;
    bool reliable;    /* over a stream: nothing is sent again */
    int64_t interval; /* of the next retransmission */
    int64_t resend;   /* when: A, E or G, or the 100 of a server; TIME_NEVER */
    int64_t end;      /* B, D, F, H, I, J, K, L or M; TIME_NEVER */
};

/* A client's request is sent: SIP_STEP_SEND. A server's has come: SIP_STEP_TELL. Each returns enum sip_step, or-ed. */
unsigned sip_machine_start(struct sip_machine *machine, enum sip_machine_kind kind, const struct sip_timers *timers,
                           bool reliable, int64_t now);

/* Of a client: a response of this status came. 100 to 699. */
unsigned sip_machine_response(struct sip_machine *machine, unsigned status, int64_t now);

/* Of a client: its user gave the call up and has sent a CANCEL; without a final response in 64*T1 it ends in TIMEOUT
 * (section 9.1). */
void sip_machine_cancelled(struct sip_machine *machine, int64_t now);

/* Of a server: its request came once more; the ACK came. */
unsigned sip_machine_request(struct sip_machine *machine, int64_t now);
unsigned sip_machine_ack(struct sip_machine *machine, int64_t now);

/* Of a server: its user answers. SIP_STEP_SEND when the response goes out: one after a final response doesn't, but for
 * further 2xx to an INVITE, which the user sends again until the ACK is there (section 13.3.1.4). */
unsigned sip_machine_answer(struct sip_machine *machine, unsigned status, int64_t now);

/* A message could not be sent, for good (section 17.1.4 and 17.2.4). */
unsigned sip_machine_failed(struct sip_machine *machine);

/* `now` has come. Nothing before the deadline; a late call does the work of one deadline and counts on from now. */
unsigned sip_machine_fire(struct sip_machine *machine, int64_t now);
int64_t sip_machine_deadline(const struct sip_machine *machine); /* TIME_NEVER */

/* Whether somebody waits for something that the network owes: an answer, or an ACK. A server's wait for its user is not,
 * nor the time in which a transaction that is done takes retransmissions. */
bool sip_machine_is_busy(const struct sip_machine *machine);

#endif
