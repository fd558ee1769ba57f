"""Many exchanges at once over connections of their own, every byte of the answers compared.

A *kind* is how a client talks: a coroutine (reader, writer, pairs), where pairs are (query, answer) in wire format.
"""

import asyncio
import contextlib
import errno
import math
import os
import random
import socket
import struct
import time

import wire
from lab import SERVER_V4, SERVER_V6

QUERIES = [(".", "ANY", True), (".", "DNSKEY", True), ("com.", "NS", True), ("net.", "NS", False), ("se.", "DS", True),
           ("nonexistent-tld.", "A", True), ("nonexistent-tld.", "A", False), (".", "SOA", False),
           ("a.b.c.nonexistent.", "TXT", True), ("org.", "ANY", True), ("xn--p1ai.", "NS", True), (".", "NS", True)]
# A connection is closed in good order with the answer after which another of the largest size would not fit it.
LARGEST_BEFORE_LAST = 60000


class Expected:
    """The answers, as asked for over TCP while nothing is lost."""

    def __init__(self, large=(), more=(), address=SERVER_V4):
        """large: (name, type, DO) of further queries, of large answers: one in `rare` of those chosen. more: messages, not chosen."""
        self.pairs, self.large, self.more = ([(q, wire.ask(q, address)) for q in some]
                                             for some in (map(self._query, QUERIES), map(self._query, large), more))

    def answers(self):
        """By all of the query but its number, and without it."""
        return {q[2:]: answer[2:] for q, answer in [*self.pairs, *self.large, *self.more]}

    @staticmethod
    def _query(what):
        name, kind, do = what
        return wire.query(name, kind, do=do, bufsize=1232 if do else None)

    def choose(self, count, randomness, rare=4):
        chosen, total = [], 0
        for n in range(count):
            number = randomness.randrange(65536)
            some = self.large if self.large and randomness.randrange(rare) == 0 else self.pairs
            q, answer = randomness.choice(some)
            if n + 1 < count and total + len(answer) + 2 > LARGEST_BEFORE_LAST:
                q, answer = self.pairs[-1]
            total += len(answer) + 2
            chosen.append((wire.with_id(q, number), wire.with_id(answer, number)))
        return chosen


class WrongBytes(AssertionError):
    """An answer that is not, byte for byte, the expected one."""


async def read_and_compare(reader, pairs):
    for _, expected in pairs:
        (length,) = struct.unpack("!H", await reader.readexactly(2))
        answer = await reader.readexactly(length)
        if answer != expected:
            raise WrongBytes(f"got {answer.hex()}\nnot {expected.hex()}")


async def one(reader, writer, pairs):
    writer.write(wire.framed(pairs[0][0]))
    await read_and_compare(reader, pairs[:1])


async def sequential(reader, writer, pairs):
    for pair in pairs:
        writer.write(wire.framed(pair[0]))
        await read_and_compare(reader, [pair])


async def write_apart(writer, pieces):
    for piece in pieces:
        writer.write(piece)
        await asyncio.sleep(0.0005)


async def pipelined(reader, writer, pairs):
    await write_apart(writer, [wire.framed(q) for q, _ in pairs])
    await read_and_compare(reader, pairs)


async def batched(reader, writer, pairs):
    writer.write(b"".join(wire.framed(q) for q, _ in pairs))
    await read_and_compare(reader, pairs)


def pieces_of(stream, randomness, most=5):
    """Cut anywhere, also within a length prefix."""
    cuts = sorted({randomness.randrange(1, len(stream)) for _ in range(randomness.randrange(1, most))})
    return [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)])]


async def split(reader, writer, pairs):
    """One query after the other, each in pieces. This kind may be reset where a node forgets a piece that was acknowledged
    (docs/protocol.md, "Partial acknowledgement"): after a restart, or for want of room in the cache; and where there is none."""
    for pair in pairs:
        await write_apart(writer, pieces_of(wire.framed(pair[0]), random))
        await read_and_compare(reader, [pair])


split.may_be_reset = True


async def read_until_closed(reader, pairs):
    """Of a client without timestamps one segment of queries is answered: at least one answer, and an orderly end."""
    for whole, (_, expected) in enumerate(pairs):
        try:
            (length,) = struct.unpack("!H", await reader.readexactly(2))
        except asyncio.IncompleteReadError as end:
            assert whole and not end.partial, f"ended after {whole} answers and {len(end.partial)} bytes"
            return
        if await reader.readexactly(length) != expected:
            raise WrongBytes(f"answer {whole} is wrong")
    assert await reader.read(1) == b"", "not closed"


def what_is_left(reader, kept):
    """Of a connection that broke: what asyncio had read, and what the kernel still holds for it."""
    left = bytes(reader._buffer)
    with contextlib.suppress(OSError):
        while piece := kept.recv(1 << 16):
            left += piece
    return left


async def pipelined_until_closed(reader, writer, pairs):
    """As read_until_closed(). An orderly end is also this one, on a busy machine: the client's timer joins the queries to one
    segment, which crosses the answer to the first and our FIN. It is answered too, with more than that, as the first segment
    of a client without timestamps is. Linux, by then in CLOSE_WAIT, takes data beyond our FIN for a reason to abort
    (tcp_rcv_state_process(), TcpExtTCPAbortOnData; tcp_reset() says EPIPE). What came before our FIN can be read."""
    got = b""
    with socket.socket(fileno=os.dup(writer.get_extra_info("socket").fileno())) as kept:
        try:
            await write_apart(writer, [wire.framed(q) for q, _ in pairs])
            while piece := await reader.read(1 << 16):
                got += piece
        except BrokenPipeError:
            got += what_is_left(reader, kept)
    whole = 0
    for _, expected in pairs:
        if not got:
            break
        answer, got = got[:2 + len(expected)], got[2 + len(expected):]
        if answer != wire.framed(expected):
            raise WrongBytes(f"answer {whole} is wrong, or ended early")
        whole += 1
    assert whole and not got, f"ended after {whole} answers and {len(got)} bytes"


