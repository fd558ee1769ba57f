"""A laboratory with several nodes behind one address.

    client eth0 ---- gl0 [ router ] r1 ---- gl0 [ goldilocks ] glk ---- kern0 [ BIRD, goldilocks-health ]   node 1
                                    r2 ---- ...                                                             node 2
    [ primary: Knot ] br0 ---- ctl0 of every node: the network of management

Each node is a namespace, as each would be a machine: goldilocks drives gl0, the node's kernel has kern0, with the same
MAC address, and BGP for the addresses of the service goes by way of goldilocks. What comes in by gl0 and glk is kept
from the kernel, which on a machine whose NIC is DPDK's would not see it. The router spreads flows over the nodes that
announce, by addresses and ports (ECMP). With plain=True there is no goldilocks: the cable ends in kern0, and a name
server of the kernel answers. Addresses of the service are SERVER_V4 and SERVER_V6, as everywhere here.
"""

import re
import subprocess

from goldilocks import built
from lab import CLIENT_IF, SERVER_IF, SERVER_V4, SERVER_V6, Lab, as_off_a_wire, die_with_parent, inside, sh, sysctl, wait_for

CLIENT4, CLIENT6, GATE4, GATE6 = "10.53.0.2", "fd53::2", "10.53.0.1", "fd53::1"
ROUTER_IF = SERVER_IF  # toward the client: the router is where other laboratories have the server
KERNEL_IF, PORT_IF, KERNEL_PORT_IF, MANAGED_IF = "kern0", "gl0", "glk", "ctl0"
PRIMARY = "10.99.0.100"
ROUTER_AS, NODES_AS = 64512, 64513
BFD_MS, BFD_MISSED = 100, 5  # a node that is gone is found so soon

_BIRD = """
log stderr all;
router id {own4};
protocol device {{ scan time 1; }}
protocol bfd {{ interface "{interfaces}" {{ interval {bfd_ms} ms; multiplier {bfd_missed}; }}; }}
template bgp neighbour {{
  local as {own_as};
  hold time 9; connect delay time 1; connect retry time 1; error wait time 1, 2; bfd on;
}}
{more}"""

# Disabled until goldilocks-health says otherwise.
_ANNOUNCED = """protocol static service4 {{ disabled; ipv4; route {v4}/32 blackhole; }}
protocol static service6 {{ disabled; ipv6; route {v6}/128 blackhole; }}
"""

# The nodes' addresses lie in these networks, so that what comes while no node announces any is dropped without a word:
# a client takes "no route" for an answer.
_COVERING = """protocol static {{ ipv4; route {v4} blackhole; }}
protocol static {{ ipv6; route {v6} blackhole; }}
protocol kernel {{ merge paths yes; ipv4 {{ import none; export all; }}; }}
protocol kernel {{ merge paths yes; ipv6 {{ import none; export all; }}; }}
"""


def _session(name, own, peer, peer_as, family, channel):
    return (f"protocol bgp {name} from neighbour {{ local {own}; neighbor {peer} as {peer_as}; "
            f"{family} {{ {channel} }}; }}\n")


