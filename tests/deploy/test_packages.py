"""Packages, built from the programs under test and installed into copies of this system; and the image's steps."""

import os
import platform
import shutil
import subprocess
import tempfile
import tomllib
import unittest
from pathlib import Path

from sandbox import inside
from support import PROGRAMS, ROOT, run, tool

NAMES = ("flotilla", "finder", "worker")
TARGET = f"{platform.machine()}-unknown-linux-gnu"
VERSION = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]

# What an installed package is asked. Units of other packages may be broken.
WORKS = """
flotilla --version
flotilla self-test >/dev/null
worker --version && finder --version
systemd-analyze verify /usr/lib/systemd/system/flotilla-*.service 2>&1 | { grep -i flotilla && exit 1; true; }
test "$(stat -c %U:%a /var/lib/flotilla)" = flotilla:750
test -s /usr/share/man/man1/flotilla-sync.1.gz
bash -n /usr/share/bash-completion/completions/flotilla
test -s /usr/lib/sysctl.d/90-flotilla.conf
"""

# What is left of a removed package: the state, and the user that owns it.
GONE = """
test ! -e /usr/bin/flotilla
test -z "$(ls /usr/lib/systemd/system | grep flotilla)"
test -d /var/lib/flotilla
"""


class Packages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(dir=ROOT / "target")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.target = Path(cls.folder.name)
        place = cls.target / TARGET / "dist"
        place.mkdir(parents=True)
        for name in NAMES:
            run(tool("strip"), "-o", place / name, PROGRAMS / name)
        run("bash", "-c", cls.function("pages"), environment={"own": str(PROGRAMS / "flotilla")})

    @staticmethod
    def function(name):
        """A function of deploy/release, as a script; `own` is the program."""
        text = (ROOT / "deploy/release").read_text()
        body = text[text.index(f"{name}() {{") :]
        body = body[: body.index("\n}\n") + 3]
        lines = [line for line in body.splitlines() if not line.strip().startswith(("local own", "own=", "[[ -x $own"))]
        return "\n".join(["set -euo pipefail", *lines, name])

    def built(self, *words):
        """The package that a program of cargo's makes."""
        tool(f"cargo-{words[0]}")
        out = Path(tempfile.mkdtemp(dir=self.target))
        words = ["cargo", *words, "--profile", "dist", "--target", TARGET, "--output", f"{out}/"]
        run(*words, environment={"CARGO_TARGET_DIR": str(self.target)}, timeout=600)
        [package] = out.iterdir()
        return package

    def test_the_debian_package_is_installed_and_removed(self):
        package = self.built("deb", "--no-build", "--no-strip", "--fast", "--package", "flotilla")
        said = inside(
            package.parent,
            f"dpkg -i /given/{package.name} >/dev/null\n{WORKS}\ndpkg -r flotilla >/dev/null\n{GONE}",
        )
        self.assertIn(f"flotilla {VERSION}", said)

    def test_the_rpm_package_is_installed_and_removed(self):
        tool("rpm")
        package = self.built("generate-rpm", "--package", "cli", "--payload-compress", "none")
        # The database of this system knows no packages that one could depend on.
        said = inside(
            package.parent,
            f"rpm -i --nodeps /given/{package.name}\n{WORKS}\nrpm -e --nodeps flotilla\n{GONE}",
        )
        self.assertIn(f"flotilla {VERSION}", said)


class Image(unittest.TestCase):
    """Each step of the release's image, over this system in the place of its base."""

    def test_the_steps_of_the_image_make_a_program_that_serves(self):
        instructions = self.instructions()
        with tempfile.TemporaryDirectory(dir=ROOT / "target") as folder:
            name = f"flotilla-{VERSION}-{platform.machine()}"
            place = Path(folder, "stage", name, "bin")
            place.mkdir(parents=True)
            for program in NAMES:
                run(tool("strip"), "-o", place / program, PROGRAMS / program)
            shutil.move(place.parent, Path(folder, name))
            variables = f"VERSION={VERSION} SUFFIX={platform.machine()}\n"
            # Packages of the distribution: those of this system stand for them.
            steps = [step.split("&&", 3)[3] if "apt-get" in step else step for step in instructions["RUN"]]
            copied = f"mkdir -p /opt && cp -r /given/{name} /opt/\n"
            served = f"""
            setpriv --reuid {instructions["USER"][0].split(":")[0]} --regid {instructions["USER"][0].split(":")[1]} --clear-groups \
                sh -euc 'flotilla self-test >/dev/null; timeout -s TERM 5 flotilla serve --state /var/lib/flotilla || test $? = 124'
            test -s /var/lib/flotilla/flotilla.db
            """
            inside(folder, "\n".join([variables, steps[0], copied, *steps[1:], served]))

    def instructions(self):
        """The instructions of the image's file, by name."""
        text = (ROOT / "deploy/container/release.Dockerfile").read_text()
        lines = "\n".join(line for line in text.splitlines() if not line.startswith("#")).replace("\\\n", "")
        found = {}
        for line in filter(None, lines.splitlines()):
            name, rest = line.split(" ", 1)
            found.setdefault(name, []).append(rest)
        return found


if __name__ == "__main__":
    unittest.main()
