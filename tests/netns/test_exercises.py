"""The exercises of the chapter (11.7) whose answer is a dialogue, asserted. Those about RPC alone are unit tests
(tests/unit/rpc_once_exercises_test.cc); docs/services.md says where each one is."""

import concurrent.futures
import os
import struct
import subprocess
import time

import dns.message

import rpc_once
import wire
from exchanges import WrongBytes
from goldilocks import ROOT_ZONE, Goldilocks
from http_site import Directory, content
from lab import CLIENT_V4, SERVER_IF, SERVER_V4, SERVER_V6, Lab, die_with_parent, inside, log_says, sh, sysctl, wait_for
from runner import run
from tftp_client import ACK, DATA, ERROR, Client, ack, data, error, request

TALK, SUM, RPC = 5432, 5434, 5435
SEVEN, HEX = r"printf '\0\1\0\0\0\7'", "od -An -tx1"  # a count of one, the integer 7
INNER_V4, GATEWAY_V4 = "10.0.0.2", "10.0.0.1"
ALLOW = ",allow=192.0.2.0/24,allow=2001:db8::/64"


class Netcat:
    """`nc` in a namespace; say() is a line that is typed, heard() what it has printed."""

    count = 0

    def __init__(self, lab, namespace, *arguments):
        Netcat.count += 1
        self.path = lab.path(f"nc-{Netcat.count}")
        with open(self.path, "wb") as out:
            self.process = subprocess.Popen(["ip", "netns", "exec", namespace, "nc", *map(str, arguments)], stdout=out,
                                            stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent)
        lab.on_exit(self.kill)

    def say(self, text):
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()

    def heard(self):
        return self.path.read_text().splitlines()

    def hears(self, *lines):
        wait_for(lambda: self.heard() == list(lines), lambda: f"{lines}, but {self.heard()}")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()


def listen(lab, namespace, port):
    server = Netcat(lab, namespace, "-u", "-l", port)
    wait_for(lambda: f":{port} " in sh("ip", "netns", "exec", namespace, "ss", "-lun").stdout, "netcat listens")
    return server


def kernel_at_server(lab):
    """The server's address is the kernel's, for experiments between two netcats."""
    with inside(lab.server_ns, lab.client_ns):
        sh("ip", "addr", "add", SERVER_V4 + "/24", "dev", SERVER_IF)
        sh("ip", "link", "set", "lo", "up")


# --- exercise 1 and 13: who may talk to a server

def test_1_several_clients_at_once():
    """Yes: a datagram says whose it is, and the server keeps nothing of a client."""
    with Lab() as lab:
        log = lab.path("talk")
        with Goldilocks(lab, ["--talk", f"{TALK},log={log}"], zones=()):
            clients = [Netcat(lab, lab.client_ns, "-u", "-p", 40001 + n, SERVER_V4, TALK) for n in range(5)]
            for turn in range(3):
                for n, client in enumerate(clients):
                    client.say(f"client {n}, line {turn}")
            log_says(log, *(f"message from <{CLIENT_V4},{40001 + n}>: client {n}, line {turn}"
                        for n in range(5) for turn in range(3)))


def test_13_netcat_listens_to_one_client():
    """A netcat that listens takes its first client for its only one. It hears that client's port again, and no other."""
    with Lab() as lab:
        kernel_at_server(lab)
        b = listen(lab, lab.server_ns, TALK)
        a = Netcat(lab, lab.client_ns, "-u", "-p", 40001, SERVER_V4, TALK)
        a.say("hello")
        b.hears("hello")
        b.say("hello yourself")  # (a)
        a.hears("hello yourself")
        a.kill()
        other = Netcat(lab, lab.client_ns, "-u", "-p", 40002, SERVER_V4, TALK)
        other.say("from another port")  # (b): it is lost
        same = Netcat(lab, lab.client_ns, "-u", "-p", 40001, SERVER_V4, TALK)
        same.say("from the same port")  # (c)
        b.hears("hello", "from the same port")


