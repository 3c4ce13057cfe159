/* Theory of operation: the phone around its user agent.
 *
 * With a contact that STUN has to tell, the SIP socket is asked before the first registration, or the first call, whichever
 * comes first (register_wanted; a call goes on when the media have their answer, which takes as long, and by then the
 * Contact is known or will never be). When the mapping is seen to have changed, it is asked anew by being told so.
 *
 * When the host has moved (`moved`), the calls that stand are renewed, after the Contact is known: their re-INVITE tells
 * it to the peer (RFC 3261 section 12.2). An ICE agent finds out by itself that it has moved.
 *
 * A call of the agent's gets a call of the phone's, which outlives it. */
#include "scenarios/lab/phone.h"

#include "core/net/stack.h"
#include "scenarios/lab/phone_private.h"

static void
tell(struct phone *phone, struct phone_news news)
{
    phone->told(phone->owner, phone, &news);
}

/* ---- the address of the SIP socket */

/* Another one than is registered is registered at once. */
static void
take_contact(struct phone *phone, struct endpoint contact, bool wanted)
{
    bool other = !endpoint_equal(sip_agent_contact(phone->agent), contact);

    sip_agent_set_contact(phone->agent, contact);
    if (wanted || (other && sip_agent_is_registered(phone->agent)))
        sip_agent_register(phone->agent);
}

static void
move_calls(struct phone *phone)
{
    phone->moved = false;
    for (struct phone_call *call = phone->first; call; call = call->next)
        if (call->session)
            phone_session_moved(call->session);
}

static void
on_mapped(void *owner, struct stun_transaction *transaction, const struct stun_result *result)
{
    struct phone *phone = owner;
    bool wanted = phone->register_wanted;

    (void)transaction;
    phone->asking = NULL;
    phone->register_wanted = false;
    if (result->outcome == STUN_OUTCOME_ANSWERED) {
        phone->knows_contact = true;
        take_contact(phone, result->has_xor_mapped ? result->xor_mapped : result->mapped, wanted);
        if (phone->moved)
            move_calls(phone);
    } else if (wanted) {
        tell(phone, (struct phone_news){ .event = SIP_AGENT_REGISTER_FAILED,
                                         .why = result->outcome == STUN_OUTCOME_TIMEOUT ? SIP_WHY_TIMEOUT
                                                                                        : SIP_WHY_UNREACHABLE });
    }
}

static bool
asks_stun(const struct phone *phone)
{
    return phone->options.contact != PHONE_LOCAL && phone->options.stun.port != 0 &&
           phone->options.agent.protocol == SIP_UDP;
}

static void
ask_stun(struct phone *phone)
{
    struct sip_carrier *carrier = sip_transactions_carrier(sip_agent_transactions(phone->agent));
    struct stun_request request = {
        .udp = sip_carrier_udp(carrier), .server = phone->options.stun, .done = on_mapped, .owner = phone
    };

    if (!phone->asking)
        phone->asking = stun_client_binding(sip_carrier_stun(carrier), &request);
}

/* The host's addresses have changed: what STUN has told may be wrong now, and what it is about to tell. */
static void
on_changed(void *owner)
{
    struct phone *phone = owner;

    phone->moved = true;
    if (!asks_stun(phone) || !(phone->knows_contact || phone->asking)) {
        move_calls(phone);
        return;
    }
    if (phone->asking)
        stun_transaction_cancel(phone->asking);
    phone->asking = NULL;
    ask_stun(phone);
}

/* ---- calls */

static struct phone_call *
call_new(struct phone *phone, struct sip_call *sip)
{
    struct phone_call *call = g_new0(struct phone_call, 1);

    call->phone = phone;
    call->sip = sip;
    call->ours = sip_call_is_ours(sip);
    call->peer = g_strdup(sip_call_peer(sip));
    call->id = g_strdup(sip_call_id(sip));
    call->session = sip_call_media(sip);
    call->session->call = call;
    sip_call_set_data(sip, call);
    if (phone->last)
        phone->last->next = call;
    else
        phone->first = call;
    phone->last = call;
    return call;
}

static void
on_answer(void *owner, struct io_timer *timer)
{
    struct phone_call *call = owner;

    (void)timer;
    if (call->sip)
        sip_call_answer(call->sip);
}

