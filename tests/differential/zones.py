"""The zones that are compared: the root zone, and one synthetic zone signed in three ways, made there and then."""
import base64
import pathlib
import subprocess

import dns.dnssec
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.zone
from cryptography.hazmat.primitives.asymmetric import ec

DATA = pathlib.Path(__file__).resolve().parent.parent / 'data'
B32_HEX_TO_B32 = bytes.maketrans(b'0123456789ABCDEFGHIJKLMNOPQRSTUV', b'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567')
EXPIRES = '20361231000000'
CHILD = """$TTL 600
@ IN SOA ns hostmaster 7 3600 600 86400 60
@ IN NS ns
ns IN A 192.0.2.200
www IN A 192.0.2.201
up IN CNAME mail.{parent}
"""
# The parent of the signed zones, so that DS at their apex has one place to be.
PARENT = """$ORIGIN test.
$TTL 900
@ IN SOA ns hostmaster 1 3600 600 86400 60
@ IN NS ns
ns IN A 192.0.2.250
nsec IN NS ns1.nsec
nsec IN DS 4711 13 2 e2d3c916f6deeac73294e8268fb5885044a833fc5459588f4a9184cfc41a5766
nsec3 IN NS ns1.nsec3
optout IN NS ns1.optout
plain IN NS ns1.plain
ns1.nsec IN A 192.0.2.53
ns1.nsec3 IN A 192.0.2.53
ns1.optout IN A 192.0.2.53
ns1.plain IN A 192.0.2.53
"""


def run(*command, cwd):
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f'{" ".join(command)}: {done.stderr or done.stdout}')
    return done.stdout.strip()


def sign(origin, options, folder):
    """Signs tests/data/sample.zone under `origin`; gives the path and the zone key's base name."""
    source = folder / f'{origin}.unsigned'
    source.write_text((DATA / 'sample.zone').read_text())
    zone_key = run('ldns-keygen', '-a', 'ECDSAP256SHA256', origin, cwd=folder)
    key_key = run('ldns-keygen', '-k', '-a', 'ECDSAP256SHA256', origin, cwd=folder)
    target = folder / f'{origin}.zone'
    run('ldns-signzone', *options, '-o', origin + '.', '-e', EXPIRES, '-f', str(target), str(source), zone_key, key_key,
        cwd=folder)
    return target, zone_key


def private_key(path):
    text = dict(line.split(': ', 1) for line in path.read_text().splitlines() if ': ' in line)
    return ec.derive_private_key(int.from_bytes(base64.b64decode(text['PrivateKey']), 'big'), ec.SECP256R1())


def leave_out(zone, origin):
    """Names that opt-out may pass over: insecure delegations, and empty non-terminals that lead to nothing else."""
    names = {name for name in zone.nodes if zone.get_rdataset(name, dns.rdatatype.NSEC3) is None}
    insecure = {name for name in names if name != origin and zone.get_rdataset(name, 'NS')
                and not zone.get_rdataset(name, 'DS')}
    delegations = {name for name in names if name != origin and zone.get_rdataset(name, 'NS')}
    kept = {name for name in names if name not in insecure
            and not any(name != cut and name.is_subdomain(cut) for cut in delegations)}
    parents = {ancestor for name in kept for ancestor in ancestors(name, origin)}
    return insecure | {a for name in insecure for a in ancestors(name, origin) if a not in kept and a not in parents}


def ancestors(name, origin):
    while name != origin:
        name = name.parent()
        yield name


def opt_out(path, origin_text, key_base):
    """ldns-signzone sets the opt-out flag but gives every delegation its NSEC3 all the same. Takes those out, closes
    the chain over the gaps and signs what changed."""
    origin = dns.name.from_text(origin_text)
    zone = dns.zone.from_file(str(path), origin=origin, relativize=False)
    hashes = {dns.name.from_text(dns.dnssec.nsec3_hash(name, None, 0, 1), origin) for name in leave_out(zone, origin)}
    chain = sorted(name for name in zone.nodes if zone.get_rdataset(name, 'NSEC3'))
    kept = [name for name in chain if name not in hashes]
    if len(kept) == len(chain):
        raise SystemExit('opt-out: nothing was left out of the NSEC3 chain')
    folder = path.parent
    key = private_key(folder / (key_base + '.private'))
    dnskey = dns.rdata.from_text('IN', 'DNSKEY', (folder / (key_base + '.key')).read_text().split(';')[0]
                                 .split('DNSKEY', 1)[1].strip())
    for name in hashes:
        if name in zone.nodes:
            zone.delete_node(name)
    for name, following in zip(kept, kept[1:] + kept[:1]):
        rdataset = zone.get_rdataset(name, 'NSEC3')
        old = rdataset[0]
        raw = base64.b32decode(following.labels[0].upper().translate(B32_HEX_TO_B32))
        if raw == old.next:
            continue
        changed = old.replace(next=raw)
        rrset = dns.rrset.from_rdata(name, rdataset.ttl, changed)
        signature = dns.dnssec.sign(rrset, key, origin, dnskey, inception=0, expiration=2 ** 31 - 1)
        zone.replace_rdataset(name, dns.rdataset.from_rdata(rdataset.ttl, changed))
        zone.replace_rdataset(name, dns.rdataset.from_rdata(rdataset.ttl, signature))
    zone.to_file(str(path), sorted=True, relativize=False)


def make(folder):
    """Writes all zones into `folder`; gives [(origin, path)], the origin as text."""
    folder.mkdir(parents=True, exist_ok=True)
    root = folder / 'root.zone'
    root.write_bytes((DATA / 'root.zone').read_bytes())
    parent = folder / 'test.zone'
    parent.write_text(PARENT)
    zones = [('.', root), ('test.', parent)]
    zones.append(('nsec.test.', sign('nsec.test', [], folder)[0]))
    zones.append(('nsec3.test.', sign('nsec3.test', ['-n', '-t', '5', '-s', 'abcd'], folder)[0]))
    path, key = sign('optout.test', ['-n', '-p', '-t', '0'], folder)
    opt_out(path, 'optout.test.', key)
    zones.append(('optout.test.', path))
    unsigned = folder / 'plain.test.zone'
    unsigned.write_text((DATA / 'sample.zone').read_text())
    unsigned.write_text('$ORIGIN plain.test.\n' + unsigned.read_text())
    zones.append(('plain.test.', unsigned))
    # Zones at a cut of another one that is served too.
    for parent, cut in (('nsec3.test.', 'signed'), ('nsec.test.', 'unsigned')):
        child = folder / f'{cut}.{parent}zone'
        child.write_text(f'$ORIGIN {cut}.{parent}\n' + CHILD.format(parent=parent))
        zones.append((f'{cut}.{parent}', child))
    return zones
