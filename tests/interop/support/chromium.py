"""A Chromium without a window, in a network namespace, told what to do over DevTools by a pair of pipes: no port, no
package beside the program.

    with Chromium(space, folder) as browser:
        browser.evaluate('1 + 1')       # a value, or that of a promise; an exception of its own is one here"""
import fcntl
import itertools
import json
import os
import select
import signal
import subprocess
import time

from support.programs import ENVIRONMENT, LONGEST, bounded

# No sandbox, since tests run as root; nothing that asks the network for what the test has not asked for.
FLAGS = ('--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --disable-background-networking '
         '--disable-component-update --disable-sync --disable-extensions --disable-features=WebRtcHideLocalIpsWithMdns '
         '--remote-debugging-pipe').split()


class Chromium:
    """`why` says what is wrong when it has not started."""

    def __init__(self, space, folder):
        self.numbers, self.rest, self.why = itertools.count(1), b'', ''
        their_in, self.out = os.pipe()
        self.into, their_out = os.pipe()
        # Where the program expects them is 3 and 4; so nothing may stand there before.
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (their_in, their_out)]

        def place():
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        command = ['chromium', '--user-data-dir=' + folder] + FLAGS + ['about:blank']
        # A group of its own, since it has many processes.
        self.process = subprocess.Popen(space.prefix + bounded(LONGEST, command), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENVIRONMENT,
                                        pass_fds=(3, 4), preexec_fn=place, start_new_session=True)
        for fd in [their_in, their_out] + high:
            os.close(fd)
        try:
            targets = self.call('Target.getTargets', within=30)['targetInfos']
            page = [target for target in targets if target['type'] == 'page'][0]
            self.session = self.call('Target.attachToTarget', targetId=page['targetId'], flatten=True)['sessionId']
        except (OSError, RuntimeError, IndexError) as why:
            self.why = str(why) or repr(why)

    def __enter__(self):
        return self

    def __exit__(self, *what):
        try:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        except ProcessLookupError:
            self.process.wait()
        os.close(self.out)
        os.close(self.into)

    def _receive(self, deadline):
        while b'\0' not in self.rest:
            ready = select.select([self.into], [], [], max(deadline - time.monotonic(), 0))[0]
            data = os.read(self.into, 1 << 16) if ready else b''
            if not data:
                raise RuntimeError('chromium has ended' if ready else 'chromium does not answer')
            self.rest += data
        whole, _, self.rest = self.rest.partition(b'\0')
        return json.loads(whole)

    def call(self, method, within=10, session=None, **parameters):
        number, deadline = next(self.numbers), time.monotonic() + within
        message = {'id': number, 'method': method, 'params': parameters}
        if session:
            message['sessionId'] = session
        os.write(self.out, json.dumps(message).encode() + b'\0')
        while True:
            answer = self._receive(deadline)
            if answer.get('id') == number:      # the rest are events
                if 'error' in answer:
                    raise RuntimeError('%s: %s' % (method, answer['error']))
                return answer['result']

    def evaluate(self, script, within=30):
        found = self.call('Runtime.evaluate', within, self.session, expression=script, awaitPromise=True,
                          returnByValue=True)
        if 'exceptionDetails' in found:
            raise RuntimeError(found['exceptionDetails'].get('exception', {}).get('description', 'an exception'))
        return found['result'].get('value')

    def ask(self, function, *arguments):
        """What a function of the page, or its promise, gives."""
        return self.evaluate('%s(%s)' % (function, ', '.join(json.dumps(argument) for argument in arguments)), within=60)
