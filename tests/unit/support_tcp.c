#include "tests/unit/support_tcp.h"

#include <stdlib.h>

#include "tests/unit/support.h"

#define OWN_ISS UINT32_C(0xffffff80)
#define PEER_ISS UINT32_C(0xfffffe00)
#define OWN_MSS 1000

const struct tcp_settings tcp_talk_plain = {
    .send_buffer = 1 << 20,
    .receive_buffer = 60000,
    .rto_minimum = TIME_S,
    .ack_delay = 40 * TIME_MS,
    .time_wait = 4 * TIME_MIN,
    .fin_wait = TIME_MIN,
    .give_up = 100 * TIME_S,
    .give_up_syn = 180 * TIME_S,
    .keep_alive_idle = 120 * TIME_MIN,
    .keep_alive_interval = 75 * TIME_S,
    .keep_alive_probes = 9,
};

struct sent {
    int64_t at;
    struct tcp_segment segment;
};

struct talk {
    const char *row;
    struct tcp_machine machine;
    const struct tcp_settings *settings;
    struct tcp_birth birth;
    int64_t now;
    bool listening;
    GArray *sent; /* struct sent, not yet expected */
    enum drop_reason reason;
    unsigned changes;
};

static void
count_change(struct tcp_machine *machine, enum tcp_state from)
{
    (void)machine, (void)from;
}

static void
complain(const struct talk *talk, const char *step, const char *what)
{
    g_autofree char *row = g_strdup_printf("%s: '%s': %s", talk->row, step, what);

    CHECK_ROW(row, false);
}

static void
collect(struct talk *talk)
{
    struct sent sent = { .at = talk->now };

    while (tcp_machine_next(&talk->machine, talk->now, &sent.segment)) {
        sent.segment.data.length += sent.segment.more.length; /* only how much: the bytes go with the buffer */
        sent.segment.data.bytes = NULL;
        g_array_append_val(talk->sent, sent);
    }
}

static void
advance(struct talk *talk, int64_t to)
{
    while (talk->machine.state != TCP_CLOSED && tcp_machine_deadline(&talk->machine) <= to) {
        talk->now = MAX(talk->now, tcp_machine_deadline(&talk->machine));
        tcp_machine_wake(&talk->machine, talk->now);
        collect(talk);
    }
    talk->now = to;
}

/* --- segments as text ------------------------------------------------------------------------------------------- */

static const char flag_letters[] = "FSRPAU"; /* by bit */

static uint8_t
flags_of(const char *letters)
{
    uint8_t flags = 0;

    for (; *letters && *letters != '.'; letters++)
        flags |= (uint8_t)(1u << (strchr(flag_letters, *letters) - flag_letters));
    return flags;
}

/* Reads a segment from words; `from` and `to` are the initial numbers of its sender and receiver. `named` collects
 * which options were told. */
static struct tcp_segment
segment_of(char **words, uint32_t from, uint32_t to, const uint8_t *data, GString *named)
{
    struct tcp_segment segment = { .scale = TCP_NO_SCALE, .window = 65535 };
    char *plus;

    segment.flags = flags_of(words[0]);
    segment.seq = from + (uint32_t)strtol(words[1], &plus, 10);
    if (*plus == '+')
        segment.data = span_of(data, (size_t)atoi(plus + 1));
    if (segment.flags & TCP_SYN)
        segment.mss = 1000;
    for (words += 2; *words; words++) {
        g_string_append_printf(named, " %s ", *words);
        if (!strcmp(*words, "ack")) {
            segment.ack = to + (uint32_t)atoi(*++words);
        } else if (!strcmp(*words, "win")) {
            segment.window = (uint16_t)atoi(*++words);
        } else if (!strcmp(*words, "mss")) {
            segment.mss = (uint16_t)atoi(*++words);
        } else if (!strcmp(*words, "scale")) {
            segment.scale = (uint8_t)atoi(*++words);
        } else if (!strcmp(*words, "sackok")) {
            segment.sack_permitted = true;
        } else if (!strcmp(*words, "ts")) {
            segment.has_timestamp = true;
            segment.timestamp = (uint32_t)atoi(*++words);
            segment.echo = (uint32_t)atoi(*++words);
        } else if (!strcmp(*words, "sack")) {
            while (words[1] && strchr(words[1], '-')) {
                char *right = strchr(*++words, '-') + 1;

                segment.sack[segment.sack_count++] =
                    (struct tcp_block){ to + (uint32_t)atoi(*words), to + (uint32_t)atoi(right) };
            }
        } else {
            g_error("'%s' is no part of a segment", *words);
        }
    }
    return segment;
}

