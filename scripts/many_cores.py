"""What cores cost one another: scripts/bench --lcores LIST.

On each lcore a worker and its clients take turns (goldilocks-loopback --many-cores); each turn measures every lcore alone and
then 2, 4, 8, ... and all of them at once. The efficiency is what they do at once divided by the sum of what the same lcores do
alone in the same turn: 1.0 where they wait for nothing of one another's.
"""

import json
import statistics
import subprocess

TARGET = ["--target", "192.0.2.1", "--source", "198.51.100.0/24"]
# What is measured: key, text, flags of goldilocks-loopback. ROOT stands for a directory of files.
KINDS = [
    ("tcp", "whole exchanges over TCP", ["--mode", "tcp", *TARGET]),
    ("tcp_no_ts", "the same, clients without timestamps", ["--mode", "tcp", "--no-timestamps", *TARGET]),
    ("tcp_queries", "queries over open TCP connections", ["--mode", "tcp", "--queries-per-connection", "1000", *TARGET]),
    ("udp", "exchanges over UDP", ["--mode", "udp", *TARGET]),
    ("http", "whole HTTP exchanges, 1 KiB", ["--service", "http=80,root=ROOT", "--target-port", "80", "--http", "/1024", *TARGET]),
]
QUICK = {"tcp", "udp"}
IN_FLIGHT = 64  # a core: they stay in its first cache
LEAST = 0.95  # efficiency
LEAST_SHARE = 0.9  # of the time: what hardly runs at once does not show what it costs one another


def turns_of(lines, count):
    """The measurements of each turn: lcores -> rates, by name."""
    measured = [json.loads(line) for line in lines if line.startswith("{")]
    size = len(measured) // count
    if size * count != len(measured) or not measured:
        raise ValueError(f"{len(measured)} measurements are not {count} whole turns")
    return [{tuple(m["lcores"]): m for m in measured[i:i + size]} for i in range(0, len(measured), size)]


def efficiencies(turns, name):
    """For each number of lcores at once: what they did together, and divided by what they did alone, turn by turn."""
    found = {}
    for turn in turns:
        alone = {lcores[0]: m[name][0] for lcores, m in turn.items() if len(lcores) == 1}
        found.setdefault(1, []).append((alone[min(alone)], 1.0))
        for lcores, m in turn.items():
            if len(lcores) > 1:
                total = sum(m[name])
                found.setdefault(len(lcores), []).append((total, total / sum(alone[lcore] for lcore in lcores)))
    return found


def measure(command, kind, root, turns, seconds):
    """One kind; `command` is the program with its EAL flags, and its zone and question behind `--`."""
    _, _, flags = kind
    done = subprocess.run([*command, "--duration", str(seconds), "--connections", str(IN_FLIGHT), "--many-cores", str(turns),
                           *(flag.replace("ROOT", root) for flag in flags)], check=True, stdout=subprocess.PIPE, text=True)
    return turns_of(done.stdout.splitlines(), turns)


def print_kind(text, turns):
    """The curve of one kind; what is wrong with its end, all cores at once, or nothing."""
    print(f"{text}:")
    of_cpu, problem = efficiencies(turns, "per_cpu_second"), ""
    for cores, values in efficiencies(turns, "per_second").items():
        totals, ratios = [v[0] for v in values], [v[1] for v in values]
        line = f"  {cores:3} {'core ' if cores == 1 else 'cores'}{statistics.median(totals):14,.0f} /s"
        if cores > 1:
            by_cpu = statistics.median(v[1] for v in of_cpu[cores])
            share = statistics.median(totals) / statistics.median(v[0] for v in of_cpu[cores])
            line += f"   efficiency {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f}), of CPU time {by_cpu:.3f}"
            problem = (f"had only {share:.0%} of their CPUs: --realtime, or a quiet machine" if share < LEAST_SHARE else
                       f"did less than {LEAST} of what each does alone" if by_cpu < LEAST else "")
        print(line)
    return problem
