"""Streams that wait: slow backends, clients that repeat themselves, close early or go on asking, restarts, Fast Open."""

import asyncio
import concurrent.futures
import signal
import socket
import struct
import threading
import time

import dns.edns
import dns.message
import dns.rcode

import wire
from backends import Bad, BackendLab, Changes, forward, settle
from exchanges import many
from goldilocks import ROOT_ZONE
from lab import SERVER_V4, SERVER_V6, sh, sysctl
from runner import run
from test_fast_open import ask_early
from test_forward_loss import Ask, whole
from test_large import at_once

BOTH = (SERVER_V4, SERVER_V6)
NOERROR, SERVFAIL = dns.rcode.NOERROR, dns.rcode.SERVFAIL
GOOD = "10.0.0.1"


def with_bad(body, options=(), **lab_options):
    with BackendLab(**lab_options) as lab, Bad(lab, 20) as bad, lab.goldilocks(["--forward", forward(20), *options]) as server:
        settle(server)
        body(lab, bad, server)


def check(answer, name, wanted=(GOOD,)):
    answer = wire.parse(answer) if isinstance(answer, bytes) else answer
    assert answer.question[0].name.to_text().lower() == name.lower(), (name, answer)
    assert answer.rcode() == NOERROR and [r.to_text() for rrset in answer.answer for r in rrset] == list(wanted), answer


def test_repeated_while_it_waits():
    """700 ms: the client's kernel sends its query three times over, and a UDP client of this kind repeats it too. The
    backend is asked once, and everyone has one answer."""
    def body(lab, bad, server):
        changes = Changes(server)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            streams = [pool.submit(wire.ask, wire.query(f"slow-700.s{n}.test."), BOTH[n % 2]) for n in range(4)]
            for n, one in enumerate(streams):
                check(one.result(), f"slow-700.s{n}.test.")
        for n in range(4):
            assert len(bad.asked(name=f"slow-700.s{n}.test.")) == 1, bad.asked()
        assert server.total("drop_waiting") >= 4, server.counters()
        q = wire.query("slow-400.udp.test.", number=77)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(2)
            s.connect((SERVER_V4, 53))
            for _ in range(5):
                s.send(q)
                time.sleep(0.05)
            check(s.recv(65535), "slow-400.udp.test.")
            s.settimeout(0.5)
            try:
                raise AssertionError(f"a second answer: {s.recv(65535)}")
            except TimeoutError:
                pass
        assert len(bad.asked(name="slow-400.udp.test.")) == 1, bad.asked()
        assert server.counters()["drop_udp_waiting"] == 4, server.counters()
        changes.expect({"answered": (5, 10), "retried": 0})
    with_bad(body, ["--forward-timeout", 2000])


def test_half_close_while_it_waits():
    """The client says that it will ask no more; it has its answer and a good end all the same. Without timestamps the
    ACK of its FIN covers the query too, and nothing pulls more than the first ten segments (docs/protocol.md)."""
    def body(lab, bad, server):
        def one(address, name, kind="A"):
            with wire.connect(address) as s:
                s.sendall(wire.framed(wire.query(name, kind)))
                s.shutdown(socket.SHUT_WR)
                answer = wire.parse(wire.read_answer(s))
                assert answer.rcode() == NOERROR and answer.answer, answer
                assert wire.at_end(s)
        at_once([(one, a, name, kind) for a in BOTH for name, kind in (
            ("ok.half.test.", "A"), ("slow-100.half.test.", "A"), ("slow-600.half.test.", "A"), ("tc.half.test.", "A"),
            ("big-9000.half.test.", "TXT"), ("big-30000.half.test.", "TXT"))[:6 if lab.timestamps else 5]])
    for timestamps in (True, False):
        with_bad(body, timestamps=timestamps)


