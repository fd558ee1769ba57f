"""Metrics for Prometheus (--metrics): what a scrape says, who may ask, and a real Prometheus."""

import contextlib
import json
import re
import signal
import socket
import subprocess
import time
import urllib.error

import wire
from backends import BackendLab, Nsd, forward, settle
from goldilocks import NOT_VERDICTS, ROOT_ZONE, Goldilocks
from http_site import Directory
from http_site import get as http_get
from lab import ROOT, SERVER_IF, SERVER_V4, SERVER_V6, Lab, die_with_parent, inside, sh, wait_for
from prometheus import PORT, Prometheus, Samples, get, loopback, scrape
from runner import run
from test_operations import refused
from zones import txt_zone

METRICS = ("--metrics", f"127.0.0.1:{PORT}")
BY_PORT = {"received": "received_frames", "received_bytes": "received_bytes", "sent": "sent_frames",
           "sent_bytes": "sent_bytes", "tx_full": "tx_full_frames"}
ALERTS = ROOT / "docs/prometheus-alerts.yml"
DASHBOARD = ROOT / "docs/grafana-dashboard.json"


def check_text(text):
    """promtool is content: no error, and no warning either."""
    done = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, capture_output=True, timeout=60,
                          preexec_fn=die_with_parent)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), done


def questions(count=20):
    for n in range(count):
        address = (SERVER_V4, SERVER_V6)[n % 2]
        wire.ask(wire.query("com.", "NS"), address)
        wire.ask_udp(wire.query("com.", "NS"), address)


