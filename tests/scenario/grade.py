#!/usr/bin/env python3
"""`punchlab grade`: good files, bad files, and files that would like to harm somebody; and the progress of long work."""
import csv
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'support'))
from scene import PROGRAM, SLOW, check, equal, finish, punchlab  # noqa: E402

HEAD = 'local lab = require "punchlab"\nlab.internet{}\n'
GOOD = HEAD + 'lab.expect(true, "it is true")\n'

# File, text, verdict, held, failed, line, a part of what is said.
PAPERS = [
    ('=formula.lua', '=cmd()', 'error', 0, 0, 1, 'unexpected symbol'),
    ('bad.lua', GOOD + 'lab.expect(1 == 2, "one is two")\nlab.expect(2 == 3, "two is three")\n', 'failed', 1, 2, 4,
     'one is two'),
    ('catch.lua', 'while true do pcall(function() while true do end end) end', 'error', 0, 0, 1, 'runs for ever'),
    ('empty.lua', HEAD, 'expects nothing', 0, 0, None, 'lab.expect'),
    ('fifo.lua', None, 'skipped', 0, 0, None, 'no ordinary file'),
    ('good.lua', GOOD, 'passed', 1, 0, None, ''),
    ('hog.lua', 'local t = {} while true do t[#t + 1] = string.rep("x", 1000000) end', 'error', 0, 0, 1, 'memory'),
    ('large.lua', '-- ' + 'x' * (1024 * 1024), 'skipped', 0, 0, None, '1 MiB'),
    ('late-error.lua', GOOD + 'error "nothing\\27[31m but trouble"\n', 'error', 1, 0, 4, 'trouble'),
    ('link.lua', None, 'skipped', 0, 0, None, 'no ordinary file'),
    ('loop.lua', 'while true do end', 'error', 0, 0, 1, 'runs for ever'),
    ('loud.lua', HEAD + 'for i = 1, 200 do lab.note(string.rep("x", 100000)) end', 'too loud', 0, 0, None, ''),
    ('nothing.lua', '', None, 0, 0, None, ''),
    ('pattern.lua', 'string.find(string.rep("a", 100000), string.rep("a*", 100000) .. "b")', 'error', 0, 0, 1, ''),
    ('random.lua', bytes(range(256)) * 10, 'error', 0, 0, None, 'no Lua text'),
    ('read.lua', HEAD + 'io.open("/etc/passwd")\n', 'error', 0, 0, 3, 'io'),
    ('slow.lua', HEAD + 'lab.spawn(function() for i = 1, 1e12 do lab.sleep("1ms") end end)', 'too slow', 0, 0, None, ''),
    ('sub/-x.lua', GOOD, 'passed', 1, 0, None, ''),
    ('wait.lua', GOOD + 'lab.spawn(function() lab.wait(function() return false end) end)\n', 'unfinished', 1, 0, 4,
     'lab.wait'),
]


def write(folder, name, text):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'wb') as file:
        file.write(text if isinstance(text, bytes) else text.encode())
    return path


def make_papers(folder):
    for name, text, *_ in PAPERS:
        if text is not None:
            write(folder, name, text)
    os.mkfifo(os.path.join(folder, 'fifo.lua'))
    os.symlink('/etc/passwd', os.path.join(folder, 'link.lua'))
    os.symlink(folder, os.path.join(folder, 'circle'))
    write(folder, 'notes.txt', 'not a scenario')


def test_papers(folder):
    papers = os.path.join(folder, 'papers')
    make_papers(papers)
    limit = 3 * SLOW
    begun = time.monotonic()
    result = punchlab('grade', papers, '--time', str(limit), '--format', 'json')
    check('grade: it ends in time', time.monotonic() - begun < 12 * limit)
    equal('grade: somebody failed', result.returncode, 1)
    found = {one['file']: one for one in json.loads(result.stdout)['files']}
    equal('grade: all files, in order', list(found), sorted(name for name, *_ in PAPERS))
    for name, _, verdict, held, failed, line, what in PAPERS:
        one = found[name]
        if verdict is None:
            check(name + ': has a verdict', one['verdict'] in ('expects nothing', 'error'), one)
            continue
        equal(name + ': verdict', one['verdict'], verdict)
        equal(name + ': expectations', (one['held'], one['failed']), (held, failed))
        equal(name + ': line', one['line'], line)
        check(name + ': what', what in (one['what'] or ''), one['what'])
    left = [name for name in os.listdir(tempfile.gettempdir()) if name.startswith('punchlab-grade-')]
    equal('grade: nothing is left behind', left, [])
    equal('grade: nor in the folder', sorted(os.listdir(papers)),
          sorted({name.split('/')[0] for name, *_ in PAPERS} | {'circle', 'notes.txt'}))


