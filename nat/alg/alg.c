#include "nat/alg/alg.h"

#include "core/net/net.h"

/* What a NAT has that has ALGs. */
struct alg_box {
    struct nat_reader reader; /* first */
    struct node *node;
    unsigned count;
    const struct alg *algs[];
};

const struct alg *const alg_registry[] = { &alg_rewrite_addresses, NULL };

/* ---- the journal */

static const char *const passed_because[] = {
    [ALG_PASSED_CHANGES] = "there is more to change than an ALG has room for",
    [ALG_PASSED_ROOM] = "with the changes it would be too long for its buffer, or for any datagram",
};

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
}

const struct record_kind alg_passed_kind = { "alg-passed", "not-rewritten", "", say_passed, fields_passed };

static void
journal_passed(const struct node *node, const struct packet *packet, enum alg_passed why)
{
    struct record record;

    if (!node->world->journal)
        return;
    record = packet_record(packet, &alg_passed_kind, node);
    record.rule = why;
    journal_take(node->world->journal, &record);
}

static void
journal_changed(const struct alg_message *message)
{
    struct record record;

    if (!message->node->world->journal)
        return;
    record = packet_record(message->packet, message->alg->kind, message->node);
    message->alg->tell(message, &record);
    journal_take(message->node->world->journal, &record);
}

/* ---- messages */

void
alg_replace(struct alg_message *message, size_t at, size_t count, struct span bytes)
{
    const struct packet_change *last = message->count > 0 ? &message->changes[message->count - 1] : NULL;
    uint8_t *copy = message->bytes + message->used;

    g_assert(at <= message->data.length && count <= message->data.length - at);
    g_assert(!last || at >= last->at + last->count);
    if (message->count == ALG_CHANGES_MAX || bytes.length > ALG_BYTES_MAX - message->used)
        message->overfull = true;
    if (message->overfull)
        return;
    if (bytes.length > 0)
        memcpy(copy, bytes.bytes, bytes.length);
    message->used += bytes.length;
    message->changes[message->count++] =
        (struct packet_change){ (uint32_t)at, (uint32_t)count, span_of(copy, bytes.length) };
}

static bool
looks_at(const struct alg *alg, const struct flow *flow)
{
    return alg->protocol == flow->protocol &&
           (alg->port == 0 || alg->port == flow->source_port || alg->port == flow->destination_port);
}

static void
let_read(const struct alg_box *box, const struct alg *alg, struct packet *packet, const struct nat_translation *way)
{
    struct alg_message message;

    if (!looks_at(alg, &packet->flow))
        return;
    message.alg = alg;
    message.node = box->node;
    message.packet = packet;
    message.way = *way;
    message.data = packet_udp_data(packet);
    message.count = 0;
    message.used = 0;
    message.overfull = false;
    alg->read(&message);
    if (message.overfull)
        journal_passed(box->node, packet, ALG_PASSED_CHANGES);
    else if (message.count == 0)
        return;
    else if (!packet_change_data(packet, message.changes, message.count))
        journal_passed(box->node, packet, ALG_PASSED_ROOM);
    else
        journal_changed(&message);
}

static void
read_packet(struct nat_reader *reader, struct packet *packet, const struct nat_translation *way)
{
    const struct alg_box *box = (const struct alg_box *)reader;

    for (unsigned i = 0; i < box->count; i++)
        let_read(box, box->algs[i], packet, way);
}

/* ---- boxes */

static void
free_box(struct nat_reader *reader)
{
    g_free(reader);
}

void
alg_fit_with(struct node *node, const struct alg *const *with, unsigned count)
{
    struct nat *nat = nat_of(node);
    struct alg_box *box;

    if (!nat)
        return;
    if (count == 0) {
        nat_take_reader(nat, NULL);
        return;
    }
    box = g_malloc0(sizeof *box + count * sizeof *box->algs);
    box->reader = (struct nat_reader){ read_packet, free_box };
    box->node = node;
    box->count = count;
    memcpy(box->algs, with, count * sizeof *with);
    nat_take_reader(nat, &box->reader);
}

void
alg_fit(struct node *node)
{
    const struct alg *with[G_N_ELEMENTS(alg_registry) - 1];
    const struct nat *nat = nat_of(node);
    unsigned bits, count = 0;

    if (!nat)
        return;
    bits = nat_options(nat)->algs;
    if (nat_options(nat)->quirks & 1 << NAT_QUIRK_REWRITES_PAYLOAD)
        bits |= NAT_ALG_REWRITE_ADDRESSES;
    for (unsigned i = 0; alg_registry[i]; i++) {
        if (bits & 1u << i)
            with[count++] = alg_registry[i];
    }
    alg_fit_with(node, with, count);
}
