"""Five percent of the packets lost each way: 1,000 exchanges of each kind, every byte compared, none may fail."""

import asyncio
import random

import wire
from exchanges import Expected, batched, many, one, pipelined, sequential
from goldilocks import Goldilocks
from lab import Lab
from runner import run

LOSS_PERCENT = 5
EXCHANGES = 1000
AT_ONCE = 250
# The client's own retransmission is what repairs a loss, and it backs off exponentially.
LIMIT_S = 120


def lossy(kind, timestamps):
    with Lab(timestamps=timestamps) as lab, Goldilocks(lab):
        expected = Expected()
        lab.lose(LOSS_PERCENT)
        randomness = random.Random(kind.__name__)
        outcome = asyncio.run(many(kind, lambda n: expected.choose(1 if kind is one else 2 + n % 4, randomness),
                                   EXCHANGES, AT_ONCE, LIMIT_S))
        lost = lab.lose_nothing()
        failures = outcome.failures + outcome.given_up
        print(f"{outcome.percentiles()}; lost {lost[0]} packets on their way in, {lost[1]} out")
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
