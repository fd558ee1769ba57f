"""The kernel beside Goldilocks on the same NIC: BGP, echo, TCP and UDP of the kernel by the cable that DNS comes by."""

import contextlib
import hashlib
import os
import socket
import time
import urllib.request

import flood
import wire
from goldilocks import DEFAULT_ADDRESSES, Goldilocks
from kernel_lab import ANYCAST_V4, ANYCAST_V6, KERNEL_V4, KERNEL_V6, KernelLab, kernel_devices
from lab import CLIENT_V4, CLIENT_V6, SERVER_V4, SERVER_V6, sh, wait_for
from runner import report, run

QUESTION = wire.query("com.", "NS", number=1)
RATE = 1000
PEERS = ["--kernel-peer", CLIENT_V4, "--kernel-peer", CLIENT_V6]


def serve(lab, options=(), workers=1, addresses=DEFAULT_ADDRESSES):
    return Goldilocks(lab, ["--kernel-port", "1", *options], addresses=addresses, **kernel_devices(workers))


def fetch(address, path, port=8080):
    host = f"[{address}]" if ":" in address else address
    with urllib.request.urlopen(f"http://{host}:{port}/{path}", timeout=10) as answer:
        return answer.read()


def start_http(lab):
    """The kernel's own HTTP server, with a file of a megabyte; the file's digest."""
    content = os.urandom(1 << 20)
    (lab.dir / "www").mkdir()
    (lab.dir / "www/file").write_bytes(content)
    with open(lab.path("http.log"), "wb") as log:
        lab.spawn(lab.kernel_ns, "python3", "-m", "http.server", "8080", "--bind", "::", "-d", lab.dir / "www",
                  stdout=log, stderr=log)
    wait_for(lambda: "8080" in lab.in_kernel("ss", "-ltn").stdout, "no HTTP server", 20)
    return hashlib.sha256(content).digest()


def udp_round_trips(lab, address, count=50):
    """Datagrams to a socket of the kernel, and back."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with contextlib.ExitStack() as stack:
        with lab.kernel_side():
            far = stack.enter_context(socket.socket(family, socket.SOCK_DGRAM))
            far.bind((address, 5300))
        near = stack.enter_context(socket.socket(family, socket.SOCK_DGRAM))
        near.connect((address, 5300))
        for s in (far, near):
            s.settimeout(2)
        for n in range(count):
            message = os.urandom(1 + n * 20)
            near.send(message)
            received, peer = far.recvfrom(2048)
            far.sendto(received[::-1], peer)
            assert near.recv(2048) == message[::-1]


def check_kernel_services(lab, server):
    digest = start_http(lab)
    # The service's own addresses, where the kernel has them too, and the kernel's.
    for address in (KERNEL_V4, KERNEL_V6, SERVER_V4, SERVER_V6):
        assert hashlib.sha256(fetch(address, "file")).digest() == digest
        udp_round_trips(lab, address)
        assert sh("ping", "-c", 2, "-i", 0.2, "-W", 2, address).returncode == 0
    lab.in_kernel("ping", "-c", 1, "-W", 2, CLIENT_V4)
    lab.in_kernel("ping", "-c", 1, "-W", 2, "-I", SERVER_V6, CLIENT_V6)
    for address in (SERVER_V4, SERVER_V6):
        assert wire.ask_udp(QUESTION, address) == wire.ask_udp(QUESTION)
        assert "NOERROR" in sh("kdig", "@" + address, "+tcp", "com.", "NS").stdout
    counters = server.counters()
    assert counters["to_kernel"] > 500 and counters["from_kernel"] > 500, counters
    for lost in ("kernel_tx_full", "from_kernel_too_long", "from_kernel_other_mac", "drop_kernel_limited",
                 "drop_kernel_limited_peer", "drop_kernel_limited_link"):
        assert counters[lost] == 0, (lost, counters)
    # Echo to the service's addresses is the service's, to the kernel's the kernel's.
    assert counters["icmp_echo_reply"] == 2 and counters["icmpv6_echo_reply"] == 2, counters


def test_services_of_the_kernel():
    with KernelLab() as lab, serve(lab) as server:
        check_kernel_services(lab, server)
        assert "to the kernel beside port 0" in server.telemetry("/goldilocks/info")["port_1"]


def test_two_workers_and_finished_checksums():
    with KernelLab(finished=True, queues=2) as lab, serve(lab, ["--kernel-rate", 100000], workers=2) as server:
        check_kernel_services(lab, server)


def ask_again(address):
    """As resolvers do, since the queue before the server overflows where nobody has a CPU for it. The answer, and the tries."""
    for tries in range(1, 4):
        with contextlib.suppress(TimeoutError):
            return wire.ask_udp(QUESTION, address, timeout=1), tries
    raise AssertionError(f"{address}: no answer in three tries")


def test_bgp_and_a_flood():
    """An address of the service is announced by BIRD beside it; a flood to the kernel's takes neither down."""
    addresses = (*DEFAULT_ADDRESSES, ANYCAST_V4, ANYCAST_V6)
    with KernelLab() as lab, serve(lab, ["--kernel-rate", RATE, *PEERS], addresses=addresses) as server:
        lab.speak_bgp()
        since = lab.bgp_since()
        expected = wire.ask_udp(QUESTION)
        for address in (ANYCAST_V4, ANYCAST_V6):
            assert wire.ask_udp(QUESTION, address) == expected
        before = server.counters()
        asked = sent = 0
        flood.RATE = 20000  # nothing is to be lost in the queue before the server
        with flood.SynFlood(KERNEL_V4) as abuse:
            end = time.monotonic() + 14  # more than two hold times
            while time.monotonic() < end:
                for address in (ANYCAST_V4, ANYCAST_V6):
                    answer, tries = ask_again(address)
                    assert answer == expected
                    asked += 1
                    sent += tries
                time.sleep(0.1)
            assert lab.bgp_since() == since, lab.bgp_text()
        grown = {name: after - before[name] for name, after in server.counters().items()}
        report(f"{abuse.sent} SYNs to the kernel in {abuse.seconds:.1f} s: {grown['to_kernel']} frames given to it, "
               f"{grown['drop_kernel_limited']} dropped; BGP stays up, {asked} of {sent} questions answered")
        assert asked > 0.9 * sent, f"{asked} of {sent}"
        assert abuse.sent > 5 * RATE * abuse.seconds, "the machine was too busy for a flood"
        assert grown["drop_kernel_limited"] > abuse.sent / 2, grown
        assert RATE * abuse.seconds / 2 < grown["to_kernel"] < (RATE + 500) * (abuse.seconds + 1), grown
        assert grown["drop_kernel_limited_peer"] == 0, grown


run(__name__)
