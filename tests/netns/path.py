"""A laboratory whose client is far from the server: between them a namespace in which relay.cc stands for `tc netem`.

    client eth0 ---- near [ relay ] far ---- gl0 [ server ]
"""

import re
import signal
import subprocess

from goldilocks import built
from lab import CLIENT_IF, SERVER_IF, Lab, as_off_a_wire, die_with_parent, inside, sh, sysctl

NEAR_IF, FAR_IF = "near", "far"  # toward the client, toward the server


def relay_program():
    return built("tests/netns/relay")


class Relay:
    """One process. options: those of `relay --help`; a value for both ways, or two: from the client, and to it."""

    def __init__(self, namespace, log, **options):
        words = [f"--{name}={','.join(map(str, value)) if isinstance(value, (tuple, list)) else value}"
                 for name, value in options.items()]
        self.command = ["ip", "netns", "exec", namespace, str(relay_program()), *words, NEAR_IF, FAR_IF]
        self.log, self.process, self.out = log, None, None

    def start(self):
        self.out = open(self.log, "a", encoding="ascii")
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.out,
                                        text=True, preexec_fn=die_with_parent)
        if self.process.stdout.readline() != "ready\n":
            self.stop()
            raise AssertionError(f"{' '.join(self.command)}: {self.log.read_text()}")

    def stop(self):
        """What it counted: {"lost": (from the client, to it), ...}."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            said = self.process.communicate(timeout=10)[0]
        except subprocess.TimeoutExpired:
            self.process.kill()
            said = self.process.communicate()[0]
        self.out.close()
        there, back = (dict(re.findall(r"([a-z-]+)=(\d+)", line)) for line in (said.splitlines() + ["", ""])[:2])
        return {name: (int(there[name]), int(back[name])) for name in there}


class PathLab(Lab):
    """A context manager like Lab. path: the relay's options at first; path_is() changes them."""

    def __init__(self, path=None, **lab_options):
        super().__init__(**lab_options)
        self.path_ns = self.client_ns[:-1] + "p"
        self._path_options, self.relay = path or {}, None

    def _cable(self):
        sh("ip", "netns", "add", self.path_ns)
        self._stack.callback(sh, "ip", "netns", "delete", self.path_ns, check=False)
        self._veth(self.path_ns, NEAR_IF, self.client_ns, CLIENT_IF)
        self._veth(self.path_ns, FAR_IF, self.server_ns, SERVER_IF)
        with inside(self.path_ns, self.server_ns):
            for interface in (NEAR_IF, FAR_IF):
                as_off_a_wire(interface)
                sysctl(f"net.ipv6.conf.{interface}.disable_ipv6", 1)
                sh("ip", "link", "set", interface, "up")
        with inside(self.server_ns, self.server_ns):
            as_off_a_wire(SERVER_IF)  # where the kernel serves

    def _client(self):
        super()._client()
        self._stack.callback(self._end)
        self.path_is(**self._path_options)

    def _end(self):
        if self.relay:
            relay, self.relay = self.relay, None
            return relay.stop()
        return None

    def path_is(self, **options):
        """From now on; what is on its way is lost. Returns what was counted until now."""
        counted = self._end()
        relay = Relay(self.path_ns, self.path("relay.log"), **options)
        relay.start()
        self.relay = relay
        return counted

    def round_trip_is(self, milliseconds, **options):
        return self.path_is(delay=milliseconds / 2, **options)
