"""Readers of dnstap: Frame Streams and protobuf taken apart by hand, and a reader at a Unix socket."""

import contextlib
import ipaddress
import socket
import struct
import threading
import time
from pathlib import Path

CONTENT_TYPE = b"protobuf:dnstap.Dnstap"
ACCEPT, START, STOP, READY, FINISH = 1, 2, 3, 4, 5
TYPES = {1: "AUTH_QUERY", 2: "AUTH_RESPONSE", 5: "CLIENT_QUERY", 6: "CLIENT_RESPONSE", 7: "FORWARDER_QUERY",
         8: "FORWARDER_RESPONSE"}
FIELDS = {1: "type", 2: "family", 3: "protocol", 4: "query_address", 5: "response_address", 6: "query_port",
          7: "response_port", 8: "query_sec", 9: "query_nsec", 10: "query", 12: "response_sec", 13: "response_nsec",
          14: "response"}


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value, shift, at = value | (byte & 0x7f) << shift, shift + 7, at + 1
        if byte < 0x80:
            return value, at


def fields(data):
    """Number and value of each field of a protobuf message."""
    at, found = 0, {}
    while at < len(data):
        key, at = varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(data, at)
        elif kind == 2:
            length, at = varint(data, at)
            value, at = data[at:at + length], at + length
            assert len(value) == length
        else:
            assert kind == 5, kind
            value, at = struct.unpack_from("<I", data, at)[0], at + 4
        assert key >> 3 not in found, "a field twice"
        found[key >> 3] = value
    return found


class Message:
    """One frame's payload, by the names of FIELDS; what is not there is None."""

    def __init__(self, payload):
        outer = fields(payload)
        assert outer[15] == 1, outer
        self.identity, self.version = outer[1].decode(), outer[2].decode()
        inner = fields(outer[14])
        assert set(inner) <= set(FIELDS), inner
        for number, name in FIELDS.items():
            setattr(self, name, inner.get(number))
        self.type = TYPES[self.type]
        for name in ("query_address", "response_address"):
            if getattr(self, name) is not None:
                setattr(self, name, str(ipaddress.ip_address(getattr(self, name))))
        self.protocol = {1: "UDP", 2: "TCP"}[self.protocol]
        for name in ("query", "response"):
            sec = getattr(self, name + "_sec")
            setattr(self, name + "_time", None if sec is None else sec + getattr(self, name + "_nsec") / 1e9)

    @property
    def bytes(self):
        return self.query if self.query is not None else self.response

    @property
    def ends(self):
        return (self.query_address, self.query_port), (self.response_address, self.response_port)


def control(kind, content=True):
    field = struct.pack(">II", 1, len(CONTENT_TYPE)) + CONTENT_TYPE if content else b""
    return struct.pack(">III", 0, 4 + len(field), kind) + field


def frames(data):
    """The payloads of a stream, which begins and ends as it should; a stream that goes on is allowed to lack its end."""
    at, payloads, kinds = 0, [], []
    while at + 4 <= len(data):
        length = struct.unpack_from(">I", data, at)[0]
        at += 4
        if length == 0:
            length = struct.unpack_from(">I", data, at)[0]
            kinds.append(struct.unpack_from(">I", data, at + 4)[0])
            at += 4 + length
        else:
            if at + length > len(data):
                break
            payloads.append(data[at:at + length])
            at += length
    assert not kinds or kinds in ([START], [START, STOP]), kinds
    return payloads, kinds


def read_file(path):
    """All messages of a file that is complete."""
    payloads, kinds = frames(Path(path).read_bytes())
    assert kinds == [START, STOP], kinds
    return [Message(p) for p in payloads]


class Reader:
    """Listens at a Unix socket, or an address and port, shakes hands, and then reads nothing until it is told to."""

    def __init__(self, where):
        self.listener = socket.socket(socket.AF_INET6 if isinstance(where, tuple) else socket.AF_UNIX)
        self.listener.bind(where if isinstance(where, tuple) else str(where))
        self.listener.listen(1)
        self.listener.settimeout(10)
        self.data = b""
        self.connection = None
        self.begun = threading.Event()  # of what trickles

    def accept(self):
        self.connection, _ = self.listener.accept()
        self.connection.settimeout(10)
        ready = self.connection.recv(4096)
        assert struct.unpack_from(">III", ready)[2] == READY and CONTENT_TYPE in ready, ready
        self.connection.sendall(control(ACCEPT))
        return self

    def trickle_accept(self):
        """Never done with shaking hands, and never silent."""
        connection, _ = self.listener.accept()
        connection.recv(4096)
        self.begun.set()
        with contextlib.suppress(OSError):
            for byte in struct.pack(">III", 0, 500, ACCEPT) + bytes(500):
                connection.send(bytes([byte]))
                time.sleep(0.2)

    def trickle_frames(self):
        """Takes some bytes from time to time."""
        self.accept()
        self.begun.set()
        with contextlib.suppress(OSError):
            while self.connection.recv(4096):
                time.sleep(0.2)

    def read_in_background(self):
        """To the stream's end; done() waits for it."""
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()
        return self

    def _read(self):
        stop = control(STOP, content=False)
        while not self.data.endswith(stop) and (more := self.connection.recv(1 << 20)):
            self.data += more
        if self.data.endswith(stop):
            self.connection.sendall(control(FINISH, content=False))

    def messages(self):
        return [Message(p) for p in frames(self.data)[0]]

    def close(self):
        for s in (self.connection, self.listener):
            if s is not None:
                s.close()
