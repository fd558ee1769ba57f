"""NFS (--nfs): libnfs and showmount of Debian, and a client written by hand (nfs_client.py) for UDP and for every field."""

import concurrent.futures
import hashlib
import os
import signal
import socket
import subprocess
import time

import nfs_client as nfs
import runner
from exchanges import WrongBytes
from goldilocks import Goldilocks
from http_site import Directory, content
from lab import CLIENT_IF, SERVER_IF, SERVER_V4, SERVER_V6, Lab, die_with_parent, sh, wait_for
from nfs_client import Client, hyper, opaque, refused, words
from runner import run

PORT = 2049
ALLOW = ",allow=192.0.2.0/24,allow=2001:db8::/64"
LONG_NAME = "n" * 255
KINDS = [(transport, address) for transport in ("udp", "tcp") for address in (SERVER_V4, SERVER_V6)]


def serve(lab, root, rest=ALLOW, *options, **more):
    return Goldilocks(lab, ["--nfs", f"root={root}{rest}", *options], zones=(), **more)


def tree(lab, large=1 << 20, deep=40):
    """Files of all kinds; `files` says what they hold."""
    site = Directory(lab, "tree")
    for size in (0, 1, 1343, 1344, 1345, 32767, 32768, 32769, large):
        site.add(f"/{size}.bin", content(size))
    site.add(f"/{LONG_NAME}", b"long name")
    site.add("/Größe – 大きさ/ñandú.txt", "ñ".encode())
    site.add("/" + "/".join(f"d{n}" for n in range(deep)) + "/bottom", b"deep")
    site.add("/with space+plus?.txt", b"space")
    (site.root / "empty").mkdir()
    os.symlink("1.bin", site.root / "link")
    os.symlink("../outside", site.root / "out")
    os.symlink("nowhere", site.root / "dangling")
    os.symlink("empty", site.root / "to-directory")
    return site


def counters(server):
    return server.telemetry("/goldilocks/service,nfs")


def same(got, wanted, what):
    if hashlib.sha256(got).digest() != hashlib.sha256(wanted).digest():
        raise WrongBytes(f"{what}: {len(got)} bytes, not {len(wanted)}")


def quoted(path):
    return "".join(c if c.isalnum() or c in "/._-" else "".join(f"%{b:02x}" for b in c.encode()) for c in path)


def url(path, address=SERVER_V4, options="nfsport=2049&mountport=2049&version=3"):
    """libnfs takes what is in front of the last slash for the path to mount, and none for a mistake; 4.0.0 knows no
    brackets."""
    return f"nfs://{address}{'/' if path.count('/') == 1 else ''}{path}" + (f"?{options}" if options else "")


def nfs_cp(lab, path, address=SERVER_V4, limit_s=120, **more):
    out = lab.path(f"copied-{next(COUNT)}")
    command = ["nfs-cp", url(path, address, **more), str(out)]
    done = subprocess.run(command, capture_output=True, timeout=limit_s, preexec_fn=die_with_parent)
    assert done.returncode == 0, (command, done.stdout[-300:], done.stderr[-300:])
    data = out.read_bytes()
    out.unlink()
    return data


COUNT = iter(range(1 << 30))


# --- real clients

def test_libnfs():
    """go-nfs#41: no portmapper is asked where the ports are known. libnfs#16: READDIRPLUS is there."""
    with Lab() as lab:
        site = tree(lab, deep=12)  # nfs-ls goes no further than 16
        with serve(lab, site.root) as server:
            for address in (SERVER_V4, SERVER_V6):
                for path, wanted in site.files.items():
                    if "?" not in path and "%" not in quoted(path):
                        same(nfs_cp(lab, path, address), wanted, path)
                listed = sh("nfs-ls", "-R", url("/", address)).stdout
                names = {line.split(None, 5)[5] for line in listed.splitlines()}
                assert {p.lstrip("/") for p in site.files} <= names and {"link", "out", "dangling", "empty"} <= names, names
                got = subprocess.run(["nfs-cat", url("/1345.bin", address)], capture_output=True, timeout=60)
                same(got.stdout, site.files["/1345.bin"], "nfs-cat")
                # By the path on the disk, as other servers have it.
                got = subprocess.run(["nfs-cat", url(f"{site.root}/1345.bin", address)], capture_output=True, timeout=60)
                same(got.stdout, site.files["/1345.bin"], "by its path on the disk")
            assert counters(server)["drop_malformed"] == counters(server)["drop_record"] == 0


