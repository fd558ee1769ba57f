"""Packets lost on either side, and a backend that never says the same thing twice: every answer is of one piece.

Each record of an answer of `vary` holds the serial number of that answer. A client may be reset where the rest of its
answer is no longer known, and asks again; it must never read two answers sewn together.
"""

import asyncio
import random
import time

import dns.rcode

import runner
import wire
from backends import Bad, BackendLab, Changes, Nsd, forward, settle
from exchanges import many, one
from runner import run
from test_large import at_once

LOSS_PERCENT = 5
LIMIT_S = 60
AT_ONCE = 100


def serials(answer):
    return {r.strings[0].split(b"-")[0] for rrset in answer.answer for r in rrset}


def whole(answer, size):
    """An answer of about this size whose records are all of one version."""
    assert answer.rcode() == dns.rcode.NOERROR, f"{dns.rcode.to_text(answer.rcode())} {answer.options}"
    count = sum(len(rrset) for rrset in answer.answer)
    assert count == -(-size // 263), f"{count} records"
    assert len(serials(answer)) == 1, f"answers of {serials(answer)} in one"


class Ask:
    """A kind of exchange (exchanges.py): one question after the other on one connection, each answer checked."""

    def __init__(self, check, pause=0.0):
        self.__name__, self.check, self.pause, self.may_be_reset = "vary", check, pause, True

    async def __call__(self, reader, writer, queries):
        for q, what in queries:
            writer.write(wire.framed(q))
            await asyncio.sleep(self.pause)
            length = int.from_bytes(await reader.readexactly(2), "big")
            self.check(wire.parse(await reader.readexactly(length)), what)


def exchanges(count, choose, kind):
    outcome = asyncio.run(many(kind, choose, count, AT_ONCE, LIMIT_S))
    failures = outcome.failures + outcome.given_up
    assert not failures, f"{len(failures)} of {count} failed:\n" + "\n".join(failures[:5])
    runner.report(f"{outcome.percentiles()}; {outcome.resets} reset")
    return outcome


def lossy(sides, sizes, count, per_connection, options=(), **lab_options):
    """sides: on which packets are lost. The backends have IPv6 addresses: their fragments are put together here."""
    with BackendLab(**lab_options) as lab, Bad(lab, 20), Bad(lab, 21):
        with lab.goldilocks(["--forward", forward(20, family=6), "--forward", forward(21, family=6),
                             "--forward-tries", 8, "--forward-timeout", 300, "--forward-health-failures", 20, *options]) as server:
            settle(server, 0, 1)
            if "client" in sides:
                lab.lose(LOSS_PERCENT)
            if "backend" in sides:
                lab.lose_behind(LOSS_PERCENT)
            randomness = random.Random(sides)

            def choose(n):
                chosen = [randomness.choice(sizes) for _ in range(per_connection)]
                return [(wire.query(f"vary-{size}.c{n}-{m}.test.", "TXT", bufsize=1232), size)
                        for m, size in enumerate(chosen)]
            changes = Changes(server, 2)
            try:
                exchanges(count, choose, Ask(whole))
            finally:
                runner.report(str(changes.grown()[0]))
            if "client" in sides:
                assert min(lab.lose_nothing()) > 0
            if "backend" in sides:
                assert lab.lost_behind() > 0


def test_client_side():
    lossy("client", (300, 1000, 3000), 300, 3)


def test_client_side_large():
    lossy("client", (9000, 20000, 40000), 100, 1)


def test_client_side_large_without_flow_cache():
    lossy("client", (9000, 20000), 60, 1, ["--flow-cache", 0])


def test_client_side_without_timestamps():
    lossy("client", (300, 3000, 9000), 150, 1, timestamps=False)


def test_backend_side():
    """Fragments too: one that is lost costs the whole reply."""
    lossy("backend", (300, 1000, 3000, 9000), 300, 3)


def test_both_sides():
    lossy("client backend", (300, 3000, 9000, 20000), 200, 2)


def test_both_sides_with_answers_served_again():
    lossy("client backend", (300, 3000, 9000), 200, 2, ["--forward-serve", 2])


def test_equal_questions_of_many_clients():
    """The same name for all, so that every answer is asked for by several at once; with and without losses."""
    with BackendLab() as lab, Bad(lab, 20):
        with lab.goldilocks(["--forward", forward(20)]) as server:
            settle(server)

            def choose(n):
                size = (500, 9000, 20000)[n % 3]
                return [(wire.query(f"vary-{size}.same.test.", "TXT", bufsize=1232), size)]
            exchanges(300, choose, Ask(whole))
            lab.lose(LOSS_PERCENT)
            exchanges(150, choose, Ask(whole))
            lab.lose_nothing()


def forgotten(keep, pause):
    """A client that pauses in the middle of its answer, with a small window, for longer than the answer is kept; how
    many got it whole, and how many were reset."""
    sizes = (40000,)
    with BackendLab() as lab, Bad(lab, 20):
        with lab.goldilocks(["--forward", forward(20), "--forward-keep", keep]) as server:
            settle(server)
            results = []

            def slowly(n):
                with wire.connect(receive_buffer=8192, timeout=30) as s:
                    s.sendall(wire.framed(wire.query(f"vary-{sizes[0]}.slow-{n}.test.", "TXT")))
                    length = int.from_bytes(wire.read_exactly(s, 2), "big")
                    begun = wire.read_exactly(s, 1000)
                    time.sleep(pause)
                    try:
                        whole(wire.parse(begun + wire.read_exactly(s, length - 1000)), sizes[0])
                        results.append("whole")
                    except ConnectionResetError:
                        results.append("reset")
            at_once([(slowly, n) for n in range(10)])
            return results, server.forwarding()


def test_a_pause_within_what_is_kept():
    results, counters = forgotten(keep=20, pause=3)
    assert results == ["whole"] * 10, (results, counters)


def test_a_pause_beyond_what_is_kept():
    """Reset rather than sewn together."""
    results, counters = forgotten(keep=1, pause=4)
    assert set(results) <= {"whole", "reset"} and len(results) == 10, results
    assert results.count("reset") >= 5 and counters["unrepeatable"] >= 5, (results, counters)


def test_rotation_and_ageing():
    """Records that go round and TTLs that count down, over one connection and over many."""
    def check(answer, what):
        assert answer.rcode() == dns.rcode.NOERROR, answer
        if what == "age":
            assert answer.answer[0].ttl <= 300 and answer.answer[0][0].to_text() == "10.9.8.7", answer
        else:
            assert sorted(r.to_text() for r in answer.answer[0]) == [f"10.0.0.{n}" for n in range(8)], answer
    with BackendLab() as lab, Bad(lab, 20), lab.goldilocks(["--forward", forward(20)]) as server:
        settle(server)
        lab.lose(LOSS_PERCENT)
        exchanges(200, lambda n: [(wire.query(f"{what}.r{n}-{m}.test.", "A"), what)
                                  for m, what in enumerate(("rotate-8", "age", "rotate-8"))], Ask(check))
        lab.lose_nothing()


def test_zone_data_under_loss():
    """Bytes compared, with NSD behind: it always says the same."""
    with BackendLab() as lab, Nsd(lab, 10) as nsd:
        names = ("com.", "net.", "se.", "nonexistent-tld.", "org.", ".")
        pairs = [(q, nsd.ask(q)) for q in (wire.query(name, kind) for name in names for kind in ("NS", "DS", "SOA"))]
        with lab.goldilocks(["--forward", forward(10), "--forward-tries", 8, "--forward-timeout", 300,
                             "--forward-health-failures", 20]) as server:
            settle(server)
            lab.lose(LOSS_PERCENT)
            lab.lose_behind(2)
            changes = Changes(server, 1)

            def choose(n):
                q, answer = pairs[n % len(pairs)]
                return [(wire.with_id(q, n), wire.with_id(answer, n))]
            try:
                exchanges(300, choose, one)
            finally:
                runner.report(str(changes.grown()))
            lab.lose_nothing()


run(__name__)
