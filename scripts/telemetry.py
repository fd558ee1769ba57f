"""Asks a running program with the DPDK telemetry, as dpdk-telemetry.py does."""

import json
import socket


def ask(prefix, command):
    """The answer to one command of the process with this --file-prefix; OSError where there is none."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.settimeout(5)
        s.connect(f"/var/run/dpdk/{prefix}/dpdk_telemetry.v2")
        limit = json.loads(s.recv(1024))["max_output_len"]
        s.send(command.encode())
        return json.loads(s.recv(limit))[command.split(",")[0]]  # the answer is named without the parameters
