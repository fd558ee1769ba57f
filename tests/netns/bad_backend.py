#!/usr/bin/python3
"""A name server that does what real ones must not, over UDP and TCP. Standard library only; one process, one thread.

The first label of the name asked for says what it does: BEHAVIOUR, or BEHAVIOUR-NUMBER, or BEHAVIOUR-NUMBER-anything.
Everything else about the answer is right. `honest` as the behaviour for all makes it an ordinary server of these names.
ANY gets what the column on stateless TCP shows: SOA, two NS, three MX, and the NS's two AAAA, 229 bytes for a name of 16.
It answers NS of the root (health checks) with a record, unless it was told otherwise.

  ok        right at once. big-N: in about N bytes of TXT
  rude-N    the same over UDP too, whatever the question says it takes
  vary-N    about N bytes of TXT, each record with the serial number of this answer, which no other answer has
  rotate-N  N A records, whose order goes round by one with each answer
  age       one A record, whose TTL counts down from 300 with the seconds
  slow-N    after N ms (2000)
  silent    never
  once      never the first time that this name is asked for, right from then on
  id, question, port, address      a reply with the wrong one; nothing else comes
  liethenright                     four wrong replies, each wrong in one of them, with wrong data; then the right one
  twice     the right answer, and another one 50 ms later
  servfail, refused, formerr, notimp, nxdomain
  noedns    FORMERR, without EDNS, to a question that has it
  short, cut, loop, count, junk    a malformed reply: half a header, records cut off, a compression loop, more records
                                   announced than there are, bytes behind the last one
  tc        truncated over UDP, right over TCP
  tcshut    truncated over UDP; over TCP the connection is closed without an answer
  tcslow-N  truncated over UDP, over TCP after N ms
"""

import argparse
import asyncio
import json
import socket
import struct
import time

PROXY_SIGNATURE = bytes.fromhex("0d0a0d0a000d0a515549540a")
A, NS, SOA, MX, TXT, AAAA, OPT, IXFR, AXFR, ANY = 1, 2, 6, 15, 16, 28, 41, 251, 252, 255
RCODES = {"formerr": 1, "servfail": 2, "nxdomain": 3, "notimp": 4, "refused": 5}
UPDATE, NOTIFY = 5, 4
began = time.monotonic()


class Query:
    """What was asked. Raises on what is no DNS query."""

    def __init__(self, data, transport, peer):
        self.transport, self.peer, self.proxy = transport, peer, None
        if data[:12] == PROXY_SIGNATURE:
            data = self._proxied(data)
        self.data = data
        self.id, self.flags, _, an, ns, ar = struct.unpack_from("!6H", data)
        self.opcode = self.flags >> 11 & 15
        at, labels = 12, []
        while data[at]:
            labels.append(data[at + 1:at + 1 + data[at]])
            at += 1 + data[at]
        self.labels = labels
        self.type, self.klass = struct.unpack_from("!2H", data, at + 1)
        self.question = data[12:at + 5]
        self.name = b"".join(label + b"." for label in labels).decode("latin1").lower() or "."
        self.payload, self.options, self.do = None, "", False
        at += 5
        for _ in range(an + ns + ar if self.opcode == 0 else 0):
            at = self._record(at)
        word, *numbers = (labels[0] if labels else b"").decode("latin1").lower().split("-")
        self.behaviour = word
        self.number = int(numbers[0]) if numbers and numbers[0].isdigit() else None

    def _proxied(self, data):
        _, family, length = struct.unpack_from("!BBH", data, 12)
        size = 4 if family >> 4 == 1 else 16
        kind = socket.AF_INET if size == 4 else socket.AF_INET6
        body = data[16:16 + length]
        self.proxy = {"command": data[12] & 15, "transport": "stream" if family & 15 == 1 else "dgram",
                      "source": socket.inet_ntop(kind, body[:size]), "target": socket.inet_ntop(kind, body[size:2 * size]),
                      "ports": struct.unpack_from("!2H", body, 2 * size)}
        return data[16 + length:]

    def _record(self, at):
        while self.data[at]:
            if self.data[at] >= 0xc0:
                at += 1
                break
            at += 1 + self.data[at]
        kind, klass, ttl, length = struct.unpack_from("!HHIH", self.data, at + 1)
        if kind == OPT:
            self.payload, self.do = klass, bool(ttl & 0x8000)
            self.options = self.data[at + 11:at + 11 + length].hex()
        return at + 11 + length

    def seen(self):
        return {"name": self.name, "type": self.type, "opcode": self.opcode, "transport": self.transport,
                "from": self.peer[0], "port": self.peer[1], "id": self.id, "flags": self.flags, "edns": self.payload,
                "options": self.options, "do": self.do, "proxy": self.proxy, "at": time.monotonic() - began}


def rr(kind, rdata, ttl=300, name=b"\xc0\x0c"):
    return name + struct.pack("!HHIH", kind, 1, ttl, len(rdata)) + rdata


