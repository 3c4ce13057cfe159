#!/usr/bin/env python3
"""The real machine: `punchlab serve` and `punchlab nat-check` over loopback, with clients and servers written here."""
import hashlib
import hmac
import json
import os
import re
import select
import signal
import socket
import struct
import sys
import threading
import time
import urllib.error
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from support.real import Server, WAIT, address_of, attribute, attributes_of, client, hears_nothing, message
from support.scene import SLOW, check, equal, finish, punchlab

UNKNOWN = 0x7ffe


def test_binding():
    server = Server('--listen', '127.0.0.1:0')
    (to,) = server.read(1) or [None]
    with client() as sock:
        sock.sendto(message(1), to)
        data, source = sock.recvfrom(2000)
        found = attributes_of(data)
        equal('answered from where it was asked', source, to)
        equal('success', data[:2], b'\x01\x01')
        equal('transaction ID', data[4:20], message(1)[4:20])
        equal('XOR-MAPPED-ADDRESS', address_of(found[0x20], True), sock.getsockname())
        equal('MAPPED-ADDRESS', address_of(found[1]), sock.getsockname())
        sock.sendto(message(1, attribute(3, b'\0\0\0\6')), to)
        found = attributes_of(sock.recvfrom(2000)[0])
        equal('CHANGE-REQUEST without a second address', (found[9][2:4], found[10]), (b'\4\x14', b'\0\3'))
        sock.sendto(message(1, cookie=0xdeadbeef), to)
        equal('RFC 3489', address_of(attributes_of(sock.recvfrom(2000)[0])[1]), sock.getsockname())
        for garbage in b'', b'x', bytes(20), message(0x101), message(1)[:-1], os.urandom(1400):
            sock.sendto(garbage, to)
        sock.sendto(message(1, attribute(UNKNOWN, b'')), to)
        equal('the first answer after garbage', sock.recvfrom(2000)[0][:2], b'\x01\x11')
    with socket.create_connection(to, timeout=WAIT) as sock:
        whole = message(1)
        sock.sendall(whole[:7])
        sock.sendall(whole[7:])
        found = attributes_of(sock.recv(2000))
        equal('TCP', address_of(found[0x20], True), sock.getsockname())
    out, err = server.stop()
    check('counts', '11 messages: 5 requests (3 answered, 2 refused)' in out and '1 TCP connections' in out, out)
    check('tells', err.count('\n') == 11 and 'success response says so' in err and '420 Unknown Attribute' in err, err)


def test_two_addresses():
    server = Server('--listen', '127.0.0.1:0', '--alternate', '127.0.0.2', '--quiet')
    first, *others = server.read(4)
    port = first[1]
    equal('a square', sorted(others), sorted([('127.0.0.2', port), ('127.0.0.1', port + 1), ('127.0.0.2', port + 1)]))
    with client() as sock:
        for flags, origin in ((0, first), (4, ('127.0.0.2', port)), (2, ('127.0.0.1', port + 1)),
                              (6, ('127.0.0.2', port + 1))):
            sock.sendto(message(1, attribute(3, bytes([0, 0, 0, flags]))), first)
            data, source = sock.recvfrom(2000)
            found = attributes_of(data)
            equal('flags %d: source' % flags, source, origin)
            equal('flags %d: RESPONSE-ORIGIN' % flags, address_of(found[0x802b]), origin)
            equal('flags %d: OTHER-ADDRESS' % flags, address_of(found[0x802c]), ('127.0.0.2', port + 1))
        with client() as other:
            sock.sendto(message(1, attribute(0x27, struct.pack('>HH', other.getsockname()[1], 0))), first)
            equal('RESPONSE-PORT', other.recvfrom(2000)[1], first)
        sock.sendto(message(1, attribute(0x26, bytes(1500))), first)
        equal('PADDING', len(attributes_of(sock.recvfrom(3000)[0])[0x26]), 1500)
    for arguments in ([], ['--from', '127.0.0.1']):
        result = punchlab('nat-check', '127.0.0.1:%d' % port, '--format', 'json', *arguments)
        found = json.loads(result.stdout)
        equal('nat-check ends with 0', (result.returncode, result.stderr), (0, ''))
        equal('no NAT on loopback', [found[name] for name in ('mapping', 'filtering', 'class', 'rfc3489', 'alg')],
              ['none', 'endpoint-independent', 'open', 'open', 'none'])
        equal('no lifetime unless asked', found['why'].get('lifetime'), 'it was not looked at')
        check('evidence', len(found['evidence']) >= 12 and found['own'] == found['mapped'], found)
    text = punchlab('nat-check', 'stun:localhost:%d' % port, '--evidence', '--lifetime=1s')
    check('as text, by name', text.returncode == 0 and '\nclass       open\n' in text.stdout and
          '\nlifetime    at least 1s\n' in text.stdout and 'the server is asked (127.0.0.1:' in text.stdout, text)
    out, err = server.stop(signal.SIGINT)
    equal('quiet', err, '')
    check('counts', '0 refused' in out, out)


