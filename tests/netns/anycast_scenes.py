"""What happens to the nodes of one address while clients ask: each scene is played against goldilocks and against NSD,
and its row says what the clients saw. scripts/anycast-demo prints the table; test_anycast.py says what must be in it."""

import contextlib
import hashlib
import os

from anycast_lab import AnycastLab
from anycast_load import Curl, Dnsperf, Kxdpgun, Steady, reached
from anycast_nodes import LARGE, NodeNsd, NodeServer, Primary
from exchanges import Expected
from goldilocks import built
from lab import SERVER_V4, SERVER_V6, sh

LONGEST_S = 300  # of a scene
FILE_BYTES = 20000
IN_FLIGHT = 3  # queries that dnsperf may have asked just before it was interrupted
LINGER_S = 5  # so soon a new process goes on with an answer that another had begun


class Service:
    """A context manager: the laboratory, the primary, and so many nodes that serve; more may come."""

    def __init__(self, kind, nodes=3, more=0, options=()):
        self.kind, self.count, self.options = kind, nodes, options
        self.lab = AnycastLab(nodes + more, plain=kind != "goldilocks")
        self.servers, self.serving = {}, set()
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            stack.enter_context(self.lab)
            stack.enter_context(Primary(self.lab))
            site = self.lab.path("site")
            site.mkdir()
            (site / "file").write_bytes(os.urandom(FILE_BYTES))
            self.digest = hashlib.sha256((site / "file").read_bytes()).digest()
            self.secret = os.urandom(32).hex() + "\n"
            self._stack = stack.pop_all()
            for number in range(1, self.count + 1):
                self.add(number)
            # NSD puts glue of the family that it is asked by first.
            self.expected = {address: Expected(LARGE, address=address) for address in (SERVER_V4, SERVER_V6)}
        return self

    def __exit__(self, *exc):
        return self._stack.__exit__(*exc)

    def add(self, number):
        node = self.lab.nodes[number - 1]
        node.start_bird()
        if self.kind == "goldilocks":
            secret = self.lab.path(f"secret-{number}", self.secret)
            secret.chmod(0o600)
            server = NodeServer(node, self.lab.path("site"), secret, ["--linger", LINGER_S, *self.options])
        else:
            server = NodeNsd(node)
        self.servers[number] = self._stack.enter_context(server)
        if self.kind == "goldilocks":
            server.start_health()
        else:
            self.lab.spawn(node.server_ns, self.lab.path(f"health-{number}.log"),
                           *node.health_command("-s", "off", "--repeat", 0))  # it is drained by hand
        self._now(self.serving | {number})

    def _now(self, numbers):
        self.serving = set(numbers)
        self.lab.wait_ways(*numbers)

    def kill(self, number):
        self.servers[number].kill()
        self._now(self.serving - {number})

    def start(self, number):
        self.servers[number].start()
        self._now(self.serving | {number})

    def drain(self, number):
        self._drain(number, True)
        self._now(self.serving - {number})

    def undrain(self, number):
        self._drain(number, False)
        self._now(self.serving | {number})

    def _drain(self, number, wanted):
        if self.kind == "goldilocks":
            sh(built("app/ctl/goldilocks-ctl"), "-f", self.servers[number].prefix, "drain" if wanted else "undrain")
        else:
            self.lab.nodes[number - 1].announce(not wanted)

    def restart(self, number):
        self.servers[number].restart()
        self._now(self.serving)


# --- scenes: what happens, and until the clients have seen some of it

def nothing(_service, seen):
    seen(2000)


def killed(service, seen):
    service.kill(2)
    seen(1000)
    service.start(2)
    seen(500)


def drained(service, seen):
    service.drain(1)
    seen(1000)
    service.undrain(1)
    seen(500)


def added(service, seen):
    service.add(service.count + 1)
    seen(1000)


def restarted(service, seen):
    for number in sorted(service.serving):
        service.restart(number)
        seen(200)


# By the port, and each of these beside it: source, destination, protocol, the other port.
HASHES = [0x10 | more for more in (0x0, 0x1, 0x2, 0x3, 0x4, 0x5, 0x6, 0x7, 0x20, 0x21)]


def hashed_anew(service, seen):
    for fields in HASHES:
        service.lab.hash_by(fields)
        seen(150)
    service.lab.hash_by()


SCENES = {"nothing": nothing, "kill -9 of one node, and its start": killed, "one node drained, and back": drained,
          "a node more": added, "all restarted, one by one": restarted, "the router's hash changed, ten times": hashed_anew}


class Row:
    """What the clients saw of a scene."""

    def __init__(self, tally, dnsperf, kxdpgun, files):
        self.tally, self.dnsperf, self.kxdpgun, self.files = tally, dnsperf, kxdpgun, files

    HEAD = ["exchanges", "wrong bytes", "broken", "mended", "sent again", "longest s", "dnsperf: answered", "not answered",
            "kxdpgun: asked", "not answered", "curl: files", "failed"]

    def cells(self):
        t = self.tally
        asked, answered = self.kxdpgun or (0, 0)
        done, bad = self.files or ("-", "-")
        return [t.exchanges, t.wrong, t.failed(), t.mended, t.sent_again, f"{t.longest:.1f}", *self.dnsperf, asked,
                asked - answered, done, bad]

    def failures(self):
        """Of goldilocks' clients: all but those that never send anything again have everything."""
        t, unanswered, bad_files = self.tally, self.dnsperf[1], (self.files or (0, 0))[1]
        return [text for text, bad in ((f"{t.wrong} wrong answers: {t.why[:3]}", t.wrong),
                                       (f"{t.failed()} broken exchanges: {t.why[:3]}", t.failed()),
                                       (f"{unanswered} queries of dnsperf's not answered", unanswered > IN_FLIGHT),
                                       (f"{bad_files} files failed", bad_files)) if bad]


def play(service, scene, kxdpgun=True):
    """The scene under load; the clients are at work before it begins."""
    lab = service.lab
    with contextlib.ExitStack() as stack:
        dnsperf = stack.enter_context(Dnsperf(lab, LONGEST_S))
        gun = stack.enter_context(Kxdpgun(lab, LONGEST_S)) if kxdpgun else None
        curls = [stack.enter_context(Curl(lab, a, service.digest)) for a in (SERVER_V4, SERVER_V6)
                 if service.kind == "goldilocks"]
        tally = stack.enter_context(Steady(service.expected))
        reached(lab, tally, 500)
        scene(service, lambda exchanges: reached(lab, tally, exchanges))
        reached(lab, tally, 300)
    files = [sum(figures) for figures in zip(*(curl.result() for curl in curls))]
    return Row(tally, dnsperf.result(), gun.result() if gun else None, files)
