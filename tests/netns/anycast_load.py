"""Clients of an AnycastLab while something happens to its nodes, and what they saw.

Kernel clients keep connections open and compare every byte; dnsperf, kxdpgun and curl do what they always do. kxdpgun
takes all packets of its interface, so it has a namespace of its own.
"""

import asyncio
import hashlib
import random
import re
import signal
import socket
import subprocess
import threading
import time

import wire
from exchanges import WrongBytes, read_and_compare
from lab import CLIENT_IF, SERVER_V4, SERVER_V6, as_off_a_wire, die_with_parent, inside, sh, sysctl, wait_for

PATIENCE_S = 20  # how long an exchange may take, retransmissions included
A_CONNECTION = 12  # exchanges, then the next one; well below what a cookie answers for
XDP_CLIENT4, XDP_GATE4, XDP_ROUTER_IF = "10.54.0.2", "10.54.0.1", "gx"
QUESTIONS = [("com.", "NS"), (".", "SOA"), ("se.", "DS"), ("nonexistent-tld.", "A"), ("org.", "NS")]


class Tally:
    """What the kernel's clients saw. broken: exchanges whose connection ended by RST or FIN before the answer; late: no
    answer in PATIENCE_S; mended: answered, after retransmissions of the client's."""

    def __init__(self):
        self.exchanges = self.wrong = self.broken = self.late = self.mended = self.sent_again = 0
        self.longest, self.why = 0.0, []

    def failed(self):
        return self.broken + self.late

    def note(self, what, error):
        setattr(self, what, getattr(self, what) + 1)
        self.why.append(f"{type(error).__name__} {str(error)[:120]}")


class Steady(threading.Thread):
    """Connections that are open all the time, each with a query every now and then; a context manager.

    expected: answers by the address that is asked."""

    def __init__(self, expected, connections=40, pause_s=0.05):
        super().__init__()
        self.expected, self.connections, self.pause_s = expected, connections, pause_s
        self.tally, self._ending = Tally(), threading.Event()

    def __enter__(self):
        self.start()
        return self.tally

    def __exit__(self, *exc):
        self._ending.set()
        self.join()

    def run(self):
        asyncio.run(self._all())

    async def _all(self):
        await asyncio.gather(*(self._one(n) for n in range(self.connections)))

    async def _one(self, n):
        randomness = random.Random(n)
        await asyncio.sleep(randomness.random() * self.pause_s)
        while not self._ending.is_set():
            address = (SERVER_V4, SERVER_V6)[n % 2]
            await self._connection(address, self.expected[address].choose(A_CONNECTION, randomness, rare=8))

    async def _connection(self, address, pairs):
        writer, began = None, time.monotonic()
        try:
            reader, writer = await asyncio.wait_for(asyncio.open_connection(address, 53), PATIENCE_S)
            connection = writer.get_extra_info("socket")
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            before = 0  # the SYN's count too: the first exchange begins with it
            for pair in pairs:
                writer.write(wire.framed(pair[0]))
                await asyncio.wait_for(read_and_compare(reader, [pair]), PATIENCE_S)
                again = wire.total_retransmissions(connection)
                self.tally.exchanges += 1
                self.tally.mended += again > before
                self.tally.sent_again += again - before
                self.tally.longest = max(self.tally.longest, time.monotonic() - began)
                if self._ending.is_set():
                    return
                await asyncio.sleep(self.pause_s)
                before, began = again, time.monotonic()
        except WrongBytes as e:
            self.tally.note("wrong", e)
        except (TimeoutError, asyncio.TimeoutError) as e:
            self.tally.note("late", e)
        except (OSError, asyncio.IncompleteReadError) as e:
            self.tally.note("broken", e)
            await asyncio.sleep(self.pause_s)
        finally:
            if writer:
                writer.close()


class Tool:
    """A program that runs until it is interrupted, and what it said: a context manager."""

    def __init__(self, lab, name, namespace, *command):
        self.log, self.command = lab.path(f"{name}.out"), ["ip", "netns", "exec", namespace, *map(str, command)]
        self.process = None

    def __enter__(self):
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            preexec_fn=die_with_parent)
        return self

    def __exit__(self, *exc):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def said(self):
        return self.log.read_text(errors="replace")

    def number(self, pattern):
        found = re.search(pattern, self.said(), re.M)
        assert found, f"{self.command}: {self.said()[-2000:]}"
        return int(found[1])


