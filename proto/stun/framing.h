/* Where one message ends and the next begins on a stream (RFC 8489 section 6.2.2). A machine: it knows no io.
 *
 * STUN needs no framing of its own: a header says how long its message is. On a stream that TURN uses (RFC 8656
 * sections 3.6 and 12.5) ChannelData stands between messages, told by its first two bits and padded to four bytes.
 * Segments of TCP mean nothing here: what was sent at once may come byte by byte, or several messages together.
 *
 * Nothing can be skipped on a stream: bytes that cannot begin a message leave no place to go on from, so a fault is
 * final, and whoever reads closes the connection. It is found as early as the bytes allow. RFC 3489 knows no Binding
 * over TCP, so the cookie must be there. */
#ifndef PROTO_STUN_FRAMING_H
#define PROTO_STUN_FRAMING_H

#include "proto/stun/message.h"

#define STUN_CHANNEL_HEADER_BYTES 4

/* Whether ChannelData may stand on a stream. RFC 5766 had channel numbers up to 0x7FFF, RFC 8656 has them up to
 * 0x4FFF. */
enum stun_channels { STUN_CHANNELS_NONE, STUN_CHANNELS_NEW, STUN_CHANNELS_OLD };

enum stun_frame_kind {
    STUN_FRAME_NONE,    /* it has not come whole yet */
    STUN_FRAME_MESSAGE, /* a STUN message, not decoded yet */
    STUN_FRAME_CHANNEL, /* ChannelData */
    STUN_FRAME_FAULT,   /* nothing that may stand here */
};

struct stun_frame {
    enum stun_frame_kind kind;
    struct span bytes;     /* of MESSAGE and CHANNEL: with the header, without the padding of ChannelData */
    size_t size;           /* what it takes of the stream, padding included; of NONE: what it takes as far as is known */
    enum stun_fault fault; /* of FAULT */
};

/* What the stream has at its head, of which `bytes` have come. `channels`: ChannelData may stand there; `most`: the
 * longest frame that is taken. Pure: the frame borrows from `bytes`. */
struct stun_frame stun_frame_at(struct span bytes, enum stun_channels channels, size_t most);

/* A buffer for a reader of frames. All zero but for the two settings, it is empty and holds no memory. */
struct stun_framing {
    size_t most;   /* of one frame: the buffer grows to that and no further */
    enum stun_channels channels;
    uint8_t *buffer;
    size_t capacity, head, tail; /* head..tail has come and was not taken */
};

void stun_framing_clear(struct stun_framing *framing);

/* Where what comes next is to be written, and how much at most; the length is never 0 once stun_framing_next has said
 * STUN_FRAME_NONE. Then `stun_framing_filled` says how much it was. */
uint8_t *stun_framing_room(struct stun_framing *framing, size_t *length);
void stun_framing_filled(struct stun_framing *framing, size_t length);

/* Gives back what a long frame has made the buffer grow to, once nothing waits in it. */
void stun_framing_shrink(struct stun_framing *framing);

/* Takes the next frame off. It is good until room is asked for; after a fault always the same fault. */
struct stun_frame stun_framing_next(struct stun_framing *framing);

/* Bytes that have come and are no whole frame yet. */
static inline size_t
stun_framing_pending(const struct stun_framing *framing)
{
    return framing->tail - framing->head;
}

#endif
