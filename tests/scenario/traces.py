#!/usr/bin/env python3
"""The traces of the shipped scenarios, as tshark with checksum validation on reads them.

No malformed packet and no bad checksum in any file; STUN decodes to the values in the report; comments carry the
journal's words; names, times and counts agree between pcap, pcapng, journal and report. Starting tshark takes longer
than reading such traces, so all per-interface captures, each checked here byte by byte, go to one tshark as one file.
"""
import collections
import os
import re
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'support'))
from scene import (  # noqa: E402
    CLEAN_FIELDS, EPOCH_NS, SHIPPED, Run, check, equal, finish, pcapng_interfaces, read_pcap, side_by_side, tshark,
    verified, write_pcap, wrong_with)

FIELDS = CLEAN_FIELDS + ['frame.time_epoch', 'ip.src', 'ip.dst', 'ip.id', 'ip.len', 'ip.ttl', 'ipv6.src', 'ipv6.dst',
                         'ipv6.hlim', 'udp.srcport', 'udp.dstport', 'udp.payload', 'stun.att.type', 'stun.att.ipv4',
                         'stun.att.port', 'stun.cookie', 'stun.channel']
ALL_FIELDS = FIELDS + ['frame.interface_name', 'frame.comment']
NUMBER = re.compile(r'(-\d+)?\.pcap$')   # a node's second interface in a network, and so on
PRIVATE = ('10.', '100.64.', '192.168.')
PUBLIC_LANS = {'ice/dual-stack': ('line',)}   # inside a firewall that translates nothing
TOLD = 'nat/ftp-alg', 'sip/alg-quirks', 'sip/registration-expiry', 'sip/rport', 'sip/slipstream', 'situations/sip-no-alg'
# Files in which a FINGERPRINT is wrong on purpose.
SPOILT = ['stun/alg-spoils-mapped-address/' + file for file in ('A-natA.pcap', 'natA-lan.pcap', 'all.pcapng')] + \
         ['sip/alg-meets-stun/' + file for file in ('A8-nat8.pcap', 'nat8-lan.pcap', 'all.pcapng')]
# In the one file for all captures a connection stands several times: its sequence numbers say nothing there, and messages
# are not put together out of them.
COPIES = '-o', 'tcp.analyze_sequence_numbers:FALSE', '-o', 'tcp.desegment_tcp_streams:FALSE'
XOR_MAPPED, MAPPED = '0x0020', '0x0001'


def nanoseconds(frame):
    seconds, rest = frame['frame.time_epoch'][0].split('.')
    return int(seconds) * 10**9 + int(rest) - EPOCH_NS


def in_nanoseconds(seconds):
    """A time of the journal. A double holds the nanoseconds of a hundred days."""
    return round(seconds * 10**9)


def looks(frame):
    """What a frame shows, to compare a packet in two files."""
    return tuple(' '.join(frame[field]) for field in (
        'frame.time_epoch', 'ip.src', 'ip.dst', 'ip.id', 'ip.len', 'ip.ttl', 'ipv6.src', 'ipv6.dst', 'ipv6.hlim',
        'udp.srcport', 'udp.dstport', 'udp.payload'))


# What a scenario does on purpose, in tshark's words: a server that resets a connection, a port where nobody listens, a long
# poll that is given up; signalling at a port that a firewall lets out.
RESET = 'Connection reset (RST)'
MEANT = {scenario: (RESET,) for scenario in ('stun/tcp', 'turn/tcp-allocation', 'ice/restart-on-network-change',
                                                  'ice/consent-lost')}
MEANT['turn/tcp-allocation'] += ('This frame is a (suspected) out-of-order segment',)   # in the one file for all captures
HTTP_AT_443 = 'Unencrypted HTTP protocol detected over encrypted port, could indicate a dangerous misconfiguration.'
MEANT['ice/pair'] = (HTTP_AT_443,)
MEANT['ice/tcp-only'] = ('This frame is a (suspected) out-of-order segment',)           # likewise
MEANT['ice/tcp-relay'] = MEANT['ice/tcp-only'] + (HTTP_AT_443,)
MEANT['nat/ftp-alg'] = (RESET, 'This frame is a (suspected) out-of-order segment',     # in that file, too
                        "ACKed segment that wasn't captured (common at capture start)")
