"""Zones that come from other name servers: NSD, Knot and BIND as primaries, restarts, and the end of it."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import dns.flags
import dns.message
import dns.opcode
import dns.query
import dns.rcode

import runner
import wire
from backends import KERNEL_V4, BackendLab, v4
from goldilocks import Goldilocks
from lab import die_with_parent, inside, sh, wait_for
from runner import run
from secondary import HOST, ORIGIN, ask, notify, secondary, serves, state_of, txt
from transfer_peers import KEY, KEY_TEXT, SECRET, Bind, Hostile, Knot, Nsd, address, zone_text

def primary_changes(kind, hows=("IXFR",)):
    """Two versions, the second told by NOTIFY: signed, over IXFR where the primary has one; then one to the
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
            wait_for(lambda: server.total("notify_passed") >= 1, lambda: str(server.counters()))
            assert server.total("notify_dropped") == 0


def test_primary_nsd():
    """It has differences, but not always, of two versions that follow on each other within a second."""
    primary_changes(Nsd, hows=("IXFR", "AXFR"))


def test_primary_knot():
    """Its NOTIFY goes over TCP."""
    primary_changes(Knot)


def test_primary_bind():
    primary_changes(Bind)


def test_notify_is_checked():
    """From primaries alone, signed where there is a key; the answer is signed too."""
    with BackendLab() as lab, Knot(lab, HOST, text=zone_text(ORIGIN, 1), notify=()) as _:
        with secondary(lab, f"notify-from={v4(HOST)}") as server:
            serves(1, server)
            for to, port, source, tcp in ((f"{KERNEL_V4}53", 5300, address(HOST), False), (v4(53), 53, v4(HOST), False),
                                          (f"{KERNEL_V4}53", 5300, address(HOST), True), (v4(53), 53, v4(HOST), True)):
                good = notify(lab, source, to, port, SECRET, tcp=tcp)
                assert good.rcode() == 0 and good.had_tsig and good.flags & dns.flags.AA, good
                assert notify(lab, source, to, port, tcp=tcp).rcode() == dns.rcode.REFUSED
                assert notify(lab, source, to, port, "d3Jvbmctd3Jvbmctd3JvbmctIQ==", tcp=tcp) == "PeerBadSignature"
                assert notify(lab, source, to, port, SECRET, "other.example.", tcp).rcode() == dns.rcode.NOTAUTH
            other = notify(lab, address(HOST + 1), key=SECRET)
            assert other.rcode() == dns.rcode.REFUSED and "is refused: no primary of it" in server.log()
            for tcp in (False, True):
                assert notify(lab, v4(HOST + 1), v4(53), 53, tcp=tcp).rcode() == dns.rcode.NOTIMP


def test_notify_among_questions():
    """Over one connection to the service's address: what stands before and behind it is answered in its order."""
    with BackendLab() as lab, Hostile(lab, HOST):
        with secondary(lab, f"notify-from={v4(HOST)}", key=False) as server:
            serves(11, server)
            with inside(lab.backend_ns, lab.client_ns), socket.create_connection((v4(53), 53), 5, (v4(HOST), 0)) as s:
                sent = []
                for n in range(12):
                    message = dns.message.make_query(ORIGIN if n % 3 else f"serial.{ORIGIN}", "SOA" if n % 3 else "TXT", id=n)
                    if n % 3:
                        message.set_opcode(dns.opcode.NOTIFY)
                    sent.append(message)
                s.sendall(b"".join(wire.framed(m.to_wire()) for m in sent))
                for message in sent:
                    answer = dns.query.receive_tcp(s, expiration=time.time() + 5)[0]
                    assert message.is_response(answer) and answer.rcode() == 0, answer
                    assert len(answer.answer) == (0 if message.opcode() == dns.opcode.NOTIFY else 1), answer
            assert server.total("notify_passed") == 8 and state_of(server)["notifies"] == 8, server.counters()


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


