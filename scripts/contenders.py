"""The servers that scripts/bench-forward compares, as context managers in the laboratory of tests/netns.

    client ---- gl0 [ contender ] gl1 ---- be0 [ NSD ]    what goldilocks drives: questions over UDP
                    [ dnsdist   ] kn0 ---- be1 [ NSD ]    the kernel: dnsdist's connections, goldilocks' TCP helper

All of a contender's processes are pinned to SERVER_CPU, NSD behind it among them but for one contender. All have the same zone, the root.
"""

import contextlib

import backends
from at_clients import NSD_MORE, AtClients
from backends import KERNEL_V4, forward, settle
from goldilocks import Goldilocks
from lab import SERVER_IF, SERVER_V4

CLIENT_CPU, SERVER_CPU = 0, 1
SOURCES = "198.18.0.0/20"  # kxdpgun's clients: one address has no port left after 63,536 connections
NSD_HOST = 10
# Before other work of the machine: among the processes of a session, and (where the kernel groups them so) as a session.
PROMPT = ["sh", "-c", 'echo -15 2>/dev/null >/proc/self/autogroup; exec nice -n -15 "$@"', "prompt"]
# No limits but those of speed, as NSD_MORE.
KNOT_MORE = "    tcp-max-clients: 3000\n    tcp-idle-timeout: 30\n"


def pinned(cpu, *command):
    return [*PROMPT, "taskset", "-c", str(cpu), *map(str, command)]


class Pinned:
    """Mixed in before a server of backends.py."""

    def command(self):
        return pinned(SERVER_CPU, *super().command())


class NsdBehind(Pinned, backends.Nsd):
    pass


class NsdApart(backends.Nsd):
    """Beside the clients, so that goldilocks' worker has its CPU for itself."""

    def command(self):
        return pinned(CLIENT_CPU, *super().command())


class OnIpv4(Pinned, AtClients):
    def __init__(self, lab, *more, **where):
        super().__init__(lab, *more, addresses=[SERVER_V4], **where)


class NsdTcp(OnIpv4, backends.Nsd):
    pass


class KnotTcp(OnIpv4, backends.Knot):
    pass


class KnotXdp(KnotTcp):
    def configure(self):
        super().configure()
        config = self.dir / "knot.conf"
        kept = [line for line in config.read_text().splitlines() if not line.startswith("    listen: ")]
        config.write_text("\n".join([*kept, "xdp:", f"    listen: {SERVER_IF}", "    tcp: on"]) + "\n")


class DnsdistTcp(OnIpv4, backends.Dnsdist):
    """dnsdist 1.7 asks over TCP what it was asked over TCP. Queries of a connection may overtake each other, on both sides."""

    def configure(self):
        self.file("dnsdist.conf", f"""addLocal("{SERVER_V4}:53", {{maxInFlight=400}})
newServer{{address="{KERNEL_V4}{NSD_HOST}:53", maxInFlight=400}}
setACL("0.0.0.0/0")
setMaxTCPClientThreads(1)
setMaxCachedTCPConnectionsPerDownstream(100)
setMaxTCPQueuedConnections(10000)
""")


def on_both_cpus(server):
    """The main core and the TCP helper sleep nearly always: they may do so on the clients' CPU."""
    server.command = [f"--lcores=0@{CLIENT_CPU},1@{SERVER_CPU}" if word.startswith("--lcores") else word
                      for word in ["setsid", *PROMPT, *server.command]]
    return server


@contextlib.contextmanager
def goldilocks_in_front(lab, driver, options, behind=NsdBehind):
    with behind(lab, NSD_HOST, more=NSD_MORE):
        with on_both_cpus(lab.goldilocks(["--forward", forward(NSD_HOST), *options], driver=driver)) as server:
            settle(server)
            yield server


@contextlib.contextmanager
def dnsdist_in_front(lab):
    with NsdBehind(lab, NSD_HOST, more=NSD_MORE) as nsd, DnsdistTcp(lab, [nsd]) as server:
        yield server


# Name in table and chart: (what it is called there, colour, how it is started).
def contenders(lab, idle_sleep_us):
    # The worker has NSD beside it on its CPU, or the kernel, which moves the frames of a veth pair.
    share = ["--idle-sleep-us", idle_sleep_us]
    return {
        "NSD, TCP": ("#7d8ea3", lambda: NsdTcp(lab, more=NSD_MORE)),
        "Knot, TCP": ("#7d8ea3", lambda: KnotTcp(lab, server=KNOT_MORE)),
        "Knot, TCP over XDP": ("#7d8ea3", lambda: KnotXdp(lab, server=KNOT_MORE)),
        "dnsdist, TCP to NSD": ("#7d8ea3", lambda: dnsdist_in_front(lab)),
        "goldilocks, UDP to NSD": ("#d9a520", lambda: goldilocks_in_front(lab, "af_xdp", share)),
        "goldilocks, NSD beside the clients": ("#d9a520", lambda: goldilocks_in_front(lab, "af_xdp", share, NsdApart)),
        "goldilocks, from memory": ("#ecd9a0", lambda: on_both_cpus(Goldilocks(lab, driver="af_xdp"))),
    }
