"""TFTP (--tftp): the clients of Debian, and one written by hand (tftp_client.py) for what those lack."""

import hashlib
import subprocess
import time

import runner
from exchanges import WrongBytes
from goldilocks import Goldilocks
from http_site import Directory, content
from lab import SERVER_IF, SERVER_V4, SERVER_V6, Lab, die_with_parent, sh, wait_for
from path import PathLab
from runner import run
from tftp_client import ACK, ERROR, OACK, Client, TftpError, ack, data, error, request

SIZES = (0, 1, 511, 512, 513, 1024, 1428, 5000, 60_000)


def tftp(lab, *options, site=None, rest="", zones=(), **more):
    site = site or usual(lab)
    return site, Goldilocks(lab, ["--tftp", f"69,root={site.root}{rest}", *options], zones=zones, **more)


def usual(lab):
    site = Directory(lab, "tftp")
    for size in SIZES:
        site.add(f"/{size}.bin", content(size))
    site.add("/deep/er/file.bin", b"deep")
    site.add("/.hidden", b"hidden")
    return site


def counters(server):
    return server.telemetry("/goldilocks/service,tftp")


def same(got, wanted, what):
    if hashlib.sha256(got).digest() != hashlib.sha256(wanted).digest():
        raise WrongBytes(f"{what}: {len(got)} bytes, not {len(wanted)}")


def refused(code, call, *arguments, **options):
    try:
        call(*arguments, **options)
    except TftpError as e:
        assert e.code == code, e
        return e.text
    raise AssertionError(f"not refused: {arguments} {options}")


# --- real clients

def by_tftp_hpa(address, name, out, mode="binary"):
    return ["tftp", "-m", mode, address, "-c", "get", name, out]


def by_atftp(address, name, out, *options):
    return ["atftp", *(word for o in options for word in ("--option", o)), "--get", "--remote-file", name,
            "--local-file", out, address]


def by_curl(address, name, out, *options):
    host = f"[{address}]" if ":" in address else address
    return ["curl", "--silent", "--show-error", "--globoff", *options, "--output", out, f"tftp://{host}/{name}"]


def by_busybox(address, name, out, *options):
    return ["busybox", "tftp", "-g", *options, "-r", name, "-l", out, address]


def fetch(lab, command, wanted, limit_s=60):
    """What the client leaves behind, compared; its command ends with what it was asked by."""
    out = lab.path("fetched")
    out.unlink(missing_ok=True)
    words = [str(out) if word is None else str(word) for word in command]
    done = subprocess.run(words, capture_output=True, timeout=limit_s, preexec_fn=die_with_parent)
    assert done.returncode == 0, (words, done.stdout[-500:], done.stderr[-500:])
    same(out.read_bytes() if out.exists() else b"", wanted, words)  # some make no empty file


def test_clients():
    with Lab() as lab:
        site, server = tftp(lab)
        with server:
            for address in (SERVER_V4, SERVER_V6):
                for size in SIZES:
                    name, wanted = f"{size}.bin", site.files[f"/{size}.bin"]
                    fetch(lab, by_tftp_hpa(address, name, None), wanted)
                    fetch(lab, by_atftp(address, name, None), wanted)
                    fetch(lab, by_busybox(address, name, None), wanted)
                    if size:  # curl 7.88 takes a tsize of 0 for a fault of the server's
                        fetch(lab, by_curl(address, name, None), wanted)
                big, wanted = "60000.bin", site.files["/60000.bin"]
                for blksize in (512, 1428, 65464):
                    fetch(lab, by_atftp(address, big, None, f"blksize {blksize}", "tsize 0", "timeout 3"), wanted)
                    fetch(lab, by_busybox(address, big, None, "-b", min(blksize, 65464)), wanted)
                    fetch(lab, by_curl(address, big, None, "--tftp-blksize", blksize), wanted)
                fetch(lab, by_curl(address, big, None, "--tftp-no-options"), wanted)
                # What atftp knows of RFC 7440.
                fetch(lab, by_atftp(address, big, None, "windowsize 8", "blksize 1428"), wanted)
            assert counters(server)["gave_up"] == counters(server)["timeouts"] == 0, counters(server)


# --- loss

def losses(percent, address, size=60_000):
    with Lab() as lab:
        site = Directory(lab, "tftp")
        wanted = content(size)
        site.add("/file", wanted)
        site, server = tftp(lab, site=site)
        with server:
            lab.lose(percent)
            for options in ({}, {"blksize": 1428}, {"blksize": 1428, "windowsize": 16}, {"windowsize": 16, "tsize": 0}):
                with Client(address) as client:
                    same(client.get("file", **options), wanted, options)
            lost = lab.lose_nothing()
            runner.report(f"{percent} % each way: {sum(lost)} packets lost, {counters(server)['timeouts']} timeouts, "
                          f"{counters(server)['rewinds']} rewinds")
            assert sum(lost) > 0


