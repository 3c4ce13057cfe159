"""Captures of what went over a namespace's interfaces, and tshark's opinion of it."""
import os

from support.programs import missing, run

# A warning or worse (0x600000) about a message of STUN; a RST, say, is a warning too, and none of ours to judge.
SEVERE = ('_ws.malformed || (stun || classicstun) && _ws.expert.severity >= 6291456 || stun.att.crc32.status == 0')


class Capture:
    """Of `interfaces` in `space`, to the file at `path`. `why` says what is missing, if anything."""

    def __init__(self, space, path, *interfaces):
        self.path, self.why = path, missing('dumpcap', 'tshark')
        if self.why:
            return
        command = ['dumpcap', '-q', '-w', path]
        for interface in interfaces:
            command += ['-i', interface]
        self.service = space.start(*command)
        if not self.service.wait_for('File: '):
            self.why = 'dumpcap captures nothing here (%s)' % self.service.out.strip()

    def stop(self):
        """Whether there is something to look at."""
        if not self.why:
            self.service.stop()
            if not os.path.exists(self.path):
                self.why = 'dumpcap wrote nothing (%s)' % self.service.out.strip()
        return not self.why

    def matching(self, what, *options):
        """tshark's lines about the packets that match."""
        # By what it is, not by its ports, which may be another protocol's.
        # A port that was drawn may be MANOLITO's, whose dissector takes our data for its own.
        found = run('tshark', '-n', '--disable-protocol', 'manolito', '-o', 'udp.try_heuristic_first:TRUE', '-r', self.path,
                    '-Y', what, *options, within=120)
        lines = [line for line in found.out.splitlines() if line and not line.startswith('Running as user')]
        return lines if found.status == 0 else ['tshark: ' + found.out]
