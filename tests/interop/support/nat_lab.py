"""A host behind a NAT of the kernel's, and the servers outside:

    inside 10.0.1.2 --- box 10.0.1.1 | 198.51.100.2 --- outside 198.51.100.10 and .11: ours; .20 and .21: coturn's
      2001:db8:1::2   2001:db8:1::1 | 2001:db8:2::2              2001:db8:2::10 and ::11            ::20 and ::21

The servers have the port 3478, and 3479 as their second one."""
import os
import shutil
import tempfile

from support.network import Network
from support.programs import PROGRAM, missing
from support.report import check, skip

INSIDE, INSIDE6, EXTERNAL, EXTERNAL6 = '10.0.1.2', '2001:db8:1::2', '198.51.100.2', '2001:db8:2::2'
OURS, OURS_SECOND, OURS6 = '198.51.100.10', '198.51.100.11', '2001:db8:2::10'
COTURN, COTURN_SECOND, COTURN6, COTURN6_SECOND = '198.51.100.20', '198.51.100.21', '2001:db8:2::20', '2001:db8:2::21'


class NatLab(Network):
    """`rules`: the box's, for nft; none: it routes only. `external`, `external6`: what the servers see."""

    def __init__(self, rules):
        super().__init__()
        self.rules = rules
        self.external, self.external6 = (EXTERNAL, EXTERNAL6) if rules else (INSIDE, INSIDE6)

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix='punchlab-interop-')
        self.inside, self.box, self.outside = self.space('inside'), self.space('box'), self.space('outside')
        self.wire(self.inside, 'eth0', '%s/24 %s/64' % (INSIDE, INSIDE6),
                  self.box, 'lan', '10.0.1.1/24 2001:db8:1::1/64')
        self.wire(self.outside, 'eth0', ' '.join(['%s/24' % address for address in (OURS, OURS_SECOND, COTURN,
                  COTURN_SECOND)] + ['%s/64' % address for address in (OURS6, COTURN6, COTURN6_SECOND)]),
                  self.box, 'wan', '%s/24 %s/64' % (EXTERNAL, EXTERNAL6))
        self.box.set('net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1')
        self.inside.route('10.0.1.1')
        self.inside.route('2001:db8:1::1')
        # The way back where nothing is translated; and coturn gives up where its kernel knows no way to a peer.
        self.outside.route(EXTERNAL)
        self.outside.route(EXTERNAL6)
        if self.rules:
            self.box.rules(self.rules)
        return self

    def __exit__(self, *what):
        super().__exit__(*what)
        shutil.rmtree(self.folder, ignore_errors=True)

    def serve_ours(self, what, *arguments):
        """`what`: "stun", ... None, and a failed check, when it does not listen."""
        server = self.outside.start(PROGRAM, 'serve', what, *arguments)
        return server if check('serve %s listens' % what, server.wait_for('listening on'), server.out) else None

    def serve_stun(self):
        """Behaviour discovery over IPv4; IPv6 too, and TCP."""
        return self.serve_ours('stun', '--listen', OURS, '--listen', OURS6, '--alternate', OURS_SECOND + ':3479')

    def serve_coturn(self, name, *arguments):
        """A turnserver for all of its addresses. None where there is none: then the check `name` is skipped."""
        lacking = missing('turnserver')
        if lacking:
            skip(name, lacking)
            return None
        files = os.path.join(self.folder, 'coturn')
        server = self.outside.start(
            'turnserver', '-n', '-L', COTURN, '-L', COTURN_SECOND, '-L', COTURN6, '-L', COTURN6_SECOND, '-E', COTURN,
            '-p', 3478, '--alt-listening-port=3479', '-r', 'lab', '--no-cli', '--no-tls', '--no-dtls',
            '--userdb=%s.users' % files, '--pidfile=%s.pid' % files, '-l', 'stdout', '--simple-log', *arguments)
        places = [(address, port) for address in (COTURN, COTURN_SECOND, COTURN6) for port in (3478, 3479)]
        return server if check('turnserver listens', server.wait_to_listen(*places), server.out[-400:]) else None
