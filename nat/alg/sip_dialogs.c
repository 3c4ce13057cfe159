/* Seats in an array, found by the owner's word, and linked in the order of their last message through their numbers:
 * seats[0].after is the one that has been silent longest, seats[0].before the one that spoke last. Free seats are linked
 * through `after`. So nothing is taken from the heap but when the array grows.
 *
 * The states:
 *   EARLY        an INVITE has passed, its final answer has not. A refusal ends the dialog. BYE does not: it ends one of
 *                its branches, and the last one's end answers the INVITE (RFC 3261 section 15).
 *   CONFIRMED    a 2xx has passed: a later INVITE may be refused, and changes nothing. The last BYE ends it.
 *   REGISTERING  a REGISTER has passed: its pinhole waits for the answer.
 *   REGISTERED   it was granted, until it expires; a refusal of a renewal changes nothing before. */
#include "nat/alg/sip_dialogs.h"

#include <glib.h>

#include "nat/array.h"

/* ---- the order of the last message */

static void
unlink_seat(struct sip_dialogs *dialogs, uint32_t number)
{
    struct sip_dialog *seat = &dialogs->seats[number];

    dialogs->seats[seat->before].after = seat->after;
    dialogs->seats[seat->after].before = seat->before;
}

static void
link_last(struct sip_dialogs *dialogs, uint32_t number)
{
    struct sip_dialog *head = &dialogs->seats[0], *seat = &dialogs->seats[number];

    seat->before = head->before;
    seat->after = 0;
    dialogs->seats[head->before].after = number;
    head->before = number;
}

/* ---- seats */

static uint32_t
number_of(const struct sip_dialogs *dialogs, const struct sip_dialog *dialog)
{
    return (uint32_t)(dialog - dialogs->seats);
}

static void
grow(struct sip_dialogs *dialogs)
{
    uint32_t room = array_room(dialogs->capacity);

    dialogs->seats = g_realloc_n(dialogs->seats, room, sizeof *dialogs->seats);
    if (dialogs->capacity == 0) {
        dialogs->seats[0] = (struct sip_dialog){ .owner = 0 };
        dialogs->used = 1;
    }
    dialogs->capacity = room;
}

static uint32_t
take_seat(struct sip_dialogs *dialogs)
{
    uint32_t number = dialogs->free;

    if (number) {
        dialogs->free = dialogs->seats[number].after;
        return number;
    }
    if (dialogs->used == dialogs->capacity)
        grow(dialogs);
    return dialogs->used++;
}

void
sip_dialogs_clear(struct sip_dialogs *dialogs)
{
    hash_index_clear(&dialogs->index);
    g_free(dialogs->seats);
    *dialogs = (struct sip_dialogs){ .seats = NULL };
}

void
sip_dialogs_end(struct sip_dialogs *dialogs, struct sip_dialog *dialog)
{
    uint32_t number = number_of(dialogs, dialog);

    hash_index_remove(&dialogs->index, (uint32_t)dialog->owner, number);
    unlink_seat(dialogs, number);
    dialog->owner = 0;
    dialog->after = dialogs->free;
    dialogs->free = number;
}

unsigned
sip_dialogs_count(const struct sip_dialogs *dialogs)
{
    return dialogs->index.used;
}

uint64_t
sip_dialog_owner(struct span call_id, struct address inside)
{
    uint64_t owner = mix64(span_hash(call_id) ^ address_hash(inside));

    return owner ? owner : 1;
}

static struct sip_dialog *
look_up(const struct sip_dialogs *dialogs, uint64_t owner)
{
    uint32_t hash = (uint32_t)owner, number;

    for (uint32_t i = hash_index_first(&dialogs->index, hash); (number = hash_index_value(&dialogs->index, i));
         i = hash_index_next(&dialogs->index, i, hash)) {
        if (dialogs->seats[number].owner == owner)
            return &dialogs->seats[number];
    }
    return NULL;
}

