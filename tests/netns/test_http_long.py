"""HTTP answers beyond 64 KiB (tcp/bulk): real clients, loss, long paths, lost entries, full tables, files that change."""

import concurrent.futures
import hashlib
import random
import signal
import socket
import subprocess
import time

from exchanges import WrongBytes
from goldilocks import Goldilocks
from http_site import PORT, Directory, Response, connect, content, get, request
from lab import SERVER_IF, SERVER_V4, SERVER_V6, Lab, die_with_parent, sysctl, wait_for
from path import PathLab
from runner import report, run

KB, MB = 1 << 10, 1 << 20


def http(lab, *options, site, **more):
    return Goldilocks(lab, ["--http", f"{PORT},root={site.root}", *options], zones=(), **more)


def url(path, address=SERVER_V4):
    return f"http://{'[' + address + ']' if ':' in address else address}{path}"


def site_of(lab, *sizes):
    site = Directory(lab)
    for size in sizes:
        site.add(f"/{size}.bin", content(size))
    return site


def curl(*arguments, limit_s=120):
    return subprocess.run(["curl", "--silent", "--show-error", "--globoff", *map(str, arguments)], capture_output=True,
                          timeout=limit_s, preexec_fn=die_with_parent)


def same(got, wanted, what):
    if hashlib.sha256(got).digest() != hashlib.sha256(wanted).digest():
        raise WrongBytes(f"{what}: {len(got)} bytes, not the {len(wanted)} that were to come")


def check(site, path, *arguments, address=SERVER_V4, limit_s=120):
    done = curl(*arguments, url(path, address), limit_s=limit_s)
    assert done.returncode == 0, (path, done.returncode, done.stderr, len(done.stdout))
    same(done.stdout, site.files[path], path)


def in_parallel(work, jobs, at_once):
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        for done in [pool.submit(work, *job) for job in jobs]:
            done.result()


def sizes(**lab_options):
    """Around every limit."""
    with Lab(**lab_options) as lab:
        site = site_of(lab, 64510, 64511, 64512, 65000, 65535, 65536, 65537, 66000, 200_000, 1_000_000, 5 * MB)
        with http(lab, site=site) as server:
            for address in (SERVER_V4, SERVER_V6):
                for path in site.files:
                    check(site, path, address=address)
            assert server.total("bulk_begun") >= 14


def test_sizes():
    sizes()


def test_sizes_without_timestamps():
    sizes(timestamps=False)


def test_sizes_of_small_segments():
    sizes(mss=536)


def test_without_an_entry_of_either_kind():
    """--flow-cache 0: the rules without soft state begin a long answer. --http-flows 0: there is none, but ranges."""
    with Lab() as lab:
        site = site_of(lab, 1000, 200_000)
        with http(lab, "--flow-cache", 0, site=site):
            for path in site.files:
                check(site, path)
        with http(lab, "--http-flows", 0, site=site):
            assert get("/200000.bin").status == 501
            same(get("/200000.bin", Range="bytes=0-999").body, site.files["/200000.bin"][:1000], "a part")


def test_ranges_and_fields():
    with Lab() as lab:
        site = site_of(lab, 3_000_000)
        data = site.files["/3000000.bin"]
        with http(lab, site=site):
            for first, last in ((0, 2_999_999), (1, 100_000), (1_000_000, 2_999_999), (2_900_000, 5_000_000)):
                done = curl("--range", f"{first}-{last}", "--dump-header", lab.path("head"), url("/3000000.bin"))
                assert done.returncode == 0, done.stderr
                same(done.stdout, data[first:last + 1], (first, last))
                head = lab.path("head").read_text()
                assert "206 Partial Content" in head and "Connection: close" in head, head
                assert f"Content-Range: bytes {first}-{min(last, 2_999_999)}/3000000" in head, head
            # Resumed by the client.
            part = lab.path("part")
            part.write_bytes(data[:1_234_567])
            assert curl("--continue-at", "-", "--output", part, url("/3000000.bin")).returncode == 0
            same(part.read_bytes(), data, "resumed")
            # HEAD is short; one over a kept connection goes before a long answer.
            done = curl("--head", url("/3000000.bin"), "--next", url("/3000000.bin"))
            assert b"Content-Length: 3000000" in done.stdout and done.stdout.endswith(data[-1000:])
            assert curl("--http1.0", url("/3000000.bin")).stdout == data


