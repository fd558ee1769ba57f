"""A conventional HTTP server behind (--http PORT,backend=ADDRESS:PORT): a scripted one, and nginx."""

import concurrent.futures
import contextlib
import signal
import socket
import struct
import subprocess
import time

from backends import KERNEL_V4, KERNEL_V6, BackendLab
from goldilocks import DEFAULT_ADDRESSES, Goldilocks
from http_origin import EXCESS, RAW, Origin
from http_site import PORT, Directory, Response, ask, connect, content, get, read_all, request
from lab import SERVER_V4, SERVER_V6, die_with_parent, wait_for
from runner import run
from test_http import counters, curl, same, url

HOST = 20
BACKEND_V4, BACKEND_V6 = f"{KERNEL_V4}{HOST}:80", f"[{KERNEL_V6}{HOST}]:80"


def gateway(lab, *options, site=None, backend=BACKEND_V4, more="", workers=1, **others):
    root = f",root={site.root}" if site else ""
    device = f"--vdev=net_af_packet0,iface=gl0,qpairs={workers}" if workers > 1 else None
    return Goldilocks(lab, ["--http", f"{PORT}{root},backend={backend}{more}", *options], zones=(), workers=workers,
                      device=device, addresses=DEFAULT_ADDRESSES, **others)


def grown(server, **wanted):
    """Until these counters are as wanted."""
    wait_for(lambda: all(counters(server)[n] == v for n, v in wanted.items()), lambda: str(counters(server)))


def everything(lab, workers=1):
    with Origin(lab.standing_behind) as origin, gateway(lab, workers=workers) as server:
        for address in (SERVER_V4, SERVER_V6):
            for size in (0, 1, 1000, 1460, 5000, 14600, 30000, 64000):
                for way in ("size", "chunked", "until-close"):
                    done = curl(url(f"/{way}/{size}", address))
                    assert done.returncode == 0, (way, size, done.stderr)
                    same(done.stdout, content(size), f"{way} {size}")
        # Several over one connection, and over connections that are kept to the server as well.
        before = origin.connections
        done = curl("--write-out", "%{num_connects}", *(a for n in range(20) for a in (url(f"/size/{n}"), "--output", "/dev/null")))
        assert done.returncode == 0 and sum(map(int, done.stdout.decode())) <= 2, done.stdout
        assert origin.connections - before <= 1, "connections are kept"
        seen = counters(server)
        assert seen["asked"] == seen["relayed"] == sum(origin.requests.values()), (seen, origin.requests)


def test_what_it_answers():
    with BackendLab() as lab:
        everything(lab)


def test_without_timestamps():
    with BackendLab(timestamps=False) as lab:
        everything(lab)


def test_two_workers():
    with BackendLab(queues=2) as lab:
        everything(lab, workers=2)


def test_ipv6_behind():
    with BackendLab() as lab, Origin(lab.standing_behind), gateway(lab, backend=BACKEND_V6):
        same(get("/size/30000").body, content(30000), "30000")


