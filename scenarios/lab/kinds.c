#include "scenarios/lab/kinds.h"

#include "core/base/words.h"
#include "core/net/net.h"
#include "core/net/tcp_kinds.h"
#include "nat/alg/alg.h"
#include "nat/alg/sip.h"
#include "nat/box.h"
#include "proto/http/signal_kinds.h"
#include "proto/ice/kinds.h"
#include "proto/portmap/kinds.h"
#include "proto/rtp/kinds.h"
#include "proto/sip/agent_kinds.h"
#include "proto/sip/exchange_kinds.h"
#include "proto/sip/kinds.h"
#include "proto/stun/kinds.h"
#include "proto/turn/client_kinds.h"
#include "proto/turn/kinds.h"

const struct record_kind *const lab_record_kinds[] = {
    &packet_sent_kind,
    &packet_delivered_kind,
    &packet_dropped_kind,
    &link_dropped_kind,
    &link_duplicated_kind,
    &fragments_kind,
    &tcp_state_kind,
    &tcp_retransmitted_kind,
    &nat_outbound_kind,
    &nat_outbound_dropped_kind,
    &nat_inbound_kind,
    &nat_inbound_dropped_kind,
    &nat_icmp_error_kind,
    &nat_icmp_error_dropped_kind,
    &nat_prefix_kind,
    &nat_prefix_dropped_kind,
    &nat_mapping_new_kind,
    &nat_mapping_expired_kind,
    &nat_mapping_forgotten_kind,
    &nat_mapping_renewed_kind,
    &nat_mapping_removed_kind,
    &nat_connection_new_kind,
    &nat_connection_state_kind,
    &nat_connection_expired_kind,
    &nat_syn_held_kind,
    &nat_syn_ended_kind,
    &nat_mapping_destroyed_kind,
    &nat_block_granted_kind,
    &nat_block_released_kind,
    &nat_poisoned_kind,
    &nat_pinhole_opened_kind,
    &nat_pinhole_used_kind,
    &nat_pinhole_narrowed_kind,
    &nat_pinhole_closed_kind,
    &alg_rewrite_kind,
    &alg_passed_kind,
    &alg_sip_kind,
    &alg_sip_foreign_kind,
    &alg_sip_refused_kind,
    &alg_held_kind,
    &alg_released_kind,
    &alg_ftp_kind,
    &alg_ftp_refused_kind,
    &stun_kind_started,
    &stun_kind_retransmitted,
    &stun_kind_repeated,
    &stun_kind_ignored,
    &stun_kind_answered,
    &stun_kind_failed,
    &stun_kind_served,
    &stun_kind_refused,
    &stun_kind_dropped,
    &stun_kind_broken,
    &turn_kind_allocated,
    &turn_kind_refreshed,
    &turn_kind_ended,
    &turn_kind_refused,
    &turn_kind_permitted,
    &turn_kind_permission_ended,
    &turn_kind_bound,
    &turn_kind_unbound,
    &turn_kind_to_peer,
    &turn_kind_to_client,
    &turn_kind_icmp,
    &turn_kind_dropped,
    &turn_kind_connected,
    &turn_kind_joined,
    &turn_kind_parted,
    &turn_client_kind_allocated,
    &turn_client_kind_refreshed,
    &turn_client_kind_again,
    &turn_client_kind_failed,
    &turn_client_kind_lost,
    &turn_client_kind_released,
    &turn_client_kind_permitted,
    &turn_client_kind_bound,
    &turn_client_kind_refused,
    &turn_client_kind_connected,
    &turn_client_kind_dropped,
    &ice_kind_local,
    &ice_kind_remote,
    &ice_kind_pair,
    &ice_kind_check,
    &ice_kind_valid,
    &ice_kind_nominated,
    &ice_kind_selected,
    &ice_kind_checklist,
    &ice_kind_session,
    &ice_kind_released,
    &ice_kind_role,
    &ice_kind_consent_lost,
    &ice_kind_request_refused,
    &ice_kind_response_ignored,
    &ice_kind_restarted,
    &portmap_kind_served,
    &portmap_kind_refused,
    &portmap_kind_dropped,
    &portmap_kind_asked,
    &portmap_kind_granted,
    &portmap_kind_failed,
    &portmap_kind_lost,
    &portmap_kind_fallback,
    &signal_kind_taken,
    &signal_kind_repeated,
    &signal_kind_handed,
    &signal_kind_refused,
    &signal_kind_retried,
    &signal_kind_failed,
    &sip_kind_dropped,
    &sip_kind_refused,
    &sip_kind_connection_ended,
    &sip_kind_flow_lapsed,
    &sip_kind_again,
    &sip_kind_unanswered,
    &sip_kind_long_request,
    &sip_kind_fallback,
    &rtp_kind_heard,
    &rtp_kind_stopped,
    &rtp_kind_sending,
    &rtp_kind_quiet,
    &rtp_kind_redirected,
    &rtp_kind_reported,
    &rtp_kind_dropped,
    &sip_agent_kind_registered,
    &sip_agent_kind_register_failed,
    &sip_agent_kind_unregistered,
    &sip_call_kind_offered,
    &sip_call_kind_ringing,
    &sip_call_kind_answered,
    &sip_call_kind_changed,
    &sip_call_kind_ended,
    &sip_kind_bound,
    &sip_kind_unbound,
    &sip_kind_register_refused,
    &sip_kind_forwarded,
    &sip_kind_request_refused,
    &sip_kind_returned,
    NULL,
};

const char **
lab_record_actions(void)
{
    const char **actions = g_new0(const char *, G_N_ELEMENTS(lab_record_kinds));
    size_t count = 0;

    for (const struct record_kind *const *kind = lab_record_kinds; *kind; kind++) {
        if (words_find(actions, (*kind)->action) < 0)
            actions[count++] = (*kind)->action;
    }
    return actions;
}
