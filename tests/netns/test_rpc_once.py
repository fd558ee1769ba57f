"""RPC with ACK, exactly once (--rpc-once): our client against it, with loss, and others that docs/rpc-once.md made."""

import collections
import struct
import subprocess

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
        counted(server, executed=4, acknowledged=4)


def test_loss():
    """Our client against it over IPv4 and IPv6, what the network loses and what the client does: each line once."""
    with Lab() as lab, serve(lab) as server:
        texts = []
        for percent in (0, 1, 5, 20):
            if percent:
                lab.lose(percent)
            running = []
            for n, address in enumerate((SERVER_V4, SERVER_V6, SERVER_V4)):
                mine = [f"{percent}/{n}/{i}" for i in range(20)]
                texts += mine
                running.append((mine, start("--loss", percent, "--seed", percent + n, "--outstanding", (1, 8, 32)[n],
                                            address, "append")))
            for mine, process in running:
                process.stdin.write("\n".join(mine) + "\n")
                process.stdin.close()
            for mine, process in running:
                said = process.stdout.read().splitlines()
                assert process.wait(timeout=120) == 0, process.stderr.read()
                assert [line.split(" ", 1)[1] for line in said] == mine
                told = {int(line.split(" ", 1)[0]): line.split(" ", 1)[1] for line in said}
                assert told.items() <= dict(journal(lab)).items()
            if percent:
                assert min(lab.lose_nothing()) > 0 or percent == 1
        check_journal(lab, texts)
        assert counters(server)["executed"] == len(texts)
        assert counters(server)["repeated"] > 0 and counters(server)["resent"] > 0, counters(server)


def test_two_workers():
    """A client's calls have one place whatever core its datagrams come to; some were handed over."""
    with Lab(queues=2) as lab:
        device = f"--vdev=net_af_packet0,iface={SERVER_IF},qpairs=2"
        with serve(lab, workers=2, device=device) as server:
            lab.lose(10)
            running = []
            for n in range(10):
                process = start(SERVER_V6 if n % 2 else SERVER_V4, "append", *(f"{n}/{i}" for i in range(20)))
                running.append(process)
            for process in running:
                assert process.wait(timeout=120) == 0, process.stderr.read()
            lab.lose_nothing()
            # One call from many ports: it goes to both cores, and is executed by one.
            first = rpc_once.Client(SERVER_V4, PORT)
            first.learn()
            datagram = first.request(1, APPEND, b"from everywhere")
            for _ in range(16):
                with rpc_once.Client(SERVER_V4, PORT, first.client) as other:
                    assert struct.unpack(">Q", other.exchange(datagram, 1).body) == (201,)
            first.close()
            check_journal(lab, [f"{n}/{i}" for n in range(10) for i in range(20)] + ["from everywhere"])
            assert counters(server)["handed_over"] > 0 and counters(server)["executed"] == 201


def test_restart():
    """Killed in the middle: nothing twice, what was replied stands in the journal, and the client tells of the rest."""
    with Lab() as lab:
        server = serve(lab)
        server.start()
        process = start("--outstanding", 16, SERVER_V4, "append", *(f"call {i}" for i in range(300)))
        wait_for(lambda: lab.path("journal").exists() and len(journal(lab)) >= 40, "no call was executed")
        server.kill()
        server.start()
        out, err = process.communicate(timeout=120)
        found = [text for _, text in journal(lab)]
        assert len(set(found)) == len(found), "executed more than once"
        told = [line.split(" ", 1)[1] for line in out.splitlines()]
        assert set(told) <= set(found)
        uncertain = err.count("the server was started anew")
        assert len(told) + uncertain == 300 and process.returncode == (3 if uncertain else 0), err
        assert uncertain <= 16
        assert counters(server)["denied_server_boot"] >= 1
        server.stop()
        assert "boot counter" in server.log()


