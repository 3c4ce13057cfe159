#!/usr/bin/env python3
"""The command line as a user meets it: exit statuses, messages, report.json, the run's folder, signals, determinism.

Runs the real program ($PUNCHLAB, or punchlab in $BUILD) on the fixtures beside this file.
"""
import filecmp
import json
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
FIXTURES = os.path.join(HERE, 'fixtures', 'cli')
PROGRAM = os.environ.get('PUNCHLAB') or os.path.join(ROOT, os.environ.get('BUILD', 'build'), 'punchlab')
SLOW = 10 if os.environ.get('SANITIZED') else 1
counts = {'passed': 0, 'failed': 0}


def check(name, held, detail=''):
    counts['passed' if held else 'failed'] += 1
    if not held:
        print('FAILED: %s %s' % (name, detail))
    return held


def run(*arguments, **options):
    environment = dict(os.environ, PUNCHLAB_SCENARIOS=os.path.join(ROOT, 'scenarios'))
    environment.update(options.pop('environment', {}))
    options.setdefault('stdout', subprocess.PIPE)
    return subprocess.run([PROGRAM] + list(arguments), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                          env=environment, timeout=60 * SLOW, **options)


def fixture(name):
    return os.path.join(FIXTURES, name + '.lua')


def says(name, result, status, *words):
    """Status, and one line on standard error with all of `words` in it."""
    held = (result.returncode == status and result.stderr.count('\n') == 1 and
            all(word in result.stderr for word in words))
    check(name, held, 'status %d, said %r' % (result.returncode, result.stderr))


def test_usage(folder):
    says('no command', run(), 2, 'a command is missing')
    says('mistyped command', run('rnu'), 2, "'rnu'", "'run'")
    says('unknown command', run('frobnicate'), 2, 'run, matrix')
    for later in 'live', 'merge':
        says('later: ' + later, run(later, 'x'), 2, 'this version does not have', later)
    says('mistyped option', run('run', fixture('punch'), '--quite'), 2, "'--quite'", "'--quiet'")
    says('no scenario', run('run'), 2, 'SCENARIO')
    says('two scenarios', run('run', 'a', 'b'), 2, "'b'")
    says('mistyped scenario', run('run', 'situations/symetric-both'), 2, "'situations/symmetric-both'")
    says('not a setting', run('run', fixture('punch'), '--set', 'nat_a'), 2, 'nat_a', 'NAME=VALUE')
    says('not a seed', run('run', fixture('punch'), '--seed', 'x'), 2, '--seed', "'x'")
    says('not a format', run('run', fixture('punch'), '--format', 'xml'), 2, "'xml'", 'text or json')
    says('not a time', run('run', fixture('punch'), '--until', 'soon'), 2, "'soon'")
    says('a page without a trace', run('run', fixture('punch'), '--html', '--no-trace'), 2, '--html', '--no-trace')
    says('no such parameter', run('run', fixture('punch'), '--set', 'nat_x=none', cwd=folder), 2, 'nat_x', 'nat_a')
    says('no such preset', run('run', fixture('punch'), '--set', 'nat_a=symetric', '--out', folder + '/p', '-q'), 2,
         'symetric', 'symmetric')
    says('no node', run('run', fixture('punch'), '--trace', '', '--out', folder), 2, '--trace')
    says('no such node', run('run', fixture('punch'), '--trace', 'natC', '--out', folder), 2, "'natC'", 'natA')
    says('no such packet', run('run', fixture('punch'), '--explain=A.99', '--quiet', '--out', folder), 2, "'A.99'")
    check('nothing was left where nothing ran', not os.path.exists(os.path.join(folder, 'out')))
    for command in 'run', 'matrix', 'sweep', 'list', 'show', 'nat', 'what-if', 'grade', 'serve', 'nat-check', 'view':
        result = run(command, '--help')
        check(command + ' --help', result.returncode == 0 and result.stdout.startswith('Usage: punchlab ' + command))
    result = run('--help')
    check('--help names all commands', result.returncode == 0 and
          all('\n  %s ' % name in result.stdout for name in ('run', 'matrix', 'sweep', 'list', 'show', 'nat', 'what-if', 'grade', 'serve', 'nat-check', 'view')))
    check('--version', run('--version').stdout.startswith('punchlab '))


