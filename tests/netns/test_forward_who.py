"""Who asks, and what is more than a question: PROXYv2, client subnet, EDNS, transfers, UPDATE and NOTIFY."""

import struct
import time

import dns.edns
import dns.flags
import dns.message
import dns.opcode
import dns.query
import dns.rcode
import dns.update
import dns.zone

import wire
from backends import KERNEL_V4, OWN, Bad, BackendLab, Changes, Dnsdist, Knot, Nsd, Unbound, forward, settle, v4, v6
from goldilocks import ROOT_ZONE
from lab import CLIENT_V4, CLIENT_V6, SERVER_V4, SERVER_V6, sh
from runner import run
from zones import txt_zone

NOERROR, REFUSED = dns.rcode.NOERROR, dns.rcode.REFUSED
PAIRS = ((CLIENT_V4, SERVER_V4), (CLIENT_V6, SERVER_V6))
ECS = 8


# --- PROXYv2

def test_proxy_header():
    """Byte for byte what the specification says: a client's addresses and ports, over UDP and over TCP."""
    with BackendLab() as lab, Bad(lab, 20) as bad, lab.goldilocks(["--forward", forward(20, "", "proxy")]) as server:
        settle(server)
        for client, at in PAIRS:
            for ask, name in ((wire.ask, "ok.stream.test."), (wire.ask_udp, "ok.dgram.test."), (wire.ask, "tc.test.")):
                bad.forget()
                assert wire.parse(ask(wire.query(name), at)).rcode() == NOERROR
                seen = bad.asked(name=name)
                assert [q["transport"] for q in seen] == (["udp", "tcp"] if name == "tc.test." else ["udp"]), seen
                for q in seen:
                    proxy = q["proxy"]
                    assert proxy and proxy["command"] == 1, q
                    assert proxy["source"] == client and proxy["target"] == at and proxy["ports"][1] == 53, q
                    assert proxy["ports"][0] >= 1024, q


def test_proxy_is_off_by_default():
    with BackendLab() as lab, Bad(lab, 20) as bad, lab.goldilocks(["--forward", forward(20)]) as server:
        settle(server)
        wire.ask(wire.query("ok.test."))
        assert [q["proxy"] for q in bad.asked()] == [None], bad.asked()


def test_proxy_knot():
    """Knot says by what address it was asked (mod-whoami), and believes our header."""
    with BackendLab() as lab:
        zone = lab.path("who.zone", txt_zone("who.example."))
        lab.use(Knot(lab, 11, [zone], server="    proxy-allowlist: [198.51.100.0/24, 2001:db8:b::/64]",
                     each_zone="    module: mod-whoami\n"))
        for proxy, told in (("proxy", True), ("", False)):
            with lab.goldilocks(["--forward", forward(11, "", *filter(None, [proxy])),
                                 "--forward-health-query", "who.example./SOA"]) as server:
                settle(server)
                for client, at in PAIRS:
                    kind = "AAAA" if ":" in client else "A"
                    for ask in (wire.ask, wire.ask_udp):
                        answer = wire.parse(ask(wire.query("who.example.", kind), at))
                        said = [r.to_text() for rrset in answer.answer for r in rrset]
                        assert (said == [client]) if told else (client not in said), answer


def test_proxy_unbound():
    """unbound lets this client ask and refuses another, by the address in the header; its log says so too. What does not
    fit over UDP is asked over TCP, with the header too."""
    with BackendLab() as lab:
        zones = [ROOT_ZONE, lab.path("big.zone", txt_zone(sizes=(9000,)))]
        rules = f"  access-control: {CLIENT_V4}/32 allow\n  access-control: {CLIENT_V6}/128 refuse\n"
        unbound = lab.use(Unbound(lab, 12, zones, more=rules))
        with lab.goldilocks(["--forward", forward(12, "", "proxy", port=Unbound.proxy_port)]) as server:
            settle(server)
            for ask in (wire.ask, wire.ask_udp):
                assert wire.parse(ask(wire.query("com.", "NS"), SERVER_V4)).rcode() == NOERROR
                assert wire.parse(ask(wire.query("com.", "NS"), SERVER_V6)).rcode() == REFUSED
            assert len(wire.ask(wire.query("t0.big.example.", "TXT"))) > 9000
            assert server.backend(0, "answered_tcp") == 1, server.backend(0)
        for asked in ("com. NS IN", "t0.big.example. TXT IN"):
            assert f"info: {CLIENT_V4} {asked}" in unbound.log(), unbound.log()[-1500:]