def test_loss_on_the_path():
    """Clients that take it for an error of their own when nftables drops what they send: here the path loses; --long: each
    of them at each loss. At 20 % atftp was seen to end with "unexpected OACK" where one came twice, so it is not asked there."""
    with PathLab() as lab:
        site = Directory(lab, "tftp")
        wanted = content(20_000)
        site.add("/file", wanted)
        site, server = tftp(lab, site=site)
        with server:
            for percent, address in ((p, a) for p in (1, 5, 20) for a in (SERVER_V4, SERVER_V6)):
                lab.path_is(loss=(percent, percent))
                fetch(lab, by_busybox(address, "file", None, "-b", 1428), wanted, limit_s=300)
                if percent == 5 or runner.LONG:
                    fetch(lab, by_curl(address, "file", None, "--tftp-blksize", 1428), wanted, limit_s=300)
                    fetch(lab, by_tftp_hpa(address, "file", None), wanted, limit_s=300)
                if percent == 5 or runner.LONG and percent < 20:
                    fetch(lab, by_atftp(address, "file", None, "blksize 1428"), wanted, limit_s=300)


def test_loss_1():
    losses(1, SERVER_V4)


def test_loss_5():
    losses(5, SERVER_V4)


def test_loss_5_ipv6():
    losses(5, SERVER_V6)


def test_loss_20():
    losses(20, SERVER_V4, size=20_000 if runner.LONG else 8_000)


# --- options

def test_options_are_answered():
    """pin/tftp#51: a large blksize is cut by the OACK and by nothing else. python-tx-tftp#3: PXELINUX needs tsize."""
    with Lab() as lab:
        site, server = tftp(lab)
        with server:
            wanted = site.files["/60000.bin"]
            for address, most in ((SERVER_V4, 1468), (SERVER_V6, 1448)):
                for asked, answered in (({"blksize": 8}, {"blksize": 8}), ({"blksize": 512}, {"blksize": 512}),
                                        ({"blksize": 1428}, {"blksize": 1428}), ({"blksize": 65464}, {"blksize": most}),
                                        ({"blksize": 65535}, {"blksize": most}),
                                        ({"tsize": 0}, {"tsize": 60_000}), ({"timeout": 255}, {"timeout": 255}),
                                        ({"windowsize": 1}, {"windowsize": 1}), ({"windowsize": 16}, {"windowsize": 16}),
                                        ({"windowsize": 65535}, {"windowsize": 64}),
                                        ({"tsize": 0, "blksize": 1408}, {"tsize": 60_000, "blksize": 1408}),
                                        ({"BlkSize": 1000, "TSIZE": 0}, {"blksize": 1000, "tsize": 60_000}),
                                        ({"multicast": "", "blksize": 700}, {"blksize": 700}),
                                        ({"rollover": 0}, {}), ({}, {})):
                    with Client(address) as client:
                        same(client.get("60000.bin", **asked), wanted, asked)
                        assert client.agreed == answered, (asked, client.agreed)
            before = counters(server)["bad_options"]
            wrong = ({"blksize": 7}, {"blksize": 65536}, {"blksize": "x"}, {"blksize": ""}, {"windowsize": 0},
                     {"windowsize": 65536}, {"timeout": 0}, {"timeout": 256}, {"tsize": "many"}, {"tsize": -1},
                     {"blksize": 512, "BLKSIZE": 512})
            for asked in wrong:
                with Client() as client:
                    refused(8, client.get, "60000.bin", **asked)
            assert counters(server)["bad_options"] - before == len(wrong)
            # Not known in netascii without reading it all.
            with Client() as client:
                client.get("1.bin", "netascii", tsize=0, blksize=600)
                assert client.agreed == {"blksize": 600}
            # A client may refuse the OACK.
            with Client() as client:
                assert client.ask(request("60000.bin", blksize=1000)).opcode == OACK
                client.send(error(8))
                client.silent()
            assert counters(server)["aborted"] == 1


def test_limits_of_the_operator():
    with Lab() as lab:
        site, server = tftp(lab, rest=",blksize=1000,windowsize=200")
        with server, Client() as client:
            same(client.get("60000.bin", blksize=65464, windowsize=300), site.files["/60000.bin"], "by the operator")
            assert client.agreed == {"blksize": 1000, "windowsize": 200}


