#!/usr/bin/env python3
"""What people look at: the stories of the situations word for word, ladders of all widths, one packet's way, and what
hostile names do to them.

`--explain` says what is in golden/. After a wanted change of words:
    UPDATE=1 python3 tests/scenario/views.py
and read the difference.
"""
import json
import os
import pty
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), 'support'))
from scene import HERE, PROGRAM, ROOT, SHIPPED, Run, check, equal, finish, punchlab  # noqa: E402

UPDATE = os.environ.get('UPDATE')

# Besides the situations, all of which have one; and the ways of single packets.
STORIES = [name for name in SHIPPED if name.startswith('situations/')] + [
    'stun/exchange', 'nat/hairpin', 'nat/nat64', 'nat/ttl-probe']
WAYS = [('situations/symmetric-both', 'A.2'), ('situations/turn-relay', 'A.2'), ('nat/hairpin', 'A.2'),
        ('stun/alg-spoils-mapped-address', 'S.1'), ('nat/nat64', 'A.1'), ('sip/slipstream', 'V.6')]


def golden(name, file_name, text):
    """Whether the text is that of golden/FILE_NAME."""
    path = os.path.join(HERE, 'golden', file_name)
    if UPDATE:
        with open(path, 'w') as file:
            file.write(text)
    with open(path) as file:
        wanted = file.read().splitlines()
    found = text.splitlines()
    differ = next((i for i, (one, other) in enumerate(zip(found + [None], wanted + [None])) if one != other), None)
    check(name, found == wanted and found, differ is not None and 'line %d is\n  %s\nand not\n  %s' % (
        differ + 1, (found + ['(the end)'])[differ], (wanted + ['(the end)'])[differ]))


def explain(scenario, folder, *options):
    # The folder's name is in the story, so it is always the same one.
    return punchlab('run', scenario, '--explain', '--no-trace', '--out', 'run', *options, cwd=folder).stdout


def test_stories(folder):
    for scenario in STORIES:
        story = punchlab('run', scenario, '--explain', '--out', 'run', cwd=folder).stdout
        golden('the story of ' + scenario, scenario.replace('/', '-') + '.txt', story)
    for scenario in 'situations/symmetric-both', 'nat/double-nat':
        golden('what show draws of ' + scenario, 'show-%s.txt' % scenario.replace('/', '-'), punchlab('show', scenario).stdout)
    for scenario, packet in WAYS:
        way = punchlab('run', scenario, '--explain=' + packet, '--quiet', '--no-trace', '--out', 'run', cwd=folder).stdout
        golden('the way of %s in %s' % (packet, scenario), 'way-%s-%s.txt' % (scenario.replace('/', '-'), packet), way)


def test_widths(folder):
    """No line of a ladder is wider than asked for; every packet that is sent is in it, whatever the width."""
    plain = explain('situations/turn-relay', folder, '--width', '0', '--quiet')
    packets = set(re.findall(r'\b[A-Z]\w*\.\d+\b', plain))
    check('widths: there are packets', len(packets) > 10, packets)
    for width in 40, 60, 71, 72, 80, 100, 120, 160, 240, 1000:
        story = explain('situations/turn-relay', folder, '--width', str(width), '--quiet')
        widest = max(map(len, story.splitlines()))
        check('width %d: fits' % width, widest <= max(width, 60), widest)
        words = ' '.join(story.split())
        check('width %d: every packet is in it' % width, all(packet in words for packet in packets),
              packets - set(re.findall(r'\b[A-Z]\w*\.\d+\b', words)))
        equal('width %d: a ladder or a timeline' % width, 'o sends, * receives' in story, width >= 72)
    check('width 80: has others', 'others' in explain('nat/ttl-probe', folder, '--width', '80'))
    check('width 120: has none', 'others' not in explain('nat/ttl-probe', folder))


def at_terminal(folder, columns, *arguments, **environment):
    """What the program writes to a terminal of so many columns."""
    master, slave = pty.openpty()
    import fcntl
    import struct
    import termios
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', 40, columns, 0, 0))
    settings = dict(os.environ, PUNCHLAB_SCENARIOS=os.path.join(ROOT, 'scenarios'), TERM='xterm', LC_ALL='C.UTF-8',
                    **environment)
    settings.pop('NO_COLOR', None) if 'NO_COLOR' not in environment else None
    process = subprocess.Popen([PROGRAM] + list(arguments), stdin=subprocess.DEVNULL, stdout=slave, stderr=slave,
                               cwd=folder, env=settings)
    os.close(slave)
    seen = b''
    while True:
        try:
            part = os.read(master, 65536)
        except OSError:
            break
        if not part:
            break
        seen += part
    os.close(master)
    process.wait()
    return seen.decode().replace('\r\n', '\n')