# An ALG that mends no sequence numbers breaks the stream, and the file of all captures has each segment several times.
MEANT['sip/slipstream'] = (RESET, 'This frame is a (suspected) out-of-order segment',
                           "ACKed segment that wasn't captured (common at capture start)")
# A SIP message in several segments, of which each is looked at alone here: sip.py reads the streams.
PIECES = 'Header has no colon after the name', 'Unreassembled fragment (change preferences to enable reassembly)'
OVERLAPS = 'New fragment overlaps old data (retransmission?)'
MEANT['sip/alg-meets-stun'] = ('This frame is a (suspected) out-of-order segment', OVERLAPS) + PIECES
# An ALG that leaves Content-Length as it was cuts messages on a stream; what follows is none any more.
MEANT['sip/alg-quirks'] = MEANT['sip/slipstream'] + PIECES + (
    'Previous segment(s) not captured (common at capture start)', OVERLAPS)
MEANT['sip/ice-call'] = ('This frame is a (suspected) out-of-order segment',)


def is_spoilt(frame):
    """Nothing is wrong but STUN's FINGERPRINT: an ALG has rewritten the message."""
    return 'Bad Fingerprint' in ' '.join(frame['_ws.expert.message']) and not frame['_ws.malformed'] and \
        wrong_with(frame).endswith('], stun.att.crc32.status')


def test_clean(name, frames):
    if name in SPOILT:
        check(name + ': an ALG has spoilt answers', any(map(is_spoilt, frames)))
        frames = [frame for frame in frames if not is_spoilt(frame)]
    meant = MEANT.get(name.rpartition('/')[0], ())
    wrong = next((problem for problem in (wrong_with(frame, meant) for frame in frames) if problem), '')
    check(name + ': is clean', not wrong, wrong)
    check(name + ': every checksum was verified', all(map(verified, frames)))


def is_stun(frame):
    """A message with the magic cookie, or ChannelData. What it carries may have been read, too."""
    protocols = frame['frame.protocols'][0].split(':')
    return protocols[:4] in (['raw', 'ip', 'udp', 'stun'], ['raw', 'ipv6', 'udp', 'stun']) and (
        frame['stun.cookie'] == ['2112a442'] or frame['stun.channel'] and not frame['stun.cookie'])


def test_stun(name, frames):
    on_port = [frame for frame in frames if '3478' in frame['udp.srcport'] + frame['udp.dstport'] and
               ':icmp' not in frame['frame.protocols'][0]]   # an error quotes the datagram that it is about
    other = [frame for frame in on_port if not is_stun(frame)]
    check(name + ': port 3478 is STUN', not other, other)
    return len(on_port)


def test_files(run):
    """Files, report and names; returns {file: packets} of the per-interface captures."""
    name, files = run.scenario, run.report['files']
    captures = {}
    for file in files[:-1]:
        stem = '%s-%s' % (file['node'], file['network'])
        check(name + ': the file of an interface is named after it',
              stem + '.pcap' == file['path'] or stem == NUMBER.sub('', file['path']), file)
        captures[file['path']] = read_pcap(run.path(file['path']))
        equal('%s/%s: packets in the report' % (name, file['path']), len(captures[file['path']]), file['packets'])
    equal(name + ': all.pcapng is last', (files[-1]['path'], files[-1]['node']), ('all.pcapng', None))
    equal(name + ': all.pcapng has all', files[-1]['packets'], sum(map(len, captures.values())))
    equal(name + ': nothing else in the folder', sorted(os.listdir(run.folder)),
          sorted([file['path'] for file in files] + ['journal.jsonl', 'report.json']))
    equal(name + ': interfaces of all.pcapng: name, raw IP, nanoseconds', pcapng_interfaces(run.path('all.pcapng')),
          [(path[:-len('.pcap')], 101, 9) for path in captures])
    return captures


