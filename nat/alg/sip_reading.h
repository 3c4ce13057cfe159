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

struct sip_reading {
    struct alg_message *message;
    struct alg_seat *seat;
    struct sip_message sip;
    uint64_t owner;            /* the dialog's word */
    struct address known_peer_contact; /* what it knew before; none: nothing */
    bool inbound, full;        /* `full`: there were more edits than fit */
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
    struct address peer_media[SIP_STREAMS_MAX], peer_contact; /* whence the peer's will come; none: not said */
    struct sdp_session session;
};

/* The state of a seat. */
struct sip_box {
    struct sip_dialogs dialogs;
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
