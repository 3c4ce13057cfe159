/* The SIP user agent: two phones, and a registrar played by hand. RFC 3261 sections 8 to 15 and 22, RFC 3264, RFC 5626. */
#include "tests/unit/support.h"

#include "proto/sip/agent.h"
#include "proto/sip/agent_kinds.h"
#include "proto/sip/digest.h"
#include "proto/sip/print.h"
#include "tests/unit/support_sip.h"

/* ---- media made of nothing: descriptions are texts with a number */

struct fake_media {
    struct phone *phone;
    unsigned offers, answers, taken, early, withdrawn;
    bool held;
    char *last; /* what the peer said last */
};

struct phone {
    struct sip_agent *agent;
    struct sip_call *call;
    GString *log; /* what was told, in words */
    struct endpoint contact, mapped;
    bool answer;                    /* a call that comes, at once */
    bool later, refuse, bad_answer; /* the media */
    unsigned media_open, media_closed;
    struct fake_media last;
    enum sip_agent_event free_at;
    bool frees;
};

static struct sip_net net;
static struct phone a, b;

static void *
media_open(void *owner, struct sip_call *call, void *wish)
{
    struct fake_media *media = g_new0(struct fake_media, 1);

    (void)call, (void)wish;
    media->phone = owner;
    media->phone->media_open++;
    return media;
}

static enum sip_media_step
media_offer(void *data, GString *out)
{
    struct fake_media *media = data;

    if (media->phone->later)
        return SIP_MEDIA_LATER;
    if (media->phone->refuse)
        return SIP_MEDIA_REFUSED;
    g_string_append_printf(out, "offer %u%s", ++media->offers, media->held ? " held" : "");
    return SIP_MEDIA_READY;
}

static void
hear(struct fake_media *media, struct span text)
{
    g_free(media->last);
    media->last = text.length ? g_strndup((const char *)text.bytes, text.length) : g_strdup("");
}

static enum sip_media_step
media_answer(void *data, struct span offer, GString *out)
{
    struct fake_media *media = data;

    if (media->phone->later)
        return SIP_MEDIA_LATER;
    if (media->phone->refuse)
        return SIP_MEDIA_REFUSED;
    hear(media, offer);
    g_string_append_printf(out, "answer %u", ++media->answers);
    return SIP_MEDIA_READY;
}

static bool
media_take(void *data, struct span answer, bool early)
{
    struct fake_media *media = data;

    hear(media, answer);
    media->taken++;
    media->early += early;
    return !media->phone->bad_answer && answer.length > 0;
}

static void
media_withdraw(void *data)
{
    ((struct fake_media *)data)->withdrawn++;
}

static void
media_hold(void *data, bool held)
{
    ((struct fake_media *)data)->held = held;
}

static void
media_close(void *data)
{
    struct fake_media *media = data;
    struct phone *phone = media->phone;

    phone->media_closed++;
    g_free(phone->last.last);
    phone->last = *media;
    g_free(media);
}

static const struct sip_media_policy policy = { media_open,     media_offer, media_answer, media_take,
                                                media_withdraw, media_hold,  media_close };

/* ---- phones */

static void
on_told(void *owner, struct sip_agent *agent, const struct sip_agent_news *news)
{
    static const char *const words[] = { "registered", "register-failed", "unregistered", "lapsed", "offered",
                                         "ringing",    "answered",        "changed",      "ended" };
    struct phone *phone = owner;

    CHECK(agent == phone->agent);
    g_string_append_printf(phone->log, "%s%s", phone->log->len ? " " : "", words[news->event]);
    if (news->event == SIP_CALL_ENDED || news->event == SIP_AGENT_REGISTER_FAILED)
        g_string_append_printf(phone->log, ":%s", sip_why_word(news->why));
    if (news->event == SIP_CALL_RINGING || news->event == SIP_CALL_CHANGED ||
        ((news->event == SIP_CALL_ENDED || news->event == SIP_AGENT_REGISTER_FAILED) && news->status))
        g_string_append_printf(phone->log, ":%u", news->status);
    if (news->event == SIP_AGENT_REGISTERED) {
        phone->contact = news->contact;
        phone->mapped = news->mapped;
    }
    if (news->event == SIP_CALL_OFFERED) {
        phone->call = news->call;
        sip_call_ring(news->call);
        if (phone->answer)
            sip_call_answer(news->call);
    }
    if (news->event == SIP_CALL_ENDED && phone->call == news->call)
        phone->call = NULL;
    if (phone->frees && news->event == phone->free_at) {
        sip_agent_free(agent);
        phone->agent = NULL;
    }
}

static struct sip_agent_options
phone_options(const char *user)
{
    struct sip_agent_options options = SIP_AGENT_DEFAULTS;

    options.user = user;
    options.domain = "example.com";
    return options;
}

static void
phone_open(struct phone *phone, size_t host, const struct sip_agent_options *options)
{
    enum io_result why;

    sip_agent_free(phone->agent);
    phone->agent = sip_agent_new(&net.hosts[host]->io, options, &policy, phone, on_told, phone, &why);
    CHECK(phone->agent != NULL);
}

static void
set_up_seeded(uint64_t seed)
{
    struct sip_agent_options options = phone_options("alice");

    sip_net_open(&net, 3, seed);
    net.delay = 10 * TIME_MS;
    a = (struct phone){ .log = g_string_new(NULL) };
    b = (struct phone){ .log = g_string_new(NULL), .answer = true };
    phone_open(&a, 0, &options);
    options.user = "bob";
    phone_open(&b, 1, &options);
}

static void
set_up(void)
{
    set_up_seeded(1);
}

static void
phone_close(struct phone *phone)
{
    sip_agent_free(phone->agent);
    CHECK_ROW_INT("media closed", phone->media_closed, phone->media_open);
    g_string_free(phone->log, TRUE);
    g_free(phone->last.last);
}

static void
tear_down(void)
{
    phone_close(&a);
    phone_close(&b);
    CHECK(sip_net_close(&net));
}

static void
call(const char *uri)
{
    a.call = sip_agent_call(a.agent, uri, NULL);
    CHECK_ROW(uri, a.call != NULL);
}

