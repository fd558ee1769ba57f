"""ONC RPC (--rpc): rpcbind asked by rpcinfo, which is libtirpc, and by hand."""

import fcntl
import socket
import struct
import subprocess

from goldilocks import Goldilocks
from lab import CLIENT_IF, SERVER_IF, SERVER_V4, SERVER_V6, Lab, die_with_parent, sh, wait_for
from runner import run

PORT = 111
RPCBIND, NFS = 100000, 100003
ALLOW = ",allow=192.0.2.0/24,allow=2001:db8::/64"
LAST = 0x80000000
UDP_TRANSPORTS = ((SERVER_V4, "udp"), (SERVER_V6, "udp6"))
TCP_TRANSPORTS = ((SERVER_V4, "tcp"), (SERVER_V6, "tcp6"))


def serve(lab, value="on" + ALLOW, **more):
    return Goldilocks(lab, ["--rpc", value], zones=(), **more)


def counters(server):
    return server.telemetry("/goldilocks/service,rpc")


def counted(server, **wanted):
    wait_for(lambda: {n: counters(server)[n] for n in wanted} == wanted, lambda: f"{wanted} in {counters(server)}")


def rpcinfo(*arguments, fails=False):
    done = sh("rpcinfo", *arguments, check=False, timeout=90)
    assert (done.returncode != 0) == fails, (arguments, done.stdout)
    return done.stdout


def words(*values):
    return struct.pack(f">{len(values)}I", *values)


def call(program, version, procedure, arguments=b"", auth=words(0, 0, 0, 0), xid=7, rpc=2):
    return words(xid, 0, rpc, program, version, procedure) + auth + arguments


