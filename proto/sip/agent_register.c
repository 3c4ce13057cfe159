/* Theory of operation: the registration (RFC 3261 section 10.2, RFC 5626 section 4).
 *
 *     IDLE --ask--> ASKING --200--> STANDING --refresh--> ASKING ...
 *                      \--else--> PAUSING (then ASKING), or IDLE when the registrar has refused
 *     any --leave--> LEAVING --> IDLE
 *
 * There is one REGISTER under way at a time (section 10.2): what is wanted meanwhile, to leave or to ask again, is done
 * when it is over. All have one Call-ID, and a CSeq that goes up. A binding that was replaced by another contact is
 * removed in the same request that makes the new one. */
#include "proto/sip/agent_private.h"

#define RETRY_BASE (30 * TIME_S) /* RFC 5626 section 4.5 */
#define RETRY_MOST (30 * TIME_MIN)
#define BRIEFS_MOST 2
#define SECONDS(t) ((uint32_t)((t) / TIME_S))

static void
begin(struct sip_agent *agent, enum sip_register_phase phase)
{
    struct sip_registration *registration = &agent->registration;

    agent->io->ops->disarm(agent->io, &registration->timer);
    registration->phase = phase;
    registration->again = registration->leave = false;
    registration->briefs = 0;
    sip_inquiry_ask(&registration->inquiry);
}

/* ---- the request */

static void
put_contact(struct sip_agent *agent, struct endpoint at, int64_t expires, struct writer *out)
{
    g_autoptr(GString) value = g_string_new(NULL);

    sip_agent_contact_say(agent, at, agent->options.protocol, value);
    if (agent->options.outbound)
        g_string_append_printf(value, ";+sip.instance=\"<%s>\";reg-id=%u", agent->instance, agent->options.reg_id);
    g_string_append_printf(value, ";expires=%u", SECONDS(expires));
    sip_put_header(out, SIP_HEADER_CONTACT, span_of(value->str, value->len));
}

/* A contact that is another now is removed by the same request (but by RFC 5626 the new one takes its place). */
static void
change_contact(struct sip_agent *agent, struct endpoint contact)
{
    struct sip_registration *registration = &agent->registration;

    if (registration->bound && !endpoint_equal(registration->contact, contact) && !agent->options.outbound)
        registration->previous = registration->contact;
    if (endpoint_equal(registration->previous, contact))
        registration->previous = (struct endpoint){ ADDRESS_NONE, 0 };
    if (!endpoint_equal(registration->contact, contact))
        registration->bound = false;
    registration->contact = contact;
}

static bool
write_register(void *owner, struct sip_inquiry *inquiry, struct writer *out, struct sip_flow *to)
{
    struct sip_agent *agent = owner;
    struct sip_registration *registration = &agent->registration;
    bool leaving = registration->phase == SIP_REGISTER_LEAVING;
    g_autofree char *uri = g_strdup_printf("sip:%s", agent->domain);

    if (!sip_agent_way_out(agent, span_of_text(uri), to))
        return false;
    if (!leaving)
        change_contact(agent, sip_agent_contact_on(agent, to));
    sip_put_request_line(out, span_of_text("REGISTER"), span_of_text(uri));
    sip_put_header_text(out, SIP_HEADER_MAX_FORWARDS, "70");
    sip_agent_put_from(agent, registration->tag, out);
    sip_put_format(out, SIP_HEADER_TO, "<%s>", agent->aor);
    sip_put_header_text(out, SIP_HEADER_CALL_ID, registration->call_id);
    sip_put_format(out, SIP_HEADER_CSEQ, "%u REGISTER", ++registration->cseq);
    put_contact(agent, registration->contact, leaving ? 0 : registration->asked, out);
    if (registration->previous.port != 0)
        put_contact(agent, registration->previous, 0, out);
    sip_agent_put_abilities(agent, out);
    sip_inquiry_credentials(inquiry, out, "REGISTER", uri);
    sip_put_end(out, NULL, span_of(NULL, 0));
    return true;
}

/* ---- the answer */

