#include "scenarios/runner/cli/ice_echo.h"

#include <stdio.h>

#define SPACING (20 * TIME_MS)
#define REPEAT (500 * TIME_MS)
#define QUIET (2 * TIME_S)
#define ENDS 3
#define TEXT_MOST 48

struct message {
    int64_t sent_at; /* -1: not yet */
    unsigned times;
    bool echoed;
};

struct component {
    struct ice_echo *echo;
    struct io_udp *udp;
    struct message *messages; /* the offerer's; of the answerer, `echoed`: it came */
    unsigned told;            /* the answerer's: how many the offerer says that there are */
    unsigned came;
};

struct ice_echo {
    struct io *io;
    bool offers, started, done, ended;
    unsigned components, messages;
    struct component *of;
    struct io_timer timer;
    struct ice_echo_counters counters;
    void (*told)(void *owner);
    void *owner;
};

static int64_t
now(const struct ice_echo *echo)
{
    return echo->io->ops->now(echo->io);
}

static void
arm(struct ice_echo *echo, int64_t after)
{
    echo->io->ops->arm(echo->io, &echo->timer, time_add(now(echo), after), true);
}

static void
finish(struct ice_echo *echo)
{
    if (echo->done)
        return;
    echo->done = true;
    echo->io->ops->disarm(echo->io, &echo->timer);
    echo->told(echo->owner);
}

/* --- the offerer ------------------------------------------------------------------------------------------------ */

static bool
send_text(struct component *component, const char *text)
{
    struct io_datagram datagram = IO_DATAGRAM_TO(((struct endpoint){ ADDRESS_NONE, 0 }), span_of_text(text));

    return component->udp->ops->send(component->udp, &datagram) == IO_OK;
}

static void
send_message(struct component *component, unsigned number)
{
    struct ice_echo *echo = component->echo;
    struct message *message = &component->messages[number - 1];
    char text[TEXT_MOST];

    g_snprintf(text, sizeof text, "punchlab ice %u of %u", number, echo->messages);
    message->sent_at = now(echo);
    if (!send_text(component, text))
        return; /* no way just now: with the next repetition there may be one */
    if (message->times++ > 0)
        echo->counters.repeated++;
    else
        echo->counters.sent++;
}

/* One message of each component: the first that is due. */
static void
send_due(struct component *component)
{
    struct ice_echo *echo = component->echo;

    for (unsigned i = 0; i < echo->messages; i++) {
        const struct message *message = &component->messages[i];

        if (message->echoed || (message->sent_at >= 0 && now(echo) - message->sent_at < REPEAT))
            continue;
        send_message(component, i + 1);
        return;
    }
}

static bool
has_all(const struct ice_echo *echo)
{
    return echo->counters.echoed == (uint64_t)echo->components * echo->messages;
}

static void
say_end(struct ice_echo *echo)
{
    for (unsigned i = 0; i < echo->components * ENDS; i++)
        (void)send_text(&echo->of[i / ENDS], "punchlab ice end");
}

static void
on_echo(struct component *component, unsigned number)
{
    struct ice_echo *echo = component->echo;
    struct message *message = &component->messages[number - 1];
    int64_t rtt = now(echo) - message->sent_at;

    if (message->echoed || message->times == 0)
        return;
    message->echoed = true;
    echo->counters.echoed++;
    if (message->times == 1) {
        echo->counters.rtt_least = echo->counters.rtt_least < 0 ? rtt : MIN(echo->counters.rtt_least, rtt);
        echo->counters.rtt_most = MAX(echo->counters.rtt_most, rtt);
    }
    if (!has_all(echo))
        return;
    say_end(echo);
    finish(echo);
}

/* --- the answerer ----------------------------------------------------------------------------------------------- */

static void
send_back(struct component *component, struct span data)
{
    struct io_datagram datagram = IO_DATAGRAM_TO(((struct endpoint){ ADDRESS_NONE, 0 }), data);

    if (component->udp->ops->send(component->udp, &datagram) == IO_OK)
        component->echo->counters.answered++;
}

