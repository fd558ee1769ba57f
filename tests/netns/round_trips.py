"""Clients behind a long path: what test_round_trips.py demands and scripts/soft-state makes tables of."""

import asyncio
import contextlib
import random
import time

import runner
from at_clients import KernelTcp
from exchanges import Expected, many
from goldilocks import ROOT_ZONE, Goldilocks
from zones import txt_zone

SIZES = (500, 4000, 8000, 15000, 26000, 64000)
LARGE = [(f"t{n}.big.example.", "TXT", False) for n in range(len(SIZES))]
MSSES = (536, 1220, 1460)
OUR_WINDOW = {True: 4094, False: 8188}  # of queries: the most that Goldilocks takes, with timestamps and without
THEIR_WINDOW = 65535                    # of answers: the most without scaling
INITIAL_SEGMENTS = 10                   # RFC 6928
BETWEEN_MS = 50                         # on top of three round trips: the longest silence


@contextlib.contextmanager
def served(lab, kernel=None, more=()):
    """(server, Expected): Goldilocks with the root zone and LARGE, or the kernel's TCP with the same answers. more: queries
    beside those."""
    goldilocks = Goldilocks(lab, zones=[ROOT_ZONE, lab.path("big.zone", txt_zone(sizes=SIZES))])
    with goldilocks:
        expected = Expected(LARGE, more)
        if not (runner.KERNEL if kernel is None else kernel):
            yield goldilocks, expected
            return
    with KernelTcp(lab, expected.answers()) as server:
        yield server, expected


def total(server, name):
    """A counter of Goldilocks; of another server 0."""
    return server.total(name) if isinstance(server, Goldilocks) else 0


def longest_silence_s(round_trip_ms, slack_ms=0):
    return (3 * round_trip_ms + BETWEEN_MS + slack_ms) / 1000


def round_trips_needed(query_bytes, answer_bytes, count, mss, timestamps):
    """Of a connection that is open, without loss: each side begins with ten segments (the client's first hold a query each) and
    doubles, neither goes beyond the window of the other, and an answer follows its query at once. query_bytes and
    answer_bytes are of each of `count`."""
    windows = (OUR_WINDOW[timestamps], THEIR_WINDOW)
    asked = read = trips = 0
    segments, room = INITIAL_SEGMENTS, query_bytes
    while read < count * answer_bytes:
        trips += 1
        asked = min(asked + min(segments * room, windows[0]), count * query_bytes)
        read = min(read + min(segments * mss, windows[1]), asked // query_bytes * answer_bytes)
        segments, room = 2 * segments, mss
    return trips


def limits(query_bytes, answer_bytes, count, timestamps):
    """Which windows a client may fill: what it could have on its way of queries, and of answers."""
    return [name for name, on_the_way, window in (("queries", count * query_bytes, OUR_WINDOW[timestamps]),
                                                  ("answers", count * answer_bytes, THEIR_WINDOW)) if on_the_way > window]


def seeded(*what):
    return random.Random(" ".join(map(str, what)))


async def together(jobs):
    """jobs: {name: coroutine}. {name: what it returned}, and how late this process was at the most, in seconds: that long it may
    take longer to see what has come."""
    async def watch():
        nonlocal late
        while True:
            began = time.monotonic()
            await asyncio.sleep(0.005)
            late = max(late, time.monotonic() - began - 0.005)
    late = 0.0
    watching = asyncio.create_task(watch())
    done = dict(zip(jobs, await asyncio.gather(*jobs.values())))
    watching.cancel()
    return done, late


def asked(expected, size, count):
    """For many(): always the same query, for this of SIZES, so many times."""
    pair = expected.large[SIZES.index(size)]
    return lambda _: [pair] * count


def several(expected, kind, count, at_once, limit_s, most=8, rare=6, **how):
    """`count` exchanges of this kind, of 1 to `most` queries each."""
    randomness = seeded(kind.__name__, how)
    return many(kind, lambda n: expected.choose(1 + n % most, randomness, rare), count, at_once, limit_s, **how)
