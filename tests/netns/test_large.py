"""Answers of many segments, small windows, half-closed and idle connections."""

import concurrent.futures
import resource
import socket
import struct
import time

import wire
from capture import Capture
from goldilocks import ROOT_ZONE, Goldilocks
from lab import SERVER_V4, SERVER_V6, Lab, sh
from runner import run
from zones import txt_zone

SIZES = (100, 1300, 1500, 3000, 9000, 14000, 16000, 30000, 45000, 60000)


class Scene:
    """A laboratory with the zone of big answers served."""

    def __init__(self, options=(), **lab_options):
        self.lab = Lab(**lab_options)
        self.options = options

    def __enter__(self):
        self.lab.__enter__()
        try:
            zone = self.lab.path("big.zone", txt_zone(sizes=SIZES))
            self.server = Goldilocks(self.lab, self.options, zones=[ROOT_ZONE, zone])
            self.server.start()
        except BaseException:
            self.lab.__exit__()
            raise
        return self.lab, self.server

    def __exit__(self, *exc):
        try:
            self.server.__exit__(*exc)
        finally:
            self.lab.__exit__(*exc)


def big(n):
    return wire.query(f"t{n}.big.example.", "TXT")


def check_big(answer, n):
    message = wire.parse(answer)
    texts = sorted(b"".join(r.strings).decode() for r in message.answer[0])
    size, count, wanted = SIZES[n], 0, []
    while size > 0:
        letters = f"{n}-{count:05d}-"
        wanted.append(letters + "x" * (min(size, 250) - len(letters)))
        count, size = count + 1, size - 263
    assert texts == sorted(wanted), f"answer {n} is not what the zone holds"


def each_address(body, options=(), **lab_options):
    with Scene(options, **lab_options) as (lab, server):
        for address in (SERVER_V4, SERVER_V6):
            body(address, lab, server)


def at_once(tasks):
    """Runs (function, arguments...) together: what a long answer waits for is the client's timer."""
    with concurrent.futures.ThreadPoolExecutor(len(tasks)) as pool:
        for done in [pool.submit(*t) for t in tasks]:
            done.result()


def ask_big(n, address, **options):
    with wire.connect(address, **options) as s:
        s.sendall(wire.framed(big(n)))
        check_big(wire.read_answer(s), n)
    return True


def test_sizes():
    with Scene():
        at_once([(ask_big, n, a) for n in range(len(SIZES)) for a in (SERVER_V4, SERVER_V6)])


def test_sizes_in_turn_on_one_connection():
    """Within what one connection may carry."""
    def body(address, lab, server):
        with wire.connect(address) as s:
            for n in (0, 1, 2, 3, 4, 5, 6, 1, 0):
                s.sendall(wire.framed(big(n)))
                check_big(wire.read_answer(s), n)
    each_address(body)


def test_sizes_batched():
    def body(address, lab, server):
        with wire.connect(address) as s:
            order = (5, 0, 6, 1, 4)
            s.sendall(b"".join(wire.framed(big(n)) for n in order))
            for n in order:
                check_big(wire.read_answer(s), n)
    each_address(body)


def test_sizes_mss_536():
    """Up to 30 KB. Every ten segments cost a client's timeout, which doubles: 60 KB would take minutes."""
    with Scene(mss=536):
        at_once([(ask_big, n, a) for n in (0, 1, 2, 3, 4, 5, 7) for a in (SERVER_V4, SERVER_V6)])


def test_sizes_without_timestamps():
    def one(n, address):
        with wire.connect(address) as s:
            s.sendall(wire.framed(big(n)))
            check_big(wire.read_answer(s), n)
    with Scene(timestamps=False):
        at_once([(one, n, a) for n in range(len(SIZES)) for a in (SERVER_V4, SERVER_V6)])


def test_more_than_one_connection_may_carry():
    """Past 2^17 bytes a connection of a client that is not busy is closed in good order, not reset; every answer before that is
    whole."""
    def body(address, lab, server):
        whole = 0
        with wire.connect(address) as s:
            for _ in range(20):
                time.sleep(0.15)
                try:
                    s.sendall(wire.framed(big(7)))
                    first = s.recv(1)
                except BrokenPipeError:
                    break
                if not first:
                    break
                (length,) = struct.unpack("!H", first + wire.read_exactly(s, 1))
                check_big(wire.read_exactly(s, length), 7)
                whole += 1
        assert 2 <= whole < 20, f"{whole} answers of {SIZES[7]} bytes on one connection"
    each_address(body)


def test_small_windows():
    def one(receive_buffer, n, address):
        ask_big(n, address, receive_buffer=receive_buffer, timeout=60)
    with Scene():
        at_once([(one, room, n, a) for a in (SERVER_V4, SERVER_V6)
                 for room, numbers in ((2048, (0, 1, 3)), (4096, (3, 4)), (16384, (5, 7))) for n in numbers])


