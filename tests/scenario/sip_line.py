#!/usr/bin/env python3
"""A phone call over a line that loses and doubles, SIP as well as media: what the phones count is what tshark counts.

Messages that are sent again are counted by both, each as often as it passes; of media tshark takes a duplicate for one
packet less lost. It follows the call by its descriptions alone, without being told a port.
"""
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'support'))
from scene import (  # noqa: E402
    CLEAN_FIELDS, HERE, Run, balanced, check, equal, finish, side_by_side, tshark, wrong_with)

FIELDS = CLEAN_FIELDS + ['ip.src', 'ip.dst', 'sip.Method', 'sip.Status-Code', 'sip.CSeq.method', 'sip.resend',
                         'rtp.seq']


def statistics(path):
    """What `-z sip,stat` and `-z rtp,streams` print: {method or status: messages}, and streams as rtp.py has them."""
    command = ['tshark', '-n', '-r', path, '-q', '-z', 'sip,stat', '-z', 'rtp,streams']
    text = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          timeout=60, check=True, text=True).stdout
    counts = {words[0]: int(words[1]) for words in re.findall(
        r'^  (?:SIP )?(\d{3}|[A-Z]+)\b.*: +(\d+) Packets', text, re.M)}
    streams = {}
    for words in (line.split() for line in text.split('\n')):
        if len(words) > 16 and words[6].startswith('0x'):
            streams['%s:%s' % (words[2], words[3]), '%s:%s' % (words[4], words[5])] = {
                'packets': int(words[8]), 'lost': int(words[9]), 'jitter': float(words[16]) / 1000}
    return counts, streams


def test_messages(name, side, address, counts, frames, results):
    """What one phone has counted, and what tshark has, at its interface."""
    mine = {word: results['%s_%s' % (side, word)] for word in (
        'sent', 'received', 'requests_sent', 'responses_sent', 'malformed', 'sent_again')}
    equal(name + ': messages', sum(counts.values()), mine['sent'] + mine['received'])
    for word, field in (('sent', 'ip.src'), ('received', 'ip.dst')):
        equal('%s: %s' % (name, word), mine[word], sum(
            bool(frame['sip.CSeq.method']) and frame[field][0] == address for frame in frames))
    for kind, what in ('requests', 'sip.Method'), ('responses', 'sip.Status-Code'):
        equal('%s: %s' % (name, kind), sum(bool(frame[what]) for frame in frames), sum(
            count for word, count in counts.items() if word.isdigit() == (kind == 'responses')))
    again = sum(frame['sip.resend'] == ['True'] or frame['sip.resend'] == ['1'] for frame in frames)
    check(name + ': tshark has seen some again', again > 0 or not mine['sent_again'], again)
    equal(name + ': none malformed', mine['malformed'], 0)


def agree(name, stream, side, results):
    """tshark takes a duplicate for one packet less lost, and lets it count for jitter."""
    mine = {key: results['%s_rtp_%s' % (side, key)] for key in ('packets', 'lost', 'duplicates', 'jitter_most')}
    equal(name + ': packets', stream['packets'], mine['packets'] + mine['duplicates'])
    equal(name + ': lost', stream['lost'], mine['lost'] - mine['duplicates'])
    check(name + ': jitter', abs(stream['jitter'] - mine['jitter_most']) < (
        0.02 * mine['jitter_most'] if mine['duplicates'] else 2e-6), (stream, mine))


def test_call(run):
    results = run.results
    check('sent = delivered + dropped + under way', balanced(run.report), run.report['packets'])
    for file in run.report['files'][:-1]:
        wrong = [problem for problem in map(wrong_with, tshark(run.path(file['path']), CLEAN_FIELDS)) if problem]
        check(file['path'] + ': tshark decodes all of it', not wrong, wrong[:3])
    (a_counts, a_streams), (b_counts, b_streams) = side_by_side(
        lambda file: statistics(run.path(file)), ('A-natA.pcap', 'B-internet.pcap'))
    a, b = side_by_side(lambda file: tshark(run.path(file), FIELDS), ('A-natA.pcap', 'B-internet.pcap'))
    test_messages("A's messages", 'a', '10.0.0.2', a_counts, a, results)
    test_messages("B's messages", 'b', '198.51.100.2', b_counts, b, results)
    check('something was lost, and sent again', results['a_sent_again'] + results['b_sent_again'] > 0, results)
    agree('what A hears', a_streams['198.51.100.2:7000', '10.0.0.2:6000'], 'a', results)
    agree('what B hears', b_streams['203.0.113.1:6000', '198.51.100.2:7000'], 'b', results)
    for name, frames, sent, ends in (('A', a, results['a_rtp_sent'], ('10.0.0.2', '198.51.100.2')),
                                     ('B', b, results['b_rtp_sent'], ('198.51.100.2', '203.0.113.1'))):
        equal(name + ' has sent', sum(len(frame['rtp.seq']) for frame in frames if (
            frame['ip.src'][0], frame['ip.dst'][0]) == ends), sent)


def main():
    with tempfile.TemporaryDirectory() as folder:
        test_call(Run(os.path.join(HERE, 'fixtures', 'sip', 'bad-line.lua'), folder, '--seed', '2'))
    finish()


main()
