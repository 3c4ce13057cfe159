"""Two hosts, each behind a NAT of the kernel's, and the servers between them:

    alice 10.0.1.2 --- boxA 198.51.100.2 --- middle 198.51.100.10: ours, .20: coturn's
                                                    203.0.113.10 --- boxB 203.0.113.2 --- bob 10.0.2.2

STUN and TURN have port 3478 there, TURN's user is alice with the password "secret"; our TURN server has 3479."""
import os
import shutil
import tempfile

from support.network import Network, must
from support.programs import PROGRAM, missing, run
from support.report import check

ALICE, BOB, EXTERNAL_A, EXTERNAL_B = '10.0.1.2', '10.0.2.2', '198.51.100.2', '203.0.113.2'
OURS, COTURN = '198.51.100.10', '198.51.100.20'
USER, REALM = 'alice:secret', 'lab'


class TwoNats(Network):
    """`rules_a`, `rules_b`: of the boxes, for nft; none: that box routes only, and the middle knows what is behind it."""

    def __init__(self, rules_a, rules_b):
        super().__init__()
        self.rules = (rules_a, rules_b)

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix='punchlab-interop-')
        try:
            self.build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def build(self):
        self.middle = self.space('middle')
        self.middle.set('net.ipv4.ip_forward=1')
        self.alice, self.box_a = self.side('a', ALICE, '10.0.1.1', EXTERNAL_A, (OURS, COTURN), self.rules[0])
        self.bob, self.box_b = self.side('b', BOB, '10.0.2.1', EXTERNAL_B, ('203.0.113.10',), self.rules[1])
        # What nobody knows the way to vanishes there. coturn ends an allocation whose peer its kernel has no route to.
        self.wire(self.middle, 'to-void', '192.0.2.1/24', self.space('void'), 'eth0', '192.0.2.2/24')
        self.middle.route('192.0.2.2')

    def __exit__(self, *what):
        super().__exit__(*what)
        shutil.rmtree(self.folder, ignore_errors=True)

    def side(self, name, inside, gateway, external, middle, rules):
        host, box = self.space('host-' + name), self.space('box-' + name)
        self.wire(host, 'eth0', inside + '/24', box, 'lan', gateway + '/24')
        self.wire(self.middle, 'to-' + name, ' '.join(address + '/24' for address in middle), box, 'wan', external + '/24')
        box.set('net.ipv4.ip_forward=1')
        host.route(gateway)
        box.route(middle[0])
        if rules:
            box.rules(rules)
        else:
            must(run('ip', '-n', self.middle.name, 'route', 'add', gateway[:-1] + '0/24', 'via', external))
        return host, box

    def serve_stun(self):
        server = self.middle.start(PROGRAM, 'serve', 'stun', '--listen', OURS, '--quiet')
        return server if check('serve stun listens', server.wait_for('listening on'), server.out) else None

    def serve_turn(self):
        """Ours. Peers with private addresses are refused by it, as they should be."""
        server = self.middle.start(PROGRAM, 'serve', 'turn', '--listen', OURS + ':3479', '--user', USER, '--realm', REALM,
                                   '--quiet')
        return server if check('serve turn listens', server.wait_for('listening on'), server.out) else None

    def serve_coturn(self):
        """None where there is none."""
        if missing('turnserver'):
            return None
        files = os.path.join(self.folder, 'coturn')
        server = self.middle.start(
            'turnserver', '-n', '-L', COTURN, '-E', COTURN, '-p', 3478, '-a', '-f', '-r', REALM, '-u', USER, '--no-cli',
            '--no-tls', '--no-dtls', '--userdb=%s.users' % files, '--pidfile=%s.pid' % files, '-l', 'stdout',
            '--simple-log')
        return server if check('turnserver listens', server.wait_to_listen((COTURN, 3478)), server.out[-400:]) else None