async def batched_until_closed(reader, writer, pairs):
    writer.write(b"".join(wire.framed(q) for q, _ in pairs))
    await read_until_closed(reader, pairs)


async def poured(reader, writer, pairs):
    """Each query written by itself and nothing waited for: as many segments as the kernel makes of them."""
    for q, _ in pairs:
        writer.write(wire.framed(q))
    await read_and_compare(reader, pairs)


def half_closed(after=0.0):
    """All in one write, the client's FIN so many seconds later; then the answers, and the server's."""
    async def half_closed(reader, writer, pairs):
        writer.write(b"".join(wire.framed(q) for q, _ in pairs))
        if after:
            await asyncio.sleep(after)
        writer.write_eof()
        await read_and_compare(reader, pairs)
        assert await reader.read(1) == b"", "not closed"
    return half_closed


async def until_not_reset(kind, *arguments, **how):
    """exchange(), again after each reset where the kind may be reset; how many there were, and the longest silence."""
    resets = 0
    while True:
        try:
            return resets, await exchange(kind, *arguments, **how)
        except (ConnectionResetError, BrokenPipeError):
            if not getattr(kind, "may_be_reset", False):
                raise
            resets += 1


class Watched(asyncio.StreamReader):
    """Knows for how long nothing came while somebody waited: since the last bytes that came, or were written if that was
    later. A reader that has what it wants and asks for more only then waits for nothing in between."""

    def __init__(self, **more):
        super().__init__(**more)
        self.since, self.silence = time.monotonic(), 0.0

    def feed_data(self, data):
        now = time.monotonic()
        self.silence, self.since = max(self.silence, now - self.since), now
        super().feed_data(data)


class Noting(asyncio.StreamWriter):
    """Tells a Watched reader when something was written."""

    def write(self, data):
        self._reader.since = time.monotonic()
        super().write(data)


async def connected(address, source=None, mss=None, nodelay=True, receive_buffer=None):
    """A Watched reader and its writer. mss: what the client offers, and keeps to."""
    loop = asyncio.get_running_loop()
    s = wire.client_socket(address, mss, nodelay, receive_buffer)
    try:
        s.setblocking(False)
        if source:
            s.bind((source, 0))
        await loop.sock_connect(s, (address, 53))
        reader = Watched(loop=loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
        transport, _ = await loop.create_connection(lambda: protocol, sock=s)
    except BaseException:
        s.close()
        raise
    return reader, Noting(transport, protocol, reader, loop)


async def exchange(kind, address, pairs, source=None, **how):
    """The longest silence, in seconds. how: as of connected()."""
    reader, writer = await connected(address, source, **how)
    try:
        await kind(reader, writer, pairs)
        return reader.silence
    finally:
        writer.close()


class Outcome:
    """How a number of exchanges went."""

    def __init__(self):
        self.seconds, self.failures, self.given_up, self.resets = [], [], [], 0
        self.queries, self.wrong = 0, 0  # wrong: failures by another byte than expected
        self.silence = 0.0  # seconds, the longest of all that went well

    def in_short(self):
        """All failures in one line, or none."""
        failures = self.failures + self.given_up
        return [f"{len(failures)} failed, the first: {failures[0][:160]}"] if failures else []

    def milliseconds(self):
        """p50, p90, p99 and the longest."""
        ordered = sorted(self.seconds) or [math.nan]
        return [ordered[min(len(ordered) - 1, int(len(ordered) * p))] * 1000 for p in (0.5, 0.9, 0.99, 1)]

    def percentiles(self):
        p50, p90, p99, longest = self.milliseconds()
        return f"p50 {p50:.1f} p90 {p90:.1f} p99 {p99:.1f} max {longest:.0f} ms"


async def many(kind, choose, count, at_once, limit_s, sources=None, addresses=(SERVER_V6, SERVER_V4), **how):
    """`count` exchanges of this kind, `at_once` together, each within limit_s. choose(n): the pairs of number n.

    sources: the client's addresses by the server's; any if absent. addresses: the server's, in turn. how: as of connected().
    """
    outcome, places = Outcome(), asyncio.Semaphore(at_once)

    async def numbered(n):
        async with places:
            began = time.monotonic()
            address = addresses[n % len(addresses)]
            pairs = choose(n)
            outcome.queries += len(pairs)
            try:
                resets, silence = await asyncio.wait_for(
                    until_not_reset(kind, address, pairs, (sources or {}).get(address), **how), limit_s)
                outcome.resets, outcome.silence = outcome.resets + resets, max(outcome.silence, silence)
                outcome.seconds.append(time.monotonic() - began)
            except Exception as e:  # counted, and shown
                outcome.wrong += isinstance(e, WrongBytes)
                gave_up = isinstance(e, OSError) and e.errno == errno.ETIMEDOUT  # the kernel says so, not wait_for()
                (outcome.given_up if gave_up else outcome.failures).append(
                    f"{kind.__name__} exchange {n} to {address} after {time.monotonic() - began:.1f} s: "
                    f"{type(e).__name__} {e}")

    await asyncio.gather(*(numbered(n) for n in range(count)))
    return outcome
