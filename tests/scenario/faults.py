#!/usr/bin/env python3
"""Networks that misbehave: loss, jitter, rate limits, links switched off, small MTUs, dying TTLs, reboots, roaming.

Runs the fixtures in fixtures/faults. Every report is balanced, every packet that ends ends under the reason that the
fixture provokes, what arrives is what should, and the traces of all of it are clean in tshark.
"""
import collections
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'support'))
from scene import (  # noqa: E402
    CLEAN_FIELDS, HERE, Run, balanced, check, equal, finish, side_by_side, tshark, verified, wrong_with)

FIELDS = CLEAN_FIELDS + ['ip.src', 'ip.dst', 'ip.flags.mf', 'ip.frag_offset', 'ip.flags.df', 'ip.len', 'udp.srcport',
                         'udp.dstport', 'udp.length', 'icmp.type', 'icmp.code', 'icmp.mtu', 'ip.reassembled.length']


def drops(run):
    """{(node, reason): count} of the packets whose way ended, from the journal."""
    return dict(collections.Counter((record['node'], record['reason']) for record in run.journal()
                                    if record.get('verdict') == 'drop'))


def test_lossy(run):
    heard, echoed = run.results['heard'], run.results['echoed']
    packets = run.report['packets']
    # 1000 trials of 1 in 10, then of 1 in 5: five standard deviations.
    check('lossy: a tenth is lost', 850 <= heard <= 950, heard)
    check('lossy: a fifth comes twice', abs(echoed - heard * 1.2) < 60, echoed)
    equal('lossy: what is not heard was lost', packets['dropped'], {'link-loss': 1000 - heard})
    equal('lossy: sent counts duplicates', packets['sent'], 1000 + echoed)
    equal('lossy: on the link of A', drops(run), {('A', 'link-loss'): 1000 - heard})


def test_jittery(run):
    results = run.results
    equal('jittery: nothing is lost', run.report['packets'], {'sent': 1200, 'delivered': 1200, 'dropped': {},
                                                              'under_way': 0})
    for name, overtaken, least, most in (('steady', range(0, 1), 10, 10), ('ordered', range(0, 1), 10, 20),
                                         ('reordered', range(50, 300), 10, 20), ('held', range(10, 100), 10, 15)):
        equal('jittery: %s: all came' % name, results[name + '_count'], 300)
        check('jittery: %s: packets overtaken' % name, results[name + '_overtaken'] in overtaken, results)
        check('jittery: %s: no sooner, no later' % name, least - 1e-6 <= results[name + '_least'] * 1000 <=
              results[name + '_most'] * 1000 <= most + 1e-6, results)
    check('jittery: there is jitter', results['reordered_most'] - results['reordered_least'] > 0.008, results)
    check('jittery: some were held', results['held_most'] > 0.012, results)


def test_rated(run):
    # One goes out at once, 5,000 bytes wait; each takes 8 ms on the line, after 0.1 ms to the NAT and 10 ms on the way.
    equal('rated: six arrive', run.results['numbers'], [1, 2, 3, 4, 5, 6])
    equal('rated: eight milliseconds apart', run.results['times'], [18100000 + 8000000 * i for i in range(6)])
    equal('rated: the queue was full for the others', drops(run), {('natA', 'queue-full'): 44})
    equal('rated: and so the report says', run.report['packets']['dropped'], {'queue-full': 44})


def test_switched(run):
    off = 'link-down'
    equal('switched: who arrives', run.results['heard_A'], [1, 2, 7, 8])
    equal('switched: why not', run.results['reasons_A'], ['delivered'] * 2 + [off] * 4 + ['delivered'] * 2)
    equal('switched: a list of faults', run.results['heard_C'], [1, 3, 3, 5, 4])
    equal('switched: and its reason', run.results['reasons_C'][1], 'link-fault')
    equal('switched: dropped', run.report['packets']['dropped'], {off: 4, 'link-fault': 1})
    equal('switched: sent', run.report['packets']['sent'], 8 + 5 + 1)


