"""Two answers to one query: the same, or different for a reason that is allowed, or different.

Allowed, and nothing else:
 1. NS of the zone in the authority section of a positive answer, with its addresses: NSD adds them, Goldilocks
    does not. RFC 1034 6.2.1 shows them, no RFC asks for them, RFC 9471 is about referrals only.
"""
from wire import TYPES, Answer, show_record

NS, A, AAAA, RRSIG = TYPES['NS'], TYPES['A'], TYPES['AAAA'], TYPES['RRSIG']


def covered(record):
    return int.from_bytes(record[4][:2], 'big') if record[1] == RRSIG else record[1]


def header_difference(ours, theirs):
    if ours.rcode != theirs.rcode:
        return f'rcode {ours.rcode}, NSD {theirs.rcode}'
    if (ours.flags ^ theirs.flags) & ~0x0200:
        return f'flags {ours.flags:04x}, NSD {theirs.flags:04x}'
    if (ours.opt is None) != (theirs.opt is None):
        return f'OPT {ours.opt}, NSD {theirs.opt}'
    if ours.opt and ours.opt != theirs.opt:
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


def describe(label, ours, theirs):
    lines = [f'  {label}: {len(ours)} records, NSD {len(theirs)}']
    lines += [f'    only ours: {show_record(r)}' for r in sorted(ours - theirs)[:4]]
    lines += [f'    only NSD:  {show_record(r)}' for r in sorted(theirs - ours)[:4]]
    return '\n'.join(lines)


def section_difference(ours, theirs):
    authority, additional = without_zone_ns(ours, theirs)
    pairs = (('answer', ours.sections[0], set(theirs.sections[0])), ('authority', ours.sections[1], authority),
             ('additional', ours.sections[2], additional))
    for label, mine, other in pairs:
        if len(mine) != len(set(mine)):
            return f'  {label}: a record twice'
        if set(mine) != other:
            return describe(label, set(mine), other)
    return None


def compare_whole(query, our_bytes, their_bytes):
    """Over TCP. None: the same."""
    if our_bytes is None or their_bytes is None:
        return None if our_bytes is their_bytes else f'silent: {"we" if our_bytes is None else "NSD"}'
    ours, theirs = Answer(our_bytes), Answer(their_bytes)
    if ours.truncated:
        return 'TC over TCP'
    difference = header_difference(ours, theirs)
    if difference or not query.plain:
        return difference
    if ours.question != theirs.question:
        return 'question'
    return section_difference(ours, theirs)


def compare_datagram(query, our_bytes, their_bytes):
    """Over UDP, where both give as much as fits: header, and the answer section where neither is truncated."""
    if our_bytes is None or their_bytes is None:
        return None if our_bytes is their_bytes else f'silent: {"we" if our_bytes is None else "NSD"}'
    ours, theirs = Answer(our_bytes), Answer(their_bytes)
    difference = header_difference(ours, theirs)
    if difference or not query.plain:
        return difference
    if ours.truncated != theirs.truncated:
        return f'TC {int(ours.truncated)} at {ours.size} bytes, NSD {int(theirs.truncated)} at {theirs.size}'
    if not ours.truncated and set(ours.sections[0]) != set(theirs.sections[0]):
        return describe('answer', set(ours.sections[0]), set(theirs.sections[0]))
    return None
