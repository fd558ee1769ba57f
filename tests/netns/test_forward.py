"""Ordinary clients over TCP and UDP, IPv4 and IPv6, with ordinary name servers behind."""

import time

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

import wire
from backends import BackendLab, Dnsdist, Knot, Nsd, Unbound, forward, settle
from goldilocks import ROOT_ZONE
from lab import SERVER_V4, SERVER_V6, sh
from runner import run
from test_clients import NAMES, check, expect, queries_file, refuse, several
from zones import txt_zone

BOTH = (SERVER_V4, SERVER_V6)
SIZES = (500, 1500, 3000)


def clients(at):
    """One exchange of each kind of client, checked."""
    dig = ("dig", "@" + at, "+tries=1", "+time=5")
    expect(sh(*dig, "com.", "NS", "+norec").stdout, r"status: NOERROR", r"\(UDP\)", "a.gtld-servers.net")
    expect(sh(*dig, "+tcp", "com.", "NS", "+norec").stdout, r"status: NOERROR", r"\(TCP\)", "a.gtld-servers.net")
    expect(sh(*dig, "+tcp", "+dnssec", ".", "DNSKEY").stdout, r"RRSIG\s+DNSKEY", "flags: do; udp")
    expect(sh(*dig, "+tcp", "nonexistent-tld.", "A").stdout, r"status: NXDOMAIN")
    scene = sh(*dig, "+notcp", "+dnssec", "+bufsize=1232", "t2.big.example.", "TXT").stdout
    expect(scene, "Truncated, retrying in TCP mode", r"status: NOERROR", r"\(TCP\)", r"IN\s+TXT")
    names = ("com.", "net.", "org.", "nonexistent-tld.", "se.")
    text = sh(*dig, "+tcp", "+keepopen", "+dnssec", *names).stdout
    assert text.count("status: ") == len(names), text
    refuse(text, "connection reset", "timed out", "communications error")
    text = sh("kdig", "@" + at, "+tcp", "+keepopen", "+dnssec", "com.", "SOA", "net.", "DS", "org.", "NS", ".",
              "DNSKEY", "nonexistent-tld.", "A").stdout
    assert text.count("status: ") == 5 and text.count("status: NXDOMAIN") == 1, text
    refuse(text, "WARNING", r"\bERROR\b")
    expect(sh("kdig", "@" + at, "+tcp", "+padding=200", "+dnssec", ".", "SOA").stdout, "status: NOERROR")
    expect(sh("kdig", "@" + at, "+tcp", "+edns=1", ".", "SOA").stdout, "BADVERS")
    for ask in (dns.query.tcp, dns.query.udp):
        answer = ask(dns.message.make_query("com.", "DS", want_dnssec=True), at, timeout=5)
        assert {r.rdtype for r in answer.answer} == {dns.rdatatype.DS, dns.rdatatype.RRSIG}, answer
    q = dns.message.make_query("t2.big.example.", "TXT", want_dnssec=True, payload=1232)
    answer, by_tcp = dns.query.udp_with_fallback(q, at, timeout=5)
    assert by_tcp and not answer.flags & dns.flags.TC and answer.answer, answer


def streams(at):
    """Several queries on one connection: one after the other, without waiting, in one segment."""
    for one_by_one, joined in ((True, False), (False, False), (False, True)):
        with wire.connect(at) as s:
            queries = several()
            if joined:
                s.sendall(b"".join(map(wire.framed, queries)))
            for q in queries:
                if not joined:
                    s.sendall(wire.framed(q))
                if one_by_one:
                    check(q, wire.read_answer(s))
            for q in queries if not one_by_one else []:
                check(q, wire.read_answer(s))


def load(lab, at):
    for how, connections, in_flight in (("tcp", 50, 100), ("udp", 4, 20)):
        out = sh("dnsperf", "-s", at, "-m", how, "-d", queries_file(lab), "-n", 100, "-c", connections, "-q", in_flight,
                 "-t", 10, "-D").stdout
        expect(out, r"Queries lost:\s+0 ", r"Queries completed:\s+\d{4,} \(100")
        refuse(out, "SERVFAIL", "REFUSED", "Warning")


def in_front_of(make, host, lab_options=None):
    with BackendLab(**(lab_options or {})) as lab:
        zones = [ROOT_ZONE, lab.path("big.zone", txt_zone(sizes=SIZES))]
        make(lab, zones)
        with lab.goldilocks(["--forward", forward(host)]) as server:
            settle(server)
            for at in BOTH:
                clients(at)
                streams(at)
                load(lab, at)
            assert server.forwarding("asked_tcp") > 100 and server.forwarding("asked_udp") > 100, server.forwarding()
            assert server.backend(0, "wrong") == 0 and server.forwarding("failed_reply") == 0, server.backend(0)


