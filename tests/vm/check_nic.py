"""scripts/check-nic's program in a guest with two NICs that a cable joins."""

from debian import Kernel
from drive import qemu_for
from image import Image
from lab import Lab
from machine import Machine
from runner import report
from test_check_nic import lines_of
from vm_lab import bind

MACS = ("52:54:00:00:02:01", "52:54:00:00:02:02")


def check_nic(nic, *flags):
    kernel, qemu = Kernel(), qemu_for(nic)
    with Lab() as lab:
        image = Image(kernel, programs=("app/check_nic/goldilocks-check-nic",)).write(lab.path("initrd"))
        devices = []
        for number, mac in enumerate(MACS):
            # A hub of QEMU's with a port for each.
            devices += ["-netdev", f"hubport,id=net{number},hubid=0", *nic.devices(number, mac, f"net{number}")]
        with Machine(lab, qemu, kernel, image, devices, iommu=nic.iommu) as machine:
            ports = [nic.address(number) for number in range(2)]
            bind(machine, nic.by, ports)
            words = ["goldilocks-check-nic", "-l", "0", "-m", "128", *(w for p in ports for w in ("-a", p)), "--",
                     "--queues", str(nic.queues), "--seconds", "1", *flags]
            said = machine.sh(" ".join(words), limit=120)
    lines = lines_of(said)
    for line in said[said.index("from "):].splitlines():
        report(line)
    assert f"{ports[1]}: {nic.driver}, " in said, said
    assert not any(verdict == "FAIL" for verdict, _ in lines.values()), said
    for name in ("86 bytes", "512 bytes", "1514 bytes", "1514 bytes, VLAN tag"):
        assert lines[name] == ("ok", "256 of 256 came whole"), said
    for kind in nic.tx.split():
        names = ["IPv4 header"] if kind == "IPv4" else [f"{kind} over IPv4", f"{kind} over IPv6"]
        for name in names:
            assert lines.get(f"computes, {name}", ("ok",))[0] == "ok" and lines[f"looks at, {name}"][0] == ("ok" if nic.tells else "no"), said
    assert lines["multicast"][0] == "ok", said
    assert lines["other MACs"][0] == ("ok" if nic.filters_mac else "no"), said
    if nic.spreads:
        for name in ("UDP over IPv4", "TCP over IPv4", "UDP over IPv6", "TCP over IPv6"):
            assert lines[f"RSS, {name}"][0] == "ok", said
    return lines
