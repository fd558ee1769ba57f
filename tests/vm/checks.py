"""What a driver has to do, seen by clients of the guest and by the program's own counters. One class, one guest; each check is
a method, and leaves the server serving."""

import hashlib
import re
import socket
import threading
import time

import wire
from backends import Nsd
from http_site import content
from lab import SERVER_V4, SERVER_V6, sh, wait_for
from packets import Wire, ipv4, udp

ZONE = "sample.test."
FILES = {"/site/small.txt": b"small\n", "/site/large.bin": content(1_000_000, seed=14)}
BEHIND_IF, BACKEND, OWN_BEHIND = "be0", "198.51.100.10", "198.51.100.53"
STRANGER = bytes.fromhex("525400aabbcc")


def query(number=None):
    return wire.query(ZONE, "MX", number=number)


def expect_answer(answer, number=None):
    parsed = wire.parse(answer)
    assert parsed.rcode() == 0 and len(parsed.answer[0]) == 3 and number in (None, parsed.id), parsed


class Load:
    """A client that asks over UDP, one question after the other, from another thread. A context manager."""

    def __init__(self):
        self.answered, self.stop = 0, threading.Event()
        self.thread = threading.Thread(target=self._ask)

    def _ask(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(0.1)
            s.connect((SERVER_V4, 53))
            while not self.stop.is_set():
                try:
                    s.send(query())
                    s.recv(4096)
                    self.answered += 1
                except OSError:
                    pass  # of the time without a link

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()


class Checks:
    def __init__(self, lab, machine, server, nic):
        self.lab, self.machine, self.server, self.nic = lab, machine, server, nic

    def frames(self, name):
        return sum(groups["frames"].get(name, 0) for groups in self.server.cores().values())

    def what_was_found(self):
        """The line that the program writes about a port, against what is expected of the driver."""
        nic = self.nic
        line = re.search(rf"port {re.escape(nic.address(0))}: (.*)", self.server.log())[1]
        queues = f"{nic.queues} queue" + ("s" if nic.queues > 1 else "") + (" by RSS" if nic.spreads else "")
        assert line == (f"{nic.driver}, {queues}, MTU 1500, multicast: {nic.groups}, checksums checked: {nic.rx}, "
                        f"computed: {nic.tx}"), line
        return line

    def exchanges(self):
        """DNS over UDP and TCP, pipelined, files over HTTP and TFTP, a ping."""
        for address in (SERVER_V4, SERVER_V6):
            expect_answer(wire.ask_udp(query(), address))
            expect_answer(wire.ask(query(), address))
            with wire.connect(address) as s:
                s.sendall(b"".join(wire.framed(query(number)) for number in range(1, 31)))
                for number in range(1, 31):
                    expect_answer(wire.read_answer(s), number)
            host = f"[{address}]" if ":" in address else address
            for path, data in FILES.items():
                for scheme in ("http", "tftp"):
                    got = self.lab.path("got")
                    # A path of the server is without a slash in TFTP.
                    sh("curl", "-gsS", "-m", 60, "-o", got, f"{scheme}://{host}/{path.removeprefix('/site/')}", timeout=70)
                    assert hashlib.sha256(got.read_bytes()).digest() == hashlib.sha256(data).digest(), (scheme, path)
            sh("ping", "-c", 3, "-i", 0.1, "-W", 5, "-s", 1400, address)

    def multicast(self):
        """Neighbour discovery comes by a multicast frame; frames for a group that is not ours are not answered."""
        before = self.frames("ndp_advertised")
        sh("ip", "-6", "neigh", "flush", "dev", "eth0")
        sh("ping", "-c", 1, "-W", 5, SERVER_V6)
        assert self.frames("ndp_advertised") > before

    def mac_filter(self):
        """A frame to another machine does not come, or is counted: the port is not promiscuous."""
        before, counted = self.frames("received"), self.frames("drop_not_our_mac")
        with Wire() as link:
            for _ in range(20):
                link.send(ipv4(17, udp(query())), destination=STRANGER)
            time.sleep(0.5)
            link.send(ipv4(17, udp(query())))  # one that is for us
        wait_for(lambda: self.frames("received") > before, "not even our own frame came")
        came = self.frames("drop_not_our_mac") - counted
        assert came == (0 if self.nic.filters_mac else 20), f"{came} of 20 frames to another MAC came"

    def spread(self):
        """Flows of many ports reach every worker, and each answers what it gets."""
        def received():
            return {core: groups["dns"].get("queries_udp", 0) for core, groups in self.server.cores().items()}
        before = received()
        for _ in range(200):
            expect_answer(wire.ask_udp(query()))
        grown = {core: count - before[core] for core, count in received().items()}
        assert len(grown) == self.nic.queues and sum(grown.values()) >= 200, grown
        if self.nic.spreads:
            assert min(grown.values()) >= 40, grown
        return grown

    def link_in_mid_load(self):
        """The cable is pulled while a client asks, and put back: one line each, and answers again; a connection lives on."""
        with wire.connect() as s:
            s.sendall(wire.framed(query(1)))
            expect_answer(wire.read_answer(s), 1)
            if self.nic.loses_load:
                with Load() as load:
                    wait_for(lambda: load.answered > 20, "no load")
                    self._pull_cable(s)
                    before = load.answered
                    wait_for(lambda: load.answered > before + 20, "no answers after the link came back", 30)
            else:
                self._pull_cable(s)
            expect_answer(wire.read_answer(s), 2)
        wait_for(lambda: "is up" in self.server.log(), "no word of the link that is up", 20)

    def _pull_cable(self, connection):
        self.machine.set_link("nic0", False)
        wait_for(lambda: "is down" in self.server.log(), "no word of the link that is down", 20)
        connection.sendall(wire.framed(query(2)))
        time.sleep(0.3)
        self.machine.set_link("nic0", True)

    def forwarding(self):
        """Questions under fwd.test. go out of the second port to a name server there."""
        zone = self.lab.path("fwd.zone", "$ORIGIN fwd.test.\n$TTL 60\n@ SOA ns hostmaster 1 2 3 4 5\n@ NS ns\nns A 192.0.2.7\n"
                             + "".join(f"w{n} TXT {'x' * 250}\n" for n in range(4)))
        with Nsd(self.lab, 10, zones=[zone], namespace=self.lab.client_ns, addresses=[BACKEND]):
            for number in range(20):
                for ask in (wire.ask_udp, wire.ask):
                    answer = wire.parse(ask(wire.query(f"w{number % 4}.fwd.test.", "TXT", number=number)))
                    assert answer.rcode() == 0 and len(answer.answer) == 1, answer
        assert self.frames("backend_reply_taken") + self.frames("backend_handed_off") > 0

    def damaged(self):
        """A wrong checksum is found by whoever looks at it, and counted by us."""
        before = self.frames("drop_udp_checksum") + self.frames("drop_ipv4_checksum")
        with Wire() as link:
            link.send(ipv4(17, udp(query(), spoil=1)))
            link.send(ipv4(17, udp(query()), spoil=1))
        wait_for(lambda: self.frames("drop_udp_checksum") + self.frames("drop_ipv4_checksum") >= before + 2,
                 "damaged frames were not counted")
