#!/usr/bin/env python3
"""ICE between Chromium and `punchlab ice`, through two NATs of the kernel's, with `serve stun` and `serve turn`: either
side offers. Our agent has no DTLS, so the data channel never opens; iceConnectionState and Chromium's statistics say that
a pair was found, and our result says the same of the other end."""
import json
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from support import network
from support.chromium import Chromium
from support.network import masquerade
from support.programs import PROGRAM, missing
from support.report import check, equal, finish, skip
from support.two_nats import OURS, USER, TwoNats

STUN = {'urls': 'stun:%s:3478' % OURS}
TURN = {'urls': 'turn:%s:3479?transport=udp' % OURS, 'username': USER.split(':')[0], 'credential': USER.split(':')[1]}
TURN_TCP = dict(TURN, urls=TURN['urls'].replace('udp', 'tcp'))
REFLEXIVE = {'srflx', 'prflx'}

# What a data channel's description has and an ICE agent's has not (RFC 8841 section 5, RFC 8122, RFC 5763). The fingerprint
# is nobody's: DTLS is not what is tried here.
DRESS = 'a=fingerprint:sha-256 %s\r\na=setup:%%s\r\na=sctp-port:5000\r\n' % ':'.join(['AB'] * 32)


def dressed(sdp, setup):
    sdp = sdp.replace('\n', '\r\n')
    sdp = re.sub(r'(m=application \d+) .*\r\n', r'\1 UDP/DTLS/SCTP webrtc-datachannel\r\n', sdp)
    return sdp.replace('a=mid:0\r\n', 'a=mid:0\r\n' + DRESS % setup)


class Agent:
    """Ours, at bob's. It stays until it is told to end."""

    def __init__(self, lab, side, *more):
        self.process = lab.bob.start(PROGRAM, 'ice', side, '--stun', OURS, '--messages', 0, '--stay', '2min', '--explain',
                                     '--format', 'json', *more, talks=True)

    def description(self):
        if not self.process.wait_for(r'\n\n'):
            raise RuntimeError('no description of ours: ' + self.process.out)
        return self.process.out.split('\n\n')[0] + '\n'

    def take(self, sdp):
        self.process.tell(sdp.rstrip() + '\r\n\r\n')

    def end(self):
        """Its result, and all that it has said."""
        self.process.stop()
        found = [json.loads(line) for line in self.process.lines if line.startswith('{')]
        return found[0] if found else {}, self.process.out


def exchange(chromium, agent, theirs_offers, servers, policy):
    if theirs_offers:
        agent.take(chromium.ask('offer', servers, policy))
        chromium.ask('takeAnswer', dressed(agent.description(), 'active'))
    else:
        agent.take(chromium.ask('answer', servers, policy, dressed(agent.description(), 'actpass')))


def place_of(candidate):
    return '%s:%d' % (candidate.get('address') or candidate.get('ip'), candidate['port'])


def judge(name, found, ours, said, wanted, own_type):
    """`wanted`: what may be the path, by our word; `own_type`: of Chromium's candidate, if that is certain."""
    if not check(name + ': Chromium has a nominated pair that has succeeded', found['pair'], (found, said[-6000:])):
        return
    pair = found['pair']
    check(name + ': iceConnectionState', {'connected', 'completed'} & set(found['states']) and
          'failed' not in found['states'], found['states'])
    check(name + ': we are connected', ours.get('connected'), said[-6000:])
    check(name + ': path', ours.get('path') in wanted, 'is %s, should be one of %s' % (ours.get('path'), sorted(wanted)))
    if own_type:
        equal(name + ": type of Chromium's candidate", pair['own']['candidateType'], own_type)
    equal(name + ": our peer is Chromium's candidate", ours.get('peer'), place_of(pair['own']))
    check(name + ': transcript', 'ICE is Completed' in said and 'stream 1, component 1 goes by pair' in said, said[-6000:])


# name; who offers; Chromium's servers and policy; options of ours; paths; the type of Chromium's candidate
CASES = {
    'masquerades': (
        ('it offers', True, [STUN], 'all', [], REFLEXIVE, None),
        ('we offer', False, [STUN], 'all', [], REFLEXIVE, None),
        ('a relay not needed', True, [STUN, TURN], 'all', [], REFLEXIVE, None),
        ('it offers relays only', True, [TURN], 'relay', [], {'relay'}, 'relay'),
        ('it answers with relays only', False, [TURN], 'relay', [], {'relay'}, 'relay'),
        ('relays by TCP only', True, [TURN_TCP], 'relay', [], {'relay'}, 'relay'),
        ('we have relays only', True, [STUN], 'all',
         ['--turn', 'turn:%s:3479' % OURS, '--user', USER, '--policy', 'relay'], {'relay'}, None),
    ),
    'masquerades fully-random': (
        ('it offers', True, [STUN, TURN], 'all', [], {'relay'}, None),
        ('we offer', False, [STUN, TURN], 'all', [], {'relay'}, None),
    ),
}
BOXES = {'masquerades': masquerade('wan'), 'masquerades fully-random': masquerade('wan', 'fully-random')}


def play(lab, chromium, name, case):
    what, theirs_offers, servers, policy, options, wanted, own_type = case
    name = 'Chromium, two %s, %s' % (name, what)
    agent = Agent(lab, 'answer' if theirs_offers else 'offer', *options)
    try:
        exchange(chromium, agent, theirs_offers, servers, policy)
        found = chromium.ask('outcome', 25000)
        agent.process.wait_for('punchlab ice: connected')
    except RuntimeError as why:
        agent.end()
        return check(name, False, why)
    ours, said = agent.end()
    return judge(name, found, ours, said, wanted, own_type)


def one_box(name):
    with TwoNats(BOXES[name], BOXES[name]) as lab:
        if not lab.serve_stun() or not lab.serve_turn():
            return
        with Chromium(lab.alice, os.path.join(lab.folder, 'chromium')) as chromium:
            if chromium.why:
                return skip('Chromium, two %s' % name, 'chromium does not run here: ' + chromium.why)
            with open(os.path.join(HERE, 'ice_chromium.js')) as script:
                chromium.evaluate(script.read() + '\n;0')
            for case in CASES[name]:
                play(lab, chromium, name, case)


def main():
    why = network.unable() or missing('chromium')
    if why:
        skip('ICE between Chromium and our agent', why)
        finish()
    for name in CASES:
        one_box(name)
    finish()


main()
