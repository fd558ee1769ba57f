"""What the flags change, as a client sees it: UDP limits, TC only, NSID, CHAOS, ports, the configuration file."""

import re

import dns.edns
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

import wire
from capture import Capture
from goldilocks import ROOT_ZONE, Goldilocks
from lab import SERVER_V4, SERVER_V6, Lab, sh
from runner import run

BOTH = (SERVER_V4, SERVER_V6)


def big_query(bufsize=None, do=True):
    return wire.query(".", "DNSKEY", do=do, bufsize=bufsize)


def test_udp_limits():
    """The smaller of the client's size and the server's decides, and 512 without EDNS."""
    with Lab() as lab, Goldilocks(lab):
        whole = len(wire.ask(wire.query("com.", "DS", do=True, bufsize=4096)))
        assert 512 < whole < 1232 or whole <= 512
        for address in BOTH:
            for name, kind, do, bufsize in ((".", "DNSKEY", True, 4096), (".", "ANY", True, 4096), ("com.", "NS", True, 512),
                                            ("com.", "NS", True, 1232), (".", "NS", False, None), (".", "NS", True, 700),
                                            ("nonexistent-tld.", "A", True, 900), ("com.", "NS", False, None)):
                q = wire.query(name, kind, do=do, bufsize=bufsize)
                over_udp, over_tcp = wire.ask_udp(q, address), wire.ask(q, address)
                limit = min(max(bufsize or 512, 512), 1232)
                assert len(over_udp) <= limit, f"{name} {kind}: {len(over_udp)} bytes where {limit} are allowed"
                if len(over_tcp) > limit:
                    sections = wire.parse(over_udp)
                    assert wire.is_truncated(over_udp) or len(sections.answer) + len(sections.authority), sections
                else:
                    assert not wire.is_truncated(over_udp)
                assert not wire.is_truncated(over_tcp)


def test_max_udp():
    with Lab() as lab, Goldilocks(lab, ["--max-udp", 600]):
        q = wire.query("nonexistent-tld.", "A", do=True, bufsize=4096)
        assert len(wire.ask(q)) > 600
        answer = wire.ask_udp(q)
        assert len(answer) <= 600 and wire.is_truncated(answer)
    with Lab() as lab, Goldilocks(lab, ["--max-udp", 1400]):
        answer = wire.ask_udp(wire.query(".", "NS", do=True, bufsize=1400))
        assert len(answer) <= 1400 and not wire.is_truncated(answer)


def test_udp_truncates_all():
    """--udp=tc: no answer over UDP is larger than its question, and every one sends the client to TCP."""
    with Lab() as lab, Goldilocks(lab, ["--udp=tc"]):
        for address in BOTH:
            for name, kind in (("com.", "NS"), (".", "SOA"), ("nonexistent-tld.", "A")):
                for do in (False, True):
                    q = wire.query(name, kind, do=do, bufsize=1232 if do else None)
                    answer = wire.ask_udp(q, address)
                    assert wire.is_truncated(answer) and len(answer) <= len(q), answer.hex()
                    message = wire.parse(answer)
                    assert not message.answer and not message.authority and not message.additional
            q = dns.message.make_query("com.", "DS", want_dnssec=True)
            answer, by_tcp = dns.query.udp_with_fallback(q, address, timeout=5)
            assert by_tcp and answer.answer
            assert "Truncated, retrying in TCP mode" in sh("dig", "@" + address, "com.", "DS").stdout


def test_udp_any():
    with Lab() as lab, Goldilocks(lab, ["--udp-any=minimal"]):
        for address in BOTH:
            q = wire.query(".", "ANY", do=True, bufsize=1232)
            answer = wire.ask_udp(q, address)
            kinds = {r.rdtype for r in wire.parse(answer).answer if r.rdtype != dns.rdatatype.RRSIG}
            assert not wire.is_truncated(answer) and len(kinds) == 1, wire.parse(answer)
            assert len(wire.parse(wire.ask(q, address)).answer) > 5, "ANY over TCP is not complete"


def test_nsid():
    def nsid_of(server_options, ask):
        with Lab() as lab, Goldilocks(lab, server_options):
            q = dns.message.make_query(".", "SOA", use_edns=0, options=[dns.edns.GenericOption(3, b"")])
            answer = wire.parse(ask(q.to_wire()))
            return [o.data for o in answer.options if o.otype == 3]
    assert nsid_of(["--nsid", "gold-1"], wire.ask) == [b"gold-1"]
    assert nsid_of(["--nsid", "gold-1"], wire.ask_udp) == [b"gold-1"]
    assert nsid_of([], wire.ask) == []


