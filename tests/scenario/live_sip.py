#!/usr/bin/env python3
"""`punchlab serve sip` over loopback, with phones written here: UDP, TCP, digest, a call, draining, keep-alives."""
import hashlib
import itertools
import os
import re
import signal
import socket
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from support.real import COOKIE, Server, WAIT, client, hears_nothing, message
from support.scene import check, equal, finish, punchlab

USERS = ('--user', 'alice:secret', '--user', 'bob:word')
numbers = itertools.count(1)


def field(text, name):
    return re.findall(r'(?im)^%s: *(.*?)\r$' % name, text)


class Phone:
    """One user agent, on a datagram socket or a connection."""

    def __init__(self, to, user, password, stream=False):
        self.to, self.user, self.password, self.stream = to, user, password, stream
        self.sock = socket.create_connection(to, timeout=WAIT) if stream else client()
        self.pending = b''

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.sock.close()

    def say(self, text):
        if self.stream:
            self.sock.sendall(text.encode())
        else:
            self.sock.sendto(text.encode(), self.to)

    def hear(self):
        """The next message; provisional 100s are none."""
        while True:
            if self.stream:
                while b'\r\n\r\n' not in self.pending:
                    self.pending += self.sock.recv(65536)
                head, _, self.pending = self.pending.partition(b'\r\n\r\n')
                text = head.decode() + '\r\n\r\n'
            else:
                text = self.sock.recv(65536).decode()
            if not text.startswith('SIP/2.0 100 '):
                return text

    def request(self, method, uri, to, *lines, tag=''):
        number = next(numbers)
        host = '%s:%d' % self.sock.getsockname()
        self.say('\r\n'.join((
            '%s %s SIP/2.0' % (method, uri),
            'Via: SIP/2.0/%s %s;rport;branch=z9hG4bK%d' % ('TCP' if self.stream else 'UDP', host, number),
            'Max-Forwards: 70', 'From: <sip:%s@lab.example>;tag=%s' % (self.user, self.user), 'To: <%s>%s' % (to, tag),
            'Call-ID: %d' % number, 'CSeq: %d %s' % (number, method),
            'Contact: <sip:%s@%s%s>' % (self.user, host, ';transport=tcp' if self.stream else '')) + lines +
            ('Content-Length: 0', '', '')))

    def proof(self, challenge, method, uri):
        found = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
        ha1 = hashlib.md5(':'.join((self.user, found['realm'], self.password)).encode()).hexdigest()
        ha2 = hashlib.md5(':'.join((method, uri)).encode()).hexdigest()
        whole = hashlib.md5(':'.join((ha1, found['nonce'], '00000001', 'c', 'auth', ha2)).encode()).hexdigest()
        return ('Digest username="%s", realm="%s", nonce="%s", uri="%s", qop=auth, nc=00000001, cnonce="c", response="%s"'
                % (self.user, found['realm'], found['nonce'], uri, whole))

    def ask(self, method, uri, to, *lines):
        """Challenged and answered: what came last."""
        self.request(method, uri, to, *lines)
        text = self.hear()
        header, proof = (('WWW-Authenticate', 'Authorization') if text.startswith('SIP/2.0 401') else
                         ('Proxy-Authenticate', 'Proxy-Authorization'))
        if not field(text, header):
            return text
        if method == 'INVITE':
            self.acknowledge(text, uri)
        self.request(method, uri, to, proof + ': ' + self.proof(field(text, header)[0], method, uri), *lines)
        return self.hear()

    def acknowledge(self, answer, uri):
        self.say('\r\n'.join(('ACK %s SIP/2.0' % uri, 'Via: ' + field(answer, 'Via')[0],
                              'From: ' + field(answer, 'From')[0], 'To: ' + field(answer, 'To')[0],
                              'Call-ID: ' + field(answer, 'Call-ID')[0], 'CSeq: %s ACK' % field(answer, 'CSeq')[0].split()[0],
                              'Content-Length: 0', '', '')))

    def register(self, *lines):
        return self.ask('REGISTER', 'sip:lab.example', 'sip:%s@lab.example' % self.user, *lines)

    def answer(self, request, status, *lines):
        copied = ['%s: %s' % (name, value) for name in ('Via', 'Record-Route', 'From', 'Call-ID', 'CSeq')
                  for value in field(request, name)]
        to = field(request, 'To')[0]
        self.say('\r\n'.join(['SIP/2.0 %d Because' % status] + copied +
                             ['To: ' + to + ('' if 'tag=' in to else ';tag=' + self.user)] + list(lines) +
                             ['Content-Length: 0', '', '']))


