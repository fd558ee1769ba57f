"""The part `round-trips` of scripts/soft-state: tests/netns/round_trip_scenes.py plays, this makes its tables.

The module is imported by scripts/soft-state alone, which has put tests/netns on the path.
"""

from collections import Counter

import round_trip_scenes as scenes
from round_trips import BETWEEN_MS, MSSES, OUR_WINDOW, THEIR_WINDOW

ROUND_TRIPS_MS = {False: (0, 30, 100, 200), True: (0, 30)}  # by --quick
TURNS = 3
LOSSES, LOSS_MS = (0, 1, 5), 30
MEANING = f"""Clients behind a relay that delays every frame by half of the *round trip*, beside *the kernel*: a server on the kernel's TCP with the same
answers, over the same path in the same minutes. Each row is a connection over which all queries are written at once, each by itself, and every byte of the answers
is compared; what is shown begins with the first query, when the connection is open. *Silence* is the longest time in which nothing came while answers were
still to come. Clients offer and keep to the *MSS*. At most {scenes.MOST_BYTES // 1000000} MB of answers go over a connection: fewer queries then, or no row. Without delay one connection
is played after the other; behind 30 ms six are played at once, beyond that those of an MSS. Each is played {TURNS} times: the median of the totals, the longest silence.

*Window* says what the client may fill by the arithmetic of the row: *queries*, more than {OUR_WINDOW[True]:,} bytes of them ({OUR_WINDOW[False]:,} without timestamps), the most that goldilocks has room for;
*answers*, more than {THEIR_WINDOW:,} bytes of them, the most without window scaling, which goldilocks does not offer. *Least* is the time that slow start from ten
segments and these windows need at the least. The *verdict* is **silent** where the silence is longer than three round trips and {BETWEEN_MS} ms, and **slow** where no window is
filled and the total is more than {scenes.SLOWER:g} times the kernel's and {scenes.NOISE_S * 1000:g} ms; in both, what the client's process was late for want of a CPU is not
held against the server. Where a window is filled the total is compared with the longer of *least* and the kernel's: it is the price of a window that fits a ledger, and of
at most 48 KB on their way beyond what a client with timestamps is known to have ([protocol.md](protocol.md), soft state)."""
HEAD = ["round trip", "timestamps", "MSS", "answer", "queries", "silence ms", "kernel's", "total ms", "kernel's", "to the kernel's", "least ms", "window",
        "verdict"]
LOSS_HEAD = ["loss", "timestamps", "client", "exchanges", "failed", "wrong bytes", "resets", "p50 ms", "kernel's", "p90", "kernel's", "max", "kernel's"]


def ms(seconds):
    return f"{seconds * 1000:,.1f}" if seconds < 1 else f"{seconds * 1000:,.0f}"


def cells(row):
    flags = ", ".join(f"**{flag}**" for flag in row.flags())
    return [f"{row.ms} ms", "yes" if row.timestamps else "no", row.mss, f"{row.answer_bytes - 2:,}", f"{row.count:,}", ms(row.ours.silence),
            ms(row.kernels.silence), ms(row.ours.total), ms(row.kernels.total), "-" if row.ours.failure else f"{row.ratio():.2f}", ms(row.needed()),
            " and ".join(row.limits()) or "-", flags or "well"]


def summary(rows):
    """One row for each path: how many are as they should be."""
    for path in dict.fromkeys((row.ms, row.timestamps) for row in rows):
        mine = [row for row in rows if (row.ms, row.timestamps) == path]
        flags = Counter(flag if flag in ("silent", "slow", "reset") else "failed" for row in mine for flag in row.flags())
        whole = [row for row in mine if not row.ours.failure]
        ratios = sorted(row.ratio() for row in whole if not row.limits())
        limited = sorted(row.ours.total / max(row.kernels.total, row.needed()) for row in whole if row.limits())
        yield [f"{path[0]} ms", "yes" if path[1] else "no", len(mine), sum(not row.flags() for row in mine),
               *(flags[name] for name in ("silent", "slow", "reset", "failed")),
               *(f"{r[len(r) // 2]:.2f}, {r[-1]:.2f}" if r else "none" for r in (ratios, limited))]


SUMMARY_HEAD = ["round trip", "timestamps", "rows", "well", "silent", "slow", "reset", "failed", "no window: to the kernel's, median and most",
                "windows: to the longer of least and kernel's"]


def loss_rows(section, lab, expected, quick, progress):
    for timestamps in (True, False):
        for percent in LOSSES:
            progress(f"round trip {LOSS_MS} ms, {percent} % lost, {'with' if timestamps else 'without'} timestamps")
            played = scenes.lossy(lab, expected, LOSS_MS, percent, timestamps, 15 if quick else 60)
            for kind, (ours, kernels) in played.items():
                where = f"round-trips, {percent} %, {'with' if timestamps else 'without'} timestamps"
                section.fail(where, ours.failures + ours.given_up + ([f"{ours.resets} resets"] if ours.resets else []))
                section.fail(where + ", the kernel's own", kernels.failures + kernels.given_up)
                both = zip(ours.milliseconds(), kernels.milliseconds())
                p50, p90, _, longest = ([f"{a:,.1f}", f"{b:,.1f}"] for a, b in both)
                yield [f"{percent} %", "yes" if timestamps else "no", kind.__name__, len(ours.seconds), len(ours.failures + ours.given_up),
                       ours.wrong, ours.resets, *p50, *p90, *longest]


def play(section, quick, table, progress):
    msses = (536, 1460) if quick else MSSES
    chosen = [(size, count) for size, count in scenes.loads() if count <= 200 or not quick]
    rows = []
    with scenes.both_served() as (lab, expected):
        for timestamps in (True, False):
            for round_trip in ROUND_TRIPS_MS[quick]:
                progress(f"round trip {round_trip} ms, {'with' if timestamps else 'without'} timestamps")
                rows += scenes.table(lab, expected, round_trip, timestamps, msses, chosen, TURNS)
        losses = list(loss_rows(section, lab, expected, quick, progress))
    for row in rows:
        where = f"{row.ms} ms, {'with' if row.timestamps else 'without'} timestamps, MSS {row.mss}, {row.count} x {row.size} bytes"
        section.fail(where, [f"{flag}: {ms(row.ours.total)} ms, silence {ms(row.ours.silence)}" for flag in row.flags()])
        if row.kernels.failure:
            section.fail(where + ", the kernel's own", [row.kernels.failure])
    section.add(MEANING, table(SUMMARY_HEAD, summary(rows), left=2), "**Each connection**", table(HEAD, map(cells, rows), left=2),
                f"""**{LOSS_MS} ms with losses.** Each frame may be lost, each way; the same for both servers. Kinds of clients as above. 1 to 8 queries a connection (split: 1 to 3),
one in four of a large answer; the time is from connect() to the last byte.""", table(LOSS_HEAD, losses, left=3))
