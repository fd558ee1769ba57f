"""Unmodified DNS clients over TCP and UDP, IPv4 and IPv6."""

import ipaddress
import re
import struct
import subprocess
import time

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

import wire
from goldilocks import ROOT_ZONE, Goldilocks
from lab import CLIENT_IF, SERVER_V4, SERVER_V6, Lab, die_with_parent, sh
from runner import run

BOTH = (SERVER_V4, SERVER_V6)


def with_server(function, lab_options=None, **goldilocks_options):
    with Lab(**(lab_options or {})) as lab, Goldilocks(lab, **goldilocks_options) as server:
        function(lab, server)


def expect(text, *patterns):
    for pattern in patterns:
        assert re.search(pattern, text, re.M), f"no {pattern!r} in:\n{text}"


def refuse(text, *patterns):
    for pattern in patterns:
        assert not re.search(pattern, text, re.M), f"{pattern!r} in:\n{text}"


def ordinary_exchanges():
    """One exchange of each kind, checked; what the variations of the network below repeat."""
    for address in BOTH:
        for ask in (wire.ask, wire.ask_udp):
            answer = wire.parse(ask(wire.query("com.", "NS"), address))
            assert answer.rcode() == dns.rcode.NOERROR and len(answer.authority) == 1, answer
        whole = wire.parse(wire.ask(wire.query(".", "ANY", do=True, bufsize=4096), address))
        kinds = {rrset.rdtype for rrset in whole.answer}
        assert {dns.rdatatype.SOA, dns.rdatatype.NS, dns.rdatatype.DNSKEY, dns.rdatatype.RRSIG} <= kinds, whole
        with wire.connect(address) as s:
            for name in ("se.", "nonexistent-tld.", "net."):
                s.sendall(wire.framed(wire.query(name, "DS", do=True, bufsize=1232)))
                answer = wire.parse(wire.read_answer(s))
                assert answer.question[0].name.to_text() == name, answer


def test_dig():
    def body(lab, server):
        for address in BOTH:
            at = "@" + address
            expect(sh("dig", at, "com.", "NS", "+norec").stdout, r"status: NOERROR", r"\(UDP\)", "a.gtld-servers.net")
            expect(sh("dig", at, "+tcp", "com.", "NS", "+norec").stdout, r"status: NOERROR", r"\(TCP\)")
            expect(sh("dig", at, "+tcp", "+dnssec", ".", "DNSKEY").stdout, r"RRSIG\s+DNSKEY", r"flags:.* aa")
            expect(sh("dig", at, "+tcp", "nonexistent-tld.", "A").stdout, r"status: NXDOMAIN")
            # The column's scene: truncated over UDP, complete over TCP.
            scene = sh("dig", at, "+notcp", "+dnssec", ".", "ANY").stdout
            expect(scene, "Truncated, retrying in TCP mode", r"status: NOERROR", r"\(TCP\)", r"IN\s+DNSKEY")
            expect(sh("dig", at, "+notcp", "+ignore", "+dnssec", ".", "ANY").stdout, r"flags:.* tc")
    with_server(body)


def test_dig_keepopen():
    def body(lab, server):
        names = ("com.", "net.", "org.", "nonexistent-tld.", "se.", "de.")
        before = server.total("syn_ack")
        text = sh("dig", "@" + SERVER_V4, "+tcp", "+keepopen", "+dnssec", *names).stdout
        assert text.count("status: ") == len(names), text
        refuse(text, "connection reset", "timed out", "communications error")
        assert server.total("syn_ack") - before == 1, "dig opened more than one connection"
    with_server(body)


