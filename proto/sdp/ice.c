#include "proto/sdp/ice.h"

#include "proto/sdp/attributes.h"

/* ---- credentials, options and flags */

static enum sdp_fault
check_credential(struct span text, size_t least, enum sdp_fault fault)
{
    return sdp_is_ice(text) && text.length >= least && text.length <= SDP_MOST_CREDENTIAL ? SDP_FAULT_NONE : fault;
}

static enum sdp_fault
check_ufrag(struct span text)
{
    return check_credential(text, SDP_LEAST_UFRAG, SDP_FAULT_UFRAG);
}

static enum sdp_fault
check_pwd(struct span text)
{
    return check_credential(text, SDP_LEAST_PWD, SDP_FAULT_PWD);
}

/* The grammar has ice-chars only; "google-ice" shows that '-' is in use. */
static enum sdp_fault
check_options(struct span text)
{
    struct sdp_lex lex = sdp_lex_over(text);

    while (!sdp_lex_done(&lex)) {
        struct span tag = sdp_lex_field(&lex);

        if (tag.length == 0)
            return SDP_FAULT_OPTIONS;
        for (size_t i = 0; i < tag.length; i++)
            if (tag.bytes[i] != '-' && !sdp_is_ice(span_of(tag.bytes + i, 1)))
                return SDP_FAULT_OPTIONS;
    }
    return SDP_FAULT_NONE;
}

static enum sdp_fault
check_pacing(struct span text)
{
    uint64_t value;

    return text.length <= 10 && sdp_number(text, UINT64_MAX, &value) ? SDP_FAULT_NONE : SDP_FAULT_PACING;
}

/* Reads an attribute with a value, if it is there, into `*value`. */
static enum sdp_fault
read_value(const struct sdp_session *session, int section, const char *name, enum sdp_fault (*check)(struct span),
           struct span *value, struct sdp_error *error)
{
    const struct sdp_line *line = sdp_attribute_inherit(session, section, name);

    *value = span_of(NULL, 0);
    if (!line)
        return SDP_FAULT_NONE;
    *value = sdp_attribute_value(session, line);

    enum sdp_fault fault = check(*value);

    return fault == SDP_FAULT_NONE ? fault : sdp_blame(session, line, fault, 0, name, error);
}

/* Both or none. The line that stands alone is blamed. */
static enum sdp_fault
read_credentials(const struct sdp_session *session, int section, struct sdp_ice *ice, struct sdp_error *error)
{
    enum sdp_fault fault = read_value(session, section, "ice-ufrag", check_ufrag, &ice->ufrag, error);

    if (fault == SDP_FAULT_NONE)
        fault = read_value(session, section, "ice-pwd", check_pwd, &ice->pwd, error);
    if (fault != SDP_FAULT_NONE || !ice->ufrag.length == !ice->pwd.length)
        return fault;

    const char *name = ice->ufrag.length ? "ice-ufrag" : "ice-pwd";

    return sdp_blame(session, sdp_attribute_inherit(session, section, name), SDP_FAULT_CREDENTIALS, 0, name, error);
}

enum sdp_fault
sdp_ice_read(const struct sdp_session *session, int section, struct sdp_ice *ice, struct sdp_error *error)
{
    enum sdp_fault fault = read_credentials(session, section, ice, error);
    struct span pacing = { 0 };

    if (fault == SDP_FAULT_NONE)
        fault = read_value(session, section, "ice-options", check_options, &ice->options, error);
    if (fault == SDP_FAULT_NONE)
        fault = read_value(session, SDP_SESSION_LEVEL, "ice-pacing", check_pacing, &pacing, error);
    ice->pacing_ms = SDP_PACING_MS;
    if (fault == SDP_FAULT_NONE && pacing.length)
        sdp_number(pacing, UINT64_MAX, &ice->pacing_ms);
    ice->lite = sdp_attribute_has(session, SDP_SESSION_LEVEL, "ice-lite");
    ice->mismatch = section != SDP_SESSION_LEVEL && sdp_attribute_has(session, section, "ice-mismatch");
    ice->end_of_candidates = sdp_attribute_inherit(session, section, "end-of-candidates") != NULL;
    return fault;
}

static bool
section_has_option(const struct sdp_session *session, int section, const char *tag)
{
    const struct sdp_line *line = sdp_attribute_find(session, section, "ice-options", NULL);

    if (!line)
        return false;

    struct sdp_lex lex = sdp_lex_over(sdp_attribute_value(session, line));

    while (!sdp_lex_done(&lex))
        if (sdp_text_is(sdp_lex_field(&lex), tag))
            return true;
    return false;
}

bool
sdp_ice_has_option(const struct sdp_session *session, int section, const char *tag)
{
    return section_has_option(session, section, tag) || section_has_option(session, SDP_SESSION_LEVEL, tag);
}

static void
put_value(GString *out, const char *name, struct span value)
{
    if (value.length == 0)
        return;
    g_string_append_printf(out, "a=%s:", name);
    sdp_put_span(out, value);
    g_string_append(out, "\r\n");
}

void
sdp_put_ice(GString *out, const struct sdp_ice *ice, int section)
{
    bool session = section == SDP_SESSION_LEVEL;

    if (session && ice->lite)
        sdp_put_attribute(out, "ice-lite", NULL);
    put_value(out, "ice-ufrag", ice->ufrag);
    put_value(out, "ice-pwd", ice->pwd);
    put_value(out, "ice-options", ice->options);
    if (session && ice->pacing_ms != SDP_PACING_MS)
        g_string_append_printf(out, "a=ice-pacing:%" G_GUINT64_FORMAT "\r\n", ice->pacing_ms);
    if (!session && ice->mismatch)
        sdp_put_attribute(out, "ice-mismatch", NULL);
}

