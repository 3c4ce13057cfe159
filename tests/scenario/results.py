#!/usr/bin/env python3
"""What the shipped scenarios report.

Every scenario that ships ends with status 0 and reports what its title promises; the matrix of hole punching is the
classic one. The stories that they tell are tested by views.py.
"""
import json
import math
import os
import re
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'support'))
from scene import EPOCH_NS, SHIPPED, Run, balanced, check, equal, finish, punchlab, tshark  # noqa: E402

ENDPOINT = re.compile(r'((\d{1,3}\.){3}\d{1,3}|\[[0-9a-f:]+\]):\d{1,5}')
A_OUT, B_OUT = re.compile(r'203\.0\.113\.1:\d+'), re.compile(r'203\.0\.113\.2:\d+')
RELAYED = re.compile(r'198\.51\.100\.10:\d+')

# RFC 8489 section 6.2.1, in ms. RFC 4787's words, of mappings and filters.
RTO_SCHEDULE = [0, 500, 1500, 3500, 7500, 15500, 31500]
EIM, ADM, APDM, CANT = 'endpoint-independent', 'address-dependent', 'address-and-port-dependent', "can't tell"
DISCOVERED = 'mapping', 'filtering', 'ports', 'hairpin', 'lifetime', 'class', 'rfc3489'

# Of an ICE scenario: connected, path, own and peer's type; further ones. Times and checks differ with the scenario.
SRFLX, PRFLX, OVER_RELAY, HOST = (('srflx', 'srflx', 'srflx'), ('prflx', 'prflx', 'host'), ('relay', 'prflx', 'relay'),
                               ('host', 'host', 'host'))
NO_PAIR = ('none', 'none', 'none')


def ice(path, connect_ms=int, checks=int, **more):
    return dict(connected=path != NO_PAIR, path=path[0], own_type=path[1], peer_type=path[2],
                connect_ms=connect_ms, checks=checks, **more)


# What the ALG sip rewrites, in the order in which it comes up.
REWRITTEN = ['Via', 'Contact', 'Content-Length', 'o=', 'c=', 'Request-URI']

ALL_WELL = 'all well'

