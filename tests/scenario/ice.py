#!/usr/bin/env python3
"""ICE between any two NATs against an oracle: ice/pair, over every mapping and filtering, the presets and the firewalls.

With clean links the path is direct wherever the oracle says that a direct one exists, and over the relay otherwise. With
10 % loss on each peer's link and 50 ms of jitter every run connects, with trickle and without; the median and the worst
time, and the share of direct paths where there is one, are printed. ICE_SEEDS=100 plays that with so many seeds (2 unless given).
"""
import csv
import io
import os
import re
import statistics
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'support'))
from scene import check, equal, finish, punchlab  # noqa: E402

SEEDS = int(os.environ.get('ICE_SEEDS', '2'))
TOGETHER = 2   # seeds that one sweep plays
PROGRESS = re.compile(r' *\d+%  \d+ of \d+ runs')   # of one that takes longer than two seconds

# RFC 4787's words of mappings (section 4.1) and filters (section 5).
EI, AD, APD = DEPENDENCES = ['endpoint-independent', 'address-dependent', 'address-and-port-dependent']
CONE = EI, APD

# What the presets are (RFC 3489 section 5; RFC 4787 REQ-1, REQ-8; RFC 6888 REQ-7): (mapping, filtering) of UDP, or None
# where none passes. One host behind netfilter keeps its port towards everybody, so its mapping looks endpoint-independent;
# pf, libalias and netfilter's fully-random draw one for each destination. A firewall lets in who was sent to.
PRESETS = {
    'full-cone': (EI, EI), 'restricted-cone': (EI, AD), 'port-restricted-cone': CONE, 'symmetric': (APD, APD),
    'symmetric-sequential': (APD, APD), 'rfc4787': (EI, AD), 'cgn': (EI, EI), 'linux': CONE, 'linux-random': (APD, APD),
    'pf': (APD, APD), 'libalias': (APD, APD), 'firewall': CONE, 'udp-blocked': None, 'only-443': None, 'captive': None,
}
NO_NAT = EI, EI   # a public host: one address for everybody, and anyone may send to it


def admits(own, peer):
    """Whether a check of the peer can pass the own NAT, to the address that STUN told.

    ICE sends to every address that the peer has signalled, and so opens the own filter for them (RFC 8445 section 7.2).
    An endpoint-independent filter admits anyone to that mapping. The others admit whom this mapping has sent to (RFC 4787
    section 5): if the mapping depends on the destination (section 4.1), that is the STUN server only. If not, an
    address-dependent filter admits the peer's address whatever the port; an address-and-port-dependent one only the port
    that was signalled, which the peer's checks leave from if its mapping does not depend on the destination."""
    mapping, filtering = own
    if filtering == EI:
        return True
    if mapping != EI:
        return False
    return filtering == AD or peer[0] == EI


def oracle(a, b, public=False):
    """The paths that may be taken. One check that passes is enough: its source is a peer-reflexive candidate (RFC 8445
    section 7.3.1.3), the answer goes back by the mapping that admitted it, and so does the triggered check."""
    if a is None or b is None or not (admits(a, b) or admits(b, a)):
        return {'relay'}
    if public:
        return {'host'}
    if a[0] == b[0] == EI:
        return {'srflx'}
    # A mapping of its own towards the peer is news to the peer. Only who admits everybody may be met at the signalled one.
    behind_open = any(nat[0] != EI and nat[1] == EI for nat in (a, b))
    return {'prflx', 'srflx'} if behind_open else {'prflx'}


def sweep(*arguments):
    result = punchlab('sweep', 'ice/pair', '--format', 'csv', *arguments)
    said = [line for line in result.stderr.splitlines() if not PROGRESS.match(line)]
    check('sweep %s: every expectation holds' % (arguments,), result.returncode == 0 and not said, (result.returncode, said))
    return list(csv.DictReader(io.StringIO(result.stdout)))


def every_pair(*arguments):
    """(what it is, what the oracle says, the run) for all mappings with all filterings on both sides."""
    axes = [name + side for side in 'ab' for name in ('mapping_', 'filtering_')]
    vary = [word for axis in axes for word in ('--vary', axis + '=' + ','.join(DEPENDENCES))]
    for run in sweep(*vary, *arguments):
        a, b = ((run['mapping_' + side], run['filtering_' + side]) for side in 'ab')
        yield '%s %s with %s %s' % (*a, *b), oracle(a, b), run


