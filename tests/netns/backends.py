"""The laboratory with name servers behind Goldilocks, and those name servers.

    client ---- gl0 [ goldilocks ] gl1 ---- backends     what Goldilocks drives: questions over UDP
                    [ the kernel ] kn0 ---- backends     the kernel of its namespace: the TCP helper's connections

A host of the backends' namespace has the same last number on both links. Every server runs in the foreground, as a
child of the test, with its files in the laboratory's folder.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import wire
from goldilocks import ROOT_ZONE, Goldilocks, driver_device
from lab import Lab, die_with_parent, inside, sh

BACKEND_IF, KERNEL_IF = "gl1", "kn0"     # in goldilocks' namespace
BEHIND_IF, BEHIND_KERNEL_IF = "be0", "be1"  # in that of the backends
NET_V4, NET_V6 = "198.51.100.", "2001:db8:b::"           # gl1 - be0
KERNEL_V4, KERNEL_V6 = "203.0.113.", "2001:db8:c::"      # kn0 - be1
HOSTS = range(10, 30)
OWN = 53
BAD_BACKEND = Path(__file__).resolve().parent / "bad_backend.py"
START_LIMIT_S = 30


def v4(host):
    return f"{NET_V4}{host}"


def v6(host):
    return f"{NET_V6}{host}"


def forward(host, suffix="", *more, family=4, port=53, tcp=True):
    """The value of one --forward: to a host behind gl1, its TCP by way of the kernel's link."""
    address, kernel = (v4(host), f"{KERNEL_V4}{host}") if family == 4 else (f"[{v6(host)}]", f"[{KERNEL_V6}{host}]")
    words = [f"{suffix}={address}" if suffix else address]
    words[0] += f":{port}" if port != 53 else ""
    words.append(f"tcp={kernel}" + (f":{port}" if port != 53 else "") if tcp else "tcp=off")
    return ",".join([*words, *more])


def settle(server, *backends):
    """Waits until these backends have answered a health check, so that the first question finds its way known."""
    end = time.monotonic() + 15
    while not all(server.backend(n, "answered") for n in backends or [0]):
        assert time.monotonic() < end, [server.backend(n) for n in backends or [0]]
        time.sleep(0.05)


class Changes:
    """How counters have grown since: of forwarding, and of its backends."""

    def __init__(self, server, backends=1):
        self.server, self.count = server, backends
        self.before = self._now()

    def _now(self):
        return [self.server.forwarding(), *(self.server.backend(n) for n in range(self.count))]

    def grown(self):
        return [{k: v - old[k] for k, v in new.items() if isinstance(v, int) and v != old.get(k)}
                for old, new in zip(self.before, self._now())]

    def expect(self, wanted, backend=None, limit=3):
        """{name: growth, or the least and most} of one backend, or of forwarding as a whole; replies may be under way."""
        end = time.monotonic() + limit
        while True:
            grown = self.grown()[0 if backend is None else backend + 1]
            wrong = {k: grown.get(k, 0) for k, v in wanted.items()
                     if not (v[0] <= grown.get(k, 0) <= v[1] if isinstance(v, tuple) else grown.get(k, 0) == v)}
            if not wrong:
                return
            assert time.monotonic() < end, f"grown by {wrong}, not {wanted}; all of it: {self.grown()}"
            time.sleep(0.05)