def test_proxy_dnsdist():
    """dnsdist asks for the header, and rules by the address in it."""
    with BackendLab() as lab:
        nsd = lab.use(Nsd(lab, 10, [ROOT_ZONE, lab.path("big.zone", txt_zone(sizes=(9000,)))]))
        # Over TCP it is the kernel's address that asks.
        more = (f"setProxyProtocolACL({{'{v4(OWN)}/32', '{v6(OWN)}/128', '{KERNEL_V4}{OWN}/32'}})\n"
                "addAction('big.example.', AllowAction())\n"
                f"addAction('{CLIENT_V4}/32', SpoofAction('192.0.2.99'))")
        dist = Dnsdist(lab, 13, [nsd], more=more)
        lab.use(dist)
        with lab.goldilocks(["--forward", forward(13, "", "proxy")]) as server:
            settle(server)
            for ask in (wire.ask, wire.ask_udp):
                answer = wire.parse(ask(wire.query("com.", "A"), SERVER_V4))
                assert [r.to_text() for r in answer.answer[0]] == ["192.0.2.99"], answer
                assert not wire.parse(ask(wire.query("com.", "A"), SERVER_V6)).answer
            assert len(wire.ask(wire.query("t0.big.example.", "TXT"))) > 9000


# --- EDNS

def subnet_of(question):
    """The client subnet option that a backend got: family, prefix length, scope, address bytes."""
    raw, at = bytes.fromhex(question["options"]), 0
    while at < len(raw):
        code, length = struct.unpack_from("!HH", raw, at)
        if code == ECS:
            return (*struct.unpack_from("!HBB", raw, at + 4), raw[at + 8:at + 4 + length].hex())
        at += 4 + length
    return None


def test_client_subnet():
    with BackendLab() as lab, Bad(lab, 20) as bad, lab.goldilocks(
            ["--forward", forward(20), "--forward-ecs", "24/56"]) as server:
        settle(server)
        for at, wanted in ((SERVER_V4, (1, 24, 0, "c00002")), (SERVER_V6, (2, 56, 0, "20010db8000000"))):
            for ask in (wire.ask, wire.ask_udp):
                for bufsize in (None, 1232):
                    bad.forget()
                    answer = wire.parse(ask(wire.query("ok.test.", bufsize=bufsize), at))
                    assert answer.rcode() == NOERROR and answer.edns == (0 if bufsize else -1)
                    assert not answer.options, answer
                    assert subnet_of(bad.asked()[0]) == wanted, bad.asked()
        # A client that has its own keeps it.
        bad.forget()
        q = dns.message.make_query("ok.own.test.", "A", use_edns=0, options=[dns.edns.ECSOption("203.0.113.0", 24)])
        dns.query.tcp(q, SERVER_V4, timeout=5)
        assert subnet_of(bad.asked()[0]) == (1, 24, 0, "cb0071"), bad.asked()


def test_no_client_subnet_by_default():
    with BackendLab() as lab, Bad(lab, 20) as bad, lab.goldilocks(["--forward", forward(20)]) as server:
        settle(server)
        wire.ask(wire.query("ok.test.", bufsize=1232))
        assert bad.asked()[0]["options"] == "" and bad.asked()[0]["edns"] > 1232, bad.asked()


def test_edns_toward_the_backend():
    """DO, RD, CD and the client's options go on; keepalive and padding, which are for us, do not."""
    with BackendLab() as lab, Bad(lab, 20) as bad, lab.goldilocks(["--forward", forward(20)]) as server:
        settle(server)
        mine = dns.edns.GenericOption(65001, b"option of the client")
        hop = [dns.edns.GenericOption(11, b""), dns.edns.GenericOption(12, b"\0" * 40)]
        for n, (do, flags) in enumerate(((True, dns.flags.RD), (False, dns.flags.CD), (True, 0), (False, dns.flags.AD))):
            name = f"ok.edns-{n}.test."
            q = dns.message.make_query(name, "A", use_edns=0, want_dnssec=do, options=[mine, *hop])
            q.flags = q.flags & ~dns.flags.RD | flags
            answer = dns.query.tcp(q, SERVER_V4, timeout=5)
            seen, = bad.asked(name=name)
            assert seen["do"] == do and seen["flags"] & 0x0130 == flags, seen
            assert seen["options"] == struct.pack("!HH", 65001, 20).hex() + b"option of the client".hex(), seen
            assert answer.flags & dns.flags.RD == q.flags & dns.flags.RD, answer
            assert bool(answer.ednsflags & dns.flags.DO) == do, answer
            assert answer.edns == 0 and answer.payload <= 4096, answer
        # Without EDNS: the backend gets it, the client does not.
        answer = wire.parse(wire.ask(wire.query("ok.plain.test.")))
        seen, = bad.asked(name="ok.plain.test.")
        assert seen["edns"] and answer.edns == -1, (seen, answer)