def test_terminal(folder):
    arguments = 'run', 'situations/symmetric-both', '--explain', '--no-trace', '--out', 'run'
    seen = at_terminal(folder, 100, *arguments)
    check('terminal: colours and drawn lines', '\033[31m' in seen and '\u2502' in seen and '\u25b6' in seen)
    bare = re.sub('\033\\[[0-9;]*m', '', seen)
    story = bare[bare.index('sends,'):bare.index('\nResults')].splitlines()
    check('terminal: fits its width', max(map(len, story)) <= 100, max(map(len, story)))
    check('terminal: NO_COLOR', '\033' not in at_terminal(folder, 100, *arguments, NO_COLOR='1'))
    check('pipe: neither', not re.search('[\033\u25b6]', explain('situations/symmetric-both', folder)))


def test_bar(folder):
    """Long work at a terminal: one bar that is drawn over and gone at the end."""
    path = os.path.join(folder, 'busy.lua')
    with open(path, 'w') as file:
        file.write('local lab = require "punchlab"\nlab.internet{}\nlocal x = lab.param("x", 1)\nlab.spawn(function() '
                   'for i = 1, 80000 do lab.sleep("1us") end lab.result("connected", true) end)\n')
    seen = at_terminal(folder, 60, 'matrix', path, '--rows', 'x=1', '--seeds', '300', '-j', '1', NO_COLOR='1')
    bars = re.findall(r'\r([^\r]*)\033\[K', seen)
    check('bar: is drawn, over and over', len(bars) > 3, seen[:400])
    check('bar: has counts and the time left, and fits', all(
        len(bar) < 60 and re.fullmatch(r'\[\S+\] +\d+%  \d+ of 300 runs(, \d+ s left)?', bar) for bar in bars if bar), bars[:3])
    check('bar: it is gone, and the table is there', 'runs' not in seen.rsplit('\033[K', 1)[1] and
          'connected' in seen.rsplit('\033[K', 1)[1], seen[-300:])


HOSTILE = '''
local lab = require "punchlab"
lab.title "hostile \\27[31m\\255 </text><script>alert(1)</script>"
local net = lab.internet { delay = "1ms" }
local S = net:host("S</svg>&\\"'", "198.51.100.1")
local N = net:nat("nat<b>%s", "203.0.113.1", { lan = "10.0.0.0/24" })
local A = N:host("A<script>\\u{202e}%s", "10.0.0.2")
S:stun_server()
A:spawn(function()
  lab.note("note \\27]0;title\\7 \\0 </text>\\r\\n two \\255")
  local sock = A:udp(5000)
  sock:stun(S)
  sock:send("198.51.100.1:9", "x\\27[2J")
end)
'''


def hostile(folder):
    path = os.path.join(folder, 'hostile.lua')
    with open(path, 'w') as file:
        file.write(HOSTILE % ('\u4e2d' * 10, 'x' * 60))
    return path


def is_harmless(text):
    """No control character but line ends."""
    return not re.search('[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]', text)