def test_gone_before_the_answer():
    """Clients that reset or close while their question is under way leave nothing behind that harms anybody."""
    def body(lab, bad, server):
        for n in range(200):
            s = wire.connect(BOTH[n % 2])
            s.sendall(wire.framed(wire.query(f"slow-100.gone-{n}.test.")))
            if n % 3 == 0:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            s.close()
        for n in range(20):
            check(wire.ask(wire.query(f"ok.there-{n}.test."), BOTH[n % 2]), f"ok.there-{n}.test.")
        time.sleep(0.5)
        counters = server.forwarding()
        assert counters["waiting"] == counters["resumed"], counters
    with_bad(body)


def test_slow_ones_hold_up_none_but_their_own_stream():
    """On one connection answers come in the order of the questions; other connections do not wait."""
    def body(lab, bad, server):
        with wire.connect() as s:
            names = ["ok.a.test.", "slow-500.b.test.", "ok.c.test.", "silent.d.test.", "ok.e.test.", "tc.f.test."]
            s.sendall(b"".join(wire.framed(wire.query(n)) for n in names))
            took = []
            for n in range(40):
                began = time.monotonic()
                check(wire.ask(wire.query(f"ok.other-{n}.test.")), f"ok.other-{n}.test.")
                took.append(time.monotonic() - began)
            assert sorted(took)[20] < 0.1, took
            for name in names:
                answer = wire.parse(wire.read_answer(s))
                assert answer.question[0].name.to_text() == name, answer
                assert answer.rcode() == (SERVFAIL if name.startswith("silent") else NOERROR), answer
    with_bad(body, ["--forward-timeout", 700])
    with_bad(body, ["--forward-timeout", 700, "--flow-cache", 0])


def test_immediate_mode():
    """The query's ACK at once, so that no client repeats it; the answer, and the end, when the backend has spoken."""
    def body(lab, bad, server):
        def one(address, name, kind="A"):
            with wire.connect(address) as s:
                s.sendall(wire.framed(wire.query(name, kind)))
                answer = wire.parse(wire.read_answer(s))
                assert answer.rcode() == (SERVFAIL if name.startswith("silent") else NOERROR), answer
                assert wire.at_end(s)
        at_once([(one, a, name, kind) for a in BOTH for name, kind in (
            ("ok.now.test.", "A"), ("slow-300.now.test.", "A"), ("slow-700.now.test.", "A"), ("silent.now.test.", "A"),
            ("tc.now.test.", "A"), ("big-1400.now.test.", "TXT"), ("big-9000.now.test.", "TXT"))])
        assert len(bad.asked(name="slow-700.now.test.")) == 1, "two clients asked the same, at the same time"
        assert server.total("drop_waiting") == 0, server.counters()
        text = sh("dig", "+tcp", "@" + SERVER_V4, "slow-300.dig.test.").stdout
        assert "status: NOERROR" in text and GOOD in text, text
    with_bad(body, ["--mode", "immediate"])


def test_fast_open():
    """A query in the SYN is answered as ever, whether its answer was there or had to be waited for."""
    def body(lab, bad, server):
        sysctl("net.ipv4.tcp_fastopen", 1)
        for address in BOTH:
            for n in range(4):
                for name in (f"ok.early-{n}.test.", f"slow-300.early-{n}.test.", f"tc.early-{n}.test."):
                    bad.forget()
                    check(ask_early(wire.query(name), address), name)
                    assert len(bad.asked(name=name, transport="udp")) == 1, bad.asked()
        # An UPDATE is not sent before we know that it is the client who asks, and only once.
        bad.forget()
        message = dns.message.make_query("dyn.test.", "SOA")
        message.set_opcode(5)
        for address in BOTH:
            answer = wire.parse(ask_early(message.to_wire(), address))
            assert answer.rcode() == NOERROR, answer
        assert [q["opcode"] for q in bad.asked()] == [5, 5], bad.asked()
    with_bad(body, ["--forward-updates", "pass"])