def test_padding_and_modes():
    with Lab() as lab:
        site, server = tftp(lab)
        with server:
            wanted = site.files["/5000.bin"]
            for mode in ("octet", "OCTET", "Octet"):
                with Client() as client:
                    same(client.get("5000.bin", mode), wanted, mode)
            with Client() as client:
                first = client.ask(request("5000.bin") + bytes(40))
                same(client.get("5000.bin", first=first), wanted, "filled up with zeros")
            for raw, code in ((request("5000.bin", "mail"), 4), (request("5000.bin", "hex"), 4),
                              (request("5000.bin")[:-1], 4), (b"\0\1", 4), (b"\0\7abcdefgh\0octet\0", 4),
                              (request("5000.bin", blksize=512)[:-1], 8), (request("x" * 1100), 4), (request(""), 1)):
                with Client() as client:
                    refused(code, client.ask, raw)


def test_netascii():
    """Bytes as RFC 764 has them, at any block boundary."""
    def encoded(text):
        return text.replace(b"\r", b"\r\0").replace(b"\n", b"\r\n")

    with Lab() as lab:
        site = Directory(lab, "tftp")
        site.add("/lines", b"one\ntwo\r\nthree\rfour\n\n\r\r\n" * 100)
        site.add("/ends", b"\n" * 256)    # 512 bytes on the wire
        site.add("/split", b"x" * 511 + b"\n" + b"y" * 511 + b"\r")
        site, server = tftp(lab, site=site)
        with server:
            for name, text in site.files.items():
                for options in ({}, {"blksize": 8, "windowsize": 7}, {"blksize": 9}, {"windowsize": 16}):
                    with Client() as client:
                        same(client.get(name, "netascii", **options), encoded(text), (name, options))
                fetch(lab, by_tftp_hpa(SERVER_V4, name, None, mode="netascii"), text)
            lab.lose(10)
            with Client() as client:
                same(client.get("lines", "netascii", blksize=9, windowsize=16, patience=0.5),
                     encoded(site.files["/lines"]), "with losses inside of windows")
            lab.lose_nothing()


def test_names():
    with Lab() as lab:
        site, server = tftp(lab)
        with server:
            deep = site.files["/deep/er/file.bin"]
            for name in ("deep/er/file.bin", "/deep/er/file.bin", "//deep//er/file.bin", "./deep/./er/file.bin",
                         "\\deep\\er\\file.bin", "deep\\er/file.bin"):
                with Client() as client:
                    same(client.get(name), deep, name)
            for code, names in ((1, ("none", "deep", "/deep/", "deep/er", "DEEP/er/file.bin", ".hidden")),
                                (2, ("../tftp/1.bin", "/../../etc/passwd", "deep/../1.bin", "..\\1.bin", "/", ".", ".."))):
                for name in names:
                    with Client() as client:
                        refused(code, client.ask, request(name))
            assert counters(server)["not_found"] == 6 and counters(server)["access_violations"] == 7


def test_read_again_on_sighup():
    """A transfer that was begun is ended with the bytes that it began with; HTTP has the same store."""
    with Lab() as lab:
        site = usual(lab)
        site, server = tftp(lab, "--http", f"80,root={site.root}", "--file-memory", "1", site=site)
        with server:
            wait_for(lambda: f"files: {len(SIZES) + 1} files" in server.log(), server.log)
            old, new = site.files["/60000.bin"], content(700_000, seed=7)
            with Client() as client:
                begun = client.ask(request("60000.bin"))
                site.add("/60000.bin", new)
                server.signal(1)
                wait_for(lambda: "files read again: 1 changed, 0 gone" in server.log(), server.log)
                assert server.log().count("files read again") == 1
                same(client.get("60000.bin", first=begun), old, "as it was")
            with Client() as client:
                same(client.get("60000.bin", windowsize=8), new, "as it is")
            got = sh("curl", "--silent", "--output", lab.path("by-http"), f"http://{SERVER_V4}/60000.bin")
            assert got.returncode == 0
            same(lab.path("by-http").read_bytes(), new, "by HTTP")


# --- numbers

def many_blocks(wrap, client_wrap, options):
    with Lab() as lab:
        site = Directory(lab, "tftp")
        wanted = content(70_000 * options["blksize"] + 3)
        site.add("/long", wanted)
        site, server = tftp(lab, site=site, rest=wrap)
        with server, Client() as client:
            began = time.monotonic()
            same(client.get("long", wrap=client_wrap, **options), wanted, "70,001 blocks")
            runner.report(f"70,001 blocks of {options['blksize']} in {time.monotonic() - began:.1f} s")


def test_numbers_wrap_to_0():
    """uftpd#45."""
    many_blocks("", 0, {"blksize": 512, "windowsize": 16})


