"""Man pages and completions, which scripts/make-manual makes from --help: man and bash take them, and nothing is missing."""

import os
import re
import tempfile
from pathlib import Path

from goldilocks import Goldilocks
from lab import ROOT, sh
from runner import run


def made(out):
    build = Goldilocks.binary.parents[2]
    sh(ROOT / "scripts/make-manual", "--build", build, out)
    return Path(out)


def rendered(page):
    """As man shows it; it has nothing to complain of."""
    done = sh("man", "--warnings", "-E", "UTF-8", "-l", page, env={**os.environ, "MANWIDTH": "200", "LC_ALL": "C.UTF-8"})
    assert ": warning" not in done.stdout, done.stdout  # --log-level names one too
    return re.sub(r".\x08", "", done.stdout)


def test_man_pages():
    with tempfile.TemporaryDirectory() as out:
        man = made(out) / "man"
        flags = re.findall(r"^  --([a-z0-9-]+)", sh(Goldilocks.binary, "--help").stdout, re.M)
        assert len(flags) > 50, flags
        program, keys = rendered(man / "man8/goldilocks.8"), rendered(man / "man5/goldilocks.conf.5")
        for flag in flags:
            assert re.search(rf"^ +--{flag}\b", program, re.M), f"--{flag} is not in the page"
            is_key = re.search(rf"^ +{flag} = ", keys, re.M) is not None
            assert is_key == (flag not in ("no-huge", "config", "check", "version", "help", "help-markdown")), f"{flag} as a key: {is_key}"
        for page in man.glob("man1/*.1"):
            assert f"{page.stem} - " in rendered(page).replace("  - ", " - "), page
        assert (man / "man1/goldilocks-zone.1").exists()


def completed(out, program, *words):
    script = ('source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _${1//-/_}; '
              'printf "%s\\n" "${COMPREPLY[@]}"')
    return sh("bash", "-c", script, "bash", out / "completions" / program, program, *words).stdout.split()


def test_completion():
    with tempfile.TemporaryDirectory() as out:
        out = made(out)
        assert completed(out, "goldilocks", "--", "--dns") == ["--dns-cookies", "--dnstap"]
        assert completed(out, "goldilocks", "--", "--udp", "") == ["answer", "tc"]
        assert completed(out, "goldilocks", "--", "--log-level", "n") == ["notice"]
        assert completed(out, "goldilocks", "--", "--zone", "/etc/ho") == []  # left to bash: names of files
        assert completed(out, "goldilocks-zone", "compile", "--o") == ["--origin", "--output"]


if __name__ == "__main__":
    run(__name__)