def balanced(report):
    packets = report['packets']
    return packets['sent'] == packets['delivered'] + sum(packets['dropped'].values()) + packets['under_way']


def load(folder):
    with open(os.path.join(folder, 'report.json'), encoding='utf-8') as file:
        return json.load(file)


MEMBERS = ['format', 'scenario', 'title', 'seed', 'params', 'results', 'expectations', 'notes', 'ended', 'waiting',
           'error', 'virtual_seconds', 'packets', 'nats', 'files', 'about', 'topology']


def test_run(folder):
    out = os.path.join(folder, 'a')
    result = run('run', fixture('punch'), '--out', out)
    check('run: status', result.returncode == 0, result.stderr)
    check('run: says nothing on standard error', result.stderr == '')
    for word in 'two hosts punch', 'the top level is done', 'connected  true', 'ok    fail was not asked for', out:
        check('run: says ' + word, word in result.stdout, result.stdout)
    check('run: no colours in a pipe', '\033' not in result.stdout)

    report = load(out)
    check('report: members in order', list(report) == MEMBERS, list(report))
    check('report: the run', (report['format'], report['scenario'], report['seed'], report['ended'], report['error']) ==
          (1, 'punch', 1, 'done', None))
    check('report: parameters', report['params'] ==
          {'nat_a': 'restricted-cone', 'nat_b': 'restricted-cone', 'tries': 3, 'fail': False}, report['params'])
    check('report: results', report['results']['connected'] is True, report['results'])
    check('report: an expectation', [e['ok'] for e in report['expectations']] == [True] and
          report['expectations'][0]['line'] == 43, report['expectations'])
    check('report: a note', report['notes'] == [{'at': 0, 'text': 'the top level is done'}], report['notes'])
    check('report: balance', balanced(report), report['packets'])
    check('report: NATs', list(report['nats']) == ['natA', 'natB'])
    expected = {'S-internet.pcap', 'natA-internet.pcap', 'natA-lan.pcap', 'A-natA.pcap', 'natB-internet.pcap',
                'natB-lan.pcap', 'B-natB.pcap', 'internet-S.pcap', 'internet-natA.pcap', 'internet-natB.pcap',
                'all.pcapng'}
    check('report: files', {file['path'] for file in report['files']} == expected, report['files'])
    topology = report['topology']
    check('topology: nodes', [(node['name'], node['kind']) for node in topology['nodes']] ==
          [('internet', 'internet'), ('S', 'host'), ('natA', 'nat'), ('natB', 'nat'), ('A', 'host'), ('B', 'host')],
          topology['nodes'])
    check('topology: each trace is an interface', expected - {'all.pcapng'} ==
          {interface[key] for node in topology['nodes'] for interface in node['interfaces']
           for key in ('file', 'far_file') if key in interface}, topology['nodes'])
    check('topology: nothing has changed', topology['changes'] == [] and topology['left_out'] == 0)
    check('folder: files', set(os.listdir(out)) == expected | {'report.json', 'journal.jsonl'}, os.listdir(out))

    result = run('run', fixture('punch'), '--out', out, '--format', 'json')
    with open(os.path.join(out, 'report.json'), encoding='utf-8') as file:
        check('json: report.json and nothing else', result.stdout == file.read())
    result = run('run', fixture('punch'), '--quiet', '--out', out)
    check('quiet: nothing', (result.returncode, result.stdout, result.stderr) == (0, '', ''))
    run('run', fixture('punch'), '--quiet', '--no-trace', '--out', out)
    check('no trace: the report only, old traces are gone', os.listdir(out) == ['report.json'], os.listdir(out))
    check('no trace: no files in the report', load(out)['files'] == [])
    run('run', fixture('punch'), '--quiet', '--trace', 'A,natB', '--out', out)
    check('trace: these nodes only', {file['path'] for file in load(out)['files']} ==
          {'A-natA.pcap', 'natB-internet.pcap', 'natB-lan.pcap', 'all.pcapng'}, load(out)['files'])
    run('run', fixture('grows'), '--quiet', '--out', out)
    packets = {file['path']: file['packets'] for file in load(out)['files']}
    check('trace: what is built during the run', packets ==
          {'B-internet.pcap': 1, 'internet-B.pcap': 1, 'A-internet.pcap': 1, 'internet-A.pcap': 1, 'A-lan.pcap': 0,
           'all.pcapng': 4}, packets)
    run('run', fixture('punch'), '--quiet', cwd=folder)
    check('out/SCENARIO is where it goes', os.path.exists(os.path.join(folder, 'out', 'punch', 'report.json')))