def test_nsd():
    in_front_of(lambda lab, zones: lab.use(Nsd(lab, 10, zones)), 10)


def test_knot():
    in_front_of(lambda lab, zones: lab.use(Knot(lab, 11, zones)), 11)


def test_unbound():
    in_front_of(lambda lab, zones: lab.use(Unbound(lab, 12, zones)), 12)


def test_dnsdist():
    def make(lab, zones):
        lab.use(Dnsdist(lab, 13, [lab.use(Nsd(lab, 10, zones)), lab.use(Knot(lab, 11, zones))]))
    in_front_of(make, 13)


def test_af_xdp():
    with BackendLab() as lab:
        lab.use(Nsd(lab, 10, [ROOT_ZONE, lab.path("big.zone", txt_zone(sizes=SIZES))]))
        with lab.goldilocks(["--forward", forward(10)], driver="af_xdp") as server:
            settle(server)
            for at in BOTH:
                clients(at)
                load(lab, at)


def test_without_timestamps():
    """A connection answers one segment of queries after another."""
    with BackendLab(timestamps=False) as lab, Nsd(lab, 10), lab.goldilocks(["--forward", forward(10)]) as server:
        settle(server)
        ordinary = [wire.query(n, "NS") for n in NAMES]
        for at in BOTH:
            for batch in ([ordinary[0]], ordinary[:5]):
                with wire.connect(at) as s:
                    for _ in range(3):
                        s.sendall(b"".join(map(wire.framed, batch)))
                        for q in batch:
                            check(q, wire.read_answer(s))
            expect(sh("dig", "@" + at, "+tcp", "com.", "NS").stdout, "status: NOERROR")
            expect(sh("kdig", "@" + at, "+tcp", "com.", "NS").stdout, "status: NOERROR")


def test_ipv6_backend():
    with BackendLab() as lab, Nsd(lab, 10), lab.goldilocks(["--forward", forward(10, family=6)]) as server:
        settle(server)
        for at in BOTH:
            streams(at)
            load(lab, at)


def many_on_one_connection(counts, options=()):
    """So many queries without waiting for an answer, in one segment each or all in one."""
    with BackendLab() as lab, Nsd(lab, 10), lab.goldilocks(["--forward", forward(10), *options]) as server:
        settle(server)
        for at in BOTH:
            for count in counts:
                queries = [wire.query(NAMES[n % len(NAMES)], "SOA" if n % 3 else "DS", number=n) for n in range(count)]
                for joined in (False, True):
                    with wire.connect(at) as s:
                        if joined:
                            s.sendall(b"".join(map(wire.framed, queries)))
                        for q in queries if not joined else []:
                            s.sendall(wire.framed(q))
                        for q in queries:
                            check(q, wire.read_answer(s))


def test_pipelined_and_batched():
    many_on_one_connection((8, 100))


def test_pipelined_and_batched_without_flow_cache():
    """Each of a hundred in a segment of its own would wait for the client's timer, which is not the subject here."""
    many_on_one_connection((8, 30), ["--flow-cache", 0])


def test_asks_nothing_before_it_is_asked():
    """Health checks aside, a backend sees what clients ask, and each question once."""
    with BackendLab() as lab, Nsd(lab, 10), lab.goldilocks(["--forward", forward(10)]) as server:
        settle(server)
        before = server.backend(0)
        for n in range(20):
            wire.ask(wire.query(f"name-{n}.", "A"), BOTH[n % 2])
        time.sleep(0.2)
        after = server.backend(0)
        asked = (after["sent"] - after["health_sent"]) - (before["sent"] - before["health_sent"])
        assert asked == 20 and after["sent_tcp"] == before["sent_tcp"], (before, after)


def test_nothing_is_served_of_zones():
    """Without a zone: names outside every suffix are refused, and nothing is asked."""
    with BackendLab() as lab, Nsd(lab, 10), lab.goldilocks(["--forward", forward(10, "com.")]) as server:
        settle(server)
        for ask in (wire.ask, wire.ask_udp):
            assert wire.parse(ask(wire.query("com.", "NS"))).rcode() == dns.rcode.NOERROR
            assert wire.parse(ask(wire.query("x.y.com.", "NS"))).rcode() == dns.rcode.NOERROR
            for name in (".", "net.", "com.net.", "xcom."):
                assert wire.parse(ask(wire.query(name, "NS"))).rcode() == dns.rcode.REFUSED, name


run(__name__)