def test_pipelined_before():
    """Short requests before the long one, in one segment and in pieces: all are answered, then the connection ends."""
    for timestamps in (True, False):
        with Lab(timestamps=timestamps) as lab:
            site = site_of(lab, 100, 30_000, 500_000)
            with http(lab, site=site):
                wanted = [site.files[p] for p in ("/100.bin", "/30000.bin", "/500000.bin")]
                for apart in (0, 0.05):
                    with connect() as s:
                        for path in ("/100.bin", "/30000.bin", "/500000.bin", "/100.bin"):
                            for half in (request(path)[:20], request(path)[20:]):
                                s.sendall(half)
                                time.sleep(apart)
                        data = b""
                        try:
                            while piece := s.recv(65536):
                                data += piece
                        except ConnectionResetError:  # what was behind the last one that is answered
                            pass
                    for body in wanted:
                        response = Response(data)
                        same(response.body, body, "pipelined")
                        data = response.rest
                    assert not data


def test_wget_and_python():
    with Lab() as lab:
        site = site_of(lab, 2_000_000)
        with http(lab, site=site):
            done = subprocess.run(["wget", "-q", "-O", "-", url("/2000000.bin")], capture_output=True, timeout=60)
            same(done.stdout, site.files["/2000000.bin"], "wget")
            import requests
            got = requests.get(url("/2000000.bin", SERVER_V6), timeout=60)
            assert got.status_code == 200
            same(got.content, site.files["/2000000.bin"], "requests")


def test_many_at_once():
    """200 downloads at once; memory stays as it was, and so do the entries."""
    with Lab() as lab:
        site = site_of(lab, 4 * MB)
        path = f"/{4 * MB}.bin"
        with http(lab, site=site) as server:
            check(site, path)
            before = server.memory_kib()
            folder = lab.path("many")
            folder.mkdir()
            jobs = [word for n in range(1, 201) for word in ("--output", folder / str(n), url(path))]
            done = curl("--parallel", "--parallel-max", 200, "--parallel-immediate", *jobs, limit_s=300)
            assert done.returncode == 0, done.stderr
            for n in range(1, 201):
                same((folder / str(n)).read_bytes(), site.files[path], n)
            assert server.memory_kib() < before + 20_000
            assert server.total("bulk_begun") >= 201


def test_two_workers():
    """The kernel spreads a flow's frames anew after each timeout of its client (its hash is the socket's there, not the
    addresses'): a core that gets another's frames does not end the answer."""
    with Lab(queues=2) as lab:
        site = site_of(lab, 1000, 300_000, 1 * MB)
        device = f"--vdev=net_af_packet0,iface={SERVER_IF},qpairs=2"
        with http(lab, site=site, workers=2, device=device) as server:
            in_parallel(check, [(site, path, "--max-time", "100") for path in [*site.files] * 8], 8)
            assert server.total("bulk_begun") == 16


def under_loss(percent, count=20, **lab_options):
    with Lab(**lab_options) as lab:
        site = site_of(lab, 70_000, 300_000, 1 * MB)
        with http(lab, site=site) as server:
            lab.lose(percent)
            try:
                rng = random.Random(percent)
                jobs = [(site, rng.choice(list(site.files)), "--max-time", "100") for _ in range(count)]
                in_parallel(check, jobs, 10)
            finally:
                lab.lose_nothing()
            assert server.total("bulk_resent") > 0


def test_loss():
    under_loss(5)


def test_loss_without_timestamps():
    under_loss(5, timestamps=False)


def path_scene(ms, percent, size=10_000_000, **lab_options):
    """Seconds for a file by way of the relay."""
    with PathLab(path={"delay": (ms / 2, ms / 2), "loss": (percent, percent)}, **lab_options) as lab:
        site = site_of(lab, size)
        with http(lab, site=site):
            begun = time.monotonic()
            check(site, f"/{size}.bin", limit_s=300)
            return time.monotonic() - begun


def test_long_paths():
    for ms in (30, 100):
        took = path_scene(ms, 0)
        report(f"10 MB at {ms} ms: {took:.2f} s, {10 / took:.1f} MB/s")
        assert took < 30


def test_long_paths_with_loss():
    for ms, percent in ((30, 1), (30, 5)):
        took = path_scene(ms, percent, size=2_000_000)
        report(f"2 MB at {ms} ms, {percent} % lost each way: {took:.2f} s, {2 / took:.2f} MB/s")
        assert took < 250


def test_killed_in_the_middle():
    """A lost entry is a RST within a timer of the client's, however quiet it is, and the client resumes."""
    for timestamps in (True, False):
        with Lab(timestamps=timestamps) as lab:
            site = site_of(lab, 20 * MB)
            path = f"/{20 * MB}.bin"
            with http(lab, site=site, secret=lab.path("secret")) as server:
                to = lab.path("got")
                client = subprocess.Popen(["curl", "--silent", "--limit-rate", "8M", "--output", to, url(path)],
                                          preexec_fn=die_with_parent)
                wait_for(lambda: to.exists() and to.stat().st_size > MB, "nothing comes")
                server.kill()
                server.start()
                code = client.wait(timeout=60)
                assert code in (18, 56), code  # partial file, or reset
                size = to.stat().st_size
                same(to.read_bytes(), site.files[path][:size], "what came")
                done = curl("--continue-at", "-", "--output", to, url(path))
                assert done.returncode == 0, done.stderr
                same(to.read_bytes(), site.files[path], "resumed")


