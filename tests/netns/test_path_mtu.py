"""A router with a narrow way behind it: client - router - Goldilocks. Its "too big" messages are heeded, those that
anyone can make up are not."""

import os
import struct

import packets
import tftp_client
import wire
from goldilocks import ROOT_ZONE, Goldilocks
from http_site import Directory, content
from lab import CLIENT_V4, SERVER_V4, SERVER_V6, Lab, inside, sh, sysctl
from runner import run
from zones import txt_zone

FAR_V4, NEAR_V4 = "198.51.100.2", "198.51.100.1"
FAR_V6, NEAR_V6 = "2001:db8:1::2", "2001:db8:1::1"
SIZES = (2000, 9000)
# Asks in the far namespace, and prints how many bytes of answer came.
ASK = """
import socket, struct, sys
s = socket.create_connection((sys.argv[1], 53), timeout=20)
s.sendall(bytes.fromhex(sys.argv[2]))
def read(n):
    data = b""
    while len(data) < n:
        more = s.recv(n - len(data))
        if not more: sys.exit("the connection ended early")
        data += more
    return data
print(read(struct.unpack("!H", read(2))[0]).hex())
"""


class Narrow:
    """The laboratory's client becomes a router; behind it a namespace whose link takes `mtu` bytes toward it.

    The far end does not know: it offers the MSS of an ordinary link.
    """

    def __init__(self, lab, mtu=1300, timestamps=True):
        self.far = f"gl-{os.getpid()}-900c"
        sh("ip", "netns", "add", self.far)
        lab.on_exit(sh, "ip", "netns", "delete", self.far, check=False)
        sh("ip", "link", "add", "narrow", "type", "veth", "peer", "name", "far", "netns", self.far)
        for at in (("ip",), ("ip", "-n", self.far)):
            sh(*at, "link", "set", "lo", "up")
        sh("ip", "link", "set", "narrow", "up")
        sh("ip", "-n", self.far, "link", "set", "far", "up")
        sh("ip", "link", "set", "narrow", "mtu", mtu)
        for near, far, length in ((NEAR_V4, FAR_V4, 24), (NEAR_V6, FAR_V6, 64)):
            dad = ["nodad"] if ":" in near else []
            sh("ip", "addr", "add", f"{near}/{length}", "dev", "narrow", *dad)
            sh("ip", "-n", self.far, "addr", "add", f"{far}/{length}", "dev", "far", *dad)
            sh("ip", "-n", self.far, "route", "add", "default", "via", near)
        sysctl("net.ipv4.ip_forward", 1)
        sysctl("net.ipv6.conf.all.forwarding", 1)
        for feature in ("tx", "tso", "gso", "gro"):
            sh("ethtool", "-K", "narrow", feature, "off", check=False)
            sh("ip", "netns", "exec", self.far, "ethtool", "-K", "far", feature, "off", check=False)
        sh("ip", "netns", "exec", self.far, "sysctl", "-q", f"net.ipv4.tcp_timestamps={int(timestamps)}")

    def ask(self, address, message):
        out = sh("ip", "netns", "exec", self.far, "/usr/bin/python3", "-c", ASK, address, wire.framed(message).hex())
        return bytes.fromhex(out.stdout.strip())


def narrow_answers(options, addresses, timestamps, learned):
    with Lab(timestamps=timestamps) as lab:
        zone = lab.path("big.zone", txt_zone(sizes=SIZES))
        with Goldilocks(lab, options, zones=[ROOT_ZONE, zone]) as server:
            narrow = Narrow(lab, timestamps=timestamps)
            for address in addresses:
                for n in range(len(SIZES)):
                    q = wire.query(f"t{n}.big.example.", "TXT")
                    assert wire.same_but_id(narrow.ask(address, q), wire.ask(q, address))
            assert {name: server.total(name) > 0 for name in learned} == learned, server.counters()
            invalid = server.total("drop_icmp_too_big_invalid") + server.total("drop_icmpv6_too_big_invalid")
            assert invalid == 0, server.counters()


def test_v4():
    narrow_answers([], [SERVER_V4], True, {"icmp_too_big_learned": True})


def test_v4_without_flow_cache():
    narrow_answers(["--flow-cache", 0], [SERVER_V4], True, {"icmp_too_big_learned": True})


def test_v4_without_timestamps():
    narrow_answers([], [SERVER_V4], False, {"icmp_too_big_learned": True})


def test_v6_fits_every_path_by_itself():
    narrow_answers([], [SERVER_V6], True, {"icmpv6_too_big_learned": False})


def test_v6_with_larger_segments():
    narrow_answers(["--mss-v6", 1440], [SERVER_V6], True, {"icmpv6_too_big_learned": True})


def test_v4_with_smaller_segments():
    """--mss-v4 is for ways on which routers say nothing."""
    narrow_answers(["--mss-v4", 1220], [SERVER_V4], True, {"icmp_too_big_learned": False})


def test_tftp():
    """RFC 2348: a block must fit the path. What the router says ends the transfer with an ERROR, since what was agreed on
    stands; the next one is answered with a blksize that fits."""
    with Lab() as lab:
        site = Directory(lab, "tftp")
        site.add("/file", content(30_000))
        with Goldilocks(lab, ["--tftp", f"69,root={site.root}"], zones=()) as server:
            narrow = Narrow(lab)

            def get(address):
                host = f"[{address}]" if ":" in address else address
                return sh("ip", "netns", "exec", narrow.far, "curl", "--silent", "--show-error", "--globoff", "--max-time", 20,
                          "--tftp-blksize", 1428, "--output", lab.path("got"), f"tftp://{host}/file", check=False)

            for n, (address, blksize) in enumerate(((SERVER_V4, 1300 - 32), (SERVER_V6, 1300 - 52))):
                assert get(address).returncode != 0, "it is told that the transfer is over"
                counters = server.telemetry("/goldilocks/service,tftp")
                assert counters["too_big"] == n + 1, counters
                assert get(address).returncode == 0
                assert lab.path("got").read_bytes() == site.files["/file"]
                with inside(f"/run/netns/{narrow.far}", lab.client_ns), tftp_client.Client(address) as client:
                    assert client.get("file", blksize=1428, windowsize=4) == site.files["/file"]
                    assert client.agreed == {"blksize": blksize, "windowsize": 4}
            assert server.total("icmp_too_big_learned") and server.total("icmpv6_too_big_learned"), server.counters()


def test_forged_messages_change_nothing():
    """A stranger does not know our sequence numbers."""
    with Lab() as lab:
        zone = lab.path("big.zone", txt_zone(sizes=SIZES))
        with Goldilocks(lab, zones=[ROOT_ZONE, zone]) as server, packets.Wire() as cable:
            for n in range(16):
                tcp = struct.pack("!HHI", 53, 40000 + n, n << 28 | 0x0fffffff)
                quoted = packets.ipv4(packets.TCP, tcp, SERVER_V4, CLIENT_V4, total=1500)
                message = struct.pack("!BBHHH", 3, 4, 0, 0, 600) + quoted
                message = message[:2] + struct.pack("!H", packets.checksum(message)) + message[4:]
                cable.send(packets.ipv4(packets.ICMP, message))
            wire.ask(wire.query("com.", "NS"))
            assert server.total("drop_icmp_too_big_invalid") >= 15, server.counters()


run(__name__)
