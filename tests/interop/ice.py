#!/usr/bin/env python3
"""ICE through two NATs of the kernel's: `punchlab ice` with an agent of libnice's (nice_peer.c) in both roles, and with
itself, by host, server-reflexive and relayed candidates; relays are turnserver's and our own. All data comes back."""
import collections
import concurrent.futures
import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from support import network
from support.capture import SEVERE, Capture
from support.network import masquerade
from support.programs import BUILD, PROGRAM, introduce, missing
from support.report import check, equal, finish, skip
from support.two_nats import ALICE, COTURN, OURS, USER, TwoNats

NICE = os.path.join(BUILD, 'interop', 'nice_peer')
MESSAGES = 20
REFLEXIVE = {'srflx', 'prflx'}

# `boxes`: what alice's and bob's do. `turn`: the relay is offered to both sides. `only`: who uses nothing else.
Case = collections.namedtuple('Case', 'name boxes path turn only', defaults=[None, ()])

CONE, SYMMETRIC = masquerade('wan'), masquerade('wan', 'fully-random')
ROUTERS, CONES, SYMMETRICS = ('', ''), (CONE, CONE), (SYMMETRIC, SYMMETRIC)
BLOCKED = CONE + network.blocked('wan'), CONE


def cases(turn):
    """`turn`: address and port of the TURN server, or None."""
    yield Case('routers', ROUTERS, {'host'})
    yield Case('two masquerades', CONES, REFLEXIVE)
    if turn:
        yield Case('two masquerades, and a relay not needed', CONES, REFLEXIVE, turn)
        yield Case('two masquerades fully-random', SYMMETRICS, {'relay'}, turn)
        yield Case('the offerer relays only', CONES, {'relay'}, turn, ('offer',))
        yield Case('the answerer relays only', CONES, {'relay'}, turn, ('answer',))
        # UDP to the relay gets no answer, so it is reached by TCP.
        yield Case('UDP blocked at one side', BLOCKED, {'relay'}, turn)


# ---- the two kinds of agents

class Ours:
    name = 'punchlab'

    def __init__(self, space, side, case, *more):
        arguments = ['--stun', OURS, '--format', 'json', '--messages', MESSAGES, '--explain', *more]
        if case.turn:
            arguments += ['--turn', 'turn:%s:%d' % case.turn, '--user', USER]
        if side in case.only:
            arguments += ['--policy', 'relay']
        self.side, self.process = side, space.start(PROGRAM, 'ice', side, *arguments, talks=True)

    def result(self):
        """Whether it ended well, its path, the type of its own candidate, how many messages it has seen, what it said."""
        status = self.process.wait()
        found = [json.loads(line) for line in self.process.lines if line.startswith('{')] or [{'messages': {}}]
        return (status == 0, found[0].get('path'), found[0].get('own_type'), found[0]['messages'].get('echoed'),
                self.process.out)


class Nice:
    name = 'libnice'

    def __init__(self, space, side, case, *more):
        arguments = ['stun=%s:3478' % OURS, 'messages=%d' % MESSAGES]
        if case.turn:
            arguments += ['turn=%s:%d/udp' % case.turn, 'user=' + USER]
        if side in case.only:
            arguments += ['relay']
        self.side, self.process = side, space.start(NICE, side, *arguments, talks=True)

    def result(self):
        status, said = self.process.wait(), dict.fromkeys(['connected', 'echoed'], '')
        for line in self.process.lines:
            word, _, rest = line.strip().partition(' ')
            if word in said:
                said[word] = rest
        types = said['connected'].split()
        path = 'relay' if 'relay' in types else 'prflx' if 'prflx' in types else 'srflx' if 'srflx' in types else 'host'
        return (status == 0, path if types else None, types[0] if types else None, int(said['echoed'] or 0),
                self.process.out)


# ---- one run

def play(lab, case, offerer, answerer, *more):
    """`more`: options of ours."""
    relay = {None: '', COTURN: ', by turnserver', OURS: ', by serve turn'}[case.turn and case.turn[0]]
    name = '%s%s: %s to %s%s' % (case.name, relay, offerer.name, answerer.name, ''.join(' ' + word for word in more))
    sides = offerer(lab.alice, 'offer', case, *more), answerer(lab.bob, 'answer', case, *more)
    introduce(*[side.process for side in sides])
    found = [side.result() for side in sides]
    good = check(name + ': both connect', all(each[0] for each in found), [each[-1][-1500:] for each in found])
    for side in sides:
        side.process.stop()
    if not good:
        return
    equal(name + ': messages', [each[3] for each in found], [MESSAGES, MESSAGES])
    # libnice tells a pair by its base, so what it calls host may be reflexive.
    for side, (_, path, own, _, said) in zip(sides, found):
        wanted = case.path | ({'host'} if side.name == 'libnice' and case.path == REFLEXIVE else set())
        check('%s: path of %s' % (name, side.name), path in wanted, 'is %s, should be one of %s' % (path, sorted(wanted)))
        if case.only and side.side in case.only:
            equal('%s: own candidate of %s' % (name, side.name), own, 'relay')
        if side.name == 'punchlab':
            check('%s: transcript' % name, 'ICE is Completed' in said and 'stream 1, component 1 goes by pair' in said and
                  '-> Succeeded, because its check was answered' in said, said[-3000:])