def test_showmount_and_rpcinfo():
    """With --rpc everything is found by the portmapper; without, by the ports."""
    with Lab() as lab:
        site = tree(lab, large=10)
        with serve(lab, site.root, ALLOW, "--rpc", "on" + ALLOW):
            assert "/ 192.0.2.0/24,2001:db8::/64" in sh("showmount", "-e", SERVER_V4).stdout
            assert sh("showmount", "--no-headers", "-a", SERVER_V4).stdout.strip() == ""
            for program in (nfs.NFS, nfs.MOUNT):
                for address, transport in ((SERVER_V4, "udp"), (SERVER_V4, "tcp"), (SERVER_V6, "udp6"), (SERVER_V6, "tcp6")):
                    assert "version 3 ready" in sh("rpcinfo", "-T", transport, address, program, 3).stdout
                said = sh("rpcinfo", "-T", "udp", SERVER_V4, program, 4, check=False).stdout
                assert "low version = 3, high version = 3" in said, said
            same(nfs_cp(lab, "/1345.bin", options="version=3"), site.files["/1345.bin"], "by the portmapper")
            said = sh("rpcinfo", "-p", SERVER_V4).stdout
            for program in (nfs.NFS, nfs.MOUNT):
                for transport in ("tcp", "udp"):
                    assert any(line.split()[:4] == [str(program), "3", transport, "2049"] for line in said.splitlines()), said
    with Lab() as lab:
        site = tree(lab, large=10)
        with serve(lab, site.root, ALLOW + ",port=2050"), Client(port=2050) as client:
            assert client.read(client.walk("/1.bin"))["eof"]
            same(nfs_cp(lab, "/1345.bin", options="nfsport=2050&mountport=2050&version=3"), site.files["/1345.bin"], "2050")


def copies(address, percent, files):
    with Lab() as lab:
        site = Directory(lab, "tree")
        for path, size in files.items():
            site.add(path, content(size))
        with serve(lab, site.root):
            lab.lose(percent)
            for path, wanted in site.files.items():
                began = time.monotonic()
                same(nfs_cp(lab, path, address, limit_s=600), wanted, path)
                runner.report(f"{len(wanted)} bytes at {percent} % each way: {time.monotonic() - began:.1f} s")
            assert sum(lab.lose_nothing()) > 0


def test_50_megabytes():
    with Lab() as lab:
        site = Directory(lab, "tree")
        site.add("/50M.bin", content(50_000_000))
        with serve(lab, site.root):
            for address in (SERVER_V4, SERVER_V6):
                began = time.monotonic()
                same(nfs_cp(lab, "/50M.bin", address), site.files["/50M.bin"], "50 MB")
                runner.report(f"50 MB: {time.monotonic() - began:.1f} s")


def test_loss_1():
    copies(SERVER_V4, 1, {"/50M.bin": 50_000_000})


def test_loss_5():
    copies(SERVER_V4, 5, {"/1.bin": 1, "/0.bin": 0, "/1M.bin": 1 << 20})


def test_loss_5_ipv6():
    copies(SERVER_V6, 5, {"/1M.bin": 1 << 20})


def test_loss_20():
    copies(SERVER_V4, 20, {"/small.bin": 5_000, "/100k.bin": 100_000 if runner.LONG else 20_000})


def test_loss_1_and_20_ipv6():
    copies(SERVER_V6, 1, {"/5M.bin": 5_000_000})
    copies(SERVER_V6, 20, {"/small.bin": 5_000})


def loss_over_udp(percent, size):
    with Lab() as lab:
        site = Directory(lab, "tree")
        site.add("/file.bin", content(size))
        for n in range(100):
            site.add(f"/d/{n}", b"")
        with serve(lab, site.root):
            lab.lose(percent)
            for address in (SERVER_V4, SERVER_V6):
                with Client(address, patience=0.2) as client:
                    same(client.read_all(client.walk("/file.bin")), site.files["/file.bin"], address)
                    assert len(client.list(client.walk("/d"))) == 102
            assert sum(lab.lose_nothing()) > 0


def test_udp_loss_1():
    loss_over_udp(1, 1 << 20)


def test_udp_loss_5():
    loss_over_udp(5, 1 << 20)


def test_udp_loss_20():
    loss_over_udp(20, 100_000)


def test_many_at_once():
    with Lab() as lab:
        site = Directory(lab, "tree")
        site.add("/file.bin", content(1 << 20))
        with serve(lab, site.root), concurrent.futures.ThreadPoolExecutor(100) as pool:
            for data in pool.map(lambda n: nfs_cp(lab, "/file.bin", (SERVER_V4, SERVER_V6)[n % 2], limit_s=300), range(100)):
                same(data, site.files["/file.bin"], "one of a hundred")


def test_two_workers():
    with Lab(queues=2) as lab:
        site = tree(lab)
        with serve(lab, site.root, workers=2, device=f"--vdev=net_af_packet0,iface={SERVER_IF},qpairs=2"):
            wanted = by_hand(site)
            for transport, address in KINDS * 2:
                with Client(address, transport) as client:
                    assert client.tree(client.mount()) == wanted
            for _ in range(5):
                same(nfs_cp(lab, "/1048576.bin"), site.files["/1048576.bin"], "two workers")


