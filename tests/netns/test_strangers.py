"""Every service over UDP at once: what a sender draws who has not shown that he receives, and that nothing loops."""

import socket
import struct
import time

import nfs_client as nfs
import rpc_once
import tftp_client as tftp
import wire
from goldilocks import ROOT_ZONE, Goldilocks
from http_site import Directory, content
from lab import SERVER_V4, SERVER_V6, Lab, wait_for
from runner import report, run

DNS, TALK, SUM, RPC_ONCE, TFTP, RPC, NFS = 53, 5432, 5434, 5435, 69, 111, 2049
TIMERS_S = 6  # what is repeated by a timer goes out after 1 and 3 s
ALLOW = ",allow=192.0.2.0/24,allow=2001:db8::/64"


def everything(lab, *options):
    site = Directory(lab, "files")
    site.add("/file", content(60_000))
    return Goldilocks(lab, ["--talk", f"{TALK},log={lab.path('talk')}", "--sum", f"{SUM},reply=on",
                            "--rpc-once", f"{RPC_ONCE},journal={lab.path('journal')}", "--rpc", "on" + ALLOW,
                            "--nfs", f"root={site.root}{ALLOW}", "--tftp", f"{TFTP},root={site.root}", *options],
                      zones=[ROOT_ZONE])


class Stranger:
    """A socket that says something once, and notes all that comes back, from whatever port."""

    def __init__(self, address, port, payload, source_port=0):
        self.socket = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("", source_port))
        self.socket.setblocking(False)
        self.address, self.payload, self.came = address, payload, []
        self.say(payload, port)

    def say(self, payload, port):
        self.socket.sendto(payload, (self.address, port))

    def hear(self):
        """The datagrams so far, each with the port that it came from."""
        try:
            while True:
                datagram, where = self.socket.recvfrom(65535)
                self.came.append((where[1], datagram))
        except BlockingIOError:
            return self.came

    def bytes(self):
        return sum(len(datagram) for _, datagram in self.hear())


def rpc_call(program, version, procedure, arguments=b""):
    return struct.pack(">10I", 7, 0, 2, program, version, procedure, 0, 0, 0, 0) + arguments


def requests(boot):
    """Name, port, payload, and how many times its bytes it may draw; a RRQ without options draws one block, whatever it is."""
    integers = lambda *numbers: struct.pack(f">H{len(numbers)}I", len(numbers), *numbers)  # noqa: E731
    once = lambda kind, call, procedure, body, server=boot: rpc_once.message(  # noqa: E731
        kind, call, 1, server, call, call, procedure, 0, body)
    path = b"\0\0\0\1/\0\0\0"
    yield from (("talk", TALK, text, 0) for text in (b"hello\n", b"", b"x" * 1000))
    yield from (("sum", SUM, integers(*range(n)), 1) for n in (0, 1, 300))
    yield "sum, malformed", SUM, b"\0\2abc", 0
    for name, server in (("denied", 0), ("executed", boot)):
        for procedure, body in ((rpc_once.ECHO, b"12345678"), (rpc_once.COUNT, b""), (rpc_once.APPEND, b"a line")):
            yield f"rpc-once, {name}, {procedure}", RPC_ONCE, once(rpc_once.REQUEST, 77 + procedure, procedure, body, server), 3
    yield "rpc-once, malformed", RPC_ONCE, b"GLR1", 0
    for version, procedure, arguments in ((2, 0, b""), (2, 3, struct.pack(">4I", 100003, 3, 17, 0)), (2, 4, b""), (3, 4, b""), (4, 4, b""),
                                          (3, 6, b""), (9, 0, b""), (2, 99, b""), (2, 3, b"")):
        yield f"rpcbind {version}, {procedure}", RPC, rpc_call(100000, version, procedure, arguments), 3
    yield "no program", RPC, rpc_call(1, 1, 1), 3
    for procedure in (nfs.MNT, nfs.DUMP, nfs.EXPORT):
        yield f"MOUNT {procedure}", NFS, rpc_call(nfs.MOUNT, 3, procedure, path if procedure == nfs.MNT else b""), 3
    yield "NFS, no handle", NFS, rpc_call(nfs.NFS, 3, nfs.READDIRPLUS, nfs.opaque(b"x" * 20) + nfs.hyper(0) * 2 + struct.pack(">2I", 65536, 65536)), 3
    yield "TFTP, options", TFTP, tftp.request("file", blksize=1428, tsize=0, windowsize=64), 3
    yield "TFTP, no file", TFTP, tftp.request("none"), 3
    yield "TFTP, writing", TFTP, tftp.request("new", opcode=tftp.WRQ), 3
    yield "TFTP, a bad option", TFTP, tftp.request("file", blksize=1), 3
    yield "TFTP, a TID of nobody", 50_000, tftp.ack(1), 3


