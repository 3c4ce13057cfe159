#!/usr/bin/env python3
"""`punchlab serve turn` over loopback, with a client written here: MD5 and HMAC-SHA1, as one of RFC 5766 has them."""
import base64
import hashlib
import hmac
import os
import re
import signal
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from support.real import COOKIE, Server, WAIT, address_of, attribute, attributes_of, client, hears_nothing, message
from support.scene import check, equal, finish, punchlab

ALLOCATE, REFRESH, SEND, DATA, PERMIT, BIND = 3, 4, 6, 7, 8, 9
USERNAME, ERROR, CHANNEL, LIFETIME, PEER, BYTES, REALM, NONCE, RELAYED, TRANSPORT = (
    6, 9, 0xc, 0xd, 0x12, 0x13, 0x14, 0x15, 0x16, 0x19)
LOOPBACK = ('--listen', '127.0.0.1:0', '--allow', '127.0.0.0/8')
ALICE = ('--user', 'alice:secret', '--realm', 'lab')


def peer_of(endpoint):
    address, = struct.unpack('>I', socket.inet_aton(endpoint[0]))
    return attribute(PEER, struct.pack('>BBHI', 0, 1, endpoint[1] ^ COOKIE >> 16, address ^ COOKIE))


class Turn:
    """A client over UDP. A request answers 0, or the code of the error."""

    def __init__(self, to, name='alice', password='secret'):
        self.to, self.name, self.password = to, name.encode(), password.encode()
        self.sock, self.nonce, self.found = client(), None, {}

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.sock.close()

    def exchange(self, method, attributes):
        whole = message(method, *attributes, identity=os.urandom(12))
        if self.nonce:
            whole = self.proven(method, attributes)
        self.sock.sendto(whole, self.to)
        data = self.sock.recv(2000)
        self.found = attributes_of(data)
        kind, = struct.unpack_from('>H', data)
        if kind == method | 0x100:
            return 0
        return self.found[ERROR][2] * 100 + self.found[ERROR][3] if kind == method | 0x110 else kind

    def proven(self, method, attributes):
        key = hashlib.md5(b':'.join((self.name, self.realm, self.password))).digest()
        whole = message(method, *attributes, attribute(USERNAME, self.name), attribute(REALM, self.realm),
                        attribute(NONCE, self.nonce), attribute(8, bytes(20)), identity=os.urandom(12))[:-24]
        return whole + attribute(8, hmac.new(key, whole, hashlib.sha1).digest())

    def ask(self, method, *attributes):
        code = self.exchange(method, attributes)
        if code in (401, 438) and NONCE in self.found and self.nonce != self.found[NONCE]:
            fresh = self.nonce is None
            self.nonce, self.realm = self.found[NONCE], self.found[REALM]
            code = self.exchange(method, attributes) if fresh or code == 438 else code
        return code

    def allocate(self):
        code = self.ask(ALLOCATE, attribute(TRANSPORT, b'\x11\0\0\0'))
        if code == 0:
            self.relayed = address_of(self.found[RELAYED], True)
        return code

    def permit(self, peer):
        return self.ask(PERMIT, peer_of(peer))

    def bind(self, number, peer):
        return self.ask(BIND, attribute(CHANNEL, struct.pack('>HH', number, 0)), peer_of(peer))

    def refresh(self, seconds):
        return self.ask(REFRESH, attribute(LIFETIME, struct.pack('>I', seconds)))

    def send(self, peer, data):
        self.sock.sendto(message(SEND | 0x10, peer_of(peer), attribute(BYTES, data)), self.to)

    def send_channel(self, number, data):
        self.sock.sendto(struct.pack('>HH', number, len(data)) + data, self.to)


def start(*arguments):
    server = Server(*LOOPBACK, *arguments, which='turn')
    (to,) = server.read(1) or [None]
    return server, to


