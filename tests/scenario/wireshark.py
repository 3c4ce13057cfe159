#!/usr/bin/env python3
"""The Wireshark profile in docs/wireshark: tshark takes all of it without complaint, its colours are where they belong, and the
filter that the page gives finds all copies of one packet and nothing else."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'support'))
from scene import ROOT, SLOW, Run, check, equal, finish  # noqa: E402

DOCS = os.path.join(ROOT, 'docs', 'wireshark')
FIELDS = 'frame.number', 'frame.coloring_rule.name', 'frame.interface_name', 'frame.comment'


def tshark(config, capture, *options):
    """[fields of each frame], and what it complained of."""
    words = ['tshark', '-C', 'punchlab', '-r', capture, '--color', '-T', 'fields', *options]
    for field in FIELDS:
        words += ['-e', field]
    result = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60 * SLOW,
                            env=dict(os.environ, WIRESHARK_CONFIG_DIR=config, HOME=config))
    complaints = [line for line in result.stderr.splitlines() if line and 'Running as user' not in line]
    frames = [dict(zip(FIELDS, line.split('\t'))) for line in result.stdout.split('\n') if line]
    return result.returncode, frames, complaints


def install(folder):
    config = os.path.join(folder, 'wireshark')
    shutil.copytree(os.path.join(DOCS, 'punchlab'), os.path.join(config, 'profiles', 'punchlab'))
    return config


def rules():
    with open(os.path.join(DOCS, 'punchlab', 'colorfilters')) as file:
        return [line.split('@')[1:3] for line in file if not line.startswith('#')]


def name_of(frame):
    return frame['frame.comment'].split(' | ')[0]


def test_profile(config, captures):
    capture = captures['situations/symmetric-both']
    status, frames, complaints = tshark(config, capture)
    equal('profile: no complaint', (status, complaints), (0, []))
    check('profile: every copy has a name', frames and all(re.fullmatch(r'\S+\.\d+', name_of(frame)) for frame in frames))
    for name, rule in rules():
        status, _, complaints = tshark(config, capture, '-Y', rule)
        equal('colour %s: a filter' % name, (status, complaints), (0, []))
    with open(os.path.join(DOCS, 'README.md')) as page:
        text = page.read()
    table = text[text.index('| filter | finds |'):]
    filters = re.findall(r'^\| `([^`]+)` \|', table[:table.index('\n\n')], re.M)
    check('page: it has filters', len(filters) >= 6, filters)
    for one in filters:
        status, _, complaints = tshark(config, capture, '-Y', one)
        equal('page: %s' % one, (status, complaints), (0, []))
    for line in open(os.path.join(DOCS, 'punchlab', 'dfilter_buttons')):
        one = line.split(',')[2].strip('"\n').replace('\\x22', '"')
        status, frames, complaints = tshark(config, capture, '-Y', one)
        check('button: ' + one, status == 0 and not complaints and frames, complaints)


def test_colours(config, captures):
    """Each colour is seen somewhere, and only where it belongs."""
    seen = {}
    for scenario, capture in captures.items():
        for frame in tshark(config, capture)[1]:
            seen.setdefault(frame['frame.coloring_rule.name'], []).append(frame['frame.comment'])
    for colour in 'dropped', 'new mapping', 'translated', 'STUN', 'TURN', 'ICE check', 'ICMP error':
        check('colours: %s is seen' % colour, 'punchlab ' + colour in seen, sorted(seen))
    check('colours: what is dropped says so', all('drop' in comment for comment in seen['punchlab dropped']))
    check('colours: what has no colour was not dropped', not any(
        re.search('dropped|drops ', comment) for colour, comments in seen.items() if colour != 'punchlab dropped'
        for comment in comments))


def test_packet(config, captures):
    """One packet's copies, by the filter of the page and by the macro: A.1 and neither A.10 nor natA.1."""
    for scenario, packets in (('situations/turn-costs', ('A.1', 'A.10', 'A.104', 'B.2', 'T.6')),
                              ('nat/ttl-probe', ('A.1', 'natA.1', 'internet.1'))):
        frames = tshark(config, captures[scenario])[1]
        for packet in packets:
            wanted = [frame['frame.number'] for frame in frames if name_of(frame) == packet]
            for one in ('frame.comment matches "^%s( |$)"' % packet.replace('.', '[.]'), '${packet:%s}' % packet):
                status, found, complaints = tshark(config, captures[scenario], '-Y', one)
                equal('%s in %s' % (one, scenario), [frame['frame.number'] for frame in found], wanted)
                check('%s: it has copies on both sides' % packet, len({frame['frame.interface_name'] for frame in found}) > 1)
    found = tshark(config, captures['situations/symmetric-both'], '-Y', '${packet:A.1}')[1]
    equal('A.1 is followed through its translation', [frame['frame.interface_name'] for frame in found],
          ['A-natA', 'natA-lan', 'natA-internet', 'internet-natA', 'internet-S', 'S-internet'])


def main():
    with tempfile.TemporaryDirectory() as folder:
        config = install(folder)
        captures = {}
        for scenario in ('situations/symmetric-both', 'situations/turn-costs', 'situations/ice-relay', 'nat/ttl-probe'):
            run = Run(scenario, os.path.join(folder, scenario.replace('/', '-')))
            captures[scenario] = run.path('all.pcapng')
        test_profile(config, captures)
        test_colours(config, captures)
        test_packet(config, captures)
    finish()


main()
