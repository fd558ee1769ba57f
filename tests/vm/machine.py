"""One guest under QEMU, without KVM: a shell on its second serial line, and QEMU's monitor (QMP) for what happens to its
hardware. The first serial line is the kernel's console."""

import json
import re
import socket
import subprocess
import time

from lab import die_with_parent

BOOT_LIMIT_S = 120
SAY_LIMIT_S = 60


class GuestFailed(AssertionError):
    pass


class Machine:
    """A context manager around one boot.

    devices: QEMU's arguments for NICs and what they are joined to. iommu: with an emulated VT-d.
    """

    def __init__(self, lab, qemu, kernel, initrd, devices, iommu=False, cpus=3, memory=1280, hugepages=192):
        console, shell, monitor = (lab.path(f"{name}-{id(self)}") for name in ("console", "shell", "monitor"))
        self.console_path, self.log_path = console, lab.path(f"qemu-{id(self)}.log")
        arguments = f"console=ttyS0 panic=-1 quiet mitigations=off no_timer_check hugepages={hugepages}"
        board = "q35" + (",kernel-irqchip=split" if iommu else "")
        if iommu:
            arguments += " intel_iommu=on iommu=nopt"
        self.command = [*qemu.command, "-accel", "tcg,thread=multi", "-M", board, "-cpu", "max", "-smp", str(cpus),
                        "-m", str(memory), "-nodefaults", "-vga", "none", "-display", "none", "-no-reboot",
                        "-kernel", str(kernel.image), "-initrd", str(initrd), "-append", arguments,
                        "-serial", f"file:{console}", "-serial", f"unix:{shell},server=on,wait=off",
                        "-qmp", f"unix:{monitor},server=on,wait=off",
                        *(["-device", "intel-iommu,intremap=on,caching-mode=on"] if iommu else []), *devices]
        self.env, self.shell_path, self.monitor_path = qemu.env, shell, monitor
        self.rest = b""

    def __enter__(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.env,
                                            preexec_fn=die_with_parent)
        try:
            self.shell = self._connect(self.shell_path)
            self.monitor = self._connect(self.monitor_path)
            self.events = self.monitor.makefile("rw")
            self._read_monitor()  # its greeting
            self.qmp("qmp_capabilities")
            self._wait_for_boot()
        except BaseException:
            self.__exit__(GuestFailed, None, None)
            raise
        return self

    def __exit__(self, kind, *_):
        self.process.kill()
        self.process.wait()
        if kind is not None:
            print("--- the guest's console\n" + self.console()[-3000:])
            print("--- what qemu said\n" + self.log_path.read_text(errors="replace")[-2000:])

    def _connect(self, path):
        end = time.monotonic() + 10
        while True:
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                connection.connect(str(path))
                connection.settimeout(SAY_LIMIT_S)
                return connection
            except OSError:
                connection.close()
                if time.monotonic() > end or self.process.poll() is not None:
                    raise GuestFailed("qemu did not start") from None
                time.sleep(0.05)

    def _wait_for_boot(self):
        end = time.monotonic() + BOOT_LIMIT_S
        while "the guest is up" not in self.console():
            if time.monotonic() > end or self.process.poll() is not None:
                raise GuestFailed("the guest did not come up")
            time.sleep(0.1)

    def console(self):
        return self.console_path.read_text(errors="replace") if self.console_path.exists() else ""

    # --- the shell

    def sh(self, command, check=True, limit=SAY_LIMIT_S):
        """What the command printed; with `check` its exit code has to be 0."""
        self.shell.sendall(f"{{ {command}\n}} < /dev/null 2>&1; echo; echo \"=== $?\"\n".encode())
        self.shell.settimeout(limit)
        while not (found := re.search(rb"\n=== (\d+)\r?\n", self.rest)):
            try:
                piece = self.shell.recv(65536)
            except TimeoutError:
                raise GuestFailed(f"{command!r} did not end within {limit} s: {self.rest[-1000:]!r}") from None
            if not piece:
                raise GuestFailed(f"the guest went away in {command!r}")
            self.rest += piece
        said, self.rest = self.rest[:found.start()].decode(errors="replace").replace("\r\n", "\n"), self.rest[found.end():]
        if check and found[1] != b"0":
            raise GuestFailed(f"{command}: exit code {found[1].decode()}\n{said}")
        return said.strip("\n") if check else (int(found[1]), said.strip("\n"))

    # --- the monitor

    def _read_monitor(self):
        return json.loads(self.events.readline())

    def qmp(self, command, **arguments):
        self.events.write(json.dumps({"execute": command, "arguments": arguments}) + "\n")
        self.events.flush()
        while "event" in (said := self._read_monitor()):
            pass
        if "error" in said:
            raise GuestFailed(f"{command} {arguments}: {said['error']['desc']}")
        return said["return"]

    def set_link(self, device, up):
        self.qmp("set_link", name=device, up=up)