def test_clients_over_65535_blocks():
    """The same by clients that nobody here wrote, a block of 512 bytes at a time: all of them wrap to 0."""
    with Lab() as lab:
        site = Directory(lab, "tftp")
        wanted = content(66_000 * 512 + 7)
        site.add("/long", wanted)
        site, server = tftp(lab, site=site)
        with server:
            fetch(lab, by_tftp_hpa(SERVER_V4, "long", None), wanted, limit_s=300)
            fetch(lab, by_atftp(SERVER_V4, "long", None), wanted, limit_s=300)
            fetch(lab, by_busybox(SERVER_V6, "long", None), wanted, limit_s=300)
            if runner.LONG:
                fetch(lab, by_curl(SERVER_V6, "long", None, "--tftp-blksize", 512), wanted, limit_s=300)


def test_numbers_wrap_to_1():
    many_blocks(",wrap=1", 1, {"blksize": 8, "windowsize": 64})


def test_numbers_do_not_wrap():
    with Lab() as lab:
        site = Directory(lab, "tftp")
        site.add("/fits", content(65_534 * 8 + 7))
        site.add("/long", content(65_535 * 8))
        site.add("/lines", b"\n" * 4 * 65_535)
        site, server = tftp(lab, site=site, rest=",wrap=refuse")
        with server:
            with Client() as client:
                same(client.get("fits", blksize=8, windowsize=64), site.files["/fits"], "65,535 blocks")
            with Client() as client:
                refused(0, client.ask, request("long", blksize=8))  # at once: its end is known
            with Client() as client:
                same(client.get("long", blksize=512, windowsize=64), site.files["/long"], "in larger blocks")
            with Client() as client:
                refused(0, client.get, "lines", "netascii", blksize=8, windowsize=64)  # when it is noticed
            assert counters(server)["too_long"] == 2


# --- how the protocol goes wrong

def test_repeated_acks_draw_nothing():
    """The Sorcerer's Apprentice (11.4.1), and exercise 7.5: a client whose ACK is always that of block 1."""
    with Lab() as lab:
        site, server = tftp(lab)
        with server:
            with Client() as client:
                client.ask(request("5000.bin"))
                for n in range(1, 11):
                    for _ in range(3):
                        client.send(ack(n))
                    if n < 10:
                        assert client.receive().number == n + 1
                client.silent()
                assert client.received == 10, "each block came once"
            assert counters(server)["blocks"] == 10 and counters(server)["repeated_acks"] == 20, counters(server)
            with Client() as client:
                client.ask(request("5000.bin"))
                client.send(ack(1))
                assert client.receive().number == 2
                for _ in range(50):
                    client.send(ack(1))
                end = time.monotonic() + 3
                again = 0
                while time.monotonic() < end:
                    packet = client.receive(0.5)
                    if packet:
                        assert packet.number == 2
                        again += 1
                        client.send(ack(1))
                # By the timer alone: 0.2, 0.6, 1.4 and 3 s after the first.
                assert again <= 4, f"{again} packets for 50 ACKs of block 1"
                client.send(error(0))


def test_windows():
    """RFC 7440: an ACK inside the window is where the next one begins; one that came before is not."""
    with Lab() as lab:
        site, server = tftp(lab)
        with server, Client() as client:
            assert client.ask(request("60000.bin", windowsize=4)).opcode == OACK
            client.send(ack(0))
            assert [client.receive().number for _ in range(4)] == [1, 2, 3, 4]
            client.send(ack(2))
            assert [client.receive().number for _ in range(4)] == [3, 4, 5, 6]
            client.send(ack(2))
            client.silent(0.1)
            client.send(ack(6))
            assert [client.receive().number for _ in range(4)] == [7, 8, 9, 10]
            for number in (11, 100, 65535, 5):
                client.send(ack(number))
            client.silent(0.1)
            # Its timer sends the window again.
            assert [client.receive().number for _ in range(4)] == [7, 8, 9, 10]
            client.send(error(0))
            client.silent()
            assert counters(server)["rewinds"] == 1 and counters(server)["outside_acks"] == 4, counters(server)


def test_wrong_tids():
    """ERROR 5 to whoever sends to a TID that is not his; the transfer goes on (RFC 1350 section 4)."""
    with Lab() as lab:
        site, server = tftp(lab)
        with server, Client() as client, Client() as stranger:
            first = client.ask(request("60000.bin"))

            def disturb(n):
                if n % 20:
                    return
                stranger.send(ack(n), client.tid)
                packet = stranger.receive()
                assert (packet.opcode, packet.number, packet.tid) == (ERROR, 5, client.tid), packet
                stranger.send(error(0), client.tid)  # does not end it, and is not answered
                stranger.send(data(1, b"x"), client.tid)
                stranger.send(b"\0", client.tid)
                stranger.silent(0.05)

            same(client.get("60000.bin", first=first, on_block=disturb), site.files["/60000.bin"], "disturbed")
            # A port of ours that is nobody's TID.
            stranger.send(ack(1), 50_000)
            assert stranger.receive().number == 5
            assert counters(server)["unknown_tid"] == 6


