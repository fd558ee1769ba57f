"""RPC with ACK, exactly once (--rpc-once): our client against it, with loss, and others that docs/rpc-once.md made."""

import collections
import struct
import subprocess
import threading

import rpc_once
from goldilocks import Goldilocks, built
from lab import CLIENT_V4, CLIENT_V6, SERVER_IF, SERVER_V4, SERVER_V6, Lab, die_with_parent, wait_for
from rpc_once import ACK, APPEND, BAD_ARGUMENTS, COUNT, DENIED, ECHO, REPLY, SUCCESS, UNKNOWN_PROCEDURE
from runner import run

PORT = 5435


def start(*arguments):
    return subprocess.Popen([built("app/rpc/goldilocks-rpc"), *map(str, arguments)], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=die_with_parent)


def rpc(*arguments, text=""):
    process = start(*arguments)
    out, err = process.communicate(text, timeout=120)
    process.stdout, process.stderr = out, err
    return process


def serve(lab, *options, **more):
    value = ",".join([str(PORT), f"journal={lab.path('journal')}", f"state={lab.path('state')}", *options])
    return Goldilocks(lab, ["--rpc-once", value], zones=(), **more)


def counters(server):
    return server.telemetry("/goldilocks/service,rpc-once")


def counted(server, **wanted):
    wait_for(lambda: {n: counters(server)[n] for n in wanted} == wanted, lambda: f"{wanted} in {counters(server)}")


def journal(lab):
    """Numbers and texts."""
    lines = lab.path("journal").read_text().splitlines()
    return [(int(line.split(" ", 2)[0]), line.split(" ", 2)[2]) for line in lines]


def check_journal(lab, texts):
    """Each text once, the numbers without a gap."""
    found = journal(lab)
    assert [number for number, _ in found] == list(range(1, len(found) + 1))
    twice = [text for text, n in collections.Counter(text for _, text in found).items() if n != 1]
    assert not twice, f"executed more than once: {twice}"
    assert {text for _, text in found} == set(texts), set(texts) ^ {text for _, text in found}


def test_procedures():
    with Lab() as lab, serve(lab) as server:
        for address in (SERVER_V4, SERVER_V6):
            assert rpc("-p", PORT, address, "echo", "hello", "").stdout == "hello\n\n"
        assert rpc(SERVER_V4, "append", "first").stdout == "1 first\n"
        assert rpc(SERVER_V6, "append", text="second\n-third\n").stdout == "2 second\n3 -third\n"
        assert rpc(SERVER_V4, "count").stdout == "3\n"
        assert rpc(SERVER_V4, "append", "a\x1b[2Jb\nc").returncode == 0
        check_journal(lab, ["first", "second", "-third", "a\\x1B[2Jb\\x0Ac"])
        for arguments in (("append", ""), ("echo", "x" * 1025), ("none", "x"), ("count", "x"), ()):
            assert rpc(SERVER_V4, *arguments).returncode == 2, arguments
        assert rpc("--help").returncode == 0
        counted(server, executed=4, acknowledged=4, late_acks=5)


run(__name__)
