"""What answers at the nodes of an AnycastLab, and the primary that they have their zones of."""

import contextlib
import os
import signal
import subprocess

import wire
from backends import Knot, Server, nsd_places
from goldilocks import Goldilocks, driver_device
from lab import ROOT, SERVER_V4, SERVER_V6, die_with_parent, inside, wait_for
from zones import txt_zone
from anycast_lab import KERNEL_PORT_IF, PORT_IF, PRIMARY

SIZES = (1500, 3000, 9000)
BIG = "big.example."
LARGE = [(f"t{n}.{BIG}", "TXT", False) for n in range(len(SIZES))]
CATALOG = "catalog.invalid."
IDLE_US = 200  # between two looks at an empty queue: several nodes share the CPUs of one machine
DRAIN_S = 3


class Primary(Knot):
    """It has the root zone, a zone with large answers, and the catalog with both; every node is told of changes."""

    def __init__(self, lab):
        self.folder = lab.path("zones")
        self.folder.mkdir()
        (self.folder / "root").write_text((ROOT / "tests/data/root.zone").read_text())
        (self.folder / "big").write_text(txt_zone(BIG, SIZES))
        (self.folder / "catalog").write_text(
            f"$ORIGIN {CATALOG}\n$TTL 60\n@ SOA . . 1 3600 2 86400 60\n@ NS invalid.\nversion TXT \"2\"\n"
            f"r.zones PTR .\nb.zones PTR {BIG}\n")
        told = "".join(f"  - id: n{n.number}\n    address: {n.managed}@53\n" for n in lab.nodes)
        names = ", ".join(f"n{n.number}" for n in lab.nodes)
        super().__init__(lab, "primary", zones=[self.folder / name for name in ("root", "big", "catalog")],
                         each_zone=f"    zonefile-load: whole\n    notify: [{names}]\n", server="remote:\n" + told,
                         namespace=lab.primary_ns, addresses=[PRIMARY])


class NodeServer(Goldilocks):
    """Goldilocks at a node, with its zones by the catalog; and goldilocks-health beside it."""

    def __init__(self, node, site, secret, options=()):
        self.node, self.secret = node, secret
        state = node.path(f"state-{node.number}")
        super().__init__(
            node, ["--catalog", f"{CATALOG}@{PRIMARY}", "--state-dir", state, "--transfer-listen", f"{node.managed}:53",
                   "--kernel-port", 1, "--kernel-peer", node.router4, "--kernel-peer", node.router6,
                   "--idle-sleep-us", IDLE_US, "--drain", DRAIN_S, "--http", f"80,root={site}", *options],
            zones=(), addresses=(SERVER_V4, SERVER_V6, node.own4, node.own6), secret=secret,
            device=driver_device("af_packet", PORT_IF), eal=[f"--vdev=net_af_packet1,iface={KERNEL_PORT_IF}"])
        self.health_log = node.path(f"health-{node.number}.log")
        self.health = None

    def _answers(self, _query):
        """At the node's own address, which the router has a single way to."""
        with contextlib.suppress(OSError):
            for name, kind in ((".", "SOA"), (BIG, "SOA")):
                if not wire.parse(wire.ask_udp(wire.query(name, kind), self.node.own4, timeout=0.5)).answer:
                    return False
            return True
        return False

    def start_health(self, *options):
        with open(self.health_log, "ab") as log:
            self.health = subprocess.Popen(
                ["ip", "netns", "exec", self.node.server_ns,
                 *map(str, self.node.health_command("-f", self.prefix, *options))],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent)

    def stop_health(self):
        self.health.send_signal(signal.SIGTERM)
        code = self.health.wait(timeout=20)
        assert code == 0, f"goldilocks-health ended with exit code {code}\n{self.health_log.read_text()}"

    def stop(self):
        self.signal(signal.SIGTERM)  # the first of two: nobody is to wait for its drain
        super().stop()

    def __exit__(self, kind, exc, trace):
        if self.health and self.health.poll() is None:
            self.stop_health()
        super().__exit__(kind, exc, trace)

    def restart(self):
        """In good order: its drain time is for the route to go."""
        self.signal(signal.SIGTERM)
        code = self.process.wait(timeout=20)
        assert code == 0, f"SIGTERM ended goldilocks with exit code {code}\n{self.log()[-4000:]}"
        self.start()


class NodeNsd(Server):
    """NSD at a node, with the zones by transfer."""

    def __init__(self, node):
        super().__init__(node.lab, node.number, namespace=node.server_ns, addresses=[node.own4])
        self.node = node

    def configure(self):
        listen = (SERVER_V4, SERVER_V6, self.node.own4, self.node.own6, self.node.managed)
        zones = "".join(f'zone:\n  name: "{name}"\n  request-xfr: {PRIMARY}@53 NOKEY\n  allow-notify: {PRIMARY} NOKEY\n'
                        for name in (".", BIG))
        self.file("nsd.conf", "server:\n" + "".join(f"  ip-address: {a}\n" for a in listen)
                  + f"""  server-count: 1
  tcp-count: 500
  refuse-any: no
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
{nsd_places(self.dir)}remote-control:
  control-enable: no
{zones}""")

    def command(self):
        return ["nsd", "-d", "-c", self.dir / "nsd.conf"]

    def wait_ready(self):
        def ready():
            assert self.process.poll() is None, self.log()
            with contextlib.suppress(OSError, AssertionError), inside(self.namespace, self.lab.client_ns):
                return all(wire.parse(wire.ask(wire.query(name, "SOA"), self.addresses[0], timeout=2)).answer
                           for name in (".", BIG))
            return False
        wait_for(ready, lambda: "it does not start: " + self.log(), 30)

    def restart(self):
        """As an operator does it: the route goes first."""
        self.node.announce(False)
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(timeout=20)
        self.start()
        self.node.announce(True)
