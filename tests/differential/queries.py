"""Which questions are asked: every name and type there is, and names that are not, at every depth."""
import random
from collections import namedtuple

import dns.name
import dns.zone

import wire
from wire import TYPES

# plain: an ordinary question of class IN, whose sections are compared; limit: of an answer over UDP.
Query = namedtuple('Query', 'wire text plain qtype limit', defaults=(0, 1232))

LABELS = [b'a', b'zz', b'nosuch', b'*', b'0', b'-', b'x' * 63, b'\0', b'\xff', b'www', b'_tcp', b'm', b'nt', b'A-Z']
RANDOM_TYPES = ['TXT', 'MX', 'SRV', 'SOA', 'CNAME', 'DNAME', 'PTR', 'CAA', 'RRSIG', 'DNSKEY', 'NSEC3', 'NSEC3PARAM']


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.queries = []

    def add(self, name, rtype, do, **more):
        """`name`: a dns.name.Name. One in three is asked in mixed case."""
        wire_name = name.to_wire()
        if self.random.random() < 0.33:
            wire_name = self.mix_case(wire_name)
        number = TYPES[rtype] if isinstance(rtype, str) else rtype
        more.setdefault('edns', do or self.random.random() < 0.5)
        if more['edns']:
            more.setdefault('payload', self.random.choice([512, 1000, 1232, 1232, 4096]))
        message = wire.query(len(self.queries) & 0xffff, wire_name, number, do=do, **more)
        plain = more.get('qclass', 1) == 1 and more.get('flags', 0x0100) & 0x7800 == 0
        limit = min(1232, more.get('payload', 512))
        self.queries.append(Query(message, f'{name} {rtype} do={int(do)} {more}', plain, number, limit))

    def mix_case(self, wire_name):
        out, at = bytearray(wire_name), 0
        while out[at]:
            for i in range(at + 1, at + 1 + out[at]):
                if chr(out[i]).isalpha() and out[i] < 128 and self.random.random() < 0.5:
                    out[i] ^= 0x20
            at += 1 + out[at]
        return bytes(out)

    def both(self, name, rtype):
        self.add(name, rtype, False)
        self.add(name, rtype, True)

    def below(self, name, depth):
        """A name `depth` labels below; None where that is too long."""
        for _ in range(depth):
            try:
                name = dns.name.Name((self.random.choice(LABELS),) + name.labels)
            except dns.name.NameTooLong:
                return None
        return name

    def root(self, path):
        zone = dns.zone.from_file(str(path), origin='.', relativize=False)
        cuts = [n for n, node in zone.items() if n != dns.name.root and node.get_rdataset(1, 2)]
        glue = [n for n, node in zone.items() if not node.get_rdataset(1, 2)]
        for rtype in TYPES:
            if rtype != 'OPT':
                self.both(dns.name.root, rtype)
        for name in cuts:
            for rtype in ('A', 'NS', 'DS'):
                self.both(name, rtype)
            self.add(name, 'NSEC', self.random.random() < 0.5)
            self.add(name, 'ANY', self.random.random() < 0.5)
            self.add(name, self.random.choice(RANDOM_TYPES), self.random.random() < 0.5)
            below = self.below(name, self.random.randint(1, 4))
            self.add(below, self.random.choice(['A', 'DS', 'NS', 'ANY']), self.random.random() < 0.5)
        for name in glue:
            self.add(name, self.random.choice(['A', 'AAAA']), self.random.random() < 0.5)
        for depth in range(1, 9):
            for _ in range(300):
                self.absent(dns.name.root, cuts, depth)

    def absent(self, origin, near, depth):
        """A name that most likely does not exist, next to one that does."""
        base = self.random.choice(near).labels[0]
        label = bytes(base[:self.random.randint(1, len(base))]) + self.random.choice([b'', b'-', b'0', b'z', b'\0'])
        name = self.below(dns.name.Name((label[:63],) + origin.labels), depth - 1)
        if name is not None:
            self.add(name, self.random.choice(['A', 'NS', 'DS', 'TXT', 'ANY']), self.random.random() < 0.6)

    def zone(self, origin_text, path):
        origin = dns.name.from_text(origin_text)
        zone = dns.zone.from_file(str(path), origin=origin, relativize=False)
        names = set(zone.nodes)
        for name in list(names):  # empty non-terminals
            while name != origin:
                name = name.parent()
                names.add(name)
        near = [n for n in names if n != origin and not zone.get_rdataset(n, 'NSEC3')]
        for name in sorted(names):
            if zone.get_rdataset(name, 'NSEC3'):
                self.add(name, 'NSEC3', True)
                self.add(name, 'A', True)
                continue
            for rtype in TYPES:
                # DS of `test.` is the root's to give, and the root does not know of it: servers may see that either way.
                if rtype != 'OPT' and (rtype, origin_text) != ('DS', 'test.'):
                    self.both(name, rtype)
            for depth in (1, 2, 3):
                below = self.below(name, depth)
                for rtype in ('A', 'TXT', 'DS', 'ANY', 'MX', 'CNAME'):
                    if below is not None:
                        self.both(below, rtype)
        for depth in range(1, 7):
            for _ in range(60):
                self.absent(origin, near, depth)
        self.both(dns.name.Name((b'a' * 63, b'b' * 63, b'c' * 63, b'd' * 20, b'dname') + origin.labels), 'A')
        self.both(dns.name.Name((b'a' * 63, b'b' * 60, b'dname-deep') + origin.labels), 'A')

    def oddities(self):
        """Header bits, classes, EDNS of all sorts, meta types: header flags and rcode are compared."""
        com, root = dns.name.from_text('com.'), dns.name.root
        for flags in (0x0000, 0x0110, 0x0130, 0x01b0, 0x0500, 0x0300):
            self.add(com, 'DS', True, flags=flags)
        for opcode in (1, 2, 3, 6, 15):
            self.add(com, 'A', False, flags=opcode << 11, edns=False)
        for qclass in (2, 3, 4, 254, 255):
            for rtype in ('A', 'TXT', 'ANY'):
                self.add(com, rtype, False, qclass=qclass)
        for text in ('version.bind.', 'id.server.', 'hostname.bind.', 'version.server.', 'other.bind.'):
            for rtype in ('TXT', 'ANY', 'A'):
                self.add(dns.name.from_text(text), rtype, False, qclass=3)
        for version in (1, 255):
            self.add(com, 'A', False, edns=True, version=version)
        for options in (b'\0\3\0\0', b'\0\x0a\0\x08abcdefgh', b'\xfd\xe9\0\2ab\0\3\0\0', b'\0\3\0\4abcd'):
            self.add(com, 'A', True, edns=True, options=options)
        self.add(com, 'A', True, edns=True, options=b'\0\3\0')
        for rtype in (0, 41, 128, 248, 249, 250, 253, 254, 65535, 65280):
            for name in (com, root, dns.name.from_text('nosuchname.')):
                self.add(name, rtype, True)
        good = wire.query(1, b'\3com\0', 1)
        for text, message in (('bytes after the message', good + b'x'), ('no question', good[:4] + b'\0\0' + good[6:12]),
                              ('two questions', good[:4] + b'\0\2' + good[6:] + good[12:]),
                              ('question cut short', good[:-1]), ('compressed question', good[:12] + b'\xc0\x0c\0\1\0\1'),
                              ('bad label', good[:12] + b'\x41a\0\0\1\0\1'),
                              ('two OPT', good[:10] + b'\0\2' + good[12:] + 2 * (b'\0\0\x29\4\xd0' + 6 * b'\0')),
                              ('OPT not at the root', good[:10] + b'\0\1' + good[12:] + b'\1a\0\0\x29\4\xd0' + 6 * b'\0'),
                              ('an answer in the query', good[:6] + b'\0\1' + good[8:] + b'\0\0\1\0\1' + 6 * b'\0')):
            self.queries.append(Query(message, text, False))
