/* Dialogs: RFC 3261 section 12. */
#include "tests/unit/support.h"

#include "proto/sip/dialog.h"

#define INVITE(more)                                                                                                   \
    "INVITE sip:bob@b.example SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: Alice "                   \
    "<sip:alice@a.example>"                                                                                            \
    ";tag=a\r\nTo: <sip:bob@b.example>\r\nCall-ID: id\r\nCSeq: 7 INVITE\r\n" more "Content-Length: 0\r\n\r\n"
#define ANSWER(status, tag, more)                                                                                      \
    "SIP/2.0 " status "\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\nFrom: Alice <sip:alice@a.example>;tag=a\r\n"  \
    "To: <sip:bob@b.example>" tag "\r\nCall-ID: id\r\nCSeq: 7 INVITE\r\n" more "Content-Length: 0\r\n\r\n"
#define ROUTES "Record-Route: <sip:192.0.2.11;lr>, <sip:192.0.2.12;lr>\r\nRecord-Route: <sip:192.0.2.13;lr>\r\n"

static struct sip_message request, response;

static void
decode(const char *text, struct sip_message *message)
{
    CHECK_ROW(text, sip_message_decode(span_of_text(text), message) == SIP_FAULT_NONE);
}

/* A request as the dialog writes it; the caller frees it. */
static char *
written(const struct sip_dialog *dialog, const char *method, uint32_t cseq)
{
    char buffer[2048];
    struct writer out = writer_over(buffer, sizeof buffer);

    sip_dialog_put(dialog, span_of_text(method), cseq, &out);
    CHECK(!writer_failed(&out));
    return g_strndup(buffer, writer_length(&out));
}

static void
test_client(void)
{
    static const struct {
        const char *name, *answer, *bye, *peer; /* bye NULL: no dialog */
        bool confirmed;
    } rows[] = {
        { "ringing without a tag", ANSWER("180 Ringing", "", ""), NULL, NULL, false },
        { "ringing", ANSWER("180 Ringing", ";tag=b", "Contact: <sip:bob@192.0.2.2:5070>\r\n"),
          "BYE sip:bob@192.0.2.2:5070 SIP/2.0\r\nMax-Forwards: 70\r\nFrom: Alice <sip:alice@a.example>;tag=a\r\n"
          "To: <sip:bob@b.example>;tag=b\r\nCall-ID: id\r\nCSeq: 8 BYE\r\n",
          "192.0.2.2:5070", false },
        { "an answer of RFC 2543", ANSWER("200 OK", "", "Contact: sip:bob@192.0.2.2\r\n"),
          "BYE sip:bob@192.0.2.2 SIP/2.0\r\nMax-Forwards: 70\r\nFrom: Alice <sip:alice@a.example>;tag=a\r\n"
          "To: <sip:bob@b.example>\r\nCall-ID: id\r\nCSeq: 8 BYE\r\n",
          "192.0.2.2:5060", true },
        { "no Contact", ANSWER("200 OK", ";tag=b", ""),
          "BYE sip:bob@b.example SIP/2.0\r\nMax-Forwards: 70\r\nFrom: Alice <sip:alice@a.example>;tag=a\r\n"
          "To: <sip:bob@b.example>;tag=b\r\nCall-ID: id\r\nCSeq: 8 BYE\r\n",
          NULL, true },
        { "routes are reversed", ANSWER("200 OK", ";tag=b", "Contact: <sip:bob@192.0.2.2>\r\n" ROUTES),
          "BYE sip:bob@192.0.2.2 SIP/2.0\r\nRoute: <sip:192.0.2.13;lr>\r\nRoute: <sip:192.0.2.12;lr>\r\n"
          "Route: <sip:192.0.2.11;lr>\r\nMax-Forwards: 70\r\nFrom: Alice <sip:alice@a.example>;tag=a\r\n"
          "To: <sip:bob@b.example>;tag=b\r\nCall-ID: id\r\nCSeq: 8 BYE\r\n",
          "192.0.2.13:5060", true },
        { "a strict router first",
          ANSWER("200 OK", ";tag=b",
                 "Contact: <sip:bob@192.0.2.2>\r\nRecord-Route: <sip:192.0.2.11;lr>, <sip:192.0.2.12>\r\n"),
          "BYE sip:192.0.2.12 SIP/2.0\r\nRoute: <sip:192.0.2.11;lr>\r\nRoute: <sip:bob@192.0.2.2>\r\n"
          "Max-Forwards: 70\r\nFrom: Alice <sip:alice@a.example>;tag=a\r\nTo: <sip:bob@b.example>;tag=b\r\n"
          "Call-ID: id\r\nCSeq: 8 BYE\r\n",
          "192.0.2.12:5060", true },
        { "a Record-Route that is none", ANSWER("200 OK", ";tag=b", "Record-Route: <sip:\r\n"), NULL, NULL, false },
    };

    decode(INVITE(""), &request);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(sip_dialog) dialog = NULL;
        g_autofree char *text = NULL;
        char peer[ENDPOINT_TEXT];
        struct sip_flow flow;

        if (sip_message_decode(span_of_text(rows[i].answer), &response) != SIP_FAULT_NONE)
            continue;
        dialog = sip_dialog_of_response(&request, &response);
        CHECK_ROW_INT(rows[i].name, dialog != NULL, rows[i].bye != NULL);
        if (!dialog || !rows[i].bye)
            continue;
        CHECK_ROW_INT(rows[i].name, dialog->confirmed, rows[i].confirmed);
        text = written(dialog, "BYE", sip_dialog_next(dialog));
        CHECK_ROW_TEXT(rows[i].name, text, rows[i].bye);
        CHECK_ROW_INT(rows[i].name, sip_dialog_flow(dialog, NULL, &flow), rows[i].peer != NULL);
        if (rows[i].peer)
            CHECK_ROW_TEXT(rows[i].name, endpoint_format(flow.peer, peer), rows[i].peer);
        CHECK_ROW(rows[i].name, sip_dialog_has_response(dialog, &response));
    }
}