static bool
is_contact(struct sip_agent *agent, const struct sip_name_addr *address)
{
    g_autoptr(GString) text = g_string_new(NULL);
    struct sip_name_addr own;

    sip_agent_contact_say(agent, agent->registration.contact, agent->options.protocol, text);
    return !address->star && sip_name_addr_decode(span_of(text->str, text->len), &own) &&
           sip_uri_equal(&own.uri, &address->uri);
}

/* For how long our contact stands; 0 when it isn't there. */
static int64_t
read_expires(struct sip_agent *agent, const struct sip_message *response)
{
    struct sip_values values = sip_values_of(response, SIP_HEADER_CONTACT);
    struct sip_name_addr address;
    struct span value;

    while (sip_values_next(&values, &value)) {
        if (sip_name_addr_decode(value, &address) && is_contact(agent, &address))
            return sip_contact_expires(response, &address, SECONDS(agent->registration.asked)) * TIME_S;
    }
    return 0;
}

/* Where the registrar saw the request come from: `received` and `rport` of our own Via. */
static struct endpoint
read_mapped(const struct sip_message *response)
{
    struct sip_values values = sip_values_of(response, SIP_HEADER_VIA);
    struct endpoint mapped = { ADDRESS_NONE, 0 };
    struct sip_via via;
    struct span value;

    if (!sip_values_next(&values, &value) || !sip_via_decode(value, &via) || via.rport == 0)
        return mapped;
    return (struct endpoint){ address_is_none(via.received) ? via.sent_by.address : via.received, via.rport };
}

static int64_t
read_flow_timer(struct sip_agent *agent, const struct sip_message *response)
{
    const struct sip_header *header = sip_message_find(response, SIP_HEADER_FLOW_TIMER, 0);
    uint32_t seconds;

    if (header && sip_number_decode(header->value, 86400, &seconds) && seconds > 0)
        return seconds * TIME_S;
    if (agent->options.outbound)
        return agent->options.protocol == SIP_UDP ? SIP_KEEP_DATAGRAM : SIP_KEEP_STREAM;
    return agent->options.keep;
}

static void
keep_alive(struct sip_agent *agent, const struct sip_message *response)
{
    struct sip_carrier *carrier = sip_transactions_carrier(agent->table);
    int64_t interval = read_flow_timer(agent, response);

    if (interval > 0)
        (void)sip_carrier_keep(carrier, &agent->registration.flow, interval);
}

/* A tenth before the end, but 5 s at least; of a short one, half. */
static int64_t
refresh_after(int64_t granted)
{
    return granted - MIN(MAX(granted / 10, 5 * TIME_S), granted / 2);
}

static void
arm_refresh(struct sip_agent *agent)
{
    struct sip_registration *registration = &agent->registration;

    sip_agent_arm(agent, &registration->timer, refresh_after(registration->granted), false);
}

static bool
tell_registered(struct sip_agent *agent)
{
    struct sip_registration *registration = &agent->registration;
    bool same = endpoint_equal(registration->told_contact, registration->contact) &&
                endpoint_equal(registration->told_mapped, registration->mapped);

    if (same)
        return true;
    registration->told_contact = registration->contact;
    registration->told_mapped = registration->mapped;
    return sip_agent_tell(agent, (struct sip_agent_news){ .event = SIP_AGENT_REGISTERED,
                                                          .status = 200,
                                                          .contact = registration->contact,
                                                          .mapped = registration->mapped,
                                                          .expires = registration->granted });
}

/* Whether the address that the registrar saw is to be registered instead. */
static bool
learns(struct sip_agent *agent)
{
    const struct sip_registration *registration = &agent->registration;

    return agent->options.learn && agent->options.protocol == SIP_UDP && registration->mapped.port != 0 &&
           !endpoint_equal(registration->mapped, registration->contact);
}

static void
leave_now(struct sip_agent *agent)
{
    begin(agent, SIP_REGISTER_LEAVING);
}

static void
take_registered(struct sip_agent *agent, const struct sip_message *response)
{
    struct sip_registration *registration = &agent->registration;
    int64_t granted = read_expires(agent, response);

    registration->granted = granted > 0 ? granted : registration->asked;
    registration->bound = true;
    registration->previous = (struct endpoint){ ADDRESS_NONE, 0 };
    registration->failures = 0;
    registration->mapped = read_mapped(response);
    registration->has_flow = true;
    registration->flow = registration->inquiry.flow;
    registration->phase = SIP_REGISTER_STANDING;
    agent->counters.registered++;
    if (learns(agent)) {
        agent->contact = registration->mapped;
        registration->again = true;
    }
    keep_alive(agent, response);
    if (registration->leave) {
        leave_now(agent);
    } else if (registration->again) {
        begin(agent, SIP_REGISTER_ASKING);
    } else {
        arm_refresh(agent);
        (void)tell_registered(agent);
    }
}

