"""A TFTP client written by hand: it can do what the real ones lack, and what none should do.

It keeps what it sent and received, a line a packet, so that a test can count.
"""

import socket
import struct
import time

from lab import SERVER_V4

PORT = 69
RRQ, WRQ, DATA, ACK, ERROR, OACK = range(1, 7)
LIMIT_S = 90  # the longest that any exchange may take: machines are busy, packets get lost


class TftpError(Exception):
    def __init__(self, code, text):
        super().__init__(f"ERROR {code}: {text}")
        self.code, self.text = code, text


def request(name, mode="octet", opcode=RRQ, **options):
    words = [name, mode] + [str(word) for option in options.items() for word in option]
    return struct.pack(">H", opcode) + b"".join(w.encode("latin1") + b"\0" for w in words)


def ack(number):
    return struct.pack(">HH", ACK, number & 0xFFFF)


def data(number, block):
    return struct.pack(">HH", DATA, number & 0xFFFF) + block


def error(code, text="no"):
    return struct.pack(">HH", ERROR, code) + text.encode() + b"\0"


class Packet:
    def __init__(self, raw, tid):
        self.raw, self.tid = raw, tid
        self.opcode, self.number = struct.unpack(">HH", (raw + b"\0\0")[:4])
        self.body = raw[4:]

    def options(self):
        words = self.raw[2:].split(b"\0")[:-1]
        return {k.decode(): int(v) for k, v in zip(words[::2], words[1::2])}

    def __repr__(self):
        return f"{self.opcode} {self.number} {len(self.raw)} bytes from {self.tid}"


class Client:
    """One socket: a client's TID. A context manager."""

    def __init__(self, address=SERVER_V4, port=0):
        self.address = address
        self.socket = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        if port:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("", port))
        self.port = self.socket.getsockname()[1]
        self.tid = None
        self.sent = self.received = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, raw, port=None):
        self.sent += 1
        try:
            self.socket.sendto(raw, (self.address, port or self.tid or PORT))
        except PermissionError:
            pass  # lost by nftables, which tells the sender

    def receive(self, seconds=5):
        """The next packet; None: there was none within that time."""
        self.socket.settimeout(seconds)
        try:
            raw, where = self.socket.recvfrom(65536)
        except TimeoutError:
            return None
        self.received += 1
        return Packet(raw, where[1])

    def silent(self, seconds=0.5):
        packet = self.receive(seconds)
        assert packet is None, f"{packet} came"

    def ask(self, raw, seconds=2):
        """Repeats the request until something comes, and latches on to where it comes from."""
        for _ in range(30):
            self.send(raw, PORT)
            packet = self.receive(seconds)
            if packet is not None:
                self.tid = packet.tid
                if packet.opcode == ERROR:
                    raise TftpError(packet.number, packet.body[:-1].decode())
                return packet
        raise AssertionError("no answer to the request")

    def get(self, name, mode="octet", patience=1.0, on_block=None, first=None, wrap=0, **options):
        """The file, by windows where they are agreed on; `on_block(n)` before block n is acknowledged."""
        packet = first or self.ask(request(name, mode, **options))
        blksize, window, self.agreed = 512, 1, {}
        if packet.opcode == OACK:
            self.agreed = packet.options()
            blksize, window = self.agreed.get("blksize", 512), self.agreed.get("windowsize", 1)
            self.send(ack(0))
            packet = None
        blocks, acknowledged = [], 0
        end = time.monotonic() + LIMIT_S
        number = lambda n: n & 0xFFFF if wrap == 0 or n == 0 else (n - 1) % 65535 + 1  # noqa: E731
        gap_said = False
        while time.monotonic() < end:
            packet = packet or self.receive(patience)
            n = len(blocks)
            if packet is None:
                self.send(ack(number(n)))
                acknowledged = n
                continue
            if packet.tid != self.tid:
                self.send(error(5), packet.tid)
            elif packet.opcode == ERROR:
                raise TftpError(packet.number, packet.body[:-1].decode())
            elif packet.opcode == DATA and packet.number == number(n + 1):
                blocks.append(packet.body)
                gap_said = False
                end = time.monotonic() + LIMIT_S
                if on_block:
                    on_block(n + 1)
                if len(packet.body) < blksize or n + 1 - acknowledged >= window:
                    acknowledged = n + 1
                    self.send(ack(number(n + 1)))
                assert len(packet.body) <= blksize, f"a block of {len(packet.body)} bytes, not {blksize}"
                if len(packet.body) < blksize:
                    return b"".join(blocks)
            elif packet.opcode == DATA and packet.number == number(n):
                self.send(ack(number(n)))  # ours was lost, or theirs came late
                acknowledged = n
            elif packet.opcode == DATA and window > 1 and not gap_said:
                gap_said = True
                self.send(ack(number(n)))
                acknowledged = n
            elif packet.opcode == OACK and n == 0:
                self.send(ack(0))
            packet = None
        raise AssertionError(f"only {len(blocks)} blocks came")

    def put(self, name, content, mode="octet", patience=1.0, **options):
        """By windows where they are agreed on; returns when the last block was acknowledged."""
        packet = self.ask(request(name, mode, WRQ, **options))
        blksize, window, self.agreed = 512, 1, {}
        if packet.opcode == OACK:
            self.agreed = packet.options()
            blksize, window = self.agreed.get("blksize", 512), self.agreed.get("windowsize", 1)
        blocks = [content[i:i + blksize] for i in range(0, len(content) + 1, blksize)]
        done = 0
        end = time.monotonic() + LIMIT_S
        send_from = 0
        while time.monotonic() < end:
            if send_from is not None:
                for n in range(send_from, min(send_from + window, len(blocks))):
                    self.send(data(n + 1, blocks[n]))
            send_from = None
            packet = self.receive(patience)
            if packet is None:
                send_from = done
            elif packet.opcode == ERROR:
                raise TftpError(packet.number, packet.body[:-1].decode())
            elif packet.opcode == ACK:
                ahead = (packet.number - done) & 0xFFFF
                if 0 < ahead <= window:
                    done += ahead
                    send_from = done
                    end = time.monotonic() + LIMIT_S
                    if done == len(blocks):
                        return
        raise AssertionError(f"only {done} blocks of {len(blocks)} were acknowledged")
