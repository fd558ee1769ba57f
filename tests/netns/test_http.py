"""HTTP from memory (--http): curl, wget, and requests written by hand."""

import calendar
import email.utils
import hashlib
import os
import random
import re
import signal
import socket
import subprocess
import time

from exchanges import WrongBytes
from goldilocks import Goldilocks
from lab import SERVER_V4, SERVER_V6, Lab, die_with_parent, sh, wait_for
from runner import run
from http_site import PORT, SIZES, Directory, Response, ask, connect, content, get, read_all, request

MODIFIED = "Sun, 06 Nov 1994 08:49:37 GMT"  # of every file


def http(lab, *options, site=None, zones=(), **more):
    site = site or Directory(lab).add_usual()
    return site, Goldilocks(lab, ["--http", f"{PORT},root={site.root}", *options], zones=zones, **more)


def curl(*arguments, limit_s=60):
    return subprocess.run(["curl", "--silent", "--show-error", "--globoff", "--path-as-is", *map(str, arguments)],
                          capture_output=True, timeout=limit_s, preexec_fn=die_with_parent)


def url(path, address=SERVER_V4):
    return f"http://{'[' + address + ']' if ':' in address else address}{path}"


def same(got, wanted, what):
    if got != wanted:
        raise WrongBytes(f"{what}: {len(got)} bytes {got[:60]!r}..., not {len(wanted)} bytes {wanted[:60]!r}...")


def counters(server):
    return server.telemetry("/goldilocks/service,http")


# --- clients

def every_file(lab, site):
    for address in (SERVER_V4, SERVER_V6):
        for path, data in site.files.items():
            done = curl(url(path.replace(" ", "%20"), address))
            assert done.returncode == 0, (path, done.stderr)
            same(done.stdout, data, path)
        # All of them over one connection.
        folder = lab.path(f"over-{'v6' if ':' in address else 'v4'}")
        folder.mkdir()
        arguments = [a for n, path in enumerate(site.files)
                     for a in ("--output", folder / str(n), url(path.replace(" ", "%20"), address))]
        done = curl("--write-out", "%{num_connects}\n", *arguments)
        assert done.returncode == 0, done.stderr
        for n, (path, data) in enumerate(site.files.items()):
            same((folder / str(n)).read_bytes(), data, path)
        # Ours closes when a connection has carried what a cookie answers for: 128 KiB without an entry's help.
        assert sum(map(int, done.stdout.split())) <= 4, done.stdout


def test_curl():
    with Lab() as lab:
        site, server = http(lab)
        with server:
            every_file(lab, site)


def test_curl_without_timestamps():
    with Lab(timestamps=False) as lab:
        site, server = http(lab)
        with server:
            every_file(lab, site)


def test_curl_in_its_other_ways():
    with Lab() as lab:
        site, server = http(lab)
        with server:
            big = site.files["/64000.bin"]
            for options in (["--http1.0"], ["--http1.0", "--header", "Connection: keep-alive"], ["--no-keepalive"],
                            ["--header", "Connection: close"]):
                same(curl(*options, url("/64000.bin")).stdout, big, options)
            # A download that was interrupted goes on.
            part = lab.path("part")
            part.write_bytes(big[:20001])
            assert curl("--continue-at", "-", "--output", part, url("/64000.bin")).returncode == 0
            same(part.read_bytes(), big, "resumed")
            same(curl("--range", "100-199", url("/64000.bin")).stdout, big[100:200], "range")
            same(curl("--range", "-5", url("/64000.bin")).stdout, big[-5:], "last bytes")
            # What it has already.
            done = curl("--etag-save", lab.path("etag"), url("/style.css"))
            same(done.stdout, site.files["/style.css"], "style")
            done = curl("--etag-compare", lab.path("etag"), "--write-out", "%{http_code}", url("/style.css"))
            assert done.stdout == b"304", done.stdout
            done = curl("--time-cond", MODIFIED, "--write-out", "%{http_code}", url("/style.css"))
            assert done.stdout == b"304", done.stdout
            # Compressed, and not.
            same(curl("--compressed", url("/page.html")).stdout, site.files["/page.html"], "decoded")
            same(curl("--header", "Accept-Encoding: gzip", url("/page.html")).stdout, site.files["/page.html.gz"], "gzip")
            same(curl(url("/page.html")).stdout, site.files["/page.html"], "plain")
            # A directory without its slash.
            done = curl("--location", "--write-out", " %{num_redirects}", url("/deep"))
            assert done.stdout == b"deep 1", done.stdout
            # Parallel, 200 times.
            folder = lab.path("parallel")
            folder.mkdir()
            assert curl("--parallel", "--parallel-max", 50, "--output", folder / "#1",
                        "http://192.0.2.53/60000.bin?[1-200]", "--no-globoff").returncode == 0
            wanted = hashlib.sha256(site.files["/60000.bin"]).digest()
            got = [hashlib.sha256(f.read_bytes()).digest() for f in folder.iterdir()]
            assert got == [wanted] * 200, len(got)


