/* The ALG itself. A message is read in the order: decode it, find its dialog, edit the header, edit the description, put
 * the edits in their order. What the dialog learns it learns when the message has gone on (`done`), so that one that could
 * not be changed leaves nothing behind. */
#include "nat/alg/sip_reading.h"

#include "proto/sip/framing.h"

/* ---- edits */

void
sip_edit(struct sip_reading *reading, enum sip_alg_place place, struct span part, const char *text)
{
    struct sip_edit *edit;
    size_t length = strlen(text);

    if (reading->count == SIP_EDITS_MAX || length > SIP_EDIT_TEXT) {
        reading->full = true;
        return;
    }
    edit = &reading->edits[reading->count++];
    edit->at = sip_message_offset(&reading->sip, part);
    edit->length = part.length;
    edit->text_length = (uint8_t)length;
    memcpy(edit->text, text, length);
    reading->places |= 1u << place;
}

void
sip_edit_address(struct sip_reading *reading, enum sip_alg_place place, struct span part, struct address old,
                 struct address new)
{
    char text[ADDRESS_TEXT];

    if (address_equal(old, new))
        return;
    if (reading->places == 0) {
        reading->old = old;
        reading->new = new;
    }
    sip_edit(reading, place, part, address_format(new, text));
}

void
sip_edit_number(struct sip_reading *reading, enum sip_alg_place place, struct span part, uint32_t number)
{
    char text[12];

    g_snprintf(text, sizeof text, "%u", number);
    if (!span_equal(part, span_of_text(text)))
        sip_edit(reading, place, part, text);
}

/* By insertion: they are few, and nearly in order. */
static void
hand_over(struct sip_reading *reading)
{
    uint8_t order[SIP_EDITS_MAX];

    for (unsigned i = 0; i < reading->count; i++) {
        unsigned to = i;

        for (; to > 0 && reading->edits[order[to - 1]].at > reading->edits[i].at; to--)
            order[to] = order[to - 1];
        order[to] = (uint8_t)i;
    }
    for (unsigned i = 0; i < reading->count; i++) {
        const struct sip_edit *edit = &reading->edits[order[i]];

        alg_replace(reading->message, edit->at, edit->length, span_of(edit->text, edit->text_length));
    }
}

/* ---- both sides */

static bool
outer_of(const struct sip_reading *reading, uint8_t protocol, struct endpoint inner, struct endpoint *outer)
{
    const struct nat_translation *way = &reading->message->way;

    if (!address_equal(inner.address, way->internal.address))
        return false;
    if (protocol == reading->protocol && inner.port == way->internal.port) {
        *outer = way->external;
        return true;
    }
    return alg_external_of(reading->seat, protocol, inner, (struct endpoint){ ADDRESS_NONE, 0 }, outer);
}

static bool
inner_of(const struct sip_reading *reading, uint8_t protocol, struct endpoint outer, struct endpoint *inner)
{
    const struct nat_translation *way = &reading->message->way;

    if (protocol == reading->protocol && endpoint_equal(outer, way->external)) {
        *inner = way->internal;
        return true;
    }
    return alg_is_external(reading->seat, outer.address) && alg_internal_of(reading->seat, protocol, outer, inner);
}

bool
sip_translate(const struct sip_reading *reading, uint8_t protocol, struct endpoint endpoint, struct endpoint *other)
{
    return reading->inbound ? inner_of(reading, protocol, endpoint, other)
                            : outer_of(reading, protocol, endpoint, other);
}

bool
sip_translate_any(const struct sip_reading *reading, uint8_t protocol, struct endpoint endpoint, struct endpoint *other)
{
    struct endpoint nobody = { ADDRESS_NONE, 0 };

    if (sip_translate(reading, protocol, endpoint, other))
        return true;
    return !reading->inbound && alg_is_inside(reading->seat, endpoint.address) &&
           alg_external_of(reading->seat, protocol, endpoint, nobody, other);
}

/* ---- the dialog */

static struct sip_dialog *
find_dialog(struct sip_reading *reading)
{
    return sip_dialogs_find(sip_dialogs_of(reading), reading->owner, alg_now(reading->seat));
}