def test_hostile(folder):
    path = hostile(folder)
    shown = punchlab('show', path).stdout
    check('hostile names: show', is_harmless(shown) and 'inside 10.0.0.1' in shown, shown)
    for options in ((), ('--width', '72'), ('--width', '0'), ('--explain=A<script>\u202e%s.2' % ('x' * 60),)):
        result = subprocess.run([PROGRAM, 'run', path, '--explain', '--no-trace', '--out', 'run', *options], cwd=folder,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        text = result.stdout.decode()
        check('hostile names: %r' % (options,), is_harmless(text) and ' sends ' in text,
              '%d %r %r' % (result.returncode, text[:300], result.stderr[:300]))


SVG = '{http://www.w3.org/2000/svg}'


def texts_of(picture):
    return [element.text or '' for element in ElementTree.parse(picture).iter(SVG + 'text')]


def check_picture(name, path):
    """A picture that any program can show: well-formed, sized, text as text, nothing from elsewhere."""
    root = ElementTree.parse(path).getroot()
    width, height = int(root.get('width')), int(root.get('height'))
    equal(name + ': viewBox', root.get('viewBox'), '0 0 %d %d' % (width, height))
    equal(name + ': begins with its title', root[0].tag, SVG + 'title')
    kinds = {element.tag[len(SVG):] for element in root.iter()}
    check(name + ': plain elements', kinds <= {'svg', 'title', 'desc', 'style', 'rect', 'line', 'text', 'circle', 'path',
                                               'polygon'}, kinds)
    check(name + ': refers to nothing', not re.search('href|url\\(|@import', open(path).read()))
    outside = [element.attrib for element in root.iter() if not (0 <= int(element.get('x', '0')) <= width and
                                                                 0 <= int(element.get('y', '0')) <= height)]
    check(name + ': nothing is outside of it', not outside, outside[:3])


def test_pictures(folder):
    for scenario in 'situations/symmetric-both', 'nat/double-nat', 'ice/dual-stack', 'turn/tcp-allocation':
        out = os.path.join(folder, 'pictures')
        result = punchlab('run', scenario, '--quiet', '--svg', 'ladder', '--svg', 'topology', '--out', out)
        equal(scenario + ' --svg: silent', (result.returncode, result.stdout, result.stderr), (0, '', ''))
        for picture in 'ladder', 'topology':
            check_picture('%s of %s' % (picture, scenario), os.path.join(out, picture + '.svg'))
        ladder = ' '.join(texts_of(os.path.join(out, 'ladder.svg')))
        with open(os.path.join(out, 'journal.jsonl')) as lines:
            drops = {record['reason'] for record in map(json.loads, lines) if record.get('verdict') == 'drop'}
        check(scenario + ': reasons are in its ladder', all(reason in ladder for reason in drops), drops)
    topology = texts_of(os.path.join(folder, 'pictures', 'topology.svg'))
    check('topology: names and addresses', {'A', 'T', '198.51.100.10'} <= set(topology), topology)
    punchlab('run', 'situations/symmetric-both', '--quiet', '--no-trace', '--svg', 'topology', '--out', out)
    check('--svg: what an earlier run left is gone', not os.path.exists(os.path.join(out, 'ladder.svg')) and
          os.path.exists(os.path.join(out, 'topology.svg')))
    result = punchlab('run', 'situations/symmetric-both', '--svg', 'page')
    check('--svg: no such picture', result.returncode == 2 and 'ladder or topology' in result.stderr, result.stderr)

    path = os.path.join(folder, 'matrix.svg')
    result = punchlab('matrix', 'nat/hole-punching', '--format', 'svg')
    with open(path, 'w') as file:
        file.write(result.stdout)
    check_picture('heat map', path)
    texts = texts_of(path)
    equal('heat map: its cells', (texts.count('yes'), texts.count('no')), (22, 3))


def test_documents(folder):
    """The pictures of the documents are what the program draws today, each is shown somewhere, and none is missing."""
    drawn = os.path.join(folder, 'docs')
    result = subprocess.run([os.path.join(ROOT, 'scripts', 'pictures'), drawn], env=dict(os.environ, PUNCHLAB=PROGRAM),
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)   # there: progress
    check('pictures: drawn', result.returncode == 0 and not result.stdout, result.stdout + result.stderr)
    kept = os.path.join(ROOT, 'docs', 'pictures')
    equal('pictures: the same ones', sorted(os.listdir(kept)), sorted(os.listdir(drawn)))
    for name in sorted(os.listdir(drawn)):
        with open(os.path.join(kept, name), 'rb') as one, open(os.path.join(drawn, name), 'rb') as other:
            check('pictures: %s is current (make pictures)' % name, one.read() == other.read())
        check_picture(name, os.path.join(kept, name))
    shown = set()
    for page in 'guide.md', 'classroom.md':
        with open(os.path.join(ROOT, 'docs', page)) as file:
            shown |= set(re.findall(r'\(pictures/([\w.-]+)\)', file.read()))
    equal('pictures: each is shown in a document', shown, set(os.listdir(kept)))


def test_classroom(folder):
    """The exercises: the starters fail as they are, the solutions pass, and neither has lost an expectation."""
    classroom = os.path.join(ROOT, 'docs', 'classroom')
    found = {part: {one['file']: one for one in json.loads(
        punchlab('grade', os.path.join(classroom, part), '--format', 'json').stdout)['files']}
        for part in ('starters', 'solutions')}
    equal('classroom: a solution for each', list(found['starters']), list(found['solutions']))
    check('classroom: there are exercises', len(found['starters']) == 5, found)
    for name, one in found['starters'].items():
        equal(name + ': the starter fails, and runs', one['verdict'], 'failed')
    for name, one in found['solutions'].items():
        equal(name + ': the solution passes', one['verdict'], 'passed')
        alone = os.path.join(folder, 'alone-' + name)
        os.makedirs(alone)
        with open(os.path.join(classroom, 'solutions', name)) as solution, \
                open(os.path.join(classroom, 'starters', name)) as starter, open(os.path.join(alone, name), 'w') as copy:
            solution, starter = solution.read(), starter.read()
            copy.write(solution)
        mark = '-- Leave what follows as it is'
        equal(name + ': the part that grades is the same', solution[solution.index(mark):], starter[starter.index(mark):])
        result = punchlab('grade', alone, '--starter', os.path.join(classroom, 'starters', name))
        equal(name + ': the solution passes against its starter', result.returncode, 0)
    with open(os.path.join(ROOT, 'docs', 'classroom.md')) as page:
        page = page.read()
    for name in found['starters']:
        check('classroom.md: has %s' % name, name in page)
    for command in re.findall(r'^    (punchlab (?:run|show|matrix|what-if) .*)$', page, re.M):
        words = command.split('#')[0].split()[1:]
        if words[0] == 'run':
            words += ['--out', os.path.join(folder, 'lesson')]
        check('classroom.md: %s' % command, punchlab(*words).returncode == 0)


def test_hostile_pictures(folder):
    out = os.path.join(folder, 'hostile-pictures')
    result = punchlab('run', hostile(folder), '--quiet', '--svg', 'ladder,topology', '--out', out)
    equal('hostile names: drawn', result.returncode, 0)
    for picture in 'ladder', 'topology':
        path = os.path.join(out, picture + '.svg')
        check_picture('hostile ' + picture, path)
        check('hostile %s: names are text' % picture, any('<script>' in text or '</svg>' in text
                                                           for text in texts_of(path)), texts_of(path))
        check('hostile %s: no control characters' % picture, is_harmless(open(path).read()))


def what_if(scenario, *options, status=0):
    result = punchlab('what-if', scenario, *options)
    equal('what-if %s %s: status' % (scenario, ' '.join(options)), result.returncode, status)
    return result.stdout


def test_what_if(folder):
    change = '--change', 'nat_b=restricted-cone'
    text = what_if('situations/symmetric-both', *change)
    golden('what-if: symmetric-both with one side restricted-cone', 'what-if-symmetric-both.txt', text)
    found = json.loads(what_if('situations/symmetric-both', *change, '--format', 'json'))
    equal('what-if: names the drop that is gone', {(drop['node'], drop['reason'], drop['instead'])
                                                    for drop in found['drops_gone']},
          {('natB', 'filtered', 'it reaches B'), ('natA', 'filtered', 'it reaches A')})
    equal('what-if: no drop is new', found['drops_new'], [])
    equal('what-if: the decision', [(step['node'], step['packet'], step['reason']) for step in found['decisive'].values()],
          [('natB', 'A.2', 'filtered'), ('natB', 'A.2', None)])
    equal('what-if: where they part', [(step['node'], step['packet'], step['kind']) for step in found['parted'].values()],
          [('natB', 'B.1', 'nat-mapping-new')] * 2)
    results = {one['name']: (one['before'], one['after']) for one in found['results']}
    equal('what-if: connected', results['connected'], (False, True))
    equal('what-if: statuses', found['status'], [0, 0])
    back = json.loads(what_if('situations/symmetric-both', '--set', 'nat_b=restricted-cone', '--change',
                              'nat_b=symmetric', '--format', 'json'))
    equal('what-if: the other way round its drops are new', [drop['packet'] for drop in back['drops_new']],
          [drop['packet'] for drop in found['drops_gone']])
    same = json.loads(what_if('situations/symmetric-both', '--change', 'nat_b=symmetric', '--format', 'json'))
    check('what-if: no difference', same['same'] and not same['parted'] and not same['decisive'] and
          not same['results'], same)
    run = Run('situations/symmetric-both', folder + '/common')
    equal('what-if: then all records are common', same['common']['records'], len(run.journal()))
    check('what-if: and it says so', 'no difference' in what_if('situations/symmetric-both', '--change',
                                                                'nat_b=symmetric'))
    for options, word in (((), '--change'), (('--change', 'nat_b'), 'NAME=VALUE'), (('--change', 'nat_x=none'), "--change: 'nat_x'"),
                          ((*change, '--format', 'xml'), 'xml')):
        result = punchlab('what-if', 'situations/symmetric-both', *options)
        check('what-if: wrong usage %r' % (options,), result.returncode == 2 and word in result.stderr and
              not result.stdout, result.stderr)
    path = os.path.join(folder, 'picky.lua')
    with open(path, 'w') as file:
        file.write('local lab = require "punchlab"\nlocal n = lab.param("n", 1)\nlab.internet{}\n'
                   'lab.expect(n == 1, "n is 1")\nif n == 3 then error "three" end\n')
    check('what-if: an expectation that fails', 'n is 1' in what_if(path, '--change', 'n=2', status=1))
    check('what-if: an error', 'three' in what_if(path, '--change', 'n=3', status=2))


def main():
    with tempfile.TemporaryDirectory() as folder:
        test_stories(folder)
        test_widths(folder)
        test_terminal(folder)
        test_bar(folder)
        test_what_if(folder)
        test_hostile(folder)
        test_pictures(folder)
        test_hostile_pictures(folder)
        test_documents(folder)
        test_classroom(folder)
    finish()


main()
