"""The check of `deploy/release` that refuses programs for newer systems."""

import subprocess
import tempfile
import unittest
from pathlib import Path

from support import PROGRAMS, ROOT, tool


class Glibc(unittest.TestCase):
    def check(self, newest):
        tool("readelf")
        text = (ROOT / "deploy/release").read_text()
        functions = text[text.index("fail() {") : text.index("# Whether the program of a step")]
        functions += text[text.index("check_glibc() {") : text.index("# Runs a program of an architecture")]
        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder, "check")
            script.write_text(f"set -euo pipefail\nGLIBC={newest}\n{functions}\ncheck_glibc {PROGRAMS / 'flotilla'}\n")
            return subprocess.run(["bash", script], capture_output=True, text=True, check=False)

    def test_a_program_for_newer_systems_is_refused(self):
        self.assertEqual(self.check("99.9").returncode, 0)
        refused = self.check("2.2")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("build on an older system", refused.stderr)


if __name__ == "__main__":
    unittest.main()