static bool
has_pinholes(const struct sip_dialog *dialog)
{
    for (unsigned i = 0; i < SIP_STREAMS_MAX; i++) {
        if (dialog->streams[i].pinholes[0] || dialog->streams[i].pinholes[1])
            return true;
    }
    return dialog->contact != 0;
}

static bool
is_over(const struct sip_dialog *dialog, int64_t now)
{
    return now >= dialog->expires && !(dialog->state == SIP_DIALOG_CONFIRMED && has_pinholes(dialog));
}

struct sip_dialog *
sip_dialogs_find(struct sip_dialogs *dialogs, uint64_t owner, int64_t now)
{
    struct sip_dialog *dialog = look_up(dialogs, owner);
    uint32_t number;

    if (!dialog)
        return NULL;
    if (is_over(dialog, now)) {
        sip_dialogs_end(dialogs, dialog);
        return NULL;
    }
    number = number_of(dialogs, dialog);
    unlink_seat(dialogs, number);
    link_last(dialogs, number);
    return dialog;
}

void
sip_dialogs_closed(struct sip_dialogs *dialogs, uint64_t owner, uint32_t pinhole)
{
    struct sip_dialog *dialog = look_up(dialogs, owner);

    if (!dialog)
        return;
    if (dialog->contact == pinhole)
        dialog->contact = 0;
    for (unsigned i = 0; i < 2 * SIP_STREAMS_MAX; i++) {
        struct sip_stream *stream = &dialog->streams[i / 2];

        if (stream->pinholes[i % 2] == pinhole)
            stream->pinholes[i % 2] = 0;
        if (stream->former[i % 2] == pinhole)
            stream->former[i % 2] = 0;
    }
}

/* Whoever can be reached from outside can be sent INVITEs, or send them: these push out each other, not calls that stand.
 * They are looked for among the ones that were silent longest, of which calls are many. */
static struct sip_dialog *
find_oldest(const struct sip_dialogs *dialogs, int64_t now)
{
    uint32_t at = dialogs->seats[0].after;

    for (unsigned looks = 0; at && looks < 64; looks++, at = dialogs->seats[at].after) {
        const struct sip_dialog *dialog = &dialogs->seats[at];

        if (is_over(dialog, now) || dialog->state == SIP_DIALOG_EARLY || dialog->state == SIP_DIALOG_REGISTERING)
            return &dialogs->seats[at];
    }
    at = dialogs->seats[0].before; /* a flood is what came last */
    for (unsigned looks = 0; at && looks < 64; looks++, at = dialogs->seats[at].before) {
        if (dialogs->seats[at].state == SIP_DIALOG_EARLY)
            return &dialogs->seats[at];
    }
    return &dialogs->seats[dialogs->seats[0].after];
}

/* Makes room for one more. Returns the word of a living dialog that had to go, or 0. */
static uint64_t
make_room(struct sip_dialogs *dialogs, int64_t now)
{
    struct sip_dialog *oldest;
    uint64_t owner;

    if (sip_dialogs_count(dialogs) < SIP_DIALOGS_MAX)
        return 0;
    oldest = find_oldest(dialogs, now);
    owner = is_over(oldest, now) ? 0 : oldest->owner;
    sip_dialogs_end(dialogs, oldest);
    return owner;
}

struct sip_dialog *
sip_dialogs_need(struct sip_dialogs *dialogs, uint64_t owner, struct address inside, enum sip_dialog_state state,
                 int64_t now, uint64_t *evicted)
{
    struct sip_dialog *dialog = sip_dialogs_find(dialogs, owner, now);
    uint32_t number;

    *evicted = 0;
    if (dialog)
        return dialog;
    *evicted = make_room(dialogs, now);
    number = take_seat(dialogs);
    dialog = &dialogs->seats[number];
    *dialog = (struct sip_dialog){
        .owner = owner,
        .inside = inside,
        .state = state,
        .expires = now + (state == SIP_DIALOG_EARLY ? SIP_UNANSWERED : SIP_REGISTERING),
    };
    link_last(dialogs, number);
    hash_index_insert(&dialogs->index, (uint32_t)owner, number);
    return dialog;
}

