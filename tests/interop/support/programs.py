"""Other people's programs and ours: found, run, started and stopped, each with a limit of time."""
import ipaddress
import os
import re
import shutil
import signal
import struct
import subprocess
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
BUILD = os.path.join(ROOT, os.environ.get('BUILD', 'build'))
PROGRAM = os.environ.get('PUNCHLAB') or os.path.join(BUILD, 'punchlab')
ENVIRONMENT = dict(os.environ, NO_COLOR='1', LC_ALL='C')
LONGEST = 300       # seconds: what is started is ended then, whatever became of its test


def missing(*names):
    """Those of the programs that this machine lacks, as a sentence; '' when there are all."""
    lacking = [name for name in names if not shutil.which(name, path=os.environ['PATH'] + ':/usr/sbin:/sbin')]
    return ' and '.join(lacking) + (' is' if len(lacking) == 1 else ' are') + ' not installed' if lacking else ''


class Result:
    """What a program did: `out` (both streams), `status`, and whether it had to be ended (`hung`)."""

    def __init__(self, command, out, status):
        self.command, self.out, self.status = command, out, status
        self.hung = status in (124, 137)

    def __repr__(self):
        return '%s: status %s: %s' % (' '.join(self.command), self.status, self.out)


def bounded(seconds, command):
    return ['timeout', '--kill-after=2', str(seconds)] + [str(word) for word in command]


def run(*command, within=60, prefix=(), text=None):
    """A Result. What takes longer than `within` seconds is ended. `text`: standard input."""
    done = subprocess.run(list(prefix) + bounded(within, command), input=text or '', stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors='replace', env=ENVIRONMENT)
    return Result([str(word) for word in command], done.stdout, done.returncode)


def udp_places(pid):
    """(address, port) of the UDP sockets in the network namespace of a process."""
    for name in 'udp', 'udp6':
        try:
            with open('/proc/%d/net/%s' % (pid, name)) as lines:
                for line in list(lines)[1:]:
                    address, port = line.split()[1].split(':')
                    # Words of four bytes, each as this machine has it.
                    words = struct.unpack('>%dI' % (len(address) // 8), bytes.fromhex(address))
                    address = ipaddress.ip_address(struct.pack('=%dI' % len(words), *words))
                    yield str(address), int(port, 16)
        except OSError:     # it has ended
            pass


class Service:
    """A program that runs until it is stopped. Its output is read all the while, so it never waits for us. `talks`: it
    has a standard input, for `tell` and `introduce`."""

    def __init__(self, *command, prefix=(), talks=False):
        self.command = [str(word) for word in command]
        self.lines = []
        self.changed = threading.Condition()
        self.listener = None
        self.process = subprocess.Popen(list(prefix) + bounded(LONGEST, command),
                                        stdin=subprocess.PIPE if talks else subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, errors='replace', env=ENVIRONMENT)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(line)
                if self.listener:
                    self.listener.tell(line)
                self.changed.notify_all()

    def tell(self, text):
        """Onto its standard input, unless it has ended."""
        try:
            self.process.stdin.write(text)
            self.process.stdin.flush()
        except OSError:
            pass

    @property
    def out(self):
        return ''.join(self.lines)

    def wait_for(self, pattern, times=1, within=10):
        """Until the output has `pattern` that often. False when it ends or the time is over before."""
        deadline = time.monotonic() + within
        with self.changed:
            while len(re.findall(pattern, self.out)) < times:
                if time.monotonic() > deadline or not self.reader.is_alive():
                    return False
                self.changed.wait(0.2)
        return True

    def wait(self, within=60):
        """Its exit status, with all of its output read; None when it takes longer."""
        try:
            status = self.process.wait(within)
        except subprocess.TimeoutExpired:
            return None
        self.reader.join(2)
        return status

    def wait_to_listen(self, *places, within=10):
        """Until UDP sockets of its namespace have these places, (address, port). False when it ends or the time is over
        before."""
        deadline = time.monotonic() + within
        while not set(places) <= set(udp_places(self.process.pid)):
            if time.monotonic() > deadline or self.process.poll() is not None:
                return False
            time.sleep(0.05)
        return True

    def stop(self, number=signal.SIGTERM, within=10):
        """Its exit status; None when it had to be killed. `timeout` hands the signal on."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            status = self.process.wait(within)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            status = None
        self.reader.join(2)
        if self.process.stdin:
            try:
                self.process.stdin.close()
            except OSError:
                pass
        return status


def introduce(one, other):
    """Each hears on its standard input what the other says on its output, from the beginning."""
    for speaker, listener in (one, other), (other, one):
        with speaker.changed:
            listener.tell(speaker.out)
            speaker.listener = listener