def test_each_transfer_has_its_port():
    """Exercises 7.0 and 7.1: whichever side reuses its port, the other one's is new, so that nothing old is taken for
    new; not even the first block of another file."""
    with Lab() as lab:
        site, server = tftp(lab)
        with server:
            tids = set()
            for _ in range(50):
                with Client(port=40_100) as client:  # as a client that has no choice
                    same(client.get("513.bin"), site.files["/513.bin"], "one port of the client's")
                    tids.add(client.tid)
            assert len(tids) > 45, f"{len(tids)} TIDs in 50 transfers"
            assert all(tid >= 49152 for tid in tids)
            assert max(tids) - min(tids) > 5000, "they can be foretold"
            # A client that changes its mind, from the same port (11.3.3).
            with Client(port=40_101) as client:
                foo = client.ask(request("513.bin"))
                bar = client.ask(request("5000.bin"))
                assert foo.tid != bar.tid
                same(client.get("5000.bin", first=bar), site.files["/5000.bin"], "the file that was asked for last")
            # The same request again draws the same block from the same TID, and no second transfer.
            with Client() as client:
                first = client.ask(request("513.bin"))
                client.tid = None
                again = client.ask(request("513.bin"))
                assert (first.tid, first.raw) == (again.tid, again.raw)
                same(client.get("513.bin", first=again), site.files["/513.bin"], "asked for twice")
                # One that comes late begins another one, and does not end this one.
                late = client.ask(request("513.bin"))
                assert late.tid != first.tid
            assert counters(server)["repeated_requests"] == 1


def test_client_begins_anew_on_its_port():
    """Exercise 13 (b, c): a program that ends and comes back goes on from the same port, and not from another one."""
    with Lab() as lab:
        site, server = tftp(lab)
        with server:
            with Client(port=40_200) as client:
                first = client.ask(request("5000.bin"))
                client.send(ack(1))
                assert client.receive().number == 2
            with Client() as other:
                other.send(ack(2), first.tid)
                assert other.receive().number == 5, "another port"
            with Client(port=40_200) as again:
                again.send(ack(2), first.tid)
                assert again.receive().number in (2, 3)
                again.send(error(0), first.tid)


def test_lost_final_ack():
    """11.3.2 and exercise 3: the last block comes again until it is acknowledged; after that nothing does, and a late ACK
    of it draws no ERROR while the server dallies."""
    with Lab() as lab:
        site, server = tftp(lab)
        with server, Client() as client:
            client.ask(request("1024.bin"))
            client.send(ack(1))
            assert client.receive().number == 2
            client.send(ack(2))
            last = client.receive()
            assert (last.number, last.body) == (3, b""), "a multiple of 512 ends with an empty block"
            for _ in range(3):
                again = client.receive()
                assert again.raw == last.raw
            client.send(ack(3))
            client.silent()
            client.send(ack(3))
            client.silent(0.2)
            assert counters(server)["finished"] == 1 and counters(server)["unknown_tid"] == 0
            wait_for(lambda: _answer(client, ack(3)) is not None, "the TID is free after the dallying", limit=30)


def _answer(client, raw):
    client.send(raw)
    return client.receive(0.5)


def test_client_that_never_times_out():
    """Exercise 6: what we repeat comes more often than the client's timer runs out, and is not what it waits for. The
    pauses grow beyond any client's timer, so that it does run out."""
    with Lab() as lab:
        site, server = tftp(lab)
        with server, Client() as client:
            client.ask(request("5000.bin"))
            client.send(ack(1))
            came = []
            end = time.monotonic() + 60
            while time.monotonic() < end:
                packet = client.receive(5)
                if packet is None:
                    break
                came.append(time.monotonic())
            else:
                raise AssertionError("five seconds never passed without a packet")
            assert 4 <= len(came) <= 8, came
            client.send(ack(2))
            assert client.receive().number == 3


