"""What scripts/soft-state makes tables of: Goldilocks beside a server on the kernel's TCP, over one path in one run.

Both have gl0: the kernel answers for KERNEL_V4 alone, Goldilocks for the addresses of every laboratory.
"""

import asyncio
import contextlib
import dataclasses
import time

import wire
from at_clients import KernelTcp
from exchanges import batched, exchange, many, pipelined, poured, sequential, split
from lab import SERVER_V4, sysctl
from path import PathLab
from round_trips import SIZES, limits, longest_silence_s, round_trips_needed, seeded, served, together

KERNEL_V4 = "192.0.2.54"
SERVERS = (SERVER_V4, KERNEL_V4)
ANSWERS, COUNTS = (500, 4000, 8000, 26000, 64000), (1, 50, 200, 2000)
MOST_BYTES = 4_000_000  # of answers over one connection
SLOWER, NOISE_S = 1.2, 0.005


@contextlib.contextmanager
def both_served():
    """(laboratory, Expected)"""
    with PathLab() as lab, served(lab, kernel=False) as (_, expected):
        with KernelTcp(lab, expected.answers(), addresses=[KERNEL_V4]):
            sysctl("net.ipv4.tcp_rto_max_ms", 2000)
            yield lab, expected


def loads():
    """(bytes of an answer, how many queries): fewer where they would be too many bytes, and none twice."""
    for size in ANSWERS:
        done = 0
        for count in COUNTS:
            count = min(count, MOST_BYTES // size)
            if count >= 2 * done:
                yield size, count
                done = count


@dataclasses.dataclass
class Cell:
    """One connection to one server. Seconds: from the first query written to the last byte; the longest silence; how late the
    client was to see anything, for want of a CPU."""
    total: float = 0.0
    silence: float = 0.0
    late: float = 0.0
    failure: str = ""


async def play_one(address, pair, count, mss, limit_s):
    cell = Cell()

    async def kind(reader, writer, pairs):
        began = time.monotonic()
        try:
            await poured(reader, writer, pairs)
        finally:
            cell.total = time.monotonic() - began
            cell.silence = max(reader.silence, time.monotonic() - reader.since)
    try:
        await asyncio.wait_for(exchange(kind, address, [pair] * count, mss=mss), limit_s)
    except (ConnectionResetError, BrokenPipeError):
        cell.failure = "reset"
    except TimeoutError:
        cell.failure = f"stopped after {limit_s:.0f} s"
    except asyncio.IncompleteReadError:
        cell.failure = "closed early"
    except Exception as e:  # shown
        cell.failure = f"{type(e).__name__} {e}"[:80]
    return cell


@dataclasses.dataclass
class Row:
    """One line of the table: the same connection to both servers."""
    ms: int
    timestamps: bool
    mss: int
    size: int
    count: int
    query_bytes: int
    answer_bytes: int
    ours: Cell = None
    kernels: Cell = None

    def needed(self):
        """Seconds that the path and the windows take, at the least."""
        return self.ms / 1000 * round_trips_needed(self.query_bytes, self.answer_bytes, self.count, self.mss, self.timestamps)

    def limits(self):
        return limits(self.query_bytes, self.answer_bytes, self.count, self.timestamps)

    def ratio(self):
        return self.ours.total / self.kernels.total

    def flags(self):
        """What is wrong with it, less what may be the client's own lateness. Where a window may be the limit no time is too long:
        the summary compares it with the least."""
        if self.ours.failure:
            return [self.ours.failure]
        found = []
        if self.ours.silence - self.ours.late > longest_silence_s(self.ms):
            found.append("silent")
        if not self.limits() and self.ours.total > SLOWER * self.kernels.total + NOISE_S + self.ours.late:
            found.append("slow")
        return found


def rows_of(expected, ms, timestamps, mss, chosen):
    for size, count in chosen:
        query, answer = expected.large[SIZES.index(size)]
        yield Row(ms, timestamps, mss, size, count, len(query) + 2, len(answer) + 2)


def play_rows(expected, rows, at_once, turn):
    """Every row against both servers, `at_once` of the connections to one server at the same time. They take turns at being the
    first; each is asked something before, so that neither finds colder caches."""
    def jobs(address, some):
        return {n: play_one(address, expected.large[SIZES.index(r.size)], r.count, r.mss, min(8 + 4 * r.needed(), 40))
                for n, r in enumerate(some)}
    # Neighbours of the table are as unlike as can be when they are played: a group has large and small ones.
    groups = -(-len(rows) // at_once)  # none where nothing is left
    for some in (rows[n::groups] for n in range(groups)):
        for address, name in list(zip(SERVERS, ("ours", "kernels")))[::1 if turn % 2 == 0 else -1]:
            wire.ask(wire.query(".", "SOA"), address)
            cells, late = asyncio.run(together(jobs(address, some)))
            for n, row in enumerate(some):
                cells[n].late = late
                setattr(row, name, cells[n])


def median(turns):
    """Of the totals; the longest of the silences, less lateness; any failure."""
    failed = [cell for cell in turns if cell.failure]
    silent = max(turns, key=lambda cell: cell.silence - cell.late)
    return Cell(sorted(cell.total for cell in turns)[len(turns) // 2], silent.silence, silent.late,
                failed[0].failure if failed else "")


def table(lab, expected, ms, timestamps, msses, chosen, turns):
    """Rows, played so many times; what has failed not again. Without delay one connection after the other."""
    sysctl("net.ipv4.tcp_timestamps", int(timestamps))
    lab.round_trip_is(ms)
    rows = []
    for mss in msses:
        mine = list(rows_of(expected, ms, timestamps, mss, chosen))
        played = [[] for _ in mine]
        for turn in range(turns):
            again = [n for n in range(len(mine)) if not any(r.ours.failure or r.kernels.failure for r in played[n])]
            rows_now = [dataclasses.replace(mine[n]) for n in again]
            play_rows(expected, rows_now, 1 if ms == 0 else 6 if ms < 100 else 20, turn)
            for n, row in zip(again, rows_now):
                played[n].append(row)
        for row, same in zip(mine, played):
            row.ours, row.kernels = median([r.ours for r in same]), median([r.kernels for r in same])
        rows += mine
    return rows


KINDS = (sequential, pipelined, batched, split)


def lossy(lab, expected, ms, percent, timestamps, count, at_once=20):
    """{kind: (Outcome of Goldilocks, the kernel's)}"""
    sysctl("net.ipv4.tcp_timestamps", int(timestamps))

    async def all_kinds(address):
        def chooser(kind):
            randomness = seeded(kind.__name__, percent, timestamps)
            return lambda n: expected.choose(1 + n % (3 if kind is split else 8), randomness)
        return await asyncio.gather(*(many(kind, chooser(kind), count, at_once, 120, addresses=(address,)) for kind in KINDS))
    outcomes = []
    for address in SERVERS:
        lab.round_trip_is(ms, loss=percent)  # the same fates for both
        wire.ask(wire.query(".", "SOA"), address)
        outcomes.append(asyncio.run(all_kinds(address)))
    return dict(zip(KINDS, zip(*outcomes)))
