#include "proto/stun/timer.h"

/* Twice or `times` as long, stopping at TIME_NEVER. */
static int64_t
stretch(int64_t duration, unsigned times)
{
    return times && duration > TIME_NEVER / times ? TIME_NEVER : duration * times;
}

/* A request has gone out at `now`. */
static void
count_request(struct stun_timer *timer, int64_t now)
{
    const struct stun_timer_options *options = &timer->options;

    timer->sent++;
    timer->deadline = time_add(now, timer->sent < options->rc ? timer->interval : stretch(options->rto, options->rm));
    timer->interval = stretch(timer->interval, 2);
    if (options->most && timer->interval > options->most)
        timer->interval = options->most;
}

void
stun_timer_start(struct stun_timer *timer, const struct stun_timer_options *options, int64_t now)
{
    *timer = (struct stun_timer){ .options = *options, .started = now, .interval = options->rto };
    count_request(timer, now);
}

enum stun_step
stun_timer_fire(struct stun_timer *timer, int64_t now)
{
    if (now < timer->deadline)
        return STUN_WAIT;
    if (timer->sent >= timer->options.rc)
        return STUN_GIVE_UP;
    count_request(timer, now);
    return STUN_RESEND;
}

int64_t
stun_timer_rtt(const struct stun_timer *timer, int64_t now)
{
    return timer->sent == 1 ? now - timer->started : -1;
}
