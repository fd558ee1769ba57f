"""Headless Chromium loads a page with a style sheet, a script and images (--http). Nightly: the browser is large."""

import re
import shutil
import struct
import subprocess
import zlib

from goldilocks import Goldilocks
from http_site import PORT, Directory, content
from lab import SERVER_V4, SERVER_V6, Lab, die_with_parent
from runner import Skip, run
from test_http import counters, url

IMAGES = 40
PAGE = """<!doctype html><title>page</title><link rel="stylesheet" href="style.css">
<p id="said">nothing</p>{images}<script src="page.js"></script>"""
SCRIPT = """
window.onload = async () => {
  const widths = [...document.images].map(i => i.naturalWidth);
  const data = await (await fetch("data.bin")).arrayBuffer();
  const style = getComputedStyle(document.getElementById("said")).color;
  document.getElementById("said").textContent = `${widths.filter(w => w == 64).length} images, ${data.byteLength} bytes, ${style}`;
};
"""


def png(seed, size=64):
    """An image of noise, about as large as its pixels."""
    noise = content(size * size * 3, seed)
    rows = b"".join(b"\0" + noise[n * size * 3:(n + 1) * size * 3] for n in range(size))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def page_loads(lab, address, loss):
    browser = shutil.which("chromium")
    if browser is None:
        raise Skip("chromium is not installed")
    site = Directory(lab)
    site.add("/index.html", PAGE.format(images="".join(f'<img src="{n}.png">' for n in range(IMAGES))).encode())
    site.add("/style.css", b"p { color: rgb(1, 2, 3) }")
    site.add("/page.js", SCRIPT.encode())
    site.add("/data.bin", content(3_000_000))
    for n in range(IMAGES):
        site.add(f"/{n}.png", png(n))
    with Goldilocks(lab, ["--http", f"{PORT},root={site.root}"], zones=()) as server:
        if loss:
            lab.lose(loss)
        done = subprocess.run([browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                               f"--user-data-dir={lab.path('profile')}", "--no-first-run", "--disable-background-networking",
                               "--no-proxy-server", "--timeout=60000", "--virtual-time-budget=30000", "--dump-dom", url("/", address)],
                              capture_output=True, text=True, timeout=150, preexec_fn=die_with_parent)
        if loss:
            lab.lose_nothing()
        said = re.search(r'<p id="said">(.*?)</p>', done.stdout)
        assert said and said[1] == f"{IMAGES} images, 3000000 bytes, rgb(1, 2, 3)", (done.stdout[-500:], done.stderr[-2000:])
        seen = counters(server)
        assert seen["ok"] >= IMAGES + 4 and seen["long_answers"] >= 1, seen


def test_chromium_ipv4():
    with Lab() as lab:
        page_loads(lab, SERVER_V4, 0)


def test_chromium_ipv6_with_loss():
    with Lab() as lab:
        page_loads(lab, SERVER_V6, 2)


run(__name__)
