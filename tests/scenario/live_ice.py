#!/usr/bin/env python3
"""`punchlab ice` over loopback: two of them by their standard streams and through `serve signal`, with `serve turn`, and
against a lite peer written here that loses and repeats data."""
import binascii
import hashlib
import hmac
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from support.real import COOKIE, Server, WAIT, attribute, attributes_of, client, message
from support.scene import PROGRAM, SLOW, check, equal, finish, punchlab

HERE = ('--loopback', '--address', '127.0.0.1', '--timeout', '%ds' % (20 * SLOW), '--wait', '%ds' % (20 * SLOW))
BINDING, MAPPED, USE_CANDIDATE, USERNAME, INTEGRITY, FINGERPRINT = 1, 0x20, 0x25, 6, 8, 0x8028


class Ice:
    """A `punchlab ice` under way."""

    def __init__(self, side, *arguments, here=HERE):
        self.process = subprocess.Popen([PROGRAM, 'ice', side, '--format', 'json', *here, *arguments],
                                        bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def read(self):
        """Lines up to an empty one, and that."""
        lines = []
        while not lines or lines[-1].strip():
            lines.append(self.process.stdout.readline())
            if not lines[-1]:
                break
        return b''.join(lines)

    def write(self, text):
        self.process.stdin.write(text)
        self.process.stdin.flush()

    def end(self, by_itself=False):
        """Status, result, standard error. Standard input ends, unless it ends by itself."""
        if by_itself:
            self.process.wait(60 * SLOW)
        self.process.stdin.close()
        self.process.stdin = None
        out, err = self.process.communicate(timeout=60 * SLOW)
        lines = out.decode().splitlines()
        return self.process.returncode, json.loads(lines[-1]) if lines and lines[-1][:1] == '{' else None, err.decode()


def pour(source, sink):
    """All that one says is given to the other, until it ends."""
    def run():
        for line in source.process.stdout:
            source.said.append(line)
            try:
                sink.write(line)
            except (OSError, ValueError, AttributeError):
                pass
    source.said = []
    source.thread = threading.Thread(target=run)
    source.thread.start()


def joined(offerer, answerer):
    """Both ends' statuses, results and what they have said."""
    pour(offerer, answerer)
    pour(answerer, offerer)
    found = []
    for side in offerer, answerer:
        side.process.wait(60 * SLOW)
        side.thread.join()
        side.process.stdin.close()
        found.append((side.process.returncode, json.loads(side.said[-1]), b''.join(side.said[:-1]).decode()))
        side.process.stdout.close()
        side.err = side.process.stderr.read().decode()
        side.process.stderr.close()
    return found


def two(name, offer=(), answer=(), both=(), types=('host', 'host'), messages=5):
    """They connect and echo; the answerer sees the types the other way round."""
    offerer, answerer = Ice('offer', *both, *offer), Ice('answer', *both, *answer)
    (status, ours, described), (other, theirs, _) = joined(offerer, answerer)
    check(name + ': both end with 0', (status, other) == (0, 0), (status, ours, other, theirs))
    equal(name + ': connected', (ours['connected'], theirs['connected'], ours['why'], theirs['why']),
          (True, True, None, None))
    if types:
        equal(name + ': types', (ours['own_type'], ours['peer_type']), types)
        equal(name + ': the same from the other side', (theirs['own'], theirs['peer']), (ours['peer'], ours['own']))
    equal(name + ': roles', (ours['controlling'], theirs['controlling']), (True, False))
    equal(name + ': messages', (ours['messages']['echoed'], theirs['messages']['echoed']), (messages, messages))
    return ours, theirs, described, offerer, answerer


def test_direct():
    ours, theirs, described, offerer, _ = two('direct', offer=['--explain'])
    equal('path, candidates', (ours['path'], ours['transport'], ours['candidates']), ('host', 'udp', 1))
    check('checks and time', ours['checks'] >= 1 and 0 < ours['connect_ms'] < 5000 * SLOW, ours)
    check('a description', described.startswith('v=0\r\n') and described.endswith('typ host\r\n\r\n'), described)
    for line in ('this agent is controlling; ICE is Completed\n', 'own candidates\n', "the peer's candidates\n",
                 'Succeeded, because its check was answered', 'stream 1, component 1 goes by pair 1: host 127.0.0.1:'):
        check('the transcript has ' + line, line in offerer.err, offerer.err)


def test_kinds():
    *_, described, _, _ = two('two components', both=['--components', '2'], messages=10)
    check('two components are described', ' 2 UDP ' in described and '\r\na=rtcp:' in described, described)
    # What an active candidate's connection comes from is no candidate yet (RFC 6544 section 4.1).
    ours, theirs, *_ = two('TCP', both=['--tcp=only'], types=None)
    equal('TCP: transport, types', (ours['transport'], sorted({ours['own_type'], ours['peer_type'], theirs['own_type']})),
          ('tcp', ['host']))
    *_, described, _, _ = two('TCP too', both=['--tcp'])
    check('TCP too: both are described', ' UDP ' in described and 'tcptype passive' in described, described)
    *_, described, _, _ = two('trickle', both=['--trickle'])
    check('trickle: is declared and ended', 'trickle' in described and 'a=end-of-candidates\r\n' in described, described)
    two('trickle, to a peer without', offer=['--trickle'])
    two('a lite answerer', answer=['--lite'])
    two('no data', both=['--messages', '0'], messages=0)
    two('many messages', offer=['--messages', '200'], messages=200)


def test_interface():
    ours, *_ = two('by interface', both=['--interface', 'lo'])
    check('by interface: a loopback address', ours['own'].startswith(('127.', '[::1]')), ours)


def test_stun():
    """A reflexive candidate that is no other than the host candidate is left out (RFC 8445 section 5.1.3)."""
    server = Server('--listen', '127.0.0.1:0', '--quiet')
    (to,) = server.read(1)
    ours, *_ = two('STUN', both=['--stun', 'stun:127.0.0.1:%d' % to[1]])
    equal('STUN: candidates', ours['candidates'], 1)
    out, _ = server.stop()
    check('both have asked', '2 requests (2 answered' in out, out)


def test_relay():
    server = Server('--listen', '127.0.0.1:0', '--user', 'alice:secret', '--allow', '127.0.0.0/8', '--quiet',
                    which='turn')
    (to,) = server.read(1)
    uri = 'turn:127.0.0.1:%d' % to[1]
    relay = ['--turn', uri, '--user', 'alice:secret', '--policy', 'relay']
    ours, theirs, described, *_ = two('relay', both=relay, types=('relay', 'relay'))
    equal('relay: path', (ours['path'], theirs['path']), ('relay', 'relay'))
    check('relay: no own address is told', 'typ host' not in described and 'raddr 0.0.0.0 rport 9' in described, described)
    two('relay by TCP, and a direct peer', offer=['--turn', uri + '?transport=tcp', *relay[2:]], types=('relay', 'host'))
    ours, theirs, *_ = two('a relay for TCP', both=['--tcp=only', '--turn', uri + '?transport=tcp', *relay[2:]], types=None)
    equal('a relay for TCP: transports, types', [(one['transport'], one['own_type']) for one in (ours, theirs)],
          [('tcp', 'relay')] * 2)
    two('a relay is not needed', both=relay[:4])
    second = Server('--listen', '127.0.0.1:0', '--user', 'bob:geheim', '--allow', '127.0.0.0/8', '--quiet', which='turn')
    (other,) = second.read(1)
    both = ['--turn', uri, '--turn', 'turn:127.0.0.1:%d' % other[1], '--user', 'alice:secret', '--user', 'bob:geheim', '--policy', 'relay']
    ours, *_ = two('a user for each server', both=both, types=('relay', 'relay'))
    equal('a user for each server: candidates', ours['candidates'], 2)
    wrong = Ice('offer', *relay[:2], '--user', 'alice:guess', '--policy', 'relay')
    status, result, _ = wrong.end(by_itself=True)
    equal('a wrong password', (status, result['why']),
          (1, 'there is no candidate to offer: no TURN server has given a relayed address'))
    second.stop()
    server.stop()


def test_names():
    """A name with addresses of both families is a server for both; where this machine knows one such name."""
    families = {found[0] for found in socket.getaddrinfo('localhost', 9, type=socket.SOCK_DGRAM)}
    if not {socket.AF_INET, socket.AF_INET6} <= families:
        return print('localhost has no addresses of both families here: not tried')
    server = Server('--listen', '[::1]:0', '--user', 'alice:secret', '--allow', '::1/128', '--quiet', which='turn')
    (to,) = server.read(1)
    relay = ['--address', '::1', '--turn', 'turn:localhost:%d?transport=udp' % to[1], '--user', 'alice:secret']
    ours, *_ = two('a name', both=[*relay, '--policy', 'relay'], types=('relay', 'relay'))
    check('a name: over IPv6', ours['own'].startswith('[::1]:'), ours)
    server.stop()


def post(to, path, body, kind):
    request = urllib.request.Request('http://127.0.0.1:%d/peers/%s' % (to[1], path), body, {'Content-Type': kind})
    with urllib.request.urlopen(request, timeout=WAIT) as answer:
        equal('put into a mailbox', answer.status, 204)


def test_signal():
    server = Server('--listen', '127.0.0.1:0', '--quiet', which='signal')
    (to,) = server.read(1)
    url = 'http://127.0.0.1:%d/' % to[1]

    def run(name, offer=(), answer=()):
        sides = []
        for side, own, peer, more in ('answer', 'bob', 'alice', answer), ('offer', 'alice', 'bob', offer):
            sides.append(Ice(side, '--signal', url, '--name', own, '--peer', peer, *more))
        (other, theirs, _), (status, ours, err) = sides[0].end(), sides[1].end()
        check('signal: ' + name, (status, other) == (0, 0) and ours['connected'] and theirs['connected'] and
              (ours['own'], ours['peer']) == (theirs['peer'], theirs['own']), (status, ours, other, theirs, err))

    run('plain')
    run('trickle', ['--trickle'], ['--trickle'])
    # What earlier runs have left: an offer whose offerer has gone, and an answer to some other offer.
    gone = Ice('offer')
    stale = gone.read().rstrip() + b'\r\n'
    gone.process.kill()
    gone.end()
    fragment = b'a=ice-ufrag:gone\r\na=ice-pwd:0123456789012345678901\r\nm=application 9 udp x\r\na=mid:0\r\n'
    for body, kind in (stale, 'application/sdp'), (fragment + b'a=end-of-candidates\r\n',
                                                   'application/trickle-ice-sdpfrag'), (b'hello', 'text/plain'):
        post(to, 'bob/from/alice', body, kind)
    post(to, 'alice/from/bob', stale, 'application/sdp; offer="gone"')
    post(to, 'alice/from/carol', stale, 'application/sdp')
    run('amid what earlier runs have left', ['--trickle'], ['--trickle'])
    server.stop()
    nobody = Ice('offer', '--signal', url, '--name', 'alice', '--peer', 'bob', here=HERE)
    status, result, _ = nobody.end()
    check('no server', status == 1 and result['why'].startswith('signalling: '), (status, result))


def fingerprinted(body, kind, identity):
    whole = message(kind, body, attribute(FINGERPRINT, bytes(4)), identity=identity)
    return whole[:-4] + struct.pack('>I', binascii.crc32(whole[:-8]) ^ 0x5354554e)


def success(request, source, password):
    """RFC 8445 section 7.3: where it came from, signed with the own password."""
    port, address = source[1] ^ COOKIE >> 16, struct.unpack('>I', socket.inet_aton(source[0]))[0] ^ COOKIE
    body = attribute(MAPPED, struct.pack('>BBHI', 0, 1, port, address))
    signed = message(0x101, body, attribute(INTEGRITY, bytes(20)), identity=request[8:20])[:-24]
    body += attribute(INTEGRITY, hmac.new(password, signed, hashlib.sha1).digest())
    return fingerprinted(body, 0x101, request[8:20])


class Lite:
    """An ICE peer that sends no checks. It loses each message's first copy, and sends others back twice."""

    def __init__(self):
        self.sock, self.seen, self.nominated, self.ended = client(), [], 0, False
        self.answer = ('v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=ice-lite\r\na=ice-options:ice2\r\n'
                       'm=application %(port)d udp octet-stream\r\nc=IN IP4 127.0.0.1\r\na=ice-ufrag:lite\r\n'
                       'a=ice-pwd:aVeryLitePasswordIndeed\r\n'
                       'a=candidate:1 1 UDP 2130706431 127.0.0.1 %(port)d typ host\r\n\r\n'
                       % {'port': self.sock.getsockname()[1]}).encode()

    def serve(self):
        deadline = time.monotonic() + 20 * SLOW
        while not self.ended and time.monotonic() < deadline:
            data, source = self.sock.recvfrom(2000)
            if data[:2] == b'\0\1':
                found = attributes_of(data)
                equal('a check names both', found[USERNAME].split(b':')[0], b'lite')
                self.nominated += USE_CANDIDATE in found
                self.sock.sendto(success(data, source, b'aVeryLitePasswordIndeed'), source)
                continue
            self.ended = data == b'punchlab ice end'
            if data in self.seen:
                for _ in range(2):
                    self.sock.sendto(data, source)
            self.seen.append(data)


def test_loss():
    peer, ice = Lite(), Ice('offer', '--messages', '3')
    ice.read()
    ice.write(peer.answer)
    peer.serve()
    status, result, _ = ice.end()
    peer.sock.close()
    equal('loss: status, connected', (status, result['connected'], result['peer_type']), (0, True, 'host'))
    check('loss: nominated once, and answered', 1 <= peer.nominated <= 3, peer.nominated)
    counts = result['messages']
    check('loss: what was lost is sent again', counts['sent'] == 3 and counts['echoed'] == 3 and counts['repeated'] >= 3,
          counts)
    equal('loss: all came, in their order', peer.seen[:3], [b'punchlab ice %d of 3' % i for i in (1, 2, 3)])


def test_no_path():
    """Nobody answers at the peer's candidate; what stands on standard input is no description, or nothing; a signal."""
    with client() as silent:
        port = silent.getsockname()[1]
        answer = ('v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=ice-ufrag:abcd\r\na=ice-pwd:%s\r\n'
                  'm=application %d udp octet-stream\r\nc=IN IP4 127.0.0.1\r\n'
                  'a=candidate:1 1 UDP 2130706431 127.0.0.1 %d typ host\r\n\r\n' % ('x' * 22, port, port)).encode()
        for name, text, why in (
                ('silence', answer, 'no path was found within 1s'),
                ('without ICE', answer.replace(b'a=ice-ufrag:abcd\r\n', b'').replace(b'a=ice-pwd', b'a=other'), 'ICE'),
                ('rewritten', answer.replace(b'c=IN IP4 127.0.0.1', b'c=IN IP4 203.0.113.9'), 'rewritten'),
                ('malformed', answer.replace(b't=0 0', b't=soon'), 'line 4'),
                ('garbage', b'hello\r\n\r\n', 'line 1'),
                ('nothing', b'', 'standard input has ended without a description of the peer')):
            ice = Ice('offer', '--timeout', '1s')
            ice.read()
            ice.write(text)
            status, result, _ = ice.end()
            check(name + ': 1, and why', status == 1 and not result['connected'] and why in result['why'], (status, result))
    ice = Ice('answer', '--wait', '100ms')
    equal('nobody comes', ice.end(by_itself=True)[1]['why'], 'no description of the peer came within 100ms')
    ice = Ice('offer')
    ice.read()
    ice.process.send_signal(signal.SIGINT)
    status, result, _ = ice.end(by_itself=True)
    equal('interrupted', (status, result['why']), (1, 'it was interrupted'))


def test_stay():
    """It stays for as long as it is told, or until a signal, which then is no failure."""
    offerer, answerer = Ice('offer'), Ice('answer', '--stay', '1h')
    pour(offerer, answerer)
    described = answerer.read()
    offerer.write(described)
    offerer.process.wait(20 * SLOW)
    offerer.thread.join()
    equal('it says that it stays', answerer.process.stderr.readline(), b'punchlab ice: connected, and stays so for 1h\n')
    equal('it stays', answerer.process.poll(), None)
    answerer.process.send_signal(signal.SIGTERM)
    status, result, _ = answerer.end(by_itself=True)
    equal('a signal ends it', (status, result['why']), (0, None))
    for stream in offerer.process.stdin, offerer.process.stdout, offerer.process.stderr:
        stream.close()


def test_text():
    answerer = Ice('answer')
    offerer = subprocess.Popen([PROGRAM, 'ice', 'offer', *HERE], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    offerer.process = offerer
    answerer.write(Ice.read(offerer))
    out, err = offerer.communicate(answerer.read(), timeout=60 * SLOW)
    answerer.end()
    check('text', re.fullmatch(
        r'connected  in \d+(\.\d+)?ms, as the controlling side\n'
        r'path       host over UDP: host 127.0.0.1:\d+ -> host 127.0.0.1:\d+\n'
        r'checks     \d+ sent; own candidates: 1\n'
        r'messages   5 of 5 came back; \d+ sent again\n'
        r'round trip \S+ to \S+\n', out.decode()) and not err, out)


def test_mistakes():
    for name, arguments, words in (
            ('no side', [], ['a word is missing']),
            ('an unknown side', ['ask'], ["'ask'", 'offer', 'answer']),
            ('no STUN URI', ['offer', '--stun', 'turn:127.0.0.1'], ['turn:127.0.0.1']),
            ('no TURN URI', ['offer', '--turn', 'stun:127.0.0.1'], ["'stun:127.0.0.1' is no TURN URI", 'turn:']),
            ('a transport', ['offer', '--turn', 'turn:127.0.0.1?transport=sctp'], ['transport=udp or transport=tcp']),
            ('TLS', ['offer', '--turn', 'turns:localhost'], ['TLS', 'turn:']),
            ('no such host', ['offer', '--turn', 'turn:nowhere.invalid'], ["'nowhere.invalid' has no address"]),
            ('a user for nobody', ['offer', '--user', 'a:b'], ['--user', '--turn']),
            ('no password', ['offer', '--turn', 'turn:127.0.0.1', '--user', 'alice'], ["'alice' has no password"]),
            ('users', ['offer', *3 * ['--turn', 'turn:127.0.0.1'], *2 * ['--user', 'a:b']], ['2 users', '3 TURN']),
            ('too many', ['offer', *9 * ['--stun', '127.0.0.1']], ['--stun', 'up to 8']),
            ('a policy', ['offer', '--policy', 'none'], ["'none'", 'all', 'relay']),
            ('relay without TURN', ['offer', '--policy', 'relay'], ['TURN']),
            ('components', ['offer', '--components', '0'], ['--components', '1 to 256']),
            ('messages', ['offer', '--messages', '1001'], ['--messages', '0 to 1000']),
            ('TCP', ['offer', '--tcp=never'], ["'never'", 'only']),
            ('an interface', ['offer', '--interface', 'nowhere0'], ['--interface', "'nowhere0'"]),
            ('an address', ['offer', '--address', 'here'], ['--address', "'here'"]),
            ('a duration', ['offer', '--timeout', 'soon'], ['--timeout', "'soon'"]),
            ('signal alone', ['offer', '--signal', 'http://127.0.0.1'], ['--signal, --name and --peer']),
            ('a name', ['offer', '--signal', '127.0.0.1', '--name', 'a b', '--peer', 'bob'], ['--name', "'a b'"]),
            ('an encrypted URL', ['offer', '--signal', 'https://127.0.0.1:1', '--name', 'a', '--peer', 'b'],
             ["its scheme is not 'http'"]),
            ('a URL', ['offer', '--signal', 'ftp://127.0.0.1', '--name', 'a', '--peer', 'b'],
             ["'ftp://127.0.0.1'", 'http://HOST:PORT'])):
        result = punchlab('ice', *arguments)
        check(name, result.returncode == 2 and result.stderr.count('\n') == 1 and
              all(word in result.stderr for word in words), (result.returncode, result.stderr))
    result = punchlab('ice', 'offer', '--address', '198.51.100.77')
    check('nowhere to gather', result.returncode == 1 and
          'there is no candidate to offer: this machine has no address to gather on' in result.stdout, result)
    result = punchlab('ice', 'offer', '--address', '127.0.0.1')
    check('loopback is not gathered on unless asked for (RFC 8445 section 5.1.1.1)', result.returncode == 1, result)


for test in (test_direct, test_kinds, test_interface, test_stun, test_relay, test_names, test_signal, test_loss, test_no_path,
             test_stay, test_text, test_mistakes):
    test()
finish()
