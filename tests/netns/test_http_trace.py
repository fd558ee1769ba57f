"""The HTTP trace of Huston's column (https://www.potaroo.net/ispcol/2009-11/stateless.html): stateless TCP in front, a
conventional connection to the server behind. Its packets, in its order, on the wires of both sides at once."""

from backends import BEHIND_KERNEL_IF, BackendLab
from capture import Capture
from http_origin import Origin
from lab import CLIENT_V4, CLIENT_V6, SERVER_V4, SERVER_V6
from runner import run
from test_forward_trace import both_wires, in_order, parties
from test_http import curl, same, url
from test_http_backend import BACKEND_V4, BACKEND_V6, HOST, gateway
from http_site import content

BODY = 300


def trace(client, server, backend):
    """(who to whom, what) and the lines themselves."""
    with BackendLab() as lab, Origin(lab.standing_behind) as origin:
        with gateway(lab, "--mode", "immediate", backend=backend):
            with (Capture(lab, "tcp port 80", trace=True) as near,
                  Capture(lab, "tcp port 80", BEHIND_KERNEL_IF, lab.backend_ns, trace=True) as far):
                done = curl("--include", url(f"/size/{BODY}", server))
            assert done.returncode == 0, done.stderr
            same(done.stdout.partition(b"\r\n\r\n")[2], content(BODY), "body")
            packets = both_wires([near, far])
    who = parties(client, f"{server}.80", f"{HOST}.80")
    return [(f"{who(p.source)} > {who(p.target)}", p.what) for p in packets], [p.line for p in packets], len(done.stdout), origin


TO_SERVER, TO_CLIENT = "client > server", "server > client"
TO_BACKEND, FROM_BACKEND = "server > backend", "backend > server"


def data(packets, way):
    """Length of the one segment with data that went this way."""
    found = [what for who, what in packets if who == way and what.startswith("P ")]
    assert len(found) == 1, (way, found)
    return int(found[0].rsplit("(", 1)[1].split(")")[0])


def the_column(client, server, backend):
    packets, lines, answered, origin = trace(client, server, backend)
    shown = "\n".join(lines)
    asked, whole = data(packets, TO_SERVER), data(packets, TO_CLIENT)
    asked_behind, whole_behind = data(packets, TO_BACKEND), data(packets, FROM_BACKEND)
    assert answered == whole and asked_behind == len(origin.seen[0]), shown
    handshake = [(TO_SERVER, "S 0:0(0)"), (TO_CLIENT, "S 0:0(0) ack 1"), (TO_SERVER, ". ack 1"),
                 (TO_SERVER, f"P 1:{1 + asked}({asked}) ack 1")]
    early_ack = [(TO_CLIENT, f". ack {1 + asked}")]
    behind = [(TO_BACKEND, "S 0:0(0)"), (FROM_BACKEND, "S 0:0(0) ack 1"), (TO_BACKEND, ". ack 1"),
              (TO_BACKEND, f"P 1:{1 + asked_behind}({asked_behind}) ack 1")]
    fetched = [(FROM_BACKEND, f"P 1:{1 + whole_behind}({whole_behind}) ack {1 + asked_behind}")]
    answer = [(TO_CLIENT, f"P 1:{1 + whole}({whole}) ack {1 + asked}"), (TO_CLIENT, f"F {1 + whole}:{1 + whole}(0) ack {1 + asked}")]
    in_order(packets, [*handshake, *early_ack, *fetched, *answer], lines)
    in_order(packets, [*handshake, *behind, *fetched, *answer], lines)
    in_order(packets, [*answer, (TO_SERVER, f"F {1 + asked}:{1 + asked}(0) ack {2 + whole}"), (TO_CLIENT, f". ack {2 + asked}")], lines)
    # Our side of the column: four packets to the client besides the SYN-ACK, no more; the last one ends it.
    ours = [what for who, what in packets if who == TO_CLIENT]
    assert len(ours) == 5, shown
    # The conventional connection ends by FINs of both sides, and serves this request alone.
    for way in (TO_BACKEND, FROM_BACKEND):
        assert sum(who == way and what.startswith("S ") for who, what in packets) == 1, shown
        assert sum(who == way and what.startswith("F ") for who, what in packets) == 1, shown
    assert not any("R" in what for _, what in packets), shown


def test_column_ipv4():
    the_column(CLIENT_V4, SERVER_V4, BACKEND_V4)


def test_column_ipv6():
    the_column(CLIENT_V6, SERVER_V6, BACKEND_V6)


run(__name__)