def test_fragments(run, frames):
    name = 'fragments ' + run.report['params']['filtering']
    equal(name + ': all came whole', run.results['whole'], [True] * 8)
    equal(name + ': refused by the own host', run.results['own_refusal'], 'too-big')
    equal(name + ': refused far away', run.results['far_refusal'], 'too-big')
    equal(name + ': a large ping', run.results['ping'], True)
    equal(name + ': one packet was dropped', run.report['packets']['dropped'], {'too-big': 1})
    for path, mtu in (('A-natA.pcap', 1000), ('natA-cgn.pcap', 577), ('cgn-internet.pcap', 300),
                      ('S-internet.pcap', 900)):
        of_file = frames[path]
        sizes = [int(frame['ip.len'][0]) for frame in of_file]
        pieces = [frame for frame in of_file if frame['ip.flags.mf'][0] == '1']
        check('%s: %s: no packet above the MTU' % (name, path), max(sizes) <= mtu, max(sizes))
        check('%s: %s: there are fragments' % (name, path), len(pieces) > 10, len(pieces))
        check('%s: %s: a fragment fills multiples of eight bytes' % (name, path),
              all((int(frame['ip.len'][0]) - 20) % 8 == 0 for frame in pieces))
        # tshark reassembles the largest datagram, and finds its checksum good: 8000 bytes there and back.
        large = [frame for frame in of_file if '8008' in frame['udp.length']]
        check('%s: %s: 8,000 bytes there and back, with good checksums' % (name, path),
              len(large) == 2 and all(frame['udp.checksum.status'] == ['1'] for frame in large), large)
    needed = [(frame['icmp.mtu'], frame['ip.dst'][0]) for frame in frames['A-natA.pcap'] if frame['icmp.code'] == ['4']]
    equal(name + ': fragmentation needed reaches A, with the MTU', needed, [(['300'], '10.0.0.2')])


def test_ttl(run, frames):
    out = 'ttl-exceeded'
    equal('ttl: pings', run.results['outcomes'], [out, out, out, 'answered'])
    equal('ttl: each box on the way tells', run.results['from'], ['10.0.0.1', '100.64.0.1', '192.0.0.8', '-'])
    equal('ttl: a datagram', run.results['udp'], out)
    equal('ttl: a closed port', run.results['closed_port'], 'refused')
    equal('ttl: a stranger', run.results['stranger'], 'unreachable')
    equal('ttl: dropped', run.report['packets']['dropped'], {out: 4, 'port-unreachable': 1, 'filtered': 1})
    dropped = drops(run)
    equal('ttl: where', {key: dropped.get(key) for key in (('natA', out), ('cgn', out), ('S', 'port-unreachable'),
                                                           ('cgn', 'filtered'))},
          {('natA', out): 1, ('cgn', out): 2, ('S', 'port-unreachable'): 1, ('cgn', 'filtered'): 1})
    # The quoted packet is translated with its error (RFC 5508 section 4): the sender reads its own address in it.
    for path, quoted in (('A-natA.pcap', '10.0.0.2'), ('natA-cgn.pcap', '100.64.0.11'),
                         ('cgn-internet.pcap', '203.0.113.1')):
        errors = [frame['ip.src'] for frame in frames[path] if frame['icmp.type'] + frame['icmp.code'] == ['3', '3']]
        equal('ttl: %s: the port unreachable quotes' % path, errors, [['198.51.100.1', quoted]])
    prohibited = [frame['icmp.code'] for frame in frames['S-internet.pcap'] if '203.0.113.1' == frame['ip.src'][0] and
                  frame['icmp.type'] == ['3']]
    check('ttl: the stranger is told that it is prohibited', prohibited in ([['13']], [['10']], [['9']]), prohibited)