# Scenario, settings, results: all of them. A pattern stands for a text that matches it.
REPORTED = [
    ('situations/symmetric-to-public', [],
     {'connected': True, 'mapped_for_server': A_OUT, 'mapped_for_peer': A_OUT, 'wrong_door': 'filtered'}),
    ('situations/full-cone-both', [],
     {'connected': True, 'first_packet': 'delivered', 'mapped_a': '203.0.113.1:5000', 'mapped_b': '203.0.113.2:5000'}),
    ('situations/restricted-both', [],
     {'connected': True, 'first_packet': 'filtered', 'mapped_a': '203.0.113.1:5000', 'mapped_b': '203.0.113.2:5000'}),
    ('situations/restricted-both', ['nat_a=port-restricted-cone', 'nat_b=port-restricted-cone'],
     {'connected': True, 'first_packet': 'filtered', 'mapped_a': '203.0.113.1:5000', 'mapped_b': '203.0.113.2:5000'}),
    ('situations/restricted-both', ['nat_b=full-cone'],
     {'connected': True, 'first_packet': 'delivered', 'mapped_a': '203.0.113.1:5000', 'mapped_b': '203.0.113.2:5000'}),
    ('situations/restricted-both', ['nat_a=symmetric', 'nat_b=symmetric'],
     {'connected': False, 'first_packet': 'filtered', 'mapped_a': A_OUT, 'mapped_b': B_OUT}),
    ('situations/symmetric-both', [],
     {'connected': False, 'mapped_for_server_a': A_OUT, 'mapped_for_server_b': B_OUT, 'port_for_peer_a': int,
      'port_for_peer_b': int, 'dropped_at_b': 'filtered', 'dropped_at_a': 'filtered'}),
    ('situations/sip-no-alg', [],
     {'established': True, 'audio_to_b': True, 'audio_to_a': False, 'sent_to': '10.0.0.2:6000', 'dropped': int,
      'drop_reason': 'no-route'}),
    ('situations/sip-no-alg', ['nat_a=symmetric'],
     {'established': True, 'audio_to_b': True, 'audio_to_a': False, 'sent_to': '10.0.0.2:6000', 'dropped': int,
      'drop_reason': 'no-route'}),
    ('situations/sip-no-alg', ['nat_a=none'],
     {'established': True, 'audio_to_b': True, 'audio_to_a': True, 'sent_to': '203.0.113.1:6000', 'dropped': 0}),
    ('situations/sip-no-alg', ['nat_a=udp-blocked'],
     {'established': False, 'why': 'timeout', 'audio_to_b': False, 'audio_to_a': False}),
] + [('situations/sip-alg', settings,
      {'registered': True, 'established': True, 'audio_to_a': True, 'audio_to_b': True, 'rewritten': REWRITTEN,
       'pinholes_first': int, 'pinholes_opened': int, 'pinholes_closed': int})
     for settings in ([], ['transport=tcp'], ['nat_a=full-cone'], ['nat_a=restricted-cone'])
] + [('situations/stun-register', ['nat_a=' + a, 'nat_b=' + b, 'latch=' + latch],
      {'registered': True, 'established': True, 'audio_to_a': to_a, 'audio_to_b': to_b, 'filtered': int})
     for a, b, latch, to_a, to_b in (
         ('port-restricted-cone', 'port-restricted-cone', 'off', True, True),
         ('symmetric', 'port-restricted-cone', 'off', False, False),
         ('symmetric', 'port-restricted-cone', 'follow', False, False),
         ('symmetric', 'restricted-cone', 'off', False, True),
         ('symmetric', 'restricted-cone', 'follow', True, True),
         ('symmetric', 'full-cone', 'off', False, True),
         ('symmetric', 'none', 'off', False, True),
         ('none', 'port-restricted-cone', 'off', True, True),
         ('symmetric', 'symmetric', 'off', False, False),
         ('symmetric', 'symmetric', 'follow', False, False))
] + [('sip/ice-call', ['nat_a=' + a, 'nat_b=' + b],
      {'registered': True, 'established': True, 'path': path[0], 'own_type': path[1], 'peer_type': path[2],
       'audio_to_a': True, 'audio_to_b': True})
     for a, b, path in (
         ('none', 'none', HOST),
         ('port-restricted-cone', 'port-restricted-cone', SRFLX),
         ('symmetric', 'restricted-cone', ('prflx', 'srflx', 'prflx')),
         ('symmetric', 'port-restricted-cone', ('relay', 'relay', 'prflx')),
         ('symmetric', 'symmetric', ('relay', 'prflx', 'relay')),
         ('firewall', 'none', ('srflx', 'host', 'srflx')),
         ('udp-blocked', 'port-restricted-cone', ('relay', 'srflx', 'relay')),
         ('udp-blocked', 'udp-blocked', ('relay', 'relay', 'relay')))
] + [('sip/alg-quirks', settings, {
        'none': ALL_WELL, 'content_length': 'no ring', 'private_contact': 'no calls in', 'first_line': 'one-way audio',
        'breaks_on_segments': 'no registration', 'register': 'wrong phone', 'short_pinhole': 'silence in a call',
        'public_address': 'one-way audio', **healed})
     for settings, healed in (
         ([], {}),
         (['flows=true'], {'private_contact': ALL_WELL, 'register': ALL_WELL}),
         (['box=good'], {key: ALL_WELL for key in (
             'content_length', 'private_contact', 'first_line', 'breaks_on_segments', 'register', 'short_pinhole',
             'public_address')}))
] + [('sip/alg-meets-stun', ['nat_a=' + nat],
      {'stun_alone': by_stun, 'stun_good': by_stun, 'stun_bad': 'A hears nothing', 'ice_bad': 'both hear',
       'local_two_good': 'both hear', 'stun_two_good': by_stun, 'stun_two_bad': 'A hears nothing',
       'generic': 'no registration', 'generic_mapped': re.compile(r'10\.0\.0\.2:\d+'),
       'generic_xor_mapped': re.compile(r'203\.0\.113\.8:\d+')})
     for nat, by_stun in (
         ('port-restricted-cone', 'both hear'), ('full-cone', 'both hear'), ('symmetric', 'A hears nothing'))
] + [('sip/rport', settings,
      {'registered_without': kept, 'answers_lost': 0 if kept else 11, 'call_without': kept or 'timeout',
       'rang_without': True, 'registered_with': True, 'seen_as': seen, 'call_with': True, 'called_with': True})
     for settings, kept, seen in (
         ([], False, A_OUT),
         (['nat_a=symmetric'], False, A_OUT),
         (['ports=sequential'], False, '203.0.113.1:1024'),
         (['ports=preserve'], True, '203.0.113.1:5060'),
         (['ports=preserve', 'neighbour=true'], False, '203.0.113.1:5061'),
         (['nat_a=none'], True, '203.0.113.1:5060'))
] + [('sip/registration-expiry', settings,
      {'registered': True, 'called_at_once': 'answered', 'gone_phone': 'timeout',
       'called_later': 'timeout' if refused else 'answered', 'refused_by_nat': refused or 'nothing',
       'expired_phone': 480})
     for settings, refused in (
         ([], 'no-mapping'), (['cure=expires'], None), (['cure=keepalive'], None), (['cure=outbound'], None),
         (['cure=alg'], None), (['cure=alg', 'timeout=30s'], None), (['timeout=20min'], None), (['nat_a=none'], None))
] + [('sip/two-phones-one-nat', settings,
      {'registered': True, 'established': True, 'audio_to_a': way != 'nowhere', 'audio_to_b': way != 'nowhere',
       'heard': 'nobody' if way == 'nowhere' else 'both', 'way': way, 'drop_reason': dropped})
     for settings, way, dropped in (
         ([], 'nowhere', 'hairpin-off'), (['hairpin=internal-source'], 'hairpin', 'none'),
         (['hairpin=external-source'], 'hairpin', 'none'), (['contact=local'], 'lan', 'none'),
         (['contact=ice'], 'lan', 'none'), (['alg=true'], 'lan', 'none'),
         (['contact=local', 'alg=true'], 'lan', 'none'),
         (['nat=symmetric', 'hairpin=external-source'], 'nowhere', 'filtered'))
] + [
    ('stun/exchange', [],
     {'mapped': '203.0.113.1:5000', 'xor_mapped': '203.0.113.1:5000', 'own': '10.0.0.2:5000', 'rtt': 0.0802}),
    ('stun/exchange', ['nat_a=none'],
     {'mapped': '203.0.113.1:5000', 'xor_mapped': '203.0.113.1:5000', 'own': '203.0.113.1:5000', 'rtt': 0.08}),
    ('nat/hole-punching', [], {'connected': True, 'mapped_a': '203.0.113.1:5000', 'mapped_b': '203.0.113.2:5000'}),
    ('nat/hole-punching', ['nat_a=symmetric'], {'connected': False, 'mapped_a': A_OUT, 'mapped_b': '203.0.113.2:5000'}),
    ('nat/double-nat', [],
     {'connected_before': False, 'why': 'hairpin-off', 'connected_after': True, 'connected': True}),
    ('nat/hairpin', [],
     {'connected_before': False, 'why': 'hairpin-off', 'heard_with_internal_source': True,
      'source_as_told_with_internal_source': False, 'connected_after': True, 'connected': True}),
    ('nat/ipv6-firewall', [],
     {'connected': True, 'first_packet': 'filtered', 'as_told': True, 'told_a': '[2001:db8:a::2]:5000',
      'connected_ipv4': False}),
    ('nat/ipv6-firewall', ['ipv6_a=open', 'nat_b=full-cone'],
     {'connected': True, 'first_packet': 'delivered', 'as_told': True, 'told_a': '[2001:db8:a::2]:5000',
      'connected_ipv4': True}),
    ('nat/nat64', [],
     {'connected': True, 'server_as_seen_by_a': '[64:ff9b::c633:6401]:3478', 'mapped_a': '203.0.113.1:5000',
      'mapped_b': '203.0.113.2:5000', 'literal_address': 'no-route'}),
    ('nat/nat64', ['nat_a=symmetric'],
     {'connected': False, 'server_as_seen_by_a': '[64:ff9b::c633:6401]:3478', 'mapped_a': A_OUT,
      'mapped_b': '203.0.113.2:5000', 'literal_address': 'no-route'}),
    ('nat/udp-blocked', [],
     {'udp': 'timeout', 'tcp_3478': 'ok', 'tcp_443': 'ok', 'reached_by': 'tcp_3478', 'denied_by_rule': True}),
    ('nat/udp-blocked', ['nat_a=only-443'],
     {'udp': 'timeout', 'tcp_3478': 'timeout', 'tcp_443': 'ok', 'reached_by': 'tcp_443', 'denied_by_rule': True}),
    ('nat/udp-blocked', ['nat_a=captive'],
     {'udp': 'unreachable', 'tcp_3478': 'refused', 'tcp_443': 'refused', 'reached_by': 'nothing',
      'denied_by_rule': True}),
    ('nat/udp-blocked', ['nat_a=symmetric'],
     {'udp': 'ok', 'tcp_3478': 'ok', 'tcp_443': 'ok', 'reached_by': 'udp', 'denied_by_rule': False}),
    ('nat/reboot', [],
     {'connected_before': True, 'connected_after': False, 'why': 'no-mapping', 'reconnected': True, 'connected': True,
      'mapped_before': A_OUT, 'mapped_after': A_OUT}),
    ('nat/port-mapping', [],
     {'mapped': '203.0.113.1:6000', 'by': 'pcp', 'reached': True, 'answered': True, 'given_back': True}),
    ('nat/port-mapping', ['via=nat-pmp', 'protocol=tcp'],
     {'mapped': '203.0.113.1:6000', 'by': 'nat-pmp', 'reached': True, 'answered': True, 'given_back': True}),
    ('nat/port-mapping', ['via=upnp'],
     {'mapped': '203.0.113.1:6000', 'by': 'upnp', 'reached': True, 'answered': True, 'given_back': True}),
    ('nat/port-mapping', ['speaks=nat-pmp'],
     {'mapped': '203.0.113.1:6000', 'by': 'nat-pmp', 'reached': True, 'answered': True, 'given_back': True}),
    ('nat/port-mapping', ['via=upnp', 'speaks=pcp'], {'mapped': False, 'reason': 'timeout'}),
    ('nat/port-mapping', ['depth=2'],
     {'mapped': '100.64.0.2:6000', 'by': 'pcp', 'answered': False, 'reached': False, 'given_back': True}),
    ('nat/port-prediction', [], {'step': 1, 'connected': True, 'probes': 5}),
    ('nat/port-prediction', ['nat_a=symmetric'], {'step': 'none', 'connected': False, 'probes': 15}),
    ('nat/port-prediction', ['nat_b=symmetric-sequential'], {'step': 1, 'connected': True, 'probes': 8}),
    ('nat/port-prediction', ['noise=3'], {'step': 1, 'connected': True, 'probes': 5}),
    ('nat/port-prediction', ['noise=4'], {'step': 1, 'connected': False, 'probes': 15}),
    ('nat/port-prediction', ['noise=4', 'window=8'], {'step': 1, 'connected': True, 'probes': 9}),
    ('nat/birthday', [], {'hits': int, 'connected': bool, 'formula': 0.4998}),
    ('nat/ttl-probe', [],
     {'ttl': 2, 'told_with_full_ttl': 'unreachable', 'full_ttl_ended_at': 'natB', 'connected_with_full_ttl': True,
      'told_with_low_ttl': 'ttl-exceeded', 'low_ttl_ended_at': 'internet', 'connected': True}),
    ('nat/port-collision', [],
     {'mapped_a': '203.0.113.1:5000', 'mapped_b': '203.0.113.1:5001', 'own_port_reaches': 'A',
      'mapped_port_reaches': 'B', 'connected': True}),
    ('nat/cgn-ports', [],
     {'exhausted_at': 200, 'told': 'unreachable', 'neighbour_served': True, 'served_again': True}),
    ('nat/cgn-ports', ['ports=7', 'lifetime=2min'],
     {'exhausted_at': 7, 'told': 'unreachable', 'neighbour_served': True, 'served_again': True}),
    ('ice/signalling', [],
     {'offer_from': 'A', 'answer_from': 'B', 'b_heard': True, 'to_own_address': 'no-route',
      'to_mapped_address': 'filtered', 'a_heard': True, 'connected': True}),
    ('ice/signalling', ['nat_a=symmetric', 'nat_b=symmetric'],
     {'offer_from': 'A', 'answer_from': 'B', 'b_heard': False, 'to_own_address': 'no-route',
      'to_mapped_address': 'filtered', 'a_heard': False, 'connected': False}),
    ('ice/signalling', ['nat_a=none'],
     {'offer_from': 'A', 'answer_from': 'B', 'a_heard': True, 'b_heard': True, 'to_own_address': 'delivered',
      'to_mapped_address': 'delivered', 'connected': True}),
    ('ice/role-conflict', [], ice(SRFLX, answers_487=1, role_changes=1, leads='B')),
    ('ice/role-conflict', ['both=controlled'], ice(SRFLX, answers_487=1, role_changes=1, leads='B')),
    ('ice/nomination-split', [],
     ice(HOST, way_a='radio', way_b='radio', nominations_sent=2, choices_of_b=1, b_knew_before_a_ms=540)),
    ('ice/nomination-split', ['lose=request'],
     ice(HOST, way_a='radio', way_b='radio', nominations_sent=2, choices_of_b=1, b_knew_before_a_ms=40)),
    ('ice/nomination-split', ['lose=nothing', 'cable=30ms'],
     ice(HOST, way_a='cable', way_b='cable', nominations_sent=1, choices_of_b=1, b_knew_before_a_ms=60)),
    ('ice/nomination-split', ['lose=nothing', 'aggressive=true'],
     ice(HOST, way_a='cable', way_b='cable', nominations_sent=0, choices_of_b=2, b_knew_before_a_ms=int)),
    ('ice/prflx-before-trickle', [],
     ice(('prflx', 'host', 'prflx'), peer_type_later='srflx', learned='check-came', completed='confirmed')),
    ('ice/restart-on-network-change', [],
     ice(SRFLX, path_before='srflx', restarts=2, silence_at_a_ms=int, silence_at_b_ms=int, state_b='completed')),
    ('ice/restart-on-network-change', ['mobile=symmetric'],
     ice(OVER_RELAY, path_before='srflx', restarts=2, silence_at_a_ms=int, silence_at_b_ms=int, state_b='completed')),
    ('ice/restart-on-network-change', ['restart=false'],
     ice(NO_PAIR, False, path_before='srflx', restarts=0, silence_at_a_ms=int, silence_at_b_ms=int, state_b='failed')),
    ('ice/consent-lost', [],
     ice(SRFLX, consents=int, lost_after_s=float, sends_after_20s=True, sends_after_40s='unreachable',
         state_a='failed', state_b='failed')),
    ('ice/consent-lost', ['back=10s'],
     ice(SRFLX, consents=int, lost_after_s='never', sends_after_20s=True, sends_after_40s='yes',
         state_a='completed', state_b='completed')),
    ('ice/dual-stack', [], ice(SRFLX, family='ipv4', first_family='ipv6', head_start=1, alone_ms=int)),
    ('ice/dual-stack', ['broken=ipv4'], ice(HOST, family='ipv6', first_family='ipv6', head_start=1, alone_ms=int)),
    ('ice/dual-stack', ['broken=none'], ice(HOST, family='ipv6', first_family='ipv6', head_start=1, alone_ms=int)),
    ('ice/tcp-only', [],
     ice(('srflx', 'srflx', 'host'), transport='tcp', udp_refused=int, connections=int, heard=True)),
    ('ice/tcp-only', ['nat_b=full-cone'], ice(SRFLX, transport='tcp', udp_refused=int, connections=int, heard=True)),
    ('ice/tcp-only', ['nat_b=port-restricted-cone'],
     ice(('relay', 'relay', 'srflx'), transport='udp', udp_refused=int, connections=int, heard=True)),
    ('ice/tcp-relay', [], ice(('relay', 'srflx', 'relay'), transport='tcp', relayed=2, heard=True)),
    ('ice/tcp-relay', ['nat_a=only-443', 'nat_b=only-443'],
     ice(('relay', 'relay', 'relay'), transport='tcp', relayed=2, heard=True)),
    ('ice/tcp-relay', ['nat_a=none', 'nat_b=none', 'policy=relay'],
     ice(('relay', 'relay', 'relay'), transport='tcp', relayed=2, heard=True)),
    ('ice/tcp-relay', ['nat_b=none'], ice(('srflx', 'srflx', 'host'), transport='tcp', relayed=2, heard=True)),
    ('ice/tcp-relay', ['nat_a=captive'], ice(NO_PAIR, False, 0, transport='none', relayed=0, heard=False)),
    ('ice/double-nat-same-cgn', [], ice(('relay', 'srflx', 'relay'), at_the_cgn='hairpin-off', rtt_ms=161)),
    ('ice/double-nat-same-cgn', ['hairpin=external-source'], ice(SRFLX, at_the_cgn='none refused', rtt_ms=1)),
    ('ice/double-nat-same-cgn', ['hairpin=internal-source'],
     ice(('relay', 'srflx', 'relay'), at_the_cgn='none refused', rtt_ms=161)),
    ('ice/double-nat-same-cgn', ['inner=true'], ice(SRFLX, at_the_cgn='hairpin-off', rtt_ms=1)),
    ('ice/symmetric-to-port-restricted', [],
     ice(OVER_RELAY, mapped_for_server=A_OUT, mapped_for_peer=A_OUT, refused_at_a='filtered', refused_at_b='filtered')),
    ('ice/symmetric-to-port-restricted', ['turn=false'],
     ice(NO_PAIR, False, mapped_for_server=A_OUT, mapped_for_peer=A_OUT, refused_at_a='filtered',
         refused_at_b='filtered')),
    ('ice/symmetric-to-port-restricted', ['turn=false', 'nat_b=restricted-cone'],
     ice(('prflx', 'prflx', 'srflx'), mapped_for_server=A_OUT, mapped_for_peer='as told, or never refused',
         refused_at_a='filtered', refused_at_b='nothing')),
    ('ice/mapping-storm', [], ice(OVER_RELAY, reflexive=7, mappings=int, checks_of_b_at_them=int)),
    ('ice/mapping-storm', ['servers=1'], ice(OVER_RELAY, reflexive=2, mappings=int, checks_of_b_at_them=int)),
    ('ice/mapping-storm', ['nat_a=port-restricted-cone'],
     ice(('relay', 'relay', 'prflx'), reflexive=1, mappings=1, checks_of_b_at_them=int)),
    ('ice/lite', [], ice(PRFLX, checks_of_b=0, candidates_of_b=1, role_changes=1, heard=True)),
    ('ice/lite', ['offers=A', 'nat_a=none'], ice(HOST, checks_of_b=0, candidates_of_b=1, role_changes=0, heard=True)),
    ('ice/lite', ['nat_b=port-restricted-cone'],
     ice(NO_PAIR, False, checks_of_b=0, candidates_of_b=1, role_changes=1, heard=False)),
    ('situations/ice-direct', [],
     {'connected': True, 'path': 'srflx', 'own_type': 'srflx', 'peer_type': 'srflx', 'connect_ms': int, 'checks': int,
      'first_check_dropped_at': 'natB'}),
    ('situations/ice-direct', ['nat_a=symmetric'],
     {'connected': False, 'path': 'none', 'own_type': 'none', 'peer_type': 'none', 'connect_ms': False, 'checks': 0,
      'first_check_dropped_at': 'natB'}),
    ('situations/ice-direct', ['nat_a=none', 'nat_b=none'],
     {'connected': True, 'path': 'host', 'own_type': 'host', 'peer_type': 'host', 'connect_ms': int, 'checks': int,
      'first_check_dropped_at': 'none'}),
    ('situations/ice-relay', [],
     {'connected': True, 'path': 'relay', 'own_type': 'prflx', 'peer_type': 'relay', 'connect_ms': int, 'checks': int}),
    ('situations/ice-relay', ['nat_a=full-cone'],
     {'connected': True, 'path': 'prflx', 'own_type': 'srflx', 'peer_type': 'prflx', 'connect_ms': int, 'checks': int}),
    ('ice/pair', [],
     {'connected': True, 'path': 'srflx', 'own_type': 'srflx', 'peer_type': 'srflx', 'connect_ms': int, 'setup_ms': int,
      'checks': int}),
    ('ice/pair', ['nat_a=symmetric', 'trickle=true'],
     {'connected': True, 'path': 'relay', 'own_type': 'prflx', 'peer_type': 'relay', 'connect_ms': int, 'setup_ms': int,
      'checks': int}),
    ('ice/pair', ['nat_a=none', 'nat_b=none', 'policy=relay'],
     {'connected': True, 'path': 'relay', 'own_type': 'relay', 'peer_type': 'relay', 'connect_ms': int, 'setup_ms': int,
      'checks': int}),
    ('ice/pair', ['nat_a=udp-blocked', 'nat_b=captive'],
     {'connected': True, 'path': 'relay', 'own_type': 'relay', 'peer_type': 'relay', 'connect_ms': int, 'setup_ms': int,
      'checks': int}),
    ('nat/tcp-hole-punching', [], {'connected': True, 'way_a': 'connect', 'way_b': 'connect', 'attempts': 2}),
    ('nat/tcp-hole-punching', ['listen=false'],
     {'connected': True, 'way_a': 'connect', 'way_b': 'connect', 'attempts': 2}),
    ('nat/tcp-hole-punching', ['answer=reset', 'offset=3s'],
     {'connected': True, 'way_a': 'accept', 'way_b': 'connect', 'attempts': 13}),
    ('nat/tcp-hole-punching', ['nat_a=symmetric'],
     {'connected': False, 'way_a': 'none', 'way_b': 'none', 'attempts': int}),
    ('nat/early-packet', [],
     {'connected_before': False, 'port_kept_before': False, 'connected_after': True, 'port_kept_after': True,
      'connected': True}),
    ('nat/early-packet', ['quirk=false'],
     {'connected_before': True, 'port_kept_before': True, 'connected_after': True, 'port_kept_after': True,
      'connected': True}),
    ('nat/ftp-alg', [],
     {'without_alg': False, 'with_alg': True, 'eprt': True, 'two_segments': True, 'lossy': 6, 'bounce': False,
      'naive': False}),
    ('nat/ftp-alg', ['nat=symmetric', 'loss=0'],
     {'without_alg': False, 'with_alg': True, 'eprt': True, 'two_segments': True, 'lossy': 6, 'bounce': False,
      'naive': False}),
    ('sip/slipstream', [],
     {'reached_naive': True, 'reached_whole': False, 'reached_off': False, 'pinholes_naive': 1, 'pinholes_whole': 0}),
    ('situations/turn-relay', [],
     {'connected': True, 'path': 'relay', 'relayed': RELAYED, 'b_as_seen_by_a': B_OUT,
      'before_the_permission': 'no-permission', 'permissions': 1, 'channels': 1, 'sent_by_indication': 1,
      'sent_by_channel': 3}),
    ('situations/turn-relay', ['nat_a=udp-blocked'],
     {'connected': False, 'path': 'none', 'relayed': False, 'b_as_seen_by_a': False, 'before_the_permission': False,
      'permissions': 0, 'channels': 0, 'sent_by_indication': 0, 'sent_by_channel': 0}),
    # 28 bytes of headers and 160 of media in each of 200 packets; the relay has each twice, once with 4 bytes more.
    ('situations/turn-costs', [],
     {'relay_bytes': 200 * (188 + 192), 'direct_bytes': 200 * 188, 'overhead_send': 36, 'overhead_channel': 4,
      'added_delay_ms': 60, 'icmp_relayed': True, 'icmp_relayed_rfc5766': False, 'ttl_preserved': False,
      'loop_rounds': 325, 'loop_ended_by': 'no-permission'}),
    ('situations/turn-costs', ['icmp=false', 'size=999', 'packets=10'],
     {'relay_bytes': 20 * (1027 + 1031), 'direct_bytes': 20 * 1027, 'overhead_send': 37, 'overhead_channel': 4,
      'added_delay_ms': 60, 'icmp_relayed': False, 'icmp_relayed_rfc5766': False, 'ttl_preserved': False,
      'loop_rounds': 325, 'loop_ended_by': 'no-permission'}),
    ('turn/permission-expiry', [],
     {'permission_lived': 300, 'heard_in_time': True, 'heard_from_another_port': True, 'heard_too_late': False,
      'dropped_from_b': 13, 'dropped_from_a': int, 'heard_when_kept': True}),
    ('turn/channel-refresh', [],
     {'sent': 178, 'lost': 0, 'by_channel': 178, 'stale_nonces': 3, 'channel_refreshes': 3, 'permission_refreshes': int,
      'allocation_refreshes': 3}),
    ('turn/channel-refresh', ['nonce_lifetime=1h'],
     {'sent': 178, 'lost': 0, 'by_channel': 178, 'stale_nonces': 0, 'channel_refreshes': 3, 'permission_refreshes': int,
      'allocation_refreshes': 3}),
    ('turn/tcp-fallback', [],
     {'udp': 'timeout', 'transport': 'tcp', 'after_ms': 7741, 'relayed': RELAYED, 'connected': True}),
    ('turn/tcp-fallback', ['nat_a=symmetric'],
     {'udp': 'ok', 'transport': 'udp', 'after_ms': 160, 'relayed': RELAYED, 'connected': True}),
    ('turn/tcp-fallback', ['nat_a=only-443'],
     {'udp': 'timeout', 'transport': False, 'after_ms': int, 'relayed': False, 'connected': False}),
    ('turn/tcp-allocation', [],
     {'relayed': RELAYED, 'w_sees': RELAYED, 'answer': 'BREAD', 'closed_port': 447, 'before': 'reset',
      'without_permission': 'timeout', 'caller': B_OUT, 'connected': True}),
    ('turn/even-port', [],
     {'rtp_port': int, 'rtcp_port': int, 'token_again': 508, 'token_after_31s': 508, 'even_alone': True,
      'connected': True}),
    ('turn/quota', [],
     {'alice_gets': 3, 'alice_is_told': 486, 'bob_gets': 2, 'bob_is_told': 508, 'bytes_let_through': 2000,
      'datagrams_dropped': 5, 'after_release': True}),
    ('turn/quota', ['quota=2', 'total=8'],
     {'alice_gets': 2, 'alice_is_told': 486, 'bob_gets': 2, 'bob_is_told': 486, 'bytes_let_through': 2000,
      'datagrams_dropped': 5, 'after_release': True}),
    ('turn/same-server', [],
     {'relayed_a': RELAYED, 'relayed_b': RELAYED, 'connected': True, 'a_hears': RELAYED, 'refused': False,
      'hairpinned': 0}),
    ('turn/same-server', ['relay_to_relay=false'],
     {'relayed_a': RELAYED, 'relayed_b': RELAYED, 'connected': False, 'a_hears': False, 'refused': 403,
      'hairpinned': 0}),
    ('turn/private-peer', [],
     {'public': 'granted', 'database': 403, 'own': 403, 'loopback': 403, 'metadata': 403, 'multicast': 403,
      'broadcast': 403, 'database_answers': False, 'with_allow': True}),
    ('stun/tcp', [],
     {'udp': '203.0.113.1:5000', 'tcp': '203.0.113.1:5000', 'answers_from_the_stream': 2, 'silent': 'timeout',
      'silent_after_ms': 39580, 'reset': 'reset', 'reset_after_ms': 160, 'nobody': 'refused', 'nobody_after_ms': 80}),
    ('stun/tcp', ['nat_a=udp-blocked'],
     {'udp': 'timeout', 'tcp': re.compile(r'203\.0\.113\.1:\d+'), 'answers_from_the_stream': 2, 'silent': 'timeout',
      'silent_after_ms': 39580, 'reset': 'reset', 'reset_after_ms': 160, 'nobody': 'refused', 'nobody_after_ms': 80}),
    ('stun/tcp', ['nat_a=only-443'], {'udp': 'timeout', 'tcp': 'timeout'}),
    ('stun/exchange', ['nat_a=captive'], {'mapped': 'unreachable'}),
    ('stun/loss', ['nat_a=captive'], {'sent_ms': [0], 'outcome': 'unreachable', 'ended_ms': 0}),
    ('stun/keepalive', ['nat_a=udp-blocked'], {'silence_kills': 'blocked'}),
    ('stun/alg-spoils-mapped-address', ['nat_a=only-443'], {'mapped': 'timeout'}),
    ('stun/liar', [],
     {'naive': 'lets anyone in', 'answered_from': '198.51.100.1:3478', 'mapping': 'endpoint-independent',
      'filtering': "can't tell", 'class': "can't tell", 'why': 'the server ignores CHANGE-REQUEST'}),
    ('stun/liar', ['nat_a=symmetric'],
     {'naive': 'lets anyone in', 'answered_from': '198.51.100.1:3478', 'mapping': 'address-and-port-dependent',
      'filtering': "can't tell", 'class': "can't tell", 'why': 'the server ignores CHANGE-REQUEST'}),
    ('stun/liar', ['lies=false'],
     {'naive': 'filters', 'answered_from': 'nobody', 'mapping': 'endpoint-independent',
      'filtering': 'address-and-port-dependent', 'class': 'port-restricted-cone', 'why': ''}),
    ('stun/liar', ['lies=false', 'nat_a=full-cone'],
     {'naive': 'lets anyone in', 'answered_from': '198.51.100.2:3479', 'mapping': 'endpoint-independent',
      'filtering': 'endpoint-independent', 'class': 'full-cone', 'why': ''}),
    ('stun/loss', [], {'sent_ms': RTO_SCHEDULE, 'outcome': 'timeout', 'ended_ms': 39500}),
    ('stun/loss', ['answered=1'],
     {'sent_ms': [0], 'outcome': '203.0.113.1:5000', 'ended_ms': 80, 'rtt_known': True}),
    ('stun/loss', ['answered=7'],
     {'sent_ms': RTO_SCHEDULE, 'outcome': '203.0.113.1:5000', 'ended_ms': 31580, 'rtt_known': False}),
    ('stun/alg-spoils-mapped-address', [],
     {'mapped': re.compile(r'10\.0\.0\.2:\d+'), 'xor_mapped': re.compile(r'203\.0\.113\.1:\d+'),
      'with_fingerprint': 'timeout', 'with_integrity': 'timeout', 'alg': 'rewrites-addresses', 'alg_off': True}),
    ('stun/alg-spoils-mapped-address', ['nat_a=none'],
     {'mapped': re.compile(r'203\.0\.113\.1:\d+'), 'xor_mapped': re.compile(r'203\.0\.113\.1:\d+'),
      'with_fingerprint': 'answered', 'with_integrity': 'answered', 'alg': 'none', 'alg_off': True}),
] + [('stun/behaviour-discovery', settings, dict(zip(DISCOVERED, found))) for settings, found in (
    ([], (EIM, APDM, 'preserve', 'off', float, 'port-restricted-cone', 'port-restricted-cone')),
    (['nat=none'], ('none', EIM, CANT, CANT, 360, 'open', 'open')),
    (['nat=full-cone'], (EIM, EIM, 'preserve', 'off', float, 'full-cone', 'full-cone')),
    (['nat=restricted-cone'], (EIM, ADM, 'preserve', 'off', float, 'restricted-cone', 'restricted-cone')),
    (['nat=symmetric'], (APDM, APDM, 'random', CANT, float, 'symmetric', 'symmetric')),
    (['nat=symmetric-sequential'], (APDM, APDM, 'sequential', 'off', float, 'symmetric', 'symmetric')),
    (['nat=rfc4787'], (EIM, ADM, 'preserve', 'external-source', float, 'restricted-cone', 'restricted-cone')),
    (['nat=cgn'], (EIM, EIM, 'random', 'external-source', float, 'full-cone', 'full-cone')),
    (['nat=linux'], (EIM, APDM, 'preserve', 'off', float, 'port-restricted-cone', 'port-restricted-cone')),
    (['nat=pf'], (APDM, APDM, 'random', CANT, float, 'symmetric', 'symmetric')),
    (['nat=udp-blocked'], (CANT,) * 7),
    (['loss=0.05'], (EIM, APDM, 'preserve', 'off', float, 'port-restricted-cone', 'port-restricted-cone')),
    (['mapping=address-dependent', 'filtering=endpoint-independent', 'hairpin=internal-source'],
     (ADM, EIM, 'preserve', 'internal-source', float, CANT, 'full-cone')),
    (['nat=symmetric-sequential', 'hairpin=external-source'],
     (APDM, APDM, 'sequential', 'external-source', float, 'symmetric', 'symmetric')),
)] + [('stun/keepalive', ['lifetime=' + text],
      {'silence_kills': True, 'keepalive_keeps': True, 'lifetime_found': seconds})
     for text, seconds in (('1us', 1e-6), ('5ms', 0.005), ('500ms', 0.5), ('1.237s', 1.23), ('7s', 7), ('30s', 30),
                           ('2min', 120), ('1h', 3600))]

