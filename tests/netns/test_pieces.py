"""Queries in pieces, by a writer that pauses for longer than its kernel's timer: that repeats the first piece, with a congestion
window of one segment then, and sends nothing behind it before it is acknowledged (docs/protocol.md, "Partial acknowledgement").
"""

import threading
import time

import runner
import wire
from goldilocks import ROOT_ZONE, Goldilocks
from lab import SERVER_V4, SERVER_V6, Lab
from runner import run
from soft_state import LARGE, SIZES
from zones import txt_zone

BOTH = (SERVER_V4, SERVER_V6)
PAUSE_S = 0.7  # two repetitions of Linux fit: 200 and 400 ms
PIECES = 5
LIMIT_S = 15   # from the last piece to the answer
QUESTIONS = {"small": ("com.", "NS", False), "30,000 bytes": LARGE[SIZES.index(30000)]}


def served(lab, *options):
    return Goldilocks(lab, options, zones=[ROOT_ZONE, lab.path("big.zone", txt_zone(sizes=SIZES))])


def cut(stream, count=PIECES):
    """The first piece is one byte, of the length prefix."""
    places = [0, 1, *(len(stream) * n // count for n in range(1, count)), len(stream)]
    return [stream[a:b] for a, b in zip(places, places[1:])]


class Asking(threading.Thread):
    """One connection, whose queries are written in pieces. seconds: from the last piece to the answer."""

    def __init__(self, address, pairs, before=None):
        super().__init__()
        self.address, self.pairs, self.before = address, pairs, before
        self.seconds, self.reset, self.failure = [], False, None
        self.start()

    def run(self):
        try:
            with wire.connect(self.address, timeout=LIMIT_S) as s:
                for pair in self.pairs:
                    self.one(s, *pair)
        except (ConnectionResetError, BrokenPipeError):
            self.reset = True
        except Exception as e:  # reported by whom it concerns
            self.failure = f"{type(e).__name__} {e}"

    def one(self, s, query, expected):
        for n, piece in enumerate(cut(wire.framed(query))):
            if n:
                time.sleep(PAUSE_S)
            if self.before:
                self.before(n)
            s.sendall(piece)
        began = time.monotonic()
        assert wire.read_answer(s) == expected, "wrong answer"
        self.seconds.append(time.monotonic() - began)


def pairs_of(lab):
    """{what: (query, answer)}"""
    asked = {what: wire.query(name, kind, do=do) for what, (name, kind, do) in QUESTIONS.items()}
    return {what: (query, wire.ask(query)) for what, query in asked.items()}


def all_done(asking):
    for thread in asking.values():
        thread.join()
    return [f"{name}: {thread.failure}" for name, thread in asking.items() if thread.failure]


def test_pieces():
    """Two queries of the kind over each connection: the second begins where the first was held."""
    with Lab() as lab, served(lab) as server:
        asking = {f"{what} {address}": Asking(address, [pair, pair])
                  for what, pair in pairs_of(lab).items() for address in BOTH}
        failures = all_done(asking)
        assert not failures, failures
        for name, thread in asking.items():
            assert not thread.reset, f"{name} was reset"
            runner.report(f"{name}: answered {', '.join(f'{s * 1000:.0f}' for s in thread.seconds)} ms after the last piece")
            assert len(thread.seconds) == 2 and max(thread.seconds) < 1, thread.seconds
        assert server.total("acked_piece") >= 8 * (PIECES - 1), server.total("acked_piece")
        assert server.total("reset_forgotten") == 0


def test_pieces_of_several_clients_lose_a_server():
    """Killed and started again between two pieces: a RST where pieces were acknowledged, and never a stall."""
    with Lab() as lab, served(lab) as server:
        pairs = pairs_of(lab)
        ready, go_on = threading.Barrier(2 * len(pairs) + 1), threading.Event()

        def at_the_third(n):
            if n == 3:
                ready.wait(60)
                go_on.wait(60)
        asking = {f"{what} {address}": Asking(address, [pair], at_the_third)
                  for what, pair in pairs.items() for address in BOTH}
        ready.wait(60)
        assert server.total("acked_piece") >= 2 * len(asking)
        server.kill()
        server.start()
        go_on.set()
        failures = all_done(asking)
        assert not failures, failures
        runner.report("; ".join(f"{name}: {'reset' if t.reset else 'answered'}" for name, t in asking.items()))
        assert all(thread.reset or len(thread.seconds) == 1 for thread in asking.values())
        assert server.total("reset_forgotten") >= sum(thread.reset for thread in asking.values())
        for what, (query, expected) in pairs.items():
            assert wire.ask(query) == expected, what


def test_pieces_without_a_pause_stay_stateless():
    """No piece is acknowledged that comes before the client's timer: such a client survives a restart."""
    with Lab() as lab, served(lab) as server:
        query, expected = pairs_of(lab)["small"]
        for address in BOTH:
            with wire.connect(address, timeout=LIMIT_S) as s:
                parts, before = cut(wire.framed(query)), server.total("acked_piece")
                for piece in parts[:3]:
                    s.sendall(piece)
                    time.sleep(0.001)
                assert server.total("acked_piece") == before
                server.kill()
                server.start()
                for piece in parts[3:]:
                    s.sendall(piece)
                assert wire.read_answer(s) == expected


run(__name__)
