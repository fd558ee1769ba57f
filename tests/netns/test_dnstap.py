"""dnstap: what is told of queries and responses, to a file, to fstrm_capture, and to readers who do not behave."""

import socket
import subprocess
import threading
import time

import wire
from backends import BackendLab, Nsd, forward, settle
from dnstap import Reader, read_file
from goldilocks import ROOT_ZONE, Goldilocks
from lab import CLIENT_V4, CLIENT_V6, SERVER_V4, SERVER_V6, Lab, die_with_parent, inside, sh, wait_for
from prometheus import PORT, Samples, loopback, scrape
from runner import run
from test_operations import refused


def of(messages, bytes_):
    """The one message with these bytes."""
    found = [m for m in messages if m.bytes == bytes_]
    assert len(found) == 1, f"{len(found)} messages with these bytes, of {[m.type for m in messages]}"
    return found[0]


def is_same(a, b):
    """One moment: cycles become times by what the clock says when they are written."""
    return abs(a - b) < 0.001


def check_pair(messages, query, answer, kind, protocol, client, server, began):
    asked, told = of(messages, query), of(messages, answer)
    assert (asked.type, told.type) == (f"{kind}_QUERY", f"{kind}_RESPONSE"), (asked.type, told.type)
    for message in (asked, told):
        assert message.protocol == protocol and message.family == (2 if ":" in client[0] else 1)
        assert message.ends == (client, server), message.ends
    assert is_same(asked.query_time, told.query_time) and is_same(told.query_time, told.response_time)
    assert began < asked.query_time < time.time() + 0.001
    assert asked.response is None and told.query is None


def ask_from(query, address, tcp=False):
    """The answer, and from where it was asked."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM) as s:
        s.settimeout(10)
        s.connect((address, 53))
        s.sendall(wire.framed(query) if tcp else query)
        return wire.read_answer(s) if tcp else s.recv(65535), s.getsockname()[:2]


def counters(server):
    return server.telemetry("/goldilocks/dnstap")


def test_zones_to_a_file():
    """UDP and stateless TCP, both families: the bytes are those that the client sent and got, and dnstap-read agrees."""
    with Lab() as lab:
        path, began, asked = lab.path("tap"), time.time() - 0.05, []
        with Goldilocks(lab, ["--dnstap", f"file:{path},identity=ns1.example,version=test 1"]):
            for n, (address, tcp) in enumerate((a, t) for a in (SERVER_V4, SERVER_V6) for t in (False, True)):
                query = wire.query(("com.", "nosuch.")[n % 2], "NS", do=True, bufsize=1232, number=4000 + n)
                asked.append((query, *ask_from(query, address, tcp), address, tcp))
        messages = read_file(path)
        for query, answer, client, address, tcp in asked:
            check_pair(messages, query, answer, "AUTH", "TCP" if tcp else "UDP", client, (address, 53), began)
        assert {(m.identity, m.version) for m in messages} == {("ns1.example", "test 1")}
        lines = sh("dnstap-read", path).stdout.splitlines()
        assert len(lines) == len(messages), (len(lines), len(messages))
        for client, address, word in ((CLIENT_V4, SERVER_V4, "UDP"), (CLIENT_V6, SERVER_V6, "TCP")):
            for kind, arrow in (("AQ", "->"), ("AR", "<-")):
                assert any(f" {kind} {client}:" in line and f" {arrow} {address}:53 {word} " in line
                           for line in lines), lines


def test_answers_in_pieces_are_told_once():
    """An answer of many segments, which the responder makes again for each of them."""
    with Lab(mss=216) as lab:
        path = lab.path("tap")
        with Goldilocks(lab, ["--dnstap", f"file:{path}", "--flow-cache", "0"]):
            query = wire.query(".", "DNSKEY", do=True, bufsize=4096, number=99)
            answer = wire.ask(query)
            assert len(answer) > 3 * 216, len(answer)
        messages = [m for m in read_file(path) if m.protocol == "TCP"]
        assert [m.bytes for m in messages] == [query, answer], [m.type for m in messages]


def test_samples_and_kinds():
    with Lab() as lab:
        for more, share in (("sample=5", 5), ("messages=forward", None)):
            path = lab.path("tap")
            with Goldilocks(lab, ["--dnstap", f"file:{path},{more}"]) as server:
                for n in range(50):
                    wire.ask_udp(wire.query("com.", "NS", number=n))
                asked = server.counters()["queries_udp"]
            assert len(read_file(path)) == (2 * (asked // share) if share else 0), asked


def test_forwarded():
    """The client's side, and the backend's: UDP, and TCP where the backend's answer came truncated."""
    with BackendLab() as lab, Nsd(lab, 10, [ROOT_ZONE], payload=512):
        path = lab.path("tap")
        with lab.goldilocks(["--forward", forward(10), "--dnstap", f"file:{path}"], zones=()) as server:
            settle(server, 0)
            began = time.time() - 0.05
            short = wire.query("com.", "A", number=11)
            told_short = ask_from(short, SERVER_V6)
            long = wire.query(".", "DNSKEY", do=True, bufsize=4096, number=12)
            told_long = ask_from(long, SERVER_V4, tcp=True)
            assert len(told_long[0]) > 512
        messages = read_file(path)
    check_forwarded(messages, short, told_short, (SERVER_V6, 53), "UDP", began, ["UDP"])
    check_forwarded(messages, long, told_long, (SERVER_V4, 53), "TCP", began, ["UDP", "TCP"])


