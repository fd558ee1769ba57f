"""The laboratory with a machine of its own in the server's place: the client's interface is a tap device, at whose other end
QEMU has the emulated NIC that Goldilocks drives in the guest by DPDK's own driver."""

import json
import re
import shlex
import time

from goldilocks import NOT_VERDICTS
from lab import CLIENT_IF, SERVER_V4, SERVER_V6, Lab, sh
from machine import GuestFailed

MAC = "52:54:00:00:00:53"


class VmLab(Lab):
    """queues: of the tap device, for NICs whose emulation has several. With virtio-net QEMU tells the tap to leave checksums
    unfinished, whatever ethtool has said."""

    def _cable(self):
        sh("ip", "-n", self.client_ns, "tuntap", "add", "dev", CLIENT_IF, "mode", "tap",
           *(["multi_queue"] if self.queues > 1 else []))
        sh("ip", "-n", self.client_ns, "link", "set", CLIENT_IF, "mtu", self.mtu)

    def _server(self):
        pass  # the guest is the server

    def tap(self, name="tap", interface=CLIENT_IF):
        """QEMU's end of the client's interface."""
        queues = f",queues={self.queues}" if self.queues > 1 else ""
        return ["-netdev", f"tap,id={name},ifname={interface},script=no,downscript=no,vhost=off{queues}"]


def bind(machine, driver, addresses):
    """Gives the devices at these PCI addresses to a kernel driver: uio_pci_generic or vfio-pci."""
    for address in addresses:
        device = f"/sys/bus/pci/devices/{address}"
        machine.sh(f"if [ -e {device}/driver ]; then echo {address} > {device}/driver/unbind; fi; "
                   f"echo {driver} > {device}/driver_override && echo {address} > /sys/bus/pci/drivers_probe && "
                   f"test \"$(basename $(readlink {device}/driver))\" = {driver}")


class GuestServer:
    """Goldilocks in the guest. A context manager: at its end it proves what every run has to (goldilocks.py)."""

    def __init__(self, machine, devices, options, workers=1, eal=(), huge=True, addresses=(SERVER_V4, SERVER_V6)):
        self.machine = machine
        memory = ["-m", "256"] if huge else ["--no-huge", "-m", "256"]
        words = ["goldilocks", "-l", f"0-{workers}", *memory, *devices, *eal, "--",
                 *(word for address in addresses for word in ("--address", address)), "--secret", "/run/secret",
                 "--metrics", "127.0.0.1:9100", *map(str, options)]
        self.command = " ".join(map(shlex.quote, words))
        self.expected_end = False  # the test has seen it end by itself, as it should

    def __enter__(self):
        self.start()
        end = time.monotonic() + 60
        while " serving " not in self.log():
            if self.ended() is not None or time.monotonic() > end:
                raise GuestFailed("goldilocks did not start: " + self.log())
            time.sleep(0.2)
        return self

    def start(self):
        self._code = None
        self.machine.sh(f"{self.command} > /run/log 2>&1 & echo $! > /run/pid")

    def run_to_its_end(self):
        """Its exit code, where it is not to serve."""
        self.start()
        return self.wait_end()

    def __exit__(self, kind, *_):
        if kind is None and self.expected_end:
            return
        if kind is not None:
            print("--- what goldilocks said in the guest\n" + self.log()[-4000:])
            self.machine.sh("kill -9 $(cat /run/pid)", check=False)
            return
        self.check_identity()
        self.machine.sh("kill $(cat /run/pid)")
        code = self.wait_end()
        assert code == 0, f"SIGTERM ended goldilocks with exit code {code}: {self.log()[-2000:]}"

    def wait_end(self, limit=30):
        """Its exit code."""
        end = time.monotonic() + limit
        while (code := self.ended()) is None:
            assert time.monotonic() < end, "goldilocks does not end: " + self.log()[-2000:]
            time.sleep(0.2)
        return code

    def ended(self):
        """Exit code, or None where it runs."""
        if self._code is not None:
            return self._code
        _, said = self.machine.sh("kill -0 $(cat /run/pid) 2> /dev/null && echo runs || { wait $(cat /run/pid); echo code $?; }",
                                     check=False)
        found = re.search(r"code (\d+)", said)
        self._code = int(found[1]) if found else None
        return self._code

    def log(self):
        return self.machine.sh("cat /run/log")

    def ctl(self, *words):
        return json.loads(self.machine.sh("goldilocks-ctl --json " + " ".join(words)))

    def check_identity(self):
        """received + resumed == the sum of the verdicts, for each core."""
        for _ in range(20):
            wrong = []
            for core, groups in self.cores().items():
                counters = groups["frames"]
                frames = counters["received"] + counters.get("resumed", 0)
                verdicts = sum(value for name, value in counters.items() if name not in NOT_VERDICTS)
                if not frames == counters["verdict_sum"] == verdicts:
                    wrong.append((core, frames, verdicts, counters))
            if not wrong:
                return
            time.sleep(0.1)
        raise AssertionError(f"verdicts do not add up: {wrong}")

    def cores(self):
        """Counters by group, of each worker."""
        return self.ctl("counters")["cores"]