def test_addresses(name, path, frames):
    """On the internet are public IPv4 addresses only; on a LAN one end at least is private. IPv6 has no such parts. ICE
    tries its peer's private addresses too (RFC 8445 section 6.1.2.2), and what goes there leaves the NAT."""
    frames = [frame for frame in frames if frame['ip.src']]
    ends = NUMBER.sub('', path).split('-', 1)
    tries = name.startswith(('ice/', 'situations/ice-', 'sip/ice-call', 'sip/alg-meets-stun'))
    if name in TOLD:   # the private address that was told is tried
        frames = [frame for frame in frames if '10.0.0.2' not in frame['ip.dst'] or 'internet' not in ends]
    private = [any(end.startswith(PRIVATE) for end in (frame['ip.src'][:1] if tries and 'internet' in ends else
                                                       frame['ip.src'] + frame['ip.dst'])) for frame in frames]
    if ends[0] in PUBLIC_LANS.get(name, ()) or ends[1] in PUBLIC_LANS.get(name, ()):
        return
    if 'internet' in ends:
        check('%s/%s: only public addresses' % (name, path), not any(private))
    else:
        check('%s/%s: a private address in each packet' % (name, path), all(private))


def test_times(name, frames):
    times = [nanoseconds(frame) for frame in frames]
    check(name + ': times never go back', times == sorted(times))


def to_itself(record, crossed):
    """What a host sends to itself crosses no interface; between two hosts that share a NAT it does."""
    return (record.get('packet') not in crossed and 'from' in record and
            record['from'].rpartition(':')[0] == record.get('to', '').rpartition(':')[0] != '')


def test_comments(run, frames):
    """Each record about a packet at a captured node stands in the comment of that packet's frame at that time."""
    name, journal = run.scenario, run.journal()
    comments = collections.defaultdict(list)
    nodes = {file['node'] for file in run.report['files'][:-1]}
    crossed = set()
    for frame in frames:
        interface = frame['frame.interface_name'][0]
        packet, _, rest = ''.join(frame['frame.comment']).partition(' | ')
        node = interface.split('-')[0]
        crossed.add(packet)
        # The internet passes a packet on without a word.
        held = rest.startswith(node + ': ') or node == 'internet' and not rest
        if check(name + ': a comment names packet and node', packet and held, frame) and rest:
            comments[packet, node, nanoseconds(frame)].append(rest)
    spoken = collections.Counter()
    for record in journal:
        key = record.get('packet'), record['node'], in_nanoseconds(record['at'])
        if record.get('packet') is None or record['node'] not in nodes or to_itself(record, crossed):
            continue
        if record['kind'].startswith('nat-') or record['action'] in ('sent', 'delivered', 'dropped'):
            check('%s: %s at %s has its words' % (name, record['packet'], record['node']),
                  any(record['text'] in comment for comment in comments[key]), record)
            spoken[record['kind']] += 1
    records = {(record.get('packet'), record['node'], in_nanoseconds(record['at'])) for record in journal}
    check(name + ': no comment without a record', set(comments) <= records, set(comments) - records)
    check(name + ': the NAT speaks', not run.report['nats'] or spoken['nat-outbound'] > 0 and (
        spoken['nat-inbound'] > 0 or name == 'stun/loss'), spoken)   # there nothing is answered
    # What a relay or its client drops has been delivered to its host.
    dropped = sum(count for kind, count in spoken.items() if kind.endswith('dropped') and not kind.startswith('turn'))
    equal(name + ': each drop speaks', dropped, sum(run.report['packets']['dropped'].values()))


def test_exchange(run, of_file):
    """stun/exchange: what the two sides of the NAT show."""
    request_lan, answer_lan = of_file['A-natA.pcap']
    request_wan, answer_wan = of_file['natA-internet.pcap']
    own, mapped = run.results['own'], run.results['mapped']
    source = [frame['ip.src'][0] + ':' + frame['udp.srcport'][0] for frame in (request_lan, request_wan)]
    equal('exchange: private source on the LAN, public on the WAN', source, [own, mapped])
    target = [frame['ip.dst'][0] + ':' + frame['udp.dstport'][0] for frame in (answer_lan, answer_wan)]
    equal('exchange: and back', target, [own, mapped])
    equal('exchange: the request is the same on both sides', request_lan['udp.payload'], request_wan['udp.payload'])
    equal('exchange: the NAT counted the TTL down', int(request_lan['ip.ttl'][0]) - int(request_wan['ip.ttl'][0]), 1)
    for frame in answer_lan, answer_wan:
        kinds = [kind for kind in frame['stun.att.type'] if kind in (XOR_MAPPED, MAPPED)]
        equal('exchange: both attributes', sorted(kinds), [MAPPED, XOR_MAPPED])
        decoded = dict(zip(kinds, map(':'.join, zip(frame['stun.att.ipv4'], frame['stun.att.port']))))
        equal('exchange: XOR-MAPPED-ADDRESS', decoded.get(XOR_MAPPED), run.results['xor_mapped'])
        equal('exchange: MAPPED-ADDRESS', decoded.get(MAPPED), run.results['mapped'])