static char *
tell(const struct sent *sent)
{
    const struct tcp_segment *segment = &sent->segment;
    GString *text = g_string_new(NULL);

    g_string_append_printf(text, "@%" G_GINT64_FORMAT ".%06d ", sent->at / TIME_MS, (int)(sent->at % TIME_MS));
    for (int i = 0; flag_letters[i]; i++)
        if (segment->flags & 1u << i)
            g_string_append_c(text, flag_letters[i]);
    g_string_append_printf(text, " %d+%u", (int32_t)(segment->seq - OWN_ISS), (unsigned)segment->data.length);
    if (segment->flags & TCP_ACK)
        g_string_append_printf(text, " ack %d", (int32_t)(segment->ack - PEER_ISS));
    g_string_append_printf(text, " win %u mss %u", segment->window, segment->mss);
    for (unsigned i = 0; i < segment->sack_count; i++)
        g_string_append_printf(text, " sack %d-%d", (int32_t)(segment->sack[i].left - PEER_ISS),
                               (int32_t)(segment->sack[i].right - PEER_ISS));
    return g_string_free(text, FALSE);
}

/* --- steps ------------------------------------------------------------------------------------------------------ */

static void
arrive(struct talk *talk, char **words)
{
    static uint8_t data[70000];
    g_autoptr(GString) named = g_string_new(NULL);
    struct tcp_segment segment = segment_of(words, PEER_ISS, OWN_ISS, data, named);

    for (size_t i = 0; i < segment.data.length; i++) /* each octet is told by its number */
        data[i] = (uint8_t)((segment.seq - PEER_ISS + i) % 251);
    if (talk->listening) {
        struct tcp_segment reply;

        talk->listening = false;
        g_assert(tcp_listen_answer(&segment, &reply) == TCP_LISTEN_OPEN);
        tcp_machine_answer(&talk->machine, talk->settings, &talk->birth, &segment, talk->now);
        talk->reason = DROP_NONE;
    } else {
        talk->reason = tcp_machine_receive(&talk->machine, &segment, talk->now);
    }
    collect(talk);
}

static void
expect_sent(struct talk *talk, const char *step, char **words, int64_t at)
{
    g_autoptr(GString) named = g_string_new(" ");
    struct tcp_segment wanted = segment_of(words, OWN_ISS, PEER_ISS, NULL, named);
    const struct sent *sent = &g_array_index(talk->sent, struct sent, 0);
    const struct tcp_segment *got = &sent->segment;
    bool same;

    if (talk->sent->len == 0) {
        complain(talk, step, "nothing was sent");
        return;
    }
    same = got->flags == wanted.flags && got->seq == wanted.seq && got->data.length == wanted.data.length;
    same &= !(got->flags & TCP_ACK) || got->ack == wanted.ack;
    same &= at < 0 || sent->at == at;
    same &= !strstr(named->str, " win ") || got->window == wanted.window;
    same &= !strstr(named->str, " mss ") || got->mss == wanted.mss;
    same &= !strstr(named->str, " scale ") || got->scale == wanted.scale;
    same &= !strstr(named->str, " sackok ") || got->sack_permitted;
    same &= !strstr(named->str, " ts ") ||
            (got->has_timestamp && got->timestamp == wanted.timestamp && got->echo == wanted.echo);
    if (strstr(named->str, " sack "))
        same &= got->sack_count == wanted.sack_count &&
                memcmp(got->sack, wanted.sack, wanted.sack_count * sizeof *wanted.sack) == 0;
    if (!same) {
        g_autofree char *text = tell(sent);

        complain(talk, step, text);
    } else {
        CHECK_ROW(talk->row, true);
    }
    g_array_remove_index(talk->sent, 0);
}

static void
expect_silence(struct talk *talk, const char *step)
{
    if (talk->sent->len > 0) {
        g_autofree char *text = tell(&g_array_index(talk->sent, struct sent, 0));

        complain(talk, step, text);
    } else {
        CHECK_ROW(talk->row, true);
    }
}

static void
do_read(struct talk *talk, const char *step, char **words)
{
    static uint8_t bytes[1 << 17];
    size_t wanted = strcmp(words[1], "again") && strcmp(words[1], "failed") ? (size_t)atoi(words[1]) : 0;
    enum io_result why;
    ssize_t got = tcp_machine_read(&talk->machine, bytes, wanted ? wanted : 1, &why);

    if (!strcmp(words[1], "again")) {
        if (got != -1 || why != IO_AGAIN)
            complain(talk, step, io_result_word(why));
    } else if (!strcmp(words[1], "failed")) {
        if (got != -1 || strcmp(io_result_word(why), words[2]))
            complain(talk, step, io_result_word(why));
    } else if (got != (ssize_t)wanted) {
        complain(talk, step, "another count");
    } else {
        for (ssize_t i = 1; i < got; i++)
            if (bytes[i] != (bytes[i - 1] + 1) % 251) {
                complain(talk, step, "the octets are out of order");
                break;
            }
    }
    collect(talk);
}

static void
do_write(struct talk *talk, const char *step, char **words)
{
    static const uint8_t bytes[1 << 20];
    enum io_result why;
    ssize_t wanted = atoi(words[1]), taken = tcp_machine_write(&talk->machine, bytes, (size_t)wanted, &why);

    if (words[2] ? taken != -1 || strcmp(io_result_word(why), words[2]) : taken != wanted)
        complain(talk, step, io_result_word(why));
    collect(talk);
}

