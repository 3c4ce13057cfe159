"""Network namespaces, wires between them, and the kernel's own NAT in one of them.

    with Network() as net:
        inside, box, outside = net.space('inside'), net.space('box'), net.space('outside')
        net.wire(inside, 'eth0', '10.0.1.2/24', box, 'lan', '10.0.1.1/24')
        ...
        server = outside.start(PROGRAM, 'serve', 'stun')
        inside.run('stun', '198.51.100.10')

What was started in a space is stopped, and the spaces are taken away, when the block ends. Names begin with
"punchlab-PID-", so runs at the same time do not meet."""
import itertools
import os
import signal
import sys

from support.programs import Service, missing, run

numbers = itertools.count(1)
# A signal ends a test like an exception, so that its network goes too.
signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))


def unable():
    """Why there can be no network of our own here; '' when there can."""
    lacking = missing('ip', 'nft', 'sysctl')
    if lacking:
        return lacking
    if os.geteuid() != 0:
        return 'network namespaces need root'
    name = 'punchlab-%d-trial' % os.getpid()
    made = run('ip', 'netns', 'add', name)
    if made.status != 0:
        return 'no network namespace can be made (%s)' % made.out.strip()
    ruled = run('nft', '-f', '-', prefix=['ip', 'netns', 'exec', name], text=masquerade('lo'))
    run('ip', 'netns', 'delete', name)
    return 'nft has no NAT here (%s)' % ruled.out.strip() if ruled.status != 0 else ''


def must(result):
    if result.status != 0:
        raise RuntimeError(repr(result))


class Space:
    """One namespace: a host or a box."""

    def __init__(self, name):
        self.name = name
        self.prefix = ['ip', 'netns', 'exec', name]
        self.services = []
        must(run('ip', 'netns', 'add', name))
        must(run('ip', '-n', name, 'link', 'set', 'lo', 'up'))
        # Addresses are there at once, without a search for duplicates.
        self.set('net.ipv6.conf.all.accept_dad=0', 'net.ipv6.conf.default.accept_dad=0')

    def run(self, *command, within=60, text=None):
        return run(*command, within=within, prefix=self.prefix, text=text)

    def start(self, *command, talks=False):
        service = Service(*command, prefix=self.prefix, talks=talks)
        self.services.append(service)
        return service

    def set(self, *settings):
        must(self.run('sysctl', '-q', '-w', *settings))

    def rules(self, text):
        must(self.run('nft', '-f', '-', text=text))

    def route(self, via):
        must(run('ip', '-n', self.name, 'route', 'replace', 'default', 'via', via))

    def remove(self):
        for service in self.services:
            service.stop()
        run('ip', 'netns', 'delete', self.name)


class Network:
    def __init__(self):
        self.spaces = []
        self.name = 'punchlab-%d-%d' % (os.getpid(), next(numbers))

    def __enter__(self):
        return self

    def __exit__(self, *what):
        for space in self.spaces:
            space.remove()

    def space(self, name):
        space = Space('%s-%s' % (self.name, name))
        self.spaces.append(space)
        return space

    def wire(self, one, one_end, one_addresses, other, other_end, other_addresses):
        """A pair of interfaces; addresses with their prefix lengths, separated by blanks."""
        must(run('ip', 'link', 'add', one_end, 'netns', one.name, 'type', 'veth', 'peer', 'name', other_end,
                 'netns', other.name))
        for space, end, addresses in (one, one_end, one_addresses), (other, other_end, other_addresses):
            for address in addresses.split():
                must(run('ip', '-n', space.name, 'address', 'add', address, 'dev', end))
            must(run('ip', '-n', space.name, 'link', 'set', end, 'up'))


# ---- the kernel's NAT, by its behaviour in the words of RFC 4787

# What comes from outside and was not asked for is dropped before the box's own stack sees it: else it would make an
# entry of its own in the table, and the mapping that comes later would have to take another port.
def filtered(outer):
    return '''
table inet ours {
  chain input {
    type filter hook input priority 0; policy accept;
    iifname "%s" meta l4proto { tcp, udp } ct state new drop
  }
}
''' % outer


def masquerade(outer, how=''):
    """Both families: endpoint-independent mapping while ports are free, which are preserved; address and port-dependent
    filtering. `how` "fully-random": address and port-dependent mapping."""
    return filtered(outer) + ''.join('''
table %s nat {
  chain leave {
    type nat hook postrouting priority srcnat;
    oifname "%s" masquerade %s
  }
}
''' % (family, outer, how) for family in ('ip', 'ip6'))


def address_restricted(outer, inside):
    """For one host inside: from where it has sent to, all comes in; from elsewhere nothing."""
    return masquerade(outer) + '''
table ip cone {
  set acquainted {
    type inet_service . ipv4_addr; flags dynamic, timeout; timeout 60s;
  }
  chain forward {
    type filter hook forward priority 0;
    oifname "%(outer)s" meta l4proto udp update @acquainted { udp sport . ip daddr }
  }
  chain enter {
    type nat hook prerouting priority dstnat;
    iifname "%(outer)s" udp dport . ip saddr @acquainted dnat to %(inside)s
  }
}
''' % {'outer': outer, 'inside': inside}


def firewall(outer):
    """Translates nothing, and lets in only what answers."""
    return '''
table inet ours {
  chain forward {
    type filter hook forward priority 0; policy accept;
    iifname "%s" meta l4proto { tcp, udp } ct state new drop
  }
}
''' % outer


def blocked(outer):
    """UDP does not leave."""
    return '''
table inet ours {
  chain forward {
    type filter hook forward priority 0; policy accept;
    oifname "%s" meta l4proto udp drop
  }
}
''' % outer


# Before conntrack, which puts them together.
NO_FRAGMENTS = '''
table inet fragments {
  chain enter {
    type filter hook prerouting priority -500;
    ip frag-off & 0x3fff != 0 drop
  }
}
'''


def full_cone(outer, external, inner, inside, hairpin='external'):
    """For one host inside: all comes in, and hairpins with its external source address, or its internal one."""
    return masquerade(outer) + '''
table ip cone {
  chain enter {
    type nat hook prerouting priority dstnat;
    ip daddr %(external)s meta l4proto udp dnat to %(inside)s
  }
  chain leave {
    type nat hook postrouting priority srcnat;
    oifname "%(inner)s" ct status dnat ip saddr %(inside)s %(source)s
  }
}
''' % {'external': external, 'inner': inner, 'inside': inside,
       'source': 'snat to ' + external if hairpin == 'external' else 'accept'}
