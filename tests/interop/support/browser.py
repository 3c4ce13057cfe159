"""Chromium without a window, in a network namespace, spoken to by DevTools over two pipes.

    with Browser(space, folder) as browser:
        browser.load('page.js')
        sdp = browser.call('offer', [{'urls': 'stun:198.51.100.10'}])
"""
import fcntl
import json
import os
import select
import subprocess
import time

from support.programs import ENVIRONMENT, LONGEST, bounded, missing

OPTIONS = ('--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking',
           '--disable-component-update', '--disable-sync', '--disable-dev-shm-usage',
           '--disable-features=WebRtcHideLocalIpsWithMdns', '--remote-debugging-pipe')


class BrowserError(Exception):
    pass


def unable():
    """Why there is no browser; '' when there is."""
    return missing('chromium')


def high(descriptor):
    """A copy of it that is in nobody's way, in its place."""
    copy = fcntl.fcntl(descriptor, fcntl.F_DUPFD, 64)
    os.close(descriptor)
    return copy


class Browser:
    def __init__(self, space, folder):
        self.session, self.number, self.unread = None, 0, b''
        theirs_in, self.to = map(high, os.pipe())
        self.of, theirs_out = map(high, os.pipe())

        def place():        # where Chromium looks for them
            os.dup2(theirs_in, 3)
            os.dup2(theirs_out, 4)

        self.log = open(os.path.join(folder, 'chromium.log'), 'w+b')
        command = ['chromium', *OPTIONS, '--user-data-dir=' + os.path.join(folder, 'chromium'), 'about:blank']
        # Over its limit of time it is ended by `timeout`, with the processes that it has started.
        self.process = subprocess.Popen(space.prefix + bounded(LONGEST, command), stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log, env=dict(ENVIRONMENT, HOME=folder),
                                        preexec_fn=place, pass_fds=(3, 4))
        os.close(theirs_in)
        os.close(theirs_out)

    def __enter__(self):
        try:
            found = self.ask('Target.getTargets', within=60)['targetInfos']
            page = [target['targetId'] for target in found if target['type'] == 'page'][0]
            self.session = self.ask('Target.attachToTarget', targetId=page, flatten=True)['sessionId']
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *what):
        try:
            self.session = None
            self.ask('Browser.close', within=10)
        except BrowserError:
            self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.terminate()
            self.process.wait()
        os.close(self.to)
        os.close(self.of)
        self.log.close()

    def said(self):
        self.log.seek(0)
        return self.log.read().decode(errors='replace')[-1500:]

    def message(self, deadline):
        while b'\0' not in self.unread:
            left = deadline - time.monotonic()
            ready = left > 0 and select.select([self.of], [], [], left)[0]
            more = os.read(self.of, 65536) if ready else b''
            if not more:
                raise BrowserError('Chromium has ended or does not answer: ' + self.said())
            self.unread += more
        text, self.unread = self.unread.split(b'\0', 1)
        return json.loads(text)

    def ask(self, method, within=40, **parameters):
        """The result of a DevTools command."""
        self.number += 1
        command = {'id': self.number, 'method': method, 'params': parameters}
        if self.session:
            command['sessionId'] = self.session
        try:
            os.write(self.to, json.dumps(command).encode() + b'\0')
        except OSError as why:
            raise BrowserError('Chromium has ended (%s): %s' % (why, self.said()))
        deadline = time.monotonic() + within
        while True:
            answer = self.message(deadline)
            if answer.get('id') != self.number:     # an event
                continue
            if 'error' in answer:
                raise BrowserError('%s: %s' % (method, answer['error']))
            return answer['result']

    def evaluate(self, script):
        found = self.ask('Runtime.evaluate', expression=script, awaitPromise=True, returnByValue=True)
        if 'exceptionDetails' in found:
            thrown = found['exceptionDetails']
            raise BrowserError(thrown.get('exception', {}).get('description') or thrown['text'])
        return found['result'].get('value')

    def load(self, path):
        with open(path) as script:
            self.evaluate(script.read() + '\n;0')

    def call(self, function, *arguments):
        """What a function of the page, or its promise, gives."""
        return self.evaluate('%s(%s)' % (function, ', '.join(json.dumps(argument) for argument in arguments)))