class Node:
    """One of them: its namespace, its addresses, and what runs there besides the server."""

    def __init__(self, lab, number):
        self.lab, self.number = lab, number
        self.server_ns = f"{lab.server_ns[:-1]}{number:02}s"  # as Goldilocks calls it
        net4, net6 = f"10.53.{number}.", f"fd53:{number}::"
        self.router4, self.kernel4, self.own4 = (f"{net4}{host}" for host in (1, 10, 53))
        self.router6, self.kernel6, self.own6 = (f"{net6}{host}" for host in (1, 10, 53))
        self.managed, self.router_if = f"10.99.0.{number}", f"r{number}"
        self.path, self.on_exit = lab.path, lab.on_exit
        self._bird = None

    def run(self, *command, **options):
        return sh("ip", "netns", "exec", self.server_ns, *command, **options)

    def build(self):
        sh("ip", "netns", "add", self.server_ns)
        self.lab.on_exit(sh, "ip", "netns", "delete", self.server_ns, check=False)
        end = KERNEL_IF if self.lab.plain else PORT_IF
        self.lab.cable(self.lab.server_ns, self.router_if, self.server_ns, end)
        self.lab.cable(self.lab.primary_ns, f"p{self.number}", self.server_ns, MANAGED_IF)
        sh("ip", "-n", self.lab.primary_ns, "link", "set", f"p{self.number}", "master", "br0", "up")
        with inside(self.server_ns, self.lab.client_ns):
            if not self.lab.plain:
                self._kernel_port()
            as_off_a_wire(KERNEL_IF)
            sysctl("net.ipv4.conf.all.accept_redirects", 0)
            sysctl(f"net.ipv6.conf.{KERNEL_IF}.accept_redirects", 0)
            sysctl(f"net.ipv6.conf.{MANAGED_IF}.disable_ipv6", 1)
            for interface in ("lo", KERNEL_IF, MANAGED_IF):
                sh("ip", "link", "set", interface, "up")
            sh("ip", "addr", "add", f"{self.managed}/24", "dev", MANAGED_IF)
            sh("ip", "addr", "add", f"{self.kernel4}/24", "dev", KERNEL_IF)
            sh("ip", "addr", "add", f"{self.kernel6}/64", "dev", KERNEL_IF, "nodad")
            if self.lab.plain:
                self._plain_addresses()
            else:
                # The node's own question takes the way of a client's: by the router and back.
                sh("ip", "route", "add", f"{self.own4}/32", "via", self.router4)
                sh("ip", "-6", "route", "add", f"{self.own6}/128", "via", self.router6)
            sh("ip", "route", "add", "10.53.0.0/24", "via", self.router4)
            sh("ip", "-6", "route", "add", "fd53::/64", "via", self.router6)
        with inside(self.lab.server_ns, self.lab.client_ns):
            as_off_a_wire(self.router_if)
            sysctl(f"net.ipv4.conf.{self.router_if}.send_redirects", 0)
            sh("ip", "addr", "add", f"{self.router4}/24", "dev", self.router_if)
            sh("ip", "addr", "add", f"{self.router6}/64", "dev", self.router_if, "nodad")
            sh("ip", "link", "set", self.router_if, "up")

    def _plain_addresses(self):
        for address in (f"{self.own4}/24", f"{SERVER_V4}/32"):
            sh("ip", "addr", "add", address, "dev", KERNEL_IF)
        for address in (f"{self.own6}/64", f"{SERVER_V6}/128"):
            sh("ip", "addr", "add", address, "dev", KERNEL_IF, "nodad")

    def _kernel_port(self):
        sh("ip", "link", "add", KERNEL_IF, "type", "veth", "peer", "name", KERNEL_PORT_IF)
        mac = sh("ip", "-o", "link", "show", PORT_IF).stdout.split("link/ether ")[1].split()[0]
        sh("ip", "link", "set", KERNEL_IF, "address", mac)
        rules = ["add table netdev port"]
        for interface in (PORT_IF, KERNEL_PORT_IF):
            sysctl(f"net.ipv6.conf.{interface}.disable_ipv6", 1)
            sh("ip", "link", "set", interface, "up")
            # DPDK's socket has its copy of the frame before this.
            rules.append(f'add chain netdev port {interface} {{ type filter hook ingress device "{interface}" priority 0; '
                         "policy drop; }")
        sh("nft", ";".join(rules))

    # --- what runs beside the server

    def start_bird(self):
        own = _session("router4", self.kernel4, self.router4, ROUTER_AS, "ipv4",
                       'import none; export where proto = "service4";')
        own += _session("router6", self.kernel6, self.router6, ROUTER_AS, "ipv6",
                        'import none; export where proto = "service6";')
        self._bird = Bird(self.lab, self.server_ns, f"node{self.number}", KERNEL_IF, self.kernel4, NODES_AS,
                          _ANNOUNCED.format(v4=SERVER_V4, v6=SERVER_V6) + own)

    def announce(self, wanted):
        """By hand: where no goldilocks-health does."""
        for name in ("service4", "service6"):
            self._bird.ctl("enable" if wanted else "disable", name)

    def announced(self):
        """Whether its BIRD has the routes of the service, of both families."""
        return all(re.search(rf"^{name} .* up ", self._bird.ctl("show", "protocols"), re.M) for name in ("service4", "service6"))

    def health_command(self, *options):
        ctl = self._bird.ctl_command()
        return [built("app/health/goldilocks-health"), "--interval", "200", "--timeout", "150",
                "--up", f"{ctl} enable service4 && {ctl} enable service6",
                "--down", f"{ctl} disable service4 && {ctl} disable service6", *options, self.own4, self.own6]



class Bird:
    """A routing daemon as a child process."""

    def __init__(self, lab, namespace, name, interfaces, own4, own_as, more):
        self.socket = lab.path(f"{name}.ctl")
        config = lab.path(f"{name}.conf", _BIRD.format(own4=own4, own_as=own_as, interfaces=interfaces, bfd_ms=BFD_MS,
                                                       bfd_missed=BFD_MISSED, more=more))
        self.log_path = lab.path(f"{name}.log")
        lab.spawn(namespace, self.log_path, "nice", "-n", "-5", "bird", "-f", "-c", config, "-s", self.socket, "-P",
                  lab.path(f"{name}.pid"))
        wait_for(self.socket.exists, lambda: f"BIRD does not start: {self.log_path.read_text()}")

    def ctl_command(self):
        return f"birdc -s {self.socket}"

    def ctl(self, *words):
        return sh("birdc", "-s", self.socket, *words).stdout