def start(*arguments):
    server = Server('--listen', '127.0.0.1:0', '--domain', 'lab.example', *arguments, which='sip')
    return server, server.read(1)[0]


def call(name, to, streams):
    with Phone(to, 'alice', 'secret', streams[0]) as alice, Phone(to, 'bob', 'word', streams[1]) as bob:
        registered = bob.register('Expires: 600')
        check(name + ': bob registers', registered.startswith('SIP/2.0 200'), registered)
        check(name + ': for ten minutes', field(registered, 'Contact')[0].endswith('expires=600'), registered)
        alice.request('INVITE', 'sip:bob@lab.example', 'sip:bob@lab.example')
        challenge = alice.hear()
        alice.acknowledge(challenge, 'sip:bob@lab.example')
        proof = alice.proof(field(challenge, 'Proxy-Authenticate')[0], 'INVITE', 'sip:bob@lab.example')
        alice.request('INVITE', 'sip:bob@lab.example', 'sip:bob@lab.example', 'Proxy-Authorization: ' + proof)
        invited = bob.hear()
        check(name + ': bob is called', invited.startswith('INVITE sip:bob@127.0.0.1:'), invited)
        bob.answer(invited, 180)
        check(name + ': it rings', alice.hear().startswith('SIP/2.0 180'))
        bob.answer(invited, 200, 'Contact: <sip:bob@127.0.0.1:9>')      # a port that leads nowhere
        answered = alice.hear()
        check(name + ': and is answered', answered.startswith('SIP/2.0 200'), answered)
        route = 'Route: ' + field(answered, 'Record-Route')[0]
        alice.request('BYE', 'sip:bob@127.0.0.1:9', 'sip:bob@lab.example', route, tag=';tag=bob')
        bye = bob.hear()
        while not bye.startswith('BYE'):        # the 200 once more, or its ACK
            bye = bob.hear()
        bob.answer(bye, 200)
        ended = alice.hear()
        while '200 ' not in ended.split('\r\n')[0] or 'BYE' not in field(ended, 'CSeq')[0]:
            ended = alice.hear()
        check(name + ': hung up along the flow', ended.startswith('SIP/2.0 200'), ended)
        check(name + ': bob leaves', bob.register('Expires: 0').startswith('SIP/2.0 200'))


def test_calls():
    server, to = start(*USERS)
    for name, streams in (('UDP', (False, False)), ('TCP', (True, True)), ('UDP to TCP', (False, True)),
                          ('TCP to UDP', (True, False))):
        call(name, to, streams)
    out, err = server.stop(signal.SIGINT)
    check('counts', '4 calls answered, 0 failed; bindings: 4 made, 0 refreshed, 4 taken back' in out, out)
    check('why it refused', 'refused because nobody has proven who asks: ' in out, out)
    check('the log', 'bob is registered at 127.0.0.1:' in err, err)


