#include "proto/sdp/candidate.h"

#include "proto/sdp/lex.h"

static const char *const transport_words[] = { "UDP", "TCP", NULL };
static const char *const type_words[] = { "host", "srflx", "prflx", "relay", NULL };
static const char *const tcptype_words[] = { "active", "passive", "so", NULL }; /* from SDP_TCP_ACTIVE on */

G_STATIC_ASSERT(G_N_ELEMENTS(transport_words) == SDP_TRANSPORT_OTHER + 1);
G_STATIC_ASSERT(G_N_ELEMENTS(type_words) == SDP_TYPE_OTHER + 1);
G_STATIC_ASSERT(G_N_ELEMENTS(tcptype_words) == SDP_TCP_SO - SDP_TCP_ACTIVE + 2);

const char *
sdp_transport_word(enum sdp_transport transport)
{
    return transport_words[transport];
}

const char *
sdp_candidate_type_word(enum sdp_candidate_type type)
{
    return type_words[type];
}

const char *
sdp_tcptype_word(enum sdp_tcptype tcptype)
{
    return tcptype == SDP_TCPTYPE_NONE ? NULL : tcptype_words[tcptype - SDP_TCP_ACTIVE];
}

/* The index of a word whatever its case; the list's length when it isn't there. */
static unsigned
find_word(const char *const *words, struct span text)
{
    unsigned i = 0;

    while (words[i] && !sdp_text_is_nocase(text, words[i]))
        i++;
    return i;
}

/* ---- extensions */

bool
sdp_extension_next(struct span *extensions, struct span *name, struct span *value)
{
    while (extensions->length) {
        sdp_cut(extensions, ' ', name);
        sdp_cut(extensions, ' ', value);
        if (!sdp_text_is_nocase(*name, "tcptype"))
            return true;
    }
    return false;
}

bool
sdp_candidate_extension(const struct sdp_candidate *candidate, const char *name, struct span *value)
{
    struct span rest = candidate->extensions, found;

    while (sdp_extension_next(&rest, &found, value))
        if (sdp_text_is(found, name))
            return true;
    return false;
}

static bool
read_tcptype(struct span text, struct sdp_candidate *candidate)
{
    unsigned word = find_word(tcptype_words, text);

    if (!tcptype_words[word])
        return false;
    candidate->tcptype = (enum sdp_tcptype)(SDP_TCP_ACTIVE + word);
    return true;
}

static bool
is_extension_value(struct span value)
{
    return value.length == 0 || sdp_is_visible(value);
}

static struct span
what_follows(struct sdp_lex lex)
{
    return sdp_lex_rest(&lex);
}

/* All pairs from here on, of which tcptype alone has a meaning for us. RFC 6544 has it first; elsewhere it is read
 * too, and stays among the others. */
static enum sdp_fault
take_extensions(struct sdp_lex *lex, struct sdp_candidate *candidate)
{
    candidate->extensions = what_follows(*lex);
    while (!sdp_lex_done(lex)) {
        struct span name = sdp_lex_field(lex);

        if (!sdp_is_token(name) || sdp_lex_done(lex))
            return SDP_FAULT_EXTENSION;

        struct span value = sdp_lex_field(lex);

        if (!is_extension_value(value))
            return SDP_FAULT_EXTENSION;
        if (!sdp_text_is_nocase(name, "tcptype"))
            continue;
        if (!read_tcptype(value, candidate))
            return SDP_FAULT_TCPTYPE;
        if (name.bytes == candidate->extensions.bytes)
            candidate->extensions = what_follows(*lex);
    }
    if (candidate->transport == SDP_TRANSPORT_TCP && candidate->tcptype == SDP_TCPTYPE_NONE)
        return SDP_FAULT_TCPTYPE;
    return SDP_FAULT_NONE;
}

/* ---- parse */

static enum sdp_fault
take_identity(struct sdp_lex *lex, struct sdp_candidate *candidate)
{
    uint64_t number;

    candidate->foundation = sdp_lex_field(lex);
    if (!sdp_is_ice(candidate->foundation) || candidate->foundation.length > SDP_MOST_FOUNDATION)
        return SDP_FAULT_FOUNDATION;
    if (!sdp_number(sdp_lex_field(lex), SDP_MOST_COMPONENT, &number) || number == 0)
        return SDP_FAULT_COMPONENT;
    candidate->component = (uint16_t)number;
    candidate->transport_text = sdp_lex_field(lex);
    candidate->transport = (enum sdp_transport)find_word(transport_words, candidate->transport_text);
    if (!sdp_is_token(candidate->transport_text))
        return SDP_FAULT_TRANSPORT;
    if (!sdp_number(sdp_lex_field(lex), SDP_MOST_PRIORITY, &number) || number == 0)
        return SDP_FAULT_PRIORITY;
    candidate->priority = (uint32_t)number;
    return SDP_FAULT_NONE;
}

static bool
read_port(struct span text, uint16_t *port)
{
    uint64_t number;

    if (!sdp_number(text, UINT16_MAX, &number))
        return false;
    *port = (uint16_t)number;
    return true;
}

