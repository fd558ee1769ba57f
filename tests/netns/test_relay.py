"""The relay does what it says: else nothing that is measured through it means anything. Measured with datagrams that the
client's kernel sends by way of the relay to a socket in the server's namespace."""

import contextlib
import select
import socket
import struct
import time

from lab import SERVER_IF, SERVER_V4, SERVER_V6, inside, sh, sysctl
from path import FAR_IF, PathLab, relay_program
from runner import report, run

# Late by the machine's doing, not by the relay's: what nearly all must keep to, and a few may not.
CLOSE_MS, BUSY_MS = 0.7, 30


def kernel_serves(lab):
    with inside(lab.server_ns, lab.client_ns):
        sysctl(f"net.ipv6.conf.{SERVER_IF}.disable_ipv6", 0)
        sh("ip", "addr", "add", SERVER_V4 + "/24", "dev", SERVER_IF)
        sh("ip", "addr", "add", SERVER_V6 + "/64", "dev", SERVER_IF, "nodad")


@contextlib.contextmanager
def ends(**path):
    """(laboratory, the client's socket, the server's): datagrams of one are read by the other."""
    with PathLab(path=path, mtu=9000) as lab, contextlib.ExitStack() as stack:
        kernel_serves(lab)
        with inside(lab.server_ns, lab.client_ns):
            there = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        here = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        for s in (here, there):
            s.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE
        there.bind((SERVER_V4, 5000))
        here.connect((SERVER_V4, 5000))
        here.send(b"?")  # finds the neighbours
        assert select.select([there], [], [], 10)[0], "nothing comes through"
        there.connect(there.recvfrom(100)[1])
        yield lab, here, there


def play(source, sink, count, apart=0.0, size=100, patience=1.0):
    """Sends `count` numbered datagrams: [(number, milliseconds on the way)] in the order of coming."""
    sent, came = [], []

    def read(limit):
        while select.select([sink], [], [], limit)[0]:
            (number,) = struct.unpack("!I", sink.recv(65535)[:4])
            came.append((number, (time.monotonic() - sent[number]) * 1000))
    for n in range(count):
        sent.append(time.monotonic())
        source.send(struct.pack("!I", n) + bytes(size - 4))
        read(0)
        end = time.monotonic() + apart
        while (left := end - time.monotonic()) > 0:
            read(left)
    read(patience)
    return came


def on_time(came, least, most):
    """Nine in ten within CLOSE_MS of [least, most], the others of a busy machine; none early."""
    times = [ms for _, ms in came]
    late = sum(ms > most + CLOSE_MS for ms in times)
    report(f"{len(times)} took {min(times):.2f} to {max(times):.2f} ms, {late} later than {most + CLOSE_MS:.1f}")
    assert min(times) >= least - 0.02 and late <= len(times) / 10 and max(times) < most + BUSY_MS


def test_delay():
    with ends(delay=(7, 23)) as (lab, here, there):
        for a, b, ms in ((here, there, 7), (there, here, 23)):
            came = play(a, b, 300, apart=0.001)
            assert [n for n, _ in came] == list(range(300))
            on_time(came, ms, ms)
        lab.path_is()
        on_time(play(here, there, 300, apart=0.001), 0, 0)


def test_jitter_keeps_order():
    with ends(delay=5, jitter=20) as (_, here, there):
        came = play(here, there, 500, apart=0.001)
        assert [n for n, _ in came] == list(range(500))
        on_time(came, 5, 25)
        assert max(ms for _, ms in came) > 20


def test_reordering():
    with ends(delay=5, jitter=20, reorder=100) as (lab, here, there):
        came = play(here, there, 500, apart=0.001)
        order = [n for n, _ in came]
        assert sorted(order) == list(range(500)) and order != sorted(order)
        on_time(came, 5, 25)
        middle = sum(10 < ms < 20 for _, ms in came)
        assert 150 < middle < 350, f"{middle} of 500 took 10 to 20 ms: not uniform"
        counted = lab.path_is()
        assert counted["overtook"][0] > 100 and counted["lost"] == (0, 0), counted


def test_loss_and_duplicates_repeat():
    """The same seed makes the same fate, another seed another; and about the share that was asked for."""
    def fates(seed):
        lab.path_is(loss=(10, 0), duplicate=(5, 0), seed=seed)
        there_came = [n for n, _ in play(here, there, 3000, patience=0.5)]
        counted = lab.path_is()
        assert len(there_came) == 3000 - counted["lost"][0] + counted["doubled"][0], counted
        return there_came, counted
    with ends() as (lab, here, there):
        one, counted = fates(1)
        other, _ = fates(2)
        # A frame of the kernel's own, neighbour discovery for instance, takes a number of the seed's row from all behind it.
        assert one != other and any(fates(1)[0] == one for _ in range(4))
        assert 220 < counted["lost"][0] < 380 and 90 < counted["doubled"][0] < 190, counted
        lab.path_is(loss=(0, 100))
        assert len(play(there, here, 20)) == 0 and len(play(here, there, 20)) == 20


def test_rate_and_queue():
    """8,000 kbit/s are 1,000 bytes a millisecond; 64 KiB wait, what comes then is dropped."""
    with ends(rate=(8000, 0), queue=64) as (lab, here, there):
        came = play(here, there, 100, size=958)  # 1,000 with its headers
        counted = lab.path_is()
        assert 60 <= len(came) <= 75 and counted["queue-full"] == (100 - len(came), 0), counted
        assert came == sorted(came)
        # The last to be taken waited for all of the queue.
        longest = max(ms for _, ms in came)
        assert 60 < longest < 70 + BUSY_MS, came


def test_large_frames():
    with ends() as (lab, here, there):
        assert len(play(here, there, 50, size=8972)) == 50
        assert lab.path_is()["bytes"][0] >= 50 * 9014


def test_idle_costs_nothing():
    with ends(delay=50) as (lab, here, _):
        def seconds():
            return sum(map(int, open(f"/proc/{lab.relay.process.pid}/stat").read().split()[13:15])) / 100
        before = seconds()
        time.sleep(2)
        assert seconds() - before <= 0.1


def test_what_it_says():
    program = relay_program()
    assert "--delay MS" in sh(program, "--help").stdout
    for words, wanted in ((["--delay=x", "a", "b"], "--delay does not take `x`"), (["--loss=101", "a", "b"], "--loss does not"),
                          (["--delay=1,2,3", "a", "b"], "--delay does not"), (["--delay=-1", "a", "b"], "--delay does not"),
                          (["a"], "two interfaces"), (["--speed=1", "a", "b"], "--help")):
        done = sh(program, *words, check=False)
        assert done.returncode == 2 and wanted in done.stdout, done.stdout
    done = sh(program, "nowhere", "lo", check=False)
    assert done.returncode == 1 and "nowhere: no such interface here" in done.stdout, done.stdout


def test_interface_goes():
    with PathLab() as lab:
        sh("ip", "-n", lab.path_ns, "link", "delete", FAR_IF)
        assert lab.relay.process.wait(5) == 1
        assert f"{FAR_IF}: recvmsg" in lab.path("relay.log").read_text()


run(__name__)
