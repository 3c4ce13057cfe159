#include "nat/alg/stream.h"

void
stream_begin(struct stream *stream, uint32_t start)
{
    *stream = (struct stream){ .start = start, .next = start, .end = start };
}

/* ---- gathering */

void
stream_gather(struct stream *stream, struct span bytes)
{
    g_assert(bytes.length <= stream_room(stream));
    if (bytes.length > 0)
        memcpy(stream->gathered + (stream->end - stream->start), bytes.bytes, bytes.length);
    stream->end += (uint32_t)bytes.length;
}

void
stream_advance(struct stream *stream, size_t length)
{
    size_t left = stream->end - stream->start - length;

    g_assert(length <= stream->end - stream->start);
    if (left > 0)
        memmove(stream->gathered, stream->gathered + length, left);
    stream->start += (uint32_t)length;
    stream->next = seq_max(stream->next, stream->start);
}

void
stream_skip(struct stream *stream, uint32_t end)
{
    stream->end = seq_max(stream->end, end);
    stream->start = stream->next = stream->end;
}

/* ---- positions */

/* Each edit moves what is behind it. */
static uint32_t
shift(const struct stream_edit *edit)
{
    return edit->length - edit->count;
}

uint32_t
stream_out(const struct stream *stream, uint32_t in)
{
    uint32_t delta = stream->before;

    for (uint32_t i = 0; stream->store && i < stream->store->count; i++) {
        const struct stream_edit *edit = &stream->store->edits[i];

        if (seq_up_to(in, edit->at))
            break;
        if (seq_before(in, edit->at + edit->count))
            in = edit->at + edit->count;
        delta += shift(edit);
    }
    return in + delta;
}

/* In the midst of an edit: its beginning, or its end. */
static uint32_t
find_in(const struct stream *stream, uint32_t out, bool end)
{
    uint32_t delta = stream->before;

    for (uint32_t i = 0; stream->store && i < stream->store->count; i++) {
        const struct stream_edit *edit = &stream->store->edits[i];
        uint32_t at = edit->at + delta;

        if (seq_up_to(out, at))
            break;
        if (seq_before(out, at + edit->length))
            return end ? edit->at + edit->count : edit->at;
        delta += shift(edit);
    }
    return out - delta;
}

uint32_t
stream_in(const struct stream *stream, uint32_t out)
{
    return find_in(stream, out, false);
}

uint32_t
stream_in_end(const struct stream *stream, uint32_t out)
{
    return find_in(stream, out, true);
}

bool
stream_acknowledge(struct stream *stream, uint32_t out)
{
    struct stream_store *store = stream->store;
    uint32_t done = 0, bytes;

    if (!store)
        return false;
    for (; done < store->count; done++) {
        const struct stream_edit *edit = &store->edits[done];

        if (seq_before(out, edit->at + stream->before + edit->length))
            break;
        stream->before += shift(edit);
    }
    if (done == 0)
        return false;
    bytes = done < store->count ? store->edits[done].from : store->used;
    store->count -= done;
    store->used -= bytes;
    memmove(store->edits, store->edits + done, store->count * sizeof *store->edits);
    memmove(store->bytes, store->bytes + bytes, store->used);
    for (uint32_t i = 0; i < store->count; i++)
        store->edits[i].from -= bytes;
    return store->count == 0;
}

/* ---- editing
 *
 * Changes that put nothing in, or take nothing out, are widened by a byte that stays: the one behind, or, at the
 * message's end, the one before, which may be the last of what the change before has put in. */

struct editing {
    struct stream *stream;
    uint32_t count, used;               /* of the store, as they will be */
    size_t done;                        /* bytes of the message, from its beginning, that are dealt with */
};

static bool
put_bytes(struct editing *editing, struct span bytes)
{
    struct stream_store *store = editing->stream->store;

    if (bytes.length > STREAM_BYTES_MAX - editing->used)
        return false;
    if (bytes.length > 0)
        memcpy(store->bytes + editing->used, bytes.bytes, bytes.length);
    editing->used += (uint32_t)bytes.length;
    store->edits[editing->count - 1].length += (uint32_t)bytes.length;
    return true;
}

