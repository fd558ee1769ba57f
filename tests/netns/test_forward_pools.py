"""Several backends: by weight, up and down, by suffix, beside zones from memory."""

import time

import dns.rcode

import wire
from backends import Bad, BackendLab, Changes, Nsd, forward, settle
from goldilocks import ROOT_ZONE
from lab import SERVER_V4, SERVER_V6, wait_for
from runner import run
from zones import txt_zone

NOERROR, SERVFAIL, REFUSED = dns.rcode.NOERROR, dns.rcode.SERVFAIL, dns.rcode.REFUSED


def up(server, index):
    return server.backend(index, "cores_up") == 1


def ask_many(count, label, rcode=NOERROR):
    for n in range(count):
        ask = wire.ask if n % 2 else wire.ask_udp
        answer = wire.parse(ask(wire.query(f"ok.{label}-{n}.test."), (SERVER_V4, SERVER_V6)[n // 2 % 2]))
        assert answer.rcode() == rcode, answer


def test_weights():
    with BackendLab() as lab, Bad(lab, 20) as heavy, Bad(lab, 21) as light, Bad(lab, 22) as middle:
        with lab.goldilocks(["--forward", forward(20, "", "weight=6"), "--forward", forward(21),
                             "--forward", forward(22, "", "weight=3")]) as server:
            settle(server, 0, 1, 2)
            ask_many(500, "w")
            shares = [len(b.asked()) for b in (heavy, light, middle)]
            assert sum(shares) == 500, shares
            for share, wanted in zip(shares, (300, 50, 150)):
                assert wanted * 0.6 <= share <= wanted * 1.4, shares


def test_down_and_up_again():
    """A backend that answers no health check is asked no more, and again when it answers one."""
    with BackendLab() as lab, Bad(lab, 20) as one, Bad(lab, 21) as other:
        with lab.goldilocks(["--forward", forward(20), "--forward", forward(21), "--forward-timeout", 200]) as server:
            settle(server, 0, 1)
            for b, index in ((one, 0), (other, 1)):
                b.ill("silent")
                wait_for(lambda i=index: not up(server, i), "it counts as up")
                for bad in (one, other):
                    bad.forget()
                ask_many(40, f"down-{index}")
                assert not b.asked() and len((one, other)[1 - index].asked()) == 40
                b.ill(None)
                wait_for(lambda i=index: up(server, i), "it counts as down")
                ask_many(40, f"up-{index}")
                assert b.asked()
            # Both: SERVFAIL, without waiting for a time-out.
            for b in (one, other):
                b.ill("silent")
            wait_for(lambda: not up(server, 0) and not up(server, 1), "they count as up")
            changes = Changes(server, 2)
            began = time.monotonic()
            ask_many(10, "none", SERVFAIL)
            assert time.monotonic() - began < 10 * 2 * 0.2, "they were waited for"
            changes.expect({"failed_down": (10, 20), "failed_timeout": 0})
            for b in (one, other):
                b.ill(None)
            wait_for(lambda: up(server, 0) and up(server, 1), "they count as down")
            ask_many(10, "again")
            for index in (0, 1):
                counters = server.backend(index)
                assert counters["went_down"] == 2 and counters["came_up"] >= 2, counters
                assert counters["health_failed"] >= 6 and counters["health_sent"] > counters["health_failed"], counters


def test_health_query_and_no_health_checks():
    """What is asked may be chosen; without checks a backend counts as up whatever it does."""
    with BackendLab() as lab, Bad(lab, 20) as bad:
        with lab.goldilocks(["--forward", forward(20), "--forward-health-query", "ok.health.test/TXT"]) as server:
            settle(server)
            asked = bad.asked(name="ok.health.test.")
            assert asked and asked[0]["type"] == 16 and asked[0]["transport"] == "udp", bad.asked()
        bad.ill("silent")
        bad.forget()
        with lab.goldilocks(["--forward", forward(20), "--forward-health", 0]) as server:
            before = bad.tell("health_count")
            time.sleep(2.5)
            # The first question may have to wait for the backend's hardware address.
            wait_for(lambda: wire.parse(wire.ask(wire.query("ok.first.test."))).rcode() == NOERROR, "never answered")
            ask_many(10, "unchecked")
            assert up(server, 0) and bad.tell("health_count") == before
            assert server.backend(0, "health_sent") == 0


def test_health_checks_that_are_refused():
    """Any reply shows that it is there."""
    with BackendLab() as lab, Bad(lab, 20) as bad:
        bad.ill("refused")
        with lab.goldilocks(["--forward", forward(20)]) as server:
            settle(server)
            time.sleep(4)
            assert up(server, 0)
            ask_many(4, "refusing")


def test_by_suffix_beside_zones():
    """The longest suffix decides, and a zone wins over a backend of the same name."""
    with BackendLab() as lab, Bad(lab, 20) as far, Bad(lab, 21) as near:
        zone = lab.path("big.zone", txt_zone(sizes=(500, 9000)))
        with lab.goldilocks(["--forward", forward(20, "test."), "--forward", forward(21, "near.test."),
                             "--forward", forward(21, "below.big.example."), "--forward", forward(20, "big.example.")],
                            zones=[ROOT_ZONE, zone]) as server:
            settle(server, 0, 1)
            for address in (SERVER_V4, SERVER_V6):
                for ask in (wire.ask, wire.ask_udp):
                    assert wire.parse(ask(wire.query("com.", "NS"), address)).authority
                    assert wire.parse(ask(wire.query("testa.", "NS"), address)).rcode() == dns.rcode.NXDOMAIN
                    answer = wire.parse(ask(wire.query("serial.big.example.", "TXT"), address))
                    assert answer.answer[0][0].strings[0] == b"1", answer
                    for name in ("ok.test.", "ok.far.test.", "OK.FAR.TEST.", "ok.nearby.test.", "ok.x.near.test.",
                                 "ok.near.test.", "ok.below.big.example."):
                        assert wire.parse(ask(wire.query(name), address)).rcode() == NOERROR
                # On one connection, mixed.
                with wire.connect(address) as s:
                    queries = [wire.query(n, "TXT") for n in ("t0.big.example.", "ok.far.test.", "t1.big.example.",
                                                              "big-3000.near.test.", "com.", "ok.below.big.example.")]
                    s.sendall(b"".join(map(wire.framed, queries)))
                    for q in queries:
                        answer = wire.parse(wire.read_answer(s))
                        assert answer.question == wire.parse(q).question and answer.rcode() == NOERROR, answer
            names = {q["name"] for q in far.asked()}
            assert names == {"ok.test.", "ok.far.test.", "ok.nearby.test."}, names
            names = {q["name"] for q in near.asked()}
            assert names == {"ok.x.near.test.", "ok.near.test.", "ok.below.big.example.", "big-3000.near.test."}, names
            assert server.total("queries_tcp") > 0, "nothing came from the zones"


def test_zone_answers_while_the_backend_is_silent():
    """What waits for a backend holds up nobody else, not even on the same connection behind it."""
    with BackendLab() as lab, Bad(lab, 20), lab.goldilocks(
            ["--forward", forward(20, "test."), "--forward-timeout", 1000], zones=[ROOT_ZONE]) as server:
        settle(server)
        with wire.connect() as waiting:
            waiting.sendall(wire.framed(wire.query("silent.test.")))
            took = []
            for _ in range(40):
                began = time.monotonic()
                assert wire.parse(wire.ask(wire.query("com.", "NS"))).authority
                assert wire.parse(wire.ask_udp(wire.query("com.", "NS"))).authority
                took.append(time.monotonic() - began)
            assert sorted(took)[20] < 0.1, took
            assert wire.parse(wire.read_answer(waiting)).rcode() == SERVFAIL
            waiting.sendall(wire.framed(wire.query("silent.second.test.")) + wire.framed(wire.query("com.", "NS")))
            assert wire.parse(wire.read_answer(waiting)).rcode() == SERVFAIL
            assert wire.parse(wire.read_answer(waiting)).authority


def test_served_from_the_store():
    """For so many seconds a question is not asked again, and the TTL that clients see counts down."""
    with BackendLab() as lab, Bad(lab, 20) as bad, lab.goldilocks(
            ["--forward", forward(20), "--forward-serve", 3]) as server:
        settle(server)
        ttls = []
        for n in range(24):
            answer = wire.parse((wire.ask, wire.ask_udp)[n % 2](wire.query("ok.served.test."), (SERVER_V4, SERVER_V6)[n % 2]))
            assert answer.rcode() == NOERROR
            ttls.append(answer.answer[0].ttl)
            time.sleep(0.1)
        asked = len(bad.asked(name="ok.served.test."))
        assert asked == 1, f"asked {asked} times"
        assert ttls[0] == 300 and 297 <= ttls[-1] <= 299 and ttls == sorted(ttls, reverse=True), ttls
        assert server.forwarding("served") >= 23, server.forwarding()
        time.sleep(1.5)
        wire.ask(wire.query("ok.served.test."))
        assert len(bad.asked(name="ok.served.test.")) == 2
        # Nothing but an answer is served again: what was silent once is asked again.
        for _ in range(2):
            assert wire.parse(wire.ask_udp(wire.query("silent.served.test."))).rcode() == SERVFAIL
        assert len(bad.asked(name="silent.served.test.")) == 4


def test_nsd_and_a_dead_address():
    """A pool of a name server and of an address where nobody is: every question is answered, the first ones too."""
    with BackendLab() as lab, Nsd(lab, 10), lab.goldilocks(
            ["--forward", forward(10), "--forward", forward(99), "--forward-timeout", 200]) as server:
        settle(server)
        for n in range(40):
            ask = wire.ask if n % 2 else wire.ask_udp
            assert wire.parse(ask(wire.query("com.", "NS"))).rcode() == NOERROR
        assert server.backend(1, "unreachable") > 0 and server.backend(1, "answered") == 0, server.backend(1)


run(__name__)