#define BOB "sip:bob@192.0.2.2"

/* ---- calls */

static void
test_call(void)
{
    static const struct {
        const char *name, *uri;
        bool late, caller_hangs_up;
        const char *a, *b;
    } rows[] = {
        { "the caller hangs up", BOB, false, true, "ringing:180 answered ended:hangup",
          "offered answered ended:peer-hangup" },
        { "the callee hangs up", BOB, false, false, "ringing:180 answered ended:peer-hangup",
          "offered answered ended:hangup" },
        { "the callee offers", BOB, true, true, "ringing:180 answered ended:hangup",
          "offered answered ended:peer-hangup" },
        { "over TCP", BOB ";transport=tcp", false, true, "ringing:180 answered ended:hangup",
          "offered answered ended:peer-hangup" },
        { "over TCP, the callee hangs up", BOB ";transport=tcp", false, false, "ringing:180 answered ended:peer-hangup",
          "offered answered ended:hangup" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct sip_agent_options options = phone_options("alice");

        tear_down();
        set_up();
        options.late_offer = rows[i].late;
        phone_open(&a, 0, &options);
        call(rows[i].uri);
        sip_net_pass(&net, TIME_S);
        if (!CHECK_ROW(rows[i].name, a.call && b.call && sip_call_state(a.call) == SIP_CALL_STANDING &&
                                         sip_call_state(b.call) == SIP_CALL_STANDING)) {
            printf("%s | %s\n", a.log->str, b.log->str);
            sip_net_print(&net);
            continue;
        }
        CHECK_ROW_TEXT(rows[i].name, sip_call_peer(b.call), "sip:alice@example.com");
        CHECK_ROW_TEXT(rows[i].name, sip_call_id(a.call), sip_call_id(b.call));
        sip_call_hangup(rows[i].caller_hangs_up ? a.call : b.call);
        sip_net_pass(&net, TIME_S);
        CHECK_ROW_TEXT(rows[i].name, a.log->str, rows[i].a);
        CHECK_ROW_TEXT(rows[i].name, b.log->str, rows[i].b);
        CHECK_ROW_TEXT(rows[i].name, a.last.last, rows[i].late ? "offer 1" : "answer 1");
        CHECK_ROW_TEXT(rows[i].name, b.last.last, rows[i].late ? "answer 1" : "offer 1");
        CHECK_ROW_INT(rows[i].name, sip_agent_calls(a.agent) + sip_agent_calls(b.agent), 0);
        sip_net_pass(&net, TIME_MIN);
        CHECK_ROW_INT(rows[i].name, sip_transactions_count(sip_agent_transactions(a.agent)), 0);
        CHECK_ROW_INT(rows[i].name, sip_transactions_count(sip_agent_transactions(b.agent)), 0);
    }
}

static void
test_refusals(void)
{
    static const struct {
        const char *name;
        unsigned status;
        const char *a, *b;
    } rows[] = {
        { "busy", 486, "ringing:180 ended:rejected:486", "offered ended:rejected:486" },
        { "declined", 603, "ringing:180 ended:rejected:603", "offered ended:rejected:603" },
        { "a status that is none", 42, "ringing:180 ended:rejected:603", "offered ended:rejected:42" },
        { "moved", 302, "ringing:180 ended:rejected:302", "offered ended:rejected:302" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        tear_down();
        set_up();
        b.answer = false;
        call(BOB);
        sip_net_pass(&net, TIME_S);
        sip_call_reject(b.call, rows[i].status);
        sip_net_pass(&net, TIME_S);
        CHECK_ROW_TEXT(rows[i].name, a.log->str, rows[i].a);
        CHECK_ROW_TEXT(rows[i].name, b.log->str, rows[i].b);
    }
}

static void
test_busy(void)
{
    struct sip_agent_options options = phone_options("bob");

    options.calls = 1;
    phone_open(&b, 1, &options);
    call(BOB);
    sip_net_pass(&net, TIME_S);
    call(BOB);
    sip_net_pass(&net, TIME_S);
    CHECK_ROW_TEXT("the second", a.log->str, "ringing:180 answered ended:rejected:486");
    CHECK_ROW("and never a third of ours", sip_agent_call(b.agent, "sip:alice@192.0.2.1", NULL) == NULL);
}

static void
test_cancel(void)
{
    b.answer = false;
    call(BOB);
    sip_net_pass(&net, TIME_S);
    sip_call_hangup(a.call);
    sip_net_pass(&net, TIME_S);
    CHECK_ROW_TEXT("the caller", a.log->str, "ringing:180 ended:cancelled:487");
    CHECK_ROW_TEXT("the callee", b.log->str, "offered ended:cancelled:487");
    CHECK_ROW_INT("CANCEL", sip_net_count(&net, 0, "CANCEL"), 1);
    CHECK_ROW_INT("no BYE", sip_net_count(&net, SIP_NET_HOSTS, "BYE"), 0);
}

/* The answer was on its way: it is acknowledged, and hung up. */
static void
test_cancel_too_late(void)
{
    b.answer = false;
    call(BOB);
    sip_net_pass(&net, 15 * TIME_MS);
    sip_call_answer(b.call);
    sip_call_hangup(a.call); /* waits for a provisional response; that and the 200 come together */
    sip_net_pass(&net, 5 * TIME_S);
    CHECK_ROW_TEXT("the caller", a.log->str, "ended:cancelled");
    CHECK_ROW_TEXT("the callee", b.log->str, "offered answered ended:peer-hangup");
    CHECK_ROW_INT("ACK", sip_net_count(&net, 0, "ACK"), 1);
    CHECK_ROW_INT("BYE", sip_net_count(&net, 0, "BYE"), 1);
}

static void
test_nobody(void)
{
    call("sip:carol@192.0.2.3");
    sip_net_pass(&net, 32 * TIME_S - 1);
    CHECK_ROW_TEXT("waits", a.log->str, "");
    sip_net_pass(&net, 1);
    CHECK_ROW_TEXT("nobody there", a.log->str, "ended:timeout");
    g_string_truncate(a.log, 0);
    call("sip:carol@carol.example");
    CHECK_ROW_TEXT("not from inside the call", a.log->str, "");
    sip_net_pass(&net, 0);
    CHECK_ROW_TEXT("a name that nobody knows", a.log->str, "ended:unreachable");
    g_string_truncate(a.log, 0);
    call("sip:carol@192.0.2.2");
    sip_net_pass(&net, TIME_S);
    CHECK_ROW_TEXT("another user", a.log->str, "ended:rejected:404");
    CHECK_ROW("no URI", sip_agent_call(a.agent, "sip:bo b@192.0.2.2", NULL) == NULL);
    CHECK_ROW("no SIP", sip_agent_call(a.agent, "sip:bob@192.0.2.2?Subject=x", NULL) == NULL);
}

static void
test_unanswered(void)
{
    b.answer = false;
    call(BOB);
    sip_net_pass(&net, 3 * TIME_MIN - 1);
    CHECK_ROW_TEXT("rings", a.log->str, "ringing:180");
    CHECK_ROW("somebody waits for it", fake_io_busy(net.hosts[1]));
    sip_net_pass(&net, TIME_S);
    CHECK_ROW_TEXT("for too long", a.log->str, "ringing:180 ended:rejected:480");
    CHECK_ROW_TEXT("for too long", b.log->str, "offered ended:unanswered:480");
}

/* Section 13.3.1.4: the 200 again until its ACK; each is acknowledged; without an ACK the call is hung up. */
static void
test_acks(void)
{
    net.lose_with = "ACK";
    net.lose_times = 2;
    call(BOB);
    sip_net_pass(&net, 5 * TIME_S);
    CHECK_ROW_INT("200", sip_net_count(&net, 1, "SIP/2.0 200"), 3);
    CHECK_ROW_INT("ACK", sip_net_count(&net, 0, "ACK"), 3);
    CHECK_ROW_TEXT("the callee", b.log->str, "offered answered");
    CHECK_ROW_TEXT("the caller", a.log->str, "ringing:180 answered");
    CHECK_ROW_INT("again", sip_agent_counters(b.agent)->answers_again, 2);

    tear_down();
    set_up();
    net.lose_with = "ACK";
    net.lose_times = 1000;
    call(BOB);
    sip_net_pass(&net, 31 * TIME_S);
    sip_call_hangup(b.call); /* not before the ACK */
    sip_net_pass(&net, TIME_S / 2);
    CHECK_ROW_TEXT("the callee waits", b.log->str, "offered");
    sip_net_pass(&net, 5 * TIME_S);
    CHECK_ROW_TEXT("the callee", b.log->str, "offered ended:no-ack");
    CHECK_ROW_TEXT("the caller", a.log->str, "ringing:180 answered ended:peer-hangup");
    CHECK_ROW_INT("200", sip_net_count(&net, 1, "SIP/2.0 200"), 11);
}

static void
test_hangup_before_ack(void)
{
    net.lose_with = "ACK";
    net.lose_times = 1;
    call(BOB);
    sip_net_pass(&net, 100 * TIME_MS);
    sip_call_hangup(b.call);
    sip_net_pass(&net, 100 * TIME_MS);
    CHECK_ROW_INT("no BYE yet", sip_net_count(&net, 1, "BYE"), 0);
    sip_net_pass(&net, TIME_S);
    CHECK_ROW_TEXT("the callee", b.log->str, "offered ended:hangup");
    CHECK_ROW_TEXT("the caller", a.log->str, "ringing:180 answered ended:peer-hangup");
}

static void
test_bye_lost(void)
{
    call(BOB);
    sip_net_pass(&net, TIME_S);
    net.lose = 100;
    sip_call_hangup(a.call);
    sip_net_pass(&net, 32 * TIME_S - 1);
    CHECK_ROW_TEXT("waits", a.log->str, "ringing:180 answered");
    sip_net_pass(&net, 1);
    CHECK_ROW_TEXT("over all the same", a.log->str, "ringing:180 answered ended:hangup");
}

static void
test_both_hang_up(void)
{
    call(BOB);
    sip_net_pass(&net, TIME_S);
    sip_call_hangup(a.call);
    sip_call_hangup(b.call);
    sip_net_pass(&net, TIME_S);
    CHECK_ROW_TEXT("the caller", a.log->str, "ringing:180 answered ended:hangup");
    CHECK_ROW_TEXT("the callee", b.log->str, "offered answered ended:hangup");
}

/* ---- media that are not ready, or don't fit */

static void
test_media(void)
{
    a.later = true;
    call(BOB);
    sip_net_pass(&net, TIME_S);
    CHECK_ROW_INT("the offer waits", net.lines->len, 0);
    a.later = false;
    b.later = true;
    sip_call_media_ready(a.call, true);
    sip_net_pass(&net, 10 * TIME_S);
    CHECK_ROW_TEXT("the answer waits", a.log->str, "ringing:180");
    b.later = false;
    sip_call_media_ready(b.call, true);
    sip_net_pass(&net, TIME_S);
    CHECK_ROW_TEXT("answered", a.log->str, "ringing:180 answered");
    sip_call_hangup(a.call);
    sip_net_pass(&net, TIME_S);

    g_string_truncate(a.log, 0);
    a.later = true;
    call(BOB);
    sip_call_media_ready(a.call, false);
    sip_net_pass(&net, TIME_S);
    CHECK_ROW_TEXT("never an offer", a.log->str, "ended:media");
    a.later = false;
    a.refuse = true;
    call(BOB);
    sip_net_pass(&net, TIME_S);
    CHECK_ROW_TEXT("nothing to offer", a.log->str, "ended:media ended:media");
    a.refuse = false;
    b.refuse = true;
    g_string_truncate(a.log, 0);
    call(BOB);
    sip_net_pass(&net, TIME_S);
    CHECK_ROW_TEXT("nothing in common", a.log->str, "ringing:180 ended:rejected:488");
    b.refuse = false;
    a.bad_answer = true;
    g_string_truncate(a.log, 0);
    g_string_truncate(b.log, 0);
    call(BOB);
    sip_net_pass(&net, TIME_S);
    CHECK_ROW_TEXT("an answer that can't be used", a.log->str, "ringing:180 ended:media");
    CHECK_ROW_TEXT("an answer that can't be used", b.log->str, "offered answered ended:peer-hangup");
}

static void
test_media_late_offer(void)
{
    struct sip_agent_options options = phone_options("alice");

    options.late_offer = true;
    phone_open(&a, 0, &options);
    a.later = true;
    call(BOB);
    sip_net_pass(&net, 3 * TIME_S);
    CHECK_ROW_INT("the ACK waits", sip_net_count(&net, 0, "ACK"), 0);
    CHECK_ROW("and the 200 comes again", sip_net_count(&net, 1, "SIP/2.0 200") >= 2);
    a.later = false;
    sip_call_media_ready(a.call, true);
    sip_net_pass(&net, TIME_S);
    CHECK_ROW_TEXT("answered", a.log->str, "ringing:180 answered");
    CHECK_ROW_TEXT("answered", b.log->str, "offered answered");
}

static void
test_early_media(void)
{
    b.answer = false;
    call(BOB);
    sip_net_pass(&net, TIME_S);
    sip_call_progress(b.call);
    sip_net_pass(&net, TIME_S);
    CHECK_ROW_TEXT("183", a.log->str, "ringing:180 ringing:183");
    CHECK_ROW_INT("taken", ((struct fake_media *)sip_call_media(a.call))->early, 1);
    sip_call_answer(b.call);
    sip_net_pass(&net, TIME_S);
    CHECK_ROW_TEXT("answered", a.log->str, "ringing:180 ringing:183 answered");
}

/* ---- changes */

static void
test_hold(void)
{
    call(BOB);
    sip_net_pass(&net, TIME_S);
    CHECK(sip_call_hold(a.call, true));
    CHECK_ROW("one at a time", !sip_call_hold(a.call, false));
    sip_net_pass(&net, TIME_S);
    CHECK_ROW_TEXT("held", ((struct fake_media *)sip_call_media(b.call))->last, "offer 2 held");
    CHECK_ROW_TEXT("held", a.log->str, "ringing:180 answered changed:200");
    CHECK_ROW_TEXT("held", b.log->str, "offered answered changed:0");
    CHECK(sip_call_hold(b.call, false));
    sip_net_pass(&net, TIME_S);
    CHECK_ROW_TEXT("by the callee", b.log->str, "offered answered changed:0 changed:200");
    b.refuse = true;
    CHECK(sip_call_renew(a.call));
    sip_net_pass(&net, TIME_S);
    CHECK_ROW_TEXT("refused", a.log->str, "ringing:180 answered changed:200 changed:0 changed:488");
    CHECK_ROW_INT("refused", ((struct fake_media *)sip_call_media(a.call))->withdrawn, 1);
    sip_call_hangup(a.call);
    sip_net_pass(&net, TIME_S);
    CHECK_ROW_INT("no call left", sip_agent_calls(a.agent) + sip_agent_calls(b.agent), 0);
}

/* Section 14.1: both at once; the owner of the Call-ID waits longer, so both get their way. */
static void
test_glare(void)
{
    call(BOB);
    sip_net_pass(&net, TIME_S);
    CHECK(sip_call_renew(a.call));
    CHECK(sip_call_renew(b.call));
    sip_net_pass(&net, 15 * TIME_MS);
    CHECK_ROW_INT("491", sip_net_count(&net, SIP_NET_HOSTS, "SIP/2.0 491"), 2);
    CHECK_ROW("busy", fake_io_busy(net.hosts[0]) && fake_io_busy(net.hosts[1]));
    sip_net_pass(&net, 5 * TIME_S);
    CHECK_ROW_TEXT("the caller", a.log->str, "ringing:180 answered changed:0 changed:200");
    CHECK_ROW_TEXT("the callee", b.log->str, "offered answered changed:200 changed:0");
    CHECK_ROW_INT("glares", sip_agent_counters(a.agent)->glares, 2);
}

/* A change that finds nobody ends the call (section 12.2.1.2). */
static void
test_change_lost(void)
{
    struct sip_agent_options options = phone_options("bob");

    call(BOB);
    sip_net_pass(&net, TIME_S);
    phone_open(&b, 1, &options); /* it has forgotten everything */
    b.call = NULL;
    CHECK(sip_call_renew(a.call));
    sip_net_pass(&net, TIME_S);
    CHECK_ROW_TEXT("481", a.log->str, "ringing:180 answered ended:lost:481");
    CHECK_ROW_INT("BYE", sip_net_count(&net, 0, "BYE"), 1);

    call(BOB);
    sip_net_pass(&net, TIME_S);
    net.lose = 100;
    CHECK(sip_call_renew(a.call));
    sip_net_pass(&net, 64 * TIME_S);
    CHECK_ROW_TEXT("nobody answers", a.log->str, "ringing:180 answered ended:lost:481 ringing:180 answered ended:lost");
}

/* ---- what strangers send */

static void
deliver(const char *format, ...)
{
    va_list arguments;
    g_autofree char *text = NULL;

    va_start(arguments, format);
    text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    fake_io_deliver(net.hosts[1], sip_net_at(&net, 1, SIP_PORT), sip_net_at(&net, 2, SIP_PORT), span_of_text(text));
    sip_net_pass(&net, 100 * TIME_MS);
}

static void
test_requests(void)
{
    static const struct {
        const char *name, *method, *to, *more, *answer;
    } rows[] = {
        { "OPTIONS", "OPTIONS", "", "", "SIP/2.0 200" },
        { "REGISTER", "REGISTER", "", "", "SIP/2.0 405" },
        { "a method nobody knows", "FROBNICATE", "", "", "SIP/2.0 405" },
        { "BYE of no call", "BYE", ";tag=x", "", "SIP/2.0 481" },
        { "BYE outside", "BYE", "", "", "SIP/2.0 481" },
        { "INVITE in no dialog", "INVITE", ";tag=x", "", "SIP/2.0 481" },
        { "an extension that is needed", "INVITE", "", "Require: 100rel\r\n", "SIP/2.0 420" },
        { "a body that nobody reads", "INVITE", "", "Content-Type: text/plain\r\nContent-Length: 1\r\n\r\nx",
          "SIP/2.0 415" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        tear_down();
        set_up();
        deliver("%s sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bK%u\r\n"
                "From: <sip:x@y>;tag=1\r\nTo: <sip:bob@z>%s\r\nCall-ID: x\r\nCSeq: 1 %s\r\n%s\r\n",
                rows[i].method, (unsigned)i, rows[i].to, rows[i].method, rows[i].more);
        CHECK_ROW_INT(rows[i].name, sip_net_count(&net, 1, rows[i].answer), 1);
        CHECK_ROW_TEXT(rows[i].name, b.log->str, "");
    }
}

/* ---- a proxy that forks, by hand: host 3 answers what Alice asks */

static struct sip_transactions *peer;
static struct sip_server *peer_server;
static unsigned peer_acks, peer_requests;
static struct {
    unsigned status;  /* of the answer; 0: none */
    const char *more; /* header lines */
    bool challenge;   /* unless the request has an Authorization */
    bool stale;       /* then once more, with another nonce */
    bool always;      /* and again, whatever it has */
    uint32_t cseqs[16];
    char contact[200]; /* of the last request, the first one */
} peer_does;

static void
on_peer_request(void *owner, struct sip_server *server, const struct sip_arrival *arrival)
{
    const struct sip_message *request = arrival->message;
    const struct sip_header *proof = sip_message_find(request, SIP_HEADER_AUTHORIZATION, 0);
    struct sip_digest_fields fields = { .nonce = { NULL, 0 } };

    (void)owner;
    peer_server = server;
    if (peer_requests < G_N_ELEMENTS(peer_does.cseqs))
        peer_does.cseqs[peer_requests] = request->cseq;
    peer_requests++;
    {
        struct span contact = sip_message_value(request, SIP_HEADER_CONTACT);

        g_snprintf(peer_does.contact, sizeof peer_does.contact, "%.*s", (int)contact.length,
                   contact.length ? (const char *)contact.bytes : "");
    }
    if (proof)
        CHECK(sip_digest_decode(proof->value, &fields));
    if (peer_does.always || (peer_does.challenge && !proof)) {
        sip_server_refuse(
            server, 401,
            span_of_text("WWW-Authenticate: Digest realm=\"example.com\", nonce=\"n1\", qop=\"auth\"\r\n"));
    } else if (peer_does.stale && span_equal(fields.nonce, span_of_text("n1"))) {
        sip_server_refuse(server, 401,
                          span_of_text("WWW-Authenticate: Digest realm=\"example.com\", nonce=\"n2\", "
                                       "qop=\"auth\", stale=true\r\n"));
    } else if (peer_does.challenge &&
               !sip_digest_proves(&fields, span_of_text("secret"), request->method, request->body)) {
        sip_server_refuse(server, 403, span_of(NULL, 0));
    } else if (peer_does.status) {
        g_autofree char *contacts = NULL;
        struct span contact = sip_message_value(request, SIP_HEADER_CONTACT);

        contacts = g_strdup_printf("Contact: %.*s\r\n%s", (int)contact.length, (const char *)contact.bytes,
                                   peer_does.more ? peer_does.more : "");
        sip_server_refuse(server, peer_does.status, span_of_text(contacts));
    }
}

static void
on_peer_cancel(void *owner, struct sip_server *cancel, struct sip_server *invite, const struct sip_arrival *arrival)
{
    (void)owner, (void)invite, (void)arrival;
    sip_server_refuse(cancel, 200, span_of(NULL, 0));
}

static void
on_peer_ack(void *owner, const struct sip_arrival *arrival)
{
    (void)owner, (void)arrival;
    peer_acks++;
}

static void
on_peer_response(void *owner, const struct sip_arrival *arrival)
{
    (void)owner, (void)arrival;
}

static const struct sip_transactions_events peer_events = {
    .request = on_peer_request,
    .cancel = on_peer_cancel,
    .ack = on_peer_ack,
    .response = on_peer_response,
};

static void
peer_open(void)
{
    struct sip_transactions_options options = SIP_TRANSACTIONS_DEFAULTS;
    enum io_result why;

    memset(&peer_does, 0, sizeof peer_does);
    peer_acks = peer_requests = 0;
    peer = sip_transactions_new(&net.hosts[2]->io, &options, &peer_events, NULL, &why);
}

static void
peer_set_up(void)
{
    set_up();
    peer_open();
}

static void
peer_tear_down(void)
{
    sip_transactions_free(peer);
    tear_down();
}

static void
peer_says(unsigned status, const char *tag, const char *body)
{
    struct sip_reply reply = { .status = status, .tag = span_of_text(tag), .record = true };
    uint8_t buffer[2048];
    struct writer out = writer_over(buffer, sizeof buffer);

    reply.source = sip_server_flow(peer_server).peer;
    sip_put_reply(&out, sip_server_request(peer_server), &reply);
    sip_put_header_text(&out, SIP_HEADER_CONTACT, "<sip:carol@192.0.2.3>");
    sip_put_end(&out, "application/sdp", span_of_text(body));
    sip_server_respond(peer_server, status, writer_span(&out));
    sip_net_pass(&net, 100 * TIME_MS);
}

#define CAROL "sip:carol@192.0.2.3"

static void
test_forks(void)
{
    call(CAROL);
    sip_net_pass(&net, 100 * TIME_MS);
    peer_says(183, "one", "early one");
    CHECK_ROW_INT("early", ((struct fake_media *)sip_call_media(a.call))->early, 1);
    peer_says(180, "two", "");
    peer_says(200, "two", "answer two");
    CHECK_ROW_TEXT("another than rang answers", a.log->str, "ringing:183 ringing:180 answered");
    CHECK_ROW_TEXT("its answer counts", ((struct fake_media *)sip_call_media(a.call))->last, "answer two");
    CHECK_ROW_INT("ACK", peer_acks, 1);
    peer_says(200, "two", "answer two");
    CHECK_ROW_INT("the same again: ACK", peer_acks, 2);
    CHECK_ROW_INT("the same again: nothing else", peer_requests, 1);
    peer_does.status = 200;
    peer_says(200, "one", "answer one");
    CHECK_ROW_INT("another: ACK", peer_acks, 3);
    CHECK_ROW_INT("another: BYE", peer_requests, 2);
    CHECK_ROW_INT("another", sip_agent_counters(a.agent)->forked, 1);
    CHECK_ROW_TEXT("the call stands", a.log->str, "ringing:183 ringing:180 answered");
    sip_call_hangup(a.call);
    sip_net_pass(&net, TIME_S);
}

static void
test_odd_answers(void)
{
    call(CAROL);
    sip_net_pass(&net, 100 * TIME_MS);
    peer_does.status = 200;
    peer_says(200, "one", "");
    sip_net_pass(&net, TIME_S);
    CHECK_ROW_TEXT("no answer to the offer", a.log->str, "ended:media");
    CHECK_ROW_INT("hung up", peer_acks, 1);
    peer_does.status = 0;
    call(CAROL);
    sip_net_pass(&net, 100 * TIME_MS);
    peer_says(183, "one", "early one");
    peer_says(200, "one", "");
    CHECK_ROW_TEXT("it came early", a.log->str, "ended:media ringing:183 answered");
    peer_does.status = 200;
    sip_call_hangup(a.call);
    sip_net_pass(&net, TIME_S);
}

/* A CANCEL that the peer takes, and then says nothing: over after 64*T1. */
static void
test_cancel_unheard(void)
{
    call(CAROL);
    sip_net_pass(&net, 300 * TIME_MS);
    sip_call_hangup(a.call);
    sip_net_pass(&net, 32 * TIME_S - 1);
    CHECK_ROW_TEXT("waits", a.log->str, "");
    sip_net_pass(&net, 1);
    CHECK_ROW_TEXT("over", a.log->str, "ended:cancelled");
}

/* A BYE in an early dialog: the call is over, the INVITE is cancelled, and ends though nobody answers it. */
static void
test_early_bye(void)
{
    struct sip_message message;
    g_autofree char *bye = NULL;
    struct span from, call_id;

    call(CAROL);
    sip_net_pass(&net, 100 * TIME_MS);
    peer_says(180, "one", "");
    message = *sip_server_request(peer_server);
    from = sip_message_value(&message, SIP_HEADER_FROM);
    call_id = sip_message_value(&message, SIP_HEADER_CALL_ID);
    bye = g_strdup_printf("BYE sip:alice@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.3;branch=z9hG4bKb\r\n"
                          "From: <sip:carol@192.0.2.3>;tag=one\r\nTo: %.*s\r\nCall-ID: %.*s\r\nCSeq: 1 BYE\r\n\r\n",
                          (int)from.length, (const char *)from.bytes, (int)call_id.length, (const char *)call_id.bytes);
    fake_io_deliver(net.hosts[0], sip_net_at(&net, 0, SIP_PORT), sip_net_at(&net, 2, SIP_PORT), span_of_text(bye));
    sip_net_pass(&net, TIME_S);
    CHECK_ROW_TEXT("over", a.log->str, "ringing:180 ended:peer-hangup");
    CHECK_ROW_INT("CANCEL", sip_net_count(&net, 0, "CANCEL"), 1);
    sip_net_pass(&net, TIME_MIN);
    CHECK_ROW_INT("and nothing is left of it", sip_transactions_count(sip_agent_transactions(a.agent)), 0);
}

/* ---- registration */

static struct sip_agent_options
registered_options(void)
{
    struct sip_agent_options options = phone_options("alice");

    options.registrar = sip_net_at(&net, 2, SIP_PORT);
    options.password = "secret";
    options.expires = 600 * TIME_S;
    return options;
}

static void
test_register(void)
{
    static const struct {
        const char *name;
        bool challenge, stale, always;
        unsigned status;
        const char *more, *password, *log;
        unsigned requests; /* in the first second */
    } rows[] = {
        { "taken", false, false, false, 200, "", "secret", "registered", 1 },
        { "challenged", true, false, false, 200, "", "secret", "registered", 2 },
        { "a nonce that has become stale", true, true, false, 200, "", "secret", "registered", 3 },
        { "the wrong password", true, false, false, 200, "", "wrong", "register-failed:rejected:403", 2 },
        { "challenged without end", true, false, true, 200, "", "secret", "register-failed:rejected:401", 2 },
        { "no password", true, false, false, 200, "", NULL, "register-failed:rejected:401", 1 },
        { "nobody of that name", false, false, false, 404, "", "secret", "register-failed:rejected:404", 1 },
        { "too brief, and no word for how long", false, false, false, 423, "", "secret", "register-failed:rejected:423",
          1 },
        { "too brief without end", false, false, false, 423, "Min-Expires: 7200\r\n", "secret",
          "register-failed:rejected:423", 2 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct sip_agent_options options;

        peer_tear_down();
        peer_set_up();
        options = registered_options();
        options.password = rows[i].password;
        phone_open(&a, 0, &options);
        peer_does.challenge = rows[i].challenge;
        peer_does.stale = rows[i].stale;
        peer_does.always = rows[i].always;
        peer_does.status = rows[i].status;
        peer_does.more = rows[i].more;
        sip_agent_register(a.agent);
        CHECK_ROW_TEXT(rows[i].name, a.log->str, "");
        sip_net_pass(&net, TIME_S);
        CHECK_ROW_TEXT(rows[i].name, a.log->str, rows[i].log);
        CHECK_ROW_INT(rows[i].name, peer_requests, rows[i].requests);
        CHECK_ROW_INT(rows[i].name, sip_agent_is_registered(a.agent), strcmp(rows[i].log, "registered") == 0);
        for (unsigned r = 1; r < peer_requests; r++)
            CHECK_ROW_INT(rows[i].name, peer_does.cseqs[r], peer_does.cseqs[r - 1] + 1);
        CHECK_ROW(rows[i].name,
                  !fake_io_busy(net.hosts[0]) || sip_transactions_count(sip_agent_transactions(a.agent)) > 0);
    }
}

static void
test_refresh(void)
{
    struct sip_agent_options options = registered_options();

    phone_open(&a, 0, &options);
    peer_does.status = 200;
    peer_does.challenge = true;
    sip_agent_register(a.agent);
    sip_net_pass(&net, TIME_S);
    CHECK_ROW_INT("twice", peer_requests, 2);
    sip_net_pass(&net, 530 * TIME_S);
    CHECK_ROW("idle", !fake_io_busy(net.hosts[0]));
    CHECK_ROW_INT("not yet", peer_requests, 2);
    sip_net_pass(&net, 10 * TIME_S);
    CHECK_ROW_INT("a tenth before the end, with the nonce that is known", peer_requests, 3);
    CHECK_ROW_TEXT("told once", a.log->str, "registered");
    sip_agent_unregister(a.agent);
    sip_net_pass(&net, TIME_S);
    CHECK_ROW_TEXT("gone", a.log->str, "registered unregistered");
    CHECK_ROW("gone", !sip_agent_is_registered(a.agent));
    sip_net_pass(&net, 2000 * TIME_S);
    CHECK_ROW_INT("and no more", peer_requests, 4);
}

static void
test_register_again(void)
{
    struct sip_agent_options options = registered_options();

    phone_open(&a, 0, &options);
    net.lose = 100;
    sip_agent_register(a.agent);
    sip_net_pass(&net, 33 * TIME_S);
    CHECK_ROW_TEXT("nobody answers", a.log->str, "register-failed:timeout");
    CHECK_ROW("idle", !fake_io_busy(net.hosts[0]));
    net.lose = 0;
    peer_does.status = 200;
    sip_net_pass(&net, 14 * TIME_S);
    CHECK_ROW_INT("not before 15 s", peer_requests, 0);
    sip_net_pass(&net, 18 * TIME_S);
    CHECK_ROW_TEXT("again after 15 to 30 s", a.log->str, "register-failed:timeout registered");
}

/* What the registrar saw goes into the next Contact (RFC 3581 section 9), and the other binding is removed. */
static void
test_learn(void)
{
    struct sip_agent_options options = registered_options();
    struct sip_agent_options shown;

    options.learn = true;
    phone_open(&a, 0, &options);
    sip_agent_set_contact(a.agent, (struct endpoint){ .port = 9 });
    peer_does.status = 200;
    CHECK(address_parse("10.9.9.9", &shown.registrar.address));
    shown.registrar.port = 5060;
    sip_agent_set_contact(a.agent, shown.registrar);
    sip_agent_register(a.agent);
    sip_net_pass(&net, TIME_S);
    CHECK_ROW_INT("twice", peer_requests, 2);
    CHECK_ROW("the address that was seen", endpoint_equal(a.contact, sip_net_at(&net, 0, SIP_PORT)));
    CHECK_ROW("the address that was seen", endpoint_equal(a.mapped, a.contact));
    {
        const struct sip_message *last = sip_server_request(peer_server);
        struct sip_values values = sip_values_of(last, SIP_HEADER_CONTACT);
        struct sip_name_addr address;
        struct span value;
        char text[ADDRESS_TEXT];

        CHECK(sip_values_next(&values, &value) && sip_values_next(&values, &value) &&
              sip_name_addr_decode(value, &address));
        CHECK_ROW_TEXT("the old one", address_format(address.uri.at.address, text), "10.9.9.9");
        CHECK_ROW_INT("is removed", sip_contact_expires(last, &address, 7), 0);
    }
}

/* RFC 5626: instance and reg-id, keep-alives, and again when the flow is dead. */
static void
test_outbound(void)
{
    static const struct {
        const char *name;
        enum sip_transport protocol;
        int64_t dead; /* how long it takes at most until it is noticed */
    } rows[] = { { "TCP", SIP_TCP, 131 * TIME_S }, { "UDP", SIP_UDP, 70 * TIME_S } };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct sip_agent_options options;
        unsigned requests;

        peer_tear_down();
        peer_set_up();
        options = registered_options();
        options.protocol = rows[i].protocol;
        options.outbound = true;
        options.instance = "urn:uuid:00000000-0000-1000-8000-000A95A0E128";
        phone_open(&a, 0, &options);
        peer_does.status = 200;
        sip_agent_register(a.agent);
        sip_net_pass(&net, TIME_S);
        CHECK_ROW_TEXT(rows[i].name, a.log->str, "registered");
        CHECK_ROW(
            peer_does.contact,
            strstr(peer_does.contact, ";+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000A95A0E128>\";reg-id=1"));
        CHECK_ROW(peer_does.contact, strstr(peer_does.contact, ";ob>"));
        sip_net_pass(&net, 400 * TIME_S);
        CHECK_ROW_TEXT(rows[i].name, a.log->str, "registered");
        requests = peer_requests;
        sip_transactions_free(peer);
        net.lose = 100;
        sip_net_pass(&net, rows[i].dead);
        net.lose = 0;
        {
            struct sip_transactions_options transactions = SIP_TRANSACTIONS_DEFAULTS;
            enum io_result why;

            peer = sip_transactions_new(&net.hosts[2]->io, &transactions, &peer_events, NULL, &why);
        }
        sip_net_pass(&net, 200 * TIME_S);
        CHECK_ROW(rows[i].name, peer_requests > requests);
        CHECK_ROW(rows[i].name, sip_agent_is_registered(a.agent));
    }
}

static void
test_challenged_call(void)
{
    struct sip_agent_options options = registered_options();

    phone_open(&a, 0, &options);
    peer_does.challenge = true;
    call("carol");
    CHECK_ROW_TEXT("the own domain", sip_call_peer(a.call), "sip:carol@example.com");
    sip_net_pass(&net, 100 * TIME_MS);
    CHECK_ROW_INT("twice", peer_requests, 2);
    CHECK_ROW_INT("CSeq", peer_does.cseqs[1], peer_does.cseqs[0] + 1);
    peer_says(200, "one", "answer");
    CHECK_ROW_TEXT("answered", a.log->str, "answered");
    CHECK_ROW_INT("ACK", peer_acks, 1);
    peer_does.status = 200;
    sip_call_hangup(a.call);
    sip_net_pass(&net, TIME_S);
    CHECK_ROW_TEXT("hung up", a.log->str, "answered ended:hangup");
}

/* ---- life */

static void
test_freed_when_told(void)
{
    static const enum sip_agent_event events[] = { SIP_AGENT_REGISTERED, SIP_CALL_RINGING, SIP_CALL_ANSWERED,
                                                   SIP_CALL_CHANGED, SIP_CALL_ENDED };
    static const enum sip_agent_event others[] = { SIP_CALL_OFFERED, SIP_CALL_ANSWERED, SIP_CALL_ENDED };

    for (size_t i = 0; i < G_N_ELEMENTS(events) + G_N_ELEMENTS(others); i++) {
        bool callee = i >= G_N_ELEMENTS(events);
        struct phone *phone = callee ? &b : &a;

        peer_tear_down();
        peer_set_up();
        peer_does.status = 200;
        phone->frees = true;
        phone->free_at = callee ? others[i - G_N_ELEMENTS(events)] : events[i];
        {
            struct sip_agent_options options = registered_options();

            phone_open(&a, 0, &options);
        }
        if (phone->free_at == SIP_AGENT_REGISTERED) {
            sip_agent_register(a.agent);
            sip_net_pass(&net, TIME_S);
        } else {
            struct sip_agent_options options = phone_options("alice");

            phone_open(&a, 0, &options);
            call(BOB);
            sip_net_pass(&net, TIME_S);
            if (a.agent && a.call)
                sip_call_renew(a.call);
            sip_net_pass(&net, TIME_S);
            if (a.agent && a.call)
                sip_call_hangup(a.call);
            sip_net_pass(&net, TIME_S);
        }
        CHECK_ROW_INT("freed", phone->agent == NULL, true);
    }
}

static void
test_options(void)
{
    static const struct {
        const char *name, *user, *domain, *display;
        bool good;
    } rows[] = {
        { "good", "alice", "example.com", "Alice", true },
        { "an address", "alice", "192.0.2.1", NULL, true },
        { "no user", "", "example.com", NULL, false },
        { "no domain", "alice", "", NULL, false },
        { "a blank", "al ice", "example.com", NULL, false },
        { "an at sign", "al@ice", "example.com", NULL, false },
        { "a port", "alice", "example.com:5060", NULL, false },
        { "a parameter", "alice", "example.com;lr", NULL, false },
        { "a quote", "alice", "example.com", "A\"", false },
        { "a colon", "a:b", "example.com", NULL, false },
        { "a line end", "alice", "example.com\r\nX: y", NULL, false },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct sip_agent_options options = phone_options(rows[i].user);

        options.domain = rows[i].domain;
        options.display = rows[i].display;
        CHECK_ROW_INT(rows[i].name, sip_agent_options_fault(&options) == NULL, rows[i].good);
    }
}

/* ---- a hundred calls over a bad network */

/* Every call is set up or told why not, and every call ends at both sides. */
static void
test_bad_network(void)
{
    unsigned answered = 0, calls = 100;

    for (unsigned i = 0; i < calls; i++) {
        g_autofree char *name = g_strdup_printf("seed %u", i);

        tear_down();
        set_up_seeded(i + 1);
        net.lose = 20;
        net.duplicate = 10;
        net.late = 30;
        call(i % 4 == 3 ? BOB ";transport=tcp" : BOB);
        sip_net_pass(&net, 20 * TIME_S);
        if (i % 3 == 1 && a.call)
            (void)sip_call_hold(a.call, true);
        if (i % 5 == 1 && b.call)
            (void)sip_call_renew(b.call);
        sip_net_pass(&net, 20 * TIME_S);
        answered += strstr(a.log->str, "answered") != NULL && strstr(b.log->str, "answered") != NULL;
        if (i % 2 && a.call)
            sip_call_hangup(a.call);
        else if (b.call)
            sip_call_hangup(b.call);
        sip_net_pass(&net, 200 * TIME_S);
        if (!CHECK_ROW_INT(name, sip_agent_calls(a.agent), 0))
            printf("%s: %s\n", name, a.log->str);
        /* When every BYE was lost the other side still has its call: it must end when it is hung up, too. */
        if (b.call)
            sip_call_hangup(b.call);
        sip_net_pass(&net, 100 * TIME_S);
        CHECK_ROW_INT(name, sip_agent_calls(b.agent), 0);
        CHECK_ROW_INT(name, sip_transactions_count(sip_agent_transactions(a.agent)), 0);
        CHECK_ROW_INT(name, sip_transactions_count(sip_agent_transactions(b.agent)), 0);
        CHECK_ROW(name, !fake_io_busy(net.hosts[0]) && !fake_io_busy(net.hosts[1]));
    }
    CHECK_ROW("nearly all are answered", answered >= calls - 3);
}

void
suite_sip_agent(void)
{
    UNIT_SUITE("sip agent", set_up, tear_down, { "call", test_call }, { "refusals", test_refusals },
               { "busy", test_busy }, { "cancel", test_cancel }, { "cancel too late", test_cancel_too_late },
               { "nobody", test_nobody }, { "unanswered", test_unanswered }, { "ACKs", test_acks },
               { "hang up before the ACK", test_hangup_before_ack }, { "BYE lost", test_bye_lost },
               { "both hang up", test_both_hang_up }, { "media", test_media },
               { "media of a late offer", test_media_late_offer }, { "early media", test_early_media },
               { "hold", test_hold }, { "glare", test_glare }, { "change lost", test_change_lost },
               { "requests", test_requests }, { "options", test_options }, { "bad network", test_bad_network });
    UNIT_SUITE("sip agent and a peer by hand", peer_set_up, peer_tear_down, { "forks", test_forks },
               { "odd answers", test_odd_answers }, { "cancel unheard", test_cancel_unheard },
               { "early BYE", test_early_bye }, { "register", test_register }, { "refresh", test_refresh },
               { "register again", test_register_again }, { "learn", test_learn }, { "outbound", test_outbound },
               { "challenged call", test_challenged_call }, { "freed when told", test_freed_when_told });
}
