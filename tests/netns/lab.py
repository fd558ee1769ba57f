"""The laboratory of the tests here: two network namespaces joined by a veth pair.

One namespace holds the interface that Goldilocks drives, with no address of the kernel's own; the process that runs
the tests lives in the other one, with the client's addresses, so every socket and every program it opens is a client.
Everything is named after this process and removed with it; what a killed run left behind, the next run removes.
"""

import contextlib
import ctypes
import os
import re
import signal
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SERVER_V4, CLIENT_V4 = "192.0.2.53", "192.0.2.1"
SERVER_V6, CLIENT_V6 = "2001:db8::53", "2001:db8::1"
SERVER_IF, CLIENT_IF = "gl0", "eth0"

_libc = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000
_PR_SET_PDEATHSIG = 1
_NETNS = Path("/run/netns")
_count = 0


def die_with_parent():
    """For Popen's preexec_fn: the child is killed when the test is."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def sh(*args, check=True, timeout=60, **kw):
    """Runs a program to its end and returns it with its output as text; a failure shows what it said."""
    done = subprocess.run([str(a) for a in args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=timeout, preexec_fn=die_with_parent, **kw)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, args))}: exit code {done.returncode}\n{done.stdout}")
    return done


def enter(namespace_path):
    with open(namespace_path, "rb") as f:
        if _libc.setns(f.fileno(), _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"cannot enter {namespace_path}")


@contextlib.contextmanager
def inside(namespace, back):
    """This thread, and those that it starts, in another namespace for the time of the block."""
    enter(_NETNS / namespace)
    try:
        yield
    finally:
        enter(_NETNS / back)


def sweep():
    """Removes namespaces of test processes that no longer exist."""
    for path in _NETNS.glob("gl-*") if _NETNS.is_dir() else []:
        owner = re.fullmatch(r"gl-(\d+)-\d+[bckps]", path.name)
        if owner and not Path(f"/proc/{owner[1]}").exists():
            subprocess.run(["ip", "netns", "delete", path.name], check=False)


def wait_for(condition, what, limit=10):
    """Until the condition holds; `what` says what did not, or is asked for it."""
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, what() if callable(what) else what
        time.sleep(0.05)


def log_says(log, *lines):
    """Waits until the file has all of these lines."""
    wait_for(lambda: all(line in log.read_text().splitlines() for line in lines),
             lambda: f"{lines} in {log.read_text()!r}")


class Lab:
    """A context manager. Inside it, this process is the client.

    timestamps: net.ipv4.tcp_timestamps of the client. mss: what the client offers (by the route's advmss).
    addresses: False leaves the client's interface without addresses, for tests that set their own.
    """

    def __init__(self, timestamps=True, mss=None, mtu=1500, addresses=True, queues=1):
        global _count
        _count += 1
        self.timestamps, self.mss, self.mtu, self.addresses, self.queues = timestamps, mss, mtu, addresses, queues
        self.server_ns = f"gl-{os.getpid()}-{_count}s"
        self.client_ns = f"gl-{os.getpid()}-{_count}c"
        self._stack = contextlib.ExitStack()

    def __enter__(self):
        try:
            self._build()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *exc):
        self._stack.close()

    def _build(self):
        self.dir = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="gl-netns-")))
        for ns in (self.server_ns, self.client_ns):
            sh("ip", "netns", "add", ns)
            self._stack.callback(sh, "ip", "netns", "delete", ns, check=False)
        self._cable()
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        self._stack.callback(os.close, home)
        enter(_NETNS / self.server_ns)
        self._stack.callback(enter, f"/proc/self/fd/{home}")
        self._server()
        enter(_NETNS / self.client_ns)
        self._client()

    def _server(self):
        # The kernel keeps silent on the interface that Goldilocks drives.
        sysctl(f"net.ipv6.conf.{SERVER_IF}.disable_ipv6", 1)
        sh("ip", "link", "set", SERVER_IF, "up")

    def _cable(self):
        self._veth(self.server_ns, SERVER_IF, self.client_ns, CLIENT_IF)

    def _veth(self, near_ns, near, far_ns, far):
        q = self.queues
        sh("ip", "-n", near_ns, "link", "add", near, "mtu", self.mtu, "numtxqueues", q, "numrxqueues", q,
           "type", "veth", "peer", "name", far, "mtu", self.mtu, "numtxqueues", q, "numrxqueues", q, "netns", far_ns)

    def _client(self):
        as_off_a_wire(CLIENT_IF)
        sysctl("net.ipv4.tcp_timestamps", int(self.timestamps))
        sysctl(f"net.ipv6.conf.{CLIENT_IF}.router_solicitations", 0)
        sh("ip", "link", "set", "lo", "up")
        sh("ip", "link", "set", CLIENT_IF, "up")
        if self.addresses:
            sh("ip", "addr", "add", CLIENT_V4 + "/24", "dev", CLIENT_IF)
            sh("ip", "addr", "add", CLIENT_V6 + "/64", "dev", CLIENT_IF, "nodad")
        if self.mss:
            sh("ip", "route", "replace", "192.0.2.0/24", "dev", CLIENT_IF, "advmss", self.mss)
            sh("ip", "route", "replace", "2001:db8::/64", "dev", CLIENT_IF, "advmss", self.mss)

    def on_exit(self, callback, *args, **kw):
        """Undone before the namespaces go, in reverse order."""
        self._stack.callback(callback, *args, **kw)

    def use(self, context):
        return self._stack.enter_context(context)

    def path(self, name, text=None):
        """A file of this laboratory, with this content if given."""
        path = self.dir / name
        if text is not None:
            path.write_text(text)
        return path

    def lose(self, percent):
        """Drops this share of all TCP and UDP packets, each way, at random. Neighbour discovery is spared: the kernel
        asks three times and then gives up for a while, which is not the subject here."""
        sh("nft", "add table inet loss; "
           + "".join(f"add chain inet loss {hook} {{ type filter hook {hook} priority 0; }};"
                     f"add rule inet loss {hook} meta l4proto {{ tcp, udp }} numgen random mod 1000 < {percent * 10} "
                     f"counter drop;"
                     for hook in ("input", "output")))

    def lose_forwarded(self, percent):
        """The same for what the client's namespace forwards, for somebody behind it."""
        sh("nft", "add table inet loss; add chain inet loss forward { type filter hook forward priority 0; };"
           f"add rule inet loss forward meta l4proto {{ tcp, udp }} numgen random mod 1000 < {percent * 10} counter drop")

    def lose_nothing(self):
        """Ends that, and returns how many packets were lost: on their way in, on their way out."""
        listed = sh("nft", "list", "table", "inet", "loss").stdout
        sh("nft", "delete", "table", "inet", "loss")
        return [int(n) for n in re.findall(r"counter packets (\d+)", listed)]


def as_off_a_wire(interface):
    """Frames as they would come off a wire: checksums filled in, no segment larger than the MTU."""
    for feature in ("tx", "tso", "gso", "gro"):
        sh("ethtool", "-K", interface, feature, "off", check=feature == "tx")


def sysctl(name, value):
    """Of the namespace that this thread is in."""
    # Interface names may not hold dots here, so every dot is a slash.
    Path("/proc/sys", *name.split(".")).write_text(str(value))
