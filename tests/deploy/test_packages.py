"""Packages, built from the programs under test and installed into copies of this system; and the image's steps."""

import os
import platform
import re
import shutil
import subprocess
import tempfile
import tomllib
import unittest
from pathlib import Path

from sandbox import inside
from support import PROGRAMS, ROOT, run, tool

LINKS = ("finder", "worker")
TARGET = f"{platform.machine()}-unknown-linux-gnu"
VERSION = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]

# What an installed package is asked. Units of other packages may be broken.
WORKS = """
flotilla --version
flotilla self-test >/dev/null
test "$(worker --version | cut -d" " -f1) $(finder --version | cut -d" " -f1)" = "worker finder"
systemd-analyze verify /usr/lib/systemd/system/flotilla-*.service 2>&1 | { grep -i flotilla && exit 1; true; }
test "$(stat -c %U:%a /var/lib/flotilla)" = flotilla:750
test -s /usr/share/man/man1/flotilla-sync.1.gz
bash -n /usr/share/bash-completion/completions/flotilla
test -s /usr/lib/sysctl.d/90-flotilla.conf
"""

# Files of the system that a package or its scripts may touch.
LIST = "list() { find /etc /usr /var/lib /opt -path /var/lib/dpkg -prune -o -path /var/lib/rpm -prune -o -print \\\n" \
    "    | grep -v -E '^/etc/(passwd|group|g?shadow|sub[ug]id)-?$|ld.so.cache' | sort; }"

# Words of the workspace's manifest, and older ones.
OLDER = {
    'resolver = "3"': 'resolver = "2"',
    'edition = "2024"': 'edition = "2021"',
    'debug = "line-tables-only"': "debug = 1",
    'strip = "debuginfo"': "strip = true",
}


class Packages(unittest.TestCase):
    """Made by cargo-deb and cargo-generate-rpm from the lists of cli/Cargo.toml, as `deploy/release` makes them."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(dir=ROOT / "target")
        cls.addClassCleanup(cls.folder.cleanup)
        cls.tree = Path(cls.folder.name, "tree")
        cls.target = Path(cls.folder.name, "target")
        copy_sources(cls.tree)
        place = cls.target / TARGET / "dist"
        place.mkdir(parents=True)
        # cargo-generate-rpm knows `--profile` since 0.11.
        (cls.target / TARGET / "release").symlink_to("dist")
        run(tool("strip"), "-o", place / "flotilla", PROGRAMS / "flotilla")
        own = {"own": str(PROGRAMS / "flotilla")}
        run("bash", "-c", release_function("pages"), folder=cls.tree, environment=own)

    def built(self, *words):
        """The package that a program of cargo's makes."""
        made_by = tool(f"cargo-{words[0]}")
        out = Path(tempfile.mkdtemp(dir=self.folder.name))
        words = [made_by, *words, "--target", TARGET, "--output", f"{out}/"]
        run(*words, folder=self.tree, environment={"CARGO_TARGET_DIR": str(self.target)}, timeout=600)
        [package] = out.iterdir()
        return package

    def test_the_debian_package_is_installed_and_removed(self):
        tool("dpkg")
        words = ["--no-build", "--no-strip", "--fast", "--package", "flotilla", "--profile", "dist"]
        package = self.built("deb", *words)
        self.assert_installed(package, "dpkg -i", "dpkg -r", "dpkg -P")

    def test_the_rpm_package_is_installed_and_removed(self):
        tool("rpm")
        package = self.built("generate-rpm", "--package", "cli", "--payload-compress", "none")
        # The database of this system knows no packages that one could depend on.
        self.assert_installed(package, "rpm -i --nodeps", "rpm -e --nodeps", "true")

    def assert_installed(self, package, install, remove, purge):
        """The package works where it is installed. Removed, it leaves what docs/deployment.md names, and no other file."""
        script = [
            LIST,
            "list >/tmp/before",
            f"{install} /given/{package.name} >/dev/null",
            WORKS,
            f"{remove} flotilla >/dev/null",
            f"{purge} flotilla >/dev/null",
            "list >/tmp/after",
            "echo left:",
            "diff /tmp/before /tmp/after | grep '^[<>]' || true",
            "getent passwd flotilla >/dev/null",
        ]
        works, left = inside(package.parent, "\n".join(script)).split("left:\n")
        self.assertIn(f"flotilla {VERSION}", works)
        self.assertEqual(left.split("\n")[:-1], ["> /etc/flotilla", "> /var/lib/flotilla"])


def release_function(name):
    """A function of deploy/release, as a script; `own` is the program."""
    text = (ROOT / "deploy/release").read_text()
    body = text[text.index(f"{name}() {{") :]
    body = body[: body.index("\n}\n") + 3]
    links = "LINKS=(" + " ".join(LINKS) + ")"
    lines = [line for line in body.splitlines() if not line.strip().startswith(("local own", "own=", "[[ -x $own"))]
    return "\n".join(["set -euo pipefail", links, *lines, name])


def copy_sources(tree):
    """What the packages' programs read. The programs that the Python index has do not know the newest words of cargo's
    manifests; no word of those that are replaced says what a package contains."""
    listed = run("git", "ls-files", "--cached", "--others", "--exclude-standard", "--", "*Cargo.toml", "Cargo.lock", "LICENSE", "deploy", "*/src/lib.rs", "cli/src/bin")
    for path in listed.splitlines():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tree / path)
    manifest = tree / "Cargo.toml"
    text = manifest.read_text()
    for newer, older in OLDER.items():
        if newer not in text:
            raise AssertionError(f"Cargo.toml has no {newer}")
        text = text.replace(newer, older)
    manifest.write_text(text)
    # Scripts by their path: since cargo-generate-rpm 0.12.
    manifest = tree / "cli/Cargo.toml"

    def script(found):
        return f"_script = '''{(tree / found[1]).read_text()}'''"

    manifest.write_text(re.sub(r'_script = "(.+)"', script, manifest.read_text()))


class Image(unittest.TestCase):
    """Each step of the release's image, over this system in the place of its base."""

    def test_the_steps_of_the_image_make_a_program_that_serves(self):
        instructions = self.instructions()
        with tempfile.TemporaryDirectory(dir=ROOT / "target") as folder:
            name = f"flotilla-{VERSION}-{platform.machine()}"
            place = Path(folder, "stage", name, "bin")
            place.mkdir(parents=True)
            run(tool("strip"), "-o", place / "flotilla", PROGRAMS / "flotilla")
            for link in LINKS:
                (place / link).symlink_to("flotilla")
            shutil.move(place.parent, Path(folder, name))
            variables = f"VERSION={VERSION} SUFFIX={platform.machine()}\n"
            # Packages of the distribution: those of this system stand for them.
            steps = [step.split("&&", 3)[3] if "apt-get" in step else step for step in instructions["RUN"]]
            copied = f"mkdir -p /opt && cp -r /given/{name} /opt/\n"
            served = f"""
            worker --version && finder --version
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