def test_explain(folder):
    result = run('run', fixture('punch'), '--explain', '--width', '0', '--no-trace', '--out', folder)
    lines = result.stdout.split('\n')
    check('explain: status', result.returncode == 0, result.stderr)
    check('explain: draws the topology', 'natB  203.0.113.2' in result.stdout)
    for text in ('   0.000 ms  #', 'A     A.1   sends A.1', 'natA  A.1   outbound: source 10.0.0.2:5000 becomes',
                 'natB  A.2   '):
        check('explain: says ' + text, text in result.stdout, result.stdout)
    times = [float(match.group(1)) for match in (re.match(r' *([0-9.]+) ms  ', line) for line in lines) if match]
    check('explain: in order of time', len(times) > 20 and times == sorted(times), times)
    one = run('run', fixture('punch'), '--explain=A.1', '--quiet', '--no-trace', '--out', folder)
    check('explain: one packet', one.returncode == 0 and one.stdout.startswith('The way of A.1: Binding request\n') and
          'S.1, at' in one.stdout, one.stdout)
    says('explain goes with text', run('run', fixture('punch'), '--explain', '--format', 'json'), 2, '--explain')
    for width in '-1', '39', '1001', 'wide':
        says('no width', run('run', fixture('punch'), '--explain', '--width', width), 2, '--width', "'%s'" % width)


def read(*path):
    with open(os.path.join(*path), 'rb') as file:
        return file.read()


def test_page(folder):
    out, page = os.path.join(folder, 'page'), os.path.join(folder, 'page', 'report.html')
    result = run('run', fixture('punch'), '--out', out, '--html')
    check('html: says where', result.returncode == 0 and 'Page:    %s' % page in result.stdout, result.stdout)
    first = read(page)
    check('html: a page', first.startswith(b'<!doctype html>') and b'Fixture: two hosts punch' in first)
    check('html: small', len(first) < 2000000, len(first))
    result = run('view', out)
    check('view: prints the path', (result.returncode, result.stdout) == (0, page + '\n'), result.stderr)
    check('view: the same page', read(page) == first)
    result = run('view', out, '--from', '100ms', '--packets', '2')
    check('view: a part', result.returncode == 0 and len(read(page)) < len(first), result.stderr)
    run('run', fixture('punch'), '--quiet', '--out', out)
    check('html: an earlier page goes', not os.path.exists(page))
    says('view: not a number', run('view', out, '--packets', '0'), 2, '--packets', '1 to')
    says('view: not a window', run('view', out, '--from', '2s', '--to', '1s'), 2, '--from', '--to')
    says('view: no folder', run('view', os.path.join(folder, 'nowhere')), 2, 'report.json')
    with open(os.path.join(out, 'all.pcapng'), 'r+b') as file:
        file.truncate(1001)
    says('view: half a trace', run('view', out), 2, 'all.pcapng', 'cut short')
    check('view: no page of half a trace', not os.path.exists(page))
    run('run', fixture('punch'), '--quiet', '--no-trace', '--out', out)
    says('view: without a trace', run('view', out), 2, '--no-trace')
    for name, limit in ('all of it', 400000), ('a part', 60000):
        result = run('run', fixture('punch'), '--html', '--quiet', '--out', out, preexec_fn=limited(limit))
        check('html: a full disk, %s' % name, result.returncode in (0, 2) and
              (result.returncode == 0) == os.path.exists(page), result.stderr)