def test_relay():
    """By indications and by a channel, both ways (RFC 8656 sections 11 and 12); and Binding."""
    server, to = start(*ALICE)
    with Turn(to) as alice, client() as peer:
        at = peer.getsockname()
        peer.sendto(message(1), to)
        equal('Binding needs no password', peer.recv(2000)[:2], b'\1\1')
        equal('allocate', alice.allocate(), 0)
        equal('relayed from where it listens', alice.relayed[0], '127.0.0.1')
        check('a port of the usual range', 49152 <= alice.relayed[1], alice.relayed)
        alice.send(at, b'too early')
        check('no permission, no data', hears_nothing(peer))
        equal('permit', alice.permit(at), 0)
        alice.send(at, b'to the peer')
        equal('Send', peer.recvfrom(2000), (b'to the peer', alice.relayed))
        peer.sendto(b'back', alice.relayed)
        data = alice.sock.recv(2000)
        found = attributes_of(data)
        equal('Data', (data[:2], found[BYTES], address_of(found[PEER], True)), (b'\0\x17', b'back', at))
        equal('a channel', alice.bind(0x4000, at), 0)
        alice.send_channel(0x4000, b'by channel')
        equal('ChannelData', peer.recvfrom(2000), (b'by channel', alice.relayed))
        peer.sendto(b'back', alice.relayed)
        equal('and back', alice.sock.recv(2000)[:8], b'\x40\0\0\4back')
        equal('an old channel', alice.bind(0x5000, ('127.0.0.1', 9)), 400)
        equal('the server itself is no peer', alice.bind(0x4001, to), 403)
        equal('delete', alice.refresh(0), 0)
        alice.send_channel(0x4000, b'gone')
        check('nothing after the end', hears_nothing(peer))
    out, err = server.stop()
    check('counts', out.startswith('1 allocations: 0 expired, 1 deleted, 0 disconnected, 0 left; ') and
          'to peers 2 datagrams of 21 bytes, to clients 2 of 8, 2 dropped' in out, out)
    check('the log has its beginning', 'TURN allocation made for 127.0.0.1:' in err, err)
    check('and its end', re.search(r'allocation 1 .* ends after .* and 1 KiB: the client has deleted it', err), err)
    check('and no datagrams', 'relayed from' not in err and 'by channel' not in err, err)


def test_strangers():
    """Nobody relays without proof (section 5), nor with somebody else's."""
    server, to = start(*ALICE, '--user', 'bob:hidden')
    for name, password in (('alice', 'wrong'), ('carol', 'secret'), ('', '')):
        with Turn(to, name, password) as stranger:
            equal('%s, %s' % (name, password), stranger.allocate(), 401)
    with Turn(to) as alice:
        equal('alice', alice.allocate(), 0)
        alice.name, alice.password = b'bob', b'hidden'
        equal('not her user', alice.refresh(600), 441)
    out, _ = server.stop(signal.SIGINT)
    check('one allocation', out.startswith('1 allocations: ') and ' 1 left' in out, out)


def test_secret():
    """Time-limited credentials: the service computes the password, the server only knows the secret."""
    server, to = start('--secret', 'shared', '--realm', 'lab')
    for name, age, code in (('in time', 60, 0), ('over', -60, 401)):
        user = '%d:alice' % (time.time() + age)
        password = base64.b64encode(hmac.new(b'shared', user.encode(), hashlib.sha1).digest()).decode()
        with Turn(to, user, password) as alice:
            equal(name, alice.allocate(), code)
    server.stop(signal.SIGINT)


def test_peers():
    """By default it lets nobody into a network: no loopback, link-local, multicast, broadcast or private peers."""
    server = Server('--listen', '127.0.0.1:0', *ALICE, '--deny', '198.51.100.0/24', '--allow', '10.9.0.0/16',
                    which='turn')
    (to,) = server.read(1)
    with Turn(to) as alice:
        equal('allocate', alice.allocate(), 0)
        for address in ('127.0.0.1', '127.9.9.9', '169.254.169.254', '224.0.0.1', '255.255.255.255', '0.0.0.0',
                        '10.0.0.1', '172.16.0.1', '192.168.1.1', '100.64.0.1', '198.51.100.1'):
            code = 0 if address == '127.0.0.1' else 403     # other relayed addresses are there
            equal('permission for ' + address, alice.permit((address, 9)), code)
            equal('channel to ' + address, alice.bind(0x4000, (address, 9)), 403)
        for address in ('203.0.113.9', '10.9.0.1'):
            equal('permission for ' + address, alice.permit((address, 9)), 0)
    server.stop(signal.SIGINT)


def test_external():
    """Behind a 1:1 NAT: clients are told the external address, and meet there without that NAT's hairpin."""
    server = Server('--listen', '127.0.0.1:0', '--relay', '127.0.0.1/203.0.113.5', *ALICE, which='turn')
    (to,) = server.read(1)
    with Turn(to) as one, Turn(to) as two:
        equal('allocate', [one.allocate(), two.allocate()], [0, 0])
        equal('the external address', [one.relayed[0], two.relayed[0]], ['203.0.113.5', '203.0.113.5'])
        equal('permit each other', [one.permit(two.relayed), two.permit(one.relayed)], [0, 0])
        one.send(two.relayed, b'by the outside')
        found = attributes_of(two.sock.recv(2000))
        equal('as from outside', (found[BYTES], address_of(found[PEER], True)), (b'by the outside', one.relayed))
    server.stop(signal.SIGINT)


