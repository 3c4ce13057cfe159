#include "proto/portmap/retry.h"

#define NAT_PMP_FIRST (250 * TIME_MS)
#define NAT_PMP_REQUESTS 9
#define PCP_FIRST (3 * TIME_S)
#define PCP_LONGEST (1024 * TIME_S)

/* `duration`, more or less by up to a tenth (RAND of RFC 6887 section 8.1.1). */
static int64_t
shake(int64_t duration, uint32_t dice)
{
    int64_t tenth = duration / 10;

    return duration - tenth + (int64_t)(dice % 20001) * tenth / 10000;
}

static void
count_request(struct portmap_retry *retry, int64_t now, uint32_t dice)
{
    if (retry->via == PORTMAP_NAT_PMP)
        retry->interval = retry->sent ? 2 * retry->interval : NAT_PMP_FIRST;
    else
        retry->interval = shake(retry->sent ? MIN(2 * retry->interval, PCP_LONGEST) : PCP_FIRST, dice);
    retry->sent++;
    retry->deadline = MIN(time_add(now, retry->interval), retry->end);
}

void
portmap_retry_start(struct portmap_retry *retry, enum portmap_via via, int64_t patience, int64_t now, uint32_t dice)
{
    *retry = (struct portmap_retry){ .via = via, .end = patience ? time_add(now, patience) : TIME_NEVER };
    count_request(retry, now, dice);
}

enum portmap_step
portmap_retry_fire(struct portmap_retry *retry, int64_t now, uint32_t dice)
{
    if (now < retry->deadline)
        return PORTMAP_WAIT;
    if (now >= retry->end || (retry->via == PORTMAP_NAT_PMP && retry->sent >= NAT_PMP_REQUESTS))
        return PORTMAP_GIVE_UP;
    count_request(retry, now, dice);
    return PORTMAP_RESEND;
}
