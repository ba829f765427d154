"""What the tests of the deployment share: programs, terraform, an emulator."""

import functools
import http.server
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
PROGRAMS = Path(os.environ.get("FLOTILLA_TEST_PROGRAMS", ROOT / "target" / "debug"))


def run(*words, folder=ROOT, environment=None, code=0, timeout=300):
    """Standard output of a program that ends with this code."""
    ended = subprocess.run(
        [str(word) for word in words],
        cwd=folder,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    if ended.returncode != code:
        raise AssertionError(f"{words} ended with {ended.returncode}:\n{ended.stdout}\n{ended.stderr}")
    return ended.stdout


# Programs that come with packages of the system.
OF_THE_SYSTEM = {"dpkg-deb", "promtool", "rpm", "shellcheck", "sqlite3", "systemd-analyze"}


def tool(name):
    """A program of the test's environment, or of this machine. Without it the test is skipped; with --all it fails, but
    for programs of the system's own packages, which not every machine can install."""
    own = BIN / name
    found = str(own) if own.exists() else shutil.which(name)
    if found:
        return found
    if os.environ.get("FLOTILLA_TEST_ALL") and name not in OF_THE_SYSTEM:
        raise AssertionError(f"{name} is not installed")
    raise unittest.SkipTest(f"{name} is not installed")


@functools.cache
def plugins():
    """A folder with providers of terraform; `None`: terraform fetches them."""
    places = [Path(place) for place in os.environ.get("FLOTILLA_TEST_TERRAFORM_PLUGINS", "").split(":") if place]
    places += [Path("/usr/local/share/terraform/plugins"), *Path("/opt").glob("*")]
    return next((place for place in places if (place / "registry.terraform.io/hashicorp/aws").is_dir()), None)


class Terraform:
    """Terraform over a folder, with its own state, beside the sources."""

    def __init__(self, folder, environment=None):
        tool("terraform")
        self.folder = Path(folder)
        self.work = tempfile.TemporaryDirectory(prefix="terraform-")
        self.environment = {
            "TF_CLI_CONFIG_FILE": os.devnull,
            "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1",
            "TF_DATA_DIR": f"{self.work.name}/data",
            **(environment or {}),
        }

    def __call__(self, *words, code=0, timeout=300):
        return run("terraform", *words, folder=self.folder, environment=self.environment, code=code, timeout=timeout)

    def init(self):
        place = [f"-plugin-dir={plugins()}"] if plugins() else []
        self("init", "-backend=false", "-input=false", "-no-color", *place)

    def close(self):
        (self.folder / ".terraform.lock.hcl").unlink(missing_ok=True)
        self.work.cleanup()


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Emulator:
    """moto, until it is closed."""

    def __init__(self):
        self.port = free_port()
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.work = tempfile.TemporaryDirectory()
        self.process = subprocess.Popen(
            [BIN / "moto_server", "-H", "127.0.0.1", "-p", str(self.port)],
            env={
                **os.environ,
                "MOTO_IAM_LOAD_MANAGED_POLICIES": "true",
                "MOTO_RECORDER_FILEPATH": f"{self.work.name}/requests",
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.environment = {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        deadline = time.monotonic() + 60
        while True:
            with socket.socket() as one:
                if one.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError("the emulator does not answer")
            time.sleep(0.1)

    def client(self, service, region="us-east-1"):
        import boto3

        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=region,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def close(self):
        self.process.terminate()
        self.process.wait(timeout=20)
        self.work.cleanup()


class Folder(http.server.ThreadingHTTPServer):
    """Answers by `answers(method, path)`: bytes with `status`, or `None` for 404."""

    daemon_threads = True
    status = 200
    # Of every answer.
    headers = {"X-Aws-Ec2-Metadata-Token-Ttl-Seconds": "21600"}

    def __init__(self, answers):
        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                self.rfile.read(int(self.headers.get("content-length") or 0))
                body = answers(self.command, self.path)
                self.send_response(404 if body is None else self.server.status)
                self.send_header("content-length", str(len(body or b"")))
                for name, value in self.server.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body or b"")

            do_GET = do_PUT = do_POST = answer

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def close(self):
        self.shutdown()
        self.server_close()
