"""Two answers to one query: the same, or different for a reason that is allowed, or different.

Allowed, and nothing else:
 1. NS of the zone in the authority section of a positive answer, with its addresses: NSD adds them, Goldilocks
    does not. RFC 1034 6.2.1 shows them, no RFC asks for them; RFC 9471 is about referrals only.
 2. ANY: NSD gives one RRset (RFC 8482 4.1), Goldilocks all that is at the name (RFC 1035 3.2.3): what the zone file
    has there, compared with the file itself.
 3. QTYPE NSEC3 at an alias: NSD says that there is no such data, Goldilocks gives the CNAME (RFC 1034 4.3.2 3a).
 4. UDP: NSD leaves out glue that does not fit, Goldilocks then sets TC (RFC 9471 2.1, 3.1).
 5. Extended DNS errors in NSD's OPT (RFC 8914: optional).
 6. Malformed messages: NSD answers FORMERR without RD and question, passes over bytes after the last record and
    is silent where there is no question; Goldilocks gives FORMERR, with what could be read (RFC 1035 4.1.1, RFC 9619).
 7. No such type at a wildcard that is asked for by its own name, in an NSEC3 zone: NSD adds the closest encloser's
    NSEC3, as for a name that the wildcard stands in for (RFC 5155 7.2.3 needs one record, 7.2.5 is about the latter).
 9. At and below an empty non-terminal that opt-out leaves without NSEC3: Goldilocks proves the closest provable
    encloser (RFC 5155 7.2.1); NSD takes the empty non-terminal for provable and gives no record that matches one.
    Our proof is checked by itself.
 8. A denial at the end of a DNAME: NSD leaves out the NSEC that covers the name itself (RFC 4035 3.1.3.2 has both).
10. UDP: answers with aliases, and referrals for names like those of the name servers, are some bytes longer than NSD's,
    as blocks made beforehand cannot point at everything (RFC 1035 4.1.4: compression is a choice): one that NSD can
    just fit may be truncated. TC is set only where the whole answer is over the limit, and longer by no more than the
    aliases' targets and 32 bytes.
11. With TC the rcode of a chain of aliases may be that of its first part (RFC 2181 9: the answer is to be ignored).
12. UDP: NSD sets TC some bytes before the limit that the client gave, keeping room for options. RFC 6891 6.2.5 lets an
    answer be as long as the limit: ours then has the same answer and authority sections as over TCP.
"""
import base64
import struct

import dns.dnssec

from wire import TYPES, Answer, show_record

NS, A, AAAA, RRSIG, ANY = TYPES['NS'], TYPES['A'], TYPES['AAAA'], TYPES['RRSIG'], TYPES['ANY']
CNAME, DNAME, NSEC, NSEC3 = TYPES['CNAME'], TYPES['DNAME'], TYPES['NSEC'], TYPES['NSEC3']
FORMERR, TC, RD = 1, 0x0200, 0x0100
EXTENDED_ERROR = 15
OPTED_OUT = b'\1y\6optout\4test\0'  # leads only to an insecure delegation, see tests/data/sample.zone

TRUTH = None  # truth.Truth, set before the comparison


def covered(record):
    return int.from_bytes(record[4][:2], 'big') if record[1] == RRSIG else record[1]


def opt_of(answer):
    """Allowed difference 5."""
    if answer.opt is None:
        return None
    payload, ttl, rdata = answer.opt
    options, at = [], 0
    while at < len(rdata):
        code, length = struct.unpack_from('!HH', rdata, at)
        if code != EXTENDED_ERROR:
            options.append((code, rdata[at + 4:at + 4 + length]))
        at += 4 + length
    return payload, ttl, options


def nsec3_at_alias(ours, theirs):
    """Allowed difference 3."""
    return (ours.question and ours.question[-4:-2] == NSEC3.to_bytes(2, 'big') and not theirs.sections[0]
            and any(r[1] == CNAME for r in ours.sections[0]))


def header_difference(ours, theirs):
    if ours.rcode != theirs.rcode and not nsec3_at_alias(ours, theirs):
        return f'rcode {ours.rcode}, NSD {theirs.rcode}'
    ignored = TC | 15 | (RD if ours.rcode == FORMERR else 0)
    if (ours.flags ^ theirs.flags) & ~ignored:
        return f'flags {ours.flags:04x}, NSD {theirs.flags:04x}'
    if ours.rcode != FORMERR and opt_of(ours) != opt_of(theirs):
        return f'OPT {ours.opt}, NSD {theirs.opt}'
    return None


def without_zone_ns(ours, theirs):
    """Allowed difference 1: their authority and additional sections without the zone's NS."""
    authority, additional = set(theirs.sections[1]), set(theirs.sections[2])
    if theirs.rcode != 0 or not theirs.sections[0]:
        return authority, additional
    extra = {r for r in authority if covered(r) == NS} - set(ours.sections[1])
    hosts = {r[4] for r in extra if r[1] == NS}
    gone = {r for r in additional if r[0] in hosts and covered(r) in (A, AAAA)} - set(ours.sections[2])
    return authority - extra, additional - gone


def without_dname_denial(ours, theirs):
    """Allowed difference 8: our authority section."""
    mine = set(ours.sections[1])
    if not any(r[1] == DNAME for r in ours.sections[0]):
        return mine
    return {r for r in mine if covered(r) != NSEC or r in theirs}


