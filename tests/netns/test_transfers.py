"""Zones that come from other name servers: NSD, Knot and BIND as primaries, one that lies, restarts, and the end of it."""

import os
import socket
import time

import dns.flags
import dns.message
import dns.tsig
import dns.tsigkeyring

import wire
from backends import KERNEL_V4, BackendLab, v4
from lab import inside, sh, wait_for
from runner import run
from transfer_peers import KEY, KEY_TEXT, SECRET, Bind, Hostile, Knot, Nsd, address, zone_text

ORIGIN = "xfr.example."
HOST = 10


def ask(name, kind="TXT"):
    return wire.parse(wire.ask_udp(wire.query(f"{name}.{ORIGIN}".lstrip("."), kind)))


def txt(name="serial"):
    answer = ask(name)
    return answer.answer[0][0].strings[0].decode() if answer.answer else dns.rcode.to_text(answer.rcode())


def serves(serial, server, limit=15):
    wait_for(lambda: txt() == str(serial), lambda: f"{txt()} and not {serial}\n{server.log()}", limit)


def secondary(lab, *more, key=True, state=None, options=(), primary=None):
    """Goldilocks with the zone of that host."""
    keys = lab.path("keys", KEY_TEXT)
    keys.chmod(0o600)
    what = primary or f"{ORIGIN}@{address(HOST)}" + (f",tsig={KEY}" if key else "")
    return lab.goldilocks(["--secondary", ",".join([what, *more]), "--tsig", keys, "--state-dir",
                           state or lab.path("state"), "--transfer-listen", f"{KERNEL_V4}53:5300", *options])


def state_of(server):
    return server.telemetry("/goldilocks/secondaries")["zone_0"]


def primary_changes(kind, udp_notify=True, hows=("IXFR",)):
    """Two versions, the second told by NOTIFY: signed, over IXFR where the primary has one; then one to a datagram of the
    service's address."""
    with BackendLab() as lab, kind(lab, HOST, text=zone_text(ORIGIN, 1, "gone A 192.0.2.1\n"),
                                   notify=(f"{KERNEL_V4}53@5300", f"{v4(53)}@53")) as primary:
        with secondary(lab, f"notify-from={v4(HOST)}") as server:
            serves(1, server)
            assert ask("gone", "A").answer and ask("mixed.case", "MX").answer
            primary.change(zone_text(ORIGIN, 2, "here A 192.0.2.2\n"))
            serves(2, server)
            assert ask("here", "A").answer and ask("gone", "A").rcode() == dns.rcode.NXDOMAIN
            assert "serial 1 -> 2" in server.log() and any(
                f": {how}, " in server.log().split("-> 2")[1] for how in hows), server.log()
            state = state_of(server)
            assert state["state"] == "available" and state["serial"] == 2 and state["transfers"] == 2, state
            # Of those to the service's address each was answered by the core that took it.
            wait_for(lambda: not udp_notify or server.total("notify_passed") >= 1, lambda: str(server.counters()))
            assert server.total("notify_dropped") == 0


def test_primary_nsd():
    """It has differences, but not always, of two versions that follow on each other within a second."""
    primary_changes(Nsd, hows=("IXFR", "AXFR"))


def test_primary_knot():
    """Its NOTIFY goes over TCP, which the service's address does not take."""
    primary_changes(Knot, False)


def test_primary_bind():
    primary_changes(Bind)


WRONG = {
    "cut": "closed before the end", "outside": "outside the zone", "class": "no zone can hold",
    "ends": "ends with 13", "older": "not newer than ours", "nosoa": "does not begin with the zone's SOA",
    "second": "two SOAs", "behind": "behind the last SOA", "loop": "malformed", "count": "malformed",
    "junk": "answer to something else", "id": "something else", "question": "something else", "endless": "larger than 1 MiB",
    "refused": "REFUSED", "noapex": "no NS record", "cname": "CNAME and other data",
    "ixfrbase": "differences from serial 10", "ixfrgone": "remove what is not there", "ixfrgap": "go on from",
    "ixfrloop": "lead from serial 11 to 11",
}


def notify(lab, source=address(HOST), to=f"{KERNEL_V4}53", port=5300, key=None, name=ORIGIN):
    """One NOTIFY from there; its answer."""
    message = dns.message.make_query(name, "SOA")
    message.flags = dns.flags.AA
    message.set_opcode(dns.opcode.NOTIFY)
    if key:
        message.use_tsig(dns.tsigkeyring.from_text({KEY: (dns.tsig.HMAC_SHA256, key)}), KEY)
    with inside(lab.backend_ns, lab.client_ns), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((source, 0))
        s.settimeout(5)
        s.sendto(message.to_wire(), (to, port))
        wire_answer = s.recv(4096)
        try:
            return dns.message.from_wire(wire_answer, keyring=message.keyring, request_mac=message.mac)
        except dns.tsig.PeerError as e:
            return type(e).__name__


