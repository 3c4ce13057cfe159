#!/usr/bin/env python3
"""Phone calls as tshark sees them, in the file of each interface.

It decodes every SIP, SDP and RTP packet of the shipped calls without a malformed one, counts the requests and answers that the
phones count, follows the call on both sides of a NAT, and finds the loss and the jitter that the phones report.
"""
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'support'))
from scene import (  # noqa: E402
    CLEAN_FIELDS, HERE, Run, balanced, check, equal, finish, side_by_side, tshark, wrong_with)

FIELDS = CLEAN_FIELDS + ['frame.protocols', 'sip.Method', 'sip.Status-Code', 'sip.Call-ID', 'sdp.media', 'rtp.seq']
CALLS = [
    ('situations/sip-no-alg', []), ('situations/sip-alg', []), ('situations/sip-alg', ['transport=tcp']),
    ('situations/stun-register', []), ('situations/stun-register', ['nat_a=symmetric', 'latch=follow']),
    ('sip/ice-call', []), ('sip/rport', []), ('sip/registration-expiry', []), ('sip/two-phones-one-nat', []),
]
# What scenarios do on purpose, in tshark's words.
MEANT = ('Connection reset (RST)',)
# Where ICE chooses the path no description leads tshark to the media.
BY_CHECKS = ('sip/ice-call',)
HEURISTIC = '--enable-heuristic', 'rtp_udp'


def statistics(path, what):
    return subprocess.run(['tshark', '-n', '-r', path, '-q', '-z', what], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60, check=True, text=True).stdout


def counted(path):
    """{'INVITE': 1, '200': 2, ...} and how many were sent again, by -z sip,stat."""
    text = statistics(path, 'sip,stat')
    found = {name: int(count) for name, count in re.findall(r'^\s+([A-Z]+)\s*:\s+(\d+) Packets', text, re.M)}
    found.update({code: int(count) for code, count in re.findall(r'SIP (\d{3}) [^:]*:\s+(\d+) Packets', text)})
    return found, int(re.search(r'resent SIP messages: (\d+)', text).group(1))


def streams(path):
    """{(source, destination): {packets, lost, jitter}}, found by tshark through the descriptions of the call."""
    found = {}
    for words in (line.split() for line in statistics(path, 'rtp,streams').split('\n')):
        if len(words) > 16 and words[6].startswith('0x'):
            found['%s:%s' % (words[2], words[3]), '%s:%s' % (words[4], words[5])] = {
                'packets': int(words[8]), 'lost': int(words[9]), 'jitter': float(words[16]) / 1000}
    return found


def test_shipped(scenario, settings, folder):
    arguments = [word for setting in settings for word in ('--set', setting)]
    run = Run(scenario, folder, *arguments)
    name = ' '.join([scenario] + settings)
    check(name + ': sent = delivered + dropped + under way', balanced(run.report), run.report['packets'])
    seen = {'sip': 0, 'sdp': 0, 'rtp': 0}
    for file in run.report['files'][:-1]:
        for frame in tshark(run.path(file['path']), FIELDS, HEURISTIC if scenario in BY_CHECKS else ()):
            wrong = wrong_with(frame, MEANT)
            if wrong:
                check('%s: %s is clean' % (name, file['path']), False, wrong)
                break
            protocols = frame['frame.protocols'][0].split(':')
            for protocol in seen:
                seen[protocol] += protocol in protocols
    for protocol, count in seen.items():
        check('%s: tshark finds %s' % (name, protocol), count > 0, seen)


def test_call(run):
    """fixtures/sip/call.lua: both sides of the NAT, and both phones."""
    results = run.results
    files = 'A-natA', 'natA-internet', 'B-internet'
    stats = dict(zip(files, side_by_side(lambda name: counted(run.path(name + '.pcap')), files)))
    inside, outside = stats['A-natA'], stats['natA-internet']
    equal('the NAT loses no message', inside, outside)
    equal('nothing is sent again', inside[1], 0)
    for name, end in (('A-natA', 'a'), ('B-internet', 'b')):
        found = stats[name][0]
        requests = sum(count for word, count in found.items() if not word.isdigit() and word != 'ACK')
        responses = sum(count for word, count in found.items() if word.isdigit())
        equal(name + ': requests but ACK, as the phone counts them', requests, results[end + '_requests'])
        equal(name + ': answers, as the phone counts them', responses, results[end + '_responses'])
    equal('one call', {word: inside[0][word] for word in ('BYE', '180')}, {'BYE': 1, '180': 1})

    heard = dict(zip(files, side_by_side(lambda name: streams(run.path(name + '.pcap')), files)))
    for name, end in (('A-natA', 'a'), ('B-internet', 'b')):
        stream = next(stream for ends, stream in heard[name].items()
                      if ends[1] == ('10.0.0.2:6000' if end == 'a' else '198.51.100.9:7000'))
        equal(name + ': packets', stream['packets'], results[end + '_packets'])
        equal(name + ': lost', stream['lost'], results[end + '_lost'])
        check(name + ': jitter', abs(stream['jitter'] - results[end + '_jitter_most']) < 2e-6, (stream, results))
    equal('A loses nothing', results['a_lost'], 0)
    check('B about three in a hundred', 20 < results['b_lost'] < 80, results['b_lost'])
    check('and hears it', results['b_mos'] < results['a_mos'], results)


def main():
    with tempfile.TemporaryDirectory() as folder:
        side_by_side(lambda job: test_shipped(job[1][0], job[1][1], '%s/%d' % (folder, job[0])), list(enumerate(CALLS)))
        run = Run(os.path.join(HERE, 'fixtures', 'sip', 'call.lua'), folder + '/call')
        check('sent = delivered + dropped + under way', balanced(run.report), run.report['packets'])
        test_call(run)
    finish()


main()
