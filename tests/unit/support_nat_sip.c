#include "tests/unit/support_nat_sip.h"

#include <string.h>

#include "core/base/cursor.h"

struct nat_bench sip_bench;

void
sip_box_close(void)
{
    if (sip_bench.world)
        nat_bench_close(&sip_bench);
    sip_bench.world = NULL;
}

void
sip_box_open_with(const struct nat_options *with, uint64_t addresses)
{
    struct nat_options options = *with;

    options.algs = NAT_ALG_SIP;
    nat_bench_open_pool(&sip_bench, &options, addresses);
    sip_bench.by_wire = true;
}

void
sip_box_open(const char *preset, unsigned quirks)
{
    struct nat_options options = nat_preset_find(preset)->options;

    options.alg_quirks[g_bit_nth_lsf(NAT_ALG_SIP, -1)] = (uint16_t)quirks;
    sip_box_open_with(&options, 1);
}

/* ---- messages */

/* The text with its line ends and lengths. Free it. */
char *
sip_message_text(const char *text)
{
    GString *out = g_string_new(text);
    const char *body = strstr(text, "||");
    g_autofree char *length = NULL;
    unsigned lines = 0;

    for (const char *at = body ? body + 2 : ""; *at; at++)
        lines += *at == '|';
    length = g_strdup_printf("%zu", body ? strlen(body + 2) + lines : 0);
    g_string_replace(out, "^", length, 1);
    g_string_replace(out, "|", "\r\n", 0);
    return g_string_free(out, FALSE);
}

const char *
sip_put(enum nat_side side, const char *from, const char *to, const char *text)
{
    g_autofree char *data = sip_message_text(text);
    struct wire_packet packet = {
        .from = nat_endpoint(from), .to = nat_endpoint(to), .protocol = PROTOCOL_UDP, .data = span_of_text(data)
    };

    return nat_bench_wire(&sip_bench, side, &packet);
}

char *
sip_left(void)
{
    size_t length = sip_bench.last->len;

    return length > 28 ? g_strndup((const char *)sip_bench.last->data + 28, length - 28) : g_strdup("");
}

void
sip_check(const char *name, enum nat_side side, const char *from, const char *to, const char *sent,
          const char *expected)
{
    const char *told = sip_put(side, from, to, sent);
    g_autofree char *wanted = sip_message_text(expected);

    CHECK_ROW(name, strstr(told, "BAD") == NULL && (g_str_has_prefix(told, "out ") || g_str_has_prefix(told, "in ")));
    g_autofree char *left = sip_left();

    CHECK_ROW_TEXT(name, left, wanted);
}

void
sip_hears(const char *name, const char *from, const char *port, const char *told)
{
    g_autofree char *to = g_strdup_printf("203.0.113.1:%s", port);
    g_autofree char *in = g_strdup_printf("in %s > 10.0.0.2:%s", from, port);

    CHECK_ROW_TEXT(name, nat_bench_udp(&sip_bench, NAT_OUTSIDE, from, to), told ? told : in);
}
