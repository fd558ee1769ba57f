"""goldilocks-ctl and the control socket: what it shows and does, who may ask, and what comes in that is no command."""

import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import time

import wire
from backends import BackendLab, Nsd, forward, settle
from goldilocks import ROOT_ZONE, Goldilocks, built
from http_site import Directory
from http_site import get as http_get
from lab import SERVER_IF, SERVER_V4, SERVER_V6, Lab, die_with_parent, wait_for
from prometheus import PORT, loopback
from runner import run
from test_metrics import health as metrics_health
from test_operations import refused
from zones import txt_zone

IDLE_S = 10


def ctl(server, *words, user=None):
    """Exit code, standard output, standard error."""
    def become():
        die_with_parent()
        if user is not None:
            os.setgroups([])
            os.setgid(user)
            os.setuid(user)

    where = [] if words and words[0] == "-s" else ["-f", server.prefix]
    done = subprocess.run([str(built("app/ctl/goldilocks-ctl")), *where, *map(str, words)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60, preexec_fn=become)
    return done.returncode, done.stdout, done.stderr


def ask(server, *words):
    """The answer of a command that is done."""
    code, said, complained = ctl(server, *words, "--json")
    assert (code, complained) == (0, ""), (words, code, said, complained)
    return json.loads(said)


def path_of(server):
    return f"/var/run/dpdk/{server.prefix}/goldilocks.sock"


def connect(server, path=None):
    s = socket.socket(socket.AF_UNIX)
    s.connect(str(path or path_of(server)))  # waits where many do so
    s.settimeout(20)
    return s


def said_to(server, line):
    """What comes back to the bytes of one line, and whether the connection ends then."""
    with connect(server) as s:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it may hear enough before the end
            s.sendall(line)
        heard = b""
        while not heard.endswith(b"\n"):
            part = s.recv(65536)
            assert part, (line[:80], heard)
            heard += part
        return json.loads(heard)


def served():
    assert wire.parse(wire.ask_udp(wire.query("serial.big.example.", "TXT"))).answer


# --- what it shows and does

def test_shows():
    """The same numbers as telemetry, for each core and together."""
    with Lab(queues=2) as lab:
        zones = [lab.path("big.zone", txt_zone(serial=7)), lab.path("other.zone", txt_zone("other.example."))]
        device = f"--vdev=net_af_packet0,iface={SERVER_IF},qpairs=2"
        with Goldilocks(lab, zones=zones, workers=2, device=device) as server:
            for _ in range(20):
                served()
                wire.ask(wire.query("serial.big.example.", "TXT"))
            status = ask(server, "status")
            assert status["state"] == "serving" and status["process"] == server.process.pid, status
            assert (status["workers"], status["zones"], status["zones_refused"]) == (2, 2, 0), status
            assert [p["driver"] for p in status["ports"]] == ["net_af_packet"], status

            def same():
                told = ask(server, "counters")
                return (told["sum"]["frames"] == server.telemetry("/goldilocks/counters")
                        and told["sum"]["dns"] == server.telemetry("/goldilocks/service,dns")
                        and all(told["cores"][str(c)]["frames"] == server.counters(c) for c in (1, 2)))

            wait_for(same, "not what telemetry says")
            told = ask(server, "counters")
            assert told["sum"]["dns"]["queries_tcp"] == 20, told
            for name, value in told["sum"]["frames"].items():
                assert value == sum(told["cores"][c]["frames"][name] for c in ("1", "2")), name
            code, text, _ = ctl(server, "counters")
            assert code == 0 and "core 1" in text and "core 2" in text and "queries_tcp" in text, text
            assert " received " in text and "drop_arp_conflict" not in text, text

            big, other = sorted(ask(server, "zones")["zones"], key=lambda z: z["zone"])
            assert (big["zone"], big["serial"], big["source"], big["last_read"]) == (
                "big.example.", 7, str(zones[0]), "taken"), big
            assert big["records"] == 5 and other["zone"] == "other.example.", (big, other)
            code, text, _ = ctl(server, "zones")
            assert code == 0 and [line.split()[0] for line in text.splitlines()[2:]].count("big.example.") == 1, text
            code, text, _ = ctl(server, "status")
            assert code == 0 and "state: serving" in text.splitlines(), text


def test_drain():
    """Health says no and yes again; clients are served all the time."""
    with Lab() as lab:
        loopback(lab)
        zone = lab.path("big.zone", txt_zone(serial=7))
        site = Directory(lab).add_usual()
        options = ["--metrics", f"127.0.0.1:{PORT}", "--http", f"80,root={site.root},health=/health"]
        with Goldilocks(lab, options, zones=[zone]) as server:
            def told():
                return ctl(server, "health")[0], metrics_health(lab)[0], http_get("/health").status

            assert told() == (0, 200, 200)
            assert ctl(server, "drain") == (0, "", "")
            assert told() == (1, 503, 503) and ask(server, "status")["state"] == "draining"
            served()
            assert ctl(server, "health")[1] == "state: draining\n"
            assert ctl(server, "undrain") == (0, "", "")
            assert told() == (0, 200, 200)
            assert ctl(server, "drain", 1) == (0, "", "")
            assert told()[0] == 1
            wait_for(lambda: told() == (0, 200, 200), "it drains for ever")
            assert ctl(server, "undrain")[0] == 0
            served()


def test_reload():
    """It ends when the reload has; one zone alone; what is refused says so."""
    with Lab() as lab:
        files = [lab.path("big.zone", txt_zone(serial=1)), lab.path("other.zone", txt_zone("other.example.", serial=1))]
        secret = lab.path("secret")
        with Goldilocks(lab, zones=files, secret=secret) as server:
            def serials():
                return sorted((z["zone"], z["serial"]) for z in ask(server, "zones")["zones"])

            files[0].write_text(txt_zone(serial=2))
            ended = ask(server, "reload")
            assert (ended["zones_changed"], ended["zones_as_before"]) == (1, 1), ended
            assert serials() == [("big.example.", 2), ("other.example.", 1)]
            for file, origin in zip(files, ("big.example.", "other.example.")):
                file.write_text(txt_zone(origin, serial=3))
            ended = ask(server, "zone-reload", "OTHER.example")
            assert ended["zones_changed"] == 1, ended
            assert serials() == [("big.example.", 2), ("other.example.", 3)]
            assert ask(server, "zone-reload", "other.example.")["zones_as_before"] == 2
            assert ask(server, "reload")["zones_changed"] == 1
            assert serials() == [("big.example.", 3), ("other.example.", 3)]
            files[1].write_text(txt_zone("other.example.", serial=4) + "oops A 192.0.2.999\n")
            code, said, complained = ctl(server, "reload")
            assert code == 1 and "other.zone:8" in complained and "zones_refused: 1" in said, (code, said, complained)
            assert serials() == [("big.example.", 3), ("other.example.", 3)]
            code, _, complained = ctl(server, "zone-reload", "example.")
            assert (code, complained) == (1, "goldilocks-ctl: there is no zone example.\n")
            secret.write_text("short")
            files[1].write_text(txt_zone("other.example.", serial=5))
            code, said, complained = ctl(server, "reload")
            assert code == 1 and "keeping the old secrets" in complained and "zones_changed: 1" in said, said
            served()


def test_stop():
    """As SIGTERM: with a time to drain, and at a second word at once. The socket goes with the server."""
    with Lab() as lab:
        zone = lab.path("big.zone", txt_zone(serial=1))
        with Goldilocks(lab, zones=[zone]) as server:
            assert ctl(server, "stop", 600) == (0, "", "")
            assert ctl(server, "health")[:2] == (1, "state: ending\n")
            for word in ("drain", "undrain"):
                assert ctl(server, word)[0] == 1
            served()
            assert ctl(server, "stop") == (0, "", "")
            assert server.process.wait(timeout=20) == 0
            assert not os.path.exists(path_of(server))
            code, _, complained = ctl(server, "health")
            assert code == 1 and "No such file" in complained, complained
            server.start()
            assert ctl(server, "stop") == (0, "", "")
            assert server.process.wait(timeout=20) == 0
            server.start()


def test_log_level():
    """More and less is said from now on; nothing else changes."""
    with Lab() as lab:
        zone = lab.path("big.zone", txt_zone(serial=1))
        with Goldilocks(lab, zones=[zone]) as server:
            assert ask(server, "log-level") == {"ok": True, "level": "info"}
            assert "debug: " not in server.log()
            assert ask(server, "log-level", "debug")["level"] == "debug"
            assert ask(server, "zone-reload", "big.example.")["zones_as_before"] == 1
            assert "debug: zone big.example.: read again, and as before" in server.log(), server.log()
            assert 'debug: goldilocks-ctl: {"command":"zone-reload","zone":"big.example."}' in server.log(), server.log()
            assert ask(server, "log-level", "error")["level"] == "error"
            before = server.log()
            assert before.splitlines()[-1].endswith("notice: log level: error, on goldilocks-ctl"), before
            zone.write_text(txt_zone(serial=2))
            assert ask(server, "reload")["zones_changed"] == 1
            assert server.log() == before
            assert ask(server, "log-level", "info")["level"] == "info"
            assert server.log().splitlines()[-1].endswith("notice: log level: info, on goldilocks-ctl"), server.log()
            answer = said_to(server, b'{"command": "log-level", "level": "loud"}\n')
            assert answer == {"ok": False, "error": "log-level: level is error, warning, notice, info or debug"}, answer
            assert ctl(server, "log-level", "loud")[0] == 1


def test_flush():
    """Answers that are kept for later clients are asked for anew, on every core."""
    def all_answered(numbers):
        for n in numbers:
            for address in (SERVER_V4, SERVER_V6):
                assert wire.parse(wire.ask_udp(wire.query("com.", "DS", number=n), address)).answer

    with BackendLab() as lab, Nsd(lab, 10, [ROOT_ZONE]):
        with lab.goldilocks(["--forward", forward(10), "--forward-serve", 300], zones=()) as server:
            settle(server, 0)

            def asked():
                return server.backend(0, "sent") - server.backend(0, "health_sent")

            all_answered(range(20))
            assert asked() == 1 and server.forwarding("served") == 39, server.forwarding()
            assert ask(server, "flush") == {"ok": True, "cores": 1}
            assert server.forwarding("flushed") == 1
            all_answered(range(20, 40))
            assert asked() == 2 and server.forwarding("served") == 78, server.forwarding()
    with Lab() as lab, Goldilocks(lab, zones=[lab.path("big.zone", txt_zone())]) as server:
        code, _, complained = ctl(server, "flush")
        assert code == 1 and "nothing is forwarded" in complained, complained


def test_progress():
    """How far the reading of a large zone is, in `status` and `zones`."""
    many = "".join(f"$GENERATE 1-400000 n{letter}$ A 192.0.2.1\n" for letter in "ab")
    with Lab() as lab:
        zone = lab.path("big.zone", txt_zone(serial=1))
        with Goldilocks(lab, zones=[zone]) as server:
            zone.write_text(txt_zone(serial=2) + many)
            seen, steps = [], set()
            reload = subprocess.Popen([str(built("app/ctl/goldilocks-ctl")), "-f", server.prefix, "reload"],
                                      stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, preexec_fn=die_with_parent)
            while reload.poll() is None:
                seen += ask(server, "status").get("loading", [])
                steps |= {load["doing"] for load in ask(server, "zones").get("loading", [])}
                served()
            assert reload.returncode == 0
            assert {load["file"] for load in seen} == {str(zone)}, seen
            records = [load["records"] for load in seen]
            assert records == sorted(records) and any(0 < n < 800000 for n in records), records
            assert seen[-1] | {"seconds": 0} == {
                "file": str(zone), "doing": "making answers", "records": 800005, "seconds": 0}, seen[-1]
            assert steps == {"reading", "making answers"}, steps
            assert "loading" not in ask(server, "status") and ask(server, "zones")["zones"][0]["records"] == 800005


def test_progress_in_the_log():
    """Of a zone that takes long; here it comes slowly out of a pipe."""
    with Lab() as lab:
        zone = lab.path("big.zone", txt_zone(serial=1))
        with Goldilocks(lab, zones=[zone]) as server:
            zone.unlink()
            os.mkfifo(zone)
            with open(os.open(zone, os.O_RDWR), "w") as pipe:
                pipe.write(txt_zone(serial=2))
                pipe.flush()
                server.signal(signal.SIGHUP)
                wait_for(lambda: "s so far" in server.log(), server.log, 20)
                assert f"info: zone file {zone}: 0 records read, 5 s so far" in server.log(), server.log()
                assert ctl(server, "status")[1].count(str(zone)) == 1
                served()
            wait_for(lambda: "serial 1 -> 2" in server.log(), server.log)
            assert f"zone file {zone}: 5 records, ended after " in server.log(), server.log()


def test_backends():
    """Who is asked, as the operator wants it; what is drained is asked when the other one dies."""
    def question(n):
        return wire.ask_udp(wire.query(f"x{n}.com.", "A"))[3] & 15  # the rcode

    with BackendLab() as lab, Nsd(lab, 10, [ROOT_ZONE]) as first, Nsd(lab, 11, [ROOT_ZONE]):
        options = ["--forward", forward(10, "", "name=first"), "--forward", forward(11, "", "name=second")]
        with lab.goldilocks(options) as server:
            settle(server, 0, 1)

            def spread(count=24):
                def asked():
                    return [server.backend(n, "sent") - server.backend(n, "health_sent") for n in (0, 1)]

                before = asked()
                for n in range(count):
                    assert question(n) == 0
                return [now - then for now, then in zip(asked(), before)]

            def wanted():
                return {b["backend"]: (b["wanted"], b["cores_up"]) for b in ask(server, "backends")["backends"]}

            assert min(spread()) > 0 and wanted() == {"first": ("up", 1), "second": ("up", 1)}
            assert ctl(server, "backend", "down", "first") == (0, "", "")
            assert spread() == [0, 24] and wanted() == {"first": ("down", 1), "second": ("up", 1)}
            assert ctl(server, "backend", "drain", "second") == (0, "", "")
            assert spread() == [0, 24]
            assert ctl(server, "backend", "up", "first") == (0, "", "")
            assert spread() == [24, 0] and wanted() == {"first": ("up", 1), "second": ("drain", 1)}
            for name in ("first", "second"):
                assert ctl(server, "backend", "down", name)[0] == 0
            assert question(0) == 2
            assert ctl(server, "backend", "up", "first")[0] == ctl(server, "backend", "drain", "second")[0] == 0
            first.kill()
            wait_for(lambda: question(0) == 0, "who is drained is not asked at all", limit=20)
            assert spread() == [0, 24]
            code, _, complained = ctl(server, "backend", "up", "third")
            assert (code, complained) == (1, "goldilocks-ctl: there is no backend third\n")
            code, text, _ = ctl(server, "backends")
            assert code == 0 and len(text.splitlines()) == 4, text


# --- who asks, and how

def test_bad_input():
    """Each has its word, or its end; clients and other operators are served meanwhile."""
    with Lab() as lab, contextlib.ExitStack() as stack:
        zone = lab.path("big.zone", txt_zone(serial=1))
        with Goldilocks(lab, zones=[zone]) as server:
            before = len(os.listdir(f"/proc/{server.process.pid}/fd"))
            silent = stack.enter_context(connect(server))
            half = stack.enter_context(connect(server))
            half.sendall(b'{"command": "sta')
            for line, why in ((b"status\n", "no JSON: wrong at byte"), (b"\n", "no JSON"), (b"\x00\xff\xfe{}\n", "no JSON"),
                              (b'{"command"\n', "no JSON: the line ends before its object does"),
                              (b'{"command": "\xff"}\n', "no JSON: not UTF-8"), (b"{} {}\n", "no JSON: more than one object"),
                              (b"[]\n", "command"), (b"7\n", "no JSON"), (b"{}\n", "command"),
                              (b'{"command": 7}\n', "command"), (b'{"command": "stauts"}\n', "did you mean status?"),
                              (b'{"command": "status", "command": "stop"}\n', "no JSON: a member twice"),
                              (b'{"command": "status", "zone": "x"}\n', "no such member: zone"),
                              (b'{"command": "drain", "second": 5}\n', "no such member: second"),
                              (b'{"command": "drain", "seconds": 0}\n', "seconds"),
                              (b'{"command": "drain", "seconds": -1}\n', "seconds"),
                              (b'{"command": "drain", "seconds": "5"}\n', "seconds"),
                              (b'{"command": "drain", "seconds": 1e99}\n', "seconds"),
                              (b'{"command": "zone-reload"}\n', "which zone"),
                              (b'{"command": "backend", "backend": "x", "wanted": "up"}\n', "no backends"),
                              (b'{"command": "backend", "backend": "x", "wanted": "on"}\n', "up, down or drain"),
                              (b'{"command": "zone-reload", "zone": "' + b"x" * 4000 + b'"}\n', "no zone"),
                              (b"[" * 4000 + b"\n", "no JSON: nested too deep"), (os.urandom(1000).replace(b"\n", b"") + b"\n", "no JSON"),
                              (b"x" * 1_000_000 + b"\n", "at most 4096 bytes")):
                answer = said_to(server, line)
                assert answer["ok"] is False and why in answer["error"], (line[:60], answer)
            assert ask(server, "status")["state"] == "serving"

            with connect(server) as s:  # several at once, and then no more
                s.sendall(b'{"command": "health"}\n{"command":"health"}\n')
                s.shutdown(socket.SHUT_WR)
                heard = b"".join(iter(lambda: s.recv(65536), b""))
                assert heard == b'{"ok":true,"state":"serving"}\n' * 2, heard
            with connect(server) as s:  # gone before its answers
                s.sendall(b'{"command": "counters"}\n' * 100)
            for n in range(100):
                stack.enter_context(connect(server))
                if n % 20 == 0:
                    assert ctl(server, "health")[0] == 0
                    served()
            assert ctl(server, "health")[0] == 0
            # Those that said nothing longest made room; the silent end in time.
            assert silent.recv(1) == b"" and half.recv(1) == b""
            last = stack.enter_context(connect(server))
            began = time.monotonic()
            assert last.recv(1) == b""
            assert IDLE_S - 2 < time.monotonic() - began < IDLE_S + 5, time.monotonic() - began
            descriptors = f"/proc/{server.process.pid}/fd"
            wait_for(lambda: len(os.listdir(descriptors)) == before, lambda: f"{before}, {os.listdir(descriptors)}")


def test_whose_socket():
    """Mode 0600 wherever it lies; nothing that is in the way is lost; what is left of one that was killed is replaced."""
    with Lab() as lab:
        zone = lab.path("big.zone", txt_zone(serial=1))
        os.chmod(lab.dir, 0o755)
        path = lab.path("control.sock")
        with Goldilocks(lab, ["--control-socket", path], zones=[zone]) as server:
            assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
            assert ctl(server, "-s", path, "health")[0] == 0
            code, _, complained = ctl(server, "-s", path, "health", user=65534)
            assert code == 1 and "Permission denied" in complained, (code, complained)
            refused(lab, 1, "--control-socket: .*control.sock: another process answers there",
                    ["--control-socket", str(path)], zone=zone)
            assert ctl(server, "-s", path, "health")[0] == 0
            assert ctl(server, "health")[0] == 1  # not at the usual place
            server.kill()
            assert path.exists()
            server.start()
            assert ctl(server, "-s", path, "health")[0] == 0
        assert not path.exists()
        path.write_text("precious")
        refused(lab, 1, "--control-socket: .*control.sock is there already, and is no socket",
                ["--control-socket", str(path)], zone=zone)
        assert path.read_text() == "precious"
        refused(lab, 1, "--control-socket: .*No such file", ["--control-socket", str(lab.dir / "no/folder/x")], zone=zone)
        refused(lab, 2, "--control-socket: .*neither off nor a path", ["--control-socket", "x" * 108], zone=zone)
        with Goldilocks(lab, ["--control-socket", "off"], zones=[zone]) as server:
            assert not os.path.exists(path_of(server))
            assert ctl(server, "health")[0] == 1


def test_hostile_names():
    """Nothing that strangers or folders are called reaches the terminal as it is."""
    with Lab() as lab:
        folder = lab.path("z\x1b[31m\n\u202e")
        folder.mkdir()
        (folder / "big.zone").write_text(txt_zone())
        with Goldilocks(lab, zones=[folder / "big.zone"]) as server:
            code, said, _ = ctl(server, "zones")
            assert code == 0 and r"z\x1B[31m\x0A\xE2\x80\xAE/big.zone" in said, said
            code, _, said = ctl(server, "zone-reload", "nosuch\n\x1b[31m")
            assert code == 1 and said.count("\n") == 1 and r"nosuch\x0A\x1B[31m" in said, said


def test_usage():
    with Lab():
        program = str(built("app/ctl/goldilocks-ctl"))

        def ends(*words):
            done = subprocess.run([program, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10,
                                  preexec_fn=die_with_parent)
            return done.returncode, done.stdout, done.stderr

        code, said, complained = ends("--help")
        assert code == 0 and said.startswith("usage: goldilocks-ctl") and complained == ""
        for words in ([], ["stauts"], ["status", "x"], ["drain", "soon"], ["drain", "0"], ["zone-reload"], ["--no-such"],
                      ["-t", "0", "status"], ["backend"], ["backend", "up"], ["backend", "on", "x"],
                      ["backend", "up", "x", "y"], ["zone-reload", "a.", "b."], ["-s"], ["-s", "", "status"],
                      ["-f", "", "status"], ["-s", "a", "-f", "b", "status"]):
            code, said, complained = ends(*words)
            assert code == 2 and said == "" and "usage: goldilocks-ctl" in complained, (words, code, said, complained)
        code, _, complained = ends("-s", "/no/such.sock", "health")
        assert code == 1 and "/no/such.sock: No such file" in complained
        code, _, complained = ends("-s", "x" * 200, "health")
        assert code == 1 and "too long" in complained


run(__name__)