# The parts of report.json and their types (interface.md section 4). A list holds its items' shape; a dict of str: shape
# holds any names.
NUMBER, TEXT = (int, float), str
OR_NULL = object()
REPORT = {
    'format': int, 'scenario': TEXT, 'title': TEXT, 'seed': int, 'params': {str: object}, 'results': {str: object},
    'expectations': [{'text': TEXT, 'ok': bool, 'at': NUMBER, 'line': int}],
    'notes': [{'at': NUMBER, 'text': TEXT}],
    'ended': TEXT,
    'waiting': [{'task': TEXT, 'line': int, 'on': TEXT}],
    'error': (OR_NULL, {'message': TEXT, 'file': TEXT, 'line': int}),
    'virtual_seconds': NUMBER,
    'packets': {'sent': int, 'delivered': int, 'dropped': {str: int}, 'under_way': int},
    'nats': {str: {'mappings': [{'protocol': TEXT, 'internal': TEXT, 'external': TEXT, 'peers': [TEXT],
                                 'expires': NUMBER}],
                   'counters': {str: int}}},
    'files': [{'path': TEXT, 'node': (OR_NULL, TEXT), 'network': (OR_NULL, TEXT), 'packets': int}],
    'about': TEXT, 'topology': {str: object},
}


def misshapen(value, shape, place='report'):
    """Where `value` is not of `shape`; '' when it is."""
    if isinstance(shape, tuple) and shape[0] is OR_NULL:
        return '' if value is None else misshapen(value, shape[1], place)
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return place
        if str in shape:
            return next(filter(None, (misshapen(part, shape[str], place + '.' + name)
                                      for name, part in value.items())), '')
        if set(value) != set(shape):
            return '%s has %s' % (place, sorted(value))
        return next(filter(None, (misshapen(value[name], shape[name], place + '.' + name) for name in shape)), '')
    if isinstance(shape, list):
        if not isinstance(value, list):
            return place
        return next(filter(None, (misshapen(part, shape[0], place + '[]') for part in value)), '')
    held = shape is object or isinstance(value, shape) and (shape is bool or not isinstance(value, bool))
    return '' if held else '%s is %r' % (place, value)