def test_outcomes(folder):
    out = os.path.join(folder, 'b')
    result = run('run', fixture('punch'), '--set', 'fail=true', '--out', out)
    check('failed expectation: status 1', result.returncode == 1, result.stderr)
    check('failed expectation: said', 'FAIL  fail was not asked for (line 43' in result.stdout, result.stdout)
    result = run('run', fixture('punch'), '--set', 'fail=true', '-q', '--out', out)
    check('failed expectation: quiet', (result.returncode, result.stdout, result.stderr) == (1, '', ''), result.stderr)

    result = run('run', fixture('waiting'), '--out', out)
    report = load(out)
    check('left waiting: status 1', result.returncode == 1, result.stderr)
    check('left waiting: stuck', report['ended'] == 'stuck', report['ended'])
    check('left waiting: named', len(report['waiting']) == 1 and report['waiting'][0]['line'] == 6 and
          set(report['waiting'][0]) == {'task', 'line', 'on'}, report['waiting'])

    result = run('run', fixture('raises'), '--out', out, '--format', 'json')
    report = load(out)
    says('error: one message with file and line', result, 2, 'raises.lua:9', 'the script gave up')
    check('error: in the report', report['ended'] == 'error' and report['error']['line'] == 9 and
          'the script gave up' in report['error']['message'], report['error'])
    check('error: json is complete', json.loads(result.stdout) == report)
    check('error: balance', balanced(report) and report['packets']['under_way'] == 1, report['packets'])
    check('error: traces are complete', os.path.getsize(os.path.join(out, 'A-internet.pcap')) == 24 + 16 + 33)

    says('not Lua', run('run', fixture('not-lua'), '--quiet', '--out', out), 2, 'not-lua.lua:1')
    says('a folder', run('run', FIXTURES), 2, 'folder')
    result = run('run', fixture('endless'), '--until', '90.5', '--out', out, '--format', 'json')
    check('until: ended', (load(out)['ended'], load(out)['virtual_seconds']) == ('until', 90.5), load(out)['ended'])


def test_output(folder):
    file = os.path.join(folder, 'file')
    open(file, 'w').close()
    says('a file in the way', run('run', fixture('punch'), '--out', file), 2, file)
    says('no such place', run('run', fixture('punch'), '--out', '/proc/none/x'), 2, '/proc/none')
    says('an empty name', run('run', fixture('punch'), '--out', ''), 2, '--out')
    if os.geteuid() != 0:
        locked = os.path.join(folder, 'locked')
        os.mkdir(locked, 0o500)
        says('a locked folder', run('run', fixture('punch'), '--out', locked), 2, locked)
    out = os.path.join(folder, 'c')
    with open('/dev/full', 'w') as full:
        says('standard output is full', run('run', fixture('punch'), '--out', out, stdout=full), 2, 'standard output')
    closed = subprocess.run(['/bin/sh', '-c', '"$0" run "$1" --out "$2" >&-', PROGRAM, fixture('punch'), out],
                            stderr=subprocess.PIPE, text=True)
    says('standard output is closed', closed, 2, 'standard output')
    check('standard output is closed: the report is not in a trace', balanced(load(out)))
    reader, writer = os.pipe()
    os.close(reader)
    unread = run('run', fixture('punch'), '--out', out, stdout=writer)
    check('nobody reads: ended by the signal, silently', unread.returncode == -signal.SIGPIPE and not unread.stderr,
          (unread.returncode, unread.stderr))
    check('nobody reads: the report is complete', balanced(load(out)))
    os.close(writer)


def limited(size):
    """To be called in the child: no file may grow beyond `size` bytes, as on a disk that is full."""
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    return limit


