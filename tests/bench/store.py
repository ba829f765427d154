"""The simulated store of tests/src/simulator, as a process."""

import json
import subprocess
import urllib.request

from measure import die_with_parent


class Store:
    """Both sides of a measurement, or one of them. Ends with `close`. `within` is a command that starts it elsewhere, as
    in a namespace."""

    def __init__(self, program, settings, within=()):
        self.child = subprocess.Popen([*within, program, *settings], stdout=subprocess.PIPE, text=True,
                                      preexec_fn=die_with_parent)
        self.endpoint = self.child.stdout.readline().strip()
        self.host = self.endpoint.removeprefix("http://")

    def close(self):
        self.child.kill()
        self.child.wait()

    def ask(self, method, path):
        request = urllib.request.Request(f"{self.endpoint}/-/{path}", method=method)
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.read()

    def reset(self):
        self.ask("DELETE", "counters")

    def counters(self):
        return json.loads(self.ask("GET", "counters"))

    def total(self, bucket):
        """Number and bytes of a bucket's objects."""
        total = json.loads(self.ask("GET", f"total?{bucket}"))
        return total["objects"], total["bytes"]