def test_limits():
    server, to = start(*ALICE, '--user', 'bob:hidden', '--quota', '2', '--total-quota', '3', '--ports', '20000-20099',
                       '--bandwidth', '8kbit/s', '--max-lifetime', '20min', '--old-channels')
    names = ('alice', 'secret'), ('bob', 'hidden')
    with Turn(to) as one, Turn(to) as two, Turn(to) as three, Turn(to, *names[1]) as bob, Turn(to, *names[1]) as more:
        equal('two for a user', [user.allocate() for user in (one, two)], [0, 0])
        equal('no third (section 7.2)', three.allocate(), 486)
        equal('another user\'s', bob.allocate(), 0)
        equal('no fourth of all', more.allocate(), 508)
        check('ports of ours', all(20000 <= user.relayed[1] <= 20099 for user in (one, two, bob)), one.relayed)
        equal('refresh', one.refresh(3600), 0)
        equal('at most 20 minutes', one.found[LIFETIME], struct.pack('>I', 1200))
        with client() as peer:
            equal('an old channel (RFC 5766)', one.bind(0x7fff, peer.getsockname()), 0)
            for _ in range(4):
                one.send_channel(0x7fff, bytes(400))
            equal('1000 bytes a second', [len(peer.recv(2000)) for _ in range(2)], [400, 400])
            check('and no more', hears_nothing(peer))
        equal('delete', two.refresh(0), 0)
        equal('room for another', three.allocate(), 0)
    server.stop(signal.SIGINT)


def test_tcp():
    """Clients over TCP; the allocation goes with the connection."""
    server, to = start('--open')
    with socket.create_connection(to, timeout=WAIT) as sock, client() as peer:
        sock.sendall(message(ALLOCATE, attribute(TRANSPORT, b'\x11\0\0\0')))
        found = attributes_of(sock.recv(2000))
        relayed = address_of(found[RELAYED], True)
        sock.sendall(message(BIND, attribute(CHANNEL, b'\x40\0\0\0'), peer_of(peer.getsockname())))
        equal('bind', sock.recv(2000)[:2], b'\1\x09')
        sock.sendall(b'\x40\0\0\5hello\0\0\0' + b'\x40\0\0\1x\0\0\0')
        equal('padded', [peer.recvfrom(2000) for _ in range(2)], [(b'hello', relayed), (b'x', relayed)])
        peer.sendto(b'world', relayed)
        equal('and back', sock.recv(2000), b'\x40\0\0\5world\0\0\0')
    deadline = time.monotonic() + WAIT
    while 'connection is gone' not in server.process.stderr.readline() and time.monotonic() < deadline:
        pass
    out, _ = server.stop()
    check('disconnected', out.startswith('1 allocations: 0 expired, 0 deleted, 1 disconnected, 0 left'), out)


def said(server):
    """What the server says next on standard output."""
    return server.process.stdout.readline()


def test_drain():
    server, to = start(*ALICE, '--drain', '60')
    with Turn(to) as alice, Turn(to) as late, client() as peer:
        equal('allocate', alice.allocate(), 0)
        equal('permit', alice.permit(peer.getsockname()), 0)
        server.process.send_signal(signal.SIGTERM)
        equal('says so', said(server), 'draining: 1 allocations are left, for at most 1min\n')
        server.process.send_signal(signal.SIGTERM)      # as a supervisor does: at once, to the group
        equal('no new ones', late.allocate(), 508)
        equal('those there are live on', alice.refresh(600), 0)
        alice.send(peer.getsockname(), b'still')
        equal('and relay', peer.recv(2000), b'still')
        equal('delete', alice.refresh(0), 0)
        out, _ = server.process.communicate(timeout=WAIT)
        equal('ends when the last one has', (server.process.returncode, ' 1 deleted' in out), (0, True))


def test_impatience():
    """A second signal, the time that is over, or nothing to wait for."""
    for name, arguments, seconds, numbers in (('a second one', (), 60, [signal.SIGTERM, signal.SIGTERM]),
                                              ('another one', (), 60, [signal.SIGTERM, signal.SIGINT]),
                                              ('time is over', (), 0.3, [signal.SIGTERM]),
                                              ('no patience', (), 0, [signal.SIGTERM])):
        server, to = start(*ALICE, '--drain', str(seconds), '--quiet')
        with Turn(to) as alice:
            equal(name + ': allocate', alice.allocate(), 0)
            server.process.send_signal(numbers[0])
            for number in numbers[1:]:
                check(name + ': drains', said(server).startswith('draining: '))
                time.sleep(0.5)
                server.process.send_signal(number)
            out, err = server.process.communicate(timeout=WAIT)
            equal(name + ': ends', (server.process.returncode, ' 1 left' in out, err), (0, True, ''))
    server, _ = start(*ALICE, '--drain', '60')
    out, _ = server.stop()
    check('nobody to wait for', 'draining' not in out, out)