def test_refused():
    server, to = start(*USERS, '--min-expires', '2min')
    with Phone(to, 'bob', 'guess') as bob, Phone(to, 'alice', 'secret') as alice:
        check('a wrong password', bob.register().startswith('SIP/2.0 401'))
        text = alice.register('Expires: 60')
        equal('too brief', (text.split()[1], field(text, 'Min-Expires')), ('423', ['120']))
        check('nobody there', alice.ask('INVITE', 'sip:bob@lab.example', 'sip:bob@lab.example').startswith('SIP/2.0 480'))
        alice.say('INVITE sip:bob@lab.example SIP/2.0\r\nVia: SIP/2.0/UDP x;rport;branch=z9hG4bKq\r\n\r\n')
        check('malformed', alice.hear().startswith('SIP/2.0 400'))
        alice.say('what is that?')
        check('no SIP', hears_nothing(alice.sock))
    out, _ = server.stop()
    check('counts', ' 2 malformed' in out, out)


def test_keep_alives():
    server, to = start('--open', '--quiet')
    with client() as sock, socket.create_connection(to, timeout=WAIT) as stream:
        sock.sendto(message(1), to)
        data = sock.recv(2000)
        equal('STUN on the SIP port', (data[:2], struct.unpack('>I', data[4:8])[0]), (b'\1\1', COOKIE))
        stream.sendall(b'\r\n\r\n')
        equal('CRLF', stream.recv(100), b'\r\n')
    out, err = server.stop()
    check('counts', ' 2 keep-alives answered' in out and err == '', (out, err))


def test_drain():
    server, to = start('--open', '--drain', '60s')
    with Phone(to, 'alice', 'secret') as alice, Phone(to, 'bob', 'word') as bob:
        check('register', bob.register().startswith('SIP/2.0 200'))
        alice.request('INVITE', 'sip:bob@lab.example', 'sip:bob@lab.example')
        invited = bob.hear()
        server.process.send_signal(signal.SIGTERM)
        equal('says so', server.process.stdout.readline(), 'draining: 1 requests are left, for at most 1min\n')
        check('nothing new', bob.register().startswith('SIP/2.0 503'))
        bob.answer(invited, 486)
        check('what is under way ends', alice.hear().startswith('SIP/2.0 486'))
        out, _ = server.process.communicate(timeout=WAIT)
        equal('and so does the server', (server.process.returncode, ' 1 failed' in out), (0, True))


def test_mistakes():
    base, alice = ['serve', 'sip', '--listen', '127.0.0.1:0'], ['--user', 'alice:secret']
    for name, arguments, words in (
            ('nobody named', [], ['--user', '--open']),
            ('everybody and somebody', alice + ['--open'], ['--open', '--user']),
            ('no password', ['--user', 'alice'], ["'alice'", 'NAME:PASSWORD']),
            ('twice', alice + alice, ["'alice'", 'twice']),
            ('a name with quotes', ['--user', 'a"b:secret'], ['--user', 'quotes']),
            ('a domain with quotes', alice + ['--domain', 'a"b'], ['--domain', 'quotes']),
            ('no time', alice + ['--min-expires', 'soon'], ['--min-expires', "'soon'", '10min']),
            ('upside down', alice + ['--min-expires', '3h'], ['--min-expires', '--max-expires']),
            ('no patience', alice + ['--drain', 'soon'], ['--drain', "'soon'"]),
            ('for turn', alice + ['--quota', '3'], ['--quota', 'turn']),
            ('two places', alice + ['--listen', '127.0.0.2'], ['--listen', '1'])):
        result = punchlab(*base, *arguments)
        check('refused: ' + name, result.returncode == 2 and result.stdout == '' and result.stderr.count('\n') == 1 and
              all(word in result.stderr for word in words), (result.returncode, result.stderr))
    result = punchlab('serve', 'sip', *alice)
    check('refused: no domain', result.returncode == 2 and '--domain' in result.stderr, result.stderr)
    result = punchlab('serve', 'turn', '--open', '--domain', 'x')
    check('refused: --domain for turn', 'is not for serve turn' in result.stderr, result.stderr)


def main():
    test_calls()
    test_refused()
    test_keep_alives()
    test_drain()
    test_mistakes()
    finish()


main()
