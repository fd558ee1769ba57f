"""Whoever is behind and is no backend, or is one and says what nobody asked: replies by the thousand, with every part
but one right, and fragments of nothing. Clients go on as if it were not so."""

import random
import socket
import struct
import threading

import dns.rcode

import packets
import runner
import wire
from backends import BACKEND_IF, BEHIND_IF, OWN, Bad, BackendLab, forward, settle, v4, v6
from lab import SERVER_V4, SERVER_V6, sh
from runner import run
from test_large import at_once

BOTH = (SERVER_V4, SERVER_V6)
GOOD, FALSE = "10.0.0.1", bytes([6, 6, 6, 6])


def mac(namespace, interface):
    text = sh("ip", "-n", namespace, "-o", "link", "show", "dev", interface).stdout
    return bytes.fromhex(text.split("link/ether ")[1].split()[0].replace(":", ""))


class Stranger:
    """Frames from behind, as fast as they go, while its block runs: make(randomness) gives one, an IP packet."""

    def __init__(self, lab, make):
        self.lab, self.make, self.sent, self.stop = lab, make, 0, threading.Event()
        ends = mac(lab.server_ns, BACKEND_IF) + mac(lab.backend_ns, BEHIND_IF)
        self.heads = {4: ends + struct.pack("!H", packets.ETH_P_IP), 6: ends + struct.pack("!H", packets.ETH_P_IPV6)}
        with lab.standing_behind():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
            self.socket.bind((BEHIND_IF, 0))

    def __enter__(self):
        randomness = random.Random(5)
        frames = []
        for _ in range(4000):
            packet = self.make(randomness)
            frames.append(self.heads[packet[0] >> 4] + packet)
        self.thread = threading.Thread(target=self._run, args=(frames,))
        self.thread.start()
        return self

    def _run(self, frames):
        while not self.stop.is_set():
            for frame in frames:
                try:
                    self.socket.send(frame)
                    self.sent += 1
                except BlockingIOError:
                    pass
                if self.sent % 200 == 0 and self.stop.wait(0.005):
                    break

    def __exit__(self, *exc):
        self.stop.set()
        self.thread.join()
        self.socket.close()


def false_reply(name, number):
    """A well-formed reply with false data."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.rstrip(".").split(".")) + b"\0"
    return (struct.pack("!6H", number, 0x8400, 1, 1, 0, 0) + labels + struct.pack("!2H", 1, 1)
            + b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 300, 4) + FALSE)


def clients(lab, server, prefix, count=150):
    """Everyone gets the right answer, whatever comes in from behind."""
    def one(number):
        for n in range(count):
            name = f"{prefix}.n{n % 10}.test."
            ask = wire.ask if n % 2 else wire.ask_udp
            answer = wire.parse(ask(wire.query(name), BOTH[number % 2]))
            assert answer.rcode() == dns.rcode.NOERROR, answer
            assert [r.to_text() for rrset in answer.answer for r in rrset] == [GOOD], answer
    at_once([(one, number) for number in range(4)])
    assert server.total("received") > 1000


def under(make, prefix="slow-20", expected=None, options=()):
    with BackendLab() as lab, Bad(lab, 20), lab.goldilocks(
            ["--forward", forward(20), "--forward-tries", 4, *options]) as server:
        settle(server)
        with Stranger(lab, make) as stranger:
            clients(lab, server, prefix)
        counters = server.counters()
        runner.report(f"{stranger.sent} packets; " + str({k: v for k, v in counters.items() if v and (
            "backend" in k or "fragment" in k or k.startswith("drop_"))}) + f"; wrong {server.backend(0, 'wrong')}, "
            f"late {server.backend(0, 'late')}, malformed {server.backend(0, 'malformed')}")
        assert stranger.sent > 1000
        if expected:
            expected(server, counters)
        clients(lab, server, "ok", 10)


def test_false_replies_from_the_backend():
    """The right address, port and question; ID and our port guessed: it takes both, out of 2^30 or so."""
    def make(randomness):
        reply = false_reply(f"slow-20.n{randomness.randrange(10)}.test.", randomness.randrange(65536))
        return packets.ipv4(packets.UDP, packets.udp(reply, v4(20), v4(OWN), 53, randomness.randrange(1024, 65536)),
                            v4(20), v4(OWN))

    def expected(server, counters):
        assert server.backend(0, "late") > 500, server.backend(0)
    under(make, expected=expected)


def test_false_replies_from_elsewhere():
    def make(randomness):
        reply = false_reply(f"slow-20.n{randomness.randrange(10)}.test.", randomness.randrange(65536))
        source = v4(randomness.randrange(30, 250))
        return packets.ipv4(packets.UDP, packets.udp(reply, source, v4(OWN), 53, randomness.randrange(1024, 65536)),
                            source, v4(OWN))
    under(make)


def test_noise_from_the_backend():
    """Datagrams of all lengths that hold anything."""
    def make(randomness):
        noise = randomness.randbytes(randomness.choice((0, 1, 11, 12, 30, 200, 1400)))
        if randomness.random() < 0.5 and len(noise) > 12:
            noise = noise[:2] + struct.pack("!5H", 0x8000, 1, randomness.randrange(4), 0, 1) + noise[12:]
        return packets.ipv4(packets.UDP, packets.udp(noise, v4(20), v4(OWN), 53, randomness.randrange(1024, 65536)),
                            v4(20), v4(OWN))
    under(make)


def fragment_v6(randomness):
    """Parts of nothing: any offset, with and without more to follow, overlapping, few numbers."""
    body = randomness.randbytes(randomness.choice((8, 64, 512, 1232)))
    offset = randomness.randrange(0, 1200) * 8
    header = struct.pack("!BBHI", packets.UDP, 0, offset | randomness.randrange(2), randomness.randrange(40))
    return packets.ipv6(44, header + body, v6(20), v6(OWN))


def test_fragments_of_nothing():
    """Answers that come in fragments themselves are put together among them, or asked for again."""
    with BackendLab() as lab, Bad(lab, 20), lab.goldilocks(
            ["--forward", forward(20, family=6), "--forward-tries", 6, "--forward-timeout", 400]) as server:
        settle(server)
        with Stranger(lab, fragment_v6) as stranger:
            clients(lab, server, "ok", 60)

            def large(number):
                for n in range(10):
                    answer = wire.parse(wire.ask(wire.query(f"big-3000.l{number}-{n}.test.", "TXT"), BOTH[number % 2]))
                    assert answer.rcode() == dns.rcode.NOERROR and len(answer.answer[0]) == 12, answer
            at_once([(large, number) for number in range(4)])
        counters = server.counters()
        runner.report(f"{stranger.sent} fragments; kept {counters['fragment_kept']}, dropped {counters['fragments_dropped']}, "
                      f"no_buffer {counters['no_buffer']}")
        assert stranger.sent > 1000 and counters["fragments_dropped"] > 100, counters
        clients(lab, server, "ok", 10)


def test_fragments_of_strangers():
    """Nothing is kept of those who are no backends."""
    def make(randomness):
        packet = bytearray(fragment_v6(randomness))
        packet[8:24] = packets.packed(v6(randomness.randrange(30, 200)))
        return bytes(packet)

    def expected(server, counters):
        assert counters["fragment_kept"] == 0, counters
    under(make, prefix="ok", expected=expected)


run(__name__)
