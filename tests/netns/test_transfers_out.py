"""Zones that Goldilocks gives to others: NSD, Knot and BIND as secondaries, who may have a zone, and chains of secondaries."""

import signal
import socket

import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.tsigkeyring
import dns.xfr
import dns.zone

import wire
from backends import KERNEL_V4, BackendLab
from lab import inside, wait_for
from runner import run
from transfer_peers import KEY, KEY_TEXT, SECRET, Bind, Knot, Nsd, address, zone_text
from zones import txt_zone

ORIGIN = "xfr.example."
HOST = 10
LISTEN, PORT = f"{KERNEL_V4}53", 5300


def primary(lab, *options, zones=(), text=None, **more):
    """Goldilocks with a zone that the key's holders may have."""
    keys = lab.path("keys", KEY_TEXT)
    keys.chmod(0o600)
    zone = lab.path("own.zone", text or zone_text(ORIGIN, 1))
    return lab.goldilocks(["--tsig", keys, "--transfer-listen", f"{LISTEN}:{PORT}", "--transfer-allow",
                           f"{KERNEL_V4}0/24,tsig={KEY}", *options], zones=[zone, *zones], **more), zone


def secondary_follows(kind):
    with BackendLab() as lab:
        server, zone = primary(lab, "--notify", f"{ORIGIN}@{address(HOST)},tsig={KEY}")
        with server, kind(lab, HOST) as peer:
            wait_for(lambda: peer.txt() == "1", lambda: peer.txt() + server.log() + peer.log(), 20)
            zone.write_text(zone_text(ORIGIN, 2, "big TXT " + " ".join('"' + "y" * 250 + '"' for _ in range(150)) + "\n"))
            server.signal(signal.SIGHUP)
            wait_for(lambda: peer.txt() == "2", lambda: peer.txt() + server.log() + peer.log(), 20)
            assert peer.txt("big") == "y" * 250
            assert f"transfer of zone {ORIGIN} to {address(HOST)}:" in server.log()
            assert "was not answered" not in server.log().split("serial 1 -> 2")[1], server.log()


def test_secondary_nsd():
    secondary_follows(Nsd)


def test_secondary_knot():
    secondary_follows(Knot)


def test_secondary_bind():
    secondary_follows(Bind)


def ask(lab, kind, key=SECRET, udp=False, serial=None, origin=ORIGIN, host=HOST):
    """One question at the place for transfers; the answer's first message."""
    message = dns.message.make_query(origin, kind)
    if serial is not None:
        message.authority.append(dns.rrset.from_text(origin, 0, "IN", "SOA", f". . {serial} 0 0 0 0"))
    if key:
        message.use_tsig(dns.tsigkeyring.from_text({KEY: (dns.tsig.HMAC_SHA256, key)}), KEY)
    with inside(lab.backend_ns, lab.client_ns):
        if udp:
            return dns.query.udp(message, LISTEN, port=PORT, source=address(host), timeout=5)
        with socket.create_connection((LISTEN, PORT), 5, (address(host), 0)) as s:
            dns.query.send_tcp(s, message)
            return dns.query.receive_tcp(s, one_rr_per_rrset=True, keyring=message.keyring,
                                         request_mac=message.mac)[0]


def whole(lab, origin=ORIGIN):
    """The zone as dnspython takes it, each message's signature checked."""
    zone = dns.zone.Zone(origin, relativize=False)
    query, _ = dns.xfr.make_query(zone, keyring=dns.tsigkeyring.from_text({KEY: (dns.tsig.HMAC_SHA256, SECRET)}), keyname=KEY)
    with inside(lab.backend_ns, lab.client_ns):
        dns.query.inbound_xfr(LISTEN, zone, query, port=PORT, timeout=10, source=address(HOST))
    return zone


def test_who_may_have_it():
    with BackendLab() as lab:
        server, zone = primary(lab)
        with server:
            assert ask(lab, "SOA").answer[0][0].serial == 1 and ask(lab, "SOA", udp=True).had_tsig
            assert ask(lab, "AXFR", key=None).rcode() == dns.rcode.REFUSED
            assert ask(lab, "A").rcode() == dns.rcode.REFUSED
            assert ask(lab, "AXFR", origin="other.example.").rcode() == dns.rcode.NOTAUTH
            assert ask(lab, "AXFR", udp=True).rcode() == dns.rcode.FORMERR
            try:
                raise AssertionError(ask(lab, "AXFR", "d3Jvbmctd3Jvbmctd3JvbmctIQ=="))
            except dns.tsig.PeerBadSignature:
                pass
            # RFC 1995: who has it gets the SOA alone, others the zone; over UDP the newest SOA.
            current, old = ask(lab, "IXFR", serial=1), ask(lab, "IXFR", serial=0xffffffff)
            assert len(current.answer) == 1 and current.answer[0][0].serial == 1
            assert len(old.answer) == 105 and old.answer[-1] == old.answer[0]
            assert len(ask(lab, "IXFR", serial=0, udp=True).answer) == 1
            # On the service's own address nothing is given out.
            for kind in ("AXFR", "IXFR"):
                refused = wire.parse(wire.ask(wire.query(ORIGIN, kind)))
                assert refused.rcode() == dns.rcode.REFUSED and not refused.answer
            assert server.telemetry("/goldilocks/info") and whole(lab).get_rrset(f"serial.{ORIGIN}", "TXT")
            zone.write_text(zone_text(ORIGIN, 2))  # and it is not read again
            assert ask(lab, "AXFR").rcode() == dns.rcode.SERVFAIL and "has changed, and was not read" in server.log()


def test_large_and_passed_on():
    """Many messages, long records; and a secondary that gives away what it was given, record for record."""
    text = txt_zone(ORIGIN, [200, 3000, 60000] * 60) + "\\000odd\\.label A 192.0.2.1\n"
    with BackendLab() as lab:
        with Knot(lab, HOST, text=text) as peer:
            keys = lab.path("keys", KEY_TEXT)
            keys.chmod(0o600)
            with lab.goldilocks(["--tsig", keys, "--transfer-listen", f"{LISTEN}:{PORT}", "--transfer-allow",
                                 f"{ORIGIN}@{KERNEL_V4}0/24,tsig={KEY}", "--state-dir", lab.path("state"), "--secondary",
                                 f"{ORIGIN}@{address(HOST)},tsig={KEY}"]) as server:
                wait_for(lambda: "serial 1 from" in server.log(), server.log, 20)
                wait_for(lambda: ask(lab, "SOA").rcode() == 0, server.log)
                given = whole(lab)
                with inside(lab.backend_ns, lab.client_ns):
                    origin = dns.zone.from_text(text, origin=ORIGIN, relativize=False)
                assert given == origin, "another zone"
                assert len(list(given.iterate_rdatas())) > 10000 and peer.process.poll() is None


run(__name__)
