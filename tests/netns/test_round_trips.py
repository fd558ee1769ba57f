"""Clients behind 30 and 100 ms, with --long 200 ms too: nothing is reset, every byte compared, and without loss nobody waits
for a timer. Each of the ordinary kinds of clients, for each MSS, with timestamps and without; --kernel tries the tests themselves.
"""

import asyncio

import runner
from exchanges import batched, half_closed, many, pipelined, poured, sequential, split
from lab import sysctl
from path import PathLab
from round_trips import MSSES, asked, longest_silence_s, served, several, together, total
from runner import run

SLACK_MS = 400  # of a busy machine; a timer that is waited for in vain takes longer, and doubles
LIMIT_S = 30
FIN_AFTER_S = (0, 0.0005, 0.002, 0.05)
# (bytes of an answer, how many queries)
PIPELINES = ((500, 200), (4000, 200), (8000, 200), (26000, 60), (64000, 3))


def round_trips():
    return (30, 100, 200) if runner.LONG else (30, 100)


def at_each(timestamps, play, judge):
    """play(laboratory, expected, ms): [{name: coroutine of an Outcome}], those of a dictionary at once; judge(limit, outcome):
    what is wrong with it."""
    wrong = []
    with PathLab(timestamps=timestamps) as lab, served(lab) as (server, expected):

        for ms in round_trips():
            lab.round_trip_is(ms)
            outcomes, late = {}, 0.0
            for jobs in play(lab, expected, ms):
                done, more = asyncio.run(together(jobs))
                outcomes, late = outcomes | done, max(late, more)
            limit = longest_silence_s(ms, SLACK_MS) + late
            for name, outcome in outcomes.items():
                more = judge(limit, outcome) + ([f"{outcome.resets} resets"] if outcome.resets else [])
                wrong += [f"{ms} ms, {name}: {f}" for f in outcome.in_short() + more]
            if seconds := [s for o in outcomes.values() for s in o.seconds]:
                runner.report(f"{ms} ms: {len(seconds)} exchanges, the longest {max(seconds):.2f} s, the longest silence "
                              f"{max(o.silence for o in outcomes.values()) * 1000:.0f} ms; this process was up to {late * 1000:.0f} ms late")
            counted = lab.path_is()
            assert counted["queue-full"] == counted["not-sent"] == (0, 0), counted
        if total(server, "reset_no_cookie"):
            wrong.append("connections were reset")
    assert not wrong, f"{len(wrong)} failed:\n" + "\n".join(wrong)


def never_silent(limit, outcome):
    return [f"a silence of {outcome.silence * 1000:.0f} ms"] if outcome.silence > limit else []


def kinds(timestamps):
    def play(lab, expected, ms):
        return [{f"MSS {mss}, {kind.__name__}": several(expected, kind, 16, 16, LIMIT_S, most=3 if kind is split else 8, mss=mss)
                 for mss in MSSES for kind in (sequential, pipelined, batched, split)}]
    at_each(timestamps, play, never_silent)


def test_kinds():
    kinds(True)


def test_kinds_without_timestamps():
    kinds(False)


def pipelines(timestamps):
    """Each over one connection, by IPv4 and by IPv6."""
    def play(lab, expected, ms):
        return [{f"MSS {mss}, {count} queries for {size} bytes": many(poured, asked(expected, size, count), 2, 2, LIMIT_S, mss=mss)
                 for size, count in PIPELINES} for mss in MSSES]
    at_each(timestamps, play, never_silent)


def test_pipelines():
    pipelines(True)


def test_pipelines_without_timestamps():
    pipelines(False)


def half_closes(timestamps):
    """One query, or eight at once; the FIN with it, or a moment later."""
    def play(lab, expected, ms):
        return [{f"MSS {mss}, {count} x {size} bytes, FIN after {after * 1000:g} ms":
                 many(half_closed(after), asked(expected, size, count), 4, 4, LIMIT_S, mss=mss)
                 for mss in MSSES for size, count in ((500, 1), (500, 8), (15000, 1), (26000, 1)) for after in FIN_AFTER_S}]
    at_each(timestamps, play, never_silent)


def test_half_close():
    half_closes(True)


def test_half_close_without_timestamps():
    half_closes(False)


def lossy(timestamps):
    """One percent, then five, each way, with frames that overtake each other; what the client's timer doubles to is bounded."""
    def play(percent):
        def at(lab, expected, ms):
            sysctl("net.ipv4.tcp_rto_max_ms", 1000)
            lab.round_trip_is(ms, loss=percent, jitter=3, reorder=2, duplicate=0.5, seed=percent)
            return [{f"{percent} %, MSS {mss}, {kind.__name__}": several(expected, kind, 20, 20, 2 * LIMIT_S,
                                                                        most=3 if kind is split else 8, mss=mss)
                     for mss in MSSES for kind in (sequential, pipelined, batched, split, half_closed(0.002))}]
        return at
    for percent in (1, 5):
        at_each(timestamps, play(percent), lambda limit, outcome: [])


def test_loss():
    lossy(True)


def test_loss_without_timestamps():
    lossy(False)


run(__name__)