def check_forwarded(messages, query, told, server, protocol, began, ways):
    answer, client = told
    asked = of(messages, query)
    assert asked.type == "CLIENT_QUERY" and asked.protocol == protocol and asked.ends == (client, server)
    given = of(messages, answer)
    assert given.type == "CLIENT_RESPONSE" and given.ends == (client, server)
    assert began < asked.query_time < given.response_time and is_same(asked.query_time, given.query_time)
    question = wire.parse(query).question
    sent = [m for m in messages if m.type == "FORWARDER_QUERY" and wire.parse(m.query).question == question]
    assert [m.protocol for m in sent] == ways, [m.protocol for m in sent]
    for message in sent:
        reply = [m for m in messages if m.type == "FORWARDER_RESPONSE" and m.ends == message.ends]
        assert len(reply) == 1 and reply[0].response[:2] == message.query[:2]
        assert message.response_port == 53 and message.query_port > 1023
        assert is_same(message.query_time, reply[0].query_time) and message.query_time < reply[0].response_time
        assert began < message.query_time
    last = [m for m in messages if m.type == "FORWARDER_RESPONSE" and m.ends == sent[-1].ends][0]
    assert wire.parse(last.response).answer == wire.parse(answer).answer


def captured(path, socket_path):
    capture = subprocess.Popen(["fstrm_capture", "-t", "protobuf:dnstap.Dnstap", "-u", str(socket_path), "-w", str(path)],
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               preexec_fn=die_with_parent)
    return capture


def test_a_reader_that_comes_and_goes():
    """fstrm_capture is absent, comes, goes, and comes again; what was told meanwhile is counted."""
    with Lab() as lab:
        loopback(lab)
        where = lab.path("tap.sock")
        with Goldilocks(lab, ["--dnstap", f"unix:{where}", "--metrics", f"127.0.0.1:{PORT}"]) as server:
            wire.ask_udp(wire.query("com.", "NS"))
            wait_for(lambda: counters(server)["dropped_unread"] > 0, "nothing was thrown away")
            assert "trying again every second" in server.log()
            for n in (1, 2):
                where.unlink(missing_ok=True)
                capture = captured(lab.path(f"tap{n}"), where)
                try:
                    wait_for(lambda: counters(server)["opened"] == n and counters(server)["open"] == 1,
                             lambda: f"no reader: {counters(server)}")
                    before = counters(server)["written"]
                    query = wire.query("org.", "NS", number=7000 + n)
                    answer = wire.ask_udp(query)
                    wait_for(lambda: counters(server)["written"] >= before + 2, lambda: str(counters(server)))
                finally:
                    capture.terminate()
                    capture.wait(10)
                assert {query, answer} <= {m.bytes for m in read_file(lab.path(f"tap{n}"))}

                def noticed():
                    wire.ask_udp(wire.query("com.", "NS"))
                    return counters(server)["open"] == 0
                wait_for(noticed, "it is not noticed that the reader is gone")
            samples = Samples(scrape(lab))
            now = counters(server)
            for name in ("told", "dropped_full", "dropped_unread", "written", "opened"):
                assert samples.one(f"goldilocks_dnstap_{name}_total") == now[name], name
            assert now["told"] == now["written"] + now["dropped_unread"], now


def test_a_reader_that_does_not_read():
    """Its buffer and the ring fill, what is more is counted, clients notice nothing, and SIGTERM ends it soon."""
    with Lab() as lab:
        where = lab.path("tap.sock")
        reader = Reader(where)
        with Goldilocks(lab, ["--dnstap", f"unix:{where}"]) as server:
            reader.accept()
            query = wire.query(".", "DNSKEY", do=True, bufsize=1232)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.settimeout(3)
                s.connect((SERVER_V4, 53))
                end = time.monotonic() + 40
                while counters(server)["dropped_full"] == 0:
                    assert time.monotonic() < end, counters(server)
                    for _ in range(50):
                        for _ in range(16):
                            s.send(query)
                        for _ in range(16):
                            assert len(s.recv(65535)) > 800
            began = time.monotonic()
        assert time.monotonic() - began < 5, "the end waits for the reader"
        reader.close()