def text(value):
    value = value.encode()
    return bytes([len(value)]) + value


def texts(size, word):
    """TXT records that make an answer of about `size` bytes."""
    records, count = [], 0
    while size > 0:
        letters = f"{word}-{count:05d}-"
        records.append(rr(TXT, text(letters + "x" * max(0, min(size, 250) - len(letters)))))
        count, size = count + 1, size - 263
    return records


def everything():
    """The answer section and the additional section for ANY."""
    at = b"\xc0\x0c"
    soa = b"\1a" + at + b"\7hostman" + at + struct.pack("!5I", 2009051502, 3600, 900, 3600000, 3600)
    names = [b"\1a" + at, b"\1b" + at]
    mx = [struct.pack("!H", p) + bytes([len(host)]) + host + at for p, host in
          ((100, b"mx1"), (200, b"mx2"), (300, b"ar"))]
    answer = [rr(SOA, soa), *(rr(NS, n) for n in names), *(rr(MX, m) for m in mx)]
    return answer, [rr(AAAA, bytes.fromhex("20010db8000100000000000000000001"), name=n) for n in names]


def message(query, records, rcode=0, number=None, question=None, flags=0, additional=()):
    """QR and AA, the query's opcode, RD and CD; OPT if the query has one."""
    opt = b"" if query.payload is None else b"\0" + struct.pack("!HHIH", OPT, 65535, 0x8000 if query.do else 0, 0)
    head = struct.pack("!6H", query.id if number is None else number,
                       0x8400 | query.flags & 0x7910 | flags | rcode, 1, len(records), 0,
                       len(additional) + bool(opt))
    return head + (question or query.question) + b"".join([*records, *additional]) + opt