def test_full_disk(folder):
    out = os.path.join(folder, 'full')
    result = run('run', fixture('endless'), '--unsafe', '--until', '100000h', '--out', out, preexec_fn=limited(400000))
    says('full disk: the run ends soon, with one error', result, 2, 'cannot write', out)
    report = load(out)
    check('full disk: in the report', report['ended'] == 'error' and report['error']['file'] is None and
          'cannot write' in report['error']['message'], report['error'])
    check('full disk: balance', balanced(report), report['packets'])
    sizes = {name: os.path.getsize(os.path.join(out, name)) for name in os.listdir(out)}
    listed = [file['path'] for file in report['files']]
    check('full disk: what is listed is whole', listed and all(24 < sizes[name] < 400000 for name in listed), sizes)
    check('full disk: nothing is listed that is not', 'all.pcapng' not in listed and
          'all.pcapng' not in result.stdout and 'journal.jsonl' in result.stdout, result.stdout)

    for options in [], ['--no-trace']:
        result = run('run', fixture('punch'), '--out', out, *options, preexec_fn=limited(0))
        says('no room at all: one error', result, 2, 'cannot write', out)
        check('no room at all: no empty report', 'report.json' not in os.listdir(out), os.listdir(out))
        check('no room at all: it is not listed', 'report.json' not in result.stdout, result.stdout)


def test_determinism(folder):
    places = [os.path.join(folder, name) for name in ('d1', 'd2', 'd3')]
    for place, seed in zip(places, ('7', '7', '8')):
        run('run', fixture('punch'), '--set', 'nat_a=symmetric', '--seed', seed, '--quiet', '--out', place)
    names = sorted(os.listdir(places[0]))
    same, different, errors = filecmp.cmpfiles(places[0], places[1], names, shallow=False)
    check('one seed: the same bytes', len(same) == 13 and not different and not errors, (different, errors))
    ports = [load(place)['nats']['natA']['mappings'][0]['external'] for place in places]
    check('two seeds: other ports', ports[0] == ports[1] and ports[0] != ports[2], ports)


def test_signals(folder):
    for number in signal.SIGINT, signal.SIGTERM:
        out = os.path.join(folder, 'signal-%d' % number)
        process = subprocess.Popen([PROGRAM, 'run', fixture('endless'), '--unsafe', '--until', '100000h', '--quiet',
                                    '--out', out], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE)
        time.sleep(0.3 * SLOW)
        process.send_signal(number)
        try:
            process.wait(20 * SLOW)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stderr.close()
        if check('signal %d ends it by itself' % number, process.returncode == -number, process.returncode):
            report = load(out)
            check('signal %d: the report is complete' % number, report['ended'] == 'stop' and balanced(report),
                  report['ended'])
            size = os.path.getsize(os.path.join(out, 'A-internet.pcap'))
            packets = [f['packets'] for f in report['files'] if f['path'] == 'A-internet.pcap'][0]
            check('signal %d: traces are complete' % number, packets > 0 and size == 24 + packets * (16 + 32),
                  (size, packets))


