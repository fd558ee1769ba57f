"""Goldilocks as a child process: started in the laboratory's server namespace, asked for its counters, ended.

Each instance that ends without a failure proves two things besides its test: for every core the frames received, and
those taken up again, are the sum of the verdicts, and SIGTERM ends it with exit code 0.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import wire
from lab import ROOT, SERVER_IF, SERVER_V4, SERVER_V6, die_with_parent

sys.path.insert(0, str(ROOT / "scripts"))
from telemetry import ask  # noqa: E402

ROOT_ZONE = ROOT / "tests/data/root.zone"
DEFAULT_ADDRESSES = (SERVER_V4, SERVER_V6)
# What a core counts besides its verdicts.
NOT_VERDICTS = ("received", "received_bytes", "resumed", "sent", "sent_bytes", "extra_segments", "timed_datagrams",
                "refused_unverified", "tx_full", "no_buffer", "fragments_dropped", "unread",
                "kernel_tx_full", "from_kernel", "from_kernel_bytes", "from_kernel_too_long", "from_kernel_other_mac",
                "verdict_sum")
START_LIMIT_S = 60  # the sanitizers make reading the root zone slow
_count = 0


def lcores(workers=1):
    """The main core and the workers float over what CPUs this process may use: tests share them with their clients."""
    cpus = ",".join(map(str, sorted(os.sched_getaffinity(0))))
    return "--lcores=" + ",".join(f"{n}@({cpus})" for n in range(workers + 1))


def driver_device(driver, interface=SERVER_IF):
    return {"af_packet": f"--vdev=net_af_packet0,iface={interface}",
            "af_xdp": f"--vdev=net_af_xdp0,iface={interface}"}[driver]


class Goldilocks:
    """A context manager around one process.

    options: the application's own, besides the zone, the addresses and the secret, which have defaults.
    """

    binary = ROOT / "build/app/goldilocks/goldilocks"

    def __init__(self, lab, options=(), zones=(ROOT_ZONE,), addresses=DEFAULT_ADDRESSES, driver="af_packet",
                 secret=None, eal=(), workers=1, device=None, port=53):
        global _count
        _count += 1
        self.lab = lab
        self.prefix = f"gl-{os.getpid()}-{_count}"
        self.log_path = lab.path(f"goldilocks-{_count}.log")
        self.process = None
        self.port, self.zones = port, zones
        self.has_dns = bool(zones) or not {"--forward", "--secondary", "--catalog"}.isdisjoint(map(str, options))
        lab.on_exit(shutil.rmtree, f"/var/run/dpdk/{self.prefix}", ignore_errors=True)
        secret = secret or lab.path(f"secret-{_count}")
        device = device or driver_device(driver)
        self.command = ["ip", "netns", "exec", lab.server_ns, str(self.binary), lcores(workers), "--no-huge",
                        "-m", "512", "--no-pci", f"--file-prefix={self.prefix}", device, *eal, "--"]
        for zone in zones:
            self.command += ["--zone", str(zone)]
        for address in addresses:
            self.command += ["--address", str(address)]
        self.command += ["--secret", str(secret), *map(str, options)]
        if port != 53:
            self.command += ["--port", str(port)]

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, exc, trace):
        if kind is not None:
            self.kill()
            print("--- what goldilocks said\n" + self.log()[-4000:])
            return
        self.stop()

    def start(self):
        self._served = self.log().count(" serving ") if Path(self.log_path).exists() else 0  # by those before
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            preexec_fn=die_with_parent)
        try:
            self.wait_ready()
        except BaseException:
            self.kill()
            print("--- what goldilocks said\n" + self.log()[-4000:])
            raise

    def wait_ready(self):
        """Until its telemetry socket is there and shows a running worker, and a datagram is answered."""
        end = time.monotonic() + START_LIMIT_S
        # Of an EDNS version that is not there: answered without a zone, and without a backend.
        query = wire.query(".", "SOA") if self.zones else wire.query(".", "SOA", bufsize=512, version=1)
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise AssertionError(f"goldilocks ended at its start with exit code {self.process.returncode}")
            if self._answers(query) if self.has_dns else self.log().count(" serving ") > self._served:
                return
        raise AssertionError(f"goldilocks did not answer within {START_LIMIT_S} s")

    def _answers(self, query):
        for family, address in ((socket.AF_INET, SERVER_V4), (socket.AF_INET6, SERVER_V6)):
            with socket.socket(family, socket.SOCK_DGRAM) as s:
                s.settimeout(0.25)
                try:
                    s.connect((address, self.port))
                    s.send(query)
                    s.recv(65535)
                    return True
                except OSError:
                    time.sleep(0.02)
        return False

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        """The hard way: kill -9."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def stop(self):
        """The ordinary way, with what every run must show."""
        if self.process.poll() is not None:
            raise AssertionError(f"goldilocks had ended by itself with exit code {self.process.returncode}\n"
                                 + self.log()[-4000:])
        try:
            self.check_identity()
            self.signal(signal.SIGTERM)
            code = self.process.wait(timeout=20)
        except BaseException:
            self.kill()
            print("--- what goldilocks said\n" + self.log()[-4000:])
            raise
        if code != 0:
            raise AssertionError(f"SIGTERM ended goldilocks with exit code {code}\n" + self.log()[-4000:])

    def log(self):
        return Path(self.log_path).read_text(errors="replace")

    def memory_kib(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0])

    # --- telemetry

    def telemetry(self, command):
        return ask(self.prefix, command)

    def counters(self, core=None):
        """Frames, verdicts and DNS counters, of one worker or of all together."""
        if core is not None:
            return self.telemetry(f"/goldilocks/core,{core}")
        if not self.has_dns:
            return self.telemetry("/goldilocks/counters")
        return {**self.telemetry("/goldilocks/counters"), **self.telemetry("/goldilocks/service,dns")}

    def total(self, name):
        """One counter, summed over the workers. Those of TCP's outcomes may be named without their `tcp_`."""
        counters = self.counters()
        return counters[name if name in counters else "tcp_" + name]

    def forwarding(self, name=None):
        """The counters of forwarding as a whole, over all workers; or one of them."""
        counters = self.telemetry("/goldilocks/forward")
        return counters if name is None else counters[name]

    def backend(self, index=0, name=None):
        """The same of one backend, in the order of the command line."""
        counters = self.telemetry(f"/goldilocks/backend,{index}")
        return counters if name is None else counters[name]

    def cores(self):
        """The lcores that poll: every one but the main one."""
        return range(1, self.telemetry("/goldilocks/info")["workers"] + 1)

    def check_identity(self):
        """received + resumed == the sum of the verdicts, for each core; a frame in between two readings gets a second
        look."""
        for core in self.cores():
            for _ in range(50):
                counters = self.counters(core)
                verdicts = {k: v for k, v in counters.items() if k not in NOT_VERDICTS}
                frames = counters["received"] + counters.get("resumed", 0)
                if frames == counters["verdict_sum"] == sum(verdicts.values()):
                    break
                time.sleep(0.02)
            else:
                raise AssertionError(f"core {core} received or took up {frames} frames, its verdicts add up to "
                                     f"{sum(verdicts.values())}: {counters}")


def built(name):
    """A program of the same build as the one under test, or of build/."""
    known = [folder / name for folder in (*Goldilocks.binary.parents[2:3], ROOT / "build")]
    for path in known:
        if path.exists():
            return path
    raise AssertionError(f"{known[-1]} is not there: ninja -C build {name}")