static struct sip_dialog *
need_dialog(struct sip_reading *reading)
{
    enum sip_dialog_state state =
        reading->sip.method_id == SIP_REGISTER ? SIP_DIALOG_REGISTERING : SIP_DIALOG_EARLY;
    struct sip_dialog *dialog;
    uint64_t evicted;

    dialog = sip_dialogs_need(sip_dialogs_of(reading), reading->owner, reading->message->way.internal.address, state,
                              alg_now(reading->seat), &evicted);
    if (evicted)
        alg_close_owner(reading->seat, evicted);
    return dialog;
}

int64_t
sip_pinhole_lifetime(struct sip_reading *reading)
{
    if (sip_has_quirk(reading, SIP_QUIRK_SHORT_PINHOLE))
        return TIME_MIN;
    return sip_dialog_lifetime(need_dialog(reading), alg_now(reading->seat));
}

/* Of what goes out the sender is inside, and has its tag in From of a request, in To of what answers one. */
static uint32_t
peer_tag(const struct sip_reading *reading)
{
    enum sip_header_name where = reading->sip.request == reading->inbound ? SIP_HEADER_FROM : SIP_HEADER_TO;
    struct sip_name_addr address;

    if (!sip_name_addr_decode(sip_message_value(&reading->sip, where), &address))
        return 0;
    return (uint32_t)span_hash(address.tag);
}

/* What the dialog has learnt before is what this message is read with. */
static void
begin_dialog(struct sip_reading *reading)
{
    struct sip_dialog *dialog;

    reading->peer = peer_tag(reading);

    reading->owner = sip_dialog_owner(sip_message_value(&reading->sip, SIP_HEADER_CALL_ID),
                                      reading->message->way.internal.address);
    if (reading->sip.request && reading->sip.method_id == SIP_INVITE)
        dialog = need_dialog(reading);
    else
        dialog = find_dialog(reading);
    for (unsigned i = 0; i < SIP_STREAMS_MAX; i++)
        reading->streams[i] = dialog ? dialog->streams[i] : (struct sip_stream){ .peer = ADDRESS_NONE };
    reading->known_peer_contact = dialog ? dialog->peer_contact : ADDRESS_NONE;
}

/* ---- media that move
 *
 * An offer in a call that stands may name other ports, and may be refused: then the ones before hold (RFC 3261 section
 * 14.1, RFC 3264 section 8). So these stay until it is answered, and have a grace for what is under way after that. */

static bool
has_pinhole(const uint32_t pinholes[2], uint32_t pinhole)
{
    return pinholes[0] == pinhole || pinholes[1] == pinhole;
}

/* Those of `pinholes` that are not among `kept` end soon. */
static void
let_end(struct alg_seat *seat, const uint32_t pinholes[2], const uint32_t kept[2], const uint32_t kept_too[2])
{
    for (int i = 0; i < 2; i++) {
        if (pinholes[i] && !has_pinhole(kept, pinholes[i]) && !has_pinhole(kept_too, pinholes[i]))
            (void)alg_let_end(seat, pinholes[i], SIP_GRACE);
    }
}

static void
replace_stream(struct alg_seat *seat, struct sip_stream *old, const struct sip_stream *new, bool under_way, bool again)
{
    uint32_t before[2] = { old->pinholes[0], old->pinholes[1] }, former[2] = { 0, 0 };

    if (under_way) {
        memcpy(former, again ? old->former : before, sizeof former);
        let_end(seat, before, new->pinholes, former);
    } else {
        let_end(seat, before, new->pinholes, new->pinholes);
        let_end(seat, old->former, new->pinholes, new->pinholes);
    }
    *old = *new;
    memcpy(old->former, former, sizeof former);
}

/* The inside has described its media. */
static void
replace_streams(struct sip_reading *reading, struct sip_dialog *dialog)
{
    bool under_way = reading->sip.request && reading->sip.method_id != SIP_ACK &&
                     dialog->state == SIP_DIALOG_CONFIRMED;
    bool again = dialog->offer != 0;

    for (unsigned i = 0; i < reading->stream_count; i++)
        replace_stream(reading->seat, &dialog->streams[i], &reading->streams[i], under_way, again);
    if (reading->stream_count > 0)
        dialog->offer = under_way ? reading->sip.cseq : 0;
}

