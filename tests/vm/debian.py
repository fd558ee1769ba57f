"""What a guest needs of Debian that is not installed here: the a kernel, and for igb, the QEMU of bookworm-backports. Packages
are fetched by apt into build-vm/ and unpacked there, nothing is installed; a second run finds them. Any of Debian's kernels
will do: they have uio_pci_generic and vfio-pci, and none was built with vfio's mode without an IOMMU."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from lab import ROOT, sh
from runner import Skip

STORE = ROOT / "build-vm"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
BACKPORTS = f"deb [signed-by={KEYRING}] http://deb.debian.org/debian bookworm-backports main\n"
QEMU_PACKAGES = ("qemu-system-x86", "qemu-system-common", "qemu-system-data", "seabios")


def apt(folder, *words, options=()):
    done = sh(*words[:1], *options, *words[1:], check=False, cwd=folder, timeout=600)
    if done.returncode != 0:
        raise Skip(f"{' '.join(words)}: {done.stdout.strip().splitlines()[-1:]}")
    return done.stdout


def unpack(name, packages, options=()):
    """The folder in which these packages lie unpacked."""
    folder = STORE / name
    if folder.exists():
        return folder
    STORE.mkdir(exist_ok=True)
    work = STORE / f".{name}-{os.getpid()}"
    work.mkdir()
    try:
        apt(work, "apt-get", "download", "-q", *packages, options=options)
        for package in work.glob("*.deb"):
            sh("dpkg-deb", "-x", package, work / "root")
            package.unlink()
        (work / "root").rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return folder


class Kernel:
    """One of Debian's kernels, and the folder of its modules with their dependencies: of this machine, or else fetched."""

    def __init__(self):
        for tool, package in {"depmod": "kmod", "busybox": "busybox"}.items():
            if shutil.which(tool) is None:
                raise Skip(f"{package} is not installed")
        installed = [p for p in Path("/boot").glob("vmlinuz-*-amd64") if self._modules(Path("/"), p).exists()]
        if installed:
            self.image = max(installed, key=lambda p: p.stat().st_mtime)
            folder = Path("/")
        else:
            known = sorted(STORE.glob("linux-image-*-amd64"), key=lambda p: p.stat().st_mtime)
            name = known[-1].name if known else self._newest()
            folder = unpack(name, [name])
            self.image = next(folder.glob("boot/vmlinuz-*"))
        self.modules = self._modules(folder, self.image)
        if not (self.modules / "modules.dep").exists():
            sh("depmod", "-b", folder, self.modules.name)

    @staticmethod
    def _modules(folder, image):
        return folder / "lib/modules" / image.name.removeprefix("vmlinuz-")

    @staticmethod
    def _newest():
        depends = apt(Path("/"), "apt-cache", "depends", "linux-image-cloud-amd64")
        found = re.search(r"Depends: (linux-image-[\w.+-]+-amd64)\s", depends)
        if not found:
            raise Skip("apt knows no linux-image-cloud-amd64 (apt-get update)")
        return found[1]


class Qemu:
    """One of this machine, or Debian's newer one: `command` is how it is started, `env` with what."""

    def __init__(self, command, env=None):
        self.command, self.env = command, {**os.environ, **(env or {})}
        said = sh(*command, "--version", env=self.env).stdout
        self.version = re.search(r"version ([\d.]+)", said)[1]

    @classmethod
    def installed(cls):
        if shutil.which("qemu-system-x86_64") is None:
            raise Skip("qemu-system-x86 is not installed")
        return cls(["qemu-system-x86_64"])

    @classmethod
    def backports(cls):
        lists, cache = STORE / "apt/lists", STORE / "apt/cache"
        sources = STORE / "apt/sources.list"
        options = [f"-oDir::Etc::sourcelist={sources}", "-oDir::Etc::sourceparts=-", f"-oDir::State::lists={lists}",
                   f"-oDir::Cache={cache}"]
        if not (STORE / "qemu-backports").exists():
            (lists / "partial").mkdir(parents=True, exist_ok=True)
            (cache / "archives/partial").mkdir(parents=True, exist_ok=True)
            sources.write_text(BACKPORTS)
            apt(STORE, "apt-get", "update", "-q", options=options)
        folder = unpack("qemu-backports", QEMU_PACKAGES, options)
        share = folder / "usr/share"
        return cls([str(folder / "usr/bin/qemu-system-x86_64"), "-L", str(share / "qemu"), "-L", str(share / "seabios")],
                   {"QEMU_MODULE_DIR": str(folder / "usr/lib/x86_64-linux-gnu/qemu")})

    def has(self, device):
        said = subprocess.run([*self.command, "-device", f"{device},help"], env=self.env, capture_output=True, text=True)
        return said.returncode == 0
