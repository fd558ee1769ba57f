"""Five percent of the packets lost each way: 1,000 exchanges of each kind, every byte compared, none may fail."""

import asyncio
import random
import socket
import struct
import time

import wire
from goldilocks import Goldilocks
from lab import SERVER_V4, SERVER_V6, Lab
from runner import run

LOSS_PERCENT = 5
EXCHANGES = 1000
AT_ONCE = 250
# The client's own retransmission is what repairs a loss, and it backs off exponentially.
LIMIT_S = 120
QUERIES = [(".", "ANY", True), (".", "DNSKEY", True), ("com.", "NS", True), ("net.", "NS", False), ("se.", "DS", True),
           ("nonexistent-tld.", "A", True), ("nonexistent-tld.", "A", False), (".", "SOA", False),
           ("a.b.c.nonexistent.", "TXT", True), ("org.", "ANY", True), ("xn--p1ai.", "NS", True), (".", "NS", True)]


class Expected:
    """The answers, as asked for over TCP while nothing is lost."""

    def __init__(self):
        self.pairs = []
        for name, kind, do in QUERIES:
            q = wire.query(name, kind, do=do, bufsize=1232 if do else None)
            self.pairs.append((q, wire.ask(q)))

    def choose(self, count, randomness):
        chosen = []
        for _ in range(count):
            number = randomness.randrange(65536)
            q, answer = randomness.choice(self.pairs)
            chosen.append((wire.with_id(q, number), wire.with_id(answer, number)))
        return chosen


async def read_and_compare(reader, pairs):
    for _, expected in pairs:
        (length,) = struct.unpack("!H", await reader.readexactly(2))
        answer = await reader.readexactly(length)
        assert answer == expected, f"got {answer.hex()}\nnot {expected.hex()}"


async def one(reader, writer, pairs):
    writer.write(wire.framed(pairs[0][0]))
    await read_and_compare(reader, pairs[:1])


async def sequential(reader, writer, pairs):
    for pair in pairs:
        writer.write(wire.framed(pair[0]))
        await read_and_compare(reader, [pair])


async def pipelined(reader, writer, pairs):
    for q, _ in pairs:
        writer.write(wire.framed(q))
        await asyncio.sleep(0.0005)
    await read_and_compare(reader, pairs)


async def batched(reader, writer, pairs):
    writer.write(b"".join(wire.framed(q) for q, _ in pairs))
    await read_and_compare(reader, pairs)


async def exchange(kind, address, pairs):
    reader, writer = await asyncio.open_connection(address, 53)
    try:
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        await kind(reader, writer, pairs)
    finally:
        writer.close()


async def many(kind, expected, failures):
    randomness = random.Random(kind.__name__)
    places = asyncio.Semaphore(AT_ONCE)
    worst = 0.0

    async def numbered(n):
        nonlocal worst
        async with places:
            began = time.monotonic()
            address = SERVER_V4 if n % 2 else SERVER_V6
            pairs = expected.choose(1 if kind is one else 2 + n % 4, randomness)
            try:
                await asyncio.wait_for(exchange(kind, address, pairs), LIMIT_S)
            except Exception as e:  # counted, and shown
                failures.append(f"{kind.__name__} exchange {n} to {address} after "
                                f"{time.monotonic() - began:.1f} s: {type(e).__name__} {e}")
            worst = max(worst, time.monotonic() - began)

    await asyncio.gather(*(numbered(n) for n in range(EXCHANGES)))
    return worst


def lossy(kind, timestamps):
    with Lab(timestamps=timestamps) as lab, Goldilocks(lab):
        expected = Expected()
        lab.lose(LOSS_PERCENT)
        failures = []
        worst = asyncio.run(many(kind, expected, failures))
        lost = lab.lose_nothing()
        print(f"worst exchange {worst:.1f} s; lost {lost[0]} packets on their way in, {lost[1]} out")
        assert min(lost) > EXCHANGES * 2 * LOSS_PERCENT / 100 / 2, f"the network lost only {lost} packets"
        assert not failures, f"{len(failures)} of {EXCHANGES} failed:\n" + "\n".join(failures[:10])
        wire.ask(wire.query(".", "SOA"))


def test_one():
    lossy(one, timestamps=True)


def test_sequential():
    lossy(sequential, timestamps=True)


def test_pipelined():
    lossy(pipelined, timestamps=True)


def test_batched():
    lossy(batched, timestamps=True)


def test_one_without_timestamps():
    lossy(one, timestamps=False)


def test_batched_without_timestamps():
    lossy(batched, timestamps=False)


run(__name__)