def steady(lab, read):
    """A scrape between two readings of telemetry that say the same: no frame came meanwhile."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        before, text, after = read(), scrape(lab), read()
        if before == after:
            return before, Samples(text)
    raise AssertionError("frames come all the time")


def compare_core(samples, core, counters):
    for name, value in counters.items():
        if name == "verdict_sum":
            continue
        if name in BY_PORT:
            told = samples.total(f"goldilocks_port_{BY_PORT[name]}_total", core=core)
        elif name in NOT_VERDICTS:
            told = samples.one(f"goldilocks_core_{name}_total", core=core)
        else:
            told = samples.one("goldilocks_frames_total", core=core, verdict=name)
        assert told == value, f"core {core}: {name} is {value} by telemetry, {told} by metrics"
    frames = samples.total("goldilocks_port_received_frames_total", core=core)
    frames += samples.one("goldilocks_core_resumed_total", core=core)
    assert frames == samples.total("goldilocks_frames_total", core=core)
    assert samples.one("goldilocks_core_burst_frames_sum", core=core) == counters["received"]


def compare_group(samples, group, counters, **labels):
    for name, value in counters.items():
        told = samples.total(f"goldilocks_{group}_{name}_total", **labels)
        assert told == value, f"{group}: {name} is {value} by telemetry, {told} by metrics"


# --- what it says

def test_same_as_telemetry():
    """Two workers, each with counters of its own."""
    with Lab(queues=2) as lab:
        loopback(lab)
        device = f"--vdev=net_af_packet0,iface={SERVER_IF},qpairs=2"
        with Goldilocks(lab, METRICS, workers=2, device=device) as server:
            questions(40)

            def read():
                return {c: server.counters(c) for c in (1, 2)}, server.telemetry("/goldilocks/service,dns")

            (cores, dns), samples = steady(lab, read)
            for core, counters in cores.items():
                compare_core(samples, core, counters)
            compare_group(samples, "dns", dns)
            assert samples.total("goldilocks_dns_queries_tcp_total") == 40
            assert len(samples.values("goldilocks_dns_queries_tcp_total")) == 2
            assert sum(samples.total("goldilocks_port_received_frames_total", core=c) > 0 for c in (1, 2)) >= 1
            kinds = [samples.total("goldilocks_frames_total", kind=k) for k in ("reply", "drop", "other")]
            assert sum(kinds) == samples.total("goldilocks_frames_total") and kinds[0] > 0, kinds


def test_load_of_a_core():
    """Busy and idle together are the time, and neither goes back."""
    with Lab() as lab:
        loopback(lab)
        with Goldilocks(lab, METRICS):
            first, began = Samples(scrape(lab)), time.monotonic()
            busy = idle = 0
            while time.monotonic() < began + 2:
                questions(4)
                now = Samples(scrape(lab))
                assert now.one("goldilocks_core_busy_seconds_total", core=1) >= busy
                assert now.one("goldilocks_core_idle_seconds_total", core=1) >= idle
                busy = now.one("goldilocks_core_busy_seconds_total", core=1)
                idle = now.one("goldilocks_core_idle_seconds_total", core=1)
            names = [f"goldilocks_core_{n}_seconds_total" for n in ("busy", "idle")]
            began, last, ended = time.monotonic() - began, Samples(scrape(lab)), time.monotonic() - began
            passed = sum(last.one(n) - first.one(n) for n in names)
            assert began - 0.5 < passed < ended + 0.5, f"{passed} s of {began} to {ended}"
            assert last.one(names[0]) > first.one(names[0])
            assert last.one("goldilocks_core_rounds_total") > first.one("goldilocks_core_rounds_total")
            assert last.one("goldilocks_core_burst_frames_bucket", le="32") == last.one(
                "goldilocks_core_burst_frames_count")


def test_every_service_and_backends():
    with BackendLab() as lab, Nsd(lab, 10, [ROOT_ZONE]):
        loopback(lab)
        site = Directory(lab).add_usual()
        more = lab.path("more.zone", txt_zone(serial=7))
        options = ["--forward", forward(10, "", "name=first"), "--http", f"80,root={site.root}", "--sum", "on,port=9000,reply=on",
                   "--talk", "5432", "--tftp", f"69,root={site.root}", "--rpc-once", f"9100,journal={lab.path('journal')}",
                   "--rpc", "on,allow=192.0.2.0/24"]
        with lab.goldilocks([*METRICS, *options], zones=[more]) as server:
            settle(server, 0)
            for _ in range(10):
                wire.ask(wire.query("com.", "NS"))
            assert wire.parse(wire.ask(wire.query("serial.big.example.", "TXT"))).answer
            assert http_get("/index.html").status == 200

            def read():
                names = server.telemetry("/goldilocks/service")
                return ({n: server.telemetry(f"/goldilocks/service,{n}") for n in names}, server.forwarding(),
                        server.telemetry("/goldilocks/tcp_helper"), server.backend(0))

            (services, forwarding, helper, backend), samples = steady(lab, read)
            check_text(scrape(lab))
            assert {"dns", "http", "sum", "talk", "tftp"} <= set(services), services
            for name, counters in services.items():
                compare_group(samples, re.sub(r"\W", "_", name), counters)
            compare_group(samples, "forward", forwarding)
            compare_group(samples, "tcp_helper", helper)
            facts = {"name", "pools", "weight", "cores", "cores_up", "p50_us", "p90_us", "p99_us", "latency"}
            compare_group(samples, "backend", {k: v for k, v in backend.items() if k not in facts}, backend="first")
            assert samples.one("goldilocks_backend_up", backend="first") == 1
            trips = samples.one("goldilocks_backend_round_trip_seconds_count", backend="first")
            assert trips == sum(backend["latency"].values()) > 0
            assert 0 < samples.one("goldilocks_backend_round_trip_seconds_sum", backend="first") < trips * 5
            assert samples.one("goldilocks_zone_serial", zone="big.example.") == 7
            assert samples.one("goldilocks_http_requests_total", core=1) >= 1


def test_process():
    with Lab() as lab:
        loopback(lab)
        with Goldilocks(lab, METRICS) as server:
            samples = Samples(scrape(lab))
            resident = samples.one("process_resident_memory_bytes") / 1024
            assert abs(resident - server.memory_kib()) < 4096, (resident, server.memory_kib())
            assert abs(samples.one("process_start_time_seconds") - time.time()) < 90
            assert 0 < samples.one("goldilocks_uptime_seconds") < 90
            version = sh(server.binary, "--version").stdout.split()[1]
            assert samples.one("goldilocks_build_info", version=version) == 1
            assert 0 < samples.one("goldilocks_mempool_free_buffers", core=1) <= samples.one(
                "goldilocks_mempool_buffers", core=1)
            assert samples.one("goldilocks_port_up", port=0) == 1
            assert samples.one("goldilocks_ethdev_received_packets_total", port=0) > 0


def test_reload():
    with Lab() as lab:
        loopback(lab)
        zone = lab.path("big.zone", txt_zone(serial=1))
        with Goldilocks(lab, METRICS, zones=[zone]) as server:
            def told(name):
                return Samples(scrape(lab)).one(f"goldilocks_zone_{name}", zone="big.example.")

            loaded = told("load_timestamp_seconds")
            assert abs(loaded - time.time()) < 90 and told("load_success") == 1 and told("serial") == 1
            zone.write_text(txt_zone(serial=2) + "oops A 192.0.2.999\n")
            server.signal(signal.SIGHUP)
            wait_for(lambda: told("load_success") == 0, "a refused zone is not told")
            assert told("serial") == 1 and told("load_timestamp_seconds") == loaded
            assert Samples(scrape(lab)).one("goldilocks_zones_refused") == 1
            zone.write_text(txt_zone(serial=3))
            server.signal(signal.SIGHUP)
            wait_for(lambda: told("serial") == 3, "serial 3 is not told")
            assert told("load_success") == 1 and told("load_timestamp_seconds") >= loaded
            assert Samples(scrape(lab)).one("goldilocks_zone_loads_total") == 3


# --- who asks, and how

def test_ipv6_and_no_other_address():
    with Lab() as lab:
        loopback(lab)
        config = lab.path("metrics.conf", f"[goldilocks]\nmetrics = [::1]:{PORT}\n")
        with Goldilocks(lab, ["--config", config]):
            check_text(scrape(lab, "[::1]"))
            for host in ("127.0.0.1", "127.0.0.2"):
                try:
                    scrape(lab, host)
                    raise AssertionError(f"answered at {host} as well")
                except urllib.error.URLError as e:
                    assert isinstance(e.reason, ConnectionRefusedError), e


def test_off_by_default():
    with Lab() as lab, Goldilocks(lab) as server:
        listening = sh("ip", "netns", "exec", lab.server_ns, "ss", "-tlnH").stdout
        assert listening == "", listening
        assert "metrics at" not in server.log()


def test_paths_and_methods():
    with Lab() as lab:
        loopback(lab)
        with Goldilocks(lab, METRICS):
            for path, method, status in (("/", "GET", 404), ("/metrics/", "GET", 404), ("/../metrics", "GET", 404),
                                         ("/metrics", "POST", 405), ("/metrics", "DELETE", 405)):
                try:
                    get(lab, f"http://127.0.0.1:{PORT}{path}", method)
                    raise AssertionError(f"{method} {path} is answered")
                except urllib.error.HTTPError as e:
                    assert e.code == status, (method, path, e.code)
            with get(lab, f"http://127.0.0.1:{PORT}/metrics", "HEAD") as reply:
                assert reply.status == 200 and reply.read() == b""
            with get(lab, f"http://127.0.0.1:{PORT}/metrics?name[]=up") as reply:
                assert b"goldilocks_build_info" in reply.read()


def health(lab):
    try:
        with get(lab, f"http://127.0.0.1:{PORT}/health") as reply:
            return reply.status, reply.read()
    except urllib.error.HTTPError as e:
        return e.code, e.read()


def test_health():
    """200 while it serves; 503 from SIGTERM on until it ends, with new connections still answered."""
    with Lab() as lab:
        loopback(lab)
        server = Goldilocks(lab, [*METRICS, "--drain", 3])
        with server:
            assert health(lab) == (200, b"serving\n")
            server.signal(signal.SIGHUP)
            assert health(lab) == (200, b"serving\n")
            with wire.connect() as begun:
                server.signal(signal.SIGTERM)
                wait_for(lambda: health(lab) == (503, b"draining\n"), server.log)
                for connection in (begun, wire.connect()):  # one that was open, and a new one
                    connection.sendall(wire.framed(wire.query(".", "SOA")))
                    assert wire.parse(wire.read_answer(connection)).answer
            assert wire.parse(wire.ask_udp(wire.query(".", "SOA"))).answer
            assert health(lab)[0] == 503
            assert server.process.wait(timeout=20) == 0
            server.start()
            assert health(lab)[0] == 200
            server.signal(signal.SIGTERM)  # the end of the test sends the second one


def connect_from(lab, source):
    with inside(lab.server_ns, lab.client_ns):
        s = socket.socket()
    s.settimeout(30)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    s.bind((source, 0))
    s.connect(("127.0.0.1", PORT))
    return s


def test_silent_and_slow_scrapers():
    """They hold up neither other scrapers nor the clients nor the main core, and are ended after a while."""
    with Lab() as lab, contextlib.ExitStack() as stack:
        loopback(lab)
        zone = lab.path("big.zone", txt_zone(serial=1))
        with Goldilocks(lab, METRICS, zones=[ROOT_ZONE, zone]) as server:
            whole = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
            words = (b"", whole[:8], whole[:-2], whole * 400)  # the last one asks for megabytes, and reads nothing
            quiet = []
            for source in ("127.0.0.2", "127.0.0.3"):
                for said in words:
                    s = stack.enter_context(connect_from(lab, source))
                    s.sendall(said)
                    quiet.append(s)
            for _ in range(5):
                began = time.monotonic()
                scrape(lab)
                assert time.monotonic() - began < 5
            questions(10)
            zone.write_text(txt_zone(serial=2))
            server.signal(signal.SIGHUP)
            wait_for(lambda: Samples(scrape(lab)).one("goldilocks_zone_serial", zone="big.example.") == 2,
                     "the main core does not read zones again")
            # More of one address than it may have are closed at once; the silent ones later.
            fifth = stack.enter_context(connect_from(lab, "127.0.0.2"))
            assert fifth.recv(1) == b""
            assert quiet[0].recv(1) == b"", "a silent connection is kept"


def test_wrong_values():
    with Lab() as lab:
        loopback(lab)
        for value in ("9777", "127.0.0.1", "localhost:9777", "127.0.0.1:0", "[::1]", "127.0.0.1:99999"):
            refused(lab, 2, "--metrics: .*" + re.escape(value), ["--metrics", value])
        refused(lab, 1, r"--metrics: cannot listen on 198\.51\.100\.9:9777: Cannot assign", ["--metrics", "198.51.100.9:9777"])
        with inside(lab.server_ns, lab.client_ns):
            taken = socket.socket()
        with taken:
            taken.bind(("127.0.0.1", PORT))
            taken.listen()
            refused(lab, 1, rf"--metrics: cannot listen on 127\.0\.0\.1:{PORT}: Address already in use", METRICS)


# --- Prometheus itself

def expressions(dashboard):
    """What the panels ask for, with Grafana's variables filled in."""
    found = [t["expr"] for panel in dashboard["panels"] for t in panel.get("targets", [])]
    return [re.sub(r"\$__rate_interval", "10s", e.replace("$instance", ".*")) for e in found]