def test_restart():
    """The ACK of an unknown TID gets one ERROR 5, so the client ends at once and does not wait."""
    with Lab() as lab:
        site, server = tftp(lab)
        with server:
            with Client() as client:
                client.ask(request("60000.bin"))
                client.send(ack(1))
                assert client.receive().number == 2
                server.kill()
                server.start()
                client.send(ack(2))
                packet = client.receive()
                assert (packet.opcode, packet.number, packet.tid) == (ERROR, 5, client.tid), packet
                client.silent()
                client.tid = None
                same(client.get("60000.bin"), site.files["/60000.bin"], "asked for again")


# --- many

def test_hundred_at_once():
    with Lab() as lab:
        site, server = tftp(lab)
        with server:
            folder = lab.path("many")
            folder.mkdir()
            wanted = hashlib.sha256(site.files["/60000.bin"]).digest()
            running = [subprocess.Popen(by_atftp(SERVER_V6 if n % 2 else SERVER_V4, "60000.bin", folder / str(n),
                                                 f"blksize {1428 if n % 4 < 2 else 512}"),
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        preexec_fn=die_with_parent) for n in range(100)]
            assert [p.wait(timeout=120) for p in running] == [0] * 100
            assert [hashlib.sha256((folder / str(n)).read_bytes()).digest() for n in range(100)] == [wanted] * 100
            assert counters(server)["offered"] == counters(server)["finished"] == 100, counters(server)


def test_full_table():
    """Who has not shown that he receives makes room; who has is not disturbed."""
    with Lab() as lab:
        site, server = tftp(lab, "--tftp-transfers", 2)
        with server, Client() as one, Client() as two:
            firsts = []
            for client in (one, two):
                client.ask(request("1024.bin"))
                client.send(ack(1))
                firsts.append(client.receive())
            with Client() as third:
                third.send(request("1.bin"))
                third.silent()
                assert counters(server)["table_full"] == 1
                for client in (one, two):
                    client.send(ack(2))
                    assert client.receive().number == 3
                    client.send(ack(3))
                same(third.get("1.bin"), site.files["/1.bin"], "there is room again")
            for _ in range(10):
                with Client() as other:
                    other.ask(request("1.bin"))
            assert counters(server)["evicted"] >= 8, counters(server)


def test_two_workers():
    """A transfer is one core's: what the other one receives is handed over."""
    with Lab(queues=2) as lab:
        site = usual(lab)
        site, server = tftp(lab, site=site, workers=2, device=f"--vdev=net_af_packet0,iface={SERVER_IF},qpairs=2")
        with server:
            for n in range(40):
                with Client(SERVER_V6 if n % 2 else SERVER_V4) as client:
                    same(client.get("60000.bin", blksize=1428, windowsize=4), site.files["/60000.bin"], n)
            assert len(server.cores()) == 2
            moved = [server.counters(core)["udp_handed_off"] for core in server.cores()]
            assert min(moved) > 0 and server.total("drop_handoff_full") == 0, moved
            assert counters(server)["unknown_tid"] == 0 and counters(server)["finished"] >= 39
            runner.report(f"{sum(moved)} of {server.total('received')} frames handed over")


def test_long_path():
    """go-via#4: 25 ms of round trip, one block at a time, is 20 KB/s; windows are what helps."""
    with PathLab(path={"delay": (12.5, 12.5)}) as lab:
        site = Directory(lab, "tftp")
        site.add("/file", content(300_000))
        site, server = tftp(lab, site=site)
        with server:
            took = {}
            for options in ({"blksize": 1428}, {"blksize": 1428, "windowsize": 16}, {"blksize": 1428, "windowsize": 64}):
                with Client() as client:
                    began = time.monotonic()
                    same(client.get("file", **options), site.files["/file"], options)
                    took[options.get("windowsize", 1)] = time.monotonic() - began
            runner.report("300 KB at 25 ms: " + ", ".join(f"{300 / s:.0f} KB/s by windows of {w}" for w, s in took.items()))
            assert took[16] < took[1] / 4, took
            assert counters(server)["timeouts"] == 0, counters(server)


def test_large_file():
    """100 MB by windows, 20 MB one block at a time (--long: 100 MB)."""
    with Lab() as lab:
        site = Directory(lab, "tftp")
        site.add("/large", content(100 << 20, seed=1))
        site.add("/less", content((100 if runner.LONG else 20) << 20, seed=2))
        site, server = tftp(lab, site=site)
        with server:
            for name, options in (("large", {"blksize": 1428, "windowsize": 16}), ("large", {"windowsize": 16}),
                                  ("less", {"blksize": 1428}), ("less", {})):
                with Client() as client:
                    began = time.monotonic()
                    same(client.get(name, **options), site.files["/" + name], options)
                    rate = len(site.files["/" + name]) / (time.monotonic() - began) / 1e6
                    runner.report(f"{options}: {rate:.0f} MB/s")


# --- what strangers draw

