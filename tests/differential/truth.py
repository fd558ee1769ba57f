"""What the zone files hold at each name, for questions that NSD answers only in part (ANY)."""
import dns.name
import dns.rdatatype
import dns.zone

import wire

NSEC3 = wire.TYPES['NSEC3']


class Truth:
    def __init__(self):
        self.records = {}  # per zone: {owner: {(type, ttl, rdata)}}, empty non-terminals included

    def add(self, origin, path):
        zone = dns.zone.from_file(str(path), origin=origin, relativize=False)
        here = self.records[wire_lower(origin)] = {}
        for name, node in zone.items():
            types = {rdataset.rdtype for rdataset in node}
            if NSEC3 in types:
                continue
            here[wire_lower(name)] = {(int(rdataset.rdtype), rdataset.ttl, canonical(rdata))
                                      for rdataset in node for rdata in rdataset}
            while name != origin:
                name = name.parent()
                here.setdefault(wire_lower(name), set())

    def at(self, owner):
        """All of `owner`, or of the wildcard that stands in for it."""
        zone = next(self.records[origin] for origin in ancestors(owner) if origin in self.records)
        if owner in zone:
            return zone[owner]
        encloser = next(name for name in ancestors(owner) if name in zone)
        return zone.get(b'\1*' + encloser, set())


def wire_lower(name):
    return name.canonicalize().to_wire()


def canonical(rdata):
    raw = rdata.to_wire()
    return wire.canonical_rdata(raw, int(rdata.rdtype), 0, len(raw), {})


def ancestors(name):
    yield name
    while name[0]:
        name = name[1 + name[0]:]
        yield name


def load(zone_list):
    truth = Truth()
    for origin, path in zone_list:
        truth.add(dns.name.from_text(origin), path)
    return truth