static void
take_offered(struct phone *phone, struct sip_call *sip)
{
    struct phone_call *call = call_new(phone, sip);
    int64_t after = phone->options.answer_after;

    call->answer = (struct io_timer){ .fire = on_answer, .owner = call };
    sip_call_ring(sip);
    if (after != TIME_NEVER)
        phone->io->ops->arm(phone->io, &call->answer, time_add(phone->io->ops->now(phone->io), after), true);
    tell(phone, (struct phone_news){ .event = SIP_CALL_OFFERED, .call = call });
}

/* Its media are closed when the agent's call is, right after this; what they have measured is read now. */
static void
take_ended(struct phone_call *call, const struct sip_agent_news *news)
{
    struct phone *phone = call->phone;

    phone->io->ops->disarm(phone->io, &call->answer);
    call->why = news->why;
    call->status = news->status;
    if (call->session) {
        phone_session_hang_up(call->session);
        phone_session_look(call->session, &call->last);
        call->session->call = NULL;
    }
    call->session = NULL;
    call->sip = NULL;
}

static void
take_lapsed(struct phone *phone, const struct sip_agent_news *news)
{
    if (phone->knows_contact && news->mapped.port != 0)
        sip_agent_set_contact(phone->agent, news->mapped);
}

static void
on_told(void *owner, struct sip_agent *agent, const struct sip_agent_news *news)
{
    struct phone *phone = owner;
    struct phone_call *call = news->call ? sip_call_data(news->call) : NULL;

    (void)agent;
    switch (news->event) {
    case SIP_CALL_OFFERED:
        take_offered(phone, news->call);
        return;
    case SIP_CALL_ENDED:
        if (call)
            take_ended(call, news);
        break;
    case SIP_AGENT_REGISTERED:
        phone->mapped = news->mapped;
        break;
    case SIP_AGENT_FLOW_LAPSED:
        take_lapsed(phone, news);
        break;
    case SIP_CALL_ANSWERED:
    case SIP_CALL_CHANGED:
        if (call && call->session)
            phone_session_catch_up(call->session);
        break;
    default:
        break;
    }
    tell(phone, (struct phone_news){ .event = news->event, .call = call, .why = news->why, .status = news->status });
}

struct phone_call *
phone_dial(struct phone *phone, const char *uri, const struct phone_media_options *media)
{
    struct sip_call *sip;

    if (asks_stun(phone) && !phone->knows_contact)
        ask_stun(phone);
    sip = sip_agent_call(phone->agent, uri, (void *)media);
    return sip ? call_new(phone, sip) : NULL;
}

void
phone_call_answer(struct phone_call *call)
{
    if (call->sip)
        sip_call_answer(call->sip);
}

void
phone_call_progress(struct phone_call *call)
{
    if (call->sip)
        sip_call_progress(call->sip);
}

void
phone_call_reject(struct phone_call *call, unsigned status)
{
    if (call->sip)
        sip_call_reject(call->sip, status);
}

void
phone_call_hangup(struct phone_call *call)
{
    if (!call->sip)
        return;
    if (call->session && phone_call_state(call) == SIP_CALL_STANDING)
        phone_session_hang_up(call->session);
    sip_call_hangup(call->sip);
}

bool
phone_call_hold(struct phone_call *call, bool held)
{
    if (!call->sip || !sip_call_hold(call->sip, held))
        return false;
    call->held = held;
    return true;
}

bool
phone_call_renew(struct phone_call *call)
{
    if (!call->sip || !call->session || phone_call_state(call) != SIP_CALL_STANDING || sip_call_is_changing(call->sip))
        return false;
    phone_session_renew(call->session);
    return sip_call_renew(call->sip);
}

bool
phone_call_is_over(const struct phone_call *call)
{
    return !call->sip;
}

enum sip_call_state
phone_call_state(const struct phone_call *call)
{
    return call->sip ? sip_call_state(call->sip) : SIP_CALL_OVER;
}

enum sip_why
phone_call_why(const struct phone_call *call)
{
    return call->why;
}

unsigned
phone_call_status(const struct phone_call *call)
{
    return call->status;
}

bool
phone_call_is_ours(const struct phone_call *call)
{
    return call->ours;
}

bool
phone_call_is_held(const struct phone_call *call)
{
    return call->held;
}

const char *
phone_call_peer(const struct phone_call *call)
{
    return call->peer;
}