/* RFC 5626 section 4.5: 50 to 100 % of min(1800 s, 30 s * 2^failures). */
static void
pause_registration(struct sip_agent *agent)
{
    struct sip_registration *registration = &agent->registration;
    int64_t most = RETRY_BASE << MIN(registration->failures, 6u);

    most = MIN(most, RETRY_MOST);
    registration->failures++;
    registration->phase = SIP_REGISTER_PAUSING;
    sip_agent_arm(agent, &registration->timer,
                  most / 2 + (int64_t)((uint64_t)(most / 2) / 1000 * (sip_agent_random(agent) % 1001)), false);
}

static void
fail(struct sip_agent *agent, enum sip_why why, unsigned status)
{
    struct sip_registration *registration = &agent->registration;
    bool refused = why == SIP_WHY_REJECTED && status < 500;
    bool leaving = registration->phase == SIP_REGISTER_LEAVING || registration->leave;

    registration->told_contact = registration->told_mapped = (struct endpoint){ ADDRESS_NONE, 0 };
    registration->has_flow = false;
    agent->counters.register_failed++;
    if (refused || leaving) {
        registration->phase = SIP_REGISTER_IDLE;
        registration->bound = false;
    } else if (registration->again) {
        begin(agent, SIP_REGISTER_ASKING);
    } else {
        pause_registration(agent);
    }
    (void)sip_agent_tell(agent,
                         (struct sip_agent_news){ .event = SIP_AGENT_REGISTER_FAILED, .why = why, .status = status });
}

/* Section 10.2.8. */
static bool
takes_longer(struct sip_agent *agent, const struct sip_message *response)
{
    struct sip_registration *registration = &agent->registration;
    uint32_t least;

    if (response->status != 423 || registration->phase != SIP_REGISTER_ASKING || registration->briefs >= BRIEFS_MOST ||
        !sip_number_decode(sip_message_value(response, SIP_HEADER_MIN_EXPIRES), UINT32_MAX, &least) ||
        least <= SECONDS(registration->asked))
        return false;
    registration->briefs++;
    registration->asked = least * TIME_S;
    sip_inquiry_ask(&registration->inquiry);
    return true;
}

static void
on_response(void *owner, struct sip_inquiry *inquiry, const struct sip_arrival *arrival)
{
    struct sip_agent *agent = owner;
    struct sip_registration *registration = &agent->registration;
    unsigned status = arrival->message->status;

    (void)inquiry;
    if (status < 200)
        return;
    if (status >= 300 && takes_longer(agent, arrival->message))
        return;
    sip_agent_begin(agent);
    if (status >= 300) {
        fail(agent, status == 408 ? SIP_WHY_TIMEOUT : SIP_WHY_REJECTED, status);
    } else if (registration->phase == SIP_REGISTER_LEAVING) {
        registration->phase = SIP_REGISTER_IDLE;
        registration->bound = registration->has_flow = false;
        registration->told_contact = registration->told_mapped = (struct endpoint){ ADDRESS_NONE, 0 };
        if (registration->again)
            begin(agent, SIP_REGISTER_ASKING);
        (void)sip_agent_tell(agent, (struct sip_agent_news){ .event = SIP_AGENT_UNREGISTERED, .status = status });
    } else {
        take_registered(agent, arrival->message);
    }
    (void)sip_agent_end(agent);
}

static void
on_ended(void *owner, struct sip_inquiry *inquiry, enum sip_outcome outcome)
{
    struct sip_agent *agent = owner;

    (void)inquiry;
    if (outcome == SIP_OUTCOME_DONE)
        return;
    sip_agent_begin(agent);
    fail(agent, outcome == SIP_OUTCOME_TIMEOUT ? SIP_WHY_TIMEOUT : SIP_WHY_UNREACHABLE, 0);
    (void)sip_agent_end(agent);
}

