"""One driver from its start to its end, in one guest: what tests/vm/test_*.py run for the drivers that they name."""

import time
from pathlib import Path

from checks import BACKEND, BEHIND_IF, FILES, OWN_BEHIND, ZONE, Checks
from debian import Kernel, Qemu
from image import Image
from lab import ROOT, SERVER_V4, SERVER_V6, sh, wait_for
from machine import Machine
from runner import Skip, report
from vm_lab import MAC, GuestServer, VmLab, bind

BEHIND_MAC = "52:54:00:00:01:53"
JUMBO = 9000
OPTIONS = ["--zone", f"{ZONE}=/zones/sample.zone", "--http", "80,root=/site", "--tftp", "69,root=/site", "--idle-sleep-us", "100",
           "--forward", f"fwd.test.={BACKEND}@1,tcp=off", "--forward-source", OWN_BEHIND,
           # The guest may be slow: a worker that misses health checks would answer SERVFAIL.
           "--forward-health", "0", "--forward-timeout", "3000"]


def qemu_for(nic):
    if not Path("/dev/net/tun").exists():
        raise Skip("there is no /dev/net/tun for the guest's cables")
    qemu = Qemu.backports() if nic.backports else Qemu.installed()
    device = nic.device.partition(",")[0]
    if not qemu.has(device):
        raise Skip(f"QEMU {qemu.version} has no {device}")
    return qemu


def image_for(lab, kernel):
    files = {"/zones/sample.zone": (ROOT / "tests/data/sample.zone").read_bytes(), **FILES}
    return Image(kernel, files=files).write(lab.path("initrd"))


def second_cable(lab):
    """The tap at whose end is the guest's second NIC; the name server there is in the client's namespace."""
    sh("ip", "tuntap", "add", "dev", BEHIND_IF, "mode", "tap", *(["multi_queue"] if lab.queues > 1 else []))
    lab.on_exit(sh, "ip", "-n", lab.client_ns, "link", "delete", BEHIND_IF, check=False)
    sh("ip", "addr", "add", BACKEND + "/24", "dev", BEHIND_IF)
    sh("ip", "link", "set", BEHIND_IF, "up")


def drive(nic):
    """Every check, in one guest. Figures are reported as they are found."""
    kernel, qemu = Kernel(), qemu_for(nic)
    with VmLab(queues=nic.taps) as lab:
        second_cable(lab)
        devices = [*nic.devices(0, MAC, "tap"), *lab.tap(), *nic.devices(1, BEHIND_MAC, "behind"), *lab.tap("behind", BEHIND_IF)]
        began = time.monotonic()
        with Machine(lab, qemu, kernel, image_for(lab, kernel), devices, iommu=nic.iommu) as machine:
            booted = time.monotonic() - began
            ports = [nic.address(0), nic.address(1)]
            bind(machine, nic.by, ports)
            allowed = [word for port in ports for word in ("-a", port)]
            with GuestServer(machine, allowed, OPTIONS, workers=nic.queues,
                             addresses=(f"{SERVER_V4}@0", f"{SERVER_V6}@0", f"{OWN_BEHIND}/24@1")) as server:
                checks = Checks(lab, machine, server, nic)
                report(checks.what_was_found())
                checks.exchanges()
                checks.multicast()
                checks.mac_filter()
                checks.damaged()
                grown = checks.spread()
                checks.forwarding()
                checks.link_in_mid_load()
            report(f"QEMU {qemu.version}, {nic.by}, booted in {booted:.0f} s; 200 queries over the workers: "
                   + ", ".join(map(str, grown.values())))
            if nic.jumbo:
                jumbo(lab, machine, nic)
            without_hugepages(machine, nic)
            unplugged(machine, nic)


def jumbo(lab, machine, nic):
    """Frames of 9000 bytes, both ways."""
    sh("ip", "link", "set", "eth0", "mtu", JUMBO)
    with GuestServer(machine, ["-a", nic.address(0)], [*OPTIONS[:2], "--idle-sleep-us", "100", "--mtu", str(JUMBO)],
                     workers=nic.queues):
        for address, headers in ((SERVER_V4, 28), (SERVER_V6, 48)):
            sh("ping", "-c", 2, "-W", 5, "-M", "do", "-s", JUMBO - headers, address)
    sh("ip", "link", "set", "eth0", "mtu", 1500)


def without_hugepages(machine, nic):
    """With an IOMMU any memory will do. Without one DPDK has to know where memory lies, and says that it does not."""
    server = GuestServer(machine, ["-a", nic.address(0)], [*OPTIONS[:2], "--idle-sleep-us", "100"], workers=nic.queues, huge=False)
    if nic.iommu:
        with server:
            sh("ping", "-c", 1, "-W", 5, SERVER_V4)
    else:
        code = server.run_to_its_end()
        assert code == 1 and "no ports: with --no-huge a NIC has to" in server.log(), (code, server.log())


def unplugged(machine, nic):
    """Pulled out of its slot in mid-service: one error, exit code 1, no frame uncounted."""
    with GuestServer(machine, ["-a", nic.address(0)], [*OPTIONS[:2], "--idle-sleep-us", "100"], workers=nic.queues) as server:
        sh("ping", "-c", 1, "-W", 5, SERVER_V4)
        machine.qmp("device_del", id="nic0")
        wait_for(lambda: server.ended() is not None, "goldilocks does not end", 30)
        assert server.ended() == 1 and f"error: the device {nic.address(0)} was taken away" in server.log(), server.log()
        server.expected_end = True
