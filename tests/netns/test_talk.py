"""Simplex-talk (--talk) with netcat and with our own client, goldilocks-talk."""

import signal
import socket
import subprocess
import time

from goldilocks import Goldilocks, built
from lab import CLIENT_V4, CLIENT_V6, SERVER_IF, SERVER_V4, SERVER_V6, Lab, die_with_parent, inside, log_says, sh, sysctl, wait_for
from path import PathLab
from runner import report, run

PORT = 5432


def netcat(text, address=SERVER_V4, *options):
    """Sends what one write holds as a datagram."""
    with subprocess.Popen(["nc", "-u", *options, address, str(PORT)], stdin=subprocess.PIPE,
                          preexec_fn=die_with_parent) as nc:
        for piece in [text] if isinstance(text, bytes) else text:
            nc.stdin.write(piece)
            nc.stdin.flush()
            time.sleep(0.02)
        nc.kill()


def talk(text, *arguments):
    return subprocess.run([built("app/talk/goldilocks-talk"), *arguments], input=text, capture_output=True, timeout=30,
                          preexec_fn=die_with_parent)


def counters(server):
    return server.telemetry("/goldilocks/service,talk")


def test_netcat():
    with Lab() as lab:
        log = lab.path("talk")
        with Goldilocks(lab, ["--talk", f"{PORT},log={log}"], zones=()) as server:
            netcat(b"hello\n", SERVER_V4, "-p", "40001")
            netcat(b"hello\n", SERVER_V6, "-p", "40002")
            log_says(log, "message from <192.0.2.1,40001>: hello", "message from <2001:db8::1,40002>: hello")
            # Several clients at once, and what none of them may do to a terminal or to another's lines.
            with subprocess.Popen(["nc", "-u", "-p", "40003", SERVER_V4, str(PORT)], stdin=subprocess.PIPE,
                                  preexec_fn=die_with_parent) as one:
                for n in range(3):
                    one.stdin.write(f"one {n}\n".encode())
                    one.stdin.flush()
                    netcat(f"two {n}\n".encode(), SERVER_V4, "-p", "40004")
                one.kill()
            log_says(log, *(f"message from <192.0.2.1,4000{port}>: {who} {n}"
                        for port, who in ((3, "one"), (4, "two")) for n in range(3)))
            netcat("\x1b[2J\x07bell\r\nmessage from <203.0.113.1,1>: forged\nümläut\n".encode() + b"\xff\xfe", SERVER_V4,
                   "-p", "40005")
            mine = "message from <192.0.2.1,40005>: "
            log_says(log, mine + "\\x1B[2J\\x07bell", mine + "message from <203.0.113.1,1>: forged", mine + "ümläut",
                 mine + "\\xFF\\xFE")
            netcat(b"", SERVER_V4)
            netcat(b"x" * 3000 + b"\n", SERVER_V4)  # in fragments: not for us
            assert counters(server)["received"] == 9 and counters(server)["unprinted"] == 0, counters(server)
            assert server.counters()["udp_reply"] == 0
            moved = log.rename(lab.path("talk.1"))
            server.signal(signal.SIGHUP)
            wait_for(log.exists, "not opened again")
            netcat(b"later\n", SERVER_V4, "-p", "40006")
            log_says(log, "message from <192.0.2.1,40006>: later")
            assert "later" not in moved.read_text()


def test_client():
    with Lab() as lab:
        log = lab.path("talk")
        zone = lab.path("zone", "$ORIGIN example.\n$TTL 60\n@ SOA ns hostmaster 1 2 3 4 5\n@ NS ns\nns A 192.0.2.53\n"
                                "both A 192.0.2.53\nboth AAAA 2001:db8::53\nfour A 192.0.2.53\nalias CNAME both\n")
        with Goldilocks(lab, ["--talk", f"{PORT},log={log}"], zones=[zone]) as server:
            assert talk(b"first\nsecond\n", SERVER_V4).returncode == 0
            assert talk(b"without an end", SERVER_V6, str(PORT)).returncode == 0
            for n, (arguments, peer) in enumerate(((["both.example"], "2001:db8::1"), (["-4", "both.example"], "192.0.2.1"),
                                                   (["four.example"], "192.0.2.1"), (["alias.example"], "2001:db8::1"))):
                done = talk(f"by name {n}\n".encode(), "-s", SERVER_V4, *arguments)
                assert done.returncode == 0, done.stderr
                wait_for(lambda: any(line.startswith(f"message from <{peer},") and line.endswith(f": by name {n}")
                                     for line in log.read_text().splitlines()), log.read_text)
            assert counters(server)["received"] == 7
            for arguments, says in ((["-s", SERVER_V4, "none.example"], b"no address"), (["-6", SERVER_V4], b"other family"),
                                    (["-s", SERVER_V4, "-6", "four.example"], b"no address")):
                done = talk(b"x\n", *arguments)
                assert done.returncode == 1 and says in done.stderr, done.stderr
            assert talk(b"", SERVER_V4, "0").returncode == 2 and talk(b"").returncode == 2
            for line in ("first", "second", "without an end"):
                assert f">: {line}\n" in log.read_text()