def test_heads():
    """What is changed in a message, and what is not."""
    with BackendLab() as lab, Origin(lab.standing_behind) as origin, gateway(lab):
        raw = ask(request("/fields", Connection="X-Mine, keep-alive", X_Mine="gone", X_Other="stays", Cookie="c=1", TE="trailers",
                          X_Forwarded_For="203.0.113.9"))
        assert raw.count(b"Set-Cookie: ") == 2, raw
        response = Response(raw.replace(b"Set-Cookie: b=2\r\n", b""))
        asked = Response(b"HTTP/1.1 200 OK\r\n" + origin.seen[-1].partition(b"\r\n")[2], head_only=True).fields
        assert asked == {"host": "goldilocks.test", "x-other": "stays", "cookie": "c=1", "via": "1.1 goldilocks",
                         "x-forwarded-for": "203.0.113.9, 192.0.2.1"}, asked
        assert response.body == b"ok" and response.fields["x-end"] == "stays" and response.fields["server"] == "origin"
        assert response.fields["date"] == "Sun, 06 Nov 1994 08:49:37 GMT"
        assert response.fields.get("x-empty") == "" and not {"x-hop", "keep-alive", "connection"} & set(response.fields)
        # The target as it came, but for its absolute form.
        for target, wanted in (("/echo?a=b%20c&d", b"GET /echo?a=b%20c&d HTTP/1.1\r\n"), ("/echo?", b"GET /echo? HTTP/1.1\r\n"),
                               ("//echo/../echo/./x", None), ("http://other.test/echo?x", b"GET /echo?x HTTP/1.1\r\n"),
                               ("/echo/%2e%2e/%41", b"GET /echo/%2e%2e/%41 HTTP/1.1\r\n")):
            assert get(target).status in (200, 404), target
            if wanted:
                assert origin.seen[-1].startswith(wanted), (target, origin.seen[-1])
        get("http://other.test/echo")
        assert b"\r\nHost: other.test\r\n" in origin.seen[-1], origin.seen[-1]
        same(ask(request("/echo", version="1.0", host=None)).partition(b"\r\n")[0], b"HTTP/1.1 200 OK", "HTTP/1.0")
        # HEAD, and answers without a body.
        head = get("/size/5000", method="HEAD")
        assert head.fields["content-length"] == "5000" and head.fields["etag"] == '"it"' and not head.body
        for status in (204, 304, 404, 500, 418):
            assert get(f"/status/{status}").status == status
        assert get("/size/10").fields["date"], "one of ours where the server says none"
        kept = ask(request("/size/10", version="1.0", Connection="keep-alive"))
        assert b"\r\nConnection: keep-alive\r\n" in kept, kept
        assert b"\r\nConnection: close\r\n" in ask(request("/size/10", Connection="close"))


def test_methods():
    with BackendLab() as lab, Origin(lab.standing_behind) as origin, gateway(lab, more=",health=/health"):
        for method in ("POST", "PUT", "DELETE", "PATCH", "TRACE"):
            refused = get("/size/10", method=method)
            assert refused.status == 405 and refused.fields["allow"] == "GET, HEAD, OPTIONS", refused.fields
        assert get("/size/10", method="BREW").status == 501
        assert ask(request("/size/10", Content_Length="5") + b"12345").startswith(b"HTTP/1.1 413 ")
        for bad in ("/../x", "/%00", "/a%zz"):
            assert get(bad).status == 400, bad
        assert get("/health").status == 200
        assert not origin.seen, origin.seen


def test_bad_servers():
    """502 for what is no proper answer, 504 for none in time; never half of one."""
    right = ("interim", "no-reason", "http10")
    with BackendLab() as lab, Origin(lab.standing_behind), gateway(lab, "--http-backend-timeout", 1) as server:
        for name in RAW:
            response = get(f"/raw/{name}")
            if name in right:
                assert response.status == 200 and response.body == b"ok", (name, response.status)
            else:
                assert response.status == 502 and response.body.startswith(b"502 Bad Gateway"), (name, response.status)
        assert get("/size/66000").status == 502 and get("/chunked/10000000").status == 502
        assert get("/until-close/200000").status == 502
        assert get("/silent").status == get("/slow/3").status == 504
        assert get("/silent", method="HEAD").status == 504
        grown(server, relayed=len(right), response_too_long=3, gateway_timeout=3, bad_gateway=len(RAW) - len(right))
        assert get("/size/100").status == 200, "what follows is right"


def test_the_longest_answer():
    """Each length around the limit is whole, or 502."""
    with BackendLab() as lab, Origin(lab.standing_behind), gateway(lab):
        longest = 0
        for size in range(65350, 65500):
            raw = ask(request(f"/size/{size}"))
            response = Response(raw)
            if response.status == 200:
                same(response.body, content(size), size)
                longest = max(longest, len(raw))
            else:
                assert response.status == 502 and len(raw) < 1000, (size, response.status)
        assert longest == 65537, longest


