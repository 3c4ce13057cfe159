/* Seats in an array, found by the owner's word, and linked in the order of their last message through their numbers:
 * seats[0].after is the one that has been silent longest, seats[0].before the one that spoke last. Free seats are linked
 * through `after`. So nothing is taken from the heap but when the array grows.
 *
 * The states:
 *   EARLY        an INVITE has passed, its final answer has not. A refusal ends the dialog.
 *   CONFIRMED    a 2xx has passed: a later INVITE may be refused, and changes nothing. BYE ends it.
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

struct sip_dialog *
sip_dialogs_find(struct sip_dialogs *dialogs, uint64_t owner, int64_t now)
{
    uint32_t hash = (uint32_t)owner, number;

    for (uint32_t i = hash_index_first(&dialogs->index, hash); (number = hash_index_value(&dialogs->index, i));
         i = hash_index_next(&dialogs->index, i, hash)) {
        struct sip_dialog *dialog = &dialogs->seats[number];

        if (dialog->owner != owner)
            continue;
        if (now < dialog->expires) {
            unlink_seat(dialogs, number);
            link_last(dialogs, number);
            return dialog;
        }
        sip_dialogs_end(dialogs, dialog);
        return NULL;
    }
    return NULL;
}

/* Makes room for one more. Returns the word of a living dialog that had to go, or 0. */
static uint64_t
make_room(struct sip_dialogs *dialogs, int64_t now)
{
    struct sip_dialog *oldest;
    uint64_t owner;

    if (sip_dialogs_count(dialogs) < SIP_DIALOGS_MAX)
        return 0;
    oldest = &dialogs->seats[dialogs->seats[0].after];
    owner = now < oldest->expires ? oldest->owner : 0;
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

static enum sip_effect
answer_to_invite(struct sip_dialog *dialog, unsigned status, int64_t now)
{
    if (status < 200)
        return lives_until(dialog, now + (dialog->state == SIP_DIALOG_EARLY ? SIP_UNANSWERED : SIP_ESTABLISHED));
    if (status < 300) {
        dialog->state = SIP_DIALOG_CONFIRMED;
        return lives_until(dialog, now + SIP_ESTABLISHED);
    }
    /* Those that ask for another try (RFC 3261 section 22) come with a new INVITE of the same Call-ID. */
    return dialog->state == SIP_DIALOG_EARLY && status != 401 && status != 407 ? SIP_EFFECT_CLOSE : SIP_EFFECT_NONE;
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
answer(struct sip_dialog *dialog, const struct sip_message *message, uint32_t expires, int64_t now)
{
    if (message->method_id == SIP_INVITE)
        return answer_to_invite(dialog, message->status, now);
    if (message->method_id == SIP_REGISTER)
        return answer_to_register(dialog, message->status, expires, now);
    return SIP_EFFECT_NONE;
}

enum sip_effect
sip_dialog_message(struct sip_dialog *dialog, const struct sip_message *message, uint32_t expires, int64_t now)
{
    if (!message->request)
        return answer(dialog, message, expires, now);
    if (message->method_id == SIP_BYE)
        return SIP_EFFECT_CLOSE;
    if (dialog->state == SIP_DIALOG_CONFIRMED)
        return lives_until(dialog, now + SIP_ESTABLISHED);
    if (dialog->state == SIP_DIALOG_EARLY)
        return lives_until(dialog, now + SIP_UNANSWERED);
    return dialog->state == SIP_DIALOG_REGISTERING ? lives_until(dialog, now + SIP_REGISTERING) : SIP_EFFECT_NONE;
}

int64_t
sip_dialog_lifetime(const struct sip_dialog *dialog, int64_t now)
{
    return dialog->expires - now;
}
