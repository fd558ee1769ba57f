"""A guest under QEMU, in which DPDK's own drivers drive emulated NICs: the part of tests/vm that scripts/test runs. Every
driver is in test_drivers.py."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "netns"))

from check_nic import check_nic  # noqa: E402
from drive import drive  # noqa: E402
from nics import NICS  # noqa: E402
from runner import run  # noqa: E402
from rx_interrupts import sleeps_and_wakes  # noqa: E402


def test_driver():
    """Several queues, RSS, checksums both ways, with an IOMMU."""
    drive(NICS["virtio_packed_iommu"])


def test_rx_interrupts():
    sleeps_and_wakes(NICS["virtio_iommu"])


def test_check_nic():
    check_nic(NICS["e1000e"])


run(__name__)
