#!/usr/bin/env python3
"""Runs that are cut short: whatever scenario ships, and whenever it ends, by --until or by a signal.

What has not happened yet is a failed expectation or a task that is left waiting (status 1), never an error.
"""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'support'))
from scene import PROGRAM, ROOT, SHIPPED, SLOW, check, finish, punchlab, side_by_side  # noqa: E402

TIMES = ['0', '1ns', '0.1ms', '20ms', '41ms', '50ms', '81ms', '100ms', '121ms', '170ms', '250ms', '400ms', '1s', '2.5s',
         '5s', '61s']


def whole(name, folder):
    """The report is there, balanced by its own account, and tells no error."""
    with open(os.path.join(folder, 'report.json'), encoding='utf-8') as file:
        report = json.load(file)
    packets = report['packets']
    check(name + ': no error', report['error'] is None, report['error'])
    check(name + ': balanced', packets['sent'] == packets['delivered'] + sum(packets['dropped'].values()) +
          packets['under_way'], packets)
    return report


def cut_by_time(scenario):
    with tempfile.TemporaryDirectory(prefix='punchlab-cut-') as folder:
        statuses = []
        for until in TIMES:
            name = '%s until %s' % (scenario, until)
            result = punchlab('run', scenario, '--until', until, '--no-trace', '--quiet', '--out', folder)
            statuses.append(result.returncode)
            check(name + ': status 0 or 1, silently', result.returncode in (0, 1) and not result.stderr,
                  (result.returncode, result.stderr))
            whole(name, folder)
        check(scenario + ': at the very beginning nothing has been shown', statuses[0] == 1, statuses)


def cut_by_signal(scenario):
    for delay in 0.002, 0.006, 0.02:
        name = '%s, a signal after %g s' % (scenario, delay)
        with tempfile.TemporaryDirectory(prefix='punchlab-cut-') as folder:
            process = subprocess.Popen([PROGRAM, 'run', scenario, '--no-trace', '--quiet', '--out', folder],
                                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                       text=True, env=dict(os.environ,
                                                           PUNCHLAB_SCENARIOS=os.path.join(ROOT, 'scenarios')))
            time.sleep(delay * SLOW)
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=60 * SLOW)
            check(name + ': ended by it, or was done', process.returncode in (0, 1, -signal.SIGINT) and not said,
                  (process.returncode, said))
            if os.path.exists(os.path.join(folder, 'report.json')):
                whole(name, folder)


def main():
    check('scenarios ship', len(SHIPPED) >= 10, SHIPPED)
    side_by_side(cut_by_time, SHIPPED)
    side_by_side(cut_by_signal, SHIPPED)
    finish()


main()