def test_13_goldilocks_listens_to_all():
    """Killed and started again, from another port or the same one, a client is heard: there is no connection to lose."""
    with Lab() as lab:
        log = lab.path("talk")
        with Goldilocks(lab, ["--talk", f"{TALK},log={log}", "--sum", f"on,port={SUM},reply=on"], zones=()):
            for turn, port in enumerate((40001, 40002, 40001)):
                client = Netcat(lab, lab.client_ns, "-u", "-p", port, SERVER_V4, TALK)
                client.say(f"line {turn}")
                log_says(log, f"message from <{CLIENT_V4},{port}>: line {turn}")
                client.kill()
                answer = sh("sh", "-c", f"{SEVEN} | nc -u -W 1 -w 5 -p {port} {SERVER_V4} {SUM} | {HEX}")
                assert answer.stdout.split() == ["00", "00", "00", "07"], answer.stdout


# --- 11.1.4: netcat in a client's place

def test_netcat_asks_each_service():
    """Types a datagram in hexadecimal, and reads what comes back so: of TFTP nothing, since DATA comes from another port, which a
    netcat that has connected its socket does not hear (11.1.4, 11.2)."""
    with Lab() as lab:
        site = Directory(lab, "files")
        site.add("/file", b"x")
        log = lab.path("talk")
        with Goldilocks(lab, ["--talk", f"{TALK},log={log}", "--sum", f"{SUM},reply=on", "--rpc-once", RPC, "--rpc", f"on{ALLOW}",
                              "--nfs", f"root={site.root}{ALLOW}", "--tftp", f"69,root={site.root}"], zones=[ROOT_ZONE]) as server:
            null = lambda program, version: struct.pack(">10I", 7, 0, 2, program, version, 0, 0, 0, 0, 0)  # noqa: E731
            done = struct.pack(">6I", 7, 1, 0, 0, 0, 0)
            for address in (SERVER_V4, SERVER_V6):
                def ask(port, payload, seconds=5):
                    words = f"echo {payload.hex()} | xxd -r -p | nc -u -W 1 -w {seconds} {address} {port} | xxd -p | tr -d '\\n'"
                    return bytes.fromhex(sh("sh", "-c", words).stdout)
                assert ask(SUM, struct.pack(">HII", 2, 20, 22)) == struct.pack(">I", 42)
                denied = rpc_once.Message(ask(RPC, rpc_once.message(rpc_once.REQUEST, 5, 1, 0, 1, 1, rpc_once.ECHO, 0, b"12345678")))
                assert denied.kind == rpc_once.DENIED and denied.client == 5
                assert ask(111, null(100000, 2)) == done
                assert ask(2049, null(100003, 3)) == done
                answer = dns.message.from_wire(ask(53, wire.query(".", "SOA", number=7)))
                assert answer.id == 7 and answer.answer
                assert ask(69, request("file"), seconds=1) == b""
                assert ask(TALK, f"typed to {address}".encode(), seconds=1) == b""
                wait_for(lambda a=address: f": typed to {a}\n" in log.read_text(), log.read_text)
            assert server.telemetry("/goldilocks/service,tftp")["offered"] == 2


# --- exercises 2 and 3: both sides send again by their timers, and neither because something came twice

def transfer(site, server_timeout, client_timeout, lost):
    """A file of four blocks. `lost`: the first packet of this kind with number 3. What the client sent and received."""
    sent, received = [], []
    with Client() as client:
        def send_ack(number):
            sent.append(number)
            if not (lost == ACK and number == 3 and sent.count(3) == 1):
                client.send(ack(number))

        client.ask(request("file", timeout=server_timeout))
        number = 0
        send_ack(0)
        until = time.monotonic() + client_timeout
        while number < 4:
            packet = client.receive(max(until - time.monotonic(), 0.001))
            if packet is None:
                send_ack(number)
                until = time.monotonic() + client_timeout
                continue
            if packet.opcode != DATA:
                continue
            received.append(packet.number)
            if lost == DATA and packet.number == 3 and received.count(3) == 1:
                continue
            if packet.number == number + 1:
                number += 1
                send_ack(number)
                until = time.monotonic() + client_timeout
        client.silent(0.3)
    return {"data 3": received.count(3), "data 4": received.count(4), "ack 2": sent.count(2), "ack 3": sent.count(3)}


