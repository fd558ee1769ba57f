"""An NFS version 3 client written by hand from RFC 1813, over UDP (which libnfs and Debian's kernel lack) and over TCP.

A reply is taken apart field by field into a dictionary, and nothing may be left over at its end.
"""

import os
import socket
import struct
import time

from lab import SERVER_V4

PORT = 2049
NFS, MOUNT = 100003, 100005
LAST = 0x80000000
(NULL, GETATTR, SETATTR, LOOKUP, ACCESS, READLINK, READ, WRITE, CREATE, MKDIR, SYMLINK, MKNOD, REMOVE, RMDIR, RENAME, LINK,
 READDIR, READDIRPLUS, FSSTAT, FSINFO, PATHCONF, COMMIT) = range(22)
MNT, DUMP, UMNT, UMNTALL, EXPORT = range(1, 6)
OK, NOENT, ACCES, NOTDIR, ISDIR, INVAL, ROFS, NAMETOOLONG, STALE = 0, 2, 13, 20, 21, 22, 30, 63, 70
BADHANDLE, BAD_COOKIE, TOOSMALL = 10001, 10003, 10005
REGULAR, DIRECTORY, SYMBOLIC = 1, 2, 5
LIMIT_S = 90  # the longest that any call may take: machines are busy, packets get lost


def words(*values):
    return struct.pack(f">{len(values)}I", *values)


def hyper(value):
    return struct.pack(">Q", value)


def opaque(data):
    data = os.fsencode(data)
    return words(len(data)) + data + bytes(-len(data) % 4)


NO_AUTH = words(0, 0, 0, 0)


def auth_sys(user=0, group=0, groups=(), name="client"):
    body = words(1) + opaque(name) + words(user, group, len(groups), *groups)
    return words(1, len(body)) + body + words(0, 0)


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, length):
        assert self.at + length <= len(self.data), f"the reply ends after {len(self.data)} bytes"
        self.at += length
        return self.data[self.at - length:self.at]

    def u32(self):
        return struct.unpack(">I", self.take(4))[0]

    def u64(self):
        return struct.unpack(">Q", self.take(8))[0]

    def boolean(self):
        value = self.u32()
        assert value <= 1, value
        return bool(value)

    def opaque(self):
        length = self.u32()
        data = self.take(length)
        assert self.take(-length % 4) == bytes(-length % 4), "what fills up a word is not zero"
        return data

    def end(self):
        assert self.at == len(self.data), f"{len(self.data) - self.at} bytes too many"

    def fields(self, **kinds):
        return {name: getattr(self, kind)() for name, kind in kinds.items()}

    def time(self):
        return self.u32(), self.u32()

    def attributes(self):
        return self.fields(type="u32", mode="u32", nlink="u32", uid="u32", gid="u32", size="u64", used="u64", rdev="u64",
                           fsid="u64", fileid="u64", atime="time", mtime="time", ctime="time")

    def post_op(self):
        return self.attributes() if self.boolean() else None

    def wcc(self):
        assert not self.boolean(), "attributes of before"
        return self.post_op()

    def entries(self, plus):
        found = []
        while self.boolean():
            entry = self.fields(fileid="u64", name="opaque", cookie="u64")
            if plus:
                entry["attributes"] = self.post_op()
                entry["handle"] = self.opaque() if self.boolean() else None
            found.append(entry)
        return found