def test_prometheus_scrapes():
    """Prometheus takes what is said, rates come out, and it understands the dashboard and the alerts."""
    with BackendLab() as lab, Nsd(lab, 10, [ROOT_ZONE]):
        loopback(lab)
        more = lab.path("more.zone", txt_zone(serial=7))
        site = Directory(lab).add_usual()
        sh("promtool", "check", "rules", ALERTS)
        with lab.goldilocks([*METRICS, "--forward", forward(10, "", "name=first"), "--http", f"80,root={site.root}"],
                            zones=[more]) as server, \
                Prometheus(lab, ALERTS) as prometheus:
            settle(server, 0)

            def rate():
                questions(2)
                return (prometheus.query("sum(rate(goldilocks_forward_asked_tcp_total[10s]))") or [0])[0]

            wait_for(lambda: rate() > 0, lambda: "no rate:\n" + prometheus.said(), limit=60)
            assert prometheus.query("scrape_samples_scraped")[0] > 300
            assert prometheus.query("sum by (core) (rate(goldilocks_core_busy_seconds_total[10s]))")[0] > 0
            panels = expressions(json.loads(DASHBOARD.read_text()))
            assert len(panels) > 10
            for expression in panels:
                wait_for(lambda e=expression: prometheus.query(e), f"nothing comes of {expression}", limit=60)
            rules = [r for g in prometheus.api("rules")["groups"] for r in g["rules"]]
            wait_for(lambda: all(r["health"] == "ok" for g in prometheus.api("rules")["groups"] for r in g["rules"]),
                     lambda: str(prometheus.api("rules")), limit=60)
            assert len(rules) > 5
            names = Samples(scrape(lab)).names()
            for rule in rules:
                for name in re.findall(r"goldilocks_\w+", rule["query"]):
                    assert name in names, f"{rule['name']}: there is no {name}"


run(__name__)