def named(scenario, settings):
    return ' '.join([scenario, *settings])


def matches(found, wanted):
    if isinstance(wanted, re.Pattern):
        return isinstance(found, str) and wanted.fullmatch(found) is not None
    if isinstance(wanted, type):
        return type(found) is wanted
    return found == wanted and isinstance(found, bool) == isinstance(wanted, bool)


def test_report(run, name, scenario):
    report = run.report
    wrong = misshapen(report, REPORT)
    check(name + ': its report is complete', not wrong, wrong)
    check(name + ': sent = delivered + dropped + under way', balanced(report), report['packets'])
    equal(name + ': names its scenario', report['scenario'], scenario)
    equal(name + ': seed', report['seed'], 1)
    equal(name + ': ended', report['ended'], 'done')
    check(name + ': nobody waits, no error', report['waiting'] == [] and report['error'] is None)
    check(name + ': expectations', all(one['ok'] for one in report['expectations']), report['expectations'])
    check(name + ': every expectation has its line and its time', all(
        one['line'] > 0 and 0 <= one['at'] <= report['virtual_seconds'] for one in report['expectations']))
    check(name + ': every mapping has endpoints', all(
        ENDPOINT.fullmatch(end) for nat in report['nats'].values() for mapping in nat['mappings']
        for end in [mapping['internal'], mapping['external']] + mapping['peers']), report['nats'])
    with open(run.path('report.json')) as file:
        equal(name + ': standard output is report.json', run.stdout, file.read())