def test_kdig():
    def body(lab, server):
        for address in BOTH:
            at = "@" + address
            before = server.total("syn_ack")
            text = sh("kdig", at, "+tcp", "+keepopen", "+dnssec", "com.", "SOA", "net.", "DS", "org.", "NS", ".",
                      "DNSKEY", "nonexistent-tld.", "A").stdout
            assert text.count("status: ") == 5 and text.count("status: NXDOMAIN") == 1, text
            refuse(text, "WARNING", r"\bERROR\b")
            assert server.total("syn_ack") - before == 1, "kdig opened more than one connection"
            expect(sh("kdig", at, "+edns", "+nsid", ".", "SOA").stdout, "NSID", "676F6C64|gold")
            expect(sh("kdig", at, "+tcp", "+nsid", ".", "SOA").stdout, "NSID", "676F6C64|gold")
            expect(sh("kdig", at, "+tcp", "+padding=200", "+dnssec", ".", "SOA").stdout, "status: NOERROR")
            expect(sh("kdig", at, "+tcp", "+edns=1", ".", "SOA").stdout, "BADVERS")
    with_server(body, options=["--nsid", "gold"])


def test_drill():
    def body(lab, server):
        for address in BOTH:
            for how in ("-t", "-u"):
                expect(sh("drill", how, "-D", "@" + address, "com.", "DS").stdout, "rcode: NOERROR", r"RRSIG\s+DS")
            expect(sh("drill", "-t", "@" + address, "nonexistent-tld.", "A").stdout, "rcode: NXDOMAIN")
    with_server(body)


def test_dnspython():
    def body(lab, server):
        for address in BOTH:
            for ask in (dns.query.tcp, dns.query.udp):
                q = dns.message.make_query("com.", "DS", want_dnssec=True)
                answer = ask(q, address, timeout=5)
                assert {r.rdtype for r in answer.answer} == {dns.rdatatype.DS, dns.rdatatype.RRSIG}, answer
            q = dns.message.make_query(".", "ANY", want_dnssec=True)
            answer, by_tcp = dns.query.udp_with_fallback(q, address, timeout=5)
            assert by_tcp and not answer.flags & dns.flags.TC, answer
    with_server(body)


NAMES = ("com.", "net.", "org.", "se.", "nonexistent-tld.", ".", "a.very.deep.name.that.does.not.exist.", "arpa.")


def several():
    return [wire.query(n, "NS", do=i % 2 == 0, bufsize=1232 if i % 2 == 0 else None) for i, n in enumerate(NAMES)]


def in_turn(s, queries):
    for q in queries:
        s.sendall(wire.framed(q))
        check(q, wire.read_answer(s))


def check(q, answer):
    asked, got = wire.parse(q), wire.parse(answer)
    assert got.id == asked.id and got.question == asked.question, f"asked {asked.question}, got {got}"
    assert got.flags & dns.flags.QR and not got.flags & dns.flags.TC, got


def on_one_connection(send):
    def body(lab, server):
        for address in BOTH:
            with wire.connect(address) as s:
                queries = several()
                if send(s, queries):
                    for q in queries:
                        check(q, wire.read_answer(s))
                # It is still a good connection afterwards.
                in_turn(s, several()[:2])
    with_server(body)


def test_sequential():
    on_one_connection(in_turn)


def test_pipelined():
    def send(s, queries):
        for q in queries:
            s.sendall(wire.framed(q))
        return True
    on_one_connection(send)


def test_batched():
    def send(s, queries):
        s.sendall(b"".join(map(wire.framed, queries)))
        return True
    on_one_connection(send)


def test_length_prefix_split_off():
    def send(s, queries):
        for q in queries:
            s.sendall(struct.pack("!H", len(q)))
            time.sleep(0.01)
            s.sendall(q)
            check(q, wire.read_answer(s))
    on_one_connection(send)


def test_split_in_the_middle():
    def send(s, queries):
        for at, q in zip((1, 3, 7, 14, 20), queries):
            whole = wire.framed(q)
            s.sendall(whole[:at])
            time.sleep(0.01)
            s.sendall(whole[at:])
            check(q, wire.read_answer(s))
    on_one_connection(send)


def test_split_into_nine_pieces():
    """As many as the client's first congestion window lets it send, and repeat as one segment."""
    def send(s, queries):
        whole = wire.framed(queries[0])
        for start in range(8):
            s.sendall(whole[start:start + 1])
        s.sendall(whole[8:])
        check(queries[0], wire.read_answer(s))
    on_one_connection(send)