def test_reboot(run):
    results, dropped = run.results, run.report['packets']['dropped']
    addresses = [endpoint.split(':')[0] for endpoint in results['seen']]
    equal('reboot: another address afterwards', addresses, ['203.0.113.1', '203.0.113.9'])
    equal('reboot: ten packets of A find the box away', dropped.get('node-down'), 10)
    equal('reboot: B hears the others', results['heard_by_b'], 20)
    # B sends from the second round on, and to the old address until the first packet from the new one is there.
    equal('reboot: nobody has the old address', dropped, {'node-down': 10, 'no-route': 11})
    equal('reboot: A hears the others', results['heard_by_a'], 29 - 11)


def test_detach(run, frames):
    results = run.results
    equal('detach: answers', results['answers'], ['answer to 1', 'none', 'answer to 4'])
    equal('detach: without a network', results['without_a_network'], 'no-route')
    equal('detach: B sees two addresses', results['heard'], ['203.0.113.1 1', '203.0.113.1 2', '203.0.113.2 4'])
    equal('detach: the answer finds nobody at home', drops(run), {('home', 'no-neighbour'): 1})
    told = [(frame['icmp.type'], frame['ip.src']) for frame in frames['B-internet.pcap'] if frame['icmp.type']]
    equal('detach: B is told, in its own words', told, [(['3'], ['203.0.113.1', '198.51.100.2'])])


FIXTURES = [(name, []) for name in ('lossy', 'jittery', 'rated', 'switched', 'ttl', 'reboot', 'detach')] + [
    ('fragments', ['filtering=' + word + '-dependent']) for word in ('address', 'address-and-port')] + [
    ('fragments', ['filtering=endpoint-independent'])]
TESTS = {'lossy': test_lossy, 'jittery': test_jittery, 'rated': test_rated, 'switched': test_switched,
         'reboot': test_reboot}
TESTS_OF_TRACES = {'fragments': test_fragments, 'ttl': test_ttl, 'detach': test_detach}
# What tshark reads of them, beside all.pcapng, which shows every packet of a run.
READ = {'fragments': ['A-natA', 'natA-cgn', 'cgn-internet', 'S-internet'],
        'ttl': ['A-natA', 'natA-cgn', 'cgn-internet', 'S-internet'], 'detach': ['B-internet']}


def main():
    with tempfile.TemporaryDirectory() as folder:
        runs = []
        for number, (name, settings) in enumerate(FIXTURES):
            options = [word for setting in settings for word in ('--set', setting)]
            fixture = os.path.join(HERE, 'fixtures', 'faults', name + '.lua')
            run = Run(fixture, os.path.join(folder, str(number)), *options)
            run.name, run.frames = ' '.join([name] + settings), {}
            runs.append(run)
            equal(run.name + ': ended', run.report['ended'], 'done')
            check(run.name + ': sent = delivered + dropped + under way', balanced(run.report), run.report['packets'])
            equal(run.name + ': the journal tells of each drop', collections.Counter(
                reason for (_, reason), count in drops(run).items() for _ in range(count)),
                collections.Counter(run.report['packets']['dropped']))
        jobs = [(run, path) for run, (name, _) in zip(runs, FIXTURES)
                for path in ['all.pcapng'] + [stem + '.pcap' for stem in READ.get(name, [])]]
        for (run, path), frames in zip(jobs, side_by_side(lambda job: tshark(job[0].path(job[1]), FIELDS), jobs)):
            run.frames[path] = frames
            wrong = [problem for problem in map(wrong_with, frames) if problem]
            check('%s/%s: is clean' % (run.name, path), not wrong, wrong[:3])
            # A fragment's own checksum is that of IP only; the whole datagram's is checked where tshark has all of it.
            check('%s/%s: every checksum was verified' % (run.name, path), all(
                '1' in frame['ip.checksum.status'] and (verified(frame) or frame['ip.flags.mf'][0] == '1' or
                                                        frame['ip.frag_offset'][0] != '0') for frame in frames))
            equal('%s/%s: packets' % (run.name, path), len(frames),
                  next(file['packets'] for file in run.report['files'] if file['path'] == path))
        for run, (name, _) in zip(runs, FIXTURES):
            if name in TESTS:
                TESTS[name](run)
            else:
                TESTS_OF_TRACES[name](run, run.frames)
    finish()


main()