def test_results(folder):
    for row, (scenario, settings, wanted) in enumerate(REPORTED):
        name = named(scenario, settings)
        options = [word for setting in settings for word in ('--set', setting)]
        run = Run(scenario, os.path.join(folder, str(row)), *options)
        test_report(run, name, scenario)
        check(name + ': has the results of the table, in order', list(run.results) == list(wanted), run.results)
        for key, value in wanted.items():
            check('%s: %s' % (name, key), matches(run.results.get(key), value),
                  'is %r, should be %r' % (run.results.get(key), value))
        for setting in settings:
            key, value = setting.split('=')
            equal('%s: the report tells %s' % (name, key), str(run.report['params'].get(key)).lower(), value.lower())
    equal('every scenario that ships is in the table', sorted({row[0] for row in REPORTED}), SHIPPED)


def test_values(folder):
    """What the table can't say: which values differ."""
    results = Run('situations/symmetric-to-public', folder + '/v1').results
    check('symmetric-to-public: two mappings', results['mapped_for_server'] != results['mapped_for_peer'], results)
    run = Run('situations/symmetric-both', folder + '/v2')
    results = run.results
    check('symmetric-both: the ports for the peer are not those for the server',
          not results['mapped_for_server_a'].endswith(':%d' % results['port_for_peer_a']) and
          not results['mapped_for_server_b'].endswith(':%d' % results['port_for_peer_b']), results)
    equal('symmetric-both: it says why in five expectations', len(run.report['expectations']), 5)
    dropped = {(record['node'], record['reason']) for record in run.journal() if record.get('verdict') == 'drop'}
    equal('symmetric-both: both NATs drop, by their filters', dropped, {('natA', 'filtered'), ('natB', 'filtered')})
    few, many = (Run('ice/mapping-storm', folder + '/v7', '--set', 'servers=%d' % servers).results
                 for servers in (1, 8))
    equal('mapping-storm: one more mapping for each server', many['mappings'] - few['mappings'], 7)
    check('mapping-storm: more checks, all in vain',
          many['checks_of_b_at_them'] >= few['checks_of_b_at_them'] + 7, (few, many))
    results = Run('ice/symmetric-to-port-restricted', folder + '/v8').results
    check('symmetric-to-port-restricted: the port for the peer is not that for the server',
          results['mapped_for_server'] != results['mapped_for_peer'], results)
    results = Run('ice/consent-lost', folder + '/v9').results
    check('consent-lost: 30 s after the last answer, which came in the 6 s before (RFC 7675 section 5.1)',
          23.8 < results['lost_after_s'] <= 30.0, results)
    moved = Run('ice/restart-on-network-change', folder + '/v10').results
    check('restart-on-network-change: silent for as long as it takes to ask the servers', all(
        300 < moved['silence_at_%s_ms' % who] < 3000 for who in 'ab'), moved)
    run = Run('stun/loss', folder + '/v5')
    for file, later in ('A-natA.pcap', 0), ('natA-internet.pcap', 100000):   # its link takes 0.1 ms
        at = [int(frame['frame.time_epoch'][0].replace('.', '')) - EPOCH_NS
              for frame in tshark(run.path(file), ['frame.time_epoch', 'stun.id'])]
        equal('loss: the schedule stands in ' + file, at, [time * 10**6 + later for time in RTO_SCHEDULE])
    ids = {frame['stun.id'][0] for frame in tshark(run.path('A-natA.pcap'), ['stun.id'])}
    equal('loss: one transaction', len(ids), 1)
    for preset, lifetime in ('port-restricted-cone', 300), ('linux', 120), ('pf', 60):   # of Linux a stream's
        found = Run('stun/behaviour-discovery', folder + '/v6', '--set', 'nat=' + preset).results['lifetime']
        check('behaviour-discovery: the lifetime of ' + preset, lifetime - 8 < found <= lifetime + 0.3, found)
    results = Run('nat/reboot', folder + '/v3').results
    check('reboot: another mapping', results['mapped_before'] != results['mapped_after'], results)
    report = Run('stun/exchange', folder + '/v4').report
    equal('exchange: the mapping that is left', report['nats']['natA']['mappings'], [
        {'protocol': 'udp', 'internal': '10.0.0.2:5000', 'external': '203.0.113.1:5000',
         'peers': ['198.51.100.1:3478'], 'expires': 300.0001}])
    notes = ' '.join(note['text'] for note in report['notes'])
    check('exchange: prints the arithmetic', all(word in notes for word in (
        '0x1388 xor 0x2112', '0x%04X' % (0x1388 ^ 0x2112), '0x%08X' % (0xCB007101 ^ 0x2112A442))), notes)


