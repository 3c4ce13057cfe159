#!/usr/bin/env python3
"""IPv6 in a scenario, and as tshark with checksum validation on reads its traces.

fixtures/ipv6/dual-stack: no malformed packet and no bad checksum, ICMPv6, UDP and TCP decode to what the report says, nothing
but a source cuts packets, and the two families go their own ways.
"""
import os
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'support'))
from scene import CLEAN_FIELDS, HERE, Run, balanced, check, equal, finish, side_by_side, tshark, wrong_with  # noqa: E402

FIELDS = CLEAN_FIELDS + ['ip.src', 'ipv6.src', 'ipv6.dst', 'ipv6.plen', 'ipv6.fraghdr.ident', 'icmpv6.type', 'icmpv6.mtu',
                         'stun.att.ipv6', 'stun.att.port', 'tcp.len', 'tcp.options.mss_val', 'tcp.analysis.flags']
RESULTS = {
    'addresses': '192.168.1.2 2001:db8:1::2',
    'of_home': '203.0.113.1 2001:db8:203:0:113::1 192.168.1.1 2001:db8:1::1',
    'way': ['ttl-exceeded 2001:db8:1::1', 'ttl-exceeded 3fff::8', 'ttl-exceeded 2001:db8::f', 'answered'],
    'seen_by_ipv6': '[2001:db8:1::2]:5000',
    'seen_by_ipv4': '203.0.113.1:5000',
    'from_outside': 'unreachable',
    'ipv6_from_outside': False,
    'ipv6_when_open': True,
    'too_big': 'too-big 1400 3fff::8',
    'known': 'too-big',
    'echoes': [1352, 'timeout', 3000],
    'closed_port': 'refused 1 4',
    'nowhere': 'unreachable',
    'no_neighbour': 'unreachable',
    'to_ipv6_alone': True,
    'ipv6_alone': 'no-route',
    'tcp_from': '2001:db8:1::2',
    'tcp_got': 20000,
    'tcp_answer': 'thanks',
    'group': 'to all nodes from [2001:db8:1::2]:5000',
    'group_ttl': 1,
    'group_df': 'nil',
}


def is_ipv6(frame):
    return bool(frame['ipv6.src'])


def errors_of(frames, kind):
    return [frame for frame in frames if frame['icmpv6.type'][:1] == [kind]]


def verified(frame):
    """A checksum above IPv6 was looked at, unless the packet is a fragment: then where tshark has all of it."""
    return '1' in sum((frame[layer + '.checksum.status'] for layer in ('icmpv6', 'udp', 'tcp')), []) or bool(
        frame['ipv6.fraghdr.ident'])


def test_clean(name, frames):
    wrong = [problem for problem in map(wrong_with, frames) if problem]
    check(name + ': is clean', not wrong, wrong[:3])
    unverified = [frame for frame in frames if is_ipv6(frame) and not verified(frame)]
    check(name + ': every checksum was verified', not unverified, unverified[:2])


def test_families(of_file):
    """IPv4 is translated at home, IPv6 is not."""
    outside, inside = of_file['home-internet.pcap'], of_file['A-home.pcap']
    check('IPv4 outside is translated', all(not frame['ip.src'][0].startswith('192.168.')
                                            for frame in outside if frame['ip.src']))
    own = [[frame for frame in frames if frame['ipv6.src'] == ['2001:db8:1::2'] and
            not frame['ipv6.dst'][0].startswith(('ff', '2001:db8:1:'))] for frames in (inside, outside)]
    equal('IPv6 outside is as it is inside, but for what died at home', len(own[1]), len(own[0]) - 1)
    check('no group leaves the LAN', not any(frame['ipv6.dst'][0].startswith('ff') for frame in outside
                                             if is_ipv6(frame)))


def test_stun(of_file):
    answers = [frame for frame in of_file['A-home.pcap'] if frame['stun.att.ipv6']]
    decoded = {(address, port) for frame in answers
               for address, port in zip(frame['stun.att.ipv6'], frame['stun.att.port'])}
    equal('STUN over IPv6', decoded, {('2001:db8:1::2', '5000')})


def test_errors(of_file):
    frames = of_file['A-home.pcap']
    equal('too big', {frame['icmpv6.mtu'][0] for frame in errors_of(frames, '2')}, {'1400'})
    check('errors are no larger than 1280', all(int(frame['ipv6.plen'][0]) <= 1240 for kind in '1234'
                                                for frame in errors_of(frames, kind)))
    equal('hop limits', sorted({frame['ipv6.src'][0] for frame in errors_of(frames, '3')}),
          ['2001:db8:1::1', '2001:db8::f', '3fff::8'])


def test_fragments(of_file):
    """The source cuts, once it knows to 1400 bytes; what it has cut goes through a router as it is."""
    at_a = [frame for frame in of_file['A-home.pcap'] if frame['ipv6.fraghdr.ident'] and
            frame['ipv6.src'] == ['2001:db8:1::2']]
    check('A cuts', len(at_a) >= 6, len(at_a))
    check('to 1400 bytes', all(int(frame['ipv6.plen'][0]) + 40 <= 1400 for frame in at_a))
    sizes = [[frame['ipv6.plen'][0] for frame in of_file[path] if frame['ipv6.fraghdr.ident'] and
              frame['ipv6.src'] == ['2001:db8:1::2']] for path in ('far-internet.pcap', 'B-far.pcap')]
    equal('a router passes fragments as they are', *sizes)


def test_tcp(of_file):
    """A knows the way already: no segment is too big for it, and none is sent twice."""
    for path in 'A-home.pcap', 'B-far.pcap':
        frames = [frame for frame in of_file[path] if frame['tcp.len'] and is_ipv6(frame)]
        check(path + ': TCP over IPv6', len(frames) > 20, len(frames))
        # What a SYN announces is the MTU of the way as it is known: 1400 to A, and to B since its long answer.
        equal(path + ': the MSS', {value for frame in frames for value in frame['tcp.options.mss_val']}, {'1340'})
        flagged = [frame for frame in frames if frame['tcp.analysis.flags']]
        check(path + ': nothing for tshark to remark', not flagged, flagged[:2])


def main():
    fixture = os.path.join(HERE, 'fixtures', 'ipv6', 'dual-stack.lua')
    with tempfile.TemporaryDirectory() as folder:
        run = Run(fixture, os.path.join(folder, 'run'))
        equal('ended', run.report['ended'], 'done')
        check('sent = delivered + dropped + under way', balanced(run.report), run.report['packets'])
        for name, expected in RESULTS.items():
            equal('result ' + name, run.results.get(name), expected)
        paths = [file['path'] for file in run.report['files']]
        of_file = dict(zip(paths, side_by_side(lambda path: tshark(run.path(path), FIELDS), paths)))
        for path, frames in of_file.items():
            # all.pcapng shows a segment once an interface, which tshark takes for retransmissions.
            test_clean(path, [frame for frame in frames if path != 'all.pcapng' or not frame['tcp.len']])
        test_families(of_file)
        test_stun(of_file)
        test_errors(of_file)
        test_fragments(of_file)
        test_tcp(of_file)
    finish()


main()