def test_what_they_draw():
    """In bytes of UDP payload, answers that go out again by a timer included. DNS has its own means: --udp tc, cookies."""
    with Lab() as lab, everything(lab, "--udp", "tc") as server:
        with rpc_once.Client(SERVER_V4, RPC_ONCE) as client:
            boot = client.learn().server_boot
        cases = [*requests(boot), ("DNS, --udp tc", DNS, wire.query(".", "ANY", do=True, bufsize=4096), 1)]
        said = [(name, most, Stranger(address, port, payload)) for address in (SERVER_V4, SERVER_V6)
                for name, port, payload, most in cases]
        blocks = [Stranger(address, TFTP, tftp.request("file")) for address in (SERVER_V4, SERVER_V6)]
        time.sleep(TIMERS_S)
        worst = {}
        for name, most, stranger in said:
            assert stranger.bytes() <= most * len(stranger.payload), (name, stranger.bytes(), len(stranger.payload))
            service = name.split(",")[0].split()[0]
            worst[service] = max(worst.get(service, 0), stranger.bytes() / max(len(stranger.payload), 1))
        for stranger in blocks:
            assert [len(datagram) for _, datagram in stranger.hear()] == [4 + 512], "the first block, once"
        report(", ".join(f"{service} {times:.2f}" for service, times in worst.items()) + " times; a RRQ without options 516 bytes")
        assert min(worst[service] for service in worst if service != "talk") > 0, worst
        assert server.total("refused_unverified") == 0, "services know what they may send"
    with Lab() as lab, everything(lab, "--dns-cookies", "require-over-udp"):
        strangers = [Stranger(SERVER_V4, DNS, wire.query(".", "ANY", do=True, bufsize=size)) for size in (512, 1232, 4096)]
        wait_for(lambda: all(stranger.hear() for stranger in strangers), "no answer")
        assert all(stranger.bytes() <= len(stranger.payload) for stranger in strangers)


def first_requests(boot):
    """One of each service that is answered."""
    for name, port, payload, _ in requests(boot):
        if name in ("rpc-once, executed, 1", "rpcbind 2, 0", "MOUNT 1", "TFTP, options", "TFTP, no file") or len(payload) == 6 and port == SUM:
            yield name, port, payload
    yield "TFTP", TFTP, tftp.request("file")
    yield "DNS", DNS, wire.query(".", "SOA")
    yield "DNS, an error", DNS, wire.query(".", "SOA")[:12]


def test_nothing_comes_to_servers_ports():
    """Neither to those of services that answer anything, nor, but for DNS, to those of servers and of our own services."""
    with Lab() as lab, everything(lab) as server:
        with rpc_once.Client(SERVER_V4, RPC_ONCE) as client:
            boot = client.learn().server_boot
        dropped = server.total("drop_udp_source_port")
        small = (7, 9, 13, 17, 19, 37)
        strangers = [Stranger(address, port, payload, source) for address in (SERVER_V4, SERVER_V6) for source in small
                     for _, port, payload in first_requests(boot)]
        wait_for(lambda: server.total("drop_udp_source_port") == dropped + len(strangers), server.counters)
        for source in (53, 111, 123, 161, TALK, SUM, RPC_ONCE, NFS):
            strangers += [Stranger(SERVER_V4, port, payload, source) for name, port, payload in first_requests(boot)
                          if "DNS" not in name and (port not in (RPC, NFS) or source < 512 or source > 1023)]
        asked = Stranger(SERVER_V4, DNS, wire.query(".", "SOA"), 53)
        wait_for(asked.hear, "DNS servers once asked from port 53")
        assert not any(stranger.hear() for stranger in strangers), [s.hear() for s in strangers if s.hear()]
        for service, counter in (("sum", "server_ports"), ("tftp", "server_ports"), ("rpc-once", "drop_source_port"),
                                 ("rpc", "drop_source_port"), ("nfs", "drop_source_port")):
            assert server.telemetry(f"/goldilocks/service,{service}")[counter] >= 8, service


def test_echoes_draw_nothing():
    """What we send, sent back to the port that it came from, as an echo service does, and to the one that was asked."""
    with Lab() as lab, everything(lab) as server:
        with rpc_once.Client(SERVER_V4, RPC_ONCE) as client:
            boot = client.learn().server_boot
        for address in (SERVER_V4, SERVER_V6):
            for name, port, payload in first_requests(boot):
                stranger = Stranger(address, port, payload)
                wait_for(stranger.hear, f"{name} is not answered")
                where, datagram = stranger.hear()[0]
                if name == "TFTP, options":
                    stranger.say(tftp.error(0), where)  # or the OACK comes again
                before = server.counters()["received"]
                for to in {where, port}:
                    stranger.say(datagram, to)
                wait_for(lambda: server.counters()["received"] >= before + len({where, port}), server.counters)
                stranger.say(wire.query(".", "SOA", number=4711), DNS)  # what is answered after the echoes
                wait_for(lambda s=stranger: len(s.hear()) > 1, f"{name}: nothing came")
                assert [d[:2] for _, d in stranger.hear()[1:]] == [struct.pack(">H", 4711)], (name, stranger.hear())


run(__name__)
