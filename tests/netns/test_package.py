"""The Debian package: lintian, the units, and a server that runs from where dpkg has put it.

It is installed over the system at hand, or with --long over a new minimal one, in an overlay that nobody else sees: its
mounts live as long as the process that looks into them.
"""

import contextlib
import functools
import os
import re
import shlex
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import runner
from goldilocks import Goldilocks, driver_device, lcores
from lab import ROOT, SERVER_V4, Lab, die_with_parent, sh, wait_for
from runner import Skip, report, run
from zones import txt_zone

UNITS = "usr/lib/systemd/system"  # the package says lib, which is a link to there
# $1: the system below, $2: what is written goes there. /dev and /sys are the machine's.
_ENTER = """mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/merged" &&
mount -t proc proc "$2/merged/proc" && mount --rbind /dev "$2/merged/dev" &&
mount --rbind /sys "$2/merged/sys" && cp /etc/resolv.conf "$2/merged/etc/resolv.conf" &&
cd "$2" && shift 2 && exec chroot merged "$@" """


class System:
    """A Debian system of a test's own; what lies below is not changed."""

    def __init__(self, folder, below="/"):
        self.folder, self.below = Path(folder), below
        for name in ("upper", "work", "merged"):
            (self.folder / name).mkdir()
        tried = self.sh("true", check=False)
        if "overlay" in tried.stdout:
            raise Skip(f"no overlay here: {tried.stdout.strip()}")

    def command(self, *words):
        return ["unshare", "--mount", "sh", "-c", _ENTER, "sh", str(self.below), str(self.folder), *map(str, words)]

    def sh(self, *words, **kw):
        return sh(*self.command(*words), **kw)

    def path(self, name):
        """A file that was made or changed here."""
        return self.folder / "upper" / name


@functools.cache
def package():
    out = tempfile.TemporaryDirectory()
    path = Path(sh(ROOT / "scripts/package", "--build", Goldilocks.binary.parents[2], out.name, timeout=280)
                .stdout.splitlines()[-1])
    assert path.parent == Path(out.name) and path.exists(), path
    return path, out  # the folder goes with it


def settings(unit, key):
    return [line.partition("=")[2] for line in unit.read_text().splitlines() if line.startswith(key + "=")]


def configure(system, eal):
    """As an operator would: uncomments what the files show, and says which port."""
    conf = system.path("etc/goldilocks/goldilocks.conf")
    text = conf.read_text()
    for line in (f"address = {SERVER_V4}/24", "zone = /usr/share/doc/goldilocks/examples/example.zone"):
        assert text.count(f"\n#{line}\n") == 1, line
        text = text.replace(f"\n#{line}\n", f"\n{line}\n")
    conf.write_text(text)
    default = system.path("etc/default/goldilocks")
    changed = re.sub(r'^EAL_FLAGS=.*$', f'EAL_FLAGS="{" ".join(eal)}"', default.read_text(), flags=re.M)
    assert changed != default.read_text()
    default.write_text(changed)


@contextlib.contextmanager
def started(lab, system):
    """ExecStart of the unit, with the capabilities that it leaves."""
    unit = system.path(f"{UNITS}/goldilocks.service")
    assert settings(unit, "EnvironmentFile") == ["/etc/default/goldilocks"]
    variables = dict(shlex.split(line)[0].split("=", 1)
                     for line in system.path("etc/default/goldilocks").read_text().splitlines() if "=" in line.partition("#")[0])
    words = []
    for word in settings(unit, "ExecStart")[0].split():
        words += variables[word[1:]].split() if word.startswith("$") else [word]
    for name in settings(unit, "StateDirectory"):
        system.sh("install", "-d", "-m", "700", f"/var/lib/{name}")
    powers = ",".join(f"+{name.removeprefix('CAP_').lower()}" for name in settings(unit, "CapabilityBoundingSet")[0].split())
    held = ["setpriv", f"--bounding-set=-all,{powers}", "--inh-caps=-all", "--no-new-privs"]
    log = lab.path("goldilocks.log")
    with open(log, "ab") as output:
        process = subprocess.Popen(["ip", "netns", "exec", lab.server_ns, *system.command(*held, *words)],
                                   stdin=subprocess.DEVNULL, stdout=output, stderr=output, preexec_fn=die_with_parent)
    try:
        wait_for(lambda: process.poll() is not None or "serving 1 zone" in log.read_text(), log.read_text, 60)
        assert process.poll() is None, log.read_text()
        yield process
        process.terminate()
        assert process.wait(20) == 0, log.read_text()
    finally:
        process.kill()
        process.wait()


