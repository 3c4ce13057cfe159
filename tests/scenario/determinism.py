#!/usr/bin/env python3
"""Same scenario, parameters and seed: same bytes in every file (design section 3).

Whatever else runs, however many worlds run side by side, and whichever compiler made the program: the whole program is
built again under $BUILD/determinism, with and without optimization, by the compiler of this build and by the other one
of gcc and clang where it is there. Another seed gives other ports to a NAT that draws them.
"""
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'support'))
from scene import (  # noqa: E402
    BUILD, HERE, PROGRAM, ROOT, SHIPPED, Run, balanced, check, equal, finish, punchlab, side_by_side)

FIXTURES = [os.path.join(HERE, 'fixtures', folder, name) for folder in ('determinism', 'faults', 'ipv6')
            for name in sorted(os.listdir(os.path.join(HERE, 'fixtures', folder)))]
BUILD_SECONDS = 300


def everything(scenario, folder, program=PROGRAM, *options):
    """All that a run says and leaves: {file: bytes}. The folder's name is in the story: it is the same for all."""
    os.makedirs(folder)
    result = punchlab('run', scenario, '--explain', '--html', '--out', 'run', *options, program=program, cwd=folder)
    check('%s runs silently' % scenario, result.returncode == 0 and not result.stderr,
          'status %d: %s' % (result.returncode, result.stderr))
    found = {'(standard output)': result.stdout.encode()}
    for name in os.listdir(os.path.join(folder, 'run')):
        with open(os.path.join(folder, 'run', name), 'rb') as file:
            found[name] = file.read()
    return found


def same(name, one, other):
    equal(name + ': the same files', sorted(one), sorted(other))
    for file in sorted(set(one) & set(other)):
        at = next((i for i, (a, b) in enumerate(zip(one[file], other[file])) if a != b), 'the end of one')
        check('%s: %s' % (name, file), one[file] == other[file], 'differs at byte %s' % at)


def short(scenario):
    return '-'.join(scenario.replace('.lua', '').split(os.sep)[-2:])


def test_seeds(folder, first):
    for scenario, results in (('situations/symmetric-both', ['mapped_for_server_a', 'port_for_peer_b']),
                              ('nat/reboot', ['mapped_before', 'mapped_after']),
                              ('situations/symmetric-to-public', ['mapped_for_server', 'mapped_for_peer'])):
        one, two = (Run(scenario, '%s/%s-%s' % (folder, short(scenario), seed), '--seed', seed) for seed in ('1', '2'))
        equal(scenario + ': the report names the seed', two.report['seed'], 2)
        for result in results:
            check('%s: %s differs between seeds' % (scenario, result), one.results[result] != two.results[result],
                  one.results[result])
    one = Run('situations/full-cone-both', folder + '/cone-1', '--seed', '1').results
    equal('a NAT that preserves ports draws nothing', Run('situations/full-cone-both', folder + '/cone-2', '--seed',
                                                          '2').results, one)
    lossy = next(path for path in FIXTURES if path.endswith('lossy.lua'))
    other = everything(lossy, folder + '/lossy-2', PROGRAM, '--seed', '2')
    check('lossy: another seed loses other packets', other['S-internet.pcap'] != first[lossy]['S-internet.pcap'])


def test_jobs():
    for command in (['matrix', 'nat/hole-punching', '--format', 'json', '--seeds', '1..5'],
                    ['matrix', next(path for path in FIXTURES if path.endswith('everything.lua')), '--cell', 'packets',
                     '--rows', 'nat_a=symmetric,cgn', '--cols', 'nat_b=full-cone,symmetric', '--format', 'json']):
        one, two = (punchlab(*command, '-j', jobs) for jobs in ('1', '2'))
        equal('%s: -j 1 succeeds' % short(command[1]), one.returncode, 0)
        check('%s: it says something' % short(command[1]), len(one.stdout) > 500, one.stdout)
        check('%s: -j 2 says the same as -j 1' % short(command[1]), one.stdout == two.stdout and one.returncode ==
              two.returncode, two.stderr)


def untraced(value):
    """A report without what names the files of its traces."""
    if isinstance(value, list):
        return [untraced(part) for part in value]
    if not isinstance(value, dict):
        return value
    return {key: untraced(part) for key, part in value.items()
            if key not in ('files', 'file', 'far_file', 'trace', 'far_trace')}


def test_alone(folder, first):
    """Neither the environment nor company changes a run: eight at once, two at a time, in another time zone."""
    scenario = next(path for path in FIXTURES if path.endswith('everything.lua'))
    os.environ['TZ'], os.environ['LC_ALL'] = 'Asia/Kathmandu', 'C.UTF-8'
    for number, found in enumerate(side_by_side(lambda n: everything(scenario, '%s/alone-%d' % (folder, n)), range(8))):
        same('everything, run %d' % number, found, first[scenario])
    del os.environ['TZ'], os.environ['LC_ALL']
    quiet = Run(scenario, folder + '/quiet', '--no-trace')
    traced = Run(scenario, folder + '/traced')
    equal('tracing changes nothing', untraced(quiet.report), untraced(traced.report))
    packets = traced.report['packets']
    check('everything: is balanced', balanced(traced.report), packets)
    fates = {'link-loss', 'link-fault', 'queue-full', 'node-down', 'fragment-timeout'}
    check('everything: has many fates', fates <= set(packets['dropped']), packets)


def builds():
    """[(compiler, optimization)] of the other builds."""
    own = os.environ.get('CC') or 'cc'
    others = [name for name in ('gcc', 'clang') if shutil.which(name)]
    version = subprocess.run([own, '--version'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
    kind = 'clang' if 'clang' in version else 'gcc'
    if os.environ.get('SANITIZED'):
        return [(own, '-O0')]
    print('this build is by %s' % kind)
    found = [(own, '-O0')] + [(name, level) for name in others if name != kind for level in ('-O0', '-O2')]
    if len(found) == 1:
        print('%s is not here: only %s is tried' % ('clang' if kind == 'gcc' else 'gcc', kind))
    return found


def build(compiler, level):
    folder = os.path.join(BUILD, 'determinism', os.path.basename(compiler) + level)
    # Of a make that runs this script nothing shall reach that one.
    environment = {name: value for name, value in os.environ.items()
                   if name not in ('MAKEFLAGS', 'MFLAGS', 'MAKELEVEL', 'MAKEOVERRIDES', 'BUILD', 'CFLAGS', 'CC')}
    command = ['make', '--no-print-directory', 'BUILD=' + folder, 'CC=' + compiler, 'CFLAGS=' + level, 'all']
    result = subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, timeout=BUILD_SECONDS)
    check('%s %s builds without a warning' % (compiler, level),
          result.returncode == 0 and 'warning' not in result.stdout, result.stdout[-600:])
    return os.path.join(folder, 'punchlab')


def test_builds(folder, first):
    for compiler, level in builds():
        program = build(compiler, level)
        for scenario in first:
            found = everything(scenario, '%s/%s%s/%s' % (folder, os.path.basename(compiler), level, short(scenario)),
                               program)
            same('%s by %s %s' % (short(scenario), compiler, level), found, first[scenario])


def main():
    with tempfile.TemporaryDirectory() as folder:
        first, second = ({scenario: everything(scenario, '%s/%s/%s' % (folder, turn, short(scenario)))
                          for scenario in SHIPPED + FIXTURES} for turn in ('first', 'second'))
        for scenario in first:
            same(short(scenario) + ', twice', first[scenario], second[scenario])
        test_alone(folder, first)
        test_seeds(folder, first)
        test_jobs()
        test_builds(folder, first)
    finish()


main()