def decoded(capture, name):
    if not capture.stop():
        return skip(name, capture.why)
    check(name + ': messages were seen', len(capture.matching('stun')) > 10, 'too few')
    equal(name, capture.matching(SEVERE)[:3], [])


def all_of(boxes, played, turn):
    """All cases of one pair of boxes. `played`: (offerer, answerer, options of ours)."""
    with TwoNats(*boxes) as lab:
        coturn = lab.serve_coturn() if turn != OURS else None
        if not lab.serve_stun() or (turn == COTURN and not coturn) or (turn == OURS and not lab.serve_turn()):
            return
        at = {COTURN: (COTURN, 3478), OURS: (OURS, 3479)}.get(turn)
        for case in cases(at):
            if case.boxes != boxes:
                continue
            capture = Capture(lab.box_a, os.path.join(lab.folder, 'box.pcapng'), 'lan', 'wan')
            for offerer, answerer, *more in played:
                play(lab, case, offerer, answerer, *more)
            decoded(capture, '%s, TURN at %s: tshark decodes every message' % (case.name, turn))


# ---- a host that moves

MOVED = '10.0.1.77'   # alice's second address


def move(space):
    """The first address goes, and a moment later another one comes, as when a telephone changes the network."""
    space.run('ip', 'addr', 'del', ALICE + '/24', 'dev', 'eth0')
    time.sleep(1)
    for command in (('addr', 'add', MOVED + '/24', 'dev', 'eth0'), ('route', 'add', 'default', 'via', '10.0.1.1')):
        done = space.run('ip', *command)
        check('ip %s' % ' '.join(command), done.status == 0, done.out)


def network_change():
    """Through `serve signal` who has moved begins anew, whoever offered first, and both stay connected."""
    for moving in ('offer', 'answer'):
        with TwoNats(*CONES) as lab:
            if not lab.serve_stun():
                return
            server = lab.middle.start(PROGRAM, 'serve', 'signal', '--listen', OURS, '--quiet')
            if not check('serve signal listens', server.wait_for('listening on'), server.out):
                return
            spaces = {'alice': lab.alice, 'bob': lab.bob}
            roles = {'alice': moving, 'bob': 'answer' if moving == 'offer' else 'offer'}
            sides = {name: space.start(
                PROGRAM, 'ice', roles[name], '--stun', OURS, '--signal', 'http://%s:8080' % OURS, '--name', name, '--peer',
                'bob' if name == 'alice' else 'alice', '--stay', '12s', '--format', 'json', '--explain')
                for name, space in spaces.items()}
            name = 'the one who %ss moves' % moving
            if check(name + ': both stay', all(side.wait_for('and stays so for', within=20) for side in sides.values()),
                     [side.out[-800:] for side in sides.values()]):
                move(lab.alice)
            for side, process in sides.items():
                status = process.wait()
                found = [json.loads(line) for line in process.lines if line.startswith('{')] or [{}]
                check('%s: %s ends well' % (name, side), status == 0 and found[0].get('restarts') == 1,
                      (status, found[0], process.out[-2500:]))
                check('%s: %s is connected anew' % (name, side), 'connected anew' in process.out, process.out[-2500:])
                if side == 'alice':
                    check(name + ': by the new address', found[0].get('own', '').startswith((MOVED, '198.51.100.2:')),
                          found[0])


def main():
    why = network.unable()
    if why:
        skip('ICE through NATs of the kernel', why)
        finish()
    with_nice = [(Ours, Nice), (Nice, Ours)]
    if not os.path.exists(NICE):
        skip('libnice', 'nice_peer was not built: libnice-dev is not installed')
        with_nice = []
    lacking = missing('turnserver')
    if lacking:
        skip('turnserver as relay', lacking)
    own = [(Ours, Ours), (Ours, Ours, '--trickle')]
    coturn = None if lacking else COTURN
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(all_of, boxes, with_nice, coturn) for boxes in (ROUTERS, CONES, SYMMETRICS)]
        jobs += [pool.submit(all_of, boxes, own + with_nice, OURS) for boxes in (CONES, SYMMETRICS)]
        # libnice is told one way to a relay and does not fall back, so it stands where UDP is free.
        jobs += [pool.submit(all_of, BLOCKED, own + with_nice[:1], turn) for turn in (coturn, OURS) if turn]
        jobs += [pool.submit(network_change)]
        for job in jobs:
            job.result()
    finish()


main()
