/* Candidate lines as they trickle, and the other values that hold addresses: the same bytes go to each parser.
 *
 * What must hold: what was taken prints to a line that is taken too, with the same in every field; a fault's column lies
 * in the line, or right behind it. */
#include "core/base/cursor.h"
#include "proto/sdp/attributes.h"
#include "proto/sdp/ice.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void
check_extensions(const struct sdp_candidate *a, const struct sdp_candidate *b)
{
    struct span rest_a = a->extensions, rest_b = b->extensions, name_a, name_b, value_a, value_b;

    while (sdp_extension_next(&rest_a, &name_a, &value_a)) {
        g_assert_true(sdp_extension_next(&rest_b, &name_b, &value_b));
        g_assert_true(span_equal(name_a, name_b));
        g_assert_true(span_equal(value_a, value_b));
    }
    g_assert_false(sdp_extension_next(&rest_b, &name_b, &value_b));
}

static void
check_same(const struct sdp_candidate *a, const struct sdp_candidate *b)
{
    g_assert_true(span_equal(a->foundation, b->foundation));
    g_assert_cmpuint(a->component, ==, b->component);
    g_assert_cmpuint(a->priority, ==, b->priority);
    g_assert_cmpint(a->transport, ==, b->transport);
    g_assert_true(a->transport != SDP_TRANSPORT_OTHER || span_equal(a->transport_text, b->transport_text));
    g_assert_true(sdp_host_equal(&a->host, &b->host));
    g_assert_cmpuint(a->port, ==, b->port);
    g_assert_cmpint(a->type, ==, b->type);
    g_assert_true(a->type != SDP_TYPE_OTHER || span_equal(a->type_text, b->type_text));
    g_assert_true(sdp_host_equal(&a->related, &b->related));
    g_assert_cmpint(a->has_related_port, ==, b->has_related_port);
    g_assert_cmpuint(a->related_port, ==, b->related_port);
    g_assert_cmpint(a->tcptype, ==, b->tcptype);
    check_extensions(a, b);
}

static void
check_candidate(struct span line)
{
    struct sdp_candidate candidate, again;
    struct sdp_error error = { 0 };
    g_autoptr(GString) out = g_string_new(NULL);

    if (sdp_candidate_parse(line, &candidate, &error) != SDP_FAULT_NONE) {
        g_assert_cmpuint(error.column, >=, 1);
        g_assert_cmpuint(error.column, <=, line.length + 1);
        return;
    }
    sdp_put_candidate(out, &candidate);
    g_assert_cmpint(sdp_candidate_parse(span_of(out->str, out->len), &again, NULL), ==, SDP_FAULT_NONE);
    check_same(&candidate, &again);
}

/* The value in a line that was printed: after "a=name:", and before CRLF. */
static struct span
value_of(const GString *line, const char *before)
{
    size_t length = strlen(before);

    return span_of(line->str + length, line->len - length - 2);
}

static void
check_remote_candidates(struct span value)
{
    struct sdp_lex lex = sdp_lex_over(value);
    struct sdp_remote_candidate remote, again;

    while (!sdp_lex_done(&lex)) {
        g_autoptr(GString) out = g_string_new(NULL);

        if (sdp_remote_candidate_take(&lex, &remote) != SDP_FAULT_NONE)
            return;
        sdp_put_remote_candidates(out, &remote, 1);

        struct sdp_lex printed = sdp_lex_over(value_of(out, "a=remote-candidates:"));

        g_assert_cmpint(sdp_remote_candidate_take(&printed, &again), ==, SDP_FAULT_NONE);
        g_assert_true(sdp_host_equal(&remote.host, &again.host));
        g_assert_cmpuint(remote.port, ==, again.port);
        g_assert_cmpuint(remote.component, ==, again.component);
    }
}

static void
check_rtcp(struct span value)
{
    g_autoptr(GString) out = g_string_new(NULL);
    struct sdp_rtcp rtcp, again;
    size_t at;

    if (sdp_rtcp_parse(value, &rtcp, &at) != SDP_FAULT_NONE) {
        g_assert_cmpuint(at, <=, value.length);
        return;
    }
    sdp_put_rtcp(out, &rtcp);
    g_assert_cmpint(sdp_rtcp_parse(value_of(out, "a=rtcp:"), &again, &at), ==, SDP_FAULT_NONE);
    g_assert_cmpuint(rtcp.port, ==, again.port);
    g_assert_true(sdp_host_equal(&rtcp.to.host, &again.to.host));
}

static void
check_rtpmap(struct span value)
{
    g_autoptr(GString) out = g_string_new(NULL);
    struct sdp_rtpmap map, again;
    size_t at;

    if (sdp_rtpmap_parse(value, &map, &at) != SDP_FAULT_NONE)
        return;
    sdp_put_rtpmap(out, &map);
    g_assert_cmpint(sdp_rtpmap_parse(value_of(out, "a=rtpmap:"), &again, &at), ==, SDP_FAULT_NONE);
    g_assert_cmpuint(map.payload_type, ==, again.payload_type);
    g_assert_true(sdp_rtpmap_matches(&map, &again));
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct span input = span_of(bytes, length);

    check_candidate(input);
    check_remote_candidates(input);
    check_rtcp(input);
    check_rtpmap(input);
    return 0;
}
