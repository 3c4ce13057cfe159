#!/usr/bin/env python3
"""A call over a bad line: what our receivers say of it is what tshark says of the same packets, and what the links say.

Runs fixtures/rtp/call.lua. tshark computes loss and jitter (RFC 3550 appendix A.8) by itself from each interface's
file; both sides' RTP and RTCP decode there without a malformed packet, and its figures are those that the scenario reports.
"""
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'support'))
from scene import (  # noqa: E402
    CLEAN_FIELDS, HERE, Run, balanced, check, equal, finish, side_by_side, tshark, wrong_with)

DECODE = [word for port, protocol in ((6000, 'rtp'), (7000, 'rtp'), (6001, 'rtcp'), (7001, 'rtcp'))
          for word in ('-d', 'udp.port==%d,%s' % (port, protocol))]
FIELDS = CLEAN_FIELDS + ['rtp.seq', 'rtp.marker', 'rtcp.pt', 'rtcp.ssrc.cum_nr', 'rtcp.sdes.text']


def streams(path):
    """{(source, destination): {packets, lost, jitter}} by tshark; the highest jitter, in seconds."""
    command = ['tshark', '-n', '-r', path] + DECODE + ['-q', '-z', 'rtp,streams']
    text = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          timeout=60, check=True, text=True).stdout
    found = {}
    for words in (line.split() for line in text.split('\n')):
        if len(words) > 16 and words[6].startswith('0x'):
            found['%s:%s' % (words[2], words[3]), '%s:%s' % (words[4], words[5])] = {
                'packets': int(words[8]), 'lost': int(words[9]), 'jitter': float(words[16]) / 1000}
    return found


def agree(name, stream, results, end):
    """`end` is whose results are to be those of this stream. tshark takes a duplicate for one packet less lost."""
    mine = {key: results['%s_%s' % (end, key)] for key in ('packets', 'lost', 'duplicates', 'jitter_most')}
    equal(name + ': packets', stream['packets'], mine['packets'] + mine['duplicates'])
    equal(name + ': lost', stream['lost'], mine['lost'] - mine['duplicates'])
    # tshark prints three digits of a millisecond.
    check(name + ': jitter', abs(stream['jitter'] - mine['jitter_most']) < 2e-6, (stream, mine))


def test_call(run, frames):
    results, packets = run.results, run.report['packets']
    names = ('A-natA', 'natA-internet', 'B-internet')
    a, nat, b = side_by_side(lambda name: streams(run.path(name + '.pcap')), names)
    agree('what A hears', a['198.51.100.2:7000', '10.0.0.2:6000'], results, 'a')
    agree('what B hears', b['203.0.113.1:6000', '198.51.100.2:7000'], results, 'b')
    agree('at the NAT', nat['198.51.100.2:7000', '203.0.113.1:6000'], results, 'a')
    equal('sent by A', a['10.0.0.2:6000', '198.51.100.2:7000'],
          {'packets': results['a_sent'], 'lost': 0, 'jitter': 0.0})
    equal('a minute', results['a_sent'], 3000)

    # B's first packets went to A's private address, and so are none that A could have lost.
    astray = b['198.51.100.2:7000', '10.0.0.2:6000']['packets']
    equal('B sent some astray, until it latched', packets['dropped']['no-route'], astray)
    equal('all others came', results['a_packets'] + astray, results['b_sent'])
    equal('latched', results['latched'], '203.0.113.1:6000')
    lost_media = sum(record.get('size') == 200 and record.get('reason') == 'link-loss' for record in run.journal())
    equal('what B has lost is what the link lost', results['b_lost'], lost_media)
    check('about 4 in a hundred', 80 < results['b_lost'] < 160, results['b_lost'])
    check('MOS falls with loss', 3 < results['b_mos'] < 4.2 < results['a_mos'] < 4.42, results)
    check('B tells A what it lost, up to its last report', 0 < results['a_peer_lost'] <= results['b_lost'], results)
    check('round trip: 80 ms, and jitter of up to 55 ms', 0.08 < results['b_round_trip'] < 0.14, results)

    wrong = [problem for problem in map(wrong_with, frames) if problem]
    check('tshark decodes all of it', not wrong, wrong[:3])
    kinds = [kind for frame in frames for kind in frame['rtcp.pt']]
    check('SR, SDES, BYE', set(kinds) == {'200', '202', '203'} and kinds.count('203') == 2, set(kinds))
    equal('each side has one CNAME', len({text for frame in frames for text in frame['rtcp.sdes.text']}), 2)
    actions = [record.get('action') for record in run.journal()]
    for action, count in (('media-sending', 2), ('media-started', 2), ('media-redirected', 1), ('media-stopped', 2)):
        equal('journal: ' + action, actions.count(action), count)


def main():
    with tempfile.TemporaryDirectory() as folder:
        run = Run(os.path.join(HERE, 'fixtures', 'rtp', 'call.lua'), folder)
        check('sent = delivered + dropped + under way', balanced(run.report), run.report['packets'])
        test_call(run, tshark(run.path('B-internet.pcap'), FIELDS, DECODE))
    finish()


main()
