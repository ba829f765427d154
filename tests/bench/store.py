"""The simulated store of tests/src/simulator, as a process."""

import json
import subprocess
import urllib.request
from concurrent.futures import ThreadPoolExecutor

from measure import die_with_parent
from namespace import enter, within


class Store:
    """Both sides of a measurement, or one of them. Ends with `close`. With the name of a network namespace it runs there,
    and is asked from there."""

    def __init__(self, program, settings, namespace=None):
        self.asking = ThreadPoolExecutor(1, initializer=enter, initargs=(namespace,)) if namespace else None
        self.child = subprocess.Popen([*(within(namespace) if namespace else []), program, *settings],
                                      stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent)
        self.endpoint = self.child.stdout.readline().strip()
        self.host = self.endpoint.removeprefix("http://")

    def close(self):
        self.child.kill()
        self.child.wait()
        if self.asking:
            self.asking.shutdown()

    def ask(self, method, path):
        return self.asking.submit(self.request, method, path).result() if self.asking else self.request(method, path)

    def request(self, method, path):
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