static void
test_server(void)
{
    g_autoptr(sip_dialog) dialog = NULL;
    g_autofree char *text = NULL;
    struct sip_flow flow;
    char peer[ENDPOINT_TEXT];

    decode(INVITE("Contact: <sip:alice@192.0.2.1:5066;transport=tcp>\r\n" ROUTES), &request);
    dialog = sip_dialog_of_request(&request, "mine");
    if (!CHECK(dialog != NULL))
        return;
    text = written(dialog, "BYE", sip_dialog_next(dialog));
    CHECK_ROW_TEXT("routes in order", text,
                   "BYE sip:alice@192.0.2.1:5066;transport=tcp SIP/2.0\r\nRoute: <sip:192.0.2.11;lr>\r\n"
                   "Route: <sip:192.0.2.12;lr>\r\nRoute: <sip:192.0.2.13;lr>\r\nMax-Forwards: 70\r\n"
                   "From: <sip:bob@b.example>;tag=mine\r\nTo: Alice <sip:alice@a.example>;tag=a\r\nCall-ID: id\r\n"
                   "CSeq: 1 BYE\r\n");
    CHECK(sip_dialog_flow(dialog, NULL, &flow));
    CHECK_ROW_TEXT("the first route", endpoint_format(flow.peer, peer), "192.0.2.11:5060");
}