def test_amplification():
    """What spoofed requests draw, in bytes of frames: the first DATA once for each, and nothing else three times as much
    as the requests, by a timer or at once."""
    with Lab() as lab:
        site, server = tftp(lab)
        with server:
            clients = [Client() for _ in range(50)]
            clients[0].get("1.bin")  # the neighbours know each other
            clients[0].tid = None
            for raw, most in ((request("60000.bin"), 12), (request("60000.bin", blksize=1428, tsize=0, windowsize=64), 3),
                              (request("none"), 3), (request("60000.bin", blksize=1), 3), (b"\0\1x", 3), (ack(1), 3)):
                before = server.counters()
                for n, client in enumerate(clients):
                    client.send(raw, 69 if raw != ack(1) else 50_000 + n)
                wait_for(lambda: server.counters()["sent"] >= before["sent"] + len(clients), server.counters)
                if "60000" in str(raw):
                    time.sleep(8)  # a timer of a second would have run out three times
                after = server.counters()
                received = after["received_bytes"] - before["received_bytes"]
                sent = after["sent_bytes"] - before["sent_bytes"]
                packets = (after["sent"] - before["sent"]) / len(clients)
                # The kernel may ask for our address in between.
                assert packets <= (3 if b"tsize" in raw else 1) + 0.1, f"{packets} packets for each of {raw}"
                factor = sent / received
                runner.report(f"{raw[:30]!r}: {received} bytes draw {sent}, {factor:.1f} times as many")
                assert factor <= most, (raw, factor)
            for client in clients:
                client.socket.close()


def test_nothing_loops():
    with Lab() as lab:
        site, server = tftp(lab, "--sum", "on,reply=on", "--talk", "5432")
        with server:
            for port in (7, 19, 53, 69, 123, 5432, 5434):
                with Client(port=port) as client:
                    for raw in (request("1.bin"), request("none"), b"\0\7what?"):
                        client.send(raw)
                    client.silent(0.2)
            assert server.total("drop_udp_source_port") == 6  # those of echo and chargen reach no service
            assert counters(server)["server_ports"] == 15, counters(server)
            # A client's port may be one of our TIDs.
            with Client(port=50_000) as client:
                same(client.get("513.bin"), site.files["/513.bin"], "from a port in our range")
            # What we send, sent back.
            with Client() as client:
                for raw in (request("5000.bin"), request("5000.bin", blksize=600), request("none")):
                    client.send(raw)
                    echo = client.receive()
                    client.send(echo.raw, 69)
                    client.send(echo.raw, echo.tid)
                    client.silent(0.2)
                    if echo.opcode != ERROR:
                        client.send(error(0), echo.tid)


# --- writing

def writing(lab, rest="", **more):
    folder = lab.path("written")
    folder.mkdir(exist_ok=True)
    site, server = tftp(lab, rest=f",write={folder}{rest}", **more)
    return folder, server


def test_writing_is_off():
    with Lab() as lab:
        site, server = tftp(lab)
        with server, Client() as client:
            refused(2, client.put, "new", b"x")
            client.send(data(1, b"x"), 50_000)
            client.silent(0.2)
            assert not (site.root / "new").exists()


def test_writing():
    with Lab() as lab:
        folder, server = writing(lab)
        with server:
            for address in (SERVER_V4, SERVER_V6):
                for size in SIZES if address == SERVER_V4 else (0, 512, 5000):
                    source = lab.path("source")
                    source.write_bytes(content(size))
                    for name, command in ((f"hpa-{address[0]}-{size}", ["tftp", "-m", "binary", address, "-c", "put", source]),
                                          (f"busy-{address[0]}-{size}", ["busybox", "tftp", "-p", "-l", source, "-r", None, address]),
                                          (f"curl-{address[0]}-{size}", None)):
                        if command is None:
                            host = f"[{address}]" if ":" in address else address
                            command = ["curl", "--silent", "--globoff", "--upload-file", source, f"tftp://{host}/{name}"]
                            if size == 0:
                                continue  # it sends nothing then
                        elif command[0] == "tftp":
                            command = [*command, name]
                        sh(*(name if word is None else word for word in command))
                        same((folder / name).read_bytes(), content(size), name)
                    for options in ({}, {"blksize": 1428, "tsize": size}, {"windowsize": 16}, {"blksize": 65464}):
                        name = f"own-{address[0]}-{size}-{len(options)}-{max(options.values(), default=0)}"
                        with Client(address) as client:
                            client.put(name, content(size), **options)
                        same((folder / name).read_bytes(), content(size), name)
            assert not [p for p in folder.iterdir() if p.name.startswith(".")], "nothing is left over"
            with Client() as client:
                client.put("lines", b"one\r\ntwo\r\0three\r\n", "netascii")
            assert (folder / "lines").read_bytes() == b"one\ntwo\rthree\n"


