"""Units of systemd, the boot script, the function's script, settings of the kernel."""

import hashlib
import io
import os
import re
import subprocess
import tarfile
import tempfile
import threading
import unittest
from pathlib import Path

from support import ROOT, Folder, run, tool

UNITS = sorted((ROOT / "deploy/systemd").glob("*.service"))
SCRIPTS = [
    "deploy/lambda/bootstrap",
    "deploy/release",
    "terraform/modules/fleet/install.sh",
    "tests/deploy/graviton",
    "tests/deploy/image",
    "tests/deploy/run",
]


class Units(unittest.TestCase):
    def installed(self, folder):
        """The units with programs that this machine has."""
        for unit in UNITS:
            text = re.sub(r"^ExecStart=\w+", "ExecStart=/bin/true", unit.read_text(), flags=re.M)
            text = re.sub(r"^Documentation=.*\n", "", text, flags=re.M)
            path = Path(folder, unit.name)
            path.write_text(text)
            yield path

    def test_units_are_valid(self):
        analyze = tool("systemd-analyze")
        with tempfile.TemporaryDirectory() as folder:
            for path in self.installed(folder):
                said = subprocess.run([analyze, "verify", path], capture_output=True, text=True, check=False)
                # Other units of the machine may be broken.
                self.assertNotIn("flotilla", said.stderr + said.stdout)

    def test_units_are_hardened(self):
        analyze = tool("systemd-analyze")
        with tempfile.TemporaryDirectory() as folder:
            for path in self.installed(folder):
                # 2.0 of 10: a program that only uses the network and its state folder.
                run(analyze, "security", "--offline=true", "--threshold=20", path)

    def test_a_worker_may_drain_and_inform_its_group(self):
        worker = (ROOT / "deploy/systemd/flotilla-worker.service").read_text()
        drain = re.search(r'drain\s*= optional\(string, "(\d+)s"\)', (ROOT / "terraform/variables.tf").read_text())
        self.assertGreaterEqual(int(re.search(r"TimeoutStopSec=(\d+)", worker)[1]), int(drain[1]) + 30)

    def test_settings_of_the_kernel_have_a_value_each(self):
        lines = (ROOT / "deploy/sysctl/90-flotilla.conf").read_text().splitlines()
        for line in lines:
            if not line.startswith("#"):
                self.assertRegex(line, r"^[a-z0-9_.]+ = [a-z0-9 ]+$")
                name = line.split(" = ")[0]
                # In a container, the host's settings are not all there.
                if Path("/proc/sys/net/core/rmem_max").exists():
                    self.assertTrue(Path("/proc/sys", name.replace(".", "/")).exists(), name)

    def test_scripts_pass_shellcheck(self):
        run(tool("shellcheck"), *[script for script in SCRIPTS if Path(ROOT, script).exists()])


class Boot(unittest.TestCase):
    """The boot script, over a server of static files."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        body = io.BytesIO()
        with tarfile.open(fileobj=body, mode="w:gz") as archive:
            def add(name, text, mode=0o644):
                entry = tarfile.TarInfo(f"flotilla-1.0-x86_64/{name}")
                entry.size, entry.mode = len(text), mode
                archive.addfile(entry, io.BytesIO(text))

            add("bin/flotilla", b"flotilla", 0o755)
            for link in ("finder", "worker"):
                entry = tarfile.TarInfo(f"flotilla-1.0-x86_64/bin/{link}")
                entry.type, entry.linkname = tarfile.SYMTYPE, "flotilla"
                archive.addfile(entry)
            for unit in UNITS:
                add(f"systemd/{unit.name}", unit.read_bytes())
            add("sysctl/90-flotilla.conf", (ROOT / "deploy/sysctl/90-flotilla.conf").read_bytes())
        self.archive = body.getvalue()
        self.failures = 0

        def answers(_method, path):
            if self.failures > 0:
                self.failures -= 1
                return None
            return self.archive if path == "/1.0/flotilla-1.0-x86_64.tar.gz" else None

        self.server = Folder(answers)
        self.addCleanup(self.server.close)

    def boot(self, digest=None, code=0):
        return run(
            "bash",
            ROOT / "terraform/modules/fleet/install.sh",
            environment={
                "FLOTILLA_FOLDER": f"{self.server.endpoint}/1.0",
                "FLOTILLA_ARCHIVE": "flotilla-1.0-x86_64.tar.gz",
                "FLOTILLA_SHA256": digest or hashlib.sha256(self.archive).hexdigest(),
                "FLOTILLA_FLEET_FILE": 'name = "photos"',
                "FLOTILLA_UNITS": "flotilla-worker",
                "FLOTILLA_ROOT": self.folder.name,
            },
            code=code,
        )

    def test_a_machine_installs_the_release(self):
        self.boot()
        self.boot()
        self.assertEqual(os.readlink(Path(self.folder.name, "usr/local/bin/worker")), "flotilla")
        self.assertTrue(os.access(Path(self.folder.name, "usr/local/bin/flotilla"), os.X_OK))
        self.assertTrue(Path(self.folder.name, "etc/systemd/system/flotilla-worker.service").exists())
        self.assertEqual(Path(self.folder.name, "etc/flotilla/fleet.toml").read_text(), 'name = "photos"\n')

    def test_a_fetch_that_fails_is_repeated(self):
        self.failures = 2
        self.boot()

    def test_another_file_than_the_released_one_is_refused(self):
        self.boot(digest="0" * 64, code=1)
        self.assertFalse(Path(self.folder.name, "usr").exists())


class Function(unittest.TestCase):
    """The controller's function, over a runtime that invokes it."""

    def invoked(self, code):
        answers, done = [], threading.Event()

        def runtime(method, path):
            if path.endswith("/invocation/next"):
                if answers:
                    done.set()
                    threading.Event().wait(5)
                return b"{}"
            answers.append(path)
            return b"{}"

        server = Runtime(runtime)
        self.addCleanup(server.close)
        with tempfile.TemporaryDirectory() as folder:
            program = Path(folder, "flotilla")
            program.write_text(f'#!/bin/sh\necho "$@" >"{folder}/words"\nexit {code}\n')
            program.chmod(0o755)
            process = subprocess.Popen(
                [ROOT / "deploy/lambda/bootstrap"],
                env={
                    **os.environ,
                    "AWS_LAMBDA_RUNTIME_API": server.endpoint.removeprefix("http://"),
                    "LAMBDA_TASK_ROOT": folder,
                    "FLOTILLA_FLEET_FILE": 'name = "photos"',
                },
                stderr=subprocess.DEVNULL,
            )
            self.addCleanup(process.kill)
            self.assertTrue(done.wait(30), "the function asks for its next invocation")
            process.kill()
            process.wait()
            return answers[0], Path(folder, "words").read_text()

    def test_an_invocation_is_one_pass(self):
        answer, words = self.invoked(0)
        self.assertTrue(answer.endswith("/invocation/id-1/response"), answer)
        self.assertTrue(words.startswith("controller --once --emf "), words)

    def test_a_pass_that_fails_fails_the_invocation(self):
        answer, _ = self.invoked(1)
        self.assertTrue(answer.endswith("/invocation/id-1/error"), answer)


class Runtime(Folder):
    """Answers with the id of an invocation."""

    headers = {"Lambda-Runtime-Aws-Request-Id": "id-1"}


if __name__ == "__main__":
    unittest.main()
