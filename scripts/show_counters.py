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
        answers = [(c, ask(sys.argv[1], c)) for c in ("/goldilocks/counters", "/goldilocks/service,dns", "/goldilocks/forward",
                                                    "/goldilocks/service,http")]
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
