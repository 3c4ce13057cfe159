#!/usr/bin/env python3
"""A WebRTC data channel between two Chromium instances, each behind a NAT of the kernel's that maps each destination
anew, and told to use relayed candidates only: all of it goes through `punchlab serve turn`."""
import base64
import hashlib
import hmac
import os
import re
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from support import network
from support.chromium import Chromium
from support.nat_lab import OURS, NatLab
from support.programs import missing
from support.report import check, equal, finish, skip

NAME = 'a data channel of two Chromium instances through serve turn'
SECRET = 'shared with the web service'
MESSAGES, SMALL, LARGE = 200, 1000, 60000

with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'chromium_turn.js')) as file:
    SCRIPT = file.read()


def rest_credentials():
    """What a web service hands out: a user with an end, and the password that the secret makes of it."""
    user = '%d:alice' % (time.time() + 600)
    return user, base64.b64encode(hmac.new(SECRET.encode(), user.encode(), hashlib.sha1).digest()).decode()


def one_way(name, left, right, transport, user, password):
    server = {'urls': 'turn:%s:3478?transport=%s' % (OURS, transport), 'username': user, 'credential': password}
    offer = left.ask('offer', server)
    check(name + ': its candidates are relayed', re.findall('typ ([a-z]+)', offer['sdp']) and
          set(re.findall('typ ([a-z]+)', offer['sdp'])) == {'relay'}, offer['sdp'])
    left.ask('accept', right.ask('answer', server, offer))
    equal(name + ': small messages there and back', left.ask('exchange', MESSAGES, SMALL), MESSAGES)
    equal(name + ': large ones', left.ask('exchange', 20, LARGE), 20)
    for side in left, right:
        equal(name + ': the pair in use', side.ask('pair'),
              {'local': 'relay', 'remote': 'relay', 'by': transport, 'addresses': [OURS, OURS]})
    for side in left, right:
        side.ask('end')


def wrong_password(left):
    server = {'urls': 'turn:%s:3478' % OURS, 'username': 'alice', 'credential': 'wrong'}
    equal('a wrong password: no candidate', re.findall('a=candidate', left.ask('offer', server)['sdp']), [])
    left.ask('end')


def all_ways(lab, left, right):
    turn = lab.serve_ours('turn', '--listen', OURS, '--user', 'alice:secret', '--secret', SECRET, '--realm', 'lab')
    if not turn:
        return
    for name, transport, credentials in (('UDP', 'udp', ('alice', 'secret')), ('TCP', 'tcp', ('alice', 'secret')),
                                         ('time-limited credentials', 'udp', rest_credentials())):
        try:
            one_way(name, left, right, transport, *credentials)
        except RuntimeError as why:
            check(name, False, '%s; the server: %s' % (why, turn.out[-600:]))
    wrong_password(left)
    equal('serve turn ends with 0 at SIGINT', turn.stop(signal.SIGINT), 0)
    found = re.search(r'to peers (\d+) datagrams of (\d+) bytes, to clients (\d+) of (\d+)', turn.out)
    # There from one's client to the other's, and back, in each of three ways.
    least = 3 * 2 * (MESSAGES * SMALL + 20 * LARGE)
    check('and has relayed all of it', found and int(found.group(2)) >= least and int(found.group(4)) >= least,
          turn.out[-400:])


def main():
    lacking = network.unable() or missing('chromium')
    if lacking:
        skip(NAME, lacking)
        finish()
    with NatLab(network.masquerade('wan', 'fully-random')) as lab:
        other = lab.space('other')
        lab.wire(other, 'eth0', '10.0.2.2/24', lab.box, 'lan2', '10.0.2.1/24')
        other.route('10.0.2.1')     # without a default route Chromium has no candidates
        with Chromium(lab.inside, os.path.join(lab.folder, 'left')) as left, \
                Chromium(other, os.path.join(lab.folder, 'right')) as right:
            if left.why or right.why:
                skip(NAME, 'chromium does not run here: %s' % (left.why or right.why))
                finish()
            for side in left, right:
                side.evaluate(SCRIPT)
            all_ways(lab, left, right)
    finish()


main()