def test_bytes_that_nobody_asked_for():
    """A server that sends more than its response is long: no other client gets that. (Where it comes after the next request was
    sent, nobody can tell it from the answer to that.)"""
    with BackendLab() as lab, Origin(lab.standing_behind), gateway(lab):
        for way in EXCESS:
            get(f"/excess/{way}", method="HEAD" if way == "head" else "GET")
            time.sleep(0.5)
            for n in range(4):
                same(get(f"/size/{1000 + n}").body, content(1000 + n), (way, n))


def test_one_connection_does_not_take_all():
    """Nor does one of two servers, though it is silent."""
    with BackendLab() as lab, Origin(lab.standing_behind), Origin(lab.standing_behind, port=8080):
        options = ["--http", f"{PORT},backend={BACKEND_V4},host=one.test",
                   "--http", f"{PORT},backend={KERNEL_V4}{HOST}:8080,host=two.test"]
        with Goldilocks(lab, options, zones=()), contextlib.ExitStack() as stack:
            greedy = [stack.enter_context(connect()) for _ in range(10)]
            for s in greedy:
                s.sendall(request("/silent", host="one.test") * 30)
            time.sleep(0.3)
            began = time.monotonic()
            same(Response(ask(request("/size/3", host="two.test"))).body, content(3), "of the other server")
            assert time.monotonic() - began < 3


def test_nobody_there():
    with BackendLab() as lab, gateway(lab) as server:
        assert get("/").status == 502
        with Origin(lab.standing_behind):
            assert get("/size/3").status == 200, "as soon as somebody is there"
        assert get("/").status == 502
        grown(server, bad_gateway=2, relayed=1)


def test_files_first():
    """What is a file is answered from memory, the rest by the server; a file that comes or goes changes that."""
    with BackendLab() as lab:
        site = Directory(lab).add_usual()
        with Origin(lab.standing_behind) as origin, gateway(lab, site=site) as server:
            for path, data in site.files.items():
                same(get(path.replace(" ", "%20")).body, data, path)
            assert not origin.seen
            assert get("/deep").status == 404 and origin.seen[-1].startswith(b"GET /deep "), "no file: the server's to say"
            same(get("/size/100").body, content(100), "size")
            file = site.add("/size/100", b"now a file")
            server.signal(signal.SIGHUP)
            wait_for(lambda: "files read again" in server.log(), server.log)
            same(get("/size/100").body, b"now a file", "the file")
            file.unlink()
            server.signal(signal.SIGHUP)
            wait_for(lambda: server.log().count("files read again") == 2, server.log)
            same(get("/size/100").body, content(100), "the server again")


def test_sites():
    """Two names, two servers."""
    with BackendLab() as lab:
        with Origin(lab.standing_behind) as one, Origin(lab.standing_behind, port=8080) as two:
            options = ["--http", f"{PORT},backend={BACKEND_V4},host=one.test",
                       "--http", f"{PORT},backend={KERNEL_V4}{HOST}:8080,host=two.test"]
            with Goldilocks(lab, options, zones=()):
                assert Response(ask(request("/echo", host="one.test"))).status == 200
                assert Response(ask(request("/echo", host="two.test:80"))).status == 200
                assert Response(ask(request("/echo", host="three.test"))).status == 421
                assert sum(one.requests.values()) == sum(two.requests.values()) == 1


def test_pipelined():
    """Requests that take time, among those that do not: the answers come in order, and the work is done at once."""
    with BackendLab() as lab:
        site = Directory(lab).add_usual()
        with Origin(lab.standing_behind) as origin, gateway(lab, site=site), connect() as s:
            paths = ["/slow/1", "/1000.bin", "/slow/1", "/size/2000", "/slow/1", "/100.bin"]
            began = time.monotonic()
            s.sendall(b"".join(request(path) for path in paths))
            s.shutdown(socket.SHUT_WR)
            data = read_all(s)
            took = time.monotonic() - began
            for path in paths:
                response = Response(data)
                data = response.rest
                wanted = {"s": b"slow", "1": None}.get(path[1])
                same(response.body, site.files.get(path) or (content(2000) if path.startswith("/size") else wanted), path)
            assert not data and took < 2.5, took
            assert sum(origin.requests.values()) == 4