def test_old_messages_are_denied():
    with Lab() as lab:
        with serve(lab) as server, rpc_once.Client(SERVER_V4, PORT) as client:
            old = client.learn().server_boot
            assert client.call(APPEND, b"one") == (SUCCESS, struct.pack(">Q", 1))
            again = client.request(1, APPEND, b"one")
            for _ in range(3):
                client.send(again)  # after its ACK
            counted(server, drop_finished=3, executed=1)
        with serve(lab) as server, rpc_once.Client(SERVER_V4, PORT, client.client) as late:
            answer = late.exchange(again, 1)
            assert answer.kind == DENIED and answer.status == 1 and answer.server_boot > old
            late.send(client.ack(1))
            counted(server, drop_old_ack=1, executed=0)
            assert counters(server)["denied_server_boot"] >= 1
            # A client that was started anew: its old self's requests are denied as well.
            late.boot = 2
            assert late.call(APPEND, b"two") == (SUCCESS, struct.pack(">Q", 2))
            late.send(late.request(1, APPEND, b"old self", boot=1))
            denied = late.hear()
            assert denied.kind == DENIED and denied.status == 2 and denied.client_boot == 1
        check_journal(lab, ["one", "two"])


def test_a_client_of_the_document():
    with Lab() as lab, serve(lab) as server:
        texts = []
        for address in (SERVER_V4, SERVER_V6):
            with rpc_once.Client(address, PORT) as client:
                for i in range(10):
                    texts.append(f"{address} {i}")
                    assert client.call(APPEND, texts[-1].encode()) == (SUCCESS, struct.pack(">Q", len(texts)))
                assert client.call(ECHO, b"x" * 1024) == (SUCCESS, b"x" * 1024)
                assert client.call(ECHO, b"") == (SUCCESS, b"")
                assert client.call(COUNT) == (SUCCESS, struct.pack(">Q", len(texts)))
                assert client.call(APPEND) == (BAD_ARGUMENTS, b"")
                assert client.call(9) == (UNKNOWN_PROCEDURE, b"")
        lab.lose(20)
        with rpc_once.Client(SERVER_V4, PORT) as client:
            for i in range(20):
                texts.append(f"lossy {i}")
                assert client.call(APPEND, texts[-1].encode()) == (SUCCESS, struct.pack(">Q", len(texts)))
        lab.lose_nothing()
        check_journal(lab, texts)
        assert counters(server)["executed"] == len(texts)


def test_a_server_of_the_document():
    """Our client against another server, in the client's own namespace."""
    with Lab():
        for address in (CLIENT_V4, CLIENT_V6):
            for loss in (0, 20):
                with rpc_once.Server(address, PORT, loss=loss / 100) as server:
                    texts = [f"{address} {loss} {i}" for i in range(16)]
                    done = rpc("--loss", loss, "--statistics", "--outstanding", 16, address, "append", *texts)
                    assert done.returncode == 0 and "sent again" in done.stderr, done.stderr
                    assert sorted(server.executed) == sorted(text.encode() for text in texts)
                    said = [line.split(" ", 1) for line in done.stdout.splitlines()]
                    assert [text for _, text in said] == texts
                    assert all(server.executed[int(number) - 1] == text.encode() for number, text in said)
                    assert rpc(address, "count").stdout == "16\n"
                    assert rpc(address, "echo", "same").stdout == "same\n"
        done = rpc("--wait", 1, CLIENT_V4, "append", "x")
        assert done.returncode == 1 and "no answer" in done.stderr and "nobody listens" in done.stderr, done.stderr


