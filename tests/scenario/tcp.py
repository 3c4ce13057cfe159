#!/usr/bin/env python3
"""TCP of the simulated hosts, as tshark with checksum validation and its analysis of TCP sees it.

Where no link is at fault tshark remarks on nothing at all, in any file of an interface: no retransmission, nothing out of
order, no full window, no window update. Where two hosts open at once it remarks on what RFC 9293 figure 7 has: each SYN
comes a second time, with an ACK. Where links lose, duplicate and reorder it finds that, and no malformed packet; what a
script sends arrives as it was.
"""
import json
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'support'))
from scene import (  # noqa: E402
    CLEAN_FIELDS, HERE, Run, balanced, check, equal, finish, punchlab, side_by_side, tshark, verified, wrong_with)

FIELDS = CLEAN_FIELDS + ['tcp.analysis.flags', 'tcp.analysis.retransmission', 'tcp.analysis.zero_window', 'tcp.flags',
                         'tcp.srcport', 'tcp.dstport', 'tcp.len', 'stun.att.type', 'stun.att.ipv4', 'stun.att.port',
                         'frame.protocols']
SYN, FIN, ACK = 0x02, 0x01, 0x10
# What tshark calls warnings though it is what the scenario wants: a reset, and what links have done.
WANTED = ('Connection reset (RST)', 'Previous segment(s) not captured (common at capture start)',
          "ACKed segment that wasn't captured (common at capture start)", 'This frame is a (suspected) out-of-order segment')


def fixture(name):
    return os.path.join(HERE, 'fixtures', 'tcp', name + '.lua')


def flags_of(frame):
    return int(frame['tcp.flags'][0], 16) if frame['tcp.flags'] else 0


def faulty(frame):
    """What is wrong with a frame, apart from remarks that are expected."""
    if frame['_ws.malformed'] or not all(message in WANTED or int(severity) < 0x600000 for message, severity in zip(
            frame['_ws.expert.message'], frame['_ws.expert.severity'])):
        return wrong_with(frame)
    return ', '.join(field for field in frame if field.endswith('.status') and '0' in frame[field])


def captures(run):
    """[(file, frames)] of the per-interface files."""
    paths = [file['path'] for file in run.report['files'] if file['node']]
    frames = side_by_side(lambda path: tshark(run.path(path), FIELDS), paths)
    check(run.scenario + ': there are files', len(paths) >= 4)
    return list(zip(paths, frames))


def test_frames(name, frames):
    wrong = next((problem for problem in map(faulty, frames) if problem), '')
    check(name + ': no malformed packet, no bad checksum', not wrong, wrong)
    check(name + ': every checksum was verified', all(map(verified, frames)))


def test_talk(folder):
    run = Run(fixture('talk'), os.path.join(folder, 'talk'))
    equal('talk: results', run.results, {
        'echoed': 100000, 'generated': 1600000, 'discarded': 1600000, 'reset': 'reset', 'refused': 'refused',
        'mapped': '203.0.113.66:7000', 'xor_mapped': '203.0.113.66:7000'})
    check('talk: packets add up', balanced(run.report))
    for path, frames in captures(run):
        name = 'talk/' + path
        test_frames(name, frames)
        remarks = [(frame['frame.number'], frame['_ws.expert.message']) for frame in frames
                   if frame['tcp.analysis.flags']]
        check(name + ': tshark remarks on nothing', not remarks, remarks[:5])
        check(name + ': the transfers pass here', sum(int(frame['tcp.len'][0]) for frame in frames if frame['tcp.len'])
              > 3000000)
        stun = [frame for frame in frames if '3478' in frame['tcp.srcport'] and frame['tcp.len'] != ['0']]
        equal(name + ': STUN over TCP is STUN', [frame['frame.protocols'] for frame in stun],
              [['raw:ip:tcp:stun']] * 2)
        for frame in stun:
            values = dict(zip(frame['stun.att.type'][1:], map(':'.join, zip(frame['stun.att.ipv4'],
                                                                            frame['stun.att.port']))))
            check(name + ': with the address in it', run.results['mapped'] in values.values(), frame)
    kinds = {record['kind'] for record in run.journal()}
    check('talk: nothing is sent again', 'tcp-retransmission' not in kinds and 'tcp-state' in kinds)


def test_both(folder):
    run = Run(fixture('both'), os.path.join(folder, 'both'))
    equal('both: results', run.results, {'A_heard': 'I am B', 'B_heard': 'I am A'})
    for path, frames in captures(run):
        name = 'both/' + path
        test_frames(name, frames)
        opening = [flags_of(frame) for frame in frames if flags_of(frame) & SYN]
        equal(name + ': two SYNs, and both again with an ACK', sorted(opening), [SYN, SYN, SYN | ACK, SYN | ACK])
        remarked = [flags_of(frame) for frame in frames if frame['tcp.analysis.flags']]
        check(name + ': tshark remarks on those alone', set(remarked) <= {SYN | ACK}, remarked)


def test_lossy(folder):
    seeds = ['1', '2', '3']
    runs = side_by_side(lambda seed: Run(fixture('lossy'), os.path.join(folder, 'lossy' + seed), '--no-trace', '--seed',
                                         seed), seeds)
    for run in runs:
        check('lossy: packets add up', balanced(run.report))
        check('lossy: it was hard', run.results['retransmissions'] > 500, run.results)
        check('lossy: ten megabytes', run.results['bytes'] >= 10000000, run.results)
    run = Run(fixture('lossy'), os.path.join(folder, 'traced'), '--set', 'megabytes=1', '--set', 'loss=0.02')
    for path, frames in captures(run):
        test_frames('lossy/' + path, frames)
        check('lossy/' + path + ': no window was closed', not any(frame['tcp.analysis.zero_window'] for frame in frames))
        # So that the silence elsewhere means something.
        check('lossy/' + path + ': tshark tells of retransmissions',
              any(frame['tcp.analysis.retransmission'] for frame in frames))
    journal = run.journal()
    again = [record for record in journal if record['kind'] == 'tcp-retransmission']
    equal('lossy: each is journalled', len([record for record in again if record['node'] == 'A']) >=
          run.results['retransmissions'], True)
    check('lossy: with a reason', {record['why'] for record in again} <= {'timeout', 'duplicates'})


def test_through_nats():
    """Ten megabytes through two NATs and a bad link arrive as they were sent, whatever the dice say."""
    seeds = 10 if os.environ.get('SANITIZED') else 100
    result = punchlab('sweep', fixture('through-nats'), '--vary', 'bytes=10000000', '--seeds', str(seeds), '--format',
                      'jsonl')
    runs = [json.loads(line) for line in result.stdout.splitlines()]
    equal('through NATs: status', result.returncode, 0)
    equal('through NATs: all of it, for so many seeds',
          [run['results'] for run in runs], [{'ended_by': 'closed', 'got': 10000000}] * seeds)


def main():
    with tempfile.TemporaryDirectory() as folder:
        test_talk(folder)
        test_both(folder)
        test_lossy(folder)
        test_through_nats()
    finish()


main()
