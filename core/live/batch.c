/* Datagrams by the batch: recvmmsg into the host's inbox, sendmmsg from what waits at a socket. The memory is taken
 * once and used again. A message of the kernel's may be a burst of datagrams, both ways (UDP_GRO, UDP_SEGMENT): then they
 * are of one peer, one size (but the last, which may be shorter) and one TTL, DSCP and ECN. */
#include <errno.h>

#include "core/live/udp.h"

/* --- in --------------------------------------------------------------------------------------------------------- */

#define INBOX_BYTES 65536 /* no datagram is larger; pages that nobody writes take no memory */

struct live_inbox {
    struct mmsghdr headers[LIVE_BATCH];
    struct iovec data[LIVE_BATCH];
    union live_sockaddr names[LIVE_BATCH];
    _Alignas(struct cmsghdr) uint8_t control[LIVE_BATCH][256];
    uint8_t bytes[LIVE_BATCH][INBOX_BYTES];
};

static struct live_inbox *
inbox_of(struct live *live)
{
    if (!live->inbox)
        live->inbox = g_malloc(sizeof *live->inbox);
    return live->inbox;
}

/* As many as came the last time, or twice that where there may be more. The set tells again of what is left. */
unsigned
live_inbox_receive(struct live_udp *udp)
{
    struct live_inbox *inbox = inbox_of(udp->live);
    unsigned asked = CLAMP(udp->expected, 1, LIVE_BATCH);
    int count;

    for (unsigned i = 0; i < asked; i++) {
        inbox->data[i] = (struct iovec){ inbox->bytes[i], INBOX_BYTES };
        inbox->headers[i].msg_hdr = (struct msghdr){ .msg_name = &inbox->names[i],
                                                     .msg_namelen = sizeof inbox->names[i],
                                                     .msg_iov = &inbox->data[i],
                                                     .msg_iovlen = 1,
                                                     .msg_control = inbox->control[i],
                                                     .msg_controllen = sizeof inbox->control[i] };
    }
    count = recvmmsg(udp->file.fd, inbox->headers, asked, MSG_DONTWAIT, NULL);
    count = MAX(count, 0); /* an error here is an ICMP error's mark, which is told elsewhere */
    udp->expected = (uint8_t)((unsigned)count == asked ? MIN(2 * asked, LIVE_BATCH) : (unsigned)count);
    return (unsigned)count;
}

bool
live_inbox_read(struct live_udp *udp, unsigned n, struct io_datagram *datagram, size_t *size)
{
    struct live_inbox *inbox = udp->live->inbox;
    struct msghdr *header = &inbox->headers[n].msg_hdr;

    *datagram = IO_DATAGRAM_TO(live_sockaddr_read(header->msg_name), span_of(inbox->bytes[n], inbox->headers[n].msg_len));
    *size = SIZE_MAX;
    datagram->local = udp->local;
    for (struct cmsghdr *at = CMSG_FIRSTHDR(header); at; at = CMSG_NXTHDR(header, at))
        if (!live_control_is_size(at, size))
            live_control_read(at, datagram);
    return (header->msg_flags & MSG_TRUNC) == 0;
}

/* --- out -------------------------------------------------------------------------------------------------------- */

/* Messages for one peer, one behind the other and of one size, go to the kernel as one that it cuts into datagrams again
 * (UDP_SEGMENT): it finds their way once. */
struct live_batch {
    unsigned count;
    struct live_message messages[LIVE_BATCH];
    struct iovec data[LIVE_BATCH];
    struct mmsghdr headers[LIVE_BATCH]; /* of the groups */
    unsigned sizes[LIVE_BATCH];         /* messages in them */
    uint8_t bytes[LIVE_BATCH][LIVE_BATCHED_MOST];
};

static struct live_batch *
batch_of(struct live_udp *udp)
{
    GPtrArray *spare = udp->live->spare_batches;

    if (udp->batch)
        return udp->batch;
    if (spare->len > 0)
        udp->batch = g_ptr_array_steal_index_fast(spare, spare->len - 1);
    else
        udp->batch = g_malloc(sizeof *udp->batch);
    udp->batch->count = 0;
    g_ptr_array_add(udp->live->pending, udp);
    return udp->batch;
}

