"""Every emulated NIC with its driver, one guest each: what the program finds, a client's exchanges, what can happen to a
NIC; and check-nic between two of them. scripts/nightly runs all of it; test_guest.py is the part that scripts/test runs."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "netns"))

from check_nic import check_nic  # noqa: E402
from drive import drive  # noqa: E402
from nics import NICS  # noqa: E402
from runner import run  # noqa: E402


def driven(nic):
    return lambda: drive(nic)


def checked(nic):
    return lambda: check_nic(nic)


globals().update({f"test_{name}": driven(nic) for name, nic in NICS.items()})
globals().update({f"test_check_nic_{name}": checked(NICS[name]) for name in ("igb", "vmxnet3", "virtio_queues")})

run(__name__)