def test_chaos():
    with Lab() as lab, Goldilocks(lab, ["--version-string", "Goldilocks of old", "--server-id", "bear-3"]):
        for ask in (wire.ask, wire.ask_udp):
            for name, text in (("version.bind.", b"Goldilocks of old"), ("id.server.", b"bear-3")):
                answer = wire.parse(ask(wire.query(name, "TXT", klass="CH")))
                assert answer.rcode() == dns.rcode.NOERROR and answer.answer[0][0].strings == (text,), answer
        assert wire.parse(wire.ask(wire.query("other.name.", "TXT", klass="CH"))).rcode() == dns.rcode.REFUSED
    with Lab() as lab, Goldilocks(lab):
        assert wire.parse(wire.ask(wire.query("id.server.", "TXT", klass="CH"))).rcode() == dns.rcode.REFUSED


def test_port():
    with Lab() as lab, Goldilocks(lab, port=5353):
        with wire.connect(port=5353) as s:
            s.sendall(wire.framed(wire.query("com.", "NS")))
            assert wire.parse(wire.read_answer(s)).authority
        try:
            wire.connect(port=53, timeout=3).close()
            raise AssertionError("port 53 is open as well")
        except ConnectionRefusedError:
            pass


def test_origin_on_the_command_line():
    """A zone file with relative names only gets its origin from ORIGIN=FILE."""
    with Lab() as lab:
        text = "$TTL 60\n@ SOA ns hostmaster 1 3600 900 604800 300\n@ NS ns\nns A 192.0.2.53\nwww A 192.0.2.80\n"
        zone = lab.path("relative.zone", text)
        with Goldilocks(lab, zones=[ROOT_ZONE, f"relative.example.={zone}"]):
            answer = wire.parse(wire.ask(wire.query("www.relative.example.", "A")))
            assert answer.answer[0][0].address == "192.0.2.80" and answer.flags & dns.flags.AA


def test_odd_messages():
    """FORMERR, NOTIMP, REFUSED; and a response is never answered."""
    with Lab() as lab, Goldilocks(lab):
        q = bytearray(wire.query("com.", "NS"))
        for ask in (wire.ask, wire.ask_udp):
            notify = bytes(q[:2]) + bytes([4 << 3]) + bytes(q[3:])
            assert ask(notify)[3] & 15 == dns.rcode.NOTIMP
            assert ask(bytes(q[:-3]))[3] & 15 == dns.rcode.FORMERR
        with wire.connect() as s:
            response = bytes(q[:2]) + bytes([q[2] | 0x80]) + bytes(q[3:])
            s.settimeout(0.5)
            s.sendall(wire.framed(response))
            try:
                assert s.recv(1) == b"", "a response was answered"
            except (TimeoutError, ConnectionResetError):
                pass
        try:
            wire.ask_udp(response, timeout=0.5)
            raise AssertionError("a response was answered over UDP")
        except TimeoutError:
            pass
    with Lab() as lab:
        text = "$TTL 60\n@ SOA ns hostmaster 1 3600 900 604800 300\n@ NS ns\nns A 192.0.2.53\n"
        with Goldilocks(lab, zones=[f"only.example.={lab.path('only.zone', text)}"]):
            for ask in (wire.ask, wire.ask_udp):
                assert ask(wire.query("elsewhere.example.", "A"))[3] & 15 == dns.rcode.REFUSED


def flags_of(line):
    """`IP a.port > b.port: Flags [S.], seq 1, ...` as (from the server, flags, payload bytes)."""
    left, right = line.split(": Flags [")
    return (left.split(" > ")[0].endswith(".53"), right.split("]")[0],
            int(re.search(r"length (\d+)", right)[1]))


def test_immediate_mode():
    """The column's order: the query is acknowledged at once, then the answer, then the server's FIN."""
    for timestamps in (True, False):
        with Lab(timestamps=timestamps) as lab, Goldilocks(lab, ["--mode", "immediate"]):
            with Capture(lab, "tcp") as capture:
                for address in BOTH:
                    answer = wire.parse(wire.ask(wire.query("com.", "NS"), address))
                    assert answer.authority
            for family in ("IP ", "IP6 "):
                one = [flags_of(line) for line in capture.lines() if line.startswith(family)]
                server = [(flags, length > 0) for from_server, flags, length in one if from_server]
                assert server[0] == ("S.", False) and server[1] == (".", False), capture.lines()
                assert server[2][1] and any("F" in flags for flags, _ in server[2:]), capture.lines()
                assert not any("R" in flags for _, flags, _ in one), capture.lines()
    with Lab() as lab, Goldilocks(lab, ["--mode", "immediate"]):
        for address in BOTH:
            assert "status: NOERROR" in sh("dig", "@" + address, "+tcp", "com.", "NS").stdout
            with wire.connect(address) as s:
                s.sendall(wire.framed(wire.query("com.", "NS")))
                wire.read_answer(s)
                assert wire.at_end(s)


run(__name__)