def test_wget():
    with Lab() as lab:
        site, server = http(lab)
        with server:
            folder = lab.path("mirror")
            done = sh("wget", "--quiet", "--recursive", "--no-parent", "--directory-prefix", folder, "--no-host-directories",
                      url("/index.html"), url("/deep/"), url("/60000.bin"))
            assert done.returncode == 0
            for path in ("/index.html", "/60000.bin"):
                same((folder / path[1:]).read_bytes(), site.files[path], path)
            same((folder / "deep/index.html").read_bytes(), b"deep", "deep")


def test_load_generators():
    """ab and wrk find nothing wrong, with a connection a request and with keep-alive, short answers and long ones."""
    with Lab() as lab:
        site, server = http(lab)
        site.add("/300000.bin", content(300_000))
        with server:
            for path, count in (("/1000.bin", 2000), ("/30000.bin", 500), ("/300000.bin", 100)):
                for options in ([], ["-k"]):
                    text = sh("ab", "-q", "-n", count, "-c", 20, *options, url(path)).stdout
                    for line in (rf"Complete requests: +{count}\n", r"Failed requests: +0\n",
                                 rf"HTML transferred: +{count * len(site.files[path])} bytes"):
                        assert re.search(line, text), text
                    assert "Non-2xx" not in text, text
                text = sh("wrk", "-t1", "-c10", "-d1s", url(path)).stdout
                assert re.search(r"[1-9]\d* requests in", text) and "errors" not in text and "Non-2xx" not in text, text


def read_one(s, data=b""):
    """The next response of a connection."""
    while True:
        try:
            return Response(data)
        except ValueError:
            chunk = s.recv(65536)
            assert chunk, f"closed after {len(data)} bytes"
            data += chunk


# --- many requests on one connection

def pipelined(address=SERVER_V4, count=400, seed=1):
    rng = random.Random(seed)
    paths = [f"/{rng.choice(SIZES[:8])}.bin" for _ in range(count)]
    return paths, b"".join(request(p) for p in paths)


def read_pipelined(site, paths, data):
    for n, path in enumerate(paths):
        response = Response(data)
        assert response.status == 200, (n, response.status)
        same(response.body, site.files[path], f"answer {n}, {path}")
        data = response.rest
    assert not data, data[:100]


def pipelines(lab_options, lose=0):
    with Lab(**lab_options) as lab:
        site, server = http(lab)
        with server:
            if lose:
                lab.lose(lose)
            for seed, address in enumerate((SERVER_V4, SERVER_V6)):
                paths, raw = pipelined(address, seed=seed)
                read_pipelined(site, paths, ask(raw, address))
                with connect(address) as s:  # in pieces as they come
                    rng = random.Random(seed)
                    at = 0
                    while at < 4000:
                        step = rng.choice((1, 5, 40, 300, 1400))
                        s.sendall(raw[at:at + step])
                        at += step
                        time.sleep(0.001)
                    s.sendall(raw[at:])
                    s.shutdown(socket.SHUT_WR)
                    read_pipelined(site, paths, read_all(s))
            if lose:
                lab.lose_nothing()


