"""The NFS client of Debian's kernel, in a machine in QEMU, mounts from Goldilocks and copies a tree. Nightly: it needs QEMU,
and minutes. Over TCP alone: Debian builds its kernels with CONFIG_NFS_DISABLE_UDP_SUPPORT."""

import hashlib
import os
import time

from goldilocks import Goldilocks
from guest import Guest, initrd, kernel
from http_site import PORT, Directory, content
from lab import SERVER_V4, Lab
from runner import report, run

SCRIPT = f"""#!ipxe
kernel http://{SERVER_V4}/vmlinuz console=ttyS0 panic=-1 quiet
initrd http://{SERVER_V4}/initrd
boot
"""
OPTIONS = f"ro,nolock,vers=3,proto=tcp,port=2049,mountport=2049,mountproto=tcp,addr={SERVER_V4},mountaddr={SERVER_V4}"
# Every file's sum, through the page cache and then past it; what is refused; and a copy over a restart of the server.
GUEST = f"""
echo; mount -t nfs -o {OPTIONS} {SERVER_V4}:/ /mnt && echo "mounted: $(grep nfs /proc/mounts)"
cd /mnt; find . -path ./many -prune -o -type f -print | sort | while read -r name; do echo "sum: $(sha256sum "$name")"; done
echo "names: $(ls many | wc -l)"
echo "link: $(readlink link) $(cat link)"
echo "dirs: $(find . -type d | wc -l)"
touch new 2>&1; echo x 2>/dev/null > 1.bin || echo "cannot write"
stat -c 'mode: %a %u %g %s %Y' 1.bin
echo 3 > /proc/sys/vm/drop_caches
echo "begins"; cat big.bin big.bin big.bin | sha256sum | sed 's/^/again: /'
cd /; umount /mnt && echo "unmounted"
mount -t nfs -o {OPTIONS.replace("proto=tcp,port", "proto=udp,port")} {SERVER_V4}:/ /mnt 2>&1 | sed 's/^/udp: /'
dmesg | grep -i nfs | tail -3
echo "the guest is done"
"""


def site_of(lab):
    image, release = kernel()
    boot, tree = Directory(lab, "boot"), Directory(lab, "tree")
    boot.add("/vmlinuz", image.read_bytes())
    boot.add("/initrd", initrd(release, GUEST, ("nfs_acl", "nfsv3")))
    boot.add("/boot.ipxe", SCRIPT.encode())
    for size in (0, 1, 4095, 32768, 32769, 1 << 20):
        tree.add(f"/{size}.bin", content(size))
    tree.add("/big.bin", content(20_000_000))
    tree.add("/" + "n" * 255, b"long name")
    tree.add("/Größe/ñandú.txt", b"text")
    tree.add("/" + "/".join(f"d{n}" for n in range(30)) + "/bottom", b"deep")
    for n in range(3000):
        tree.add(f"/many/{n}", b"")
    os.symlink("1.bin", tree.root / "link")
    return boot, tree


def test_kernel_client():
    with Lab() as lab:
        boot, tree = site_of(lab)
        is_now = (tree.root / "1.bin").stat()
        options = ["--http", f"{PORT},root={boot.root}", "--nfs", f"root={tree.root},allow=198.18.0.0/24"]
        with Goldilocks(lab, options, zones=(), secret=lab.path("secret")) as server:
            began = time.monotonic()
            with Guest(lab, f"http://{SERVER_V4}/boot.ipxe") as guest:
                guest.wait_for("begins", limit=400)
                before = server.telemetry("/goldilocks/service,nfs")
                server.kill()  # in the middle of the copy
                server.start()
                guest.wait_for("the guest is done", limit=400)
                said = guest.said()
    assert "mounted: " in said and "unmounted" in said, said
    sums = {line.split(None, 2)[2].rstrip("\r"): line.split()[1] for line in said.splitlines() if line.startswith("sum: ")}
    for path, wanted in tree.files.items():
        if path.startswith("/many/"):
            continue
        assert sums.get("." + path) == hashlib.sha256(wanted).hexdigest(), (path, sums.get("." + path))
    assert "again: " + hashlib.sha256(tree.files["/big.bin"] * 3).hexdigest() in said, said
    for line in ("names: 3000", "dirs: 33", "cannot write", f"mode: 644 0 0 1 {int(is_now.st_mtime)}", "Read-only file system"):
        assert line in said, (line, said)
    report(f"booted, {len(sums)} files and a copy of 60 MB over a restart after {time.monotonic() - began:.0f} s; "
           f"{before['calls']} calls before the restart; "
           + "; ".join(line.strip() for line in said.splitlines() if line.startswith(("udp:", "mounted:"))))


run(__name__)