def slow_reader(path, buffer=4608):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    s.settimeout(30)
    s.connect((SERVER_V4, PORT))
    s.sendall(request(path))
    return s


def read_rest(s, data):
    while piece := s.recv(65536):
        data += piece
    return Response(data)


def test_slow_reader():
    """A window that is closed for seconds; nothing is lost, and it goes on at once."""
    with Lab() as lab:
        site = site_of(lab, 1 * MB)
        path = f"/{1 * MB}.bin"
        with http(lab, site=site):
            with slow_reader(path) as s:
                data = s.recv(1000)
                time.sleep(4)
                same(read_rest(s, data).body, site.files[path], "read late")


def test_full_table():
    """Whoever finds no entry waits, and gets one when another ends; a client that is gone makes room."""
    with Lab() as lab:
        site = site_of(lab, 200_000, 2 * MB)
        with http(lab, "--http-flows", 2, site=site) as server:
            held = [slow_reader(f"/{2 * MB}.bin") for _ in range(2)]
            for s in held:
                assert s.recv(10)
            waiting = subprocess.Popen(["curl", "--silent", "--output", lab.path("waited"), url("/200000.bin")],
                                       preexec_fn=die_with_parent)
            wait_for(lambda: server.total("drop_bulk_full") > 0, "no request waits")
            held[0].close()
            assert waiting.wait(timeout=30) == 0
            same(lab.path("waited").read_bytes(), site.files["/200000.bin"], "after a wait")
            held[1].close()
            # Both are free again.
            in_parallel(check, [(site, "/200000.bin")] * 6, 6)


def test_aborted():
    """A client that goes away frees its entry at once: by its RST."""
    with Lab() as lab:
        site = site_of(lab, 20 * MB)
        with http(lab, "--http-flows", 1, site=site) as server:
            for n in range(1, 6):
                client = subprocess.Popen(["curl", "--silent", "--limit-rate", "1M", "--output", "/dev/null",
                                           url(f"/{20 * MB}.bin")], preexec_fn=die_with_parent)
                wait_for(lambda: server.total("bulk_begun") == n, "not begun")
                client.kill()
                client.wait()
                wait_for(lambda: server.total("drop_bulk_aborted") == n, "no RST came")


def test_fast_open():
    """Where windows are scaled no cookie fits a SYN-ACK that is no longer than the SYN; elsewhere it is given."""
    with Lab() as lab:
        sysctl("net.ipv4.tcp_fastopen", 1)
        site = site_of(lab, 1000, 500_000)
        with http(lab, site=site) as server:
            for path in [*site.files] * 3:
                check(site, path, "--tcp-fastopen")
            assert server.total("bulk_begun") == 3 and server.total("syn_ack_cookie") == 0
        with http(lab, "--http-flows", 0, site=site) as server:
            for _ in range(3):
                check(site, "/1000.bin", "--tcp-fastopen")
            assert server.total("syn_answered") == 2


def test_rate():
    with Lab() as lab:
        site = site_of(lab, 2_000_000)
        with http(lab, "--http-rate", 1000, site=site):
            begun = time.monotonic()
            check(site, "/2000000.bin")
            took = time.monotonic() - begun
            report(f"2 MB at 1 MB/s: {took:.2f} s")
            assert 1.8 < took < 6


def test_files_change():
    """A begun answer goes on with the same bytes for `--linger` seconds, and is reset then."""
    with Lab() as lab:
        site = site_of(lab, 2 * MB)
        path = f"/{2 * MB}.bin"
        old = site.files[path]
        with http(lab, "--linger", 3, site=site) as server:
            first, second = slow_reader(path, 64 * KB), slow_reader(path, 64 * KB)
            begun, late = first.recv(1000), second.recv(1000)
            new = content(2 * MB, seed="new")
            site.add(path, new, modified=784111900)
            server.signal(signal.SIGHUP)
            wait_for(lambda: "files read again: 1 changed" in server.log(), server.log)
            same(read_rest(first, begun).body, old, "begun before")
            check(site, path)
            time.sleep(4)
            try:
                read_rest(second, late)
                raise AssertionError("went on with what was no longer there")
            except ConnectionResetError:
                pass
            assert server.total("reset_changed") >= 1


run(__name__)