class BackendLab(Lab):
    """A context manager like Lab."""

    def _build(self):
        self.backend_ns = self.server_ns[:-1] + "b"
        sh("ip", "netns", "add", self.backend_ns)
        self._stack.callback(sh, "ip", "netns", "delete", self.backend_ns, check=False)
        super()._build()
        self._link(BACKEND_IF, BEHIND_IF)
        self._link(KERNEL_IF, BEHIND_KERNEL_IF)
        self._in(self.server_ns, "sysctl", "-qw", f"net.ipv6.conf.{BACKEND_IF}.disable_ipv6=1")
        for net, prefix, ns, interface, hosts in (
                (NET_V4, 24, self.backend_ns, BEHIND_IF, HOSTS), (NET_V6, 64, self.backend_ns, BEHIND_IF, HOSTS),
                (KERNEL_V4, 24, self.backend_ns, BEHIND_KERNEL_IF, HOSTS),
                (KERNEL_V6, 64, self.backend_ns, BEHIND_KERNEL_IF, HOSTS),
                (KERNEL_V4, 24, self.server_ns, KERNEL_IF, [OWN]), (KERNEL_V6, 64, self.server_ns, KERNEL_IF, [OWN])):
            nodad = ["nodad"] if ":" in net else []
            batch = "".join(f"addr add {net}{n}/{prefix} dev {interface} {' '.join(nodad)}\n" for n in hosts)
            sh("ip", "-n", ns, "-batch", self.path("addresses", batch))
        for ns, interface in ((self.server_ns, BACKEND_IF), (self.server_ns, KERNEL_IF), (self.server_ns, "lo"),
                              (self.backend_ns, BEHIND_IF), (self.backend_ns, BEHIND_KERNEL_IF),
                              (self.backend_ns, "lo")):
            sh("ip", "-n", ns, "link", "set", interface, "up")

    def _link(self, near, far):
        q = self.queues
        sh("ip", "-n", self.server_ns, "link", "add", near, "mtu", self.mtu, "numtxqueues", q, "numrxqueues", q,
           "type", "veth", "peer", "name", far, "mtu", self.mtu, "numtxqueues", q, "numrxqueues", q,
           "netns", self.backend_ns)
        # Frames as they would come off a wire, as on the client's interface.
        self._in(self.backend_ns, "ethtool", "-K", far, "tx", "off")
        for feature in ("tso", "gso", "gro"):
            self._in(self.backend_ns, "ethtool", "-K", far, feature, "off", check=False)

    def _in(self, ns, *command, check=True):
        return sh("ip", "netns", "exec", ns, *command, check=check)

    def behind(self, *command, check=True):
        """Runs a program in the backends' namespace."""
        return self._in(self.backend_ns, *command, check=check)

    def standing_behind(self):
        """A block in which this thread's sockets, and those of threads that it starts, are the backends'."""
        return inside(self.backend_ns, self.client_ns)

    def lose_behind(self, percent):
        """Drops this share of the UDP and TCP frames between goldilocks and the backends, each way: of the IP
        fragments too, each by itself."""
        self.behind("nft", "add table netdev loss; "
                    + "".join(f'add chain netdev loss {hook} {{ type filter hook {hook} device "{BEHIND_IF}" priority 0; }};'
                              f"add rule netdev loss {hook} {match} numgen random mod 1000 < {percent * 10} counter drop;"
                              for hook in ("ingress", "egress")
                              for match in ("ip protocol { tcp, udp }", "ip6 nexthdr { tcp, udp, 44 }")))

    def lost_behind(self):
        """How many that were."""
        listed = self.behind("nft", "list", "table", "netdev", "loss").stdout
        return sum(int(n) for n in re.findall(r"counter packets (\d+)", listed))

    def goldilocks(self, options=(), zones=(), driver="af_packet", workers=1, **more):
        """An instance with a port toward the clients and one toward the backends."""
        number = "net_af_packet1" if driver == "af_packet" else "net_af_xdp1"
        tail = f",qpairs={workers}" if workers > 1 else ""
        device = driver_device(driver) + tail
        behind = f"--vdev={number},iface={BACKEND_IF}{tail}"
        own = ["--address", f"{v4(OWN)}/24@1", "--address", f"{v6(OWN)}/64@1"]
        return Goldilocks(self, [*own, *options], zones=zones, device=device, eal=[behind, *more.pop("eal", ())],
                          workers=workers, **more)


