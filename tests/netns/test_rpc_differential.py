"""The same calls to rpcbind and to --rpc: the same answers, but for what we refuse to do."""

import subprocess

from goldilocks import Goldilocks
from lab import SERVER_IF, SERVER_V4, Lab, die_with_parent, inside, sh, wait_for
from runner import run
from test_rpc import ALLOW, NFS, RPCBIND, ask_udp, call, connect, read_record, record, words


def text(value):
    return words(len(value)) + value + bytes(-len(value) % 4)


def rpcb(program, version, netid=b"udp"):
    return words(program, version) + text(netid) + text(b"") + text(b"owner")


CALLS = {
    **{f"null {version}": call(RPCBIND, version, 0) for version in (2, 3, 4)},
    **{f"no version {version}": call(RPCBIND, version, 0) for version in (0, 1, 5, 9)},
    "port over UDP": call(RPCBIND, 2, 3, words(RPCBIND, 2, 17, 0)),
    "port over TCP": call(RPCBIND, 2, 3, words(RPCBIND, 2, 6, 0)),
    "port of another version": call(RPCBIND, 2, 3, words(RPCBIND, 9, 17, 0)),
    "port over ICMP": call(RPCBIND, 2, 3, words(RPCBIND, 2, 1, 0)),
    "address": call(RPCBIND, 3, 3, rpcb(RPCBIND, 3)),
    "address, other netid": call(RPCBIND, 4, 3, rpcb(RPCBIND, 4, b"tcp")),
    "address of another version": call(RPCBIND, 4, 3, rpcb(RPCBIND, 9)),
    "address of this version alone": call(RPCBIND, 4, 9, rpcb(RPCBIND, 9)),
    "address of nothing": call(RPCBIND, 4, 3, rpcb(NFS, 3)),
    "arguments too long": call(RPCBIND, 4, 3, words(RPCBIND, 4, 0xffffffff)),
    "no program": call(NFS, 3, 0),
    "no procedure 2": call(RPCBIND, 2, 99),
    "no procedure 4": call(RPCBIND, 4, 99),
    "a flavor that is not there": call(RPCBIND, 2, 0, auth=words(77, 0, 0, 0)),
    "a credential that is none": call(RPCBIND, 2, 0, auth=words(1, 4, 0, 0, 0)),
    "AUTH_SYS": call(RPCBIND, 2, 0, auth=words(1, 28, 1, 4) + b"host" + words(0, 0, 1, 5) + words(0, 0)),
}


def answers():
    """By transport and name."""
    found = {("udp", name): ask_udp(message) for name, message in CALLS.items()}
    for name, message in CALLS.items():
        with connect() as s:
            s.sendall(record(message))
            found["tcp", name] = read_record(s)
    return found


def of_rpcbind():
    with Lab() as lab:
        with inside(lab.server_ns, lab.client_ns):
            sh("ip", "addr", "add", SERVER_V4 + "/24", "dev", SERVER_IF)
            sh("ip", "link", "set", "lo", "up")
        # Its socket and its state in a place of their own.
        command = "mount -t tmpfs none /run && exec rpcbind -f"
        with subprocess.Popen(["ip", "netns", "exec", lab.server_ns, "unshare", "-m", "sh", "-c", command],
                              preexec_fn=die_with_parent) as process:
            try:
                for kind, flags in (("tcp", "-ltn"), ("udp", "-lun")):
                    wait_for(lambda flags=flags: ":111 " in sh("ip", "netns", "exec", lab.server_ns, "ss", flags).stdout,
                             f"rpcbind does not listen over {kind}")
                wait_for(lambda: ask_udp(CALLS["null 2"], limit_s=0.2) is not None, "rpcbind does not answer")
                return answers()
            finally:
                process.kill()


def test_beside_rpcbind():
    theirs = of_rpcbind()
    with Lab() as lab, Goldilocks(lab, ["--rpc", "on" + ALLOW], zones=()):
        ours = answers()
    differing = {key: (ours[key].hex(), theirs[key].hex()) for key in ours if ours[key] != theirs[key]}
    assert not differing, differing


run(__name__)