def test_without_timestamps():
    """Without the flow cache a connection answers one segment of queries and then ends in good order; with it, any number."""
    def body(lab, server, one_segment=False):
        ordinary = [wire.query(n, "NS") for n in NAMES]
        for address in BOTH:
            for batch in ([ordinary[0]], ordinary[:5]):
                with wire.connect(address) as s:
                    for _ in range(1 if one_segment else 3):
                        s.sendall(b"".join(map(wire.framed, batch)))
                        for q in batch:
                            check(q, wire.read_answer(s))
                    if one_segment:
                        assert wire.at_end(s)
            expect(sh("dig", "@" + address, "+tcp", "com.", "NS").stdout, "status: NOERROR")
            expect(sh("kdig", "@" + address, "+tcp", "com.", "NS").stdout, "status: NOERROR")
            expect(sh("drill", "-t", "@" + address, "com.", "NS").stdout, "rcode: NOERROR")
            expect(sh("dig", "@" + address, "+tcp", "+dnssec", ".", "ANY").stdout, "status: NOERROR", "DNSKEY")
    with_server(body, {"timestamps": False})
    with_server(lambda lab, server: body(lab, server, one_segment=True), {"timestamps": False},
                options=("--flow-cache", "0"))


def test_pipelining_without_timestamps():
    """Without the flow cache it gets its first answer and a clean close: EOF, no reset; with it, every answer."""
    def body(lab, server, one_segment=False):
        for address in BOTH:
            for _ in range(10):
                with wire.connect(address) as s:
                    queries = several()[:3]
                    for q in queries:
                        s.sendall(wire.framed(q))
                        time.sleep(0.002)
                    for q in queries[:1] if one_segment else queries:
                        check(q, wire.read_answer(s))
                    if one_segment:
                        assert wire.at_end(s)
    with_server(body, {"timestamps": False})
    with_server(lambda lab, server: body(lab, server, one_segment=True), {"timestamps": False},
                options=("--flow-cache", "0"))


def test_mss_536():
    with_server(lambda lab, server: ordinary_exchanges(), {"mss": 536})


def test_mss_1220():
    with_server(lambda lab, server: ordinary_exchanges(), {"mss": 1220})


def test_mss_536_without_timestamps():
    def body(lab, server):
        for address in BOTH:
            whole = wire.parse(wire.ask(wire.query(".", "ANY", do=True, bufsize=4096), address))
            assert len(whole.answer) >= 6, whole
    with_server(body, {"mss": 536, "timestamps": False})


def queries_file(lab):
    lines = [f"{n} {t}" for n in ("com.", "net.", "org.", "se.", "nonexistent-tld.", ".", "xn--p1ai.")
             for t in ("NS", "DS", "A", "SOA")]
    return lab.path("queries", "\n".join(lines) + "\n")


def test_dnsperf():
    def body(lab, server):
        for address in BOTH:
            # A connection carries 2^17 bytes of answers, and dnsperf does not ask again what it had in flight when one
            # closes: so many connections that none comes to its end.
            for how, connections, in_flight in (("tcp", 50, 100), ("udp", 4, 20)):
                out = sh("dnsperf", "-s", address, "-m", how, "-d", queries_file(lab), "-n", 180, "-c", connections,
                         "-q", in_flight, "-t", 10, "-D").stdout
                expect(out, r"Queries lost:\s+0 ", r"Queries completed:\s+\d{4,} \(100")
                refuse(out, "SERVFAIL", "REFUSED", "Warning")
    with_server(body)


