"""The same calls of NFS and MOUNT to nfs-ganesha and to --nfs, of the same tree: the same replies where both must agree."""

import os
import subprocess

import nfs_client as nfs
from goldilocks import Goldilocks
from lab import SERVER_IF, SERVER_V4, Lab, die_with_parent, inside, sh, wait_for
from nfs_client import Client, NfsError, hyper, opaque, words
from runner import run
from test_nfs import ALLOW, tree

CONFIGURATION = """
NFS_CORE_PARAM { Protocols = 3; NFS_Port = 2049; MNT_Port = 20048; Enable_NLM = false; Enable_RQUOTA = false;
                 Enable_UDP = true; Bind_addr = %(address)s; fsid_device = false; }
EXPORT_DEFAULTS { Transports = UDP, TCP; SecType = sys; Squash = No_Root_Squash; }
EXPORT { Export_Id = 1; Path = "%(root)s"; Pseudo = "/"; Protocols = 3; Access_Type = RO; FSAL { Name = VFS; } }
"""
# What says where a file is on a server, and when it was read.
OWN = {"fsid", "fileid", "atime", "handle", "cookie", "verifier", "directory"}


def plain(value, kind=None):
    """Of a result, what both servers have to say alike."""
    if isinstance(value, dict):
        kind = value.get("type", kind)
        # Each name here has a number of its own, so there are no further links to a file; sizes of directories agree.
        dropped = OWN | ({"nlink"} if kind != nfs.DIRECTORY else set())
        return {k: plain(v) for k, v in value.items() if k not in dropped}
    if isinstance(value, list):
        return sorted((plain(v) for v in value), key=lambda e: e["name"])
    return value


def outcome(call, *arguments):
    try:
        return plain(call(*arguments))
    except NfsError as e:
        return e.status


def answers(port, mount_port, root, transport):
    """By what was asked."""
    found = {}
    with Client(transport=transport, port=mount_port) as mounts, Client(transport=transport, port=port) as client:
        top = mounts.mount(str(root))
        for path in ("/none", str(root) + "/none", str(root) + "/1.bin"):
            try:
                found["mount", path.replace(str(root), "")[:20]] = mounts.mount(path) and 0
            except NfsError as e:
                found["mount", path.replace(str(root), "")[:20]] = e.status
        for path in sorted(root.rglob("*")):
            name = str(path.relative_to(root))
            handle = client.walk(name, top)
            found["attributes", name] = outcome(client.getattr, handle)
            found["access", name] = outcome(client.nfs, nfs.ACCESS, opaque(handle) + words(0x3f))
            found["access for reading", name] = outcome(client.nfs, nfs.ACCESS, opaque(handle) + words(1))
            found["link", name] = outcome(client.nfs, nfs.READLINK, opaque(handle))
            for offset, count in ((0, 100), (1, 0), (1000, 500), (1 << 40, 10)):
                found["read", name, offset, count] = outcome(client.read, handle, offset, count)
            found["lookup in it", name] = outcome(client.lookup, handle, "none")
            if path.is_dir() and not path.is_symlink():
                found["list", name] = [e["name"] for e in plain(client.list(handle, False))]
                found["list with attributes", name] = plain(client.list(handle, True, 32768))
                found["above it", name] = outcome(client.lookup, handle, "..")
        file, at = client.walk("1.bin", top), opaque(top) + opaque("new")
        for procedure, arguments in ((nfs.SETATTR, opaque(file) + nfs.NO_ATTRIBUTES + words(0)),
                                     (nfs.CREATE, at + words(0) + nfs.NO_ATTRIBUTES), (nfs.MKDIR, at + nfs.NO_ATTRIBUTES),
                                     (nfs.REMOVE, opaque(top) + opaque("1.bin")), (nfs.RMDIR, opaque(top) + opaque("empty")),
                                     (nfs.WRITE, opaque(file) + hyper(0) + words(1, 2) + opaque("x")),
                                     (nfs.RENAME, opaque(top) + opaque("1.bin") + at)):
            found["change", procedure] = outcome(client.nfs, procedure, arguments)
        found["too long a name"] = outcome(client.lookup, top, "x" * 256)
        found["bad handle"] = outcome(client.getattr, b"x")
        found["in a file"] = outcome(client.lookup, file, "x")
        found["a small list"] = outcome(client.list, top, False, 20)
        configuration = client.nfs(nfs.PATHCONF, opaque(top))
        found["configuration"] = {k: configuration[k] for k in ("name_max", "no_trunc", "case_insensitive", "case_preserving")}
        for version in (2, 4):
            message = client.message(nfs.NFS, 0, b"", version)
            found["version", version] = client.exchange(message)[20:24]
        found["procedure 99"] = client.exchange(client.message(nfs.NFS, 99, b""))[20:]
        found["no arguments"] = client.exchange(client.message(nfs.NFS, nfs.GETATTR, b""))[20:]
    return found


