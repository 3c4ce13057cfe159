"""One line a check, and the closing line that tests/interop/run adds up."""
import sys
import threading

counts = {'ok': 0, 'FAILED': 0, 'skipped': 0}
lock = threading.Lock()     # topics run several programs at a time


def tell(verdict, name, detail):
    with lock:
        counts[verdict] += 1
        print('%-8s %s%s' % (verdict, name, ': ' + ' '.join(str(detail).split())[:800] if detail else ''), flush=True)


def check(name, held, detail=''):
    tell('ok' if held else 'FAILED', name, '' if held else detail)
    return held


def equal(name, found, wanted):
    return check(name, found == wanted, 'is %r, should be %r' % (found, wanted))


def skip(name, why):
    tell('skipped', name, why)


def finish():
    print('%d ok, %d failed, %d skipped' % (counts['ok'], counts['FAILED'], counts['skipped']))
    sys.exit(1 if counts['FAILED'] else 0)
