"""The guest's initramfs: busybox, the programs under test with their libraries, the DPDK drivers for the emulated NICs, the
kernel's modules, and files. Nothing of it is compressed: the guest's CPU is emulated, memory is not scarce."""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from goldilocks import built
from guest import cpio, modules_of
from lab import sh

PMDS = Path("/usr/lib/x86_64-linux-gnu/dpdk/pmds-23.0")
DRIVERS = ("bus_pci", "bus_vdev", "mempool_ring", "net_e1000", "net_virtio", "net_vmxnet3", "net_ring", "net_af_packet")
USR = re.compile("^/(bin|lib|lib64)/")  # are links into /usr
MODULES = ("uio_pci_generic", "vfio_iommu_type1", "vfio-pci")  # no NIC's: DPDK drives them

# What runs in place of init. A shell on the second serial line does what the host says.
INIT = """#!/bin/sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/hugepages /run /tmp
mount -t hugetlbfs none /dev/hugepages
mount -t tmpfs none /run
ln -s /run /var/run
chmod 755 /
ip link set lo up
{insmod}
exec 3<> /dev/ttyS1  # what comes while nobody has it open is lost
stty -F /dev/ttyS1 raw -echo
echo "the guest is up"
while true; do sh /dev/ttyS1 > /dev/ttyS1 2>&1; sleep 1; done
"""


def libraries_of(*files):
    """What these files are linked with, and what that is linked with."""
    found = set()
    for file in files:
        found |= {Path(word) for word in sh("ldd", file, check=False).stdout.split() if word.startswith("/")}
    return {library for library in found if library.exists()}


def stripped(file):
    with tempfile.NamedTemporaryFile() as copy:
        done = subprocess.run(["strip", "-o", copy.name, file], capture_output=True)
        return Path(copy.name if done.returncode == 0 else file).read_bytes()


class Image:
    """files: content by path in the guest."""

    def __init__(self, kernel, programs=("app/goldilocks/goldilocks", "app/ctl/goldilocks-ctl", "app/zone/goldilocks-zone"), files=None):
        self.entries, self.folders = {}, set()
        busybox = Path(shutil.which("busybox"))
        self.add("/bin/busybox", busybox.read_bytes(), 0o100755)
        self.add("/bin/sh", b"busybox", 0o120777)
        drivers = [PMDS / f"librte_{name}.so" for name in DRIVERS]
        binaries = [built(program) for program in programs]
        for binary in binaries:
            self.add(f"/bin/{binary.name}", stripped(binary), 0o100755)
        for library in libraries_of(busybox, *binaries, *drivers):
            self.add_file(library)
        for driver in drivers:
            self.add_file(driver)
        modules = modules_of(kernel.modules, MODULES)
        for module in modules:
            self.add(f"/modules/{module.name}", module.read_bytes())
        insmod = "\n".join(f"insmod /modules/{module.name}" for module in modules)
        self.add("/init", INIT.format(insmod=insmod).encode(), 0o100755)
        for path, data in (files or {}).items():
            self.add(path, data)
        for link in ("bin", "lib", "lib64"):
            self.add(f"/{link}", f"usr/{link}".encode(), 0o120777)
        for folder in ("/dev", "/proc", "/sys", "/tmp", "/var", "/etc"):
            self.folders.add(folder)

    def add_file(self, file):
        """A file of this machine, by the links that lead to it: a driver that is there twice would be loaded twice."""
        while file.is_symlink():
            self.add(str(file), os.readlink(file).encode(), 0o120777)
            file = file.parent / os.readlink(file)
        self.add(str(file), file.read_bytes(), 0o100755)

    def add(self, path, data, mode=0o100644):
        path = USR.sub("/usr/\\1/", os.path.normpath(path))
        self.entries[path] = (mode, data)
        self.folders |= {str(parent) for parent in Path(path).parents if str(parent) != "/"}

    def write(self, path):
        folders = [(folder[1:], 0o40755, b"") for folder in sorted(self.folders)]
        files = [(name[1:], mode, data) for name, (mode, data) in sorted(self.entries.items())]
        path.write_bytes(cpio([*folders, *files]))
        return path