def ask_udp(message, address=SERVER_V4, limit_s=5):
    """None: nothing came."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(limit_s)
        s.connect((address, PORT))
        s.send(message)
        try:
            return s.recv(65535)
        except TimeoutError:
            return None


def record(message):
    return words(LAST | len(message)) + message


def read(s, length):
    data = b""
    while len(data) < length:
        more = s.recv(length - len(data))
        assert more, f"the connection ended after {len(data)} of {length} bytes"
        data += more
    return data


def read_record(s):
    mark, = struct.unpack(">I", read(s, 4))
    assert mark & LAST
    return read(s, mark & ~LAST)


def connect(address=SERVER_V4):
    s = socket.create_connection((address, PORT), timeout=20)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def success(results=b""):
    return words(7, 1, 0, 0, 0, 0) + results


def test_rpcinfo():
    """What administrators type."""
    with Lab() as lab, serve(lab) as server:
        for address, transport in UDP_TRANSPORTS + TCP_TRANSPORTS:
            said = rpcinfo("-T", transport, address, RPCBIND)
            for version in (2, 3, 4):
                assert f"program {RPCBIND} version {version} ready and waiting" in said, said
            assert "ready and waiting" in rpcinfo("-T", transport, address, RPCBIND, 3)
            assert "low version = 2, high version = 4" in rpcinfo("-T", transport, address, RPCBIND, 7, fails=True)
            assert "not registered" in rpcinfo("-T", transport, address, NFS, fails=True)
        for address in (SERVER_V4, SERVER_V6):
            lines = [line.split() for line in rpcinfo("-p", address).splitlines()[1:]]
            assert sorted(lines) == sorted([str(RPCBIND), str(version), protocol, "111", "portmapper"]
                                           for version in (2, 3, 4) for protocol in ("tcp", "udp")), lines
            six = "6" if ":" in address else ""
            lines = [line.split() for line in rpcinfo(address).splitlines()[1:]]
            assert sorted(lines) == sorted(
                [str(RPCBIND), str(version), protocol + six, f"{address}.0.111", "portmapper", "superuser"]
                for version in (2, 3, 4) for protocol in ("tcp", "udp")), lines
            assert "portmapper" in rpcinfo("-s", address)
        assert "ready and waiting" in rpcinfo("-u", SERVER_V4, RPCBIND) and "ready" in rpcinfo("-t", SERVER_V4, RPCBIND)
        assert "unavailable" in rpcinfo("-m", SERVER_V4, fails=True)  # statistics
        assert counters(server)["answered"] > 30 and counters(server)["drop_malformed"] == 0


def test_loss():
    """libtirpc repeats over UDP, and TCP does by itself."""
    with Lab() as lab, serve(lab):
        for percent in (1, 5, 20):
            lab.lose(percent)
            try:
                for address, transport in UDP_TRANSPORTS + TCP_TRANSPORTS:
                    for _ in range(2):
                        assert ask_until(address, transport)
            finally:
                lab.lose_nothing()


def ask_until(address, transport, tries=15):
    """rpcinfo waits for 10 s and no longer: under heavy loss a try may fail, but no answer may be wrong."""
    for _ in range(tries):
        done = sh("rpcinfo", "-T", transport, address, RPCBIND, 4, check=False, timeout=120)
        if done.returncode == 0:
            return done.stdout == f"program {RPCBIND} version 4 ready and waiting\n"
        assert "imed out" in done.stdout or "Unable to send" in done.stdout or "Unable to receive" in done.stdout \
            or "Remote system error" in done.stdout, done.stdout
    return False


def test_two_workers():
    with Lab(queues=2) as lab:
        with serve(lab, workers=2, device=f"--vdev=net_af_packet0,iface={SERVER_IF},qpairs=2"):
            for _ in range(20):
                for address, transport in UDP_TRANSPORTS + TCP_TRANSPORTS:
                    assert "ready and waiting" in rpcinfo("-T", transport, address, RPCBIND, 4)


def test_records():
    """Record marking: pieces, several calls in a segment, the mark alone; several fragments are refused."""
    with Lab() as lab, serve(lab) as server:
        null, port = call(RPCBIND, 2, 0), call(RPCBIND, 2, 3, words(RPCBIND, 2, 6, 0))
        for address in (SERVER_V4, SERVER_V6):
            with connect(address) as s:
                s.sendall(record(null) + record(port) + record(null))
                assert [read_record(s) for _ in range(3)] == [success(), success(words(111)), success()]
                for cut in (1, 4, 5, 20, 50):
                    whole = record(port)
                    s.sendall(whole[:cut])
                    if cut == 4:  # the mark alone is acknowledged, and then it is nobody's knowledge
                        wait_for(lambda s=s: unacknowledged(s) == 0, "the mark was not acknowledged", limit=20)
                    s.sendall(whole[cut:])
                    assert read_record(s) == success(words(111)), cut
                s.sendall(record(call(RPCBIND, 4, 4)))
                assert read_record(s).count(b"superuser") == 6
        for broken in (words(len(null)) + null, words(LAST | 3000) + null, words(LAST) + null):
            with connect() as s:
                s.sendall(broken)
                try:
                    assert s.recv(100) == b""
                except ConnectionResetError:
                    pass
        wait_for(lambda: counters(server)["drop_record"] >= 3, "not counted")


def unacknowledged(s):
    """Bytes sent that the peer has not acknowledged (SIOCOUTQ)."""
    return struct.unpack("i", fcntl.ioctl(s, 0x5411, bytes(4)))[0]


def test_errors():
    with Lab() as lab, serve(lab) as server:
        long_auth = words(1, 404) + bytes(404) + words(0, 0)
        for message, answer in (
                (call(RPCBIND, 2, 0, rpc=3), words(7, 1, 1, 0, 2, 2)),
                (call(RPCBIND, 2, 0, auth=long_auth), words(7, 1, 1, 1, 1)),
                (call(RPCBIND, 2, 0, auth=words(6, 0, 0, 0)), words(7, 1, 1, 1, 2)),
                (call(NFS, 3, 0), words(7, 1, 0, 0, 0, 1)),
                (call(RPCBIND, 9, 0), words(7, 1, 0, 0, 0, 2, 2, 4)),
                (call(RPCBIND, 2, 99), words(7, 1, 0, 0, 0, 3)),
                (call(RPCBIND, 2, 3, b"\0\0\0\1"), words(7, 1, 0, 0, 0, 4)),
                (call(RPCBIND, 4, 3, words(RPCBIND, 4, 0xffffffff)), words(7, 1, 0, 0, 0, 4)),
                (call(RPCBIND, 2, 1, words(NFS, 3, 17, 9)), success(words(0))),
                (call(RPCBIND, 2, 2, words(RPCBIND, 2, 17, 0)), success(words(0)))):
            for address in (SERVER_V4, SERVER_V6):
                assert ask_udp(message, address) == answer, message
                with connect(address) as s:
                    s.sendall(record(message))
                    assert read_record(s) == answer, message
        # A segment that came again was answered again.
        assert counters(server)["auth_errors"] >= 8 and counters(server)["rpc_mismatch"] >= 4
        seconds, = struct.unpack(">I", ask_udp(call(RPCBIND, 3, 6))[24:])
        assert abs(seconds - int(sh("date", "+%s").stdout)) < 60


def test_no_reflector():
    """Nothing is forwarded, and no answer over UDP is longer than three times its call (coreos/bugs#1403)."""
    with Lab() as lab, serve(lab) as server:
        forwards = [(2, 5), (3, 5), (4, 5), (4, 10)]
        for version, procedure in forwards:
            inner = words(NFS, 3, 0, 0) + bytes(64)
            assert ask_udp(call(RPCBIND, version, procedure, inner), limit_s=0.3) is None
        counted(server, drop_forward=len(forwards))
        with connect() as s:
            s.sendall(record(call(RPCBIND, 2, 5, words(NFS, 3, 0, 0))))
            try:
                assert s.recv(100) == b""
            except ConnectionResetError:
                pass
        for version in (2, 3, 4):
            assert ask_udp(call(RPCBIND, version, 4), limit_s=0.3) is None  # DUMP: over TCP
        counted(server, drop_amplification=3)
        for message in (b"", words(7), call(RPCBIND, 2, 0)[:39], success(), words(7, 1, 1, 0, 2, 2)):
            assert ask_udp(message, limit_s=0.2) is None
        counted(server, drop_malformed=3, drop_not_a_call=2)
        assert server.counters()["udp_reply"] == 0


def test_who_may_ask():
    """By default private networks; the laboratory's are none."""
    with Lab() as lab, serve(lab, "on") as server:
        for address in (SERVER_V4, SERVER_V6):
            assert ask_udp(call(RPCBIND, 2, 0), address, limit_s=0.3) is None
            with connect(address) as s:
                s.sendall(record(call(RPCBIND, 2, 0)))
                try:
                    assert s.recv(100) == b""
                except ConnectionResetError:
                    pass
        wait_for(lambda: counters(server)["drop_not_allowed"] >= 4, "not counted")
        assert counters(server)["calls"] == 0
        sh("ip", "addr", "add", "10.1.2.3/24", "dev", CLIENT_IF)
        sh("ip", "route", "replace", SERVER_V4, "dev", CLIENT_IF, "src", "10.1.2.3")
        assert ask_udp(call(RPCBIND, 2, 0)) == success()


def test_options():
    with Lab() as lab:
        for value in ("", "maybe", "on,allow=", "on,allow=1.2.3.4/33", "on,port=0", "on,"):
            server = Goldilocks(lab, ["--rpc", value], zones=())
            done = subprocess.run(server.command, capture_output=True, text=True, timeout=60, preexec_fn=die_with_parent)
            says = "nothing stands behind the last comma" if value.endswith(",") else "none of on, off"
            assert done.returncode == 2 and says in done.stderr, (value, done.stderr)
        server = Goldilocks(lab, ["--rpc", "on", "--http", f"{PORT},root={lab.dir}"], zones=())
        done = subprocess.run(server.command, capture_output=True, text=True, timeout=60, preexec_fn=die_with_parent)
        assert done.returncode == 1 and "another service" in done.stderr, done.stderr


run(__name__)