def test_2_3_timeouts_of_both_sides():
    """(a) both after 2 s, (b) the sender after 1 s and the receiver after 3, (c) the other way round. Exercise 2 loses the
    first DATA[3], exercise 3 the first ACK[3]. Where two timers run out at once either may be first."""
    expected = {
        # 2 (a): both send again, DATA[3] and ACK[2]; the ACK is a duplicate, and draws nothing.
        (DATA, 2, 2): {"data 3": (2,), "data 4": (1,), "ack 2": (1, 2), "ack 3": (1,)},
        # 2 (b): the sender is first, and the receiver's timer never runs out.
        (DATA, 1, 3): {"data 3": (2,), "data 4": (1,), "ack 2": (1,), "ack 3": (1,)},
        # 2 (c): the receiver's ACK[2] at 1 and 2 s (and 3) does not bring DATA[3]; the sender's timer does.
        (DATA, 3, 1): {"data 3": (2,), "data 4": (1,), "ack 2": (3, 4), "ack 3": (1,)},
        # 3 (a): both again, DATA[3] and ACK[3]; the ACK is what counts.
        (ACK, 2, 2): {"data 3": (1, 2), "data 4": (1,), "ack 2": (1,), "ack 3": (2,)},
        # 3 (b): DATA[3] at 1 and 2 s (and 3) is a duplicate, which the receiver does not answer; its own timer does it.
        (ACK, 1, 3): {"data 3": (3, 4), "data 4": (1,), "ack 2": (1,), "ack 3": (2,)},
        # 3 (c): the receiver is first, and the sender's timer never runs out.
        (ACK, 3, 1): {"data 3": (1,), "data 4": (1,), "ack 2": (1,), "ack 3": (2,)},
    }
    with Lab() as lab:
        site = Directory(lab, "tftp")
        site.add("/file", content(3 * 512 + 7))
        with Goldilocks(lab, ["--tftp", f"69,root={site.root}"], zones=()):
            with concurrent.futures.ThreadPoolExecutor(len(expected)) as pool:
                found = {case: pool.submit(transfer, site, case[1], case[2], case[0]) for case in expected}
            for case, counts in expected.items():
                for what, allowed in counts.items():
                    assert found[case].result()[what] in allowed, (case, what, found[case].result())


# --- exercises 4 and 5: a receiver's states, with Goldilocks as the receiver

def test_4_states_of_a_receiver():
    """ESTABLISHED from the first block on (a server's WRQ has no UNLATCHED state: it knows the port), DALLYING after the
    last; 5: what is too short to have an opcode and a number is not read as if it had."""
    with Lab() as lab:
        folder = lab.path("written")
        folder.mkdir()
        with Goldilocks(lab, ["--tftp", f"69,root={folder},write={folder}"], zones=()) as server, \
                Client() as client, Client() as stranger:
            client.ask(request("new", opcode=2))
            client.send(data(1, bytes(512)))
            assert client.receive().number == 1
            stranger.send(data(2, bytes(512)), client.tid)  # ERROR 5, and the transfer goes on
            packet = stranger.receive()
            assert (packet.opcode, packet.number) == (ERROR, 5)
            client.send(data(1, bytes(512)))  # N: its ACK was lost
            assert client.receive().number == 1
            for number in (0, 3, 9):  # neither N nor N + 1
                client.send(data(number, bytes(512)))
                client.silent(0.05)
            for short in (b"", b"\0", b"\0\3", b"\0\3\0"):  # exercise 5
                client.send(short)
            client.silent(0.05)
            client.send(data(2, b"the end"))
            assert client.receive().number == 2
            client.send(data(2, b"the end"))  # DALLYING: the last block again, its ACK again
            assert client.receive().number == 2
            for number in (1, 3):
                client.send(data(number, b"x"))
                client.silent(0.05)
            assert (folder / "new").read_bytes() == bytes(512) + b"the end"
            client.send(error(0))  # in every state: over
            client.silent(0.05)
            assert server.telemetry("/goldilocks/service,tftp")["aborted"] == 1


# --- exercise 7: old duplicates