def test_kxdpgun():
    """kxdpgun brings its own TCP over AF_XDP: a client that shares no code with the kernel's."""
    def body(lab, server):
        for address in BOTH:
            wire.ask_udp(wire.query(".", "SOA"), address)  # the kernel then knows the neighbour, where kxdpgun looks
            out = sh("ip", "netns", "exec", lab.client_ns, "kxdpgun", "-T", "-t", 3, "-Q", 1000, "-i",
                     queries_file(lab), "-I", CLIENT_IF, address, timeout=40).stdout
            total = {k: int(n) for k, n in re.findall(r"^total (\w+): +(\d+)", out, re.M)}
            assert total["SYNs"] > 1000, out
            # `closed` is not looked at: kxdpgun passes over a FIN that comes with payload.
            assert total["SYNs"] == total["established"] == total["replies"], out
            refuse(out, r"\berrors?\b", "(?i)reset", "(?i)lost", "SERVFAIL", "FORMERR")
    with_server(body)


def unbound(lab, family):
    """A validating resolver whose root is Goldilocks, over TCP of one address family."""
    config = lab.path("unbound.conf", f"""
server:
  interface: {"127.0.0.1" if family == 4 else "::1"}@5300
  directory: "{lab.dir}"
  chroot: ""
  username: ""
  pidfile: "{lab.dir}/unbound.pid"
  use-syslog: no
  logfile: "{lab.dir}/unbound.log"
  log-servfail: yes
  verbosity: 1
  num-threads: 1
  do-ip4: {"yes" if family == 4 else "no"}
  do-ip6: {"yes" if family == 6 else "no"}
  tcp-upstream: yes
  do-not-query-localhost: no
  module-config: "validator iterator"
  trust-anchor-file: "/usr/share/dns/root.key"
  trust-anchor-signaling: no
  val-override-date: "20201025000000"
  harden-dnssec-stripped: yes
  harden-glue: yes
  root-hints: "/usr/share/dns/root.hints"
""")
    sh("unbound-checkconf", config)
    return ["unbound", "-d", "-p", "-c", str(config)]


def root_server_addresses(family):
    """Those of the hints and those of the zone served, which is older: unbound asks at both."""
    kind = "A" if family == 4 else "AAAA"
    addresses = set()
    for path in ("/usr/share/dns/root.hints", ROOT_ZONE):
        with open(path, encoding="ascii") as records:
            addresses |= {str(ipaddress.ip_address(f[-1])) for f in map(str.split, records)
                          if len(f) >= 4 and f[-2] == kind and f[0].lower().endswith(".root-servers.net.")}
    return sorted(addresses)


def resolve_with_validation(family):
    roots = root_server_addresses(family)
    own = SERVER_V4 if family == 4 else SERVER_V6
    at = "127.0.0.1" if family == 4 else "::1"
    with Lab() as lab, Goldilocks(lab, addresses=[own, *roots]) as server:
        # unbound keeps to the root's real addresses, and finds Goldilocks at each of them.
        sh("ip", f"-{family}", "route", "add", "default", "dev", CLIENT_IF)
        before = server.total("queries_tcp")
        process = subprocess.Popen(unbound(lab, family), preexec_fn=die_with_parent, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        try:
            for _ in range(100):  # until it listens
                if sh("dig", "@" + at, "-p", 5300, "+time=1", "+tries=1", "version.bind.", "TXT", "CH",
                      check=False).returncode == 0:
                    break
                time.sleep(0.1)
            for name, kind, status, holds in (("com.", "DS", "NOERROR", r"IN\s+DS"), (".", "SOA", "NOERROR", "SOA"),
                                              ("nonexistent-tld.", "A", "NXDOMAIN", "SOA"),
                                              (".", "NS", "NOERROR", "root-servers")):
                out = sh("dig", "@" + at, "-p", 5300, name, kind, "+dnssec", "+time=15", "+tries=1").stdout
                assert f"status: {status}" in out and re.search(r"flags:[^;]* ad[ ;]", out) and re.search(
                    holds, out), out + lab.path("unbound.log").read_text()[-3000:]
        finally:
            process.terminate()
            process.wait(timeout=10)
        assert server.total("queries_tcp") > before, "unbound asked nothing over TCP"


def test_validating_unbound_ipv4():
    resolve_with_validation(4)


def test_validating_unbound_ipv6():
    resolve_with_validation(6)


run(__name__)
