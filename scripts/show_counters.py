#!/usr/bin/python3
"""Prints the counters of a running goldilocks that are not zero: scripts/show_counters.py FILE-PREFIX

It speaks to the same socket as dpdk-telemetry.py, which shows them all, as one line of JSON.
"""

import json
import socket
import sys


def ask(prefix, command):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.settimeout(5)
        s.connect(f"/var/run/dpdk/{prefix}/dpdk_telemetry.v2")
        limit = json.loads(s.recv(1024))["max_output_len"]
        s.send(command.encode())
        return json.loads(s.recv(limit))[command.split(",")[0]]  # the answer is named without the parameters


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