def test_matrix(folder):
    kinds = kinds_of_nat = ['none', 'full-cone', 'restricted-cone', 'port-restricted-cone', 'symmetric']
    closed = {('symmetric', 'symmetric'), ('symmetric', 'port-restricted-cone'), ('port-restricted-cone', 'symmetric')}
    result = run('matrix', fixture('punch'), '--format', 'csv', cwd=folder)
    rows = [line.split(',') for line in result.stdout.strip().split('\n')]
    check('matrix: status', result.returncode == 0, result.stderr)
    check('matrix: header', rows[0] == ['nat_a'] + kinds, rows[0])
    check('matrix: rows', [row[0] for row in rows[1:]] == kinds)
    for row in rows[1:]:
        for kind, cell in zip(kinds, row[1:]):
            check('matrix: %s with %s' % (row[0], kind), cell == ('false' if (row[0], kind) in closed else 'true'),
                  cell)
    check('matrix: writes nothing', os.listdir(folder) == [], os.listdir(folder))
    one = run('matrix', fixture('punch'), '-j', '1').stdout
    check('matrix: threads change nothing', one == run('matrix', fixture('punch'), '-j', '4').stdout and 'yes' in one)

    result = run('matrix', fixture('punch'), '--rows', 'nat_a=none,symmetric', '--rows', 'tries=1,2', '--cols',
                 'nat_b=symmetric', '--seeds', '3', '--format', 'json')
    table = json.loads(result.stdout)
    check('matrix: rows multiply', [cell['params'] for cell in table['cells']] ==
          [{'nat_a': a, 'tries': t, 'nat_b': 'symmetric'} for a in ('none', 'symmetric') for t in ('1', '2')], table)
    kinds = 'full-cone,restricted-cone,port-restricted-cone'
    wide = run('matrix', fixture('punch'), '--rows', 'tries=1', '--cols', 'nat_a=' + kinds, '--cols', 'nat_b=' + kinds)
    check('matrix: headings wider than a page are numbered and told below', re.search(
        r'^tries +1 +2 .* 9\n', wide.stdout, re.M) and '\n  6  restricted-cone / port-restricted-cone\n' in wide.stdout,
        wide.stdout)
    check('matrix: runs of a cell', all(cell['runs'] == 3 for cell in table['cells']))
    result = run('matrix', fixture('punch'), '--set', 'fail=true', '--rows', 'nat_a=none', '--cols', 'nat_b=none')
    check('matrix: the highest status', result.returncode == 1 and 'fail was not asked for' in result.stderr,
          result.stderr)
    says('matrix: unknown result', run('matrix', fixture('punch'), '--cell', 'conected'), 2, "'conected'",
         "'connected'")
    says('matrix: unknown parameter', run('matrix', fixture('punch'), '--rows', 'nat_x'), 2, "'nat_x'", 'nat_a')
    one = run('matrix', fixture('punch'), '--set', 'nat_a=symmetric', '--format', 'csv')
    check('matrix: a default axis takes the value of --set', one.returncode == 0 and one.stdout ==
          'nat_a,%s\nsymmetric,true,true,true,false,false\n' % ','.join(kinds_of_nat), (one.stdout, one.stderr))
    one = run('matrix', fixture('punch'), '--set', 'nat_b=none', '--rows', 'nat_a=none', '--format', 'json')
    check('matrix: so do the columns', [cell['params'] for cell in json.loads(one.stdout)['cells']] ==
          [{'nat_a': 'none', 'nat_b': 'none'}], one.stdout)
    says('matrix: a value of --set that is none', run('matrix', fixture('punch'), '--set', 'nat_a=symetric'), 2,
         "'symetric'", "'symmetric'")
    says('matrix: an axis and --set', run('matrix', fixture('punch'), '--set', 'nat_a=none', '--rows', 'nat_a'), 2,
         "'nat_a'", '--set')
    says('matrix: results of all cells are suggested', run('matrix', 'stun/keepalive', '--cell', 'lifetime_fuond'), 2,
         "'lifetime_found'")
    says('matrix: twice', run('matrix', fixture('punch'), '--cols', 'nat_a'), 2, "'nat_a'")

    result = run('sweep', fixture('punch'), '--vary', 'tries=1,2', '--seeds', '2..3')
    rows = [line.split(',') for line in result.stdout.strip().split('\n')]
    check('sweep: a line a run', [row[:2] for row in rows[1:]] ==
          [['1', '2'], ['1', '3'], ['2', '2'], ['2', '3']], rows)
    check('sweep: header', rows[0][:2] == ['tries', 'seed'] and rows[0][-2:] == ['ended', 'status'], rows[0])
    result = run('sweep', fixture('punch'), '--vary', 'nat_a=none,symmetric', '--format', 'jsonl')
    check('sweep: JSON lines', [json.loads(line)['params'] for line in result.stdout.strip().split('\n')] ==
          [{'nat_a': 'none'}, {'nat_a': 'symmetric'}], result.stdout)
    says('sweep: of nothing', run('sweep', fixture('punch')), 2, '--vary')