# --- every field, over both transports

def by_hand(site):
    """What Client.tree() should find."""
    found = {}
    for path in sorted(site.root.rglob("*")):
        name = b"/" + os.fsencode(path.relative_to(site.root))
        if path.is_symlink():
            found[name] = (nfs.SYMBOLIC, os.fsencode(os.readlink(path)))
        elif path.is_dir():
            found[name] = (nfs.DIRECTORY, None)
        else:
            found[name] = (nfs.REGULAR, path.read_bytes())
    return found


def test_whole_tree():
    with Lab() as lab:
        site = tree(lab)
        wanted = by_hand(site)
        with serve(lab, site.root):
            for transport, address in KINDS:
                with Client(address, transport) as client:
                    found = client.tree(client.mount())
                    if found != wanted:
                        raise WrongBytes(f"{transport} {address}: {set(found) ^ set(wanted)}")


def test_attributes():
    with Lab() as lab:
        site = tree(lab, large=10)
        os.chmod(site.root / "1.bin", 0o4751)
        os.chown(site.root / "1.bin", 1234, 5678)
        with serve(lab, site.root):
            fileids = {}
            for transport, address in KINDS:
                with Client(address, transport) as client:
                    root = client.mount()
                    for path in sorted(site.root.rglob("*")):
                        is_now = path.lstat()
                        got = client.getattr(client.walk(str(path.relative_to(site.root)), root))
                        kind = nfs.SYMBOLIC if path.is_symlink() else nfs.DIRECTORY if path.is_dir() else nfs.REGULAR
                        links = 2 + sum(p.is_dir() and not p.is_symlink() for p in path.iterdir()) if kind == nfs.DIRECTORY else 1
                        wanted = {"type": kind, "mode": is_now.st_mode & 0o7777, "nlink": links, "uid": is_now.st_uid,
                                  "gid": is_now.st_gid, "size": is_now.st_size, "used": is_now.st_blocks * 512, "rdev": 0,
                                  "mtime": divmod(is_now.st_mtime_ns, 10**9), "ctime": divmod(is_now.st_ctime_ns, 10**9)}
                        assert {k: got[k] for k in wanted} == wanted, (path, got, wanted)
                        assert fileids.setdefault(path, (got["fsid"], got["fileid"])) == (got["fsid"], got["fileid"])
            assert len({f for _, f in fileids.values()}) == len(fileids) and len({f for f, _ in fileids.values()}) == 1


def test_information():
    with Lab() as lab:
        site = tree(lab, large=10)
        with serve(lab, site.root):
            for transport, address in KINDS:
                with Client(address, transport) as client:
                    root = client.mount()
                    info = client.nfs(nfs.FSINFO, opaque(root))
                    most = 1024 if transport == "udp" else 32768
                    assert info["rtmax"] == info["rtpref"] == info["dtpref"] == most and info["properties"] == 0x0a, info
                    assert info["wtmax"] == 8192 and info["wtpref"] == 1024, info  # see docs/services.md
                    stat = client.nfs(nfs.FSSTAT, opaque(root))
                    assert stat["tbytes"] == sum(map(len, site.files.values())) and stat["abytes"] == 0, stat
                    configuration = client.nfs(nfs.PATHCONF, opaque(root))
                    assert configuration["name_max"] == 255 and configuration["no_trunc"], configuration


def test_reads():
    """What is asked for beyond an end, and at the limits of numbers."""
    with Lab() as lab:
        site = tree(lab, large=100_000)
        wanted = site.files["/100000.bin"]
        with serve(lab, site.root):
            for transport, address in KINDS:
                with Client(address, transport) as client:
                    file = client.walk("/100000.bin")
                    for offset, count, length, eof in ((0, 0, 0, False), (100_000, 0, 0, True), (99_999, 1, 1, True),
                                                       (99_999, 100, 1, True), (100_000, 10, 0, True), (99_990, 9, 9, False),
                                                       (1 << 40, 10, 0, True), ((1 << 64) - 1, 0xffffffff, 0, True),
                                                       (99_000, 0xffffffff, 1000, True), (7, 13, 13, False)):
                        got = client.read(file, offset, count)
                        assert (got["count"], got["eof"]) == (length, eof), (offset, count, got["count"], got["eof"])
                        same(got["data"], wanted[offset:offset + length], (offset, count))
                    most = 32768 if transport == "tcp" else 1344 if ":" not in address else 1324
                    assert client.read(file, 0, 1 << 20)["count"] == most
                    same(client.read_all(file, count=999), wanted, "in odd pieces")
                    assert client.read(client.walk("/0.bin"))["eof"]
                    root = client.mount()
                    refused(nfs.ISDIR, client.read, root)
                    refused(nfs.INVAL, client.read, client.walk("/link"))