def spoilt(packet):
    """Copies of a STUN packet with something wrong: tshark must tell, or its silence about the others means nothing."""
    time, data = packet
    flips = [10, 26, len(data) - 1]   # in the checksum of IP, that of UDP, the FINGERPRINT
    return [(time, data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]) for at in flips] + [(time, data[:40])]


def test_all(runs, captures, read):
    *read[0], ip, udp, fingerprint, short = read[0]
    equal('tshark reads every packet', len(read[0]),
          sum(len(packets) for run in runs for packets in captures[run].values()))
    check('tshark tells of a bad IP checksum', 'ip.checksum' in wrong_with(ip), wrong_with(ip))
    check('tshark tells of a bad UDP checksum', 'udp.checksum' in wrong_with(udp), wrong_with(udp))
    check('tshark tells of a bad fingerprint', 'stun.att.crc32' in wrong_with(fingerprint), wrong_with(fingerprint))
    check('tshark tells of a cut packet', wrong_with(short))
    frames, of_run, bindings = iter(read[0]), {}, collections.Counter()
    for run, all_frames in zip(runs, read[2:]):
        of_file = of_run[run] = {path: [next(frames) for _ in packets] for path, packets in captures[run].items()}
        for path, mine in of_file.items():
            name = run.scenario + '/' + path
            test_clean(name, mine)
            bindings[run.scenario] += test_stun(name, mine)
            test_times(name, mine)
            test_addresses(run.scenario, path, mine)
            equal(name + ': all.pcapng shows the same packets', sorted(map(looks, mine)), sorted(
                looks(frame) for frame in all_frames if frame['frame.interface_name'][0] + '.pcap' == path))
        name = run.scenario + '/all.pcapng'
        equal(name + ': packets', len(all_frames), run.report['files'][-1]['packets'])
        test_clean(name, all_frames)
        test_stun(name, all_frames)
        test_times(name, all_frames)
        test_comments(run, all_frames)
    # ice/pair and ice/tcp-relay have their servers at port 443, which firewalls let out.
    without = ('stun/keepalive', 'nat/ftp-alg', 'nat/port-mapping', 'nat/tcp-hole-punching', 'turn/tcp-allocation',
               'ice/pair', 'ice/tcp-relay', 'sip/registration-expiry', 'sip/rport', 'sip/slipstream',
               'situations/sip-alg', 'situations/sip-no-alg')
    equal('scenarios without STUN over UDP', sorted(run.scenario for run in runs if bindings[run.scenario] == 0),
          sorted(without))
    exchange = next(run for run in runs if run.scenario == 'stun/exchange')
    test_exchange(exchange, of_run[exchange])
    equal('a file reads the same alone', list(map(looks, read[1])),
          list(map(looks, of_run[exchange]['natA-internet.pcap'])))


def main():
    with tempfile.TemporaryDirectory() as folder:
        runs = [Run(scenario, os.path.join(folder, scenario.replace('/', '-'))) for scenario in SHIPPED]
        captures = {run: test_files(run) for run in runs}
        together = os.path.join(folder, 'together.pcap')
        packets = [packet for run in runs for packets in captures[run].values() for packet in packets]
        exchange = next(run for run in runs if run.scenario == 'stun/exchange')
        write_pcap(together, packets + spoilt(captures[exchange]['A-natA.pcap'][0]))
        # One file as the program wrote it goes to tshark too.
        as_written = exchange.path('natA-internet.pcap')
        read = side_by_side(lambda job: tshark(*job), [(together, FIELDS, COPIES), (as_written, FIELDS)] +
                            [(run.path('all.pcapng'), ALL_FIELDS) for run in runs])
        test_all(runs, captures, read)
    finish()


main()