/* ---- candidates */

enum sdp_fault
sdp_candidate_next(const struct sdp_session *session, int media, const struct sdp_line **line,
                   struct sdp_candidate *candidate, struct sdp_error *error)
{
    enum sdp_fault fault;
    size_t at;

    *line = sdp_attribute_find(session, media, "candidate", *line);
    if (!*line)
        return SDP_FAULT_NONE;
    fault = sdp_candidate_parse_value(sdp_attribute_value(session, *line), candidate, &at);
    return fault == SDP_FAULT_NONE ? fault : sdp_blame(session, *line, fault, at, "candidate", error);
}

enum sdp_fault
sdp_remote_candidate_take(struct sdp_lex *lex, struct sdp_remote_candidate *remote)
{
    uint64_t component, port;

    if (!sdp_number(sdp_lex_field(lex), SDP_MOST_COMPONENT, &component) || component == 0 ||
        !sdp_host_parse(sdp_lex_field(lex), &remote->host))
        return SDP_FAULT_REMOTE_CANDIDATES;
    remote->port_text = sdp_lex_field(lex);
    if (!sdp_number(remote->port_text, UINT16_MAX, &port))
        return SDP_FAULT_REMOTE_CANDIDATES;
    remote->component = (uint16_t)component;
    remote->port = (uint16_t)port;
    return SDP_FAULT_NONE;
}

void
sdp_put_remote_candidates(GString *out, const struct sdp_remote_candidate *remotes, size_t count)
{
    g_string_append(out, "a=remote-candidates:");
    for (size_t i = 0; i < count; i++) {
        g_string_append_printf(out, "%s%u ", i ? " " : "", remotes[i].component);
        sdp_put_host(out, &remotes[i].host);
        g_string_append_printf(out, " %u", remotes[i].port);
    }
    g_string_append(out, "\r\n");
}

/* ---- default destinations */

static bool
host_address(const struct sdp_host *host, struct address *address)
{
    *address = host->address;
    return host->kind == SDP_HOST_IPV4 || host->kind == SDP_HOST_IPV6;
}

/* Where a=rtcp leads, whose port and, if it says so, address replace what is in `*destination`. */
static bool
redirect_rtcp(const struct sdp_session *session, const struct sdp_line *line, struct endpoint *destination)
{
    struct sdp_rtcp rtcp;
    size_t at;

    if (sdp_rtcp_parse(sdp_attribute_value(session, line), &rtcp, &at) != SDP_FAULT_NONE)
        return false;
    destination->port = rtcp.port;
    return rtcp.to.host.kind == SDP_HOST_NONE || host_address(&rtcp.to.host, &destination->address);
}

bool
sdp_default_destination(const struct sdp_session *session, int media, unsigned component, struct endpoint *destination)
{
    const struct sdp_line *rtcp = component == 2 ? sdp_attribute_find(session, media, "rtcp", NULL) : NULL;
    uint16_t port = sdp_media_line_of(session, media).port;
    struct sdp_connection connection;
    bool known;

    *destination = (struct endpoint){ ADDRESS_NONE, (uint16_t)(port + component - 1) };
    known =
        sdp_media_connection(session, media, &connection) && host_address(&connection.to.host, &destination->address);
    if (rtcp)
        known = redirect_rtcp(session, rtcp, destination) && (known || !address_is_none(destination->address));
    return known && port != 0;
}

/* Whether a component has candidates, and whether `destination` is one of them. */
static void
look_for(const struct sdp_session *session, int media, unsigned component, const struct endpoint *destination,
         bool *any, bool *found)
{
    const struct sdp_line *line = NULL;
    struct sdp_candidate candidate;

    *any = *found = false;
    for (;;) {
        enum sdp_fault fault = sdp_candidate_next(session, media, &line, &candidate, NULL);
        struct address address;

        if (!line)
            return;
        if (fault != SDP_FAULT_NONE || candidate.component != component)
            continue;
        *any = true;
        if (host_address(&candidate.host, &address) &&
            endpoint_equal((struct endpoint){ address, candidate.port }, *destination))
            *found = true;
    }
}

/* No default destination yet. RTCP's is the port above that, unless something else is said. */
static bool
is_none_yet(const struct sdp_session *session, int media, unsigned component, struct endpoint destination)
{
    if (!address_is_unspecified(destination.address))
        return false;
    return destination.port == SDP_PORT_NONE ||
           (component == 2 && destination.port == SDP_PORT_NONE + 1 && !sdp_attribute_has(session, media, "rtcp"));
}

bool
sdp_ice_is_mismatch(const struct sdp_session *session, int media)
{
    struct endpoint destination;
    bool any, found;

    for (unsigned component = 1; component <= 2; component++) {
        if (!sdp_default_destination(session, media, component, &destination) ||
            is_none_yet(session, media, component, destination))
            continue;
        look_for(session, media, component, &destination, &any, &found);
        if (!found && (any || component == 1))
            return true;
    }
    return false;
}

/* ---- fragments */

void
sdp_put_fragment_media(GString *out, const struct sdp_media_line *line, struct span mid)
{
    sdp_put_media_line(out, line);
    put_value(out, "mid", mid);
}