def test_writing_with_loss():
    with Lab() as lab:
        folder, server = writing(lab)
        with server:
            for percent in (1, 5, 20) if runner.LONG else (5,):
                lab.lose(percent)
                for n, options in enumerate(({}, {"blksize": 1428}, {"blksize": 1428, "windowsize": 16})):
                    with Client(SERVER_V6 if n == 1 else SERVER_V4) as client:
                        client.put(f"{percent}-{n}", content(15_000), patience=0.5, **options)
                    same((folder / f"{percent}-{n}").read_bytes(), content(15_000), (percent, options))
                lab.lose_nothing()


def test_writing_is_refused():
    with Lab() as lab:
        folder, server = writing(lab, rest=",write-limit=1")
        (folder / "there").write_bytes(b"as it was")
        (folder / "sub").mkdir()
        (folder / ".tftp-1-1.part").write_bytes(b"of a run before")
        outside = lab.path("outside")
        outside.mkdir()
        (folder / "way-out").symlink_to(outside)
        with server:
            assert not (folder / ".tftp-1-1.part").exists()
            for code, name, options in ((6, "there", {}), (2, "../new", {}), (2, "none/new", {}), (2, ".hidden", {}),
                                        (2, "way-out/new", {}), (6, "sub", {}), (6, "way-out", {}),
                                        (3, "large", {"tsize": (1 << 20) + 1}), (8, "new", {"blksize": 1})):
                with Client() as client:
                    refused(code, client.put, name, b"x", **options)
            with Client() as client:
                refused(3, client.put, "large", content((1 << 20) + 1), blksize=1428)
            with Client() as client:
                client.put("sub/most", content(1 << 20), blksize=1428, windowsize=16)
            same((folder / "sub/most").read_bytes(), content(1 << 20), "as much as may be")
            assert (folder / "there").read_bytes() == b"as it was"
            # Two at once: one of them gets the name.
            with Client() as one, Client() as two:
                for client in (one, two):
                    client.ask(request("race", opcode=2))
                one.send(data(1, b"one"))
                assert one.receive().opcode == ACK
                two.send(data(1, b"two"))
                packet = two.receive()
                assert (packet.opcode, packet.number) == (ERROR, 6)
            assert (folder / "race").read_bytes() == b"one"
            # A client that changes its mind, and one that never sends a block.
            with Client() as client:
                client.ask(request("given-up", opcode=2))
                client.send(data(1, bytes(512)))
                assert client.receive().number == 1
                client.send(error(0))
            with Client() as client:
                client.ask(request("silent", opcode=2))
            wait_for(lambda: not [p for p in folder.iterdir() if p.name.startswith(".")], lambda: list(folder.iterdir()))
            assert sorted(p.name for p in folder.iterdir()) == ["race", "sub", "there", "way-out"]
            assert not list(outside.iterdir())


def test_last_ack_is_repeated():
    """Dallying: the last block that comes again is acknowledged again, and stored once."""
    with Lab() as lab:
        folder, server = writing(lab)
        with server, Client() as client:
            client.ask(request("new", opcode=2))
            for _ in range(3):
                client.send(data(1, b"all of it"))
            assert client.receive().number == 1
            client.silent(0.2)
            client.send(data(1, b"all of it"))
            assert client.receive().number == 1
            assert (folder / "new").read_bytes() == b"all of it"


def test_flags():
    with Lab() as lab:
        root = usual(lab).root
        for value, says in (("0", "no port from 1 to 65535"), ("69", "names no directory"), (f"69,root={root},x", "is none of"),
                            (f"69,root={root},wrap=2", "is none of"), (f"69,root={root},blksize=7", "is none of"),
                            (f"69,root={root},windowsize=2000", "is none of"), (f"69,root={root},tids=5000", "is none of"),
                            (f"69,root={root},tids=60000-50000", "is none of"), ("69,root=/nowhere", "No such file"),
                            (f"69,root={root},write=/nowhere", "No such file"),
                            (f"50000,root={root}", "is another service's"), (f"69,root={root},tids=50000-50001", "tftp-transfers")):
            more = ["--tftp-transfers", "2"] if "50001" in value else []
            server = Goldilocks(lab, ["--tftp", value, *more], zones=())
            done = subprocess.run(server.command, capture_output=True, text=True, timeout=60, preexec_fn=die_with_parent)
            assert done.returncode in (1, 2) and says in done.stderr, (value, done.stderr[-300:])


run(__name__)
