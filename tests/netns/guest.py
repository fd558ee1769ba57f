"""A machine that boots from the network: QEMU with an iPXE ROM, in the client's namespace behind a router (the namespace's
own kernel), and dnsmasq, which gives it an address and the name of what to boot, nothing else."""

import gzip
import shutil
import socket
import subprocess
import time
from pathlib import Path

from lab import die_with_parent, sh, sysctl
from runner import Skip

TAP, ROUTER, GUEST = "tap0", "198.18.0.1", "198.18.0.2"
ROM = Path("/usr/lib/ipxe/qemu/efi-virtio.rom")
NEEDED = {"qemu-system-x86_64": "qemu-system-x86", "dnsmasq": "dnsmasq-base", "busybox": "busybox"}
MODULES = ("virtio_pci", "virtio_net")


def kernel():
    """Newest of Debian's kernels on this machine; its version."""
    for tool, package in NEEDED.items():
        if shutil.which(tool) is None:
            raise Skip(f"{package} is not installed")
    if not ROM.exists():
        raise Skip("ipxe-qemu is not installed")
    kernels = sorted(Path("/boot").glob("vmlinuz-*-amd64"), key=lambda p: p.stat().st_mtime)
    if not kernels:
        raise Skip("there is no Debian kernel in /boot (linux-image-cloud-amd64)")
    return kernels[-1], kernels[-1].name.removeprefix("vmlinuz-")


def cpio(entries):
    """An initramfs (Documentation/driver-api/early-userspace/buffer-format.rst in Linux)."""
    archive = bytearray()
    for number, (name, mode, data) in enumerate([*entries, ("TRAILER!!!", 0, b"")]):
        path = name.encode() + b"\0"
        fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(path), 0)
        archive += b"070701" + b"".join(b"%08X" % f for f in fields) + path
        archive += b"\0" * (-len(archive) % 4) + data
        archive += b"\0" * (-len(archive) % 4)
    return bytes(archive)


def modules_of(folder, names):
    """Files of modules below /lib/modules/RELEASE and of what they need, in the order in which they are to be loaded."""
    needs = {}
    for line in (folder / "modules.dep").read_text().splitlines():
        file, _, others = line.partition(":")
        needs[Path(file).name.split(".")[0]] = [file, *others.split()]
    files = []
    for name in names:
        files += [f for f in reversed(needs.get(name, [])) if f not in files]
    return [folder / file for file in files]


def initrd(release, script, modules=()):
    """Debian's busybox and the drivers of the guest's NIC, with further modules; `script` is what runs in place of init."""
    modules = modules_of(Path("/lib/modules") / release, (*MODULES, *modules))
    start = ("#!/bin/sh\n/bin/busybox --install -s /bin\nmount -t proc proc /proc\nmount -t sysfs sysfs /sys\nmount -t devtmpfs dev /dev\n"
             + "".join(f"insmod /{m.name}\n" for m in modules)
             + f"ip link set lo up\nip link set eth0 up\nip addr add {GUEST}/24 dev eth0\nip route add default via {ROUTER}\n"
             + script + "\nsync\npoweroff -f\n")
    program = Path(shutil.which("busybox"))
    libraries = [Path(word) for word in sh("ldd", program, check=False).stdout.split() if word.startswith("/")]
    folders = [(name, 0o40755, b"") for name in ("bin", "dev", "proc", "sys", "tmp", "mnt")]
    parents = sorted({parent for library in libraries for parent in library.parents if len(parent.parts) > 1})
    folders += [(str(parent)[1:], 0o40755, b"") for parent in parents]
    return gzip.compress(cpio([*folders, ("bin/busybox", 0o100755, program.read_bytes()), ("bin/sh", 0o120777, b"busybox"),
                               *((str(library)[1:], 0o100755, library.read_bytes()) for library in libraries),
                               *((m.name, 0o100644, m.read_bytes()) for m in modules), ("init", 0o100755, start.encode())]), 1)


class Guest:
    """A context manager around one boot; `said` is what came out of its serial line."""

    def __init__(self, lab, filename, next_server=None, memory=512):
        self.lab, self.memory = lab, memory
        boot = f"dhcp-boot={filename}" + (f",,{next_server}" if next_server else "")
        self.configuration = lab.path("dnsmasq.conf", f"""port=0
interface={TAP}
bind-interfaces
dhcp-authoritative
dhcp-range={GUEST},{GUEST},255.255.255.0,1h
dhcp-option=option:router,{ROUTER}
{boot}
leasefile-ro
""")
        self.serial, self.console = lab.path("serial"), lab.path("console")

    def __enter__(self):
        sysctl("net.ipv4.ip_forward", 1)
        sh("ip", "tuntap", "add", TAP, "mode", "tap")
        sh("ip", "addr", "add", ROUTER + "/24", "dev", TAP)
        sh("ip", "link", "set", TAP, "up")
        quiet = {"stdin": subprocess.DEVNULL, "stdout": open(self.lab.path("guest-log"), "ab"), "stderr": subprocess.STDOUT,
                 "preexec_fn": die_with_parent}
        self.dnsmasq = subprocess.Popen(["dnsmasq", "--keep-in-foreground", "--user=root", f"--conf-file={self.configuration}",
                                         "--pid-file", "--log-facility=-"], **quiet)
        self.qemu = subprocess.Popen(
            ["qemu-system-x86_64", "-accel", "tcg", "-m", str(self.memory), "-display", "none", "-monitor", "none",
             "-no-reboot", "-chardev", f"socket,id=c,path={self.console},server=on,wait=off,logfile={self.serial}",
             "-serial", "chardev:c", "-netdev", f"tap,id=n,ifname={TAP},script=no,downscript=no",
             "-device", "virtio-net-pci,netdev=n,bootindex=0"], **quiet)
        return self

    def __exit__(self, *exc):
        for process in (self.qemu, self.dnsmasq):
            process.kill()
            process.wait()
        sh("ip", "link", "delete", TAP)
        if exc[0] is not None:
            print(self.said()[-3000:])
            print(self.lab.path("guest-log").read_text()[-2000:])

    def said(self):
        return self.serial.read_text(errors="replace") if self.serial.exists() else ""

    def type(self, line):
        """On its console, as somebody who sits there."""
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(self.console))
            s.sendall(line.encode() + b"\n")
            self.wait_for(line)  # its terminal has echoed it

    def _progress(self):
        """Bytes that it has said, and packets that it has sent and received: without KVM a boot takes as long as it takes."""
        counts = [line for line in Path("/proc/thread-self/net/dev").read_text().splitlines() if line.lstrip().startswith(TAP)]
        return self.said(), counts

    def wait_for(self, text, limit=150):
        """`limit`: seconds without any sign of life. Ten times as long in all: one that goes on asking is alive for ever."""
        before, end, last = self._progress(), time.monotonic() + limit, time.monotonic() + 10 * limit
        while text not in self.said():
            now = self._progress()
            if now != before:
                before, end = now, min(time.monotonic() + limit, last)
            assert time.monotonic() < end and self.qemu.poll() is None or text in self.said(), f"the guest did not say {text!r}"
            time.sleep(0.2)