/* The outside has answered what the inside had offered. */
static void
settle_offer(struct sip_reading *reading, struct sip_dialog *dialog)
{
    const struct sip_message *sip = &reading->sip;

    if (dialog->offer == 0 || sip->request || sip->status < 200 || sip->cseq != dialog->offer ||
        sip->method_id == SIP_CANCEL)
        return;
    for (unsigned i = 0; i < SIP_STREAMS_MAX; i++) {
        struct sip_stream *stream = &dialog->streams[i];

        if (sip->status < 300) {
            let_end(reading->seat, stream->former, stream->pinholes, stream->pinholes);
        } else {
            let_end(reading->seat, stream->pinholes, stream->former, stream->former);
            memcpy(stream->pinholes, stream->former, sizeof stream->pinholes);
        }
        memset(stream->former, 0, sizeof stream->former);
    }
    dialog->offer = 0;
}

/* ---- what a message leaves behind */

static void
remember(struct sip_reading *reading, struct sip_dialog *dialog)
{
    if (reading->contact)
        dialog->contact = reading->contact;
    replace_streams(reading, dialog);
    if (!reading->inbound)
        return;
    settle_offer(reading, dialog);
    sip_narrow(reading, dialog);
}

/* Those that the dialog has; not those that are on their way out. */
static void
prolong(struct alg_seat *seat, const struct sip_dialog *dialog, int64_t lifetime)
{
    if (dialog->state == SIP_DIALOG_REGISTERING || dialog->state == SIP_DIALOG_REGISTERED) {
        alg_prolong_owner(seat, dialog->owner, lifetime);
        return;
    }
    (void)alg_prolong(seat, dialog->contact, lifetime);
    for (unsigned i = 0; i < 2 * SIP_STREAMS_MAX; i++) {
        (void)alg_prolong(seat, dialog->streams[i / 2].pinholes[i % 2], lifetime);
        (void)alg_prolong(seat, dialog->streams[i / 2].former[i % 2], lifetime);
    }
}

static void
take_effect(struct sip_reading *reading, struct sip_dialog *dialog, enum sip_effect effect)
{
    switch (effect) {
    case SIP_EFFECT_NONE:
        break;
    case SIP_EFFECT_PROLONG:
        if (!sip_has_quirk(reading, SIP_QUIRK_SHORT_PINHOLE))
            prolong(reading->seat, dialog, sip_dialog_lifetime(dialog, alg_now(reading->seat)));
        break;
    case SIP_EFFECT_CLOSE:
        alg_let_end_owner(reading->seat, reading->owner, SIP_GRACE);
        sip_dialogs_end(sip_dialogs_of(reading), dialog);
        break;
    }
}

/* ---- the journal */

static void
journal_fault(struct sip_reading *reading, const struct record_kind *kind, unsigned rule)
{
    struct record record;

    if (!alg_listening(reading->seat))
        return;
    record = alg_record(reading->seat, reading->message->packet, kind);
    record.rule = (uint16_t)rule;
    alg_journal(reading->seat, &record);
}

static void
tell(const struct alg_message *message, struct record *record)
{
    const struct sip_reading *reading = &((struct sip_box *)message->seat->state)->reading;
    int64_t longer = 0;

    for (unsigned i = 0; i < reading->count; i++)
        longer += (int64_t)reading->edits[i].text_length - (int64_t)reading->edits[i].length;
    record->rule = (uint16_t)reading->places;
    record->subject[0] = reading->sip.request ? 0 : reading->sip.status;
    record->subject[1] = reading->sip.method_id;
    record->after.source = reading->old;
    record->after.destination = reading->new;
    record->detail = longer;
}

/* ---- messages */

/* Who takes each segment for a message must do with what is there of one. */
static bool
understood(struct sip_reading *reading, enum sip_fault fault)
{
    if (fault == SIP_FAULT_NONE || (fault == SIP_FAULT_CUT && sip_has_quirk(reading, SIP_QUIRK_SEGMENTS)))
        return true;
    if (fault != SIP_FAULT_EMPTY)
        journal_fault(reading, &alg_sip_foreign_kind, fault);
    return false;
}

static struct sip_reading *
begin_reading(struct alg_message *message)
{
    struct sip_reading *reading = &((struct sip_box *)message->seat->state)->reading;

    reading->message = message;
    reading->seat = message->seat;
    reading->inbound = message->way.inbound;
    reading->protocol = message->is_stream ? PROTOCOL_TCP : PROTOCOL_UDP;
    reading->owner = 0;
    reading->full = reading->described = reading->refused_changes = false;
    reading->refused = ALG_OPEN_OK;
    reading->places = reading->count = reading->stream_count = 0;
    reading->old = reading->new = ADDRESS_NONE;
    reading->contact = reading->granted = 0;
    reading->peer_said = 0;
    reading->peer_contact = ADDRESS_NONE;
    return reading;
}