def of_ganesha(lab, root):
    """In the server's namespace with sockets and state of its own; the laboratory's client asks."""
    with inside(lab.server_ns, lab.client_ns):
        sh("ip", "addr", "add", SERVER_V4 + "/24", "dev", SERVER_IF)
        sh("ip", "link", "set", "lo", "up")
    configuration = lab.path("ganesha.conf", CONFIGURATION % {"address": SERVER_V4, "root": root})
    log = lab.path("ganesha.log")
    # It finds its directory's file system by /etc/mtab, which the smallest installations lack.
    etc = lab.path("etc")
    command = (f"test -e /etc/mtab || {{ cp -a /etc {etc} && ln -s /proc/self/mounts {etc}/mtab && mount --bind {etc} /etc; }} && "
               "mount -t tmpfs none /run && mkdir -p /run/ganesha /run/dbus && mount -t tmpfs none /var/lib/nfs && mkdir -p "
               f"/var/lib/nfs/ganesha && rpcbind -w && exec ganesha.nfsd -F -f {configuration} -L {log} -p /run/ganesha.pid")
    with subprocess.Popen(["ip", "netns", "exec", lab.server_ns, "unshare", "-m", "-p", "-f", "--kill-child", "sh", "-c", command],
                          preexec_fn=die_with_parent, stdin=subprocess.DEVNULL) as process:
        try:
            said = lambda: log.read_text(errors="replace")[-3000:] if log.exists() else "no log"  # noqa: E731
            for port in (2049, 20048):
                wait_for(lambda port=port: process.poll() is not None or f":{port} " in
                         sh("ip", "netns", "exec", lab.server_ns, "ss", "-ltn").stdout, said, limit=90)
            assert process.poll() is None, said()
            with Client(transport="tcp") as client:
                client.call(nfs.NFS, nfs.NULL)
            return {t: answers(2049, 20048, root, t) for t in ("tcp", "udp")}
        finally:
            process.kill()


def may_differ(key, ours, theirs):
    """What differs, and why."""
    what = key[0] if isinstance(key, tuple) else key
    if what == "mount":  # that there is nothing, it says as that one may not
        return ours in (nfs.NOENT, nfs.NOTDIR) and theirs == nfs.ACCES
    if what == "change":
        return ours == nfs.ROFS and theirs == nfs.ACCES
    if what == "bad handle":
        return theirs == nfs.STALE
    if what == "access":  # it lets symbolic links be executed
        return ours["attributes"]["type"] == nfs.SYMBOLIC and theirs == {**ours, "access": 0x21}
    if what == "read":  # of nothing at the end of a file it does not say that this is the end
        return key[3] == 0 and ours["eof"] and theirs == {**ours, "eof": False}
    if what == "no arguments":  # over UDP it takes an empty handle for one
        return ours == words(4) and theirs == words(0, nfs.BADHANDLE)
    if what == "a small list":  # it gives more than was asked for
        return ours == nfs.TOOSMALL and isinstance(theirs, list)
    return what == "configuration" and theirs == {**ours, "name_max": 1024}  # the file system's names end at 255


def test_beside_ganesha():
    with Lab() as lab:
        site = tree(lab, large=5000, deep=5)
        os.chmod(site.root / "1.bin", 0o640)
        theirs = of_ganesha(lab, site.root)
        with inside(lab.server_ns, lab.client_ns):
            sh("ip", "addr", "flush", "dev", SERVER_IF)
        sh("ip", "neigh", "flush", "all")
        with Goldilocks(lab, ["--nfs", f"root={site.root}" + ALLOW], zones=()):
            ours = {t: answers(2049, 2049, site.root, t) for t in ("tcp", "udp")}
    for transport in ("tcp", "udp"):
        assert set(ours[transport]) == set(theirs[transport])
        differing = {key: (ours[transport][key], theirs[transport][key]) for key in ours[transport]
                     if ours[transport][key] != theirs[transport][key]
                     and not may_differ(key, ours[transport][key], theirs[transport][key])}
        assert not differing, "\n".join(f"{transport} {key}: {pair}" for key, pair in differing.items())


run(__name__)
