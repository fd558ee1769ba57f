"""scripts/check-nic's program in a guest with two NICs that a cable joins."""

from debian import Kernel
from drive import qemu_for
from image import Image
from lab import Lab, sh, sysctl
from machine import Machine
from runner import report
from test_check_nic import lines_of
from vm_lab import bind

MACS = ("52:54:00:00:02:01", "52:54:00:00:02:02")


def cable(lab, nic):
    """Two taps on a bridge, which floods what it does not know, and learns nothing of groups. Returns QEMU's end of each."""
    sh("ip", "link", "add", "br0", "type", "bridge", "mcast_snooping", "0", "forward_delay", "0")
    sysctl("net.ipv6.conf.all.disable_ipv6", 1)
    ends = []
    for number in range(2):
        tap = f"nic{number}"
        sh("ip", "tuntap", "add", "dev", tap, "mode", "tap", *(["multi_queue"] if nic.taps > 1 else []))
        sh("ip", "link", "set", tap, "master", "br0", "up")
        queues = f",queues={nic.taps}" if nic.taps > 1 else ""
        ends.append(["-netdev", f"tap,id=net{number},ifname={tap},script=no,downscript=no{queues}"])
    sh("ip", "link", "set", "br0", "up")
    return ends


def check_nic(nic, *flags):
    kernel, qemu = Kernel(), qemu_for(nic)
    with Lab() as lab:
        image = Image(kernel, programs=("app/check_nic/goldilocks-check-nic",)).write(lab.path("initrd"))
        devices = []
        for number, end in enumerate(cable(lab, nic)):
            devices += [*end, *nic.devices(number, MACS[number], f"net{number}")]
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
        # Whether the IPv4 header's is computed shows in the others.
        names = ["IPv4 header"] if kind == "IPv4" else [f"{kind} over IPv4", f"{kind} over IPv6"]
        for name in names:
            assert lines.get(f"computes, {name}", ("ok",))[0] == "ok" and lines[f"looks at, {name}"][0] == ("ok" if nic.tells else "no"), said
    assert lines["multicast"][0] == "ok", said
    assert lines["other MACs"][0] == ("ok" if nic.filters_mac else "no"), said
    if nic.spreads:
        for name in ("UDP over IPv4", "TCP over IPv4", "UDP over IPv6", "TCP over IPv6"):
            assert lines[f"RSS, {name}"][0] == "ok", said
    return lines