def test_a_reader_that_trickles():
    """A byte from time to time, of its answer or of what it takes, keeps nobody from ending."""
    with Lab() as lab:
        where = lab.path("tap.sock")
        for trickle in (Reader.trickle_accept, Reader.trickle_frames):
            where.unlink(missing_ok=True)
            reader = Reader(where)
            with Goldilocks(lab, ["--dnstap", f"unix:{where}"]) as server:
                trickling = threading.Thread(target=trickle, args=(reader,), daemon=True)
                trickling.start()
                wait_for(reader.begun.is_set, "no reader")
                end = time.monotonic() + 40
                while trickle == Reader.trickle_frames and counters(server)["dropped_full"] == 0:
                    assert time.monotonic() < end, counters(server)
                    for n in range(200):
                        wire.ask_udp(wire.query(".", "DNSKEY", do=True, bufsize=1232, number=n))
                began = time.monotonic()
            assert time.monotonic() - began < 6, "the end waits for the reader"
            reader.close()
            trickling.join(10)
            assert not trickling.is_alive()


def test_a_full_disk():
    """What is in the file stays, whole; what finds no room is counted; it goes on when there is room again."""
    with Lab() as lab:
        small = lab.path("small")
        small.mkdir()
        sh("mount", "-t", "tmpfs", "-o", "size=256k", "none", small)
        lab.on_exit(sh, "umount", "-l", small, check=False)
        path, filler = small / "tap", small / "filler"
        filler.write_bytes(bytes(128 << 10))
        with Goldilocks(lab, ["--dnstap", f"file:{path}"]) as server:
            first = wire.query("com.", "NS", number=1)
            wire.ask_udp(first)
            sizes = []
            while counters(server)["dropped_unread"] == 0:
                wire.ask_udp(wire.query(".", "DNSKEY", do=True, bufsize=1232))
                sizes.append(path.stat().st_size)
            assert counters(server)["open"] == 0
            inode = path.stat().st_ino
            log = server.log()
            assert f"dnstap: {path}: No space left on device; what is in it stays, " in log, log
            filler.unlink()
            last = wire.query("org.", "NS", number=2)

            def goes_on():
                wire.ask_udp(last)
                return counters(server)["open"] == 1
            wait_for(goes_on, lambda: server.log())
            wire.ask_udp(last)
            wait_for(lambda: counters(server)["told"] == counters(server)["written"] + counters(server)["dropped_unread"],
                     lambda: str(counters(server)))
            assert sizes == sorted(sizes) and path.stat().st_ino == inode and counters(server)["opened"] == 1
            lost = counters(server)["dropped_unread"]
            assert f"dnstap: {path} is written to again; lost meanwhile: {lost} message" in server.log(), server.log()
            written = counters(server)["written"]
        messages = read_file(path)
        assert of(messages, first) and len(messages) == written and messages[-2].bytes == last
        assert len(sh("dnstap-read", path).stdout.splitlines()) == written


def test_tcp_and_the_end_of_a_stream():
    """Over TCP, with a reader that shakes hands; SIGTERM tells it that the stream ends."""
    with Lab() as lab:
        sh("ip", "-n", lab.server_ns, "link", "set", "lo", "up")
        with inside(lab.server_ns, lab.client_ns):
            reader = Reader(("::1", 6000))
        with Goldilocks(lab, ["--dnstap", "tcp:[::1]:6000"]) as server:
            reader.accept().read_in_background()
            query = wire.query("net.", "NS", number=5)
            answer = wire.ask(query, SERVER_V6)
            assert counters(server)["dropped_full"] == 0
        reader.thread.join(10)
        assert not reader.thread.is_alive()
        messages = reader.messages()
        assert of(messages, query).type == "AUTH_QUERY" and of(messages, answer).type == "AUTH_RESPONSE"
        reader.close()


def test_rotation():
    """A file that was moved away is noticed, ended, and begun anew."""
    with Lab() as lab:
        path = lab.path("tap")
        with Goldilocks(lab, ["--dnstap", f"file:{path}"]) as server:
            first = wire.query("com.", "NS", number=1)
            wire.ask_udp(first)
            wait_for(lambda: counters(server)["written"] == counters(server)["told"], "not written")
            path.rename(lab.path("tap.1"))
            wait_for(lambda: counters(server)["opened"] == 2, lambda: str(counters(server)))
            second = wire.query("com.", "NS", number=2)
            wire.ask_udp(second)
        assert of(read_file(lab.path("tap.1")), first) and of(read_file(path), second)


def test_wrong_values():
    with Lab() as lab:
        for value, code, says in (
                ("socket:/x", 2, "'socket:/x' is none of unix:PATH, tcp:ADDRESS:PORT and file:PATH"),
                ("unix:", 2, "a path is missing behind unix:"),
                ("unix:/" + "x" * 200, 2, "is longer than the 107 bytes of a socket's path"),
                ("tcp:192.0.2.1", 2, "--dnstap: "),
                ("file:/tmp/x,sample=0", 2, "sample: "),
                ("file:/tmp/x,messages=all", 2, "messages: 'all' is neither 'auth' nor 'forward'"),
                ("file:/tmp/x,identity=", 2, "identity: 1 to 255 bytes are allowed"),
                ("file:/tmp/x,color=red", 2, "'color=red' is none of sample=N"),
                ("file:/no/such/folder/tap", 1, "--dnstap: /no/such/folder/tap: No such file or directory")):
            refused(lab, code, says, ["--dnstap", value])


if __name__ == "__main__":
    run(__name__)