/* Section 12.2.2: whose is it, and in which order. */
static void
test_requests(void)
{
    static const struct {
        const char *name, *text;
        bool has, taken;
        const char *target;
    } rows[] = {
#define IN(method, from, to, id, cseq, more)                                                                           \
    method                                                                                                             \
        " sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK2\r\nFrom: <sip:alice@a.example>" from \
        "\r\nTo: <sip:bob@b.example>" to "\r\nCall-ID: " id "\r\nCSeq: " cseq " " method "\r\n" more                   \
        "Content-Length: 0\r\n\r\n"
        { "another Call-ID", IN("BYE", ";tag=a", ";tag=mine", "other", "8", ""), false, false, NULL },
        { "another tag of ours", IN("BYE", ";tag=a", ";tag=other", "id", "8", ""), false, false, NULL },
        { "another tag of the peer's", IN("BYE", ";tag=x", ";tag=mine", "id", "8", ""), false, false, NULL },
        { "the same number again", IN("OPTIONS", ";tag=a", ";tag=mine", "id", "7", ""), true, false, NULL },
        { "OPTIONS refreshes nothing",
          IN("OPTIONS", ";tag=a", ";tag=mine", "id", "9", "Contact: <sip:x@192.0.2.9>\r\n"), true, true,
          "sip:alice@192.0.2.1" },
        { "a lower number", IN("BYE", ";tag=a", ";tag=mine", "id", "8", ""), true, false, NULL },
        { "re-INVITE from elsewhere",
          IN("INVITE", ";tag=a", ";tag=mine", "id", "12", "Contact: <sip:alice@192.0.2.9>\r\n"), true, true,
          "sip:alice@192.0.2.9" },
        { "BYE", IN("BYE", ";tag=a", ";tag=mine", "id", "13", ""), true, true, "sip:alice@192.0.2.9" },
    };
    g_autoptr(sip_dialog) dialog = NULL;

    decode(INVITE("Contact: <sip:alice@192.0.2.1>\r\n"), &request);
    dialog = sip_dialog_of_request(&request, "mine");
    for (size_t i = 0; dialog && i < G_N_ELEMENTS(rows); i++) {
        decode(rows[i].text, &response);
        CHECK_ROW_INT(rows[i].name, sip_dialog_has_request(dialog, &response), rows[i].has);
        if (!rows[i].has)
            continue;
        CHECK_ROW_INT(rows[i].name, sip_dialog_take_request(dialog, &response), rows[i].taken);
        if (rows[i].target)
            CHECK_ROW_TEXT(rows[i].name, dialog->target, rows[i].target);
    }
}

/* Section 13.2.2.4: the 2xx has the last word about routes and target. */
static void
test_confirm(void)
{
    g_autoptr(sip_dialog) dialog = NULL;

    decode(INVITE(""), &request);
    decode(ANSWER("183 Session Progress", ";tag=b", "Contact: <sip:bob@192.0.2.2>\r\n" ROUTES), &response);
    dialog = sip_dialog_of_response(&request, &response);
    if (!CHECK(dialog != NULL))
        return;
    CHECK_ROW_INT("early", dialog->routes->len, 3);
    decode(ANSWER("200 OK", ";tag=other", ""), &response);
    CHECK_ROW("another branch", !sip_dialog_has_response(dialog, &response));
    decode(ANSWER("200 OK", ";tag=b", "Contact: <sip:bob@192.0.2.3>\r\nRecord-Route: <sip:192.0.2.14;lr>\r\n"),
           &response);
    CHECK(sip_dialog_has_response(dialog, &response));
    sip_dialog_confirm(dialog, &response);
    CHECK_ROW_INT("confirmed", dialog->confirmed, true);
    CHECK_ROW_INT("confirmed", dialog->routes->len, 1);
    CHECK_ROW_TEXT("confirmed", dialog->target, "sip:bob@192.0.2.3");
}

static void
test_too_many_routes(void)
{
    g_autoptr(GString) routes = g_string_new(NULL);
    g_autofree char *text = NULL;

    for (int i = 0; i <= SIP_ROUTES_MOST; i++)
        g_string_append(routes, "Record-Route: <sip:192.0.2.11;lr>\r\n");
    text = g_strdup_printf(INVITE("%s"), routes->str);
    decode(text, &request);
    CHECK(sip_dialog_of_request(&request, "mine") == NULL);
}

void
suite_sip_dialog(void)
{
    UNIT_SUITE("sip dialog", NULL, NULL, { "client", test_client }, { "server", test_server },
               { "requests", test_requests }, { "confirm", test_confirm }, { "too many routes", test_too_many_routes });
}