def test_odd_ids_and_ports():
    """IDs and source ports toward a backend are hard to guess: none is repeated soon, and they are spread out."""
    with BackendLab() as lab, Bad(lab, 20) as bad, lab.goldilocks(["--forward", forward(20)]) as server:
        settle(server)
        for n in range(300):
            wire.ask_udp(wire.query(f"ok.random-{n}.test.", number=7))
        seen = bad.asked()
        assert len(seen) == 300
        ids, ports = {q["id"] for q in seen}, {q["port"] for q in seen}
        assert len(ids) > 290 and len({i >> 12 for i in ids}) == 16, len(ids)
        assert len(ports) > 250 and max(ports) - min(ports) > 8192, (len(ports), min(ports), max(ports))


# --- transfers, UPDATE, NOTIFY

def transfer(at, name="big.example.", **how):
    return dns.zone.from_xfr(dns.query.xfr(at, name, timeout=5, lifetime=10, relativize=False, **how), relativize=False)


def rcode_of_transfer(at, kind):
    return wire.parse(wire.ask(wire.query("big.example.", kind), at)).rcode()


def test_transfers_are_refused_by_default():
    with BackendLab() as lab:
        lab.use(Nsd(lab, 10, [lab.path("big.zone", txt_zone(sizes=(3000,)))]))
        with lab.goldilocks(["--forward", forward(10, "example."),
                             "--forward-health-query", "big.example./SOA"]) as server:
            settle(server)
            for _, at in PAIRS:
                assert rcode_of_transfer(at, "AXFR") == REFUSED
                text = sh("dig", "@" + at, "big.example.", "AXFR", check=False).stdout
                assert "Transfer failed" in text, text
            assert server.forwarding("refused") >= 4 and server.backend(0, "sent_tcp") == 0, server.forwarding()


