"""The log: each line in the form that was asked for, whatever names stand in it; levels; and what a flood leaves of it."""

import json
import os
import re
import signal
import subprocess

import wire
from backends import BackendLab, Nsd, forward, settle
from goldilocks import ROOT_ZONE, Goldilocks
from lab import Lab, die_with_parent, wait_for
from runner import run
from zones import txt_zone

LEVELS = ("error", "warning", "notice", "info", "debug")
KEYS = ["time", "level", "source", "message"]
HOSTILE = 'we"ird\\\n\x1b[31m{\udcff\u202e.zone'  # \udcff: the byte ff, which is no UTF-8


def objects(text):
    """Every line, by Python's own parser."""
    lines = text.splitlines()
    assert lines and text.endswith("\n"), text
    told = [json.loads(line) for line in lines]
    for line in told:
        assert list(line)[:4] == KEYS, line
        assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"]), line
        assert line["level"] in LEVELS and line["source"] in ("goldilocks", "dpdk"), line
        assert not re.search(r"[\x00-\x08\x0a-\x1f\x7f\u202e]", line["message"]), line
    assert [line["time"] for line in told] == sorted(line["time"] for line in told)
    return told


def of(told, message):
    found = [line for line in told if message in line["message"]]
    assert len(found) == 1, (message, found, told)
    return found[0]


def test_json():
    """DPDK's lines, zones read again and refused, a backend, a link, a service, and the counters at the end."""
    with BackendLab() as lab:
        site = lab.path("site")
        site.mkdir()
        (site / "a").write_text("a")
        zone = lab.path(HOSTILE)
        zone.write_text(txt_zone(serial=1))
        options = ["--forward", forward(10, "net.", "name=b10"), "--forward-health-failures", 1, "--log-format", "json",
                   "--http", f"80,root={site}", "--control-socket", "off"]
        with lab.goldilocks(options, zones=[zone]) as server:
            with Nsd(lab, 10, [ROOT_ZONE]):
                settle(server, 0)
            wait_for(lambda: "is down" in server.log(), "the backend is not found to be down")
            zone.write_text(txt_zone(serial=2))
            server.signal(signal.SIGHUP)
            wait_for(lambda: "serial 1 -> 2" in server.log(), server.log)
            zone.write_text(txt_zone(serial=3) + "oops A 192.0.2.999\n")
            server.signal(signal.SIGHUP)
            wait_for(lambda: "stays as it was" in server.log(), server.log)
        told = objects(server.log())
    assert [line for line in told if line["source"] == "dpdk" and line["message"].startswith("EAL: ")], told
    assert of(told, "backend b10 is down") | {"time": ""} == {
        "time": "", "level": "warning", "source": "goldilocks", "message": "backend b10 is down", "backend": "b10"}
    changed, refused = of(told, "serial 1 -> 2"), of(told, "stays as it was")
    assert (changed["level"], changed["zone"], changed["serial"], changed["records"]) == (
        "info", "big.example.", 2, 5), changed
    assert (refused["level"], refused["zone"]) == ("error", "big.example."), refused
    shown = r'we"ird\\x0A\x1B[31m{\xFF\xE2\x80\xAE.zone'
    assert refused["file"] == changed["file"] == f"{lab.dir}/{shown}", refused
    assert f"/{shown}:" in refused["message"], refused
    assert of(told, "files: 1 file")["service"] == "http"
    assert of(told, "serving 1 zone")["level"] == of(told, "ending on SIGTERM")["level"] == "notice"
    frames = of(told, "counters: frames")
    assert frames["group"] == "frames" and frames["counters"]["received"] > 0, frames
    assert of(told, "counters: backend b10")["counters"]["answered"] > 0, told


def test_json_at_the_start():
    """What is wrong with a zone and a port before anything is served: which, in members of their own."""
    with Lab() as lab:
        odd = lab.path("odd.zone", txt_zone(serial=1) + "x 60 A 192.0.2.1\nx 90 A 192.0.2.2\n")
        with Goldilocks(lab, ["--log-format", "json"], zones=[odd]) as server:
            pass
        told = objects(server.log())
        warned = of(told, "TTLs of the A records of x.big.example. differ")
        assert (warned["level"], warned["zone"], warned["file"]) == ("warning", "big.example.", str(odd)), warned
        assert of(told, "port net_af_packet0: net_af_packet")["port"] == "net_af_packet0"
        for flags, member, value in ((["--zone", "/no/such.zone"], "file", "/no/such.zone"),
                                     (["--rx-interrupts", "on"], "port", "net_af_packet0")):
            server = Goldilocks(lab, ["--log-format", "json", *flags], zones=[odd])
            done = subprocess.run(server.command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                                  preexec_fn=die_with_parent)
            assert done.returncode == 1, done
            last = objects(done.stderr)[-1]
            assert (last["level"], last[member]) == ("error", value), last


