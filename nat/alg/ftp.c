/* The ALG ftp: reads the control connection of FTP (RFC 959, RFC 2428), where it names the port of a data connection.
 *
 *   client inside   PORT and EPRT: the server will connect to what is named.
 *   server inside   227 and 229: the client will.
 *
 * A pinhole is opened for one connection from the other end's address, and the external endpoint is named instead. What
 * is named must be the sender's own: who names another address asks the server, or the client, to connect there in his
 * stead (the bounce attack, RFC 2577 section 3), and gets nothing; nor does who names a port below 1024 (the same
 * section). An address outside is left as it is: its sender knows what it is doing. In the other direction nothing is
 * to be done: who is inside connects outwards.
 *
 * Only whole lines are read. After AUTH and 234 the connection is encrypted (RFC 4217), and the ALG is blind. Between
 * the families nothing is rewritten: RFC 6384, for NAT64, is not built. */
#include "nat/alg/alg.h"
#include "nat/alg/ftp_text.h"

enum { LONGEST_LINE = 1024, LEAST_PORT = 1024 };

#define DATA_CONNECTION_WAIT (60 * TIME_S)

/* Words of a connection's memory. */
enum { OWNER, ENCRYPTING };

struct ftp {
    uint64_t owners;                  /* given so far */
    enum ftp_form form;               /* of the message that is being read: */
    struct endpoint named, external;
};

/* ---- the journal */

static const char *
form_of(const struct record *record)
{
    return record->detail > FTP_NOTHING && record->detail < FTP_FORMS ? ftp_form_words[record->detail] : "?";
}

static void
say_changed(const struct record *record, const struct names *names, GString *out)
{
    char old[ENDPOINT_TEXT], new[ENDPOINT_TEXT];

    (void)names;
    g_string_append_printf(out, "data: %s names %s, which becomes %s", form_of(record),
                           endpoint_format(flow_source(&record->after), old),
                           endpoint_format(flow_destination(&record->after), new));
}

static void
fields_changed(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    fields_text(out, "alg", alg_ftp.name);
    fields_text(out, "form", form_of(record));
    fields_endpoint(out, "old", flow_source(&record->after));
    fields_endpoint(out, "new", flow_destination(&record->after));
}

const struct record_kind alg_ftp_kind = {
    "alg-ftp", "rewritten", "RFC 959 section 4.1.2, RFC 2428", say_changed, fields_changed,
};

static const char *const refused_because[] = {
    [ALG_FTP_NOT_THE_SENDERS] = "which is not the sender's address: nobody may have others connected to",
    [ALG_FTP_WELL_KNOWN] = "a port below 1024, where no data connection belongs",
    [ALG_FTP_NO_ROOM] = "but no more can be opened",
};

static void
say_refused(const struct record *record, const struct names *names, GString *out)
{
    char text[ENDPOINT_TEXT];

    (void)names;
    g_string_append_printf(out, "data: passes as it is, because %s names %s, %s", form_of(record),
                           endpoint_format(flow_source(&record->after), text), refused_because[record->rule]);
}

static void
fields_refused(const struct record *record, const struct names *names, struct fields *out)
{
    static const char *const words[] = { "not-the-senders", "well-known-port", "no-room" };

    (void)names;
    fields_text(out, "alg", alg_ftp.name);
    fields_text(out, "form", form_of(record));
    fields_endpoint(out, "named", flow_source(&record->after));
    fields_text(out, "why", words[record->rule]);
}

const struct record_kind alg_ftp_refused_kind = {
    "alg-ftp-refused", "not-rewritten", "RFC 2577 section 3", say_refused, fields_refused,
};

static void
refuse(const struct alg_message *message, enum alg_ftp_refused why)
{
    const struct ftp *ftp = message->seat->state;
    struct record record;

    if (!alg_listening(message->seat))
        return;
    record = alg_record(message->seat, message->packet, &alg_ftp_refused_kind);
    record.rule = why;
    record.detail = ftp->form;
    record.after.source = ftp->named.address;
    record.after.source_port = ftp->named.port;
    alg_journal(message->seat, &record);
}

static void
tell(const struct alg_message *message, struct record *record)
{
    const struct ftp *ftp = message->seat->state;

    record->detail = ftp->form;
    record->after.source = ftp->named.address;
    record->after.source_port = ftp->named.port;
    record->after.destination = ftp->external.address;
    record->after.destination_port = ftp->external.port;
}

/* ---- messages */

static size_t
frame(const struct alg_seat *seat, struct span so_far, bool from_opener)
{
    const uint8_t *end = memchr(so_far.bytes, '\n', MIN(so_far.length, LONGEST_LINE));

    (void)seat, (void)from_opener;
    if (end)
        return (size_t)(end - so_far.bytes) + 1;
    return so_far.length < LONGEST_LINE ? ALG_FRAME_MORE : ALG_FRAME_NONE;
}

/* Follows whether the connection becomes encrypted. */
static void
watch_encryption(struct alg_message *message)
{
    if (message->from_opener) {
        message->memory[ENCRYPTING] = ftp_asks_for_encryption(message->data);
        return;
    }
    if (message->memory[ENCRYPTING] && ftp_has_code(message->data, "234"))
        alg_stop(message);
}

/* Opens the way for one data connection from the other end of the control connection. */
static bool
open_data(struct alg_message *message)
{
    struct ftp *ftp = message->seat->state;
    struct alg_wish wish = {
        .protocol = PROTOCOL_TCP, .once = true, .internal = ftp->named, .remote = { message->remote.address, 0 },
        .lifetime = DATA_CONNECTION_WAIT,
    };
    struct alg_grant grants[2];
    enum alg_opened opened;

    if (!message->memory[OWNER])
        message->memory[OWNER] = ++ftp->owners;
    wish.owner = message->memory[OWNER];
    opened = alg_open(message, &wish, grants);
    if (opened == ALG_OPEN_OK)
        ftp->external = grants[0].external;
    else if (opened != ALG_OPEN_UNSUPPORTED)
        refuse(message, opened == ALG_OPEN_NOT_THE_SENDERS ? ALG_FTP_NOT_THE_SENDERS : ALG_FTP_NO_ROOM);
    return opened == ALG_OPEN_OK;
}

static void
read_line(struct alg_message *message)
{
    struct ftp *ftp = message->seat->state;
    struct ftp_place place = ftp_find(message->data, message->from_opener);
    char text[FTP_TEXT];

    watch_encryption(message);
    if (place.form == FTP_NOTHING || message->way.inbound)
        return;
    if (place.form == FTP_EPSV)
        place.named.address = message->way.internal.address;
    ftp->form = place.form;
    ftp->named = place.named;
    if (alg_is_external(message->seat, place.named.address) &&
        !address_equal(place.named.address, message->way.internal.address))
        return;
    if (place.named.port < LEAST_PORT)
        refuse(message, ALG_FTP_WELL_KNOWN);
    else if (open_data(message) && !endpoint_equal(ftp->external, ftp->named))
        alg_replace(message, place.at, place.count, ftp_write(&place, ftp->external, text));
}

const struct alg alg_ftp = {
    .name = "ftp",
    .over = ALG_OVER_TCP,
    .port = 21,
    .state_bytes = sizeof(struct ftp),
    .segments_quirk = 1 << NAT_FTP_BREAKS_ON_SEGMENTS,
    .frame = frame,
    .read = read_line,
    .tell = tell,
    .kind = &alg_ftp_kind,
};