def test_slow_reader():
    """The window closes in the middle of an answer and opens again."""
    def body(address, lab, server):
        with wire.connect(address, receive_buffer=8192) as s:
            s.sendall(wire.framed(big(6)))
            time.sleep(1)
            (length,) = struct.unpack("!H", wire.read_exactly(s, 2))
            parts = []
            while length:
                parts.append(wire.read_exactly(s, min(length, 4000)))
                length -= len(parts[-1])
                time.sleep(0.05)
            check_big(b"".join(parts), 6)
    each_address(body)


def test_half_close():
    """The client says that it will ask no more, and still gets everything."""
    def body(address, lab, server):
        for n in (0, 3, 7):
            for delay in (0, 0.3):
                with wire.connect(address) as s:
                    s.sendall(wire.framed(big(n)))
                    time.sleep(delay)
                    s.shutdown(socket.SHUT_WR)
                    check_big(wire.read_answer(s), n)
                    assert wire.at_end(s)
    each_address(body)


def test_half_close_without_timestamps():
    def body(address, lab, server):
        for n in (0, 3, 7):
            with wire.connect(address) as s:
                s.sendall(wire.framed(big(n)))
                s.shutdown(socket.SHUT_WR)
                check_big(wire.read_answer(s), n)
                assert wire.at_end(s)
    each_address(body, timestamps=False)


def test_close_without_asking():
    """FIN against FIN, no reset, in either order."""
    def body(address, lab, server):
        with wire.connect(address) as s:
            s.shutdown(socket.SHUT_WR)
            assert wire.at_end(s)
    each_address(body)


def test_client_ends_up_without_connections():
    """After a close nothing lingers on the client but TIME-WAIT: its FIN was acknowledged, and so was ours."""
    def body(address, lab, server):
        for _ in range(50):
            wire.ask(big(0), address)
        end = time.monotonic() + 3
        while time.monotonic() < end:
            states = [line.split()[0] for line in sh("ss", "-Htan").stdout.splitlines()]
            if set(states) <= {"TIME-WAIT"}:
                return
            time.sleep(0.1)
        raise AssertionError(f"connections in other states: {set(states)}")
    each_address(body)


def test_no_reset_in_ordinary_use():
    with Scene() as (lab, server):
        with Capture(lab, "tcp[tcpflags] & tcp-rst != 0 or (ip6 and ip6[6] == 6 and ip6[53] & 4 != 0)") as resets:
            for address in (SERVER_V4, SERVER_V6):
                for n in (0, 3, 7):
                    wire.ask(big(n), address)
                sh("dig", "@" + address, "+tcp", "t0.big.example.", "TXT")
                sh("dig", "@" + address, "+tcp", "+keepopen", "t0.big.example.", "TXT", "t3.big.example.", "TXT")
                sh("kdig", "@" + address, "+tcp", "t3.big.example.", "TXT")
                sh("drill", "-t", "@" + address, "t3.big.example.", "TXT")
            time.sleep(0.5)
        assert not resets.lines(), "\n".join(resets.lines())


def test_keepalive():
    """The client's kernel probes an idle connection every second and finds it alive."""
    def body(address, lab, server):
        with wire.connect(address) as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for option, value in ((socket.TCP_KEEPIDLE, 1), (socket.TCP_KEEPINTVL, 1), (socket.TCP_KEEPCNT, 2)):
                s.setsockopt(socket.IPPROTO_TCP, option, value)
            before = server.total("acked_keepalive")
            for n in (0, 3):
                time.sleep(3.5)
                s.sendall(wire.framed(big(n)))
                check_big(wire.read_answer(s), n)
            assert server.total("acked_keepalive") - before >= 4
    each_address(body)


def test_idle_connections_cost_nothing():
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, max(8192, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
    with Scene() as (lab, server):
        wire.ask(big(9))  # what memory an answer touches is touched
        for n in range(20):
            wire.ask(big(n % 3))
        before = server.memory_kib()
        idle = []
        try:
            for n in range(2000):
                idle.append(wire.connect(SERVER_V4 if n % 2 else SERVER_V6))
                if n % 2 == 0:
                    idle[-1].sendall(wire.framed(big(0)))
                    check_big(wire.read_answer(idle[-1]), 0)
            grown = server.memory_kib() - before
            assert grown <= 256, f"2,000 connections cost {grown} KiB"
            for s in idle:
                s.sendall(wire.framed(big(1)))
                check_big(wire.read_answer(s), 1)
            assert server.memory_kib() - before <= 256
        finally:
            for s in idle:
                s.close()


run(__name__)
