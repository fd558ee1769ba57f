"""NSD from Debian as the reference: own configuration in a folder, on 127.0.0.1, in the foreground."""
import pathlib
import socket
import subprocess
import time

CONFIG = """server:
  ip-address: 127.0.0.1
  port: {port}
  username: ""
  chroot: ""
  zonesdir: "{folder}"
  database: ""
  pidfile: "{folder}/nsd.pid"
  xfrdfile: "{folder}/xfrd.state"
  zonelistfile: "{folder}/zone.list"
  xfrdir: "{folder}"
  logfile: "{folder}/nsd.log"
  server-count: 1
  tcp-count: 100
  tcp-query-count: 0
  ipv4-edns-size: 1232
  identity: "differential"
  version: "{version}"
  nsid: "ascii_differential"
  answer-cookie: no
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
remote-control:
  control-enable: no
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


class Nsd:
    def __init__(self, folder, zones, version):
        self.folder, self.zones, self.version = pathlib.Path(folder), zones, version

    def __enter__(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        text = CONFIG.format(port=self.port, folder=self.folder, version=self.version)
        for origin, path in self.zones:
            text += f'zone:\n  name: "{origin}"\n  zonefile: "{path}"\n'
        config = self.folder / 'nsd.conf'
        config.write_text(text)
        self.process = subprocess.Popen(['nsd', '-d', '-c', str(config)], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        try:
            self.wait()
        except BaseException:
            self.__exit__()
            raise
        return ('127.0.0.1', self.port)

    def wait(self):
        for _ in range(100):
            if self.process.poll() is not None:
                raise SystemExit(f'nsd ended at once: {(self.folder / "nsd.log").read_text()}')
            try:
                socket.create_connection(('127.0.0.1', self.port), 1).close()
                return
            except OSError:
                time.sleep(0.1)
        raise SystemExit('nsd does not listen')

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
