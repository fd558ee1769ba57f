"""The sum of integers over UDP (--sum), asked by netcat."""

import struct
import subprocess
import time

from goldilocks import Goldilocks, built
from lab import SERVER_V4, SERVER_V6, Lab, die_with_parent, sh
from path import PathLab
from runner import run

PORT = 5434


def integers(*numbers, count=None):
    return struct.pack(f"!H{len(numbers)}i", len(numbers) if count is None else count, *numbers)


def by_hexadecimal(text, address, port=PORT):
    """As the chapter's reader has it: typed in hexadecimal, and so is what comes back."""
    words = f"echo {text} | xxd -r -p | nc -u -W 1 -w 5 {address} {port} | xxd -p"
    return sh("sh", "-c", words).stdout.strip()


def netcat(payload, address=SERVER_V4, port=PORT, answer=4, limit_s=10):
    """What netcat hears within the limit, up to so many bytes."""
    command = ["nc", "-u", address, str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=die_with_parent) as nc:
        try:
            nc.stdin.write(payload)
            nc.stdin.flush()
            return nc.communicate(timeout=limit_s)[0] if answer == 0 else nc.stdout.read(answer)
        except subprocess.TimeoutExpired:
            return b""
        finally:
            nc.kill()


def wait_for(what, limit_s=10):
    end = time.monotonic() + limit_s
    while not what():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def counted(server, **wanted):
    return wait_for(lambda: {n: server.telemetry("/goldilocks/service,sum")[n] for n in wanted} == wanted)


def test_returned_and_logged():
    with Lab() as lab, Goldilocks(lab, ["--sum", "on,reply=on"]) as server:
        for address in (SERVER_V4, SERVER_V6):
            assert struct.unpack("!i", netcat(integers(1, 2, 3), address)) == (6,)
            assert struct.unpack("!i", netcat(integers(-5, 2), address)) == (-3,)
            assert struct.unpack("!I", netcat(integers(2**31 - 1, 2**31 - 1, 4), address)) == (2,)
            assert by_hexadecimal("0002 00000014 00000016", address) == "0000002a"
        assert wait_for(lambda: "sum of 3 integers from 192.0.2.1:" in server.log() and ": 6" in server.log())
        assert wait_for(lambda: "sum of 2 integers from [2001:db8::1]:" in server.log() and ": -3" in server.log())
        assert counted(server, sums=8, malformed=0, unlogged=0, server_ports=0)
        assert set(server.telemetry("/goldilocks/service")) == {"dns", "sum"}


def ask(*arguments, text=b""):
    return subprocess.run([built("app/sum/goldilocks-sum"), *map(str, arguments)], input=text, capture_output=True, timeout=30,
                          preexec_fn=die_with_parent)


def test_our_client():
    with Lab() as lab:
        with Goldilocks(lab, ["--sum", "on,reply=on"]) as server:
            for address in (SERVER_V4, SERVER_V6):
                assert ask(address, 1, 2, -10).stdout == b"-7\n"
                assert ask(address, text=b"2147483647 1\n").stdout == b"-2147483648\n"
            assert ask(SERVER_V4, *range(362)).stdout == b"65341\n"
            done = ask(SERVER_V4, *range(363))
            assert done.returncode == 1 and b"362 fit" in done.stderr, done
            for arguments in ((SERVER_V4, "x"), (SERVER_V4, 2**31), (), ("-p", 0, SERVER_V4, 1)):
                assert ask(*arguments).returncode == 2, arguments
            assert counted(server, sums=5, malformed=0)
        with Goldilocks(lab, ["--sum", "on"]) as server:
            assert ask("-n", SERVER_V4, 40, 2).returncode == 0
            assert wait_for(lambda: ": 42" in server.log())
            done = ask(SERVER_V4, 1)
            assert done.returncode == 1 and b"reply=on" in done.stderr, done.stderr
            assert counted(server, sums=4)  # it asked three times


def test_loss():
    """The client asks three times, a second apart: whatever it prints is right, and where nothing came it says so."""
    with PathLab() as lab, Goldilocks(lab, ["--sum", f"{PORT},reply=on"]) as server:
        for percent in (0, 1, 5, 20):
            lab.path_is(loss=(percent, percent))
            running = [subprocess.Popen([built("app/sum/goldilocks-sum"), (SERVER_V4, SERVER_V6)[n % 2], str(n), "1000"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        preexec_fn=die_with_parent) for n in range(40)]
            said = [process.communicate(timeout=30) for process in running]
            right = [process.returncode == 0 and out == b"%d\n" % (n + 1000)
                     for n, (process, (out, _)) in enumerate(zip(running, said))]
            assert all(right[n] or out == b"" and b"no answer" in err for n, (out, err) in enumerate(said)), said
            # Three tries fail together one time in 20 at 20 %, 1,000 at 5 % and 100,000 at 1 %.
            assert right.count(True) >= {0: 40, 1: 39, 5: 37, 20: 25}[percent], (percent, right.count(True))
        assert server.telemetry("/goldilocks/service,sum")["malformed"] == 0


def test_silent_by_default():
    with Lab() as lab, Goldilocks(lab, ["--sum", "on"]) as server:
        assert netcat(integers(20, 22), answer=0, limit_s=0.5) == b""
        assert counted(server, sums=1)
        assert wait_for(lambda: ": 42" in server.log())


def test_counts_that_do_not_fit():
    """Dropped and counted, never answered."""
    with Lab() as lab, Goldilocks(lab, ["--sum", "on,reply=on,port=7000"]) as server:
        broken = (b"\0", integers(1, count=2), integers(1, 2, count=1), integers(1) + b"\0", b"\xff\xff")
        for payload in broken:
            assert netcat(payload, port=7000, answer=0, limit_s=0.3) == b""
        assert counted(server, malformed=len(broken), sums=0)
        # An empty list draws nothing: its sum would be longer than it, and the sender is not verified.
        assert netcat(integers(), port=7000, answer=0, limit_s=0.3) == b""
        assert counted(server, malformed=len(broken), sums=1)
        assert struct.unpack("!i", netcat(integers(9), port=7000)) == (9,)


def test_log_is_limited():
    with Lab() as lab, Goldilocks(lab, ["--sum", "on"]) as server:
        for _ in range(4):
            sh("python3", "-c", "import socket,struct\n"
               "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
               f"for i in range(60): s.sendto(struct.pack('!Hi', 1, i), ('{SERVER_V4}', {PORT}))")
            time.sleep(0.1)
        assert counted(server, sums=240)
        assert wait_for(lambda: "more sums within a second" in server.log())
        assert server.log().count("sum of 1 integers") < 200


run(__name__)
