"""What the scenario tests share: running the program, reading a run's folder, asking tshark, counting checks."""
import concurrent.futures
import json
import os
import struct
import subprocess
import sys

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(ROOT, os.environ.get('BUILD', 'build'))
PROGRAM = os.environ.get('PUNCHLAB') or os.path.join(BUILD, 'punchlab')
SLOW = 10 if os.environ.get('SANITIZED') else 1
EPOCH_NS = 1767225600 * 10**9   # what the traces add to virtual time: the start of 2026, UTC
SHIPPED = ['/'.join(path.split(os.sep)[-2:])[:-len('.lua')] for path in sorted(
    os.path.join(folder, name) for folder, _, names in os.walk(os.path.join(ROOT, 'scenarios'))
    for name in names if name.endswith('.lua'))]

counts = {'passed': 0, 'failed': 0}


def check(name, held, detail=''):
    counts['passed' if held else 'failed'] += 1
    if not held:
        print('FAILED: %s %s' % (name, str(detail)[:600]))
    return held


def equal(name, found, wanted):
    return check(name, found == wanted and type(found) is type(wanted), 'is %r, should be %r' % (found, wanted))


def finish():
    """The closing line that tests/run adds up."""
    print('%d passed, %d failed' % (counts['passed'], counts['failed']))
    sys.exit(1 if counts['failed'] or not counts['passed'] else 0)