def test_names():
    with Lab() as lab:
        site = tree(lab, large=10)
        with serve(lab, site.root) as server:
            for transport, address in KINDS:
                with Client(address, transport) as client:
                    root = client.mount()
                    id_of = lambda h: client.getattr(h)["fileid"]  # noqa: E731
                    assert id_of(client.lookup(root, ".")["handle"]) == id_of(root)
                    assert id_of(client.lookup(root, "..")["handle"]) == id_of(root)
                    deep = client.walk("/d0/d1")
                    assert id_of(client.lookup(deep, "..")["handle"]) == id_of(client.walk("/d0"))
                    for name in ("none", "d0/d1", "/", "1.bin\0", ".hidden", "D0"):
                        said = refused(nfs.NOENT, client.lookup, root, name)
                        assert said["attributes"]["fileid"] == id_of(root)
                    refused(nfs.INVAL, client.lookup, root, "")
                    refused(nfs.NAMETOOLONG, client.lookup, root, "x" * 256)
                    file = client.walk("/1.bin")
                    refused(nfs.NOTDIR, client.lookup, file, "x")
                    refused(nfs.NOTDIR, client.list, file)
                    refused(nfs.INVAL, client.nfs, nfs.READLINK, opaque(file))
                    assert client.nfs(nfs.READLINK, opaque(client.walk("/out")))["target"] == b"../outside"
                    for broken in (b"", b"x", b"x" * 20, root[:-4], root + b"\0\0\0\0", b"\0" * 64):
                        refused(nfs.BADHANDLE, client.getattr, broken)
                    refused(nfs.STALE, client.getattr, root[:4] + b"\x77" * 8 + root[12:])
                    # Mounts below, and paths that are none.
                    assert client.mount("/d0/d1") == deep == client.mount("//d0/./d1/") == client.mount(str(site.root) + "/d0/d1")
                    refused(nfs.NOENT, client.mount, "/none")
                    refused(nfs.NOENT, client.mount, "/d0/../d0")
                    refused(nfs.NOTDIR, client.mount, "/1.bin")
                    refused(nfs.NOTDIR, client.mount, "/to-directory")
                    refused(nfs.NAMETOOLONG, client.mount, "/" + "x" * 1024)
                    for procedure in (nfs.UMNT, nfs.UMNTALL):
                        client.call(nfs.MOUNT, procedure, opaque("/")).end()
                    assert client.call(nfs.MOUNT, nfs.DUMP).u32() == 0
            assert counters(server)["stale"] >= 4 and counters(server)["bad_handles"] >= 24


def test_lists():
    """A directory of 3,000 names, through windows of every size. nfs-ganesha#718: READDIRPLUS over UDP does not hang."""
    with Lab() as lab:
        site = Directory(lab, "tree")
        names = {f"file-{n:04d}" for n in range(2_900)} | {f"{n:0100d}" for n in range(95)} | {f"{n:0255d}" for n in range(5)}
        for name in names:
            site.add(f"/many/{name}", name.encode())
        with serve(lab, site.root) as server:
            for transport, address in KINDS:
                with Client(address, transport) as client:
                    many = client.walk("/many")
                    for plus, count in ((True, 512), (True, 8192), (True, 1 << 20), (False, 512), (False, 65536)):
                        entries = client.list(many, plus, count)
                        found = [os.fsdecode(e["name"]) for e in entries]
                        assert len(found) == 3_002 and set(found) == names | {".", ".."}, (transport, plus, count, len(found))
                        assert all(e["cookie"] < 1 << 63 for e in entries)
                        if plus:
                            entry = next(e for e in entries if e["name"] == b"file-0007")
                            assert entry["attributes"] == client.getattr(entry["handle"]) and entry["attributes"]["size"] == 9
                            assert entry["fileid"] == entry["attributes"]["fileid"]
                    refused(nfs.TOOSMALL, client.list, many, False, 100)
                    refused(nfs.TOOSMALL, client.list, many, True, 0)
                    first = client.nfs(nfs.READDIR, opaque(many) + hyper(0) + hyper(0) + words(400))
                    last, verifier = first["entries"][-1]["cookie"], first["verifier"]
                    refused(nfs.BAD_COOKIE, client.list, many, False, 4096, verifier + 1, last)
                    refused(nfs.BAD_COOKIE, client.list, many, False, 4096, verifier, 1 << 63)
                    rest = client.list(many, False, 4096, verifier, last)
                    assert len(rest) + len(first["entries"]) == 3_002
            assert counters(server)["lists"] > 100
            assert len(sh("nfs-ls", url("/many")).stdout.splitlines()) == 3_000