def test_stop_at_work():
    """A signal amid relayed datagrams, until it has ended."""
    server, to = start('--open', '--quiet')
    stop = threading.Event()
    with Turn(to) as alice, client() as peer:
        equal('allocate', alice.allocate(), 0)
        equal('bind', alice.bind(0x4000, peer.getsockname()), 0)

        def send():
            while not stop.is_set():
                alice.send_channel(0x4000, b'x')
                peer.sendto(b'y', alice.relayed)

        thread = threading.Thread(target=send)
        thread.start()
        time.sleep(0.2)
        out, err = server.stop(signal.SIGINT)
        stop.set()
        thread.join()
        check('counts', re.search(r'to peers [1-9]\d* datagrams', out) and err == '', (out, err))


def test_flood():
    """Allocations by the hundred from one host: bounded, and the log too."""
    server, to = start('--open', '--total-quota', '100')
    clients = [Turn(to) for _ in range(150)]
    codes = [each.allocate() for each in clients]
    equal('a hundred', (codes.count(0), codes.count(508)), (100, 50))
    for each in clients:
        each.sock.close()
    out, err = server.stop(signal.SIGINT)
    check('the log is bounded', err.count('\n') < 100 and 'more records were not told' in err, err[-300:])


def test_mistakes():
    base, alice = ['serve', 'turn', '--listen', '127.0.0.1:0'], ['--user', 'alice:secret']
    for name, arguments, words in (
            ('nobody named', [], ['--user', '--secret', '--open']),
            ('everybody and somebody', alice + ['--open'], ['--open', '--user']),
            ('an empty secret', ['--secret', ''], ['--secret']),
            ('no relay address', alice + ['--relay', 'here'], ['--relay', "'here'", 'ADDR/EXTERNAL']),
            ('two families', alice + ['--relay', '127.0.0.1/::1'], ['--relay', 'one family']),
            ('two relays', alice + ['--relay', '127.0.0.1', '--relay', '127.0.0.2'], ['--relay', 'one of each family']),
            ('not ours', alice + ['--relay', '198.51.100.77'], ['--relay', '198.51.100.77', "none of this machine's"]),
            ('no prefix', alice + ['--allow', '10.0.0.0'], ['--allow', "'10.0.0.0'", '10.0.0.0/8']),
            ('no prefix to deny', alice + ['--deny', 'all'], ['--deny', "'all'"]),
            ('no count', alice + ['--quota', 'many'], ['--quota', "'many'"]),
            ('none at all', alice + ['--total-quota', '0'], ['--total-quota', "'0'"]),
            ('no rate', alice + ['--bandwidth', '100'], ['--bandwidth', "'100'", 'Mbit/s']),
            ('low ports', alice + ['--ports', '80-90'], ['--ports', '1024']),
            ('no range', alice + ['--ports', '50000'], ['--ports', 'LOW-HIGH']),
            ('upside down', alice + ['--ports', '50000-40000'], ['--ports']),
            ('too short', alice + ['--max-lifetime', '1min'], ['--max-lifetime', '10min']),
            ('no time', alice + ['--drain', 'soon'], ['--drain', "'soon'"]),
            ('another server\'s', alice + ['--alternate', '127.0.0.2'], ['--alternate', 'serve turn', 'stun'])):
        result = punchlab(*base, *arguments)
        check(name, result.returncode == 2 and result.stdout == '' and result.stderr.count('\n') == 1 and
              all(word in result.stderr for word in words), (result.returncode, result.stderr))
    for which, option in (('stun', '--relay=127.0.0.1'), ('stun', '--open'), ('signal', '--user=a:b'),
                          ('signal', '--drain=1')):
        result = punchlab('serve', which, option)
        check('%s: %s' % (which, option), result.returncode == 2 and option.partition('=')[0] in result.stderr and
              'is not for serve ' + which in result.stderr, result)


for test in (test_relay, test_strangers, test_secret, test_peers, test_external, test_limits, test_tcp, test_drain,
             test_impatience, test_stop_at_work, test_flood, test_mistakes):
    test()
finish()