def consistent(body):
    """Of /count: one number, 500 times."""
    assert len(body) == 4000 and body == body[:8] * 500, body[:100]
    return int(body[:8])


def many(paths, workers=16):
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        return list(pool.map(get, paths))


def test_same_bytes_under_loss():
    """Every answer is of one request to the server, however often its packets are lost; and it is asked once a request."""
    with BackendLab() as lab, Origin(lab.standing_behind) as origin, gateway(lab) as server:
        lab.lose(5)
        answers = many(["/count"] * 300)
        lab.lose_nothing()
        numbers = sorted(consistent(r.body) for r in answers)
        assert len(set(numbers)) == 300, "no answer is given to two clients"
        # A client that gave up before it had acknowledged anything may have asked for nothing.
        assert origin.requests["/count"] == counters(server)["asked"] == 300, origin.requests
        for size in (30000, 64000):
            lab.lose(5)
            for response in many([f"/size/{size}"] * 40):
                same(response.body, content(size), size)
            lab.lose_nothing()


def test_more_than_it_has_room_for():
    """400 at once, 256 of them on their way to the server: the others come again by themselves."""
    with BackendLab() as lab, Origin(lab.standing_behind) as origin, gateway(lab) as server:
        answers = many([f"/slow/0.3?{n}" for n in range(400)], workers=400)
        assert [r.body for r in answers] == [b"slow"] * 400
        assert len(origin.requests) == 400 and set(origin.requests.values()) == {1}
        assert origin.connections <= 64 and counters(server)["deferred"] > 0, counters(server)


def test_restart_in_the_middle():
    """An answer that was begun before is not gone on with: a server may say something else now."""
    with BackendLab() as lab, Origin(lab.standing_behind):
        server = gateway(lab, secret=lab.path("secret"))
        with server, connect() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.sendall(request("/size/64000"))
            first = s.recv(1000)
            assert first.startswith(b"HTTP/1.1 200 OK")
            server.kill()
            server.start()
            data = first
            try:
                while got := s.recv(65536):
                    data += got
                same(Response(data).body, content(64000), "all of it had been sent")
            except ConnectionResetError:
                assert content(64000).startswith(data.partition(b"\r\n\r\n")[2]), "what came is the beginning"
            # Before anything was acknowledged a restart does no harm.
            same(get("/size/64000").body, content(64000), "a new one")


def test_restart_with_a_file_in_its_place():
    """What the server behind had begun to say is not gone on with out of a file of that name."""
    with BackendLab() as lab, Origin(lab.standing_behind):
        site = Directory(lab)
        server = gateway(lab, site=site, secret=lab.path("secret"))
        with server, connect() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.sendall(request("/size/64000"))
            data = s.recv(1000)
            server.kill()
            site.add("/size/64000", b"x" * 60000)
            server.start()
            try:
                while got := s.recv(65536):
                    data += got
            except ConnectionResetError:
                pass
            body = data.partition(b"\r\n\r\n")[2]
            same(body, content(64000)[:len(body)], "what came is of the server's answer")


def test_fast_open():
    with BackendLab() as lab, Origin(lab.standing_behind) as origin, gateway(lab):
        for n in range(6):
            done = curl("--tcp-fastopen", url(f"/size/5000?{n}"))
            same(done.stdout, content(5000), n)
        assert set(origin.requests.values()) == {1} and len(origin.requests) == 6, origin.requests


