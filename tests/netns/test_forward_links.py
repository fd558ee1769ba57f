"""Where backends are: on the clients' port, in this machine's kernel, behind a gateway; and what happens to links."""

import subprocess
import time

import dns.rcode

import runner
import wire
from backends import BACKEND_IF, BEHIND_IF, Bad, BackendLab, Changes, Nsd, forward, settle, v4, v6
from goldilocks import Goldilocks
from lab import CLIENT_V4, CLIENT_V6, SERVER_V4, SERVER_V6, Lab, die_with_parent, sh, wait_for
from runner import run
from test_large import at_once
from test_operations import own_lines
from zones import txt_zone

NOERROR, SERVFAIL = dns.rcode.NOERROR, dns.rcode.SERVFAIL
BOTH = (SERVER_V4, SERVER_V6)


def right(name, address=SERVER_V4, ask=wire.ask, kind="A"):
    answer = wire.parse(ask(wire.query(name, kind, bufsize=1232), address))
    return answer.rcode() == NOERROR and bool(answer.answer or answer.authority)


def all_ways(name, kind="A"):
    for address in BOTH:
        for ask in (wire.ask, wire.ask_udp):
            assert right(name, address, ask, kind), (name, address)


def test_on_the_port_of_the_clients():
    for family, host in ((4, CLIENT_V4), (6, f"[{CLIENT_V6}]")):
        with Lab() as lab:
            lab.use(Nsd(lab, 1, namespace=lab.client_ns, addresses=[CLIENT_V4, CLIENT_V6]))
            with Goldilocks(lab, ["--forward", f"{host},tcp=off"], zones=(),
                            addresses=(f"{SERVER_V4}/24", f"{SERVER_V6}/64")) as server:
                settle(server)
                all_ways("com.", "NS")
                all_ways(".", "NS")
                assert server.backend(0, "wrong") == 0 and server.forwarding("failed_timeout") == 0, family


class KernelLab(Lab):
    """A backend in the kernel of goldilocks' own namespace, across a veth pair within it."""

    NEAR, FAR = BACKEND_IF, "be0"

    def _build(self):
        super()._build()
        ns = self.server_ns
        sh("ip", "-n", ns, "link", "add", self.NEAR, "type", "veth", "peer", "name", self.FAR)
        sh("ip", "netns", "exec", ns, "sysctl", "-qw", f"net.ipv6.conf.{self.NEAR}.disable_ipv6=1")
        sh("ip", "netns", "exec", ns, "ethtool", "-K", self.FAR, "tx", "off")
        for address in (v4(10) + "/24", v6(10) + "/64"):
            sh("ip", "-n", ns, "addr", "add", address, "dev", self.FAR, *(["nodad"] if ":" in address else []))
        for interface in (self.NEAR, self.FAR, "lo"):
            sh("ip", "-n", ns, "link", "set", interface, "up")

    goldilocks = BackendLab.goldilocks


def test_in_this_kernel():
    """UDP by the veth pair, TCP by the kernel itself: no tcp= is needed."""
    for address in (v4(10), f"[{v6(10)}]"):
        with KernelLab() as lab:
            zone = lab.path("big.zone", txt_zone(sizes=(300, 3000, 40000)))
            lab.use(Nsd(lab, 10, [zone], namespace=lab.server_ns, addresses=[v4(10), v6(10)]))
            with lab.goldilocks(["--forward", address, "--forward-health-query", "big.example./SOA"]) as server:
                settle(server)
                for at in BOTH:
                    for n in range(3):
                        assert len(wire.ask(wire.query(f"t{n}.big.example.", "TXT"), at)) > (300, 3000, 40000)[n]
                    assert right("t0.big.example.", at, wire.ask_udp, "TXT")
                assert server.backend(0, "answered_tcp") >= 1, server.backend(0)


# --- next hops

def test_backend_appears_late():
    """Its interface comes up after goldilocks. SERVFAIL until then, once it has been asked for three times, and soon after
    that answers."""
    with BackendLab() as lab, Bad(lab, 20):
        sh("ip", "-n", lab.backend_ns, "link", "set", BEHIND_IF, "down")
        with lab.goldilocks(["--forward", forward(20), "--forward-timeout", 200]) as server:
            for ask in (wire.ask, wire.ask_udp):
                assert wire.parse(ask(wire.query("ok.early.test."))).rcode() == SERVFAIL
            assert server.forwarding("failed_down") >= 2
            assert server.forwarding("unresolved") >= 1
            sh("ip", "-n", lab.backend_ns, "link", "set", BEHIND_IF, "up")
            settle(server)
            all_ways("ok.late.test.")
            assert server.total("neighbour_learned") >= 1


def new_mac(lab, mac, tells):
    for name in ("ipv4.conf.{}.arp_notify", "ipv6.conf.{}.ndisc_notify"):
        lab.behind("sysctl", "-qw", "net." + name.format(BEHIND_IF) + f"={int(tells)}")
    sh("ip", "-n", lab.backend_ns, "link", "set", BEHIND_IF, "address", mac)


def mac_changes(tells, limit, family):
    with BackendLab() as lab, Bad(lab, 20), lab.goldilocks(
            ["--forward", forward(20, family=family), "--forward-timeout", 200]) as server:
        settle(server)
        all_ways("ok.before.test.")
        began = time.monotonic()
        new_mac(lab, "02:00:00:00:00:77", tells)
        wait_for(lambda: right("ok.after.test."), "not found again", limit)
        runner.report(f"found again after {time.monotonic() - began:.1f} s")
        all_ways("ok.after.that.test.")