class Server:
    def __init__(self, honest):
        self.log, self.health_count, self.serial, self.seen_names = [], 0, 0, {}
        self.all, self.health = "honest" if honest else None, None
        self.elsewhere = {}

    # --- right answers

    def records(self, query):
        word, number = query.behaviour, query.number
        if word in ("big", "rude"):
            return texts(number, "big")
        if word == "vary":
            self.serial += 1
            return texts(number or 100, f"v{self.serial}")
        if word == "rotate":
            self.serial += 1
            count = number or 8
            return [rr(A, bytes([10, 0, 0, (n + self.serial) % count])) for n in range(count)]
        if word == "age":
            return [rr(A, bytes([10, 9, 8, 7]), ttl=max(0, 300 - int(time.monotonic() - began)))]
        if query.type == TXT:
            return [rr(TXT, text(query.name))]
        if query.type == AAAA:
            return [rr(AAAA, bytes(15) + b"\1")]
        return [rr(A, bytes([10, 0, 0, 1]))]

    def right(self, query, stream):
        if query.type == NS and query.name == ".":
            return message(query, [rr(NS, b"\2ns\0")])
        if query.opcode in (UPDATE, NOTIFY):
            return struct.pack("!6H", query.id, 0x8000 | query.opcode << 11, 1, 0, 0, 0) + query.question
        if query.type == ANY:
            records, additional = everything()
            return message(query, records, additional=additional)
        if query.type == IXFR:
            return message(query, [], rcode=RCODES["notimp"])
        whole = message(query, self.records(query))
        limit = 65507 if query.behaviour == "rude" else min(query.payload or 512, 65507)
        if stream or len(whole) <= limit:
            return whole
        return message(query, [], flags=0x200)

    # --- one question

    def take(self, data, transport, peer):
        """The query and what is to be done, or None for what is no query."""
        try:
            query = Query(data, transport, peer)
        except (struct.error, IndexError):
            self.log.append({"name": None, "transport": transport, "raw": data.hex()})
            return None
        if query.name == "." and query.type == NS:
            self.health_count += 1
            return query, self.health or "ok"
        self.log.append(query.seen())
        return query, self.all or query.behaviour

    def wrong(self, query, what):
        """A reply with data that must never reach a client, wrong in one thing."""
        records = [rr(A, bytes([6, 6, 6, 6]))] if query.type != TXT else [rr(TXT, text("wrong"))]
        if what == "id":
            return message(query, records, number=query.id ^ 0x5555)
        if what == "question":
            first = query.labels[0][:-1] + bytes([query.labels[0][-1] ^ 1])
            return message(query, records, question=bytes([len(first)]) + first + query.question[1 + len(first):])
        return message(query, records)

    def malformed(self, query, what):
        good = message(query, self.records(query))
        at = 12 + len(query.question)  # the first record
        if what == "short":
            return good[:7]
        if what == "cut":
            return good[:at + 14]
        if what == "loop":
            return good[:at] + struct.pack("!H", 0xc000 | at) + good[at + 2:]
        if what == "count":
            return good[:6] + struct.pack("!H", 200) + good[8:]
        return good + b"\xff" * 9

    def datagram(self, data, peer, endpoint):
        taken = self.take(data, "udp", peer)
        if taken is None:
            return
        query, what = taken
        loop = asyncio.get_running_loop()

        def send(reply, by=endpoint, after=0.0):
            if after:
                loop.call_later(after, by.sendto, reply, peer)
            else:
                by.sendto(reply, peer)

        if what == "silent":
            return
        if what == "once" and self.seen_names.setdefault(query.name, 0) == 0:
            self.seen_names[query.name] = 1
        elif what in ("id", "question"):
            send(self.wrong(query, what))
        elif what in ("port", "address"):
            send(self.wrong(query, what), by=self.liar(what, peer))
        elif what == "liethenright":
            for lie in ("id", "question", "port", "address"):
                send(self.wrong(query, lie), by=self.liar(lie, peer) or endpoint)
            send(self.right(query, False), after=0.05)
        elif what in ("short", "cut", "loop", "count", "junk"):
            send(self.malformed(query, what))
        elif what == "noedns" and query.payload is not None:
            send(struct.pack("!6H", query.id, 0x8001, 1, 0, 0, 0) + query.question)
        elif what in RCODES:
            send(message(query, [], rcode=RCODES[what]))
        elif what in ("tc", "tcshut", "tcslow"):
            send(message(query, [], flags=0x200))
        elif what == "slow":
            send(self.right(query, False), after=(query.number or 2000) / 1000)
        else:
            send(self.right(query, False))
            if what == "twice":
                send(message(query, [rr(A, bytes([6, 6, 6, 6]))]), after=0.05)

    def liar(self, what, peer):
        return self.elsewhere.get((what, ":" in peer[0]))

    async def stream(self, reader, writer):
        peer = writer.get_extra_info("peername")
        try:
            head = await reader.readexactly(2)
            while True:
                data = b""
                if head == PROXY_SIGNATURE[:2]:
                    data = head + await reader.readexactly(14)
                    data += await reader.readexactly(struct.unpack_from("!H", data, 14)[0])
                    head = await reader.readexactly(2)
                data += await reader.readexactly(struct.unpack("!H", head)[0])
                if not await self.in_stream(data, peer, writer):
                    break
                head = await reader.readexactly(2)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        writer.close()

    async def in_stream(self, data, peer, writer):
        """False: the connection ends."""
        taken = self.take(data, "tcp", peer)
        if taken is None or taken[1] == "tcshut":
            return False
        query, what = taken
        if what == "silent":
            return True
        if what in ("slow", "tcslow"):
            await asyncio.sleep((query.number or 2000) / 1000)
        replies = [message(query, [], rcode=RCODES[what]) if what in RCODES else self.right(query, True)]
        if query.type == AXFR:
            soa = rr(SOA, b"\2ns\0\4host\0" + struct.pack("!5I", 7, 1, 1, 1, 1))
            body = [rr(TXT, text(f"{n}-" + "y" * 200)) for n in range(query.number or 10)]
            replies = [message(query, part) for part in [[soa], *(body[n:n + 40] for n in range(0, len(body), 40)), [soa]]]
        for reply in replies:
            writer.write(struct.pack("!H", len(reply)) + reply)
        await writer.drain()
        return True

    # --- orders

    async def control(self, reader, writer):
        order, *values = json.loads(await reader.readline())
        answer = None
        if order == "always":
            self.all = values[0]
        elif order == "health":
            self.health = values[0]
        elif order == "log":
            answer = self.log
        elif order == "health_count":
            answer = self.health_count
        elif order == "forget":
            self.log.clear()
            self.seen_names.clear()
        writer.write(json.dumps(answer).encode())
        await writer.drain()
        writer.close()


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server):
        self.server = server

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, peer):
        self.server.datagram(data, peer, self.transport)


def bound(address, port):
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    s.setblocking(False)
    s.bind((address, port))
    return s


async def serve(args):
    loop, server = asyncio.get_running_loop(), Server(args.honest)
    for address in args.address:
        await loop.create_datagram_endpoint(lambda: Datagrams(server), sock=bound(address, args.port))
        if not args.no_tcp:
            await asyncio.start_server(server.stream, address, args.port, backlog=500)
    # Where lies come from: the right address with another port, another address with the right port.
    for number, address in enumerate(args.address + args.elsewhere):
        what = "port" if number < len(args.address) else "address"
        if (what, ":" in address) in server.elsewhere:
            continue
        transport, _ = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, sock=bound(address, 5399 if what == "port" else args.port))
        server.elsewhere[what, ":" in address] = transport
    await asyncio.start_unix_server(server.control, args.control)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--address", action="append", required=True)
    parser.add_argument("--elsewhere", action="append", default=[])
    parser.add_argument("--port", type=int, default=53)
    parser.add_argument("--control", required=True)
    parser.add_argument("--honest", action="store_true")
    parser.add_argument("--no-tcp", action="store_true")
    asyncio.run(serve(parser.parse_args()))
