/* One direction of a TCP stream that an ALG changes: a pure machine, which knows positions and bytes, no packets and no
 * time.
 *
 * A position is a sequence number: of the sender's (*in*), or of what the receiver sees (*out*). Where changes have
 * made the stream longer or shorter the two differ. The machine keeps three things:
 *
 *   gathered   the bytes from `start`, where the first message that is not complete begins, up to `end`. What lies
 *              before `next` has been let go already: usually nothing of it (next == start), and all of it (next ==
 *              end) once the message has been given up, to be passed as it is.
 *   edits      what has been changed and is not acknowledged yet, in order: `count` bytes at `at` became others. Each
 *              has at least one byte on either side, so that it belongs to the segment that has its first byte, and
 *              nowhere does the one side stand still while the other moves.
 *   deltas     out less in, before the first edit that is kept, and behind the last.
 *
 * What is retransmitted gets the same edits again, whatever the boundaries: the out range of a segment from s to e is
 * from out(s) to out(e), where a position in the midst of an edit counts as its end. So segments that meet meet again,
 * and no byte is there twice. The other way, for acknowledgements, a position in the midst of an edit counts as its
 * beginning: nothing is acknowledged that has not all arrived. */
#ifndef NAT_ALG_STREAM_H
#define NAT_ALG_STREAM_H

#include "core/base/cursor.h"
#include "core/net/rewrite.h"
#include "core/net/tcp_segment.h"
#include "nat/alg/alg.h"

enum {
    STREAM_EDITS_MAX = 4 * ALG_CHANGES_MAX, /* not acknowledged, of one direction */
    STREAM_BYTES_MAX = 2 * ALG_BYTES_MAX,   /* that they put in */
};

struct stream_edit {
    uint32_t at;    /* in */
    uint32_t count; /* bytes of the sender's */
    uint32_t length, from; /* bytes of the receiver's: where in the store */
};

struct stream_store {
    uint32_t count, used;
    struct stream_edit edits[STREAM_EDITS_MAX];
    uint8_t bytes[STREAM_BYTES_MAX];
};

struct stream {
    uint32_t start, next, end; /* in: start <= end, start <= next <= end */
    uint32_t before, behind;   /* out less in */
    bool is_edited;             /* there has been an edit */
    struct stream_store *store; /* NULL: no edits are kept */
    uint8_t *gathered;          /* ALG_MESSAGE_MAX bytes of room for start..end; NULL: nothing is gathered */
};

/* The stream begins at `start`. */
void stream_begin(struct stream *stream, uint32_t start);

/* Whether there has never been a change: positions and bytes are the same on both sides. */
static inline bool
stream_is_plain(const struct stream *stream)
{
    return !stream->is_edited;
}

/* What has been gathered of the first message. */
static inline struct span
stream_gathered(const struct stream *stream)
{
    return span_of(stream->gathered, stream->end - stream->start);
}

/* Bytes of room that is left for gathering. */
static inline size_t
stream_room(const struct stream *stream)
{
    return ALG_MESSAGE_MAX - (stream->end - stream->start);
}

/* Adds the bytes that come next, of which there is room for all; `gathered` is there. */
void stream_gather(struct stream *stream, struct span bytes);

/* The first `length` bytes that are gathered are a message that is done with: they are let go, and the next one begins
 * behind. */
void stream_advance(struct stream *stream, size_t length);

/* All that is gathered is let go. */
static inline void
stream_let_go(struct stream *stream)
{
    stream->next = stream->end;
}

/* Nothing is gathered or read any more: positions up to `end` pass. */
void stream_skip(struct stream *stream, uint32_t end);

/* Keeps changes of the message at `start`, of `length` bytes, none of which has been let go. `store` is there. False,
 * and nothing is kept, when there is no room, or nothing would be left of the message. */
enum stream_edited { STREAM_EDITED, STREAM_NO_ROOM, STREAM_EMPTY };
enum stream_edited stream_edit(struct stream *stream, size_t length, const struct packet_change *changes,
                                   unsigned count) G_GNUC_WARN_UNUSED_RESULT;

/* Where a position of the sender's is for the receiver, and one of the receiver's for the sender: in the midst of an
 * edit its end, and its beginning. stream_in_end is for the left edge of what has arrived: in the midst of an edit its
 * end. */
uint32_t stream_out(const struct stream *stream, uint32_t in);
uint32_t stream_in(const struct stream *stream, uint32_t out);
uint32_t stream_in_end(const struct stream *stream, uint32_t out);

/* The receiver has all before `out`: edits that lie before are forgotten. True when none is kept any more. */
bool stream_acknowledge(struct stream *stream, uint32_t out);

/* Writes what the bytes of a segment, which begins at `in`, are for the receiver. They begin at stream_out(in). */
void stream_write(const struct stream *stream, uint32_t in, struct span bytes, struct writer *out);

/* By how many bytes the stream grows between two positions of the receiver's. */
static inline int32_t
stream_growth(const struct stream *stream, uint32_t from, uint32_t to)
{
    return (int32_t)((to - from) - (stream_in(stream, to) - stream_in(stream, from)));
}

#endif
