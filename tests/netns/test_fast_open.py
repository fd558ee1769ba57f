"""TCP Fast Open (RFC 7413): the kernel's client and kdig, from the first cookie to an answer in the first round trip."""

import socket
import time

import dns.rcode

import wire
from capture import Capture
from goldilocks import ROOT_ZONE, Goldilocks
from lab import SERVER_V4, SERVER_V6, Lab, sh, sysctl
from runner import run
from zones import txt_zone

BOTH = (SERVER_V4, SERVER_V6)


def kdig(address, *more):
    text = sh("kdig", "@" + address, "+tcp", "+fastopen", *more, "com.", "NS").stdout
    assert "status: NOERROR" in text and "gtld-servers" in text, text
    return text


def ask_early(message, address=SERVER_V4, timeout=10):
    """One exchange whose query goes with the SYN, where the kernel has a cookie."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as s:
        s.sendto(wire.framed(message), socket.MSG_FASTOPEN, (address, 53))  # without a cookie this waits for the SYN-ACK
        s.settimeout(timeout)
        return wire.read_answer(s)


def test_kdig():
    """The first query brings the cookie, the second one is answered in its SYN."""
    with Lab() as lab, Goldilocks(lab) as server:
        sysctl("net.ipv4.tcp_fastopen", 1)
        for n, address in enumerate(BOTH):
            kdig(address)
            assert (server.total("syn_ack_cookie"), server.total("syn_answered")) == (n + 1, n), server.counters()
            kdig(address)
            assert (server.total("syn_ack_cookie"), server.total("syn_answered")) == (n + 1, n + 1), server.counters()
        assert server.total("syn_bad_cookie") == 0


def test_answer_in_the_first_round_trip():
    """On the wire: SYN with the query, SYN-ACK, and the answer before the client says anything more."""
    for timestamps in (True, False):
        with Lab(timestamps=timestamps) as lab, Goldilocks(lab) as server:
            sysctl("net.ipv4.tcp_fastopen", 1)
            for address in BOTH:
                ask_early(wire.query("com.", "NS"), address)
                with Capture(lab, "tcp") as capture:
                    answer = wire.parse(ask_early(wire.query("com.", "NS"), address))
                assert answer.rcode() == dns.rcode.NOERROR and answer.authority
                lines = capture.lines()
                assert "Flags [S]" in lines[0] and "length 0" not in lines[0], lines
                assert "Flags [S.]" in lines[1], lines
                # What the client says to the SYN-ACK may come before it takes the answer up.
                answers = [line for line in lines if ".53 > " in line and "length 0" not in line]
                assert answers and lines.index(answers[0]) <= 3, lines
                assert not any("Flags [R" in line for line in lines), lines
            assert server.total("syn_answered") == 2, server.counters()


def test_large_answers():
    """At most ten segments go with the SYN-ACK; the rest follows as ever, and every byte is right."""
    sizes = (100, 1400, 3000, 9000, 20000)
    for timestamps in (True, False):
        with Lab(timestamps=timestamps) as lab:
            zone = lab.path("big.zone", txt_zone(sizes=sizes))
            with Goldilocks(lab, zones=[ROOT_ZONE, zone]) as server:
                sysctl("net.ipv4.tcp_fastopen", 1)
                for address in BOTH:
                    ask_early(wire.query("com.", "NS"), address)
                    for n in range(len(sizes)):
                        q = wire.query(f"t{n}.big.example.", "TXT")
                        assert wire.same_but_id(ask_early(q, address), wire.ask(q, address))
                assert server.total("syn_answered") == 2 * len(sizes), server.counters()


def test_many_on_one_connection():
    """After the query in the SYN the connection is like any other."""
    with Lab() as lab, Goldilocks(lab) as server:
        sysctl("net.ipv4.tcp_fastopen", 1)
        ask_early(wire.query("com.", "NS"))
        with socket.socket() as s:
            s.sendto(wire.framed(wire.query("com.", "NS", number=1)), socket.MSG_FASTOPEN, (SERVER_V4, 53))
            s.settimeout(10)
            assert wire.parse(wire.read_answer(s)).id == 1
            for n in range(2, 20):
                s.sendall(wire.framed(wire.query("org.", "NS", number=n)))
                assert wire.parse(wire.read_answer(s)).id == n
        assert server.total("syn_answered") == 1


def test_cookies_outlive_a_restart_and_an_epoch():
    """They come from the secret alone. An epoch later they still hold, and are exchanged for fresh ones."""
    epoch = 8
    with Lab() as lab:
        sysctl("net.ipv4.tcp_fastopen", 1)
        secret = lab.path("shared-secret")
        with Goldilocks(lab, ["--epoch", epoch], secret=secret):
            time.sleep(epoch - time.time() % epoch + 0.5)
            ask_early(wire.query("com.", "NS"))
        with Goldilocks(lab, ["--epoch", epoch], secret=secret) as server:
            # In the next epoch, well before its last eighth, where the key of the one after takes the old one's place.
            time.sleep(max(0, epoch - time.time() % epoch + 0.5))
            ask_early(wire.query("com.", "NS"))
            assert server.total("syn_answered") == 1, server.counters()
            time.sleep(epoch)
            ask_early(wire.query("com.", "NS"))
            assert server.total("syn_answered") == 2, server.counters()
        with Goldilocks(lab, ["--epoch", epoch]) as server:  # another secret
            ask_early(wire.query("com.", "NS"))
            assert server.total("syn_answered") == 0 and server.total("syn_bad_cookie") == 1, server.counters()


def test_off():
    for options in (["--fast-open", "off"], ["--mode", "immediate"]):
        with Lab() as lab, Goldilocks(lab, options) as server:
            sysctl("net.ipv4.tcp_fastopen", 1)
            for _ in range(2):
                assert wire.parse(ask_early(wire.query("com.", "NS"))).authority
            assert server.total("syn_ack_cookie") == server.total("syn_answered") == 0, server.counters()


run(__name__)