def test_new_mac_address_ipv4():
    """The backend's machine says so itself (gratuitous ARP)."""
    mac_changes(True, 5, 4)


def test_new_mac_address_ipv6():
    mac_changes(True, 5, 6)


def test_new_mac_address_untold():
    """Nobody says so: it is noticed when the old one is no longer confirmed. 20 seconds and three tries."""
    if not runner.LONG:
        raise runner.Skip("takes half a minute: with --long")
    for family in (4, 6):
        mac_changes(False, 40, family)


def test_behind_a_gateway():
    """Addresses of no network of ours, and a client's network that is not the backend's."""
    with BackendLab() as lab:
        far = ("10.77.0.10", "2001:db8:77::10")
        for address, length in zip(far, (32, 128)):
            lab.behind("ip", "addr", "add", f"{address}/{length}", "dev", "lo")
        lab.use(Bad(lab, 20, addresses=far))
        gateways = ["--gateway", f"{v4(11)}@1", "--gateway", f"{v6(11)}@1"]
        for address in (far[0], f"[{far[1]}]"):
            with lab.goldilocks(["--forward", f"{address},tcp=off", *gateways]) as server:
                settle(server)
                all_ways("ok.far.test.")
                all_ways("big-900.far.test.", "TXT")
        # The gateway is not there: counted, and the client is told.
        with lab.goldilocks(["--forward", f"{far[0]},tcp=off", "--gateway", f"{v4(99)}@1"]) as server:
            for ask in (wire.ask, wire.ask_udp):
                assert wire.parse(ask(wire.query("ok.gone.test."))).rcode() == SERVFAIL
            assert server.forwarding("failed_down") + server.forwarding("failed_timeout") == 2, server.forwarding()


def test_link_goes_down_and_up():
    with BackendLab() as lab, Bad(lab, 20), lab.goldilocks(
            ["--forward", forward(20), "--forward-timeout", 200]) as server:
        settle(server)
        for n in range(2):
            sh("ip", "-n", lab.backend_ns, "link", "set", BEHIND_IF, "down")
            assert wire.parse(wire.ask(wire.query(f"ok.down-{n}.test."))).rcode() == SERVFAIL
            sh("ip", "-n", lab.backend_ns, "link", "set", BEHIND_IF, "up")
            # IPv6 addresses went with the link, this backend's is IPv4.
            wait_for(lambda i=n: right(f"ok.up-{i}.test."), "not found again", 8)


def test_no_way_there():
    """Which port leads there is not to be known, or there is none: said at the start, in one line."""
    with BackendLab() as lab:
        for options, says in ((["--forward", "10.77.0.10"], "10.77.0.10"),
                              (["--forward", f"{v4(20)}@7"], "no DPDK port 7"),
                              (["--forward", v4(20), "--forward-payload", 20000], "forward-payload")):
            server = lab.goldilocks(options)
            done = subprocess.run(server.command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                                  preexec_fn=die_with_parent)
            own = [line for line in own_lines(done.stderr) if "dumpcap" not in line]
            assert done.returncode == 1 and len(own) == 1 and says in own[0], (done.returncode, done.stderr)


# --- several cores

def test_two_workers():
    """The kernel spreads replies over the queues as it likes: some come to the wrong core, which hands them over."""
    with BackendLab(queues=2) as lab, Bad(lab, 20), lab.goldilocks(["--forward", forward(20)], workers=2) as server:
        settle(server)
        changes = Changes(server)

        def client(number):
            for n in range(40):
                ask = wire.ask if n % 2 else wire.ask_udp
                assert right(f"ok.core-{number}-{n}.test.", BOTH[n // 2 % 2], ask), (number, n)
                if n % 10 == 0:
                    answer = wire.parse(wire.ask(wire.query(f"big-8000.core-{number}-{n}.test.", "TXT")))
                    assert len(answer.answer[0]) == 31, answer
        at_once([(client, number) for number in range(16)])
        changes.expect({"failed_timeout": 0, "failed_full": 0, "failed_reply": 0, "answered": (16 * 44, 16 * 60)})
        counters = server.counters()
        both = [server.telemetry(f"/goldilocks/forward,{core}") for core in server.cores()]
        assert all(c["answered"] > 50 for c in both), both
        assert counters["backend_handed_off"] > 50 and counters["drop_handoff_full"] == 0, counters
        assert server.backend(0, "wrong") == 0 and server.backend(0, "timed_out") == 0, server.backend(0)
        runner.report(f"{counters['backend_handed_off']} replies handed over of {server.backend(0, 'answered')}")


def test_two_workers_with_fragments_and_losses():
    with BackendLab(queues=2) as lab, Nsd(lab, 10, [lab.path("big.zone", txt_zone(sizes=(2500, 9000, 30000)))]) as nsd:
        theirs = [len(nsd.ask(wire.query(f"t{n}.big.example.", "TXT"))) for n in range(3)]
        with lab.goldilocks(["--forward", forward(10), "--forward-tries", 4], workers=2) as server:
            settle(server)
            lab.lose_behind(2)

            def client(number):
                for n in range(15):
                    answer = wire.ask(wire.query(f"t{n % 3}.big.example.", "TXT"), BOTH[number % 2])
                    assert len(answer) == theirs[n % 3], wire.parse(answer)
            at_once([(client, number) for number in range(8)])


run(__name__)