static const struct sip_inquiry_events register_events = { write_register, on_response, on_ended };

/* ---- what moves it */

static void
ask(struct sip_agent *agent)
{
    struct sip_registration *registration = &agent->registration;

    if (registration->phase == SIP_REGISTER_ASKING || registration->phase == SIP_REGISTER_LEAVING)
        registration->again = true;
    else
        begin(agent, SIP_REGISTER_ASKING);
}

static void
on_timer(void *owner, struct io_timer *timer)
{
    (void)timer;
    ask(owner);
}

void
sip_agent_register(struct sip_agent *agent)
{
    agent->registration.leave = false;
    agent->registration.told_contact = (struct endpoint){ ADDRESS_NONE, 0 }; /* whoever asks is told */
    ask(agent);
}

void
sip_agent_unregister(struct sip_agent *agent)
{
    struct sip_registration *registration = &agent->registration;

    if (registration->phase == SIP_REGISTER_ASKING) {
        registration->leave = true;
        return;
    }
    if (registration->phase != SIP_REGISTER_LEAVING) {
        struct sip_flow flow = { .protocol = agent->options.protocol, .peer = agent->options.registrar };

        if (!registration->bound)
            registration->contact = sip_agent_contact_on(agent, &flow);
        leave_now(agent);
    }
    registration->again = false;
}

bool
sip_agent_is_registered(const struct sip_agent *agent)
{
    const struct sip_registration *registration = &agent->registration;

    return registration->has_flow && registration->bound && registration->phase != SIP_REGISTER_LEAVING;
}

static bool
is_its_flow(const struct sip_agent *agent, const struct sip_flow *flow)
{
    const struct sip_registration *registration = &agent->registration;

    return registration->has_flow && registration->flow.protocol == flow->protocol &&
           registration->flow.connection == flow->connection && endpoint_equal(registration->flow.peer, flow->peer);
}

void
sip_registration_lapsed(struct sip_agent *agent, const struct sip_flow *flow, const struct endpoint *mapped)
{
    struct sip_agent_news news = { .event = SIP_AGENT_FLOW_LAPSED };

    if (!is_its_flow(agent, flow))
        return;
    if (mapped)
        news.mapped = *mapped;
    agent->registration.has_flow = false;
    if (sip_agent_tell(agent, news) && agent->registration.phase == SIP_REGISTER_STANDING)
        ask(agent);
}

/* A connection that is gone takes the registration's flow along. */
void
sip_registration_failed(struct sip_agent *agent, const struct sip_flow *flow)
{
    if (!sip_flow_is_stream(flow) || !is_its_flow(agent, flow))
        return;
    agent->registration.has_flow = false;
    if (agent->registration.phase == SIP_REGISTER_STANDING)
        ask(agent);
}

/* The host's addresses have changed. */
void
sip_registration_moved(struct sip_agent *agent)
{
    struct sip_registration *registration = &agent->registration;

    if (registration->phase == SIP_REGISTER_STANDING &&
        !endpoint_equal(sip_agent_contact(agent), registration->contact))
        ask(agent);
}

void
sip_registration_open(struct sip_agent *agent)
{
    struct sip_registration *registration = &agent->registration;
    char tag[SIP_TAG_BYTES], id[SIP_BRANCH_BYTES];

    registration->timer = (struct io_timer){ .fire = on_timer, .owner = agent };
    registration->tag = g_strdup(sip_transactions_tag(agent->table, tag));
    registration->call_id = g_strdup(sip_transactions_branch(agent->table, id) + strlen(SIP_BRANCH_COOKIE));
    registration->asked = agent->options.expires / TIME_S * TIME_S;
    sip_inquiry_open(&registration->inquiry, agent->io, agent->table, agent->credentials, &register_events, agent);
    registration->inquiry.challenged = &agent->counters.challenged;
}

void
sip_registration_close(struct sip_agent *agent)
{
    struct sip_registration *registration = &agent->registration;

    sip_inquiry_close(&registration->inquiry);
    agent->io->ops->disarm(agent->io, &registration->timer);
    g_free(registration->tag);
    g_free(registration->call_id);
    registration->tag = registration->call_id = NULL;
}