def test_changes_are_refused():
    with Lab() as lab:
        site = tree(lab, large=10)
        with serve(lab, site.root) as server:
            attributes, guard = nfs.NO_ATTRIBUTES, words(0)
            full = words(1, 0o644, 1, 0, 1, 0, 1) + hyper(5) + words(2, 1, 2, 2, 3, 4)
            for transport, address in KINDS:
                with Client(address, transport) as client:
                    root, file = client.mount(), client.walk("/1.bin")
                    at = opaque(root) + opaque("new")
                    calls = {nfs.SETATTR: [opaque(file) + attributes + guard, opaque(file) + full + words(1, 5, 6)],
                             nfs.WRITE: [opaque(file) + hyper(0) + words(3, 2) + opaque(b"abc")],
                             nfs.CREATE: [at + words(0) + attributes, at + words(1) + full, at + words(2) + hyper(9)],
                             nfs.MKDIR: [at + attributes], nfs.SYMLINK: [at + attributes + opaque("target")],
                             nfs.MKNOD: [at + words(3) + attributes + hyper(1), at + words(7) + attributes, at + words(1)],
                             nfs.REMOVE: [at], nfs.RMDIR: [at], nfs.RENAME: [at + at],
                             nfs.LINK: [opaque(file) + at], nfs.COMMIT: [opaque(file) + hyper(0) + words(0)]}
                    assert set(calls) == set(nfs.CHANGES)
                    for procedure, forms in calls.items():
                        for arguments in forms:
                            said = refused(nfs.ROFS, client.nfs, procedure, arguments)
                            assert said["wcc"] or procedure == nfs.LINK, said
                            if procedure == nfs.RENAME:
                                assert said["wcc2"]["fileid"] == client.getattr(root)["fileid"]
                            # What cannot be read is something else.
                            reply = client.exchange(client.message(nfs.NFS, procedure, arguments[:-4]))
                            assert reply[20:] == words(4), (procedure, reply[20:])
                    refused(nfs.BADHANDLE, client.nfs, nfs.REMOVE, opaque(b"x") + opaque("y"))
                    assert client.exchange(client.message(nfs.NFS, 22, b""))[20:] == words(3)
                    assert client.exchange(client.message(nfs.MOUNT, 6, b""))[20:] == words(3)
                    assert client.exchange(client.message(100227, 0, b""))[20:] == words(1)  # ACLs, which Linux asks for
            assert counters(server)["read_only"] >= 4 * 16
            # A client that wants to write is told before it could.
            done = sh("nfs-cp", "/etc/hostname", url("/new"), check=False)
            assert done.returncode != 0 and not (site.root / "new").exists()
            done = sh("nfs-cp", "/etc/hostname", url("/1.bin"), check=False)
            assert done.returncode != 0 and (site.root / "1.bin").read_bytes() == site.files["/1.bin"]


def test_access():
    """By the file's mode, as it is, and by who the caller says he is."""
    with Lab() as lab:
        site = Directory(lab, "tree")
        site.add("/open", b"open")
        site.add("/private", b"private")
        site.add("/tool", b"tool")
        site.add("/closed/file", b"file")
        for name, mode in (("open", 0o644), ("private", 0o640), ("tool", 0o711), ("closed", 0o750)):
            os.chmod(site.root / name, mode)
            os.chown(site.root / name, 1000, 100)
        everything, read, look_up, execute = 0x3f, 1, 2, 0x20
        callers = {"root": nfs.auth_sys(), "owner": nfs.auth_sys(1000, 1), "group": nfs.auth_sys(7, 100),
                   "further group": nfs.auth_sys(7, 8, (9, 100)), "another": nfs.auth_sys(7, 8, (9,)), "nobody": nfs.NO_AUTH}
        insiders = ("root", "owner", "group", "further group")
        with serve(lab, site.root) as server:
            for transport, address in KINDS:
                for who, auth in callers.items():
                    inside = who in insiders
                    with Client(address, transport, auth=auth) as client:
                        root = client.mount()
                        access = lambda path: client.nfs(nfs.ACCESS, opaque(client.walk(path, root)) + words(everything))  # noqa: E731
                        assert access("/open")["access"] == read
                        assert access("/private")["access"] == (read if inside else 0), who
                        assert access("/tool")["access"] == (execute | read if who in ("root", "owner") else execute), who
                        assert access("/closed")["access"] == (read | look_up if inside else 0), who
                        assert client.read(client.walk("/tool"))["data"] == b"tool"  # to be executed it is read
                        if inside:
                            assert client.read(client.walk("/private"))["data"] == b"private"
                            assert client.walk("/closed/file") and len(client.list(client.walk("/closed"))) == 3
                        else:
                            refused(nfs.ACCES, client.read, client.walk("/private"))
                            refused(nfs.ACCES, client.walk, "/closed/file")
                            refused(nfs.ACCES, client.list, client.walk("/closed"))
            assert counters(server)["denied"] >= 24


