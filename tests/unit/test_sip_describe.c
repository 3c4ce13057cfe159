/* Messages told to people and programs. */
#include "tests/unit/support.h"

#include "proto/sip/describe.h"

#define FIELDS(cseq)                                                                                                   \
    "v: SIP/2.0/UDP 10.0.0.2:5060;rport;branch=z9hG4bK1, SIP/2.0/TCP b;received=192.0.2.1\r\n"                         \
    "From: <sip:a@example.com>;tag=1\r\nt: <sip:b@example.com>\r\ni: x\r\nCSeq: " cseq "\r\n"

static const struct {
    const char *name, *text, *said; /* NULL: nothing */
} rows[] = {
    { "request", "OPTIONS sip:b@example.com SIP/2.0\r\n" FIELDS("1 OPTIONS") "\r\n", "OPTIONS sip:b@example.com" },
    { "contact and body",
      "INVITE sip:b@example.com SIP/2.0\r\n" FIELDS("1 INVITE") "m: \"A\" <sip:a@10.0.0.2:5060>;q=1\r\n"
                                                                "c: application/sdp;x=y\r\n\r\nv=0\r\n",
      "INVITE sip:b@example.com, Contact sip:a@10.0.0.2:5060, with application/sdp" },
    { "all contacts", "REGISTER sip:example.com SIP/2.0\r\n" FIELDS("1 REGISTER") "Contact: *\r\n\r\n",
      "REGISTER sip:example.com, Contact *" },
    { "response", "SIP/2.0 180 Ringing\r\n" FIELDS("1 INVITE") "\r\n", "180 Ringing (INVITE)" },
    { "no phrase", "SIP/2.0 180 \r\n" FIELDS("1 INVITE") "\r\n", "180 (INVITE)" },
    { "what cannot be printed", "SIP/2.0 180 a\x07\xff\r\n" FIELDS("1 INVITE") "\r\n", "180 a?\xef\xbf\xbd (INVITE)" },
    { "a fault", "SIP/2.0 180 Ringing\r\n\r\n", NULL },
    { "another protocol", "GET / HTTP/1.1\r\n\r\n", NULL },
};

static void
test_said(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        GString *said = g_string_new(NULL);

        CHECK_ROW(rows[i].name, sip_datagram_say(span_of_text(rows[i].text), said) == (rows[i].said != NULL));
        CHECK_ROW_TEXT(rows[i].name, said->str, rows[i].said ? rows[i].said : "");
        g_string_free(said, TRUE);
    }
}

/* --- fields ------------------------------------------------------------------------------------------------------ */

struct text_sink {
    struct fields fields;
    GString *text;
};

static GString *
text_of(struct fields *fields, const char *name)
{
    g_string_append_printf(((struct text_sink *)fields)->text, "%s=", name);
    return ((struct text_sink *)fields)->text;
}

static void
on_number(struct fields *fields, const char *name, int64_t value)
{
    g_string_append_printf(text_of(fields, name), "%" PRId64 " ", value);
}

static void
on_flag(struct fields *fields, const char *name, bool value)
{
    g_string_append(text_of(fields, name), value ? "yes " : "no ");
}

static void
on_text(struct fields *fields, const char *name, struct span value)
{
    g_string_append_len(text_of(fields, name), (const char *)value.bytes, (gssize)value.length);
    g_string_append_c(((struct text_sink *)fields)->text, ' ');
}

static void
on_bytes(struct fields *fields, const char *name, struct span value)
{
    g_string_append_printf(text_of(fields, name), "%zu bytes ", value.length);
}

static void
on_open(struct fields *fields, const char *name)
{
    g_string_append(text_of(fields, name), "{ ");
}

static void
on_close(struct fields *fields)
{
    g_string_append(((struct text_sink *)fields)->text, "} ");
}

static void
test_fields(void)
{
    static const struct {
        const char *name, *text, *fields;
    } told[] = {
        { "request", "MESSAGE sip:b@example.com SIP/2.0\r\n" FIELDS("1 MESSAGE") "X-Y: z\r\nl: 2\r\n\r\nhi",
          "request=yes method=MESSAGE uri=sip:b@example.com via={ transport=UDP sent_by=10.0.0.2:5060 branch=z9hG4bK1 "
          "rport=0 } via={ transport=TCP sent_by=b branch= received=192.0.2.1 } from=<sip:a@example.com>;tag=1 "
          "to=<sip:b@example.com> call_id=x cseq=1 MESSAGE header={ name=X-Y value=z } content_length=2 "
          "body=2 bytes " },
        { "response",
          "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;maddr=192.0.2.9;branch=b\r\nVia: ;\r\nFrom: <sip:a@b>\r\nTo: "
          "<sip:b@c>\r\n"
          "Call-ID: x\r\nCSeq: 1 BYE\r\nc: application/sdp\r\n\r\nv=0",
          "request=no status=200 phrase=OK method=BYE via={ transport=UDP sent_by=a branch=b maddr=192.0.2.9 } via=; "
          "from=<sip:a@b> to=<sip:b@c> call_id=x cseq=1 BYE content_type=application/sdp body=v=0 " },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(told); i++) {
        struct text_sink sink = { { .number = on_number,
                                    .time = on_number,
                                    .flag = on_flag,
                                    .text = on_text,
                                    .bytes = on_bytes,
                                    .open = on_open,
                                    .close = on_close },
                                  g_string_new(NULL) };
        struct sip_message message;

        CHECK_ROW_INT(told[i].name, sip_message_decode(span_of_text(told[i].text), &message), SIP_FAULT_NONE);
        sip_message_fields(&message, &sink.fields);
        CHECK_ROW_TEXT(told[i].name, sink.text->str, told[i].fields);
        g_string_free(sink.text, TRUE);
    }
}

void
suite_sip_describe(void)
{
    UNIT_SUITE("sip_describe", NULL, NULL, { "said", test_said }, { "fields", test_fields });
}
