"""A laboratory with two cables to two servers of the same addresses; each packet of the client takes either at random."""

import time

import wire
from lab import CLIENT_IF, SERVER_V4, SERVER_V6, Lab, as_off_a_wire, sh, sysctl

OTHER_SERVER_IF, OTHER_CLIENT_IF = "gl1", "eth1"
_TABLE = 101


class SprayLab(Lab):
    def _client(self):
        super()._client()
        near, far = OTHER_CLIENT_IF, OTHER_SERVER_IF
        sh("ip", "link", "add", near, "mtu", self.mtu, "type", "veth", "peer", "name", far, "mtu", self.mtu,
           "netns", self.server_ns)
        sh("ip", "netns", "exec", self.server_ns, "sysctl", "-qw", f"net.ipv6.conf.{far}.disable_ipv6=1")
        sh("ip", "-n", self.server_ns, "link", "set", far, "up")
        as_off_a_wire(near)
        for interface in ("all", CLIENT_IF, near):  # answers come in by either
            sysctl(f"net.ipv4.conf.{interface}.rp_filter", 0)
        sysctl(f"net.ipv6.conf.{near}.router_solicitations", 0)
        sh("ip", "link", "set", near, "up")
        for interface, server in ((CLIENT_IF, "gl0"), (near, far)):
            mac = sh("ip", "-n", self.server_ns, "-o", "link", "show", server).stdout.split("link/ether ")[1].split()[0]
            for address in (SERVER_V4, SERVER_V6):
                sh("ip", "neigh", "replace", address, "lladdr", mac, "dev", interface, "nud", "permanent")
        for family, net in (("-4", "192.0.2.0/24"), ("-6", "2001:db8::/64")):
            sh("ip", family, "route", "add", net, "dev", near, "table", _TABLE)
            sh("ip", family, "rule", "add", "fwmark", 1, "lookup", _TABLE)
        sh("nft", "add table inet spray; add chain inet spray output { type route hook output priority -150; };"
                  "add rule inet spray output meta l4proto { tcp, udp } meta mark set numgen random mod 2")

    def until_both_answer(self, *servers):
        end = time.monotonic() + 30
        query = wire.query(".", "SOA")

        def received(server):
            try:
                # Either server answers for both: this one may not even have its telemetry yet.
                return (server.telemetry("/goldilocks/counters") or {"received": 0})["received"]
            except OSError:
                return 0
        while not all(received(server) > 20 for server in servers):
            assert time.monotonic() < end, "the packets do not reach both servers"
            try:
                wire.ask_udp(query, timeout=0.2)
            except OSError:
                pass
