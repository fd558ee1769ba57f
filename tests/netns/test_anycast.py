"""Several nodes behind one address: nobody notices that one dies, drains or starts, cookies are good at each, secrets are
rotated under load, and the route follows what the data path answers. scripts/anycast-demo plays more of it."""

import os
import signal
import socket
import time

import dns.edns
import dns.message

import runner
import wire
from anycast_lab import AnycastLab
from anycast_load import Steady, reached
from anycast_nodes import BIG, NodeServer, Primary
from anycast_scenes import Row, Service, drained, killed, play
from goldilocks import built
from lab import SERVER_V4, SERVER_V6, sh, sysctl, wait_for
from routing_daemons import with_exabgp, with_frr
from runner import Skip, report, run

EPOCH_S = 8
COOKIE = 10


def check(what, row):
    figures = ", ".join(f"{name} {cell}" for name, cell in zip(Row.HEAD, row.cells()) if "kxdpgun" not in name)
    report(f"{what}: {figures}")
    assert not row.failures(), row.failures()


def test_killed_and_drained():
    with Service("goldilocks", 2) as service:
        check("kill -9", play(service, killed, kxdpgun=False))
        check("drained", play(service, drained, kxdpgun=False))
        assert all(server.total("answered") for server in service.servers.values())


def ask_early(address):
    """One exchange whose query goes with the SYN, where the kernel has a cookie."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM) as s:
        s.sendto(wire.framed(wire.query("com.", "NS")), socket.MSG_FASTOPEN, (address, 53))
        s.settimeout(10)
        assert wire.parse(wire.read_answer(s)).authority


def ask_with_cookie(address, cookie):
    """Over UDP; the whole cookie that comes back."""
    message = dns.message.make_query("com.", "NS", use_edns=0, options=[dns.edns.GenericOption(COOKIE, cookie)])
    answer = wire.parse(wire.ask_udp(message.to_wire(), address))
    return next(option.data for option in answer.options if option.otype == COOKIE)


def test_cookies_of_one_node_at_the_other():
    """Of Fast Open and of DNS: given by node 1, taken by node 2."""
    with Service("goldilocks", 2) as service:
        sysctl("net.ipv4.tcp_fastopen", 1)
        service.drain(2)
        cookies = {}
        for address in (SERVER_V4, SERVER_V6):
            ask_early(address)
            cookies[address] = ask_with_cookie(address, os.urandom(8))
        assert service.servers[1].total("syn_ack_cookie") == 2
        service.undrain(2)
        service.drain(1)
        other = service.servers[2]
        before = other.counters()
        for address, cookie in cookies.items():
            ask_early(address)
            assert ask_with_cookie(address, cookie) == cookie
        grown = {name: value - before[name] for name, value in other.counters().items()}
        assert grown["tcp_syn_answered"] == 2 and grown["tcp_syn_bad_cookie"] == 0, grown
        assert grown["cookie_valid"] == 2 and grown["cookie_invalid"] == 0, grown


def test_secret_rotated_under_load():
    """Each node gets its file and its SIGHUP at its own time, while flows change between them; at the end only the new
    secret is left, so connections would break that another had signed."""
    with Service("goldilocks", 2, options=["--epoch", EPOCH_S]) as service, Steady(service.expected) as tally:
        new = os.urandom(32).hex()

        def each_node(text):
            for server in service.servers.values():
                server.secret.write_text(text)
                server.signal(signal.SIGHUP)
                moved(3)

        def moved(times):
            for n in range(times):
                service.lab.hash_by(0x10 | n % 8)
                reached(service.lab, tally, 100)
        begins = (int(time.time()) // EPOCH_S + 1) * EPOCH_S
        each_node(f"{service.secret}@{begins} {new}\n")
        while time.time() < begins + 1.5 * EPOCH_S:
            moved(1)
        each_node(f"@{begins} {new}\n")
        moved(8)
    report(f"{tally.exchanges} exchanges, {tally.mended} mended by the client, longest {tally.longest:.1f} s")
    assert not tally.wrong and not tally.failed(), tally.why[:5]


def test_route_follows_the_data_path():
    with Service("goldilocks", 1) as service:
        lab, server = service.lab, service.servers[1]
        # It lives, and its control socket is silent too; BFD would see that as well, so BIRD is asked.
        server.signal(signal.SIGSTOP)
        announced = lab.nodes[0].announced
        wait_for(lambda: not announced(), "a server that stands still is announced", 10)
        server.signal(signal.SIGCONT)
        wait_for(announced, server.health_log.read_text, 10)
        # The monitor goes, and the route with it.
        server.stop_health()
        assert not announced()
        # A question that the node cannot answer: never up, whatever the control socket says.
        server.start_health("--question", f"nothing.{BIG}invalid/A")
        wait_for(lambda: "over UDP: REFUSED" in server.health_log.read_text() or
                 "over UDP: NXDOMAIN" in server.health_log.read_text(), server.health_log.read_text, 10)
        assert not announced()
        server.stop_health()
        # SIGTERM: the route goes first, and then, DRAIN_S later, the server.
        server.start_health()
        lab.wait_ways(1)
        server.signal(signal.SIGTERM)
        lab.wait_ways(limit=2)
        assert server.process.poll() is None, "it ended before its route"
        assert server.process.wait(timeout=20) == 0
        assert not announced()
        server.start()
        lab.wait_ways(1)


def test_words_of_the_monitor():
    health = built("app/health/goldilocks-health")
    for words, code, line in ((["127.0.0.1"], 2, "--up and --down, or --once"), (["--once"], 2, "which address?"),
                              (["--once", "::g"], 2, "'::g' is no address"), (["--once", "--fall", 0, "::1"], 2, "from 1 to 1000"),
                              (["--once", "--question", "a/NSS", "::1"], 2, "'NSS' is no type of records"),
                              (["--once", "-s", "off", "-p", 1, "127.0.0.1"], 1, "127.0.0.1 over UDP: Connection refused"),
                              (["--once", "-s", "/nowhere", "127.0.0.1"], 1, "/nowhere: No such file or directory"),
                              (["--help"], 0, "usage: goldilocks-health")):
        done = sh(health, *words, check=False)
        assert done.returncode == code and line in done.stdout, (words, done.returncode, done.stdout)


def test_frr_and_exabgp():
    """They announce and withdraw by the words of docs/scaling.md."""
    if not runner.LONG:
        raise Skip("only with --long (scripts/nightly)")
    for daemon, program in ((with_frr, "/usr/lib/frr/bgpd"), (with_exabgp, "/usr/sbin/exabgp")):
        if not os.path.exists(program):
            raise Skip(f"{program} is not installed: scripts/install-packages nightly")
        with AnycastLab(1) as lab, Primary(lab):
            lab.path("site").mkdir()
            with NodeServer(lab.nodes[0], lab.path("site"), lab.path("secret")) as server:
                daemon(lab.nodes[0], server.prefix)
                lab.wait_ways(1)
                for command, numbers in (("drain", ()), ("undrain", (1,))):
                    sh(built("app/ctl/goldilocks-ctl"), "-f", server.prefix, command)
                    lab.wait_ways(*numbers)


run(__name__)