def test_7_old_duplicates():
    """(a) Only the client's port is new: what was sent to the old one does not reach it. (b) Only the server's is new: the
    client knows by DATA[1] whose port is right, and DATA[N] of another one gets ERROR 5. 7.1: before it knows, DATA[1] of
    an old request is taken for that of the new one; here that transfer is not finished, since the new request has ended
    the old one and its ACK gets ERROR 5."""
    with Lab() as lab:
        site = Directory(lab, "tftp")
        for name in ("foo", "bar"):
            site.add(f"/{name}", name.encode() * 1000)
        with Goldilocks(lab, ["--tftp", f"69,root={site.root}"], zones=()):
            with Client(port=40_001) as old:
                old.ask(request("foo"))
                old.send(ack(1))
                assert old.receive().number == 2  # comes again by the server's timer
                with Client(port=40_002) as new:  # (a)
                    assert new.get("bar") == site.files["/bar"]
                    assert new.received == 6, "the blocks of bar, and nothing of foo"
                first = old.tid
                old.tid = None
                bar = old.ask(request("bar"))  # (b)
                while bar.tid == first:  # what was still on its way
                    bar = old.receive()
                old.tid = bar.tid
                wrong = old.receive(3)
                assert (wrong.tid, wrong.number) == (first, 2), "DATA[2] of foo, from its own port"
                old.send(error(5), wrong.tid)
                assert old.get("bar", first=bar) == site.files["/bar"]
            with Client(port=40_003) as client:  # 7.1
                client.send(request("foo"), 69)
                client.send(request("bar"), 69)
                latched = client.receive()
                assert (latched.number, latched.body[:3]) == (1, b"foo"), "what comes first is taken"
                client.tid = latched.tid
                client.send(ack(1))
                while (packet := client.receive()).tid != latched.tid:
                    assert packet.body[:3] == b"bar"
                assert (packet.opcode, packet.number) == (ERROR, 5)


# --- exercise 9: a read that is executed twice

def test_9_a_read_is_repeated():
    """Between two times the file has changed: the answers differ. That is no failure of idempotence: executing the read
    has changed nothing, and whichever answer arrives was right at its time."""
    with Lab() as lab:
        site = Directory(lab, "tftp")
        site.add("/file", b"old")
        with Goldilocks(lab, ["--tftp", f"69,root={site.root}"], zones=()) as server:
            with Client() as client:
                assert client.ask(request("file")).body == b"old"
                site.add("/file", b"newer")
                server.signal(1)
                wait_for(lambda: "files read again: 1 changed" in server.log(), server.log)
                client.tid = None
                assert client.ask(request("file")).body == b"newer"


# --- exercise 14: behind a NAT

class Nat:
    """The laboratory's client becomes the NAT router; A, inside, is a namespace behind it."""

    def __init__(self, lab, timeout_s=30):
        self.inner = f"gl-{os.getpid()}-a"
        sh("ip", "netns", "add", self.inner)
        lab.on_exit(sh, "ip", "netns", "delete", self.inner, check=False)
        sh("ip", "link", "add", "inner", "type", "veth", "peer", "name", "a", "netns", self.inner)
        sh("ip", "addr", "add", GATEWAY_V4 + "/24", "dev", "inner")
        sh("ip", "link", "set", "inner", "up")
        for words in (("link", "set", "lo", "up"), ("link", "set", "dev", "a", "up"), ("addr", "add", INNER_V4 + "/24", "dev", "a"),
                      ("route", "add", "default", "via", GATEWAY_V4)):
            sh("ip", "-n", self.inner, *words)
        for at, interface in ((("ip", "netns", "exec", self.inner), "a"), ((), "inner")):
            for feature in ("tx", "tso", "gso", "gro"):
                sh(*at, "ethtool", "-K", interface, feature, "off", check=False)
        sysctl("net.ipv4.ip_forward", 1)
        sh("nft", "add table ip nat; add chain ip nat out { type nat hook postrouting priority 100; };"
                  f"add rule ip nat out ip saddr {INNER_V4} masquerade;"
                  # What nobody inside has asked for is dropped, as such routers do: no ICMP tells the sender.
                  "add table ip filter; add chain ip filter in { type filter hook input priority 0; };"
                  f"add rule ip filter in ip saddr {SERVER_V4} meta l4proto udp drop")
        for name in ("nf_conntrack_udp_timeout", "nf_conntrack_udp_timeout_stream"):
            sysctl(f"net.netfilter.{name}", timeout_s)

    def sh(self, *words, **more):
        return sh("ip", "netns", "exec", self.inner, *words, **more)