static void
read_message(struct alg_message *message)
{
    struct sip_reading *reading = begin_reading(message);

    if (!sip_may_be(message->data) || !understood(reading, sip_message_decode(message->data, &reading->sip)))
        return;
    begin_dialog(reading);
    sip_edit_fields(reading);
    if (!sip_has_quirk(reading, SIP_QUIRK_FIRST_LINE) && !sip_edit_media(reading)) {
        journal_fault(reading, &alg_sip_refused_kind, reading->refused);
        reading->refused_changes = true;
        alg_give_up(message);
        return;
    }
    if (reading->inbound)
        sip_note_peer(reading);
    if (reading->inbound && !reading->sip.request && reading->sip.method_id == SIP_REGISTER)
        reading->granted = sip_granted(reading);
    if (reading->full)
        message->overfull = true;
    else
        hand_over(reading);
}

static void
done(struct alg_message *message, bool changed)
{
    struct sip_reading *reading = &((struct sip_box *)message->seat->state)->reading;
    struct sip_dialog *dialog = reading->owner ? find_dialog(reading) : NULL;
    const struct sip_news news = {
        .request = reading->sip.request, .method = reading->sip.method_id, .status = reading->sip.status,
        .cseq = reading->sip.cseq, .peer = reading->peer, .expires = reading->granted,
    };
    enum sip_effect effect;

    if (!dialog)
        return;
    effect = sip_dialog_message(dialog, &news, alg_now(reading->seat));
    if (changed || (reading->count == 0 && !reading->refused_changes))
        remember(reading, dialog);
    take_effect(reading, dialog, effect);
}

static void
closed(struct alg_seat *seat, const struct alg_pinhole *pinhole)
{
    sip_dialogs_closed(&((struct sip_box *)seat->state)->dialogs, pinhole->owner, pinhole->number);
}

/* ---- streams */

/* A stream that does not begin as SIP does is somebody else's: a browser that has been made to send SIP in the midst of
 * an HTTP request is not heard (scenario sip/slipstream). */
static bool
begins_as_sip(struct span bytes)
{
    const uint8_t *end = memchr(bytes.bytes, '\r', bytes.length);
    static const char version[] = "SIP/2.0";
    size_t line = end ? (size_t)(end - bytes.bytes) : bytes.length, size = sizeof version - 1;

    if (!end)
        return line < 1024 && sip_may_be(bytes);
    return line >= size &&
           (memcmp(bytes.bytes, version, size) == 0 || memcmp(bytes.bytes + line - size, version, size) == 0);
}

static size_t
frame(const struct alg_seat *seat, struct span so_far, bool from_opener)
{
    size_t scanned = 0, length;

    (void)seat;
    (void)from_opener;
    /* A pong is not held until it is known that it is no ping. */
    if (so_far.length >= 2 && so_far.bytes[0] == '\r' && so_far.bytes[1] == '\n')
        return 2;
    if (so_far.bytes[0] == '\r')
        return so_far.length == 1 ? ALG_FRAME_MORE : ALG_FRAME_NONE;
    if (!begins_as_sip(so_far))
        return ALG_FRAME_NONE;
    switch (sip_frame_first(so_far, false, &scanned, &length)) {
    case SIP_FRAME_MORE:
        return ALG_FRAME_MORE;
    case SIP_FRAME_BROKEN:
        return ALG_FRAME_NONE;
    default:
        return length;
    }
}

/* ---- the seat */

static void
end(struct alg_seat *seat)
{
    struct sip_box *box = seat->state;

    sip_dialogs_clear(&box->dialogs);
    memset(box->forms, 0, sizeof box->forms);
}

const struct alg alg_sip = {
    .name = "sip",
    .over = ALG_OVER_UDP | ALG_OVER_TCP,
    .port = SIP_PORT,
    .state_bytes = sizeof(struct sip_box),
    .segments_quirk = 1u << SIP_QUIRK_SEGMENTS,
    .end = end,
    .forget = end,
    .frame = frame,
    .read = read_message,
    .done = done,
    .closed = closed,
    .tell = tell,
    .kind = &alg_sip_kind,
};
