"""A conventional HTTP server that does as its path says, well or badly: what stands behind Goldilocks in tests.

    /size/N          N bytes, with Content-Length        /chunked/N   the same in chunks, with a trailer
    /until-close/N   the same, ended by the close        /count       how many requests of that target came, 500 times
    /echo            the request's bytes                 /status/N    that status
    /slow/SECONDS    "slow", that late                   /silent      nothing, ever
    /excess/WAY      a response with more behind it than it says, 50 ms later: see EXCESS
    /raw/NAME        what RAW says, then the close       /fields      fields of one connection and of the message
"""

import collections
import contextlib
import socket
import threading
import time

from http_site import content

RAW = {
    "no-http": b"SSH-2.0-OpenSSH_9.2\r\n",
    "http2": b"HTTP/2 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "nothing": b"",
    "half-a-head": b"HTTP/1.1 200 OK\r\nContent-Le",
    "cut": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this",
    "cut-chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nonly this",
    "bad-chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nonly this\r\n0\r\n\r\n",
    "folded": b"HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 2\r\n\r\nok",
    "no-colon": b"HTTP/1.1 200 OK\r\nrubbish\r\nContent-Length: 2\r\n\r\nok",
    "space-before-colon": b"HTTP/1.1 200 OK\r\nX-A : b\r\nContent-Length: 2\r\n\r\nok",
    "two-lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 4\r\n\r\nokok",
    "odd-length": b"HTTP/1.1 200 OK\r\nContent-Length: 2x\r\n\r\nok",
    "old-chunked": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "long-head": b"HTTP/1.1 200 OK\r\n" + b"X-A: " + b"a" * 9000 + b"\r\nContent-Length: 2\r\n\r\nok",
    "switching": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: other\r\nConnection: upgrade\r\n\r\n",
    # These are right.
    "interim": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "no-reason": b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok",
    "http10": b"HTTP/1.0 200 OK\r\n\r\nok",
}

# Right responses to requests with these methods, and then bytes that nobody asked for.
EVIL = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL"
EXCESS = {
    "head": b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n",
    "204": b"HTTP/1.1 204 No Content\r\n\r\n",
    "304": b"HTTP/1.1 304 Not Modified\r\n\r\n",
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
}


def respond(body, status="200 OK", *fields, length=True):
    lines = [f"HTTP/1.1 {status}", *fields] + ([f"Content-Length: {len(body)}"] if length else [])
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Origin:
    """A context manager; listens on every address of the namespace that `standing` enters while the server starts."""

    def __init__(self, standing, port=80, keep_alive=True):
        self.standing, self.port, self.keep_alive = standing, port, keep_alive
        self.requests = collections.Counter()  # by target
        self.connections = 0
        self.open = []
        self.seen = []  # every request, as it came

    def __enter__(self):
        with self.standing():
            self.listener = socket.create_server(("::", self.port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=512)
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *exc):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.thread.join(timeout=10)

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            self.open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection, contextlib.suppress(OSError):
            connection.settimeout(60)
            stream = b""
            while True:
                while b"\r\n\r\n" not in stream:
                    if not (got := connection.recv(65536)):
                        return
                    stream += got
                head, _, stream = stream.partition(b"\r\n\r\n")
                head += b"\r\n\r\n"
                self.seen.append(head)
                if not self._answer(connection, head) or not self.keep_alive or b"\r\nConnection: close" in head:
                    return

    def _answer(self, connection, head):
        """Whether the connection goes on."""
        method, target, _ = head.split(b"\r\n", 1)[0].decode("latin1").split(" ")
        self.requests[target] += 1
        _, what, *rest = target.partition("?")[0].split("/")
        argument = rest[0] if rest else ""
        if what == "silent":
            time.sleep(60)
            return False
        if what == "raw":
            connection.sendall(RAW[argument])
            return False
        if what == "excess":
            connection.sendall(EXCESS[argument])
            time.sleep(0.05)
            connection.sendall(EVIL)
            return True
        if what == "until-close":
            connection.sendall(respond(content(int(argument)), "200 OK", "Connection: close", length=False))
            return False
        if what == "slow":
            time.sleep(float(argument))
        answer = self._body(what, argument, target, head)
        connection.sendall(answer.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if method == "HEAD" else answer)
        return True

    def _body(self, what, argument, target, head):
        if what == "size":
            return respond(content(int(argument)), "200 OK", 'ETag: "it"', "Content-Type: application/x-thing")
        if what == "chunked":
            data = content(int(argument))
            chunks = b"".join(b"%x\r\n%s\r\n" % (len(data[n:n + 5000]), data[n:n + 5000]) for n in range(0, len(data), 5000))
            return respond(chunks + b"0\r\nX-Trailer: end\r\n\r\n", "200 OK", "Transfer-Encoding: chunked", length=False)
        if what == "count":
            return respond(b"%8d" % self.requests[target] * 500)
        if what == "status":
            return respond(b"" if argument in ("204", "304") else b"so be it", f"{argument} Reason", length=argument not in ("204", "304"))
        if what == "fields":
            return respond(b"ok", "200 OK", "Connection: X-Hop, keep-alive", "Keep-Alive: timeout=5", "X-Hop: gone", "X-End: stays",
                           "Set-Cookie: a=1", "Set-Cookie: b=2", "Server: origin", "X-Empty:", "Date: Sun, 06 Nov 1994 08:49:37 GMT")
        if what == "slow":
            return respond(b"slow")
        if what == "echo":
            return respond(head)
        return respond(b"not here", "404 Not Found")
