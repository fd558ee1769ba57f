"""tcpdump on the client's interface, one line of text a packet."""

import subprocess
import time

from lab import CLIENT_IF, die_with_parent


class Capture:
    """Runs while its block does; lines() afterwards."""

    def __init__(self, lab, expression):
        self.path = lab.path("capture.txt")
        self.command = ["tcpdump", "-lnti", CLIENT_IF, "--immediate-mode", expression]

    def __enter__(self):
        self.out = open(self.path, "w")
        self.process = subprocess.Popen(self.command, stdout=self.out, stderr=subprocess.PIPE, text=True,
                                        preexec_fn=die_with_parent)
        for line in self.process.stderr:
            if line.startswith("listening on"):
                return self
        raise AssertionError("tcpdump did not start")

    def __exit__(self, *exc):
        time.sleep(0.2)
        self.process.terminate()
        self.process.wait(timeout=5)
        self.process.stderr.close()
        self.out.close()

    def lines(self):
        return [line for line in self.path.read_text().splitlines() if line]