class AnycastLab(Lab):
    """A context manager like Lab. nodes: how many there may be; each is built, nothing runs there yet."""

    def __init__(self, nodes=3, plain=False, **options):
        super().__init__(addresses=False, **options)
        self.plain = plain
        self.primary_ns = self.server_ns[:-1] + "p"
        self.nodes = [Node(self, n + 1) for n in range(nodes)]
        self.bird = None

    def _build(self):
        super()._build()
        self._stack.callback(sh, "ip", "netns", "delete", self.primary_ns, check=False)
        sh("ip", "netns", "add", self.primary_ns)
        for command in ("link add br0 type bridge", f"addr add {PRIMARY}/24 dev br0", "link set br0 up", "link set lo up"):
            sh("ip", "-n", self.primary_ns, *command.split())
        with inside(self.server_ns, self.client_ns):
            self._router()
        for node in self.nodes:
            node.build()
        self.bird = Bird(self, self.server_ns, "router", "r*", GATE4, ROUTER_AS,
                         _COVERING.format(v4="192.0.2.0/24", v6="2001:db8::/64") + "".join(
                             _session(f"node{n.number}_{f}", own, peer, NODES_AS, f"ipv{f}", "import all; export none;")
                             for n in self.nodes for f, own, peer in ((4, n.router4, n.kernel4), (6, n.router6, n.kernel6))))

    def _router(self):
        sysctl(f"net.ipv6.conf.{ROUTER_IF}.disable_ipv6", 0)
        as_off_a_wire(ROUTER_IF)
        sh("ip", "link", "set", "lo", "up")
        sh("ip", "addr", "add", f"{GATE4}/24", "dev", ROUTER_IF)
        sh("ip", "addr", "add", f"{GATE6}/64", "dev", ROUTER_IF, "nodad")
        for name, value in (("ipv4.ip_forward", 1), ("ipv6.conf.all.forwarding", 1), ("ipv4.conf.all.send_redirects", 0),
                            ("ipv4.conf.all.rp_filter", 0)):
            sysctl(f"net.{name}", value)
        self.hash_by()
        sh("nft", "add table ip6 quiet; add chain ip6 quiet output { type filter hook output priority 0; };"
                  "add rule ip6 quiet output icmpv6 type nd-redirect drop")

    def _client(self):
        super()._client()
        sh("ip", "addr", "add", f"{CLIENT4}/24", "dev", CLIENT_IF)
        sh("ip", "addr", "add", f"{CLIENT6}/64", "dev", CLIENT_IF, "nodad")
        sh("ip", "route", "add", "default", "via", GATE4)
        sh("ip", "-6", "route", "add", "default", "via", GATE6)

    def cable(self, near_ns, near, far_ns, far):
        """A veth pair between two namespaces."""
        self._veth(near_ns, near, far_ns, far)

    def spawn(self, namespace, log, *command):
        """A child process; it is ended with the laboratory. Its output goes to a file."""
        with open(log, "ab") as out:
            process = subprocess.Popen(["ip", "netns", "exec", namespace, *map(str, command)], stdin=subprocess.DEVNULL,
                                       stdout=out, stderr=out, preexec_fn=die_with_parent)
        self.on_exit(process.wait)
        self.on_exit(process.terminate)
        return process

    # --- the router

    def hash_by(self, fields=None):
        """Flows are told apart by addresses and ports, or by these fields (documentation of the kernel's
        fib_multipath_hash_fields), which makes another hash. Another seed moves none over IPv6, with Linux 6.18."""
        with inside(self.server_ns, self.client_ns):
            for family in ("ipv4", "ipv6"):
                if fields is not None:
                    sysctl(f"net.{family}.fib_multipath_hash_fields", fields)
                sysctl(f"net.{family}.fib_multipath_hash_policy", 1 if fields is None else 3)

    def ways(self):
        """The numbers of the nodes that it sends clients to, over IPv4 and over IPv6."""
        routes = (sh("ip", "-n", self.server_ns, family, "route", "show", address).stdout
                  for family, address in (("-4", SERVER_V4), ("-6", SERVER_V6)))
        return [{int(n) for n in re.findall(r"dev r(\d+)", text)} for text in routes]

    def wait_ways(self, *numbers, limit=30):
        wait_for(lambda: self.ways() == [set(numbers)] * 2,
                 lambda: f"the router sends to {self.ways()}, not to {numbers}\n{self.bird.ctl('show', 'protocols')}", limit)
