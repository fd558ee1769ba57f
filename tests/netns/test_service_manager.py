"""What systemd is told by sd_notify: ready, reloads, the end, and signs of life while every worker turns."""

import contextlib
import ctypes
import os
import signal
import socket
import time
from pathlib import Path
from unittest import mock

import wire
from goldilocks import ROOT_ZONE, Goldilocks, driver_device
from lab import Lab, wait_for
from runner import Skip, run
from zones import txt_zone

_PTRACE_SEIZE, _PTRACE_INTERRUPT, _PTRACE_DETACH, _WALL = 0x4206, 0x4207, 17, 0x40000000


class Manager:
    """In the place of systemd: the socket, and what came over it, a dict of each message."""

    def __init__(self, lab):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        lab.on_exit(self.socket.close)
        self.path = str(lab.path("notify"))
        self.socket.bind(self.path)
        self.socket.settimeout(0.05)
        self.messages = []

    def environment(self, watchdog_us=None):
        words = {"NOTIFY_SOCKET": self.path}
        return mock.patch.dict(os.environ, words if watchdog_us is None else {**words, "WATCHDOG_USEC": str(watchdog_us)})

    def read(self):
        with contextlib.suppress(TimeoutError):
            while True:
                text = self.socket.recv(4096).decode()
                self.messages.append(dict(line.split("=", 1) for line in text.splitlines()))
        return self.messages

    def wait_for(self, key, count=1):
        wait_for(lambda: sum(key in m for m in self.read()) >= count, lambda: f"{key} in {self.messages}")
        return [m for m in self.messages if key in m][-1]

    def order(self):
        return [next(iter(m)) for m in self.read() if "WATCHDOG" not in m]


@contextlib.contextmanager
def stopped(server, name):
    """One thread stands still, the others go on."""
    libc = ctypes.CDLL(None, use_errno=True)
    tasks = Path(f"/proc/{server.process.pid}/task")
    thread = next(int(t.name) for t in tasks.iterdir() if (t / "comm").read_text().strip() == name)
    if libc.ptrace(_PTRACE_SEIZE, thread, None, None) != 0:
        raise Skip(f"ptrace: {os.strerror(ctypes.get_errno())}")
    assert libc.ptrace(_PTRACE_INTERRUPT, thread, None, None) == 0
    os.waitpid(thread, _WALL)
    try:
        yield
    finally:
        assert libc.ptrace(_PTRACE_DETACH, thread, None, None) == 0


def test_life():
    """Starting, ready, a reload of zones and files, and the end after a time of drain."""
    with Lab() as lab:
        manager = Manager(lab)
        lab.path("www").mkdir()
        zone = lab.path("big.zone", txt_zone(serial=1))
        with manager.environment():
            server = Goldilocks(lab, ["--drain", "1", "--http", f"80,root={lab.path('www')}"], zones=[ROOT_ZONE, zone])
            server.start()
        try:
            ready = manager.wait_for("READY")
            assert ready == {"READY": "1", "STATUS": "serving 2 zones on 1 port with 1 worker"}, ready
            assert manager.messages[0]["STATUS"] == "reading zones and files" and manager.order() == ["STATUS", "READY"]
            for count in (2, 3):
                zone.write_text(txt_zone(serial=count))
                lab.path(f"www/{count}", "new")
                before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
                server.signal(signal.SIGHUP)
                began = manager.wait_for("RELOADING", count - 1)
                assert before <= int(began["MONOTONIC_USEC"]) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000, began
                assert began["STATUS"].startswith("reading zones and files again; serving 2 zones"), began
                assert manager.wait_for("READY", count) == ready
                # Both have ended before READY was said.
                assert f"serial {count - 1} -> {count}" in server.log()
                assert server.log().count("files read again: 1 changed") == count - 1, server.log()
            server.signal(signal.SIGTERM)
            assert manager.wait_for("STOPPING") == {"STOPPING": "1", "STATUS": "ending in 1 s on SIGTERM"}
            wire.ask(wire.query(".", "SOA"))  # serves on
            assert server.process.wait(20) == 0
            assert manager.order() == ["STATUS", "READY", *["RELOADING", "READY"] * 2, "STOPPING"], manager.messages
            assert not any("WATCHDOG" in m for m in manager.messages), "nobody asked for signs of life"
        finally:
            server.kill()


def test_watchdog():
    """A sign of life twice in the time given, none while a worker stands still, though the main core and the other turn."""
    with Lab(queues=2) as lab:
        manager = Manager(lab)
        with manager.environment(watchdog_us=1_000_000):
            server = Goldilocks(lab, workers=2, device=driver_device("af_packet") + ",qpairs=2")
            server.start()
        try:
            manager.wait_for("READY")
            began, known = time.monotonic(), len(manager.messages)
            manager.wait_for("WATCHDOG", sum("WATCHDOG" in m for m in manager.messages) + 4)
            seconds = time.monotonic() - began
            assert 1.2 < seconds < 4, f"four signs of life took {seconds:.1f} s, 2 were expected"
            assert all(m == {"WATCHDOG": "1"} for m in manager.messages[known:]), manager.messages
            for worker in ("rte-worker-1", "rte-worker-2"):
                with stopped(server, worker):
                    manager.read()
                    time.sleep(0.7)  # one that was due when it stopped
                    known = len(manager.read())
                    time.sleep(1.5)
                    assert len(manager.read()) == known, f"{worker} stands still: {manager.messages[known:]}"
                    assert server.telemetry("/goldilocks/info")["workers"] == 2
                manager.wait_for("WATCHDOG", sum("WATCHDOG" in m for m in manager.messages) + 1)
        except BaseException:
            server.kill()
            raise
        server.stop()


def test_nobody_listens():
    """A socket that is not there, and a time that is no number, are one warning each; it serves."""
    with Lab() as lab, mock.patch.dict(os.environ, {"NOTIFY_SOCKET": str(lab.path("none")), "WATCHDOG_USEC": "soon"}):
        with Goldilocks(lab) as server:
            server.signal(signal.SIGHUP)
            wait_for(lambda: "zones loaded again" in server.log(), server.log)
            assert server.log().count("the service manager at $NOTIFY_SOCKET is not told: No such file") == 1, server.log()
            assert server.log().count("$WATCHDOG_USEC: Invalid argument") == 1, server.log()


if __name__ == "__main__":
    run(__name__)
