#!/usr/bin/env python3
"""Behaviour discovery: other people's clients against `punchlab serve stun`, and `punchlab nat-check` against coturn, through
NATs of the kernel, whose class all of them must find."""
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

# A NAT of the kernel's; what it does: mapping, filtering, port allocation, hairpinning, RFC 3489's name.
CASES = (
    ('no NAT', '', NONE, EI, None, None, 'open'),
    ('masquerade', network.masquerade('wan'), EI, APD, 'preserve', 'off', 'port-restricted-cone'),
    ('masquerade fully-random', network.masquerade('wan', 'fully-random'), APD, APD, 'random', 'off', 'symmetric'),
    ('address-restricted', network.address_restricted('wan', INSIDE), EI, AD, 'preserve', 'off', 'restricted-cone'),
    ('full cone', network.full_cone('wan', EXTERNAL, 'lan', INSIDE), EI, EI, 'preserve', 'external-source', 'full-cone'),
)

# The exit status of `stun` has these bits.
STUN_PRESERVES, STUN_CLASS, STUN_NO_HAIRPIN = 0x01, 0x0e, 0x10
STUN_CLASSES = {0x00: 'open', 0x02: 'full-cone', 0x04: 'restricted-cone', 0x06: 'port-restricted-cone', 0x08: 'symmetric'}


# ---- their clients against our server

def natdiscovery(inside, case, mapping, filtering, hairpin):
    name = '%s: turnutils_natdiscovery' % case
    lacking = missing('turnutils_natdiscovery')
    if lacking:
        return skip(name, lacking)
    found = inside.run('turnutils_natdiscovery', '-m', '-f', '-H', '-L', INSIDE, '-p', 3478, OURS, within=90)
    words = {'Endpoint Independent': EI, 'Address Dependent': AD, 'Address and Port Dependent': APD}
    theirs = {kind: words[word] for word, kind in re.findall('NAT with (.*) (Mapping|Filtering)!', found.out)}
    if 'No NAT! (Endpoint Independent Mapping)' in found.out:
        theirs['Mapping'] = NONE
    equal(name + ': mapping, filtering', (theirs.get('Mapping'), theirs.get('Filtering')), (mapping, filtering))
    check(name + ': no ALG', 'No ALG: Mapped == XOR-Mapped' in found.out and 'ALG exists' not in found.out, found)
    if hairpin:
        equal(name + ': hairpin', 'maybe a successful hairpinning' in found.out, hairpin != 'off')


def stun_client(inside, case, walk, ports, hairpin):
    name = '%s: stun (RFC 3489)' % case
    lacking = missing('stun')
    if lacking:
        return skip(name, lacking)
    found = inside.run('stun', OURS, within=60)
    said = re.search('Return value is 0x([0-9a-f]+)', found.out)
    status = int(said.group(1), 16) if said else 0xff
    equal(name + ': class', STUN_CLASSES.get(status & STUN_CLASS), walk)
    equal(name + ': ports', bool(status & STUN_PRESERVES), ports != 'random')
    if hairpin:
        equal(name + ': hairpin', not status & STUN_NO_HAIRPIN, hairpin != 'off')


# ---- our client

def nat_check(inside, case, server, mapping, filtering, ports, hairpin, walk, own, external):
    name = '%s: nat-check against %s' % (case, server)
    found = inside.run(PROGRAM, 'nat-check', server, '--format', 'json', within=120)
    try:
        said = json.loads(found.out)
    except ValueError:
        return check(name, False, found)
    equal(name + ': status', found.status, 0)
    equal(name + ': mapped to', said['mapped'].rpartition(':')[0].strip('[]'), external)
    equal(name + ': from', said['own'].rpartition(':')[0].strip('[]'), own)
    wanted = (mapping, filtering, ports, walk, walk, NONE, 'pass')
    if not equal(name, tuple(said[key] for key in ('mapping', 'filtering', 'ports', 'class', 'rfc3489', 'alg',
                                                   'fragments')), wanted):
        print('\n'.join('         ' + line for line in said['evidence'] + ['%s: %s' % why for why in said['why'].items()]))
    # Nothing can come back to an address that is good for one destination only: silence says nothing then.
    equal(name + ': hairpin', said['hairpin'], hairpin if mapping == EI else None)



# ---- what went over the wire

def decoded(capture, case):
    name = case + ': tshark decodes every message'
    if not capture.stop():
        return skip(name, capture.why)
    messages = len(capture.matching('stun || classicstun'))
    check(name + ': messages', messages > 40, messages)
    equal(name, capture.matching(SEVERE)[:3], [])
    equal(name + ': all are STUN', capture.matching('udp.port in {3478, 3479} && !stun && !classicstun')[:3], [])


def one_case(case, rules, mapping, filtering, ports, hairpin, walk):
    with NatLab(rules) as lab, concurrent.futures.ThreadPoolExecutor(4) as pool:
        ours, coturn = lab.serve_stun(), lab.serve_coturn(case + ': nat-check against turnserver', '-z')
        if not ours:
            return
        capture = Capture(lab.box, os.path.join(lab.folder, 'box.pcapng'), 'lan', 'wan')
        jobs = [pool.submit(natdiscovery, lab.inside, case, mapping, filtering, hairpin),
                pool.submit(stun_client, lab.inside, case, walk, ports, hairpin)]
        jobs += [pool.submit(nat_check, lab.inside, case, server, mapping, filtering, ports, hairpin, walk, INSIDE,
                             lab.external) for server in [OURS] + ([COTURN] if coturn else [])]
        for job in jobs:
            job.result()
        decoded(capture, case)
        equal(case + ': serve stun ends with 0 at SIGTERM', ours.stop(signal.SIGTERM), 0)
        check(case + ': and understood all', re.search(r'\b0 malformed, 0 unexpected; 0 answers not sent', ours.out),
              ours.out[-300:])


def main():
    why = network.unable()
    if why:
        skip('behaviour discovery through NATs of the kernel', why)
        finish()
    with concurrent.futures.ThreadPoolExecutor(len(CASES)) as pool:
        for job in [pool.submit(one_case, *case) for case in CASES]:
            job.result()
    finish()


main()