class Server:
    """One name server as a child process: a context manager. Subclasses give command(), and configure()."""

    proxy_port = None

    def __init__(self, lab, host, namespace=None, addresses=None):
        """host: the last number of its addresses; or they are given, with the namespace that has them."""
        self.lab, self.namespace = lab, namespace or lab.backend_ns
        self.addresses = addresses or [f"{net}{host}" for net in (NET_V4, NET_V6, KERNEL_V4, KERNEL_V6)]
        self.dir = lab.path(f"{type(self).__name__.lower()}-{host}")
        self.process = None

    def __enter__(self):
        self.dir.mkdir(exist_ok=True)
        self.configure()
        self.start()
        return self

    def __exit__(self, *exc):
        self.kill()
        if exc[0] is not None:
            print(f"--- what {type(self).__name__} said\n{self.log()[-2000:]}")

    def file(self, name, text):
        path = self.dir / name
        path.write_text(text)
        return path

    def start(self):
        with open(self.dir / "log", "ab") as log:
            self.process = subprocess.Popen(["ip", "netns", "exec", self.namespace, *map(str, self.command())],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            preexec_fn=die_with_parent, start_new_session=True)
        try:
            self.wait_ready()
        except BaseException:
            self.kill()
            print(self.log()[-4000:])
            raise

    def wait_ready(self):
        end = time.monotonic() + START_LIMIT_S
        with inside(self.namespace, self.lab.client_ns):
            while True:
                assert self.process.poll() is None, f"{self.command()} ended with exit code {self.process.returncode}"
                try:
                    wire.ask(wire.query(".", "SOA"), self.addresses[0], timeout=2)
                    return
                except (OSError, AssertionError):
                    assert time.monotonic() < end, f"{type(self).__name__} does not answer"
                    time.sleep(0.05)

    def signal(self, number):
        """To it and the processes that it has made."""
        os.killpg(self.process.pid, number)

    def kill(self):
        if self.process and self.process.poll() is None:
            self.signal(signal.SIGKILL)
            self.process.wait()
            for _ in range(100):  # until its own children have let go of their sockets
                try:
                    self.signal(0)
                except ProcessLookupError:
                    break
                time.sleep(0.01)

    def ask(self, message, family=4, udp=False):
        """Directly, past goldilocks, as one of its neighbours."""
        with inside(self.namespace, self.lab.client_ns):
            return (wire.ask_udp if udp else wire.ask)(message, self.addresses[0 if family == 4 else 1])

    def log(self):
        return (self.dir / "log").read_text(errors="replace")

    def command(self):
        raise NotImplementedError

    def configure(self):
        """Writes the files that command() names."""


def origin_of(path):
    """The zone's name: the root's, or what its $ORIGIN says."""
    with open(path, encoding="ascii") as text:
        first = text.readline().split()
    return first[1] if first and first[0] == "$ORIGIN" else "."


def nsd_places(folder):
    """Lines of nsd.conf's server clause: all of its files there, and the user that started it."""
    return f"""  username: ""
  chroot: ""
  zonesdir: "{folder}"
  database: ""
  pidfile: "{folder}/nsd.pid"
  xfrdfile: "{folder}/xfrd.state"
  zonelistfile: "{folder}/zone.list"
  xfrdir: "{folder}"
"""


class Nsd(Server):
    def __init__(self, lab, host, zones=(ROOT_ZONE,), payload=65535, more="", **where):
        super().__init__(lab, host, **where)
        self.zones, self.payload, self.more = zones, payload, more

    def configure(self):
        listen = "".join(f"  ip-address: {a}\n" for a in self.addresses)
        zones = "".join(f'zone:\n  name: "{origin_of(z)}"\n  zonefile: "{z}"\n  provide-xfr: 0.0.0.0/0 NOKEY\n'
                        f'  provide-xfr: ::0/0 NOKEY\n  allow-notify: 0.0.0.0/0 NOKEY\n' for z in self.zones)
        self.file("nsd.conf", f"""server:
{listen}  ip-freebind: yes
{nsd_places(self.dir)}  server-count: 1
  tcp-count: 500
  refuse-any: no
  ipv4-edns-size: {self.payload}
  ipv6-edns-size: {self.payload}
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
{self.more}
remote-control:
  control-enable: no
{zones}""")

    def command(self):
        return ["nsd", "-d", "-c", self.dir / "nsd.conf"]


class Knot(Server):
    """tsig_secret: what transfers and updates need then, as key `k`."""

    def __init__(self, lab, host, zones=(ROOT_ZONE,), payload=4096, server="", each_zone="", tsig_secret=None, **where):
        super().__init__(lab, host, **where)
        self.zones, self.payload, self.server, self.each_zone = zones, payload, server, each_zone
        self.key = (f"key:\n  - id: k\n    algorithm: hmac-sha256\n    secret: {tsig_secret}\n", "    key: k\n")
        self.key = self.key if tsig_secret else ("", "")

    def configure(self):
        listen = ", ".join(f"{a}@53" for a in self.addresses)
        zones = "".join(f"  - domain: {origin_of(z)}\n    file: {z}\n    acl: all\n    journal-content: none\n"
                        f"    zonefile-sync: -1\n{self.each_zone}" for z in self.zones)
        self.file("knot.conf", f"""server:
    rundir: {self.dir}
    listen: [{listen}]
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
    udp-max-payload: {self.payload}
{self.server}
log:
  - target: stdout
    any: info
database:
    storage: {self.dir}
{self.key[0]}acl:
  - id: all
{self.key[1]}    address: [0.0.0.0/0, "::/0"]
    action: [transfer, notify, update]
zone:
{zones}""")

    def command(self):
        return ["knotd", "-c", self.dir / "knot.conf"]