def test_transfers_passed():
    """A zone of one message, and one of several, by dig, kdig and dnspython."""
    with BackendLab() as lab:
        sizes = (3000, 9000, 20000)
        knot = lab.use(Knot(lab, 11, [lab.path("big.zone", txt_zone(sizes=sizes))]))
        with lab.standing_behind():
            wanted = transfer(knot.addresses[0])
        with lab.goldilocks(["--forward", forward(11, "example."), "--forward-transfers", "pass",
                             "--forward-health-query", "big.example./SOA"]) as server:
            settle(server)
            for _, at in PAIRS:
                got = transfer(at)
                assert got == wanted and len(got.nodes) == len(sizes) + 3, got.nodes.keys()
                for program in ("dig", "kdig"):
                    text = sh(program, "@" + at, "big.example.", "AXFR", "+tcp", timeout=20).stdout
                    assert text.count("IN\tSOA") == 2 and text.count("IN\tTXT") == sum(-(-s // 263) for s in sizes) + 1, text
            assert server.backend(0, "sent_tcp") == server.backend(0, "answered_tcp") == 6, server.backend(0)


def test_transfer_that_is_too_long():
    """More than one reply may hold: an error, and no half a zone."""
    with BackendLab() as lab:
        lab.use(Knot(lab, 11, [lab.path("big.zone", txt_zone(sizes=(50000, 50000)))]))
        with lab.goldilocks(["--forward", forward(11, "example."), "--forward-transfers", "pass",
                             "--forward-health-query", "big.example./SOA"]) as server:
            settle(server)
            for _, at in PAIRS:
                assert rcode_of_transfer(at, "AXFR") in (dns.rcode.SERVFAIL, REFUSED)
            assert 2 <= server.backend(0, "failed_tcp") <= 4 and server.backend(0, "answered_tcp") == 0, server.backend(0)


def update(label):
    message = dns.update.Update("dyn.test.")
    message.add(label, 60, "A", "10.1.2.3")
    return message


def notify(name):
    message = dns.message.make_query(name, "SOA")
    message.set_opcode(dns.opcode.NOTIFY)
    message.flags = message.flags & ~dns.flags.RD | dns.flags.AA
    return message


def test_update_and_notify_are_refused_by_default():
    with BackendLab() as lab, Bad(lab, 20) as bad, lab.goldilocks(["--forward", forward(20)]) as server:
        settle(server)
        for ask in (dns.query.tcp, dns.query.udp):
            for message in (update("a"), notify("ok.test.")):
                assert ask(message, SERVER_V4, timeout=5).rcode() == REFUSED
        assert bad.asked() == [], bad.asked()
        assert 4 <= server.forwarding("refused") <= 8, server.forwarding()


def test_update_and_notify_passed_once():
    """Each to one backend, one time: also where it is lost, and where a second backend is there."""
    with BackendLab() as lab, Bad(lab, 20) as one, Bad(lab, 21) as other:
        with lab.goldilocks(["--forward", forward(20), "--forward", forward(21), "--forward-updates", "pass",
                             "--forward-notifies", "pass", "--forward-timeout", 300, "--forward-tries", 4]) as server:
            settle(server, 0, 1)

            def count(opcode):
                return [q["transport"] for b in (one, other) for q in b.asked() if q["opcode"] == opcode]
            for n, ask in enumerate((dns.query.tcp, dns.query.udp)):
                for b in (one, other):
                    b.forget()
                assert ask(update(f"b{n}"), SERVER_V4, timeout=5).rcode() == NOERROR
                assert count(5) == ["tcp"], (one.asked(), other.asked())
                assert ask(notify("ok.test."), SERVER_V6, timeout=5).rcode() == NOERROR
                assert count(4) == ["udp"], (one.asked(), other.asked())
            for b in (one, other):
                b.always("silent")
            for ask in (dns.query.tcp, dns.query.udp):
                for b in (one, other):
                    b.forget()
                assert ask(update("c"), SERVER_V4, timeout=5).rcode() == dns.rcode.SERVFAIL
                assert count(5) == ["tcp"], (one.asked(), other.asked())
                assert ask(notify("ok.test."), SERVER_V6, timeout=5).rcode() == dns.rcode.SERVFAIL
                time.sleep(0.5)
                assert count(4) == ["udp"], (one.asked(), other.asked())


def test_update_of_a_real_server():
    """nsupdate, which signs with TSIG: the server checks a MAC over every byte but the ID."""
    with BackendLab() as lab:
        secret = "c2VjcmV0IG9mIHRoZSB0ZXN0IHdpdGggMzIgYnl0ZXM="
        zone = lab.path("dyn.zone", txt_zone("dyn.example."))
        lab.use(Knot(lab, 11, [zone], tsig_secret=secret))
        with lab.goldilocks(["--forward", forward(11), "--forward-updates", "pass",
                             "--forward-health-query", "dyn.example./SOA"]) as server:
            settle(server)
            for n, (at, flag) in enumerate(((SERVER_V4, []), (SERVER_V6, ["-v"]))):  # -v: over TCP
                orders = lab.path("orders", f"server {at}\nzone dyn.example.\nupdate add new{n}.dyn.example. 60 A 10.1.1.{n}\n"
                                  "send\n")
                sh("nsupdate", *flag, "-y", f"hmac-sha256:k:{secret}", orders, timeout=20)
                answer = wire.parse(wire.ask(wire.query(f"new{n}.dyn.example."), at))
                assert [r.to_text() for r in answer.answer[0]] == [f"10.1.1.{n}"], answer
            wrong = sh("nsupdate", "-y", "hmac-sha256:k:" + secret[::-1].strip("=") + "=", orders, check=False, timeout=20)
            assert wrong.returncode != 0, wrong.stdout
            changes = Changes(server)
            text = sh("dig", "@" + SERVER_V4, "+tcp", "-y", f"hmac-sha256:k:{secret}", "dyn.example.", "SOA").stdout
            assert "status: NOERROR" in text and "TSIG" in text and "verify failure" not in text, text
            changes.expect({"answered": (1, 2)})


run(__name__)
