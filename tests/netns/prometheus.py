"""Prometheus beside Goldilocks: scrapes by hand, and a server of its own in the same namespace."""

import json
import re
import subprocess
import time
import urllib.parse
import urllib.request

from lab import die_with_parent, inside, sh, wait_for

PORT = 9777   # of the metrics
OWN_PORT = 9090  # of Prometheus


def loopback(lab):
    """The kernel's own addresses in the namespace of Goldilocks: metrics come over a kernel socket."""
    sh("ip", "-n", lab.server_ns, "link", "set", "lo", "up")


def get(lab, url, method="GET", limit_s=20):
    with inside(lab.server_ns, lab.client_ns):
        return urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=limit_s)


def scrape(lab, host="127.0.0.1"):
    with get(lab, f"http://{host}:{PORT}/metrics") as reply:
        assert reply.headers["Content-Type"].startswith("text/plain; version=0.0.4"), reply.headers
        return reply.read().decode("ascii")


class Samples(dict):
    """What a scrape says, by name and labels as they are written."""

    LINE = re.compile(r'(\w+)(?:\{(.*)\})? (\S+)')
    LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')

    def __init__(self, text):
        super().__init__()
        for line in text.splitlines():
            if line.startswith("#"):
                continue
            name, labels, value = self.LINE.fullmatch(line).groups()
            key = (name, frozenset(self.LABEL.findall(labels or "")))
            assert key not in self, f"twice: {line}"
            self[key] = float(value)

    def values(self, name, **labels):
        """Of all series of this name that have these labels."""
        wanted = {(k, str(v)) for k, v in labels.items()}
        return [v for (n, own), v in self.items() if n == name and wanted <= own]

    def one(self, name, **labels):
        found = self.values(name, **labels)
        assert len(found) == 1, f"{name} {labels}: {len(found)} series"
        return found[0]

    def total(self, name, **labels):
        found = self.values(name, **labels)
        assert found, f"no series {name} {labels}"
        return sum(found)

    def names(self):
        return {name for name, _ in self}


class Prometheus:
    """Debian's server, scraping every second. A context manager."""

    def __init__(self, lab, rules=None):
        self.lab = lab
        rule_files = f"rule_files: ['{rules}']\n" if rules else ""
        self.config = lab.path("prometheus.yml", "global: {scrape_interval: 1s, evaluation_interval: 1s}\n" + rule_files
                               + "scrape_configs:\n- job_name: goldilocks\n  static_configs:\n"
                               f"  - targets: ['127.0.0.1:{PORT}']\n")
        self.log = lab.path("prometheus.log")

    def __enter__(self):
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                ["ip", "netns", "exec", self.lab.server_ns, "prometheus", f"--config.file={self.config}",
                 f"--storage.tsdb.path={self.lab.path('tsdb')}", f"--web.listen-address=127.0.0.1:{OWN_PORT}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent)
        try:
            wait_for(lambda: self.query("up") == [1.0], lambda: "up is not 1:\n" + self.said(), limit=60)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc):
        self.process.terminate()
        self.process.wait()

    def said(self):
        return self.log.read_text(errors="replace")[-3000:]

    def api(self, path, **parameters):
        assert self.process.poll() is None, "prometheus has ended:\n" + self.said()
        url = f"http://127.0.0.1:{OWN_PORT}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with get(self.lab, url) as reply:
            return json.load(reply)["data"]

    def query(self, expression):
        """The values of an instant query; none while it does not answer yet."""
        try:
            return [float(sample["value"][1]) for sample in self.api("query", query=expression)["result"]]
        except urllib.error.HTTPError as e:
            if e.code != 503:
                raise AssertionError(f"{expression}: {e.read().decode()}") from e
        except OSError:
            time.sleep(0.05)
        return []