PRESETS = ['none', 'full-cone', 'restricted-cone', 'port-restricted-cone', 'symmetric']
APART = {('symmetric', 'symmetric'), ('symmetric', 'port-restricted-cone'), ('port-restricted-cone', 'symmetric')}


def test_classic_matrix(scenario, *settings):
    name = named('matrix ' + scenario, settings)
    result = punchlab('matrix', scenario, '--format', 'csv', *settings)
    equal(name + ': status', result.returncode, 0)
    lines = [line.split(',') for line in result.stdout.split()]
    equal(name + ': columns', lines[0][1:], PRESETS)
    equal(name + ': rows', [line[0] for line in lines[1:]], PRESETS)
    for line in lines[1:]:
        for across, cell in zip(PRESETS, line[1:]):
            equal('%s: %s with %s connects' % (name, line[0], across), cell == 'true', (line[0], across) not in APART)
            check(name + ': a cell says true or false', cell in ('true', 'false'), cell)


def test_matrix():
    test_classic_matrix('nat/hole-punching')
    for answer in 'drop', 'icmp', 'reset':
        test_classic_matrix('nat/tcp-hole-punching', '--set', 'answer=' + answer)
    for scenario, blocked in ('nat/hole-punching', 'udp-blocked'), ('nat/tcp-hole-punching', 'only-443'):
        result = punchlab('matrix', scenario, '--rows', 'nat_a=linux,%s,captive' % blocked, '--cols',
                          'nat_b=none,linux,%s' % blocked, '--format', 'csv')
        equal('matrix %s: what blocks it is no error' % scenario, (result.returncode, result.stdout.split()[1:]), (0, [
            'linux,true,true,false', blocked + ',false,false,false', 'captive,false,false,false']))
    result = punchlab('matrix', 'nat/hole-punching', '--seeds', '1..8', '--format', 'csv')
    cells = [cell for line in result.stdout.split('\n')[1:-1] for cell in line.split(',')[1:]]
    equal('matrix: no seed tells otherwise, as shares', [float(cell) for cell in cells],
          [float((down, across) not in APART) for down in PRESETS for across in PRESETS])


