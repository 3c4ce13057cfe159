#include "tests/unit/support_sip.h"

#include <inttypes.h>
#include <stdio.h>

struct on_way {
    int64_t at;
    uint64_t order;
    struct endpoint from, to;
    GBytes *data;
};

static void
on_way_free(void *data)
{
    struct on_way *way = data;

    g_bytes_unref(way->data);
    g_free(way);
}

static void
line_clear(void *line)
{
    g_free(((struct sip_net_line *)line)->text);
}

void
sip_net_open(struct sip_net *net, size_t hosts, uint64_t seed)
{
    *net = (struct sip_net){ .count = hosts, .chance = random_stream_of(seed, "net", "chance") };
    for (size_t i = 0; i < hosts; i++) {
        char address[16];

        g_snprintf(address, sizeof address, "192.0.2.%u", (unsigned)i + 1);
        net->hosts[i] = fake_io_new(address);
        net->hosts[i]->random = random_stream_of(seed, address, "host");
    }
    net->lines = g_array_new(FALSE, TRUE, sizeof(struct sip_net_line));
    g_array_set_clear_func(net->lines, line_clear);
    net->under_way = g_ptr_array_new_with_free_func(on_way_free);
}

bool
sip_net_close(struct sip_net *net)
{
    bool clean = true;

    for (size_t i = 0; i < net->count; i++)
        clean = fake_io_free(net->hosts[i]) && clean;
    g_array_unref(net->lines);
    g_ptr_array_unref(net->under_way);
    return clean;
}

struct endpoint
sip_net_at(const struct sip_net *net, size_t host, uint16_t port)
{
    return (struct endpoint){ net->hosts[host]->address, port };
}

static bool
happens(struct sip_net *net, unsigned percent)
{
    return percent > 0 && random_below(&net->chance, 100) < percent;
}

static char *
first_line(struct span data)
{
    const char *text = (const char *)data.bytes;
    const char *end = data.length ? memchr(text, '\r', data.length) : NULL;

    return g_strndup(text, end ? (size_t)(end - text) : MIN(data.length, 40));
}

static bool
is_lost(struct sip_net *net, const char *line)
{
    if (net->lose_with && net->lose_times > 0 && strstr(line, net->lose_with)) {
        net->lose_times--;
        return true;
    }
    return happens(net, net->lose);
}

static void
send_off(struct sip_net *net, const struct fake_datagram *datagram)
{
    struct on_way *way = g_new0(struct on_way, 1);

    way->at = datagram->at + net->delay;
    if (happens(net, net->late))
        way->at += (int64_t)random_below(&net->chance, 300) * TIME_MS;
    way->order = net->chance.counter;
    way->from = datagram->local;
    way->to = datagram->peer;
    way->data = g_bytes_new(datagram->data.bytes, datagram->data.length);
    g_ptr_array_add(net->under_way, way);
}

static bool
collect(struct sip_net *net)
{
    bool any = false;

    for (size_t i = 0; i < net->count; i++) {
        const struct fake_datagram *datagram;

        while ((datagram = fake_io_take(net->hosts[i]))) {
            struct sip_net_line line = { .at = datagram->at, .from = i, .text = first_line(datagram->data) };

            any = true;
            line.lost = is_lost(net, line.text);
            g_array_append_val(net->lines, line);
            if (line.lost)
                continue;
            send_off(net, datagram);
            if (happens(net, net->duplicate))
                send_off(net, datagram);
        }
    }
    return any;
}

static int64_t
now_of(const struct sip_net *net)
{
    return net->hosts[0]->now;
}

static bool
deliver_due(struct sip_net *net)
{
    for (guint i = 0; i < net->under_way->len; i++) {
        struct on_way *way = g_ptr_array_index(net->under_way, i);
        gsize length;
        const void *bytes;

        if (way->at > now_of(net))
            continue;
        way = g_ptr_array_steal_index(net->under_way, i);
        bytes = g_bytes_get_data(way->data, &length);
        for (size_t h = 0; h < net->count; h++) {
            if (address_equal(net->hosts[h]->address, way->to.address))
                (void)fake_io_deliver(net->hosts[h], way->to, way->from, span_of(bytes, length));
        }
        on_way_free(way);
        return true;
    }
    return false;
}

static bool
carry_streams(struct sip_net *net)
{
    bool any = false;

    for (size_t i = 0; i < net->count; i++) {
        for (size_t k = i + 1; k < net->count; k++)
            any = fake_io_carry_streams(net->hosts[i], net->hosts[k]) || any;
    }
    return any;
}

/* All that happens in this instant. */
static void
settle(struct sip_net *net)
{
    bool any;
    unsigned rounds = 0;

    do {
        any = false;
        for (size_t i = 0; i < net->count; i++)
            fake_io_advance(net->hosts[i], 0);
        any = collect(net) || any;
        any = deliver_due(net) || any;
        any = carry_streams(net) || any;
        if (++rounds > 100000)
            g_error("the hosts go on for ever at %" PRId64 " ns", now_of(net));
    } while (any);
}

static int64_t
next_event(const struct sip_net *net)
{
    int64_t next = TIME_NEVER;

    for (size_t i = 0; i < net->count; i++)
        next = MIN(next, fake_io_next(net->hosts[i]));
    for (guint i = 0; i < net->under_way->len; i++)
        next = MIN(next, ((struct on_way *)g_ptr_array_index(net->under_way, i))->at);
    return next;
}

void
sip_net_pass(struct sip_net *net, int64_t duration)
{
    int64_t until = now_of(net) + duration;

    settle(net);
    while (now_of(net) < until) {
        int64_t part = CLAMP(next_event(net) - now_of(net), 0, until - now_of(net));

        for (size_t i = 0; i < net->count; i++)
            fake_io_advance(net->hosts[i], part);
        settle(net);
    }
}

unsigned
sip_net_count(const struct sip_net *net, size_t from, const char *begins)
{
    unsigned count = 0;

    for (guint i = 0; i < net->lines->len; i++) {
        const struct sip_net_line *line = &g_array_index(net->lines, struct sip_net_line, i);

        count += (from == SIP_NET_HOSTS || line->from == from) && g_str_has_prefix(line->text, begins);
    }
    return count;
}

void
sip_net_print(const struct sip_net *net)
{
    for (guint i = 0; i < net->lines->len; i++) {
        const struct sip_net_line *line = &g_array_index(net->lines, struct sip_net_line, i);

        printf("%9.3f %u%s %s\n", (double)line->at / 1e9, (unsigned)line->from + 1, line->lost ? " lost" : "",
               line->text);
    }
}
