#!/usr/bin/env python3
"""Behaviour discovery: other people's clients against `punchlab serve stun`, and `punchlab nat-check` against coturn,
through NATs of the kernel, whose class all of them must find."""
import collections
import concurrent.futures
import json
import os
import re
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from support import network
from support.capture import SEVERE, Capture
from support.nat_lab import COTURN, EXTERNAL, INSIDE, OURS, NatLab
from support.programs import PROGRAM, missing
from support.report import check, equal, finish, skip

NONE, EI, AD, APD = 'none', 'endpoint-independent', 'address-dependent', 'address-and-port-dependent'

# What the kernel is told to be, and what that is in the words of RFC 4787; `walk`: in those of RFC 3489.
Case = collections.namedtuple('Case', 'name rules mapping filtering ports hairpin walk fragments', defaults=['pass'])

CASES = (
    Case('no NAT', '', NONE, EI, None, None, 'open'),
    Case('firewall', network.firewall('wan'), NONE, APD, None, None, 'symmetric-udp-firewall'),
    Case('masquerade', network.masquerade('wan'), EI, APD, 'preserve', 'off', 'port-restricted-cone'),
    Case('masquerade without fragments', network.masquerade('wan') + network.NO_FRAGMENTS,
         EI, APD, 'preserve', 'off', 'port-restricted-cone', 'dropped'),
    Case('masquerade fully-random', network.masquerade('wan', 'fully-random'), APD, APD, 'random', 'off', 'symmetric'),
    Case('address-restricted', network.address_restricted('wan', INSIDE), EI, AD, 'preserve', 'off', 'restricted-cone'),
    Case('full cone', network.full_cone('wan', EXTERNAL, 'lan', INSIDE),
         EI, EI, 'preserve', 'external-source', 'full-cone'),
    Case('full cone, internal source', network.full_cone('wan', EXTERNAL, 'lan', INSIDE, 'internal'),
         EI, EI, 'preserve', 'internal-source', 'full-cone'),
)

# The exit status of `stun` has these bits.
STUN_PRESERVES, STUN_CLASS, STUN_NO_HAIRPIN = 0x01, 0x0e, 0x10
STUN_CLASSES = {0x00: 'open', 0x02: 'full-cone', 0x04: 'restricted-cone', 0x06: 'port-restricted-cone',
                0x08: 'symmetric', 0x0a: 'symmetric-udp-firewall', 0x0c: 'blocked'}


# ---- their clients against our server

def natdiscovery(lab, case):
    name = '%s: turnutils_natdiscovery' % case.name
    lacking = missing('turnutils_natdiscovery')
    if lacking:
        return skip(name, lacking)
    found = lab.inside.run('turnutils_natdiscovery', '-m', '-f', '-H', '-L', INSIDE, '-p', 3478, OURS, within=90)
    words = {'Endpoint Independent': EI, 'Address Dependent': AD, 'Address and Port Dependent': APD}
    theirs = {kind: words[word] for word, kind in re.findall('NAT with (.*) (Mapping|Filtering)!', found.out)}
    if 'No NAT! (Endpoint Independent Mapping)' in found.out:
        theirs['Mapping'] = NONE
    equal(name + ': mapping, filtering', (theirs.get('Mapping'), theirs.get('Filtering')),
          (case.mapping, case.filtering))
    check(name + ': no ALG', 'No ALG: Mapped == XOR-Mapped' in found.out and 'ALG exists' not in found.out, found)
    if case.hairpin:
        equal(name + ': hairpin', 'maybe a successful hairpinning' in found.out, case.hairpin != 'off')


def stun_client(lab, case):
    name = '%s: stun (RFC 3489)' % case.name
    lacking = missing('stun')
    if lacking:
        return skip(name, lacking)
    found = lab.inside.run('stun', OURS, within=60)
    said = re.search('Return value is 0x([0-9a-f]+)', found.out)
    status = int(said.group(1), 16) if said else 0xff
    equal(name + ': class', STUN_CLASSES.get(status & STUN_CLASS), case.walk)
    if case.walk == 'blocked':
        return
    equal(name + ': ports', bool(status & STUN_PRESERVES), case.ports != 'random')
    if case.hairpin:
        equal(name + ': hairpin', not status & STUN_NO_HAIRPIN, case.hairpin != 'off')