bool
live_batch_add(struct live_udp *udp, const struct io_datagram *datagram)
{
    struct live_batch *batch;
    unsigned at;

    if (datagram->data.length > LIVE_BATCHED_MOST)
        return false;
    if (udp->batch && udp->batch->count == LIVE_BATCH)
        live_batch_send(udp);
    batch = batch_of(udp);
    at = batch->count;
    if (!live_message_fill(&batch->messages[at], udp, datagram))
        return false;
    if (datagram->data.length > 0)
        memcpy(batch->bytes[at], datagram->data.bytes, datagram->data.length);
    batch->data[at] = (struct iovec){ batch->bytes[at], datagram->data.length };
    batch->count++;
    return true;
}

static bool
is_alike(const struct live_message *a, const struct live_message *b)
{
    return a->name_length == b->name_length && a->control_length == b->control_length &&
           memcmp(&a->name, &b->name, a->name_length) == 0 && memcmp(a->control, b->control, a->control_length) == 0;
}

/* How many messages from `first` on make a group: all have the size of the first, but the last may be shorter. */
static unsigned
group_size(const struct live_udp *udp, const struct live_batch *batch, unsigned first)
{
    size_t length = batch->data[first].iov_len;
    unsigned end = first + 1;

    if (udp->single || !udp->live->segments || length == 0)
        return 1;
    while (end < batch->count && batch->data[end - 1].iov_len == length && batch->data[end].iov_len <= length &&
           batch->data[end].iov_len > 0 && is_alike(&batch->messages[first], &batch->messages[end]))
        end++;
    return end - first;
}

static void
form_header(struct live_batch *batch, unsigned first, unsigned size, struct msghdr *header)
{
    struct live_message *message = &batch->messages[first];

    live_message_header(message, span_of(NULL, 0), header);
    header->msg_iov = &batch->data[first];
    header->msg_iovlen = size;
    if (size > 1)
        live_message_segments(message, batch->data[first].iov_len, header);
}

/* How many groups. */
static unsigned
form_groups(const struct live_udp *udp, struct live_batch *batch)
{
    unsigned groups = 0;

    for (unsigned at = 0; at < batch->count; at += batch->sizes[groups++]) {
        batch->sizes[groups] = group_size(udp, batch, at);
        form_header(batch, at, batch->sizes[groups], &batch->headers[groups].msg_hdr);
    }
    return groups;
}

static void
lose(struct live_udp *udp)
{
    udp->live->counters.unsent++;
    live_way_doubt(udp); /* so the next one is told */
}

/* What the kernel would not cut, message by message; nor will it be asked to again, when that was the reason. */
static void
send_singly(struct live_udp *udp, struct live_batch *batch, unsigned first, unsigned size)
{
    struct live_counters *counters = &udp->live->counters;

    udp->single |= errno == EINVAL || errno == EIO || errno == EMSGSIZE || errno == EOPNOTSUPP;
    for (unsigned at = first; at < first + size; at++) {
        struct msghdr header;

        form_header(batch, at, 1, &header);
        counters->batches_sent++;
        if (sendmsg(udp->file.fd, &header, 0) >= 0)
            counters->sent++;
        else
            lose(udp);
    }
}

/* A failure is that of the first group left. It may be the mark of an ICMP error, so it is tried once more; then that
 * message is lost, as a network may lose it. */
static void
send_all(struct live_udp *udp, struct live_batch *batch)
{
    struct live_counters *counters = &udp->live->counters;
    unsigned groups = form_groups(udp, batch), first = 0;
    bool again = true;

    for (unsigned sent = 0; sent < groups;) {
        int count = sendmmsg(udp->file.fd, batch->headers + sent, groups - sent, 0);

        counters->batches_sent++;
        for (int i = 0; i < count; i++, first += batch->sizes[sent++])
            counters->sent += batch->sizes[sent];
        if (count <= 0 && !again) {
            if (batch->sizes[sent] > 1)
                send_singly(udp, batch, first, batch->sizes[sent]);
            else
                lose(udp);
            first += batch->sizes[sent++];
        }
        again = count > 0 || !again;
    }
}

void
live_batch_send(struct live_udp *udp)
{
    struct live *live = udp->live;
    struct live_batch *batch = udp->batch;

    if (!batch)
        return;
    udp->batch = NULL;
    g_ptr_array_remove_fast(live->pending, udp);
    send_all(udp, batch);
    g_ptr_array_add(live->spare_batches, batch);
}

void
live_udp_flush(struct live *live)
{
    while (live->pending->len > 0)
        live_batch_send(live->pending->pdata[live->pending->len - 1]);
}

void
live_udp_free_buffers(struct live *live)
{
    g_ptr_array_free(live->spare_batches, TRUE);
    g_free(live->inbox);
    g_free(live->ways);
}