def side_by_side(function, items):
    """[function(item) for item in items], two at a time."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return list(pool.map(function, items))


def punchlab(*arguments, program=PROGRAM, cwd=None):
    environment = dict(os.environ, PUNCHLAB_SCENARIOS=os.path.join(ROOT, 'scenarios'), NO_COLOR='1')
    return subprocess.run([program] + list(arguments), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, cwd=cwd,
                          stderr=subprocess.PIPE, text=True, env=environment, timeout=60 * SLOW)


class Run:
    """One run of a scenario, and what it left in its folder."""

    def __init__(self, scenario, folder, *arguments, program=PROGRAM, status=0):
        self.scenario, self.folder = scenario, folder
        result = punchlab('run', scenario, '--out', folder, '--format', 'json', *arguments, program=program)
        self.stdout = result.stdout
        check(scenario + ' ends with status %d, silently' % status, result.returncode == status and not result.stderr,
              'status %d: %s' % (result.returncode, result.stderr))
        self.report = json.loads(result.stdout)
        self.results = self.report['results']

    def path(self, name):
        return os.path.join(self.folder, name)

    def journal(self):
        with open(self.path('journal.jsonl')) as lines:
            return [json.loads(line) for line in lines]

    def files(self):
        """name -> bytes of everything in the folder."""
        found = {}
        for name in sorted(os.listdir(self.folder)):
            with open(self.path(name), 'rb') as file:
                found[name] = file.read()
        return found


def balanced(report):
    packets = report['packets']
    return packets['sent'] == packets['delivered'] + sum(packets['dropped'].values()) + packets['under_way']


# ---- captures, read here

def read_pcap(path):
    """[(nanoseconds, bytes)] of a classic pcap, whose header must be the one that design section 6 promises."""
    with open(path, 'rb') as file:
        data = file.read()
    order = {b'\x4d\x3c\xb2\xa1': '<', b'\xa1\xb2\x3c\x4d': '>'}.get(data[:4])
    if not order:
        raise ValueError('not a pcap with nanoseconds')
    major, minor, _, _, _, link = struct.unpack(order + 'HHiIII', data[4:24])
    if (major, minor, link) != (2, 4, 101):
        raise ValueError('version %d.%d, link type %d' % (major, minor, link))
    packets, at = [], 24
    while at < len(data):
        seconds, nanoseconds, kept, length = struct.unpack(order + 'IIII', data[at:at + 16])
        if nanoseconds >= 10**9 or kept != length or at + 16 + kept > len(data):
            raise ValueError('a bad record at byte %d' % at)
        packets.append((seconds * 10**9 + nanoseconds, data[at + 16:at + 16 + kept]))
        at += 16 + kept
    return packets


def write_pcap(path, packets):
    with open(path, 'wb') as file:
        file.write(struct.pack('<IHHiIII', 0xa1b23c4d, 2, 4, 0, 0, 262144, 101))
        for time, data in packets:
            file.write(struct.pack('<IIII', time // 10**9, time % 10**9, len(data), len(data)) + data)


def pcapng_interfaces(path):
    """[(name, link type, if_tsresol)] of a pcapng."""
    with open(path, 'rb') as file:
        data = file.read()
    order = '>' if data[8:12] == b'\x1a\x2b\x3c\x4d' else '<'
    found, at = [], 0
    while at < len(data):
        kind, length = struct.unpack(order + 'II', data[at:at + 8])
        if length < 12 or length % 4 or data[at + length - 4:at + length] != data[at + 4:at + 8]:
            raise ValueError('a bad block at byte %d' % at)
        if kind == 1:
            link, options, option = struct.unpack(order + 'H', data[at + 8:at + 10])[0], {}, at + 16
            while option < at + length - 4:
                code, size = struct.unpack(order + 'HH', data[option:option + 4])
                options[code] = data[option + 4:option + 4 + size]
                option += 4 + (size + 3) // 4 * 4
            found.append((options[2].decode(), link, options[9][0]))
        at += length
    return found


# ---- captures, read by tshark

CHECKSUMS = [word for layer in ('ip', 'udp', 'tcp') for word in ('-o', layer + '.check_checksum:TRUE')]
VERDICTS = ['ip.checksum.status', 'udp.checksum.status', 'tcp.checksum.status', 'icmp.checksum.status',
            'icmpv6.checksum.status', 'stun.att.crc32.status']
WARNING = 0x600000   # the least severity of an expert item that says something is wrong; a comment is 0x100000


def tshark(path, fields, options=()):
    """A list with a dict for each frame: the field's values, a list of strings."""
    # A comment has commas in it: the values of one field are told apart by a character that none has.
    command = ['tshark', '-n', '-r', path] + CHECKSUMS + [*options, '-T', 'fields', '-E', 'separator=/t', '-E', 'aggregator=\x1f']
    for field in fields:
        command += ['-e', field]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            timeout=60)
    if result.returncode != 0:
        raise RuntimeError('tshark: ' + result.stderr.decode(errors='replace'))
    frames = []
    for line in result.stdout.decode().split('\n')[:-1]:
        values = line.split('\t')
        frames.append({field: value.split('\x1f') if value else [] for field, value in zip(fields, values)})
    return frames


CLEAN_FIELDS = ['frame.number', 'frame.protocols', '_ws.malformed', '_ws.expert.severity', '_ws.expert.message'] + VERDICTS


def wrong_with(frame, meant=()):
    """What tshark finds wrong with a frame that was asked for CLEAN_FIELDS; '' when it is clean. `meant` are messages that
    the scenario causes on purpose; a frame that has one of these may be malformed, too."""
    wrong = []
    malformed = frame['_ws.malformed'] and not any(message in meant for message in frame['_ws.expert.message'])
    if malformed or any(int(severity) >= WARNING and message not in meant for severity, message in zip(
            frame['_ws.expert.severity'], frame['_ws.expert.message'])):
        wrong.append('malformed: %s' % frame['_ws.expert.message'])
    wrong += [field for field in VERDICTS if '0' in frame[field]]
    return ', '.join(wrong)


def verified(frame):
    """tshark has looked at a checksum of IP, where that has one, and one of what is above, and found them good."""
    ip = '1' in frame['ip.checksum.status'] or frame['frame.protocols'][0].startswith('raw:ipv6')
    return ip and any('1' in frame[field] for field in VERDICTS[1:5])