RESULTS = {
    GETATTR: lambda r: {"attributes": r.attributes()},
    LOOKUP: lambda r: r.fields(handle="opaque", attributes="post_op", directory="post_op"),
    ACCESS: lambda r: r.fields(attributes="post_op", access="u32"),
    READLINK: lambda r: r.fields(attributes="post_op", target="opaque"),
    READ: lambda r: r.fields(attributes="post_op", count="u32", eof="boolean", data="opaque"),
    READDIR: lambda r: {**r.fields(attributes="post_op", verifier="u64"), "entries": r.entries(False), "eof": r.boolean()},
    READDIRPLUS: lambda r: {**r.fields(attributes="post_op", verifier="u64"), "entries": r.entries(True), "eof": r.boolean()},
    FSSTAT: lambda r: r.fields(attributes="post_op", tbytes="u64", fbytes="u64", abytes="u64", tfiles="u64", ffiles="u64",
                               afiles="u64", invarsec="u32"),
    FSINFO: lambda r: r.fields(attributes="post_op", rtmax="u32", rtpref="u32", rtmult="u32", wtmax="u32", wtpref="u32",
                               wtmult="u32", dtpref="u32", maxfilesize="u64", time_delta="time", properties="u32"),
    PATHCONF: lambda r: r.fields(attributes="post_op", linkmax="u32", name_max="u32", no_trunc="boolean",
                                 chown_restricted="boolean", case_insensitive="boolean", case_preserving="boolean"),
}


def failure(r, procedure):
    if procedure == GETATTR:
        return {}
    if procedure == RENAME:
        return r.fields(wcc="wcc", wcc2="wcc")
    if procedure == LINK:
        return r.fields(attributes="post_op", wcc="wcc")
    return r.fields(**({"wcc": "wcc"} if procedure in CHANGES else {"attributes": "post_op"}))


CHANGES = (SETATTR, WRITE, CREATE, MKDIR, SYMLINK, MKNOD, REMOVE, RMDIR, RENAME, LINK, COMMIT)
NO_ATTRIBUTES = words(0, 0, 0, 0, 0, 0)


class NfsError(Exception):
    def __init__(self, status, fields):
        super().__init__(f"status {status}: {fields}")
        self.status, self.fields = status, fields