static enum sdp_fault
take_place(struct sdp_lex *lex, struct sdp_candidate *candidate)
{
    if (!sdp_host_parse(sdp_lex_field(lex), &candidate->host))
        return SDP_FAULT_ADDRESS;
    candidate->port_text = sdp_lex_field(lex);
    if (!read_port(candidate->port_text, &candidate->port))
        return SDP_FAULT_PORT;
    if (!sdp_text_is_nocase(sdp_lex_field(lex), "typ"))
        return SDP_FAULT_TYPE;
    candidate->type_text = sdp_lex_field(lex);
    candidate->type = (enum sdp_candidate_type)find_word(type_words, candidate->type_text);
    return sdp_is_token(candidate->type_text) ? SDP_FAULT_NONE : SDP_FAULT_TYPE;
}

/* Whether the next field is this word, which is taken then. */
static bool
take_word(struct sdp_lex *lex, const char *word)
{
    struct sdp_lex ahead = *lex;

    if (sdp_lex_done(lex) || !sdp_text_is_nocase(sdp_lex_field(&ahead), word))
        return false;
    *lex = ahead;
    return true;
}

static enum sdp_fault
take_related(struct sdp_lex *lex, struct sdp_candidate *candidate)
{
    if (take_word(lex, "raddr") && !sdp_host_parse(sdp_lex_field(lex), &candidate->related))
        return SDP_FAULT_RELATED;
    if (!take_word(lex, "rport"))
        return SDP_FAULT_NONE;
    candidate->related_port_text = sdp_lex_field(lex);
    candidate->has_related_port = true;
    return read_port(candidate->related_port_text, &candidate->related_port) ? SDP_FAULT_NONE : SDP_FAULT_RELATED;
}

enum sdp_fault
sdp_candidate_parse_value(struct span value, struct sdp_candidate *candidate, size_t *at)
{
    struct sdp_lex lex = sdp_lex_over(value);
    enum sdp_fault fault;

    *candidate = (struct sdp_candidate){ 0 };
    fault = take_identity(&lex, candidate);
    if (fault == SDP_FAULT_NONE)
        fault = take_place(&lex, candidate);
    if (fault == SDP_FAULT_NONE)
        fault = take_related(&lex, candidate);
    if (fault == SDP_FAULT_NONE)
        fault = take_extensions(&lex, candidate);
    *at = sdp_lex_at(&lex);
    return fault;
}

static struct span
without_end(struct span line)
{
    if (line.length && line.bytes[line.length - 1] == '\n')
        line.length--;
    if (line.length && line.bytes[line.length - 1] == '\r')
        line.length--;
    return line;
}

enum sdp_fault
sdp_candidate_parse(struct span line, struct sdp_candidate *candidate, struct sdp_error *error)
{
    struct span value = without_end(line), name;
    enum sdp_fault fault = SDP_FAULT_PREFIX;
    size_t at = 0;

    if (sdp_cut(&value, ':', &name) && (sdp_text_is(name, "candidate") || sdp_text_is(name, "a=candidate"))) {
        fault = sdp_candidate_parse_value(value, candidate, &at);
        at += name.length + 1;
    }
    if (error && fault != SDP_FAULT_NONE)
        *error = (struct sdp_error){ fault, 0, (uint32_t)at + 1, 'a', "candidate" };
    return fault;
}

/* ---- print */

static void
put_word(GString *out, const char *word, struct span text)
{
    if (word)
        g_string_append(out, word);
    else
        sdp_put_span(out, text);
}

static void
put_extensions(GString *out, const struct sdp_candidate *candidate)
{
    struct span rest = candidate->extensions, name, value;

    if (candidate->tcptype != SDP_TCPTYPE_NONE)
        g_string_append_printf(out, " tcptype %s", sdp_tcptype_word(candidate->tcptype));
    while (sdp_extension_next(&rest, &name, &value)) {
        g_string_append_c(out, ' ');
        sdp_put_span(out, name);
        g_string_append_c(out, ' ');
        sdp_put_span(out, value);
    }
}

void
sdp_put_candidate(GString *out, const struct sdp_candidate *candidate)
{
    g_string_append(out, "candidate:");
    sdp_put_span(out, candidate->foundation);
    g_string_append_printf(out, " %u ", candidate->component);
    put_word(out, sdp_transport_word(candidate->transport), candidate->transport_text);
    g_string_append_printf(out, " %u ", candidate->priority);
    sdp_put_host(out, &candidate->host);
    g_string_append_printf(out, " %u typ ", candidate->port);
    put_word(out, sdp_candidate_type_word(candidate->type), candidate->type_text);
    if (candidate->related.kind != SDP_HOST_NONE) {
        g_string_append(out, " raddr ");
        sdp_put_host(out, &candidate->related);
    }
    if (candidate->has_related_port)
        g_string_append_printf(out, " rport %u", candidate->related_port);
    put_extensions(out, candidate);
}
