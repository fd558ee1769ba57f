"""The DNS trace of Huston's column (https://www.potaroo.net/ispcol/2009-11/stateless.html): TCP in, UDP out.

Its zone, its question and its packets, one by one and in its order, on the wires of both sides at once.
"""

import re

import wire
from backends import BEHIND_IF, Bad, BackendLab, forward
from capture import Capture
from lab import CLIENT_V4, CLIENT_V6, SERVER_V4, SERVER_V6, sh
from runner import run

# The name has the column's 16 bytes, and the answer its 229 bytes: SOA, two NS, three MX, two AAAA. No name server that
# is still in use gives all of that to ANY over UDP, so the backend is bad_backend.py.
NAME = "in.example.org."
QUERY_BYTES, ANSWER_BYTES = 32, 229


class Packet:
    """One line of tcpdump, numbers relative to each side's first."""

    def __init__(self, line, begins):
        self.line = line
        moment, _, self.source, _, self.target, rest = re.split(r"\s+", line, maxsplit=5)
        self.at, self.target = float(moment), self.target.rstrip(":")
        flags = re.match(r"Flags \[(.*?)\], (.*)", rest)
        self.tcp = bool(flags)
        if not flags:
            self.what = "udp"
            return
        numbers = re.search(r"seq (\d+)(?::(\d+))?", rest)
        ack = re.search(r"ack (\d+)", rest)
        length = int(re.search(r"length (\d+)", rest)[1])
        letters = flags[1].replace(".", "")
        if "S" in letters:
            begins[self.source] = int(numbers[1])
        acked = int(ack[1]) - begins[self.target] if ack and self.target in begins else None
        first = int(numbers[1]) - begins[self.source] if numbers else None
        span = f" {first}:{first + length}({length})" if first is not None and (length or letters) else ""
        self.what = f"{letters or '.'}{span}" + (f" ack {acked}" if acked is not None else "")


def both_wires(captures):
    begins = {}
    packets = [Packet(line, begins) for capture in captures for line in capture.lines()]
    return sorted(packets, key=lambda p: p.at)


def parties(client, server, backend):
    """Who an address of tcpdump's is: the client's begin with its host, `server` is ours towards it, the backend's end so."""
    def who(address):
        if address.startswith(f"{client}."):
            return "client"
        return "backend" if address != server and address.endswith(backend) else "server"
    return who


def trace(client, server, more):
    """Yields (who to whom, what), beside the packets."""
    with BackendLab() as lab:
        with Bad(lab, 20), lab.goldilocks(["--forward", forward(20), "--mode", "immediate", "--forward-health", 0,
                                        "--forward-health-query", NAME + "/SOA"]) as instance:
            warm_up(instance)
            with (Capture(lab, "tcp port 53", trace=True) as near,
                  Capture(lab, "udp port 53", BEHIND_IF, lab.backend_ns, trace=True) as far):
                text = sh("dig", "+tcp", "+noedns", "@" + server, NAME, "any", *more).stdout
            assert "status: NOERROR" in text and "ANSWER: 6, AUTHORITY: 0, ADDITIONAL: 2" in text, text
            assert f"MSG SIZE  rcvd: {ANSWER_BYTES}" in text, text
            packets = both_wires([near, far])
    who = parties(client, f"{server}.53", ".20.53")
    return [(f"{who(p.source)} > {who(p.target)}", p.what) for p in packets], [p.line for p in packets]


def warm_up(instance):
    """Without health checks: until a question has found its way."""
    for _ in range(100):
        if wire.parse(wire.ask_udp(wire.query(NAME, "SOA"))).rcode() == 0:
            return
    raise AssertionError(instance.forwarding())


LENGTH = 2  # of the prefix
WHOLE = ANSWER_BYTES + LENGTH
ASKED = QUERY_BYTES + LENGTH
TO_SERVER, TO_CLIENT = "client > server", "server > client"
# In the column: the client's FIN after its two ACKs, the server's last ACK.
HANDSHAKE = [(TO_SERVER, "S 0:0(0)"), (TO_CLIENT, "S 0:0(0) ack 1"), (TO_SERVER, ". ack 1"),
             (TO_SERVER, f"P 1:{1 + ASKED}({ASKED}) ack 1")]
EARLY_ACK = [(TO_CLIENT, f". ack {1 + ASKED}")]
BACKEND = [("server > backend", "udp"), ("backend > server", "udp")]
ANSWER = [(TO_CLIENT, f"P 1:{1 + WHOLE}({WHOLE}) ack {1 + ASKED}"), (TO_CLIENT, f"F {1 + WHOLE}:{1 + WHOLE}(0) ack {1 + ASKED}")]
CLOSE = [(TO_SERVER, f". ack {1 + WHOLE}"), (TO_SERVER, f". ack {2 + WHOLE}"),
         (TO_SERVER, f"F {1 + ASKED}:{1 + ASKED}(0) ack {2 + WHOLE}"), (TO_CLIENT, f". ack {2 + ASKED}")]


def in_order(packets, wanted, lines):
    """Each of `wanted` comes, one after the other."""
    rest = iter(packets)
    for one in wanted:
        assert one in rest, f"{one} is missing, or out of order:\n" + "\n".join(lines)


def the_column(client, server):
    packets, lines = trace(client, server, ())
    # dig closes as soon as it has its answer, so its ACK of our FIN may be its FIN.
    first = [*HANDSHAKE, *EARLY_ACK, *BACKEND, *ANSWER]
    sent = [p for p in packets if p[0] != TO_SERVER or p in HANDSHAKE]
    # What our side sends does not depend on when the client's kernel gets to acknowledge what.
    in_order(sent, [*HANDSHAKE, BACKEND[0], BACKEND[1], *ANSWER], lines)
    in_order(sent, [*HANDSHAKE, *EARLY_ACK, BACKEND[1], *ANSWER], lines)
    counts = {name: sum(p[0] == name for p in packets) for name in {p[0] for p in packets}}
    assert counts["server > backend"] == counts["backend > server"] == 1, "\n".join(lines)
    assert counts[TO_CLIENT] == len([p for p in [*first, *CLOSE] if p[0] == TO_CLIENT]), "\n".join(lines)
    in_order(packets, [*ANSWER[:1], CLOSE[0]], lines)
    in_order(packets, [*ANSWER, CLOSE[2], CLOSE[3]], lines)
    assert packets[-1] == CLOSE[3], "\n".join(lines)
    assert not any("R" in what for _, what in packets), "\n".join(lines)


def test_column_ipv4():
    the_column(CLIENT_V4, SERVER_V4)


def test_column_ipv6():
    the_column(CLIENT_V6, SERVER_V6)


run(__name__)