def installs_and_serves(lab, system, install):
    """`install` does it; the package lies at /package.deb."""
    shutil.copy(package()[0], system.path("package.deb"))
    install()
    # /run of the machine is not looked at: DPDK's own folder is made anew.
    configure(system, [lcores(), "--no-huge", "-m", "512", "--no-pci", driver_device("af_packet")])
    with started(lab, system) as process:
        kept = Path(f"/proc/{process.pid}/status").read_text()
        assert re.search(r"^CapBnd:\s+0000000000007400$", kept, re.M) and "NoNewPrivs:\t1" in kept, kept
        for transport in ("+notcp", "+tcp"):
            said = sh("kdig", f"@{SERVER_V4}", transport, "+short", "www.example.", "A").stdout
            assert said.strip() == "192.0.2.80", said
    assert system.path("var/lib/goldilocks/secret").stat().st_mode & 0o077 == 0


def test_lintian_and_contents():
    deb, _ = package()
    done = sh("lintian", "--allow-root", "--fail-on", "error,warning", deb)
    assert not re.search(r"^[EW]: ", done.stdout, re.M), done.stdout
    names = re.findall(r" \./(\S+)$", sh("dpkg-deb", "--contents", deb).stdout, re.M)
    for name in ("usr/sbin/goldilocks", "usr/bin/goldilocks-zone", "usr/bin/goldilocks-ctl", "usr/bin/goldilocks-health",
                 "lib/systemd/system/goldilocks.service", "lib/systemd/system/goldilocks-health.service",
                 "etc/default/goldilocks-health", "etc/goldilocks/goldilocks.conf",
                 "usr/share/man/man8/goldilocks.8.gz", "usr/share/man/man5/goldilocks.conf.5.gz",
                 "usr/share/bash-completion/completions/goldilocks", "usr/share/doc/goldilocks/copyright"):
        assert name in names, f"{name} is not in the package: {names}"
    assert "libsystemd0" in sh("dpkg-deb", "--field", deb, "Depends").stdout


def test_installed():
    """Over this system: dpkg, the units, a server by the unit's own words, configuration that stays, and purged again."""
    with Lab() as lab:
        system = System(lab.use(tempfile.TemporaryDirectory()))
        system.sh("rm", "-rf", "/var/lib/goldilocks")  # of this machine's own

        def install():
            system.sh("dpkg", "-i", "/package.deb")
            system.sh("systemd-analyze", "verify", "goldilocks.service", "goldilocks-hugepages.service",
                      "goldilocks-health.service")
            said = system.sh("systemd-analyze", "security", "--offline=yes", "goldilocks.service").stdout
            exposure = re.search(r"Overall exposure level for goldilocks.service: ([\d.]+) \w+", said)
            report(f"systemd-analyze security: {exposure[0].partition(': ')[2]}")
            assert float(exposure[1]) <= 3, said

        installs_and_serves(lab, system, install)
        ours = system.path("etc/goldilocks/goldilocks.conf").read_text()
        system.sh("dpkg", "-i", "/package.deb")
        assert system.path("etc/goldilocks/goldilocks.conf").read_text() == ours, "the configuration was written over"
        system.sh("dpkg", "--purge", "goldilocks")
        assert not system.path("etc/goldilocks/goldilocks.conf").exists()
        assert not system.path("usr/sbin/goldilocks").exists()
        system.sh("test", "!", "-e", "/var/lib/goldilocks")


