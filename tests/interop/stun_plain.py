#!/usr/bin/env python3
"""The plain exchange through a masquerade: turnutils_stunclient with our server, our client with turnserver, over IPv4
and IPv6, UDP and TCP, with long-term credentials; and how long the kernel keeps a mapping, by our client and by
turnutils_natdiscovery."""
import concurrent.futures
import json
import os
import re
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from support import network
from support.capture import SEVERE, Capture
from support.nat_lab import COTURN, COTURN6, EXTERNAL, EXTERNAL6, OURS, OURS6, NatLab
from support.programs import BUILD, PROGRAM, missing
from support.report import check, equal, finish, skip

BINDING = os.path.join(BUILD, 'interop', 'binding')
LIFETIME = 8                # seconds: what the box is told
USER = ('alice', 'secret')


def host_of(endpoint):
    return endpoint.rpartition(':')[0].strip('[]')


def external_of(server):
    return EXTERNAL6 if ':' in server else EXTERNAL


def stunclient(lab, server):
    """It asks once, then once more to be answered from elsewhere, for which it waits for ever: so it is ended."""
    name = 'turnutils_stunclient to %s' % server
    lacking = missing('turnutils_stunclient')
    if lacking:
        return skip(name, lacking)
    found = lab.inside.run('turnutils_stunclient', '-p', 3478, server, within=5)
    said = re.search('UDP reflexive addr: (.*)', found.out)
    equal(name, said and host_of(said.group(1)), external_of(server))


def binding(lab, protocol, server, *credentials, port=3478):
    """The second request is the one with credentials, after the challenge to the first."""
    name = 'our client over %s to %s%s' % (protocol.upper(), server, ', with credentials' if credentials else '')
    text = '[%s]:%d' % (server, port) if ':' in server else '%s:%d' % (server, port)
    found = lab.inside.run(BINDING, protocol, text, *credentials)
    said = re.match(r'answered (\S+) (\d+)\n$', found.out)
    if check(name + ': answered', said, found):
        equal(name + ': mapped, requests', (host_of(said.group(1)), int(said.group(2))),
              (external_of(server), 2 if credentials else 1))


def wrong_password(lab, server):
    found = lab.inside.run(BINDING, 'udp', server + ':3478', USER[0], 'guess')
    equal('a wrong password is refused', (found.status, found.out.split()[0]), (1, 'rejected'))


def nat_check6(lab, server):
    name = 'nat-check over IPv6 against %s' % server
    found = lab.inside.run(PROGRAM, 'nat-check', server, '--format', 'json', within=120)
    said = json.loads(found.out)
    if server == OURS6:     # which has no second IPv6 address
        wanted = (EXTERNAL6, None, None, 'preserve')
    else:
        wanted = (EXTERNAL6, 'endpoint-independent', 'address-and-port-dependent', 'preserve')
    equal(name, (host_of(said['mapped']), said['mapping'], said['filtering'], said['ports']), wanted)


def lifetime(lab):
    found = lab.inside.run(PROGRAM, 'nat-check', OURS, '--lifetime=30s', '--format', 'json', within=150)
    said = json.loads(found.out)
    low, high = (said.get(key, 0) for key in ('lifetime', 'lifetime_end'))
    # Seconds. The kernel's timers are no finer than half of one.
    check('nat-check finds a lifetime of %d s' % LIFETIME, low - 0.5 <= LIFETIME <= high <= low + 7,
          '%s to %s: %s' % (low, high, said['why']))


def natdiscovery_lifetime(lab):
    lacking = missing('turnutils_natdiscovery')
    for seconds in LIFETIME // 2, LIFETIME * 2:
        name = 'turnutils_natdiscovery: after %d s the mapping is %s' % (
            seconds, 'there' if seconds < LIFETIME else 'gone')
        if lacking:
            skip(name, lacking)
            continue
        found = lab.inside.run('turnutils_natdiscovery', '-t', '-T', seconds, '-p', 3478, OURS, within=60)
        answers = found.out.count('UDP reflexive addr')
        check(name, answers >= 1 and ('STUN receive timeout' in found.out) == (seconds > LIFETIME), found)


def decoded(capture):
    name = 'tshark decodes every message'
    if not capture.stop():
        return skip(name, capture.why)
    for what in 'ip && udp && stun', 'ipv6 && udp && stun', 'ip && tcp && stun', 'ipv6 && tcp && stun':
        check('captured: ' + what, capture.matching(what))
    equal(name, capture.matching(SEVERE)[:3], [])
    equal(name + ': all are STUN', capture.matching(
        '(udp.port in {3478, 3479} || tcp.port == 3478 && tcp.len > 0) && !stun && !classicstun')[:3], [])


def with_anyone(lab):
    ours, coturn = lab.serve_stun(), lab.serve_coturn('our client to turnserver', '-z')
    if not ours:
        return
    capture = Capture(lab.box, os.path.join(lab.folder, 'box.pcapng'), 'wan')
    servers = [OURS, OURS6] + ([COTURN, COTURN6] if coturn else [])
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(lifetime, lab), pool.submit(natdiscovery_lifetime, lab)]
        jobs += [pool.submit(nat_check6, lab, server) for server in servers if ':' in server]
        jobs += [pool.submit(stunclient, lab, server) for server in (OURS, OURS6)]
        jobs += [pool.submit(binding, lab, protocol, server) for server in servers for protocol in ('udp', 'tcp')]
        for job in jobs:
            job.result()
    decoded(capture)
    equal('serve stun ends with 0 at SIGINT', ours.stop(signal.SIGINT), 0)
    if coturn:
        coturn.stop()


def with_credentials(lab):
    """A turnserver that asks for credentials even for a Binding."""
    coturn = lab.serve_coturn('our client to turnserver, with credentials', '-a', '-f', '--secure-stun', '-u',
                              ':'.join(USER))
    if not coturn:
        return
    for server in COTURN, COTURN6:
        for protocol in 'udp', 'tcp':
            binding(lab, protocol, server, *USER)
    wrong_password(lab, COTURN)


def main():
    why = network.unable()
    if why:
        skip('plain exchanges through a NAT of the kernel', why)
        finish()
    with NatLab(network.masquerade('wan')) as lab:
        lab.box.set('net.netfilter.nf_conntrack_udp_timeout=%d' % LIFETIME,
                    'net.netfilter.nf_conntrack_udp_timeout_stream=%d' % LIFETIME)
        with_anyone(lab)
        with_credentials(lab)
    finish()


main()