class Unbound(Server):
    """Zones as authoritative data of its own."""

    proxy_port = 5353

    def __init__(self, lab, host, zones=(ROOT_ZONE,), more="", **where):
        super().__init__(lab, host, **where)
        self.zones, self.more = zones, more

    def configure(self):
        listen = "".join(f"  interface: {a}@{port}\n" for a in self.addresses for port in (53, self.proxy_port))
        zones = "".join(f'auth-zone:\n  name: "{origin_of(z)}"\n  zonefile: "{z}"\n  for-downstream: yes\n'
                        f'  for-upstream: yes\n  fallback-enabled: no\n' for z in self.zones)
        self.file("unbound.conf", f"""server:
{listen}  ip-freebind: yes
  proxy-protocol-port: {self.proxy_port}
  access-control: 0.0.0.0/0 allow
  access-control: ::0/0 allow
  directory: "{self.dir}"
  chroot: ""
  username: ""
  pidfile: "{self.dir}/unbound.pid"
  use-syslog: no
  log-queries: yes
  verbosity: 1
  num-threads: 1
  module-config: "iterator"
  edns-buffer-size: 4096
  max-udp-size: 4096
  so-reuseport: no
{self.more}
remote-control:
  control-enable: no
{zones}""")

    def command(self):
        return ["unbound", "-d", "-p", "-c", self.dir / "unbound.conf"]


class Dnsdist(Server):
    """In front of other hosts."""

    def __init__(self, lab, host, servers, more="", **where):
        super().__init__(lab, host, **where)
        self.servers, self.more = servers, more

    def configure(self):
        listen = "\n".join(f'addLocal("{a}:53")' if "." in a else f'addLocal("[{a}]:53")' for a in self.addresses)
        servers = "\n".join(f'newServer{{address="{s.addresses[0]}:53"}}' for s in self.servers)
        self.file("dnsdist.conf", f"{listen}\n{servers}\nsetACL({{'0.0.0.0/0', '::/0'}})\n{self.more}\n")

    def command(self):
        return ["dnsdist", "--supervised", "--disable-syslog", "-C", self.dir / "dnsdist.conf"]


class Bad(Server):
    """bad_backend.py: what it does is said by the name asked for, or by this process at any time."""

    def __init__(self, lab, host, options=(), **where):
        super().__init__(lab, host, **where)
        self.options, self.control = options, self.dir / "control"
        self.elsewhere = [f"{net}{host + 5}" for net in (NET_V4, NET_V6)]

    def command(self):
        listen = [word for a in self.addresses for word in ("--address", a)]
        lie = [word for a in self.elsewhere for word in ("--elsewhere", a)]
        return [sys.executable, BAD_BACKEND, "--control", self.control, *listen, *lie, *self.options]

    def wait_ready(self):
        end = time.monotonic() + START_LIMIT_S
        while True:
            assert self.process.poll() is None, self.log()
            try:
                return self.tell("health_count")
            except OSError:
                assert time.monotonic() < end, "it does not start"
                time.sleep(0.05)

    def tell(self, command, *values):
        """One command to it, its answer."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
            s.settimeout(10)
            s.connect(str(self.control))
            s.sendall(json.dumps([command, *values]).encode() + b"\n")
            with s.makefile("rb") as answer:
                return json.loads(answer.read())

    def always(self, behaviour):
        """For every question but health checks, whatever its name says; None: by name again."""
        self.tell("always", behaviour)

    def ill(self, behaviour):
        """For health checks (questions for NS of the root)."""
        self.tell("health", behaviour)

    def asked(self, *, name=None, transport=None):
        """The questions that came, health checks aside."""
        return [q for q in self.tell("log") if (name is None or q["name"] == name.lower())
                and (transport is None or q["transport"] == transport)]

    def forget(self):
        self.tell("forget")
