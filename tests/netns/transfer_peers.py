"""Name servers that give zones to Goldilocks and take them from it: NSD, Knot and BIND, each as a primary or a
secondary of one zone, signed with the same key; and a primary that lies."""

import signal
import sys
from pathlib import Path

import wire
from backends import KERNEL_V4, KERNEL_V6, NET_V4, NET_V6, OWN, Server, nsd_places
from lab import inside, wait_for

KEY = "xfr.key."
SECRET = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0ISE="
KEY_TEXT = f'key "{KEY}" {{\n  algorithm hmac-sha256;\n  secret "{SECRET}";\n}};\n'
LISTEN = f"{KERNEL_V4}{OWN}:5300"
HOSTILE = Path(__file__).resolve().parent / "hostile_primary.py"


def zone_text(origin, serial, more="", refresh=3600, retry=2, expire=86400):
    return (f"$ORIGIN {origin}\n$TTL 300\n@ SOA ns hostmaster {serial} {refresh} {retry} {expire} 60\n@ NS ns\n"
            "ns A 192.0.2.53\n" + "".join(f"host-{n} A 192.0.2.{n}\n" for n in range(1, 100)) + f"serial TXT \"{serial}\"\nMixed.Case MX 10 Ns\n{more}")


def address(host):
    return f"{KERNEL_V4}{host}"


class Peer(Server):
    """text: the zone's, of a primary; without, it is a secondary of Goldilocks. notify: whom a primary tells of changes."""

    def __init__(self, lab, host, origin="xfr.example.", text=None, notify=(f"{KERNEL_V4}{OWN}@5300",), **where):
        super().__init__(lab, host, **where)
        self.addresses = [f"{net}{host}" for net in (NET_V4, NET_V6, KERNEL_V4, KERNEL_V6)]
        self.origin, self.text, self.notify, self.host = origin, text, notify, host

    def configure(self):
        if self.text:
            self.file("zone", self.text)
        self.write_config("\n".join(self.addresses).split())

    def change(self, text):
        """The zone is another one: it reads it, and tells."""
        self.file("zone", text)
        self.signal(signal.SIGHUP)

    def wait_ready(self):
        def up():
            assert self.process.poll() is None, self.log()
            try:
                with inside(self.lab.backend_ns, self.lab.client_ns):
                    wire.ask(wire.query(self.origin, "SOA"), address(self.host), timeout=2)
                return True
            except (OSError, AssertionError):
                return False
        wait_for(up, lambda: "it does not start: " + self.log(), 20)

    def txt(self, name="serial"):
        """What it has at a name, as text; empty: nothing."""
        with inside(self.lab.backend_ns, self.lab.client_ns):
            answer = wire.parse(wire.ask(wire.query(f"{name}.{self.origin}", "TXT"), address(self.host), timeout=5))
        return answer.answer[0][0].strings[0].decode() if answer.answer else ""


class Nsd(Peer):
    def write_config(self, listen):
        role = (f'zonefile: "{self.dir}/zone"\n  provide-xfr: 0.0.0.0/0 {KEY}\n  store-ixfr: yes\n  create-ixfr: yes\n'
                + "".join(f"  notify: {n} {KEY}\n" for n in self.notify)) if self.text else (
            f"request-xfr: {LISTEN.replace(':', '@')} {KEY}\n  allow-notify: {KERNEL_V4}{OWN} {KEY}\n")
        self.file("nsd.conf", "server:\n" + "".join(f"  ip-address: {a}\n" for a in listen) + f"""  ip-freebind: yes
{nsd_places(self.dir)}  xfrd-reload-timeout: 0
  rrl-ratelimit: 0
remote-control:
  control-enable: no
key:
  name: "{KEY}"
  algorithm: hmac-sha256
  secret: "{SECRET}"
zone:
  name: "{self.origin}"
  {role}""")

    def command(self):
        return ["nsd", "-d", "-c", self.dir / "nsd.conf"]


class Knot(Peer):
    def write_config(self, listen):
        remotes = "".join(f"  - id: r{n}\n    address: {a}\n    key: {KEY}\n" for n, a in enumerate(self.notify))
        names = ", ".join(f"r{n}" for n in range(len(self.notify)))
        role = (f"    file: {self.dir}/zone\n    zonefile-load: difference\n    zonefile-sync: -1\n"
                + (f"    notify: [{names}]\n" if names else "") + "    acl: give\n") if self.text else (
            "    master: r0\n    acl: told\n    zonefile-sync: -1\n")
        self.file("knot.conf", f"""server:
    rundir: {self.dir}
    listen: [{", ".join(f"{a}@53" for a in listen)}]
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: stdout
    any: info
database:
    storage: {self.dir}
key:
  - id: {KEY}
    algorithm: hmac-sha256
    secret: {SECRET}
remote:
{remotes}acl:
  - id: give
    key: {KEY}
    action: transfer
  - id: told
    key: {KEY}
    action: notify
zone:
  - domain: {self.origin}
{role}""")

    def command(self):
        return ["knotd", "-c", self.dir / "knot.conf"]


class Bind(Peer):
    def write_config(self, listen):
        told = "".join(f"{n.replace('@', ' port ')} key {KEY}; " for n in self.notify)
        role = (f'type primary; file "{self.dir}/zone"; ixfr-from-differences yes; allow-transfer {{ key {KEY}; }};'
                f" notify explicit; also-notify {{ {told}}};") if self.text else (
            f"type secondary; primaries {{ {LISTEN.replace(':', ' port ')} key {KEY}; }}; masterfile-format text;"
            f' file "{self.dir}/copy";')
        v4 = "; ".join(a for a in listen if ":" not in a)
        v6 = "; ".join(a for a in listen if ":" in a)
        self.file("named.conf", f"""{KEY_TEXT}
options {{ directory "{self.dir}"; listen-on {{ {v4}; }}; listen-on-v6 {{ {v6}; }}; recursion no;
  pid-file "{self.dir}/pid"; session-keyfile "{self.dir}/session"; notify-delay 0; startup-notify-rate 1000;
  dnssec-validation no; empty-zones-enable no; }};
controls {{ }};
zone "{self.origin}" {{ {role} }};
""")

    def command(self):
        return ["named", "-g", "-n", "1", "-c", self.dir / "named.conf"]


class Hostile(Server):
    """hostile_primary.py: says in which way it lies."""

    def __init__(self, lab, host, **where):
        super().__init__(lab, host, **where)
        self.host = host

    def configure(self):
        self.tell("whole", 11)

    def tell(self, how, serial):
        (self.dir / "how.new").write_text(f"{how} {serial}")
        (self.dir / "how.new").rename(self.dir / "how")

    def command(self):
        return [sys.executable, HOSTILE, address(self.host), self.dir / "how"]

    def wait_ready(self):
        wait_for(lambda: "ready" in self.log(), self.log)
