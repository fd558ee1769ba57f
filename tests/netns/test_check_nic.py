"""scripts/check-nic without a NIC: over a ring of DPDK, a veth pair and shared memory. In a guest with real drivers:
tests/vm/test_guest.py."""

import re
import subprocess

from goldilocks import built
from lab import ROOT, Lab, sh
from runner import run

SCRIPT = ROOT / "scripts/check-nic"


def lines_of(said):
    """Verdict and finding, by what was tried."""
    found = re.findall(r"^(ok|no|FAIL) +(.*?)  +(.*)$", said, re.M)
    return {what: (verdict, finding) for verdict, what, finding in found}


def check(*words, code=0, namespace=None):
    inside = ["ip", "netns", "exec", namespace] if namespace else []
    done = sh(*inside, SCRIPT, *words, check=False, timeout=120)
    assert done.returncode == code, done.stdout
    return lines_of(done.stdout), done.stdout


def test_ring():
    lines, said = check("net_ring0", "--", "--seconds", 1)
    assert "net_ring0: net_ring, 2 queues" in said, said
    for length in (86, 512, 1514):
        assert lines[f"{length} bytes"] == lines[f"{length} bytes, VLAN tag"] == ("ok", "256 of 256 came whole"), lines
    assert lines["RSS, UDP over IPv4"] == ("no", "800 0 of 800 flows on the queues"), lines
    assert lines["rate, 1514 bytes"][0] == "ok" and lines["rate, 1514 bytes"][1].endswith(", 0.00 % lost"), lines


def test_veth_pair():
    with Lab() as lab:
        sh("ip", "-n", lab.server_ns, "link", "add", "nic0", "type", "veth", "peer", "name", "nic1")
        for name in ("nic0", "nic1"):
            sh("ip", "netns", "exec", lab.server_ns, "sysctl", "-qw", f"net.ipv6.conf.{name}.disable_ipv6=1")
            sh("ip", "-n", lab.server_ns, "link", "set", name, "up")
        ports = ["net_af_packet0,iface=nic0", "net_af_packet1,iface=nic1"]
        lines, said = check(*ports, "--", "--seconds", 1, namespace=lab.server_ns)
        assert said.count("net_af_packet") >= 2 and not any(verdict == "FAIL" for verdict, _ in lines.values()), said
        assert lines["512 bytes"] == ("ok", "256 of 256 came whole") and lines["multicast"][0] == "ok", lines
        # Without a cable nothing is measured.
        sh("ip", "-n", lab.server_ns, "link", "set", "nic1", "down")
        lines, said = check(*ports, "--", "--link-wait", 1, code=1, namespace=lab.server_ns)
        assert list(lines) == ["link"] and lines["link"][0] == "FAIL", said


def test_help():
    program = str(built("app/check_nic/goldilocks-check-nic"))
    for words in (["--help"], ["--no-pci", "--", "--help"], ["--", "--queues", "2", "--help"]):
        done = subprocess.run([program, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10)
        assert (done.returncode, done.stderr) == (0, "") and done.stdout.startswith("usage: goldilocks-check-nic"), done


def test_wrong_usage():
    _, said = check(code=2)
    assert "scripts/check-nic PORT [PORT]" in said, said
    _, said = check("eth0", code=1)
    assert "is neither a PCI address" in said, said
    _, said = check("ffff:ff:ff.7", code=1)
    assert "there is no PCI device ffff:ff:ff.7" in said, said
    _, said = check("net_ring0", "--", "--queues", "many", code=2)
    assert "goldilocks-check-nic: --queues: 'many' is not a number from 1 to 9216\nusage: goldilocks-check-nic" in said, said
    _, said = check("net_ring0", "--", "many", code=2)
    assert "goldilocks-check-nic: 'many' is no flag\n" in said, said
    _, said = check("net_null0", "--", "--seconds", 1, "--link-wait", 1, code=1)
    assert "no frame came: are these two ports joined?" in said, said


run(__name__)