def test_formats(folder):
    few = os.path.join(folder, 'few')
    for name in '=formula.lua', 'bad.lua', 'good.lua', 'late-error.lua':
        write(few, name, next(text for one, text, *_ in PAPERS if one == name))
    text = punchlab('grade', few).stdout
    check('text: a table', text.startswith('file ') and '1 of 4 passed' in text and
          re.search(r'^bad\.lua +failed +1 +2 +4 +one is two$', text, re.M), text)
    check('text: no control characters', not re.search('[\x00-\x09\x0b-\x1f]', text), text)
    check('markdown', '| good.lua | passed | 1 | 0 |  |  |' in punchlab('grade', few, '--format', 'markdown').stdout)
    rows = list(csv.reader(io.StringIO(punchlab('grade', few, '--format', 'csv').stdout)))
    equal('csv: heading', rows[0], ['file', 'verdict', 'held', 'failed', 'line', 'what'])
    check('csv: nothing is a formula', all(cell[:1] not in ('=', '+', '-', '@') for row in rows for cell in row), rows)
    good = os.path.join(folder, 'all-good')
    write(good, 'a.lua', GOOD)
    equal('grade: all passed', punchlab('grade', good).returncode, 0)


def test_starter(folder):
    handed_in = os.path.join(folder, 'handed-in')
    starter = write(folder, 'starter.lua', HEAD + 'lab.expect(false, "A is there")\nlab.expect(false, "B is there")\n')
    write(handed_in, 'done.lua', HEAD + 'lab.expect(true, "A is there")\nlab.expect(true, "B is there")\n')
    write(handed_in, 'cheat.lua', HEAD + 'lab.expect(true, "A is there")\n')
    write(handed_in, 'half.lua', HEAD + 'lab.expect(true, "A is there")\nlab.expect(false, "B is there")\n')
    found = {one['file']: one for one in json.loads(
        punchlab('grade', handed_in, '--starter', starter, '--format', 'json').stdout)['files']}
    equal('starter: verdicts', {name: one['verdict'] for name, one in found.items()},
          {'done.lua': 'passed', 'cheat.lua': 'changed', 'half.lua': 'failed'})
    check('starter: says which is missing', 'B is there' in found['cheat.lua']['what'], found['cheat.lua'])


def test_usage(folder):
    empty = os.path.join(folder, 'none')
    os.makedirs(empty)
    write(folder, 'no-expectation.lua', HEAD)
    for arguments, word in ((('grade',), 'DIR'), (('grade', folder + '/missing'), 'missing'), (('grade', empty), '.lua'),
                            (('grade', empty, '--time', '0'), '--time'), (('grade', empty, '--memory', '1'), '--memory'),
                            (('grade', empty, '-j', '0'), '-j'), (('grade', empty, '--set', 'x'), '--set'),
                            (('grade', empty, '--format', 'xml'), 'xml'),
                            (('grade', empty, '--starter', folder + '/missing.lua'), 'missing.lua'),
                            (('grade', empty, '--starter', folder + '/no-expectation.lua'), 'no expectation')):
        result = punchlab(*arguments)
        check('usage: %r' % (arguments,), result.returncode == 2 and word in result.stderr and not result.stdout,
              (result.returncode, result.stderr))


def test_progress(folder):
    """Long work says on standard error how far it is, and in what is printed nothing."""
    path = write(folder, 'busy.lua', HEAD + 'local x = lab.param("x", 1)\nlab.spawn(function() for i = 1, 80000 do '
                 'lab.sleep("1us") end lab.result("connected", true) end)\n')
    seeds = 400
    result = subprocess.run([PROGRAM, 'matrix', path, '--rows', 'x=1', '--seeds', str(seeds), '-j', '1', '--format', 'json'],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=300)
    lines = result.stderr.splitlines()
    check('progress: lines with counts and the time left', 1 <= len(lines) <= 20 and all(
        re.fullmatch(r' *\d+%%  \d+ of %d runs, \d+ (s|min) left' % seeds, line) for line in lines), lines[:5])
    done = [int(re.search(r'(\d+) of', line).group(1)) for line in lines]
    check('progress: it goes on', done == sorted(set(done)), done)
    equal('progress: none in what is printed', json.loads(result.stdout)['cells'][0]['runs'], seeds)
    quick = punchlab('run', 'nat/hole-punching', '--no-trace', '--quiet', '--out', folder + '/quick')
    equal('progress: one run has none', quick.stderr, '')


def main():
    with tempfile.TemporaryDirectory() as folder:
        test_papers(folder)
        test_formats(folder)
        test_starter(folder)
        test_usage(folder)
        test_progress(folder)
    finish()


main()
