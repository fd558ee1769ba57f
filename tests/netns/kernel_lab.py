"""A laboratory with the kernel beside Goldilocks: a third namespace is the server machine's kernel, whose only interface
is a veth pair to the program. It has the MAC address of the interface that Goldilocks drives, as on a machine with one
NIC. Two routing daemons speak BGP over it."""

import subprocess

from goldilocks import driver_device
from lab import CLIENT_V4, CLIENT_V6, SERVER_IF, SERVER_V4, SERVER_V6, Lab, die_with_parent, inside, sh, wait_for

KERNEL_IF, KERNEL_PORT_IF = "kern0", "glk"
KERNEL_V4, KERNEL_V6 = "192.0.2.10", "2001:db8::10"
ANYCAST_V4, ANYCAST_V6 = "198.51.100.53", "2001:db8:53::53"  # of the service; only BGP tells the way

_BIRD = """
log stderr all;
router id {own4};
protocol device {{ scan time 1; }}
protocol static {{ ipv4; {static4} }}
protocol static {{ ipv6; {static6} }}
protocol kernel {{ ipv4 {{ import none; export {export}; }}; }}
protocol kernel {{ ipv6 {{ import none; export {export}; }}; }}
template bgp peer {{
  local as {own_as}; hold time 6; keepalive time 2;
  connect delay time 1; connect retry time 2; error wait time 1, 2;
}}
protocol bgp bgp4 from peer {{ neighbor {peer4} as {peer_as}; source address {own4}; ipv4 {{ import all; export all; }}; }}
protocol bgp bgp6 from peer {{ neighbor {peer6} as {peer_as}; source address {own6}; ipv6 {{ import all; export all; }}; }}
"""


class KernelLab(Lab):
    """finished: whether the kernel's interface finishes its checksums itself, or leaves that to whom it sends to."""

    def __init__(self, finished=False, **options):
        super().__init__(**options)
        self.finished = finished
        self.kernel_ns = self.server_ns[:-1] + "k"

    def _cable(self):
        super()._cable()
        sh("ip", "netns", "add", self.kernel_ns)
        self._stack.callback(sh, "ip", "netns", "delete", self.kernel_ns, check=False)
        self._veth(self.server_ns, KERNEL_PORT_IF, self.kernel_ns, KERNEL_IF)
        mac = sh("ip", "-n", self.server_ns, "-o", "link", "show", SERVER_IF).stdout.split("link/ether ")[1].split()[0]
        sh("ip", "netns", "exec", self.server_ns, "sysctl", "-qw", f"net.ipv6.conf.{KERNEL_PORT_IF}.disable_ipv6=1")
        sh("ip", "-n", self.server_ns, "link", "set", KERNEL_PORT_IF, "up")
        for feature in ("tso", "gso", "gro") + (("tx",) if self.finished else ()):
            self.in_kernel("ethtool", "-K", KERNEL_IF, feature, "off")
        sh("ip", "-n", self.kernel_ns, "link", "set", "lo", "up")
        sh("ip", "-n", self.kernel_ns, "link", "set", KERNEL_IF, "address", mac, "up")
        for address in (KERNEL_V4 + "/24", SERVER_V4 + "/32"):
            sh("ip", "-n", self.kernel_ns, "addr", "add", address, "dev", KERNEL_IF)
        for address in (KERNEL_V6 + "/64", SERVER_V6 + "/128"):
            sh("ip", "-n", self.kernel_ns, "addr", "add", address, "dev", KERNEL_IF, "nodad")

    def in_kernel(self, *command, **options):
        return sh("ip", "netns", "exec", self.kernel_ns, *command, **options)

    def kernel_side(self):
        """A block in which sockets are the server's kernel's."""
        return inside(self.kernel_ns, self.client_ns)

    def spawn(self, namespace, *command, **options):
        process = subprocess.Popen(["ip", "netns", "exec", namespace, *map(str, command)], stdin=subprocess.DEVNULL,
                                   preexec_fn=die_with_parent, **options)
        self.on_exit(process.wait)
        self.on_exit(process.terminate)
        return process

    def speak_bgp(self):
        """BIRD on both sides; returns when both have the session for both families, and the route by it."""
        near = {"own4": KERNEL_V4, "own6": KERNEL_V6, "own_as": 64513, "peer4": CLIENT_V4, "peer6": CLIENT_V6,
                "peer_as": 64512, "static4": f"route {ANYCAST_V4}/32 blackhole;",
                "static6": f"route {ANYCAST_V6}/128 blackhole;", "export": "none"}
        far = {"own4": CLIENT_V4, "own6": CLIENT_V6, "own_as": 64512, "peer4": KERNEL_V4, "peer6": KERNEL_V6,
               "peer_as": 64513, "static4": "", "static6": "", "export": 'where source = RTS_BGP'}
        for name, namespace, values in (("near", self.kernel_ns, near), ("far", self.client_ns, far)):
            config = self.path(f"bird-{name}.conf", _BIRD.format(**values))
            with open(self.path(f"bird-{name}.log"), "wb") as log:
                self.spawn(namespace, "bird", "-f", "-c", config, "-s", self.dir / f"bird-{name}.ctl", "-P",
                           self.dir / f"bird-{name}.pid", stdout=log, stderr=log)
        wait_for(lambda: all(since is not None for since in self.bgp_since()), lambda: self.bgp_text(), 30)
        wait_for(lambda: self._has_routes(), "BGP brought no routes", 10)

    def bgp_text(self):
        return "".join(sh("birdc", "-s", self.dir / f"bird-{name}.ctl", "show", "protocols", check=False).stdout
                       for name in ("near", "far"))

    def bgp_since(self):
        """Of each session, as each side sees it: since when it is established; None where it is not."""
        rows = [line.split() for line in self.bgp_text().splitlines() if line.startswith(("bgp4", "bgp6"))]
        found = [row[4] if "Established" in row else None for row in rows]
        return found if len(found) == 4 else [None]

    @staticmethod
    def _has_routes():
        return (ANYCAST_V4 in sh("ip", "-4", "route").stdout and KERNEL_V6 in sh("ip", "-6", "route").stdout)


def kernel_devices(workers=1):
    """EAL arguments: the service's port is 0, the one to the kernel 1."""
    queues = f",qpairs={workers}" if workers > 1 else ""
    return {"device": driver_device("af_packet") + queues,
            "eal": [f"--vdev=net_af_packet1,iface={KERNEL_PORT_IF}{queues}"], "workers": workers}