def test_primary_that_lies():
    """Every wrong transfer leaves the zone as it was, with a line that says why; a right one after it is taken."""
    with BackendLab() as lab, Hostile(lab, HOST) as primary:
        with secondary(lab, key=False, options=["--transfer-limit", "1"]) as server:
            serves(11, server)
            for how, why in WRONG.items():
                before = state_of(server)["failures"]
                primary.tell(how, 12)
                notify(lab)
                wait_for(lambda: state_of(server)["failures"] > before, lambda: how + server.log())
                wait_for(lambda: why in state_of(server)["failing"], lambda: f"{how}: {state_of(server)}")
                assert f"stays as it was, with serial 11: {state_of(server)['failing']}" in server.log(), how
                assert txt() == "11", how
            primary.tell("ixfr", 12)
            notify(lab)
            serves(12, server)
            assert txt("new-12") == "n" and ": IXFR, " in server.log()
            primary.tell("whole", 11)  # it has gone back: not newer
            notify(lab)
            wait_for(lambda: "its serial 11 is older than ours, 12" in server.log(), server.log)
            assert txt() == "12" and not list(lab.path("state").glob("*.new*"))
            assert state_of(server)["failures"] >= len(WRONG), state_of(server)


def test_notify_is_checked():
    """From primaries alone, signed where there is a key; the answer is signed too."""
    with BackendLab() as lab, Knot(lab, HOST, text=zone_text(ORIGIN, 1), notify=()) as _:
        with secondary(lab, f"notify-from={v4(HOST)}") as server:
            serves(1, server)
            for to, port, source in ((f"{KERNEL_V4}53", 5300, address(HOST)), (v4(53), 53, v4(HOST))):
                good = notify(lab, source, to, port, SECRET)
                assert good.rcode() == 0 and good.had_tsig and good.flags & dns.flags.AA, good
                assert notify(lab, source, to, port).rcode() == dns.rcode.REFUSED
                assert notify(lab, source, to, port, "d3Jvbmctd3Jvbmctd3JvbmctIQ==") == "PeerBadSignature"
                assert notify(lab, source, to, port, SECRET, "other.example.").rcode() == dns.rcode.NOTAUTH
            other = notify(lab, address(HOST + 1), key=SECRET)
            assert other.rcode() == dns.rcode.REFUSED and "is refused: no primary of it" in server.log()
            assert notify(lab, v4(HOST + 1), v4(53), 53).rcode() == dns.rcode.NOTIMP


def test_restart_and_expire():
    """What is kept is served again without the primary, as long as it has not expired: then SERVFAIL. Above such a zone
    another one is served, which does not answer for it."""
    with BackendLab() as lab:
        text = zone_text(ORIGIN, 7, refresh=2, retry=2, expire=8)
        parent = lab.path("parent.zone", zone_text("example.", 1, "xfr NS ns.elsewhere.\n"))
        options = ["--zone", parent]
        with Bind(lab, HOST, text=text) as primary:
            with secondary(lab, options=options) as server:
                serves(7, server)
            primary.kill()
            began = time.monotonic()
            with secondary(lab, options=options) as server:
                assert txt() == "7", server.log()
                wait_for(lambda: txt() == "SERVFAIL", lambda: txt() + server.log(), 12)
                assert time.monotonic() - began > 5 and "has expired" in server.log()
                assert state_of(server)["state"] == "expired"
                assert wire.parse(wire.ask_udp(wire.query("serial.example.", "TXT"))).answer, "the zone above"
                primary.start()
                serves(7, server)
                server.kill()  # and what it left is whole
                os.utime(lab.path("state") / "xfr.example.zone", (1, 1))
                primary.kill()
                server.start()
                assert txt() == "SERVFAIL" and "serial 7, has expired" in server.log()


def test_damaged_state():
    """A kept zone that was cut is not served, and transferred anew; one that cannot be had at first comes later."""
    with BackendLab() as lab, Nsd(lab, HOST, text=zone_text(ORIGIN, 3)) as primary:
        with secondary(lab) as server:
            serves(3, server)
        kept = lab.path("state") / "xfr.example.zone"
        kept.write_bytes(kept.read_bytes()[:-9])
        primary.kill()
        with secondary(lab) as server:
            assert txt() == "SERVFAIL" and "cannot be served" in server.log(), server.log()
            primary.start()
            serves(3, server, 20)


def test_a_second_primary():
    """The first does not answer, and does not know the key."""
    with BackendLab() as lab, Knot(lab, HOST + 1, text=zone_text(ORIGIN, 4)):
        with secondary(lab, options=["--secondary", f"{ORIGIN}@{address(HOST + 1)},tsig={KEY}"]) as server:
            serves(4, server)
            assert f"from {address(HOST + 1)}:53: AXFR" in server.log()


def test_wrong_usage():
    """One line each, and no start."""
    with BackendLab() as lab:
        keys = lab.path("keys", KEY_TEXT)
        keys.chmod(0o644)
        for options, line in (
                (["--secondary", "xfr.example.@192.0.2.1,tsig=none."], "the TSIG key none. is in no --tsig file"),
                (["--secondary", "xfr.example.@192.0.2.1", "--tsig", keys], "others than its owner may read it"),
                (["--secondary", "xfr.example."], "is not ZONE@ADDRESS"),
                (["--secondary", "a.@1.2.3.4,color=red"], "'color=red' is none of tsig=KEY"),
                (["--secondary", "a.@1.2.3.4", "--transfer-listen", "192.0.2.250:53"], "--transfer-listen: cannot listen on 192.0.2.250:53")):
            server = lab.goldilocks([*options, "--state-dir", lab.path("state")])
            done = sh(*server.command, check=False)
            assert done.returncode != 0 and line in done.stdout, (line, done.stdout[-500:])


run(__name__)
