"""DNS messages, just enough and fast: queries to bytes, answers to comparable sets."""
import struct

OPCODE_QUERY = 0
TYPES = dict(A=1, NS=2, CNAME=5, SOA=6, PTR=12, MINFO=14, MX=15, TXT=16, RP=17, AFSDB=18, AAAA=28, LOC=29, SRV=33,
             NAPTR=35, KX=36, DNAME=39, OPT=41, DS=43, SSHFP=44, RRSIG=46, NSEC=47, DNSKEY=48, NSEC3=50,
             NSEC3PARAM=51, TLSA=52, CAA=257, ANY=255)
TYPE_NAMES = {v: k for k, v in TYPES.items()}

# Types with names in their data: bytes before, number of names, bytes after (None: the rest).
NAMES_IN_RDATA = {2: (0, 1), 5: (0, 1), 6: (0, 2), 12: (0, 1), 14: (0, 2), 15: (2, 1), 17: (0, 2), 18: (2, 1),
                  33: (6, 1), 36: (2, 1), 39: (0, 1), 46: (18, 1), 47: (0, 1)}


def name_to_wire(labels):
    return b''.join(bytes([len(label)]) + label for label in labels) + b'\0'


def query(qid, name_wire, qtype, qclass=1, flags=0x0100, edns=None, do=False, payload=1232, version=0, options=b''):
    """`edns` None: an OPT only where DO is asked for."""
    opt = do if edns is None else edns
    head = struct.pack('!6H', qid, flags, 1, 0, 0, 1 if opt else 0)
    tail = b''
    if opt:
        tail = b'\0' + struct.pack('!HHBBHH', 41, payload, 0, version, 0x8000 if do else 0, len(options)) + options
    return head + name_wire + struct.pack('!HH', qtype, qclass) + tail


def read_name(message, at, cache):
    """The uncompressed name in lower case, and where it ends."""
    start, labels, end, jumps = at, [], None, 0
    while True:
        length = message[at]
        if length >= 0xc0:
            if end is None:
                end = at + 2
            target = struct.unpack_from('!H', message, at)[0] & 0x3fff
            if target >= at:
                raise ValueError('compression pointer does not point backwards')
            if target in cache:
                labels.append(cache[target])
                break
            at = target
            jumps += 1
            if jumps > 127:
                raise ValueError('compression pointers in a circle')
            continue
        if length > 63:
            raise ValueError('bad label')
        labels.append(message[at:at + 1 + length].lower())
        at += 1 + length
        if length == 0:
            break
    name = b''.join(labels)
    if len(name) > 255:
        raise ValueError('name too long')
    cache[start] = name
    return name, at if end is None else end


def canonical_rdata(message, rtype, at, length, cache):
    rule = NAMES_IN_RDATA.get(rtype)
    if rule is None:
        return message[at:at + length]
    end = at + length
    parts = [message[at:at + rule[0]]]
    at += rule[0]
    for _ in range(rule[1]):
        name, at = read_name(message, at, cache)
        parts.append(name)
    if at > end:
        raise ValueError('record data is shorter than the names in it')
    parts.append(message[at:end])
    return b''.join(parts)


class Answer:
    """Header, question and three lists of (owner, type, class, ttl, rdata), OPT apart."""

    def __init__(self, message):
        self.size = len(message)
        self.id, self.flags, qd, an, ns, ar = struct.unpack_from('!6H', message)
        cache, at = {}, 12
        self.question = None
        for _ in range(qd):
            start = at
            name, at = read_name(message, at, cache)
            self.question = message[start:at + 4]
            at += 4
        self.opt, self.sections = None, []
        for count in (an, ns, ar):
            records = []
            for _ in range(count):
                owner, at = read_name(message, at, cache)
                rtype, rclass, ttl, length = struct.unpack_from('!HHIH', message, at)
                at += 10
                if at + length > len(message):
                    raise ValueError('record runs past the end')
                if rtype == 41:
                    if self.opt is not None:
                        raise ValueError('two OPT records')
                    self.opt = (rclass, ttl, message[at:at + length])
                else:
                    records.append((owner, rtype, rclass, ttl, canonical_rdata(message, rtype, at, length, cache)))
                at += length
            self.sections.append(records)
        if at != len(message):
            raise ValueError('bytes after the last record')

    rcode = property(lambda self: (self.flags & 15) | ((self.opt[1] >> 24) << 4 if self.opt else 0))
    truncated = property(lambda self: bool(self.flags & 0x0200))
    authoritative = property(lambda self: bool(self.flags & 0x0400))


def show_name(wire):
    labels, at = [], 0
    while at < len(wire) and wire[at]:
        labels.append(''.join(chr(c) if 33 <= c < 127 else '\\%03d' % c for c in wire[at + 1:at + 1 + wire[at]]))
        at += 1 + wire[at]
    return '.'.join(labels) + '.'


def show_record(record):
    owner, rtype, rclass, ttl, rdata = record
    return f'{show_name(owner)} {ttl} {rclass} {TYPE_NAMES.get(rtype, rtype)} {rdata.hex()[:80]}'