def test_pipelined():
    pipelines({})


def test_pipelined_without_timestamps():
    pipelines({"timestamps": False})


# --- HTTP, word by word

def test_fields():
    with Lab() as lab:
        site, server = http(lab, f"--http=8080,root={lab.path('site')},host=Other.Test,health=/up")
        with server:
            answer = get("/64000.bin")
            assert answer.status == 200
            same(answer.body, site.files["/64000.bin"], "64000")
            fields = answer.fields
            assert fields["content-type"] == "application/octet-stream" and fields["last-modified"] == MODIFIED, fields
            assert fields["accept-ranges"] == "bytes" and fields["etag"].startswith('"') and "connection" not in fields, fields
            age = time.time() - email.utils.parsedate_to_datetime(fields["date"]).timestamp()
            assert 0 <= age < 3600, fields["date"]
            head = get("/64000.bin", method="HEAD")
            assert head.fields == fields, (head.fields, fields)
            assert get("/style.css").fields["content-type"] == "text/css"
            # Representations.
            for accept, coding in (("gzip", "gzip"), ("br, gzip;q=0.5", "gzip"), ("gzip;q=0", None), ("identity", None),
                                   ("*", "gzip"), ("*;q=0", None), ("x-gzip", "gzip"), ("deflate", None)):
                page = get("/page.html", Accept_Encoding=accept)
                assert page.fields.get("content-encoding") == coding, (accept, page.fields)
                assert page.fields["vary"] == "Accept-Encoding" and page.fields["content-type"] == "text/html"
                same(page.body, site.files["/page.html.gz" if coding else "/page.html"], accept)
            assert get("/page.html").fields["etag"] != get("/page.html", Accept_Encoding="gzip").fields["etag"]
            # Conditions (RFC 9110 section 13).
            etag = fields["etag"]
            before, after = "Sun, 06 Nov 1994 08:49:36 GMT", "Sunday, 06-Nov-94 08:49:38 GMT"
            for given, status in (
                    ({"If_None_Match": etag}, 304), ({"If_None_Match": "W/" + etag}, 304), ({"If_None_Match": "*"}, 304),
                    ({"If_None_Match": f'"a", {etag}'}, 304), ({"If_None_Match": '"a"'}, 200),
                    ({"If_Modified_Since": MODIFIED}, 304), ({"If_Modified_Since": before}, 200),
                    ({"If_Modified_Since": after}, 304), ({"If_Modified_Since": "Sun Nov  6 08:49:37 1994"}, 304),
                    ({"If_Modified_Since": "yesterday"}, 200),
                    ({"If_None_Match": '"a"', "If_Modified_Since": MODIFIED}, 200),
                    ({"If_Match": etag}, 200), ({"If_Match": '"a"'}, 412), ({"If_Match": "W/" + etag}, 412),
                    ({"If_Unmodified_Since": before}, 412), ({"If_Unmodified_Since": MODIFIED}, 200)):
                answer = get("/64000.bin", **given)
                assert answer.status == status, (given, answer.status)
                assert status == 412 or answer.fields["etag"] == etag
            # Ranges (section 14).
            data = site.files["/64000.bin"]
            for value, first, part in (("bytes=0-0", 0, data[:1]), ("bytes=63999-", 63999, data[-1:]),
                                       ("bytes=-1", 63999, data[-1:]), ("bytes=-99999", 0, data),
                                       ("bytes=10-99999", 10, data[10:]), ("BYTES=5-6", 5, data[5:7])):
                answer = get("/64000.bin", Range=value)
                assert answer.status == 206, (value, answer.status)
                same(answer.body, part, value)
                assert answer.fields["content-range"] == f"bytes {first}-{first + len(part) - 1}/64000", answer.fields
            for value in ("bytes=64000-", "bytes=99999-100000", "bytes=-0"):
                answer = get("/64000.bin", Range=value)
                assert answer.status == 416 and answer.fields["content-range"] == "bytes */64000", (value, answer.fields)
            for value in ("bytes=5-4", "lines=1-2", "bytes=a-b", "bytes=", "bytes=0-1,5-6", "bytes=1--2"):
                same(get("/64000.bin", Range=value).body, data, value)
            for given, status in ((etag, 206), ('"a"', 200), (MODIFIED, 206), (before, 200), ("W/" + etag, 200)):
                assert get("/64000.bin", Range="bytes=1-2", If_Range=given).status == status, given
            # Names.
            assert get("/style.css", port=8080, host="other.test").status == 200
            assert get("/style.css", port=8080, host="OTHER.test.:8080").status == 200
            assert get("/style.css", port=8080, host="goldilocks.test").status == 421
            up = get("/up", port=8080, host="other.test")
            assert up.status == 200 and up.body == b"OK\n"