def calls_of(name):
    """The system calls of a set of systemd's, those of the sets in it included."""
    listed = sh("systemd-analyze", "syscall-filter", name).stdout.splitlines()[1:]
    words = [line.strip() for line in listed if line.strip() and not line.strip().startswith("#")]
    return set().union(*(calls_of(word) if word.startswith("@") else {word} for word in words))


def test_system_calls():
    """What a life with files, metrics, dnstap and a reload calls, the unit lets through."""
    with Lab() as lab:
        lab.path("www").mkdir()
        zone, trace = lab.path("big.zone", txt_zone(serial=1)), lab.path("trace")
        server = Goldilocks(lab, ["--http", f"80,root={lab.path('www')}", "--metrics", "127.0.0.1:9953",
                                  "--dnstap", f"file:{lab.path('tap')}"], zones=[zone])
        at = server.command.index(str(server.binary))
        server.command[at:at] = ["strace", "-f", "-qq", "-o", str(trace)]
        server.start()
        try:
            pid = int(re.match(r"\d+", trace.read_text())[0])
            zone.write_text(txt_zone(serial=2))
            os.kill(pid, signal.SIGHUP)
            wait_for(lambda: "serial 1 -> 2" in server.log(), server.log)
            os.kill(pid, signal.SIGTERM)
            assert server.process.wait(20) == 0, server.log()
        finally:
            server.kill()
        used = set(re.findall(r"^\d+ +(\w+)\(", trace.read_text(), re.M))
    allowed = set()
    for line in settings(ROOT / "packaging/goldilocks.service", "SystemCallFilter"):
        named = set().union(*(calls_of(word) for word in line.removeprefix("~").split()))
        allowed = allowed - named if line.startswith("~") else allowed | named
    # Port I/O, which the library of virtio's driver asks for as it is loaded, whether there is such a port or not.
    assert {"mmap", "poll", "signalfd4"} <= used and used - allowed <= {"iopl"}, used - allowed


def test_hugepages():
    """More where there are fewer, never less, and not a part without a word."""
    script = ROOT / "packaging/hugepages"
    with tempfile.TemporaryDirectory() as folder:
        count = Path(folder) / "nr_hugepages"
        for wanted, before, after in ((5, 3, 5), (5, 8, 8), (0, 0, 0)):
            count.write_text(f"{before}\n")
            sh("env", f"HUGEPAGES={wanted}", script, count)
            assert int(count.read_text()) == after
        # As many as the kernel can give: here two.
        fewer = Path(folder) / "script"
        fewer.write_text(script.read_text().replace('echo "$wanted" > "$1"', 'echo 2 > "$1"'))
        count.write_text("0\n")
        done = sh("env", "HUGEPAGES=5", "sh", fewer, count, check=False)
        assert done.returncode == 1 and "only 2 of 5 hugepages" in done.stdout, done.stdout


def test_clean_system():
    """Over a new minimal Debian: nothing is needed but what the package asks for. Takes minutes."""
    if not runner.LONG:
        raise Skip("only with --long (scripts/nightly)")
    with tempfile.TemporaryDirectory() as folder:
        below = Path(folder) / "debian"
        # Its mounts go with it.
        sh("unshare", "--mount", "debootstrap", "--variant=minbase", "bookworm", below, timeout=900)
        system = System(Path(tempfile.mkdtemp(dir=folder)), below)
        shutil.copy(package()[0], system.path("package.deb"))
        system.sh("apt-get", "update", "-q", timeout=300)
        # The network is this machine's, so before the laboratory is built.
        system.sh("apt-get", "install", "-qy", "--no-install-recommends", "/package.deb", timeout=900)
        with Lab() as lab:
            installs_and_serves(lab, system, lambda: system.sh("dpkg", "-i", "/package.deb"))


if __name__ == "__main__":
    run(__name__)
