"""The API of a console that acts with the rights of one role, as people of this role use it."""

import json
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

from support import PROGRAMS


class Console:
    """A console over a fleet, with somebody who is signed in, until it is closed."""

    def __init__(self, fleet, environment):
        self.process = subprocess.Popen(
            [PROGRAMS / "flotilla", "console", "--fleet", fleet, "--listen", "127.0.0.1:0"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        line = next(line for line in self.process.stdout if "/#token=" in line)
        self.address, token = line.split()[-1].split("/#token=")
        self.headers = {}
        answer = self.request("POST", "/login", {"token": token})
        cookie = answer.headers["set-cookie"].split(";")[0]
        self.headers = {"cookie": cookie, "x-flotilla-session": json.load(answer)["session"]}

    def request(self, method, path, body=None, **headers):
        data = None if body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        request = urllib.request.Request(
            f"{self.address}/api/v1{path}",
            data=data,
            method=method,
            headers={"content-type": "application/json", **self.headers, **named},
        )
        return urllib.request.urlopen(request, timeout=120)

    def __call__(self, method, path, body=None, refused=None, **headers):
        """The answer; with `refused`, the code of the error that is expected."""
        try:
            with self.request(method, path, body, **headers) as answer:
                assert refused is None, f"{method} {path} is answered"
                text = answer.read()
                return json.loads(text) if text.strip() and "json" in answer.headers["content-type"] else text
        except urllib.error.HTTPError as error:
            found = json.load(error)
            assert found["code"] == refused, f"{method} {path}: {found}"
            return found

    def version(self, task):
        """The version of a definition, as `If-Match` names it, and the definition."""
        with self.request("GET", f"/tasks/{task}/definition") as answer:
            return answer.headers["etag"], json.load(answer)["definition"]

    def until_ended(self, operation, task):
        deadline = time.monotonic() + 120
        while True:
            found = self("GET", f"/operations/{operation}?{urllib.parse.urlencode({'task': task})}")
            if found["state"] == "done":
                return found
            assert time.monotonic() < deadline, found
            time.sleep(0.2)

    def close(self):
        self.process.terminate()
        self.process.wait(timeout=30)
        self.process.stdout.close()