static bool
has_come(const struct ice_echo *echo)
{
    for (unsigned i = 0; i < echo->components; i++)
        if (echo->of[i].told == 0 || echo->of[i].came < echo->of[i].told)
            return false;
    return true;
}

static void
on_message(struct component *component, unsigned number, unsigned of)
{
    struct ice_echo *echo = component->echo;

    component->told = of;
    if (!component->messages[number - 1].echoed) {
        component->messages[number - 1].echoed = true;
        component->came++;
        echo->counters.echoed++;
    }
    if (echo->started && !echo->done && has_come(echo))
        arm(echo, QUIET);
}

/* --- both ------------------------------------------------------------------------------------------------------- */

static bool
read_message(struct span data, unsigned *number, unsigned *of)
{
    char text[TEXT_MOST];
    int end = 0;

    if (data.length >= sizeof text)
        return false;
    memcpy(text, data.bytes, data.length);
    text[data.length] = '\0';
    return sscanf(text, "punchlab ice %4u of %4u%n", number, of, &end) == 2 && (size_t)end == data.length &&
           *number >= 1 && *number <= *of && *of <= ICE_ECHO_MESSAGES_MOST;
}

static void
on_end(struct ice_echo *echo)
{
    echo->ended = true;
    if (echo->started)
        finish(echo);
}

static void
on_datagram(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    struct component *component = owner;
    struct ice_echo *echo = component->echo;
    unsigned number, of;
    bool good = read_message(datagram->data, &number, &of);

    (void)udp;
    if (echo->offers) {
        if (good && of == echo->messages)
            on_echo(component, number);
        return;
    }
    if (span_equal(datagram->data, span_of_text("punchlab ice end"))) {
        on_end(echo);
        return;
    }
    send_back(component, datagram->data);
    if (good)
        on_message(component, number, of);
}

static void
on_timer(void *owner, struct io_timer *timer)
{
    struct ice_echo *echo = owner;

    (void)timer;
    if (!echo->offers || echo->messages == 0 || echo->ended) {
        finish(echo);
        return;
    }
    for (unsigned i = 0; i < echo->components; i++)
        send_due(&echo->of[i]);
    arm(echo, SPACING);
}

struct ice_echo *
ice_echo_new(struct io *io, bool offers, unsigned components, unsigned messages, void (*done)(void *owner), void *owner)
{
    struct ice_echo *echo = g_new0(struct ice_echo, 1);
    unsigned most = offers ? messages : ICE_ECHO_MESSAGES_MOST;

    *echo = (struct ice_echo){ .io = io, .offers = offers, .components = components, .messages = messages, .told = done,
                               .owner = owner, .counters = { .rtt_least = -1, .rtt_most = -1 } };
    echo->timer = (struct io_timer){ .fire = on_timer, .owner = echo };
    echo->of = g_new0(struct component, components);
    for (unsigned i = 0; i < components; i++) {
        echo->of[i].echo = echo;
        echo->of[i].messages = g_new(struct message, MAX(most, 1));
        for (unsigned j = 0; j < most; j++)
            echo->of[i].messages[j] = (struct message){ .sent_at = -1 };
    }
    return echo;
}

void
ice_echo_free(struct ice_echo *echo)
{
    echo->io->ops->disarm(echo->io, &echo->timer);
    for (unsigned i = 0; i < echo->components; i++) {
        if (echo->of[i].udp)
            echo->of[i].udp->events = NULL;
        g_free(echo->of[i].messages);
    }
    g_free(echo->of);
    g_free(echo);
}

void
ice_echo_use(struct ice_echo *echo, unsigned index, struct io_udp *udp)
{
    static const struct io_udp_events events = { .datagram = on_datagram };

    echo->of[index].udp = udp;
    udp->owner = &echo->of[index];
    udp->events = echo->messages > 0 ? &events : NULL;
}

void
ice_echo_start(struct ice_echo *echo)
{
    if (echo->started)
        return;
    echo->started = true;
    if (echo->offers || echo->messages == 0 || echo->ended)
        arm(echo, 0);
    else if (has_come(echo))
        arm(echo, QUIET);
}

const struct ice_echo_counters *
ice_echo_counters(const struct ice_echo *echo)
{
    return &echo->counters;
}
