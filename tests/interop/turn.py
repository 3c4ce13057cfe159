#!/usr/bin/env python3
"""TURN: coturn's client, behind a NAT of the kernel's, through `punchlab serve turn`, without a lost message; and our
client through turnserver and through our server."""
import concurrent.futures
import os
import re
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from support import network
from support.capture import SEVERE, Capture
from support.nat_lab import COTURN, COTURN6, OURS, OURS6, NatLab
from support.programs import BUILD, missing
from support.report import check, equal, finish, skip

USER, PASSWORD, REALM = 'alice', 'secret', 'lab'
# Echo peers stand at the second program's addresses, which our server has to be told are not its own affair.
PEER, PEER6, ECHO_PORT, STREAM_PORT = COTURN, COTURN6, 3480, 3481
ECHO = '''
import socket, socketserver
class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(65536):
            self.request.sendall(data)
socketserver.ThreadingTCPServer.allow_reuse_address = True
server = socketserver.ThreadingTCPServer(('%s', %d), Echo)
print('echoes', flush=True)
server.serve_forever()
''' % (PEER, STREAM_PORT)

# turnutils_uclient: what is asked of it, and its options. -y: the clients are each other's peers; -c: no second port
# for RTCP; -m: so many; -n: messages of each. Left out: -Z (both families), whose attribute has the number of a draft,
# 0x8032, where RFC 8656 has 0x8000; -P (RFC 6062, the peer connects), which loses half with turnserver too.
CASES = (
    ('channels', '-c -n 100'),
    ('Send indications', '-s -c -n 100'),
    ('an even port and the next (EVEN-PORT)', '-n 50'),
    ('EVEN-PORT, indications', '-s -n 50'),
    ('TCP to the server, channels', '-t -c -n 100'),
    ('TCP to the server, indications', '-t -s -c -n 100'),
    ('TCP relayed (RFC 6062)', '-T -y -c -n 50 -m 2'),
    ('client to client', '-y -c -m 2 -n 50'),
    ('client to client, indications', '-y -s -c -m 4 -n 50'),
    ('padding of channels', '-D -c -n 50'),
    ('padding of channels over TCP', '-D -t -c -n 50'),
    ('DONT-FRAGMENT', '-g -c -n 50'),
    ('DONT-FRAGMENT, indications', '-g -s -c -n 50'),
    ('more requests than are needed', '-G -c -n 50'),
    ('clients that vanish', '-B -c -m 10 -n 50'),
    ('an IPv4 relay, asked for', '-X -c -n 50'),
    ('many clients', '-c -m 200 -n 20'),
    ('many clients over TCP', '-t -c -m 100 -n 20'),
    ('a load of large messages', '-c -m 5 -n 200 -z 5 -l 1200'),
    ('messages larger than a packet', '-c -m 3 -n 100 -z 5 -l 1490'),
)


def serve_ours(lab):
    allowed = [word for peer in (PEER + '/32', PEER6 + '/128') for word in ('--allow', peer)]
    return lab.serve_ours('turn', '--listen', OURS, '--listen', OURS6, '--relay', OURS, '--relay', OURS6, '--user',
                          USER + ':' + PASSWORD, '--realm', REALM, '--old-channels', *allowed)


def uclient(lab, options, server=OURS, peer=PEER, within=60):
    return lab.inside.run('turnutils_uclient', '-u', USER, '-w', PASSWORD, '-p', 3478, '-e', peer, '-r', ECHO_PORT,
                          *options.split(), server, within=within)


def complete(name, found):
    """Its exit status shows only that there were allocations."""
    lost = re.findall(r'Total lost packets (\d+)', found.out)
    totals = re.findall(r'tot_send_msgs=(\d+), tot_recv_msgs=(\d+)', found.out)
    check(name, found.status == 0 and lost and lost[-1] == '0' and totals and int(totals[-1][0]) > 0, found.out[-600:])


def their_client(lab):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        jobs = [(name, pool.submit(uclient, lab, options)) for name, options in CASES]
        jobs.append(('IPv6', pool.submit(uclient, lab, '-x -c -n 50', OURS6, PEER6)))
        jobs.append(('IPv4 client, IPv6 peer', pool.submit(uclient, lab, '-x -c -n 50', OURS, PEER6)))
        for name, job in jobs:
            complete('turnutils_uclient through serve turn: ' + name, job.result())