def test_who_may_ask():
    """By default private networks; the laboratory's are none. MNT says so, and everything else is dropped."""
    with Lab() as lab:
        site = tree(lab, large=10)
        with serve(lab, site.root) as server, Client() as client:
            handle = client.mount()
        with serve(lab, site.root, "") as server:
            for transport, address in KINDS:
                with Client(address, transport) as client:
                    assert client.call(nfs.MOUNT, nfs.NULL).end() is None
                    refused(nfs.ACCES, client.mount)
                    silent = client.message(nfs.NFS, nfs.GETATTR, opaque(handle))
                    if transport == "udp":
                        for message in (silent, client.message(nfs.MOUNT, nfs.EXPORT, b""), client.message(nfs.NFS, nfs.NULL, b""),
                                        client.message(5, 0, b"")):
                            assert client.try_once(message, 0.2) is None
                    else:
                        try:
                            client.exchange(silent)
                        except ConnectionResetError:
                            continue
                        raise AssertionError("answered")
            assert counters(server)["drop_not_allowed"] >= 10 and counters(server)["mounts_refused"] >= 4
            assert "ACCES" in sh("nfs-ls", url("/"), check=False).stdout
            sh("ip", "addr", "add", "10.1.2.3/24", "dev", CLIENT_IF)
            sh("ip", "route", "replace", SERVER_V4, "dev", CLIENT_IF, "src", "10.1.2.3")
            with Client() as client:
                assert client.read(client.walk("/1.bin"))["eof"]


def test_ports_of_callers():
    """Kernels ask from reserved ports; services that answer anything do not ask."""
    with Lab() as lab:
        site = tree(lab, large=10)
        with serve(lab, site.root) as server:
            for port in (512, 665, 1023):
                for transport in ("udp", "tcp"):
                    with Client(transport=transport, source_port=port) as client:
                        assert client.read(client.walk("/1.bin"))["eof"]
            for port in (7, 53, 511, 2049):
                with Client(source_port=port) as client:
                    assert client.try_once(client.message(nfs.MOUNT, nfs.MNT, opaque("/")), 0.2) is None
            # Those of echo and its like reach no service.
            assert counters(server)["drop_source_port"] == 3 and server.total("drop_udp_source_port") == 1


def test_no_amplification():
    """A sender who has not been given a handle at his address draws three times his call, whatever he asks."""
    with Lab() as lab:
        site = tree(lab)
        sh("ip", "addr", "add", "192.0.2.7/24", "dev", CLIENT_IF)
        with serve(lab, site.root) as server, Client() as owner, Client() as spoofed:
            root, file = owner.mount(), owner.walk("/1048576.bin")
            owner.received = owner.sent = 0
            assert owner.read(file)["count"] == 1344 and owner.received > 8 * owner.sent  # he has shown it
            spoofed.socket.close()
            spoofed.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            spoofed.socket.bind(("192.0.2.7", 0))
            spoofed.socket.connect((SERVER_V4, PORT))
            worst = 0
            for auth in (nfs.NO_AUTH, nfs.auth_sys(), nfs.auth_sys(groups=range(16), name="x" * 200)):
                spoofed.auth = auth
                for procedure, arguments in ((nfs.GETATTR, b""), (nfs.LOOKUP, opaque("link")), (nfs.ACCESS, words(0x3f)),
                                             (nfs.READ, hyper(0) + words(1 << 20)), (nfs.FSSTAT, b""), (nfs.FSINFO, b""),
                                             (nfs.READDIR, hyper(0) * 2 + words(65536)),
                                             (nfs.READDIRPLUS, hyper(0) * 2 + words(65536, 65536)), (nfs.PATHCONF, b"")):
                    for handle in (root, file):
                        message = spoofed.message(nfs.NFS, procedure, opaque(handle) + arguments)
                        reply = spoofed.try_once(message)
                        worst = max(worst, len(reply) / len(message))
                        assert len(reply) <= 3 * len(message), (procedure, len(reply), len(message))
                message = spoofed.message(nfs.MOUNT, nfs.EXPORT, b"")
                assert len(spoofed.try_once(message, 0.3) or b"") <= 3 * len(message)
            runner.report(f"a stranger draws {worst:.2f} times his bytes at most; who has shown his address "
                          f"{owner.received / owner.sent:.1f} times")
            # He who moved goes on all the same, and after looking the file up again as before.
            spoofed.auth = nfs.auth_sys()
            assert 0 < spoofed.read(file)["count"] < 400
            names = {e["name"] for e in spoofed.list(owner.walk("/empty"))}
            assert names == {b".", b".."}
            assert spoofed.read(spoofed.lookup(root, "1048576.bin")["handle"])["count"] == 1344
            # What does not fit even so is to be looked up again.
            assert {e["name"] for e in spoofed.list(root)} == {e["name"] for e in owner.list(root)}
            spoofed.auth = nfs.NO_AUTH
            refused(nfs.STALE, spoofed.list, root)
            assert counters(server)["unverified"] >= 54


