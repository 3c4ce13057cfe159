/* Signalling in a lab, from C: servers and channels as an engine uses them (scenarios/lab/signalling.h). */
#include "scenarios/lab/signalling.h"

#include "tests/unit/support_lab.h"

static struct service *service;
static struct signal_channel *a, *b;

/* What was heard, and by whom. */
struct hearer {
    struct signal_listener listener;
    GString *heard;
    struct signal_channel *channel; /* that it acts on */
    enum { KEEP_ON, LEAVE, CLOSE } then;
};

static struct hearer hearers[2];

static void
begin(void)
{
    enum io_result why = IO_OK;

    test_lab_begin();

    struct lab_network *internet = make_internet();
    struct node *server = make_host(internet, "S", "198.51.100.1");

    service = service_start_signal(server, (struct endpoint){ ADDRESS_NONE, SIGNAL_PORT }, NULL, &why);
    CHECK(service && service_running(service));
    a = signal_channel_open(make_host(internet, "A", "198.51.100.2"), service_endpoint(service), "A");
    b = signal_channel_open(make_host(internet, "B", "198.51.100.3"), service_endpoint(service), "B");
    for (int i = 0; i < 2; i++)
        hearers[i] = (struct hearer){ .heard = g_string_new(NULL), .channel = b };
}

static void
end(void)
{
    const struct memory *memory = &test_lab->world->memory;

    signal_channel_close(a);
    signal_channel_close(b);
    service_stop(service);
    service_stop(service);
    CHECK_ROW_UINT("all that waited is given back", memory->of[MEMORY_MESSAGES], 0);
    run_for(TIME_S); /* what is under way: the lab's end looks whether packets add up */
    for (int i = 0; i < 2; i++)
        g_string_free(hearers[i].heard, TRUE);
    test_lab_end();
}

static void
on_sent(void *owner, const struct signal_result *result)
{
    unsigned *sent = owner;

    *sent += result->outcome == SIGNAL_OUTCOME_DONE;
}

static unsigned
say(struct signal_channel *channel, const char *to, const char *text)
{
    unsigned sent = 0;
    struct signal_text letter = { span_of_text(to), span_of_text("application/sdp"), span_of_text(text) };

    CHECK(signal_channel_send(channel, &letter, on_sent, &sent) != NULL);
    run_for(TIME_S);
    return sent;
}

static void
on_message(void *owner, const struct signal_text *message)
{
    struct hearer *hearer = owner;

    CHECK_ROW_BYTES("type", message->type, span_of_text("application/sdp"));
    g_string_append_printf(hearer->heard, "%.*s from %.*s; ", (int)message->text.length,
                           (const char *)message->text.bytes, (int)message->peer.length,
                           (const char *)message->peer.bytes);
    if (hearer->then == LEAVE)
        signal_channel_unlisten(hearer->channel, &hearer->listener);
    if (hearer->then == CLOSE)
        signal_channel_close(hearer->channel);
}

static void
on_lost(void *owner, const struct signal_result *result)
{
    struct hearer *hearer = owner;

    g_string_append_printf(hearer->heard, "lost %s; ", signal_outcome_word(result->outcome));
    if (hearer->then == LEAVE)
        signal_channel_unlisten(hearer->channel, &hearer->listener);
}

static void
hear(struct hearer *hearer, const char *from)
{
    hearer->listener =
        (struct signal_listener){ .from = from, .message = on_message, .lost = on_lost, .owner = hearer };
    signal_channel_listen(hearer->channel, &hearer->listener);
}

static void
test_listening(void)
{
    struct signal_text message;

    CHECK_ROW_UINT("before anybody listens", say(a, "B", "one"), 1);
    say(b, "B", "mine");
    CHECK_ROW_UINT("both wait", signal_channel_waiting(b), 2);
    hear(&hearers[0], "A");
    CHECK_ROW_TEXT("no call inside a call", hearers[0].heard->str, "");
    say(a, "B", "two");
    CHECK_ROW_TEXT("in order", hearers[0].heard->str, "one from A; two from A; ");
    CHECK(signal_channel_first(b, &message));
    CHECK_ROW_BYTES("the rest is for who looks", message.text, span_of_text("mine"));
    signal_channel_take(b);
    CHECK(!signal_channel_first(b, &message));
    hear(&hearers[1], NULL);
    say(a, "B", "three");
    say(b, "B", "four");
    CHECK_ROW_TEXT("the first that would", hearers[0].heard->str, "one from A; two from A; three from A; ");
    CHECK_ROW_TEXT("and the second", hearers[1].heard->str, "four from B; ");
    signal_channel_unlisten(b, &hearers[0].listener);
    say(a, "B", "five");
    CHECK_ROW_TEXT("then the second", hearers[1].heard->str, "four from B; five from A; ");
    CHECK_ROW_UINT("counts", signal_channel_counters(b).received, 6);
    CHECK(address_equal(signal_channel_local(b).address, read_address("198.51.100.3")));
    CHECK(signal_channel_local(b).port != 0);
}

static void
test_leaving(void)
{
    say(a, "B", "one");
    say(a, "B", "two");
    hearers[0].then = LEAVE;
    hear(&hearers[0], "A");
    run_for(0);
    CHECK_ROW_TEXT("one and no more", hearers[0].heard->str, "one from A; ");
    CHECK_ROW_UINT("the other waits", signal_channel_waiting(b), 1);
    hearers[1].then = CLOSE;
    hear(&hearers[1], NULL);
    say(a, "B", "three");
    CHECK_ROW_TEXT("closed in the call", hearers[1].heard->str, "two from A; ");
    CHECK(!signal_channel_is_open(b));
    CHECK(!signal_channel_send(b, &(struct signal_text){ .peer = span_of_text("A") }, on_sent, NULL));
}

static void
test_failing(void)
{
    hear(&hearers[0], "A");
    hearers[1].then = LEAVE;
    hear(&hearers[1], NULL);
    run_for(TIME_S);
    service_stop(service);
    CHECK(!service_running(service));
    run_for(TIME_MIN);
    CHECK_ROW_TEXT("told", hearers[0].heard->str, "lost unreachable; ");
    CHECK_ROW_TEXT("told, and gone in the call", hearers[1].heard->str, "lost unreachable; ");
    CHECK(signal_channel_failure(b) && signal_channel_failure(b)->io == IO_REFUSED);

    enum io_result why = IO_OK;

    service = service_start_signal(node_called("S"), service_endpoint(service), NULL, &why);
    signal_channel_receive(b);
    CHECK(!signal_channel_failure(b));
    signal_channel_receive(a);
    CHECK_ROW_UINT("again", say(a, "B", "x"), 1);
    CHECK_ROW_TEXT("heard", hearers[0].heard->str, "lost unreachable; x from A; ");
}

void
suite_signalling(void)
{
    UNIT_SUITE("signalling", begin, end, { "listening", test_listening }, { "leaving", test_leaving },
               { "failing", test_failing });
}