static void
check_news(struct talk *talk, const char *step, char **words)
{
    static const char *const names[] = { "connected", "readable", "writable", "failed" };
    uint8_t wanted = 0;

    for (words++; *words; words++)
        for (unsigned i = 0; i < G_N_ELEMENTS(names); i++)
            if (!strcmp(*words, names[i]))
                wanted |= (uint8_t)(1u << i);
    if (talk->machine.news != wanted)
        complain(talk, step, "other news");
    talk->machine.news = 0;
}

/* Steps of one word that change something. */
static bool
simple_step(struct talk *talk, const char *word)
{
    if (!strcmp(word, "connect"))
        tcp_machine_connect(&talk->machine, talk->settings, &talk->birth, talk->now);
    else if (!strcmp(word, "listen"))
        talk->listening = true;
    else if (!strcmp(word, "shutdown"))
        tcp_machine_shutdown(&talk->machine, talk->now);
    else if (!strcmp(word, "release"))
        tcp_machine_release(&talk->machine, talk->now);
    else if (!strcmp(word, "abort"))
        tcp_machine_abort(&talk->machine);
    else if (!strcmp(word, "forget"))
        g_array_set_size(talk->sent, 0);
    else
        return false;
    if (!talk->listening)
        collect(talk);
    return true;
}

static enum io_result
result_of(const char *word)
{
    int result = 0;

    while (strcmp(io_result_word((enum io_result)result), word))
        result++;
    return (enum io_result)result;
}

static bool
other_step(struct talk *talk, char **words)
{
    if (!strcmp(words[0], "nagle")) {
        talk->machine.nagle = strcmp(words[1], "off") != 0;
    } else if (!strcmp(words[0], "keepalive")) {
        tcp_machine_set_keep_alive(&talk->machine, !strcmp(words[1], "on"), talk->now);
    } else if (!strcmp(words[0], "unreachable")) {
        tcp_machine_unreachable(&talk->machine, result_of(words[1]), !words[2]);
    } else if (!strcmp(words[0], "toobig")) {
        tcp_machine_too_big(&talk->machine, (uint16_t)atoi(words[1]));
    } else {
        return false;
    }
    collect(talk);
    return true;
}

static bool
check_step(struct talk *talk, const char *step, char **words)
{
    const struct tcp_machine *machine = &talk->machine;

    if (!strcmp(words[0], "-")) {
        expect_silence(talk, step);
    } else if (!strcmp(words[0], "=")) {
        if (strcmp(tcp_state_name(machine->state), words[1]))
            complain(talk, step, tcp_state_name(machine->state));
        else
            CHECK_ROW(talk->row, true);
    } else if (!strcmp(words[0], "!")) {
        if (strcmp(drop_reason_word(talk->reason), words[1]))
            complain(talk, step, drop_reason_word(talk->reason));
        else
            CHECK_ROW(talk->row, true);
    } else if (!strcmp(words[0], "news")) {
        check_news(talk, step, words);
    } else if (!strcmp(words[0], "busy") || !strcmp(words[0], "idle")) {
        if (tcp_machine_busy(machine, talk->now) != !strcmp(words[0], "busy"))
            complain(talk, step, "it is not");
    } else if (!strcmp(words[0], "cwnd")) {
        CHECK_ROW_UINT(talk->row, machine->cwnd, (uint32_t)atoi(words[1]));
    } else {
        return false;
    }
    return true;
}

static void
take_step(struct talk *talk, const char *step)
{
    g_auto(GStrv) words = g_strsplit(step, " ", -1);

    if (simple_step(talk, words[0]) || other_step(talk, words) || check_step(talk, step, words))
        return;
    if (!strcmp(words[0], "in"))
        arrive(talk, words + 1);
    else if (!strcmp(words[0], "at"))
        advance(talk, atoi(words[1]) * TIME_MS);
    else if (!strcmp(words[0], "after"))
        advance(talk, talk->now + atoi(words[1]) * TIME_MS);
    else if (!strcmp(words[0], "read"))
        do_read(talk, step, words);
    else if (!strcmp(words[0], "write"))
        do_write(talk, step, words);
    else if (words[0][0] == '>')
        expect_sent(talk, step, words + 1, words[0][1] ? atoi(words[0] + 2) * TIME_MS : -1);
    else
        g_error("%s: '%s' is no step", talk->row, step);
}

void
tcp_talk(const char *row, const struct tcp_settings *settings, const char *script)
{
    struct talk talk = {
        .row = row,
        .machine = { .changed = count_change },
        .settings = settings ? settings : &tcp_talk_plain,
        .birth = { .iss = OWN_ISS, .mss = OWN_MSS },
        .sent = g_array_new(FALSE, FALSE, sizeof(struct sent)),
    };
    g_auto(GStrv) steps = g_strsplit(script, ";", -1);

    for (char **step = steps; *step; step++)
        if (*g_strstrip(*step))
            take_step(&talk, *step);
    expect_silence(&talk, "the end");
    tcp_machine_clear(&talk.machine);
    g_array_free(talk.sent, TRUE);
}
