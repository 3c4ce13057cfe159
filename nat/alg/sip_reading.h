/* What the parts of the SIP ALG share: the reading of one message, and the edits that come of it.
 *
 *   sip.c          the ALG: which messages, which dialog, what becomes of its pinholes
 *   sip_fields.c   addresses in the start line and the header
 *   sip_media.c    addresses in the description of the media, and the pinholes for these
 *   sip_dialogs.c  the dialogs
 *   sip_kinds.c    what the journal says */
#ifndef NAT_ALG_SIP_READING_H
#define NAT_ALG_SIP_READING_H

#include "nat/alg/alg.h"
#include "nat/alg/sip.h"
#include "nat/alg/sip_dialogs.h"
#include "proto/sdp/session.h"
#include "proto/sip/headers.h"

enum { SIP_EDITS_MAX = 48, SIP_EDIT_TEXT = 64 };

/* `length` bytes at `at` of the message become the text. */
struct sip_edit {
    size_t at, length;
    uint8_t text_length;
    char text[SIP_EDIT_TEXT];
};

/* About 30 KB, for one message: it stands in the seat and not on the stack, is filled anew with each message, and nothing
 * of it is zeroed that is not read. The seat is a box's, and a box reads one message at a time, also where one message is
 * read twice because the box turns it round (RFC 4787 section 6). */
struct sip_reading {
    struct alg_message *message;
    struct alg_seat *seat;
    struct sip_message sip;
    uint64_t owner;            /* the dialog's word */
    uint32_t peer;             /* a hash of the outside's tag */
    struct address known_peer_contact; /* what it knew before; none: nothing */
    bool inbound, full;        /* `full`: there were more edits than fit */
    bool described;            /* `session` is the message's body */
    bool refused_changes;      /* it is to pass as it is */
    uint8_t protocol;          /* that carries it */
    enum alg_opened refused;   /* why media can't be had */
    unsigned places;           /* bits of enum sip_alg_place */
    struct address old, new;   /* of the first edit: for the journal */
    unsigned count;
    struct sip_edit edits[SIP_EDITS_MAX];

    /* What the dialog is to remember once the message has gone on. By then its bytes are no longer what `sip` and
     * `session` borrow from. */
    uint32_t contact;          /* the pinhole that was opened for Contact; 0: none */
    uint32_t granted;          /* seconds that a registrar grants the inside's Contact */
    unsigned stream_count;     /* that the inside has described */
    struct sip_stream streams[SIP_STREAMS_MAX];
    unsigned peer_said;        /* bits of the media of which the peer has said whence they will come: */
    struct address peer_media[SIP_STREAMS_MAX]; /* none: from anywhere */
    struct address peer_contact;                /* and its requests; none: not said */
    struct sdp_session session;
};

/* Where a host stood without a port, which became one with a port because the usual one is not what is mapped: coming back
 * it stands without again. URIs with and without are not equal (RFC 3261 section 19.1.4), and a phone looks for its own
 * Contact in what a registrar says. One seat for a host and protocol; two that share one forget each other's, at worst. */
enum { SIP_FORMS = 256 };
struct sip_form {
    struct address host;
    uint16_t bare; /* bits of enum sip_alg_place */
    uint8_t protocol;
};

/* The state of a seat. */
struct sip_box {
    struct sip_dialogs dialogs;
    struct sip_form forms[SIP_FORMS];
    struct sip_reading reading; /* of the message under way */
};

static inline struct sip_dialogs *
sip_dialogs_of(const struct sip_reading *reading)
{
    return &((struct sip_box *)reading->seat->state)->dialogs;
}

static inline bool
sip_has_quirk(const struct sip_reading *reading, enum sip_alg_quirk quirk)
{
    return reading->seat->quirks & 1u << quirk;
}

/* How long a pinhole lives that the message opens. Makes the dialog when there is none yet. */
int64_t sip_pinhole_lifetime(struct sip_reading *reading);

/* The endpoint that stands for this one on the side to which the message goes. False when there is none: it is somebody
 * else's, or nothing is mapped there. */
bool sip_translate(const struct sip_reading *reading, uint8_t protocol, struct endpoint endpoint,
                   struct endpoint *other);
/* Likewise, of any host inside: of what has been translated inwards for the sender, who sends it back now. */
bool sip_translate_any(const struct sip_reading *reading, uint8_t protocol, struct endpoint endpoint,
                       struct endpoint *other);

/* `part` of the message shall become this text. */
void sip_edit(struct sip_reading *reading, enum sip_alg_place place, struct span part, const char *text);
void sip_edit_address(struct sip_reading *reading, enum sip_alg_place place, struct span part, struct address old,
                      struct address new);
void sip_edit_number(struct sip_reading *reading, enum sip_alg_place place, struct span part, uint32_t number);

/* sip_fields.c: the start line and the header, but Content-Length. */
void sip_edit_fields(struct sip_reading *reading);
/* The seconds that the answer of a registrar grants the inside's Contact; 0: it isn't there. */
uint32_t sip_granted(const struct sip_reading *reading);

/* sip_media.c: the body, when it is a description, and Content-Length. False: pinholes can't be had
 * (reading->refused), and the message is to pass as it is. */
bool sip_edit_media(struct sip_reading *reading);
/* Whence media and requests of the peer will come, as a message from outside says; and, once it has been passed on,
 * pinholes are open for these only. */
void sip_note_peer(struct sip_reading *reading);
void sip_narrow(struct sip_reading *reading, struct sip_dialog *dialog);

#endif
