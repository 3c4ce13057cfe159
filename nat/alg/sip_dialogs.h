/* The dialogs that a SIP ALG knows of: how long their pinholes stay, and what is to become of them with each message.
 *
 * A machine: it takes what a message says and the time, and answers what to do with the pinholes of the dialog's owner
 * word. A dialog is known by its Call-ID and the inside host that takes part (two phones behind one box have a dialog
 * each). It begins with an INVITE or a REGISTER, and ends with BYE, with a final refusal, or when nothing has been heard
 * of it for long and no media flow: nobody tells a box that a call has been broken off. A call that was forked (RFC 3261
 * section 13.2.2.4) is one dialog here, which ends when each of those who have answered has had a BYE. The number of
 * dialogs is bounded; of those that are not answered yet, else of all, the one that has been silent longest makes room. */
#ifndef NAT_ALG_SIP_DIALOGS_H
#define NAT_ALG_SIP_DIALOGS_H

#include "core/base/address.h"
#include "core/base/hash.h"
#include "core/base/time.h"
#include "proto/sip/message.h"

enum {
    SIP_DIALOGS_MAX = 4096, /* of one box */
    SIP_STREAMS_MAX = 8,    /* media of a call that get pinholes */
    SIP_FORKS_MAX = 4,      /* that answer one INVITE */
};

#define SIP_UNANSWERED (200 * TIME_S) /* an INVITE may ring so long (RFC 3261 section 16.6: timer C is above 3 min) */
#define SIP_ESTABLISHED (3600 * TIME_S) /* since the last message, or the last media, of a call */
#define SIP_REGISTERING (64 * TIME_S) /* a REGISTER without an answer: twice timer F */
#define SIP_GRACE (4 * TIME_S)        /* after the end: what is under way still arrives, BYE is repeated */

enum sip_dialog_state { SIP_DIALOG_EARLY, SIP_DIALOG_CONFIRMED, SIP_DIALOG_REGISTERING, SIP_DIALOG_REGISTERED };

/* One medium of a call: what the inside has said last, and where the peer wants it. */
struct sip_stream {
    struct endpoint internal; /* port 0: none */
    uint32_t pinholes[2];     /* RTP's and RTCP's; 0: none */
    uint32_t former[2];       /* those that hold again when the offer under way is refused (RFC 3261 section 14.1) */
    struct address peer;      /* whence its media come; none while not known */
};

struct sip_dialog {
    uint64_t owner;            /* the word of its pinholes; 0: the seat is empty */
    struct address inside;
    enum sip_dialog_state state;
    int64_t expires;
    uint32_t invite;           /* CSeq of the last INVITE: what answers another says nothing */
    uint32_t offer;            /* CSeq of the inside's request that offers other media; 0: none is under way */
    unsigned peer_count;
    uint32_t peers[SIP_FORKS_MAX]; /* who have answered: hashes of their tags */
    uint32_t contact;          /* the pinhole for requests to the inside's Contact; 0: none */
    struct address peer_contact;
    struct sip_stream streams[SIP_STREAMS_MAX];
    uint32_t before, after;    /* in the order of the last message; see sip_dialogs.c */
};

struct sip_dialogs {
    struct hash_index index;
    struct sip_dialog *seats; /* [0] is none: it heads the order */
    uint32_t capacity, used, free;
};

void sip_dialogs_clear(struct sip_dialogs *dialogs);

/* The word for a Call-ID and an inside host. Never 0. */
uint64_t sip_dialog_owner(struct span call_id, struct address inside);

/* The living dialog of that word, which has spoken now; NULL without one. Good until the next sip_dialogs_need. A call
 * lives while it has pinholes, which media prolong, and at least until `expires`. */
struct sip_dialog *sip_dialogs_find(struct sip_dialogs *dialogs, uint64_t owner, int64_t now);
/* The same, or a new one in `state` for `lifetime`. `*evicted`: the word of one that had to make room, or 0. */
struct sip_dialog *sip_dialogs_need(struct sip_dialogs *dialogs, uint64_t owner, struct address inside,
                                    enum sip_dialog_state state, int64_t now, uint64_t *evicted);
void sip_dialogs_end(struct sip_dialogs *dialogs, struct sip_dialog *dialog);
/* A pinhole of that dialog's has ended by itself. */
void sip_dialogs_closed(struct sip_dialogs *dialogs, uint64_t owner, uint32_t pinhole);
unsigned sip_dialogs_count(const struct sip_dialogs *dialogs);

/* What becomes of the pinholes with a message of a dialog, once it has been passed on. */
enum sip_effect {
    SIP_EFFECT_NONE,
    SIP_EFFECT_PROLONG, /* they live until dialog->expires from now on */
    SIP_EFFECT_CLOSE,   /* after SIP_GRACE; the dialog has ended and is to be taken out */
};

/* What a message says to a dialog. */
struct sip_news {
    bool request;
    enum sip_method method;
    unsigned status; /* of a response */
    uint32_t cseq;
    uint32_t peer;    /* a hash of the outside's tag */
    uint32_t expires; /* of the inside's own Contact in a REGISTER's answer, in seconds; 0: it isn't there, or not granted */
};
enum sip_effect sip_dialog_message(struct sip_dialog *dialog, const struct sip_news *news, int64_t now);

/* How long a pinhole that is opened now lives. */
int64_t sip_dialog_lifetime(const struct sip_dialog *dialog, int64_t now);

#endif
