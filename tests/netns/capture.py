"""tcpdump on an interface, one line of text a packet; on the client's unless told otherwise."""

import subprocess
import time

from lab import CLIENT_IF, die_with_parent


class Capture:
    """Runs while its block does; lines() afterwards."""

    def __init__(self, lab, expression, interface=CLIENT_IF, namespace=None, trace=False):
        """trace: each line begins with the seconds since 1970, so that two captures can be laid side by side, and holds
        the sequence numbers as they are."""
        self.path = lab.path(f"capture-{interface}.txt")
        self.command = [*(["ip", "netns", "exec", namespace] if namespace else []),
                        "tcpdump", "-ln", *(["-tt", "-S"] if trace else ["-t"]), "-i", interface, "--immediate-mode", expression]

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
