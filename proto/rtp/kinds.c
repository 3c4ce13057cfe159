#include "proto/rtp/kinds.h"

#include "core/base/time.h"
#include "proto/rtp/packet.h"
#include "proto/rtp/rtcp.h"

static const char *const quiet_words[] = {
    [RTP_QUIET_STOP] = "it was stopped",
    [RTP_QUIET_HOLD] = "it is on hold",
    [RTP_QUIET_DONE] = "its time is over",
};

G_STATIC_ASSERT(G_N_ELEMENTS(quiet_words) == RTP_QUIET_WHY_COUNT);

static const char *const unexpected_words[] = {
    [RTP_UNEXPECTED_TYPE] = "its payload type was not agreed on",
    [RTP_UNEXPECTED_SOURCE] = "it is of one source more than are listened to",
    [RTP_UNEXPECTED_COLLISION] = "its SSRC is the session's own",
};

G_STATIC_ASSERT(G_N_ELEMENTS(unexpected_words) == RTP_UNEXPECTED_COUNT);

static void
say_codec(unsigned payload_type, GString *out)
{
    const struct rtp_codec *codec = rtp_codec_of(payload_type);

    if (codec)
        g_string_append(out, codec->name);
    else
        g_string_append_printf(out, "payload type %u", payload_type);
}

static void
say_heard(const struct record *record, const struct names *names, GString *out)
{
    char from[ENDPOINT_TEXT], gap[DURATION_TEXT];

    (void)names;
    endpoint_format(flow_source(&record->before), from);
    if (record->detail)
        g_string_append_printf(out, "media: RTP from %s comes again, after %s without", from,
                               duration_format(record->detail, gap));
    else
        g_string_append_printf(out, "media: the first RTP packets from %s have come", from);
    g_string_append(out, ": ");
    say_codec(record->subject[1], out);
    g_string_append_printf(out, ", SSRC 0x%08x", record->subject[0]);
}

static void
say_stopped(const struct record *record, const struct names *names, GString *out)
{
    char from[ENDPOINT_TEXT];

    (void)names;
    endpoint_format(flow_source(&record->before), from);
    if (record->rule == RTP_STOPPED_BYE)
        g_string_append_printf(out, "media: %s says goodbye (RTCP BYE)", from);
    else
        g_string_append_printf(out, "media: nothing has come from %s for 1s", from);
    g_string_append_printf(out, ", after %" G_GINT64_FORMAT " RTP packets", record->detail);
}

static void
say_sending(const struct record *record, const struct names *names, GString *out)
{
    char to[ENDPOINT_TEXT], interval[DURATION_TEXT];

    (void)names;
    g_string_append_printf(
        out, "media: RTP goes to %s from now on: ", endpoint_format(flow_destination(&record->before), to));
    say_codec(record->subject[1], out);
    g_string_append_printf(out, " every %s, SSRC 0x%08x", duration_format(record->detail, interval),
                           record->subject[0]);
}

static void
say_quiet(const struct record *record, const struct names *names, GString *out)
{
    char to[ENDPOINT_TEXT];

    (void)names;
    g_string_append_printf(out, "media: no RTP goes to %s any more, because %s; %" G_GINT64_FORMAT " packets were sent",
                           endpoint_format(flow_destination(&record->before), to), quiet_words[record->rule],
                           record->detail);
}

static void
say_redirected(const struct record *record, const struct names *names, GString *out)
{
    char from[ENDPOINT_TEXT], to[ENDPOINT_TEXT];

    (void)names;
    g_string_append_printf(out, "media: RTP goes to %s from now on",
                           endpoint_format(flow_destination(&record->after), to));
    if (!address_is_none(record->before.destination))
        g_string_append_printf(out, " instead of %s", endpoint_format(flow_destination(&record->before), from));
    g_string_append(out, record->rule ? ", because it comes from there (latching)" : ", as the signalling says");
}

