"""The same generated requests to Goldilocks and to nginx, over the same directory: status, body and the fields that matter
are the same, but where EXCEPTIONS says why not."""

import random
import shutil
import subprocess
import time

import runner
from goldilocks import Goldilocks
from http_site import Directory, Response, ask, content, request
from lab import SERVER_V4, Lab, die_with_parent
from runner import Skip, run

NGINX_PORT = 8081
BEFORE, MODIFIED, AFTER = "Sun, 06 Nov 1994 08:49:36 GMT", "Sun, 06 Nov 1994 08:49:37 GMT", "Mon, 07 Nov 1994 00:00:00 GMT"
COMPARED = ("content-length", "content-range", "content-encoding", "last-modified", "location", "vary")
CONFIGURATION = """
daemon off; worker_processes 1; pid {dir}/nginx.pid; error_log {dir}/nginx-error.log;
events {{ worker_connections 256; }}
http {{
  access_log off; default_type application/octet-stream; absolute_redirect off; if_modified_since before;
  gzip_static on; gzip_http_version 1.0; gzip_vary on; keepalive_timeout 5; max_ranges 1;
  client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f; uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
  server {{ listen 127.0.0.1:{port}; root {root}; index index.html; }}
}}
"""


class Nginx:
    """A context manager around nginx in the client's namespace, on the loopback interface."""

    def __init__(self, lab, site):
        if shutil.which("nginx") is None:
            raise Skip("nginx is not installed")
        self.config = lab.path("nginx.conf", CONFIGURATION.format(dir=lab.dir, port=NGINX_PORT, root=site.root))
        lab.dir.chmod(0o755)  # its worker is another user

    def __enter__(self):
        self.process = subprocess.Popen(["nginx", "-c", str(self.config)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, preexec_fn=die_with_parent)
        end = time.monotonic() + 20
        while True:
            try:
                ask(request("/"), "127.0.0.1", NGINX_PORT)
                return self
            except OSError:
                assert self.process.poll() is None and time.monotonic() < end, self.process.stderr.read()
                time.sleep(0.05)

    def __exit__(self, *exc):
        self.process.terminate()
        self.process.wait(timeout=10)


def differently_spelled(rng, path):
    """The same path in other letters."""
    spelled = ""
    for c in path:
        if c == "/":
            spelled += rng.choices(("/", "//", "/./", "/x/../"), (90, 4, 3, 3))[0]
        elif c == " " or rng.random() < 0.05:
            spelled += f"%{ord(c):02{rng.choice('xX')}}"
        else:
            spelled += c
    return spelled


def generated(rng, site):
    """(method, path, version, fields) of a request; {etag} stands for the entity tag that the server gave for the path."""
    path = rng.choice([*site.files, "/", "/deep", "/deep/", "/deep/in", "/deep/in/", "/none", "/0.bin/", "/.hidden/../style.css"])
    if rng.random() < 0.05:
        path = rng.choice(("/..", "/../", "/deep/../../x", "/%2e%2e/x", "/x%00", "/%", "/%g0"))
    elif rng.random() < 0.5:
        path = differently_spelled(rng, path)
    path = path.replace(" ", "%20") + rng.choice(("", "", "", "?", "?a=b&c"))
    method = rng.choices(("GET", "HEAD", "PUT", "DELETE"), (80, 16, 2, 2))[0]
    fields = {}
    if rng.random() < 0.3:
        fields["Accept_Encoding"] = rng.choice(("gzip", "gzip;q=0", "gzip;q=0.5, identity", "deflate", "br, gzip", "identity"))
    if rng.random() < 0.2:
        fields["If_None_Match"] = rng.choice(("{etag}", 'W/"x"', '"x", {etag}', "*", '"x"', "W/{etag}"))
    if rng.random() < 0.2:
        fields["If_Modified_Since"] = rng.choice((BEFORE, MODIFIED, AFTER, "then"))
    if rng.random() < 0.1:
        fields["If_Match"] = rng.choice(("{etag}", "*", '"x"', '"x", {etag}'))
    if rng.random() < 0.1:
        fields["If_Unmodified_Since"] = rng.choice((BEFORE, MODIFIED, AFTER))
    if rng.random() < 0.4:
        first, last = sorted((rng.randrange(70000), rng.randrange(70000)))
        fields["Range"] = rng.choice((f"bytes={first}-{last}", f"bytes={first}-", f"bytes=-{last}", f"bytes=0-{last}", "bytes=0-0"))
        if rng.random() < 0.4:
            fields["If_Range"] = rng.choice(("{etag}", '"x"', MODIFIED, BEFORE))
    if rng.random() < 0.2:
        fields["Connection"] = rng.choice(("close", "keep-alive"))
    return method, path, rng.choice(("1.1", "1.1", "1.1", "1.0")), fields


def exception(method, fields, ours, theirs):
    """Why the two may differ, or nothing."""
    if (ours.status, theirs.status) == (404, 403):
        return "a directory without index.html: 404 tells no more than it has to (RFC 9110 15.5.4 allows it)"
    if method == "HEAD" and "Range" in fields and (ours.status, theirs.status) in ((200, 206), (200, 416)):
        return "Range is defined for GET alone (RFC 9110 14.2)"
    if "If_Match" in fields and "If_Unmodified_Since" in fields and ours.status != 412 and theirs.status == 412:
        return "If-Unmodified-Since is not evaluated beside If-Match (RFC 9110 13.1.4)"
    if "If_None_Match" in fields and "If_Modified_Since" in fields and ours.status == 304:
        return "If-Modified-Since is not evaluated beside If-None-Match (RFC 9110 13.1.3)"
    if ours.status == 416 and theirs.status == 200 and theirs.fields.get("content-length") == "0":
        return "no range of an empty file can be satisfied (RFC 9110 14.1.2)"
    if ours.status in (206, 416) and theirs.status == 200 and theirs.fields.get("content-encoding") == "gzip":
        return "nginx has no ranges of compressed forms"
    if ours.status == 405 and theirs.status == 400 and method in ("PUT", "DELETE"):
        return "a method that is not allowed is refused before its path is read"
    if int(ours.fields.get("content-length", 0)) > 64513 and ours.fields.get("connection") == "close":
        theirs.fields["connection"] = "close"
        if (ours.status, ours.body) == (theirs.status, theirs.body):
            return "a long answer ends its connection (RFC 9112 9.6)"
    return None


class Asker:
    def __init__(self, address, port):
        self.address, self.port, self.etags = address, port, {}

    def etag(self, path, fields):
        key = path, fields.get("Accept_Encoding")
        if key not in self.etags:
            wanted = {"Accept_Encoding": fields["Accept_Encoding"]} if "Accept_Encoding" in fields else {}
            answer = Response(ask(request(path, **wanted), self.address, self.port))
            self.etags[key] = answer.fields.get("etag", '"none"')
        return self.etags[key]

    def ask(self, method, path, version, fields):
        given = {n: v.replace("{etag}", self.etag(path, fields)) if "{etag}" in v else v for n, v in fields.items()}
        return Response(ask(request(path, method, version, **given), self.address, self.port), head_only=method == "HEAD")


def differences(ours, theirs):
    if ours.status != theirs.status:
        return [f"status {ours.status}, not {theirs.status}"]
    found = []
    if ours.status in (200, 206):
        if ours.body != theirs.body:
            found.append(f"body of {len(ours.body)} bytes, not {len(theirs.body)}")
        compared = COMPARED
    else:
        compared = ("location", "content-range")
    for name in compared:
        if ours.fields.get(name) != theirs.fields.get(name):
            found.append(f"{name}: {ours.fields.get(name)}, not {theirs.fields.get(name)}")
    if (ours.fields.get("connection") == "close") != (theirs.fields.get("connection") == "close") and ours.status != 400:
        found.append(f"connection: {ours.fields.get('connection')}, not {theirs.fields.get('connection')}")
    return found


def test_nginx():
    count = 5000 if runner.LONG else 1500
    with Lab() as lab:
        site = Directory(lab).add_usual()
        site.add("/300000.bin", content(300_000))
        site.add("/odd name%41.txt", b"percent")
        site.add("/deep/a~b'c(d).txt", b"odd")
        site.add("/60000.bin.gz", content(20000))
        del site.files["/odd name%41.txt"]
        with Nginx(lab, site), Goldilocks(lab, ["--http", f"80,root={site.root}"], zones=()):
            ours, theirs = Asker(SERVER_V4, 80), Asker("127.0.0.1", NGINX_PORT)
            rng = random.Random(11)
            excepted, wrong = {}, []
            for n in range(count):
                asked = generated(rng, site)
                got, wanted = ours.ask(*asked), theirs.ask(*asked)
                different = differences(got, wanted)
                if not different:
                    continue
                why = exception(asked[0], asked[3], got, wanted)
                if why:
                    excepted[why] = excepted.get(why, 0) + 1
                else:
                    wrong.append(f"{n}: {asked}: {'; '.join(different)}")
            for why, times in excepted.items():
                runner.report(f"{times} times: {why}")
            runner.report(f"{count} requests, {len(wrong)} different")
            assert not wrong, "\n".join(wrong[:20])


run(__name__)
