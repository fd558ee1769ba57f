"""The differential comparison with NSD (tests/differential/), here against the whole program over TCP and UDP."""

import re
import subprocess

from goldilocks import Goldilocks
from lab import ROOT, SERVER_V4, Lab, die_with_parent
from runner import run

PROGRAM = ROOT / "tests/differential/differential.py"
# Both servers get these, so that the answers that hold them can be compared.
# NSD has no cookies by default, and no two servers make one at the same second.
OPTIONS = ["--dns-cookies", "off", "--nsid", "differential", "--version-string", "goldilocks 0.1.0", "--server-id", "differential"]
LEAST_QUERIES = 20000


def differential(lab, *arguments):
    done = subprocess.run(["/usr/bin/python3", str(PROGRAM), *map(str, arguments)], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=500,
                          preexec_fn=die_with_parent)
    assert done.returncode == 0, done.stdout[-8000:]
    return done.stdout


def test_nsd():
    with Lab() as lab:
        folder = lab.path("zones")
        differential(lab, "--only-zones", "--zones-out", folder)
        zones = [folder / "root.zone", *sorted(folder.glob("*test.zone"))]
        assert len(zones) >= 2 and zones[0].exists(), zones
        with Goldilocks(lab, OPTIONS, zones=zones):
            said = differential(lab, "--zones-in", folder, "--subject", f"{SERVER_V4}:53")
        for transport in ("tcp", "udp"):
            count = re.search(rf"^{transport}: (\d+) queries, 0 differ", said, re.M)
            assert count and int(count[1]) >= LEAST_QUERIES, said


run(__name__)
