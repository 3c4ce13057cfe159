/* Records of events: what kind each is, and its numbers. */
#include "proto/ice/kinds.h"
#include "proto/ice/kinds_pack.h"

static const struct record_kind *const kinds[] = {
    [ICE_EVENT_LOCAL] = &ice_kind_local,
    [ICE_EVENT_REMOTE] = &ice_kind_remote,
    [ICE_EVENT_PAIR] = &ice_kind_pair,
    [ICE_EVENT_CHECK] = &ice_kind_check,
    [ICE_EVENT_VALID] = &ice_kind_valid,
    [ICE_EVENT_NOMINATED] = &ice_kind_nominated,
    [ICE_EVENT_SELECTED] = &ice_kind_selected,
    [ICE_EVENT_CHECKLIST] = &ice_kind_checklist,
    [ICE_EVENT_SESSION] = &ice_kind_session,
    [ICE_EVENT_RELEASED] = &ice_kind_released,
    [ICE_EVENT_ROLE] = &ice_kind_role,
    [ICE_EVENT_CONSENT] = &ice_kind_consent_lost,
    [ICE_EVENT_REQUEST] = &ice_kind_request_refused,
    [ICE_EVENT_IGNORED] = &ice_kind_response_ignored,
    [ICE_EVENT_RESTARTED] = &ice_kind_restarted,
};
G_STATIC_ASSERT(G_N_ELEMENTS(kinds) == ICE_EVENT_TYPES);

/* Whether a candidate that an event tells of is in use from now on. */
static bool
is_taken(enum ice_why why)
{
    return why == ICE_WHY_GATHERED || why == ICE_WHY_MAPPED || why == ICE_WHY_SIGNALLED || why == ICE_WHY_CHECK_CAME ||
           why == ICE_WHY_CONFIRMED;
}

static int64_t
detail_of(const struct ice_event *event)
{
    switch (event->type) {
    case ICE_EVENT_LOCAL:
        return event->local->priority;
    case ICE_EVENT_REMOTE:
        return event->remote->priority;
    case ICE_EVENT_PAIR:
        return event->code ? event->code : (int64_t)event->pair->priority;
    case ICE_EVENT_NOMINATED:
        return (int64_t)event->pair->priority;
    case ICE_EVENT_CHECK:
    case ICE_EVENT_RESTARTED:
        return event->count;
    case ICE_EVENT_REQUEST:
        return event->code;
    default:
        return event->elapsed;
    }
}

static bool
is_of_candidate(const struct ice_event *event)
{
    return event->type == ICE_EVENT_LOCAL || event->type == ICE_EVENT_REMOTE;
}

static uint32_t
pack(const struct ice_event *event)
{
    bool is_new = is_of_candidate(event) ? is_taken(event->why) : event->is_new;

    return (uint32_t)event->was << PACK_WAS | (uint32_t)event->is << PACK_IS |
           (uint32_t)(event->local ? event->local->type : 0) << PACK_OWN |
           (uint32_t)(event->remote ? event->remote->type : 0) << PACK_PEER | (uint32_t)is_new << PACK_NEW |
           (uint32_t)event->controlling << PACK_CONTROLLING | (uint32_t)event->state << PACK_STATE |
           (uint32_t)(event->component & 0x1ff) << PACK_COMPONENT | (uint32_t)(event->stream & 0x1f) << PACK_STREAM |
           (uint32_t)(event->type == ICE_EVENT_ROLE && event->code) << PACK_REFUSES;
}

static uint8_t
protocol_of(const struct ice_event *event)
{
    const struct ice_candidate *candidate = event->local ? event->local : event->remote;

    return candidate && candidate->transport != ICE_UDP ? PROTOCOL_TCP : PROTOCOL_UDP;
}

void
ice_event_record(const struct ice_event *event, struct record *record)
{
    bool by_stream = event->type == ICE_EVENT_CHECKLIST || event->type == ICE_EVENT_RELEASED;

    *record = (struct record){ .at = event->at,
                               .kind = kinds[event->type],
                               .rule = (uint16_t)event->why,
                               .before = { .source = event->from.address,
                                           .destination = event->to.address,
                                           .source_port = event->from.port,
                                           .destination_port = event->to.port,
                                           .protocol = protocol_of(event) },
                               .subject = { by_stream     ? event->stream
                                            : event->pair ? event->pair->number
                                                          : 0,
                                            pack(event) },
                               .detail = detail_of(event) };
    if (event->type == ICE_EVENT_VALID)
        record->after = (struct flow){ .source = event->mapped.address,
                                       .source_port = event->mapped.port,
                                       .protocol = protocol_of(event) };
}
