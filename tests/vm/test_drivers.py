"""Every emulated NIC with its driver, one guest each: the program's own frames, a client's exchanges, what can happen to a
NIC. scripts/nightly runs all of it; test_guest.py is the part that scripts/test runs."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "netns"))

from drive import drive  # noqa: E402
from nics import NICS  # noqa: E402
from runner import run  # noqa: E402


def driven(nic):
    return lambda: drive(nic)


globals().update({f"test_{name}": driven(nic) for name, nic in NICS.items()})

run(__name__)
