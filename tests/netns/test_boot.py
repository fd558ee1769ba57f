"""A machine in QEMU boots Debian's kernel over the network from Goldilocks. Nightly: it needs QEMU, and minutes."""

import hashlib
from pathlib import Path

from goldilocks import Goldilocks
from guest import Guest, initrd, kernel
from http_site import PORT, Directory, content
from lab import SERVER_V4, Lab
from runner import report, run

import time

SCRIPT = f"""#!ipxe
kernel http://{SERVER_V4}/vmlinuz console=ttyS0 panic=-1 quiet greeting=goldilocks
initrd http://{SERVER_V4}/initrd
boot
"""
# What runs in the guest: its command line, a file over HTTP once more, by its own kernel's TCP, and a shell.
GUEST = f"""
echo; echo "booted: $(cat /proc/cmdline)"
wget -q -O /tmp/big http://{SERVER_V4}/big.bin && echo "fetched: $(sha256sum < /tmp/big)"
echo "the guest is done"
sh
"""


def site_to_boot(lab):
    image, release = kernel()
    site = Directory(lab)
    site.add("/vmlinuz", image.read_bytes())
    site.add("/initrd", initrd(release, GUEST))
    site.add("/boot.ipxe", SCRIPT.encode())
    site.add("/big.bin", content(20_000_000))
    return site


def boot(lab, site, server, loss, *how):
    began = time.monotonic()
    if loss:
        lab.lose_forwarded(loss)
    with Guest(lab, *how) as guest:
        guest.wait_for("the guest is done")
        guest.type("echo $((6 * 7)) on $(uname -s)")
        guest.wait_for("42 on Linux")
        said = guest.said()
    assert "greeting=goldilocks" in said, said
    assert "fetched: " + hashlib.sha256(site.files["/big.bin"]).hexdigest() in said, said
    size = len(site.files["/vmlinuz"]) + len(site.files["/initrd"])
    report(f"{size / 1e6:.1f} MB of kernel and initrd, booted and done after {time.monotonic() - began:.0f} s")


def boots(lab, loss=0, *options):
    site = site_to_boot(lab)
    with Goldilocks(lab, ["--http", f"{PORT},root={site.root}", *options], zones=()) as server:
        boot(lab, site, server, loss, f"http://{SERVER_V4}/boot.ipxe")
        seen = server.telemetry("/goldilocks/service,http")
        assert seen["long_answers"] >= 3 and seen["ok"] >= 4, seen


def test_ipxe_over_http():
    with Lab() as lab:
        boots(lab)


def test_ipxe_over_http_with_loss():
    with Lab() as lab:
        boots(lab, 1)


def test_ipxe_over_http_at_a_rate():
    """ipxe issue 1023: some firmware recovers badly from loss, so a cap on each flow."""
    with Lab() as lab:
        boots(lab, 0, "--http-rate", 4000)


def boots_by_tftp(lab, loss=0):
    """The firmware is told a server and a name, as by any DHCP server: it fetches the script and the kernel by TFTP, the rest by
    HTTP."""
    site = site_to_boot(lab)
    site.add("/boot.ipxe", SCRIPT.replace(f"kernel http://{SERVER_V4}/", f"kernel tftp://{SERVER_V4}/").encode())
    with Goldilocks(lab, ["--http", f"{PORT},root={site.root}", "--tftp", f"69,root={site.root}"], zones=()) as server:
        boot(lab, site, server, loss, "boot.ipxe", SERVER_V4)
        seen = server.telemetry("/goldilocks/service,tftp")
        assert seen["finished"] >= 2, seen


def test_pxe_over_tftp():
    with Lab() as lab:
        boots_by_tftp(lab)


def test_pxe_over_tftp_with_loss():
    with Lab() as lab:
        boots_by_tftp(lab, 1)


def test_pxelinux():
    """python-tx-tftp#3: it asks for tsize, and boots nothing without. It looks for its configuration under a dozen names
    that are not there before it finds the last one."""
    with Lab() as lab:
        site = site_to_boot(lab)
        for name in ("/usr/lib/PXELINUX/pxelinux.0", "/usr/lib/syslinux/modules/bios/ldlinux.c32"):
            site.add("/" + Path(name).name, Path(name).read_bytes())
        site.add("/pxelinux.cfg/default", b"DEFAULT linux\nLABEL linux\nKERNEL vmlinuz\nINITRD initrd\n"
                                          b"APPEND console=ttyS0 panic=-1 quiet greeting=goldilocks\n")
        with Goldilocks(lab, ["--http", f"{PORT},root={site.root}", "--tftp", f"69,root={site.root}"], zones=()) as server:
            boot(lab, site, server, 0, "pxelinux.0", SERVER_V4)
            seen = server.telemetry("/goldilocks/service,tftp")
            assert seen["finished"] >= 4 and seen["not_found"] >= 1, seen


run(__name__)
