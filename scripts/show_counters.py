#!/usr/bin/python3
"""Prints the counters of a running goldilocks that are not zero: scripts/show_counters.py FILE-PREFIX

dpdk-telemetry.py shows them all, as one line of JSON.
"""

import sys

from telemetry import ask


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    try:
        services = ask(sys.argv[1], "/goldilocks/service")
        commands = ["/goldilocks/counters", *(f"/goldilocks/service,{name}" for name in services), "/goldilocks/forward"]
        answers = [(command, ask(sys.argv[1], command)) for command in commands]
    except OSError as e:
        sys.exit(f"no goldilocks with the file prefix {sys.argv[1]} answers: {e}")
    for command, counters in answers:
        if not counters:  # nothing is forwarded
            continue
        print(f"  {command}")
        for name, value in counters.items():
            if value:
                print(f"    {name:26} {value:>10,}")


main()