# Two hosts stand inside that box, so it can't be none.
TWO_INSIDE = [('nat/hairpin', 'nat_a'), ('nat/double-nat', 'cgn'), ('nat/port-collision', 'nat_a'),
              ('nat/cgn-ports', 'nat_a'), ('ice/double-nat-same-cgn', 'cgn'), ('sip/alg-meets-stun', 'nat_a')]

DEPENDENCES = ['endpoint-independent', 'address-dependent', 'address-and-port-dependent']


def lets_in(own, peer):
    """Does the first packet that the peer sends to the mapping which STUN saw pass the own NAT? By the definitions of
    RFC 4787 alone: (mapping, filtering) of both.

    An endpoint-independent filter lets anyone in (section 5). The others ask whom the host has sent to through this
    mapping: the peer only if it is the mapping for every destination (section 4.1), for the server has another address.
    Then the peer's address is known; its port is the one that was sent to only if its mapping does not depend on the
    destination either."""
    independent = DEPENDENCES[0]
    if own[1] == independent:
        return True
    if own[0] != independent:
        return False
    return own[1] == 'address-dependent' or peer[0] == independent


def test_every_pair():
    """All mappings with all filterings, on both sides. Whoever gets a first packet answers to where it came from, by the
    mapping that admitted it, and that the other side has sent to: so one that passes is enough."""
    values = '=' + ','.join(DEPENDENCES)
    result = punchlab('matrix', 'nat/hole-punching', '--rows', 'mapping_a' + values, '--rows', 'filtering_a' + values,
                      '--cols', 'mapping_b' + values, '--cols', 'filtering_b' + values, '--seeds', '4',
                      '--format', 'json')
    equal('every pair: status', result.returncode, 0)
    cells = json.loads(result.stdout)['cells']
    equal('every pair: 81 cells', len(cells), 81)
    for cell in cells:
        p = cell['params']
        a, b = (p['mapping_a'], p['filtering_a']), (p['mapping_b'], p['filtering_b'])
        equal('every pair: %s with %s' % (a, b), cell['share'], int(lets_in(a, b) or lets_in(b, a)))
    equal('every pair: so many connect', sum(cell['share'] for cell in cells), 57)