def stalk(address, lines):
    """The chapter's client (11.1.3.3), made again: a socket that is not connected, and a datagram for each line."""
    family, kind, protocol, _, where = socket.getaddrinfo(address, PORT, type=socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind, protocol) as s:
        for line in lines:
            s.sendto(line.encode() + b"\n", where)
        return s.getsockname()[1]


def test_loss():
    """What arrives is printed once and as it was sent, whatever is lost; sixty senders at once, of the chapter's own kind."""
    with PathLab() as lab:
        log = lab.path("talk")
        with Goldilocks(lab, ["--talk", f"{PORT},log={log}"], zones=()) as server:
            for percent in (0, 1, 5, 20):
                lab.path_is(loss=(percent, percent))
                already = len(log.read_text().splitlines())
                said = set()
                for n in range(60):
                    lines = [f"{percent} % {n} {i}" for i in range(3)]
                    port = stalk((SERVER_V4, SERVER_V6)[n % 2], lines)
                    said |= {f"message from <{(CLIENT_V4, CLIENT_V6)[n % 2]},{port}>: {line}" for line in lines}
                lab.path_is(loss=(0, 0))
                port = stalk(SERVER_V4, [f"the end of {percent} %"])
                log_says(log, f"message from <{CLIENT_V4},{port}>: the end of {percent} %")
                heard = [line for line in log.read_text().splitlines()[already:] if "the end" not in line]
                assert len(heard) == len(set(heard)) and set(heard) <= said, set(heard) - said
                lost = len(said) - len(heard)
                report(f"{percent} % each way: {lost} of {len(said)} lines lost")
                assert lost == 0 if percent == 0 else lost <= len(said) * percent // 100 + 30, (percent, lost)
                assert lost > 0 or percent < 20, "the path lost nothing"
            assert counters(server)["received"] == len(log.read_text().splitlines())
            assert counters(server)["unprinted"] == 0 and server.counters()["udp_reply"] == 0


def test_ncat():
    """The newer netcat, over both families; it ends by itself at the end of what it is given."""
    with Lab() as lab:
        log = lab.path("talk")
        with Goldilocks(lab, ["--talk", f"{PORT},log={log}"], zones=()):
            for n, (address, peer) in enumerate(((SERVER_V4, CLIENT_V4), (SERVER_V6, CLIENT_V6))):
                sh("sh", "-c", f"echo by ncat {n} | ncat -u -p {40010 + n} {address} {PORT}")
                log_says(log, f"message from <{peer},{40010 + n}>: by ncat {n}")


def test_standard_output():
    with Lab() as lab, Goldilocks(lab, ["--talk", PORT], zones=()) as server:
        netcat(b"hello\n", SERVER_V4, "-p", "40001")
        wait_for(lambda: f"message from <{CLIENT_V4},40001>: hello" in server.log().splitlines(), server.log)


def test_client_talks_to_netcat():
    with Lab() as lab:
        with inside(lab.server_ns, lab.client_ns):
            sysctl(f"net.ipv6.conf.{SERVER_IF}.disable_ipv6", 0)
            sh("ip", "addr", "add", SERVER_V4 + "/24", "dev", SERVER_IF)
        done = talk(b"one\ntwo\nthree\n", SERVER_V4)
        assert done.returncode in (0, 1)  # the kernel over there may have been quicker than the last line
        heard = lab.path("heard")
        with open(heard, "wb") as out:
            nc = subprocess.Popen(["ip", "netns", "exec", lab.server_ns, "nc", "-lu", str(PORT)], stdin=subprocess.DEVNULL,
                                  stdout=out, preexec_fn=die_with_parent)
        wait_for(lambda: f":{PORT} " in sh("ip", "netns", "exec", lab.server_ns, "ss", "-lun").stdout, "netcat listens")
        assert talk(b"one\ntwo\n", SERVER_V4).returncode == 0
        wait_for(lambda: heard.read_bytes() == b"one\ntwo\n", heard.read_bytes)
        nc.kill()
        nc.wait()


def test_silence_is_noted():
    with Lab() as lab:
        log = lab.path("talk")
        with Goldilocks(lab, ["--talk", f"{PORT},log={log}"], zones=()):
            netcat(b"hello\n")
            wait_for(lambda: "hello\nno message for 15 seconds\n" in log.read_text(), log.read_text, limit=40)


def test_options():
    with Lab() as lab:
        for value, says in (("0", "no port from 1 to 65535"), ("5432,log=", "is not log=FILE"), ("5432,x", "is not log=FILE"),
                            ("5432,log=/nowhere/at/all", "No such file or directory")):
            server = Goldilocks(lab, ["--talk", value], zones=())
            done = subprocess.run(server.command, capture_output=True, text=True, timeout=60, preexec_fn=die_with_parent)
            assert done.returncode in (1, 2) and says in done.stderr, done.stderr


run(__name__)