def test_families():
    server = Server('--listen', ':0')
    (to,) = server.read(1) or [None]
    equal('all addresses', to[0], '::')
    with client() as sock:
        sock.sendto(message(1), ('127.0.0.1', to[1]))
        data, source = sock.recvfrom(2000)
        equal('IPv4', (source, address_of(attributes_of(data)[1])), (('127.0.0.1', to[1]), sock.getsockname()))
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.settimeout(WAIT)
            sock.bind(('::1', 0))
            sock.sendto(message(1), ('::1', to[1]))
            data, source = sock.recvfrom(2000)
            equal('IPv6', (source[:2], attributes_of(data)[1][:2]), (('::1', to[1]), b'\0\2'))
    except OSError as why:
        print('no IPv6 here: %s' % why)
    server.stop()


def test_load():
    """Bursts that fit the socket's buffer: all are answered, and the log keeps its measure."""
    server = Server('--listen', '127.0.0.1:0')
    (to,) = server.read(1)
    got = 0
    with client() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        for burst in range(20):
            for i in range(100):
                sock.sendto(message(1, identity=struct.pack('>III', burst, i, 7)), to)
            for i in range(100):
                got += sock.recvfrom(2000)[0][8:20] == struct.pack('>III', burst, i, 7)
    equal('each answered once, in order', got, 2000)
    out, err = server.stop()
    check('counts', '2000 requests (2000 answered' in out, out)
    check('the log is bounded', 10 <= err.count('\n') < 100 and 'more records were not told' in err, err[-300:])


def proven(key, *attributes, identity=b'0123456789ab'):
    """A Binding request with MESSAGE-INTEGRITY (RFC 8489 section 14.5)."""
    whole = message(1, *attributes, attribute(8, bytes(20)), identity=identity)[:-24]
    return whole + attribute(8, hmac.new(key, whole, hashlib.sha1).digest())


def is_proven(data, key):
    """Whether its MESSAGE-INTEGRITY, which is last, is right."""
    return len(data) > 44 and data[-20:] == hmac.new(key, data[:-24], hashlib.sha1).digest()


def test_users():
    """Long-term credentials (RFC 8489 section 9.2.4), as a client of RFC 5389 has them: MD5 and HMAC-SHA1, and no word
    of password algorithms."""
    server = Server('--listen', '127.0.0.1:0', '--user', 'alice:secret', '--user', 'bob:hi:dden', '--realm', 'lab')
    (to,) = server.read(1)
    realm = attribute(0x14, b'lab')

    def ask(sock, name, password, nonce):
        key = hashlib.md5(b':'.join((name, b'lab', password))).digest()
        sock.sendto(proven(key, attribute(6, name), realm, attribute(0x15, nonce)), to)
        data = sock.recvfrom(2000)[0]
        found = attributes_of(data)
        return data[:2], found.get(9, b'')[2:4], is_proven(data, key), found

    with client() as sock, client() as other:
        sock.sendto(message(1), to)
        data = sock.recvfrom(2000)[0]
        found = attributes_of(data)
        equal('asks for credentials', (data[:2], found[9][2:4], found[0x14]), (b'\1\x11', b'\4\1', b'lab'))
        check('and gives away no address', 1 not in found and 0x20 not in found, found)
        check('the nonce has its cookie', found[0x15].startswith(b'obMatJos2'), found[0x15])
        nonce = found[0x15]
        for name, password in ((b'alice', b'secret'), (b'bob', b'hi:dden')):
            kind, _, good, found = ask(sock, name, password, nonce)
            equal(name.decode() + ' is answered, under the same key', (kind, good), (b'\1\1', True))
            equal(name.decode() + ': XOR-MAPPED-ADDRESS', address_of(found[0x20], True), sock.getsockname())
        kind, code, good, found = ask(sock, b'alice', b'wrong', nonce)
        equal('a wrong password', (kind, code, good), (b'\1\x11', b'\4\1', False))
        kind, code, good, found = ask(other, b'alice', b'secret', nonce)
        check('another port\'s nonce', kind == b'\1\x11' and not good, (kind, code))
    server.stop()