def test_statuses():
    """Each request by hand, its status, and whether the connection goes on."""
    long = "a" * 2100
    cases = (
        # method, target
        (request("/style.css"), 200, True),
        (b"\r\n" + request("/style.css"), 200, True),
        (request("/style.css", "HEAD"), 200, True),
        (request("/style.css?query=1&more"), 200, True),
        (request("http://goldilocks.test/style.css", host="elsewhere.test"), 200, True),
        (request("HTTP://goldilocks.test", host="elsewhere.test"), 200, True),
        (request("/with%20space+plus.txt"), 200, True),
        (request("/deep/../style.css"), 200, True),
        (request("/./deep//in/here.txt"), 200, True),
        (request("/%73tyle.css"), 200, True),
        (request("/deep/"), 200, True),
        (request("/deep"), 301, True),
        (request("/deep/in/"), 404, True),
        (request("/nothing"), 404, True),
        (request("/style.css/"), 404, True),
        (request("*", "OPTIONS"), 204, True),
        (request("/style.css", "OPTIONS"), 204, True),
        (request("/style.css", "POST"), 405, True),
        (request("goldilocks.test:80", "CONNECT"), 405, True),
        (request("/style.css", "TRACE"), 405, True),
        (request("/style.css", "BREW"), 501, True),
        (request("/style.css", "get"), 501, True),
        (request("/style.css", "POST", Content_Length=5) + b"hello", 405, False),
        # no way out
        (request("/../style.css"), 400, True),
        (request("/deep/../../style.css"), 400, True),
        (request("/%2e%2e/style.css"), 400, True),
        (request("/%2e%2e%2fstyle.css"), 400, True),
        (request("/..%2f..%2fetc/passwd"), 400, True),
        (request("/deep/%2e%2e/style.css"), 200, True),
        (request("/%252e%252e/style.css"), 404, True),
        (request("/style.css%00"), 400, True),
        (request("/%zz"), 400, True),
        (request("/%7"), 400, True),
        (request("/outside.txt"), 404, True),
        (request("/inside.txt"), 200, True),
        (request("/fifo"), 404, True),
        (request("/.secret"), 404, True),
        (request("/.well-known/acme-challenge/token"), 200, True),
        # versions
        (request("/style.css", version="1.0"), 200, False),
        (request("/style.css", version="1.0", host=None), 200, False),
        (request("/style.css", version="1.0", Connection="keep-alive"), 200, True),
        (request("/style.css", version="1.2"), 200, True),
        (request("/style.css", version="2.0"), 505, False),
        (request("/style.css", version="0.9"), 505, False),
        (request("/style.css", Connection="close"), 200, False),
        (request("/style.css", Connection="foo, Close"), 200, False),
        (b"GET /style.css\r\n", 400, False),
        (b"GET  /style.css HTTP/1.1\r\nHost: a\r\n\r\n", 400, False),
        (b"GET /style.css HTTP/1.1 \r\nHost: a\r\n\r\n", 400, False),
        (b"GET /style.css HTTP/1.1x\r\nHost: a\r\n\r\n", 400, False),
        (b"GET /style.css http/1.1\r\nHost: a\r\n\r\n", 400, False),
        (b" GET /style.css HTTP/1.1\r\nHost: a\r\n\r\n", 400, False),
        (b"G@T /style.css HTTP/1.1\r\nHost: a\r\n\r\n", 400, False),
        (b"GET style.css HTTP/1.1\r\nHost: a\r\n\r\n", 400, False),
        (b"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400, False),
        (b"GET /\xe4 HTTP/1.1\r\nHost: a\r\n\r\n", 400, False),
        (b"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400, False),
        (b"GET https://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400, False),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, False),
        # where a request ends
        (request("/style.css", host=None), 400, False),
        (request("/style.css", host="a@b"), 400, False),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, False),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", 400, False),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n", 400, False),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n", 400, False),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400, False),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\n", 400, False),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", 400, False),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400, False),
        (b"GET / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 400, False),
        (b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400, False),
        (b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n", 400, False),
        (b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", 501, False),
        (b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n", 501, False),
        (b"GET / HTTP/1.1\nHost: a\n\n", 400, False),
        (b"GET / HTTP/1.1\r\nHost: a\n\r\n", 400, False),
        (b"GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", 400, False),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400, False),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n", 400, False),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", 400, False),
        (b"GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", 400, False),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX y: b\r\n\r\n", 400, False),
        (b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400, False),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", 200, True),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: \xe4\xf6 \t \r\n\r\n", 200, True),
        # bodies, and lengths
        (request("/", Content_Length=5) + b"hello", 413, False),
        (request("/", Content_Length="9" * 40), 413, False),
        (request("/", Transfer_Encoding="chunked") + b"5\r\nhello\r\n0\r\n\r\n", 413, False),
        (request("/", Expect="100-continue"), 200, True),
        (request("/", Expect="a-miracle"), 417, False),
        (request("/" + long), 414, False),
        (request("/" + long * 2), 414, False),
        (request("/", X=long * 2), 431, False),
        (request("/", **{f"X{n}": n for n in range(101)}), 431, False),
        (request("/large.bin"), 200, False),
        (request("/large.bin", "HEAD"), 200, True),
        (request("/large.bin", Range="bytes=99000-99999"), 206, True),
    )
    with Lab() as lab:
        site = Directory(lab).add_usual()
        site.add("/large.bin", content(100_000))
        site.add("/.secret", b"secret")
        site.add("/.well-known/acme-challenge/token", b"token")
        lab.path("outside", "outside")
        (site.root / "outside.txt").symlink_to(lab.path("outside"))
        (site.root / "inside.txt").symlink_to("deep/in/here.txt")
        os.mkfifo(site.root / "fifo")
        (site.root / "deep/loop").symlink_to("..")
        _, server = http(lab, site=site)
        with server:
            for warned in ("outside.txt: a symbolic link leads out", "fifo: neither a file nor a directory",
                           "deep/loop: leads back to a directory above it"):
                assert warned in server.log(), server.log()
            for raw, status, goes_on in cases:
                # A second request right behind shows whether the first one's end is where it should be.
                data = ask(raw + request("/1.bin"))
                answer = Response(data, head_only=raw.startswith(b"HEAD"))
                assert answer.status == status, (raw[:100], answer.status, status)
                if goes_on:
                    assert answer.fields.get("connection") != "close", raw[:100]
                    assert Response(answer.rest).body == site.files["/1.bin"], (raw[:100], answer.rest[:100])
                else:
                    assert answer.fields["connection"] == "close" and not answer.rest, (raw[:100], answer.rest[:100])
                assert status != 405 or answer.fields["allow"] == "GET, HEAD, OPTIONS"
            assert get("//deep?x=%2F").fields["location"] == "/deep/?x=%2F"
            assert get("/large.bin", method="HEAD").fields["content-length"] == "100000"
            same(get("/large.bin", Range="bytes=99000-").body, site.files["/large.bin"][99000:], "range of a large file")
            part = get("/large.bin", Range="bytes=10-")
            same(part.body, site.files["/large.bin"][10:10 + len(part.body)], "a shorter part")
            assert part.fields["content-range"] == f"bytes 10-{9 + len(part.body)}/100000" and len(part.body) > 60000


# --- files that change

def test_files_change():
    with Lab() as lab:
        site, server = http(lab)
        with server:
            old = site.files["/60000.bin"]
            new = content(60000, seed="new")
            slow = socket.socket()
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4608)
            slow.settimeout(20)
            slow.connect((SERVER_V4, PORT))
            slow.sendall(request("/60000.bin"))
            begun = slow.recv(1000)
            etag = get("/60000.bin").fields["etag"]
            site.add("/60000.bin", new, modified=784111900)
            site.add("/fresh.txt", b"fresh")
            (site.root / "style.css").unlink()
            server.signal(signal.SIGHUP)
            wait_for(lambda: "files read again: 2 changed, 1 gone" in server.log(), server.log)
            same(get("/60000.bin").body, new, "asked anew")
            assert get("/60000.bin", If_None_Match=etag).status == 200
            assert get("/fresh.txt").body == b"fresh" and get("/style.css").status == 404
            # Who has begun with the old one gets the rest of it.
            while True:
                response = None
                begun += slow.recv(500)
                try:
                    response = Response(begun)
                except ValueError:
                    continue
                break
            same(response.body, old, "begun before")
            slow.close()
            # Read again without a change: nothing is published.
            server.signal(signal.SIGHUP)
            wait_for(lambda: "files read again: 0 changed, 0 gone" in server.log(), server.log)


