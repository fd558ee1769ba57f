"""A directory of files for HTTP's tests, and requests written by hand."""

import gzip
import os
import random
import socket
from pathlib import Path

from lab import SERVER_V4

PORT = 80
SIZES = (0, 1, 100, 1000, 1400, 1460, 2900, 14600, 30000, 60000, 64000)


def content(size, seed=None):
    return random.Random(size if seed is None else seed).randbytes(size)


class Directory:
    """Files below a folder of the laboratory; `files` is what the server should know, by path."""

    def __init__(self, lab, name="site"):
        self.root = Path(lab.path(name))
        self.root.mkdir()
        self.files = {}

    def add(self, path, data, modified=784111777):
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        os.utime(file, (modified, modified))
        self.files[path] = data
        return file

    def add_usual(self):
        for size in SIZES:
            self.add(f"/{size}.bin", content(size))
        self.add("/index.html", b"<!doctype html><title>index</title>")
        self.add("/style.css", b"p { color: gold }\n")
        self.add("/deep/in/here.txt", b"here\n")
        self.add("/deep/index.html", b"deep")
        self.add("/with space+plus.txt", b"space")
        text = b"the same line again and again\n" * 500
        self.add("/page.html", text)
        self.add("/page.html.gz", gzip.compress(text, mtime=0))
        return self


class Response:
    """One HTTP response at the front of `data`; raises ValueError where it is none. `rest` is what follows."""

    def __init__(self, data, head_only=False):
        head, mark, rest = data.partition(b"\r\n\r\n")
        if not mark:
            raise ValueError(f"no end of the header section in {data[:200]!r}")
        lines = head.decode("latin1").split("\r\n")
        version, status, self.reason = (lines[0].split(" ", 2) + [""])[:3]
        if version != "HTTP/1.1":
            raise ValueError(lines[0])
        self.status = int(status)
        self.fields = {}
        for line in lines[1:]:
            name, colon, value = line.partition(": ")
            if not colon or name.lower() in self.fields:
                raise ValueError(f"field {line!r}")
            self.fields[name.lower()] = value
        length = 0 if head_only or self.status in (204, 304) else int(self.fields["content-length"])
        if len(rest) < length:
            raise ValueError(f"{len(rest)} bytes of {length}")
        self.body, self.rest = rest[:length], rest[length:]


def request(path, method="GET", version="1.1", host="goldilocks.test", **fields):
    lines = [f"{method} {path} HTTP/{version}"] + ([f"Host: {host}"] if host is not None else [])
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin1")


def connect(address=SERVER_V4, port=PORT, timeout=20):
    return socket.create_connection((address, port), timeout=timeout)


def read_all(s):
    """Until the other side closes."""
    data = b""
    while chunk := s.recv(65536):
        data += chunk
    return data


def ask(raw, address=SERVER_V4, port=PORT):
    """What comes back for these bytes, when our side has closed behind them."""
    with connect(address, port) as s:
        s.sendall(raw)
        s.shutdown(socket.SHUT_WR)
        return read_all(s)


def get(path, address=SERVER_V4, port=PORT, method="GET", **fields):
    data = ask(request(path, method, **fields), address, port)
    response = Response(data, head_only=method == "HEAD")
    if response.rest:
        raise ValueError(f"more than one response: {response.rest[:100]!r}")
    return response