def test_journal():
    """As systemd reads it from standard error: a priority and the line."""
    with Lab() as lab:
        zone = lab.path("big.zone", txt_zone(serial=1))
        with Goldilocks(lab, ["--log-format", "journal"], zones=[zone]) as server:
            zone.write_text(txt_zone(serial=2) + "oops A 192.0.2.999\n")
            server.signal(signal.SIGHUP)
            wait_for(lambda: "stays as it was" in server.log(), server.log)
        log, _, counters = server.log().partition("frames\n")
        assert counters, "no counters at the end"
        lines = log.splitlines()
        assert all(re.match(r"<[3-7]>\S", line) for line in lines), lines
        for says in ("<6>dpdk: EAL: ", "<5>serving 1 zone on", "<3>zone big.example. stays as it was", "<5>ending on SIGTERM"):
            assert [line for line in lines if line.startswith(says)], (says, lines)


def test_levels():
    """Only what is as bad as asked for; of DPDK too."""
    with Lab() as lab:
        zone = lab.path("big.zone", txt_zone(serial=1))
        for level, has in (("error", set()), ("notice", {"notice"}), ("debug", {"notice", "info", "debug"})):
            with Goldilocks(lab, ["--log-format=json", f"--log-level={level}"], zones=[zone]) as server:
                now = os.stat(zone).st_mtime_ns + 10_000_000
                os.utime(zone, ns=(now, now))
                server.signal(signal.SIGHUP)
                wait_for(lambda: server.telemetry("/goldilocks/info")["zone_loads"] == 2, "not read again")
            log = server.log()
            levels = {line["level"] for line in objects(log)} if log else set()
            assert has <= levels <= set(LEVELS[:LEVELS.index(level) + 1]), (level, levels, log)
            assert level != "debug" or of(objects(log), "read again, and as before")["zone"] == "big.example."


def test_wrong_usage_has_the_form():
    """What is wrong with flags is said in the form that they ask for."""
    with Lab() as lab:
        conf = lab.path("a.conf", "[goldilocks]\nlog-format = json\n")
        for flags in (["--log-format", "json", "--zoen", "x"], ["--config", str(conf), "--zoen", "x"]):
            done = subprocess.run([str(Goldilocks.binary), "--", *flags], stdin=subprocess.DEVNULL, capture_output=True,
                                  text=True, timeout=60, preexec_fn=die_with_parent)
            assert (done.returncode, done.stdout) == (2, ""), done
            line, = objects(done.stderr)
            assert (line["level"], line["message"]) == (
                "error", "unknown option --zoen; did you mean --zone?"), line
        for flag, value in (("--log-format", "xml"), ("--log-level", "loud")):
            done = subprocess.run([str(Goldilocks.binary), "--", flag, value], stdin=subprocess.DEVNULL, capture_output=True,
                                  text=True, timeout=60, preexec_fn=die_with_parent)
            assert done.returncode == 2 and f"error: {flag}: '{value}' is none of " in done.stderr, done


def test_a_flood():
    """Of 130 zones that have changed 100 are told, and how many more there were; what is of another kind is told."""
    with Lab() as lab:
        zones = [lab.path(f"z{n}.zone", txt_zone(f"z{n}.example.", serial=1)) for n in range(130)]
        with Goldilocks(lab, ["--log-format", "json"], zones=zones) as server:
            for n, zone in enumerate(zones):
                zone.write_text(txt_zone(f"z{n}.example.", serial=2))
            server.signal(signal.SIGHUP)
            wait_for(lambda: "zones loaded again" in server.log(), server.log, 60)
            assert wire.parse(wire.ask_udp(wire.query("serial.z129.example.", "TXT"))).answer
        told = objects(server.log())
        assert len([line for line in told if "serial 1 -> 2" in line["message"] and "left_out" not in line]) == 100, told
        left_out = of(told, "30 similar lines left out, the last: zone z")
        assert (left_out["left_out"], left_out["level"]) == (30, "info"), left_out
        assert "130 changed" in of(told, "zones loaded again")["message"]


run(__name__)