class Client:
    """One socket. A context manager. Over UDP a call is repeated until its reply comes."""

    def __init__(self, address=SERVER_V4, transport="udp", port=PORT, auth=None, source_port=None, patience=1.0,
                 persistent=True):
        self.address, self.transport, self.port = address, transport, port
        self.auth, self.patience = auth or auth_sys(), patience
        self.xid = int.from_bytes(os.urandom(4), "big")
        self.sent = self.received = 0  # bytes of calls and replies, over UDP of every datagram
        self.source_port, self.persistent = source_port, persistent
        self.connections = 0
        self.connect()

    def connect(self):
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        kind = socket.SOCK_DGRAM if self.transport == "udp" else socket.SOCK_STREAM
        self.socket = socket.socket(family, kind)
        self.socket.settimeout(LIMIT_S)
        if self.source_port:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.socket.bind(("", self.source_port))
        self.socket.connect((self.address, self.port))
        self.connections += 1

    def persist(self, message):
        """As exchange(), over a new connection where this one is closed or reset: what the kernel's client does."""
        for _ in range(10):
            try:
                return self.exchange(message)
            except ConnectionResetError:
                self.socket.close()
                self.connect()
        raise AssertionError("reset ten times")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def message(self, program, procedure, arguments, version=3):
        self.xid = self.xid + 1 & 0xFFFFFFFF
        return words(self.xid, 0, 2, program, version, procedure) + self.auth + arguments

    def exchange(self, message):
        if self.transport == "tcp":
            self.socket.sendall(words(LAST | len(message)) + message)
            mark, = struct.unpack(">I", self.read_exactly(4))
            assert mark & LAST
            return self.read_exactly(mark & ~LAST)
        end = time.monotonic() + LIMIT_S
        while time.monotonic() < end:
            reply = self.try_once(message)
            if reply is not None:
                return reply
        raise AssertionError("no reply")

    def try_once(self, message, patience=None):
        """One datagram; its reply, or None."""
        try:
            self.socket.send(message)
        except (PermissionError, ConnectionRefusedError):
            pass  # lost by nftables, which tells the sender
        self.sent += len(message)
        until = time.monotonic() + (patience or self.patience)
        while (left := until - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                reply = self.socket.recv(65536)
            except (TimeoutError, ConnectionRefusedError):
                continue
            self.received += len(reply)
            if reply[:4] == message[:4]:
                return reply
        return None

    def read_exactly(self, length):
        data = b""
        while len(data) < length:
            more = self.socket.recv(length - len(data))
            if not more:
                raise ConnectionResetError(f"the connection ended after {len(data)} of {length} bytes")
            data += more
        return data

    def call(self, program, procedure, arguments=b""):
        message = self.message(program, procedure, arguments)
        reply = self.persist(message) if self.persistent else self.exchange(message)
        head, expected = reply[:24], message[:4] + words(1, 0, 0, 0, 0)
        assert head == expected, f"{head.hex()}, not {expected.hex()}"
        return Reader(reply[24:])

    def nfs(self, procedure, arguments):
        """The results; NfsError where the status is not OK."""
        reader = self.call(NFS, procedure, arguments)
        status = reader.u32()
        fields = RESULTS[procedure](reader) if status == OK else failure(reader, procedure)
        reader.end()
        if status != OK:
            raise NfsError(status, fields)
        return fields

    def mount(self, path="/"):
        reader = self.call(MOUNT, MNT, opaque(path))
        status = reader.u32()
        if status != OK:
            reader.end()
            raise NfsError(status, {})
        handle = reader.opaque()
        flavors = [reader.u32() for _ in range(reader.u32())]
        assert flavors == [1], flavors
        reader.end()
        return handle

    def lookup(self, directory, name):
        return self.nfs(LOOKUP, opaque(directory) + opaque(name))

    def walk(self, path, root=None):
        handle = root or self.mount()
        for name in path.split("/"):
            if name:
                handle = self.lookup(handle, name)["handle"]
        return handle

    def getattr(self, handle):
        return self.nfs(GETATTR, opaque(handle))["attributes"]

    def read(self, handle, offset=0, count=1 << 20):
        return self.nfs(READ, opaque(handle) + hyper(offset) + words(count))

    def read_all(self, handle, count=1 << 20, on_part=None):
        data, parts = b"", 0
        parts = []
        offset = 0
        while True:
            got = self.read(handle, offset, count)
            assert got["count"] == len(got["data"])
            assert got["count"] or got["eof"], "nothing, and not the end"
            parts.append(got["data"])
            offset += got["count"]
            if on_part:
                on_part(offset)
            if got["eof"]:
                data = b"".join(parts)
                assert len(data) == got["attributes"]["size"] or got["attributes"] is None
                return data

    def list(self, handle, plus=True, count=8192, verifier=0, cookie=0, on_part=None):
        """All entries, over as many calls as that takes."""
        found = []
        while True:
            arguments = opaque(handle) + hyper(cookie) + hyper(verifier) + (words(count) if plus else b"") + words(count)
            got = self.nfs(READDIRPLUS if plus else READDIR, arguments)
            found += got["entries"]
            if got["eof"]:
                return found
            assert got["entries"], "nothing, and not the end"
            verifier, cookie = got["verifier"], got["entries"][-1]["cookie"]
            if on_part:
                on_part(found)

    def tree(self, handle, path=b""):
        """What is below, by path: attributes, and the content or target."""
        found = {}
        for entry in self.list(handle):
            name = entry["name"]
            if name in (b".", b".."):
                continue
            below = path + b"/" + name
            kind = entry["attributes"]["type"]
            if kind == DIRECTORY:
                found[below] = (kind, None)
                found.update(self.tree(entry["handle"], below))
            elif kind == SYMBOLIC:
                found[below] = (kind, self.nfs(READLINK, opaque(entry["handle"]))["target"])
            else:
                found[below] = (kind, self.read_all(entry["handle"]))
        return found


def refused(status, call, *arguments, **more):
    """The fields of the error that the call is answered with."""
    try:
        result = call(*arguments, **more)
    except NfsError as e:
        assert e.status == status, (e, status)
        return e.fields
    raise AssertionError(f"not refused with {status}: {arguments} {result}")
