"""FRR and ExaBGP at a node of an AnycastLab, in the place of BIRD: each with the words that docs/scaling.md has for it."""

import os

from anycast_lab import NODES_AS, ROUTER_AS
from goldilocks import built
from lab import SERVER_V4, SERVER_V6, wait_for

_FRR = """router bgp {own_as}
 bgp router-id {own4}
 no bgp ebgp-requires-policy
 no bgp network import-check
 neighbor {peer4} remote-as {peer_as}
 neighbor {peer6} remote-as {peer_as}
 address-family ipv6 unicast
  neighbor {peer6} activate
"""
_EXABGP = """process health {{
  run {run};
  encoder text;
}}
neighbor {peer4} {{
  router-id {own4}; local-address {own4}; local-as {own_as}; peer-as {peer_as};
  family {{ ipv4 unicast; }}
  api {{ processes [ health ]; }}
}}
neighbor {peer6} {{
  router-id {own4}; local-address {own6}; local-as {own_as}; peer-as {peer_as};
  family {{ ipv6 unicast; }}
  api {{ processes [ health ]; }}
}}
"""


def _values(node):
    return {"own_as": NODES_AS, "peer_as": ROUTER_AS, "own4": node.kernel4, "own6": node.kernel6, "peer4": node.router4,
            "peer6": node.router6}


def with_frr(node, prefix):
    """bgpd with zebra, and goldilocks-health, which puts the networks into its configuration and takes them out."""
    folder = node.path("frr")
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    os.chmod(node.lab.dir, 0o755)  # the daemons' user looks in
    (folder / "bgpd.conf").write_text(_FRR.format(**_values(node)))
    (folder / "zebra.conf").write_text("")
    for file in folder.iterdir():
        file.chmod(0o644)
    for daemon in ("zebra", "bgpd"):
        node.lab.spawn(node.server_ns, folder / f"{daemon}.log", f"/usr/lib/frr/{daemon}", "-f", folder / f"{daemon}.conf",
                       "-z", folder / "zserv.api", "-i", folder / f"{daemon}.pid", "--vty_socket", folder)
        wait_for((folder / f"{daemon}.vty").exists, lambda d=daemon: (folder / f"{d}.log").read_text())
    no = {"up": "", "down": "no "}
    words = {way: f"vtysh --vty_socket {folder} -d bgpd -c 'configure terminal' -c 'router bgp {NODES_AS}'"
                  f" -c 'address-family ipv4 unicast' -c '{no[way]}network {SERVER_V4}/32' -c 'exit-address-family'"
                  f" -c 'address-family ipv6 unicast' -c '{no[way]}network {SERVER_V6}/128'" for way in no}
    return node.lab.spawn(node.server_ns, node.path("health-frr.log"), *_health(node, prefix, words))


def with_exabgp(node, prefix):
    """ExaBGP starts goldilocks-health, and reads the routes from its commands."""
    words = {way: f"echo neighbor {node.router4} {verb} route {SERVER_V4}/32 next-hop self; "
                  f"echo neighbor {node.router6} {verb} route {SERVER_V6}/128 next-hop self"
             for way, verb in (("up", "announce"), ("down", "withdraw"))}
    script = node.path("exabgp-health", "#!/bin/sh\nexec " + " ".join(f"'{w}'" for w in _health(node, prefix, words)) + "\n")
    script.chmod(0o755)
    config = node.path("exabgp.conf", _EXABGP.format(run=script, **_values(node)))
    return node.lab.spawn(node.server_ns, node.path("exabgp.log"), "env", "exabgp.daemon.user=root", "exabgp.api.ack=false",
                          "exabgp.api.cli=false", "exabgp", config)


def _health(node, prefix, words):
    return [str(w) for w in (built("app/health/goldilocks-health"), "--interval", 200, "--timeout", 150, "-f", prefix,
                             "--up", words["up"], "--down", words["down"], node.own4, node.own6)]