def every_preset(*arguments):
    names = ['none', *PRESETS]
    for run in sweep('--vary', 'nat_a=' + ','.join(names), '--vary', 'nat_b=' + ','.join(names), *arguments):
        a, b = run['nat_a'], run['nat_b']
        yield a + ' with ' + b, oracle(PRESETS.get(a, NO_NAT), PRESETS.get(b, NO_NAT), a == b == 'none'), run


def test_clean(title, runs, count, direct):
    """Each cell's path is the oracle's; so many cells are direct."""
    runs = list(runs)
    equal(title + ': cells', len(runs), count)
    equal(title + ': direct by the oracle', sum(wanted != {'relay'} for _, wanted, _ in runs), direct)
    for what, wanted, run in runs:
        name = '%s: %s' % (title, what)
        equal(name + ': connected', run['connected'], 'true')
        check(name + ': the path', run['path'] in wanted, 'is %s, should be %s' % (run['path'], wanted))
        check(name + ': is one of its ends', run['path'] in (run['own_type'], run['peer_type']), run)
        check(name + ': took checks and time', int(run['checks']) >= 2 and int(run['connect_ms']) > 0, run)


def test_policy():
    for what, _, run in every_preset('--set', 'policy=relay'):
        equal('relayed by policy: %s' % what, (run['connected'], run['path']), ('true', 'relay'))


def seconds(what, milliseconds):
    times = [ms / 1000 for ms in milliseconds]
    return '%s %.1f s (median), %.1f s (worst)' % (what, statistics.median(times), max(times))


def test_loss(title, every, share):
    """All connect. A relay may carry what could have gone direct, if enough packets are lost in a row: seldom."""
    runs, checked, took, could, did = 0, [], [], 0, 0
    for first in range(1, SEEDS + 1, TOGETHER):
        last = min(SEEDS, first + TOGETHER - 1)
        for what, wanted, run in every('--set', 'loss=0.1', '--set', 'jitter=50ms', '--set', 'relay_after=4s',
                                       '--seeds', '%d..%d' % (first, last)):
            name = '%s, lossy: %s, seed %s' % (title, what, run['seed'])
            equal(name + ': connected', run['connected'], 'true')
            check(name + ': no path that there is not', run['path'] in wanted | {'prflx', 'relay'} and
                  (wanted != {'relay'} or run['path'] == 'relay'), 'is %s, should be %s' % (run['path'], wanted))
            runs += 1
            could += wanted != {'relay'}
            did += wanted != {'relay'} and run['path'] != 'relay'
            if run['connected'] == 'true':
                checked.append(int(run['connect_ms']))
                took.append(int(run['setup_ms']))
    print('%s, 10 %% loss, 50 ms jitter: %d runs, %d connected; %s; %s; direct %d of %d (%.2f %%)' %
          (title, runs, len(took), seconds('checks took', checked),
           seconds('all took', took), did, could, 100 * did / could))
    check(title + ', lossy: nearly all direct where that is possible', did >= share * could, (did, could))


def main():
    # Counted by hand. A filter that admits everybody, on one side at least: 45 of 81; mapping independent and filtering by
    # address, on one of the others: 11; both mappings independent: 1. Of the 13 that pass UDP 5 are symmetric, and they
    # and the 3 port-restricted ones can't meet them: 13 * 13 - 5 * 5 - 2 * 3 * 5.
    test_clean('every pair', every_pair(), 81, 57)
    test_clean('every preset', every_preset(), 256, 114)
    test_clean('every pair, trickled', every_pair('--set', 'trickle=true'), 81, 57)
    test_policy()
    test_loss('every pair', every_pair, 0.99)
    test_loss('every preset', every_preset, 0.99)
    # With trickle a lost segment of the signalling's TCP holds direct candidates up while a relay works already.
    test_loss('every pair, trickled', lambda *more: every_pair('--set', 'trickle=true', *more), 0.97)
    test_loss('every preset, trickled', lambda *more: every_preset('--set', 'trickle=true', *more), 0.97)
    finish()


main()