def test_long_questions():
    """More than 512 bytes are asked over TCP."""
    def body(lab, bad, server):
        for address in BOTH:
            for size in (100, 400, 600, 1200, 3000):
                bad.forget()
                q = dns.message.make_query("ok.long.test.", "A", use_edns=0,
                                           options=[dns.edns.GenericOption(65001, bytes(size))])
                check(wire.ask(q.to_wire(max_size=65535), address), "ok.long.test.")
                seen, = bad.asked()
                assert seen["transport"] == ("udp" if size < 450 else "tcp"), seen
                assert len(seen["options"]) == 2 * (size + 4), len(seen["options"])
    with_bad(body)


def test_restart_in_the_middle_of_an_answer():
    """kill -9, and another with the same secret: what it does not know it does not continue."""
    with BackendLab() as lab, Bad(lab, 20), lab.goldilocks(["--forward", forward(20)], secret=lab.path("secret")) as server:
        settle(server)
        results = []

        def slowly(n):
            with wire.connect(BOTH[n % 2], receive_buffer=8192, timeout=40) as s:
                s.sendall(wire.framed(wire.query(f"vary-40000.restart-{n}.test.", "TXT")))
                length = int.from_bytes(wire.read_exactly(s, 2), "big")
                begun = wire.read_exactly(s, 500)
                barrier.wait()
                restarted.result()
                try:
                    whole(wire.parse(begun + wire.read_exactly(s, length - 500)), 40000)
                    results.append("whole")
                except ConnectionResetError:
                    results.append("reset")

        barrier = threading.Barrier(7)
        restarted = concurrent.futures.Future()
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            clients = [pool.submit(slowly, n) for n in range(6)]
            barrier.wait(20)
            server.kill()
            server.start()
            settle(server)
            restarted.set_result(None)
            for client in clients:
                client.result()
        assert results.count("reset") == 6, results
        assert server.forwarding("unrepeatable") >= 6, server.forwarding()


def test_restart_while_clients_wait():
    """Their kernels send the query again, and it is answered."""
    with BackendLab() as lab, Bad(lab, 20), lab.goldilocks(
            ["--forward", forward(20), "--forward-timeout", 3000], secret=lab.path("secret")) as server:
        settle(server)
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            clients = [pool.submit(wire.ask, wire.query(f"slow-1000.waits-{n}.test."), BOTH[n % 2]) for n in range(20)]
            time.sleep(0.4)
            server.kill()
            server.start()
            for n, client in enumerate(clients):
                check(client.result(), f"slow-1000.waits-{n}.test.")


def test_zone_reload_while_clients_wait():
    with BackendLab() as lab, Bad(lab, 20), lab.goldilocks(["--forward", forward(20, "test.")], zones=[ROOT_ZONE]) as server:
        settle(server)
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            clients = [pool.submit(wire.ask, wire.query(f"slow-500.reload-{n}.test."), BOTH[n % 2]) for n in range(20)]
            for _ in range(3):
                server.signal(signal.SIGHUP)
                time.sleep(0.1)
            for n, client in enumerate(clients):
                check(client.result(), f"slow-500.reload-{n}.test.")
        assert wire.parse(wire.ask(wire.query("com.", "NS"))).authority


def test_many_questions_on_lasting_connections():
    """Twenty answers that are all different on each of a hundred connections, from small ones to those of TCP."""
    def body(lab, bad, server):
        sizes = (100, 300, 1000, 3000)

        def choose(n):
            return [(wire.query(f"vary-{sizes[(n + m) % 4]}.last-{n}-{m}.test.", "TXT", bufsize=1232), sizes[(n + m) % 4])
                    for m in range(20)]
        outcome = asyncio.run(many(Ask(whole), choose, 100, 50, 60))
        assert not outcome.failures + outcome.given_up and outcome.resets == 0, (outcome.failures[:3], outcome.resets)
        assert server.forwarding("unrepeatable") == 0
    with_bad(body)
    with_bad(body, ["--flow-cache", 0])


run(__name__)