# ---- our client

def address_of(endpoint):
    return endpoint.rpartition(':')[0]


def nat_check(lab, case, server):
    name = '%s: nat-check against %s' % (case.name, server)
    found = lab.inside.run(PROGRAM, 'nat-check', server, '--format', 'json', within=120)
    try:
        said = json.loads(found.out)
    except ValueError:
        return check(name, False, found)
    equal(name + ': status, own and mapped address',
          (found.status, address_of(said.get('own', '')), address_of(said.get('mapped', ''))),
          (0, INSIDE, lab.external))
    # Nothing can come back to an address that is good for one destination only: silence says nothing then.
    hairpin = case.hairpin if case.mapping == EI else None
    wanted = {'mapping': case.mapping, 'filtering': case.filtering, 'ports': case.ports, 'hairpin': hairpin,
              'fragments': case.fragments, 'alg': NONE, 'class': case.walk, 'rfc3489': case.walk}
    if not equal(name, {key: said[key] for key in wanted}, wanted):
        for line in said['evidence'] + ['%s: %s' % why for why in said['why'].items()]:
            print('         ' + line)


def all_blocked():
    """UDP does not leave: our client and `stun` say that, and guess nothing."""
    case = Case('UDP blocked', network.blocked('wan'), None, None, None, None, 'blocked')
    with NatLab(case.rules) as lab:
        if not lab.serve_stun():
            return
        stun_client(lab, case)
        found = lab.inside.run(PROGRAM, 'nat-check', OURS, '--format', 'json')
        said = json.loads(found.out)
        equal('UDP blocked: nat-check: status, mapping, class', (found.status, said['mapping'], said['class']),
              (1, None, None))
        equal('UDP blocked: nat-check: why', said['why']['mapping'],
              'the server does not answer: it is down, or UDP is blocked on the way')


# ---- what went over the wire

def decoded(capture, case_name):
    name = case_name + ': tshark decodes every message'
    if not capture.stop():
        return skip(name, capture.why)
    messages = len(capture.matching('stun || classicstun'))
    check(name + ': messages', messages > 40, messages)
    equal(name, capture.matching(SEVERE)[:3], [])
    equal(name + ': all are STUN', capture.matching('udp.port in {3478, 3479} && !stun && !classicstun')[:3], [])


def one_case(case):
    with NatLab(case.rules) as lab, concurrent.futures.ThreadPoolExecutor(4) as pool:
        if not case.rules or case.mapping == NONE:
            lab.external = INSIDE
        # What hairpins with its internal source comes back from the host's own address.
        lab.inside.set('net.ipv4.conf.all.accept_local=1', 'net.ipv4.conf.eth0.accept_local=1')
        ours, coturn = lab.serve_stun(), lab.serve_coturn(case.name + ': nat-check against turnserver', '-z')
        if not ours:
            return
        capture = Capture(lab.box, os.path.join(lab.folder, 'box.pcapng'), 'lan', 'wan')
        jobs = [pool.submit(natdiscovery, lab, case), pool.submit(stun_client, lab, case)]
        jobs += [pool.submit(nat_check, lab, case, server) for server in [OURS] + ([COTURN] if coturn else [])]
        for job in jobs:
            job.result()
        decoded(capture, case.name)
        equal(case.name + ': serve stun ends with 0 at SIGTERM', ours.stop(signal.SIGTERM), 0)
        understood = re.search(r'\b0 malformed, 0 unexpected; 0 answers not sent', ours.out)
        check(case.name + ': and understood all', understood, ours.out[-300:])


def main():
    why = network.unable()
    if why:
        skip('behaviour discovery through NATs of the kernel', why)
        finish()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        jobs = [pool.submit(one_case, case) for case in CASES] + [pool.submit(all_blocked)]
        for job in jobs:
            job.result()
    finish()


main()