def test_boot_file():
    """One id, a boot counter that grows; two clients cannot be the same one at a time; one from a backup is told."""
    with Lab() as lab, serve(lab):
        boot = lab.path("boot")
        assert rpc("--boot", boot, SERVER_V4, "append", "one").returncode == 0
        first = boot.read_text()
        assert rpc("--boot", boot, SERVER_V4, "append", "two").returncode == 0
        assert boot.read_text().split() == [first.split()[0], "2"]
        line = lab.path("journal").read_text().splitlines()[1]
        assert line == f"2 {first.split()[0]}.2.1 two", line
        boot.write_text(first.split()[0] + " 0\n")
        done = rpc("--boot", boot, SERVER_V4, "append", "three")
        assert done.returncode == 1 and "no id and boot counter" in done.stderr
        boot.write_text(first.replace(" 1", " 2"))
        assert rpc("--boot", boot, SERVER_V4, "append", "three").stdout == "3 three\n"
        boot.write_text(first)
        done = rpc("--boot", boot, SERVER_V4, "append", "never")
        assert done.returncode == 1 and "the boot file is old" in done.stderr, done.stderr
        check_journal(lab, ["one", "two", "three"])
        done = rpc("--boot", lab.path("nowhere/boot"), SERVER_V4, "append", "x")
        assert done.returncode == 1 and "No such file" in done.stderr


def test_behind_nat():
    """Exercise 14 with an RPC: its mapping is forgotten between two requests of one call, which keeps its place."""
    with Lab() as lab, serve(lab):
        with rpc_once.Client(SERVER_V4, PORT) as before:
            before.learn()
            datagram = before.request(1, APPEND, b"once")
            assert before.exchange(datagram, 1).body == struct.pack(">Q", 1)
        with rpc_once.Client(SERVER_V4, PORT, before.client) as after:
            assert after.exchange(datagram, 1).body == struct.pack(">Q", 1)
        check_journal(lab, ["once"])


def test_hostile():
    """Nothing malformed is answered, and none of our own messages; low ports draw nothing."""
    with Lab() as lab, serve(lab) as server, rpc_once.Client(SERVER_V4, PORT) as client:
        client.learn()
        good = client.request(1, APPEND, b"x")
        for broken in (b"", good[:31], b"GLR2" + good[4:], good[:4] + b"\7" + good[5:], good + bytes(1024),
                       good[:8] + bytes(8) + good[16:], good[:28] + bytes(4) + good[32:]):
            client.send(broken)
        client.send(rpc_once.message(REPLY, 1, 1, 1, 1))
        client.send(rpc_once.message(DENIED, 1, 1, 1, 1, status=1))
        counted(server, drop_malformed=7, drop_unexpected=2, executed=0)
        assert client.hear(0.3) is None
        with rpc_once.Client(SERVER_V4, PORT, source_port=1023) as low, \
                rpc_once.Client(SERVER_V4, PORT, source_port=PORT) as ours:
            low.send(good)
            ours.send(good)
            counted(server, drop_source_port=2)
            assert low.hear(0.3) is None and ours.hear(0.3) is None
        sent = client.request(1, APPEND, b"y" * 8)
        client.send(sent)
        heard = [m for m in iter(lambda: client.hear(3), None)]
        assert len(heard) <= 3 and sum(len(m.body) + 32 for m in heard) <= 3 * len(sent)
        assert ACK == 3


def test_options():
    with Lab() as lab:
        lab.path("state", "no number\n")
        for value, says in (("0", "no port from 1 to 65535"), ("5435,", "nothing stands behind the last comma"), ("5435,journal=", "none of"),
                            ("5435,x=y", "none of"), ("5435,journal=/nowhere/at/all", "No such file"),
                            (f"5435,state={lab.path('state')}", "holds no boot counter"),
                            ("5435,journal=/dev/null", "no ordinary file")):
            server = Goldilocks(lab, ["--rpc-once", value], zones=())
            done = subprocess.run(server.command, capture_output=True, text=True, timeout=60, preexec_fn=die_with_parent)
            assert done.returncode in (1, 2) and says in done.stderr, done.stderr
        with Goldilocks(lab, ["--rpc-once", PORT], zones=()):  # without a journal lines are counted
            assert rpc(SERVER_V4, "append", "a", "b").stdout == "1 a\n2 b\n"
            assert rpc(SERVER_V4, "count").stdout == "2\n"


run(__name__)
