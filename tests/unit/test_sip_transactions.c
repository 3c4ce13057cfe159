/* The table of SIP transactions, two tables against each other: RFC 3261 sections 8.2, 9, 17 and 18. */
#include "tests/unit/support.h"

#include "proto/sip/kinds.h"
#include "proto/sip/print.h"
#include "proto/sip/transactions.h"
#include "tests/unit/support_sip.h"

/* One end: what its user heard, and what it does with requests. */
struct end {
    struct sip_transactions *table;
    struct sip_server *server, *cancelled;
    struct sip_client *client;
    unsigned requests, cancels, acks, responses, strays, client_ended, server_ended, failed;
    unsigned last_status;
    enum sip_outcome client_outcome, server_outcome;
    struct sip_flow flow;
    unsigned answer; /* the status that a request gets at once; 0: none */
    bool free_table;
};

static struct sip_net net;
static struct end a, b;

static void
on_response(void *owner, struct sip_client *client, const struct sip_arrival *arrival)
{
    struct end *end = owner;

    CHECK(client == end->client);
    end->responses++;
    end->last_status = arrival->message->status;
    end->flow = arrival->flow;
    if (end->free_table) {
        sip_transactions_free(end->table);
        end->table = NULL;
    }
}

static void
on_client_ended(void *owner, struct sip_client *client, enum sip_outcome outcome)
{
    struct end *end = owner;

    CHECK(client == end->client);
    end->client = NULL;
    end->client_ended++;
    end->client_outcome = outcome;
}

static const struct sip_client_events client_events = { on_response, on_client_ended };

static void
on_server_ended(void *owner, struct sip_server *server, enum sip_outcome outcome)
{
    struct end *end = owner;

    if (server == end->server)
        end->server = NULL;
    end->server_ended++;
    end->server_outcome = outcome;
}

static const struct sip_server_events server_events = { on_server_ended };

static void
on_request(void *owner, struct sip_server *server, const struct sip_arrival *arrival)
{
    struct end *end = owner;

    end->requests++;
    end->server = server;
    end->flow = arrival->flow;
    sip_server_own(server, &server_events, end);
    if (end->answer)
        sip_server_refuse(server, end->answer, span_of(NULL, 0));
}

static void
on_cancel(void *owner, struct sip_server *cancel, struct sip_server *invite, const struct sip_arrival *arrival)
{
    struct end *end = owner;

    CHECK(arrival->message->method_id == SIP_CANCEL);
    end->cancels++;
    end->cancelled = invite;
    sip_server_refuse(cancel, 200, span_of(NULL, 0));
    sip_server_refuse(invite, 487, span_of(NULL, 0));
}

static void
on_ack(void *owner, const struct sip_arrival *arrival)
{
    CHECK(arrival->message->method_id == SIP_ACK);
    ((struct end *)owner)->acks++;
}

static void
on_stray(void *owner, const struct sip_arrival *arrival)
{
    (void)arrival;
    ((struct end *)owner)->strays++;
}

static void
on_failed(void *owner, const struct sip_flow *flow, enum io_result why)
{
    (void)flow, (void)why;
    ((struct end *)owner)->failed++;
}

static const struct sip_transactions_events table_events = {
    .request = on_request,
    .cancel = on_cancel,
    .ack = on_ack,
    .response = on_stray,
    .failed = on_failed,
};

static void
end_open(struct end *end, size_t host, bool tcp)
{
    struct sip_transactions_options options = SIP_TRANSACTIONS_DEFAULTS;
    enum io_result why;

    *end = (struct end){ 0 };
    options.carrier.tcp = tcp;
    options.refuse_merged = true;
    options.agent = "test";
    end->table = sip_transactions_new(&net.hosts[host]->io, &options, &table_events, end, &why);
    CHECK(end->table != NULL);
}

static void
set_up(void)
{
    sip_net_open(&net, 2, 1);
    net.delay = TIME_MS;
    end_open(&a, 0, true);
    end_open(&b, 1, true);
}

