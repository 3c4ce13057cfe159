"""For tests on real sockets: a server of `punchlab serve`, sockets, and STUN messages by hand."""
import re
import signal
import socket
import struct
import subprocess

from support.scene import PROGRAM, SLOW, check, equal, finish

COOKIE = 0x2112A442
WAIT = 5 * SLOW


def attribute(kind, value):
    return struct.pack('>HH', kind, len(value)) + value + bytes(-len(value) % 4)


def message(kind, *attributes, cookie=COOKIE, identity=b'0123456789ab'):
    body = b''.join(attributes)
    return struct.pack('>HHI', kind, len(body), cookie) + identity + body


def attributes_of(data):
    found, at = {}, 20
    while at + 4 <= len(data):
        kind, length = struct.unpack_from('>HH', data, at)
        found.setdefault(kind, data[at + 4:at + 4 + length])
        at += 4 + length + -length % 4
    return found


def address_of(value, xored=False):
    port, address = struct.unpack('>HI', value[2:8])
    if xored:
        port, address = port ^ COOKIE >> 16, address ^ COOKIE
    return socket.inet_ntoa(struct.pack('>I', address)), port


class Server:
    """A `serve` that has said where it listens."""

    def __init__(self, *arguments, which='stun'):
        self.process = subprocess.Popen([PROGRAM, 'serve', which] + list(arguments), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.sockets = []

    def read(self, count):
        """Where it listens, `count` times. A server that does not say so is a failure with its words, and ends the test."""
        for _ in range(count):
            line = self.process.stdout.readline()
            found = re.match(r'listening on (.*):(\d+) \((UDP(?:, TCP)?|HTTP)\)\n$', line)
            if not found:
                check('says where it listens', False, '%r; %s' % (line, self.last_words()))
                finish()
            check('says where it listens', found)
            host, port = found.group(1), found.group(2)
            self.sockets.append((host.strip('[]'), int(port)))
        return self.sockets

    def last_words(self):
        """Ends it, if it has not ended by itself; what it said on standard error."""
        try:
            self.process.wait(0.5)
        except subprocess.TimeoutExpired:
            self.process.kill()
        _, err = self.process.communicate(timeout=WAIT)
        return 'ended with %d: %s' % (self.process.returncode, err.strip() or 'without a word')

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=WAIT)
        equal('ends with 0 at signal %d' % number, self.process.returncode, 0)
        return out, err


def client(address='127.0.0.1'):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((address, 0))
    sock.settimeout(WAIT)
    return sock


def hears_nothing(sock):
    sock.settimeout(0.2)
    try:
        return sock.recvfrom(2000) is None
    except socket.timeout:
        return True
    finally:
        sock.settimeout(WAIT)