def test_end_before_all_are_opened():
    """SIGTERM is heard between the zones that are kept, each of which a program reads."""
    count = 150
    with BackendLab() as lab, Nsd(lab, HOST, text=zone_text(ORIGIN, 3)):
        with secondary(lab) as server:
            serves(3, server)
        kept = (lab.path("state") / "xfr.example.zone").read_text()
        more = []
        for number in range(count):
            name = f"x{number}.example."
            (lab.path("state") / f"{name}zone").write_text(kept.replace("xfr.example.", name))
            more += ["--secondary", f"{name}@{address(HOST)},tsig={KEY}"]
        began = time.monotonic()
        with secondary(lab, options=more) as server:
            whole = time.monotonic() - began
            assert wire.parse(wire.ask_udp(wire.query(f"serial.x{count - 1}.example.", "TXT"))).answer, server.log()
        server = secondary(lab, options=more)
        process = subprocess.Popen(server.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, text=True, preexec_fn=die_with_parent)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        wait_for(children.read_text, "no zone is read")
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=60)[1]
        ended = time.monotonic() - began
        runner.report(f"{count} zones: serving after {whole:.1f} s, ended {ended:.1f} s after SIGTERM at the first")
        assert process.returncode == 0 and "ending on SIGTERM" in said, said
        assert ended < whole / 2, (ended, whole)


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


def test_check():
    """What a start would refuse, a line each, and no folder is made."""
    with BackendLab() as lab:
        keys, zone, state = lab.path("keys", KEY_TEXT), lab.path("own.zone", zone_text("own.example.", 1)), lab.path("state")
        keys.chmod(0o600)

        fixed = lab.path("fixed")
        fixed.mkdir()

        def check(*options):
            done = sh("unshare", "-m", "sh", "-c", 'mount -t tmpfs -o ro none "$0" && exec "$@"', fixed, Goldilocks.binary, "--check", "--address", v4(53), "--zone", zone, "--secret", lab.path("secret"),
                      "--tsig", keys, *options, check=False)
            return done.returncode, done.stdout

        good = ["--secondary", f"a.example@192.0.2.1,tsig={KEY}", "--secondary", "a.example@192.0.2.2", "--catalog",
                "cat.@192.0.2.1", "--state-dir", state / "deep"]
        code, text = check(*good)
        for line in (f"ok: key file {keys}: 1 key", "ok: secondary zone a.example.: 2 primaries", "ok: catalog cat.: 1 primary",
                     f"ok: state folder {state}/deep"):
            assert code == 0 and line in text.splitlines(), (line, text)
        assert not state.exists(), "a check has made a folder"
        bad = lab.path("bad", "x")
        bad.chmod(0o600)
        for options, line in (
                (["--secondary", "a.@192.0.2.1,tsig=no.", "--notify", "192.0.2.2,tsig=no."], "the TSIG key no. is in no --tsig file"),
                (["--transfer-listen", "127.0.0.1:5300", "--transfer-allow", "0.0.0.0/0,tsig=none."], "the TSIG key none. is in no --tsig file"),
                (["--secondary", "Own.Example@192.0.2.1"], "the zone own.example. is given by --zone and by --secondary or --catalog"),
                (["--secondary", "a.@192.0.2.1", "--state-dir", bad / "x"], f"--state-dir: {bad}/x: Not a directory"),
                (["--secondary", "a.@192.0.2.1", "--state-dir", fixed / "x"], f"--state-dir: {fixed}: cannot be written to: Read-only"),
                (["--tsig", bad], f"key file {bad}:1: neither a key statement nor [ALGORITHM:]NAME:SECRET"),
                (["--tsig", keys], f"key file {keys}: the key {KEY} is in another --tsig file too")):
            state_dir = [] if "--state-dir" in options else ["--state-dir", state]
            code, text = check("--secondary", "z.@192.0.2.9", *state_dir, *options)
            errors = [e for e in text.splitlines() if e.startswith("error: ")]
            assert code == 1 and len(errors) == 1 and errors[0].startswith("error: " + line), (line, text)


run(__name__)