/* One more edit: the bytes of the message from `at` up to `end` become nothing, so far. */
static bool
begin_edit(struct editing *editing, size_t at, size_t end)
{
    struct stream_store *store = editing->stream->store;

    if (editing->count == STREAM_EDITS_MAX)
        return false;
    store->edits[editing->count++] =
        (struct stream_edit){ editing->stream->start + (uint32_t)at, (uint32_t)(end - at), 0, editing->used };
    editing->done = end;
    return true;
}

/* Whether the edit that was made last goes up to `at`, so that a change there can be added to it. */
static bool
meets_last(const struct editing *editing, size_t at)
{
    const struct stream_store *store = editing->stream->store;
    const struct stream_edit *last;

    if (editing->count == store->count)
        return false;
    last = &store->edits[editing->count - 1];
    return last->at + last->count == editing->stream->start + (uint32_t)at;
}

/* A change is added to the edit that it meets, or begins one of its own. */
static bool
add_change(struct editing *editing, const struct packet_change *change)
{
    struct stream_store *store = editing->stream->store;

    if (meets_last(editing, change->at)) {
        store->edits[editing->count - 1].count += change->count;
        editing->done = change->at + change->count;
    } else if (!begin_edit(editing, change->at, change->at + change->count)) {
        return false;
    }
    return put_bytes(editing, change->bytes);
}

/* The last edit has a byte on either side, where there is one before `limit`: where the next change begins, which goes
 * on from here then, or where the message ends. False when there is no room. */
static bool
widen(struct editing *editing, size_t limit)
{
    struct stream_store *store = editing->stream->store;
    struct stream_edit *last = &store->edits[editing->count - 1];
    struct span message = stream_gathered(editing->stream);

    if ((last->count > 0 && last->length > 0) || editing->done == limit)
        return true;
    last->count++;
    return put_bytes(editing, span_of(message.bytes + editing->done++, 1));
}

/* At the message's end there is nothing behind: the last edit takes the byte before it in. */
static bool
widen_back(struct editing *editing)
{
    struct stream_store *store = editing->stream->store;
    struct stream_edit *last = &store->edits[editing->count - 1];
    size_t at = last->at - editing->stream->start;

    if (last->count > 0 && last->length > 0)
        return true;
    if (at == 0 || editing->used == STREAM_BYTES_MAX)
        return false; /* nothing is left of the message */
    memmove(store->bytes + last->from + 1, store->bytes + last->from, last->length);
    store->bytes[last->from] = stream_gathered(editing->stream).bytes[at - 1];
    editing->used++;
    last->at--;
    last->count++;
    last->length++;
    return true;
}

enum stream_edited
stream_edit(struct stream *stream, size_t length, const struct packet_change *changes, unsigned count)
{
    struct stream_store *store = stream->store;
    struct editing editing = { stream, store->count, store->used, 0 };

    for (unsigned i = 0; i < count; i++) {
        if (!add_change(&editing, &changes[i]) || !widen(&editing, i + 1 < count ? changes[i + 1].at : length))
            return STREAM_NO_ROOM;
    }
    if (count > 0 && !widen_back(&editing))
        return editing.used == STREAM_BYTES_MAX ? STREAM_NO_ROOM : STREAM_EMPTY;
    for (uint32_t i = store->count; i < editing.count; i++)
        stream->behind += shift(&store->edits[i]);
    store->count = editing.count;
    store->used = editing.used;
    stream->is_edited = true;
    return STREAM_EDITED;
}

/* ---- writing */

void
stream_write(const struct stream *stream, uint32_t in, struct span bytes, struct writer *out)
{
    uint32_t at = in, end = in + (uint32_t)bytes.length;

    for (uint32_t i = 0; stream->store && i < stream->store->count && seq_before(at, end); i++) {
        const struct stream_edit *edit = &stream->store->edits[i];

        if (seq_up_to(end, edit->at))
            break;
        if (seq_up_to(at, edit->at)) {
            writer_span_put(out, span_of(bytes.bytes + (at - in), edit->at - at));
            writer_span_put(out, span_of(stream->store->bytes + edit->from, edit->length));
        }
        at = seq_max(at, edit->at + edit->count);
    }
    if (seq_before(at, end))
        writer_span_put(out, span_of(bytes.bytes + (at - in), end - at));
}
