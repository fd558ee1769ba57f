"""Headless Chromium loads a page with a style sheet, a script and images (--http). Nightly: the browser is large."""

import re
import shutil
import struct
import subprocess
import zlib

from goldilocks import Goldilocks
from http_site import PORT, Directory, content
from lab import SERVER_V4, SERVER_V6, Lab, die_with_parent, wait_for
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
  const whole = widths.filter(w => w == 64).length;
  // What it has seen, as a path: the access log has it.
  const seen = `said/${whole}/${data.byteLength}/${style.replace(/[^0-9]+/g, "-")}`;
  while (!(await fetch(seen).catch(() => null))) {}
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


def tentative_addresses():
    return subprocess.run(["ip", "-6", "-oneline", "address", "show", "tentative"], capture_output=True, text=True, check=True).stdout


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
    log = lab.path("log")
    with Goldilocks(lab, ["--http", f"{PORT},root={site.root}", "--http-log", log], zones=()) as server:
        if loss:
            lab.lose(loss)
        # It gives up all that it fetches when an address comes (ERR_NETWORK_CHANGED), as the link's own does here.
        wait_for(lambda: not tentative_addresses(), "an address stays tentative")
        chromium = subprocess.Popen([browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                                     f"--user-data-dir={lab.path('profile')}", "--no-first-run", "--disable-background-networking",
                                     "--no-proxy-server", "--remote-debugging-port=0", url("/", address)],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent)
        try:
            wait_for(lambda: "/said/" in log.read_text(), "the page does not say that it is whole", limit=100)
        finally:
            chromium.terminate()
            chromium.wait(timeout=20)
        if loss:
            lab.lose_nothing()
        said = re.search(r"/said/(\S*)", log.read_text())
        assert said[1].strip('"') == f"{IMAGES}/3000000/-1-2-3-", said[1]
        seen = counters(server)
        assert seen["ok"] >= IMAGES + 4 and seen["long_answers"] >= 1, seen


def test_chromium_ipv4():
    with Lab() as lab:
        page_loads(lab, SERVER_V4, 0)


def test_chromium_ipv6_with_loss():
    with Lab() as lab:
        page_loads(lab, SERVER_V6, 2)


run(__name__)
