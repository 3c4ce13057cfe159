/* The journal of the mechanism: what passes as it is. What was changed each ALG tells in words of its own. */
#include "core/base/time.h"
#include "nat/alg/box.h"

static const char *const passed_because[] = {
    [ALG_PASSED_CHANGES] = "there is more to change than an ALG has room for",
    [ALG_PASSED_ROOM] = "with the changes it would be too long for its buffer, or for any datagram",
    [ALG_PASSED_UNFINISHED] = "its sender waits for an acknowledgement with the message unfinished",
    [ALG_PASSED_WINDOW] = "the message is longer than what its sender may have under way unacknowledged",
    [ALG_PASSED_LONG] = "the message is longer than what a box holds of a stream",
    [ALG_PASSED_HELD] = "the box holds as many segments as it may",
    [ALG_PASSED_UNACKED] = "too many changes wait to be acknowledged",
    [ALG_PASSED_FOREIGN] = "this is not the protocol that the ALG reads",
    [ALG_PASSED_MIDDLE] = "the box did not see the connection begin",
    [ALG_PASSED_CONNECTIONS] = "the box reads as many connections as it may",
    [ALG_PASSED_EMPTY] = "nothing would be left of it",
    [ALG_PASSED_ENDED] = "the connection ends in the midst of a message",
};
G_STATIC_ASSERT(G_N_ELEMENTS(passed_because) == ALG_PASSED_COUNT);

static void
say_passed(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    g_string_append_printf(out, "data: passes as it is, because %s", passed_because[record->rule]);
}

static void
fields_passed(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    fields_text(out, "because", passed_because[record->rule]);
    if (record->detail > 0)
        fields_number(out, "bytes", record->detail);
}

const struct record_kind alg_passed_kind = { "alg-passed", "not-rewritten", "", say_passed, fields_passed };

static void
say_held(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    if (record->rule)
        g_string_append(out, "data: is held, because bytes before it are missing, which an ALG is to read");
    else
        g_string_append_printf(out, "data: is held, because the message that begins here is not complete yet: %d bytes so "
                                    "far", (int)record->detail);
}

static void
fields_held(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    out->flag(out, "gap", record->rule != 0);
    fields_number(out, "bytes", record->detail);
}

const struct record_kind alg_held_kind = { "alg-held", "held", "", say_held, fields_held };

static void
say_released(const struct record *record, const struct names *names, GString *out)
{
    char text[DURATION_TEXT];

    (void)names;
    g_string_append_printf(out, "data: goes on after %s", duration_format(record->detail, text));
}

static void
fields_released(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    fields_number(out, "waited_ns", record->detail);
}

const struct record_kind alg_released_kind = { "alg-released", "released", "", say_released, fields_released };

void
alg_journal_passed(const struct node *node, const struct packet *packet, enum alg_passed why, size_t bytes)
{
    struct record record;

    if (!node->world->journal)
        return;
    record = packet_record(packet, &alg_passed_kind, node);
    record.rule = why;
    record.detail = (int64_t)bytes;
    journal_take(node->world->journal, &record);
}

void
alg_journal_changed(const struct alg_message *message)
{
    const struct alg *alg = message->seat->alg;
    struct record record;

    if (!alg->kind || !alg_listening(message->seat))
        return;
    record = alg_record(message->seat, message->packet, alg->kind);
    alg->tell(message, &record);
    alg_journal(message->seat, &record);
}

/* ---- for ALGs */

bool
alg_listening(const struct alg_seat *seat)
{
    return seat->node->world->journal != NULL;
}

struct record
alg_record(const struct alg_seat *seat, const struct packet *packet, const struct record_kind *kind)
{
    if (packet)
        return packet_record(packet, kind, seat->node);
    return (struct record){
        .at = alg_now(seat), .cause = seat->node->world->handling, .kind = kind, .node = seat->node->number
    };
}

void
alg_journal(const struct alg_seat *seat, const struct record *record)
{
    journal_take(seat->node->world->journal, record);
}