def test_ipv4_only():
    """0.0.0.0 is all addresses of IPv4, over UDP and TCP: the same port of IPv6 is somebody else's."""
    server = Server('--listen', '0.0.0.0:0', '--quiet')
    ((host, port),) = server.read(1)
    equal('says so', host, '0.0.0.0')
    socket.create_connection(('127.0.0.1', port)).close()
    try:
        socket.create_connection(('::1', port)).close()
        refused = False
    except OSError:
        refused = True
    check('not over IPv6', refused)
    server.stop()


def test_no_reflection():
    """An answer goes to where its request came from (RFC 8489 section 6.3.1.2), and is no large one: what asks for
    something else is not understood, unless there is a second address; over TCP never (RFC 5780 section 3)."""
    single = Server('--listen', '127.0.0.1:0', '--quiet')
    double = Server('--listen', '127.0.0.1:0', '--alternate', '127.0.0.2', '--quiet')
    (to,), (two, *_) = single.read(1), double.read(4)
    with client() as sock, client() as other:
        port = struct.pack('>HH', other.getsockname()[1], 0)
        wishes = (('CHANGE-REQUEST', 3, b'\0\0\0\6'), ('RESPONSE-PORT', 0x27, port), ('PADDING', 0x26, bytes(4)),
                  ('RESPONSE-ADDRESS', 2, b'\0\1' + port[:2] + socket.inet_aton('127.0.0.3')))
        for name, kind, value in wishes:
            request = message(1, attribute(kind, value))
            sock.sendto(request, to)
            data, source = sock.recvfrom(3000)
            found = attributes_of(data)
            equal(name + ': 420, to where it came from', (source, found[9][2:4], found[10]),
                  (to, b'\4\x14', struct.pack('>H', kind)))
            check(name + ': a small answer', len(data) < 100, len(data))
            with socket.create_connection(two, timeout=WAIT) as stream:
                stream.sendall(request)
                equal(name + ': over TCP', attributes_of(stream.recv(3000))[9][2:4], b'\4\x14')
        sock.sendto(message(1, attribute(2, b'\0\1' + port[:2] + socket.inet_aton('127.0.0.1'))), two)
        equal('RESPONSE-ADDRESS never', attributes_of(sock.recvfrom(3000)[0])[9][2:4], b'\4\x14')
        sock.sendto(message(1, attribute(0x27, port), attribute(0x26, bytes(4))), two)
        equal('a large one to another port never', attributes_of(sock.recvfrom(3000)[0])[9][2:4], b'\4\0')
        check('nobody else hears of it', hears_nothing(other))
        check('and no second answer comes', hears_nothing(sock))
    single.stop()
    double.stop()


def test_flood():
    """Malformed datagrams by the thousand: a few lines, and the number of those left out."""
    server = Server('--listen', '127.0.0.1:0')
    (to,) = server.read(1)
    sent, began = 0, time.monotonic()
    with client() as sock:
        for burst in range(40):
            for i in range(100):
                sent += sock.sendto(b'\0\1\0\4' + os.urandom(16) + b'\x80\x22\0\x08', to) > 0
            sock.sendto(message(1), to)     # answered: so the burst has been read
            equal('an answer amid the flood', sock.recvfrom(2000)[0][:2], b'\1\1')
    took = time.monotonic() - began
    out, err = server.stop()
    lines = err.splitlines()
    check('counts', '%d malformed' % sent in out and '40 answered' in out, out)
    times = [float(line.split()[0]) for line in lines[:-1]]     # the last may tell of what was left out, as it ends
    check('at most ten lines in any second', all(b - a > 0.999 for a, b in zip(times, times[10:])), (took, times))
    left_out = sum(int(found) for found in re.findall(r'\((\d+) more record', err))
    told = sum('more record' not in line for line in lines)
    equal('all are told or counted', told + left_out, sent + 40)


