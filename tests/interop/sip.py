#!/usr/bin/env python3
"""sipp's phones register and call through `punchlab serve sip`, a thousand calls each way: over UDP to bob behind a
masquerade, who is reached along the flow of his registration and hung up on by the route that was recorded; over TCP
from alice behind it; and both over UDP in the open, where nobody needs either. Every message is tshark's to decode."""
import os
import re
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from support import network
from support.capture import Capture
from support.nat_lab import INSIDE, OURS, OURS_SECOND, NatLab
from support.programs import missing
from support.report import check, equal, finish, skip

DOMAIN = 'example.org'
CALLS, RATE = 1000, 200
FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'support', 'sipp')
# A warning or worse about a message of SIP or SDP; what ICMP quotes of one that a phone which has ended got is cut short.
SEVERE = '!icmp && (_ws.malformed || (sip || sdp) && _ws.expert.severity >= 6291456)'


def sipp(space, script, address, port, transport, user, *more):
    """Arguments of one sipp; the last word of `transport` is sipp's: one socket for all calls."""
    return ['sipp', OURS + ':5060', '-nostdin', '-sf', os.path.join(FOLDER, script), '-s', user, '-au', user, '-ap', 'secret',
            '-key', 'domain', DOMAIN, '-i', address, '-p', port, '-mi', address, '-mp', port + 1000, '-t', transport + '1',
            '-fd', 1] + list(more)


def register(name, space, address, port, transport, user):
    found = space.run(*sipp(space, 'register.xml', address, port, transport, user, '-m', 1), within=20)
    return check('%s: %s registers' % (name, user), found.status == 0, found)


def counted(out, what):
    found = re.findall(r'%s call\s*\|\s*\d+\s*\|\s*(\d+)' % what, out)
    return int(found[-1]) if found else None


def calls(name, transport, bob, alice):
    """bob, alice: (namespace, address)."""
    if not register(name, *bob, 5070, transport, 'bob'):
        return
    answering = bob[0].start(*sipp(bob[0], 'uas.xml', bob[1], 5070, transport, 'bob', '-m', CALLS))
    time.sleep(0.5)
    calling = alice[0].run(*sipp(alice[0], 'uac.xml', alice[1], 5080, transport, 'alice', '-m', CALLS, '-r', RATE, '-l',
                                 2 * CALLS), within=90)
    equal('%s: calls that succeed, that fail' % name,
          (counted(calling.out, 'Successful'), counted(calling.out, 'Failed')), (CALLS, 0))
    equal('%s: both phones end well' % name, (calling.status, answering.wait(20)), (0, 0))


def wrong_password(lab):
    command = sipp(lab.outside, 'register.xml', OURS_SECOND, 5090, 'u', 'bob', '-m', 1)
    command[command.index('secret')] = 'guess'
    found = lab.outside.run(*command, within=20)
    check('a wrong password registers nobody', found.status == 1, found)


def decoded(capture, name):
    if not capture.stop():
        return skip(name, capture.why)
    for what in 'udp && sip.Method == "INVITE"', 'tcp && sip.Method == "INVITE"', 'sdp', 'sip.Status-Code == 407':
        check('captured: ' + what, capture.matching(what, '-c', '40000'))
    equal(name, capture.matching(SEVERE)[:3], [])
    equal(name + ': all of UDP is SIP', capture.matching('udp.port == 5060 && !sip && !icmp')[:3], [])


def counters(server):
    """The line at the end: what the server says of it."""
    equal('serve sip ends with 0 at SIGINT', server.stop(signal.SIGINT), 0)
    said = re.search(r'(\d+) calls answered, (\d+) failed; bindings: (\d+) made.* (\d+) malformed', server.out)
    if check('serve sip says what it has counted', said, server.out[-600:]):
        equal('serve sip: answered, failed, malformed', tuple(int(said.group(i)) for i in (1, 2, 4)), (3 * CALLS, 0, 0))


def main():
    why = missing('sipp') or network.unable()
    if why:
        skip("sipp's phones through serve sip", why)
        finish()
    with NatLab(network.masquerade('wan')) as lab:
        server = lab.serve_ours('sip', '--listen', OURS, '--domain', DOMAIN, '--user', 'alice:secret', '--user',
                                'bob:secret')
        if server:
            capture = Capture(lab.box, os.path.join(lab.folder, 'box.pcapng'), 'wan')
            inside, outside = (lab.inside, INSIDE), (lab.outside, OURS_SECOND)
            calls('UDP, bob behind a NAT', 'u', inside, outside)
            calls('TCP, alice behind a NAT', 't', outside, inside)
            calls('UDP, no NAT', 'u', outside, (lab.outside, OURS_SECOND))
            wrong_password(lab)
            decoded(capture, 'tshark decodes every message')
            counters(server)
    finish()


main()
