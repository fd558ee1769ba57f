"""Servers on the kernel's TCP where Goldilocks would be: the same addresses, the same interface, the same path."""

import contextlib
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import backends
import wire
from lab import CLIENT_IF, CLIENT_V4, SERVER_IF, SERVER_V4, SERVER_V6, inside, sh, sysctl

# No limits but those of speed.
NSD_MORE = "  tcp-count: 3000\n  tcp-query-count: 0\n  tcp-timeout: 30\n"


class AtClients:
    """Mixed in before a server of backends.py: the kernel has the addresses that clients ask while it runs."""

    def __init__(self, lab, *more, addresses=(SERVER_V4, SERVER_V6), **where):
        super().__init__(lab, "at-clients", *more, namespace=lab.server_ns, addresses=list(addresses), **where)

    def __enter__(self):
        with inside(self.lab.server_ns, self.lab.client_ns):
            for address in self.addresses:
                if ":" in address:
                    sysctl(f"net.ipv6.conf.{SERVER_IF}.disable_ipv6", 0)
                    sh("ip", "addr", "add", address + "/64", "dev", SERVER_IF, "nodad")
                else:
                    sh("ip", "addr", "add", address + "/24", "dev", SERVER_IF)
                    sh("ip", "route", "add", "default", "via", CLIENT_V4)
        try:
            return super().__enter__()
        except BaseException:
            self.withdraw()
            raise

    def __exit__(self, *exc):
        super().__exit__(*exc)
        self.withdraw()

    def kill(self):
        """It may take an XDP program off the interface first."""
        if self.process and self.process.poll() is None:
            self.signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
        super().kill()

    def withdraw(self):
        sh("ip", "-n", self.lab.server_ns, "link", "set", SERVER_IF, "xdp", "off")
        sh("ip", "-n", self.lab.server_ns, "addr", "flush", "dev", SERVER_IF)
        with inside(self.lab.server_ns, self.lab.client_ns):
            sysctl(f"net.ipv6.conf.{SERVER_IF}.disable_ipv6", 1)
        sh("ip", "neigh", "flush", "dev", CLIENT_IF)

    def wait_ready(self):
        """From where the clients are: by XDP nothing is answered from within."""
        end = time.monotonic() + backends.START_LIMIT_S
        while True:
            assert self.process.poll() is None, f"{self.command()} ended with exit code {self.process.returncode}"
            try:
                wire.ask(wire.query(".", "SOA"), self.addresses[0], timeout=2)
                return
            except (OSError, AssertionError):
                assert time.monotonic() < end, f"{type(self).__name__} does not answer"
                time.sleep(0.05)


class KernelTcp(AtClients, backends.Server):
    """kernel_tcp.py: answers that are known beforehand. (NSD 4.6 resets a client that pipelines as soon as its own writing
    would block: after a part of an answer it reads 3,000 bytes of queries as one.)"""

    def __init__(self, lab, answers, **where):
        """answers: Expected.answers()."""
        super().__init__(lab, **where)
        self.answers = answers

    def configure(self):
        (self.dir / "answers").write_bytes(pickle.dumps(self.answers))

    def command(self):
        return [sys.executable, Path(__file__).with_name("kernel_tcp.py"), self.dir / "answers", *self.addresses]