def test_restart():
    """Connections with timestamps survive a kill -9 between two requests. In the middle of an answer they are reset: what
    was served before it nobody can say, until --linger seconds have passed."""
    with Lab() as lab:
        site, server = http(lab, secret=lab.path("secret"))
        with server:
            kept = connect()
            kept.sendall(request("/1000.bin"))
            same(read_one(kept).body, site.files["/1000.bin"], "before")
            slow = socket.socket()
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4608)
            slow.settimeout(60)
            slow.connect((SERVER_V4, PORT))
            slow.sendall(request("/30000.bin"))
            begun = slow.recv(1000)
            server.kill()
            server.start()
            for path in ("/1400.bin", "/60000.bin"):
                kept.sendall(request(path))
                same(read_one(kept).body, site.files[path], f"{path} after")
            try:
                while got := slow.recv(65536):
                    begun += got
                raise AssertionError("it went on")
            except ConnectionResetError:
                body = begun.partition(b"\r\n\r\n")[2]
                same(body, site.files["/30000.bin"][:len(body)], "in the middle")


def test_access_log():
    """The Common Log Format; cut and escaped; moved away and opened again; every Nth only."""
    with Lab() as lab:
        log = lab.path("access.log")
        site, server = http(lab, "--http-log", log)
        with server:
            for path in ("/1000.bin", "/nothing", '/"quoted"\\'):
                with connect() as s:
                    s.sendall(b"GET " + path.encode() + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                    read_all(s)
            get("/" + "x" * 400)
            curl("--head", url("/1000.bin", SERVER_V6))
            curl("--range", "5-14", url("/1000.bin"))
            wait_for(lambda: log.read_text().count("\n") >= 6, log.read_text)
            lines = log.read_text().splitlines()
            form = re.compile(r'(\S+) - - \[(\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d) \+0000\] "(.*)" (\d{3}) (\d+)')
            seen = [form.fullmatch(line).groups() for line in lines]
            assert all(abs(time.time() - calendar.timegm(time.strptime(when, "%d/%b/%Y:%H:%M:%S"))) < 60
                       for _, when, *_ in seen), lines
            wanted = [("192.0.2.1", "GET /1000.bin HTTP/1.1", "200", "1000"),
                      ("192.0.2.1", "GET /nothing HTTP/1.1", "404", "14"),
                      ("192.0.2.1", "GET /\\x22quoted\\x22\\x5C HTTP/1.1", "404", "14"),
                      ("192.0.2.1", "GET /" + "x" * 195, "404", "14"),
                      ("2001:db8::1", "HEAD /1000.bin HTTP/1.1", "200", "0"),
                      ("192.0.2.1", "GET /1000.bin HTTP/1.1", "206", "10")]
            assert [(who, line, status, size) for who, _, line, status, size in seen] == wanted, seen
            moved = log.rename(lab.path("access.log.1"))
            server.signal(signal.SIGHUP)
            wait_for(log.exists, "not opened again")
            get("/100.bin")
            wait_for(lambda: "/100.bin" in log.read_text(), log.read_text)
            assert "/100.bin" not in moved.read_text()
        sampled = lab.path("sampled.log")
        with http(lab, "--http-log", f"{sampled},every=10", site=site)[1]:
            for _ in range(35):
                get("/100.bin")
            wait_for(lambda: sampled.read_text().count("\n") == 3, sampled.read_text)


def test_drain():
    """After SIGTERM everything is served on for some seconds, but health says that the end is near."""
    with Lab() as lab:
        site = Directory(lab).add_usual()
        def started():
            return Goldilocks(lab, ["--http", f"{PORT},root={site.root},health=/health", "--drain", 3], zones=())
        server = started()
        with server:
            assert get("/health").status == 200
            begun = time.monotonic()
            server.signal(signal.SIGTERM)
            wait_for(lambda: get("/health").status == 503, server.log)
            same(get("/1000.bin").body, site.files["/1000.bin"], "while it drains")
            assert server.process.wait(timeout=20) == 0 and time.monotonic() - begun >= 3
            assert "ending in 3 s on SIGTERM" in server.log()
            server.start()
            server.signal(signal.SIGTERM)
            wait_for(lambda: get("/health").status == 503, server.log)
            begun = time.monotonic()
            server.signal(signal.SIGTERM)
            assert server.process.wait(timeout=20) == 0 and time.monotonic() - begun < 3
            server.start()
            server.signal(signal.SIGTERM)  # the end of the test sends the second one


def test_too_little_memory():
    with Lab() as lab:
        site = Directory(lab)
        site.add("/large", bytes(2_000_000))
        for options, says in ((["--http", f"80,root={site.root}", "--file-memory", "1"], "--file-memory"),
                              (["--http", f"80,root={site.root}/nowhere"], "No such file or directory"),
                              (["--http", f"80,root={site.root}", "--file-memory", "9", "--http-log", "/nowhere/log"],
                               "--http-log: /nowhere/log: No such file or directory"),
                              (["--http-log", "log,every=0"], "every= takes a number from 1 on"),
                              (["--http-log", ",every=2"], "names no file"), (["--drain", "3601"], "3601"),
                              (["--http-flows", "x"], "'x'"), (["--http-rate", "-1"], "'-1'"),
                              (["--http", "80"], "root=DIR"), (["--http", "0,root=/tmp"], "no port from 1 to 65535"),
                              (["--http", "80,root=/tmp,colour=red"], "'colour=red' is none of"),
                              (["--http", "80,root=/tmp", "--http", "80,root=/usr"], "already")):
            server = Goldilocks(lab, options, zones=())
            done = subprocess.run(server.command, capture_output=True, text=True, timeout=60, preexec_fn=die_with_parent)
            assert done.returncode in (1, 2) and says in done.stderr, done.stderr


# --- loss

def downloads(lab, site, count, seed):
    rng = random.Random(seed)
    for n in range(count):
        size = rng.choice((100, 1460, 14600, 30000, 64000))
        address = rng.choice((SERVER_V4, SERVER_V6))
        same(get(f"/{size}.bin", address).body, site.files[f"/{size}.bin"], f"download {n}")


def under_loss(percent, count=60, **lab_options):
    with Lab(**lab_options) as lab:
        site, server = http(lab)
        with server:
            lab.lose(percent)
            try:
                downloads(lab, site, count, seed=percent)
            finally:
                lab.lose_nothing()


def test_loss():
    under_loss(5)


def test_loss_without_timestamps():
    under_loss(5, timestamps=False)


run(__name__)
