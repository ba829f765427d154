"""What is released: licences and sources of the parts, packages, archives."""

import json
import os
import re
import subprocess
import tempfile
import tomllib
import unittest
import zipfile
from pathlib import Path

from support import PROGRAMS, ROOT, run, tool

TARGETS = ("x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu")


def parts(target):
    """The packages that programs of a target are made of."""
    said = run("cargo", "metadata", "--format-version", "1", "--locked", "--filter-platform", target)
    found = json.loads(said)
    used = {node["id"] for node in found["resolve"]["nodes"]}
    return [package for package in found["packages"] if package["id"] in used]


def is_allowed(expression, allowed):
    """Whether an expression of SPDX can be met by allowed licences alone."""
    text = expression.replace("/", " OR ")
    words = re.findall(r"\(|\)|AND|OR|[\w.+-]+(?: WITH [\w.+-]+)?", text)
    code = {"(": "(", ")": ")", "AND": " and ", "OR": " or "}
    return eval("".join(code.get(word, str(word in allowed)) for word in words))  # noqa: S307 # Words of a fixed list.


class Parts(unittest.TestCase):
    def test_licences_bans_and_sources_are_those_allowed(self):
        deny = tomllib.loads((ROOT / "deny.toml").read_text())
        allowed = set(deny["licenses"]["allow"])
        banned = {one["crate"] for one in deny["bans"]["deny"]}
        for target in TARGETS:
            for package in parts(target):
                name = package["name"]
                self.assertTrue(package["license"] and is_allowed(package["license"], allowed), (name, package["license"]))
                self.assertNotIn(name, banned)
                source = package["source"]
                self.assertTrue(source is None or source.startswith("registry+https://github.com/rust-lang/"), source)

    def test_cargo_deny_finds_nothing(self):
        run(tool("cargo-deny"), "--workspace", "check", "licenses", "bans", "sources")

    def test_expressions_are_judged(self):
        self.assertTrue(is_allowed("MIT OR LGPL-2.1-or-later", {"MIT"}))
        self.assertFalse(is_allowed("MIT AND LGPL-2.1-or-later", {"MIT"}))
        self.assertTrue(is_allowed("(MIT OR GPL-3.0) AND Apache-2.0 WITH LLVM-exception", {"MIT", "Apache-2.0 WITH LLVM-exception"}))
        self.assertFalse(is_allowed("GPL-3.0/AGPL-3.0", {"MIT"}))


class Packages(unittest.TestCase):
    def test_files_of_the_packages_exist(self):
        metadata = tomllib.loads((ROOT / "cli/Cargo.toml").read_text())["package"]["metadata"]
        sources = [ROOT / "cli" / source for source, _, _ in metadata["deb"]["assets"]]
        sources += [ROOT / asset["source"] for asset in metadata["generate-rpm"]["assets"]]
        sources += [ROOT / metadata["generate-rpm"][name] for name in ("post_install_script", "pre_uninstall_script", "post_uninstall_script")]
        for source in sources:
            path = Path(os.path.normpath(source))
            if "target" not in path.relative_to(ROOT).parts and "release" not in path.parts:
                self.assertTrue(list(path.parent.glob(path.name)), path)

    def test_both_packages_have_the_same_files(self):
        metadata = tomllib.loads((ROOT / "cli/Cargo.toml").read_text())["package"]["metadata"]
        debian = sorted(os.path.basename(source) for source, _, _ in metadata["deb"]["assets"])
        rpm = [os.path.basename(asset["source"]) for asset in metadata["generate-rpm"]["assets"]]
        # Its maker knows no links: a script makes them, and another one removes them.
        folder = ROOT / "deploy/packages"
        links = re.search(r"for link in (.+); do", (folder / "postinst.rpm.sh").read_text())[1].split()
        for link in links:
            self.assertIn(f"/usr/bin/{link}", (folder / "postrm.rpm.sh").read_text())
        self.assertEqual(debian, sorted(rpm + links))

    def test_scripts_of_the_packages_pass_shellcheck(self):
        folder = ROOT / "deploy/packages"
        run(tool("shellcheck"), "--shell=sh", *(folder / "deb").iterdir(), *folder.glob("*.sh"))


class Archives(unittest.TestCase):
    def test_the_same_files_make_the_same_archive(self):
        with tempfile.TemporaryDirectory() as folder:
            files = Path(folder, "files")
            files.mkdir()
            (files / "bootstrap").write_text("#!/bin/sh\n")
            (files / "flotilla").write_bytes(b"program")
            made = []
            for name in ("one.zip", "two.zip"):
                path = Path(folder, name)
                run("python3", ROOT / "deploy/zip.py", path, files, environment={"SOURCE_DATE_EPOCH": "1700000000"})
                made.append(path.read_bytes())
                os.utime(files / "flotilla", (0, 0))
            self.assertEqual(made[0], made[1])
            with zipfile.ZipFile(Path(folder, "one.zip")) as archive:
                self.assertEqual([one.external_attr >> 16 & 0o111 for one in archive.infolist()], [0o111, 0o111])

    def test_pages_and_completions_come_from_the_program(self):
        with tempfile.TemporaryDirectory() as folder:
            run(PROGRAMS / "flotilla", "man", folder)
            names = {path.name for path in Path(folder).iterdir()}
            self.assertLessEqual({"flotilla.1", "flotilla-task-run.1", "worker.1", "finder.1"}, names)
        script = run(PROGRAMS / "flotilla", "completions", "bash")
        done = subprocess.run(["bash", "-n"], input=script, text=True, check=False)
        self.assertEqual(done.returncode, 0)


if __name__ == "__main__":
    unittest.main()