static void
tear_down(void)
{
    sip_transactions_free(a.table);
    sip_transactions_free(b.table);
    CHECK(sip_net_close(&net));
}

static struct sip_flow
flow_to(size_t host, enum sip_transport protocol)
{
    return (struct sip_flow){ .protocol = protocol, .peer = sip_net_at(&net, host, SIP_PORT) };
}

static GString *
request_text(const char *method, size_t body)
{
    GString *text = g_string_new(NULL);

    g_string_append_printf(text,
                           "%s sip:b@192.0.2.2 SIP/2.0\r\nMax-Forwards: 70\r\nFrom: <sip:a@192.0.2.1>;tag=1\r\n"
                           "To: <sip:b@192.0.2.2>\r\nCall-ID: one\r\nCSeq: 1 %s\r\nContact: <sip:a@192.0.2.1>\r\n"
                           "Content-Length: %u\r\n\r\n",
                           method, method, (unsigned)body);
    for (size_t i = 0; i < body; i++)
        g_string_append_c(text, 'x');
    return text;
}

static void
send_request(const char *method, enum sip_transport protocol, size_t body)
{
    GString *text = request_text(method, body);
    struct sip_ask ask = {
        .request = span_of(text->str, text->len), .to = flow_to(1, protocol), .events = &client_events, .owner = &a
    };

    a.client = sip_client_new(a.table, &ask);
    CHECK(a.client != NULL);
    g_string_free(text, TRUE);
}

/* ---- the plain ways */