def test_other_clients():
    with BackendLab() as lab, Origin(lab.standing_behind) as origin, gateway(lab):
        file = lab.path("got")
        subprocess.run(["wget", "-q", "-O", file, url("/chunked/60000")], check=True, timeout=60, preexec_fn=die_with_parent)
        same(file.read_bytes(), content(60000), "wget")
        import requests
        session = requests.Session()
        for n in range(30):
            same(session.get(url(f"/size/{n * 1000}")).content, content(n * 1000), n)
        done = subprocess.run(["ab", "-q", "-k", "-n", "300", "-c", "20", url("/size/1000")], capture_output=True, text=True,
                              timeout=60, preexec_fn=die_with_parent)
        assert "Failed requests:        0" in done.stdout and "Complete requests:      300" in done.stdout, done.stdout
        assert origin.requests["/size/1000"] == 301


NGINX = """
daemon off; worker_processes 1; pid {dir}/nginx.pid; error_log {dir}/nginx-error.log;
events {{ worker_connections 512; }}
http {{
  access_log off; default_type application/octet-stream; client_body_temp_path {dir}/b; proxy_temp_path {dir}/p;
  fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
  server {{ listen 80; listen [::]:80; root {root}; gzip on; gzip_types *; gzip_min_length 10; }}
}}
"""


def test_nginx_behind():
    with BackendLab() as lab:
        site = Directory(lab).add_usual()
        site.add("/long.bin", content(300000))
        lab.dir.chmod(0o755)
        config = lab.path("nginx.conf", NGINX.format(dir=lab.dir, root=site.root))
        with lab.standing_behind():
            nginx = subprocess.Popen(["nginx", "-c", str(config)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL, preexec_fn=die_with_parent)
        lab.on_exit(nginx.wait)
        lab.on_exit(nginx.terminate)
        with gateway(lab):
            wait_for(lambda: get("/style.css").status == 200, "nginx does not answer")
            for path, data in site.files.items():
                if path != "/long.bin":
                    same(curl(url(path.replace(" ", "%20"))).stdout, data, path)
            same(curl("--compressed", url("/page.html")).stdout, site.files["/page.html"], "chunked and compressed by nginx")
            same(curl("--range", "100-199", url("/64000.bin")).stdout, content(64000)[100:200], "range")
            etag = get("/style.css").fields["etag"]
            assert get("/style.css", If_None_Match=etag).status == 304
            # What is too long as a whole comes in ranges.
            assert get("/long.bin").status == 502
            whole = b"".join(get("/long.bin", Range=f"bytes={n}-{n + 59999}").body for n in range(0, 300000, 60000))
            same(whole, content(300000), "in ranges")


def test_access_log():
    with BackendLab() as lab:
        log = lab.path("access.log")
        with Origin(lab.standing_behind), gateway(lab, "--http-log", log):
            get("/size/500")
            get("/raw/cut")
            wait_for(lambda: log.exists() and log.read_text().count("\n") == 2, "two lines")
        lines = log.read_text().splitlines()
        assert lines[0].endswith('"GET /size/500 HTTP/1.1" 200 500') and '" 502 ' in lines[1], lines


def test_bad_values():
    for value in ("80,backend=", "80,backend=203.0.113.20", "80,backend=203.0.113.20:0", "80,backend=name:80",
                  "80,backend=2001:db8::1:80x", "80,backend=[203.0.113.20]:80", "80"):
        done = subprocess.run([Goldilocks.binary, "--", "--address", SERVER_V4, "--http", value], capture_output=True, text=True,
                              timeout=20, preexec_fn=die_with_parent)
        assert done.returncode == 2 and "--http" in done.stderr, (value, done.returncode, done.stderr)


def test_aborted_clients():
    """Clients that reset or vanish while the server works leave nothing behind."""
    with BackendLab() as lab, Origin(lab.standing_behind), gateway(lab) as server:
        for n in range(100):
            s = connect()
            s.sendall(request(f"/slow/0.2?{n}"))
            if n % 2:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            s.close()
        wait_for(lambda: counters(server)["relayed"] == counters(server)["asked"], lambda: str(counters(server)))
        answers = many([f"/slow/0.1?again{n}" for n in range(100)], workers=100)
        assert all(r.body == b"slow" for r in answers)


run(__name__)