const char *
phone_call_id(const struct phone_call *call)
{
    return call->id;
}

void
phone_call_set_data(struct phone_call *call, void *data)
{
    call->data = data;
}

void *
phone_call_data(const struct phone_call *call)
{
    return call->data;
}

void
phone_call_media(const struct phone_call *call, struct phone_media *media)
{
    if (call->session)
        phone_session_look(call->session, media);
    else
        *media = call->last;
}

/* ---- the phone */

void
phone_register(struct phone *phone)
{
    if (asks_stun(phone) && !phone->knows_contact) {
        phone->register_wanted = true;
        ask_stun(phone);
        return;
    }
    sip_agent_register(phone->agent);
}

void
phone_unregister(struct phone *phone)
{
    phone->register_wanted = false;
    sip_agent_unregister(phone->agent);
}

struct sip_agent *
phone_agent(struct phone *phone)
{
    return phone->agent;
}

const char *
phone_uri(const struct phone *phone)
{
    return phone->uri;
}

struct endpoint
phone_local(const struct phone *phone)
{
    return sip_carrier_local(sip_transactions_carrier(sip_agent_transactions(phone->agent)));
}

struct endpoint
phone_contact(struct phone *phone)
{
    return sip_agent_contact(phone->agent);
}

struct endpoint
phone_mapped(const struct phone *phone)
{
    return phone->mapped;
}

/* Hosts of the lab, by their names. */
static bool
resolve(void *owner, struct span host, struct address *address)
{
    const struct phone *phone = owner;
    g_autofree char *name = g_strndup((const char *)host.bytes, host.length);
    struct lab_node *node = lab_find(phone->lab, name);

    if (!node)
        return false;
    *address = node_address(node->node, FAMILY_NONE);
    return !address_is_none(*address);
}

static const char *
keep(struct phone *phone, const char *text)
{
    return text ? g_string_chunk_insert(phone->texts, text) : NULL;
}

static void
copy_texts(struct phone *phone)
{
    for (size_t i = 0; i < phone->options.ice.turn_count; i++) {
        struct ice_agent_turn *turn = &phone->options.ice.turn[i];

        turn->username = keep(phone, turn->username);
        turn->password = keep(phone, turn->password);
    }
}

struct phone *
phone_new(const struct lab *lab, struct node *node, const struct phone_options *options, phone_told *told, void *owner,
          enum io_result *why)
{
    struct phone *phone = g_new0(struct phone, 1);
    struct sip_agent_options agent = options->agent;

    phone->lab = lab;
    phone->io = node_io(node);
    phone->options = *options;
    phone->told = told;
    phone->owner = owner;
    phone->uri = g_strdup_printf("sip:%s@%s", agent.user, agent.domain);
    phone->leaving = g_ptr_array_new();
    phone->texts = g_string_chunk_new(64);
    copy_texts(phone);
    agent.names = (struct sip_names){ resolve, phone };
    phone->agent = sip_agent_new(phone->io, &agent, &phone_media_policy, phone, on_told, phone, why);
    if (!phone->agent) {
        phone_free(phone);
        return NULL;
    }
    phone->watch = (struct io_watch){ .changed = on_changed, .owner = phone };
    phone->io->ops->watch(phone->io, &phone->watch);
    return phone;
}

void
phone_call_free(struct phone_call *call)
{
    struct phone *phone = call->phone;
    struct phone_call *before = NULL;

    for (struct phone_call **at = &phone->first; *at; before = *at, at = &(*at)->next) {
        if (*at == call) {
            *at = call->next;
            break;
        }
    }
    if (phone->last == call)
        phone->last = before;
    phone->io->ops->disarm(phone->io, &call->answer);
    g_free(call->peer);
    g_free(call->id);
    g_free(call);
}

void
phone_free(struct phone *phone)
{
    if (!phone)
        return;
    phone->freed = true;
    if (phone->agent)
        phone->io->ops->unwatch(phone->io, &phone->watch);
    sip_agent_free(phone->agent);
    for (guint i = 0; i < phone->leaving->len; i++)
        phone_session_free(g_ptr_array_index(phone->leaving, i));
    g_ptr_array_unref(phone->leaving);
    while (phone->first)
        phone_call_free(phone->first);
    g_string_chunk_free(phone->texts);
    g_free(phone->uri);
    g_free(phone);
}
