"""Queries in pieces, by a writer that pauses for longer than its kernel's timer: that repeats the first piece, with a congestion
window of one segment then, and sends nothing behind it before it is acknowledged (docs/protocol.md, "Partial acknowledgement").
"""

import random
import socket
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
SILENCE_S = 15  # a piece comes for the third time after 1.4 s, or 3 s where the answers before it took several segments
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


class Asker(threading.Thread):
    """Pipelines its queries in small pieces, and asks the rest anew over another connection where one is reset: what
    resolvers do (RFC 7766 section 6.2.4). silent: the longest time in which nothing came."""

    def __init__(self, seed, pairs):
        super().__init__(daemon=True)
        self.pairs, self.random = pairs, random.Random(seed)
        self.answers = self.resets = 0
        self.silent, self.failure = 0.0, None
        self.start()

    def run(self):
        try:
            while self.answers < len(self.pairs):
                self.connection(self.pairs[self.answers:])
        except Exception as e:  # reported by whom it concerns
            self.failure = f"{type(e).__name__} {e} after {self.answers} answers and {self.resets} resets"

    def connection(self, pairs):
        with wire.connect(SERVER_V4, timeout=SILENCE_S) as s:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            writer = threading.Thread(target=self.write, args=(s, b"".join(wire.framed(query) for query, _ in pairs)))
            writer.start()
            try:
                for _, expected in pairs:
                    began = time.monotonic()
                    assert wire.read_answer(s) == expected, "wrong answer"
                    self.answers += 1
                    self.silent = max(self.silent, time.monotonic() - began)
            except (ConnectionResetError, BrokenPipeError):
                self.resets += 1
            finally:
                writer.join()

    def write(self, s, stream):
        at = 0
        try:
            while at < len(stream):
                size = self.random.randint(1, 60)
                s.sendall(stream[at:at + size])
                at += size
                time.sleep(0.001)
        except OSError:
            pass  # reset: the reader tells


def pieces_where_there_is_no_entry(clients, option):
    with Lab() as lab, served(lab, *option) as server:
        pairs = []
        for number, name in enumerate(("com.", "net.", "org.", "de.", "arpa.") * 5):
            query = wire.query(name, "NS", number=number + 1)
            pairs.append((query, wire.ask(query)))
        asking = [Asker(seed, pairs) for seed in range(clients)]
        for thread in asking:
            thread.join(LIMIT_S * 2)
        failures = [thread.failure or f"{thread.answers} answers" for thread in asking
                    if thread.failure or thread.answers < len(pairs)]
        resets = sum(thread.resets for thread in asking)
        runner.report(f"{' '.join(option)}: {clients} clients, {resets} resets, longest silence before an answer "
                      f"{max(thread.silent for thread in asking):.1f} s")
        assert not failures, (failures, {k: v for k, v in server.counters().items() if v and k.startswith("tcp_")})
        return resets, server.total("reset_incomplete")


def test_pieces_alone_without_a_flow_cache():
    """Whole queries are answered; behind them Linux repeats a piece alone, the rest unsent, and gets a RST."""
    resets, told = pieces_where_there_is_no_entry(10, ("--flow-cache", "0"))
    assert 0 < resets <= told, (resets, told)


def test_pieces_of_more_clients_than_entries():
    pieces_where_there_is_no_entry(40, ("--flow-cache", "2"))


run(__name__)