def test_telling(folder):
    result = run('show', fixture('punch'))
    for word in ('two hosts punch', 'It has two lines.', 'nat_a = restricted-cone', 'behaviour of A', '203.0.113.2',
                 'B  10.1.1.3'):
        check('show: says ' + word, word in result.stdout, result.stdout)
    check('show: status', result.returncode == 0, result.stderr)
    check('show --set', 'nat_a = symmetric   (default restricted-cone)' in
          run('show', fixture('punch'), '--set', 'nat_a=symmetric').stdout)
    with open(os.path.join(folder, 'nothing.lua'), 'w') as file:
        file.write('')
    result = run('show', os.path.join(folder, 'nothing.lua'))
    check('show: nothing is built', result.returncode == 0 and 'Topology\n(nothing is built)\n' in result.stdout,
          result.stdout)
    result = run('run', os.path.join(folder, 'nothing.lua'), '--out', os.path.join(folder, 'nothing'))
    check('run: a file without a title is named once', result.stdout.startswith('nothing\n  seed 1\n'), result.stdout)
    with open(os.path.join(folder, 'nothing', 'report.json')) as file:
        check('report: the title of a file without one', json.load(file)['title'] == 'nothing')

    result = run('list')
    names = [line.split(' ')[0] for line in result.stdout.strip().split('\n')]
    shipped = [os.path.join(topic, file[:-4]) for topic in ('situations', 'nat', 'stun', 'turn', 'ice', 'sip')
               if os.path.isdir(os.path.join(ROOT, 'scenarios', topic))
               for file in os.listdir(os.path.join(ROOT, 'scenarios', topic)) if file.endswith('.lua')]
    check('list: all that ship', result.returncode == 0 and names == sorted(shipped), result.stderr)
    check('list: titles', all(len(line.split('  ', 1)) == 2 for line in result.stdout.strip().split('\n')))

    result = run('nat')
    check('nat: the four', all('\n%s ' % name in result.stdout for name in
                               ('full-cone', 'restricted-cone', 'port-restricted-cone', 'symmetric')), result.stdout)
    result = run('nat', 'symmetric')
    check('nat: one', 'mapping     address-and-port-dependent' in result.stdout, result.stdout)
    says('nat: mistyped', run('nat', 'symetric'), 2, "'symetric'", "'symmetric'")
    result = run('nat', 'rfc4787', '--conformance')
    check('nat: conformance', result.returncode == 0 and 'RFC 5382: 16 met, 0 not met, 4 not applicable' in result.stdout,
          result.stdout)
    check('nat: conformance, plain text', '\x1b' not in result.stdout and
          '10.0.0.2:5000 left as 203.0.113.1:5000 towards 198.51.100.1:1000' in result.stdout, result.stdout)
    result = run('nat', 'symmetric', '--conformance', '--format', 'json')
    findings = json.loads(result.stdout)['findings']
    broken = [f['requirement'] for f in findings if f['rfc'] == 4787 and f['outcome'] == 'not met']
    check('nat: conformance as JSON', result.returncode == 0 and
          broken == ['REQ-1', 'REQ-3a', 'REQ-4', 'REQ-8', 'REQ-9', 'REQ-9a'], str(broken))
    check('nat: conformance has evidence', all(f['evidence'] and f['text'] and f['section'] for f in findings),
          result.stdout)
    result = run('nat', 'firewall', '--conformance')
    check('nat: conformance of a type of firewall', result.stdout.startswith(
        'firewall, measured from outside as a NAT of this type (network:nat): a firewall maps nothing\n'), result.stdout)
    says('nat: conformance of what', run('nat', '--conformance'), 2, 'which preset')
    says('nat: a format of what', run('nat', 'symmetric', '--format', 'json'), 2, '--conformance')
    says('nat: no such format', run('nat', 'symmetric', '--conformance', '--format', 'xml'), 2, 'text', 'json')


def main():
    if not os.access(PROGRAM, os.X_OK):
        print('no program at ' + PROGRAM)
        return 1
    for test in (test_usage, test_run, test_page, test_explain, test_outcomes, test_output, test_full_disk, test_determinism, test_signals,
                 test_matrix, test_telling):
        with tempfile.TemporaryDirectory(prefix='punchlab-cli-') as folder:
            try:
                test(folder)
            except Exception as error:  # one broken test must not hide the others
                check(test.__name__, False, '%s: %s' % (type(error).__name__, error))
    print('%(passed)d passed, %(failed)d failed' % counts)
    return 0 if counts['failed'] == 0 else 1


if __name__ == '__main__':
    sys.exit(main())