def test_stop_at_work():
    """A signal amid requests, with connections open."""
    for number in signal.SIGTERM, signal.SIGINT:
        server = Server('--listen', '127.0.0.1:0', '--quiet')
        (to,) = server.read(1)
        stop = threading.Event()

        def ask():
            with client() as sock:
                while not stop.is_set():
                    sock.sendto(message(1), to)

        thread = threading.Thread(target=ask)
        with socket.create_connection(to, timeout=WAIT) as stream:
            stream.sendall(message(1)[:9])
            thread.start()
            time.sleep(0.2)
            out, err = server.stop(number)
            stop.set()
            thread.join()
            check('tells its counts', '1 TCP connections' in out and err == '', (out, err))
            equal('the connection is closed', stream.recv(100), b'')


def test_impatience():
    """Signals that come until it has ended, as from a supervisor that signals a process and then its group: it ends all
    the same, with its counts."""
    for number in signal.SIGTERM, signal.SIGINT:
        server = Server('--listen', '127.0.0.1:0', '--quiet')
        server.read(1)
        deadline = time.monotonic() + WAIT
        while server.process.poll() is None and time.monotonic() < deadline:
            server.process.send_signal(number)
        out, _ = server.process.communicate(timeout=WAIT)
        equal('ends with 0 at many signals %d' % number, server.process.returncode, 0)
        check('and tells its counts', '0 messages' in out, out)


def test_liar():
    """A server that says it has a second address and answers from the first whatever it is asked (a full cone, to a
    careless client)."""
    sock = client()
    stop = threading.Event()

    def answer():
        while not stop.is_set():
            if select.select([sock], [], [], 0.05)[0]:
                data, source = sock.recvfrom(3000)
                mapped = struct.pack('>BBH4s', 0, 1, source[1], socket.inet_aton(source[0]))
                other = struct.pack('>BBH4s', 0, 1, 9, socket.inet_aton('127.0.0.9'))
                sock.sendto(struct.pack('>HH', 0x101, 24) + data[4:20] + attribute(1, mapped) +
                            attribute(0x802c, other), source)

    thread = threading.Thread(target=answer)
    thread.start()
    began = time.monotonic()
    result = punchlab('nat-check', '127.0.0.1:%d' % sock.getsockname()[1], '--format', 'json')
    stop.set()
    thread.join()
    sock.close()
    found = json.loads(result.stdout)
    equal('can\'t tell', (found['filtering'], found['class'], found['rfc3489']), (None, None, None))
    equal('because', found['why']['filtering'], 'the server ignores CHANGE-REQUEST')
    check('unreachable places are not waited for', time.monotonic() - began < 20 * SLOW)


def signalling(to, path, body=None, **fields):
    """Status, fields and body of a GET, or of a POST of that body."""
    request = urllib.request.Request('http://127.0.0.1:%d/peers/%s' % (to[1], path), body, fields)
    try:
        with urllib.request.urlopen(request, timeout=WAIT) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def test_signalling():
    server = Server('--listen', '127.0.0.1:0', which='signal')
    (to,) = server.read(1) or [None]
    offer, got = b'v=0\r\n' + bytes(range(256)), []
    equal('put', signalling(to, 'bob/from/alice?id=a-1', offer, **{'Content-Type': 'application/sdp'})[0], 204)
    equal('put once more', signalling(to, 'bob/from/alice?id=a-1', offer)[0], 204)
    status, fields, body = signalling(to, 'bob/messages')
    equal('handed', (status, body), (200, offer))
    equal('as it was', (fields['Message-From'], fields['Content-Type']), ('alice', 'application/sdp'))
    equal('again', signalling(to, 'bob/messages')[2], offer)
    after = 'bob/messages?wait=%d&after=' + fields['Message-Id']
    equal('nothing more', signalling(to, after % 0)[0], 204)
    thread = threading.Thread(target=lambda: got.append(signalling(to, after % 30)))
    thread.start()
    time.sleep(0.2)
    equal('an answer', signalling(to, 'bob/from/carol', b'at last')[0], 204)
    thread.join(WAIT)
    equal('comes to who waits', [(status, body) for status, _, body in got], [(200, b'at last')])
    for path, body, code, word in (('bob', None, 404, b'no-such-resource: '), ('b%20b/messages', None, 400, b'name: '),
                                   ('bob/messages?wait=99', None, 400, b'query: '),
                                   ('bob/messages', b'', 405, b'method: '),
                                   ('bob/from/alice?id=1', b'', 400, b'id: ')):
        status, fields, text = signalling(to, path, body)
        check('%s: %d' % (path, code), status == code and text.startswith(word), (status, text))
    for i in range(64):
        signalling(to, 'dave/from/alice', b'%d' % i)
    equal('a full mailbox', signalling(to, 'dave/from/alice', b'x')[::2],
          (429, b'mailbox-full: too many messages wait for this peer\n'))
    with socket.create_connection(to, timeout=WAIT) as sock:
        sock.sendall(b'POST /peers/bob/from/alice HTTP/1.1\r\nHost: h\r\nContent-Length: 65537\r\n\r\n')
        check('too long', sock.recv(2000).startswith(b'HTTP/1.1 413 '))
    with socket.create_connection(to, timeout=WAIT) as sock:
        sock.sendall(b'hello\r\n\r\n')
        check('garbage', sock.recv(2000).startswith(b'HTTP/1.1 4'))
    with socket.create_connection(to, timeout=WAIT) as sock:  # one that waits when the server ends
        sock.sendall(b'GET /peers/erin/messages HTTP/1.1\r\nHost: h\r\n\r\n')
        out, err = server.stop(signal.SIGINT)
    check('counts', '67 messages: 66 taken, 1 repeated; 3 handed out, 1 waits without one; 6 requests refused, 2 malformed'
          in out, out)
    check('tells', 'signalling: a message from alice at 127.0.0.1:' in err and 'more records were not told' in err, err)