def test_birthday():
    """Over many seeds the share of runs that meet is that of the formula: within four standard deviations."""
    guesses, seeds = (64, 174, 512), 400
    result = punchlab('matrix', 'nat/birthday', '--rows', 'guesses=' + ','.join(map(str, guesses)),
                      '--cols', 'nat_b=port-restricted-cone', '--seeds', str(seeds), '--format', 'json')
    shares = [cell['share'] for cell in json.loads(result.stdout)['cells']]
    for knocks, share in zip(guesses, shares):
        wanted = 1 - math.prod(1 - 256 / (64512 - i) for i in range(knocks))
        check('birthday: %d knocks meet as often as computed' % knocks,
              abs(share - wanted) < 4 * math.sqrt(wanted * (1 - wanted) / seeds), (share, wanted))


def test_presets(folder):
    """Every scenario may be tried with other NATs: what it expects is then silent or right, and nothing raises."""
    for scenario in SHIPPED:
        shown = punchlab('show', scenario).stdout
        for parameter in ('nat_a', 'nat_b', 'cgn'):
            if '  %s = ' % parameter not in shown:
                continue
            for preset in PRESETS + ['symmetric-sequential', 'rfc4787', 'cgn']:
                if preset == 'none' and (scenario, parameter) in TWO_INSIDE:
                    continue   # the box itself is the subject, and two stand inside
                result = punchlab('run', scenario, '--set', parameter + '=' + preset, '--no-trace', '--quiet',
                                  '--out', folder + '/presets')
                check('%s %s=%s' % (scenario, parameter, preset), result.returncode == 0,
                      'status %d: %s%s' % (result.returncode, result.stdout, result.stderr))


def main():
    with tempfile.TemporaryDirectory() as folder:
        test_results(folder)
        test_values(folder)
        test_matrix()
        test_every_pair()
        test_birthday()
        test_presets(folder)
    finish()


main()