class Dnsperf(Tool):
    """answered, and not answered: queries of which either PATIENCE_S is over, or their connection, or all of it."""

    def __init__(self, lab, seconds, rate=200):
        queries = lab.path("queries", "".join(f"{name} {kind}\n" for name, kind in QUESTIONS))
        super().__init__(lab, "dnsperf", lab.client_ns, "dnsperf", "-s", SERVER_V4, "-m", "tcp", "-d", queries,
                         "-l", seconds, "-c", 10, "-q", 50, "-Q", rate, "-t", PATIENCE_S, "-O", "num-queries-per-conn=40")

    def result(self):
        sent, answered = self.number(r"Queries sent:\s+(\d+)"), self.number(r"Queries completed:\s+(\d+)")
        return answered, sent - answered


class Kxdpgun(Tool):
    """asked, answered: connections of a query each. It has a TCP of its own, which never sends anything again."""

    def __init__(self, lab, seconds, rate=100):
        self.namespace = lab.client_ns[:-1] + "b"
        if not self._exists():
            self._build(lab)
        queries = lab.path("xdp-queries", "".join(f"{name} {kind}\n" for name, kind in QUESTIONS))
        super().__init__(lab, "kxdpgun", self.namespace, "kxdpgun", "-T", "-t", seconds, "-Q", rate, "-b", 1, "-i", queries,
                         "-I", CLIENT_IF, SERVER_V4)

    def _exists(self):
        return self.namespace in sh("ip", "netns", "list").stdout.split()

    def _build(self, lab):
        sh("ip", "netns", "add", self.namespace)
        lab.on_exit(sh, "ip", "netns", "delete", self.namespace, check=False)
        lab.cable(lab.server_ns, XDP_ROUTER_IF, self.namespace, CLIENT_IF)
        with inside(lab.server_ns, lab.client_ns):
            as_off_a_wire(XDP_ROUTER_IF)
            sh("ip", "addr", "add", f"{XDP_GATE4}/24", "dev", XDP_ROUTER_IF)
            sh("ip", "link", "set", XDP_ROUTER_IF, "up")
        with inside(self.namespace, lab.client_ns):
            as_off_a_wire(CLIENT_IF)
            sysctl(f"net.ipv6.conf.{CLIENT_IF}.disable_ipv6", 1)
            sh("ip", "link", "set", CLIENT_IF, "up")
            sh("ip", "addr", "add", f"{XDP_CLIENT4}/24", "dev", CLIENT_IF)
            sh("ip", "route", "add", "default", "via", XDP_GATE4)
            sh("ping", "-c", 1, "-W", 2, XDP_GATE4)  # kxdpgun looks where the kernel knows its neighbours
        for node in lab.nodes:
            node.run("ip", "route", "replace", f"{XDP_CLIENT4}/32", "via", node.router4)

    def result(self):
        return self.number(r"^total SYNs: +(\d+)"), self.number(r"^total replies: +(\d+)")


class Curl(Tool):
    """whole, failed: files of 20 KB, one after the other over kept connections, each compared."""

    def __init__(self, lab, address, digest, rate=20):
        self.digest, self.folder = digest, lab.path("curl-" + ("6" if ":" in address else "4"))
        host = f"[{address}]" if ":" in address else address
        self.folder.mkdir(exist_ok=True)
        for old in self.folder.iterdir():
            old.unlink()
        super().__init__(lab, self.folder.name + ".log", lab.client_ns, "stdbuf", "-oL", "curl", "--silent",
                         "--max-time", PATIENCE_S, "--rate", f"{rate}/s", "--output", self.folder / "#1", "--write-out", "%{exitcode} %{http_code}\n",
                         f"http://{host}/file?[1-100000]")

    def result(self):
        outcomes = re.findall(r"^(\d+) (\d+)$", self.said(), re.M)
        files = sorted(self.folder.iterdir(), key=lambda f: int(f.name))
        for file in files[:-1]:  # the last one may have been interrupted
            if hashlib.sha256(file.read_bytes()).digest() != self.digest and outcomes[int(file.name) - 1][0] == "0":
                raise WrongBytes(f"{file.name} over HTTP")
        bad = sum(outcome != ("0", "200") for outcome in outcomes)
        return len(outcomes) - bad, bad


def reached(lab, tally, exchanges=200):
    """Waits until the kernel's clients are at work."""
    goal = tally.exchanges + exchanges
    wait_for(lambda: tally.exchanges + tally.failed() >= goal, "the clients do not get on", PATIENCE_S)
    assert lab.ways()[0], "no node has the address"
