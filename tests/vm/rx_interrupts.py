"""--rx-interrupts on one driver: an idle worker sleeps, a frame wakes it, and the guest's CPU is idle meanwhile."""

import re
import time

import wire
from checks import ZONE, expect_answer, query
from debian import Kernel
from drive import image_for, qemu_for
from lab import SERVER_V4, SERVER_V6, sh
from machine import Machine
from runner import report
from vm_lab import MAC, GuestServer, VmLab, bind

OPTIONS = ["--zone", f"{ZONE}=/zones/sample.zone", "--rx-interrupts", "on"]


def cpu_seconds(machine):
    """Of the program: utime and stime, in USER_HZ."""
    words = machine.sh("cat /proc/$(cat /run/pid)/stat").rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / 100


def metric(machine, name):
    said = machine.sh(f"wget -q -O - http://127.0.0.1:9100/metrics | grep '^{name}'")
    return sum(float(value) for value in re.findall(r" ([\d.e+]+)$", said, re.M))


def sleeps_and_wakes(nic):
    kernel, qemu = Kernel(), qemu_for(nic)
    with VmLab(queues=nic.taps) as lab:
        devices = [*nic.devices(0, MAC, "tap"), *lab.tap()]
        with Machine(lab, qemu, kernel, image_for(lab, kernel), devices, iommu=nic.iommu) as machine:
            bind(machine, nic.by, [nic.address(0)])
            with GuestServer(machine, ["-a", nic.address(0)], OPTIONS, workers=nic.queues):
                sh("ping", "-c", 1, "-W", 5, SERVER_V4)
                before, woken = cpu_seconds(machine), metric(machine, "goldilocks_core_interrupts_total")
                began = time.monotonic()
                time.sleep(3)
                used, passed = cpu_seconds(machine) - before, time.monotonic() - began
                delays = []
                for _ in range(30):  # each finds the workers asleep
                    time.sleep(0.03)
                    asked = time.monotonic()
                    expect_answer(wire.ask_udp(query()))
                    delays.append(time.monotonic() - asked)
                woken = metric(machine, "goldilocks_core_interrupts_total") - woken
                slept = metric(machine, "goldilocks_core_sleeps_total")
                for address in (SERVER_V4, SERVER_V6):
                    expect_answer(wire.ask(query(), address))
    assert slept > 100 and woken >= 15, (slept, woken)
    # A worker that polls would have used all of the time.
    assert used < 0.5 * passed * nic.queues, (used, passed)
    report(f"{nic.driver}: {used:.2f} s of CPU in {passed:.1f} s of idleness; {woken:.0f} of 30 queries woke a worker, the slower "
           f"half of answers after {sorted(delays)[15] * 1000:.1f} ms and more")
