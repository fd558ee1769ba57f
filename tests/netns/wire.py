"""DNS messages and TCP streams by hand: what dnspython would hide is what these tests look at."""

import random
import socket
import struct

import dns.flags
import dns.message
import dns.name
import dns.rdatatype

from lab import SERVER_V4


def query(name, kind="A", do=False, bufsize=None, number=None, recursion=False, klass="IN", version=0):
    """A query message in wire format."""
    message = dns.message.make_query(name, kind, rdclass=klass, want_dnssec=do,
                                     **({"use_edns": 0, "payload": bufsize} if bufsize else {}))
    message.id = random.randrange(65536) if number is None else number
    if not recursion:
        message.flags &= ~dns.flags.RD
    if version:  # in the OPT's TTL, which dnspython sets to 0
        return message.to_wire()[:-5] + bytes([version]) + message.to_wire()[-4:]
    return message.to_wire()


def framed(message):
    return struct.pack("!H", len(message)) + message


def with_id(message, number):
    return struct.pack("!H", number) + message[2:]


def client_socket(address=SERVER_V4, mss=None, nodelay=True, receive_buffer=None):
    """Not yet connected."""
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    if receive_buffer:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    if nodelay:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if mss:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, mss)
    return s


def connect(address=SERVER_V4, port=53, timeout=30, **how):
    """how: as of client_socket()."""
    s = client_socket(address, **how)
    s.settimeout(timeout)
    try:
        s.connect((address, port))
    except BaseException:
        s.close()
        raise
    return s


def total_retransmissions(s):
    """tcpi_total_retrans of struct tcp_info."""
    return struct.unpack_from("=I", s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104), 100)[0]


def read_exactly(s, count):
    parts = []
    while count:
        part = s.recv(min(count, 65536))
        if not part:
            raise AssertionError(f"the connection ended {count} bytes too early")
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def read_answer(s):
    """One length-prefixed message off a stream."""
    return read_exactly(s, struct.unpack("!H", read_exactly(s, 2))[0])


def at_end(s):
    """True if the peer closed in good order; a reset raises ConnectionResetError."""
    return s.recv(1) == b""


def ask(message, address=SERVER_V4, timeout=30):
    """One exchange on a connection of its own."""
    with connect(address, timeout=timeout) as s:
        s.sendall(framed(message))
        return read_answer(s)


def ask_udp(message, address=SERVER_V4, timeout=3, port=53):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        s.settimeout(timeout)
        s.connect((address, port))
        s.send(message)
        return s.recv(65535)


def parse(message):
    return dns.message.from_wire(message)


def is_truncated(message):
    return bool(message[2] & 2)


def same_but_id(a, b):
    return a[2:] == b[2:]