def test_moving_over_tcp():
    """Handles of a mount over TCP stay the same, wherever the client asks from next."""
    with Lab() as lab:
        site = tree(lab, large=10)
        sh("ip", "addr", "add", "192.0.2.7/24", "dev", CLIENT_IF)
        with serve(lab, site.root), Client(transport="tcp") as here:
            root = here.mount()
            sh("ip", "route", "replace", SERVER_V4, "dev", CLIENT_IF, "src", "192.0.2.7")
            with Client(transport="tcp") as there:
                assert there.socket.getsockname()[0] == "192.0.2.7"
                assert here.lookup(root, "1.bin")["handle"] == there.lookup(root, "1.bin")["handle"]


# --- restarts and reloads

def test_restart():
    """unfs3#34: handles, file numbers and cookies are the same after a restart, and on another node with the secret."""
    with Lab() as lab:
        site = tree(lab, large=100)
        for n in range(300):
            site.add(f"/many/{n}", b"")
        secret = lab.path("secret")
        with serve(lab, site.root, secret=secret) as server:
            for address in (SERVER_V4, SERVER_V6):
                with Client(address, patience=0.3) as client:
                    many, before = client.walk("/many"), client.tree(client.mount())
                    attributes = {p: client.getattr(client.walk(os.fsdecode(p))) for p in before}
                    handles = {p: client.walk(os.fsdecode(p)) for p in before}

                    def restart(found):
                        if len(found) < 20:
                            server.kill()
                            server.start()

                    entries = client.list(many, True, 512, on_part=restart)
                    assert len(entries) == 302 and len({e["name"] for e in entries}) == 302
                    for path, handle in handles.items():
                        assert client.walk(os.fsdecode(path)) == handle
                        assert client.getattr(handle) == attributes[path], path
        with serve(lab, site.root) as server, Client() as client:  # another secret
            refused(nfs.STALE, client.getattr, handles[b"/1.bin"])


