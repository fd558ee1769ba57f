"""Ethernet frames by hand, sent and received through AF_PACKET: what no well-behaved kernel would send."""

import contextlib
import ipaddress
import socket
import struct
import time

from lab import CLIENT_IF, CLIENT_V4, CLIENT_V6, SERVER_V4, SERVER_V6, sh

ETH_P_ALL, ETH_P_IP, ETH_P_ARP, ETH_P_IPV6 = 0x0003, 0x0800, 0x0806, 0x86DD
TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58
SOL_PACKET, PACKET_AUXDATA, TP_STATUS_VLAN_VALID = 263, 8, 0x10
SYN, ACK, FIN, RST, PSH = 2, 16, 1, 4, 8


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def packed(address):
    return ipaddress.ip_address(address).packed


def pseudo(source, destination, protocol, length):
    s, d = packed(source), packed(destination)
    return s + d + (struct.pack("!BBH", 0, protocol, length) if len(s) == 4 else struct.pack("!IHBB", length, 0, 0,
                                                                                              protocol))


def udp(payload, source=CLIENT_V4, destination=SERVER_V4, sport=40000, dport=53, spoil=0, length=None):
    length = 8 + len(payload) if length is None else length
    header = struct.pack("!HHHH", sport, dport, length, 0)
    value = checksum(pseudo(source, destination, UDP, 8 + len(payload)) + header + payload) or 0xFFFF
    return header[:6] + struct.pack("!H", value ^ spoil) + payload


def tcp(flags, seq, ack=0, payload=b"", options=b"", source=CLIENT_V4, destination=SERVER_V4, sport=40000, dport=53,
        window=65535, spoil=0, data_offset=None):
    options += b"\0" * (-len(options) % 4)
    words = (20 + len(options)) // 4 if data_offset is None else data_offset
    header = struct.pack("!HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, words << 4, flags, window, 0, 0)
    whole = header + options + payload
    value = checksum(pseudo(source, destination, TCP, len(whole)) + whole)
    return whole[:16] + struct.pack("!H", value ^ spoil) + whole[18:]


def ipv4(protocol, payload, source=CLIENT_V4, destination=SERVER_V4, options=b"", spoil=0, total=None, fragment=0,
         version=4, ttl=64):
    options += b"\0" * (-len(options) % 4)
    words = 5 + len(options) // 4
    total = words * 4 + len(payload) if total is None else total
    header = struct.pack("!BBHHHBBH", version << 4 | words, 0, total, 0x1234, fragment, ttl, protocol, 0)
    header += packed(source) + packed(destination) + options
    return header[:10] + struct.pack("!H", checksum(header) ^ spoil) + header[12:] + payload


def ipv6(next_header, payload, source=CLIENT_V6, destination=SERVER_V6, length=None, version=6, hops=64):
    length = len(payload) if length is None else length
    return struct.pack("!IHBB", version << 28, length, next_header, hops) + packed(source) + packed(destination) + payload


class Wire(contextlib.AbstractContextManager):
    """The client's end of the cable, below its kernel."""

    def __init__(self):
        self.mac = bytes.fromhex(mac_of(CLIENT_IF))
        self.server_mac = bytes.fromhex(neighbour(SERVER_V4).replace(":", ""))
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self.socket.bind((CLIENT_IF, ETH_P_ALL))

    def __exit__(self, *exc):
        self.socket.close()

    def ethernet(self, payload, kind=ETH_P_IP, destination=None):
        return (destination or self.server_mac) + self.mac + struct.pack("!H", kind) + payload

    def send(self, payload, kind=ETH_P_IP, destination=None):
        self.send_raw(self.ethernet(payload, kind, destination))

    def send_raw(self, frame):
        self.socket.send(frame)

    def drain(self):
        self.socket.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                self.socket.recv(65535)

    def receive(self, accept, timeout=1.0):
        """The first frame from Goldilocks that `accept` takes, or None."""
        end = time.monotonic() + timeout
        while (left := end - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                frame, where = self.socket.recvfrom(65535)
            except TimeoutError:
                return None
            if where[2] != socket.PACKET_OUTGOING and accept(frame):
                return frame
        return None


    def receive_tagged(self, number, accept, timeout=1.0):
        """As receive(), of the frames with this 802.1Q tag: the kernel takes the tag off and tells it beside."""
        end = time.monotonic() + timeout
        while (left := end - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                frame, beside, _, where = self.socket.recvmsg(65535, 256)
            except TimeoutError:
                return None
            for level, kind, data in beside:
                if (level, kind) == (SOL_PACKET, PACKET_AUXDATA) and where[2] != socket.PACKET_OUTGOING:
                    status, _, _, _, _, tci, _ = struct.unpack("=IIIHHHH", data)
                    if status & TP_STATUS_VLAN_VALID and tci == number and accept(frame):
                        return frame
        return None


def mac_of(interface):
    return sh("ip", "-o", "link", "show", "dev", interface).stdout.split("link/ether ")[1].split()[0].replace(":", "")


def neighbour(address):
    """The MAC that the kernel has learnt for this address, after making it ask."""
    sh("ping", "-c", 1, "-W", 2, address, check=False)
    words = sh("ip", "neigh", "show", address, "dev", CLIENT_IF).stdout.split()
    assert "lladdr" in words, f"{address} did not answer: {' '.join(words)}"
    return words[words.index("lladdr") + 1]


class Segment:
    """What an IPv4 frame with a TCP segment says."""

    def __init__(self, frame):
        header = (frame[14] & 15) * 4
        total = struct.unpack("!H", frame[16:18])[0]
        segment = frame[14 + header:14 + total]
        (self.sport, self.dport, self.seq, self.ack, words, self.flags, self.window) = struct.unpack(
            "!HHIIBBH", segment[:16])
        self.payload = segment[(words >> 4) * 4:]
        self.options = segment[20:(words >> 4) * 4]
        self.checksum_holds = checksum(pseudo(socket.inet_ntoa(frame[26:30]), socket.inet_ntoa(frame[30:34]), TCP,
                                              len(segment)) + segment) == 0 and checksum(frame[14:14 + header]) == 0


def is_tcp_to(port):
    return lambda f: (f[12:14] == b"\x08\x00" and f[23] == TCP
                      and struct.unpack("!H", f[16 + (f[14] & 15) * 4:][:2])[0] == port)
