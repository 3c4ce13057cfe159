/* Datagrams by the batch: recvmmsg into the host's inbox, sendmmsg from what waits at a socket. The memory is taken
 * once and used again. */
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

unsigned
live_inbox_receive(struct live_udp *udp)
{
    struct live_inbox *inbox = inbox_of(udp->live);
    int count;

    for (unsigned i = 0; i < LIVE_BATCH; i++) {
        inbox->data[i] = (struct iovec){ inbox->bytes[i], INBOX_BYTES };
        inbox->headers[i].msg_hdr = (struct msghdr){ .msg_name = &inbox->names[i],
                                                     .msg_namelen = sizeof inbox->names[i],
                                                     .msg_iov = &inbox->data[i],
                                                     .msg_iovlen = 1,
                                                     .msg_control = inbox->control[i],
                                                     .msg_controllen = sizeof inbox->control[i] };
    }
    count = recvmmsg(udp->file.fd, inbox->headers, LIVE_BATCH, MSG_DONTWAIT, NULL);
    return count > 0 ? (unsigned)count : 0; /* an error here is an ICMP error's mark, which is told elsewhere */
}

bool
live_inbox_read(struct live_udp *udp, unsigned n, struct io_datagram *datagram)
{
    struct live_inbox *inbox = udp->live->inbox;
    struct msghdr *header = &inbox->headers[n].msg_hdr;

    *datagram = IO_DATAGRAM_TO(live_sockaddr_read(header->msg_name), span_of(inbox->bytes[n], inbox->headers[n].msg_len));
    datagram->local = udp->local;
    for (struct cmsghdr *at = CMSG_FIRSTHDR(header); at; at = CMSG_NXTHDR(header, at))
        live_control_read(at, datagram);
    return (header->msg_flags & MSG_TRUNC) == 0;
}

/* --- out -------------------------------------------------------------------------------------------------------- */

struct live_batch {
    unsigned count;
    struct live_message messages[LIVE_BATCH];
    struct mmsghdr headers[LIVE_BATCH];
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
    live_message_header(&batch->messages[at], span_of(batch->bytes[at], datagram->data.length),
                        &batch->headers[at].msg_hdr);
    batch->count++;
    return true;
}

/* A failure is that of the first message left. It may be the mark of an ICMP error, so it is tried once more; then that
 * message is lost, as a network may lose it. */
static void
send_all(struct live_udp *udp, struct live_batch *batch)
{
    struct live_counters *counters = &udp->live->counters;
    bool again = true;

    for (unsigned sent = 0; sent < batch->count;) {
        int count = sendmmsg(udp->file.fd, batch->headers + sent, batch->count - sent, 0);

        counters->batches_sent++;
        if (count > 0) {
            sent += (unsigned)count;
            counters->sent += (unsigned)count;
            again = true;
        } else if (again) {
            again = false;
        } else {
            sent++;
            counters->unsent++;
            again = true;
        }
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
}