/* ---- what messages do */

static enum sip_effect
lives_until(struct sip_dialog *dialog, int64_t expires)
{
    if (expires <= dialog->expires)
        return SIP_EFFECT_NONE;
    dialog->expires = expires;
    return SIP_EFFECT_PROLONG;
}

static unsigned
peer_of(const struct sip_dialog *dialog, uint32_t peer)
{
    unsigned i = 0;

    while (i < dialog->peer_count && dialog->peers[i] != peer)
        i++;
    return i;
}

static void
add_peer(struct sip_dialog *dialog, uint32_t peer)
{
    unsigned i = peer_of(dialog, peer);

    if (i == dialog->peer_count && i < SIP_FORKS_MAX)
        dialog->peers[dialog->peer_count++] = peer;
}

static enum sip_effect
hang_up(struct sip_dialog *dialog, uint32_t peer)
{
    unsigned i = peer_of(dialog, peer);

    if (dialog->state != SIP_DIALOG_CONFIRMED || i == dialog->peer_count)
        return SIP_EFFECT_NONE;
    dialog->peers[i] = dialog->peers[--dialog->peer_count];
    return dialog->peer_count == 0 ? SIP_EFFECT_CLOSE : SIP_EFFECT_NONE;
}

static enum sip_effect
answer_to_invite(struct sip_dialog *dialog, const struct sip_news *news, int64_t now)
{
    unsigned status = news->status;

    if (status < 200)
        return lives_until(dialog, now + (dialog->state == SIP_DIALOG_EARLY ? SIP_UNANSWERED : SIP_ESTABLISHED));
    if (status < 300) {
        dialog->state = SIP_DIALOG_CONFIRMED;
        add_peer(dialog, news->peer);
        return lives_until(dialog, now + SIP_ESTABLISHED);
    }
    /* Those that ask for another try (RFC 3261 section 22) come with a new INVITE of the same Call-ID, and what is said
     * to the one before may be said again after it. */
    return dialog->state == SIP_DIALOG_EARLY && news->cseq == dialog->invite && status != 401 && status != 407
               ? SIP_EFFECT_CLOSE
               : SIP_EFFECT_NONE;
}

static enum sip_effect
answer_to_register(struct sip_dialog *dialog, unsigned status, uint32_t expires, int64_t now)
{
    if (status < 200 || status >= 300)
        return SIP_EFFECT_NONE;
    if (expires == 0)
        return SIP_EFFECT_CLOSE;
    dialog->state = SIP_DIALOG_REGISTERED;
    /* A shorter grant than the last one counts, too. */
    dialog->expires = now + (int64_t)expires * TIME_S;
    return SIP_EFFECT_PROLONG;
}

static enum sip_effect
answer(struct sip_dialog *dialog, const struct sip_news *news, int64_t now)
{
    if (news->method == SIP_INVITE)
        return answer_to_invite(dialog, news, now);
    if (news->method == SIP_REGISTER)
        return answer_to_register(dialog, news->status, news->expires, now);
    return SIP_EFFECT_NONE;
}

enum sip_effect
sip_dialog_message(struct sip_dialog *dialog, const struct sip_news *news, int64_t now)
{
    if (!news->request)
        return answer(dialog, news, now);
    if (news->method == SIP_BYE)
        return hang_up(dialog, news->peer);
    if (news->method == SIP_INVITE)
        dialog->invite = news->cseq;
    if (dialog->state == SIP_DIALOG_CONFIRMED)
        return lives_until(dialog, now + SIP_ESTABLISHED);
    if (dialog->state == SIP_DIALOG_EARLY)
        return lives_until(dialog, now + SIP_UNANSWERED);
    return dialog->state == SIP_DIALOG_REGISTERING ? lives_until(dialog, now + SIP_REGISTERING) : SIP_EFFECT_NONE;
}

int64_t
sip_dialog_lifetime(const struct sip_dialog *dialog, int64_t now)
{
    return dialog->state == SIP_DIALOG_CONFIRMED ? SIP_ESTABLISHED : dialog->expires - now;
}