def test_restart_in_the_middle_of_a_copy():
    """Over UDP the call comes again; over TCP the connection goes on, or is reset and the call comes over another one."""
    with Lab() as lab:
        site = Directory(lab, "tree")
        site.add("/1M.bin", content(1 << 20))
        site.add("/20M.bin", content(20_000_000))
        with serve(lab, site.root, secret=lab.path("secret")) as server:
            for transport, address in KINDS:
                path = "/1M.bin" if transport == "udp" else "/20M.bin"
                for at in (50_000, len(site.files[path]) // 2):
                    with Client(address, transport, patience=0.3) as client:
                        restarted = []

                        def restart(offset):
                            if offset > at and not restarted:
                                restarted.append(offset)
                                server.kill()
                                server.start()

                        same(client.read_all(client.walk(path), on_part=restart), site.files[path], (transport, at))
                        # Within the first 128 KiB not even the connection is lost.
                        assert client.connections == 1 or transport == "tcp" and at > 50_000, (transport, at)
            # While a reply is on its way. libnfs 4.0.0 keeps the half of it that it has, and never recovers.
            with Client(transport="tcp") as client:
                file = client.walk("/20M.bin")
                message = client.message(nfs.NFS, nfs.READ, opaque(file) + hyper(0) + words(1 << 20))
                client.socket.sendall(words(nfs.LAST | len(message)) + message)
                server.kill()
                server.start()
                reply = client.read_exactly(int.from_bytes(client.read_exactly(4), "big") & ~nfs.LAST)
                same(reply[-32768:], site.files["/20M.bin"][:32768], "the rest of a reply")


def test_reload():
    """A file that was changed keeps its handle, one that is gone is stale; a copy of another goes on."""
    with Lab() as lab:
        site = tree(lab, large=100)
        site.add("/50M.bin", content(50_000_000))
        os.symlink("1.bin", site.root / "moves")
        with serve(lab, site.root) as server, Client() as client, Client(transport="tcp") as stream:
            root, changes, goes = client.mount(), client.walk("/1.bin"), client.walk("/1345.bin")
            link = client.walk("/moves")
            before = client.getattr(changes)
            whole = client.list(root, count=512)
            began = []

            def change(found):
                if began:
                    return
                began.append(len(found))
                site.add("/1.bin", b"changed and longer", modified=784111999)
                (site.root / "1345.bin").unlink()
                (site.root / "moves").unlink()
                os.symlink("0.bin", site.root / "moves")
                os.chmod(site.root / "0.bin", 0o600)
                site.add("/added", b"added")
                server.signal(signal.SIGHUP)
                wait_for(lambda: "files read again: 3 changed, 1 gone" in server.log(), server.log)

            out = lab.path("copy")
            with subprocess.Popen(["nfs-cp", url("/50M.bin"), str(out)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  preexec_fn=die_with_parent) as copy:
                wait_for(lambda: out.exists() and out.stat().st_size > 2_000_000, "the copy does not begin", limit=60)
                listed = {e["name"] for e in client.list(root, count=512, on_part=change)}
                said, _ = copy.communicate(timeout=180)
            assert copy.returncode == 0, said
            same(out.read_bytes(), site.files["/50M.bin"], "while the files were read again")
            # Names that were there all the time came, each once.
            assert {e["name"] for e in whole} - {b"1345.bin"} <= listed | {b"1345.bin"}
            for each in (client, stream):
                after = each.getattr(changes)
                assert after["fileid"] == before["fileid"] and after["size"] == 18 and after["mtime"] != before["mtime"]
                assert each.read(changes)["data"] == b"changed and longer"
                refused(nfs.STALE, each.getattr, goes)
                refused(nfs.NOENT, each.lookup, root, "1345.bin")
                assert each.nfs(nfs.READLINK, opaque(link))["target"] == b"0.bin"
                assert each.getattr(each.walk("/0.bin"))["mode"] == 0o600
                assert each.read(each.walk("/added"))["data"] == b"added"


# --- the operator

def test_several_directories():
    with Lab() as lab:
        one, two = Directory(lab, "one"), Directory(lab, "two")
        one.add("/file", b"one")
        two.add("/sub/file", b"two")
        two.add("/.dot", b"dot")
        rest = f",root=/pub/two={two.root},dot-files=on" + ALLOW
        with serve(lab, f"/one={one.root}", rest, "--http", f"80,root={one.root}", "--tftp", f"69,root={two.root}") as server:
            with Client() as client:
                refused(nfs.NOENT, client.mount, "/")
                assert client.read(client.lookup(client.mount("/one"), "file")["handle"])["data"] == b"one"
                both = client.mount("/pub/two"), client.mount(str(one.root))
                assert client.getattr(both[0])["fsid"] != client.getattr(both[1])["fsid"]
                assert client.getattr(client.lookup(both[0], "..")["handle"]) == client.getattr(both[0])
                assert client.read(client.lookup(client.mount("/pub/two/sub"), "file")["handle"])["data"] == b"two"
                assert {e["name"] for e in client.list(both[0])} == {b".", b"..", b"sub", b".dot"}
            with Client(transport="tcp") as client:
                reader = client.call(nfs.MOUNT, nfs.EXPORT)
                names = []
                while reader.boolean():
                    names.append(reader.opaque())
                    groups = []
                    while reader.boolean():
                        groups.append(reader.opaque())
                    assert groups == [b"192.0.2.0/24", b"2001:db8::/64"]
                assert sorted(names) == [b"/one", b"/pub/two"]
            assert sh("curl", "--silent", f"http://{SERVER_V4}/file").stdout == "one"
            wait_for(lambda: "files: " in server.log(), server.log)


def test_options():
    with Lab() as lab:
        for value in ("", "on", "root=", f"root={lab.dir},port=0", f"root={lab.dir},allow=1.2.3.4/33", f"root={lab.dir},",
                      f"root={lab.dir},root={lab.dir}", f"root=/x/={lab.dir}", f"root={lab.dir},dot-files=maybe", "port=2049"):
            server = Goldilocks(lab, ["--nfs", value], zones=())
            done = subprocess.run(server.command, capture_output=True, text=True, timeout=60, preexec_fn=die_with_parent)
            assert done.returncode == 2 and "nfs" in done.stderr, (value, done.stderr)
        for more, code in ((["--http", f"{PORT},root={lab.dir}"], 1),):
            server = Goldilocks(lab, ["--nfs", f"root={lab.dir}", *more], zones=())
            done = subprocess.run(server.command, capture_output=True, text=True, timeout=60, preexec_fn=die_with_parent)
            assert done.returncode == code and "another service" in done.stderr, done.stderr
        server = Goldilocks(lab, ["--nfs", f"root={lab.dir}/none"], zones=())
        done = subprocess.run(server.command, capture_output=True, text=True, timeout=60, preexec_fn=die_with_parent)
        assert done.returncode == 1 and "none" in done.stderr, done.stderr


def test_the_last_flag_counts():
    """The same key in the configuration file and as a flag, with another directory: that of the flag is served, whole, and
    the other one need not even be there."""
    with Lab() as lab:
        first, last = Directory(lab, "first"), Directory(lab, "last")
        first.add("/sub/of-the-first", b"1")
        last.add("/sub/of-the-last", b"2")
        for key in (f"root={first.root}", f"root={lab.dir}/none"):
            conf = lab.path("nfs.conf", f"nfs = {key}{ALLOW}\n")
            with Goldilocks(lab, ["--config", conf, "--nfs", f"root={last.root}{ALLOW}"], zones=()):
                assert sh("nfs-cat", f"nfs://{SERVER_V4}//sub/of-the-last?nfsport=2049&mountport=2049&version=3").stdout == "2"


run(__name__)