static void
say_reported(const struct record *record, const struct names *names, GString *out)
{
    char from[ENDPOINT_TEXT], time[DURATION_TEXT];

    (void)names;
    g_string_append_printf(out, "RTCP: %s has lost %d packets of what was sent so far, %u %% lately; jitter %s",
                           endpoint_format(flow_source(&record->before), from), (int32_t)record->subject[0],
                           (record->rule * 100u + 128) / 256,
                           duration_format((int64_t)record->subject[1] * TIME_US, time));
    if (record->detail >= 0)
        g_string_append_printf(out, ", round trip %s",
                               duration_format(record->detail / (10 * TIME_US) * (10 * TIME_US), time));
}

static void
say_dropped(const struct record *record, const struct names *names, GString *out)
{
    char from[ENDPOINT_TEXT];
    const char *why = record->reason == DROP_MALFORMED_RTP    ? rtp_fault_sentence(record->rule)
                      : record->reason == DROP_MALFORMED_RTCP ? rtcp_fault_sentence(record->rule)
                                                              : unexpected_words[record->rule];

    (void)names;
    g_string_append_printf(out, "%s from %s dropped: %s", record->reason == DROP_MALFORMED_RTCP ? "RTCP" : "RTP",
                           endpoint_format(flow_source(&record->before), from), why);
}

/* --- fields ------------------------------------------------------------------------------------------------------ */

static void
heard_fields(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    fields_number(out, "ssrc", record->subject[0]);
    fields_number(out, "payload_type", record->subject[1]);
    if (record->detail)
        fields_time(out, "gap", record->detail);
}

static void
stopped_fields(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    fields_text(out, "why", record->rule == RTP_STOPPED_BYE ? "bye" : "silence");
    fields_number(out, "ssrc", record->subject[0]);
    fields_number(out, "packets", record->detail);
}

static void
sending_fields(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    fields_number(out, "ssrc", record->subject[0]);
    fields_number(out, "payload_type", record->subject[1]);
    fields_time(out, "interval", record->detail);
}

static void
quiet_fields(const struct record *record, const struct names *names, struct fields *out)
{
    static const char *const words[] = { "stop", "hold", "done" };

    (void)names;
    fields_text(out, "why", words[record->rule]);
    fields_number(out, "ssrc", record->subject[0]);
    fields_number(out, "packets", record->detail);
}

static void
redirected_fields(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    out->flag(out, "latched", record->rule);
}

static void
reported_fields(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    fields_number(out, "lost", (int32_t)record->subject[0]);
    fields_number(out, "fraction_lost", record->rule);
    fields_time(out, "jitter", (int64_t)record->subject[1] * TIME_US);
    if (record->detail >= 0)
        fields_time(out, "round_trip", record->detail);
}

const struct record_kind rtp_kind_heard = {
    "rtp-heard", "media-started", "RFC 3550 appendix A.1", say_heard, heard_fields,
};
const struct record_kind rtp_kind_stopped = {
    "rtp-stopped", "media-stopped", "RFC 3550 section 6.6", say_stopped, stopped_fields,
};
const struct record_kind rtp_kind_sending = {
    "rtp-sending", "media-sending", "RFC 3550 section 5.1", say_sending, sending_fields,
};
const struct record_kind rtp_kind_quiet = {
    "rtp-quiet", "media-quiet", "RFC 3264 section 8.4", say_quiet, quiet_fields,
};
const struct record_kind rtp_kind_redirected = {
    "rtp-redirected", "media-redirected", "RFC 7362 section 4", say_redirected, redirected_fields,
};
const struct record_kind rtp_kind_reported = {
    "rtp-reported", "media-reported", "RFC 3550 section 6.4", say_reported, reported_fields,
};
const struct record_kind rtp_kind_dropped = {
    "rtp-dropped", "dropped", "RFC 3550 appendix A.1", say_dropped, NULL,
};