static void
test_exchange(void)
{
    static const struct {
        const char *name, *method;
        enum sip_transport protocol;
        unsigned status;
    } rows[] = {
        { "OPTIONS over UDP", "OPTIONS", SIP_UDP, 200 },         { "OPTIONS over TCP", "OPTIONS", SIP_TCP, 200 },
        { "INVITE refused, UDP", "INVITE", SIP_UDP, 486 },       { "INVITE refused, TCP", "INVITE", SIP_TCP, 486 },
        { "INVITE taken, UDP", "INVITE", SIP_UDP, 200 },         { "INVITE taken, TCP", "INVITE", SIP_TCP, 200 },
        { "a method nobody knows", "FROBNICATE", SIP_UDP, 501 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        tear_down();
        set_up();
        b.answer = rows[i].status;
        send_request(rows[i].method, rows[i].protocol, 0);
        CHECK_ROW_INT(rows[i].name, a.responses, 0);
        sip_net_pass(&net, 100 * TIME_MS);
        CHECK_ROW_INT(rows[i].name, b.requests, 1);
        CHECK_ROW_INT(rows[i].name, a.responses, 1);
        CHECK_ROW_INT(rows[i].name, a.last_status, rows[i].status);
        CHECK_ROW_INT(rows[i].name, b.acks, 0);
        sip_net_pass(&net, 80 * TIME_S);
        CHECK_ROW_INT(rows[i].name, b.requests, 1);
        CHECK_ROW_INT(rows[i].name, a.responses, 1);
        CHECK_ROW_INT(rows[i].name, a.client_ended, 1);
        CHECK_ROW_INT(rows[i].name, a.client_outcome, SIP_OUTCOME_DONE);
        CHECK_ROW_INT(rows[i].name, b.server_ended, 1);
        CHECK_ROW_INT(rows[i].name, b.server_outcome, SIP_OUTCOME_DONE);
        CHECK_ROW_INT(rows[i].name, sip_transactions_count(a.table) + sip_transactions_count(b.table), 0);
    }
}

/* The response comes back to the port that the request came from, from the one it came to. */
static void
test_via(void)
{
    struct sip_message message;
    struct sip_via via;
    struct sip_values values;
    struct span value;

    send_request("OPTIONS", SIP_UDP, 0);
    CHECK(sip_message_decode(sip_client_request(a.client), &message) == SIP_FAULT_NONE);
    values = sip_values_of(&message, SIP_HEADER_VIA);
    CHECK(sip_values_next(&values, &value) && sip_via_decode(value, &via));
    CHECK(via.has_rport && via.rport == 0);
    CHECK(endpoint_equal((struct endpoint){ via.sent_by.address, via.sent_by.port }, sip_net_at(&net, 0, SIP_PORT)));
    CHECK(sip_transactions_is_own(a.table, &via));
    CHECK(!sip_transactions_is_own(b.table, &via));
    CHECK(span_equal(via.branch, sip_client_branch(a.client)));
}

/* Everything is sent again until it arrives. */
static void
test_loss(void)
{
    static const struct {
        const char *name, *method, *lost;
        unsigned times, status, sent; /* how often what is lost is sent */
    } rows[] = {
        { "an OPTIONS", "OPTIONS", "OPTIONS", 3, 200, 4 },        { "its answer", "OPTIONS", "SIP/2.0 200", 2, 200, 3 },
        { "an INVITE", "INVITE", "INVITE", 3, 486, 4 },           { "its refusal", "INVITE", "SIP/2.0 486", 2, 486, 3 },
        { "the ACK of the refusal", "INVITE", "ACK", 2, 486, 3 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        tear_down();
        set_up();
        b.answer = rows[i].status;
        net.lose_with = rows[i].lost;
        net.lose_times = rows[i].times;
        send_request(rows[i].method, SIP_UDP, 0);
        sip_net_pass(&net, 80 * TIME_S);
        CHECK_ROW_INT(rows[i].name, a.responses, 1);
        CHECK_ROW_INT(rows[i].name, a.last_status, rows[i].status);
        CHECK_ROW_INT(rows[i].name, b.requests, 1);
        CHECK_ROW_INT(rows[i].name, sip_net_count(&net, SIP_NET_HOSTS, rows[i].lost), rows[i].sent);
        CHECK_ROW_INT(rows[i].name, b.server_outcome, SIP_OUTCOME_DONE);
        CHECK_ROW_INT(rows[i].name, sip_transactions_count(a.table) + sip_transactions_count(b.table), 0);
    }
}

static void
test_no_answer(void)
{
    static const struct {
        const char *name, *method;
        unsigned sent;
    } rows[] = { { "INVITE", "INVITE", 7 }, { "OPTIONS", "OPTIONS", 11 } };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        tear_down();
        set_up();
        net.lose = 100;
        send_request(rows[i].method, SIP_UDP, 0);
        CHECK_ROW(rows[i].name, fake_io_busy(net.hosts[0]));
        sip_net_pass(&net, 32 * TIME_S - 1);
        CHECK_ROW_INT(rows[i].name, a.client_ended, 0);
        sip_net_pass(&net, 1);
        CHECK_ROW_INT(rows[i].name, a.client_ended, 1);
        CHECK_ROW_INT(rows[i].name, a.client_outcome, SIP_OUTCOME_TIMEOUT);
        CHECK_ROW_INT(rows[i].name, sip_net_count(&net, 0, rows[i].method), rows[i].sent);
        CHECK_ROW_INT(rows[i].name, fake_io_noted(net.hosts[0], &sip_kind_again), rows[i].sent - 1);
        CHECK_ROW_INT(rows[i].name, fake_io_noted(net.hosts[0], &sip_kind_unanswered), 1);
        CHECK_ROW(rows[i].name, !fake_io_busy(net.hosts[0]));
    }
}

/* A refusal whose ACK never comes: H. */
static void
test_no_ack(void)
{
    b.answer = 404;
    net.lose_with = "ACK";
    net.lose_times = 1000;
    send_request("INVITE", SIP_UDP, 0);
    sip_net_pass(&net, 80 * TIME_S);
    CHECK_ROW_INT("sent", sip_net_count(&net, 1, "SIP/2.0 404"), 11);
    CHECK_ROW_INT("end", b.server_outcome, SIP_OUTCOME_TIMEOUT);
    CHECK_ROW_INT("told once", a.responses, 1);
}

/* 100 after 200 ms; the INVITE again gets the last provisional response. */
static void
test_trying(void)
{
    send_request("INVITE", SIP_UDP, 0);
    sip_net_pass(&net, 199 * TIME_MS);
    CHECK_ROW_INT("before 200 ms", a.responses, 0);
    sip_net_pass(&net, 10 * TIME_MS);
    CHECK_ROW_INT("after 200 ms", a.last_status, 100);
    sip_server_refuse(b.server, 180, span_of(NULL, 0));
    sip_net_pass(&net, 10 * TIME_MS);
    CHECK_ROW_INT("ringing", a.last_status, 180);
    sip_net_pass(&net, 100 * TIME_S);
    CHECK_ROW_INT("it rings as long as it likes", a.client_ended, 0);
    CHECK_ROW("and keeps nothing busy", !fake_io_busy(net.hosts[0]) && !fake_io_busy(net.hosts[1]));
    sip_server_refuse(b.server, 603, span_of(NULL, 0));
    sip_net_pass(&net, 100 * TIME_S);
    CHECK_ROW_INT("declined", a.last_status, 603);
    CHECK_ROW_INT("the end", a.client_ended, 1);
}

/* A 2xx to an INVITE is the users': each copy is told, and sent as often as it is handed in. */
static void
test_accepted(void)
{
    char ack[] = "ACK sip:b@192.0.2.2 SIP/2.0\r\nMax-Forwards: 70\r\nFrom: <sip:a@192.0.2.1>;tag=1\r\n"
                 "To: <sip:b@192.0.2.2>;tag=2\r\nCall-ID: one\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n";
    struct sip_flow flow = flow_to(1, SIP_UDP);

    send_request("INVITE", SIP_UDP, 0);
    sip_net_pass(&net, 10 * TIME_MS);
    for (unsigned i = 1; i <= 3; i++) {
        sip_server_refuse(b.server, 200, span_of(NULL, 0));
        sip_net_pass(&net, 10 * TIME_MS);
        CHECK_ROW_INT("told", a.responses, i);
    }
    CHECK(sip_transactions_send_request(a.table, &flow, span_of_text(ack), span_of(NULL, 0)) == IO_OK);
    sip_net_pass(&net, 10 * TIME_MS);
    CHECK_ROW_INT("ACK", b.acks, 1);
    CHECK_ROW_INT("state", sip_client_state(a.client), SIP_STATE_ACCEPTED);
    sip_net_pass(&net, 40 * TIME_S);
    CHECK_ROW_INT("the end", a.client_ended, 1);
    CHECK_ROW_INT("the end", b.server_ended, 1);
}

/* ---- CANCEL */

static void
test_cancel(void)
{
    send_request("INVITE", SIP_UDP, 0);
    sip_client_cancel(a.client); /* nothing has come yet: it waits (section 9.1) */
    sip_net_pass(&net, 150 * TIME_MS);
    CHECK_ROW_INT("before a provisional response", sip_net_count(&net, 0, "CANCEL"), 0);
    sip_net_pass(&net, 100 * TIME_MS);
    CHECK_ROW_INT("after the 100", sip_net_count(&net, 0, "CANCEL"), 1);
    CHECK_ROW_INT("taken", b.cancels, 1);
    CHECK_ROW("of the INVITE", b.cancelled && b.requests == 1);
    CHECK_ROW_INT("the end of the INVITE", a.last_status, 487);
    sip_client_cancel(a.client);
    sip_net_pass(&net, 80 * TIME_S);
    CHECK_ROW_INT("once", sip_net_count(&net, 0, "CANCEL"), 1);
    CHECK_ROW_INT("all over", sip_transactions_count(a.table) + sip_transactions_count(b.table), 0);
}

/* The other side has heard of no INVITE: 481; and a CANCEL to which nobody reacts ends the INVITE by a timeout. */
static void
test_cancel_alone(void)
{
    send_request("CANCEL", SIP_UDP, 0);
    sip_net_pass(&net, TIME_S);
    CHECK_ROW_INT("481", a.last_status, 481);
    CHECK_ROW_INT("not told", b.cancels, 0);
    sip_net_pass(&net, 80 * TIME_S);

    send_request("INVITE", SIP_UDP, 0);
    sip_net_pass(&net, 300 * TIME_MS);
    net.lose = 100;
    sip_client_cancel(a.client);
    sip_net_pass(&net, 32 * TIME_S - 1);
    CHECK_ROW_INT("64*T1", a.client_ended, 1); /* that of the first CANCEL */
    sip_net_pass(&net, 1);
    CHECK_ROW_INT("64*T1", a.client_ended, 2);
    CHECK_ROW_INT("64*T1", a.client_outcome, SIP_OUTCOME_TIMEOUT);
    net.lose = 0;
    sip_server_refuse(b.server, 487, span_of(NULL, 0));
    sip_net_pass(&net, 80 * TIME_S);
}

/* ---- matching */

static void
raw(size_t from, const char *text)
{
    (void)fake_io_deliver(net.hosts[1], sip_net_at(&net, 1, SIP_PORT), sip_net_at(&net, from, 5062),
                          span_of_text(text));
    sip_net_pass(&net, 10 * TIME_MS);
}

#define HEAD(method, via, totag, cseq)                                                                                 \
    method " sip:b@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP " via                                                         \
           "\r\nFrom: <sip:a@192.0.2.1>;tag=f\r\nTo: <sip:b@c>" totag "\r\nCall-ID: raw\r\nCSeq: 7 " cseq              \
           "\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"

static void
test_matching(void)
{
    static const struct {
        const char *name, *first, *second;
        unsigned requests, cancels, acks, merged;
    } rows[] = {
        { "the same again", HEAD("OPTIONS", "192.0.2.1:5062;branch=z9hG4bKx", "", "OPTIONS"),
          HEAD("OPTIONS", "192.0.2.1:5062;branch=z9hG4bKx", "", "OPTIONS"), 1, 0, 0, 0 },
        { "another branch is another transaction, and merged",
          HEAD("OPTIONS", "192.0.2.1:5062;branch=z9hG4bKx", "", "OPTIONS"),
          HEAD("OPTIONS", "192.0.2.1:5062;branch=z9hG4bKy", "", "OPTIONS"), 1, 0, 0, 1 },
        { "in a dialog nothing is merged", HEAD("OPTIONS", "192.0.2.1:5062;branch=z9hG4bKx", ";tag=t", "OPTIONS"),
          HEAD("OPTIONS", "192.0.2.1:5062;branch=z9hG4bKy", ";tag=t", "OPTIONS"), 2, 0, 0, 0 },
        { "another sent-by", HEAD("OPTIONS", "192.0.2.1:5062;branch=z9hG4bKx", ";tag=t", "OPTIONS"),
          HEAD("OPTIONS", "192.0.2.1:5063;branch=z9hG4bKx", ";tag=t", "OPTIONS"), 2, 0, 0, 0 },
        { "a host is a host in any case", HEAD("OPTIONS", "Host.example;branch=z9hG4bKx", "", "OPTIONS"),
          HEAD("OPTIONS", "host.EXAMPLE:5060;branch=z9hG4bKx", "", "OPTIONS"), 1, 0, 0, 0 },
        { "another method", HEAD("OPTIONS", "192.0.2.1:5062;branch=z9hG4bKx", "", "OPTIONS"),
          HEAD("INFO", "192.0.2.1:5062;branch=z9hG4bKx", "", "INFO"), 2, 0, 0, 0 },
        { "CANCEL of an INVITE", HEAD("INVITE", "192.0.2.1:5062;branch=z9hG4bKx", "", "INVITE"),
          HEAD("CANCEL", "192.0.2.1:5062;branch=z9hG4bKx", "", "CANCEL"), 1, 1, 0, 0 },
        { "CANCEL of another", HEAD("INVITE", "192.0.2.1:5062;branch=z9hG4bKx", "", "INVITE"),
          HEAD("CANCEL", "192.0.2.1:5062;branch=z9hG4bKy", "", "CANCEL"), 1, 0, 0, 0 },
        { "RFC 2543: the same again", HEAD("INVITE", "192.0.2.1:5062;branch=1", "", "INVITE"),
          HEAD("INVITE", "192.0.2.1:5062;branch=1", "", "INVITE"), 1, 0, 0, 0 },
        { "RFC 2543: no branch", HEAD("INVITE", "192.0.2.1:5062", "", "INVITE"),
          HEAD("INVITE", "192.0.2.1:5062", "", "INVITE"), 1, 0, 0, 0 },
        { "RFC 2543: CANCEL", HEAD("INVITE", "192.0.2.1:5062", "", "INVITE"),
          HEAD("CANCEL", "192.0.2.1:5062", "", "CANCEL"), 1, 1, 0, 0 },
        { "an ACK of nothing", HEAD("OPTIONS", "192.0.2.1:5062;branch=z9hG4bKx", "", "OPTIONS"),
          HEAD("ACK", "192.0.2.1:5062;branch=z9hG4bKy", ";tag=2", "ACK"), 1, 0, 1, 0 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        tear_down();
        set_up();
        raw(0, rows[i].first);
        raw(0, rows[i].second);
        CHECK_ROW_INT(rows[i].name, b.requests, rows[i].requests);
        CHECK_ROW_INT(rows[i].name, b.cancels, rows[i].cancels);
        CHECK_ROW_INT(rows[i].name, b.acks, rows[i].acks);
        CHECK_ROW_INT(rows[i].name, sip_transactions_counters(b.table)->merged, rows[i].merged);
        CHECK_ROW_INT(rows[i].name, sip_net_count(&net, 1, "SIP/2.0 482"), rows[i].merged);
    }
}

/* Section 17.2.3: the To tag of an old ACK must be the response's. */
static void
test_old_ack(void)
{
    static const struct {
        const char *name;
        bool right;
        enum sip_state state;
    } rows[] = { { "the right tag", true, SIP_STATE_CONFIRMED }, { "another tag", false, SIP_STATE_COMPLETED } };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct sip_reply reply = { .status = 486, .tag = span_of_text("mine") };
        uint8_t buffer[1024];
        struct writer out = writer_over(buffer, sizeof buffer);

        tear_down();
        set_up();
        raw(0, HEAD("INVITE", "192.0.2.1:5062", "", "INVITE"));
        sip_put_reply(&out, sip_server_request(b.server), &reply);
        sip_put_end(&out, NULL, span_of(NULL, 0));
        sip_server_respond(b.server, 486, writer_span(&out));
        raw(0, rows[i].right ? HEAD("ACK", "192.0.2.1:5062", ";tag=mine", "ACK")
                             : HEAD("ACK", "192.0.2.1:5062", ";tag=other", "ACK"));
        CHECK_ROW_INT(rows[i].name, sip_server_state(b.server), rows[i].state);
        CHECK_ROW_INT(rows[i].name, b.acks, !rows[i].right);
    }
}

/* A response whose Via something on the way has changed belongs to nothing (section 18.1.2). */
static void
test_strays(void)
{
    static const char format[] = "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP %s;branch=%s\r\nFrom: <sip:a@b>;tag=1\r\n"
                                 "To: <sip:b@c>;tag=2\r\nCall-ID: one\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";
    static const struct {
        const char *name, *sent_by, *branch; /* NULL: the right one */
        unsigned responses, strays, dropped;
    } rows[] = {
        { "the right one", "192.0.2.1:5060", NULL, 1, 0, 0 },
        { "the port is the usual one", "192.0.2.1", NULL, 1, 0, 0 },
        { "another branch", "192.0.2.1:5060", "z9hG4bKother", 0, 1, 0 },
        { "another address", "10.0.0.1:5060", NULL, 0, 0, 1 },
        { "another port", "192.0.2.1:5061", NULL, 0, 0, 1 },
        { "neither", "10.0.0.1:5061", "z9hG4bKother", 0, 0, 1 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = NULL;

        tear_down();
        set_up();
        net.lose = 100;
        send_request("OPTIONS", SIP_UDP, 0);
        text = g_strdup_printf(format, rows[i].sent_by,
                               rows[i].branch ? rows[i].branch : (const char *)sip_client_branch(a.client).bytes);
        fake_io_deliver(net.hosts[0], sip_net_at(&net, 0, SIP_PORT), sip_net_at(&net, 1, SIP_PORT), span_of_text(text));
        CHECK_ROW_INT(rows[i].name, a.responses, rows[i].responses);
        CHECK_ROW_INT(rows[i].name, a.strays, rows[i].strays);
        CHECK_ROW_INT(rows[i].name, fake_io_noted(net.hosts[0], &sip_kind_dropped), rows[i].dropped);
    }
}

/* ---- what cannot be sent */

static void
test_unreachable(void)
{
    send_request("INVITE", SIP_UDP, 0);
    sip_net_pass(&net, 0);
    fake_io_deliver_icmp(net.hosts[0], sip_net_at(&net, 0, SIP_PORT), sip_net_at(&net, 1, SIP_PORT), 3, 3);
    sip_net_pass(&net, 0);
    CHECK_ROW_INT("port unreachable", a.client_outcome, SIP_OUTCOME_UNREACHABLE);
    CHECK_ROW_INT("port unreachable", a.failed, 1);

    net.hosts[0]->send_result = IO_NO_ROUTE;
    send_request("OPTIONS", SIP_UDP, 0);
    CHECK_ROW_INT("never from inside the call", a.client_ended, 1);
    sip_net_pass(&net, 0);
    CHECK_ROW_INT("no route", a.client_ended, 2);
    CHECK_ROW_INT("no route", a.client_outcome, SIP_OUTCOME_UNREACHABLE);
    net.hosts[0]->send_result = IO_FULL;
    send_request("OPTIONS", SIP_UDP, 0);
    sip_net_pass(&net, TIME_S);
    CHECK_ROW_INT("no room is a loss", a.client_ended, 2);
    net.hosts[0]->send_result = IO_OK;
    b.answer = 200;
    sip_net_pass(&net, 10 * TIME_S);
    CHECK_ROW_INT("and is sent again", a.last_status, 200);
    sip_net_pass(&net, 30 * TIME_S);
}

static void
test_refused_connection(void)
{
    sip_transactions_free(b.table);
    b.table = NULL;
    send_request("OPTIONS", SIP_TCP, 0);
    sip_net_pass(&net, TIME_S);
    CHECK_ROW_INT("nobody listens", a.client_ended, 1);
    CHECK_ROW_INT("nobody listens", a.client_outcome, SIP_OUTCOME_UNREACHABLE);
}

/* Section 18.1.1: more than 1300 bytes go over TCP, or over UDP after all. */
static void
test_long(void)
{
    b.answer = 200;
    send_request("MESSAGE", SIP_UDP, 1400);
    sip_net_pass(&net, TIME_S);
    CHECK_ROW_INT("over TCP", a.last_status, 200);
    CHECK_ROW_INT("over TCP", b.flow.protocol, SIP_TCP);
    CHECK_ROW_INT("no datagram", net.lines->len, 0);
    CHECK_ROW_INT("told", fake_io_noted(net.hosts[0], &sip_kind_long_request), 1);
    sip_net_pass(&net, 40 * TIME_S);

    sip_transactions_free(b.table);
    end_open(&b, 1, false);
    b.answer = 200;
    fake_io_break_streams(net.hosts[0]);
    a = (struct end){ .table = a.table };
    send_request("MESSAGE", SIP_UDP, 1400);
    sip_net_pass(&net, TIME_S);
    CHECK_ROW_INT("no TCP there", a.last_status, 200);
    CHECK_ROW_INT("over UDP", b.flow.protocol, SIP_UDP);
    CHECK_ROW_INT("counted", sip_transactions_counters(a.table)->fallbacks, 1);
    sip_net_pass(&net, 40 * TIME_S);
}

/* Answers take the connection of their request; when it is gone, a new one to where the Via says. */
static void
test_connection_gone(void)
{
    send_request("INVITE", SIP_TCP, 0);
    sip_net_pass(&net, 100 * TIME_MS);
    CHECK_ROW_INT("it came", b.requests, 1);
    CHECK_ROW_INT("one connection", sip_carrier_connections(sip_transactions_carrier(b.table)), 1);
    sip_carrier_close(sip_transactions_carrier(b.table), b.flow.connection);
    sip_server_refuse(b.server, 486, span_of(NULL, 0));
    sip_net_pass(&net, 100 * TIME_MS);
    CHECK_ROW_INT("to the port of the Via", sip_carrier_counters(sip_transactions_carrier(b.table))->connected, 1);
    CHECK_ROW_INT("taken", sip_carrier_counters(sip_transactions_carrier(a.table))->accepted, 1);
    sip_net_pass(&net, 80 * TIME_S);
    CHECK_ROW_INT("all over", sip_transactions_count(a.table) + sip_transactions_count(b.table), 0);
}

/* ---- limits, life */

static void
test_limits(void)
{
    struct sip_transactions_options options = SIP_TRANSACTIONS_DEFAULTS;
    enum io_result why;
    char text[600];

    sip_transactions_free(b.table);
    options.servers = 2;
    options.clients = 1;
    b.table = sip_transactions_new(&net.hosts[1]->io, &options, &table_events, &b, &why);
    for (int i = 0; i < 4; i++) {
        g_snprintf(text, sizeof text, HEAD("OPTIONS", "192.0.2.1:5062;branch=z9hG4bK%d", "", "OPTIONS"), i);
        raw(0, text);
    }
    CHECK_ROW_INT("servers", b.requests, 2);
    CHECK_ROW_INT("503", sip_net_count(&net, 1, "SIP/2.0 503"), 2);
    CHECK_ROW_INT("counted", sip_transactions_counters(b.table)->over_limit, 2);
    {
        GString *request = request_text("OPTIONS", 0);
        struct sip_ask ask = { span_of(request->str, request->len), flow_to(0, SIP_UDP), NULL, NULL };

        CHECK(sip_client_new(b.table, &ask) != NULL);
        CHECK_ROW("clients", sip_client_new(b.table, &ask) == NULL);
        g_string_free(request, TRUE);
    }
}

static void
test_forget(void)
{
    b.answer = 200;
    send_request("OPTIONS", SIP_UDP, 0);
    sip_client_forget(a.client);
    sip_net_pass(&net, 80 * TIME_S);
    CHECK_ROW_INT("silent", a.responses + a.client_ended, 0);
    CHECK_ROW_INT("gone", sip_transactions_count(a.table), 0);
}

static void
test_freed_when_told(void)
{
    static const enum sip_transport protocols[] = { SIP_UDP, SIP_TCP };

    for (size_t i = 0; i < G_N_ELEMENTS(protocols); i++) {
        tear_down();
        set_up();
        b.answer = 200;
        a.free_table = true;
        send_request("OPTIONS", protocols[i], 0);
        sip_net_pass(&net, TIME_S);
        CHECK_ROW_INT("told", a.responses, 1);
        CHECK_ROW("freed", a.table == NULL);
    }
}

void
suite_sip_transactions(void)
{
    UNIT_SUITE("sip transactions", set_up, tear_down, { "exchange", test_exchange }, { "via", test_via },
               { "loss", test_loss }, { "no answer", test_no_answer }, { "no ACK", test_no_ack },
               { "trying", test_trying }, { "accepted", test_accepted }, { "cancel", test_cancel },
               { "cancel alone", test_cancel_alone }, { "matching", test_matching }, { "old ACK", test_old_ack },
               { "strays", test_strays }, { "unreachable", test_unreachable },
               { "refused connection", test_refused_connection }, { "long", test_long },
               { "connection gone", test_connection_gone }, { "limits", test_limits }, { "forget", test_forget },
               { "freed when told", test_freed_when_told });
}