def test_mistakes():
    with client() as taken:
        port = taken.getsockname()[1]
        for name, arguments, words in (
                ('no server', ['serve'], ['a word is missing']),
                ('an unknown server', ['serve', 'smtp'], ["'smtp'", 'stun']),
                ('signal: no address', ['serve', 'signal', '--listen', 'here'], ['--listen', "'here'"]),
                ('signal: too many', ['serve', 'signal'] + 9 * ['--listen', '127.0.0.1'], ['up to 8']),
                ('signal: not ours', ['serve', 'signal', '--listen', '198.51.100.77'],
                 ['cannot listen', "none of this machine's"]),
                ('signal: a second address', ['serve', 'signal', '--alternate', '127.0.0.2'], ['--alternate', 'stun']),
                ('no address', ['serve', 'stun', '--listen', 'here'], ['--listen', "'here'", '198.51.100.1:3478']),
                ('a second one alone', ['serve', 'stun', '--alternate', '127.0.0.2'], ['--alternate', '--listen']),
                ('two second ones', ['serve', 'stun', '--alternate', '127.0.0.2', '--alternate', '127.0.0.3'],
                 ['--alternate', 'one']),
                ('too many', ['serve', 'stun'] + 5 * ['--listen', '127.0.0.1'], ['up to 4']),
                ('not ours', ['serve', 'stun', '--listen', '198.51.100.77'], ['cannot listen', "none of this machine's"]),
                ('in use', ['serve', 'stun', '--listen', '127.0.0.1:%d' % port], ['cannot listen', 'taken']),
                ('no second one', ['serve', 'stun', '--listen', '127.0.0.1:0', '--alternate', '127.0.0.1:9'],
                 ['cannot listen', 'no other one']),
                ('no password', ['serve', 'stun', '--user', 'alice'], ["'alice' has no password", 'NAME:PASSWORD']),
                ('a realm for nobody', ['serve', 'stun', '--realm', 'lab'], ['--realm', '--user']),
                ('no URI', ['nat-check', 'turn:127.0.0.1'], ["'turn:127.0.0.1'"]),
                ('TLS', ['nat-check', 'stuns:localhost'], ['TLS']),
                ('no port', ['nat-check', '127.0.0.1:0'], ["'127.0.0.1:0'", 'port']),
                ('another family', ['nat-check', '127.0.0.1', '--from', '::1'], ['--from', 'IPv4']),
                ('no such host', ['nat-check', 'nowhere.invalid'], ["'nowhere.invalid' has no address"]),
                ('no such source', ['nat-check', '127.0.0.1', '--from', '198.51.100.77'], ['no socket'])):
            result = punchlab(*arguments)
            check(name, result.returncode == 2 and result.stderr.count('\n') == 1 and
                  all(word in result.stderr for word in words), (result.returncode, result.stderr))
    result = punchlab('nat-check', '127.0.0.1:%d' % port)
    equal('nobody there', (result.returncode, result.stderr), (1, ''))
    check('nobody there: why', "mapping     can't tell, because the server cannot be reached\n" in result.stdout, result)


for test in (test_binding, test_two_addresses, test_families, test_users, test_load, test_flood,
             test_ipv4_only, test_no_reflection, test_stop_at_work, test_impatience, test_liar, test_signalling, test_mistakes):
    test()
finish()