def proves_opted_out(ours):
    """Allowed difference 9: the apex matched, the next closer name covered by an opt-out span, and where the name does
    not exist the wildcard at the apex covered."""
    spans = []
    for owner, rtype, _, _, rdata in ours.sections[1]:
        if rtype == NSEC3:
            after = rdata[5 + rdata[4]:]
            spans.append((owner[1:33].decode(), b32hex(after[1:1 + after[0]]), rdata[1] & 1))

    def covered_by(name):
        digest = dns.dnssec.nsec3_hash(name, None, 0, 1).lower()
        return [flag for start, end, flag in spans
                if (start < digest < end if start < end else digest > start or digest < end)]

    apex = dns.dnssec.nsec3_hash('optout.test', None, 0, 1).lower()
    wanted = any(start == apex for start, _, _ in spans) and 1 in covered_by('y.optout.test')
    return wanted and (ours.rcode != 3 or bool(covered_by('*.optout.test')))


def b32hex(raw):
    text = base64.b32encode(raw).decode()
    return text.translate(str.maketrans('ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', '0123456789abcdefghijklmnopqrstuv'))


def any_difference(ours, theirs):
    """Allowed difference 2."""
    if not set(theirs.sections[0]) <= set(ours.sections[0]):
        return describe('answer', set(ours.sections[0]), set(theirs.sections[0]))
    redirected = any(r[1] == DNAME for r in ours.sections[0])
    for owner in {r[0] for r in ours.sections[0]}:
        here = {(r[1], r[3], r[4]) for r in ours.sections[0] if r[0] == owner}
        if redirected and {kind for kind, _, _ in here} <= {DNAME, CNAME, RRSIG}:
            continue
        if here != TRUTH.at(owner):
            return f'ANY: {len(here)} records, the zone file has {len(TRUTH.at(owner))}'
    return None


def describe(label, ours, theirs):
    lines = [f'  {label}: {len(ours)} records, NSD {len(theirs)}']
    lines += [f'    only ours: {show_record(r)}' for r in sorted(ours - theirs)[:4]]
    lines += [f'    only NSD:  {show_record(r)}' for r in sorted(theirs - ours)[:4]]
    return '\n'.join(lines)


def section_difference(query, ours, theirs):
    for records in ours.sections:
        if len(records) != len(set(records)):
            return 'a record twice'
    if nsec3_at_alias(ours, theirs):
        return None
    if query.qtype == ANY and ours.authoritative and ours.sections[0]:
        return any_difference(ours, theirs)
    authority, additional = without_zone_ns(ours, theirs)
    if ours.question.lower()[:-4].endswith(OPTED_OUT) and NSEC3 in {r[1] for r in ours.sections[1]}:
        return None if proves_opted_out(ours) else 'proof of the closest provable encloser'
    if ours.question.startswith(b'\1*') and not ours.sections[0]:  # allowed difference 7
        authority = {r for r in authority if covered(r) != NSEC3 or r in ours.sections[1]}
    pairs = (('answer', set(ours.sections[0]), set(theirs.sections[0])),
             ('authority', without_dname_denial(ours, authority), authority),
             ('additional', set(ours.sections[2]), additional))
    return next((describe(label, mine, other) for label, mine, other in pairs if mine != other), None)


def malformed(query, ours, theirs):
    """Allowed difference 6."""
    return not query.plain and ours is not None and Answer(ours).rcode == FORMERR and (
        theirs is None or Answer(theirs).rcode in (0, FORMERR))


def compare_whole(query, our_bytes, their_bytes, _ours, _theirs):
    """Over TCP. None: the same."""
    if malformed(query, our_bytes, their_bytes):
        return None
    if our_bytes is None or their_bytes is None:
        return None if our_bytes is their_bytes else f'silent: {"we" if our_bytes is None else "NSD"}'
    ours, theirs = Answer(our_bytes), Answer(their_bytes)
    if ours.truncated:
        return 'TC over TCP'
    difference = header_difference(ours, theirs)
    if difference or not query.plain or ours.rcode == FORMERR:
        return difference
    if ours.question != theirs.question:
        return 'question'
    return section_difference(query, ours, theirs)


def truncation_difference(query, ours, theirs, our_whole, their_whole):
    """Allowed differences 2, 3, 4, 9, 10 and 12."""
    if ours.truncated and len(our_whole) > query.limit:
        less_glue = not theirs.sections[0] and len(theirs.sections[2]) < len(Answer(their_whole).sections[2])
        uncompressed = 32 + sum(len(r[4]) for r in Answer(our_whole).sections[0] if r[1] == CNAME)
        if ours.question.lower()[:-4].endswith(OPTED_OUT):
            return None
        if less_glue or query.qtype in (ANY, NSEC3) or len(our_whole) - len(their_whole) <= uncompressed:
            return None
    elif not ours.truncated and ours.sections[:2] == Answer(our_whole).sections[:2]:
        return None
    return f'TC {int(ours.truncated)} at {ours.size} bytes, NSD {int(theirs.truncated)} at {theirs.size}'


def compare_datagram(query, our_bytes, their_bytes, our_whole, their_whole):
    """Over UDP, where both give as much as fits: header, and the answer section where neither is truncated. The
    whole answers are those over TCP."""
    if malformed(query, our_bytes, their_bytes):
        return None
    if our_bytes is None or their_bytes is None:
        return None if our_bytes is their_bytes else f'silent: {"we" if our_bytes is None else "NSD"}'
    ours, theirs = Answer(our_bytes), Answer(their_bytes)
    if ours.size > query.limit:
        return f'{ours.size} bytes, over the limit of {query.limit}'
    difference = None if ours.truncated else header_difference(ours, theirs)
    if difference or not query.plain or ours.rcode == FORMERR:
        return difference
    if ours.truncated != theirs.truncated:
        return truncation_difference(query, ours, theirs, our_whole, their_whole)
    if not ours.truncated and query.qtype not in (ANY, NSEC3) and set(ours.sections[0]) != set(theirs.sections[0]):
        return describe('answer', set(ours.sections[0]), set(theirs.sections[0]))
    return None