def their_mischief(lab):
    """What is wrong on purpose: refused, and nobody else's trouble."""
    negative = uclient(lab, '-N -c -n 10')
    check('turnutils_uclient -N: negative tests end as with a correct server', negative.status == 255, negative)
    # It spoils its own requests, and waits for their answers for ever, with turnserver too: what counts is afterwards.
    for _ in range(4):
        uclient(lab, '-R -c -n 20', within=3)
    stranger = lab.inside.run('turnutils_uclient', '-u', USER, '-w', 'wrong', '-p', 3478, '-e', PEER, '-r', ECHO_PORT,
                              '-c', '-n', 5, OURS, within=30)
    check('turnutils_uclient: a wrong password gets nothing', stranger.status not in (0, 124) and
          'Total lost packets 0' not in stranger.out, stranger)
    complete('turnutils_uclient through serve turn: after malformed input', uclient(lab, '-c -n 20'))


def our_client(lab, name, server, external, peer=PEER, ways=('udp', 'tcp', 'connect')):
    program = os.path.join(BUILD, 'interop', 'turn')
    place = ('[%s]:%d' if ':' in server else '%s:%d')
    for way in ways:
        port = STREAM_PORT if way == 'connect' else ECHO_PORT
        found = lab.inside.run(program, way, place % (server, 3478), USER, PASSWORD, place % (peer, port), within=30)
        steps = r'indications 100 of 100\nchannel 100 of 100\nreleased\n'
        if way == 'connect':
            steps = r'connected\nstream 100000 of 100000\n'
        seen = r'allocated \[?%s]?:\d+, seen as \[?%s]?:\d+\n' % (re.escape(server), re.escape(external))
        good = found.status == 0 and re.fullmatch(seen + steps, found.out)
        check('our client through %s: %s' % (name, way), good, found)
    found = lab.inside.run(program, 'udp', place % (server, 3478), USER, 'wrong', place % (peer, ECHO_PORT), within=30)
    equal('our client through %s: a wrong password' % name, (found.status, found.out),
          (1, 'allocation: rejected 401\n'))


def our_bursts(lab):
    """Datagrams that fill a packet to the last byte, with their header or without, and larger ones, several at a time:
    the kernel can be given such a burst as one message only where each fits."""
    program = os.path.join(BUILD, 'interop', 'turn')
    for size in 1400, 1468, 1472, 1473, 1490, 3000:
        found = lab.inside.run(program, 'udp', OURS + ':3478', USER, PASSWORD, '%s:%d' % (PEER, ECHO_PORT), size,
                               within=30)
        check('our client through serve turn: %d bytes' % size, found.status == 0 and found.out.endswith(
            'indications 100 of 100\nchannel 100 of 100\nreleased\n'), found)


def decoded(capture):
    name = 'tshark decodes what our server says'
    if not capture.stop():
        return skip(name, capture.why)
    # Of the client's own ports tshark knows nothing, and of what -R spoils much.
    ours = 'ip.src == %s && stun' % OURS
    check(name + ': messages', len(capture.matching(ours)) > 100, '')
    equal(name, capture.matching('%s && (%s)' % (ours, SEVERE))[:3], [])


def start_echo(lab):
    """For datagrams turnutils_peer, for streams one of our own."""
    streams = lab.outside.start('python3', '-c', ECHO)
    if not check('a peer echoes streams', streams.wait_for('echoes'), streams.out):
        return None
    peer = lab.outside.start('turnutils_peer', '-L', PEER, '-L', PEER6, '-p', ECHO_PORT)
    return check('turnutils_peer listens', peer.wait_to_listen((PEER, ECHO_PORT), (PEER6, ECHO_PORT)), peer.out)


def ended_well(server):
    equal('serve turn ends with 0 at SIGINT', server.stop(signal.SIGINT), 0)
    found = re.search(r'(\d+) allocations: .* to peers (\d+) datagrams of .* to clients (\d+) ', server.out)
    check('and tells what it has relayed', found and all(int(number) > 400 for number in found.groups()),
          server.out[-400:])


def main():
    lacking = network.unable() or missing('turnutils_uclient', 'turnutils_peer')
    if lacking:
        skip('TURN through a NAT of the kernel\'s', lacking)
        finish()
    with NatLab(network.masquerade('wan')) as lab:
        ours = serve_ours(lab)
        coturn = lab.serve_coturn('our client through turnserver', '-a', '-f', '-u', USER + ':' + PASSWORD)
        if not ours or not start_echo(lab):
            finish()
        our_client(lab, 'serve turn', OURS, lab.external)
        our_bursts(lab)
        our_client(lab, 'serve turn over IPv6', OURS6, lab.external6, PEER6, ('udp', 'tcp'))
        if coturn:
            our_client(lab, 'turnserver', COTURN, lab.external)
        capture = Capture(lab.box, os.path.join(lab.folder, 'box.pcapng'), 'wan')
        complete('turnutils_uclient through serve turn: while tshark listens', uclient(lab, '-c -n 50'))
        complete('turnutils_uclient through serve turn: indications, too', uclient(lab, '-s -c -n 50'))
        decoded(capture)
        their_client(lab)
        their_mischief(lab)
        ended_well(ours)
    finish()


main()