def test_14_netcat_through_nat():
    """(a, b) Both directions work, as A began; (c) until the router forgets; (d) also from a pair of netcats of their own,
    as long as the ports are the same."""
    with Lab() as lab:
        kernel_at_server(lab)
        nat = Nat(lab, timeout_s=2)
        c = listen(lab, lab.server_ns, TALK)
        a = Netcat(lab, nat.inner, "-u", "-p", 40001, SERVER_V4, TALK)
        a.say("from A")
        c.hears("from A")
        c.say("from C")
        a.hears("from C")
        # (c) The router's time is 2 s here; what C says later does not reach A, until A has spoken again.
        wait_for(lambda: "dport=5432" not in open("/proc/net/nf_conntrack").read(), "the router forgets", limit=30)
        c.say("too late")
        time.sleep(0.3)
        a.say("again")
        c.hears("from A", "again")
        c.say("in time")
        a.hears("from C", "in time")
        # (d)
        a.kill()
        c.kill()
        a = Netcat(lab, nat.inner, "-u", "-p", 40001, SERVER_V4, TALK)
        c = listen(lab, lab.server_ns, TALK)
        a.say("once more")
        c.hears("once more")
        a.kill()
        c.kill()
        a = listen(lab, nat.inner, 40001)
        c = Netcat(lab, lab.server_ns, "-u", "-p", TALK, CLIENT_V4, 40001)
        c.say("the other way")
        a.hears("the other way")


def test_14_services_through_nat():
    """Whatever answers from the port that was asked works: DNS, HTTP, the sum, RPC, also where the router has forgotten in
    between and gives the client another port. TFTP answers from a new port, and needs a router that knows TFTP."""
    with Lab() as lab:
        site = Directory(lab, "files")
        site.add("/file", content(300_000))
        log = lab.path("talk")
        with Goldilocks(lab, ["--talk", f"{TALK},log={log}", "--sum", f"on,port={SUM},reply=on", "--rpc-once", f"{RPC},journal={lab.path('journal')}",
                              "--rpc", "on,allow=192.0.2.0/24", "--http", f"80,root={site.root}", "--tftp", f"69,root={site.root}"],
                        zones=[ROOT_ZONE]) as server:
            nat = Nat(lab, timeout_s=2)
            nat.sh("sh", "-c", f"echo hello | nc -u -w 1 -p 40001 {SERVER_V4} {TALK}")
            log_says(log, f"message from <{CLIENT_V4},40001>: hello")
            answer = nat.sh("sh", "-c", f"{SEVEN} | nc -u -W 1 -w 5 {SERVER_V4} {SUM} | {HEX}")
            assert answer.stdout.split() == ["00", "00", "00", "07"], answer.stdout
            for how in ("+notcp", "+tcp"):
                assert "a.root-servers.net." in nat.sh("dig", how, "+short", "+tries=5", f"@{SERVER_V4}", ".", "SOA").stdout
            nat.sh("curl", "--silent", "--fail", "--max-time", 30, "--output", lab.path("got"), f"http://{SERVER_V4}/file")
            if lab.path("got").read_bytes() != site.files["/file"]:
                raise WrongBytes("by HTTP through the NAT")
            assert "program 100000 version 2 ready" in nat.sh("rpcinfo", "-n", 111, "-t", SERVER_V4, 100000, 2).stdout
            with inside(nat.inner, lab.client_ns):
                # A call of RPC exactly once, its mapping forgotten and another port given between two requests.
                with rpc_once.Client(SERVER_V4, RPC) as client:
                    client.learn()
                    append = client.request(1, rpc_once.APPEND, b"once")
                    assert client.exchange(append, 1).body == struct.pack(">Q", 1)
                    identity = client.client
            wait_for(lambda: f"dport={RPC}" not in open("/proc/net/nf_conntrack").read(), "the router forgets", limit=30)
            with inside(nat.inner, lab.client_ns), rpc_once.Client(SERVER_V4, RPC, identity) as again:
                assert again.exchange(append, 1).body == struct.pack(">Q", 1), "executed once"
            # TFTP: the first block comes from a TID, which the router knows nothing of.
            with inside(nat.inner, lab.client_ns), Client() as client:
                client.send(request("file"))
                client.silent(1)
            assert server.telemetry("/goldilocks/service,tftp")["offered"] == 1
            assert wire.ask(wire.query(".", "SOA"))


run(__name__)
